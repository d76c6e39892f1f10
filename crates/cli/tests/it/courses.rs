//! Course registration over HTTP: the catalogue, a plan checked and registered for at once or line by line, drop and swap, and the
//! rules that refuse, each with its reason and a way out.

use crate::harness::{Ask, Reply, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A term of sections by name.
struct Term {
    w: World,
    term: String,
    sections: BTreeMap<&'static str, String>,
}

/// Of a section: its name, its course as `subject number title`, section and part, when it meets, and what is different of it.
type Row = (&'static str, [&'static str; 5], Option<(&'static [&'static str], &'static str, &'static str)>, Value);

impl Term {
    fn new(people: &[&str], policy: &Value) -> Term {
        let mut w = World::new(people);
        let term = w.resource("Autumn", json!({ "kind": "group", "zone": "America/Los_Angeles", "policy": policy }));
        w.forget_room("Autumn");
        Term { w, term, sections: BTreeMap::new() }
    }

    fn section(&mut self, (name, course, meets, fields): Row) -> &mut Term {
        let [subject, number, title, section, part] = course;
        let first = self.w.day;
        let last = first.checked_add(jiff::Span::new().days(70)).unwrap();
        let meetings: Vec<Value> = meets
            .iter()
            .map(|(days, from, to)| {
                json!({ "days": days, "from": from, "to": to, "first": first.to_string(), "last": last.to_string() })
            })
            .collect();
        let mut body = json!({
            "kind": "section", "capacity": 2, "group": self.term, "zone": "America/Los_Angeles",
            "interval": { "start": format!("{first}T00:00"), "end": format!("{last}T24:00").replace("T24:00", "T23:59") },
            "course": { "subject": subject, "number": number, "title": title, "section": section, "part": part, "credits": 4,
                        "meetings": meetings },
        });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let id = self.w.resource(name, body);
        self.sections.insert(name, id);
        self
    }

    fn id(&self, name: &str) -> &str {
        self.sections.get(name).unwrap_or_else(|| panic!("no section is called {name}"))
    }

