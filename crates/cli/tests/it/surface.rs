//! The door: who is let in, what a browser may do, what operators and programs read about the server.
//! Every documented address answers, and nothing else does.

use crate::harness::server::slotwise;
use crate::harness::{Ask, Conn, World};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Method and path of everything that is documented, with ids of nothing in the paths.
fn documented() -> Vec<(String, String)> {
    let printed = slotwise(&["openapi"]).output().unwrap();
    assert!(printed.status.success());
    let document: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let filled =
            ["{id}", "{key}", "{block}"].iter().fold(path.clone(), |p, name| p.replace(name, &Uuid::nil().to_string()));
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), filled.clone())).collect::<Vec<_>>()
    });
    operations.collect()
}

#[test]
fn openapi_is_as_kept_in_the_repository_else_run_cargo_xtask_openapi() {
    let printed = slotwise(&["openapi"]).output().unwrap();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/openapi.json");
    let kept = std::fs::read_to_string(kept).expect("crates/server/openapi.json: cargo xtask openapi makes it");
    assert!(
        String::from_utf8(printed.stdout).unwrap() == kept,
        "the API has changed: run cargo xtask openapi and look at the difference"
    );
}

#[test]
fn every_documented_address_answers_and_the_served_document_is_the_printed_one() {
    let w = World::new(&["ann"]);
    let operations = documented();
    assert!(operations.len() >= 30, "{operations:?}");
    for (method, path) in &operations {
        let ask = || Ask::new(method, path).by(w.token("root")).key(Uuid::now_v7());
        let plain = w.send(&ask());
        assert!(![405, 500, 501].contains(&plain.status), "{method} {path}: {}", plain.told());
        // Asked with a body and a version, it is either done, refused with a reason, or tells that there is no such thing.
        let full = w.send(&ask().header("if-match", "1").json(&json!({})));
        assert!(full.status < 500 && ![405, 501].contains(&full.status), "{method} {path}: {}", full.told());
        if full.status >= 400 {
            let known_missing = full.status == 404 && !full.text().contains("endpoint");
            assert!(known_missing || full.status != 404, "{method} {path}: {}", full.text());
            let problem = full.json();
            if !path.starts_with("/api/attempts") {
                assert_eq!(full.header("content-type"), Some("application/problem+json"), "{method} {path}");
                assert_eq!(problem["status"], full.status, "{method} {path}: {problem}");
                assert!(problem["detail"].as_str().is_some_and(|d| !d.is_empty()), "{method} {path}: {problem}");
            }
        }
    }
    let printed: Value = serde_json::from_slice(&slotwise(&["openapi"]).output().unwrap().stdout).unwrap();
    assert_eq!(w.send(&Ask::get("/api/openapi.json")).json(), printed);
    assert_eq!(printed["openapi"], "3.1.0");
}

