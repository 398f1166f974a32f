-- Jobs that applications submit within transactions of their own, until a node takes them over. A row is
-- written by submit_v1 only, and gone once its job is in the store, or among the refusals below.

-- due_at: not looked at before, by the database's clock. postponed: how often it found no room.
CREATE TABLE inbox (
  row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL,
  organization integer NOT NULL,
  api_key integer NOT NULL,
  job text NOT NULL,
  created_at bigint NOT NULL,
  due_at bigint NOT NULL,
  postponed integer NOT NULL DEFAULT 0 CHECK (postponed >= 0)
) WITH (fillfactor = 80, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_insert_scale_factor = 0.2);

CREATE INDEX inbox_due ON inbox (due_at, row);

-- What became of submits that made no job. duplicate_of: the job that had the key already; then job is
-- null. problems: a JSON list of path, message, expected.
CREATE TABLE inbox_refusals (
  id uuid PRIMARY KEY,
  organization integer NOT NULL,
  api_key integer NOT NULL,
  code text NOT NULL CHECK (code <> ''),
  message text NOT NULL,
  problems text NOT NULL,
  job text,
  duplicate_of uuid,
  created_at bigint NOT NULL,
  refused_at bigint NOT NULL,
  CHECK ((job IS NULL) = (duplicate_of IS NOT NULL))
);

CREATE INDEX inbox_refusals_pruned ON inbox_refusals (refused_at);
CREATE INDEX inbox_refusals_listed ON inbox_refusals (refused_at, id) WHERE duplicate_of IS NULL;

-- For people.
CREATE VIEW inbox_refused AS
  SELECT refusals.id AS job_id, organizations.public_id AS organization_id,
    api_keys.public_id AS api_key_id, refusals.code, refusals.message,
    refusals.problems::json AS problems, refusals.job,
    to_timestamp(refusals.created_at / 1000.0) AS submitted_at,
    to_timestamp(refusals.refused_at / 1000.0) AS refused_at
  FROM inbox_refusals AS refusals
  JOIN organizations ON organizations.id = refusals.organization
  JOIN api_keys ON api_keys.id = refusals.api_key
  WHERE refusals.duplicate_of IS NULL;

CREATE VIEW inbox_duplicates AS
  SELECT refusals.id AS job_id, refusals.duplicate_of, organizations.public_id AS organization_id,
    to_timestamp(refusals.created_at / 1000.0) AS submitted_at
  FROM inbox_refusals AS refusals
  JOIN organizations ON organizations.id = refusals.organization
  WHERE refusals.duplicate_of IS NOT NULL;

-- Submits jobs within the transaction that calls it; gives their ids, in the order of the jobs.
-- jobs: a JSON list of jobs as POST /api/v1/jobs takes them, at most 1 MiB each. api_key_hash: SHA-256 of
-- an API key that may submit, in hexadecimal. Errors: ZT001 no such key, ZT002 a job is too large, ZT003 no
-- list of jobs. Others than the schema's owner need USAGE on the schema and EXECUTE on this function, and
-- no right on any table. Version 1 stays as it is for as long as applications call it.
CREATE FUNCTION submit_v1(api_key_hash text, jobs text) RETURNS TABLE (job_id text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $function$
DECLARE
  most_bytes CONSTANT integer := 1048576;
  now_ms CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  caller record;
  given json;
  flaw record;
BEGIN
  SELECT api_keys.id, api_keys.organization INTO caller FROM api_keys
  WHERE (api_keys.hash = api_key_hash
      OR (api_keys.previous_hash = api_key_hash AND api_keys.previous_expires_at > now_ms))
    AND api_keys.revoked_at IS NULL AND (api_keys.expires_at IS NULL OR api_keys.expires_at > now_ms)
    AND api_keys.scopes & 1 = 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'ezthrottle: no API key that may submit has this hash' USING ERRCODE = 'ZT001';
  END IF;
  BEGIN
    given := jobs::json;
  EXCEPTION WHEN data_exception THEN
    -- Without the text in question, which may be a secret.
    RAISE EXCEPTION 'ezthrottle: jobs is not JSON' USING ERRCODE = 'ZT003';
  END;
  IF given IS NULL OR json_typeof(given) <> 'array' THEN
    RAISE EXCEPTION 'ezthrottle: jobs is not a JSON list' USING ERRCODE = 'ZT003';
  END IF;
  SELECT number, octet_length(value::text) AS bytes, json_typeof(value) AS kind INTO flaw
  FROM json_array_elements(given) WITH ORDINALITY AS each (value, number)
  WHERE json_typeof(value) <> 'object' OR octet_length(value::text) > most_bytes
  ORDER BY number LIMIT 1;
  IF FOUND THEN
    IF flaw.kind <> 'object' THEN
      RAISE EXCEPTION 'ezthrottle: job % of the list is not an object but %', flaw.number, flaw.kind
        USING ERRCODE = 'ZT003';
    END IF;
    RAISE EXCEPTION 'ezthrottle: job % of the list has % bytes; at most % are taken', flaw.number,
      flaw.bytes, most_bytes USING ERRCODE = 'ZT002';
  END IF;
  -- An id is a UUID of version 7: the time in milliseconds, then chance.
  RETURN QUERY WITH numbered AS MATERIALIZED (
    SELECT number, value::text AS job, encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
      PLACING substring(int8send(now_ms) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid AS id
    FROM json_array_elements(given) WITH ORDINALITY AS each (value, number)
  ), written AS (
    INSERT INTO inbox (id, organization, api_key, job, created_at, due_at)
    SELECT numbered.id, caller.organization, caller.id, numbered.job, now_ms, now_ms
    FROM numbered ORDER BY numbered.number
  )
  SELECT numbered.id::text FROM numbered ORDER BY numbered.number;
END;
$function$;

-- It runs with the rights of its owner: what it names is looked up in this schema, and in no temporary one.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION submit_v1(text, text) SET search_path TO pg_catalog, %I, pg_temp',
    current_schema());
END;
$$;

REVOKE ALL ON FUNCTION submit_v1(text, text) FROM PUBLIC;
