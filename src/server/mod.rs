//! Merges the HTTP doors behind the common middleware, runs the worker beside them, and stops gracefully.

mod headers;
mod observe;
mod refusals;
mod bodies;
mod limits;
mod connections;
mod listen;

use std::{io::Write, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::{JoinError, JoinHandle},
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{NotForContentType, Predicate, SizeAbove},
    },
    limit::RequestBodyLimitLayer,
    timeout::RequestBodyTimeoutLayer,
};

use crate::{api, app::App, jobs, responders, services::setup, web};

use self::limits::Limits;

/// The largest body any route takes: an import of 10 MiB and its multipart frame.
const BODY_LIMIT: usize = 11 * 1024 * 1024;
/// The longest pause inside a body.
const BODY_PAUSE: Duration = Duration::from_secs(10);
/// How long running requests and jobs may take to end after the signal (R12).
const GRACE: Duration = Duration::from_secs(20);

/// All doors behind the middleware that each answer passes, from the outside in: id and log, headers, refusals, panics, limits,
/// compression.
pub fn router(app: &App) -> Router {
    let doors = Router::new()
        .merge(api::router(app))
        .merge(responders::router(app))
        .merge(web::router(app))
        .layer(DefaultBodyLimit::disable());
    let small_or_packed =
        SizeAbove::new(512).and(NotForContentType::IMAGES).and(NotForContentType::const_new("font/woff2"));
    doors.with_state(app.clone()).layer(
        ServiceBuilder::new()
            .layer(middleware::from_fn(observe::observe))
            .layer(middleware::from_fn_with_state(app.clone(), headers::secure))
            .layer(middleware::from_fn(refusals::draw))
            .layer(CatchPanicLayer::custom(observe::panicked))
            .layer(middleware::from_fn_with_state(Limits::new(app), limits::limit))
            .layer(CompressionLayer::new().compress_when(small_or_packed))
            .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
            .layer(RequestBodyLimitLayer::new(BODY_LIMIT)),
    )
}

/// Serves until a signal says stop.
pub async fn serve(app: &App, with_worker: bool) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let listening = listen::Listener::bind(app)?;
    announce(app, listening.address()?).await?;
    let mut worker = with_worker.then(|| tokio::spawn(jobs::run(app.clone(), stopped.clone())));
    let (serving, router) = (app.clone(), router(app));
    let mut pages = tokio::spawn(async move { listening.serve(&serving, router, stopped).await });
    // Half a console would look alive while it does only half of its work, so the end of either part is the end of the process.
    let mut served = None;
    let ended = tokio::select! {
        signal = wait_for_signal() => signal,
        done = &mut pages => {
            served = Some(Ok(()));
            Err(early("the listener", done.map_err(Into::into).flatten()))
        }
        done = optional(&mut worker) => Err(early("the worker", done.map_err(Into::into))),
    };
    stop.send_replace(true);
    let draining = async {
        match served {
            Some(served) => served,
            None => pages.await.map_err(Into::into).flatten(),
        }
    };
    // Both at once: one after the other could take twice as long as they are given.
    let (served, ()) = tokio::join!(draining, finish(worker));
    ended.and(served)
}

/// Works until a signal says stop.
pub async fn work(app: &App) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let mut worker = tokio::spawn(jobs::run(app.clone(), stopped));
    tokio::select! {
        signal = wait_for_signal() => signal?,
        done = &mut worker => return Err(early("the worker", done.map_err(Into::into))),
    }
    stop.send_replace(true);
    finish(Some(worker)).await;
    Ok(())
}

/// Ends when the task does; never when there is none.
async fn optional(task: &mut Option<JoinHandle<()>>) -> Result<(), JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

/// What ended although nobody told it to.
fn early(part: &str, done: anyhow::Result<()>) -> anyhow::Error {
    match done {
        Ok(()) => anyhow::anyhow!("{part} ended without being told to"),
        Err(error) => error.context(format!("{part} ended by a fault")),
    }
}

/// Waits for a worker that still runs.
async fn finish(worker: Option<JoinHandle<()>>) {
    let Some(worker) = worker.filter(|worker| !worker.is_finished()) else { return };
    if tokio::time::timeout(GRACE, worker).await.is_err() {
        tracing::warn!(
            "the worker did not finish in {} s; its jobs run again when their leases end",
            GRACE.as_secs()
        );
    }
}

/// Tells the operator where the console is and, until there is an administrator, the one link that makes the first.
async fn announce(app: &App, address: std::net::SocketAddr) -> anyhow::Result<()> {
    let base = app.config.base_url_at(address);
    let mut stderr = std::io::stderr();
    // Standard error on a full disk is no reason not to start.
    let _ = writeln!(stderr, "notafter {} listens on {base}", env!("CARGO_PKG_VERSION"));
    if let Some(link) = setup::new_link(app).await? {
        let link = web::urls::setup(link.expose());
        let _ = writeln!(stderr, "make the first administrator here, once, within 24 hours: {base}{link}");
    }
    Ok(())
}

async fn wait_for_signal() -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    Ok(())
}
