//! Attempts: many in one request, and what became of one, the question after a lost connection, always answered.
//! Each is what its own endpoint would make of it; nothing is judged here.

use super::{Problems, admin, bookings, holds, series, waitlist};
use crate::app::{App, NotAsked, Told, accepted_status, bookings_of, makes};
use crate::auth::Asker;
use crate::extract::{Once, Path, Sent, check_key, parse_json, read_body, read_value};
use crate::problem::{FieldError, Problem, ProblemBody};
use crate::wire::{ResourceVersion, time};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use slotwise_domain::deadlines::Deadline;
use slotwise_domain::{Command, Fingerprint, ResourceId};
use slotwise_engine::round::{Judged, outcome_code};
use slotwise_engine::{self as engine};
use utoipa::ToSchema;
use uuid::Uuid;

/// How an execution of an attempt failed last.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastFailure {
    /// A code of FAILED.
    pub code: &'static str,
    /// When.
    pub at: String,
}

/// How an attempt stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptBody {
    /// Its key.
    attempt: Uuid,
    /// `recorded`, `in_progress` or `unknown`.
    state: &'static str,
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, or null.
    #[schema(required = true)]
    outcome: Option<&'static str>,
    /// Of a refusal; of an unknown attempt `key_expired` or `epoch_changed`, if its answer may have been forgotten or lost.
    code: Option<&'static str>,
    /// What was answered, shown under the asker's present rights; of an unknown attempt with a code, what sending it would be answered.
    #[schema(value_type = Option<Object>, required = true)]
    answer: Option<Value>,
    /// How an execution failed last, if one did on this instance and is still remembered.
    last_failure: Option<LastFailure>,
    /// The server's clock.
    as_of: String,
}

/// How one's own attempt stands.
#[utoipa::path(get, operation_id = "read_attempt", path = "/api/attempts/{key}", tag = "attempts", params(("key" = Uuid, Path)),
    responses((status = 200, body = AttemptBody), Problems, (status = 404, description = "nothing is known of it",
        content((AttemptBody = "application/json"), (ProblemBody = "application/problem+json")))))]
pub async fn read(State(app): State<App>, asker: Asker, Path(key): Path<Uuid>) -> Result<Response, Problem> {
    let standing = app.engine.standing(asker.id.0, key).await?;
    let last_failure = standing.last_failure.map(|(code, at)| LastFailure { code: code.name(), at: time(at) });
    let (state, status) = match (&standing.recorded, standing.running) {
        (Some(_), _) => ("recorded", StatusCode::OK),
        (None, true) => ("in_progress", StatusCode::OK),
        (None, false) => ("unknown", StatusCode::NOT_FOUND),
    };
    let mut body = AttemptBody {
        attempt: key,
        state,
        outcome: None,
        code: None,
        answer: None,
        last_failure,
        as_of: time(app.engine.now()),
    };
    if let Some(no) = standing.lost {
        let problem = Problem::no_answer(no, key);
        body.code = Some(no.code());
        body.answer = serde_json::to_value(&*problem).ok();
    }
    if let Some(recorded) = &standing.recorded {
        let made = app.present(&recorded.decision).await?;
        body.outcome = Some(recorded.decision.outcome.name());
        body.code = Some(outcome_code(&recorded.decision.outcome)).filter(|c| !c.is_empty());
        body.answer = match app.decided(&asker, recorded, made, true, None).await? {
            Told::Accepted(accepted, _, _) => serde_json::to_value(accepted).ok(),
            Told::Problem(problem, _) => serde_json::to_value(&*problem).ok(),
        };
    }
    Ok((status, Json(body)).into_response())
}

/// Attempts of one request: as many as may wait for a commit.
const ATTEMPTS_MAX: usize = 8_192;
/// Bookings that all attempts of one request may make or change: dates of series count one by one.
const BOOKINGS_MAX: usize = ATTEMPTS_MAX;
/// The largest body of one: so many of ordinary length.
const ATTEMPTS_BODY_MAX: usize = 4 * 1024 * 1024;
/// The commands that may be among them, by the names they have everywhere.
const COMMANDS: &str = "must be one of book, hold, renew, release, move, swap, edit_booking, cancel, approve, \
    join_waitlist, leave_waitlist, set_class, book_series, move_series, edit_series, cancel_series, \
    check_in, decline, hand_over, set_hold, end_hold";

