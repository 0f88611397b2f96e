CREATE TABLE http_idempotency (
  id TEXT NOT NULL PRIMARY KEY,
  workspace_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  epoch TEXT NOT NULL,
  state TEXT NOT NULL,
  resource_id TEXT NULL,
  status INTEGER NULL,
  answer BLOB NULL,
  created_at INTEGER NOT NULL
);
CREATE INDEX http_idempotency_created_at ON http_idempotency (created_at);
