//! Bookings and what is asked of them as JSON, and their way into the domain and back.
//! It decides nothing.

use super::{
    DisplacerBody, HoldRefBody, IntervalBody, OccurrenceBody, OverrideBody, ResourceVersion, SeenBody, check_text,
    present, read_interval, time,
};
use crate::problem::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    Booking, BookingState, Details, DetailsPatch, Guest, Instant, PersonId, Resource, ResourceId, Slot, check_in_window,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A line of a booking to be made.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRequest {
    /// Which resource.
    pub resource: Uuid,
    /// From; left out for sections and sessions.
    pub start: Option<String>,
    /// Until; left out for sections and sessions.
    pub end: Option<String>,
    /// How many units.
    #[serde(default = "one")]
    pub units: u32,
}

pub(super) const fn one() -> u32 {
    1
}

/// A booking to be made.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookingRequest {
    /// What; all of it or nothing.
    pub lines: Vec<LineRequest>,
    /// A line for calendars.
    pub title: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// How many people come.
    pub people: Option<u32>,
    /// Who is invited, 100 at the most. Those who are people here see what is written inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<GuestBody>,
    /// Others see that the time is taken, and neither whose it is nor what for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// The hold this confirms.
    pub hold: Option<HoldRefBody>,
    /// For whom, if not for oneself; admins only.
    #[serde(rename = "for")]
    pub for_person: Option<Uuid>,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
    /// An admin's word over rules and over what stands there.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub over: Option<OverrideBody>,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Reads a booking's body as its handler does: JSON with the path of what is wrong, times with an offset, details. It is for
/// whoever counts what reading costs; the error is a text.
pub fn read_booking(json: &[u8]) -> Result<Vec<slotwise_domain::Line>, String> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let body: BookingRequest = serde_path_to_error::deserialize(&mut reader).map_err(|e| e.to_string())?;
    let wrong = |e: Vec<FieldError>| e.into_iter().map(|e| e.detail).collect::<Vec<_>>().join("; ");
    let read = |line: &LineRequest| {
        let interval = match (&line.start, &line.end) {
            (Some(start), Some(end)) => Some(read_interval(start, end, "", None).map_err(wrong)?),
            _ => None,
        };
        Ok(slotwise_domain::Line { resource: ResourceId(line.resource), interval, units: line.units })
    };
    let lines = body.lines.iter().map(read).collect();
    body.details().map_err(|_| "details".to_owned())?;
    lines
}

/// A booking in the source document's language.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomBookingRequest {
    /// Which room.
    #[serde(rename = "roomId")]
    pub room_id: Uuid,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// A line for calendars.
    pub title: Option<String>,
    /// The hold this confirms.
    pub hold: Option<HoldRefBody>,
}

/// Reads what people say about a booking.
pub fn read_details(title: Option<&String>, purpose: Option<&String>, people: Option<u32>) -> Result<Details, Problem> {
    check_text(title, "title", 200).and_then(|()| check_text(purpose, "purpose", 2_000)).map_err(Problem::field)?;
    check_people(people).map_err(Problem::field)?;
    Ok(Details { title: title.cloned(), purpose: purpose.cloned(), people, ..Details::default() })
}

impl BookingRequest {
    /// What people say about it.
    pub fn details(&self) -> Result<Details, Problem> {
        let guests = read_guests(&self.guests)?;
        let details = read_details(self.title.as_ref(), self.purpose.as_ref(), self.people)?;
        Ok(Details { guests, private: self.private, ..details })
    }
}

/// Somebody who is invited: `{"person": id}`, or `{"name": "…"}` for anybody else.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum GuestBody {
    /// A person known here, by id.
    Person(Uuid),
    /// Anybody else, by name.
    Name(String),
}

impl From<&Guest> for GuestBody {
    fn from(guest: &Guest) -> GuestBody {
        match guest {
            Guest::Person(id) => GuestBody::Person(id.0),
            Guest::Named(name) => GuestBody::Name(name.clone()),
        }
    }
}

pub(super) fn read_guests(guests: &[GuestBody]) -> Result<Vec<Guest>, Problem> {
    if guests.len() > Details::GUESTS_MAX {
        return Err(Problem::field(FieldError::new("guests", "too_many", "must be at most 100")));
    }
    let mut read = Vec::with_capacity(guests.len());
    for (n, guest) in guests.iter().enumerate() {
        read.push(match guest {
            GuestBody::Person(id) => Guest::Person(PersonId(*id)),
            GuestBody::Name(name) => {
                let field = format!("guests[{n}].name");
                check_text(Some(name), &field, 200).map_err(Problem::field)?;
                if name.trim().is_empty() {
                    return Err(Problem::field(FieldError::new(&field, "missing", "is missing")));
                }
                Guest::Named(name.clone())
            }
        });
    }
    Ok(read)
}

