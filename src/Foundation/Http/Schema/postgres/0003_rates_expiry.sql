-- The same as before, beside an upkeep that removes rows of subjects that nobody asks for any more.
-- Hands out portions, subject by subject, in the order given (sorted, so that two nodes never wait for each other).
-- urgencies: 0 ahead of need, 1 for requests that wait, 2 for requests that are refused if nothing is left. A portion never crosses from
-- the limit into the burst, is given from the burst only to requests that wait, and shrinks with what is left for all nodes.
CREATE OR REPLACE FUNCTION http_rates_take(subjects text[], limits bigint[], wants bigint[], urgencies bigint[], backs bigint[], back_minutes bigint[])
RETURNS TABLE (subject text, minute bigint, left_ms bigint, given bigint, granted bigint, nodes bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
  row http_rates;
  now_ms bigint;
  burst bigint;
  room bigint;
BEGIN
  nodes := greatest(1, (SELECT count(*) FROM storage_nodes n WHERE n.ended_at IS NULL));
  FOR i IN 1 .. cardinality(subjects) LOOP
    LOOP
      INSERT INTO http_rates VALUES (subjects[i], -1, 0, 0, false) ON CONFLICT DO NOTHING;
      SELECT * INTO row FROM http_rates r WHERE r.subject = subjects[i] FOR UPDATE;
      -- The upkeep may have removed an old row in between.
      EXIT WHEN FOUND;
    END LOOP;
    now_ms := (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    minute := now_ms / 60000;
    burst := limits[i] / 5;
    IF row.minute <> minute THEN
      -- A minute without use of the burst, or one that passed in silence, gives the burst back.
      row.burst_used := CASE WHEN minute = row.minute + 1 AND (row.refused OR row.granted > limits[i])
        THEN least(burst, row.burst_used + greatest(0, row.granted - limits[i])) ELSE 0 END;
      row.minute := minute;
      row.granted := 0;
      row.refused := false;
    END IF;
    IF back_minutes[i] = minute THEN
      row.granted := greatest(0, row.granted - backs[i]);
    END IF;
    room := CASE
      WHEN row.granted < limits[i] THEN limits[i] - row.granted
      WHEN urgencies[i] = 0 THEN 0
      ELSE greatest(0, limits[i] + burst - row.burst_used - row.granted) END;
    given := CASE WHEN room = 0 THEN 0 ELSE least(wants[i], greatest(1, room / (2 * nodes))) END;
    row.granted := row.granted + given;
    row.refused := row.refused OR (urgencies[i] = 2 AND given = 0 AND wants[i] > 0);
    UPDATE http_rates r SET minute = row.minute, granted = row.granted, burst_used = row.burst_used, refused = row.refused WHERE r.subject = row.subject;
    IF given = 0 AND urgencies[i] = 1 AND nodes > 1 THEN
      -- Whoever holds some that it does not use gives it back.
      PERFORM pg_notify('storage_changes', 'rates ' || subjects[i]);
    END IF;
    subject := subjects[i];
    left_ms := (minute + 1) * 60000 - now_ms;
    granted := row.granted;
    RETURN NEXT;
  END LOOP;
END $$;
