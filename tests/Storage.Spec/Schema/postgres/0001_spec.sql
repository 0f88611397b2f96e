CREATE TABLE spec_notes (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  text text NOT NULL,
  version bigint NOT NULL
);
CREATE TABLE spec_shared (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NULL
);
CREATE TABLE spec_rows (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NULL,
  workspace_id text COLLATE "C" NULL,
  number bigint NULL,
  bytes bytea NULL
);
CREATE TABLE spec_sums (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  amount bigint NOT NULL
);
INSERT INTO spec_sums (id, amount) VALUES ('a', 0), ('b', 0);
SELECT storage_secure('spec_notes', 'workspace');
SELECT storage_secure('spec_shared', 'shared');
SELECT storage_secure('spec_rows', 'append');
GRANT SELECT, UPDATE ON spec_sums TO {append}, {system};
