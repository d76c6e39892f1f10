//! What an operator does over PostgreSQL with the binary as it ships: a folder becomes a database, also after a kill in the middle;
//! verify, export and explain say of it what they said of the folder; and a restored database begins a new epoch.

use crate::harness::database::{Database, tool};
use crate::harness::{Ask, Home, UNLIMITED, World, slotwise};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

fn run(args: &[&str], paths: &[&Path], url: &str) -> (i32, String) {
    let out = slotwise(args).args(paths).env("SLOTWISE_STORE", url).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code().unwrap_or(-1), text(&out.stdout) + &text(&out.stderr))
}

/// What verifying says, of the database if no folder is named.
fn verified(folder: Option<&Path>, url: &str) -> (i32, Value) {
    let (code, said) = run(&["verify", "--json"], folder.as_slice(), url);
    (code, serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}")))
}

/// Its own tables are not those of a folder; all else is the same.
fn told(verified: &Value) -> Value {
    let of = |name: &str| verified[name].clone();
    json!([of("clean"), of("commits"), of("attempts"), of("versions"), of("resources")])
}

/// Over a folder, whatever else the tests run on.
fn world(people: &[&str]) -> World {
    World::in_home(Home::over(None), people, &UNLIMITED)
}

fn psql(url: &str, sql: &str) -> String {
    let out = tool("psql").args(["-At", "-d", url, "-c", sql]).output().unwrap();
    assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// A resource whose holds live longer than these tests.
fn lab(w: &mut World) {
    w.resource("lab", json!({ "policy": { "hold_ttl_s": 300 } }));
}

fn stop(w: &mut World) {
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(20)).is_some());
}

#[test]
fn a_folder_becomes_a_database_and_everything_says_the_same_of_it() {
    let Some(database) = Database::start(&[]) else { return };
    let (database, mut w) = (Arc::new(database), world(&["ann", "bob"]));
    let url = database.url();
    w.room("room");
    lab(&mut w);
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a as b -> 201 BOOKED
         bob POST /api/bookings room 10:00-11:00 key r      -> 409 REJECTED full
         ann POST /api/holds lab 12:00-13:00 as h           -> 201 ACCEPTED",
    );
    let cancelled = w.booked("bob", "room", "15:00-16:00", 1);
    assert_eq!(w.send(&w.cancel("root", &cancelled)).told(), "200 ACCEPTED");
    let notices = w.read("bob", "/api/notices");
    let folder = w.home.data();
    let migrate = ["migrate", "--from"];
    let (code, said) = run(&migrate, &[&folder], &url);
    assert!(code == 1 && said.contains("another process has"), "{said}");
    stop(&mut w);
    let (_, before) = verified(Some(&folder), &url);
    let (code, said) = run(&migrate, &[&folder], &url);
    assert!(code == 0 && said.contains("3 people, 3 keys") && said.contains("Do not serve"), "{said}");
    let (code, after) = verified(None, &url);
    assert_eq!((code, told(&after)), (0, told(&before)), "{after}");
    assert_eq!(run(&migrate, &[&folder], &url).0, 1);

    // The same house: the same keys of people and attempts, the same bookings, the same hold, the same notices.
    let scratch = Home::over(None);
    let csv = |args: &[&str], to: &str| {
        let to = scratch.file(to);
        let (code, said) = run(args, &[&to], &url);
        assert_eq!(code, 0, "{said}");
        to
    };
    let of_database = csv(&["export", "--format", "csv", "--to"], "of-database");
    let of_folder = scratch.file("of-folder");
    let mut folder_export = slotwise(&["export", "--format", "csv", "--to"]);
    assert!(folder_export.arg(&of_folder).arg("--data").arg(&folder).status().unwrap().success());
    for table in ["people", "resources", "bookings", "blocks", "attempts"] {
        let read = |dir: &PathBuf| fs::read_to_string(dir.join(format!("{table}.csv"))).unwrap();
        assert_eq!(read(&of_database), read(&of_folder), "{table}");
    }
    let key = w.keys["r"].to_string();
    let why = run(&["explain", &key], &[], &url);
    let folder_why = slotwise(&["explain", &key, "--data"]).arg(&folder).output().unwrap();
    assert_eq!(why, (0, String::from_utf8(folder_why.stdout).unwrap()));
    assert!(why.1.contains("REJECTED full"), "{}", why.1);

    let _folder = std::mem::replace(&mut w.home, Home::over(Some(database.clone())));
    w.start_again();
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a -> 200 BOOKED replayed
         bob POST /api/bookings room 10:00-11:00 key r -> 409 REJECTED full replayed
         bob POST /api/bookings lab 12:00-13:00        -> 409 REJECTED held_by_other
         bob POST /api/bookings room 15:00-16:00       -> 201 BOOKED",
    );
    let news = |notices: &Value| -> Vec<Value> {
        notices["items"].as_array().unwrap().iter().map(|n| json!([n["news"], n["booking"], n["at"]])).collect()
    };
    assert_eq!(news(&w.read("bob", "/api/notices")), news(&notices));
    w.sweep();

    // Lines of JSON out of the running database and into another one.
    let lines = csv(&["export", "--to"], "lines.jsonl");
    let Some(other) = Database::start(&[]) else { return };
    let (code, said) = run(&["import", "jsonl"], &[&lines], &other.url());
    assert!(code == 0 && said.contains("and verified"), "{said}");
    let (code, copied) = verified(None, &other.url());
    assert_eq!((code, told(&copied)), (0, told(&verified(None, &url).1)), "{copied}");
    let into_folder =
        slotwise(&["import", "jsonl"]).arg(&lines).arg("--data").arg(scratch.file("new")).output().unwrap();
    let said = String::from_utf8_lossy(&into_folder.stdout).into_owned();
    let failed = String::from_utf8_lossy(&into_folder.stderr).into_owned();
    assert!(into_folder.status.success() && said.contains("and verified"), "{said}{failed}");
    // Tables into it, through the engine.
    let (code, said) = run(&["import", "csv"], &[&of_folder], &url);
    assert!(code == 0 && said.contains("made 0 of 2 resources"), "{said}");

    // What somebody edits in the database is found.
    let edit = "UPDATE journal SET body = set_byte(body, 30, get_byte(body, 30) # 1) WHERE number = 2";
    psql(&other.url(), edit);
    let (code, broken) = verified(None, &other.url());
    assert_eq!((code, &broken["findings"][0]["commit"]), (1, &json!(2)), "{broken}");
    assert!(broken["findings"][0]["writer"].is_string(), "{broken}");
    assert_eq!(verified(None, "postgres://slotwise@127.0.0.1:1/none").0, 2);
}

