-- Who does the work that one node does at a time (milliseconds of this server's clock, so that no node's clock matters).
CREATE TABLE storage_leaders (
  duty text COLLATE "C" NOT NULL PRIMARY KEY,
  holder text NOT NULL,
  place text NOT NULL,
  term bigint NOT NULL,
  until_at bigint NOT NULL
);
-- This index makes the term a part of a key, so that taking a duty over (a new term) waits for the FOR KEY SHARE of a transaction of
-- the leader before, while renewing, which leaves the term, passes it by.
CREATE UNIQUE INDEX storage_leaders_term ON storage_leaders (duty, term);
GRANT SELECT, INSERT, UPDATE ON storage_leaders TO {system};

-- What expiry has removed and not yet put on record; a count per workspace and kind, no tenant data.
CREATE TABLE storage_expired (
  organization_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  removed bigint NOT NULL,
  before_at bigint NOT NULL,
  PRIMARY KEY (organization_id, workspace_id, kind)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON storage_expired TO {system};

-- Days that lack their partition: from yesterday to the given number of days ahead, and those of rows that fell into the default one.
CREATE FUNCTION storage_missing_days(target text, days_ahead int) RETURNS SETOF date LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
  RETURN QUERY SELECT d::date FROM generate_series(today - 1, today + days_ahead, '1 day') d
    WHERE to_regclass(format('%I', target || '_' || to_char(d, 'YYYYMMDD'))) IS NULL;
  IF to_regclass(format('%I', target || '_rest')) IS NOT NULL THEN
    RETURN QUERY EXECUTE format(
      'SELECT day FROM (SELECT DISTINCT (timestamp ''epoch'' + (at / 86400000) * interval ''1 day'')::date AS day FROM %I '
      || 'WHERE at BETWEEN 0 AND 253402300799999) rest WHERE day NOT BETWEEN $1 - 1 AND $1 + $2 LIMIT 100', target || '_rest') USING today, days_ahead;
  END IF;
END $$;
REVOKE ALL ON FUNCTION storage_missing_days(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION storage_missing_days(text, int) TO {system};

-- Makes one day's partition and moves into it what fell into the default one; the answer is how many rows that were. The table is made
-- beside and then attached, because that does not stop readers and writers of the other days.
CREATE FUNCTION storage_make_day(target text, day date) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  part text := target || '_' || to_char(day, 'YYYYMMDD');
  rest text := target || '_rest';
  first_ms bigint := (extract(epoch FROM day::timestamp AT TIME ZONE 'UTC') * 1000)::bigint;
  moved bigint := 0;
BEGIN
  IF to_regclass(format('%I', part)) IS NOT NULL THEN
    RETURN 0;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, target);
  IF to_regclass(format('%I', rest)) IS NOT NULL THEN
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', rest);
    EXECUTE format('WITH gone AS (DELETE FROM %I WHERE at >= %s AND at < %s RETURNING *) INSERT INTO %I SELECT * FROM gone',
      rest, first_ms, first_ms + 86400000, part);
    GET DIAGNOSTICS moved = ROW_COUNT;
  END IF;
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', target, part, first_ms, first_ms + 86400000);
  RETURN moved;
END $$;
REVOKE ALL ON FUNCTION storage_make_day(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION storage_make_day(text, date) TO {system};

-- Drops one day's partition, if it is one of that table. The caller knows that every row of that day has expired.
CREATE FUNCTION storage_drop_day(target text, day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  part text := target || '_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = to_regclass(format('%I', target)) AND inhrelid = to_regclass(format('%I', part))) THEN
    EXECUTE format('DROP TABLE %I', part);
  END IF;
END $$;
REVOKE ALL ON FUNCTION storage_drop_day(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION storage_drop_day(text, date) TO {system};