    fn name(&self, id: &Value) -> &'static str {
        self.sections.iter().find(|(_, known)| id == known.as_str()).map(|(name, _)| *name).unwrap()
    }

    /// `math+lab chem` as lines of a plan.
    fn lines(&self, plan: &str) -> Value {
        let line = |line: &str| json!({ "sections": line.split('+').map(|name| self.id(name)).collect::<Vec<_>>() });
        plan.split_whitespace().map(line).collect()
    }

    fn check(&self, who: &str, plan: &str) -> Value {
        let ask = Ask::post("/api/plan/check").by(self.w.token(who)).json(&json!({ "lines": self.lines(plan) }));
        let reply = self.w.send(&ask);
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    fn register(&self, who: &str, plan: &str, contract: &str, keys: &[Uuid]) -> Reply {
        let body = json!({ "contract": contract, "keys": keys, "lines": self.lines(plan) });
        self.w.send(&Ask::post("/api/plan/register").by(self.w.token(who)).json(&body))
    }

    /// What each attempt was told: status, outcome and code, and the ways out by name.
    fn told(&self, reply: &Reply) -> Vec<String> {
        assert_eq!(reply.status, 200, "{}", reply.text());
        let attempts = reply.json()["attempts"].as_array().unwrap().clone();
        attempts.iter().map(|a| format!("{}{}", said(a), self.fixes(&a["fixes"]))).collect()
    }

    fn fixes(&self, fixes: &Value) -> String {
        let fix = |f: &Value| {
            let names: Vec<&str> = f["sections"].as_array().unwrap().iter().map(|id| self.name(id)).collect();
            format!("; {} {}", f["fix"].as_str().unwrap(), names.join("+"))
        };
        fixes.as_array().unwrap().iter().map(fix).collect()
    }

    fn would(&self, line: &Value) -> String {
        let code = line["reason"]["code"].as_str().unwrap_or_default();
        format!("{} {code}{}", line["would"].as_str().unwrap(), self.fixes(&line["fixes"]))
            .replace(" ;", ";")
            .trim()
            .into()
    }

    fn register_all(&self, who: &str, plan: &str) -> Vec<String> {
        self.told(&self.register(who, plan, "all_or_nothing", &[Uuid::now_v7()]))
    }

    fn each(&self, who: &str, plan: &str) -> Vec<String> {
        let keys: Vec<_> = plan.split_whitespace().map(|_| Uuid::now_v7()).collect();
        self.told(&self.register(who, plan, "line_by_line", &keys))
    }

    /// The sections of one's bookings, by booking.
    fn enrolled(&self, who: &str) -> Vec<String> {
        let page = self.w.read(who, "/api/bookings?owner=me&state=confirmed");
        let names = |b: &Value| -> String {
            let lines = b["lines"].as_array().unwrap().iter();
            lines.map(|l| self.name(&l["resource"])).collect::<Vec<_>>().join("+")
        };
        let mut all: Vec<String> = page["items"].as_array().unwrap().iter().map(names).collect();
        all.sort();
        all
    }

    fn booking(&self, who: &str, section: &str) -> String {
        let section = self.listed(who, section);
        section["booking"].as_str().unwrap_or_else(|| panic!("{who} is not in it: {section}")).to_owned()
    }

    /// A section as the catalogue has it.
    fn listed(&self, who: &str, name: &str) -> Value {
        let page = self.w.read(who, &format!("/api/courses?term={}", self.term));
        let mut sections = page["items"].as_array().unwrap().iter().flat_map(|c| c["sections"].as_array().unwrap());
        sections.find(|s| s["id"] == self.id(name)).unwrap().clone()
    }

    fn move_to(&self, who: &str, booking: &str, sections: &str) -> Reply {
        let lines: Vec<Value> = sections.split('+').map(|name| json!({ "resource": self.id(name) })).collect();
        let path = format!("/api/bookings/{booking}/move");
        self.w.send(&self.w.change(who, "POST", &path).json(&json!({ "lines": lines })))
    }

    fn tags(&self, who: &str, tags: &[&str]) {
        let path = format!("/api/people/{}/facts", self.w.person(who).id);
        let version = self.w.read("root", &path)["version"].as_u64().unwrap();
        let put = Ask::new("PUT", &path).by(self.w.token("root")).header("if-match", version.to_string());
        assert_eq!(self.w.send(&put.json(&json!({ "tags": tags }))).status, 200);
    }
}

fn said(attempt: &Value) -> String {
    let word = |name: &str| attempt[name].as_str().unwrap_or_default().to_owned();
    let replayed = if attempt["replayed"] == true { " replayed" } else { "" };
    format!("{} {} {}", attempt["status"], word("outcome"), word("code")).trim().to_owned() + replayed
}

const MON_WED: &[&str] = &["mo", "we"];
const TUE_THU: &[&str] = &["tu", "th"];

/// A term with algebra in two sections and its lab, biology, and chemistry for those who passed something.
fn autumn(people: &[&str]) -> Term {
    let mut t = Term::new(
        people,
        &json!({ "own_overlap": "refuse", "hold_at": "none", "waitlist": { "mode": "book", "fill": "skip" } }),
    );
    t.section(("math", ["MATH", "2", "Algebra", "001", "lecture"], Some((MON_WED, "10:00", "10:50")), json!({})))
        .section(("math2", ["MATH", "2", "Algebra", "002", "lecture"], Some((TUE_THU, "10:00", "10:50")), json!({})))
        .section(("bio", ["BIO", "10", "Biology", "001", "lecture"], Some((MON_WED, "10:30", "11:20")), json!({})))
        .section(("calc", ["MATH", "10", "Calculus", "001", "lecture"], Some((TUE_THU, "14:00", "15:00")), json!({})))
        .section((
            "chem",
            ["CHEM", "1", "Chemistry", "001", "lecture"],
            Some((TUE_THU, "08:00", "08:50")),
            json!({ "policy": { "eligibility": [{ "all": ["passed:MATH2"] }, { "none": ["hold:*"] }] } }),
        ));
    t
}

