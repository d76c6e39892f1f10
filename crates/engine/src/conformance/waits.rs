//! Those who wait: promoted in the commit that frees the unit, before every newcomer, and by deadlines where one commit is not enough.
//! Whose turn it is, is the domain's tests' to try; here a store must load what that takes, and write all of it at once.

use super::kit::{Bench, count, decided, hours, minute, recorded, told, with_policy};
use crate::attempt::{Answer, Ids, Request};
use crate::deadlines;
use crate::port::{Clock, Made, Noted, NoticeId};
use slotwise_domain::{
    Action, BookingId, BookingRef, Change, Cutoff, EntryEnd, EntryId, Hold, HoldEnd, Interval, Line, Measure, News,
    OwnOverlap, Period, PersonId, Policy, Quota, QuotaScope, ResourceId, ResourcePatch, Span, WaitEntry, WaitFill,
    WaitMode, Waitlist, Wants,
};

pub(super) fn waitlist(mode: WaitMode) -> Policy {
    Policy { waitlist: Some(Waitlist { mode, fill: WaitFill::Skip, capacity: None }), ..Policy::default() }
}

fn one_at_a_time() -> Policy {
    Policy { own_overlap: OwnOverlap::Refuse, ..waitlist(WaitMode::Book) }
}

const OFFER: WaitMode = WaitMode::Offer { ttl: Span::minutes(10) };

pub(super) fn join(b: &Bench, owner: PersonId, resource: ResourceId, at: Interval, gives: Option<BookingId>) -> Action {
    let line = Line { resource, interval: Some(at), units: 1 };
    Action::JoinWaitlist { entry: EntryId(b.ids.fresh()), owner, line, class: 0, gives_up: gives, wants: Wants::Units }
}

async fn waits(b: &Bench, who: PersonId, resource: ResourceId, at: Interval) -> WaitEntry {
    match b.send(who, join(b, who, resource, at, None)).await {
        Answer::Decided(_, Some(Made::Entry(entry, None, place))) => {
            assert_eq!(b.calendar(resource).await.place_in_line(entry.id), Some(place));
            *entry
        }
        other => panic!("does not wait: {other:?}"),
    }
}

async fn ends(b: &Bench, who: PersonId) -> Vec<(EntryId, Option<EntryEnd>)> {
    let entries = b.views.entries_of(who, 100).await.unwrap();
    entries.into_iter().map(|(entry, end)| (entry.id, end)).collect()
}

fn cancel(booking: BookingId) -> Action {
    Action::Cancel { booking, reason: None }
}

pub(super) async fn a_cancel_promotes_in_its_own_commit(b: &Bench) {
    let room = b.resource(with_policy(1, waitlist(WaitMode::Book))).await;
    let theirs = b.booked(b.ben, room, hours(9, 10)).await;
    let entry = waits(b, b.cyd, room, hours(9, 10)).await;
    assert_eq!(ends(b, b.cyd).await, [(entry.id, None)]);
    let answer = b.send(b.ben, cancel(theirs.id)).await;
    assert_eq!((told(&answer).as_str(), decided(&answer).len()), ("ACCEPTED", 1));
    let record = b.last(room).await;
    let [Change::BookingCancelled { .. }, Change::BookingMade { booking, owner, .. }, Change::WaitEnded(ended), ..] =
        &record.changes[..]
    else {
        panic!("not one record: {record:?}")
    };
    assert_eq!((*booking, *owner, ended.entry.id), (entry.booking(), b.cyd, entry.id));
    let promoted = b.views.booking(entry.booking()).await.unwrap().unwrap();
    assert_eq!(promoted.made_by, slotwise_domain::Actor::Person(b.cyd), "whoever cancelled did not make it");
    assert_eq!(ends(b, b.cyd).await, [(entry.id, Some(EntryEnd::Promoted { booking: entry.booking() }))]);
    assert_eq!(b.views.history(entry.booking(), 10).await.unwrap(), [record]);
    assert_eq!(b.says(b.cyd, Action::LeaveWaitlist { entry: entry.id }).await, "ACCEPTED");
    assert_eq!(b.says(b.cyd, cancel(entry.booking())).await, "ACCEPTED");
}

