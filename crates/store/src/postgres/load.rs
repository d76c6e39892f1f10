//! Rows as the domain's things: a world from its scope, calendars from a snapshot and the record after it.
//! It judges nothing; the only rows it holds are those of a commit that asks for more, and it waits for none of them.

use super::cache::{Cache, Headed, trimmed};
use super::error::{Error, Result};
use super::pool::{Args, Pool, Sent, all, args, rows};
use super::{reconcile, sql};
use crate::codec::{self, Malformed};
use crate::commit::Commit;
use crate::record::{self, Hash, Header};
use slotwise_domain::{
    Booking, BookingId, Calendar, Change, Counted, Details, EndedEntry, EndedHold, EntryEnd, EntryId, Epoch, Facts,
    Hold, HoldId, Instant, Members, Person, PersonId, ResourceId, Role, Scope, Set, Span, Version, WaitEntry, World,
};
use slotwise_engine::Record;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// Holds, in the table of claims.
pub(super) const HOLD: i64 = 1;
/// Places in waitlists.
pub(super) const ENTRY: i64 = 2;
/// How often a read may find that somebody has written in between.
const TURNS_MAX: usize = 4;

/// Where a resource's record ends, as its row says while it is held.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub version: Version,
    pub stamp: i64,
    pub hash: Hash,
    /// Units of its one interval, with those given beyond it; none is no limit.
    pub room: Option<i64>,
}

/// The rows that a commit holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub heads: HashMap<ResourceId, Head>,
    /// Resources that are known not to be there.
    pub absent: BTreeSet<ResourceId>,
    pub persons: BTreeSet<PersonId>,
    /// On which nothing is decided: as if somebody else held them.
    pub shut: BTreeSet<ResourceId>,
}

/// What loading needs besides a connection.
#[derive(Clone, Copy)]
pub(super) struct Loading<'a> {
    pub part: i64,
    pub cache: &'a Cache,
    /// What the cache was when this began.
    pub turn: u64,
    /// What ended before is not looked for.
    pub since: Instant,
    /// A snapshot that was made later was made by a clock that somebody has set back since: it lacks what had not ended then.
    pub made_by: Instant,
    /// For rows about persons that must be there before they can be held.
    pub pool: &'a Arc<Pool>,
}

/// A snapshot may be so much later than the clock as it is thought to be here. Calendars keep what has ended for longer than that
/// matters.
const AHEAD_MAX: Span = Span::minutes(1);

impl<'a> Loading<'a> {
    /// Begins to load, by the clock as it is now.
    pub fn now(part: i64, cache: &'a Cache, pool: &'a Arc<Pool>, now: Instant) -> Loading<'a> {
        let (since, made_by) = (now.minus(Calendar::LOOKBACK), now.plus(AHEAD_MAX));
        Loading { part, cache, turn: cache.turn(), since, made_by, pool }
    }

    fn keep(&self, of: &Headed) {
        self.cache.put(of.clone(), self.turn);
    }
}

impl Held {
    /// Takes what the database says of rows asked for: those held, and those there if these are not all. Says which others hold.
    pub fn take(&mut self, asked: &[Uuid], held: &[Row], there: &[Row]) -> Result<BTreeSet<ResourceId>> {
        for row in held {
            let id = ResourceId(row.try_get(0)?);
            if !self.shut.contains(&id) {
                self.heads.insert(id, head(row)?);
            }
        }
        let there: BTreeSet<ResourceId> = ids(held)?.into_iter().chain(ids(there)?).map(ResourceId).collect();
        let absent = asked.iter().map(|id| ResourceId(*id)).filter(|id| !there.contains(id));
        self.absent.extend(absent);
        Ok(there.into_iter().filter(|id| !self.heads.contains_key(id)).collect())
    }
}

fn head(row: &Row) -> Result<Head> {
    let version = Version { epoch: epoch(row.try_get(1)?), number: unsigned(row.try_get(2)?) };
    let hash: Vec<u8> = row.try_get(4)?;
    Ok(Head { version, stamp: row.try_get(3)?, hash: hash_of(&hash)?, room: row.try_get(5)? })
}

