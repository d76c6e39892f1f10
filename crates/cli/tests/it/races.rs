//! Everybody clicks at once, over HTTP: what may follow is asserted, never who is first. After each race everything is swept.
//! Scenarios 1 to 4, 6, 8, 10, 11 and 13; R1 to R4, R10, R14, R21.

use crate::harness::{Ask, Reply, Rng, World};
use serde_json::json;
use std::collections::BTreeMap;

const PEOPLE: [&str; 8] = ["ann", "bob", "cem", "dan", "eve", "fay", "gil", "hal"];

fn someone(n: usize) -> &'static str {
    PEOPLE[n % PEOPLE.len()]
}

fn tally(replies: &[Reply]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    replies.iter().for_each(|r| *told.entry(r.told()).or_default() += 1);
    told
}

/// Only answers of a race: a booking, a refusal because somebody was faster, or a failure that says so. Nobody hears of trouble.
#[track_caller]
fn only_outcomes(replies: &[Reply]) {
    let fine = [
        "201 BOOKED",
        "409 REJECTED full",
        "409 REJECTED insufficient",
        "409 REJECTED held_by_other",
        "409 FAILED conflict",
    ];
    for reply in replies {
        assert!(fine.contains(&reply.told().as_str()), "{}: {}", reply.told(), reply.text());
    }
}

fn booked(replies: &[Reply]) -> usize {
    replies.iter().filter(|r| r.told() == "201 BOOKED").count()
}

#[test]
fn two_hundred_at_once_for_one_room_and_exactly_one_has_it() {
    let mut w = World::new(&PEOPLE);
    w.room("room");
    // Scenario 1: all have seen it free.
    let (start, end) = w.span("10:00-11:00");
    for who in PEOPLE {
        let seen = w.read(who, &format!("/api/search?start={start}&end={end}&kind=room"));
        assert_eq!(seen["items"][0]["free"], true);
    }
    let asks: Vec<Ask> = (0..200).map(|n| w.book(someone(n), "room", "10:00-11:00", 1)).collect();
    let replies = w.race(&asks);
    println!("{:?}", tally(&replies));
    only_outcomes(&replies);
    assert_eq!(booked(&replies), 1);
    let winner = replies.iter().find(|r| r.told() == "201 BOOKED").unwrap().json()["booking"]["id"].clone();
    for refused in replies.iter().filter(|r| r.code() == "full") {
        assert_eq!(refused.json()["witness"]["id"], winner, "a refusal names what stands there: {}", refused.text());
    }
    w.sweep();
    let tries = w.metric("slotwise_commit_tries_total", "");
    assert!(tries <= w.metric("slotwise_attempts_total", ""), "nobody's try is repeated");
}

#[test]
fn a_race_for_one_slot_has_one_winner_whatever_its_size() {
    let mut w = World::new(&PEOPLE);
    // R1, and R14: never none.
    for (n, rounds) in [(2, 20), (10, 10), (100, 3)] {
        for round in 0..rounds {
            let room = format!("r{n}-{round}");
            w.room(&room);
            let asks: Vec<Ask> = (0..n).map(|i| w.book(someone(i), &room, "10:00-11:00", 1)).collect();
            let replies = w.race(&asks);
            only_outcomes(&replies);
            assert_eq!(booked(&replies), 1, "{n} at once, round {round}: {:?}", tally(&replies));
        }
    }
    w.sweep();
}