#[test]
fn the_catalogue_lists_courses_with_their_sections_live() {
    let mut t = autumn(&["ann", "bob", "cat"]);
    let art = ["ART", "1", "Drawing", "001", "studio"];
    t.section((
        "art",
        art,
        None,
        json!({ "capacity": 1, "policy": { "waitlist": { "mode": "book", "fill": "skip" } } }),
    ));
    let names = |page: &Value| -> Vec<String> {
        let name = |c: &Value| format!("{} {}", c["subject"].as_str().unwrap(), c["number"].as_str().unwrap());
        page["items"].as_array().unwrap().iter().map(name).collect()
    };
    let all = t.w.read("ann", "/api/courses");
    assert_eq!(names(&all), ["ART 1", "BIO 10", "CHEM 1", "MATH 2", "MATH 10"]);
    assert_eq!(all["subjects"], json!({ "ART": 1, "BIO": 1, "CHEM": 1, "MATH": 2 }));
    let math = &all["items"][3];
    assert_eq!(
        (&math["title"], &math["term_name"], &math["parts"]),
        (&json!("Algebra"), &json!("Autumn"), &json!(["lecture"]))
    );
    assert_eq!(math["sections"].as_array().unwrap().len(), 2);
    let section = &math["sections"][0];
    assert_eq!(section["course"]["meetings"][0]["days"], json!(["mo", "we"]));
    assert_eq!(
        (&section["course"]["credits"], &section["remaining"], &section["badge"]),
        (&json!(4.0), &json!(2), &json!("open"))
    );

    // Pages follow each other, and say where they went on.
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = t.w.read("ann", &format!("/api/courses?limit=2{after}"));
        seen.extend(names(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", next.replace(' ', "%20")),
            None => break,
        }
    }
    assert_eq!(seen, names(&all));
    assert_eq!(names(&t.w.read("ann", "/api/courses?subject=MATH&number=10")), ["MATH 10"]);
    assert_eq!(names(&t.w.read("ann", "/api/courses?q=alg%20lecture")), ["MATH 2"]);
    assert_eq!(t.w.get("ann", "/api/courses?after=x").status, 422);
    assert_eq!(names(&t.w.read("ann", "/api/courses?term=0190aaaa-0000-7000-8000-000000000000")), [""; 0]);

    // What is taken shows at once, with its version, and one's own with it.
    let before = t.listed("ann", "art")["version"].as_u64().unwrap();
    assert_eq!(t.each("ann", "art"), ["201 BOOKED"]);
    let join = json!({ "resource": t.id("art") });
    assert_eq!(t.w.send(&t.w.change("bob", "POST", "/api/waitlist").json(&join)).told(), "201 ACCEPTED");
    let (ann, bob, cat) = (t.listed("ann", "art"), t.listed("bob", "art"), t.listed("cat", "art"));
    assert_eq!(
        (&cat["badge"], &cat["waiting"], &cat["remaining"], &cat["waitlist"]),
        (&json!("waitlist"), &json!(1), &json!(0), &json!(1000))
    );
    assert!(
        ann["booking"].is_string() && ann["entry"].is_null() && bob["entry"].is_string() && cat["booking"].is_null()
    );
    assert_eq!(cat["version"].as_u64(), Some(before + 2));
    assert_eq!(names(&t.w.read("ann", "/api/courses?open=true")), ["BIO 10", "CHEM 1", "MATH 2", "MATH 10"]);
    let open = t.w.read("ann", "/api/courses?open=true&limit=1");
    assert_eq!((names(&open), open["next"].is_string()), (vec!["BIO 10".to_owned()], true));
}

