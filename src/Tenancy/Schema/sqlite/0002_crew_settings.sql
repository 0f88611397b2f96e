ALTER TABLE tenancy_crews ADD COLUMN settings TEXT NULL;
