//! While the store is in use: one resource after the other, slowly, what is shown of it against a fold of its record. What differs is
//! reported and made anew from the record, under the resource's own row. The record itself is never touched.

use super::error::{Error, Result};
use super::load::{self, claim_id, epoch, hash_of, limit, signed, unsigned};
use super::made::{self, Cell};
use super::pool::{args, plain, rows};
use super::write::due_at;
use super::{Shared, said_of, sql};
use crate::codec;
use crate::embedded::verify::same_calendar;
use crate::record::{self, Hash, Header};
use slotwise_domain::{Booking, BookingId, Calendar, Change, Instant, ResourceId, UseId, Version};
use slotwise_engine::Clock;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant as Moment};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// It rests so many times longer than it works.
const RESTS: u32 = 19;
/// Resources looked at in one go.
const TOGETHER: usize = 8;
/// Versions read at once.
const PAGE: usize = 1_000;
/// Bookings and claims looked at together.
const ROWS: usize = 200;

/// Where it is, and when it goes on.
pub(super) struct Pace {
    /// Between two looks, at least.
    pub rest: Duration,
    after: Uuid,
    next: Moment,
}

/// A resource as its record makes it.
pub(super) struct Folded {
    pub calendar: Calendar,
    /// Where its chain ends; nothing if a version is missing.
    pub hash: Option<Hash>,
    /// Whether the snapshot is what its record made of it then; nothing if the record has no such version.
    snapshot: Option<bool>,
}

/// What a look has found to be otherwise.
#[derive(Default)]
struct Differing {
    /// What it should be.
    snapshot: Option<Vec<u8>>,
    head: bool,
    bookings: Vec<BookingId>,
    claims: Vec<Change>,
}

impl Pace {
    pub fn resting(rest: Duration) -> Pace {
        Pace { rest, after: Uuid::nil(), next: Moment::now() + rest }
    }

    /// Looks at the next resources, if it is time.
    pub async fn look(&mut self, shared: &Shared) -> Result<()> {
        if Moment::now() < self.next {
            return Ok(());
        }
        let begun = Moment::now();
        let found = shared.readers.rows(sql::HEADS_AFTER, args![shared.part, self.after, limit(TOGETHER)]).await?;
        let ids: Vec<ResourceId> = load::ids(&found)?.into_iter().map(ResourceId).collect();
        match ids.last() {
            Some(last) => self.after = last.0,
            None => {
                self.after = Uuid::nil();
                metrics::counter!("slotwise_reconciler_rounds_total").increment(1);
            }
        }
        for id in ids {
            look_at(shared, id).await?;
        }
        self.next = Moment::now() + self.rest.max(begun.elapsed() * RESTS);
        Ok(())
    }
}

async fn look_at(shared: &Shared, id: ResourceId) -> Result<()> {
    let since = shared.time.now().minus(Calendar::LOOKBACK);
    let mut conn = shared.readers.get().await?;
    plain(&conn, sql::STILL).await?;
    let looked = compare(shared, &conn, id, since).await;
    plain(&conn, sql::ROLLBACK).await?;
    conn.clean();
    let Some((folded, differing)) = looked? else { return Ok(()) };
    let version = folded.version;
    if let Some(cached) = shared.cache.get(id)
        && cached.calendar.version == version
    {
        let mut cached = Calendar::clone(&cached.calendar);
        cached.forget_before(since);
        if !same_calendar(&cached, &folded) {
            differs(shared, "cache", id, version);
            shared.cache.forget(id);
        }
    }
    if differing.is_nothing() {
        return Ok(());
    }
    differs(shared, "rows", id, version);
    match mend(shared, &folded, differing).await {
        Ok(true) => tracing::warn!(resource = %id, "its rows were made anew from the record"),
        Ok(false) => tracing::info!(resource = %id, "it changed meanwhile; its rows are looked at again"),
        Err(e) => tracing::error!(resource = %id, error = %e, "its rows could not be made anew"),
    }
    Ok(())
}

fn differs(shared: &Shared, what: &'static str, resource: ResourceId, version: Version) {
    metrics::counter!("slotwise_reconciler_differences_total", "what" => what).increment(1);
    tracing::error!(what, %resource, %version, "what is shown of a resource was not what its record makes it");
    let says = "What was shown of a resource was not what its record makes it; it was made anew. Look at the log and the database.";
    shared.health.warn("reconciler", Some(says.into()));
}

