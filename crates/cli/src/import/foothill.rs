//! `slotwise import foothill`: a college's sections of one term, with their meetings, the seats they have left, and who waits.
//! It forces nothing: people who wait are synthetic students who join, and what is refused is told.

use super::submit::{AT_ONCE, Submit, patient, println_out, progress, why};
use super::ucsd::{next_monday, open};
use crate::demo::person_id;
use crate::ids::FreshIds;
use anyhow::{Context, bail, ensure};
use clap::Args;
use futures_util::StreamExt;
use jiff::civil::{Date, Weekday};
use serde_json::Value;
use slotwise_domain::{
    Action, Actor, BookingId, Course, Details, EntryId, Grouped, HoldAt, Instant, Interval, Kind, Line, Meeting,
    OpeningHours, Outcome, OwnOverlap, PersonId, Policy, PolicyField, ResourceId, ResourceSpec, Waitlist, Weekdays,
    Zone,
};
use slotwise_engine::{Answer, Clock, Directory, Engine, Ids, PersonRow, Views};
use slotwise_store::SystemClock;
use slotwise_store::embedded::{Embedded, Options};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of one file, unpacked.
const BYTES_MAX: u64 = 64 << 20;
/// Rows of one file.
const ROWS_MAX: usize = 100_000;
/// What is wrong is told of so many rows.
const ERRORS_MAX: usize = 20;
/// The first student's place among the fixed ids.
const FIRST_STUDENT: u128 = 100_000;

