//! Coming in: the first set-up, sign-in and sign-out; below it sessions, passwords, keys, invitations, roles, and what was done with them.
//! It tells nobody whether there is an account, and shows a secret once at the most.

mod deeds;
mod invitations;
mod keys;
mod profile;
mod roles;
mod sessions;

pub use deeds::*;
pub use invitations::*;
pub use keys::*;
pub use profile::*;
pub use roles::*;
pub use sessions::*;

use super::{Over, Problems};
use crate::app::App;
use crate::auth::{self, Came, SESSION_MAX, Stranger};
use crate::extract::Body;
use crate::password;
use crate::problem::{FieldError, Problem};
use crate::requests::Notes;
use crate::site::Client;
use crate::wire::time;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lettre::Address;
use serde::{Deserialize, Serialize};
use slotwise_domain::{PersonId, Role, Span};
use slotwise_engine::doors::secret_id;
use slotwise_engine::{AccountOf, AccountPatch, PersonCard, Scopes, Secret, SecretKind, Which};
use std::sync::Arc;
use utoipa::ToSchema;

/// The longest name, in characters.
const NAME_MAX: usize = 200;
/// How long the code of the first start is good.
pub const SETUP_LASTS: Span = Span::hours(24);
/// What there is at the entrance.
#[derive(Debug, Serialize, ToSchema)]
pub struct DoorsBody {
    /// Nobody can administer this server yet: the code that it printed at its start begins.
    setup: bool,
    /// A forgotten password can be chosen anew by mail.
    reset: bool,
    /// What the button of the provider says; null if there is none.
    #[schema(required = true)]
    provider: Option<String>,
    /// Anybody may choose who to be.
    demo: bool,
    /// The server's clock.
    as_of: String,
}

/// What there is at the entrance of this server.
#[utoipa::path(get, operation_id = "read_doors", path = "/api/doors", tag = "doors", responses((status = 200, body = DoorsBody), Problems))]
pub async fn doors(State(app): State<App>, _: Stranger) -> Result<Json<DoorsBody>, Problem> {
    Ok(Json(DoorsBody {
        setup: app.demo.is_none() && !app.accounts.has_admin().await?,
        reset: app.links.is_some(),
        provider: app.provider.as_ref().map(|p| p.name().to_owned()),
        demo: app.demo.is_some(),
        as_of: time(app.engine.now()),
    }))
}

/// The first admin.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUpRequest {
    /// What the server printed when it was started.
    code: String,
    /// Their name.
    name: String,
    /// The address they sign in with.
    email: String,
    /// Their password; 10 characters at least.
    password: String,
}

/// Makes the first admin, with the code that the server printed at its start, and signs them in. Once.
#[utoipa::path(post, operation_id = "set_up", path = "/api/setup", tag = "doors", request_body = SetUpRequest,
    responses((status = 200, body = ProfileBody), Over, Problems))]
pub async fn set_up(
    State(app): State<App>,
    Stranger(client): Stranger,
    Extension(notes): Extension<Arc<Notes>>,
    headers: HeaderMap,
    Body(body): Body<SetUpRequest>,
) -> Result<Response, Problem> {
    app.rates.try_in(client, auth::secret_hash("set-up"), &notes)?;
    let (name, email) = (read_name(&body.name)?, read_email(&body.email)?);
    password::check("password", &body.password, &[&name, &email])?;
    if app.demo.is_some() || app.accounts.has_admin().await? {
        let detail = "This server has its admin already. Sign in, or ask them to invite you.";
        return Err(Problem::request(StatusCode::GONE, "set_up_already", "Set up already", detail));
    }
    let hash = app.passwords.hash(body.password).await?;
    let code = auth::secret_hash(&plain_code(&body.code));
    let taken = app.accounts.take_secret(code, SecretKind::Setup, app.engine.now()).await?;
    if taken.is_none() {
        let detail = "is not the code that the server printed; start it again for a new one";
        return Err(Problem::field(FieldError::new("code", "wrong", detail)));
    }
    let id = PersonId(app.engine.fresh_id());
    app.directory.put_person(PersonCard { id, name, title: String::new(), role: Role::Admin }).await?;
    let account = AccountPatch { login: Some(email.clone()), password: Some(hash), ..AccountPatch::default() };
    app.accounts.put_account(id, account).await?;
    app.post.put_address(id, Some(email)).await?;
    note(&app, client, Some(id), Some(id), "set_up", "").await?;
    signed_in(&app, client, &headers, id).await
}

/// A code as it is compared: letters and digits, small.
pub fn plain_code(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(64).collect()
}

/// An address and a password.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// The address they sign in with.
    email: String,
    /// Their password.
    password: String,
}