#[test]
fn a_plan_is_registered_for_all_at_once_or_not_at_all() {
    let t = autumn(&["ann", "bob", "cat"]);
    assert_eq!(t.register_all("ann", "math calc"), ["201 BOOKED"]);
    assert_eq!(t.register_all("bob", "math calc"), ["201 BOOKED"]);
    assert_eq!(t.register_all("cat", "math bio"), ["409 REJECTED own_overlap; instead math2+bio"]);
    assert_eq!(t.register_all("cat", "math2 math"), ["409 REJECTED full; wait math"]);
    assert_eq!(t.register_all("cat", "bio calc"), ["409 REJECTED full; wait calc"]);
    assert_eq!(t.enrolled("cat"), [""; 0]);
    // The same key is the same attempt.
    let key = Uuid::now_v7();
    assert_eq!(t.told(&t.register("cat", "bio math2", "all_or_nothing", &[key])), ["201 BOOKED"]);
    assert_eq!(t.told(&t.register("cat", "bio math2", "all_or_nothing", &[key])), ["200 BOOKED replayed"]);
    assert_eq!(t.told(&t.register("cat", "bio", "all_or_nothing", &[key])), ["422  key_reused"]);
    assert_eq!(t.enrolled("cat"), ["bio+math2"]);
    // One of several is dropped without the others.
    let dropped = t.move_to("cat", &t.booking("cat", "bio"), "math2");
    assert_eq!((dropped.told().as_str(), t.enrolled("cat")), ("200 ACCEPTED", vec!["math2".to_owned()]));
}

#[test]
fn a_plan_is_registered_for_line_by_line_each_with_its_reason_and_a_way_out() {
    let mut t = autumn(&["ann", "bob", "cat"]);
    t.section(("lab", ["BIO", "10", "Biology", "L1", "lab"], Some((TUE_THU, "16:00", "17:00")), json!({})));
    t.section(("lab2", ["BIO", "10", "Biology", "L2", "lab"], Some((TUE_THU, "14:30", "15:00")), json!({})));
    let link = json!({ "linked": [[t.id("lab2"), t.id("lab")]] });
    let path = format!("/api/resources/{}", t.id("bio"));
    assert_eq!(
        t.w.send(&t.w.change("root", "PATCH", &path).header("if-match", "1").json(&link)).told(),
        "200 ACCEPTED"
    );
    for who in ["ann", "bob"] {
        assert_eq!(t.each(who, "math"), ["201 BOOKED"]);
    }
    let keys: Vec<_> = (0..4).map(|_| Uuid::now_v7()).collect();
    let expected = [
        "409 REJECTED full; instead math2; wait math",
        "201 BOOKED",
        "403 REJECTED not_eligible",
        "403 REJECTED not_eligible; add bio+lab",
    ];
    assert_eq!(t.told(&t.register("cat", "math calc chem bio", "line_by_line", &keys)), expected);
    assert_eq!(t.enrolled("cat"), ["calc"]);
    // Sent again, each is answered as it was.
    let again = t.told(&t.register("cat", "math calc chem bio", "line_by_line", &keys));
    assert_eq!(again.iter().filter(|told| told.contains("replayed")).count(), 4);
    assert_eq!(t.enrolled("cat"), ["calc"]);
    assert_eq!(t.each("cat", "bio+lab"), ["201 BOOKED"]);

    // What is malformed becomes no attempt.
    let asked = |body: &Value| t.w.send(&Ask::post("/api/plan/register").by(t.w.token("cat")).json(body));
    let math = t.id("math").to_owned();
    let line = json!({ "sections": [math] });
    for (body, field) in [
        (json!({ "contract": "line_by_line", "keys": [], "lines": [line] }), "keys"),
        (json!({ "contract": "line_by_line", "keys": [Uuid::nil()], "lines": [line] }), "keys[0]"),
        (json!({ "contract": "all_or_nothing", "keys": [Uuid::now_v7()], "lines": [] }), "lines"),
        (json!({ "contract": "all_or_nothing", "keys": [Uuid::now_v7()], "lines": [line, line] }), "lines[1].sections"),
        (
            json!({ "contract": "all_or_nothing", "keys": [Uuid::now_v7()], "lines": [{ "sections": [] }] }),
            "lines[0].sections",
        ),
    ] {
        let refused = asked(&body);
        assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!(field)), "{}", refused.text());
    }
    let other =
        json!({ "contract": "all_or_nothing", "keys": [Uuid::now_v7()], "lines": [line], "for": t.w.person("ann").id });
    assert_eq!(said(&asked(&other).json()["attempts"][0]), "403 REJECTED not_allowed");
}

