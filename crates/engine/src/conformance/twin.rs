//! The same commits to the store and to the reference store, and the same answers from both.
//! What is sent comes from a fixed seed: a run that fails once fails always.

use super::START;
use super::kit::{Bench, assert_same, hours, named, room, with_policy};
use super::waits;
use crate::as_of::{Moment, as_of};
use crate::attempt::Ids;
use crate::catalogue::read;
use crate::dry_run::DryRun;
use crate::memory::Memory;
use crate::port::{
    Attempt, AttemptFilter, BookingFilter, Clock, Directory, Made, PersonCard, ResourceFilter, Settled, Store,
    Streamed, Views,
};
use crate::round::Judged;
use slotwise_domain::{
    Action, BlockId, Booking, Calendar, Code, Cutoff, DetailsPatch, Exceptions, Fingerprint, Hold, Instant, Interval,
    OverBookings, OverHolds, OwnOverlap, Period, PersonId, Policy, Proposal, Quota, QuotaScope, ResourceId,
    ResourcePatch, Role, Scope, Span, UseId, Version, WaitEntry, WaitMode, settle,
};
use std::sync::Arc;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (n as u64)).unwrap()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// What can be named in a command.
struct Known {
    people: Vec<PersonId>,
    resources: Vec<ResourceId>,
    bookings: Vec<Arc<Booking>>,
    holds: Vec<Hold>,
    entries: Vec<WaitEntry>,
    blocks: Vec<(ResourceId, BlockId)>,
    sent: Vec<Proposal>,
    /// Calendars as they were shown at an instant, to be asked for again later.
    pictures: Vec<(Instant, Arc<Calendar>)>,
}

fn interval(chance: &mut Chance) -> Interval {
    let from = i64::try_from(chance.below(40)).unwrap();
    hours(from, from + 1 + i64::try_from(chance.below(3)).unwrap())
}

fn proposal(b: &Bench, chance: &mut Chance, known: &Known) -> Proposal {
    let who = chance.one(&known.people);
    let (at, resource) = (interval(chance), chance.one(&known.resources));
    let policy_version = 1 + chance.below(4) as u64;
    let units = 1 + chance.below(2) as u32;
    let (booking, hold) = (chance.one(&known.bookings), chance.one(&known.holds));
    let entry = known.entries.get(chance.below(known.entries.len().max(1)));
    let action = match chance.below(34) {
        0..6 => b.booking(who, &[(resource, at, units)], None),
        6 | 7 => b.booking(who, &[(resource, at, 1), (chance.one(&known.resources), interval(chance), 1)], None),
        8..12 => b.hold(resource, at),
        12..15 => b.confirm(&hold),
        15 => Action::Renew(named(&hold)),
        16 => Action::Release(named(&hold)),
        17 | 18 => Action::Cancel { booking: booking.id, reason: Some("ill".into()) },
        19 => {
            let patch = DetailsPatch { people: Some(Some(units)), ..DetailsPatch::default() };
            Action::EditBooking { booking: booking.id, revision: policy_version, patch }
        }
        20 => Action::Approve { booking: booking.id },
        21 => Action::ExpireHolds { resource },
        22 => {
            let block = BlockId(b.ids.fresh());
            let over_holds = chance.one(&[OverHolds::Refuse, OverHolds::Void]);
            Action::AddBlock {
                resource,
                policy_version,
                block,
                interval: at,
                reason: "paint".into(),
                over_holds,
                over_bookings: OverBookings::Refuse,
                exceptions: Exceptions::default(),
            }
        }
        23 | 24 => b.relocate(booking.id, &[(resource, at, units)]),
        25 => b.relocate(booking.id, &[(resource, at, 1), (chance.one(&known.resources), interval(chance), 1)]),
        28..31 => {
            let gives_up = (chance.below(4) == 0 && booking.owner == who).then_some(booking.id);
            waits::join(b, who, resource, at, gives_up)
        }
        31 => match entry {
            Some(entry) => Action::LeaveWaitlist { entry: entry.id },
            None => b.book(who, resource, at),
        },
        32 => match entry {
            Some(entry) => Action::SetClass { entry: entry.id, class: units as u8 },
            None => b.book(who, resource, at),
        },
        26 => b.swap(booking.id, chance.one(&known.bookings).id),
        _ => match known.blocks.last() {
            Some((resource, block)) if chance.below(2) == 0 => {
                Action::RemoveBlock { resource: *resource, policy_version, block: *block }
            }
            _ => {
                let patch = ResourcePatch { capacity: Some(Some(units + 1)), ..ResourcePatch::default() };
                Action::EditResource { resource, policy_version, patch: Box::new(patch) }
            }
        },
    };
    // Mostly by whom it belongs to, so that much succeeds.
    let whose = match &action {
        Action::Book { owner, .. } => *owner,
        Action::Renew(_) | Action::Release(_) => hold.holder,
        Action::Cancel { .. } | Action::EditBooking { .. } | Action::Move { .. } => booking.owner,
        Action::Hold { .. } | Action::JoinWaitlist { .. } => who,
        Action::LeaveWaitlist { .. } => entry.map_or(who, |e| e.owner),
        _ => b.ada,
    };
    let fresh = b.proposal(if chance.below(12) == 0 { who } else { whose }, action);
    match (chance.below(30), known.sent.is_empty()) {
        (0, false) => chance.one(&known.sent),
        (1, false) => Proposal { fingerprint: Fingerprint([9; 32]), ..chance.one(&known.sent) },
        _ => fresh,
    }
}

