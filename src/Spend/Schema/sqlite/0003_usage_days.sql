-- What rows of the ledger that are gone came to, by day and by everything that usage is asked for by. The cell is those parts in one
-- text. A row is removed in the transaction that adds it here, so usage is the rows and these sums together at any moment.
CREATE TABLE spend_usage_days (
  workspace_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  cell TEXT NOT NULL,
  crew_id TEXT NULL,
  key_id TEXT NULL,
  lineage_id TEXT NULL,
  user_id TEXT NULL,
  model TEXT NOT NULL,
  provider_id TEXT NULL,
  provenance TEXT NOT NULL,
  status INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  requests INTEGER NOT NULL,
  begun_requests INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, day, cell)
) WITHOUT ROWID;
