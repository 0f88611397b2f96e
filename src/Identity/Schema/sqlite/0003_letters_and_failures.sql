CREATE TABLE identity_letters (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  user_id TEXT NULL,
  address_hash TEXT NOT NULL,
  content_sealed BLOB NOT NULL,
  attempts INTEGER NOT NULL,
  due_at INTEGER NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX identity_letters_due ON identity_letters (due_at);
CREATE INDEX identity_letters_expiry ON identity_letters (expires_at);

ALTER TABLE identity_invitations ADD COLUMN mail_due_at INTEGER NULL;
CREATE INDEX identity_invitations_mail ON identity_invitations (mail_due_at);

CREATE TABLE identity_failures (
  counted TEXT NOT NULL PRIMARY KEY,
  failures INTEGER NOT NULL,
  since INTEGER NOT NULL
);
CREATE INDEX identity_failures_since ON identity_failures (since);
