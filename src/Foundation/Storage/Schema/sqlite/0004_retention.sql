-- The clock that ages are counted by: the time up to which it is trusted, and for how long it has run on, by a monotonic clock, since it
-- jumped further ahead than a server is away (milliseconds).
CREATE TABLE storage_clock (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  trusted_at INTEGER NOT NULL,
  held_ms INTEGER NOT NULL
);
