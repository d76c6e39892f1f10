//! `slotwise import ucsd-schedule`: the schedule's rooms and meetings as attempts through the ordinary path.
//! What is refused is told with its reason; what is taken is as durable as any booking.

use super::ucsd::{self, Schedule};
use crate::demo::person_id;
use crate::ids::FreshIds;
use anyhow::{Context, ensure};
use clap::Args;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use slotwise_domain::{
    Action, Actor, BookingId, Command, Details, Fingerprint, Interval, Kind, Line, Outcome, PersonId, Policy,
    ResourceId, ResourceSpec, Role, Zone,
};
use slotwise_engine::catalogue::read;
use slotwise_engine::{
    Answer, Clock, Directory, Engine, Ids, Limits, PersonCard, Request, ResourceFilter, Status, Store, Views,
};
use slotwise_store::SystemClock;
use slotwise_store::embedded::{Embedded, Options};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Attempts on their way at once.
pub(super) const AT_ONCE: usize = 2_000;

/// `slotwise import ucsd-schedule`.
#[derive(Args)]
pub struct UcsdArgs {
    /// The schedule, as TSV, gzipped or not.
    file: PathBuf,
    /// The folder that holds everything; no server may be running on it.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// The Monday the term starts; next Monday if left out.
    #[arg(long, value_name = "DATE")]
    start: Option<Date>,
    /// How many weeks the term has.
    #[arg(long, default_value_t = 10)]
    weeks: u32,
    /// Where the rooms are.
    #[arg(long, default_value = "America/Los_Angeles")]
    zone: String,
    /// Where to write what was not taken, and why; in the data folder if left out.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Imports, and says what was taken.
#[tokio::main]
pub async fn run(args: &UcsdArgs) -> anyhow::Result<()> {
    let reading = ucsd::open(&args.file).with_context(|| format!("opening {}", args.file.display()))?;
    let schedule = ucsd::read(reading).with_context(|| format!("reading {}", args.file.display()))?;
    let zone = Zone::named(&args.zone)?;
    let clock = Arc::new(SystemClock);
    let today = clock.now().timestamp().to_zoned(zone.rules().clone()).date();
    let monday = args.start.map_or_else(|| ucsd::next_monday(today), Ok)?;
    std::fs::create_dir_all(&args.data).with_context(|| format!("making {}", args.data.display()))?;
    let store =
        Embedded::open(&args.data, Options::default()).with_context(|| format!("opening {}", args.data.display()))?;
    // Whoever runs the term: owns what the schedule books.
    let registrar = person_id(1_000);
    let card =
        PersonCard { id: registrar, name: "UC San Diego registrar".into(), title: String::new(), role: Role::Admin };
    store.put_person(card).await?;
    let engine = Engine::start(store.clone(), clock, Arc::new(FreshIds), patient());
    let submit = Submit { engine, actor: Actor::Person(registrar) };
    let rooms = submit.rooms(&schedule, &zone, &*store).await?;
    let refused = submit.meetings(&schedule, &rooms, monday, args.weeks, &zone, registrar).await?;

    let path = args.report.clone().unwrap_or_else(|| args.data.join("import-ucsd-schedule.txt"));
    let mut out = BufWriter::new(File::create(&path).with_context(|| format!("writing {}", path.display()))?);
    schedule.report.write(&mut out)?;
    writeln!(out, "\n# occurrences not booked: {}", refused.len())?;
    for line in &refused {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    if let Status::Stopped(cause) = store.status() {
        let (left, path) = (refused.len(), path.display());
        anyhow::bail!(
            "the store has stopped: {cause}. What was booked stays booked; {left} bookings were not made: {path}"
        );
    }
    let (r, weeks) = (&schedule.report, args.weeks);
    let doubtful = match r.before_dawn.len() {
        0 => String::new(),
        n => format!(
            "\n{n} meetings start before 6:00: so it stands in the file, which may mean the afternoon; taken as it stands."
        ),
    };
    let booked = schedule.meetings.len() * weeks as usize - refused.len();
    println_out(&format!(
        "{} rows of weekly meetings in {} rooms are {} distinct meetings ({} repeats, {} shared by several courses).\n\
         {booked} bookings made over {weeks} weeks from {monday}; {} refused; \
         {} further rows were not taken (no room, one-off dates and the like). Which, and why: {}{doubtful}",
        r.rows,
        r.rooms,
        r.meetings,
        r.repeats,
        r.joint,
        refused.len(),
        r.not_taken.len().saturating_sub(r.repeats),
        path.display()
    ))
}

pub(crate) fn println_out(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// An import has no user who waits for an answer, and sends as much as the engine takes.
pub(super) fn patient() -> Limits {
    Limits {
        answer_wait_max: std::time::Duration::from_secs(120),
        queue_wait_max: std::time::Duration::from_secs(60),
        expected_wait_max: std::time::Duration::from_secs(60),
        ..Limits::default()
    }
}

/// Somebody's attempts.
#[derive(Clone)]
pub(crate) struct Submit {
    pub engine: Arc<Engine>,
    pub actor: Actor,
}

impl Submit {
    pub(super) async fn attempt(&self, action: Action) -> Answer {
        self.engine.execute(request(self.actor, action)).await
    }

    /// Many, in their order, by whoever each is of.
    pub(crate) async fn attempts(&self, asked: impl Iterator<Item = (Actor, Action)>) -> Vec<Answer> {
        self.engine.execute_all(asked.map(|(actor, action)| request(actor, action)).collect()).await
    }

    /// The rooms by their place in the schedule; those that exist by name are kept as they are.
    async fn rooms(&self, schedule: &Schedule, zone: &Zone, views: &dyn Views) -> anyhow::Result<Vec<ResourceId>> {
        let spec = |room: &ucsd::Room| ResourceSpec {
            kind: Kind::Room,
            name: room.name.clone(),
            building: Some(room.building.clone()).filter(|b| !b.is_empty()),
            seats: room.seats,
            equipment: room.equipment.iter().map(|e| (*e).to_owned()).collect(),
            zone: zone.clone(),
            capacity: Some(1),
            interval: None,
            policy: Policy::default(),
            group: None,
            linked: Vec::new(),
            course: None,
        };
        let rooms =
            schedule.rooms.iter().map(|room| spec(room).checked().with_context(|| format!("room {}", room.name)));
        Ok(self.make("rooms", rooms.collect::<anyhow::Result<_>>()?, views).await?.0)
    }

    /// Makes resources of one kind, each if there is none of its name in its group: what is there is kept as it is. Their ids in the
    /// same order, and how many are new.
    pub(super) async fn make(
        &self,
        what: &'static str,
        specs: Vec<ResourceSpec>,
        views: &dyn Views,
    ) -> anyhow::Result<(Vec<ResourceId>, usize)> {
        let name = |spec: &ResourceSpec| (spec.group.as_ref().map(|group| group.id), spec.name.clone());
        let kind = specs.first().map(|spec| spec.kind);
        let filter = ResourceFilter { kind, max: 1_000_000, ..ResourceFilter::default() };
        let existing: BTreeMap<_, ResourceId> =
            read(views.catalogue()).resources(&filter).into_iter().map(|r| (name(&r.spec), r.id)).collect();
        let bar = progress(specs.len(), what);
        let (mut ids, mut new) = (Vec::with_capacity(specs.len()), 0);
        let mut made = futures_util::stream::iter(specs.into_iter().map(|spec| {
            let (known, called) = (existing.get(&name(&spec)).copied(), spec.name.clone());
            async move {
                if let Some(id) = known {
                    return Ok((id, false));
                }
                let id = ResourceId(FreshIds.fresh());
                match self.attempt(Action::CreateResource { resource: id, spec: Box::new(spec) }).await {
                    Answer::Decided(recorded, _) if recorded.decision.outcome == Outcome::Accepted => Ok((id, true)),
                    other => anyhow::bail!("{called} was not made: {}", why(&other)),
                }
            }
        }))
        .buffered(AT_ONCE);
        while let Some(one) = made.next().await {
            let (id, is_new) = one?;
            ids.push(id);
            new += usize::from(is_new);
            bar.inc(1);
        }
        drop(made);
        bar.finish();
        Ok((ids, new))
    }

    /// Books every occurrence, and returns those that were not, each with its reason.
    async fn meetings(
        &self,
        schedule: &Schedule,
        rooms: &[ResourceId],
        monday: Date,
        weeks: u32,
        zone: &Zone,
        owner: PersonId,
    ) -> anyhow::Result<Vec<String>> {
        let occurrences = ucsd::expand(schedule, monday, weeks, zone.rules())?;
        let bar = progress(occurrences.len(), "bookings");
        let mut done = futures_util::stream::iter(occurrences.map(|occurrence| {
            let meeting = &schedule.meetings[occurrence.meeting];
            let room = &schedule.rooms[meeting.room];
            let told = move |why: &str| {
                let lines = meeting.sources.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
                format!(
                    "{}\t{}\t{}\t{}\tlines {lines}\t{why}",
                    room.name, occurrence.start, occurrence.end, meeting.title
                )
            };
            let resource = rooms[meeting.room];
            async move {
                let interval = match Interval::new(occurrence.start.into(), occurrence.end.into()) {
                    Ok(interval) => interval,
                    Err(e) => return Some(told(&e.to_string())),
                };
                let action = Action::Book {
                    booking: BookingId(FreshIds.fresh()),
                    owner,
                    lines: vec![Line { resource, interval: Some(interval), units: 1 }],
                    details: Details { title: Some(meeting.title.clone()), ..Details::default() },
                    hold: None,
                };
                match self.attempt(action).await {
                    Answer::Decided(recorded, _) if recorded.decision.outcome == Outcome::Booked => None,
                    other => Some(told(&why(&other))),
                }
            }
        }))
        .buffer_unordered(AT_ONCE);
        let mut refused = Vec::new();
        while let Some(not_booked) = done.next().await {
            refused.extend(not_booked);
            bar.inc(1);
        }
        bar.finish();
        ensure!(
            refused.len() < bar.length().unwrap_or(0) as usize || refused.is_empty(),
            "nothing could be booked: {}",
            refused[0]
        );
        refused.sort();
        Ok(refused)
    }
}

/// Why somebody has what another booked for them.
const WHY: &str = "As it was in what was imported.";

fn request(actor: Actor, action: Action) -> Request {
    let key = FreshIds.fresh();
    let mut fingerprint = [0; 32];
    fingerprint[..16].copy_from_slice(key.as_bytes());
    let reason = match (&actor, &action) {
        (Actor::Person(by), Action::Book { owner, .. }) if owner != by => Some(WHY.to_owned()),
        (_, _) => None,
    };
    Request { key, fingerprint: Fingerprint(fingerprint), command: Command { actor, action, seen: None, reason } }
}

pub(crate) fn why(answer: &Answer) -> String {
    match answer {
        Answer::Decided(recorded, _) | Answer::Replayed(recorded) => match &recorded.decision.outcome {
            Outcome::Rejected(r) => format!("REJECTED {}", r.code.name()),
            Outcome::Booked | Outcome::Accepted => recorded.decision.outcome.name().into(),
        },
        Answer::Failed(failure) => format!("FAILED {}", failure.code.name()),
        Answer::None(no) => format!("no outcome: {no:?}"),
    }
}

pub(crate) fn progress(length: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>9} {bar:30} {pos}/{len}  {per_sec}  {eta}");
    let bar = ProgressBar::new(length as u64).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
