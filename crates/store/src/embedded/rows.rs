//! Brings commits of the journal into the tables that queries read, in order, with the mark that says how far they are.
//! It judges nothing, and but for `mend` it is the only code that writes those tables: row counts say whether they were what the journal made of them.

use super::error::{Error, Result};
use super::load::{PART, signed};
use super::together::{self, Values};
use crate::codec;
use crate::commit::{Commit, Entry};
use crate::record::Hash;
use rusqlite::{Connection, Statement, TransactionBehavior, params};
use slotwise_domain::{
    Block, Booking, BookingId, BookingState, Change, Displacer, EndedEntry, EndedHold, Hold, Instant, Interval, Notice,
    OwnOverlap, Resource, ResourceId, Slot, Span, Version, WaitEntry,
};
use slotwise_engine::Noted;
use slotwise_engine::round::key_time;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// How far the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The last commit in them; 0 if there is none.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// No booking lasts longer.
    pub longest: Span,
}

/// Writes what commits made true, within one transaction.
pub(super) struct Rows<'c> {
    db: &'c Connection,
    mark: Mark,
    /// Keys from before it are kept no longer.
    since: Instant,
    // What is written once at the end, in the order of its keys: rows that lie together are written together.
    /// Where each resource's chain ends now.
    heads: BTreeMap<ResourceId, Head>,
    /// Bookings that were not there at the mark.
    made: BTreeMap<BookingId, Made>,
    attempts: Vec<Attempt>,
    commit: u64,
}

/// A booking as the last commit leaves it.
struct Made {
    booking: Arc<Booking>,
    /// The commits that changed it, as they are stored.
    commits: Vec<u8>,
}

/// Where an answer is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    part: i64,
    key: Uuid,
    actor: Uuid,
    commit: i64,
    place: i64,
}

struct Head {
    version: Version,
    decided_at: Instant,
    hash: Hash,
    commit: u64,
}

const DAY: i64 = 86_400_000_000;
/// Every so manieth record of a resource has a mark.
const MARKED: u64 = 64;
/// What a slot is that takes nothing and counts under its quota: given up late, or never begun because nobody came.
const COUNTS: i8 = -1;

const MARK: &str = "INSERT INTO record_mark (part_id, resource, number, commit_number) VALUES (?1, ?2, ?3, ?4)";

const ATTEMPT: &str = "INSERT INTO attempt (part_id, key, actor, commit_number, place) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(super) const BOOKING: &str = "
INSERT INTO booking (part_id, id, owner, made_by, state, state_at, state_by, state_reason, title, purpose, people,
                     start_at, end_at, start_day, until, resources, revision, created_at, decided_at, commits, state_more,
                     guests, private, series, occurrence)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)";

pub(super) const SLOT: &str = "
INSERT INTO booking_slot (part_id, resource, until, booking, place, owner, start_at, end_at, setup, teardown, units, exclusive,
                          active, quota, credits)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const BOOKING_CHANGED: &str = "
UPDATE booking SET state = ?4, state_at = ?5, state_by = ?6, state_reason = ?7, title = ?8, purpose = ?9, people = ?10,
                   start_at = ?11, end_at = ?12, start_day = ?13, until = ?14, resources = ?15, revision = ?16, decided_at = ?17,
                   commits = CAST(commits || ?18 AS BLOB), state_more = ?19, owner = ?20, guests = ?21, private = ?22,
                   occurrence = ?23
WHERE part_id = ?1 AND id = ?2 AND revision = ?3";

const BOOKING_PLACE: &str = "SELECT until, resources FROM booking WHERE part_id = ?1 AND id = ?2";

const SLOTS_GONE: &str =
    "DELETE FROM booking_slot WHERE part_id = ?1 AND resource = ?2 AND until = ?3 AND booking = ?4";

const SLOT_ACTIVE: &str = "
UPDATE booking_slot SET active = ?6
WHERE part_id = ?1 AND resource = ?2 AND until = ?3 AND booking = ?4 AND place = ?5";

