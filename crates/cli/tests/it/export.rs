//! Everything out of a running server and into a new one: lines of JSON that make the same record, tables that make the same bookings.
//! A file that is cut or edited makes nothing.

use crate::harness::{Ask, Server, World, slotwise};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

fn run(args: &[&str], paths: &[&Path], data: &Path) -> Result<String, String> {
    let mut command = slotwise(args);
    let out = command.args(paths).arg("--data").arg(data).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
}

fn export(data: &Path, to: &Path) -> String {
    run(&["export", "--to"], &[to], data).unwrap();
    fs::read_to_string(to).unwrap()
}

fn import(file: &Path, data: &Path) -> Result<String, String> {
    run(&["import", "jsonl"], &[file], data)
}

const TITLES: [&str; 5] =
    ["=HYPERLINK(\"x\")", "two\nlines, \"quoted\"", "'-1 apostrophe", "Größe 日本 🦀 e\u{301}", "@sum"];

/// A server on which everything has happened that a journal can tell.
fn lived_in() -> World {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.resource(
        "=cmd|' /C calc'!A0",
        json!({ "capacity": 3, "building": "+Main, \"east\"", "equipment": ["beamer", "-x"] }),
    );
    let quota = json!({ "quota": { "most": 9, "period": "week", "scope": "group" } });
    let studio = w.resource("studio", json!({ "kind": "group", "policy": quota }));
    w.forget_room("studio");
    w.resource("slow", json!({ "group": studio, "policy": { "hold_ttl_s": 300, "approval": true, "setup_s": 300 } }));
    let titled = |who: &str, room: &str, span: &str, title: &str| {
        let (start, end) = w.span(span);
        let body = json!({ "lines": [{ "resource": w.id(room), "start": start, "end": end, "units": 1 }],
            "title": title, "purpose": title, "people": 2, "private": title == "waits",
            "guests": [{ "person": w.person("bob").id }, { "name": "Dora" }] });
        let reply = w.send(&w.change(who, "POST", "/api/bookings").json(&body));
        let expected = if title == "waits" { "201 ACCEPTED" } else { "201 BOOKED" };
        assert_eq!(reply.told(), expected, "{}", reply.text());
        reply.json()["booking"]["id"].as_str().unwrap().to_owned()
    };
    let told = |ask: &Ask, expected: &str| {
        let reply = w.send(ask);
        assert_eq!(reply.told(), expected, "{}", reply.text());
    };
    let ids: Vec<String> =
        TITLES.iter().enumerate().map(|(n, t)| titled("ann", "room", &format!("1{n}:00-1{n}:30"), t)).collect();
    let other = titled("bob", "=cmd|' /C calc'!A0", "10:00-11:00", "\tx".trim());
    titled("bob", "slow", "10:00-11:00", "waits");
    told(&w.book("bob", "room", "10:00-11:00", 1), "409 REJECTED full");
    told(&w.cancel("ann", &ids[4]), "200 ACCEPTED");
    let (start, end) = w.span("16:00-17:00");
    let to = json!({ "lines": [{ "resource": w.id("room"), "start": start, "end": end, "units": 1 }] });
    told(&w.change("ann", "POST", &format!("/api/bookings/{}/move", ids[3])).json(&to), "200 ACCEPTED");
    told(
        &w.change("root", "POST", &format!("/api/bookings/{}/swap", ids[2]))
            .json(&json!({ "with": other, "reason": "better so" })),
        "200 ACCEPTED",
    );
    let (start, end) = w.span("19:00-20:00");
    let block = json!({ "start": start, "end": end, "reason": "-paint; \"wet\"" });
    let path = format!("/api/resources/{}/blocks", w.id("room"));
    told(&w.change("root", "POST", &path).header("if-match", "1").json(&block), "201 ACCEPTED");
    w.held("bob", "slow", "12:00-13:00");
    w
}

/// All but when it was made.
fn without_time(lines: &str) -> (Value, String) {
    let (first, rest) = lines.split_once('\n').unwrap();
    let mut header: Value = serde_json::from_str(first).unwrap();
    assert!(header.as_object_mut().unwrap().remove("made_at").is_some());
    (header, rest.to_owned())
}

