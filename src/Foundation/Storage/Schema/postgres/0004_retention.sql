-- The clock that ages are counted by: the time up to which it is trusted, and for how long it has run on, by a monotonic clock, since it
-- jumped further ahead than a server is away (milliseconds).
CREATE TABLE storage_clock (
  id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
  trusted_at bigint NOT NULL,
  held_ms bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON storage_clock TO {system};

-- Drops one day's partition if nothing is left in it; the answer is whether it is gone. Nobody writes to it between the look and the end
-- of the transaction.
CREATE FUNCTION storage_drop_empty_day(target text, day date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  part text := target || '_' || to_char(day, 'YYYYMMDD');
  is_empty boolean;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = to_regclass(format('%I', target)) AND inhrelid = to_regclass(format('%I', part))) THEN
    RETURN true;
  END IF;
  EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
  EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', part) INTO is_empty;
  IF is_empty THEN
    EXECUTE format('DROP TABLE %I', part);
  END IF;
  RETURN is_empty;
END $$;
REVOKE ALL ON FUNCTION storage_drop_empty_day(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION storage_drop_empty_day(text, date) TO {system};
