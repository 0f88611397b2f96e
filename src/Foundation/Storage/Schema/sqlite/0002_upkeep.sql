-- What expiry has removed and not yet put on record; a count per workspace and kind.
CREATE TABLE storage_expired (
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  removed INTEGER NOT NULL,
  before_at INTEGER NOT NULL,
  PRIMARY KEY (organization_id, workspace_id, kind)
) WITHOUT ROWID;
