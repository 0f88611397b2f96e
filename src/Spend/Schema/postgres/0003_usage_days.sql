-- What rows of the ledger that are gone came to, by day and by everything that usage is asked for by. The cell is those parts in one
-- text. A row is removed in the transaction that adds it here, so usage is the rows and these sums together at any moment.
CREATE TABLE spend_usage_days (
  workspace_id text COLLATE "C" NOT NULL,
  day integer NOT NULL,
  cell text COLLATE "C" NOT NULL,
  crew_id text COLLATE "C" NULL,
  key_id text COLLATE "C" NULL,
  lineage_id text COLLATE "C" NULL,
  user_id text COLLATE "C" NULL,
  model text COLLATE "C" NOT NULL,
  provider_id text COLLATE "C" NULL,
  provenance text NOT NULL,
  status integer NOT NULL,
  outcome text NOT NULL,
  requests bigint NOT NULL,
  begun_requests bigint NOT NULL,
  attempts bigint NOT NULL,
  input_tokens bigint NOT NULL,
  cache_read_tokens bigint NOT NULL,
  cache_write_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  PRIMARY KEY (workspace_id, day, cell)
);
SELECT storage_secure('spend_usage_days', 'workspace');
REVOKE INSERT, UPDATE, DELETE ON spend_usage_days FROM {app};