/// `slotwise import foothill`.
#[derive(Args)]
pub struct FoothillArgs {
    /// The sections as JSON, gzipped or not.
    file: PathBuf,
    /// The folder that holds everything, new or not; no server may be running on it.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// The Monday on which the earliest section begins, with all others as far from it as in the file; next Monday if left out.
    #[arg(long, value_name = "DATE")]
    start: Option<Date>,
    /// The group the sections are in, made if there is none of that name.
    #[arg(long, default_value = "Foothill fall term")]
    term: String,
    /// Where the college is.
    #[arg(long, default_value = "America/Los_Angeles")]
    zone: String,
    /// Where to write what was refused, and why; in the data folder if left out.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// A section of the file, all its rows together.
#[derive(Debug)]
pub(super) struct Section {
    name: String,
    course: Course,
    /// Seats that are left.
    seats: u32,
    wait_capacity: u32,
    waiting: u32,
    status: String,
    first: Date,
    last: Date,
}

/// Imports, and says what was made.
#[tokio::main]
pub async fn run(args: &FoothillArgs) -> anyhow::Result<()> {
    let name = args.file.display();
    let zone = Zone::named(&args.zone)?;
    let mut text = String::new();
    open(&args.file)?.take(BYTES_MAX + 1).read_to_string(&mut text).with_context(|| format!("reading {name}"))?;
    ensure!(text.len() as u64 <= BYTES_MAX, "{name} has more than {} MiB", BYTES_MAX >> 20);
    let mut sections = match read(&text).with_context(|| format!("reading {name}"))? {
        Ok(sections) => sections,
        Err(errors) => bail!("{name}: nothing was done:\n  {}", errors.join("\n  ")),
    };
    let today = SystemClock.now().timestamp().to_zoned(zone.rules().clone()).date();
    let monday = args.start.map_or_else(|| next_monday(today), Ok)?;
    ensure!(monday.weekday() == Weekday::Monday, "--start: {monday} is no Monday");
    shift(&mut sections, monday)?;

    std::fs::create_dir_all(&args.data).with_context(|| format!("making {}", args.data.display()))?;
    let store =
        Embedded::open(&args.data, Options::default()).with_context(|| format!("opening {}", args.data.display()))?;
    let engine = Engine::start(store.clone(), Arc::new(SystemClock), Arc::new(FreshIds), patient());
    let submit = Submit { engine, actor: Actor::System };
    let (term, _) = submit.make("terms", vec![term(&args.term, &zone)?], &*store).await?;
    let term = *term.first().context("the term was not made")?;
    let all = sections.len();
    let (mut specs, mut refused, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for section in sections {
        match spec(&section, term, &zone) {
            Ok(spec) => {
                specs.push(spec);
                taken.push(section);
            }
            Err(e) => refused.push(format!("{}\tsection\t{} to {}\t{e:#}", section.name, section.first, section.last)),
        }
    }
    let sections = taken;
    let (ids, new) = submit.make("sections", specs, &*store).await?;
    let waiting = people(&submit, &store, &sections, &ids, &mut refused).await?;

    let path = args.report.clone().unwrap_or_else(|| args.data.join("import-foothill.txt"));
    let mut out = BufWriter::new(File::create(&path).with_context(|| format!("writing {}", path.display()))?);
    for line in &refused {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    let mut status: BTreeMap<&str, usize> = BTreeMap::new();
    sections.iter().for_each(|section| *status.entry(&section.status).or_default() += 1);
    let status: Vec<String> = status.iter().map(|(status, n)| format!("{n} {status}")).collect();
    println_out(&format!(
        "{} of {all} sections ({}): {new} made, {} there already and left as they are. {waiting} people wait. {} lines of what was \
         refused, and why: {}",
        sections.len(),
        status.join(", "),
        sections.len() - new,
        refused.len(),
        path.display()
    ))
}

/// The sections, or what is wrong with which rows.
pub(super) fn read(text: &str) -> anyhow::Result<Result<Vec<Section>, Vec<String>>> {
    let file: Value = serde_json::from_str(text).context("is not JSON")?;
    let mut rows = Vec::new();
    collect(&file, &mut String::new(), 0, &mut rows)?;
    let (mut sections, mut errors) = (BTreeMap::new(), Vec::new());
    for (path, row) in &rows {
        if let Err(e) = put(&mut sections, row) {
            errors.push(format!("{path}: {e:#}"));
            if errors.len() >= ERRORS_MAX {
                break;
            }
        }
    }
    Ok(if errors.is_empty() { Ok(sections.into_values().collect()) } else { Err(errors) })
}

/// All rows, each with where it stands in the file: objects of objects, with lists of rows at last.
fn collect<'v>(
    value: &'v Value,
    path: &mut String,
    depth: usize,
    rows: &mut Vec<(String, &'v Value)>,
) -> anyhow::Result<()> {
    ensure!(rows.len() < ROWS_MAX, "{path}: there are more than {ROWS_MAX} rows");
    let length = path.len();
    match value {
        Value::Object(fields) if depth < 4 => {
            for (key, value) in fields {
                path.push_str(if depth == 0 { "" } else { "." });
                path.push_str(key);
                collect(value, path, depth + 1, rows)?;
                path.truncate(length);
            }
        }
        Value::Array(list) if depth == 4 => {
            for (n, row) in list.iter().enumerate() {
                rows.push((format!("{path}[{n}]"), row));
            }
        }
        _ => bail!("{path}: is not subject, number, course and CRN with a list of rows"),
    }
    Ok(())
}

/// Adds a row to its section: one row for each meeting, and the rest the same in all.
fn put(sections: &mut BTreeMap<String, Section>, row: &Value) -> anyhow::Result<()> {
    let text =
        |field: &'static str| row.get(field).and_then(Value::as_str).with_context(|| format!("{field}: is no text"));
    let number = |field: &'static str| -> anyhow::Result<u32> {
        let text = text(field)?;
        text.trim().parse().with_context(|| format!("{field}: {text:?} is no whole number"))
    };
    let crn = text("CRN")?.to_owned();
    let (first, last) = (date("start", text("start")?)?, date("end", text("end")?)?);
    let meeting = meeting(text("days")?, text("time")?, text("room")?, first, last)?;
    let (seats, wait_capacity) = (number("seats")?, number("wait_cap")?);
    let left = number("wait_seats")?;
    let waiting = wait_capacity
        .checked_sub(left)
        .with_context(|| format!("wait_seats: {left} is more than wait_cap {wait_capacity}"))?;
    let status = text("status")?.to_owned();
    let expected = match (seats, left) {
        (1.., _) => "Open",
        (0, 1..) => "Waitlist",
        (0, 0) => "Full",
    };
    ensure!(status == expected, "status: is {status}, and by seats and wait_seats it is {expected}");
    if let Some(known) = sections.get_mut(&crn) {
        let same = (known.seats, known.wait_capacity, known.waiting) == (seats, wait_capacity, waiting);
        ensure!(same, "seats: wait_seats and wait_cap are not those of the section's other rows");
        known.course.meetings.extend(meeting);
        (known.first, known.last) = (known.first.min(first), known.last.max(last));
        return Ok(());
    }
    let code = text("course")?;
    let (subject, number, section) =
        split(code).with_context(|| format!("course: {code:?} is not such as MATH F001A01W"))?;
    let credits = text("units")?.trim().parse::<f64>().ok().filter(|units| (0.0..=100.0).contains(units));
    let credits =
        credits.with_context(|| format!("units: {:?} is no number up to 100", text("units").unwrap_or_default()))?;
    let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let course = Course {
        title: said(text("desc")?).context("desc: is empty")?,
        section: section.clone(),
        part: None,
        credits: Some((credits * 100.0).round() as u16),
        instructor: said(text("instructor")?),
        meetings: meeting.into_iter().collect(),
        subject: subject.clone(),
        number: number.clone(),
    };
    let name = format!("{subject} {number} {section} ({crn})");
    sections.insert(crn, Section { name, course, seats, wait_capacity, waiting, status, first, last });
    Ok(())
}

/// `ACTG F001A01W` as subject, number and section: ACTG, 1A, 01W.
fn split(code: &str) -> Option<(String, String, String)> {
    // Some subjects are two words: `C S`.
    let (subject, rest) = code.rsplit_once(' ')?;
    let (number, section) = rest.trim().strip_prefix('F')?.split_at_checked(4)?;
    let number = number.trim_end_matches('.').trim_start_matches('0');
    let all = [subject, number, section];
    all.iter().all(|part| !part.is_empty()).then(|| (subject.into(), number.into(), section.into()))
}

/// `09/21/2020`.
fn date(field: &'static str, text: &str) -> anyhow::Result<Date> {
    Date::strptime("%m/%d/%Y", text.trim()).with_context(|| format!("{field}: {text:?} is no date such as 09/21/2020"))
}

/// When a row meets; nothing where that is to be announced.
fn meeting(days: &str, time: &str, room: &str, first: Date, last: Date) -> anyhow::Result<Option<Meeting>> {
    ensure!(first <= last, "end: is before start");
    if days == "TBA" || time == "TBA" {
        return Ok(None);
    }
    let names = [
        ("Th", Weekday::Thursday),
        ("M", Weekday::Monday),
        ("T", Weekday::Tuesday),
        ("W", Weekday::Wednesday),
        ("F", Weekday::Friday),
        ("S", Weekday::Saturday),
        ("U", Weekday::Sunday),
    ];
    let (mut rest, mut on) = (days.trim(), Vec::new());
    while !rest.is_empty() {
        let day = names.iter().find_map(|(name, day)| Some((rest.strip_prefix(name)?, *day)));
        let (after, day) = day.with_context(|| format!("days: {days:?} is not such as MTWThFS"))?;
        (rest, _) = (after, on.push(day));
    }
    let at = |text: &str| -> Option<u16> {
        let time = jiff::civil::Time::strptime("%I:%M %p", text.trim()).ok()?;
        Some(time.hour() as u16 * 60 + time.minute() as u16)
    };
    let times = time.split_once('-').and_then(|(from, to)| Some((at(from)?, at(to)?)));
    let (from_min, to_min) = times.with_context(|| format!("time: {time:?} is not such as 10:00 AM-11:50 AM"))?;
    let days: Weekdays = on.into_iter().collect();
    let place = Some(room.trim().to_owned()).filter(|room| !["", "TBA"].contains(&room.as_str()));
    Ok(Some(Meeting { hours: OpeningHours { days, from_min, to_min }, first, last, place }))
}

/// The whole term so that its earliest section's week is that of the Monday.
fn shift(sections: &mut [Section], monday: Date) -> anyhow::Result<()> {
    let Some(earliest) = sections.iter().map(|section| section.first).min() else { bail!("there is no section") };
    let week = earliest.checked_sub(jiff::Span::new().days(i64::from(earliest.weekday().to_monday_zero_offset())))?;
    let by = week.until(monday)?;
    for section in sections {
        let course = section.course.meetings.iter_mut().flat_map(|meeting| [&mut meeting.first, &mut meeting.last]);
        for date in [&mut section.first, &mut section.last].into_iter().chain(course) {
            *date = date.checked_add(by).context("--start: the term runs off the calendar")?;
        }
    }
    Ok(())
}

fn term(name: &str, zone: &Zone) -> anyhow::Result<ResourceSpec> {
    let policy = Policy {
        hold_at: HoldAt::None,
        own_overlap: OwnOverlap::Refuse,
        waitlist: Waitlist::of_kind(Kind::Section),
        ..Policy::default()
    };
    let spec = ResourceSpec {
        kind: Kind::Group,
        name: name.into(),
        building: None,
        seats: None,
        equipment: Vec::new(),
        zone: zone.clone(),
        capacity: None,
        interval: None,
        policy,
        group: None,
        linked: Vec::new(),
        course: None,
    };
    spec.checked().map_err(|e| anyhow::anyhow!("--term: {}", e.says))
}

/// The file says how many seats are left and not how many there are: those are its seats, and where none is left one that is taken.
fn spec(section: &Section, term: ResourceId, zone: &Zone) -> anyhow::Result<ResourceSpec> {
    let midnight = |day: Date| anyhow::Ok(Instant::from(day.to_zoned(zone.rules().clone())?.timestamp()));
    let interval = Interval::new(midnight(section.first)?, midnight(section.last.tomorrow()?)?)?;
    // A list that nobody may wait on is none.
    let waitlist = Waitlist::of_kind(Kind::Section).filter(|_| section.wait_capacity > 0);
    let waitlist = waitlist.map(|list| Waitlist { capacity: Some(section.wait_capacity), ..list });
    let spec = ResourceSpec {
        kind: Kind::Section,
        name: section.name.clone(),
        building: None,
        seats: None,
        equipment: Vec::new(),
        zone: zone.clone(),
        capacity: Some(section.seats.max(1)),
        interval: Some(interval),
        policy: Policy { waitlist, ..Policy::default() },
        group: Some(Grouped { id: term, own: [PolicyField::Waitlist].into() }),
        linked: Vec::new(),
        course: Some(Arc::new(section.course.clone())),
    };
    Ok(spec.checked()?)
}

/// Seats that are taken and places in line, each of a synthetic student of its own: always the same, so that doing it again adds nothing.
/// Says how many wait.
async fn people(
    submit: &Submit,
    store: &Arc<Embedded>,
    sections: &[Section],
    ids: &[ResourceId],
    refused: &mut Vec<String>,
) -> anyhow::Result<usize> {
    let mut asked = Vec::new();
    for (section, id) in sections.iter().zip(ids) {
        let taken = u32::from(section.seats == 0);
        asked.extend((0..taken + section.waiting).map(|n| (section, *id, n < taken)));
    }
    let student = |n: usize| person_id(FIRST_STUDENT + n as u128);
    let rows = (0..asked.len()).map(|n| PersonRow {
        id: Some(student(n)),
        fresh: student(n),
        external_id: None,
        name: format!("Student {:04}", n + 1),
        title: Some("Synthetic".into()),
        email: None,
        role: None,
        tags: None,
    });
    store.put_people(rows.collect(), false).await?;
    let calendars = store.calendars(ids.to_vec()).await?;
    let there: BTreeMap<ResourceId, _> = calendars.iter().map(|c| (c.resource.id, c)).collect();
    let has = |id: ResourceId, person: PersonId| {
        there.get(&id).is_some_and(|c| {
            c.uses.values().any(|u| u.owner == person) || c.waiting.values().any(|e| e.owner == person)
        })
    };
    let missing: Vec<_> = asked
        .into_iter()
        .enumerate()
        .map(|(n, (s, id, enrols))| (s, id, enrols, student(n)))
        .filter(|(_, id, _, who)| !has(*id, *who))
        .collect();
    let bar = progress(missing.len(), "students");
    // Seats are taken before anybody waits for them.
    for enrol in [true, false] {
        let some = missing.iter().filter(|(_, _, enrols, _)| *enrols == enrol);
        let mut answers = futures_util::stream::iter(some.map(|(section, id, _, who)| {
            let line = Line { resource: *id, interval: None, units: 1 };
            let action = match enrol {
                true => Action::Book {
                    booking: BookingId(FreshIds.fresh()),
                    owner: *who,
                    lines: vec![line],
                    details: Details::default(),
                    hold: None,
                },
                false => Action::JoinWaitlist {
                    entry: EntryId(FreshIds.fresh()),
                    owner: *who,
                    line,
                    class: 0,
                    gives_up: None,
                    wants: slotwise_domain::Wants::Units,
                },
            };
            let submit = Submit { actor: Actor::Person(*who), ..submit.clone() };
            async move { (section, submit.attempt(action).await) }
        }))
        .buffered(AT_ONCE);
        while let Some((section, answer)) = answers.next().await {
            bar.inc(1);
            match &answer {
                Answer::Decided(recorded, _) if !matches!(recorded.decision.outcome, Outcome::Rejected(_)) => {}
                other => refused.push(format!(
                    "{}\t{}\t{} seats left in the file\t{}",
                    section.name,
                    if enrol { "enrol" } else { "wait" },
                    section.seats,
                    why(other)
                )),
            }
        }
    }
    bar.finish();
    let waiting = store.calendars(ids.to_vec()).await?.iter().map(|c| c.waiting.len()).sum();
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fields: &[(&str, &str)]) -> String {
        let mut row = serde_json::json!({ "course": "ACTG F001A01W", "CRN": "20001", "desc": "ACCOUNTING", "status": "Open", "days": "MTTh",
            "time": "10:00 AM-11:50 PM", "start": "09/21/2020", "end": "12/11/2020", "room": "3101", "campus": "FH", "units": "4.50",
            "instructor": "Mayer", "seats": "3", "wait_seats": "10", "wait_cap": "10" });
        for (field, text) in fields {
            row[*field] = (*text).into();
        }
        serde_json::json!({ "ACTG": { "1": { "1A": { "20001": [row] } } } }).to_string()
    }

    #[test]
    fn a_row_is_read() {
        let sections = read(&row(&[])).unwrap().unwrap();
        let course = &sections[0].course;
        assert_eq!(
            (&*course.subject, &*course.number, &*course.section, course.credits),
            ("ACTG", "1A", "01W", Some(450))
        );
        let hours = course.meetings[0].hours;
        let days: Vec<_> = hours.days.days().collect();
        assert_eq!(days, [Weekday::Monday, Weekday::Tuesday, Weekday::Thursday]);
        assert_eq!((hours.from_min, hours.to_min), (600, 23 * 60 + 50));
    }

    #[test]
    fn what_is_wrong_is_told_by_row_and_field() {
        let check = |field: &str, text: &str, says: &str| {
            let errors = read(&row(&[(field, text)])).unwrap().unwrap_err();
            assert_eq!(errors.len(), 1);
            assert!(errors[0].starts_with(&format!("ACTG.1.1A.20001[0]: {says}")), "{field}: {}", errors[0]);
        };
        check("seats", "few", "seats: \"few\" is no whole number");
        check("wait_seats", "11", "wait_seats: 11 is more than wait_cap 10");
        check("status", "Full", "status: is Full, and by seats and wait_seats it is Open");
        check("days", "MX", "days: \"MX\" is not such as");
        check("time", "10-11", "time: \"10-11\" is not such as");
        check("start", "2020-09-21", "start: \"2020-09-21\" is no date");
        check("end", "09/20/2020", "end: is before start");
        check("course", "ACTG", "course: \"ACTG\" is not such as");
        check("units", "x", "units: \"x\" is no number");
        assert!(read("[]").is_err() && read("{").is_err() && read("{\"A\": 1}").is_err());
    }
}
