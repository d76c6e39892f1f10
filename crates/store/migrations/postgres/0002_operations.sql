-- What operators need: whose checkpoints these are, how far they speak, and that a database is not yet whole.

-- What the store is called in checkpoints: it keeps its name for good.

CREATE TABLE IF NOT EXISTS origin (
    part_id bigint NOT NULL,
    store   uuid   NOT NULL,
    PRIMARY KEY (part_id)
);

-- While everything is brought in from elsewhere. Nobody else opens the part meanwhile.

CREATE TABLE IF NOT EXISTS filling (
    part_id bigint  NOT NULL,
    store   uuid    NOT NULL,             -- whose commits are brought in
    whole   boolean NOT NULL,             -- all is there and has not been verified yet
    PRIMARY KEY (part_id)
);

-- Signed checkpoints, and from where the next one goes on.

CREATE TABLE IF NOT EXISTS checkpoint (
    part_id bigint NOT NULL,
    commits bigint NOT NULL,              -- that it speaks for: all up to this stamp and id
    stamp   bigint NOT NULL,
    id      uuid   NOT NULL,
    hash    bytea  NOT NULL,              -- over the hashes of all these commits in order
    line    text   NOT NULL,              -- as it was signed
    PRIMARY KEY (part_id, commits)
);

-- Which instance makes them, and compares what is shown with the record.

CREATE TABLE IF NOT EXISTS keeper (
    part_id bigint      NOT NULL,
    owner   uuid        NOT NULL,
    until   timestamptz NOT NULL,
    PRIMARY KEY (part_id)
);