/// The first column as ids.
pub(super) fn ids(rows: &[Row]) -> Result<Vec<Uuid>> {
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

pub(super) fn hash_of(bytes: &[u8]) -> Result<Hash> {
    Ok(bytes.try_into().map_err(|_| Malformed("a hash has not 32 bytes".into()))?)
}

pub(super) fn epoch(n: i64) -> Epoch {
    Epoch(u32::try_from(n).unwrap_or(u32::MAX))
}

/// What the database counts is never negative.
pub(super) fn unsigned(n: i64) -> u64 {
    n.unsigned_abs()
}

/// Nothing here counts that far.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

/// Loads a scope into the world; `found` is what was read of it already, after the rows were held. With `held`, every resource and
/// person that matters is held before it is read, and what cannot be held at once is an error that has changed nothing in the world.
pub(super) async fn fill(
    client: &Client,
    with: Loading<'_>,
    world: &mut World,
    scope: &Scope,
    mut held: Option<&mut Held>,
    mut found: Option<Found>,
) -> Result<()> {
    if let Some(held) = held.as_deref_mut()
        && hold_persons(client, with, scope, held).await?
    {
        // What was read of them was read before they were held.
        found = None;
    }
    for _ in 0..TURNS_MAX {
        let found = match found.take() {
            Some(found) => found,
            None => Found::read(client, with.part, scope).await?,
        };
        let touched: Set<ResourceId> = found.touches(scope);
        if let Some(held) = held.as_deref_mut() {
            let more: Vec<ResourceId> = touched
                .iter()
                .filter(|id| !held.heads.contains_key(id) && !held.absent.contains(id))
                .copied()
                .collect();
            if !more.is_empty() {
                hold_resources(client, with.part, &more, held).await?;
                // What leads to them may have changed until they were held.
                if !(scope.bookings.is_empty() && scope.holds.is_empty() && scope.entries.is_empty()) {
                    continue;
                }
            }
        }
        let wanted: Vec<ResourceId> = touched.difference(&world.loaded.resources).copied().collect();
        let calendars = match held.as_deref() {
            Some(held) => {
                let there = wanted.iter().filter_map(|id| Some((*id, held.heads.get(id)?)));
                calendars_at(client, with, there.collect()).await?
            }
            None => calendars_seen(client, with, wanted.clone()).await?,
        };
        world.loaded.resources.extend(wanted);
        world.calendars.extend(calendars.into_iter().map(|of| (of.calendar.resource.id, of.calendar)));
        found.put_into(world, scope);
        return Ok(());
    }
    Err(Error::NotHad)
}

/// Loads a scope of which only calendars are asked, if all of them are in memory; else nothing.
pub(super) fn fill_known(with: Loading<'_>, world: &mut World, scope: &Scope) -> bool {
    if *scope != (Scope { resources: scope.resources.clone(), ..Scope::default() }) {
        return false;
    }
    let known: Option<Vec<Headed>> = scope.resources.iter().map(|id| with.cache.get(*id)).collect();
    let Some(known) = known else { return false };
    world.loaded.resources.extend(scope.resources.iter().copied());
    let known = known.into_iter().map(|of| trimmed(of.calendar, with.since));
    world.calendars.extend(known.map(|calendar| (calendar.resource.id, calendar)));
    true
}

async fn hold_resources(client: &Client, part: i64, more: &[ResourceId], held: &mut Held) -> Result<()> {
    let asked: Vec<Uuid> = more.iter().map(|id| id.0).collect();
    let asking = [(sql::HEADS_HELD, args![part, asked.clone()]), (sql::HEADS_THERE, args![part, asked.clone()])];
    let [got, there] = all(client, &asking).await?;
    let others = held.take(&asked, &got, &there)?;
    if others.is_empty() { Ok(()) } else { Err(Error::NotHad) }
}

/// Says whether there was anybody still to be held.
async fn hold_persons(client: &Client, with: Loading<'_>, scope: &Scope, held: &mut Held) -> Result<bool> {
    let wanted = scope.people.union(&scope.counted).filter(|id| !held.persons.contains(id));
    let wanted: Vec<Uuid> = wanted.map(|id| id.0).collect();
    if wanted.is_empty() {
        return Ok(false);
    }
    let asking =
        [(sql::PERSONS_HELD, args![with.part, wanted.clone()]), (sql::PERSONS_THERE, args![with.part, wanted.clone()])];
    let [got, there] = all(client, &asking).await?;
    let (mut got, there): (BTreeSet<Uuid>, BTreeSet<Uuid>) =
        (ids(&got)?.into_iter().collect(), ids(&there)?.into_iter().collect());
    if there.iter().any(|id| !got.contains(id)) {
        return Err(Error::NotHad);
    }
    let new: Vec<Uuid> = wanted.iter().filter(|id| !there.contains(id)).copied().collect();
    if !new.is_empty() {
        // By another connection, so that they are there for everybody at once, whatever becomes of this commit.
        with.pool.rows(sql::PERSONS_MADE, args![with.part, new.clone()]).await?;
        got.extend(ids(&rows(client, sql::PERSONS_HELD, &args![with.part, new]).await?)?);
    }
    if wanted.iter().any(|id| !got.contains(id)) {
        return Err(Error::NotHad);
    }
    held.persons.extend(got.into_iter().map(PersonId));
    Ok(true)
}

/// What was read of a scope, calendars apart.
pub(super) struct Found {
    bookings: Vec<Booking>,
    claims: Vec<(ResourceId, Change)>,
    roles: Vec<(PersonId, Role)>,
    managed: Vec<(PersonId, ResourceId)>,
    facts: Vec<(PersonId, Facts, u64)>,
    ruled: Vec<Booking>,
    live: Vec<Change>,
    members: Vec<(ResourceId, ResourceId)>,
}

/// What is asked of a scope, calendars apart, as statements; what nothing is asked of is not sent.
pub(super) struct Asking(Vec<Option<(&'static str, Args)>>);

impl Asking {
    pub fn of(part: i64, scope: &Scope) -> Asking {
        let claims: Vec<Uuid> = scope.holds.iter().map(|id| id.0).chain(scope.entries.iter().map(|id| id.0)).collect();
        let ruled: BTreeSet<Uuid> = scope.people.union(&scope.counted).map(|id| id.0).collect();
        let asked = [
            (sql::BOOKINGS_BY_ID, scope.bookings.iter().map(|id| id.0).collect::<Vec<_>>()),
            (sql::CLAIMS_BY_ID, claims),
            (sql::ROLES, scope.roles.iter().map(|id| id.0).collect()),
            (sql::MANAGED, scope.roles.iter().map(|id| id.0).collect()),
            (sql::FACTS_OF, scope.facts.iter().map(|id| id.0).collect()),
            (sql::BOOKINGS_RULED, ruled.into_iter().collect()),
            (sql::CLAIMS_LIVE, scope.people.iter().map(|id| id.0).collect()),
            (sql::MEMBERS, scope.members.iter().map(|id| id.0).collect()),
        ];
        Asking(asked.into_iter().map(|(sql, ids)| (!ids.is_empty()).then(|| (sql, args![part, ids]))).collect())
    }

    /// Sends it now.
    pub fn send<'c>(&'c self, client: &'c Client) -> Asked<'c> {
        let send = |asked: &'c Option<(&'static str, Args)>| {
            asked.as_ref().map(|(sql, args)| Sent::now(rows(client, sql, args)))
        };
        Asked(self.0.iter().map(send).collect())
    }
}

/// Statements on their way.
pub(super) struct Asked<'c>(Vec<Option<Sent<'c, Result<Vec<Row>>>>>);

impl Asked<'_> {
    pub async fn found(self, scope: &Scope) -> Result<Found> {
        let mut answers = Vec::with_capacity(self.0.len());
        for sent in self.0 {
            answers.push(match sent {
                Some(sent) => sent.await,
                None => Ok(Vec::new()),
            });
        }
        Found::of(answers.into_iter().collect::<Result<_>>()?, scope)
    }
}

