//! What the store rests on, tried on the database itself before anything is decided, and the settings that are looked at while it runs.
//! It refuses in plain words; it changes no setting.

use super::error::{Error, Result};
use super::pool::{args, plain, rows};
use super::{RESTORED, Reading, Shared, sql};
use crate::clock::SystemClock;
use slotwise_domain::Span;
use slotwise_engine::Clock;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio_postgres::Client;
use uuid::Uuid;

/// How often the settings are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The database's clock may be so far from this machine's before somebody is told.
const CLOCKS_APART_MAX: Span = Span::seconds(1);
/// How long a row is waited for that is held, in milliseconds: somebody waits for the start.
const WAIT_MS: &str = "5";
/// The oldest server that is known to do.
const SERVER_MIN: u32 = 150_000;

/// Tries on two connections what every guarantee rests on. Both must be closed if this fails: transactions may be open on them.
pub(super) async fn prove(one: &Client, other: &Client, part: i64) -> Result<()> {
    let (id, key) = (Uuid::now_v7(), Uuid::now_v7());
    prove_with(one, other, part, id, key).await?;
    rows(one, sql::PROOF_GONE, &args![part, vec![id, key]]).await.map(drop)
}

async fn prove_with(one: &Client, other: &Client, part: i64, id: Uuid, key: Uuid) -> Result<()> {
    let begin = async |client: &Client| -> Result<()> {
        plain(client, sql::BEGIN).await?;
        rows(client, sql::BOUNDS, &args![WAIT_MS, "5000"]).await.map(drop)
    };
    let refuse = |says: &str| Err(Error::Unfit(format!("this database does not do what bookings rest on: {says}")));
    rows(one, sql::PROOF_ADD, &args![part, id]).await?;

    // Of two that change one version of a row, one has changed it.
    begin(one).await?;
    begin(other).await?;
    let raise = || args![part, id, 0_i64];
    if rows(one, sql::PROOF_RAISED, &raise()).await?.len() != 1 {
        return refuse("a guarded update changed nothing");
    }
    match rows(other, sql::PROOF_RAISED, &raise()).await {
        Err(e) if e.lock_not_had() => {}
        Err(e) => return Err(e),
        Ok(_) => return refuse("two transactions changed one row at the same time"),
    }
    plain(other, sql::ROLLBACK).await?;
    begin(other).await?;
    if !rows(other, sql::PROOF_HELD, &args![part, id]).await?.is_empty() {
        return refuse("a row that is held was given out to somebody else");
    }
    plain(one, sql::COMMIT).await?;
    if !rows(other, sql::PROOF_RAISED, &raise()).await?.is_empty() {
        return refuse("a row was changed by two from the same version");
    }
    plain(other, sql::ROLLBACK).await?;

    // Of a commit and its tombstone, the key lets one be, and the later one knows of the earlier.
    begin(one).await?;
    begin(other).await?;
    rows(one, sql::PROOF_ADD, &args![part, key]).await?;
    match rows(other, sql::PROOF_ADD, &args![part, key]).await {
        Err(e) if e.lock_not_had() => {}
        Err(e) => return Err(e),
        Ok(_) => return refuse("two transactions put in one key at the same time"),
    }
    plain(other, sql::ROLLBACK).await?;
    plain(one, sql::COMMIT).await?;
    match rows(other, sql::PROOF_ADD, &args![part, key]).await {
        Err(e) if e.key_taken() => Ok(()),
        Err(e) => Err(e),
        Ok(_) => refuse("a key was put in twice"),
    }
}