/// Many attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptsRequest {
    /// At most 8192.
    #[schema(max_items = 8192)]
    attempts: Vec<AttemptRequest>,
}

/// One of many attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptRequest {
    /// A UUIDv7 of the client's, as in `Idempotency-Key`.
    key: Uuid,
    /// `book`, `hold`, `renew`, `release`, `move`, `swap`, `edit_booking`, `cancel`, `approve`, `join_waitlist`, `leave_waitlist`,
    /// `set_class`, `book_series`, `move_series`, `edit_series`, `cancel_series`, `check_in`, `decline`, `hand_over`, `set_hold` or `end_hold`.
    command: String,
    /// The booking, hold, place in a waitlist or series that stands in the path of the command's own endpoint.
    id: Option<Uuid>,
    /// The revision that is named in `If-Match` there.
    if_match: Option<u64>,
    /// The body of the command's own endpoint, its fields beside these.
    #[schema(value_type = Object)]
    #[serde(flatten)]
    fields: Value,
}

/// What became of many attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptsBody {
    /// In the order they were sent.
    attempts: Vec<AttemptAnswer>,
    /// The server's clock.
    as_of: String,
}

/// What became of one of many attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptAnswer {
    /// Its key, as it was sent.
    #[schema(value_type = Value, required = true)]
    key: Value,
    /// The HTTP status that its own endpoint would answer with.
    status: u16,
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, `FAILED`, or null: no execution, or no outcome yet.
    #[schema(required = true)]
    outcome: Option<&'static str>,
    /// It was decided before.
    replayed: bool,
    /// The body or problem that its own endpoint would answer with, its fields beside these.
    #[schema(value_type = Object)]
    #[serde(flatten)]
    body: Map<String, Value>,
}

/// Carries many attempts out, each with its own key and outcome, and answers when all have theirs. They are judged in their order.
#[utoipa::path(post, operation_id = "create_attempts", path = "/api/attempts", tag = "attempts", request_body = AttemptsRequest,
    responses((status = 200, body = AttemptsBody), Problems))]
pub async fn create(State(app): State<App>, asker: Asker, request: Request) -> Result<Json<AttemptsBody>, Problem> {
    let body = read_body(request, &app, ATTEMPTS_BODY_MAX).await?;
    let sent = read_attempts(&body)?;
    let mut keys = Vec::with_capacity(sent.len());
    let mut told: Vec<Option<Told>> = Vec::with_capacity(sent.len());
    let mut requests = Vec::with_capacity(sent.len());
    let mut asked = 0;
    for (n, attempt) in sent.into_iter().enumerate() {
        let (key, told_or_asked) = read_one(&app, &asker, attempt).await;
        keys.push(key);
        match told_or_asked {
            Ok(request) => {
                asked += bookings_of(&request.command.action);
                if asked > BOOKINGS_MAX {
                    let says = format!("ask for more than {BOOKINGS_MAX} bookings; send less at once");
                    return Err(Problem::field(FieldError::new("attempts", "too_many", &says)));
                }
                requests.push(request);
                told.push(None);
            }
            Err(Told::Problem(problem, false)) => {
                told.push(Some(Told::Problem(problem.within(&format!("attempts[{n}]")), false)));
            }
            Err(before) => told.push(Some(before)),
        }
    }
    let mut carried_out = match requests.is_empty() {
        true => Vec::new(),
        false => app.attempts(&asker, requests).await?,
    }
    .into_iter();
    let told = told.into_iter().filter_map(|told| told.or_else(|| carried_out.next()));
    let attempts = keys.into_iter().zip(told).map(|(key, told)| answer(key, told)).collect();
    Ok(Json(AttemptsBody { attempts, as_of: time(app.engine.now()) }))
}

