-- What somebody should look at. Names ids and audit records, never an address, a secret or content.
CREATE TABLE audit_alerts (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  title TEXT NULL,
  subject_type TEXT NULL,
  subject_id TEXT NULL,
  country TEXT NULL,
  record_ids TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  mail_state TEXT NOT NULL,
  mail_attempts INTEGER NOT NULL,
  mail_next_at INTEGER NOT NULL,
  mailed_at INTEGER NULL,
  raised_by TEXT NOT NULL,
  acknowledged_at INTEGER NULL,
  acknowledged_by TEXT NULL,
  note TEXT NULL,
  version INTEGER NOT NULL
);
CREATE INDEX audit_alerts_workspace ON audit_alerts (workspace_id, id);
CREATE INDEX audit_alerts_subject ON audit_alerts (workspace_id, kind, subject_id);
CREATE INDEX audit_alerts_mail ON audit_alerts (mail_state, mail_next_at);

-- What workspaces have changed about kinds of alerts.
CREATE TABLE audit_alert_rules (
  workspace_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  threshold INTEGER NULL,
  window_minutes INTEGER NULL,
  muted_until INTEGER NULL,
  recipients_sealed BLOB NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, kind)
);

-- Where people have signed in from: keyed hashes of countries or networks.
CREATE TABLE audit_places (
  workspace_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  place_hash TEXT NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, subject_id, place_hash)
);
CREATE INDEX audit_places_last ON audit_places (last_at);

-- Up to where alerts have read the log. What was recorded before this version raises none.
CREATE TABLE audit_alert_mark (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  position INTEGER NOT NULL
);
INSERT INTO audit_alert_mark (id, position) SELECT 1, coalesce(max(position), 0) FROM audit_records;
-- The few records that are no use of a key, in their order.
CREATE INDEX audit_records_telling ON audit_records (position) WHERE event_type NOT IN ('api_key.used', 'token.used');
