-- How a table is bound to its tenant. One place for all policies, so that no table forgets one.
-- kinds: workspace, organization, shared (workspace may be null), append (rows of a workspace, or of an organization or the
-- installation where workspace_id is null), installation (system jobs only).
CREATE FUNCTION storage_secure(target text, kind text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  own_workspace CONSTANT text := 'workspace_id = NULLIF(current_setting(''crew.workspace'', true), '''')';
  own_organization CONSTANT text := 'organization_id = NULLIF(current_setting(''crew.organization'', true), '''')';
  rule text := CASE kind
    WHEN 'workspace' THEN own_workspace
    WHEN 'organization' THEN own_organization
    WHEN 'shared' THEN own_organization || ' AND (workspace_id IS NULL OR ' || own_workspace || ')'
    WHEN 'append' THEN own_organization || ' AND (workspace_id IS NULL OR ' || own_workspace || ')'
    WHEN 'installation' THEN NULL
  END;
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY system_all ON %I TO {system} USING (true) WITH CHECK (true)', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {system}', target);
  IF rule IS NOT NULL THEN
    EXECUTE format('CREATE POLICY app_own ON %I TO {app} USING (%s) WITH CHECK (%s)', target, rule, rule);
    IF kind = 'append' THEN
      EXECUTE format('GRANT SELECT, INSERT ON %I TO {app}', target);
      EXECUTE format('CREATE POLICY append_only ON %I FOR INSERT TO {append} WITH CHECK (true)', target);
      EXECUTE format('GRANT INSERT ON %I TO {append}', target);
    ELSE
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {app}', target);
    END IF;
  END IF;
END $$;

-- Makes the day partitions of an append table (column "at", milliseconds since 1970) from yesterday to the given number of days ahead.
CREATE FUNCTION storage_partitions(target text, days_ahead int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  day date;
  first_ms bigint;
BEGIN
  FOR day IN SELECT generate_series((now() AT TIME ZONE 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date + days_ahead, '1 day')::date LOOP
    first_ms := (extract(epoch FROM day::timestamp AT TIME ZONE 'UTC') * 1000)::bigint;
    IF to_regclass(format('%I', target || '_' || to_char(day, 'YYYYMMDD'))) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)',
        target || '_' || to_char(day, 'YYYYMMDD'), target, first_ms, first_ms + 86400000);
    END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION storage_partitions(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION storage_partitions(text, int) TO {system};

-- The version table of the change feed: ids only, no tenant data.
CREATE TABLE storage_feed (
  id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
  version bigint NOT NULL
);
INSERT INTO storage_feed (id, version) VALUES (1, 0);
GRANT SELECT, UPDATE ON storage_feed TO {app}, {system};
GRANT SELECT ON storage_feed TO {append};

CREATE TABLE storage_changes (
  version bigint NOT NULL PRIMARY KEY,
  topic text NOT NULL,
  subject text NOT NULL,
  at bigint NOT NULL
);
GRANT SELECT, INSERT ON storage_changes TO {app}, {system};
GRANT SELECT ON storage_changes TO {append};
GRANT DELETE ON storage_changes TO {system};
