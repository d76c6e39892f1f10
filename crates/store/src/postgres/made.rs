//! The tables that the record makes, row by row: what verifying compares with those that are there, and what filling puts in.
//! It judges nothing, and sends nothing.

use super::error::{Error, Result};
use super::load::{claim_id, signed};
use super::pool::{Args, arg, args};
use super::sql;
use super::write::{counter, due_at, is_ruled, said};
use crate::codec;
use crate::embedded;
use crate::embedded::folded::Folded;
use slotwise_domain::{Calendar, Change};
use std::cmp::Ordering;
use std::fmt;
use tokio_postgres::Row;
use uuid::Uuid;

/// A cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Nothing,
    Number(i64),
    Id(Uuid),
    Text(String),
    Bytes(Vec<u8>),
    Flag(bool),
}

/// What a column holds; one that says `Maybe` may hold nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    MaybeNumber,
    Id,
    MaybeId,
    Text,
    Bytes,
    MaybeBytes,
    Flag,
}

/// A table that the record makes.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    /// So many columns at the beginning are the key, beside the part.
    pub key: usize,
    /// Columns that the record does not say.
    pub untold: &'static [&'static str],
    /// A page of rows after a key, in order.
    pub page: &'static str,
    /// Puts in rows, a list for each column.
    pub put: &'static str,
}

use Kind::{Bytes, Flag, Id, MaybeBytes, MaybeId, MaybeNumber, Number, Text};

pub(super) const BOOKING: Table = Table {
    name: "booking",
    columns: &[
        ("id", Id),
        ("owner", Id),
        ("state", Text),
        ("series", MaybeId),
        ("start_at", Number),
        ("end_at", Number),
        ("until", Number),
        ("ruled", Flag),
        ("revision", Number),
        ("commit_id", Id),
        ("body", Bytes),
        ("said", MaybeBytes),
    ],
    key: 1,
    untold: &[],
    page: sql::ALL_BOOKINGS,
    put: sql::FILL_BOOKINGS,
};

pub(super) const BOOKING_ON: Table = Table {
    name: "booking_on",
    columns: &[("resource", Id), ("start_at", Number), ("booking", Id), ("end_at", Number)],
    key: 3,
    untold: &[],
    page: sql::ALL_BOOKINGS_ON,
    put: sql::FILL_BOOKINGS_ON,
};

pub(super) const BOOKING_COMMIT: Table = Table {
    name: "booking_commit",
    columns: &[("booking", Id), ("stamp", Number), ("commit_id", Id)],
    key: 3,
    untold: &[],
    page: sql::ALL_BOOKING_COMMITS,
    put: sql::FILL_BOOKING_COMMITS,
};

pub(super) const CLAIM: Table = Table {
    name: "claim",
    columns: &[
        ("id", Id),
        ("kind", Number),
        ("resource", Id),
        ("person", Id),
        ("since", Number),
        ("live", Flag),
        ("change", Bytes),
    ],
    key: 2,
    untold: &[],
    page: sql::ALL_CLAIMS,
    put: sql::FILL_CLAIMS,
};

pub(super) const ATTEMPT: Table = Table {
    name: "attempt",
    columns: &[("key", Id), ("actor", Id), ("commit_id", Id)],
    key: 2,
    untold: &[],
    page: sql::ALL_ATTEMPTS,
    put: sql::FILL_ATTEMPTS,
};

pub(super) const NOTICE: Table = Table {
    name: "notice",
    columns: &[
        ("person", Id),
        ("stamp", Number),
        ("place", Number),
        ("commit_id", Id),
        ("news", Text),
        ("booking", Id),
        ("resource", Id),
        ("at", Number),
        ("dates", Number),
    ],
    key: 4,
    untold: &[],
    page: sql::ALL_NOTICES,
    put: sql::FILL_NOTICES,
};

pub(super) const HEAD: Table = Table {
    name: "resource_head",
    columns: &[
        ("resource", Id),
        ("epoch", Number),
        ("number", Number),
        ("base", Number),
        ("decided_at", Number),
        ("stamp", Number),
        ("hash", Bytes),
        ("commit_id", Id),
        ("due_at", MaybeNumber),
        ("in_group", MaybeId),
        ("taken", Number),
        ("room", MaybeNumber),
    ],
    key: 1,
    // The first is a step of the last commit only; the others are a guard that the last commit has set.
    untold: &["base", "taken", "room"],
    page: sql::ALL_HEADS,
    put: sql::FILL_HEADS,
};

