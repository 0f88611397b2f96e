CREATE TABLE gateway_providers (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  base_url TEXT NOT NULL,
  credential_sealed BLOB NULL,
  key_last4 TEXT NULL,
  shared_with TEXT NULL,
  timeouts TEXT NOT NULL,
  cancel_stops_billing INTEGER NOT NULL,
  data_policy TEXT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);
CREATE INDEX gateway_providers_owner ON gateway_providers (organization_id, workspace_id, id);

-- A model's id is unique within its owner: a workspace, or the organization where workspace_id is null.
CREATE TABLE gateway_models (
  owner_id TEXT NOT NULL,
  id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NULL,
  targets TEXT NOT NULL,
  input_nano INTEGER NULL,
  output_nano INTEGER NULL,
  cache_read_nano INTEGER NULL,
  cache_write_nano INTEGER NULL,
  context_window INTEGER NULL,
  max_output_tokens INTEGER NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (owner_id, id)
);
CREATE INDEX gateway_models_organization ON gateway_models (organization_id, workspace_id, id);