#[test]
fn a_plan_is_kept_and_is_the_same_on_every_device() {
    let mut t = autumn(&["ann", "bob"]);
    let put = |t: &Term, version: u64, plan: &str| {
        let ask = Ask::new("PUT", "/api/plan").by(t.w.token("ann")).header("if-match", format!("\"{version}\""));
        t.w.send(&ask.json(&json!({ "lines": t.lines(plan) })))
    };
    assert_eq!(t.w.read("ann", "/api/plan")["version"], 0);
    assert_eq!(put(&t, 0, "math+bio calc").json()["version"], 1);
    // The other device has not seen that yet: it is told, and nothing is lost.
    let stale = put(&t, 0, "chem");
    assert_eq!((stale.status, &stale.json()["theirs"]["lines"]), (412, &t.lines("math+bio calc")), "{}", stale.text());
    assert_eq!(put(&t, 1, "math chem").json()["version"], 2);
    assert_eq!(t.w.read("bob", "/api/plan")["lines"], json!([]));
    t.w.kill_and_start_again();
    let kept = t.w.read("ann", "/api/plan");
    assert_eq!((&kept["lines"], &kept["version"]), (&t.lines("math chem"), &json!(2)));
    assert_eq!(put(&t, 2, "").json()["lines"], json!([]));
    // It holds nothing, and names sections only.
    assert_eq!(t.listed("ann", "math")["remaining"], 2);
    let line = json!({ "lines": [{ "sections": [t.term] }] });
    let refused = t.w.send(&Ask::new("PUT", "/api/plan").by(t.w.token("ann")).header("if-match", "3").json(&line));
    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!("lines[0].sections")));
    assert_eq!(t.w.send(&Ask::new("PUT", "/api/plan").by(t.w.token("ann")).json(&json!({ "lines": [] }))).status, 428);
    // Who is forgotten has no plan any more, and nothing of it stands in the way.
    assert_eq!(put(&t, 3, "math").json()["version"], 4);
    let path = format!("/api/people/{}/erase", t.w.person("ann").id);
    assert_eq!(t.w.send(&Ask::post(&path).by(t.w.token("root"))).status, 200);
}

#[test]
fn a_swap_keeps_the_old_seat_until_it_has_the_new() {
    let t = autumn(&["ann", "bob", "cat"]);
    for who in ["ann", "bob"] {
        assert_eq!(t.each(who, "math2"), ["201 BOOKED"]);
    }
    assert_eq!(t.each("cat", "math"), ["201 BOOKED"]);
    let booking = t.booking("cat", "math");
    let refused = t.move_to("cat", &booking, "math2");
    assert_eq!((refused.told().as_str(), t.enrolled("cat")), ("409 REJECTED full", vec!["math".to_owned()]));
    // A waitlist can keep it too: given up in the commit in which the new one is had.
    let join = json!({ "resource": t.id("math2"), "gives_up": booking });
    assert_eq!(t.w.send(&t.w.change("cat", "POST", "/api/waitlist").json(&join)).told(), "201 ACCEPTED");
    assert_eq!(t.enrolled("cat"), ["math"]);
    assert_eq!(t.w.send(&t.w.cancel("ann", &t.booking("ann", "math2"))).told(), "200 ACCEPTED");
    assert_eq!(t.enrolled("cat"), ["math2"]);
    assert_eq!(t.listed("cat", "math")["remaining"], 2);
    assert_eq!(t.move_to("cat", &t.booking("cat", "math2"), "math").told(), "200 ACCEPTED");
    assert_eq!(t.enrolled("cat"), ["math"]);
}

