-- One row per audit record. It only grows, until its retention is over. The transaction id together with the record's id is the
-- order that the sequencer follows: below the oldest running transaction nothing can appear any more. Which log a row belongs
-- to is told by its owners: a workspace's, an organization's (no workspace), the installation's (neither).
CREATE TABLE audit_records (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  id text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  organization_id text COLLATE "C" NULL,
  workspace_id text COLLATE "C" NULL,
  event_type text COLLATE "C" NOT NULL,
  outcome text NOT NULL,
  reason text NULL,
  actor_type text NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  actor_last4 text NULL,
  resource_type text NULL,
  resource_id text COLLATE "C" NULL,
  resource_name text NULL,
  crew_id text COLLATE "C" NULL,
  request_id text COLLATE "C" NULL,
  status bigint NULL,
  key_id text COLLATE "C" NULL,
  changes text NULL,
  commitments bytea NOT NULL,
  personal bytea NULL,
  ip_hash text COLLATE "C" NULL
) PARTITION BY RANGE (at);
-- Takes what no day partition covers, so that a clock or a missed upkeep never stops the log.
CREATE TABLE audit_records_rest PARTITION OF audit_records DEFAULT;

-- The order of the sequencer.
CREATE INDEX audit_records_xid ON audit_records (xid, id);
-- Lists, newest first, and one record by its id (an id tells its time). These first four are all that the record of a
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
SELECT storage_secure('audit_records', 'append');
SELECT storage_partitions('audit_records', 7);

-- The leaf of each record, in commit order within its log. Leaves outlive their records: they are the log's proof.
CREATE TABLE audit_leaves (
  log_id text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  leaf_hash bytea NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (log_id, sequence)
);
-- The sequence of a record, and the wall against giving one record two.
CREATE UNIQUE INDEX audit_leaves_record ON audit_leaves (record_id);
SELECT storage_secure('audit_leaves', 'installation');
-- Tenants read the leaves of their own logs; only the sequencer writes any.
CREATE POLICY app_read ON audit_leaves FOR SELECT TO {app} USING (
  log_id = NULLIF(current_setting('crew.workspace', true), '') OR log_id = NULLIF(current_setting('crew.organization', true), ''));
GRANT SELECT ON audit_leaves TO {app};

-- Up to where the sequencer has come: the order's two parts, and the latest time seen, by which old partitions are left out.
CREATE TABLE audit_sequencer (
  id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
  xid xid8 NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  at bigint NOT NULL
);
INSERT INTO audit_sequencer (id, xid, record_id, at) VALUES (1, '0', '', 0);
SELECT storage_secure('audit_sequencer', 'installation');

-- Removes day partitions whose last record was made before the given time. It runs as the owner, because the system role owns
-- no table; the caller makes sure that every record of those days has its leaf.
CREATE FUNCTION audit_drop_days(before_ms bigint) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  part record;
  dropped int := 0;
BEGIN
  FOR part IN
    SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'audit_records'::regclass AND c.relname ~ '^audit_records_[0-9]{8}$'
      AND extract(epoch FROM (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC') * 1000 <= before_ms
  LOOP
    EXECUTE format('DROP TABLE %I', part.name);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION audit_drop_days(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_drop_days(bigint) TO {system};
