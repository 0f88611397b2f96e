CREATE TABLE identity_accounts (
  user_id text COLLATE "C" NOT NULL PRIMARY KEY,
  password_hash text NULL,
  password_changed_at bigint NULL,
  totp_sealed bytea NULL,
  totp_step bigint NOT NULL,
  recovery_hashes text NOT NULL,
  mfa_due_at bigint NULL,
  created_at bigint NOT NULL,
  version bigint NOT NULL
);

CREATE TABLE identity_passkeys (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL,
  credential_id text COLLATE "C" NOT NULL,
  public_key bytea NOT NULL,
  name text NOT NULL,
  sign_count bigint NOT NULL,
  transports text NOT NULL,
  is_user_verified boolean NOT NULL,
  is_backup_eligible boolean NOT NULL,
  is_backed_up boolean NOT NULL,
  attestation_object bytea NOT NULL,
  client_data_json bytea NOT NULL,
  created_at bigint NOT NULL,
  last_used_at bigint NULL
);
CREATE UNIQUE INDEX identity_passkeys_credential ON identity_passkeys (credential_id);
CREATE INDEX identity_passkeys_user ON identity_passkeys (user_id);

CREATE TABLE identity_sessions (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL,
  token_hash text COLLATE "C" NOT NULL,
  methods text NOT NULL,
  created_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  proved_at bigint NOT NULL,
  ip_sealed bytea NOT NULL,
  agent_sealed bytea NULL,
  revoked_at bigint NULL
);
CREATE UNIQUE INDEX identity_sessions_token ON identity_sessions (token_hash);
CREATE INDEX identity_sessions_user ON identity_sessions (user_id);
CREATE INDEX identity_sessions_expiry ON identity_sessions (expires_at);

CREATE TABLE identity_tickets (
  token_hash text COLLATE "C" NOT NULL PRIMARY KEY,
  kind text NOT NULL,
  user_id text COLLATE "C" NULL,
  payload_sealed bytea NULL,
  by_mail boolean NOT NULL,
  failures integer NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  used_at bigint NULL
);
CREATE INDEX identity_tickets_user ON identity_tickets (user_id);
CREATE INDEX identity_tickets_expiry ON identity_tickets (expires_at);

CREATE TABLE identity_invitations (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NULL,
  email_sealed bytea NOT NULL,
  email_hash text NOT NULL,
  role text NOT NULL,
  environments text NULL,
  content_access boolean NOT NULL,
  token_hash text COLLATE "C" NOT NULL,
  by_mail boolean NOT NULL,
  invited_by text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  accepted_at bigint NULL,
  revoked_at bigint NULL,
  version bigint NOT NULL
);
CREATE UNIQUE INDEX identity_invitations_token ON identity_invitations (token_hash);
CREATE INDEX identity_invitations_workspace ON identity_invitations (organization_id, workspace_id, id);

SELECT storage_secure('identity_accounts', 'installation');
SELECT storage_secure('identity_passkeys', 'installation');
SELECT storage_secure('identity_sessions', 'installation');
SELECT storage_secure('identity_tickets', 'installation');
SELECT storage_secure('identity_invitations', 'shared');
