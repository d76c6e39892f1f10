//! Sockets that are connected and do not read: bounded, let go, and nobody else notices.
//! A WebSocket by hand over a narrow pipe, since no client library stops reading.

use crate::harness::node::Node;
use crate::harness::{Ask, Conn, World};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// So many are connected and do not read.
const SLOW: usize = 20;
/// Events to each of them: more than its buffers hold.
const BURSTS: usize = 30;

/// A text frame as a client sends it: masked, here with zeros.
fn frame(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short @ 0..=125) => bytes.push(0x80 | short),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(text.as_bytes());
    bytes
}

/// Connects, subscribes, and reads no more.
fn stalled(w: &World, who: &str, room: &str) -> Conn {
    let mut conn = Conn::open_narrow(w.server.address).unwrap();
    let ask = Ask::get("/socket.io/?EIO=4&transport=websocket").header("connection", "Upgrade");
    let ask = ask.header("upgrade", "websocket").header("sec-websocket-version", "13");
    conn.write(&ask.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
    conn.read_until("pingInterval").unwrap();
    conn.write_raw(&frame(&format!("40{}", json!({ "token": w.token(who) })))).unwrap();
    conn.read_until("40{").unwrap();
    let subscribe = json!(["subscribe", { "resources": [{ "id": w.id(room) }] }]);
    conn.write_raw(&frame(&format!("420{subscribe}"))).unwrap();
    conn.read_until("430").unwrap();
    conn
}

#[test]
fn websockets_that_do_not_read_are_let_go_and_cost_little() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 100_000);
    let mut node = Node::start();
    node.connect(&w, "healthy", "bob", &["websocket"]);
    node.subscribe("healthy", w.id("hall"), None);
    let before = w.server.memory_kib();
    let stalled: Vec<Conn> = (0..SLOW).map(|_| stalled(&w, "bob", "hall")).collect();
    let mut bursts = 0;
    while w.metric("slotwise_resyncs_total", "slow") < SLOW as f64 {
        assert!(bursts < BURSTS * 10, "{} of {SLOW} were let go", w.metric("slotwise_resyncs_total", "slow"));
        let asks: Vec<Ask> = (0..100).map(|_| w.book("ann", "hall", "10:00-11:00", 1)).collect();
        assert!(w.race(&asks).iter().all(|r| r.told() == "201 BOOKED"));
        bursts += 1;
    }
    let grown = w.server.memory_kib().saturating_sub(before);
    // What waits for all of them, and what is booked meanwhile.
    assert!(grown < 100 * 1_024, "{grown} KiB for {SLOW} slow sockets");
    let created = |l: &&Value| l["event"] == "bookingCreated";
    let (mut took, mut heard) = (Vec::new(), node.rest(Duration::from_secs(1)).iter().filter(created).count());
    for _ in 0..100 {
        let since = Instant::now();
        let id = w.booked("ann", "hall", "10:00-11:00", 1);
        let told = node.wait(Duration::from_secs(10), |l| l["data"]["booking"]["id"] == id.as_str());
        assert!(told.is_some(), "the healthy one hears nothing any more");
        took.push(since.elapsed());
        heard += 1;
    }
    took.sort();
    println!("{bursts} bursts, {grown} KiB for {SLOW} slow sockets; healthy: p50 {:?}, p99 {:?}", took[50], took[98]);
    assert_eq!(heard, bursts * 100 + 100, "the healthy one heard everything");
    assert!(took[98] < Duration::from_millis(500), "p99 {:?}", took[98]);
    drop(stalled);
}
