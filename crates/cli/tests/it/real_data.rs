//! Real data through the commands that read it: registration replayed change by change, a college's sections, a university's rooms.
//! The files do not all ship; where they are not there, what needs them says so and is skipped.

use crate::harness::{Ask, Home, UNLIMITED, World, slotwise};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Runs a command on a data folder: what it said, or what was wrong.
fn run(command: &[&str], file: &Path, data: &Path) -> Result<String, String> {
    let out = slotwise(command).arg(file).arg("--data").arg(data).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
}

/// A file of the folder of real data.
fn real(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SLOTWISE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let file = folder.join(name);
    if !file.is_file() {
        eprintln!("SKIPPED: {} is not there", file.display());
    }
    file.is_file().then_some(file)
}

fn verified(data: &Path) {
    let out = slotwise(&["verify"]).arg(data).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

const HEADER: &str = "time,section,enrolled,available,waitlisted,total\n";

#[test]
fn registration_is_replayed_row_by_row_and_what_breaks_a_rule_is_refused_and_counted() {
    let home = Home::new();
    let (file, data) = (home.file("changes.csv"), home.file("replayed"));
    let rows = "2022-05-18T04:39:26,A 1_A,0,2,0,2\n2022-05-18T04:39:26,B 1_A,0,9999,0,9999\n2022-05-18T04:39:27,C 1_A,0,0,0,0\n\
        2022-05-18T04:39:27,D 1_A,0,1,0,1\n2022-05-18T04:39:27,E 1_A,0,2,0,2\n2022-05-19T00:00:00,A 1_A,2,0,0,2\n\
        2022-05-19T00:00:01,B 1_A,3,9999,0,9999\n2022-05-19T00:00:02,C 1_A,0,0,2,0\n2022-05-19T00:00:02,D 1_A,2,0,0,1\n\
        2022-05-19T00:00:02,E 1_A,2,0,1,2\n2022-05-20T00:00:00,A 1_A,2,0,3,2\n2022-05-20T00:00:00,C 1_A,2,1,0,3\n\
        2022-05-20T00:00:01,A 1_A,4,0,1,4\n2022-05-20T00:00:02,A 1_A,4,0,0,4\n2022-05-20T00:00:03,A 1_A,1,3,0,4\n\
        2022-05-20T00:00:04,A 1_A,1,0,0,1\n2022-05-20T00:00:04,E 1_A,1,1,1,2\n2022-05-20T00:00:05,D 1_A,2,1,0,3\n";
    fs::write(&file, format!("{HEADER}{rows}")).unwrap();
    let said = run(&["replay", "ucsd-changes"], &file, &data).unwrap();
    let expected = "18 rows of 5 sections replayed.\n\
        3 sections are never over their seats nor free with people waiting: 3 ended as the file, 3 went as it after every row with nothing refused.\n\
        Of the other 2:\n     1  as the file at the end, not after every row\n     \
        1  waiters have got their seats: the file has people waiting beside free seats";
    assert!(said.starts_with(expected), "{said}");
    let report = fs::read_to_string(data.join("replay-ucsd-changes.txt")).unwrap();
    for line in [
        "1 × enrol REJECTED full",
        "D 1_A\tas the file at the end",
        "+13 -4 enrolled, +6 -5 waiting, 4 changes of seats",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    verified(&data);
    // A folder in which something is stays as it is.
    let again = run(&["replay", "ucsd-changes"], &file, &data).unwrap_err();
    assert!(again.contains("there is something in this folder already"), "{again}");

    // What does not read as it should is told with line and column, and nothing is done.
    for (row, says) in [
        ("2022-05-18T04:39:26,A 1_A,x,2,0,2", "line 2: enrolled: \"x\" is no whole number"),
        ("2022-05-18,A 1_A,0,1,0,2", "line 2: available: is 1, and what is left of total is 2"),
        ("yesterday,A 1_A,0,2,0,2", "line 2: time: \"yesterday\" is no date and time"),
        ("2022-05-18T04:39:26,,0,2,0,2", "line 2: section: must have 1 to 100 characters"),
        ("2022-05-18T04:39:26,A 1_A,0,2,0", "(line: 2"),
        ("2022-05-18T04:39:26,A,0,2,0,2\n2022-05-17T00:00:00,A,0,2,0,2", "line 3: time: is before"),
    ] {
        fs::write(&file, format!("{HEADER}{row}\n")).unwrap();
        let fresh = home.file("fresh");
        let refused = run(&["replay", "ucsd-changes"], &file, &fresh).unwrap_err();
        assert!(refused.contains(says), "{row}: {refused}");
        assert!(!fresh.exists(), "{row}");
    }
}

/// About half a minute: every change of 349 sections over half a year.
#[test]
fn registration_as_it_happened_ends_as_it_ended() {
    let Some(file) = real("ucsd_FA22G_section_changes.csv.gz") else { return };
    let home = Home::new();
    let data = home.file("replayed");
    let said = run(&["replay", "ucsd-changes"], &file, &data).unwrap();
    let expected = "8810 rows of 349 sections replayed.\n284 sections are never over their seats nor free with people waiting: \
        284 ended as the file, 284 went as it after every row with nothing refused.\nOf the other 65:\n";
    assert!(said.starts_with(expected), "{said}");
    let report = fs::read_to_string(data.join("replay-ucsd-changes.txt")).unwrap();
    assert!(report.contains("+5142 -1934 enrolled, +3214 -2991 waiting, 154 changes of seats"), "{report}");
    verified(&data);
}

#[test]
fn a_college_and_its_rooms_are_imported_once_and_found() {
    let (Some(sections), Some(rooms)) = (real("foothill_sections.json"), real("ubc_rooms.csv")) else { return };
    let home = Home::new();
    drop(home.key_create("root", "admin"));
    for (made, there) in [(1098, 0), (0, 1098)] {
        let said = run(&["import", "foothill"], &sections, &home.data()).unwrap();
        let expected = format!(
            "1098 of 1099 sections (138 Full, 785 Open, 175 Waitlist): {made} made, {there} there already and left as they are. 737 people wait."
        );
        assert!(said.starts_with(&expected), "{said}");
    }
    assert!(run(&["import", "ubc-rooms"], &rooms, &home.data()).unwrap().starts_with("366 rooms: 366 made"));
    assert!(run(&["import", "ubc-rooms"], &rooms, &home.data()).unwrap().starts_with("366 rooms: 0 made"));
    verified(&home.data());

    let w = World::in_home(home, &["ann"], &UNLIMITED);
    let count = |path: &str| {
        let (mut n, mut after) = (Vec::new(), String::new());
        loop {
            let page = w.read("ann", &format!("{path}&limit=200{after}"));
            n.extend(page["items"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={}", next.replace(' ', "%20")),
                None => return n,
            }
        }
    };
    let courses = count("/api/courses?q=");
    let sections: Vec<&Value> = courses.iter().flat_map(|c| c["sections"].as_array().unwrap()).collect();
    let badges = |badge: &[&str]| sections.iter().filter(|s| badge.contains(&s["badge"].as_str().unwrap())).count();
    // A waitlist that has a place shows as one only when somebody waits.
    assert_eq!((sections.len(), badges(&["open", "few_left"]), badges(&["full", "waitlist"])), (1098, 785, 313));
    assert_eq!(sections.iter().map(|s| s["waiting"].as_u64().unwrap()).sum::<u64>(), 737);
    let found = count(
        "/api/search?kind=room&seats_min=100&equipment=fixed%20tablets&start=2027-03-01T10:00&end=2027-03-01T11:00",
    );
    let suffices = |r: &Value| r["resource"]["seats"].as_u64().unwrap() >= 100 && r["free"] == true;
    assert!(!found.is_empty() && found.iter().all(suffices), "{}", found.len());
}

/// A college's own sections under a limit of credits for each person: a plan is registered for as far as the limit goes.
#[test]
fn a_plan_over_real_sections_ends_at_the_credits_that_somebody_may_have() {
    let Some(sections) = real("foothill_sections.json") else { return };
    let home = Home::new();
    drop(home.key_create("root", "admin"));
    run(&["import", "foothill"], &sections, &home.data()).unwrap();
    let w = World::in_home(home, &["ann", "bob"], &UNLIMITED);
    let groups = w.read("root", "/api/resources?kind=group");
    let term = groups["items"].as_array().unwrap().iter().find(|g| g["name"] == "Foothill fall term").unwrap().clone();
    // What the term says beside the limit stays as it is.
    let mut policy = term["policy"].clone();
    policy["quota"] = json!({ "most": 12, "counts": "credits", "period": "all", "scope": "group" });
    let path = format!("/api/resources/{}", term["id"].as_str().unwrap());
    let version = term["policy_version"].to_string();
    let edited =
        w.send(&w.change("root", "PATCH", &path).header("if-match", version).json(&json!({ "policy": policy })));
    assert_eq!(edited.told(), "200 ACCEPTED", "{}", edited.text());

    // Online sections have no meeting that could clash: as many of them as are open, one of a course, five credits each.
    let (mut plan, mut after) = (Vec::new(), String::new());
    while plan.len() < 3 {
        let page = w.read("ann", &format!("/api/courses?q=&limit=200{after}"));
        for course in page["items"].as_array().unwrap() {
            let open = |s: &&Value| {
                let room = s["badge"] == "open" && s["remaining"].as_u64().is_none_or(|left| left >= 3);
                let meetings = s["course"]["meetings"].as_array().is_none_or(Vec::is_empty);
                room && meetings && s["course"]["credits"].as_f64() == Some(5.0)
            };
            plan.extend(course["sections"].as_array().unwrap().iter().find(open).map(|s| s["id"].clone()));
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", next.replace(' ', "%20")),
            None => break,
        }
    }
    plan.truncate(3);
    assert_eq!(plan.len(), 3, "the file has open sections without meetings, of five credits");
    let register = |who: &str, contract: &str, plan: &[Value]| {
        let lines: Vec<Value> = plan.iter().map(|id| json!({ "sections": [id] })).collect();
        let keys = if contract == "line_by_line" { plan.len() } else { 1 };
        let keys: Vec<Uuid> = (0..keys).map(|_| Uuid::now_v7()).collect();
        let body = json!({ "contract": contract, "keys": keys, "lines": lines });
        let reply = w.send(&Ask::post("/api/plan/register").by(w.token(who)).json(&body));
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["attempts"].as_array().unwrap().clone()
    };
    let said = |attempts: &[Value]| -> Vec<String> {
        let one = |a: &Value| {
            format!("{} {}", a["outcome"].as_str().unwrap(), a["code"].as_str().unwrap_or_default()).trim().to_owned()
        };
        attempts.iter().map(one).collect()
    };
    // Fifteen credits are three too many: all of it or nothing is nothing, line by line is what fits.
    let all = register("ann", "all_or_nothing", &plan);
    assert_eq!(said(&all), ["REJECTED quota_exceeded"], "{all:?}");
    let witness = &all[0]["witness"];
    assert_eq!((witness["counted"].as_f64(), witness["most"].as_f64()), (Some(0.0), Some(12.0)), "{witness}");
    assert_eq!(w.read("ann", "/api/bookings?owner=me")["items"], json!([]));
    let each = register("ann", "line_by_line", &plan);
    assert_eq!(said(&each), ["BOOKED", "BOOKED", "REJECTED quota_exceeded"], "{each:?}");
    assert_eq!(each[2]["witness"]["counted"].as_f64(), Some(10.0), "{}", each[2]);
    // What is dropped makes room again; and whoever has more leave has all three.
    let first = each[0]["booking"]["id"].as_str().unwrap();
    assert_eq!(w.send(&w.cancel("ann", first)).told(), "200 ACCEPTED");
    assert_eq!(said(&register("ann", "line_by_line", &plan[2..])), ["BOOKED"]);
    let facts = json!({ "tags": [], "allowances": { term["id"].as_str().unwrap(): 18 } });
    let path = format!("/api/people/{}/facts", w.person("bob").id);
    let put = w.send(&Ask::new("PUT", &path).by(w.token("root")).header("if-match", "\"0\"").json(&facts));
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(said(&register("bob", "all_or_nothing", &plan)), ["BOOKED"]);
}

#[test]
fn a_made_up_world_has_something_of_everything_and_is_made_once() {
    let home = Home::new();
    drop(home.key_create("root", "admin"));
    for made in ["6 rooms with rules of their own, 30 sections", "0 rooms with rules of their own, 0 sections"] {
        let out = slotwise(&["import", "demo-world", "--data"]).arg(home.data()).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success() && said.starts_with(made), "{said}{}", String::from_utf8_lossy(&out.stderr));
    }
    verified(&home.data());
    let w = World::in_home(home, &[], &UNLIMITED);
    let courses = w.read("root", "/api/courses?q=&limit=200");
    let sections = || courses["items"].as_array().unwrap().iter().flat_map(|c| c["sections"].as_array().unwrap());
    let badges: std::collections::BTreeSet<&str> = sections().map(|s| s["badge"].as_str().unwrap()).collect();
    assert_eq!(badges, ["few_left", "full", "open", "waitlist"].into());
    assert_eq!(sections().map(|s| s["waiting"].as_u64().unwrap()).sum::<u64>(), 16);
    let waiting = w.read("root", "/api/bookings?state=pending");
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1, "{waiting}");
}

#[test]
fn a_server_tells_what_a_replay_left_at_any_instant() {
    let home = Home::new();
    let file = home.file("changes.csv");
    let rows =
        "2022-05-18T04:39:26,A 1_A,0,2,0,2\n2022-05-19T00:00:00,A 1_A,2,0,0,2\n2022-05-20T00:00:00,A 1_A,2,0,1,2\n";
    fs::write(&file, format!("{HEADER}{rows}")).unwrap();
    run(&["replay", "ucsd-changes"], &file, &home.data()).unwrap();
    let w = World::in_home(home, &[], &UNLIMITED);
    let listed = w.read("root", "/api/resources?kind=section");
    let id = listed["items"][0]["id"].as_str().unwrap();
    let then = |at: &str| w.read("root", &format!("/api/resources/{id}?at={at}"));
    // Pacific time is seven hours behind.
    assert_eq!(then("2022-05-18T12:00:00Z")["remaining"], 2);
    assert_eq!(then("2022-05-19T08:00:00Z")["remaining"], 0);
    assert_eq!(
        (&then("2022-05-20T06:59:59Z")["waiting"], &then("2022-05-20T07:00:01Z")["waiting"]),
        (&0.into(), &1.into())
    );
}