pub(super) async fn newcomers_never_get_what_is_owed(b: &Bench) {
    for mode in [WaitMode::Book, OFFER] {
        let room = b.resource(with_policy(1, waitlist(mode))).await;
        let theirs = b.booked(b.ben, room, hours(9, 10)).await;
        let entry = waits(b, b.cyd, room, hours(9, 10)).await;
        let mut requests: Vec<Request> = (0..40).map(|_| b.request(b.ada, b.book(b.ada, room, hours(9, 10)))).collect();
        requests.insert(20, b.request(b.ben, cancel(theirs.id)));
        requests.extend((0..10).map(|_| b.request(b.ada, b.hold(room, hours(9, 10)))));
        let answers = b.at_once(requests).await;
        assert_eq!((count(&answers, "BOOKED"), count(&answers, "ACCEPTED")), (0, 1), "{answers:?}");
        let calendar = b.calendar(room).await;
        let has = calendar.uses.values().next().unwrap();
        assert_eq!((calendar.uses.len(), has.owner), (1, b.cyd));
        assert_eq!(calendar.entry(entry.id).is_some(), mode == OFFER);
    }
}

pub(super) async fn a_cancel_and_a_leave_make_a_serial_order(b: &Bench) {
    for _ in 0..10 {
        let room = b.resource(with_policy(1, waitlist(WaitMode::Book))).await;
        let theirs = b.booked(b.ben, room, hours(9, 10)).await;
        let (first, second) = (waits(b, b.cyd, room, hours(9, 10)).await, waits(b, b.ada, room, hours(9, 10)).await);
        let leave = Action::LeaveWaitlist { entry: first.id };
        let answers = b.at_once(vec![b.request(b.ben, cancel(theirs.id)), b.request(b.cyd, leave)]).await;
        assert_eq!(count(&answers, "ACCEPTED"), 2);
        let calendar = b.calendar(room).await;
        let has: Vec<PersonId> = calendar.uses.values().map(|u| u.owner).collect();
        let left = ends(b, b.cyd).await.contains(&(first.id, Some(EntryEnd::Left)));
        assert_eq!(has, [if left { b.ada } else { b.cyd }], "no unit lies idle");
        assert_eq!(calendar.entry(second.id).is_some(), !left);
    }
}

pub(super) async fn offers_go_on_by_deadlines(b: &Bench) {
    let room = b.resource(with_policy(1, waitlist(OFFER))).await;
    let theirs = b.booked(b.ben, room, hours(9, 10)).await;
    let (first, second) = (waits(b, b.cyd, room, hours(9, 10)).await, waits(b, b.ada, room, hours(9, 10)).await);
    assert_eq!(b.says(b.ben, cancel(theirs.id)).await, "ACCEPTED");
    let offer: Hold = *b.calendar(room).await.holds.values().next().unwrap();
    assert_eq!((offer.holder, offer.offer), (b.cyd, Some(first.id)));
    assert_eq!(b.views.holds_of(b.cyd).await.unwrap(), [offer]);
    assert_eq!(b.store.due(Some(offer.expires_at), 10).await.unwrap(), [(offer.expires_at, room)]);
    b.clock.set(offer.expires_at);
    assert_eq!(b.says(b.ben, b.book(b.ben, room, hours(9, 10))).await, "waitlist_first");
    assert_eq!(deadlines::fire_due(&b.engine).await, 1);
    let next: Hold = *b.calendar(room).await.holds.values().next().unwrap();
    assert_eq!((next.holder, next.offer), (b.ada, Some(second.id)));
    assert_eq!(ends(b, b.cyd).await, [(first.id, Some(EntryEnd::Lapsed))]);
    assert_eq!(b.says(b.cyd, b.confirm(&offer)).await, "hold_expired");
    let answer = b.send(b.ada, b.confirm(&next)).await;
    let Answer::Decided(_, Some(Made::Booking(booking))) = &answer else { panic!("{answer:?}") };
    assert_eq!(told(&answer), "BOOKED");
    assert_eq!(ends(b, b.ada).await, [(second.id, Some(EntryEnd::Promoted { booking: booking.id }))]);
    let ended =
        b.store.observe(slotwise_domain::Scope { holds: [next.id].into(), ..Default::default() }).await.unwrap();
    assert_eq!(ended.holds[&next.id].1.map(|e| (e.end, e.hold.offer)), Some((HoldEnd::Consumed, Some(second.id))));
}

