//! The parts of a request, read with clear errors: the key, the JSON body, the query, ids in paths.
//! What cannot be read never becomes an execution.

use crate::app::App;
use crate::problem::{FieldError, Problem};
use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use slotwise_domain::Instant;
use slotwise_engine::round;
use std::{fmt, io};
use uuid::Uuid;

/// The header with an attempt's key.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");

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
    let mut given = parts.headers.get_all(KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        // Which of them names the attempt, the client and a proxy may see otherwise than we do.
        return Err(key_invalid("Send one Idempotency-Key."));
    }
    let text = value.to_str().unwrap_or_default().trim();
    // The header draft quotes the key as a structured string; both forms are understood.
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    check_key(quoted.unwrap_or(text), now).map(Some)
}

fn key_invalid(detail: &str) -> Problem {
    Problem::request(StatusCode::UNPROCESSABLE_ENTITY, "key_invalid", "Key not valid", detail)
}

/// Reads a key: a UUIDv7 that is not dated ahead.
pub fn check_key(text: &str, now: Instant) -> Result<Uuid, Problem> {
    let key = Uuid::try_parse(text).map_err(|_| key_invalid("The Idempotency-Key must be a UUIDv7."))?;
    if key.get_version_num() != 7 {
        return Err(key_invalid("The Idempotency-Key must be a UUIDv7, which tells when it was made."));
    }
    let attempt = slotwise_domain::AttemptKey { part: slotwise_domain::PartId::DEFAULT, actor: Uuid::nil(), key };
    if round::key_time(attempt).since(now) > round::KEY_AHEAD {
        return Err(key_invalid("The Idempotency-Key is dated more than a day ahead. Check your clock."));
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

/// A JSON body that may be left out altogether, or be empty: many clients name a type though they send nothing.
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + Serialize + Default> FromRequest<App> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<OptionalBody<T>, Problem> {
        if request.body().is_end_stream() {
            return Ok(OptionalBody(T::default()));
        }
        let bytes = read_body(request, app, app.bounds.body_bytes).await?;
        if bytes.is_empty() { Ok(OptionalBody(T::default())) } else { read_json(&bytes).map(OptionalBody) }
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
pub fn read_json<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Problem> {
    let read = parse_json(bytes)?;
    // What is sent is understood whole, or refused. So where as many lists and objects are understood as were sent, each is what it was.
    if bytes.contains(&b'[')
        && Beginnings::sent(bytes) != Beginnings::understood(&read)
        && let Ok(sent) = serde_json::from_slice(bytes)
    {
        no_list_for_object(&sent, &read)?;
    }
    Ok(read)
}

/// How many lists and how many objects begin in a JSON text.
#[derive(Default, PartialEq, Eq)]
struct Beginnings {
    lists: usize,
    objects: usize,
}

impl Beginnings {
    fn sent(json: &[u8]) -> Beginnings {
        let (mut seen, mut quoted) = (Beginnings::default(), false);
        let mut bytes = json.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => quoted = !quoted,
                // Only in a string, where it may come before a quote.
                b'\\' => drop(bytes.next()),
                b'[' => seen.lists += usize::from(!quoted),
                b'{' => seen.objects += usize::from(!quoted),
                _ => {}
            }
        }
        seen
    }

    /// What would begin if it were written; nothing is.
    fn understood(read: &impl Serialize) -> Beginnings {
        let mut seen = Beginnings::default();
        // Our own types always serialise.
        drop(read.serialize(&mut serde_json::Serializer::with_formatter(io::sink(), &mut seen)));
        seen
    }
}

impl Formatter for &mut Beginnings {
    fn begin_array<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.lists += 1;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.objects += 1;
        Ok(())
    }
}

