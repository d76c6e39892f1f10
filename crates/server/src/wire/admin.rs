//! What admins send as JSON, and its way into the domain: capacity, displacement, overrides, whose a booking is.
//! It judges nothing: what is well formed goes on, what is not is named field by field.

use super::{LineRequest, check_text};
use crate::problem::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use slotwise_domain::{Below, Booking, BookingId, Command, Displacer, Exceptions, OverBookings, PersonId, Preview};
use utoipa::ToSchema;
use uuid::Uuid;

/// A booking that will be displaced, at the revision that was looked at.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisplacedRef {
    /// Which booking.
    pub id: Uuid,
    /// Its revision.
    pub revision: u64,
}

impl From<&Booking> for DisplacedRef {
    fn from(b: &Booking) -> DisplacedRef {
        DisplacedRef { id: b.id.0, revision: b.revision }
    }
}

/// Bookings as they were looked at, each once.
pub fn read_displaces(displaces: &[DisplacedRef], field: &str) -> Result<Preview, Problem> {
    if displaces.len() > Command::DISPLACED_MAX {
        let says = format!("must be at most {}", Command::DISPLACED_MAX);
        return Err(Problem::field(FieldError::new(field, "too_many", &says)));
    }
    let mut preview: Preview = displaces.iter().map(|d| (BookingId(d.id), d.revision)).collect();
    preview.sort();
    preview.dedup_by_key(|(id, _)| *id);
    match preview.len() == displaces.len() {
        true => Ok(preview),
        false => Err(Problem::field(FieldError::new(field, "named_twice", "must name each booking once"))),
    }
}

/// A reason that must be given.
pub fn read_reason(reason: &str, field: &str) -> Result<String, Problem> {
    check_text(Some(&reason.to_owned()), field, 500).map_err(Problem::field)?;
    match reason.trim().is_empty() {
        true => Err(Problem::field(FieldError::new(field, "missing", "is missing: people are told why"))),
        false => Ok(reason.to_owned()),
    }
}

/// A reason that may be given, and must be of what is somebody else's.
pub fn read_reason_if(reason: Option<&String>) -> Result<Option<String>, Problem> {
    reason.map(|reason| read_reason(reason, "reason")).transpose()
}

/// A place in line to be given up.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeaveRequest {
    /// Why, where it is somebody else's; they are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An admin's word over rules, and over the bookings that stand there.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideBody {
    /// Why; those who are displaced are told.
    pub reason: String,
    /// Exactly the bookings that are displaced by it; ask for a displacement preview.
    #[serde(default)]
    pub displaces: Vec<DisplacedRef>,
}

/// Why something is done to somebody else's booking, or to a resource.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// Why; people are told.
    pub reason: String,
}

/// Until when somebody's hold shall last.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetHoldRequest {
    /// Until when: later than now, and at the latest five minutes after it was granted.
    pub until: String,
    /// Why; its holder is told that it was changed.
    pub reason: String,
}

/// Whose a booking shall be.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOverRequest {
    /// The person's id.
    pub to: Uuid,
    /// Why; both are told.
    pub reason: String,
}

/// What becomes of what is taken beyond a lower capacity.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BelowBody {
    /// The cut is refused.
    #[default]
    Refuse,
    /// It stays, and nothing new comes where it does not fit.
    OverCommit,
    /// As many of the newest bookings as needed are displaced: exactly those in `displaces`.
    DisplaceNewest,
    /// The bookings in `displaces` are displaced.
    DisplaceNamed,
}

/// How many units a resource shall have.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacityRequest {
    /// How many; null is without limit.
    #[serde(deserialize_with = "nullable")]
    #[schema(required = true)]
    pub to: Option<u32>,
    /// How many the screen showed as taken. Recorded; binds nothing.
    pub seen_used: Option<u32>,
    /// What becomes of what is more than that. Left out: the cut is refused.
    #[serde(default)]
    pub below: BelowBody,
    /// The bookings that are displaced, as a preview showed them.
    #[serde(default)]
    pub displaces: Vec<DisplacedRef>,
    /// Why.
    #[serde(default)]
    #[schema(required = true)]
    pub reason: Option<String>,
}

/// A field that must be there, and may be null.
fn nullable<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(d)
}

