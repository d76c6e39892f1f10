//! The parts of a request, read with clear errors: the key, the JSON body, the query, ids in paths.
//! What cannot be read never becomes an execution.

use crate::app::App;
use crate::problem::{FieldError, Problem};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slotwise_domain::Instant;
use slotwise_engine::round;
use uuid::Uuid;

/// The attempt's key, from the `Idempotency-Key` header.
pub struct Key(pub Uuid);

/// The same, where the server makes one if there is none.
pub struct OptionalKey(pub Option<Uuid>);

impl FromRequestParts<App> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Key, Problem> {
        read_key(parts, app.engine.now())?.map(Key).ok_or_else(|| {
            let detail = "Send an Idempotency-Key header with a UUIDv7 of your own, so that you can ask what became of this request.";
            Problem::request(StatusCode::BAD_REQUEST, "key_missing", "Key missing", detail)
        })
    }
}

impl FromRequestParts<App> for OptionalKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<OptionalKey, Problem> {
        read_key(parts, app.engine.now()).map(OptionalKey)
    }
}

fn read_key(parts: &Parts, now: Instant) -> Result<Option<Uuid>, Problem> {
    let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
    // The header draft quotes the key as a structured string; both forms are understood.
    check_key(value.to_str().unwrap_or_default().trim().trim_matches('"'), now).map(Some)
}

/// Reads a key: a UUIDv7 that is not dated ahead.
pub fn check_key(text: &str, now: Instant) -> Result<Uuid, Problem> {
    let invalid = |detail| Problem::request(StatusCode::UNPROCESSABLE_ENTITY, "key_invalid", "Key not valid", detail);
    let key = Uuid::try_parse(text).map_err(|_| invalid("The Idempotency-Key must be a UUIDv7."))?;
    if key.get_version_num() != 7 {
        return Err(invalid("The Idempotency-Key must be a UUIDv7, which tells when it was made."));
    }
    let attempt = slotwise_domain::AttemptKey { part: slotwise_domain::PartId::DEFAULT, actor: Uuid::nil(), key };
    if round::key_time(attempt).since(now) > round::KEY_AHEAD {
        return Err(invalid("The Idempotency-Key is dated more than a day ahead. Check your clock."));
    }
    Ok(key)
}

/// A JSON body within its bounds.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + Serialize> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Body<T>, Problem> {
        read_json(&read_body(request, app, app.bounds.body_bytes).await?).map(Body)
    }
}

