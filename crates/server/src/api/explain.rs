//! Why an attempt ended as it did, as far as the asker may know: looked up, put together, told as JSON or as text.
//! What is true and what is said of it is made elsewhere.

use super::Problems;
use super::alternatives::{AlternativeBody, Wished, instead};
use super::attempts::LastFailure;
use crate::accept::rather_than_json;
use crate::app::App;
use crate::auth::Asker;
use crate::explain::words::{clock, during};
use crate::explain::{
    AskedBody, Case, DiagramBody, ExplainedResource, RECORDS_MAX, Reader, SentenceBody, Touched, as_text, bookings,
    explain, on_screen, people, wanted, zone_of,
};
use crate::extract::{Path, Query};
use crate::problem::{Problem, ProblemBody, Shown, WitnessBody, at_text};
use crate::wire::{PersonBody, time};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use slotwise_domain::{AttemptKey, Instant, Interval, Outcome, PartId, PersonId, Span, Subject, Zone};
use slotwise_engine::as_of::{Moment, as_of};
use slotwise_engine::round::{key_time, outcome_code};
use slotwise_engine::{Attempt, AttemptFilter};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Alternatives told with an explanation.
const ALTERNATIVES_MAX: usize = 6;
/// Attempts looked at for one whose key is no longer kept.
const LOOK_MAX: usize = 20_000;

/// Whose attempt.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuery {
    /// Whose attempt, for admins; one's own if left out.
    actor: Option<Uuid>,
}

/// How what was asked for stands now.
#[derive(Debug, Serialize, ToSchema)]
pub struct NowBody {
    /// Whether it could be booked now.
    free: bool,
    /// Why not, for programs.
    #[schema(required = true)]
    code: Option<&'static str>,
    /// Why not, for people.
    #[schema(required = true)]
    detail: Option<String>,
}

/// Why an attempt ended as it did.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ExplanationBody {
    /// Its key.
    attempt: Uuid,
    /// `recorded`, `in_progress` or `unknown`.
    state: &'static str,
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, or null.
    #[schema(required = true)]
    outcome: Option<&'static str>,
    /// Of a refusal; of an unknown attempt `key_expired` or `epoch_changed`, if its answer may have been forgotten or lost.
    #[schema(required = true)]
    code: Option<&'static str>,
    /// What was asked, by name.
    #[schema(required = true)]
    command: Option<String>,
    /// Who asked; null for Slotwise itself, or somebody who is forgotten.
    #[schema(required = true)]
    actor: Option<PersonBody>,
    /// For whom, if not for whoever asked.
    #[serde(rename = "for")]
    #[schema(required = true)]
    owner: Option<PersonBody>,
    /// The decision instant.
    #[schema(required = true)]
    decided_at: Option<String>,
    /// What was asked for.
    asked: Vec<AskedBody>,
    /// What happened to each resource on the way.
    resources: Vec<ExplainedResource>,
    /// The refusal in a sentence.
    #[schema(required = true)]
    detail: Option<String>,
    /// What made the refusal true.
    #[schema(required = true)]
    witness: Option<WitnessBody>,
    /// How what was refused stands now, for whoever asks this.
    #[schema(required = true)]
    now: Option<NowBody>,
    /// What could be booked instead now.
    alternatives: Vec<AlternativeBody>,
    /// All of it in words.
    sentences: Vec<SentenceBody>,
    /// As a sequence diagram.
    #[schema(required = true)]
    diagram: Option<DiagramBody>,
    /// How an execution failed last, if one did on this instance and is still remembered.
    #[schema(required = true)]
    last_failure: Option<LastFailure>,
    /// The server's clock.
    as_of: String,
}

/// Why an attempt ended as it did: what the screen showed, what came between, what was true at the decision, and what is free instead
/// now. One's own; any for admins. As text with `Accept: text/plain`.
#[utoipa::path(get, operation_id = "explain_attempt", path = "/api/attempts/{key}/explain", tag = "attempts",
    params(("key" = Uuid, Path), ExplainQuery),
    responses((status = 200, body = ExplanationBody), Problems, (status = 404, description = "nothing is known of it",
        content((ExplanationBody = "application/json"), (ProblemBody = "application/problem+json")))))]
