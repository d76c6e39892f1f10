//! Series and their dates as JSON, and their way into the domain and back.
//! It expands no rule.

use super::{
    BookingBody, BookingEdit, GuestBody, IntervalBody, SeenBody, as_documented, is_civil, one, read_details,
    read_guests, time,
};
use crate::problem::{FieldError, Problem, Shown, WitnessBody};
use jiff::civil;
use serde::{Deserialize, Serialize};
use slotwise_domain::recurrence::{Given, Met};
use slotwise_domain::{Became, Booking, Contract, DateSaid, Details};
use utoipa::ToSchema;
use uuid::Uuid;

/// A civil time, without an offset: in the zone of a series.
pub fn read_civil(text: &str, field: &str) -> Result<civil::DateTime, FieldError> {
    const CIVIL: &str = "must be a civil time without an offset, such as 2026-11-23T10:00";
    let civil = as_documented(text).then(|| text.parse::<civil::DateTime>().ok()).flatten();
    civil.filter(|_| is_civil(text)).ok_or_else(|| FieldError::new(field, "not_a_civil_time", CIVIL))
}

/// What a series promises.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractBody {
    /// All of its dates or nothing.
    #[default]
    AllOrNothing,
    /// The dates that can be had.
    SkipConflicts,
    /// Where a date cannot be had, the nearest time on the same resource.
    BestAlternative,
}

impl From<ContractBody> for Contract {
    fn from(c: ContractBody) -> Contract {
        match c {
            ContractBody::AllOrNothing => Contract::AllOrNothing,
            ContractBody::SkipConflicts => Contract::SkipConflicts,
            ContractBody::BestAlternative => Contract::BestAlternative,
        }
    }
}

impl From<Contract> for ContractBody {
    fn from(c: Contract) -> ContractBody {
        match c {
            Contract::AllOrNothing => ContractBody::AllOrNothing,
            Contract::SkipConflicts => ContractBody::SkipConflicts,
            Contract::BestAlternative => ContractBody::BestAlternative,
        }
    }
}

/// A series to be booked: one booking for each date of a rule.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesRequest {
    /// Which resource.
    pub resource: Uuid,
    /// The civil time at which the rule begins; it is a date only if the rule names it.
    pub start: String,
    /// The civil time at which a date that begins then ends.
    pub end: String,
    /// The IANA zone of the civil times; the resource's if left out.
    pub zone: Option<String>,
    /// RFC 5545: `FREQ=WEEKLY;COUNT=10;BYDAY=TU`, and lines of `RDATE:` and `EXDATE:` after it if wanted. Days and coarser.
    pub rule: String,
    /// What becomes of it if not all dates can be had.
    #[serde(default)]
    pub contract: ContractBody,
    /// How many units, each time.
    #[serde(default = "one")]
    pub units: u32,
    /// A line for calendars.
    pub title: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// How many people come.
    pub people: Option<u32>,
    /// Who is invited to each date, 100 at the most. Those who are people here see what is written inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<GuestBody>,
    /// Others see that the time is taken, and neither whose it is nor what for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// For whom, if not for oneself; admins only.
    #[serde(rename = "for")]
    pub for_person: Option<Uuid>,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl SeriesRequest {
    /// What people say about each date.
    pub fn details(&self) -> Result<Details, Problem> {
        let guests = read_guests(&self.guests)?;
        let details = read_details(self.title.as_ref(), self.purpose.as_ref(), self.people)?;
        Ok(Details { guests, private: self.private, ..details })
    }
}

/// Dates of a series to be given up.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesCancelRequest {
    /// The booking of a date: that one and those after it. All that are not over if left out.
    pub from: Option<Uuid>,
    /// All of them or none, or those that can be: `best_alternative` is not understood.
    pub contract: ContractBody,
    /// Why.
    pub reason: Option<String>,
}

/// Dates of a series to be put elsewhere.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesMoveRequest {
    /// The booking of a date: that one and those after it. All that are not over if left out.
    pub from: Option<Uuid>,
    /// The new civil time of the first of them; the others go as many days, and to the same time of day.
    pub start: Option<String>,
    /// When it ends.
    pub end: Option<String>,
    /// A rule that begins at `start`: the first of them goes to its first date, the next to its next.
    pub rule: Option<String>,
    /// Another resource.
    pub resource: Option<Uuid>,
    /// All of them or none, or those that can be: `best_alternative` is not understood.
    pub contract: ContractBody,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What people say about dates of a series, edited.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesEditRequest {
    /// The booking of a date: that one and those after it. All that are not over if left out.
    pub from: Option<Uuid>,
    /// All of them or none, or those that can be: `best_alternative` is not understood.
    pub contract: ContractBody,
    /// What shall be otherwise.
    pub details: BookingEdit,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A civil time from when to when.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GivenBody {
    /// From, without an offset.
    pub start: String,
    /// Until, without an offset.
    pub end: String,
}

impl From<Given> for GivenBody {
    fn from(g: Given) -> GivenBody {
        GivenBody { start: g.start.to_string(), end: g.end.to_string() }
    }
}

/// How a civil time met its zone, for people.
const fn note(met: Met) -> Option<&'static str> {
    match met {
        Met::Once => None,
        Met::Shifted => Some("Clocks are set forward over this time on that day; it was shifted forward by as much."),
        Met::First => Some("Clocks are set back over this time on that day, so it comes twice; the first is meant."),
    }
}

