CREATE TABLE spend_budgets (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NULL,
  level TEXT NOT NULL,
  subject TEXT NOT NULL,
  time_window TEXT NOT NULL,
  amount_nano INTEGER NOT NULL,
  mode TEXT NOT NULL,
  clamp_output INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);
-- One budget per scope and window.
CREATE UNIQUE INDEX spend_budgets_scope ON spend_budgets (level, subject, time_window);
CREATE INDEX spend_budgets_organization ON spend_budgets (organization_id, workspace_id, id);

-- What one process start has leased of one budget in one window. Its settled sum is a fold of the ledger.
CREATE TABLE spend_leases (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NULL,
  budget_id TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  leased_nano INTEGER NOT NULL,
  settled_nano INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  opened_at INTEGER NOT NULL
);
CREATE INDEX spend_leases_budget ON spend_leases (budget_id, window_start);
CREATE INDEX spend_leases_epoch ON spend_leases (epoch) WHERE NOT closed;

-- Process starts. One that has not ended and no longer renews is dead.
CREATE TABLE spend_epochs (
  epoch INTEGER NOT NULL PRIMARY KEY,
  started_at INTEGER NOT NULL,
  renewed_at INTEGER NOT NULL,
  ended_at INTEGER NULL
);

-- The ledger: one row per physical call of a provider.
CREATE TABLE spend_attempts (
  at INTEGER NOT NULL,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  crew_id TEXT NULL,
  key_id TEXT NULL,
  lineage_id TEXT NULL,
  user_id TEXT NULL,
  request_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  model TEXT NOT NULL,
  provider_id TEXT NULL,
  endpoint TEXT NOT NULL,
  stream INTEGER NOT NULL,
  test INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  provenance TEXT NOT NULL,
  status INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  first_byte_ms INTEGER NULL,
  total_ms INTEGER NOT NULL,
  lease_ids TEXT NOT NULL,
  client_sealed BLOB NULL,
  ip_hash BLOB NULL,
  PRIMARY KEY (request_id, attempt, at)
) WITHOUT ROWID;
CREATE INDEX spend_attempts_workspace ON spend_attempts (workspace_id, at);
