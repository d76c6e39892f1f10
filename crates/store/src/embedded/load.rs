//! Rows as the domain's things: calendars, bookings, holds, people, answers, records.
//! It only reads, and judges nothing; a row that cannot be is an error that names it.

use super::cache::Entry;
use super::error::{Cells, Error, Result};
use super::journal;
use super::rows::Mark;
use crate::codec::{self, Malformed, actor};
use rusqlite::{Connection, OptionalExtension, Row, params};
use slotwise_domain::{
    AttemptKey, Block, BlockId, Booking, BookingId, BookingState, Calendar, Counted, CountedSlot, Counts, Details,
    Displacer, EndedEntry, EndedHold, EntryEnd, EntryId, Epoch, Exceptions, Facts, FencingToken, Hold, HoldEnd, HoldId,
    Instant, Interval, Members, OwnOverlap, PartId, Person, PersonId, Resource, ResourceId, Role, Scope, Set, Slot,
    Span, Version, WaitEntry, World,
};
use slotwise_engine::{Catalogue, Recorded};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

macro_rules! bookings_where {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, b.owner, b.made_by, b.state, b.state_at, b.state_by, b.state_reason, b.title, b.purpose, ",
            "b.people, b.until, b.resources, b.revision, b.created_at, b.decided_at, b.state_more, b.guests, b.private, ",
            "b.occurrence FROM booking b ",
            $rest
        )
    };
}
pub(super) use bookings_where;

macro_rules! holds_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, token_epoch, token_number, holder, resource, start_at, end_at, setup, teardown, units, granted_at, ",
            "expires_at, renewals, ended, offer FROM hold WHERE ",
            $rest
        )
    };
}

macro_rules! entries_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, resource, owner, made_by, start_at, end_at, units, class, joined_epoch, joined_number, joined_at, ",
            "gives_up, offer, offers, ended, booking, wants FROM wait_entry WHERE ",
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
    /// What a manager manages.
    fn manages(&mut self, id: PersonId) -> Result<Arc<BTreeSet<ResourceId>>>;
    /// What rules about a person ask for.
    fn person(&mut self, id: PersonId) -> Result<Person>;
    /// What counts of a person under quotas.
    fn counted(&mut self, id: PersonId) -> Result<Counted>;
    /// What is known of a person, or `None` if nothing is.
    fn facts(&mut self, id: PersonId) -> Result<Option<Arc<Facts>>>;
    /// What is in a group.
    fn members(&mut self, group: ResourceId) -> Members;
    /// A booking, or `None` if there is none.
    fn booking(&mut self, id: BookingId) -> Result<Option<Arc<Booking>>>;
    /// A hold that ever was, and how it ended if a change has ended it.
    fn hold(&mut self, id: HoldId) -> Result<Option<(Hold, Option<EndedHold>)>>;
    /// A waitlist entry that ever was, and how it ended if a change has ended it.
    fn entry(&mut self, id: EntryId) -> Result<Option<(WaitEntry, Option<EndedEntry>)>>;
}

