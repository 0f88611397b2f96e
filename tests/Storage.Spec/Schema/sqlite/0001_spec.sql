CREATE TABLE spec_notes (
  id TEXT NOT NULL PRIMARY KEY,
  workspace_id TEXT NOT NULL,
  text TEXT NOT NULL,
  version INTEGER NOT NULL
);
CREATE TABLE spec_shared (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NULL
);
CREATE TABLE spec_rows (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NULL,
  workspace_id TEXT NULL,
  number INTEGER NULL,
  bytes BLOB NULL
);
CREATE TABLE spec_sums (
  id TEXT NOT NULL PRIMARY KEY,
  amount INTEGER NOT NULL
);
INSERT INTO spec_sums (id, amount) VALUES ('a', 0), ('b', 0);
