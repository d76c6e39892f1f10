//! Whether a database is as it was written: its commits are folded again by the very fold that a data directory is verified with, and
//! every row that follows from them is compared. It reads one instant, writes nothing, and repairs nothing.

use super::error::{Error, Result};
use super::load::{self, signed, unsigned};
use super::made::{self, Cell, Table};
use super::pool::args;
use super::sql;
use super::still::Still;
use crate::codec;
use crate::commit::{Commit, Lying};
use crate::embedded::folded::Folded;
use crate::embedded::verify::{Checkpoints, Findings, Fold, same_calendar};
use crate::embedded::{Finding, Verified, Wanted, signed as checkpoint_files};
use slotwise_domain::{AttemptKey, Calendar, Instant, PartId, ResourceId, Version};
use slotwise_engine::round::{KEY_KEPT, key_time};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio_postgres::Row;
use uuid::Uuid;

/// Rows compared at once.
const ROWS: i64 = 5_000;
/// Snapshots compared at once: each is a whole calendar.
const SNAPSHOTS: usize = 100;

/// Looks at all of a part of a database, and says what is wrong with it. An error is a database that could not be read.
pub fn examine(url: &str, part: i64, mut wanted: Wanted) -> Result<Verified> {
    let still = Still::open(url, part)?;
    let mut findings = Findings::default();
    let checkpoints = checkpoints(&still, &wanted, &mut findings)?;
    let mut fold = Fold::of_several(still.meta, findings, checkpoints)?;
    fold.verified.running = still.running;
    let of = still.commits()?;
    let mut records = Records::begin(&still)?;
    let mut after = None;
    loop {
        let page = still.commits_after(after.as_ref())?;
        let Some(last) = page.last() else { break };
        after = last.place;
        for lying in &page {
            fold.lying(lying)?;
            records.expect(&mut fold, lying)?;
        }
        fold.flush()?;
        records.compare(&still, &mut fold)?;
        if let Some(progress) = &mut wanted.progress {
            progress(fold.verified.commits, of.max(fold.verified.commits));
        }
    }
    // What cannot be folded makes no rows to compare with.
    if fold.folds {
        records.end(&still, &mut fold)?;
        let latest = wanted.now.map_or(fold.latest, |now| fold.latest.max(now));
        let mut findings = std::mem::take(&mut fold.findings);
        let mut compared = 0;
        let folded = Folded(&fold);
        for table in made::TABLES {
            compared += compare(&still, &folded, table, latest, &mut findings)?;
        }
        longest(&still, &folded, &mut findings)?;
        fold.findings = findings;
        fold.verified.rows += compared;
    }
    Ok(fold.end()?)
}

/// Those of a file, or those that the database keeps.
fn checkpoints(still: &Still, wanted: &Wanted, findings: &mut Findings) -> Result<Option<Checkpoints>> {
    let (lines, name) = match &wanted.checkpoints {
        Some(path) => {
            let lines = checkpoint_files::read(path).map_err(|e| Error::Unfit(e.0))?;
            (lines, path.display().to_string())
        }
        None => (still.checkpoints()?, "the table checkpoint".to_owned()),
    };
    if lines.is_empty() && wanted.checkpoints.is_none() {
        return Ok(None);
    }
    Ok(Some(Checkpoints::of(lines, &name, wanted.public_key, findings)))
}

/// Versions beside the commits that say them, and snapshots beside the versions that they are of.
struct Records {
    /// Of commits that were folded and not yet compared.
    expected: Vec<(ResourceId, u64, Vec<Cell>)>,
    /// Which version each snapshot is of, until it is met.
    snapshots: HashMap<ResourceId, u64>,
    met: Vec<Arc<Calendar>>,
    /// How far each record is.
    heads: HashMap<ResourceId, u64>,
}

impl Records {
    fn begin(still: &Still) -> Result<Records> {
        let found = still.rows(sql::SNAPSHOT_NUMBERS, args![still.part])?;
        let of = |row: &Row| Ok((ResourceId(row.try_get(0)?), unsigned(row.try_get(1)?)));
        let snapshots = found.iter().map(of).collect::<Result<_>>()?;
        Ok(Records { expected: Vec::new(), snapshots, met: Vec::new(), heads: HashMap::new() })
    }

    /// The rows that a commit must have made.
    fn expect(&mut self, fold: &mut Fold, lying: &Lying) -> Result<()> {
        if !fold.folds {
            return Ok(());
        }
        let (commit, bodies) = codec::decode_commit(lying.number, lying.hash, &lying.body)?;
        for ((resource, number), row) in rows_of(&commit, lying, &bodies) {
            self.heads.insert(resource, number);
            self.expected.push((resource, number, row));
            if self.snapshots.get(&resource) == Some(&number) {
                self.snapshots.remove(&resource);
                // It holds still: folds share what they do not change.
                self.met.extend(fold.world.calendars.get(&resource).cloned());
            }
        }
        Ok(())
    }

