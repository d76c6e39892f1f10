//! Coming in: the first set-up, sign-in and sign-out, sessions, passwords, keys, invitations, roles, and what was done with them.
//! It tells nobody whether there is an account, and shows a secret once at the most.

use super::{Over, Problems};
use crate::app::App;
use crate::auth::{self, Asker, Came, SESSION_MAX, Stranger};
use crate::extract::{Body, Path, Query, page_size};
use crate::mail::Link;
use crate::password;
use crate::problem::{FieldError, Problem};
use crate::requests::Notes;
use crate::site::Client;
use crate::wire::{Page, RoleBody, time};
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use lettre::Address;
use serde::{Deserialize, Serialize};
use slotwise_domain::{Instant, PersonId, ResourceId, Role, Span};
use slotwise_engine::doors::{MANAGES_MAX, secret_id};
use slotwise_engine::{
    AccountOf, AccountPatch, AccountPut, Deed, PersonCard, PersonRow, RolePut, RowPut, Scopes, Secret, SecretKind,
    Which,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How long an invitation may be accepted.
const INVITATION_LASTS: Span = Span::hours(7 * 24);
/// How long a password may be chosen anew by a link.
const RESET_LASTS: Span = Span::hours(1);
/// How long the code of the first start is good.
pub const SETUP_LASTS: Span = Span::hours(24);
/// The longest label of a key, in characters.
const LABEL_MAX: usize = 100;
/// The longest name, in characters.
const NAME_MAX: usize = 200;
/// Keys of one person.
const KEYS_MAX: usize = 50;
/// Sessions of one person; the oldest end.
const SESSIONS_MAX: usize = 50;
/// The languages there are texts in.
const LANGUAGES: [&str; 3] = ["en", "de", "ar"];

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

/// Who somebody is, how they sign in and how they like it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileBody {
    /// Their id.
    id: Uuid,
    /// Their name.
    name: String,
    /// What they are called.
    title: String,
    /// What they may do.
    role: RoleBody,
    /// Resources and groups that they manage.
    manages: Vec<Uuid>,
    /// The address they sign in with.
    #[schema(required = true)]
    email: Option<String>,
    /// Whether they have a password.
    has_password: bool,
    /// Whether they can sign in by the provider.
    has_provider: bool,
    /// Their language, `en`, `de` or `ar`; null if they did not say.
    #[schema(required = true)]
    language: Option<String>,
    /// Their zone, such as `Europe/Berlin`; null if they did not say.
    #[schema(required = true)]
    zone: Option<String>,
    /// Whether this is a demo.
    demo: bool,
    /// The server's clock.
    as_of: String,
}

async fn profile_of(app: &App, id: PersonId) -> Result<ProfileBody, Problem> {
    let card = app.directory.person(id).await?.ok_or_else(Problem::unauthenticated)?;
    let account = app.accounts.account(AccountOf::Person(id)).await?;
    let manages = app.accounts.manages(id).await?.into_iter().map(|id| id.0).collect();
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    let (email, has_password, has_provider, language, zone) = match account {
        Some(a) => (a.login, a.password.is_some(), a.subject.is_some(), said(a.language), said(a.zone)),
        None => (None, false, false, None, None),
    };
    Ok(ProfileBody {
        id: id.0,
        name: card.name,
        title: card.title,
        role: card.role.into(),
        manages,
        email,
        has_password,
        has_provider,
        language,
        zone,
        demo: app.demo.is_some(),
        as_of: time(app.engine.now()),
    })
}

/// One's own profile.
#[utoipa::path(get, operation_id = "read_profile", path = "/api/me/profile", tag = "doors", responses((status = 200, body = ProfileBody), Problems))]
pub async fn profile(State(app): State<App>, asker: Asker) -> Result<Response, Problem> {
    Ok(no_store(profile_of(&app, asker.id).await?))
}

/// How somebody likes it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileRequest {
    /// `en`, `de`, `ar`, or null for the browser's. Letters are in English where they are not in German.
    #[schema(required = true)]
    language: Option<String>,
    /// Such as `Europe/Berlin`, or null for the resource's.
    #[schema(required = true)]
    zone: Option<String>,
}

