//! New ids: UUIDv7, made in one place.
//! Nothing else draws chance or time for a name.

use slotwise_engine::Ids;
use uuid::Uuid;

/// Makes UUIDv7 from the process's clock and a random generator that the system seeds.
pub struct FreshIds;

impl Ids for FreshIds {
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}