#[test]
fn prerequisites_and_holds_on_a_person_refuse_with_their_reason() {
    let t = autumn(&["ann"]);
    let reason = || {
        let checked = t.check("ann", "chem");
        (t.would(&checked["lines"][0]), checked["lines"][0]["reason"]["detail"].as_str().unwrap_or_default().to_owned())
    };
    let (would, detail) = reason();
    assert!(would == "REJECTED not_eligible" && detail.contains("passed:MATH2"), "{would}: {detail}");
    t.tags("ann", &["passed:MATH2", "hold:library"]);
    let (would, detail) = reason();
    assert!(would == "REJECTED not_eligible" && detail.contains("hold:"), "{would}: {detail}");
    assert_eq!(t.each("ann", "chem"), ["403 REJECTED not_eligible"]);
    t.tags("ann", &["passed:MATH2"]);
    assert_eq!(reason().0, "BOOKED");
    assert_eq!(t.each("ann", "chem"), ["201 BOOKED"]);
    // Whoever loses what was asked keeps what they have.
    t.tags("ann", &[]);
    assert_eq!(t.enrolled("ann"), ["chem"]);
}

#[test]
fn a_plan_is_checked_before_the_window_opens_and_the_window_is_judged_by_the_server() {
    let mut t = autumn(&["ann"]);
    let day = json!({ "elapsed_s": 86_400 });
    t.section((
        "late",
        ["ART", "2", "Ink", "001", "studio"],
        Some((MON_WED, "10:20", "10:40")),
        json!({ "policy": { "book_from": day } }),
    ));
    t.section((
        "gone",
        ["ART", "3", "Oil", "001", "studio"],
        None,
        json!({ "policy": { "book_by": { "days_before": 200, "at": "00:00" } } }),
    ));
    let checked = t.check("ann", "late math chem gone");
    let lines = checked["lines"].as_array().unwrap();
    let would: Vec<String> = lines.iter().map(|line| t.would(line)).collect();
    assert_eq!(would, ["BOOKED", "BOOKED", "REJECTED not_eligible", "REJECTED past_cutoff"]);
    assert_eq!(lines[0]["opens_at"], t.listed("ann", "late")["opens_at"]);
    assert!(lines[0]["opens_at"].is_string() && lines[1]["opens_at"].is_null());
    assert_eq!(
        (&lines[0]["clashes_with"], &lines[1]["clashes_with"], &lines[2]["clashes_with"]),
        (&json!([1]), &json!([0]), &json!([]))
    );
    assert_eq!(checked["credits"], 16.0);
    assert_eq!(t.would(&checked["together"]), "REJECTED not_eligible");
    let two = t.check("ann", "late math");
    assert_eq!(t.would(&two["together"]), "REJECTED own_overlap; instead late+math2");
    // Nothing of it was kept.
    assert_eq!((t.enrolled("ann"), &t.listed("ann", "math")["remaining"]), (vec![], &json!(2)));
    assert_eq!(t.each("ann", "late gone"), ["409 REJECTED too_early", "409 REJECTED past_cutoff"]);
    assert_eq!(t.listed("ann", "gone")["badge"], "past_cutoff");
}

