//! Where this server is reached: its public URL, the proxies in front of it, and so where a request comes from and over what.
//! It never believes a header of somebody who is not a trusted proxy.

use axum::http::{HeaderMap, HeaderName, Uri, header};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Who sent a request, and how it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Their address: the peer's, or what a trusted proxy says.
    pub address: IpAddr,
    /// Over TLS, ours or a proxy's.
    pub secure: bool,
}

impl Client {
    /// The address as one customer of a provider has it: IPv6 by its /64.
    pub fn network(self) -> IpAddr {
        network(self.address)
    }
}

/// An address as limits count it: what is in an IPv6 /64 is one, and IPv4 in IPv6 is IPv4.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A scheme and an authority, as a browser writes an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The text, such as `https://book.example.edu`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Origin, String> {
        let uri = Uri::from_str(text).map_err(|e| format!("{text:?} is no URL: {e}"))?;
        let (scheme, authority) = match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) => (scheme, authority),
            _ => return Err(format!("{text:?} must begin with http:// or https:// and a name")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(format!(
                "{text:?} must be a scheme, a name and perhaps a port: the web app is served at the root"
            ));
        }
        let authority = authority.as_str().to_ascii_lowercase();
        // As browsers write it: the port of the scheme is left out.
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(usual).unwrap_or(&authority);
        Ok(Origin(format!("{scheme}://{authority}")))
    }
}

/// Where this server is reached.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The address people use, if it was said.
    pub public: Option<Origin>,
    /// Those whose word about a client counts.
    pub proxies: Vec<IpNet>,
    /// Connections to us are TLS.
    pub tls: bool,
}

impl Site {
    /// Whether this address is one of the proxies in front of us.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|net| net.contains(&address))
    }

    /// Who sent a request, by the peer and, if that is a trusted proxy, by what it says.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        let secure = self.tls || self.public.as_ref().is_some_and(|p| p.as_str().starts_with("https://"));
        if !self.trusts(peer) {
            return Client { address: peer, secure };
        }
        let forwarded = list(headers, &header::FORWARDED);
        let named: Vec<Option<&str>> = forwarded.iter().map(|element| parameter(element, "for")).collect();
        let by_forwarded = (!named.is_empty()).then(|| self.furthest(peer, &named));
        let named: Vec<Option<&str>> = list(headers, &FORWARDED_FOR).into_iter().map(Some).collect();
        let by_x = (!named.is_empty()).then(|| self.furthest(peer, &named));
        let address = match (by_forwarded, by_x) {
            // A proxy writes one of them and may pass on the other as the client sent it: where they differ neither is believed.
            (Some(a), Some(b)) if a != b => peer,
            (Some(address), _) | (None, Some(address)) => address,
            (None, None) => peer,
        };
        let scheme = list(headers, &FORWARDED_PROTO).last().copied();
        let scheme = scheme.or_else(|| forwarded.last().and_then(|element| parameter(element, "proto")));
        Client { address, secure: secure || scheme.is_some_and(|s| s.eq_ignore_ascii_case("https")) }
    }

    /// From the nearest hop outwards: the first that is no trusted proxy. What cannot be read ends the walk.
    fn furthest(&self, peer: IpAddr, hops: &[Option<&str>]) -> IpAddr {
        let mut known = peer;
        for hop in hops.iter().rev() {
            let Some(address) = hop.and_then(address) else { return known };
            known = address;
            if !self.trusts(address) {
                return known;
            }
        }
        known
    }

    /// Whether a request that carries an `Origin` comes from our own pages. A request without one is no browser's cross-site request.
    pub fn same_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if let Some(public) = &self.public {
            return origin == public.as_str();
        }
        let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some() && authority == host
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The elements of a list header, over all its lines.
fn list<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h str> {
    let lines = headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|e| !e.is_empty()).collect()
}

/// A parameter of an element of `Forwarded`, without its quotes.
fn parameter<'e>(element: &'e str, name: &str) -> Option<&'e str> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(n, _)| n.trim().eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim().trim_matches('"'))
}

/// An address as proxies write it: bare, with a port, or an IPv6 one in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inside, _)| inside);
    let parsed = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()));
    parsed.map(|a: IpAddr| a.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap()).to_vec();
        Site { proxies, ..Site::default() }
    }

    fn seen(peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let client = site().client(peer.parse().unwrap(), &map);
        (client.address.to_string(), client.secure)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let spoofed =
            [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4;proto=https"), ("x-forwarded-proto", "https")];
        assert_eq!(seen("192.0.2.7", &spoofed), ("192.0.2.7".into(), false));
        assert_eq!(seen("10.0.0.1", &[("x-forwarded-for", "1.2.3.4")]), ("1.2.3.4".into(), false));
        assert_eq!(seen("::ffff:10.0.0.1", &[("x-forwarded-for", "1.2.3.4")]).0, "1.2.3.4");
    }

    #[test]
    fn the_client_is_the_first_from_the_near_end_that_is_no_proxy() {
        for (headers, address) in [
            // What stands further out was written by the client.
            (&[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.9.9.9")][..], "1.2.3.4"),
            (&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")], "1.2.3.4"),
            (&[("x-forwarded-for", "10.1.1.1, 10.9.9.9")], "10.1.1.1"),
            (&[("x-forwarded-for", "6.6.6.6, nonsense, 10.9.9.9")], "10.9.9.9"),
            (&[("x-forwarded-for", "1.2.3.4:5678")], "1.2.3.4"),
            (&[("forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:4711\";proto=https")], "2001:db8::1"),
            (&[("forwarded", "For=1.2.3.4;by=10.0.0.1")], "1.2.3.4"),
            (&[("forwarded", "for=_hidden")], "10.0.0.1"),
            (&[("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "1.2.3.4")], "10.0.0.1"),
            (&[("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "1.2.3.4")], "1.2.3.4"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(seen("10.0.0.1", headers).0, address, "{headers:?}");
        }
    }

    #[test]
    fn the_scheme_is_the_nearest_proxys() {
        assert!(seen("10.0.0.1", &[("x-forwarded-proto", "https")]).1);
        assert!(seen("10.0.0.1", &[("forwarded", "for=1.2.3.4;proto=https")]).1);
        assert!(!seen("10.0.0.1", &[("x-forwarded-proto", "https, http")]).1);
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, origin) in [
            ("https://Book.Example.edu/", "https://book.example.edu"),
            ("https://book.example.edu:443", "https://book.example.edu"),
            ("http://localhost:8080", "http://localhost:8080"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), origin);
        }
        for text in ["", "book.example.edu", "ftp://x", "https://", "https://x/app", "https://x/?q", "https://a@b"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn ipv6_is_counted_by_its_network() {
        let both = ["2001:db8::1", "2001:db8::ffff:2"].map(|a| network(a.parse().unwrap()));
        assert_eq!(both[0], both[1]);
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()).to_string(), "192.0.2.1");
    }
}
