//! The disk under the data: how long it takes to make 4 KiB durable, at the end of a growing file and within a written one.
//! It never measures while a server is being measured.

use anyhow::Context;
use hdrhistogram::Histogram;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long one look takes at most, for each of the two.
const LOOK: Duration = Duration::from_millis(500);
const PAGE: [u8; 4096] = [0x5a; 4096];
/// Pages of the file that is written beforehand.
const PAGES: u64 = 4096;

/// Times of syncs in microseconds.
pub struct Syncs {
    /// Each page makes the file longer.
    pub growing: Histogram<u64>,
    /// Each page lies in a file that was written and synced before.
    pub written: Histogram<u64>,
}

/// Writes and syncs for half a second each.
pub fn look(folder: &Path) -> anyhow::Result<Syncs> {
    let path = folder.join("disk-probe");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).context("opening the file for the disk")?;
    let growing = times(|_| file.write_all(&PAGE).and_then(|()| file.sync_data()))?;
    drop(file);
    std::fs::remove_file(&path).context("removing the file for the disk")?;

    let path = folder.join("disk-probe-written");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).context("opening a file")?;
    if file.metadata()?.len() < PAGES * PAGE.len() as u64 {
        for page in 0..PAGES {
            file.write_all_at(&PAGE, page * PAGE.len() as u64).context("writing the file for the disk")?;
        }
        file.sync_all().context("syncing the file for the disk")?;
    }
    let written = times(|n| file.write_all_at(&PAGE, n % PAGES * PAGE.len() as u64).and_then(|()| file.sync_data()))?;
    Ok(Syncs { growing, written })
}

fn times(mut sync: impl FnMut(u64) -> std::io::Result<()>) -> anyhow::Result<Histogram<u64>> {
    let mut times = Histogram::new(3)?;
    let began = Instant::now();
    let mut n = 0;
    while began.elapsed() < LOOK {
        let before = Instant::now();
        sync(n).context("syncing")?;
        times.record(u64::try_from(before.elapsed().as_micros())?)?;
        n += 1;
    }
    Ok(times)
}