const HEAD: &str = "
INSERT INTO resource_head (part_id, resource, epoch, number, decided_at, hash, commit_number)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (part_id, resource) DO UPDATE SET
    epoch = excluded.epoch, number = excluded.number, decided_at = excluded.decided_at, hash = excluded.hash,
    commit_number = excluded.commit_number";

pub(super) const RESOURCE: &str = "
INSERT INTO resource (part_id, id, policy_version, spec) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (part_id, id) DO UPDATE SET policy_version = excluded.policy_version, spec = excluded.spec";

pub(super) const OVER_COMMIT: &str = "UPDATE resource SET over_commit = ?3 WHERE part_id = ?1 AND id = ?2";

const POLICY_VERSION: &str = "UPDATE resource SET policy_version = ?3 WHERE part_id = ?1 AND id = ?2";

const BLOCK: &str = "INSERT INTO block (part_id, resource, id, start_at, end_at, reason, people, bookings) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const BLOCK_GONE: &str = "DELETE FROM block WHERE part_id = ?1 AND resource = ?2 AND id = ?3";

const HOLD: &str = "
INSERT INTO hold (part_id, id, resource, token_epoch, token_number, holder, start_at, end_at, setup, teardown, units, granted_at,
                  expires_at, renewals, offer)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const HOLD_RENEWED: &str = "
UPDATE hold SET expires_at = ?3, renewals = ?4 WHERE part_id = ?1 AND id = ?2 AND ended IS NULL";

const HOLD_ENDED: &str = "UPDATE hold SET ended = ?3 WHERE part_id = ?1 AND id = ?2 AND ended IS NULL";

const NOTICE: &str = "
INSERT INTO notice (part_id, person, commit_number, place, news, booking, resource, at, dates)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const ENTRY: &str = "
INSERT INTO wait_entry (part_id, id, resource, owner, made_by, start_at, end_at, units, class, joined_epoch, joined_number,
                        joined_at, gives_up, offer, offers, wants)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

const ENTRY_CHANGED: &str = "
UPDATE wait_entry SET class = ?3, offer = ?4, offers = ?5 WHERE part_id = ?1 AND id = ?2 AND ended IS NULL";

const ENTRY_ENDED: &str = "
UPDATE wait_entry SET ended = ?3, booking = ?4 WHERE part_id = ?1 AND id = ?2 AND ended IS NULL";

const DUE: &str = "
INSERT INTO wait_due (part_id, resource, due_at) VALUES (?1, ?2, ?3)
ON CONFLICT (part_id, resource) DO UPDATE SET due_at = excluded.due_at";

const DUE_GONE: &str = "DELETE FROM wait_due WHERE part_id = ?1 AND resource = ?2";

// Keys begin with their time, and so do the ids of holds: what is old lies at the beginning.

const OLD_KEYS: &str = "
DELETE FROM attempt WHERE part_id = ?1 AND (key, actor) IN
    (SELECT key, actor FROM attempt WHERE part_id = ?1 AND key < ?2 ORDER BY key LIMIT ?3)";

const OLD_HOLDS: &str = "
DELETE FROM hold WHERE part_id = ?1 AND id IN
    (SELECT id FROM hold WHERE part_id = ?1 AND id < ?2 AND ended IS NOT NULL ORDER BY id LIMIT ?3)";

const MARKED_AT: &str = "UPDATE mark SET number = ?2, hash = ?3, longest = ?4 WHERE part_id = ?1";

impl<'c> Rows<'c> {
    /// Begins after a mark, within a transaction.
    pub fn begin(db: &'c Connection, mark: Mark, since: Instant) -> Rows<'c> {
        Rows {
            db,
            mark,
            since,
            heads: BTreeMap::new(),
            made: BTreeMap::new(),
            attempts: Vec::new(),
            commit: mark.number,
        }
    }

    /// The next commit.
    pub fn commit(&mut self, commit: &Commit) -> Result<()> {
        if commit.number != self.mark.number + 1 {
            return Err(Error::bug(format!("commit {} follows {} in the tables", commit.number, self.mark.number)));
        }
        self.commit = commit.number;
        let mut notices = 0;
        for (place, entry) in commit.entries.iter().enumerate() {
            self.entry(entry)?;
            self.notices(entry, &mut notices)?;
            let key = entry.recorded.key;
            if key_time(key) <= self.since {
                continue;
            }
            let (part, commit) = (key.part.0, signed(commit.number));
            self.attempts.push(Attempt { part, key: key.key, actor: key.actor, commit, place: place as i64 });
        }
        (self.mark.number, self.mark.hash) = (commit.number, commit.hash);
        Ok(())
    }

    /// Nothing yet, after all that this has.
    pub fn next(&self) -> Rows<'c> {
        Rows::begin(self.db, self.mark, self.since)
    }

