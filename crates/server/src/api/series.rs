//! Series: see what a rule would give, book it, read it, and change all of it or this date and later ones.
//! It expands rules and reads what is meant; whether it may be is judged elsewhere, date by date.

use super::Problems;
use crate::app::{AcceptedBody, App, NotAsked, Told};
use crate::auth::Asker;
use crate::extract::{Body, Key, Path};
use crate::problem::{FieldError, Problem};
use crate::rrule;
use crate::wire::{
    ContractBody, SeenBody, SeriesBody, SeriesCancelRequest, SeriesEditRequest, SeriesMoveRequest, SeriesPreview,
    SeriesRequest, check_text, fingerprint, read_civil, read_reason_if, time,
};
use axum::Json;
use axum::extract::State;
use jiff::civil::DateTime;
use jiff::{Span, ToSpan};
use slotwise_domain::recurrence::{Bounds, Given, RecurrenceError, civil_of};
use slotwise_domain::{
    Action, Booking, BookingId, BookingRef, Change, Command, Contract, Fingerprint, Instant, Interval, IntervalError,
    Occurrence, PersonId, ResourceId, Series, SeriesDate, SeriesEdit, SeriesId, SeriesPlace, SeriesToBook, Verdict,
    Zone, decide,
};
use slotwise_engine::BookingFilter;
use std::sync::Arc;
use uuid::Uuid;

/// Books one booking for each date of a rule, in one attempt. What becomes of each date is said.
#[utoipa::path(post, operation_id = "create_series", path = "/api/series", tag = "series", request_body = SeriesRequest,
    params(("Idempotency-Key" = Uuid, Header, description = "a UUIDv7 of the client's")),
    responses((status = 201, body = AcceptedBody), (status = 200, body = AcceptedBody, description = "decided before"), Problems))]
pub async fn create(
    State(app): State<App>,
    asker: Asker,
    Key(key): Key,
    Body(body): Body<SeriesRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_book(&app, &asker, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What would become of each date of a rule now. Nothing is booked, nothing is kept.
#[utoipa::path(post, operation_id = "preview_series", path = "/api/series/preview", tag = "series", request_body = SeriesRequest,
    responses((status = 200, body = SeriesPreview), Problems))]
pub async fn preview(
    State(app): State<App>,
    asker: Asker,
    Body(body): Body<SeriesRequest>,
) -> Result<Json<SeriesPreview>, Problem> {
    let (_, mut command) = asked_book(&app, &asker, &body)?;
    // Why is said when it is booked.
    command.reason.get_or_insert_with(|| "preview".to_owned());
    let world = app.engine.observe(&command).await?;
    let now = app.engine.now();
    let (rejection, dates) = match decide(&world, &command, now) {
        Verdict::Accepted(changes, _) => (None, changes.dates),
        Verdict::Rejected(rejection, changes) => (Some(rejection), changes.dates),
        Verdict::Moved(_) | Verdict::Needs(_) => return Err(Problem::unavailable()),
    };
    let mut preview = SeriesPreview {
        accepted: rejection.is_none(),
        code: rejection.as_ref().map(|r| r.code.name()),
        detail: None,
        zone: zone_of(&app, body.resource, body.zone.as_deref())?.name().to_owned(),
        dates: app.date_bodies(&asker, &dates).await.into_iter().map(|date| date.looked_at()).collect(),
        as_of: time(now),
    };
    if let Some(rejection) = rejection {
        preview.detail = Some(app.shown(&asker, &rejection).await.detail);
    }
    Ok(Json(preview))
}

/// A series with its bookings. For its owner and admins.
#[utoipa::path(get, operation_id = "read_series", path = "/api/series/{id}", tag = "series", params(("id" = Uuid, Path)),
    responses((status = 200, body = SeriesBody), Problems))]
pub async fn read(State(app): State<App>, asker: Asker, Path(id): Path<Uuid>) -> Result<Json<SeriesBody>, Problem> {
    let bookings = bookings_of(&app, &asker, id).await?;
    // Dates that went elsewhere by another rule say that one: the last says what holds from then on.
    let series = bookings.last().and_then(|b| b.occurrence.as_ref()).map(|o| o.series.clone());
    let series = series.ok_or_else(|| Problem::not_found("series"))?;
    let mut bodies = Vec::with_capacity(bookings.len());
    for booking in &bookings {
        bodies.push(app.booking_body(&asker, booking).await);
    }
    Ok(Json(SeriesBody {
        id,
        rule: series.rule.clone(),
        zone: series.zone.name().to_owned(),
        contract: series.contract.into(),
        bookings: bodies,
        as_of: time(app.engine.now()),
    }))
}

