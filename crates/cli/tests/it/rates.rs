//! How fast people and addresses may ask, what they are told of it, and whose word about an address counts.
//! Being limited leaves no trace: the key stays free.

use crate::harness::{Ask, Reply, World};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

fn limited(replies: &[Reply]) -> Vec<&Reply> {
    replies.iter().filter(|r| r.status == 429).collect()
}

#[test]
fn nobody_may_ask_without_end() {
    let mut w = World::with(&["ann", "bob"], &["--rate-limit", "5/s,20"]);
    w.hall("hall", 1_000);
    let asks: Vec<_> = (0..60).map(|_| w.book("ann", "hall", "10:00-11:00", 1)).collect();
    let since = Instant::now();
    let replies = w.race(&asks);
    let refused = limited(&replies);
    // Twenty at once, and five for each second that it took.
    let allowed = 20 + usize::try_from(5 * (since.elapsed().as_secs() + 1)).unwrap();
    assert!(refused.len() <= 40 && refused.len() + allowed >= 60, "{} of 60", refused.len());
    assert!(!refused.is_empty(), "60 attempts took {:?}", since.elapsed());
    for reply in &refused {
        assert_eq!(reply.told(), "429 rate_limited", "{}", reply.text());
        assert_eq!(reply.json()["outcome"], json!(null));
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(reply.header("ratelimit-policy"), Some("\"attempts\";q=20;w=4"));
        assert_eq!(reply.header("ratelimit"), Some("\"attempts\";r=0;t=1"));
    }
    let booked = replies.iter().filter(|r| r.told() == "201 BOOKED").count();
    assert_eq!((w.bookings_on("hall").len(), booked), (booked, 60 - refused.len()));
    let other = w.send(&w.book("bob", "hall", "10:00-11:00", 1));
    assert_eq!(other.told(), "201 BOOKED", "others are not slowed down");
    assert_eq!(other.header("ratelimit"), Some("\"attempts\";r=19;t=1"));
    // The key was not used up, and no attempt is known.
    let turned_away = asks.iter().zip(&replies).find(|(_, r)| r.status == 429).unwrap().0;
    let key = &turned_away.headers.iter().find(|(n, _)| n == "idempotency-key").unwrap().1;
    assert_eq!(w.get("ann", &format!("/api/attempts/{key}")).json()["state"], "unknown");
    thread::sleep(Duration::from_secs(1));
    assert_eq!(w.send(turned_away).told(), "201 BOOKED");
    // Reading is not limited so.
    assert!((0..100).all(|_| w.get("ann", "/api/me").status == 200));
}

#[test]
fn what_limits_is_what_is_told() {
    let w = World::with(&[], &["--rate-limit-address", "500/s,1000"]);
    // Each counts for the address too, which has many left.
    let sign_in = Ask::post("/api/session").json(&json!({ "email": "nobody@example.edu", "password": "a wrong one" }));
    let limited = (0..20).map(|_| w.send(&sign_in)).find(|reply| reply.status == 429).unwrap();
    let told = limited.header("ratelimit").unwrap();
    assert!(told.starts_with("\"sign-in\";r=0"), "{told}");
}

#[test]
fn a_limit_is_by_role() {
    let flags = ["--rate-limit", "1/s,3", "--rate-limit-admin", "off"];
    let mut w = World::with(&["ann"], &flags);
    w.hall("hall", 1_000);
    let burst = |who: &str| -> Vec<Reply> {
        let asks: Vec<_> = (0..30).map(|_| w.book(who, "hall", "10:00-11:00", 1)).collect();
        w.race(&asks)
    };
    assert!(limited(&burst("root")).is_empty());
    assert!(limited(&burst("ann")).len() >= 20);
}

/// Asks without an identity.
fn stranger(w: &World, forwarded: Option<&str>) -> u16 {
    let ask = Ask::get("/api/me").header("authorization", "Bearer nonsense");
    let ask = forwarded.into_iter().fold(ask, |ask, f| ask.header("x-forwarded-for", f));
    w.send(&ask).status
}

#[test]
fn who_is_nobody_is_limited_by_address_and_others_there_are_not() {
    let mut w = World::with(&["ann"], &["--rate-limit-address", "1/s,10"]);
    w.room("room");
    let since = Instant::now();
    let told: Vec<u16> = (0..30).map(|_| stranger(&w, None)).collect();
    assert_eq!(told[..10], [401; 10]);
    let refused = told.iter().filter(|s| **s == 429).count();
    assert!(refused > 0 && refused + 11 + since.elapsed().as_secs() as usize >= 30, "{told:?}");
    let reply = w.send(&Ask::get("/api/me"));
    assert_eq!(reply.told(), "429 rate_limited");
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.header("ratelimit-policy"), Some("\"address\";q=10;w=10"));
    // Nobody escapes by saying that they are somebody else, and opening sockets counts.
    assert!((0..5).any(|n| stranger(&w, Some(&format!("203.0.113.{n}"))) == 429));
    assert!((0..5).any(|_| w.send(&Ask::get("/socket.io/?EIO=4&transport=polling")).status == 429));
    // Whoever has a key works on from the same address, and so does the operator.
    assert_eq!(w.send(&w.book("ann", "room", "10:00-11:00", 1)).told(), "201 BOOKED");
    assert_eq!(w.send(&Ask::get("/healthz")).status, 200);
    assert_eq!(w.send(&Ask::get("/")).status, 200);
}

#[test]
fn behind_a_trusted_proxy_each_client_is_limited_apart() {
    let flags = ["--rate-limit-address", "1/s,5", "--trusted-proxy", "127.0.0.1,10.0.0.0/8"];
    let w = World::with(&[], &flags);
    let burst = |from: &str| (0..12).filter(|_| stranger(&w, Some(from)) == 429).count();
    assert!(burst("203.0.113.1") >= 4);
    assert_eq!(stranger(&w, Some("203.0.113.2")), 401, "another client of the same proxy");
    // What a client writes itself stands further out than what the proxies add.
    assert_eq!(stranger(&w, Some("198.51.100.9, 203.0.113.1, 10.1.2.3")), 429);
    // One customer's IPv6 network is one.
    assert!(burst("2001:db8:1:1::1") >= 4);
    assert_eq!(stranger(&w, Some("2001:db8:1:1:ffff::2")), 429);
    assert_eq!(stranger(&w, Some("2001:db8:1:2::1")), 401);
}

#[test]
fn a_demo_cannot_be_signed_in_to_without_end() {
    let w = World::with(&[], &["--demo", "--rate-limit-address", "1/s,5"]);
    let body = json!({ "person": Uuid::nil() });
    let told: Vec<u16> = (0..12).map(|_| w.send(&Ask::post("/api/demo/sign-in").json(&body)).status).collect();
    assert_eq!(told[..5], [404; 5]);
    assert!(told.contains(&429), "{told:?}");
}
