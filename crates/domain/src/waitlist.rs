//! Waiting for units of a resource that had none left: the rules of a waitlist, and an entry, a place in its order.
//! It decides nothing: who is promoted, and when, [`crate::decide`] judges.

use crate::command::Actor;
use crate::ids::{BookingId, EntryId, HoldId, PersonId, ResourceId, Version};
use crate::resource::Kind;
use crate::time::{Instant, Interval, Span};
use std::cmp::Reverse;
use uuid::Builder;

/// How units that come free are given to those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Waitlist {
    /// What whoever is next gets.
    pub mode: WaitMode,
    /// Who is next.
    pub fill: WaitFill,
    /// How many may wait at once; `None` is [`Waitlist::ENTRIES_MAX`].
    pub capacity: Option<u32>,
}

/// What whoever is next gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitMode {
    /// A booking, at once.
    Book,
    /// An offer: the units are held for them until they take it, decline it, or its time is up.
    Offer {
        /// How long.
        ttl: Span,
    },
}

/// Who is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitFill {
    /// The first in the order whose units fit.
    Skip,
    /// The first in the order: what is free stays owed to them until it suffices.
    Strict,
}

impl Waitlist {
    /// Entries that wait for one resource.
    pub const ENTRIES_MAX: u32 = 1_000;
    /// Entries of one person, all resources together.
    pub const PER_PERSON_MAX: usize = 20;
    /// Entries that one command promotes, offers or ends for those who wait; the rest follows by a command of its own.
    pub const TURNS_MAX: usize = 100;
    /// Offers made to one entry: after the last one it does not wait again.
    pub const OFFERS_MAX: u8 = 3;
    /// The longest an offer stands.
    pub const OFFER_LONGEST: Span = Span::days(7);

    /// What a kind of resource has unless somebody says otherwise: sections of courses book, sessions of classes offer for an hour,
    /// and rooms and equipment have none.
    pub const fn of_kind(kind: Kind) -> Option<Waitlist> {
        let mode = match kind {
            Kind::Section => WaitMode::Book,
            Kind::Session => WaitMode::Offer { ttl: Span::hours(1) },
            Kind::Room | Kind::Equipment | Kind::Group => return None,
        };
        Some(Waitlist { mode, fill: WaitFill::Skip, capacity: None })
    }

    /// Whether what is free stays owed to the first in the order.
    pub const fn is_strict(self) -> bool {
        matches!(self.fill, WaitFill::Strict)
    }

    /// How many may wait at once.
    pub fn entries_max(&self) -> usize {
        self.capacity.unwrap_or(Waitlist::ENTRIES_MAX).min(Waitlist::ENTRIES_MAX) as usize
    }
}

/// What somebody who waits is to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wants {
    /// The units, as the waitlist says.
    #[default]
    Units,
    /// Word that they are free, once. Nothing is owed to them or kept for them: whoever is first has it.
    Word,
}

impl Wants {
    /// Its name in rows and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Wants::Units => "units",
            Wants::Word => "word",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Wants> {
        [Wants::Units, Wants::Word].into_iter().find(|wants| wants.name() == name)
    }
}

/// A place in the order for units of a resource, or among those who are told when they are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitEntry {
    /// Its name for machines. A booking made of it by promotion has the same.
    pub id: EntryId,
    /// Who waits.
    pub owner: PersonId,
    /// Who made it: the owner, or somebody for them.
    pub made_by: Actor,
    /// For which resource.
    pub resource: ResourceId,
    /// For which time of it.
    pub interval: Interval,
    /// How many units.
    pub units: u32,
    /// What they are to get.
    pub wants: Wants,
    /// Priority: the higher goes first, 0 is everybody's.
    pub class: u8,
    /// The version at which it joined: its place among those of its class.
    pub joined: Version,
    /// When that was.
    pub joined_at: Instant,
    /// A booking of the owner that is given up when this one is had, in the same commit.
    pub gives_up: Option<BookingId>,
    /// The hold that is offered to them now.
    pub offer: Option<HoldId>,
    /// Offers made so far.
    pub offers: u8,
}

/// The order: priority class first, then who joined first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The higher goes first.
    pub class: Reverse<u8>,
    /// The earlier goes first.
    pub joined: Version,
}

impl WaitEntry {
    /// Its place in the order.
    pub const fn place(&self) -> Place {
        Place { class: Reverse(self.class), joined: self.joined }
    }

    /// The booking that a promotion makes of it: of its own name, so that there can be only one.
    pub const fn booking(&self) -> BookingId {
        BookingId(self.id.0)
    }

    /// The name of the hold that its next offer is, dated as every name is: of the entry and how many offers there were.
    pub fn next_offer(&self, at: Instant) -> HoldId {
        let mut rest = [0; 10];
        let (count, name) = rest.split_at_mut(2);
        count.copy_from_slice(&u16::from(self.offers).to_be_bytes());
        name.copy_from_slice(&self.id.0.as_u64_pair().1.to_be_bytes());
        let millis = u64::try_from(at.0.div_euclid(1_000)).unwrap_or(0);
        HoldId(Builder::from_unix_timestamp_millis(millis, &rest).into_uuid())
    }
}

/// How an entry ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryEnd {
    /// They have what they waited for.
    Promoted {
        /// The booking that it is.
        booking: BookingId,
    },
    /// They left, or declined an offer.
    Left,
    /// An offer was not taken, or nothing can be had any more because it is too late.
    Lapsed,
    /// What they waited for is not there any more: the resource has no waitlist now, or another time.
    Voided,
    /// They were told that it is free, as they wished.
    Told,
}

impl EntryEnd {
    /// Its name in rows and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            EntryEnd::Promoted { .. } => "promoted",
            EntryEnd::Left => "left",
            EntryEnd::Lapsed => "lapsed",
            EntryEnd::Voided => "voided",
            EntryEnd::Told => "told",
        }
    }
}

/// An entry that a change has ended; kept so that its owner is told how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedEntry {
    /// The entry as it was last.
    pub entry: WaitEntry,
    /// How it ended.
    pub end: EntryEnd,
}

impl EndedEntry {
    /// Whether this promotion made the booking by itself, without its owner having asked for it.
    pub fn made(&self, id: BookingId) -> bool {
        self.end == EntryEnd::Promoted { booking: id } && id == self.entry.booking()
    }
}
