//! What an operator does over PostgreSQL, on a real server: verify finds what was planted, everything goes out and comes in again, a
//! folder becomes a database, a restored one begins a new epoch, and one of several instances looks after the record.

use crate::database::{Database, tool};
use crate::support::{HOUR, START, Site, exclusive, held, id, outcome, person, room};
use slotwise_domain::{Action, PersonId, Proposal, ResourceId, ResourceSpec, Role, Scope, Span, settle};
use slotwise_engine::conformance::{Harness, run_all};
use slotwise_engine::{
    Accounts, BookingFilter, Clock, Directory, Made, NoticeId, PersonCard, Post, Recorded, Settled, Status, Store,
    Views,
};
use slotwise_store::embedded::{Checkpoints, Exported, Reading, Verified, Wanted, checkpoint_line};
use slotwise_store::postgres::{Keep, Options, begin_epoch, examine, import, migrate_folder, reading};
use slotwise_store::{Embedded, Postgres};
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Moment};
use tempfile::TempDir;

/// On a thread of its own: what operators call waits by itself.
fn apart<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(f).join().unwrap()
}

fn examined(url: &str, part: i64) -> Verified {
    let url = url.to_owned();
    apart(move || examine(&url, part, Wanted::default()).unwrap())
}

fn says(verified: &Verified) -> String {
    verified.findings.iter().map(|f| format!("{f}\n")).collect()
}

