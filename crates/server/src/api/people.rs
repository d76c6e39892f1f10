//! Who is signed in, who else there is, what is known of them, and with `--demo` choosing who to be.
//! It says no more of others than their names and titles, but to admins.

use super::Problems;
use crate::api::resources::words;
use crate::app::App;
use crate::auth::{Asker, COOKIE, Stranger};
use crate::crowd;
use crate::extract::{Body, IfMatch, Path, Query, page_size, read_body, read_json};
use crate::problem::{FieldError, Problem};
use crate::roster::{self, LineError};
use crate::wire::{Page, RoleBody, time};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use slotwise_domain::{Facts, PersonId, ResourceId, Scope};
use slotwise_engine::{AccountOf, FactsPut, Listed, PersonCard, PersonRow, RowPut, deadlines};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// People to choose from.
const PEOPLE_MAX: usize = 100;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeBody {
    /// Their id.
    id: Uuid,
    /// Their name.
    name: String,
    /// What they are called.
    title: String,
    /// What they may do.
    role: RoleBody,
    /// Their language, as their profile says; null if they did not say.
    #[schema(required = true)]
    language: Option<String>,
    /// Their zone, as their profile says; null if they did not say.
    #[schema(required = true)]
    zone: Option<String>,
    /// Whether this is a demo, where anybody may choose who to be.
    demo: bool,
    /// The server's clock.
    as_of: String,
}

async fn me_body(app: &App, card: PersonCard) -> Result<MeBody, Problem> {
    let account = app.accounts.account(AccountOf::Person(card.id)).await?;
    let (language, zone) = account.map(|account| (account.language, account.zone)).unwrap_or_default();
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(MeBody {
        id: card.id.0,
        name: card.name,
        title: card.title,
        role: card.role.into(),
        language: said(language),
        zone: said(zone),
        demo: app.demo.is_some(),
        as_of: time(app.engine.now()),
    })
}

/// Who is signed in.
#[utoipa::path(get, operation_id = "read_me", path = "/api/me", tag = "people", responses((status = 200, body = MeBody), Problems))]
pub async fn me(State(app): State<App>, asker: Asker) -> Result<Json<MeBody>, Problem> {
    let Asker { id, name, title, role, .. } = asker;
    Ok(Json(me_body(&app, PersonCard { id, name, title, role }).await?))
}

/// Whom to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PeopleQuery {
    /// Words that begin like all of these, in name or title; accents and case make no difference. Left out: everybody.
    q: Option<String>,
    /// Only those who are suspended, and let in by nothing; for admins and auditors. Left out: all others.
    suspended: Option<bool>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Somebody to choose.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonListed {
    /// Their id.
    id: Uuid,
    /// Their name.
    name: String,
    /// What they are called.
    title: String,
    /// What they may do; for admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<RoleBody>,
    /// What another system calls them; for admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    /// Where they read; for admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

/// People by name, for choosing one.
#[utoipa::path(get, operation_id = "list_people", path = "/api/people", tag = "people", params(PeopleQuery),
    responses((status = 200, body = Page<PersonListed>), Problems))]
pub async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<PeopleQuery>,
) -> Result<Json<Page<PersonListed>>, Problem> {
    let max = page_size(q.limit)?;
    let after = q.after.as_deref().map(read_cursor).transpose()?;
    let suspended = q.suspended.unwrap_or(false);
    if suspended && !asker.sees_all() {
        return Err(Problem::not_allowed("Only admins and auditors see who is suspended."));
    }
    let mut found = app.directory.find_people(words(q.q.as_deref())?, suspended, after, max + 1).await?;
    let more = found.len() > max;
    found.truncate(max);
    let next = found.last().filter(|_| more).map(|l| format!("{}.{}", l.card.id, l.card.name));
    let admin = asker.sees_all();
    let items = found.into_iter().map(|Listed { card, external_id, email }| PersonListed {
        id: card.id.0,
        name: card.name,
        title: card.title,
        role: admin.then(|| card.role.into()),
        external_id: external_id.filter(|_| admin),
        email: email.filter(|_| admin),
    });
    Ok(Json(Page { items: items.collect(), next, as_of: time(app.engine.now()) }))
}

