//! E9 and E10: a folder with millions of bookings: how soon it serves, what it takes of memory and disk, and whether it is slower.
//! It is filled through the commit port; the server that opens it is the one that ships.

use crate::attempts::{self, Case, Wants};
use crate::batches;
use crate::gauge;
use crate::ground::{Ground, rest, say};
use crate::load::Pace;
use crate::results::{Experiment, Reading, Results, Row, Whose};
use crate::store::{self, Filled, Plan};
use anyhow::Context;
use rusqlite::{Connection, OpenFlags};
use slotwise_domain::ResourceId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Of E9, those that are over.
const PAST: u64 = 9_000_000;
/// Of E9, those to come.
const COMING: u64 = 1_000_000;
/// Of E10.
const SIZES: [u64; 2] = [100_000, 1_000_000];
/// Tables, indexes included, whose bytes are those of attempts rather than of bookings.
const OF_ATTEMPTS: [&str; 1] = ["attempt"];
/// The rate of the open loop of E10, as a share of the peak.
const HALF: f64 = 0.5;
const CROWD: usize = 256;

const READY: &str = "ready to serve";
const MEMORY: &str = "memory when ready";
const MEMORY_LATER: &str = "memory ten seconds later";
const ON_DISK: &str = "on disk, all of it";
const ON_DISK_BOOKINGS: &str = "on disk without attempts";

/// Measures E9.
pub async fn e9(ground: &Ground) -> anyhow::Result<()> {
    let wish = &ground.wish;
    let plan = Plan { resources: wish.resources as usize, past: ground.scaled(PAST), coming: ground.scaled(COMING) };
    let bookings = plan.past + plan.coming;
    let title = format!("E9: {bookings} bookings, {} of them to come", plan.coming);
    let mut e9 = Experiment::begin(&title, 0, wish.rounds);
    let data = ground.scratch.folder("nine")?;
    let filled = store::fill(&data, plan).await?;
    let per_second = bookings as f64 / filled.seconds;
    say(&format!("filled with {bookings} bookings in {:.0} s, {per_second:.0} a second", filled.seconds));
    // The first start may still have to tidy up after the filling; it is not counted.
    ground.build.serve(&data)?.0.end()?;
    for _ in ground.rounds() {
        rest().await;
        let (server, ready_s) = ground.build.serve(&data)?;
        let mib = |pid| gauge::memory_kib(pid) as f64 / 1024.0;
        e9.add(Whose::Ours, READY, "s", Reading::of(ready_s));
        e9.add(Whose::Ours, MEMORY, "MiB", Reading::of(mib(server.pid())));
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        e9.add(Whose::Ours, MEMORY_LATER, "MiB", Reading::of(mib(server.pid())));
        say(&format!("ready after {ready_s:.2} s with {:.0} MiB", mib(server.pid())));
        server.end()?;
    }
    let parts = bytes_by_part(&data)?;
    let all: u64 = parts.values().sum();
    let of_attempts = |name: &str| OF_ATTEMPTS.iter().any(|table| name.contains(table));
    let attempts: u64 = parts.iter().filter(|(name, _)| of_attempts(name)).map(|(_, bytes)| bytes).sum();
    let each = |bytes: u64| bytes as f64 / bookings as f64;
    e9.add(Whose::Ours, ON_DISK, "bytes a booking", Reading::of(each(all)));
    e9.add(Whose::Ours, ON_DISK_BOOKINGS, "bytes a booking", Reading::of(each(all - attempts)));
    for (part, bytes) in &parts {
        e9.add(Whose::Ours, &format!("on disk: {part}"), "bytes a booking", Reading::of(each(*bytes)));
    }
    let median = |name: &str| e9.row(name).map_or(0.0, Row::median);
    let (ready, memory, disk) = (median(READY), median(MEMORY_LATER).max(median(MEMORY)), median(ON_DISK_BOOKINGS));
    e9.at_most(READY, ready, "s", 5.0);
    e9.at_most("memory", memory, "MiB", 1_024.0);
    e9.at_most(ON_DISK_BOOKINGS, disk, "bytes", 400.0);
    e9.note(format!("filled in process in {:.0} s, {per_second:.0} bookings a second", filled.seconds));
    if ground.wish.scale != 1.0 {
        e9.note(format!("scaled by {}: the goals are those of the whole", ground.wish.scale));
    }
    Results::keep("e9", e9)?;
    Ok(())
}