#[test]
fn two_hundred_at_once_for_seven_units_leave_nothing_that_a_refused_one_would_have_fitted() {
    let mut w = World::new(&PEOPLE);
    let mut rng = Rng::seeded("units");
    // Scenario 2.
    for round in 0..3 {
        let hall = format!("hall{round}");
        w.hall(&hall, 7);
        let units: Vec<u32> = (0..200).map(|_| 1 + rng.below(3) as u32).collect();
        let asks: Vec<Ask> =
            units.iter().enumerate().map(|(n, u)| w.book(someone(n), &hall, "10:00-11:00", *u)).collect();
        let mut replies = w.race(&asks);
        only_outcomes(&replies);
        // A failure is no refusal: whoever has one asks again, until there is an answer.
        for _ in 0..20 {
            let again: Vec<usize> = (0..replies.len()).filter(|n| replies[*n].outcome() == "FAILED").collect();
            for n in again {
                replies[n] = w.send(&asks[n]);
            }
        }
        let used: u64 = w.bookings_on(&hall).iter().map(|b| b.units).sum();
        assert!(used <= 7, "{used} of 7");
        let smallest =
            units.iter().zip(&replies).filter(|(_, r)| r.outcome() == "REJECTED").map(|(u, _)| u64::from(*u)).min();
        assert!(smallest.is_none_or(|u| used + u > 7), "{used} of 7 are booked, and somebody was refused {smallest:?}");
        let full = replies.iter().filter(|r| r.code() == "full").count();
        println!("{used} of 7 booked; {full} full; {:?}", tally(&replies));
    }
    w.sweep();
}

#[test]
fn overlapping_but_unequal_slots_exclude_each_other() {
    let mut w = World::new(&PEOPLE);
    // Scenario 3 and R2: {first, third} or {second}, and nothing else.
    let mut seen = BTreeMap::new();
    for round in 0..25 {
        let room = format!("r{round}");
        w.room(&room);
        let spans = ["09:00-11:00", "10:00-12:00", "11:00-13:00"];
        let asks: Vec<Ask> = spans.iter().enumerate().map(|(n, s)| w.book(someone(n), &room, s, 1)).collect();
        let replies = w.race(&asks);
        only_outcomes(&replies);
        let won: Vec<usize> = (0..3).filter(|n| replies[*n].told() == "201 BOOKED").collect();
        let failed = replies.iter().any(|r| r.outcome() == "FAILED");
        assert!(won == [0, 2] || won == [1] || (failed && !won.is_empty()), "{won:?}");
        *seen.entry(won).or_insert(0) += 1;
    }
    println!("{seen:?}");
    w.sweep();
}

#[test]
fn many_overlapping_slots_at_once_never_meet() {
    let mut w = World::new(&PEOPLE);
    let mut rng = Rng::seeded("overlaps");
    for round in 0..5 {
        let room = format!("r{round}");
        w.room(&room);
        let span = |rng: &mut Rng| {
            let (from, length) = (rng.below(600), 1 + rng.below(120));
            let clock = |m: u64| format!("{:02}:{:02}", 8 + m / 60, m % 60);
            format!("{}-{}", clock(from), clock(from + length))
        };
        let asks: Vec<Ask> = (0..60).map(|n| w.book(someone(n), &room, &span(&mut rng), 1)).collect();
        let replies = w.race(&asks);
        only_outcomes(&replies);
        assert!(booked(&replies) > 0);
        assert_eq!(w.bookings_on(&room).len(), booked(&replies));
    }
    w.sweep();
}

#[test]
fn slots_that_touch_are_both_had() {
    let mut w = World::new(&PEOPLE);
    // Scenario 4 and R21.
    for round in 0..10 {
        let room = format!("r{round}");
        w.room(&room);
        let spans = ["09:00-10:00", "10:00-11:00", "11:00-11:30", "11:30-12:00"];
        let asks: Vec<Ask> = spans.iter().enumerate().map(|(n, s)| w.book(someone(n), &room, s, 1)).collect();
        assert_eq!(tally(&w.race(&asks)), [("201 BOOKED".to_owned(), 4)].into());
    }
    w.sweep();
}

#[test]
fn the_first_seats_of_an_empty_class_are_refused_to_nobody() {
    let mut w = World::new(&PEOPLE);
    // R3: fifty for a hundred places.
    w.hall("hall", 100);
    let asks: Vec<Ask> = (0..50).map(|n| w.book(someone(n), "hall", "10:00-11:00", 1)).collect();
    assert_eq!(tally(&w.race(&asks)), [("201 BOOKED".to_owned(), 50)].into());
    w.sweep();
}