impl Found {
    /// In one round trip; in none, if only calendars are asked for.
    async fn read(client: &Client, part: i64, scope: &Scope) -> Result<Found> {
        let asking = Asking::of(part, scope);
        asking.send(client).found(scope).await
    }

    fn of(answers: Vec<Vec<Row>>, scope: &Scope) -> Result<Found> {
        let Ok([bookings, claims, roles, managed, facts, ruled, live, members]) = <[Vec<Row>; 8]>::try_from(answers)
        else {
            return Err(Error::bug("a statement was not answered"));
        };
        // An offer has the id of the place in the waitlist that it is made to.
        let asked_for = |(_, change): &(ResourceId, Change)| {
            hold_of(change).is_some_and(|(hold, _)| scope.holds.contains(&hold.id))
                || change.entry().is_some_and(|(entry, _)| scope.entries.contains(&entry.id))
        };
        Ok(Found {
            bookings: bookings.iter().map(booking).collect::<Result<_>>()?,
            claims: claims.iter().map(claim).collect::<Result<Vec<_>>>()?.into_iter().filter(asked_for).collect(),
            roles: roles
                .iter()
                .map(|row| Ok((PersonId(row.try_get(0)?), codec::role_named(row.try_get(1)?)?)))
                .collect::<Result<_>>()?,
            managed: managed
                .iter()
                .map(|row| Ok((PersonId(row.try_get(0)?), ResourceId(row.try_get(1)?))))
                .collect::<Result<_>>()?,
            facts: facts.iter().map(facts_of).collect::<Result<_>>()?,
            ruled: ruled.iter().map(booking).collect::<Result<_>>()?,
            live: live.iter().map(|row| Ok(claim(row)?.1)).collect::<Result<_>>()?,
            members: members
                .iter()
                .map(|row| Ok((ResourceId(row.try_get(0)?), ResourceId(row.try_get(1)?))))
                .collect::<Result<_>>()?,
        })
    }

