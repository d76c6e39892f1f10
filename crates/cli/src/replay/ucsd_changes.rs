//! `slotwise replay ucsd-changes`: registration as it happened at UC San Diego, as enrolments, drops, waitlists and capacities of
//! synthetic students. It never forces a state: what the engine refuses stays refused, and is counted.

use crate::demo::person_id;
use crate::ids::FreshIds;
use crate::import::submit::{Submit, println_out, progress, why};
use crate::import::ucsd::open;
use anyhow::{Context, bail, ensure};
use clap::Args;
use jiff::{civil::DateTime, tz::TimeZone};
use serde::Deserialize;
use slotwise_domain::{
    Action, Actor, Below, BookingId, Calendar, Details, EntryId, Instant, Interval, Kind, Line, Outcome, OwnOverlap,
    PersonId, Policy, Resource, ResourceId, ResourceSpec, Role, Span, UseId, Waitlist, Zone,
};
use slotwise_engine::catalogue::read as read_catalogue;
use slotwise_engine::{Answer, Clock, Directory, Engine, Ids, Limits, PersonCard, PersonRow, Status, Store, Views};
use slotwise_store::embedded::{Embedded, Options};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Rows of one file.
const ROWS_MAX: usize = 1_000_000;
/// Bytes of one file, unpacked.
const BYTES_MAX: u64 = 256 << 20;
/// Seats of one section in the file; from [`UNLIMITED`] on it has no limit.
const SEATS_MAX: u32 = 9_999;
/// Numbers that stand for "without limit".
const UNLIMITED: [u32; 2] = [999, 9_999];
/// Synthetic students: more than any section has enrolled and waiting.
const STUDENTS: u32 = 2_000;
/// Whoever keeps the seats and edits the sections.
const REGISTRAR: PersonId = person_id(1_000);
/// The first student's place among the fixed ids.
const FIRST_STUDENT: u128 = 10_000;

/// `slotwise replay ucsd-changes`.
#[derive(Args)]
pub struct UcsdChangesArgs {
    /// The changes as CSV, gzipped or not: time,section,enrolled,available,waitlisted,total.
    file: PathBuf,
    /// A folder to do it in, new or without resources.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Where the times of the file are read.
    #[arg(long, default_value = "America/Los_Angeles")]
    zone: String,
    /// Where to write what was counted, and each section that ended otherwise; in the data folder if left out.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Replays, and says how it ended.
#[tokio::main]
pub async fn run(args: &UcsdChangesArgs) -> anyhow::Result<()> {
    let name = args.file.display();
    let zone = Zone::named(&args.zone)?;
    let rows = read(open(&args.file)?, zone.rules()).with_context(|| format!("reading {name}"))?;
    let (first, last) = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => (first.at, last.at),
        _ => bail!("{name} has no rows"),
    };
    std::fs::create_dir_all(&args.data).with_context(|| format!("making {}", args.data.display()))?;
    let clock = Arc::new(FileClock::at(first));
    let options = Options { clock: clock.clone(), ..Options::default() };
    let store = Embedded::open(&args.data, options).with_context(|| format!("opening {}", args.data.display()))?;
    ensure!(
        read_catalogue(store.catalogue()).is_empty(),
        "{}: there is something in this folder already; a replay wants one of its own",
        args.data.display()
    );
    people(&*store).await?;
    let engine = Engine::start(store.clone(), clock.clone(), Arc::new(FreshIds), Limits::default());
    let submit = Submit { engine, actor: Actor::Person(REGISTRAR) };
    let begins = last.plus(Span::hours(2));
    let term = Interval::new(begins, begins.plus(Span::hours(1))).context("the time of the last row")?;
    let mut replay =
        Replay { submit, store, zone, term, next_student: 0, sections: BTreeMap::new(), commands: BTreeMap::new() };

    let bar = progress(rows.len(), "rows");
    for row in &rows {
        clock.advance(row.at);
        replay.row(row).await.with_context(|| format!("{name} line {}", row.line))?;
        bar.inc(1);
    }
    bar.finish();

