//! Bookings, holds, approval and blocks over HTTP: the document's language, both sides of a stale edit, what comes twice.
//! One request at a time; races are elsewhere.

use crate::harness::World;
use serde_json::json;

#[test]
fn the_document_is_answered_in_its_own_words() {
    let mut w = World::new(&["ann", "bob"]);
    w.meet("teacher_a", "Teacher A", "member");
    w.room("room");
    w.check(
        "teacher_a POST /api/room-bookings room 10:00-11:00 title Physics as a -> 201 BOOKED \"Room booked successfully\"
         bob POST /api/room-bookings room 10:00-11:00 as b -> 409 REJECTED full \"Room already booked by Teacher A\"
         bob POST /api/room-bookings room 10:30-11:30      -> 409 REJECTED full \"Room already booked by Teacher A\"
         bob POST /api/room-bookings room 11:00-12:00      -> 201 BOOKED
         ann POST /api/holds room 14:00-15:00 as h         -> 201 ACCEPTED
         bob POST /api/room-bookings room 14:00-15:00 as c -> 409 REJECTED held_by_other \"Another teacher is currently booking\"
         ann POST /api/room-bookings room 14:00-15:00 hold h -> 201 BOOKED \"Room booked successfully\"
         bob POST /api/room-bookings room 14:00-15:00      -> 409 REJECTED full \"Room already booked by ann\"",
    );
    let a = &w.saved["a"];
    assert_eq!(a["message"], "Room booked successfully");
    let booking = json!({ "roomId": w.id("room"), "start": w.at("10:00"), "end": w.at("11:00"), "title": "Physics" });
    for (name, value) in booking.as_object().unwrap() {
        assert_eq!(&a["booking"][name], value, "{a}");
    }
    for (name, message) in [("b", "Room already booked by Teacher A"), ("c", "Another teacher is currently booking")] {
        let refused = &w.saved[name];
        assert_eq!(
            (&refused["error"], &refused["message"]),
            (&json!("BOOKING_CONFLICT"), &json!(message)),
            "{refused}"
        );
        assert!(refused["alternatives"].as_str().is_some_and(|a| a.starts_with("/api/alternatives?")), "{refused}");
    }
    assert!(w.saved["c"]["retry_after"].as_i64().is_some_and(|s| (0..=30).contains(&s)), "{}", w.saved["c"]);
    assert!(!w.saved["c"].to_string().contains("ann"), "who holds is not told: {}", w.saved["c"]);
    // Trouble is never dressed up as a conflict.
    let gone = w.go("bob POST /api/room-bookings room 10:00-09:00");
    assert_eq!((gone.told().as_str(), &gone.json()["error"]), ("422 malformed", &json!(null)));
    w.sweep();
}

#[test]
fn a_refused_hold_says_who_booked_or_that_somebody_is_booking() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        "ann POST /api/holds room 10:00-11:00 as h                 -> 201 ACCEPTED
         bob POST /api/holds room 10:30-11:30 as held              -> 409 REJECTED held_by_other
         bob POST /api/holds room 11:00-12:00 as other             -> 201 ACCEPTED
         ann POST /api/bookings room 10:00-11:00 hold h            -> 201 BOOKED
         bob POST /api/holds room 10:30-10:45 as full              -> 409 REJECTED full
         # the holder's own hold is no obstacle to its holder
         bob POST /api/bookings room 11:00-12:00                   -> 201 BOOKED
         bob POST /api/bookings room 11:00-12:00 hold other        -> 409 REJECTED hold_superseded",
    );
    let held = &w.saved["held"];
    assert!(held["retry_after"].as_i64().is_some_and(|s| (0..=30).contains(&s)), "{held}");
    assert_eq!(held["witness"]["kind"], "hold", "{held}");
    assert_eq!(held["witness"]["owner"], json!(null), "{held}");
    assert_eq!(w.saved["full"]["witness"]["owner"], "ann", "{}", w.saved["full"]);
    assert_eq!(w.saved["full"]["witness"]["start"], w.at("10:00"));
    w.sweep();
}

