-- How people come in: accounts, secrets by their hashes, who manages what, and what was done with all of it.

CREATE TABLE account (
    part_id  INTEGER NOT NULL,
    person   BLOB    NOT NULL,
    login    TEXT,                 -- the address they sign in with, in small letters
    password TEXT,                 -- hashed slowly, a PHC string
    issuer   TEXT,                 -- a provider, and what it calls them
    subject  TEXT,
    language TEXT    NOT NULL,
    zone     TEXT    NOT NULL,
    PRIMARY KEY (part_id, person),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX account_by_login ON account (part_id, login) WHERE login IS NOT NULL;
CREATE UNIQUE INDEX account_by_subject ON account (part_id, issuer, subject) WHERE subject IS NOT NULL;

CREATE TABLE secret (
    part_id INTEGER NOT NULL,
    sha256  BLOB    NOT NULL,
    kind    TEXT    NOT NULL,
    person  BLOB,                  -- nobody's before there is anybody
    label   TEXT    NOT NULL,
    scopes  INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    made_by BLOB,
    seen_at INTEGER,
    until   INTEGER,
    PRIMARY KEY (part_id, sha256),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX secret_by_person ON secret (part_id, person);
CREATE INDEX secret_by_until ON secret (part_id, until) WHERE until IS NOT NULL;

-- Keys made before there were scopes allow all that their person may do, as they did.
INSERT INTO secret (part_id, sha256, kind, person, label, scopes, made_at)
    SELECT part_id, secret_sha256, 'key', person, label, 15, 0 FROM api_key;
DROP TABLE api_key;

CREATE TABLE manages (
    part_id  INTEGER NOT NULL,
    person   BLOB    NOT NULL,
    resource BLOB    NOT NULL,     -- or a group, with all that is in it
    PRIMARY KEY (part_id, person, resource),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE deed (
    part_id INTEGER NOT NULL,
    id      BLOB    NOT NULL,      -- a UUIDv7: its order is that of time
    at      INTEGER NOT NULL,
    by      BLOB,
    person  BLOB,
    what    TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    address TEXT    NOT NULL,
    PRIMARY KEY (part_id, id)
) STRICT, WITHOUT ROWID;
