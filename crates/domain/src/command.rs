//! What an actor asks to change. Every change of bookings begins as one of these.
//! All parsing has ended: what is here is well formed, and may still be refused.

use crate::booking::{Details, DetailsPatch};
use crate::calendar::Exceptions;
use crate::ids::{
    AttemptKey, BlockId, BookingId, EntryId, FencingToken, Fingerprint, HoldId, PersonId, ResourceId, SeriesId, Version,
};
use crate::outcome::Code;
use crate::resource::{ResourcePatch, ResourceSpec};
use crate::series::{Contract, Series, SeriesDate, SeriesEdit};
use crate::time::{Instant, Interval};
use crate::waitlist::Wants;
use crate::world::Scope;
use std::sync::Arc;
use uuid::Uuid;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A person, directly or through an API key of theirs.
    Person(PersonId),
    /// Slotwise's own deadlines.
    System,
}

impl Actor {
    /// The person, if it is one.
    pub const fn person(self) -> Option<PersonId> {
        match self {
            Actor::Person(id) => Some(id),
            Actor::System => None,
        }
    }

    /// How attempts are filed: the person's id, nil for the system.
    pub const fn uuid(self) -> Uuid {
        match self {
            Actor::Person(id) => id.0,
            Actor::System => Uuid::nil(),
        }
    }
}

/// What is asked, and by whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Who asks.
    pub actor: Actor,
    /// What for.
    pub action: Action,
    /// What the person's screen showed. Recorded; binds nothing.
    pub seen: Option<Seen>,
    /// Why, where the action has no place for it: recorded with what it changes. It must be said of what is somebody else's.
    pub reason: Option<String>,
}

/// What a screen showed when the person clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The version it stated.
    pub version: Version,
    /// The instant it stated.
    pub as_of: Instant,
}

/// What a command asked for, as far as nothing else in the record tells it. Recorded with a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// For whom, if not for whoever asked.
    pub owner: Option<PersonId>,
    /// The bookings it named.
    pub bookings: Vec<BookingId>,
    /// What it wanted, at most [`Command::LINES_MAX`] of it.
    pub lines: Vec<Line>,
}

impl Asked {
    /// Whether nothing is to be told.
    pub const fn is_empty(&self) -> bool {
        self.owner.is_none() && self.bookings.is_empty() && self.lines.is_empty()
    }
}

