//! A plan: the sections somebody means to register for, one choice a line. Checked before the window opens, and registered for at
//! once: all of it in one attempt, or line by line. It judges nothing: what it tells are judgements and outcomes.

use super::attempts::{AttemptAnswer, answer};
use super::search::ReasonBody;
use super::{Problems, bookings};
use crate::app::{App, Told};
use crate::auth::Asker;
use crate::extract::{Body, IfMatch, check_key};
use crate::problem::{FieldError, Problem};
use crate::wire::{BookingRequest, LineRequest, time};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use slotwise_domain::course::clash;
use slotwise_domain::{
    Action, Code, Command, EntryId, Instant, Kind, Line, Outcome, OwnOverlap, Rejection, Resource, ResourceId, Witness,
};
use slotwise_engine::round::Judged;
use slotwise_engine::{Plan, PlanPut, Request, ResourceFilter, catalogue};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Lines of a plan, and sections of all its lines together: what one command can hold.
const LINES_MAX: usize = Command::LINES_MAX;
/// Ways out told of one refusal.
const FIXES_MAX: usize = 3;
/// Other sections that are tried for one refusal.
const TRIED_MAX: usize = 12;
/// Windows that open one after the other.
const OPENINGS_MAX: usize = 20;

/// What somebody means to register for.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// 1 to 20, with at most 20 sections together.
    #[schema(max_items = 20)]
    lines: Vec<PlanLine>,
    /// For whom, if not for oneself; admins only.
    #[serde(rename = "for")]
    for_person: Option<Uuid>,
}

/// One choice: a section, with what goes with it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanLine {
    /// The sections: such as a lecture and its discussion.
    sections: Vec<Uuid>,
}

/// A plan as it is kept, the same wherever somebody signs in.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeptPlanRequest {
    /// At most 20, with at most 20 sections together. What is full, closed or at one time may stand in it.
    #[schema(max_items = 20)]
    lines: Vec<PlanLine>,
}

/// A plan as it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeptPlanBody {
    /// Its lines.
    lines: Vec<PlanLine>,
    /// Changes name it in `If-Match`; 0 while there never was one.
    version: u64,
    /// The server's clock.
    as_of: String,
}

impl KeptPlanBody {
    fn of(app: &App, plan: &Plan, version: u64) -> KeptPlanBody {
        let lines = plan.iter().map(|line| PlanLine { sections: ids(line) }).collect();
        KeptPlanBody { lines, version, as_of: time(app.engine.now()) }
    }
}

/// One's own plan.
#[utoipa::path(get, operation_id = "read_plan", path = "/api/plan", tag = "courses",
    responses((status = 200, body = KeptPlanBody), Problems))]
pub async fn show(State(app): State<App>, asker: Asker) -> Result<Json<KeptPlanBody>, Problem> {
    let (plan, version) = app.directory.plan(asker.id).await?;
    Ok(Json(KeptPlanBody::of(&app, &plan, version)))
}

/// Puts all of one's own plan in the place of what it was. It holds no seat and is no attempt.
#[utoipa::path(put, operation_id = "put_plan", path = "/api/plan", tag = "courses", request_body = KeptPlanRequest,
    params(("If-Match" = String, Header, description = "the version")),
    responses((status = 200, body = KeptPlanBody), Problems))]
