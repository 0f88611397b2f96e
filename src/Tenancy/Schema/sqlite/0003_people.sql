ALTER TABLE tenancy_users ADD COLUMN name_sealed BLOB NULL;
ALTER TABLE tenancy_users ADD COLUMN email_verified_at INTEGER NULL;
ALTER TABLE tenancy_users ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tenancy_memberships ADD COLUMN environments TEXT NULL;
ALTER TABLE tenancy_memberships ADD COLUMN content_access INTEGER NOT NULL DEFAULT 1;