fn read_cursor(text: &str) -> Result<(String, PersonId), Problem> {
    let cursor = text.split_once('.').and_then(|(id, name)| Some((name.to_owned(), PersonId(id.parse().ok()?))));
    cursor.ok_or_else(|| Problem::field(FieldError::new("after", "not_understood", "must be the next of a page")))
}

/// What is known of a person, and rules may ask for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FactsRequest {
    /// Such as `passed:MATH20A`, `member:gold` or `hold:advisor`; 500 at the most.
    tags: BTreeSet<String>,
    /// Units by the id of a group or a resource: what they may book under its quota, in the place of its own number.
    allowances: BTreeMap<Uuid, u32>,
}

/// What is known of a person, at a version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FactsBody {
    /// Who.
    person: Uuid,
    /// Such as `passed:MATH20A`, `member:gold` or `hold:advisor`.
    tags: BTreeSet<String>,
    /// Units by the id of a group or a resource.
    allowances: BTreeMap<Uuid, u32>,
    /// Edits name it in `If-Match`; 0 while nothing ever was known.
    version: u64,
}

impl FactsBody {
    fn of(person: Uuid, facts: Facts, version: u64) -> FactsBody {
        let allowances = facts.allowances.into_iter().map(|(of, most)| (of.0, most)).collect();
        FactsBody { person, tags: facts.tags, allowances, version }
    }
}

impl IntoResponse for FactsBody {
    fn into_response(self) -> Response {
        let etag = format!("\"{}\"", self.version);
        ([(header::ETAG, etag)], Json(self)).into_response()
    }
}

/// What is known of a person. Admins and auditors only.
#[utoipa::path(get, operation_id = "read_facts", path = "/api/people/{id}/facts", tag = "people", params(("id" = Uuid, Path)),
    responses((status = 200, body = FactsBody), Problems))]
pub async fn facts(State(app): State<App>, _: Asker, Path(id): Path<Uuid>) -> Result<FactsBody, Problem> {
    let known = app.directory.facts(PersonId(id)).await?.ok_or_else(|| Problem::not_found("person"))?;
    Ok(FactsBody::of(id, known.0, known.1))
}

/// Says all that is known of a person; nobody else's edit is overwritten. From then on bookings are judged by it. Admins only.
#[utoipa::path(put, operation_id = "put_facts", path = "/api/people/{id}/facts", tag = "people", request_body = FactsRequest,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version of the facts")),
    responses((status = 200, body = FactsBody), Problems))]
pub async fn put_facts(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    IfMatch(version): IfMatch,
    Body(body): Body<FactsRequest>,
) -> Result<FactsBody, Problem> {
    only_admins(&asker)?;
    let allowances = body.allowances.iter().map(|(of, most)| (ResourceId(*of), *most)).collect();
    let facts = Facts { tags: body.tags.clone(), allowances };
    facts.check().map_err(|(field, says)| Problem::field(FieldError::new(field, "out_of_range", says)))?;
    match app.directory.put_facts(PersonId(id), version, facts.clone()).await? {
        FactsPut::Put(version) => {
            see_to_their_turns(&app, &[PersonId(id)]).await?;
            Ok(FactsBody::of(id, facts, version))
        }
        FactsPut::NoPerson => Err(Problem::not_found("person")),
        FactsPut::Moved(theirs, at) => {
            let detail = "Somebody else changed what is known of this person after you opened it. Nothing was changed; compare both \
                          sides and decide again.";
            let title = "Changed meanwhile";
            let problem = Problem::request(StatusCode::PRECONDITION_FAILED, "version_stale", title, detail);
            Err(problem.with(|p| {
                (p.outcome, p.retryable) = (Some("FAILED"), true);
                p.yours = Some(json!({ "version": version }));
                p.theirs = serde_json::to_value(FactsBody::of(id, theirs, at)).ok();
            }))
        }
    }
}

