ALTER TABLE gateway_providers ADD COLUMN api_version TEXT NULL;
