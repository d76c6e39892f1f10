//! What was decided, for admins: attempts and what became true by them, the latest first, as JSON or as a table.
//! It is read from the record, page by page within bounds; nothing is counted, and nothing is written for it.

use super::Problems;
use crate::accept::rather_than_json;
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Query, page_size};
use crate::problem::{FieldError, Problem};
use crate::wire::{Page, ResourceVersion, SeenBody, read_time_if, time};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use slotwise_domain::{BookingId, Change, Code, HoldEnd, Outcome, PersonId, ResourceId, Slot};
use slotwise_engine::round::outcome_code;
use slotwise_engine::{Attempt, AttemptFilter, AttemptsPage, Cursor};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Attempts looked at for a page: a page may be short and have a next one all the same.
const LOOK_MAX: usize = 20_000;
/// Rows of one table.
const ROWS_MAX: usize = 100_000;
/// Attempts read at once for a table.
const ROWS_AT_ONCE: usize = 500;

/// Which attempts.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// That touched this resource, or were refused on it.
    resource: Option<Uuid>,
    /// Of this person, for them, or about a booking or hold of theirs.
    person: Option<Uuid>,
    /// That changed this booking.
    booking: Option<Uuid>,
    /// Asked by this one; `system` is Slotwise itself.
    actor: Option<String>,
    /// `BOOKED`, `ACCEPTED` or `REJECTED`.
    outcome: Option<String>,
    /// Refused with this code.
    code: Option<String>,
    /// Decided at or after this instant.
    from: Option<String>,
    /// Decided before this instant.
    to: Option<String>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A decided attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditItem {
    /// Its key.
    attempt: Uuid,
    /// When it was decided.
    decided_at: String,
    /// Who asked; null for Slotwise itself.
    #[schema(required = true)]
    actor: Option<AuditPerson>,
    /// For whom, if not for whoever asked.
    #[serde(rename = "for")]
    #[schema(required = true)]
    owner: Option<AuditPerson>,
    /// What was asked, by name.
    command: String,
    /// `BOOKED`, `ACCEPTED` or `REJECTED`.
    outcome: &'static str,
    /// Of a refusal.
    #[schema(required = true)]
    code: Option<&'static str>,
    /// Which rule, of a refusal that names one.
    #[schema(required = true)]
    rule: Option<&'static str>,
    /// What the screen showed, if the request said so.
    #[schema(required = true)]
    seen: Option<SeenBody>,
    /// What it was first looked at against.
    observed: Vec<ResourceVersion>,
    /// The versions it made, or was refused at.
    decided: Vec<ResourceVersion>,
    /// The policy versions in force.
    policies: Vec<AuditPolicy>,
    /// What became true by it.
    changes: Vec<AuditChange>,
}

/// Somebody; without a name if they are forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPerson {
    /// Their id.
    id: Uuid,
    /// Their name; null if they are forgotten.
    #[schema(required = true)]
    name: Option<String>,
}

/// The policy version of a resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPolicy {
    /// Which resource.
    resource: Uuid,
    /// The version.
    policy_version: u64,
}

/// One thing that became true of one resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditChange {
    /// Of which.
    #[serde(flatten)]
    version: ResourceVersion,
    /// `booking_made`, `booking_requested`, `booking_approved`, `booking_cancelled`, `booking_moved`, `booking_edited`,
    /// `booking_checked_in`, `booking_no_show`, `booking_displaced`, `booking_handed_over`, `booking_overrode`, `hold_granted`,
    /// `hold_renewed`, `hold_ended`, `hold_overrode`, `resource_created`, `resource_edited`, `resource_closed`, `resource_reopened`, `capacity_set`,
    /// `over_commit_lowered`, `block_added`, `block_removed`, `reasoned` for why somebody did what stands before it, or one that begins
    /// with `wait_`.
    what: &'static str,
    /// Which booking, hold or block.
    #[schema(required = true)]
    id: Option<Uuid>,
    /// Whose.
    #[schema(required = true)]
    owner: Option<Uuid>,
    /// From.
    #[schema(required = true)]
    start: Option<String>,
    /// Until.
    #[schema(required = true)]
    end: Option<String>,
    /// How many units.
    #[schema(required = true)]
    units: Option<u64>,
    /// Of a move: from where on, before it.
    #[schema(required = true)]
    from_start: Option<String>,
    /// Why, if somebody said, or how a hold ended.
    #[schema(required = true)]
    reason: Option<String>,
}

