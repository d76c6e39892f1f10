//! API keys: made, listed, ended. A key is shown once, when it is made.
//! It looks none up; that is done where a request comes in.

use super::super::Problems;
use super::{no_store, note};
use crate::app::App;
use crate::auth::{self, Asker};
use crate::extract::{Body, Path};
use crate::problem::{FieldError, Problem};
use crate::site::Client;
use crate::wire::{Page, time};
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use slotwise_domain::{PersonId, Span};
use slotwise_engine::{AccountOf, PersonCard, Scopes, Secret, SecretKind, Which};
use utoipa::ToSchema;
use uuid::Uuid;

/// Keys of one person.
const KEYS_MAX: usize = 50;
/// The longest label of a key, in characters.
pub(super) const LABEL_MAX: usize = 100;
/// What an API key is for, and what it allows.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyRequest {
    /// So that it is known again; 100 characters at the most.
    label: String,
    /// `read`, `book`, `manage`, `admin`: of what its person may do, as much. Left out: of a key of one's own `read` and `book`,
    /// or `read` alone for auditors; of a program's all that it may do.
    scopes: Option<Vec<String>>,
    /// When it ends, in days; left out, it lasts until it is revoked.
    days: Option<u16>,
}

/// An API key, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyMadeBody {
    /// Its name.
    id: Uuid,
    /// Whom it speaks for.
    person: Uuid,
    /// What it is for.
    label: String,
    /// What it allows.
    scopes: Vec<&'static str>,
    /// When it ends, if it does.
    #[schema(required = true)]
    until: Option<String>,
    /// The secret: `Authorization: Bearer <key>`. Only its hash is kept.
    key: String,
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyBody {
    /// Its name.
    id: Uuid,
    /// What it is for.
    label: String,
    /// What it allows.
    scopes: Vec<&'static str>,
    /// Since when; null for those of before that was kept.
    #[schema(required = true)]
    since: Option<String>,
    /// By whom it was made, if not by its person.
    #[schema(required = true)]
    made_by: Option<Uuid>,
    /// When it was used last, within five minutes.
    #[schema(required = true)]
    seen_at: Option<String>,
    /// When it ends, if it does.
    #[schema(required = true)]
    until: Option<String>,
}

async fn keys_of(app: &App, id: PersonId) -> Result<Response, Problem> {
    let now = app.engine.now();
    let theirs = app.accounts.secrets_of(id, SecretKind::Key).await?;
    let items = theirs.into_iter().filter(|key| key.lives(now)).map(|key| KeyBody {
        id: key.id(),
        scopes: key.scopes.names(),
        since: Some(key.made_at).filter(|at| at.0 > 0).map(time),
        made_by: key.made_by.map(|id| id.0),
        seen_at: key.seen_at.map(time),
        until: key.until.map(time),
        label: key.label,
    });
    Ok(no_store(Page { items: items.collect(), next: None, as_of: time(now) }))
}

/// What a key allows where nothing is said.
enum Usual {
    /// What is needed most: to look and to book.
    Little,
    /// What its person may do: they are the program.
    All,
}

async fn make_key_for(
    app: &App,
    asker: &Asker,
    client: Client,
    (card, usual): (&PersonCard, Usual),
    body: KeyRequest,
) -> Result<Response, Problem> {
    let invalid = |field, says| Problem::field(FieldError::new(field, "out_of_range", says));
    if body.label.chars().count() > LABEL_MAX {
        return Err(invalid("label", "must have 100 characters at the most"));
    }
    if body.days == Some(0) {
        return Err(invalid("days", "must be 1 at least"));
    }
    let most = Scopes::of_role(card.role);
    let scopes = match &body.scopes {
        None => match usual {
            Usual::Little => Scopes(Scopes::READ.and(Scopes::BOOK).0 & most.0),
            Usual::All => Scopes(most.0 & asker.scopes.0),
        },
        Some(names) => {
            let mut scopes = Scopes::READ;
            for name in names {
                let said = Scopes::named(name);
                scopes = scopes.and(said.ok_or_else(|| invalid("scopes", "must be read, book, manage or admin"))?);
            }
            scopes
        }
    };
    if !most.allow(scopes) {
        return Err(invalid("scopes", "go beyond what this person may do"));
    }
    if !asker.scopes.allow(scopes) {
        return Err(invalid("scopes", "go beyond what your own key allows"));
    }
    let now = app.engine.now();
    if app.accounts.secrets_of(card.id, SecretKind::Key).await?.iter().filter(|key| key.lives(now)).count() >= KEYS_MAX
    {
        let detail = "There are 50 keys already. Revoke one first.";
        return Err(Problem::request(StatusCode::CONFLICT, "too_many_keys", "Too many keys", detail));
    }
    let key = auth::new_secret();
    let until = body.days.map(|days| now.plus(Span::hours(24 * i64::from(days))));
    let kept = Secret {
        label: body.label,
        scopes,
        made_at: now,
        made_by: (asker.id != card.id).then_some(asker.id),
        until,
        ..Secret::key(auth::secret_hash(&key), card.id, String::new())
    };
    // Whoever has it acts in somebody's name: who made it must be found again.
    note(
        app,
        client,
        Some(asker.id),
        Some(card.id),
        "key_made",
        &format!("{} {}", kept.id(), scopes.names().join(" ")),
    )
    .await?;
    app.accounts.put_secret(kept.clone()).await?;
    let made = KeyMadeBody {
        id: kept.id(),
        person: card.id.0,
        label: kept.label,
        scopes: scopes.names(),
        until: until.map(time),
        key,
    };
    Ok((StatusCode::CREATED, no_store(made)).into_response())
}

