//! Coming in over HTTP: the first set-up, sessions and their sockets, keys and scopes, roles, links by mail, and a stock provider.
//! Mail server and provider are real ones, started here.

use crate::harness::http::{Reply, send};
use crate::harness::node::Node;
use crate::harness::server::{Home, Server, slotwise};
use crate::harness::{Ask, World};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PASSWORD: &str = "correct horse battery";

/// The cookie that an answer sets, as a browser sends it back.
fn cookie(reply: &Reply) -> String {
    let set = reply.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str());
    let mut kept = set.filter(|value| value.starts_with("slotwise_session="));
    kept.next_back().unwrap_or_else(|| panic!("no session: {}", reply.text())).split(';').next().unwrap().to_owned()
}

fn with(ask: Ask, cookie: &str) -> Ask {
    ask.header("cookie", cookie)
}

fn sign_in(w: &World, email: &str, password: &str) -> Reply {
    w.send(&Ask::post("/api/session").json(&json!({ "email": email, "password": password })))
}

/// Somebody new who has accepted an invitation: their id and their session's cookie.
fn invited(w: &World, name: &str, role: &Value) -> (String, String) {
    let mut body = json!({ "name": name, "email": format!("{name}@example.org") });
    body.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
    let made = w.send(&Ask::post("/api/invitations").by(w.token("root")).json(&body));
    assert_eq!(made.status, 201, "{}", made.text());
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let token = link.split_once("/invitation#").unwrap().1;
    let chosen = json!({ "token": token, "password": PASSWORD });
    let accepted = w.send(&Ask::post("/api/invitations/accept").json(&chosen));
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    let again = w.send(&Ask::post("/api/invitations/accept").json(&chosen));
    assert_eq!(again.told(), "410 link_over", "a link is good once");
    (made.json()["person"].as_str().unwrap().to_owned(), cookie(&accepted))
}

#[test]
fn the_first_admin_comes_in_with_the_code_that_is_printed_and_nobody_else() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let line = server.next_line().unwrap();
    let code = line.rsplit(' ').next().unwrap().to_owned();
    assert!(line.contains("/setup within a day"), "{line}");
    let ask = |ask: &Ask| send(server.address, ask).unwrap();
    assert_eq!(ask(&Ask::get("/api/doors")).json()["setup"], true);
    let set_up = |code: &str, password: &str| {
        let body = json!({ "code": code, "name": "Ada", "email": "Ada@Example.org", "password": password });
        ask(&Ask::post("/api/setup").json(&body))
    };
    assert_eq!(set_up("0000-0000", PASSWORD).json()["errors"][0]["field"], "code");
    assert_eq!(set_up(&code, "short").json()["errors"][0]["code"], "too_short");
    assert_eq!(set_up(&code, "ada@example.org").json()["errors"][0]["code"], "too_easy");
    let done = set_up(&code.to_uppercase(), PASSWORD);
    assert_eq!((done.status, &done.json()["role"]), (200, &json!("admin")), "{}", done.text());
    let set = done.header("set-cookie").unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    assert_eq!(set_up(&code, PASSWORD).told(), "410 set_up_already");
    assert_eq!(ask(&Ask::get("/api/doors")).json()["setup"], false);
    let mine = cookie(&done);
    assert_eq!(ask(&with(Ask::get("/api/me"), &mine)).json()["name"], "Ada");
    let log = std::fs::read_to_string(home.file("log")).unwrap();
    assert!(!log.contains(&code) && !log.contains(PASSWORD) && !log.contains(&mine), "secrets in the log");

    // What is wrong is not told, and a page elsewhere does nothing in her name.
    let try_in = |email: &str, password: &str| {
        ask(&Ask::post("/api/session").json(&json!({ "email": email, "password": password })))
    };
    let (wrong, nobody) = (try_in("ada@example.org", "wrong horse battery"), try_in("eve@example.org", PASSWORD));
    assert_eq!((wrong.told(), wrong.body), (nobody.told(), nobody.body));
    let again = try_in(" ADA@example.org ", PASSWORD);
    assert_eq!(again.status, 200, "{}", again.text());
    for foreign in ["https://evil.example", "null"] {
        let out = with(Ask::new("DELETE", "/api/session"), &mine).header("origin", foreign);
        assert_eq!(ask(&out).told(), "403 cross_site", "{foreign}");
    }
    let out = with(Ask::new("DELETE", "/api/session"), &mine).header("sec-fetch-site", "cross-site");
    assert_eq!(ask(&out).told(), "403 cross_site");
    let form = Ask::post("/api/session").raw("text/plain", json!({ "email": "a@b.c", "password": "x" }).to_string());
    assert_eq!(ask(&form).told(), "415 not_json");
    assert_eq!(ask(&with(Ask::new("DELETE", "/api/session"), &mine)).status, 204);
    assert_eq!(ask(&with(Ask::get("/api/me"), &mine)).status, 401);
    assert_eq!(ask(&with(Ask::get("/api/me"), &cookie(&again))).status, 200, "another browser stays");

    // Whoever has the machine has a way back in.
    let mut reset = slotwise(&["person", "reset-admin", "--email", "ada@example.org"]);
    home.place(&mut reset);
    let reset = reset.output().unwrap();
    assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    let link = String::from_utf8(reset.stdout).unwrap();
    let token = link.trim().split_once("/reset#").unwrap().1;
    let chosen = json!({ "token": token, "password": "another horse battery" });
    assert_eq!(ask(&Ask::post("/api/password-reset/finish").json(&chosen)).status, 200);
    assert_eq!(try_in("ada@example.org", PASSWORD).status, 401);
    assert_eq!(ask(&with(Ask::get("/api/me"), &cookie(&again))).status, 401, "all sessions are over");
}

