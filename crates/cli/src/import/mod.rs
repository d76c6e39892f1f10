//! Readers of other people's files, each turning one format into plain values that the commands submit.
//! Never talks to the engine, reads a clock or decides a booking: what comes out is a proposal and nothing more.

pub mod csv;
pub mod foothill;
#[cfg(test)]
mod fuzz;
pub mod people;
pub mod rooms;
pub mod submit;
pub mod ucsd;
pub mod world;
