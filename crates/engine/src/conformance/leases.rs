//! Holds: what they keep, how long, and what a late hand on them does not do.
//! Time is the test clock's; nothing here waits.

use super::TestClock;
use super::kit::{Bench, decided, hours, named, rejection, sorted, told, with_policy};
use crate::attempt::Answer;
use crate::attempt::Ids;
use crate::deadlines::fire_due;
use crate::port::{Clock, Made, NoticeId};
use slotwise_domain::{
    Action, Actor, BlockId, Change, Cutoff, Exceptions, FencingToken, Hold, HoldEnd, HoldRef, Instant, Interval, News,
    OverBookings, OverHolds, Policy, ResourceId, Span, Witness,
};

const WHY: &str = "She is on her way.";

fn ends(changes: &[Change]) -> Vec<HoldEnd> {
    let end = |change: &Change| match change {
        Change::HoldEnded(ended) => Some(ended.end),
        _ => None,
    };
    changes.iter().filter_map(end).collect()
}

pub(super) async fn who_holds_is_not_disturbed(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 11)).await;
    assert_eq!(hold.expires_at, b.clock.now().plus(Span::seconds(30)));
    let overlapping = hours(10, 12);
    for action in [b.hold(room, overlapping), b.book(b.cyd, room, overlapping)] {
        let refused = rejection(&b.send(b.cyd, action).await);
        assert_eq!((refused.code.name(), refused.retry_at), ("held_by_other", Some(hold.expires_at)));
        assert!(matches!(refused.witness, Some(Witness::Hold { id, .. }) if id == hold.id));
    }
    assert_eq!(b.version(room).await, 2);
    // The holder's own hold never stands in their way.
    let confirmed = b.send(b.ben, b.confirm(&hold)).await;
    assert_eq!((told(&confirmed).as_str(), decided(&confirmed)), ("BOOKED", vec![(room, 3)]));
    assert_eq!(ends(&b.last(room).await.changes), [HoldEnd::Consumed]);
    let refused = rejection(&b.send(b.cyd, b.hold(room, overlapping)).await);
    assert_eq!(refused.code.name(), "full");
    assert!(matches!(refused.witness, Some(Witness::Booking { owner, .. }) if owner == b.ben));
}

pub(super) async fn a_hold_expires_at_its_instant_without_any_sweep(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    b.clock.step(Span(29_999_000));
    assert_eq!(b.says(b.cyd, b.hold(room, hours(9, 10))).await, "held_by_other");
    b.clock.step(Span(1_000));
    let next = b.held(b.cyd, room, hours(9, 10)).await;
    assert!(next.token > hold.token);
    let record = b.last(room).await;
    assert_eq!(record.version.number, 3, "the expiry and the grant are one version");
    assert_eq!(ends(&record.changes), [HoldEnd::Expired]);
}

pub(super) async fn the_commit_s_clock_decides(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    // This engine still believes that the hold lives; its confirm reaches the commit when it does not.
    let behind = TestClock::at(hold.expires_at.minus(Span(1_000)));
    b.clock.set(hold.expires_at);
    let engine = b.another_engine(behind);
    let answer = engine.execute(b.request(b.ben, b.confirm(&hold))).await;
    assert_eq!(told(&answer), "hold_expired");
    assert_eq!(super::kit::recorded(&answer).decision.decided_at, hold.expires_at);
    // And the other way round: the engine thinks it is over, and the store knows better.
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    let ahead = TestClock::at(hold.expires_at.plus(Span::seconds(5)));
    let answer = b.another_engine(ahead).execute(b.request(b.ben, b.confirm(&hold))).await;
    assert_eq!(told(&answer), "BOOKED");
}

