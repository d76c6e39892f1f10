//! Who may do what, and who may not come in for now.
//! It never leaves the house without an admin.

use super::super::Problems;
use super::super::people::see_to_their_turns;
use super::{no_store, note};
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Body, Path};
use crate::problem::{FieldError, Problem};
use crate::site::Client;
use crate::wire::{RoleBody, time};
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use slotwise_domain::{PersonId, ResourceId, Role};
use slotwise_engine::doors::MANAGES_MAX;
use slotwise_engine::{AccountOf, RolePut, Scopes, SecretKind, Which};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// What somebody may do.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// What they may do.
    pub(super) role: RoleBody,
    /// Resources and groups that a manager manages; 500 at the most. For other roles empty.
    #[serde(default)]
    pub(super) manages: Vec<Uuid>,
}

impl RoleRequest {
    pub(super) fn read(&self) -> Result<(Role, BTreeSet<ResourceId>), Problem> {
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

/// How somebody stands with this server.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingBody {
    /// Who.
    id: Uuid,
    /// Their name.
    name: String,
    /// What they may do.
    role: RoleBody,
    /// What a manager manages: resources and groups; empty for other roles.
    manages: Vec<ManagedBody>,
    /// The address they sign in with; null if none is known.
    #[schema(required = true)]
    login: Option<String>,
    /// Whether they have come in already, with a password or by a provider.
    has_account: bool,
    /// Until when they may accept an invitation; null if none is open.
    #[schema(required = true)]
    invited_until: Option<String>,
    /// Browsers in which they are signed in.
    sessions: usize,
    /// The server's clock.
    as_of: String,
}

/// Something that is managed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManagedBody {
    /// Which.
    id: Uuid,
    /// Its name; null if it is not there any more.
    #[schema(required = true)]
    name: Option<String>,
}

/// How somebody stands with this server: what they may do, and whether they can come in. Who is suspended is not found. Admins and
/// auditors only.
#[utoipa::path(get, operation_id = "read_standing", path = "/api/people/{id}/standing", tag = "doors", params(("id" = Uuid, Path)),
    responses((status = 200, body = StandingBody), Problems))]
pub async fn read_standing(State(app): State<App>, _: Asker, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let (id, now) = (PersonId(id), app.engine.now());
    let card = app.directory.person(id).await?.ok_or_else(|| Problem::not_found("person"))?;
    let account = app.accounts.account(AccountOf::Person(id)).await?;
    let managed = match card.role {
        Role::Manager => app.accounts.manages(id).await?,
        Role::Member | Role::Admin | Role::Auditor => BTreeSet::new(),
    };
    let name = |of| app.resource(of).map(|resource| resource.spec.name.clone());
    let open = app.accounts.secrets_of(id, SecretKind::Invitation).await?;
    let sessions = app.accounts.secrets_of(id, SecretKind::Session).await?;
    Ok(no_store(StandingBody {
        id: id.0,
        name: card.name,
        role: card.role.into(),
        manages: managed.into_iter().map(|of| ManagedBody { id: of.0, name: name(of) }).collect(),
        has_account: account.as_ref().is_some_and(|a| a.password.is_some() || a.subject.is_some()),
        login: account.and_then(|account| account.login),
        invited_until: open.iter().filter(|link| link.lives(now)).filter_map(|link| link.until).max().map(time),
        sessions: sessions.iter().filter(|session| session.lives(now)).count(),
        as_of: time(now),
    }))
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
    if !so {
        // They were passed over meanwhile, and what came free may still be theirs.
        see_to_their_turns(app, &[id]).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
