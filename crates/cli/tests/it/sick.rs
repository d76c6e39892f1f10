//! Sick disks under the real binary: full, read-only, failing syncs. What was told stays so, nothing is told that is not durable,
//! reads go on, readiness says why, and a restart is the way back. Scenarios 45, 46 and 47.

use crate::harness::server::slotwise;
use crate::harness::sick::{EIO, ENOSPC, EROFS, fall_ill, home, recover};
use crate::harness::{Ask, Reply, UNLIMITED, World};
use std::thread;
use std::time::{Duration, Instant};

const FOREVER: u32 = 1_000_000;

struct Illness {
    operation: &'static str,
    file: &'static str,
    errno: i32,
    times: u32,
    /// What readiness says of it.
    says: &'static str,
}

fn key_of(ask: &Ask) -> String {
    ask.headers.iter().find(|(n, _)| n == "idempotency-key").unwrap().1.clone()
}

fn readiness(w: &World) -> (u16, String) {
    let ready = w.send(&Ask::get("/readyz"));
    (ready.status, ready.json()["status"].as_str().unwrap().to_owned())
}

fn stopped_within(w: &World, limit: Duration) -> String {
    let since = Instant::now();
    loop {
        let (status, says) = readiness(w);
        if status == 503 {
            return says;
        }
        assert!(since.elapsed() < limit, "still ready after {limit:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What was told before, while and after, judged after a restart on a disk that is well.
fn check(illness: &Illness) {
    let Some(home) = home() else { return };
    let mut w = World::in_home(home, &["ann", "bob"], &UNLIMITED);
    w.hall("hall", 1_000);
    let mut ledger: Vec<(Ask, Reply)> = Vec::new();
    let mut send = |w: &World, asks: Vec<Ask>| {
        let replies = w.race(&asks);
        ledger.extend(asks.into_iter().zip(replies));
    };
    let burst = |w: &World| (0..8).map(|n| w.book(["ann", "bob"][n % 2], "hall", "10:00-11:00", 1)).collect::<Vec<_>>();
    send(&w, burst(&w));
    // The tables have what was told so far; from now on they may stay behind.
    assert_eq!(w.bookings_on("hall").len(), 8);
    fall_ill(&w.home, illness.operation, illness.file, illness.errno, illness.times);
    send(&w, burst(&w));
    let says = stopped_within(&w, Duration::from_secs(10));
    assert!(says.contains(illness.says), "{}: {says}", illness.says);
    assert!(!says.contains('/'), "no path is told: {says}");
    // Even if the disk is well again, what it lost is lost: nothing is taken until the restart.
    recover(&w.home);
    let late = w.book("ann", "hall", "10:00-11:00", 1);
    let refused = w.send(&late);
    assert_eq!((refused.status, refused.told().as_str()), (503, "503 FAILED store_unavailable"), "{}", refused.text());
    ledger.push((late, refused));
    // Reads go on.
    assert_eq!(w.read("ann", "/api/resources")["items"].as_array().unwrap().len(), 1);
    let told = |ledger: &[(Ask, Reply)]| ledger.iter().filter(|(_, r)| r.told() == "201 BOOKED").count();
    for (_, reply) in ledger.iter().filter(|(_, r)| r.told() == "201 BOOKED") {
        let id = reply.json()["booking"]["id"].as_str().unwrap().to_owned();
        assert_eq!(w.read("root", &format!("/api/bookings/{id}"))["state"], "confirmed");
    }
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(10)).is_some_and(|status| status.success()));

    w.start_again();
    assert!(told(&ledger) >= 8, "the first burst was told: {}", told(&ledger));
    let mut there = 0;
    for (ask, reply) in &ledger {
        let who = if ask.headers.iter().any(|(_, v)| v.ends_with(w.token("ann"))) { "ann" } else { "bob" };
        let attempt = w.get(who, &format!("/api/attempts/{}", key_of(ask))).json();
        let is = attempt["outcome"] == "BOOKED";
        match reply.told().split(' ').nth(1) {
            Some("BOOKED") => assert!(is, "told BOOKED, and it is gone: {attempt}"),
            Some("FAILED") => assert!(!is, "told FAILED, and it is there: {attempt}"),
            _ => {}
        }
        there += usize::from(is);
    }
    assert_eq!(w.bookings_on("hall").len(), there);
    // The same requests again: each books once.
    for (ask, _) in &ledger {
        assert!(["201 BOOKED", "200 BOOKED replayed"].contains(&w.send(ask).told().as_str()));
    }
    assert_eq!(w.bookings_on("hall").len(), ledger.len());
    w.sweep();
    let verified = slotwise(&["verify"]).arg(w.home.data()).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_disk_that_is_full_for_the_journal() {
    let says = "the disk is full, while the journal was written";
    check(&Illness { operation: "write", file: "slotwise.sqlite-wal", errno: ENOSPC, times: FOREVER, says });
}

#[test]
fn a_disk_that_is_full_when_the_log_is_brought_into_the_journal() {
    let says = "the disk is full, while the journal was written";
    check(&Illness { operation: "write", file: "slotwise.sqlite", errno: ENOSPC, times: FOREVER, says });
}

#[test]
fn a_disk_that_is_full_for_the_tables_alone() {
    let says = "the disk is full, while the tables for queries were written";
    check(&Illness { operation: "write", file: "views.sqlite-wal", errno: ENOSPC, times: FOREVER, says });
}

#[test]
fn a_disk_that_became_read_only() {
    let says = "the disk reported an error, while the journal was written";
    check(&Illness { operation: "write", file: "slotwise.sqlite-wal", errno: EROFS, times: FOREVER, says });
}

#[test]
fn one_sync_that_fails_is_not_made_good_by_the_next() {
    let says = "the disk reported an error, while the journal was written";
    check(&Illness { operation: "sync", file: "slotwise.sqlite-wal", errno: EIO, times: 1, says });
}

#[test]
fn one_sync_that_fails_when_the_log_is_brought_in() {
    let says = "the disk reported an error, while the journal was written";
    check(&Illness { operation: "sync", file: "slotwise.sqlite", errno: EIO, times: 1, says });
}

#[test]
fn a_disk_that_is_full_for_people_stops_no_booking() {
    let Some(home) = home() else { return };
    let mut w = World::in_home(home, &["ann"], &[]);
    w.room("room");
    fall_ill(&w.home, "write", "people.sqlite-wal", ENOSPC, FOREVER);
    let mut create = slotwise(&["key", "create", "--person", "Bob", "--data"]);
    let refused = create.arg(w.home.data()).envs(w.home.env.clone()).output().unwrap();
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && says.contains("full"), "{says}");
    assert!(refused.stdout.is_empty(), "no key is shown that does not exist");
    w.check("ann POST /api/bookings room 10:00-11:00 -> 201 BOOKED");
    assert_eq!(readiness(&w).0, 200);
    recover(&w.home);
    w.meet("bob", "Bob", "member");
    w.check("bob POST /api/bookings room 11:00-12:00 -> 201 BOOKED");
}

#[test]
fn a_checkpoint_that_cannot_be_written_stops_no_booking() {
    let Some(home) = home() else { return };
    let mut w = World::in_home(home, &["ann"], &[]);
    w.room("room");
    fall_ill(&w.home, "write", "checkpoints.jsonl", ENOSPC, FOREVER);
    w.check("ann POST /api/bookings room 10:00-11:00 -> 201 BOOKED");
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(10)).is_some_and(|status| status.success()));
    assert!(w.server.log_end().contains("no checkpoint could be made"), "{}", w.server.log_end());
    recover(&w.home);
    w.start_again();
    w.check("ann POST /api/bookings room 11:00-12:00 -> 201 BOOKED");
}

