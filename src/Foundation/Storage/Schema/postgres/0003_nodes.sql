-- The processes that serve this database, one row for each epoch. A row that has not ended is waited for by changes.
-- applied: the version of the feed up to which that process has followed. beat: moves with each renewal; the others judge by it,
-- on their own clocks, whether a process is gone. renewed_at is PostgreSQL's clock, for people.
CREATE SEQUENCE storage_epochs;
GRANT USAGE ON SEQUENCE storage_epochs TO {system};

CREATE TABLE storage_nodes (
  epoch bigint NOT NULL PRIMARY KEY,
  name text NOT NULL,
  applied bigint NOT NULL,
  beat bigint NOT NULL DEFAULT 0,
  started_at bigint NOT NULL,
  renewed_at bigint NOT NULL,
  ended_at bigint NULL
);
CREATE INDEX storage_nodes_running ON storage_nodes (epoch) WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON storage_nodes TO {system};
GRANT SELECT ON storage_nodes TO {app}, {append};
