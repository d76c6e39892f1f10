//! Rows as the domain's things: calendars, bookings, holds, people, answers, records.
//! It only reads, and judges nothing; a row that cannot be is an error that names it.

use super::cache::Entry;
use super::error::{Cells, Error, Result};
use super::write::Place;
use crate::codec::{self, Malformed};
use crate::record;
use rusqlite::{Connection, OptionalExtension, Row, params};
use slotwise_domain::{
    Actor, AttemptKey, Block, BlockId, Booking, BookingId, BookingState, Calendar, Details, EndedHold, Epoch,
    FencingToken, Fingerprint, Hold, HoldEnd, HoldId, Instant, Interval, OwnOverlap, PartId, Person, PersonId,
    Resource, ResourceId, Role, Scope, Slot, Span, Version, World,
};
use slotwise_engine::{Record, Recorded};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

macro_rules! bookings_where {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, b.owner, b.made_by, b.state, b.cancelled_at, b.cancelled_by, b.cancel_reason, b.title, b.purpose, ",
            "b.people, b.until, b.resources, b.revision, b.created_at, b.decided_at FROM booking b ",
            $rest
        )
    };
}
pub(super) use bookings_where;

macro_rules! holds_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, token_epoch, token_number, holder, resource, start_at, end_at, setup, teardown, units, granted_at, ",
            "expires_at, renewals, ended FROM hold WHERE ",
            $rest
        )
    };
}

macro_rules! records_where {
    ($rest:literal) => {
        concat!(
            "SELECT position, resource, epoch, number, decided_at, attempt, actor, body, previous FROM record WHERE ",
            $rest
        )
    };
}

/// Everything lives in one part for now; every key begins with it all the same.
pub(super) const PART: i64 = PartId::DEFAULT.0;

/// What a world is filled from.
pub(super) trait Source {
    /// A calendar as it is, or `None` if there is no such resource.
    fn calendar(&mut self, id: ResourceId) -> Result<Option<Arc<Calendar>>>;
    /// What a person may do, or `None` if they do not exist or are suspended.
    fn role(&mut self, id: PersonId) -> Result<Option<Role>>;
    /// What rules about a person ask for.
    fn person(&mut self, id: PersonId) -> Result<Person>;
    /// Where everything else is read.
    fn rows(&self) -> &Connection;
}

/// Loads a scope into the world. `near` are resources on which a named hold probably lies: their calendars tell without a row.
pub(super) fn fill(
    world: &mut World,
    scope: &Scope,
    near: &BTreeSet<ResourceId>,
    source: &mut impl Source,
) -> Result<()> {
    for id in &scope.resources {
        fill_calendar(world, *id, source)?;
    }
    for id in &scope.bookings {
        if let Some(booking) = booking(source.rows(), *id)? {
            for resource in booking.resources() {
                fill_calendar(world, resource, source)?;
            }
            world.bookings.insert(*id, Arc::new(booking));
        }
        world.loaded.bookings.insert(*id);
    }
    for id in &scope.holds {
        let live = near.iter().find(|r| world.calendars.get(r).is_some_and(|c| c.holds.contains_key(id)));
        let found = match live {
            Some(resource) => Some((*resource, None)),
            None => {
                hold(source.rows(), *id)?.map(|(hold, end)| (hold.resource, end.map(|end| EndedHold { hold, end })))
            }
        };
        if let Some((resource, ended)) = found {
            fill_calendar(world, resource, source)?;
            world.holds.insert(*id, (resource, ended));
        }
        world.loaded.holds.insert(*id);
    }
    for id in &scope.people {
        let person = source.person(*id)?;
        world.people.insert(*id, person);
        world.loaded.people.insert(*id);
    }
    for id in &scope.roles {
        if let Some(role) = source.role(*id)? {
            world.roles.insert(*id, role);
        }
        world.loaded.roles.insert(*id);
    }
    Ok(())
}

fn fill_calendar(world: &mut World, id: ResourceId, source: &mut impl Source) -> Result<()> {
    if world.loaded.resources.insert(id)
        && let Some(calendar) = source.calendar(id)?
    {
        world.calendars.insert(id, calendar);
    }
    Ok(())
}