/// Gives dates of a series up: all that are not over, or one and those after it.
#[utoipa::path(post, operation_id = "cancel_series", path = "/api/series/{id}/cancel", tag = "series", request_body = SeriesCancelRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn cancel(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<SeriesCancelRequest>,
) -> Result<Told, Problem> {
    let asked = asked_cancel(&app, &asker, id, &body).await;
    app.attempt_asked(&asker, key, asked).await
}

/// Puts dates of a series elsewhere: at another time, by another rule, on another resource.
#[utoipa::path(post, operation_id = "move_series", path = "/api/series/{id}/move", tag = "series", request_body = SeriesMoveRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn relocate(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<SeriesMoveRequest>,
) -> Result<Told, Problem> {
    let asked = asked_move(&app, &asker, id, &body).await;
    app.attempt_asked(&asker, key, asked).await
}

/// Edits what people say about dates of a series.
#[utoipa::path(patch, operation_id = "edit_series", path = "/api/series/{id}", tag = "series", request_body = SeriesEditRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn edit(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<SeriesEditRequest>,
) -> Result<Told, Problem> {
    let asked = asked_edit(&app, &asker, id, &body).await;
    app.attempt_asked(&asker, key, asked).await
}

/// What a body to book a series with asks.
pub fn asked_book(app: &App, asker: &Asker, body: &SeriesRequest) -> Result<(Fingerprint, Command), Problem> {
    let details = body.details()?;
    let zone = zone_of(app, body.resource, body.zone.as_deref())?;
    let given = read_given(&body.start, &body.end)?;
    let date = |(given, met, interval)| SeriesDate { booking: BookingId(app.engine.fresh_id()), given, met, interval };
    let dates = dates_of(&body.rule, given, &zone, app.engine.now())?.into_iter().map(date).collect();
    let id = SeriesId(app.engine.fresh_id());
    let series = Series { id, rule: body.rule.clone(), zone, contract: body.contract.into() };
    let asked = SeriesToBook {
        series: Arc::new(series),
        owner: body.for_person.map_or(asker.id, PersonId),
        resource: ResourceId(body.resource),
        units: body.units,
        details,
        dates,
    };
    let seen = body.seen.as_ref().map(SeenBody::read).transpose()?;
    let action = Action::BookSeries(Box::new(asked));
    let reason = read_reason_if(body.reason.as_ref())?;
    Ok((fingerprint("book_series", "", body), Command { actor: asker.actor(), action, seen, reason }))
}

/// What a body to give dates up asks.
pub async fn asked_cancel(
    app: &App,
    asker: &Asker,
    id: Uuid,
    body: &SeriesCancelRequest,
) -> Result<(Fingerprint, Command), NotAsked> {
    check_text(body.reason.as_ref(), "reason", 500).map_err(Problem::field)?;
    let print = fingerprint("cancel_series", &id.to_string(), body);
    let bookings = meant(app, asker, id, body.from).await.map_err(|problem| NotAsked::of(print, problem))?;
    let named = bookings.iter().map(|b| BookingRef { id: b.id, revision: None }).collect();
    let edit = SeriesEdit::Cancel { reason: body.reason.clone() };
    Ok((print, command(asker, id, named, body.contract, edit, None)?))
}

/// What a body to edit dates with asks. It holds for the revisions that are there now.
pub async fn asked_edit(
    app: &App,
    asker: &Asker,
    id: Uuid,
    body: &SeriesEditRequest,
) -> Result<(Fingerprint, Command), NotAsked> {
    let patch = body.details.read().map_err(|problem| problem.within("details"))?;
    if body.details.reason.is_some() {
        let says = "is not understood here: the reason stands beside the details";
        return Err(Problem::field(FieldError::new("details.reason", "not_understood", says)).into());
    }
    let print = fingerprint("edit_series", &id.to_string(), body);
    let bookings = meant(app, asker, id, body.from).await.map_err(|problem| NotAsked::of(print, problem))?;
    let named = bookings.iter().map(|b| BookingRef { id: b.id, revision: Some(b.revision) }).collect();
    Ok((print, command(asker, id, named, body.contract, SeriesEdit::Details(patch), body.reason.as_ref())?))
}

/// What a body to put dates elsewhere asks. Where they go is told from where they are, so it holds for the revisions that are there now.
pub async fn asked_move(
    app: &App,
    asker: &Asker,
    id: Uuid,
    body: &SeriesMoveRequest,
) -> Result<(Fingerprint, Command), NotAsked> {
    let print = fingerprint("move_series", &id.to_string(), body);
    let moved = read_move(app, asker, id, body).await;
    moved.map(|command| (print, command)).map_err(|problem| NotAsked::of(print, problem))
}

