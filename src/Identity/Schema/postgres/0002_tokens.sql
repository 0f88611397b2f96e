-- The keys that sign access tokens. The number as primary key lets one of several nodes make the next.
CREATE TABLE identity_signing_keys (
  number integer NOT NULL PRIMARY KEY,
  key_id text COLLATE "C" NOT NULL,
  public_key bytea NOT NULL,
  private_key_sealed bytea NOT NULL,
  active_at bigint NOT NULL,
  created_at bigint NOT NULL
);
CREATE UNIQUE INDEX identity_signing_keys_key_id ON identity_signing_keys (key_id);

-- Families of refresh tokens. Of the tokens only the hash of the latest is kept.
CREATE TABLE identity_token_families (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  lineage_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NULL,
  subject text NOT NULL,
  permissions text NOT NULL,
  crew_id text COLLATE "C" NULL,
  expires_in_seconds integer NOT NULL,
  number bigint NOT NULL,
  latest_hash text COLLATE "C" NOT NULL,
  refreshed_at bigint NOT NULL,
  created_at bigint NOT NULL,
  ends_at bigint NOT NULL,
  revoked_at bigint NULL,
  revoked_reason text NULL
);
CREATE INDEX identity_token_families_workspace ON identity_token_families (workspace_id, id);
CREATE INDEX identity_token_families_end ON identity_token_families (ends_at);

SELECT storage_secure('identity_signing_keys', 'installation');
SELECT storage_secure('identity_token_families', 'workspace');
