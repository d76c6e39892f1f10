//! What was done at the doors, for those who may read it.
//! It shows no secret.

use super::super::Problems;
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Query, page_size};
use crate::problem::Problem;
use crate::site::Client;
use crate::wire::{Page, time};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use slotwise_domain::PersonId;
use slotwise_engine::Deed;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

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
