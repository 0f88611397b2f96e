-- What has happened, once for all who hear of it: the outbox, written in the transaction of the change, and the list of events.
CREATE TABLE webhooks_events (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  at bigint NOT NULL,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  crew_id text COLLATE "C" NULL,
  type text COLLATE "C" NOT NULL,
  data_sealed bytea NOT NULL
);
CREATE INDEX webhooks_events_workspace ON webhooks_events (workspace_id, id);
CREATE INDEX webhooks_events_time ON webhooks_events (workspace_id, at);

CREATE TABLE webhooks_endpoints (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  crew_id text COLLATE "C" NULL,
  url text NOT NULL,
  description text NOT NULL,
  events text NOT NULL,
  header_names text NOT NULL,
  headers_sealed bytea NULL,
  secret_sealed bytea NOT NULL,
  former_secret_sealed bytea NULL,
  former_ends_at bigint NULL,
  status text NOT NULL,
  status_reason text NULL,
  challenge_required boolean NOT NULL,
  verified_at bigint NULL,
  creator_type text NOT NULL,
  creator_id text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version bigint NOT NULL
);
CREATE INDEX webhooks_endpoints_workspace ON webhooks_endpoints (workspace_id, id);

-- One row beside each endpoint that workers change all the time.
CREATE TABLE webhooks_queues (
  endpoint_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES webhooks_endpoints (id) ON DELETE CASCADE,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  health text NOT NULL,
  failing_since bigint NULL,
  due_at bigint NULL,
  held_until bigint NOT NULL,
  holder text NOT NULL,
  kicks bigint NOT NULL
);
CREATE INDEX webhooks_queues_due ON webhooks_queues (due_at);

-- No foreign key to the endpoint: a change must not fail because an endpoint that hears of it is removed at the same moment.
CREATE TABLE webhooks_deliveries (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  at bigint NOT NULL,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  endpoint_id text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  state text NOT NULL,
  is_open bigint NOT NULL,
  attempts bigint NOT NULL,
  next_at bigint NOT NULL,
  log text NULL,
  response_sealed bytea NULL
);
CREATE INDEX webhooks_deliveries_endpoint ON webhooks_deliveries (endpoint_id, id);
-- What is still to be done for an endpoint: what workers and the sweep look for.
CREATE INDEX webhooks_deliveries_open ON webhooks_deliveries (endpoint_id, next_at) WHERE is_open = 1;
CREATE INDEX webhooks_deliveries_time ON webhooks_deliveries (workspace_id, at);

SELECT storage_secure('webhooks_events', 'workspace');
SELECT storage_secure('webhooks_endpoints', 'workspace');
SELECT storage_secure('webhooks_queues', 'workspace');
SELECT storage_secure('webhooks_deliveries', 'workspace');
