//! Who is signed in, and with `--demo` choosing who to be.
//! It never says more of others than their names.

use super::Problems;
use crate::app::App;
use crate::auth::{Asker, COOKIE, Stranger};
use crate::crowd;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::wire::{RoleBody, time};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use slotwise_domain::PersonId;
use utoipa::ToSchema;
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
    /// Whether this is a demo, where anybody may choose who to be.
    demo: bool,
    /// The server's clock.
    as_of: String,
}

fn me_body(app: &App, asker: &Asker) -> MeBody {
    MeBody {
        id: asker.id.0,
        name: asker.name.clone(),
        title: asker.title.clone(),
        role: asker.role.into(),
        demo: app.demo.is_some(),
        as_of: time(app.engine.now()),
    }
}

/// Who is signed in.
#[utoipa::path(get, operation_id = "read_me", path = "/api/me", tag = "people", responses((status = 200, body = MeBody), Problems))]
pub async fn me(State(app): State<App>, asker: Asker) -> Json<MeBody> {
    Json(me_body(&app, &asker))
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
    Ok(([(header::SET_COOKIE, cookie)], Json(me_body(&app, &Asker::from(person)))).into_response())
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