/// What is asked. Ids of things to be made are made outside, anew for each execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make a resource.
    CreateResource {
        /// Its id to be.
        resource: ResourceId,
        /// Checked.
        spec: Box<ResourceSpec>,
    },
    /// Edit a resource.
    EditResource {
        /// Which.
        resource: ResourceId,
        /// The policy version the editor saw.
        policy_version: u64,
        /// What shall be otherwise.
        patch: Box<ResourcePatch>,
    },
    /// Take time out of use.
    AddBlock {
        /// Of which resource.
        resource: ResourceId,
        /// The policy version the editor saw.
        policy_version: u64,
        /// Its id to be.
        block: BlockId,
        /// The time.
        interval: Interval,
        /// Why.
        reason: String,
        /// What becomes of live holds.
        over_holds: OverHolds,
        /// What becomes of bookings.
        over_bookings: OverBookings,
        /// Whom it does not concern.
        exceptions: Exceptions,
    },
    /// Put time in use again.
    RemoveBlock {
        /// Of which resource.
        resource: ResourceId,
        /// The policy version the editor saw.
        policy_version: u64,
        /// Which block.
        block: BlockId,
    },
    /// Book, confirming a hold if one is named.
    Book {
        /// Its id to be.
        booking: BookingId,
        /// For whom.
        owner: PersonId,
        /// What; all of it or nothing.
        lines: Vec<Line>,
        /// What people say about it.
        details: Details,
        /// The hold this confirms.
        hold: Option<HoldRef>,
    },
    /// Let a pending booking take its units.
    Approve {
        /// Which.
        booking: BookingId,
    },
    /// Give a booking up.
    Cancel {
        /// Which.
        booking: BookingId,
        /// Why.
        reason: Option<String>,
    },
    /// Put a booking elsewhere: other times, units or resources. Its old place is kept unless the new one is had.
    Move {
        /// Which.
        booking: BookingRef,
        /// What it takes from then on, all of it.
        to: Vec<Line>,
    },
    /// Let two bookings take each other's places.
    Swap {
        /// One.
        one: BookingRef,
        /// The other.
        other: BookingRef,
    },
    /// Edit what people say about a booking.
    EditBooking {
        /// Which.
        booking: BookingId,
        /// The revision the editor saw.
        revision: u64,
        /// What shall be otherwise.
        patch: DetailsPatch,
    },
    /// Keep units for a while.
    Hold {
        /// Its id to be.
        hold: HoldId,
        /// What.
        line: Line,
    },
    /// Keep them longer.
    Renew(HoldRef),
    /// Give them back.
    Release(HoldRef),
    /// Have somebody else's hold last until another instant, or end at once.
    SetHold {
        /// Which. Its id is that of one grant, so no token is needed to tell it from a later one.
        hold: HoldId,
        /// Until when; `None` ends it.
        until: Option<Instant>,
        /// Why.
        reason: String,
    },
    /// Do what fell due: end holds that are over, by time or since a restore, and give what is free to those who wait.
    ExpireHolds {
        /// Of which resource.
        resource: ResourceId,
    },
    /// Book the dates of a series, as its contract says.
    BookSeries(Box<SeriesToBook>),
    /// Change dates of a series, those that are not over.
    EditSeries {
        /// Which.
        series: SeriesId,
        /// Its bookings that are meant, in their order.
        bookings: Vec<BookingRef>,
        /// Whether all of them are changed or none, or as many as can be.
        contract: Contract,
        /// What becomes of them.
        edit: SeriesEdit,
    },
    /// Say that a booking's people are there.
    CheckIn {
        /// Which.
        booking: BookingId,
    },
    /// Let go what a booking takes that nobody came to.
    ReleaseNoShow {
        /// Which.
        booking: BookingId,
    },
    /// Refuse a pending booking.
    Decline {
        /// Which.
        booking: BookingRef,
        /// Why.
        reason: String,
    },
    /// Make a booking somebody else's.
    HandOver {
        /// Which.
        booking: BookingRef,
        /// Whose it shall be.
        to: PersonId,
        /// Why.
        reason: String,
    },
    /// Say how many units a resource has.
    SetCapacity {
        /// Of which resource.
        resource: ResourceId,
        /// The policy version the editor saw.
        policy_version: u64,
        /// How many; `None` is without limit.
        to: Option<u32>,
        /// How many the editor saw taken. Recorded; binds nothing, since bookings may pour in meanwhile.
        seen_used: Option<u32>,
        /// What becomes of what is more than that.
        below: Below,
        /// Why. It must be said where more is taken than there is.
        reason: Option<String>,
    },
    /// Take a resource out of service, or put it into it again.
    SetService {
        /// Which.
        resource: ResourceId,
        /// The policy version the editor saw.
        policy_version: u64,
        /// What it shall be.
        service: Service,
        /// Why.
        reason: String,
    },
    /// An admin's word over rules and bookings that stand in the way of a [`Action::Book`] or [`Action::Move`].
    Override {
        /// What is asked.
        action: Box<Action>,
        /// Why.
        reason: String,
        /// Exactly the bookings that are displaced by it.
        displaces: Preview,
    },
    /// Wait for units of a resource.
    JoinWaitlist {
        /// Its id to be.
        entry: EntryId,
        /// For whom.
        owner: PersonId,
        /// What they want.
        line: Line,
        /// Priority; only admins give another than 0.
        class: u8,
        /// A booking of theirs that is given up in the commit in which they get it.
        gives_up: Option<BookingId>,
        /// What they are to get.
        wants: Wants,
    },
    /// Wait no more; an offer is declined by it too.
    LeaveWaitlist {
        /// Which place.
        entry: EntryId,
    },
    /// Give somebody who waits another priority.
    SetClass {
        /// Which place.
        entry: EntryId,
        /// The higher goes first.
        class: u8,
    },
}

