//! Backups of a running server, killed in the middle and made whole; a server on what was restored; backups it makes by itself.
//! Scenario 50: what was told before a restore is never mistaken for what is told after it.

use crate::harness::node::Node;
use crate::harness::oracle::oversold;
use crate::harness::{Ask, Rng, Server, World, slotwise};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn run(args: &[&str], paths: &[(&str, &Path)]) -> Result<String, String> {
    let mut command = slotwise(args);
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    let out = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
}

fn backup(w: &World, to: &Path) {
    let said = run(&["backup"], &[("--data", &w.home.data()), ("--to", to)]).unwrap();
    assert!(said.contains("is backed up in"), "{said}");
}

fn check(path: &Path) -> Result<String, String> {
    run(&["backup"], &[("--check", path)])
}

/// SIGKILL, the data moved aside, a backup in its place, and a server on it.
fn restore_in_place(w: &mut World, from: &Path) {
    w.server.end();
    fs::rename(w.home.data(), w.home.file("lost")).unwrap();
    let said = run(&["restore"], &[("--from", from), ("--data", &w.home.data())]).unwrap();
    assert!(said.contains("now in epoch"), "{said}");
    w.start_again();
}

fn key_of(ask: &Ask) -> String {
    ask.headers.iter().find(|(n, _)| n == "idempotency-key").unwrap().1.clone()
}

#[test]
fn a_restored_server_mistakes_nothing_from_before() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.resource("slow", serde_json::json!({ "policy": { "hold_ttl_s": 300 } }));
    let known = w.book("ann", "room", "10:00-11:00", 1);
    assert_eq!(w.send(&known).told(), "201 BOOKED");
    let held = w.held("ann", "slow", "10:00-11:00");
    let to = w.home.file("backup");
    backup(&w, &to);
    let lost = w.book("bob", "room", "12:00-13:00", 1);
    let told = w.send(&lost);
    assert_eq!(told.told(), "201 BOOKED");
    let booking = told.json()["booking"]["id"].as_str().unwrap().to_owned();
    let before = w.read("ann", &format!("/api/resources/{}", w.id("room")));

    restore_in_place(&mut w, &to);
    // Every hold is gone before anybody is served, whatever was left of its time.
    assert_eq!(w.read("ann", "/api/holds?owner=me")["items"].as_array().unwrap().len(), 0);
    assert_eq!(w.send(&w.confirm("ann", "slow", "10:00-11:00", &held)).told(), "409 REJECTED hold_superseded");
    assert_eq!(w.send(&known).told(), "200 BOOKED replayed");
    // What bob was told is lost. He is told so, under the key he has and by asking for it.
    assert_eq!(w.get("bob", &format!("/api/bookings/{booking}")).status, 404);
    let attempt = w.get("bob", &format!("/api/attempts/{}", key_of(&lost)));
    let body = attempt.json();
    assert_eq!((attempt.status, &body["state"], &body["outcome"]), (404, &"unknown".into(), &serde_json::Value::Null));
    assert_eq!(body["code"], "epoch_changed");
    assert!(body["answer"]["detail"].as_str().unwrap().contains("restored from a backup after this key was made"));
    let refused = w.send(&lost);
    assert_eq!(refused.told(), "409 epoch_changed", "{}", refused.text());
    assert!(refused.text().contains("Check what you have booked, then use a new key"));
    assert_eq!(w.metric("slotwise_no_outcome_total", "epoch_changed"), 1.0);
    // An unknown key of now is just unknown.
    let unknown = w.get("bob", &format!("/api/attempts/{}", uuid::Uuid::now_v7())).json();
    assert_eq!((&unknown["state"], &unknown["code"]), (&"unknown".into(), &serde_json::Value::Null));
    // A new one books, at a version above every one that was told.
    assert_eq!(w.send(&w.book("bob", "room", "12:00-13:00", 1)).told(), "201 BOOKED");
    let after = w.read("ann", &format!("/api/resources/{}", w.id("room")));
    let version = |r: &serde_json::Value| (r["epoch"].as_u64().unwrap(), r["version"].as_u64().unwrap());
    assert!(version(&after) > version(&before), "{after} {before}");
    assert_eq!(version(&after).1, 3);
    let booked = w.bookings_on("room");
    assert!(booked.len() == 2 && oversold(&booked, 1).is_empty(), "{booked:?}");
}

