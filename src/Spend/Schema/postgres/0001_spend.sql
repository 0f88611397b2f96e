CREATE TABLE spend_budgets (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NULL,
  level text NOT NULL,
  subject text COLLATE "C" NOT NULL,
  time_window text NOT NULL,
  amount_nano bigint NOT NULL,
  mode text NOT NULL,
  clamp_output boolean NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version bigint NOT NULL
);
-- One budget per scope and window.
CREATE UNIQUE INDEX spend_budgets_scope ON spend_budgets (level, subject, time_window);
CREATE INDEX spend_budgets_organization ON spend_budgets (organization_id, workspace_id, id);
SELECT storage_secure('spend_budgets', 'shared');

-- What one process start has leased of one budget in one window. Its settled sum is a fold of the ledger.
CREATE TABLE spend_leases (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NULL,
  budget_id text COLLATE "C" NOT NULL,
  window_start bigint NOT NULL,
  epoch bigint NOT NULL,
  leased_nano bigint NOT NULL,
  settled_nano bigint NOT NULL,
  closed boolean NOT NULL,
  opened_at bigint NOT NULL
);
CREATE INDEX spend_leases_budget ON spend_leases (budget_id, window_start);
CREATE INDEX spend_leases_epoch ON spend_leases (epoch) WHERE NOT closed;
SELECT storage_secure('spend_leases', 'shared');
-- Tenants read their leases (explain); only the system leases, and only a flush settles.
REVOKE INSERT, UPDATE, DELETE ON spend_leases FROM {app};
CREATE POLICY append_find ON spend_leases FOR SELECT TO {append} USING (true);
CREATE POLICY append_settle ON spend_leases FOR UPDATE TO {append} USING (true) WITH CHECK (true);
GRANT SELECT (id, settled_nano), UPDATE (settled_nano) ON spend_leases TO {append};

-- Process starts. One that has not ended and no longer renews is dead.
CREATE TABLE spend_epochs (
  epoch bigint NOT NULL PRIMARY KEY,
  started_at bigint NOT NULL,
  renewed_at bigint NOT NULL,
  ended_at bigint NULL
);
SELECT storage_secure('spend_epochs', 'installation');

-- The ledger: one row per physical call of a provider.
CREATE TABLE spend_attempts (
  at bigint NOT NULL,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  crew_id text COLLATE "C" NULL,
  key_id text COLLATE "C" NULL,
  lineage_id text COLLATE "C" NULL,
  user_id text COLLATE "C" NULL,
  request_id text COLLATE "C" NOT NULL,
  attempt integer NOT NULL,
  model text COLLATE "C" NOT NULL,
  provider_id text COLLATE "C" NULL,
  endpoint text NOT NULL,
  stream integer NOT NULL,
  test integer NOT NULL,
  input_tokens bigint NOT NULL,
  cache_read_tokens bigint NOT NULL,
  cache_write_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  provenance text NOT NULL,
  status integer NOT NULL,
  outcome text NOT NULL,
  first_byte_ms integer NULL,
  total_ms integer NOT NULL,
  lease_ids text NOT NULL,
  client_sealed bytea NULL,
  ip_hash bytea NULL,
  PRIMARY KEY (request_id, attempt, at)
) PARTITION BY RANGE (at);
-- Takes what no day partition covers, so that a clock or a missed upkeep never stops a request.
CREATE TABLE spend_attempts_rest PARTITION OF spend_attempts DEFAULT;
CREATE INDEX spend_attempts_workspace ON spend_attempts (workspace_id, at);
SELECT storage_secure('spend_attempts', 'append');
SELECT storage_partitions('spend_attempts', 7);