#[test]
fn holds_are_renewed_released_and_confirmed_by_their_holder_with_their_token() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        r#"ann POST /api/holds room 10:00-11:00 as h                 -> 201 ACCEPTED
           ann POST /api/holds/@h/renew hold h                       -> 200 ACCEPTED
           bob POST /api/holds/@h/renew hold h                       -> 403 REJECTED not_allowed
           bob POST /api/holds/@h/release hold h                     -> 403 REJECTED not_allowed
           ann POST /api/holds/@h/renew {"token": "1.1"}             -> 409 REJECTED hold_superseded
           ann POST /api/holds/@h/release {"token": "9.9"}           -> 409 REJECTED hold_superseded
           ann POST /api/holds/@h/renew {"token": "x"}               -> 422 malformed
           bob POST /api/bookings room 10:00-11:00 hold h            -> 403 REJECTED not_allowed
           ann POST /api/holds/00000000-0000-7000-8000-000000000000/renew {"token": "1.1"} -> 404 REJECTED not_found
           ann POST /api/holds/@h/release hold h                     -> 200 ACCEPTED
           ann POST /api/holds/@h/release hold h                     -> 200 ACCEPTED
           ann POST /api/bookings room 10:00-11:00 hold h            -> 409 REJECTED hold_superseded
           bob POST /api/bookings room 10:00-11:00                   -> 201 BOOKED"#,
    );
    w.sweep();
}

#[test]
fn who_manages_a_room_ends_a_hold_or_has_it_last_and_its_holder_is_told() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check("ann POST /api/holds room 10:00-11:00 as h -> 201 ACCEPTED");
    let hold = w.saved["h"]["hold"].clone();
    let path = |what: &str| format!("/api/holds/{}/{what}", hold["id"].as_str().unwrap());
    let granted: jiff::Timestamp = hold["granted_at"].as_str().unwrap().parse().unwrap();
    let after = |seconds: i64| (granted + jiff::SignedDuration::from_secs(seconds)).to_string();
    let set = |w: &World, who: &str, seconds: i64, reason: &str| {
        let body = json!({ "until": after(seconds), "reason": reason });
        w.send(&w.change(who, "POST", &path("until")).json(&body))
    };
    let listed = |w: &World, who: &str| {
        let items = w.get(who, &format!("/api/holds?resource={}", w.id("room"))).json()["items"].clone();
        items[0].clone()
    };
    assert_eq!(set(&w, "bob", 120, "mine").told(), "403 REJECTED not_allowed");
    assert_eq!(set(&w, "ann", 120, "mine").told(), "403 REJECTED not_allowed");
    assert_eq!(set(&w, "root", 120, " ").status, 422);
    assert_eq!(set(&w, "root", -60, "too late").told(), "422 REJECTED invalid");
    assert_eq!(set(&w, "root", 301, "for ever").told(), "409 REJECTED quota_exceeded");
    assert_eq!(set(&w, "root", 240, "She is on her way").told(), "200 ACCEPTED");
    let (seen, unseen) = (listed(&w, "root"), listed(&w, "bob"));
    assert_eq!(seen["expires_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().to_string(), after(240));
    assert_eq!((&seen["owner"]["name"], &seen["token"]), (&json!("ann"), &json!(null)), "{seen}");
    assert_eq!(unseen["owner"], json!(null), "{unseen}");

    let end = |w: &World, who: &str| w.send(&w.change(who, "POST", &path("end")).json(&json!({ "reason": "A leak" })));
    assert_eq!(end(&w, "bob").told(), "403 REJECTED not_allowed");
    assert_eq!(end(&w, "root").told(), "200 ACCEPTED");
    assert_eq!(end(&w, "root").told(), "200 ACCEPTED", "what has ended needs no end");
    assert_eq!(set(&w, "root", 200, "Back").told(), "409 REJECTED hold_superseded");
    w.check("ann POST /api/bookings room 10:00-11:00 hold h -> 409 REJECTED hold_superseded");
    let told = w.get("ann", "/api/notices").json();
    let news: Vec<_> = told["items"].as_array().unwrap().iter().map(|n| n["news"].as_str().unwrap()).collect();
    assert_eq!(news, ["hold_ended", "hold_set"], "{told}");
    assert_eq!(told["items"][0]["start"], w.at("10:00"), "{told}");
    let audit = w.get("root", &format!("/api/audit?resource={}", w.id("room"))).json();
    assert!(audit.to_string().contains("A leak") && audit.to_string().contains("hold_overrode"), "{audit}");
    w.sweep();
}

#[test]
fn a_hold_is_renewed_ten_times() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    w.check("ann POST /api/holds room 10:00-11:00 as h -> 201 ACCEPTED");
    assert_eq!(w.saved["h"]["hold"]["renewals_left"], 10);
    for left in (0..10).rev() {
        let renewed = w.go("ann POST /api/holds/@h/renew hold h");
        assert_eq!((renewed.told().as_str(), &renewed.json()["hold"]["renewals_left"]), ("200 ACCEPTED", &json!(left)));
    }
    w.check("ann POST /api/holds/@h/renew hold h -> 409 REJECTED quota_exceeded");
}

