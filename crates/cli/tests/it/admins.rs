//! What admins do while people book, over HTTP: previews, displacement, overrides, capacity, whose a booking is, who has come.
//! What is refused and why is the domain's to try; here it is what a program sends and is told.

use crate::harness::World;
use crate::harness::http::Ask;
use serde_json::json;

#[test]
fn who_is_displaced_is_seen_before_and_told_after() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 as a                -> 201 BOOKED
           bob POST /api/bookings room 11:00-12:00 as b                -> 201 BOOKED
           root POST /api/bookings/@a/cancel {}                        -> 422 REJECTED invalid "reason""#,
    );
    let (start, end) = (w.at("10:30"), w.at("11:30"));
    let block = json!({ "block": { "start": start, "end": end } });
    let room = w.id("room").to_owned();
    let ask = Ask::new("POST", &format!("/api/resources/{room}/displacement-preview")).by(w.token("root"));
    let preview = w.send(&ask.raw("application/json", block.to_string())).json();
    assert_eq!(preview["displaces"].as_array().map(Vec::len), Some(2), "{preview}");
    assert_eq!(preview["refused"], json!(null), "{preview}");
    assert_eq!(preview["bookings"][0]["owner"]["name"], json!("ann"), "{preview}");
    let mut body = json!({ "start": start, "end": end, "reason": "A pipe burst.", "displaces": [] });
    w.saved.insert("none".into(), body.clone());
    body["displaces"] = preview["displaces"].clone();
    w.saved.insert("exact".into(), body);
    let (none, exact) = (w.saved["none"].to_string(), w.saved["exact"].to_string());
    w.check(&format!(
        r#"ann POST /api/resources/@room/displacement-preview {block}       -> 403 not_allowed
           root POST /api/resources/@room/blocks if 1 as stale {none}       -> 412 FAILED version_stale
           ann POST /api/resources/@room/blocks if 1 {exact}                -> 403 REJECTED not_allowed
           root POST /api/resources/@room/blocks if 1 {exact}               -> 201 ACCEPTED
           root POST /api/resources/@room/blocks if 1 {exact}               -> 412 FAILED version_stale"#,
    ));
    let stale = &w.saved["stale"];
    assert_eq!(stale["theirs"]["displaces"], preview["displaces"], "{stale}");
    let mine = w.saved["a"]["booking"]["id"].as_str().unwrap().to_owned();
    let gone = w.read("ann", &format!("/api/bookings/{mine}"));
    assert_eq!((&gone["state"], &gone["state_reason"]), (&json!("displaced"), &json!("A pipe burst.")), "{gone}");
    assert_eq!(gone["displaced_by"]["kind"], json!("block"), "{gone}");
    let history = w.read("ann", &format!("/api/bookings/{mine}/history"));
    let last = history["steps"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["what"], &last["by"]["name"]), (&json!("displaced"), &json!("Root")), "{history}");
    w.sweep();
}

#[test]
fn capacity_service_and_hand_over_name_the_field_at_fault() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let bob = w.person("bob").id.clone();
    w.check(&format!(
        r#"ann POST /api/bookings room 10:00-11:00 as a                -> 201 BOOKED
           root POST /api/resources/@room/capacity if 1 {{}}           -> 422 malformed "to"
           root POST /api/resources/@room/capacity {{"to": 3}}         -> 428 if_match_missing
           root POST /api/resources/@room/capacity if 1 {{"to": 0}}    -> 422 REJECTED invalid "to"
           root POST /api/resources/@room/capacity if 1 {{"to": 3}}    -> 422 REJECTED invalid "reason"
           root POST /api/resources/@room/capacity if 1 {{"to": 3, "reason": "More chairs."}} -> 200 ACCEPTED
           root POST /api/resources/@room/capacity if 1 as stale {{"to": 2, "reason": "Fewer."}} -> 412 FAILED version_stale
           root POST /api/resources/@room/capacity if 2 {{"to": 1, "below": "over_commit"}} -> 422 REJECTED invalid "reason"
           root POST /api/resources/@room/close if 2 {{"reason": " "}} -> 422 malformed "reason"
           root POST /api/resources/@room/close if 2 {{"reason": "Paint."}} -> 200 ACCEPTED
           bob POST /api/bookings room 10:00-11:00                     -> 409 REJECTED closed
           root POST /api/resources/@room/reopen if 3 {{"reason": "Dry."}} -> 200 ACCEPTED
           ann POST /api/bookings/@a/hand-over {{"to": "{bob}", "reason": "Swapped."}} -> 403 REJECTED not_allowed
           root POST /api/bookings/@a/hand-over {{"to": "{bob}"}}      -> 422 malformed "reason"
           root POST /api/bookings/@a/hand-over if 1 as b {{"to": "{bob}", "reason": "Swapped."}} -> 200 ACCEPTED
           ann POST /api/bookings/@a/cancel {{}}                       -> 403 REJECTED not_allowed
           bob POST /api/bookings/@a/check-in {{}}                     -> 422 REJECTED invalid
           root POST /api/bookings/@a/decline {{"reason": "No."}}      -> 422 REJECTED invalid"#,
    ));
    assert_eq!(w.saved["stale"]["theirs"]["capacity"], json!(3), "{}", w.saved["stale"]);
    assert_eq!(w.saved["b"]["booking"]["owner"]["name"], json!("bob"), "{}", w.saved["b"]);
    w.sweep();
}

