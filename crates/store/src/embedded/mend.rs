//! Rows of one resource made anew from the record, where the reconciler found them to be others.
//! It never touches the journal, and does nothing if the resource has changed since it was folded.

use super::cache::Entry;
use super::error::Result;
use super::load::{self, PART, signed};
use super::rows::{self, OVER_COMMIT, RESOURCE, SLOT, put_block, put_due, put_entry, put_hold, put_slots, until};
use crate::codec;
use rusqlite::{Connection, TransactionBehavior, params};
use slotwise_domain::{Booking, Instant};
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
                     start_at, end_at, start_day, until, resources, revision, created_at, decided_at, commits, state_more,
                     guests, private, series, occurrence)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)";

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
        tx.execute(
            "DELETE FROM wait_entry WHERE part_id = ?1 AND resource = ?2 AND ended IS NULL",
            params![PART, id.0],
        )?;
        for entry in calendar.waiting.values().chain(calendar.watching.values()) {
            tx.execute("DELETE FROM wait_entry WHERE part_id = ?1 AND id = ?2", params![PART, entry.id.0])?;
            put_entry(&tx, entry)?;
        }
        put_due(&tx, id, calendar.wait_due)?;
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
    let commits: Vec<u8> = commits.iter().flat_map(|n| n.to_be_bytes()).collect();
    rows::put_booking(&mut *db.prepare_cached(BOOKING)?, booking, &commits)?;
    for resource in booking.resources() {
        const GONE: &str = "DELETE FROM booking_slot WHERE part_id = ?1 AND resource = ?2 AND booking = ?3";
        db.execute(GONE, params![PART, resource.0, booking.id.0])?;
    }
    put_slots(&mut *db.prepare_cached(SLOT)?, booking, until(booking))
}
