//! `slotwise race` against the real server, where everything must hold, and against liars before it, each of which must be caught.
//! What is raced, and what must come of it, stands in the scenarios; here it is only whether the kit says so.

use crate::harness::liar::{Asked, HONEST, Liar, Lie, Memory, Said};
use crate::harness::server::slotwise;
use crate::harness::{Home, Server, UNLIMITED};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;
use uuid::Uuid;

/// A server with an admin, and how the kit is run over it.
struct Kit {
    home: Home,
    server: Server,
    key: String,
}

impl Kit {
    fn new() -> Kit {
        let home = Home::new();
        let server = Server::start(&home, &UNLIMITED);
        server.ready_within(std::time::Duration::from_secs(10));
        let key = home.key_create("Root", "admin");
        Kit { home, server, key }
    }

    fn race(&self, url: &str, words: &[&str]) -> (Option<i32>, String, Value) {
        let out = self.home.file("race");
        let mut command = slotwise(&["race", url, "--out"]);
        let Output { status, stdout, stderr } =
            command.arg(&out).args(words).env("SLOTWISE_API_KEY", &self.key).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let report = fs::read(out.join("report.json")).ok().and_then(|r| serde_json::from_slice(&r).ok());
        (status.code(), said, report.unwrap_or(Value::Null))
    }
}

/// Every violation of a report.
fn found(report: &Value) -> Vec<&Value> {
    let rounds = report["rounds"].as_array().unwrap();
    rounds.iter().flat_map(|r| r["violations"].as_array().unwrap()).collect()
}

/// A liar before a server, a scenario, and the invariant that must be named, with the most records its smallest witness may have.
#[track_caller]
fn caught(scenario: &str, invariant: &str, records_max: usize, lie: Lie) {
    let kit = Kit::new();
    let liar = Liar::before(kit.server.address, lie);
    let (code, said, report) = kit.race(&liar.url(), &["--scenario", scenario, "--seed", "7", "--keep"]);
    assert_eq!(code, Some(1), "{said}");
    let named: Vec<&Value> = found(&report).into_iter().filter(|v| v["invariant"] == invariant).collect();
    assert!(!named.is_empty(), "{invariant} is not among what was found:\n{said}");
    let smallest = named.iter().map(|v| v["witness"].as_array().unwrap().len()).min().unwrap();
    assert!((1..=records_max).contains(&smallest), "the smallest witness has {smallest} records:\n{said}");
    let page = fs::read_to_string(kit.home.file("race").join("report.html")).unwrap();
    assert!(page.contains("class=\"violation\"") && page.contains("<svg") && !page.contains("http-equiv=\"refresh\""));
}

fn booking_told(id: &str, resource: &Value, version: u64) -> Value {
    json!({ "outcome": "BOOKED", "attempt": Uuid::now_v7(), "decided_at": "2026-01-01T00:00:00Z",
        "versions": [{ "resource": resource, "epoch": 1, "version": version }], "booking": { "id": id } })
}

#[test]
fn every_scenario_holds_on_the_real_server_and_nothing_is_left_in_use() {
    let kit = Kit::new();
    let (code, said, report) = kit.race(&kit.server.url(), &["--seed", "1"]);
    assert_eq!(code, Some(0), "{said}");
    let rounds = report["rounds"].as_array().unwrap();
    let played: BTreeSet<&str> = rounds.iter().map(|r| r["scenario"].as_str().unwrap()).collect();
    assert_eq!(played.len(), 22, "{played:?}");
    // A rule that never compared anything has shown nothing.
    let rules = rounds[0]["compared"].as_object().unwrap().keys();
    for rule in rules {
        let times: u64 = rounds.iter().map(|r| r["compared"][rule].as_u64().unwrap()).sum();
        assert!(times > 0, "nothing was ever compared by {rule:?}");
    }
    // Offers and renewed holds end by time, which no order of answers tells.
    let left_out = |r: &&Value| !r["left_out"].as_array().unwrap().is_empty();
    let by_time: BTreeSet<&str> = rounds.iter().filter(left_out).map(|r| r["scenario"].as_str().unwrap()).collect();
    assert_eq!(by_time, BTreeSet::from(["offers", "renewals"]), "{said}");
    // What it made is closed, and its people are gone.
    let ask = |path: &str| {
        let ask = crate::harness::Ask::get(path).by(&kit.key);
        crate::harness::http::send(kit.server.address, &ask).unwrap().json()
    };
    let resources = ask("/api/resources?limit=200");
    let open = resources["items"].as_array().unwrap().iter().filter(|r| r["policy"]["closed"] != true).count();
    assert_eq!((resources["items"].as_array().unwrap().is_empty(), open), (false, 0));
    assert_eq!(ask("/api/people?limit=200")["items"].as_array().unwrap().len(), 1, "only who was there before is left");
    // A history can be judged again without a server.
    let history = kit.home.file("race").join("history-registration-day-1.jsonl");
    let again = slotwise(&["race", "--judge"]).arg(&history).env("SLOTWISE_API_KEY", &kit.key).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
}

