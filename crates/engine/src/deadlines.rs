//! What falls due by itself: holds that expire are freed and told by a command through the ordinary path.
//! Nothing rests on it being in time: expiry is judged at every decision.

use crate::attempt::{Answer, Engine, Request};
use slotwise_domain::{Action, Actor, Command, Fingerprint};
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

/// Fires what is due now, once each.
pub async fn fire_due(engine: &Arc<Engine>) {
    let due = match engine.store().due(engine.now(), ROUND_MAX).await {
        Ok(due) => due,
        Err(e) => return tracing::warn!("asking what is due: {e}"),
    };
    let fired = due.into_iter().map(|(_, resource)| {
        let key = engine.fresh_id();
        let mut fingerprint = [0; 32];
        fingerprint[..16].copy_from_slice(key.as_bytes());
        let command = Command { actor: Actor::System, action: Action::ExpireHolds { resource }, seen: None };
        engine.execute(Request { key, fingerprint: Fingerprint(fingerprint), command })
    });
    for answer in futures_util::future::join_all(fired).await {
        if let Answer::Failed(failure) = answer {
            tracing::warn!(code = failure.code.name(), "a deadline was not carried out; the next round asks again");
        }
    }
}