/// The bytes of a JSON body, at most so many.
pub async fn read_body(request: Request, app: &App, max: usize) -> Result<Bytes, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let json = kind.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case("application/json"));
    if !json {
        let detail = "Send the body as application/json.";
        return Err(Problem::request(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "Not JSON", detail));
    }
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "Send the body as it is: a Content-Encoding is not understood.";
        return Err(Problem::request(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded", "Encoded", detail));
    }
    let body = Limited::new(request.into_body(), max).collect();
    match tokio::time::timeout(app.bounds.body_within, body).await.map_err(|_| Problem::too_slow())? {
        Ok(body) => Ok(body.to_bytes()),
        Err(e) if e.is::<LengthLimitError>() => {
            let detail = format!("The body is larger than {} KiB.", max >> 10);
            Err(Problem::request(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large", &detail))
        }
        Err(_) => {
            let detail = "The body ended too early.";
            Err(Problem::request(StatusCode::BAD_REQUEST, "cut_off", "Cut off", detail))
        }
    }
}

/// Reads JSON, with the field at fault if it is not understood.
fn read_json<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Problem> {
    let read = parse_json(bytes)?;
    if bytes.contains(&b'[')
        && let Ok(sent) = serde_json::from_slice(bytes)
    {
        no_list_for_object(&sent, &read)?;
    }
    Ok(read)
}

/// The same, for what is no object of named fields: nothing is looked at twice.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(not_understood)?;
    reader.end().map_err(|e| {
        Problem::request(
            StatusCode::BAD_REQUEST,
            "not_json",
            "Not JSON",
            &format!("The body goes on after its end: {e}."),
        )
    })?;
    Ok(read)
}

/// Reads a part of what was read already, in the same way.
pub fn read_value<T: DeserializeOwned + Serialize>(sent: &Value) -> Result<T, Problem> {
    let read = serde_path_to_error::deserialize(sent).map_err(not_understood)?;
    no_list_for_object(sent, &read)?;
    Ok(read)
}

fn not_understood(e: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = e.inner();
    if inner.is_syntax() || inner.is_eof() {
        let detail = format!("The body is not JSON: {inner}.");
        return Problem::request(StatusCode::BAD_REQUEST, "not_json", "Not JSON", &detail);
    }
    let path = e.path().to_string();
    let field = if path == "." { "body".to_owned() } else { path };
    Problem::field(FieldError::new(&field, "not_understood", &format!("is not understood: {inner}")))
}

fn no_list_for_object(sent: &Value, read: &impl Serialize) -> Result<(), Problem> {
    let understood = serde_json::to_value(read).unwrap_or_default();
    match list_for_object(sent, &understood, String::new()) {
        Some(field) => Err(Problem::field(FieldError::new(&field, "not_understood", "must be an object, not a list"))),
        None => Ok(()),
    }
}

/// Where a list was sent for an object: the reader takes a list for an object's fields in their order, which nobody means.
fn list_for_object(sent: &Value, understood: &Value, path: String) -> Option<String> {
    match (sent, understood) {
        (Value::Array(_), Value::Object(_)) => Some(if path.is_empty() { "body".into() } else { path }),
        (Value::Array(sent), Value::Array(understood)) => {
            let mut pairs = sent.iter().zip(understood).enumerate();
            pairs.find_map(|(n, (sent, understood))| list_for_object(sent, understood, format!("{path}[{n}]")))
        }
        (Value::Object(sent), Value::Object(understood)) => sent.iter().find_map(|(name, sent)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            list_for_object(sent, understood.get(name)?, path)
        }),
        (_, _) => None,
    }
}

/// The query of a request. What may be given several times is a list.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Query<T>, Problem> {
        let reader = serde_html_form::Deserializer::from_bytes(parts.uri.query().unwrap_or_default().as_bytes());
        serde_path_to_error::deserialize(reader).map(Query).map_err(|e| {
            let field = if e.path().iter().next().is_some() { e.path().to_string() } else { "query".to_owned() };
            Problem::field(FieldError::new(&field, "not_understood", &format!("is not understood: {}", e.inner())))
        })
    }
}

/// Ids in the path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Path<T>, Problem> {
        axum::extract::Path::<T>::from_request_parts(parts, app)
            .await
            .map(|p| Path(p.0))
            .map_err(|_| Problem::not_found("thing: the id in the path is not a UUID"))
    }
}

/// The number in `If-Match`.
pub struct IfMatch(pub u64);

/// The same, where it may be left out.
pub struct OptionalIfMatch(pub Option<u64>);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<IfMatch, Problem> {
        read_match(parts)?.map(IfMatch).ok_or_else(|| {
            let detail = "Send If-Match with the version you saw, so that nobody's edit is overwritten.";
            Problem::request(StatusCode::PRECONDITION_REQUIRED, "if_match_missing", "If-Match missing", detail)
        })
    }
}

impl FromRequestParts<App> for OptionalIfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<OptionalIfMatch, Problem> {
        read_match(parts).map(OptionalIfMatch)
    }
}

fn read_match(parts: &Parts) -> Result<Option<u64>, Problem> {
    let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|v| v.trim().trim_matches('"').parse().ok());
    number.map(Some).ok_or_else(|| {
        Problem::field(FieldError::new("If-Match", "not_a_number", "must be the number you saw, such as \"3\""))
    })
}

/// How many items a page has: 50 if nothing is said, 200 at most.
pub fn page_size(limit: Option<usize>) -> Result<usize, Problem> {
    match limit {
        None => Ok(50),
        Some(n) if (1..=200).contains(&n) => Ok(n),
        Some(_) => Err(Problem::field(FieldError::new("limit", "out_of_range", "must be between 1 and 200"))),
    }
}
