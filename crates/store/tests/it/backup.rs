//! Backups while a store is written to, what they refuse, and stores made of them.
//! The real binary and its kills are in the binary's own tests.

use crate::support::{HOUR, START, Site, commit, exclusive, held, made, one, outcome};
use slotwise_domain::{Action, Actor, Code, Epoch, HoldEnd, Instant, Outcome, Span, Version, World};
use slotwise_engine::{Clock, Cursor, Store, Streamed, Views};
use slotwise_store::embedded::{
    BackupError, Embedded, OpenError, Progress, Shelf, backup, check_backup, read_manifest, restore, verify,
};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn quiet() -> impl FnMut(u64, u64) -> ControlFlow<()> {
    |_, _| ControlFlow::Continue(())
}

fn refused<T: std::fmt::Debug>(result: Result<T, BackupError>, says: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

/// Where backups of a site go.
struct Shop {
    dir: tempfile::TempDir,
}

impl Shop {
    fn new() -> Shop {
        Shop { dir: tempfile::tempdir().unwrap() }
    }
    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    fn names(&self) -> Vec<String> {
        names(self.dir.path())
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn reopened(site: &Site, dir: &Path) -> Arc<Embedded> {
    Embedded::open(dir, site.options.clone()).unwrap()
}

#[tokio::test]
async fn a_backup_of_a_running_store_is_restored_in_an_epoch_of_its_own() {
    let (site, shop) = (Site::new(), Shop::new());
    let store = site.open().await;
    let bob = site.member(&store, "Bob").await;
    let room = site.room(&store, "R1").await;
    let lab = site.resource(&store, exclusive("Lab")).await;
    let known = site.book(bob, room, START.plus(HOUR));
    let told = one(&store, known.clone()).await;
    let (_, hold) = made(&store, site.hold(bob, lab, START.plus(Span::hours(5)))).await;
    let hold = held(hold);

    let manifest = backup(site.path(), &shop.at("b"), false, site.clock.now(), &mut quiet()).unwrap();
    assert_eq!(names(&shop.at("b")), ["backup.json", "people.sqlite", "slotwise.sqlite"]);
    assert_eq!(check_backup(&shop.at("b"), &mut quiet()).unwrap(), manifest);
    assert_eq!(names(&shop.at("b")), ["backup.json", "people.sqlite", "slotwise.sqlite"], "a check leaves nothing");
    let head = store.outbox(Cursor(0), 100).await.unwrap();
    // What is booked after it is lost with the directory.
    let lost = site.book(bob, room, START.plus(Span::hours(3)));
    one(&store, lost.clone()).await;
    let late = Version { epoch: Epoch(1), number: 3 };
    drop(store);

    site.clock.advance(Span::seconds(5));
    let restored = restore(&shop.at("b"), &shop.at("new"), site.clock.now(), &mut quiet()).unwrap();
    assert_eq!((restored.epoch_began, restored.manifest), (site.clock.now(), manifest));
    assert!(restored.epoch > Epoch(1));
    assert_eq!(verify(&shop.at("new")).unwrap().commits, 4);

    let store = reopened(&site, &shop.at("new"));
    assert_eq!(store.restored_at(), Some(site.clock.now()));
    let settled = commit(&store, vec![known, lost]).await;
    assert_eq!(settled.iter().map(outcome).collect::<Vec<_>>(), ["again BOOKED", "epoch changed"]);
    assert_eq!(store.outbox(Cursor(0), 100).await.unwrap(), head);
    assert_eq!(store.people_file().people(9).unwrap().len(), 2);
    // The hold is due at once, though its time is not over; its token is worth nothing.
    assert_eq!(store.due(Some(Instant::MIN), 9).await.unwrap(), [(Instant::MIN, lab)]);
    site.clock.advance(Span::seconds(1));
    let confirm = site.booking(bob, &[(lab, START.plus(Span::hours(5)))], Some(hold));
    let late_confirm = one(&store, site.by(bob, confirm.clone())).await;
    let Outcome::Rejected(rejection) = &late_confirm.decision.outcome else { panic!("{late_confirm:?}") };
    assert_eq!(rejection.code, Code::HoldSuperseded);
    assert_eq!(late_confirm.decision.decided, [(lab, Version { epoch: restored.epoch, number: 3 })]);
    assert_eq!(store.due(Some(Instant::MAX), 9).await.unwrap(), []);
    assert_eq!(store.holds_of(bob).await.unwrap(), []);
    // Versions go on counting, above every one that was told; who comes with an older one begins anew.
    let next = one(&store, site.book(bob, room, START.plus(Span::hours(3)))).await;
    let version = Version { epoch: restored.epoch, number: 3 };
    assert_eq!(next.decision.decided, [(room, version)]);
    assert!(version > late && version > told.decision.decided[0].1);
    assert_eq!(store.stream(room, late, 9).await.unwrap(), Streamed::Resync);
    drop(store);
    verify(&shop.at("new")).unwrap();
    let store = reopened(&site, &shop.at("new"));
    assert_eq!(outcome(&commit(&store, vec![site.by(bob, confirm)]).await[0]), "REJECTED hold_superseded");
}

#[tokio::test]
async fn a_hold_from_before_a_restore_is_ended_by_the_deadline_that_sees_it() {
    let (site, shop) = (Site::new(), Shop::new());
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let other = site.room(&store, "R2").await;
    one(&store, site.hold(site.admin, room, START.plus(HOUR))).await;
    one(&store, site.hold(site.admin, other, START.plus(HOUR))).await;
    backup(site.path(), &shop.at("b"), true, site.clock.now(), &mut quiet()).unwrap();
    assert!(shop.at("b").join("views.sqlite").exists());
    drop(store);
    site.clock.advance(Span::seconds(1));
    let epoch = restore(&shop.at("b"), &shop.at("new"), site.clock.now(), &mut quiet()).unwrap().epoch;
    let expire = |resource| site.proposal(Actor::System, Action::ExpireHolds { resource });
    // One of them, then the process ends; the next start finds the other.
    let store = reopened(&site, &shop.at("new"));
    assert_eq!(store.due(Some(site.clock.now()), 9).await.unwrap().len(), 2);
    one(&store, expire(room)).await;
    drop(store);
    let store = reopened(&site, &shop.at("new"));
    assert_eq!(store.due(Some(site.clock.now()), 9).await.unwrap(), [(Instant::MIN, other)]);
    one(&store, expire(other)).await;
    assert_eq!(store.due(Some(site.clock.now()), 9).await.unwrap(), []);
    let Streamed::Records(records, false) = store.stream(other, Version { epoch, number: 2 }, 9).await.unwrap() else {
        panic!()
    };
    let [slotwise_domain::Change::HoldEnded(ended)] = &records[0].changes[..] else { panic!("{records:?}") };
    assert_eq!((ended.end, records[0].actor, records[0].version.epoch), (HoldEnd::Voided, Actor::System, epoch));
    // A hold of now is none of a restore's business.
    one(&store, site.hold(site.admin, room, START.plus(HOUR))).await;
    assert_eq!(store.due(Some(site.clock.now()), 9).await.unwrap(), []);
    drop(store);
    verify(&shop.at("new")).unwrap();
}

#[tokio::test]
async fn the_same_backup_restored_twice_is_two_epochs() {
    let (site, shop) = (Site::new(), Shop::new());
    let store = site.open().await;
    site.room(&store, "R1").await;
    backup(site.path(), &shop.at("b"), false, site.clock.now(), &mut quiet()).unwrap();
    let first = restore(&shop.at("b"), &shop.at("one"), site.clock.now(), &mut quiet()).unwrap().epoch;
    site.clock.advance(Span::seconds(1));
    let second = restore(&shop.at("b"), &shop.at("two"), site.clock.now(), &mut quiet()).unwrap().epoch;
    assert!(second > first && first > Epoch(1));
    // However the clock was set, a restore of a restored one is above it.
    let past = START.minus(Span::days(900));
    backup(&shop.at("two"), &shop.at("c"), false, site.clock.now(), &mut quiet()).unwrap();
    let third = restore(&shop.at("c"), &shop.at("three"), past, &mut quiet()).unwrap().epoch;
    assert_eq!(third, Epoch(second.0 + 1));
}

#[tokio::test]
async fn what_is_answered_before_a_backup_under_load_is_in_it() {
    let (site, shop) = (Site::new(), Shop::new());
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let (writing, data) = (store.clone(), site.path().to_owned());
    let proposals: Vec<_> = (1..=2_000).map(|n| site.book(site.admin, room, START.plus(Span::hours(n)))).collect();
    let (answered, seen) = tokio::sync::watch::channel(0_usize);
    let writer = tokio::spawn(async move {
        for (n, proposal) in proposals.iter().enumerate() {
            one(&writing, proposal.clone()).await;
            answered.send_replace(n + 1);
        }
        proposals
    });
    let now = site.clock.now();
    for n in 0..5 {
        let (data, to, seen) = (data.clone(), shop.at(&format!("b{n}")), seen.clone());
        let made = tokio::task::spawn_blocking(move || {
            let before = *seen.borrow();
            let manifest = backup(&data, &to, n % 2 == 0, now, &mut quiet()).unwrap();
            (before, *seen.borrow(), manifest)
        });
        let (before, after, manifest) = made.await.unwrap();
        // One commit each, after the one that made the room.
        let number = usize::try_from(manifest.journal.number).unwrap();
        assert!((before + 1..=after + 2).contains(&number), "{before} {number} {after}");
        let dir = shop.at(&format!("r{n}"));
        restore(&shop.at(&format!("b{n}")), &dir, now, &mut quiet()).unwrap();
        assert_eq!(verify(&dir).unwrap().commits as usize, number);
    }
    let proposals = writer.await.unwrap();
    let to = shop.at("last");
    backup(&data, &to, false, now, &mut quiet()).unwrap();
    restore(&to, &shop.at("new"), now, &mut quiet()).unwrap();
    let restored = reopened(&site, &shop.at("new"));
    for proposal in proposals {
        assert_eq!(restored.recall(proposal.key).await.unwrap(), store.recall(proposal.key).await.unwrap());
    }
    let world = |store: Arc<Embedded>| async move {
        let world: World = store.observe(crate::support::scope_of(room)).await.unwrap();
        world.calendars
    };
    assert_eq!(world(restored).await, world(store).await);
}

#[tokio::test]
async fn a_backup_is_whole_or_not_there() {
    let (site, shop) = (Site::new(), Shop::new());
    let store = site.open().await;
    site.room(&store, "R1").await;
    let now = site.clock.now();
    let mut give_up = |_, _| ControlFlow::Break(());
    refused(backup(site.path(), &shop.at("b"), false, now, &mut give_up), "nothing is left of it");
    assert_eq!(shop.names(), Vec::<String>::new());
    // What a kill has left is in nobody's way.
    fs::create_dir(shop.at("b.partial")).unwrap();
    fs::write(shop.at("b.partial").join("slotwise.sqlite"), "half").unwrap();
    backup(site.path(), &shop.at("b"), false, now, &mut quiet()).unwrap();
    assert_eq!(shop.names(), ["b"]);
    refused(backup(site.path(), &shop.at("b"), false, now, &mut quiet()), "exists already");
    refused(backup(&shop.at("nowhere"), &shop.at("c"), false, now, &mut quiet()), "no Slotwise store");
    // Two at once: the second is told.
    fs::create_dir(shop.at("d.partial")).unwrap();
    let lock = fs::File::open(shop.at("d.partial")).unwrap();
    lock.lock().unwrap();
    refused(backup(site.path(), &shop.at("d"), false, now, &mut quiet()), "another process is writing");
    drop(lock);
    backup(site.path(), &shop.at("d"), false, now, &mut quiet()).unwrap();
    assert_eq!(shop.names(), ["b", "d"]);
}

#[tokio::test]
async fn damage_is_refused_where_it_is() {
    let (site, shop) = (Site::new(), Shop::new());
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    for n in 1..20 {
        one(&store, site.book(site.admin, room, START.plus(Span::hours(n)))).await;
    }
    let now = site.clock.now();
    backup(site.path(), &shop.at("b"), false, now, &mut quiet()).unwrap();
    drop(store);
    let (journal, log) = (site.path().join("slotwise.sqlite"), site.path().join("slotwise.sqlite-wal"));

    // The log of the directory.
    let whole = fs::read(&log).unwrap();
    let mut bytes = whole.clone();
    bytes[32 + 24 + 100] ^= 1;
    fs::write(&log, &bytes).unwrap();
    refused(backup(site.path(), &shop.at("c"), false, now, &mut quiet()), "slotwise.sqlite-wal is damaged at byte 32");
    fs::write(&log, &whole).unwrap();
    // A commit in the journal.
    let db = rusqlite::Connection::open(&journal).unwrap();
    db.execute("UPDATE journal SET body = CAST(body || x'00' AS BLOB) WHERE number = 7", []).unwrap();
    refused(backup(site.path(), &shop.at("c"), false, now, &mut quiet()), "commit 7 is not what was written");
    db.execute("DELETE FROM journal WHERE number = 7", []).unwrap();
    refused(backup(site.path(), &shop.at("c"), false, now, &mut quiet()), "commit 8 follows commit 6");
    drop(db);
    assert_eq!(shop.names(), ["b"]);

    // The backup.
    let file = shop.at("b").join("slotwise.sqlite");
    let whole = fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    let damaged = "slotwise.sqlite is damaged: its bytes are not those";
    refused(check_backup(&shop.at("b"), &mut quiet()), damaged);
    refused(restore(&shop.at("b"), &shop.at("new"), now, &mut quiet()), damaged);
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    refused(check_backup(&shop.at("b"), &mut quiet()), "bytes and had");
    fs::write(&file, &whole).unwrap();
    let manifest = shop.at("b").join("backup.json");
    let text = fs::read_to_string(&manifest).unwrap();
    for (from, to, says) in [
        ("\"format\": 1", "\"format\": 2", "use a later version"),
        ("\"number\": 20", "\"number\": 19", "it ends at commit 20 and the manifest says 19"),
        ("\"people.sqlite\"", "\"../people\"", "no file of a backup"),
        ("\"sha256\"", "\"sha255\"", "it is no manifest"),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(&manifest, text.replace(from, to)).unwrap();
        refused(check_backup(&shop.at("b"), &mut quiet()), says);
    }
    fs::remove_file(&manifest).unwrap();
    refused(restore(&shop.at("b"), &shop.at("new"), now, &mut quiet()), "backup.json");
    assert_eq!(shop.names(), ["b"]);
}

#[tokio::test]
async fn a_restore_writes_over_nothing_and_one_that_was_cut_short_is_not_opened() {
    let (site, shop) = (Site::new(), Shop::new());
    let store = site.open().await;
    site.room(&store, "R1").await;
    let now = site.clock.now();
    backup(site.path(), &shop.at("b"), false, now, &mut quiet()).unwrap();
    refused(restore(&shop.at("b"), site.path(), now, &mut quiet()), "another process has");
    drop(store);
    refused(restore(&shop.at("b"), site.path(), now, &mut quiet()), "is not empty: it holds slotwise.sqlite");
    assert!(!site.path().join("restoring").exists());

    // As a kill leaves it.
    let new = shop.at("new");
    fs::create_dir(&new).unwrap();
    fs::write(new.join("notes.txt"), "not ours").unwrap();
    fs::write(new.join("restoring"), "").unwrap();
    fs::write(new.join("people.sqlite"), "half").unwrap();
    let error = Embedded::open(&new, site.options.clone()).err().unwrap();
    assert!(matches!(&error, OpenError::Restoring(_)), "{error}");
    assert!(slotwise_store::embedded::People::open(&new).is_err());
    fs::write(new.join("slotwise.sqlite"), "half").unwrap();
    refused(backup(&new, &shop.at("c"), false, now, &mut quiet()), "was not finished");
    restore(&shop.at("b"), &new, now, &mut quiet()).unwrap();
    assert_eq!(names(&new), ["lock", "notes.txt", "people.sqlite", "slotwise.sqlite"]);
    reopened(&site, &new);
}

#[tokio::test]
async fn a_shelf_keeps_the_newest_and_nothing_of_it_is_anothers() {
    let (site, other, shop) = (Site::new(), Site::new(), Shop::new());
    let store = site.open().await;
    site.room(&store, "R1").await;
    drop(other.open().await);
    let progress: Progress = &mut quiet();
    {
        let shelf = Shelf::take(&shop.at("s")).unwrap();
        assert_eq!(shelf.newest(site.path()).unwrap(), None);
        refused(Shelf::take(&shop.at("s")).map(|_| ()), "another process");
        shelf.add(other.path(), 1, START.minus(HOUR), progress).unwrap();
        for n in 0..5 {
            shelf.add(site.path(), 3, START.plus(Span::hours(n)), progress).unwrap();
        }
    }
    let left = ["2026-01-05T07-00-00Z", "2026-01-05T10-00-00Z", "2026-01-05T11-00-00Z", "2026-01-05T12-00-00Z"];
    assert_eq!(names(&shop.at("s")), left);
    // What is not whole is not counted, and not removed; what a kill has left is.
    fs::write(shop.at("s").join(left[2]).join("people.sqlite"), "").unwrap();
    fs::create_dir(shop.at("s").join("2026-01-05T12-30-00Z.partial")).unwrap();
    fs::create_dir(shop.at("s").join("holiday pictures")).unwrap();
    let shelf = Shelf::take(&shop.at("s")).unwrap();
    shelf.add(site.path(), 1, START.plus(Span::hours(5)), progress).unwrap();
    let names = names(&shop.at("s"));
    assert_eq!(names, [left[0], left[2], "2026-01-05T13-00-00Z", "holiday pictures"]);
    let newest = shelf.newest(site.path()).unwrap().unwrap();
    assert_eq!(newest.to_string(), "2026-01-05T13:00:00Z");
    assert_eq!(read_manifest(&shop.at("s").join(&names[2])).unwrap().made_at, newest);
    // One that fails removes nothing.
    fs::remove_file(site.path().join("people.sqlite")).unwrap();
    refused(shelf.add(site.path(), 1, START.plus(Span::hours(6)), progress), "no Slotwise store");
    assert_eq!(crate::backup::names(&shop.at("s")), names);
}
