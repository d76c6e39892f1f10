//! Every disk that a power cut could leave, and every call that could fail: what was told is kept, whole commits only, nothing else.
//! The store runs as a process of its own over real files and is opened again by its own code. Layers T6 and T7 of the proof.

use crate::disk::{CUTS, Call, Cut, Disk, Files, Watch, Watched, read, scratch, write};
use crate::support::{START, Site, hour, id, line, person, room};
use slotwise_domain::{
    Action, AttemptKey, BlockId, BookingId, Exceptions, OverBookings, OverHolds, PartId, PersonId, Proposal,
    ResourceId, Role, Span, settle,
};
use slotwise_engine::{BookingFilter, Clock, CommitError, Directory, Settled, Status, Store, Views};
use slotwise_store::Embedded;
use slotwise_store::embedded::{OpenError, verify};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Commits of each half of a history: ten histories make three hundred, and more than twenty thousand images.
/// `SLOTWISE_CRASH_IMAGES` takes no more than so many of each history, evenly.
const COMMITS: usize = 15;
/// Calls that may fail before a process is said to have no end.
const CALLS_MAX: u32 = 5_000;
const FOREVER: u32 = 1_000_000;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn digest(of: &impl std::fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{of:?}").hash(&mut hasher);
    hasher.finish()
}

// The process that is watched

/// Batches of commands that meet each other, for one sitting.
fn batches(site: &Site, chance: &mut Chance, count: usize) -> Vec<Vec<Proposal>> {
    let rooms = [(); 2].map(|()| ResourceId(id(site.clock.now())));
    let create = |(n, resource): (usize, &ResourceId)| {
        let spec = Box::new(room(&format!("R{n} {}", resource.0)).checked().unwrap());
        site.by(site.admin, Action::CreateResource { resource: *resource, spec })
    };
    let mut batches: Vec<Vec<Proposal>> = vec![rooms.iter().enumerate().map(create).collect()];
    let mut booked: Vec<BookingId> = Vec::new();
    while batches.len() < count {
        let mut batch = Vec::new();
        for _ in 0..=chance.below(4) {
            let resource = rooms[chance.below(2)];
            let from = START.plus(Span::hours(24 + chance.below(40) as i64));
            batch.push(match chance.below(10) {
                0..5 => {
                    let lines = if chance.below(4) == 0 { rooms.to_vec() } else { vec![resource] };
                    let lines: Vec<_> = lines.into_iter().map(|room| (room, from)).collect();
                    let action = site.booking(site.admin, &lines, None);
                    if let Action::Book { booking, .. } = &action {
                        booked.push(*booking);
                    }
                    site.by(site.admin, action)
                }
                5 | 6 if !booked.is_empty() => {
                    let booking = booked.swap_remove(chance.below(booked.len()));
                    site.by(site.admin, Action::Cancel { booking, reason: Some("not needed".into()) })
                }
                7 => {
                    let block = BlockId(id(site.clock.now()));
                    let (over_holds, over_bookings) = (OverHolds::Refuse, OverBookings::Refuse);
                    let (interval, exceptions) = (hour(from), Exceptions::default());
                    let (reason, policy_version) = ("paint".into(), 1);
                    let action = Action::AddBlock {
                        resource,
                        policy_version,
                        block,
                        interval,
                        reason,
                        over_holds,
                        over_bookings,
                        exceptions,
                    };
                    site.by(site.admin, action)
                }
                _ => {
                    let hold = slotwise_domain::HoldId(id(site.clock.now()));
                    site.by(site.admin, Action::Hold { hold, line: line(resource, from) })
                }
            });
        }
        batches.push(batch);
    }
    batches
}

