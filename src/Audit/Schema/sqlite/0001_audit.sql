-- One row per audit record. It only grows, until its retention is over. The position is given by the one writer, above the
-- sequencer's, so it is the commit order and none is given twice. Which log a row belongs to is told by its owners: a
-- workspace's, an organization's (no workspace), the installation's (neither).
CREATE TABLE audit_records (
  position INTEGER NOT NULL PRIMARY KEY,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  organization_id TEXT NULL,
  workspace_id TEXT NULL,
  event_type TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NULL,
  actor_type TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_last4 TEXT NULL,
  resource_type TEXT NULL,
  resource_id TEXT NULL,
  resource_name TEXT NULL,
  crew_id TEXT NULL,
  request_id TEXT NULL,
  status INTEGER NULL,
  key_id TEXT NULL,
  changes TEXT NULL,
  commitments BLOB NOT NULL,
  personal BLOB NULL,
  ip_hash TEXT NULL
);
-- Lists, newest first, and one record by its id (an id tells its time). The first three are all that the record of a
-- request touches; the partial ones below leave it out.
CREATE INDEX audit_records_workspace ON audit_records (workspace_id, at);
-- Filter key_id, and actor_id where the actor is a key.
CREATE INDEX audit_records_key ON audit_records (key_id, at) WHERE key_id IS NOT NULL;
-- Filter request_id. Request ids rise with time, so this index grows at its end only.
CREATE INDEX audit_records_request ON audit_records (request_id) WHERE request_id IS NOT NULL;
-- Filter actor_id for people and all others that are no key.
CREATE INDEX audit_records_actor ON audit_records (actor_id, at) WHERE actor_type <> 'api_key';
-- Filter event_type: the few changes among very many uses.
CREATE INDEX audit_records_change ON audit_records (workspace_id, at) WHERE event_type NOT IN ('api_key.used', 'token.used');
-- Filter resource_id: the history of one thing.
CREATE INDEX audit_records_resource ON audit_records (resource_id, at)
  WHERE event_type NOT IN ('api_key.used', 'token.used');
-- Lists of an organization's and of the installation's own log.
CREATE INDEX audit_records_above ON audit_records (organization_id, at) WHERE workspace_id IS NULL;

-- The leaf of each record, in commit order within its log. Leaves outlive their records: they are the log's proof.
CREATE TABLE audit_leaves (
  log_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  record_id TEXT NOT NULL,
  leaf_hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (log_id, sequence)
) WITHOUT ROWID;
-- The sequence of a record, and the wall against giving one record two.
CREATE UNIQUE INDEX audit_leaves_record ON audit_leaves (record_id);

-- Up to where the sequencer has come.
CREATE TABLE audit_sequencer (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  position INTEGER NOT NULL
);
INSERT INTO audit_sequencer (id, position) VALUES (1, 0);
