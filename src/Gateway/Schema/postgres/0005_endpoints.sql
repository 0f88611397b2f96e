ALTER TABLE gateway_providers ADD COLUMN endpoints text NULL;
