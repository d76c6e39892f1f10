//! How commits, changes and decisions are written: short binary (postcard) for what is written with every attempt, JSON for what an
//! admin says of a resource. It knows no table. What people say about a booking is apart: the record refers to it and does not embed it.
//!
//! The types of the domain are mirrored one by one, so that a change of the domain cannot change what is stored unnoticed.
//! A format is never changed in place: variants are only ever added at the end of an enum; anything else gets the next number, and
//! the old ones keep decoding.

use crate::commit::{Commit, Entry, EntryRecord};
use crate::record::Hash;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use slotwise_domain::recurrence::{Given, Met};
use slotwise_domain::{
    Actor, Asked, AttemptKey, Became, Block, BlockId, Booking, BookingId, BookingState, Change, CheckIn, Code,
    Contract, Counts, Course, Cutoff, DateSaid, Decision, Details, Displacer, EndedEntry, EndedHold, EntryEnd, EntryId,
    Epoch, Exceptions, FencingToken, Fingerprint, Grouped, Guest, Hold, HoldAt, HoldEnd, HoldId, Instant, Interval,
    Kind, Line, Measure, Meeting, Occurrence, OpeningHours, Outcome, OwnOverlap, PartId, Period, PersonId, Policy,
    PolicyField, Quota, QuotaScope, Rejection, Requirement, Resource, ResourceId, ResourceSpec, Role, Rule, Seen,
    Series, SeriesId, Slot, Span, Subject, Version, WaitEntry, WaitFill, WaitMode, Waitlist, Wants, Weekdays, Witness,
    Zone,
};
use slotwise_engine::Recorded;
use slotwise_engine::SecretKind;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// The format that is written.
pub const FORMAT: u32 = 1;

/// Stored bytes that say nothing this program knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl From<serde_json::Error> for Malformed {
    fn from(e: serde_json::Error) -> Malformed {
        Malformed(e.to_string())
    }
}

impl From<postcard::Error> for Malformed {
    fn from(e: postcard::Error) -> Malformed {
        Malformed(e.to_string())
    }
}

type Decoded<T> = Result<T, Malformed>;

/// The changes of one resource at one version.
pub fn encode_changes(resource: ResourceId, changes: &[Change]) -> Decoded<Vec<u8>> {
    let mut before: Option<&Series> = None;
    let mut bins = Vec::with_capacity(changes.len());
    for change in changes {
        bins.push(ChangeBin::of(resource, change, &mut before)?);
    }
    let changes = bins;
    Ok(postcard::to_extend(&changes, Vec::with_capacity(128))?)
}

/// The changes of one resource at one version, as [`encode_changes`] wrote them.
pub fn decode_changes(resource: ResourceId, bytes: &[u8]) -> Decoded<Vec<Change>> {
    let changes: Vec<ChangeBin> = whole(bytes)?;
    let mut before = None;
    changes.into_iter().map(|change| change.change(resource, &mut before)).collect()
}

/// A commit, without what people say about their bookings. `changes` are the encoded changes of its records, in order.
pub fn encode_commit(commit: &Commit, changes: &[Vec<u8>]) -> Decoded<Vec<u8>> {
    let mut changes = changes.iter();
    let mut entries = Vec::with_capacity(commit.entries.len());
    for entry in &commit.entries {
        entries.push(EntryBin::of(entry, commit.at, &mut changes)?);
    }
    let body = CommitBin { format: FORMAT, epoch: commit.epoch.0, at: commit.at.0, entries };
    Ok(postcard::to_extend(&body, Vec::with_capacity(64 + commit.entries.len() * 320))?)
}

/// A commit as [`encode_commit`] wrote it; its bookings are not folded yet. Also the encoded changes of its records, in order.
pub fn decode_commit(number: u64, hash: Hash, bytes: &[u8]) -> Decoded<(Commit, Vec<&[u8]>)> {
    let format: u32 = postcard::take_from_bytes(bytes)?.0;
    known(format)?;
    let body: CommitBin = whole(bytes)?;
    let (epoch, at) = (Epoch(body.epoch), Instant(body.at));
    let mut changes = Vec::new();
    let entries = body.entries.into_iter().map(|entry| entry.entry(epoch, at, &mut changes)).collect::<Decoded<_>>()?;
    Ok((Commit { number, epoch, at, hash, entries }, changes))
}

/// When a commit was decided, from the beginning of what [`encode_commit`] wrote.
pub fn commit_time(bytes: &[u8]) -> Decoded<Instant> {
    let ((format, _, at), _): ((u32, u32, i64), _) = postcard::take_from_bytes(bytes)?;
    known(format)?;
    Ok(Instant(at))
}

/// What people say about their bookings, as it is after a commit: the place of the attempt, the booking, and the words.
pub type Said = Vec<(u32, BookingId, Details)>;

/// What people say about their bookings.
pub fn encode_said(said: &Said) -> Decoded<Vec<u8>> {
    let invited: Vec<InvitedBin> =
        said.iter().enumerate().filter_map(|(n, (.., details))| InvitedBin::of(n, details)).collect();
    let said: Vec<SaidBin> = said.iter().map(SaidBin::of).collect();
    let said = postcard::to_extend(&said, Vec::new())?;
    match invited.is_empty() {
        true => Ok(said),
        false => Ok(postcard::to_extend(&invited, said)?),
    }
}

/// What people say about their bookings, as [`encode_said`] wrote it.
pub fn decode_said(bytes: &[u8]) -> Decoded<Said> {
    let (said, rest): (Vec<SaidBin>, &[u8]) = postcard::take_from_bytes(bytes)?;
    let mut said: Said = said.into_iter().map(SaidBin::said).collect();
    let invited: Vec<InvitedBin> = if rest.is_empty() { Vec::new() } else { whole(rest)? };
    for InvitedBin { n, private, guests } in invited {
        let (.., details) =
            said.get_mut(n as usize).ok_or_else(|| Malformed(format!("nothing is said in place {n}")))?;
        (details.private, details.guests) = (private, guests.into_iter().map(Guest::from).collect());
    }
    Ok(said)
}

/// A booking as it is, without what people say about it.
pub fn encode_booking(booking: &Booking) -> Decoded<Vec<u8>> {
    Ok(postcard::to_extend(&BookingBin::of(booking)?, Vec::with_capacity(160))?)
}

/// A booking as [`encode_booking`] wrote it, with what people say about it.
pub fn decode_booking(id: BookingId, bytes: &[u8], details: Details) -> Decoded<Booking> {
    whole::<BookingBin>(bytes)?.booking(id, details)
}

/// All of the bytes as one value.
fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Decoded<T> {
    match postcard::take_from_bytes(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(Malformed(format!("{} bytes follow its end", rest.len()))),
    }
}

/// What an admin says of a resource.
pub fn encode_spec(spec: &ResourceSpec) -> Decoded<String> {
    Ok(serde_json::to_string(&StoredSpecJson { v: FORMAT, spec: SpecJson::of(spec) })?)
}

/// What an admin says of a resource, as [`encode_spec`] wrote it.
pub fn decode_spec(text: &str) -> Decoded<ResourceSpec> {
    let StoredSpecJson { v, spec } = serde_json::from_str(text)?;
    known(v)?;
    spec.spec()
}

fn known(format: u32) -> Decoded<()> {
    match format {
        FORMAT => Ok(()),
        other => Err(Malformed(format!("format {other} is not known here"))),
    }
}

// Names

