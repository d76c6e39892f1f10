//! What was decided, as rows: chained, encoded, and put into few statements of many rows each.
//! It sends nothing and judges nothing.

use super::error::{Error, Result};
use super::load::{claim_id, signed};
use super::pool::{Args, args};
use super::sql;
use super::writer::{Decided, Judgement, claims};
use crate::codec;
use crate::commit::{Commit, Entry, EntryRecord};
use crate::record::{self, Hash, Header};
use slotwise_domain::{
    Booking, BookingId, Calendar, Change, Changes, Details, Epoch, Instant, OwnOverlap, Proposal, ResourceId, Slot,
    Version,
};
use slotwise_engine::Noted;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// A resource has a new snapshot after so many records, or as many as there are things in it: so each record pays for a few of them.
const SNAPSHOT_EVERY: u64 = 64;

/// A commit with its bytes.
pub(super) struct Chained {
    pub commit: Commit,
    pub body: Vec<u8>,
    /// The encoded changes of its records, in order.
    pub bodies: Vec<Vec<u8>>,
}

/// Chains what was decided onto the resources' chains and the writer's.
pub(super) fn chain(
    decided: &mut [Decided],
    batch: &[Proposal],
    judgement: &Judgement,
    (number, hash): (u64, Hash),
    epoch: Epoch,
) -> Result<Chained> {
    let mut heads: HashMap<ResourceId, (Version, Hash)> = HashMap::new();
    let (mut entries, mut bodies) = (Vec::with_capacity(decided.len()), Vec::with_capacity(decided.len()));
    for Decided { n, recorded, changes, .. } in decided {
        let proposal = batch.get(*n).ok_or_else(|| Error::bug("a decision without its proposal"))?;
        let Changes { records, bookings, dates: _ } = std::mem::take(changes);
        whole(&records, &bookings)?;
        let made = &recorded.decision.decided;
        if !records.is_empty() && made.len() != records.len() {
            return Err(Error::bug("a decision names other versions than it made"));
        }
        let mut chained = Vec::with_capacity(records.len());
        for ((resource, changes), (_, version)) in records.into_iter().zip(made) {
            let (key, decided_at) = (recorded.key, recorded.decision.decided_at);
            let before = || match judgement.head(resource) {
                Some(head) => (head.version, head.hash),
                None => (Version::zero(version.epoch), record::genesis(resource)),
            };
            let head = heads.entry(resource).or_insert_with(before);
            if *version != head.0.next_in(version.epoch) {
                return Err(Error::bug(format!("{resource} is at {} and a decision made {version}", head.0)));
            }
            let body = codec::encode_changes(resource, &changes)?;
            let (attempt, actor) = (key.key, key.actor);
            let hash =
                record::chain(&head.1, &Header { resource, version: *version, decided_at, attempt, actor }, &body);
            // Records are found by their versions here, not by the commit before.
            chained.push(EntryRecord { resource, version: *version, previous: 0, hash, changes });
            *head = (*version, hash);
            bodies.push(body);
        }
        let command = Cow::Borrowed(proposal.command.name());
        entries.push(Entry { recorded: recorded.clone(), command, records: chained, bookings });
    }
    let mut commit = Commit { number: number + 1, epoch, at: judgement.now, hash, entries };
    let body = codec::encode_commit(&commit, &bodies)?;
    commit.hash = record::chain_commit(&hash, commit.number, &body);
    Ok(Chained { commit, body, bodies })
}

/// What is recorded must fold: every booking that changes is there as it is after it, and only a new one is made.
fn whole(records: &[(ResourceId, Vec<Change>)], bookings: &[Arc<Booking>]) -> Result<()> {
    let is_made = |c: &&Change| matches!(c, Change::BookingMade { .. } | Change::BookingRequested { .. });
    let changes = || records.iter().flat_map(|(_, changes)| changes);
    let made: BTreeSet<BookingId> = changes().filter(is_made).filter_map(Change::booking).collect();
    for change in changes() {
        let Some(id) = change.booking() else { continue };
        let Some(booking) = bookings.iter().find(|b| b.id == id) else {
            return Err(Error::bug(format!("{id} changes without its booking")));
        };
        // What is said of a new one beside its making, and what becomes of it at once, is all of its first revision.
        if made.contains(&id) != (booking.revision == 1) {
            return Err(Error::bug(format!("{id} is at revision {} after {change:?}", booking.revision)));
        }
    }
    Ok(())
}