/// What calendars are loaded from; one is compared where its own record is, because it is of that version.
pub(super) const SNAPSHOT: Table = Table {
    name: "snapshot",
    columns: &[("resource", Id), ("number", Number), ("epoch", Number), ("decided_at", Number), ("changes", Bytes)],
    key: 1,
    untold: &[],
    page: sql::ALL_SNAPSHOTS,
    put: sql::FILL_SNAPSHOTS,
};

/// All whose rows follow from the last state.
pub(super) const TABLES: [&Table; 7] = [&BOOKING, &BOOKING_ON, &BOOKING_COMMIT, &CLAIM, &ATTEMPT, &NOTICE, &HEAD];

impl Table {
    /// A row as the database has it.
    pub fn row(&self, row: &Row) -> Result<Vec<Cell>> {
        let cell = |(n, (_, kind)): (usize, &(&str, Kind))| {
            Ok(match kind {
                Number => Cell::Number(row.try_get(n)?),
                MaybeNumber => row.try_get::<_, Option<i64>>(n)?.map_or(Cell::Nothing, Cell::Number),
                Id => Cell::Id(row.try_get(n)?),
                MaybeId => row.try_get::<_, Option<Uuid>>(n)?.map_or(Cell::Nothing, Cell::Id),
                Text => Cell::Text(row.try_get(n)?),
                Bytes => Cell::Bytes(row.try_get(n)?),
                MaybeBytes => row.try_get::<_, Option<Vec<u8>>>(n)?.map_or(Cell::Nothing, Cell::Bytes),
                Flag => Cell::Flag(row.try_get(n)?),
            })
        };
        self.columns.iter().enumerate().map(cell).collect()
    }

    /// What a page after a row is asked with; before the first row, after nothing.
    pub fn page_after(&self, part: i64, row: Option<&[Cell]>, max: i64) -> Args {
        let mut args = args![part];
        for (n, (_, kind)) in self.columns.iter().enumerate().take(self.key) {
            let cell = row.and_then(|row| row.get(n));
            args.push(match (kind, cell) {
                (Number | MaybeNumber, Some(Cell::Number(number))) => arg(Some(*number)),
                (Number | MaybeNumber, _) => arg(None::<i64>),
                (_, Some(Cell::Id(id))) => arg(Some(*id)),
                (_, _) => arg(None::<Uuid>),
            });
        }
        args.push(arg(max));
        args
    }

    /// What rows are put in with.
    pub fn put(&self, part: i64, rows: Vec<Vec<Cell>>) -> Args {
        let mut columns: Vec<Vec<Cell>> = self.columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
        for row in rows {
            columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
        }
        let mut args = args![part];
        for ((_, kind), cells) in self.columns.iter().zip(columns) {
            let cells = cells.into_iter();
            args.push(match kind {
                Number => arg(cells.map(|c| c.number().unwrap_or_default()).collect::<Vec<i64>>()),
                MaybeNumber => arg(cells.map(|c| c.number()).collect::<Vec<Option<i64>>>()),
                Id => arg(cells.map(|c| c.id().unwrap_or_default()).collect::<Vec<Uuid>>()),
                MaybeId => arg(cells.map(|c| c.id()).collect::<Vec<Option<Uuid>>>()),
                Text => arg(cells.map(|c| c.text().unwrap_or_default()).collect::<Vec<String>>()),
                Bytes => arg(cells.map(|c| c.bytes().unwrap_or_default()).collect::<Vec<Vec<u8>>>()),
                MaybeBytes => arg(cells.map(Cell::bytes).collect::<Vec<Option<Vec<u8>>>>()),
                Flag => arg(cells.map(|c| c == Cell::Flag(true)).collect::<Vec<bool>>()),
            });
        }
        args
    }

    /// How two rows are ordered by their keys.
    pub fn by_key(&self, a: &[Cell], b: &[Cell]) -> Ordering {
        let order = |(a, b): (&Cell, &Cell)| match (a, b) {
            (Cell::Number(a), Cell::Number(b)) => a.cmp(b),
            (Cell::Id(a), Cell::Id(b)) => a.cmp(b),
            (_, _) => Ordering::Equal,
        };
        a.iter().zip(b).take(self.key).map(order).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// The columns in which two rows of one key differ.
    pub fn differing(&self, ours: &[Cell], theirs: &[Cell]) -> Vec<&'static str> {
        let told = self.columns.iter().map(|(name, _)| *name).zip(ours.iter().zip(theirs));
        told.filter(|(name, (a, b))| a != b && !self.untold.contains(name)).map(|(name, _)| name).collect()
    }
}