    /// A booking that was made since the mark, as the last commit leaves it.
    pub fn made(&self, id: BookingId) -> Option<&Arc<Booking>> {
        self.made.get(&id).map(|made| &made.booking)
    }

    /// What stands for all of them. Returns how far the tables are then.
    pub fn finish(mut self) -> Result<Mark> {
        self.put_bookings()?;
        self.attempts.sort_unstable();
        together::put(self.db, ATTEMPT, &self.attempts, |values, Attempt { part, key, actor, commit, place }| {
            values.add(params![part, key, actor, commit, place])
        })?;
        let heads: Vec<(&ResourceId, &Head)> = self.heads.iter().collect();
        together::put(self.db, HEAD, &heads, |values, (resource, Head { version, decided_at, hash, commit })| {
            let (epoch, number) = (version.epoch.0, signed(version.number));
            values.add(params![PART, resource.0, epoch, number, decided_at.0, hash, signed(*commit)])
        })?;
        let Mark { number, hash, longest } = self.mark;
        let rows = self.db.prepare_cached(MARKED_AT)?.execute(params![PART, signed(number), hash, longest.0])?;
        one_row(rows, "mark", &number)?;
        Ok(self.mark)
    }

    fn put_bookings(&self) -> Result<()> {
        let made: Vec<&Made> = self.made.values().collect();
        together::put(self.db, BOOKING, &made, |values, Made { booking, commits }| {
            booking_values(values, booking, commits)
        })?;
        let mut slots = Vec::with_capacity(made.len());
        for Made { booking, .. } in made {
            let until = until(booking);
            let placed = (0_i64..).zip(&booking.slots);
            slots.extend(placed.map(|(place, slot)| (slot.resource, until, booking.id, place, slot, booking)));
        }
        slots.sort_unstable_by_key(|(resource, until, id, place, ..)| (*resource, *until, *id, *place));
        together::put(self.db, SLOT, &slots, |values, (_, until, _, place, slot, booking)| {
            slot_values(values, booking, *until, *place, slot)
        })
    }

    fn entry(&mut self, entry: &Entry) -> Result<()> {
        for booking in &entry.bookings {
            self.booking(booking, entry)?;
        }
        for record in &entry.records {
            for change in &record.changes {
                self.change(record.resource, change, &entry.bookings)?;
            }
            let (resource, version) = (record.resource, record.version);
            if version.number.is_multiple_of(MARKED) {
                let mut insert = self.db.prepare_cached(MARK)?;
                insert.execute(params![PART, resource.0, signed(version.number), signed(self.commit)])?;
            }
            let decided_at = entry.recorded.decision.decided_at;
            self.heads.insert(resource, Head { version, decided_at, hash: record.hash, commit: self.commit });
        }
        Ok(())
    }

    fn notices(&self, entry: &Entry, place: &mut u32) -> Result<()> {
        let at = entry.recorded.decision.decided_at;
        for noted in Noted::by(entry.changes_by_resource(), &entry.bookings, entry.actor(), at, self.commit, place) {
            let Notice { to, news, booking } = noted.notice;
            let (place, resource) = (noted.id.place, noted.resource);
            let commit = signed(self.commit);
            let mut insert = self.db.prepare_cached(NOTICE)?;
            let (news, dates) = (news.name(), noted.dates);
            insert.execute(params![PART, to.0, commit, place, news, booking.0, resource.0, at.0, dates])?;
        }
        Ok(())
    }