pub(super) type Statements = Vec<(&'static str, Args)>;

/// The statements that write a commit beside its journal row, the count of what they must have changed last.
pub(super) fn rows(
    to: &mut Statements,
    part: i64,
    id: Uuid,
    judgement: &Judgement,
    commit: &Commit,
    bodies: Vec<Vec<u8>>,
) -> Result<()> {
    let (epoch, stamp) = (i64::from(commit.epoch.0), judgement.stamp);
    let records: Vec<(&Entry, &EntryRecord)> = commit.records().collect();
    let mut counted = 0;
    let mut resources = Vec::new();
    if !records.is_empty() {
        let of = |f: fn(&Entry, &EntryRecord) -> i64| -> Vec<i64> { records.iter().map(|(e, r)| f(e, r)).collect() };
        let ids = |f: fn(&Entry, &EntryRecord) -> Uuid| -> Vec<Uuid> { records.iter().map(|(e, r)| f(e, r)).collect() };
        to.push((
            sql::RECORDS_ADD,
            args![
                part,
                epoch,
                id,
                ids(|_, r| r.resource.0),
                of(|_, r| signed(r.version.number)),
                of(|e, _| e.recorded.decision.decided_at.0),
                ids(|e, _| e.recorded.key.key),
                ids(|e, _| e.recorded.key.actor),
                bodies,
            ],
        ));
        resources = heads(to, part, id, judgement, &records)?;
        counted += resources.len();
    }
    let claims = claims(records.iter().map(|(_, r)| (r.resource, &r.changes[..])));
    if !claims.is_empty() {
        put_claims(to, part, claims)?;
    }
    let bookings = bookings(to, part, id, judgement, commit)?;
    counted += bookings.len();
    notices(to, part, id, stamp, commit);
    to.push((sql::COUNTED, args![part, id, counted as i64, resources, bookings]));
    Ok(())
}

fn heads(
    to: &mut Statements,
    part: i64,
    id: Uuid,
    judgement: &Judgement,
    records: &[(&Entry, &EntryRecord)],
) -> Result<Vec<Uuid>> {
    let mut last: BTreeMap<ResourceId, (&EntryRecord, bool)> = BTreeMap::new();
    for (_, record) in records {
        // Only who changes the resource itself may give more than there is.
        let is_edit = |c: &Change| {
            matches!(c, Change::ResourceCreated(_) | Change::ResourceEdited(_) | Change::CapacitySet { .. })
        };
        let edited =
            record.changes.iter().any(is_edit) || last.get(&record.resource).is_some_and(|(_, edited)| *edited);
        last.insert(record.resource, (record, edited));
    }
    let (mut ids, mut numbers, mut bases, mut decided) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut hashes, mut dues, mut groups, mut takens, mut rooms) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut snapshots = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (resource, (record, edited)) in last {
        let calendar = judgement.world.calendars.get(&resource);
        let calendar = calendar.ok_or_else(|| Error::bug(format!("{resource} changed and is not loaded")))?;
        let before = judgement.head(resource);
        let base = before.map_or(0, |head| head.version.number);
        let (taken, room) = counter(calendar, before.and_then(|head| head.room), edited);
        ids.push(resource.0);
        numbers.push(signed(record.version.number));
        bases.push(signed(base));
        decided.push(calendar.decided_at.0);
        hashes.push(record.hash.to_vec());
        dues.push(due_at(calendar, judgement.world.epoch));
        groups.push(calendar.resource.spec.group.as_ref().map(|g| g.id.0));
        takens.push(taken);
        rooms.push(room);
        let every = SNAPSHOT_EVERY.max(calendar.uses.len() as u64);
        let number = record.version.number;
        if base == 0 || number / every != base / every {
            let mut calendar = Calendar::clone(calendar);
            calendar.forget_before(judgement.since);
            snapshots.0.push(resource.0);
            snapshots.1.push(signed(number));
            snapshots.2.push(calendar.decided_at.0);
            snapshots.3.push(codec::encode_changes(resource, &calendar.as_changes())?);
        }
    }
    let epoch = i64::from(judgement.world.epoch.0);
    to.push((
        sql::HEADS_PUT,
        args![
            part,
            epoch,
            judgement.stamp,
            id,
            ids.clone(),
            numbers,
            bases,
            decided,
            hashes,
            dues,
            groups,
            takens,
            rooms
        ],
    ));
    if !snapshots.0.is_empty() {
        to.push((sql::SNAPSHOTS_PUT, args![part, epoch, snapshots.0, snapshots.1, snapshots.2, snapshots.3]));
    }
    Ok(ids)
}

