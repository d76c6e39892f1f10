//! Every route, readable in one sitting, and the layers around them.
//! The OpenAPI document is made from the same list; no handler is written here.

use crate::api::{
    admin, alternatives, attempts, audit, board, bookings, classes, courses, doors, explain, holds, notices, oidc,
    operations, people, plan, resources, room_bookings, search, series, timeline, waitlist,
};
use crate::app::App;
use crate::auth;
use crate::listen::Answers;
use crate::problem::{FieldError, Problem, ProblemBody, WitnessBody};
use crate::{access, assets, realtime, requests};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use socketioxide::SocketIo;
use tower::util::MapRequestLayer;
use tower::{ServiceBuilder, service_fn};
use tower_http::csrf::{CsrfLayer, ProtectionError};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn described() -> OpenApiRouter<App> {
    let info = InfoBuilder::new()
        .title("Slotwise")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Books scarce things, and stays right when everybody clicks at once."))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .build();
    // What is only named in shared responses is not found by the routes.
    let shared = ComponentsBuilder::new()
        .schema_from::<ProblemBody>()
        .schema_from::<FieldError>()
        .schema_from::<WitnessBody>()
        .schema_from::<search::SortBody>()
        .build();
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).components(Some(shared)).build())
        .routes(routes!(room_bookings::create))
        .routes(routes!(bookings::create, bookings::list))
        .routes(routes!(bookings::read, bookings::edit))
        .routes(routes!(bookings::relocate))
        .routes(routes!(bookings::swap))
        .routes(routes!(bookings::cancel))
        .routes(routes!(bookings::approve))
        .routes(routes!(bookings::history))
        .routes(routes!(admin::check_in))
        .routes(routes!(admin::decline))
        .routes(routes!(admin::hand_over))
        .routes(routes!(holds::create, holds::list))
        .routes(routes!(holds::renew))
        .routes(routes!(holds::release))
        .routes(routes!(holds::set))
        .routes(routes!(holds::end))
        .routes(routes!(waitlist::join, waitlist::list))
        .routes(routes!(waitlist::read))
        .routes(routes!(waitlist::leave))
        .routes(routes!(waitlist::accept))
        .routes(routes!(waitlist::decline))
        .routes(routes!(waitlist::set_class))
        .routes(routes!(resources::list, resources::create))
        .routes(routes!(resources::read, resources::edit))
        .routes(routes!(resources::block))
        .routes(routes!(resources::unblock))
        .routes(routes!(admin::set_capacity))
        .routes(routes!(admin::close))
        .routes(routes!(admin::reopen))
        .routes(routes!(admin::preview))
        .routes(routes!(resources::schedule))
        .routes(routes!(resources::record))
        .routes(routes!(resources::facets))
        .routes(routes!(courses::list))
        .routes(routes!(plan::show, plan::put))
        .routes(routes!(plan::check))
        .routes(routes!(plan::register))
        .routes(routes!(search::search))
        .routes(routes!(timeline::read))
        .routes(routes!(classes::list))
        .routes(routes!(series::create))
        .routes(routes!(series::preview))
        .routes(routes!(series::read, series::edit))
        .routes(routes!(series::cancel))
        .routes(routes!(series::relocate))
        .routes(routes!(attempts::create))
        .routes(routes!(attempts::dry_run))
        .routes(routes!(alternatives::alternatives))
        .routes(routes!(attempts::read))
        .routes(routes!(explain::read))
        .routes(routes!(audit::read))
        .routes(routes!(people::me))
        .routes(routes!(people::list))
        .routes(routes!(people::facts, people::put_facts))
        .routes(routes!(people::import))
        .routes(routes!(doors::doors))
        .routes(routes!(doors::set_up))
        .routes(routes!(doors::sign_in, doors::sign_out))
        .routes(routes!(oidc::begin))
        .routes(routes!(oidc::callback))
        .routes(routes!(doors::look_at_invitation))
        .routes(routes!(doors::accept_invitation))
        .routes(routes!(doors::ask_for_reset))
        .routes(routes!(doors::reset_password))
        .routes(routes!(doors::profile, doors::put_profile))
        .routes(routes!(doors::put_password))
        .routes(routes!(doors::sessions, doors::end_other_sessions))
        .routes(routes!(doors::end_session))
        .routes(routes!(doors::keys, doors::make_key))
        .routes(routes!(doors::end_key))
        .routes(routes!(doors::list_keys_of, doors::create_key))
        .routes(routes!(doors::end_key_of))
        .routes(routes!(doors::end_sessions_of))
        .routes(routes!(doors::put_role))
        .routes(routes!(doors::read_standing))
        .routes(routes!(doors::suspend))
        .routes(routes!(doors::restore))
        .routes(routes!(doors::invite, doors::list_invitations))
        .routes(routes!(doors::invite_again, doors::withdraw_invitation))
        .routes(routes!(doors::deeds))
        .routes(routes!(notices::address, notices::put_address))
        .routes(routes!(notices::list))
        .routes(routes!(notices::read))
        .routes(routes!(people::erase))
        .routes(routes!(people::demo_people))
        .routes(routes!(people::demo_sign_in))
        .routes(routes!(people::demo_sign_out))
        .routes(routes!(board::read))
        .routes(routes!(board::send_crowd))
        .routes(routes!(board::read_crowd))
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
        .routes(routes!(operations::checkpoint))
        .routes(routes!(operations::accept_clock))
}

