-- The one server of a data folder counts in memory: there are no rows to remove.
SELECT 1;
