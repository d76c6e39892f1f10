//! One's own profile and password.
//! Nobody else's is shown or changed here.

use super::super::Problems;
use super::{no_store, note, signed_in};
use crate::app::App;
use crate::auth::{self, Asker};
use crate::extract::Body;
use crate::password;
use crate::problem::{FieldError, Problem};
use crate::requests::Notes;
use crate::site::Client;
use crate::wire::{RoleBody, time};
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use slotwise_domain::PersonId;
use slotwise_engine::{AccountOf, AccountPatch, SecretKind, Which};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// The languages there are texts in.
const LANGUAGES: [&str; 3] = ["en", "de", "ar"];
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

pub(super) async fn profile_of(app: &App, id: PersonId) -> Result<ProfileBody, Problem> {
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
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    language: Option<String>,
    /// Such as `Europe/Berlin`, or null for the resource's.
    #[serde(deserialize_with = "Option::deserialize")]
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
