-- What somebody should look at. Names ids and audit records, never an address, a secret or content.
CREATE TABLE audit_alerts (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  severity text NOT NULL,
  title text NULL,
  subject_type text NULL,
  subject_id text COLLATE "C" NULL,
  country text NULL,
  record_ids text NOT NULL,
  count bigint NOT NULL,
  first_at bigint NOT NULL,
  last_at bigint NOT NULL,
  mail_state text NOT NULL,
  mail_attempts integer NOT NULL,
  mail_next_at bigint NOT NULL,
  mailed_at bigint NULL,
  raised_by text NOT NULL,
  acknowledged_at bigint NULL,
  acknowledged_by text NULL,
  note text NULL,
  version bigint NOT NULL
);
CREATE INDEX audit_alerts_workspace ON audit_alerts (workspace_id, id);
CREATE INDEX audit_alerts_subject ON audit_alerts (workspace_id, kind, subject_id);
CREATE INDEX audit_alerts_mail ON audit_alerts (mail_state, mail_next_at);

-- What workspaces have changed about kinds of alerts.
CREATE TABLE audit_alert_rules (
  workspace_id text COLLATE "C" NOT NULL,
  organization_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  enabled boolean NOT NULL,
  threshold integer NULL,
  window_minutes integer NULL,
  muted_until bigint NULL,
  recipients_sealed bytea NULL,
  version bigint NOT NULL,
  PRIMARY KEY (workspace_id, kind)
);

-- Where people have signed in from: keyed hashes of countries or networks.
CREATE TABLE audit_places (
  workspace_id text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  place_hash text COLLATE "C" NOT NULL,
  first_at bigint NOT NULL,
  last_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, subject_id, place_hash)
);
CREATE INDEX audit_places_last ON audit_places (last_at);

-- Up to where alerts have read the log, as the sequencer's mark. What was recorded before this version raises none.
CREATE TABLE audit_alert_mark (
  id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
  xid xid8 NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  at bigint NOT NULL
);
INSERT INTO audit_alert_mark (id, xid, record_id, at)
  VALUES (1, pg_snapshot_xmin(pg_current_snapshot()), '', (extract(epoch FROM now()) * 1000)::bigint);
-- The few records that are no use of a key, in their order.
CREATE INDEX audit_records_telling ON audit_records (xid, id) WHERE event_type NOT IN ('api_key.used', 'token.used');

SELECT storage_secure('audit_alerts', 'workspace');
SELECT storage_secure('audit_alert_rules', 'workspace');
SELECT storage_secure('audit_places', 'workspace');
SELECT storage_secure('audit_alert_mark', 'installation');
