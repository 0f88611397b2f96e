ALTER TABLE gateway_providers ADD COLUMN client_certificate_sealed bytea NULL;
ALTER TABLE gateway_providers ADD COLUMN client_certificate text NULL;