/// The OpenAPI 3.1 document. Each operation says for whom it is, and which scope a key needs for it.
pub fn openapi() -> OpenApi {
    let mut document = described().into_openapi();
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for operation in [get, put, post, delete, patch].into_iter().flatten() {
            let id = operation.operation_id.as_deref().unwrap_or_default();
            let Some(access) = access::ALL.iter().find(|access| access.operation == id) else { continue };
            let said = ExtensionsBuilder::new()
                // One object, because several extensions would come in any order.
                .add(
                    "x-access",
                    serde_json::json!({ "scope": access.scope.names().join(" "), "who": access.who.name() }),
                )
                .build();
            operation.extensions = Some(said);
        }
    }
    document
}

/// The document as it is served and kept: pretty JSON with a newline at its end.
pub fn openapi_json() -> String {
    openapi().to_pretty_json().unwrap_or_default() + "\n"
}

/// All of it, and the sockets' handle for closing them.
pub fn router(app: App) -> (impl Answers, SocketIo) {
    let sockets = SocketIo::builder().max_buffer_size(realtime::BUFFER_MAX).max_payload(realtime::PACKET_MAX);
    let (sockets, io) = sockets.ws_read_buffer_size(realtime::READ_BUFFER).build_layer();
    realtime::attach(&io, &app);
    let document = openapi_json();
    let (routes, _) = described().split_for_parts();
    let mut routes = routes
        .route(
            "/api/openapi.json",
            axum::routing::get(async move || ([(header::CONTENT_TYPE, "application/json")], document)),
        )
        .route("/api", axum::routing::any(no_endpoint))
        .route("/api/", axum::routing::any(no_endpoint))
        .route("/api/{*rest}", axum::routing::any(no_endpoint))
        .fallback(assets::serve)
        .method_not_allowed_fallback(async || {
            let detail = "This address does not take that method; see /api/openapi.json.";
            Problem::request(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail)
        });
    if app.demo.is_some() {
        routes = routes.layer(axum::middleware::from_fn(only_this_machine));
    }
    let mut same_site = CsrfLayer::new();
    if let Some(public) = &app.site.public {
        // An origin was checked when it was read, so this cannot fail; without it only the host's own name is ours.
        same_site = same_site.clone().add_trusted_origin(public.as_str()).unwrap_or(same_site);
    }
    let routes = routes.layer(MapRequestLayer::new(requests::note_route));
    // Around all of it once: a layer of the router itself would stand around each route anew.
    let served = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
        .map_request(realtime::apart)
        .layer(sockets)
        .layer(same_site.with_rejection_response(cross_site))
        .service(routes.with_state(app.clone()));
    let around = service_fn(move |request| {
        let (app, served) = (app.clone(), served.clone());
        async move { Ok(requests::around(app, served, request).await) }
    });
    (around, io)
}

/// With `--demo`, no other name of this machine is served: anybody may choose who to be.
async fn only_this_machine(request: Request, next: Next) -> Response {
    if !auth::loopback_host(request.headers()) {
        let detail = "A demo is served to this machine only: open it as http://127.0.0.1 or http://localhost.";
        return Problem::request(StatusCode::MISDIRECTED_REQUEST, "loopback_only", "This machine only", detail)
            .into_response();
    }
    next.run(request).await
}

async fn no_endpoint() -> Problem {
    Problem::not_found("endpoint; see /api/openapi.json")
}

/// A page elsewhere tried to change something in a browser's name.
fn cross_site(_: ProtectionError) -> Response {
    let detail = "This request comes from another site, so nothing was done. Open Slotwise itself and try again.";
    Problem::request(StatusCode::FORBIDDEN, "cross_site", "Another site", detail).into_response()
}
