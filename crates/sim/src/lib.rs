//! The engine in a world of one thread, one clock and one seed, in which whatever can go wrong does, and an oracle that judges it.
//! It is no part of the binary, opens no file and no socket, and what it does once it does always.
//!
//! Read in this order: [`setting`] is what a seed draws, [`database`] the store that everybody shares, [`link`] the way to it,
//! [`clients`] who asks, [`world`] how a seed is run, [`history`] what was told and whether it may be, [`model`] what is right,
//! [`zones`] when clocks are set.

pub mod chance;
pub mod clients;
pub mod clock;
pub mod database;
pub mod history;
pub mod link;
pub mod many;
pub mod model;
pub mod setting;
pub mod tally;
pub mod world;
pub mod zones;

pub use many::{Sum, many};
pub use world::{Report, run};
