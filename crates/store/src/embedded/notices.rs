//! What people must be told, as SQL; it was written in the commits that made it so.
//! It sends nothing.

use super::error::{Cells, Result};
use super::load::{PART, max_rows, signed};
use crate::codec::Malformed;
use rusqlite::{Connection, Row, params};
use slotwise_domain::{BookingId, Instant, News, Notice, PersonId, ResourceId};
use slotwise_engine::{Noted, NoticeId};

/// Of one person, the newest first, before a place.
pub(super) fn of_person(db: &Connection, person: PersonId, before: NoticeId, max: usize) -> Result<Vec<Noted>> {
    const OF_PERSON: &str = "
        SELECT person, commit_number, place, news, booking, resource, at, dates FROM notice
        WHERE part_id = ?1 AND person = ?2 AND (commit_number, place) < (?3, ?4)
        ORDER BY commit_number DESC, place DESC LIMIT ?5";
    let mut select = db.prepare_cached(OF_PERSON)?;
    let rows = select.query(params![PART, person.0, signed(before.commit), before.place, max_rows(max)])?;
    collect(rows)
}

/// Of anybody, the oldest first, after a place.
pub(super) fn after(db: &Connection, after: NoticeId, max: usize) -> Result<Vec<Noted>> {
    const AFTER: &str = "
        SELECT person, commit_number, place, news, booking, resource, at, dates FROM notice
        WHERE part_id = ?1 AND (commit_number, place) > (?2, ?3)
        ORDER BY commit_number, place LIMIT ?4";
    let mut select = db.prepare_cached(AFTER)?;
    let rows = select.query(params![PART, signed(after.commit), after.place, max_rows(max)])?;
    collect(rows)
}

fn collect(mut rows: rusqlite::Rows) -> Result<Vec<Noted>> {
    let mut notices = Vec::new();
    while let Some(row) = rows.next()? {
        notices.push(noted(row, "notice")?);
    }
    Ok(notices)
}

/// A row that begins with person, commit, place, news, booking, resource, instant, dates.
pub(super) fn noted(row: &Row, table: &'static str) -> Result<Noted> {
    let to = PersonId(row.get(0)?);
    let cells = Cells { table, key: &to, row };
    let known = |name: &str| News::named(name).ok_or_else(|| Malformed(format!("{name} is no news")));
    let notice = Notice { to, news: cells.decode(3, known)?, booking: BookingId(cells.get(4)?) };
    let commit: i64 = cells.get(1)?;
    let id = NoticeId { commit: commit.unsigned_abs(), place: cells.get(2)? };
    Ok(Noted { id, notice, resource: ResourceId(cells.get(5)?), at: Instant(cells.get(6)?), dates: cells.get(7)? })
}
