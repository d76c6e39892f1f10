//! Invitations and the reset of a forgotten password: links by mail, and what one chooses behind them.
//! It tells nobody whether there is an account.

use super::super::{Over, Problems};
use super::{NAME_MAX, ProfileBody, RoleRequest, no_store, note, plain_email, read_email, read_name, signed_in};
use crate::app::App;
use crate::auth::{self, Asker, Stranger};
use crate::extract::{Body, Path};
use crate::mail::Link;
use crate::password;
use crate::problem::{FieldError, Problem};
use crate::requests::Notes;
use crate::site::Client;
use crate::wire::{Page, RoleBody, time};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use slotwise_domain::{Instant, PersonId, Span};
use slotwise_engine::{AccountOf, AccountPatch, AccountPut, PersonRow, RowPut, Secret, SecretKind, Which};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// How long an invitation may be accepted.
const INVITATION_LASTS: Span = Span::hours(7 * 24);
/// How long a password may be chosen anew by a link.
const RESET_LASTS: Span = Span::hours(1);

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

/// Open invitations that are told; the latest of them.
const INVITATIONS_MAX: usize = 200;

/// An invitation that nobody has accepted yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenInvitationBody {
    /// For whom it is.
    person: Uuid,
    /// Their name.
    name: String,
    /// The address they will sign in with.
    #[schema(required = true)]
    email: Option<String>,
    /// What they will be let do.
    role: RoleBody,
    /// When it was made.
    made_at: String,
    /// Who invited them; null if they are not there any more.
    #[schema(required = true)]
    made_by: Option<String>,
    /// Until when it may be accepted.
    until: String,
}

/// Invitations that may still be accepted, the latest first, 200 at the most. Admins and auditors only.
#[utoipa::path(get, operation_id = "list_invitations", path = "/api/invitations", tag = "doors",
    responses((status = 200, body = Page<OpenInvitationBody>), Problems))]
pub async fn list_invitations(State(app): State<App>, _: Asker) -> Result<Response, Problem> {
    let now = app.engine.now();
    let mut items = Vec::new();
    for link in app.accounts.invitations(now, INVITATIONS_MAX).await? {
        // Whoever was suspended meanwhile cannot accept anything.
        let Some(id) = link.person else { continue };
        let Some(card) = app.directory.person(id).await? else { continue };
        let made_by = match link.made_by {
            Some(by) => app.people.name(by).await,
            None => None,
        };
        items.push(OpenInvitationBody {
            person: id.0,
            name: card.name,
            email: app.accounts.account(AccountOf::Person(id)).await?.and_then(|account| account.login),
            role: card.role.into(),
            made_at: time(link.made_at),
            made_by,
            until: time(link.until.unwrap_or(link.made_at)),
        });
    }
    Ok(no_store(Page { items, next: None, as_of: time(now) }))
}

/// Takes an invitation back: its link is good for nothing any more. Whom it was for stays, and can be invited again. Admins only.
#[utoipa::path(delete, operation_id = "withdraw_invitation", path = "/api/people/{id}/invitation", tag = "doors",
    params(("id" = Uuid, Path)), responses((status = 204), Problems))]
pub async fn withdraw_invitation(
    State(app): State<App>,
    asker: Asker,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let id = PersonId(id);
    if app.accounts.end_secrets(id, vec![SecretKind::Invitation], Which::All).await? == 0 {
        return Err(Problem::not_found("open invitation of this person"));
    }
    note(&app, client, Some(asker.id), Some(id), "invitation_withdrawn", "").await?;
    Ok(StatusCode::NO_CONTENT)
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

pub(super) fn taken() -> Problem {
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

pub(super) async fn choose(
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
