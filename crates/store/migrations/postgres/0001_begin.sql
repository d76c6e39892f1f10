-- Everything begins with the part, so that one part can live on one machine of many. Instants are microseconds since 1970 in UTC.
-- Statements end with a semicolon at the end of a line; each is carried out by itself and may be carried out again.

CREATE TABLE IF NOT EXISTS meta (
    part_id     bigint NOT NULL,
    epoch       bigint NOT NULL,
    epoch_began bigint,                   -- none before the first restore
    longest     bigint NOT NULL DEFAULT 0, -- no booking lasts longer, from its first start to its last end
    PRIMARY KEY (part_id)
);

-- The first row of every commit. Who does not know whether a commit is durable puts a tombstone under its id: the key lets one win.

CREATE TABLE IF NOT EXISTS commit_id (
    part_id   bigint  NOT NULL,
    id        uuid    NOT NULL,
    tombstone boolean NOT NULL,
    expected  bigint  NOT NULL DEFAULT 0,  -- rows that this commit was to change
    found     bigint  NOT NULL DEFAULT 0,  -- and has changed
    PRIMARY KEY (part_id, id),
    CHECK (expected = found)
);

-- The journal: one row per durable commit, each chained to the one before it of the same writer.

CREATE TABLE IF NOT EXISTS journal (
    part_id bigint NOT NULL,
    id      uuid   NOT NULL,
    writer  uuid   NOT NULL,
    number  bigint NOT NULL,              -- of this writer, from 1, without a gap
    stamp   bigint NOT NULL,              -- the clock, but after all that this commit has seen
    hash    bytea  NOT NULL,              -- over the hash before it, the number and the body
    body    bytea  NOT NULL,              -- attempts with their answers, and what became true by them
    said    bytea,                        -- what people say about their bookings then; apart, so that it can be erased
    PRIMARY KEY (part_id, id)
);

CREATE UNIQUE INDEX IF NOT EXISTS journal_by_writer ON journal (part_id, writer, number);

CREATE INDEX IF NOT EXISTS journal_by_stamp ON journal (part_id, stamp, id);

-- Where each resource's record ends. Whoever changes a resource holds this row.

CREATE TABLE IF NOT EXISTS resource_head (
    part_id    bigint NOT NULL,
    resource   uuid   NOT NULL,
    epoch      bigint NOT NULL,
    number     bigint NOT NULL,
    base       bigint NOT NULL,           -- its number before the last commit
    decided_at bigint NOT NULL,
    stamp      bigint NOT NULL,
    hash       bytea  NOT NULL,           -- the head of the resource's chain
    commit_id  uuid   NOT NULL,           -- of its last record
    due_at     bigint,                    -- when something falls due by itself
    in_group   uuid,
    taken      bigint NOT NULL,           -- units of its one interval, where it has one
    room       bigint,                    -- units there are of it, with those given beyond it; none is no limit
    PRIMARY KEY (part_id, resource),
    CHECK (base < number),
    CHECK (taken <= room)
);