/// What was said of one date of a series.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DateBody {
    /// Its place in the series, from 0.
    pub place: u16,
    /// The civil time that was asked for.
    pub given: GivenBody,
    /// How it met its zone: `once`, `shifted` out of a gap, or the `first` of a fold.
    pub met: &'static str,
    /// The same in words, if it is worth one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// The instant it begins.
    pub start: String,
    /// The instant it ends.
    pub end: String,
    /// `booked`, `booked_elsewhere`, `free` (nothing was done for the sake of others), `refused`, `changed` or `untouched`;
    /// in a preview `free`, `free_elsewhere` or `refused`.
    pub became: &'static str,
    /// Its booking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking: Option<Uuid>,
    /// Where it is instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<IntervalBody>,
    /// Why it is refused, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Why it is refused, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What made that true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<WitnessBody>,
}

impl DateBody {
    /// What was said of a date, and how its refusal is shown.
    pub fn of(said: &DateSaid, refused: Option<(slotwise_domain::Code, Shown)>) -> DateBody {
        let (code, shown) = refused.map_or((None, None), |(code, shown)| (Some(code.name()), Some(shown)));
        let (detail, witness) = shown.map_or((None, None), |shown| (Some(shown.detail), shown.witness));
        DateBody {
            place: said.place,
            given: said.given.into(),
            met: said.met.name(),
            note: note(said.met),
            start: time(said.interval.start()),
            end: time(said.interval.end()),
            became: said.became.name(),
            booking: said.became.booking().map(|id| id.0),
            elsewhere: match &said.became {
                Became::Elsewhere(_, at) => Some((*at).into()),
                Became::Booked(_) | Became::Free | Became::Refused(_) | Became::Changed(_) | Became::Untouched(_) => {
                    None
                }
            },
            code,
            detail,
            witness,
        }
    }

    /// The same of a date that was only looked at.
    pub fn looked_at(self) -> DateBody {
        let became = match self.became {
            "booked" => "free",
            "booked_elsewhere" => "free_elsewhere",
            other => other,
        };
        DateBody { became, booking: None, ..self }
    }
}

/// What a series would become.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeriesPreview {
    /// Whether it would be accepted now.
    pub accepted: bool,
    /// Why not, for programs.
    pub code: Option<&'static str>,
    /// Why not, for people.
    pub detail: Option<String>,
    /// The zone of its civil times.
    pub zone: String,
    /// What would become of each date.
    pub dates: Vec<DateBody>,
    /// The server's clock.
    pub as_of: String,
}

/// Which date of which series a booking is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OccurrenceBody {
    /// Which series.
    pub series: Uuid,
    /// Its place in the series, from 0.
    pub place: u16,
    /// The civil time that was asked for, or where it is now if it was moved by itself.
    pub given: GivenBody,
    /// The zone of that.
    pub zone: String,
    /// How it met its zone: `once`, `shifted` out of a gap, or the `first` of a fold.
    pub met: &'static str,
}

impl OccurrenceBody {
    pub(super) fn of(b: &Booking) -> Option<OccurrenceBody> {
        let (slot, occurrence) = (b.slots.first()?, b.occurrence.as_ref()?);
        let (given, met) = occurrence.given_at(slot.interval);
        let zone = occurrence.series.zone.name().to_owned();
        let (series, place) = (occurrence.series.id.0, occurrence.place);
        Some(OccurrenceBody { series, place, given: given.into(), zone, met: met.name() })
    }
}

/// A series with its bookings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeriesBody {
    /// Its id.
    pub id: Uuid,
    /// The rule as it was written.
    pub rule: String,
    /// The zone of its civil times.
    pub zone: String,
    /// What it promised.
    pub contract: ContractBody,
    /// Its bookings, by their place. Dates that were refused are told by the attempt that asked.
    pub bookings: Vec<BookingBody>,
    /// The server's clock.
    pub as_of: String,
}