    fn compare(&mut self, still: &Still, fold: &mut Fold) -> Result<()> {
        for page in self.expected.chunks(usize::try_from(ROWS).unwrap_or(usize::MAX)) {
            let (ids, numbers): (Vec<Uuid>, Vec<i64>) = page.iter().map(|(id, n, _)| (id.0, signed(*n))).unzip();
            let found = still.rows(sql::RECORDS_NAMED, args![still.part, ids, numbers])?;
            let mut there = HashMap::with_capacity(found.len());
            for row in &found {
                let cells = RECORD.row(row)?;
                there.insert((ResourceId(row.try_get(0)?), unsigned(row.try_get(1)?)), cells);
            }
            for (resource, number, expected) in page {
                let says = match there.get(&(*resource, *number)) {
                    None => "is missing".to_owned(),
                    Some(found) => match RECORD.differing(expected, found)[..] {
                        [] => continue,
                        ref columns => format!("{} is not what the journal says", columns.join(", ")),
                    },
                };
                let says = format!("the table record: version {number} {says}");
                fold.findings.put(Finding { resource: Some(*resource), says, ..Finding::default() });
            }
            fold.verified.rows += found.len() as u64;
        }
        self.expected.clear();
        Ok(())
    }

    /// What calendars are loaded from, beside those that the record made then. What ended long before the end need not be in either.
    fn snapshots(still: &Still, fold: &mut Fold, met: &[Arc<Calendar>]) -> Result<()> {
        let since = fold.latest.minus(Calendar::LOOKBACK);
        let ids: Vec<Uuid> = met.iter().map(|calendar| calendar.resource.id.0).collect();
        let found = still.rows(sql::SNAPSHOTS, args![still.part, ids])?;
        let mut kept: HashMap<ResourceId, &Row> = HashMap::new();
        for row in &found {
            kept.insert(ResourceId(row.try_get(0)?), row);
        }
        for folded in met {
            let id = folded.resource.id;
            let Some(row) = kept.get(&id) else { continue };
            let says = match load::snapshot(row) {
                Ok(mut kept) => {
                    kept.forget_before(since);
                    let mut folded = Calendar::clone(folded);
                    folded.forget_before(since);
                    fold.verified.rows += 1;
                    (!same_calendar(&kept, &folded)).then(|| "is not what the record makes it".to_owned())
                }
                Err(e) => Some(format!("cannot be read: {e}")),
            };
            if let Some(says) = says {
                let (resource, version) = (Some(id), Some(folded.version));
                let says = format!("the table snapshot {says}");
                fold.findings.put(Finding { resource, version, says, ..Finding::default() });
            }
        }
        Ok(())
    }

    /// That there is no more than was expected, and a snapshot of everything.
    fn end(self, still: &Still, fold: &mut Fold) -> Result<()> {
        for some in self.met.chunks(SNAPSHOTS) {
            Records::snapshots(still, fold, some)?;
        }
        let mut find = |resource: ResourceId, says: String| {
            fold.findings.put(Finding { resource: Some(resource), says, ..Finding::default() });
        };
        for row in still.rows(sql::RECORDS_COUNTED, args![still.part])? {
            let (id, count, last) = (ResourceId(row.try_get(0)?), row.try_get::<_, i64>(1)?, row.try_get::<_, i64>(2)?);
            let ends = signed(self.heads.get(&id).copied().unwrap_or(0));
            if count > ends || last > ends {
                let says =
                    format!("the table record has {count} versions of it up to {last}, and the journal ends at {ends}");
                find(id, says);
            }
        }
        for (id, number) in &self.snapshots {
            find(*id, format!("the table snapshot is of version {number}, which the journal does not have"));
        }
        let found = still.rows(sql::SNAPSHOT_NUMBERS, args![still.part])?;
        let kept: std::collections::HashSet<Uuid> = load::ids(&found)?.into_iter().collect();
        for id in self.heads.keys().filter(|id| !kept.contains(&id.0)) {
            find(*id, "the table snapshot has nothing of it".to_owned());
        }
        Ok(())
    }
}

/// The record, for its columns only: its rows are made of commits one by one.
const RECORD: Table = Table {
    name: "record",
    columns: &[
        ("resource", made::Kind::Id),
        ("number", made::Kind::Number),
        ("epoch", made::Kind::Number),
        ("commit_id", made::Kind::Id),
        ("decided_at", made::Kind::Number),
        ("attempt", made::Kind::Id),
        ("actor", made::Kind::Id),
        ("changes", made::Kind::Bytes),
    ],
    key: 2,
    untold: &[],
    page: sql::RECORDS_NAMED,
    put: sql::FILL_RECORDS,
};