/// What the rows of a resource should be, and which are otherwise; nothing if there is no such resource any more.
async fn compare(
    shared: &Shared,
    client: &Client,
    id: ResourceId,
    since: Instant,
) -> Result<Option<(Calendar, Differing)>> {
    let part = shared.part;
    let Some(Folded { mut calendar, hash, snapshot }) = fold(client, part, id, since).await? else { return Ok(None) };
    let found = rows(client, sql::HEAD_WHOLE, &args![part, id.0]).await?;
    let Some(head) = found.first() else { return Ok(None) };
    let theirs = Version { epoch: epoch(head.try_get(0)?), number: unsigned(head.try_get(1)?) };
    if theirs != calendar.version || Some(hash_of(&head.try_get::<_, Vec<u8>>(3)?)?) != hash {
        metrics::counter!("slotwise_reconciler_differences_total", "what" => "record").increment(1);
        let cause = "the record in the database is not what was written; look at it with `slotwise verify`";
        shared.health.stop(cause, format!("the record of resource {id} does not lead to its head at {theirs}"));
        return Ok(None);
    }
    let mut differing = Differing::default();
    if snapshot != Some(true) {
        let mut kept = calendar.clone();
        // A clock that was ahead when it was decided says nothing of what has ended.
        kept.forget_before(since.min(calendar.decided_at.minus(Calendar::LOOKBACK)));
        differing.snapshot = Some(codec::encode_changes(id, &kept.as_changes())?);
    }
    let group = calendar.resource.spec.group.as_ref().map(|g| g.id.0);
    differing.head = head.try_get::<_, i64>(2)? != calendar.decided_at.0
        || head.try_get::<_, Option<i64>>(4)? != due_at(&calendar, shared.epoch)
        || head.try_get::<_, Option<Uuid>>(5)? != group;
    calendar.forget_before(since);
    differing.bookings = bookings(client, part, &calendar).await?;
    differing.claims = claims(client, part, &calendar).await?;
    Ok(Some((calendar, differing)))
}

/// All of a record, page by page.
pub(super) async fn fold(client: &Client, part: i64, id: ResourceId, since: Instant) -> Result<Option<Folded>> {
    let kept = rows(client, sql::SNAPSHOTS, &args![part, vec![id.0]]).await?;
    let kept: Option<&Row> = kept.first();
    let of: Option<u64> = kept.map(|row| row.try_get(1)).transpose()?.map(unsigned);
    let (mut calendar, mut hash, mut snapshot): (Option<Calendar>, _, _) = (None, record::genesis(id), None);
    let mut number = 0;
    loop {
        let page = rows(client, sql::RECORDS, &args![part, id.0, signed(number), i64::MAX, limit(PAGE)]).await?;
        for row in &page {
            let read = load::record(row)?;
            if read.version.number != number + 1 {
                // Its head will not be reached.
                return Ok(calendar.map(|calendar| Folded { calendar, hash: None, snapshot }));
            }
            number = read.version.number;
            let header = Header {
                resource: id,
                version: read.version,
                decided_at: read.decided_at,
                attempt: read.attempt,
                actor: read.actor.uuid(),
            };
            hash = record::chain(&hash, &header, row.try_get(6)?);
            for change in &read.changes {
                if let (None, Change::ResourceCreated(resource)) = (&calendar, change) {
                    calendar = Some(Calendar::empty(resource.clone(), read.version, read.decided_at));
                }
                if let Some(calendar) = &mut calendar {
                    calendar.apply(change);
                    (calendar.version, calendar.decided_at) = (read.version, read.decided_at);
                }
            }
            if of == Some(number)
                && let (Some(row), Some(calendar)) = (kept, &calendar)
            {
                snapshot = Some(is_snapshot(row, calendar, since));
            }
        }
        if page.len() < PAGE {
            break;
        }
    }
    Ok(calendar.map(|calendar| Folded { calendar, hash: Some(hash), snapshot }))
}

/// Whether a snapshot is of a calendar as it was. What had ended long before need not be in it.
fn is_snapshot(row: &Row, calendar: &Calendar, since: Instant) -> bool {
    let Ok(mut kept) = load::snapshot(row) else { return false };
    let mut calendar = calendar.clone();
    calendar.forget_before(since);
    kept.forget_before(since);
    same_calendar(&kept, &calendar)
}

/// Bookings on it whose own rows do not say what takes its time.
async fn bookings(client: &Client, part: i64, calendar: &Calendar) -> Result<Vec<BookingId>> {
    let on = |u: &slotwise_domain::Use| match u.id {
        UseId::Booking(id, _) => Some(id),
        UseId::Hold(_) => None,
    };
    let ids: BTreeSet<BookingId> = calendar.uses.values().filter_map(on).collect();
    let ids: Vec<BookingId> = ids.into_iter().collect();
    let mut wrong = Vec::new();
    for some in ids.chunks(ROWS) {
        let asked: Vec<Uuid> = some.iter().map(|id| id.0).collect();
        let found = rows(client, sql::BOOKINGS_BY_ID, &args![part, asked]).await?;
        let mut there: HashMap<BookingId, Booking> = HashMap::new();
        for row in &found {
            if let Ok(booking) = load::booking(row) {
                there.insert(booking.id, booking);
            }
        }
        for id in some {
            let says = |u: &slotwise_domain::Use, booking: &Booking| {
                let UseId::Booking(of, n) = u.id else { return true };
                let slot = booking.slots.get(usize::from(n));
                of != *id
                    || slot.is_some_and(|slot| {
                        (slot.resource, slot.interval, slot.occupied) == (calendar.resource.id, u.interval, u.occupied)
                            && (slot.units, booking.owner) == (u.units, u.owner)
                            && booking.state.takes(slot)
                    })
            };
            let right = there.get(id).is_some_and(|booking| calendar.uses.values().all(|u| says(u, booking)));
            if !right {
                wrong.push(*id);
            }
        }
    }
    Ok(wrong)
}