    fn touches(&self, scope: &Scope) -> Set<ResourceId> {
        let mut touched = scope.resources.clone();
        touched.extend(self.bookings.iter().flat_map(Booking::resources));
        touched.extend(self.claims.iter().map(|(resource, _)| *resource));
        touched
    }

    fn put_into(self, world: &mut World, scope: &Scope) {
        world.bookings.extend(self.bookings.into_iter().map(|b| (b.id, Arc::new(b))));
        for (resource, change) in self.claims {
            match (hold_of(&change), entry_of(&change)) {
                (Some((hold, ended)), _) => drop(world.holds.insert(hold.id, (resource, ended))),
                (None, Some((entry, ended))) => drop(world.entries.insert(entry.id, (resource, ended))),
                (None, None) => {}
            }
        }
        let managers = self.roles.iter().filter(|(_, role)| *role == Role::Manager).map(|(id, _)| *id);
        for id in managers {
            let of_them = self.managed.iter().filter(|(person, _)| *person == id).map(|(_, resource)| *resource);
            world.manages.insert(id, Arc::new(of_them.collect()));
        }
        world.roles.extend(self.roles);
        world.facts.extend(self.facts.into_iter().map(|(id, facts, _)| (id, Arc::new(facts))));
        let made: Vec<(PersonId, Vec<Change>)> = self.ruled.iter().map(|b| (b.owner, as_made(b))).collect();
        for id in &scope.people {
            let mut person = Person::default();
            let bookings = made.iter().filter(|(owner, _)| owner == id).flat_map(|(_, changes)| changes);
            for change in bookings.chain(&self.live) {
                person.apply(*id, change);
            }
            // Of an entry the last change is kept, and that need not be the one by which they joined.
            let waiting = self.live.iter().filter_map(entry_of).map(|(entry, _)| entry).filter(|e| e.owner == *id);
            person.waiting.extend(waiting.map(|entry| (entry.id, entry.resource)));
            world.people.insert(*id, person);
        }
        for id in &scope.counted {
            let theirs = self.ruled.iter().filter(|b| b.owner == *id);
            world.counted.insert(*id, Counted::of(theirs));
        }
        let mut groups: BTreeMap<ResourceId, Members> = scope.members.iter().map(|id| (*id, Members::new())).collect();
        for (group, resource) in self.members {
            groups.entry(group).or_default().insert(resource);
        }
        world.members.extend(groups);
        let Scope { resources: _, bookings, holds, people, roles, members, counted, facts, entries } = scope;
        let seen = Scope {
            resources: Set::default(),
            bookings: bookings.clone(),
            holds: holds.clone(),
            people: people.clone(),
            roles: roles.clone(),
            members: members.clone(),
            counted: counted.clone(),
            facts: facts.clone(),
            entries: entries.clone(),
        };
        world.loaded.extend(&seen);
        if !scope.members.is_empty() {
            // What this world has seen or made of a resource is newer than what is told of the group.
            let known: Vec<(ResourceId, Option<ResourceId>)> = world
                .calendars
                .values()
                .map(|c| (c.resource.id, c.resource.spec.group.as_ref().map(|g| g.id)))
                .collect();
            for (resource, group) in known {
                world.put_in_group(resource, group);
            }
        }
    }
}

