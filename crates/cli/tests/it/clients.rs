//! What stock clients send beside what the documents show: heads, schemes in other cases, weak tags, no bodies, nanoseconds.
//! Whatever is meant plainly is understood, and what could mean two things is refused with its field.

use crate::harness::{Ask, Conn, World};
use serde_json::json;
use uuid::Uuid;

#[test]
fn the_head_of_an_answer_is_read_as_the_answer_is_and_nobody_keeps_it() {
    let mut w = World::new(&["ann"]);
    let room = w.room("room");
    for (who, path, status) in [
        ("ann", format!("/api/resources/{room}"), "200"),
        ("ann", "/api/bookings?owner=me".to_owned(), "200"),
        ("ann", "/api/audit".to_owned(), "403"),
        ("root", "/api/audit".to_owned(), "200"),
        ("ann", format!("/api/resources/{}", Uuid::nil()), "404"),
    ] {
        let whole = w.get(who, &path);
        assert_eq!(whole.status.to_string(), status, "{who} {path}: {}", whole.text());
        assert_eq!(whole.header("cache-control"), Some("no-store"), "{path}");
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write(&Ask::new("HEAD", &path).by(w.token(who))).unwrap();
        let head = String::from_utf8(conn.read_until("\r\n\r\n").unwrap()).unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{who} {path}: {head}");
        assert_eq!(head.contains("etag:"), whole.header("etag").is_some(), "{who} {path}: {head}");
    }
}

#[test]
fn a_scheme_is_the_same_in_any_case_and_a_secret_is_not() {
    let w = World::new(&["ann"]);
    let token = w.token("ann");
    for (said, status) in [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (format!("BEARER  {token}"), 200),
        (format!("Bearer {}", token.to_uppercase()), 401),
        (format!("Bearer{token}"), 401),
        (format!("Basic {token}"), 401),
        ("Bearer".to_owned(), 401),
        (token.to_owned(), 401),
    ] {
        let reply = w.send(&Ask::get("/api/me").header("authorization", said.as_str()));
        assert_eq!(reply.status, status, "{said}: {}", reply.text());
    }
}

#[test]
fn keys_and_tags_are_understood_as_they_come_and_never_two_of_them() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let key = Uuid::now_v7();
    let (start, end) = w.span("10:00-11:00");
    let body = json!({ "lines": [{ "resource": w.id("room"), "start": start, "end": end }] });
    let book = |key: &str| Ask::post("/api/bookings").by(w.token("ann")).header("idempotency-key", key).json(&body);
    assert_eq!(w.send(&book(&format!("\"{key}\""))).told(), "201 BOOKED", "as the draft of the header has it");
    assert_eq!(w.send(&book(&key.to_string().to_uppercase())).told(), "200 BOOKED replayed", "the same attempt again");
    for other in [format!("\"{key}"), format!("{key}\""), format!("\"\"{key}\"\""), "\"\"".to_owned(), String::new()] {
        assert_eq!(w.send(&book(&other)).told(), "422 key_invalid", "{other}");
    }
    // Two may be read otherwise by a proxy than by us.
    let two = w.send(&book(&key.to_string()).header("idempotency-key", Uuid::now_v7().to_string()));
    assert_eq!(two.told(), "422 key_invalid", "{}", two.text());

    let booking = w.read("ann", "/api/bookings?owner=me")["items"][0]["id"].as_str().unwrap().to_owned();
    let edit = |tags: &[&str]| {
        let ask = w.change("ann", "PATCH", &format!("/api/bookings/{booking}")).json(&json!({ "title": "Maths" }));
        w.send(&tags.iter().fold(ask, |ask, tag| ask.header("if-match", *tag))).told()
    };
    // A proxy that packs answers makes every tag a weak one.
    assert_eq!(edit(&["W/\"1\""]), "200 ACCEPTED");
    assert_eq!(edit(&["W/\"1\""]), "412 FAILED version_stale");
    assert_eq!(edit(&["2"]), "200 ACCEPTED");
    for tags in [&["*"][..], &["\"3\", \"4\""], &["\"3\"", "\"3\""], &["\"e1-v3\""], &["\"\""]] {
        assert_eq!(edit(tags), "422 malformed", "{tags:?}");
    }
    assert_eq!(edit(&[]), "428 if_match_missing");
}

