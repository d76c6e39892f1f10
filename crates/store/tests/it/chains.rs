//! Chains of hashes: whole after everything a store does, and broken by any edit.
//! It edits files of its own only.

use crate::support::{HOUR, START, Site, commit, made, one};
use rusqlite::Connection;
use slotwise_domain::{Action, Span};
use slotwise_store::embedded::{VerifyError, verify_chains};
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
    let verified = verify_chains(site.path()).unwrap();
    assert_eq!((verified.records, verified.attempts, verified.commits), (13, 17, 9));
}

#[tokio::test]
async fn every_edit_is_found() {
    let edits = [
        "UPDATE record SET body = replace(body, 'booking_made', 'booking_nade') WHERE position = 4",
        "UPDATE record SET decided_at = decided_at + 1 WHERE position = 5",
        "UPDATE record SET actor = zeroblob(16) WHERE position = 5",
        "UPDATE record SET attempt = zeroblob(16) WHERE position = 6",
        "UPDATE record SET hash = zeroblob(32) WHERE position = 7",
        "DELETE FROM record WHERE position = 6",
        "DELETE FROM record WHERE position = (SELECT max(position) FROM record)",
        "DELETE FROM record WHERE resource = (SELECT max(id) FROM resource)",
        "UPDATE record SET position = position + 100 WHERE position > 9",
        "UPDATE resource_version SET hash = zeroblob(32)",
        "UPDATE resource_version SET number = number + 1",
        "DELETE FROM resource_version WHERE resource = (SELECT max(id) FROM resource)",
        "UPDATE attempt SET decision = replace(decision, 'BOOKED', 'BOOKEE') WHERE outcome = 'BOOKED'",
        "UPDATE attempt SET command = 'hold' WHERE command = 'book'",
        "UPDATE attempt SET fingerprint = zeroblob(32)",
        "UPDATE attempt SET place = place + 1 WHERE commit_number = 3",
        "UPDATE attempt SET commit_number = 99 WHERE commit_number = 9",
        "DELETE FROM attempt WHERE commit_number = 9",
        "DELETE FROM attempt WHERE commit_number = 4",
        "UPDATE commit_log SET at = at + 1 WHERE number = 2",
        "UPDATE commit_log SET hash = zeroblob(32) WHERE number = 3",
        "DELETE FROM commit_log WHERE number = 3",
        "DELETE FROM commit_log WHERE number = 9",
        "UPDATE commit_log SET writer = zeroblob(16)",
    ];
    for sql in edits {
        let site = written().await;
        edit(site.path(), sql);
        assert!(matches!(verify_chains(site.path()), Err(VerifyError::Broken(_))), "{sql} was not found");
    }
}

#[tokio::test]
async fn titles_and_purposes_are_in_no_record() {
    let site = written().await;
    let db = Connection::open(site.path().join("slotwise.sqlite")).unwrap();
    let told = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
    assert!(told("SELECT count(*) FROM booking WHERE title = 'Algebra'") > 0);
    assert_eq!(told("SELECT count(*) FROM record WHERE instr(body, 'Algebra')"), 0);
    assert_eq!(told("SELECT count(*) FROM attempt WHERE instr(decision, 'Algebra')"), 0);
}
