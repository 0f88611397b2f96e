CREATE TABLE tenancy_organizations (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);

CREATE TABLE tenancy_workspaces (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES tenancy_organizations (id) ON DELETE RESTRICT,
  name TEXT NOT NULL,
  plan TEXT NOT NULL,
  requests_per_minute INTEGER NULL,
  settings TEXT NOT NULL,
  suspended_at INTEGER NULL,
  deleted_at INTEGER NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);
CREATE INDEX tenancy_workspaces_organization ON tenancy_workspaces (organization_id);

CREATE TABLE tenancy_crews (
  id TEXT NOT NULL PRIMARY KEY,
  workspace_id TEXT NOT NULL REFERENCES tenancy_workspaces (id) ON DELETE RESTRICT,
  name TEXT NOT NULL,
  environment TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);
CREATE INDEX tenancy_crews_workspace ON tenancy_crews (workspace_id);

CREATE TABLE tenancy_users (
  id TEXT NOT NULL PRIMARY KEY,
  email_sealed BLOB NOT NULL,
  email_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX tenancy_users_email ON tenancy_users (email_hash);

CREATE TABLE tenancy_memberships (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  workspace_id TEXT NULL,
  user_id TEXT NOT NULL REFERENCES tenancy_users (id) ON DELETE RESTRICT,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL
);
CREATE UNIQUE INDEX tenancy_memberships_person ON tenancy_memberships (user_id, organization_id, workspace_id);
CREATE INDEX tenancy_memberships_workspace ON tenancy_memberships (workspace_id);
