//! Recurrence rules as text, expanded: compared with what other libraries say of the same rules and zones.
//! It never asks the code for what it expects.

use jiff::civil::{DateTime, date};
use serde_json::Value;
use slotwise_domain::Zone;
use slotwise_domain::recurrence::{Bounds, Met, RecurrenceError, instant_of};
use slotwise_server::rrule::parse;
use std::path::PathBuf;

const FAR: Bounds = Bounds { dates_max: 400, last: date(2500, 1, 1) };

fn expand(rule: &str, start: &str, bounds: Bounds) -> Result<Vec<String>, String> {
    let start: DateTime = start.parse().expect("a civil time");
    let recurrence = parse(rule, start, &Zone::utc()).map_err(|e| e.to_string())?;
    let times = recurrence.expand(start, bounds).map_err(|e| e.to_string())?;
    Ok(times.into_iter().map(|t| t.to_string()).collect())
}

/// One case for each line: rule, start, and what another library expands it to.
fn check_vectors(text: &str) -> (usize, usize) {
    let (mut expanded, mut refused) = (0, 0);
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a line of JSON");
        let (test, whole) = (case["test"].as_str().expect("its name"), case["rule"].as_str().expect("its rule"));
        let mut lines = whole.lines();
        let start = lines.next().and_then(|l| l.strip_prefix("DTSTART:")).expect("a start");
        let rule = lines.collect::<Vec<_>>().join("\n");
        let expected: Vec<&str> =
            case["expected"].as_array().expect("dates").iter().filter_map(Value::as_str).collect();
        match expand(&rule, start, FAR) {
            // RFC 5545 takes the day of the week from the start where a yearly rule says only which week.
            Ok(dates) if test == "testToStrYearlyByWeekNo" => {
                assert_eq!(dates, ["1998-05-12T09:00:00", "1999-05-18T09:00:00", "2000-05-16T09:00:00"]);
                expanded += 1;
            }
            Ok(dates) => {
                assert_eq!(dates, expected, "{test}: {rule}");
                expanded += 1;
            }
            Err(says) => {
                let part =
                    ["BYHOUR", "BYMINUTE", "BYSECOND"].into_iter().find(|part| rule.contains(&format!("{part}=")));
                let often = ["HOURLY", "MINUTELY", "SECONDLY"].iter().any(|f| rule.contains(&format!("FREQ={f}")));
                let named = match (often, part) {
                    (true, _) => says.starts_with("FREQ must be DAILY") || part.is_some_and(|_| says.starts_with("BY")),
                    (false, Some(_)) => says.starts_with("BY") && says.contains("is not understood"),
                    (false, None) => test == "testSetCachePost" && says.starts_with("DTSTART is not understood"),
                };
                assert!(named, "{test}: {rule} is refused: {says}");
                refused += 1;
            }
        }
    }
    (expanded, refused)
}

#[test]
fn rules_are_expanded_as_dateutil_does() {
    let (expanded, refused) = check_vectors(include_str!("data/dateutil_selection.jsonl"));
    assert_eq!((expanded, refused), (30, 6));
    let folder = std::env::var_os("SLOTWISE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    match std::fs::read_to_string(folder.join("dateutil_vectors.jsonl")) {
        Ok(whole) => assert_eq!(check_vectors(&whole), (99, 115), "of 214"),
        Err(_) => eprintln!("SKIPPED: only a selection was checked, {} is not there", folder.display()),
    }
}

/// Made with python-dateutil 2.9 from random rules, without those that it and RFC 5545 read differently.
#[test]
fn random_rules_are_expanded_as_dateutil_does() {
    let text = match std::env::var_os("SLOTWISE_RULES") {
        Some(path) => std::fs::read_to_string(path).expect("more rules"),
        None => include_str!("data/dateutil_random.jsonl").to_owned(),
    };
    let (mut some, mut none) = (0, 0);
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a line of JSON");
        let (rule, start) = (case["rule"].as_str().expect("its rule"), case["start"].as_str().expect("its start"));
        let expected: Vec<&str> =
            case["expected"].as_array().expect("dates").iter().filter_map(Value::as_str).collect();
        let found = expand(rule, start, Bounds { last: date(2040, 1, 1), ..FAR });
        match expected.is_empty() {
            true => assert_eq!(found, Err("names no date".into()), "{start} {rule}"),
            false => assert_eq!(
                found.as_deref(),
                Ok(&expected.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>()[..]),
                "{start} {rule}"
            ),
        }
        *(if expected.is_empty() { &mut none } else { &mut some }) += 1;
    }
    assert!(some >= 150 && none >= 3, "{some} with dates, {none} without");
}