#[test]
fn a_session_that_ends_ends_its_sockets_within_five_seconds() {
    let mut node = Node::start();
    let w = World::new(&[]);
    let (_, one) = invited(&w, "ann", &json!({}));
    let other = cookie(&sign_in(&w, "ann@example.org", PASSWORD));
    assert_ne!(one, other);
    for (name, cookie) in [("one", &one), ("other", &other)] {
        let hello = json!({ "do": "connect", "name": name, "url": w.server.url(), "transports": ["websocket"],
            "headers": { "cookie": cookie } });
        assert_eq!(node.call(hello).unwrap()["connected"], true);
    }
    let foreign = json!({ "do": "connect", "name": "foreign", "url": w.server.url(), "transports": ["websocket"],
        "headers": { "cookie": one, "origin": "https://evil.example" } });
    assert_eq!(node.call(foreign).unwrap()["connected"], false, "another site's page opens no socket");
    let sessions = w.send(&with(Ask::get("/api/me/sessions"), &other)).json();
    let (mine, theirs): (Vec<&Value>, Vec<&Value>) =
        sessions["items"].as_array().unwrap().iter().partition(|s| s["this"] == true);
    assert_eq!((mine.len(), theirs.len()), (1, 1));
    let path = format!("/api/me/sessions/{}", theirs[0]["id"].as_str().unwrap());
    let since = Instant::now();
    assert_eq!(w.send(&with(Ask::new("DELETE", &path), &other)).status, 204);
    assert_eq!(w.send(&with(Ask::new("DELETE", &path), &other)).status, 404);
    node.event("one", "signedOut");
    node.event("one", "$disconnected");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!(w.send(&with(Ask::get("/api/me"), &one)).status, 401);
    assert_eq!(w.send(&with(Ask::get("/api/me"), &other)).status, 200);

    // A new password ends all of them but the one it was chosen in, which has another secret.
    let put = |current: &str, new: &str| {
        w.send(&with(Ask::new("PUT", "/api/me/password"), &other).json(&json!({ "current": current, "new": new })))
    };
    assert_eq!(put("wrong horse battery", "another horse battery").json()["errors"][0]["field"], "current");
    let changed = put(PASSWORD, "another horse battery");
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(w.send(&with(Ask::get("/api/me"), &other)).status, 401);
    assert_eq!(w.send(&with(Ask::get("/api/me"), &cookie(&changed))).status, 200);
    node.event("other", "$disconnected");
    assert_eq!(sign_in(&w, "ann@example.org", PASSWORD).told(), "401 wrong_password");
}

