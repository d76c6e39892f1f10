//! Lists of bookings, as SQL.
//! Nothing is decided on what they return.

use super::error::Result;
use super::load::{PART, booking_of, bookings_where, max_rows};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use slotwise_domain::{Booking, Instant};
use slotwise_engine::BookingFilter;
use std::sync::Arc;

/// Conditions with their values, in the order of their question marks.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// The first value is the part's.
    fn new(sql: &str) -> Conditions {
        Conditions { sql: sql.into(), values: vec![PART.into()] }
    }

    fn and<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    fn end(mut self, sql: &str, max: usize) -> Conditions {
        self.sql.push_str(sql);
        self.values.push(max_rows(max).into());
        self
    }
}

fn blob(id: uuid::Uuid) -> Value {
    Value::Blob(id.into_bytes().into())
}

/// Bookings by start, then id.
pub(super) fn bookings(db: &Connection, filter: &BookingFilter) -> Result<Vec<Arc<Booking>>> {
    if filter.series.is_some() {
        return bookings_in_order(db, filter);
    }
    match (filter.resource, filter.owner, filter.state.as_deref()) {
        (None, None, Some("pending")) | (None, Some(_), _) | (Some(_), _, _) => bookings_in_order(db, filter),
        (None, None, _) => bookings_by_day(db, filter),
    }
}

fn bookings_in_order(db: &Connection, filter: &BookingFilter) -> Result<Vec<Arc<Booking>>> {
    let mut query = Conditions::new(bookings_where!("WHERE b.part_id = ?"));
    if let Some(resource) = filter.resource {
        let until = filter.from.unwrap_or(Instant(i64::MIN)).0;
        query.and(
            "b.id IN (SELECT s.booking FROM booking_slot s WHERE s.part_id = ? AND s.resource = ? AND s.until > ?)",
            [PART.into(), blob(resource.0), until.into()],
        );
    }
    if let Some(owner) = filter.owner {
        query.and("b.owner = ?", [blob(owner.0)]);
    }
    narrow(&mut query, filter);
    let query = query.end(" ORDER BY b.start_at, b.id LIMIT ?", filter.max);
    collect(db, &query)
}

fn narrow(query: &mut Conditions, filter: &BookingFilter) {
    if let Some(from) = filter.from {
        query.and("b.end_at > ?", [from.0.into()]);
    }
    if let Some(to) = filter.to {
        query.and("b.start_at < ?", [to.0.into()]);
    }
    match filter.state.as_deref() {
        // As a literal, so that the index of pending bookings serves.
        Some("pending") => query.and("b.state = 'pending'", []),
        Some(state) => query.and("b.state = ?", [state.to_owned().into()]),
        None => {}
    }
    if let Some(series) = filter.series {
        query.and("b.series = ?", [blob(series.0)]);
    }
    if let Some((start, id)) = filter.after {
        query.and("(b.start_at, b.id) > (?, ?)", [start.0.into(), blob(id.0)]);
    }
}

/// Everybody's bookings lie by the day they start on, in no order within it: day by day, until there are enough.
fn bookings_by_day(db: &Connection, filter: &BookingFilter) -> Result<Vec<Arc<Booking>>> {
    const NEXT: &str = "
        SELECT start_day FROM booking WHERE part_id = ?1 AND start_day >= ?2 ORDER BY start_day LIMIT 1";
    const DAY: i64 = 86_400_000_000;
    const LONGEST: &str = "SELECT longest FROM mark WHERE part_id = ?1";
    // What ends after an instant began no longer before it than the longest booking lasts.
    let longest: i64 = db.prepare_cached(LONGEST)?.query_row([PART], |row| row.get(0))?;
    let earliest = filter.from.map_or(i64::MIN, |from| from.0.saturating_sub(longest).div_euclid(DAY));
    let after = filter.after.map_or(i64::MIN, |(start, _)| start.0.div_euclid(DAY));
    let mut day = earliest.max(after);
    let mut bookings = Vec::new();
    let mut next = db.prepare_cached(NEXT)?;
    while bookings.len() < filter.max {
        let mut rows = next.query(params![PART, day])?;
        let Some(row) = rows.next()? else { break };
        day = row.get(0)?;
        if filter.to.is_some_and(|to| day.saturating_mul(DAY) >= to.0) {
            break;
        }
        let mut query = Conditions::new(bookings_where!("WHERE b.part_id = ?"));
        query.and("b.start_day = ?", [day.into()]);
        narrow(&mut query, filter);
        let query = query.end(" ORDER BY b.start_at, b.id LIMIT ?", filter.max - bookings.len());
        bookings.extend(collect(db, &query)?);
        day += 1;
    }
    Ok(bookings)
}

fn collect(db: &Connection, query: &Conditions) -> Result<Vec<Arc<Booking>>> {
    let mut select = db.prepare_cached(&query.sql)?;
    let mut rows = select.query(params_from_iter(&query.values))?;
    let mut bookings = Vec::new();
    while let Some(row) = rows.next()? {
        bookings.push(Arc::new(booking_of(db, row)?));
    }
    Ok(bookings)
}
