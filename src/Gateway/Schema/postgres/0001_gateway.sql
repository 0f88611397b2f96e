CREATE TABLE gateway_providers (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NULL,
  name text NOT NULL,
  kind text NOT NULL,
  base_url text NOT NULL,
  credential_sealed bytea NULL,
  key_last4 text NULL,
  shared_with text NULL,
  timeouts text NOT NULL,
  cancel_stops_billing boolean NOT NULL,
  data_policy text NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version bigint NOT NULL
);
CREATE INDEX gateway_providers_owner ON gateway_providers (organization_id, workspace_id, id);

-- A model's id is unique within its owner: a workspace, or the organization where workspace_id is null.
CREATE TABLE gateway_models (
  owner_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NULL,
  targets text NOT NULL,
  input_nano bigint NULL,
  output_nano bigint NULL,
  cache_read_nano bigint NULL,
  cache_write_nano bigint NULL,
  context_window integer NULL,
  max_output_tokens integer NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (owner_id, id)
);
CREATE INDEX gateway_models_organization ON gateway_models (organization_id, workspace_id, id);

SELECT storage_secure('gateway_providers', 'shared');
SELECT storage_secure('gateway_models', 'shared');