/// What a booking becomes follows its group; whoever gets it is judged like whoever books; what is private is for admins to see.
#[test]
fn admins_and_the_rules_about_people() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    let policy = json!({ "quota": { "most": 1, "period": "all", "scope": "group" }, "late_cancel_from": { "elapsed_s": 5184000 } });
    let studio = w.resource("studio", json!({ "kind": "group", "policy": policy }));
    w.forget_room("studio");
    for name in ["x", "y"] {
        w.resource(name, json!({ "group": studio }));
    }
    let (x, bob, cem) = (w.id("x").to_owned(), w.person("bob").id.clone(), w.person("cem").id.clone());
    let check_in = json!({ "policy": { "check_in": { "opens_s": 900, "closes_s": 600 }, "late_cancel_from": { "elapsed_s": 5184000 },
        "quota": { "most": 1, "period": "all", "scope": "group" } } });
    let (start, end) = w.span("10:00-11:00");
    let line = json!({ "resource": x, "start": start, "end": end });
    let private = json!({ "lines": [line], "title": "Interview", "private": true });
    w.check(&format!(
        r#"root PATCH /api/resources/{studio} if 1 {check_in}                  -> 200 ACCEPTED
           ann POST /api/bookings as a {private}                               -> 201 BOOKED
           bob POST /api/bookings y 10:00-11:00 as b                           -> 201 BOOKED
           ann POST /api/bookings/@a/check-in {{}}                             -> 409 REJECTED too_early
           root POST /api/bookings/@a/hand-over {{"to": "{bob}", "reason": "Ill."}} -> 409 REJECTED quota_exceeded
           bob POST /api/bookings/@b/cancel as late {{}}                       -> 200 ACCEPTED
           bob POST /api/bookings x 12:00-13:00                                -> 409 REJECTED quota_exceeded
           root POST /api/bookings/@a/hand-over {{"to": "{cem}", "reason": "Ill."}} -> 200 ACCEPTED
           ann POST /api/bookings y 12:00-13:00                                -> 201 BOOKED"#,
    ));
    assert_eq!(w.saved["late"]["booking"]["late"], json!(true), "{}", w.saved["late"]);
    let resource = w.read("bob", &format!("/api/resources/{x}"));
    assert_eq!(resource["policy"]["check_in"], json!({ "opens_s": 900, "closes_s": 600 }), "{resource}");
    assert_eq!(resource["policy_own"], json!([]), "{resource}");
    let (start, end) = (w.at("10:30"), w.at("11:30"));
    let block = json!({ "block": { "start": start, "end": end } }).to_string();
    let ask = |who: &str| {
        let ask = Ask::new("POST", &format!("/api/resources/{x}/displacement-preview")).by(w.token(who));
        w.send(&ask.raw("application/json", block.clone()))
    };
    for who in ["ann", "bob", "cem"] {
        let told = ask(who);
        assert_eq!(told.status, 403, "{told:?}");
        assert!(!told.json().to_string().contains("Interview"), "{told:?}");
    }
    let preview = ask("root").json();
    assert_eq!(preview["bookings"][0]["title"], json!("Interview"), "{preview}");
    assert_eq!(preview["bookings"][0]["owner"]["name"], json!("cem"), "{preview}");
    let booking = format!("/api/bookings/{}", w.saved["a"]["booking"]["id"].as_str().unwrap());
    let (ann, cem) = (w.read("ann", &booking), w.read("cem", &booking));
    assert_eq!((&ann["title"], &ann["owner"]), (&json!(null), &json!(null)), "not theirs any more: {ann}");
    assert_eq!((&cem["title"], &cem["mine"]), (&json!("Interview"), &json!(true)), "{cem}");
    // The quota is as it was when it is read from the tables again.
    w.kill_and_start_again();
    w.check("bob POST /api/bookings x 12:00-13:00 -> 409 REJECTED quota_exceeded");
    w.sweep();
}