impl Cell {
    pub fn flag(&self) -> Option<bool> {
        match self {
            Cell::Flag(flag) => Some(*flag),
            Cell::Nothing | Cell::Number(_) | Cell::Id(_) | Cell::Text(_) | Cell::Bytes(_) => None,
        }
    }

    pub fn number(&self) -> Option<i64> {
        match self {
            Cell::Number(n) => Some(*n),
            Cell::Nothing | Cell::Id(_) | Cell::Text(_) | Cell::Bytes(_) | Cell::Flag(_) => None,
        }
    }

    pub fn id(&self) -> Option<Uuid> {
        match self {
            Cell::Id(id) => Some(*id),
            Cell::Nothing | Cell::Number(_) | Cell::Text(_) | Cell::Bytes(_) | Cell::Flag(_) => None,
        }
    }

    pub fn text(self) -> Option<String> {
        match self {
            Cell::Text(text) => Some(text),
            Cell::Nothing | Cell::Number(_) | Cell::Id(_) | Cell::Bytes(_) | Cell::Flag(_) => None,
        }
    }

    pub fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Cell::Bytes(bytes) => Some(bytes),
            Cell::Nothing | Cell::Number(_) | Cell::Id(_) | Cell::Text(_) | Cell::Flag(_) => None,
        }
    }
}

/// Only what may be told: keys are made of numbers and ids.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Number(n) => write!(f, "{n}"),
            Cell::Id(id) => write!(f, "{id}"),
            Cell::Nothing | Cell::Text(_) | Cell::Bytes(_) | Cell::Flag(_) => f.write_str("?"),
        }
    }
}

/// A change of a claim that says all of it, whichever change was its last.
pub(super) fn settled(change: Change) -> Change {
    match change {
        Change::HoldRenewed(hold) => Change::HoldGranted(hold),
        Change::WaitOffered(entry) | Change::WaitResumed(entry) | Change::WaitMoved(entry) => Change::WaitJoined(entry),
        other => other,
    }
}

/// A row of claims in the form in which two of them can be compared.
pub(super) fn settled_row(row: &mut [Cell]) -> Result<()> {
    let [.., Cell::Id(resource), _, _, _, Cell::Bytes(change)] = row else { return Ok(()) };
    let resource = slotwise_domain::ResourceId(*resource);
    let decoded = codec::decode_changes(resource, change)?.pop();
    let decoded = decoded.ok_or_else(|| codec::Malformed("a claim says nothing".into()))?;
    *change = codec::encode_changes(resource, &[settled(decoded)])?;
    Ok(())
}

/// Tells the rows of a table in the order of its keys, as the record makes them. The first error that is told back ends it.
pub(super) fn rows_of(folded: &Folded, table: &Table, mut each: impl FnMut(Vec<Cell>) -> Result<()>) -> Result<()> {
    let mut failed = None;
    let mut tell = |row: Result<Vec<Cell>>| -> std::result::Result<(), embedded::Error> {
        match row.and_then(&mut each) {
            Ok(()) => Ok(()),
            Err(e) => {
                let says = e.to_string();
                failed = Some(e);
                Err(embedded::Error::Bug(says))
            }
        }
    };
    let told = match table.name {
        "booking" => folded.bookings(|booking, commits| tell(booking_row(&booking, commits.last().map(|at| at.id)))),
        "booking_commit" => folded.bookings(|booking, commits| {
            let row = |at: embedded::folded::At| vec![Cell::Id(booking.id.0), Cell::Number(at.stamp), Cell::Id(at.id)];
            commits.into_iter().try_for_each(|at| tell(Ok(row(at))))
        }),
        "booking_on" => folded.placed(|resource, start, booking, end| {
            tell(Ok(vec![Cell::Id(resource.0), Cell::Number(start.0), Cell::Id(booking.0), Cell::Number(end.0)]))
        }),
        "claim" => folded.claims(|resource, change| tell(claim_row(resource, change))),
        "attempt" => {
            folded.attempts(|key, actor, commit| tell(Ok(vec![Cell::Id(key), Cell::Id(actor), Cell::Id(commit)])))
        }
        "notice" => folded.notices(|noted, at| {
            tell(Ok(vec![
                Cell::Id(noted.notice.to.0),
                Cell::Number(at.stamp),
                Cell::Number(i64::from(noted.id.place)),
                Cell::Id(at.id),
                Cell::Text(noted.notice.news.name().into()),
                Cell::Id(noted.notice.booking.0),
                Cell::Id(noted.resource.0),
                Cell::Number(noted.at.0),
                Cell::Number(i64::from(noted.dates)),
            ]))
        }),
        "resource_head" => folded.heads(|head| tell(head_row(folded, &head))),
        "snapshot" => folded.heads(|head| tell(snapshot_row(folded, &head))),
        other => return Err(Error::bug(format!("{other} is no table that the record makes"))),
    };
    match failed {
        Some(e) => Err(e),
        None => Ok(told?),
    }
}