impl CapacityRequest {
    /// What becomes of what is more than that, as the domain has it.
    pub fn below(&self) -> Result<Below, Problem> {
        check_text(self.reason.as_ref(), "reason", 500).map_err(Problem::field)?;
        let preview = read_displaces(&self.displaces, "displaces")?;
        let empty = preview.is_empty();
        match self.below {
            BelowBody::Refuse | BelowBody::OverCommit if !empty => {
                let says = "is for displace_newest and displace_named only";
                Err(Problem::field(FieldError::new("displaces", "not_understood", says)))
            }
            BelowBody::Refuse => Ok(Below::Refuse),
            BelowBody::OverCommit => Ok(Below::OverCommit),
            BelowBody::DisplaceNewest => Ok(Below::DisplaceNewest(preview)),
            BelowBody::DisplaceNamed => Ok(Below::DisplaceNamed(preview)),
        }
    }
}

/// What a block does to bookings.
pub fn read_over_bookings(displaces: Option<&Vec<DisplacedRef>>) -> Result<OverBookings, Problem> {
    match displaces {
        Some(displaces) => Ok(OverBookings::Displace(read_displaces(displaces, "displaces")?)),
        None => Ok(OverBookings::Refuse),
    }
}

/// Whom a block does not concern.
pub fn read_exceptions(people: &[Uuid], bookings: &[Uuid]) -> Result<Exceptions, Problem> {
    for (field, ids) in [("except_people", people), ("except_bookings", bookings)] {
        if ids.len() > Exceptions::MAX {
            let says = format!("must be at most {}", Exceptions::MAX);
            return Err(Problem::field(FieldError::new(field, "too_many", &says)));
        }
    }
    Ok(Exceptions::of(
        people.iter().copied().map(PersonId).collect(),
        bookings.iter().copied().map(BookingId).collect(),
    ))
}

/// What is thought of: one of the commands that can displace.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DisplacementRequest {
    /// A lower capacity.
    Capacity(CapacityWish),
    /// A block.
    Block(BlockWish),
    /// A booking by override.
    Book(BookWish),
    /// A booking moved by override.
    Move(MoveWish),
}

/// A lower capacity that would displace the newest bookings.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacityWish {
    /// How many units.
    pub to: u32,
}

/// A block that would displace what it meets.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockWish {
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// People whose bookings would stay.
    #[serde(default)]
    pub except_people: Vec<Uuid>,
    /// Bookings that would stay.
    #[serde(default)]
    pub except_bookings: Vec<Uuid>,
}

/// A booking that would displace what stands there.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookWish {
    /// What; at least one line is of the resource in the path.
    pub lines: Vec<LineRequest>,
    /// For whom, if not for oneself.
    #[serde(rename = "for")]
    pub for_person: Option<Uuid>,
}

/// A booking that would displace what stands where it shall be.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveWish {
    /// Which.
    pub booking: Uuid,
    /// What it takes from then on, all of it.
    pub lines: Vec<LineRequest>,
}

/// Who would be displaced. Nothing is done yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DisplacementBody {
    /// To be sent back as it is with the command: it is carried out only if it is still exactly these.
    pub displaces: Vec<DisplacedRef>,
    /// The bookings, in the same order.
    pub bookings: Vec<super::BookingBody>,
    /// Edits of the resource name it in `If-Match`.
    pub policy_version: u64,
    /// Units taken at the fullest instant to come.
    pub used: u64,
    /// The code that it would be refused with all the same; null if it would not.
    #[schema(required = true)]
    pub refused: Option<&'static str>,
    /// That refusal in words.
    pub detail: Option<String>,
    /// The server's clock.
    pub as_of: String,
}

/// For what a booking was displaced.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DisplacerBody {
    /// `booking`, `block` or `capacity`.
    pub kind: &'static str,
    /// The booking, the block, or the resource whose capacity was cut.
    pub id: Uuid,
}

impl From<Displacer> for DisplacerBody {
    fn from(by_what: Displacer) -> DisplacerBody {
        let (kind, id) = match by_what {
            Displacer::Booking(id) => ("booking", id.0),
            Displacer::Block(id) => ("block", id.0),
            Displacer::Capacity(id) => ("capacity", id.0),
        };
        DisplacerBody { kind, id }
    }
}

/// When people say that they are there, in seconds around the start.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckInBody {
    /// So long before the start it opens.
    pub opens_s: i64,
    /// So long after the start it closes, and who has not come lets go of the rest.
    pub closes_s: i64,
}