pub(super) async fn a_renewed_hold_survives_the_sweep(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    b.clock.step(Span::seconds(29));
    let selected = b.store.due(Some(hold.expires_at), 10).await.unwrap();
    assert_eq!(selected, [(hold.expires_at, room)]);
    let renewed = b.send(b.ben, Action::Renew(named(&hold))).await;
    let Answer::Decided(_, Some(Made::Hold(renewed, None))) = renewed else { panic!("{renewed:?}") };
    assert_eq!((renewed.token, renewed.renewals), (hold.token, 1));
    assert_eq!(renewed.expires_at, b.clock.now().plus(Span::seconds(30)));
    b.clock.step(Span::seconds(2));
    let version = b.version(room).await;
    assert_eq!(b.says(b.ada, Action::ExpireHolds { resource: room }).await, "ACCEPTED");
    assert_eq!(b.version(room).await, version, "a sweep that finds nothing changes nothing");
    assert_eq!(b.says(b.ben, b.confirm(&renewed)).await, "BOOKED");

    // Both at the very end: whoever is first, nobody's hold is lost while it counts.
    for late in [Span(0), Span(1)] {
        let hold = b.held(b.ben, room, hours(11, 12)).await;
        b.clock.set(hold.expires_at.minus(Span(1)).plus(late));
        let requests = vec![
            b.request(b.ben, Action::Renew(named(&hold))),
            b.request(b.ada, Action::ExpireHolds { resource: room }),
        ];
        let answers = b.at_once(requests).await;
        let (told, live) = (sorted(&answers), b.calendar(room).await.holds.len());
        match late {
            Span(0) => assert_eq!((told, live), (vec!["ACCEPTED".to_owned(), "ACCEPTED".to_owned()], 1)),
            _ => assert_eq!((told, live), (vec!["ACCEPTED".to_owned(), "hold_expired".to_owned()], 0)),
        }
        b.says(b.ben, Action::Release(named(&hold))).await;
    }
}

pub(super) async fn tokens_are_never_used_twice(b: &Bench) {
    let room = b.room(1).await;
    let old = b.held(b.ben, room, hours(9, 10)).await;
    b.clock.set(old.expires_at);
    let new = b.held(b.cyd, room, hours(9, 10)).await;
    assert_ne!(old.token, new.token);
    assert_eq!(b.says(b.ben, b.confirm(&old)).await, "hold_expired");
    let not_theirs = b.booking(b.ben, &[(room, hours(9, 10), 1)], Some(&new));
    assert_eq!(b.says(b.ben, not_theirs).await, "not_allowed");
    let old_token = Hold { token: old.token, ..new };
    assert_eq!(b.says(b.cyd, b.confirm(&old_token)).await, "hold_superseded");
    assert_eq!(b.calendar(room).await.holds.len(), 1, "a refused confirm with another token lets nothing go");
    assert_eq!(b.says(b.cyd, b.confirm(&new)).await, "BOOKED");
    let mut tokens: Vec<FencingToken> = Vec::new();
    for change in b.stream(room).await.into_iter().flat_map(|r| r.changes) {
        if let Change::HoldGranted(hold) = change {
            assert!(tokens.iter().all(|t| *t < hold.token));
            tokens.push(hold.token);
        }
    }
    assert_eq!(tokens.len(), 2);
}

pub(super) async fn a_late_release_does_nothing_to_another_hold(b: &Bench) {
    let room = b.room(1).await;
    let old = b.held(b.ben, room, hours(9, 10)).await;
    b.clock.set(old.expires_at);
    let new = b.held(b.cyd, room, hours(9, 10)).await;
    assert_eq!(b.says(b.ben, Action::Release(named(&old))).await, "ACCEPTED");
    assert_eq!(b.says(b.ben, Action::Renew(named(&old))).await, "hold_expired");
    assert_eq!(b.says(b.ben, Action::Release(named(&new))).await, "not_allowed");
    assert_eq!(b.says(b.cyd, Action::Release(HoldRef { id: new.id, token: old.token })).await, "hold_superseded");
    assert_eq!((b.version(room).await, b.calendar(room).await.holds.len()), (3, 1));
    assert_eq!(b.says(b.cyd, Action::Release(named(&new))).await, "ACCEPTED");
    assert_eq!(ends(&b.last(room).await.changes), [HoldEnd::Released]);
    assert_eq!(b.says(b.ben, b.book(b.ben, room, hours(9, 10))).await, "BOOKED");
}

