//! The log: one line for each request, with what an operator needs and nothing that is nobody's business.
//! Secrets, names and what people write are looked for in it, and must not be there.

use crate::harness::{Ask, World};
use serde_json::{Value, json};

const SECRET_TITLE: &str = "Quarrel with the dean";

fn world() -> World {
    let mut w = World::with(&["ann", "bob"], &["--log-format", "json", "--trusted-proxy", "127.0.0.1"]);
    w.room("room");
    w
}

/// The lines of requests, and the whole log, once a request with this id is in it.
fn requests(w: &World, last: &str) -> (Vec<Value>, String) {
    let log = w.server.log_with(&format!("\"id\":\"{last}\""));
    let lines: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    (lines.into_iter().filter(|l| l["target"] == "slotwise::request").collect(), log)
}

#[test]
fn each_request_is_one_line_with_its_outcome_and_no_secrets() {
    let w = world();
    let (start, end) = w.span("10:00-11:00");
    let line = json!({ "resource": w.id("room"), "start": start, "end": end });
    let body = json!({ "lines": [line], "title": SECRET_TITLE });
    let book = |who: &str, id: &str| {
        let ask = w.change(who, "POST", "/api/bookings").header("x-request-id", id);
        w.send(&ask.header("x-forwarded-for", "203.0.113.7").json(&body))
    };
    assert_eq!(book("ann", "first").told(), "201 BOOKED");
    assert_eq!(book("bob", "second").told(), "409 REJECTED full");
    w.send(
        &Ask::get("/api/me?token=slw_hidden")
            .header("authorization", "Bearer slw_wrong")
            .header("x-request-id", "third"),
    );
    w.send(&Ask::get("/api/hidden-path").header("x-request-id", "fourth"));
    w.send(&Ask::get("/healthz").header("x-request-id", "unseen"));
    w.send(&w.cancel("ann", &uuid::Uuid::nil().to_string()).header("x-request-id", "last"));
    let (lines, log) = requests(&w, "last");
    let of = |id: &str| {
        let mut found = lines.iter().filter(|l| l["span"]["id"] == id);
        let line = found.next().unwrap_or_else(|| panic!("{id} is not logged"));
        assert!(found.next().is_none(), "{id} is logged twice");
        line
    };
    let told = |id: &str| {
        let line = of(id);
        assert!(line["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
        (
            line["method"].clone(),
            line["route"].clone(),
            line["status"].clone(),
            line["outcome"].clone(),
            line["code"].clone(),
        )
    };
    let null = Value::Null;
    let post = |route: &str, status, outcome: &str, code: Value| {
        (json!("POST"), json!(route), json!(status), json!(outcome), code)
    };
    assert_eq!(told("first"), post("/api/bookings", 201, "BOOKED", null.clone()));
    assert_eq!(told("second"), post("/api/bookings", 409, "REJECTED", json!("full")));
    assert_eq!(told("third"), (json!("GET"), json!("/api/me"), json!(401), null.clone(), json!("unauthenticated")));
    assert_eq!(told("fourth"), (json!("GET"), json!("/api/{*rest}"), json!(404), null, json!("not_found")));
    assert_eq!(told("last"), post("/api/bookings/{id}/cancel", 404, "REJECTED", json!("not_found")));
    assert_eq!((&of("first")["person"], &of("first")["client"]), (&json!(w.person("ann").id), &json!("203.0.113.7")));
    assert!(of("third")["person"].is_null());
    assert!(!lines.iter().any(|l| l["span"]["id"] == "unseen"), "what monitors ask every second is not logged");
    let token = w.token("ann");
    for secret in [token, "slw_", "Bearer", SECRET_TITLE, "hidden", "\"ann\"", "Quarrel"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_request_has_the_id_it_brings_if_that_is_one() {
    let w = world();
    let id = |given: Option<&str>| {
        let ask = given.into_iter().fold(Ask::get("/healthz"), |ask, id| ask.header("x-request-id", id));
        w.send(&ask).header("x-request-id").unwrap().to_owned()
    };
    let long = "x".repeat(65);
    assert_eq!(id(Some("9a3f-b.c_D:1")), "9a3f-b.c_D:1");
    for insane in [None, Some(""), Some("a b"), Some("a\"b"), Some("a\tb"), Some("ä"), Some(&long)] {
        assert!(id(insane).parse::<uuid::Uuid>().is_ok(), "{insane:?}");
    }
    assert_ne!(id(None), id(None));
}

#[test]
fn what_is_logged_can_be_chosen_and_a_filter_that_makes_no_sense_is_refused() {
    let w = World::with(&["ann"], &["--log-format", "json", "--log-filter", "warn,slotwise::request=debug"]);
    w.send(&Ask::get("/healthz").header("x-request-id", "seen"));
    let log = w.server.log_with("/healthz");
    assert!(!log.contains("\"serving\""), "{log}");
    let home = crate::harness::Home::new();
    let refused = crate::harness::Server::try_start(&home, &["--log-filter", "slotwise=loudly"]).err().unwrap();
    assert!(refused.contains("log-filter"), "{refused}");
}