#[test]
fn nothing_is_told_without_a_key() {
    let w = World::new(&["ann"]);
    // What is for demos only is not there at all.
    let public = ["/healthz", "/readyz", "/metrics", "/api/checkpoint"];
    // The entrance, which `matrix.rs` and `doors.rs` try.
    let entrance =
        ["/api/doors", "/api/setup", "/api/session", "/api/password-reset", "/api/oidc/", "/api/invitations/"];
    let open = |path: &str| {
        public.contains(&path) || path.starts_with("/api/demo/") || entrance.iter().any(|e| path.starts_with(e))
    };
    for (method, path) in documented().iter().filter(|(_, p)| !open(p)) {
        for bearer in [None, Some("Bearer "), Some("Bearer nonsense"), Some("Basic YTpi"), Some("slw_1")] {
            let ask = Ask::new(method, path).key(Uuid::now_v7()).header("if-match", "1").json(&json!({}));
            let ask = bearer.into_iter().fold(ask, |ask, b| ask.header("authorization", b));
            let reply = w.send(&ask);
            assert_eq!(reply.told(), "401 unauthenticated", "{method} {path} with {bearer:?}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    // A demo's cookie is nothing where there is no demo, and nothing says who could be chosen.
    assert_eq!(w.send(&Ask::get("/api/me").header("cookie", "slotwise_demo=x")).told(), "401 unauthenticated");
    for (method, path) in documented().iter().filter(|(_, p)| p.starts_with("/api/demo/")) {
        assert_eq!(
            w.send(&Ask::new(method, path).json(&json!({ "person": Uuid::nil() }))).told(),
            "404 not_found",
            "{path}"
        );
    }
    let sign_in = Ask::post("/api/demo/sign-in").json(&json!({ "person": w.person("root").id }));
    assert_eq!(w.send(&sign_in).told(), "404 not_found");
    // Identity comes from the key and from nowhere else.
    let me = Ask::get("/api/me")
        .by(w.token("ann"))
        .header("x-user", &w.person("root").id)
        .header("x-forwarded-user", "root");
    assert_eq!(w.send(&me).json()["name"], "ann");
    let me = w.read("root", "/api/me");
    assert_eq!((&me["role"], &me["demo"]), (&json!("admin"), &json!(false)));
}

#[test]
fn unknown_addresses_and_methods_are_told_so() {
    let w = World::new(&["ann"]);
    for path in ["/api/nothing", "/api/bookings/x/y/z", "/api/../etc/passwd"] {
        let reply = w.get("ann", path);
        assert_eq!(reply.told(), "404 not_found", "{path}: {}", reply.text());
    }
    for (method, path) in
        [("DELETE", "/api/bookings"), ("PUT", "/api/resources"), ("POST", "/api/search"), ("PATCH", "/api/holds")]
    {
        let reply = w.send(&w.change("ann", method, path));
        assert_eq!(reply.told(), "405 method_not_allowed", "{method} {path}");
    }
}

#[test]
fn the_root_of_the_api_is_no_page() {
    let w = World::new(&["ann"]);
    for path in ["/api", "/api/"] {
        let reply = w.get("ann", path);
        assert_eq!(reply.told(), "404 not_found", "{path}: {}", reply.header("content-type").unwrap_or_default());
    }
}

#[test]
fn every_answer_carries_the_security_headers() {
    let w = World::new(&["ann"]);
    let answers = [
        w.get("ann", "/api/me"),
        w.send(&Ask::get("/api/me")),
        w.get("ann", "/api/nothing"),
        w.send(&Ask::get("/healthz")),
        w.send(&Ask::get("/")),
        w.send(&Ask::get("/socket.io/?EIO=4&transport=polling")),
    ];
    for reply in answers {
        let csp = reply.header("content-security-policy").unwrap_or_default();
        assert!(
            csp.contains("default-src 'self'") && csp.contains("frame-ancestors 'none'"),
            "{}: {csp}",
            reply.status
        );
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("same-origin"));
        assert_eq!(reply.header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
}

#[test]
fn another_sites_page_cannot_change_anything() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let post = || w.book("ann", "room", "10:00-11:00", 1);
    let ours = w.server.url();
    for (origin, site) in
        [("http://evil.example", Some("cross-site")), ("http://evil.example", None), ("null", Some("cross-site"))]
    {
        let ask = post().header("origin", origin);
        let ask = site.into_iter().fold(ask, |ask, s| ask.header("sec-fetch-site", s));
        let reply = w.send(&ask);
        assert_eq!(reply.status, 403, "{origin} {site:?}: {}", reply.text());
        let cancel =
            w.cancel("ann", &Uuid::nil().to_string()).header("origin", origin).header("sec-fetch-site", "cross-site");
        assert_eq!(w.send(&cancel).status, 403, "{origin}");
    }
    assert!(w.bookings_on("room").is_empty());
    // Our own page may, and so may a program, which sends neither.
    assert_eq!(w.send(&post().header("origin", &ours).header("sec-fetch-site", "same-origin")).told(), "201 BOOKED");
    assert_eq!(w.send(&w.book("ann", "room", "11:00-12:00", 1)).told(), "201 BOOKED");
}

#[test]
fn a_demo_serves_this_machine_only() {
    let w = World::with(&[], &["--demo"]);
    let port = w.server.address.port();
    let people = Ask::get("/api/demo/people");
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "192.168.1.7:80".into(),
        format!("127.0.0.1.evil.example:{port}"),
    ] {
        let reply = w.send(&people.clone().header("host", &host));
        assert_eq!(reply.told(), "421 loopback_only", "{host}");
        assert_eq!(w.send(&Ask::get("/").header("host", &host)).status, 421, "{host}");
    }
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}")] {
        assert_eq!(w.send(&people.clone().header("host", &host)).status, 200, "{host}");
    }
    let told = w.send(&people).json();
    let names: Vec<&str> = told["items"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 7, "those of the demo and nobody with a key: {names:?}");
    assert!(names.contains(&"Teacher A") && names.contains(&"Teacher B"), "{names:?}");
}