/// The bookings that a change will displace, each at the revision that was looked at.
pub type Preview = Vec<(BookingId, u64)>;

/// What a block does to bookings on its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverBookings {
    /// It is refused.
    Refuse,
    /// It displaces them, if they are these.
    Displace(Preview),
}

/// What becomes of what is taken beyond a lower capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Below {
    /// It is refused.
    Refuse,
    /// It stays, and nothing new comes where it does not fit.
    OverCommit,
    /// As many of the newest bookings as needed are displaced, if they are these.
    DisplaceNewest(Preview),
    /// These bookings are displaced.
    DisplaceNamed(Preview),
}

/// Whether a resource can be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Nothing new is booked.
    Closed,
    /// It is.
    Open,
}

/// A series to be booked: on one resource, one booking for each date.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesToBook {
    /// What the bookings have in common.
    pub series: Arc<Series>,
    /// For whom.
    pub owner: PersonId,
    /// Of which resource.
    pub resource: ResourceId,
    /// How many units, each time.
    pub units: u32,
    /// What people say about each.
    pub details: Details,
    /// When; in order, and none meets the next.
    pub dates: Vec<SeriesDate>,
}

impl SeriesToBook {
    /// What each of its dates takes.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let line =
            |date: &SeriesDate| Line { resource: self.resource, interval: Some(date.interval), units: self.units };
        self.dates.iter().map(line)
    }
}

/// What a block does to live holds on its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverHolds {
    /// It is refused.
    Refuse,
    /// It voids them.
    Void,
}

/// One resource of a command with units and interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Of which resource.
    pub resource: ResourceId,
    /// When; `None` for sections and sessions, which have one interval.
    pub interval: Option<Interval>,
    /// How many units.
    pub units: u32,
}

/// A booking as somebody names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookingRef {
    /// Which.
    pub id: BookingId,
    /// The revision they saw, if it is to be that one.
    pub revision: Option<u64>,
}

/// A hold as its holder names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldRef {
    /// Which.
    pub id: HoldId,
    /// The token of its grant.
    pub token: FencingToken,
}

/// A command with what it rests on, handed to persist.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The attempt it belongs to.
    pub key: AttemptKey,
    /// What was asked, hashed.
    pub fingerprint: Fingerprint,
    /// What is asked.
    pub command: Command,
    /// The versions it was proposed against.
    pub observed: Vec<(ResourceId, Version)>,
    /// What deciding on the observed snapshot said; `None` if it would have been accepted. A hint.
    pub hint: Option<Code>,
}

impl Command {
    /// Lines of one command.
    pub const LINES_MAX: usize = 20;
    /// Bookings that one command can displace.
    pub const DISPLACED_MAX: usize = 100;
    /// Bookings that are looked at for the newest of them.
    pub const CANDIDATES_MAX: usize = 2_000;
    /// Characters of a reason.
    pub const REASON_MAX: usize = 1_000;

    /// What must be seen to judge it. Rules may ask for more.
    pub fn scope(&self) -> Scope {
        let mut scope = self.action.scope(self.actor);
        scope.roles.extend(self.actor.person());
        scope
    }

    /// What it asks for, to be kept with its refusal.
    pub fn asked(&self) -> Asked {
        self.action.asked(self.actor)
    }

    /// What it is called in logs, metrics and the record.
    pub const fn name(&self) -> &'static str {
        self.action.name()
    }
}

