//! The same commits to the store and to the reference store, and the same answers from both.
//! What is sent comes from a fixed seed: a run that fails once fails always.

use super::START;
use super::kit::{Bench, assert_same};
use super::random::{Chance, Known, learn, looked, prepared, proposal};
use crate::as_of::{Moment, as_of};
use crate::catalogue::read;
use crate::dry_run::DryRun;
use crate::memory::Memory;
use crate::port::{
    Attempt, AttemptFilter, BookingFilter, Clock, Directory, Made, PersonCard, ResourceFilter, Settled, Store,
    Streamed, Views,
};
use crate::round::Judged;
use slotwise_domain::{
    Calendar, Code, Hold, Instant, Outcome, Proposal, ResourceId, Role, Scope, Span, UseId, Version, settle,
};
use std::collections::BTreeSet;

/// Whatever can be asked of both is answered alike.
async fn compare(b: &Bench, twin: &Memory, known: &Known) {
    let scope = Scope {
        resources: known.resources.iter().copied().collect(),
        bookings: known.bookings.iter().map(|b| b.id).collect(),
        holds: known.holds.iter().map(|h| h.id).collect(),
        people: known.people.iter().copied().collect(),
        roles: known.people.iter().copied().collect(),
        counted: known.people.iter().copied().collect(),
        facts: known.people.iter().copied().collect(),
        members: known.resources.iter().copied().collect(),
        entries: known.entries.iter().map(|e| e.id).collect(),
    };
    let mut ours = b.store.observe(scope.clone()).await.unwrap();
    let mut theirs = twin.observe(scope).await.unwrap();
    assert_eq!(ours.loaded, theirs.loaded);
    assert_eq!(ours.epoch, theirs.epoch);
    assert_eq!(ours.bookings, theirs.bookings);
    assert_eq!(ours.holds, theirs.holds);
    assert_eq!(ours.roles, theirs.roles);
    assert_eq!(ours.counted, theirs.counted);
    assert_eq!(ours.facts, theirs.facts);
    assert_eq!(ours.members, theirs.members);
    assert_eq!(ours.entries, theirs.entries);
    let past = b.clock.now().minus(Calendar::LOOKBACK);
    for person in ours.people.values_mut().chain(theirs.people.values_mut()) {
        person.exclusive.retain(|_, interval| interval.end() > past);
    }
    assert_eq!(ours.people, theirs.people);
    assert_eq!(ours.calendars.len(), theirs.calendars.len());
    for (id, calendar) in &ours.calendars {
        assert_same(calendar, &theirs.calendars[id], past);
        let zero = Version::zero(calendar.version.epoch);
        let ours: Streamed = b.store.stream(*id, zero, 10_000).await.unwrap();
        assert_eq!(ours, twin.stream(*id, zero, 10_000).await.unwrap());
    }
    let now = b.clock.now();
    for until in [now, now.plus(Span::seconds(20)), now.plus(Span::hours(1))] {
        assert_eq!(b.store.due(Some(until), 100).await.unwrap(), twin.due(Some(until), 100).await.unwrap());
    }
    let all = BookingFilter { max: 10_000, ..BookingFilter::default() };
    assert_eq!(b.views.bookings(all.clone()).await.unwrap(), twin.bookings(all).await.unwrap());
    let all = ResourceFilter { max: 10_000, ..ResourceFilter::default() };
    assert_eq!(read(b.views.catalogue()).resources(&all), read(twin.catalogue()).resources(&all));
    for booking in &known.bookings {
        let ours = b.views.history(booking.id, 100).await.unwrap();
        assert!(!ours.is_empty(), "what was made has a history");
        assert_eq!(ours, twin.history(booking.id, 100).await.unwrap());
    }
    for person in &known.people {
        let by_id = |mut holds: Vec<Hold>| {
            holds.sort_by_key(|h| h.id);
            holds
        };
        assert_eq!(by_id(b.views.holds_of(*person).await.unwrap()), by_id(twin.holds_of(*person).await.unwrap()));
        let ours = b.views.entries_of(*person, 100).await.unwrap();
        assert_eq!(ours, twin.entries_of(*person, 100).await.unwrap());
    }
}

/// The same answer; and where it shows a resource, the same of what is on it.
fn assert_answers(ours: &Settled, theirs: &Settled, past: Instant, what: &str) {
    match (ours, theirs) {
        (
            Settled::Decided(ours, Some(Made::Resource(on_ours))),
            Settled::Decided(theirs, Some(Made::Resource(on_theirs))),
        ) => {
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{what}");
            assert_same(on_ours, on_theirs, past);
        }
        (ours, theirs) => assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{what}"),
    }
}

fn time_passes(b: &Bench, chance: &mut Chance) {
    let spans = [Span::ZERO, Span::ZERO, Span::seconds(1), Span::seconds(10), Span::seconds(30), Span::minutes(20)];
    b.clock.step(chance.one(&spans));
}