#[test]
fn a_refused_confirm_lets_its_hold_go() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.room("other");
    w.check(
        "ann POST /api/holds room 10:00-11:00 as h             -> 201 ACCEPTED
         bob POST /api/bookings other 10:00-11:00              -> 201 BOOKED
         ann POST /api/bookings room other 10:00-11:00 hold h  -> 409 REJECTED full
         bob POST /api/bookings room 10:00-11:00               -> 201 BOOKED",
    );
    w.sweep();
}

#[test]
fn the_eleventh_live_hold_of_one_person_is_refused() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 100);
    // Scenario 25: nobody keeps everything, and others are not shut out.
    for n in 0..10 {
        w.check(&format!("ann POST /api/holds hall 1{n}:00-1{n}:30 as h{n} -> 201 ACCEPTED"));
    }
    w.check(
        "ann POST /api/holds hall 20:00-20:30 as refused  -> 409 REJECTED quota_exceeded
         bob POST /api/holds hall 20:00-20:30             -> 201 ACCEPTED
         ann POST /api/holds/@h3/release hold h3          -> 200 ACCEPTED
         ann POST /api/holds hall 20:00-20:30             -> 201 ACCEPTED
         ann POST /api/holds hall 21:00-21:30             -> 409 REJECTED quota_exceeded",
    );
    assert_eq!(w.saved["refused"]["witness"]["rule"], "holds_per_person");
    assert_eq!(w.read("ann", "/api/holds?owner=me")["items"].as_array().map(Vec::len), Some(10));
}

#[test]
fn an_edit_of_a_resource_names_the_policy_version_it_saw() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    w.check(
        r#"root PATCH /api/resources/@room {"seats": 10}             -> 428 if_match_missing
           root PATCH /api/resources/@room if x {"seats": 10}        -> 422 malformed
           root PATCH /api/resources/@room if 1 {"seats": 10}        -> 200 ACCEPTED
           root PATCH /api/resources/@room if 1 {"seats": 20}        -> 412 FAILED version_stale
           # bookings pouring in do not make an admin's edit stale
           ann POST /api/bookings room 10:00-11:00                   -> 201 BOOKED
           root PATCH /api/resources/@room if 2 {"seats": 20}        -> 200 ACCEPTED
           ann PATCH /api/resources/@room if 3 {"seats": 30}         -> 403 REJECTED not_allowed
           root PATCH /api/resources/00000000-0000-7000-8000-000000000000 if 1 {"seats": 1} -> 404 not_found"#,
    );
    // Both sides of it.
    let stale = w.go(r#"root PATCH /api/resources/@room if 1 {"seats": 20}"#).json();
    assert_eq!(stale["yours"]["policy_version"], 1, "{stale}");
    assert_eq!((&stale["theirs"]["policy_version"], &stale["theirs"]["seats"]), (&json!(3), &json!(20)), "{stale}");
    assert_eq!(stale["retryable"], true, "{stale}");
    let resource = w.read("ann", &format!("/api/resources/{}", w.id("room")));
    assert_eq!((&resource["seats"], &resource["policy_version"]), (&json!(20), &json!(3)));
    let tag = format!("\"e{}-v{}\"", resource["epoch"], resource["version"]);
    let got = w.get("ann", &format!("/api/resources/{}", w.id("room")));
    assert_eq!(got.header("etag"), Some(&*tag));
    w.sweep();
}