// Calendars

/// A resource with what takes time of it and ends after `since`.
pub(super) fn calendar(db: &Connection, id: ResourceId, since: Instant) -> Result<Option<Entry>> {
    const RESOURCE: &str = "
        SELECT r.spec, r.policy_version, v.epoch, v.number, v.decided_at, v.hash, v.position
        FROM resource r JOIN resource_version v ON v.part_id = r.part_id AND v.resource = r.id
        WHERE r.part_id = ?1 AND r.id = ?2";
    const SLOTS: &str = "
        SELECT booking, place, owner, start_at, end_at, setup, teardown, units, exclusive
        FROM booking_slot
        WHERE part_id = ?1 AND resource = ?2 AND until > ?3 AND active = 1";
    const BLOCKS: &str = "SELECT id, start_at, end_at, reason FROM block WHERE part_id = ?1 AND resource = ?2";

    let mut select = db.prepare_cached(RESOURCE)?;
    let mut rows = select.query(params![PART, id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "resource", key: &id, row };
    let spec = cells.decode(0, codec::decode_spec)?;
    let resource = Resource { id, spec, policy_version: cells.get(1)? };
    let version = Version { epoch: Epoch(cells.get(2)?), number: cells.get(3)? };
    let mut calendar = Calendar::empty(Arc::new(resource), version, Instant(cells.get(4)?));
    let (hash, position) = (cells.get(5)?, cells.get(6)?);

    let mut select = db.prepare_cached(SLOTS)?;
    let mut rows = select.query(params![PART, id.0, since.0])?;
    while let Some(row) = rows.next()? {
        let cells = Cells { table: "booking_slot", key: &id, row };
        let (interval, occupied) = intervals(&cells, 3)?;
        let slot =
            Slot { resource: id, interval, occupied, units: cells.get(7)?, own_overlap: own_overlap(&cells, 8)? };
        if occupied.end() > since {
            calendar.take_slots(BookingId(cells.get(0)?), PersonId(cells.get(2)?), &[(cells.get(1)?, slot)]);
        }
    }

    let mut select = db.prepare_cached(holds_where!("part_id = ?1 AND resource = ?2 AND ended IS NULL"))?;
    let mut rows = select.query(params![PART, id.0])?;
    while let Some(row) = rows.next()? {
        calendar.put_hold(hold_of(&Cells { table: "hold", key: &id, row })?.0);
    }

    let mut select = db.prepare_cached(BLOCKS)?;
    let mut rows = select.query(params![PART, id.0])?;
    while let Some(row) = rows.next()? {
        let cells = Cells { table: "block", key: &id, row };
        let block = Block { id: BlockId(cells.get(0)?), interval: interval(&cells, 1)?, reason: cells.get(3)? };
        calendar.blocks.insert(block.id, block);
    }
    Ok(Some(Entry { calendar: Arc::new(calendar), hash, position }))
}

fn interval(cells: &Cells, at: usize) -> Result<Interval> {
    let (start, end) = (Instant(cells.get(at)?), Instant(cells.get(at + 1)?));
    Interval::new(start, end).map_err(|e| cells.impossible(at, e.to_string()))
}

/// The interval and what is occupied, from four columns: start, end, set-up, clear-down.
fn intervals(cells: &Cells, at: usize) -> Result<(Interval, Interval)> {
    let interval = interval(cells, at)?;
    Ok((interval, interval.widened(Span(cells.get(at + 2)?), Span(cells.get(at + 3)?))))
}

fn own_overlap(cells: &Cells, at: usize) -> Result<OwnOverlap> {
    match cells.get(at)? {
        0 => Ok(OwnOverlap::Allow),
        1 => Ok(OwnOverlap::Refuse),
        other => Err(cells.impossible(at, format!("{other} is neither 0 nor 1"))),
    }
}

// Bookings

/// One booking with its slots.
pub(super) fn booking(db: &Connection, id: BookingId) -> Result<Option<Booking>> {
    let mut select = db.prepare_cached(bookings_where!("WHERE b.part_id = ?1 AND b.id = ?2"))?;
    let mut rows = select.query(params![PART, id.0])?;
    rows.next()?.map(|row| booking_of(db, row)).transpose()
}

/// The booking of a row as [`bookings_where`] selects it.
pub(super) fn booking_of(db: &Connection, row: &Row) -> Result<Booking> {
    let id = BookingId(row.get(0)?);
    let cells = Cells { table: "booking", key: &id, row };
    let state = match cells.row.get_ref(3)?.as_str().unwrap_or_default() {
        "pending" => BookingState::Pending,
        "confirmed" => BookingState::Confirmed,
        "cancelled" => {
            BookingState::Cancelled { at: Instant(cells.get(4)?), by: actor(cells.get(5)?), reason: cells.get(6)? }
        }
        other => return Err(cells.impossible(3, format!("{other:?} is no state"))),
    };
    let resources = row.get_ref(11)?.as_blob().unwrap_or_default().chunks(16).map(Uuid::from_slice);
    let resources: Vec<Uuid> =
        resources.collect::<std::result::Result<_, _>>().map_err(|e| cells.impossible(11, e.to_string()))?;
    let slots = slots(db, id, cells.get(10)?, &resources)?;
    if slots.is_empty() {
        return Err(cells.impossible(11, "leads to no slot".into()));
    }
    Ok(Booking {
        id,
        owner: PersonId(cells.get(1)?),
        made_by: actor(cells.get(2)?),
        state,
        details: Details { title: cells.get(7)?, purpose: cells.get(8)?, people: cells.get(9)? },
        slots,
        revision: cells.get(12)?,
        created_at: Instant(cells.get(13)?),
        decided_at: Instant(cells.get(14)?),
    })
}

fn slots(db: &Connection, id: BookingId, until: i64, resources: &[Uuid]) -> Result<Vec<Slot>> {
    const SLOTS: &str = "
        SELECT place, start_at, end_at, setup, teardown, units, exclusive FROM booking_slot
        WHERE part_id = ?1 AND resource = ?2 AND until = ?3 AND booking = ?4";
    let mut select = db.prepare_cached(SLOTS)?;
    let mut placed: Vec<(u16, Slot)> = Vec::with_capacity(resources.len());
    for resource in resources {
        let mut rows = select.query(params![PART, resource, until, id.0])?;
        while let Some(row) = rows.next()? {
            let cells = Cells { table: "booking_slot", key: &id, row };
            let (interval, occupied) = intervals(&cells, 1)?;
            let (units, own_overlap) = (cells.get(5)?, own_overlap(&cells, 6)?);
            placed.push((
                cells.get(0)?,
                Slot { resource: ResourceId(*resource), interval, occupied, units, own_overlap },
            ));
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, slot)| slot).collect())
}