/// What was decided, the latest first. Admins only. With `Accept: text/csv` a table of all that matches, at most 100,000 rows.
#[utoipa::path(get, operation_id = "read_audit", path = "/api/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Page<AuditItem>), Problems))]
pub async fn read(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<AuditQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !asker.sees_all() {
        return Err(Problem::not_allowed(
            "Only admins and auditors see what everybody asked. Ask for your own attempts by their keys.",
        ));
    }
    let filter = q.filter()?;
    if rather_than_json(&headers, "text/csv") {
        return Ok(table(app, filter));
    }
    let AttemptsPage { attempts, next } = app.views.attempts(filter).await?;
    let mut items = Vec::with_capacity(attempts.len());
    for attempt in &attempts {
        items.push(item(&app, attempt).await);
    }
    let next = next.map(|cursor| cursor.0.to_string());
    Ok(Json(Page { items, next, as_of: time(app.engine.now()) }).into_response())
}

impl AuditQuery {
    fn filter(&self) -> Result<AttemptFilter, Problem> {
        let bad = |field, detail| Problem::field(FieldError::new(field, "not_understood", detail));
        let actor = match self.actor.as_deref() {
            None => None,
            Some("system") => Some(Uuid::nil()),
            Some(id) => Some(id.parse().map_err(|_| bad("actor", "must be the id of a person, or system"))?),
        };
        if self.outcome.as_deref().is_some_and(|o| !["BOOKED", "ACCEPTED", "REJECTED"].contains(&o)) {
            return Err(bad("outcome", "must be BOOKED, ACCEPTED or REJECTED"));
        }
        let code =
            self.code.as_deref().map(|code| Code::named(code).ok_or_else(|| bad("code", "is no code of a refusal")));
        let before = self
            .after
            .as_deref()
            .map(|c| c.parse().map(Cursor).map_err(|_| bad("after", "must be the next of a page")));
        Ok(AttemptFilter {
            key: None,
            resource: self.resource.map(ResourceId),
            person: self.person.map(PersonId),
            booking: self.booking.map(BookingId),
            actor,
            outcome: self.outcome.clone(),
            code: code.transpose()?,
            from: read_time_if(self.from.as_ref(), "from", None)?,
            to: read_time_if(self.to.as_ref(), "to", None)?,
            before: before.transpose()?,
            max: page_size(self.limit)?,
            look_max: LOOK_MAX,
        })
    }
}

async fn item(app: &App, attempt: &Attempt) -> AuditItem {
    let decision = &attempt.recorded.decision;
    let rejection = match &decision.outcome {
        Outcome::Rejected(rejection) => Some(rejection),
        Outcome::Booked | Outcome::Accepted => None,
    };
    let versions =
        |of: &[(ResourceId, slotwise_domain::Version)]| of.iter().map(|v| ResourceVersion::from(*v)).collect();
    let actor = attempt.recorded.key.actor;
    let mut changes = Vec::new();
    for record in &attempt.records {
        let version = ResourceVersion::from((record.resource, record.version));
        for change in &record.changes {
            // What somebody who is forgotten wrote is not told.
            let forgotten = match record.actor.person() {
                Some(by) => app.people.name(by).await.is_none(),
                None => false,
            };
            let change = of_change(version, change);
            changes.push(AuditChange { reason: change.reason.filter(|_| !forgotten), ..change });
        }
    }
    AuditItem {
        attempt: attempt.recorded.key.key,
        decided_at: time(decision.decided_at),
        actor: if actor.is_nil() { None } else { Some(person(app, PersonId(actor)).await) },
        owner: match decision.asked.owner {
            Some(owner) => Some(person(app, owner).await),
            None => None,
        },
        command: attempt.command.clone(),
        outcome: decision.outcome.name(),
        code: Some(outcome_code(&decision.outcome)).filter(|code| !code.is_empty()),
        rule: rejection.and_then(|r| r.rule).map(slotwise_domain::Rule::name),
        seen: decision.seen.map(|s| SeenBody {
            epoch: s.version.epoch.0,
            version: s.version.number,
            as_of: time(s.as_of),
        }),
        observed: versions(&decision.observed),
        decided: versions(&decision.decided),
        policies: decision.policies.iter().map(|(id, v)| AuditPolicy { resource: id.0, policy_version: *v }).collect(),
        changes,
    }
}

