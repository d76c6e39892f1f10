//! What is not a success, as RFC 9457 problems: in one place, last. What the person reads is written here;
//! what the operator reads is logged where it is handled, and never the same string.

use crate::api::bookings::state_after;
use crate::app::{App, json};
use crate::auth::Asker;
use crate::rate::Standing;
use crate::requests::Said;
use crate::wire::{DateBody, MeasureBody, ResourceBody, ResourceVersion, SeenBody, amount, time, whole_if};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use slotwise_domain::{
    Action, Booking, BookingState, Code, Command, Decision, Failure, FailureCode, Ground, Instant, Kind, Measure,
    Policy, Rejection, ResourceId, ResourceSpec, Rule, Series, Waitlist, Witness, Zone,
};
use slotwise_engine::NoAnswer;
use utoipa::ToSchema;
use uuid::Uuid;

const BUSY: &str = "Too many requests at once. Nothing was changed; try again in a moment.";

/// A field of a request that is not well formed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// Where, such as `lines[0].start`.
    pub field: String,
    /// What is wrong, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl FieldError {
    /// One of these.
    pub fn new(field: &str, code: &str, detail: &str) -> FieldError {
        FieldError { field: field.into(), code: code.into(), detail: format!("{field} {detail}") }
    }
}

/// What made a refusal true, as far as the asker may know.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct WitnessBody {
    /// `booking`, `hold`, `block`, `rule`, `instant`, `waiting`, `quota`, `requirement` or `linked`.
    pub kind: &'static str,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// On which resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Uuid>,
    /// From.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Until.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Whose, where people may know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Which rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// The instant that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Of a quota: what is counted already, in the period from `start` until `end`, or in all.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole_if")]
    pub counted: Option<f64>,
    /// Of a quota: what is allowed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole_if")]
    pub most: Option<f64>,
    /// Of a quota: whether `units` or `credits` are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<MeasureBody>,
    /// The place in line of whoever waits. Of eligibility: the place of the requirement in the policy, from 0; of linked sections: the place of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
}

/// A problem (RFC 9457).
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// What kind, a URI reference.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A sentence for the person: what happened, and what to do next.
    pub detail: String,
    /// `REJECTED`, `FAILED`, or null: no execution, or no outcome yet.
    #[schema(required = true)]
    pub outcome: Option<&'static str>,
    /// What happened, for programs.
    pub code: String,
    /// Whether the same key may be sent again with hope.
    pub retryable: bool,
    /// The attempt's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Uuid>,
    /// The decision instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
    /// What the screen showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenBody>,
    /// The versions it was proposed against.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<ResourceVersion>,
    /// The versions it was decided at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decided: Vec<ResourceVersion>,
    /// What made it true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<WitnessBody>,
    /// What was said of each date of a series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateBody>,
    /// Where to look for what is free instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<String>,
    /// The waitlist that can be joined instead, by a POST to its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waitlist: Option<String>,
    /// Seconds after which asking again may go otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<i64>,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What the editor saw of what has moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yours: Option<Value>,
    /// What it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Value>,
    /// Where the outcome will be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// A problem on its way out; boxed, since the way of a success should not carry its size.
#[derive(Clone, Debug)]
pub struct Problem(Box<ProblemBody>);

impl std::ops::Deref for Problem {
    type Target = ProblemBody;

    fn deref(&self) -> &ProblemBody {
        &self.0
    }
}

impl Problem {
    /// This problem, with more said of it.
    pub fn with(mut self, say: impl FnOnce(&mut ProblemBody)) -> Problem {
        say(&mut self.0);
        self
    }

