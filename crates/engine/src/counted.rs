//! What has become true of those who wait and are told, as numbers for `/metrics`; counted once, where every store says what it committed.
//! It counts nothing that a decision rests on.

use slotwise_domain::{Change, Wants};

/// Counts a change that is committed.
pub(crate) fn count(change: &Change) {
    if matches!(change, Change::Reminded { .. }) {
        metrics::counter!("slotwise_reminders_total").increment(1);
    }
    let Some((entry, end)) = change.entry() else { return };
    let what = if let Some(end) = end {
        end.name()
    } else if matches!(change, Change::WaitOffered(_)) {
        "offered"
    } else if matches!(change, Change::WaitResumed(_)) {
        "resumed"
    } else if matches!(change, Change::WaitMoved(_)) {
        "moved"
    } else {
        match entry.wants {
            Wants::Units => "joined",
            Wants::Word => "watched",
        }
    };
    metrics::counter!("slotwise_waitlist_total", "what" => what).increment(1);
}
