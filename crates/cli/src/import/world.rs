//! `slotwise import demo-world`: a small made-up world around now, so that one person can try everything: rooms with rules of every
//! kind, two terms of courses, a studio's classes, and people who are there already. It forces nothing, and what is there is left.

use super::submit::{Submit, patient, println_out, progress, why};
use crate::demo::{MANAGER, person_id};
use crate::ids::FreshIds;
use anyhow::{Context, bail};
use clap::Args;
use jiff::civil::{Date, Weekday};
use slotwise_domain::{
    Action, Actor, BookingId, CheckIn, Course, Cutoff, Details, EntryId, Grouped, HoldAt, Instant, Interval, Kind,
    Line, Measure, Meeting, OpeningHours, Outcome, OwnOverlap, Period, PersonId, Policy, Quota, QuotaScope,
    Requirement, ResourceId, ResourceSpec, Role, Span, WaitMode, Waitlist, Wants, Zone,
};
use slotwise_engine::{Accounts, Answer, Clock, Directory, Engine, Ids, PersonRow};
use slotwise_store::SystemClock;
use slotwise_store::embedded::{Embedded, Options};
use std::path::PathBuf;
use std::sync::Arc;

/// `slotwise import demo-world`.
#[derive(Args)]
pub struct WorldArgs {
    /// The folder that holds everything, new or not; no server may be running on it.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Where it is.
    #[arg(long, default_value = "America/Los_Angeles")]
    zone: String,
}

/// The first made-up person's place among the fixed ids.
const FIRST: u128 = 2_000;
const GIVEN: [&str; 16] = [
    "Ada", "Bo", "Chen", "Dalia", "Emre", "Femi", "Grace", "Hugo", "Ines", "Jun", "Kofi", "Lena", "Malik", "Nora",
    "Omar", "Pia",
];
const FAMILY: [&str; 15] = [
    "Alvarez", "Berg", "Costa", "Dang", "Eriksen", "Farah", "Gupta", "Haas", "Ivanov", "Jones", "Kim", "Lopez", "Mori",
    "Ng", "Okafor",
];
/// She is offered a place, and has one.
const MIA: PersonId = person_id(4);
/// How many people there are besides those one can choose to be.
const CROWD: usize = GIVEN.len() * FAMILY.len();
/// Days of classes.
const DAYS: i64 = 14;

