//! One attempt from submission to durable answer: observe, propose, persist, one outcome; and what follows from it.
//! It knows no database and no HTTP: the store, the clock and the ids are behind [`port`].

pub mod attempt;
pub mod catalogue;
pub mod committer;
pub mod conformance;
pub mod deadlines;
pub mod memory;
pub mod meter;
pub mod no_shows;
pub mod outbox;
pub mod port;
pub mod round;

pub use attempt::{Answer, Engine, Ids, Limits, NoAnswer, Request, Standing};
pub use catalogue::Catalogue;
pub use port::{
    BookingFilter, Checkpoint, Clock, CommitError, Cursor, Directory, Facets, Made, PersonCard, Record, Recorded,
    ResourceFilter, Settled, Status, Store, StoreError, Streamed, Views,
};