pub async fn read(
    State(app): State<App>,
    asker: Asker,
    Path(key): Path<Uuid>,
    Query(q): Query<ExplainQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let actor = q.actor.unwrap_or(asker.id.0);
    if actor != asker.id.0 && !asker.sees_all() {
        return Err(Problem::not_allowed(
            "Only admins and auditors see the attempts of others. Leave actor out for your own.",
        ));
    }
    let (status, body) = match recalled(&app, actor, key).await? {
        Some(attempt) => (StatusCode::OK, recorded(&app, &asker, attempt).await?),
        None => unsettled(&app, actor, key).await?,
    };
    if rather_than_json(&headers, "text/plain") {
        let nothing = DiagramBody { text: String::new(), mermaid: String::new() };
        let text = as_text(&body.sentences, body.diagram.as_ref().unwrap_or(&nothing));
        return Ok((status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    Ok((status, Json(body)).into_response())
}

/// By its key while keys are kept; after that it is looked for in the record, about the time that is in the key.
async fn recalled(app: &App, actor: Uuid, key: Uuid) -> Result<Option<Attempt>, Problem> {
    let key = AttemptKey { part: PartId::DEFAULT, actor, key };
    if let Some(attempt) = app.views.attempt(key).await? {
        return Ok(Some(attempt));
    }
    if app.engine.standing(actor, key.key).await?.lost.is_none() {
        return Ok(None);
    }
    let made_at = key_time(key);
    let filter = AttemptFilter {
        key: Some(key.key),
        actor: Some(actor),
        from: Some(made_at.minus(Span::hours(1))),
        to: Some(made_at.plus(Span::hours(1))),
        max: 1,
        look_max: LOOK_MAX,
        ..AttemptFilter::default()
    };
    Ok(app.views.attempts(filter).await?.attempts.pop())
}

async fn unsettled(app: &App, actor: Uuid, key: Uuid) -> Result<(StatusCode, ExplanationBody), Problem> {
    let standing = app.engine.standing(actor, key).await?;
    let (state, status, said, text) = match (standing.running, &standing.last_failure) {
        (true, _) => {
            ("in_progress", StatusCode::OK, "in_progress", "It is being carried out right now. Ask again in a moment.")
        }
        (false, Some(_)) => (
            "unknown",
            StatusCode::NOT_FOUND,
            "failed",
            "It failed: nothing was changed, and nothing is on record. The same key may be sent again.",
        ),
        (false, None) => (
            "unknown",
            StatusCode::NOT_FOUND,
            "unknown",
            "Nothing is known of an attempt with this key. It was never carried out here, or it was somebody else's.",
        ),
    };
    let mut sentences = vec![SentenceBody { key: said, params: Map::new(), text: text.into() }];
    if let Some(no) = standing.lost {
        let problem = Problem::no_answer(no, key);
        sentences.push(SentenceBody { key: no.code(), params: Map::new(), text: problem.detail.clone() });
    }
    let body = ExplanationBody {
        attempt: key,
        state,
        code: standing.lost.map(slotwise_engine::NoAnswer::code),
        sentences,
        last_failure: standing.last_failure.map(|(code, at)| LastFailure { code: code.name(), at: time(at) }),
        as_of: time(app.engine.now()),
        ..ExplanationBody::default()
    };
    Ok((status, body))
}

async fn recorded(app: &App, asker: &Asker, attempt: Attempt) -> Result<ExplanationBody, Problem> {
    let case = case(app, attempt).await?;
    let mut names = BTreeMap::new();
    for id in people(&case) {
        if let Some(name) = app.people.name(id).await {
            names.insert(id, name);
        }
    }
    let decision = &case.attempt.recorded.decision;
    let rejection = match &decision.outcome {
        Outcome::Rejected(rejection) => Some(rejection),
        Outcome::Booked | Outcome::Accepted => None,
    };
    let shown = match rejection {
        Some(rejection) => Some(Shown::of(app, asker, rejection).await),
        None => None,
    };
    let mut hidden = BTreeSet::new();
    for id in bookings(&case).into_iter().filter(|_| !asker.sees_all()) {
        // What cannot be looked up is not told.
        let booking = app.views.booking(id).await.ok().flatten();
        if !booking.is_some_and(|b| !b.details.private || asker.sees_inside(&b)) {
            hidden.insert(id);
        }
    }
    let reader = Reader { id: Some(asker.id), admin: asker.sees_all(), names: &names, hidden: &hidden };
    let explained = explain(&case, &reader, shown.as_ref());
    let person = |id: PersonId| names.get(&id).map(|name| PersonBody { id: id.0, name: name.clone() });
    let mut body = ExplanationBody {
        attempt: case.attempt.recorded.key.key,
        state: "recorded",
        outcome: Some(decision.outcome.name()),
        code: Some(outcome_code(&decision.outcome)).filter(|code| !code.is_empty()),
        command: Some(case.attempt.command.clone()),
        actor: person(PersonId(case.attempt.recorded.key.actor)),
        owner: decision.asked.owner.and_then(person),
        decided_at: Some(time(decision.decided_at)),
        asked: explained.asked,
        resources: explained.resources,
        detail: shown.as_ref().map(|s| s.detail.clone()),
        witness: shown.and_then(|s| s.witness),
        sentences: explained.sentences,
        diagram: Some(explained.diagram),
        as_of: time(app.engine.now()),
        ..ExplanationBody::default()
    };
    match rejection {
        Some(_) => tell_now(app, asker, &case, &mut body).await?,
        None => tell_since(app, &case, &mut body).await?,
    }
    Ok(body)
}

async fn case(app: &App, attempt: Attempt) -> Result<Case, Problem> {
    let decision = &attempt.recorded.decision;
    let screened = on_screen(&attempt);
    let mut touched = Vec::with_capacity(decision.decided.len());
    for (id, version) in &decision.decided {
        let Some(resource) = app.resource(*id) else { continue };
        let first = version.number.saturating_sub(RECORDS_MAX);
        let records = app.views.records(*id, first, version.number).await?;
        let seen = decision.seen.filter(|_| screened == Some(*id));
        let screen = match seen {
            Some(seen) => {
                let moment = Moment { version: Some(seen.version), at: None };
                // What cannot be folded any more is told as not known; it is no reason to tell nothing.
                as_of(&*app.views, *id, moment).await.ok().flatten().map(|as_of| as_of.calendar)
            }
            None => None,
        };
        touched.push(Touched { resource, decided: *version, screen, records });
    }
    Ok(Case { attempt, touched })
}

/// How what was refused stands now, and what is free instead.
async fn tell_now(app: &App, asker: &Asker, case: &Case, body: &mut ExplanationBody) -> Result<(), Problem> {
    let Some(id) = on_screen(&case.attempt) else { return Ok(()) };
    let Some(line) = wanted(&case.attempt).into_iter().find(|line| line.resource == id && line.units > 0) else {
        return Ok(());
    };
    let Some(calendar) = app.calendar(id).await? else { return Ok(()) };
    let Some(interval) = line.interval.or(calendar.resource.spec.interval) else { return Ok(()) };
    let wished = Wished { interval, units: line.units, people: None };
    let instead = instead(app, asker, &calendar, &wished, Vec::new(), ALTERNATIVES_MAX).await?;
    let name = &calendar.resource.spec.name;
    let detail = match &instead.refused {
        Some(rejection) => Some(Shown::of(app, asker, rejection).await.detail),
        None => None,
    };
    let (key, text) = match &detail {
        None => ("now_free", format!("Asked for now, {name} is free then.")),
        Some(detail) => ("now_refused", format!("Asked for now, it would be refused: {detail}")),
    };
    let code = instead.refused.as_ref().map(|r| r.code.name());
    body.sentences.push(SentenceBody { key, params: params(json!({ "resource": id.0, "code": code })), text });
    body.now = Some(NowBody { free: instead.refused.is_none(), code, detail });
    body.alternatives = instead.items;
    let zone = zone_of(case);
    let few = body.alternatives.iter().take(3).filter_map(|item| {
        let at = |text: &str| text.parse::<jiff::Timestamp>().ok().map(Instant::from);
        let interval = Interval::new(at(&item.found.start)?, at(&item.found.end)?).ok()?;
        Some(format!("{}, {}", item.found.resource.name, during(interval, &zone)))
    });
    let few: Vec<String> = few.collect();
    if !few.is_empty() {
        let text = format!("Free instead, as it is now: {}.", few.join("; "));
        body.sentences.push(SentenceBody { key: "alternatives", params: Map::new(), text });
    }
    Ok(())
}

/// What has become of what was accepted.
async fn tell_since(app: &App, case: &Case, body: &mut ExplanationBody) -> Result<(), Problem> {
    let Some(Subject::Booking(id)) = case.attempt.recorded.decision.subject else { return Ok(()) };
    let Some(booking) = app.views.booking(id).await? else { return Ok(()) };
    let zone: Zone = zone_of(case);
    let state = booking.state.name();
    let at = |t| format!("{} at {}", at_text(t, &zone), clock(t, &zone));
    let text = match booking.decided_at > case.attempt.recorded.decision.decided_at {
        true => format!("It was changed since, last on {}; the booking is {state} now.", at(booking.decided_at)),
        false => format!("Nothing has changed it since: the booking is {state}."),
    };
    body.sentences.push(SentenceBody {
        key: "since",
        params: params(json!({ "booking": id.0, "state": state })),
        text,
    });
    Ok(())
}

fn params(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
