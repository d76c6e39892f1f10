//! Why an attempt ended as it did: what the screen showed, what happened between, what was true at the decision, in sentences and as a
//! sequence diagram. It is made from the record alone, shows what its reader may know, and judges nothing.

pub mod diagram;
pub mod words;

use crate::api::bookings::state_after;
use crate::problem::{Shown, at_text};
use crate::wire::{VersionBody, time};
use diagram::{ASKER, Diagram, Ends, SYSTEM};
use serde::Serialize;
use serde_json::{Map, Value, json};
use slotwise_domain::decide::free_units;
use slotwise_domain::{
    BookingId, Calendar, Change, Command, HoldEnd, Instant, Interval, Kind, Line, Outcome, PersonId, Resource,
    ResourceId, Seen, Slot, Version, Witness, Zone,
};
use slotwise_engine::{Attempt, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;
use words::{clock, command_words, during, first_upper, happened, lower, span};

/// Records of one resource that an explanation looks back on.
pub const RECORDS_MAX: u64 = 200;
/// Steps of one resource that an explanation tells.
const STEPS_MAX: usize = 20;

/// What the record says of an attempt.
#[derive(Clone, Debug)]
pub struct Case {
    /// The attempt.
    pub attempt: Attempt,
    /// What it touched, as it was decided.
    pub touched: Vec<Touched>,
}

/// A resource that an attempt touched.
#[derive(Clone, Debug)]
pub struct Touched {
    /// As it is now.
    pub resource: Arc<Resource>,
    /// The version it was decided at, or made.
    pub decided: Version,
    /// As it was when the screen was drawn, if it is known what the screen showed of it.
    pub screen: Option<Calendar>,
    /// Its last records up to the decision, at most [`RECORDS_MAX`], in order.
    pub records: Vec<Record>,
}

/// Whether a booking waited for approval when a record was made, as far as the records before it say.
fn waits_then(touched: &Touched, record: &Record, booking: BookingId) -> bool {
    let before = touched.records.iter().take_while(|r| r.version < record.version).flat_map(|r| &r.changes);
    let last = before.filter(|change| change.booking() == Some(booking)).filter_map(state_after).last();
    last == Some("pending")
}

/// Who reads an explanation.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    /// Who; nobody in particular for whoever has the data folder.
    pub id: Option<PersonId>,
    /// Whether they may know all.
    pub admin: bool,
    /// Names of people; whoever is missing is forgotten, or was never known.
    pub names: &'a BTreeMap<PersonId, String>,
    /// Bookings of which they may not know whose they are: private ones of others, and what was only asked for.
    pub hidden: &'a BTreeSet<BookingId>,
}

/// Something that was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AskedBody {
    /// Which resource.
    pub resource: Uuid,
    /// Its name.
    pub name: String,
    /// From.
    pub start: Option<String>,
    /// Until.
    pub end: Option<String>,
    /// How many units; 0 for a block.
    pub units: u32,
    /// The resource's zone.
    pub zone: String,
}

/// What the screen showed of a resource.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScreenBody {
    /// The version it stated: raised by a restore.
    pub epoch: u32,
    /// Raised by every change.
    pub version: u64,
    /// The instant it stated.
    pub as_of: String,
    /// Whether it showed what was asked for as free; null if that cannot be told any more.
    #[schema(required = true)]
    pub free: Option<bool>,
    /// How long before the decision that was, in milliseconds.
    pub age_ms: i64,
}

/// Something that happened to a resource.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExplainedStep {
    /// The version it made: raised by a restore.
    pub epoch: u32,
    /// Raised by every change.
    pub version: u64,
    /// When it was decided.
    pub decided_at: String,
    /// `booked`, `requested`, `approved`, `cancelled`, `moved`, `edited`, `held`, `renewed`, `hold_ended`, `created`, `changed`,
    /// `blocked` or `unblocked`.
    pub what: &'static str,
    /// Who, where the reader may know: `you`, or a name.
    #[schema(required = true)]
    pub who: Option<String>,
    /// From.
    pub start: Option<String>,
    /// Until.
    pub end: Option<String>,
    /// Whether this attempt did it.
    pub this_attempt: bool,
    /// Whether it is what made the refusal true.
    pub decisive: bool,
    /// Whether it came after what the screen showed; null if that is not known.
    #[schema(required = true)]
    pub after_screen: Option<bool>,
    /// The attempt that did it, for whoever sent it and admins.
    pub attempt: Option<Uuid>,
    /// It in a sentence.
    pub text: String,
}

