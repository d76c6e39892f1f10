//! The embedded store from outside: what it promises of a directory, a batch, a crash.
//! One binary; the helpers are in [`support`].

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod backup;
mod batch;
mod cache;
mod chains;
mod clock;
mod codec;
mod conformance;
mod crash;
mod cutter;
mod database;
mod databases;
mod disk;
mod durability;
mod erase;
mod fuzz;
mod hop;
mod images;
mod lanes;
#[expect(dead_code, reason = "corpora in files are of other crates")]
mod mutate;
mod opening;
mod operations;
mod people;
mod portable;
mod postgres;
mod proxy;
mod prune;
mod support;
mod verifying;
mod views;
