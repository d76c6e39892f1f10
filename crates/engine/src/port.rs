//! What the engine needs of a store: rows and transactions, and not one business rule.
//! A faulty fake of [`Store`] takes thirty lines; a new screen widens [`Views`], never the write port.

use crate::catalogue::Catalogue;
use async_trait::async_trait;
use slotwise_domain::{Actor, Calendar, Failure, News, Notice};
use slotwise_domain::{
    AttemptKey, Block, Booking, BookingId, Change, Code, Decision, EntryEnd, Epoch, Facts, Fingerprint, Hold, HoldEnd,
    Instant, Kind, Outcome, PersonId, Proposal, ResourceId, Role, Scope, SeriesId, Settle, Version, WaitEntry, World,
};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};
use tokio::sync::Notify;
use uuid::Uuid;

/// The write port and what hangs on it: decisions are recalled, observed, committed and read back through here.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The recorded answer of an attempt, if there is one.
    async fn recall(&self, key: AttemptKey) -> Result<Option<Recorded>, StoreError>;

    /// What is true of a scope, without any exclusivity. May be stale at once; blocks nobody.
    async fn observe(&self, scope: Scope) -> Result<World, StoreError>;

    /// One transaction, one clock reading, one verdict per proposal, in order. State, changes, attempts and record are written
    /// together, durably, before this returns; or nothing is.
    async fn commit(&self, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError>;

    /// The same for a screen: nothing in it is behind what anybody was told before this was asked.
    async fn look(&self, scope: Scope) -> Result<World, StoreError> {
        self.observe(scope).await
    }

    /// How many commits it takes at a time. Those of one engine want no rows of each other's, as far as that is known before.
    fn commits_at_once(&self) -> usize {
        1
    }

    /// What happened to one resource after a version, in order, at most `max` records.
    async fn stream(&self, resource: ResourceId, after: Version, max: usize) -> Result<Streamed, StoreError>;

    /// What was committed after a cursor, per resource in version order, at most `max` records.
    async fn outbox(&self, after: Cursor, max: usize) -> Result<(Vec<Record>, Cursor), StoreError>;

    /// Where the outbox stands now.
    async fn head(&self) -> Result<Cursor, StoreError>;

    /// What falls due until an instant, or has fallen due by now: by the clock that decides, whatever the asker's own shows.
    /// Resources with holds that expire, and with people who wait and must be looked at again, soonest first, at most `max`. Holds
    /// from before a restore are due at once, whenever they expire.
    async fn due(&self, until: Option<Instant>, max: usize) -> Result<Vec<(Instant, ResourceId)>, StoreError>;

    /// Whether it is this engine that looks for what falls due by itself: of several over one database, one does.
    async fn sweeps(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// When the data was restored from a backup for the last time; `None` if it never was.
    fn restored_at(&self) -> Option<Instant>;

    /// Whether it may be relied on.
    fn status(&self) -> Status;

    /// What an operator should look at, though nothing has stopped for it; in plain words.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// The latest signed checkpoint, where the store makes them.
    fn checkpoint(&self) -> Option<Checkpoint> {
        None
    }

    /// Rung whenever there is more in the outbox, by whomever it was committed; `None` if only this engine commits.
    fn doorbell(&self) -> Option<Arc<Notify>> {
        None
    }

    /// An operator says that the clock is right as it is now, after [`Status::ClockJumped`].
    fn accept_clock(&self);
}

/// Reads for lists, search and calendars. They never judge.
#[async_trait]
pub trait Views: Send + Sync + 'static {
    /// Everything that can be booked, as it was last committed here.
    fn catalogue(&self) -> &RwLock<Catalogue>;

    /// Calendars of resources, in the order asked for; what does not exist is left out.
    async fn calendars(&self, ids: Vec<ResourceId>) -> Result<Vec<Arc<Calendar>>, StoreError>;

    /// One booking.
    async fn booking(&self, id: BookingId) -> Result<Option<Arc<Booking>>, StoreError>;

    /// Bookings by start, then id.
    async fn bookings(&self, filter: BookingFilter) -> Result<Vec<Arc<Booking>>, StoreError>;

    /// What happened to a booking: the records that speak of it, in the order of commits, at most `max`.
    async fn history(&self, id: BookingId, max: usize) -> Result<Vec<Record>, StoreError>;

    /// A recorded attempt, with what became true by it.
    async fn attempt(&self, key: AttemptKey) -> Result<Option<Attempt>, StoreError>;

    /// Recorded attempts, the latest first.
    async fn attempts(&self, filter: AttemptFilter) -> Result<AttemptsPage, StoreError>;

    /// The records of a resource whose version's number is above `after` and at most `upto`, in order.
    async fn records(&self, resource: ResourceId, after: u64, upto: u64) -> Result<Vec<Record>, StoreError>;

    /// A booking as it was when the version of a resource that it is on had this number; what people said of it included.
    async fn booking_as_of(
        &self,
        id: BookingId,
        resource: ResourceId,
        number: u64,
    ) -> Result<Option<Arc<Booking>>, StoreError>;

    /// Holds of a person that no change has ended.
    async fn holds_of(&self, holder: PersonId) -> Result<Vec<Hold>, StoreError>;

    /// What a person must be told, the newest first, before a place, at most `max`.
    async fn notices_of(&self, person: PersonId, before: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError>;

    /// What anybody must be told, the oldest first, after a place, at most `max`.
    async fn notices_after(&self, after: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError>;

    /// Waitlist entries of a person and how they ended if they did, those that joined last first, at most `max`.
    async fn entries_of(&self, owner: PersonId, max: usize) -> Result<Vec<(WaitEntry, Option<EntryEnd>)>, StoreError>;
}

/// Who people are. Apart from the record, so that they can be forgotten.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// One person; `None` if there is none or they are suspended.
    async fn person(&self, id: PersonId) -> Result<Option<PersonCard>, StoreError>;

    /// Everybody, by name, at most `max`.
    async fn people(&self, max: usize) -> Result<Vec<PersonCard>, StoreError>;

    /// Makes a person, or changes name, title and role of the one with this id.
    async fn put_person(&self, person: PersonCard) -> Result<(), StoreError>;

    /// People by name, in the order of [`Listed`], whose names and titles have words that begin like all of these; after a name and
    /// id, at most `max`. Either those who are suspended, or all others.
    async fn find_people(
        &self,
        words: Vec<String>,
        suspended: bool,
        after: Option<(String, PersonId)>,
        max: usize,
    ) -> Result<Vec<Listed>, StoreError>;

    /// What is known of a person, and its version: 0 while nothing ever was. `None` if there is no such person.
    async fn facts(&self, id: PersonId) -> Result<Option<(Facts, u64)>, StoreError>;

    /// Puts facts in the place of those of a version.
    async fn put_facts(&self, id: PersonId, version: u64, facts: Facts) -> Result<FactsPut, StoreError>;

    /// What a person means to register for, and its version: 0 while nothing ever was.
    async fn plan(&self, id: PersonId) -> Result<(Plan, u64), StoreError>;

    /// Puts a plan in the place of that of a version.
    async fn put_plan(&self, id: PersonId, version: u64, plan: Plan) -> Result<PlanPut, StoreError>;

    /// Makes and changes people, all or none: none if `dry_run`, or if one of them cannot be. One result for each, in their order.
    async fn put_people(&self, people: Vec<PersonRow>, dry_run: bool) -> Result<Vec<RowPut>, StoreError>;

    /// Forgets a person for good: what they wrote in their bookings, their API keys, and who they are. What was decided stays, by
    /// their id. `None` if there is no such person. What was cut short is finished by asking again.
    async fn erase(&self, id: PersonId) -> Result<Option<Erased>, StoreError>;
}

/// How people are told of notices: where to write to them, what they have read, and the letters still to be sent.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// Where to write to a person; `None` if they do not want it.
    async fn address(&self, person: PersonId) -> Result<Option<String>, StoreError>;

    /// Writes to them there from now on, or no more.
    async fn put_address(&self, person: PersonId, email: Option<String>) -> Result<(), StoreError>;

    /// Up to where a person has read their notices.
    async fn read_until(&self, person: PersonId) -> Result<NoticeId, StoreError>;

    /// A person has read their notices up to there. It never goes back.
    async fn put_read_until(&self, person: PersonId, until: NoticeId) -> Result<(), StoreError>;

    /// Up to where letters were made of notices; `None` if that has never begun.
    async fn posted_until(&self) -> Result<Option<NoticeId>, StoreError>;

    /// Makes letters for those of these people who have an address, and remembers up to where: both, or neither.
    async fn post(&self, told: Vec<Noted>, until: NoticeId) -> Result<(), StoreError>;

    /// Letters to be sent by now, the longest due first, at most `max`.
    async fn letters(&self, now: Instant, max: usize) -> Result<Vec<Letter>, StoreError>;

    /// A letter is on its way, or will never be.
    async fn letter_done(&self, person: PersonId, id: NoticeId) -> Result<(), StoreError>;

    /// A letter could not be sent; it is tried again then.
    async fn letter_later(&self, person: PersonId, id: NoticeId, again: Instant) -> Result<(), StoreError>;
}

