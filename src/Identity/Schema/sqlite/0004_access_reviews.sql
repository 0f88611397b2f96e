-- Reviews of who and what reaches a workspace, one for each quarter.
CREATE TABLE identity_access_reviews (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  quarter TEXT NOT NULL,
  opened_by TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  completed_at INTEGER NULL,
  reminders INTEGER NOT NULL,
  reminded_at INTEGER NULL,
  version INTEGER NOT NULL
);
-- The wall against a second review of a quarter.
CREATE UNIQUE INDEX identity_access_reviews_quarter ON identity_access_reviews (workspace_id, quarter);
CREATE INDEX identity_access_reviews_due ON identity_access_reviews (due_at);

-- People by their membership, keys by their id: ids and facts only, names are looked up.
CREATE TABLE identity_access_review_items (
  workspace_id TEXT NOT NULL,
  review_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  user_id TEXT NULL,
  role TEXT NOT NULL,
  via TEXT NOT NULL,
  last_used_at INTEGER NULL,
  decision TEXT NULL,
  decided_by TEXT NULL,
  decided_at INTEGER NULL,
  PRIMARY KEY (review_id, subject_id)
);
CREATE INDEX identity_access_review_items_workspace ON identity_access_review_items (workspace_id);