/// Says one's language and zone.
#[utoipa::path(put, operation_id = "put_profile", path = "/api/me/profile", tag = "doors", request_body = ProfileRequest,
    responses((status = 200, body = ProfileBody), Problems))]
pub async fn put_profile(
    State(app): State<App>,
    asker: Asker,
    Body(body): Body<ProfileRequest>,
) -> Result<Response, Problem> {
    if body.language.as_deref().is_some_and(|language| !LANGUAGES.contains(&language)) {
        return Err(Problem::field(FieldError::new("language", "not_understood", "must be en, de or ar")));
    }
    if body.zone.as_deref().is_some_and(|zone| TimeZone::get(zone).is_err()) {
        return Err(Problem::field(FieldError::new("zone", "not_understood", "must be a zone such as Europe/Berlin")));
    }
    let (language, zone) = (Some(body.language.unwrap_or_default()), Some(body.zone.unwrap_or_default()));
    app.accounts.put_account(asker.id, AccountPatch { language, zone, ..AccountPatch::default() }).await?;
    Ok(no_store(profile_of(&app, asker.id).await?))
}

/// A new password.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The one until now; left out if there is none.
    current: Option<String>,
    /// The new one; 10 characters at least.
    new: String,
}

/// Changes one's password. All other sessions end, and this one has a new secret.
#[utoipa::path(put, operation_id = "put_password", path = "/api/me/password", tag = "doors", request_body = PasswordRequest,
    responses((status = 200, body = ProfileBody), Problems))]
pub async fn put_password(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Extension(notes): Extension<Arc<Notes>>,
    headers: HeaderMap,
    Body(body): Body<PasswordRequest>,
) -> Result<Response, Problem> {
    app.rates.try_in(client, auth::secret_hash(&asker.id.to_string()), &notes)?;
    let account = app.accounts.account(AccountOf::Person(asker.id)).await?;
    let Some((account, login)) = account.and_then(|a| a.login.clone().map(|login| (a, login))) else {
        return Err(Problem::not_allowed("You do not sign in with a password here. Ask an admin for an invitation."));
    };
    password::check("new", &body.new, &[&asker.name, &login])?;
    if account.password.is_some() {
        let right = app.passwords.verify(body.current.unwrap_or_default(), account.password).await?;
        if !right {
            note(&app, client, Some(asker.id), Some(asker.id), "password_refused", "").await?;
            return Err(Problem::field(FieldError::new("current", "wrong", "is not your password")));
        }
    }
    let password = Some(app.passwords.hash(body.new).await?);
    app.accounts.put_account(asker.id, AccountPatch { password, ..AccountPatch::default() }).await?;
    let kinds = vec![SecretKind::Session, SecretKind::Reset];
    app.accounts.end_secrets(asker.id, kinds, Which::All).await?;
    note(&app, client, Some(asker.id), Some(asker.id), "password_set", "").await?;
    signed_in(&app, client, &headers, asker.id).await
}

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

/// What somebody may do.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// What they may do.
    role: RoleBody,
    /// Resources and groups that a manager manages; 500 at the most. For other roles empty.
    #[serde(default)]
    manages: Vec<Uuid>,
}

impl RoleRequest {
    fn read(&self) -> Result<(Role, BTreeSet<ResourceId>), Problem> {
        let role = Role::from(self.role);
        let over: BTreeSet<ResourceId> = self.manages.iter().copied().map(ResourceId).collect();
        if over.len() > MANAGES_MAX {
            return Err(Problem::field(FieldError::new("manages", "out_of_range", "must be 500 at the most")));
        }
        match (role, over.is_empty()) {
            (Role::Manager, true) => {
                let says = "must name what a manager manages: resources or groups";
                Err(Problem::field(FieldError::new("manages", "missing", says)))
            }
            (Role::Member | Role::Admin | Role::Auditor, false) => {
                Err(Problem::field(FieldError::new("manages", "out_of_range", "is only said of a manager")))
            }
            (Role::Member | Role::Admin | Role::Auditor | Role::Manager, _) => Ok((role, over)),
        }
    }
}