/// Who is meant by an id as actors are filed.
pub(super) const fn actor(id: Uuid) -> Actor {
    match id.is_nil() {
        true => Actor::System,
        false => Actor::Person(PersonId(id)),
    }
}

// Holds and people

/// A hold that ever was, and how it ended if a change has ended it.
pub(super) fn hold(db: &Connection, id: HoldId) -> Result<Option<(Hold, Option<HoldEnd>)>> {
    let mut select = db.prepare_cached(holds_where!("part_id = ?1 AND id = ?2"))?;
    let mut rows = select.query(params![PART, id.0])?;
    rows.next()?.map(|row| hold_of(&Cells { table: "hold", key: &id, row })).transpose()
}

/// The hold of a row as [`holds_where`] selects it.
pub(super) fn hold_of(cells: &Cells) -> Result<(Hold, Option<HoldEnd>)> {
    let (interval, occupied) = intervals(cells, 5)?;
    let hold = Hold {
        id: HoldId(cells.get(0)?),
        token: FencingToken(Version { epoch: Epoch(cells.get(1)?), number: cells.get(2)? }),
        holder: PersonId(cells.get(3)?),
        resource: ResourceId(cells.get(4)?),
        interval,
        occupied,
        units: cells.get(9)?,
        granted_at: Instant(cells.get(10)?),
        expires_at: Instant(cells.get(11)?),
        renewals: cells.get(12)?,
    };
    let ended: Option<String> = cells.get(13)?;
    let ended = ended.map(|end| codec::hold_end_named(&end)).transpose();
    Ok((hold, ended.map_err(|e: Malformed| cells.impossible(13, e.to_string()))?))
}

