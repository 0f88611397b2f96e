ALTER TABLE tenancy_users ADD COLUMN name_sealed bytea NULL;
ALTER TABLE tenancy_users ADD COLUMN email_verified_at bigint NULL;
ALTER TABLE tenancy_users ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE tenancy_memberships ADD COLUMN environments text NULL;
ALTER TABLE tenancy_memberships ADD COLUMN content_access boolean NOT NULL DEFAULT true;