    let path = args.report.clone().unwrap_or_else(|| args.data.join("replay-ucsd-changes.txt"));
    let report = replay.report(&rows);
    let mut out = BufWriter::new(File::create(&path).with_context(|| format!("writing {}", path.display()))?);
    write!(out, "{report}")?;
    out.flush()?;
    println_out(&format!("{}Each section that differs: {}", report.summary(), path.display()))?;
    let broken = report.within_rules().filter(|ended| !ended.equal_always || ended.refused() > 0).count();
    ensure!(
        broken == 0,
        "{broken} sections that never break a rule did not go as the file says: see {}",
        path.display()
    );
    Ok(())
}

/// What a section has, by the file or by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    enrolled: u32,
    waiting: u32,
    seats: Seats,
}

/// How many seats a section has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seats {
    Limited(u32),
    Unlimited,
}

impl Seats {
    fn of(total: u32) -> Seats {
        if UNLIMITED.contains(&total) { Seats::Unlimited } else { Seats::Limited(total) }
    }

    fn suffice(self, enrolled: u32) -> bool {
        match self {
            Seats::Limited(seats) => enrolled <= seats,
            Seats::Unlimited => true,
        }
    }
}

impl Counts {
    /// More enrolled than there are seats.
    fn is_over(self) -> bool {
        !self.seats.suffice(self.enrolled)
    }

    fn has_free(self) -> bool {
        self.seats.suffice(self.enrolled + 1)
    }

    /// People wait beside free seats.
    fn waits_beside_free(self) -> bool {
        self.waiting > 0 && self.has_free()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} enrolled, {} waiting, ", self.enrolled, self.waiting)?;
        match self.seats {
            Seats::Limited(seats) => write!(f, "{seats} seats"),
            Seats::Unlimited => f.write_str("no limit"),
        }
    }
}

/// A row of the file: how a section stood from then on.
#[derive(Debug)]
pub(crate) struct Row {
    line: u64,
    at: Instant,
    section: String,
    counts: Counts,
}

/// The columns, as they stand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cells {
    time: String,
    section: String,
    enrolled: String,
    available: String,
    waitlisted: String,
    total: String,
}

pub(crate) fn read(reader: impl BufRead, zone: &TimeZone) -> anyhow::Result<Vec<Row>> {
    let mut table = csv::Reader::from_reader(reader.take(BYTES_MAX));
    let header = table.headers().context("line 1")?.clone();
    let mut rows = Vec::new();
    let mut cells = csv::StringRecord::new();
    loop {
        let more = table.read_record(&mut cells)?;
        if !more {
            break;
        }
        let line = cells.position().map_or(0, csv::Position::line);
        ensure!(rows.len() < ROWS_MAX, "line {line}: there are more than {ROWS_MAX} rows");
        let row = cells.deserialize(Some(&header)).context("columns");
        let row = row.and_then(|cells| row_of(line, &cells, zone)).with_context(|| format!("line {line}"))?;
        ensure!(
            rows.last().is_none_or(|last: &Row| last.at <= row.at),
            "line {line}: time: is before that of the line above"
        );
        rows.push(row);
    }
    ensure!(table.into_inner().limit() > 0, "has more than {} MiB", BYTES_MAX >> 20);
    Ok(rows)
}

fn row_of(line: u64, cells: &Cells, zone: &TimeZone) -> anyhow::Result<Row> {
    let number = |name: &'static str, cell: &str| -> anyhow::Result<u32> {
        let number = cell.parse().with_context(|| format!("{name}: {cell:?} is no whole number"))?;
        ensure!(number <= SEATS_MAX, "{name}: {number} is more than {SEATS_MAX}");
        Ok(number)
    };
    let civil: DateTime = cells.time.parse().with_context(|| format!("time: {:?} is no date and time", cells.time))?;
    let at = zone.to_ambiguous_timestamp(civil).compatible().context("time")?.into();
    let section = cells.section.trim().to_owned();
    ensure!((1..=100).contains(&section.chars().count()), "section: must have 1 to 100 characters");
    let seats = Seats::of(number("total", &cells.total)?);
    let counts = Counts {
        enrolled: number("enrolled", &cells.enrolled)?,
        waiting: number("waitlisted", &cells.waitlisted)?,
        seats,
    };
    let free = number("available", &cells.available)?;
    let left = match seats {
        Seats::Limited(seats) => seats.saturating_sub(counts.enrolled),
        Seats::Unlimited => free,
    };
    ensure!(free == left, "available: is {free}, and what is left of total is {left}");
    let most = STUDENTS.min(Waitlist::ENTRIES_MAX);
    ensure!(counts.enrolled + counts.waiting <= STUDENTS, "enrolled: and waitlisted are more than {STUDENTS} together");
    ensure!(counts.waiting <= most, "waitlisted: is more than {most}");
    Ok(Row { line, at, section, counts })
}

