//! `slotwise import csv`: people, resources, blocks and bookings to come, from tables as `slotwise export --format csv` writes them.
//! All tables are read before anything is done; each row is then an ordinary attempt, and what is refused is told by its line.

use super::submit::{AT_ONCE, Submit, println_out, progress, why};
use crate::ids::FreshIds;
use crate::keys::{Kept, PlaceArgs};
use crate::tables::{BlockRow, BookingRow, PersonRow, ResourceRow, guests_of, unguarded};
use anyhow::{Context, bail, ensure};
use clap::Args;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use slotwise_domain::{
    Action, Actor, Block, BlockId, BookingId, Details, Exceptions, Grouped, Instant, Interval, Kind, Line, Outcome,
    OverBookings, OverHolds, OwnOverlap, PersonId, Policy, PolicyField, Resource, ResourceId, ResourceSpec, Waitlist,
    Zone,
};
use slotwise_engine::catalogue::read;
use slotwise_engine::{Answer, Clock, Directory, Engine, Ids, Limits, PersonCard, ResourceFilter, Store, Views};
use slotwise_server::roster;
use slotwise_store::embedded::{Embedded, Options};
use slotwise_store::{Postgres, SystemClock, codec, postgres};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use uuid::Uuid;

/// Rows of one table.
const ROWS_MAX: usize = 2_000_000;

/// The columns' names are shorter.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// `slotwise import csv`.
#[derive(Args)]
pub struct CsvArgs {
    /// The folder with people.csv, resources.csv, blocks.csv and bookings.csv, or some of them.
    dir: PathBuf,
    /// No server may be running on a folder; over a database they may.
    #[command(flatten)]
    place: PlaceArgs,
    /// Where to write what was not taken, and why; in the data folder if left out, of a database beside the tables.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What the tables say, each thing with its line.
pub(super) struct Tables {
    people: Vec<(PersonCard, bool)>,
    resources: Vec<(u64, ResourceId, ResourceSpec)>,
    blocks: Vec<(u64, ResourceId, Block)>,
    bookings: Vec<Asked>,
}

/// A booking of the tables.
struct Asked {
    line: u64,
    id: BookingId,
    owner: PersonId,
    state: String,
    details: Details,
    slots: Vec<(u16, Line)>,
}

/// Imports, and says what was taken.
#[tokio::main]
pub async fn run(args: &CsvArgs) -> anyhow::Result<()> {
    let tables = Tables::read(&args.dir)?;
    let (store, views, people) = open(&args.place).await?;
    for (card, suspended) in &tables.people {
        people.put(card.clone(), *suspended).await?;
    }
    let limits = Limits {
        answer_wait_max: std::time::Duration::from_secs(120),
        queue_wait_max: std::time::Duration::from_secs(60),
        expected_wait_max: std::time::Duration::from_secs(60),
        ..Limits::default()
    };
    let engine = Engine::start(store, Arc::new(SystemClock), Arc::new(FreshIds), limits);
    let mut import = Import { submit: Submit { engine, actor: Actor::System }, views, report: Vec::new(), taken: 0 };
    // What is in a group is made after it.
    let (groups, others): (Vec<_>, Vec<_>) =
        tables.resources.iter().cloned().partition(|(_, _, spec)| spec.kind == Kind::Group);
    let resources = import.resources(&groups).await? + import.resources(&others).await?;
    let blocks = import.blocks(&tables.blocks).await?;
    let now = SystemClock.now();
    let asked = tables.bookings.len();
    let bookings = import.bookings(tables.bookings, now).await?;

    let beside = match args.place.kept()? {
        Kept::Folder(data) => data,
        Kept::Database(_) => &args.dir,
    };
    let path = args.report.clone().unwrap_or_else(|| beside.join("import-csv.txt"));
    let mut out = BufWriter::new(File::create(&path).with_context(|| format!("writing {}", path.display()))?);
    import.report.sort();
    for (table, line, says) in &import.report {
        writeln!(out, "{table} line {line}: {says}")?;
    }
    out.flush()?;
    println_out(&format!(
        "{} people written; made {resources} of {} resources, {blocks} of {} blocks and {bookings} of {asked} bookings. \
         What was left out or refused, and why: {}",
        tables.people.len(),
        tables.resources.len(),
        tables.blocks.len(),
        path.display()
    ))
}

/// Who people are, in either place.
enum PeopleOf {
    Folder(Arc<Embedded>),
    Database(Arc<Postgres>),
}

impl PeopleOf {
    async fn put(&self, card: PersonCard, suspended: bool) -> anyhow::Result<()> {
        let id = card.id;
        match self {
            PeopleOf::Folder(store) => {
                store.put_person(card).await?;
                store.people_file().suspend(id, suspended)?;
            }
            PeopleOf::Database(store) => {
                store.put_person(card).await?;
                store.suspend(id, suspended).await?;
            }
        }
        Ok(())
    }
}

async fn open(place: &PlaceArgs) -> anyhow::Result<(Arc<dyn Store>, Arc<dyn Views>, PeopleOf)> {
    match place.kept()? {
        Kept::Folder(data) => {
            std::fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
            let store = Embedded::open(data, Options::default());
            let store = store.with_context(|| format!("opening {}", data.display()))?;
            Ok((store.clone(), store.clone(), PeopleOf::Folder(store)))
        }
        Kept::Database(url) => {
            let store = Postgres::open(url, postgres::Options { keep: None, ..postgres::Options::default() })
                .await
                .context("opening the database")?;
            Ok((store.clone(), store.clone(), PeopleOf::Database(store)))
        }
    }
}

struct Import {
    submit: Submit,
    views: Arc<dyn Views>,
    /// Table, line, why.
    report: Vec<(&'static str, u64, String)>,
    taken: usize,
}

impl Import {
    fn existing(&self) -> BTreeMap<ResourceId, Arc<Resource>> {
        let catalogue = read(self.views.catalogue());
        // Groups are found by their kind alone.
        let kinds = [None, Some(Kind::Group)];
        let filters = kinds.map(|kind| ResourceFilter { kind, max: ROWS_MAX, ..ResourceFilter::default() });
        filters.iter().flat_map(|filter| catalogue.resources(filter)).map(|r| (r.id, r)).collect()
    }