/// Loads a scope into the world. `near` are resources on which a named hold probably lies: their calendars tell without a row.
pub(super) fn fill(world: &mut World, scope: &Scope, near: &Set<ResourceId>, source: &mut impl Source) -> Result<()> {
    for id in &scope.resources {
        fill_calendar(world, *id, source)?;
    }
    for id in &scope.bookings {
        if let Some(booking) = source.booking(*id)? {
            for resource in booking.resources() {
                fill_calendar(world, resource, source)?;
            }
            world.bookings.insert(*id, booking);
        }
        world.loaded.bookings.insert(*id);
    }
    for id in &scope.holds {
        let live = near.iter().find(|r| world.calendars.get(r).is_some_and(|c| c.holds.contains_key(id)));
        let found = match live {
            Some(resource) => Some((*resource, None)),
            None => source.hold(*id)?.map(|(hold, ended)| (hold.resource, ended)),
        };
        if let Some((resource, ended)) = found {
            fill_calendar(world, resource, source)?;
            world.holds.insert(*id, (resource, ended));
        }
        world.loaded.holds.insert(*id);
    }
    for id in &scope.entries {
        if let Some((entry, ended)) = source.entry(*id)? {
            fill_calendar(world, entry.resource, source)?;
            world.entries.insert(*id, (entry.resource, ended));
        }
        world.loaded.entries.insert(*id);
    }
    for id in &scope.people {
        let person = source.person(*id)?;
        world.people.insert(*id, person);
        world.loaded.people.insert(*id);
    }
    for id in &scope.roles {
        if let Some(role) = source.role(*id)? {
            world.roles.insert(*id, role);
            if role == Role::Manager {
                world.manages.insert(*id, source.manages(*id)?);
            }
        }
        world.loaded.roles.insert(*id);
    }
    for id in &scope.counted {
        world.counted.insert(*id, source.counted(*id)?);
        world.loaded.counted.insert(*id);
    }
    for id in &scope.facts {
        if let Some(facts) = source.facts(*id)? {
            world.facts.insert(*id, facts);
        }
        world.loaded.facts.insert(*id);
    }
    for id in &scope.members {
        world.members.insert(*id, source.members(*id));
        world.loaded.members.insert(*id);
        // What this world has seen or made of a resource is newer than what is told of the group.
        let seen: Vec<(ResourceId, Option<ResourceId>)> =
            world.calendars.values().map(|c| (c.resource.id, c.resource.spec.group.as_ref().map(|g| g.id))).collect();
        for (resource, group) in seen {
            world.put_in_group(resource, group);
        }
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

/// Everything that can be booked, with marks on what is taken and ends after `since`.
pub(super) fn catalogue(db: &Connection, since: Instant) -> Result<Catalogue> {
    const RESOURCES: &str = "SELECT id, spec, policy_version FROM resource WHERE part_id = ?1";
    const TAKEN: &str = "
        SELECT resource, start_at, end_at, setup, teardown FROM booking_slot
        WHERE part_id = ?1 AND until > ?2 AND active > 0
        UNION ALL SELECT resource, start_at, end_at, setup, teardown FROM hold WHERE part_id = ?1 AND ended IS NULL
        UNION ALL SELECT resource, start_at, end_at, 0, 0 FROM block WHERE part_id = ?1 AND end_at > ?2
        UNION ALL SELECT resource, start_at, end_at, 0, 0 FROM wait_entry WHERE part_id = ?1 AND ended IS NULL";
    let mut catalogue = Catalogue::default();
    let mut select = db.prepare(RESOURCES)?;
    let mut rows = select.query([PART])?;
    while let Some(row) = rows.next()? {
        let id = ResourceId(row.get(0)?);
        let cells = Cells { table: "resource", key: &id, row };
        let spec = cells.decode(1, codec::decode_spec)?;
        catalogue.put(Arc::new(Resource { id, spec, policy_version: cells.get(2)? }));
    }
    let mut select = db.prepare(TAKEN)?;
    let mut rows = select.query(params![PART, since.0])?;
    while let Some(row) = rows.next()? {
        let id = ResourceId(row.get(0)?);
        catalogue.mark(id, intervals(&Cells { table: "booking_slot", key: &id, row }, 1)?.1);
    }
    Ok(catalogue)
}

/// A resource with what takes time of it and ends after `since`.
pub(super) fn calendar(db: &Connection, id: ResourceId, since: Instant) -> Result<Option<Entry>> {
    const RESOURCE: &str = "
        SELECT r.spec, r.policy_version, h.epoch, h.number, h.decided_at, h.hash, h.commit_number, r.over_commit
        FROM resource r JOIN resource_head h ON h.part_id = r.part_id AND h.resource = r.id
        WHERE r.part_id = ?1 AND r.id = ?2";
    const SLOTS: &str = "
        SELECT booking, place, owner, start_at, end_at, setup, teardown, units, exclusive, quota, credits
        FROM booking_slot
        WHERE part_id = ?1 AND resource = ?2 AND until > ?3 AND active > 0";
    const BLOCKS: &str =
        "SELECT id, start_at, end_at, reason, people, bookings FROM block WHERE part_id = ?1 AND resource = ?2";

    let mut select = db.prepare_cached(RESOURCE)?;
    let mut rows = select.query(params![PART, id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "resource", key: &id, row };
    let spec = cells.decode(0, codec::decode_spec)?;
    let resource = Resource { id, spec, policy_version: cells.get(1)? };
    let version = Version { epoch: Epoch(cells.get(2)?), number: cells.get(3)? };
    let mut calendar = Calendar::empty(Arc::new(resource), version, Instant(cells.get(4)?));
    let (hash, commit) = (cells.get(5)?, cells.get(6)?);
    calendar.over_commit = cells.get(7)?;

    let mut select = db.prepare_cached(SLOTS)?;
    let mut rows = select.query(params![PART, id.0, since.0])?;
    while let Some(row) = rows.next()? {
        let cells = Cells { table: "booking_slot", key: &id, row };
        let (interval, occupied) = intervals(&cells, 3)?;
        let (units, own_overlap, quota) = (cells.get(7)?, own_overlap(&cells, 8)?, quota(&cells, 9)?);
        let slot = Slot { resource: id, interval, occupied, units, own_overlap, quota };
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
        let exceptions = Exceptions {
            people: ids(&cells, 4)?.into_iter().map(PersonId).collect(),
            bookings: ids(&cells, 5)?.into_iter().map(BookingId).collect(),
        };
        let (id, interval) = (BlockId(cells.get(0)?), interval(&cells, 1)?);
        let block = Block { id, interval, reason: cells.get(3)?, exceptions };
        calendar.blocks.insert(block.id, block);
    }
    let mut select = db.prepare_cached(entries_where!("part_id = ?1 AND resource = ?2 AND ended IS NULL"))?;
    let mut rows = select.query(params![PART, id.0])?;
    while let Some(row) = rows.next()? {
        calendar.put_entry(entry_of(&Cells { table: "wait_entry", key: &id, row })?.0);
    }
    let mut select = db.prepare_cached("SELECT due_at FROM wait_due WHERE part_id = ?1 AND resource = ?2")?;
    let due: Option<i64> = select.query_row(params![PART, id.0], |row| row.get(0)).optional()?;
    calendar.wait_due = due.map(Instant);
    Ok(Some(Entry { calendar: Arc::new(calendar), hash, commit }))
}

/// Ids one after the other.
fn ids(cells: &Cells, at: usize) -> Result<Vec<Uuid>> {
    let chunks = cells.row.get_ref(at)?.as_blob().unwrap_or_default().chunks(16).map(Uuid::from_slice);
    chunks.collect::<std::result::Result<_, _>>().map_err(|e| cells.impossible(at, e.to_string()))
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

/// The group or resource under whose quota a slot counts, and what its units are worth.
fn quota(cells: &Cells, at: usize) -> Result<Option<Counts>> {
    let of = cells.get::<Option<Uuid>>(at)?.map(ResourceId);
    of.map(|of| Ok(Counts { of, credits: cells.get(at + 1)? })).transpose()
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
    let more: Option<String> = cells.get(15)?;
    let state = match (cells.row.get_ref(3)?.as_str().unwrap_or_default(), more.as_deref()) {
        ("pending", None) => BookingState::Pending { takes: false },
        ("pending", Some("takes")) => BookingState::Pending { takes: true },
        ("confirmed", None) => BookingState::Confirmed,
        ("cancelled", more @ (None | Some("late"))) => {
            let (at, by, reason) = (Instant(cells.get(4)?), actor(cells.get(5)?), cells.get(6)?);
            BookingState::Cancelled { at, by, reason, late: more.is_some() }
        }
        ("checked_in", None) => BookingState::CheckedIn { at: Instant(cells.get(4)?), by: actor(cells.get(5)?) },
        ("no_show", None) => BookingState::NoShow { at: Instant(cells.get(4)?) },
        ("displaced", Some(what)) => BookingState::Displaced {
            at: Instant(cells.get(4)?),
            by: actor(cells.get(5)?),
            reason: cells.get(6)?,
            by_what: displacer(what).ok_or_else(|| cells.impossible(15, format!("{what:?} displaces nothing")))?,
        },
        (name, more) => return Err(cells.impossible(3, format!("{name:?} with {more:?} is no state"))),
    };
    let resources = ids(&cells, 11)?;
    let slots = slots(db, id, cells.get(10)?, &resources)?;
    if slots.is_empty() {
        return Err(cells.impossible(11, "leads to no slot".into()));
    }
    let occurrence: Option<String> = cells.get(18)?;
    let occurrence = occurrence.map(|text| codec::decode_occurrence(&text)).transpose();
    let occurrence = occurrence.map_err(|e: Malformed| cells.impossible(18, e.to_string()))?;
    Ok(Booking {
        id,
        owner: PersonId(cells.get(1)?),
        made_by: actor(cells.get(2)?),
        state,
        details: Details {
            title: cells.get(7)?,
            purpose: cells.get(8)?,
            people: cells.get(9)?,
            guests: match cells.get::<Option<Vec<u8>>>(16)? {
                Some(guests) => codec::decode_guests(&guests).map_err(|e| cells.impossible(16, e.to_string()))?,
                None => Vec::new(),
            },
            private: cells.get(17)?,
        },
        slots,
        occurrence,
        revision: cells.get(12)?,
        created_at: Instant(cells.get(13)?),
        decided_at: Instant(cells.get(14)?),
    })
}

/// What displaced a booking, as [`super::rows::StateCells`] writes it.
fn displacer(text: &str) -> Option<Displacer> {
    let (what, id) = text.split_once(' ')?;
    let id = Uuid::parse_str(id).ok()?;
    match what {
        "booking" => Some(Displacer::Booking(BookingId(id))),
        "block" => Some(Displacer::Block(BlockId(id))),
        "capacity" => Some(Displacer::Capacity(ResourceId(id))),
        _ => None,
    }
}

fn slots(db: &Connection, id: BookingId, until: i64, resources: &[Uuid]) -> Result<Vec<Slot>> {
    const SLOTS: &str = "
        SELECT place, start_at, end_at, setup, teardown, units, exclusive, quota, credits FROM booking_slot
        WHERE part_id = ?1 AND resource = ?2 AND until = ?3 AND booking = ?4";
    let mut select = db.prepare_cached(SLOTS)?;
    let mut placed: Vec<(u16, Slot)> = Vec::with_capacity(resources.len());
    for resource in resources {
        let mut rows = select.query(params![PART, resource, until, id.0])?;
        while let Some(row) = rows.next()? {
            let cells = Cells { table: "booking_slot", key: &id, row };
            let (interval, occupied) = intervals(&cells, 1)?;
            let (units, own_overlap, quota) = (cells.get(5)?, own_overlap(&cells, 6)?, quota(&cells, 7)?);
            placed.push((
                cells.get(0)?,
                Slot { resource: ResourceId(*resource), interval, occupied, units, own_overlap, quota },
            ));
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, slot)| slot).collect())
}

// Holds and people

/// A hold that ever was, and how it ended if a change has ended it.
pub(super) fn hold(db: &Connection, id: HoldId) -> Result<Option<(Hold, Option<EndedHold>)>> {
    let mut select = db.prepare_cached(holds_where!("part_id = ?1 AND id = ?2"))?;
    let mut rows = select.query(params![PART, id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (hold, end) = hold_of(&Cells { table: "hold", key: &id, row })?;
    Ok(Some((hold, end.map(|end| EndedHold { hold, end }))))
}

/// The hold of a row as [`holds_where`] selects it.
pub(super) fn hold_of(cells: &Cells) -> Result<(Hold, Option<HoldEnd>)> {
    let (interval, occupied) = intervals(cells, 5)?;
    let hold = Hold {
        id: HoldId(cells.get(0)?),
        token: FencingToken::of(Epoch(cells.get(1)?), cells.get(2)?),
        holder: PersonId(cells.get(3)?),
        resource: ResourceId(cells.get(4)?),
        interval,
        occupied,
        units: cells.get(9)?,
        granted_at: Instant(cells.get(10)?),
        expires_at: Instant(cells.get(11)?),
        renewals: cells.get(12)?,
        offer: cells.get::<Option<Uuid>>(14)?.map(EntryId),
    };
    let ended: Option<String> = cells.get(13)?;
    let ended = ended.map(|end| codec::hold_end_named(&end)).transpose();
    Ok((hold, ended.map_err(|e: Malformed| cells.impossible(13, e.to_string()))?))
}

/// Holds that no change has ended.
pub(super) fn live_holds(db: &Connection) -> Result<Vec<Hold>> {
    let mut select = db.prepare(holds_where!("part_id = ?1 AND ended IS NULL"))?;
    let mut rows = select.query([PART])?;
    let mut holds = Vec::new();
    while let Some(row) = rows.next()? {
        holds.push(hold_of(&Cells { table: "hold", key: &"one that lives", row })?.0);
    }
    Ok(holds)
}

/// A waitlist entry that ever was, and how it ended if a change has ended it.
pub(super) fn entry(db: &Connection, id: EntryId) -> Result<Option<(WaitEntry, Option<EndedEntry>)>> {
    let mut select = db.prepare_cached(entries_where!("part_id = ?1 AND id = ?2"))?;
    let mut rows = select.query(params![PART, id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (entry, end) = entry_of(&Cells { table: "wait_entry", key: &id, row })?;
    Ok(Some((entry, end.map(|end| EndedEntry { entry, end }))))
}

/// Waitlist entries of a person and how they ended, those that joined last first.
pub(super) fn entries_of(db: &Connection, owner: PersonId, max: usize) -> Result<Vec<(WaitEntry, Option<EntryEnd>)>> {
    let mut select =
        db.prepare_cached(entries_where!("part_id = ?1 AND owner = ?2 ORDER BY joined_at DESC, id DESC LIMIT ?3"))?;
    let mut rows = select.query(params![PART, owner.0, max_rows(max)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(entry_of(&Cells { table: "wait_entry", key: &owner, row })?);
    }
    Ok(entries)
}

/// The entry of a row as [`entries_where`] selects it.
fn entry_of(cells: &Cells) -> Result<(WaitEntry, Option<EntryEnd>)> {
    let entry = WaitEntry {
        id: EntryId(cells.get(0)?),
        resource: ResourceId(cells.get(1)?),
        owner: PersonId(cells.get(2)?),
        made_by: actor(cells.get(3)?),
        interval: interval(cells, 4)?,
        units: cells.get(6)?,
        wants: cells.decode(16, codec::wants_named)?,
        class: cells.get(7)?,
        joined: Version { epoch: Epoch(cells.get(8)?), number: cells.get(9)? },
        joined_at: Instant(cells.get(10)?),
        gives_up: cells.get::<Option<Uuid>>(11)?.map(BookingId),
        offer: cells.get::<Option<Uuid>>(12)?.map(HoldId),
        offers: cells.get(13)?,
    };
    let (ended, booking): (Option<String>, Option<Uuid>) = (cells.get(14)?, cells.get(15)?);
    let ended = ended.map(|end| codec::entry_end_of(&end, booking.map(BookingId))).transpose();
    Ok((entry, ended.map_err(|e: Malformed| cells.impossible(14, e.to_string()))?))
}

/// When those who wait must be looked at again, for every resource where they must.
pub(super) fn waits_due(db: &Connection) -> Result<Vec<(ResourceId, Instant)>> {
    let mut select = db.prepare("SELECT resource, due_at FROM wait_due WHERE part_id = ?1")?;
    let rows = select.query_map([PART], |row| Ok((ResourceId(row.get(0)?), Instant(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What rules about one person ask for, but for holds: all live ones are in memory.
pub(super) fn person(db: &Connection, id: PersonId, since: Instant) -> Result<Person> {
    const EXCLUSIVE: &str = "
        SELECT booking, resource, place, start_at, end_at FROM booking_slot
        WHERE part_id = ?1 AND owner = ?2 AND until > ?3 AND exclusive = 1 AND active = 1";
    let mut person = Person::default();
    let mut select = db.prepare_cached(EXCLUSIVE)?;
    let mut rows = select.query(params![PART, id.0, since.0])?;
    while let Some(row) = rows.next()? {
        let cells = Cells { table: "booking_slot", key: &id, row };
        let line = (BookingId(cells.get(0)?), ResourceId(cells.get(1)?), cells.get(2)?);
        person.exclusive.insert(line, interval(&cells, 3)?);
    }
    const WAITING: &str = "SELECT id, resource FROM wait_entry WHERE part_id = ?1 AND owner = ?2 AND ended IS NULL";
    let mut select = db.prepare_cached(WAITING)?;
    let mut rows = select.query(params![PART, id.0])?;
    while let Some(row) = rows.next()? {
        person.waiting.insert(EntryId(row.get(0)?), ResourceId(row.get(1)?));
    }
    Ok(person)
}

/// What counts of one person under quotas, whenever it was or will be: quotas themselves bound how much that is.
pub(super) fn counted(db: &Connection, id: PersonId) -> Result<Counted> {
    const COUNTED: &str = "
        SELECT booking, resource, place, quota, start_at, units, credits FROM booking_slot
        WHERE part_id = ?1 AND owner = ?2 AND quota IS NOT NULL AND active <> 0";
    let mut counted = Counted::default();
    let mut select = db.prepare_cached(COUNTED)?;
    let mut rows = select.query(params![PART, id.0])?;
    while let Some(row) = rows.next()? {
        let cells = Cells { table: "booking_slot", key: &id, row };
        let line = (BookingId(cells.get(0)?), ResourceId(cells.get(1)?), cells.get(2)?);
        let (of, start) = (ResourceId(cells.get(3)?), Instant(cells.get(4)?));
        counted.0.insert(line, CountedSlot { of, start, units: cells.get(5)?, credits: cells.get(6)? });
    }
    Ok(counted)
}

// Where things are in the journal

/// The commit with the answer to a key, and its place there.
pub(super) fn attempt(db: &Connection, key: AttemptKey) -> Result<Option<(u64, usize)>> {
    const ATTEMPT: &str = "SELECT commit_number, place FROM attempt WHERE part_id = ?1 AND key = ?2 AND actor = ?3";
    let mut select = db.prepare_cached(ATTEMPT)?;
    let mut rows = select.query(params![key.part.0, key.key, key.actor])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "attempt", key: &key.key, row };
    Ok(Some((cells.get(0)?, cells.get(1)?)))
}

/// The recorded answer to a key that is in the tables.
pub(super) fn recorded(tables: &Connection, journal: &Connection, key: AttemptKey) -> Result<Option<Recorded>> {
    let Some((number, place)) = attempt(tables, key)? else { return Ok(None) };
    let gone = || Error::bug(format!("the answer to {} is not where the tables say", key.key));
    let (commit, _) = journal::commit(journal, number)?.ok_or_else(gone)?;
    let entry = commit.entries.into_iter().nth(place).filter(|entry| entry.recorded.key == key);
    entry.map(|entry| Some(Arc::unwrap_or_clone(entry.recorded))).ok_or_else(gone)
}

/// The version of a resource and the commit of its last record, if there is such a resource.
pub(super) fn resource_head(db: &Connection, resource: ResourceId) -> Result<Option<(Version, u64)>> {
    const HEAD: &str = "SELECT epoch, number, commit_number FROM resource_head WHERE part_id = ?1 AND resource = ?2";
    let mut select = db.prepare_cached(HEAD)?;
    let mut rows = select.query(params![PART, resource.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "resource_head", key: &resource, row };
    Ok(Some((Version { epoch: Epoch(cells.get(0)?), number: cells.get(1)? }, cells.get(2)?)))
}

/// A key that is in the tables and no younger one is.
pub(super) fn latest_key(db: &Connection) -> Result<Option<AttemptKey>> {
    const LATEST: &str = "SELECT key, actor FROM attempt WHERE part_id = ?1 ORDER BY key DESC LIMIT 1";
    let mut select = db.prepare(LATEST)?;
    let mut rows = select.query([PART])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(AttemptKey { part: PartId::DEFAULT, key: row.get(0)?, actor: row.get(1)? }))
}

/// The commit of the first marked record of a resource from a number on.
pub(super) fn mark_from(db: &Connection, resource: ResourceId, number: u64) -> Result<Option<u64>> {
    const MARK: &str = "
        SELECT commit_number FROM record_mark WHERE part_id = ?1 AND resource = ?2 AND number >= ?3 ORDER BY number LIMIT 1";
    let mut select = db.prepare_cached(MARK)?;
    Ok(select.query_row(params![PART, resource.0, signed(number)], |row| row.get(0)).optional()?)
}

/// The commits that changed a booking, in order, each once.
pub(super) fn commits_of(db: &Connection, id: BookingId) -> Result<Vec<u64>> {
    const COMMITS: &str = "SELECT commits FROM booking WHERE part_id = ?1 AND id = ?2";
    let mut select = db.prepare_cached(COMMITS)?;
    let commits: Option<Vec<u8>> = select.query_row(params![PART, id.0], |row| row.get(0)).optional()?;
    let commits = commits.unwrap_or_default();
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let mut numbers: Vec<u64> = commits.chunks_exact(8).map(number).collect();
    numbers.dedup();
    Ok(numbers)
}

/// The last commit that is in the tables.
pub(super) fn mark_number(db: &Connection) -> Result<u64> {
    Ok(db.prepare_cached("SELECT number FROM mark WHERE part_id = ?1")?.query_row([PART], |row| row.get(0))?)
}

/// How far the tables are.
pub(super) fn mark(db: &Connection) -> Result<Option<Mark>> {
    const MARK: &str = "SELECT number, hash, longest FROM mark WHERE part_id = ?1";
    let mut select = db.prepare(MARK)?;
    let mut rows = select.query([PART])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "mark", key: &PART, row };
    Ok(Some(Mark { number: cells.get(0)?, hash: cells.get(1)?, longest: Span(cells.get(2)?) }))
}

/// SQLite's integers are signed. Nothing here counts that far.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn max_rows(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