CREATE INDEX IF NOT EXISTS resource_head_due ON resource_head (part_id, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX IF NOT EXISTS resource_head_group ON resource_head (part_id, in_group) WHERE in_group IS NOT NULL;

-- The record: what became true of each resource, version by version. It is the outbox too.

CREATE TABLE IF NOT EXISTS record (
    part_id    bigint NOT NULL,
    resource   uuid   NOT NULL,
    number     bigint NOT NULL,
    epoch      bigint NOT NULL,
    commit_id  uuid   NOT NULL,
    decided_at bigint NOT NULL,
    attempt    uuid   NOT NULL,
    actor      uuid   NOT NULL,           -- all zeros are the system
    changes    bytea  NOT NULL,
    PRIMARY KEY (part_id, resource, number)
);

-- A resource as it was at some version: what its record is folded onto, so that it need not be folded from its beginning.

CREATE TABLE IF NOT EXISTS snapshot (
    part_id    bigint NOT NULL,
    resource   uuid   NOT NULL,
    number     bigint NOT NULL,
    epoch      bigint NOT NULL,
    decided_at bigint NOT NULL,
    changes    bytea  NOT NULL,           -- that make nothing into it
    PRIMARY KEY (part_id, resource)
);

CREATE TABLE IF NOT EXISTS booking (
    part_id   bigint  NOT NULL,
    id        uuid    NOT NULL,
    owner     uuid    NOT NULL,
    state     text    NOT NULL,
    series    uuid,
    start_at  bigint  NOT NULL,
    end_at    bigint  NOT NULL,
    until     bigint  NOT NULL,           -- the last instant that any of it takes
    ruled     boolean NOT NULL,           -- whether a rule about its owner counts it
    revision  bigint  NOT NULL,
    commit_id uuid    NOT NULL,
    body      bytea   NOT NULL,
    said      bytea,                      -- what people say about it
    PRIMARY KEY (part_id, id)
);

CREATE INDEX IF NOT EXISTS booking_by_owner ON booking (part_id, owner, start_at, id);

CREATE INDEX IF NOT EXISTS booking_by_start ON booking (part_id, start_at, id);

CREATE INDEX IF NOT EXISTS booking_by_series ON booking (part_id, series, start_at, id) WHERE series IS NOT NULL;

CREATE INDEX IF NOT EXISTS booking_pending ON booking (part_id, start_at, id) WHERE state = 'pending';

CREATE INDEX IF NOT EXISTS booking_ruled ON booking (part_id, owner, until) WHERE ruled;

-- Where each booking is.

CREATE TABLE IF NOT EXISTS booking_on (
    part_id  bigint NOT NULL,
    resource uuid   NOT NULL,
    start_at bigint NOT NULL,
    booking  uuid   NOT NULL,
    end_at   bigint NOT NULL,
    PRIMARY KEY (part_id, resource, start_at, booking)
);

CREATE TABLE IF NOT EXISTS booking_commit (
    part_id   bigint NOT NULL,
    booking   uuid   NOT NULL,
    stamp     bigint NOT NULL,
    commit_id uuid   NOT NULL,
    PRIMARY KEY (part_id, booking, stamp, commit_id)
);

-- Holds and places in waitlists: the last change of each.

CREATE TABLE IF NOT EXISTS claim (
    part_id  bigint  NOT NULL,
    id       uuid    NOT NULL,
    kind     bigint  NOT NULL,            -- 1 is a hold, 2 a place in a waitlist
    resource uuid    NOT NULL,
    person   uuid    NOT NULL,
    since    bigint  NOT NULL,            -- when it was granted or joined
    live     boolean NOT NULL,
    change   bytea   NOT NULL,
    PRIMARY KEY (part_id, id, kind)      -- an offer has the id of the place in the waitlist that it is made to
);

CREATE INDEX IF NOT EXISTS claim_by_person ON claim (part_id, person, kind, since, id);

CREATE INDEX IF NOT EXISTS claim_live ON claim (part_id, person) WHERE live;

-- Which commit has the answer to a key.

CREATE TABLE IF NOT EXISTS attempt (
    part_id   bigint NOT NULL,
    key       uuid   NOT NULL,
    actor     uuid   NOT NULL,
    commit_id uuid   NOT NULL,
    PRIMARY KEY (part_id, key, actor)
);

CREATE TABLE IF NOT EXISTS notice (
    part_id   bigint  NOT NULL,
    person    uuid    NOT NULL,
    stamp     bigint  NOT NULL,
    place     bigint  NOT NULL,
    commit_id uuid    NOT NULL,
    news      text    NOT NULL,
    booking   uuid    NOT NULL,
    resource  uuid    NOT NULL,
    at        bigint  NOT NULL,
    dates     bigint  NOT NULL,           -- of one series, of which the booking is the first; 1 of anything else
    posted    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (part_id, person, stamp, place, commit_id)
);

CREATE INDEX IF NOT EXISTS notice_in_order ON notice (part_id, stamp, place);

CREATE INDEX IF NOT EXISTS notice_to_post ON notice (part_id, stamp, place) WHERE NOT posted;

-- Held by whoever judges by rules about a person.

CREATE TABLE IF NOT EXISTS person_rule (
    part_id bigint NOT NULL,
    person  uuid   NOT NULL,
    PRIMARY KEY (part_id, person)
);

-- Which instance carries out what falls due.

CREATE TABLE IF NOT EXISTS sweeper (
    part_id bigint      NOT NULL,
    owner   uuid        NOT NULL,
    until   timestamptz NOT NULL,
    PRIMARY KEY (part_id)
);

-- For the proof at the start: what the guarantees rest on is tried here.

CREATE TABLE IF NOT EXISTS proof (
    part_id bigint NOT NULL,
    id      uuid   NOT NULL,
    n       bigint NOT NULL,
    PRIMARY KEY (part_id, id)
);

-- Who people are.

CREATE TABLE IF NOT EXISTS person (
    part_id     bigint  NOT NULL,
    id          uuid    NOT NULL,
    name        text COLLATE "C" NOT NULL,
    title       text    NOT NULL,
    role        text    NOT NULL,
    suspended   boolean NOT NULL DEFAULT false,
    external_id text,
    PRIMARY KEY (part_id, id)
);

CREATE INDEX IF NOT EXISTS person_by_name ON person (part_id, name, id);

CREATE UNIQUE INDEX IF NOT EXISTS person_by_external_id ON person (part_id, external_id);

CREATE TABLE IF NOT EXISTS person_word (
    part_id bigint NOT NULL,
    word    text COLLATE "C" NOT NULL,
    person  uuid   NOT NULL,
    PRIMARY KEY (part_id, word, person)
);

CREATE INDEX IF NOT EXISTS person_word_by_person ON person_word (part_id, person);

CREATE TABLE IF NOT EXISTS person_facts (
    part_id    bigint NOT NULL,
    person     uuid   NOT NULL,
    version    bigint NOT NULL,
    tags       text   NOT NULL,
    allowances text   NOT NULL,
    PRIMARY KEY (part_id, person)
);

-- What people mean to register for.

CREATE TABLE IF NOT EXISTS plan (
    part_id bigint NOT NULL,
    person  uuid   NOT NULL,
    version bigint NOT NULL,              -- raised by one with each change
    lines   text   NOT NULL,              -- a JSON list of lines, each a list of sections' ids
    PRIMARY KEY (part_id, person)
);

CREATE TABLE IF NOT EXISTS api_key (
    part_id       bigint NOT NULL,
    secret_sha256 bytea  NOT NULL,
    person        uuid   NOT NULL,
    label         text   NOT NULL,
    PRIMARY KEY (part_id, secret_sha256),
    FOREIGN KEY (part_id, person) REFERENCES person (part_id, id)
);

CREATE INDEX IF NOT EXISTS api_key_by_person ON api_key (part_id, person);

CREATE TABLE IF NOT EXISTS address (
    part_id bigint NOT NULL,
    person  uuid   NOT NULL,
    email   text   NOT NULL,
    PRIMARY KEY (part_id, person)
);

CREATE TABLE IF NOT EXISTS notice_read (
    part_id bigint NOT NULL,
    person  uuid   NOT NULL,
    stamp   bigint NOT NULL,
    place   bigint NOT NULL,
    PRIMARY KEY (part_id, person)
);

CREATE TABLE IF NOT EXISTS posted (
    part_id bigint NOT NULL,
    stamp   bigint NOT NULL,
    place   bigint NOT NULL,
    PRIMARY KEY (part_id)
);

CREATE TABLE IF NOT EXISTS letter (
    part_id  bigint NOT NULL,
    person   uuid   NOT NULL,
    stamp    bigint NOT NULL,
    place    bigint NOT NULL,
    news     text   NOT NULL,
    booking  uuid   NOT NULL,
    resource uuid   NOT NULL,
    at       bigint NOT NULL,
    dates    bigint NOT NULL,
    tries    bigint NOT NULL DEFAULT 0,
    due_at   bigint NOT NULL,
    PRIMARY KEY (part_id, person, stamp, place)
);

CREATE INDEX IF NOT EXISTS letter_due ON letter (part_id, due_at);
