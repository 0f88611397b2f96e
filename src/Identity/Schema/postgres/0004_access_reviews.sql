-- Reviews of who and what reaches a workspace, one for each quarter.
CREATE TABLE identity_access_reviews (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  quarter text NOT NULL,
  opened_by text NOT NULL,
  opened_at bigint NOT NULL,
  due_at bigint NOT NULL,
  completed_at bigint NULL,
  reminders integer NOT NULL,
  reminded_at bigint NULL,
  version bigint NOT NULL
);
-- The wall against a second review of a quarter.
CREATE UNIQUE INDEX identity_access_reviews_quarter ON identity_access_reviews (workspace_id, quarter);
CREATE INDEX identity_access_reviews_due ON identity_access_reviews (due_at);

-- People by their membership, keys by their id: ids and facts only, names are looked up.
CREATE TABLE identity_access_review_items (
  workspace_id text COLLATE "C" NOT NULL,
  review_id text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  user_id text COLLATE "C" NULL,
  role text NOT NULL,
  via text NOT NULL,
  last_used_at bigint NULL,
  decision text NULL,
  decided_by text NULL,
  decided_at bigint NULL,
  PRIMARY KEY (review_id, subject_id)
);
CREATE INDEX identity_access_review_items_workspace ON identity_access_review_items (workspace_id);

SELECT storage_secure('identity_access_reviews', 'workspace');
SELECT storage_secure('identity_access_review_items', 'workspace');