#[test]
fn what_is_exported_and_imported_is_exported_the_same_before_and_after_a_server_ran_on_it() {
    let mut w = lived_in();
    let (one, copy) = (w.home.file("one.jsonl"), w.home.file("copy"));
    let section = w.resource(
        "math",
        json!({ "kind": "section", "interval": { "start": w.span("08:00-09:00").0, "end": w.span("08:00-09:00").1 } }),
    );
    let plan = Ask::new("PUT", "/api/plan").by(w.token("ann")).header("if-match", "\"0\"");
    assert_eq!(w.send(&plan.json(&json!({ "lines": [{ "sections": [section] }] }))).status, 200);
    let planned = |w: &World| w.read("ann", "/api/plan")["lines"].clone();
    let before_the_move = planned(&w);
    let lines = export(&w.home.data(), &one);
    let said = import(&one, &copy).unwrap();
    assert!(said.contains("and verified"), "{said}");
    assert_eq!(without_time(&export(&copy, &w.home.file("two.jsonl"))), without_time(&lines));
    for title in TITLES {
        assert!(lines.contains(&serde_json::to_string(title).unwrap()), "{title}");
    }

    // The same people with the same keys find the same bookings, and a key that was used is answered the same.
    let known = w.book("ann", "room", "21:00-22:00", 1);
    assert_eq!(w.send(&known).told(), "201 BOOKED");
    export(&w.home.data(), &w.home.file("three.jsonl"));
    let mine = |w: &World| -> Vec<Value> {
        let mut items = w.read("ann", "/api/bookings?owner=me")["items"].as_array().unwrap().clone();
        items.iter_mut().for_each(|b| assert!(b.as_object_mut().unwrap().remove("as_of").is_some()));
        items
    };
    let before = mine(&w);
    assert_eq!(before_the_move[0]["sections"], json!([section]));
    w.server.end();
    fs::rename(w.home.data(), w.home.file("old")).unwrap();
    import(&w.home.file("three.jsonl"), &w.home.data()).unwrap();
    w.start_again();
    assert_eq!(planned(&w), before_the_move);
    assert_eq!(mine(&w), before);
    assert_eq!(before.len(), 6);
    assert_eq!(w.send(&known).told(), "200 BOOKED replayed");

    // In an epoch of its own after a restore, too.
    let backup = w.home.file("backup");
    run(&["backup", "--to"], &[&backup], &w.home.data()).unwrap();
    let restored = w.home.file("restored");
    run(&["restore", "--from"], &[&backup], &restored).unwrap();
    let four = w.home.file("four.jsonl");
    let lines = export(&restored, &four);
    assert!(without_time(&lines).0["epoch"].as_u64().unwrap() > 1);
    let copy = w.home.file("copy-of-restored");
    import(&four, &copy).unwrap();
    assert_eq!(without_time(&export(&copy, &w.home.file("five.jsonl"))), without_time(&lines));
}

