//! Ctrl-C, a closed terminal and a termination signal, counted, so that we outlive our children and clean up.
//! It never ends the process by itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::stop::Stop;

static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Starts counting instead of dying.
pub fn listen() -> Result<(), Stop> {
    ctrlc::set_handler(|| {
        ASKED.fetch_add(1, Ordering::SeqCst);
    })
    .map_err(|error| Stop::failed(format!("listening for Ctrl-C: {error}")))
}

/// How often somebody has asked us to stop.
pub fn asked() -> usize {
    ASKED.load(Ordering::SeqCst)
}

/// Returns early if somebody has asked us to stop.
pub fn check() -> Result<(), Stop> {
    if asked() > 0 { Err(Stop::Interrupted) } else { Ok(()) }
}
