//! The web app's files, embedded when it was built before the server, with their compressed forms.
//! Without them a page names the command that builds them.

use crate::accept;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Slotwise</title>\
<body style=\"font-family:system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem\"><h1>Slotwise is running</h1>\
<p>The web app was not built into this binary. Build it with <code>cargo xtask web</code>, then build the server again; \
or use <code>cargo xtask demo</code>, which does both.</p>\
<p>The API is at <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p></body></html>";

/// Serves a file of the web app; any other path is the app's own page, which routes by itself.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let asset = path.starts_with("assets/");
    // The app's own addresses have no ending: whoever asks for a file that is not there is told so, and not given a page for it.
    let file = path.starts_with(".well-known/") || path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let (name, file) = match Files::get(path) {
        Some(_) if path.ends_with(".gz") || path.ends_with(".br") => return StatusCode::NOT_FOUND.into_response(),
        Some(file) => (path, file),
        None if asset || file || path.starts_with("api/") => return StatusCode::NOT_FOUND.into_response(),
        None => match Files::get("index.html") {
            Some(file) => ("index.html", file),
            None => return ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response(),
        },
    };
    let (coding, data) = coded(name, file.data.clone(), &headers);
    let etag = etag(&file, coding);
    let same = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains(&etag));
    let mut response = if same { StatusCode::NOT_MODIFIED.into_response() } else { content(name, coding, data) };
    let out = response.headers_mut();
    // Names of assets carry a hash of their content; the page itself is asked for anew each time.
    let keep = if asset { "public, max-age=31536000, immutable" } else { "no-cache" };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, etag);
    }
    response
}

/// Each coding of a file is another thing, byte for byte.
fn etag(file: &EmbeddedFile, coding: Option<&str>) -> String {
    let hash = file.metadata.sha256_hash();
    let hash = hash.iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    format!("\"{hash}{}\"", coding.map(|coding| format!("-{coding}")).unwrap_or_default())
}

/// A file as the client takes it, and how it is coded.
fn coded(name: &str, plain: Cow<'static, [u8]>, headers: &HeaderMap) -> (Option<&'static str>, Cow<'static, [u8]>) {
    let packed: Vec<_> = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter_map(|(coding, ending)| Some((coding, Files::get(&format!("{name}.{ending}"))?.data)))
        .collect();
    let codings: Vec<&str> = packed.iter().map(|(coding, _)| *coding).collect();
    let taken = accept::coding(headers, &codings);
    match packed.into_iter().find(|(coding, _)| Some(*coding) == taken) {
        Some((coding, data)) => (Some(coding), data),
        None => (None, plain),
    }
}

fn content(name: &str, coding: Option<&'static str>, data: Cow<'static, [u8]>) -> Response {
    let mut response = Body::from(data.into_owned()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
