//! What every handler shares, and the one way an attempt takes from a handler to the engine and back.
//! It knows no store by name and keeps nothing that is true.

use crate::access::scope_missing;
use crate::api;
use crate::auth::{Asker, DemoSessions, Seen};
use crate::crowd::Crowds;
use crate::listen::Bounds;
use crate::mail::Links;
use crate::oidc::Provider;
use crate::password::Passwords;
use crate::people::People;
use crate::problem::{Problem, Shown, subject_of};
use crate::rate::Rates;
use crate::realtime::{Conflict, Realtime};
use crate::requests::Said;
use crate::site::Site;
use crate::wire::{
    BlockBody, BookingBody, DateBody, EntryBody, HoldBody, PersonBody, ResourceBody, ResourceVersion, time,
};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slotwise_domain::{
    Action, Became, Booking, BookingId, Calendar, Command, DateSaid, Decision, FailureCode, Fingerprint, HoldEnd, Kind,
    Outcome, Resource, ResourceId, Role, Scope, Slot, Subject,
};
use slotwise_engine::catalogue;
use slotwise_engine::{Accounts, Answer, Directory, Engine, Made, NoAnswer, Post, Recorded, Request, Scopes, Views};
use std::ops::Deref;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Shared by all handlers; each layer and handler has a share of the one.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// Of these parts.
    pub fn new(parts: Parts) -> App {
        App(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What all handlers share.
pub struct Parts {
    /// Takes attempts to their outcomes.
    pub engine: Arc<Engine>,
    /// Lists.
    pub views: Arc<dyn Views>,
    /// Who people are.
    pub directory: Arc<dyn Directory>,
    /// How they come in.
    pub accounts: Arc<dyn Accounts>,
    /// What of it was noted as used.
    pub seen: Seen,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// A provider that people may sign in with.
    pub provider: Option<Provider>,
    /// The way to those who write letters with links, if letters are sent.
    pub links: Option<Links>,
    /// The address of this server in links, without a slash at its end: never what a request says it is.
    pub base: String,
    /// How they are told of notices.
    pub post: Arc<dyn Post>,
    /// Their names, remembered for a moment.
    pub people: Arc<People>,
    /// Sockets.
    pub realtime: Realtime,
    /// With `--demo`: who somebody chose to be.
    pub demo: Option<Arc<DemoSessions>>,
    /// Crowds sent; nobody can send one without `--demo`.
    pub crowds: Arc<Crowds>,
    /// What `/metrics` says.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// What operators should look at, though it may be relied on.
    pub warnings: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// How fast people and addresses may ask.
    pub rates: Arc<Rates>,
    /// What a request may cost.
    pub bounds: Bounds,
    /// Where this server is reached.
    pub site: Arc<Site>,
}

/// What is told of an accepted attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedBody {
    /// `BOOKED`, or `ACCEPTED` for what does not book.
    pub outcome: &'static str,
    /// The attempt's key.
    pub attempt: Uuid,
    /// The decision instant.
    pub decided_at: String,
    /// The versions it made.
    pub versions: Vec<ResourceVersion>,
    /// The booking it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking: Option<BookingBody>,
    /// The two bookings that took each other's places, in the order they were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bookings: Vec<BookingBody>,
    /// The series it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Uuid>,
    /// What became of each date of the series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateBody>,
    /// The hold it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldBody>,
    /// How that hold ended, if it did: `released`, `expired`, `consumed`, `superseded` or `voided`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_ended: Option<&'static str>,
    /// The resource it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceBody>,
    /// The block it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockBody>,
    /// The place in a waitlist it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryBody>,
    /// The resource's policy version after a block was added or removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<u64>,
}

/// What could not be asked, as things are now.
pub struct NotAsked {
    /// What it is known by, if that could be told: whoever sends it again is told what they were told before.
    print: Option<Fingerprint>,
    problem: Problem,
}

impl NotAsked {
    /// Something that is known by this.
    pub const fn of(print: Fingerprint, problem: Problem) -> NotAsked {
        NotAsked { print: Some(print), problem }
    }
}

impl From<Problem> for NotAsked {
    fn from(problem: Problem) -> NotAsked {
        NotAsked { print: None, problem }
    }
}

impl From<NotAsked> for Problem {
    fn from(not: NotAsked) -> Problem {
        not.problem
    }
}

/// An answer before it becomes a response.
pub enum Told {
    /// Accepted: the body, whether it made something new, whether it was decided before.
    Accepted(Box<AcceptedBody>, bool, bool),
    /// Anything else, and whether it was decided before.
    Problem(Problem, bool),
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        match self {
            Told::Accepted(body, made, replayed) => {
                let status = accepted_status(made, replayed);
                let location = match &*body {
                    AcceptedBody { booking: Some(b), .. } => Some(format!("/api/bookings/{}", b.id)),
                    AcceptedBody { resource: Some(r), .. } => Some(format!("/api/resources/{}", r.id)),
                    AcceptedBody { series: Some(id), .. } => Some(format!("/api/series/{id}")),
                    AcceptedBody { entry: Some(EntryBody { id: Some(id), .. }), .. } => {
                        Some(format!("/api/waitlist/{id}"))
                    }
                    _ => None,
                };
                let etag = match &*body {
                    AcceptedBody { booking: Some(b), .. } => Some(format!("\"{}\"", b.revision)),
                    AcceptedBody { resource: Some(r), .. } => Some(resource_etag(r)),
                    _ => None,
                };
                let said = Said { outcome: Some(body.outcome), code: String::new() };
                let mut response = json(status, HeaderValue::from_static("application/json"), &body);
                response.extensions_mut().insert(said);
                if let Some(location) = location.filter(|_| made).and_then(|l| HeaderValue::from_str(&l).ok()) {
                    response.headers_mut().insert(header::LOCATION, location);
                }
                if let Some(etag) = etag.and_then(|e| HeaderValue::from_str(&e).ok()) {
                    response.headers_mut().insert(header::ETAG, etag);
                }
                mark_replay(response, replayed)
            }
            Told::Problem(problem, replayed) => mark_replay(problem.into_response(), replayed),
        }
    }
}

