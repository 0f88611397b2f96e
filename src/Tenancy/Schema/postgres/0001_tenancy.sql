CREATE TABLE tenancy_organizations (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  created_at bigint NOT NULL,
  version bigint NOT NULL
);

CREATE TABLE tenancy_workspaces (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL REFERENCES tenancy_organizations (id) ON DELETE RESTRICT,
  name text NOT NULL,
  plan text NOT NULL,
  requests_per_minute integer NULL,
  settings text NOT NULL,
  suspended_at bigint NULL,
  deleted_at bigint NULL,
  created_at bigint NOT NULL,
  version bigint NOT NULL
);
CREATE INDEX tenancy_workspaces_organization ON tenancy_workspaces (organization_id);

CREATE TABLE tenancy_crews (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES tenancy_workspaces (id) ON DELETE RESTRICT,
  name text NOT NULL,
  environment text NOT NULL,
  created_at bigint NOT NULL,
  version bigint NOT NULL
);
CREATE INDEX tenancy_crews_workspace ON tenancy_crews (workspace_id);

CREATE TABLE tenancy_users (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  email_sealed bytea NOT NULL,
  email_hash text NOT NULL,
  created_at bigint NOT NULL
);
CREATE UNIQUE INDEX tenancy_users_email ON tenancy_users (email_hash);

CREATE TABLE tenancy_memberships (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NULL,
  user_id text COLLATE "C" NOT NULL REFERENCES tenancy_users (id) ON DELETE RESTRICT,
  role text NOT NULL,
  created_at bigint NOT NULL,
  version bigint NOT NULL
);
CREATE UNIQUE INDEX tenancy_memberships_person ON tenancy_memberships (user_id, organization_id, workspace_id);
CREATE INDEX tenancy_memberships_workspace ON tenancy_memberships (workspace_id);

SELECT storage_secure('tenancy_organizations', 'organization');
SELECT storage_secure('tenancy_workspaces', 'organization');
SELECT storage_secure('tenancy_crews', 'workspace');
SELECT storage_secure('tenancy_users', 'installation');
SELECT storage_secure('tenancy_memberships', 'shared');