pub(super) async fn offers_of_one_commit_have_their_own_tokens(b: &Bench) {
    let room = b.resource(with_policy(2, waitlist(OFFER))).await;
    let answer = b.send(b.ben, b.booking(b.ben, &[(room, hours(9, 10), 2)], None)).await;
    let Answer::Decided(_, Some(Made::Booking(theirs))) = answer else { panic!("{answer:?}") };
    let entries = (waits(b, b.cyd, room, hours(9, 10)).await, waits(b, b.ada, room, hours(9, 10)).await);
    assert_eq!(b.says(b.ben, cancel(theirs.id)).await, "ACCEPTED");
    let calendar = b.calendar(room).await;
    let offer = |entry: &WaitEntry| *calendar.holds.values().find(|h| h.offer == Some(entry.id)).unwrap();
    let (cyds, adas) = (offer(&entries.0), offer(&entries.1));
    assert_eq!((cyds.token.0, adas.token.0), (calendar.version, calendar.version), "granted at one version");
    assert_ne!(cyds.token, adas.token, "and never with one token");
    assert_eq!(b.views.holds_of(b.ada).await.unwrap(), [adas]);
    assert_eq!(b.says(b.ada, b.confirm(&Hold { token: cyds.token, ..adas })).await, "hold_superseded");
    assert_eq!(b.says(b.ada, b.confirm(&adas)).await, "BOOKED");
    assert_eq!(b.says(b.cyd, b.confirm(&cyds)).await, "BOOKED");
}

pub(super) async fn a_hundred_at_once_and_the_rest_right_after(b: &Bench) {
    let all = 130;
    let room = b.resource(with_policy(1, waitlist(WaitMode::Book))).await;
    b.booked(b.ben, room, hours(9, 10)).await;
    let mut waiting = Vec::new();
    for n in 0..all {
        let who = b.member(&format!("Waiter {n}")).await;
        waiting.push((who, waits(b, who, room, hours(9, 10)).await));
    }
    let policy_version = b.calendar(room).await.resource.policy_version;
    let patch = Box::new(ResourcePatch { capacity: Some(Some(121)), ..ResourcePatch::default() });
    let raised = b.says(b.ada, Action::EditResource { resource: room, policy_version, patch }).await;
    assert_eq!(raised, "ACCEPTED");
    let calendar = b.calendar(room).await;
    assert_eq!((calendar.waiting.len(), calendar.wait_due), (all - 100, Some(b.clock.now())));
    assert_eq!(b.says(b.ben, b.book(b.ben, room, hours(9, 10))).await, "waitlist_first", "it is owed until then");
    assert_eq!(deadlines::fire_due(&b.engine).await, 1);
    let calendar = b.calendar(room).await;
    assert_eq!(calendar.waiting.len(), all - 120);
    assert!(b.store.due(None, 10).await.unwrap().is_empty(), "and that was all");
    let left: Vec<EntryId> = calendar.waiting.values().map(|e| e.id).collect();
    assert_eq!(left, waiting[120..].iter().map(|(_, e)| e.id).collect::<Vec<_>>(), "in order");
}

pub(super) async fn whom_a_cancel_frees_has_their_turn_elsewhere(b: &Bench) {
    let [here, there] =
        [b.resource(with_policy(1, one_at_a_time())).await, b.resource(with_policy(1, one_at_a_time())).await];
    let theirs = b.booked(b.ben, there, hours(9, 10)).await;
    waits(b, b.cyd, there, hours(9, 10)).await;
    let mine = b.booked(b.cyd, here, hours(9, 10)).await;
    assert_eq!(b.says(b.ben, cancel(theirs.id)).await, "ACCEPTED");
    assert!(b.calendar(there).await.uses.is_empty(), "they have another at that time");
    let answer = b.send(b.cyd, cancel(mine.id)).await;
    let mut touched: Vec<ResourceId> = recorded(&answer).decision.decided.iter().map(|(id, _)| *id).collect();
    touched.sort();
    let mut both = [here, there];
    both.sort();
    assert_eq!(touched, both);
    assert_eq!(b.calendar(there).await.uses.values().map(|u| u.owner).collect::<Vec<_>>(), [b.cyd]);
}