fn sql(url: &str, sql: &str) -> Vec<String> {
    let out = tool("psql").args(["-At", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]).output().unwrap();
    assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Until the connections of closed stores are gone.
async fn alone(url: &str) {
    for _ in 0..500 {
        let others = sql(url, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'slotwise'");
        if others.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("somebody has the database open still");
}

fn options(part: i64, clock: Arc<dyn Clock>) -> Options {
    // One writer: a store of few commits has one long chain, not several short ones.
    Options { part, clock: Some(clock), readers: 3, writers: 1, keep: None, ..Options::default() }
}

async fn decided(store: &dyn Store, proposal: Proposal) -> (Recorded, Option<Made>) {
    match store.commit(vec![proposal], settle).await.unwrap().remove(0) {
        Settled::Decided(recorded, made) => (Arc::unwrap_or_clone(recorded), made),
        other => panic!("not decided: {}", outcome(&other)),
    }
}

async fn resource(site: &Site, store: &dyn Store, spec: ResourceSpec) -> ResourceId {
    let resource = ResourceId(id(site.clock.now()));
    let action = Action::CreateResource { resource, spec: Box::new(spec.checked().unwrap()) };
    decided(store, site.by(site.admin, action)).await;
    resource
}

/// Whose key it is.
async fn keys_person(accounts: &dyn Accounts, site: &Site) -> PersonCard {
    accounts.doors(vec![[7; 32]], site.clock.now()).await.unwrap().remove(0).unwrap().card
}

/// Something of everything, and what was told; the last is a live hold on a room of its own.
async fn live(
    site: &Site,
    store: &dyn Store,
    directory: &dyn Directory,
    accounts: &dyn Accounts,
) -> (Vec<Recorded>, ResourceId, Made) {
    let ann = PersonId(id(site.clock.now()));
    directory.put_person(person(site.admin, "Ada", Role::Admin)).await.unwrap();
    directory.put_person(person(ann, "Ann", Role::Member)).await.unwrap();
    accounts.put_key([7; 32], ann, "laptop".into()).await.unwrap();
    let (one, lab) = (resource(site, store, room("R1")).await, resource(site, store, exclusive("Lab")).await);
    let mut told = Vec::new();
    for n in 1..=5 {
        let at = START.plus(Span::hours(n));
        told.push(decided(store, site.book(ann, one, at)).await.0);
        told.push(decided(store, site.book(site.admin, one, at)).await.0);
    }
    told.push(decided(store, site.book(ann, lab, START.plus(HOUR))).await.0);
    let from = START.plus(Span::days(9));
    let (recorded, hold) = decided(store, site.hold(ann, one, from)).await;
    told.push(recorded);
    told.push(decided(store, site.by(ann, site.booking(ann, &[(one, from)], Some(held(hold))))).await.0);
    told.push(decided(store, site.block(one, 1, START.plus(Span::days(2)))).await.0);
    let Some(slotwise_domain::Subject::Booking(booking)) = told[0].decision.subject else { panic!("{:?}", told[0]) };
    // An admin cancels what is not theirs: Ann must be told.
    let cancel = Action::Cancel { booking, reason: Some("ill".into()) };
    told.push(decided(store, site.by(site.admin, cancel)).await.0);
    let (recorded, hold) = decided(store, site.hold(ann, one, START.plus(Span::days(10)))).await;
    told.push(recorded);
    (told, one, hold.unwrap())
}

async fn lived_in(url: &str, part: i64) -> (Site, Vec<Recorded>) {
    let site = Site::new();
    let store = Postgres::open(url, options(part, site.clock.clone())).await.unwrap();
    let (told, ..) = live(&site, &*store, &*store, &*store).await;
    (site, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_planted_in_a_database_is_found() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let edits: &[(&str, &str)] = &[
        ("SELECT 1", ""),
        // An edit, a gap, a swap and a cut tail in the journal.
        ("UPDATE journal SET body = set_byte(body, 30, get_byte(body, 30) # 1) WHERE @ AND number = 5", "is not what was written"),
        ("UPDATE journal SET hash = set_byte(hash, 3, get_byte(hash, 3) # 1) WHERE @ AND number = 5", "is not what was written"),
        ("DELETE FROM journal WHERE @ AND number = 5", "it follows commit 4: what was between is gone"),
        ("UPDATE journal j SET body = o.body, hash = o.hash FROM journal o WHERE j.part_id = $ AND o.part_id = $
          AND (j.number, o.number) IN ((5, 6), (6, 5))", "is not what was written"),
        ("UPDATE journal j SET stamp = o.stamp FROM journal o WHERE j.part_id = $ AND o.part_id = $
          AND (j.number, o.number) IN ((5, 6), (6, 5))", "it follows commit"),
        ("UPDATE journal SET stamp = stamp + 1 WHERE @ AND number = 5", "stamp"),
        ("DELETE FROM journal WHERE @ AND number = (SELECT max(number) FROM journal WHERE @)", "and the journal ends at"),
        // The record, and what lists and calendars are made of.
        ("UPDATE record SET changes = changes || changes WHERE @ AND number = 3", "changes is not what the journal says"),
        ("UPDATE record SET decided_at = decided_at + 1 WHERE @ AND number = 3", "decided_at is not"),
        ("DELETE FROM record WHERE @ AND number = 3", "version 3 is missing"),
        ("INSERT INTO record SELECT part_id, resource, number + 1000, epoch, commit_id, decided_at, attempt, actor, changes
          FROM record WHERE @ AND number = 3", "and the journal ends at"),
        ("UPDATE resource_head SET base = 0, number = number + 1 WHERE @", "number is not"),
        ("UPDATE resource_head SET due_at = NULL WHERE @", "due_at is not"),
        ("UPDATE resource_head SET hash = set_byte(hash, 3, get_byte(hash, 3) # 1) WHERE @", "hash is not"),
        ("DELETE FROM resource_head WHERE @ AND due_at IS NOT NULL", "is missing"),
        ("UPDATE snapshot s SET changes = o.changes FROM snapshot o WHERE s.part_id = $ AND o.part_id = $
          AND s.resource <> o.resource", "snapshot"),
        ("DELETE FROM snapshot WHERE @", "has nothing of it"),
        ("UPDATE booking SET state = 'confirmed' WHERE @ AND state = 'cancelled'", "state is not"),
        ("UPDATE booking SET said = NULL WHERE @", "said is not"),
        ("UPDATE booking SET body = body || body WHERE @", "body is not"),
        ("UPDATE booking SET ruled = NOT ruled WHERE @", "ruled is not"),
        ("DELETE FROM booking WHERE @ AND state = 'cancelled'", "the table booking "),
        ("DELETE FROM booking_on WHERE @", "the table booking_on "),
        ("DELETE FROM booking_commit WHERE @", "the table booking_commit "),
        ("UPDATE claim SET live = true WHERE @", "live is not"),
        ("UPDATE claim SET person = resource WHERE @", "person is not"),
        ("DELETE FROM claim WHERE @ AND live", "the table claim "),
        ("DELETE FROM attempt WHERE @", "is missing"),
        ("UPDATE attempt SET commit_id = key WHERE @", "commit_id is not"),
        ("UPDATE notice SET booking = resource WHERE @", "booking is not"),
        ("DELETE FROM notice WHERE @", "is missing"),
        ("UPDATE meta SET longest = 1 WHERE @", "longest is not"),
    ];
    for (n, (edit, expected)) in edits.iter().enumerate() {
        let part = n as i64 + 1;
        lived_in(&url, part).await;
        let edit = edit.replace('@', &format!("part_id = {part}")).replace('$', &part.to_string());
        sql(&url, &edit);
        let verified = examined(&url, part);
        let found = says(&verified);
        match expected.is_empty() {
            true => {
                assert_eq!(found, "", "{edit}");
                assert!(verified.commits >= 17 && verified.rows > 50 && verified.checkpoints.is_none(), "{verified:?}");
            }
            false => assert!(found.contains(expected), "{edit}: {found:?}"),
        }
    }
    // What an instance of this program cannot have is no store.
    let none = apart(move || examine(&url, 9_999, Wanted::default()).unwrap_err().to_string());
    assert!(none.contains("there is no Slotwise store in part 9999"), "{none}");
}

fn exported(url: &str, part: i64) -> Vec<String> {
    let url = url.to_owned();
    apart(move || {
        let mut lines = Vec::new();
        let all = &mut |_, _| ControlFlow::Continue(());
        reading(&url, part).unwrap().export(&mut lines, Path::new("lines"), START, all).unwrap();
        String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect()
    })
}

fn imported(lines: &[String], url: &str, part: i64) -> Result<u64, String> {
    let (text, url) = (lines.join("\n") + "\n", url.to_owned());
    apart(move || {
        let all = &mut |_, _| ControlFlow::Continue(());
        let brought = import(&mut Cursor::new(text), Path::new("lines"), &url, part, all);
        brought.map(|b| b.verified.commits).map_err(|e| e.to_string())
    })
}

/// Makes a data directory of lines.
fn into_folder(lines: &[String], data: &Path) -> Result<Exported, String> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let all = &mut |_, _| ControlFlow::Continue(());
    slotwise_store::embedded::import(&mut Cursor::new(text), Path::new("lines"), data, all).map_err(|e| e.to_string())
}

fn exported_folder(data: &Path) -> Vec<String> {
    let mut out = Vec::new();
    let all = &mut |_, _| ControlFlow::Continue(());
    Reading::open(data).unwrap().export(&mut out, Path::new("lines"), START, all).unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

/// What lines say, without whose chain it is in and where.
fn but_for_chains(lines: &[String]) -> Vec<serde_json::Value> {
    let line = |line: &String| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        for at in ["", "/commit", "/end"] {
            if let Some(of) = line.pointer_mut(at).and_then(|of| of.as_object_mut()) {
                of.retain(|name, _| !["slotwise_export", "writer", "place", "number", "hash"].contains(&name.as_str()));
            }
        }
        let attempts = line.pointer_mut("/commit/attempts").and_then(|of| of.as_array_mut());
        for attempt in attempts.into_iter().flatten() {
            for record in attempt["records"].as_array_mut().unwrap() {
                // The commit of the one before it; its hash stays.
                record["previous"].take();
                assert!(record["hash"].is_string());
            }
        }
        line
    };
    lines.iter().map(line).collect()
}

/// Two instances write, so there are two chains; and what is exported is imported and exported the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_out_and_comes_in_again() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let (site, told) = lived_in(&url, 1).await;
    let other = Postgres::open(&url, options(1, site.clock.clone())).await.unwrap();
    let more =
        decided(&*other, site.book(site.admin, told[0].decision.decided[0].0, START.plus(Span::days(20)))).await.0;
    drop(other);
    alone(&url).await;
    let lines = exported(&url, 1);
    assert!(lines[0].contains("\"slotwise_export\":2") && lines.last().unwrap().contains("\"end\""), "{}", lines[0]);
    assert_eq!(imported(&lines, &url, 2).unwrap(), examined(&url, 1).commits);
    assert_eq!(exported(&url, 2), lines);

    // The same store: keys are answered the same, holds go on living, and it goes on from there.
    let copy = Postgres::open(&url, options(2, site.clock.clone())).await.unwrap();
    for recorded in told.iter().chain([&more]) {
        assert_eq!(copy.recall(recorded.key).await.unwrap().as_ref(), Some(recorded));
    }
    assert_eq!(keys_person(&*copy, &site).await.name, "Ann");
    decided(&*copy, site.book(site.admin, told[0].decision.decided[0].0, START.plus(Span::days(21)))).await;
    drop(copy);
    alone(&url).await;
    assert_eq!(says(&examined(&url, 2)), "");

    // Never over one that is there, and nothing of what was changed.
    assert!(imported(&lines, &url, 2).unwrap_err().contains("not empty"));
    let commit = lines.iter().position(|l| l.contains("\"commit\"") && l.contains("Algebra")).unwrap();
    let mut edited = lines.clone();
    edited[commit] = edited[commit].replacen("\"BOOKED\"", "\"ACCEPTED\"", 1).replacen("booked", "accepted", 1);
    assert_ne!(edited, lines);
    assert!(imported(&edited, &url, 3).unwrap_err().contains(&format!("line {}", commit + 1)));
    let mut cut = lines.clone();
    cut.pop();
    assert!(imported(&cut, &url, 4).unwrap_err().contains("cut off"));
    // No server opens what was not finished; brought in again as it was, it goes on.
    let refused = Postgres::open(&url, options(4, site.clock.clone())).await.err().unwrap().to_string();
    assert!(refused.contains("not all there yet"), "{refused}");
    assert_eq!(imported(&lines, &url, 4).unwrap(), examined(&url, 1).commits);
    assert_eq!(exported(&url, 4), lines);

    // And down again: a folder has one chain, all else is the same; and from there up again.
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data");
    let brought = into_folder(&lines, &folder).unwrap();
    assert_eq!(brought.commits, examined(&url, 1).commits);
    let of_folder = exported_folder(&folder);
    assert!(of_folder[0].contains("\"slotwise_export\":1"), "{}", of_folder[0]);
    assert_eq!(but_for_chains(&of_folder), but_for_chains(&lines));
    let down = Embedded::open(&folder, site.options.clone()).unwrap();
    for recorded in told.iter().chain([&more]) {
        assert_eq!(down.recall(recorded.key).await.unwrap().as_ref(), Some(recorded));
    }
    assert_eq!(keys_person(&*down, &site).await.name, "Ann");
    decided(&*down, site.book(site.admin, told[0].decision.decided[0].0, START.plus(Span::days(22)))).await;
    drop(down);
    let verified = slotwise_store::embedded::verify(&folder).unwrap();
    assert_eq!(verified.commits, brought.commits + 1);
    assert_eq!(imported(&of_folder, &url, 5).unwrap(), brought.commits);
    assert_eq!(but_for_chains(&exported(&url, 5)), but_for_chains(&lines));
    for (n, edited) in [edited, cut].iter().enumerate() {
        let nowhere = dir.path().join(n.to_string());
        let refused = into_folder(edited, &nowhere).unwrap_err();
        assert!(refused.contains("is not what was written") || refused.contains("cut off"), "{refused}");
        assert!(!nowhere.join("slotwise.sqlite").exists(), "something is left");
    }
    let swapped = {
        let commits: Vec<usize> = (0..lines.len()).filter(|n| lines[*n].contains("\"place\"")).collect();
        let mut swapped = lines.clone();
        swapped.swap(commits[commits.len() - 2], commits[commits.len() - 1]);
        swapped
    };
    assert!(into_folder(&swapped, &dir.path().join("swapped")).is_err());

    // An attempt is found by its key, and the records that it was decided on.
    let (key, of) = (told[1].key, told[1].decision.decided.clone());
    let found = apart(move || {
        let reading = reading(&url, 1).unwrap();
        (reading.attempts(key.key, None).unwrap(), reading.records(&of).unwrap())
    });
    assert_eq!(found.0[0].recorded, told[1]);
    let (resource, version) = told[1].decision.decided[0];
    assert_eq!(found.1[&resource].last().unwrap().version, version);
}

/// A folder, and the store that was open on it.
type Left = (TempDir, std::sync::Weak<Embedded>);

/// Every case of the suite on folders, each brought into a part of a database: all that a folder can hold is verified there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_every_case_left_in_a_folder_becomes_a_database() {
    let Some(database) = Database::start(&[]) else { return };
    let dirs: Arc<Mutex<Vec<Left>>> = Arc::default();
    let kept = dirs.clone();
    run_all(2, move |clock| {
        let dir = tempfile::tempdir().unwrap();
        let options = slotwise_store::Options {
            clock: clock.clone(),
            reconcile_rest: Duration::from_secs(3_600),
            ..slotwise_store::Options::default()
        };
        let store = Embedded::open(dir.path(), options).unwrap();
        kept.lock().unwrap().push((dir, Arc::downgrade(&store)));
        Harness {
            store: store.clone(),
            views: store.clone(),
            directory: store.clone(),
            accounts: store,
            clock,
            watches_clock: true,
            shuts_resources: false,
        }
    })
    .await;
    let (url, dirs) = (database.url(), std::mem::take(&mut *dirs.lock().unwrap()));
    let (folders, commits, rows) = apart(move || {
        let (mut folders, mut commits, mut rows) = (0, 0, 0);
        for (part, (dir, store)) in (1..).zip(dirs) {
            let begun = Moment::now();
            while store.strong_count() > 0 && begun.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let folder = slotwise_store::embedded::verify(dir.path());
            let all = &mut |_, _| ControlFlow::Continue(());
            // Some cases leave a journal that is broken on purpose, or a store that is open: these are no folders to move.
            let Ok(folder) = folder else { continue };
            let brought = match migrate_folder(dir.path(), &url, part, all) {
                Ok(brought) => brought,
                Err(e) if e.to_string().contains("another process") => continue,
                Err(e) => panic!("part {part}: {e}"),
            };
            let there = &brought.verified;
            assert_eq!(
                (there.commits, there.attempts, there.records, there.resources),
                (folder.commits, folder.attempts, folder.records, folder.resources)
            );
            (folders, commits, rows) = (folders + 1, commits + there.commits, rows + there.rows);
        }
        (folders, commits, rows)
    });
    println!("{folders} folders with {commits} commits became parts with {rows} rows");
    assert!(folders > 50 && commits > 100, "{folders} {commits}");
}

fn migrated(dir: PathBuf, url: &str, stop_at: u64) -> Result<slotwise_store::postgres::Brought, String> {
    let url = url.to_owned();
    apart(move || {
        let progress = &mut |done, _| if done >= stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        migrate_folder(&dir, &url, 1, progress).map_err(|e| e.to_string())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_becomes_a_database_with_all_that_is_in_it() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let site = Site::new();
    let store = site.reopen();
    let (told, one, hold) = live(&site, &*store, &*store, &*store).await;
    let ann = PersonId(told[0].key.actor);
    let last = NoticeId { commit: u64::MAX >> 1, place: 0 };
    let notice = store.notices_of(ann, last, 9).await.unwrap()[0].id;
    store.put_read_until(ann, notice).await.unwrap();
    store.put_address(ann, Some("ann@example.edu".into())).await.unwrap();
    store.put_plan(ann, 0, vec![vec![one]]).await.unwrap();
    let noted = store.notices_after(NoticeId::default(), 9).await.unwrap();
    store.post(noted.clone(), notice).await.unwrap();
    let letters = store.letters(START.plus(Span::days(1)), 9).await.unwrap();
    assert_eq!(letters.len(), 1);
    let listed = store.bookings(BookingFilter { max: 99, ..BookingFilter::default() }).await.unwrap();
    let folded = store.observe(Scope { resources: [one].into(), ..Scope::default() }).await.unwrap().calendars;
    let checkpointed = {
        drop(store);
        drop(site.reopen());
        std::fs::read_to_string(site.path().join("checkpoints.jsonl")).unwrap()
    };
    let locked = site.reopen();
    assert!(migrated(site.path().into(), &url, u64::MAX).unwrap_err().contains("another process"));
    drop(locked);
    let brought = migrated(site.path().into(), &url, u64::MAX).unwrap();
    assert_eq!((brought.exported.people, brought.exported.keys, brought.found), (2, 1, 0));
    // Checkpoints that somebody kept of the folder speak for the database too.
    let kept = site.path().join("kept.jsonl");
    std::fs::write(&kept, checkpointed).unwrap();
    let (there, by) = (url.clone(), kept.clone());
    let checked = apart(move || examine(&there, 1, Wanted { checkpoints: Some(by), ..Wanted::default() }).unwrap());
    assert_eq!((says(&checked).as_str(), checked.checkpoints.unwrap().held > 0), ("", true));
    assert!(migrated(site.path().into(), &url, u64::MAX).unwrap_err().contains("not empty"));

    let store = Postgres::open(&url, options(1, site.clock.clone())).await.unwrap();
    for recorded in &told {
        assert_eq!(store.recall(recorded.key).await.unwrap().as_ref(), Some(recorded));
    }
    assert_eq!(store.bookings(BookingFilter { max: 99, ..BookingFilter::default() }).await.unwrap(), listed);
    let seen = store.observe(Scope { resources: [one].into(), ..Scope::default() }).await.unwrap().calendars;
    assert_eq!(seen, folded);
    assert_eq!(keys_person(&*store, &site).await.id, ann);
    assert_eq!(store.address(ann).await.unwrap().as_deref(), Some("ann@example.edu"));
    assert_eq!(store.plan(ann).await.unwrap(), (vec![vec![one]], 1));
    assert_eq!(store.find_people(vec!["ann".into()], false, None, 9).await.unwrap().len(), 1);
    // What was read stays read, what was posted is posted once, and what waited to be sent is sent.
    let theirs = store.notices_of(ann, last, 9).await.unwrap();
    assert_eq!(
        theirs.iter().map(|n| n.notice).collect::<Vec<_>>(),
        noted.iter().rev().map(|n| n.notice).collect::<Vec<_>>()
    );
    assert_eq!(store.read_until(ann).await.unwrap(), theirs.last().unwrap().id);
    assert_eq!(store.posted_until().await.unwrap(), Some(theirs.last().unwrap().id));
    let sent = store.letters(START.plus(Span::days(1)), 9).await.unwrap();
    assert_eq!((sent.len(), &sent[0].email, sent[0].told.notice), (1, &letters[0].email, letters[0].told.notice));
    // It lives on: the hold is confirmed, and what is taken is refused.
    let from = START.plus(Span::days(10));
    let confirm = site.by(ann, site.booking(ann, &[(one, from)], Some(held(Some(hold)))));
    assert_eq!(decided(&*store, confirm).await.0.decision.outcome.name(), "BOOKED");
    assert_eq!(decided(&*store, site.book(site.admin, one, from)).await.0.decision.outcome.name(), "REJECTED");
    drop(store);
    alone(&url).await;
    assert_eq!(says(&examined(&url, 1)), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_cut_short_goes_on_where_it_was() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let site = Site::new();
    let store = site.open().await;
    let hall = site.resource(&store, ResourceSpec { capacity: None, ..room("Hall") }).await;
    // More than is put in at once.
    for n in 0..7_i64 {
        let at = START.plus(Span::hours(n + 1));
        crate::support::commit(&store, (0..1_000).map(|_| site.book(site.admin, hall, at)).collect()).await;
    }
    drop(store);
    let commits = slotwise_store::embedded::verify(site.path()).unwrap().commits;
    assert!(migrated(site.path().into(), &url, 1).is_err());
    let whole = Options { clock: Some(site.clock.clone()), ..options(1, site.clock.clone()) };
    assert!(Postgres::open(&url, whole.clone()).await.is_err());
    // Of another folder nothing is added to it.
    let other = Site::new();
    drop(other.open().await);
    let refused = migrated(other.path().into(), &url, u64::MAX).unwrap_err();
    assert!(refused.contains("another store"), "{refused}");
    let brought = migrated(site.path().into(), &url, u64::MAX).unwrap();
    assert_eq!(brought.verified.commits, commits);
    drop(Postgres::open(&url, whole).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_begins_a_new_epoch() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let site = Site::new();
    let store = Postgres::open(&url, options(1, site.clock.clone())).await.unwrap();
    let (told, one, hold) = live(&site, &*store, &*store, &*store).await;
    let late = site.book(site.admin, one, START.plus(Span::days(30)));
    let before = url.clone();
    let refused = apart(move || begin_epoch(&before, 1).unwrap_err().to_string());
    assert!(refused.contains("a server has the database open"), "{refused}");
    drop(store);
    alone(&url).await;
    let there = url.clone();
    let begun = apart(move || begin_epoch(&there, 1).unwrap());
    assert!(begun.epoch > begun.before && begun.holds == 1, "{begun:?}");
    assert_eq!(says(&examined(&url, 1)), "");

    // The clock of these tests is long before that of the database, by which the epoch is named.
    site.clock.jump(Span(begun.epoch_began.since(START).0 + 1_000_000));
    let store = Postgres::open(&url, options(1, site.clock.clone())).await.unwrap();
    assert_eq!(store.restored_at(), Some(begun.epoch_began));
    assert_eq!(store.due(Some(START), 9).await.unwrap().first().map(|(_, id)| *id), Some(one));
    let Made::Hold(granted, None) = hold else { panic!("{hold:?}") };
    let renew = site.by(granted.holder, Action::Renew(held(Some(hold))));
    let renewed = decided(&*store, renew).await.0.decision.outcome;
    assert!(format!("{renewed:?}").contains("HoldSuperseded"), "{renewed:?}");
    // Unknown keys from before are not carried out; known ones are answered until something was decided more than a week after them.
    assert_eq!(store.recall(told[0].key).await.unwrap().as_ref(), Some(&told[0]));
    let settled = store.commit(vec![late], settle).await.unwrap().remove(0);
    assert_eq!(outcome(&settled), "key expired");
    let recorded = decided(&*store, site.book(site.admin, one, site.clock.now().plus(Span::days(40)))).await.0;
    assert_eq!(recorded.decision.decided[0].1.epoch, begun.epoch);
    drop(store);
    alone(&url).await;
    assert_eq!(says(&examined(&url, 1)), "");
}

/// Others go on moving somebody's bookings on one room while these are erased: nobody is kept for long, and no words come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_erased_while_others_move_what_they_booked() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let site = Arc::new(Site::new());
    let wide = Options { writers: 4, ..options(1, site.clock.clone()) };
    let store = Postgres::open(&url, wide).await.unwrap();
    store.put_person(person(site.admin, "Ada", Role::Admin)).await.unwrap();
    let one = resource(&site, &*store, room("R1")).await;
    let ann = PersonId(id(START));
    store.put_person(person(ann, "Ann", Role::Member)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut movers = Vec::new();
    for n in 0..4_i64 {
        let made = decided(&*store, site.book(ann, one, START.plus(Span::hours(10 + 4 * n)))).await.0;
        let Some(slotwise_domain::Subject::Booking(booking)) = made.decision.subject else { panic!("{made:?}") };
        let (site, store, stop) = (site.clone(), store.clone(), stop.clone());
        movers.push(tokio::spawn(async move {
            let mut moved = 0_i64;
            while !stop.load(Ordering::Acquire) {
                let from = START.plus(Span::hours(10 + 4 * n + (moved + 1) % 2));
                let to = vec![crate::support::line(one, from)];
                let booking = slotwise_domain::BookingRef { id: booking, revision: None };
                let mut proposal = site.by(site.admin, Action::Move { booking, to });
                proposal.command.reason = Some("paint".into());
                let said = outcome(&store.commit(vec![proposal], settle).await.unwrap()[0]);
                assert!(said == "ACCEPTED" || said == "FAILED conflict", "{said}");
                moved += i64::from(said == "ACCEPTED");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            moved
        }));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Moment::now();
    let erased = store.erase(ann).await.unwrap().unwrap();
    println!("erased in {:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.store(true, Ordering::Release);
    let mut moved = 0;
    for mover in movers {
        moved += mover.await.unwrap();
    }
    assert!(erased.bookings == 4 && moved > 8, "{} {moved}", erased.bookings);
    assert_eq!(words_left(&url), Vec::<String>::new());
    drop(store);
    assert_eq!(says(&examined(&url, 1)), "");
}

/// A clock that is ahead for a while: what it took for long past is there again when it is set right, and no key was forgotten for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_clock_that_was_ahead_forgot_is_there_again() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let (site, ahead) = (Site::new(), Site::new());
    let store = Postgres::open(&url, options(1, site.clock.clone())).await.unwrap();
    store.put_person(person(site.admin, "Ada", Role::Admin)).await.unwrap();
    let (one, other) = (resource(&site, &*store, room("R1")).await, resource(&site, &*store, room("R2")).await);
    let at = START.plus(Span::days(3));
    let mut first = None;
    for id in [one, other] {
        first = Some(decided(&*store, site.book(site.admin, id, at)).await.0.key);
    }
    let keys = || sql(&url, "SELECT count(*) FROM attempt")[0].parse::<i64>().unwrap();
    assert_eq!((store.sweeps().await.unwrap(), keys()), (true, 4));
    drop(store);

    ahead.clock.jump(Span::days(30));
    let early = Postgres::open(&url, options(1, ahead.clock.clone())).await.unwrap();
    // Nothing goes before something was decided by that clock.
    until("it to sweep", async || early.sweeps().await.unwrap()).await;
    assert_eq!(keys(), 4);
    // Enough for a snapshot, by that clock.
    for n in 0..70 {
        decided(&*early, ahead.book(site.admin, one, ahead.clock.now().plus(Span::hours(n + 1)))).await;
    }
    let snapshots = "SELECT number FROM snapshot WHERE number > 60 AND decided_at > ";
    assert_eq!(sql(&url, &format!("{snapshots} {}", at.0)).len(), 1);
    let taken = async |store: &Postgres, id| {
        let calendar =
            store.look(Scope { resources: [id].into(), ..Scope::default() }).await.unwrap().calendars[&id].clone();
        calendar.uses.values().any(|u| u.interval.start() == at)
    };
    assert!(!taken(&early, one).await && !taken(&early, other).await, "by its clock that was long ago");
    ahead.clock.jump(Span(-Span::days(30).0));
    assert_eq!(early.status(), Status::ClockJumped);
    early.accept_clock();
    assert!(taken(&early, one).await && taken(&early, other).await);
    let twice = decided(&*early, ahead.book(site.admin, other, at)).await.0;
    assert!(format!("{:?}", twice.decision.outcome).contains("Full"), "{twice:?}");
    let marked = || early.catalogue().read().unwrap().soonest(START, 9).len();
    until("marks", async || marked() == 2).await;
    let fresh = Postgres::open(&url, options(1, site.clock.clone())).await.unwrap();
    assert!(taken(&fresh, one).await && taken(&fresh, other).await, "no snapshot hides it");

    // Keys go when something was decided a week after them, and only while anything is.
    drop((early, fresh));
    let late = Site::new();
    late.clock.jump(Span::days(30));
    let last = Postgres::open(&url, options(1, late.clock.clone())).await.unwrap();
    late.clock.jump(Span::days(30));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!last.sweeps().await.unwrap());
    assert_eq!(keys(), 75);
    last.accept_clock();
    until("it to sweep again", async || last.sweeps().await.unwrap()).await;
    until("old keys to go", async || keys() < 75).await;
    assert_eq!(last.recall(first.unwrap()).await.unwrap(), None);
}

/// A server that nobody sees among the connections, or whose connections bear another name, decides nothing in the epoch before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_decides_nothing_in_an_epoch_that_is_over() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let site = Site::new();
    let named = format!("{url}?application_name=bookings");
    let store = Postgres::open(&named, options(1, site.clock.clone())).await.unwrap();
    let (told, one, hold) = live(&site, &*store, &*store, &*store).await;
    let there = url.clone();
    let refused = apart(move || begin_epoch(&there, 1).map_err(|e| e.to_string()));
    assert!(refused.as_ref().is_err_and(|e| e.contains("a server has the database open")), "{refused:?}");
    // Behind a pool of connections nobody bears the name.
    sql(&url, "UPDATE meta SET epoch = epoch + 1, epoch_began = 1 WHERE part_id = 1");
    let records = sql(&url, "SELECT count(*) FROM record");
    let confirm = site.by(
        PersonId(told[0].key.actor),
        site.booking(PersonId(told[0].key.actor), &[(one, START.plus(Span::days(10)))], Some(held(Some(hold)))),
    );
    let said = store.commit(vec![confirm], settle).await;
    assert!(said.as_ref().is_err_and(|e| e.to_string().contains("restored")), "{said:?}");
    assert_eq!(sql(&url, "SELECT count(*) FROM record"), records);
    assert!(matches!(store.status(), Status::Stopped(says) if says.contains("start it again")));

    // One that carried out what falls due a moment ago may still be there; a while later it is not.
    let again = Postgres::open(&url, options(2, site.clock.clone())).await.unwrap();
    assert!(again.sweeps().await.unwrap());
    drop((store, again));
    alone(&url).await;
    let there = url.clone();
    let begun = Moment::now();
    apart(move || begin_epoch(&there, 2).unwrap());
    assert!(begun.elapsed() > Duration::from_millis(500), "{:?}", begun.elapsed());
}

fn words_left(url: &str) -> Vec<String> {
    sql(
        url,
        "SELECT 'journal ' || number FROM journal WHERE position('Algebra'::bytea IN said) > 0
         UNION ALL SELECT 'booking ' || id FROM booking WHERE position('Algebra'::bytea IN said) > 0",
    )
}

/// Two people who said something in one commit are erased at the same time, and no words of either come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_erasures_at_once_leave_nothing_of_either() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let site = Site::new();
    let store = Postgres::open(&url, options(1, site.clock.clone())).await.unwrap();
    store.put_person(person(site.admin, "Ada", Role::Admin)).await.unwrap();
    let (one, other) = (resource(&site, &*store, room("R1")).await, resource(&site, &*store, room("R2")).await);
    let (ann, ben) = (PersonId(id(START)), PersonId(id(START)));
    for (who, name) in [(ann, "Ann"), (ben, "Ben")] {
        store.put_person(person(who, name, Role::Member)).await.unwrap();
    }
    let both = vec![site.book(ann, one, START.plus(HOUR)), site.book(ben, other, START.plus(HOUR))];
    let settled = store.commit(both, settle).await.unwrap();
    assert_eq!(settled.iter().map(outcome).collect::<Vec<_>>(), ["BOOKED", "BOOKED"]);
    assert_eq!(words_left(&url).len(), 3);
    // Neither can write before both have read.
    let (by, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    by.batch_execute("BEGIN; LOCK TABLE journal IN EXCLUSIVE MODE").await.unwrap();
    let erasing: Vec<_> = [ann, ben]
        .map(|who| {
            let store = store.clone();
            tokio::spawn(async move { store.erase(who).await.unwrap().unwrap().bookings })
        })
        .into();
    let waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    until("them to wait", async || !sql(&url, waits).is_empty()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    by.batch_execute("COMMIT").await.unwrap();
    for erased in erasing {
        assert_eq!(erased.await.unwrap(), 1);
    }
    assert_eq!(words_left(&url), Vec::<String>::new());
}

static JUDGING: Mutex<Vec<std::sync::mpsc::Receiver<()>>> = Mutex::new(Vec::new());

/// Judges only when it is told to.
fn later(
    world: &slotwise_domain::World,
    proposal: &Proposal,
    now: slotwise_domain::Instant,
) -> slotwise_domain::Verdict {
    let wait = JUDGING.lock().unwrap().pop();
    if let Some(wait) = wait {
        assert!(wait.recv_timeout(Duration::from_secs(3)).is_ok());
    }
    settle(world, proposal, now)
}

/// Somebody is erased while a commit that has read their words, or writes new ones, is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_words_come_back_by_a_commit_under_way() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let site = Site::new();
    let wide = Options { writers: 4, ..options(1, site.clock.clone()) };
    let store = Postgres::open(&url, wide).await.unwrap();
    store.put_person(person(site.admin, "Ada", Role::Admin)).await.unwrap();
    let one = resource(&site, &*store, room("R1")).await;
    let ann = PersonId(id(START));
    store.put_person(person(ann, "Ann", Role::Member)).await.unwrap();
    let booked = decided(&*store, site.book(ann, one, START.plus(HOUR))).await.0;
    let Some(slotwise_domain::Subject::Booking(booking)) = booked.decision.subject else { panic!("{booked:?}") };
    let cancel = site.by(site.admin, Action::Cancel { booking, reason: Some("ill".into()) });
    for (proposal, bookings) in [(cancel, 1), (site.book(ann, one, START.plus(Span::hours(5))), 2)] {
        store.put_suspended(ann, false).await.unwrap();
        store.put_person(person(ann, "Ann", Role::Member)).await.unwrap();
        let (judge, wait) = std::sync::mpsc::channel();
        JUDGING.lock().unwrap().push(wait);
        let committing = {
            let store = store.clone();
            tokio::spawn(async move { outcome(&store.commit(vec![proposal], later).await.unwrap()[0]) })
        };
        until("it to be judged", async || JUDGING.lock().unwrap().is_empty()).await;
        let erasing = {
            let store = store.clone();
            tokio::spawn(async move { store.erase(ann).await.unwrap().unwrap().bookings })
        };
        tokio::time::sleep(Duration::from_millis(600)).await;
        judge.send(()).unwrap();
        let said = committing.await.unwrap();
        assert!(said == "ACCEPTED" || said == "BOOKED", "{said}");
        assert_eq!(erasing.await.unwrap(), bookings);
        assert_eq!(words_left(&url), Vec::<String>::new());
    }
}

async fn until(what: &str, done: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited for {what} in vain");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_instances_signs_checkpoints_and_a_cut_off_end_shows() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let site = Site::new();
    let (key, copy) = (site.path().join("key"), site.path().join("kept.jsonl"));
    std::fs::write(&key, "07".repeat(32)).unwrap();
    let checkpoints = Checkpoints { key: Some(key), copy: Some(copy.clone()), every: Duration::from_millis(100) };
    let keep = Some(Keep { checkpoints, rest: Duration::from_millis(50) });
    let open = || Postgres::open(&url, Options { keep: keep.clone(), ..options(1, site.clock.clone()) });
    let (one, other) = (open().await.unwrap(), open().await.unwrap());
    let (told, ..) = live(&site, &*one, &*one, &*one).await;
    let commits = examined(&url, 1).commits;
    until("a checkpoint of all", async || other.checkpoint().is_some_and(|c| c.commit == commits)).await;
    // Both tell the same one, and one of them has made it.
    until("the other's word of it", async || one.checkpoint() == other.checkpoint()).await;
    decided(&*other, site.book(site.admin, told[0].decision.decided[0].0, START.plus(Span::days(20)))).await;
    until("the next", async || one.checkpoint().is_some_and(|c| c.commit == commits + 1)).await;
    let lines = std::fs::read_to_string(&copy).unwrap();
    assert!(lines.contains(&checkpoint_line(&one.checkpoint().unwrap())), "{lines}");
    let key = one.checkpoint().unwrap().public_key;
    one.finish().await;
    drop((one, other));
    alone(&url).await;
    let check = |kept: bool| {
        let (url, copy) = (url.clone(), kept.then(|| copy.clone()));
        apart(move || {
            examine(&url, 1, Wanted { checkpoints: copy, public_key: Some(key), ..Wanted::default() }).unwrap()
        })
    };
    for kept in [false, true] {
        let verified = check(kept);
        assert_eq!(says(&verified), "");
        assert_eq!(verified.checkpoints.unwrap().latest.unwrap().commit, commits + 1);
    }
    // The last commit is taken out of every table, as if it had never been; only what was kept elsewhere knows of it.
    for table in ["record", "booking", "booking_commit", "attempt"] {
        let last = "(SELECT id FROM journal WHERE part_id = 1 ORDER BY stamp DESC LIMIT 1)";
        sql(&url, &format!("DELETE FROM {table} WHERE part_id = 1 AND commit_id = {last}"));
    }
    sql(&url, "DELETE FROM journal WHERE part_id = 1 AND stamp = (SELECT max(stamp) FROM journal WHERE part_id = 1)");
    sql(
        &url,
        "DELETE FROM checkpoint WHERE part_id = 1 AND commits = (SELECT max(commits) FROM checkpoint WHERE part_id = 1)",
    );
    assert!(!says(&check(false)).contains("its end was cut off"));
    assert!(says(&check(true)).contains("its end was cut off"));
    // A line that was changed is forged.
    std::fs::write(&copy, lines.replacen("\"commit\":", "\"commit\":1", 1)).unwrap();
    assert!(says(&check(true)).contains("forged"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_rows_are_made_anew_while_instances_run() {
    let Some(database) = Database::start(&[]) else { return };
    let url = database.url();
    let edits = [
        "UPDATE snapshot s SET changes = substr(changes, 1, length(changes)) || changes WHERE @",
        "DELETE FROM snapshot WHERE @",
        "UPDATE resource_head SET due_at = NULL WHERE @",
        "UPDATE resource_head SET decided_at = decided_at + 7 WHERE @",
        "UPDATE booking SET owner = id, body = body || body WHERE @ AND state = 'confirmed'",
        "DELETE FROM booking WHERE @ AND state = 'confirmed' AND id = (SELECT max(id::text)::uuid FROM booking WHERE @ AND state = 'confirmed')",
        "DELETE FROM claim WHERE @ AND live",
        "UPDATE claim SET live = false, change = change || change WHERE @ AND live",
    ];
    for (n, edit) in edits.iter().enumerate() {
        let part = n as i64 + 1;
        let (site, _) = lived_in(&url, part).await;
        let edit = edit.replace('@', &format!("part_id = {part}"));
        let keep = Some(Keep { rest: Duration::from_millis(5), ..Keep::default() });
        let store = Postgres::open(&url, Options { keep, ..options(part, site.clock.clone()) }).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!((store.warnings(), says(&examined(&url, part))), (vec![], String::new()));
        sql(&url, &edit);
        // The warning shows that the rows were wrong: whoever looked at them here might find them mended already.
        until(&edit, async || !store.warnings().is_empty()).await;
        until(&edit, async || examined(&url, part).findings.is_empty()).await;
        assert_eq!(store.status(), Status::Ready, "{edit}");
    }
    // A record that is not what was written is nothing that could be mended: nothing more is decided on it.
    let part = edits.len() as i64 + 1;
    let (site, _) = lived_in(&url, part).await;
    let keep = Some(Keep { rest: Duration::from_millis(5), ..Keep::default() });
    let store = Postgres::open(&url, Options { keep, ..options(part, site.clock.clone()) }).await.unwrap();
    sql(&url, &format!("UPDATE record SET actor = attempt WHERE part_id = {part} AND number = 2"));
    until("a stop", async || store.status() != Status::Ready).await;
    let refused = store.commit(vec![site.book(site.admin, ResourceId(id(START)), START)], settle).await;
    assert!(refused.is_err());
}
