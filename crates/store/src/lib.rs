//! The stores: rows, transactions, chains of hashes, and what survives a crash.
//! No rule of booking is here; [`slotwise_engine::round::judge`] is called between the rows and the writes.

pub mod clock;
pub mod codec;
pub mod commit;
pub mod embedded;
mod health;
pub mod postgres;
pub mod record;
mod text;

pub use clock::SystemClock;
pub use embedded::{Embedded, Options};
pub use postgres::Postgres;