/// Of whoever moves, of those who wait here, of whom it frees, of where they wait, of who waits there: one asks after the other.
pub(super) async fn a_move_asks_as_often_as_it_must(b: &Bench) {
    let quota = Quota { most: 3, counts: Measure::Units, period: Period::All, scope: QuotaScope::Resource };
    let limited = || Policy { quota: Some(quota), ..waitlist(WaitMode::Book) };
    let [here, there] = [b.resource(with_policy(1, limited())).await, b.resource(with_policy(1, limited())).await];
    b.booked(b.ben, there, hours(9, 10)).await;
    waits(b, b.cyd, there, hours(9, 10)).await;
    let mine = b.booked(b.cyd, here, hours(9, 10)).await;
    let entry = waits(b, b.ada, here, hours(9, 10)).await;
    let answer = b.send(b.cyd, b.relocate(mine.id, &[(here, hours(11, 12), 1)])).await;
    assert_eq!((told(&answer).as_str(), decided(&answer).len()), ("ACCEPTED", 1));
    assert_eq!(ends(b, b.ada).await, [(entry.id, Some(EntryEnd::Promoted { booking: entry.booking() }))]);
}

pub(super) async fn what_is_given_up_is_somebody_else_s(b: &Bench) {
    let [one, two] =
        [b.resource(with_policy(1, one_at_a_time())).await, b.resource(with_policy(1, one_at_a_time())).await];
    let (theirs, mine) = (b.booked(b.ben, one, hours(9, 10)).await, b.booked(b.cyd, two, hours(9, 10)).await);
    assert_eq!(b.says(b.cyd, join(b, b.cyd, one, hours(9, 10), None)).await, "own_overlap");
    assert_eq!(b.says(b.cyd, join(b, b.cyd, one, hours(9, 10), Some(mine.id))).await, "ACCEPTED");
    waits(b, b.ada, two, hours(9, 10)).await;
    let answer = b.send(b.ben, cancel(theirs.id)).await;
    assert_eq!(recorded(&answer).decision.decided.len(), 2);
    assert_eq!(b.state_of(mine.id).await, "cancelled");
    for (room, has) in [(one, b.cyd), (two, b.ada)] {
        assert_eq!(b.calendar(room).await.uses.values().map(|u| u.owner).collect::<Vec<_>>(), [has]);
    }
}

pub(super) async fn one_commit_joins_cancels_and_promotes(b: &Bench) {
    let room = b.resource(with_policy(1, waitlist(WaitMode::Book))).await;
    let theirs = b.booked(b.ben, room, hours(9, 10)).await;
    let batch = vec![
        b.proposal(b.cyd, join(b, b.cyd, room, hours(9, 10), None)),
        b.proposal(b.ben, cancel(theirs.id)),
        b.proposal(b.ada, b.book(b.ada, room, hours(9, 10))),
        b.proposal(b.ada, join(b, b.ada, room, hours(9, 10), None)),
    ];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "ACCEPTED", "full", "ACCEPTED"]);
    let calendar = b.calendar(room).await;
    assert_eq!(calendar.uses.values().map(|u| u.owner).collect::<Vec<_>>(), [b.cyd]);
    assert_eq!(calendar.waiting.len(), 1);
}

pub(super) async fn what_waits_lapses_in_time(b: &Bench) {
    let room = b.resource(with_policy(1, waitlist(WaitMode::Book))).await;
    b.booked(b.ben, room, hours(9, 10)).await;
    let entry = waits(b, b.cyd, room, hours(9, 10)).await;
    let late = minute(10 * 60);
    assert_eq!(b.store.due(Some(late), 10).await.unwrap(), [(late, room)]);
    assert!(b.store.due(Some(late.minus(Span(1))), 10).await.unwrap().is_empty());
    b.clock.set(late);
    assert_eq!(deadlines::fire_due(&b.engine).await, 1);
    assert_eq!(ends(b, b.cyd).await, [(entry.id, Some(EntryEnd::Lapsed))]);
    assert!(b.store.due(Some(late), 10).await.unwrap().is_empty());
}

