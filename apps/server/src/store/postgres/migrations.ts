// Made from migrations/*.sql by scripts/embed-migrations.ts: change those, then run it.

import type { Migration } from '../migration.ts';

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'store',
    sql: `-- Integer row ids inside, UUIDs outside; times are integer milliseconds since the epoch. Text that users
-- write is bytea in UTF-8, since PostgreSQL's text holds no zero byte; JSON of our own is text.
-- What hangs on a job has no foreign key: each would be looked up, and locked, at every insert. The pruner
-- deletes what hangs on the jobs that it removes.
-- Rows that go through many changes leave dead versions behind: those tables are vacuumed early.

-- Whose writes count: every transaction of a node reads its row FOR SHARE and compares the epoch. Whoever
-- takes a node's slots raises its epoch before.
CREATE TABLE fences (
  node uuid PRIMARY KEY,
  epoch bigint NOT NULL
);

-- One row per open store: the number of its last transaction, so that it can find out after a cut
-- connection whether that one was committed; and what it has changed in the number of jobs per state.
-- Numbers of jobs are sums over all rows, so that no two nodes wait for each other's row.
CREATE TABLE commit_marks (
  instance uuid PRIMARY KEY,
  number bigint NOT NULL,
  touched_at bigint NOT NULL,
  pending bigint NOT NULL DEFAULT 0,
  scheduled bigint NOT NULL DEFAULT 0,
  processing bigint NOT NULL DEFAULT 0,
  completed bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  deadletter bigint NOT NULL DEFAULT 0,
  cancelled bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE organizations (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id uuid NOT NULL UNIQUE,
  name text NOT NULL,
  created_at bigint NOT NULL
);

-- scopes: 1 submit, 2 read, 4 manage, added up.
CREATE TABLE api_keys (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id uuid NOT NULL UNIQUE,
  organization integer NOT NULL REFERENCES organizations (id),
  name bytea NOT NULL,
  hash text NOT NULL UNIQUE CHECK (length(hash) = 64),
  dialect text NOT NULL CHECK (dialect IN ('ezthrottle', 'spooled')),
  created_at bigint NOT NULL,
  expires_at bigint,
  scopes smallint NOT NULL CHECK (scopes BETWEEN 1 AND 7),
  hint text,
  previous_hash text CHECK (length(previous_hash) = 64),
  previous_expires_at bigint,
  last_used_at bigint,
  revoked_at bigint,
  CHECK ((previous_expires_at IS NULL) = (previous_hash IS NULL))
);

CREATE UNIQUE INDEX api_keys_before ON api_keys (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX api_keys_listed ON api_keys (organization, revoked_at, id);

-- The unit of fairness: an API key, then the user that the submitter names (empty for the key itself).
-- A row is never deleted: nodes remember its number. A forgotten name is overwritten.
CREATE TABLE accounts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  api_key integer NOT NULL REFERENCES api_keys (id),
  user_id bytea NOT NULL,
  UNIQUE (api_key, user_id)
);

-- origin: the name of a line. slot: where its owner is looked up, the same for all lines of one origin.
-- A row is never deleted: nodes remember its number.
CREATE TABLE destinations (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization integer NOT NULL REFERENCES organizations (id),
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 1023),
  origin text NOT NULL,
  UNIQUE (organization, origin)
);

-- What a destination has taught; data belongs to the pacer.
CREATE TABLE pace (
  destination integer PRIMARY KEY,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 1023),
  data text NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.1);

CREATE INDEX pace_of_slot ON pace (slot);

-- Limits as resources; data belongs to the rules of limits. Keys sort by their bytes, which is by code points.
CREATE TABLE limits (
  organization integer NOT NULL REFERENCES organizations (id),
  key bytea NOT NULL CHECK (key <> ''),
  data text NOT NULL,
  version bigint NOT NULL CHECK (version >= 1),
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (organization, key)
);

CREATE TABLE webhook_secrets (
  organization integer PRIMARY KEY REFERENCES organizations (id),
  primary_key_id text NOT NULL,
  primary_nonce text NOT NULL,
  primary_ciphertext text NOT NULL,
  secondary_key_id text,
  secondary_nonce text,
  secondary_ciphertext text,
  updated_at bigint NOT NULL,
  CHECK ((secondary_key_id IS NULL) = (secondary_nonce IS NULL)),
  CHECK ((secondary_key_id IS NULL) = (secondary_ciphertext IS NULL))
);

-- Pairs of ed25519 keys, the seed sealed. The newest of an organization signs first.
CREATE TABLE signing_keys (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization integer NOT NULL REFERENCES organizations (id),
  public_key text NOT NULL,
  seed_key_id text NOT NULL,
  seed_nonce text NOT NULL,
  seed_ciphertext text NOT NULL,
  created_at bigint NOT NULL,
  UNIQUE (organization, public_key)
);

-- Secrets that jobs refer to by name, sealed. origins: where each may be sent, as a JSON list.
CREATE TABLE secrets (
  organization integer NOT NULL REFERENCES organizations (id),
  name text COLLATE "C" NOT NULL CHECK (name <> ''),
  value_key_id text NOT NULL,
  value_nonce text NOT NULL,
  value_ciphertext text NOT NULL,
  origins text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (organization, name)
);

-- What an organization has set for itself and how far the work on it has come; data belongs to its kind.
CREATE TABLE documents (
  organization integer NOT NULL REFERENCES organizations (id),
  kind text NOT NULL CHECK (kind <> ''),
  name text NOT NULL,
  data text NOT NULL,
  PRIMARY KEY (organization, kind, name)
);

-- What operators have done, each entry in the write that did it. before and after are JSON without secrets.
CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id uuid NOT NULL UNIQUE,
  organization integer NOT NULL REFERENCES organizations (id),
  at bigint NOT NULL,
  action text NOT NULL,
  target bytea,
  api_key uuid,
  actor bytea,
  reason bytea,
  before text,
  after text
);

CREATE INDEX audit_listed ON audit_log (organization, at, public_id);
CREATE INDEX audit_old ON audit_log (at);

-- An entry says what was: it goes when it is past its time, and never changes before.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Rows of jobs are numbered by their transaction: each draws a number here, times 1024, and counts on.
CREATE SEQUENCE job_blocks;

-- What a job was taken in with: written once, and never changed but to erase a part of it. That it lives
-- says its row in runs, how it ended its row in ended; one of the two is always there.
-- Null says the usual: no tags; a key that is the digest; the scope of the whole organization.
-- parent is the public id, because a parent may be pruned before its children. fingerprint holds the 32
-- bytes of a digest; any other text stands behind 33 zero bytes. spec leaves out what has its usual value,
-- and what stands in the columns beside it.
CREATE TABLE jobs (
  id bigint PRIMARY KEY,
  public_id uuid NOT NULL UNIQUE,
  organization integer NOT NULL,
  account bigint NOT NULL,
  created_at bigint NOT NULL,
  racing boolean NOT NULL,
  quorum_needed integer NOT NULL,
  plan_version integer NOT NULL CHECK (plan_version >= 1),
  fingerprint bytea NOT NULL,
  idempotent_key bytea,
  scope bytea,
  parent uuid,
  edge text,
  tags text,
  method text NOT NULL,
  url text NOT NULL,
  spec text NOT NULL,
  body bytea,
  CHECK ((parent IS NULL) = (edge IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);

CREATE INDEX jobs_by_parent ON jobs (parent, id) WHERE parent IS NOT NULL;

-- What is live. This row is the arbiter of its job: whoever deletes it has ended the job.
-- slot: of the line of the job's first path, its home. state: 0 pending, 1 scheduled, 2 processing.
-- attempts: the highest number given. armed: legs and attempts that are armed, as JSON; null: none.
CREATE TABLE runs (
  job bigint PRIMARY KEY,
  public_id uuid NOT NULL,
  organization integer NOT NULL,
  account bigint NOT NULL,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 1023),
  state smallint NOT NULL CHECK (state BETWEEN 0 AND 2),
  is_tagged boolean NOT NULL,
  created_at bigint NOT NULL,
  started_at bigint,
  window_ms bigint NOT NULL CHECK (window_ms >= 0),
  version integer NOT NULL CHECK (version >= 1),
  wake_at bigint,
  attempts integer NOT NULL CHECK (attempts >= 0),
  armed text,
  data text NOT NULL
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX runs_listed ON runs (organization, state, created_at, public_id);
CREATE INDEX runs_wakeable ON runs (slot, wake_at, job) WHERE wake_at IS NOT NULL;
CREATE INDEX runs_armed ON runs (job) WHERE armed IS NOT NULL;

-- Jobs that have ended. state: 3 completed, 4 failed, 5 deadletter, 6 cancelled. Until expires_at the
-- job's idempotency key stays taken.
CREATE TABLE ended (
  job bigint PRIMARY KEY,
  public_id uuid NOT NULL,
  organization integer NOT NULL,
  state smallint NOT NULL CHECK (state BETWEEN 3 AND 6),
  created_at bigint NOT NULL,
  started_at bigint,
  ended_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  end_json text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);

CREATE INDEX ended_listed ON ended (organization, state, created_at, public_id);
CREATE INDEX ended_in_order ON ended (ended_at, job);
CREATE INDEX ended_dead ON ended (organization, ended_at, public_id) WHERE state IN (4, 5);

-- Legs that wait: in line, or for their moment. slot: of the line.
CREATE TABLE work (
  job bigint NOT NULL,
  leg integer NOT NULL CHECK (leg >= 0),
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 1023),
  destination integer NOT NULL,
  account bigint NOT NULL,
  is_ready boolean NOT NULL,
  ready_at bigint NOT NULL,
  rank bigint NOT NULL,
  PRIMARY KEY (job, leg)
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX work_ready ON work (slot, destination, account, rank, job, leg) WHERE is_ready;
CREATE INDEX work_delayed ON work (slot, ready_at, job, leg) WHERE NOT is_ready;

-- Attempts that have ended, appended whole and never changed but to erase a part.
-- outcome: 0 response, 1 network_error, 2 timeout, 3 aborted, 4 refused, 5 unknown.
-- The response stands behind, and is null when it was not kept.
CREATE TABLE attempts (
  job bigint NOT NULL,
  attempt integer NOT NULL CHECK (attempt >= 1),
  leg integer NOT NULL CHECK (leg >= 0),
  path integer NOT NULL CHECK (path >= 0),
  region text NOT NULL,
  url text NOT NULL,
  armed_at bigint NOT NULL,
  outcome smallint NOT NULL CHECK (outcome BETWEEN 0 AND 5),
  status_code integer,
  error bytea,
  started_at bigint,
  ended_at bigint NOT NULL,
  retry_at bigint,
  response_status integer,
  truncated boolean,
  is_base64 boolean,
  headers text,
  body bytea,
  PRIMARY KEY (job, attempt),
  CHECK ((response_status IS NULL) = (headers IS NULL)),
  CHECK ((response_status IS NULL) = (body IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);

-- The row is its latest attempt as well; those before it stand in delivery_attempts. Votes are not counted
-- anywhere: they are the rows that were delivered. slot: of the endpoint's origin.
-- state: 0 pending, 1 delivered, 2 dead. dead_reason: 0 gone, 1 refused, 2 gave_up, 3 endpoint_disabled.
-- replayed_at: when it was replayed last (or came to be as a copy of a dead one), and replayed_after how
-- many attempts it had then.
CREATE TABLE deliveries (
  job bigint NOT NULL,
  webhook integer NOT NULL CHECK (webhook BETWEEN 0 AND 4095),
  public_id uuid NOT NULL,
  organization integer NOT NULL,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 1023),
  endpoint_id text NOT NULL,
  url text NOT NULL,
  state smallint NOT NULL CHECK (state BETWEEN 0 AND 2),
  has_quorum_vote boolean NOT NULL,
  receives_continuation boolean NOT NULL,
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  created_at bigint NOT NULL,
  next_attempt_at bigint,
  status_code integer,
  error bytea,
  started_at bigint,
  ended_at bigint,
  dead_reason smallint CHECK (dead_reason BETWEEN 0 AND 3),
  replayed_at bigint,
  replayed_after integer,
  PRIMARY KEY (job, webhook),
  CHECK ((next_attempt_at IS NULL) = (state <> 0)),
  CHECK ((ended_at IS NULL) = (attempts = 0)),
  CHECK ((replayed_after IS NULL) = (replayed_at IS NULL))
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.05);

-- Of the pending only: what has ended is found by its job.
CREATE UNIQUE INDEX deliveries_pending ON deliveries (public_id) WHERE state = 0;
CREATE INDEX deliveries_due ON deliveries (slot, next_attempt_at, job, webhook) WHERE state = 0;
CREATE INDEX deliveries_dead
  ON deliveries (organization, coalesce(ended_at, created_at), public_id) WHERE state = 2;
CREATE UNIQUE INDEX deliveries_dead_id ON deliveries (public_id) WHERE state = 2;
CREATE UNIQUE INDEX deliveries_replayed ON deliveries (public_id) WHERE replayed_at IS NOT NULL;

CREATE TABLE delivery_attempts (
  job bigint NOT NULL,
  webhook integer NOT NULL,
  attempt integer NOT NULL CHECK (attempt >= 1),
  status_code integer,
  error bytea,
  started_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  PRIMARY KEY (job, webhook, attempt)
);

-- Only endpoints that were disabled at some time. disabled_by: 0 gone, 1 owner; null: enabled again.
CREATE TABLE webhook_endpoints (
  organization integer NOT NULL,
  endpoint_id text NOT NULL,
  url text NOT NULL,
  disabled_by smallint CHECK (disabled_by IN (0, 1)),
  disabled_at bigint,
  PRIMARY KEY (organization, endpoint_id),
  CHECK ((disabled_by IS NULL) = (disabled_at IS NULL))
);

-- One row per job, in the one tree that every submit enters at a random place: it answers who holds a
-- key and which jobs ever did. retired is 0 for the holder, the job itself for all others; scope is
-- empty for the whole organization. key_hash is the first half of a SHA-256.
CREATE TABLE idempotency_keys (
  organization integer NOT NULL,
  key_hash uuid NOT NULL,
  scope bytea NOT NULL,
  retired bigint NOT NULL CHECK (retired IN (0, job)),
  job bigint NOT NULL,
  PRIMARY KEY (organization, key_hash, scope, retired)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);

-- Only what lists filter by; the job's own tags stand in jobs.tags. The state is repeated here, so that a
-- tag which every job has and a state which hardly one has are still found together.
CREATE TABLE tags (
  organization integer NOT NULL,
  tag bytea NOT NULL,
  state smallint NOT NULL,
  created_at bigint NOT NULL,
  public_id uuid NOT NULL,
  job bigint NOT NULL,
  PRIMARY KEY (organization, tag, state, created_at, public_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Many dead letters that are sent again; data belongs to the rules of redrives.
CREATE TABLE redrives (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id uuid NOT NULL UNIQUE,
  organization integer NOT NULL REFERENCES organizations (id),
  data text NOT NULL,
  version bigint NOT NULL CHECK (version >= 1),
  created_at bigint NOT NULL,
  ended_at bigint
);

CREATE INDEX redrives_listed ON redrives (organization, created_at, public_id);
CREATE INDEX redrives_running ON redrives (id) WHERE ended_at IS NULL;
CREATE INDEX redrives_ended ON redrives (ended_at) WHERE ended_at IS NOT NULL;

-- outcome: 0 sent, 1 succeeded, 2 failed, 3 cancelled, 4 already, 5 unfit, 6 gone.
CREATE TABLE redrive_items (
  redrive bigint NOT NULL,
  number integer NOT NULL CHECK (number >= 1),
  source uuid NOT NULL,
  result uuid,
  outcome smallint NOT NULL CHECK (outcome BETWEEN 0 AND 6),
  PRIMARY KEY (redrive, number)
);

CREATE INDEX redrive_items_out ON redrive_items (redrive, number) WHERE outcome = 0;
`,
  },
  {
    version: 2,
    name: 'cluster',
    sql: `-- Who the nodes are, which slots each of them holds, and how often the things have changed that all of them
-- keep in memory. Every write of a node is held against its row in fences.

-- Epochs are never given twice, so that a write from before a fence fits no later row of the same node.
CREATE SEQUENCE epochs;

-- Heartbeats: a row of its own for each, so that renewing one disturbs nobody. expires_at is by the clock of
-- the database. regions: a JSON list.
CREATE TABLE nodes (
  node uuid PRIMARY KEY,
  version text NOT NULL,
  regions text NOT NULL,
  url text,
  joined_at bigint NOT NULL,
  is_draining boolean NOT NULL DEFAULT false,
  expires_at bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- owner holds only while its fence has this epoch. version: one more with every change, so that a request
-- which comes late changes nothing.
CREATE TABLE slots (
  slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 1023),
  owner uuid,
  epoch bigint,
  version bigint NOT NULL DEFAULT 0,
  CHECK ((owner IS NULL) = (epoch IS NULL))
) WITH (fillfactor = 50);

INSERT INTO slots (slot) SELECT generate_series(0, 1023);

-- Counts up in the transaction that changes a thing: who sees another number reads the thing again.
CREATE TABLE revisions (
  name text PRIMARY KEY,
  number bigint NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %I.revisions AS known (name, number) VALUES ($1, 1)
    ON CONFLICT (name) DO UPDATE SET number = known.number + 1', TG_TABLE_SCHEMA)
    USING TG_ARGV[0];
  RETURN NULL;
END $$;

CREATE TRIGGER limits_changed AFTER INSERT OR UPDATE OR DELETE ON limits
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('limits');
CREATE TRIGGER secrets_changed AFTER INSERT OR UPDATE OR DELETE ON secrets
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('secrets');
CREATE TRIGGER documents_changed AFTER INSERT OR UPDATE OR DELETE ON documents
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('documents');
CREATE TRIGGER webhook_secrets_changed AFTER INSERT OR UPDATE OR DELETE ON webhook_secrets
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('webhook_secrets');
CREATE TRIGGER signing_keys_changed AFTER INSERT OR UPDATE OR DELETE ON signing_keys
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('webhook_secrets');
CREATE TRIGGER webhook_endpoints_changed AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoints
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('endpoints');
-- When a key was used last is nobody's business but the lists'.
CREATE TRIGGER api_keys_changed AFTER INSERT OR DELETE
  OR UPDATE OF hash, scopes, expires_at, previous_hash, previous_expires_at, revoked_at ON api_keys
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('api_keys');
`,
  },
  {
    version: 3,
    name: 'inbox',
    sql: `-- Jobs that applications submit within transactions of their own, until a node takes them over. A row is
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
`,
  },
  {
    version: 4,
    name: 'allotments',
    sql: `-- What each node may spend of a limit that several of them use: one row for each of them that does. Whoever
-- owns the slot writes what is granted, the node itself all the rest. A row counts only while the node's fence
-- has this epoch. What is granted and what is confirmed add up to the limit at most, the larger one counting.
CREATE TABLE allotments (
  key text NOT NULL,
  node uuid NOT NULL,
  epoch bigint NOT NULL,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 1023),
  -- What the node wants, and how the limit stands there.
  demand double precision NOT NULL,
  waiting bigint NOT NULL,
  in_flight bigint NOT NULL,
  rate double precision NOT NULL,
  granted_rate double precision NOT NULL DEFAULT 0,
  granted_burst double precision NOT NULL DEFAULT 0,
  granted_slots bigint NOT NULL DEFAULT 0,
  confirmed_rate double precision NOT NULL DEFAULT 0,
  confirmed_burst double precision NOT NULL DEFAULT 0,
  confirmed_slots bigint NOT NULL DEFAULT 0,
  -- Grants so far: a confirmation names the one that it means.
  grant_number bigint NOT NULL DEFAULT 0,
  -- Whether nobody else can have spent anything of it of late.
  is_fresh boolean NOT NULL DEFAULT false,
  -- By the database's clock: when it was last given its slots or lost them, and when the node last wrote here.
  turn_at bigint NOT NULL DEFAULT 0,
  seen_at bigint NOT NULL,
  PRIMARY KEY (key, node, epoch)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

CREATE INDEX allotments_slot ON allotments (slot);
CREATE INDEX allotments_node ON allotments (node, epoch);
`,
  },
  {
    version: 5,
    name: 'division',
    sql: `-- IF NOT EXISTS: for some hours migrations 3 and 4 brought most of this, and databases that were made then have it.

-- names: how often names of accounts were forgotten. Whoever forgets one counts it in every row, behind all
-- transactions that may know the name, before all that may not: nodes remember the numbers of accounts.
ALTER TABLE fences ADD COLUMN IF NOT EXISTS names bigint NOT NULL DEFAULT 0;

-- A job is not forgotten while its row stands here, from which it would be taken in again.
CREATE INDEX IF NOT EXISTS inbox_jobs ON inbox (id);

-- Of a destination that is divided: whose calls they are, so many; else 0.
ALTER TABLE allotments ADD COLUMN IF NOT EXISTS accounts bigint NOT NULL DEFAULT 0;

-- Destinations whose accounts are divided among several homes. Where a call stands in line is written with the call:
-- this says only where new ones go. Whoever owns the slot writes it, but a pause may be told by every node. rate and
-- concurrency: what the destination was found to bear when it was divided. paused_until: by the clock of the database.
CREATE TABLE IF NOT EXISTS divided_keys (
  key text PRIMARY KEY,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 1023),
  parts smallint NOT NULL CHECK (parts IN (1, 2, 4, 8, 16)),
  version bigint NOT NULL DEFAULT 1,
  rate double precision NOT NULL DEFAULT 0,
  concurrency bigint NOT NULL DEFAULT 0,
  paused_until bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE OR REPLACE TRIGGER divided_keys_changed AFTER INSERT OR UPDATE OR DELETE ON divided_keys
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('divided_keys');

-- A delivery has a next attempt while it is pending. Said so, and not by its state, the index is of no use to those
-- who look for a delivery by its id, nor deliveries_pending to those who look for what is due: while statistics
-- believe that nothing is pending, each of the two seems as good as the other.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (slot, next_attempt_at, job, webhook)
  WHERE next_attempt_at IS NOT NULL;
`,
  },
];
