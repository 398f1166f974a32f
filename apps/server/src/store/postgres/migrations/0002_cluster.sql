-- Who the nodes are, which slots each of them holds, and how often the things have changed that all of them
-- keep in memory. Every write of a node is held against its row in fences.

-- Epochs are never given twice, so that a write from before a fence fits no later row of the same node.
CREATE SEQUENCE epochs;

-- Heartbeats: a row of its own for each, so that renewing one disturbs nobody. expires_at is by the clock of
-- the database. regions: a JSON list.
CREATE TABLE nodes (
  node uuid PRIMARY KEY,
  version text NOT NULL,
  regions text NOT NULL,
  url text,
  joined_at bigint NOT NULL,
  is_draining boolean NOT NULL DEFAULT false,
  expires_at bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- owner holds only while its fence has this epoch. version: one more with every change, so that a request
-- which comes late changes nothing.
CREATE TABLE slots (
  slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 1023),
  owner uuid,
  epoch bigint,
  version bigint NOT NULL DEFAULT 0,
  CHECK ((owner IS NULL) = (epoch IS NULL))
) WITH (fillfactor = 50);

INSERT INTO slots (slot) SELECT generate_series(0, 1023);

-- Counts up in the transaction that changes a thing: who sees another number reads the thing again.
CREATE TABLE revisions (
  name text PRIMARY KEY,
  number bigint NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %I.revisions AS known (name, number) VALUES ($1, 1)
    ON CONFLICT (name) DO UPDATE SET number = known.number + 1', TG_TABLE_SCHEMA)
    USING TG_ARGV[0];
  RETURN NULL;
END $$;

CREATE TRIGGER limits_changed AFTER INSERT OR UPDATE OR DELETE ON limits
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('limits');
CREATE TRIGGER secrets_changed AFTER INSERT OR UPDATE OR DELETE ON secrets
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('secrets');
CREATE TRIGGER documents_changed AFTER INSERT OR UPDATE OR DELETE ON documents
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('documents');
CREATE TRIGGER webhook_secrets_changed AFTER INSERT OR UPDATE OR DELETE ON webhook_secrets
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('webhook_secrets');
CREATE TRIGGER signing_keys_changed AFTER INSERT OR UPDATE OR DELETE ON signing_keys
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('webhook_secrets');
CREATE TRIGGER webhook_endpoints_changed AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoints
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('endpoints');
-- When a key was used last is nobody's business but the lists'.
CREATE TRIGGER api_keys_changed AFTER INSERT OR DELETE
  OR UPDATE OF hash, scopes, expires_at, previous_hash, previous_expires_at, revoked_at ON api_keys
  FOR EACH STATEMENT EXECUTE FUNCTION count_revision('api_keys');