    /// What an attempt came to: taken, or in the report.
    fn told(&mut self, table: &'static str, line: u64, answer: &Answer) {
        match answer {
            Answer::Decided(recorded, _) if !matches!(recorded.decision.outcome, Outcome::Rejected(_)) => {
                self.taken += 1;
            }
            other => self.report.push((table, line, why(other))),
        }
    }

    async fn resources(&mut self, resources: &[(u64, ResourceId, ResourceSpec)]) -> anyhow::Result<usize> {
        let existing = self.existing();
        let bar = progress(resources.len(), "resources");
        let submit = self.submit.clone();
        let mut answers = futures_util::stream::iter(resources.iter().map(|(line, id, spec)| {
            let (submit, known) = (submit.clone(), existing.contains_key(id));
            async move {
                let action = Action::CreateResource { resource: *id, spec: Box::new(spec.clone()) };
                (*line, if known { None } else { Some(submit.attempt(action).await) })
            }
        }))
        .buffered(AT_ONCE);
        while let Some((line, answer)) = answers.next().await {
            bar.inc(1);
            match answer {
                Some(answer) => self.told("resources.csv", line, &answer),
                None => self.report.push(("resources.csv", line, "is there already; left as it is".into())),
            }
        }
        bar.finish();
        Ok(std::mem::take(&mut self.taken))
    }

    /// One after the other: each raises its resource's policy version.
    async fn blocks(&mut self, blocks: &[(u64, ResourceId, Block)]) -> anyhow::Result<usize> {
        let bar = progress(blocks.len(), "blocks");
        let now = SystemClock.now();
        for (line, resource, block) in blocks {
            bar.inc(1);
            let calendar = self.views.calendars(vec![*resource]).await?.pop();
            let left_out = match &calendar {
                None => Some("resource: there is none with this id"),
                Some(c) if c.blocks.contains_key(&block.id) => Some("is there already; left as it is"),
                Some(_) if block.interval.end() <= now => Some("is over; left out"),
                Some(_) => None,
            };
            if let Some(says) = left_out {
                self.report.push(("blocks.csv", *line, says.into()));
                continue;
            }
            let action = Action::AddBlock {
                resource: *resource,
                policy_version: calendar.map_or(0, |c| c.resource.policy_version),
                block: block.id,
                interval: block.interval,
                reason: block.reason.clone(),
                over_holds: OverHolds::Refuse,
                over_bookings: OverBookings::Refuse,
                exceptions: Exceptions::default(),
            };
            let answer = self.submit.attempt(action).await;
            self.told("blocks.csv", *line, &answer);
        }
        bar.finish();
        Ok(std::mem::take(&mut self.taken))
    }