#[test]
fn a_key_allows_what_its_scopes_say_and_no_more_than_its_person_may() {
    let mut w = World::new(&["bob"]);
    w.room("room");
    let (admin, session) = invited(&w, "ada", &json!({ "role": "admin" }));
    let make = |scopes: Value| {
        w.send(&with(Ask::post("/api/me/keys"), &session).json(&json!({ "label": "a program", "scopes": scopes })))
    };
    let key = |scopes: Value| make(scopes).json()["key"].as_str().unwrap().to_owned();
    let (reads, books) = (key(json!(["read"])), key(json!(["book"])));
    let (start, end) = w.span("10:00-11:00");
    let line = json!({ "resource": w.id("room"), "start": start, "end": end });
    let book = |token: &str, owner: Option<&str>| {
        let mut body = json!({ "lines": [line] });
        if let Some(owner) = owner {
            body["for"] = json!(owner);
        }
        let ask = w.change("root", "POST", "/api/bookings").json(&body);
        let headers = ask.headers.into_iter().filter(|(name, _)| name != "authorization").collect();
        w.send(&Ask { headers, ..ask }.by(token)).told()
    };
    assert_eq!(w.send(&Ask::get("/api/audit").by(&reads)).status, 200);
    assert_eq!(book(&reads, None), "403 scope_missing");
    let bob = w.person("bob").id.clone();
    assert_eq!(book(&books, Some(&bob)), "403 scope_missing", "a key for one's own bookings books for nobody else");
    assert_eq!(book(&books, None), "201 BOOKED");
    let people = Ask::post("/api/people/import").by(&books).json(&json!({ "csv": "name\nEve\n" }));
    assert_eq!(w.send(&people).told(), "403 scope_missing");
    assert_eq!(
        w.send(&Ask::post("/api/me/keys").by(&books).json(&json!({}))).told(),
        "403 not_allowed",
        "only a browser"
    );
    assert_eq!(make(json!(["everything"])).json()["errors"][0]["field"], "scopes");

    // Nobody's key says more than they may, and nobody makes keys in the name of somebody who signs in.
    let (ann, anns) = invited(&w, "ann", &json!({}));
    let asked = json!({ "scopes": ["manage"] });
    assert_eq!(w.send(&with(Ask::post("/api/me/keys"), &anns).json(&asked)).json()["errors"][0]["field"], "scopes");
    let for_ann = Ask::post(&format!("/api/people/{ann}/keys")).by(w.token("root")).json(&json!({}));
    assert_eq!(w.send(&for_ann).told(), "403 not_allowed");
    let for_bob = Ask::post(&format!("/api/people/{bob}/keys")).by(w.token("root")).json(&json!({ "label": "kiosk" }));
    let kiosk = w.send(&for_bob);
    assert_eq!((kiosk.status, &kiosk.json()["scopes"]), (201, &json!(["read", "book"])), "{}", kiosk.text());

    // Listed without its secret, revoked at once, and on record.
    let listed = w.send(&with(Ask::get("/api/me/keys"), &session));
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 2);
    assert!(!listed.text().contains(&reads) && !listed.text().contains(&books));
    let read = listed.json()["items"].as_array().unwrap().iter().find(|k| k["scopes"] == json!(["read"])).cloned();
    let path = format!("/api/me/keys/{}", read.unwrap()["id"].as_str().unwrap());
    assert_eq!(w.send(&with(Ask::new("DELETE", &path), &session)).status, 204);
    assert_eq!(w.send(&Ask::get("/api/me").by(&reads)).status, 401);
    let deeds = w.read("root", "/api/deeds?limit=200");
    let deeds = deeds["items"].as_array().unwrap();
    for (what, person, by) in
        [("key_made", &admin, Some(&admin)), ("key_revoked", &admin, Some(&admin)), ("key_made", &bob, None)]
    {
        let noted = |d: &&Value| d["what"] == what && d["person"] == **person && by.is_none_or(|by| d["by"] == **by);
        assert!(deeds.iter().any(|d| noted(&d)), "{what}: {deeds:?}");
    }
    assert!(!format!("{deeds:?}").contains(&books));
}