#[test]
fn a_socket_that_comes_with_a_version_from_before_a_restore_is_told_to_begin_anew() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    w.booked("ann", "room", "10:00-11:00", 1);
    let to = w.home.file("backup");
    backup(&w, &to);
    restore_in_place(&mut w, &to);
    let mut node = Node::start();
    node.connect(&w, "late", "ann", &["websocket"]);
    let subscribed = node.subscribe("late", w.id("room"), Some((1, 2)));
    assert_eq!(subscribed["resync"], true, "{subscribed}");
}

#[test]
fn a_backup_under_load_has_what_was_answered_and_one_that_is_killed_is_not_there() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    w.hall("hall", 1_000_000);
    let mut rng = Rng::seeded("backup");
    let (ledger, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let to = w.home.file("backup");
    let (mut killed, mut before) = (0, 0);
    thread::scope(|scope| {
        for who in ["ann", "bob", "cem"] {
            let (w, ledger, stop) = (&w, &ledger, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let ask = w.book(who, "hall", "10:00-11:00", 1);
                    let reply = w.send(&ask);
                    assert_eq!(reply.told(), "201 BOOKED");
                    ledger.lock().unwrap().push((who, key_of(&ask), reply.json()["booking"]["id"].clone()));
                }
            });
        }
        for round in 0..12 {
            let to = w.home.file(&format!("killed-{round}"));
            let mut command = slotwise(&["backup", "--data"]);
            command.arg(w.home.data()).arg("--to").arg(&to).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            // Every other one so soon that no machine is done by then.
            thread::sleep(Duration::from_micros(rng.below(if round % 2 == 0 { 3_000 } else { 80_000 })));
            child.kill().unwrap();
            child.wait().unwrap();
            match to.exists() {
                true => assert!(check(&to).unwrap().contains("is whole")),
                false => killed += 1,
            }
        }
        before = ledger.lock().unwrap().len();
        backup(&w, &to);
        stop.store(true, Ordering::Relaxed);
    });
    assert!(killed > 0, "none was killed in the middle");
    let ledger = ledger.into_inner().unwrap();
    println!("{before} bookings answered before the backup began, {} when it ended; {killed} killed", ledger.len());
    assert!(before > 0);
    let said = check(&to).unwrap();
    assert!(said.contains("is whole"), "{said}");
    restore_in_place(&mut w, &to);
    let mut recorded = 0;
    for (n, (who, key, id)) in ledger.iter().enumerate() {
        let attempt = w.get(who, &format!("/api/attempts/{key}")).json();
        match attempt["state"].as_str() {
            Some("recorded") => {
                assert_eq!(&attempt["answer"]["booking"]["id"], id);
                recorded += 1;
            }
            _ => assert!(n >= before && attempt["code"] == "epoch_changed", "{n} of {before}: {attempt}"),
        }
    }
    // Booked once each; of those that were told after the backup had ended, none.
    let booked = w.bookings_on("hall").len();
    assert!(booked >= recorded && booked <= recorded + 3, "{booked} bookings, {recorded} of them were told");
}

