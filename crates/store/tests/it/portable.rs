//! Every statement of the PostgreSQL store, parsed against the rules that let a distributed PostgreSQL run it unchanged.
//! No database is asked; that each runs on one is seen in the other tests.

use slotwise_store::postgres::{sql, statements, without_comments};
use sqlparser::ast::{
    Expr, ObjectName, Query, SetExpr, Statement, TableFactor, Visit, Visitor, visit_expressions, visit_relations,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Tables that are of no part: they are the same everywhere, or tell of the server that is asked.
const OF_NO_PART: [&str; 4] = ["migration", "pg_stat_activity", "pg_stat_replication", "information_schema.columns"];

fn parsed(name: &str, text: &str) -> Statement {
    let mut all = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
    assert_eq!(all.len(), 1, "{name} is one statement");
    all.remove(0)
}

/// What no statement may have, by the word that shows it.
const FORBIDDEN: [&str; 22] = [
    "advisory",
    "EXCLUDE USING",
    "GIST",
    "range(",
    "SERIAL",
    "IDENTITY",
    "nextval",
    "TRIGGER",
    "INHERITS",
    "DEFERRABLE",
    "LOCK TABLE",
    "TEMP ",
    "TEMPORARY",
    "CREATE FUNCTION",
    "CREATE RULE",
    "CREATE DOMAIN",
    "CITEXT",
    "random()",
    "gen_random_uuid",
    "SERIALIZABLE",
    "jsonb_",
    "PREPARE ",
];

/// The part's own column, compared with the statement's first value or with another table's part.
fn binds_part(expr: &Expr, to_value: &mut usize, to_part: &mut usize) {
    let Expr::BinaryOp { left, op, right } = expr else { return };
    if op.to_string() != "=" {
        return;
    }
    let (left, right) = (left.to_string(), right.to_string());
    let is_part = |side: &str| side == "part_id" || side.ends_with(".part_id");
    match (is_part(&left), is_part(&right)) {
        (true, true) => *to_part += 1,
        (true, false) if right == "$1" => *to_value += 1,
        (false, true) if left == "$1" => *to_value += 1,
        _ => {}
    }
}

/// Tables that are read, updated or deleted from, each time they are named.
#[derive(Default)]
struct Named(Vec<String>);

impl Visitor for Named {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.0.push(name.to_string());
        }
        ControlFlow::Continue(())
    }
}

/// A visit goes through all of a statement.
fn stopped(visit: ControlFlow<()>) {
    assert!(visit.is_continue());
}

fn tables(statement: &Statement) -> Vec<String> {
    let mut named = Named::default();
    stopped(statement.visit(&mut named));
    named.0
}

#[test]
fn every_statement_is_of_one_part() {
    let mut looked_at = 0;
    for (name, text) in sql::ALL {
        let statement = parsed(name, text);
        let (mut to_value, mut to_part) = (0, 0);
        stopped(visit_expressions(&statement, |expr| {
            binds_part(expr, &mut to_value, &mut to_part);
            ControlFlow::<()>::Continue(())
        }));
        let of_part: Vec<String> = tables(&statement).into_iter().filter(|t| !OF_NO_PART.contains(&&**t)).collect();
        match &statement {
            Statement::Insert(insert) => {
                let table = insert.table.to_string();
                if OF_NO_PART.contains(&&*table) {
                    continue;
                }
                let first = insert.columns.first().map(ToString::to_string);
                assert_eq!(first.as_deref(), Some("part_id"), "{name} puts the part first");
                let source = insert.source.as_ref().unwrap_or_else(|| panic!("{name} inserts nothing"));
                let first = first_value(source);
                let reads = of_part.iter().filter(|t| **t != table).count();
                assert!(
                    first == "$1" || (first.ends_with("part_id") && reads > 0),
                    "{name} is of one part, not of {first}"
                );
                assert!(reads == 0 || to_value + to_part >= reads, "{name} reads {reads} tables and binds fewer parts");
                if let Some(conflict) = &insert.on {
                    let on = conflict.to_string();
                    assert!(on.contains("(part_id"), "{name} names its arbiter, beginning with the part: {on}");
                }
                looked_at += 1;
            }
            Statement::Query(_) | Statement::Update { .. } | Statement::Delete(_) => {
                assert!(
                    to_value + to_part >= of_part.len() && (of_part.is_empty() || to_value > 0),
                    "{name} names {of_part:?} and binds the part of {to_value} to its own and of {to_part} to another's"
                );
                looked_at += 1;
            }
            _ => {}
        }
    }
    assert!(looked_at > 80, "the statements are all there: {looked_at}");
}

fn first_value(source: &Query) -> String {
    match &*source.body {
        SetExpr::Values(values) => values.rows.first().and_then(|row| row.first()).map(ToString::to_string),
        SetExpr::Select(select) => select.projection.first().map(ToString::to_string),
        _ => None,
    }
    .unwrap_or_default()
}

