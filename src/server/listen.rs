//! The listener: plain HTTP on loopback or behind a proxy, or TLS from files that are read again when they change.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use axum::Router;
use axum_server::{
    Handle,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::sync::watch;

use crate::{
    app::App,
    config::{ClientAuth, Tls, TlsFiles},
};

use super::connections::Door;

/// The longest a client may take to send its request line and headers.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// The longest they may be together, before the limit of addresses is looked at.
const HEADERS: usize = 64 * 1024;
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 32;
/// How often a client of HTTP/2 is asked whether it is there, and how long it may think.
const PING: Duration = Duration::from_secs(20);
const PING_ANSWER: Duration = Duration::from_secs(10);
/// How often the TLS files are looked at.
const RELOAD: Duration = Duration::from_secs(30);

/// A bound socket, and how to speak on it.
pub(super) struct Listener {
    socket: TcpListener,
    tls: Option<(RustlsConfig, TlsFiles)>,
}

impl Listener {
    /// Binds the configured address.
    pub(super) fn bind(app: &App) -> anyhow::Result<Listener> {
        let address = app.config.listen;
        let socket = TcpListener::bind(address)
            .with_context(|| format!("NOTAFTER_LISTEN: cannot listen on {address}"))?;
        socket.set_nonblocking(true)?;
        let tls = match &app.config.tls {
            Tls::Off => None,
            Tls::Files(files) => {
                Some((RustlsConfig::from_config(Arc::new(tls_config(files)?)), files.clone()))
            }
        };
        Ok(Listener { socket, tls })
    }

    /// The bound address; its port differs from the configured one when that was 0.
    pub(super) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Answers until `stopped` turns true, then lets running requests end.
    pub(super) async fn serve(
        self,
        app: &App,
        router: Router,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let (handle, door) = (Handle::new(), Door::new(app));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(stop_gracefully(handle.clone(), stopped));
        match self.tls {
            None => {
                let mut server = axum_server::from_tcp(self.socket)?.handle(handle).acceptor(door);
                bound(server.http_builder());
                server.serve(service).await?;
            }
            Some((config, files)) => {
                tokio::spawn(reload_when_changed(config.clone(), files));
                let acceptor = RustlsAcceptor::new(config).acceptor(door);
                let mut server = axum_server::from_tcp(self.socket)?.handle(handle).acceptor(acceptor);
                bound(server.http_builder());
                server.serve(service).await?;
            }
        }
        Ok(())
    }
}

/// Bounds what one connection may cost and how long it may dawdle.
fn bound(builder: &mut Builder<TokioExecutor>) {
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(HEADERS);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(STREAMS);
    http2.keep_alive_interval(PING).keep_alive_timeout(PING_ANSWER);
}

async fn stop_gracefully(handle: Handle<SocketAddr>, mut stopped: watch::Receiver<bool>) {
    // An error means the sender is gone, which is a stop as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
    handle.graceful_shutdown(Some(super::GRACE));
    tokio::time::sleep(super::GRACE).await;
    // A flood of new connections keeps the listener from hearing the first word; it always hears this one.
    handle.shutdown();
}

/// Reads the files and checks that key and certificate belong together.
fn tls_config(files: &TlsFiles) -> anyhow::Result<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = if files.allow_tls12 { vec![&TLS13, &TLS12] } else { vec![&TLS13] };
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions)?;
    let builder = match (files.client_auth, &files.client_ca) {
        (ClientAuth::None, _) | (_, None) => builder.with_no_client_auth(),
        (wanted, Some(path)) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(path, "NOTAFTER_TLS_CLIENT_CA_FILE")? {
                roots.add(root)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier =
                if wanted == ClientAuth::Optional { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build()?)
        }
    };
    let chain = certificates(&files.certificate, "NOTAFTER_TLS_CERT_FILE")?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| anyhow::anyhow!("NOTAFTER_TLS_KEY_FILE: {}: {error}", files.key.display()))?;
    let mut config = builder
        .with_single_cert(chain, key)
        .context("NOTAFTER_TLS_KEY_FILE does not belong to NOTAFTER_TLS_CERT_FILE")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path, setting: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|error| anyhow::anyhow!("{setting}: {}: {error}", path.display()))?;
    anyhow::ensure!(!chain.is_empty(), "{setting}: {} holds no certificate", path.display());
    Ok(chain)
}

/// A renewed certificate is served without a restart; files that do not fit together leave the old one in place.
async fn reload_when_changed(config: RustlsConfig, files: TlsFiles) {
    let mut seen = changed_at(&files);
    loop {
        tokio::time::sleep(RELOAD).await;
        let now = changed_at(&files);
        if now == seen {
            continue;
        }
        match tls_config(&files) {
            Ok(fresh) => {
                config.reload_from_config(Arc::new(fresh));
                seen = now;
                tracing::info!(file = %files.certificate.display(), "the listener serves its new certificate");
            }
            Err(error) => tracing::error!(%error, "the listener keeps its old certificate"),
        }
    }
}

fn changed_at(files: &TlsFiles) -> [Option<SystemTime>; 2] {
    [&files.certificate, &files.key].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
}
