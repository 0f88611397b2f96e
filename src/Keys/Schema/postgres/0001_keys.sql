CREATE TABLE keys_api_keys (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  organization_id text COLLATE "C" NOT NULL,
  lineage_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  prefix text NOT NULL,
  last4 text NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  hash_sealed bytea NOT NULL,
  kind text NOT NULL,
  account boolean NOT NULL,
  mode text NULL,
  environment text NULL,
  crew_id text COLLATE "C" NULL,
  parent_lineage_id text COLLATE "C" NULL,
  user_id text COLLATE "C" NULL,
  created_by text NOT NULL,
  permissions text NOT NULL,
  allowed_ips text NOT NULL,
  allowed_models text NULL,
  rate_limit_per_minute integer NULL,
  expires_at bigint NULL,
  revoked_at bigint NULL,
  rolled_to_id text COLLATE "C" NULL,
  overlap_ends_at bigint NULL,
  last_used_at bigint NULL,
  last_used_ip_sealed bytea NULL,
  created_at bigint NOT NULL,
  version bigint NOT NULL
);
CREATE UNIQUE INDEX keys_api_keys_fingerprint ON keys_api_keys (fingerprint);
CREATE INDEX keys_api_keys_workspace ON keys_api_keys (workspace_id, id);
CREATE INDEX keys_api_keys_lineage ON keys_api_keys (lineage_id);
CREATE INDEX keys_api_keys_parent ON keys_api_keys (parent_lineage_id);

CREATE TABLE keys_usage (
  workspace_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  day integer NOT NULL,
  endpoint text NOT NULL,
  status integer NOT NULL,
  ip_hash text NOT NULL,
  ip_sealed bytea NULL,
  requests bigint NOT NULL,
  last_at bigint NOT NULL,
  PRIMARY KEY (key_id, day, endpoint, status, ip_hash)
);
CREATE INDEX keys_usage_day ON keys_usage (day);

SELECT storage_secure('keys_api_keys', 'workspace');
SELECT storage_secure('keys_usage', 'workspace');