/// The row of a booking, and which commit changed it last.
pub(super) fn booking_row(booking: &slotwise_domain::Booking, commit: Option<Uuid>) -> Result<Vec<Cell>> {
    let until = booking.slots.iter().map(|s| s.occupied.end().0).max().unwrap_or(i64::MIN);
    Ok(vec![
        Cell::Id(booking.id.0),
        Cell::Id(booking.owner.0),
        Cell::Text(booking.state.name().into()),
        booking.occurrence.as_ref().map_or(Cell::Nothing, |o| Cell::Id(o.series.id.0)),
        Cell::Number(booking.start().0),
        Cell::Number(booking.end().0),
        Cell::Number(until),
        Cell::Flag(is_ruled(booking)),
        Cell::Number(signed(booking.revision)),
        Cell::Id(commit.unwrap_or_default()),
        Cell::Bytes(codec::encode_booking(booking)?),
        said(booking)?.map_or(Cell::Nothing, Cell::Bytes),
    ])
}

/// The row of a claim.
pub(super) fn claim_row(resource: slotwise_domain::ResourceId, change: Change) -> Result<Vec<Cell>> {
    let of = claim_id(&change).ok_or_else(|| Error::bug("a claim is none"))?;
    let (id, kind, person, since, live) = of;
    Ok(vec![
        Cell::Id(id),
        Cell::Number(kind),
        Cell::Id(resource.0),
        Cell::Id(person.0),
        Cell::Number(since.0),
        Cell::Flag(live),
        Cell::Bytes(codec::encode_changes(resource, &[change])?),
    ])
}

fn calendar_of<'f>(folded: &Folded<'f>, head: &embedded::folded::FoldedHead) -> Result<&'f Calendar> {
    let calendar = folded.0.world.calendars.get(&head.resource);
    Ok(calendar.ok_or_else(|| Error::bug(format!("{} has a head and no calendar", head.resource)))?)
}

fn head_row(folded: &Folded, head: &embedded::folded::FoldedHead) -> Result<Vec<Cell>> {
    let calendar = calendar_of(folded, head)?;
    let (taken, room) = counter(calendar, None, true);
    let number = signed(head.version.number);
    Ok(vec![
        Cell::Id(head.resource.0),
        Cell::Number(i64::from(head.version.epoch.0)),
        Cell::Number(number),
        Cell::Number(number - 1),
        Cell::Number(head.decided_at.0),
        Cell::Number(head.at.stamp),
        Cell::Bytes(head.hash.clone()),
        Cell::Id(head.at.id),
        due_at(calendar, folded.0.meta.epoch).map_or(Cell::Nothing, Cell::Number),
        calendar.resource.spec.group.as_ref().map_or(Cell::Nothing, |g| Cell::Id(g.id.0)),
        Cell::Number(taken),
        room.map_or(Cell::Nothing, Cell::Number),
    ])
}

fn snapshot_row(folded: &Folded, head: &embedded::folded::FoldedHead) -> Result<Vec<Cell>> {
    let mut calendar = calendar_of(folded, head)?.clone();
    calendar.forget_before(folded.0.latest.minus(Calendar::LOOKBACK));
    Ok(vec![
        Cell::Id(head.resource.0),
        Cell::Number(signed(head.version.number)),
        Cell::Number(i64::from(head.version.epoch.0)),
        Cell::Number(calendar.decided_at.0),
        Cell::Bytes(codec::encode_changes(head.resource, &calendar.as_changes())?),
    ])
}