/// The file's own time: what is decided is decided when it was.
struct FileClock(AtomicI64, Instant);

impl FileClock {
    fn at(start: Instant) -> FileClock {
        FileClock(AtomicI64::new(start.0), start)
    }

    fn advance(&self, to: Instant) {
        self.0.fetch_max(to.0, Ordering::SeqCst);
    }
}

impl Clock for FileClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }

    /// Nobody sets this clock, so that the two never part.
    fn since_boot(&self) -> Span {
        self.now().since(self.1)
    }
}

fn student(n: u32) -> PersonId {
    person_id(FIRST_STUDENT + u128::from(n))
}

async fn people(directory: &dyn Directory) -> anyhow::Result<()> {
    let registrar = PersonCard { id: REGISTRAR, name: "Registrar".into(), title: String::new(), role: Role::Admin };
    directory.put_person(registrar).await?;
    let students = (0..STUDENTS).map(|n| PersonRow {
        id: Some(student(n)),
        fresh: student(n),
        external_id: None,
        name: format!("Student {:04}", n + 1),
        title: Some("Synthetic".into()),
        email: None,
        role: None,
        tags: None,
    });
    directory.put_people(students.collect(), false).await?;
    Ok(())
}

struct Replay {
    submit: Submit,
    store: Arc<Embedded>,
    zone: Zone,
    /// The one time of all sections: the file has none, and it must lie after the last row.
    term: Interval,
    next_student: u32,
    sections: BTreeMap<String, Section>,
    /// By name and what became of them.
    commands: BTreeMap<(&'static str, String), u64>,
}

/// A section, and how it went.
struct Section {
    id: ResourceId,
    /// As the file had it last, and as the engine has it.
    file: Counts,
    here: Counts,
    over_once: bool,
    beside_free_once: bool,
    equal_always: bool,
    refused: BTreeMap<String, u64>,
}

impl Section {
    /// The file never breaks a rule of the engine here.
    const fn within_rules(&self) -> bool {
        !self.over_once && !self.beside_free_once
    }

    fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    /// What is different at the end, and why it cannot be the same.
    fn class(&self) -> &'static str {
        let (file, here) = (self.file, self.here);
        match () {
            () if file == here && self.equal_always => "as the file, after every row",
            () if file == here => "as the file at the end, not after every row",
            () if file.seats == Seats::Limited(0)
                && here.seats == Seats::Limited(1)
                && file.enrolled == here.enrolled =>
            {
                "as the file but for a seat that is taken: it has none, and there is one at least"
            }
            () if file.is_over() => "fewer enrolled: the file has more than there are seats",
            () if file.waits_beside_free() => {
                "waiters have got their seats: the file has people waiting beside free seats"
            }
            () => "otherwise",
        }
    }
}