/// Signs in with an address and a password. The session comes as a cookie. Whether it was the address or the password that is wrong is
/// not told.
#[utoipa::path(post, operation_id = "sign_in", path = "/api/session", tag = "doors", request_body = SignInRequest,
    responses((status = 200, body = ProfileBody), Problems))]
pub async fn sign_in(
    State(app): State<App>,
    Stranger(client): Stranger,
    Extension(notes): Extension<Arc<Notes>>,
    headers: HeaderMap,
    Body(body): Body<SignInRequest>,
) -> Result<Response, Problem> {
    let login = plain_email(&body.email);
    app.rates.try_in(client, auth::secret_hash(&login), &notes)?;
    let account = app.accounts.account(AccountOf::Login(login)).await?;
    let hash = account.as_ref().and_then(|account| account.password.clone());
    let right = app.passwords.verify(body.password, hash).await?;
    match account {
        Some(account) if right => {
            note(&app, client, Some(account.person), Some(account.person), "signed_in", "password").await?;
            signed_in(&app, client, &headers, account.person).await
        }
        Some(account) => {
            note(&app, client, None, Some(account.person), "sign_in_refused", "password").await?;
            Err(wrong())
        }
        None => Err(wrong()),
    }
}

fn wrong() -> Problem {
    let detail = "The address or the password is not right.";
    Problem::request(StatusCode::UNAUTHORIZED, "wrong_password", "Not signed in", detail)
}

/// Begins a session, ends the one before in the same browser, and says who is signed in.
pub async fn signed_in(app: &App, client: Client, headers: &HeaderMap, id: PersonId) -> Result<Response, Problem> {
    let cookie = begin_session(app, client, headers, id).await?;
    Ok(([(header::SET_COOKIE, cookie)], no_store(profile_of(app, id).await?)).into_response())
}

/// Begins a session and says its cookie.
pub async fn begin_session(app: &App, client: Client, headers: &HeaderMap, id: PersonId) -> Result<String, Problem> {
    let now = app.engine.now();
    if let Some(Came::Session(before)) = auth::came(app, &without_key(headers), None) {
        // Whoever it was: in this browser it is somebody else's from now on.
        if let Some(owner) = app.accounts.door(before, now).await?.map(|door| door.card.id) {
            app.accounts.end_secrets(owner, vec![SecretKind::Session], Which::Only(secret_id(&before))).await?;
        }
    }
    let secret = auth::plain_secret();
    let label = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let session = Secret {
        sha256: auth::secret_hash(&secret),
        kind: SecretKind::Session,
        person: Some(id),
        label: label.chars().take(LABEL_MAX).collect(),
        scopes: Scopes::ALL,
        made_at: now,
        made_by: None,
        seen_at: Some(now),
        until: Some(now.plus(SESSION_MAX)),
    };
    app.accounts.put_secret(session).await?;
    for old in app.accounts.secrets_of(id, SecretKind::Session).await?.iter().skip(SESSIONS_MAX) {
        app.accounts.end_secrets(id, vec![SecretKind::Session], Which::Only(old.id())).await?;
    }
    Ok(auth::session_cookie(client, Some(&secret)))
}

fn without_key(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(header::AUTHORIZATION);
    headers
}

fn no_store<T: Serialize>(body: T) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Signs out: the session ends here and for its sockets. Without one nothing is done.
#[utoipa::path(delete, operation_id = "sign_out", path = "/api/session", tag = "doors", responses((status = 204), Problems))]
pub async fn sign_out(
    State(app): State<App>,
    Stranger(client): Stranger,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(Came::Session(session)) = auth::came(&app, &without_key(&headers), None)
        && let Some(door) = app.accounts.door(session, app.engine.now()).await?
    {
        let id = door.card.id;
        app.accounts.end_secrets(id, vec![SecretKind::Session], Which::Only(secret_id(&session))).await?;
        note(&app, client, Some(id), Some(id), "signed_out", "").await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, auth::session_cookie(client, None))]).into_response())
}

fn read_name(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    match name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        true => Err(Problem::field(FieldError::new("name", "out_of_range", "must have 1 to 200 characters"))),
        false => Ok(name.to_owned()),
    }
}

/// An address as it is kept and compared.
pub fn plain_email(text: &str) -> String {
    text.trim().to_lowercase()
}

fn read_email(text: &str) -> Result<String, Problem> {
    let email = plain_email(text);
    match email.parse::<Address>() {
        // RFC 5321, 4.5.3.1.3: a path is of 256, its brackets among them.
        Ok(_) if email.len() <= 254 => Ok(email),
        Ok(_) | Err(_) => {
            let says = "must be an address such as ann@example.edu, of 254 characters at the most";
            Err(Problem::field(FieldError::new("email", "not_understood", says)))
        }
    }
}