#[tokio::test]
#[ignore = "run by the tests beside it, as a process whose disk is watched"]
async fn a_sitting() {
    let own = scratch();
    let data = std::env::var_os("DISK_ROOT").map_or(own.path().join("data"), PathBuf::from);
    let told = std::env::var_os("DISK_TOLD").map_or(own.path().join("told"), PathBuf::from);
    let (sitting, count) = (env("SITTING").unwrap_or(0), env("COMMITS").unwrap_or(5) as usize);
    let mut told = std::fs::File::options().create(true).append(true).open(told).unwrap();
    let mut site = Site::new();
    // Ids and keys are made of the clock: no two sittings share one.
    site.clock.advance(Span::hours(sitting as i64));
    site.options.checkpoint_pages = 16;
    let store = match Embedded::open(&data, site.options.clone()) {
        Ok(store) => store,
        Err(refused) => return eprintln!("refused: {refused}"),
    };
    if let Err(e) = store.put_person(person(site.admin, "Ada", Role::Admin)).await {
        eprintln!("nobody: {e}");
    }
    let mut chance = Chance(env("SEED").unwrap_or(1) + 1_000 * sitting);
    for (n, batch) in batches(&site, &mut chance, count).into_iter().enumerate() {
        let keys: Vec<AttemptKey> = batch.iter().map(|proposal| proposal.key).collect();
        let said = match store.commit(batch, settle).await {
            Ok(settled) => settled.iter().map(said).collect(),
            Err(CommitError::NothingWritten(_)) => vec!["failed".to_owned(); keys.len()],
            Err(CommitError::Unknown(_)) => vec!["unknown".to_owned(); keys.len()],
        };
        let lines = keys.iter().zip(said).map(|(key, said)| format!("{sitting}.{n} {} {said}\n", key.key));
        told.write_all(lines.collect::<String>().as_bytes()).unwrap();
        if n % 5 == 4 {
            // The tables follow now.
            drop(store.bookings(BookingFilter { max: 5, ..Default::default() }).await);
        }
        if n % 6 == 1 {
            let somebody = person(PersonId(id(site.clock.now())), &format!("P{sitting}-{n}"), Role::Member);
            if store.put_person(somebody.clone()).await.is_ok() {
                let line = format!("{sitting}.{n} {} person\n", somebody.id.0);
                told.write_all(line.as_bytes()).unwrap();
            }
        }
    }
    if env("KILLED").is_some() {
        std::process::exit(0);
    }
}

fn said(settled: &Settled) -> String {
    match settled {
        Settled::Decided(recorded, _) | Settled::Replayed(recorded) => format!("is {}", digest(recorded)),
        Settled::KeyReused | Settled::KeyExpired | Settled::EpochChanged | Settled::Failed(_) => "failed".into(),
    }
}

// What was told, and whether it is so

/// What was told of one commit, in its order.
#[derive(Clone, Default)]
struct Commit {
    answers: Vec<(Uuid, Told)>,
    people: Vec<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Is(u64),
    Failed,
    Unknown,
}

fn commits(told: &str) -> Vec<Commit> {
    let mut names: Vec<&str> = Vec::new();
    let mut commits: Vec<Commit> = Vec::new();
    for line in told.lines() {
        let mut words = line.split(' ');
        let (name, of) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
        if names.last() != Some(&name) {
            names.push(name);
            commits.push(Commit::default());
        }
        let commit = commits.last_mut().unwrap();
        match words.next().unwrap() {
            "is" => commit.answers.push((of, Told::Is(words.next().unwrap().parse().unwrap()))),
            "failed" => commit.answers.push((of, Told::Failed)),
            "unknown" => commit.answers.push((of, Told::Unknown)),
            "person" => commit.people.push(of),
            other => panic!("{other}"),
        }
    }
    commits
}

/// Whether all answers of a commit are there, or none of them. An error says what must not be.
async fn there(store: &Embedded, admin: PersonId, commit: &Commit) -> Result<bool, String> {
    let mut found = BTreeSet::new();
    for (key, told) in &commit.answers {
        let key = AttemptKey { part: PartId::DEFAULT, actor: admin.0, key: *key };
        let recorded = store.recall(key).await.map_err(|e| format!("{}: {e}", key.key))?;
        match (&recorded, told) {
            (Some(recorded), Told::Is(digest_told)) if digest(recorded) != *digest_told => {
                return Err(format!("{}: told otherwise than {recorded:?}", key.key));
            }
            (Some(recorded), Told::Failed) => return Err(format!("{}: told FAILED, is {recorded:?}", key.key)),
            (_, Told::Failed) => {}
            (_, Told::Is(_) | Told::Unknown) => drop(found.insert(recorded.is_some())),
        }
    }
    match found.len() {
        2 => Err(format!("half of a commit is there: {:?}", commit.answers)),
        _ => Ok(found.contains(&true)),
    }
}

