CREATE TABLE keys_api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  workspace_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  lineage_id TEXT NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  last4 TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  hash_sealed BLOB NOT NULL,
  kind TEXT NOT NULL,
  account INTEGER NOT NULL,
  mode TEXT NULL,
  environment TEXT NULL,
  crew_id TEXT NULL,
  parent_lineage_id TEXT NULL,
  user_id TEXT NULL,
  created_by TEXT NOT NULL,
  permissions TEXT NOT NULL,
  allowed_ips TEXT NOT NULL,
  allowed_models TEXT NULL,
  rate_limit_per_minute INTEGER NULL,
  expires_at INTEGER NULL,
  revoked_at INTEGER NULL,
  rolled_to_id TEXT NULL,
  overlap_ends_at INTEGER NULL,
  last_used_at INTEGER NULL,
  last_used_ip_sealed BLOB NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);
CREATE UNIQUE INDEX keys_api_keys_fingerprint ON keys_api_keys (fingerprint);
CREATE INDEX keys_api_keys_workspace ON keys_api_keys (workspace_id, id);
CREATE INDEX keys_api_keys_lineage ON keys_api_keys (lineage_id);
CREATE INDEX keys_api_keys_parent ON keys_api_keys (parent_lineage_id);

CREATE TABLE keys_usage (
  workspace_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  status INTEGER NOT NULL,
  ip_hash TEXT NOT NULL,
  ip_sealed BLOB NULL,
  requests INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (key_id, day, endpoint, status, ip_hash)
);
CREATE INDEX keys_usage_day ON keys_usage (day);
