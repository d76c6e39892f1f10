//! What the tests share: the server as a process, a client, a world of people and rooms, rows, and an oracle of their own.
//! It knows the contract and no code of the server.

#[path = "../../../../store/tests/it/database.rs"]
#[expect(dead_code, reason = "the store's own tests kill it too")]
pub mod database;
pub mod http;
pub mod liar;
#[path = "../../../../store/tests/it/mutate.rs"]
pub mod mutate;
pub mod node;
pub mod oracle;
pub mod race;
pub mod rows;
pub mod server;
pub mod sick;
pub mod world;

pub use http::{Ask, Conn, Reply};
pub use race::{Rng, race};
pub use server::{Home, Server, slotwise};
pub use world::{UNLIMITED, World};
