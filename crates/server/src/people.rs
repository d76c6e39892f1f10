//! Names of people, remembered for a few seconds, so that a list does not ask for each of them.
//! Rights are never remembered here.

use slotwise_domain::PersonId;
use slotwise_engine::Directory;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const KEPT: Duration = Duration::from_secs(5);
const KEPT_MAX: usize = 50_000;

/// Remembers names.
pub struct People {
    directory: Arc<dyn Directory>,
    names: Mutex<HashMap<PersonId, (Instant, Option<String>)>>,
}

impl People {
    /// Over a directory.
    pub fn new(directory: Arc<dyn Directory>) -> People {
        People { directory, names: Mutex::default() }
    }

    /// Remembers a name no longer.
    pub fn forget(&self, id: PersonId) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// The name of a person, if they are known.
    pub async fn name(&self, id: PersonId) -> Option<String> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((at, name)) = known
            && at.elapsed() < KEPT
        {
            return name;
        }
        let name = match self.directory.person(id).await {
            Ok(person) => person.map(|p| p.name),
            Err(e) => {
                tracing::warn!("looking up a name: {e}");
                return None;
            }
        };
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= KEPT_MAX {
            names.clear();
        }
        names.insert(id, (Instant::now(), name.clone()));
        name
    }
}