#[test]
fn nothing_is_said_that_others_do_not_understand() {
    let all = sql::ALL.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let schema = statements().into_iter().map(|text| ("schema".to_owned(), without_comments(text)));
    for (name, text) in all.chain(schema) {
        let upper = text.to_uppercase();
        for word in FORBIDDEN {
            assert!(!upper.contains(&word.to_uppercase()), "{name} says {word}: {text}");
        }
        let statement = parsed(&name, &text);
        let is_update = matches!(statement, Statement::Update { .. });
        stopped(visit_expressions(&statement, |expr| {
            if let Expr::BinaryOp { op, .. } = expr {
                assert_ne!(op.to_string(), "/", "{name} divides, which is of another type elsewhere");
            }
            if let Expr::Function(function) = expr {
                let called = function.name.to_string();
                assert!(!(is_update && called == "clock_timestamp"), "{name} calls a volatile function in an UPDATE");
            }
            ControlFlow::<()>::Continue(())
        }));
        // Rows are locked within one part, and resources' and persons' rows without waiting.
        if upper.contains("FOR UPDATE") && !upper.contains("MIGRATION") {
            assert!(text.contains("part_id = $1"), "{name} locks rows of more than one part");
            let waits = !upper.contains("SKIP LOCKED");
            assert!(
                !waits || ["PERSON_HELD", "ADMINS_HELD", "JOURNAL_SAID"].contains(&name.as_str()),
                "{name} waits for a row"
            );
        }
        // The clock is read by a statement of its own.
        if text.contains("clock_timestamp") {
            assert!(tables(&statement).is_empty(), "{name} reads the clock beside a table");
        }
    }
}

#[test]
fn every_key_begins_with_the_part() {
    let mut made: BTreeSet<String> = BTreeSet::new();
    for text in statements() {
        let text = without_comments(text);
        match parsed("schema", &text) {
            Statement::CreateTable(table) => {
                let name = table.name.to_string();
                assert_eq!(table.columns.first().map(|c| c.name.to_string()).as_deref(), Some("part_id"), "{name}");
                assert!(table.constraints.iter().any(|c| c.to_string().starts_with("PRIMARY KEY")), "{name} has a key");
                for constraint in &table.constraints {
                    let said = constraint.to_string();
                    let keyed =
                        ["PRIMARY KEY (", "UNIQUE (", "FOREIGN KEY ("].iter().find_map(|k| said.strip_prefix(k));
                    if let Some(columns) = keyed {
                        assert!(columns.starts_with("part_id"), "{name}: {said}");
                        assert!(!said.contains("REFERENCES") || said.contains("(part_id, id)"), "{name}: {said}");
                        assert!(!said.contains("CASCADE"), "{name}: {said}");
                    } else {
                        assert!(said.starts_with("CHECK"), "{name}: {said}");
                    }
                }
                for column in &table.columns {
                    let kind = column.data_type.to_string().to_lowercase();
                    let known = ["bigint", "uuid", "bytea", "text", "boolean", "timestamptz"];
                    assert!(known.iter().any(|k| kind.starts_with(k)), "{name}.{} is a {kind}", column.name);
                }
                assert!(made.insert(name));
            }
            Statement::CreateIndex(index) => {
                let name = index.name.map(|name: ObjectName| name.to_string()).unwrap_or_default();
                let first = index.columns.first().map(ToString::to_string);
                assert_eq!(first.as_deref(), Some("part_id"), "{name}");
            }
            other => panic!("the schema makes tables and indexes, and one thing a statement: {other}"),
        }
    }
    // What is asked is there.
    for (name, text) in sql::ALL {
        let statement = parsed(name, text);
        stopped(visit_relations(&statement, |relation| {
            let relation = relation.to_string();
            let known = made.contains(&relation) || OF_NO_PART.contains(&&*relation) || relation == "unnest";
            assert!(known, "{name} asks of {relation}");
            ControlFlow::<()>::Continue(())
        }));
    }
    assert!(made.len() > 20, "{made:?}");
}

/// The rules find what they are for.
#[test]
fn what_breaks_a_rule_is_found() {
    let bound = |text: &str| {
        let (mut to_value, mut to_part) = (0, 0);
        stopped(visit_expressions(&parsed("made up", text), |expr| {
            binds_part(expr, &mut to_value, &mut to_part);
            ControlFlow::<()>::Continue(())
        }));
        (tables(&parsed("made up", text)).len(), to_value, to_part)
    };
    assert_eq!(bound("SELECT id FROM booking WHERE id = $1"), (1, 0, 0));
    assert_eq!(bound("SELECT id FROM booking WHERE part_id = $2"), (1, 0, 0));
    let two = "SELECT b.id FROM booking b JOIN journal j ON j.id = b.commit_id WHERE b.part_id = $1";
    assert_eq!(bound(two), (2, 1, 0));
}