/// A booking as the changes that would make it now, for folds that count it.
fn as_made(booking: &Booking) -> Vec<Change> {
    let made = booking.resources().into_iter().map(|resource| Change::BookingMade {
        booking: booking.id,
        owner: booking.owner,
        pending: !booking.state.takes_units(),
        slots: booking.placed_on(resource),
        occurrence: None,
    });
    made.collect()
}

// Calendars

/// Calendars as they are, from memory where they are there.
pub(super) async fn calendars_seen(client: &Client, with: Loading<'_>, wanted: Vec<ResourceId>) -> Result<Vec<Headed>> {
    let (mut seen, mut missing) = (Vec::with_capacity(wanted.len()), Vec::new());
    for id in wanted {
        match with.cache.get(id) {
            Some(of) => seen.push(Headed { calendar: trimmed(of.calendar, with.since), hash: of.hash }),
            None => missing.push(id),
        }
    }
    seen.extend(cold(client, with, missing).await?);
    Ok(seen)
}

/// The same with those that are behind, brought up to now; without what cannot be read, of which it is told.
pub(super) async fn readable(
    client: &Client,
    with: Loading<'_>,
    mut behind: Vec<Headed>,
    mut wanted: Vec<ResourceId>,
    mut unread: impl FnMut(Error, BTreeSet<ResourceId>),
) -> Result<Vec<Headed>> {
    loop {
        let read = async {
            let mut read = caught_up(client, with, behind.clone()).await?;
            read.extend(calendars_seen(client, with, wanted.clone()).await?);
            Ok::<_, Error>(read)
        };
        match read.await {
            Ok(read) => return Ok(read),
            Err(e) => {
                let (wrong, known) = (e.shuts(), behind.len() + wanted.len());
                behind.retain(|of| !wrong.contains(&of.calendar.resource.id));
                wanted.retain(|id| !wrong.contains(id));
                if behind.len() + wanted.len() == known {
                    return Err(e);
                }
                unread(e, wrong);
            }
        }
    }
}

/// Calendars as they are now: what is in memory is compared with the rows first.
pub(super) async fn calendars_now(client: &Client, with: Loading<'_>, wanted: Vec<ResourceId>) -> Result<Vec<Headed>> {
    let asked: Vec<Uuid> = wanted.iter().map(|id| id.0).collect();
    let mut behind = Vec::new();
    for row in rows(client, sql::HEADS, &args![with.part, asked]).await? {
        let id = ResourceId(row.try_get(0)?);
        let version = Version { epoch: epoch(row.try_get(1)?), number: unsigned(row.try_get(2)?) };
        behind.extend(with.cache.get(id).filter(|of| of.calendar.version < version));
    }
    caught_up(client, with, behind).await?;
    calendars_seen(client, with, wanted).await
}

/// Calendars exactly as these heads say, which are held: from memory with what is newer. What is in memory and does not lead there is
/// of another copy of the database, which had something that this one has not.
pub(super) async fn calendars_at(
    client: &Client,
    with: Loading<'_>,
    wanted: BTreeMap<ResourceId, &Head>,
) -> Result<Vec<Headed>> {
    let (mut ready, mut behind, mut missing) = (Vec::with_capacity(wanted.len()), Vec::new(), Vec::new());
    for (id, head) in &wanted {
        match with.cache.get(*id) {
            Some(of) if of.calendar.version < head.version => behind.push(of),
            // One that is as far is compared below; one that is ahead knows of what is not there.
            Some(of) if of.calendar.version == head.version => ready.push(of),
            Some(_) => return Err(Error::other_copy(*id)),
            None => missing.push(*id),
        }
    }
    metrics::counter!("slotwise_calendars_behind_total").increment(behind.len() as u64);
    metrics::counter!("slotwise_calendars_cold_total").increment(missing.len() as u64);
    ready.extend(caught_up(client, with, behind).await?);
    ready.extend(cold(client, with, missing).await?);
    for Headed { calendar, hash } in &ready {
        let (id, version) = (calendar.resource.id, calendar.version);
        match wanted.get(&id) {
            Some(head) if head.version == version && head.hash == *hash => {}
            Some(head) if head.version == version => return Err(Error::other_copy(id)),
            Some(_) | None => {
                let says = format!("the record of {id} ends at {version}, and its row says otherwise");
                return Err(Error::wrong(id, says));
            }
        }
    }
    Ok(ready)
}