fn learn(known: &mut Known, settled: &[Settled]) {
    for settled in settled {
        match settled {
            Settled::Decided(_, Some(Made::Booking(booking))) => known.bookings.push(booking.clone()),
            Settled::Decided(_, Some(Made::Hold(hold, _))) => known.holds.push(*hold),
            Settled::Decided(_, Some(Made::Entry(entry, ..))) => known.entries.push(**entry),
            Settled::Decided(_, Some(Made::Block(resource, block, _))) => known.blocks.push((*resource, block.id)),
            _ => {}
        }
    }
    // Of late, so that many are still alive.
    known.bookings.drain(..known.bookings.len().saturating_sub(12));
    known.holds.drain(..known.holds.len().saturating_sub(6));
    known.entries.drain(..known.entries.len().saturating_sub(6));
}

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
        assert_eq!(b.store.due(until, 100).await.unwrap(), twin.due(until, 100).await.unwrap());
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

async fn run(b: &Bench, seed: u64) {
    let mut chance = Chance(seed);
    let twin = Memory::new(b.clock.clone());
    for (id, name, role) in [(b.ada, "Ada", Role::Admin), (b.ben, "Ben", Role::Member), (b.cyd, "Cyd", Role::Member)] {
        twin.put_person(PersonCard { id, name: name.into(), title: "Teacher".into(), role }).await.unwrap();
    }
    let refuse = Policy { own_overlap: OwnOverlap::Refuse, ..Policy::default() };
    let strict = Policy {
        approval: true,
        setup: Span::minutes(30),
        teardown: Span::minutes(15),
        cancel_by: Some(Cutoff::Elapsed(Span::hours(2))),
        ..Policy::default()
    };
    let quota = Some(Quota { most: 2, period: Period::Day, scope: QuotaScope::Resource });
    let counted = Policy { quota, ..waits::waitlist(WaitMode::Book) };
    let offers = waits::waitlist(WaitMode::Offer { ttl: Span::seconds(20) });
    let books = Policy { own_overlap: OwnOverlap::Refuse, ..waits::waitlist(WaitMode::Book) };
    let specs = [
        room("One", 1),
        room("Two", 2),
        with_policy(3, refuse),
        with_policy(1, strict),
        with_policy(1, offers),
        with_policy(2, books),
        with_policy(2, counted),
    ];
    let resources = specs.each_ref().map(|_| ResourceId(b.ids.fresh()));
    let make = |(resource, spec)| b.proposal(b.ada, Action::CreateResource { resource, spec: Box::new(spec) });
    let first: Vec<Proposal> = resources.into_iter().zip(specs).map(make).collect();
    let mut known = Known {
        people: vec![b.ada, b.ben, b.cyd],
        resources: resources.into(),
        bookings: Vec::new(),
        holds: Vec::new(),
        entries: Vec::new(),
        blocks: Vec::new(),
        sent: Vec::new(),
        pictures: Vec::new(),
    };
    let second = vec![
        b.proposal(b.ben, b.book(b.ben, resources[0], hours(9, 10))),
        b.proposal(b.ben, b.hold(resources[1], hours(9, 10))),
    ];
    let mut batches = vec![first, second];
    for n in 0..80 {
        let batch = match batches.is_empty() {
            false => batches.remove(0),
            true => (0..1 + chance.below(8)).map(|_| proposal(b, &mut chance, &known)).collect(),
        };
        known.sent.extend(batch.iter().cloned());
        let promised = promise(b, &mut chance, &batch[0]).await;
        let ours = b.store.commit(batch.clone(), settle).await.unwrap();
        if let Some(promised) = promised {
            kept(&promised, &ours[0], &format!("batch {n} of seed {seed}: {:?}", batch[0]));
        }
        let theirs = twin.commit(batch.clone(), settle).await.unwrap();
        for ((ours, theirs), proposal) in ours.iter().zip(&theirs).zip(&batch) {
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "batch {n} of seed {seed}: {proposal:?}");
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
        b.clock.step(chance.one(&[
            Span::ZERO,
            Span::ZERO,
            Span::seconds(1),
            Span::seconds(10),
            Span::seconds(30),
            Span::minutes(20),
        ]));
        if chance.below(10) == 0 {
            b.clock.step_wall(Span::seconds(-1));
            b.clock.step_boot(Span::seconds(-1));
        }
    }
    compare(b, &twin, &known).await;
    remembered(b, &twin, &known).await;
}

/// What a dry run of the first of a batch says; time then passes up to the next instant that it names.
async fn promise(b: &Bench, chance: &mut Chance, first: &Proposal) -> Option<DryRun> {
    if b.store.recall(first.key).await.unwrap().is_some() {
        return None;
    }
    let promised = b.engine.dry_run(first.command.clone()).await.unwrap();
    let now = b.clock.now();
    let until = promised.deadlines.iter().map(|d| d.at).find(|at| *at > promised.at);
    let just_before = until.map_or(Span::minutes(5), |at| Span(at.since(now).0 - 1)).min(Span::minutes(5));
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
            assert!(!taken || booking.state.takes_units(), "{booking:?}");
        }
    }
    let any = AttemptFilter { max: 7, look_max: 11, ..AttemptFilter::default() };
    let filters = [
        any.clone(),
        AttemptFilter { resource: Some(known.resources[0]), ..any.clone() },
        AttemptFilter { person: Some(b.ben), ..any.clone() },
        AttemptFilter { actor: Some(b.cyd.0), outcome: Some("REJECTED".into()), ..any.clone() },
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
