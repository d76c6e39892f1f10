-- Who people are, apart from the record, so that they can be forgotten.

CREATE TABLE person (
    part_id   INTEGER NOT NULL,
    id        BLOB    NOT NULL,
    name      TEXT    NOT NULL,
    title     TEXT    NOT NULL,
    role      TEXT    NOT NULL,
    suspended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_by_name ON person (part_id, name, id);

CREATE TABLE api_key (
    part_id       INTEGER NOT NULL,
    secret_sha256 BLOB    NOT NULL,
    person        BLOB    NOT NULL,
    label         TEXT    NOT NULL,
    PRIMARY KEY (part_id, secret_sha256),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_by_person ON api_key (part_id, person);
