//! What a fold has made, row after row in the order of keys, for a store whose tables are others than those it was folded into.
//! It reads the fold's own tables and writes nothing.

use super::error::{Cells, Error, Result};
use super::load::{self, PART, bookings_where};
use super::verify::Fold;
use rusqlite::{Connection, OptionalExtension, Row};
use slotwise_domain::{
    Booking, BookingId, Change, EntryId, Epoch, HoldId, Instant, News, Notice, PersonId, ResourceId, Version,
};
use slotwise_engine::{Noted, NoticeId};
use std::ops::RangeInclusive;
use uuid::Uuid;

/// A commit among those of all writers.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub stamp: i64,
    pub id: Uuid,
}

/// Where a resource's record ends.
pub(crate) struct FoldedHead {
    pub resource: ResourceId,
    pub version: Version,
    pub decided_at: Instant,
    pub hash: Vec<u8>,
    pub at: At,
}

/// The tables of a fold of a journal that several write.
pub(crate) struct Folded<'f>(pub &'f Fold);

impl Folded<'_> {
    fn tables(&self) -> &Connection {
        &self.0.tables
    }

    fn each(&self, sql: &str, mut each: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        let mut select = self.tables().prepare(sql)?;
        let mut rows = select.query([PART])?;
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        Ok(())
    }

    fn at(&self, number: u64) -> Result<At> {
        let mut select = self.tables().prepare_cached("SELECT stamp, id FROM place WHERE number = ?1")?;
        Ok(select.query_row([load::signed(number)], |row| Ok(At { stamp: row.get(0)?, id: row.get(1)? }))?)
    }

    /// All bookings, each with the commits that changed it, in order.
    pub fn bookings(&self, mut each: impl FnMut(Booking, Vec<At>) -> Result<()>) -> Result<()> {
        self.each(bookings_where!("WHERE b.part_id = ?1 ORDER BY b.id"), |row| {
            let booking = load::booking_of(self.tables(), row)?;
            let commits = load::commits_of(self.tables(), booking.id)?;
            let commits = commits.into_iter().map(|number| self.at(number)).collect::<Result<_>>()?;
            each(booking, commits)
        })
    }

    /// Where bookings are: the resource, from when, which, and until when.
    pub fn placed(&self, mut each: impl FnMut(ResourceId, Instant, BookingId, Instant) -> Result<()>) -> Result<()> {
        const PLACED: &str = "
            SELECT DISTINCT s.resource, b.start_at, s.booking, b.end_at
            FROM booking_slot s JOIN booking b ON b.part_id = s.part_id AND b.id = s.booking
            WHERE s.part_id = ?1 ORDER BY s.resource, b.start_at, s.booking";
        self.each(PLACED, |row| {
            each(ResourceId(row.get(0)?), Instant(row.get(1)?), BookingId(row.get(2)?), Instant(row.get(3)?))
        })
    }

    /// Holds and places in waitlists, by their ids, a hold before a place: each as a change that says all of it.
    pub fn claims(&self, mut each: impl FnMut(ResourceId, Change) -> Result<()>) -> Result<()> {
        const CLAIMS: &str = "
            SELECT id, 1 FROM hold WHERE part_id = ?1 UNION ALL SELECT id, 2 FROM wait_entry WHERE part_id = ?1 ORDER BY 1, 2";
        let gone = || Error::bug("a row is gone while it is read");
        self.each(CLAIMS, |row| {
            let (id, kind): (Uuid, i64) = (row.get(0)?, row.get(1)?);
            if kind == 1 {
                let (hold, ended) = load::hold(self.tables(), HoldId(id))?.ok_or_else(gone)?;
                return each(hold.resource, ended.map_or(Change::HoldGranted(hold), Change::HoldEnded));
            }
            let (entry, ended) = load::entry(self.tables(), EntryId(id))?.ok_or_else(gone)?;
            each(entry.resource, ended.map_or(Change::WaitJoined(entry), Change::WaitEnded))
        })
    }

    /// Keys and actors, and which commit has the answer.
    pub fn attempts(&self, mut each: impl FnMut(Uuid, Uuid, Uuid) -> Result<()>) -> Result<()> {
        const ATTEMPTS: &str = "
            SELECT a.key, a.actor, p.id FROM attempt a JOIN place p ON p.number = a.commit_number
            WHERE a.part_id = ?1 ORDER BY a.key, a.actor";
        self.each(ATTEMPTS, |row| each(row.get(0)?, row.get(1)?, row.get(2)?))
    }

    /// Notices, their places told by the stamps of their commits.
    pub fn notices(&self, mut each: impl FnMut(Noted, At) -> Result<()>) -> Result<()> {
        const NOTICES: &str = "
            SELECT n.person, p.stamp, n.place, p.id, n.news, n.booking, n.resource, n.at, n.dates
            FROM notice n JOIN place p ON p.number = n.commit_number
            WHERE n.part_id = ?1 ORDER BY n.person, p.stamp, n.place, p.id";
        self.each(NOTICES, |row| {
            let at = At { stamp: row.get(1)?, id: row.get(3)? };
            let cells = Cells { table: "notice", key: &at.id, row };
            let name: String = cells.get(4)?;
            let news = News::named(&name).ok_or_else(|| cells.impossible(4, format!("{name} is no news")))?;
            let notice = Notice { to: PersonId(row.get(0)?), news, booking: BookingId(row.get(5)?) };
            let id = NoticeId { commit: at.stamp.unsigned_abs(), place: row.get(2)? };
            let (resource, told_at, dates) = (ResourceId(row.get(6)?), Instant(row.get(7)?), row.get(8)?);
            each(Noted { id, notice, resource, at: told_at, dates }, at)
        })
    }

    /// Where the records of resources end.
    pub fn heads(&self, mut each: impl FnMut(FoldedHead) -> Result<()>) -> Result<()> {
        const HEADS: &str = "
            SELECT resource, epoch, number, decided_at, hash, commit_number FROM resource_head
            WHERE part_id = ?1 ORDER BY resource";
        self.each(HEADS, |row| {
            let version = Version { epoch: Epoch(row.get(1)?), number: row.get(2)? };
            let (decided_at, hash) = (Instant(row.get(3)?), row.get(4)?);
            each(FoldedHead { resource: ResourceId(row.get(0)?), version, decided_at, hash, at: self.at(row.get(5)?)? })
        })
    }

    /// The stamp of a commit, where its number is its place among all.
    pub fn stamp(&self, number: u64) -> Result<Option<i64>> {
        let mut select = self.tables().prepare_cached("SELECT stamp FROM place WHERE number = ?1")?;
        Ok(select.query_row([load::signed(number)], |row| row.get(0)).optional()?)
    }

    /// How long the longest booking is now, and how long any ever was, in microseconds.
    pub fn longest(&self) -> Result<RangeInclusive<i64>> {
        const NOW: &str = "SELECT coalesce(max(end_at - start_at), 0) FROM booking WHERE part_id = ?1";
        let now = self.tables().query_row(NOW, [PART], |row| row.get(0))?;
        Ok(now..=load::mark(self.tables())?.map_or(now, |mark| mark.longest.0))
    }
}