#[test]
fn a_role_counts_at_the_next_decision_and_the_only_admin_stays() {
    let mut w = World::new(&["bob"]);
    let (room, other) = (w.room("room"), w.room("other"));
    let root = w.person("root").id.clone();
    let role = |who: &str, body: Value| {
        w.send(&Ask::new("PUT", &format!("/api/people/{who}/role")).by(w.token("root")).json(&body))
    };
    assert_eq!(role(&root, json!({ "role": "member" })).told(), "409 last_admin");
    let bob = w.person("bob").id.clone();
    let block = |room: &str| {
        let (start, end) = w.span("10:00-11:00");
        let seen = w.read("bob", &format!("/api/resources/{room}"))["policy_version"].clone();
        let ask = w.change("bob", "POST", &format!("/api/resources/{room}/blocks"));
        let ask = ask.header("if-match", format!("\"{seen}\""));
        w.send(&ask.json(&json!({ "start": start, "end": end, "reason": "Painting." }))).told()
    };
    assert_eq!(block(&room), "403 REJECTED not_allowed");
    assert_eq!(role(&bob, json!({ "role": "manager" })).json()["errors"][0]["field"], "manages");
    assert_eq!(role(&bob, json!({ "role": "manager", "manages": [room] })).status, 204);
    assert_eq!(block(&room), "201 ACCEPTED");
    assert_eq!(block(&other), "403 REJECTED not_allowed");
    assert_eq!(w.get("bob", "/api/audit").told(), "403 not_allowed");
    assert_eq!(role(&bob, json!({ "role": "auditor" })).status, 204);
    assert_eq!(w.get("bob", "/api/audit").status, 200);
    assert_eq!(w.get("bob", "/api/deeds").status, 200);
    assert_eq!(w.send(&w.book("bob", "room", "14:00-15:00", 1)).told(), "403 REJECTED not_allowed");
    assert_eq!(w.send(&Ask::post(&format!("/api/people/{bob}/suspend")).by(w.token("root"))).status, 204);
    assert_eq!(w.get("bob", "/api/me").status, 401);
    assert_eq!(w.send(&Ask::post(&format!("/api/people/{bob}/restore")).by(w.token("root"))).status, 204);
    assert_eq!(w.get("bob", "/api/me").status, 200);
}