/// What happened to a resource on the way to the decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExplainedResource {
    /// Which.
    pub resource: Uuid,
    /// Its name.
    pub name: String,
    /// What the screen showed of it, if the request said so.
    #[schema(required = true)]
    pub screen: Option<ScreenBody>,
    /// What the request was first looked at against.
    #[schema(required = true)]
    pub observed: Option<VersionBody>,
    /// What it was decided at, or made.
    pub decided: VersionBody,
    /// The policy version in force at the decision.
    #[schema(required = true)]
    pub policy_version: Option<u64>,
    /// What happened, oldest first: what has to do with what was asked for, at most the last 20.
    pub steps: Vec<ExplainedStep>,
    /// Other changes between the screen, or the first look, and the decision, that had nothing to do with it.
    pub unrelated: u64,
    /// There are earlier changes that are not looked back on.
    pub more: bool,
}

/// A sentence, with what it is made of: for other languages.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SentenceBody {
    /// Which sentence.
    pub key: &'static str,
    /// What stands in it.
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    /// In English.
    pub text: String,
}

/// A sequence diagram.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DiagramBody {
    /// For a terminal.
    pub text: String,
    /// For whatever draws mermaid.
    pub mermaid: String,
}

/// Why an attempt ended as it did.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What was asked for.
    pub asked: Vec<AskedBody>,
    /// What happened on the way.
    pub resources: Vec<ExplainedResource>,
    /// In words.
    pub sentences: Vec<SentenceBody>,
    /// As a picture.
    pub diagram: DiagramBody,
}

