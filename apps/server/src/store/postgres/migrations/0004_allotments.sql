-- What each node may spend of a limit that several of them use: one row for each of them that does. Whoever
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
  -- Of a destination that is divided: whose calls they are, so many; else 0.
  accounts bigint NOT NULL DEFAULT 0,
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

-- Destinations whose accounts are divided among several homes. Where a call stands in line is written with the call:
-- this says only where new ones go. Whoever owns the slot writes it, but a pause may be told by every node. rate and
-- concurrency: what the destination was found to bear when it was divided. paused_until: by the clock of the database.
CREATE TABLE divided_keys (
  key text PRIMARY KEY,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 1023),
  parts smallint NOT NULL CHECK (parts IN (1, 2, 4, 8, 16)),
  version bigint NOT NULL DEFAULT 1,
  rate double precision NOT NULL DEFAULT 0,
  concurrency bigint NOT NULL DEFAULT 0,
  paused_until bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TRIGGER divided_keys_changed AFTER INSERT OR UPDATE OR DELETE ON divided_keys
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('divided_keys');