/// Bytes that most answers to an attempt fit in, and headers of one: neither grows while it is filled.
const ANSWER_BYTES: usize = 1_024;
const ANSWER_HEADERS: usize = 12;

/// An answer of JSON, written at once.
pub fn json(status: StatusCode, content_type: HeaderValue, body: &impl Serialize) -> Response {
    let mut text = Vec::with_capacity(ANSWER_BYTES);
    // Our own types always serialise: they hold strings, numbers and lists.
    drop(serde_json::to_writer(&mut text, body));
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().reserve(ANSWER_HEADERS);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The status of what was accepted: whether it made something new, whether it was decided before.
pub const fn accepted_status(made: bool, replayed: bool) -> StatusCode {
    if made && !replayed { StatusCode::CREATED } else { StatusCode::OK }
}

/// Says of an answer that it was decided before.
pub fn mark_replay(mut response: Response, replayed: bool) -> Response {
    if replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// The entity tag of a resource: its stored state.
pub fn resource_etag(r: &ResourceBody) -> String {
    format!("\"e{}-v{}\"", r.epoch, r.version)
}

impl App {
    /// Takes a command to its outcome and says it. A refusal because somebody was faster is told to the loser's own sockets too.
    pub async fn attempt(
        &self,
        asker: &Asker,
        key: Uuid,
        fingerprint: Fingerprint,
        command: Command,
    ) -> Result<Told, Problem> {
        self.rates.attempts(asker, bookings_of(&command.action))?;
        self.within_scopes(asker, &command).await?;
        let asked = command.clone();
        let answer = self.engine.execute(Request { key, fingerprint, command }).await;
        self.conclude(asker, key, answer, &asked).await
    }

    /// Takes many commands to their outcomes and says them, in their order.
    pub async fn attempts(&self, asker: &Asker, requests: Vec<Request>) -> Result<Vec<Told>, Problem> {
        self.rates.attempts(asker, requests.iter().map(|r| bookings_of(&r.command.action)).sum())?;
        let (mut sent, mut asked) = (Vec::with_capacity(requests.len()), Vec::with_capacity(requests.len()));
        for request in requests {
            // Each stands for itself: what the key may not do is not sent, and the others are.
            let within = self.within_scopes(asker, &request.command).await;
            asked.push((request.key, request.command.clone(), within.as_ref().err().cloned()));
            sent.extend(within.is_ok().then_some(request));
        }
        let mut answers = self.engine.execute_all(sent).await.into_iter();
        let mut told = Vec::with_capacity(asked.len());
        for (key, asked, beyond) in &asked {
            // What cannot be shown was decided all the same, and spoils none of the others.
            let shown = match (beyond, beyond.is_none().then(|| answers.next()).flatten()) {
                (Some(problem), _) => Err(problem.clone()),
                (None, Some(answer)) => self.conclude(asker, *key, answer, asked).await,
                (None, None) => Ok(Told::Problem(Problem::no_answer(NoAnswer::NotYet, *key), false)),
            };
            told.push(shown.unwrap_or_else(|problem| Told::Problem(problem, false)));
        }
        Ok(told)
    }

    /// Takes a command to its outcome, if it could be asked; otherwise says what was said under its key before, if anything was.
    pub async fn attempt_asked(
        &self,
        asker: &Asker,
        key: Uuid,
        asked: Result<(Fingerprint, Command), NotAsked>,
    ) -> Result<Told, Problem> {
        match asked {
            Ok((print, command)) => self.attempt(asker, key, print, command).await,
            Err(not) => self.told_before(asker, key, not).await,
        }
    }

    /// What was said under a key before, though it could not be asked now.
    pub async fn told_before(&self, asker: &Asker, key: Uuid, not: NotAsked) -> Result<Told, Problem> {
        let Some(print) = not.print else { return Err(not.problem) };
        let standing = self.engine.standing(asker.id.0, key).await?;
        let no = match &standing.recorded {
            Some(recorded) if recorded.fingerprint == print => {
                let made = self.present(&recorded.decision).await?;
                return self.decided(asker, recorded, made, true, None).await;
            }
            Some(_) => Some(NoAnswer::KeyReused),
            None if standing.running => Some(NoAnswer::InProgress),
            None => standing.lost,
        };
        match no {
            Some(no) => Ok(Told::Problem(Problem::no_answer(no, key), false)),
            None => Err(not.problem),
        }
    }

    /// Whether somebody's key allows a command, as at its own endpoint. One without `manage` of somebody who may more than a member
    /// does no more than a member: what is their own, by the rules.
    pub async fn within_scopes(&self, asker: &Asker, command: &Command) -> Result<(), Problem> {
        let needs = scope_of(&command.action);
        if !asker.scopes.allow(needs) {
            return Err(scope_missing(needs));
        }
        let more = match asker.role {
            Role::Admin | Role::Manager => true,
            Role::Member | Role::Auditor => false,
        };
        if !more || asker.scopes.allow(Scopes::MANAGE) {
            return Ok(());
        }
        let own = match &command.action {
            Action::Book { owner, .. } => *owner == asker.id,
            Action::JoinWaitlist { owner, class, .. } => *owner == asker.id && *class == 0,
            Action::BookSeries(series) => series.owner == asker.id,
            Action::Hold { .. } | Action::Renew(_) | Action::Release(_) => true,
            Action::Cancel { booking, .. } | Action::EditBooking { booking, .. } | Action::CheckIn { booking } => {
                self.owns(asker, &[*booking]).await?
            }
            Action::Move { booking, .. } => self.owns(asker, &[booking.id]).await?,
            Action::Swap { one, other } => self.owns(asker, &[one.id, other.id]).await?,
            Action::EditSeries { bookings, .. } => {
                self.owns(asker, &bookings.iter().map(|b| b.id).collect::<Vec<_>>()).await?
            }
            Action::LeaveWaitlist { entry } => {
                let theirs = self.views.entries_of(asker.id, usize::from(u16::MAX)).await?;
                theirs.iter().any(|(known, _)| known.id == *entry)
            }
            Action::CreateResource { .. }
            | Action::EditResource { .. }
            | Action::AddBlock { .. }
            | Action::RemoveBlock { .. }
            | Action::Approve { .. }
            | Action::ExpireHolds { .. }
            | Action::ReleaseNoShow { .. }
            | Action::SetHold { .. }
            | Action::Decline { .. }
            | Action::HandOver { .. }
            | Action::SetCapacity { .. }
            | Action::SetService { .. }
            | Action::Override { .. }
            | Action::SetClass { .. } => false,
        };
        if own { Ok(()) } else { Err(scope_missing(Scopes::MANAGE)) }
    }

    async fn owns(&self, asker: &Asker, bookings: &[BookingId]) -> Result<bool, Problem> {
        for id in bookings {
            // What is not there is for the decision to say.
            if self.views.booking(*id).await?.is_some_and(|booking| booking.owner != asker.id) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn conclude(&self, asker: &Asker, key: Uuid, answer: Answer, asked: &Command) -> Result<Told, Problem> {
        let fought_over = match &answer {
            Answer::Decided(recorded, _) => match &recorded.decision.outcome {
                Outcome::Rejected(r) if r.code.is_conflict() => subject_of(asked, Some(r)),
                _ => None,
            },
            Answer::Failed(failure) if failure.code == FailureCode::Conflict => subject_of(asked, None),
            _ => None,
        };
        let told = self.tell(asker, key, answer, Some(asked)).await?;
        if let (Some(resource), Told::Problem(problem, _)) = (fought_over, &told) {
            self.realtime.conflict(|| Conflict { person: asker.id, resource, problem: problem.clone() });
        }
        Ok(told)
    }

    async fn tell(&self, asker: &Asker, key: Uuid, answer: Answer, asked: Option<&Command>) -> Result<Told, Problem> {
        match answer {
            Answer::Decided(recorded, made) => self.decided(asker, &recorded, made, false, asked).await,
            Answer::Replayed(recorded) => {
                let made = self.present(&recorded.decision).await?;
                self.decided(asker, &recorded, made, true, asked).await
            }
            Answer::Failed(failure) => Ok(Told::Problem(Problem::failed(self, &failure, key, asker).await, false)),
            Answer::None(no) => Ok(Told::Problem(Problem::no_answer(no, key), false)),
        }
    }

    /// A recorded decision, shown under the asker's present rights.
    pub async fn decided(
        &self,
        asker: &Asker,
        recorded: &Recorded,
        made: Option<Made>,
        replayed: bool,
        asked: Option<&Command>,
    ) -> Result<Told, Problem> {
        let (key, decision) = (recorded.key.key, &recorded.decision);
        if let Outcome::Rejected(rejection) = &decision.outcome {
            let problem = Problem::rejected(self, asker, key, decision, rejection, asked).await;
            return Ok(Told::Problem(problem, replayed));
        }
        let now = self.engine.now();
        let mut body = AcceptedBody {
            outcome: decision.outcome.name(),
            attempt: key,
            decided_at: time(decision.decided_at),
            versions: decision.decided.iter().map(|v| ResourceVersion::from(*v)).collect(),
            booking: None,
            bookings: Vec::new(),
            series: None,
            dates: Vec::new(),
            hold: None,
            hold_ended: None,
            resource: None,
            block: None,
            entry: None,
            policy_version: None,
        };
        match made {
            Some(Made::Booking(booking)) => body.booking = Some(self.booking_body(asker, &booking).await),
            Some(Made::Bookings(one, other)) => {
                for booking in [one, other] {
                    body.bookings.push(self.booking_body(asker, &booking).await);
                }
            }
            Some(Made::Hold(hold, end)) => {
                body.hold = Some(HoldBody::of(&hold, hold.holder == asker.id, now));
                body.hold_ended = end.map(end_name);
            }
            Some(Made::Resource(calendar)) => body.resource = Some(ResourceBody::of_calendar(&calendar, now)),
            Some(Made::Block(_, block, policy_version)) => {
                body.block = Some(BlockBody::from(&block));
                body.policy_version = Some(policy_version);
            }
            Some(Made::Entry(entry, end, _)) => {
                let calendar = self.calendar(entry.resource).await?;
                body.entry = Some(api::waitlist::body(self, asker, &entry, end, calendar.as_ref()).await);
            }
            None => {}
        }
        if let Some(Subject::Series(id)) = decision.subject {
            body.series = Some(id.0);
            body.dates = self.date_bodies(asker, &decision.dates).await;
        }
        let new = asked.is_none_or(|c| makes(&c.action));
        Ok(Told::Accepted(Box::new(body), new, replayed))
    }

    /// What a decision is about, as it is now.
    pub async fn present(&self, decision: &Decision) -> Result<Option<Made>, Problem> {
        let Some(subject) = decision.subject else { return Ok(None) };
        match subject {
            Subject::Booking(id) => return Ok(self.views.booking(id).await?.map(Made::Booking)),
            Subject::Bookings(one, other) => {
                let both = (self.views.booking(one).await?, self.views.booking(other).await?);
                return Ok(both.0.zip(both.1).map(|(one, other)| Made::Bookings(one, other)));
            }
            Subject::Series(_) => return Ok(None),
            Subject::Hold(..) | Subject::Resource(_) | Subject::Block(..) | Subject::Entry(..) => {}
        }
        let mut scope = Scope::default();
        match subject {
            Subject::Hold(_, id) => scope.holds.extend([id]),
            Subject::Entry(_, id) => scope.entries.extend([id]),
            Subject::Resource(id) | Subject::Block(id, _) => scope.resources.extend([id]),
            Subject::Booking(id) => scope.bookings.extend([id]),
            Subject::Bookings(one, other) => scope.bookings.extend([one, other]),
            Subject::Series(_) => {}
        }
        let world = self.engine.look(scope).await?;
        Ok(slotwise_engine::round::made(&world, subject))
    }

    /// A resource as it is, without what is taken of it.
    pub fn resource(&self, id: ResourceId) -> Option<Arc<Resource>> {
        catalogue::read(self.views.catalogue()).resource(id).cloned()
    }

    /// A booking as the asker may see it.
    pub async fn booking_body(&self, asker: &Asker, booking: &Booking) -> BookingBody {
        let is_room = |s: &Slot| self.resource(s.resource).is_some_and(|r| r.spec.kind == Kind::Room);
        let shown = asker.sees_owner(booking, booking.slots.iter().all(is_room));
        let inside = asker.sees_inside(booking);
        let owner = if shown { self.people.name(booking.owner).await } else { None };
        let owner = owner.map(|name| PersonBody { id: booking.owner.0, name });
        let mine = booking.owner == asker.id;
        BookingBody::of(booking, &|id| self.resource(id), owner, inside, mine, self.engine.now())
    }

    /// A resource with what is taken of it.
    pub async fn calendar(&self, id: ResourceId) -> Result<Option<Arc<Calendar>>, Problem> {
        let world = self.engine.look(Scope { resources: [id].into(), ..Scope::default() }).await?;
        Ok(world.calendars.get(&id).cloned())
    }

    /// The same, where it must exist.
    pub async fn known_calendar(&self, id: ResourceId) -> Result<Arc<Calendar>, Problem> {
        self.calendar(id).await?.ok_or_else(|| Problem::not_found("resource"))
    }

    /// What was said of each date of a series, as the asker may see it.
    pub async fn date_bodies(&self, asker: &Asker, dates: &[DateSaid]) -> Vec<DateBody> {
        let mut bodies = Vec::with_capacity(dates.len());
        for said in dates {
            let refused = match &said.became {
                Became::Refused(rejection) => Some((rejection.code, self.shown(asker, rejection).await)),
                Became::Booked(_)
                | Became::Elsewhere(..)
                | Became::Free
                | Became::Changed(_)
                | Became::Untouched(_) => None,
            };
            bodies.push(DateBody::of(said, refused));
        }
        bodies
    }

    /// A refusal that was not recorded, in words: for search.
    pub async fn shown(&self, asker: &Asker, rejection: &slotwise_domain::Rejection) -> Shown {
        Shown::of(self, asker, rejection).await
    }
}

/// How many bookings a command may write: what its sender is charged for.
pub fn bookings_of(action: &slotwise_domain::Action) -> usize {
    use slotwise_domain::{Action, Below, OverBookings};
    match action {
        Action::BookSeries(asked) => asked.dates.len().max(1),
        Action::EditSeries { bookings, .. } => bookings.len().max(1),
        Action::Override { action, displaces, .. } => bookings_of(action) + displaces.len(),
        Action::AddBlock { over_bookings: OverBookings::Displace(preview), .. }
        | Action::SetCapacity { below: Below::DisplaceNewest(preview) | Below::DisplaceNamed(preview), .. } => {
            preview.len().max(1)
        }
        Action::CreateResource { .. }
        | Action::EditResource { .. }
        | Action::AddBlock { over_bookings: OverBookings::Refuse, .. }
        | Action::SetCapacity { below: Below::Refuse | Below::OverCommit, .. }
        | Action::SetService { .. }
        | Action::CheckIn { .. }
        | Action::ReleaseNoShow { .. }
        | Action::Decline { .. }
        | Action::HandOver { .. }
        | Action::RemoveBlock { .. }
        | Action::Book { .. }
        | Action::Approve { .. }
        | Action::Cancel { .. }
        | Action::Move { .. }
        | Action::Swap { .. }
        | Action::EditBooking { .. }
        | Action::Hold { .. }
        | Action::Renew(_)
        | Action::Release(_)
        | Action::SetHold { .. }
        | Action::ExpireHolds { .. }
        | Action::JoinWaitlist { .. }
        | Action::LeaveWaitlist { .. }
        | Action::SetClass { .. } => 1,
    }
}

/// What a key must allow for a command to be sent at its own endpoint.
const fn scope_of(action: &Action) -> Scopes {
    match action {
        Action::Book { .. }
        | Action::BookSeries(_)
        | Action::JoinWaitlist { .. }
        | Action::LeaveWaitlist { .. }
        | Action::Hold { .. }
        | Action::Renew(_)
        | Action::Release(_)
        | Action::Cancel { .. }
        | Action::CheckIn { .. }
        | Action::EditBooking { .. }
        | Action::EditSeries { .. }
        | Action::Move { .. }
        | Action::Swap { .. } => Scopes::BOOK,
        Action::Override { action, .. } => scope_of(action),
        Action::CreateResource { .. }
        | Action::EditResource { .. }
        | Action::AddBlock { .. }
        | Action::RemoveBlock { .. }
        | Action::Approve { .. }
        | Action::ExpireHolds { .. }
        | Action::ReleaseNoShow { .. }
        | Action::SetHold { .. }
        | Action::Decline { .. }
        | Action::HandOver { .. }
        | Action::SetCapacity { .. }
        | Action::SetService { .. }
        | Action::SetClass { .. } => Scopes::MANAGE,
    }
}

/// Whether an accepted command makes something that has an address.
pub const fn makes(action: &slotwise_domain::Action) -> bool {
    use slotwise_domain::Action;
    match action {
        Action::CreateResource { .. }
        | Action::AddBlock { .. }
        | Action::Book { .. }
        | Action::Hold { .. }
        | Action::BookSeries(_)
        | Action::JoinWaitlist { .. } => true,
        Action::Override { action, .. } => makes(action),
        Action::EditResource { .. }
        | Action::RemoveBlock { .. }
        | Action::Approve { .. }
        | Action::Cancel { .. }
        | Action::Move { .. }
        | Action::Swap { .. }
        | Action::EditBooking { .. }
        | Action::EditSeries { .. }
        | Action::Renew(_)
        | Action::Release(_)
        | Action::SetHold { .. }
        | Action::ExpireHolds { .. }
        | Action::CheckIn { .. }
        | Action::ReleaseNoShow { .. }
        | Action::Decline { .. }
        | Action::HandOver { .. }
        | Action::SetCapacity { .. }
        | Action::SetService { .. }
        | Action::LeaveWaitlist { .. }
        | Action::SetClass { .. } => false,
    }
}

/// How a hold ended, in JSON.
pub const fn end_name(end: HoldEnd) -> &'static str {
    match end {
        HoldEnd::Expired => "expired",
        HoldEnd::Released => "released",
        HoldEnd::Consumed => "consumed",
        HoldEnd::Superseded => "superseded",
        HoldEnd::Voided => "voided",
    }
}
