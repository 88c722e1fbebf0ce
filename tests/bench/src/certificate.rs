//! The run's own certificate: for an upstream behind TLS 1.3 on loopback.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A service's side of TLS, and the file with what a client has to trust (`SSL_CERT_FILE`).
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) trusted: PathBuf,
}

impl Certificate {
    /// For this run only, and its key in no file.
    ///
    /// # Errors
    /// In words, where it cannot be made or written.
    pub(crate) fn new(folder: &Path, name: &str) -> Result<Self, String> {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])
            .map_err(|error| format!("a certificate: {error}"))?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key))
            .map_err(|error| format!("TLS: {error}"))?;
        let trusted = folder.join(format!("{name}.pem"));
        fs::write(&trusted, cert.pem()).map_err(|error| format!("{}: {error}", trusted.display()))?;
        Ok(Self { config: Arc::new(config), trusted })
    }
}
