ALTER TABLE keys_api_keys ADD COLUMN allowed_regions text NULL;
ALTER TABLE keys_api_keys ADD COLUMN tokens_per_minute integer NULL;
ALTER TABLE keys_api_keys ADD COLUMN concurrent_streams integer NULL;
ALTER TABLE keys_api_keys ADD COLUMN zero_logging boolean NOT NULL DEFAULT false;