/// The wall clock, read in one place.
pub trait Clock: Send + Sync + 'static {
    /// Now, by the process's wall clock.
    fn now(&self) -> Instant;

    /// Time since boot, suspended time included, to notice a wall clock that was set.
    fn since_boot(&self) -> slotwise_domain::Span;
}

/// A recorded attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its name.
    pub key: AttemptKey,
    /// What was asked, hashed.
    pub fingerprint: Fingerprint,
    /// What was decided.
    pub decision: Decision,
}

/// What a commit says of one proposal.
#[derive(Clone, Debug)]
pub enum Settled {
    /// Decided in this commit.
    Decided(Arc<Recorded>, Option<Made>),
    /// Decided before; nothing was done.
    Replayed(Arc<Recorded>),
    /// The key was used for something else.
    KeyReused,
    /// The key is older than keys are kept, and unknown.
    KeyExpired,
    /// The key was made before a restore, and is unknown.
    EpochChanged,
    /// This execution changed nothing.
    Failed(Failure),
}

/// What a command was about, as it is after it.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// A booking.
    Booking(Arc<Booking>),
    /// Two bookings that took each other's places.
    Bookings(Arc<Booking>, Arc<Booking>),
    /// A hold, and how it ended if it did.
    Hold(Hold, Option<HoldEnd>),
    /// A resource, with all that is on it.
    Resource(Arc<Calendar>),
    /// A block, and the resource's policy version after it.
    Block(ResourceId, Block, u64),
    /// A place in a waitlist, how it ended if it did, and where it is in line, from 1; 0 if it has ended.
    Entry(Box<WaitEntry>, Option<EntryEnd>, usize),
}