/// Holds of a person that no change has ended, by id.
pub(super) fn holds_of(db: &Connection, holder: PersonId) -> Result<Vec<Hold>> {
    let mut select = db.prepare_cached(holds_where!("part_id = ?1 AND holder = ?2 AND ended IS NULL ORDER BY id"))?;
    let mut rows = select.query(params![PART, holder.0])?;
    let mut holds = Vec::new();
    while let Some(row) = rows.next()? {
        holds.push(hold_of(&Cells { table: "hold", key: &holder, row })?.0);
    }
    Ok(holds)
}

/// What rules about one person ask for.
pub(super) fn person(db: &Connection, id: PersonId, since: Instant) -> Result<Person> {
    const EXCLUSIVE: &str = "
        SELECT booking, place, start_at, end_at FROM booking_slot
        WHERE part_id = ?1 AND owner = ?2 AND until > ?3 AND exclusive = 1 AND active = 1";
    let mut person = Person::default();
    for hold in holds_of(db, id)? {
        person.holds.insert(hold.id, hold.expires_at);
    }
    let mut select = db.prepare_cached(EXCLUSIVE)?;
    let mut rows = select.query(params![PART, id.0, since.0])?;
    while let Some(row) = rows.next()? {
        let cells = Cells { table: "booking_slot", key: &id, row };
        person.exclusive.insert((BookingId(cells.get(0)?), cells.get(1)?), interval(&cells, 2)?);
    }
    Ok(person)
}

// Answers and records

/// The recorded answer of an attempt.
pub(super) fn recorded(db: &Connection, key: AttemptKey) -> Result<Option<Recorded>> {
    const ATTEMPT: &str = "SELECT fingerprint, decision FROM attempt WHERE part_id = ?1 AND key = ?2 AND actor = ?3";
    let mut select = db.prepare_cached(ATTEMPT)?;
    let mut rows = select.query(params![key.part.0, key.key, key.actor])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "attempt", key: &key.key, row };
    let fingerprint = Fingerprint(cells.get(0)?);
    Ok(Some(Recorded { key, fingerprint, decision: cells.decode(1, codec::decode_decision)? }))
}

/// What was committed after a position, at most `max` records, each with its position.
pub(super) fn records_after(db: &Connection, position: u64, max: usize) -> Result<Vec<(u64, Record)>> {
    let mut select = db.prepare_cached(records_where!("position > ?1 ORDER BY position LIMIT ?2"))?;
    let mut rows = select.query(params![signed(position), max_rows(max)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record_of(row)?);
    }
    Ok(records)
}

/// What happened to one resource after a version of its epoch, in order, at most `max` records; and whether there is more.
/// Goes back from the first mark behind them, or from the last record: never more than a mark's distance too far.
pub(super) fn records_of(
    db: &Connection,
    resource: ResourceId,
    after: Version,
    max: usize,
) -> Result<(Vec<Record>, bool)> {
    const MARK: &str = "
        SELECT position FROM record_mark WHERE part_id = ?1 AND resource = ?2 AND number >= ?3 ORDER BY number LIMIT 1";
    let Some((last, end)) = version(db, resource)? else { return Ok((Vec::new(), false)) };
    let wanted = after.number.saturating_add(max as u64);
    let mut select = db.prepare_cached(MARK)?;
    let mark = select.query_row(params![PART, resource.0, signed(wanted)], |row| row.get(0)).optional()?;
    let mut position: u64 = mark.unwrap_or(end);
    let mut records = Vec::new();
    let mut select = db.prepare_cached(records_where!("position = ?1"))?;
    while position > 0 {
        let mut rows = select.query([signed(position)])?;
        let Some(row) = rows.next()? else {
            return Err(Error::bug(format!("record {position} of {resource} is gone")));
        };
        let cells = Cells { table: "record", key: &position, row };
        let version = Version { epoch: Epoch(cells.get(2)?), number: cells.get(3)? };
        if ResourceId(cells.get(1)?) != resource {
            return Err(cells.impossible(1, format!("is not {resource}, whose records lead here")));
        }
        if version <= after {
            break;
        }
        let previous = cells.get(8)?;
        if version.number <= wanted {
            records.push(record_of(row)?.1);
        }
        position = previous;
    }
    records.reverse();
    let reached = records.last().map_or(after, |record| record.version);
    Ok((records, last > reached))
}