#[test]
fn links_come_by_mail_are_good_once_and_nobody_is_told_who_there_is() {
    let mut node = Node::start();
    let mail = node.mail();
    let public = "https://book.example.org";
    let w = World::with(
        &[],
        &["--mail-url", &mail, "--mail-from", "Slotwise <no-reply@example.org>", "--public-url", public],
    );
    let body = json!({ "name": "Ann", "email": "ann@example.org" });
    let made = w.send(&Ask::post("/api/invitations").by(w.token("root")).json(&body)).json();
    assert_eq!((&made["sent"], &made["link"]), (&json!(true), &Value::Null), "the link is Ann's alone");
    let mut link = |path: &str| {
        let letter = node.event("$mail", "letter");
        assert_eq!(letter["to"], json!(["ann@example.org"]));
        let text = letter["text"].as_str().unwrap().replace("=\r\n", "").replace("=3D", "=");
        let from = text.find(&format!("{public}/{path}#")).unwrap_or_else(|| panic!("no link in {text}"));
        text[from..].split_whitespace().next().unwrap().split_once('#').unwrap().1.to_owned()
    };
    let token = link("invitation");
    let look = w.send(&Ask::post("/api/invitations/look").json(&json!({ "token": token }))).json();
    assert_eq!((&look["name"], &look["email"]), (&json!("Ann"), &json!("ann@example.org")));
    let choose = |path: &str, token: &str, password: &str| {
        w.send(&Ask::post(path).json(&json!({ "token": token, "password": password })))
    };
    assert_eq!(choose("/api/invitations/accept", &token, "short").status, 422, "the link stays good");
    let accepted = choose("/api/invitations/accept", &token, PASSWORD);
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    let set = accepted.header("set-cookie").unwrap().to_owned();
    assert!(set.starts_with("__Host-slotwise=") && set.contains("; Secure"), "{set}");
    let session = set.split(';').next().unwrap().to_owned();
    assert_eq!(w.send(&with(Ask::get("/api/me"), &session)).status, 200);
    // Over TLS a cookie of a name that others could set is nobody's.
    let planted = session.replace("__Host-slotwise", "slotwise_session");
    assert_eq!(w.send(&with(Ask::get("/api/me"), &planted)).status, 401);

    // A host that a request makes up is in no link.
    let asked = |email: &str| {
        let ask = Ask::post("/api/password-reset").header("x-forwarded-host", "evil.example");
        w.send(&ask.json(&json!({ "email": email })))
    };
    let (known, unknown) = (asked("ann@example.org"), asked("eve@example.org"));
    assert_eq!((known.status, known.body), (204, unknown.body));
    assert_eq!(unknown.status, 204);
    let first = link("reset");
    assert_eq!(asked("ann@example.org").status, 204);
    let second = link("reset");
    assert_eq!(choose("/api/password-reset/finish", &first, "another horse battery").told(), "410 link_over");
    assert_eq!(choose("/api/invitations/accept", &second, "another horse battery").told(), "410 link_over");
    assert_eq!(choose("/api/password-reset/finish", &second, "another horse battery").status, 200);
    assert_eq!(choose("/api/password-reset/finish", &second, PASSWORD).told(), "410 link_over");
    assert_eq!(w.send(&with(Ask::get("/api/me"), &session)).status, 401, "who knew the old one is out");
    assert_eq!(sign_in(&w, "ann@example.org", "another horse battery").status, 200);
    let log = std::fs::read_to_string(w.home.file("log")).unwrap();
    assert!(!log.contains(&second) && !log.contains(&token), "a link in the log");
}

