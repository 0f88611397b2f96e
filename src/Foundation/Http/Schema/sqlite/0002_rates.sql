-- The one server of a data folder counts in memory: portions for several nodes are PostgreSQL's matter.
SELECT 1;
