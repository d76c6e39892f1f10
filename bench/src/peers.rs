//! The peers beside us in the same rounds: the disk, Redis, PostgreSQL; and those that are scaled from figures of another run.
//! A peer that is not installed is said to be missing, loudly, and nothing is put in its place.

use crate::attempts::Case;
use crate::ground::{Ground, rest, say};
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::results::{Experiment, Row, Whose};
use std::time::Duration;

/// The disk, a growing file.
pub const DISK_GROWING: &str = "disk: 4 KiB and a sync, growing file";
/// The disk, a file written before.
pub const DISK_WRITTEN: &str = "disk: 4 KiB and a sync, pre-written file";
/// Redis, one command after the other.
pub const REDIS: &str = "Redis Lua check-and-reserve, appendfsync always, 50 clients";
/// Redis, 32 commands at once.
pub const REDIS_PIPELINED: &str = "Redis Lua check-and-reserve, appendfsync always, 50 clients, pipelined 32";
/// PostgreSQL over many resources.
pub const POSTGRES_SPREAD: &str = "PostgreSQL guarded UPDATE + INSERT, prepared, 10,000 resources, 32 clients";
/// PostgreSQL on one.
pub const POSTGRES_HOT: &str = "PostgreSQL guarded UPDATE + INSERT, prepared, one hot row, 64 clients";

/// The line that installs the peers on Debian.
pub const INSTALL: &str =
    "sudo apt-get install --yes --no-install-recommends redis-server postgresql postgresql-contrib";

/// A figure of a machine with two such cores, where bare axum gave 110,000 requests a second with 64 connections and the disk
/// 7,800 syncs a second in a pre-written file.
pub struct Elsewhere {
    /// What.
    pub name: &'static str,
    /// There, a second.
    pub rate: f64,
}

/// Bare axum there.
const BARE_THERE: f64 = 110_000.0;
/// The disk there.
const DISK_THERE: f64 = 7_800.0;

/// Express, Socket.IO, a lock map in memory and an overlap check, with SQLite or PostgreSQL. It double-books.
pub const SOURCE_STACK: Elsewhere =
    Elsewhere { name: "Express, lock map, SQL without an ORM (scaled, not run)", rate: 1_080.0 };
/// The same with an ORM.
pub const SOURCE_STACK_ORM: Elsewhere = Elsewhere { name: "Express, lock map, ORM (scaled, not run)", rate: 390.0 };
/// TigerBeetle, one replica.
pub const TIGERBEETLE_100: Elsewhere =
    Elsewhere { name: "TigerBeetle, batches of 100 (scaled, not run)", rate: 52_000.0 };
/// TigerBeetle, one replica.
pub const TIGERBEETLE_1000: Elsewhere =
    Elsewhere { name: "TigerBeetle, batches of 1000 (scaled, not run)", rate: 206_000.0 };
/// TigerBeetle, one replica; 8,189 there.
pub const TIGERBEETLE_8000: Elsewhere =
    Elsewhere { name: "TigerBeetle, batches of 8000 (scaled, not run)", rate: 339_000.0 };

/// Rows of what ran elsewhere: scaled by bare axum or by the disk of this run, whichever makes more of it.
pub fn scaled(all: &Experiment, those: &[Elsewhere]) -> Vec<Row> {
    let by = |name: &str, there: f64| all.row(name).map(|row| row.median() / there);
    let factor =
        by(&Case::Bare(64).name(), BARE_THERE).into_iter().chain(by(DISK_WRITTEN, DISK_THERE)).fold(0.0, f64::max);
    let rows = those.iter().filter(|_| factor > 0.0).map(|elsewhere| Row {
        name: elsewhere.name.into(),
        unit: "a second".into(),
        whose: Whose::Scaled,
        values: vec![elsewhere.rate * factor],
        ..Row::default()
    });
    rows.collect()
}

/// The table of the peers for themselves.
pub fn table(all: &Experiment) -> Experiment {
    let (bare, crowded) = (Case::Bare(64).name(), Case::Bare(256).name());
    let names = [&bare, &crowded, DISK_GROWING, DISK_WRITTEN, REDIS, REDIS_PIPELINED, POSTGRES_SPREAD, POSTGRES_HOT];
    let mut table = all.part("The machine and the peers, in the same rounds", &names);
    let those = [SOURCE_STACK, SOURCE_STACK_ORM, TIGERBEETLE_100, TIGERBEETLE_1000, TIGERBEETLE_8000];
    table.rows.extend(scaled(all, &those));
    table
}

/// Those that could be started.
pub struct Peers {
    redis: Option<Redis>,
    postgres: Option<Postgres>,
}

impl Peers {
    /// None of them.
    pub fn none() -> Peers {
        Peers { redis: None, postgres: None }
    }

    /// Starts what is installed.
    pub fn start(ground: &Ground, all: &mut Experiment) -> anyhow::Result<Peers> {
        let redis = Redis::start(ground)?;
        let postgres = Postgres::start(ground)?;
        for (name, there) in [("Redis", redis.is_some()), ("PostgreSQL", postgres.is_some())] {
            if !there {
                let note = format!("{name} is NOT INSTALLED and was not measured; to have it: {INSTALL}");
                say(&format!("!!! {note}"));
                all.note(note);
            }
        }
        Ok(Peers { redis, postgres })
    }

    /// A window of each.
    pub async fn round(&self, ground: &Ground, all: &mut Experiment) -> anyhow::Result<()> {
        let window = ground.wish.window;
        if let Some(redis) = &self.redis {
            for (name, pipelined) in [(REDIS, 1), (REDIS_PIPELINED, 32)] {
                rest().await;
                let reading = redis.window(window, pipelined).await?;
                say(&format!("{name}: {:.0}/s", reading.value));
                all.add(Whose::Peer, name, "a second", reading);
            }
        }
        if let Some(postgres) = &self.postgres {
            for (name, hot, clients) in [(POSTGRES_SPREAD, false, 32), (POSTGRES_HOT, true, 64)] {
                rest().await;
                let reading = postgres.window(window.max(Duration::from_secs(1)), hot, clients)?;
                say(&format!("{name}: {:.0}/s", reading.value));
                all.add(Whose::Peer, name, "a second", reading);
            }
        }
        Ok(())
    }

    /// Ends them.
    pub fn end(self) -> anyhow::Result<()> {
        if let Some(redis) = self.redis {
            redis.end()?;
        }
        self.postgres.map_or(Ok(()), Postgres::end)
    }
}
