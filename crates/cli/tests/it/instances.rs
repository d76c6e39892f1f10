//! Several servers over one PostgreSQL database: whichever is asked, it is the same house.
//! What one server alone does over a database is told by the other files, with `SLOTWISE_TESTS_ON=postgres`.

use crate::harness::database::Database;
use crate::harness::node::Node;
use crate::harness::{Ask, Home, Reply, Server, UNLIMITED, World, http};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A world, and a second server over its database.
fn two(people: &[&str]) -> Option<(World, Server, Arc<Database>)> {
    let database = Arc::new(Database::start(&[])?);
    let w = World::in_home(Home::over(Some(database.clone())), people, &UNLIMITED);
    let other = Server::start(&Home::over(Some(database.clone())), &UNLIMITED);
    other.ready_within(Duration::from_secs(10));
    Some((w, other, database))
}

fn tally(replies: &[Reply]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    replies.iter().for_each(|r| *told.entry(r.told()).or_default() += 1);
    told
}

/// Sends from threads, each to the server beside it, all at once.
fn race(asks: &[(&Server, Ask)]) -> Vec<Reply> {
    std::thread::scope(|scope| {
        let sent: Vec<_> =
            asks.iter().map(|(server, ask)| scope.spawn(|| http::send(server.address, ask).unwrap())).collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    })
}

#[test]
fn two_servers_are_one_house() {
    let Some((mut w, mut other, _database)) = two(&["ann", "bob"]) else { return };
    w.room("room");
    // Every row on the other server than the one before: nothing waits for anything but a moment of news.
    for rows in [
        "ann POST /api/bookings room 10:00-11:00 key a as b   -> 201 BOOKED",
        "ann POST /api/bookings room 10:00-11:00 key a        -> 200 BOOKED replayed",
        "bob POST /api/bookings room 10:00-11:00              -> 409 REJECTED full",
        "bob POST /api/bookings room 10:30-11:30 key a        -> 409 REJECTED full",
        "ann POST /api/holds room 12:00-13:00 as h            -> 201 ACCEPTED",
        "bob POST /api/holds room 12:00-13:00                 -> 409 REJECTED held_by_other",
        "ann POST /api/holds/@h/release hold h                -> 200 ACCEPTED",
        "ann POST /api/bookings/@b/cancel                     -> 200 ACCEPTED",
        "bob POST /api/bookings room 10:00-11:00              -> 201 BOOKED",
    ] {
        std::mem::swap(&mut w.server, &mut other);
        w.check(rows);
    }
    w.sweep();
    std::mem::swap(&mut w.server, &mut other);
    w.sweep();
}

#[test]
fn a_hundred_at_two_servers_and_exactly_one_has_it() {
    let Some((mut w, mut other, _database)) = two(&["ann", "bob", "cem", "dan"]) else { return };
    w.room("room");
    w.hall("hall", 7);
    let people = ["ann", "bob", "cem", "dan"];
    for (place, units) in [("room", 1), ("hall", 7)] {
        let asks: Vec<(&Server, Ask)> = (0..100)
            .map(|n| (if n % 2 == 0 { &w.server } else { &other }, w.book(people[n % 4], place, "10:00-11:00", 1)))
            .collect();
        let replies = race(&asks);
        println!("{place}: {:?}", tally(&replies));
        assert_eq!(replies.iter().filter(|r| r.told() == "201 BOOKED").count(), units);
        let refused = ["201 BOOKED", "409 REJECTED full", "409 REJECTED insufficient", "409 FAILED conflict"];
        assert!(replies.iter().all(|r| refused.contains(&r.told().as_str())), "{:?}", tally(&replies));
    }
    w.sweep();
    for _ in 0..2 {
        let tries = w.metric("slotwise_commit_tries_total", "");
        assert!(tries <= w.metric("slotwise_attempts_total", ""), "nobody's try is repeated");
        std::mem::swap(&mut w.server, &mut other);
    }
}

#[test]
fn a_subscriber_of_one_hears_what_the_other_does() {
    let Some((mut w, mut other, _database)) = two(&["ann", "bob"]) else { return };
    w.room("room");
    let mut node = Node::start();
    std::mem::swap(&mut w.server, &mut other);
    node.connect(&w, "far", "bob", &["websocket"]);
    // News of the room may still be on its way.
    let since = Instant::now();
    while w.get("bob", &format!("/api/resources/{}", w.id("room"))).status != 200 {
        assert!(since.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(node.subscribe("far", w.id("room"), None)["resync"], json!(false));
    std::mem::swap(&mut w.server, &mut other);
    let mut took = Vec::new();
    for n in 0..20 {
        let span = format!("{:02}:{:02}-{:02}:{:02}", 8 + n / 4, n % 4 * 15, 8 + (n + 1) / 4, (n + 1) % 4 * 15);
        let begun = Instant::now();
        w.booked("ann", "room", &span, 1);
        let answered = begun.elapsed();
        let created = node.event("far", "bookingCreated");
        took.push((begun.elapsed() - answered).as_millis());
        assert_eq!(created["version"], json!(n + 2));
    }
    took.sort_unstable();
    println!("heard after {} ms in the middle, {} ms at worst", took[10], took[19]);
    assert!(took[10] < 150, "{took:?}");
}

#[test]
fn one_is_killed_and_the_other_goes_on() {
    let Some((mut w, mut other, _database)) = two(&["ann", "bob"]) else { return };
    w.room("room");
    w.hall("hall", 1_000);
    let asks: Vec<(&Server, Ask)> = (0..60)
        .map(|n| (if n % 2 == 0 { &w.server } else { &other }, w.book("ann", "hall", "10:00-11:00", 1)))
        .collect();
    let told = std::thread::scope(|scope| {
        let sent: Vec<_> = asks.iter().map(|(server, ask)| scope.spawn(|| http::send(server.address, ask))).collect();
        std::thread::sleep(Duration::from_millis(15));
        other.kill_now();
        sent.into_iter().filter_map(|sent| sent.join().unwrap().ok()).filter(|r| r.told() == "201 BOOKED").count()
    });
    other.end();
    // What was told is there; what died on the way may be there as well.
    let standing = w.bookings_on("hall").len();
    assert!(standing >= told, "{told} were told, {standing} stand");
    // Nothing of it is in anybody's way.
    assert_eq!(w.send(&w.book("bob", "room", "10:00-11:00", 1)).told(), "201 BOOKED");
    assert_eq!(w.send(&w.book("bob", "hall", "10:00-11:00", 1)).told(), "201 BOOKED");
    w.sweep();
}

/// SplitMix64: a run that fails once fails always.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)) % n
    }
}