/// A commit that did not happen, or may have.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// Proven: nothing was written. The proposals FAILED.
    #[error("nothing was written: {0}")]
    NothingWritten(String),
    /// It may be durable. No outcome yet.
    #[error("it is not known whether the commit is durable: {0}")]
    Unknown(String),
}

/// A read that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Whether a store may be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It may.
    Ready,
    /// The writer stopped; why, in plain words. Reads go on.
    Stopped(String),
    /// The wall clock was set by more than five seconds; an operator must say that it is right.
    ClockJumped,
}

/// What a store says it held at an instant, signed: kept elsewhere, it shows later whether the record was cut or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// When it was made.
    pub made_at: Instant,
    /// Whose chain of commits it is of.
    pub writer: Uuid,
    /// The store's epoch then.
    pub epoch: Epoch,
    /// The last commit that it speaks for.
    pub commit: u64,
    /// Its hash: over it and all before it.
    pub hash: [u8; 32],
    /// SHA-256 over the heads of all resources' chains.
    pub heads: [u8; 32],
    /// Ed25519, over all of the above.
    pub signature: [u8; 64],
    /// The key that verifies it.
    pub public_key: [u8; 32],
}

/// The changes of one resource at one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Of which resource.
    pub resource: ResourceId,
    /// The version it made.
    pub version: Version,
    /// When it was decided.
    pub decided_at: Instant,
    /// By which attempt.
    pub attempt: Uuid,
    /// By whom.
    pub actor: Actor,
    /// What became true, in order.
    pub changes: Vec<Change>,
}

/// A recorded attempt with what became true by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Key, fingerprint and decision.
    pub recorded: Recorded,
    /// What was asked, by name.
    pub command: String,
    /// What became true, by resource.
    pub records: Vec<Record>,
}

/// Which recorded attempts.
#[derive(Clone, Debug, Default)]
pub struct AttemptFilter {
    /// With this key.
    pub key: Option<Uuid>,
    /// That touched this resource or were refused on it.
    pub resource: Option<ResourceId>,
    /// Of this person, for them, or about a booking or hold of theirs.
    pub person: Option<PersonId>,
    /// That changed this booking.
    pub booking: Option<BookingId>,
    /// Asked by this one; nil is the system.
    pub actor: Option<Uuid>,
    /// With this outcome, by name.
    pub outcome: Option<String>,
    /// Refused with this code.
    pub code: Option<Code>,
    /// Decided at or after this.
    pub from: Option<Instant>,
    /// Decided before this.
    pub to: Option<Instant>,
    /// Before this place: where the page before ended.
    pub before: Option<Cursor>,
    /// At most so many.
    pub max: usize,
    /// So many attempts are looked at for a page.
    pub look_max: usize,
}

