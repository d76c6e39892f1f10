-- How people are told: where to write to them, what they have read, and the letters still to be sent.

CREATE TABLE address (
    part_id INTEGER NOT NULL,
    person  BLOB    NOT NULL,
    email   TEXT    NOT NULL,
    PRIMARY KEY (part_id, person),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE notice_read (
    part_id       INTEGER NOT NULL,
    person        BLOB    NOT NULL,
    commit_number INTEGER NOT NULL,  -- the last notice they have read
    place         INTEGER NOT NULL,
    PRIMARY KEY (part_id, person),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE posted (
    part_id       INTEGER NOT NULL PRIMARY KEY,
    commit_number INTEGER NOT NULL,  -- the last notice that letters were made of
    place         INTEGER NOT NULL
) STRICT;

CREATE TABLE letter (
    part_id       INTEGER NOT NULL,
    person        BLOB    NOT NULL,
    commit_number INTEGER NOT NULL,
    place         INTEGER NOT NULL,
    news          TEXT    NOT NULL,
    booking       BLOB    NOT NULL,
    resource      BLOB    NOT NULL,
    at            INTEGER NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    due_at        INTEGER NOT NULL,
    PRIMARY KEY (part_id, person, commit_number, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX letter_due ON letter (part_id, due_at);
