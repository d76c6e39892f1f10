//! Who may do what, and who may not come in for now.
//! It never leaves the house without an admin.

use super::super::Problems;
use super::note;
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Body, Path};
use crate::problem::{FieldError, Problem};
use crate::site::Client;
use crate::wire::RoleBody;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use slotwise_domain::{PersonId, ResourceId, Role};
use slotwise_engine::doors::MANAGES_MAX;
use slotwise_engine::{RolePut, Scopes, SecretKind, Which};
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
