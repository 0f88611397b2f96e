ALTER TABLE gateway_providers ADD COLUMN endpoints TEXT NULL;
