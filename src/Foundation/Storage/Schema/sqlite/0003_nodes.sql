-- A data folder has one server: nodes are PostgreSQL's matter.
SELECT 1;
