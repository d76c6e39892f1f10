//! What a client would rather have, as RFC 9110, 12.5 lets it say so.
//! It decides nothing where the client does not mind.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether somebody would rather have this media type than JSON. Whoever minds neither gets JSON.
pub fn rather_than_json(headers: &HeaderMap, media: &str) -> bool {
    let said = said(headers, &header::ACCEPT);
    media_weight(&said, media) > media_weight(&said, "application/json")
}

/// Of these codings of a file, the one that is liked best; of those liked as much the first. None if none is taken.
pub fn coding<'c>(headers: &HeaderMap, codings: &[&'c str]) -> Option<&'c str> {
    let said = said(headers, &header::ACCEPT_ENCODING);
    let liked = codings.iter().map(|coding| (weight(&said, &[coding, "*"]), *coding));
    liked.filter(|(weight, _)| *weight > 0).rev().max_by_key(|(weight, _)| *weight).map(|(_, coding)| coding)
}

/// What several headers of one name say together.
fn said(headers: &HeaderMap, name: &HeaderName) -> String {
    let said: Vec<&str> = headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    said.join(",").to_ascii_lowercase()
}

fn media_weight(said: &str, media: &str) -> u16 {
    let kind = media.split('/').next().unwrap_or_default();
    weight(said, &[media, &format!("{kind}/*"), "*/*"])
}

/// In thousandths, by the first of these names that is there: the most exact.
fn weight(said: &str, names: &[&str]) -> u16 {
    let listed = |name: &str| said.split(',').find_map(|one| one_weight(one, name));
    names.iter().find_map(|name| listed(name)).unwrap_or(0)
}

fn one_weight(one: &str, name: &str) -> Option<u16> {
    let mut parts = one.split(';').map(str::trim);
    if parts.next() != Some(name) {
        return None;
    }
    let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
    Some(quality.map_or(1_000, |q| (q.clamp(0.0, 1.0) * 1_000.0) as u16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn text_is_for_whoever_would_rather_have_it() {
        let rather = [
            ("text/plain", true),
            ("text/plain, */*;q=0.1", true),
            ("text/*;q=0.8, application/json;q=0.5", true),
            ("", false),
            ("*/*", false),
            ("application/json, text/plain, */*", false),
            ("text/plain;q=0, application/json", false),
            ("application/json;q=0.9, text/plain;q=0.1", false),
            ("text/html", false),
        ];
        for (accept, is) in rather {
            assert_eq!(rather_than_json(&of(header::ACCEPT, accept), "text/plain"), is, "{accept}");
        }
        assert!(!rather_than_json(&HeaderMap::new(), "text/csv"));
    }

    #[test]
    fn a_coding_is_one_that_is_taken() {
        let codings = [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0.5, gzip", Some("gzip")),
            ("br;q=0, gzip;q=0", None),
            ("*", Some("br")),
            ("br;q=0, *", Some("gzip")),
            ("identity", None),
        ];
        for (accepted, coded) in codings {
            assert_eq!(coding(&of(header::ACCEPT_ENCODING, accepted), &["br", "gzip"]), coded, "{accepted}");
        }
        assert_eq!(coding(&HeaderMap::new(), &["br", "gzip"]), None);
    }
}
