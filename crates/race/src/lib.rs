//! Races over a running server, known by its address and its contract alone: actors of a scenario do their steps, a history is
//! written down, and an oracle judges it. It depends on no other crate of ours, so no rule of the server can be its own judge.

mod actor;
mod chance;
mod client;
pub mod history;
pub mod oracle;
mod play;
pub mod report;
pub mod scenario;
mod socket;
mod stage;

pub use play::{Options, Played, play};
