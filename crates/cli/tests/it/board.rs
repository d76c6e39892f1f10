//! The board and the crowds of a demo: who may look, what is counted, and that a crowd changes nothing about who can have a room.
//! The tally is compared with the bookings that are there afterwards, never with itself alone.

use crate::harness::node::Node;
use crate::harness::{Ask, UNLIMITED, World};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn demo(people: &[&str]) -> World {
    World::with(people, &[&["--demo"], &UNLIMITED[..]].concat())
}

fn crowd(w: &World, room: &str, span: &str, more: Value) -> Value {
    let (start, end) = w.span(span);
    let mut body = json!({ "resource": w.id(room), "start": start, "end": end, "people": 200 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn send(w: &World, body: &Value) -> Ask {
    Ask::post("/api/demo/crowd").by(w.token("ann")).json(body)
}

/// Sends a crowd and waits until all of it has been answered.
fn sent(w: &World, body: &Value) -> Value {
    let reply = w.send(&send(w, body));
    assert_eq!(reply.status, 202, "{}", reply.text());
    let path = reply.header("location").unwrap().to_owned();
    let since = Instant::now();
    loop {
        let crowd = w.read("ann", &path);
        match crowd["state"].as_str().unwrap() {
            "done" => return crowd,
            "stopped" => panic!("{crowd}"),
            _ => assert!(since.elapsed() < Duration::from_secs(60), "{crowd}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn tallied(crowd: &Value, outcome: &str, code: &str) -> u64 {
    let of = |t: &&Value| t["outcome"] == outcome && t["code"].as_str().unwrap_or_default() == code;
    crowd["tally"].as_array().unwrap().iter().filter(of).map(|t| t["count"].as_u64().unwrap()).sum()
}

/// What everybody can see to be booked on a day, as start and end.
fn booked(w: &World, room: &str) -> Vec<(String, String)> {
    let path = format!("/api/bookings?resource={}&state=confirmed&limit=200", w.id(room));
    let items = w.read("root", &path)["items"].clone();
    let line = |b: &Value| {
        let text = |name: &str| b["lines"][0][name].as_str().unwrap().to_owned();
        (text("start"), text("end"))
    };
    items.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn two_hundred_at_one_room_and_exactly_one_has_it() {
    let mut w = demo(&["ann"]);
    w.room("room");
    let crowd = sent(&w, &crowd(&w, "room", "10:00-11:00", json!({})));
    assert_eq!((tallied(&crowd, "BOOKED", ""), tallied(&crowd, "REJECTED", "full")), (1, 199), "{crowd}");
    let sum: u64 = crowd["tally"].as_array().unwrap().iter().map(|t| t["count"].as_u64().unwrap()).sum();
    assert_eq!((sum, &crowd["answered"], &crowd["gathered"]), (200, &json!(200), &json!(200)));
    assert_eq!((&crowd["on_record"], &crowd["units_peak"], &crowd["capacity"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(booked(&w, "room"), [w.span("10:00-11:00")]);

    let winners = crowd["winners"].as_array().unwrap();
    assert_eq!(winners.len(), 1);
    // Told in the order of the decisions: whoever won was judged first, and everybody after it saw the room taken.
    let sequence = crowd["sequence"].as_array().unwrap();
    assert_eq!(sequence.len(), 20);
    assert_eq!(sequence[0], winners[0]);
    assert!(sequence[1..].iter().all(|d| d["outcome"] == "REJECTED" && d["version"] == winners[0]["version"]));
    assert!(crowd["p99_ms"].as_f64().unwrap() >= crowd["p50_ms"].as_f64().unwrap());
    assert!(crowd["p50_ms"].as_f64().unwrap() > 0.0, "{crowd}");

    // The winner is a person of the directory, whose name others may see on a room.
    let all =
        w.read("ann", &format!("/api/resources/{}/schedule?from={}&to={}", w.id("room"), w.at("00:00"), w.at("23:00")));
    assert!(all.to_string().contains(winners[0]["person"].as_str().unwrap()), "{all}");
    // Nobody can choose to be one of the crowd.
    assert_eq!(w.send(&Ask::get("/api/demo/people")).json()["items"].as_array().unwrap().len(), 7);
}

#[test]
fn as_many_win_as_there_are_units_and_they_give_back_what_they_were_asked_to() {
    let mut w = demo(&["ann"]);
    w.hall("hall", 7);
    let first = sent(&w, &crowd(&w, "hall", "10:00-11:00", json!({ "people": 50, "units": 2, "then_cancel": true })));
    assert_eq!((tallied(&first, "BOOKED", ""), tallied(&first, "REJECTED", "insufficient")), (3, 47), "{first}");
    assert_eq!((&first["units_peak"], &first["cancelled"]), (&json!(6), &json!(3)));
    assert_eq!(booked(&w, "hall"), []);
    let again = sent(&w, &crowd(&w, "hall", "10:00-11:00", json!({ "people": 5, "spread_ms": 50 })));
    assert_eq!(
        (tallied(&again, "BOOKED", ""), &again["on_record"]),
        (5, &json!(5)),
        "what was given back is free again"
    );
}

#[test]
fn overlapping_wishes_never_exceed_the_capacity_at_any_instant() {
    let mut w = demo(&["ann"]);
    w.hall("hall", 3);
    let crowd = sent(&w, &crowd(&w, "hall", "10:00-11:00", json!({ "overlapping": true })));
    let there = booked(&w, "hall");
    assert_eq!(tallied(&crowd, "BOOKED", ""), there.len() as u64);
    assert_eq!(crowd["on_record"], json!(there.len()));
    // Counted here once more: at each start, how many are there.
    let at = |t: &String| there.iter().filter(|(s, e)| s <= t && t < e).count() as u64;
    let peak = there.iter().map(|(start, _)| at(start)).max().unwrap();
    assert_eq!((peak, &crowd["units_peak"]), (3, &json!(3)), "full, and never more: {there:?}");
    assert!(there.len() >= 3, "{there:?}");
}

#[test]
fn a_section_is_raced_for_at_its_own_time() {
    let mut w = demo(&["ann"]);
    let (start, end) = w.span("10:00-11:00");
    w.resource("course", json!({ "kind": "section", "capacity": 4, "interval": { "start": start, "end": end } }));
    let crowd = sent(&w, &json!({ "resource": w.id("course"), "people": 30 }));
    assert_eq!((tallied(&crowd, "BOOKED", ""), &crowd["start"]), (4, &json!(start)), "{crowd}");
}

#[test]
fn what_a_crowd_may_be_is_said_by_the_name_of_the_field() {
    let mut w = demo(&["ann"]);
    w.room("room");
    let nobody = uuid::Uuid::nil();
    for (more, fields) in [
        (json!({ "people": 0 }), vec!["people"]),
        (json!({ "people": 2_001, "spread_ms": 5_001, "units": 0 }), vec!["people", "spread_ms", "units"]),
        (json!({ "people": -1 }), vec!["people"]),
        (json!({ "units": 10_001 }), vec!["units"]),
        (json!({ "resource": nobody }), vec!["resource"]),
        (json!({ "start": null }), vec!["start"]),
        (json!({ "end": w.at("09:00") }), vec!["end"]),
        (json!({ "peeple": 7 }), vec!["peeple"]),
    ] {
        let reply = w.send(&send(&w, &crowd(&w, "room", "10:00-11:00", more.clone())));
        assert_eq!(reply.told(), "422 malformed", "{more}");
        let named: Vec<String> = reply.json()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["field"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(named, fields, "{more}: {}", reply.text());
    }
    assert_eq!(w.read("ann", "/api/board")["crowd"], Value::Null, "nobody was sent");
    assert_eq!(w.send(&Ask::post("/api/demo/crowd").json(&json!({}))).told(), "401 unauthenticated");
    assert_eq!(w.get("ann", &format!("/api/demo/crowd/{nobody}")).told(), "404 not_found");
}

#[test]
fn one_crowd_at_a_time() {
    let mut w = demo(&["ann"]);
    w.room("room");
    let slow = crowd(&w, "room", "10:00-11:00", json!({ "people": 20, "spread_ms": 5_000 }));
    let first = w.send(&send(&w, &slow));
    assert_eq!(first.status, 202, "{}", first.text());
    let second = w.send(&send(&w, &slow));
    assert_eq!(second.told(), "409 crowd_running");
    // Stopping does not wait for those who have not come yet.
    w.server.terminate();
    let status = w.server.ended_within(Duration::from_secs(4)).expect("it ends while a crowd is on its way");
    assert!(status.success());
}

#[test]
fn without_the_flag_there_is_no_crowd_and_only_admins_look_at_the_board() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let body = crowd(&w, "room", "10:00-11:00", json!({}));
    for who in ["ann", "root"] {
        let ask = Ask::post("/api/demo/crowd").by(w.token(who)).json(&body);
        assert_eq!(w.send(&ask).told(), "404 not_found", "{who}");
    }
    assert_eq!(booked(&w, "room"), []);
    assert_eq!(w.get("ann", "/api/board").told(), "403 not_allowed");
    assert_eq!(w.get("root", "/api/board").status, 200);

    let mut node = Node::start();
    for (who, told) in [("ann", "error"), ("root", "watching")] {
        node.connect(&w, who, who, &["websocket"]);
        let said = node.call(json!({ "do": "ask", "name": who, "event": "watchBoard", "data": null })).unwrap();
        assert!(said.get(told).is_some(), "{who}: {said}");
    }
    w.booked("ann", "room", "10:00-11:00", 1);
    let heard = node.wait(Duration::from_secs(10), |l| l["event"] == "board" && counted(&l["data"], "BOOKED") == 1);
    assert_eq!(heard.expect("the second in which it was booked")["from"], "root");
    assert!(node.rest(Duration::from_millis(100)).iter().all(|l| l["from"] != "ann" || l["event"] != "board"));
}

fn counted(board: &Value, outcome: &str) -> u64 {
    let seconds = board["seconds"].as_array().unwrap().iter();
    let counts = seconds.flat_map(|s| s["counts"].as_array().unwrap().iter().filter(|c| c["outcome"] == outcome));
    counts.map(|c| c["count"].as_u64().unwrap()).sum()
}

#[test]
fn the_board_counts_what_was_decided_and_names_where() {
    let mut w = demo(&["ann", "bob"]);
    w.room("quiet");
    w.room("hot");
    let mut node = Node::start();
    node.connect(&w, "ann", "ann", &["websocket"]);
    let said = node.call(json!({ "do": "ask", "name": "ann", "event": "watchBoard", "data": null })).unwrap();
    assert_eq!(said["watching"], true, "{said}");
    w.booked("ann", "hot", "10:00-11:00", 1);
    for _ in 0..4 {
        assert_eq!(w.send(&w.book("bob", "hot", "10:30-11:30", 1)).told(), "409 REJECTED full");
    }
    // The second it happened in must be over.
    let since = Instant::now();
    let board = loop {
        let board = w.read("bob", "/api/board");
        if counted(&board, "BOOKED") == 1 && counted(&board, "REJECTED") == 4 {
            break board;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "{board}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let hottest = &board["hottest"][0];
    let told = ["name", "attempts", "accepted", "refused"].map(|name| hottest[name].clone());
    // Making it was a decision on it, too.
    assert_eq!(told, [json!("hot"), json!(6), json!(2), json!(4)]);
    assert_eq!((&board["sockets"], &board["queue"]["waiting"]), (&json!(1), &json!(0)));
    let all = |name: &str| {
        board["seconds"].as_array().unwrap().iter().map(|s| s["latency"][name]["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((all("all"), all("rejected")), (all("accepted") + 4, 4));

    // Told once each: the seconds that the socket hears add up to the same.
    let mut heard = 0;
    while heard < 4 {
        heard += counted(&node.event("ann", "board"), "REJECTED");
    }
    assert_eq!(heard, 4);
    let left = node.call(json!({ "do": "ask", "name": "ann", "event": "leaveBoard", "data": null })).unwrap();
    assert_eq!(left["watching"], false);
    node.rest(Duration::from_millis(50));
    assert!(node.wait(Duration::from_millis(1_500), |l| l["event"] == "board").is_none());
}

#[test]
fn those_who_watch_the_board_see_a_crowd_to_its_end() {
    let mut w = demo(&["ann"]);
    w.room("room");
    let mut node = Node::start();
    node.connect(&w, "ann", "ann", &["websocket"]);
    node.call(json!({ "do": "ask", "name": "ann", "event": "watchBoard", "data": null })).unwrap();
    let done = sent(&w, &crowd(&w, "room", "10:00-11:00", json!({ "people": 30, "spread_ms": 400 })));
    let heard = node.wait(Duration::from_secs(10), |l| l["event"] == "crowd" && l["data"]["state"] == "done");
    assert_eq!(heard.expect("its end")["data"], done);
}