/// Two functions, from values to names and back. A new variant fails to compile until it has a name.
macro_rules! names {
    ($(#[$doc:meta])* $to:ident, $(#[$doc_back:meta])* $from:ident: $type:ty {
        $($variant:path = $name:literal),* $(,)?
    } $(also { $($other:pat = $called:literal),* })?) => {
        $(#[$doc])*
        pub const fn $to(value: $type) -> &'static str {
            match value {
                $($variant => $name,)*
                $($($other => $called,)*)?
            }
        }

        $(#[$doc_back])*
        pub fn $from(name: &str) -> Decoded<$type> {
            match name {
                $($name => Ok($variant),)*
                _ => Err(Malformed(format!("{name:?} is no {}", stringify!($type)))),
            }
        }
    };
}

names! {
    /// The stored name of a kind.
    kind_name,
    /// The kind of a stored name.
    kind_named: Kind {
        Kind::Room = "room", Kind::Section = "section", Kind::Session = "session", Kind::Equipment = "equipment",
        Kind::Group = "group",
    }
}

names! {
    /// The stored name of how a hold ended.
    hold_end_name,
    /// How a hold ended, by its stored name.
    hold_end_named: HoldEnd {
        HoldEnd::Expired = "expired", HoldEnd::Released = "released", HoldEnd::Consumed = "consumed",
        HoldEnd::Superseded = "superseded", HoldEnd::Voided = "voided",
    }
}

names! {
    /// The stored name of a role.
    role_name,
    /// The role of a stored name.
    role_named: Role {
        Role::Member = "member", Role::Admin = "admin", Role::Manager = "manager", Role::Auditor = "auditor",
    }
}

names! {
    /// The stored name of what a secret is for.
    secret_kind_name,
    /// What a secret is for, by its stored name.
    secret_kind_named: SecretKind {
        SecretKind::Session = "session", SecretKind::Key = "key", SecretKind::Invitation = "invitation",
        SecretKind::Reset = "reset", SecretKind::Setup = "setup",
    }
}

names! {
    /// The stored name of when holds are taken.
    hold_at_name,
    /// When holds are taken, by its stored name.
    hold_at_named: HoldAt { HoldAt::Confirm = "confirm", HoldAt::Claim = "claim", HoldAt::None = "none" }
}

names! {
    /// The stored name of the rule about two at once.
    own_overlap_name,
    /// The rule about two at once, by its stored name.
    own_overlap_named: OwnOverlap { OwnOverlap::Allow = "allow", OwnOverlap::Refuse = "refuse" }
}

names! {
    /// The stored name of a rule; one of a field is stored with the field's name.
    rule_name,
    /// The rule of a stored name.
    rule_named: Rule {
        Rule::Lines = "lines", Rule::Units = "units", Rule::OneInterval = "one_interval",
        Rule::IntervalMissing = "interval_missing", Rule::DurationMax = "duration_max", Rule::Seats = "seats",
        Rule::HoldsOff = "holds_off", Rule::State = "state", Rule::BlocksMax = "blocks_max", Rule::Owner = "owner",
        Rule::AdminOnly = "admin_only", Rule::Holder = "holder", Rule::Begun = "begun", Rule::BookFrom = "book_from",
        Rule::BookBy = "book_by", Rule::ChangeBy = "change_by", Rule::CancelBy = "cancel_by",
        Rule::HoldsPerPerson = "holds_per_person", Rule::Renewals = "renewals", Rule::Person = "person",
        Rule::Exists = "exists", Rule::SameBooking = "same_booking", Rule::OwnerOfBoth = "owner_of_both",
        Rule::Approval = "approval", Rule::Group = "group", Rule::MembersMax = "members_max", Rule::Quota = "quota",
        Rule::Eligibility = "eligibility", Rule::Linked = "linked",
        Rule::WaitlistOff = "waitlist_off", Rule::Waiting = "waiting",
        Rule::UnitsFree = "units_free", Rule::WaitlistCapacity = "waitlist_capacity",
        Rule::EntriesPerPerson = "entries_per_person", Rule::GivesUp = "gives_up",
        Rule::Dates = "dates", Rule::SameSeries = "same_series",
        Rule::LateCancelFrom = "late_cancel_from", Rule::CheckIn = "check_in", Rule::DisplacedMax = "displaced_max",
        Rule::LooksOnly = "looks_only",
    } also { Rule::Field(_) = "field" }
}

names! {
    /// The stored name of a period.
    period_name,
    /// The period of a stored name.
    period_named: Period {
        Period::Day = "day", Period::Week = "week", Period::Month = "month", Period::All = "all",
    }
}

names! {
    /// The stored name of what a quota counts.
    measure_name,
    /// What a quota of that name counts.
    measure_named: Measure { Measure::Units = "units", Measure::Credits = "credits" }
}

names! {
    /// The stored name of what counts together.
    quota_scope_name,
    /// What counts together, by its stored name.
    quota_scope_named: QuotaScope { QuotaScope::Resource = "resource", QuotaScope::Group = "group" }
}

names! {
    /// The stored name of who is next.
    wait_fill_name,
    /// Who is next, by the stored name.
    wait_fill_named: WaitFill { WaitFill::Skip = "skip", WaitFill::Strict = "strict" }
}

/// What an entry is to get, by its stored name.
pub(crate) fn wants_named(name: &str) -> Decoded<Wants> {
    Wants::named(name).ok_or_else(|| Malformed(format!("{name:?} is nothing that an entry wants")))
}

/// How an entry ended, by its stored name; a promotion is stored with its booking.
pub(crate) fn entry_end_of(name: &str, booking: Option<BookingId>) -> Decoded<EntryEnd> {
    match (name, booking) {
        ("promoted", Some(booking)) => Ok(EntryEnd::Promoted { booking }),
        ("left", None) => Ok(EntryEnd::Left),
        ("lapsed", None) => Ok(EntryEnd::Lapsed),
        ("voided", None) => Ok(EntryEnd::Voided),
        ("told", None) => Ok(EntryEnd::Told),
        (name, booking) => Err(Malformed(format!("{name:?} with booking {booking:?} is no end of an entry"))),
    }
}

/// The booking of a promotion.
pub(crate) const fn promoted_to(end: EntryEnd) -> Option<BookingId> {
    match end {
        EntryEnd::Promoted { booking } => Some(booking),
        EntryEnd::Left | EntryEnd::Lapsed | EntryEnd::Voided | EntryEnd::Told => None,
    }
}

/// The rule of a stored name and field.
pub(crate) fn rule_of(name: Option<&str>, field: Option<&str>) -> Decoded<Option<Rule>> {
    match (name, field) {
        (None, None) => Ok(None),
        (Some("field"), Some(field)) => Ok(Some(Rule::Field(field_named(field)?))),
        (Some(name), None) => rule_named(name).map(Some),
        (rule, Some(field)) => Err(Malformed(format!("rule {rule:?} has no field {field:?}"))),
    }
}

/// The one copy of a field's name. There are as many as the program has fields; the bound only guards against strange data.
fn field_named(name: &str) -> Decoded<&'static str> {
    static FIELDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut fields = FIELDS.lock().unwrap_or_else(PoisonError::into_inner);
    match fields.get(name) {
        Some(field) => Ok(field),
        None if fields.len() >= 1_000 => Err(Malformed(format!("{name:?} is no field of a resource"))),
        None => {
            let field: &'static str = Box::leak(name.into());
            fields.insert(field);
            Ok(field)
        }
    }
}

// Small things

/// Sixteen bytes without a length before them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Id([u8; 16]);

impl From<Uuid> for Id {
    fn from(id: Uuid) -> Id {
        Id(id.into_bytes())
    }
}

impl From<Id> for Uuid {
    fn from(id: Id) -> Uuid {
        Uuid::from_bytes(id.0)
    }
}

/// Begin and end, in microseconds.
type At = (i64, i64);

fn at(interval: Interval) -> At {
    (interval.start().0, interval.end().0)
}

fn interval((start, end): At) -> Decoded<Interval> {
    Interval::new(Instant(start), Instant(end)).map_err(|e| Malformed(format!("{start} to {end} is no interval: {e}")))
}

/// Begin and length: half the bytes of two instants.
#[derive(Serialize, Deserialize)]
struct During(i64, i64);

impl During {
    fn of(interval: Interval) -> During {
        During(interval.start().0, interval.length().0)
    }

    fn interval(self) -> Decoded<Interval> {
        interval((self.0, self.0.saturating_add(self.1)))
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct VersionBin(u32, u64);

impl VersionBin {
    const fn of(version: Version) -> VersionBin {
        VersionBin(version.epoch.0, version.number)
    }

    const fn version(self) -> Version {
        Version { epoch: Epoch(self.0), number: self.1 }
    }
}

/// Time taken around an interval: before it, after it.
fn around(interval: Interval, occupied: Interval) -> (i64, i64) {
    (interval.start().since(occupied.start()).0, occupied.end().since(interval.end()).0)
}

fn occupied(interval: Interval, (before, after): (i64, i64)) -> Interval {
    interval.widened(Span(before), Span(after))
}

/// The resource a thing is of is the one its record is of.
fn same(resource: ResourceId, of: ResourceId) -> Decoded<()> {
    match resource == of {
        true => Ok(()),
        false => Err(Malformed(format!("a change of {resource} stands in a record of {of}"))),
    }
}

/// Who is meant by an id as attempts are filed: nil is the system.
pub const fn actor(id: Uuid) -> Actor {
    match id.is_nil() {
        true => Actor::System,
        false => Actor::Person(PersonId(id)),
    }
}

// Commits

#[derive(Serialize, Deserialize)]
struct CommitBin<'a> {
    format: u32,
    epoch: u32,
    at: i64,
    #[serde(borrow)]
    entries: Vec<EntryBin<'a>>,
}

/// An attempt with what it changed. Its resources are named once and counted from 0.
#[derive(Serialize, Deserialize)]
struct EntryBin<'a> {
    key: Id,
    actor: Id,
    fingerprint: Hash,
    command: Cow<'a, str>,
    resources: Vec<Id>,
    outcome: OutcomeBin,
    subject: Option<SubjectBin>,
    /// After the commit's instant.
    later: i64,
    seen: Option<(VersionBin, i64)>,
    observed: Vec<(u16, VersionBin)>,
    decided: Vec<(u16, VersionBin)>,
    policies: Vec<(u16, u64)>,
    #[serde(borrow)]
    records: Vec<RecordBin<'a>>,
}

#[derive(Serialize, Deserialize)]
struct RecordBin<'a> {
    resource: u16,
    number: u64,
    previous: u64,
    hash: Hash,
    changes: &'a [u8],
}

impl<'a> EntryBin<'a> {
    fn of(entry: &'a Entry, at: Instant, changes: &mut std::slice::Iter<'a, Vec<u8>>) -> Decoded<EntryBin<'a>> {
        let Recorded { key, fingerprint, decision } = &*entry.recorded;
        let mut resources: Vec<ResourceId> = Vec::with_capacity(1);
        let mut place = |id: ResourceId| -> u16 {
            let known = resources.iter().position(|known| *known == id);
            let place = known.unwrap_or_else(|| {
                resources.push(id);
                resources.len() - 1
            });
            place as u16
        };
        let decided = decision.decided.iter().map(|(id, v)| (place(*id), VersionBin::of(*v))).collect();
        let observed = decision.observed.iter().map(|(id, v)| (place(*id), VersionBin::of(*v))).collect();
        let policies = decision.policies.iter().map(|(id, v)| (place(*id), *v)).collect();
        let asked = AskedBin::of(&decision.asked, &mut place);
        let mut records = Vec::with_capacity(entry.records.len());
        for record in &entry.records {
            let changes = changes.next().ok_or_else(|| Malformed("a record without its changes".into()))?;
            let EntryRecord { resource, version, previous, hash, .. } = record;
            let (resource, number) = (place(*resource), version.number);
            records.push(RecordBin { resource, number, previous: *previous, hash: *hash, changes });
        }
        Ok(EntryBin {
            key: key.key.into(),
            actor: key.actor.into(),
            fingerprint: fingerprint.0,
            command: Cow::Borrowed(&entry.command),
            resources: resources.into_iter().map(|id| id.0.into()).collect(),
            outcome: OutcomeBin::of(&decision.outcome, asked, &decision.dates),
            subject: decision.subject.map(SubjectBin::of),
            later: decision.decided_at.0.saturating_sub(at.0),
            seen: decision.seen.map(|seen| (VersionBin::of(seen.version), seen.as_of.0)),
            observed,
            decided,
            policies,
            records,
        })
    }

    fn entry(self, epoch: Epoch, at: Instant, changes: &mut Vec<&'a [u8]>) -> Decoded<Entry> {
        let resources = self.resources;
        let named = |place: u16| -> Decoded<ResourceId> {
            let id = resources.get(usize::from(place)).copied();
            id.map(|id| ResourceId(id.into())).ok_or_else(|| Malformed(format!("there is no resource {place}")))
        };
        let versions = |versions: Vec<(u16, VersionBin)>| -> Decoded<Vec<(ResourceId, Version)>> {
            versions.into_iter().map(|(place, v)| Ok((named(place)?, v.version()))).collect()
        };
        let mut records = Vec::with_capacity(self.records.len());
        for record in self.records {
            let resource = named(record.resource)?;
            let version = Version { epoch, number: record.number };
            changes.push(record.changes);
            records.push(EntryRecord {
                resource,
                version,
                previous: record.previous,
                hash: record.hash,
                changes: decode_changes(resource, record.changes)?,
            });
        }
        let (outcome, asked, dates) = self.outcome.outcome()?;
        let decision = Decision {
            outcome,
            asked: asked.map(|asked| asked.asked(named)).transpose()?.unwrap_or_default(),
            dates,
            subject: self.subject.map(SubjectBin::subject),
            decided_at: Instant(at.0.saturating_add(self.later)),
            seen: self.seen.map(|(v, as_of)| Seen { version: v.version(), as_of: Instant(as_of) }),
            observed: versions(self.observed)?,
            decided: versions(self.decided)?,
            policies: self.policies.into_iter().map(|(n, v)| Ok((named(n)?, v))).collect::<Decoded<_>>()?,
        };
        let key = AttemptKey { part: PartId::DEFAULT, actor: self.actor.into(), key: self.key.into() };
        let recorded = Arc::new(Recorded { key, fingerprint: Fingerprint(self.fingerprint), decision });
        Ok(Entry { recorded, command: Cow::Owned(self.command.into_owned()), records, bookings: Vec::new() })
    }
}