impl Action {
    fn scope(&self, actor: Actor) -> Scope {
        let mut scope = Scope::default();
        match self {
            Action::CreateResource { resource, spec } => {
                scope.resources.insert(*resource);
                scope.joins(spec.group.as_ref().map(|g| g.id));
            }
            Action::EditResource { resource, patch, .. } => {
                scope.resources.insert(*resource);
                scope.joins(patch.group.flatten());
            }
            Action::AddBlock { resource, over_bookings: OverBookings::Refuse, .. }
            | Action::RemoveBlock { resource, .. }
            | Action::SetService { resource, .. }
            | Action::ExpireHolds { resource } => {
                scope.resources.insert(*resource);
            }
            Action::SetCapacity { resource, below, .. } => {
                scope.resources.insert(*resource);
                match below {
                    Below::DisplaceNewest(preview) | Below::DisplaceNamed(preview) => {
                        scope.bookings.extend(preview.iter().map(|(id, _)| *id));
                    }
                    Below::Refuse | Below::OverCommit => {}
                }
            }
            Action::Override { action, displaces, .. } => {
                scope = action.scope(actor);
                if let Action::Book { owner, .. } = &**action {
                    scope.people.insert(*owner);
                }
                scope.bookings.extend(displaces.iter().map(|(id, _)| *id));
            }
            Action::AddBlock { resource, over_bookings: OverBookings::Displace(preview), .. } => {
                scope.resources.insert(*resource);
                scope.bookings.extend(preview.iter().map(|(id, _)| *id));
            }
            Action::Book { owner, lines, hold, .. } => {
                scope.resources.extend(lines.iter().map(|l| l.resource));
                scope.roles.insert(*owner);
                scope.holds.extend(hold.map(|h| h.id));
            }
            Action::Approve { booking }
            | Action::Cancel { booking, .. }
            | Action::EditBooking { booking, .. }
            | Action::CheckIn { booking }
            | Action::ReleaseNoShow { booking } => {
                scope.bookings.insert(*booking);
            }
            Action::Decline { booking, .. } => {
                scope.bookings.insert(booking.id);
            }
            Action::HandOver { booking, to, .. } => {
                scope.bookings.insert(booking.id);
                scope.roles.insert(*to);
                scope.people.insert(*to);
            }
            Action::Move { booking, to } => {
                scope.bookings.insert(booking.id);
                scope.resources.extend(to.iter().map(|l| l.resource));
            }
            Action::Swap { one, other } => scope.bookings.extend([one.id, other.id]),
            Action::Hold { line, .. } => {
                scope.resources.insert(line.resource);
                scope.people.extend(actor.person());
            }
            Action::Renew(hold) | Action::Release(hold) => {
                scope.holds.insert(hold.id);
            }
            Action::SetHold { hold, .. } => {
                scope.holds.insert(*hold);
            }
            Action::BookSeries(asked) => {
                scope.resources.insert(asked.resource);
                scope.roles.insert(asked.owner);
            }
            Action::EditSeries { bookings, edit, .. } => {
                scope.bookings.extend(bookings.iter().map(|b| b.id));
                match edit {
                    SeriesEdit::Move(places) => scope.resources.extend(places.iter().map(|p| p.resource)),
                    SeriesEdit::Cancel { .. } | SeriesEdit::Details(_) => {}
                }
            }
            Action::JoinWaitlist { entry, owner, line, gives_up, .. } => {
                scope.entries.insert(*entry);
                scope.resources.insert(line.resource);
                scope.roles.insert(*owner);
                scope.people.insert(*owner);
                scope.bookings.extend(*gives_up);
            }
            Action::LeaveWaitlist { entry } | Action::SetClass { entry, .. } => {
                scope.entries.insert(*entry);
            }
        }
        scope
    }

