-- Integer row ids inside, UUIDs as 16 bytes outside; times are integer milliseconds since the epoch.
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
