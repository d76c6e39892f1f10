//! Rows of one resource made anew from the record, where the reconciler found them to be others.
//! It never touches the journal, and does nothing if the resource has changed since it was folded.

use super::cache::Entry;
use super::error::Result;
use super::load::{self, PART, signed};
use super::rows::{DAY, OVER_COMMIT, RESOURCE, SLOT, StateCells, put_block, put_hold, put_slots, until};
use crate::codec;
use rusqlite::{Connection, TransactionBehavior, params};
use slotwise_domain::{Booking, Instant, ResourceId};
use std::sync::Arc;

/// What the rows of a resource must say.
pub(super) struct Mend {
    /// The resource, as the record makes it.
    pub entry: Entry,
    /// What ended before is left alone.
    pub since: Instant,
    /// The bookings that take time of it, each with the commits that changed it.
    pub bookings: Vec<(Arc<Booking>, Vec<u64>)>,
}

const BOOKING: &str = "
INSERT OR REPLACE INTO booking (part_id, id, owner, made_by, state, state_at, state_by, state_reason, title, purpose, people,
                     start_at, end_at, start_day, until, resources, revision, created_at, decided_at, commits, state_more)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";

impl Mend {
    /// In one transaction. Says whether it was done.
    pub fn carry_out(&self, db: &mut Connection) -> Result<bool> {
        let calendar = &self.entry.calendar;
        let id = calendar.resource.id;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if load::resource_head(&tx, id)? != Some((calendar.version, self.entry.commit)) {
            return Ok(false);
        }
        let spec = codec::encode_spec(&calendar.resource.spec)?;
        tx.execute(RESOURCE, params![PART, id.0, signed(calendar.resource.policy_version), spec])?;
        tx.execute(OVER_COMMIT, params![PART, id.0, calendar.over_commit])?;
        tx.execute("DELETE FROM block WHERE part_id = ?1 AND resource = ?2", params![PART, id.0])?;
        for block in calendar.blocks.values() {
            put_block(&tx, id, block)?;
        }
        tx.execute("DELETE FROM hold WHERE part_id = ?1 AND resource = ?2 AND ended IS NULL", params![PART, id.0])?;
        for hold in calendar.holds.values() {
            tx.execute("DELETE FROM hold WHERE part_id = ?1 AND id = ?2", params![PART, hold.id.0])?;
            put_hold(&tx, hold)?;
        }
        const TAKEN: &str =
            "DELETE FROM booking_slot WHERE part_id = ?1 AND resource = ?2 AND until > ?3 AND active > 0";
        tx.execute(TAKEN, params![PART, id.0, self.since.0])?;
        for (booking, commits) in &self.bookings {
            put_booking(&tx, booking, commits)?;
        }
        tx.commit()?;
        Ok(true)
    }
}

fn put_booking(db: &Connection, booking: &Booking, commits: &[u64]) -> Result<()> {
    let Booking { id, owner, details, .. } = booking;
    let state = StateCells::of(&booking.state);
    let resources: Vec<ResourceId> = booking.resources();
    let ids: Vec<u8> = resources.iter().flat_map(|r| r.0.into_bytes()).collect();
    let commits: Vec<u8> = commits.iter().flat_map(|n| n.to_be_bytes()).collect();
    let (start, end, until) = (booking.start(), booking.end(), until(booking));
    db.execute(
        BOOKING,
        params![
            PART,
            id.0,
            owner.0,
            booking.made_by.uuid(),
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
            ids,
            signed(booking.revision),
            booking.created_at.0,
            booking.decided_at.0,
            commits,
            state.more
        ],
    )?;
    for resource in resources {
        const GONE: &str = "DELETE FROM booking_slot WHERE part_id = ?1 AND resource = ?2 AND booking = ?3";
        db.execute(GONE, params![PART, resource.0, id.0])?;
    }
    put_slots(&mut *db.prepare_cached(SLOT)?, booking, until)
}