#[test]
fn what_is_cut_or_edited_makes_nothing() {
    let w = lived_in();
    let (one, bad, data) = (w.home.file("one.jsonl"), w.home.file("bad.jsonl"), w.home.file("made"));
    let lines = export(&w.home.data(), &one);
    let all: Vec<&str> = lines.lines().collect();
    let refused = |text: &str| -> String {
        fs::write(&bad, text).unwrap();
        let refused = import(&bad, &data).unwrap_err();
        assert!(refused.contains("bad.jsonl"), "{refused}");
        for name in ["slotwise.sqlite", "people.sqlite", "restoring"] {
            assert!(!data.join(name).exists(), "{name} is left after {refused}");
        }
        refused
    };
    let without_end = all[..all.len() - 1].join("\n") + "\n";
    let line = |n: usize| format!("line {n}: ");
    let cut = refused(&without_end);
    assert!(cut.contains(&line(all.len())) && cut.contains("ends with a line `end`"), "{cut}");
    let middle = refused(&lines[..lines.len() - 40]);
    assert!(middle.contains(&line(all.len())) && middle.contains("in the middle"), "{middle}");
    let missing: Vec<&str> = all.iter().enumerate().filter(|(n, _)| *n != all.len() - 3).map(|(_, l)| *l).collect();
    assert!(refused(&(missing.join("\n") + "\n")).contains("follows commit"));
    let edited = |n: usize, from: &str, to: &str| {
        assert!(all[n].contains(from), "{} has no {from}", all[n]);
        let line = all[n].replacen(from, to, 1);
        let lines: Vec<&str> = all.iter().enumerate().map(|(m, l)| if m == n { &*line } else { *l }).collect();
        lines.join("\n") + "\n"
    };
    let booked = all.iter().position(|l| l.contains("booking_made")).unwrap();
    let hash = serde_json::from_str::<Value>(all[booked]).unwrap()["commit"]["hash"].as_str().unwrap().to_owned();
    let says = refused(&edited(booked, "\"units\":1", "\"units\":2"));
    assert!(says.contains(&line(booked + 1)) && says.contains("hashes to") && says.contains(&hash), "{says}");
    let says = refused(&edited(booked, "\"units\":1", "\"units\":1,\"colour\":\"red\""));
    assert!(says.contains(&line(booked + 1)) && says.contains("unknown field `colour`"), "{says}");
    let made = all.iter().position(|l| l.contains("resource_created")).unwrap();
    let says = refused(&edited(made, "\"zone\":", "\"colour\":\"red\",\"zone\":"));
    assert!(says.contains(&line(made + 1)) && says.contains("spec"), "{says}");
    let says = refused(&edited(booked, "{", ""));
    assert!(says.contains(&line(booked + 1)), "{says}");
    let says = refused(&edited(0, "\"slotwise_export\":1", "\"slotwise_export\":3"));
    assert!(says.contains("has format 3") && says.contains("later version"), "{says}");
    let says = refused(&edited(0, "\"slotwise_export\":1", "\"slotwise\":1"));
    assert!(says.contains("not the first line of an export"), "{says}");
    let says = refused(&edited(all.len() - 1, "\"people\":3", "\"people\":4"));
    assert!(says.contains("there were 3 people"), "{says}");
    assert!(refused(&format!("{lines}\n")).contains("something follows"));
    assert!(refused("").contains("the file is empty"));

    let over = import(&one, &w.home.data()).unwrap_err();
    assert!(over.contains("another process has"), "{over}");
    import(&one, &data).unwrap();
    let over = import(&one, &data).unwrap_err();
    assert!(over.contains("is not empty"), "{over}");
    let again = run(&["export", "--to"], &[&one], &data).unwrap_err();
    assert!(again.contains("exists already"), "{again}");
    assert_eq!(fs::read_to_string(&one).unwrap(), lines);
}

#[test]
fn an_import_that_is_killed_is_not_served_and_can_be_run_again() {
    let w = lived_in();
    (0..200).for_each(|_| drop(w.send(&w.book("bob", "room", "10:00-11:00", 1))));
    let (one, half) = (w.home.file("one.jsonl"), w.home.file("half/data"));
    let lines = export(&w.home.data(), &one);
    // It waits for the rest of what it reads, and is killed then.
    let mut command = slotwise(&["import", "jsonl", "-", "--data"]);
    let mut child = command.arg(&half).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, &lines.as_bytes()[..lines.len() / 2]).unwrap();
    for _ in 0..500 {
        if half.join("people.sqlite").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(half.join("restoring").exists());
    let refused = run(&["export", "--to", "-"], &[], &half).unwrap_err();
    assert!(refused.contains("was not finished; run it again"), "{refused}");
    import(&one, &half).unwrap();
    let printed = run(&["export", "--to", "-"], &[], &half).unwrap() + "\n";
    assert_eq!(without_time(&printed), without_time(&lines));
}

type Rows = Vec<BTreeMap<String, String>>;