pub(super) async fn an_admin_says_how_long_a_hold_lasts(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    let set = |until: Option<Instant>| Action::SetHold { hold: hold.id, until, reason: WHY.into() };
    let later = hold.granted_at.plus(Span::seconds(120));
    assert_eq!(b.says(b.ben, set(Some(later))).await, "not_allowed");
    assert_eq!(b.says(b.ada, set(Some(hold.granted_at))).await, "invalid");
    assert_eq!(b.says(b.ada, set(Some(hold.granted_at.plus(Span::seconds(301))))).await, "quota_exceeded");
    assert_eq!(b.says(b.ada, set(Some(later))).await, "ACCEPTED");
    let [Change::HoldOverrode { until, .. }, Change::HoldRenewed(longer)] = &b.last(room).await.changes[..] else {
        panic!("{:?}", b.last(room).await)
    };
    assert_eq!((*until, longer.expires_at, longer.token), (Some(later), later, hold.token));
    // Past its first end it counts, and to the new one it does no more.
    b.clock.set(later.minus(Span(1)));
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, hours(9, 10))).await, "held_by_other");
    b.clock.set(later);
    assert_eq!(b.says(b.ada, set(Some(later.plus(Span::seconds(9))))).await, "hold_expired");
    assert_eq!(b.says(b.ada, set(None)).await, "ACCEPTED", "what has ended needs no end");

    let hold = b.held(b.ben, room, hours(9, 10)).await;
    let end = Action::SetHold { hold: hold.id, until: None, reason: WHY.into() };
    assert_eq!(b.says(b.ada, end).await, "ACCEPTED");
    assert_eq!(ends(&b.last(room).await.changes), [HoldEnd::Voided]);
    assert_eq!(b.says(b.ben, b.confirm(&hold)).await, "hold_superseded");
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, hours(9, 10))).await, "BOOKED");
    let told = b.views.notices_of(b.ben, NoticeId::LAST, 10).await.unwrap();
    assert_eq!(told.iter().map(|n| n.notice.news).collect::<Vec<_>>(), [News::HoldEnded, News::HoldSet]);
}

pub(super) async fn ten_live_holds_and_no_more(b: &Bench) {
    let mut rooms = Vec::new();
    for _ in 0..12 {
        rooms.push(b.room(1).await);
    }
    let first = b.held(b.ben, rooms[0], hours(9, 10)).await;
    b.clock.step(Span::seconds(1));
    for room in &rooms[1..10] {
        b.held(b.ben, *room, hours(9, 10)).await;
    }
    let refused = rejection(&b.send(b.ben, b.hold(rooms[10], hours(9, 10))).await);
    assert_eq!((refused.code.name(), refused.retry_at), ("quota_exceeded", Some(first.expires_at)));
    assert_eq!(b.says(b.cyd, b.hold(rooms[10], hours(9, 10))).await, "ACCEPTED");
    // The limit is at an instant: what expired does not count, swept or not.
    b.clock.set(first.expires_at);
    assert_eq!(b.says(b.ben, b.hold(rooms[11], hours(9, 10))).await, "ACCEPTED");
    assert_eq!(b.says(b.ben, b.hold(rooms[0], hours(9, 10))).await, "quota_exceeded");
}

pub(super) async fn renewals_are_bounded(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    for _ in 0..10 {
        b.clock.step(Span::seconds(25));
        assert_eq!(b.says(b.ben, Action::Renew(named(&hold))).await, "ACCEPTED");
    }
    b.clock.step(Span::seconds(25));
    assert_eq!(b.says(b.ben, Action::Renew(named(&hold))).await, "quota_exceeded");
    b.clock.step(Span::seconds(5));
    assert_eq!(b.says(b.cyd, b.hold(room, hours(9, 10))).await, "ACCEPTED");
}

fn block(b: &Bench, resource: ResourceId, interval: Interval, policy_version: u64, over_holds: OverHolds) -> Action {
    let block = BlockId(b.ids.fresh());
    Action::AddBlock {
        resource,
        policy_version,
        block,
        interval,
        reason: "paint".into(),
        over_holds,
        over_bookings: OverBookings::Refuse,
        exceptions: Exceptions::default(),
    }
}

pub(super) async fn a_block_over_holds_is_explicit(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    let refused = rejection(&b.send(b.ada, block(b, room, hours(8, 12), 1, OverHolds::Refuse)).await);
    assert_eq!((refused.code.name(), refused.retry_at), ("held_by_other", Some(hold.expires_at)));
    assert_eq!(b.says(b.ada, block(b, room, hours(8, 12), 1, OverHolds::Void)).await, "ACCEPTED");
    assert_eq!(ends(&b.last(room).await.changes), [HoldEnd::Voided]);
    assert_eq!(b.says(b.ben, b.confirm(&hold)).await, "blocked");

    let free = b.held(b.ben, room, hours(13, 14)).await;
    let answers = b
        .at_once(vec![
            b.request(b.ben, b.confirm(&free)),
            b.request(b.ada, block(b, room, hours(13, 15), 2, OverHolds::Void)),
        ])
        .await;
    let told = (told(&answers[0]), told(&answers[1]));
    let told = (told.0.as_str(), told.1.as_str());
    assert!(matches!(told, ("BOOKED", "full") | ("blocked", "ACCEPTED")), "{told:?}");
}

