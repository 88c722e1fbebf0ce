//! What is around the program in Azure, on a thread of its own: identity endpoint, distance, the model's service.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::{ONE_WAY, TOKEN, distance, identity, service};
use crate::certificate::Certificate;

/// It stands until this process ends.
#[derive(Debug)]
pub(super) struct Scenery {
    identity: SocketAddr,
    service: SocketAddr,
    /// The certificate that has to be trusted.
    trusted: PathBuf,
}

impl Scenery {
    /// # Errors
    /// In words, where a port, a certificate or its file cannot be had.
    pub(super) fn start(folder: &Path) -> Result<Self, String> {
        let Certificate { config: tls, trusted } = Certificate::new(folder, "cold")?;
        let told = |error: std::io::Error| format!("the scenery of a cold start: {error}");
        let (tokens, tokens_at) = listen().map_err(told)?;
        let (road, road_at) = listen().map_err(told)?;
        let (far, far_at) = listen().map_err(told)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(told)?;
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let listeners = (tokens.try_into(), road.try_into(), far.try_into());
                if let (Ok(tokens), Ok(road), Ok(far)) = listeners {
                    tokio::join!(
                        identity::serve(tokens, TOKEN),
                        distance::lay(road, far_at, ONE_WAY),
                        service::serve(far, tls)
                    );
                }
            });
        });
        Ok(Self { identity: tokens_at, service: road_at, trusted })
    }

    /// The app's settings in it.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        [
            ("AZURE_INFERENCE_ENDPOINT", format!("https://{}/openai/v1", self.service)),
            ("SSL_CERT_FILE", self.trusted.display().to_string()),
            ("RUNNING_IN_PRODUCTION", "true".to_owned()),
            ("ALLOW_ANONYMOUS", "true".to_owned()),
            ("AZURE_CLIENT_ID", "client".to_owned()),
            ("IDENTITY_ENDPOINT", format!("http://{}/msi/token", self.identity)),
            ("IDENTITY_HEADER", "secret".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

fn listen() -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