/// The same, where no list can be taken for an object: nothing is looked at twice.
pub fn parse_json<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    // To keep the path of what is being read costs more than reading: it is kept only to tell where something is not understood.
    if let Ok(read) = serde_json::from_slice(bytes) {
        return Ok(read);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        // The reader calls it bad JSON, too, when an object has other fields than one of several forms.
        let well_formed = || serde_json::from_slice::<Value>(bytes).is_ok();
        if is_no_json(&e) && !well_formed() { not_json(&e) } else { not_understood(e) }
    })?;
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
    let read = T::deserialize(sent).or_else(|_| serde_path_to_error::deserialize(sent).map_err(not_understood))?;
    no_list_for_object(sent, &read)?;
    Ok(read)
}

/// The fields of an object as they were sent, in their order and unread: what is there twice is there twice.
pub struct Sent<'a>(pub Vec<(String, &'a RawValue)>);

impl<'a> Sent<'a> {
    /// The one field of a name. What is there more than once is refused: which of them is meant the reader sees otherwise than the sender.
    pub fn one(&self, name: &str) -> Result<Option<&'a RawValue>, Problem> {
        let mut of_name = self.0.iter().filter(|(of, _)| of == name).map(|(_, value)| *value);
        match (of_name.next(), of_name.next()) {
            (one, None) => Ok(one),
            (_, Some(_)) => Err(Problem::field(FieldError::new(name, "not_understood", TWICE))),
        }
    }
}

impl<'de> Deserialize<'de> for Sent<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Sent<'de>, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Sent<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Sent(fields))
            }
        }
        reader.deserialize_map(Fields)
    }
}

/// Any JSON in which nothing is there twice, as in a body whose fields are known.
pub struct Once(pub Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Once, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("any JSON")
            }

            fn visit_bool<E>(self, of: bool) -> Result<Once, E> {
                Ok(Once(of.into()))
            }

            fn visit_i64<E>(self, of: i64) -> Result<Once, E> {
                Ok(Once(of.into()))
            }

            fn visit_u64<E>(self, of: u64) -> Result<Once, E> {
                Ok(Once(of.into()))
            }

            fn visit_f64<E>(self, of: f64) -> Result<Once, E> {
                Ok(Once(of.into()))
            }

            fn visit_str<E>(self, of: &str) -> Result<Once, E> {
                Ok(Once(of.into()))
            }

            fn visit_string<E>(self, of: String) -> Result<Once, E> {
                Ok(Once(of.into()))
            }

            fn visit_unit<E>(self) -> Result<Once, E> {
                Ok(Once(Value::Null))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Once, A::Error> {
                let mut items = Vec::new();
                while let Some(Once(item)) = list.next_element()? {
                    items.push(item);
                }
                Ok(Once(Value::Array(items)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut fields = Map::new();
                while let Some(name) = map.next_key::<String>()? {
                    let Once(value) = map.next_value()?;
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    fields.insert(name, value);
                }
                Ok(Once(Value::Object(fields)))
            }
        }
        reader.deserialize_any(Any)
    }
}

type ReadError = serde_path_to_error::Error<serde_json::Error>;

/// What is said of a field that is there again.
const TWICE: &str = "is there more than once";

fn is_no_json(e: &ReadError) -> bool {
    e.inner().is_syntax() || e.inner().is_eof()
}

fn not_json(e: &ReadError) -> Problem {
    let detail = format!("The body is not JSON: {}.", e.inner());
    Problem::request(StatusCode::BAD_REQUEST, "not_json", "Not JSON", &detail)
}

