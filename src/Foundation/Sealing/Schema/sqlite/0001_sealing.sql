CREATE TABLE sealing_keys (
  id TEXT NOT NULL PRIMARY KEY,
  scope INTEGER NOT NULL,
  scope_id TEXT NOT NULL,
  parent_id TEXT NULL,
  version INTEGER NOT NULL,
  wrapped BLOB NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX sealing_keys_scope ON sealing_keys (scope, scope_id, version);