/// Some recorded attempts, the latest first.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptsPage {
    /// Those that match.
    pub attempts: Vec<Attempt>,
    /// Where the next page begins; `None` if there is nothing more. A page may be short, or empty, and have a next one: only so many
    /// attempts are looked at for each.
    pub next: Option<Cursor>,
}

impl AttemptFilter {
    /// Whether an attempt is one of these.
    pub fn takes<'c, I: Iterator<Item = (ResourceId, &'c Change)>>(
        &self,
        recorded: &Recorded,
        changes: impl Fn() -> I,
    ) -> bool {
        let decision = &recorded.decision;
        let rejection = match &decision.outcome {
            Outcome::Rejected(rejection) => Some(rejection),
            Outcome::Booked | Outcome::Accepted => None,
        };
        let on = |id: ResourceId| {
            decision.decided.iter().any(|(of, _)| *of == id) || rejection.is_some_and(|r| r.resource == Some(id))
        };
        let actor = recorded.key.actor;
        self.outcome.as_deref().is_none_or(|name| name == decision.outcome.name())
            && self.code.is_none_or(|code| rejection.is_some_and(|r| r.code == code))
            && self.key.is_none_or(|key| key == recorded.key.key)
            && self.actor.is_none_or(|wanted| wanted == actor)
            && self.from.is_none_or(|from| decision.decided_at >= from)
            && self.to.is_none_or(|to| decision.decided_at < to)
            && self.resource.is_none_or(|id| on(id) || changes().any(|(of, _)| of == id))
            && self.booking.is_none_or(|id| changes().any(|(_, change)| change.booking() == Some(id)))
            && self.person.is_none_or(|id| {
                actor == id.0
                    || decision.asked.owner == Some(id)
                    || changes().any(|(_, change)| change.about() == Some(id) || change.about_before() == Some(id))
            })
    }
}

/// What follows a version of a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Streamed {
    /// These, in order; `more` if there are further ones.
    Records(Vec<Record>, bool),
    /// It cannot be told from there: another epoch, or the version is ahead of the record.
    Resync,
}

/// The place of a notice among all: they lie in the order of commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId {
    /// Which commit.
    pub commit: u64,
    /// Where among the notices of that commit, from 1.
    pub place: u32,
}

impl NoticeId {
    /// After all that can be.
    pub const LAST: NoticeId = NoticeId { commit: i64::MAX as u64, place: u32::MAX };
}

/// A notice, and where and when it became true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Its place.
    pub id: NoticeId,
    /// Whom, what, and of which booking.
    pub notice: Notice,
    /// On which resource; the first, if the booking has several.
    pub resource: ResourceId,
    /// When.
    pub at: Instant,
    /// Of how many dates of one series, of which the booking is the first; 1 of anything else.
    pub dates: u32,
}

impl Noted {
    /// What the changes of one attempt tell people: each of them each thing of each booking once, whatever it is on, and of the
    /// dates of a series together. `bookings` are those that it changed, as they are after it; `place` is that of the last notice
    /// before them, and moves on.
    pub fn by<'a>(
        changes: impl Iterator<Item = (ResourceId, &'a Change)>,
        bookings: &[Arc<Booking>],
        by: Actor,
        at: Instant,
        commit: u64,
        place: &mut u32,
    ) -> Vec<Noted> {
        let mut told: Vec<(ResourceId, Notice)> = Vec::new();
        for (resource, change) in changes {
            for notice in Notice::of(change, by) {
                if told.iter().all(|(_, known)| *known != notice) {
                    told.push((resource, notice));
                }
            }
        }
        // Who is promoted has a booking by it; that is one piece of news.
        let promoted: Vec<BookingId> =
            told.iter().filter(|(_, n)| n.news == News::Promoted).map(|(_, n)| n.booking).collect();
        told.retain(|(_, n)| n.news != News::Booked || !promoted.contains(&n.booking));
        let mut noted: Vec<Noted> = Vec::with_capacity(told.len());
        let mut of_series: BTreeMap<(PersonId, News, SeriesId), usize> = BTreeMap::new();
        for (resource, notice) in told {
            let series = match bookings {
                // Alone it cannot be told with others.
                [] | [_] => None,
                several => several.iter().find(|b| b.id == notice.booking).and_then(|b| b.occurrence.as_ref()),
            };
            let known = series.and_then(|o| match of_series.entry((notice.to, notice.news, o.series.id)) {
                Entry::Occupied(known) => noted.get_mut(*known.get()),
                Entry::Vacant(first) => {
                    first.insert(noted.len());
                    None
                }
            });
            match known {
                Some(known) => known.dates += 1,
                None => {
                    *place += 1;
                    noted.push(Noted { id: NoticeId { commit, place: *place }, notice, resource, at, dates: 1 });
                }
            }
        }
        noted
    }
}

