//! The run's own certificate authority, and a certificate for each host that is asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Made for one run; its key is in no file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    made: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    pub(crate) fn new() -> Result<Self, String> {
        let told = |error: rcgen::Error| format!("the run's certificate authority: {error}");
        let key = KeyPair::generate().map_err(told)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "scripted Azure, this run only");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = parameters.self_signed(&key).map_err(told)?.pem();
        Ok(Self { issuer: Issuer::new(parameters, key), pem, made: Mutex::default() })
    }

    /// What has to be trusted.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// How to be this host.
    pub(crate) fn server(&self, host: &str) -> Result<Arc<ServerConfig>, String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(host) {
            return Ok(Arc::clone(config));
        }
        let told = |error: rcgen::Error| format!("a certificate for {host}: {error}");
        let key = KeyPair::generate().map_err(told)?;
        let parameters = CertificateParams::new([host.to_owned()]).map_err(told)?;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(told)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key))
            .map_err(|error| format!("TLS as {host}: {error}"))?;
        let config = Arc::new(config);
        made.insert(host.to_owned(), Arc::clone(&config));
        Ok(config)
    }
}
