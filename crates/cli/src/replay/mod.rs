//! `slotwise replay`: what happened elsewhere, asked of the real engine again, command by command.
//! It never writes a state: what comes out is what the engine decided.

pub mod ucsd_changes;
