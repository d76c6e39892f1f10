-- What queries read. It follows the journal, says how far it is, and can be made from it again at any time.
-- Instants are microseconds since 1970 in UTC, ids are 16 bytes, and every key begins with the part.

CREATE TABLE mark (
    part_id INTEGER NOT NULL PRIMARY KEY,
    number  INTEGER NOT NULL,        -- the last commit that is in these tables
    hash    BLOB    NOT NULL,        -- its hash: whose journal this follows
    longest INTEGER NOT NULL         -- no booking lasts longer, from the start of its first slot to the end of its last
) STRICT;

-- Resources as they are. Their heads are apart: they change with every booking, and these rows are long.

CREATE TABLE resource (
    part_id        INTEGER NOT NULL,
    id             BLOB    NOT NULL,
    policy_version INTEGER NOT NULL,
    spec           TEXT    NOT NULL, -- as JSON
    over_commit    INTEGER NOT NULL DEFAULT 0, -- so many units more than it has may be taken, by an admin's word
    PRIMARY KEY (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE resource_head (
    part_id    INTEGER NOT NULL,
    resource   BLOB    NOT NULL,
    epoch      INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    hash       BLOB    NOT NULL,     -- the head of the resource's chain
    commit_number INTEGER NOT NULL,  -- where its last record is
    PRIMARY KEY (part_id, resource)
) STRICT, WITHOUT ROWID;

-- A resource's records are found from its last one backwards; a mark every so often bounds the way.

CREATE TABLE record_mark (
    part_id  INTEGER NOT NULL,
    resource BLOB    NOT NULL,
    number   INTEGER NOT NULL,       -- of every 64th record of the resource
    commit_number INTEGER NOT NULL,
    PRIMARY KEY (part_id, resource, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE block (
    part_id  INTEGER NOT NULL,
    resource BLOB    NOT NULL,
    id       BLOB    NOT NULL,
    start_at INTEGER NOT NULL,
    end_at   INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    people   BLOB    NOT NULL,       -- whom it does not concern: their ids, one after the other
    bookings BLOB    NOT NULL,       -- which bookings stay, the same way
    PRIMARY KEY (part_id, resource, id)
) STRICT, WITHOUT ROWID;

-- Bookings. Their slots lie by resource, because calendars are loaded from them; `until` is the last instant that any slot of
-- the booking takes, and with the resources it leads from a booking to its slots without an index of its own.

CREATE TABLE booking (
    part_id       INTEGER NOT NULL,
    id            BLOB    NOT NULL,
    owner         BLOB    NOT NULL,
    made_by       BLOB    NOT NULL,  -- sixteen zeros are the system
    state         TEXT    NOT NULL,
    state_at      INTEGER,           -- since when it is cancelled, checked in, a no-show or displaced
    state_by      BLOB,              -- by whom
    state_reason  TEXT,              -- why, if they said
    state_more    TEXT,              -- "takes" of a pending one, "late" of a cancelled one, what displaced a displaced one
    title         TEXT,
    purpose       TEXT,
    people        INTEGER,
    start_at      INTEGER NOT NULL,
    end_at        INTEGER NOT NULL,
    start_day     INTEGER NOT NULL,  -- start_at in whole days: new bookings share the few pages of the days to come
    until         INTEGER NOT NULL,
    resources     BLOB    NOT NULL,  -- their ids, one after the other, each once
    revision      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    decided_at    INTEGER NOT NULL,
    commits       BLOB    NOT NULL,  -- the commits that changed it, eight bytes each
    guests        BLOB,              -- who is invited; none if nobody is
    private       INTEGER NOT NULL,  -- 1 where others see only that the time is taken
    series        BLOB,              -- the id of the series it is a date of
    occurrence    TEXT,              -- which date of it, as JSON
    PRIMARY KEY (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX booking_by_owner ON booking (part_id, owner, start_at, id);
CREATE INDEX booking_by_day ON booking (part_id, start_day, id);
CREATE INDEX booking_by_series ON booking (part_id, series) WHERE series IS NOT NULL;
CREATE INDEX booking_pending ON booking (part_id, start_at, id) WHERE state = 'pending';

CREATE TABLE booking_slot (
    part_id     INTEGER NOT NULL,
    resource    BLOB    NOT NULL,
    until       INTEGER NOT NULL,
    booking     BLOB    NOT NULL,
    place       INTEGER NOT NULL,
    owner       BLOB    NOT NULL,
    start_at    INTEGER NOT NULL,
    end_at      INTEGER NOT NULL,
    setup       INTEGER NOT NULL,    -- taken before the start
    teardown    INTEGER NOT NULL,    -- taken after the end
    units       INTEGER NOT NULL,
    exclusive   INTEGER NOT NULL,    -- 1 where one person may not have two at once
    active      INTEGER NOT NULL,    -- 1 while it takes its units, 2 for what it took before it was a no-show, -1 while it only counts
    quota       BLOB,                -- the group or resource under whose quota it counts
    credits     INTEGER,             -- what a unit counts there, in hundredths of a credit
    PRIMARY KEY (part_id, resource, until, booking, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX booking_slot_exclusive ON booking_slot (part_id, owner, until) WHERE exclusive = 1 AND active = 1;
CREATE INDEX booking_slot_counted ON booking_slot (part_id, owner, start_at) WHERE quota IS NOT NULL AND active <> 0;

-- Holds; `ended` says how, and is none while no change has ended them. Ended ones are kept as long as keys are.

CREATE TABLE hold (
    part_id      INTEGER NOT NULL,
    id           BLOB    NOT NULL,
    resource     BLOB    NOT NULL,
    token_epoch  INTEGER NOT NULL,
    token_number INTEGER NOT NULL,
    holder       BLOB    NOT NULL,
    start_at     INTEGER NOT NULL,
    end_at       INTEGER NOT NULL,
    setup        INTEGER NOT NULL,
    teardown     INTEGER NOT NULL,
    units        INTEGER NOT NULL,
    granted_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    renewals     INTEGER NOT NULL,
    offer        BLOB,                -- the waitlist entry that it is an offer to
    ended        TEXT,
    PRIMARY KEY (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX hold_live_by_resource ON hold (part_id, resource) WHERE ended IS NULL;

-- Places in waitlists; `ended` says how, and is none while they wait.

CREATE TABLE wait_entry (
    part_id       INTEGER NOT NULL,
    id            BLOB    NOT NULL,
    resource      BLOB    NOT NULL,
    owner         BLOB    NOT NULL,
    made_by       BLOB    NOT NULL,  -- sixteen zeros are the system
    start_at      INTEGER NOT NULL,
    end_at        INTEGER NOT NULL,
    units         INTEGER NOT NULL,
    class         INTEGER NOT NULL,
    joined_epoch  INTEGER NOT NULL,
    joined_number INTEGER NOT NULL,
    joined_at     INTEGER NOT NULL,
    gives_up      BLOB,
    offer         BLOB,
    offers        INTEGER NOT NULL,
    wants         TEXT    NOT NULL,   -- units, or word that they are free
    ended         TEXT,
    booking       BLOB,               -- that a promotion made
    PRIMARY KEY (part_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX wait_entry_live ON wait_entry (part_id, resource) WHERE ended IS NULL;
CREATE INDEX wait_entry_by_owner ON wait_entry (part_id, owner, joined_at, id);

-- When a resource must be looked at again, for those who wait or are to be reminded.

CREATE TABLE wait_due (
    part_id  INTEGER NOT NULL,
    resource BLOB    NOT NULL,
    due_at   INTEGER NOT NULL,
    PRIMARY KEY (part_id, resource)
) STRICT, WITHOUT ROWID;

-- Where the answer to a key is, for seven days. The key leads: it begins with the client's time, so new ones lie together.

CREATE TABLE attempt (
    part_id       INTEGER NOT NULL,
    key           BLOB    NOT NULL,
    actor         BLOB    NOT NULL,
    commit_number INTEGER NOT NULL,
    place         INTEGER NOT NULL,  -- in the commit
    PRIMARY KEY (part_id, key, actor)
) STRICT, WITHOUT ROWID;

-- What people must be told: what others did to what is theirs, in the order of commits.

CREATE TABLE notice (
    part_id       INTEGER NOT NULL,
    person        BLOB    NOT NULL,
    commit_number INTEGER NOT NULL,
    place         INTEGER NOT NULL,  -- among the notices of the commit, from 1
    news          TEXT    NOT NULL,
    booking       BLOB    NOT NULL,
    resource      BLOB    NOT NULL,
    at            INTEGER NOT NULL,
    dates         INTEGER NOT NULL,  -- of one series, of which the booking is the first; 1 of anything else
    PRIMARY KEY (part_id, person, commit_number, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_in_order ON notice (part_id, commit_number, place);
