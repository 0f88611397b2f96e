-- Keys that follow a person are found by that person.
CREATE INDEX keys_api_keys_person ON keys_api_keys (user_id);
