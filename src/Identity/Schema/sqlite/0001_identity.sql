CREATE TABLE identity_accounts (
  user_id TEXT NOT NULL PRIMARY KEY,
  password_hash TEXT NULL,
  password_changed_at INTEGER NULL,
  totp_sealed BLOB NULL,
  totp_step INTEGER NOT NULL,
  recovery_hashes TEXT NOT NULL,
  mfa_due_at INTEGER NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);

CREATE TABLE identity_passkeys (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL,
  credential_id TEXT NOT NULL,
  public_key BLOB NOT NULL,
  name TEXT NOT NULL,
  sign_count INTEGER NOT NULL,
  transports TEXT NOT NULL,
  is_user_verified INTEGER NOT NULL,
  is_backup_eligible INTEGER NOT NULL,
  is_backed_up INTEGER NOT NULL,
  attestation_object BLOB NOT NULL,
  client_data_json BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NULL
);
CREATE UNIQUE INDEX identity_passkeys_credential ON identity_passkeys (credential_id);
CREATE INDEX identity_passkeys_user ON identity_passkeys (user_id);

CREATE TABLE identity_sessions (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  methods TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  proved_at INTEGER NOT NULL,
  ip_sealed BLOB NOT NULL,
  agent_sealed BLOB NULL,
  revoked_at INTEGER NULL
);
CREATE UNIQUE INDEX identity_sessions_token ON identity_sessions (token_hash);
CREATE INDEX identity_sessions_user ON identity_sessions (user_id);
CREATE INDEX identity_sessions_expiry ON identity_sessions (expires_at);

CREATE TABLE identity_tickets (
  token_hash TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  user_id TEXT NULL,
  payload_sealed BLOB NULL,
  by_mail INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER NULL
);
CREATE INDEX identity_tickets_user ON identity_tickets (user_id);
CREATE INDEX identity_tickets_expiry ON identity_tickets (expires_at);

CREATE TABLE identity_invitations (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NULL,
  email_sealed BLOB NOT NULL,
  email_hash TEXT NOT NULL,
  role TEXT NOT NULL,
  environments TEXT NULL,
  content_access INTEGER NOT NULL,
  token_hash TEXT NOT NULL,
  by_mail INTEGER NOT NULL,
  invited_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  accepted_at INTEGER NULL,
  revoked_at INTEGER NULL,
  version INTEGER NOT NULL
);
CREATE UNIQUE INDEX identity_invitations_token ON identity_invitations (token_hash);
CREATE INDEX identity_invitations_workspace ON identity_invitations (organization_id, workspace_id, id);

