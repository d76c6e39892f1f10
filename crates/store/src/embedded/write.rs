//! The rows of one commit: state, record and answers of everything decided in it.
//! It judges nothing, and it reads nothing back: row counts say whether the rows were what the judgement held.

use super::error::{Error, Result};
use super::load::{PART, signed};
use crate::codec;
use crate::record::{self, CommitHash, Hash, Header};
use rusqlite::{CachedStatement, Connection, params};
use slotwise_domain::{
    Block, Booking, BookingId, BookingState, Change, Changes, EndedHold, Hold, Instant, Interval, Outcome, OwnOverlap,
    Proposal, Resource, ResourceId, Slot, Span, Version,
};
use slotwise_engine::Recorded;
use std::collections::HashMap;
use uuid::Uuid;

/// A resource's place in its chain, within a commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// As the rows had it before this commit; `None` if there was no such resource.
    pub stored: Option<Version>,
    /// As it is now.
    pub version: Version,
    pub decided_at: Instant,
    pub hash: Hash,
    /// Where its last record is; 0 if it has none.
    pub position: u64,
}

/// Where the writer stands, before and after a commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub writer: Uuid,
    pub commit_number: u64,
    pub commit_hash: Hash,
    pub position: u64,
    /// No booking lasts longer.
    pub longest: Span,
}

/// Writes the rows of one commit, one decision after the other.
pub(super) struct Rows<'c> {
    db: &'c Connection,
    heads: &'c mut HashMap<ResourceId, Head>,
    place: Place,
    longest_before: Span,
    at: Instant,
    attempts: u32,
    hash: CommitHash,
    record: CachedStatement<'c>,
    attempt: CachedStatement<'c>,
    booking: CachedStatement<'c>,
    slot: CachedStatement<'c>,
}

const DAY: i64 = 86_400_000_000;
/// Every so manieth record of a resource has a mark.
const MARKED: u64 = 64;

