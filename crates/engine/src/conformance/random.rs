//! Random commands of every kind, from a fixed seed: what fails once fails always.
//! It sends nothing and expects nothing.

use super::kit::{Bench, hours, named, room, with_policy};
use super::waits;
use crate::attempt::Ids;
use crate::port::{Clock, Made, Settled};
use crate::round::Judged;
use slotwise_domain::{
    Action, Below, BlockId, Booking, BookingRef, Calendar, CheckIn, Cutoff, DetailsPatch, Exceptions, Failure,
    Fingerprint, Ground, Hold, Instant, Interval, Measure, OverBookings, OverHolds, OwnOverlap, Period, PersonId,
    Policy, Preview, Proposal, Quota, QuotaScope, ResourceId, ResourcePatch, Service, Span, WaitEntry, WaitMode,
};
use std::sync::Arc;

/// SplitMix64.
pub(super) struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (n as u64)).unwrap()
    }

    pub fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// What can be named in a command.
pub(super) struct Known {
    pub people: Vec<PersonId>,
    /// The first is one where people check in, and is booked for soon.
    pub resources: Vec<ResourceId>,
    pub bookings: Vec<Arc<Booking>>,
    pub holds: Vec<Hold>,
    pub entries: Vec<WaitEntry>,
    pub blocks: Vec<(ResourceId, BlockId)>,
    pub sent: Vec<Proposal>,
    /// Calendars as they were shown at an instant, to be asked for again later.
    pub pictures: Vec<(Instant, Arc<Calendar>)>,
}

fn interval(chance: &mut Chance) -> Interval {
    let from = i64::try_from(chance.below(40)).unwrap();
    hours(from, from + 1 + i64::try_from(chance.below(3)).unwrap())
}

/// A quarter of an hour that begins within the next one.
fn soon(b: &Bench, chance: &mut Chance) -> Interval {
    let from = b.clock.now().plus(Span::minutes(1 + i64::try_from(chance.below(15)).unwrap()));
    Interval::new(from, from.plus(Span::minutes(15))).unwrap()
}

const WHY: &str = "The Dean comes.";

fn by_an_admin(b: &Bench, chance: &mut Chance, known: &Known, line: (ResourceId, Interval, u32)) -> Action {
    let ((resource, interval, units), who) = (line, chance.one(&known.people));
    let booking = chance.one(&known.bookings);
    let seen = BookingRef { id: booking.id, revision: Some(booking.revision) };
    let (preview, reason, policy_version) = (Preview::new(), WHY.to_owned(), 1);
    let asks = |b: &&Arc<Booking>| b.slots.iter().any(|s| s.resource == known.resources[0]);
    let expected = known.bookings.iter().rev().find(asks).map_or(booking.id, |b| b.id);
    match chance.below(16) {
        0..4 => {
            let action = Box::new(b.booking(who, &[(resource, interval, units)], None));
            Action::Override { action, reason, displaces: preview }
        }
        4 | 5 => {
            let action = Box::new(b.relocate(booking.id, &[(resource, interval, units)]));
            Action::Override { action, reason, displaces: preview }
        }
        6..9 => {
            let below = match chance.below(5) {
                0 => Below::Refuse,
                1 => Below::OverCommit,
                2 | 3 => Below::DisplaceNewest(preview),
                _ => Below::DisplaceNamed(vec![(booking.id, booking.revision)]),
            };
            let (to, seen_used) = (Some(1 + chance.below(3) as u32), Some(units));
            Action::SetCapacity { resource, policy_version, to, seen_used, below, reason: Some(reason) }
        }
        9 => {
            let service = if chance.below(3) == 0 { Service::Closed } else { Service::Open };
            Action::SetService { resource, policy_version, service, reason }
        }
        10 => Action::HandOver { booking: seen, to: who, reason },
        11 => Action::Decline { booking: seen, reason },
        12 => Action::AddBlock {
            resource,
            policy_version,
            block: BlockId(b.ids.fresh()),
            interval,
            reason,
            over_holds: OverHolds::Void,
            over_bookings: OverBookings::Displace(preview),
            exceptions: Exceptions::default(),
        },
        13 | 14 => Action::CheckIn { booking: expected },
        _ => Action::ReleaseNoShow { booking: expected },
    }
}

