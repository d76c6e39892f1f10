//! Clients that go away, servers that die: what was told stays so, and what was not told can be asked for.
//! Scenarios 28, 29, 30 and 41 in single steps; the loop is in `kill.rs`.

use crate::harness::{Ask, Conn, Rng, World};
use jiff::Timestamp;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

fn key_of(ask: &Ask) -> String {
    ask.headers.iter().find(|(n, _)| n == "idempotency-key").unwrap().1.clone()
}

/// Asks for an attempt until it does not run any more.
fn settled(w: &World, who: &str, key: &str) -> serde_json::Value {
    let since = Instant::now();
    loop {
        let attempt = w.get(who, &format!("/api/attempts/{key}")).json();
        if attempt["state"] != "in_progress" {
            return attempt;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{key} never ends");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_resets_after_sending_has_an_attempt_that_is_done_or_unknown() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 1_000);
    let mut rng = Rng::seeded("reset");
    // Scenario 30. An answer left unread makes the kernel send RST when the socket is closed.
    let mut recorded = 0;
    for round in 0..40 {
        let ask = w.book("ann", "hall", "10:00-11:00", 1);
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write(&Ask::get("/healthz")).unwrap();
        assert_eq!(conn.peek().unwrap(), 1);
        conn.write(&ask).unwrap();
        // From at once to surely read.
        thread::sleep(Duration::from_micros(if round % 4 == 3 { 50_000 } else { rng.below(3_000) }));
        drop(conn);
        let attempt = settled(&w, "ann", &key_of(&ask));
        match attempt["state"].as_str() {
            Some("recorded") => {
                assert_eq!(attempt["outcome"], "BOOKED", "{attempt}");
                assert_eq!(w.send(&ask).told(), "200 BOOKED replayed");
                recorded += 1;
            }
            _ => {
                assert_eq!(attempt["state"], "unknown", "{attempt}");
                // It may still be on its way; either way the key books once.
                let told = w.send(&ask).told();
                assert!(["201 BOOKED", "200 BOOKED replayed", "409 in_progress"].contains(&told.as_str()), "{told}");
                assert_eq!(settled(&w, "ann", &key_of(&ask))["outcome"], "BOOKED");
            }
        }
        assert_eq!(w.bookings_on("hall").len(), round + 1);
    }
    println!("{recorded} of 40 were carried out though nobody waited");
    assert!(recorded >= 10, "those that were surely read are carried out");
    w.sweep();
}

#[test]
fn a_client_that_hangs_up_in_the_middle_of_its_body_has_asked_nothing() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    for cut in [1, 20, 100] {
        let ask = w.book("ann", "room", "10:00-11:00", 1);
        let bytes = ask.bytes(w.server.address);
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write_raw(&bytes[..bytes.len() - cut]).unwrap();
        drop(conn);
        thread::sleep(Duration::from_millis(50));
        assert_eq!(w.get("ann", &format!("/api/attempts/{}", key_of(&ask))).status, 404);
    }
    assert!(w.bookings_on("room").is_empty());
}

#[test]
fn a_server_killed_before_it_could_answer_answers_the_same_key_later() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 1_000);
    let mut rng = Rng::seeded("killed before the answer");
    // Scenario 29: the answer is lost, whether the commit was durable or not; the same key is one booking.
    let mut found = (0, 0);
    for round in 0..12 {
        let ask = w.book("ann", "hall", "10:00-11:00", 1);
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write(&ask).unwrap();
        thread::sleep(Duration::from_micros(rng.below(6_000)));
        // The answer is never read.
        w.kill_and_start_again();
        drop(conn);
        let before = settled(&w, "ann", &key_of(&ask));
        let again = w.send(&ask);
        if before["state"] == "recorded" {
            assert_eq!(again.told(), "200 BOOKED replayed");
            assert_eq!(again.json()["booking"]["id"], before["answer"]["booking"]["id"]);
            found.0 += 1;
        } else {
            assert_eq!(again.told(), "201 BOOKED");
            found.1 += 1;
        }
        assert_eq!(w.send(&ask).told(), "200 BOOKED replayed");
        assert_eq!(w.bookings_on("hall").len(), round + 1);
    }
    println!("durable before the kill: {}, not begun: {}", found.0, found.1);
    w.sweep();
}