    /// A pending booking is asked for by its owner, so that it waits for approval again.
    async fn bookings(&mut self, bookings: Vec<Asked>, now: Instant) -> anyhow::Result<usize> {
        let resources = Arc::new(self.existing());
        let bar = progress(bookings.len(), "bookings");
        let (submit, views) = (self.submit.clone(), self.views.clone());
        let mut answers = futures_util::stream::iter(bookings.into_iter().map(|asked| {
            let (submit, views, resources) = (submit.clone(), views.clone(), resources.clone());
            async move {
                let start = asked.slots.iter().filter_map(|(_, line)| line.interval).map(|i| i.start()).min();
                let left_out = match () {
                    () if asked.state == "cancelled" => Some("is cancelled; left out"),
                    () if start.is_none_or(|start| start <= now) => Some("has begun; left out"),
                    () if views.booking(asked.id).await?.is_some() => Some("is there already; left as it is"),
                    () => None,
                };
                if let Some(says) = left_out {
                    return Ok((asked.line, Err(says)));
                }
                // What has one interval is asked for without it.
                let one = |line: &Line| resources.get(&line.resource).is_some_and(|r| r.spec.interval == line.interval);
                let lines = asked.slots.iter().map(|(_, line)| match one(line) {
                    true => Line { interval: None, ..*line },
                    false => *line,
                });
                let (owner, lines) = (asked.owner, lines.collect());
                let actor = if asked.state == "pending" { Actor::Person(owner) } else { Actor::System };
                let action = Action::Book { booking: asked.id, owner, lines, details: asked.details, hold: None };
                let answer = Submit { actor, ..submit }.attempt(action).await;
                anyhow::Ok((asked.line, Ok(answer)))
            }
        }))
        .buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            bar.inc(1);
            match answer? {
                (line, Ok(answer)) => self.told("bookings.csv", line, &answer),
                (line, Err(says)) => self.report.push(("bookings.csv", line, says.into())),
            }
        }
        drop(answers);
        bar.finish();
        Ok(std::mem::take(&mut self.taken))
    }
}

impl Tables {
    pub(super) fn read(dir: &Path) -> anyhow::Result<Tables> {
        let people = table(dir, "people.csv", |_, row: PersonRow| {
            let name = unguarded(&row.name).trim().to_owned();
            ensure!(!name.is_empty() && name.chars().count() <= 200, "name: has 1 to 200 characters");
            ensure!(row.title.chars().count() <= 200, "title: has at most 200 characters");
            let role = codec::role_named(&row.role).context("role")?;
            let suspended = flag("suspended", &row.suspended)?;
            let card = PersonCard { id: PersonId(id("id", &row.id)?), name, title: unguarded(&row.title).into(), role };
            Ok((card, suspended))
        })?;
        let resources = table(dir, "resources.csv", |line, row: ResourceRow| {
            Ok((line, ResourceId(id("id", &row.id)?), spec(&row)?))
        })?;
        let blocks = table(dir, "blocks.csv", |line, row: BlockRow| {
            let interval = interval(&row.start, &row.end)?;
            let block = Block {
                id: BlockId(id("id", &row.id)?),
                interval,
                reason: unguarded(&row.reason).into(),
                exceptions: Exceptions::default(),
            };
            Ok((line, ResourceId(id("resource", &row.resource)?), block))
        })?;
        let rows = table(dir, "bookings.csv", |line, row: BookingRow| asked(line, &row))?;
        let any = [people.is_some(), resources.is_some(), blocks.is_some(), rows.is_some()];
        ensure!(any.contains(&true), "{} holds no table that can be imported", dir.display());
        Ok(Tables {
            people: people.unwrap_or_default(),
            resources: resources.unwrap_or_default(),
            blocks: blocks.unwrap_or_default(),
            bookings: joined(rows.unwrap_or_default())?,
        })
    }
}

#[cfg(test)]
impl Tables {
    /// Whether there is no row in any of them.
    pub(super) const fn is_empty(&self) -> bool {
        self.people.is_empty() && self.resources.is_empty() && self.blocks.is_empty() && self.bookings.is_empty()
    }
}

/// Bookings of one line each, as bookings of all their lines.
fn joined(rows: Vec<Asked>) -> anyhow::Result<Vec<Asked>> {
    let mut places: BTreeMap<BookingId, usize> = BTreeMap::new();
    let mut bookings: Vec<Asked> = Vec::new();
    for row in rows {
        match places.get(&row.id).and_then(|place| bookings.get_mut(*place)) {
            None => {
                places.insert(row.id, bookings.len());
                bookings.push(row);
            }
            Some(first) => {
                let same = first.owner == row.owner && first.state == row.state && first.details == row.details;
                ensure!(
                    same,
                    "bookings.csv line {}: owner, state, title, purpose and people must be those of line {}",
                    row.line,
                    first.line
                );
                let taken = row.slots.iter().any(|(n, _)| first.slots.iter().any(|(known, _)| known == n));
                ensure!(!taken, "bookings.csv line {}: line: the booking has this line already", row.line);
                first.slots.extend(row.slots);
                first.slots.sort_by_key(|(n, _)| *n);
            }
        }
    }
    Ok(bookings)
}

fn asked(line: u64, row: &BookingRow) -> anyhow::Result<Asked> {
    let known = ["confirmed", "pending", "cancelled"].contains(&row.state.as_str());
    ensure!(known, "state: {:?} is none of confirmed, pending and cancelled", row.state);
    ensure!(row.units > 0, "units: must be at least 1");
    let said = |text: &str, max: usize, field: &str| -> anyhow::Result<Option<String>> {
        let text = unguarded(text);
        ensure!(text.chars().count() <= max, "{field}: has at most {max} characters");
        ensure!(!text.chars().any(|c| c.is_control() && c != '\n'), "{field}: must not have control characters");
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    };
    let (title, purpose) = (said(&row.title, 200, "title")?, said(&row.purpose, 2_000, "purpose")?);
    let (resource, interval) = (ResourceId(id("resource", &row.resource)?), interval(&row.start, &row.end)?);
    Ok(Asked {
        line,
        id: BookingId(id("booking", &row.booking)?),
        owner: PersonId(id("owner", &row.owner)?),
        state: row.state.clone(),
        details: Details {
            title,
            purpose,
            people: row.people,
            guests: guests_of(&row.guests)?,
            private: flag("private", &row.private)?,
        },
        slots: vec![(row.line, Line { resource, interval: Some(interval), units: row.units })],
    })
}

fn spec(row: &ResourceRow) -> anyhow::Result<ResourceSpec> {
    let zone = match row.zone.as_str() {
        "UTC" => Zone::utc(),
        name => Zone::named(name).with_context(|| format!("zone: {name:?}"))?,
    };
    let words = unguarded(&row.equipment).split(',').map(|word| word.trim().to_owned());
    let interval = match (row.start.as_str(), row.end.as_str()) {
        ("", "") => None,
        (start, end) => Some(interval(start, end)?),
    };
    let kind = codec::kind_named(&row.kind).context("kind")?;
    let spec = ResourceSpec {
        kind,
        name: unguarded(&row.name).into(),
        building: Some(unguarded(&row.building).to_owned()).filter(|b| !b.is_empty()),
        seats: row.seats,
        equipment: words.filter(|word| !word.is_empty()).collect(),
        zone,
        capacity: row.capacity,
        interval,
        // Who says no rules has those of the kind, as over HTTP.
        policy: Policy {
            own_overlap: OwnOverlap::of_kind(kind),
            waitlist: Waitlist::of_kind(kind),
            ..Policy::default()
        },
        group: grouped(row)?,
        linked: linked(&row.linked)?,
        course: None,
    };
    let spec = if row.rules.trim().is_empty() { spec } else { with(&spec, "policy", &row.rules).context("rules")? };
    let spec =
        if row.course.trim().is_empty() { spec } else { with(&spec, "course", &row.course).context("course")? };
    spec.checked().map_err(|e| anyhow::anyhow!("{e}"))
}

fn grouped(row: &ResourceRow) -> anyhow::Result<Option<Grouped>> {
    let field = |name: &str| PolicyField::named(name).with_context(|| format!("own_rules: {name:?} is no rule"));
    let own = row.own_rules.split_whitespace().map(field).collect::<anyhow::Result<_>>()?;
    match row.group.trim() {
        "" => Ok(None),
        group => Ok(Some(Grouped { id: ResourceId(id("group", group)?), own })),
    }
}

fn linked(cell: &str) -> anyhow::Result<Vec<Vec<ResourceId>>> {
    let list = |list: &str| list.split_whitespace().map(|cell| Ok(ResourceId(id("linked", cell)?))).collect();
    let lists = cell.split('|').filter(|list| !list.trim().is_empty());
    lists.map(list).collect()
}

/// The same resource with one field as the store writes it.
fn with(spec: &ResourceSpec, field: &str, cell: &str) -> anyhow::Result<ResourceSpec> {
    let said: serde_json::Value = serde_json::from_str(cell)?;
    let mut stored: serde_json::Value = serde_json::from_str(&codec::encode_spec(spec)?)?;
    stored[field] = said.clone();
    let spec = codec::decode_spec(&stored.to_string())?;
    let known: serde_json::Value = serde_json::from_str(&codec::encode_spec(&spec)?)?;
    ensure!(known[field] == said, "it says something that is not known here");
    Ok(spec)
}

/// Reads a table, unless there is none.
fn table<R: DeserializeOwned, T>(
    dir: &Path,
    name: &str,
    each: impl Fn(u64, R) -> anyhow::Result<T>,
) -> anyhow::Result<Option<Vec<T>>> {
    let path = dir.join(name);
    if !path.exists() {
        return Ok(None);
    }
    // A record of lines that end with both begins, for the reader, at the end of the line before it.
    let mut first = Vec::new();
    let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
    BufReader::new(file.take(LINE_BYTES_MAX))
        .read_until(b'\n', &mut first)
        .with_context(|| format!("reading {name}"))?;
    let behind = u64::from(first.ends_with(b"\r\n"));
    let between = roster::delimiter(&first);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(between)
        .from_path(&path)
        .with_context(|| format!("reading {}", path.display()))?;
    let headers = reader.headers().with_context(|| format!("reading {}", path.display()))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| match e.kind() {
            csv::ErrorKind::Utf8 { pos, .. } => {
                let line = pos.as_ref().map_or(0, csv::Position::line) + behind;
                anyhow::anyhow!("{name}, the row after line {line}: it is not UTF-8; save the table as that")
            }
            _ => anyhow::Error::new(e).context(format!("reading {name}")),
        })?;
        let line = record.position().map_or(0, csv::Position::line) + behind;
        let row: R = record.deserialize(Some(&headers)).map_err(|e| match e.kind() {
            csv::ErrorKind::Deserialize { err, .. } => {
                let column = err.field().and_then(|n| headers.get(n as usize)).unwrap_or_default();
                let colon = if column.is_empty() { "" } else { ": " };
                anyhow::anyhow!("{name} line {line}: {column}{colon}{}", err.kind())
            }
            _ => anyhow::anyhow!("{name} line {line}: {e}"),
        })?;
        rows.push(each(line, row).with_context(|| format!("{name} line {line}"))?);
        if rows.len() > ROWS_MAX {
            bail!("{name} has more than {ROWS_MAX} rows; import it in parts");
        }
    }
    Ok(Some(rows))
}

/// An id of a cell; a fresh one is made for an empty cell of a thing to be made.
fn id(field: &str, cell: &str) -> anyhow::Result<Uuid> {
    match cell.trim() {
        "" if field == "id" || field == "booking" => Ok(FreshIds.fresh()),
        cell => Uuid::from_str(cell).with_context(|| format!("{field}: {cell:?} is no UUID")),
    }
}

fn flag(field: &str, cell: &str) -> anyhow::Result<bool> {
    match cell.to_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => bail!("{field}: {cell:?} is neither true nor false"),
    }
}

fn interval(start: &str, end: &str) -> anyhow::Result<Interval> {
    let at = |field: &str, cell: &str| -> anyhow::Result<Instant> {
        let t: jiff::Timestamp = cell.parse().with_context(|| format!("{field}: {cell:?} is no RFC 3339 time"))?;
        Ok(t.into())
    };
    Interval::new(at("start", start)?, at("end", end)?).map_err(|e| anyhow::anyhow!("start and end: {e}"))
}
