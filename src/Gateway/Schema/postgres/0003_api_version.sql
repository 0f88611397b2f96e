ALTER TABLE gateway_providers ADD COLUMN api_version text NULL;