#[test]
fn a_hold_survives_a_restart_with_its_token_and_its_expiry() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.resource("brief", json!({ "policy": { "hold_ttl_s": 3 } }));
    // Scenario 28.
    let hold = w.held("ann", "room", "10:00-11:00");
    w.kill_and_start_again();
    assert_eq!(w.send(&w.hold("bob", "room", "10:00-11:00")).told(), "409 REJECTED held_by_other");
    let mine = w.read("ann", "/api/holds?owner=me");
    assert_eq!((&mine["items"][0]["token"], &mine["items"][0]["expires_at"]), (&hold["token"], &hold["expires_at"]));
    assert_eq!(w.send(&w.confirm("ann", "room", "10:00-11:00", &hold)).told(), "201 BOOKED");
    let brief = w.held("ann", "brief", "10:00-11:00");
    w.server.end();
    let expires: Timestamp = brief["expires_at"].as_str().unwrap().parse().unwrap();
    thread::sleep(Duration::try_from(expires.duration_since(Timestamp::now())).unwrap_or_default());
    w.start_again();
    assert_eq!(w.send(&w.confirm("ann", "brief", "10:00-11:00", &brief)).told(), "409 REJECTED hold_expired");
    assert_eq!(w.send(&w.book("bob", "brief", "10:00-11:00", 1)).told(), "201 BOOKED");
    // A token that was given is not given again after a restart.
    let next = w.held("ann", "brief", "12:00-13:00");
    assert_ne!(next["token"], brief["token"]);
    w.sweep();
}

#[test]
fn everything_told_before_a_kill_is_so_after_it() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.hall("hall", 3);
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 title Kept key a as a   -> 201 BOOKED
           bob POST /api/bookings room 10:00-11:00 key b                   -> 409 REJECTED full
           ann POST /api/bookings hall 10:00-11:00 x3 as c                 -> 201 BOOKED
           ann POST /api/bookings/@c/cancel key d                          -> 200 ACCEPTED
           ann PATCH /api/bookings/@a if 1 key e {"purpose": "Exam"}       -> 200 ACCEPTED
           root PATCH /api/resources/@hall if 1 key f {"seats": 9}         -> 200 ACCEPTED"#,
    );
    let rooms = ["room", "hall"];
    let look = |w: &World| {
        let resource = |room: &&str| {
            let mut told = w.read("ann", &format!("/api/resources/{}", w.id(room)));
            told.as_object_mut().unwrap().remove("as_of");
            told
        };
        rooms.iter().map(resource).collect::<Vec<_>>()
    };
    let before = look(&w);
    for _ in 0..3 {
        w.kill_and_start_again();
        assert_eq!(look(&w), before);
        w.check(
            r#"ann POST /api/bookings room 10:00-11:00 title Kept key a   -> 200 BOOKED replayed
               bob POST /api/bookings room 10:00-11:00 key b              -> 409 REJECTED full replayed
               ann POST /api/bookings/@c/cancel key d                     -> 200 ACCEPTED replayed
               ann PATCH /api/bookings/@a if 1 key e {"purpose": "Exam"}  -> 200 ACCEPTED replayed
               root PATCH /api/resources/@hall if 1 key f {"seats": 9}    -> 200 ACCEPTED replayed"#,
        );
        let kept = w.read("ann", &format!("/api/bookings/{}", w.id_of("a")));
        assert_eq!((&kept["title"], &kept["purpose"], &kept["revision"]), (&json!("Kept"), &json!("Exam"), &json!(2)));
        w.sweep();
    }
    w.check("bob POST /api/bookings hall 10:00-11:00 x3 -> 201 BOOKED");
}
