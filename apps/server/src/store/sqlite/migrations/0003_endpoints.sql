-- What endpoints of webhooks have said, why deliveries died, and keys that sign beside the secrets.

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
