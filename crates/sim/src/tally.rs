//! How often each thing came about: a run that never meets something proves nothing about it.
//! It counts and judges nothing.

use std::collections::BTreeMap;

/// Names with numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<&'static str, u64>);

/// What an ordinary run must have met at least once.
#[rustfmt::skip]
pub const SOMETIMES: &[&str] = &[
    // Every outcome, by its reason.
    "BOOKED", "ACCEPTED", "invalid", "not_found", "not_allowed", "outside_hours", "blocked", "past_cutoff", "quota_exceeded", "hold_expired", "hold_superseded",
    "held_by_other", "full", "insufficient", "waitlist_first",
    "FAILED version_stale", "FAILED conflict", "FAILED busy", "FAILED store_unavailable",
    "no outcome yet", "in progress", "key reused", "replay of BOOKED", "replay of REJECTED",
    // What came of not knowing.
    "unknown, and it was booked", "unknown, and a tombstone proved that it was not", "a commit came after its tombstone",
    "a commit came twice", "FAILED, and sent again and booked",
    // What went wrong.
    "crash of an instance", "crash of the store", "a commit was torn", "a commit survived untold", "a commit was lost untold",
    "the disk was full", "a sync failed", "a commit stalled", "the clock was set back", "the clock was set ahead",
    "a client went away", "a request was sent twice at once",
    "several proposals in one commit",
    // Races over time.
    "a hold expired during its confirm", "a stale token was refused", "a cutoff was crossed in the queue", "a hold was renewed",
    "an offer was taken", "an offer lapsed", "an offer went on in a hold", "an offer did not go on in a hold",
    "an offer expired while it was taken", "promoted", "promoted by a capacity raise", "a cut under use", "over-committed", "moved",
    "the old place kept", "bundle booked", "an event reader began anew", "an event reader caught up",
    // What an admin does to others, and what one attempt does to many.
    "an override", "displaced by an override", "displaced by a block", "displaced by a cut", "a hold was voided", "a block was removed",
    "a quota was kept", "a strict order was kept", "moved over several resources", "swapped",
    "a series was booked", "a series was booked in part", "a series was refused",
    // Clocks that are set.
    "decided in an hour that is twice", "too late by a time that is twice", "too late by a time that never is",
];

impl Tally {
    /// Once more.
    pub fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Both together.
    pub fn add(&mut self, other: &Tally) {
        for (what, n) in &other.0 {
            *self.0.entry(what).or_default() += n;
        }
    }

    /// What never came about, of all that must.
    pub fn never(&self) -> Vec<&'static str> {
        SOMETIMES.iter().filter(|what| !self.0.contains_key(**what)).copied().collect()
    }
}