/// People asked about at once.
const AT_ONCE: usize = 256;

/// Rules may let these people have now what they wait for: whose turn it is has it.
pub(super) async fn see_to_their_turns(app: &App, people: &[PersonId]) -> Result<(), Problem> {
    for some in people.chunks(AT_ONCE) {
        let world = app.engine.look(Scope { people: some.iter().copied().collect(), ..Scope::default() }).await?;
        let waited_for: BTreeSet<ResourceId> =
            world.people.values().flat_map(|person| person.waiting.values()).copied().collect();
        for resources in waited_for.into_iter().collect::<Vec<_>>().chunks(AT_ONCE) {
            deadlines::look_again(&app.engine, resources.iter().copied()).await;
        }
    }
    Ok(())
}

fn only_admins(asker: &Asker) -> Result<(), Problem> {
    match asker.is_admin() {
        true => Ok(()),
        false => Err(Problem::not_allowed("Only an admin may do this.")),
    }
}

/// Rows of one import.
const IMPORT_ROWS_MAX: usize = 20_000;
/// Bytes of the body of one import.
const IMPORT_BODY_MAX: usize = 8 << 20;

/// A table of people.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// With the columns `id`, `external_id`, `name`, `title`, `email`, `role` and `tags`, or some of them; 20,000 rows at the most.
    csv: String,
    /// Say what would be done, and do nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What an import did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportBody {
    /// Nothing was done.
    dry_run: bool,
    /// New ones.
    made: u64,
    /// Those of whom something is otherwise.
    changed: u64,
    /// Those who were so already.
    same: u64,
}

/// Makes and changes people by a table, all of it or nothing. The same table again changes nothing. Admins only.
#[utoipa::path(post, operation_id = "import_people", path = "/api/people/import", tag = "people", request_body = ImportRequest,
    responses((status = 200, body = ImportBody), Problems))]
pub async fn import(State(app): State<App>, asker: Asker, request: Request) -> Result<Json<ImportBody>, Problem> {
    only_admins(&asker)?;
    let body: ImportRequest = read_json(&read_body(request, &app, IMPORT_BODY_MAX).await?)?;
    let told = |e: &LineError| {
        let place = format!("csv line {} column {}", e.line, e.column);
        FieldError::new(place.trim_end_matches(" column "), "not_understood", &e.says)
    };
    let people = roster::read(body.csv.as_bytes(), IMPORT_ROWS_MAX, || app.engine.fresh_id())
        .map_err(|errors| Problem::fields(errors.iter().map(told).collect()))?;
    let (lines, rows): (Vec<u64>, Vec<PersonRow>) = people.into_iter().unzip();
    let put = app.directory.put_people(rows, body.dry_run).await?;
    let taken = lines.iter().zip(&put).filter(|(_, put)| **put == RowPut::ExternalIdTaken).take(roster::ERRORS_MAX);
    let errors: Vec<FieldError> = taken
        .map(|(line, _)| FieldError::new(&format!("csv line {line} column external_id"), "taken", "is somebody else's"))
        .collect();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    if !body.dry_run {
        let changed = put.iter().filter_map(|put| match put {
            RowPut::Changed(id) => Some(*id),
            RowPut::Made(_) | RowPut::Same(_) | RowPut::ExternalIdTaken => None,
        });
        see_to_their_turns(&app, &changed.collect::<Vec<_>>()).await?;
    }
    let count = |which: fn(&RowPut) -> bool| put.iter().filter(|put| which(put)).count() as u64;
    Ok(Json(ImportBody {
        dry_run: body.dry_run,
        made: count(|put| matches!(put, RowPut::Made(_))),
        changed: count(|put| matches!(put, RowPut::Changed(_))),
        same: count(|put| matches!(put, RowPut::Same(_))),
    }))
}

/// Somebody to be.
#[derive(Debug, Serialize, ToSchema)]
pub struct DemoPerson {
    /// Their id.
    id: Uuid,
    /// Their name.
    name: String,
    /// What they may do.
    role: RoleBody,
    /// What they are called.
    title: String,
}

