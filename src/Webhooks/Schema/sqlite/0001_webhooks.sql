-- What has happened, once for all who hear of it: the outbox, written in the transaction of the change, and the list of events.
CREATE TABLE webhooks_events (
  id TEXT NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  crew_id TEXT NULL,
  type TEXT NOT NULL,
  data_sealed BLOB NOT NULL
);
CREATE INDEX webhooks_events_workspace ON webhooks_events (workspace_id, id);
CREATE INDEX webhooks_events_time ON webhooks_events (workspace_id, at);

CREATE TABLE webhooks_endpoints (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  crew_id TEXT NULL,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  events TEXT NOT NULL,
  header_names TEXT NOT NULL,
  headers_sealed BLOB NULL,
  secret_sealed BLOB NOT NULL,
  former_secret_sealed BLOB NULL,
  former_ends_at INTEGER NULL,
  status TEXT NOT NULL,
  status_reason TEXT NULL,
  challenge_required INTEGER NOT NULL,
  verified_at INTEGER NULL,
  creator_type TEXT NOT NULL,
  creator_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);
CREATE INDEX webhooks_endpoints_workspace ON webhooks_endpoints (workspace_id, id);

-- One row beside each endpoint that workers change all the time.
CREATE TABLE webhooks_queues (
  endpoint_id TEXT NOT NULL PRIMARY KEY REFERENCES webhooks_endpoints (id) ON DELETE CASCADE,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  health TEXT NOT NULL,
  failing_since INTEGER NULL,
  due_at INTEGER NULL,
  held_until INTEGER NOT NULL,
  holder TEXT NOT NULL,
  kicks INTEGER NOT NULL
);
CREATE INDEX webhooks_queues_due ON webhooks_queues (due_at);

-- No foreign key to the endpoint: a change must not fail because an endpoint that hears of it is removed at the same moment.
CREATE TABLE webhooks_deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  endpoint_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  state TEXT NOT NULL,
  is_open INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  log TEXT NULL,
  response_sealed BLOB NULL
);
CREATE INDEX webhooks_deliveries_endpoint ON webhooks_deliveries (endpoint_id, id);
-- What is still to be done for an endpoint: what workers and the sweep look for.
CREATE INDEX webhooks_deliveries_open ON webhooks_deliveries (endpoint_id, next_at) WHERE is_open = 1;
CREATE INDEX webhooks_deliveries_time ON webhooks_deliveries (workspace_id, at);