#[test]
fn sections_of_one_term_clash_where_they_meet_also_on_two_devices_at_once() {
    let t = autumn(&["ann", "bob"]);
    let asks: Vec<Ask> = ["math", "bio"]
        .iter()
        .map(|name| {
            let body = json!({ "lines": [{ "resource": t.id(name) }] });
            t.w.change("ann", "POST", "/api/bookings").json(&body)
        })
        .collect();
    let mut told: Vec<String> = t.w.race(&asks).iter().map(Reply::told).collect();
    told.sort();
    assert_eq!(told, ["201 BOOKED", "409 REJECTED own_overlap"]);
    let path = format!("/api/search?kind=section&group={}&start={1}T09:00:00Z&end={1}T23:00:00Z", t.term, t.w.day);
    let before = t.w.read("ann", &path);
    assert_eq!(before["items"].as_array().unwrap().iter().filter(|i| i["free"] == true).count(), 2, "{before}");
    assert_eq!(t.each("ann", "math2 calc"), ["201 BOOKED", "201 BOOKED"]);
    assert_eq!(t.each("ann", "math2"), ["409 REJECTED own_overlap"]);
    // Search says the same, section by section.
    let found = t.w.read("ann", &path);
    let reason = |name: &str| {
        let item = found["items"].as_array().unwrap().iter().find(|i| i["resource"]["id"] == t.id(name)).unwrap();
        item["reason"]["code"].as_str().unwrap_or("free").to_owned()
    };
    let told = ["math", "bio", "math2", "calc", "chem"].map(reason);
    assert_eq!(told, ["own_overlap", "own_overlap", "own_overlap", "own_overlap", "not_eligible"], "{found}");
    let bob = t.w.read("bob", &path);
    assert_eq!(bob["items"].as_array().unwrap().iter().filter(|i| i["free"] == true).count(), 4, "{bob}");
    // When a section meets stays while somebody is in it.
    let path = format!("/api/resources/{}", t.id("calc"));
    let course = json!({ "course": { "subject": "MATH", "number": "10", "title": "Calculus", "section": "001", "part": "lecture" } });
    let edit = t.w.send(&t.w.change("root", "PATCH", &path).header("if-match", "1").json(&course));
    assert_eq!(
        (edit.told().as_str(), &edit.json()["witness"]["rule"]),
        ("422 REJECTED invalid", &json!("course.meetings")),
        "{}",
        edit.text()
    );
    let bad = json!({ "course": { "subject": "MATH", "number": "10", "title": "Calculus", "section": "001",
        "meetings": [{ "days": ["mo"], "from": "10:00", "to": "25:00", "first": "2027-01-04", "last": "2027-03-01" }] } });
    let refused = t.w.send(&t.w.change("root", "PATCH", &path).header("if-match", "1").json(&bad));
    assert_eq!(
        (refused.status, &refused.json()["errors"][0]["field"]),
        (422, &json!("course.meetings[0]")),
        "{}",
        refused.text()
    );
}

#[test]
fn a_term_that_runs_is_added_and_dropped_until_its_instants() {
    let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    let hours = |n: i64| now.checked_add(jiff::SignedDuration::from_hours(n)).unwrap();
    let day = hours(240).to_zoned(jiff::tz::TimeZone::get("America/Los_Angeles").unwrap()).date();
    // By the clock of the term, and with an offset.
    let mut t = Term::new(
        &["ann", "bob"],
        &json!({ "hold_at": "none", "waitlist": { "mode": "book", "fill": "skip" }, "book_by": { "at": format!("{day}T17:00") },
                 "cancel_by": { "at": hours(300).to_string() } }),
    );
    let week = json!({ "start": hours(-48).to_string(), "end": hours(1000).to_string() });
    let added = |policy: Value| json!({ "capacity": 1, "interval": week, "policy": policy });
    let course = |n: &'static str| ["ART", n, "Ink", "001", "studio"];
    let started = hours(-48);
    t.section(("runs", course("1"), None, added(json!({}))))
        .section(("begun", course("2"), None, added(json!({ "book_by": null }))))
        .section(("gone", course("3"), None, added(json!({ "book_by": { "at": hours(-1).to_string() } }))))
        .section(("kept", course("4"), None, added(json!({ "cancel_by": { "at": started.to_string() } }))));
    assert_eq!(
        t.each("ann", "runs begun gone kept"),
        ["201 BOOKED", "409 REJECTED past_cutoff", "409 REJECTED past_cutoff", "201 BOOKED"]
    );
    let closes = day.at(17, 0, 0, 0).in_tz("America/Los_Angeles").unwrap().timestamp();
    let listed = t.listed("ann", "runs");
    assert_eq!(listed["add_by"].as_str().map(|at| at.parse().unwrap()), Some(closes));
    let badges = ["runs", "begun", "gone"].map(|name| t.listed("bob", name)["badge"].clone());
    assert_eq!(badges, ["full", "past_cutoff", "past_cutoff"]);
    // Whoever waits while it runs has the seat of whoever drops while it runs.
    let wait = json!({ "line": { "resource": t.id("runs") } });
    assert_eq!(t.w.send(&t.w.change("bob", "POST", "/api/waitlist").json(&wait)).status, 201);
    let cancel = |who: &str, name: &str| {
        let path = format!("/api/bookings/{}/cancel", t.booking(who, name));
        t.w.send(&t.w.change(who, "POST", &path).json(&json!({}))).told()
    };
    assert_eq!(cancel("ann", "runs"), "200 ACCEPTED");
    assert_eq!(t.enrolled("bob"), ["runs"]);
    assert_eq!(cancel("ann", "kept"), "409 past_cutoff");
    // The term moves its last day, and what follows it moves with it.
    let moved = json!({ "policy": { "hold_at": "none", "book_by": { "at": hours(-1).to_string() } } });
    let edit =
        t.w.change("root", "PATCH", &format!("/api/resources/{}", t.term)).header("if-match", "\"1\"").json(&moved);
    assert_eq!(t.w.send(&edit).status, 200);
    assert_eq!(t.listed("ann", "runs")["badge"], "past_cutoff");
}

