-- The one server of a data folder counts in memory: parts of limits for several nodes are PostgreSQL's matter.
SELECT 1;
