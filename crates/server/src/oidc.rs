//! Signing in by a provider (OpenID Connect): the code flow with PKCE, state, nonce and the issuer checked.
//! It never trusts an e-mail address: whoever somebody is, a provider says by its name for them, and by nothing else.

use crate::site::Origin;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use slotwise_engine::Subject;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long one answer of the provider may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How large it may be.
const ANSWER_MAX: usize = 1 << 20;
/// How long what the provider says of itself is believed before it is asked again.
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// Where the provider sends people back to.
pub const CALLBACK: &str = "/api/oidc/callback";

/// How a provider is reached.
#[derive(Clone)]
pub struct ProviderConfig {
    /// Its URL, as it says it itself.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// The secret it gave it.
    pub client_secret: String,
    /// What the button says.
    pub name: String,
    /// Whoever it vouches for and is not known becomes a member.
    pub new_people: bool,
}

impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderConfig").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A provider.
pub struct Provider {
    config: ProviderConfig,
    redirect: RedirectUrl,
    tls: TlsConnector,
    known: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

/// A sign-in that has begun: where to send the browser, and what must come back to it.
pub struct Begun {
    /// The provider's page.
    pub url: String,
    /// What this browser keeps until it is back; nobody else's is believed.
    pub kept: Kept,
}

/// What a browser keeps while its person is at the provider.
pub struct Kept {
    /// Comes back in the address.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// Proves that whoever has the code began.
    pub verifier: String,
}

/// Whom a provider vouches for.
pub struct Vouched {
    /// What it calls them.
    pub subject: Subject,
    /// What they are called, if it says so.
    pub name: Option<String>,
}

/// Why a provider cannot be used, or does not vouch. It repeats no secret.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// What was configured is no URL, or the system's certificates cannot be read.
    #[error("{0}")]
    Config(String),
    /// It does not answer as a provider does.
    #[error("the provider: {0}")]
    Provider(String),
    /// It does not vouch for whoever came back.
    #[error("not vouched for: {0}")]
    Refused(String),
}

impl Provider {
    /// A provider, and where this server is. Nothing is asked yet.
    ///
    /// # Errors
    /// The issuer is no URL, or neither TLS nor on this machine.
    pub fn new(config: ProviderConfig, base: &str) -> Result<Provider, OidcError> {
        let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
        if !config.issuer.starts_with("https://") && !local.iter().any(|host| config.issuer.starts_with(host)) {
            return Err(OidcError::Config("the provider must begin with https://".into()));
        }
        let redirect = RedirectUrl::new(format!("{base}{CALLBACK}")).map_err(|e| OidcError::Config(e.to_string()))?;
        let mut roots = RootCertStore::empty();
        // Some of what a system trusts may be unreadable; what is missing then is missed when it is needed.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(tokio_rustls::rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| OidcError::Config(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Provider { config, redirect, tls: TlsConnector::from(Arc::new(tls)), known: Mutex::default() })
    }

    /// What the button says.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether whoever is vouched for and not known becomes a member.
    pub fn new_people(&self) -> bool {
        self.config.new_people
    }