/// What an attempt wanted, whether it was had or not.
pub fn wanted(attempt: &Attempt) -> Vec<Line> {
    let decision = &attempt.recorded.decision;
    if !decision.asked.lines.is_empty() {
        return decision.asked.lines.clone();
    }
    let mut lines: Vec<Line> = Vec::new();
    let changes = attempt.records.iter().flat_map(|r| r.changes.iter().map(move |change| (r.resource, change)));
    for (resource, change) in changes {
        let line = |slot: &Slot| Line { resource, interval: Some(slot.interval), units: slot.units };
        match change {
            Change::BookingMade { slots, .. }
            | Change::BookingApproved { slots, .. }
            | Change::BookingCancelled { slots, .. }
            | Change::BookingRequested { slots, .. }
            | Change::BookingNoShow { from: slots, .. }
            | Change::BookingHandedOver { slots, .. }
            | Change::BookingMoved { to: slots, .. } => lines.extend(slots.iter().map(|(_, slot)| line(slot))),
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => {
                lines.push(Line { resource, interval: Some(hold.interval), units: hold.units });
            }
            Change::BlockAdded { block, .. } | Change::BlockRemoved { block, .. } => {
                lines.push(Line { resource, interval: Some(block.interval), units: 0 });
            }
            // What an override displaces is not what it wanted.
            Change::HoldEnded(_)
            | Change::HoldOverrode { .. }
            | Change::BookingDisplaced { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingEdited { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::WaitDue(_)
            | Change::Reminded { .. } => {}
            Change::WaitJoined(_)
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitEnded(_) => {
                let entry = change.entry().map(|(entry, _)| entry);
                lines.extend(entry.map(|e| Line { resource, interval: Some(e.interval), units: e.units }));
            }
        }
    }
    lines
}

/// The resource that the screen of an attempt was of: what was refused, or the first that was asked for.
pub fn on_screen(attempt: &Attempt) -> Option<ResourceId> {
    let decision = &attempt.recorded.decision;
    let refused = match &decision.outcome {
        Outcome::Rejected(rejection) => rejection.resource,
        Outcome::Booked | Outcome::Accepted => None,
    };
    let first = || wanted(attempt).first().map(|line| line.resource);
    refused.or_else(first).or_else(|| decision.decided.first().map(|(id, _)| *id))
}

/// Every booking of which an explanation may say whose it is.
pub fn bookings(case: &Case) -> BTreeSet<BookingId> {
    case.touched.iter().flat_map(|t| &t.records).flat_map(|r| &r.changes).filter_map(Change::booking).collect()
}

/// Everybody whose name an explanation may need.
pub fn people(case: &Case) -> BTreeSet<PersonId> {
    let decision = &case.attempt.recorded.decision;
    let mut people: BTreeSet<PersonId> = decision.asked.owner.into_iter().collect();
    people.insert(PersonId(case.attempt.recorded.key.actor));
    if let Outcome::Rejected(rejection) = &decision.outcome
        && let Some(Witness::Booking { owner, .. }) = rejection.witness
    {
        people.insert(owner);
    }
    for record in case.touched.iter().flat_map(|t| &t.records) {
        people.extend(record.actor.person());
        people.extend(record.changes.iter().flat_map(|c| c.about_before().into_iter().chain(c.about())));
    }
    people
}

/// Explains a case to a reader. `shown` is its refusal as that reader may see it.
pub fn explain(case: &Case, reader: &Reader, shown: Option<&Shown>) -> Explanation {
    let lines = wanted(&case.attempt);
    let zone = zone_of(case);
    let asker = PersonId(case.attempt.recorded.key.actor);
    let mut teller = Teller {
        case,
        reader,
        zone: &zone,
        voice: Voice::of(reader, asker),
        sentences: Vec::new(),
        diagram: Diagram::new(""),
        lines: &lines,
    };
    teller.diagram = Diagram::new(&teller.voice.who);
    let asked: Vec<AskedBody> = lines.iter().map(|line| teller.asked_body(line)).collect();
    teller.tell_asked();
    let resources: Vec<ExplainedResource> = case.touched.iter().map(|touched| teller.resource(touched)).collect();
    teller.draw(&resources);
    teller.tell_decided(&resources, shown);
    let diagram = DiagramBody { text: teller.diagram.text(), mermaid: teller.diagram.mermaid() };
    Explanation { asked, resources, sentences: teller.sentences, diagram }
}

/// The zone that a case is told in: that of the first thing it is about.
pub fn zone_of(case: &Case) -> Zone {
    case.touched.first().map_or_else(Zone::utc, |t| t.resource.spec.zone.clone())
}

/// How whoever asked is spoken of.
struct Voice {
    who: String,
    whose: String,
}

impl Voice {
    fn of(reader: &Reader, asker: PersonId) -> Voice {
        if reader.id == Some(asker) {
            return Voice { who: "You".into(), whose: "Your".into() };
        }
        let who = match (asker.0.is_nil(), reader.names.get(&asker)) {
            (true, _) => "Slotwise itself".to_owned(),
            (false, Some(name)) => name.clone(),
            (false, None) => "Somebody".to_owned(),
        };
        Voice { whose: format!("{who}'s"), who }
    }
}

struct Teller<'a> {
    case: &'a Case,
    reader: &'a Reader<'a>,
    zone: &'a Zone,
    voice: Voice,
    sentences: Vec<SentenceBody>,
    diagram: Diagram,
    lines: &'a [Line],
}

impl Teller<'_> {
    fn say(&mut self, key: &'static str, params: Value, text: String) {
        let params = params.as_object().cloned().unwrap_or_default();
        self.sentences.push(SentenceBody { key, params, text });
    }

    fn decided_at(&self) -> Instant {
        self.case.attempt.recorded.decision.decided_at
    }

    fn name_of(&self, id: ResourceId) -> String {
        let touched = self.case.touched.iter().find(|t| t.resource.id == id);
        touched.map_or_else(|| "something".to_owned(), |t| t.resource.spec.name.clone())
    }

    fn asked_body(&self, line: &Line) -> AskedBody {
        let touched = self.case.touched.iter().find(|t| t.resource.id == line.resource);
        let spec = touched.map(|t| &t.resource.spec);
        let interval = line.interval.or_else(|| spec.and_then(|s| s.interval));
        AskedBody {
            resource: line.resource.0,
            name: self.name_of(line.resource),
            start: interval.map(|i| time(i.start())),
            end: interval.map(|i| time(i.end())),
            units: line.units,
            zone: spec.map_or("UTC", |s| s.zone.name()).to_owned(),
        }
    }

    fn interval_of(&self, line: &Line) -> Option<Interval> {
        let touched = self.case.touched.iter().find(|t| t.resource.id == line.resource)?;
        line.interval.or(touched.resource.spec.interval)
    }

    fn tell_asked(&mut self) {
        let asked = &self.case.attempt.recorded.decision.asked;
        let wish = |line: &Line| {
            let units = if line.units > 1 { format!("{} units of ", line.units) } else { String::new() };
            let when = self.interval_of(line).map(|i| format!(", {}", during(i, self.zone))).unwrap_or_default();
            format!("{units}{}{when}", self.name_of(line.resource))
        };
        // A series that was booked has more lines than anybody reads.
        let mut what = self.lines.iter().take(Command::LINES_MAX).map(wish).collect::<Vec<_>>().join("; ");
        if let more @ 1.. = self.lines.len().saturating_sub(Command::LINES_MAX) {
            what.push_str(&format!("; and {more} more"));
        }
        let on_behalf = match asked.owner.and_then(|id| self.reader.names.get(&id)) {
            Some(name) if self.reader.admin => format!(" for {name}"),
            _ => String::new(),
        };
        let command = command_words(&self.case.attempt.command);
        let of = if what.is_empty() { String::new() } else { format!(": {what} ({})", self.zone.name()) };
        let text = format!("{} asked to {command}{on_behalf}{of}.", self.voice.who);
        self.say("asked", json!({ "command": self.case.attempt.command, "what": what }), text);
    }

    /// One resource: the screen, what came after it, what it was decided at.
    fn resource(&mut self, touched: &Touched) -> ExplainedResource {
        let decision = &self.case.attempt.recorded.decision;
        let id = touched.resource.id;
        let of = |versions: &[(ResourceId, Version)]| versions.iter().find(|(of, _)| *of == id).map(|(_, v)| *v);
        let observed = of(&decision.observed);
        // What a screen states is about one resource: what was refused, or the first that was asked for.
        let seen = decision.seen.filter(|_| on_screen(&self.case.attempt) == Some(id));
        let screen = seen.map(|seen| self.screen(touched, seen));
        if let Some(screen) = &screen {
            self.tell_screen(touched, screen);
        }
        let since = seen.map(|s| s.version).or(observed);
        let mut steps = Vec::new();
        let mut unrelated = 0;
        for record in &touched.records {
            let after = since.is_none_or(|since| record.version > since);
            let own = record.attempt == self.case.attempt.recorded.key.key
                && record.actor.uuid() == self.case.attempt.recorded.key.actor;
            let mut related = false;
            for change in &record.changes {
                // Why something was done is no step of its own.
                if matches!(change, Change::Reasoned { .. }) {
                    continue;
                }
                let decisive = self.is_witness(change);
                // That a booking confirmed a hold tells who held it, and nothing that the booking does not.
                if !own && matches!(change, Change::HoldEnded(ended) if ended.end == HoldEnd::Consumed) {
                    related = true;
                    continue;
                }
                if own || decisive || (after && self.concerns(id, change)) {
                    steps.push(self.step(touched, record, change, own, decisive, seen));
                    related = true;
                }
            }
            unrelated += u64::from(after && !related);
        }
        let more = match (since, touched.records.first()) {
            (Some(since), Some(first)) => first.version.number > since.number + 1 && first.version > since,
            (_, _) => false,
        };
        let too_many = steps.len().saturating_sub(STEPS_MAX);
        unrelated += too_many as u64;
        steps.drain(..too_many);
        let behind = touched.records.iter().filter(|r| observed.is_some_and(|o| r.version > o));
        let own = |r: &&Record| r.attempt == self.case.attempt.recorded.key.key;
        let behind = behind.filter(|r| !own(r)).count();
        if behind > 0 {
            let changes = if behind == 1 { "one more change".to_owned() } else { format!("{behind} more changes") };
            let text = format!("{changes} of {} came between the first look at the request and its decision.", {
                &touched.resource.spec.name
            });
            self.say("observed_behind", json!({ "changes": behind, "resource": id.0 }), first_upper(&text));
        }
        ExplainedResource {
            resource: id.0,
            name: touched.resource.spec.name.clone(),
            screen,
            observed: observed.map(VersionBody::from),
            decided: touched.decided.into(),
            policy_version: decision.policies.iter().find(|(of, _)| *of == id).map(|(_, v)| *v),
            steps,
            unrelated,
            more,
        }
    }

    fn screen(&self, touched: &Touched, seen: Seen) -> ScreenBody {
        let asker = PersonId(self.case.attempt.recorded.key.actor);
        let free = touched.screen.as_ref().and_then(|calendar| {
            let mut lines = self.lines.iter().filter(|line| line.resource == touched.resource.id).peekable();
            lines.peek()?;
            let fits = |line: &Line| {
                let Some(interval) = line.interval.or(calendar.resource.spec.interval) else { return true };
                let taken = calendar.resource.spec.policy.occupied(interval);
                let blocked = calendar.blocks.values().any(|b| b.interval.meets(taken));
                let left = free_units(calendar, interval, Some(asker), seen.as_of);
                !blocked && left.is_none_or(|left| left >= line.units.max(1))
            };
            Some(lines.all(fits))
        });
        ScreenBody {
            epoch: seen.version.epoch.0,
            version: seen.version.number,
            as_of: time(seen.as_of),
            free,
            age_ms: self.decided_at().since(seen.as_of).0 / 1_000,
        }
    }

    fn tell_screen(&mut self, touched: &Touched, screen: &ScreenBody) {
        let Some(seen) = self.case.attempt.recorded.decision.seen else { return };
        let name = &touched.resource.spec.name;
        let at = clock(seen.as_of, self.zone);
        let params = json!({ "resource": touched.resource.id.0, "as_of": screen.as_of, "version": screen.version });
        let (key, says) = match screen.free {
            Some(true) => ("screen_free", format!("showed {name} free then")),
            Some(false) => ("screen_taken", format!("showed that {name} was not free then")),
            None => ("screen_unknown", format!("showed {name}; what it showed of it cannot be told any more")),
        };
        let text = format!("{} screen, drawn at {at} (version {}), {says}.", self.voice.whose, seen.version.number);
        self.say(key, params, text);
    }

    /// Whether a change has to do with what was asked for.
    fn concerns(&self, id: ResourceId, change: &Change) -> bool {
        let intervals: Vec<Interval> =
            self.lines.iter().filter(|l| l.resource == id).filter_map(|l| self.interval_of(l)).collect();
        let meets = |i: Interval| intervals.is_empty() || intervals.iter().any(|asked| asked.meets(i));
        let any = |slots: &[(u16, Slot)]| slots.iter().any(|(_, s)| meets(s.occupied));
        let named = |change: &Change| {
            change.booking().is_some_and(|b| self.case.attempt.recorded.decision.asked.bookings.contains(&b))
        };
        match change {
            Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. } => true,
            Change::OverCommitLowered { .. } => false,
            Change::BlockAdded { block, .. } | Change::BlockRemoved { block, .. } => meets(block.interval),
            Change::BookingMade { slots, .. }
            | Change::BookingApproved { slots, .. }
            | Change::BookingRequested { slots, .. }
            | Change::BookingNoShow { from: slots, .. }
            | Change::BookingDisplaced { slots, .. }
            | Change::BookingHandedOver { slots, .. }
            | Change::BookingCancelled { slots, .. } => any(slots) || named(change),
            Change::BookingMoved { from, to, .. } => any(from) || any(to) || named(change),
            Change::BookingEdited { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. } => named(change),
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => meets(hold.occupied),
            Change::HoldEnded(ended) => meets(ended.hold.occupied),
            // What became of the hold stands beside it.
            Change::HoldOverrode { .. } => false,
            Change::WaitJoined(_)
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitEnded(_) => change.entry().is_some_and(|(entry, _)| meets(entry.interval)),
            Change::WaitDue(_) | Change::Reminded { .. } | Change::Reasoned { .. } => false,
        }
    }

    /// Whether a change made what the refusal names.
    fn is_witness(&self, change: &Change) -> bool {
        let Outcome::Rejected(rejection) = &self.case.attempt.recorded.decision.outcome else { return false };
        match (rejection.witness, change) {
            (Some(Witness::Booking { id, interval, .. }), Change::BookingMade { booking, pending, slots, .. }) => {
                *booking == id && !pending && slots.iter().any(|(_, s)| s.interval == interval)
            }
            (
                Some(Witness::Booking { id, interval, .. }),
                Change::BookingMoved { booking, to: slots, .. } | Change::BookingRequested { booking, slots, .. },
            ) => *booking == id && slots.iter().any(|(_, s)| s.interval == interval),
            (Some(Witness::Booking { id, .. }), Change::BookingApproved { booking, .. }) => *booking == id,
            (Some(Witness::Hold { id, .. }), Change::HoldGranted(hold)) => hold.id == id,
            (Some(Witness::Block { id, .. }), Change::BlockAdded { block, .. }) => block.id == id,
            (_, _) => false,
        }
    }

    fn step(
        &self,
        touched: &Touched,
        record: &Record,
        change: &Change,
        own: bool,
        decisive: bool,
        seen: Option<Seen>,
    ) -> ExplainedStep {
        let (what, interval, verb) = happened(change, self.zone);
        let who = self.who(touched, change, record);
        let name = &touched.resource.spec.name;
        let own_key = self.reader.admin || record.actor.person().is_some_and(|id| self.reader.id == Some(id));
        ExplainedStep {
            epoch: record.version.epoch.0,
            version: record.version.number,
            decided_at: time(record.decided_at),
            what,
            start: interval.map(|i| time(i.start())),
            end: interval.map(|i| time(i.end())),
            this_attempt: own,
            decisive,
            after_screen: seen.map(|seen| record.version > seen.version),
            attempt: own_key.then_some(record.attempt),
            text: format!("{} {}.", who.as_deref().map_or("Somebody".into(), first_upper), verb(name)),
            who,
        }
    }

    /// Whose doing it was, as far as the reader may know: owners of room bookings are known to members, holders to nobody else.
    fn who(&self, touched: &Touched, change: &Change, record: &Record) -> Option<String> {
        let kind = touched.resource.spec.kind;
        let about = match change {
            Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::BookingDisplaced { .. }
            | Change::BookingHandedOver { .. }
            | Change::BookingOverrode { .. }
            | Change::HoldOverrode { .. }
            | Change::CapacitySet { .. }
            | Change::Reasoned { .. }
            | Change::ServiceSet { .. } => return Some("an admin".into()),
            Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitDue(_)
            | Change::Reminded { .. }
            | Change::OverCommitLowered { .. } => {
                return Some("Slotwise".into());
            }
            Change::WaitJoined(entry) | Change::WaitMoved(entry) => entry.owner,
            Change::WaitEnded(ended) => ended.entry.owner,
            Change::HoldEnded(ended) if ended.end == HoldEnd::Expired => return Some("Slotwise".into()),
            Change::BookingMade { owner, .. }
            | Change::BookingApproved { owner, .. }
            | Change::BookingCancelled { owner, .. }
            | Change::BookingMoved { owner, .. }
            | Change::BookingRequested { owner, .. }
            | Change::RequestApproved { owner, .. }
            | Change::BookingCheckedIn { owner, .. }
            | Change::BookingNoShow { owner, .. }
            | Change::BookingEdited { owner, .. } => *owner,
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => hold.holder,
            Change::HoldEnded(ended) => ended.hold.holder,
        };
        let open = match change {
            Change::BookingMade { pending, .. } => !pending,
            Change::BookingMoved { booking, pending, .. } => !pending && !waits_then(touched, record, *booking),
            Change::BookingApproved { .. } | Change::RequestApproved { .. } => true,
            Change::BookingCancelled { .. }
            | Change::BookingRequested { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingNoShow { .. }
            | Change::BookingDisplaced { .. }
            | Change::BookingHandedOver { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::BookingEdited { .. }
            | Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
            | Change::HoldOverrode { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::WaitJoined(_)
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitEnded(_)
            | Change::WaitDue(_)
            | Change::Reminded { .. } => false,
        };
        if self.reader.id == Some(about) {
            let by_other = record.actor.person().is_some_and(|by| by != about);
            return Some(if by_other { "somebody, for you,".into() } else { "you".into() });
        }
        let hidden = change.booking().is_some_and(|id| self.reader.hidden.contains(&id));
        let may_know = self.reader.admin || (kind == Kind::Room && open && !hidden);
        self.reader.names.get(&about).filter(|_| may_know).cloned()
    }

    /// Draws all steps of all resources by time, with the screens before them.
    fn draw(&mut self, resources: &[ExplainedResource]) {
        enum Drawn<'r> {
            Screen(&'r ScreenBody, &'r str),
            Step(&'r ExplainedStep, &'r str),
        }
        let several = resources.len() > 1;
        let mut drawn: Vec<(String, u8, Drawn)> = Vec::new();
        for resource in resources {
            if let Some(screen) = &resource.screen {
                drawn.push((screen.as_of.clone(), 1, Drawn::Screen(screen, &resource.name)));
            }
            let others = resource.steps.iter().filter(|step| !step.this_attempt);
            drawn.extend(others.map(|step| (step.decided_at.clone(), 2, Drawn::Step(step, &resource.name))));
        }
        drawn.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        for (at, _, what) in drawn {
            let at = at.parse::<jiff::Timestamp>().map_or(at, |t| clock(t.into(), self.zone));
            match what {
                Drawn::Screen(screen, name) => {
                    let free = match screen.free {
                        Some(true) => "free",
                        Some(false) => "not free",
                        None => "shown",
                    };
                    let text = format!("{name} {free} (version {})", screen.version);
                    self.diagram.message(&at, (SYSTEM, ASKER), Ends::Told, &text);
                }
                Drawn::Step(step, name) => {
                    let on = if several { format!("{name}, ") } else { String::new() };
                    let text = format!("{} ({on}version {})", step.text.trim_end_matches('.'), step.version);
                    match step.who.as_deref() {
                        Some("Slotwise") => self.diagram.note(&at, &text),
                        Some("you" | "somebody, for you,") => {
                            self.diagram.message(&at, (ASKER, SYSTEM), Ends::Asked, &text);
                        }
                        who => {
                            let lane = self.diagram.lane(&who.map_or_else(|| "Somebody".into(), first_upper));
                            self.diagram.message(&at, (lane, SYSTEM), Ends::Asked, &text);
                        }
                    }
                }
            }
        }
    }

    fn tell_decided(&mut self, resources: &[ExplainedResource], shown: Option<&Shown>) {
        let decision = &self.case.attempt.recorded.decision;
        let decided_at = decision.decided_at;
        let at = clock(decided_at, self.zone);
        self.tell_steps(resources);
        let wish: Vec<String> =
            self.lines.iter().filter_map(|l| Some(during(self.interval_of(l)?, self.zone))).collect();
        let wish = if wish.is_empty() { String::new() } else { format!(" {}", wish.join("; ")) };
        let asks = format!("{}{wish}", command_words(&self.case.attempt.command));
        self.diagram.message("", (ASKER, SYSTEM), Ends::Asked, &asks);
        let versions: Vec<String> = resources.iter().map(|r| r.decided.version.to_string()).collect();
        let at_versions = match &versions[..] {
            [] => String::new(),
            [one] => format!(" at version {one}"),
            many => format!(" at versions {}", many.join(", ")),
        };
        let date = at_text(decided_at, self.zone);
        let day = date.rsplit_once(',').map_or(date.as_str(), |(day, _)| day);
        let zone = self.zone.name().to_owned();
        match &decision.outcome {
            Outcome::Rejected(rejection) => {
                let detail = shown.map_or(rejection.code.name(), |s| &s.detail).to_owned();
                let text = format!("At {at} on {day} ({zone}) it was decided{at_versions}, and refused: {detail}");
                let params = json!({ "code": rejection.code.name(), "decided_at": time(decided_at), "detail": detail });
                self.diagram.message(
                    &at,
                    (SYSTEM, ASKER),
                    Ends::Refused,
                    &format!("REJECTED {}: {detail}", rejection.code.name()),
                );
                self.say("refused", params, text);
            }
            Outcome::Booked | Outcome::Accepted => {
                let name = decision.outcome.name();
                let text = format!(
                    "At {at} on {day} ({zone}) it was decided: nothing stood in the way. {name}{}.",
                    at_versions.replacen(" at ", ", ", 1)
                );
                self.diagram.message(&at, (SYSTEM, ASKER), Ends::Told, &format!("{name}{at_versions}"));
                self.say("accepted", json!({ "outcome": name, "decided_at": time(decided_at) }), text);
            }
        }
    }

    /// What came between, each with how long after the screen and before the decision.
    fn tell_steps(&mut self, resources: &[ExplainedResource]) {
        let decided_at = self.decided_at();
        let seen = self.case.attempt.recorded.decision.seen;
        let mut told = Vec::new();
        for resource in resources {
            let steps = resource.steps.iter().filter(|s| !s.this_attempt);
            for step in steps {
                let Ok(at) = step.decided_at.parse::<jiff::Timestamp>().map(Instant::from) else { continue };
                let before =
                    format!("{} before {} request was decided", span(decided_at.since(at)), lower(&self.voice.whose));
                let when = match (seen, step.after_screen) {
                    (Some(seen), Some(true)) => {
                        let after = at.since(seen.as_of);
                        format!("{} after {} screen was drawn and {before}", span(after), lower(&self.voice.whose))
                    }
                    (_, _) => before,
                };
                let text = format!("At {}, {when}: {}", clock(at, self.zone), step.text);
                let params = json!({
                    "resource": resource.resource, "what": step.what, "who": step.who, "decided_at": step.decided_at,
                    "version": step.version, "decisive": step.decisive,
                });
                told.push((at, if step.decisive { "decisive_step" } else { "step" }, params, text));
            }
            if resource.unrelated > 0 {
                let n = resource.unrelated;
                let text = match n {
                    1 => format!("One other change of {} had nothing to do with it.", resource.name),
                    _ => format!("{n} other changes of {} had nothing to do with it.", resource.name),
                };
                told.push((decided_at, "unrelated", json!({ "resource": resource.resource, "changes": n }), text));
            }
        }
        told.sort_by_key(|(at, ..)| *at);
        for (_, key, params, text) in told {
            self.say(key, params, text);
        }
    }
}

/// All of it as text for a terminal: the sentences, then the diagram.
pub fn as_text(sentences: &[SentenceBody], diagram: &DiagramBody) -> String {
    let told: String = sentences.iter().map(|sentence| format!("{}\n", sentence.text)).collect();
    format!("{told}\n{}", diagram.text)
}