async fn batch(b: &Bench, chance: &mut Chance, known: &Known) -> Vec<Proposal> {
    let mut batch = Vec::new();
    for _ in 0..1 + chance.below(8) {
        let proposal = proposal(b, chance, known);
        batch.push(looked(b, chance, proposal).await);
    }
    batch
}

async fn run(b: &Bench, seed: u64) {
    let mut chance = Chance(seed);
    let twin = Memory::new(b.clock.clone());
    for (id, name, role) in [(b.ada, "Ada", Role::Admin), (b.ben, "Ben", Role::Member), (b.cyd, "Cyd", Role::Member)] {
        twin.put_person(PersonCard { id, name: name.into(), title: "Teacher".into(), role }).await.unwrap();
    }
    let (mut known, first, second) = prepared(b);
    let mut batches = vec![first, second];
    for n in 0..80 {
        let batch = match batches.is_empty() {
            false => batches.remove(0),
            true => batch(b, &mut chance, &known).await,
        };
        known.sent.extend(batch.iter().cloned());
        let promised = promise(b, &mut chance, &batch[0], Span::minutes(5)).await;
        let ours = b.store.commit(batch.clone(), settle).await.unwrap();
        if let Some(promised) = promised {
            kept(&promised, &ours[0], &format!("batch {n} of seed {seed}: {:?}", batch[0]));
        }
        let theirs = twin.commit(batch.clone(), settle).await.unwrap();
        let past = b.clock.now().minus(Calendar::LOOKBACK);
        for ((ours, theirs), proposal) in ours.iter().zip(&theirs).zip(&batch) {
            assert_answers(ours, theirs, past, &format!("batch {n} of seed {seed}: {proposal:?}"));
        }
        assert_eq!(ours.len(), theirs.len());
        learn(&mut known, &ours);
        for calendar in b.views.calendars(known.resources.clone()).await.unwrap() {
            // A screen is never drawn before what it shows was decided, also where the clock was set back since.
            known.pictures.push((b.clock.now().max(calendar.decided_at), calendar));
        }
        if n % 8 == 7 {
            compare(b, &twin, &known).await;
        }
        time_passes(b, &mut chance);
        if chance.below(10) == 0 {
            b.clock.step_wall(Span::seconds(-1));
            b.clock.step_boot(Span::seconds(-1));
        }
    }
    compare(b, &twin, &known).await;
    remembered(b, &twin, &known).await;
}

/// What a dry run of the first of a batch says; time then passes up to the next instant that it names, but not more than so much.
async fn promise(b: &Bench, chance: &mut Chance, first: &Proposal, most: Span) -> Option<DryRun> {
    if b.store.recall(first.key).await.unwrap().is_some() {
        return None;
    }
    let promised = b.engine.dry_run(first.command.clone()).await.unwrap();
    let now = b.clock.now();
    let until = promised.deadlines.iter().map(|d| d.at).find(|at| *at > promised.at);
    let just_before = until.map_or(most, |at| Span(at.since(now).0 - 1)).min(most);
    if just_before > Span::ZERO && chance.below(2) == 0 {
        b.clock.step(just_before);
    }
    Some(promised)
}

/// The same versions and the same side of every deadline: the answer is what was promised.
fn kept(promised: &DryRun, settled: &Settled, what: &str) {
    match (&promised.would, settled) {
        (Judged::Decided(would, ..), Settled::Decided(did, _)) => {
            assert_eq!(would.decision.outcome, did.decision.outcome, "{what}");
            assert_eq!(would.decision.policies, did.decision.policies, "{what}");
            let ids = |of: &[(ResourceId, Version)]| of.iter().map(|(id, _)| *id).collect::<Vec<_>>();
            assert_eq!(ids(&would.decision.decided), ids(&did.decision.decided), "{what}");
        }
        (Judged::Failed(would), Settled::Failed(did)) => assert_eq!(would, did, "{what}"),
        // Keys are none of its business.
        (_, Settled::KeyReused | Settled::KeyExpired | Settled::EpochChanged | Settled::Replayed(_)) => {}
        (would, did) => panic!("{what}: {would:?} was promised, and it is {did:?}"),
    }
}