#[test]
fn a_restore_that_is_killed_is_not_served_and_can_be_run_again() {
    let mut w = World::new(&["ann"]);
    w.hall("hall", 1_000_000);
    (0..300).for_each(|_| drop(w.booked("ann", "hall", "10:00-11:00", 1)));
    let to = w.home.file("backup");
    backup(&w, &to);
    w.server.end();
    fs::rename(w.home.data(), w.home.file("lost")).unwrap();
    let mut rng = Rng::seeded("restore");
    let mut cut_short = 0;
    for n in 0..30 {
        let mut command = slotwise(&["restore", "--from"]);
        command.arg(&to).arg("--data").arg(w.home.data()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // At any moment, and every other time as soon as it has begun to write: on a fast machine it is over in a few ms.
        match n % 2 == 0 {
            true => while !w.home.data().join("restoring").exists() && child.try_wait().unwrap().is_none() {},
            false => thread::sleep(Duration::from_micros(rng.below(60_000))),
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if w.home.data().join("restoring").exists() {
            cut_short += 1;
            let refused = Server::try_start(&w.home, &[]).err().unwrap();
            assert!(refused.contains("was not finished; run it again"), "{refused}");
        } else if w.home.data().join("slotwise.sqlite").exists() {
            // It was quicker than the kill: as whole as any.
            fs::remove_dir_all(w.home.data()).unwrap();
        }
    }
    println!("{cut_short} of 30 were cut short");
    assert!(cut_short > 0);
    if !w.home.data().join("slotwise.sqlite").exists() || w.home.data().join("restoring").exists() {
        run(&["restore"], &[("--from", &to), ("--data", &w.home.data())]).unwrap();
    }
    w.start_again();
    assert_eq!(w.bookings_on("hall").len(), 300);
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let to = w.home.file("backup");
    backup(&w, &to);
    let data = w.home.data();
    let again = run(&["backup"], &[("--data", &data), ("--to", &to)]).unwrap_err();
    assert!(again.contains(&*to.to_string_lossy()) && again.contains("exists already"), "{again}");
    let over = run(&["restore"], &[("--from", &to), ("--data", &data)]).unwrap_err();
    assert!(over.contains("another process has") && over.contains(&*data.to_string_lossy()), "{over}");
    let nowhere = run(&["backup"], &[("--data", &w.home.file("nowhere")), ("--to", &w.home.file("b"))]).unwrap_err();
    assert!(nowhere.contains("there is no Slotwise store in"), "{nowhere}");
    let people = to.join("people.sqlite");
    let mut bytes = fs::read(&people).unwrap();
    bytes[100] ^= 1;
    fs::write(&people, bytes).unwrap();
    let damaged = check(&to).unwrap_err();
    assert!(damaged.contains(&*people.to_string_lossy()) && damaged.contains("is damaged"), "{damaged}");
    let neither = run(&["backup"], &[("--data", &data)]).unwrap_err();
    assert!(neither.contains("--to"), "{neither}");
}

fn wait_until(what: &str, limit: Duration, is: impl Fn() -> bool) {
    let since = Instant::now();
    while !is() {
        assert!(since.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn backups_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().map(|e| e.unwrap().path());
    let mut whole: Vec<PathBuf> = entries.filter(|path| path.join("backup.json").exists()).collect();
    whole.sort();
    whole
}

#[test]
fn a_server_backs_itself_up_and_keeps_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("backups");
    let flags = [
        "--rate-limit=off",
        "--rate-limit-admin=off",
        "--backup-to",
        to.to_str().unwrap(),
        "--backup-every",
        "1s",
        "--backup-keep",
        "2",
    ];
    let mut w = World::with(&["ann"], &flags);
    w.room("room");
    w.booked("ann", "room", "10:00-11:00", 1);
    let limit = Duration::from_secs(60);
    wait_until("four backups", limit, || w.metric("slotwise_backups_total", "made") >= 4.0);
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(10)).is_some_and(|s| s.success()));
    let left = backups_in(&to);
    assert!((2..=3).contains(&left.len()), "{left:?}");
    assert!(check(left.last().unwrap()).unwrap().contains("is whole"));

    // After a start, a newer one than the interval allows is waited for: it is left out here by a long interval.
    let flags = ["--backup-to", to.to_str().unwrap(), "--backup-every", "24h"];
    w.server = Server::start(&w.home, &flags);
    w.server.ready_within(limit);
    thread::sleep(Duration::from_secs(3));
    assert_eq!(backups_in(&to), left);
    restore_in_place(&mut w, left.last().unwrap());
    assert_eq!(w.bookings_on("room").len(), 1);
}

#[test]
fn a_scheduled_backup_that_fails_is_counted_and_told_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("a file");
    fs::write(&to, "in the way").unwrap();
    let flags =
        ["--rate-limit=off", "--rate-limit-admin=off", "--backup-to", to.to_str().unwrap(), "--backup-every", "1s"];
    let mut w = World::with(&["ann"], &flags);
    w.room("room");
    let limit = Duration::from_secs(60);
    wait_until("a failure", limit, || w.metric("slotwise_backups_total", "failed") >= 1.0);
    let ready = w.send(&Ask::get("/readyz"));
    assert_eq!((ready.status, &ready.json()["status"]), (200, &"ok".into()));
    let warning = ready.json()["warnings"][0].as_str().unwrap().to_owned();
    assert!(warning.contains("backup") && warning.contains("failed") && !warning.contains("a file"), "{warning}");
    w.booked("ann", "room", "10:00-11:00", 1);
    fs::remove_file(&to).unwrap();
    wait_until("a backup", limit, || w.metric("slotwise_backups_total", "made") >= 1.0);
    wait_until("no warning", limit, || w.send(&Ask::get("/readyz")).json()["warnings"].is_null());
}
