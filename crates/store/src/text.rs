//! What a store holds as lines of JSON that people can read: ids as UUIDs, instants as RFC 3339, everything by its name.
//! It reads no file and judges nothing; whether a line is what was written, the hashes say.
//!
//! The types of the domain are mirrored one by one, as in [`crate::codec`]. A field is never renamed or given another meaning; what
//! older programs could not read gets the next [`FORMAT`].

use crate::codec::{self, Malformed, Said};
use crate::commit::{Commit, Entry, EntryRecord, Place};
use crate::embedded::Everything;
use crate::record::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use slotwise_domain::recurrence::Given;
use slotwise_domain::{
    Asked, AttemptKey, Became, Block, BlockId, BookingId, Change, Code, Counts, DateSaid, Decision, Details, Displacer,
    EndedEntry, EndedHold, EntryId, Epoch, Exceptions, Facts, FencingToken, Fingerprint, Guest, Hold, HoldId, Instant,
    Interval, Line as LineOf, Measure, Occurrence, Outcome, PartId, PersonId, Rejection, Resource, ResourceId, Rule,
    Seen, SeriesId, Slot, Span, Subject, Version, WaitEntry, Wants, Witness,
};
use slotwise_engine::doors::{Account, AccountPatch, Subject as AtProvider};
use slotwise_engine::{Listed, PersonCard, Plan, Recorded};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// The form that is written of a journal that one writer wrote.
pub const FORMAT: u32 = 1;
/// Of one that several wrote: each commit says whose it is and where among all.
pub const FORMAT_OF_SEVERAL: u32 = 2;

type Decoded<T> = Result<T, Malformed>;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    Person(Box<PersonText>),
    Key(KeyText),
    Commit(CommitText),
    End(EndText),
}

/// The first line: of which store, and where its journal ends.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderText {
    pub slotwise_export: u32,
    pub made_at: When,
    pub made_by: String,
    pub writer: Uuid,
    pub epoch: u32,
    pub epoch_began: Option<When>,
    pub number: u64,
    pub hash: Hex,
}

/// The last line: how much is before it, and the hash of the last commit once more.
#[derive(Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndText {
    pub people: u64,
    pub keys: u64,
    pub commits: u64,
    pub attempts: u64,
    pub hash: Hex,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonText {
    pub id: Uuid,
    pub name: String,
    pub title: String,
    pub role: String,
    pub suspended: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<FactsText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountText>,
    /// Resources and groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manages: Vec<Uuid>,
}

impl PersonText {
    pub(crate) fn of(everything: Everything) -> PersonText {
        let Everything { listed: Listed { card, external_id, email }, suspended, facts, plan, account, manages } =
            everything;
        let PersonCard { id, name, title, role } = card;
        let (role, facts) = (codec::role_name(role).into(), facts.map(FactsText::of));
        let plan = (plan.1 > 0).then(|| PlanText::of(plan));
        let (account, manages) = (account.map(AccountText::of), manages.into_iter().map(|id| id.0).collect());
        PersonText { id: id.0, name, title, role, suspended, external_id, email, facts, plan, account, manages }
    }
}

/// The sections that somebody means to take, line by line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanText {
    pub version: u64,
    pub lines: Vec<Vec<Uuid>>,
}

impl PlanText {
    pub(crate) fn of((plan, version): (Plan, u64)) -> PlanText {
        PlanText { version, lines: plan.into_iter().map(|line| line.into_iter().map(|id| id.0).collect()).collect() }
    }

    pub(crate) fn plan(self) -> (Plan, u64) {
        let lines = self.lines.into_iter().map(|line| line.into_iter().map(ResourceId).collect());
        (lines.collect(), self.version)
    }
}

/// How somebody signs in. Their password is here as its slow hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub language: String,
    pub zone: String,
}

impl AccountText {
    pub(crate) fn of(account: Account) -> AccountText {
        let Account { person: _, login, password, subject, language, zone } = account;
        let (issuer, subject) = subject.map(|s| (s.issuer, s.subject)).unzip();
        AccountText { login, password, issuer, subject, language, zone }
    }

    pub(crate) fn patch(self) -> AccountPatch {
        let subject = self.issuer.zip(self.subject).map(|(issuer, subject)| AtProvider { issuer, subject });
        let AccountText { login, password, language, zone, .. } = self;
        AccountPatch { login, password, subject, language: Some(language), zone: Some(zone) }
    }
}

/// What is known of a person.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactsText {
    pub version: u64,
    pub tags: BTreeSet<String>,
    /// Units by the id of a group or a resource.
    pub allowances: BTreeMap<Uuid, u32>,
}

impl FactsText {
    pub(crate) fn of((facts, version): (Facts, u64)) -> FactsText {
        let allowances = facts.allowances.into_iter().map(|(of, most)| (of.0, most)).collect();
        FactsText { version, tags: facts.tags, allowances }
    }

    pub(crate) fn facts(self) -> (Facts, u64) {
        let allowances = self.allowances.into_iter().map(|(of, most)| (ResourceId(of), most)).collect();
        (Facts { tags: self.tags, allowances }, self.version)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyText {
    pub secret_sha256: Hex,
    pub person: Uuid,
    pub label: String,
    /// Left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<u8>,
    /// When it ends, in microseconds since 1970; left out: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

// Small things

/// An instant as RFC 3339 with microseconds.
#[derive(Clone, Copy)]
pub(crate) struct When(pub Instant);

impl Serialize for When {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:.6}", self.0.timestamp()))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<When, D::Error> {
        let t: jiff::Timestamp = String::deserialize(from)?.parse().map_err(de::Error::custom)?;
        Ok(When(Instant(t.as_microsecond())))
    }
}

/// A hash in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex(pub Hash);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Hex, D::Error> {
        let text = String::deserialize(from)?;
        let digit = |c: u8| char::from(c).to_digit(16).map(|d| d as u8);
        let bytes: Option<Vec<u8>> = match text.as_bytes().as_chunks::<2>() {
            (pairs, []) => pairs.iter().map(|[a, b]| Some(digit(*a)? << 4 | digit(*b)?)).collect(),
            _ => None,
        };
        let hash = bytes.and_then(|bytes| bytes.try_into().ok());
        hash.map(Hex).ok_or_else(|| de::Error::custom(format!("{text:?} is no SHA-256 in hexadecimal")))
    }
}

