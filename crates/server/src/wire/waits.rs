//! Places in line and offers as JSON.
//! It promotes nobody.

use super::{HoldBody, PersonBody, SeenBody, one, time};
use serde::{Deserialize, Serialize};
use slotwise_domain::{Calendar, EntryEnd, Instant, WaitEntry, Wants};
use utoipa::ToSchema;
use uuid::Uuid;

/// A place in a waitlist to be had.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// For which resource.
    pub resource: Uuid,
    /// From; left out for sections and sessions.
    pub start: Option<String>,
    /// Until; left out for sections and sessions.
    pub end: Option<String>,
    /// How many units.
    #[serde(default = "one")]
    pub units: u32,
    /// A booking of one's own that is given up in the same commit when this is had: the old place is kept until then.
    pub gives_up: Option<Uuid>,
    /// `units`, or `word`: to be told once when it is free. Nothing is kept for whoever wants word, so whoever is first has it.
    #[serde(default)]
    pub wants: WantsBody,
    /// Priority, the higher goes first; only admins give another than 0.
    #[serde(default)]
    pub class: u8,
    /// For whom, if not for oneself; admins only.
    #[serde(rename = "for")]
    pub for_person: Option<Uuid>,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What somebody who waits is to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WantsBody {
    /// The units.
    #[default]
    Units,
    /// Word that they are free.
    Word,
}

impl From<WantsBody> for Wants {
    fn from(wants: WantsBody) -> Wants {
        match wants {
            WantsBody::Units => Wants::Units,
            WantsBody::Word => Wants::Word,
        }
    }
}

impl From<Wants> for WantsBody {
    fn from(wants: Wants) -> WantsBody {
        match wants {
            Wants::Units => WantsBody::Units,
            Wants::Word => WantsBody::Word,
        }
    }
}

/// Another priority.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassRequest {
    /// The higher goes first; 0 is everybody's.
    pub class: u8,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A place in a waitlist. What is told of others is where they are, and nothing else.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntryBody {
    /// Its id; for its owner and admins.
    pub id: Option<Uuid>,
    /// For which resource.
    pub resource: Uuid,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// How many units.
    pub units: u32,
    /// `units`, or `word` that they are free.
    pub wants: WantsBody,
    /// `waiting`, `offered`, `promoted`, `left`, `lapsed`, `voided` or `told`.
    pub state: &'static str,
    /// The place in line, from 1; null once it has ended, and of who wants only word.
    pub place: Option<usize>,
    /// Priority; for its owner and admins.
    pub class: Option<u8>,
    /// When it joined; for its owner and admins.
    pub joined_at: Option<String>,
    /// The booking that is given up for it; for its owner and admins.
    pub gives_up: Option<Uuid>,
    /// What is offered; for its owner.
    pub offer: Option<HoldBody>,
    /// The booking that it became; for its owner and admins.
    pub booking: Option<Uuid>,
    /// Whose, for admins.
    pub owner: Option<PersonBody>,
    /// Whether it is the asker's.
    pub mine: bool,
    /// The server's clock.
    pub as_of: String,
}

impl EntryBody {
    /// An entry as its owner or an admin sees it, or as others do (`inside` false). `line` is where it waits, if it does.
    pub fn of(
        e: &WaitEntry,
        end: Option<EntryEnd>,
        line: Option<&Calendar>,
        owner: Option<PersonBody>,
        inside: bool,
        mine: bool,
        as_of: Instant,
    ) -> EntryBody {
        let state = match end {
            Some(end) => end.name(),
            None if e.offer.is_some() => "offered",
            None => "waiting",
        };
        let offer = e.offer.filter(|_| mine && end.is_none());
        let offer = offer.and_then(|id| line?.holds.get(&id)).map(|h| HoldBody::of(h, mine, as_of));
        EntryBody {
            id: inside.then_some(e.id.0),
            resource: e.resource.0,
            start: time(e.interval.start()),
            end: time(e.interval.end()),
            units: e.units,
            wants: e.wants.into(),
            state,
            place: line.and_then(|calendar| calendar.place_in_line(e.id)),
            class: inside.then_some(e.class),
            joined_at: inside.then(|| time(e.joined_at)),
            gives_up: e.gives_up.filter(|_| inside).map(|id| id.0),
            offer,
            booking: match end {
                Some(EntryEnd::Promoted { booking }) => inside.then_some(booking.0),
                Some(EntryEnd::Left | EntryEnd::Lapsed | EntryEnd::Voided | EntryEnd::Told) | None => None,
            },
            owner,
            mine,
            as_of: time(as_of),
        }
    }
}