/// A room: its name, seats, what it has, and what is special about it.
type Room = (&'static str, u32, &'static [&'static str], fn(&mut Policy));
const ROOMS: [Room; 6] = [
    ("Council Room", 24, &["projector", "video"], |policy| policy.approval = true),
    ("Music Studio", 6, &["piano", "soundproof"], |policy| {
        (policy.setup, policy.teardown) = (Span::minutes(15), Span::minutes(15));
    }),
    ("Podcast Booth", 2, &["microphone", "soundproof"], |policy| {
        policy.quota =
            Some(Quota { most: 2, counts: Measure::Units, period: Period::Week, scope: QuotaScope::Resource });
        policy.duration_max = Some(Span::hours(2));
    }),
    ("Laser Lab", 8, &["laser cutter"], |policy| {
        policy.eligibility = vec![Requirement { all: vec!["trained:laser".into()], any: Vec::new(), none: Vec::new() }];
    }),
    ("Focus Room", 4, &["whiteboard"], |policy| {
        policy.check_in = Some(CheckIn { opens: Span::minutes(15), closes: Span::minutes(10) });
        policy.hold_at = HoldAt::Claim;
    }),
    ("Reading Room", 12, &["wheelchair access"], |policy| {
        let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
        policy.opening_hours = vec![OpeningHours { days: days.into_iter().collect(), from_min: 480, to_min: 1_080 }];
        policy.book_by = Some(Cutoff::Elapsed(Span::hours(2)));
    }),
];

/// A section: subject, number, title, hundredths of a credit, section, part, who teaches it, seats, its days, from and to what minute,
/// how many are taken and how many wait.
type Section = (
    &'static str,
    &'static str,
    &'static str,
    u16,
    &'static str,
    &'static str,
    &'static str,
    u32,
    &'static str,
    u16,
    u16,
    u32,
    u32,
);
const SECTIONS: [Section; 15] = [
    ("MATH", "1A", "Calculus I", 500, "001", "lecture", "R. Noether", 30, "MWF", 540, 590, 22, 0),
    ("MATH", "1A", "Calculus I", 500, "002", "lecture", "R. Noether", 12, "TuTh", 570, 650, 12, 5),
    ("MATH", "1B", "Calculus II", 500, "001", "lecture", "S. Abel", 20, "MWF", 600, 650, 19, 0),
    ("CS", "10", "Programming for Everybody", 400, "001", "lecture", "G. Hopper", 40, "MWF", 660, 710, 31, 0),
    ("CS", "10", "Programming for Everybody", 400, "D01", "discussion", "T. Wren", 20, "Tu", 780, 830, 20, 3),
    ("CS", "10", "Programming for Everybody", 400, "D02", "discussion", "T. Wren", 20, "Th", 780, 830, 9, 0),
    ("CS", "61", "Data Structures", 500, "001", "lecture", "B. Liskov", 15, "TuTh", 840, 920, 15, 8),
    ("BIO", "20", "Life and Its Chemistry", 400, "001", "lecture", "L. Pauling", 25, "MWF", 540, 590, 11, 0),
    ("BIO", "20", "Life and Its Chemistry", 400, "L01", "lab", "C. Darwin", 8, "W", 840, 1_010, 7, 0),
    ("CHEM", "5", "Chemistry by Doing", 500, "001", "lecture", "M. Curie", 18, "TuTh", 660, 740, 18, 0),
    ("HIST", "30", "Trade and Empire", 400, "001", "seminar", "I. Khaldun", 10, "M", 840, 1_010, 4, 0),
    ("PHIL", "2", "How to Argue", 300, "001", "lecture", "H. Arendt", 35, "TuTh", 570, 650, 16, 0),
    ("ART", "7", "Drawing from Life", 300, "001", "studio", "K. Kollwitz", 6, "F", 780, 950, 5, 0),
    ("MUS", "11", "Choir", 100, "001", "ensemble", "N. Boulanger", 50, "Th", 1_080, 1_200, 20, 0),
    ("LANG", "1", "Swahili for Beginners", 400, "001", "lecture", "A. Mazrui", 16, "MWF", 720, 770, 3, 0),
];

/// A class: its name, who teaches it, when it starts in minutes of the day, how long it is, its places, how many are taken and how many wait.
type Class = (&'static str, &'static str, u16, u16, u32, u32, u32);
const CLASSES: [Class; 5] = [
    ("Sunrise Yoga", "Anu", 420, 60, 12, 9, 0),
    ("Pilates", "Bela", 735, 45, 8, 8, 2),
    ("Spinning", "Carlo", 1_050, 45, 20, 13, 0),
    ("Boxing Basics", "Dee", 1_110, 60, 10, 10, 4),
    ("Evening Stretch", "Anu", 1_200, 45, 15, 2, 0),
];

/// Makes it, and says what it is.
#[tokio::main]
pub async fn run(args: &WorldArgs) -> anyhow::Result<()> {
    let zone = Zone::named(&args.zone)?;
    std::fs::create_dir_all(&args.data).with_context(|| format!("making {}", args.data.display()))?;
    let store =
        Embedded::open(&args.data, Options::default()).with_context(|| format!("opening {}", args.data.display()))?;
    crate::demo::people(&*store).await?;
    store.put_people(crowd(), false).await?;
    let engine = Engine::start(store.clone(), Arc::new(SystemClock), Arc::new(FreshIds), patient());
    let world = World { submit: Submit { engine, actor: Actor::System }, store, zone, now: SystemClock.now() };
    let (room_ids, rooms) = world.rooms().await?;
    let sections = world.term("Winter term", 3, Span::hours(-1), true).await?
        + world.term("Summer term", 24, Span::minutes(10), false).await?;
    let (studio, classes) = world.studio().await?;
    world.store.put_role(MANAGER, Role::Manager, room_ids.into_iter().chain([studio]).collect()).await?;
    println_out(&format!(
        "{rooms} rooms with rules of their own, {sections} sections in two terms, {classes} classes in {DAYS} days made; what was there is as it was."
    ))
}

fn crowd() -> Vec<PersonRow> {
    let tags = ["passed:MATH1A", "trained:laser"].map(str::to_owned);
    let sam = (person_id(3), "Sam Ito".to_owned(), None, Some(tags.into()));
    let others = (0..CROWD).map(|n| {
        let name = format!("{} {}", GIVEN[n % GIVEN.len()], FAMILY[n / GIVEN.len()]);
        (one(n), name, None, Some(["passed:MATH1A".to_owned()].into()))
    });
    let row = |(id, name, title, tags)| PersonRow {
        id: Some(id),
        fresh: id,
        external_id: None,
        name,
        title,
        email: None,
        role: None,
        tags,
    };
    std::iter::once(sam).chain(others).map(row).collect()
}

/// Somebody of the crowd, who goes on for ever.
const fn one(n: usize) -> PersonId {
    person_id(FIRST + (n % CROWD) as u128)
}

struct World {
    submit: Submit,
    store: Arc<Embedded>,
    zone: Zone,
    now: Instant,
}

impl World {
    fn today(&self) -> Date {
        self.now.timestamp().to_zoned(self.zone.rules().clone()).date()
    }

    /// A minute of a day, by the clock of the zone.
    fn at(&self, day: Date, minute: u16) -> anyhow::Result<Instant> {
        let time = jiff::civil::time((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        Ok(Instant::from(day.to_datetime(time).to_zoned(self.zone.rules().clone())?.timestamp()))
    }

    fn spec(&self, kind: Kind, name: String, policy: Policy) -> ResourceSpec {
        ResourceSpec {
            kind,
            name,
            building: None,
            seats: None,
            equipment: Vec::new(),
            zone: self.zone.clone(),
            capacity: None,
            interval: None,
            policy,
            group: None,
            linked: Vec::new(),
            course: None,
        }
    }

    async fn make(&self, what: &'static str, specs: Vec<ResourceSpec>) -> anyhow::Result<(Vec<ResourceId>, usize)> {
        let specs =
            specs.into_iter().map(|spec| spec.checked().map_err(anyhow::Error::from)).collect::<Result<_, _>>()?;
        self.submit.make(what, specs, &*self.store).await
    }

    /// Says which they are, and how many are new.
    async fn rooms(&self) -> anyhow::Result<(Vec<ResourceId>, usize)> {
        let specs = ROOMS.iter().map(|(name, seats, equipment, special)| {
            let mut policy = Policy::default();
            special(&mut policy);
            let spec = self.spec(Kind::Room, (*name).into(), policy);
            ResourceSpec {
                building: Some("Commons".into()),
                seats: Some(*seats),
                equipment: equipment.iter().map(|e| (*e).to_owned()).collect(),
                capacity: Some(1),
                ..spec
            }
        });
        let (ids, new) = self.make("rooms", specs.collect()).await?;
        if new == ids.len() {
            // A request that waits for an admin's word, so that there is something to decide.
            let day = self.today().checked_add(jiff::Span::new().days(3))?;
            let time = Interval::new(self.at(day, 600)?, self.at(day, 660)?)?;
            self.book(MIA, ids[0], Some(time), Some("Members' assembly")).await?;
        }
        Ok((ids, new))
    }

    /// A term that starts on a Monday so many weeks ahead and can be registered for from that long after now on. Says how many sections are new.
    async fn term(&self, name: &str, weeks_ahead: i64, opens: Span, busy: bool) -> anyhow::Result<usize> {
        let monday = super::ucsd::next_monday(self.today())?.checked_add(jiff::Span::new().weeks(weeks_ahead - 1))?;
        let last = monday.checked_add(jiff::Span::new().days(7 * 10 - 3))?;
        let interval = Interval::new(self.at(monday, 0)?, self.at(last.tomorrow()?, 0)?)?;
        let policy = Policy {
            hold_at: HoldAt::None,
            own_overlap: OwnOverlap::Refuse,
            waitlist: Waitlist::of_kind(Kind::Section),
            book_from: Some(Cutoff::Elapsed(interval.start().since(self.now.plus(opens)))),
            cancel_by: Some(Cutoff::Elapsed(Span::ZERO)),
            ..Policy::default()
        };
        let (term, new) = self.make("terms", vec![self.spec(Kind::Group, name.into(), policy)]).await?;
        if new == 0 {
            return Ok(0);
        }
        let group = Grouped { id: term[0], own: [].into() };
        let section = |s: &Section| {
            let (subject, number, title, credits, section, part, instructor, seats, days, from_min, to_min, _, _) = *s;
            let hours = OpeningHours { days: days_of(days), from_min, to_min };
            let course = Course {
                subject: subject.into(),
                number: number.into(),
                title: title.into(),
                section: section.into(),
                part: Some(part.into()),
                credits: Some(credits),
                instructor: Some(instructor.into()),
                meetings: vec![Meeting { hours, first: monday, last, place: None }],
            };
            let mut policy = Policy::default();
            let mut own = group.own.clone();
            if (subject, number) == ("MATH", "1B") {
                policy.eligibility =
                    vec![Requirement { all: vec!["passed:MATH1A".into()], any: Vec::new(), none: Vec::new() }];
                own.insert(slotwise_domain::PolicyField::Eligibility);
            }
            ResourceSpec {
                capacity: Some(seats),
                interval: Some(interval),
                group: Some(Grouped { own, ..group.clone() }),
                course: Some(Arc::new(course)),
                ..self.spec(Kind::Section, format!("{subject} {number} {section}"), policy)
            }
        };
        // What a lecture goes with must be there before it.
        let (parts, lectures): (Vec<_>, Vec<_>) = SECTIONS.iter().partition(|s| ["discussion", "lab"].contains(&s.5));
        let (part_ids, _) = self.make("sections", parts.iter().map(&section).collect()).await?;
        let goes_with = |s: &Section| -> Vec<Vec<ResourceId>> {
            let of = parts.iter().zip(&part_ids).filter(|(p, _)| (p.0, p.1) == (s.0, s.1)).map(|(_, id)| *id);
            Some(of.collect::<Vec<_>>()).into_iter().filter(|ids| !ids.is_empty()).collect()
        };
        let specs = lectures.iter().map(|s| ResourceSpec { linked: goes_with(s), ..section(s) });
        let (lecture_ids, _) = self.make("sections", specs.collect()).await?;
        if busy {
            let bar = progress(SECTIONS.len(), "sections");
            let (mut next, mut holders) = (0, Vec::new());
            for (s, id) in parts.iter().zip(&part_ids) {
                let people = self.fill(&mut next, *id, s.11).await?;
                holders.extend(people.into_iter().map(|(who, _)| ((s.0, s.1), who)));
                self.line(&mut next, *id, s.12).await?;
                bar.inc(1);
            }
            for (s, id) in lectures.iter().zip(&lecture_ids) {
                if goes_with(s).is_empty() {
                    self.fill(&mut next, *id, s.11).await?;
                    self.line(&mut next, *id, s.12).await?;
                } else {
                    // Nobody is in a lecture without the part that goes with it.
                    let with_part = holders.iter().filter(|(course, _)| *course == (s.0, s.1));
                    for (_, who) in with_part.take(s.11 as usize) {
                        self.book(*who, *id, None, None).await?;
                    }
                }
                bar.inc(1);
            }
            bar.finish();
        }
        Ok(part_ids.len() + lecture_ids.len())
    }

    async fn studio(&self) -> anyhow::Result<(ResourceId, usize)> {
        let policy = Policy {
            hold_at: HoldAt::None,
            own_overlap: OwnOverlap::Refuse,
            change_by: Some(Cutoff::Elapsed(Span::minutes(30))),
            cancel_by: Some(Cutoff::Elapsed(Span::minutes(30))),
            late_cancel_from: Some(Cutoff::Elapsed(Span::hours(12))),
            check_in: Some(CheckIn { opens: Span::minutes(30), closes: Span::minutes(10) }),
            quota: Some(Quota { most: 8, counts: Measure::Units, period: Period::Month, scope: QuotaScope::Group }),
            waitlist: Some(Waitlist {
                mode: WaitMode::Offer { ttl: Span::hours(4) },
                fill: slotwise_domain::WaitFill::Skip,
                capacity: Some(10),
            }),
            ..Policy::default()
        };
        let (studio, new) =
            self.make("studios", vec![self.spec(Kind::Group, "Riverside Studio".into(), policy)]).await?;
        if new == 0 {
            return Ok((studio[0], 0));
        }
        let mut wanted = Vec::new();
        // One that is about to begin: people check in to it.
        let five = jiff::TimestampRound::new().smallest(jiff::Unit::Minute).increment(5);
        let soon = Instant::from(self.now.plus(Span::minutes(20)).timestamp().round(five)?);
        wanted.push(("Open Gym", "Dee", Interval::new(soon, soon.plus(Span::hours(1)))?, 20, 6, 0));
        for ahead in 0..DAYS {
            let day = self.today().checked_add(jiff::Span::new().days(ahead))?;
            for (name, teacher, at, minutes, places, taken, waiting) in CLASSES {
                let start = self.at(day, at)?;
                if start > self.now.plus(Span::hours(1)) {
                    let interval = Interval::new(start, start.plus(Span::minutes(i64::from(minutes))))?;
                    wanted.push((name, teacher, interval, places, taken, waiting));
                }
            }
        }
        let specs = wanted.iter().map(|(name, teacher, interval, places, _, _)| {
            let day = interval.start().timestamp().to_zoned(self.zone.rules().clone());
            let name = format!("{name} with {teacher}, {}", day.strftime("%a %-d %b"));
            ResourceSpec {
                capacity: Some(*places),
                interval: Some(*interval),
                group: Some(Grouped { id: studio[0], own: [].into() }),
                ..self.spec(Kind::Session, name, Policy::default())
            }
        });
        let (ids, new) = self.make("classes", specs.collect()).await?;
        let bar = progress(ids.len(), "classes");
        let (mut next, mut offered) = (0, false);
        for (at, (id, (name, _, interval, _, taken, waiting))) in ids.iter().zip(&wanted).enumerate() {
            let people = self.fill(&mut next, *id, *taken).await?;
            if at == 0 {
                self.book(MIA, *id, None, None).await?;
            } else if *name == "Pilates" && !offered && interval.start() > self.now.plus(Span::hours(24)) {
                // She is first in the line when somebody gives a place up, and it is offered to her.
                self.wait(MIA, *id).await?;
                let (who, booking) = *people.first().context("a full class has people in it")?;
                self.ask(who, Action::Cancel { booking, reason: None }).await?;
                offered = true;
            }
            self.line(&mut next, *id, *waiting).await?;
            bar.inc(1);
        }
        bar.finish();
        Ok((studio[0], new))
    }

    /// So many of the crowd book: who, and what.
    async fn fill(
        &self,
        next: &mut usize,
        resource: ResourceId,
        taken: u32,
    ) -> anyhow::Result<Vec<(PersonId, BookingId)>> {
        let mut people = Vec::new();
        for _ in 0..taken {
            let who = one(*next);
            *next += 1;
            people.push((who, self.book(who, resource, None, None).await?));
        }
        Ok(people)
    }

    /// So many of the crowd wait.
    async fn line(&self, next: &mut usize, resource: ResourceId, waiting: u32) -> anyhow::Result<()> {
        for _ in 0..waiting {
            self.wait(one(*next), resource).await?;
            *next += 1;
        }
        Ok(())
    }

    async fn book(
        &self,
        who: PersonId,
        resource: ResourceId,
        interval: Option<Interval>,
        title: Option<&str>,
    ) -> anyhow::Result<BookingId> {
        let booking = BookingId(FreshIds.fresh());
        let lines = vec![Line { resource, interval, units: 1 }];
        let details = Details { title: title.map(str::to_owned), ..Details::default() };
        self.ask(who, Action::Book { booking, owner: who, lines, details, hold: None }).await?;
        Ok(booking)
    }

    async fn wait(&self, who: PersonId, resource: ResourceId) -> anyhow::Result<()> {
        let line = Line { resource, interval: None, units: 1 };
        let entry = EntryId(FreshIds.fresh());
        self.ask(who, Action::JoinWaitlist { entry, owner: who, line, class: 0, gives_up: None, wants: Wants::Units })
            .await
    }

    /// What is made up here is never refused.
    async fn ask(&self, who: PersonId, action: Action) -> anyhow::Result<()> {
        let submit = Submit { actor: Actor::Person(who), ..self.submit.clone() };
        match submit.attempt(action.clone()).await {
            Answer::Decided(recorded, _) if !matches!(recorded.decision.outcome, Outcome::Rejected(_)) => Ok(()),
            other => bail!("{action:?} came to {}", why(&other)),
        }
    }
}

fn days_of(text: &str) -> slotwise_domain::Weekdays {
    let names = [
        ("M", Weekday::Monday),
        ("Tu", Weekday::Tuesday),
        ("W", Weekday::Wednesday),
        ("Th", Weekday::Thursday),
        ("F", Weekday::Friday),
    ];
    names.into_iter().filter(|(name, _)| text.contains(name)).map(|(_, day)| day).collect()
}
