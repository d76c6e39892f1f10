-- What people mean to register for.

CREATE TABLE plan (
    part_id INTEGER NOT NULL,
    person  BLOB    NOT NULL,
    version INTEGER NOT NULL,     -- raised by one with each change
    lines   TEXT    NOT NULL,     -- a JSON list of lines, each a list of sections' ids
    PRIMARY KEY (part_id, person),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
) STRICT, WITHOUT ROWID;
