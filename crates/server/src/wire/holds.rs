//! Holds as JSON, with the token only their holder may see.
//! It makes no token.

use super::{PersonBody, SeenBody, one, read_version, time};
use crate::problem::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use slotwise_domain::{FencingToken, Hold, HoldId, HoldRef, Instant, Policy};
use utoipa::ToSchema;
use uuid::Uuid;

/// A hold as its holder names it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldRefBody {
    /// Its id.
    pub id: Uuid,
    /// The token of its grant.
    pub token: String,
}

impl HoldRefBody {
    /// As the domain has it.
    pub fn read(&self, field: &str) -> Result<HoldRef, Problem> {
        Ok(HoldRef { id: HoldId(self.id), token: read_token(&self.token, field)? })
    }
}

/// Reads a fencing token.
pub fn read_token(text: &str, field: &str) -> Result<FencingToken, Problem> {
    // Two dots: a version and a place.
    let read = || match text.rsplit_once('.') {
        Some((version, place)) if version.contains('.') => {
            Some(FencingToken(read_version(version)?, place.parse().ok().filter(|place| *place > 0)?))
        }
        Some(_) | None => Some(FencingToken(read_version(text)?, 0)),
    };
    read().ok_or_else(|| {
        Problem::field(FieldError::new(field, "not_a_token", "must be the token of the hold, such as 1.42"))
    })
}

/// Units to be kept.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Which resource.
    pub resource: Uuid,
    /// From; left out for sections and sessions.
    pub start: Option<String>,
    /// Until; left out for sections and sessions.
    pub end: Option<String>,
    /// How many units.
    #[serde(default = "one")]
    pub units: u32,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
}

/// The token of a hold.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The token of its grant.
    pub token: String,
}

/// A hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldBody {
    /// Its id.
    pub id: Uuid,
    /// The token of its grant; for its holder only.
    pub token: Option<String>,
    /// Of which resource.
    pub resource: Uuid,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// How many units.
    pub units: u32,
    /// From then on it counts for nothing.
    pub expires_at: String,
    /// When it was granted.
    pub granted_at: String,
    /// How often it can be renewed.
    pub renewals_left: u32,
    /// Whether it is the asker's.
    pub mine: bool,
    /// Whose, in a list, for admins, auditors and whoever manages the resource.
    pub owner: Option<PersonBody>,
    /// Whether it is an offer to somebody who waits, which stands until its own deadline.
    pub offer: bool,
    /// The server's clock.
    pub as_of: String,
}

impl HoldBody {
    /// A hold as its holder sees it, or as others do.
    pub fn of(h: &Hold, mine: bool, as_of: Instant) -> HoldBody {
        HoldBody {
            id: h.id.0,
            token: mine.then(|| h.token.to_string()),
            resource: h.resource.0,
            start: time(h.interval.start()),
            end: time(h.interval.end()),
            units: h.units,
            expires_at: time(h.expires_at),
            granted_at: time(h.granted_at),
            renewals_left: Policy::RENEWALS_MAX.saturating_sub(h.renewals),
            mine,
            owner: None,
            offer: h.offer.is_some(),
            as_of: time(as_of),
        }
    }
}
