//! `slotwise verify` as it ships: its exit codes, what it says, beside a running server; and checkpoints that somebody kept.
//! It breaks copies of files on purpose, and never those of a running server.

use crate::harness::server::slotwise;
use crate::harness::{Ask, World};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

fn verify(dir: &Path, more: &[&str]) -> (i32, String) {
    let done = slotwise(&["verify"]).arg(dir).args(more).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap() + &String::from_utf8_lossy(&done.stderr);
    (done.status.code().unwrap(), said)
}

fn booked(flags: &[&str]) -> World {
    let mut w = World::with(&["ann"], flags);
    w.room("room");
    w.check(
        "ann POST /api/bookings room 10:00-11:00 -> 201 BOOKED
         ann POST /api/bookings room 10:00-11:00 -> 409 REJECTED full",
    );
    w
}

fn stop(w: &mut World) {
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(10)).is_some_and(|status| status.success()));
}

#[test]
fn it_says_by_its_exit_code_what_it_found() {
    let mut w = booked(&[]);
    let (code, said) = verify(&w.home.data(), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("A server has it open") && said.contains("3 commits with 3 attempts"), "{said}");
    assert!(said.contains("it cannot be told whether the end was cut off"), "{said}");
    assert_eq!(w.send(&Ask::get("/api/checkpoint")).status, 404);
    stop(&mut w);

    let (code, said) = verify(&w.home.data(), &["--json"]);
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &json["clean"], &json["running"], &json["whole_up_to"]["commit"]),
        (0, &true.into(), &false.into(), &3.into())
    );
    // Somebody edits a page of the journal.
    let path = w.home.data().join("slotwise.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes
        .windows(12)
        .rposition(|part| part == b"book_room_xx")
        .or_else(|| bytes.windows(4).rposition(|part| part == b"full"));
    bytes[place.expect("a refusal is recorded")] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (code, said) = verify(&w.home.data(), &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("BROKEN  commit 3: it is not what was written"), "{said}");
    let (code, said) = verify(&w.home.data(), &["--json"]);
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &json["clean"], &json["findings"][0]["commit"]), (1, &false.into(), &3.into()), "{said}");
    // The server does not start on it either.
    assert!(crate::harness::Server::try_start(&w.home, &[]).is_err());

    assert_eq!(verify(&w.home.file("nowhere"), &[]).0, 2);
    assert_eq!(verify(&w.home.file("nowhere"), &["--json"]).0, 2);
    let (code, said) = verify(&w.home.data(), &["--public-key", "abc"]);
    assert!(code == 2 && said.contains("64 hexadecimal digits"), "{said}");
}

#[test]
fn a_checkpoint_kept_elsewhere_shows_what_was_cut_off() {
    let mut w = booked(&[]);
    stop(&mut w);
    let early = w.home.file("early");
    fs::create_dir(&early).unwrap();
    for file in fs::read_dir(w.home.data()).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), early.join(file.file_name())).unwrap();
    }
    w.start_again();
    w.check("ann POST /api/bookings room 11:00-12:00 -> 201 BOOKED");
    stop(&mut w);
    w.start_again();
    let kept = w.send(&Ask::get("/api/checkpoint"));
    let key = kept.json()["public_key"].as_str().unwrap().to_owned();
    assert_eq!((kept.status, &kept.json()["commit"]), (200, &4.into()));
    let file = w.home.file("kept.jsonl");
    fs::write(&file, kept.text()).unwrap();
    let with = ["--checkpoints", file.to_str().unwrap(), "--public-key", &key];
    let (code, said) = verify(&w.home.data(), &with);
    assert!(code == 0 && said.contains("Up to commit 4 nothing was cut off"), "{said}");
    // Yesterday's folder, checkpoints and all, is whole in itself.
    assert_eq!(verify(&early, &[]).0, 0);
    let (code, said) = verify(&early, &with);
    assert!(code == 1 && said.contains("the journal ends at commit 3") && said.contains("cut off"), "{said}");
    let other = key.replace(['1', '2'], "3");
    let (code, said) = verify(&w.home.data(), &["--checkpoints", file.to_str().unwrap(), "--public-key", &other]);
    assert!(code == 1 && said.contains("another key"), "{said}");
    // No secret is in a log or an answer.
    let secret = fs::read_to_string(w.home.data().join("checkpoint.key")).unwrap();
    assert!(!w.server.log_end().contains(secret.trim()) && !kept.text().contains(secret.trim()));
}

#[test]
fn readiness_says_that_the_end_of_the_record_is_missing_while_it_goes_on() {
    let mut w = booked(&[]);
    stop(&mut w);
    let early = w.home.file("early.sqlite");
    fs::copy(w.home.data().join("slotwise.sqlite"), &early).unwrap();
    w.start_again();
    let ready = w.send(&Ask::get("/readyz"));
    assert_eq!((ready.status, ready.json().get("warnings")), (200, None), "{}", ready.text());
    w.check("ann POST /api/bookings room 11:00-12:00 -> 201 BOOKED");
    stop(&mut w);
    // Somebody copies yesterday's journal back, beside the checkpoints of today.
    fs::copy(&early, w.home.data().join("slotwise.sqlite")).unwrap();
    w.start_again();
    let ready = w.send(&Ask::get("/readyz"));
    let says = ready.json()["warnings"].to_string();
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ok")), "{}", ready.text());
    assert!(says.contains("ends at commit 3, and commit 4 was in it") && says.contains("Restore a backup"), "{says}");
    assert!(!says.contains(w.home.data().to_str().unwrap()), "no path is told: {says}");
    // It lives all the same, and takes what is asked of it.
    assert!(w.send(&Ask::get("/healthz")).json().get("warnings").is_none());
    w.check("ann POST /api/bookings room 11:00-12:00 -> 201 BOOKED");
}
