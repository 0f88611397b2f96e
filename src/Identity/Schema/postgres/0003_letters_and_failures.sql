CREATE TABLE identity_letters (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  kind text NOT NULL,
  user_id text COLLATE "C" NULL,
  address_hash text COLLATE "C" NOT NULL,
  content_sealed bytea NOT NULL,
  attempts integer NOT NULL,
  due_at bigint NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX identity_letters_due ON identity_letters (due_at);
CREATE INDEX identity_letters_expiry ON identity_letters (expires_at);

ALTER TABLE identity_invitations ADD COLUMN mail_due_at bigint NULL;
CREATE INDEX identity_invitations_mail ON identity_invitations (mail_due_at);

CREATE TABLE identity_failures (
  counted text COLLATE "C" NOT NULL PRIMARY KEY,
  failures integer NOT NULL,
  since bigint NOT NULL
);
CREATE INDEX identity_failures_since ON identity_failures (since);

SELECT storage_secure('identity_letters', 'installation');
SELECT storage_secure('identity_failures', 'installation');