/// Units taken of a resource's one interval, and how many there are; nothing where it has none. What is beyond capacity is lowered
/// with every commit and raised only by an edit of the resource.
pub(super) fn counter(calendar: &Calendar, room_before: Option<i64>, edited: bool) -> (i64, Option<i64>) {
    let spec = &calendar.resource.spec;
    let (Some(interval), Some(capacity)) = (spec.interval, spec.capacity) else { return (0, None) };
    let occupied = spec.policy.occupied(interval);
    let fullest = calendar.levels.during(occupied).map(|(_, level)| level.taken()).max().unwrap_or(0);
    let (taken, capacity) = (signed(fullest), i64::from(capacity));
    let room = match (edited, room_before) {
        (false, Some(before)) => capacity.max(taken.min(before)),
        (true, _) | (false, None) => capacity.max(taken),
    };
    (taken, Some(room))
}

/// When something falls due by itself: a hold that expires, or people who wait and must be looked at again.
pub(super) fn due_at(calendar: &Calendar, epoch: Epoch) -> Option<i64> {
    // A hold of an earlier epoch is over already.
    let over = |hold: &slotwise_domain::Hold| match hold.over(epoch, Instant::MIN) {
        Some(_) => Instant::MIN,
        None => hold.expires_at,
    };
    calendar.holds.values().map(over).chain(calendar.wait_due).min().map(|at| at.0)
}

fn put_claims(to: &mut Statements, part: i64, claims: BTreeMap<(Uuid, i64), (ResourceId, &Change)>) -> Result<()> {
    let (mut ids, mut kinds, mut on, mut people) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut since, mut live, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for (resource, change) in claims.into_values() {
        let Some((id, kind, person, at, is_live)) = claim_id(change) else { continue };
        ids.push(id);
        kinds.push(kind);
        on.push(resource.0);
        people.push(person.0);
        since.push(at.0);
        live.push(is_live);
        changes.push(codec::encode_changes(resource, std::slice::from_ref(change))?);
    }
    to.push((sql::CLAIMS_PUT, args![part, ids, kinds, on, people, since, live, changes]));
    Ok(())
}

/// Whether a rule about its owner counts it: none about two at once, where it takes nothing any more.
pub(super) fn is_ruled(booking: &Booking) -> bool {
    let exclusive = |slot: &Slot| slot.own_overlap == OwnOverlap::Refuse;
    let (takes, counts) = (booking.state.takes_units(), booking.state.counts());
    booking.slots.iter().any(|slot| takes && exclusive(slot) || counts && slot.quota.is_some())
}

/// What people say about a booking, as it lies beside it; nothing if they say nothing.
pub(super) fn said(booking: &Booking) -> Result<Option<Vec<u8>>> {
    match booking.details == Details::default() {
        true => Ok(None),
        false => Ok(Some(codec::encode_said(&vec![(0, booking.id, booking.details.clone())])?)),
    }
}