#[test]
fn a_term_limits_credits_and_a_person_may_have_an_allowance() {
    let quota = json!({ "most": 6.5, "counts": "credits", "period": "all", "scope": "group" });
    let mut t = Term::new(&["ann", "bob"], &json!({ "hold_at": "none", "waitlist": null, "quota": quota }));
    for (name, number) in [("one", "1"), ("two", "2")] {
        t.section((name, ["ART", number, "Ink", "001", "studio"], None, json!({})));
    }
    t.section(("short", ["ART", "3", "Oil", "001", "studio"], None, json!({ "policy": { "credits": 2.5 } })));
    assert_eq!(t.w.read("ann", &format!("/api/resources/{}", t.term))["policy"]["quota"], quota);
    assert_eq!(t.each("ann", "one two short"), ["201 BOOKED", "409 REJECTED quota_exceeded", "201 BOOKED"]);
    let refused =
        t.w.send(&t.w.change("ann", "POST", "/api/bookings").json(&json!({ "lines": [{ "resource": t.id("two") }] })))
            .json();
    let witness = &refused["witness"];
    assert_eq!(
        (&witness["kind"], &witness["counts"], &witness["counted"], &witness["most"]),
        (&json!("quota"), &json!("credits"), &json!(6.5), &json!(6.5))
    );
    assert!(refused["detail"].as_str().unwrap().starts_with("6.5 credits may be booked per person"), "{refused}");
    // Together they are summed: a check says so before the attempt does.
    let together = t.check("bob", "one two")["together"].clone();
    assert_eq!(t.would(&together), "REJECTED quota_exceeded");
    assert_eq!(t.register_all("bob", "one two"), ["409 REJECTED quota_exceeded"]);
    let path = format!("/api/people/{}/facts", t.w.person("bob").id);
    let put = Ask::new("PUT", &path).by(t.w.token("root")).header("if-match", "0");
    assert_eq!(t.w.send(&put.json(&json!({ "tags": [], "allowances": { &*t.term: 8 } }))).status, 200);
    assert_eq!(t.register_all("bob", "one two"), ["201 BOOKED"]);
    let half =
        json!({ "kind": "room", "name": "x", "zone": "UTC", "policy": { "quota": { "most": 1.5, "period": "all" } } });
    assert_eq!(t.w.send(&t.w.change("root", "POST", "/api/resources").json(&half)).told(), "422 malformed");
}