fn table(path: &Path) -> Rows {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn tables_that_are_imported_are_exported_the_same() {
    let mut w = lived_in();
    let (one, two, copy) = (w.home.file("one"), w.home.file("two"), w.home.file("copy"));
    run(&["export", "--format", "csv", "--to"], &[&one], &w.home.data()).unwrap();
    for name in ["people", "resources", "bookings", "holds", "blocks", "attempts"] {
        let text = fs::read_to_string(one.join(format!("{name}.csv"))).unwrap();
        for row in table(&one.join(format!("{name}.csv"))) {
            let bad = row.iter().find(|(_, cell)| cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
            assert!(bad.is_none(), "{name}: {bad:?}");
        }
        assert!(text.lines().count() > 1 && !text.contains("secret"), "{name}: {text}");
    }
    let codes: Vec<String> = table(&one.join("attempts.csv")).iter().map(|row| row["code"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| *code == "full").count(), 1, "{codes:?}");
    assert_eq!(table(&one.join("holds.csv")).len(), 1);

    let said = run(&["import", "csv"], &[&one], &copy).unwrap();
    assert!(said.contains("4 of 4 resources, 1 of 1 blocks and 6 of 7 bookings"), "{said}");
    let report = fs::read_to_string(copy.join("import-csv.txt")).unwrap();
    assert_eq!(report.lines().count(), 1, "{report}");
    assert!(report.contains("is cancelled; left out"), "{report}");
    run(&["export", "--format", "csv", "--to"], &[&two], &copy).unwrap();
    for name in ["people.csv", "resources.csv", "blocks.csv"] {
        assert_eq!(fs::read(one.join(name)).unwrap(), fs::read(two.join(name)).unwrap(), "{name}");
    }
    // Who brought it in, how often it was changed and when it was decided are new.
    let comparable = |dir: &Path| -> Rows {
        let mut rows = table(&dir.join("bookings.csv"));
        rows.retain(|row| row["state"] != "cancelled");
        for row in &mut rows {
            for column in ["made_by", "revision", "created_at", "decided_at"] {
                assert!(row.remove(column).is_some(), "{column}");
            }
        }
        rows
    };
    assert_eq!(comparable(&one), comparable(&two));
    assert_eq!(comparable(&one).len(), 6);

    // Once more changes nothing, and says so by line.
    let said = run(&["import", "csv"], &[&one], &copy).unwrap();
    assert!(said.contains("0 of 4 resources, 0 of 1 blocks and 0 of 7 bookings"), "{said}");
    w.server.end();
    drop(Server::try_start(&w.home, &[]).unwrap());
}

#[test]
fn a_bad_cell_is_named_and_nothing_is_made() {
    let w = lived_in();
    let (one, copy) = (w.home.file("one"), w.home.file("copy"));
    run(&["export", "--format", "csv", "--to"], &[&one], &w.home.data()).unwrap();
    let cases = [
        ("resources.csv", ",room,", ",rooom,", "resources.csv line 2: kind"),
        ("resources.csv", ",UTC,", ",Mars/Crater,", "zone"),
        ("resources.csv", "zone,capacity", "zone,size", "missing field `capacity`"),
        ("resources.csv", "\"\"closed\"\"", "\"\"close\"\"", "rules"),
        ("bookings.csv", "confirmed", "done", "state: \"done\""),
        ("bookings.csv", ",1,confirmed", ",one,confirmed", "line 2: line: "),
        ("bookings.csv", "T10:00:00Z", "T10 o'clock", "start: "),
        ("people.csv", ",member,", ",queen,", "role"),
        ("people.csv", "id,name", "id,called", "missing field `name`"),
    ];
    for (name, from, to, says) in cases {
        let path = one.join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from}: {text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let refused = run(&["import", "csv"], &[&one], &copy).unwrap_err();
        assert!(refused.contains(name) && refused.contains(says), "{refused}");
        assert!(!copy.exists());
        fs::write(&path, text).unwrap();
    }
}

#[test]
fn a_table_of_somebody_else_s_is_read_as_their_spreadsheet_writes_it() {
    let at = tempfile::tempdir().unwrap();
    let (tables, data) = (at.path().join("tables"), at.path().join("data"));
    fs::create_dir(&tables).unwrap();
    let rooms =
        "\u{feff}kind;capacity;zone;floor;name;id\r\nroom;1;Europe/Berlin;3;Saal;\r\nroom;;UTC;;\"A, B; C\";\r\n";
    fs::write(tables.join("resources.csv"), rooms).unwrap();
    let told = run(&["import", "csv"], &[&tables], &data).unwrap();
    assert!(told.contains("made 2 of 2 resources"), "{told}");
    let lines = run(&["export", "--to", "-"], &[], &data).unwrap();
    assert!(lines.contains("\"A, B; C\"") && lines.contains("\"Saal\""), "{lines}");
    fs::write(tables.join("resources.csv"), b"id,kind,name,zone,capacity\n,room,S\xe4le,UTC,1\n").unwrap();
    let refused = run(&["import", "csv"], &[&tables], &at.path().join("none")).unwrap_err();
    assert!(refused.contains("it is not UTF-8"), "{refused}");
    assert!(!at.path().join("none").exists());
}