/// Calendars with all that is newer than they are.
pub(super) async fn caught_up(client: &Client, with: Loading<'_>, behind: Vec<Headed>) -> Result<Vec<Headed>> {
    if behind.is_empty() {
        return Ok(behind);
    }
    let after: Vec<(ResourceId, u64)> =
        behind.iter().map(|of| (of.calendar.resource.id, of.calendar.version.number)).collect();
    let mut records = records_after(client, with.part, &after).await?;
    let folded = behind.into_iter().map(|of| {
        let newer = records.remove(&of.calendar.resource.id).unwrap_or_default();
        followed(with, of, &newer)
    });
    folded.collect()
}

/// A calendar with records of it that follow, in their order; what it has already is passed over.
pub(super) fn followed<'r>(
    with: Loading<'_>,
    mut of: Headed,
    records: impl IntoIterator<Item = &'r Written>,
) -> Result<Headed> {
    let known = of.calendar.version.number;
    let mut newer = records.into_iter().filter(|r| r.record.version.number > known).peekable();
    if newer.peek().is_some() {
        of.hash = fold(Arc::make_mut(&mut of.calendar), of.hash, newer)?;
    }
    of.calendar = trimmed(of.calendar, with.since);
    with.keep(&of);
    Ok(of)
}

/// What follows a snapshot, by one statement with the head that it leads to: so the two are of one moment.
#[derive(Default)]
struct After {
    /// The snapshot's version.
    number: u64,
    head: (u64, Hash),
    records: Vec<Written>,
}

/// Calendars from their snapshots and what follows them. What does not exist is left out.
async fn cold(client: &Client, with: Loading<'_>, mut wanted: Vec<ResourceId>) -> Result<Vec<Headed>> {
    let mut loaded = Vec::with_capacity(wanted.len());
    for _ in 0..TURNS_MAX {
        if wanted.is_empty() {
            return Ok(loaded);
        }
        let asked: Vec<Uuid> = wanted.iter().map(|id| id.0).collect();
        let asking = [
            (sql::SNAPSHOTS, args![with.part, asked.clone()]),
            (sql::RECORDS_AFTER_SNAPSHOTS, args![with.part, asked]),
        ];
        let [snapshots, after] = all(client, &asking).await?;
        let mut after = after_snapshots(&after)?;
        wanted.clear();
        for row in &snapshots {
            let mut calendar = snapshot(row)?;
            let id = calendar.resource.id;
            let After { number, head, records } = after.remove(&id).unwrap_or_default();
            // A later snapshot may have been made between the two statements.
            let follows = number == calendar.version.number;
            let made_by = calendar.decided_at;
            // The hash comes with the head.
            let of = match follows && fold(&mut calendar, head.1, &records).is_ok() && calendar.version.number == head.0
            {
                false => {
                    wanted.push(id);
                    continue;
                }
                true if made_by > with.made_by => from_the_beginning(client, with, id).await?,
                true => Headed { calendar: trimmed(Arc::new(calendar), with.since), hash: head.1 },
            };
            with.keep(&of);
            loaded.push(of);
        }
    }
    let wanted = wanted.into_iter().collect();
    Err(Error::Wrong(wanted, "a record does not follow its snapshot".into()))
}

/// Of all of its record, where its snapshot is not to be relied on.
async fn from_the_beginning(client: &Client, with: Loading<'_>, id: ResourceId) -> Result<Headed> {
    let folded = reconcile::fold(client, with.part, id, with.since).await?;
    match folded.and_then(|folded| Some((folded.calendar, folded.hash?))) {
        Some((calendar, hash)) => Ok(Headed { calendar: trimmed(Arc::new(calendar), with.since), hash }),
        None => Err(Error::wrong(id, format!("the record of {id} has a gap"))),
    }
}

/// Rows of records, each with its snapshot's number and its resource's head after it.
fn after_snapshots(rows: &[Row]) -> Result<HashMap<ResourceId, After>> {
    let mut by_resource: HashMap<ResourceId, After> = HashMap::new();
    for row in rows {
        let after = by_resource.entry(ResourceId(row.try_get(0)?)).or_default();
        after.number = unsigned(row.try_get(7)?);
        after.head = (unsigned(row.try_get(8)?), hash_of(row.try_get(9)?)?);
        if row.try_get::<_, Option<i64>>(1)?.is_some() {
            after.records.push(written(row)?);
        }
    }
    Ok(by_resource)
}