#[test]
fn the_last_seats_go_to_as_many_as_there_are() {
    let mut w = World::new(&PEOPLE);
    // R4: forty for the last three.
    w.hall("hall", 100);
    w.booked("ann", "hall", "10:00-11:00", 97);
    let asks: Vec<Ask> = (0..40).map(|n| w.book(someone(n), "hall", "10:00-11:00", 1)).collect();
    let replies = w.race(&asks);
    only_outcomes(&replies);
    assert_eq!(booked(&replies), 3, "{:?}", tally(&replies));
    w.sweep();
}

#[test]
fn two_rooms_booked_in_opposite_order_do_not_wait_for_each_other() {
    let mut w = World::new(&PEOPLE);
    // Scenario 6.
    for round in 0..10 {
        let (x, y) = (w.room(&format!("x{round}")), w.room(&format!("y{round}")));
        let (start, end) = w.span("10:00-11:00");
        let line = |room: &str| json!({ "resource": room, "start": start, "end": end });
        let both = |who, lines| w.change(who, "POST", "/api/bookings").json(&json!({ "lines": lines }));
        let asks = [both("ann", [line(&x), line(&y)]), both("bob", [line(&y), line(&x)])];
        let since = std::time::Instant::now();
        let replies = w.race(&asks);
        only_outcomes(&replies);
        assert_eq!(booked(&replies), 1, "{:?}", tally(&replies));
        assert!(since.elapsed().as_secs() < 5, "{:?}", since.elapsed());
    }
    w.sweep();
}

#[test]
fn cancelling_at_once_frees_once() {
    let mut w = World::new(&PEOPLE);
    // Scenario 10.
    for round in 0..10 {
        let hall = format!("hall{round}");
        w.hall(&hall, 5);
        let booking = w.booked("ann", &hall, "10:00-11:00", 3);
        let asks: Vec<Ask> = (0..10).map(|n| w.cancel(if n % 2 == 0 { "ann" } else { "root" }, &booking)).collect();
        let replies = w.race(&asks);
        assert_eq!(tally(&replies), [("200 ACCEPTED".to_owned(), 10)].into());
        assert!(replies.iter().all(|r| r.json()["booking"]["state"] == "cancelled"));
        let version = w.read("ann", &format!("/api/resources/{}", w.id(&hall)))["version"].clone();
        assert_eq!(version, 3, "made, booked, cancelled once");
        // Exactly what there is is free again.
        w.booked("bob", &hall, "10:00-11:00", 5);
    }
    w.sweep();
}

#[test]
fn a_cancelled_booking_is_not_brought_back_by_an_edit() {
    let mut w = World::new(&PEOPLE);
    // Scenario 11 and R7: a serial order of the two.
    let mut seen = BTreeMap::new();
    for round in 0..30 {
        let room = format!("r{}", round % 10);
        if round < 10 {
            w.room(&room);
        }
        let booking = w.booked("ann", &room, "10:00-11:00", 1);
        let edit = w.change("ann", "PATCH", &format!("/api/bookings/{booking}")).header("if-match", "\"1\"");
        let asks = [w.cancel("ann", &booking), edit.json(&json!({ "title": "New" }))];
        let replies = w.race(&asks);
        let told = [replies[0].told(), replies[1].told()];
        assert_eq!(told[0], "200 ACCEPTED");
        let now = w.read("ann", &format!("/api/bookings/{booking}"));
        assert_eq!(now["state"], "cancelled", "{now}");
        match told[1].as_str() {
            "200 ACCEPTED" => assert_eq!((&now["title"], &now["revision"]), (&json!("New"), &json!(3))),
            "412 FAILED version_stale" | "422 REJECTED invalid" => {
                assert_eq!((&now["title"], &now["revision"]), (&json!(null), &json!(2)));
            }
            other => panic!("{other}"),
        }
        *seen.entry(told[1].clone()).or_insert(0) += 1;
    }
    println!("{seen:?}");
    w.sweep();
}