#[test]
fn an_edit_of_a_booking_names_the_revision_it_saw() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 title One as b    -> 201 BOOKED
           ann PATCH /api/bookings/@b {"title": "Two"}               -> 428 if_match_missing
           ann PATCH /api/bookings/@b if 1 {"title": "Two"}          -> 200 ACCEPTED
           ann PATCH /api/bookings/@b if 1 {"title": "Three"}        -> 412 FAILED version_stale
           bob PATCH /api/bookings/@b if 2 {"title": "Mine"}         -> 403 REJECTED not_allowed
           root PATCH /api/bookings/@b if 2 {"purpose": "Exam", "reason": "So it is"} -> 200 ACCEPTED
           ann PATCH /api/bookings/@b if 3 {"title": null}           -> 200 ACCEPTED
           ann PATCH /api/bookings/@b if 4 {"start": "10:30"}        -> 422 malformed"#,
    );
    let stale = w.go(r#"ann PATCH /api/bookings/@b if 1 {"title": "Three"}"#).json();
    assert_eq!(stale["yours"]["revision"], 1, "{stale}");
    assert_eq!((&stale["theirs"]["revision"], &stale["theirs"]["purpose"]), (&json!(4), &json!("Exam")), "{stale}");
    // A stranger who guesses a revision learns nothing of what is inside.
    let stranger = w.go(r#"bob PATCH /api/bookings/@b if 1 {"title": "Mine"}"#);
    assert!(!stranger.text().contains("Exam"), "{}", stranger.text());
    let got = w.get("ann", &format!("/api/bookings/{}", w.id_of("b")));
    assert_eq!(got.header("etag"), Some("\"4\""));
    assert_eq!((&got.json()["title"], &got.json()["purpose"]), (&json!(null), &json!("Exam")));
    w.sweep();
}

#[test]
fn cancelling_twice_has_one_effect() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 3);
    w.check(
        r#"ann POST /api/bookings hall 10:00-11:00 x3 as b           -> 201 BOOKED
           bob POST /api/bookings/@b/cancel                          -> 403 REJECTED not_allowed
           ann POST /api/bookings/@b/cancel {"reason": "ill"}        -> 200 ACCEPTED
           ann POST /api/bookings/@b/cancel                          -> 200 ACCEPTED
           root POST /api/bookings/@b/cancel {"reason": "Painting."} -> 200 ACCEPTED
           ann PATCH /api/bookings/@b if 2 {"title": "Again"}        -> 422 REJECTED invalid
           root POST /api/bookings/@b/approve                        -> 422 REJECTED invalid
           ann POST /api/bookings/00000000-0000-7000-8000-000000000000/cancel -> 404 REJECTED not_found
           bob POST /api/bookings hall 10:00-11:00 x3                -> 201 BOOKED
           bob POST /api/bookings hall 10:00-11:00                   -> 409 REJECTED full"#,
    );
    let booking = w.read("ann", &format!("/api/bookings/{}", w.id_of("b")));
    assert_eq!((&booking["state"], &booking["revision"]), (&json!("cancelled"), &json!(2)), "{booking}");
    assert!(booking["cancelled_at"].is_string() && booking["cancel_by"].is_null(), "{booking}");
    w.sweep();
}

