CREATE TABLE sealing_keys (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  scope integer NOT NULL,
  scope_id text COLLATE "C" NOT NULL,
  parent_id text COLLATE "C" NULL,
  version integer NOT NULL,
  wrapped bytea NOT NULL,
  created_at bigint NOT NULL
);
CREATE UNIQUE INDEX sealing_keys_scope ON sealing_keys (scope, scope_id, version);
SELECT storage_secure('sealing_keys', 'installation');
