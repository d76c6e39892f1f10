//! Reads of the journal for people who ask afterwards: attempts by what they were about, one booking as it was, one resource's records.
//! No table helps here, so that no booking pays for it; every read is bounded, and none judges or writes.

use super::error::{Cells, Error, Result};
use super::journal;
use super::load::signed;
use super::{cursor_at, place_of};
use crate::codec;
use crate::commit::Entry;
use rusqlite::Connection;
use slotwise_domain::{Booking, BookingId, Instant, ResourceId, Span};
use slotwise_engine::{Attempt, AttemptFilter, AttemptsPage};
use std::sync::Arc;

/// A clock may have been set back by so much between two commits without anybody having been asked.
const CLOCK_SLACK: Span = Span::seconds(60);
/// Bytes at the beginning of a commit in which its time is.
const TIME_WITHIN: u32 = 32;

/// An attempt of a commit, as the engine knows it.
pub(super) fn attempt(entry: &Entry) -> Attempt {
    Attempt {
        recorded: (*entry.recorded).clone(),
        command: entry.command.to_string(),
        records: entry.records.iter().map(|record| entry.record(record)).collect(),
    }
}

/// Attempts that a filter takes, the latest first.
pub(super) fn attempts(db: &Connection, filter: &AttemptFilter) -> Result<AttemptsPage> {
    let head = last(db)?;
    // Entries at and after this place are not told.
    let (mut number, mut end) = match filter.before.clone() {
        Some(before) => {
            let (number, place) = place_of(before);
            (number.min(head), if number > head { usize::MAX } else { place })
        }
        None => (head, usize::MAX),
    };
    if let Some(to) = filter.to
        && let Some(later) = first_at(db, head, to.plus(CLOCK_SLACK))?
        && later <= number
    {
        (number, end) = (later.saturating_sub(1), usize::MAX);
    }
    let first = filter.from.map_or(Ok(Some(1)), |from| first_at(db, head, from.minus(CLOCK_SLACK)))?;
    let first = first.unwrap_or(head + 1);
    let (mut attempts, mut looked) = (Vec::new(), 0);
    while number >= first && number > 0 {
        let Some((commit, _)) = journal::commit(db, number)? else {
            return Err(Error::Damaged(format!("commit {number} of the journal is gone")));
        };
        let mut place = end.min(commit.entries.len());
        while place > 0 {
            if attempts.len() >= filter.max || looked >= filter.look_max {
                return Ok(AttemptsPage { attempts, next: Some(cursor_at(number, place)) });
            }
            place -= 1;
            looked += 1;
            let Some(entry) = commit.entries.get(place) else { continue };
            if filter.takes(&entry.recorded, || entry.changes_by_resource()) {
                attempts.push(attempt(entry));
            }
        }
        (number, end) = (number - 1, usize::MAX);
    }
    Ok(AttemptsPage { attempts, next: None })
}

/// The number of the last commit; 0 if there is none.
pub(super) fn last(db: &Connection) -> Result<u64> {
    Ok(db.query_row("SELECT coalesce(max(number), 0) FROM journal", [], |row| row.get(0))?)
}

/// The first commit at or after an instant, by halving. The clock may have been set back between commits: look a little before it.
fn first_at(db: &Connection, head: u64, at: Instant) -> Result<Option<u64>> {
    let (mut low, mut high) = (1, head + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match time_of(db, middle)? < at {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok((low <= head).then_some(low))
}

fn time_of(db: &Connection, number: u64) -> Result<Instant> {
    const BEGINNING: &str = "SELECT number, substr(body, 1, ?2) FROM journal WHERE number = ?1";
    let mut select = db.prepare_cached(BEGINNING)?;
    let mut rows = select.query(rusqlite::params![signed(number), TIME_WITHIN])?;
    let gone = || Error::Damaged(format!("commit {number} of the journal is gone"));
    let row = rows.next()?.ok_or_else(gone)?;
    Cells { table: "journal", key: &number, row }.decode_bytes(1, codec::commit_time)
}

/// A booking as it was when a resource had a version, from the commits that changed it, in order.
pub(super) fn booking_as_of(
    db: &Connection,
    commits: &[u64],
    id: BookingId,
    resource: ResourceId,
    upto: u64,
) -> Result<Option<Arc<Booking>>> {
    let mut booking: Option<Booking> = None;
    for number in commits {
        let Some((commit, said)) = journal::commit(db, *number)? else {
            return Err(Error::Damaged(format!("commit {number} of the journal is gone")));
        };
        for (place, entry) in commit.entries.iter().enumerate() {
            if entry.changes().all(|change| change.booking() != Some(id)) {
                continue;
            }
            if entry.records.iter().any(|r| r.resource == resource && r.version.number > upto) {
                return Ok(booking.map(Arc::new));
            }
            let details = said.iter().find(|(n, of, _)| (*n as usize, *of) == (place, id)).map(|(.., d)| d.clone());
            let (by, at) = (entry.actor(), entry.recorded.decision.decided_at);
            booking = Booking::after(booking.as_ref(), id, entry.changes(), details, by, at);
        }
    }
    Ok(booking.map(Arc::new))
}
