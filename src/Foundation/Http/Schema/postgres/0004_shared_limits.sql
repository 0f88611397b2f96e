-- The same as before, also for tokens of model calls. Their subjects end in ' tokens': they have no burst, and what a node gives back may be
-- less than nothing, which is what was used there beyond all portions; that counts in the minute in which it is told.
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
    burst := CASE WHEN subjects[i] LIKE '% tokens' THEN 0 ELSE limits[i] / 5 END;
    IF row.minute <> minute THEN
      -- A minute without use of the burst, or one that passed in silence, gives the burst back.
      row.burst_used := CASE WHEN minute = row.minute + 1 AND (row.refused OR row.granted > limits[i])
        THEN least(burst, row.burst_used + greatest(0, row.granted - limits[i])) ELSE 0 END;
      row.minute := minute;
      row.granted := 0;
      row.refused := false;
    END IF;
    IF back_minutes[i] = minute OR backs[i] < 0 THEN
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
    IF nodes > 1 AND ((given = 0 AND urgencies[i] = 1) OR (backs[i] < 0 AND row.granted >= limits[i])) THEN
      -- Whoever holds some that it does not use gives it back.
      PERFORM pg_notify('storage_changes', 'rates ' || subjects[i]);
    END IF;
    subject := subjects[i];
    left_ms := (minute + 1) * 60000 - now_ms;
    granted := row.granted;
    RETURN NEXT;
  END LOOP;
END $$;

-- What one subject may have open at one moment: the slots that nodes hold, one row for each node. The row of epoch 0 holds none: it is the one
-- that is locked while slots are handed out, and is gone when nobody holds any.
CREATE TABLE http_slots (
  subject text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  slots bigint NOT NULL,
  PRIMARY KEY (subject, epoch)
);
SELECT storage_secure('http_slots', 'installation');

-- Whether what a node holds counts. Streams of one that the others have given up may still go on for as long as it takes it to notice (its lease
-- and ten seconds more).
CREATE FUNCTION http_slots_count(node bigint) RETURNS boolean LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT EXISTS (SELECT FROM storage_nodes n WHERE n.epoch = node
    AND (n.ended_at IS NULL OR n.ended_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 13000))
$$;

-- Hands out slots, subject by subject, in the order given (sorted, so that two nodes never wait for each other). keeps: what the node has, to
-- replace what is noted. befores: the epoch under which that was noted, 0 for none. A node gets what its waiting streams need, and beside that a
-- share of what is left.
CREATE FUNCTION http_slots_take(
  node bigint, subjects text[], limits bigint[], befores bigint[], keeps bigint[], wants bigint[], waitings bigint[])
RETURNS TABLE (subject text, given bigint, nodes bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
  others bigint;
  room bigint;
BEGIN
  nodes := greatest(1, (SELECT count(*) FROM storage_nodes n WHERE n.ended_at IS NULL));
  FOR i IN 1 .. cardinality(subjects) LOOP
    LOOP
      INSERT INTO http_slots (subject, epoch, slots) VALUES (subjects[i], 0, 0) ON CONFLICT DO NOTHING;
      PERFORM FROM http_slots s WHERE s.subject = subjects[i] AND s.epoch = 0 FOR UPDATE;
      EXIT WHEN FOUND;
    END LOOP;
    DELETE FROM http_slots s WHERE s.subject = subjects[i] AND s.epoch <> 0 AND s.epoch <> node
      AND (s.epoch = befores[i] OR NOT http_slots_count(s.epoch));
    others := coalesce((SELECT sum(s.slots) FROM http_slots s WHERE s.subject = subjects[i] AND s.epoch <> node), 0);
    room := greatest(0, limits[i] - others - keeps[i]);
    given := least(wants[i], room, greatest(waitings[i], room / (2 * nodes)));
    IF keeps[i] + given > 0 THEN
      INSERT INTO http_slots (subject, epoch, slots) VALUES (subjects[i], node, keeps[i] + given)
        ON CONFLICT ON CONSTRAINT http_slots_pkey DO UPDATE SET slots = EXCLUDED.slots;
    ELSE
      DELETE FROM http_slots s WHERE s.subject = subjects[i] AND s.epoch = node;
      DELETE FROM http_slots s WHERE s.subject = subjects[i] AND others = 0;
    END IF;
    IF given < waitings[i] AND nodes > 1 THEN
      -- Whoever holds some that it does not use gives it back.
      PERFORM pg_notify('storage_changes', 'slots ' || subjects[i]);
    END IF;
    subject := subjects[i];
    RETURN NEXT;
  END LOOP;
END $$;