async fn read_move(app: &App, asker: &Asker, id: Uuid, body: &SeriesMoveRequest) -> Result<Command, Problem> {
    let now = app.engine.now();
    let to_come = |b: &Arc<Booking>| !b.state.is_final() && b.end() > now && b.slots.len() == 1;
    let mut bookings = meant(app, asker, id, body.from).await?;
    bookings.retain(to_come);
    let dates: Vec<(&Arc<Booking>, &Occurrence, Given)> = bookings
        .iter()
        .filter_map(|b| {
            let occurrence = b.occurrence.as_ref()?;
            Some((b, occurrence, occurrence.given_at(b.slots.first()?.interval).0))
        })
        .collect();
    let Some((_, first, was)) = dates.first() else {
        return Err(Problem::field(FieldError::new("from", "nothing_left", "leaves no date that could be moved")));
    };
    let zone = &first.series.zone;
    let given = match (&body.start, &body.end) {
        (Some(start), Some(end)) => read_given(start, end)?,
        (None, None) => *was,
        (Some(_), None) => return Err(Problem::field(FieldError::new("end", "missing", "is missing"))),
        (None, Some(_)) => return Err(Problem::field(FieldError::new("start", "missing", "is missing"))),
    };
    let placed: Vec<_> = match &body.rule {
        Some(rule) => {
            let dates_of_rule = dates_of(rule, given, zone, now)?;
            if dates_of_rule.len() != dates.len() {
                let says = format!("names {} dates for {} bookings", dates_of_rule.len(), dates.len());
                return Err(Problem::field(FieldError::new("rule", "other_count", &says)));
            }
            dates_of_rule
        }
        None if body.start.is_none() => dates
            .iter()
            .filter_map(|(b, o, _)| {
                let interval = b.slots.first()?.interval;
                let (given, met) = o.given_at(interval);
                Some((given, met, interval))
            })
            .collect(),
        None => shifted(&dates.iter().map(|(.., given)| *given).collect::<Vec<_>>(), given, zone)?,
    };
    let series = body.rule.as_ref().map(|rule| Arc::new(Series { rule: rule.clone(), ..Series::clone(&first.series) }));
    let (mut named, mut places) = (Vec::with_capacity(dates.len()), Vec::with_capacity(dates.len()));
    for ((booking, occurrence, _), (given, met, interval)) in dates.iter().zip(placed) {
        let Some(slot) = booking.slots.first() else { continue };
        named.push(BookingRef { id: booking.id, revision: Some(booking.revision) });
        places.push(SeriesPlace {
            resource: body.resource.map_or(slot.resource, ResourceId),
            units: slot.units,
            interval,
            met,
            occurrence: Occurrence {
                series: series.clone().unwrap_or_else(|| occurrence.series.clone()),
                place: occurrence.place,
                given,
            },
        });
    }
    command(asker, id, named, body.contract, SeriesEdit::Move(places), body.reason.as_ref())
}

fn command(
    asker: &Asker,
    id: Uuid,
    bookings: Vec<BookingRef>,
    contract: ContractBody,
    edit: SeriesEdit,
    reason: Option<&String>,
) -> Result<Command, Problem> {
    let contract: Contract = contract.into();
    if contract == Contract::BestAlternative {
        let says = "must be all_or_nothing or skip_conflicts here";
        return Err(Problem::field(FieldError::new("contract", "not_understood", says)));
    }
    let action = Action::EditSeries { series: SeriesId(id), bookings, contract, edit };
    Ok(Command { actor: asker.actor(), action, seen: None, reason: read_reason_if(reason)? })
}

/// The bookings of a series by their place, as far as they are the asker's: for whoever oversees every one of them all, for its owner
/// those that are still theirs.
async fn bookings_of(app: &App, asker: &Asker, id: Uuid) -> Result<Vec<Arc<Booking>>, Problem> {
    let filter = BookingFilter { series: Some(SeriesId(id)), max: Series::DATES_MAX, ..BookingFilter::default() };
    let mut bookings = app.views.bookings(filter).await?;
    if bookings.is_empty() {
        return Err(Problem::not_found("series"));
    }
    if !bookings.iter().all(|b| asker.oversees(b)) {
        if !owns(app, asker, &bookings).await? {
            return Err(Problem::not_allowed(
                "Only the owner of a series, whoever manages its resource and admins see and change it as a whole.",
            ));
        }
        bookings.retain(|b| b.owner == asker.id);
    }
    bookings.sort_by_key(|b| b.occurrence.as_ref().map(|o| o.place));
    Ok(bookings)
}

