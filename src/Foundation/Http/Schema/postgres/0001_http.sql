CREATE TABLE http_idempotency (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  request_hash text NOT NULL,
  epoch text NOT NULL,
  state text NOT NULL,
  resource_id text NULL,
  status integer NULL,
  answer bytea NULL,
  created_at bigint NOT NULL
);
CREATE INDEX http_idempotency_created_at ON http_idempotency (created_at);
SELECT storage_secure('http_idempotency', 'workspace');
