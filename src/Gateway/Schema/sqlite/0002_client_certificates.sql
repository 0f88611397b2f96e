ALTER TABLE gateway_providers ADD COLUMN client_certificate_sealed BLOB NULL;
ALTER TABLE gateway_providers ADD COLUMN client_certificate TEXT NULL;
