//! What one of several instances does for all: signs checkpoints of the record, and looks whether what is shown is what the record
//! makes it. It decides nothing, nobody waits for it, and what it cannot do stops nothing but is said.

use super::error::{Error, Result};
use super::load::{self, epoch, hash_of, signed, unsigned};
use super::pool::{Args, Conn, args, plain, rows};
use super::still::{Sum, meta};
use super::{Keep, Shared, reconcile, sql};
use crate::codec;
use crate::embedded::Checkpoints;
use crate::embedded::journal::Meta;
use crate::embedded::signed::{Heads, MANY, SOONEST, append, checkpoint, checkpoint_line, read_key, sign};
use crate::record::Hash;
use ed25519_dalek::SigningKey;
use slotwise_domain::{ResourceId, Version};
use slotwise_engine::{Checkpoint, Clock};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant as Moment};
use tokio::sync::Notify;
use tokio_postgres::Client;
use uuid::Uuid;

/// Between two looks whether anything is to be done.
const TICK: Duration = Duration::from_secs(1);
/// Heads read at once.
const HEADS: usize = 5_000;

/// What keeps the record of a database, and with what.
pub(super) struct Keeper {
    instance: Uuid,
    key: Option<SigningKey>,
    wanted: Checkpoints,
    signed_at: Moment,
    /// When it was looked last whether many have been committed since.
    counted_at: Moment,
    /// Whether it was this instance, and when that was asked.
    ours: Option<(Moment, bool)>,
    reconcile: reconcile::Pace,
}

impl Keeper {
    /// Reads the key, if one is named: without one no checkpoints are made.
    pub fn new(instance: Uuid, keep: Keep) -> Result<Keeper> {
        let Keep { checkpoints: wanted, rest } = keep;
        let key = wanted.key.as_deref().map(read_key).transpose().map_err(|e| Error::Unfit(e.to_string()))?;
        let (now, reconcile) = (Moment::now(), reconcile::Pace::resting(rest));
        Ok(Keeper { instance, key, wanted, signed_at: now, counted_at: now, ours: None, reconcile })
    }

    /// Goes on until the store is closed, or is told to end: then it signs once more.
    pub async fn run(mut self, shared: Weak<Shared>, end: Arc<Notify>) {
        loop {
            let rest = TICK.min(self.reconcile.rest);
            let ending = tokio::time::timeout(rest, end.notified()).await.is_ok();
            let Some(shared) = shared.upgrade() else { return };
            if shared.health.stopped().is_none()
                && let Err(e) = self.look(&shared, ending).await
            {
                tracing::warn!("looking after the record: {e}");
            }
            if ending {
                return;
            }
        }
    }

    async fn look(&mut self, shared: &Shared, ending: bool) -> Result<()> {
        let mut conn = shared.readers.get().await?;
        let ours = match self.ours {
            Some((asked, ours)) if asked.elapsed() < TICK => ours,
            Some(_) | None => {
                let ours = self.has_it(&conn, shared.part).await?;
                self.tell_latest(&conn, shared).await?;
                self.ours = Some((Moment::now(), ours));
                ours
            }
        };
        let due = ours && self.key.is_some() && self.due(&conn, shared.part, ending).await?;
        conn.clean();
        if !ours {
            return Ok(());
        }
        if due {
            self.signed_at = Moment::now();
            let says = match self.make_checkpoint(&mut conn, shared).await {
                Ok(()) => None,
                Err(e) => {
                    tracing::error!(error = %e, "no checkpoint could be made; what is booked is not touched by that");
                    Some("No signed checkpoint could be written; the log says why.".to_owned())
                }
            };
            shared.health.warn("checkpoints", says);
        }
        drop(conn);
        if ending {
            return Ok(());
        }
        self.reconcile.look(shared).await
    }

    /// Whether it is this instance: one of them is it, and another soon after its end.
    async fn has_it(&self, client: &Client, part: i64) -> Result<bool> {
        rows(client, sql::KEEPER_ADD, &args![part, self.instance]).await?;
        Ok(!rows(client, sql::KEEPER_TAKEN, &args![part, self.instance]).await?.is_empty())
    }

    /// Whether it is time for a checkpoint: by the same rule as in a data directory.
    async fn due(&mut self, client: &Client, part: i64, ending: bool) -> Result<bool> {
        let since = self.signed_at.elapsed();
        let enough = if ending || since >= self.wanted.every {
            1
        } else if since >= SOONEST && self.counted_at.elapsed() >= SOONEST {
            self.counted_at = Moment::now();
            MANY
        } else {
            return Ok(false);
        };
        let last = rows(client, sql::CHECKPOINT_LAST, &args![part]).await?;
        let stamp: i64 = last.first().map_or(Ok(i64::MIN), |row| row.try_get(1))?;
        Ok(!rows(client, sql::COMMIT_AFTER, &args![part, stamp, signed(enough - 1)]).await?.is_empty())
    }

