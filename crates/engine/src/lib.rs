//! One attempt from submission to durable answer: observe, propose, persist, one outcome; and what follows from it.
//! It knows no database and no HTTP: the store, the clock and the ids are behind [`port`].

pub mod as_of;
pub mod attempt;
pub mod catalogue;
pub mod committer;
pub mod conformance;
mod counted;
pub mod deadlines;
pub mod doors;
pub mod dry_run;
pub mod memory;
pub mod meter;
pub mod no_shows;
pub mod outbox;
pub mod port;
pub mod pressure;
pub mod round;

pub use attempt::{Answer, Engine, Ids, Limits, NoAnswer, Request, Standing};
pub use catalogue::Catalogue;
pub use doors::{
    Account, AccountOf, AccountPatch, AccountPut, Accounts, Deed, Door, RolePut, Scopes, Secret, SecretKind, Subject,
    Which,
};
pub use port::{
    Attempt, AttemptFilter, AttemptsPage, BookingFilter, Checkpoint, Clock, CommitError, Cursor, Directory, Erased,
    Facets, FactsPut, Letter, Listed, Made, Noted, NoticeId, PersonCard, PersonRow, Plan, PlanPut, Post, Record,
    Recorded, ResourceFilter, RowPut, Settled, Status, Store, StoreError, Streamed, Views,
};
