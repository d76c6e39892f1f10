//! The pages of the reference name everything that the core can say, and nothing else: codes in their order, rules, policy fields.
//! It reads the pages and the names; what they say beside them is for people to check.

use slotwise_domain::{Code, FailureCode, PolicyField};
use std::collections::BTreeSet;

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A page from a heading to the next of its kind.
fn part<'p>(page: &'p str, heading: &str) -> &'p str {
    let (before, after) = page.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no part {heading}"));
    assert!(before.is_empty() || before.ends_with('\n'), "{heading} is a heading");
    let level = heading.split(' ').next().unwrap();
    after.split(&format!("\n{level} ")).next().unwrap()
}

/// The cells of the rows of the first table.
fn rows(part: &str) -> Vec<Vec<&str>> {
    let lines = part.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What is set as code in a cell.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn first_names(part: &str) -> Vec<&str> {
    rows(part).into_iter().flat_map(|row| names(row[0])).collect()
}

#[test]
fn codes_stand_in_their_order_of_precedence() {
    let page = read("../../docs/reference/outcomes.md");
    let rejected = first_names(part(&page, "## REJECTED, in order of precedence"));
    assert_eq!(rejected, Code::ALL.map(Code::name));
    let all = [FailureCode::VersionStale, FailureCode::Conflict, FailureCode::Busy, FailureCode::StoreUnavailable];
    assert_eq!(first_names(part(&page, "## FAILED")), all.map(FailureCode::name));
}

#[test]
fn every_rule_stands_beside_its_code() {
    let page = read("../../docs/reference/outcomes.md");
    let rules = part(&page, "### Rules");
    let told: BTreeSet<&str> = first_names(rules).into_iter().collect();
    // A rule may carry a field, so there is no list of all: its names are read where they are given.
    let source = read("src/outcome.rs");
    let given = source.lines().filter_map(|line| line.trim().strip_prefix("Rule::")?.split_once(" => \""));
    let given: BTreeSet<&str> = given.map(|(_, name)| name.trim_end_matches("\",")).collect();
    assert!(given.len() > 35, "names of rules are found: {given:?}");
    assert_eq!(told, given, "rules as told, and as named");
    for row in rows(rules) {
        let codes = names(row[1]);
        assert!(codes.iter().all(|code| Code::named(code).is_some()), "{row:?}");
        assert!(!codes.is_empty() || row[0] == "`late_cancel_from`", "{row:?}");
    }
}

#[test]
fn every_field_of_a_policy_has_its_unit_and_its_default() {
    let page = read("../../docs/reference/policy.md");
    let table = part(&page, "# Policy: the rules of a resource");
    let told: BTreeSet<&str> = first_names(table).into_iter().collect();
    assert_eq!(told, PolicyField::ALL.map(PolicyField::name).into());
    for row in rows(table) {
        assert!(
            row.len() == 4 && row.iter().all(|cell| !cell.is_empty()),
            "a unit, a default and what it does: {row:?}"
        );
    }
}