/// Says what somebody may do, from the next decision on. Their sessions end, and keys that would allow more are revoked. The only admin
/// stays one. Admins only.
#[utoipa::path(put, operation_id = "put_role", path = "/api/people/{id}/role", tag = "doors", request_body = RoleRequest,
    params(("id" = Uuid, Path)), responses((status = 204), Problems))]
pub async fn put_role(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
    Body(body): Body<RoleRequest>,
) -> Result<StatusCode, Problem> {
    let (role, over) = body.read()?;
    for resource in &over {
        if app.resource(*resource).is_none() {
            return Err(Problem::field(FieldError::new("manages", "unknown", "names a resource that is not there")));
        }
    }
    let id = PersonId(id);
    let before = app.directory.person(id).await?.map(|card| card.role);
    let managed = over.len();
    role_put(app.accounts.put_role(id, role, over).await?)?;
    if before != Some(role) {
        app.accounts.end_secrets(id, vec![SecretKind::Session], Which::All).await?;
        for key in app.accounts.secrets_of(id, SecretKind::Key).await? {
            if !Scopes::of_role(role).allow(key.scopes) && key.scopes != Scopes::ALL {
                app.accounts.end_secrets(id, vec![SecretKind::Key], Which::Only(key.id())).await?;
            }
        }
    }
    let detail = format!("{:?} of {managed}", RoleBody::from(role)).to_lowercase();
    note(&app, client, Some(asker.id), Some(id), "role_set", &detail).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn role_put(put: RolePut) -> Result<(), Problem> {
    match put {
        RolePut::Put => Ok(()),
        RolePut::NoPerson => Err(Problem::not_found("person")),
        RolePut::LastAdmin => {
            let detail = "This is the only admin: make somebody else one first.";
            Err(Problem::request(StatusCode::CONFLICT, "last_admin", "The only admin", detail))
        }
    }
}

/// Lets nobody in who is this person, until they are restored; their bookings stay. Admins only.
#[utoipa::path(post, operation_id = "suspend_person", path = "/api/people/{id}/suspend", tag = "doors", params(("id" = Uuid, Path)),
    responses((status = 204), Problems))]
pub async fn suspend(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    suspend_or_not(&app, &asker, client, PersonId(id), true).await
}

/// Lets a suspended person in again. Admins only.
#[utoipa::path(post, operation_id = "restore_person", path = "/api/people/{id}/restore", tag = "doors", params(("id" = Uuid, Path)),
    responses((status = 204), Problems))]
pub async fn restore(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    suspend_or_not(&app, &asker, client, PersonId(id), false).await
}

async fn suspend_or_not(
    app: &App,
    asker: &Asker,
    client: Client,
    id: PersonId,
    so: bool,
) -> Result<StatusCode, Problem> {
    role_put(app.accounts.put_suspended(id, so).await?)?;
    if so {
        app.accounts.end_secrets(id, vec![SecretKind::Session], Which::All).await?;
    }
    note(app, client, Some(asker.id), Some(id), if so { "suspended" } else { "restored" }, "").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody new.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// Their name.
    name: String,
    /// The address they will sign in with, and where the invitation goes.
    email: String,
    /// What they are called, such as Teacher.
    #[serde(default)]
    title: String,
    /// What they may do; a member if left out.
    role: Option<RoleBody>,
    /// Resources and groups that a manager manages.
    #[serde(default)]
    manages: Vec<Uuid>,
}

/// An invitation that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitedBody {
    /// Whom it is for.
    person: Uuid,
    /// Until when it may be accepted.
    until: String,
    /// Whether it was handed to the mail server.
    sent: bool,
    /// Where no letters are sent, the link to hand over: it is shown this once.
    #[schema(required = true)]
    link: Option<String>,
}

/// Makes somebody and invites them: by a letter, or where none are sent by a link to hand over. Admins only.
#[utoipa::path(post, operation_id = "invite", path = "/api/invitations", tag = "doors", request_body = InviteRequest,
    responses((status = 201, body = InvitedBody), Problems))]
