//! Opening a directory: once, with the right program, and not after damage.
//! What is inside is tested elsewhere.

use crate::support::{START, Site, one};
use rusqlite::Connection;
use slotwise_engine::{Status, Store};
use slotwise_store::Embedded;
use slotwise_store::embedded::OpenError;

#[tokio::test]
async fn a_second_open_refuses_with_a_sentence() {
    let site = Site::new();
    let store = site.open().await;
    let refused = Embedded::open(site.path(), site.options.clone()).err().unwrap();
    assert!(matches!(refused, OpenError::Locked(_)));
    assert!(refused.to_string().contains("one data directory belongs to one process"), "{refused}");
    assert_eq!(store.status(), Status::Ready);
    drop(store);
    assert_eq!(site.reopen().status(), Status::Ready);
}

#[tokio::test]
async fn a_newer_format_refuses_and_is_not_touched() {
    let site = Site::new();
    drop(site.open().await);
    let path = site.path().join("slotwise.sqlite");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = Embedded::open(site.path(), site.options.clone()).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn another_programs_file_refuses() {
    let site = Site::new();
    let path = site.path().join("slotwise.sqlite");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let refused = Embedded::open(site.path(), site.options.clone()).err().unwrap();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");

    std::fs::write(&path, "no database at all, but long enough for a header").unwrap();
    let refused = Embedded::open(site.path(), site.options.clone()).err().unwrap();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");
}

/// Whoever moves a folder and forgets a file is told so, and is not given an empty store in its place.
#[tokio::test]
async fn what_is_gone_is_not_begun_anew() {
    for (gone, emptied) in
        [("slotwise.sqlite", false), ("slotwise.sqlite", true), ("people.sqlite", false), ("people.sqlite", true)]
    {
        let site = Site::new();
        let store = site.open().await;
        site.room(&store, "R1").await;
        drop(store);
        let path = site.path().join(gone);
        for suffix in ["", "-wal", "-shm"] {
            std::fs::remove_file(site.path().join(format!("{gone}{suffix}"))).ok();
        }
        if emptied {
            std::fs::write(&path, "").unwrap();
        }
        let views = std::fs::read(site.path().join("views.sqlite")).unwrap();
        let refused = Embedded::open(site.path(), site.options.clone()).err().unwrap();
        assert!(matches!(refused, OpenError::Gone { .. }), "{gone}: {refused}");
        assert!(refused.to_string().contains(gone), "{refused}");
        assert_eq!(path.exists(), emptied, "{gone}: nothing is made");
        assert_eq!(std::fs::read(site.path().join("views.sqlite")).unwrap(), views, "{gone}");
    }
    // The tables are made anew of the journal, as ever.
    let site = Site::new();
    drop(site.open().await);
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(site.path().join(format!("views.sqlite{suffix}"))).ok();
    }
    assert_eq!(site.reopen().status(), Status::Ready);
}

#[tokio::test]
async fn a_changed_migration_refuses() {
    let site = Site::new();
    drop(site.open().await);
    let db = Connection::open(site.path().join("slotwise.sqlite")).unwrap();
    db.execute("UPDATE migration SET sha256 = zeroblob(32)", []).unwrap();
    drop(db);
    let refused = Embedded::open(site.path(), site.options.clone()).err().unwrap();
    assert!(matches!(refused, OpenError::OtherMigration { number: 1, .. }), "{refused}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_made() {
    let mut site = Site::new();
    let inner = tempfile::tempdir_in(site.path()).unwrap();
    let path = inner.path().join("deep").join("data");
    drop(Embedded::open(&path, site.options.clone()).unwrap());
    assert!(path.join("slotwise.sqlite").exists());
    drop(inner);
    site.dir = tempfile::tempdir().unwrap();
}

#[tokio::test]
async fn an_orderly_end_leaves_everything_in_the_database_alone() {
    let mut site = Site::new();
    site.options.checkpoint_pages = 1_000;
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let booked = one(&store, site.book(site.admin, room, START.plus(crate::support::HOUR))).await;
    drop(store);
    let log = site.path().join("slotwise.sqlite-wal");
    assert_eq!(std::fs::metadata(log).map_or(0, |m| m.len()), 0);
    assert_eq!(site.reopen().recall(booked.key).await.unwrap(), Some(booked));
}
