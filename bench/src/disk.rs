//! The disk under the data: how long it takes to make 4 KiB durable at the end of a growing file.
//! It never measures while a server is being measured.

use anyhow::Context;
use hdrhistogram::Histogram;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long one look takes at most.
const LOOK: Duration = Duration::from_millis(500);

/// Appends and syncs for half a second; every sync's time in microseconds.
pub fn look(folder: &Path) -> anyhow::Result<Histogram<u64>> {
    let path = folder.join("disk-probe");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).context("opening the file for the disk")?;
    let page = [0x5a_u8; 4096];
    let mut times = Histogram::new(3)?;
    let began = Instant::now();
    while began.elapsed() < LOOK {
        let before = Instant::now();
        file.write_all(&page).and_then(|()| file.sync_data()).context("syncing")?;
        times.record(u64::try_from(before.elapsed().as_micros())?)?;
    }
    Ok(times)
}