pub async fn invite(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Body(body): Body<InviteRequest>,
) -> Result<Response, Problem> {
    let (name, email) = (read_name(&body.name)?, read_email(&body.email)?);
    if body.title.chars().count() > NAME_MAX {
        return Err(Problem::field(FieldError::new("title", "out_of_range", "must have 200 characters at the most")));
    }
    let role = RoleRequest { role: body.role.unwrap_or(RoleBody::Member), manages: body.manages };
    let (role, over) = role.read()?;
    if app.accounts.account(AccountOf::Login(email.clone())).await?.is_some() {
        return Err(taken());
    }
    let row = PersonRow {
        id: None,
        fresh: PersonId(app.engine.fresh_id()),
        external_id: None,
        name,
        title: Some(body.title),
        role: Some(role),
        email: Some(email.clone()),
        tags: None,
    };
    let put = app.directory.put_people(vec![row], false).await?;
    let Some(RowPut::Made(id)) = put.into_iter().next() else { return Err(Problem::unavailable()) };
    app.accounts.put_role(id, role, over).await?;
    invite_person(&app, &asker, client, id, email).await
}

/// An address for somebody who is there already.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InviteAgainRequest {
    /// The address they will sign in with; the one that letters go to, if left out.
    email: Option<String>,
}

/// Invites somebody who is there, or again; an invitation before this one is over. Admins only.
#[utoipa::path(post, operation_id = "invite_again", path = "/api/people/{id}/invitation", tag = "doors", request_body = InviteAgainRequest,
    params(("id" = Uuid, Path)), responses((status = 201, body = InvitedBody), Problems))]
pub async fn invite_again(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
    Body(body): Body<InviteAgainRequest>,
) -> Result<Response, Problem> {
    let id = PersonId(id);
    app.directory.person(id).await?.ok_or_else(|| Problem::not_found("person"))?;
    let account = app.accounts.account(AccountOf::Person(id)).await?;
    if account.as_ref().is_some_and(|a| a.password.is_some() || a.subject.is_some()) {
        let detail = "They have come in already. They choose a new password by themselves.";
        return Err(Problem::request(StatusCode::CONFLICT, "has_account", "Has an account", detail));
    }
    let email = match &body.email {
        Some(email) => read_email(email)?,
        None => {
            let missing = || Problem::field(FieldError::new("email", "missing", "is missing: none is known"));
            plain_email(&app.post.address(id).await?.ok_or_else(missing)?)
        }
    };
    invite_person(&app, &asker, client, id, email).await
}

async fn invite_person(
    app: &App,
    asker: &Asker,
    client: Client,
    id: PersonId,
    email: String,
) -> Result<Response, Problem> {
    let login = AccountPatch { login: Some(email.clone()), ..AccountPatch::default() };
    if app.accounts.put_account(id, login).await? == AccountPut::Taken {
        return Err(taken());
    }
    app.accounts.end_secrets(id, vec![SecretKind::Invitation], Which::All).await?;
    let (secret, until) = put_link(app, SecretKind::Invitation, id, Some(asker.id), INVITATION_LASTS).await?;
    let link = format!("{}/invitation#{secret}", app.base);
    note(app, client, Some(asker.id), Some(id), "invited", "").await?;
    let sent = match &app.links {
        Some(links) => links.send(Link::invitation(app, id, email, &asker.name, &link).await?),
        None => false,
    };
    let body = InvitedBody { person: id.0, until: time(until), sent, link: (!sent).then_some(link) };
    Ok((StatusCode::CREATED, no_store(body)).into_response())
}

fn taken() -> Problem {
    Problem::field(FieldError::new("email", "taken", "is somebody else's already"))
}

async fn put_link(
    app: &App,
    kind: SecretKind,
    id: PersonId,
    by: Option<PersonId>,
    lasts: Span,
) -> Result<(String, Instant), Problem> {
    let (secret, now) = (auth::plain_secret(), app.engine.now());
    let until = now.plus(lasts);
    let link = Secret {
        kind,
        made_at: now,
        made_by: by,
        until: Some(until),
        ..Secret::key(auth::secret_hash(&secret), id, String::new())
    };
    app.accounts.put_secret(link).await?;
    Ok((secret, until))
}

/// What came with a link.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookRequest {
    /// What stands behind the `#` of the link.
    token: String,
}