/// People to choose from.
#[derive(Debug, Serialize, ToSchema)]
pub struct DemoPeople {
    /// Them.
    items: Vec<DemoPerson>,
}

/// People to choose from. Only with `--demo`.
#[utoipa::path(get, operation_id = "list_demo_people", path = "/api/demo/people", tag = "people", responses((status = 200, body = DemoPeople), Problems))]
pub async fn demo_people(State(app): State<App>, _: Stranger) -> Result<Json<DemoPeople>, Problem> {
    if app.demo.is_none() {
        return Err(Problem::not_found("page: this is no demo"));
    }
    // The people of crowds are there too, without a title, and must not crowd out those to choose from.
    let people = app.directory.people(PEOPLE_MAX + crowd::PEOPLE_MAX as usize).await?;
    let shown = people.into_iter().filter(|p| !p.title.is_empty()).take(PEOPLE_MAX);
    let items = shown.map(|p| DemoPerson { id: p.id.0, name: p.name, role: p.role.into(), title: p.title }).collect();
    Ok(Json(DemoPeople { items }))
}

/// Who to be.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Their id.
    person: Uuid,
}

/// Signs in without a password. Only with `--demo`.
#[utoipa::path(post, operation_id = "demo_sign_in", path = "/api/demo/sign-in", tag = "people", request_body = SignIn,
    responses((status = 200, body = MeBody), Problems))]
pub async fn demo_sign_in(
    State(app): State<App>,
    Stranger(client): Stranger,
    Body(body): Body<SignIn>,
) -> Result<Response, Problem> {
    let Some(sessions) = &app.demo else { return Err(Problem::not_found("page: this is no demo")) };
    let person = app.directory.person(PersonId(body.person)).await?.ok_or_else(|| Problem::not_found("person"))?;
    let secret = sessions.begin(person.id, [Uuid::new_v4(), Uuid::new_v4()]);
    let secure = if client.secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}");
    Ok(([(header::SET_COOKIE, cookie)], Json(me_body(&app, person).await?)).into_response())
}

/// Signs out. Only with `--demo`.
#[utoipa::path(post, operation_id = "demo_sign_out", path = "/api/demo/sign-out", tag = "people", responses((status = 204), Problems))]
pub async fn demo_sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(sessions) = &app.demo else { return Err(Problem::not_found("page: this is no demo")) };
    sessions.end(&headers);
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// What was forgotten with a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasedBody {
    /// Who.
    person: Uuid,
    /// Bookings of theirs: they stay, without what was written in them, and nobody is told whose they are.
    bookings: u64,
    /// API keys of theirs: they speak for nobody any more.
    keys: u64,
    /// The server's clock.
    as_of: String,
}

/// Forgets a person for good: their name, title, API keys, and what they wrote in bookings. What was decided stays on record, as
/// somebody's. Admins only, and not oneself. Asking again finishes what was cut short.
#[utoipa::path(post, operation_id = "erase_person", path = "/api/people/{id}/erase", tag = "people", params(("id" = Uuid, Path)),
    responses((status = 200, body = ErasedBody), Problems))]
pub async fn erase(State(app): State<App>, asker: Asker, Path(id): Path<Uuid>) -> Result<Json<ErasedBody>, Problem> {
    if !asker.is_admin() {
        return Err(Problem::not_allowed("Only admins may erase a person."));
    }
    if asker.id.0 == id {
        return Err(Problem::not_allowed("Nobody erases themselves: ask another admin."));
    }
    let erased = app.directory.erase(PersonId(id)).await?.ok_or_else(|| Problem::not_found("person"))?;
    app.people.forget(PersonId(id));
    tracing::info!(person = %id, by = %asker.id, bookings = erased.bookings, keys = erased.keys, "a person was erased");
    Ok(Json(ErasedBody { person: id, bookings: erased.bookings, keys: erased.keys, as_of: time(app.engine.now()) }))
}
