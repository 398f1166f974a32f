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