    /// A request that never became an execution.
    pub fn request(status: StatusCode, code: &str, title: &str, detail: &str) -> Problem {
        Problem(Box::new(ProblemBody {
            kind: format!("/problems/{code}"),
            title: title.into(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.into(),
            ..ProblemBody::default()
        }))
    }

    /// A malformed field.
    pub fn field(error: FieldError) -> Problem {
        Problem::fields(vec![error])
    }

    /// Malformed fields.
    pub fn fields(errors: Vec<FieldError>) -> Problem {
        let detail = errors.iter().map(|e| e.detail.as_str()).collect::<Vec<_>>().join("; ");
        let detail = format!("Nothing was done: {detail}.");
        let problem = Problem::request(StatusCode::UNPROCESSABLE_ENTITY, "malformed", "Malformed request", &detail);
        problem.with(|p| p.errors = errors)
    }

    /// The same of a part of a request: its fields are named from the whole.
    pub fn within(self, part: &str) -> Problem {
        if self.errors.is_empty() {
            return self;
        }
        let errors = self.errors.iter().map(|e| {
            let field = if e.field == "body" { part.to_owned() } else { format!("{part}.{}", e.field) };
            let says = e.detail.strip_prefix(&e.field).unwrap_or(&e.detail).trim_start();
            FieldError::new(&field, &e.code, says)
        });
        Problem::fields(errors.collect())
    }

    /// Nobody is signed in.
    pub fn unauthenticated() -> Problem {
        Problem::request(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Not signed in",
            "Sign in, or send an API key, and try again.",
        )
    }

    /// Something that does not exist, or is not the asker's to see.
    pub fn not_found(what: &str) -> Problem {
        Problem::request(StatusCode::NOT_FOUND, "not_found", "Not found", &format!("There is no such {what}."))
    }

    /// Not the asker's to do.
    pub fn not_allowed(detail: &str) -> Problem {
        Problem::request(StatusCode::FORBIDDEN, "not_allowed", "Not allowed", detail)
    }

    /// The store could not be read.
    pub fn unavailable() -> Problem {
        let detail = "The store cannot be read right now. Try again in a moment.";
        let problem = Problem::request(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "Not available", detail);
        problem.with(|p| (p.retryable, p.retry_after) = (true, Some(1)))
    }

    /// A person or an address has asked too often.
    pub fn rate_limited(standing: &Standing) -> Problem {
        let detail = "You are sending too many requests. Nothing was done; wait a moment.";
        let problem = Problem::request(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests", detail);
        problem.with(|p| (p.retryable, p.retry_after) = (true, standing.retry_after()))
    }

    /// Turned away before it was read, while there are as many executions as there may be.
    pub fn busy(key: Option<Uuid>) -> Problem {
        let problem = Problem::request(StatusCode::SERVICE_UNAVAILABLE, FailureCode::Busy.name(), "Busy", BUSY);
        problem.with(|p| {
            (p.outcome, p.attempt, p.retryable, p.retry_after) = (Some("FAILED"), key, true, Some(1));
        })
    }

    /// A body that did not arrive in time.
    pub fn too_slow() -> Problem {
        let detail = "The body took too long to arrive. Nothing was done; send it again.";
        Problem::request(StatusCode::REQUEST_TIMEOUT, "too_slow", "Too slow", detail)
    }

    /// A handler that did not answer in time. What it had begun to carry out goes on, so an attempt has no outcome yet.
    pub fn late(key: Option<Uuid>) -> Problem {
        if let Some(key) = key {
            return Problem::no_answer(NoAnswer::NotYet, key);
        }
        let detail = "The answer took too long. Try again in a moment.";
        let problem = Problem::request(StatusCode::SERVICE_UNAVAILABLE, "timed_out", "Took too long", detail);
        problem.with(|p| (p.retryable, p.retry_after) = (true, Some(1)))
    }

    /// A key that gives no outcome, and why.
    pub fn no_answer(no: NoAnswer, key: Uuid) -> Problem {
        let (status, title, detail) = match no {
            NoAnswer::NotYet => (
                StatusCode::SERVICE_UNAVAILABLE,
                "No outcome yet",
                "We do not know yet whether this was carried out. Ask for the attempt by its key; do not send it under another.",
            ),
            NoAnswer::InProgress => (
                StatusCode::CONFLICT,
                "In progress",
                "The same request is being carried out right now. Ask for the attempt by its key.",
            ),
            NoAnswer::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Key used before",
                "This Idempotency-Key was used for another request. Make a new key for a new request.",
            ),
            NoAnswer::KeyExpired => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Key too old",
                "This Idempotency-Key is more than seven days old and nothing is known of it. Check what you have booked, \
                 then use a new key; check your clock too.",
            ),
            NoAnswer::EpochChanged => (
                StatusCode::CONFLICT,
                "Restored since",
                "The data was restored from a backup after this key was made. Nothing is known of it now: what it did may be lost. \
                 Check what you have booked, then use a new key.",
            ),
        };
        let problem = Problem::request(status, no.code(), title, detail);
        let pending = matches!(no, NoAnswer::NotYet | NoAnswer::InProgress);
        problem.with(|p| {
            p.attempt = Some(key);
            p.retryable = pending;
            p.retry_after = pending.then_some(1);
            p.link = pending.then(|| format!("/api/attempts/{key}"));
        })
    }

