//! The sessions of a person, and their end.
//! It begins none.

use super::super::Problems;
use super::{no_store, note};
use crate::app::App;
use crate::auth::{Asker, Came};
use crate::extract::Path;
use crate::problem::Problem;
use crate::site::Client;
use crate::wire::{Page, time};
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use slotwise_domain::PersonId;
use slotwise_engine::{SecretKind, Which};
use utoipa::ToSchema;
use uuid::Uuid;

/// Sessions of one person; the oldest end.
pub(super) const SESSIONS_MAX: usize = 50;
/// A browser that is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBody {
    /// Its name.
    id: Uuid,
    /// What the browser says it is.
    browser: String,
    /// Since when.
    since: String,
    /// When it was used last, within five minutes.
    seen_at: String,
    /// Whether it is this one.
    this: bool,
}

/// Where one is signed in, the latest first.
#[utoipa::path(get, operation_id = "list_sessions", path = "/api/me/sessions", tag = "doors", responses((status = 200, body = Page<SessionBody>), Problems))]
pub async fn sessions(State(app): State<App>, asker: Asker) -> Result<Response, Problem> {
    let now = app.engine.now();
    let theirs = app.accounts.secrets_of(asker.id, SecretKind::Session).await?;
    let items = theirs.into_iter().filter(|s| s.lives(now)).map(|s| SessionBody {
        id: s.id(),
        browser: s.label,
        since: time(s.made_at),
        seen_at: time(s.seen_at.unwrap_or(s.made_at)),
        this: asker.came == Came::Session(s.sha256),
    });
    Ok(no_store(Page { items: items.collect(), next: None, as_of: time(now) }))
}

/// Ends one of one's sessions, and its sockets within five seconds.
#[utoipa::path(delete, operation_id = "end_session", path = "/api/me/sessions/{id}", tag = "doors", params(("id" = Uuid, Path)),
    responses((status = 204), Problems))]
pub async fn end_session(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let ended = app.accounts.end_secrets(asker.id, vec![SecretKind::Session], Which::Only(id)).await?;
    if ended == 0 {
        return Err(Problem::not_found("session of yours"));
    }
    note(&app, client, Some(asker.id), Some(asker.id), "session_ended", "").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all of one's sessions but this.
#[utoipa::path(delete, operation_id = "end_other_sessions", path = "/api/me/sessions", tag = "doors", responses((status = 204), Problems))]
pub async fn end_other_sessions(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
) -> Result<StatusCode, Problem> {
    let which = match asker.came {
        Came::Session(this) => Which::But(this),
        Came::Key(_) | Came::Demo(_) => Which::All,
    };
    app.accounts.end_secrets(asker.id, vec![SecretKind::Session], which).await?;
    note(&app, client, Some(asker.id), Some(asker.id), "sessions_ended", "").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs somebody out everywhere. Admins only.
#[utoipa::path(delete, operation_id = "end_sessions_of", path = "/api/people/{id}/sessions", tag = "doors", params(("id" = Uuid, Path)),
    responses((status = 204), Problems))]
pub async fn end_sessions_of(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let id = PersonId(id);
    app.directory.person(id).await?.ok_or_else(|| Problem::not_found("person"))?;
    app.accounts.end_secrets(id, vec![SecretKind::Session], Which::All).await?;
    note(&app, client, Some(asker.id), Some(id), "sessions_ended", "").await?;
    Ok(StatusCode::NO_CONTENT)
}
