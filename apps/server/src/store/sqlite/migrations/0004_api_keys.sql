-- Several keys of an organization, each with what it may do. Those from before may do everything.

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
