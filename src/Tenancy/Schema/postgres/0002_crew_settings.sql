ALTER TABLE tenancy_crews ADD COLUMN settings text NULL;