/// What lives on it, where the table of claims says otherwise.
async fn claims(client: &Client, part: i64, calendar: &Calendar) -> Result<Vec<Change>> {
    let holds = calendar.holds.values().map(|hold| Change::HoldGranted(*hold));
    let waiting = calendar.waiting.values().chain(calendar.watching.values()).map(|entry| Change::WaitJoined(*entry));
    let all: Vec<Change> = holds.chain(waiting).collect();
    let mut wrong = Vec::new();
    for some in all.chunks(ROWS) {
        let ids: Vec<Uuid> = some.iter().filter_map(|change| Some(claim_id(change)?.0)).collect();
        let found = rows(client, sql::CLAIMS_BY_ID, &args![part, ids]).await?;
        let there: Vec<Change> =
            found.iter().filter_map(|row| load::claim(row).ok()).map(|(_, change)| made::settled(change)).collect();
        wrong.extend(some.iter().filter(|change| !there.contains(change)).cloned());
    }
    Ok(wrong)
}

impl Differing {
    fn is_nothing(&self) -> bool {
        self.snapshot.is_none() && !self.head && self.bookings.is_empty() && self.claims.is_empty()
    }
}

/// Makes rows anew, while nobody else can change the resource. Says whether they were: not if it has changed since.
async fn mend(shared: &Shared, folded: &Calendar, differing: Differing) -> Result<bool> {
    let (part, id, version) = (shared.part, folded.resource.id, folded.version);
    let mut conn = shared.readers.get().await?;
    plain(&conn, sql::BEGIN).await?;
    let held = rows(&conn, sql::HEADS_HELD, &args![part, vec![id.0]]).await?;
    let same = match held.first() {
        Some(row) => unsigned(row.try_get(2)?) == version.number,
        None => false,
    };
    if same {
        put(shared, &conn, folded, differing).await?;
    }
    plain(&conn, if same { sql::COMMIT } else { sql::ROLLBACK }).await?;
    conn.clean();
    Ok(same)
}

async fn put(shared: &Shared, client: &Client, folded: &Calendar, differing: Differing) -> Result<()> {
    let (part, id, version) = (shared.part, folded.resource.id, folded.version);
    let (number, epoch) = (signed(version.number), i64::from(version.epoch.0));
    let Differing { snapshot, head, bookings, claims } = differing;
    if let Some(changes) = snapshot {
        rows(client, sql::SNAPSHOT_GONE, &args![part, id.0]).await?;
        let lists = args![part, epoch, vec![id.0], vec![number], vec![folded.decided_at.0], vec![changes]];
        rows(client, sql::SNAPSHOTS_PUT, &lists).await?;
    }
    if head {
        let group = folded.resource.spec.group.as_ref().map(|g| g.id.0);
        let due = due_at(folded, shared.epoch);
        rows(client, sql::HEAD_MENDED, &args![part, id.0, number, folded.decided_at.0, due, group]).await?;
    }
    for booking in bookings {
        let (made, commit) = fold_booking(client, part, booking).await?;
        rows(client, sql::BOOKING_GONE, &args![part, booking.0]).await?;
        let row = made::booking_row(&made, Some(commit))?;
        rows(client, sql::FILL_BOOKINGS, &made::BOOKING.put(part, vec![row])).await?;
    }
    if !claims.is_empty() {
        let cells = claims.into_iter().map(|change| made::claim_row(id, change)).collect::<Result<Vec<Vec<Cell>>>>()?;
        rows(client, sql::CLAIMS_PUT, &made::CLAIM.put(part, cells)).await?;
    }
    Ok(())
}

/// A booking as the commits that changed it make it, and the last of them.
async fn fold_booking(client: &Client, part: i64, id: BookingId) -> Result<(Booking, Uuid)> {
    let mut booking: Option<(Booking, Uuid)> = None;
    for row in rows(client, sql::COMMITS_OF, &args![part, id.0]).await? {
        let (commit, said) = (load::commit(&row, 1, 3, 4)?, said_of(&row, 5)?);
        for (place, entry) in commit.entries.iter().enumerate() {
            if entry.changes().all(|change| change.booking() != Some(id)) {
                continue;
            }
            let details = said.iter().find(|(n, of, _)| (*n as usize, *of) == (place, id)).map(|(.., d)| d.clone());
            let (by, at) = (entry.actor(), entry.recorded.decision.decided_at);
            let before = booking.as_ref().map(|(booking, _)| booking);
            let after = Booking::after(before, id, entry.changes(), details, by, at);
            booking = after.map(|after| Ok::<_, Error>((after, row.try_get(0)?))).transpose()?;
        }
    }
    booking.ok_or_else(|| Error::bug(format!("booking {id} takes time and no commit leads to it")))
}