/// For whom an invitation is.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationBody {
    /// Their name.
    name: String,
    /// The address they will sign in with.
    #[schema(required = true)]
    email: Option<String>,
    /// What the button of the provider says; null if there is none.
    #[schema(required = true)]
    provider: Option<String>,
}

/// Looks at an invitation, before it is accepted. It stays as it is.
#[utoipa::path(post, operation_id = "look_at_invitation", path = "/api/invitations/look", tag = "doors", request_body = LookRequest,
    responses((status = 200, body = InvitationBody), Over, Problems))]
pub async fn look_at_invitation(
    State(app): State<App>,
    _: Stranger,
    Body(body): Body<LookRequest>,
) -> Result<Response, Problem> {
    let hash = auth::secret_hash(&body.token);
    let found = app.accounts.secret(hash, SecretKind::Invitation, app.engine.now()).await?;
    let id = found.and_then(|link| link.person).ok_or_else(link_over)?;
    let card = app.directory.person(id).await?.ok_or_else(link_over)?;
    let email = app.accounts.account(AccountOf::Person(id)).await?.and_then(|account| account.login);
    let provider = app.provider.as_ref().map(|p| p.name().to_owned());
    Ok(no_store(InvitationBody { name: card.name, email, provider }))
}

/// A link that is of no use.
pub fn link_over() -> Problem {
    let detail = "This link was used already, or its time is over. Ask for a new one.";
    Problem::request(StatusCode::GONE, "link_over", "Link not valid any more", detail)
}

/// What came with a link, and a password.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseRequest {
    /// What stands behind the `#` of the link.
    token: String,
    /// The password; 10 characters at least.
    password: String,
}

/// Accepts an invitation with a password, and signs in. A link is good once.
#[utoipa::path(post, operation_id = "accept_invitation", path = "/api/invitations/accept", tag = "doors", request_body = ChooseRequest,
    responses((status = 200, body = ProfileBody), Over, Problems))]
pub async fn accept_invitation(
    State(app): State<App>,
    Stranger(client): Stranger,
    headers: HeaderMap,
    Body(body): Body<ChooseRequest>,
) -> Result<Response, Problem> {
    choose(&app, client, &headers, SecretKind::Invitation, "invitation_accepted", body).await
}

/// Chooses a new password by a link, and signs in; all other sessions end. A link is good once.
#[utoipa::path(post, operation_id = "reset_password", path = "/api/password-reset/finish", tag = "doors", request_body = ChooseRequest,
    responses((status = 200, body = ProfileBody), Over, Problems))]
pub async fn reset_password(
    State(app): State<App>,
    Stranger(client): Stranger,
    headers: HeaderMap,
    Body(body): Body<ChooseRequest>,
) -> Result<Response, Problem> {
    choose(&app, client, &headers, SecretKind::Reset, "password_reset", body).await
}

async fn choose(
    app: &App,
    client: Client,
    headers: &HeaderMap,
    kind: SecretKind,
    what: &str,
    body: ChooseRequest,
) -> Result<Response, Problem> {
    let (hash, now) = (auth::secret_hash(&body.token), app.engine.now());
    let id = app.accounts.secret(hash, kind, now).await?.and_then(|link| link.person).ok_or_else(link_over)?;
    let card = app.directory.person(id).await?.ok_or_else(link_over)?;
    let login = app.accounts.account(AccountOf::Person(id)).await?.and_then(|account| account.login);
    // What is wrong with the password is said before the link is used up.
    password::check("password", &body.password, &[&card.name, login.as_deref().unwrap_or_default()])?;
    let password = Some(app.passwords.hash(body.password).await?);
    app.accounts.take_secret(hash, kind, now).await?.ok_or_else(link_over)?;
    app.accounts.put_account(id, AccountPatch { password, ..AccountPatch::default() }).await?;
    let kinds = vec![SecretKind::Session, SecretKind::Reset, SecretKind::Invitation];
    app.accounts.end_secrets(id, kinds, Which::All).await?;
    note(app, client, Some(id), Some(id), what, "").await?;
    signed_in(app, client, headers, id).await
}

/// Whose password was forgotten.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    /// The address they sign in with.
    email: String,
}

