-- IF NOT EXISTS: for some hours migrations 3 and 4 brought most of this, and databases that were made then have it.

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
