-- Dead letters: found by the moment of their end, sent again, one or many. Only what is dead or was
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