/// Sends a link for a new password to an address, if somebody signs in with it. The answer is the same if nobody does, and comes before
/// that is looked up.
#[utoipa::path(post, operation_id = "ask_for_reset", path = "/api/password-reset", tag = "doors", request_body = ResetRequest,
    responses((status = 204, description = "the same, whoever there is"), Problems))]
pub async fn ask_for_reset(
    State(app): State<App>,
    Stranger(client): Stranger,
    Extension(notes): Extension<Arc<Notes>>,
    Body(body): Body<ResetRequest>,
) -> Result<StatusCode, Problem> {
    let email = read_email(&body.email)?;
    app.rates.try_in(client, auth::secret_hash(&format!("reset {email}")), &notes)?;
    let Some(links) = app.links.clone() else {
        return Err(Problem::not_found("way to choose a new password: this server sends no letters. Ask an admin"));
    };
    links.begin(email, client);
    Ok(StatusCode::NO_CONTENT)
}

/// Writes the letter for whoever forgot a password, if somebody signs in with this address.
pub async fn reset_letter(app: &App, email: &str, client: Client) -> Result<Option<Link>, Problem> {
    let Some(account) = app.accounts.account(AccountOf::Login(email.to_owned())).await? else { return Ok(None) };
    if account.password.is_none() {
        return Ok(None);
    }
    app.accounts.end_secrets(account.person, vec![SecretKind::Reset], Which::All).await?;
    let (secret, _) = put_link(app, SecretKind::Reset, account.person, None, RESET_LASTS).await?;
    note(app, client, None, Some(account.person), "reset_asked", "").await?;
    let link = format!("{}/reset#{secret}", app.base);
    Ok(Some(Link::reset(app, account.person, email.to_owned(), &link).await?))
}

/// Which deeds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeedsQuery {
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<Uuid>,
}

/// Something that was done with accounts, sessions, keys, roles.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeedBody {
    /// Its name.
    id: Uuid,
    /// When.
    at: String,
    /// By whom, if anybody was known.
    #[schema(required = true)]
    by: Option<Uuid>,
    /// To whom.
    #[schema(required = true)]
    person: Option<Uuid>,
    /// What, such as `signed_in`, `key_made` or `role_set`.
    what: String,
    /// What else there is to say; never a secret.
    detail: String,
    /// From which address.
    address: String,
}

/// What was done with accounts, sessions, keys and roles, the latest first. Admins and auditors only.
#[utoipa::path(get, operation_id = "read_deeds", path = "/api/deeds", tag = "doors", params(DeedsQuery),
    responses((status = 200, body = Page<DeedBody>), Problems))]
pub async fn deeds(
    State(app): State<App>,
    _: Asker,
    Query(q): Query<DeedsQuery>,
) -> Result<Json<Page<DeedBody>>, Problem> {
    let max = page_size(q.limit)?;
    let mut found = app.accounts.deeds(q.after, max + 1).await?;
    let more = found.len() > max;
    found.truncate(max);
    let next = found.last().filter(|_| more).map(|deed| deed.id.to_string());
    let items = found.into_iter().map(|d| DeedBody {
        id: d.id,
        at: time(d.at),
        by: d.by.map(|id| id.0),
        person: d.person.map(|id| id.0),
        what: d.what,
        detail: d.detail,
        address: d.address,
    });
    Ok(Json(Page { items: items.collect(), next, as_of: time(app.engine.now()) }))
}

/// Writes down what was done.
pub async fn note(
    app: &App,
    client: Client,
    by: Option<PersonId>,
    person: Option<PersonId>,
    what: &str,
    detail: &str,
) -> Result<(), Problem> {
    let (id, at) = (app.engine.fresh_id(), app.engine.now());
    let (what, detail, address) = (what.to_owned(), detail.to_owned(), client.address.to_string());
    Ok(app.accounts.note(Deed { id, at, by, person, what, detail, address }).await?)
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
    text.trim().chars().take(254).collect::<String>().to_lowercase()
}

fn read_email(text: &str) -> Result<String, Problem> {
    let email = plain_email(text);
    match email.parse::<Address>() {
        Ok(_) => Ok(email),
        Err(_) => {
            let says = "must be an address such as ann@example.edu";
            Err(Problem::field(FieldError::new("email", "not_understood", says)))
        }
    }
}
