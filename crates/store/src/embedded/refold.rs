//! Resources as their records make them: read backwards from their heads, many at once or one page after the other, folded forwards.
//! It holds no more records than it is asked for at once, and takes nothing from the tables but the way to the record.

use super::cache::Entry;
use super::error::{Error, Result};
use super::load;
use super::rows::until;
use super::{journal, reconcile::Pace};
use crate::record::Hash;
use rusqlite::Connection;
use slotwise_domain::{Actor, Booking, BookingId, Calendar, Change, Details, Instant, ResourceId, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why a look ends before its end.
pub(super) enum Stop {
    /// The store ends.
    Ended,
    /// What the tables say of this resource does not lead to its record.
    Astray(ResourceId),
    /// Something could not be read.
    Failed(Error),
}

/// What came of a look.
pub(super) type Looked<T> = std::result::Result<T, Stop>;

impl<E: Into<Error>> From<E> for Stop {
    fn from(e: E) -> Stop {
        Stop::Failed(e.into())
    }
}

/// Up to which record, and from which commit on that is looked for backwards.
#[derive(Clone, Copy)]
pub(super) struct Until {
    pub number: u64,
    pub commit: u64,
}

/// One version of a resource, with all that its attempt said of the bookings it changed.
struct Step {
    version: Version,
    hash: Hash,
    at: Instant,
    by: Actor,
    commit: u64,
    changes: Vec<Change>,
    /// Of other resources.
    elsewhere: Vec<Change>,
    said: Vec<(BookingId, Details)>,
}

/// A resource as far as its record has been folded.
pub(super) struct Folding {
    pub id: ResourceId,
    /// The last record: its version, its hash and its commit.
    last: Option<(Version, Hash, u64)>,
    calendar: Option<Calendar>,
    /// With the commits that changed them.
    bookings: BTreeMap<BookingId, (Option<Booking>, Vec<u64>)>,
    moved: BTreeSet<BookingId>,
}

/// A resource as its record makes it.
pub(super) struct Folded {
    pub entry: Entry,
    pub bookings: Vec<(Arc<Booking>, Vec<u64>)>,
}

/// One of the resources that are read on together.
struct Ahead<'f> {
    folding: &'f mut Folding,
    until: u64,
    /// The commit that is to be looked at next; 0 at the end.
    at: u64,
    /// Where its earliest record in the commit that is looked at leads.
    before: Option<u64>,
    /// The latest first.
    steps: Vec<Step>,
}

/// Folds each on, up to where it is told. A commit that several have a record in is read once.
pub(super) fn read_on<'f>(
    journal: &Connection,
    foldings: impl IntoIterator<Item = (&'f mut Folding, Until)>,
    pace: &mut Pace,
) -> Looked<()> {
    let ahead = |(folding, until): (&'f mut Folding, Until)| {
        let Until { number, commit } = until;
        (folding.id, Ahead { folding, until: number, at: commit, before: None, steps: Vec::new() })
    };
    let mut all: BTreeMap<ResourceId, Ahead> = foldings.into_iter().map(ahead).collect();
    while let Some(number) = all.values().map(|a| a.at).max().filter(|number| *number > 0) {
        pace.breathe()?;
        look_into(journal, number, &mut all)?;
    }
    for (id, Ahead { folding, until, steps, .. }) in all {
        let all_there = steps.len() as u64 == until.saturating_sub(folding.number());
        if !all_there || steps.first().is_some_and(|step| step.version.number != until) {
            return Err(Stop::Astray(id));
        }
        steps.into_iter().rev().for_each(|step| folding.take(step));
        pace.breathe()?;
    }
    Ok(())
}

/// Takes the steps that one commit holds.
fn look_into(journal: &Connection, number: u64, all: &mut BTreeMap<ResourceId, Ahead>) -> Looked<()> {
    let here = |all: &BTreeMap<ResourceId, Ahead>| all.iter().find(|(_, a)| a.at == number).map(|(id, _)| *id);
    let Some((commit, said)) = journal::commit(journal, number)? else {
        return here(all).map_or(Ok(()), |id| Err(Stop::Astray(id)));
    };
    for (place, entry) in commit.entries.iter().enumerate().rev() {
        for record in &entry.records {
            let Some(ahead) = all.get_mut(&record.resource).filter(|a| a.at == number) else { continue };
            let from = ahead.folding.number();
            let version = record.version;
            ahead.before = Some(if version.number > from + 1 { record.previous } else { 0 });
            if version.number <= from || version.number > ahead.until {
                continue;
            }
            if ahead.steps.len() as u64 >= ahead.until - from {
                return Err(Stop::Astray(record.resource));
            }
            let others = entry.records.iter().filter(|r| r.resource != record.resource);
            let said = said.iter().filter(|(n, ..)| *n as usize == place);
            ahead.steps.push(Step {
                version,
                hash: record.hash,
                at: entry.recorded.decision.decided_at,
                by: entry.actor(),
                commit: number,
                changes: record.changes.clone(),
                elsewhere: others.flat_map(|r| r.changes.clone()).collect(),
                said: said.map(|(_, booking, details)| (*booking, details.clone())).collect(),
            });
        }
    }
    for (id, ahead) in all.iter_mut().filter(|(_, a)| a.at == number) {
        // It leads back, always.
        let before = ahead.before.take().filter(|before| *before < number);
        ahead.at = before.ok_or(Stop::Astray(*id))?;
    }
    Ok(())
}