#[derive(Serialize, Deserialize)]
struct SaidBin {
    place: u32,
    booking: Id,
    title: Option<String>,
    purpose: Option<String>,
    people: Option<u32>,
}

impl SaidBin {
    fn of((place, booking, details): &(u32, BookingId, Details)) -> SaidBin {
        let Details { title, purpose, people, guests: _, private: _ } = details.clone();
        SaidBin { place: *place, booking: booking.0.into(), title, purpose, people }
    }

    fn said(self) -> (u32, BookingId, Details) {
        let details = Details { title: self.title, purpose: self.purpose, people: self.people, ..Details::default() };
        (self.place, BookingId(self.booking.into()), details)
    }
}

/// Who is invited and whether others may know, where either is said; it follows the rest, by the place there.
#[derive(Serialize, Deserialize)]
struct InvitedBin {
    n: u32,
    private: bool,
    guests: Vec<GuestBin>,
}

#[derive(Serialize, Deserialize)]
enum GuestBin {
    Person(Id),
    Named(String),
}

impl InvitedBin {
    fn of(n: usize, details: &Details) -> Option<InvitedBin> {
        let guest = |guest: &Guest| match guest {
            Guest::Person(id) => GuestBin::Person(id.0.into()),
            Guest::Named(name) => GuestBin::Named(name.clone()),
        };
        let said = details.private || !details.guests.is_empty();
        said.then(|| InvitedBin {
            n: n as u32,
            private: details.private,
            guests: details.guests.iter().map(guest).collect(),
        })
    }
}

impl From<GuestBin> for Guest {
    fn from(guest: GuestBin) -> Guest {
        match guest {
            GuestBin::Person(id) => Guest::Person(PersonId(id.into())),
            GuestBin::Named(name) => Guest::Named(name),
        }
    }
}

/// Who is invited to one booking, as the tables keep it: nothing if nobody is.
pub fn encode_guests(details: &Details) -> Decoded<Option<Vec<u8>>> {
    match InvitedBin::of(0, details).map(|invited| invited.guests) {
        Some(guests) if !guests.is_empty() => Ok(Some(postcard::to_extend(&guests, Vec::new())?)),
        Some(_) | None => Ok(None),
    }
}

/// Who is invited to one booking, as [`encode_guests`] wrote it.
pub fn decode_guests(bytes: &[u8]) -> Decoded<Vec<Guest>> {
    let guests: Vec<GuestBin> = whole(bytes)?;
    Ok(guests.into_iter().map(Guest::from).collect())
}

// Changes

#[derive(Serialize, Deserialize)]
enum ChangeBin<'a> {
    ResourceCreated(ResourceBin),
    ResourceEdited(ResourceBin),
    BlockAdded(BlockBin),
    BlockRemoved(BlockBin),
    BookingMade {
        id: Id,
        owner: Id,
        pending: bool,
        slots: Vec<SlotBin>,
    },
    BookingApproved {
        id: Id,
        owner: Id,
        slots: Vec<SlotBin>,
    },
    BookingCancelled {
        id: Id,
        owner: Id,
        was_pending: bool,
        slots: Vec<SlotBin>,
        by: Id,
        reason: Option<Cow<'a, str>>,
    },
    BookingEdited {
        id: Id,
        owner: Id,
        revision: u64,
    },
    HoldGranted(HoldBin),
    HoldRenewed(HoldBin),
    HoldEnded(HoldEndBin, HoldBin),
    BookingMoved {
        id: Id,
        owner: Id,
        revision: u64,
        pending: bool,
        from: Vec<SlotBin>,
        to: Vec<SlotBin>,
    },
    OfferGranted(Id, HoldBin),
    OfferRenewed(Id, HoldBin),
    OfferEnded(Id, HoldEndBin, HoldBin),
    WaitJoined(WaitBin),
    WaitOffered(WaitBin),
    WaitResumed(WaitBin),
    WaitMoved(WaitBin),
    WaitEnded(EntryEndBin, WaitBin),
    WaitDue(Option<i64>),
    OccurrenceMade {
        id: Id,
        owner: Id,
        pending: bool,
        slots: Vec<SlotBin>,
        #[serde(borrow)]
        of: OccurrenceBin<'a>,
    },
    OccurrenceMoved {
        id: Id,
        owner: Id,
        revision: u64,
        pending: bool,
        from: Vec<SlotBin>,
        to: Vec<SlotBin>,
        #[serde(borrow)]
        of: OccurrenceBin<'a>,
    },
    /// A cancel that was late; others are `BookingCancelled`.
    BookingCancelledLate {
        id: Id,
        owner: Id,
        was_pending: bool,
        slots: Vec<SlotBin>,
        by: Id,
        reason: Option<Cow<'a, str>>,
    },
    BookingRequested {
        id: Id,
        owner: Id,
        slots: Vec<SlotBin>,
        #[serde(borrow)]
        of: Option<OccurrenceBin<'a>>,
    },
    RequestApproved {
        id: Id,
        owner: Id,
    },
    BookingCheckedIn {
        id: Id,
        owner: Id,
    },
    BookingNoShow {
        id: Id,
        owner: Id,
        from: Vec<SlotBin>,
        to: Vec<SlotBin>,
        at: i64,
    },
    BookingDisplaced {
        id: Id,
        owner: Id,
        was_pending: bool,
        slots: Vec<SlotBin>,
        by: Id,
        reason: Cow<'a, str>,
        by_what: DisplacerBin,
    },
    BookingHandedOver {
        id: Id,
        from: Id,
        to: Id,
        pending: bool,
        slots: Vec<SlotBin>,
        reason: Cow<'a, str>,
    },
    BookingOverrode {
        id: Id,
        owner: Id,
        reason: Cow<'a, str>,
    },
    CapacitySet {
        resource: ResourceBin,
        used: u64,
        seen_used: Option<u32>,
        over_commit: u32,
        reason: Option<Cow<'a, str>>,
    },
    ServiceSet {
        resource: ResourceBin,
        reason: Cow<'a, str>,
    },
    OverCommitLowered {
        to: u32,
    },
    /// A block with exceptions; others are `BlockAdded` and `BlockRemoved`.
    BlockAddedExcept(BlockBin, ExceptionsBin),
    BlockRemovedExcept(BlockBin, ExceptionsBin),
    WatchJoined(WaitBin),
    WatchMoved(WaitBin),
    WatchEnded(EntryEndBin, WaitBin),
    Reminded {
        id: Id,
        owner: Id,
        cutoff: i64,
    },
    HoldOverrode {
        id: Id,
        holder: Id,
        until: Option<i64>,
        reason: Cow<'a, str>,
    },
}

