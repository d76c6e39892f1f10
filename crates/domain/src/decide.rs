//! The judgement: what a command would change, or why it is refused. Pure; the same on a snapshot and on the rows held.
//! It never looks at a clock or a store: the world and the instant are arguments.
//!
//! Guards stand in the order of precedence of [`Code`], each over all lines of a command; after the last one it succeeds.

mod admin;
mod bookings;
mod displace;
mod draft;
mod fit;
mod guards;
mod holds;
mod persons;
mod promote;
mod reminders;
mod resources;
mod series;
mod waits;

use crate::calendar::{Block, Calendar};
use crate::change::Changes;
use crate::command::{Action, Command};
use crate::ids::PersonId;
use crate::outcome::{Code, Ground, Rejection, Rule, Subject, Verdict};
use crate::time::{Instant, Interval};
use crate::world::{Scope, World};
use admin::{check_in, decline, hand_over, release_no_show, set_capacity, set_service};
use bookings::{Destination, NewBooking, approve, book, cancel, edit_booking, move_to, swap};
use displace::Over;
use draft::Draft;
use guards::reasoned;
use holds::{grant, release, renew, set_hold};
use resources::{add_block, create_resource, edit_resource, remove_block};
use series::{book_series, edit_series};
use waits::{Join, join, leave, set_class};

pub use admin::check_in_window;
pub(crate) use admin::window_since;
pub use fit::{Glance, glance};
pub use persons::{QuotaStanding, quota_standing};

/// Why judging ends before a command is accepted.
enum Stop {
    Rejected(Box<Rejection>),
    Needs(Box<Scope>),
    Moved(Box<Ground>),
}

impl From<Rejection> for Stop {
    fn from(r: Rejection) -> Stop {
        Stop::Rejected(Box::new(r))
    }
}

type Judged = Result<Subject, Stop>;

fn reject<T>(r: Rejection) -> Result<T, Stop> {
    Err(r.into())
}

/// What the command would change if the world were so at `now`, or why not.
pub fn decide(world: &World, command: &Command, now: Instant) -> Verdict {
    let scope = command.scope();
    match scope.within(&world.loaded) {
        true => decide_loaded(world, command, &scope, now),
        false => Verdict::Needs(scope.minus(&world.loaded)),
    }
}

/// The same, for a command whose own scope is loaded.
pub(crate) fn decide_loaded(world: &World, command: &Command, scope: &Scope, now: Instant) -> Verdict {
    let mut draft = Draft::new(world, now);
    draft.reason = command.reason.as_deref();
    let touched = world.touched(scope);
    draft.expire_due(touched.iter().copied());
    let judged = judge(&mut draft, command);
    if judged.is_ok() {
        draft.say_why();
    }
    if crate::planted!(PromotedLater)
        && !matches!(command.action, Action::ExpireHolds { .. })
        && let Ok(subject) = judged
    {
        touched.iter().for_each(|id| draft.see_to_it(*id));
        return Verdict::Accepted(draft.changes(), subject);
    }
    let judged = judged.and_then(|subject| promote::follow(&mut draft, &touched).map(|()| subject));
    match judged {
        Ok(subject) => Verdict::Accepted(draft.changes(), subject),
        Err(Stop::Needs(scope)) => Verdict::Needs(*scope),
        Err(Stop::Moved(ground)) => Verdict::Moved(*ground),
        Err(Stop::Rejected(rejection)) => {
            let dates = std::mem::take(&mut draft.dates);
            Verdict::Rejected(*rejection, Changes { dates, ..let_go(world, command, now) })
        }
    }
}