#[test]
fn of_two_edits_that_saw_the_same_one_is_applied() {
    let mut w = World::new(&PEOPLE);
    w.meet("ada", "Ada", "admin");
    w.room("room");
    // Scenario 73, for resources and for bookings.
    for round in 0..10 {
        let path = format!("/api/resources/{}", w.id("room"));
        let saw = format!("\"{}\"", w.read("root", &path)["policy_version"]);
        let edit = |who, seats: u32| {
            w.change(who, "PATCH", &path).header("if-match", saw.as_str()).json(&json!({ "seats": seats }))
        };
        let replies = w.race(&[edit("root", 100 + round), edit("ada", 200 + round)]);
        let mut told = [replies[0].told(), replies[1].told()];
        let kept = if told[0] == "200 ACCEPTED" { 100 + round } else { 200 + round };
        assert_eq!(w.read("ann", &path)["seats"], kept);
        told.sort();
        assert_eq!(told, ["200 ACCEPTED", "412 FAILED version_stale"]);
    }
    let booking = w.booked("ann", "room", "10:00-11:00", 1);
    let edit = |title: usize| {
        let ask = w.change("ann", "PATCH", &format!("/api/bookings/{booking}")).header("if-match", "1");
        ask.json(&json!({ "title": title.to_string() }))
    };
    let told = tally(&w.race(&(0..6).map(edit).collect::<Vec<_>>()));
    assert_eq!(told, [("200 ACCEPTED".to_owned(), 1), ("412 FAILED version_stale".to_owned(), 5)].into());
    w.sweep();
}

#[test]
fn two_pendings_approved_at_once_are_one() {
    let mut w = World::new(&PEOPLE);
    w.resource("room", json!({ "policy": { "approval": true } }));
    // Scenario 12 and R5, raced.
    for hour in 8..18 {
        let span = format!("{hour:02}:00-{hour:02}:45");
        let asked: Vec<String> = ["ann", "bob"]
            .iter()
            .map(|who| {
                let reply = w.send(&w.book(who, "room", &span, 1));
                assert_eq!(reply.told(), "201 ACCEPTED");
                reply.json()["booking"]["id"].as_str().unwrap().to_owned()
            })
            .collect();
        let approve = |id: &String| {
            w.change("root", "POST", &format!("/api/bookings/{id}/approve")).json(&json!({ "reason": "It is free." }))
        };
        let replies = w.race(&asked.iter().map(approve).collect::<Vec<_>>());
        let told = tally(&replies);
        assert_eq!(told, [("200 ACCEPTED".to_owned(), 1), ("409 REJECTED full".to_owned(), 1)].into());
    }
    assert_eq!(w.bookings_on("room").len(), 10);
    w.sweep();
}

#[test]
fn one_person_with_two_devices_has_one_course_at_a_time() {
    let mut w = World::new(&["ann"]);
    // Scenarios 7 and 39, with the rule there is: no two at once.
    for hour in 8..16 {
        let (start, end) = w.span(&format!("{hour:02}:00-{hour:02}:45"));
        let section = json!({ "kind": "section", "capacity": 9, "interval": { "start": start, "end": end }, "policy": { "own_overlap": "refuse" } });
        let ids = [w.resource(&format!("a{hour}"), section.clone()), w.resource(&format!("b{hour}"), section)];
        let book =
            |id: &String| w.change("ann", "POST", "/api/bookings").json(&json!({ "lines": [{ "resource": id }] }));
        let told = tally(&w.race(&[book(&ids[0]), book(&ids[1]), book(&ids[0])]));
        assert_eq!(told, [("201 BOOKED".to_owned(), 1), ("409 REJECTED own_overlap".to_owned(), 2)].into());
    }
    w.sweep();
}