impl<'a> ChangeBin<'a> {
    /// `before` is the series that the record spoke of last.
    fn of(resource: ResourceId, change: &'a Change, before: &mut Option<&'a Series>) -> Decoded<ChangeBin<'a>> {
        let slots =
            |slots: &[(u16, Slot)]| slots.iter().map(|(n, s)| SlotBin::of(resource, *n, s)).collect::<Decoded<_>>();
        Ok(match change {
            Change::ResourceCreated(r) => ChangeBin::ResourceCreated(ResourceBin::of(resource, r)?),
            Change::ResourceEdited(r) => ChangeBin::ResourceEdited(ResourceBin::of(resource, r)?),
            Change::BlockAdded { block, policy_version } if !block.exceptions.is_empty() => {
                ChangeBin::BlockAddedExcept(BlockBin::of(block, *policy_version), ExceptionsBin::of(&block.exceptions))
            }
            Change::BlockRemoved { block, policy_version } if !block.exceptions.is_empty() => {
                ChangeBin::BlockRemovedExcept(
                    BlockBin::of(block, *policy_version),
                    ExceptionsBin::of(&block.exceptions),
                )
            }
            Change::BlockAdded { block, policy_version } => ChangeBin::BlockAdded(BlockBin::of(block, *policy_version)),
            Change::BlockRemoved { block, policy_version } => {
                ChangeBin::BlockRemoved(BlockBin::of(block, *policy_version))
            }
            Change::BookingMade { booking, owner, pending, slots: s, occurrence: Some(o) } => {
                ChangeBin::OccurrenceMade {
                    id: booking.0.into(),
                    owner: owner.0.into(),
                    pending: *pending,
                    slots: slots(s)?,
                    of: OccurrenceBin::of(o, before),
                }
            }
            Change::BookingMade { booking, owner, pending, slots: s, occurrence: None } => ChangeBin::BookingMade {
                id: booking.0.into(),
                owner: owner.0.into(),
                pending: *pending,
                slots: slots(s)?,
            },
            Change::BookingApproved { booking, owner, slots: s } => {
                ChangeBin::BookingApproved { id: booking.0.into(), owner: owner.0.into(), slots: slots(s)? }
            }
            Change::BookingCancelled { booking, owner, was_pending, slots: s, by, reason, late: true } => {
                ChangeBin::BookingCancelledLate {
                    id: booking.0.into(),
                    owner: owner.0.into(),
                    was_pending: *was_pending,
                    slots: slots(s)?,
                    by: by.uuid().into(),
                    reason: reason.as_deref().map(Cow::Borrowed),
                }
            }
            Change::BookingCancelled { booking, owner, was_pending, slots: s, by, reason, late: false } => {
                ChangeBin::BookingCancelled {
                    id: booking.0.into(),
                    owner: owner.0.into(),
                    was_pending: *was_pending,
                    slots: slots(s)?,
                    by: by.uuid().into(),
                    reason: reason.as_deref().map(Cow::Borrowed),
                }
            }
            Change::BookingMoved { booking, owner, revision, pending, from, to, occurrence } => {
                let (id, owner, revision, pending) = (booking.0.into(), owner.0.into(), *revision, *pending);
                let (from, to) = (slots(from)?, slots(to)?);
                match occurrence {
                    None => ChangeBin::BookingMoved { id, owner, revision, pending, from, to },
                    Some(o) => {
                        let of = OccurrenceBin::of(o, before);
                        ChangeBin::OccurrenceMoved { id, owner, revision, pending, from, to, of }
                    }
                }
            }
            Change::BookingEdited { booking, owner, revision } => {
                ChangeBin::BookingEdited { id: booking.0.into(), owner: owner.0.into(), revision: *revision }
            }
            Change::HoldGranted(hold) => {
                let bin = HoldBin::of(resource, hold)?;
                match hold.offer {
                    None => ChangeBin::HoldGranted(bin),
                    Some(entry) => ChangeBin::OfferGranted(entry.0.into(), bin),
                }
            }
            Change::HoldRenewed(hold) => {
                let bin = HoldBin::of(resource, hold)?;
                match hold.offer {
                    None => ChangeBin::HoldRenewed(bin),
                    Some(entry) => ChangeBin::OfferRenewed(entry.0.into(), bin),
                }
            }
            Change::HoldEnded(EndedHold { hold, end }) => {
                let (end, bin) = (HoldEndBin::of(*end), HoldBin::of(resource, hold)?);
                match hold.offer {
                    None => ChangeBin::HoldEnded(end, bin),
                    Some(entry) => ChangeBin::OfferEnded(entry.0.into(), end, bin),
                }
            }
            Change::WaitJoined(entry) => match entry.wants {
                Wants::Units => ChangeBin::WaitJoined(WaitBin::of(resource, entry)?),
                Wants::Word => ChangeBin::WatchJoined(WaitBin::of(resource, entry)?),
            },
            Change::WaitOffered(entry) | Change::WaitResumed(entry) if entry.wants != Wants::Units => {
                return Err(Malformed(format!("{} wants only word, and is offered something", entry.id)));
            }
            Change::WaitOffered(entry) => ChangeBin::WaitOffered(WaitBin::of(resource, entry)?),
            Change::WaitResumed(entry) => ChangeBin::WaitResumed(WaitBin::of(resource, entry)?),
            Change::WaitMoved(entry) => match entry.wants {
                Wants::Units => ChangeBin::WaitMoved(WaitBin::of(resource, entry)?),
                Wants::Word => ChangeBin::WatchMoved(WaitBin::of(resource, entry)?),
            },
            Change::WaitEnded(EndedEntry { entry, end }) => {
                let (end, bin) = (EntryEndBin::of(*end), WaitBin::of(resource, entry)?);
                match entry.wants {
                    Wants::Units => ChangeBin::WaitEnded(end, bin),
                    Wants::Word => ChangeBin::WatchEnded(end, bin),
                }
            }
            Change::WaitDue(at) => ChangeBin::WaitDue(at.map(|at| at.0)),
            Change::BookingRequested { booking, owner, slots: s, occurrence } => ChangeBin::BookingRequested {
                id: booking.0.into(),
                owner: owner.0.into(),
                slots: slots(s)?,
                of: occurrence.as_ref().map(|o| OccurrenceBin::of(o, before)),
            },
            Change::RequestApproved { booking, owner } => {
                ChangeBin::RequestApproved { id: booking.0.into(), owner: owner.0.into() }
            }
            Change::BookingCheckedIn { booking, owner } => {
                ChangeBin::BookingCheckedIn { id: booking.0.into(), owner: owner.0.into() }
            }
            Change::BookingNoShow { booking, owner, from, to, at } => ChangeBin::BookingNoShow {
                id: booking.0.into(),
                owner: owner.0.into(),
                from: slots(from)?,
                to: slots(to)?,
                at: at.0,
            },
            Change::BookingDisplaced { booking, owner, was_pending, slots: s, by, reason, by_what } => {
                ChangeBin::BookingDisplaced {
                    id: booking.0.into(),
                    owner: owner.0.into(),
                    was_pending: *was_pending,
                    slots: slots(s)?,
                    by: by.uuid().into(),
                    reason: Cow::Borrowed(reason),
                    by_what: DisplacerBin::of(*by_what),
                }
            }
            Change::BookingHandedOver { booking, from, to, pending, slots: s, reason } => {
                ChangeBin::BookingHandedOver {
                    id: booking.0.into(),
                    from: from.0.into(),
                    to: to.0.into(),
                    pending: *pending,
                    slots: slots(s)?,
                    reason: Cow::Borrowed(reason),
                }
            }
            Change::HoldOverrode { hold, holder, until, reason } => ChangeBin::HoldOverrode {
                id: hold.0.into(),
                holder: holder.0.into(),
                until: until.map(|until| until.0),
                reason: Cow::Borrowed(reason),
            },
            Change::BookingOverrode { booking, owner, reason } => ChangeBin::BookingOverrode {
                id: booking.0.into(),
                owner: owner.0.into(),
                reason: Cow::Borrowed(reason),
            },
            Change::CapacitySet { resource: r, used, seen_used, over_commit, reason } => ChangeBin::CapacitySet {
                resource: ResourceBin::of(resource, r)?,
                used: *used,
                seen_used: *seen_used,
                over_commit: *over_commit,
                reason: reason.as_deref().map(Cow::Borrowed),
            },
            Change::ServiceSet { resource: r, reason } => {
                ChangeBin::ServiceSet { resource: ResourceBin::of(resource, r)?, reason: Cow::Borrowed(reason) }
            }
            Change::OverCommitLowered { to } => ChangeBin::OverCommitLowered { to: *to },
            Change::Reminded { booking, owner, cutoff } => {
                ChangeBin::Reminded { id: booking.0.into(), owner: owner.0.into(), cutoff: cutoff.0 }
            }
        })
    }

    fn change(self, resource: ResourceId, before: &mut Option<Arc<Series>>) -> Decoded<Change> {
        let slots = |slots: Vec<SlotBin>| slots.into_iter().map(|s| s.slot(resource)).collect::<Decoded<Vec<_>>>();
        let (booking, person) = (|id: Id| BookingId(id.into()), |id: Id| PersonId(id.into()));
        Ok(match self {
            ChangeBin::ResourceCreated(r) => Change::ResourceCreated(Arc::new(r.resource(resource)?)),
            ChangeBin::ResourceEdited(r) => Change::ResourceEdited(Arc::new(r.resource(resource)?)),
            ChangeBin::BlockAdded(b) => {
                let (block, policy_version) = b.block()?;
                Change::BlockAdded { block, policy_version }
            }
            ChangeBin::BlockRemoved(b) => {
                let (block, policy_version) = b.block()?;
                Change::BlockRemoved { block, policy_version }
            }
            ChangeBin::BookingMade { id, owner, pending, slots: s } => Change::BookingMade {
                booking: booking(id),
                owner: person(owner),
                pending,
                slots: slots(s)?,
                occurrence: None,
            },
            ChangeBin::OccurrenceMade { id, owner, pending, slots: s, of } => Change::BookingMade {
                booking: booking(id),
                owner: person(owner),
                pending,
                slots: slots(s)?,
                occurrence: Some(of.occurrence(before)?),
            },
            ChangeBin::BookingApproved { id, owner, slots: s } => {
                Change::BookingApproved { booking: booking(id), owner: person(owner), slots: slots(s)? }
            }
            ChangeBin::BookingCancelled { id, owner, was_pending, slots: s, by, reason } => Change::BookingCancelled {
                booking: booking(id),
                owner: person(owner),
                was_pending,
                slots: slots(s)?,
                by: actor(by.into()),
                reason: reason.map(Cow::into_owned),
                late: false,
            },
            ChangeBin::BookingCancelledLate { id, owner, was_pending, slots: s, by, reason } => {
                Change::BookingCancelled {
                    booking: booking(id),
                    owner: person(owner),
                    was_pending,
                    slots: slots(s)?,
                    by: actor(by.into()),
                    reason: reason.map(Cow::into_owned),
                    late: true,
                }
            }
            ChangeBin::BookingMoved { id, owner, revision, pending, from, to } => Change::BookingMoved {
                booking: booking(id),
                owner: person(owner),
                revision,
                pending,
                from: slots(from)?,
                to: slots(to)?,
                occurrence: None,
            },
            ChangeBin::OccurrenceMoved { id, owner, revision, pending, from, to, of } => Change::BookingMoved {
                booking: booking(id),
                owner: person(owner),
                revision,
                pending,
                from: slots(from)?,
                to: slots(to)?,
                occurrence: Some(of.occurrence(before)?),
            },
            ChangeBin::BookingEdited { id, owner, revision } => {
                Change::BookingEdited { booking: booking(id), owner: person(owner), revision }
            }
            ChangeBin::HoldGranted(hold) => Change::HoldGranted(hold.hold(resource, None)?),
            ChangeBin::HoldRenewed(hold) => Change::HoldRenewed(hold.hold(resource, None)?),
            ChangeBin::HoldEnded(end, hold) => {
                Change::HoldEnded(EndedHold { hold: hold.hold(resource, None)?, end: end.end() })
            }
            ChangeBin::OfferGranted(entry, hold) => Change::HoldGranted(hold.hold(resource, Some(entry))?),
            ChangeBin::OfferRenewed(entry, hold) => Change::HoldRenewed(hold.hold(resource, Some(entry))?),
            ChangeBin::OfferEnded(entry, end, hold) => {
                Change::HoldEnded(EndedHold { hold: hold.hold(resource, Some(entry))?, end: end.end() })
            }
            ChangeBin::WaitJoined(entry) => Change::WaitJoined(entry.entry(resource, Wants::Units)?),
            ChangeBin::WaitOffered(entry) => Change::WaitOffered(entry.entry(resource, Wants::Units)?),
            ChangeBin::WaitResumed(entry) => Change::WaitResumed(entry.entry(resource, Wants::Units)?),
            ChangeBin::WaitMoved(entry) => Change::WaitMoved(entry.entry(resource, Wants::Units)?),
            ChangeBin::WaitEnded(end, entry) => {
                Change::WaitEnded(EndedEntry { entry: entry.entry(resource, Wants::Units)?, end: end.end() })
            }
            ChangeBin::WatchJoined(entry) => Change::WaitJoined(entry.entry(resource, Wants::Word)?),
            ChangeBin::WatchMoved(entry) => Change::WaitMoved(entry.entry(resource, Wants::Word)?),
            ChangeBin::WatchEnded(end, entry) => {
                Change::WaitEnded(EndedEntry { entry: entry.entry(resource, Wants::Word)?, end: end.end() })
            }
            ChangeBin::Reminded { id, owner, cutoff } => {
                Change::Reminded { booking: booking(id), owner: person(owner), cutoff: Instant(cutoff) }
            }
            ChangeBin::WaitDue(at) => Change::WaitDue(at.map(Instant)),
            ChangeBin::BookingRequested { id, owner, slots: s, of } => Change::BookingRequested {
                booking: booking(id),
                owner: person(owner),
                slots: slots(s)?,
                occurrence: of.map(|of| of.occurrence(before)).transpose()?,
            },
            ChangeBin::RequestApproved { id, owner } => {
                Change::RequestApproved { booking: booking(id), owner: person(owner) }
            }
            ChangeBin::BookingCheckedIn { id, owner } => {
                Change::BookingCheckedIn { booking: booking(id), owner: person(owner) }
            }
            ChangeBin::BookingNoShow { id, owner, from, to, at } => Change::BookingNoShow {
                booking: booking(id),
                owner: person(owner),
                from: slots(from)?,
                to: slots(to)?,
                at: Instant(at),
            },
            ChangeBin::BookingDisplaced { id, owner, was_pending, slots: s, by, reason, by_what } => {
                Change::BookingDisplaced {
                    booking: booking(id),
                    owner: person(owner),
                    was_pending,
                    slots: slots(s)?,
                    by: actor(by.into()),
                    reason: reason.into_owned(),
                    by_what: by_what.displacer(),
                }
            }
            ChangeBin::BookingHandedOver { id, from, to, pending, slots: s, reason } => Change::BookingHandedOver {
                booking: booking(id),
                from: person(from),
                to: person(to),
                pending,
                slots: slots(s)?,
                reason: reason.into_owned(),
            },
            ChangeBin::HoldOverrode { id, holder, until, reason } => Change::HoldOverrode {
                hold: HoldId(id.into()),
                holder: person(holder),
                until: until.map(Instant),
                reason: reason.into_owned(),
            },
            ChangeBin::BookingOverrode { id, owner, reason } => {
                Change::BookingOverrode { booking: booking(id), owner: person(owner), reason: reason.into_owned() }
            }
            ChangeBin::CapacitySet { resource: r, used, seen_used, over_commit, reason } => Change::CapacitySet {
                resource: Arc::new(r.resource(resource)?),
                used,
                seen_used,
                over_commit,
                reason: reason.map(Cow::into_owned),
            },
            ChangeBin::ServiceSet { resource: r, reason } => {
                Change::ServiceSet { resource: Arc::new(r.resource(resource)?), reason: reason.into_owned() }
            }
            ChangeBin::OverCommitLowered { to } => Change::OverCommitLowered { to },
            ChangeBin::BlockAddedExcept(b, exceptions) => {
                let (block, policy_version) = b.block()?;
                Change::BlockAdded { block: Block { exceptions: exceptions.exceptions(), ..block }, policy_version }
            }
            ChangeBin::BlockRemovedExcept(b, exceptions) => {
                let (block, policy_version) = b.block()?;
                Change::BlockRemoved { block: Block { exceptions: exceptions.exceptions(), ..block }, policy_version }
            }
        })
    }
}

