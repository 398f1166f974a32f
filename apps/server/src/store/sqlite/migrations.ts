// Made from migrations/*.sql by scripts/embed-migrations.ts: change those, then run it.

import type { Migration } from '../migration.ts';

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'initial',
    sql: `-- Integer row ids inside, UUIDs as 16 bytes outside; times are integer milliseconds since the epoch.
-- CHECK constraints repeat what the rules promise, so that a defect becomes a refused row.

CREATE TABLE organizations (
  id INTEGER PRIMARY KEY,
  public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
  id INTEGER PRIMARY KEY,
  public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
  organization INTEGER NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
  dialect TEXT NOT NULL CHECK (dialect IN ('ezthrottle', 'spooled')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;

-- The unit of fairness: an API key, then the user that the submitter names ('' for the key itself).
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  api_key INTEGER NOT NULL REFERENCES api_keys (id),
  user_id TEXT NOT NULL,
  UNIQUE (api_key, user_id)
) STRICT;

CREATE TABLE destinations (
  id INTEGER PRIMARY KEY,
  organization INTEGER NOT NULL REFERENCES organizations (id),
  origin TEXT NOT NULL,
  UNIQUE (organization, origin)
) STRICT;

-- What a destination has taught; data belongs to the pacer.
CREATE TABLE pace (
  destination INTEGER PRIMARY KEY REFERENCES destinations (id),
  data TEXT NOT NULL
) STRICT;

-- Limits as resources; data belongs to the rules of limits.
CREATE TABLE limits (
  organization INTEGER NOT NULL REFERENCES organizations (id),
  key TEXT NOT NULL CHECK (key <> ''),
  data TEXT NOT NULL CHECK (json_valid(data)),
  version INTEGER NOT NULL CHECK (version >= 1),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (organization, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_secrets (
  organization INTEGER PRIMARY KEY REFERENCES organizations (id),
  primary_key_id TEXT NOT NULL,
  primary_nonce TEXT NOT NULL,
  primary_ciphertext TEXT NOT NULL,
  secondary_key_id TEXT,
  secondary_nonce TEXT,
  secondary_ciphertext TEXT,
  updated_at INTEGER NOT NULL,
  CHECK ((secondary_key_id IS NULL) = (secondary_nonce IS NULL)),
  CHECK ((secondary_key_id IS NULL) = (secondary_ciphertext IS NULL))
) STRICT;

-- Mostly inserted: a row is written at the submit, at a change of state, at the end.
-- parent is the public id, because a parent may be pruned before its children.
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
  organization INTEGER NOT NULL REFERENCES organizations (id),
  account INTEGER NOT NULL REFERENCES accounts (id),
  state TEXT NOT NULL CHECK (
    state IN ('pending', 'scheduled', 'processing', 'completed', 'failed', 'deadletter', 'cancelled')
  ),
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  method TEXT NOT NULL,
  url TEXT NOT NULL,
  tags TEXT NOT NULL CHECK (json_valid(tags)),
  racing INTEGER NOT NULL CHECK (racing IN (0, 1)),
  idempotent_key TEXT NOT NULL,
  parent BLOB CHECK (length(parent) = 16),
  edge TEXT,
  quorum_needed INTEGER NOT NULL,
  quorum_votes INTEGER NOT NULL DEFAULT 0 CHECK (quorum_votes >= 0),
  quorum_reached_at INTEGER,
  end_json TEXT CHECK (json_valid(end_json)),
  CHECK ((ended_at IS NULL) = (state IN ('pending', 'scheduled', 'processing'))),
  CHECK ((ended_at IS NULL) = (end_json IS NULL)),
  CHECK ((parent IS NULL) = (edge IS NULL))
) STRICT;

CREATE INDEX jobs_listed ON jobs (organization, state, created_at, public_id);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (parent) WHERE parent IS NOT NULL;

-- How many jobs stand in each state, kept by every transaction that changes one.
CREATE TABLE job_counts (
  state TEXT PRIMARY KEY CHECK (
    state IN ('pending', 'scheduled', 'processing', 'completed', 'failed', 'deadletter', 'cancelled')
  ),
  jobs INTEGER NOT NULL CHECK (jobs >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO job_counts (state, jobs) VALUES
  ('pending', 0), ('scheduled', 0), ('processing', 0),
  ('completed', 0), ('failed', 0), ('deadletter', 0), ('cancelled', 0);

-- Bodies stand apart, so that lists and counts read small rows.
CREATE TABLE job_payloads (
  job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  plan_version INTEGER NOT NULL CHECK (plan_version >= 1),
  spec TEXT NOT NULL
) STRICT;

-- What is live. This row is the arbiter of its job: whoever deletes it has ended the job.
CREATE TABLE runs (
  job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  version INTEGER NOT NULL CHECK (version >= 1),
  wake_at INTEGER,
  data TEXT NOT NULL
) STRICT;

CREATE INDEX runs_wakeable ON runs (wake_at) WHERE wake_at IS NOT NULL;

-- The legs of live jobs; settled legs are deleted.
CREATE TABLE work (
  job INTEGER NOT NULL REFERENCES runs (job) ON DELETE CASCADE,
  leg INTEGER NOT NULL CHECK (leg >= 0),
  destination INTEGER NOT NULL REFERENCES destinations (id),
  account INTEGER NOT NULL REFERENCES accounts (id),
  state TEXT NOT NULL CHECK (state IN ('delayed', 'ready', 'armed')),
  ready_at INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  PRIMARY KEY (job, leg)
) STRICT, WITHOUT ROWID;

CREATE INDEX work_ready ON work (destination, account, rank, job, leg) WHERE state = 'ready';
CREATE INDEX work_delayed ON work (ready_at, job, leg) WHERE state = 'delayed';
CREATE INDEX work_armed ON work (job, leg) WHERE state = 'armed';

-- Appended when an attempt is armed; never changed. Its number is therefore given once.
CREATE TABLE attempts (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  leg INTEGER NOT NULL CHECK (leg >= 0),
  path INTEGER NOT NULL CHECK (path >= 0),
  token TEXT NOT NULL,
  region TEXT NOT NULL,
  url TEXT NOT NULL,
  armed_at INTEGER NOT NULL,
  PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID;

-- Appended when it has ended; never changed.
CREATE TABLE attempt_outcomes (
  job INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (
    outcome IN ('response', 'network_error', 'timeout', 'aborted', 'refused', 'unknown')
  ),
  status_code INTEGER,
  error TEXT,
  started_at INTEGER,
  ended_at INTEGER NOT NULL,
  PRIMARY KEY (job, attempt),
  FOREIGN KEY (job, attempt) REFERENCES attempts (job, attempt) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Bodies are large: an ordinary table keeps them out of the tree that is searched.
CREATE TABLE responses (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  status INTEGER NOT NULL,
  headers TEXT NOT NULL CHECK (json_valid(headers)),
  body TEXT NOT NULL,
  body_encoding TEXT NOT NULL CHECK (body_encoding IN ('utf8', 'base64')),
  truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
  UNIQUE (job, attempt),
  FOREIGN KEY (job, attempt) REFERENCES attempts (job, attempt) ON DELETE CASCADE
) STRICT;

CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY,
  public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  webhook INTEGER NOT NULL CHECK (webhook >= 0),
  endpoint_id TEXT NOT NULL,
  url TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
  has_quorum_vote INTEGER NOT NULL CHECK (has_quorum_vote IN (0, 1)),
  receives_continuation INTEGER NOT NULL CHECK (receives_continuation IN (0, 1)),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  status_code INTEGER,
  error TEXT,
  next_attempt_at INTEGER,
  created_at INTEGER NOT NULL,
  UNIQUE (job, webhook),
  CHECK ((next_attempt_at IS NULL) = (state <> 'pending'))
) STRICT;

CREATE INDEX deliveries_due ON deliveries (next_attempt_at, id) WHERE state = 'pending';

CREATE TABLE delivery_attempts (
  delivery INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  status_code INTEGER,
  error TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  PRIMARY KEY (delivery, attempt)
) STRICT, WITHOUT ROWID;

-- One row per job. A key is taken while its job lives (expires_at is null), and for window_ms after
-- its end; whoever takes it then retires the row, which goes with its job. So the one index that
-- every submit enters at a random place answers both: who holds a key, and which jobs ever did.
-- retired is 0 for the holder, the job itself for all others.
CREATE TABLE idempotency_keys (
  job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  organization INTEGER NOT NULL,
  scope TEXT NOT NULL,
  key_hash BLOB NOT NULL CHECK (length(key_hash) = 32),
  fingerprint TEXT NOT NULL,
  window_ms INTEGER NOT NULL CHECK (window_ms >= 0),
  expires_at INTEGER,
  retired INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, job)),
  UNIQUE (organization, key_hash, scope, retired)
) STRICT;

-- Only what list filters by; the job's own tags stand in jobs.tags. The state is repeated here, so
-- that a tag which every job has and a state which hardly one has are still found together.
CREATE TABLE tags (
  organization INTEGER NOT NULL REFERENCES organizations (id),
  tag TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  public_id BLOB NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (organization, tag, state, created_at, public_id)
) STRICT, WITHOUT ROWID;
`,
  },
  {
    version: 2,
    name: 'narrow_rows',
    sql: `-- Fewer and narrower rows for each job. A lifecycle that wrote ten rows and touched thirty trees writes
-- six and touches half as many; a queued job takes less than half the disk.
-- What hangs on a job has no foreign key any more: each would be looked up at every insert. The pruner
-- deletes by itself what hangs on the jobs that it removes.

-- state: 0 pending, 1 scheduled, 2 processing, 3 completed, 4 failed, 5 deadletter, 6 cancelled.
-- Null says the usual: no tags; a key that is the digest; the scope of the whole organization.
-- A key stays taken for window_ms after ended_at. parent is the public id, because a parent may be
-- pruned before its children.
CREATE TABLE narrow_jobs (
  id INTEGER PRIMARY KEY,
  public_id BLOB NOT NULL CHECK (length(public_id) = 16),
  organization INTEGER NOT NULL,
  account INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
  created_at INTEGER NOT NULL,
  tags TEXT,
  racing INTEGER NOT NULL CHECK (racing IN (0, 1)),
  quorum_needed INTEGER NOT NULL,
  window_ms INTEGER NOT NULL CHECK (window_ms >= 0),
  fingerprint ANY NOT NULL,
  idempotent_key TEXT,
  scope TEXT,
  parent BLOB CHECK (length(parent) = 16),
  edge TEXT,
  started_at INTEGER,
  ended_at INTEGER,
  end_json TEXT,
  CHECK ((ended_at IS NULL) = (state < 3)),
  CHECK ((ended_at IS NULL) = (end_json IS NULL)),
  CHECK ((parent IS NULL) = (edge IS NULL))
) STRICT;

INSERT INTO narrow_jobs
SELECT jobs.id, public_id, jobs.organization, account,
  CASE state WHEN 'pending' THEN 0 WHEN 'scheduled' THEN 1 WHEN 'processing' THEN 2
    WHEN 'completed' THEN 3 WHEN 'failed' THEN 4 WHEN 'deadletter' THEN 5 ELSE 6 END,
  created_at, nullif(tags, '[]'), racing, quorum_needed, window_ms, fingerprint, idempotent_key, scope,
  parent, edge, started_at, ended_at, end_json
FROM jobs JOIN idempotency_keys ON idempotency_keys.job = jobs.id;

-- What a list shows stands before what it does not need. spec leaves out what has its usual value, and
-- what stands in the columns beside it.
CREATE TABLE narrow_payloads (
  job INTEGER PRIMARY KEY,
  plan_version INTEGER NOT NULL CHECK (plan_version >= 1),
  method TEXT NOT NULL,
  url TEXT NOT NULL,
  spec TEXT NOT NULL,
  body TEXT
) STRICT;

INSERT INTO narrow_payloads
SELECT job, plan_version, method, url, spec, NULL FROM job_payloads JOIN jobs ON jobs.id = job;

-- What is live. This row is the arbiter of its job: whoever deletes it has ended the job.
-- attempts: the highest number given. armed: legs and attempts that are armed, as JSON; null: none.
CREATE TABLE narrow_runs (
  job INTEGER PRIMARY KEY,
  version INTEGER NOT NULL CHECK (version >= 1),
  wake_at INTEGER,
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  armed TEXT,
  data TEXT NOT NULL
) STRICT;

INSERT INTO narrow_runs
SELECT job, version, wake_at,
  (SELECT coalesce(max(attempt), 0) FROM attempts WHERE attempts.job = runs.job),
  CASE WHEN EXISTS (SELECT 1 FROM work WHERE work.job = runs.job AND state = 'armed')
    OR EXISTS (SELECT 1 FROM attempts WHERE attempts.job = runs.job AND NOT EXISTS (
      SELECT 1 FROM attempt_outcomes AS ended
      WHERE ended.job = attempts.job AND ended.attempt = attempts.attempt))
  THEN json_object(
    'legs', (SELECT json_group_array(leg) FROM work WHERE work.job = runs.job AND state = 'armed'),
    'attempts', (
      SELECT json_group_array(json_object('attempt', attempt, 'leg', leg, 'path', path,
        'token', token, 'region', region, 'url', url, 'armedAt', armed_at))
      FROM attempts WHERE attempts.job = runs.job AND NOT EXISTS (
        SELECT 1 FROM attempt_outcomes AS ended
        WHERE ended.job = attempts.job AND ended.attempt = attempts.attempt)))
  END,
  data
FROM runs;

-- Legs that wait: in line, or for their moment.
CREATE TABLE narrow_work (
  job INTEGER NOT NULL,
  leg INTEGER NOT NULL CHECK (leg >= 0),
  destination INTEGER NOT NULL,
  account INTEGER NOT NULL,
  is_ready INTEGER NOT NULL CHECK (is_ready IN (0, 1)),
  ready_at INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  PRIMARY KEY (job, leg)
) STRICT, WITHOUT ROWID;

INSERT INTO narrow_work
SELECT job, leg, destination, account, state = 'ready', ready_at, rank FROM work
WHERE state <> 'armed';

-- Attempts that have ended, appended whole and never changed. id is job * 1048576 + attempt, so that a
-- number exists once and the attempts of a job stand together without an index.
-- outcome: 0 response, 1 network_error, 2 timeout, 3 aborted, 4 refused, 5 unknown.
-- The response stands behind, and is null when it was not kept; url is null when it is the path's.
CREATE TABLE narrow_attempts (
  id INTEGER PRIMARY KEY CHECK (id % 1048576 > 0),
  leg INTEGER NOT NULL CHECK (leg >= 0),
  path INTEGER NOT NULL CHECK (path >= 0),
  region TEXT NOT NULL,
  url TEXT NOT NULL,
  armed_at INTEGER NOT NULL,
  outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 5),
  status_code INTEGER,
  error TEXT,
  started_at INTEGER,
  ended_at INTEGER NOT NULL,
  response_status INTEGER,
  truncated INTEGER CHECK (truncated IN (0, 1)),
  is_base64 INTEGER CHECK (is_base64 IN (0, 1)),
  headers TEXT,
  body TEXT,
  CHECK ((response_status IS NULL) = (headers IS NULL)),
  CHECK ((response_status IS NULL) = (body IS NULL))
) STRICT;

INSERT INTO narrow_attempts
SELECT attempts.job * 1048576 + attempts.attempt, leg, path, region, url, armed_at,
  CASE outcome WHEN 'response' THEN 0 WHEN 'network_error' THEN 1 WHEN 'timeout' THEN 2
    WHEN 'aborted' THEN 3 WHEN 'refused' THEN 4 ELSE 5 END,
  status_code, error, started_at, ended_at, status, truncated, body_encoding = 'base64', headers, body
FROM attempts
JOIN attempt_outcomes AS ended ON ended.job = attempts.job AND ended.attempt = attempts.attempt
LEFT JOIN responses ON responses.job = attempts.job AND responses.attempt = attempts.attempt;

-- id is job * 4096 + webhook. The row is its latest attempt as well; those before it stand in
-- delivery_attempts. Votes are not counted anywhere: they are the rows that were delivered.
-- state: 0 pending, 1 delivered, 2 dead.
CREATE TABLE narrow_deliveries (
  id INTEGER PRIMARY KEY CHECK (id >= 4096),
  public_id BLOB NOT NULL CHECK (length(public_id) = 16),
  endpoint_id TEXT NOT NULL,
  url TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
  has_quorum_vote INTEGER NOT NULL CHECK (has_quorum_vote IN (0, 1)),
  receives_continuation INTEGER NOT NULL CHECK (receives_continuation IN (0, 1)),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  created_at INTEGER NOT NULL,
  next_attempt_at INTEGER,
  status_code INTEGER,
  error TEXT,
  started_at INTEGER,
  ended_at INTEGER,
  CHECK ((next_attempt_at IS NULL) = (state <> 0)),
  CHECK ((ended_at IS NULL) = (attempts = 0))
) STRICT;

INSERT INTO narrow_deliveries
SELECT deliveries.job * 4096 + webhook, public_id, endpoint_id, url,
  CASE state WHEN 'pending' THEN 0 WHEN 'delivered' THEN 1 ELSE 2 END,
  has_quorum_vote, receives_continuation, attempts, created_at, next_attempt_at,
  deliveries.status_code, deliveries.error, started_at, ended_at
FROM deliveries
LEFT JOIN delivery_attempts ON delivery_attempts.delivery = deliveries.id
  AND delivery_attempts.attempt = deliveries.attempts;

CREATE TABLE narrow_delivery_attempts (
  delivery INTEGER NOT NULL,
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  status_code INTEGER,
  error TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  PRIMARY KEY (delivery, attempt)
) STRICT, WITHOUT ROWID;

INSERT INTO narrow_delivery_attempts
SELECT deliveries.job * 4096 + webhook, delivery_attempts.attempt, delivery_attempts.status_code,
  delivery_attempts.error, started_at, ended_at
FROM delivery_attempts JOIN deliveries ON deliveries.id = delivery_attempts.delivery
WHERE delivery_attempts.attempt < deliveries.attempts;

-- One row per job, in the one tree that every submit enters at a random place: it answers who holds a
-- key and which jobs ever did. retired is 0 for the holder, the job itself for all others; scope is
-- empty for the whole organization. key_hash is the first half of a SHA-256.
CREATE TABLE narrow_keys (
  organization INTEGER NOT NULL,
  key_hash BLOB NOT NULL CHECK (length(key_hash) = 16),
  scope TEXT NOT NULL,
  retired INTEGER NOT NULL CHECK (retired IN (0, job)),
  job INTEGER NOT NULL,
  PRIMARY KEY (organization, key_hash, scope, retired)
) STRICT, WITHOUT ROWID;

INSERT INTO narrow_keys
SELECT organization, substr(key_hash, 1, 16), CASE scope WHEN 'organization' THEN '' ELSE scope END,
  retired, job
FROM idempotency_keys;

CREATE TABLE narrow_tags (
  organization INTEGER NOT NULL,
  tag TEXT NOT NULL,
  state INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  public_id BLOB NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (organization, tag, state, created_at, public_id)
) STRICT, WITHOUT ROWID;

INSERT INTO narrow_tags
SELECT tags.organization, tag, narrow_jobs.state, tags.created_at, tags.public_id, job
FROM tags JOIN narrow_jobs ON narrow_jobs.id = tags.job;

DROP TABLE tags;
DROP TABLE idempotency_keys;
DROP TABLE delivery_attempts;
DROP TABLE deliveries;
DROP TABLE responses;
DROP TABLE attempt_outcomes;
DROP TABLE attempts;
DROP TABLE work;
DROP TABLE runs;
DROP TABLE job_payloads;
DROP TABLE jobs;

ALTER TABLE narrow_jobs RENAME TO jobs;
ALTER TABLE narrow_payloads RENAME TO job_payloads;
ALTER TABLE narrow_runs RENAME TO runs;
ALTER TABLE narrow_work RENAME TO work;
ALTER TABLE narrow_attempts RENAME TO attempts;
ALTER TABLE narrow_deliveries RENAME TO deliveries;
ALTER TABLE narrow_delivery_attempts RENAME TO delivery_attempts;
ALTER TABLE narrow_keys RENAME TO idempotency_keys;
ALTER TABLE narrow_tags RENAME TO tags;

CREATE UNIQUE INDEX jobs_by_public_id ON jobs (public_id);
CREATE INDEX jobs_listed ON jobs (organization, state, created_at, public_id);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_wakeable ON runs (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX runs_armed ON runs (job) WHERE armed IS NOT NULL;
CREATE INDEX work_ready ON work (destination, account, rank, job, leg) WHERE is_ready = 1;
CREATE INDEX work_delayed ON work (ready_at, job, leg) WHERE is_ready = 0;
-- Of the pending only: what has ended is found by its job.
CREATE UNIQUE INDEX deliveries_pending ON deliveries (public_id) WHERE state = 0;
CREATE INDEX deliveries_due ON deliveries (next_attempt_at, id) WHERE state = 0;
`,
  },
  {
    version: 3,
    name: 'endpoints',
    sql: `-- What endpoints of webhooks have said, why deliveries died, and keys that sign beside the secrets.

-- 0 gone, 1 refused, 2 gave_up, 3 endpoint_disabled.
ALTER TABLE deliveries ADD COLUMN dead_reason INTEGER CHECK (dead_reason BETWEEN 0 AND 3);

-- Only endpoints that were disabled at some time. disabled_by: 0 gone, 1 owner; null: enabled again.
CREATE TABLE webhook_endpoints (
  organization INTEGER NOT NULL,
  endpoint_id TEXT NOT NULL,
  url TEXT NOT NULL,
  disabled_by INTEGER CHECK (disabled_by IN (0, 1)),
  disabled_at INTEGER,
  CHECK ((disabled_by IS NULL) = (disabled_at IS NULL)),
  PRIMARY KEY (organization, endpoint_id)
) STRICT, WITHOUT ROWID;

-- Pairs of ed25519 keys, the seed sealed. The newest of an organization signs first.
CREATE TABLE signing_keys (
  id INTEGER PRIMARY KEY,
  organization INTEGER NOT NULL REFERENCES organizations (id),
  public_key TEXT NOT NULL,
  seed_key_id TEXT NOT NULL,
  seed_nonce TEXT NOT NULL,
  seed_ciphertext TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (organization, public_key)
) STRICT;
`,
  },
  {
    version: 4,
    name: 'api_keys',
    sql: `-- Several keys of an organization, each with what it may do. Those from before may do everything.

-- scopes: 1 submit, 2 read, 4 manage, added up.
ALTER TABLE api_keys ADD COLUMN scopes INTEGER NOT NULL DEFAULT 7 CHECK (scopes BETWEEN 1 AND 7);
ALTER TABLE api_keys ADD COLUMN hint TEXT;
ALTER TABLE api_keys ADD COLUMN previous_hash TEXT CHECK (length(previous_hash) = 64);
ALTER TABLE api_keys ADD COLUMN previous_expires_at INTEGER
  CHECK ((previous_expires_at IS NULL) = (previous_hash IS NULL));
ALTER TABLE api_keys ADD COLUMN last_used_at INTEGER;
ALTER TABLE api_keys ADD COLUMN revoked_at INTEGER;

CREATE UNIQUE INDEX api_keys_before ON api_keys (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX api_keys_listed ON api_keys (organization, revoked_at, id);
`,
  },
  {
    version: 5,
    name: 'audit_log',
    sql: `-- What operators have done, each entry in the write that did it. before and after are JSON without secrets.
CREATE TABLE audit_log (
  id INTEGER PRIMARY KEY,
  public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
  organization INTEGER NOT NULL REFERENCES organizations (id),
  at INTEGER NOT NULL,
  action TEXT NOT NULL,
  target TEXT,
  api_key BLOB CHECK (length(api_key) = 16),
  actor TEXT,
  reason TEXT,
  before TEXT CHECK (json_valid(before)),
  after TEXT CHECK (json_valid(after))
) STRICT;

CREATE INDEX audit_listed ON audit_log (organization, at, public_id);
CREATE INDEX audit_old ON audit_log (at);

-- An entry says what was: it goes when it is past its time, and never changes before.
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit_log BEGIN
  SELECT raise(ABORT, 'the audit log is append-only');
END;
`,
  },
  {
    version: 6,
    name: 'secrets',
    sql: `-- Secrets that jobs refer to by name, sealed. origins: where each may be sent, as a JSON list.
CREATE TABLE secrets (
  organization INTEGER NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL CHECK (name <> ''),
  value_key_id TEXT NOT NULL,
  value_nonce TEXT NOT NULL,
  value_ciphertext TEXT NOT NULL,
  origins TEXT NOT NULL CHECK (json_valid(origins)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (organization, name)
) STRICT, WITHOUT ROWID;
`,
  },
  {
    version: 7,
    name: 'dead_letters',
    sql: `-- Dead letters: found by the moment of their end, sent again, one or many. Only what is dead or was
-- replayed stands in these indexes, so that nothing else is written more often.

CREATE INDEX jobs_dead ON jobs (organization, ended_at, public_id) WHERE state IN (4, 5);

-- dead_organization is set when a delivery dies. replayed_at: when it was replayed last (or came to be
-- as a copy of a dead one), and replayed_after how many attempts it had then.
ALTER TABLE deliveries ADD COLUMN dead_organization INTEGER;
ALTER TABLE deliveries ADD COLUMN replayed_at INTEGER;
ALTER TABLE deliveries ADD COLUMN replayed_after INTEGER
  CHECK ((replayed_after IS NULL) = (replayed_at IS NULL));

UPDATE deliveries
SET dead_organization = (SELECT organization FROM jobs WHERE jobs.id = deliveries.id / 4096)
WHERE state = 2;

CREATE INDEX deliveries_dead
  ON deliveries (dead_organization, coalesce(ended_at, created_at), public_id) WHERE state = 2;
CREATE UNIQUE INDEX deliveries_dead_id ON deliveries (public_id) WHERE state = 2;
CREATE UNIQUE INDEX deliveries_replayed ON deliveries (public_id) WHERE replayed_at IS NOT NULL;

-- Many dead letters that are sent again; data belongs to the rules of redrives.
CREATE TABLE redrives (
  id INTEGER PRIMARY KEY,
  public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
  organization INTEGER NOT NULL REFERENCES organizations (id),
  data TEXT NOT NULL CHECK (json_valid(data)),
  version INTEGER NOT NULL CHECK (version >= 1),
  created_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;

CREATE INDEX redrives_listed ON redrives (organization, created_at, public_id);
CREATE INDEX redrives_running ON redrives (id) WHERE ended_at IS NULL;
CREATE INDEX redrives_ended ON redrives (ended_at) WHERE ended_at IS NOT NULL;

-- outcome: 0 sent, 1 succeeded, 2 failed, 3 cancelled, 4 already, 5 unfit, 6 gone.
CREATE TABLE redrive_items (
  redrive INTEGER NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 1),
  source BLOB NOT NULL CHECK (length(source) = 16),
  result BLOB CHECK (length(result) = 16),
  outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 6),
  PRIMARY KEY (redrive, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX redrive_items_out ON redrive_items (redrive, number) WHERE outcome = 0;
`,
  },
  {
    version: 8,
    name: 'documents',
    sql: `-- What an organization has set for itself and how far the work on it has come; data belongs to its kind.
CREATE TABLE documents (
  organization INTEGER NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL CHECK (kind <> ''),
  name TEXT NOT NULL,
  data TEXT NOT NULL CHECK (json_valid(data)),
  PRIMARY KEY (organization, kind, name)
) STRICT, WITHOUT ROWID;
`,
  },
  {
    version: 9,
    name: 'retry_moments',
    sql: `-- When what an attempt was for stood in line again: who watches a job later is told the same as who watched it live.
ALTER TABLE attempts ADD COLUMN retry_at INTEGER;
`,
  },
];