#[test]
fn a_block_and_a_booking_at_once_never_overlap() {
    let mut w = World::new(&PEOPLE);
    // R20 and scenario 78: one of them is refused.
    for round in 0..15 {
        let room = format!("r{round}");
        w.room(&room);
        let (start, end) = w.span("10:00-11:00");
        let body = json!({ "start": start, "end": end, "reason": "Painters" });
        let block = w.change("root", "POST", &format!("/api/resources/{}/blocks", w.id(&room))).header("if-match", "1");
        let replies = w.race(&[block.json(&body), w.book("ann", &room, "10:30-11:30", 1)]);
        let told = [replies[0].told(), replies[1].told()];
        let one = [["201 ACCEPTED", "409 REJECTED blocked"], ["409 REJECTED full", "201 BOOKED"]];
        assert!(one.iter().any(|o| told == *o), "{told:?}");
    }
    w.sweep();
}

#[test]
fn a_cut_of_capacity_in_a_rush_is_refused_or_holds() {
    let mut w = World::new(&PEOPLE);
    // Scenario 71 and R19.
    for round in 0..5 {
        let hall = format!("hall{round}");
        w.hall(&hall, 10);
        let mut asks: Vec<Ask> = (0..8).map(|n| w.book(someone(n), &hall, "10:00-11:00", 1)).collect();
        let cut = w.change("root", "PATCH", &format!("/api/resources/{}", w.id(&hall))).header("if-match", "1");
        asks.insert(4, cut.json(&json!({ "capacity": 5, "reason": "Fewer chairs." })));
        let replies = w.race(&asks);
        let kept = w.read("ann", &format!("/api/resources/{}", w.id(&hall)))["capacity"].as_u64();
        match replies[4].told().as_str() {
            "200 ACCEPTED" => assert_eq!((kept, w.bookings_on(&hall).len()), (Some(5), 5)),
            "409 REJECTED insufficient" => assert_eq!((kept, w.bookings_on(&hall).len()), (Some(10), 8)),
            other => panic!("{other}: {}", replies[4].text()),
        }
    }
    w.sweep();
}

#[test]
fn all_that_can_be_done_to_one_room_at_once_stays_sound() {
    let mut w = World::new(&PEOPLE);
    w.meet("ada", "Ada", "admin");
    let mut rng = Rng::seeded("everything");
    // Scenario 13, and R6 in its simplest form: every way in ends in the same commit.
    for round in 0..4 {
        let hall = format!("hall{round}");
        w.hall(&hall, 3);
        let standing: Vec<String> = (0..3).map(|n| w.booked(someone(n), &hall, "10:00-11:00", 1)).collect();
        let hold = w.held("gil", &hall, "11:00-12:00");
        let mut asks = Vec::new();
        for n in 0..60 {
            let span = ["10:00-11:00", "10:30-11:30", "11:00-12:00"][rng.below(3) as usize];
            asks.push(match rng.below(6) {
                0 | 1 => w.book(someone(n), &hall, span, 1 + rng.below(2) as u32),
                2 => w.hold(someone(n), &hall, span),
                3 => {
                    let n = rng.below(3) as usize;
                    w.cancel(someone(n), &standing[n])
                }
                4 => w.confirm("gil", &hall, "11:00-12:00", &hold),
                _ => {
                    let path = format!("/api/resources/{}", w.id(&hall));
                    let capacity = 3 + rng.below(2);
                    let body = json!({ "capacity": capacity, "reason": "As many chairs." });
                    w.change("ada", "PATCH", &path).header("if-match", "1").json(&body)
                }
            });
        }
        let replies = w.race(&asks);
        assert!(replies.iter().all(|r| r.status < 500), "{:?}", tally(&replies));
        w.sweep();
    }
}
