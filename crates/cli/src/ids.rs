//! New ids: UUIDv7, made in one place.
//! Nothing else draws chance or time for a name.

use slotwise_engine::{Clock, Ids};
use std::sync::{Arc, Mutex};
use uuid::{ContextV7, Timestamp, Uuid};

/// Makes UUIDv7 from the process's clock and a random generator that the system seeds.
pub struct FreshIds;

impl Ids for FreshIds {
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Makes UUIDv7 by the clock of a store: its keys are as old as the store thinks they are, whatever this machine's clock shows.
pub struct IdsByClock {
    clock: Arc<dyn Clock>,
    context: Mutex<ContextV7>,
}

impl IdsByClock {
    /// Ids dated by this clock.
    pub fn of(clock: Arc<dyn Clock>) -> Arc<IdsByClock> {
        Arc::new(IdsByClock { clock, context: Mutex::new(ContextV7::new()) })
    }
}

impl Ids for IdsByClock {
    fn fresh(&self) -> Uuid {
        let micros = u64::try_from(self.clock.now().0).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
        Uuid::new_v7(Timestamp::from_unix(&self.context, micros / 1_000_000, nanos))
    }
}