#[test]
fn cutoffs_are_told_with_their_instant() {
    let mut w = World::new(&["ann"]);
    let day = 86_400;
    w.resource("late", json!({ "policy": { "book_by": { "elapsed_s": 40 * day } } }));
    w.resource("early", json!({ "policy": { "book_from": { "elapsed_s": 3_600 } } }));
    w.resource("kept", json!({ "policy": { "cancel_by": { "days_before": 60, "at": "18:00" } } }));
    w.resource("shut", json!({ "policy": { "closed": true } }));
    w.resource("night", json!({ "policy": { "opening_hours": [{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "from": "22:00", "to": "24:00" }] } }));
    w.resource("short", json!({ "policy": { "duration_max_s": 3_600 } }));
    w.check(
        "ann POST /api/bookings late 10:00-11:00 as late      -> 409 REJECTED past_cutoff
         ann POST /api/bookings early 10:00-11:00             -> 409 REJECTED too_early
         ann POST /api/bookings shut 10:00-11:00              -> 409 REJECTED closed
         ann POST /api/bookings night 10:00-11:00             -> 409 REJECTED outside_hours
         ann POST /api/bookings night 21:59-22:30             -> 409 REJECTED outside_hours
         ann POST /api/bookings night 22:00-23:59             -> 201 BOOKED
         ann POST /api/bookings short 10:00-11:01             -> 422 REJECTED invalid
         ann POST /api/bookings short 10:00-11:00             -> 201 BOOKED
         ann POST /api/bookings kept 10:00-11:00 as b         -> 201 BOOKED
         ann POST /api/bookings/@b/cancel                     -> 409 REJECTED past_cutoff
         root POST /api/bookings/@b/cancel {\"reason\": \"Painting.\"} -> 200 ACCEPTED",
    );
    let late = &w.saved["late"];
    assert_eq!((&late["witness"]["kind"], &late["witness"]["rule"]), (&json!("instant"), &json!("book_by")), "{late}");
    assert!(late["witness"]["at"].is_string(), "{late}");
    w.sweep();
}

#[test]
fn of_two_pending_bookings_of_one_slot_one_is_approved() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    w.resource("room", json!({ "policy": { "approval": true } }));
    // Scenario 12 and R5.
    w.check(
        "ann POST /api/room-bookings room 10:00-11:00 as a    -> 201 ACCEPTED \"an admin must approve it\"
         bob POST /api/bookings room 10:00-11:00 as b         -> 201 ACCEPTED
         ann POST /api/bookings/@a/approve                    -> 403 REJECTED not_allowed
         root POST /api/bookings/@b/approve                   -> 200 ACCEPTED
         root POST /api/bookings/@b/approve                   -> 200 ACCEPTED
         root POST /api/bookings/@a/approve as full           -> 409 REJECTED full
         # what is taken cannot be asked for either
         cem POST /api/bookings room 10:30-11:30              -> 409 REJECTED full
         bob POST /api/bookings/@b/cancel                     -> 200 ACCEPTED
         root POST /api/bookings/@a/approve                   -> 200 ACCEPTED",
    );
    assert_eq!(w.saved["full"]["witness"]["id"], w.id_of("b"), "{}", w.saved["full"]);
    assert_eq!(w.bookings_on("room").len(), 1);
    w.sweep();
}

#[test]
fn a_block_yields_to_bookings_and_to_live_holds_unless_it_is_said_otherwise() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let (from, to) = w.span("09:00-12:00");
    let block = |more: &str| format!(r#"{{"start": "{from}", "end": "{to}", "reason": "Painters"{more}}}"#);
    // Scenario 27: either the admin is refused, or the holder is, never both nor neither.
    w.check(&format!(
        "ann POST /api/holds room 10:00-11:00 as h                          -> 201 ACCEPTED
         root POST /api/resources/@room/blocks {plain}                      -> 428 if_match_missing
         ann POST /api/resources/@room/blocks if 1 {plain}                  -> 403 REJECTED not_allowed
         root POST /api/resources/@room/blocks if 1 {plain}                 -> 409 REJECTED held_by_other",
        plain = block("")
    ));
    let over = block(r#", "over_holds": true"#);
    let refused = w.go(&format!("root POST /api/resources/@room/blocks if 1 {over}"));
    w.saved.insert("k".into(), refused.json());
    assert_eq!(refused.told(), "201 ACCEPTED", "{}", refused.text());
    w.check(&format!(
        "ann POST /api/bookings room 10:00-11:00 hold h as late             -> 409 REJECTED blocked
         ann POST /api/bookings room 10:00-11:00                            -> 409 REJECTED blocked \"Painters\"
         ann POST /api/holds room 08:00-09:00                               -> 201 ACCEPTED
         root POST /api/resources/@room/blocks if 1 {plain}                 -> 412 FAILED version_stale
         ann POST /api/resources/@room/blocks/@k/remove if 2 {dry}             -> 403 REJECTED not_allowed
         root POST /api/resources/@room/blocks/@k/remove if 1 {dry}            -> 412 FAILED version_stale
         root POST /api/resources/@room/blocks/@k/remove if 2 {dry}            -> 200 ACCEPTED
         root POST /api/resources/@room/blocks/@k/remove if 3 {dry}            -> 404 REJECTED not_found
         ann POST /api/bookings room 10:00-11:00 as b                       -> 201 BOOKED
         root POST /api/resources/@room/blocks if 3 {over}                  -> 409 REJECTED full",
        plain = block(""),
        dry = r#"{"reason": "Dry."}"#
    ));
    assert_eq!(w.saved["late"]["witness"]["kind"], "block", "{}", w.saved["late"]);
    w.sweep();
}

#[test]
fn several_lines_are_all_or_nothing_and_summed() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("x");
    w.room("y");
    w.hall("hall", 5);
    w.check(
        "ann POST /api/bookings y 10:00-11:00                     -> 201 BOOKED
         bob POST /api/bookings x y 10:00-11:00                   -> 409 REJECTED full
         bob POST /api/bookings x y 11:00-12:00 as both           -> 201 BOOKED
         # R13: the same line twice asks for twice as much
         bob POST /api/bookings hall hall 10:00-11:00 x3          -> 409 REJECTED insufficient
         bob POST /api/bookings hall hall 10:00-11:00 x2          -> 201 BOOKED
         bob POST /api/bookings hall 10:00-11:00 x2               -> 409 REJECTED insufficient
         bob POST /api/bookings hall 10:00-11:00                  -> 201 BOOKED
         bob POST /api/bookings hall 10:00-11:00                  -> 409 REJECTED full
         bob POST /api/bookings/@both/cancel                      -> 200 ACCEPTED
         ann POST /api/bookings x y 11:00-12:00                   -> 201 BOOKED",
    );
    assert_eq!(w.saved["both"]["versions"].as_array().map(Vec::len), Some(2));
    w.sweep();
}