/// A client whose every request goes to either server, as chance has it: each sees what it did at the other, and is answered by what
/// is true of both.
#[test]
fn a_client_hops_between_two_servers() {
    let Some((mut w, mut other, _database)) = two(&["ann", "bob"]) else { return };
    let steps: u64 = std::env::var("SLOTWISE_HOPS").map_or(80, |n| n.parse().unwrap());
    let mut chance = Chance(84);
    for room in ["blue", "red"] {
        w.room(room);
    }
    // What stands, by room and hour: who has it, and its id.
    let mut standing: BTreeMap<(&str, u64), (&str, String)> = BTreeMap::new();
    let (mut booked, mut refused, mut cancelled) = (0, 0, 0);
    for step in 0..steps {
        if chance.below(2) == 0 {
            std::mem::swap(&mut w.server, &mut other);
        }
        let (who, room) = (["ann", "bob"][chance.below(2) as usize], ["blue", "red"][chance.below(2) as usize]);
        let hour = 8 + chance.below(9);
        let there = standing.get(&(room, hour)).cloned();
        match (there, chance.below(3)) {
            (Some((owner, id)), 0) => {
                assert_eq!(w.send(&w.cancel(owner, &id)).told(), "200 ACCEPTED", "step {step}");
                standing.remove(&(room, hour));
                cancelled += 1;
            }
            (there, _) => {
                let ask = w.book(who, room, &format!("{hour:02}:00-{hour:02}:45"), 1);
                let reply = w.send(&ask);
                if there.is_some() {
                    assert_eq!(reply.told(), "409 REJECTED full", "step {step}");
                    refused += 1;
                } else {
                    assert_eq!(reply.told(), "201 BOOKED", "step {step}");
                    let id = reply.json()["booking"]["id"].as_str().unwrap().to_owned();
                    standing.insert((room, hour), (who, id));
                    booked += 1;
                }
                // Sent again to whichever: the same answer.
                if chance.below(2) == 0 {
                    std::mem::swap(&mut w.server, &mut other);
                }
                let again = w.send(&ask);
                assert!(again.told().ends_with("replayed"), "step {step}: {}", again.told());
            }
        }
        // The other shows it at once.
        std::mem::swap(&mut w.server, &mut other);
        let path = format!("/api/resources/{}/schedule?from={}&to={}", w.id(room), w.at("00:00"), w.at("23:59"));
        let shown = w.read("root", &path);
        let mut ids: Vec<&str> = shown["items"].as_array().unwrap().iter().filter_map(|i| i["id"].as_str()).collect();
        ids.sort_unstable();
        let mut expected: Vec<&str> =
            standing.iter().filter(|((of, _), _)| *of == room).map(|(_, (_, id))| id.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(ids, expected, "step {step}");
    }
    println!("{booked} booked, {refused} refused, {cancelled} cancelled");
    assert!(steps < 80 || booked > 10 && refused > 10 && cancelled > 5, "{booked} {refused} {cancelled}");
    w.sweep();
    std::mem::swap(&mut w.server, &mut other);
    w.sweep();
}

/// A screen loses its server and goes on at the other, from the version that it has: nothing is missing, nothing is told twice.
#[test]
fn a_screen_goes_on_at_the_other_server() {
    let Some((mut w, mut other, _database)) = two(&["ann", "bob"]) else { return };
    w.room("room");
    let mut node = Node::start();
    let mut had = 1;
    for round in 0..4_u64 {
        let name = format!("screen{round}");
        node.connect(&w, &name, "bob", &["websocket"]);
        let subscribed = node.subscribe(&name, w.id("room"), Some((1, had)));
        assert_eq!(subscribed["resync"], json!(false), "{subscribed}");
        // Some of it came while nobody listened, some comes now, from either server.
        for n in 0..3 {
            let minutes = (round * 6 + n) * 15;
            let at = |m: u64| format!("{:02}:{:02}", 8 + m / 60, m % 60);
            w.booked("ann", "room", &format!("{}-{}", at(minutes), at(minutes + 15)), 1);
            std::mem::swap(&mut w.server, &mut other);
        }
        let due = 1 + round * 6 + 3;
        while had < due {
            let created = node.event(&name, "bookingCreated");
            assert_eq!(created["version"], json!(had + 1), "round {round}");
            had += 1;
        }
        node.call(json!({ "do": "close", "name": name })).unwrap();
        for n in 3..6 {
            let minutes = (round * 6 + n) * 15;
            let at = |m: u64| format!("{:02}:{:02}", 8 + m / 60, m % 60);
            w.booked("ann", "room", &format!("{}-{}", at(minutes), at(minutes + 15)), 1);
        }
        // The next time it comes to the other.
        std::mem::swap(&mut w.server, &mut other);
    }
}