/// Whoever could not have what a newcomer got, when the newcomer got it, may be able to by the end of the same commit. Nobody was
/// passed over.
pub(super) async fn whom_a_later_cancel_frees_was_not_passed_over(b: &Bench) {
    let (room, other) =
        (b.resource(with_policy(1, one_at_a_time())).await, b.resource(with_policy(1, one_at_a_time())).await);
    let theirs = b.booked(b.ben, room, hours(9, 10)).await;
    let entry = waits(b, b.cyd, room, hours(9, 10)).await;
    let meanwhile = b.booked(b.cyd, other, hours(9, 10)).await;
    // It comes free, and whoever waits is elsewhere at that time.
    assert_eq!(b.says(b.ben, cancel(theirs.id)).await, "ACCEPTED");
    assert_eq!(ends(b, b.cyd).await, [(entry.id, None)]);
    let newcomer = b.proposal(b.ada, b.book(b.ada, room, hours(9, 10)));
    let batch = vec![newcomer, b.proposal(b.cyd, cancel(meanwhile.id))];
    assert_eq!(b.commit(batch).await, ["BOOKED", "ACCEPTED"]);
    assert_eq!(ends(b, b.cyd).await, [(entry.id, None)]);
}

pub(super) async fn word_comes_in_the_commit_that_frees_it(b: &Bench) {
    let room = b.room(1).await;
    let theirs = b.booked(b.ben, room, hours(9, 10)).await;
    let line = Line { resource: room, interval: Some(hours(9, 10)), units: 1 };
    let watch = |who: PersonId| {
        let entry = EntryId(b.ids.fresh());
        (entry, Action::JoinWaitlist { entry, owner: who, line, class: 0, gives_up: None, wants: Wants::Word })
    };
    let ((cyds, one), (adas, other)) = (watch(b.cyd), watch(b.ada));
    assert_eq!(b.says(b.cyd, one).await, "ACCEPTED");
    assert_eq!(b.says(b.ada, other).await, "ACCEPTED");
    assert_eq!(b.says(b.cyd, watch(b.cyd).1).await, "invalid");
    let calendar = b.calendar(room).await;
    assert_eq!(calendar.watching.values().map(|e| e.id).collect::<Vec<_>>(), [cyds, adas]);
    assert_eq!((calendar.waiting.len(), calendar.wait_due), (0, Some(hours(9, 10).start())));
    assert_eq!(b.says(b.ada, Action::LeaveWaitlist { entry: adas }).await, "ACCEPTED");
    let answer = b.send(b.ben, cancel(theirs.id)).await;
    assert_eq!((told(&answer).as_str(), decided(&answer).len()), ("ACCEPTED", 1));
    let record = b.last(room).await;
    let [Change::BookingCancelled { .. }, Change::WaitEnded(ended), Change::WaitDue(None)] = &record.changes[..] else {
        panic!("not one record: {record:?}")
    };
    assert_eq!((ended.entry.id, ended.end), (cyds, EntryEnd::Told));
    assert_eq!(ends(b, b.cyd).await, [(cyds, Some(EntryEnd::Told))]);
    let notices = b.views.notices_of(b.cyd, NoticeId::LAST, 10).await.unwrap();
    assert_eq!(notices.iter().map(|n| n.notice.news).collect::<Vec<_>>(), [News::Free]);
    assert!(b.views.notices_of(b.ada, NoticeId::LAST, 10).await.unwrap().is_empty(), "who left hears no more");
    assert_eq!(b.says(b.ben, b.book(b.ben, room, hours(9, 10))).await, "BOOKED", "nothing is kept");
    // Too late: it has begun.
    let (entry, again) = watch(b.cyd);
    assert_eq!(b.says(b.cyd, again).await, "ACCEPTED");
    b.clock.set(hours(9, 10).start());
    assert_eq!(deadlines::fire_due(&b.engine).await, 1);
    assert_eq!(ends(b, b.cyd).await[0], (entry, Some(EntryEnd::Lapsed)));
    assert_eq!(b.views.notices_of(b.cyd, NoticeId::LAST, 10).await.unwrap().len(), 1);
}

/// Cancelling is too late two hours before, and half an hour before that one is reminded.
fn reminding() -> Policy {
    let (before, cancel_by) = (Span::minutes(30), Cutoff::Elapsed(Span::hours(2)));
    Policy { remind_before: Some(before), cancel_by: Some(cancel_by), ..Policy::default() }
}