pub async fn put(
    State(app): State<App>,
    asker: Asker,
    IfMatch(version): IfMatch,
    Body(body): Body<KeptPlanRequest>,
) -> Result<Json<KeptPlanBody>, Problem> {
    let plan = match body.lines.is_empty() {
        true => Plan::new(),
        false => read(&PlanRequest { lines: body.lines, for_person: None })?,
    };
    for (n, line) in plan.iter().enumerate() {
        let unknown = line.iter().find(|id| app.resource(**id).is_none_or(|r| r.spec.kind != Kind::Section));
        if let Some(unknown) = unknown {
            let says = format!("names {unknown}, which is no section");
            return Err(Problem::field(FieldError::new(&format!("lines[{n}].sections"), "not_found", &says)));
        }
    }
    match app.directory.put_plan(asker.id, version, plan.clone()).await? {
        PlanPut::Put(version) => Ok(Json(KeptPlanBody::of(&app, &plan, version))),
        PlanPut::NoPerson => Err(Problem::not_found("person")),
        PlanPut::Moved(theirs, at) => {
            let detail = "Your plan was changed elsewhere after you opened it. Nothing was changed; compare both and decide again.";
            let problem =
                Problem::request(StatusCode::PRECONDITION_FAILED, "version_stale", "Changed meanwhile", detail);
            Err(problem.with(|p| {
                (p.outcome, p.retryable) = (Some("FAILED"), true);
                p.yours = Some(json!({ "version": version }));
                p.theirs = serde_json::to_value(KeptPlanBody::of(&app, &theirs, at)).ok();
            }))
        }
    }
}

/// What registering would come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct WouldBe {
    /// `BOOKED`, `REJECTED` or `FAILED`, once all of it is open.
    would: &'static str,
    /// Why not.
    reason: Option<ReasonBody>,
    /// When the last of it opens; null if all of it is open now. What is told holds for then, if nothing changes.
    opens_at: Option<String>,
    /// What would be had instead, each found to be possible now.
    fixes: Vec<FixBody>,
}

/// A way out of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct FixBody {
    /// `instead`: these sections can be had; `add`: these can be, with what was missing; `wait`: this section has a waitlist one could join.
    fix: &'static str,
    /// The sections.
    sections: Vec<Uuid>,
    /// What to say of it.
    detail: String,
}

/// A line, and what registering for it alone would come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedLine {
    /// The sections.
    sections: Vec<Uuid>,
    /// Lines of the plan, from 0, at whose times it meets.
    clashes_with: Vec<usize>,
    /// What it would come to.
    #[serde(flatten)]
    checked: WouldBe,
}

/// A plan that was checked.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedBody {
    /// All of it in one attempt.
    together: WouldBe,
    /// Each line alone, in the order of the plan.
    lines: Vec<CheckedLine>,
    /// What the sections count for, as far as they say so.
    credits: f64,
    /// The server's clock: count down from it, not from your own.
    as_of: String,
}

/// Says what registering for a plan would come to, all of it and line by line, as soon as all of it is open. Nothing is recorded
/// or kept for anybody.
#[utoipa::path(post, operation_id = "check_plan", path = "/api/plan/check", tag = "courses", request_body = PlanRequest,
    responses((status = 200, body = CheckedBody), Problems))]
pub async fn check(
    State(app): State<App>,
    asker: Asker,
    Body(plan): Body<PlanRequest>,
) -> Result<Json<CheckedBody>, Problem> {
    let lines = read(&plan)?;
    app.rates.attempts(&asker, lines.len() + 1)?;
    // Why is said when it is registered for.
    let planner = Planner { app: &app, asker: &asker, for_person: plan.for_person, reason: Some("preview".to_owned()) };
    let together = planner.would_be(&lines.concat()).await?;
    let mut checked = Vec::with_capacity(lines.len());
    for (n, line) in lines.iter().enumerate() {
        let others = lines.iter().enumerate().filter(|(m, other)| *m != n && planner.clash(line, other));
        let clashes_with = others.map(|(m, _)| m).collect();
        checked.push(CheckedLine { sections: ids(line), clashes_with, checked: planner.would_be(line).await? });
    }
    let credits: u32 = lines
        .iter()
        .flatten()
        .filter_map(|id| Some(u32::from(app.resource(*id)?.spec.course.as_ref()?.credits?)))
        .sum();
    Ok(Json(CheckedBody {
        together,
        lines: checked,
        credits: f64::from(credits) / 100.0,
        as_of: time(app.engine.now()),
    }))
}

/// How a plan is registered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanContract {
    /// All lines in one attempt and one booking, or none.
    AllOrNothing,
    /// Each line an attempt of its own.
    LineByLine,
}

