//! What people and programs send as text: rules of recurrence, tables of people, bodies of bookings. Every input is answered.
//! Failing inputs are kept as lines of the corpus beside it.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../store/tests/it/mutate.rs"]
mod mutate;

use jiff::civil::date;
use mutate::{corpus, fuzz};
use slotwise_domain::Zone;
use slotwise_domain::recurrence::Bounds;
use slotwise_server::{read_booking, roster, rrule};
use uuid::Uuid;

const ROWS_MAX: usize = 100;
const DATES_MAX: usize = 366;

#[test]
fn fuzz_rules_of_recurrence() {
    let words = [
        "FREQ=",
        "RRULE:",
        "RDATE:",
        "EXDATE;VALUE=DATE:",
        "UNTIL=20300101",
        "COUNT=",
        "INTERVAL=",
        "BYDAY=",
        "BYMONTHDAY=",
        "BYYEARDAY=",
        "BYWEEKNO=",
        "BYSETPOS=",
        "WKST=",
        "YEARLY",
        "MONTHLY",
        "-53",
        "+1MO",
        ";",
        ",",
        "\n",
        "TZID=Europe/Berlin:",
    ];
    let (start, zone) = (date(2026, 3, 2).at(10, 0, 0, 0), Zone::named("Europe/Berlin").unwrap());
    fuzz("rules of recurrence", corpus(include_str!("corpus/rules.txt")), &words, |bytes| {
        match rrule::parse(&String::from_utf8_lossy(bytes), start, &zone) {
            Ok(rule) => match rule.expand(start, Bounds { dates_max: DATES_MAX, last: date(2120, 1, 1) }) {
                Ok(dates) => {
                    assert!(dates.len() <= DATES_MAX && dates.is_sorted_by(|a, b| a < b), "{dates:?}");
                    "dates".into()
                }
                Err(e) => e.to_string(),
            },
            Err(e) => format!("{} {}", e.part.chars().take(12).collect::<String>(), e.says),
        }
    });
}

#[test]
fn fuzz_tables_of_people() {
    let words =
        ["name,", "external_id", ",", "\"", "\r\n", "\n", "tags", "role", "admin", "id", "@example.org", ";", "=1+1"];
    fuzz("tables of people", corpus(include_str!("corpus/people.txt")), &words, |bytes| {
        let next = std::cell::Cell::new(1_u128);
        let fresh = || {
            next.set(next.get() + 1);
            Uuid::from_u128(next.get())
        };
        match roster::read(bytes, ROWS_MAX, fresh) {
            Ok(people) => {
                assert!(people.len() <= ROWS_MAX);
                "people".into()
            }
            Err(errors) => {
                assert!(!errors.is_empty() && errors.len() <= roster::ERRORS_MAX + 2);
                errors.iter().take(3).map(|e| e.says.clone()).collect::<Vec<_>>().join(" ")
            }
        }
    });
}

#[test]
fn fuzz_bodies_of_bookings() {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"lines\"",
        "\"hold\"",
        "\"override\"",
        "\\u0000",
        "\\ud800",
        "T10:00:00Z",
        "null",
        "true",
    ];
    fuzz("bodies of bookings", corpus(include_str!("corpus/bookings.txt")), &words, |bytes| {
        match read_booking(bytes) {
            Ok(lines) => {
                assert!(lines.iter().filter_map(|line| line.interval).all(|i| i.start() < i.end()));
                "a booking".into()
            }
            Err(says) => says,
        }
    });
}