fn read_attempts(bytes: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    let sent: Sent = parse_json(bytes)?;
    let bad = |code, detail| Problem::field(FieldError::new("attempts", code, detail));
    let attempts = sent.one("attempts")?.ok_or_else(|| bad("missing", "is missing"))?;
    if let Some((other, _)) = sent.0.iter().find(|(name, _)| name != "attempts") {
        return Err(Problem::field(FieldError::new(other, "not_understood", "is not understood here")));
    }
    let attempts: Vec<&RawValue> =
        serde_json::from_str(attempts.get()).map_err(|_| bad("not_understood", "must be a list"))?;
    match attempts.len() {
        1..=ATTEMPTS_MAX => Ok(attempts),
        _ => Err(bad("too_many", "must be at least 1 and at most 8192")),
    }
}

/// What an attempt would get.
#[derive(Debug, Serialize, ToSchema)]
pub struct DryRunBody {
    /// The HTTP status that its own endpoint would answer with.
    status: u16,
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, `FAILED`, or null: the key that asks may not send it.
    #[schema(required = true)]
    outcome: Option<&'static str>,
    /// What the answer rests on.
    bounds: DryRunBounds,
    /// The body or problem that its own endpoint would answer with, without ids of what would be made, its fields beside these.
    #[schema(value_type = Object)]
    #[serde(flatten)]
    body: Map<String, Value>,
}

/// While all of this is so, an attempt gets what was told.
#[derive(Debug, Serialize, ToSchema)]
pub struct DryRunBounds {
    /// The versions of what it touches.
    versions: Vec<ResourceVersion>,
    /// The policy versions of the same.
    policies: Vec<PolicyVersionBody>,
    /// It holds on this side of these instants; at most 100, the soonest to come first, then those that have passed.
    deadlines: Vec<DeadlineBody>,
    /// It rests on what else the person has booked and holds too.
    person: bool,
    /// When it was judged, by the server's clock.
    as_of: String,
}

/// The policy version of a resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyVersionBody {
    /// Which resource.
    resource: Uuid,
    /// Edits name it in `If-Match`.
    policy_version: u64,
}

/// An instant that an answer depends on.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadlineBody {
    /// When.
    at: String,
    /// `book_from`, `book_by`, `change_by`, `cancel_by`, `begun`, `ends`, `hold_expires` or `hold_longest`.
    what: &'static str,
    /// On which resource; null for what a person holds elsewhere.
    #[schema(required = true)]
    resource: Option<Uuid>,
    /// Whether it has passed.
    passed: bool,
}

/// Deadlines told with a dry run.
const DEADLINES_MAX: usize = 100;

/// Says what an attempt would get, and what that rests on. The body is one attempt as `POST /api/attempts` takes it, without a key:
/// nothing is recorded, and nothing is kept for anybody.
#[utoipa::path(post, operation_id = "dry_run", path = "/api/attempts/dry-run", tag = "attempts", request_body = Object,
    responses((status = 200, body = DryRunBody), Problems))]
