//! Many rows in one statement: what SQLite does to begin and to end one, and the way from the root of a tree to where the last row
//! went, is done once for all of them. It knows no table.

use super::error::{Error, Result};
use rusqlite::{Connection, Statement, ToSql};

/// Rows of one statement.
const ROWS: usize = 16;

/// The values of a statement that is executed with them.
pub(super) struct Values<'s, 'c> {
    statement: &'s mut Statement<'c>,
    bound: usize,
}

impl<'s, 'c> Values<'s, 'c> {
    /// Of a statement; none yet.
    pub fn of(statement: &'s mut Statement<'c>) -> Values<'s, 'c> {
        Values { statement, bound: 0 }
    }

    /// The next of them.
    pub fn add(&mut self, values: &[&dyn ToSql]) -> Result<()> {
        for value in values {
            self.bound += 1;
            self.statement.raw_bind_parameter(self.bound, value)?;
        }
        Ok(())
    }

    /// Executes it; all its values were added.
    pub fn execute(self) -> Result<usize> {
        Ok(self.statement.raw_execute()?)
    }
}

/// Puts rows in, in their order, within a transaction that is undone as a whole if it fails: some may be in by then. `insert` puts in
/// one, and names its values in their order; `values` adds them.
pub(super) fn put<T>(
    db: &Connection,
    insert: &str,
    rows: &[T],
    values: impl Fn(&mut Values, &T) -> Result<()>,
) -> Result<()> {
    let (some, rest) = rows.as_chunks::<ROWS>();
    if !some.is_empty() {
        let mut many = db.prepare_cached(&of_many(insert)?)?;
        for chunk in some {
            let mut bound = Values::of(&mut many);
            chunk.iter().try_for_each(|row| values(&mut bound, row))?;
            bound.execute()?;
        }
    }
    let mut one = db.prepare_cached(insert)?;
    for row in rest {
        let mut bound = Values::of(&mut one);
        values(&mut bound, row)?;
        bound.execute()?;
    }
    Ok(())
}

/// The same statement for [`ROWS`] rows. It keeps no copy of the pages it changes, as one does that can be undone alone.
fn of_many(insert: &str) -> Result<String> {
    let parts = insert.split_once("INSERT INTO").and_then(|(_, rest)| {
        let (into, rest) = rest.split_once("VALUES")?;
        let (row, then) = rest.split_once(')')?;
        Some((into, row.matches('?').count(), then))
    });
    let (into, columns, then) = parts.ok_or_else(|| Error::bug(format!("{insert} puts no row in")))?;
    let row = format!("({})", vec!["?"; columns].join(", "));
    Ok(format!("INSERT OR FAIL INTO{into}VALUES {}{then}", vec![row.as_str(); ROWS].join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::params;

    #[test]
    fn many_rows_are_as_if_each_were_put_in_alone() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT").unwrap();
        let put_in = |rows: &[(i64, Option<String>)]| {
            let insert = "INSERT INTO t (a, b) VALUES (?1, ?2)\n ON CONFLICT (a) DO UPDATE SET b = excluded.b";
            put(&db, insert, rows, |values, (a, b)| values.add(params![a, b]))
        };
        for n in [0, 1, 15, 16, 17, 50] {
            let rows: Vec<_> = (0..n).map(|n| (n, (n % 3 > 0).then(|| format!("{n}")))).collect();
            put_in(&rows).unwrap();
            let mut select = db.prepare("SELECT a, b FROM t ORDER BY a").unwrap();
            let found = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert_eq!(found.collect::<rusqlite::Result<Vec<_>>>().unwrap(), rows);
        }
        put_in(&vec![(7, None); 20]).unwrap();
        assert_eq!(db.query_row("SELECT count(*) FROM t WHERE b IS NULL", [], |row| row.get(0)), Ok(18));
        let twice = put(&db, "INSERT INTO t (a) VALUES (?1)", &[90, 91, 90], |values, a| values.add(params![a]));
        assert!(twice.is_err(), "a row that is there already is an error");
        let twice: Vec<i64> = (100..130).chain([115]).collect();
        assert!(put(&db, "INSERT INTO t (a) VALUES (?1)", &twice, |values, a| values.add(params![a])).is_err());
        let twice: Vec<i64> = (200..230).map(|n| n.min(205)).collect();
        assert!(put(&db, "INSERT INTO t (a) VALUES (?1)", &twice, |values, a| values.add(params![a])).is_err());
        assert!(put(&db, "UPDATE t SET b = ?1", &twice, |values, a| values.add(params![a])).is_err());
    }
}