    fn asked(&self, actor: Actor) -> Asked {
        let few = |lines: &[Line]| lines.iter().take(Command::LINES_MAX).copied().collect();
        match self {
            Action::Book { owner, lines, .. } => Asked {
                owner: Some(*owner).filter(|owner| Some(*owner) != actor.person()),
                lines: few(lines),
                ..Asked::default()
            },
            Action::Move { booking, to } => Asked { bookings: vec![booking.id], lines: few(to), ..Asked::default() },
            Action::Swap { one, other } => Asked { bookings: vec![one.id, other.id], ..Asked::default() },
            Action::Approve { booking }
            | Action::Cancel { booking, .. }
            | Action::EditBooking { booking, .. }
            | Action::CheckIn { booking }
            | Action::ReleaseNoShow { booking } => Asked { bookings: vec![*booking], ..Asked::default() },
            Action::Decline { booking, .. } => Asked { bookings: vec![booking.id], ..Asked::default() },
            Action::HandOver { booking, to, .. } => {
                Asked { owner: Some(*to), bookings: vec![booking.id], ..Asked::default() }
            }
            Action::Override { action, .. } => action.asked(actor),
            Action::Hold { line, .. } => Asked { lines: vec![*line], ..Asked::default() },
            Action::JoinWaitlist { owner, line, .. } => Asked {
                owner: Some(*owner).filter(|owner| Some(*owner) != actor.person()),
                lines: vec![*line],
                ..Asked::default()
            },
            Action::AddBlock { resource, interval, .. } => Asked {
                lines: vec![Line { resource: *resource, interval: Some(*interval), units: 0 }],
                ..Asked::default()
            },
            // What was said of each date is kept too.
            Action::BookSeries(asked) => Asked {
                owner: Some(asked.owner).filter(|owner| Some(*owner) != actor.person()),
                lines: asked.lines().take(Command::LINES_MAX).collect(),
                ..Asked::default()
            },
            Action::EditSeries { bookings, edit, .. } => Asked {
                bookings: bookings.iter().take(Series::DATES_MAX).map(|named| named.id).collect(),
                lines: edit.lines().take(Command::LINES_MAX).collect(),
                ..Asked::default()
            },
            Action::CreateResource { .. }
            | Action::EditResource { .. }
            | Action::RemoveBlock { .. }
            | Action::Renew(_)
            | Action::Release(_)
            | Action::SetHold { .. }
            | Action::ExpireHolds { .. }
            | Action::LeaveWaitlist { .. }
            | Action::SetClass { .. }
            | Action::SetCapacity { .. }
            | Action::SetService { .. } => Asked::default(),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Action::CreateResource { .. } => "create_resource",
            Action::EditResource { .. } => "edit_resource",
            Action::AddBlock { .. } => "add_block",
            Action::RemoveBlock { .. } => "remove_block",
            Action::Book { .. } => "book",
            Action::Approve { .. } => "approve",
            Action::Cancel { .. } => "cancel",
            Action::Move { .. } => "move",
            Action::Swap { .. } => "swap",
            Action::EditBooking { .. } => "edit_booking",
            Action::Hold { .. } => "hold",
            Action::Renew(_) => "renew",
            Action::Release(_) => "release",
            Action::SetHold { until: Some(_), .. } => "set_hold",
            Action::SetHold { until: None, .. } => "end_hold",
            Action::ExpireHolds { .. } => "expire_holds",
            Action::BookSeries(_) => "book_series",
            Action::EditSeries { edit, .. } => match edit {
                SeriesEdit::Cancel { .. } => "cancel_series",
                SeriesEdit::Move(_) => "move_series",
                SeriesEdit::Details(_) => "edit_series",
            },
            Action::JoinWaitlist { .. } => "join_waitlist",
            Action::LeaveWaitlist { .. } => "leave_waitlist",
            Action::SetClass { .. } => "set_class",
            Action::CheckIn { .. } => "check_in",
            Action::ReleaseNoShow { .. } => "release_no_show",
            Action::Decline { .. } => "decline",
            Action::HandOver { .. } => "hand_over",
            Action::SetCapacity { .. } => "set_capacity",
            Action::SetService { .. } => "set_service",
            Action::Override { .. } => "override",
        }
    }
}
