//! After the start: brings the calendars of what is booked soonest into memory, so that the first searches need not.
//! It is in nobody's way: it reads a few at a time, rests longer than it reads, and may be ended at any moment.

use slotwise_domain::{Calendar, Instant};
use slotwise_engine::catalogue::read;
use slotwise_engine::{StoreError, Views};
use std::time::{Duration, Instant as Moment};

/// Calendars read at once: about a millisecond's work.
const AT_ONCE: usize = 16;
/// So many times as long as it has read it rests.
const RESTS: u32 = 3;
/// It rests so long at least.
const REST_MIN: Duration = Duration::from_millis(1);
/// Resources looked at, at the most.
const RESOURCES_MAX: usize = 100_000;

/// Reads until they take so many bytes. What has nothing on it is not asked for by any search.
pub async fn warm(views: &dyn Views, now: Instant, bytes_max: usize) {
    let begun = Moment::now();
    let soonest = read(views.catalogue()).soonest(now, RESOURCES_MAX);
    let (mut calendars, mut bytes) = (0, 0);
    for ids in soonest.chunks(AT_ONCE) {
        if bytes >= bytes_max {
            break;
        }
        let reading = Moment::now();
        let some = match views.calendars(ids.to_vec()).await {
            Ok(some) => some,
            Err(StoreError(e)) => return tracing::warn!("calendars are not read ahead: {e}"),
        };
        calendars += some.len();
        bytes += some.iter().map(|calendar| Calendar::weight(calendar)).sum::<usize>();
        tokio::time::sleep((reading.elapsed() * RESTS).max(REST_MIN)).await;
    }
    tracing::info!(calendars, bytes, took = ?begun.elapsed(), "what is booked soonest is in memory");
}