/// A row of resource, number, epoch, instant, changes.
pub(super) fn snapshot(row: &Row) -> Result<Calendar> {
    let id = ResourceId(row.try_get(0)?);
    let version = Version { epoch: epoch(row.try_get(2)?), number: unsigned(row.try_get(1)?) };
    let changes = codec::decode_changes(id, row.try_get(4)?).map_err(|e| Error::wrong(id, e.to_string()))?;
    let Some((Change::ResourceCreated(resource), rest)) = changes.split_first() else {
        return Err(Error::wrong(id, format!("the snapshot of {id} does not begin with it")));
    };
    let mut calendar = Calendar::empty(resource.clone(), version, Instant(row.try_get(3)?));
    rest.iter().for_each(|change| calendar.apply(change));
    // A block's fold sets the policy version; so it is what it was, whatever their order.
    Ok(calendar)
}

/// Folds records that follow, and says what the chain's hash is after them.
fn fold<'r>(calendar: &mut Calendar, mut hash: Hash, records: impl IntoIterator<Item = &'r Written>) -> Result<Hash> {
    for written in records {
        let record = &written.record;
        if record.version.number != calendar.version.number + 1 {
            let says = format!("{} follows {} of {}", record.version, calendar.version, record.resource);
            return Err(Error::wrong(record.resource, says));
        }
        record.changes.iter().for_each(|change| calendar.apply(change));
        (calendar.version, calendar.decided_at) = (record.version, record.decided_at);
        hash = written.after(&hash);
    }
    Ok(hash)
}

// Records

/// A record with its bytes, which are chained.
#[derive(Clone)]
pub(super) struct Written {
    pub record: Record,
    body: Vec<u8>,
}

impl Written {
    /// The chain's hash after it.
    pub fn after(&self, before: &Hash) -> Hash {
        let Record { resource, version, decided_at, attempt, actor, changes: _ } = &self.record;
        let (resource, version, decided_at) = (*resource, *version, *decided_at);
        let header = Header { resource, version, decided_at, attempt: *attempt, actor: actor.uuid() };
        record::chain(before, &header, &self.body)
    }

    /// All of a commit, with the bytes of each.
    pub fn all<'b>(commit: &Commit, bodies: impl IntoIterator<Item = &'b [u8]>) -> Vec<Written> {
        let records = commit.records().zip(bodies);
        records.map(|((entry, record), body)| Written { record: entry.record(record), body: body.to_vec() }).collect()
    }
}

fn written(row: &Row) -> Result<Written> {
    Ok(Written { record: record(row)?, body: row.try_get(6)? })
}

/// A row of resource, number, epoch, instant, attempt, actor, changes.
pub(super) fn record(row: &Row) -> Result<Record> {
    let resource = ResourceId(row.try_get(0)?);
    Ok(Record {
        resource,
        version: Version { epoch: epoch(row.try_get(2)?), number: unsigned(row.try_get(1)?) },
        decided_at: Instant(row.try_get(3)?),
        attempt: row.try_get(4)?,
        actor: codec::actor(row.try_get(5)?),
        changes: codec::decode_changes(resource, row.try_get(6)?).map_err(|e| Error::wrong(resource, e.to_string()))?,
    })
}

fn by_resource(rows: &[Row]) -> Result<HashMap<ResourceId, Vec<Written>>> {
    let mut records: HashMap<ResourceId, Vec<Written>> = HashMap::new();
    for row in rows {
        let written = written(row)?;
        records.entry(written.record.resource).or_default().push(written);
    }
    Ok(records)
}

/// What follows these versions, in order.
pub(super) async fn records_after(
    client: &Client,
    part: i64,
    after: &[(ResourceId, u64)],
) -> Result<HashMap<ResourceId, Vec<Written>>> {
    let resources: Vec<Uuid> = after.iter().map(|(id, _)| id.0).collect();
    let numbers: Vec<i64> = after.iter().map(|(_, number)| signed(*number)).collect();
    by_resource(&rows(client, sql::RECORDS_AFTER, &args![part, resources, numbers]).await?)
}

/// A commit from number, hash and body, in the columns from `at` on; its hash is not looked at.
pub(super) fn commit(row: &Row, number: usize, hash: usize, body: usize) -> Result<Commit> {
    let bytes: Vec<u8> = row.try_get(hash)?;
    let (commit, _) = codec::decode_commit(unsigned(row.try_get(number)?), hash_of(&bytes)?, row.try_get(body)?)?;
    Ok(commit)
}

