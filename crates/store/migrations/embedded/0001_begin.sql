-- The journal: everything that was ever decided, one row per durable commit. All else is made from it.
-- Instants are microseconds since 1970 in UTC, ids are 16 bytes.

CREATE TABLE meta (
    part_id     INTEGER NOT NULL PRIMARY KEY,
    writer      BLOB    NOT NULL,    -- whose chain of commits this is
    epoch       INTEGER NOT NULL,
    epoch_began INTEGER              -- none before the first restore
) STRICT;

CREATE TABLE journal (
    number INTEGER NOT NULL PRIMARY KEY,  -- from 1, without a gap
    hash   BLOB    NOT NULL,              -- over the hash before it, the number and the body
    body   BLOB    NOT NULL,              -- attempts with their answers, and what became true by them
    said   BLOB                           -- what people say about their bookings then; apart, so that it can be erased
) STRICT;