/// Whether somebody is the owner of a series: whom it was booked for, while a date of it is theirs, or whoever has been given every one.
/// Somebody with one date of it knows nothing of the others.
async fn owns(app: &App, asker: &Asker, bookings: &[Arc<Booking>]) -> Result<bool, Problem> {
    let theirs = bookings.iter().filter(|b| b.owner == asker.id).count();
    if theirs == 0 || theirs == bookings.len() {
        return Ok(theirs > 0);
    }
    let Some(one) = bookings.first() else { return Ok(false) };
    let made = app.views.history(one.id, 1).await?;
    let first = made.iter().flat_map(|record| &record.changes).find(|change| change.booking() == Some(one.id));
    Ok(first.and_then(Change::about) == Some(asker.id))
}

/// All that the asker has of a series, or one and those after it.
async fn meant(app: &App, asker: &Asker, id: Uuid, from: Option<Uuid>) -> Result<Vec<Arc<Booking>>, Problem> {
    let bookings = bookings_of(app, asker, id).await?;
    let Some(from) = from else { return Ok(bookings) };
    let first = bookings.iter().position(|b| b.id.0 == from);
    let first = first.and_then(|n| bookings.get(n..)).map(<[_]>::to_vec);
    first.ok_or_else(|| Problem::field(FieldError::new("from", "not_found", "is no booking of this series")))
}

fn zone_of(app: &App, resource: Uuid, named: Option<&str>) -> Result<Zone, Problem> {
    match named {
        Some("UTC") => Ok(Zone::utc()),
        Some(name) => {
            Zone::named(name).map_err(|e| Problem::field(FieldError::new("zone", "not_a_zone", &e.to_string())))
        }
        // A resource that does not exist is refused when it is judged.
        None => Ok(app.resource(ResourceId(resource)).map_or_else(Zone::utc, |r| r.spec.zone.clone())),
    }
}

fn read_given(start: &str, end: &str) -> Result<Given, Problem> {
    match (read_civil(start, "start"), read_civil(end, "end")) {
        (Ok(start), Ok(end)) if start < end => Ok(Given { start, end }),
        (Ok(_), Ok(_)) => Err(Problem::field(FieldError::new("end", "end_not_after_start", "must be after the start"))),
        (start, end) => Err(Problem::fields([start.err(), end.err()].into_iter().flatten().collect())),
    }
}

type Placed = (Given, slotwise_domain::recurrence::Met, Interval);

/// The dates that a rule gives, in order, each once.
fn dates_of(rule: &str, given: Given, zone: &Zone, now: Instant) -> Result<Vec<Placed>, Problem> {
    let bad = |code: &str, says: &str| Problem::field(FieldError::new("rule", code, says));
    let recurrence = rrule::parse(rule, given.start, zone).map_err(|e| bad("not_understood", &e.to_string()))?;
    let years = Span::new().years(Series::YEARS_MAX);
    let bounds = Bounds { dates_max: Series::DATES_MAX, last: civil_of(now, zone).date().saturating_add(years) };
    let times = recurrence.expand(given.start, bounds).map_err(|e| {
        let code = match e {
            RecurrenceError::NoDate => "no_date",
            RecurrenceError::TooMany(_) => "too_many",
            RecurrenceError::TooFar(_) => "too_far",
        };
        bad(code, &e.to_string())
    })?;
    let mut dates: Vec<Placed> = Vec::with_capacity(times.len());
    for date in times.into_iter().map(|start| placed(given.starting(start), zone, "rule")) {
        let date = date?;
        match dates.last() {
            // Where a whole day is missing, it and the next are the same.
            Some((.., before)) if *before == date.2 => {}
            Some((before, _, at)) if at.end() > date.2.start() => {
                let says = format!("gives dates that meet: {} and {}", before.start, date.0.start);
                return Err(bad("dates_meet", &says));
            }
            Some(_) | None => dates.push(date),
        }
    }
    Ok(dates)
}

/// Dates that go as far as the first of them: as many days, and to the same time of day.
fn shifted(dates: &[Given], first: Given, zone: &Zone) -> Result<Vec<Placed>, Problem> {
    let Some(was) = dates.first() else { return Ok(Vec::new()) };
    let days = was.start.date().until(first.start.date()).map_or(0, |span| span.get_days());
    let to = |date: &Given| -> Option<Given> {
        let day = date.start.date().checked_add(days.days()).ok()?;
        first.starting(DateTime::from_parts(day, first.start.time()))
    };
    dates.iter().map(|date| placed(to(date), zone, "start")).collect()
}

/// A civil time as instants.
fn placed(given: Option<Given>, zone: &Zone, field: &str) -> Result<Placed, Problem> {
    let given = given.ok_or(IntervalError::OutOfRange);
    let at = given.and_then(|given| given.interval(zone).map(|(interval, met)| (given, met, interval)));
    at.map_err(|e| Problem::field(FieldError::new(field, "out_of_range", &format!("gives a date that cannot be: {e}"))))
}
