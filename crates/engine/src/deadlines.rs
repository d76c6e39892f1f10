//! What falls due by itself: holds that expire are freed and told by a command through the ordinary path.
//! Nothing rests on it being in time: expiry is judged at every decision.

use crate::attempt::{Answer, Engine, Request};
use slotwise_domain::{Action, Actor, Command, Fingerprint, ResourceId};
use std::sync::Arc;
use std::time::Duration;

/// How often the store is asked what is due: a hold is told expired within a second.
const EVERY: Duration = Duration::from_millis(250);
/// Resources of one round.
const ROUND_MAX: usize = 256;

/// Runs until its task is aborted.
pub async fn run(engine: Arc<Engine>) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        fire_due(&engine).await;
    }
}

/// Fires all that is due now, before anybody is served: what fell due while nobody ran, and after a restore every hold from before
/// it. Whoever is cut short here finds the rest at the next start.
pub async fn fire_overdue(engine: &Arc<Engine>) {
    while fire_due(engine).await == ROUND_MAX {}
}

/// Fires what is due now, once each. Says how many were carried out.
pub async fn fire_due(engine: &Arc<Engine>) -> usize {
    let due = match engine.store().due(None, ROUND_MAX).await {
        Ok(due) => due,
        Err(e) => {
            tracing::warn!("asking what is due: {e}");
            return 0;
        }
    };
    look_again(engine, due.into_iter().map(|(_, resource)| resource)).await
}

/// Looks at resources again, with a command of its own for each: whatever has fallen due there happens, and who waits there has
/// their turn if it has come. Says how many were carried out.
pub async fn look_again(engine: &Arc<Engine>, resources: impl IntoIterator<Item = ResourceId>) -> usize {
    let fired = resources.into_iter().map(|resource| {
        let key = engine.fresh_id();
        let mut fingerprint = [0; 32];
        fingerprint[..16].copy_from_slice(key.as_bytes());
        let command =
            Command { actor: Actor::System, action: Action::ExpireHolds { resource }, seen: None, reason: None };
        engine.execute(Request { key, fingerprint: Fingerprint(fingerprint), command })
    });
    let mut carried_out = 0;
    for answer in futures_util::future::join_all(fired).await {
        match answer {
            Answer::Decided(..) | Answer::Replayed(_) => carried_out += 1,
            Answer::Failed(failure) => {
                tracing::warn!(code = failure.code.name(), "a deadline was not carried out; the next round asks again");
            }
            Answer::None(no) => tracing::warn!(why = ?no, "a deadline has no outcome; the next round asks again"),
        }
    }
    carried_out
}