impl Replay {
    /// Asks for what brings the section to where the file has it then: seats and those who give theirs up first, then those who want some.
    async fn row(&mut self, row: &Row) -> anyhow::Result<()> {
        let id = match self.sections.get(&row.section) {
            Some(section) => section.id,
            None => self.make(row).await?,
        };
        let want = row.counts;
        let have = self.look(id).await?;
        let known = self.sections.get(&row.section);
        // Nothing moves between two rows of a section.
        let before = known.map(|section| section.here);
        ensure!(before.is_none_or(|before| before == counts(&have)), "{} has changed by itself", row.section);
        let file = known.map_or(Counts { enrolled: 0, waiting: 0, ..want }, |section| section.file);
        let mut refused = BTreeMap::new();
        if want.seats != counts(&have).seats {
            self.set_seats(&have, want.seats, &mut refused).await?;
        }
        let have = self.look(id).await?;
        let leaving = counts(&have).waiting.saturating_sub(want.waiting);
        // Who joined last leaves first; nothing in the file says who it was.
        let leave = have
            .waiting
            .values()
            .rev()
            .take(leaving as usize)
            .map(|e| (e.owner, Action::LeaveWaitlist { entry: e.id }));
        self.ask("leave", leave.collect(), &mut refused).await?;
        let have = self.look(id).await?;
        let dropping = counts(&have).enrolled.saturating_sub(want.enrolled);
        let drop = enrolled(&have).take(dropping as usize);
        let drop = drop.map(|(booking, owner)| (owner, cancel(booking)));
        self.ask("drop", drop.collect(), &mut refused).await?;
        let have = self.look(id).await?;
        if want.seats == Seats::Limited(0) && counts(&have).enrolled == 0 && kept(&have).is_none() {
            self.keep(id, &mut refused).await?;
        }
        // What was refused before is asked again when it may be had, and what is new is asked whatever comes of it.
        let have = self.look(id).await?;
        let missing = want.enrolled.saturating_sub(counts(&have).enrolled);
        let new = want.enrolled.saturating_sub(file.enrolled);
        let enrol = self.newcomers(&have, if counts(&have).has_free() { missing } else { missing.min(new) });
        let line = Line { resource: id, interval: None, units: 1 };
        let book = |owner| Action::Book {
            booking: BookingId(FreshIds.fresh()),
            owner,
            lines: vec![line],
            details: Details::default(),
            hold: None,
        };
        self.ask("enrol", enrol.into_iter().map(|owner| (owner, book(owner))).collect(), &mut refused).await?;
        let have = self.look(id).await?;
        let missing = want.waiting.saturating_sub(counts(&have).waiting);
        let new = want.waiting.saturating_sub(file.waiting);
        let join = self.newcomers(&have, if counts(&have).has_free() { missing.min(new) } else { missing });
        let wait = |owner| Action::JoinWaitlist {
            entry: EntryId(FreshIds.fresh()),
            owner,
            line,
            class: 0,
            gives_up: None,
            wants: slotwise_domain::Wants::Units,
        };
        self.ask("join", join.into_iter().map(|owner| (owner, wait(owner))).collect(), &mut refused).await?;

        let here = counts(&*self.look(id).await?);
        let fresh = || Section {
            id,
            file: want,
            here,
            over_once: false,
            beside_free_once: false,
            equal_always: true,
            refused: BTreeMap::new(),
        };
        let section = self.sections.entry(row.section.clone()).or_insert_with(fresh);
        (section.file, section.here) = (want, here);
        section.over_once |= want.is_over();
        section.beside_free_once |= want.waits_beside_free();
        section.equal_always &= want == here;
        for (why, n) in refused {
            *section.refused.entry(why).or_default() += n;
        }
        Ok(())
    }

    async fn look(&self, id: ResourceId) -> anyhow::Result<Arc<Calendar>> {
        self.store.calendars(vec![id]).await?.pop().context("the section is gone")
    }

    /// Students who have nothing there, the next in turn.
    fn newcomers(&mut self, calendar: &Calendar, n: u32) -> Vec<PersonId> {
        let here: BTreeSet<PersonId> =
            calendar.uses.values().map(|u| u.owner).chain(calendar.waiting.values().map(|e| e.owner)).collect();
        let mut found = Vec::with_capacity(n as usize);
        for _ in 0..STUDENTS {
            if found.len() >= n as usize {
                break;
            }
            let next = student(self.next_student);
            self.next_student = (self.next_student + 1) % STUDENTS;
            if !here.contains(&next) {
                found.push(next);
            }
        }
        found
    }