    /// Whichever instance is asked, it tells the last one.
    async fn tell_latest(&self, client: &Client, shared: &Shared) -> Result<()> {
        let found = rows(client, sql::CHECKPOINT_LAST, &args![shared.part]).await?;
        let Some(row) = found.first() else { return Ok(()) };
        let latest = checkpoint(row.try_get(4)?).map_err(Error::Unfit)?;
        *shared.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(latest);
        Ok(())
    }

    /// Signs what has settled: all commits up to one after which none can come that is stamped before it.
    async fn make_checkpoint(&mut self, conn: &mut Conn, shared: &Shared) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let part = shared.part;
        // Whoever has not begun to write by now will read the clock later than this; whoever has is waited for.
        let clock = rows(conn, sql::CLOCK, &args![]).await?;
        let now: i64 = clock.first().map_or(Ok(0), |row| row.try_get(0))?;
        let writing = rows(conn, sql::WRITING_SINCE, &args![]).await?;
        let since: Option<i64> = writing.first().map_or(Ok(None), |row| row.try_get(0))?;
        let settled = since.map_or(now, |since| since.min(now));
        conn.dirty();
        plain(conn, sql::STILL).await?;
        let made = of_settled(conn, part, settled).await;
        plain(conn, sql::ROLLBACK).await?;
        conn.clean();
        let Some((meta, sum, heads)) = made? else { return Ok(()) };
        let mut checkpoint = Checkpoint {
            made_at: shared.time.now(),
            writer: meta.writer,
            epoch: meta.epoch,
            commit: sum.number,
            hash: sum.hash,
            heads,
            signature: [0; 64],
            public_key: key.verifying_key().to_bytes(),
        };
        sign(key, &mut checkpoint);
        let line = checkpoint_line(&checkpoint);
        let values = args![part, signed(sum.number), sum.stamp, sum.id, sum.hash.to_vec(), line.trim_end().to_owned()];
        rows(conn, sql::CHECKPOINT_ADD, &values).await?;
        if let Some(copy) = &self.wanted.copy {
            append(copy, &line).map_err(|e| Error::Unfit(format!("writing {}: {e}", copy.display())))?;
        }
        *shared.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint);
        metrics::counter!("slotwise_checkpoints_signed_total").increment(1);
        Ok(())
    }
}

/// Over all commits stamped before an instant, and the heads of resources as these leave them; nothing if there are none new.
async fn of_settled(client: &Client, part: i64, settled: i64) -> Result<Option<(Meta, Sum, Hash)>> {
    let meta = meta(client, part).await?;
    let mut sum = Sum::begin(&meta);
    let last = rows(client, sql::CHECKPOINT_LAST, &args![part]).await?;
    if let Some(row) = last.first() {
        let hash: Vec<u8> = row.try_get(3)?;
        let (number, stamp, id) = (unsigned(row.try_get(0)?), row.try_get(1)?, row.try_get(2)?);
        sum = Sum { number, hash: hash_of(&hash)?, stamp, id };
        if rows(client, sql::COMMIT_AT, &args![part, stamp, id]).await?.is_empty() {
            let says = format!(
                "the record ends before the last checkpoint, of commit {number}: its end is missing; restore a backup"
            );
            return Err(Error::Unfit(says));
        }
    }
    let before = sum.number;
    while sum.go_on(client, part, Some(settled)).await? {}
    if sum.number == before {
        return Ok(None);
    }
    let mut heads = Heads::default();
    let mut after: Option<Uuid> = None;
    loop {
        let found = rows(client, sql::ALL_HEADS, &args![part, after, load::limit(HEADS)]).await?;
        for row in &found {
            let resource = ResourceId(row.try_get(0)?);
            let (stamp, id): (i64, Uuid) = (row.try_get(5)?, row.try_get(7)?);
            let head = match (stamp, id) <= (sum.stamp, sum.id) {
                true => {
                    let version = Version { epoch: epoch(row.try_get(1)?), number: unsigned(row.try_get(2)?) };
                    Some((version, hash_of(&row.try_get::<_, Vec<u8>>(6)?)?))
                }
                false => head_at(client, part, resource, &sum).await?,
            };
            if let Some((version, hash)) = head {
                heads.add(resource, version, hash);
            }
        }
        match found.last() {
            Some(row) if found.len() == HEADS => after = Some(row.try_get(0)?),
            _ => return Ok(Some((meta, sum, heads.sum()))),
        }
    }
}

/// Where a resource's record ended then; nothing if it was not there yet.
async fn head_at(client: &Client, part: i64, resource: ResourceId, sum: &Sum) -> Result<Option<(Version, Hash)>> {
    let values: Args = args![part, resource.0, sum.stamp, sum.id];
    let found = rows(client, sql::RECORD_AT, &values).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let hash: Vec<u8> = row.try_get(1)?;
    let (commit, _) = codec::decode_commit(unsigned(row.try_get(0)?), hash_of(&hash)?, row.try_get(2)?)?;
    let last = commit.records().filter(|(_, record)| record.resource == resource).last();
    Ok(last.map(|(_, record)| (record.version, record.hash)))
}