/// In a file system of its own, which is small and really full, where a mount namespace may be had.
const REALLY_FULL: &str = "
set -e
mount -t tmpfs -o size=3m tmpfs \"$DATA\"
\"$SLOTWISE\" import ucsd-schedule --data \"$DATA\" --report \"$REPORT\" \"$SCHEDULE\" && exit 11
mount -o remount,size=100m \"$DATA\"
\"$SLOTWISE\" verify \"$DATA\"
\"$SLOTWISE\" key create --data \"$DATA\" --person Ann
\"$SLOTWISE\" verify --json \"$DATA\"
";

#[test]
fn a_small_file_system_that_is_full() {
    let home = crate::harness::Home::new();
    std::fs::create_dir(home.data()).unwrap();
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];
    let may = |way: &&&[&str]| {
        let mut mount = std::process::Command::new("unshare");
        mount.args(**way).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(home.data());
        mount.output().is_ok_and(|tried| tried.status.success())
    };
    let Some(way) = ways.iter().find(may) else {
        return eprintln!("SKIPPED, AND NOT TESTED: a full file system needs leave to mount one (unshare --mount)");
    };
    let schedule = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo-data/ucsd_schedule_FA25.tsv.gz");
    let mut script = std::process::Command::new("unshare");
    script.args(*way).args(["sh", "-c", REALLY_FULL]);
    script.env("DATA", home.data()).env("REPORT", home.file("report")).env("SCHEDULE", schedule);
    let done = script.env("SLOTWISE", env!("CARGO_BIN_EXE_slotwise")).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{:?}\n{out}\n{err}", done.status);
    assert!(err.contains("the disk is full"), "{err}");
    assert!(out.contains("All of it is as it was written.") && out.contains("\"clean\":true"), "{out}");
}
