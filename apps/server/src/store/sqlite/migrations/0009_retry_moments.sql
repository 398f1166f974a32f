-- When what an attempt was for stood in line again: who watches a job later is told the same as who watched it live.
ALTER TABLE attempts ADD COLUMN retry_at INTEGER;
