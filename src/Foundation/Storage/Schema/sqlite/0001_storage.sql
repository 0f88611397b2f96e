-- The version table of the change feed: one counter, and one row per change in commit order.
CREATE TABLE storage_feed (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL
);
INSERT INTO storage_feed (id, version) VALUES (1, 0);

CREATE TABLE storage_changes (
  version INTEGER NOT NULL PRIMARY KEY,
  topic TEXT NOT NULL,
  subject TEXT NOT NULL,
  at INTEGER NOT NULL
);
