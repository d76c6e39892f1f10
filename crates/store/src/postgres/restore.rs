//! A database that its own tools have restored, in an epoch of its own: nothing from before can be mistaken for something after it.
//! It restores nothing itself, and takes nothing back.

use super::error::{Error, Result};
use super::pool::{Endpoint, args, connect, plain, rows};
use super::still::{self, NAME, meta};
use super::writer::those_under_way_end;
use super::{load, migrate, sql};
use slotwise_domain::{Epoch, Instant};
use std::time::Duration;
use tokio_postgres::Client;

/// Who carries out what falls due says so for two seconds at most.
const SWEEPS_MAX: Duration = Duration::from_secs(3);

/// A new epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The one before.
    pub before: Epoch,
    /// The one it is in now.
    pub epoch: Epoch,
    /// Unknown keys that were made before this are not carried out.
    pub epoch_began: Instant,
    /// What there is.
    pub commits: u64,
    /// Holds that lived, and are void now.
    pub holds: u64,
}

/// Begins a new epoch in a part of a database. Refused while a server has it open: what that decided would be of the old epoch.
pub fn begin_epoch(url: &str, part: i64) -> Result<Begun> {
    let runtime = still::runtime()?;
    runtime.block_on(async {
        let client = connect(&Endpoint::of(url)?.named(NAME)).await?;
        migrate::check(&client).await?;
        if !rows(&client, sql::SERVERS, &args![]).await?.is_empty() || somebody_sweeps(&client, part).await? {
            return Err(Error::Unfit("a server has the database open; stop it first".into()));
        }
        if !rows(&client, sql::FILLING, &args![part]).await?.is_empty() {
            return Err(Error::Unfit("what is brought into this database is not all there yet; run it again".into()));
        }
        let before = meta(&client, part).await?.epoch;
        let clock = rows(&client, sql::CLOCK, &args![]).await?;
        let now: i64 = clock.first().map_or(Ok(0), |row| row.try_get(0))?;
        // Above every one that was ever told: the same backup may have been restored before, and what was told then is not in it.
        let seconds = u32::try_from(now / 1_000_000).unwrap_or(0);
        let epoch = Epoch(seconds.max(before.0.saturating_add(1)));
        // Keys are dated to the millisecond: one of the same millisecond may be from before.
        let epoch_began = Instant(now.saturating_add(999) / 1_000 * 1_000);
        let commits = rows(&client, sql::COMMITS_COUNTED, &args![part]).await?;
        let commits: i64 = commits.first().map_or(Ok(0), |row| row.try_get(0))?;
        plain(&client, sql::BEGIN).await?;
        let raised = args![part, i64::from(before.0), i64::from(epoch.0), epoch_began.0];
        if rows(&client, sql::EPOCH_RAISED, &raised).await?.len() != 1 {
            return Err(Error::Unfit("another process has begun a new epoch at the same moment".into()));
        }
        // What a hold is on is due at once: the first server that opens it lets go of it before it serves anybody.
        rows(&client, sql::HOLDS_DUE, &args![part, Instant::MIN.0]).await?;
        let holds = rows(&client, sql::HOLDS_COUNTED, &args![part]).await?;
        let holds: i64 = holds.first().map_or(Ok(0), |row| row.try_get(0))?;
        plain(&client, sql::COMMIT).await?;
        // A commit reads the epoch when it begins. What no connection showed, and has begun before, is of the epoch before as a whole.
        those_under_way_end(&client).await?;
        rows(&client, sql::HOLDS_DUE, &args![part, Instant::MIN.0]).await?;
        Ok(Begun { before, epoch, epoch_began, commits: load::unsigned(commits), holds: load::unsigned(holds) })
    })
}

/// Whether a server carries out what falls due, though none of its connections is to be seen: behind a pool of connections they bear no
/// name. One that has ended a moment ago is waited for.
async fn somebody_sweeps(client: &Client, part: i64) -> Result<bool> {
    let left = async || -> Result<Option<i64>> {
        let found = rows(client, sql::SWEEPER_FOR, &args![part]).await?;
        Ok(found.first().map(|row| row.try_get(0)).transpose()?)
    };
    let Some(micros) = left().await? else { return Ok(false) };
    tokio::time::sleep(Duration::from_micros(load::unsigned(micros) + 1_000).min(SWEEPS_MAX)).await;
    Ok(left().await?.is_some())
}