fn not_understood(e: ReadError) -> Problem {
    let inner = e.inner();
    let path = e.path().to_string();
    let path = if path == "." { "" } else { &path };
    let text = if is_no_json(&e) { "it has other fields than it may have".to_owned() } else { inner.to_string() };
    // The reader stands at the object when it finds that a field is not there, or is there again: the field is what is at fault.
    let of_object = |before: &str| text.strip_prefix(before)?.split('`').next();
    let field = |name: &str| match path.strip_suffix(name) {
        Some("") => name.to_owned(),
        Some(before) if before.ends_with('.') => path.to_owned(),
        _ if path.is_empty() => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    if let Some(name) = of_object("missing field `") {
        return Problem::field(FieldError::new(&field(name), "missing", "is missing"));
    }
    if let Some(name) = of_object("duplicate field `") {
        return Problem::field(FieldError::new(&field(name), "not_understood", TWICE));
    }
    let field = match of_object("unknown field `") {
        Some(name) => field(name),
        None if path.is_empty() => "body".to_owned(),
        None => path.to_owned(),
    };
    Problem::field(FieldError::new(&field, "not_understood", &format!("is not understood: {text}")))
}

fn no_list_for_object(sent: &Value, read: &impl Serialize) -> Result<(), Problem> {
    let understood = serde_json::to_value(read).unwrap_or_default();
    let Some(path) = list_for_object(sent, &understood) else { return Ok(()) };
    let field = if path.is_empty() { "body" } else { path.trim_start_matches('.') };
    Err(Problem::field(FieldError::new(field, "not_understood", "must be an object, not a list")))
}

/// The path to where a list was sent for an object, such as `.lines[0]`: the reader takes a list for an object's fields in their order,
/// which nobody means.
fn list_for_object(sent: &Value, understood: &Value) -> Option<String> {
    match (sent, understood) {
        (Value::Array(_), Value::Object(_)) => Some(String::new()),
        (Value::Array(sent), Value::Array(understood)) => {
            let mut pairs = sent.iter().zip(understood).enumerate();
            pairs.find_map(|(n, (sent, understood))| Some(format!("[{n}]{}", list_for_object(sent, understood)?)))
        }
        (Value::Object(sent), Value::Object(understood)) => sent
            .iter()
            .find_map(|(name, sent)| Some(format!(".{name}{}", list_for_object(sent, understood.get(name)?)?))),
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
            let text = e.inner().to_string();
            if let Some(name) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
                return Problem::field(FieldError::new(name, "missing", "is missing"));
            }
            let query = parts.uri.query().unwrap_or_default();
            let pairs = serde_html_form::from_str::<Vec<(String, String)>>(query).unwrap_or_default();
            let why = match pairs.iter().filter(|(name, _)| *name == field).count() {
                0 | 1 => format!("is not understood: {text}"),
                _ => TWICE.to_owned(),
            };
            Problem::field(FieldError::new(&field, "not_understood", &why))
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
    let mut given = parts.headers.get_all(header::IF_MATCH).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| given.next().is_none()).map(str::trim);
    // A proxy that packs an answer makes its tag a weak one. What it names, a version of what is stored, is the same.
    let number = text.and_then(|v| v.strip_prefix("W/").unwrap_or(v).trim_matches('"').parse().ok());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        lines: Vec<Line>,
        note: Option<String>,
        #[serde(default)]
        more: Vec<Line>,
    }

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        of: u32,
    }

    /// What is told of a body: `understood`, or the field at fault.
    fn check(sent: &str, told: &str) {
        match read_json::<Order>(sent.as_bytes()) {
            Ok(_) => assert_eq!(told, "understood", "{sent}"),
            Err(problem) => {
                let fields: Vec<&str> = problem.errors.iter().map(|e| e.field.as_str()).collect();
                assert_eq!(fields.join(" "), told, "{sent}: {}", problem.detail);
            }
        }
    }

    #[test]
    fn an_object_is_never_read_from_a_list_and_the_field_is_named() {
        check(r#"{"lines":[]}"#, "understood");
        check(r#"{"lines":[{"of":1},{"of":2}],"note":"[{","more":[]}"#, "understood");
        check(r#"{"lines":[{"of":1}],"note":"a \" [[ \\"}"#, "understood");
        check(r#"[[{"of":1}],null,[]]"#, "body");
        check(r#"{"lines":[[1]]}"#, "lines[0]");
        check(r#"{"lines":[{"of":1},[2]],"more":[]}"#, "lines[1]");
        check(r#"{"lines":[{"of":1}],"more":[[2]]}"#, "more[0]");
        check(r#"{"lines":[[1]],"note":"{"}"#, "lines[0]");
        check(r#"{"lines":[{"of":"one"}]}"#, "lines[0].of");
        check(r#"{"lines":[{"of":1,"by":2}]}"#, "lines[0].by");
    }
}
