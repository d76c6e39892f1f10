//! The embedded store from outside: what it promises of a directory, a batch, a crash.
//! One binary; the helpers are in [`support`].

mod batch;
mod cache;
mod chains;
mod clock;
mod codec;
mod durability;
mod images;
mod opening;
mod people;
mod support;
mod views;