// Bookings, claims, people

/// A row of id, body, words.
pub(super) fn booking(row: &Row) -> Result<Booking> {
    let id = BookingId(row.try_get(0)?);
    let said: Option<&[u8]> = row.try_get(2)?;
    let details = match said {
        Some(said) => codec::decode_said(said)?.pop().map(|(.., details)| details).unwrap_or_default(),
        None => Details::default(),
    };
    Ok(codec::decode_booking(id, row.try_get(1)?, details)?)
}

/// A row of id, resource, change.
pub(super) fn claim(row: &Row) -> Result<(ResourceId, Change)> {
    let (id, resource): (Uuid, _) = (row.try_get(0)?, ResourceId(row.try_get(1)?));
    let change = codec::decode_changes(resource, row.try_get(2)?)?.pop();
    Ok((resource, change.ok_or_else(|| Malformed(format!("nothing is said of {id}")))?))
}

/// The hold of a change, and how it ended if it did.
pub(super) fn hold_of(change: &Change) -> Option<(Hold, Option<EndedHold>)> {
    match change {
        Change::HoldGranted(hold) | Change::HoldRenewed(hold) => Some((*hold, None)),
        Change::HoldEnded(ended) => Some((ended.hold, Some(*ended))),
        Change::ResourceCreated(_)
        | Change::ResourceEdited(_)
        | Change::BlockAdded { .. }
        | Change::BlockRemoved { .. }
        | Change::BookingMade { .. }
        | Change::BookingApproved { .. }
        | Change::BookingCancelled { .. }
        | Change::BookingMoved { .. }
        | Change::BookingEdited { .. }
        | Change::WaitJoined(_)
        | Change::WaitOffered(_)
        | Change::WaitResumed(_)
        | Change::WaitMoved(_)
        | Change::WaitEnded(_)
        | Change::WaitDue(_)
        | Change::Reminded { .. }
        | Change::BookingRequested { .. }
        | Change::RequestApproved { .. }
        | Change::BookingCheckedIn { .. }
        | Change::BookingNoShow { .. }
        | Change::BookingDisplaced { .. }
        | Change::BookingHandedOver { .. }
        | Change::BookingOverrode { .. }
        | Change::Reasoned { .. }
        | Change::HoldOverrode { .. }
        | Change::CapacitySet { .. }
        | Change::ServiceSet { .. }
        | Change::OverCommitLowered { .. } => None,
    }
}

/// The waitlist entry of a change, and how it ended if it did.
pub(super) fn entry_of(change: &Change) -> Option<(WaitEntry, Option<EndedEntry>)> {
    let (entry, end) = change.entry()?;
    Some((*entry, end.map(|end| EndedEntry { entry: *entry, end })))
}

/// The same, as lists tell it.
pub(super) fn entry_listed(change: &Change) -> Option<(WaitEntry, Option<EntryEnd>)> {
    let (entry, end) = change.entry()?;
    Some((*entry, end))
}

/// Ids of holds and entries are both in one table.
pub(super) fn claim_id(change: &Change) -> Option<(Uuid, i64, PersonId, Instant, bool)> {
    if let Some((Hold { id: HoldId(id), holder, granted_at, .. }, ended)) = hold_of(change) {
        return Some((id, HOLD, holder, granted_at, ended.is_none()));
    }
    let (WaitEntry { id: EntryId(id), owner, joined_at, .. }, ended) = entry_of(change)?;
    Some((id, ENTRY, owner, joined_at, ended.is_none()))
}

/// A row of person, version, tags, allowances.
pub(super) fn facts_of(row: &Row) -> Result<(PersonId, Facts, u64)> {
    Ok((PersonId(row.try_get(0)?), facts(row.try_get(2)?, row.try_get(3)?)?, unsigned(row.try_get(1)?)))
}

/// Tags and allowances as they are stored.
pub(super) fn facts(tags: &str, allowances: &str) -> Result<Facts> {
    let json = |e: serde_json::Error| Error::Malformed(Malformed::from(e));
    let tags: BTreeSet<String> = serde_json::from_str(tags).map_err(json)?;
    let allowances: BTreeMap<Uuid, u32> = serde_json::from_str(allowances).map_err(json)?;
    Ok(Facts { tags, allowances: allowances.into_iter().map(|(of, most)| (ResourceId(of), most)).collect() })
}
