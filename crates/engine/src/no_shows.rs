//! Bookings that nobody came to: what they still take is let go by a command through the ordinary path, soon after check-in closes.
//! It judges nothing: whoever came at the last moment is found checked in when the command is decided.

use crate::attempt::{Answer, Engine, Request};
use crate::catalogue::read;
use crate::port::{StoreError, Views};
use slotwise_domain::{
    Action, Actor, BookingId, BookingState, Calendar, Command, Fingerprint, Instant, UseId, check_in_window,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked for them: the rest is free within a second or so.
const EVERY: Duration = Duration::from_secs(1);
/// Bookings of one round.
const ROUND_MAX: usize = 256;
/// Calendars looked at together.
const CALENDARS_MAX: usize = 500;
/// Bookings remembered as settled, so that they are not read again every second; more are forgotten all at once.
const SETTLED_MAX: usize = 50_000;

/// Runs until its task is aborted.
pub async fn run(engine: Arc<Engine>, views: Arc<dyn Views>) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut settled = HashSet::new();
    loop {
        tick.tick().await;
        match engine.store().sweeps().await {
            Ok(true) => drop(release_due(&engine, &*views, &mut settled).await),
            Ok(false) => {}
            Err(e) => tracing::warn!("asking who looks for those who have not come: {e}"),
        }
    }
}

/// Releases what is due now, once each. Says how many were. `settled` are bookings of which nothing more falls due.
pub async fn release_due(engine: &Arc<Engine>, views: &dyn Views, settled: &mut HashSet<BookingId>) -> usize {
    if settled.len() > SETTLED_MAX {
        settled.clear();
    }
    let due = match due(views, engine.now(), settled).await {
        Ok(due) => due,
        Err(e) => {
            tracing::warn!("asking who has not come: {e}");
            return 0;
        }
    };
    let released = due.into_iter().map(|booking| {
        let key = engine.fresh_id();
        let mut fingerprint = [0; 32];
        fingerprint[..16].copy_from_slice(key.as_bytes());
        let command =
            Command { actor: Actor::System, action: Action::ReleaseNoShow { booking }, seen: None, reason: None };
        engine.execute(Request { key, fingerprint: Fingerprint(fingerprint), command })
    });
    let mut carried_out = 0;
    for answer in futures_util::future::join_all(released).await {
        match answer {
            Answer::Decided(..) | Answer::Replayed(_) => carried_out += 1,
            Answer::Failed(failure) => {
                tracing::warn!(code = failure.code.name(), "a no-show was not let go; the next round asks again");
            }
            Answer::None(no) => tracing::warn!(why = ?no, "a no-show has no outcome; the next round asks again"),
        }
    }
    carried_out
}

/// Confirmed bookings that run, and whose check-in has closed.
async fn due(views: &dyn Views, now: Instant, settled: &mut HashSet<BookingId>) -> Result<Vec<BookingId>, StoreError> {
    let asking = read(views.catalogue()).asking_check_in();
    let mut due = Vec::new();
    for ids in asking.chunks(CALENDARS_MAX) {
        for calendar in views.calendars(ids.to_vec()).await? {
            for id in running(&calendar, now).filter(|id| !settled.contains(id)).collect::<HashSet<_>>() {
                let Some(booking) = views.booking(id).await? else { continue };
                if booking.state != BookingState::Confirmed {
                    // A pending one may be confirmed yet; all others are what they stay in this respect.
                    if !matches!(booking.state, BookingState::Pending { .. }) {
                        settled.insert(id);
                    }
                    continue;
                }
                let rule = |id| read(views.catalogue()).resource(id)?.spec.policy.check_in;
                let closed = check_in_window(&booking, rule).is_some_and(|(_, _, closes)| now >= closes);
                if closed && now < booking.end() {
                    due.push(id);
                }
                if due.len() >= ROUND_MAX {
                    return Ok(due);
                }
            }
        }
    }
    Ok(due)
}

/// Bookings that have begun long enough ago, by this resource's rule, and are not over.
fn running(calendar: &Calendar, now: Instant) -> impl Iterator<Item = BookingId> {
    let closes = calendar.resource.spec.policy.check_in.map(|rule| rule.closes);
    let begun = calendar.uses.iter().take_while(move |((start, _), _)| *start <= now);
    begun.filter_map(move |(_, u)| match u.id {
        UseId::Booking(id, _) => (now >= u.interval.start().plus(closes?) && now < u.occupied.end()).then_some(id),
        UseId::Hold(_) => None,
    })
}