/// Registration for a plan.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// How.
    contract: PlanContract,
    /// UUIDv7s of the client's, as in `Idempotency-Key`: one for each line, or one for all of it. The same keys again get the same
    /// answers.
    keys: Vec<Uuid>,
    /// 1 to 20, with at most 20 sections together.
    #[schema(max_items = 20)]
    lines: Vec<PlanLine>,
    /// For whom, if not for oneself; admins only.
    #[serde(rename = "for")]
    for_person: Option<Uuid>,
    /// Why, if it is for somebody else; they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What became of one attempt of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredBody {
    /// The sections it asked for.
    sections: Vec<Uuid>,
    /// If it was refused, what could be had instead, each found to be possible after that.
    fixes: Vec<FixBody>,
    /// As of `POST /api/attempts`.
    #[serde(flatten)]
    answer: AttemptAnswer,
}

/// What became of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisterBody {
    /// One for each line in their order, or one for all of it.
    attempts: Vec<RegisteredBody>,
    /// The server's clock.
    as_of: String,
}

/// Registers for a plan: all of it or nothing in one attempt, or line by line, each an attempt with its own key, outcome and reason.
/// Each is what `POST /api/bookings` would make of it.
#[utoipa::path(post, operation_id = "register_plan", path = "/api/plan/register", tag = "courses", request_body = RegisterRequest,
    responses((status = 200, body = RegisterBody), Problems))]
pub async fn register(
    State(app): State<App>,
    asker: Asker,
    Body(body): Body<RegisterRequest>,
) -> Result<Json<RegisterBody>, Problem> {
    let lines = read(&PlanRequest { lines: body.lines.clone(), for_person: body.for_person })?;
    let planner = Planner { app: &app, asker: &asker, for_person: body.for_person, reason: body.reason.clone() };
    let asked = match body.contract {
        PlanContract::AllOrNothing => vec![lines.concat()],
        PlanContract::LineByLine => lines,
    };
    if body.keys.len() != asked.len() {
        let says = format!("must be {}: one for each attempt", asked.len());
        return Err(Problem::field(FieldError::new("keys", "wrong_number", &says)));
    }
    let mut requests = Vec::with_capacity(asked.len());
    for (n, (key, sections)) in body.keys.iter().zip(&asked).enumerate() {
        let bad = |_| Problem::field(FieldError::new(&format!("keys[{n}]"), "key_invalid", KEY));
        let key = check_key(&key.to_string(), app.engine.now()).map_err(bad)?;
        let (fingerprint, command) = bookings::asked_book(&app, &asker, &planner.request(sections)).await?;
        requests.push(Request { key, fingerprint, command });
    }
    let told = app.attempts(&asker, requests).await?;
    let mut attempts = Vec::with_capacity(asked.len());
    for ((key, sections), told) in body.keys.iter().zip(&asked).zip(told) {
        // What could be had instead is looked for only where somebody was refused.
        let fixes = match &told {
            Told::Problem(problem, _) if problem.outcome == Some("REJECTED") => planner.would_be(sections).await?.fixes,
            Told::Problem(..) | Told::Accepted(..) => Vec::new(),
        };
        attempts.push(RegisteredBody { sections: ids(sections), fixes, answer: answer(key.to_string().into(), told) });
    }
    Ok(Json(RegisterBody { attempts, as_of: time(app.engine.now()) }))
}

const KEY: &str = "must be a UUIDv7, not dated more than a day ahead";

fn read(plan: &PlanRequest) -> Result<Vec<Vec<ResourceId>>, Problem> {
    let bad = |field: &str, code, detail| Problem::field(FieldError::new(field, code, detail));
    if plan.lines.is_empty() || plan.lines.iter().map(|line| line.sections.len().max(1)).sum::<usize>() > LINES_MAX {
        return Err(bad("lines", "too_many", "must be 1 to 20, with at most 20 sections together"));
    }
    let mut named = BTreeSet::new();
    for (n, line) in plan.lines.iter().enumerate() {
        if line.sections.is_empty() {
            return Err(bad(&format!("lines[{n}].sections"), "missing", "must name a section"));
        }
        if let Some(twice) = line.sections.iter().find(|id| !named.insert(**id)) {
            return Err(bad(&format!("lines[{n}].sections"), "twice", &format!("names {twice} a second time")));
        }
    }
    Ok(plan.lines.iter().map(|line| line.sections.iter().copied().map(ResourceId).collect()).collect())
}