fn check_people(people: Option<u32>) -> Result<(), FieldError> {
    match people {
        Some(n) if n == 0 || n > 1_000_000 => {
            Err(FieldError::new("people", "out_of_range", "must be between 1 and 1000000"))
        }
        Some(_) | None => Ok(()),
    }
}

/// An edit of what people say about a booking: what is there replaces, `null` takes away.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BookingEdit {
    /// A line for calendars.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub title: Option<Option<String>>,
    /// What it is for.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub purpose: Option<Option<String>>,
    /// How many people come.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub people: Option<Option<u32>>,
    /// Who is invited, all of them.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub guests: Option<Vec<GuestBody>>,
    /// Whether others see only that the time is taken.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub private: Option<bool>,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl BookingEdit {
    /// As the domain has it.
    pub fn read(&self) -> Result<DetailsPatch, Problem> {
        let (title, purpose) = (self.title.clone().flatten(), self.purpose.clone().flatten());
        read_details(title.as_ref(), purpose.as_ref(), self.people.flatten())?;
        let guests = self.guests.as_deref().map(read_guests).transpose()?;
        let (title, purpose) = (self.title.clone(), self.purpose.clone());
        Ok(DetailsPatch { title, purpose, people: self.people, guests, private: self.private })
    }
}

/// A booking to be put elsewhere.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// What it takes from then on, all of it; a line that stays is named too.
    pub lines: Vec<LineRequest>,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
    /// An admin's word over rules and over what stands there.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub over: Option<OverrideBody>,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Two bookings to take each other's places.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapRequest {
    /// The other booking.
    pub with: Uuid,
    /// The revision of this booking, if it is to be that one.
    pub revision: Option<u64>,
    /// The revision of the other, if it is to be that one.
    pub with_revision: Option<u64>,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A booking to be given up.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CancelRequest {
    /// Why.
    pub reason: Option<String>,
}

/// Somebody, as others may see them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonBody {
    /// Their id.
    pub id: Uuid,
    /// Their name.
    pub name: String,
}

/// A line of a booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LineBody {
    /// Which resource.
    pub resource: Uuid,
    /// Its name.
    pub name: String,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// How many units.
    pub units: u32,
    /// The resource's zone.
    pub zone: String,
}

impl LineBody {
    /// A slot with its resource, if that is at hand.
    pub fn of(slot: &Slot, resource: Option<&Resource>) -> LineBody {
        let spec = resource.map(|r| &r.spec);
        LineBody {
            resource: slot.resource.0,
            name: spec.map_or_else(String::new, |s| s.name.clone()),
            start: time(slot.interval.start()),
            end: time(slot.interval.end()),
            units: slot.units,
            zone: spec.map_or("UTC", |s| s.zone.name()).to_owned(),
        }
    }
}

/// A booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BookingBody {
    /// Its id.
    pub id: Uuid,
    /// `confirmed`, `pending`, `cancelled`, `checked_in`, `no_show` or `displaced`.
    pub state: &'static str,
    /// Whose, as far as one may know.
    pub owner: Option<PersonBody>,
    /// A line for calendars; for the owner, guests and admins.
    pub title: Option<String>,
    /// What it is for; for the owner, guests and admins.
    pub purpose: Option<String>,
    /// How many people come; for the owner, guests and admins.
    pub people: Option<u32>,
    /// Who is invited; for the owner, admins and guests.
    pub guests: Vec<GuestBody>,
    /// Others see that the time is taken, and neither whose it is nor what for.
    pub private: bool,
    /// What it takes.
    pub lines: Vec<LineBody>,
    /// Which date of which series it is; for the owner and admins.
    pub occurrence: Option<OccurrenceBody>,
    /// Edits name it in `If-Match`.
    pub revision: u64,
    /// When it was decided first.
    pub created_at: String,
    /// When it was decided last.
    pub decided_at: String,
    /// When it was given up.
    pub cancelled_at: Option<String>,
    /// Whether that was later than the policy asks for.
    pub late: bool,
    /// Since when it is cancelled, checked in, a no-show or displaced.
    pub state_at: Option<String>,
    /// Why it was cancelled or displaced, if they said; for the owner and admins.
    pub state_reason: Option<String>,
    /// For what it was displaced; for the owner and admins.
    pub displaced_by: Option<DisplacerBody>,
    /// When its people can say that they are there; null if nobody asks.
    pub check_in: Option<IntervalBody>,
    /// Whether it is the asker's.
    pub mine: bool,
    /// Cancelling is too late from then on; null once nothing can become of it any more.
    pub cancel_by: Option<String>,
    /// The server's clock.
    pub as_of: String,
}

