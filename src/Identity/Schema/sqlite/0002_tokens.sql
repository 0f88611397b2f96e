-- The keys that sign access tokens. The number as primary key lets one of several nodes make the next.
CREATE TABLE identity_signing_keys (
  number INTEGER NOT NULL PRIMARY KEY,
  key_id TEXT NOT NULL,
  public_key BLOB NOT NULL,
  private_key_sealed BLOB NOT NULL,
  active_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX identity_signing_keys_key_id ON identity_signing_keys (key_id);

-- Families of refresh tokens. Of the tokens only the hash of the latest is kept.
CREATE TABLE identity_token_families (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  lineage_id TEXT NOT NULL,
  user_id TEXT NULL,
  subject TEXT NOT NULL,
  permissions TEXT NOT NULL,
  crew_id TEXT NULL,
  expires_in_seconds INTEGER NOT NULL,
  number INTEGER NOT NULL,
  latest_hash TEXT NOT NULL,
  refreshed_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  revoked_at INTEGER NULL,
  revoked_reason TEXT NULL
);
CREATE INDEX identity_token_families_workspace ON identity_token_families (workspace_id, id);
CREATE INDEX identity_token_families_end ON identity_token_families (ends_at);