fn bookings(to: &mut Statements, part: i64, id: Uuid, judgement: &Judgement, commit: &Commit) -> Result<Vec<Uuid>> {
    // As the commit leaves them.
    let mut last: BTreeMap<BookingId, &Arc<Booking>> = BTreeMap::new();
    let (mut moved, mut left, mut made): (BTreeSet<BookingId>, BTreeSet<Uuid>, BTreeSet<BookingId>) =
        Default::default();
    for entry in &commit.entries {
        for booking in &entry.bookings {
            if booking.revision == 1 {
                made.insert(booking.id);
            }
            last.insert(booking.id, booking);
        }
        for change in entry.changes().filter(|change| change.moves()) {
            moved.extend(change.booking());
        }
        for record in &entry.records {
            if record.changes.iter().any(Change::moves) {
                left.insert(record.resource.0);
            }
        }
    }
    if last.is_empty() {
        return Ok(Vec::new());
    }
    let placed: Vec<&Arc<Booking>> =
        last.values().filter(|b| made.contains(&b.id) || moved.contains(&b.id)).copied().collect();
    if !moved.is_empty() {
        let moved: Vec<Uuid> = moved.iter().map(|id| id.0).collect();
        to.push((sql::BOOKINGS_GONE_FROM, args![part, left.into_iter().collect::<Vec<_>>(), moved]));
    }
    let all: Vec<&Arc<Booking>> = last.into_values().collect();
    let ids: Vec<Uuid> = all.iter().map(|b| b.id.0).collect();
    let times = |f: fn(&Booking) -> i64| -> Vec<i64> { all.iter().map(|b| f(b)).collect() };
    to.push((
        sql::BOOKINGS_PUT,
        args![
            part,
            id,
            ids.clone(),
            all.iter().map(|b| b.owner.0).collect::<Vec<_>>(),
            all.iter().map(|b| b.state.name()).collect::<Vec<_>>(),
            all.iter().map(|b| b.occurrence.as_ref().map(|o| o.series.id.0)).collect::<Vec<_>>(),
            times(|b| b.start().0),
            times(|b| b.end().0),
            times(|b| b.slots.iter().map(|s| s.occupied.end().0).max().unwrap_or(i64::MIN)),
            all.iter().map(|b| is_ruled(b)).collect::<Vec<_>>(),
            times(|b| signed(b.revision)),
            all.iter().map(|b| codec::encode_booking(b)).collect::<std::result::Result<Vec<_>, _>>()?,
            all.iter().map(|b| said(b)).collect::<Result<Vec<_>>>()?,
        ],
    ));
    let (mut on, mut starts, mut whose, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for booking in placed {
        for resource in booking.resources() {
            on.push(resource.0);
            starts.push(booking.start().0);
            whose.push(booking.id.0);
            ends.push(booking.end().0);
        }
    }
    if !on.is_empty() {
        to.push((sql::BOOKINGS_ON, args![part, on, starts, whose, ends]));
    }
    to.push((sql::BOOKING_COMMITS, args![part, judgement.stamp, id, ids.clone()]));
    Ok(ids)
}

fn notices(to: &mut Statements, part: i64, id: Uuid, stamp: i64, commit: &Commit) {
    let mut place = 0;
    let mut all = Vec::new();
    for entry in &commit.entries {
        let at = entry.recorded.decision.decided_at;
        let (changes, commit) = (entry.changes_by_resource(), stamp.unsigned_abs());
        all.extend(Noted::by(changes, &entry.bookings, entry.actor(), at, commit, &mut place));
    }
    if all.is_empty() {
        return;
    }
    to.push((
        sql::NOTICES_ADD,
        args![
            part,
            stamp,
            id,
            all.iter().map(|n| n.notice.to.0).collect::<Vec<_>>(),
            all.iter().map(|n| i64::from(n.id.place)).collect::<Vec<_>>(),
            all.iter().map(|n| n.notice.news.name()).collect::<Vec<_>>(),
            all.iter().map(|n| n.notice.booking.0).collect::<Vec<_>>(),
            all.iter().map(|n| n.resource.0).collect::<Vec<_>>(),
            all.iter().map(|n| n.at.0).collect::<Vec<_>>(),
            all.iter().map(|n| i64::from(n.dates)).collect::<Vec<_>>(),
        ],
    ));
}
