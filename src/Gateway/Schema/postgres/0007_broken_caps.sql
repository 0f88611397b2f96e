ALTER TABLE gateway_providers ADD COLUMN broken_caps text NULL;
