//! Chains of hashes: whole after everything a store does, and broken by any edit.
//! It edits files of its own only.

use crate::support::{HOUR, START, Site, commit, made, one};
use rusqlite::Connection;
use slotwise_domain::{Action, Span};
use slotwise_store::embedded::{VerifyError, verify};
use std::path::Path;

async fn written() -> Site {
    let site = Site::new();
    let store = site.open().await;
    let (room, other) = (site.room(&store, "R1").await, site.room(&store, "R2").await);
    for n in 1..=4 {
        let at = START.plus(Span::hours(n));
        commit(
            &store,
            vec![site.book(site.admin, room, at), site.book(site.admin, other, at), site.book(site.admin, room, at)],
        )
        .await;
    }
    let (_, hold) = made(&store, site.hold(site.admin, room, START.plus(Span::hours(9)))).await;
    one(&store, site.by(site.admin, Action::Release(crate::support::held(hold)))).await;
    one(&store, site.block(room, 1, START.plus(HOUR).plus(Span::days(1)))).await;
    drop(store);
    site
}

fn edit(dir: &Path, sql: &str) {
    let db = Connection::open(dir.join("slotwise.sqlite")).unwrap();
    let changed = db.execute(sql, []).unwrap();
    assert!(changed > 0, "{sql} changed nothing");
}

#[tokio::test]
async fn what_was_written_verifies() {
    let site = written().await;
    let verified = verify(site.path()).unwrap();
    assert_eq!((verified.records, verified.attempts, verified.commits), (13, 17, 9));
}

fn blob(dir: &Path, sql: &str) -> Vec<u8> {
    Connection::open(dir.join("slotwise.sqlite")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn every_edit_is_found() {
    let edits = [
        "UPDATE journal SET hash = zeroblob(32) WHERE number = 4",
        "UPDATE journal SET body = zeroblob(10) WHERE number = 5",
        "UPDATE journal SET body = (SELECT body FROM journal WHERE number = 4) WHERE number = 5",
        "UPDATE journal SET body = (SELECT body FROM journal WHERE number = 4), hash = (SELECT hash FROM journal WHERE number = 4)
         WHERE number = 5",
        "DELETE FROM journal WHERE number = 1",
        "DELETE FROM journal WHERE number = 6",
        "DELETE FROM journal WHERE number = 9",
        "UPDATE journal SET number = number + 100 WHERE number > 7",
        "UPDATE journal SET said = zeroblob(3) WHERE number = 4",
        "UPDATE meta SET writer = zeroblob(16)",
        "UPDATE meta SET epoch = 0",
    ];
    for sql in edits {
        let site = written().await;
        edit(site.path(), sql);
        assert!(matches!(verify(site.path()), Err(VerifyError::Broken(_))), "{sql} was not found");
    }
    let edits = [
        "UPDATE resource_head SET hash = zeroblob(32)",
        "UPDATE resource_head SET number = number + 1",
        "DELETE FROM resource_head WHERE resource = (SELECT max(id) FROM resource)",
        "UPDATE mark SET hash = zeroblob(32)",
    ];
    for sql in edits {
        let site = written().await;
        let db = Connection::open(site.path().join("views.sqlite")).unwrap();
        assert!(db.execute(sql, []).unwrap() > 0, "{sql} changed nothing");
        drop(db);
        assert!(matches!(verify(site.path()), Err(VerifyError::Broken(_))), "{sql} was not found");
    }
}

#[tokio::test]
async fn every_flipped_bit_of_a_commit_is_found() {
    let site = written().await;
    let body = blob(site.path(), "SELECT body FROM journal WHERE number = 5");
    let db = Connection::open(site.path().join("slotwise.sqlite")).unwrap();
    for place in 0..body.len() {
        let mut edited = body.clone();
        edited[place] ^= 1 << (place % 8);
        db.execute("UPDATE journal SET body = ?1 WHERE number = 5", [edited]).unwrap();
        assert!(matches!(verify(site.path()), Err(VerifyError::Broken(_))), "byte {place} was not found");
    }
    db.execute("UPDATE journal SET body = ?1 WHERE number = 5", [body]).unwrap();
    verify(site.path()).unwrap();
}

#[tokio::test]
async fn titles_and_purposes_are_in_no_record() {
    let site = written().await;
    let db = Connection::open(site.path().join("slotwise.sqlite")).unwrap();
    let told = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
    assert!(told("SELECT count(*) FROM journal WHERE instr(said, CAST('Algebra' AS BLOB))") > 0);
    assert_eq!(told("SELECT count(*) FROM journal WHERE instr(body, CAST('Algebra' AS BLOB))"), 0);
    // Erasing what people said leaves the record as it is.
    db.execute("UPDATE journal SET said = NULL", []).unwrap();
    let tables = Connection::open(site.path().join("views.sqlite")).unwrap();
    tables.execute("UPDATE booking SET title = NULL, purpose = NULL, people = NULL", []).unwrap();
    verify(site.path()).unwrap();
}