/// The rows of the record that a commit makes, each with its version; `bodies` are their changes as they lie in it.
pub(super) fn rows_of<'c>(
    commit: &'c Commit,
    lying: &'c Lying,
    bodies: &'c [&[u8]],
) -> impl Iterator<Item = ((ResourceId, u64), Vec<Cell>)> + 'c {
    let id = lying.place.map_or(Uuid::nil(), |place| place.id);
    commit.records().zip(bodies).map(move |((entry, record), body)| {
        let Version { epoch, number } = record.version;
        let key = entry.recorded.key;
        let cells = vec![
            Cell::Id(record.resource.0),
            Cell::Number(signed(number)),
            Cell::Number(i64::from(epoch.0)),
            Cell::Id(id),
            Cell::Number(entry.recorded.decision.decided_at.0),
            Cell::Id(key.key),
            Cell::Id(key.actor),
            Cell::Bytes(body.to_vec()),
        ];
        ((record.resource, number), cells)
    })
}

/// Puts rows of the record in.
pub(super) fn put_records(part: i64, rows: Vec<Vec<Cell>>) -> super::pool::Args {
    RECORD.put(part, rows)
}

/// Rows of a table as they come, a page at a time.
struct Pager<'s> {
    still: &'s Still,
    table: &'static Table,
    rows: VecDeque<Vec<Cell>>,
    last: Option<Vec<Cell>>,
    more: bool,
}

impl<'s> Pager<'s> {
    fn over(still: &'s Still, table: &'static Table) -> Pager<'s> {
        Pager { still, table, rows: VecDeque::new(), last: None, more: true }
    }

    fn peek(&mut self) -> Result<Option<&Vec<Cell>>> {
        if self.rows.is_empty() && self.more {
            let args = self.table.page_after(self.still.part, self.last.as_deref(), ROWS);
            let found = self.still.rows(self.table.page, args)?;
            self.more = found.len() as i64 == ROWS;
            self.rows = found.iter().map(|row| self.table.row(row)).collect::<Result<_>>()?;
            self.last = self.rows.back().cloned();
        }
        Ok(self.rows.front())
    }
}

/// Compares all rows of a table with those that the record makes. Returns how many there are of both.
fn compare(
    still: &Still,
    folded: &Folded,
    table: &'static Table,
    latest: Instant,
    findings: &mut Findings,
) -> Result<u64> {
    let mut pager = Pager::over(still, table);
    let mut compared = 0;
    made::rows_of(folded, table, |ours| {
        while let Some(theirs) = pager.peek()? {
            match table.by_key(theirs, &ours) {
                std::cmp::Ordering::Less => {
                    find(table, theirs, "is not in the record", findings);
                    pager.rows.pop_front();
                }
                std::cmp::Ordering::Greater => break,
                std::cmp::Ordering::Equal => {
                    let Some(mut theirs) = pager.rows.pop_front() else { break };
                    compared += 1;
                    if table.name == "claim"
                        && let Err(e) = made::settled_row(&mut theirs)
                    {
                        find(table, &ours, &format!("cannot be read: {e}"), findings);
                        return Ok(());
                    }
                    let differing = table.differing(&ours, &theirs);
                    if !differing.is_empty() {
                        let says = format!("{} is not what the record makes it", differing.join(", "));
                        find(table, &ours, &says, findings);
                    }
                    return Ok(());
                }
            }
        }
        if !may_be_forgotten(table, &ours, latest) {
            find(table, &ours, "is missing", findings);
        }
        Ok(())
    })?;
    while let Some(theirs) = pager.peek()? {
        find(table, theirs, "is not in the record", findings);
        pager.rows.pop_front();
    }
    Ok(compared)
}

fn find(table: &Table, row: &[Cell], says: &str, findings: &mut Findings) {
    let key: Vec<String> = row.iter().take(table.key).map(ToString::to_string).collect();
    let resource = table.columns.iter().position(|(name, _)| *name == "resource");
    let resource = resource.and_then(|n| row.get(n)).and_then(Cell::id).map(ResourceId);
    let says = format!("the table {} {}: {says}", table.name, key.join(" "));
    findings.put(Finding { resource, says, ..Finding::default() });
}

/// Answers' places and ended holds are kept as long as keys are.
fn may_be_forgotten(table: &Table, row: &[Cell], latest: Instant) -> bool {
    // Ids tell when they were made, as keys do.
    let is_old = |id: &Uuid| {
        let made = key_time(AttemptKey { part: PartId::DEFAULT, actor: Uuid::nil(), key: *id });
        made <= latest.minus(KEY_KEPT)
    };
    match (table.name, row) {
        ("attempt", [Cell::Id(key), ..]) => is_old(key),
        ("claim", [Cell::Id(id), Cell::Number(load::HOLD), .., Cell::Flag(false), _]) => is_old(id),
        _ => false,
    }
}

fn longest(still: &Still, folded: &Folded, findings: &mut Findings) -> Result<()> {
    let found = still.rows(sql::LONGEST, args![still.part])?;
    let theirs: i64 = found.first().map_or(Ok(0), |row| row.try_get(0))?;
    // One that was longer within its own commit only need not be counted.
    if !folded.longest()?.contains(&theirs) {
        let says = "the table meta: longest is not what the record makes it".to_owned();
        findings.put(Finding { says, ..Finding::default() });
    }
    Ok(())
}
