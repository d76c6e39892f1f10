//! What was read of the database a moment ago, for whoever may go by that: who comes in by a secret, and what somebody may do, as a hint.
//! Nothing is decided by it: a commit reads for itself what somebody may do.

use super::error::{Error, Result};
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is known may be so old, where another instance has changed it and its bell was not heard. The same as over a folder.
const STALE_MAX: Duration = Duration::from_millis(250);
/// So many are known at most; beyond it they are forgotten together.
const KNOWN_MAX: usize = 100_000;

/// Values by key, each read at most once in a while, and once for all who ask for it at the same time.
pub(super) struct Lately<K, V>(Mutex<HashMap<K, Arc<Place<V>>>>);

type Place<V> = tokio::sync::Mutex<Read<V>>;

enum Read<V> {
    NotYet,
    /// When it was asked for.
    Known(Instant, V),
    /// When it had failed.
    Failed(Instant),
}

impl<K, V> Default for Lately<K, V> {
    fn default() -> Lately<K, V> {
        Lately(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Lately<K, V> {
    /// What is known of a key, or is read now. That there is nothing is not remembered: it may be made at any moment.
    pub async fn get(&self, key: K, read: impl Future<Output = Result<Option<V>>>) -> Result<Option<V>> {
        let asked = Instant::now();
        let place = {
            let mut places = self.places();
            if places.len() >= KNOWN_MAX {
                places.clear();
            }
            let new = || Arc::new(tokio::sync::Mutex::new(Read::NotYet));
            places.entry(key).or_insert_with(new).clone()
        };
        let mut place = place.lock().await;
        match &*place {
            Read::Known(at, value) if asked.saturating_duration_since(*at) < STALE_MAX => {
                return Ok(Some(value.clone()));
            }
            // Whoever waited for that does not wait for the same again.
            Read::Failed(at) if *at >= asked => return Err(Error::Late),
            Read::NotYet | Read::Known(..) | Read::Failed(_) => {}
        }
        let began = Instant::now();
        let value = read.await;
        *place = match &value {
            Ok(Some(value)) => Read::Known(began, value.clone()),
            Ok(None) => {
                self.places().remove(&key);
                Read::NotYet
            }
            Err(_) => Read::Failed(Instant::now()),
        };
        value
    }

    /// Something was changed. What is being read at this moment is forgotten too.
    pub fn forget(&self) {
        self.places().clear();
    }

    fn places(&self) -> MutexGuard<'_, HashMap<K, Arc<Place<V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn many_who_ask_at_once_read_once_and_a_change_is_seen_at_once() {
        let (lately, reads) = (Lately::<u8, usize>::default(), AtomicUsize::new(0));
        let read = || async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(Some(reads.fetch_add(1, Ordering::Relaxed)))
        };
        let all = futures_util::future::join_all((0..20).map(|_| lately.get(1, read()))).await;
        assert!(all.into_iter().all(|got| got.is_ok_and(|value| value == Some(0))));
        let reading = lately.get(2, read());
        let (before, ()) = tokio::join!(reading, async { lately.forget() });
        assert_eq!(before.ok().flatten(), Some(1));
        assert_eq!(lately.get(2, read()).await.ok().flatten(), Some(2), "what was being read then is not kept");
        assert_eq!(lately.get(1, read()).await.ok().flatten(), Some(3));
        tokio::time::sleep(STALE_MAX).await;
        assert_eq!(lately.get(1, read()).await.ok().flatten(), Some(4), "it is not gone by for ever");
    }

    #[tokio::test]
    async fn a_reading_that_fails_fails_for_all_who_waited_for_it_and_nothing_is_not_remembered() {
        let (lately, reads) = (Lately::<u8, usize>::default(), AtomicUsize::new(0));
        let fail = || async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            reads.fetch_add(1, Ordering::Relaxed);
            Err(Error::NoConnection)
        };
        let all = futures_util::future::join_all((0..20).map(|_| lately.get(1, fail()))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert_eq!(lately.get(1, async { Ok(None) }).await.ok(), Some(None));
        assert_eq!(lately.get(1, async { Ok(Some(7)) }).await.ok(), Some(Some(7)));
    }
}
