//! One proposal within a commit: judged, folded, asserted. Every store calls this between its rows and its writes.
//! It writes nothing and waits for nothing.

use crate::port::{Made, Recorded};
use slotwise_domain::{
    Action, Asked, AttemptKey, Booking, BookingState, Broken, Changes, Code, Decision, Failure, FailureCode, Instant,
    Outcome, Proposal, ResourceId, Scope, Settle, Span, Subject, Verdict, World, invariants,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How long a key is kept after the time that is in it. A store may forget its answer then: it is never carried out again.
pub const KEY_KEPT: Span = Span::days(7);
/// How far ahead of the store's clock a key may be dated.
pub const KEY_AHEAD: Span = Span::days(1);

/// What became of a proposal.
#[derive(Clone, Debug)]
pub enum Judged {
    /// An answer to record, with what to write.
    Decided(Arc<Recorded>, Changes, Option<Made>),
    /// Nothing changes.
    Failed(Failure),
}

/// Judges one proposal against the world, loading what it needs, and folds what it changes, so that the next sees it.
/// Before anything of a commit is written, [`assert_sound`] must have said so.
pub fn judge<E>(
    world: &mut World,
    proposal: &Proposal,
    settle: Settle,
    clock: Instant,
    mut load: impl FnMut(&mut World, &Scope) -> Result<(), E>,
) -> Result<Judged, E> {
    let clock = match slotwise_domain::planted!(CutoffAtArrival) {
        true => clock.min(key_time(proposal.key)),
        false => clock,
    };
    let mut scope = proposal.command.scope();
    if !scope.within(&world.loaded) {
        load(world, &scope.minus(&world.loaded))?;
    }
    for round in 1..=World::ROUNDS_MAX {
        let decided_at = world.decided_at(&scope, clock);
        world.rounds = World::ROUNDS_MAX - round;
        // A panic in the judgement is this proposal's alone: the world is not touched by it.
        let Ok(verdict) = catch_unwind(AssertUnwindSafe(|| settle(world, proposal, decided_at))) else {
            tracing::error!(command = proposal.command.name(), key = %proposal.key.key, "settle panicked; this is a bug");
            metrics::counter!("slotwise_settle_panics_total").increment(1);
            return Ok(Judged::Failed(Failure::of(FailureCode::StoreUnavailable)));
        };
        return Ok(match verdict {
            Verdict::Needs(more) => {
                load(world, &more.minus(&world.loaded))?;
                scope.extend(&more);
                continue;
            }
            Verdict::Moved(ground) => Judged::Failed(Failure { code: FailureCode::VersionStale, ground: Some(ground) }),
            Verdict::Accepted(changes, subject) => {
                // It may reach resources that another proposal had loaded: of those too, time never goes back.
                let reached =
                    Scope { resources: changes.records.iter().map(|(id, _)| *id).collect(), ..Scope::default() };
                if world.decided_at(&reached, decided_at) > decided_at {
                    scope.extend(&reached);
                    continue;
                }
                let asked = match &proposal.command.action {
                    Action::Override { action, .. } => action,
                    action => action,
                };
                let outcome = match (asked, books(&changes, subject)) {
                    (Action::Book { .. } | Action::BookSeries(_), true) => Outcome::Booked,
                    (_, _) => Outcome::Accepted,
                };
                fold(world, proposal, changes, outcome, Some(subject), decided_at)
            }
            Verdict::Rejected(rejection, changes) => {
                fold(world, proposal, changes, Outcome::Rejected(rejection), None, decided_at)
            }
        });
    }
    Ok(Judged::Failed(Failure::of(FailureCode::Conflict)))
}

/// Whether what it is about is confirmed: others may have their turn by it.
fn books(changes: &Changes, subject: Subject) -> bool {
    let about = |b: &Booking| match subject {
        Subject::Series(id) => b.is_of(id),
        Subject::Booking(id) => b.id == id,
        Subject::Bookings(..) | Subject::Hold(..) | Subject::Resource(_) | Subject::Block(..) | Subject::Entry(..) => {
            false
        }
    };
    changes.bookings.iter().any(|b| about(b) && b.state == BookingState::Confirmed)
}

fn fold(
    world: &mut World,
    proposal: &Proposal,
    mut changes: Changes,
    outcome: Outcome,
    subject: Option<Subject>,
    decided_at: Instant,
) -> Judged {
    let made_versions = world.apply(&changes, decided_at);
    // Where it made none, they are what they were: of what it named, whatever else a rule had to see, or a neighbour had loaded.
    let decided = if made_versions.is_empty() { world.versions(&proposal.command.scope()) } else { made_versions };
    let policy = |(id, _): &(ResourceId, _)| Some((*id, world.calendars.get(id)?.resource.policy_version));
    let mut policies = Vec::with_capacity(decided.len());
    policies.extend(decided.iter().filter_map(policy));
    let made = subject.and_then(|s| made(world, s));
    let asked = match outcome {
        Outcome::Rejected(_) => proposal.command.asked(),
        Outcome::Booked | Outcome::Accepted => Asked::default(),
    };
    let decision = Decision {
        outcome,
        subject,
        decided_at,
        seen: proposal.command.seen,
        observed: proposal.observed.clone(),
        decided,
        policies,
        dates: std::mem::take(&mut changes.dates),
        asked,
    };
    if let (Outcome::Rejected(r), hint) = (&decision.outcome, proposal.hint)
        && hint != Some(r.code)
    {
        metrics::counter!("slotwise_observed_differs_total", "decided" => r.code.name()).increment(1);
    } else if let (Outcome::Booked | Outcome::Accepted, Some(hint)) = (&decision.outcome, proposal.hint) {
        metrics::counter!("slotwise_observed_differs_total", "decided" => "accepted", "hint" => hint.name())
            .increment(1);
    }
    let recorded = Recorded { key: proposal.key, fingerprint: proposal.fingerprint, decision };
    Judged::Decided(Arc::new(recorded), changes, made)
}

/// Adds up again what a commit touched, after all its proposals were judged and before anything is written. What it finds is a
/// bug: the whole commit must be undone, and the writer must stop.
pub fn assert_sound<'a>(world: &World, commit: impl IntoIterator<Item = (&'a Changes, Instant)>) -> Result<(), Broken> {
    let sound = invariants::check(world, commit);
    if sound.is_err() {
        metrics::counter!("slotwise_assertion_failures_total").increment(1);
    }
    sound
}

