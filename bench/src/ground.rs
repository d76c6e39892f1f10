//! What every experiment stands on: what was wished for, the built server, a folder on the disk that is measured.
//! It measures nothing.

use crate::child::{self, Scratch};
use crate::server::Build;
use anyhow::{Context, ensure};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two measurements, so that one does not pay for the other's clearing up: an idle server copies its log into
/// its database, and the disk has to take it.
const PAUSE: Duration = Duration::from_secs(3);

/// What was wished for.
#[derive(Clone)]
pub struct Wish {
    /// The length of a window.
    pub window: Duration,
    /// How many rounds.
    pub rounds: u32,
    /// How many resources.
    pub resources: u32,
    /// The share of the stored bookings, sockets and connections that the experiments ask for; 1 is all of them.
    pub scale: f64,
    /// Whether Redis and PostgreSQL run beside it.
    pub peers: bool,
    /// The server's program, if not the one beside ours.
    pub server: Option<PathBuf>,
    /// More words for `slotwise serve`.
    pub words: Vec<OsString>,
}

/// What an experiment stands on.
pub struct Ground {
    /// What was wished for.
    pub wish: Wish,
    /// A folder that goes when this goes.
    pub scratch: Scratch,
    /// The server.
    pub build: Build,
    /// Our own program.
    pub own: PathBuf,
}

impl Ground {
    /// Finds the server and makes the folder.
    pub fn new(wish: Wish) -> anyhow::Result<Ground> {
        ensure!(!cfg!(debug_assertions), "a slow generator measures itself; run it with cargo run --release");
        let own = std::env::current_exe().context("finding our own program")?;
        let target = own.parent().and_then(Path::parent).context("our own program is in no target folder")?;
        let build = Build::find(target, wish.server.as_deref(), &wish.words)?;
        let scratch = Scratch::new(target)?;
        child::raise_open_files(65_536)?;
        Ok(Ground { wish, scratch, build, own })
    }

    /// So many, scaled as was wished; at least one.
    pub fn scaled(&self, count: u64) -> u64 {
        ((count as f64 * self.wish.scale).round() as u64).max(1)
    }

    /// The rounds by number.
    pub fn rounds(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.wish.rounds
    }
}

/// Lets the machine come to rest.
pub async fn rest() {
    tokio::time::sleep(PAUSE).await;
}

/// A line for whoever watches; nobody may be watching.
pub fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