/// A stretch of time, and what is taken around it for setting up and clearing down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct During {
    start: When,
    end: When,
}

impl During {
    fn of(interval: Interval) -> During {
        During { start: When(interval.start()), end: When(interval.end()) }
    }

    fn interval(&self) -> Decoded<Interval> {
        Interval::new(self.start.0, self.end.0).map_err(|e| Malformed(format!("start and end: {e}")))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionText {
    epoch: u32,
    number: u64,
}

impl VersionText {
    const fn of(v: Version) -> VersionText {
        VersionText { epoch: v.epoch.0, number: v.number }
    }

    const fn version(&self) -> Version {
        Version { epoch: Epoch(self.epoch), number: self.number }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceVersion {
    resource: Uuid,
    epoch: u32,
    number: u64,
}

fn versions(versions: &[(ResourceId, Version)]) -> Vec<ResourceVersion> {
    let text = |(id, v): &(ResourceId, Version)| ResourceVersion { resource: id.0, epoch: v.epoch.0, number: v.number };
    versions.iter().map(text).collect()
}

fn versions_back(versions: Vec<ResourceVersion>) -> Vec<(ResourceId, Version)> {
    let back = |v: ResourceVersion| (ResourceId(v.resource), Version { epoch: Epoch(v.epoch), number: v.number });
    versions.into_iter().map(back).collect()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyVersion {
    resource: Uuid,
    policy_version: u64,
}

// Commits

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommitText {
    /// Where it is among the commits of several writers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<PlaceText>,
    number: u64,
    hash: Hex,
    epoch: u32,
    at: When,
    attempts: Vec<AttemptText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    said: Vec<SaidText>,
}

impl CommitText {
    pub fn of(place: Option<Place>, commit: &Commit, said: &Said) -> CommitText {
        CommitText {
            place: place.map(|Place { writer, stamp, id }| PlaceText { writer, stamp: When(Instant(stamp)), id }),
            number: commit.number,
            hash: Hex(commit.hash),
            epoch: commit.epoch.0,
            at: When(commit.at),
            attempts: commit.entries.iter().map(AttemptText::of).collect(),
            said: said.iter().map(SaidText::of).collect(),
        }
    }

    /// Where it is among the commits of several writers.
    pub fn place(&self) -> Option<Place> {
        self.place.as_ref().map(|p| Place { writer: p.writer, stamp: p.stamp.0.0, id: p.id })
    }

    /// The commit, its bookings not folded, with what people said in it.
    pub fn commit(self) -> Decoded<(Commit, Said)> {
        let epoch = Epoch(self.epoch);
        let entries = self.attempts.into_iter().map(|a| a.entry(epoch)).collect::<Decoded<_>>()?;
        let said = self.said.into_iter().map(SaidText::said).collect();
        Ok((Commit { number: self.number, epoch, at: self.at.0, hash: self.hash.0, entries }, said))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceText {
    writer: Uuid,
    stamp: When,
    id: Uuid,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttemptText {
    key: Uuid,
    /// Nil is the system.
    actor: Uuid,
    fingerprint: Hex,
    command: String,
    outcome: OutcomeText,
    /// Of a series: what was said of each date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dates: Vec<DateText>,
    subject: Option<SubjectText>,
    decided_at: When,
    seen: Option<SeenText>,
    observed: Vec<ResourceVersion>,
    decided: Vec<ResourceVersion>,
    policies: Vec<PolicyVersion>,
    /// Of a refusal, what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<AskedText>,
    records: Vec<RecordText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedText {
    /// For whom, if not for whoever asked.
    owner: Option<Uuid>,
    bookings: Vec<Uuid>,
    lines: Vec<LineText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineText {
    resource: Uuid,
    at: Option<During>,
    units: u32,
}

impl AskedText {
    fn of(asked: &Asked) -> Option<AskedText> {
        let line = |l: &LineOf| LineText { resource: l.resource.0, at: l.interval.map(During::of), units: l.units };
        (!asked.is_empty()).then(|| AskedText {
            owner: asked.owner.map(|id| id.0),
            bookings: asked.bookings.iter().map(|id| id.0).collect(),
            lines: asked.lines.iter().map(line).collect(),
        })
    }

    fn asked(self) -> Decoded<Asked> {
        let line = |l: LineText| {
            let interval = l.at.map(|at| at.interval()).transpose()?;
            Ok(LineOf { resource: ResourceId(l.resource), interval, units: l.units })
        };
        Ok(Asked {
            owner: self.owner.map(PersonId),
            bookings: self.bookings.into_iter().map(BookingId).collect(),
            lines: self.lines.into_iter().map(line).collect::<Decoded<_>>()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenText {
    version: VersionText,
    as_of: When,
}

impl AttemptText {
    fn of(entry: &Entry) -> AttemptText {
        let Recorded { key, fingerprint, decision } = &*entry.recorded;
        let seen = |seen: Seen| SeenText { version: VersionText::of(seen.version), as_of: When(seen.as_of) };
        let policy = |(id, v): &(ResourceId, u64)| PolicyVersion { resource: id.0, policy_version: *v };
        AttemptText {
            key: key.key,
            actor: key.actor,
            fingerprint: Hex(fingerprint.0),
            command: entry.command.to_string(),
            outcome: OutcomeText::of(&decision.outcome),
            dates: decision.dates.iter().map(DateText::of).collect(),
            subject: decision.subject.map(SubjectText::of),
            decided_at: When(decision.decided_at),
            seen: decision.seen.map(seen),
            observed: versions(&decision.observed),
            decided: versions(&decision.decided),
            policies: decision.policies.iter().map(policy).collect(),
            asked: AskedText::of(&decision.asked),
            records: entry.records.iter().map(RecordText::of).collect(),
        }
    }

    fn entry(self, epoch: Epoch) -> Decoded<Entry> {
        let decision = Decision {
            outcome: self.outcome.outcome()?,
            dates: self.dates.into_iter().map(DateText::date).collect::<Decoded<_>>()?,
            subject: self.subject.map(SubjectText::subject),
            decided_at: self.decided_at.0,
            seen: self.seen.map(|s| Seen { version: s.version.version(), as_of: s.as_of.0 }),
            observed: versions_back(self.observed),
            decided: versions_back(self.decided),
            policies: self.policies.into_iter().map(|p| (ResourceId(p.resource), p.policy_version)).collect(),
            asked: self.asked.map(AskedText::asked).transpose()?.unwrap_or_default(),
        };
        let key = AttemptKey { part: PartId::DEFAULT, actor: self.actor, key: self.key };
        let recorded = Arc::new(Recorded { key, fingerprint: Fingerprint(self.fingerprint.0), decision });
        let records = self.records.into_iter().map(|r| r.record(epoch)).collect::<Decoded<_>>()?;
        Ok(Entry { recorded, command: self.command.into(), records, bookings: Vec::new() })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordText {
    resource: Uuid,
    /// The version's; its epoch is the commit's.
    number: u64,
    /// The commit of the record before it.
    previous: u64,
    hash: Hex,
    changes: Vec<ChangeText>,
}

impl RecordText {
    fn of(record: &EntryRecord) -> RecordText {
        RecordText {
            resource: record.resource.0,
            number: record.version.number,
            previous: record.previous,
            hash: Hex(record.hash),
            changes: record.changes.iter().map(ChangeText::of).collect(),
        }
    }

    fn record(self, epoch: Epoch) -> Decoded<EntryRecord> {
        let resource = ResourceId(self.resource);
        Ok(EntryRecord {
            resource,
            version: Version { epoch, number: self.number },
            previous: self.previous,
            hash: self.hash.0,
            changes: self.changes.into_iter().map(|c| c.change(resource)).collect::<Decoded<_>>()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidText {
    /// The attempt's place in the commit, from 0.
    place: u32,
    booking: Uuid,
    title: Option<String>,
    purpose: Option<String>,
    people: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    guests: Vec<GuestText>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    private: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum GuestText {
    Person(Uuid),
    Named(String),
}

impl GuestText {
    fn of(guest: Guest) -> GuestText {
        match guest {
            Guest::Person(id) => GuestText::Person(id.0),
            Guest::Named(name) => GuestText::Named(name),
        }
    }

    fn guest(self) -> Guest {
        match self {
            GuestText::Person(id) => Guest::Person(PersonId(id)),
            GuestText::Named(name) => Guest::Named(name),
        }
    }
}

impl SaidText {
    fn of((place, booking, details): &(u32, BookingId, Details)) -> SaidText {
        let Details { title, purpose, people, guests, private } = details.clone();
        let guests = guests.into_iter().map(GuestText::of).collect();
        SaidText { place: *place, booking: booking.0, title, purpose, people, guests, private }
    }

    fn said(self) -> (u32, BookingId, Details) {
        let guests = self.guests.into_iter().map(GuestText::guest).collect();
        let (title, purpose) = (self.title, self.purpose);
        let details = Details { title, purpose, people: self.people, guests, private: self.private };
        (self.place, BookingId(self.booking), details)
    }
}

// Decisions

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeText {
    Booked,
    Accepted,
    Rejected(RejectionText),
}

impl OutcomeText {
    fn of(outcome: &Outcome) -> OutcomeText {
        match outcome {
            Outcome::Booked => OutcomeText::Booked,
            Outcome::Accepted => OutcomeText::Accepted,
            Outcome::Rejected(rejection) => OutcomeText::Rejected(RejectionText::of(rejection)),
        }
    }

    fn outcome(self) -> Decoded<Outcome> {
        Ok(match self {
            OutcomeText::Booked => Outcome::Booked,
            OutcomeText::Accepted => Outcome::Accepted,
            OutcomeText::Rejected(rejection) => Outcome::Rejected(rejection.rejection()?),
        })
    }
}

/// A civil time from when to when.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenText {
    start: String,
    end: String,
}

impl GivenText {
    fn of(given: Given) -> GivenText {
        GivenText { start: given.start.to_string(), end: given.end.to_string() }
    }

    fn given(&self) -> Decoded<Given> {
        Ok(Given { start: codec::civil_time(&self.start)?, end: codec::civil_time(&self.end)? })
    }
}

/// What was said of one date of a series.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DateText {
    place: u16,
    given: GivenText,
    met: String,
    at: During,
    became: BecameText,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum BecameText {
    Booked(Uuid),
    Elsewhere { booking: Uuid, at: During },
    Free,
    Refused(RejectionText),
    Changed(Uuid),
    Untouched(Uuid),
}

impl DateText {
    fn of(said: &DateSaid) -> DateText {
        DateText {
            place: said.place,
            given: GivenText::of(said.given),
            met: codec::met_name(said.met).into(),
            at: During::of(said.interval),
            became: match &said.became {
                Became::Booked(id) => BecameText::Booked(id.0),
                Became::Elsewhere(id, at) => BecameText::Elsewhere { booking: id.0, at: During::of(*at) },
                Became::Free => BecameText::Free,
                Became::Refused(rejection) => BecameText::Refused(RejectionText::of(rejection)),
                Became::Changed(id) => BecameText::Changed(id.0),
                Became::Untouched(id) => BecameText::Untouched(id.0),
            },
        }
    }

    fn date(self) -> Decoded<DateSaid> {
        Ok(DateSaid {
            place: self.place,
            given: self.given.given()?,
            met: codec::met_named(&self.met)?,
            interval: self.at.interval()?,
            became: match self.became {
                BecameText::Booked(id) => Became::Booked(BookingId(id)),
                BecameText::Elsewhere { booking, at } => Became::Elsewhere(BookingId(booking), at.interval()?),
                BecameText::Free => Became::Free,
                BecameText::Refused(rejection) => Became::Refused(rejection.rejection()?),
                BecameText::Changed(id) => Became::Changed(BookingId(id)),
                BecameText::Untouched(id) => Became::Untouched(BookingId(id)),
            },
        })
    }
}

/// Which date of which series a booking is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OccurrenceText {
    series: Uuid,
    rule: String,
    zone: String,
    contract: String,
    place: u16,
    given: GivenText,
}

impl OccurrenceText {
    fn of(occurrence: &Occurrence) -> OccurrenceText {
        let series = &occurrence.series;
        OccurrenceText {
            series: series.id.0,
            rule: series.rule.clone(),
            zone: series.zone.name().into(),
            contract: series.contract.name().into(),
            place: occurrence.place,
            given: GivenText::of(occurrence.given),
        }
    }

    fn occurrence(self) -> Decoded<Occurrence> {
        let series = Arc::new(codec::series_of(self.series, self.rule, &self.zone, &self.contract)?);
        Ok(Occurrence { series, place: self.place, given: self.given.given()? })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RejectionText {
    code: String,
    rule: Option<String>,
    field: Option<String>,
    witness: Option<WitnessText>,
    resource: Option<Uuid>,
    retry_at: Option<When>,
}

impl RejectionText {
    fn of(rejection: &Rejection) -> RejectionText {
        RejectionText {
            code: rejection.code.name().into(),
            rule: rejection.rule.map(|rule| codec::rule_name(rule).into()),
            field: match rejection.rule {
                Some(Rule::Field(field)) => Some(field.into()),
                _ => None,
            },
            witness: rejection.witness.map(WitnessText::of),
            resource: rejection.resource.map(|id| id.0),
            retry_at: rejection.retry_at.map(When),
        }
    }

    fn rejection(self) -> Decoded<Rejection> {
        Ok(Rejection {
            code: Code::named(&self.code).ok_or_else(|| Malformed(format!("{:?} is no code", self.code)))?,
            rule: codec::rule_of(self.rule.as_deref(), self.field.as_deref())?,
            witness: self.witness.map(WitnessText::witness).transpose()?,
            resource: self.resource.map(ResourceId),
            retry_at: self.retry_at.map(|t| t.0),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum WitnessText {
    Booking {
        id: Uuid,
        owner: Uuid,
        at: During,
    },
    Hold {
        id: Uuid,
        holder: Uuid,
        at: During,
        expires_at: When,
    },
    Block {
        id: Uuid,
        at: During,
    },
    Instant(When),
    Waiting {
        id: Uuid,
        place: u32,
    },
    Quota {
        of: Uuid,
        counted: u64,
        most: u32,
        /// Left out where units are counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counts: Option<String>,
        period: Option<(When, When)>,
    },
    Requirement(u16),
    Linked(u16),
}

impl WitnessText {
    fn of(witness: Witness) -> WitnessText {
        let at = During::of;
        match witness {
            Witness::Booking { id, owner, interval } => {
                WitnessText::Booking { id: id.0, owner: owner.0, at: at(interval) }
            }
            Witness::Hold { id, holder, interval, expires_at } => {
                WitnessText::Hold { id: id.0, holder: holder.0, at: at(interval), expires_at: When(expires_at) }
            }
            Witness::Block { id, interval } => WitnessText::Block { id: id.0, at: at(interval) },
            Witness::Instant(t) => WitnessText::Instant(When(t)),
            Witness::Waiting { id, place } => WitnessText::Waiting { id: id.0, place },
            Witness::Quota { of, counted, most, counts, period } => {
                let counts = (counts != Measure::Units).then(|| codec::measure_name(counts).into());
                let period = period.map(|(from, to)| (When(from), When(to)));
                WitnessText::Quota { of: of.0, counted, most, counts, period }
            }
            Witness::Requirement { place } => WitnessText::Requirement(place),
            Witness::Linked { place } => WitnessText::Linked(place),
        }
    }

    fn witness(self) -> Decoded<Witness> {
        Ok(match self {
            WitnessText::Booking { id, owner, at } => {
                Witness::Booking { id: BookingId(id), owner: PersonId(owner), interval: at.interval()? }
            }
            WitnessText::Hold { id, holder, at, expires_at } => Witness::Hold {
                id: HoldId(id),
                holder: PersonId(holder),
                interval: at.interval()?,
                expires_at: expires_at.0,
            },
            WitnessText::Block { id, at } => Witness::Block { id: BlockId(id), interval: at.interval()? },
            WitnessText::Instant(t) => Witness::Instant(t.0),
            WitnessText::Waiting { id, place } => Witness::Waiting { id: EntryId(id), place },
            WitnessText::Quota { of, counted, most, counts, period } => {
                let counts = counts.map_or(Ok(Measure::Units), |name| codec::measure_named(&name))?;
                let period = period.map(|(from, to)| (from.0, to.0));
                Witness::Quota { of: ResourceId(of), counted, most, counts, period }
            }
            WitnessText::Requirement(place) => Witness::Requirement { place },
            WitnessText::Linked(place) => Witness::Linked { place },
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum SubjectText {
    Booking(Uuid),
    Bookings(Uuid, Uuid),
    Hold { resource: Uuid, id: Uuid },
    Resource(Uuid),
    Block { resource: Uuid, id: Uuid },
    Entry { resource: Uuid, id: Uuid },
    Series(Uuid),
}

impl SubjectText {
    const fn of(subject: Subject) -> SubjectText {
        match subject {
            Subject::Booking(id) => SubjectText::Booking(id.0),
            Subject::Bookings(one, other) => SubjectText::Bookings(one.0, other.0),
            Subject::Hold(resource, id) => SubjectText::Hold { resource: resource.0, id: id.0 },
            Subject::Resource(id) => SubjectText::Resource(id.0),
            Subject::Block(resource, id) => SubjectText::Block { resource: resource.0, id: id.0 },
            Subject::Entry(resource, id) => SubjectText::Entry { resource: resource.0, id: id.0 },
            Subject::Series(id) => SubjectText::Series(id.0),
        }
    }

    const fn subject(self) -> Subject {
        match self {
            SubjectText::Booking(id) => Subject::Booking(BookingId(id)),
            SubjectText::Bookings(one, other) => Subject::Bookings(BookingId(one), BookingId(other)),
            SubjectText::Hold { resource, id } => Subject::Hold(ResourceId(resource), HoldId(id)),
            SubjectText::Resource(id) => Subject::Resource(ResourceId(id)),
            SubjectText::Block { resource, id } => Subject::Block(ResourceId(resource), BlockId(id)),
            SubjectText::Entry { resource, id } => Subject::Entry(ResourceId(resource), EntryId(id)),
            SubjectText::Series(id) => Subject::Series(SeriesId(id)),
        }
    }
}

// Changes

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ChangeText {
    ResourceCreated(ResourceText),
    ResourceEdited(ResourceText),
    BlockAdded(BlockText),
    BlockRemoved(BlockText),
    BookingMade {
        id: Uuid,
        owner: Uuid,
        pending: bool,
        slots: Vec<SlotText>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurrence: Option<OccurrenceText>,
    },
    BookingApproved {
        id: Uuid,
        owner: Uuid,
        slots: Vec<SlotText>,
    },
    BookingCancelled {
        id: Uuid,
        owner: Uuid,
        was_pending: bool,
        slots: Vec<SlotText>,
        by: Uuid,
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
    },
    BookingMoved {
        id: Uuid,
        owner: Uuid,
        revision: u64,
        pending: bool,
        from: Vec<SlotText>,
        to: Vec<SlotText>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurrence: Option<OccurrenceText>,
    },
    BookingEdited {
        id: Uuid,
        owner: Uuid,
        revision: u64,
    },
    HoldGranted(HoldText),
    HoldRenewed(HoldText),
    HoldEnded {
        end: String,
        hold: HoldText,
    },
    WaitJoined(EntryText),
    WaitOffered(EntryText),
    WaitResumed(EntryText),
    WaitMoved(EntryText),
    WaitEnded {
        end: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        booking: Option<Uuid>,
        entry: EntryText,
    },
    WaitDue {
        at: Option<When>,
    },
    BookingRequested {
        id: Uuid,
        owner: Uuid,
        slots: Vec<SlotText>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurrence: Option<OccurrenceText>,
    },
    RequestApproved {
        id: Uuid,
        owner: Uuid,
    },
    BookingCheckedIn {
        id: Uuid,
        owner: Uuid,
    },
    BookingNoShow {
        id: Uuid,
        owner: Uuid,
        from: Vec<SlotText>,
        to: Vec<SlotText>,
        at: When,
    },
    BookingDisplaced {
        id: Uuid,
        owner: Uuid,
        was_pending: bool,
        slots: Vec<SlotText>,
        by: Uuid,
        reason: String,
        by_what: DisplacerText,
    },
    BookingHandedOver {
        id: Uuid,
        from: Uuid,
        to: Uuid,
        pending: bool,
        slots: Vec<SlotText>,
        reason: String,
    },
    BookingOverrode {
        id: Uuid,
        owner: Uuid,
        reason: String,
    },
    CapacitySet {
        resource: ResourceText,
        used: u64,
        seen_used: Option<u32>,
        over_commit: u32,
        reason: Option<String>,
    },
    ServiceSet {
        resource: ResourceText,
        reason: String,
    },
    Reasoned {
        reason: String,
    },
    OverCommitLowered {
        to: u32,
    },
    Reminded {
        id: Uuid,
        owner: Uuid,
        cutoff: When,
    },
    HoldOverrode {
        id: Uuid,
        holder: Uuid,
        until: Option<When>,
        reason: String,
    },
}

/// For what a booking was displaced.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DisplacerText {
    Booking(Uuid),
    Block(Uuid),
    Capacity(Uuid),
}

impl DisplacerText {
    const fn of(by_what: Displacer) -> DisplacerText {
        match by_what {
            Displacer::Booking(id) => DisplacerText::Booking(id.0),
            Displacer::Block(id) => DisplacerText::Block(id.0),
            Displacer::Capacity(id) => DisplacerText::Capacity(id.0),
        }
    }

    const fn displacer(self) -> Displacer {
        match self {
            DisplacerText::Booking(id) => Displacer::Booking(BookingId(id)),
            DisplacerText::Block(id) => Displacer::Block(BlockId(id)),
            DisplacerText::Capacity(id) => Displacer::Capacity(ResourceId(id)),
        }
    }
}

impl ChangeText {
    fn of(change: &Change) -> ChangeText {
        let slots = |slots: &[(u16, Slot)]| slots.iter().map(SlotText::of).collect();
        match change {
            Change::ResourceCreated(r) => ChangeText::ResourceCreated(ResourceText::of(r)),
            Change::ResourceEdited(r) => ChangeText::ResourceEdited(ResourceText::of(r)),
            Change::BlockAdded { block, policy_version } => {
                ChangeText::BlockAdded(BlockText::of(block, *policy_version))
            }
            Change::BlockRemoved { block, policy_version } => {
                ChangeText::BlockRemoved(BlockText::of(block, *policy_version))
            }
            Change::BookingMade { booking, owner, pending, slots: s, occurrence } => ChangeText::BookingMade {
                id: booking.0,
                owner: owner.0,
                pending: *pending,
                slots: slots(s),
                occurrence: occurrence.as_ref().map(OccurrenceText::of),
            },
            Change::BookingApproved { booking, owner, slots: s } => {
                ChangeText::BookingApproved { id: booking.0, owner: owner.0, slots: slots(s) }
            }
            Change::BookingCancelled { booking, owner, was_pending, slots: s, by, reason, late } => {
                ChangeText::BookingCancelled {
                    id: booking.0,
                    owner: owner.0,
                    was_pending: *was_pending,
                    slots: slots(s),
                    by: by.uuid(),
                    reason: reason.clone(),
                    late: *late,
                }
            }
            Change::BookingMoved { booking, owner, revision, pending, from, to, occurrence } => {
                ChangeText::BookingMoved {
                    id: booking.0,
                    owner: owner.0,
                    revision: *revision,
                    pending: *pending,
                    from: slots(from),
                    to: slots(to),
                    occurrence: occurrence.as_ref().map(OccurrenceText::of),
                }
            }
            Change::BookingEdited { booking, owner, revision } => {
                ChangeText::BookingEdited { id: booking.0, owner: owner.0, revision: *revision }
            }
            Change::HoldGranted(hold) => ChangeText::HoldGranted(HoldText::of(hold)),
            Change::HoldRenewed(hold) => ChangeText::HoldRenewed(HoldText::of(hold)),
            Change::HoldEnded(EndedHold { hold, end }) => {
                ChangeText::HoldEnded { end: codec::hold_end_name(*end).into(), hold: HoldText::of(hold) }
            }
            Change::WaitJoined(entry) => ChangeText::WaitJoined(EntryText::of(entry)),
            Change::WaitOffered(entry) => ChangeText::WaitOffered(EntryText::of(entry)),
            Change::WaitResumed(entry) => ChangeText::WaitResumed(EntryText::of(entry)),
            Change::WaitMoved(entry) => ChangeText::WaitMoved(EntryText::of(entry)),
            Change::WaitEnded(EndedEntry { entry, end }) => ChangeText::WaitEnded {
                end: end.name().into(),
                booking: codec::promoted_to(*end).map(|id| id.0),
                entry: EntryText::of(entry),
            },
            Change::WaitDue(at) => ChangeText::WaitDue { at: at.map(When) },
            Change::BookingRequested { booking, owner, slots: s, occurrence } => ChangeText::BookingRequested {
                id: booking.0,
                owner: owner.0,
                slots: slots(s),
                occurrence: occurrence.as_ref().map(OccurrenceText::of),
            },
            Change::RequestApproved { booking, owner } => ChangeText::RequestApproved { id: booking.0, owner: owner.0 },
            Change::BookingCheckedIn { booking, owner } => {
                ChangeText::BookingCheckedIn { id: booking.0, owner: owner.0 }
            }
            Change::BookingNoShow { booking, owner, from, to, at } => ChangeText::BookingNoShow {
                id: booking.0,
                owner: owner.0,
                from: slots(from),
                to: slots(to),
                at: When(*at),
            },
            Change::BookingDisplaced { booking, owner, was_pending, slots: s, by, reason, by_what } => {
                ChangeText::BookingDisplaced {
                    id: booking.0,
                    owner: owner.0,
                    was_pending: *was_pending,
                    slots: slots(s),
                    by: by.uuid(),
                    reason: reason.clone(),
                    by_what: DisplacerText::of(*by_what),
                }
            }
            Change::BookingHandedOver { booking, from, to, pending, slots: s, reason } => {
                ChangeText::BookingHandedOver {
                    id: booking.0,
                    from: from.0,
                    to: to.0,
                    pending: *pending,
                    slots: slots(s),
                    reason: reason.clone(),
                }
            }
            Change::HoldOverrode { hold, holder, until, reason } => ChangeText::HoldOverrode {
                id: hold.0,
                holder: holder.0,
                until: until.map(When),
                reason: reason.clone(),
            },
            Change::BookingOverrode { booking, owner, reason } => {
                ChangeText::BookingOverrode { id: booking.0, owner: owner.0, reason: reason.clone() }
            }
            Change::CapacitySet { resource, used, seen_used, over_commit, reason } => ChangeText::CapacitySet {
                resource: ResourceText::of(resource),
                used: *used,
                seen_used: *seen_used,
                over_commit: *over_commit,
                reason: reason.clone(),
            },
            Change::ServiceSet { resource, reason } => {
                ChangeText::ServiceSet { resource: ResourceText::of(resource), reason: reason.clone() }
            }
            Change::Reasoned { reason } => ChangeText::Reasoned { reason: reason.clone() },
            Change::OverCommitLowered { to } => ChangeText::OverCommitLowered { to: *to },
            Change::Reminded { booking, owner, cutoff } => {
                ChangeText::Reminded { id: booking.0, owner: owner.0, cutoff: When(*cutoff) }
            }
        }
    }

    fn change(self, resource: ResourceId) -> Decoded<Change> {
        let slots = |slots: Vec<SlotText>| slots.into_iter().map(|s| s.slot(resource)).collect::<Decoded<Vec<_>>>();
        let (booking, person) = (BookingId, PersonId);
        Ok(match self {
            ChangeText::ResourceCreated(r) => Change::ResourceCreated(Arc::new(r.resource(resource)?)),
            ChangeText::ResourceEdited(r) => Change::ResourceEdited(Arc::new(r.resource(resource)?)),
            ChangeText::BlockAdded(b) => Change::BlockAdded { policy_version: b.policy_version, block: b.block()? },
            ChangeText::BlockRemoved(b) => Change::BlockRemoved { policy_version: b.policy_version, block: b.block()? },
            ChangeText::BookingMade { id, owner, pending, slots: s, occurrence } => Change::BookingMade {
                booking: booking(id),
                owner: person(owner),
                pending,
                slots: slots(s)?,
                occurrence: occurrence.map(OccurrenceText::occurrence).transpose()?,
            },
            ChangeText::BookingApproved { id, owner, slots: s } => {
                Change::BookingApproved { booking: booking(id), owner: person(owner), slots: slots(s)? }
            }
            ChangeText::BookingCancelled { id, owner, was_pending, slots: s, by, reason, late } => {
                Change::BookingCancelled {
                    booking: booking(id),
                    owner: person(owner),
                    was_pending,
                    slots: slots(s)?,
                    by: codec::actor(by),
                    reason,
                    late,
                }
            }
            ChangeText::BookingMoved { id, owner, revision, pending, from, to, occurrence } => Change::BookingMoved {
                booking: booking(id),
                owner: person(owner),
                revision,
                pending,
                from: slots(from)?,
                to: slots(to)?,
                occurrence: occurrence.map(OccurrenceText::occurrence).transpose()?,
            },
            ChangeText::BookingEdited { id, owner, revision } => {
                Change::BookingEdited { booking: booking(id), owner: person(owner), revision }
            }
            ChangeText::HoldGranted(hold) => Change::HoldGranted(hold.hold(resource)?),
            ChangeText::HoldRenewed(hold) => Change::HoldRenewed(hold.hold(resource)?),
            ChangeText::HoldEnded { end, hold } => {
                Change::HoldEnded(EndedHold { hold: hold.hold(resource)?, end: codec::hold_end_named(&end)? })
            }
            ChangeText::WaitJoined(entry) => Change::WaitJoined(entry.entry(resource)?),
            ChangeText::WaitOffered(entry) => Change::WaitOffered(entry.entry(resource)?),
            ChangeText::WaitResumed(entry) => Change::WaitResumed(entry.entry(resource)?),
            ChangeText::WaitMoved(entry) => Change::WaitMoved(entry.entry(resource)?),
            ChangeText::WaitEnded { end, booking, entry } => Change::WaitEnded(EndedEntry {
                entry: entry.entry(resource)?,
                end: codec::entry_end_of(&end, booking.map(BookingId))?,
            }),
            ChangeText::WaitDue { at } => Change::WaitDue(at.map(|at| at.0)),
            ChangeText::BookingRequested { id, owner, slots: s, occurrence } => Change::BookingRequested {
                booking: booking(id),
                owner: person(owner),
                slots: slots(s)?,
                occurrence: occurrence.map(OccurrenceText::occurrence).transpose()?,
            },
            ChangeText::RequestApproved { id, owner } => {
                Change::RequestApproved { booking: booking(id), owner: person(owner) }
            }
            ChangeText::BookingCheckedIn { id, owner } => {
                Change::BookingCheckedIn { booking: booking(id), owner: person(owner) }
            }
            ChangeText::BookingNoShow { id, owner, from, to, at } => Change::BookingNoShow {
                booking: booking(id),
                owner: person(owner),
                from: slots(from)?,
                to: slots(to)?,
                at: at.0,
            },
            ChangeText::BookingDisplaced { id, owner, was_pending, slots: s, by, reason, by_what } => {
                Change::BookingDisplaced {
                    booking: booking(id),
                    owner: person(owner),
                    was_pending,
                    slots: slots(s)?,
                    by: codec::actor(by),
                    reason,
                    by_what: by_what.displacer(),
                }
            }
            ChangeText::BookingHandedOver { id, from, to, pending, slots: s, reason } => Change::BookingHandedOver {
                booking: booking(id),
                from: person(from),
                to: person(to),
                pending,
                slots: slots(s)?,
                reason,
            },
            ChangeText::HoldOverrode { id, holder, until, reason } => Change::HoldOverrode {
                hold: HoldId(id),
                holder: person(holder),
                until: until.map(|until| until.0),
                reason,
            },
            ChangeText::BookingOverrode { id, owner, reason } => {
                Change::BookingOverrode { booking: booking(id), owner: person(owner), reason }
            }
            ChangeText::CapacitySet { resource: r, used, seen_used, over_commit, reason } => {
                Change::CapacitySet { resource: Arc::new(r.resource(resource)?), used, seen_used, over_commit, reason }
            }
            ChangeText::ServiceSet { resource: r, reason } => {
                Change::ServiceSet { resource: Arc::new(r.resource(resource)?), reason }
            }
            ChangeText::Reasoned { reason } => Change::Reasoned { reason },
            ChangeText::OverCommitLowered { to } => Change::OverCommitLowered { to },
            ChangeText::Reminded { id, owner, cutoff } => {
                Change::Reminded { booking: booking(id), owner: person(owner), cutoff: cutoff.0 }
            }
        })
    }
}

/// What an admin says of a resource, as the store keeps it: JSON with names, times in microseconds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceText {
    policy_version: u64,
    spec: Value,
}

impl ResourceText {
    fn of(resource: &Resource) -> ResourceText {
        let spec = codec::encode_spec(&resource.spec).ok().and_then(|spec| serde_json::from_str(&spec).ok());
        ResourceText { policy_version: resource.policy_version, spec: spec.unwrap_or_default() }
    }

    fn resource(self, id: ResourceId) -> Decoded<Resource> {
        let spec = codec::decode_spec(&self.spec.to_string())?;
        let known: Value = serde_json::from_str(&codec::encode_spec(&spec)?)?;
        match known == self.spec {
            true => Ok(Resource { id, spec, policy_version: self.policy_version }),
            false => Err(Malformed("spec: it says something that is not known here".into())),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockText {
    id: Uuid,
    at: During,
    reason: String,
    policy_version: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except_people: Vec<Uuid>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except_bookings: Vec<Uuid>,
}

impl BlockText {
    fn of(block: &Block, policy_version: u64) -> BlockText {
        BlockText {
            id: block.id.0,
            at: During::of(block.interval),
            reason: block.reason.clone(),
            policy_version,
            except_people: block.exceptions.people.iter().map(|id| id.0).collect(),
            except_bookings: block.exceptions.bookings.iter().map(|id| id.0).collect(),
        }
    }

    fn block(self) -> Decoded<Block> {
        let exceptions = Exceptions {
            people: self.except_people.into_iter().map(PersonId).collect(),
            bookings: self.except_bookings.into_iter().map(BookingId).collect(),
        };
        Ok(Block { id: BlockId(self.id), interval: self.at.interval()?, reason: self.reason, exceptions })
    }
}

/// Time taken around an interval, in microseconds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Around {
    before_us: i64,
    after_us: i64,
}

impl Around {
    const fn of(interval: Interval, occupied: Interval) -> Around {
        Around {
            before_us: interval.start().since(occupied.start()).0,
            after_us: occupied.end().since(interval.end()).0,
        }
    }

    const fn occupied(&self, interval: Interval) -> Interval {
        interval.widened(Span(self.before_us), Span(self.after_us))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotText {
    /// In the booking, from 0.
    place: u16,
    at: During,
    around: Around,
    units: u32,
    own_overlap: String,
    /// The group or resource under whose quota it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota: Option<Uuid>,
    /// What each unit is worth, in hundredths of a credit; only where there is a quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credits: Option<u16>,
}

impl SlotText {
    fn of((place, slot): &(u16, Slot)) -> SlotText {
        SlotText {
            place: *place,
            at: During::of(slot.interval),
            around: Around::of(slot.interval, slot.occupied),
            units: slot.units,
            own_overlap: codec::own_overlap_name(slot.own_overlap).into(),
            quota: slot.quota.map(|counts| counts.of.0),
            credits: slot.quota.map(|counts| counts.credits),
        }
    }

    fn slot(self, resource: ResourceId) -> Decoded<(u16, Slot)> {
        let interval = self.at.interval()?;
        let (occupied, own_overlap) = (self.around.occupied(interval), codec::own_overlap_named(&self.own_overlap)?);
        let quota = self.quota.map(|of| Counts { of: ResourceId(of), credits: self.credits.unwrap_or(0) });
        Ok((self.place, Slot { resource, interval, occupied, units: self.units, own_overlap, quota }))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldText {
    id: Uuid,
    token: VersionText,
    /// Which grant of its version it is, if not the first.
    #[serde(default, skip_serializing_if = "is_first")]
    place: u16,
    holder: Uuid,
    at: During,
    around: Around,
    units: u32,
    granted_at: When,
    expires_at: When,
    renewals: u32,
    /// The waitlist entry that it is an offer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offer: Option<Uuid>,
}

fn is_first(place: &u16) -> bool {
    *place == 0
}

impl HoldText {
    fn of(hold: &Hold) -> HoldText {
        HoldText {
            id: hold.id.0,
            token: VersionText::of(hold.token.0),
            place: hold.token.1,
            holder: hold.holder.0,
            at: During::of(hold.interval),
            around: Around::of(hold.interval, hold.occupied),
            units: hold.units,
            granted_at: When(hold.granted_at),
            expires_at: When(hold.expires_at),
            renewals: hold.renewals,
            offer: hold.offer.map(|id| id.0),
        }
    }

    fn hold(self, resource: ResourceId) -> Decoded<Hold> {
        let interval = self.at.interval()?;
        Ok(Hold {
            id: HoldId(self.id),
            token: FencingToken(self.token.version(), self.place),
            holder: PersonId(self.holder),
            resource,
            interval,
            occupied: self.around.occupied(interval),
            units: self.units,
            granted_at: self.granted_at.0,
            expires_at: self.expires_at.0,
            renewals: self.renewals,
            offer: self.offer.map(EntryId),
        })
    }
}

/// A place in a waitlist.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    id: Uuid,
    owner: Uuid,
    /// Nil is the system.
    made_by: Uuid,
    at: During,
    units: u32,
    /// `word`; units if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wants: Option<String>,
    class: u8,
    joined: VersionText,
    joined_at: When,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gives_up: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offer: Option<Uuid>,
    offers: u8,
}

impl EntryText {
    fn of(entry: &WaitEntry) -> EntryText {
        EntryText {
            id: entry.id.0,
            owner: entry.owner.0,
            made_by: entry.made_by.uuid(),
            at: During::of(entry.interval),
            units: entry.units,
            wants: Some(entry.wants).filter(|w| *w != Wants::Units).map(|w| w.name().into()),
            class: entry.class,
            joined: VersionText::of(entry.joined),
            joined_at: When(entry.joined_at),
            gives_up: entry.gives_up.map(|id| id.0),
            offer: entry.offer.map(|id| id.0),
            offers: entry.offers,
        }
    }

    fn entry(self, resource: ResourceId) -> Decoded<WaitEntry> {
        Ok(WaitEntry {
            id: EntryId(self.id),
            owner: PersonId(self.owner),
            made_by: codec::actor(self.made_by),
            resource,
            interval: self.at.interval()?,
            units: self.units,
            wants: self.wants.as_deref().map(codec::wants_named).transpose()?.unwrap_or_default(),
            class: self.class,
            joined: self.joined.version(),
            joined_at: self.joined_at.0,
            gives_up: self.gives_up.map(BookingId),
            offer: self.offer.map(HoldId),
            offers: self.offers,
        })
    }
}