    fn change(&mut self, resource: ResourceId, change: &Change, bookings: &[Arc<Booking>]) -> Result<()> {
        let until = |id: BookingId| {
            let booking = bookings.iter().find(|b| b.id == id);
            booking.map(|b| until(b)).ok_or_else(|| Error::bug(format!("{id} changes without its booking")))
        };
        match change {
            Change::ResourceCreated(r) | Change::ResourceEdited(r) => self.resource(r),
            Change::BlockAdded { block, policy_version } => {
                put_block(self.db, resource, block)?;
                self.policy_version(resource, *policy_version)
            }
            Change::BlockRemoved { block, policy_version } => {
                let rows = self.db.prepare_cached(BLOCK_GONE)?.execute(params![PART, resource.0, block.id.0])?;
                one_row(rows, "block", &block.id)?;
                self.policy_version(resource, *policy_version)
            }
            // Its slots are put in with the booking.
            Change::BookingMade { .. }
            | Change::BookingRequested { .. }
            | Change::BookingMoved { .. }
            | Change::BookingNoShow { .. }
            | Change::BookingHandedOver { .. } => Ok(()),
            // And so are all of one that was made since the mark.
            Change::BookingApproved { booking, .. }
            | Change::BookingCancelled { booking, .. }
            | Change::BookingDisplaced { booking, .. }
                if self.made.contains_key(booking) =>
            {
                Ok(())
            }
            Change::BookingApproved { booking, slots, .. } => {
                self.slots_active(resource, *booking, until(*booking)?, slots, 1)
            }
            Change::BookingCancelled { booking, slots, late: true, .. } => {
                self.slots_active(resource, *booking, until(*booking)?, slots, COUNTS)
            }
            Change::BookingCancelled { booking, slots, .. } | Change::BookingDisplaced { booking, slots, .. } => {
                self.slots_active(resource, *booking, until(*booking)?, slots, 0)
            }
            Change::BookingEdited { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::HoldOverrode { .. } => Ok(()),
            Change::CapacitySet { resource: r, over_commit, .. } => {
                self.resource(r)?;
                self.over_commit(resource, *over_commit)
            }
            Change::ServiceSet { resource: r, .. } => self.resource(r),
            Change::OverCommitLowered { to } => self.over_commit(resource, *to),
            Change::HoldGranted(hold) => put_hold(self.db, hold),
            Change::HoldRenewed(hold) => {
                let mut update = self.db.prepare_cached(HOLD_RENEWED)?;
                let rows = update.execute(params![PART, hold.id.0, hold.expires_at.0, hold.renewals])?;
                one_row(rows, "hold", &hold.id)
            }
            Change::HoldEnded(EndedHold { hold, end }) => {
                let mut update = self.db.prepare_cached(HOLD_ENDED)?;
                let rows = update.execute(params![PART, hold.id.0, codec::hold_end_name(*end)])?;
                one_row(rows, "hold", &hold.id)
            }
            Change::WaitJoined(entry) => put_entry(self.db, entry),
            Change::WaitOffered(entry) | Change::WaitResumed(entry) | Change::WaitMoved(entry) => {
                let mut update = self.db.prepare_cached(ENTRY_CHANGED)?;
                let offer = entry.offer.map(|id| id.0);
                let rows = update.execute(params![PART, entry.id.0, entry.class, offer, entry.offers])?;
                one_row(rows, "wait_entry", &entry.id)
            }
            Change::WaitEnded(EndedEntry { entry, end }) => {
                let mut update = self.db.prepare_cached(ENTRY_ENDED)?;
                let booking = codec::promoted_to(*end).map(|id| id.0);
                let rows = update.execute(params![PART, entry.id.0, end.name(), booking])?;
                one_row(rows, "wait_entry", &entry.id)
            }
            Change::WaitDue(at) => put_due(self.db, resource, *at),
            // It is a notice, and no more.
            Change::Reminded { .. } => Ok(()),
        }
    }

    fn resource(&self, resource: &Resource) -> Result<()> {
        let spec = codec::encode_spec(&resource.spec)?;
        let mut put = self.db.prepare_cached(RESOURCE)?;
        one_row(
            put.execute(params![PART, resource.id.0, signed(resource.policy_version), spec])?,
            "resource",
            &resource.id,
        )
    }

    fn over_commit(&self, resource: ResourceId, units: u32) -> Result<()> {
        let rows = self.db.prepare_cached(OVER_COMMIT)?.execute(params![PART, resource.0, units])?;
        one_row(rows, "resource", &resource)
    }

    fn policy_version(&self, resource: ResourceId, version: u64) -> Result<()> {
        let mut update = self.db.prepare_cached(POLICY_VERSION)?;
        one_row(update.execute(params![PART, resource.0, signed(version)])?, "resource", &resource)
    }

    fn booking(&mut self, booking: &Arc<Booking>, entry: &Entry) -> Result<()> {
        let Booking { id, details, .. } = &**booking;
        let (start, end) = (booking.start(), booking.end());
        self.mark.longest = self.mark.longest.max(end.since(start));
        let commit = self.commit.to_be_bytes();
        match (self.made.get_mut(id), booking.revision) {
            (None, 1) => {
                self.made.insert(*id, Made { booking: booking.clone(), commits: commit.to_vec() });
                return Ok(());
            }
            (Some(made), revision) if revision == made.booking.revision + 1 => {
                made.booking = booking.clone();
                made.commits.extend(commit);
                return Ok(());
            }
            (Some(made), revision) => {
                let before = made.booking.revision;
                return Err(Error::bug(format!("{id} is at revision {revision} after {before}")));
            }
            (None, _) => {}
        }
        let moved = entry.changes().any(|change| change.booking() == Some(*id) && change.moves());
        if moved {
            self.slots_gone(*id)?;
        }
        let (state, until) = (StateCells::of(&booking.state), until(booking));
        let (_, occurrence) = occurrence(booking)?;
        let rows = self.db.prepare_cached(BOOKING_CHANGED)?.execute(params![
            PART,
            id.0,
            signed(booking.revision - 1),
            state.name,
            state.at,
            state.by,
            state.reason,
            details.title,
            details.purpose,
            details.people,
            start.0,
            end.0,
            start.0.div_euclid(DAY),
            until.0,
            ids_of(booking),
            signed(booking.revision),
            booking.decided_at.0,
            commit,
            state.more,
            booking.owner.0,
            codec::encode_guests(details)?,
            details.private,
            occurrence
        ])?;
        one_row(rows, "booking", id)?;
        match moved {
            true => put_slots(&mut *self.db.prepare_cached(SLOT)?, booking, until),
            false => Ok(()),
        }
    }

    /// Takes away the slots where the booking was until now.
    fn slots_gone(&self, id: BookingId) -> Result<()> {
        let mut select = self.db.prepare_cached(BOOKING_PLACE)?;
        let (until, resources): (i64, Vec<u8>) =
            select.query_row(params![PART, id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut delete = self.db.prepare_cached(SLOTS_GONE)?;
        for resource in resources.chunks(16) {
            delete.execute(params![PART, resource, until, id.0])?;
        }
        Ok(())
    }

    fn slots_active(
        &self,
        resource: ResourceId,
        booking: BookingId,
        until: Instant,
        slots: &[(u16, Slot)],
        active: i8,
    ) -> Result<()> {
        let mut update = self.db.prepare_cached(SLOT_ACTIVE)?;
        for (place, _) in slots {
            let rows = update.execute(params![PART, resource.0, until.0, booking.0, place, active])?;
            one_row(rows, "booking_slot", &booking)?;
        }
        Ok(())
    }
}

/// Puts a booking in, without its slots; `statement` takes the values of [`BOOKING`].
pub(super) fn put_booking(statement: &mut Statement, booking: &Booking, commits: &[u8]) -> Result<()> {
    let mut values = Values::of(statement);
    booking_values(&mut values, booking, commits)?;
    values.execute().map(drop)
}

fn booking_values(values: &mut Values, booking: &Booking, commits: &[u8]) -> Result<()> {
    let Booking { id, details, .. } = booking;
    let state = StateCells::of(&booking.state);
    let start = booking.start().0;
    let (series, occurrence) = occurrence(booking)?;
    values.add(params![
        PART,
        id.0,
        booking.owner.0,
        booking.made_by.uuid(),
        state.name,
        state.at,
        state.by,
        state.reason,
        details.title,
        details.purpose,
        details.people,
        start,
        booking.end().0,
        start.div_euclid(DAY),
        until(booking).0,
        ids_of(booking),
        signed(booking.revision),
        booking.created_at.0,
        booking.decided_at.0,
        commits,
        state.more,
        codec::encode_guests(details)?,
        details.private,
        series,
        occurrence
    ])
}

/// Puts a booking's slots in; `statement` is [`SLOT`].
pub(super) fn put_slots(statement: &mut Statement, booking: &Booking, until: Instant) -> Result<()> {
    (0_i64..).zip(&booking.slots).try_for_each(|(place, slot)| {
        let mut values = Values::of(statement);
        slot_values(&mut values, booking, until, place, slot)?;
        values.execute().map(drop)
    })
}

fn slot_values(values: &mut Values, booking: &Booking, until: Instant, place: i64, slot: &Slot) -> Result<()> {
    let around = around(slot.interval, slot.occupied);
    values.add(params![
        PART,
        slot.resource.0,
        until.0,
        booking.id.0,
        place,
        booking.owner.0,
        slot.interval.start().0,
        slot.interval.end().0,
        around.0,
        around.1,
        slot.units,
        exclusive(slot),
        active(booking, slot),
        slot.quota.map(|counts| counts.of.0),
        slot.quota.map(|counts| counts.credits)
    ])
}

/// Whether the slot takes its units; 2 for what a booking took that nobody came to, -1 for what takes nothing and counts all the same.
fn active(booking: &Booking, slot: &Slot) -> i8 {
    match (&booking.state, booking.state.takes(slot)) {
        (BookingState::NoShow { .. }, true) => 2,
        (_, true) => 1,
        (state, false) if state.counts() => COUNTS,
        (_, false) => 0,
    }
}

/// The columns of a booking that say what became of it.
pub(super) struct StateCells<'b> {
    pub name: &'static str,
    pub at: Option<i64>,
    pub by: Option<Uuid>,
    pub reason: Option<&'b str>,
    pub more: Option<String>,
}

impl<'b> StateCells<'b> {
    pub fn of(state: &'b BookingState) -> StateCells<'b> {
        let nothing = StateCells { name: state.name(), at: None, by: None, reason: None, more: None };
        match state {
            BookingState::Confirmed => nothing,
            BookingState::Pending { takes } => StateCells { more: takes.then(|| "takes".into()), ..nothing },
            BookingState::Cancelled { at, by, reason, late } => StateCells {
                at: Some(at.0),
                by: Some(by.uuid()),
                reason: reason.as_deref(),
                more: late.then(|| "late".into()),
                ..nothing
            },
            BookingState::CheckedIn { at, by } => StateCells { at: Some(at.0), by: Some(by.uuid()), ..nothing },
            BookingState::NoShow { at } => StateCells { at: Some(at.0), ..nothing },
            BookingState::Displaced { at, by, reason, by_what } => StateCells {
                at: Some(at.0),
                by: Some(by.uuid()),
                reason: Some(reason),
                more: Some(match by_what {
                    Displacer::Booking(id) => format!("booking {id}"),
                    Displacer::Block(id) => format!("block {id}"),
                    Displacer::Capacity(id) => format!("capacity {id}"),
                }),
                ..nothing
            },
        }
    }
}

/// The ids of the resources it takes from, one after the other.
fn ids_of(booking: &Booking) -> Vec<u8> {
    booking.resources().iter().flat_map(|r| r.0.into_bytes()).collect()
}

/// Puts a block in.
pub(super) fn put_block(db: &Connection, resource: ResourceId, block: &Block) -> Result<()> {
    let Block { id, interval, reason, exceptions } = block;
    let people: Vec<u8> = exceptions.people.iter().flat_map(|p| p.0.into_bytes()).collect();
    let bookings: Vec<u8> = exceptions.bookings.iter().flat_map(|b| b.0.into_bytes()).collect();
    let (start, end) = (interval.start().0, interval.end().0);
    let mut insert = db.prepare_cached(BLOCK)?;
    insert.execute(params![PART, resource.0, id.0, start, end, reason, people, bookings])?;
    Ok(())
}

/// Puts a live hold in.
pub(super) fn put_hold(db: &Connection, hold: &Hold) -> Result<()> {
    let around = around(hold.interval, hold.occupied);
    db.prepare_cached(HOLD)?.execute(params![
        PART,
        hold.id.0,
        hold.resource.0,
        hold.token.0.epoch.0,
        signed(hold.token.number()),
        hold.holder.0,
        hold.interval.start().0,
        hold.interval.end().0,
        around.0,
        around.1,
        hold.units,
        hold.granted_at.0,
        hold.expires_at.0,
        hold.renewals,
        hold.offer.map(|id| id.0)
    ])?;
    Ok(())
}

/// Puts somebody who waits in.
pub(super) fn put_entry(db: &Connection, entry: &WaitEntry) -> Result<()> {
    db.prepare_cached(ENTRY)?.execute(params![
        PART,
        entry.id.0,
        entry.resource.0,
        entry.owner.0,
        entry.made_by.uuid(),
        entry.interval.start().0,
        entry.interval.end().0,
        entry.units,
        entry.class,
        entry.joined.epoch.0,
        signed(entry.joined.number),
        entry.joined_at.0,
        entry.gives_up.map(|id| id.0),
        entry.offer.map(|id| id.0),
        entry.offers,
        entry.wants.name()
    ])?;
    Ok(())
}

/// Puts in when a resource must be looked at again.
pub(super) fn put_due(db: &Connection, resource: ResourceId, at: Option<Instant>) -> Result<()> {
    match at {
        Some(at) => db.prepare_cached(DUE)?.execute(params![PART, resource.0, at.0])?,
        None => db.prepare_cached(DUE_GONE)?.execute(params![PART, resource.0])?,
    };
    Ok(())
}

/// Takes away keys and ended holds from before an instant, at most so many of each. Says of which there were more, how many.
pub(super) fn prune(db: &mut Connection, before: Instant, max: usize) -> Result<usize> {
    // The first id of the millisecond after: what is exactly as old as that is old too.
    let millis = u64::try_from(before.0.div_euclid(1_000) + 1).unwrap_or(0);
    let mut first = [0; 16];
    if let (Some(place), Some(time)) = (first.get_mut(..6), millis.to_be_bytes().get(2..)) {
        place.copy_from_slice(time);
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let keys = tx.prepare_cached(OLD_KEYS)?.execute(params![PART, first, max as i64])?;
    let holds = tx.prepare_cached(OLD_HOLDS)?.execute(params![PART, first, max as i64])?;
    tx.commit()?;
    if keys + holds > 0 {
        tracing::debug!(keys, holds, "what is kept no longer was taken out of the tables");
    }
    Ok(keys.max(holds))
}

/// The two columns that say which date of which series a booking is.
pub(super) fn occurrence(booking: &Booking) -> Result<(Option<Uuid>, Option<String>)> {
    let Some(occurrence) = &booking.occurrence else { return Ok((None, None)) };
    Ok((Some(occurrence.series.id.0), Some(codec::encode_occurrence(occurrence)?)))
}

/// The last instant that any slot of the booking takes.
pub(super) fn until(booking: &Booking) -> Instant {
    booking.slots.iter().map(|s| s.occupied.end()).max().unwrap_or(Instant::MIN)
}

fn around(interval: Interval, occupied: Interval) -> (i64, i64) {
    (interval.start().since(occupied.start()).0, occupied.end().since(interval.end()).0)
}

const fn exclusive(slot: &Slot) -> bool {
    match slot.own_overlap {
        OwnOverlap::Refuse => true,
        OwnOverlap::Allow => false,
    }
}

fn one_row(rows: usize, table: &str, key: &impl std::fmt::Display) -> Result<()> {
    match rows {
        1 => Ok(()),
        _ => Err(Error::bug(format!(
            "{rows} rows of {table} for {key} instead of one: the rows are not what was judged on"
        ))),
    }
}
