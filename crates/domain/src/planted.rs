//! Bugs that are planted to see whether the tests find them: one at a time, by name, in a build of their own.
//! It is compiled with the feature `planted` only, and no binary that anybody runs has it; a test looks.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Something that is wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A cutoff is judged by when the request was made.
    CutoffAtArrival,
    /// The clock is read before the rows are held.
    ClockBeforeRows,
    /// A token that is not below the current one will do.
    FencingByMaxSeen,
    /// Tokens begin anew when nothing is held.
    TokensBeginAnew,
    /// A sweep ends a hold that was renewed meanwhile.
    SweepForgetsRenewals,
    /// The answer of a key is written in a second transaction.
    KeyInSecondTransaction,
    /// Answers are told before they are synced.
    ToldBeforeSync,
    /// The folder of the journal is never synced.
    FolderNotSynced,
    /// A COMMIT that failed is told as FAILED.
    UnknownToldFailed,
    /// A commit that failed is tried again.
    HiddenRetry,
    /// What comes free is given to those who wait by a command of its own, later.
    PromotedLater,
    /// What ends where another begins meets it.
    TouchingMeets,
    /// All that overlaps is added up, and not what overlaps at once.
    SumOfOverlaps,
    /// Events are told before their commit is durable.
    ToldBeforeCommit,
    /// Events that are too many at once are dropped.
    EventsDropped,
    /// Anybody may cancel anything.
    OwnerUnchecked,
    /// A refusal of what was observed is told as it is.
    RefusedFromCache,
    /// Where there is much room it is not looked whether there is.
    UncheckedFarFromFull,
    /// Offers of one commit have one token.
    OffersShareToken,
    /// A hold that takes an offer's place counts as a turn.
    OfferGoesOnAsTurn,
    /// What is kept for somebody stays so when their turn elsewhere was the last they may have.
    KeptForNobody,
}

impl Bug {
    /// All of them, in the order of their numbers.
    pub const ALL: [Bug; 21] = [
        Bug::CutoffAtArrival,
        Bug::ClockBeforeRows,
        Bug::FencingByMaxSeen,
        Bug::TokensBeginAnew,
        Bug::SweepForgetsRenewals,
        Bug::KeyInSecondTransaction,
        Bug::ToldBeforeSync,
        Bug::FolderNotSynced,
        Bug::UnknownToldFailed,
        Bug::HiddenRetry,
        Bug::PromotedLater,
        Bug::TouchingMeets,
        Bug::SumOfOverlaps,
        Bug::ToldBeforeCommit,
        Bug::EventsDropped,
        Bug::OwnerUnchecked,
        Bug::RefusedFromCache,
        Bug::UncheckedFarFromFull,
        Bug::OffersShareToken,
        Bug::OfferGoesOnAsTurn,
        Bug::KeptForNobody,
    ];

    /// What it is called. No binary that anybody runs has these words in it.
    pub const fn name(self) -> &'static str {
        match self {
            Bug::CutoffAtArrival => "planted: cutoff at arrival",
            Bug::ClockBeforeRows => "planted: clock before rows",
            Bug::FencingByMaxSeen => "planted: fencing by max seen",
            Bug::TokensBeginAnew => "planted: tokens begin anew",
            Bug::SweepForgetsRenewals => "planted: sweep forgets renewals",
            Bug::KeyInSecondTransaction => "planted: key in a second transaction",
            Bug::ToldBeforeSync => "planted: told before sync",
            Bug::FolderNotSynced => "planted: folder not synced",
            Bug::UnknownToldFailed => "planted: unknown told as FAILED",
            Bug::HiddenRetry => "planted: hidden retry",
            Bug::PromotedLater => "planted: promoted later",
            Bug::TouchingMeets => "planted: touching meets",
            Bug::SumOfOverlaps => "planted: sum of overlaps",
            Bug::ToldBeforeCommit => "planted: event before commit",
            Bug::EventsDropped => "planted: events dropped",
            Bug::OwnerUnchecked => "planted: owner unchecked",
            Bug::RefusedFromCache => "planted: refused from cache",
            Bug::UncheckedFarFromFull => "planted: unchecked far from full",
            Bug::OffersShareToken => "planted: offers share a token",
            Bug::OfferGoesOnAsTurn => "planted: an offer goes on as a turn",
            Bug::KeptForNobody => "planted: kept for nobody",
        }
    }
}

/// Its number, from 1; 0 is none.
static PLANTED: AtomicUsize = AtomicUsize::new(0);

/// Plants this one in the whole process, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as usize + 1), Ordering::SeqCst);
}

/// Whether it is this one.
pub fn is(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == bug as usize + 1
}