fn ids(sections: &[ResourceId]) -> Vec<Uuid> {
    sections.iter().map(|id| id.0).collect()
}

struct Planner<'a> {
    app: &'a App,
    asker: &'a Asker,
    for_person: Option<Uuid>,
    reason: Option<String>,
}

impl Planner<'_> {
    fn request(&self, sections: &[ResourceId]) -> BookingRequest {
        let line = |id: &ResourceId| LineRequest { resource: id.0, start: None, end: None, units: 1 };
        BookingRequest {
            lines: sections.iter().map(line).collect(),
            title: None,
            purpose: None,
            people: None,
            guests: Vec::new(),
            private: false,
            hold: None,
            for_person: self.for_person,
            seen: None,
            over: None,
            reason: self.reason.clone(),
        }
    }

    /// Whether two lines are at one time, where that is refused.
    fn clash(&self, one: &[ResourceId], other: &[ResourceId]) -> bool {
        let known =
            |ids: &[ResourceId]| -> Vec<Arc<Resource>> { ids.iter().filter_map(|id| self.app.resource(*id)).collect() };
        let (one, other) = (known(one), known(other));
        let exclusive = |r: &&Arc<Resource>| r.spec.policy.own_overlap == OwnOverlap::Refuse;
        one.iter().filter(exclusive).any(|a| {
            other.iter().filter(exclusive).any(|b| match (a.spec.interval, b.spec.interval) {
                (Some(x), Some(y)) => x.meets(y) && clash((&a.spec, x), (&b.spec, y)),
                (Some(_) | None, _) => false,
            })
        })
    }

    async fn would_be(&self, sections: &[ResourceId]) -> Result<WouldBe, Problem> {
        let (judged, opens_at) = self.judged(sections).await?;
        let opens_at = opens_at.map(time);
        Ok(match judged {
            Ok(()) => WouldBe { would: "BOOKED", reason: None, opens_at, fixes: Vec::new() },
            Err(None) => WouldBe { would: "FAILED", reason: None, opens_at, fixes: Vec::new() },
            Err(Some(rejection)) => {
                let shown = self.app.shown(self.asker, &rejection).await;
                let rule = rejection.rule.map(|rule| rule.name());
                let reason =
                    ReasonBody { code: rejection.code.name(), detail: shown.detail, rule, witness: shown.witness };
                let fixes = self.fixes(sections, &rejection).await?;
                WouldBe { would: "REJECTED", reason: Some(reason), opens_at, fixes }
            }
        })
    }

    /// What booking these would come to when all of them are open, and when that is, if it is not now.
    async fn judged(
        &self,
        sections: &[ResourceId],
    ) -> Result<(Result<(), Option<Rejection>>, Option<Instant>), Problem> {
        let (_, command) = bookings::asked_book(self.app, self.asker, &self.request(sections)).await?;
        let mut opens: Option<Instant> = None;
        for _ in 0..OPENINGS_MAX {
            let at = opens.unwrap_or_else(|| self.app.engine.now());
            let rejection = match self.app.engine.dry_run_at(command.clone(), at).await?.would {
                Judged::Decided(recorded, ..) => match &recorded.decision.outcome {
                    Outcome::Booked | Outcome::Accepted => return Ok((Ok(()), opens)),
                    Outcome::Rejected(rejection) => rejection.clone(),
                },
                Judged::Failed(_) => return Ok((Err(None), opens)),
            };
            match rejection.retry_at.filter(|later| rejection.code == Code::TooEarly && *later > at) {
                Some(later) => opens = Some(later),
                None => return Ok((Err(Some(rejection)), opens)),
            }
        }
        Ok((Err(None), opens))
    }

    /// What can be had instead of what was refused: other sections of the course, what was missing, or a place in line.
    async fn fixes(&self, sections: &[ResourceId], rejection: &Rejection) -> Result<Vec<FixBody>, Problem> {
        let Some(refused) = rejection.resource.and_then(|id| self.app.resource(id)) else { return Ok(Vec::new()) };
        let mut fixes = Vec::new();
        let missing = match rejection.witness {
            Some(Witness::Linked { place }) => refused.spec.linked.get(usize::from(place)).cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        let added = missing.iter().map(|id| ("add", [sections, &[*id]].concat(), *id));
        // Of two that meet at one time either may give way.
        let at_fault = |id: &ResourceId| {
            *id == refused.id || rejection.code == Code::OwnOverlap && self.clash(&[*id], &[refused.id])
        };
        let instead =
            sections.iter().filter(|id| at_fault(id)).filter_map(|id| self.app.resource(*id)).flat_map(|old| {
                self.others(&old, sections).into_iter().map(move |other| {
                    ("instead", sections.iter().map(|id| if *id == old.id { other } else { *id }).collect(), other)
                })
            });
        for (fix, sections, new) in added.chain(instead).take(TRIED_MAX) {
            if fixes.len() >= FIXES_MAX {
                break;
            }
            let (Some(new), (Ok(()), _)) = (self.app.calendar(new).await?, self.judged(&sections).await?) else {
                continue;
            };
            let left = crate::standing::of_its_own_time(&new, self.app.engine.now()).and_then(|standing| standing.left);
            let left = left.map_or_else(|| "no limit".to_owned(), |left| format!("{left} left"));
            let name = &new.resource.spec.name;
            let detail = match fix {
                "add" => format!("With {name}: {left}"),
                _ => format!("Instead: {name}, {left}"),
            };
            fixes.push(FixBody { fix, sections: ids(&sections), detail });
        }
        if matches!(rejection.code, Code::Full | Code::Insufficient | Code::WaitlistFirst) {
            fixes.extend(self.wait(&refused).await?);
        }
        Ok(fixes)
    }

    /// Other sections of the same part of the same course, in the same term.
    fn others(&self, refused: &Resource, sections: &[ResourceId]) -> Vec<ResourceId> {
        let Some(course) = &refused.spec.course else { return Vec::new() };
        let group = refused.spec.group.as_ref().map(|group| group.id);
        let words = vec![course.subject.clone(), course.number.clone()];
        let filter =
            ResourceFilter { kind: Some(Kind::Section), group, words, max: usize::MAX, ..ResourceFilter::default() };
        let same = |r: &Resource| {
            r.spec
                .course
                .as_ref()
                .is_some_and(|c| (&c.subject, &c.number, &c.part) == (&course.subject, &course.number, &course.part))
        };
        let found = catalogue::read(self.app.views.catalogue()).resources(&filter);
        let others = found
            .into_iter()
            .filter(|r| same(r) && r.spec.group.as_ref().map(|g| g.id) == group && !sections.contains(&r.id));
        others.map(|r| r.id).collect()
    }

    async fn wait(&self, refused: &Resource) -> Result<Option<FixBody>, Problem> {
        let action = Action::JoinWaitlist {
            entry: EntryId(self.app.engine.fresh_id()),
            owner: self.for_person.map_or(self.asker.id, slotwise_domain::PersonId),
            line: Line { resource: refused.id, interval: None, units: 1 },
            class: 0,
            gives_up: None,
            wants: slotwise_domain::Wants::Units,
        };
        let command = Command { actor: self.asker.actor(), action, seen: None, reason: self.reason.clone() };
        let would = self.app.engine.dry_run(command).await?.would;
        let may = matches!(would, Judged::Decided(recorded, ..) if !matches!(recorded.decision.outcome, Outcome::Rejected(_)));
        let Some(calendar) = self.app.calendar(refused.id).await?.filter(|_| may) else { return Ok(None) };
        let detail = format!("Wait for {}: {} waiting", refused.spec.name, calendar.waiting.len());
        Ok(Some(FixBody { fix: "wait", sections: vec![refused.id.0], detail }))
    }
}