pub async fn dry_run(State(app): State<App>, asker: Asker, request: Request) -> Result<Json<DryRunBody>, Problem> {
    let Once(sent) = parse_json(&read_body(request, &app, app.bounds.body_bytes).await?)?;
    let bad = |field, code, detail| Problem::field(FieldError::new(field, code, detail));
    let Value::Object(mut fields) = sent else { return Err(bad("body", "not_understood", "must be an object")) };
    if fields.contains_key("key") {
        return Err(bad("key", "not_understood", "is not taken here: a dry run uses no key"));
    }
    let (_, command) = read_command(&app, &asker, &mut fields).await.map_err(Problem::from)?;
    app.rates.attempts(&asker, 1)?;
    let run = app.engine.dry_run(command.clone()).await?;
    let nobody = Uuid::nil();
    let told = match (app.within_scopes(&asker, &command).await, run.would) {
        // What the key may not send is not told either.
        (Err(problem), _) => Told::Problem(problem, false),
        (Ok(()), Judged::Decided(recorded, _, made)) => {
            app.decided(&asker, &recorded, made, false, Some(&command)).await?
        }
        (Ok(()), Judged::Failed(failure)) => {
            Told::Problem(Problem::failed(&app, &failure, nobody, &asker).await, false)
        }
    };
    let AttemptAnswer { status, outcome, mut body, .. } = answer(Value::Null, told);
    for not_yet in ["attempt", "decided_at", "versions", "observed", "decided"] {
        body.remove(not_yet);
    }
    // What exists already keeps its name: only what would be made has none yet.
    if makes(&command.action) {
        for (made, names) in [
            ("booking", &["id", "created_at", "decided_at"][..]),
            ("hold", &["id", "token", "granted_at"][..]),
            ("entry", &["id", "joined_at"][..]),
        ] {
            if let Some(Value::Object(made)) = body.get_mut(made) {
                names.iter().for_each(|name| drop(made.remove(*name)));
            }
        }
        body.remove("series");
        for date in body.get_mut("dates").and_then(Value::as_array_mut).into_iter().flatten() {
            date.as_object_mut().and_then(|date| date.remove("booking"));
        }
    }
    let deadline = |d: &Deadline| DeadlineBody {
        at: time(d.at),
        what: d.what.name(),
        resource: d.resource.map(|id| id.0),
        passed: d.at <= run.at,
    };
    let (passed, to_come): (Vec<&Deadline>, Vec<&Deadline>) = run.deadlines.iter().partition(|d| d.at <= run.at);
    let policy = |(id, v): &(ResourceId, u64)| PolicyVersionBody { resource: id.0, policy_version: *v };
    let bounds = DryRunBounds {
        versions: run.versions.iter().map(|v| ResourceVersion::from(*v)).collect(),
        policies: run.policies.iter().map(policy).collect(),
        deadlines: to_come.into_iter().chain(passed.into_iter().rev()).take(DEADLINES_MAX).map(deadline).collect(),
        person: run.person,
        as_of: time(run.at),
    };
    Ok(Json(DryRunBody { status, outcome, bounds, body }))
}

/// Reads one attempt as its own endpoint would: its key as it was sent, and what it asks, or what it is told instead.
async fn read_one(app: &App, asker: &Asker, attempt: &RawValue) -> (Value, Result<engine::Request, Told>) {
    let bytes = attempt.get().as_bytes();
    let bad = |field, code, detail| Problem::field(FieldError::new(field, code, detail));
    let refused = |problem| Err(Told::Problem(problem, false));
    let (sent, mut fields) = match parse_json(bytes) {
        Ok(Once(Value::Object(mut fields))) => (fields.remove("key"), fields),
        Ok(Once(_)) => return (Value::Null, refused(bad("body", "not_understood", "must be an object"))),
        // Its key is told all the same, if there is one, and one only.
        Err(problem) => {
            let key = serde_json::from_slice::<Sent>(bytes).ok().and_then(|sent| sent.one("key").ok().flatten());
            let key = key.and_then(|key| serde_json::from_str(key.get()).ok());
            return (key.unwrap_or_default(), refused(problem));
        }
    };
    let checked = match &sent {
        Some(Value::String(key)) => check_key(key, app.engine.now()).map_err(|_| bad("key", "key_invalid", KEY)),
        Some(_) => Err(bad("key", "not_understood", KEY)),
        None => Err(bad("key", "missing", "is missing")),
    };
    let sent = sent.unwrap_or_default();
    let key = match checked {
        Ok(key) => key,
        Err(problem) => return (sent, refused(problem)),
    };
    let request = match read_command(app, asker, &mut fields).await {
        Ok((fingerprint, command)) => Ok(engine::Request { key, fingerprint, command }),
        Err(not) => match app.told_before(asker, key, not).await {
            Ok(told) => Err(told),
            Err(problem) => refused(problem),
        },
    };
    (sent, request)
}

