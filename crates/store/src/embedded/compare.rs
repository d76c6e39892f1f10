//! Tables beside tables: every row of one against the same row of the other, in the order of their keys, one row in memory at a time.
//! It only reads, and tells no content of a cell: a row is named by its key.

use super::error::Result;
use super::verify::{Finding, Findings};
use rusqlite::types::Value;
use rusqlite::{Connection, Rows};
use slotwise_domain::{AttemptKey, Instant, PartId, ResourceId};
use slotwise_engine::round::{KEY_KEPT, key_time};
use std::cmp::Ordering;
use uuid::Uuid;

/// The tables for queries: the name, the length of the key, and where in a row its resource is.
const TABLES: [(&str, usize, Option<usize>); 12] = [
    ("mark", 1, None),
    ("resource", 2, Some(1)),
    ("resource_head", 2, Some(1)),
    ("record_mark", 3, Some(1)),
    ("block", 3, Some(1)),
    ("booking", 2, None),
    ("booking_slot", 5, Some(1)),
    ("hold", 2, Some(2)),
    ("wait_entry", 2, Some(2)),
    ("wait_due", 2, Some(1)),
    ("attempt", 3, None),
    ("notice", 4, Some(6)),
];

/// Compares what two databases have of tables, indexes and triggers.
pub(super) fn schemas(ours: &Connection, theirs: &Connection, file: &str, findings: &mut Findings) -> Result<()> {
    let all = |db: &Connection| -> Result<Vec<(String, Option<String>)>> {
        let mut select = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    let (ours, theirs) = (all(ours)?, all(theirs)?);
    for (name, _) in theirs.iter().filter(|theirs| !ours.contains(theirs)) {
        findings.put(Finding {
            says: format!("{file} has {name}, which this program does not make so"),
            ..Finding::default()
        });
    }
    for (name, _) in ours.iter().filter(|(name, _)| !theirs.iter().any(|(theirs, _)| theirs == name)) {
        findings.put(Finding { says: format!("{file} has no {name}"), ..Finding::default() });
    }
    Ok(())
}

/// Compares the rows of all tables for queries; `latest` is the clock of the last commit. Returns how many rows it compared.
pub(super) fn tables(ours: &Connection, theirs: &Connection, latest: Instant, findings: &mut Findings) -> Result<u64> {
    let mut compared = 0;
    for (table, key, resource) in TABLES {
        let columns: Vec<String> = (1..=key).map(|n| n.to_string()).collect();
        let sql = format!("SELECT * FROM {table} ORDER BY {}", columns.join(", "));
        let (mut a, mut b) = (ours.prepare(&sql)?, theirs.prepare(&sql)?);
        let names: Vec<String> = a.column_names().map(str::to_owned).collect();
        let (mut a, mut b) = (Cursor::over(a.query([])?, names.len()), Cursor::over(b.query([])?, names.len()));
        let (mut one, mut other) = (a.next()?, b.next()?);
        let mut tell = |row: &[Value], says: String| {
            let key = row.iter().take(key).skip(1).map(shown).collect::<Vec<_>>().join(" ");
            let resource = resource.and_then(|n| row.get(n)).and_then(uuid).map(ResourceId);
            let says = format!("the tables for queries: {table} {key}: {says}");
            findings.put(Finding { resource, says, ..Finding::default() });
        };
        loop {
            match (&one, &other) {
                (None, None) => break,
                (Some(ours), Some(theirs)) if by_key(ours, theirs, key).is_eq() => {
                    let differing =
                        names.iter().zip(ours.iter().zip(theirs)).filter(|(_, (ours, theirs))| ours != theirs);
                    let differing: Vec<&str> = differing.map(|(name, _)| name.as_str()).collect();
                    if !differing.is_empty() {
                        tell(ours, format!("{} is not what the record makes it", differing.join(", ")));
                    }
                    compared += 1;
                    (one, other) = (a.next()?, b.next()?);
                }
                (Some(ours), theirs) if theirs.as_ref().is_none_or(|t| by_key(ours, t, key).is_lt()) => {
                    if !may_be_forgotten(table, ours, &names, latest) {
                        tell(ours, "is missing".into());
                    }
                    one = a.next()?;
                }
                (_, Some(theirs)) => {
                    tell(theirs, "is not in the record".into());
                    other = b.next()?;
                }
                (Some(_), None) => break,
            }
        }
    }
    Ok(compared)
}

struct Cursor<'a> {
    rows: Rows<'a>,
    columns: usize,
}

impl Cursor<'_> {
    fn over(rows: Rows<'_>, columns: usize) -> Cursor<'_> {
        Cursor { rows, columns }
    }

    fn next(&mut self) -> Result<Option<Vec<Value>>> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        Ok(Some((0..self.columns).map(|n| row.get(n)).collect::<rusqlite::Result<_>>()?))
    }
}

/// As SQLite orders keys: numbers before bytes.
fn by_key(a: &[Value], b: &[Value], key: usize) -> Ordering {
    let order = |(a, b): (&Value, &Value)| match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
        (Value::Integer(_), _) => Ordering::Less,
        (_, Value::Integer(_)) => Ordering::Greater,
        (_, _) => Ordering::Equal,
    };
    a.iter().zip(b).take(key).map(order).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Answers and ended holds are kept in the tables as long as keys are; the record keeps them for good. `latest` is the latest time
/// at which they may have been forgotten.
fn may_be_forgotten(table: &str, row: &[Value], names: &[String], latest: Instant) -> bool {
    let cell = |name: &str| names.iter().position(|n| n == name).and_then(|n| row.get(n));
    let old = latest.minus(KEY_KEPT);
    // Ids tell when they were made, as keys do.
    let is_old = |name| {
        let made = |key| key_time(AttemptKey { part: PartId::DEFAULT, actor: Uuid::nil(), key });
        cell(name).and_then(uuid).is_some_and(|id| made(id) < old)
    };
    match table {
        "attempt" => is_old("key"),
        "hold" => matches!(cell("ended"), Some(Value::Text(_))) && is_old("id"),
        _ => false,
    }
}

fn uuid(value: &Value) -> Option<Uuid> {
    match value {
        Value::Blob(bytes) => Uuid::from_slice(bytes).ok(),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Integer(n) => n.to_string(),
        value => uuid(value).map_or_else(|| "?".into(), |id| id.to_string()),
    }
}