impl Folding {
    pub fn of(id: ResourceId) -> Folding {
        Folding { id, last: None, calendar: None, bookings: BTreeMap::new(), moved: BTreeSet::new() }
    }

    /// Of the last record that was folded; 0 before the first.
    pub fn number(&self) -> u64 {
        self.last.map_or(0, |(version, ..)| version.number)
    }

    /// Whether the tables have its last record where it is.
    pub fn ends_at(&self, version: Version, commit: u64) -> bool {
        self.last.is_some_and(|(v, _, c)| (v, c) == (version, commit))
    }

    fn take(&mut self, step: Step) {
        for change in &step.changes {
            if let (None, Change::ResourceCreated(resource)) = (&self.calendar, change) {
                self.calendar = Some(Calendar::empty(resource.clone(), step.version, step.at));
            }
            if let Some(calendar) = &mut self.calendar {
                calendar.apply(change);
                (calendar.version, calendar.decided_at) = (step.version, step.at);
            }
        }
        self.moved.extend(step.changes.iter().filter(|change| change.moves()).filter_map(Change::booking));
        let changed: BTreeSet<BookingId> = step.changes.iter().filter_map(Change::booking).collect();
        for booking in changed {
            let (folded, commits) = self.bookings.entry(booking).or_default();
            let details = step.said.iter().find(|(of, _)| *of == booking).map(|(_, details)| details.clone());
            let all = step.changes.iter().chain(&step.elsewhere);
            *folded = Booking::after(folded.as_ref(), booking, all, details, step.by, step.at);
            if commits.last() != Some(&step.commit) {
                commits.push(step.commit);
            }
        }
        self.last = Some((step.version, step.hash, step.commit));
    }

    /// Forgets what need not be kept for the end: what is over, and what was cancelled and is in the tables as it is. Should it
    /// be changed after all, its own commits tell all of it.
    pub fn forget(&mut self, tables: &Connection, since: Instant) {
        if let Some(calendar) = &mut self.calendar {
            calendar.forget_before(since);
        }
        let (id, moved) = (self.id, &mut self.moved);
        self.bookings.retain(|booking, (folded, _)| {
            let forgotten = folded.as_ref().is_some_and(|folded| {
                folded.slots_on(id).all(|(_, slot)| slot.occupied.end() <= since)
                    || (folded.state.is_final() && is_in(tables, folded))
            });
            if forgotten {
                moved.remove(booking);
            }
            !forgotten
        });
    }

    /// What its record makes of it; what ended before an instant is left out.
    pub fn end(self, tables: &Connection, journal: &Connection, since: Instant) -> Looked<Folded> {
        let Folding { id, last, calendar, bookings, moved } = self;
        let (Some((_, hash, commit)), Some(mut calendar)) = (last, calendar) else { return Err(Stop::Astray(id)) };
        calendar.forget_before(since);
        let mut to_come = Vec::new();
        for (booking, (folded, commits)) in bookings {
            let rows = load::commits_of(tables, booking)?;
            let elsewhere = rows.first() < commits.first() && !rows.is_empty();
            let (folded, commits) = match elsewhere || moved.contains(&booking) {
                // It was on another resource too, or was forgotten above: its own commits tell all of it, and this record does not.
                true => (fold_booking(journal, booking, &rows)?, rows),
                false => (folded, commits),
            };
            // What its own row does not lead to cannot be made anew here.
            let Some(folded) = folded else { return Err(Stop::Astray(id)) };
            // What has left is looked after where it is now: a change there would not be noticed here.
            let here = folded.slots.iter().any(|slot| slot.resource == id);
            if here && folded.slots.iter().any(|slot| slot.occupied.end() > since) {
                to_come.push((Arc::new(folded), commits));
            }
        }
        Ok(Folded { entry: Entry { calendar: Arc::new(calendar), hash, commit }, bookings: to_come })
    }
}

/// Whether the tables have a booking as it is. What takes no time any more must not seem to.
pub(super) fn is_in(tables: &Connection, booking: &Booking) -> bool {
    const ACTIVE: &str = "
        SELECT EXISTS (SELECT 1 FROM booking_slot
        WHERE part_id = ?1 AND resource = ?2 AND until = ?3 AND booking = ?4 AND active = 1)";
    let as_it_is = matches!(load::booking(tables, booking.id), Ok(Some(row)) if row == *booking);
    let active = |resource: ResourceId| {
        let keys = rusqlite::params![load::PART, resource.0, until(booking).0, booking.id.0];
        tables.prepare_cached(ACTIVE).and_then(|mut select| select.query_row(keys, |row| row.get(0)))
    };
    as_it_is && (!booking.state.is_final() || booking.resources().into_iter().all(|r| matches!(active(r), Ok(false))))
}

/// A booking as the commits that changed it make it.
fn fold_booking(journal: &Connection, id: BookingId, commits: &[u64]) -> Result<Option<Booking>> {
    let mut booking: Option<Booking> = None;
    for number in commits {
        let Some((commit, said)) = journal::commit(journal, *number)? else { return Ok(None) };
        for (place, entry) in commit.entries.iter().enumerate() {
            if entry.changes().any(|change| change.booking() == Some(id)) {
                let details = said.iter().find(|(n, of, _)| (*n as usize, *of) == (place, id)).map(|(.., d)| d.clone());
                let (by, at) = (entry.actor(), entry.recorded.decision.decided_at);
                booking = Booking::after(booking.as_ref(), id, entry.changes(), details, by, at);
            }
        }
    }
    Ok(booking)
}