#[test]
fn what_cannot_be_read_names_its_part() {
    for (rule, says) in [
        (
            "FREQ=HOURLY;COUNT=3",
            "FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY: nothing is booked more often than daily",
        ),
        ("COUNT=3", "FREQ is missing"),
        ("FREQ=DAILY", "COUNT or UNTIL is missing: a series ends"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260401", "UNTIL must not be beside the other of COUNT and UNTIL"),
        ("FREQ=DAILY;COUNT=0", "COUNT must be a number from 1 to 4294967295"),
        ("FREQ=DAILY;COUNT=3;INTERVAL=0", "INTERVAL must be a number from 1 to 1000"),
        ("FREQ=DAILY;COUNT=3;COUNT=4", "COUNT must be there once"),
        ("FREQ=DAILY;COUNT=3;BYHOUR=9", "BYHOUR is not understood: all dates begin at the time of the start"),
        ("FREQ=WEEKLY;COUNT=3;BYDAY=XX", "BYDAY does not know \"XX\": such as MO, 1TU or -1FR"),
        ("FREQ=WEEKLY;COUNT=3;BYDAY=Ä", "BYDAY does not know \"Ä\": such as MO, 1TU or -1FR"),
        ("FREQ=MONTHLY;COUNT=3;BYMONTHDAY=32", "BYMONTHDAY does not know \"32\""),
        ("FREQ=DAILY;UNTIL=20260231", "UNTIL does not know \"20260231\": such as 20261123T100000"),
        ("FREQ=DAILY;UNTIL=20260228T250000", "UNTIL does not know \"20260228T250000\": such as 20261123T100000"),
        ("FREQ=DAILY;COUNT=3\nRRULE:FREQ=DAILY;COUNT=2", "RRULE must be there once"),
        ("FREQ=DAILY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20260302", "EXDATE must be in the zone of the series, UTC"),
        (
            "FREQ=DAILY;COUNT=3\nEXRULE:FREQ=DAILY;COUNT=3",
            "EXRULE is not understood: a rule has lines of RRULE, RDATE and EXDATE",
        ),
        ("EXDATE:20260302", "RRULE is missing"),
        ("", "RRULE is missing"),
    ] {
        assert_eq!(expand(rule, "2026-03-01T10:00", FAR), Err(says.to_owned()), "{rule:?}");
    }
}

#[test]
fn dates_are_added_and_left_out() {
    let rule = "RRULE:FREQ=WEEKLY;COUNT=4\nEXDATE:20260308T100000,20260309T100000\nEXDATE;VALUE=DATE:20260315\n\
                RDATE:20260310T160000\nRDATE;VALUE=DATE:20260312\nRDATE:20260312T100000Z";
    let expected = ["2026-03-01T10:00:00", "2026-03-10T16:00:00", "2026-03-12T10:00:00", "2026-03-22T10:00:00"];
    assert_eq!(expand(rule, "2026-03-01T10:00", FAR).as_deref(), Ok(&expected.map(String::from)[..]));
    let until_in_utc = parse("FREQ=DAILY;UNTIL=20261028T080000Z", date(2026, 10, 24).at(9, 0, 0, 0), &berlin());
    let until_in_utc = until_in_utc.expect("a rule").expand(date(2026, 10, 24).at(9, 0, 0, 0), FAR).expect("dates");
    assert_eq!(until_in_utc.last().map(ToString::to_string).as_deref(), Some("2026-10-28T09:00:00"));
}

fn berlin() -> Zone {
    Zone::named("Europe/Berlin").expect("a zone")
}

#[test]
fn every_rule_ends_within_its_bounds() {
    let bounds = Bounds { dates_max: 200, last: date(2036, 3, 1) };
    for (rule, says) in [
        ("FREQ=DAILY;COUNT=201", RecurrenceError::TooMany(200)),
        ("FREQ=DAILY;COUNT=4000000000", RecurrenceError::TooMany(200)),
        ("FREQ=DAILY;UNTIL=99991231", RecurrenceError::TooMany(200)),
        ("FREQ=YEARLY;COUNT=12", RecurrenceError::TooFar(bounds.last)),
        ("FREQ=YEARLY;INTERVAL=1000;COUNT=2", RecurrenceError::TooFar(bounds.last)),
        ("FREQ=MONTHLY;COUNT=3;BYMONTH=2;BYMONTHDAY=30", RecurrenceError::NoDate),
        ("FREQ=DAILY;UNTIL=99991231;BYMONTH=2;BYMONTHDAY=31", RecurrenceError::NoDate),
        ("FREQ=DAILY;UNTIL=20260228", RecurrenceError::NoDate),
        ("RDATE:99991231T000000", RecurrenceError::TooFar(bounds.last)),
    ] {
        assert_eq!(expand(rule, "2026-03-01T10:00", bounds), Err(says.to_string()), "{rule}");
    }
    assert_eq!(expand("FREQ=DAILY;COUNT=200", "2026-03-01T10:00", bounds).map(|dates| dates.len()), Ok(200));
    assert_eq!(expand("FREQ=YEARLY;COUNT=11", "2026-03-01T10:00", bounds).map(|dates| dates.len()), Ok(11));
}

/// Every zone that both know, and every civil half-hour of the days around each change of its clocks in 2000 to 2024: the other
/// library's database is older, so nothing later is compared.
#[test]
fn civil_times_are_the_instants_that_chrono_says() {
    use chrono::{Datelike, Days, LocalResult, NaiveDate, Offset, TimeZone};
    let (mut zones, mut times, mut shifted, mut first) = (0, 0, 0, 0);
    let mut differ = std::collections::BTreeMap::new();
    for theirs in chrono_tz::TZ_VARIANTS {
        let Ok(ours) = Zone::named(theirs.name()) else { continue };
        zones += 1;
        let noon = |day: NaiveDate| theirs.from_utc_datetime(&day.and_hms_opt(12, 0, 0).expect("noon")).offset().fix();
        let mut day = NaiveDate::from_ymd_opt(2000, 1, 2).expect("a day");
        while day.year() < 2025 {
            let (before, after) = (day - Days::new(1), day + Days::new(1));
            let stays = noon(before) == noon(day) && noon(day) == noon(after);
            // Days without a change are looked at now and then.
            let every = if stays { 24 * 60 } else { 30 };
            if !stays || day.ordinal() % 40 == 1 {
                for minute in (0..24 * 60).step_by(every) {
                    let naive = day.and_hms_opt(minute as u32 / 60, minute as u32 % 60, 0).expect("a time");
                    let expected = match theirs.from_local_datetime(&naive) {
                        LocalResult::Single(t) => (t.timestamp_micros(), Met::Once),
                        LocalResult::Ambiguous(one, _) => (one.timestamp_micros(), Met::First),
                        // By the offset before the gap, as RFC 5545 reads it.
                        LocalResult::None => {
                            let eve = naive - chrono::Duration::hours(26);
                            let offset =
                                theirs.from_local_datetime(&eve).latest().expect("no two gaps so near").offset().fix();
                            let utc = naive - chrono::Duration::seconds(i64::from(offset.local_minus_utc()));
                            (utc.and_utc().timestamp_micros(), Met::Shifted)
                        }
                    };
                    let date = date(day.year() as i16, day.month() as i8, day.day() as i8);
                    let (t, met) =
                        instant_of(date.at((minute / 60) as i8, (minute % 60) as i8, 0, 0), &ours).expect("an instant");
                    if (t.0, met) != expected {
                        differ.entry(theirs.name()).or_insert_with(|| (naive.to_string(), t, met, expected));
                    }
                    times += 1;
                    shifted += usize::from(met == Met::Shifted);
                    first += usize::from(met == Met::First);
                }
            }
            day = after;
        }
    }
    println!("{zones} zones, {times} times, {shifted} in gaps, {first} in folds");
    assert_eq!(differ.keys().copied().collect::<Vec<_>>(), KNOWN_TO_DIFFER, "{differ:#?}");
    assert!(
        zones > 400 && times > 1_000_000 && shifted > 10_000 && first > 10_000,
        "{zones} {times} {shifted} {first}"
    );
}

/// Zones of which the two libraries say otherwise in those years: Moldova's hour of change in 2022 was set right in a database that
/// is newer than theirs.
const KNOWN_TO_DIFFER: [&str; 2] = ["Europe/Chisinau", "Europe/Tiraspol"];
