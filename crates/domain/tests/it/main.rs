//! The domain from outside: what is said of commands, row by row, against a naive oracle, and over zones and time.
//! One binary; nothing here knows a store.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its failure")]

mod rows;

mod admin;
mod bookings;
mod codes;
mod giving;
mod groups;
mod holds;
mod moves;
mod persons;
mod precedence;
mod resources;
mod series;
mod times;
mod waits;
mod words;

mod alternatives;
mod levels;
mod offers;
mod oracle;
mod pages;
mod states;
mod zones;
