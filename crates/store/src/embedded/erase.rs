//! Forgetting a person: what they wrote in bookings leaves the journal's unhashed side and the tables, then their keys and they
//! themselves go. The chain of hashes covers none of it, so it holds as before. Bookings and decisions stay.

use super::error::{Cells, Error, Result};
use super::load::{PART, signed};
use crate::codec;
use rusqlite::{Connection, TransactionBehavior, params};
use slotwise_domain::{BookingId, PersonId};
use std::collections::BTreeMap;

/// Bookings forgotten in one go: others wait no longer than that takes.
pub(super) const AT_ONCE: usize = 200;

/// So often all of a person's bookings are gone through, because there were words in them again.
pub(super) const ROUNDS_MAX: usize = 32;

/// What is taken out of which commit.
pub(super) type Words = BTreeMap<u64, Vec<BookingId>>;

/// Some bookings of a person after one, with the commits that changed them: by id, which never changes while it is gone through.
pub(super) fn bookings_of(db: &Connection, owner: PersonId, after: BookingId) -> Result<Vec<(BookingId, Vec<u64>)>> {
    const THEIRS: &str = "
        SELECT id, commits FROM booking WHERE part_id = ?1 AND owner = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
    let mut select = db.prepare_cached(THEIRS)?;
    let mut rows = select.query(params![PART, owner.0, after.0, AT_ONCE as i64])?;
    let mut bookings = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = Cells { table: "booking", key: &owner, row };
        let commits: Vec<u8> = cells.get(1)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        bookings.push((BookingId(cells.get(0)?), commits.chunks_exact(8).map(number).collect()));
    }
    Ok(bookings)
}

/// Takes words out of the journal, in one transaction. What is freed is overwritten.
pub(super) fn erase_words(db: &mut Connection, words: &Words) -> Result<()> {
    db.pragma_update(None, "secure_delete", true)?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (number, ids) in words {
        let said: Option<Vec<u8>> =
            tx.query_row("SELECT said FROM journal WHERE number = ?1", [signed(*number)], |row| row.get(0))?;
        let Some(said) = said else { continue };
        let malformed = |e: codec::Malformed| Error::Damaged(format!("commit {number}: {e}"));
        let mut left = codec::decode_said(&said).map_err(malformed)?;
        left.retain(|(_, booking, _)| !ids.contains(booking));
        let left = if left.is_empty() { None } else { Some(codec::encode_said(&left).map_err(malformed)?) };
        tx.execute("UPDATE journal SET said = ?2 WHERE number = ?1", params![signed(*number), left])?;
    }
    Ok(tx.commit()?)
}

/// Takes words out of the tables, in one transaction. Says whether there were any.
pub(super) fn erase_rows(db: &mut Connection, ids: &[BookingId]) -> Result<bool> {
    db.pragma_update(None, "secure_delete", true)?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut rows = 0;
    for id in ids {
        const FORGET: &str = "
            UPDATE booking SET title = NULL, purpose = NULL, people = NULL, guests = NULL, private = 0
            WHERE part_id = ?1 AND id = ?2
            AND (title IS NOT NULL OR purpose IS NOT NULL OR people IS NOT NULL OR guests IS NOT NULL OR private <> 0)";
        rows += tx.execute(FORGET, params![PART, id.0])?;
    }
    tx.commit()?;
    Ok(rows > 0)
}
