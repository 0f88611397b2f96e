-- What a model's price says beside the four prices of tokens, as JSON; and the most tokens that one image of a prompt is.
ALTER TABLE gateway_models ADD COLUMN prices_more TEXT NULL;
ALTER TABLE gateway_models ADD COLUMN max_image_tokens INTEGER NULL;
