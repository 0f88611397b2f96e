-- Sound and pictures, which are in no other class, and the units by which some models bill.
ALTER TABLE spend_attempts ADD COLUMN audio_input_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_attempts ADD COLUMN audio_output_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_attempts ADD COLUMN image_input_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_attempts ADD COLUMN image_output_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_attempts ADD COLUMN images bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_attempts ADD COLUMN audio_seconds bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_attempts ADD COLUMN characters bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_usage_days ADD COLUMN audio_input_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_usage_days ADD COLUMN audio_output_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_usage_days ADD COLUMN image_input_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_usage_days ADD COLUMN image_output_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_usage_days ADD COLUMN images bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_usage_days ADD COLUMN audio_seconds bigint NOT NULL DEFAULT 0;
ALTER TABLE spend_usage_days ADD COLUMN characters bigint NOT NULL DEFAULT 0;