    async fn metadata(&self) -> Result<CoreProviderMetadata, OidcError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, metadata)) = known.filter(|(since, _)| since.elapsed() < KNOWN_FOR) {
            return Ok(metadata);
        }
        let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(|e| OidcError::Config(e.to_string()))?;
        let fetch = self.wire();
        let found = CoreProviderMetadata::discover_async(issuer, &fetch).await;
        let found = found.map_err(|e| OidcError::Provider(format!("what it says of itself: {e}")))?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// The provider does not answer.
    pub async fn begin(&self) -> Result<Begun, OidcError> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = CoreClient::from_provider_metadata(self.metadata().await?, self.id(), Some(self.secret()))
            .set_redirect_uri(self.redirect.clone());
        let (url, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("profile".into()))
            .set_pkce_challenge(challenge)
            .url();
        let kept =
            Kept { state: state.secret().clone(), nonce: nonce.secret().clone(), verifier: verifier.secret().clone() };
        Ok(Begun { url: url.to_string(), kept })
    }

    /// Ends it: gives the code for a token, and believes the token only if it is for us, of now, and of this browser's sign-in.
    ///
    /// # Errors
    /// The provider does not answer, or does not vouch for anybody.
    pub async fn end(&self, code: String, issuer: Option<&str>, kept: Kept) -> Result<Vouched, OidcError> {
        if issuer.is_some_and(|issuer| issuer != self.config.issuer) {
            return Err(OidcError::Refused("another issuer answered".into()));
        }
        let client = CoreClient::from_provider_metadata(self.metadata().await?, self.id(), Some(self.secret()))
            .set_redirect_uri(self.redirect.clone());
        let fetch = self.wire();
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|e| OidcError::Provider(e.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(kept.verifier))
            .request_async(&fetch)
            .await
            .map_err(|e| OidcError::Refused(e.to_string()))?;
        let token = answer.id_token().ok_or_else(|| OidcError::Refused("there is no id token".into()))?;
        let verifier = client.id_token_verifier();
        let refused = |e: &dyn fmt::Display| OidcError::Refused(e.to_string());
        let claims = token.claims(&verifier, &Nonce::new(kept.nonce)).map_err(|e| refused(&e))?;
        if let Some(expected) = claims.access_token_hash() {
            let alg = token.signing_alg().map_err(|e| refused(&e))?;
            let key = token.signing_key(&verifier).map_err(|e| refused(&e))?;
            let actual = AccessTokenHash::from_token(answer.access_token(), alg, key).map_err(|e| refused(&e))?;
            if actual != *expected {
                return Err(OidcError::Refused("the access token is another's".into()));
            }
        }
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned());
        let (issuer, subject) = (self.config.issuer.clone(), claims.subject().as_str().to_owned());
        Ok(Vouched { subject: Subject { issuer, subject }, name })
    }

    fn id(&self) -> ClientId {
        ClientId::new(self.config.client_id.clone())
    }

    fn secret(&self) -> ClientSecret {
        ClientSecret::new(self.config.client_secret.clone())
    }

    /// How requests are sent, each within its bounds. A redirect is an answer like any other: it is not followed.
    fn wire(&self) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, OidcError>> + use<> {
        let (tls, plain) = (self.tls.clone(), self.config.issuer.starts_with("http://"));
        move |request| {
            let wire = Wire { tls: tls.clone(), plain };
            Box::pin(async move {
                let asked = tokio::time::timeout(ANSWER_WITHIN, wire.ask(request)).await;
                asked.map_err(|_| OidcError::Provider("it does not answer in time".into()))?
            })
        }
    }
}

/// The way to a provider.
struct Wire {
    tls: TlsConnector,
    /// Without TLS, on this machine.
    plain: bool,
}

impl Wire {
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, OidcError> {
        let failed = |e: &dyn fmt::Display| OidcError::Provider(e.to_string());
        let uri = request.uri().clone();
        let host = uri.host().ok_or_else(|| failed(&"its address has no host"))?.to_owned();
        let secure = uri.scheme_str() == Some("https");
        if secure == self.plain {
            return Err(failed(&"it mixes http and https"));
        }
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let stream = TcpStream::connect((bare.as_str(), port)).await.map_err(|e| failed(&e))?;
        if !secure {
            return say(stream, request).await;
        }
        let name = ServerName::try_from(bare).map_err(|e| failed(&e))?;
        say(self.tls.connect(name, stream).await.map_err(|e| failed(&e))?, request).await
    }
}

/// Says one request on a connection of its own, and reads the answer.
async fn say<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    request: HttpRequest,
) -> Result<HttpResponse, OidcError> {
    let failed = |e: &dyn fmt::Display| OidcError::Provider(e.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| failed(&e))?;
    let driven = tokio::spawn(async move { drop(connection.await) });
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().map(|a| a.as_str().to_owned()).unwrap_or_default();
    parts.headers.insert(hyper::header::HOST, authority.parse().map_err(|_| failed(&"its address is not one"))?);
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    parts.uri = path.parse().map_err(|_| failed(&"its address is not one"))?;
    let answer = async {
        let answer = sender
            .send_request(hyper::Request::from_parts(parts, Full::new(Bytes::from(body))))
            .await
            .map_err(|e| failed(&e))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|e| failed(&e))?;
        Ok(hyper::Response::from_parts(parts, body.to_bytes().to_vec()))
    };
    let answer = answer.await;
    driven.abort();
    answer
}

/// What an origin looks like at the beginning of links.
pub fn base(public: Option<&Origin>, own: &str) -> String {
    public.map_or(own, Origin::as_str).to_owned()
}
