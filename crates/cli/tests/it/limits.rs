//! What one client may cost: connections, heads, bodies, answers, time. Each bound is met on purpose, and others go on meanwhile.
//! Scenarios 52 and 85, and shedding.

use crate::harness::{Ask, Conn, UNLIMITED, World};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Nothing here needs longer, also on a busy machine.
const SOON: Duration = Duration::from_secs(8);

fn world(flags: &[&str]) -> World {
    World::with(&["ann"], &[&UNLIMITED[..], flags].concat())
}

fn healthy(conn: &mut Conn) -> bool {
    conn.send(&Ask::get("/healthz")).is_ok_and(|r| r.status == 200)
}

/// Tries until a connection is taken: places are given back a moment after a client has gone.
fn seated(w: &World) -> Conn {
    let since = Instant::now();
    loop {
        if let Ok(mut conn) = Conn::open(w.server.address)
            && healthy(&mut conn)
        {
            return conn;
        }
        assert!(since.elapsed() < SOON, "no place is given back");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A WebSocket, as far as the server is concerned.
fn upgraded(w: &World) -> Conn {
    let mut conn = seated(w);
    let ask = Ask::get("/socket.io/?EIO=4&transport=websocket").header("connection", "Upgrade");
    let ask = ask.header("upgrade", "websocket").header("sec-websocket-version", "13");
    conn.write(&ask.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
    assert_eq!(conn.read().unwrap().status, 101);
    conn
}

#[test]
fn a_connection_too_many_is_closed_at_once_and_sockets_count() {
    let w = world(&["--connections-max", "3"]);
    let mut kept = [seated(&w), seated(&w)];
    let socket = upgraded(&w);
    for _ in 0..5 {
        let since = Instant::now();
        assert!(Conn::open(w.server.address).unwrap().ended_within(SOON), "a fourth is served");
        assert!(since.elapsed() < Duration::from_secs(2), "closed after {:?}", since.elapsed());
    }
    assert!(kept.iter_mut().all(healthy), "those who were there go on");
    drop(socket);
    let mut third = seated(&w);
    assert!(healthy(&mut third));
    // Asked on a connection that is there: there is no place for another.
    let metrics = kept[0].send(&Ask::get("/metrics")).unwrap().text();
    let refused = metrics.lines().find(|l| l.starts_with("slotwise_connections_refused_total{why=\"all\"}"));
    let refused: u32 = refused.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(refused >= 5, "{refused}");
    assert!(metrics.contains("slotwise_connections 3"), "{metrics}");
}

#[test]
fn one_address_cannot_take_all_connections() {
    let w = world(&["--connections-per-address-max", "2"]);
    let (mut here, socket) = (seated(&w), upgraded(&w));
    assert!(Conn::open(w.server.address).unwrap().ended_within(SOON), "a third from one address is served");
    let elsewhere: IpAddr = [127, 0, 0, 2].into();
    let mut other = Conn::open_from(elsewhere, w.server.address).unwrap();
    assert!(healthy(&mut other) && healthy(&mut here), "others and those who were there go on");
    drop(socket);
    assert!(healthy(&mut seated(&w)));
}

#[test]
fn a_proxy_in_front_is_not_one_client() {
    let w = world(&["--connections-per-address-max", "2", "--trusted-proxy", "127.0.0.0/8"]);
    let mut many: Vec<Conn> = (0..6).map(|_| seated(&w)).collect();
    assert!(many.iter_mut().all(healthy));
}

#[test]
fn a_slow_head_is_cut_off_and_an_idle_connection_may_stay_longer() {
    let w = world(&["--headers-within-s", "1", "--idle-within-s", "4"]);
    let mut idle = seated(&w);
    // A byte now and then does not help.
    let mut slow = Conn::open(w.server.address).unwrap();
    let since = Instant::now();
    slow.write_raw(b"GET /healthz HTTP/1.1\r\nx: ").unwrap();
    while slow.write_raw(b"y").is_ok() && !slow.ended_within(Duration::from_millis(100)) {
        assert!(since.elapsed() < SOON, "a head may take for ever");
    }
    assert!(since.elapsed() >= Duration::from_millis(900), "cut off after {:?}", since.elapsed());
    // The same on a connection that was of use before.
    let mut second = seated(&w);
    second.write_raw(b"GET /healthz HT").unwrap();
    assert!(second.ended_within(Duration::from_secs(3)), "a second head may take for ever");
    assert!(Conn::open(w.server.address).unwrap().ended_within(SOON), "who says nothing may stay");
    thread::sleep(Duration::from_secs(2).saturating_sub(since.elapsed()));
    assert!(healthy(&mut idle), "idle for two seconds of four");
    assert!(idle.ended_within(SOON), "an idle connection is kept for ever");
    assert!(w.metric("slotwise_connections_cut_total", "headers") >= 3.0);
    assert!(w.metric("slotwise_connections_cut_total", "idle") >= 1.0);
}

#[test]
fn a_slow_body_is_told_so_and_nothing_is_done() {
    let mut w = world(&["--body-within-s", "1"]);
    w.room("room");
    let whole = w.book("ann", "room", "10:00-11:00", 1).bytes(w.server.address);
    let mut conn = Conn::open(w.server.address).unwrap();
    conn.write_raw(&whole[..whole.len() - 5]).unwrap();
    let reply = conn.answered_within(SOON).unwrap();
    assert_eq!(reply.told(), "408 too_slow", "{}", reply.text());
    assert!(w.bookings_on("room").is_empty());
}

#[test]
fn an_answer_that_takes_too_long_is_no_outcome_yet_and_says_where_to_ask() {
    let mut w = world(&["--answer-within-s", "1", "--body-within-s", "60"]);
    w.room("room");
    let ask = w.book("ann", "room", "10:00-11:00", 1);
    let key = ask.headers.iter().find(|(n, _)| n == "idempotency-key").unwrap().1.clone();
    let whole = ask.bytes(w.server.address);
    let mut conn = Conn::open(w.server.address).unwrap();
    conn.write_raw(&whole[..whole.len() - 5]).unwrap();
    let reply = conn.answered_within(SOON).unwrap();
    assert_eq!(reply.told(), "503 no_outcome_yet", "{}", reply.text());
    let problem = reply.json();
    assert_eq!(problem["outcome"], Value::Null);
    assert_eq!(problem["link"], format!("/api/attempts/{key}"));
    assert_eq!(w.get("ann", &format!("/api/attempts/{key}")).json()["state"], "unknown");
    assert_eq!(w.send(&ask).told(), "201 BOOKED", "the key is free");
    // What a socket says is a body too.
    let hello = w.send(&Ask::get("/socket.io/?EIO=4&transport=polling")).text();
    let hello: Value = serde_json::from_str(&hello[1..]).unwrap();
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={}", hello["sid"].as_str().unwrap());
    let whole = Ask::post(&path).raw("text/plain", "40{}").bytes(w.server.address);
    let mut conn = Conn::open(w.server.address).unwrap();
    conn.write_raw(&whole[..whole.len() - 2]).unwrap();
    assert_eq!(conn.answered_within(SOON).unwrap().told(), "408 too_slow");
}

#[test]
fn who_takes_nothing_of_the_answers_is_cut_off() {
    let w = world(&["--send-within-s", "1"]);
    let mut greedy = Conn::open_narrow(w.server.address).unwrap();
    let ask = Ask::get("/api/openapi.json").bytes(w.server.address);
    let before = w.server.memory_kib();
    // Far more is asked for than all buffers between hold, and none of it is read; at some point nothing more is taken.
    let asks = ask.repeat(2_000);
    greedy.patience(Duration::from_secs(2));
    let written = greedy.write_raw(&asks);
    let since = Instant::now();
    while w.metric("slotwise_connections_cut_total", "send") < 1.0 {
        assert!(since.elapsed() < SOON, "a client that reads nothing is kept for ever: {written:?}");
        thread::sleep(Duration::from_millis(50));
    }
    let grown = w.server.memory_kib().saturating_sub(before);
    assert!(grown < 50 * 1_024, "{grown} KiB for one client that does not read");
}

#[test]
fn a_thousand_stalled_connections_do_not_keep_others_waiting() {
    let wanted = Rlimit { current: Some(4_096), ..getrlimit(Resource::Nofile) };
    if getrlimit(Resource::Nofile).current.is_some_and(|n| n < 4_096) {
        setrlimit(Resource::Nofile, wanted).expect("this test opens a thousand connections");
    }
    let mut w = world(&[]);
    w.hall("hall", 1_000);
    let before = w.server.memory_kib();
    let mut stalled: Vec<Conn> = (0..1_000).map(|_| Conn::open(w.server.address).unwrap()).collect();
    for conn in &mut stalled {
        conn.write_raw(b"POST /api/bookings HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
    }
    let mut took: Vec<Duration> = (0..100)
        .map(|_| {
            stalled.iter_mut().step_by(97).for_each(|c| drop(c.write_raw(b"z")));
            let since = Instant::now();
            assert_eq!(w.send(&w.book("ann", "hall", "10:00-11:00", 1)).told(), "201 BOOKED");
            since.elapsed()
        })
        .collect();
    took.sort();
    let grown = w.server.memory_kib().saturating_sub(before);
    println!("beside 1,000 stalled connections: p50 {:?}, p99 {:?}, {grown} KiB more", took[50], took[98]);
    assert!(took[98] < Duration::from_secs(1), "p99 {:?}", took[98]);
    assert!(grown < 100 * 1_024, "{grown} KiB");
    // All of them go, though some wrote a byte now and then.
    let since = Instant::now();
    assert!(stalled.iter_mut().all(|c| c.ended_within(Duration::from_secs(15).saturating_sub(since.elapsed()))));
}

#[test]
fn a_body_without_end_costs_no_more_than_one_that_is_too_large() {
    let w = world(&[]);
    let head = |length: &str| {
        format!(
            "POST /api/bookings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: {}\r\n\
             content-type: application/json\r\n{length}\r\n\r\n",
            w.token("ann"),
            Uuid::now_v7()
        )
    };
    let before = w.server.memory_kib();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    for length in ["transfer-encoding: chunked", "content-length: 10000000000"] {
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write_raw(head(length).as_bytes()).unwrap();
        // 10 GB, if it lets us.
        let taken = (0..160_000).take_while(|_| conn.write_raw(chunk.as_bytes()).is_ok()).count();
        assert!(taken < 1_600, "{length}: it took {taken} times 64 KiB");
        // The answer may be lost where the connection was reset; the connection is over in any case.
        if let Ok(reply) = conn.answered_within(SOON) {
            assert_eq!(reply.told(), "413 too_large", "{length}");
        }
        assert!(conn.ended_within(SOON), "{length}");
    }
    let grown = w.server.memory_kib().saturating_sub(before);
    assert!(grown < 50 * 1_024, "{grown} KiB");
}

#[test]
fn encoded_bodies_are_refused_unread() {
    let w = world(&[]);
    for encoding in ["gzip", "br", "deflate", "gzip, identity"] {
        let ask = w.change("ann", "POST", "/api/bookings").header("content-encoding", encoding);
        assert_eq!(w.send(&ask.json(&json!({ "lines": [] }))).told(), "415 encoded", "{encoding}");
    }
    let plain = w.change("ann", "POST", "/api/bookings").header("content-encoding", "identity");
    assert_eq!(w.send(&plain.json(&json!({ "lines": [] }))).told(), "422 REJECTED invalid");
}

#[test]
fn a_hundred_thousand_headers_are_refused_early() {
    let w = world(&["--headers-max", "20", "--headers-kib", "16"]);
    let before = w.server.memory_kib();
    let line = "x-header: y\r\n";
    for (what, head) in [
        ("many", line.repeat(100_000)),
        ("one long", format!("x: {}\r\n", "y".repeat(1_000_000))),
        ("21", line.repeat(21)),
        ("17 KiB", format!("x: {}\r\n", "y".repeat(17 << 10))),
    ] {
        let mut conn = Conn::open(w.server.address).unwrap();
        let sent = conn.write_raw(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{head}\r\n").as_bytes());
        match conn.answered_within(SOON) {
            Ok(reply) => assert_eq!(reply.status, 431, "{what}"),
            Err(e) => assert!(sent.is_err() || e.kind() == ErrorKind::ConnectionReset, "{what}: {e}"),
        }
    }
    let grown = w.server.memory_kib().saturating_sub(before);
    assert!(grown < 20 * 1_024, "{grown} KiB");
    let few = (0..15).fold(Ask::get("/healthz"), |ask, n| ask.header(&format!("x-{n}"), "y"));
    assert_eq!(w.send(&few).status, 200);
}

#[test]
fn without_descriptors_the_server_waits_and_goes_on() {
    let mut w = world(&[]);
    w.hall("hall", 100);
    let mut kept = seated(&w);
    // Scenario 52: nothing more can be opened.
    w.server.files_max(1);
    let mut waiting: Vec<Conn> = (0..20).map(|_| Conn::open(w.server.address).unwrap()).collect();
    waiting.iter_mut().for_each(|c| c.write(&Ask::get("/healthz")).unwrap());
    assert!(waiting[0].answered_within(Duration::from_millis(500)).is_err(), "the limit was not met");
    assert_eq!(kept.send(&w.book("ann", "hall", "10:00-11:00", 1)).unwrap().told(), "201 BOOKED", "who was in goes on");
    w.server.files_max(1_024);
    for conn in &mut waiting {
        assert_eq!(conn.answered_within(SOON).unwrap().status, 200, "who waited is served");
    }
    assert_eq!(w.bookings_on("hall").len(), 1);
    let errors = w.metric("slotwise_accept_errors_total", "");
    assert!((1.0..200.0).contains(&errors), "it backs off: {errors} tries");
}

#[test]
fn a_burst_too_large_is_shed_with_definite_answers_and_over_soon() {
    let mut w = world(&["--attempts-max", "8"]);
    w.hall("hall", 100_000);
    let (mut busy, mut booked) = (0, 0);
    for _ in 0..5 {
        let asks: Vec<Ask> = (0..256).map(|_| w.book("ann", "hall", "10:00-11:00", 1)).collect();
        let since = Instant::now();
        let (replies, health) = thread::scope(|scope| {
            let racing = scope.spawn(|| w.race(&asks));
            let health: Vec<Duration> = (0..20)
                .map(|_| {
                    let asked = Instant::now();
                    assert_eq!(w.send(&Ask::get("/healthz")).status, 200);
                    asked.elapsed()
                })
                .collect();
            (racing.join().unwrap(), health)
        });
        assert!(since.elapsed() < Duration::from_secs(5), "over after {:?}", since.elapsed());
        assert!(health.iter().all(|h| *h < Duration::from_secs(1)), "{health:?}");
        for (ask, reply) in asks.iter().zip(&replies) {
            match reply.told().as_str() {
                "201 BOOKED" => booked += 1,
                "503 FAILED busy" => {
                    busy += 1;
                    let key = &ask.headers.iter().find(|(n, _)| n == "idempotency-key").unwrap().1;
                    assert_eq!(reply.header("retry-after"), Some("1"));
                    assert_eq!((&reply.json()["attempt"], &reply.json()["retryable"]), (&json!(key), &json!(true)));
                }
                other => panic!("{other}: {}", reply.text()),
            }
        }
        // A key that was turned away is free.
        if let Some(n) = replies.iter().position(|r| r.status == 503) {
            assert_eq!(w.send(&asks[n]).told(), "201 BOOKED");
            booked += 1;
        }
    }
    assert!(busy > 0, "1,280 attempts never were more than eight at once");
    assert_eq!(w.metric("slotwise_attempts_running", ""), 0.0);
    let held = w.bookings_on("hall").len();
    assert_eq!(held, booked, "booked is what was told booked");
    println!("{booked} booked, {busy} shed");
}