#[test]
fn a_proxy_that_does_not_lie_is_not_blamed() {
    let kit = Kit::new();
    let liar = Liar::before(kit.server.address, HONEST);
    for scenario in ["two-teachers", "stale-badge", "cancel-against-promotion"] {
        let (code, said, _) = kit.race(&liar.url(), &["--scenario", scenario]);
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn what_cannot_be_played_is_no_verdict() {
    let kit = Kit::new();
    let member = kit.home.key_create("Ann", "member");
    let url = kit.server.url();
    let nowhere = "http://127.0.0.1:1";
    let file = |name: &str, text: &str| {
        let path = kit.home.file(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let wrong =
        file("wrong.toml", "name = \"x\"\nsays = \"y\"\n[resources.r]\nkind = \"boat\"\n[actors.a]\nsteps = []\n");
    let asks: [(&str, &str, &[&str], &str); 6] = [
        (nowhere, &kit.key, &[], "asking http://127.0.0.1:1"),
        ("https://x", &kit.key, &[], "only http:// is spoken here"),
        (&url, &member, &[], "not an admin's"),
        (&url, "nonsense", &[], "asking whose the key is"),
        (&url, &kit.key, &["--scenario", "no-such"], "neither a scenario of --list nor a file"),
        (&url, &kit.key, &["--scenario", &wrong], "resources.r.kind"),
    ];
    for (url, key, words, says) in asks {
        let done = slotwise(&["race", url]).args(words).env("SLOTWISE_API_KEY", key).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(2) && said.contains(says), "{:?}: {said}", done.status);
        assert!(!said.contains(&kit.key), "a secret is told");
    }
}

#[test]
fn a_file_of_ones_own_is_played() {
    let kit = Kit::new();
    let shown = slotwise(&["race", "--show", "two-admins"]).env("SLOTWISE_API_KEY", &kit.key).output().unwrap();
    let path = kit.home.file("own.toml");
    let text = String::from_utf8(shown.stdout).unwrap();
    fs::write(&path, text.replace("name = \"two-admins\"", "name = \"my own\"").replace("rounds = 5", "rounds = 2"))
        .unwrap();
    let (code, said, report) = kit.race(&kit.server.url(), &["--scenario", path.to_str().unwrap(), "--repeat", "2"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(report["rounds"].as_array().unwrap().len(), 4);
    assert!(Path::new(&kit.home.file("race")).join("history-my-own-1.jsonl").exists());
}

// The liars, by the invariant that names them.

fn booked_although_full(asked: &Asked, said: &mut Said, memory: &mut Memory) {
    if asked.posts("/api/bookings") && said.body["code"] == "full" && memory.count("lies") == 1 {
        let resource = &asked.body["lines"][0]["resource"];
        *said = Said::of(201, booking_told(&Uuid::now_v7().to_string(), resource, 900));
    }
}

#[test]
fn caught_one_seat_sold_twice() {
    caught("last-seat", "I1", 3, Lie { after: booked_although_full, ..HONEST });
}

#[test]
fn caught_one_room_given_to_two() {
    let after = |asked: &Asked, said: &mut Said, memory: &mut Memory| {
        let line = &asked.body["lines"][0];
        let at = |name: &str| line[name].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok());
        // Only the room is asked for two hours.
        let two_hours = at("start").zip(at("end")).is_some_and(|(s, e)| e.duration_since(s).as_secs() == 7_200);
        if two_hours {
            booked_although_full(asked, said, memory);
        }
    };
    caught("overlapping-slots", "I2", 2, Lie { after, ..HONEST });
}

#[test]
fn caught_booked_and_nothing_there() {
    let instead = |asked: &Asked, memory: &mut Memory| {
        let lies = asked.posts("/api/bookings") && memory.count("bookings") == 5;
        lies.then(|| Said::of(201, booking_told(&Uuid::now_v7().to_string(), &asked.body["lines"][0]["resource"], 77)))
    };
    caught("first-seats", "I3", 2, Lie { instead, ..HONEST });
}

#[test]
fn caught_refused_and_yet_booked() {
    let after = |asked: &Asked, said: &mut Said, memory: &mut Memory| {
        if asked.posts("/api/bookings") && said.status == 201 && memory.count("booked") == 7 {
            memory.kept.insert(asked.body.to_string(), json!(true));
            *said = Said::of(
                409,
                json!({ "outcome": "REJECTED", "code": "waitlist_first", "decided_at": said.body["decided_at"] }),
            );
        }
    };
    caught("first-seats", "I3", 3, Lie { after, ..HONEST });
}

#[test]
fn caught_refused_although_there_was_room() {
    let instead = |asked: &Asked, memory: &mut Memory| {
        let lies = asked.posts("/api/bookings") && memory.count("bookings") == 9;
        lies.then(|| {
            Said::of(409, json!({ "outcome": "REJECTED", "code": "full", "decided_at": "2026-01-01T00:00:00Z" }))
        })
    };
    caught("first-seats", "I14", 1, Lie { instead, ..HONEST });
}

#[test]
fn caught_the_same_key_told_something_else() {
    let after = |asked: &Asked, said: &mut Said, _: &mut Memory| {
        if asked.posts("/api/bookings") && said.replayed && said.body["booking"].is_object() {
            said.body["booking"]["id"] = json!(Uuid::now_v7());
        }
    };
    caught("first-seats", "I5", 2, Lie { after, ..HONEST });
}

#[test]
fn caught_booked_after_the_deadline() {
    let after = |asked: &Asked, said: &mut Said, memory: &mut Memory| {
        if asked.posts("/api/bookings") && said.body["code"] == "past_cutoff" && memory.count("late") == 1 {
            let at = said.body["decided_at"].clone();
            *said = Said::of(201, booking_told(&Uuid::now_v7().to_string(), &asked.body["lines"][0]["resource"], 90));
            said.body["decided_at"] = at;
        }
    };
    caught("add-drop-deadline", "I6", 1, Lie { after, ..HONEST });
}

#[test]
fn caught_a_hold_confirmed_after_its_end() {
    let after = |asked: &Asked, said: &mut Said, _: &mut Memory| {
        if asked.posts("/api/bookings") && asked.body["hold"].is_object() {
            let resource = asked.body["lines"][0]["resource"].clone();
            *said = Said::of(201, booking_told(&Uuid::now_v7().to_string(), &resource, 90));
            // Long after: whenever it was really decided.
            said.body["decided_at"] = json!("2099-01-01T00:00:00Z");
        }
    };
    caught("hold-expiry", "I7", 1, Lie { after, ..HONEST });
}

#[test]
fn caught_a_move_that_never_was() {
    let instead = |asked: &Asked, memory: &mut Memory| {
        let id = asked.path.strip_prefix("/api/bookings/")?.strip_suffix("/move")?;
        let resource = &asked.body["lines"][0]["resource"];
        let mut told = booking_told(id, resource, 700);
        told["outcome"] = json!("ACCEPTED");
        // Only the last of each: nobody can have changed it since.
        (memory.count(id) == 6).then(|| Said::of(200, told))
    };
    caught("moves-and-swaps", "I3", 3, Lie { instead, ..HONEST });
}

#[test]
fn caught_a_series_of_which_a_day_is_missing() {
    let after = |asked: &Asked, said: &mut Said, _: &mut Memory| {
        if asked.posts("/api/series") && said.body["outcome"] == "BOOKED" {
            said.body["dates"][2]["booking"] = Value::Null;
        }
    };
    caught("series-against-singles", "I13", 1, Lie { after, ..HONEST });
}

#[test]
fn caught_booked_in_time_out_of_use() {
    let after = |asked: &Asked, said: &mut Said, memory: &mut Memory| {
        if asked.posts("/api/bookings") && said.body["code"] == "blocked" && memory.count("blocked") == 15 {
            let resource = &asked.body["lines"][0]["resource"];
            *said = Said::of(201, booking_told(&Uuid::now_v7().to_string(), resource, 800));
        }
    };
    caught("block-in-a-burst", "I1", 2, Lie { after, ..HONEST });
}

#[test]
fn caught_a_booking_displaced_that_nobody_had_looked_at() {
    let after = |asked: &Asked, said: &mut Said, memory: &mut Memory| {
        let bookings = asked.path.starts_with("/api/bookings?resource=");
        let items = said.body["items"].as_array_mut().filter(|_| bookings);
        let standing = items.and_then(|items| items.iter_mut().find(|b| b["state"] == "confirmed"));
        if let Some(booking) = standing.filter(|_| memory.count("lists") == 1) {
            booking["state"] = json!("displaced");
        }
    };
    caught("override-duel", "I11", 1, Lie { after, ..HONEST });
}

#[test]
fn caught_an_offer_taken_and_nothing_there() {
    let instead = |asked: &Asked, memory: &mut Memory| {
        let lies = asked.path.starts_with("/api/waitlist/") && asked.path.ends_with("/accept");
        let nil = json!(Uuid::nil());
        (lies && memory.count("accepts") == 1)
            .then(|| Said::of(201, booking_told(&Uuid::now_v7().to_string(), &nil, 60)))
    };
    caught("offers", "I3", 2, Lie { instead, ..HONEST });
}

/// Three places are taken, two people wait, one place comes free.
const ONE_COMES_FREE: &str = r#"
name = "one comes free"
says = "Two wait for one place that comes free."
[resources.class]
kind = "section"
capacity = 1
policy = { own_overlap = "allow", waitlist = { mode = "book" } }
[actors.holder]
steps = [
  { do = "book", on = "class" },
  { do = "barrier", barrier = "taken" },
  { do = "barrier", barrier = "first waits" },
  { do = "barrier", barrier = "second waits" },
  { do = "cancel" },
  { do = "barrier", barrier = "over" },
]
[actors.first]
steps = [
  { do = "barrier", barrier = "taken" },
  { do = "join", on = "class" },
  { do = "barrier", barrier = "first waits" },
  { do = "barrier", barrier = "second waits" },
  { do = "barrier", barrier = "over" },
]
[actors.second]
steps = [
  { do = "barrier", barrier = "taken" },
  { do = "barrier", barrier = "first waits" },
  { do = "join", on = "class" },
  { do = "barrier", barrier = "second waits" },
  { do = "barrier", barrier = "over" },
]
[actors.newcomer]
steps = [
  { do = "barrier", barrier = "second waits" },
  { do = "barrier", barrier = "over" },
  { do = "book", on = "class" },
]
[[expect]]
of = "newcomer"
outcome = "REJECTED"
exactly = 1
"#;

#[track_caller]
fn caught_in_the_line(records_max: usize, lie: Lie) {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    fs::write(file.path(), ONE_COMES_FREE).unwrap();
    caught(file.path().to_str().unwrap(), "I8", records_max, lie);
}

#[test]
fn caught_promoted_out_of_order() {
    // Whoever has joined later is said to have the place, and whoever has it to wait.
    let after = |asked: &Asked, said: &mut Said, memory: &mut Memory| {
        if asked.posts("/api/waitlist") && !said.replayed {
            let nth = memory.count("joined");
            memory.kept.insert(said.body["entry"]["id"].to_string(), json!(nth));
        }
        let Some(id) = asked.path.strip_prefix("/api/waitlist/") else { return };
        match memory.kept.get(&json!(id).to_string()).and_then(Value::as_u64) {
            Some(1) => {
                said.body["state"] = json!("waiting");
                said.body["booking"] = Value::Null;
            }
            Some(2) => {
                said.body["state"] = json!("promoted");
                said.body["booking"] = json!(Uuid::now_v7());
            }
            _ => {}
        }
    };
    caught_in_the_line(3, Lie { after, ..HONEST });
}

#[test]
fn caught_a_newcomer_before_those_who_wait() {
    let after = |asked: &Asked, said: &mut Said, _: &mut Memory| {
        if asked.posts("/api/bookings") && said.body["outcome"] == "REJECTED" {
            let resource = asked.body["lines"][0]["resource"].clone();
            *said = Said::of(201, booking_told(&Uuid::now_v7().to_string(), &resource, 90));
        }
    };
    caught_in_the_line(3, Lie { after, ..HONEST });
}

#[test]
fn caught_an_event_that_never_came() {
    let tells = |name: &str, _: &Value, memory: &mut Memory| name != "bookingCreated" || memory.count("events") != 30;
    caught("stale-badge", "I9", 2, Lie { tells, ..HONEST });
}

#[test]
fn caught_the_last_event_that_never_came() {
    let tells = |name: &str, _: &Value, _: &mut Memory| name != "bookingCreated";
    caught("two-teachers", "I9", 2, Lie { tells, ..HONEST });
}

#[test]
fn caught_two_answers_with_one_version() {
    let after = |asked: &Asked, said: &mut Said, _: &mut Memory| {
        if asked.posts("/api/bookings") && said.status == 201 {
            said.body["versions"][0]["version"] = json!(2);
        }
    };
    caught("first-seats", "I9", 2, Lie { after, ..HONEST });
}

fn sees_a_resource(asked: &Asked) -> bool {
    asked.method == hyper::Method::GET && asked.path.starts_with("/api/resources/") && !asked.path.contains('?')
}

#[test]
fn caught_an_older_view() {
    let after = |asked: &Asked, said: &mut Said, memory: &mut Memory| {
        if sees_a_resource(asked) && memory.count("views") == 40 {
            said.body["version"] = json!(1);
        }
    };
    caught("stale-badge", "I10", 2, Lie { after, ..HONEST });
}

#[test]
fn caught_fewer_than_nothing() {
    let after = |asked: &Asked, said: &mut Said, memory: &mut Memory| {
        if sees_a_resource(asked) && memory.count("views") == 40 {
            said.body["remaining"] = json!(-1);
        }
    };
    caught("stale-badge", "I10", 1, Lie { after, ..HONEST });
}

#[test]
fn caught_a_number_that_is_of_another_version() {
    let after = |asked: &Asked, said: &mut Said, _: &mut Memory| {
        if sees_a_resource(asked)
            && let Some(left) = said.body["remaining"].as_u64()
        {
            said.body["remaining"] = json!(if left > 0 { left - 1 } else { 1 });
        }
    };
    caught("stale-badge", "I10", 2, Lie { after, ..HONEST });
}

#[test]
fn caught_both_admins_applied() {
    let after = |_: &Asked, said: &mut Said, _: &mut Memory| {
        if said.body["code"] == "version_stale" {
            *said = Said::of(
                200,
                json!({ "outcome": "ACCEPTED", "attempt": Uuid::now_v7(), "decided_at": "2026-01-01T00:00:00Z", "versions": [] }),
            );
        }
    };
    caught("two-admins", "I11", 2, Lie { after, ..HONEST });
}

#[test]
fn caught_cancelled_twice() {
    let after = |asked: &Asked, said: &mut Said, _: &mut Memory| {
        if asked.path.contains("/record?") {
            let items = said.body["items"].as_array_mut().unwrap();
            let cancels: Vec<usize> = (0..items.len()).filter(|n| items[*n]["event"] == "bookingCanceled").collect();
            if let [first, second, ..] = cancels[..] {
                items[second]["data"]["booking"]["id"] = items[first]["data"]["booking"]["id"].clone();
            }
        }
    };
    caught("double-submit", "I17", 20, Lie { after, ..HONEST });
}

#[test]
fn caught_an_attempt_that_never_ends() {
    let instead = |asked: &Asked, memory: &mut Memory| {
        let lost = memory.kept.get("lost").cloned();
        let body = asked.body.clone();
        let is = match lost {
            Some(lost) => asked.posts("/api/bookings") && lost == body,
            None => asked.posts("/api/bookings"),
        };
        // The first and all that look like it: the fillers' is the only one for 99 units.
        is.then(|| {
            memory.kept.insert("lost".into(), body);
            Said::of(0, Value::Null)
        })
    };
    caught("last-seat", "I26", 60, Lie { instead, ..HONEST });
}

#[test]
fn caught_trouble_that_is_no_outcome() {
    let instead = |asked: &Asked, memory: &mut Memory| {
        let lies = asked.posts("/api/bookings") && memory.count("bookings") == 3;
        lies.then(|| Said::of(500, json!({ "detail": "<b>panicked</b>" })))
    };
    caught("first-seats", "I3", 1, Lie { instead, ..HONEST });
}