fn record_of(row: &Row) -> Result<(u64, Record)> {
    let position: u64 = row.get(0)?;
    let cells = Cells { table: "record", key: &position, row };
    let resource = ResourceId(cells.get(1)?);
    let record = Record {
        resource,
        version: Version { epoch: Epoch(cells.get(2)?), number: cells.get(3)? },
        decided_at: Instant(cells.get(4)?),
        attempt: cells.get(5)?,
        actor: actor(cells.get(6)?),
        changes: cells.decode(7, |body| codec::decode_changes(resource, body))?,
    };
    Ok((position, record))
}

/// The version of a resource and the position of its last record, if there is such a resource.
pub(super) fn version(db: &Connection, resource: ResourceId) -> Result<Option<(Version, u64)>> {
    const VERSION: &str = "SELECT epoch, number, position FROM resource_version WHERE part_id = ?1 AND resource = ?2";
    let mut select = db.prepare_cached(VERSION)?;
    let mut rows = select.query(params![PART, resource.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "resource_version", key: &resource, row };
    Ok(Some((Version { epoch: Epoch(cells.get(0)?), number: cells.get(1)? }, cells.get(2)?)))
}

/// Resources with holds that expire until an instant, soonest first, each once.
pub(super) fn due(db: &Connection, until: Instant, max: usize) -> Result<Vec<(Instant, ResourceId)>> {
    const DUE: &str = "
        SELECT expires_at, resource FROM hold
        WHERE part_id = ?1 AND expires_at <= ?2 AND ended IS NULL ORDER BY expires_at, resource";
    let mut select = db.prepare_cached(DUE)?;
    let mut rows = select.query(params![PART, until.0])?;
    let (mut due, mut seen) = (Vec::new(), BTreeSet::new());
    while due.len() < max
        && let Some(row) = rows.next()?
    {
        let resource = ResourceId(row.get(1)?);
        if seen.insert(resource) {
            due.push((Instant(row.get(0)?), resource));
        }
    }
    Ok(due)
}

/// Whose store this is, in which epoch, and how far it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub epoch: Epoch,
    pub epoch_began: Option<Instant>,
    pub place: Place,
}

/// The store's own row, and where its chains and its outbox end.
pub(super) fn meta(db: &Connection) -> Result<Option<Meta>> {
    const META: &str = "SELECT epoch, epoch_began, writer, longest FROM meta WHERE part_id = ?1";
    const LAST: &str =
        "SELECT number, hash FROM commit_log WHERE part_id = ?1 AND writer = ?2 ORDER BY number DESC LIMIT 1";
    let mut select = db.prepare(META)?;
    let mut rows = select.query([PART])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "meta", key: &PART, row };
    let (epoch, epoch_began) = (Epoch(cells.get(0)?), cells.get::<Option<i64>>(1)?.map(Instant));
    let (writer, longest) = (cells.get(2)?, Span(cells.get(3)?));

    let mut select = db.prepare(LAST)?;
    let mut rows = select.query(params![PART, writer])?;
    let (commit_number, commit_hash) = match rows.next()? {
        Some(row) => (row.get(0)?, row.get(1)?),
        None => (0, record::attempts_genesis(writer)),
    };
    let position = db.query_row("SELECT coalesce(max(position), 0) FROM record", [], |row| row.get(0))?;
    Ok(Some(Meta { epoch, epoch_began, place: Place { writer, commit_number, commit_hash, position, longest } }))
}

/// Makes the store's own row, once.
pub(super) fn begin_meta(db: &Connection, epoch: Epoch, writer: Uuid) -> Result<()> {
    const BEGIN: &str = "INSERT INTO meta (part_id, epoch, writer, longest) VALUES (?1, ?2, ?3, 0)";
    db.execute(BEGIN, params![PART, epoch.0, writer])?;
    Ok(())
}

/// SQLite's integers are signed. Nothing here counts that far.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn max_rows(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
