//! What somebody was to be told, what of it they have read, and where to write to them.
//! It shows nobody's notices but one's own.

use super::Problems;
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Body, Query, page_size};
use crate::notices::{NoticeBody, read_notice_id};
use crate::problem::{FieldError, Problem};
use crate::wire::time;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lettre::Address;
use serde::{Deserialize, Serialize};
use slotwise_engine::NoticeId;
use utoipa::{IntoParams, ToSchema};

/// Unread ones are counted so far and no further.
const UNREAD_MAX: usize = 100;

/// Which notices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// One page of one's notices.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticesBody {
    /// The newest first.
    pub items: Vec<NoticeBody>,
    /// The `after` of the next page; null on the last.
    pub next: Option<String>,
    /// How many are unread; 100 is so many or more.
    pub unread: usize,
    /// The server's clock.
    pub as_of: String,
}

/// One's notices, the newest first: what others did to one's bookings.
#[utoipa::path(get, operation_id = "list_notices", path = "/api/notices", tag = "notices", params(ListQuery),
    responses((status = 200, body = NoticesBody), Problems))]
pub async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<ListQuery>,
) -> Result<Json<NoticesBody>, Problem> {
    let max = page_size(q.limit)?;
    let before = q.after.as_deref().map(|id| read_notice_id(id, "after")).transpose()?.unwrap_or(NoticeId::LAST);
    let read = app.post.read_until(asker.id).await?;
    let newest = app.views.notices_of(asker.id, NoticeId::LAST, UNREAD_MAX).await?;
    let unread = newest.iter().take_while(|n| n.id > read).count();
    let mut found = app.views.notices_of(asker.id, before, max + 1).await?;
    let more = found.len() > max;
    found.truncate(max);
    let mut items = Vec::with_capacity(found.len());
    for noted in &found {
        items.push(NoticeBody::of(&app, noted, noted.id <= read).await?);
    }
    let next = items.last().filter(|_| more).map(|n| n.id.clone());
    Ok(Json(NoticesBody { items, next, unread, as_of: time(app.engine.now()) }))
}

/// Up to where one has read.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadRequest {
    /// The id of the newest notice that was read; it and all before it are read then.
    until: String,
}

/// Says that one has read notices. What was read stays read.
#[utoipa::path(post, operation_id = "read_notices", path = "/api/notices/read", tag = "notices", request_body = ReadRequest,
    responses((status = 204), Problems))]
pub async fn read(State(app): State<App>, asker: Asker, Body(body): Body<ReadRequest>) -> Result<StatusCode, Problem> {
    let until = read_notice_id(&body.until, "until")?;
    // What nobody has been told yet cannot have been read.
    let newest = app.views.notices_of(asker.id, NoticeId::LAST, 1).await?;
    if let [newest, ..] = newest[..] {
        app.post.put_read_until(asker.id, until.min(newest.id)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Where to write to somebody.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressBody {
    /// An e-mail address; null for no e-mail.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    email: Option<String>,
}

/// Where one's notices are sent by e-mail.
#[utoipa::path(get, operation_id = "read_address", path = "/api/me/address", tag = "notices",
    responses((status = 200, body = AddressBody), Problems))]
pub async fn address(State(app): State<App>, asker: Asker) -> Result<Json<AddressBody>, Problem> {
    Ok(Json(AddressBody { email: app.post.address(asker.id).await? }))
}

/// Has one's notices sent there by e-mail from now on, or no more.
#[utoipa::path(put, operation_id = "put_address", path = "/api/me/address", tag = "notices", request_body = AddressBody,
    responses((status = 200, body = AddressBody), Problems))]
pub async fn put_address(
    State(app): State<App>,
    asker: Asker,
    Body(body): Body<AddressBody>,
) -> Result<Json<AddressBody>, Problem> {
    let not_an_address =
        || Problem::field(FieldError::new("email", "not_understood", "must be an e-mail address, or null for none"));
    if let Some(email) = &body.email {
        let read: Address = email.parse().map_err(|_| not_an_address())?;
        if email.len() > 254 || !read.domain().contains('.') && read.domain() != "localhost" {
            return Err(not_an_address());
        }
    }
    app.post.put_address(asker.id, body.email.clone()).await?;
    Ok(Json(body))
}
