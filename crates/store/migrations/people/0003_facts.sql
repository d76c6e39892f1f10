-- What is known of people, and by which words they are found.

ALTER TABLE person ADD COLUMN external_id TEXT;                  -- what another system calls them
ALTER TABLE person ADD COLUMN found INTEGER NOT NULL DEFAULT 0;  -- 1 once their words are below

CREATE UNIQUE INDEX person_by_external_id ON person (part_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX person_not_found ON person (part_id, id) WHERE found = 0;

CREATE TABLE person_word (
    part_id INTEGER NOT NULL,
    word    TEXT    NOT NULL,        -- of the name or the title, in small letters without accents
    person  BLOB    NOT NULL,
    PRIMARY KEY (part_id, word, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_word_by_person ON person_word (part_id, person);

CREATE TABLE person_facts (
    part_id    INTEGER NOT NULL,
    person     BLOB    NOT NULL,
    version    INTEGER NOT NULL,     -- raised by one with each change
    tags       TEXT    NOT NULL,     -- a JSON list
    allowances TEXT    NOT NULL,     -- a JSON object: units by the id of a group or a resource
    PRIMARY KEY (part_id, person),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
) STRICT, WITHOUT ROWID;