/// Begin of a civil time, and its length on the wall.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct GivenBin(i64, i64);

impl GivenBin {
    fn of(given: Given) -> GivenBin {
        let (start, end) = (wall(given.start), wall(given.end));
        GivenBin(start, end.saturating_sub(start))
    }

    fn given(self) -> Decoded<Given> {
        Ok(Given { start: wall_at(self.0)?, end: wall_at(self.0.saturating_add(self.1))? })
    }
}

/// A civil time as microseconds, as if it were in UTC.
fn wall(time: DateTime) -> i64 {
    jiff::tz::Offset::UTC.to_timestamp(time).map_or(i64::MIN, |t| t.as_microsecond())
}

fn wall_at(micros: i64) -> Decoded<DateTime> {
    let t = jiff::Timestamp::from_microsecond(micros).map_err(|e| Malformed(format!("{micros} is no time: {e}")))?;
    Ok(jiff::tz::Offset::UTC.to_datetime(t))
}

/// Which date of which series a booking is. A series is told once in a record, with the first of its dates.
#[derive(Serialize, Deserialize)]
struct OccurrenceBin<'a> {
    #[serde(borrow)]
    series: Option<SeriesBin<'a>>,
    place: u16,
    given: GivenBin,
}

#[derive(Serialize, Deserialize)]
struct SeriesBin<'a> {
    id: Id,
    rule: Cow<'a, str>,
    zone: Cow<'a, str>,
    contract: Cow<'a, str>,
}

impl<'a> OccurrenceBin<'a> {
    fn of(occurrence: &'a Occurrence, before: &mut Option<&'a Series>) -> OccurrenceBin<'a> {
        let Occurrence { series, place, given } = occurrence;
        let told = before.replace(series) == Some(series);
        let series = (!told).then(|| SeriesBin {
            id: series.id.0.into(),
            rule: Cow::Borrowed(&series.rule),
            zone: Cow::Borrowed(series.zone.name()),
            contract: Cow::Borrowed(series.contract.name()),
        });
        OccurrenceBin { series, place: *place, given: GivenBin::of(*given) }
    }

    fn occurrence(self, before: &mut Option<Arc<Series>>) -> Decoded<Occurrence> {
        if let Some(SeriesBin { id, rule, zone, contract }) = self.series {
            let series = series_of(Uuid::from(id), rule.into_owned(), &zone, &contract)?;
            *before = Some(Arc::new(series));
        }
        let series = before.clone().ok_or_else(|| Malformed("a date of a series that is not told".into()))?;
        Ok(Occurrence { series, place: self.place, given: self.given.given()? })
    }
}

/// A series of its parts by name.
pub(crate) fn series_of(id: Uuid, rule: String, zone: &str, contract: &str) -> Decoded<Series> {
    let contract = Contract::named(contract).ok_or_else(|| Malformed(format!("{contract:?} is no contract")))?;
    Ok(Series { id: SeriesId(id), rule, zone: zone_named(zone)?, contract })
}

fn zone_named(name: &str) -> Decoded<Zone> {
    match name {
        "UTC" => Ok(Zone::utc()),
        name => Zone::named(name).map_err(|e| Malformed(e.to_string())),
    }
}

names! {
    /// The stored name of how a civil time met its zone.
    met_name,
    /// How a civil time met its zone, by its stored name.
    met_named: Met { Met::Once = "once", Met::Shifted = "shifted", Met::First = "first" }
}

/// Which date of which series a booking in the tables is, as JSON.
pub fn encode_occurrence(occurrence: &Occurrence) -> Decoded<String> {
    let Occurrence { series, place, given } = occurrence;
    let (rule, zone) = (series.rule.clone(), series.zone.name().to_owned());
    let json = OccurrenceJson {
        series: series.id.0,
        rule,
        zone,
        contract: series.contract.name().to_owned(),
        place: *place,
        given: (given.start.to_string(), given.end.to_string()),
    };
    Ok(serde_json::to_string(&json)?)
}

/// Which date of which series a booking is, as [`encode_occurrence`] wrote it.
pub fn decode_occurrence(text: &str) -> Decoded<Occurrence> {
    let OccurrenceJson { series, rule, zone, contract, place, given: (start, end) } = serde_json::from_str(text)?;
    let series = Arc::new(series_of(series, rule, &zone, &contract)?);
    Ok(Occurrence { series, place, given: Given { start: civil_time(&start)?, end: civil_time(&end)? } })
}

/// A civil time as it is written.
pub(crate) fn civil_time(text: &str) -> Decoded<DateTime> {
    text.parse().map_err(|_| Malformed(format!("{text:?} is no civil time")))
}

#[derive(Serialize, Deserialize)]
struct OccurrenceJson {
    series: Uuid,
    rule: String,
    zone: String,
    contract: String,
    place: u16,
    given: (String, String),
}

/// A resource as it is; what an admin says of it is JSON, because it grows with every rule.
#[derive(Serialize, Deserialize)]
struct ResourceBin {
    policy_version: u64,
    spec: String,
}

impl ResourceBin {
    fn of(id: ResourceId, resource: &Resource) -> Decoded<ResourceBin> {
        same(resource.id, id)?;
        Ok(ResourceBin { policy_version: resource.policy_version, spec: encode_spec(&resource.spec)? })
    }

    fn resource(self, id: ResourceId) -> Decoded<Resource> {
        Ok(Resource { id, spec: decode_spec(&self.spec)?, policy_version: self.policy_version })
    }
}

#[derive(Serialize, Deserialize)]
struct BlockBin {
    id: Id,
    at: During,
    reason: String,
    policy_version: u64,
}

impl BlockBin {
    fn of(block: &Block, policy_version: u64) -> BlockBin {
        BlockBin { id: block.id.0.into(), at: During::of(block.interval), reason: block.reason.clone(), policy_version }
    }

    fn block(self) -> Decoded<(Block, u64)> {
        let (id, interval) = (BlockId(self.id.into()), self.at.interval()?);
        let block = Block { id, interval, reason: self.reason, exceptions: Exceptions::default() };
        Ok((block, self.policy_version))
    }
}

#[derive(Serialize, Deserialize)]
struct ExceptionsBin {
    people: Vec<Id>,
    bookings: Vec<Id>,
}

impl ExceptionsBin {
    fn of(exceptions: &Exceptions) -> ExceptionsBin {
        ExceptionsBin {
            people: exceptions.people.iter().map(|id| id.0.into()).collect(),
            bookings: exceptions.bookings.iter().map(|id| id.0.into()).collect(),
        }
    }