async fn person(app: &App, id: PersonId) -> AuditPerson {
    AuditPerson { id: id.0, name: app.people.name(id).await }
}

fn of_change(version: ResourceVersion, change: &Change) -> AuditChange {
    let plain = |what| AuditChange {
        version,
        what,
        id: change.booking().map(|BookingId(id)| id),
        owner: change.about().map(|PersonId(id)| id),
        start: None,
        end: None,
        units: None,
        from_start: None,
        reason: None,
    };
    let placed = |what, slots: &[(u16, Slot)]| AuditChange {
        start: slots.iter().map(|(_, s)| s.interval.start()).min().map(time),
        end: slots.iter().map(|(_, s)| s.interval.end()).max().map(time),
        units: Some(slots.iter().map(|(_, s)| u64::from(s.units)).sum()),
        ..plain(what)
    };
    let held = |what, hold: &slotwise_domain::Hold| AuditChange {
        id: Some(hold.id.0),
        start: Some(time(hold.interval.start())),
        end: Some(time(hold.interval.end())),
        units: Some(u64::from(hold.units)),
        ..plain(what)
    };
    let waits = |what, entry: &slotwise_domain::WaitEntry| AuditChange {
        id: Some(entry.id.0),
        start: Some(time(entry.interval.start())),
        end: Some(time(entry.interval.end())),
        units: Some(u64::from(entry.units)),
        ..plain(what)
    };
    let blocked = |what, block: &slotwise_domain::Block| AuditChange {
        id: Some(block.id.0),
        start: Some(time(block.interval.start())),
        end: Some(time(block.interval.end())),
        reason: Some(block.reason.clone()),
        ..plain(what)
    };
    match change {
        Change::ResourceCreated(_) => plain("resource_created"),
        Change::ResourceEdited(_) => plain("resource_edited"),
        Change::BlockAdded { block, .. } => blocked("block_added", block),
        Change::BlockRemoved { block, .. } => blocked("block_removed", block),
        Change::BookingMade { slots, .. } => placed("booking_made", slots),
        Change::BookingApproved { slots, .. } => placed("booking_approved", slots),
        Change::BookingCancelled { slots, reason, .. } => {
            AuditChange { reason: reason.clone(), ..placed("booking_cancelled", slots) }
        }
        Change::BookingMoved { from, to, .. } => {
            let from_start = from.iter().map(|(_, s)| s.interval.start()).min().map(time);
            AuditChange { from_start, ..placed("booking_moved", to) }
        }
        Change::BookingEdited { .. } => plain("booking_edited"),
        Change::BookingRequested { slots, .. } => placed("booking_requested", slots),
        Change::RequestApproved { .. } => plain("booking_approved"),
        Change::BookingCheckedIn { .. } => plain("booking_checked_in"),
        Change::BookingNoShow { from, .. } => placed("booking_no_show", from),
        Change::BookingDisplaced { slots, reason, .. } => {
            AuditChange { reason: Some(reason.clone()), ..placed("booking_displaced", slots) }
        }
        Change::BookingHandedOver { slots, reason, .. } => {
            AuditChange { reason: Some(reason.clone()), ..placed("booking_handed_over", slots) }
        }
        Change::BookingOverrode { reason, .. } => {
            AuditChange { reason: Some(reason.clone()), ..plain("booking_overrode") }
        }
        Change::Reasoned { reason } => AuditChange { reason: Some(reason.clone()), ..plain("reasoned") },
        Change::CapacitySet { resource, reason, .. } => {
            let units = resource.spec.capacity.map(u64::from);
            AuditChange { units, reason: reason.clone(), ..plain("capacity_set") }
        }
        Change::ServiceSet { resource, reason } => {
            let what = if resource.spec.policy.closed { "resource_closed" } else { "resource_reopened" };
            AuditChange { reason: Some(reason.clone()), ..plain(what) }
        }
        Change::OverCommitLowered { to } => AuditChange { units: Some(u64::from(*to)), ..plain("over_commit_lowered") },
        Change::HoldGranted(hold) => held("hold_granted", hold),
        Change::HoldRenewed(hold) => held("hold_renewed", hold),
        Change::HoldOverrode { reason, .. } => AuditChange { reason: Some(reason.clone()), ..plain("hold_overrode") },
        Change::HoldEnded(ended) => {
            let how: HoldEnd = ended.end;
            AuditChange { reason: Some(crate::app::end_name(how).into()), ..held("hold_ended", &ended.hold) }
        }
        Change::WaitJoined(entry) => waits("wait_joined", entry),
        Change::WaitOffered(entry) => waits("wait_offered", entry),
        Change::WaitResumed(entry) => waits("wait_resumed", entry),
        Change::WaitMoved(entry) => waits("wait_moved", entry),
        Change::WaitEnded(ended) => {
            AuditChange { reason: Some(ended.end.name().into()), ..waits("wait_ended", &ended.entry) }
        }
        Change::WaitDue(_) => plain("wait_due"),
        Change::Reminded { .. } => plain("reminded"),
    }
}