async fn end_key_of_person(
    app: &App,
    asker: &Asker,
    client: Client,
    of: PersonId,
    key: Uuid,
) -> Result<StatusCode, Problem> {
    if app.accounts.end_secrets(of, vec![SecretKind::Key], Which::Only(key)).await? == 0 {
        return Err(Problem::not_found("key"));
    }
    note(app, client, Some(asker.id), Some(of), "key_revoked", &key.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's API keys, the latest first.
#[utoipa::path(get, operation_id = "list_keys", path = "/api/me/keys", tag = "doors", responses((status = 200, body = Page<KeyBody>), Problems))]
pub async fn keys(State(app): State<App>, asker: Asker) -> Result<Response, Problem> {
    keys_of(&app, asker.id).await
}

/// Makes an API key of one's own, for a program that acts in one's name. It is shown once.
#[utoipa::path(post, operation_id = "make_key", path = "/api/me/keys", tag = "doors", request_body = KeyRequest,
    responses((status = 201, body = KeyMadeBody), Problems))]
pub async fn make_key(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Body(body): Body<KeyRequest>,
) -> Result<Response, Problem> {
    if app.demo.is_some() {
        return Err(Problem::not_allowed("In a demo anybody is anybody: there are no keys of one's own."));
    }
    let card = app.directory.person(asker.id).await?.ok_or_else(Problem::unauthenticated)?;
    make_key_for(&app, &asker, client, (&card, Usual::Little), body).await
}

/// Revokes an API key of one's own.
#[utoipa::path(delete, operation_id = "end_key", path = "/api/me/keys/{id}", tag = "doors", params(("id" = Uuid, Path)),
    responses((status = 204), Problems))]
pub async fn end_key(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    end_key_of_person(&app, &asker, client, asker.id, id).await
}

/// Keys of somebody, the latest first. Admins and auditors only.
#[utoipa::path(get, operation_id = "list_keys_of", path = "/api/people/{id}/keys", tag = "doors", params(("id" = Uuid, Path)),
    responses((status = 200, body = Page<KeyBody>), Problems))]
pub async fn list_keys_of(State(app): State<App>, _: Asker, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    app.directory.person(PersonId(id)).await?.ok_or_else(|| Problem::not_found("person"))?;
    keys_of(&app, PersonId(id)).await
}

/// Makes an API key for a program that is somebody of its own, or for somebody who does not sign in by themselves: whoever has an account
/// makes their own keys. It is shown once. Admins only.
#[utoipa::path(post, operation_id = "create_key", path = "/api/people/{id}/keys", tag = "doors", request_body = KeyRequest,
    params(("id" = Uuid, Path)), responses((status = 201, body = KeyMadeBody), Problems))]
pub async fn create_key(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
    Body(body): Body<KeyRequest>,
) -> Result<Response, Problem> {
    if asker.by_key() && asker.id.0 == id {
        return Err(Problem::not_allowed(
            "A key makes no keys of one's own: it would outlive itself. Sign in, and make it in your profile.",
        ));
    }
    let card = app.directory.person(PersonId(id)).await?.ok_or_else(|| Problem::not_found("person"))?;
    let account = app.accounts.account(AccountOf::Person(card.id)).await?;
    if card.id != asker.id && account.is_some_and(|a| a.password.is_some() || a.subject.is_some()) {
        return Err(Problem::not_allowed("Whoever signs in by themselves makes their own keys, in their profile."));
    }
    make_key_for(&app, &asker, client, (&card, Usual::All), body).await
}

/// Revokes a key of somebody. Admins only.
#[utoipa::path(delete, operation_id = "end_key_of", path = "/api/people/{id}/keys/{key}", tag = "doors",
    params(("id" = Uuid, Path), ("key" = Uuid, Path)), responses((status = 204), Problems))]
pub async fn end_key_of(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path((id, key)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    end_key_of_person(&app, &asker, client, PersonId(id), key).await
}