#[test]
fn a_body_that_may_be_left_out_may_be_empty() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    for kind in [None, Some(("application/json", "")), Some(("text/plain", "")), Some(("application/json", "{}"))] {
        let booking = w.booked("ann", "room", "10:00-11:00", 1);
        let ask = w.change("ann", "POST", &format!("/api/bookings/{booking}/cancel"));
        let told = w.send(&kind.into_iter().fold(ask, |ask, (kind, body)| ask.raw(kind, body))).told();
        assert_eq!(told, "200 ACCEPTED", "{kind:?}");
    }
    // What is there is read.
    let booking = w.booked("ann", "room", "10:00-11:00", 1);
    let cancel = || w.change("ann", "POST", &format!("/api/bookings/{booking}/cancel"));
    assert_eq!(w.send(&cancel().raw("text/plain", "ill")).told(), "415 not_json");
    assert_eq!(w.send(&cancel().raw("application/json", "null")).told(), "422 malformed");
    // Nobody else's goes without a word, and no series by saying nothing.
    let by_root = w.send(&w.change("root", "POST", &format!("/api/bookings/{booking}/cancel")));
    assert_eq!(by_root.told(), "422 REJECTED invalid");
    assert_eq!(by_root.json()["errors"][0]["field"], "reason", "{}", by_root.text());
    let series = w.send(&w.change("ann", "POST", &format!("/api/series/{}/cancel", Uuid::nil())));
    assert_eq!(series.told(), "415 not_json");
}

