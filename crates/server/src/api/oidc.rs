//! Signing in by the provider: the way there and the way back.
//! Somebody who is not known by the provider's name for them comes in by an invitation, by linking it themselves, or not at all.

use super::Problems;
use super::doors::{begin_session, link_over, note};
use crate::app::App;
use crate::auth::{self, Asker, Stranger, cookie};
use crate::extract::{Body, Query};
use crate::oidc::{Kept, Vouched};
use crate::problem::{FieldError, Problem};
use crate::site::Client;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use slotwise_domain::{PersonId, Role};
use slotwise_engine::{AccountOf, AccountPatch, AccountPut, PersonCard, SecretKind};
use utoipa::{IntoParams, ToSchema};

/// The cookie of a sign-in that has begun.
const COOKIE: &str = "slotwise_oidc";
const COOKIE_TLS: &str = "__Host-slotwise_oidc";
/// How long somebody may be at the provider, in seconds.
const AWAY_MAX_S: u32 = 600;

/// What somebody goes to the provider for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To sign in.
    SignIn,
    /// To sign in so from then on, for somebody who is signed in.
    Link,
    /// To accept an invitation.
    Invitation,
}

/// What for.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginRequest {
    /// What for.
    purpose: Purpose,
    /// What stands behind the `#` of an invitation's link.
    token: Option<String>,
}

/// Where to go.
#[derive(Debug, Serialize, ToSchema)]
pub struct BegunBody {
    /// The provider's page.
    url: String,
}

/// Begins a sign-in by the provider: the page goes where this says, and comes back signed in.
#[utoipa::path(post, operation_id = "begin_provider_sign_in", path = "/api/oidc/begin", tag = "doors", request_body = BeginRequest,
    responses((status = 200, body = BegunBody), Problems))]
pub async fn begin(
    State(app): State<App>,
    Stranger(client): Stranger,
    Body(body): Body<BeginRequest>,
) -> Result<Response, Problem> {
    let provider = app.provider.as_ref().ok_or_else(|| Problem::not_found("provider: none is configured"))?;
    let plain = |token: &str| token.len() <= 64 && token.bytes().all(|b| b.is_ascii_alphanumeric());
    let what = match (body.purpose, body.token.as_deref()) {
        (Purpose::SignIn, None) => "sign_in",
        (Purpose::Link, None) => "link",
        (Purpose::Invitation, Some(token)) if plain(token) => token,
        (Purpose::SignIn | Purpose::Link, Some(_)) | (Purpose::Invitation, _) => {
            return Err(Problem::field(FieldError::new("token", "not_understood", "goes with an invitation")));
        }
    };
    let begun = provider.begin().await.map_err(|e| {
        tracing::warn!("sign-in by the provider cannot begin: {e}");
        let detail = "The provider does not answer. Try again in a moment, or sign in another way.";
        Problem::request(StatusCode::BAD_GATEWAY, "provider_failed", "Provider not available", detail)
    })?;
    let Kept { state, nonce, verifier } = begun.kept;
    let cookie = kept_cookie(client, &format!("{state}.{nonce}.{verifier}.{what}"), AWAY_MAX_S);
    let cached = (header::CACHE_CONTROL, "no-store".to_owned());
    Ok(([(header::SET_COOKIE, cookie), cached], Json(BegunBody { url: begun.url })).into_response())
}

fn kept_cookie(client: Client, value: &str, age_s: u32) -> String {
    let (name, secure) = if client.secure { (COOKIE_TLS, "; Secure") } else { (COOKIE, "") };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}")
}

/// What the provider says in the address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackQuery {
    /// What is given for a token.
    code: Option<String>,
    /// What this browser was given when it began.
    state: Option<String>,
    /// Who answers.
    iss: Option<String>,
    /// Why not.
    error: Option<String>,
}

/// The way back from the provider. It leads to the page in every case: signed in, or with what went wrong in `sign_in`.
#[utoipa::path(get, operation_id = "end_provider_sign_in", path = "/api/oidc/callback", tag = "doors", params(CallbackQuery),
    responses((status = 303, description = "to the page"), Problems))]
