//! What was told is there after reopening: state, answers, record.
//! No process is killed here; that is the binary's test.

use crate::support::{HOUR, START, Site, commit, exclusive, held, made, one, outcome, scope_of};
use slotwise_domain::{Action, Actor, HoldRef, Scope, Span, Version, settle};
use slotwise_engine::{CommitError, Cursor, Made, Settled, Status, Store, Streamed, Views};
use slotwise_store::Embedded;

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let site = Site::new();
    let store = site.open().await;
    let bob = site.member(&store, "Bob").await;
    let room = site.room(&store, "R1").await;
    let thing = site.resource(&store, exclusive("Lab")).await;
    let (booked, Some(Made::Booking(booking))) = made(&store, site.book(bob, room, START.plus(HOUR))).await else {
        panic!()
    };
    let refused = one(&store, site.book(site.admin, room, START.plus(HOUR))).await;
    assert_eq!(refused.decision.outcome.name(), "REJECTED");
    let (_, hold) = made(&store, site.hold(bob, room, START.plus(Span::hours(5)))).await;
    let HoldRef { id: hold, .. } = held(hold);
    one(&store, site.block(room, 1, START.plus(Span::hours(8)))).await;
    let lines = [(thing, START.plus(HOUR)), (room, START.plus(Span::hours(3)))];
    one(&store, site.by(bob, site.booking(bob, &lines, None))).await;
    let edited = one(
        &store,
        site.by(
            bob,
            Action::EditBooking {
                booking: booking.id,
                revision: 1,
                patch: slotwise_domain::DetailsPatch { people: Some(Some(5)), ..Default::default() },
            },
        ),
    );
    edited.await;
    one(&store, site.by(bob, Action::Cancel { booking: booking.id, reason: Some("ill".into()) })).await;

    let scope = Scope {
        resources: [room, thing].into(),
        bookings: [booking.id].into(),
        holds: [hold].into(),
        people: [bob].into(),
        roles: [bob, site.admin].into(),
        counted: [bob].into(),
        facts: [bob].into(),
        members: [room].into(),
        ..Scope::default()
    };
    let before = store.observe(scope.clone()).await.unwrap();
    let (records, end) = store.outbox(Cursor(0), 1_000).await.unwrap();
    assert_eq!(end, store.head().await.unwrap());
    let bookings = store.bookings(slotwise_engine::BookingFilter { max: 10, ..Default::default() }).await.unwrap();
    drop(store);

    let store = site.reopen();
    let after = store.observe(scope).await.unwrap();
    assert_eq!(after.calendars, before.calendars);
    assert_eq!(after.bookings, before.bookings);
    assert_eq!(after.holds, before.holds);
    assert_eq!(after.people, before.people);
    assert_eq!(after.roles, before.roles);
    assert_eq!(after.counted, before.counted);
    assert_eq!(after.members, before.members);
    assert_eq!(after.loaded, before.loaded);
    assert_eq!(store.outbox(Cursor(0), 1_000).await.unwrap(), (records, end));
    assert_eq!(store.recall(booked.key).await.unwrap(), Some(booked));
    assert_eq!(store.recall(refused.key).await.unwrap(), Some(refused));
    assert_eq!(
        store.bookings(slotwise_engine::BookingFilter { max: 10, ..Default::default() }).await.unwrap(),
        bookings
    );
    assert_eq!(store.booking(booking.id).await.unwrap().unwrap().details.people, Some(5));
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer_after_reopening() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let proposal = site.book(site.admin, room, START.plus(HOUR));
    let first = one(&store, proposal.clone()).await;
    drop(store);
    let store = site.reopen();
    let again = commit(&store, vec![proposal.clone()]).await;
    assert!(matches!(&again[..], [Settled::Replayed(recorded)] if **recorded == first));
    let mut other = proposal;
    other.fingerprint.0[0] ^= 1;
    assert_eq!(outcome(&commit(&store, vec![other]).await[0]), "key reused");
}