/// Opens a folder and compares it with what had been told, and what was told later. Says whether the commit after what had been told
/// is there; `None` if the folder was refused with a reason that names the damage.
async fn look(
    dir: &Path,
    site: &Site,
    cut: Cut,
    told: &[Commit],
    later: &[Commit],
    thoroughly: bool,
) -> Result<Option<bool>, String> {
    let store = match Embedded::open(dir, site.options.clone()) {
        Ok(store) => store,
        Err(OpenError::DamagedLog { .. }) if matches!(cut, Cut::Scattered(_)) => return Ok(None),
        Err(refused) => return Err(format!("refused: {refused}")),
    };
    if store.status() != Status::Ready {
        return Err(format!("{:?}", store.status()));
    }
    let recent = if thoroughly { told.len() } else { 3 };
    for commit in &told[told.len().saturating_sub(recent)..] {
        let decided = commit.answers.iter().any(|(_, told)| matches!(told, Told::Is(_)));
        if decided && !there(&store, site.admin, commit).await? {
            return Err(format!("lost: {:?}", commit.answers));
        }
        for id in &commit.people {
            if store.person(PersonId(*id)).await.map_err(|e| e.to_string())?.is_none() {
                return Err(format!("lost: the person {id}"));
            }
        }
    }
    let mut ahead = None;
    for commit in later.iter().take(2) {
        let here = there(&store, site.admin, commit).await?;
        if here && ahead == Some(false) {
            return Err("a commit is there and the one before it is not".into());
        }
        ahead = ahead.or(Some(here));
    }
    drop(store);
    if thoroughly {
        verify(dir).map_err(|e| format!("verify: {e}"))?;
    }
    Ok(Some(ahead == Some(true)))
}

// Layer T6: images

/// Two sittings on one folder, the first killed, the second ended in order, as calls.
fn history(seed: u64) -> Option<(Watched, Vec<Call>)> {
    let watched = Watched::new()?;
    for (sitting, killed) in [(1, true), (2, false)] {
        let mut env =
            vec![("SEED", seed.to_string()), ("SITTING", sitting.to_string()), ("COMMITS", COMMITS.to_string())];
        env.extend(killed.then(|| ("KILLED", "yes".to_owned())));
        let ended = watched.run("crash::a_sitting", &env, &Watch::Record);
        assert!(ended.success(), "{ended}\n{}", watched.log());
    }
    let calls = watched.trace();
    Some((watched, calls))
}

/// What became of the images of a history.
#[derive(Default, Debug)]
struct Seen {
    images: usize,
    refused: usize,
    /// The commit that was under way is there, though nobody was told yet.
    ahead: usize,
    behind: usize,
    wrong: Vec<String>,
}

/// Cuts the power after every call and opens what is left, in each way of [`CUTS`], until so many images were looked at.
async fn cut_everywhere(calls: &[Call], seed: u64, images: usize, cuts: &[Cut]) -> Seen {
    let site = Site::new();
    let told: String =
        calls.iter().filter_map(|call| if let Call::Told(text) = call { Some(&**text) } else { None }).collect();
    let all = commits(&told);
    let (mut disk, mut chance, mut seen) = (Disk::default(), Chance(seed), Seen::default());
    let (mut known, mut told) = (BTreeSet::new(), String::new());
    let every = (calls.len() * cuts.len()).div_ceil(images.max(1));
    let mut turn = 0;
    for (n, call) in calls.iter().enumerate() {
        disk.apply(call);
        if let Call::Told(text) = call {
            told.push_str(text);
        }
        let had = commits(&told);
        // People are told of apart from the commit before them; the last of it is compared whole.
        let later = &all[had.len()..];
        for cut in cuts {
            turn += 1;
            if turn % every != 0 {
                continue;
            }
            let files = disk.after(*cut, &mut |n| chance.below(n));
            let mut hasher = DefaultHasher::new();
            (&files, had.len()).hash(&mut hasher);
            if !known.insert(hasher.finish()) {
                continue;
            }
            let dir = scratch();
            write(&files, dir.path());
            seen.images += 1;
            let thoroughly = seen.images % 16 == 0;
            match look(dir.path(), &site, *cut, &had, later, thoroughly).await {
                Ok(None) => seen.refused += 1,
                Ok(Some(true)) => seen.ahead += 1,
                Ok(Some(false)) => seen.behind += 1,
                Err(wrong) => seen.wrong.push(format!("after call {n} of {}, {cut:?}: {wrong}", calls.len())),
            }
        }
    }
    seen
}