#[test]
fn usage_is_summed_at_the_instant() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 2);
    w.room("room");
    w.resource("buffered", json!({ "policy": { "setup_s": 900, "teardown_s": 900 } }));
    w.check(
        "# scenario 5: the two never coincide
         ann POST /api/bookings hall 09:00-10:00          -> 201 BOOKED
         ann POST /api/bookings hall 10:00-11:00          -> 201 BOOKED
         bob POST /api/bookings hall 09:00-11:00          -> 201 BOOKED
         bob POST /api/bookings hall 09:30-09:31          -> 409 REJECTED full
         # R21: back to back
         ann POST /api/bookings room 09:00-10:00          -> 201 BOOKED
         bob POST /api/bookings room 10:00-11:00          -> 201 BOOKED
         bob POST /api/bookings room 08:00-09:00          -> 201 BOOKED
         bob POST /api/bookings room 09:59:59-10:00       -> 409 REJECTED full
         # set-up and clear-down are part of it
         ann POST /api/bookings buffered 10:00-11:00      -> 201 BOOKED
         bob POST /api/bookings buffered 11:29-12:00      -> 409 REJECTED full
         bob POST /api/bookings buffered 11:30-12:00      -> 201 BOOKED",
    );
    w.sweep();
}

#[test]
fn sections_take_their_one_interval_and_nobody_twice() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    let (start, end) = w.span("10:00-11:00");
    let section = json!({ "kind": "section", "capacity": 2, "interval": { "start": start, "end": end } });
    w.resource("algebra", section.clone());
    w.resource("biology", section);
    w.check(
        "ann POST /api/bookings algebra                     -> 201 BOOKED
         ann POST /api/bookings algebra                     -> 409 REJECTED own_overlap
         ann POST /api/bookings biology                     -> 409 REJECTED own_overlap
         bob POST /api/bookings algebra 10:00-10:30         -> 422 REJECTED invalid
         bob POST /api/bookings algebra 10:00-11:00         -> 201 BOOKED
         cem POST /api/bookings algebra as full             -> 409 REJECTED full",
    );
    // Courses show no names.
    assert_eq!(w.saved["full"]["witness"]["owner"], json!(null), "{}", w.saved["full"]);
    assert!(!w.saved["full"].to_string().contains("ann"));
    w.sweep();
}