/// What the settings make of durability: refused, or said as a warning.
pub(super) fn judge_settings(
    version: &str,
    fsync: &str,
    synchronous: &str,
    pages: &str,
    read_only: &str,
    behind: bool,
) -> Settings {
    let refused = match (version.parse::<u32>(), fsync, synchronous, read_only) {
        (Ok(n), ..) if n < SERVER_MIN => Some(format!("PostgreSQL 15 or newer is needed; this is {version}")),
        (_, "off", ..) => Some("fsync is off: what is told as booked would be lost in a crash; switch it on".into()),
        (_, _, "off", _) => Some(
            "synchronous_commit is off: what is told as booked could be lost in a crash; set it to on, or stronger"
                .into(),
        ),
        (.., "on") => Some("the database is read-only: it is a standby, or set so".into()),
        _ => None,
    };
    let warning = match (pages, synchronous) {
        ("off", _) => Some("full_page_writes is off: a crash of the machine may damage what is stored".into()),
        (_, "local") => {
            Some("synchronous_commit is local: what is told as booked is on one machine only when it is told".into())
        }
        _ if behind => Some(
            "a standby follows and no commit waits for it: should it take over, what was told as booked may be lost; set \
             synchronous_standby_names"
                .into(),
        ),
        _ => None,
    };
    Settings { refused, warning }
}

/// What the settings make of durability.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub refused: Option<String>,
    pub warning: Option<String>,
}

/// Looks at the settings and the clocks now.
pub(super) async fn look(shared: &Shared) -> Result<Settings> {
    let (asked_at, before) = (SystemClock.since_boot(), SystemClock.now());
    let asked = [(sql::SETTINGS, args![]), (sql::CLOCK, args![]), (sql::META, args![shared.part])];
    let [settings, clock, meta] = shared.readers.all(asked).await?;
    let epoch = meta.first().map(|row| row.try_get::<_, i64>(0)).transpose()?.map(super::load::epoch);
    if epoch != Some(shared.epoch) {
        return Ok(Settings { refused: Some(RESTORED.into()), warning: None });
    }
    let (Some(row), Some(clock)) = (settings.first(), clock.first()) else {
        return Err(Error::bug("the settings were not told"));
    };
    let theirs = slotwise_domain::Instant(clock.try_get(0)?);
    shared.time.reads(Reading::told(theirs, asked_at));
    // It was read at some moment between these two.
    let apart = before.since(theirs).0.max(theirs.since(SystemClock.now()).0).max(0);
    let says = (apart > CLOCKS_APART_MAX.0).then(|| {
        let seconds = apart / 1_000_000;
        format!("the clocks of this machine and of the database are {seconds} s apart; bookings go by the database's")
    });
    shared.health.warn("clocks", says);
    let (version, fsync, synchronous): (&str, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(judge_settings(version, fsync, synchronous, row.try_get(3)?, row.try_get(4)?, row.try_get(5)?))
}

/// Goes on looking. What would have been refused at the start is a warning now, and nothing is decided until it is well again.
pub(super) async fn watch(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        take(&shared, look(&shared).await);
    }
}

/// Takes what was seen into account.
pub(super) fn take(shared: &Arc<Shared>, seen: Result<Settings>) {
    match seen {
        Ok(Settings { refused, warning }) => {
            if let Some(says) = &refused {
                tracing::error!("nothing is decided: {says}");
            }
            shared.refuse(refused);
            shared.health.warn("settings", warning);
        }
        Err(e) => tracing::warn!("looking at the settings of the database: {e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_lose_what_was_told_are_refused() {
        let judged = |fsync, synchronous, pages, read_only| {
            judge_settings("150018", fsync, synchronous, pages, read_only, false)
        };
        let behind = judge_settings("150018", "on", "on", "on", "off", true);
        assert!(behind.refused.is_none() && behind.warning.unwrap().contains("standby"));
        assert_eq!(judged("on", "on", "on", "off"), Settings { refused: None, warning: None });
        assert!(judged("off", "on", "on", "off").refused.unwrap().contains("fsync"));
        assert!(judged("on", "off", "on", "off").refused.unwrap().contains("synchronous_commit"));
        assert!(judged("on", "on", "on", "on").refused.unwrap().contains("read-only"));
        assert!(judged("on", "on", "off", "off").warning.unwrap().contains("full_page_writes"));
        assert!(judged("on", "local", "on", "off").warning.unwrap().contains("local"));
        assert!(judge_settings("140010", "on", "on", "on", "off", false).refused.unwrap().contains("15"));
    }
}