async fn images_of(seed: u64) {
    let Some((_, calls)) = history(seed) else { return };
    let images = env("SLOTWISE_CRASH_IMAGES").map_or(usize::MAX, |n| n as usize);
    let begun = std::time::Instant::now();
    let seen = cut_everywhere(&calls, seed, images, &CUTS).await;
    let Seen { images, refused, ahead, behind, wrong } = &seen;
    println!(
        "{} calls, {images} images in {:?}: {refused} refused, {ahead} with what was not told yet, {behind} without",
        calls.len(),
        begun.elapsed()
    );
    assert!(wrong.is_empty(), "{} of {images}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(*ahead > 0 && *behind > 0, "both sides of a commit are met: {seen:?}");
    assert!(refused * 10 < *images, "most disks are opened: {seen:?}");
}

#[tokio::test]
async fn power_cuts_in_history_1() {
    images_of(1).await;
}

#[tokio::test]
async fn power_cuts_in_history_2() {
    images_of(2).await;
}

#[tokio::test]
async fn power_cuts_in_history_3() {
    images_of(3).await;
}

#[tokio::test]
async fn power_cuts_in_history_4() {
    images_of(4).await;
}

#[tokio::test]
async fn power_cuts_in_history_5() {
    images_of(5).await;
}

#[tokio::test]
async fn power_cuts_in_history_6() {
    images_of(6).await;
}

#[tokio::test]
async fn power_cuts_in_history_7() {
    images_of(7).await;
}

#[tokio::test]
async fn power_cuts_in_history_8() {
    images_of(8).await;
}

#[tokio::test]
async fn power_cuts_in_history_9() {
    images_of(9).await;
}

#[tokio::test]
async fn power_cuts_in_history_10() {
    images_of(10).await;
}

#[tokio::test]
async fn a_store_that_does_not_sync_is_found_out() {
    let Some((_, mut calls)) = history(13) else { return };
    calls.retain(|call| !matches!(call, Call::Sync(name) if name == "slotwise.sqlite-wal"));
    let seen = cut_everywhere(&calls, 13, 200, &[Cut::Lost]).await;
    assert!(seen.wrong.iter().any(|wrong| wrong.contains("lost: ")), "{seen:?}");
}

// Layer T7: the n-th call fails

/// What fails, and how: operations, the error, how often from the n-th on, and whether half is written first.
type Fault = (&'static str, &'static str, i32, u32, bool);

const SICK: [Fault; 2] =
    [("an input or output error", "WTSCUR", EIO, 1, false), ("a disk that has died", "WTSCUR", EIO, FOREVER, false)];
const FULL: [Fault; 1] = [("a full disk", "WC", ENOSPC, FOREVER, false)];
const FILLED: [Fault; 1] = [("a disk that fills up within a write", "W", ENOSPC, FOREVER, true)];
const READ_ONLY: [Fault; 1] = [("a disk that became read-only", "WTCUR", EROFS, FOREVER, false)];
const UNREADABLE: [Fault; 1] = [("a read that fails", "P", EIO, 1, false)];

/// Runs a sitting again and again; each time the next call fails. Then the folder is opened on a disk that is well.
async fn fail_each(faults: &[Fault], before: &Files, sitting: u64) {
    let Some(watched) = Watched::new() else { return };
    let site = Site::new();
    let stride = env("SLOTWISE_FAULT_STRIDE").map_or(1, |n| n.max(1) as u32);
    let mut met: BTreeMap<&str, (u32, u32, u32)> = BTreeMap::new();
    for &(what, operations, errno, times, short) in faults {
        let mut nth = 1;
        loop {
            assert!(nth < CALLS_MAX, "{what}: no end");
            watched.begin_with(before);
            let env = [("SITTING", sitting.to_string()), ("COMMITS", "4".to_owned())];
            let ended = watched.run("crash::a_sitting", &env, &Watch::Fail { operations, nth, errno, times, short });
            assert!(ended.success(), "{what}, call {nth}: {ended}\n{}", watched.log());
            if !watched.fired() {
                break;
            }
            let told = commits(&watched.told());
            let looked = look(&watched.data(), &site, Cut::Kept, &told, &[], true).await;
            looked.unwrap_or_else(|wrong| panic!("{what}, call {nth}: {wrong}\n{}", watched.told()));
            let (calls, failed, unknown) = met.entry(what).or_default();
            let any = |kind: Told| told.iter().flat_map(|c| &c.answers).any(|(_, told)| *told == kind);
            *calls += 1;
            *failed += u32::from(any(Told::Failed));
            *unknown += u32::from(any(Told::Unknown));
            nth += stride;
        }
    }
    for (what, (calls, failed, unknown)) in &met {
        println!("{what}: {calls} calls failed, {failed} times FAILED was told, {unknown} times no outcome yet");
    }
    assert!(met.values().all(|(calls, failed, _)| *calls > 0 && *failed > 0), "{met:?}");
}

/// A folder whose last process was killed, with a log that the next start has to bring in.
fn killed() -> Files {
    let Some(watched) = Watched::new() else { return Files::new() };
    let env = [("SITTING", "1".to_owned()), ("COMMITS", "9".to_owned()), ("KILLED", "yes".to_owned())];
    assert!(watched.run("crash::a_sitting", &env, &Watch::Record).success());
    read(&watched.data())
}

#[tokio::test]
async fn every_call_of_a_first_start_may_fail() {
    fail_each(&SICK, &Files::new(), 1).await;
}

#[tokio::test]
async fn every_write_of_a_first_start_may_find_the_disk_full() {
    fail_each(&FULL, &Files::new(), 1).await;
}

#[tokio::test]
async fn every_write_of_a_first_start_may_fill_the_disk() {
    fail_each(&FILLED, &Files::new(), 1).await;
}

#[tokio::test]
async fn every_write_of_a_first_start_may_find_the_disk_read_only() {
    fail_each(&READ_ONLY, &Files::new(), 1).await;
}

#[tokio::test]
async fn every_read_of_a_first_start_may_fail() {
    fail_each(&UNREADABLE, &Files::new(), 1).await;
}

#[tokio::test]
async fn every_call_of_a_recovery_may_fail() {
    fail_each(&SICK, &killed(), 2).await;
}

#[tokio::test]
async fn every_write_of_a_recovery_may_find_the_disk_full() {
    fail_each(&FULL, &killed(), 2).await;
}

#[tokio::test]
async fn every_write_of_a_recovery_may_fill_the_disk() {
    fail_each(&FILLED, &killed(), 2).await;
}

#[tokio::test]
async fn every_write_of_a_recovery_may_find_the_disk_read_only() {
    fail_each(&READ_ONLY, &killed(), 2).await;
}

#[tokio::test]
async fn every_read_of_a_recovery_may_fail() {
    fail_each(&UNREADABLE, &killed(), 2).await;
}

/// What is told before the folder of a new journal is synced is gone with the folder's entry; so for the log of it.
#[tokio::test]
async fn a_store_that_does_not_sync_its_folder_is_found_out() {
    let Some((_, mut calls)) = history(14) else { return };
    calls.retain(|call| !matches!(call, Call::SyncFolder));
    let seen = cut_everywhere(&calls, 14, 200, &[Cut::Lost]).await;
    assert!(seen.wrong.iter().any(|wrong| wrong.contains("lost: ")), "{seen:?}");
}
