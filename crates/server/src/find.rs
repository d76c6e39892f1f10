//! Which of many resources could be booked: one judgement for all that have the same rules and nothing on them, a look at the
//! calendar for the rest. It never says "free" by another rule than `decide`: what it does not judge follows from what it did.

use crate::app::App;
use crate::auth::Asker;
use crate::problem::{FieldError, Problem};
use crate::wire::{read_interval, read_interval_named};
use slotwise_domain::decide::{Glance, glance};
use slotwise_domain::{
    Calendar, Instant, Interval, Kind, Resource, ResourceId, ResourceSpec, Scope, Span, Version, Wish, World,
};
use slotwise_engine::catalogue::{self, Catalogue, Idle, Match, Order};
use slotwise_engine::{Facets, ResourceFilter};
use std::sync::Arc;

/// The longest window in which a first free time is looked for.
pub const WINDOW_LONGEST: Span = Span::days(7);

/// When somebody wants something.
#[derive(Clone, Debug)]
pub enum When {
    /// At these instants.
    At(Interval),
    /// At these times; civil ones are read in each resource's zone.
    Told(String, String),
    /// So long, as soon as possible within these times.
    Within(String, String, Span),
    /// At the one time of sections and sessions; other things have none.
    Whenever,
}

/// What is looked for, by whom.
#[derive(Debug)]
pub struct Search<'a> {
    /// Which resources.
    pub filter: ResourceFilter,
    /// In which order.
    pub order: Order,
    /// When.
    pub when: When,
    /// How many units.
    pub units: u32,
    /// How many people must fit in.
    pub people: Option<u32>,
    /// For whom.
    pub asker: &'a Asker,
    /// The clock.
    pub now: Instant,
}

/// A resource that matches.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// Which, and its place in the order.
    pub matched: Match,
    /// The time it is about.
    pub interval: Interval,
    /// Whether it could be booked then.
    pub free: bool,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// In the order asked for.
    pub all: Vec<Sighting>,
    /// What filters can choose from.
    pub facets: Facets,
    /// What the asker is judged in, without calendars.
    pub world: World,
}

/// What holds for all resources of the same rules on which nothing is taken.
#[derive(Clone, Copy)]
enum Terms {
    /// Its one time is not when it is wanted, or it is never booked.
    Elsewhen,
    /// At one time: whether it could be booked.
    At(Interval, bool),
    /// Within a window: the first time so long that could be booked.
    Within(Interval, Span, Option<Interval>),
}

/// Why a look ends early.
enum Stop {
    Problem(Box<Problem>),
    /// Rules ask for more of the person.
    Needs(Box<Scope>),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Problem(Box::new(problem))
    }
}

/// Looks at everything that matches.
pub async fn find(app: &App, search: &Search<'_>) -> Result<Found, Problem> {
    // Each time it is something else of the one person that is asked for.
    let mut scope = Scope { roles: [search.asker.id].into(), ..Scope::default() };
    let (mut world, survey) = loop {
        let mut world = app.engine.look(scope.clone()).await?;
        match survey(&catalogue::read(app.views.catalogue()), search, &mut world) {
            Ok(survey) => break (world, survey),
            Err(Stop::Needs(more)) => scope.extend(&more),
            Err(Stop::Problem(problem)) => return Err(*problem),
        }
    };
    let Survey { mut all, doubtful, facets } = survey;
    if !doubtful.is_empty() {
        let ids = doubtful.iter().filter_map(|(place, _)| Some(all.get(*place)?.matched.id)).collect();
        let mut calendars = app.views.calendars(ids).await?.into_iter().peekable();
        for (place, terms) in doubtful {
            let Some(sighting) = all.get_mut(place) else { continue };
            if let Some(calendar) = calendars.next_if(|c| c.resource.id == sighting.matched.id) {
                look(search, &mut world, calendar, terms, sighting);
            }
        }
    }
    Ok(Found { all, facets, world })
}

/// What can be told of everything that matches without its calendars.
struct Survey {
    all: Vec<Sighting>,
    /// By place, what has something on its calendar about the time it would have, and the terms of it.
    doubtful: Vec<(usize, Terms)>,
    facets: Facets,
}

