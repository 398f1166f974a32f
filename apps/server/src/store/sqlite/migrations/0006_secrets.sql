-- Secrets that jobs refer to by name, sealed. origins: where each may be sent, as a JSON list.
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
