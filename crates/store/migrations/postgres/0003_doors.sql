-- How people come in: accounts, secrets by their hashes, who manages what, and what was done with all of it.

CREATE TABLE IF NOT EXISTS account (
    part_id  bigint NOT NULL,
    person   uuid   NOT NULL,
    login    text,                        -- the address they sign in with, in small letters
    password text,                        -- hashed slowly, a PHC string
    issuer   text,                        -- a provider, and what it calls them
    subject  text,
    language text   NOT NULL,
    zone     text   NOT NULL,
    PRIMARY KEY (part_id, person)
);

CREATE UNIQUE INDEX IF NOT EXISTS account_by_login ON account (part_id, login);

CREATE UNIQUE INDEX IF NOT EXISTS account_by_subject ON account (part_id, issuer, subject);

CREATE TABLE IF NOT EXISTS secret (
    part_id bigint NOT NULL,
    sha256  bytea  NOT NULL,
    kind    text   NOT NULL,
    person  uuid,                         -- nobody's before there is anybody
    label   text   NOT NULL,
    scopes  bigint NOT NULL,
    made_at bigint NOT NULL,
    made_by uuid,
    seen_at bigint,
    until   bigint,
    PRIMARY KEY (part_id, sha256),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
);

CREATE INDEX IF NOT EXISTS secret_by_person ON secret (part_id, person);

CREATE INDEX IF NOT EXISTS secret_by_until ON secret (part_id, until);

CREATE TABLE IF NOT EXISTS manages (
    part_id  bigint NOT NULL,
    person   uuid   NOT NULL,
    resource uuid   NOT NULL,             -- or a group, with all that is in it
    PRIMARY KEY (part_id, person, resource)
);

CREATE TABLE IF NOT EXISTS deed (
    part_id bigint NOT NULL,
    id      uuid   NOT NULL,              -- its order is that of time
    at      bigint NOT NULL,
    by      uuid,
    person  uuid,
    what    text   NOT NULL,
    detail  text   NOT NULL,
    address text   NOT NULL,
    PRIMARY KEY (part_id, id)
);