pub async fn callback(
    State(app): State<App>,
    Stranger(client): Stranger,
    headers: HeaderMap,
    Query(q): Query<CallbackQuery>,
) -> Response {
    let (to, session) = match come_back(&app, client, &headers, q).await {
        Ok((to, session)) => (to, Some(session)),
        Err(problem) => {
            tracing::info!(code = problem.code, "nobody came in by the provider: {}", problem.detail);
            (format!("/?sign_in={}", problem.code), None)
        }
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let cookies = [Some(kept_cookie(client, "", 0)), session.flatten()];
    for cookie in cookies.into_iter().flatten().filter_map(|c| HeaderValue::from_str(&c).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if let Ok(to) = HeaderValue::from_str(&to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

fn failed(code: &str, detail: &str) -> Problem {
    Problem::request(StatusCode::FORBIDDEN, code, "Not signed in", detail)
}

/// Where to, and the session's cookie if there is a new one.
async fn come_back(
    app: &App,
    client: Client,
    headers: &HeaderMap,
    q: CallbackQuery,
) -> Result<(String, Option<String>), Problem> {
    let provider = app.provider.as_ref().ok_or_else(|| failed("provider_failed", "no provider is configured"))?;
    let name = if client.secure { COOKIE_TLS } else { COOKIE };
    let kept = cookie(headers, name).map(|kept| kept.split('.').map(str::to_owned).collect::<Vec<_>>());
    let Some([state, nonce, verifier, what]) = kept.as_deref() else {
        return Err(failed("provider_expired", "this browser has not begun a sign-in, or too long ago"));
    };
    if q.state.as_deref() != Some(state) {
        return Err(failed("provider_expired", "what came back is of another sign-in"));
    }
    let (Some(code), None) = (q.code, q.error) else {
        return Err(failed("provider_denied", "the provider says no"));
    };
    let kept = Kept { state: state.clone(), nonce: nonce.clone(), verifier: verifier.clone() };
    let vouched = provider.end(code, q.iss.as_deref(), kept).await.map_err(|e| {
        tracing::warn!("the provider: {e}");
        failed("provider_failed", "the provider does not vouch")
    })?;
    let known = app.accounts.account(AccountOf::Subject(vouched.subject.clone())).await?.map(|account| account.person);
    match what.as_str() {
        "link" => {
            let asker: Option<Asker> = auth::whoever(app, headers, None).await?;
            let asker = asker.filter(|asker| !asker.by_key()).ok_or_else(Problem::unauthenticated)?;
            link(app, client, asker.id, vouched).await?;
            Ok(("/profile".into(), None))
        }
        "sign_in" => {
            let id = match known {
                Some(id) => id,
                None if provider.new_people() => new_person(app, client, vouched).await?,
                None => return Err(failed("provider_unknown", "nobody here is called so by the provider")),
            };
            note(app, client, Some(id), Some(id), "signed_in", "provider").await?;
            Ok(("/".into(), Some(begin_session(app, client, headers, id).await?)))
        }
        token => {
            if known.is_some() {
                return Err(failed("provider_taken", "the provider's name for them is somebody's already"));
            }
            let hash = auth::secret_hash(token);
            let taken = app.accounts.take_secret(hash, SecretKind::Invitation, app.engine.now()).await?;
            let id = taken.and_then(|link| link.person).ok_or_else(link_over)?;
            link(app, client, id, vouched).await?;
            note(app, client, Some(id), Some(id), "invitation_accepted", "provider").await?;
            Ok(("/".into(), Some(begin_session(app, client, headers, id).await?)))
        }
    }
}

async fn link(app: &App, client: Client, id: PersonId, vouched: Vouched) -> Result<(), Problem> {
    let patch = AccountPatch { subject: Some(vouched.subject), ..AccountPatch::default() };
    match app.accounts.put_account(id, patch).await? {
        AccountPut::Put => note(app, client, Some(id), Some(id), "provider_linked", "").await,
        AccountPut::Taken => Err(failed("provider_taken", "the provider's name for them is somebody's already")),
        AccountPut::NoPerson => Err(Problem::unauthenticated()),
    }
}

async fn new_person(app: &App, client: Client, vouched: Vouched) -> Result<PersonId, Problem> {
    let id = PersonId(app.engine.fresh_id());
    let given = vouched.name.clone().unwrap_or_default();
    let name: String = given.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    let name = if name.is_empty() { "Somebody new".to_owned() } else { name };
    app.directory.put_person(PersonCard { id, name, title: String::new(), role: Role::Member }).await?;
    link(app, client, id, vouched).await?;
    Ok(id)
}
