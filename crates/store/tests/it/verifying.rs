//! What `verify` finds: rows that the record did not make, a record written anew with its hashes, an end cut off, a forged checkpoint;
//! and that a damaged page of the journal is never taken for an answer.

use crate::support::{HOUR, START, Site, commit, exclusive, held, line, made, one};
use rusqlite::{Connection, params};
use slotwise_domain::{Action, BookingRef, Outcome, Rejection, Span, Subject};
use slotwise_engine::{Recorded, Settled, Store};
use slotwise_store::codec::{decode_commit, encode_changes, encode_commit};
use slotwise_store::commit::Commit;
use slotwise_store::embedded::{Checkpoints, Embedded, Verified, Wanted, checkpoint_line, examine, unhex};
use slotwise_store::record::{Header, chain, chain_commit, commits_genesis, genesis};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// A closed store with something of everything, and what was told.
async fn written() -> (Site, Vec<Recorded>) {
    let site = Site::new();
    let store = site.open().await;
    let (room, lab) = (site.room(&store, "R1").await, site.resource(&store, exclusive("Lab")).await);
    let mut told = Vec::new();
    for n in 1..=30 {
        let at = START.plus(Span::hours(n));
        for settled in commit(&store, vec![site.book(site.admin, room, at), site.book(site.admin, room, at)]).await {
            let Settled::Decided(recorded, _) = settled else { panic!("{settled:?}") };
            told.push(Arc::unwrap_or_clone(recorded));
        }
    }
    told.push(one(&store, site.book(site.admin, lab, START.plus(HOUR))).await);
    let (recorded, hold) = made(&store, site.hold(site.admin, room, START.plus(Span::days(9)))).await;
    told.push(recorded);
    let lines = [(room, START.plus(Span::days(9)))];
    told.push(one(&store, site.by(site.admin, site.booking(site.admin, &lines, Some(held(hold))))).await);
    told.push(one(&store, site.hold(site.admin, room, START.plus(Span::days(10)))).await);
    told.push(one(&store, site.block(room, 1, START.plus(Span::days(2)))).await);
    let Some(Subject::Booking(booking)) = told[0].decision.subject else { panic!("{:?}", told[0]) };
    told.push(one(&store, site.by(site.admin, Action::Cancel { booking, reason: Some("ill".into()) })).await);
    drop(store);
    // Opening brings the log into the database.
    drop(site.reopen());
    (site, told)
}

fn examined(dir: &Path) -> Verified {
    examine(dir, Wanted::default()).unwrap()
}

fn says(verified: &Verified) -> String {
    verified.findings.iter().map(|f| format!("{f}\n")).collect()
}

fn journal(dir: &Path) -> Connection {
    Connection::open(dir.join("slotwise.sqlite")).unwrap()
}

