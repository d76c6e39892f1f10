//! TLS: a certificate chain and its key from PEM files, and the same files read again when they were renewed.
//! It never serves with half of a pair: a reload that fails leaves what was there.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or there is nothing of its kind in it.
    #[error("reading {0}: {1}")]
    Read(PathBuf, pem::Error),
    /// There is no certificate in it.
    #[error("{0} holds no certificate")]
    Empty(PathBuf),
    /// They do not go together.
    #[error("the certificate and the key: {0}")]
    Pair(#[from] rustls::Error),
}

/// What connections are accepted with.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Reads a chain, the server's certificate first, and its key.
    ///
    /// # Errors
    /// A file cannot be read, or the two do not go together.
    pub fn load(cert: PathBuf, key: PathBuf) -> Result<Tls, TlsError> {
        let acceptor = RwLock::new(acceptor(&cert, &key)?);
        Ok(Tls { cert, key, acceptor })
    }

    /// Reads both again for connections to come; those that are open go on as they are.
    ///
    /// # Errors
    /// As in [`Tls::load`]; then nothing has changed.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = acceptor(&self.cert, &self.key)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// What the next connection is accepted with.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let unread = |path: &Path| {
        let path = path.to_owned();
        move |e| TlsError::Read(path, e)
    };
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unread(cert))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(cert.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(unread(key))?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // Only HTTP/1.1 is spoken, so nothing else is offered.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