/// A letter still to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// What it tells.
    pub told: Noted,
    /// Where to.
    pub email: String,
    /// How often it was tried.
    pub tries: u32,
}

/// A place in the outbox; only its store knows what it means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

/// Which resources.
#[derive(Clone, Debug, Default)]
pub struct ResourceFilter {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// In one of these buildings; none is any.
    pub buildings: Vec<String>,
    /// With all of this equipment.
    pub equipment: Vec<String>,
    /// In this group.
    pub group: Option<ResourceId>,
    /// Among these.
    pub among: Option<Arc<BTreeSet<ResourceId>>>,
    /// With words that begin like all of these, in name, building or equipment, in any case and with or without accents.
    pub words: Vec<String>,
    /// With at least so many seats, and known to have them.
    pub seats_min: Option<u32>,
    /// With at most so many seats, and known to have no more.
    pub seats_max: Option<u32>,
    /// After this name and id.
    pub after: Option<(String, ResourceId)>,
    /// At most so many.
    pub max: usize,
}

/// What filters can choose from, each with how many resources have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Kinds.
    pub kinds: BTreeMap<Kind, u64>,
    /// Buildings.
    pub buildings: BTreeMap<String, u64>,
    /// Equipment.
    pub equipment: BTreeMap<String, u64>,
}

/// Which bookings.
#[derive(Clone, Debug, Default)]
pub struct BookingFilter {
    /// Of this person.
    pub owner: Option<PersonId>,
    /// On this resource.
    pub resource: Option<ResourceId>,
    /// That end after this.
    pub from: Option<Instant>,
    /// That start before this.
    pub to: Option<Instant>,
    /// In this state: `confirmed`, `pending`, `cancelled`.
    pub state: Option<String>,
    /// Of this series.
    pub series: Option<SeriesId>,
    /// After this start and id.
    pub after: Option<(Instant, BookingId)>,
    /// At most so many.
    pub max: usize,
}

/// A person as admins may see them in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub card: PersonCard,
    /// What another system calls them.
    pub external_id: Option<String>,
    /// Where they read.
    pub email: Option<String>,
}

/// A person to be made or changed. Whom it means: the one with this id, else the one with this external id; else somebody new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// Their id, if it is known.
    pub id: Option<PersonId>,
    /// The id of somebody new.
    pub fresh: PersonId,
    /// What another system calls them.
    pub external_id: Option<String>,
    /// Their name.
    pub name: String,
    /// What they are called; as it is, if it is not said.
    pub title: Option<String>,
    /// Where they read; as it is, if it is not said.
    pub email: Option<String>,
    /// What they may do; as it is, if it is not said, and a member if they are new.
    pub role: Option<Role>,
    /// Their tags, all of them; as they are, if they are not said.
    pub tags: Option<BTreeSet<String>>,
}

/// What became of one of many people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowPut {
    /// There was none.
    Made(PersonId),
    /// Something of them is otherwise.
    Changed(PersonId),
    /// They were so already.
    Same(PersonId),
    /// It cannot be: somebody else has this external id.
    ExternalIdTaken,
}

/// What a person means to register for: lines, each of the sections that are booked together.
pub type Plan = Vec<Vec<ResourceId>>;

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanPut {
    /// It is this now, at this version.
    Put(u64),
    /// It is at another version, and nothing was changed.
    Moved(Plan, u64),
    /// There is no such person.
    NoPerson,
}

/// What became of facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactsPut {
    /// They are these now, at this version.
    Put(u64),
    /// They are at another version, and nothing was changed.
    Moved(Facts, u64),
    /// There is no such person.
    NoPerson,
}

/// What was forgotten with a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Bookings of theirs; they stay, without what was written in them.
    pub bookings: u64,
    /// API keys.
    pub keys: u64,
}

/// A person as others may see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonCard {
    /// Their id.
    pub id: PersonId,
    /// Their name.
    pub name: String,
    /// What they are called, such as "Teacher".
    pub title: String,
    /// What they may do.
    pub role: Role,
}