#[tokio::test]
async fn the_record_is_read_by_resource_and_by_position() {
    let site = Site::new();
    let store = site.open().await;
    let mut watch = store.committed();
    let (room, other) = (site.room(&store, "R1").await, site.room(&store, "R2").await);
    for n in 1..=5 {
        one(&store, site.book(site.admin, room, START.plus(Span::hours(n)))).await;
        one(&store, site.book(site.admin, other, START.plus(Span::hours(n)))).await;
    }
    watch.changed().await.unwrap();
    let epoch = store.observe(Scope::default()).await.unwrap().epoch;
    let at = |number| Version { epoch, number };
    let Streamed::Records(records, true) = store.stream(room, at(1), 3).await.unwrap() else { panic!() };
    assert_eq!(records.iter().map(|r| r.version).collect::<Vec<_>>(), [at(2), at(3), at(4)]);
    let Streamed::Records(records, false) = store.stream(room, at(4), 3).await.unwrap() else { panic!() };
    assert_eq!(records.iter().map(|r| r.version).collect::<Vec<_>>(), [at(5), at(6)]);
    assert_eq!(records[0].actor, Actor::Person(site.admin));
    assert_eq!(store.stream(room, at(6), 3).await.unwrap(), Streamed::Records(vec![], false));
    assert_eq!(store.stream(room, at(7), 3).await.unwrap(), Streamed::Resync);
    let before = Version { epoch: slotwise_domain::Epoch(0), number: 1 };
    assert_eq!(store.stream(room, before, 3).await.unwrap(), Streamed::Resync);

    let (mut cursor, mut all) = (Cursor(0), Vec::new());
    loop {
        let (records, next) = store.outbox(cursor.clone(), 4).await.unwrap();
        if records.is_empty() {
            assert_eq!(next, cursor);
            break;
        }
        all.extend(records);
        cursor = next;
    }
    assert_eq!(all.len(), 12);
    assert_eq!(cursor, store.head().await.unwrap());
    let of_room: Vec<_> = all.iter().filter(|r| r.resource == room).map(|r| r.version.number).collect();
    assert_eq!(of_room, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_long_record_is_read_in_pages_of_any_size() {
    let site = Site::new();
    let store = site.open().await;
    let (room, other) = (site.room(&store, "R1").await, site.room(&store, "R2").await);
    let book = |n: i64| site.book(site.admin, if n % 3 == 0 { other } else { room }, START.plus(Span::hours(n)));
    for hundred in 0..4 {
        commit(&store, (1..=100).map(|n| book(hundred * 100 + n)).collect()).await;
    }
    let epoch = store.observe(Scope::default()).await.unwrap().epoch;
    for max in [1, 2, 63, 64, 65, 200, 1_000] {
        let (mut after, mut numbers) = (Version::zero(epoch), Vec::new());
        loop {
            let Streamed::Records(records, more) = store.stream(room, after, max).await.unwrap() else { panic!() };
            assert!(records.len() <= max && records.iter().all(|r| r.resource == room));
            numbers.extend(records.iter().map(|r| r.version.number));
            after = records.last().map_or(after, |r| r.version);
            if !more {
                break;
            }
        }
        assert_eq!(numbers, (1..=268).collect::<Vec<_>>(), "pages of {max}");
    }
}

#[tokio::test]
async fn holds_fall_due_soonest_first_each_resource_once() {
    let site = Site::new();
    let store = site.open().await;
    let (one_room, two) = (site.room(&store, "R1").await, site.room(&store, "R2").await);
    one(&store, site.hold(site.admin, two, START.plus(HOUR))).await;
    site.clock.advance(Span::seconds(5));
    one(&store, site.hold(site.admin, one_room, START.plus(HOUR))).await;
    one(&store, site.hold(site.admin, two, START.plus(Span::hours(3)))).await;
    let first = START.plus(Span::seconds(30));
    let second = START.plus(Span::seconds(35));
    assert_eq!(store.due(Some(START), 10).await.unwrap(), []);
    assert_eq!(store.due(Some(first), 10).await.unwrap(), [(first, two)]);
    assert_eq!(store.due(Some(second), 10).await.unwrap(), [(first, two), (second, one_room)]);
    assert_eq!(store.due(Some(second), 1).await.unwrap(), [(first, two)]);
    site.clock.advance(Span::seconds(40));
    one(&store, site.proposal(Actor::System, Action::ExpireHolds { resource: two })).await;
    assert_eq!(store.due(Some(second), 10).await.unwrap(), [(second, one_room)]);
    assert_eq!(store.observe(scope_of(two)).await.unwrap().calendars[&two].holds.len(), 0);
}

#[tokio::test]
async fn a_new_epoch_goes_on_counting_and_old_unknown_keys_are_told() {
    let site = Site::new();
    let store = site.open().await;
    let (room, idle) = (site.room(&store, "R1").await, site.room(&store, "R2").await);
    let known = site.book(site.admin, room, START.plus(Span::hours(5)));
    let recorded = one(&store, known.clone()).await;
    let unknown = site.book(site.admin, room, START.plus(Span::hours(6)));
    let before = store.observe(Scope::default()).await.unwrap().epoch;
    drop(store);
    site.clock.advance(HOUR);
    // As a restore does it.
    let db = rusqlite::Connection::open(site.path().join("slotwise.sqlite")).unwrap();
    db.execute("UPDATE meta SET epoch = 2, epoch_began = ?1", [START.plus(HOUR).0]).unwrap();
    drop(db);

    let store = site.reopen();
    let settled = commit(&store, vec![known, unknown]).await;
    assert_eq!(settled.iter().map(outcome).collect::<Vec<_>>(), ["again BOOKED", "epoch changed"]);
    let second = one(&store, site.book(site.admin, room, START.plus(Span::hours(6)))).await;
    let now = Version { epoch: slotwise_domain::Epoch(2), number: 3 };
    assert_eq!(second.decision.decided, [(room, now)]);
    assert_eq!(recorded.decision.decided[0].1, Version { epoch: before, number: 2 });
    assert_eq!(store.stream(room, recorded.decision.decided[0].1, 9).await.unwrap(), Streamed::Resync);
    let Streamed::Records(records, false) = store.stream(room, Version::zero(now.epoch), 9).await.unwrap() else {
        panic!()
    };
    assert_eq!(records.iter().map(|r| r.version).collect::<Vec<_>>(), [now]);
    assert_eq!(store.stream(idle, Version::zero(now.epoch), 9).await.unwrap(), Streamed::Records(vec![], false));
    slotwise_store::embedded::verify(site.path()).unwrap();
}

#[tokio::test]
async fn a_write_that_the_database_refuses_ends_all_writing() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let first = one(&store, site.book(site.admin, room, START.plus(HOUR))).await;
    drop(store);
    let db = rusqlite::Connection::open(site.path().join("slotwise.sqlite")).unwrap();
    db.execute_batch(
        "CREATE TRIGGER sick BEFORE INSERT ON journal BEGIN SELECT RAISE(FAIL, 'the disk is on fire'); END",
    )
    .unwrap();
    drop(db);

    let store = site.reopen();
    let head = store.head().await.unwrap();
    let proposal = site.book(site.admin, room, START.plus(Span::hours(2)));
    let error = store.commit(vec![proposal.clone()], settle).await.unwrap_err();
    assert!(matches!(&error, CommitError::NothingWritten(says) if says.contains("on fire")), "{error}");
    assert!(matches!(store.status(), Status::Stopped(_)));
    // Reads go on, and show what was committed and nothing else.
    assert_eq!(store.recall(first.key).await.unwrap(), Some(first));
    assert_eq!(store.recall(proposal.key).await.unwrap(), None);
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(store.observe(scope_of(room)).await.unwrap().calendars[&room].uses.len(), 1);
    let error = store.commit(vec![proposal.clone()], settle).await.unwrap_err();
    assert!(matches!(&error, CommitError::NothingWritten(says) if says.contains("has stopped")), "{error}");
    drop(store);

    let db = rusqlite::Connection::open(site.path().join("slotwise.sqlite")).unwrap();
    db.execute_batch("DROP TRIGGER sick").unwrap();
    drop(db);
    let store = site.reopen();
    assert_eq!(outcome(&commit(&store, vec![proposal]).await[0]), "BOOKED");
}

#[tokio::test]
async fn a_row_that_cannot_be_is_named() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    drop(store);
    let db = rusqlite::Connection::open(site.path().join("views.sqlite")).unwrap();
    db.execute("UPDATE resource SET spec = replace(spec, 'confirm', 'later')", []).unwrap();
    drop(db);
    // Every resource is in the catalogue, so it is noticed before anybody is served.
    let says = Embedded::open(site.path(), site.options.clone()).err().unwrap().to_string();
    assert!(says.contains(&format!("resource.spec of {room} is impossible: \"later\" is no HoldAt")), "{says}");
}