fn survey(catalogue: &Catalogue, search: &Search, world: &mut World) -> Result<Survey, Stop> {
    let matches = catalogue.matches(&search.filter, search.order);
    let mut by_rules: Vec<Option<(Terms, Idle)>> = Vec::new();
    let (mut all, mut doubtful) = (Vec::with_capacity(matches.len()), Vec::new());
    for matched in matches {
        let rules = matched.rules as usize;
        if by_rules.len() <= rules {
            by_rules.resize_with(rules + 1, || None);
        }
        let (terms, idle) = match &mut by_rules[rules] {
            Some(known) => known,
            unknown @ None => {
                let Some(like) = catalogue.ruled(matched.rules) else { continue };
                let terms = terms_of(like, search, world)?;
                // What else is taken within a window makes nothing free any sooner: where nothing is on the first time that
                // the rules allow, it is the first.
                let wanted = match terms {
                    Terms::Elsewhen => None,
                    Terms::At(interval, _) => Some(interval),
                    Terms::Within(_, _, first) => first,
                };
                let idle = wanted.map(|wanted| catalogue.idle(like.spec.policy.occupied(wanted)));
                unknown.insert((terms, idle.unwrap_or_default()))
            }
        };
        let (interval, free) = match *terms {
            Terms::Elsewhen => continue,
            Terms::At(interval, free) => (interval, free),
            Terms::Within(window, length, first) => {
                (first.unwrap_or_else(|| beginning(window, length)), first.is_some())
            }
        };
        let free = free && ResourceSpec::seats_suffice(matched.seats, search.people);
        if free && !idle.is(matched.number) {
            doubtful.push((all.len(), *terms));
        }
        all.push(Sighting { matched, interval, free });
    }
    Ok(Survey { all, doubtful, facets: catalogue.facets(&search.filter) })
}

/// Judges a resource of these rules on which nothing is taken.
fn terms_of(like: &Arc<Resource>, search: &Search, world: &mut World) -> Result<Terms, Stop> {
    let spec = &like.spec;
    if spec.kind == Kind::Group {
        return Ok(Terms::Elsewhen);
    }
    let asked = match &search.when {
        When::At(interval) => Some(*interval),
        When::Told(start, end) => Some(read_interval(start, end, "", Some(&spec.zone)).map_err(Problem::fields)?),
        When::Within(from, to, _) => {
            let window = read_interval_named(from, to, ["from", "to"], Some(&spec.zone)).map_err(Problem::fields)?;
            if window.length() > WINDOW_LONGEST {
                let error = FieldError::new("to", "too_long", "must be at most 7 days after from");
                return Err(Problem::field(error).into());
            }
            Some(window)
        }
        When::Whenever => None,
    };
    let (asked, length) = match (spec.interval, asked, &search.when) {
        (Some(one), Some(asked), _) if !one.meets(asked) => return Ok(Terms::Elsewhen),
        (Some(one), _, _) => (one, None),
        (None, Some(window), When::Within(_, _, length)) => (window, Some(*length)),
        (None, Some(asked), _) => (asked, None),
        (None, None, _) => {
            let error = FieldError::new("start", "missing", "is missing: say from when until when");
            return Err(Problem::field(error).into());
        }
    };
    let missing = world.missing_of_person(&spec.policy, search.asker.id);
    if !missing.is_empty() {
        return Err(Stop::Needs(Box::new(missing)));
    }
    let nothing_taken = Calendar::empty(like.clone(), Version::zero(world.epoch), search.now);
    let wish = search.wish(world, Arc::new(nothing_taken));
    // How many people fit in is asked of each resource: it is no part of the rules.
    let wish = Wish { people: None, ..wish };
    match length {
        None => Ok(Terms::At(asked, wish.fits(asked))),
        Some(length) if length > asked.length() => {
            let says = "must fit between from and to";
            Err(Problem::field(FieldError::new("duration_min", "out_of_range", says)).into())
        }
        Some(length) => Ok(Terms::Within(asked, length, wish.first_free(asked, length))),
    }
}

/// Judges a resource by its calendar, where its terms alone would allow it.
fn look(search: &Search, world: &mut World, calendar: Arc<Calendar>, terms: Terms, sighting: &mut Sighting) {
    match terms {
        Terms::Elsewhen => {}
        Terms::At(interval, _) => {
            let taken = calendar.resource.spec.policy.occupied(interval);
            sighting.free = match glance(&calendar, taken, search.units) {
                Glance::Fits => true,
                Glance::Taken => false,
                Glance::Held => search.wish(world, calendar).fits(interval),
            };
        }
        Terms::Within(window, length, _) => {
            let first = search.wish(world, calendar).first_free(window, length);
            sighting.free = first.is_some();
            sighting.interval = first.unwrap_or_else(|| beginning(window, length));
        }
    }
}

/// Where a refusal within a window is explained: at its beginning.
fn beginning(window: Interval, length: Span) -> Interval {
    Interval::new(window.start(), window.start().plus(length)).unwrap_or(window)
}

impl Search<'_> {
    /// The wish for one resource, in a world that holds its calendar, and those on which the asker is at one time only.
    pub fn wish<'w>(&self, world: &'w mut World, calendar: Arc<Calendar>) -> Wish<'w> {
        let resource = calendar.resource.id;
        let World { people, calendars, loaded, .. } = world;
        let person = people.get(&self.asker.id);
        let theirs = |id: &ResourceId| person.is_some_and(|p| p.exclusive.keys().any(|(_, on, _)| on == id));
        loaded.resources.retain(theirs);
        calendars.retain(|id, _| theirs(id));
        loaded.resources.insert(resource);
        calendars.insert(resource, calendar);
        Wish { world, person: self.asker.id, resource, units: self.units, people: self.people, now: self.now }
    }
}