pub(super) async fn a_hold_outlives_its_engine(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    let engine = b.another_engine(b.clock.clone());
    assert_eq!(told(&engine.execute(b.request(b.cyd, b.hold(room, hours(9, 10)))).await), "held_by_other");
    assert_eq!(told(&engine.execute(b.request(b.ben, b.confirm(&hold))).await), "BOOKED");
}

pub(super) async fn an_expired_confirm_lets_the_hold_go(b: &Bench) {
    let room = b.room(1).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    b.clock.set(hold.expires_at);
    let answer = b.send(b.ben, b.confirm(&hold)).await;
    let refused = rejection(&answer);
    assert_eq!((refused.code.name(), refused.witness), ("hold_expired", Some(Witness::Instant(hold.expires_at))));
    assert_eq!(decided(&answer), [(room, 3)]);
    assert_eq!(ends(&b.last(room).await.changes), [HoldEnd::Expired]);
    assert_eq!(b.calendar(room).await.holds.len(), 0);
    // Wanted by nobody else, and refused again all the same.
    assert_eq!(b.says(b.ben, b.confirm(&hold)).await, "hold_expired");
    assert_eq!(b.version(room).await, 3);
}

pub(super) async fn a_refused_confirm_lets_the_hold_go(b: &Bench) {
    let policy = Policy { book_by: Some(Cutoff::Elapsed(Span::hours(24))), ..Policy::default() };
    let room = b.resource(with_policy(1, policy)).await;
    let cutoff = hours(9, 10).start().minus(Span::hours(24));
    b.clock.set(cutoff.minus(Span::seconds(10)));
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    b.clock.set(cutoff);
    assert!(!hold.expired(b.clock.now()));
    let answer = b.send(b.ben, b.confirm(&hold)).await;
    let refused = rejection(&answer);
    assert_eq!((refused.code.name(), refused.witness), ("past_cutoff", Some(Witness::Instant(cutoff))));
    assert_eq!(decided(&answer), [(room, 3)]);
    assert_eq!(ends(&b.last(room).await.changes), [HoldEnd::Released]);
    assert_eq!(b.views.holds_of(b.ben).await.unwrap(), []);
}

pub(super) async fn deadlines_free_what_expired(b: &Bench) {
    let (early, late) = (b.room(1).await, b.room(1).await);
    let first = b.held(b.ben, early, hours(9, 10)).await;
    b.clock.step(Span::seconds(5));
    let second = b.held(b.ben, late, hours(9, 10)).await;
    let due = [(first.expires_at, early), (second.expires_at, late)];
    assert_eq!(b.store.due(Some(first.expires_at.minus(Span(1))), 10).await.unwrap(), []);
    assert_eq!(b.store.due(Some(second.expires_at), 10).await.unwrap(), due);
    assert_eq!(b.store.due(Some(second.expires_at), 1).await.unwrap(), due[..1]);

    b.clock.set(first.expires_at);
    fire_due(&b.engine).await;
    assert_eq!((b.calendar(early).await.holds.len(), b.calendar(late).await.holds.len()), (0, 1));
    let record = b.last(early).await;
    assert_eq!((record.actor, ends(&record.changes)), (Actor::System, vec![HoldEnd::Expired]));
    assert_eq!(b.store.due(None, 10).await.unwrap(), []);
    let version = b.version(early).await;
    fire_due(&b.engine).await;
    assert_eq!(b.version(early).await, version);
}

/// Two engines whose own clocks are an hour off, each way: what falls due falls due when the store says so.
pub(super) async fn deadlines_go_by_the_store_s_clock(b: &Bench) {
    let room = b.room(1).await;
    for off in [Span::hours(-1), Span::hours(1)] {
        let hold = b.held(b.ben, room, hours(9, 10)).await;
        let engine = b.another_engine(TestClock::at(b.clock.now().plus(off)));
        b.clock.set(hold.expires_at.minus(Span(1)));
        assert_eq!((fire_due(&engine).await, b.calendar(room).await.holds.len()), (0, 1), "nothing is hastened");
        b.clock.set(hold.expires_at);
        assert_eq!((fire_due(&engine).await, b.calendar(room).await.holds.len()), (1, 0), "nothing is delayed");
        assert_eq!(b.last(room).await.decided_at, hold.expires_at);
    }
}