/// What was shown is told again, and the record is read alike from both ends.
async fn remembered(b: &Bench, twin: &Memory, known: &Known) {
    for (at, shown) in &known.pictures {
        let past = at.minus(Calendar::LOOKBACK);
        let moment = Moment { version: Some(shown.version), at: None };
        let then = as_of(&*b.views, shown.resource.id, moment).await.unwrap().unwrap();
        assert_same(&then.calendar, shown, past);
        let by_time = as_of(&*b.views, shown.resource.id, Moment { version: None, at: Some(*at) }).await;
        let by_time = by_time.unwrap().unwrap().calendar;
        assert!(by_time.version >= shown.version && by_time.decided_at <= *at, "{} at {at}", shown.resource.id);
        for id in then.bookings.keys() {
            let number = shown.version.number;
            let ours = b.views.booking_as_of(*id, shown.resource.id, number).await.unwrap();
            assert_eq!(ours, twin.booking_as_of(*id, shown.resource.id, number).await.unwrap());
            let booking = ours.unwrap();
            assert!(booking.slots_on(shown.resource.id).next().is_some(), "{booking:?}");
            let taken = shown.uses.values().any(|u| matches!(u.id, UseId::Booking(of, _) if of == *id));
            assert!(!taken || booking.slots.iter().any(|s| booking.state.takes(s)), "{booking:?}");
        }
    }
    let any = AttemptFilter { max: 7, look_max: 11, ..AttemptFilter::default() };
    let filters = [
        any.clone(),
        AttemptFilter { resource: Some(known.resources[0]), ..any.clone() },
        AttemptFilter { person: Some(b.ben), ..any.clone() },
        AttemptFilter { actor: Some(b.cyd.0), outcome: Some("REJECTED".into()), ..any.clone() },
        AttemptFilter { booking: known.bookings.first().map(|b| b.id), ..any.clone() },
        AttemptFilter { code: Some(Code::Full), ..any.clone() },
        AttemptFilter { from: Some(START.plus(Span::hours(1))), to: Some(START.plus(Span::hours(9))), ..any.clone() },
    ];
    for filter in filters {
        let (ours, theirs) = (pages(&*b.views, &filter).await, pages(twin, &filter).await);
        assert_eq!(ours, theirs, "{filter:?}");
        assert!(ours.len() <= known.sent.len());
        for attempt in ours.iter().take(5) {
            let key = attempt.recorded.key;
            assert_eq!(b.views.attempt(key).await.unwrap().as_ref(), Some(attempt));
        }
    }
    for id in &known.resources {
        let last = b.calendar(*id).await.version.number;
        for (after, upto) in [(0, last), (3, 5), (last - 1, last), (last, last + 9), (5, 5), (0, 70)] {
            let ours = b.views.records(*id, after, upto).await.unwrap();
            assert_eq!(ours, twin.records(*id, after, upto).await.unwrap(), "{after} to {upto}");
        }
    }
}

async fn pages(views: &dyn Views, filter: &AttemptFilter) -> Vec<Attempt> {
    let (mut before, mut all) = (None, Vec::new());
    loop {
        let page = views.attempts(AttemptFilter { before, ..filter.clone() }).await.unwrap();
        assert!(page.attempts.len() <= filter.max);
        all.extend(page.attempts);
        match page.next {
            Some(next) => before = Some(next),
            None => return all,
        }
    }
}

pub(super) async fn the_same_as_the_reference_store_1(b: &Bench) {
    run(b, 1).await;
}

pub(super) async fn the_same_as_the_reference_store_2(b: &Bench) {
    run(b, 2).await;
}

pub(super) async fn the_same_as_the_reference_store_3(b: &Bench) {
    run(b, 3).await;
}

/// What a dry run says of a command is what the command then gets on the same versions: of every kind of command, by whomever.
pub(super) async fn what_a_dry_run_says_is_what_one_gets(b: &Bench) {
    let mut chance = Chance(4);
    let (mut known, first, second) = prepared(b);
    let (mut kept_by, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for commit in [first, second] {
        learn(&mut known, &b.store.commit(commit, settle).await.unwrap());
    }
    for n in 0..2_000 {
        let fresh = proposal(b, &mut chance, &known);
        let proposal = looked(b, &mut chance, fresh).await;
        known.sent.push(proposal.clone());
        let promised = promise(b, &mut chance, &proposal, Span::seconds(20)).await;
        let settled = b.store.commit(vec![proposal.clone()], settle).await.unwrap();
        if let (Some(promised), [settled]) = (promised, &settled[..]) {
            kept(&promised, settled, &format!("command {n}: {proposal:?}"));
            match settled {
                Settled::Decided(recorded, _) => match &recorded.decision.outcome {
                    Outcome::Rejected(rejection) => drop(refused.insert(rejection.code.name())),
                    Outcome::Booked | Outcome::Accepted => drop(kept_by.insert(proposal.command.name())),
                },
                Settled::Failed(failure) => drop(refused.insert(failure.code.name())),
                _ => {}
            }
        }
        learn(&mut known, &settled);
        if n % 2 == 0 {
            time_passes(b, &mut chance);
        }
    }
    for name in [
        "book",
        "hold",
        "cancel",
        "move",
        "override",
        "set_capacity",
        "set_service",
        "hand_over",
        "add_block",
        "check_in",
        "release_no_show",
        "join_waitlist",
        "leave_waitlist",
    ] {
        assert!(kept_by.contains(name), "no {name} was promised and had: {kept_by:?}");
    }
    for code in ["invalid", "not_allowed", "full", "past_cutoff", "quota_exceeded", "version_stale"] {
        assert!(refused.contains(code), "no {code} was promised and told: {refused:?}");
    }
}