// As a table

const COLUMNS: &str = "decided_at,attempt,actor,actor_name,for,command,outcome,code,rule,resource,epoch,version,what,id,owner,start,end,units,reason\r\n";

/// One row for each change, or one for an attempt that changed nothing; read and sent in pieces, so that its length costs no memory.
fn table(app: App, filter: AttemptFilter) -> Response {
    struct Left {
        app: App,
        filter: AttemptFilter,
        rows: usize,
        begun: bool,
        ended: bool,
    }
    let left = Left { app, filter: AttemptFilter { max: ROWS_AT_ONCE, ..filter }, rows: 0, begun: false, ended: false };
    let pieces = stream::try_unfold(left, |mut left| async move {
        if left.ended {
            return Ok::<_, std::io::Error>(None);
        }
        let mut text = String::new();
        if !left.begun {
            (left.begun, text) = (true, COLUMNS.to_owned());
        }
        let page = left.app.views.attempts(left.filter.clone()).await.map_err(std::io::Error::other)?;
        for attempt in &page.attempts {
            for row in rows(&item(&left.app, attempt).await) {
                if left.rows == ROWS_MAX {
                    left.ended = true;
                    break;
                }
                left.rows += 1;
                text.push_str(&row);
            }
        }
        left.ended |= page.next.is_none();
        left.filter.before = page.next;
        Ok(Some((text, left)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

fn rows(item: &AuditItem) -> Vec<String> {
    let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let head = [
        item.decided_at.clone(),
        item.attempt.to_string(),
        item.actor.as_ref().map_or_else(|| "system".into(), |p| p.id.to_string()),
        item.actor.as_ref().and_then(|p| p.name.clone()).unwrap_or_default(),
        text(item.owner.as_ref().map(|p| p.id)),
        item.command.clone(),
        item.outcome.into(),
        item.code.unwrap_or_default().into(),
        item.rule.unwrap_or_default().into(),
    ];
    let of = |v: &ResourceVersion| [v.resource.to_string(), v.epoch.to_string(), v.version.to_string()];
    let tail = |c: &AuditChange| {
        let (start, end) = (c.start.clone().unwrap_or_default(), c.end.clone().unwrap_or_default());
        let reason = c.reason.clone().unwrap_or_default();
        [c.what.into(), text(c.id), text(c.owner), start, end, number(c.units), reason]
    };
    let row = |cells: Vec<String>| cells.iter().map(|cell| cell_text(cell)).collect::<Vec<_>>().join(",") + "\r\n";
    match (item.changes.is_empty(), item.decided.first()) {
        (false, _) => {
            let changed = item.changes.iter();
            changed.map(|c| row(head.iter().cloned().chain(of(&c.version)).chain(tail(c)).collect())).collect()
        }
        (true, first) => {
            let of = first.map_or_else(|| [(); 3].map(|()| String::new()), of);
            vec![row(head.iter().cloned().chain(of).chain([(); 7].map(|()| String::new())).collect())]
        }
    }
}

/// A cell as RFC 4180 writes it; what a spreadsheet would take for a formula begins with an apostrophe.
fn cell_text(cell: &str) -> String {
    let cell = match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    };
    match cell.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_one_cell() {
        let cells = ["", "plain", "=1+1", "a,b", "say \"hi\"", "@x,y", "two\nlines", "-2"];
        let written: Vec<String> = cells.iter().map(|c| cell_text(c)).collect();
        let expected = ["", "plain", "'=1+1", "\"a,b\"", "\"say \"\"hi\"\"\"", "\"'@x,y\"", "\"two\nlines\"", "'-2"];
        assert_eq!(written, expected);
    }
}
