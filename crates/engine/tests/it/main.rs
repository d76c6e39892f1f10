//! The engine from outside: every case of the conformance suite on the reference store, and attempts over a faulty one.
//! One binary; what stands here needs no disk and no network.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod attempts;
mod catalogue;
mod conformance;
mod deadlines;
mod faulty;