/// Makes a record anew in which one commit is another, with all hashes as they must be.
fn forge(dir: &Path, number: u64, change: impl Fn(&mut Commit)) {
    let db = journal(dir);
    let writer: Uuid = db.query_row("SELECT writer FROM meta", [], |row| row.get(0)).unwrap();
    let rows: Vec<(u64, Vec<u8>)> = {
        let mut select = db.prepare("SELECT number, body FROM journal ORDER BY number").unwrap();
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    let (mut before, mut heads) = (commits_genesis(writer), BTreeMap::new());
    for (n, body) in rows {
        let (mut commit, _) = decode_commit(n, [0; 32], &body).unwrap();
        if n == number {
            change(&mut commit);
        }
        let mut bodies = Vec::new();
        for entry in &mut commit.entries {
            let key = entry.recorded.key;
            let decided_at = entry.recorded.decision.decided_at;
            for record in &mut entry.records {
                let (resource, version) = (record.resource, record.version);
                let body = encode_changes(resource, &record.changes).unwrap();
                let before = heads.get(&resource).copied().unwrap_or_else(|| genesis(resource));
                let header = Header { resource, version, decided_at, attempt: key.key, actor: key.actor };
                record.hash = chain(&before, &header, &body);
                heads.insert(resource, record.hash);
                bodies.push(body);
            }
        }
        let body = encode_commit(&commit, &bodies).unwrap();
        before = chain_commit(&before, n, &body);
        db.execute("UPDATE journal SET hash = ?2, body = ?3 WHERE number = ?1", params![n, before, body]).unwrap();
    }
}

fn without(dir: &Path, names: &[&str]) {
    for name in names {
        fs::remove_file(dir.join(name)).unwrap();
    }
}

#[tokio::test]
async fn all_of_it_is_looked_at_beside_a_running_store_too() {
    let (site, _) = written().await;
    let verified = examined(site.path());
    assert_eq!(says(&verified), "");
    assert!(!verified.running && verified.rows > 100 && verified.resources == 2, "{verified:?}");
    // Closing made a checkpoint of all there is.
    assert_eq!(verified.checkpoints.as_ref().unwrap().latest.as_ref().unwrap().commit, verified.commits);

    let store = site.reopen();
    let room = site.room(&store, "R3").await;
    let wanted = site.path().to_owned();
    let looking = std::thread::spawn(move || (0..10).map(|_| examined(&wanted)).collect::<Vec<_>>());
    for n in 1..=200 {
        one(&store, site.book(site.admin, room, START.plus(Span::hours(n)))).await;
    }
    for verified in looking.join().unwrap() {
        assert_eq!(says(&verified), "");
        assert!(verified.running);
    }
}

#[tokio::test]
async fn every_row_that_the_record_did_not_make_is_found() {
    let edits = [
        ("UPDATE booking SET title = 'Nothing' WHERE revision = 1", "title is not what the record makes it"),
        ("UPDATE booking SET state = 'confirmed' WHERE state = 'cancelled'", "state is not"),
        ("UPDATE booking_slot SET active = 1 WHERE active = 0", "active is not"),
        ("DELETE FROM booking_slot WHERE start_at = (SELECT max(start_at) FROM booking_slot)", "is missing"),
        ("DELETE FROM booking WHERE start_at = (SELECT max(start_at) FROM booking)", "is missing"),
        ("UPDATE block SET reason = 'tea'", "reason is not"),
        ("DELETE FROM block", "is missing"),
        ("UPDATE hold SET ended = NULL", "ended is not"),
        ("UPDATE hold SET expires_at = expires_at + 1", "expires_at is not"),
        ("UPDATE attempt SET place = place + 1", "place is not"),
        ("DELETE FROM attempt", "is missing"),
        ("UPDATE resource SET policy_version = 9", "policy_version is not"),
        ("UPDATE resource SET over_commit = 1", "over_commit is not"),
        ("UPDATE booking SET state_reason = 'tea' WHERE state = 'cancelled'", "state_reason is not"),
        ("UPDATE block SET people = zeroblob(16)", "people is not"),
        ("UPDATE resource_head SET number = number + 1", "number is not"),
        (
            "INSERT INTO block SELECT part_id, resource, zeroblob(16), start_at, end_at, reason, people, bookings FROM block",
            "is not in the record",
        ),
        ("UPDATE mark SET longest = 1", "longest is not"),
        ("UPDATE mark SET number = number + 1", "its end was cut off"),
        ("CREATE TRIGGER more AFTER INSERT ON booking BEGIN DELETE FROM block; END", "views.sqlite has more"),
        ("DROP INDEX booking_pending", "views.sqlite has no booking_pending"),
    ];
    for (sql, expected) in edits {
        let (site, _) = written().await;
        Connection::open(site.path().join("views.sqlite")).unwrap().execute_batch(sql).unwrap();
        let found = says(&examined(site.path()));
        assert!(found.contains(expected), "{sql}: {found:?}");
    }
    let (site, _) = written().await;
    journal(site.path()).execute_batch("CREATE TABLE more (a)").unwrap();
    assert!(says(&examined(site.path())).contains("slotwise.sqlite has more"));
}

#[tokio::test]
async fn a_record_written_anew_with_its_hashes_breaks_a_rule_or_a_checkpoint() {
    type Forgery = (u64, &'static str, fn(&mut Commit));
    let refused = |c: &mut Commit| {
        Arc::make_mut(&mut c.entries[0].recorded).decision.outcome =
            Outcome::Rejected(Rejection::of(slotwise_domain::Code::Full))
    };
    let forgeries: [Forgery; 7] = [
        (5, "I3: the answer", refused),
        (5, "it follows", |c| c.entries[0].records[0].version.number += 1),
        (5, "before its commit began", |c| {
            Arc::make_mut(&mut c.entries[0].recorded).decision.decided_at = START.minus(HOUR)
        }),
        (6, "was decided before", |c| {
            let again = Arc::make_mut(&mut c.entries[0].recorded).key;
            Arc::make_mut(&mut c.entries[1].recorded).key = again;
        }),
        (5, "I25", |c| Arc::make_mut(&mut c.entries[0].recorded).decision.policies[0].1 = 7),
        (34, "I3: the answer", |c| Arc::make_mut(&mut c.entries[0].recorded).decision.outcome = Outcome::Booked),
        (35, "I7", |c| {
            let records = &mut c.entries[0].records;
            let hold = records[0].changes.iter_mut().find_map(|change| match change {
                slotwise_domain::Change::HoldEnded(ended) => Some(&mut ended.hold),
                _ => None,
            });
            hold.unwrap().expires_at = START;
        }),
    ];
    let (site, _) = written().await;
    without(site.path(), &["views.sqlite"]);
    let whole = fs::read(site.path().join("slotwise.sqlite")).unwrap();
    for (number, expected, change) in forgeries {
        fs::write(site.path().join("slotwise.sqlite"), &whole).unwrap();
        forge(site.path(), number, change);
        let verified = examined(site.path());
        let found = says(&verified);
        assert!(found.contains(expected), "commit {number}: {found:?}");
        assert!(found.contains("the checkpoint of") && found.contains("says otherwise"), "{found:?}");
        assert!(verified.findings.iter().any(|f| f.commit == Some(number)), "{found}");
    }
    // What breaks no rule is only found by a checkpoint.
    fs::write(site.path().join("slotwise.sqlite"), &whole).unwrap();
    forge(site.path(), 3, |c| Arc::make_mut(&mut c.entries[1].recorded).fingerprint.0[0] ^= 1);
    assert!(says(&examined(site.path())).contains("says otherwise"));
    without(site.path(), &["checkpoints.jsonl"]);
    assert_eq!(says(&examined(site.path())), "");
}

#[tokio::test]
async fn an_end_cut_off_is_found_by_what_was_kept() {
    let (site, _) = written().await;
    let kept = site.path().join("kept");
    fs::copy(site.path().join("checkpoints.jsonl"), &kept).unwrap();
    let last: u64 = journal(site.path()).query_row("SELECT max(number) FROM journal", [], |row| row.get(0)).unwrap();
    journal(site.path()).execute("DELETE FROM journal WHERE number = ?1", [last]).unwrap();
    // By the tables, and by the directory's own checkpoint.
    assert_eq!(says(&examined(site.path())).matches("its end was cut off").count(), 2);
    without(site.path(), &["views.sqlite"]);
    assert_eq!(says(&examined(site.path())).matches("its end was cut off").count(), 1);
    // Without either it cannot be told, and is not.
    without(site.path(), &["checkpoints.jsonl"]);
    let verified = examined(site.path());
    assert_eq!((says(&verified).as_str(), verified.checkpoints), ("", None));
    // The one that was kept elsewhere tells.
    let wanted = Wanted { checkpoints: Some(kept), ..Wanted::default() };
    let found = says(&examine(site.path(), wanted).unwrap());
    assert!(found.contains(&format!("the journal ends at commit {}", last - 1)), "{found:?}");
}

#[tokio::test]
async fn a_page_that_cannot_be_read_is_said_to_be_that_and_no_bug() {
    let (site, _) = written().await;
    let path = site.path().join("slotwise.sqlite");
    let whole = fs::read(&path).unwrap();
    let mut unread = 0;
    for page in (4096..whole.len()).step_by(4096) {
        let mut damaged = whole.clone();
        damaged[page] = 0x55;
        fs::write(&path, &damaged).unwrap();
        // Without the page that says whose it is there is nothing to verify.
        let Ok(verified) = examine(site.path(), Wanted::default()) else { continue };
        let found = says(&verified);
        assert!(!found.contains("bug"), "page {}: {found}", page / 4096);
        if found.contains("in slotwise.sqlite cannot be read") {
            unread += 1;
            assert_eq!(found.matches("in slotwise.sqlite cannot be read").count(), 1, "once: {found}");
        }
    }
    assert!(unread > 0, "some of its pages are the journal's");
    fs::write(&path, &whole).unwrap();
    assert_eq!(says(&examined(site.path())), "");
}

#[tokio::test]
async fn forged_and_foreign_checkpoints_are_named() {
    let (site, _) = written().await;
    let (other, _) = written().await;
    let own = examined(site.path()).checkpoints.unwrap().latest.unwrap();
    let foreign = examined(other.path()).checkpoints.unwrap().latest.unwrap();
    let file = site.path().join("some");
    let check = |lines: &str, key| {
        fs::write(&file, lines).unwrap();
        let wanted = Wanted { checkpoints: Some(file.clone()), public_key: key, ..Wanted::default() };
        let verified = examine(site.path(), wanted).unwrap();
        (says(&verified), verified.checkpoints.unwrap())
    };
    let key = Some(own.public_key);
    let (found, checked) = check(&checkpoint_line(&own), key);
    assert_eq!((found.as_str(), checked.held, checked.key_given), ("", 1, true));
    assert!(check(&checkpoint_line(&foreign), key).0.contains("is signed with another key"));
    assert!(check(&checkpoint_line(&foreign), None).0.contains("is of another journal"));
    let mut forged = own.clone();
    forged.commit -= 1;
    assert!(check(&checkpoint_line(&forged), key).0.contains("is forged or was changed"));
    let mut forged = own.clone();
    forged.signature[7] ^= 1;
    assert!(check(&checkpoint_line(&forged), key).0.contains("is forged or was changed"));
    assert!(check("{\"format\":1}\n", key).0.contains("line 1: it is no checkpoint"));
    // A line that was broken off says nothing.
    let torn = checkpoint_line(&own) + &checkpoint_line(&own)[..90];
    assert_eq!(check(&torn, key).0, "");
}

#[tokio::test]
async fn checkpoints_go_on_where_they_ended_and_to_a_second_file() {
    let mut site = Site::new();
    let kept: PathBuf = site.path().join("elsewhere");
    site.options.checkpoints = Checkpoints { copy: Some(kept.clone()), ..Checkpoints::default() };
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    drop(store);
    let first = fs::read_to_string(&kept).unwrap();
    assert_eq!(first, fs::read_to_string(site.path().join("checkpoints.jsonl")).unwrap());
    let store = site.reopen();
    assert_eq!(checkpoint_line(&store.checkpoint().unwrap()), first);
    // Nothing new, no new line.
    drop(store);
    assert_eq!(fs::read_to_string(&kept).unwrap(), first);
    let store = site.reopen();
    one(&store, site.book(site.admin, room, START.plus(HOUR))).await;
    drop(store);
    assert_eq!(fs::read_to_string(&kept).unwrap().lines().count(), 2);
    let key = fs::read_to_string(site.path().join("checkpoint.key")).unwrap();
    assert!(unhex::<32>(key.trim()).is_some());
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(site.path().join("checkpoint.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_flipped_bit_of_the_journal_is_never_an_answer() {
    let (site, told) = written().await;
    let path = site.path().join("slotwise.sqlite");
    let whole = fs::read(&path).unwrap();
    let tables = fs::read(site.path().join("views.sqlite")).unwrap();
    // The same places in every run: a stride that shares no factor with a page.
    let (mut refused, mut alarmed, mut harmless) = (0, 0, 0);
    for (n, place) in (0..whole.len()).step_by(271).enumerate() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (n % 8);
        fs::write(&path, &bytes).unwrap();
        fs::write(site.path().join("views.sqlite"), &tables).unwrap();
        for name in ["slotwise.sqlite-wal", "slotwise.sqlite-shm", "views.sqlite-wal", "views.sqlite-shm"] {
            fs::remove_file(site.path().join(name)).ok();
        }
        if n % 2 == 1 {
            fs::remove_file(site.path().join("views.sqlite")).unwrap();
        }
        let Ok(store) = Embedded::open(site.path(), site.options.clone()) else {
            refused += 1;
            continue;
        };
        let mut errors = 0;
        for recorded in &told {
            match store.recall(recorded.key).await {
                Ok(answer) => assert_eq!(answer.as_ref(), Some(recorded), "byte {place}"),
                Err(_) => errors += 1,
            }
        }
        match errors {
            0 => harmless += 1,
            _ => {
                assert!(matches!(store.status(), slotwise_engine::Status::Stopped(_)), "byte {place}: nobody was told");
                alarmed += 1;
            }
        }
    }
    println!("{refused} flips refused at the start, {alarmed} when read, {harmless} where nothing is");
    assert!(refused > 10 && alarmed > 10, "{refused} {alarmed} {harmless}");
}

async fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{what}: it never came to that");
}

/// Records at once: all that there are, one mark's distance, and fewer than lie between two marks.
const PAGES: [u64; 3] = [20_000, 64, 7];

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rows_and_what_was_cached_from_them_are_made_anew_while_the_store_runs() {
    let edits = [
        "UPDATE booking_slot SET units = 3",
        "UPDATE booking_slot SET active = 0",
        "UPDATE booking_slot SET start_at = start_at + 60000000",
        "DELETE FROM booking_slot WHERE start_at = (SELECT max(start_at) FROM booking_slot WHERE active = 1)",
        "INSERT INTO booking_slot SELECT part_id, resource, until + 1, zeroblob(16), 0, owner, start_at, end_at, 0, 0, 1, 0, 1, NULL, NULL
         FROM booking_slot WHERE active = 1 LIMIT 1",
        "UPDATE booking SET title = 'Nothing', state = 'pending' WHERE state = 'confirmed'",
        "DELETE FROM booking WHERE state = 'confirmed'",
        "UPDATE block SET reason = 'tea'",
        "DELETE FROM block",
        "UPDATE hold SET expires_at = expires_at + 1 WHERE ended IS NULL",
        "DELETE FROM hold WHERE ended IS NULL",
        "UPDATE resource SET policy_version = 9",
        "UPDATE resource SET spec = replace(spec, 'confirm', 'later')",
    ];
    for (n, sql) in edits.into_iter().enumerate() {
        let (mut site, told) = written().await;
        site.options.reconcile_page = PAGES[n % PAGES.len()];
        let scope = crate::support::scope_of(told[0].decision.decided[0].0);
        let truth = site.reopen().observe(scope.clone()).await.unwrap().calendars;
        let plant = |path: &Path| Connection::open(path.join("views.sqlite")).unwrap().execute(sql, []).unwrap();
        site.options.reconcile_rest = std::time::Duration::from_millis(1);
        let store = site.reopen();
        assert_eq!(store.warnings(), [] as [String; 0]);
        assert!(plant(site.path()) > 0, "{sql}");
        // Somebody looks at it: what is wrong may be cached now as well.
        store.observe(scope.clone()).await.ok();
        wait_for(sql, || !store.warnings().is_empty()).await;
        wait_for(sql, || examined(site.path()).findings.is_empty()).await;
        let mut seen = store.observe(scope.clone()).await;
        for _ in 0..1_000 {
            if seen.as_ref().is_ok_and(|world| world.calendars == truth) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            seen = store.observe(scope.clone()).await;
        }
        assert_eq!(seen.unwrap().calendars, truth, "{sql}");
        assert_eq!(store.status(), slotwise_engine::Status::Ready);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_lead_nowhere_stop_the_writer_until_all_are_made_anew() {
    for (page, sql) in [
        (20_000, "UPDATE resource_head SET number = number + 1"),
        (7, "UPDATE resource_head SET number = number + 1"),
        (20_000, "UPDATE resource_head SET commit_number = commit_number - 1"),
        (7, "UPDATE resource_head SET commit_number = commit_number - 1"),
        (20_000, "UPDATE booking SET commits = zeroblob(8)"),
    ] {
        let (mut site, told) = written().await;
        site.options.reconcile_rest = std::time::Duration::from_millis(1);
        site.options.reconcile_page = page;
        let store = site.reopen();
        Connection::open(site.path().join("views.sqlite")).unwrap().execute(sql, []).unwrap();
        wait_for(sql, || store.status() != slotwise_engine::Status::Ready).await;
        drop(store);
        let store = site.reopen();
        assert_eq!(store.recall(told[0].key).await.unwrap().as_ref(), Some(&told[0]));
        drop(store);
        assert_eq!(says(&examined(site.path())), "", "{sql}");
    }
}

/// A record of many pages in which bookings are over, cancelled, moved about and changed again long after: read as a whole, page by
/// page, and beside others in the same commits it is the same, and a wrong row in it is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_record_is_folded_page_by_page() {
    let mut site = Site::new();
    let store = site.open().await;
    let mut rooms = Vec::new();
    for n in 0..5 {
        rooms.push(site.room(&store, &format!("R{n}")).await);
    }
    let mut made = Vec::new();
    for n in 0..120_i64 {
        // One in six is over at the end.
        let from = START.plus(Span::hours(if n % 6 == 0 { 2 + n / 6 } else { 24 * 60 + n }));
        let batch = rooms.iter().map(|room| site.book(site.admin, *room, from)).collect();
        for (place, settled) in commit(&store, batch).await.into_iter().enumerate() {
            let Settled::Decided(recorded, _) = settled else { panic!("{settled:?}") };
            let Some(Subject::Booking(booking)) = recorded.decision.subject else { panic!("{recorded:?}") };
            made.push((place, booking));
        }
    }
    let cancel = |booking| site.by(site.admin, Action::Cancel { booking, reason: None });
    let to = |id, room, n: usize| Action::Move {
        booking: BookingRef { id, revision: None },
        to: vec![line(room, START.plus(Span::days(200)).plus(Span::hours(n as i64)))],
    };
    for (n, (place, booking)) in made.iter().enumerate() {
        let next = rooms[(place + 1) % rooms.len()];
        match n % 4 {
            0 if n > 300 => drop(one(&store, cancel(*booking)).await),
            1 => drop(one(&store, site.by(site.admin, to(*booking, next, n))).await),
            _ => {}
        }
    }
    drop(store);
    site.clock.advance(Span::days(40));
    let store = site.reopen();
    // Changed again: one that moved, which the pages before have told already.
    for (_, booking) in made.iter().skip(1).step_by(8) {
        one(&store, site.by(site.admin, Action::Cancel { booking: *booking, reason: Some("ill".into()) })).await;
    }
    drop(store);
    drop(site.reopen());

    let mark = |path: &Path| -> u64 {
        let db = Connection::open(path.join("views.sqlite")).unwrap();
        db.query_row("SELECT count(*) FROM record_mark", [], |row| row.get(0)).unwrap()
    };
    assert!(mark(site.path()) >= 10, "each record is longer than two marks: {}", mark(site.path()));
    let sql = "UPDATE booking SET title = 'Nothing' WHERE state = 'cancelled' AND state_reason = 'ill' AND resources =
        (SELECT id FROM resource ORDER BY id DESC LIMIT 1)";
    site.options.reconcile_rest = std::time::Duration::from_millis(1);
    for page in [20_000, 64, 40] {
        site.options.reconcile_page = page;
        let store = site.reopen();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!((store.warnings(), store.status()), (vec![], slotwise_engine::Status::Ready), "page {page}");
        let wrong = Connection::open(site.path().join("views.sqlite")).unwrap().execute(sql, []).unwrap();
        assert!(wrong > 0);
        wait_for(sql, || !store.warnings().is_empty()).await;
        wait_for(sql, || examined(site.path()).findings.is_empty()).await;
        assert_eq!(store.status(), slotwise_engine::Status::Ready, "page {page}");
    }
    let store = site.reopen();
    Connection::open(site.path().join("views.sqlite"))
        .unwrap()
        .execute("UPDATE record_mark SET commit_number = 1", [])
        .unwrap();
    wait_for("marks that lead nowhere", || store.status() != slotwise_engine::Status::Ready).await;
}