#[test]
fn what_is_at_fault_is_named() {
    let mut w = World::new(&["ann"]);
    let room = w.room("room");
    let fault = |reply: crate::harness::Reply| {
        let errors = reply.json()["errors"].clone();
        let fields = errors.as_array().cloned().unwrap_or_default();
        let named: Vec<String> =
            fields.iter().map(|e| format!("{} {}", e["field"], e["code"]).replace('"', "")).collect();
        format!("{} {}", reply.status, named.join(", "))
    };
    let sent = |body: &str| fault(w.send(&w.change("ann", "POST", "/api/bookings").raw("application/json", body)));
    assert_eq!(sent("{}"), "422 lines missing");
    assert_eq!(sent(r#"{"lines":[{"start":"2027-03-01T10:00"}]}"#), "422 lines[0].resource missing");
    assert_eq!(sent(r#"{"lines":[],"lines":[]}"#), "422 lines not_understood");
    assert_eq!(sent(r#"{"lines":[],"Lines":[]}"#), "422 Lines not_understood");
    assert_eq!(sent("null"), "422 body not_understood");
    // It is JSON, and neither of the two forms that a guest has.
    assert_eq!(sent(r#"{"lines":[],"guests":[{"name":"A","person":null}]}"#), "422 guests[0] not_understood");
    assert_eq!(sent(r#"{"lines":[],"guests":[{}]}"#), "422 guests[0] not_understood");
    assert_eq!(sent(r#"{"lines":[],"guests":[{]}"#), "400 ");
    assert_eq!(
        sent(&format!("{{\"lines\":{}{}}}", "[".repeat(500), "]".repeat(500))),
        "422 lines[0][0] not_understood"
    );
    // Nothing is taken for a wish to leave it as it is.
    let edit = |path: String, body: &str| {
        fault(w.send(&w.change("root", "PATCH", &path).header("if-match", "\"1\"").raw("application/json", body)))
    };
    for name in ["name", "zone", "equipment", "interval", "policy", "linked"] {
        let told = edit(format!("/api/resources/{room}"), &format!(r#"{{"{name}":null}}"#));
        assert_eq!(told, format!("422 {name} not_understood"));
    }
    // All of it is put, so what is left out is not emptied behind one's back.
    let put = |path: &str, body| fault(w.send(&w.change("ann", "PUT", path).json(&body)));
    assert_eq!(put("/api/me/address", json!({})), "422 email missing");
    assert_eq!(put("/api/me/address", json!({ "email": null })), "200 ");
    let policy = |policy: serde_json::Value| {
        let path = format!("/api/resources/{room}");
        fault(w.send(&w.change("root", "PATCH", &path).header("if-match", "\"1\"").json(&json!({ "policy": policy }))))
    };
    // What would be kept as something else is not taken.
    let civil = |at: &str| policy(json!({ "cancel_by": { "days_before": 1, "at": at } }));
    for at in ["18:00:59", "2027-01-15T07:30:15+05:00", "8:00", "18", "24:00"] {
        assert_eq!(civil(at), "422 policy.cancel_by.at not_a_time", "{at}");
    }
    for from in ["+8:5", "8:00", "24:01"] {
        let hours = json!([{ "days": ["mo"], "from": from, "to": "24:00" }]);
        assert!(policy(json!({ "open_hours": hours })).starts_with("422 "), "{from}");
    }
    assert_eq!(policy(json!({ "credits": 3.999 })), "422 policy.credits not_understood");
    let quota = json!({ "most": 21.504, "counts": "credits", "period": "week", "scope": "resource" });
    assert_eq!(policy(json!({ "quota": quota })), "422 policy.quota.most out_of_range");
    let invite =
        json!({ "name": "Long", "role": "member", "email": format!("{}@example.edu", "a.".repeat(150) + "b") });
    assert_eq!(fault(w.send(&w.change("root", "POST", "/api/invitations").json(&invite))), "422 email not_understood");
    for name in ["guests", "private"] {
        let told = edit(format!("/api/bookings/{}", Uuid::nil()), &format!(r#"{{"{name}":null}}"#));
        assert_eq!(told, format!("422 {name} not_understood"));
    }
    let nowhere = json!({ "roomId": Uuid::nil(), "start": "2027-03-01T10:00", "end": "2027-03-01T11:00" });
    let reply = w.send(&w.change("ann", "POST", "/api/room-bookings").json(&nowhere));
    assert_eq!(reply.told(), "404 REJECTED not_found", "whatever its zone: {}", reply.text());
    let asked = |query: &str| fault(w.get("ann", query));
    assert_eq!(asked("/api/resources?limit=1&limit=2"), "422 limit not_understood");
    assert_eq!(asked("/api/alternatives?start=2027-03-01T10:00&end=2027-03-01T11:00"), "422 resource missing");
    // A plus that was not written as %2B has become a space.
    let lost = w.get("ann", "/api/search?start=2027-03-01T10:00:00+01:00&end=2027-03-01T11:00:00%2B01:00");
    assert_eq!(lost.told(), "422 malformed");
    assert!(lost.text().contains("%2B"), "{}", lost.text());
    let found = w.get("ann", "/api/search?start=2027-03-01T10:00:00%2B01:00&end=2027-03-01T11:00:00%2B01:00");
    assert_eq!(found.json()["items"][0]["resource"]["id"], json!(room), "{}", found.text());
}

#[test]
fn nanoseconds_are_cut_to_what_is_kept_so_that_times_that_touch_still_touch() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let day = w.day;
    let book = |who: &str, start: &str, end: &str| {
        let line =
            json!({ "resource": w.id("room"), "start": format!("{day}T{start}"), "end": format!("{day}T{end}") });
        w.send(&w.change(who, "POST", "/api/bookings").json(&json!({ "lines": [line] })))
    };
    let first = book("ann", "10:00:00.000000000Z", "11:00:00.123456789Z");
    assert_eq!(first.told(), "201 BOOKED", "{}", first.text());
    let line = &first.json()["booking"]["lines"][0];
    assert_eq!(line["start"], json!(format!("{day}T10:00:00Z")));
    assert_eq!(line["end"], json!(format!("{day}T11:00:00.123456Z")));
    assert_eq!(book("bob", "11:00:00.123455999Z", "12:00:00Z").told(), "409 REJECTED full");
    assert_eq!(book("bob", "11:00:00.123456789Z", "12:00:00.0000000Z").told(), "201 BOOKED");
    let nothing = book("bob", "13:00:00.000000001Z", "13:00:00.000000999Z");
    assert_eq!(nothing.told(), "422 malformed", "nothing of it is left: {}", nothing.text());
    assert_eq!(book("bob", "14:00:00.0000000001Z", "15:00:00Z").told(), "422 malformed", "ten decimals");
    w.sweep();
}

#[test]
fn what_is_served_is_what_was_asked_for() {
    let w = World::new(&["ann"]);
    let raw = |text: &str| {
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write_raw(text.as_bytes()).unwrap();
        String::from_utf8(conn.read_until("\r\n\r\n").unwrap()).unwrap()
    };
    assert!(raw("GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400"), "RFC 9112, 3.2");
    assert!(raw("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").starts_with("HTTP/1.1 400"));
    for way in ["POST /foo", "OPTIONS /"] {
        let told = raw(&format!("{way} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        assert!(told.starts_with("HTTP/1.1 405") && told.contains("allow: GET, HEAD"), "{told}");
    }
    // The default of a client that reads JSON names text too, and likes it no better.
    for (accept, kind) in [
        ("application/json, text/plain, */*", "application/json"),
        ("text/csv;q=0, application/json", "application/json"),
        ("text/csv", "text/csv"),
    ] {
        let reply = w.send(&Ask::get("/api/audit").by(w.token("root")).header("accept", accept));
        assert!(reply.header("content-type").unwrap().starts_with(kind), "{accept}");
    }
}

#[test]
fn a_file_that_is_not_there_is_not_the_app_s_page() {
    let w = World::new(&[]);
    for path in ["/robots.txt", "/favicon.ico", "/.well-known/security.txt", "/.well-known/change-password", "/x/y.php"]
    {
        assert_eq!(w.send(&Ask::get(path)).status, 404, "{path}");
    }
    for path in ["/", "/bookings", "/classes/2027-03-01"] {
        assert_eq!(w.send(&Ask::get(path)).status, 200, "{path}");
    }
}
