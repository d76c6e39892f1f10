//! Every statement that the PostgreSQL store sends, by name, so that a test can parse each of them against the rules of portability.
//! Nothing is sent from here.
//!
//! One part per statement, and its key first; no advisory lock, trigger, sequence, range or exclusion; no volatile function in an
//! UPDATE. What waits for nobody says SKIP LOCKED.

/// All statements with their names, for the test.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = $sql;)*

        /// Every statement by its name.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $sql)),*];
    };
}

statements! {
    // A commit

    /// Limits hold for this transaction only: the connection may be another's before and after. An isolation level carries nothing.
    BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED";
    BOUNDS = "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
              set_config('idle_in_transaction_session_timeout', $2, true)";
    COMMIT = "COMMIT";
    ROLLBACK = "ROLLBACK";
    SAVEPOINT = "SAVEPOINT keys";
    BACK_TO_SAVEPOINT = "ROLLBACK TO SAVEPOINT keys";

    /// No ON CONFLICT: a clash aborts everything.
    /// In this epoch, or not at all.
    COMMIT_ID = "INSERT INTO commit_id (part_id, id, tombstone)
        SELECT m.part_id, $2, false FROM meta m WHERE m.part_id = $1 AND m.epoch = $3 RETURNING id";
    TOMBSTONE = "INSERT INTO commit_id (part_id, id, tombstone) VALUES ($1, $2, true)";
    IS_TOMBSTONE = "SELECT tombstone FROM commit_id WHERE part_id = $1 AND id = $2";

    HEADS_HELD = "SELECT resource, epoch, number, stamp, hash, room FROM resource_head
        WHERE part_id = $1 AND resource = ANY($2) ORDER BY resource FOR UPDATE SKIP LOCKED";
    HEADS_THERE = "SELECT resource FROM resource_head WHERE part_id = $1 AND resource = ANY($2)";
    /// A statement of its own, after the rows are held.
    CLOCK = "SELECT CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000000 AS bigint)";

    KEYS = "INSERT INTO attempt (part_id, key, actor, commit_id)
        SELECT $1, k.key, k.actor, $2 FROM unnest($3::uuid[], $4::uuid[]) AS k (key, actor)
        ON CONFLICT (part_id, key, actor) DO NOTHING RETURNING key, actor";
    /// Whose commits have had keys that are not ours.
    KEYS_KNOWN = "SELECT key, actor, commit_id FROM attempt
        WHERE part_id = $1 AND key = ANY($2) AND commit_id <> $3";
    KEYS_UNUSED = "DELETE FROM attempt WHERE part_id = $1 AND commit_id = $2 AND key = ANY($3)
        AND EXISTS (SELECT 1 FROM unnest($3::uuid[], $4::uuid[]) AS k (key, actor)
                    WHERE k.key = attempt.key AND k.actor = attempt.actor)";

    PERSONS_HELD = "SELECT person FROM person_rule WHERE part_id = $1 AND person = ANY($2)
        ORDER BY person FOR UPDATE SKIP LOCKED";
    PERSONS_THERE = "SELECT person FROM person_rule WHERE part_id = $1 AND person = ANY($2)";
    PERSONS_MADE = "INSERT INTO person_rule (part_id, person) SELECT $1, p FROM unnest($2::uuid[]) AS p
        ON CONFLICT (part_id, person) DO NOTHING";

    JOURNAL_ADD = "INSERT INTO journal (part_id, id, writer, number, stamp, hash, body, said)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    /// Its key refuses a version that somebody else has made.
    RECORDS_ADD = "INSERT INTO record (part_id, resource, number, epoch, commit_id, decided_at, attempt, actor, changes)
        SELECT $1, r.resource, r.number, $2, $3, r.decided_at, r.attempt, r.actor, r.changes
        FROM unnest($4::uuid[], $5::bigint[], $6::bigint[], $7::uuid[], $8::uuid[], $9::bytea[])
            AS r (resource, number, decided_at, attempt, actor, changes)";
    HEADS_PUT = "INSERT INTO resource_head
            (part_id, resource, epoch, number, base, decided_at, stamp, hash, commit_id, due_at, in_group, taken, room)
        SELECT $1, h.resource, $2, h.number, h.base, h.decided_at, $3, h.hash, $4, h.due_at, h.in_group, h.taken, h.room
        FROM unnest($5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[], $10::bigint[], $11::uuid[], $12::bigint[],
                    $13::bigint[]) AS h (resource, number, base, decided_at, hash, due_at, in_group, taken, room)
        ON CONFLICT (part_id, resource) DO UPDATE SET
            epoch = excluded.epoch, number = excluded.number, base = excluded.base, decided_at = excluded.decided_at,
            stamp = excluded.stamp, hash = excluded.hash, commit_id = excluded.commit_id, due_at = excluded.due_at,
            in_group = excluded.in_group, taken = excluded.taken, room = excluded.room
        WHERE resource_head.number = excluded.base";
    SNAPSHOTS_PUT = "INSERT INTO snapshot (part_id, resource, number, epoch, decided_at, changes)
        SELECT $1, s.resource, s.number, $2, s.decided_at, s.changes
        FROM unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::bytea[]) AS s (resource, number, decided_at, changes)
        ON CONFLICT (part_id, resource) DO UPDATE SET
            number = excluded.number, epoch = excluded.epoch, decided_at = excluded.decided_at, changes = excluded.changes
        WHERE snapshot.number < excluded.number";
    BOOKINGS_PUT = "INSERT INTO booking
            (part_id, id, owner, state, series, start_at, end_at, until, ruled, revision, commit_id, body, said)
        SELECT $1, b.id, b.owner, b.state, b.series, b.start_at, b.end_at, b.until, b.ruled, b.revision, $2, b.body, b.said
        FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[],
                    $11::bigint[], $12::bytea[], $13::bytea[])
            AS b (id, owner, state, series, start_at, end_at, until, ruled, revision, body, said)
        ON CONFLICT (part_id, id) DO UPDATE SET
            owner = excluded.owner, state = excluded.state, series = excluded.series, start_at = excluded.start_at, end_at = excluded.end_at,
            until = excluded.until, ruled = excluded.ruled, revision = excluded.revision, commit_id = excluded.commit_id,
            body = excluded.body, said = excluded.said
        WHERE booking.revision < excluded.revision";
    BOOKINGS_GONE_FROM = "DELETE FROM booking_on WHERE part_id = $1 AND resource = ANY($2) AND booking = ANY($3)";
    BOOKINGS_ON = "INSERT INTO booking_on (part_id, resource, start_at, booking, end_at)
        SELECT $1, o.resource, o.start_at, o.booking, o.end_at
        FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[]) AS o (resource, start_at, booking, end_at)
        ON CONFLICT (part_id, resource, start_at, booking) DO NOTHING";
    BOOKING_COMMITS = "INSERT INTO booking_commit (part_id, booking, stamp, commit_id)
        SELECT $1, b, $2, $3 FROM unnest($4::uuid[]) AS b";
    CLAIMS_PUT = "INSERT INTO claim (part_id, id, kind, resource, person, since, live, change)
        SELECT $1, c.id, c.kind, c.resource, c.person, c.since, c.live, c.change
        FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bigint[], $7::boolean[], $8::bytea[])
            AS c (id, kind, resource, person, since, live, change)
        ON CONFLICT (part_id, id, kind) DO UPDATE SET live = excluded.live, change = excluded.change";
    NOTICES_ADD = "INSERT INTO notice (part_id, person, stamp, place, commit_id, news, booking, resource, at, dates)
        SELECT $1, n.person, $2, n.place, $3, n.news, n.booking, n.resource, n.at, n.dates
        FROM unnest($4::uuid[], $5::bigint[], $6::text[], $7::uuid[], $8::uuid[], $9::bigint[], $10::bigint[])
            AS n (person, place, news, booking, resource, at, dates)";
    LONGEST_PUT = "UPDATE meta SET longest = $2 WHERE part_id = $1 AND longest < $2";
    /// The last before the COMMIT: a CHECK refuses it if a row was not what was judged on.
    COUNTED = "UPDATE commit_id SET expected = $3, found =
            (SELECT count(*) FROM resource_head h WHERE h.part_id = $1 AND h.commit_id = $2 AND h.resource = ANY($4))
            + (SELECT count(*) FROM booking b WHERE b.part_id = $1 AND b.commit_id = $2 AND b.id = ANY($5))
        WHERE part_id = $1 AND id = $2";

    // What is true

    HEADS = "SELECT resource, epoch, number FROM resource_head WHERE part_id = $1 AND resource = ANY($2)";
    HEADS_ALL = "SELECT resource, number, hash FROM resource_head WHERE part_id = $1";
    SNAPSHOTS = "SELECT resource, number, epoch, decided_at, changes FROM snapshot WHERE part_id = $1 AND resource = ANY($2)";
    /// With where the resource's record ends: all of it is of one moment.
    RECORDS_AFTER_SNAPSHOTS = "SELECT s.resource, r.number, r.epoch, r.decided_at, r.attempt, r.actor, r.changes, s.number, h.number, h.hash
        FROM snapshot s
        JOIN resource_head h ON h.part_id = s.part_id AND h.resource = s.resource
        LEFT JOIN record r ON r.part_id = s.part_id AND r.resource = s.resource AND r.number > s.number
        WHERE s.part_id = $1 AND s.resource = ANY($2) ORDER BY s.resource, r.number";
    RECORDS_AFTER = "SELECT r.resource, r.number, r.epoch, r.decided_at, r.attempt, r.actor, r.changes
        FROM unnest($2::uuid[], $3::bigint[]) AS u (resource, after)
        JOIN record r ON r.resource = u.resource AND r.number > u.after
        WHERE r.part_id = $1 ORDER BY r.resource, r.number";
    RECORDS = "SELECT resource, number, epoch, decided_at, attempt, actor, changes FROM record
        WHERE part_id = $1 AND resource = $2 AND number > $3 AND number <= $4 ORDER BY number LIMIT $5";
    BOOKINGS_BY_ID = "SELECT id, body, said FROM booking WHERE part_id = $1 AND id = ANY($2)";
    BOOKINGS_RULED = "SELECT id, body, said FROM booking WHERE part_id = $1 AND owner = ANY($2) AND ruled";
    CLAIMS_BY_ID = "SELECT id, resource, change FROM claim WHERE part_id = $1 AND id = ANY($2)";
    CLAIMS_LIVE = "SELECT id, resource, change FROM claim WHERE part_id = $1 AND person = ANY($2) AND live";
    CLAIMS_OF = "SELECT id, resource, change FROM claim WHERE part_id = $1 AND person = $2 AND kind = $3
        ORDER BY since DESC, id DESC LIMIT $4";
    ROLES = "SELECT id, role FROM person WHERE part_id = $1 AND id = ANY($2) AND NOT suspended";
    MANAGED = "SELECT person, resource FROM manages WHERE part_id = $1 AND person = ANY($2)";
    FACTS_OF = "SELECT person, version, tags, allowances FROM person_facts WHERE part_id = $1 AND person = ANY($2)";
    MEMBERS = "SELECT in_group, resource FROM resource_head WHERE part_id = $1 AND in_group = ANY($2)";
    DUE = "SELECT resource, due_at FROM resource_head WHERE part_id = $1 AND due_at <= $2 ORDER BY due_at, resource LIMIT $3";
    META = "SELECT epoch, epoch_began FROM meta WHERE part_id = $1";
    META_ADD = "INSERT INTO meta (part_id, epoch) VALUES ($1, 1) ON CONFLICT (part_id) DO NOTHING";
    STAMP_LAST = "SELECT stamp FROM journal WHERE part_id = $1 ORDER BY stamp DESC LIMIT 1";

    // What was committed

    JOURNAL_SINCE = "SELECT id, stamp FROM journal WHERE part_id = $1 AND stamp > $2 ORDER BY stamp, id";
    JOURNAL_BY_ID = "SELECT id, number, stamp, hash, body, said FROM journal WHERE part_id = $1 AND id = ANY($2)";
    JOURNAL_BEFORE = "SELECT id, number, stamp, hash, body, said FROM journal
        WHERE part_id = $1 AND stamp <= $2 ORDER BY stamp DESC, id DESC LIMIT $3";
    ANSWER = "SELECT j.number, j.hash, j.body FROM attempt a
        JOIN journal j ON j.part_id = a.part_id AND j.id = a.commit_id
        WHERE a.part_id = $1 AND a.key = $2 AND a.actor = $3";
    COMMITS_OF = "SELECT j.id, j.number, j.stamp, j.hash, j.body, j.said FROM booking_commit c
        JOIN journal j ON j.part_id = c.part_id AND j.id = c.commit_id
        WHERE c.part_id = $1 AND c.booking = $2 ORDER BY c.stamp, c.commit_id";
    /// Who has it for longer than anybody can has it from before the clock was set back.
    SWEEP = "UPDATE sweeper SET owner = $2, until = now() + interval '2 seconds'
        WHERE part_id = $1 AND (owner = $2 OR until < now() OR until > now() + interval '1 minute') RETURNING owner";
    /// Only until anybody else asks.
    SWEEP_ONCE = "UPDATE sweeper SET owner = $2, until = now()
        WHERE part_id = $1 AND (owner = $2 OR until < now() OR until > now() + interval '1 minute') RETURNING owner";
    /// Until when somebody carries out what falls due, in microseconds from now.
    SWEEPER_FOR = "SELECT CAST(EXTRACT(epoch FROM until - now()) * 1000000 AS bigint) FROM sweeper
        WHERE part_id = $1 AND until > now() AND until < now() + interval '1 minute'";
    SWEEPER_ADD = "INSERT INTO sweeper (part_id, owner, until) VALUES ($1, $2, now() + interval '2 seconds')
        ON CONFLICT (part_id) DO NOTHING";

    OLD_KEYS = "DELETE FROM attempt WHERE part_id = $1 AND (key, actor) IN
        (SELECT o.key, o.actor FROM attempt o WHERE o.part_id = $1 AND o.key < $2 ORDER BY o.key, o.actor LIMIT $3)";
    /// No transaction lives so long.
    OLD_COMMIT_IDS = "DELETE FROM commit_id WHERE part_id = $1 AND id IN
        (SELECT o.id FROM commit_id o WHERE o.part_id = $1 AND o.id < $2 ORDER BY o.id LIMIT $3)";
    OLD_HOLDS = "DELETE FROM claim WHERE part_id = $1 AND kind = 1 AND id IN
        (SELECT o.id FROM claim o WHERE o.part_id = $1 AND o.id < $2 AND o.kind = 1 AND NOT o.live ORDER BY o.id LIMIT $3)";

    // Lists

    BOOKINGS = "SELECT id, body, said FROM booking
        WHERE part_id = $1
          AND ($2::uuid IS NULL OR owner = $2)
          AND ($3::text IS NULL OR state = $3)
          AND ($4::uuid IS NULL OR series = $4)
          AND ($5::bigint IS NULL OR (end_at > $5
               AND start_at > $5 - 1 - (SELECT m.longest FROM meta m WHERE m.part_id = $1)))
          AND ($6::bigint IS NULL OR start_at < $6)
          AND ($7::bigint IS NULL OR (start_at, id) > ($7, $8::uuid))
        ORDER BY start_at, id LIMIT $9";
    BOOKINGS_OF_RESOURCE = "SELECT b.id, b.body, b.said FROM booking_on o
        JOIN booking b ON b.part_id = o.part_id AND b.id = o.booking AND b.start_at = o.start_at
        WHERE o.part_id = $1 AND o.resource = $10
          AND ($2::uuid IS NULL OR b.owner = $2)
          AND ($3::text IS NULL OR b.state = $3)
          AND ($4::uuid IS NULL OR b.series = $4)
          AND ($5::bigint IS NULL OR (b.end_at > $5
               AND o.start_at > $5 - 1 - (SELECT m.longest FROM meta m WHERE m.part_id = $1)))
          AND ($6::bigint IS NULL OR o.start_at < $6)
          AND ($7::bigint IS NULL OR (o.start_at, o.booking) > ($7, $8::uuid))
        ORDER BY o.start_at, o.booking LIMIT $9";
    NOTICES_OF = "SELECT person, stamp, place, news, booking, resource, at, dates FROM notice
        WHERE part_id = $1 AND person = $2 AND (stamp, place) < ($3, $4) ORDER BY stamp DESC, place DESC LIMIT $5";
    /// With those that became visible only after later ones had been posted.
    NOTICES_AFTER = "SELECT person, stamp, place, news, booking, resource, at, dates FROM notice
        WHERE part_id = $1 AND ((stamp, place) > ($2, $3)
            OR (NOT posted AND stamp > $2 - 3600000000
                AND (stamp, place) <= (SELECT p.stamp, p.place FROM posted p WHERE p.part_id = $1)))
        ORDER BY stamp, place LIMIT $4";

    // People

    PERSON = "SELECT id, name, title, role FROM person WHERE part_id = $1 AND id = $2 AND NOT suspended";
    PEOPLE = "SELECT id, name, title, role FROM person WHERE part_id = $1 AND NOT suspended ORDER BY name, id LIMIT $2";
    PERSON_PUT = "INSERT INTO person (part_id, id, name, title, role) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (part_id, id) DO UPDATE SET name = excluded.name, title = excluded.title, role = excluded.role";
    PERSON_HELD = "SELECT id FROM person WHERE part_id = $1 AND id = $2 FOR UPDATE";
    EXTERNAL_ID_PUT = "UPDATE person SET external_id = $3 WHERE part_id = $1 AND id = $2";
    CALLED = "SELECT id FROM person WHERE part_id = $1 AND external_id = $2";
    LISTED = "SELECT p.id, p.name, p.title, p.role, p.external_id, a.email FROM person p
        LEFT JOIN address a ON a.part_id = p.part_id AND a.person = p.id
        WHERE p.part_id = $1 AND p.id = $2";
    /// A person has a word that begins like each of those asked for.
    FOUND = "SELECT p.id, p.name, p.title, p.role, p.external_id, a.email FROM person p
        LEFT JOIN address a ON a.part_id = p.part_id AND a.person = p.id
        WHERE p.part_id = $1 AND p.suspended = $9
          AND ($2::text IS NULL OR p.id IN
               (SELECT w.person FROM person_word w WHERE w.part_id = $1 AND w.word >= $2 AND w.word < $3))
          AND NOT EXISTS (SELECT 1 FROM unnest($4::text[], $5::text[]) AS u (low, high)
               WHERE NOT EXISTS (SELECT 1 FROM person_word x
                   WHERE x.part_id = $1 AND x.person = p.id AND x.word >= u.low AND x.word < u.high))
          AND ($6::text IS NULL OR (p.name, p.id) > ($6, $7::uuid))
        ORDER BY p.name, p.id LIMIT $8";
    WORDS_GONE = "DELETE FROM person_word WHERE part_id = $1 AND person = $2";
    WORDS_PUT = "INSERT INTO person_word (part_id, word, person) SELECT $1, w, $2 FROM unnest($3::text[]) AS w
        ON CONFLICT (part_id, word, person) DO NOTHING";
    FACTS_PUT = "INSERT INTO person_facts (part_id, person, version, tags, allowances) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (part_id, person) DO UPDATE SET
            version = excluded.version, tags = excluded.tags, allowances = excluded.allowances";
    PLAN = "SELECT version, lines FROM plan WHERE part_id = $1 AND person = $2";
    PLAN_PUT = "INSERT INTO plan (part_id, person, version, lines) VALUES ($1, $2, $3, $4)
        ON CONFLICT (part_id, person) DO UPDATE SET version = excluded.version, lines = excluded.lines";
    SUSPENDED_PUT = "UPDATE person SET suspended = $3 WHERE part_id = $1 AND id = $2";
    FACTS_GONE = "DELETE FROM person_facts WHERE part_id = $1 AND person = $2";
    PLAN_GONE = "DELETE FROM plan WHERE part_id = $1 AND person = $2";
    PERSON_GONE = "DELETE FROM person WHERE part_id = $1 AND id = $2";
    /// All at one moment: a page after the other would miss what is moved meanwhile.
    BOOKINGS_OF_OWNER = "SELECT id FROM booking WHERE part_id = $1 AND owner = $2 ORDER BY id";
    WORDS_OF_BOOKINGS_GONE = "UPDATE booking SET said = NULL WHERE part_id = $1 AND id = ANY($2)";
    /// Held, so that two who erase different words of one commit come one after the other.
    JOURNAL_SAID = "SELECT j.id, j.said FROM journal j
        WHERE j.part_id = $1 AND j.said IS NOT NULL
          AND j.id IN (SELECT c.commit_id FROM booking_commit c WHERE c.part_id = $1 AND c.booking = ANY($2))
        ORDER BY j.id FOR UPDATE";
    JOURNAL_SAID_PUT = "UPDATE journal j SET said = u.said FROM unnest($2::uuid[], $3::bytea[]) AS u (id, said)
        WHERE j.part_id = $1 AND j.id = u.id";

    // How they are told

    ADDRESS = "SELECT email FROM address WHERE part_id = $1 AND person = $2";
    ADDRESS_PUT = "INSERT INTO address (part_id, person, email) VALUES ($1, $2, $3)
        ON CONFLICT (part_id, person) DO UPDATE SET email = excluded.email";
    ADDRESS_GONE = "DELETE FROM address WHERE part_id = $1 AND person = $2";
    LETTERS_GONE = "DELETE FROM letter WHERE part_id = $1 AND person = $2";
    READ_UNTIL = "SELECT stamp, place FROM notice_read WHERE part_id = $1 AND person = $2";
    READ_UNTIL_PUT = "INSERT INTO notice_read (part_id, person, stamp, place) VALUES ($1, $2, $3, $4)
        ON CONFLICT (part_id, person) DO UPDATE SET stamp = excluded.stamp, place = excluded.place
        WHERE (notice_read.stamp, notice_read.place) < (excluded.stamp, excluded.place)";
    READ_GONE = "DELETE FROM notice_read WHERE part_id = $1 AND person = $2";
    POSTED_UNTIL = "SELECT stamp, place FROM posted WHERE part_id = $1";
    POSTED_UNTIL_PUT = "INSERT INTO posted (part_id, stamp, place) VALUES ($1, $2, $3)
        ON CONFLICT (part_id) DO UPDATE SET stamp = excluded.stamp, place = excluded.place
        WHERE (posted.stamp, posted.place) < (excluded.stamp, excluded.place)";
    /// Each notice is posted by whoever is first.
    NOTICE_POSTED = "UPDATE notice SET posted = true
        WHERE part_id = $1 AND person = $2 AND stamp = $3 AND place = $4 AND NOT posted RETURNING person";
    LETTER_ADD = "INSERT INTO letter (part_id, person, stamp, place, news, booking, resource, at, dates, due_at)
        SELECT a.part_id, a.person, $3, $4, $5, $6, $7, $8, $9, $8 FROM address a WHERE a.part_id = $1 AND a.person = $2
        ON CONFLICT (part_id, person, stamp, place) DO NOTHING";
    LETTERS_DUE = "SELECT l.person, l.stamp, l.place, l.news, l.booking, l.resource, l.at, l.dates, l.tries, a.email
        FROM letter l
        JOIN address a ON a.part_id = l.part_id AND a.person = l.person
        JOIN person p ON p.part_id = l.part_id AND p.id = l.person AND NOT p.suspended
        WHERE l.part_id = $1 AND l.due_at <= $2 ORDER BY l.due_at LIMIT $3 FOR UPDATE OF l SKIP LOCKED";
    /// Whoever takes letters keeps them from others for a while.
    LETTER_TAKEN = "UPDATE letter SET due_at = $5 WHERE part_id = $1 AND person = $2 AND stamp = $3 AND place = $4";
    LETTER_DONE = "DELETE FROM letter WHERE part_id = $1 AND person = $2 AND stamp = $3 AND place = $4";
    LETTER_LATER = "UPDATE letter SET tries = tries + 1, due_at = $5
        WHERE part_id = $1 AND person = $2 AND stamp = $3 AND place = $4";

    // Doors

    DOORS = "SELECT s.sha256, s.kind, s.person, s.label, s.scopes, s.made_at, s.made_by, s.seen_at, s.until, p.id, p.name, p.title, p.role
        FROM secret s JOIN person p ON p.part_id = s.part_id AND p.id = s.person
        WHERE s.part_id = $1 AND s.sha256 = ANY($2) AND s.kind IN ('session', 'key') AND NOT p.suspended";
    ACCOUNT_OF = "SELECT a.person, a.login, a.password, a.issuer, a.subject, a.language, a.zone FROM account a
        JOIN person p ON p.part_id = a.part_id AND p.id = a.person
        WHERE a.part_id = $1 AND a.person = $2 AND NOT p.suspended";
    ACCOUNT_BY_LOGIN = "SELECT a.person, a.login, a.password, a.issuer, a.subject, a.language, a.zone FROM account a
        JOIN person p ON p.part_id = a.part_id AND p.id = a.person
        WHERE a.part_id = $1 AND a.login = $2 AND NOT p.suspended";
    ACCOUNT_BY_SUBJECT = "SELECT a.person, a.login, a.password, a.issuer, a.subject, a.language, a.zone FROM account a
        JOIN person p ON p.part_id = a.part_id AND p.id = a.person
        WHERE a.part_id = $1 AND a.issuer = $2 AND a.subject = $3 AND NOT p.suspended";
    /// Of whomever, suspended ones included.
    ACCOUNT_KEPT = "SELECT person, login, password, issuer, subject, language, zone FROM account
        WHERE part_id = $1 AND person = $2";
    ACCOUNT_PUT = "INSERT INTO account (part_id, person, login, password, issuer, subject, language, zone)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (part_id, person) DO UPDATE SET login = excluded.login, password = excluded.password,
            issuer = excluded.issuer, subject = excluded.subject, language = excluded.language, zone = excluded.zone";
    SECRET_PUT = "INSERT INTO secret (part_id, sha256, kind, person, label, scopes, made_at, made_by, seen_at, until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    SECRET = "SELECT sha256, kind, person, label, scopes, made_at, made_by, seen_at, until FROM secret
        WHERE part_id = $1 AND sha256 = $2 AND kind = $3";
    SECRET_TAKEN = "DELETE FROM secret WHERE part_id = $1 AND sha256 = $2 AND kind = $3
        RETURNING sha256, kind, person, label, scopes, made_at, made_by, seen_at, until";
    SECRETS_OF = "SELECT sha256, kind, person, label, scopes, made_at, made_by, seen_at, until FROM secret
        WHERE part_id = $1 AND person = $2 AND kind = $3 ORDER BY made_at DESC, sha256";
    SECRETS_OPEN = "SELECT sha256, kind, person, label, scopes, made_at, made_by, seen_at, until FROM secret
        WHERE part_id = $1 AND kind = $2 AND (until IS NULL OR until > $3) ORDER BY made_at DESC, sha256 LIMIT $4";
    SECRETS_ENDED = "DELETE FROM secret WHERE part_id = $1 AND person = $2 AND kind = ANY($3)
        AND ($4::bytea IS NULL OR sha256 >= $4) AND ($5::bytea IS NULL OR sha256 <= $5) AND ($6::bytea IS NULL OR sha256 <> $6)
        RETURNING kind";
    SECRET_SEEN = "UPDATE secret SET seen_at = $3 WHERE part_id = $1 AND sha256 = $2";
    SECRETS_OVER = "DELETE FROM secret WHERE part_id = $1 AND until <= $2 RETURNING kind";
    ACCOUNT_GONE = "DELETE FROM account WHERE part_id = $1 AND person = $2";
    MANAGES_GONE = "DELETE FROM manages WHERE part_id = $1 AND person = $2";
    MANAGES_PUT = "INSERT INTO manages (part_id, person, resource) SELECT $1, $2, r FROM unnest($3::uuid[]) AS r
        ON CONFLICT (part_id, person, resource) DO NOTHING";
    ROLE_PUT = "UPDATE person SET role = $3 WHERE part_id = $1 AND id = $2 RETURNING id";
    SUSPENDED_SET = "UPDATE person SET suspended = $3 WHERE part_id = $1 AND id = $2 RETURNING id";
    /// Held, so that of two who would each be the last but one, one waits.
    ADMINS_HELD = "SELECT id FROM person WHERE part_id = $1 AND role = 'admin' AND NOT suspended ORDER BY id FOR UPDATE";
    ADMIN_ANY = "SELECT id FROM person WHERE part_id = $1 AND role = 'admin' AND NOT suspended LIMIT 1";
    DEED_ADD = "INSERT INTO deed (part_id, id, at, by, person, what, detail, address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    DEEDS = "SELECT id, at, by, person, what, detail, address FROM deed
        WHERE part_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3";
    DEEDS_FORGOTTEN = "UPDATE deed SET detail = '', address = '' WHERE part_id = $1 AND (by = $2 OR person = $2)";
    DEEDS_OVER = "DELETE FROM deed WHERE part_id = $1 AND id <=
        (SELECT d.id FROM deed d WHERE d.part_id = $1 ORDER BY d.id DESC LIMIT 1 OFFSET $2)";

    // All of it, for whoever verifies, exports or fills

    STILL = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    /// Servers that have the database open, by the name that their connections bear.
    SERVERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
        AND (application_name = 'slotwise' OR application_name LIKE 'slotwise: %')";
    ORIGIN = "SELECT store FROM origin WHERE part_id = $1";
    ORIGIN_ADD = "INSERT INTO origin (part_id, store) VALUES ($1, $2) ON CONFLICT (part_id) DO NOTHING";
    ALL_COMMITS = "SELECT id, writer, number, stamp, hash, body, said FROM journal
        WHERE part_id = $1 AND (stamp, id) > ($2, $3) ORDER BY stamp, id LIMIT $4";
    HASHES = "SELECT stamp, id, hash FROM journal
        WHERE part_id = $1 AND (stamp, id) > ($2, $3) AND stamp < $4 ORDER BY stamp, id LIMIT $5";
    COMMITS_COUNTED = "SELECT count(*) FROM journal WHERE part_id = $1";
    RECORDS_NAMED = "SELECT r.resource, r.number, r.epoch, r.commit_id, r.decided_at, r.attempt, r.actor, r.changes
        FROM unnest($2::uuid[], $3::bigint[]) AS u (resource, number)
        JOIN record r ON r.resource = u.resource AND r.number = u.number WHERE r.part_id = $1";
    RECORDS_COUNTED = "SELECT resource, count(*), max(number) FROM record WHERE part_id = $1 GROUP BY resource ORDER BY resource";
    SNAPSHOT_NUMBERS = "SELECT resource, number FROM snapshot WHERE part_id = $1";
    LONGEST = "SELECT longest FROM meta WHERE part_id = $1";
    CHECKPOINTS = "SELECT line FROM checkpoint WHERE part_id = $1 ORDER BY commits";
    PEOPLE_ALL = "SELECT p.id, p.name, p.title, p.role, p.external_id, a.email, p.suspended, f.version, f.tags, f.allowances,
        n.version, n.lines FROM person p
        LEFT JOIN address a ON a.part_id = p.part_id AND a.person = p.id
        LEFT JOIN person_facts f ON f.part_id = p.part_id AND f.person = p.id
        LEFT JOIN plan n ON n.part_id = p.part_id AND n.person = p.id
        WHERE p.part_id = $1 AND ($2::uuid IS NULL OR p.id > $2) ORDER BY p.id LIMIT $3";
    ACCOUNTS_OF = "SELECT person, login, password, issuer, subject, language, zone FROM account WHERE part_id = $1 AND person = ANY($2)";
    KEYS_ALL = "SELECT sha256, person, label, scopes, until FROM secret
        WHERE part_id = $1 AND kind = 'key' AND ($2::bytea IS NULL OR sha256 > $2) ORDER BY sha256 LIMIT $3";
    ALL_BOOKINGS = "SELECT id, owner, state, series, start_at, end_at, until, ruled, revision, commit_id, body, said FROM booking
        WHERE part_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id LIMIT $3";
    FILL_BOOKINGS = "INSERT INTO booking (part_id, id, owner, state, series, start_at, end_at, until, ruled, revision, commit_id, body, said)
        SELECT $1, f.id, f.owner, f.state, f.series, f.start_at, f.end_at, f.until, f.ruled, f.revision, f.commit_id, f.body, f.said
        FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[], $9::boolean[],
            $10::bigint[], $11::uuid[], $12::bytea[], $13::bytea[])
            AS f (id, owner, state, series, start_at, end_at, until, ruled, revision, commit_id, body, said)";
    /// Where a booking was before is left; nobody finds it, because it must lie where the booking begins.
    ALL_BOOKINGS_ON = "SELECT o.resource, o.start_at, o.booking, o.end_at FROM booking_on o
        JOIN booking b ON b.part_id = o.part_id AND b.id = o.booking AND b.start_at = o.start_at
        WHERE o.part_id = $1 AND ($2::uuid IS NULL OR (o.resource, o.start_at, o.booking) > ($2, $3::bigint, $4::uuid))
        ORDER BY o.resource, o.start_at, o.booking LIMIT $5";
    FILL_BOOKINGS_ON = "INSERT INTO booking_on (part_id, resource, start_at, booking, end_at)
        SELECT $1, f.resource, f.start_at, f.booking, f.end_at
        FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[])
            AS f (resource, start_at, booking, end_at)";
    ALL_BOOKING_COMMITS = "SELECT booking, stamp, commit_id FROM booking_commit
        WHERE part_id = $1 AND ($2::uuid IS NULL OR (booking, stamp, commit_id) > ($2, $3::bigint, $4::uuid))
        ORDER BY booking, stamp, commit_id LIMIT $5";
    FILL_BOOKING_COMMITS = "INSERT INTO booking_commit (part_id, booking, stamp, commit_id)
        SELECT $1, f.booking, f.stamp, f.commit_id
        FROM unnest($2::uuid[], $3::bigint[], $4::uuid[])
            AS f (booking, stamp, commit_id)";
    ALL_CLAIMS = "SELECT id, kind, resource, person, since, live, change FROM claim
        WHERE part_id = $1 AND ($2::uuid IS NULL OR (id, kind) > ($2, $3::bigint))
        ORDER BY id, kind LIMIT $4";
    FILL_CLAIMS = "INSERT INTO claim (part_id, id, kind, resource, person, since, live, change)
        SELECT $1, f.id, f.kind, f.resource, f.person, f.since, f.live, f.change
        FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bigint[], $7::boolean[], $8::bytea[])
            AS f (id, kind, resource, person, since, live, change)";
    ALL_ATTEMPTS = "SELECT key, actor, commit_id FROM attempt
        WHERE part_id = $1 AND ($2::uuid IS NULL OR (key, actor) > ($2, $3::uuid))
        ORDER BY key, actor LIMIT $4";
    FILL_ATTEMPTS = "INSERT INTO attempt (part_id, key, actor, commit_id)
        SELECT $1, f.key, f.actor, f.commit_id
        FROM unnest($2::uuid[], $3::uuid[], $4::uuid[])
            AS f (key, actor, commit_id)";
    ALL_NOTICES = "SELECT person, stamp, place, commit_id, news, booking, resource, at, dates FROM notice
        WHERE part_id = $1 AND ($2::uuid IS NULL OR (person, stamp, place, commit_id) > ($2, $3::bigint, $4::bigint, $5::uuid))
        ORDER BY person, stamp, place, commit_id LIMIT $6";
    FILL_NOTICES = "INSERT INTO notice (part_id, person, stamp, place, commit_id, news, booking, resource, at, dates)
        SELECT $1, f.person, f.stamp, f.place, f.commit_id, f.news, f.booking, f.resource, f.at, f.dates
        FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[], $6::text[], $7::uuid[], $8::uuid[], $9::bigint[], $10::bigint[])
            AS f (person, stamp, place, commit_id, news, booking, resource, at, dates)";
    ALL_HEADS = "SELECT resource, epoch, number, base, decided_at, stamp, hash, commit_id, due_at, in_group, taken, room FROM resource_head
        WHERE part_id = $1 AND ($2::uuid IS NULL OR resource > $2)
        ORDER BY resource LIMIT $3";
    FILL_HEADS = "INSERT INTO resource_head (part_id, resource, epoch, number, base, decided_at, stamp, hash, commit_id, due_at, in_group, taken, room)
        SELECT $1, f.resource, f.epoch, f.number, f.base, f.decided_at, f.stamp, f.hash, f.commit_id, f.due_at, f.in_group, f.taken,
            f.room
        FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bytea[], $9::uuid[],
            $10::bigint[], $11::uuid[], $12::bigint[], $13::bigint[])
            AS f (resource, epoch, number, base, decided_at, stamp, hash, commit_id, due_at, in_group, taken, room)";
    ALL_SNAPSHOTS = "SELECT resource, number, epoch, decided_at, changes FROM snapshot
        WHERE part_id = $1 AND ($2::uuid IS NULL OR resource > $2)
        ORDER BY resource LIMIT $3";
    FILL_SNAPSHOTS = "INSERT INTO snapshot (part_id, resource, number, epoch, decided_at, changes)
        SELECT $1, f.resource, f.number, f.epoch, f.decided_at, f.changes
        FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
            AS f (resource, number, epoch, decided_at, changes)";
    FILL_COMMITS = "INSERT INTO journal (part_id, id, writer, number, stamp, hash, body, said)
        SELECT $1, f.id, f.writer, f.number, f.stamp, f.hash, f.body, f.said
        FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bytea[])
            AS f (id, writer, number, stamp, hash, body, said)";
    FILL_RECORDS = "INSERT INTO record (part_id, resource, number, epoch, commit_id, decided_at, attempt, actor, changes)
        SELECT $1, f.resource, f.number, f.epoch, f.commit_id, f.decided_at, f.attempt, f.actor, f.changes
        FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[], $6::bigint[], $7::uuid[], $8::uuid[], $9::bytea[])
            AS f (resource, number, epoch, commit_id, decided_at, attempt, actor, changes)";
    FILLING = "SELECT store, whole FROM filling WHERE part_id = $1";
    FILLING_ADD = "INSERT INTO filling (part_id, store, whole) VALUES ($1, $2, false) ON CONFLICT (part_id) DO NOTHING";
    FILLING_HELD = "SELECT store, whole FROM filling WHERE part_id = $1 FOR UPDATE SKIP LOCKED";
    FILLING_WHOLE = "UPDATE filling SET whole = true WHERE part_id = $1";
    FILLING_GONE = "DELETE FROM filling WHERE part_id = $1";
    COMMITS_ANY = "SELECT id FROM journal WHERE part_id = $1 LIMIT 1";
    PEOPLE_ANY = "SELECT id FROM person WHERE part_id = $1 LIMIT 1";
    ORIGIN_PUT = "INSERT INTO origin (part_id, store) VALUES ($1, $2)
        ON CONFLICT (part_id) DO UPDATE SET store = excluded.store";
    COLUMNS = "SELECT CAST(column_name AS text), CAST(data_type AS text) FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
    COMMIT_LAST = "SELECT id, hash FROM journal WHERE part_id = $1 ORDER BY stamp DESC, id DESC LIMIT 1";
    META_FILL = "UPDATE meta SET epoch = $2, epoch_began = $3, longest = $4 WHERE part_id = $1";
    NOTICES_POSTED = "UPDATE notice SET posted = true WHERE part_id = $1 AND (stamp, place) <= ($2, $3)";
    PERSON_FILL = "INSERT INTO person (part_id, id, name, title, role, suspended, external_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (part_id, id) DO UPDATE SET name = excluded.name, title = excluded.title, role = excluded.role,
            suspended = excluded.suspended, external_id = excluded.external_id";
    KEY_FILL = "INSERT INTO secret (part_id, sha256, kind, person, label, scopes, made_at, until) VALUES ($1, $2, 'key', $3, $4, $5, 0, $6)
        ON CONFLICT (part_id, sha256) DO UPDATE SET person = excluded.person, label = excluded.label, scopes = excluded.scopes,
            until = excluded.until";

    // What one of several instances does for all, and a new epoch

    KEEPER_ADD = "INSERT INTO keeper (part_id, owner, until) VALUES ($1, $2, now() + interval '5 seconds')
        ON CONFLICT (part_id) DO NOTHING";
    KEEPER_TAKEN = "UPDATE keeper SET owner = $2, until = now() + interval '5 seconds'
        WHERE part_id = $1 AND (owner = $2 OR until < now() OR until > now() + interval '1 minute') RETURNING owner";
    CHECKPOINT_LAST = "SELECT commits, stamp, id, hash, line FROM checkpoint WHERE part_id = $1 ORDER BY commits DESC LIMIT 1";
    /// The one that comes so many after the next, if so many were committed.
    COMMIT_AFTER = "SELECT id FROM journal WHERE part_id = $1 AND stamp > $2 ORDER BY stamp, id OFFSET $3 LIMIT 1";
    CHECKPOINT_ADD = "INSERT INTO checkpoint (part_id, commits, stamp, id, hash, line) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (part_id, commits) DO NOTHING";
    /// Since when somebody is in the middle of a transaction that writes.
    WRITING_SINCE = "SELECT CAST(EXTRACT(epoch FROM min(xact_start)) * 1000000 AS bigint) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_xid IS NOT NULL";
    COMMIT_AT = "SELECT hash FROM journal WHERE part_id = $1 AND stamp = $2 AND id = $3";
    RECORD_AT = "SELECT j.number, j.hash, j.body FROM record r
        JOIN journal j ON j.part_id = r.part_id AND j.id = r.commit_id
        WHERE r.part_id = $1 AND r.resource = $2 AND (j.stamp, j.id) <= ($3, $4) ORDER BY r.number DESC LIMIT 1";
    HEADS_AFTER = "SELECT resource FROM resource_head WHERE part_id = $1 AND resource > $2 ORDER BY resource LIMIT $3";
    HEAD_WHOLE = "SELECT epoch, number, decided_at, hash, due_at, in_group FROM resource_head WHERE part_id = $1 AND resource = $2";
    HEAD_MENDED = "UPDATE resource_head SET decided_at = $4, due_at = $5, in_group = $6
        WHERE part_id = $1 AND resource = $2 AND number = $3";
    SNAPSHOT_GONE = "DELETE FROM snapshot WHERE part_id = $1 AND resource = $2";
    BOOKING_GONE = "DELETE FROM booking WHERE part_id = $1 AND id = $2";
    EPOCH_RAISED = "UPDATE meta SET epoch = $3, epoch_began = $4 WHERE part_id = $1 AND epoch = $2 RETURNING epoch";
    HOLDS_DUE = "UPDATE resource_head SET due_at = $2 WHERE part_id = $1 AND resource IN
        (SELECT c.resource FROM claim c WHERE c.part_id = $1 AND c.kind = 1 AND c.live)";
    HOLDS_COUNTED = "SELECT count(*) FROM claim WHERE part_id = $1 AND kind = 1 AND live";

    // The proof at the start, and what is watched

    PROOF_ADD = "INSERT INTO proof (part_id, id, n) VALUES ($1, $2, 0)";
    PROOF_RAISED = "UPDATE proof SET n = n + 1 WHERE part_id = $1 AND id = $2 AND n = $3 RETURNING n";
    PROOF_HELD = "SELECT n FROM proof WHERE part_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED";
    PROOF_GONE = "DELETE FROM proof WHERE part_id = $1 AND id = ANY($2)";
    SETTINGS = "SELECT current_setting('server_version_num'), current_setting('fsync'), current_setting('synchronous_commit'),
        current_setting('full_page_writes'), current_setting('transaction_read_only'),
        (SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'async'
             AND application_name NOT LIKE 'pg_basebackup%') > 0
            AND current_setting('synchronous_standby_names') = ''";

    // Between instances

    /// After the COMMIT, never in it; it may be lost. So it waits for no disk, which only this statement is told, and no other after it.
    RING = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";
    LISTEN = "LISTEN slotwise";

    // The schema

    MIGRATIONS = "CREATE TABLE IF NOT EXISTS migration (number bigint NOT NULL PRIMARY KEY, checksum bytea NOT NULL)";
    MIGRATION_LOCK_ADD = "INSERT INTO migration (number, checksum) VALUES (0, '') ON CONFLICT (number) DO NOTHING";
    MIGRATION_LOCK = "SELECT number FROM migration WHERE number = 0 FOR UPDATE";
    MIGRATIONS_DONE = "SELECT number, checksum FROM migration WHERE number > 0 ORDER BY number";
    MIGRATION_DONE = "INSERT INTO migration (number, checksum) VALUES ($1, $2)";
}
