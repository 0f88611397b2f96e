ALTER TABLE keys_api_keys ADD COLUMN allowed_regions TEXT NULL;
ALTER TABLE keys_api_keys ADD COLUMN tokens_per_minute INTEGER NULL;
ALTER TABLE keys_api_keys ADD COLUMN concurrent_streams INTEGER NULL;
ALTER TABLE keys_api_keys ADD COLUMN zero_logging INTEGER NOT NULL DEFAULT 0;