#[test]
fn a_demo_lets_anybody_choose_who_to_be_and_stop_being_it() {
    let w = World::with(&[], &["--demo"]);
    let people = w.send(&Ask::get("/api/demo/people")).json();
    let teacher = people["items"].as_array().unwrap().iter().find(|p| p["name"] == "Teacher A").unwrap().clone();
    let sign_in = Ask::post("/api/demo/sign-in").json(&json!({ "person": teacher["id"] }));
    // Not from elsewhere.
    let foreign = sign_in.clone().header("origin", "http://evil.example").header("sec-fetch-site", "cross-site");
    assert_eq!(w.send(&foreign).status, 403);
    let signed_in = w.send(&sign_in);
    let cookie = signed_in.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let me = w.send(&Ask::get("/api/me").header("cookie", &cookie));
    assert_eq!((&me.json()["name"], &me.json()["demo"]), (&json!("Teacher A"), &json!(true)));
    assert_eq!(w.send(&Ask::post("/api/demo/sign-out").header("cookie", &cookie)).status, 204);
    assert_eq!(w.send(&Ask::get("/api/me").header("cookie", &cookie)).told(), "401 unauthenticated");
    let nobody = Ask::post("/api/demo/sign-in").json(&json!({ "person": Uuid::nil() }));
    assert_eq!(w.send(&nobody).told(), "404 not_found");
}

#[test]
fn operators_read_health_and_metrics() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    for path in ["/healthz", "/readyz"] {
        let reply = w.send(&Ask::get(path));
        assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("ok")), "{path}");
    }
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a  -> 201 BOOKED
         ann POST /api/bookings room 10:00-11:00 key a  -> 200 BOOKED replayed
         bob POST /api/bookings room 10:00-11:00        -> 409 REJECTED full
         bob POST /api/holds room 11:00-12:00           -> 201 ACCEPTED
         ann POST /api/holds room 11:00-12:00           -> 409 REJECTED held_by_other",
    );
    assert_eq!(w.metric("slotwise_attempts_total", "outcome=\"BOOKED\""), 1.0);
    assert_eq!(w.metric("slotwise_attempts_total", "code=\"full\""), 1.0);
    assert_eq!(w.metric("slotwise_attempts_total", "code=\"held_by_other\""), 1.0);
    assert_eq!(w.metric("slotwise_replays_total", "command=\"book\""), 1.0);
    assert_eq!(w.metric("slotwise_holds_total", "granted"), 1.0);
    assert_eq!(w.metric("slotwise_holds_total", "denied"), 1.0);
    for name in ["slotwise_attempt_seconds_count", "slotwise_queue_wait_seconds_count"] {
        assert!(w.metric(name, "") > 0.0, "{name}");
    }
    let executions = w.metric("slotwise_attempts_total", "") + w.metric("slotwise_replays_total", "");
    let tries = w.metric("slotwise_commit_tries_total", "");
    assert!(tries > 0.0 && tries <= executions, "at most one commit try per execution: {tries} of {executions}");
    // An admin may say that the clock is right; nobody else may.
    assert_eq!(w.send(&w.change("ann", "POST", "/api/clock/accept")).told(), "403 not_allowed");
    assert_eq!(w.send(&w.change("root", "POST", "/api/clock/accept")).status, 204);
}

#[test]
fn clients_that_stall_are_cut_off() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let patience = Duration::from_secs(40);
    let stall = |bytes: &[u8]| {
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write_raw(bytes).unwrap();
        conn
    };
    let whole = w.book("ann", "room", "10:00-11:00", 1).bytes(w.server.address);
    let mut stalled = [("head", stall(b"GET /healthz HTTP/1.1\r\nhost: ")), ("body", stall(&whole[..whole.len() - 9]))];
    let since = Instant::now();
    for (what, conn) in &mut stalled {
        // Whether it is told first or not: in the end nobody is served who sends nothing.
        let ended = conn.ended_within(patience.saturating_sub(since.elapsed()));
        assert!(ended, "a client that stalls in its {what} is served for ever");
        println!("{what}: cut off after {:?}", since.elapsed());
    }
    assert!(w.bookings_on("room").is_empty());
}