    async fn make(&mut self, row: &Row) -> anyhow::Result<ResourceId> {
        let id = ResourceId(FreshIds.fresh());
        let capacity = match row.counts.seats {
            Seats::Limited(seats) => Some(seats.max(1)),
            Seats::Unlimited => None,
        };
        let spec = ResourceSpec {
            kind: Kind::Section,
            name: row.section.clone(),
            building: None,
            seats: None,
            equipment: Vec::new(),
            zone: self.zone.clone(),
            capacity,
            interval: Some(self.term),
            // The file has no times, so nobody's sections clash.
            policy: Policy {
                own_overlap: OwnOverlap::Allow,
                waitlist: Waitlist::of_kind(Kind::Section),
                ..Policy::default()
            },
            group: None,
            linked: Vec::new(),
            course: None,
        };
        let spec = Box::new(spec.checked()?);
        let mut refused = BTreeMap::new();
        let make = Action::CreateResource { resource: id, spec };
        self.ask("make", vec![(REGISTRAR, make)], &mut refused).await?;
        ensure!(refused.is_empty(), "{} was not made: {refused:?}", row.section);
        if row.counts.seats == Seats::Limited(0) {
            self.keep(id, &mut refused).await?;
        }
        Ok(id)
    }

    /// A resource has at least one unit: where the file has no seat at all, the registrar keeps it.
    async fn keep(&mut self, id: ResourceId, refused: &mut BTreeMap<String, u64>) -> anyhow::Result<()> {
        let keep = Action::Book {
            booking: BookingId(FreshIds.fresh()),
            owner: REGISTRAR,
            lines: vec![Line { resource: id, interval: None, units: 1 }],
            details: Details::default(),
            hold: None,
        };
        self.ask("keep", vec![(REGISTRAR, keep)], refused).await
    }

    /// Gives the section so many seats. Whoever is enrolled stays, also where there are fewer then.
    async fn set_seats(
        &mut self,
        calendar: &Calendar,
        to: Seats,
        refused: &mut BTreeMap<String, u64>,
    ) -> anyhow::Result<()> {
        let Resource { id, spec, policy_version } = &*calendar.resource;
        if let Some((booking, _)) = kept(calendar) {
            self.ask("give", vec![(REGISTRAR, cancel(booking))], refused).await?;
        }
        let capacity = match to {
            Seats::Limited(seats) => Some(seats.max(1)),
            Seats::Unlimited => None,
        };
        if spec.capacity != capacity {
            let set = Action::SetCapacity {
                resource: *id,
                policy_version: *policy_version,
                to: capacity,
                seen_used: None,
                below: Below::OverCommit,
                reason: Some("as in the file".into()),
            };
            self.ask("capacity", vec![(REGISTRAR, set)], refused).await?;
        }
        Ok(())
    }

    /// Sends attempts, one after the other in one group, and counts what became of them. A failure ends the replay.
    async fn ask(
        &mut self,
        name: &'static str,
        asked: Vec<(PersonId, Action)>,
        refused: &mut BTreeMap<String, u64>,
    ) -> anyhow::Result<()> {
        if asked.is_empty() {
            return Ok(());
        }
        let by = |(person, action)| (Actor::Person(person), action);
        for answer in self.submit.attempts(asked.into_iter().map(by)).await {
            let became = why(&answer);
            match &answer {
                Answer::Decided(recorded, _) => {
                    if matches!(recorded.decision.outcome, Outcome::Rejected(_)) {
                        *refused.entry(format!("{name} {became}")).or_default() += 1;
                    }
                }
                Answer::Replayed(_) | Answer::Failed(_) | Answer::None(_) => match self.store.status() {
                    Status::Stopped(cause) => bail!("the store has stopped: {cause}"),
                    Status::Ready | Status::ClockJumped => bail!("{name}: {became}"),
                },
            }
            *self.commands.entry((name, became)).or_default() += 1;
        }
        Ok(())
    }

    fn report<'r>(&'r self, rows: &[Row]) -> Report<'r> {
        let mut changes = Changes::default();
        let mut at_first = (0, 0);
        let mut last: BTreeMap<&str, Counts> = BTreeMap::new();
        for row in rows {
            let now = row.counts;
            let Some(before) = last.insert(&row.section, now) else {
                at_first = (at_first.0 + now.enrolled, at_first.1 + now.waiting);
                continue;
            };
            changes.enrolled += now.enrolled.saturating_sub(before.enrolled);
            changes.dropped += before.enrolled.saturating_sub(now.enrolled);
            changes.joined += now.waiting.saturating_sub(before.waiting);
            changes.left += before.waiting.saturating_sub(now.waiting);
            changes.seats += u32::from(now.seats != before.seats);
        }
        Report { replay: self, rows: rows.len(), at_first, changes }
    }
}