    /// An execution that changed nothing.
    pub async fn failed(app: &App, failure: &Failure, key: Uuid, asker: &Asker) -> Problem {
        let code = failure.code.name();
        let (status, title, detail) = match failure.code {
            FailureCode::VersionStale => (
                StatusCode::PRECONDITION_FAILED,
                "Changed meanwhile",
                "Somebody else changed this after you opened it. Nothing was changed; compare both sides and decide again.",
            ),
            FailureCode::Conflict => (
                StatusCode::CONFLICT,
                "Conflict",
                "Somebody else was changing the same thing at the same moment. Nothing was changed; you may try again.",
            ),
            FailureCode::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Busy", BUSY),
            FailureCode::StoreUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available",
                "The store does not take changes right now. Nothing was changed; try again later.",
            ),
        };
        let (yours, theirs) = match &failure.ground {
            Some(Ground::PolicyVersion { yours, theirs }) => {
                // As it is read: what waits and what is left of it is on its calendar.
                let calendar = app.calendar(theirs.id).await.ok().flatten();
                let theirs = calendar.map(|c| ResourceBody::of_calendar(&c, app.engine.now()));
                let theirs = theirs.and_then(|body| serde_json::to_value(body).ok());
                (Some(serde_json::json!({ "policy_version": yours })), theirs)
            }
            Some(Ground::Revision { yours, theirs }) => {
                let body = app.booking_body(asker, theirs).await;
                (Some(serde_json::json!({ "revision": yours })), serde_json::to_value(body).ok())
            }
            // Only an admin comes so far as to hear of them.
            Some(Ground::Displaced { yours, theirs }) => {
                let yours: Vec<_> = yours
                    .iter()
                    .map(|(id, revision)| serde_json::json!({ "id": id.0, "revision": revision }))
                    .collect();
                let theirs: Vec<crate::wire::DisplacedRef> = theirs.iter().map(|b| (&**b).into()).collect();
                (Some(serde_json::json!({ "displaces": yours })), Some(serde_json::json!({ "displaces": theirs })))
            }
            None => (None, None),
        };
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        let problem = Problem::request(status, code, title, detail);
        problem.with(|p| {
            (p.outcome, p.attempt, p.retryable, p.retry_after) = (Some("FAILED"), Some(key), true, retry_after);
            (p.yours, p.theirs) = (yours, theirs);
        })
    }

    /// A recorded refusal, shown under the asker's present rights.
    pub async fn rejected(
        app: &App,
        asker: &Asker,
        key: Uuid,
        decision: &Decision,
        rejection: &Rejection,
        command: Option<&Command>,
    ) -> Problem {
        let shown = Shown::of(app, asker, rejection).await;
        let dates = app.date_bodies(asker, &decision.dates).await;
        let status = match rejection.code {
            Code::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::NotAllowed | Code::NotEligible => StatusCode::FORBIDDEN,
            Code::Closed
            | Code::OutsideHours
            | Code::TooEarly
            | Code::PastCutoff
            | Code::Blocked
            | Code::QuotaExceeded
            | Code::OwnOverlap
            | Code::HoldExpired
            | Code::HoldSuperseded
            | Code::HeldByOther
            | Code::Full
            | Code::Insufficient
            | Code::WaitlistFirst => StatusCode::CONFLICT,
        };
        let problem = Problem::request(status, rejection.code.name(), title(rejection.code), &shown.detail);
        let can_wait = match rejection.code {
            Code::Full | Code::Insufficient | Code::HeldByOther | Code::WaitlistFirst => rejection.resource,
            _ => None,
        };
        let can_wait = can_wait.and_then(|id| app.resource(id)).filter(|r| r.spec.policy.waitlist.is_some());
        let waitlist = can_wait.map(|r| format!("/api/waitlist?resource={}", r.id));
        let seen = decision.seen.map(|s| SeenBody {
            epoch: s.version.epoch.0,
            version: s.version.number,
            as_of: time(s.as_of),
        });
        problem.with(|p| {
            p.outcome = Some("REJECTED");
            p.attempt = Some(key);
            p.decided_at = Some(time(decision.decided_at));
            p.seen = seen;
            p.observed = decision.observed.iter().map(|v| ResourceVersion::from(*v)).collect();
            p.decided = decision.decided.iter().map(|v| ResourceVersion::from(*v)).collect();
            if let (Code::Invalid, Some(Rule::Field(field))) = (rejection.code, rejection.rule) {
                p.errors = vec![FieldError::new(field, "not_possible", "cannot be so")];
            }
            p.witness = shown.witness;
            p.dates = dates;
            p.alternatives = command.and_then(|c| alternatives(c, rejection));
            p.waitlist = waitlist;
            p.retry_after = rejection.retry_at.map(|at| at.since(decision.decided_at).seconds_up());
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after.filter(|_| status != StatusCode::UNPROCESSABLE_ENTITY);
        let said = Said { outcome: self.outcome, code: self.code.clone() };
        let mut response = json(status, HeaderValue::from_static("application/problem+json"), &self.0);
        response.extensions_mut().insert(said);
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(0)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<slotwise_engine::StoreError> for Problem {
    fn from(e: slotwise_engine::StoreError) -> Problem {
        tracing::error!("reading the store for a request: {e}");
        Problem::unavailable()
    }
}

/// A refusal in words and with its witness, as far as the asker may know.
pub struct Shown {
    /// The sentence.
    pub detail: String,
    /// The witness.
    pub witness: Option<WitnessBody>,
    /// The kind of resource it is about.
    pub kind: Option<Kind>,
}

impl Shown {
    /// Looks up names and rights.
    pub async fn of(app: &App, asker: &Asker, rejection: &Rejection) -> Shown {
        let resource = rejection.resource.and_then(|id| app.resource(id));
        let spec = resource.as_ref().map(|r| &r.spec);
        let owner = match rejection.witness {
            Some(Witness::Booking { owner, .. }) if owner == asker.id => Some("you".to_owned()),
            Some(Witness::Booking { id, owner, .. })
                if spec.is_some_and(|s| s.kind == Kind::Room)
                    || asker.sees_all()
                    || rejection.resource.is_some_and(|id| asker.manages(id)) =>
            {
                // What cannot be looked up is not told.
                match app.views.booking(id).await.ok().flatten() {
                    Some(booking) if knows_owner(app, asker, &booking).await => app.people.name(owner).await,
                    Some(_) | None => None,
                }
            }
            Some(_) | None => None,
        };
        let reason = match (rejection.resource, rejection.witness) {
            (Some(resource), Some(Witness::Block { id, .. })) => {
                let calendar = app.calendar(resource).await.ok().flatten();
                calendar.and_then(|c| Some(c.blocks.get(&id)?.reason.clone()))
            }
            _ => None,
        };
        let name_of = |id| Some(app.resource(id)?.spec.name.clone());
        Shown::put(rejection, spec, owner, reason.as_deref(), &name_of)
    }

    /// In words, with the name of a witness's owner and the reason of a block, if the reader may know them. `name_of`
    /// tells the names of resources.
    pub fn put(
        rejection: &Rejection,
        spec: Option<&ResourceSpec>,
        owner: Option<String>,
        reason: Option<&str>,
        name_of: &dyn Fn(ResourceId) -> Option<String>,
    ) -> Shown {
        let zone = spec.map_or_else(Zone::utc, |s| s.zone.clone());
        let name = spec.map_or("It", |s| s.name.as_str()).to_owned();
        let kind = spec.map(|s| s.kind);
        let needs = needs(name_of, rejection, spec);
        let detail = sentence(rejection, &name, kind, (owner.as_deref(), reason, &needs), &zone);
        Shown { detail, witness: witness(rejection, owner), kind }
    }
}

/// Records of one booking that are looked at for whether it was ever more than asked for.
const HISTORY_MAX: usize = 1_000;

/// Whether somebody may know whose a booking is that is, or was, in the way: of one that is private, or was only ever asked for, its
/// owner, its guests and whoever oversees it.
pub async fn knows_owner(app: &App, asker: &Asker, booking: &Booking) -> bool {
    let stood = match &booking.state {
        BookingState::Confirmed | BookingState::CheckedIn { .. } | BookingState::NoShow { .. } => true,
        BookingState::Pending { .. } => false,
        BookingState::Cancelled { .. } | BookingState::Displaced { .. } if booking.details.private => false,
        BookingState::Cancelled { .. } | BookingState::Displaced { .. } => {
            let history = app.views.history(booking.id, HISTORY_MAX).await.unwrap_or_default();
            let mut changes = history.iter().flat_map(|record| &record.changes);
            changes.any(|c| c.booking() == Some(booking.id) && state_after(c) == Some("confirmed"))
        }
    };
    asker.sees_inside(booking) || (stood && !booking.details.private)
}

/// What a requirement asks for, or what a section is linked with, in words; nothing if the rules are others by now.
fn needs(name_of: &dyn Fn(ResourceId) -> Option<String>, rejection: &Rejection, spec: Option<&ResourceSpec>) -> String {
    let Some(spec) = spec else { return String::new() };
    match rejection.witness {
        Some(Witness::Requirement { place }) => {
            let Some(requirement) = spec.policy.eligibility.get(usize::from(place)) else { return String::new() };
            let parts = [("all of", &requirement.all), ("one of", &requirement.any), ("none of", &requirement.none)];
            let parts = parts.into_iter().filter(|(_, tags)| !tags.is_empty());
            let parts: Vec<String> = parts.map(|(which, tags)| format!("{which} {}", tags.join(", "))).collect();
            format!("it asks for {}", parts.join(" and "))
        }
        Some(Witness::Linked { place }) => {
            let names = spec.linked.get(usize::from(place)).into_iter().flatten();
            let names: Vec<String> = names.filter_map(|id| name_of(*id)).take(5).collect();
            if names.is_empty() { "one of those it is linked with".into() } else { names.join(" or ") }
        }
        Some(
            Witness::Booking { .. }
            | Witness::Hold { .. }
            | Witness::Block { .. }
            | Witness::Instant(_)
            | Witness::Waiting { .. }
            | Witness::Quota { .. },
        )
        | None => "one of those it is linked with".into(),
    }
}

fn witness(rejection: &Rejection, owner: Option<String>) -> Option<WitnessBody> {
    let resource = rejection.resource.map(|r| r.0);
    let rule = rejection.rule.map(Rule::name);
    let body = match rejection.witness {
        Some(Witness::Booking { id, interval, .. }) => WitnessBody {
            kind: "booking",
            id: Some(id.0),
            start: Some(time(interval.start())),
            end: Some(time(interval.end())),
            owner,
            ..WitnessBody::default()
        },
        Some(Witness::Hold { id, interval, expires_at, .. }) => WitnessBody {
            kind: "hold",
            id: Some(id.0),
            start: Some(time(interval.start())),
            end: Some(time(interval.end())),
            at: Some(time(expires_at)),
            ..WitnessBody::default()
        },
        Some(Witness::Block { id, interval }) => WitnessBody {
            kind: "block",
            id: Some(id.0),
            start: Some(time(interval.start())),
            end: Some(time(interval.end())),
            ..WitnessBody::default()
        },
        Some(Witness::Instant(at)) => WitnessBody { kind: "instant", at: Some(time(at)), ..WitnessBody::default() },
        Some(Witness::Quota { of, counted, most, counts, period }) => WitnessBody {
            kind: "quota",
            id: Some(of.0),
            start: period.map(|(from, _)| time(from)),
            end: period.map(|(_, to)| time(to)),
            counted: Some(amount(counts, counted)),
            most: Some(amount(counts, most.into())),
            counts: Some(counts.into()),
            ..WitnessBody::default()
        },
        Some(Witness::Requirement { place }) => {
            WitnessBody { kind: "requirement", place: Some(place.into()), ..WitnessBody::default() }
        }
        Some(Witness::Linked { place }) => {
            WitnessBody { kind: "linked", place: Some(place.into()), ..WitnessBody::default() }
        }
        // Who it is stays with them.
        Some(Witness::Waiting { place, .. }) => {
            WitnessBody { kind: "waiting", place: Some(place), ..WitnessBody::default() }
        }
        None if rule.is_some() => WitnessBody { kind: "rule", ..WitnessBody::default() },
        None => return None,
    };
    Some(WitnessBody { resource, rule, ..body })
}

/// When, for people, in a zone.
pub fn at_text(t: Instant, zone: &Zone) -> String {
    t.timestamp().to_zoned(zone.rules().clone()).strftime("%a %-d %b %Y, %H:%M").to_string()
}

const fn title(code: Code) -> &'static str {
    match code {
        Code::Invalid => "Not possible",
        Code::NotFound => "Not found",
        Code::NotAllowed => "Not allowed",
        Code::NotEligible => "Not eligible",
        Code::Closed => "Closed",
        Code::OutsideHours => "Outside opening hours",
        Code::TooEarly => "Too early",
        Code::PastCutoff => "Too late",
        Code::Blocked => "Out of use",
        Code::QuotaExceeded => "Limit reached",
        Code::OwnOverlap => "You are booked at that time",
        Code::HoldExpired => "Your hold ended",
        Code::HoldSuperseded => "Your hold is no longer the current one",
        Code::HeldByOther => "Somebody else is booking it",
        Code::Full => "Taken",
        Code::Insufficient => "Not enough left",
        Code::WaitlistFirst => "Kept for people who wait",
    }
}

/// What the person reads: what happened, and what to do next.
fn sentence(
    r: &Rejection,
    name: &str,
    kind: Option<Kind>,
    (owner, reason, needs): (Option<&str>, Option<&str>, &str),
    zone: &Zone,
) -> String {
    let until = match r.witness {
        Some(Witness::Booking { interval, .. } | Witness::Hold { interval, .. } | Witness::Block { interval, .. }) => {
            format!(" until {} ({})", at_text(interval.end(), zone), zone.name())
        }
        Some(
            Witness::Instant(_)
            | Witness::Waiting { .. }
            | Witness::Quota { .. }
            | Witness::Requirement { .. }
            | Witness::Linked { .. },
        )
        | None => String::new(),
    };
    let instant = match r.witness {
        Some(Witness::Instant(at)) => format!("{} ({})", at_text(at, zone), zone.name()),
        _ => String::new(),
    };
    match (r.code, r.rule) {
        (Code::Invalid, Some(Rule::Lines)) => format!("A booking has 1 to {} lines.", Command::LINES_MAX),
        (Code::Invalid, Some(Rule::Units)) => {
            format!("{name} does not have that many units; ask for at least one and no more than it has.")
        }
        (Code::Invalid, Some(Rule::OneInterval)) => format!("{name} has one fixed time; leave start and end out."),
        (Code::Invalid, Some(Rule::IntervalMissing)) => format!("Say from when until when you want {name}."),
        (Code::Invalid, Some(Rule::DurationMax)) => format!("That is longer than {name} may be booked at once."),
        (Code::Invalid, Some(Rule::Seats)) => format!("{name} is too small for so many people. Look for a larger one."),
        (Code::Invalid, Some(Rule::HoldsOff)) => format!("{name} takes no holds; book it directly."),
        (Code::Invalid, Some(Rule::SameBooking)) => "Two different bookings swap places; this is one.".into(),
        (Code::Invalid, Some(Rule::Approval)) => {
            "One of the two waits for approval and the other does not, so they cannot swap places.".into()
        }
        (Code::Invalid, Some(Rule::State)) => {
            "What has become of it does not allow this any more: look at its state.".into()
        }
        (Code::Invalid, Some(Rule::CheckIn)) => format!("{name} asks nobody to check in."),
        (Code::Invalid, Some(Rule::DisplacedMax)) => {
            format!(
                "That would displace more than {} bookings at once. Do it in smaller steps.",
                Command::DISPLACED_MAX
            )
        }
        (Code::Invalid, Some(Rule::Field("reason"))) => {
            "Say why: reason is missing or too long. Whoever is concerned is told.".into()
        }
        (Code::Invalid, Some(Rule::Dates)) => {
            format!("A series has 1 to {} dates, and none meets another.", Series::DATES_MAX)
        }
        (Code::Invalid, Some(Rule::SameSeries)) => "One of the bookings is no date of this series.".into(),
        (Code::Invalid, Some(Rule::WaitlistOff)) => {
            format!("{name} has no waitlist. Look for another, or another time.")
        }
        (Code::Invalid, Some(Rule::Waiting)) => {
            format!("You wait for {name} already. You are told when it is your turn.")
        }
        (Code::Invalid, Some(Rule::UnitsFree)) => format!("{name} has enough left. Book it."),
        (Code::Invalid, Some(Rule::Field(field))) => format!("{field} cannot be so. Nothing was changed."),
        (Code::Invalid, Some(Rule::Group)) => {
            format!("{name} is a group and not booked itself. Choose something in it.")
        }
        (Code::Invalid, Some(Rule::MembersMax)) => {
            format!(
                "{name} has {} resources already, and cannot have more. Make another group.",
                ResourceSpec::MEMBERS_MAX
            )
        }
        (Code::NotFound, Some(Rule::Group)) => "There is no such group.".into(),
        (Code::Invalid, _) => "This can never be done as asked.".into(),
        (Code::NotFound, Some(Rule::Person)) => "There is no such person.".into(),
        (Code::NotFound, Some(Rule::Holder)) => "There is no such hold.".into(),
        (Code::NotFound, _) => "There is no such thing; it may never have existed.".into(),
        (Code::NotAllowed, Some(Rule::AdminOnly)) => {
            "Only an admin may do this, or whoever manages all that it is about.".into()
        }
        (Code::NotAllowed, Some(Rule::LooksOnly)) => "An auditor looks at everything and changes nothing.".into(),
        (Code::NotAllowed, Some(Rule::Owner)) => "Only the owner or an admin may do this.".into(),
        (Code::NotAllowed, Some(Rule::OwnerOfBoth)) => {
            "Only an admin, or somebody who owns both bookings, may swap their places.".into()
        }
        (Code::NotAllowed, Some(Rule::Approval)) => {
            format!(
                "{name} is booked with an admin's approval. Ask for a new booking there, or ask an admin to move this one."
            )
        }
        (Code::NotAllowed, Some(Rule::GivesUp)) => "The booking to be given up is not theirs.".into(),
        (Code::NotAllowed, Some(Rule::Holder)) => "This hold is not yours.".into(),
        (Code::NotAllowed, _) => "You may not do this.".into(),
        (Code::NotEligible, Some(Rule::Linked)) => match r.witness {
            Some(Witness::Booking { .. }) => {
                format!("Another booking needs {name}. Cancel that one first.")
            }
            _ => format!("{name} is booked together with others: add {needs}."),
        },
        (Code::NotEligible, _) if needs.is_empty() => {
            format!("{name} is not open to everybody, and the conditions are not met.")
        }
        (Code::NotEligible, _) => format!("{name} is not open to everybody: {needs}."),
        (Code::Closed, _) => format!("{name} is out of service. Look for another."),
        (Code::OutsideHours, _) => format!("{name} is not open then. Choose a time within its opening hours."),
        (Code::TooEarly, Some(Rule::CheckIn)) => format!("Not yet: that is possible from {instant} on."),
        (Code::TooEarly, _) => format!("Booking opens {instant}."),
        (Code::PastCutoff, Some(Rule::Begun)) => "That time has begun or is over.".into(),
        (Code::PastCutoff, Some(Rule::CheckIn)) => format!("Too late to check in: that was possible before {instant}."),
        (Code::PastCutoff, Some(Rule::CancelBy)) => {
            format!("Too late to cancel: that was possible before {instant}. Ask an admin.")
        }
        (Code::PastCutoff, Some(Rule::ChangeBy)) => {
            format!("Too late to change: that was possible before {instant}. Ask an admin.")
        }
        (Code::PastCutoff, _) => format!("Too late to book: that was possible before {instant}."),
        (Code::Blocked, _) => match reason {
            Some(reason) => format!("{name} is out of use{until}: {reason}"),
            None => format!("{name} is out of use{until}."),
        },
        (Code::QuotaExceeded, Some(Rule::HoldsPerPerson)) => {
            format!("You hold {} things already. Confirm or release one first.", Policy::HOLDS_PER_PERSON_MAX)
        }
        (Code::QuotaExceeded, Some(Rule::Quota)) => match r.witness {
            Some(Witness::Quota { counted, most, counts, period, .. }) => {
                let within = period.map_or_else(String::new, |(from, to)| {
                    format!(" from {} to {} ({})", at_text(from, zone), at_text(to, zone), zone.name())
                });
                let (most, counted) = (amount(counts, most.into()), amount(counts, counted));
                let what = match counts {
                    Measure::Units => "",
                    Measure::Credits => " credits",
                };
                format!(
                    "{most}{what} may be booked per person{within}, and {counted} are. Cancel one first, or choose another time."
                )
            }
            _ => "The limit per person is reached.".into(),
        },
        (Code::QuotaExceeded, Some(Rule::WaitlistCapacity)) => {
            format!("As many wait for {name} as may. Look for another, or another time.")
        }
        (Code::QuotaExceeded, Some(Rule::EntriesPerPerson)) => {
            format!("You wait for {} things already. Leave one of them first.", Waitlist::PER_PERSON_MAX)
        }
        (Code::QuotaExceeded, _) => {
            "This hold cannot be kept any longer. Confirm now, or take a new one when it ends.".into()
        }
        (Code::OwnOverlap, _) => {
            "You have another booking at that time. Cancel it first, or choose another time.".into()
        }
        (Code::HoldExpired, _) => format!("Your hold ended {instant}. Take it again if it is still free."),
        (Code::HoldSuperseded, _) => {
            "This hold is no longer the current one. Look again, and take it anew if it is free.".into()
        }
        (Code::HeldByOther, _) => match kind {
            Some(Kind::Room) | None => "Another teacher is currently booking. Please wait and try again.".into(),
            Some(Kind::Section | Kind::Session | Kind::Equipment | Kind::Group) => {
                "Somebody else is currently booking. Please wait and try again.".into()
            }
        },
        (Code::Full, _) => match (kind, owner) {
            (Some(Kind::Room), Some(owner)) => format!("Room already booked by {owner}{until}."),
            (Some(Kind::Room), None) => format!("{name} is already booked{until}."),
            (_, Some("you")) => format!("{name} is full, and you are in it{until}."),
            (_, _) => format!("{name} is full. Look for another, or another time."),
        },
        (Code::Insufficient, Some(Rule::Field(_))) => {
            format!(
                "More of {name} is in use than that. Choose a higher capacity, over-commit it, or displace bookings."
            )
        }
        (Code::Insufficient, _) => format!("{name} has something left, but less than you ask for. Ask for fewer."),
        (Code::WaitlistFirst, _) => {
            format!("What is left of {name} is kept for people who wait. Join them, or look for another.")
        }
    }
}

/// What an admin's word is about, or the command itself.
fn asked(action: &Action) -> &Action {
    match action {
        Action::Override { action, .. } => action,
        action => action,
    }
}

/// Where to look for what is free instead, by what was asked and refused.
fn alternatives(command: &Command, rejection: &Rejection) -> Option<String> {
    let (line, people) = match asked(&command.action) {
        Action::Book { lines, details, .. } => {
            let refused = lines.iter().find(|line| Some(line.resource) == rejection.resource);
            (*refused.or_else(|| lines.first())?, details.people)
        }
        Action::Move { to, .. } => {
            let refused = to.iter().find(|line| Some(line.resource) == rejection.resource);
            (*refused.or_else(|| to.first())?, None)
        }
        Action::Hold { line, .. } => (*line, None),
        _ => return None,
    };
    // What is not there has no alternative.
    if rejection.code == Code::NotFound {
        return None;
    }
    let times = line.interval.map(|i| format!("&start={}&end={}", time(i.start()), time(i.end()))).unwrap_or_default();
    let people = people.map(|n| format!("&people={n}")).unwrap_or_default();
    Some(format!("/api/alternatives?resource={}{times}&units={}{people}", line.resource, line.units))
}

/// Which resource a refused command is about, for whoever tells the loser.
pub fn subject_of(command: &Command, rejection: Option<&Rejection>) -> Option<ResourceId> {
    rejection.and_then(|r| r.resource).or_else(|| match asked(&command.action) {
        Action::Book { lines, .. } => lines.first().map(|l| l.resource),
        Action::Move { to, .. } => to.first().map(|l| l.resource),
        Action::Hold { line, .. } => Some(line.resource),
        _ => None,
    })
}