fn judge(draft: &mut Draft, command: &Command) -> Judged {
    let actor = command.actor;
    if draft.reason.is_some() {
        reasoned(draft.reason)?;
    }
    match &command.action {
        Action::CreateResource { resource, spec } => create_resource(draft, actor, *resource, spec),
        Action::EditResource { resource, patch, .. } => edit_resource(draft, actor, *resource, patch),
        Action::AddBlock { resource, block, interval, reason, over_holds, over_bookings, exceptions, .. } => {
            let block =
                Block { id: *block, interval: *interval, reason: reason.clone(), exceptions: exceptions.clone() };
            add_block(draft, actor, *resource, block, *over_holds, over_bookings)
        }
        Action::RemoveBlock { resource, block, .. } => remove_block(draft, actor, *resource, *block),
        Action::Book { booking, owner, lines, details, hold } => {
            let new = NewBooking { id: *booking, owner: *owner, lines, details, occurrence: None };
            book(draft, actor, &new, *hold, None)
        }
        Action::Approve { booking } => approve(draft, actor, *booking),
        Action::Cancel { booking, reason } => cancel(draft, actor, *booking, reason.as_ref()),
        Action::Move { booking, to } => {
            move_to(draft, actor, booking.id, &Destination { lines: to, leaving: &[], occurrence: None }, None)
        }
        Action::Swap { one, other } => swap(draft, actor, one.id, other.id),
        Action::EditBooking { booking, patch, .. } => edit_booking(draft, actor, *booking, patch),
        Action::Hold { hold, line } => grant(draft, actor, *hold, *line),
        Action::Renew(hold) => renew(draft, actor, *hold),
        Action::Release(hold) => release(draft, actor, *hold),
        Action::SetHold { hold, until, reason } => set_hold(draft, actor, *hold, *until, reason),
        Action::ExpireHolds { resource } => Ok(Subject::Resource(*resource)),
        Action::BookSeries(asked) => book_series(draft, actor, asked),
        Action::EditSeries { series, bookings, contract, edit } => {
            edit_series(draft, actor, *series, bookings, *contract, edit)
        }
        Action::CheckIn { booking } => check_in(draft, actor, *booking),
        Action::ReleaseNoShow { booking } => release_no_show(draft, actor, *booking),
        Action::Decline { booking, reason } => decline(draft, actor, booking.id, reason),
        Action::HandOver { booking, to, reason } => hand_over(draft, actor, booking.id, *to, reason),
        Action::SetCapacity { resource, to, seen_used, below, reason, .. } => {
            set_capacity(draft, actor, *resource, *to, *seen_used, below, reason.as_deref())
        }
        Action::SetService { resource, service, reason, .. } => set_service(draft, actor, *resource, *service, reason),
        Action::Override { action, reason, displaces } => {
            let over = Some(Over { reason, displaces });
            match &**action {
                Action::Book { booking, owner, lines, details, hold } => {
                    let new = NewBooking { id: *booking, owner: *owner, lines, details, occurrence: None };
                    book(draft, actor, &new, *hold, over)
                }
                Action::Move { booking, to } => {
                    move_to(draft, actor, booking.id, &Destination { lines: to, leaving: &[], occurrence: None }, over)
                }
                _ => reject(Rejection::by(Code::Invalid, Rule::Field("override"))),
            }
        }
        Action::JoinWaitlist { entry, owner, line, class, gives_up, wants } => {
            let (entry, owner, line, class) = (*entry, *owner, *line, *class);
            let asked = Join { entry, owner, line, class, gives_up: *gives_up, wants: *wants };
            join(draft, actor, &asked)
        }
        Action::LeaveWaitlist { entry } => leave(draft, actor, *entry),
        Action::SetClass { entry, class } => set_class(draft, actor, *entry, *class),
    }
}

/// A refused confirm lets its own current hold go, in the same commit. Nothing else follows from a refusal.
fn let_go(world: &World, command: &Command, now: Instant) -> Changes {
    let Action::Book { hold: Some(named), .. } = &command.action else { return Changes::default() };
    let Some((resource, None)) = world.holds.get(&named.id) else { return Changes::default() };
    let held = world.calendars.get(resource).and_then(|c| c.holds.get(&named.id));
    let Some(hold) = held.filter(|h| Some(h.holder) == command.actor.person() && h.token == named.token) else {
        return Changes::default();
    };
    let mut draft = Draft::new(world, now);
    draft.expire_due([*resource]);
    if hold.over(world.epoch, now).is_none() {
        draft.let_go(*hold);
    }
    draft.see_to_it(*resource);
    draft.changes()
}

/// Whether the interval is free for one more use of so many units, and if not how it looks to whoever asks. For badges.
pub fn free_units(calendar: &Calendar, interval: Interval, asker: Option<PersonId>, now: Instant) -> Option<u32> {
    fit::free_units(calendar, interval, asker, now)
}

/// Units of the interval that are free and owed to those who wait: shown as owed, never as free.
pub fn owed_units(calendar: &Calendar, interval: Interval, now: Instant) -> u32 {
    fit::owed_units(calendar, interval, now)
}