/// Two devices are two keys: who sits in a class sits in one. Rooms are booked for others too.
#[test]
fn two_at_once_are_refused_by_the_kind_unless_somebody_says_otherwise() {
    let mut w = World::new(&["ann"]);
    let (start, end) = w.span("10:00-11:00");
    let timed = |kind: &str, policy: serde_json::Value| json!({ "kind": kind, "capacity": 9, "interval": { "start": start, "end": end }, "policy": policy });
    let allow = || json!({ "own_overlap": "allow" });
    for (name, body) in [
        ("yoga", timed("session", json!({}))),
        ("algebra", timed("section", json!({ "hold_at": "none" }))),
        ("open-class", timed("session", allow())),
        ("open-section", timed("section", allow())),
        ("room", json!({ "kind": "room", "capacity": 9 })),
        ("beamer", json!({ "kind": "equipment", "capacity": 9 })),
    ] {
        w.resource(name, body);
    }
    for (name, expected) in [
        ("yoga", "refuse"),
        ("algebra", "refuse"),
        ("open-class", "allow"),
        ("open-section", "allow"),
        ("room", "allow"),
        ("beamer", "allow"),
    ] {
        let shown = w.get("ann", &format!("/api/resources/{}", w.id(name))).json();
        assert_eq!(shown["policy"]["own_overlap"], expected, "{name}: {shown}");
    }
    w.check(
        "ann POST /api/bookings yoga                        -> 201 BOOKED
         ann POST /api/bookings yoga                        -> 409 REJECTED own_overlap
         ann POST /api/bookings algebra                     -> 409 REJECTED own_overlap
         ann POST /api/bookings open-class                  -> 201 BOOKED
         ann POST /api/bookings open-class                  -> 201 BOOKED
         ann POST /api/bookings open-section                -> 201 BOOKED
         ann POST /api/bookings room 10:00-11:00            -> 201 BOOKED
         ann POST /api/bookings room 10:00-11:00            -> 201 BOOKED
         ann POST /api/bookings beamer 10:00-11:00          -> 201 BOOKED",
    );
    // Nothing is no silence.
    let nothing = json!({ "kind": "room", "name": "odd", "zone": "UTC", "policy": { "own_overlap": null } });
    let refused = w.send(&w.change("root", "POST", "/api/resources").json(&nothing));
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(refused.json()["errors"][0]["field"], "policy.own_overlap");
    w.sweep();
}

#[test]
fn only_admins_make_resources_and_book_for_others() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let (bob, room) = (w.person("bob").id.clone(), w.id("room").to_owned());
    let (start, end) = w.span("10:00-11:00");
    let body = |who: &str| {
        format!(
            r#"{{"lines": [{{"resource": "{room}", "start": "{start}", "end": "{end}"}}], "for": "{who}", "reason": "On the phone."}}"#
        )
    };
    w.check(&format!(
        r#"ann POST /api/resources {{"kind": "room", "name": "Mine", "zone": "UTC"}} -> 403 REJECTED not_allowed
           ann POST /api/bookings {for_bob}      -> 403 REJECTED not_allowed
           root POST /api/bookings {for_nobody}  -> 404 REJECTED not_found
           root POST /api/bookings {for_bob}     -> 201 BOOKED"#,
        for_bob = body(&bob),
        for_nobody = body("00000000-0000-7000-8000-000000000000"),
    ));
    let mine = w.read("bob", "/api/bookings?owner=me");
    assert_eq!(mine["items"][0]["owner"]["name"], "bob", "{mine}");
}

#[test]
fn capacity_is_not_cut_below_what_is_in_use() {
    let mut w = World::new(&["ann"]);
    w.hall("hall", 10);
    w.check(
        r#"ann POST /api/bookings hall 10:00-11:00 x8                   -> 201 BOOKED
           root PATCH /api/resources/@hall if 1 {"capacity": 5, "reason": "Fewer."} -> 409 REJECTED insufficient
           root PATCH /api/resources/@hall if 1 {"capacity": 8}         -> 422 REJECTED invalid "reason"
           root PATCH /api/resources/@hall if 1 {"capacity": 8, "reason": "Fewer."} -> 200 ACCEPTED
           ann POST /api/bookings hall 10:00-11:00                      -> 409 REJECTED full
           root PATCH /api/resources/@hall if 2 {"capacity": null, "reason": "As many as come."} -> 200 ACCEPTED
           ann POST /api/bookings hall 10:00-11:00 x500                 -> 201 BOOKED"#,
    );
    w.sweep();
}
