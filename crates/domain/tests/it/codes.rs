//! Every code is told in some row, and which are not reachable yet is said here, in one place.
//! The rows are checked by their own tests; this one only counts them.

use slotwise_domain::{Code, Rule};

/// Codes that no command can be refused with yet. Take one out here when its first row is written.
const NOT_REACHABLE_YET: [Code; 0] = [];

const RULES: [Rule; 36] = [
    Rule::Lines,
    Rule::Units,
    Rule::OneInterval,
    Rule::IntervalMissing,
    Rule::DurationMax,
    Rule::Seats,
    Rule::HoldsOff,
    Rule::State,
    Rule::BlocksMax,
    Rule::SameBooking,
    Rule::Owner,
    Rule::OwnerOfBoth,
    Rule::Approval,
    Rule::AdminOnly,
    Rule::LooksOnly,
    Rule::Holder,
    Rule::Begun,
    Rule::BookFrom,
    Rule::BookBy,
    Rule::ChangeBy,
    Rule::CancelBy,
    Rule::HoldsPerPerson,
    Rule::Renewals,
    Rule::Person,
    Rule::Exists,
    Rule::CheckIn,
    Rule::WaitlistOff,
    Rule::Waiting,
    Rule::UnitsFree,
    Rule::WaitlistCapacity,
    Rule::EntriesPerPerson,
    Rule::GivesUp,
    Rule::Group,
    Rule::Quota,
    Rule::Eligibility,
    Rule::Linked,
];

/// Rules that rows have no words for, and the file whose test is refused by each.
const ELSEWHERE: [(Rule, &str, &str); 4] = [
    (Rule::Dates, "Rule::Dates", include_str!("series.rs")),
    (Rule::SameSeries, "Rule::SameSeries", include_str!("series.rs")),
    (Rule::MembersMax, "Rule::MembersMax", include_str!("groups.rs")),
    (Rule::DisplacedMax, "Rule::DisplacedMax", include_str!("admin.rs")),
];

/// What follows `REJECTED` in all rows.
fn told() -> impl Iterator<Item = &'static str> {
    use crate::{admin, bookings, groups, holds, moves, persons, precedence, resources, times, waits, words};
    let tables = [
        admin::TABLES,
        bookings::TABLES,
        groups::TABLES,
        holds::TABLES,
        moves::TABLES,
        persons::TABLES,
        precedence::TABLES,
        resources::TABLES,
        times::TABLES,
        waits::TABLES,
        words::TABLES,
    ];
    let rows = tables.into_iter().flatten().flat_map(|(_, rows)| rows.lines());
    rows.filter_map(|row| row.split_once("-> REJECTED ").map(|(_, told)| told.trim()))
}

#[test]
fn every_code_is_told_or_listed_as_not_reachable_yet() {
    for code in Code::ALL {
        let row = told().find(|t| t.split([' ', ':', ';']).next() == Some(code.name()));
        assert_eq!(row.is_none(), NOT_REACHABLE_YET.contains(&code), "{code:?}: {row:?}");
    }
}

#[test]
fn every_rule_is_told() {
    for rule in RULES {
        let told = told().any(|t| t.split_once(": ").is_some_and(|(_, t)| t.split(' ').next() == Some(rule.name())));
        assert!(told, "no row is refused by {rule:?}");
    }
}

/// Nothing is left out of the two lists: names are read where they are given. Only what is late is never refused by that.
#[test]
fn every_rule_has_a_row_or_a_test_of_its_own() {
    let source = include_str!("../../src/outcome.rs");
    let given = source.lines().filter_map(|line| line.trim().strip_prefix("Rule::")?.split_once(" => \""));
    let given: Vec<&str> = given.map(|(_, name)| name.trim_end_matches("\",")).collect();
    let known: Vec<&str> =
        RULES.iter().chain(ELSEWHERE.iter().map(|(rule, ..)| rule)).map(|rule| rule.name()).collect();
    for name in given {
        assert!(known.contains(&name) || name == Rule::LateCancelFrom.name(), "no row or test is refused by {name}");
    }
    for (rule, named, file) in ELSEWHERE {
        assert!(file.contains(named), "the test that is refused by {rule:?}");
    }
}

/// A code that the judgement begins to speak of is reachable, whether rows know it or not.
#[test]
fn the_judgement_names_every_reachable_code_and_no_other() {
    let src = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let rooms = std::fs::read_dir(format!("{src}/decide")).unwrap().map(|f| f.unwrap().path());
    let files = ["decide.rs", "settle.rs"].map(|f| format!("{src}/{f}").into()).into_iter().chain(rooms);
    let text: String = files.map(|f: std::path::PathBuf| std::fs::read_to_string(f).unwrap()).collect();
    for code in Code::ALL {
        let named = text.contains(&format!("Code::{code:?}"));
        assert_eq!(named, !NOT_REACHABLE_YET.contains(&code), "{code:?} in the judgement");
    }
}

#[test]
fn names_are_told_apart_and_read_back() {
    for code in Code::ALL {
        assert_eq!(Code::named(code.name()), Some(code));
    }
    assert!(Code::ALL.is_sorted(), "precedence is the order of the enum");
}
