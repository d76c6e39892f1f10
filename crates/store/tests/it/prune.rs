//! What is kept for seven days only: the way from a key to its answer, and holds that have ended.
//! The journal keeps everything; that is looked at too.

use crate::support::{HOUR, START, Site, commit, made, one, outcome};
use slotwise_domain::{Action, Actor, Span};
use slotwise_engine::{Clock, Cursor, Store};
use slotwise_store::embedded::{Wanted, examine};
use std::time::{Duration, Instant};

fn rows(site: &Site) -> (u64, u64) {
    let db = rusqlite::Connection::open(site.path().join("views.sqlite")).unwrap();
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
    (count("SELECT count(*) FROM attempt"), count("SELECT count(*) FROM hold"))
}

/// Waits for the thread that takes them away.
async fn until_rows(site: &Site, wanted: (u64, u64)) {
    let since = Instant::now();
    while rows(site) != wanted {
        assert!(since.elapsed() < Duration::from_secs(30), "{:?} are left, not {wanted:?}", rows(site));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_key_is_forgotten_after_seven_days_and_stays_so() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let first = site.book(site.admin, room, START.plus(Span::days(30)));
    one(&store, first.clone()).await;
    made(&store, site.hold(site.admin, room, START.plus(HOUR))).await;
    site.clock.advance(Span::seconds(30));
    one(&store, site.proposal(Actor::System, Action::ExpireHolds { resource: room })).await;
    until_rows(&site, (4, 1)).await;

    // Not a moment too soon: to the millisecond, which is what a key says.
    site.clock.advance(Span(Span::days(7).0 - Span::seconds(30).0 - 1_000));
    let second = site.book(site.admin, room, START.plus(Span::days(31)));
    one(&store, second.clone()).await;
    until_rows(&site, (5, 1)).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(rows(&site), (5, 1));
    assert_eq!(outcome(&commit(&store, vec![first.clone()]).await[0]), "again BOOKED");

    site.clock.advance(Span::seconds(61));
    until_rows(&site, (1, 0)).await;
    let said = |settled: Vec<_>| settled.iter().map(outcome).collect::<Vec<_>>();
    let both = vec![first.clone(), second.clone()];
    assert_eq!(said(commit(&store, both.clone()).await), ["key expired", "again BOOKED"]);
    assert_eq!(store.recall(first.key).await.unwrap(), None);
    let records = store.outbox(Cursor(0), 100).await.unwrap();
    drop(store);

    let store = site.reopen();
    assert_eq!(said(commit(&store, both.clone()).await), ["key expired", "again BOOKED"]);
    assert_eq!(store.outbox(Cursor(0), 100).await.unwrap(), records);
    one(&store, site.book(site.admin, room, START.plus(Span::days(34)))).await;
    drop(store);
    // Made anew from the journal, the tables are no larger.
    std::fs::remove_file(site.path().join("views.sqlite")).unwrap();
    let store = site.reopen();
    assert_eq!(rows(&site).0, 2);
    assert_eq!(said(commit(&store, both).await), ["key expired", "again BOOKED"]);
    until_rows(&site, (2, 0)).await;
    drop(store);
    let wanted = Wanted { now: Some(site.clock.now()), ..Wanted::default() };
    assert_eq!(examine(site.path(), wanted).unwrap().findings, []);

    // A clock that is eight days ahead at the start may be wrong: nothing goes until something was decided by it.
    site.clock.advance(Span::days(8));
    let store = site.reopen();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(rows(&site), (2, 0));
    let third = site.book(site.admin, room, START.plus(Span::days(32)));
    assert_eq!(said(commit(&store, vec![third.clone(), second.clone()]).await), ["BOOKED", "again BOOKED"]);
    site.clock.advance(Span::seconds(61));
    until_rows(&site, (1, 0)).await;
    assert_eq!(said(commit(&store, vec![third, second]).await), ["again BOOKED", "key expired"]);
    drop(store);

    // With none left at all, a new key is known to be new, and then known.
    let db = rusqlite::Connection::open(site.path().join("views.sqlite")).unwrap();
    db.execute("DELETE FROM attempt", []).unwrap();
    let store = site.reopen();
    let fourth = site.book(site.admin, room, START.plus(Span::days(33)));
    assert_eq!(said(commit(&store, vec![fourth.clone()]).await), ["BOOKED"]);
    assert_eq!(said(commit(&store, vec![fourth]).await), ["again BOOKED"]);
}

#[tokio::test]
async fn many_are_taken_away_piece_by_piece() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    for hundred in 0..50 {
        let book = |n: i64| site.book(site.admin, room, START.plus(Span::hours(hundred * 100 + n)));
        commit(&store, (1..=100).map(book).collect()).await;
    }
    until_rows(&site, (5_001, 0)).await;
    site.clock.advance(Span::days(7));
    let mut seen = std::collections::BTreeSet::new();
    let since = Instant::now();
    while rows(&site).0 > 0 {
        seen.insert(rows(&site).0);
        assert!(since.elapsed() < Duration::from_secs(30), "{seen:?}");
        // Nobody waits for it.
        let late = site.book(site.admin, room, START.plus(Span::hours(6_000)));
        let begun = Instant::now();
        store.recall(late.key).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(seen.iter().any(|n| *n > 0 && *n < 5_001), "{seen:?}");
}
