//! What was committed, in order, from a cursor, for whoever tells the world.
//! It speaks only of what is durable, and loses nothing: a reader that is slow finds it all later.

use crate::attempt::Engine;
use crate::port::{Cursor, Record, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long it waits for the doorbell before it looks anyway.
const POLL: Duration = Duration::from_millis(250);
/// Records read at once.
const READ_MAX: usize = 500;

/// A reader of the outbox.
pub struct Outbox {
    store: Arc<dyn Store>,
    doorbell: Arc<Notify>,
    cursor: Cursor,
}

impl Outbox {
    /// A reader of what is committed from now on.
    pub async fn from_now(engine: &Engine) -> Result<Outbox, StoreError> {
        let cursor = engine.store().head().await?;
        let store = engine.store().clone();
        let doorbell = store.doorbell().unwrap_or_else(|| engine.doorbell());
        Ok(Outbox { store, doorbell, cursor })
    }

    /// Leaves out what was committed until now: for a reader whom nobody has listened to.
    pub async fn skip_to_now(&mut self) {
        match self.store.head().await {
            Ok(head) => self.cursor = self.cursor.clone().max(head),
            // Then it tells more than was asked for, which every receiver can drop.
            Err(e) => tracing::warn!("skipping in the outbox: {e}"),
        }
    }

    /// The next records; waits until there are some. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Vec<Record> {
        loop {
            let doorbell = self.doorbell.clone();
            let rung = doorbell.notified();
            tokio::pin!(rung);
            // Registered before looking, so that a commit in between rings.
            rung.as_mut().enable();
            match self.store.outbox(self.cursor.clone(), READ_MAX).await {
                Ok((mut records, cursor)) => {
                    if slotwise_domain::planted!(EventsDropped) {
                        records.truncate(2);
                    }
                    self.cursor = cursor;
                    if !records.is_empty() {
                        return records;
                    }
                }
                Err(e) => tracing::warn!("reading the outbox: {e}"),
            }
            // The doorbell may be lost; what it announces is not.
            drop(tokio::time::timeout(POLL, rung).await);
        }
    }
}