/// Mostly an admin has looked: at the policy as it is now, and at who would be displaced.
pub(super) async fn looked(b: &Bench, chance: &mut Chance, mut proposal: Proposal) -> Proposal {
    if chance.below(5) == 0 {
        return proposal;
    }
    if let Action::AddBlock { resource, policy_version, .. }
    | Action::SetCapacity { resource, policy_version, .. }
    | Action::SetService { resource, policy_version, .. } = &mut proposal.command.action
    {
        *policy_version = b.calendar(*resource).await.resource.policy_version;
    }
    let would = match preview_of(&mut proposal.command.action) {
        Some(_) => b.engine.dry_run(proposal.command.clone()).await.unwrap().would,
        None => return proposal,
    };
    if let Judged::Failed(Failure { ground: Some(Ground::Displaced { theirs, .. }), .. }) = would
        && let Some(preview) = preview_of(&mut proposal.command.action)
    {
        *preview = theirs.iter().map(|b| (b.id, b.revision)).collect();
    }
    proposal
}

fn preview_of(action: &mut Action) -> Option<&mut Preview> {
    match action {
        Action::Override { displaces: preview, .. }
        | Action::SetCapacity { below: Below::DisplaceNewest(preview), .. }
        | Action::AddBlock { over_bookings: OverBookings::Displace(preview), .. } => Some(preview),
        _ => None,
    }
}

pub(super) fn proposal(b: &Bench, chance: &mut Chance, known: &Known) -> Proposal {
    let who = chance.one(&known.people);
    let resource = chance.one(&known.resources);
    let at = if resource == known.resources[0] { soon(b, chance) } else { interval(chance) };
    let policy_version = 1 + chance.below(4) as u64;
    let units = 1 + chance.below(2) as u32;
    let (booking, hold) = (chance.one(&known.bookings), chance.one(&known.holds));
    let entry = known.entries.get(chance.below(known.entries.len().max(1)));
    let action = match chance.below(50) {
        0..6 => b.booking(who, &[(resource, at, units)], None),
        6 | 7 => b.booking(who, &[(resource, at, 1), (chance.one(&known.resources), interval(chance), 1)], None),
        8..12 => b.hold(resource, at),
        12..15 => b.confirm(&hold),
        15 => Action::Renew(named(&hold)),
        16 if chance.below(2) == 0 => {
            let until = (chance.below(2) == 0).then(|| hold.granted_at.plus(Span::seconds(chance.below(400) as i64)));
            Action::SetHold { hold: hold.id, until, reason: WHY.into() }
        }
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
            // Where something is booked, there may be reason to wait.
            let (resource, at) = match booking.slots.first().filter(|_| chance.below(2) == 0) {
                Some(slot) => (slot.resource, slot.interval),
                None => (resource, at),
            };
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
        34..50 => by_an_admin(b, chance, known, (resource, at, units)),
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
        Action::Cancel { .. } | Action::EditBooking { .. } | Action::Move { .. } | Action::CheckIn { .. } => {
            booking.owner
        }
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

pub(super) fn learn(known: &mut Known, settled: &[Settled]) {
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

/// Resources under many rules, as the first commit makes them, and something to name in the second.
pub(super) fn prepared(b: &Bench) -> (Known, Vec<Proposal>, Vec<Proposal>) {
    let refuse = Policy { own_overlap: OwnOverlap::Refuse, ..Policy::default() };
    let strict = Policy {
        approval: true,
        setup: Span::minutes(30),
        teardown: Span::minutes(15),
        cancel_by: Some(Cutoff::Elapsed(Span::hours(2))),
        ..Policy::default()
    };
    let quota = Some(Quota { most: 2, counts: Measure::Units, period: Period::Day, scope: QuotaScope::Resource });
    let counted = Policy { quota, ..waits::waitlist(WaitMode::Book) };
    let offers = waits::waitlist(WaitMode::Offer { ttl: Span::seconds(20) });
    let last_day = Some(Cutoff::At(hours(14, 15).start()));
    let books = Policy {
        own_overlap: OwnOverlap::Refuse,
        book_by: last_day,
        cancel_by: last_day,
        ..waits::waitlist(WaitMode::Book)
    };
    let check_in = Some(CheckIn { opens: Span::minutes(30), closes: Span::minutes(5) });
    let specs = [
        with_policy(1, Policy { check_in, ..Policy::default() }),
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
    let known = Known {
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
    (known, first, second)
}