pub(super) async fn a_reminder_is_told_once_by_a_deadline(b: &Bench) {
    let room = b.resource(with_policy(1, reminding())).await;
    let (stays, goes, moves) = (
        b.booked(b.ben, room, hours(9, 10)).await,
        b.booked(b.cyd, room, hours(10, 11)).await,
        b.booked(b.cyd, room, hours(11, 12)).await,
    );
    let remind_at = hours(9, 10).start().minus(Span::minutes(150));
    assert!(b.store.due(Some(remind_at.minus(Span::seconds(1))), 10).await.unwrap().is_empty());
    b.clock.set(remind_at.plus(Span::seconds(1)));
    assert_eq!(deadlines::fire_due(&b.engine).await, 1);
    assert_eq!(deadlines::fire_due(&b.engine).await, 0, "and that was all");
    let record = b.last(room).await;
    assert_eq!((record.actor, record.changes.len()), (slotwise_domain::Actor::System, 2));
    let cutoff = hours(9, 10).start().minus(Span::hours(2));
    assert_eq!(record.changes[0], Change::Reminded { booking: stays.id, owner: b.ben, cutoff });
    assert_eq!(b.says(b.cyd, cancel(goes.id)).await, "ACCEPTED");
    let to = vec![Line { resource: room, interval: Some(hours(20, 21)), units: 1 }];
    let booking = BookingRef { id: moves.id, revision: None };
    assert_eq!(b.says(b.cyd, Action::Move { booking, to }).await, "ACCEPTED");
    b.clock.set(hours(12, 13).start());
    assert_eq!(deadlines::fire_due(&b.engine).await, 0, "who gave it up or moved it is not reminded of it");
    b.booked(b.ada, room, hours(14, 15)).await;
    b.clock.set(hours(20, 21).start());
    assert_eq!(deadlines::fire_due(&b.engine).await, 1);
    let news = |notices: Vec<Noted>| notices.into_iter().map(|n| (n.notice.news, n.notice.booking)).collect::<Vec<_>>();
    let of = async |who| news(b.views.notices_of(who, NoticeId::LAST, 10).await.unwrap());
    assert_eq!(of(b.ben).await, [(News::Reminder, stays.id)]);
    assert_eq!(of(b.cyd).await, [], "it was too late when it was looked");
    assert_eq!(of(b.ada).await, [], "who booked within the time knows");
}

pub(super) async fn one_s_own_command_may_come_upon_it(b: &Bench) {
    let room = b.resource(with_policy(1, reminding())).await;
    let soon = b.booked(b.ben, room, hours(9, 10)).await;
    let hold = b.held(b.cyd, room, hours(20, 21)).await;
    let line = Line { resource: room, interval: Some(hours(20, 21)), units: 1 };
    let entry = EntryId(b.ids.fresh());
    let watch = Action::JoinWaitlist { entry, owner: b.ben, line, class: 0, gives_up: None, wants: Wants::Word };
    assert_eq!(b.says(b.ben, watch).await, "ACCEPTED");
    b.clock.set(hours(9, 10).start().minus(Span::minutes(149)));
    assert!(hold.expires_at < b.clock.now());
    b.booked(b.ben, room, hours(14, 15)).await;
    let told = b.views.notices_of(b.ben, NoticeId::LAST, 10).await.unwrap();
    let mut told: Vec<_> = told.iter().map(|n| (n.notice.news, n.notice.booking)).collect();
    told.sort();
    assert_eq!(told, [(News::Free, BookingId(entry.0)), (News::Reminder, soon.id)], "though it was their own command");
}

pub(super) async fn a_full_class_is_reminded_in_pieces(b: &Bench) {
    let all = 250;
    let class = b.resource(with_policy(all, reminding())).await;
    for _ in 0..all {
        b.booked(b.ben, class, hours(9, 10)).await;
    }
    b.clock.set(hours(9, 10).start().minus(Span::minutes(140)));
    let mut commits = 0;
    while deadlines::fire_due(&b.engine).await > 0 {
        commits += 1;
        assert!(b.last(class).await.changes.len() <= 101, "at most a hundred at once");
    }
    assert_eq!(commits, 3);
    let reminded = b.stream(class).await.into_iter().flat_map(|r| r.changes).filter_map(|change| match change {
        Change::Reminded { booking, .. } => Some(booking),
        _ => None,
    });
    let reminded: Vec<BookingId> = reminded.collect();
    let each: std::collections::BTreeSet<_> = reminded.iter().collect();
    assert_eq!((reminded.len(), each.len()), (all as usize, all as usize), "each once");
}