#[test]
fn a_stock_provider_vouches_for_whom_it_knows_by_its_own_name_for_them() {
    let mut node = Node::start();
    let issuer = node.call(json!({ "do": "provider" })).unwrap()["url"].as_str().unwrap().to_owned();
    let mut home = Home::new();
    home.env.push(("SLOTWISE_OIDC_CLIENT_SECRET", "a secret of the test".into()));
    let w =
        World::in_home(home, &[], &["--oidc-issuer", &issuer, "--oidc-client-id", "slotwise", "--oidc-name", "Campus"]);
    let redirect = format!("{}/api/oidc/callback", w.server.url());
    node.call(json!({ "do": "provider", "redirect": redirect, "issuer": issuer })).unwrap();
    assert_eq!(w.send(&Ask::get("/api/doors")).json()["provider"], "Campus");

    // There and back in one browser: what it keeps, and where it is sent in the end.
    let mut round = |login: &str, body: Value, session: Option<&str>| {
        let begun = w.send(&Ask::post("/api/oidc/begin").json(&body));
        assert_eq!(begun.status, 200, "{}", begun.text());
        let kept = begun.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let url = begun.json()["url"].as_str().unwrap().to_owned();
        assert!(
            url.contains("code_challenge_method=S256") && url.contains("nonce=") && url.contains("state="),
            "{url}"
        );
        let back = node.call(json!({ "do": "atProvider", "url": url, "login": login })).unwrap();
        let back = back["back"].as_str().unwrap().strip_prefix(&w.server.url()).unwrap().to_owned();
        let cookies = [Some(kept.as_str()), session].into_iter().flatten().collect::<Vec<_>>().join("; ");
        (back, cookies)
    };
    let come = |back: &str, cookies: &str| w.send(&with(Ask::get(back), cookies));
    let sent_to = |reply: &Reply| reply.header("location").unwrap_or_default().to_owned();

    let (back, cookies) = round("stranger", json!({ "purpose": "sign_in" }), None);
    let reply = come(&back, &cookies);
    assert_eq!((reply.status, sent_to(&reply).as_str()), (303, "/?sign_in=provider_unknown"));

    // By an invitation, once.
    let body = json!({ "name": "Ann", "email": "ann@example.org" });
    let made = w.send(&Ask::post("/api/invitations").by(w.token("root")).json(&body)).json();
    let token = made["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let (back, cookies) = round("ann", json!({ "purpose": "invitation", "token": token }), None);
    let reply = come(&back, &cookies);
    assert_eq!(sent_to(&reply), "/", "{}", reply.text());
    assert_eq!(w.send(&with(Ask::get("/api/me"), &cookie(&reply))).json()["name"], "Ann");
    let (back, cookies) = round("eve", json!({ "purpose": "invitation", "token": token }), None);
    assert_eq!(sent_to(&come(&back, &cookies)), "/?sign_in=link_over");

    // From then on by her name at the provider; a code is good once, and only in the browser that began.
    let (back, cookies) = round("ann", json!({ "purpose": "sign_in" }), None);
    assert_eq!(sent_to(&come(&back, "")), "/?sign_in=provider_expired");
    let other = w.send(&Ask::post("/api/oidc/begin").json(&json!({ "purpose": "sign_in" })));
    let others = other.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(sent_to(&come(&back, &others)), "/?sign_in=provider_expired", "another browser's state");
    let evil = format!("{}&iss=https%3A%2F%2Fevil.example", back.split("&iss=").next().unwrap());
    assert_eq!(sent_to(&come(&evil, &cookies)), "/?sign_in=provider_failed");
    let reply = come(&back, &cookies);
    assert_eq!(sent_to(&reply), "/");
    assert_eq!(w.send(&with(Ask::get("/api/me"), &cookie(&reply))).json()["name"], "Ann");
    assert_eq!(sent_to(&come(&back, &cookies)), "/?sign_in=provider_failed", "the code was used");
    let denied = back.split("code=").next().unwrap().to_owned();
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap();
    assert_eq!(
        sent_to(&come(&format!("{denied}error=access_denied&state={state}"), &cookies)),
        "/?sign_in=provider_denied"
    );

    // Somebody with a password links it themselves, and nobody takes another's.
    let (_, bobs) = invited(&w, "bob", &json!({}));
    let (back, cookies) = round("ann", json!({ "purpose": "link" }), Some(&bobs));
    assert_eq!(sent_to(&come(&back, &cookies)), "/?sign_in=provider_taken");
    let (back, cookies) = round("bobby", json!({ "purpose": "link" }), Some(&bobs));
    assert_eq!(sent_to(&come(&back, &cookies)), "/profile");
    let (back, cookies) = round("bobby", json!({ "purpose": "sign_in" }), None);
    assert_eq!(w.send(&with(Ask::get("/api/me"), &cookie(&come(&back, &cookies)))).json()["name"], "bob");
}

#[test]
fn tries_are_counted_by_name_and_place_whether_there_is_anybody_or_not() {
    let w = World::with(&[], &[]);
    let (_, _) = invited(&w, "ann", &json!({}));
    let tries = |email: &str| (0..14).map(|_| sign_in(&w, email, "wrong horse battery").status).collect::<Vec<_>>();
    for email in ["ann@example.org", "eve@example.org"] {
        let told = tries(email);
        assert_eq!((told[0], *told.last().unwrap()), (401, 429), "{email}: {told:?}");
    }
    assert_eq!(sign_in(&w, "bob@example.org", "wrong horse battery").status, 401, "another name has its own tries");
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let w = World::new(&[]);
    for path in ["/", "/api/me", "/api/doors", "/nowhere", "/api/nowhere"] {
        let reply = w.send(&Ask::get(path));
        let header = |name: &str| reply.header(name).unwrap_or_default().to_owned();
        let csp = header("content-security-policy");
        for says in [
            "default-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "object-src 'none'",
        ] {
            assert!(csp.contains(says), "{path}: {says} is not in {csp}");
        }
        assert!(!csp.contains("script-src") && !csp.contains("unsafe-eval"), "{path}: scripts are ours alone");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert!(header("permissions-policy").contains("camera=()"), "{path}");
    }
}