/// What a subject is in this world.
pub fn made(world: &World, subject: Subject) -> Option<Made> {
    match subject {
        Subject::Booking(id) => world.bookings.get(&id).cloned().map(Made::Booking),
        Subject::Bookings(one, other) => {
            Some(Made::Bookings(world.bookings.get(&one)?.clone(), world.bookings.get(&other)?.clone()))
        }
        Subject::Hold(resource, id) => match world.holds.get(&id) {
            Some((_, Some(ended))) => Some(Made::Hold(ended.hold, Some(ended.end))),
            _ => world.calendars.get(&resource)?.holds.get(&id).map(|h| Made::Hold(*h, None)),
        },
        Subject::Resource(id) => world.calendars.get(&id).cloned().map(Made::Resource),
        Subject::Block(resource, id) => {
            let calendar = world.calendars.get(&resource)?;
            let block = calendar.blocks.get(&id)?;
            Some(Made::Block(resource, block.clone(), calendar.resource.policy_version))
        }
        // What became of each date is in the decision.
        Subject::Series(_) => None,
        Subject::Entry(resource, id) => match world.entries.get(&id) {
            Some((_, Some(ended))) => Some(Made::Entry(Box::new(ended.entry), Some(ended.end), 0)),
            _ => {
                let calendar = world.calendars.get(&resource)?;
                let place = calendar.place_in_line(id).unwrap_or(0);
                calendar.entry(id).map(|entry| Made::Entry(Box::new(*entry), None, place))
            }
        },
    }
}

/// Whether a key that no answer is recorded for may still begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAge {
    /// It may.
    Fresh,
    /// It is older than keys are kept: its answer may have been forgotten.
    Expired,
    /// It was made before the last restore: its answer may have been lost.
    BeforeRestore,
}

/// The age of an unknown key, by the time in its UUIDv7.
pub fn key_age(key: AttemptKey, now: Instant, epoch_began: Option<Instant>) -> KeyAge {
    let made_at = key_time(key);
    if now.since(made_at) >= KEY_KEPT {
        KeyAge::Expired
    } else if epoch_began.is_some_and(|began| made_at < began) {
        KeyAge::BeforeRestore
    } else {
        KeyAge::Fresh
    }
}

/// The time in a UUIDv7 key.
pub fn key_time(key: AttemptKey) -> Instant {
    let bytes = key.key.as_bytes();
    let millis = bytes.iter().take(6).fold(0_i64, |ms, b| ms << 8 | i64::from(*b));
    Instant(millis.saturating_mul(1_000))
}

/// The name of an outcome's code in metrics.
pub fn outcome_code(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Booked | Outcome::Accepted => "",
        Outcome::Rejected(r) => Code::name(r.code),
    }
}
