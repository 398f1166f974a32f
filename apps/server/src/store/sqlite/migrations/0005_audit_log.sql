-- What operators have done, each entry in the write that did it. before and after are JSON without secrets.
CREATE TABLE audit_log (
  id INTEGER PRIMARY KEY,
  public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
  organization INTEGER NOT NULL REFERENCES organizations (id),
  at INTEGER NOT NULL,
  action TEXT NOT NULL,
  target TEXT,
  api_key BLOB CHECK (length(api_key) = 16),
  actor TEXT,
  reason TEXT,
  before TEXT CHECK (json_valid(before)),
  after TEXT CHECK (json_valid(after))
) STRICT;

CREATE INDEX audit_listed ON audit_log (organization, at, public_id);
CREATE INDEX audit_old ON audit_log (at);

-- An entry says what was: it goes when it is past its time, and never changes before.
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit_log BEGIN
  SELECT raise(ABORT, 'the audit log is append-only');
END;