/// Bytes of each table and index of each database of a folder, and of each other file.
fn bytes_by_part(data: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut parts = BTreeMap::new();
    for file in files(data)? {
        let name = file.strip_prefix(data).unwrap_or(&file).display().to_string();
        let whole = std::fs::metadata(&file)?.len();
        if !name.ends_with(".sqlite") {
            if whole > 0 {
                parts.insert(name, whole);
            }
            continue;
        }
        let db = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .with_context(|| format!("opening {}", file.display()))?;
        let mut query = db.prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")?;
        let mut rows = query.query([])?;
        let mut counted = 0;
        while let Some(row) = rows.next()? {
            let (table, bytes): (String, u64) = (row.get(0)?, row.get(1)?);
            counted += bytes;
            parts.insert(format!("{name} {table}"), bytes);
        }
        parts.insert(format!("{name}, free pages"), whole.saturating_sub(counted));
    }
    Ok(parts)
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("looking into {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Measures E10.
pub async fn e10(ground: &Ground) -> anyhow::Result<()> {
    let wish = &ground.wish;
    let sizes = SIZES.map(|size| ground.scaled(size));
    let title = format!("E10: with {} and with {} stored bookings", sizes[0], sizes[1]);
    let mut e10 = Experiment::begin(&title, wish.window.as_secs(), wish.rounds);
    let mut masters = Vec::new();
    for size in sizes {
        let data = ground.scratch.folder(&format!("grown-{size}"))?;
        let plan = Plan { resources: wish.resources as usize, past: 0, coming: size };
        let filled = store::fill(&data, plan).await?;
        say(&format!("filled with {size} bookings in {:.0} s", filled.seconds));
        masters.push(Master { size, data, filled });
    }
    let mut peak = None;
    for round in ground.rounds() {
        say(&format!("round {round} of {}", wish.rounds));
        over_http(ground, &masters, &mut e10, &mut peak).await?;
        for commit in batches::SIZES {
            for master in &masters {
                // What a window books would make the small folder a large one: each window has a copy of its own.
                let copy = ground.scratch.folder("grown-copy")?;
                copy_files(&master.data, &copy)?;
                rest().await;
                let rooms: Vec<ResourceId> = master.filled.rooms.iter().copied().map(ResourceId).collect();
                let reading = batches::in_store(&copy, &rooms, commit, wish.window).await?;
                say(&format!("{}: {:.0}/s", at(&batches::store_row(commit), master.size), reading.value));
                e10.add(Whose::Ours, &at(&batches::store_row(commit), master.size), "a second", reading);
            }
        }
    }
    let names: Vec<String> = e10.rows.iter().map(|row| row.name.clone()).collect();
    for name in names {
        if let Some(what) = name.strip_suffix(&at("", sizes[1])) {
            e10.ratio_at_least(&name, &at(what, sizes[0]), 0.9);
        }
    }
    e10.note("Every round begins on copies of the two folders. Within a round the windows over HTTP follow each other on one copy.");
    Results::keep("e10", e10)?;
    Ok(())
}

/// A filled folder that copies are made of.
struct Master {
    size: u64,
    data: PathBuf,
    filled: Filled,
}

/// One round of E1, E2, E3 and E5, both sizes side by side.
async fn over_http(
    ground: &Ground,
    masters: &[Master],
    e10: &mut Experiment,
    peak: &mut Option<f64>,
) -> anyhow::Result<()> {
    let mut grown = Vec::new();
    for master in masters {
        let copy = ground.scratch.folder(&format!("grown-{}-copy", master.size))?;
        copy_files(&master.data, &copy)?;
        let slotwise = ground.build.open(&copy, master.filled.secret.clone(), master.filled.rooms.clone()).await?;
        grown.push((master.size, Wants::of(&slotwise)?, slotwise));
    }
    for case in [Case::Spread(64), Case::Spread(CROWD), Case::Hot(64), Case::SoldOut(64), Case::Spread(1)] {
        for (size, wants, slotwise) in &grown {
            let reading = attempts::closed(ground, &slotwise.server, wants, case).await?;
            if matches!(case, Case::Spread(CROWD)) {
                // The same load for both, whatever they could take.
                peak.get_or_insert(reading.value);
            }
            e10.add(Whose::Ours, &at(&case.name(), *size), "a second", reading);
        }
    }
    for (size, wants, slotwise) in &grown {
        let pace = Pace::Open { per_second: peak.unwrap_or(1_000.0) * HALF };
        let reading = attempts::window(ground, &slotwise.server, wants, Case::Spread(CROWD), pace, CROWD).await?;
        e10.add(Whose::Ours, &at("open loop at half of the peak", *size), "a second", reading);
    }
    for (_, _, slotwise) in grown {
        slotwise.server.end()?;
    }
    Ok(())
}

/// Copies a folder whose store is closed.
fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in files(from)? {
        let target = to.join(file.strip_prefix(from)?);
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(&file, &target).with_context(|| format!("copying {}", file.display()))?;
    }
    Ok(())
}

fn at(what: &str, stored: u64) -> String {
    format!("{what}, {stored} stored")
}
