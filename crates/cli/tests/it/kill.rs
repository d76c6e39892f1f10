//! SIGKILL, SIGSTOP and SIGTERM at any moment, again and again, with a ledger outside: what was told is so, what was not is once or
//! never. Layer T5 of the proof; `SLOTWISE_KILL_ROUNDS` makes it longer. The server is the one that ships and knows of none of it.

use crate::harness::oracle::oversold;
use crate::harness::server::slotwise;
use crate::harness::{Ask, Conn, Reply, Rng, Server, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

const PEOPLE: [&str; 4] = ["ann", "bob", "cem", "dan"];
const WORKERS: usize = 6;
/// Kills under load, in each of two tests; after every second of them the start is killed too: 300 in all.
const KILLS: u64 = 100;
/// Pauses that begin before a hold's expiry and end after it.
const PAUSES: u64 = 50;
/// Orderly stops under load.
const STOPS: u64 = 50;
/// How long a start may take until bookings are taken, whatever happened before it.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// What was sent, and what was told of it.
#[derive(Clone, Debug)]
struct Entry {
    who: &'static str,
    ask: Ask,
    key: String,
    room: String,
    what: What,
    told: Option<(String, Option<String>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Book,
    Confirm,
    Hold,
    Cancel(String),
}

/// The ledger outside: on disk before anything is sent, and again after each answer.
struct Ledger {
    file: File,
    entries: Vec<Entry>,
}

impl Ledger {
    fn note(&mut self, line: &str) {
        writeln!(self.file, "{line}").unwrap();
        self.file.sync_data().unwrap();
    }

    fn intend(&mut self, entry: Entry) -> usize {
        self.note(&format!("send {} {} {:?} {}", entry.key, entry.who, entry.what, entry.room));
        self.entries.push(entry);
        self.entries.len() - 1
    }

    fn hear(&mut self, n: usize, reply: &Reply) {
        let body = reply.json();
        let id = body["booking"]["id"].as_str().or(body["hold"]["id"].as_str()).map(str::to_owned);
        self.note(&format!("told {} {}", self.entries[n].key, reply.told()));
        self.entries[n].told = Some((reply.told(), id));
    }
}

/// One worker's burst: books, holds, confirms and cancels until the server is gone.
fn work(w: &World, rooms: &[String], ledger: &Mutex<Ledger>, mut rng: Rng) {
    let mut mine: Vec<(&'static str, String, String)> = Vec::new();
    let mut held: Vec<(&'static str, String, String, serde_json::Value)> = Vec::new();
    let Ok(mut conn) = Conn::open(w.server.address) else { return };
    loop {
        let who = PEOPLE[rng.below(4) as usize];
        let room = &rooms[rng.below(rooms.len() as u64) as usize];
        let (hour, half) = (8 + rng.below(10), rng.below(2) * 30);
        let span = format!("{hour:02}:{half:02}-{:02}:{half:02}", hour + 1 + rng.below(2));
        let (entry, slot) = match rng.below(10) {
            0..=4 => ((who, w.book(who, room, &span, 1), room.clone(), What::Book), None),
            5 | 6 => ((who, w.hold(who, room, &span), room.clone(), What::Hold), Some(span)),
            7 if !held.is_empty() => {
                let (who, room, span, hold) = held.remove(0);
                ((who, w.confirm(who, &room, &span, &hold), room, What::Confirm), None)
            }
            _ if !mine.is_empty() => {
                let (who, room, id) = mine.swap_remove(rng.below(mine.len() as u64) as usize);
                ((who, w.cancel(who, &id), room, What::Cancel(id)), None)
            }
            _ => continue,
        };
        let (who, ask, room, what) = entry;
        let key = ask.headers.iter().find(|(n, _)| n == "idempotency-key").unwrap().1.clone();
        let entry = Entry { who, ask: ask.clone(), key, room: room.clone(), what: what.clone(), told: None };
        let n = ledger.lock().unwrap().intend(entry);
        let Ok(reply) = conn.send(&ask) else { return };
        ledger.lock().unwrap().hear(n, &reply);
        let body = reply.json();
        if reply.status == 201 && what == What::Hold {
            held.push((who, room, slot.unwrap_or_default(), body["hold"].clone()));
        } else if reply.told() == "201 BOOKED" {
            mine.push((who, room, body["booking"]["id"].as_str().unwrap().to_owned()));
        }
    }
}

/// What became of everything in the ledger, asked of the server after its restart.
fn judge(w: &World, entries: &[Entry], seen: &mut BTreeMap<String, usize>) {
    // First what is there without anything being sent again.
    let mut recorded = Vec::new();
    for e in entries {
        let attempt = w.get(e.who, &format!("/api/attempts/{}", e.key)).json();
        let outcome = attempt["outcome"].as_str().unwrap_or("unknown").to_owned();
        let told = e.told.as_ref().map_or("nothing", |(told, _)| told.as_str());
        match told.split(' ').nth(1) {
            Some("BOOKED" | "ACCEPTED" | "REJECTED") => {
                let code = attempt["code"].as_str().map(|c| format!(" {c}")).unwrap_or_default();
                let ends = told.split_once(' ').unwrap().1.trim_end_matches(" replayed");
                assert_eq!(format!("{outcome}{code}"), ends, "{e:?} was told so; now {attempt}");
                let id = attempt["answer"]["booking"]["id"].as_str().or(attempt["answer"]["hold"]["id"].as_str());
                let said = e.told.as_ref().and_then(|(_, id)| id.as_deref());
                assert!(outcome == "REJECTED" || id == said, "{e:?}: {attempt}");
            }
            Some("FAILED") => assert_eq!(outcome, "unknown", "{e:?} was told that nothing changed; now {attempt}"),
            _ => {}
        }
        *seen.entry(format!("told {told}, is {outcome}")).or_default() += 1;
        recorded.push(outcome);
    }
    // Then what nobody was told is sent again, under the same key: one effect, whichever execution made it.
    for (e, before) in entries.iter().zip(&recorded) {
        if e.told.is_none() || before == "REJECTED" {
            let again = w.send(&e.ask);
            assert!(again.status < 500, "{e:?}: {}", again.text());
            assert_eq!(before != "unknown", again.header("idempotent-replayed").is_some(), "{e:?}: {}", again.text());
            assert!(before == "unknown" || again.outcome() == *before, "{e:?}: {}", again.text());
        }
    }
    let standing: BTreeMap<String, String> = entries
        .iter()
        .map(|e| {
            let attempt = w.get(e.who, &format!("/api/attempts/{}", e.key)).json();
            (e.key.clone(), attempt["outcome"].as_str().unwrap_or("unknown").to_owned())
        })
        .collect();
    for e in entries {
        if let (What::Cancel(id), "ACCEPTED") = (&e.what, standing[&e.key].as_str()) {
            let booking = w.read(e.who, &format!("/api/bookings/{id}"));
            assert_eq!(booking["state"], "cancelled", "{e:?}");
        }
    }
    let cancelled =
        |id: &str| entries.iter().any(|e| e.what == What::Cancel(id.to_owned()) && standing[&e.key] == "ACCEPTED");
    for (e, (_, id)) in entries.iter().filter_map(|e| Some((e, e.told.as_ref()?))) {
        if let (What::Book | What::Confirm, Some(id), "BOOKED") = (&e.what, id, standing[&e.key].as_str()) {
            let booking = w.read(e.who, &format!("/api/bookings/{id}"));
            let expected = if cancelled(id) { "cancelled" } else { "confirmed" };
            assert_eq!(booking["state"], expected, "{e:?}");
        }
    }
}

/// No overlap, no gap, and each attempt of the ledger is in the record as often as it had an effect.
fn sweep(w: &World, rooms: &[String], entries: &[Entry]) {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for room in rooms {
        assert!(oversold(&w.bookings_on(room), 1).is_empty(), "{room}");
        w.sweep_room(room).into_iter().for_each(|(attempt, n)| *effects.entry(attempt).or_default() += n);
    }
    for e in entries {
        let outcome = w.get(e.who, &format!("/api/attempts/{}", e.key)).outcome();
        let times = effects.get(&e.key).copied().unwrap_or(0);
        let fine = match (&e.what, outcome.as_str()) {
            (What::Book | What::Confirm, "BOOKED") | (What::Hold, "ACCEPTED") => times == 1,
            // A second cancel changes nothing; a refused confirm lets its hold go.
            (What::Cancel(_), "ACCEPTED") | (What::Confirm, "REJECTED") => times <= 1,
            // Refused or unknown: holds that were due may have been tidied with a refusal, nothing else.
            (_, "REJECTED" | "") => times == 0,
            _ => false,
        };
        assert!(fine, "{times} effects of {e:?}, which is {outcome:?}");
    }
}

/// So many rounds, or as many as somebody wants.
fn rounds(usual: u64) -> u64 {
    std::env::var("SLOTWISE_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// How a server is ended.
#[derive(Clone, Copy)]
enum Signal {
    Kill,
    Terminate,
}

/// Loads the rooms of a round until the server is ended so. Returns the ledger.
fn burst(w: &mut World, rng: &mut Rng, rooms: &[String], signal: Signal) -> Vec<Entry> {
    rooms.iter().for_each(|r| drop(w.room(r)));
    let file = File::options().create(true).append(true).open(w.home.file("ledger")).unwrap();
    let ledger = Mutex::new(Ledger { file, entries: Vec::new() });
    let wait = Duration::from_micros(5_000 + rng.below(100_000));
    let workers: Vec<Rng> = (0..WORKERS).map(|_| Rng(rng.next())).collect();
    thread::scope(|scope| {
        for rng in workers {
            let (w, ledger) = (&*w, &ledger);
            scope.spawn(move || work(w, rooms, ledger, rng));
        }
        thread::sleep(wait);
        match signal {
            Signal::Kill => w.server.kill_now(),
            Signal::Terminate => w.server.terminate(),
        }
    });
    match signal {
        Signal::Kill => w.server.end(),
        Signal::Terminate => {
            let ended = w.server.ended_within(Duration::from_secs(10));
            assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
        }
    }
    ledger.into_inner().unwrap().entries
}

/// Everybody begins anew: what is held still would be in the way of the cap.
fn clear(w: &mut World, rooms: &[String]) {
    for who in PEOPLE {
        for hold in w.read(who, "/api/holds?owner=me")["items"].as_array().unwrap() {
            let path = format!("/api/holds/{}/release", hold["id"].as_str().unwrap());
            w.send(&w.change(who, "POST", &path).json(&json!({ "token": hold["token"] })));
        }
    }
    rooms.iter().for_each(|r| w.forget_room(r));
}

fn all_is_as_written(w: &World) {
    let verified = slotwise(&["verify"]).arg(w.home.data()).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

fn print_and_demand(seen: &BTreeMap<String, usize>, parts: &[&str]) {
    seen.iter().for_each(|(what, n)| println!("{n:6} {what}"));
    for part in parts {
        assert!(seen.keys().any(|what| what.contains(part)), "nothing in this run was {part}: {seen:?}");
    }
}

fn kill_again_and_again(name: &str) {
    let mut rng = Rng::seeded(name);
    let mut w = World::new(&PEOPLE);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let (mut slowest, mut last, mut in_start) = (Duration::ZERO, Duration::from_millis(50), 0);
    for round in 0..rounds(KILLS) {
        let rooms: Vec<String> = (0..3).map(|n| format!("r{round}-{n}")).collect();
        let entries = burst(&mut w, &mut rng, &rooms, Signal::Kill);
        if round % 2 == 0 {
            // Scenario 48: the start after it is cut short as well, somewhere.
            let mut child = Server::spawn(&w.home, &[]);
            thread::sleep(Duration::from_micros(rng.below(last.as_micros() as u64)));
            child.kill().unwrap();
            child.wait().unwrap();
            in_start += 1;
        }
        let since = Instant::now();
        w.start_again();
        last = since.elapsed();
        slowest = slowest.max(last);
        judge(&w, &entries, &mut seen);
        sweep(&w, &rooms, &entries);
        clear(&mut w, &rooms);
    }
    all_is_as_written(&w);
    println!(
        "{} kills under load, {in_start} in the start after one, ready after {slowest:?} at the latest:",
        rounds(KILLS)
    );
    assert!(slowest <= READY_WITHIN, "{slowest:?}");
    print_and_demand(&seen, &["told 201 BOOKED", "told 409 REJECTED", "told 200 ACCEPTED", "told nothing"]);
}

#[test]
fn kill_at_any_moment_keeps_what_was_told() {
    kill_again_and_again("kill");
}

#[test]
fn kill_at_any_other_moment_keeps_what_was_told() {
    kill_again_and_again("kill once more");
}

#[test]
fn kill_with_a_request_to_end_leaves_nothing_half_told() {
    let mut rng = Rng::seeded("terminate");
    let mut w = World::new(&PEOPLE);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    for round in 0..rounds(STOPS) {
        let rooms: Vec<String> = (0..3).map(|n| format!("r{round}-{n}")).collect();
        let since = Instant::now();
        let entries = burst(&mut w, &mut rng, &rooms, Signal::Terminate);
        slowest = slowest.max(since.elapsed());
        w.start_again();
        for e in entries.iter().filter(|e| e.told.is_none()) {
            let attempt = w.get(e.who, &format!("/api/attempts/{}", e.key)).json();
            assert_eq!(attempt["state"], "unknown", "{e:?} was carried out, and its answer cut off by an orderly end");
        }
        judge(&w, &entries, &mut seen);
        sweep(&w, &rooms, &entries);
        clear(&mut w, &rooms);
    }
    all_is_as_written(&w);
    println!("{} orderly ends under load, {slowest:?} at most with the load before it:", rounds(STOPS));
    print_and_demand(&seen, &["told 201 BOOKED", "told 409 REJECTED"]);
}

#[test]
fn kill_is_not_needed_for_a_hold_to_end_while_the_server_stands_still() {
    let mut rng = Rng::seeded("pause");
    let mut w = World::new(&["ann", "bob"]);
    let (mut pauses, mut in_time) = (0, 0);
    while pauses < rounds(PAUSES) {
        // As many as one person may hold, each ending a while after the one before.
        let held: Vec<(String, serde_json::Value)> = (0..10)
            .map(|n| {
                let room = format!("r{pauses}-{n}");
                w.resource(&room, json!({ "policy": { "hold_ttl_s": 3 } }));
                thread::sleep(Duration::from_millis(100));
                let hold = w.held("ann", &room, "10:00-11:00");
                (room, hold)
            })
            .collect();
        for (room, hold) in &held {
            let expires: Timestamp = hold["expires_at"].as_str().unwrap().parse().unwrap();
            let sleep_until = |at: Timestamp| {
                thread::sleep(Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default());
            };
            sleep_until(expires - SignedDuration::from_millis(5 + rng.below(40) as i64));
            w.server.pause();
            let asks = [w.confirm("ann", room, "10:00-11:00", hold), w.book("bob", room, "10:00-11:00", 1)];
            let replies = thread::scope(|scope| {
                let sent = scope.spawn(|| w.race(&asks));
                sleep_until(expires + SignedDuration::from_millis(rng.below(30) as i64));
                w.server.resume();
                sent.join().unwrap()
            });
            pauses += 1;
            let (mine, theirs) = (replies[0].told(), replies[1].told());
            match (mine.as_str(), theirs.as_str()) {
                ("409 REJECTED hold_expired" | "409 REJECTED full", "201 BOOKED") => {}
                // The machine was slow to stop it, and it was decided in time.
                ("201 BOOKED", "409 REJECTED full") => {
                    let decided: Timestamp = replies[0].json()["decided_at"].as_str().unwrap().parse().unwrap();
                    assert!(decided < expires, "{decided} is past {expires}: {}", replies[0].text());
                    in_time += 1;
                }
                other => panic!("{other:?}: {} {}", replies[0].text(), replies[1].text()),
            }
            w.sweep_room(room);
            w.forget_room(room);
        }
        w.server.ready_within(READY_WITHIN);
    }
    println!("{pauses} pauses, {in_time} confirmed in time");
    assert!(in_time < pauses, "no pause was longer than a hold");
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(10)).is_some_and(|status| status.success()));
    all_is_as_written(&w);
}

#[test]
fn kill_during_start_up_changes_nothing() {
    let mut rng = Rng::seeded("kill at start");
    let mut w = World::new(&PEOPLE);
    w.room("room");
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a  -> 201 BOOKED
         bob POST /api/bookings room 10:00-11:00 key b  -> 409 REJECTED full
         cem POST /api/holds room 12:00-13:00           -> 201 ACCEPTED",
    );
    w.server.end();
    // Scenario 48: a start that is cut short is no different from none.
    for _ in 0..25 {
        let mut child = Server::spawn(&w.home, &[]);
        thread::sleep(Duration::from_micros(rng.below(60_000)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    w.start_again();
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a  -> 200 BOOKED replayed
         bob POST /api/bookings room 10:00-11:00 key b  -> 409 REJECTED full replayed
         dan POST /api/bookings room 11:00-12:00        -> 201 BOOKED",
    );
    w.sweep();
}