const RECORD: &str = "
INSERT INTO record (position, part_id, resource, epoch, number, previous, decided_at, attempt, actor, body, hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

const MARK: &str = "INSERT INTO record_mark (part_id, resource, number, position) VALUES (?1, ?2, ?3, ?4)";

const ATTEMPT: &str = "
INSERT INTO attempt (part_id, key, actor, fingerprint, command, outcome, code, decided_at, commit_number, place, decision)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

const BOOKING: &str = "
INSERT INTO booking (part_id, id, owner, made_by, state, title, purpose, people, start_at, end_at, start_day, until, resources,
                     revision, created_at, decided_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

const SLOT: &str = "
INSERT INTO booking_slot (part_id, resource, until, booking, place, owner, start_at, end_at, setup, teardown, units, exclusive,
                          active)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

const BOOKING_CHANGED: &str = "
UPDATE booking SET state = ?4, cancelled_at = ?5, cancelled_by = ?6, cancel_reason = ?7, title = ?8, purpose = ?9, people = ?10,
                   revision = ?11, decided_at = ?12
WHERE part_id = ?1 AND id = ?2 AND revision = ?3";

const SLOT_ACTIVE: &str = "
UPDATE booking_slot SET active = ?6
WHERE part_id = ?1 AND resource = ?2 AND until = ?3 AND booking = ?4 AND place = ?5";

const VERSION: &str = "
INSERT INTO resource_version (part_id, resource, epoch, number, decided_at, hash, position)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const VERSION_RAISED: &str = "
UPDATE resource_version SET epoch = ?3, number = ?4, decided_at = ?5, hash = ?6, position = ?7
WHERE part_id = ?1 AND resource = ?2 AND epoch = ?8 AND number = ?9";

const RESOURCE: &str = "
INSERT INTO resource (part_id, id, kind, name, building, seats, capacity, policy_version, folded, spec)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

const RESOURCE_EDITED: &str = "
UPDATE resource SET kind = ?3, name = ?4, building = ?5, seats = ?6, capacity = ?7, policy_version = ?8, folded = ?9, spec = ?10
WHERE part_id = ?1 AND id = ?2";

const POLICY_VERSION: &str = "UPDATE resource SET policy_version = ?3 WHERE part_id = ?1 AND id = ?2";

const EQUIPMENT_GONE: &str = "DELETE FROM resource_equipment WHERE part_id = ?1 AND resource = ?2";

const EQUIPMENT: &str = "INSERT INTO resource_equipment (part_id, resource, word) VALUES (?1, ?2, ?3)";

const BLOCK: &str =
    "INSERT INTO block (part_id, resource, id, start_at, end_at, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const BLOCK_GONE: &str = "DELETE FROM block WHERE part_id = ?1 AND resource = ?2 AND id = ?3";

const HOLD: &str = "
INSERT INTO hold (part_id, id, resource, token_epoch, token_number, holder, start_at, end_at, setup, teardown, units, granted_at,
                  expires_at, renewals)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

const HOLD_RENEWED: &str = "
UPDATE hold SET expires_at = ?3, renewals = ?4 WHERE part_id = ?1 AND id = ?2 AND ended IS NULL";

const HOLD_ENDED: &str = "UPDATE hold SET ended = ?3 WHERE part_id = ?1 AND id = ?2 AND ended IS NULL";

const LONGEST: &str = "UPDATE meta SET longest = ?2 WHERE part_id = ?1";

const COMMIT: &str = "
INSERT INTO commit_log (part_id, writer, number, at, attempts, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

impl<'c> Rows<'c> {
    /// Begins the rows of the commit after `before`.
    pub fn begin(
        db: &'c Connection,
        heads: &'c mut HashMap<ResourceId, Head>,
        before: Place,
        at: Instant,
    ) -> Result<Self> {
        let place = Place { commit_number: before.commit_number + 1, ..before };
        Ok(Rows {
            db,
            heads,
            place,
            longest_before: before.longest,
            at,
            attempts: 0,
            hash: CommitHash::after(&before.commit_hash, place.writer, place.commit_number, at),
            record: db.prepare_cached(RECORD)?,
            attempt: db.prepare_cached(ATTEMPT)?,
            booking: db.prepare_cached(BOOKING)?,
            slot: db.prepare_cached(SLOT)?,
        })
    }

    /// One decision, with what it changes.
    pub fn decided(&mut self, proposal: &Proposal, recorded: &Recorded, changes: &Changes) -> Result<()> {
        let versions = &recorded.decision.decided;
        if !changes.records.is_empty() && versions.len() != changes.records.len() {
            return Err(Error::bug("a decision names other versions than it made"));
        }
        for ((resource, record), (_, version)) in changes.records.iter().zip(versions) {
            self.record(*resource, *version, record, proposal, recorded.decision.decided_at)?;
            for change in record {
                self.change(*resource, change, &changes.bookings)?;
            }
        }
        for booking in &changes.bookings {
            self.booking(booking)?;
        }
        self.attempt(proposal, recorded)
    }

    /// The rows that stand for the whole commit. Returns where the writer stands after it.
    pub fn finish(mut self) -> Result<Place> {
        let (db, heads) = (self.db, &self.heads);
        let mut raise = db.prepare_cached(VERSION_RAISED)?;
        for (resource, head) in heads.iter() {
            let Version { epoch, number } = head.version;
            let rows = match head.stored {
                Some(stored) if stored == head.version => continue,
                None if number == 0 => continue,
                None => db.prepare_cached(VERSION)?.execute(params![
                    PART,
                    resource.0,
                    epoch.0,
                    signed(number),
                    head.decided_at.0,
                    head.hash,
                    signed(head.position)
                ])?,
                Some(stored) => raise.execute(params![
                    PART,
                    resource.0,
                    epoch.0,
                    signed(number),
                    head.decided_at.0,
                    head.hash,
                    signed(head.position),
                    stored.epoch.0,
                    signed(stored.number)
                ])?,
            };
            one_row(rows, "resource_version", resource)?;
        }
        if self.place.longest > self.longest_before {
            db.prepare_cached(LONGEST)?.execute(params![PART, self.place.longest.0])?;
        }
        self.place.commit_hash = self.hash.finish();
        let Place { writer, commit_number, commit_hash, .. } = self.place;
        let mut insert = db.prepare_cached(COMMIT)?;
        insert.execute(params![PART, writer, signed(commit_number), self.at.0, self.attempts, commit_hash])?;
        Ok(self.place)
    }

    fn record(
        &mut self,
        resource: ResourceId,
        version: Version,
        changes: &[Change],
        proposal: &Proposal,
        decided_at: Instant,
    ) -> Result<()> {
        let nothing = || Head {
            stored: None,
            version: Version::zero(version.epoch),
            decided_at,
            hash: record::genesis(resource),
            position: 0,
        };
        let head = self.heads.entry(resource).or_insert_with(nothing);
        if version != head.version.next_in(version.epoch) {
            return Err(Error::bug(format!("{resource} is at {} and a decision made {version}", head.version)));
        }
        let body = codec::encode_changes(resource, changes)?;
        let actor = proposal.command.actor.uuid();
        let header = Header { resource, version, decided_at, attempt: proposal.key.key, actor };
        self.place.position += 1;
        let (position, previous) = (self.place.position, head.position);
        *head = Head { version, decided_at, hash: record::chain(&head.hash, &header, &body), position, ..*head };
        self.record.execute(params![
            signed(position),
            PART,
            resource.0,
            version.epoch.0,
            signed(version.number),
            signed(previous),
            decided_at.0,
            header.attempt,
            actor,
            body,
            head.hash
        ])?;
        if version.number.is_multiple_of(MARKED) {
            let mut insert = self.db.prepare_cached(MARK)?;
            insert.execute(params![PART, resource.0, signed(version.number), signed(position)])?;
        }
        Ok(())
    }

    fn attempt(&mut self, proposal: &Proposal, recorded: &Recorded) -> Result<()> {
        let Recorded { key, fingerprint, decision } = recorded;
        let command = proposal.command.name();
        let body = codec::encode_decision(decision)?;
        self.hash.attempt(*key, fingerprint, command, &body);
        let code = match &decision.outcome {
            Outcome::Booked | Outcome::Accepted => None,
            Outcome::Rejected(rejection) => Some(rejection.code.name()),
        };
        self.attempt.execute(params![
            key.part.0,
            key.key,
            key.actor,
            fingerprint.0,
            command,
            decision.outcome.name(),
            code,
            decision.decided_at.0,
            signed(self.place.commit_number),
            self.attempts,
            body
        ])?;
        self.attempts += 1;
        Ok(())
    }

    fn change(&mut self, resource: ResourceId, change: &Change, bookings: &[std::sync::Arc<Booking>]) -> Result<()> {
        let until = |id: BookingId| {
            let booking = bookings.iter().find(|b| b.id == id);
            booking.map(|b| until(b)).ok_or_else(|| Error::bug(format!("{id} changes without its booking")))
        };
        match change {
            Change::ResourceCreated(r) => self.resource(RESOURCE, r),
            Change::ResourceEdited(r) => {
                self.db.prepare_cached(EQUIPMENT_GONE)?.execute(params![PART, r.id.0])?;
                self.resource(RESOURCE_EDITED, r)
            }
            Change::BlockAdded { block: Block { id, interval, reason }, policy_version } => {
                let (start, end) = (interval.start().0, interval.end().0);
                self.db.prepare_cached(BLOCK)?.execute(params![PART, resource.0, id.0, start, end, reason])?;
                self.policy_version(resource, *policy_version)
            }
            Change::BlockRemoved { block, policy_version } => {
                let rows = self.db.prepare_cached(BLOCK_GONE)?.execute(params![PART, resource.0, block.id.0])?;
                one_row(rows, "block", &block.id)?;
                self.policy_version(resource, *policy_version)
            }
            Change::BookingMade { booking, owner, pending, slots } => {
                let until = until(*booking)?;
                for (place, slot) in slots {
                    let (exclusive, around) = (exclusive(slot), around(slot.interval, slot.occupied));
                    self.slot.execute(params![
                        PART,
                        resource.0,
                        until.0,
                        booking.0,
                        place,
                        owner.0,
                        slot.interval.start().0,
                        slot.interval.end().0,
                        around.0,
                        around.1,
                        slot.units,
                        exclusive,
                        !pending
                    ])?;
                }
                Ok(())
            }
            Change::BookingApproved { booking, slots, .. } => {
                self.slots_active(resource, *booking, until(*booking)?, slots, true)
            }
            Change::BookingCancelled { booking, slots, .. } => {
                self.slots_active(resource, *booking, until(*booking)?, slots, false)
            }
            Change::BookingEdited { .. } => Ok(()),
            Change::HoldGranted(hold) => self.hold(hold),
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
        }
    }

    fn resource(&self, sql: &str, resource: &Resource) -> Result<()> {
        let spec = &resource.spec;
        let folded = format!("{}\n{}", spec.name, spec.building.as_deref().unwrap_or_default()).to_lowercase();
        let rows = self.db.prepare_cached(sql)?.execute(params![
            PART,
            resource.id.0,
            codec::kind_name(spec.kind),
            spec.name,
            spec.building,
            spec.seats,
            spec.capacity,
            signed(resource.policy_version),
            folded,
            codec::encode_spec(spec)?
        ])?;
        one_row(rows, "resource", &resource.id)?;
        let mut insert = self.db.prepare_cached(EQUIPMENT)?;
        for word in &spec.equipment {
            insert.execute(params![PART, resource.id.0, word])?;
        }
        Ok(())
    }

    fn policy_version(&self, resource: ResourceId, version: u64) -> Result<()> {
        let mut update = self.db.prepare_cached(POLICY_VERSION)?;
        one_row(update.execute(params![PART, resource.0, signed(version)])?, "resource", &resource)
    }

    fn booking(&mut self, booking: &Booking) -> Result<()> {
        let Booking { id, details, .. } = booking;
        let (state, cancelled) = match &booking.state {
            BookingState::Pending => ("pending", None),
            BookingState::Confirmed => ("confirmed", None),
            BookingState::Cancelled { at, by, reason } => ("cancelled", Some((at.0, by.uuid(), reason))),
        };
        if booking.revision == 1 {
            let resources: Vec<u8> = booking.resources().iter().flat_map(|r| r.0.into_bytes()).collect();
            let (start, end) = (booking.start(), booking.end());
            self.place.longest = self.place.longest.max(end.since(start));
            self.booking.execute(params![
                PART,
                id.0,
                booking.owner.0,
                booking.made_by.uuid(),
                state,
                details.title,
                details.purpose,
                details.people,
                start.0,
                end.0,
                start.0.div_euclid(DAY),
                until(booking).0,
                resources,
                signed(booking.revision),
                booking.created_at.0,
                booking.decided_at.0
            ])?;
            return Ok(());
        }
        let rows = self.db.prepare_cached(BOOKING_CHANGED)?.execute(params![
            PART,
            id.0,
            signed(booking.revision - 1),
            state,
            cancelled.map(|(at, ..)| at),
            cancelled.map(|(_, by, _)| by),
            cancelled.and_then(|(.., reason)| reason.as_ref()),
            details.title,
            details.purpose,
            details.people,
            signed(booking.revision),
            booking.decided_at.0
        ])?;
        one_row(rows, "booking", id)
    }

    fn slots_active(
        &self,
        resource: ResourceId,
        booking: BookingId,
        until: Instant,
        slots: &[(u16, Slot)],
        active: bool,
    ) -> Result<()> {
        let mut update = self.db.prepare_cached(SLOT_ACTIVE)?;
        for (place, _) in slots {
            let rows = update.execute(params![PART, resource.0, until.0, booking.0, place, active])?;
            one_row(rows, "booking_slot", &booking)?;
        }
        Ok(())
    }

    fn hold(&self, hold: &Hold) -> Result<()> {
        let Version { epoch, number } = hold.token.0;
        let around = around(hold.interval, hold.occupied);
        self.db.prepare_cached(HOLD)?.execute(params![
            PART,
            hold.id.0,
            hold.resource.0,
            epoch.0,
            signed(number),
            hold.holder.0,
            hold.interval.start().0,
            hold.interval.end().0,
            around.0,
            around.1,
            hold.units,
            hold.granted_at.0,
            hold.expires_at.0,
            hold.renewals
        ])?;
        Ok(())
    }
}

/// The last instant that any slot of the booking takes.
fn until(booking: &Booking) -> Instant {
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