impl BookingBody {
    /// A booking as its owner, a guest or an admin sees it, or as others do (`inside` false). `resource` knows what it is of.
    pub fn of(
        b: &Booking,
        resource: &dyn Fn(ResourceId) -> Option<std::sync::Arc<Resource>>,
        owner: Option<PersonBody>,
        inside: bool,
        mine: bool,
        as_of: Instant,
    ) -> BookingBody {
        let nothing = (None, None, None, false);
        let (state_at, state_reason, displaced_by, late) = match &b.state {
            BookingState::Cancelled { at, reason, late, .. } => (Some(*at), reason.clone(), None, *late),
            BookingState::Displaced { at, reason, by_what, .. } => {
                (Some(*at), Some(reason.clone()), Some(DisplacerBody::from(*by_what)), false)
            }
            BookingState::CheckedIn { at, .. } | BookingState::NoShow { at } => (Some(*at), None, None, false),
            BookingState::Confirmed | BookingState::Pending { .. } => nothing,
        };
        let cancelled_at = state_at.filter(|_| matches!(b.state, BookingState::Cancelled { .. }));
        let rule = |id| resource(id)?.spec.policy.check_in;
        let check_in = check_in_window(b, rule).filter(|_| b.state == BookingState::Confirmed);
        let cutoff = |s: &Slot| {
            let resource = resource(s.resource)?;
            let spec = &resource.spec;
            Some(spec.policy.cancel_by?.instant(s.interval.start(), &spec.zone))
        };
        let cancel_by = b.slots.iter().filter_map(cutoff).fold(b.end(), Instant::min);
        BookingBody {
            id: b.id.0,
            state: b.state.name(),
            owner,
            title: b.details.title.clone().filter(|_| inside),
            purpose: b.details.purpose.clone().filter(|_| inside),
            people: b.details.people.filter(|_| inside),
            guests: b.details.guests.iter().filter(|_| inside).map(GuestBody::from).collect(),
            private: b.details.private,
            lines: b.slots.iter().map(|s| LineBody::of(s, resource(s.resource).as_deref())).collect(),
            occurrence: OccurrenceBody::of(b).filter(|_| inside),
            revision: b.revision,
            created_at: time(b.created_at),
            decided_at: time(b.decided_at),
            cancelled_at: cancelled_at.map(time),
            late,
            state_at: state_at.map(time),
            state_reason: state_reason.filter(|_| inside),
            displaced_by: displaced_by.filter(|_| inside),
            check_in: check_in.map(|(_, opens, closes)| IntervalBody { start: time(opens), end: time(closes) }),
            mine,
            cancel_by: (!b.state.is_final()).then(|| time(cancel_by)),
            as_of: time(as_of),
        }
    }
}

/// What happened to a booking, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryBody {
    /// Which booking.
    pub booking: Uuid,
    /// One for each accepted command.
    pub steps: Vec<StepBody>,
    /// More happened after these.
    pub more: bool,
    /// How it was at the instant that was asked for; null if it did not exist then, or nothing was asked.
    #[schema(required = true)]
    pub then: Option<ThenBody>,
    /// The server's clock.
    pub as_of: String,
}

/// A booking as it was.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ThenBody {
    /// When.
    pub at: String,
    /// Whose it was; null for somebody who is forgotten.
    #[schema(required = true)]
    pub owner: Option<PersonBody>,
    /// `confirmed`, `pending` or `cancelled`.
    pub state: &'static str,
    /// Its revision.
    pub revision: u64,
    /// What it took.
    pub lines: Vec<LineBody>,
}

/// One thing that happened to a booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepBody {
    /// `made`, `approved`, `moved`, `edited`, `cancelled`, `checked_in`, `no_show`, `handed_over` or `displaced`.
    pub what: &'static str,
    /// When it was decided.
    pub decided_at: String,
    /// Who did it; null for Slotwise itself, or somebody who is forgotten.
    pub by: Option<PersonBody>,
    /// The attempt's key.
    pub attempt: Uuid,
    /// Whose the booking was from then on.
    pub owner: Option<PersonBody>,
    /// The booking's state, from then on.
    pub state: &'static str,
    /// The booking's revision, after it.
    pub revision: u64,
    /// The versions it made.
    pub versions: Vec<ResourceVersion>,
    /// What it took until then: of a move and a cancellation.
    pub from: Vec<LineBody>,
    /// What it takes from then on.
    pub to: Vec<LineBody>,
    /// Why, if they said.
    pub reason: Option<String>,
    /// Whether it was an admin's word against a rule or over others.
    pub overrode: bool,
}
