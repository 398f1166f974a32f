-- What an organization has set for itself and how far the work on it has come; data belongs to its kind.
CREATE TABLE documents (
  organization INTEGER NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL CHECK (kind <> ''),
  name TEXT NOT NULL,
  data TEXT NOT NULL CHECK (json_valid(data)),
  PRIMARY KEY (organization, kind, name)
) STRICT, WITHOUT ROWID;