    fn exceptions(self) -> Exceptions {
        Exceptions {
            people: self.people.into_iter().map(|id| PersonId(id.into())).collect(),
            bookings: self.bookings.into_iter().map(|id| BookingId(id.into())).collect(),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum DisplacerBin {
    Booking(Id),
    Block(Id),
    Capacity(Id),
}

impl DisplacerBin {
    fn of(by_what: Displacer) -> DisplacerBin {
        match by_what {
            Displacer::Booking(id) => DisplacerBin::Booking(id.0.into()),
            Displacer::Block(id) => DisplacerBin::Block(id.0.into()),
            Displacer::Capacity(id) => DisplacerBin::Capacity(id.0.into()),
        }
    }

    fn displacer(self) -> Displacer {
        match self {
            DisplacerBin::Booking(id) => Displacer::Booking(BookingId(id.into())),
            DisplacerBin::Block(id) => Displacer::Block(BlockId(id.into())),
            DisplacerBin::Capacity(id) => Displacer::Capacity(ResourceId(id.into())),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct SlotBin {
    n: u16,
    at: During,
    around: (i64, i64),
    units: u32,
    rules: SlotRulesBin,
}

/// The rules about a person that a slot counts under. The first two are one byte, 0 or 1, as they were when there was one rule.
#[derive(Serialize, Deserialize)]
enum SlotRulesBin {
    None,
    Exclusive,
    Counted {
        exclusive: bool,
        quota: Id,
    },
    /// The same, since units are worth credits.
    Worth {
        exclusive: bool,
        quota: Id,
        credits: u16,
    },
}

impl SlotBin {
    fn of(resource: ResourceId, n: u16, slot: &Slot) -> Decoded<SlotBin> {
        same(slot.resource, resource)?;
        Ok(SlotBin {
            n,
            at: During::of(slot.interval),
            around: around(slot.interval, slot.occupied),
            units: slot.units,
            rules: match (slot.own_overlap, slot.quota) {
                (OwnOverlap::Allow, None) => SlotRulesBin::None,
                (OwnOverlap::Refuse, None) => SlotRulesBin::Exclusive,
                (own_overlap, Some(Counts { of, credits })) => {
                    let (exclusive, quota) = (own_overlap == OwnOverlap::Refuse, of.0.into());
                    SlotRulesBin::Worth { exclusive, quota, credits }
                }
            },
        })
    }

    fn slot(self, resource: ResourceId) -> Decoded<(u16, Slot)> {
        let interval = self.at.interval()?;
        let (exclusive, quota) = match self.rules {
            SlotRulesBin::None => (false, None),
            SlotRulesBin::Exclusive => (true, None),
            SlotRulesBin::Counted { exclusive, quota } => {
                (exclusive, Some(Counts { of: ResourceId(quota.into()), credits: 0 }))
            }
            SlotRulesBin::Worth { exclusive, quota, credits } => {
                (exclusive, Some(Counts { of: ResourceId(quota.into()), credits }))
            }
        };
        let slot = Slot {
            resource,
            interval,
            occupied: occupied(interval, self.around),
            units: self.units,
            own_overlap: if exclusive { OwnOverlap::Refuse } else { OwnOverlap::Allow },
            quota,
        };
        Ok((self.n, slot))
    }
}

/// A booking as it is. Its resources are named once and counted from 0.
#[derive(Serialize, Deserialize)]
struct BookingBin<'a> {
    format: u32,
    owner: Id,
    made_by: Id,
    state: BookingStateBin,
    resources: Vec<Id>,
    slots: Vec<(u16, SlotBin)>,
    #[serde(borrow)]
    occurrence: Option<OccurrenceBin<'a>>,
    revision: u64,
    created_at: i64,
    decided_at: i64,
}

#[derive(Serialize, Deserialize)]
enum BookingStateBin {
    Pending { takes: bool },
    Confirmed,
    Cancelled { at: i64, by: Id, reason: Option<String>, late: bool },
    CheckedIn { at: i64, by: Id },
    NoShow { at: i64 },
    Displaced { at: i64, by: Id, reason: String, by_what: DisplacerBin },
}

impl BookingStateBin {
    fn of(state: &BookingState) -> BookingStateBin {
        match state {
            BookingState::Pending { takes } => BookingStateBin::Pending { takes: *takes },
            BookingState::Confirmed => BookingStateBin::Confirmed,
            BookingState::Cancelled { at, by, reason, late } => {
                BookingStateBin::Cancelled { at: at.0, by: by.uuid().into(), reason: reason.clone(), late: *late }
            }
            BookingState::CheckedIn { at, by } => BookingStateBin::CheckedIn { at: at.0, by: by.uuid().into() },
            BookingState::NoShow { at } => BookingStateBin::NoShow { at: at.0 },
            BookingState::Displaced { at, by, reason, by_what } => BookingStateBin::Displaced {
                at: at.0,
                by: by.uuid().into(),
                reason: reason.clone(),
                by_what: DisplacerBin::of(*by_what),
            },
        }
    }

    fn state(self) -> BookingState {
        match self {
            BookingStateBin::Pending { takes } => BookingState::Pending { takes },
            BookingStateBin::Confirmed => BookingState::Confirmed,
            BookingStateBin::Cancelled { at, by, reason, late } => {
                BookingState::Cancelled { at: Instant(at), by: actor(by.into()), reason, late }
            }
            BookingStateBin::CheckedIn { at, by } => BookingState::CheckedIn { at: Instant(at), by: actor(by.into()) },
            BookingStateBin::NoShow { at } => BookingState::NoShow { at: Instant(at) },
            BookingStateBin::Displaced { at, by, reason, by_what } => {
                BookingState::Displaced { at: Instant(at), by: actor(by.into()), reason, by_what: by_what.displacer() }
            }
        }
    }
}

impl<'a> BookingBin<'a> {
    fn of(booking: &'a Booking) -> Decoded<BookingBin<'a>> {
        let Booking { id: _, owner, made_by, state, details: _, slots, occurrence, revision, created_at, decided_at } =
            booking;
        let resources = booking.resources();
        let placed = slots.iter().enumerate().map(|(n, slot)| {
            let place = resources.iter().position(|id| *id == slot.resource).unwrap_or(0);
            Ok((place as u16, SlotBin::of(slot.resource, n as u16, slot)?))
        });
        Ok(BookingBin {
            format: FORMAT,
            owner: owner.0.into(),
            made_by: made_by.uuid().into(),
            state: BookingStateBin::of(state),
            slots: placed.collect::<Decoded<_>>()?,
            resources: resources.iter().map(|id| id.0.into()).collect(),
            occurrence: occurrence.as_ref().map(|occurrence| OccurrenceBin::of(occurrence, &mut None)),
            revision: *revision,
            created_at: created_at.0,
            decided_at: decided_at.0,
        })
    }

    fn booking(self, id: BookingId, details: Details) -> Decoded<Booking> {
        known(self.format)?;
        let resources = self.resources;
        let slots = self.slots.into_iter().map(|(place, slot)| {
            let of = resources.get(usize::from(place)).copied();
            let of = of.ok_or_else(|| Malformed(format!("there is no resource {place}")))?;
            Ok(slot.slot(ResourceId(of.into()))?.1)
        });
        Ok(Booking {
            id,
            owner: PersonId(self.owner.into()),
            made_by: actor(self.made_by.into()),
            state: self.state.state(),
            details,
            slots: slots.collect::<Decoded<_>>()?,
            occurrence: self.occurrence.map(|occurrence| occurrence.occurrence(&mut None)).transpose()?,
            revision: self.revision,
            created_at: Instant(self.created_at),
            decided_at: Instant(self.decided_at),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct HoldBin {
    id: Id,
    token: VersionBin,
    holder: Id,
    at: During,
    around: (i64, i64),
    units: u32,
    granted_at: i64,
    lasts: i64,
    renewals: u32,
}

impl HoldBin {
    fn of(resource: ResourceId, hold: &Hold) -> Decoded<HoldBin> {
        same(hold.resource, resource)?;
        Ok(HoldBin {
            id: hold.id.0.into(),
            token: VersionBin(hold.token.0.epoch.0, hold.token.number()),
            holder: hold.holder.0.into(),
            at: During::of(hold.interval),
            around: around(hold.interval, hold.occupied),
            units: hold.units,
            granted_at: hold.granted_at.0,
            lasts: hold.expires_at.since(hold.granted_at).0,
            renewals: hold.renewals,
        })
    }

    /// `offer` stands beside it: it was no part of a hold at first.
    fn hold(self, resource: ResourceId, offer: Option<Id>) -> Decoded<Hold> {
        let interval = self.at.interval()?;
        Ok(Hold {
            id: HoldId(self.id.into()),
            token: FencingToken::of(Epoch(self.token.0), self.token.1),
            holder: PersonId(self.holder.into()),
            resource,
            interval,
            occupied: occupied(interval, self.around),
            units: self.units,
            granted_at: Instant(self.granted_at),
            expires_at: Instant(self.granted_at.saturating_add(self.lasts)),
            renewals: self.renewals,
            offer: offer.map(|id| EntryId(id.into())),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct WaitBin {
    id: Id,
    owner: Id,
    made_by: Id,
    at: During,
    units: u32,
    class: u8,
    joined: VersionBin,
    joined_at: i64,
    gives_up: Option<Id>,
    offer: Option<Id>,
    offers: u8,
}

impl WaitBin {
    fn of(resource: ResourceId, entry: &WaitEntry) -> Decoded<WaitBin> {
        same(entry.resource, resource)?;
        Ok(WaitBin {
            id: entry.id.0.into(),
            owner: entry.owner.0.into(),
            made_by: entry.made_by.uuid().into(),
            at: During::of(entry.interval),
            units: entry.units,
            class: entry.class,
            joined: VersionBin::of(entry.joined),
            joined_at: entry.joined_at.0,
            gives_up: entry.gives_up.map(|id| id.0.into()),
            offer: entry.offer.map(|id| id.0.into()),
            offers: entry.offers,
        })
    }

    /// What it wants stands beside it: nobody could want but units at first.
    fn entry(self, resource: ResourceId, wants: Wants) -> Decoded<WaitEntry> {
        Ok(WaitEntry {
            id: EntryId(self.id.into()),
            owner: PersonId(self.owner.into()),
            made_by: actor(self.made_by.into()),
            resource,
            interval: self.at.interval()?,
            units: self.units,
            wants,
            class: self.class,
            joined: self.joined.version(),
            joined_at: Instant(self.joined_at),
            gives_up: self.gives_up.map(|id| BookingId(id.into())),
            offer: self.offer.map(|id| HoldId(id.into())),
            offers: self.offers,
        })
    }
}

#[derive(Serialize, Deserialize)]
enum EntryEndBin {
    Promoted(Id),
    Left,
    Lapsed,
    Voided,
    Told,
}

impl EntryEndBin {
    fn of(end: EntryEnd) -> EntryEndBin {
        match end {
            EntryEnd::Promoted { booking } => EntryEndBin::Promoted(booking.0.into()),
            EntryEnd::Left => EntryEndBin::Left,
            EntryEnd::Lapsed => EntryEndBin::Lapsed,
            EntryEnd::Voided => EntryEndBin::Voided,
            EntryEnd::Told => EntryEndBin::Told,
        }
    }

    fn end(self) -> EntryEnd {
        match self {
            EntryEndBin::Promoted(id) => EntryEnd::Promoted { booking: BookingId(id.into()) },
            EntryEndBin::Left => EntryEnd::Left,
            EntryEndBin::Lapsed => EntryEnd::Lapsed,
            EntryEndBin::Voided => EntryEnd::Voided,
            EntryEndBin::Told => EntryEnd::Told,
        }
    }
}

#[derive(Serialize, Deserialize)]
enum HoldEndBin {
    Expired,
    Released,
    Consumed,
    Superseded,
    Voided,
}

impl HoldEndBin {
    const fn of(end: HoldEnd) -> HoldEndBin {
        match end {
            HoldEnd::Expired => HoldEndBin::Expired,
            HoldEnd::Released => HoldEndBin::Released,
            HoldEnd::Consumed => HoldEndBin::Consumed,
            HoldEnd::Superseded => HoldEndBin::Superseded,
            HoldEnd::Voided => HoldEndBin::Voided,
        }
    }

    const fn end(self) -> HoldEnd {
        match self {
            HoldEndBin::Expired => HoldEnd::Expired,
            HoldEndBin::Released => HoldEnd::Released,
            HoldEndBin::Consumed => HoldEnd::Consumed,
            HoldEndBin::Superseded => HoldEnd::Superseded,
            HoldEndBin::Voided => HoldEnd::Voided,
        }
    }
}

// Resources

#[derive(Serialize, Deserialize)]
struct StoredSpecJson {
    v: u32,
    #[serde(flatten)]
    spec: SpecJson,
}

#[derive(Serialize, Deserialize)]
struct SpecJson {
    kind: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    building: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seats: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    equipment: Vec<String>,
    zone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interval: Option<At>,
    policy: PolicyJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<GroupedJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    linked: Vec<Vec<Uuid>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    course: Option<CourseJson>,
}

#[derive(Serialize, Deserialize)]
struct CourseJson {
    subject: String,
    number: String,
    title: String,
    section: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credits: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructor: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    meetings: Vec<MeetingJson>,
}

#[derive(Serialize, Deserialize)]
struct MeetingJson {
    #[serde(flatten)]
    hours: HoursJson,
    first: String,
    last: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

impl CourseJson {
    fn of(course: &Course) -> CourseJson {
        let meeting = |m: &Meeting| MeetingJson {
            hours: HoursJson::of(&m.hours),
            first: m.first.to_string(),
            last: m.last.to_string(),
            place: m.place.clone(),
        };
        let Course { subject, number, title, section, part, credits, instructor, meetings } = course.clone();
        let meetings = meetings.iter().map(meeting).collect();
        CourseJson { subject, number, title, section, part, credits, instructor, meetings }
    }

    fn course(self) -> Decoded<Arc<Course>> {
        let date = |text: &str| text.parse().map_err(|_| Malformed(format!("{text:?} is no date")));
        let meeting = |m: MeetingJson| {
            Ok(Meeting { hours: m.hours.hours()?, first: date(&m.first)?, last: date(&m.last)?, place: m.place })
        };
        Ok(Arc::new(Course {
            subject: self.subject,
            number: self.number,
            title: self.title,
            section: self.section,
            part: self.part,
            credits: self.credits,
            instructor: self.instructor,
            meetings: self.meetings.into_iter().map(meeting).collect::<Decoded<_>>()?,
        }))
    }
}

#[derive(Serialize, Deserialize)]
struct GroupedJson {
    id: Uuid,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    own: Vec<String>,
}

impl SpecJson {
    fn of(spec: &ResourceSpec) -> SpecJson {
        SpecJson {
            kind: kind_name(spec.kind).into(),
            name: spec.name.clone(),
            building: spec.building.clone(),
            seats: spec.seats,
            equipment: spec.equipment.clone(),
            zone: spec.zone.name().into(),
            capacity: spec.capacity,
            interval: spec.interval.map(at),
            policy: PolicyJson::of(&spec.policy),
            group: spec
                .group
                .as_ref()
                .map(|g| GroupedJson { id: g.id.0, own: g.own.iter().map(|field| field.name().to_owned()).collect() }),
            linked: spec.linked.iter().map(|list| list.iter().map(|id| id.0).collect()).collect(),
            course: spec.course.as_deref().map(CourseJson::of),
        }
    }

    fn spec(self) -> Decoded<ResourceSpec> {
        let zone = zone_named(&self.zone)?;
        Ok(ResourceSpec {
            kind: kind_named(&self.kind)?,
            name: self.name,
            building: self.building,
            seats: self.seats,
            equipment: self.equipment,
            zone,
            capacity: self.capacity,
            interval: self.interval.map(interval).transpose()?,
            policy: self.policy.policy()?,
            group: self.group.map(GroupedJson::grouped).transpose()?,
            linked: self.linked.into_iter().map(|list| list.into_iter().map(ResourceId).collect()).collect(),
            course: self.course.map(CourseJson::course).transpose()?,
        })
    }
}

impl GroupedJson {
    fn grouped(self) -> Decoded<Grouped> {
        let field = |name: &String| {
            PolicyField::named(name).ok_or_else(|| Malformed(format!("{name:?} is no field of a policy")))
        };
        Ok(Grouped { id: ResourceId(self.id), own: self.own.iter().map(field).collect::<Decoded<_>>()? })
    }
}

/// Spans are microseconds, as everywhere in the store.
#[derive(Serialize, Deserialize)]
struct PolicyJson {
    hold_at: String,
    hold_ttl: i64,
    setup: i64,
    teardown: i64,
    closed: bool,
    approval: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pending_takes: bool,
    own_overlap: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    opening_hours: Vec<HoursJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    book_from: Option<CutoffJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    book_by: Option<CutoffJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change_by: Option<CutoffJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancel_by: Option<CutoffJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_cancel_from: Option<CutoffJson>,
    /// How long before the start it opens, how long after it closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_in: Option<(i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remind_before: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_max: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credits: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    eligibility: Vec<RequirementJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waitlist: Option<WaitlistJson>,
}

#[derive(Serialize, Deserialize)]
struct QuotaJson {
    most: u32,
    /// Left out where units are counted, as they were when nothing else was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counts: Option<String>,
    period: String,
    scope: String,
}

impl QuotaJson {
    fn of(quota: Quota) -> QuotaJson {
        QuotaJson {
            most: quota.most,
            counts: (quota.counts != Measure::Units).then(|| measure_name(quota.counts).into()),
            period: period_name(quota.period).into(),
            scope: quota_scope_name(quota.scope).into(),
        }
    }

    fn quota(self) -> Decoded<Quota> {
        let counts = self.counts.map_or(Ok(Measure::Units), |name| measure_named(&name))?;
        let (period, scope) = (period_named(&self.period)?, quota_scope_named(&self.scope)?);
        Ok(Quota { most: self.most, counts, period, scope })
    }
}

#[derive(Serialize, Deserialize)]
struct RequirementJson {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    all: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    any: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    none: Vec<String>,
}

impl RequirementJson {
    fn of(requirement: &Requirement) -> RequirementJson {
        let Requirement { all, any, none } = requirement.clone();
        RequirementJson { all, any, none }
    }

    fn requirement(self) -> Requirement {
        Requirement { all: self.all, any: self.any, none: self.none }
    }
}

impl PolicyJson {
    fn of(policy: &Policy) -> PolicyJson {
        PolicyJson {
            hold_at: hold_at_name(policy.hold_at).into(),
            hold_ttl: policy.hold_ttl.0,
            setup: policy.setup.0,
            teardown: policy.teardown.0,
            closed: policy.closed,
            approval: policy.approval,
            pending_takes: policy.pending_takes,
            own_overlap: own_overlap_name(policy.own_overlap).into(),
            opening_hours: policy.opening_hours.iter().map(HoursJson::of).collect(),
            book_from: policy.book_from.map(CutoffJson::of),
            book_by: policy.book_by.map(CutoffJson::of),
            change_by: policy.change_by.map(CutoffJson::of),
            cancel_by: policy.cancel_by.map(CutoffJson::of),
            late_cancel_from: policy.late_cancel_from.map(CutoffJson::of),
            check_in: policy.check_in.map(|c| (c.opens.0, c.closes.0)),
            remind_before: policy.remind_before.map(|span| span.0),
            duration_max: policy.duration_max.map(|span| span.0),
            quota: policy.quota.map(QuotaJson::of),
            credits: policy.credits,
            eligibility: policy.eligibility.iter().map(RequirementJson::of).collect(),
            waitlist: policy.waitlist.map(WaitlistJson::of),
        }
    }

    fn policy(self) -> Decoded<Policy> {
        let cutoff = |cutoff: Option<CutoffJson>| cutoff.map(CutoffJson::cutoff).transpose();
        Ok(Policy {
            hold_at: hold_at_named(&self.hold_at)?,
            hold_ttl: Span(self.hold_ttl),
            setup: Span(self.setup),
            teardown: Span(self.teardown),
            closed: self.closed,
            approval: self.approval,
            pending_takes: self.pending_takes,
            own_overlap: own_overlap_named(&self.own_overlap)?,
            opening_hours: self.opening_hours.into_iter().map(HoursJson::hours).collect::<Decoded<_>>()?,
            book_from: cutoff(self.book_from)?,
            book_by: cutoff(self.book_by)?,
            change_by: cutoff(self.change_by)?,
            cancel_by: cutoff(self.cancel_by)?,
            late_cancel_from: cutoff(self.late_cancel_from)?,
            check_in: self.check_in.map(|(opens, closes)| CheckIn { opens: Span(opens), closes: Span(closes) }),
            remind_before: self.remind_before.map(Span),
            duration_max: self.duration_max.map(Span),
            quota: self.quota.map(QuotaJson::quota).transpose()?,
            credits: self.credits,
            eligibility: self.eligibility.into_iter().map(RequirementJson::requirement).collect(),
            waitlist: self.waitlist.map(WaitlistJson::waitlist).transpose()?,
        })
    }
}

/// With a time to live it offers, without one it books.
#[derive(Serialize, Deserialize)]
struct WaitlistJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offer_ttl: Option<i64>,
    fill: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
}

impl WaitlistJson {
    fn of(waitlist: Waitlist) -> WaitlistJson {
        let offer_ttl = match waitlist.mode {
            WaitMode::Book => None,
            WaitMode::Offer { ttl } => Some(ttl.0),
        };
        WaitlistJson { offer_ttl, fill: wait_fill_name(waitlist.fill).into(), capacity: waitlist.capacity }
    }

    fn waitlist(self) -> Decoded<Waitlist> {
        let mode = self.offer_ttl.map_or(WaitMode::Book, |ttl| WaitMode::Offer { ttl: Span(ttl) });
        Ok(Waitlist { mode, fill: wait_fill_named(&self.fill)?, capacity: self.capacity })
    }
}

/// Days count from 1, Monday, to 7.
#[derive(Serialize, Deserialize)]
struct HoursJson {
    days: Vec<i8>,
    from_min: u16,
    to_min: u16,
}

impl HoursJson {
    fn of(hours: &OpeningHours) -> HoursJson {
        let days = hours.days.days().map(|day| day.to_monday_one_offset()).collect();
        HoursJson { days, from_min: hours.from_min, to_min: hours.to_min }
    }

    fn hours(self) -> Decoded<OpeningHours> {
        let day = |n: i8| {
            jiff::civil::Weekday::from_monday_one_offset(n).map_err(|_| Malformed(format!("{n} is no day of the week")))
        };
        let days = self.days.into_iter().map(day).collect::<Decoded<Weekdays>>()?;
        Ok(OpeningHours { days, from_min: self.from_min, to_min: self.to_min })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CutoffJson {
    Elapsed(i64),
    Civil { days_before: u16, at: String },
    At(i64),
}

impl CutoffJson {
    fn of(cutoff: Cutoff) -> CutoffJson {
        match cutoff {
            Cutoff::Elapsed(span) => CutoffJson::Elapsed(span.0),
            Cutoff::Civil { days_before, at } => CutoffJson::Civil { days_before, at: at.to_string() },
            Cutoff::At(at) => CutoffJson::At(at.0),
        }
    }

    fn cutoff(self) -> Decoded<Cutoff> {
        Ok(match self {
            CutoffJson::Elapsed(span) => Cutoff::Elapsed(Span(span)),
            CutoffJson::At(at) => Cutoff::At(Instant(at)),
            CutoffJson::Civil { days_before, at } => {
                let at = at.parse().map_err(|_| Malformed(format!("{at:?} is no time of day")))?;
                Cutoff::Civil { days_before, at }
            }
        })
    }
}

// Decisions

#[derive(Serialize, Deserialize)]
enum OutcomeBin {
    Booked,
    Accepted,
    Rejected(RejectionBin),
    RejectedAsked(RejectionBin, AskedBin),
    /// Of a series: with what was said of each date.
    Dated(Box<OutcomeBin>, Vec<DateBin>),
}

impl OutcomeBin {
    fn of(outcome: &Outcome, asked: Option<AskedBin>, dates: &[DateSaid]) -> OutcomeBin {
        let of = match (outcome, asked) {
            (Outcome::Booked, _) => OutcomeBin::Booked,
            (Outcome::Accepted, _) => OutcomeBin::Accepted,
            (Outcome::Rejected(rejection), None) => OutcomeBin::Rejected(RejectionBin::of(rejection)),
            (Outcome::Rejected(rejection), Some(asked)) => {
                OutcomeBin::RejectedAsked(RejectionBin::of(rejection), asked)
            }
        };
        match dates {
            [] => of,
            dates => OutcomeBin::Dated(Box::new(of), dates.iter().map(DateBin::of).collect()),
        }
    }

    fn outcome(self) -> Decoded<(Outcome, Option<AskedBin>, Vec<DateSaid>)> {
        Ok(match self {
            OutcomeBin::Booked => (Outcome::Booked, None, Vec::new()),
            OutcomeBin::Accepted => (Outcome::Accepted, None, Vec::new()),
            OutcomeBin::Rejected(rejection) => (Outcome::Rejected(rejection.rejection()?), None, Vec::new()),
            OutcomeBin::RejectedAsked(rejection, asked) => {
                (Outcome::Rejected(rejection.rejection()?), Some(asked), Vec::new())
            }
            OutcomeBin::Dated(outcome, dates) => match *outcome {
                OutcomeBin::Dated(..) => return Err(Malformed("dates within dates".into())),
                OutcomeBin::Booked | OutcomeBin::Accepted | OutcomeBin::Rejected(_) | OutcomeBin::RejectedAsked(..) => {
                    let (outcome, asked, _) = outcome.outcome()?;
                    (outcome, asked, dates.into_iter().map(DateBin::date).collect::<Decoded<_>>()?)
                }
            },
        })
    }
}

/// What was said of one date of a series.
#[derive(Serialize, Deserialize)]
struct DateBin {
    place: u16,
    given: GivenBin,
    met: MetBin,
    at: During,
    became: BecameBin,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum MetBin {
    Once,
    Shifted,
    First,
}

#[derive(Serialize, Deserialize)]
enum BecameBin {
    Booked(Id),
    Elsewhere(Id, During),
    Free,
    Refused(RejectionBin),
    Changed(Id),
    Untouched(Id),
}

impl DateBin {
    fn of(said: &DateSaid) -> DateBin {
        let id = |id: BookingId| Id::from(id.0);
        DateBin {
            place: said.place,
            given: GivenBin::of(said.given),
            met: match said.met {
                Met::Once => MetBin::Once,
                Met::Shifted => MetBin::Shifted,
                Met::First => MetBin::First,
            },
            at: During::of(said.interval),
            became: match &said.became {
                Became::Booked(booking) => BecameBin::Booked(id(*booking)),
                Became::Elsewhere(booking, at) => BecameBin::Elsewhere(id(*booking), During::of(*at)),
                Became::Free => BecameBin::Free,
                Became::Refused(rejection) => BecameBin::Refused(RejectionBin::of(rejection)),
                Became::Changed(booking) => BecameBin::Changed(id(*booking)),
                Became::Untouched(booking) => BecameBin::Untouched(id(*booking)),
            },
        }
    }

    fn date(self) -> Decoded<DateSaid> {
        let booking = |id: Id| BookingId(id.into());
        Ok(DateSaid {
            place: self.place,
            given: self.given.given()?,
            met: match self.met {
                MetBin::Once => Met::Once,
                MetBin::Shifted => Met::Shifted,
                MetBin::First => Met::First,
            },
            interval: self.at.interval()?,
            became: match self.became {
                BecameBin::Booked(id) => Became::Booked(booking(id)),
                BecameBin::Elsewhere(id, at) => Became::Elsewhere(booking(id), at.interval()?),
                BecameBin::Free => Became::Free,
                BecameBin::Refused(rejection) => Became::Refused(rejection.rejection()?),
                BecameBin::Changed(id) => Became::Changed(booking(id)),
                BecameBin::Untouched(id) => Became::Untouched(booking(id)),
            },
        })
    }
}

/// What was asked for; resources by their place in the entry.
#[derive(Serialize, Deserialize)]
struct AskedBin {
    owner: Option<Id>,
    bookings: Vec<Id>,
    lines: Vec<(u16, Option<During>, u32)>,
}

impl AskedBin {
    fn of(asked: &Asked, place: &mut impl FnMut(ResourceId) -> u16) -> Option<AskedBin> {
        let mut line = |l: &Line| (place(l.resource), l.interval.map(During::of), l.units);
        (!asked.is_empty()).then(|| AskedBin {
            owner: asked.owner.map(|id| id.0.into()),
            bookings: asked.bookings.iter().map(|id| id.0.into()).collect(),
            lines: asked.lines.iter().map(&mut line).collect(),
        })
    }

    fn asked(self, named: impl Fn(u16) -> Decoded<ResourceId>) -> Decoded<Asked> {
        let line = |(place, at, units): (u16, Option<During>, u32)| {
            Ok(Line { resource: named(place)?, interval: at.map(During::interval).transpose()?, units })
        };
        Ok(Asked {
            owner: self.owner.map(|id| PersonId(id.into())),
            bookings: self.bookings.into_iter().map(|id| BookingId(id.into())).collect(),
            lines: self.lines.into_iter().map(line).collect::<Decoded<_>>()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
enum SubjectBin {
    Booking(Id),
    Hold(Id, Id),
    Resource(Id),
    Block(Id, Id),
    Bookings(Id, Id),
    Entry(Id, Id),
    Series(Id),
}

impl SubjectBin {
    fn of(subject: Subject) -> SubjectBin {
        match subject {
            Subject::Booking(id) => SubjectBin::Booking(id.0.into()),
            Subject::Bookings(one, other) => SubjectBin::Bookings(one.0.into(), other.0.into()),
            Subject::Hold(resource, id) => SubjectBin::Hold(resource.0.into(), id.0.into()),
            Subject::Resource(id) => SubjectBin::Resource(id.0.into()),
            Subject::Block(resource, id) => SubjectBin::Block(resource.0.into(), id.0.into()),
            Subject::Entry(resource, id) => SubjectBin::Entry(resource.0.into(), id.0.into()),
            Subject::Series(id) => SubjectBin::Series(id.0.into()),
        }
    }

    fn subject(self) -> Subject {
        match self {
            SubjectBin::Booking(id) => Subject::Booking(BookingId(id.into())),
            SubjectBin::Bookings(one, other) => Subject::Bookings(BookingId(one.into()), BookingId(other.into())),
            SubjectBin::Hold(resource, id) => Subject::Hold(ResourceId(resource.into()), HoldId(id.into())),
            SubjectBin::Resource(id) => Subject::Resource(ResourceId(id.into())),
            SubjectBin::Block(resource, id) => Subject::Block(ResourceId(resource.into()), BlockId(id.into())),
            SubjectBin::Entry(resource, id) => Subject::Entry(ResourceId(resource.into()), EntryId(id.into())),
            SubjectBin::Series(id) => Subject::Series(SeriesId(id.into())),
        }
    }
}

/// Codes and rules are named, since their order is their precedence and may change.
#[derive(Serialize, Deserialize)]
struct RejectionBin {
    code: String,
    rule: Option<String>,
    field: Option<String>,
    witness: Option<WitnessBin>,
    resource: Option<Id>,
    retry_at: Option<i64>,
}

impl RejectionBin {
    fn of(rejection: &Rejection) -> RejectionBin {
        RejectionBin {
            code: rejection.code.name().into(),
            rule: rejection.rule.map(|rule| rule_name(rule).into()),
            field: match rejection.rule {
                Some(Rule::Field(field)) => Some(field.into()),
                _ => None,
            },
            witness: rejection.witness.map(WitnessBin::of),
            resource: rejection.resource.map(|id| id.0.into()),
            retry_at: rejection.retry_at.map(|t| t.0),
        }
    }

    fn rejection(self) -> Decoded<Rejection> {
        Ok(Rejection {
            code: Code::named(&self.code).ok_or_else(|| Malformed(format!("{:?} is no code", self.code)))?,
            rule: rule_of(self.rule.as_deref(), self.field.as_deref())?,
            witness: self.witness.map(WitnessBin::witness).transpose()?,
            resource: self.resource.map(|id| ResourceId(id.into())),
            retry_at: self.retry_at.map(Instant),
        })
    }
}

#[derive(Serialize, Deserialize)]
enum WitnessBin {
    Booking {
        id: Id,
        owner: Id,
        at: During,
    },
    Hold {
        id: Id,
        holder: Id,
        at: During,
        expires_at: i64,
    },
    Block {
        id: Id,
        at: During,
    },
    Instant(i64),
    Waiting {
        id: Id,
        place: u32,
    },
    Quota {
        of: Id,
        counted: u64,
        most: u32,
        period: Option<At>,
    },
    Requirement(u16),
    Linked(u16),
    /// Of a quota that counts credits, in hundredths.
    Credits {
        of: Id,
        counted: u64,
        most: u32,
        period: Option<At>,
    },
}

impl WitnessBin {
    fn of(witness: Witness) -> WitnessBin {
        let during = During::of;
        match witness {
            Witness::Booking { id, owner, interval } => {
                WitnessBin::Booking { id: id.0.into(), owner: owner.0.into(), at: during(interval) }
            }
            Witness::Hold { id, holder, interval, expires_at } => WitnessBin::Hold {
                id: id.0.into(),
                holder: holder.0.into(),
                at: during(interval),
                expires_at: expires_at.0,
            },
            Witness::Block { id, interval } => WitnessBin::Block { id: id.0.into(), at: during(interval) },
            Witness::Instant(t) => WitnessBin::Instant(t.0),
            Witness::Waiting { id, place } => WitnessBin::Waiting { id: id.0.into(), place },
            Witness::Quota { of, counted, most, counts, period } => {
                let (of, period) = (of.0.into(), period.map(|(from, to)| (from.0, to.0)));
                match counts {
                    Measure::Units => WitnessBin::Quota { of, counted, most, period },
                    Measure::Credits => WitnessBin::Credits { of, counted, most, period },
                }
            }
            Witness::Requirement { place } => WitnessBin::Requirement(place),
            Witness::Linked { place } => WitnessBin::Linked(place),
        }
    }

    fn witness(self) -> Decoded<Witness> {
        let quota = |counts, of: Id, counted, most, period: Option<At>| Witness::Quota {
            of: ResourceId(of.into()),
            counted,
            most,
            counts,
            period: period.map(|(from, to)| (Instant(from), Instant(to))),
        };
        Ok(match self {
            WitnessBin::Booking { id, owner, at } => {
                Witness::Booking { id: BookingId(id.into()), owner: PersonId(owner.into()), interval: at.interval()? }
            }
            WitnessBin::Hold { id, holder, at, expires_at } => Witness::Hold {
                id: HoldId(id.into()),
                holder: PersonId(holder.into()),
                interval: at.interval()?,
                expires_at: Instant(expires_at),
            },
            WitnessBin::Block { id, at } => Witness::Block { id: BlockId(id.into()), interval: at.interval()? },
            WitnessBin::Instant(t) => Witness::Instant(Instant(t)),
            WitnessBin::Waiting { id, place } => Witness::Waiting { id: EntryId(id.into()), place },
            WitnessBin::Quota { of, counted, most, period } => quota(Measure::Units, of, counted, most, period),
            WitnessBin::Credits { of, counted, most, period } => quota(Measure::Credits, of, counted, most, period),
            WitnessBin::Requirement(place) => Witness::Requirement { place },
            WitnessBin::Linked(place) => Witness::Linked { place },
        })
    }
}