/// Commits that are in it.
fn there(url: &str) -> u64 {
    let made = psql(url, "SELECT count(*) FROM pg_tables WHERE tablename = 'filling'") == "1";
    if made { psql(url, "SELECT count(*) FROM journal").parse().unwrap() } else { 0 }
}

#[test]
fn killed_in_the_middle_it_goes_on_when_it_is_run_again() {
    let Some(database) = Database::start(&[]) else { return };
    let (url, home) = (database.url(), Home::over(None));
    // A real schedule of a term: about nine thousand bookings.
    let schedule = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo-data/ucsd_schedule_FA25.tsv.gz");
    let folder = home.data();
    let filled =
        slotwise(&["import", "ucsd-schedule", "--weeks", "3"]).arg(schedule).arg("--data").arg(&folder).output();
    assert!(filled.unwrap().status.success());
    let (_, before) = verified(Some(&folder), &url);
    let commits = before["commits"].as_u64().unwrap();
    let (mut kills, mut in_the_middle) = (0, 0);
    for tenths in 1..=60_u64 {
        let mut child = slotwise(&["migrate", "--from"]).arg(&folder).env("SLOTWISE_STORE", &url).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(150 * tenths));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let there = there(&url);
        in_the_middle += u32::from(there > 0 && there < commits);
        if in_the_middle >= 2 {
            break;
        }
        // Nobody serves what is not whole.
        let refused = run(&["person", "list"], &[], &url);
        assert!(there == 0 || refused.1.contains("not all there yet"), "{}", refused.1);
    }
    let (code, said) = run(&["migrate", "--from"], &[&folder], &url);
    println!("{commits} commits; killed {kills} times, {in_the_middle} of them with some of it there: {said}");
    assert!(code == 0 || said.contains("not empty"), "{said}");
    let (code, after) = verified(None, &url);
    assert_eq!((code, told(&after)), (0, told(&before)), "{after}");
}

#[test]
fn a_restored_database_begins_a_new_epoch() {
    let Some(database) = Database::start(&[]) else { return };
    let database = Arc::new(database);
    let url = database.url();
    let mut w = World::in_home(Home::over(Some(database.clone())), &["ann", "bob"], &UNLIMITED);
    w.room("room");
    lab(&mut w);
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a -> 201 BOOKED
         ann POST /api/holds lab 12:00-13:00 as h      -> 201 ACCEPTED",
    );
    // Beside the running server. PostgreSQL's tools run as another user here, so the dump goes through a pipe.
    let dumped = tool("pg_dump").args(["-Fc", "-d", &url]).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    // After the backup: lost by the restore.
    w.check("bob POST /api/bookings room 14:00-15:00 key lost -> 201 BOOKED");
    let begin = || slotwise(&["restore", "--store", &url]).output().unwrap();
    assert!(String::from_utf8_lossy(&begin().stderr).contains("a server has the database open"));
    w.server.end();
    let mut restoring = tool("pg_restore");
    restoring.args(["--clean", "--if-exists", "--exit-on-error", "-d", &url]).stdin(Stdio::piped());
    let mut restoring = restoring.spawn().unwrap();
    restoring.stdin.take().unwrap().write_all(&dumped.stdout).unwrap();
    assert!(restoring.wait().unwrap().success());
    let begun = begin();
    let said = String::from_utf8_lossy(&begun.stdout).into_owned() + &String::from_utf8_lossy(&begun.stderr);
    assert!(begun.status.success() && said.contains("1 live holds are void"), "{said}");
    w.start_again();
    let confirmed = w.send(&w.confirm("ann", "lab", "12:00-13:00", &w.saved["h"]["hold"]));
    assert_eq!(confirmed.told(), "409 REJECTED hold_superseded", "{}", confirmed.text());
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a    -> 200 BOOKED replayed
         bob POST /api/bookings room 14:00-15:00 key lost -> 409 epoch_changed
         bob POST /api/bookings lab 12:00-13:00           -> 201 BOOKED",
    );
    let (code, after) = verified(None, &url);
    assert_eq!((code, &after["clean"]), (0, &json!(true)), "{after}");
    assert_eq!(w.send(&Ask::get("/api/checkpoint")).status, 404);
}