fn cancel(booking: BookingId) -> Action {
    Action::Cancel { booking, reason: None }
}

/// Who is enrolled, in the order of their ids.
fn enrolled(calendar: &Calendar) -> impl Iterator<Item = (BookingId, PersonId)> {
    bookings(calendar).filter(|(_, owner)| *owner != REGISTRAR)
}

/// The seat that the registrar keeps.
fn kept(calendar: &Calendar) -> Option<(BookingId, PersonId)> {
    bookings(calendar).find(|(_, owner)| *owner == REGISTRAR)
}

fn bookings(calendar: &Calendar) -> impl Iterator<Item = (BookingId, PersonId)> {
    calendar.uses.values().filter_map(|u| match u.id {
        UseId::Booking(id, _) => Some((id, u.owner)),
        UseId::Hold(_) => None,
    })
}

fn counts(calendar: &Calendar) -> Counts {
    let seats = match calendar.resource.spec.capacity {
        _ if kept(calendar).is_some() => Seats::Limited(0),
        Some(capacity) => Seats::Limited(capacity),
        None => Seats::Unlimited,
    };
    Counts { enrolled: enrolled(calendar).count() as u32, waiting: calendar.waiting.len() as u32, seats }
}

/// What the differences between the file's rows come to.
#[derive(Default)]
struct Changes {
    enrolled: u32,
    dropped: u32,
    joined: u32,
    left: u32,
    seats: u32,
}

struct Report<'r> {
    replay: &'r Replay,
    rows: usize,
    /// Enrolled and waiting in the first rows of the sections.
    at_first: (u32, u32),
    changes: Changes,
}

impl Report<'_> {
    fn within_rules(&self) -> impl Iterator<Item = &Section> {
        self.replay.sections.values().filter(|section| section.within_rules())
    }

    fn summary(&self) -> String {
        let sections = self.replay.sections.len();
        let within: Vec<&Section> = self.within_rules().collect();
        let (equal, always) = (
            within.iter().filter(|s| s.file == s.here).count(),
            within.iter().filter(|s| s.equal_always && s.refused() == 0).count(),
        );
        let others = self.replay.sections.values().filter(|s| !s.within_rules());
        let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
        others.for_each(|s| *classes.entry(s.class()).or_default() += 1);
        let mut told = format!(
            "{} rows of {sections} sections replayed.\n\
             {} sections are never over their seats nor free with people waiting: {equal} ended as the file, {always} went as it after every row \
             with nothing refused.\nOf the other {}:\n",
            self.rows,
            within.len(),
            sections - within.len()
        );
        for (class, n) in classes {
            told.push_str(&format!("{n:>6}  {class}\n"));
        }
        told
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changes { enrolled, dropped, joined, left, seats } = self.changes;
        writeln!(f, "Replay of UC San Diego section changes\n\n{}", self.summary())?;
        let (there, waiting) = self.at_first;
        writeln!(
            f,
            "The file: {there} enrolled and {waiting} waiting in the sections' first rows; from row to row \
             +{enrolled} -{dropped} enrolled, +{joined} -{left} waiting, {seats} changes of seats\n"
        )?;
        writeln!(f, "Commands, and what became of them")?;
        for ((name, became), n) in &self.replay.commands {
            writeln!(f, "{n:>8}  {name:<9} {became}")?;
        }
        writeln!(f, "\nSections that the file has over their seats, or free with people waiting, at some time")?;
        for (name, section) in self.replay.sections.iter().filter(|(_, s)| !s.within_rules() || s.file != s.here) {
            writeln!(f, "{name}\t{}\tfile: {}\there: {}", section.class(), section.file, section.here)?;
            for (why, n) in &section.refused {
                writeln!(f, "\t{n} × {why}")?;
            }
        }
        Ok(())
    }
}
