ALTER TABLE gateway_providers ADD COLUMN cancel_margin_tokens integer NULL;
