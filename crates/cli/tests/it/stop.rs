//! The end of a server that is asked to stop: what runs ends with an outcome, nothing is left open, and it takes no ten seconds.
//! Scenario 53, and starting a second one on the same data (49).

use crate::harness::node::Node;
use crate::harness::{Ask, Conn, Home, Server, World};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_stop_in_a_burst_leaves_no_request_without_an_outcome_or_a_clean_refusal() {
    let mut w = World::new(&["ann"]);
    w.hall("hall", 100_000);
    let stopping = AtomicBool::new(false);
    let told: Vec<(String, String)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..24)
            .map(|_| {
                let (w, stopping) = (&w, &stopping);
                scope.spawn(move || {
                    let mut told = Vec::new();
                    while let Ok(mut conn) = Conn::open(w.server.address) {
                        loop {
                            let ask = w.book("ann", "hall", "10:00-11:00", 1);
                            let key = ask.headers.iter().find(|(n, _)| n == "idempotency-key").unwrap().1.clone();
                            let reply = conn.send(&ask);
                            match reply {
                                Ok(reply) => {
                                    let last = reply.header("connection") == Some("close");
                                    told.push((key, reply.told()));
                                    if last {
                                        break;
                                    }
                                }
                                // Refused cleanly: the server had said that it stops, and took nothing more on this connection.
                                Err(e) => {
                                    assert!(stopping.load(Relaxed), "cut before the stop: {e}");
                                    told.push((key, "closed".into()));
                                    break;
                                }
                            }
                        }
                        if stopping.load(Relaxed) {
                            break;
                        }
                    }
                    told
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(400));
        stopping.store(true, Relaxed);
        w.server.terminate();
        clients.into_iter().flat_map(|c| c.join().unwrap()).collect()
    });
    let ended = w.server.ended_within(Duration::from_secs(10));
    assert!(ended.is_some_and(|s| s.success()), "{ended:?}");
    w.start_again();
    let (mut booked, mut closed) = (0, 0);
    for (key, told) in told {
        let attempt = w.get("ann", &format!("/api/attempts/{key}"));
        match told.as_str() {
            "201 BOOKED" => assert_eq!(attempt.json()["outcome"], "BOOKED", "{key}"),
            "closed" => {
                assert_eq!(attempt.json()["state"], "unknown", "{key} was carried out and its answer cut off");
                closed += 1;
            }
            other => assert!(other.starts_with("503 "), "{key}: {other}"),
        }
        booked += usize::from(attempt.json()["outcome"] == "BOOKED");
        assert!(attempt.json()["state"] != "in_progress");
    }
    assert_eq!(w.bookings_on("hall").len(), booked, "every booking belongs to an attempt, and none is lost");
    assert!(booked > 0);
    println!("{booked} booked, {closed} connections closed unanswered");
}

#[test]
fn idle_connections_do_not_delay_a_stop() {
    let mut w = World::new(&["ann"]);
    let mut idle: Vec<Conn> = (0..20).map(|_| Conn::open(w.server.address).unwrap()).collect();
    for conn in idle.iter_mut().take(10) {
        assert_eq!(conn.send(&Ask::get("/healthz")).unwrap().status, 200);
    }
    let since = Instant::now();
    w.server.terminate();
    let ended = w.server.ended_within(Duration::from_secs(10));
    assert!(ended.is_some_and(|s| s.success()), "{ended:?} after {:?}", since.elapsed());
    println!("stopped in {:?} with 20 idle connections", since.elapsed());
}

#[test]
fn a_server_with_as_many_connections_as_it_may_have_still_stops() {
    let mut w = World::with(&["ann"], &["--connections-max", "3"]);
    // Each waits for the rest of a body that does not come.
    let stalled =
        b"POST /api/demo/sign-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    let mut busy: Vec<Conn> = (0..3).map(|_| Conn::open(w.server.address).unwrap()).collect();
    busy.iter_mut().for_each(|c| c.write_raw(stalled).unwrap());
    thread::sleep(Duration::from_millis(300));
    w.server.terminate();
    let ended = w.server.ended_within(Duration::from_secs(12));
    assert!(ended.is_some_and(|s| s.success()), "asked to stop, it went on: {ended:?}");
}

#[test]
fn sockets_are_told_of_a_stop() {
    let mut w = World::new(&["ann"]);
    let mut node = Node::start();
    node.connect(&w, "live", "ann", &["websocket"]);
    node.connect(&w, "poll", "ann", &["polling"]);
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(10)).is_some_and(|s| s.success()));
    for name in ["live", "poll"] {
        let reason = node.event(name, "$disconnected")["reason"].clone();
        println!("{name}: {reason}");
    }
}

#[test]
fn a_second_server_on_the_same_data_refuses_to_start() {
    let mut w = World::new(&["ann"]);
    let second = Server::try_start(&w.home, &[]);
    assert!(second.is_err(), "a second one started");
    assert_eq!(w.get("ann", "/api/me").status, 200, "the first is unharmed");
    // The lock does not survive its holder, however it ended.
    w.kill_and_start_again();
    assert_eq!(w.get("ann", "/api/me").status, 200);
}

#[test]
fn a_stopped_server_starts_again_where_it_was() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check("ann POST /api/bookings room 10:00-11:00 key a as b -> 201 BOOKED");
    let before = w.read("ann", &format!("/api/bookings/{}", w.id_of("b")));
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(10)).is_some_and(|s| s.success()));
    w.start_again();
    let after = w.read("ann", &format!("/api/bookings/{}", w.id_of("b")));
    assert_eq!((&before["created_at"], &before["revision"]), (&after["created_at"], &after["revision"]));
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a  -> 200 BOOKED replayed
         bob POST /api/bookings room 10:00-11:00        -> 409 REJECTED full",
    );
    w.sweep();
}

#[test]
fn a_demo_is_refused_on_other_than_loopback() {
    let home = Home::new();
    let refused = Server::try_start(&home, &["--demo", "--host", "0.0.0.0"]);
    assert!(refused.is_err());
}