/// Reads what an attempt asks, without its key.
async fn read_command(
    app: &App,
    asker: &Asker,
    fields: &mut Map<String, Value>,
) -> Result<(Fingerprint, Command), NotAsked> {
    let bad = |field, code, detail| Problem::field(FieldError::new(field, code, detail));
    let command = match fields.remove("command") {
        Some(Value::String(command)) => command,
        Some(_) => return Err(bad("command", "not_understood", COMMANDS).into()),
        None => return Err(bad("command", "missing", "is missing").into()),
    };
    Ok(match command.as_str() {
        "book" => bookings::asked_book(app, asker, &rest(fields)?).await?,
        "hold" => holds::asked_hold(app, asker, &rest(fields)?).await?,
        "renew" => holds::asked_renew(asker, id(fields)?, &rest(fields)?)?,
        "release" => holds::asked_release(asker, id(fields)?, &rest(fields)?)?,
        "set_hold" => holds::asked_set(asker, id(fields)?, &rest(fields)?)?,
        "end_hold" => holds::asked_end(asker, id(fields)?, &rest(fields)?)?,
        "move" => {
            let (id, revision) = (id(fields)?, if_match(fields)?);
            bookings::asked_move(app, asker, id, revision, &rest(fields)?).await?
        }
        "swap" => bookings::asked_swap(asker, id(fields)?, &rest(fields)?)?,
        "edit_booking" => {
            let (id, revision) = (id(fields)?, if_match(fields)?);
            let revision = revision.ok_or_else(|| bad("if_match", "missing", "is missing"))?;
            bookings::asked_edit(asker, id, revision, &rest(fields)?)?
        }
        "cancel" => bookings::asked_cancel(asker, id(fields)?, &rest(fields)?)?,
        "approve" => bookings::asked_approve(asker, id(fields)?, &rest(fields)?)?,
        "join_waitlist" => waitlist::asked_join(app, asker, &rest(fields)?)?,
        "leave_waitlist" => waitlist::asked_leave(asker, id(fields)?, &rest(fields)?)?,
        "set_class" => waitlist::asked_class(asker, id(fields)?, &rest(fields)?)?,
        "book_series" => series::asked_book(app, asker, &rest(fields)?)?,
        "move_series" => series::asked_move(app, asker, id(fields)?, &rest(fields)?).await?,
        "edit_series" => series::asked_edit(app, asker, id(fields)?, &rest(fields)?).await?,
        "cancel_series" => series::asked_cancel(app, asker, id(fields)?, &rest(fields)?).await?,
        "check_in" => {
            let id = id(fields)?;
            let Nothing {} = rest(fields)?;
            admin::asked_check_in(asker, id)
        }
        "decline" => {
            let (id, revision) = (id(fields)?, if_match(fields)?);
            admin::asked_decline(asker, id, revision, &rest(fields)?)?
        }
        "hand_over" => {
            let (id, revision) = (id(fields)?, if_match(fields)?);
            admin::asked_hand_over(asker, id, revision, &rest(fields)?)?
        }
        _ => return Err(bad("command", "not_understood", COMMANDS).into()),
    })
}

const KEY: &str = "must be a UUIDv7, not dated more than a day ahead";

/// A body without fields.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The fields that are left, as the body of the command's own endpoint.
fn rest<T: DeserializeOwned + Serialize>(fields: &mut Map<String, Value>) -> Result<T, Problem> {
    read_value(&Value::Object(std::mem::take(fields)))
}

fn id(fields: &mut Map<String, Value>) -> Result<Uuid, Problem> {
    let bad = |code, detail| Problem::field(FieldError::new("id", code, detail));
    let id = fields.remove("id").ok_or_else(|| bad("missing", "is missing"))?;
    id.as_str().and_then(|id| Uuid::try_parse(id).ok()).ok_or_else(|| bad("not_understood", "must be a UUID"))
}

fn if_match(fields: &mut Map<String, Value>) -> Result<Option<u64>, Problem> {
    let bad = || Problem::field(FieldError::new("if_match", "not_a_number", "must be the number you saw, such as 3"));
    fields.remove("if_match").map(|n| n.as_u64().ok_or_else(bad)).transpose()
}

/// What is said of one of many.
pub fn answer(key: Value, told: Told) -> AttemptAnswer {
    let fields = |body: Result<Value, serde_json::Error>| match body {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    };
    let (status, outcome, replayed, mut body) = match told {
        Told::Accepted(body, made, replayed) => {
            let status = accepted_status(made, replayed).as_u16();
            (status, Some(body.outcome), replayed, fields(serde_json::to_value(body)))
        }
        Told::Problem(problem, replayed) => {
            (problem.status, problem.outcome, replayed, fields(serde_json::to_value(&*problem)))
        }
    };
    for beside in ["status", "outcome"] {
        body.remove(beside);
    }
    AttemptAnswer { key, status, outcome, replayed, body }
}
