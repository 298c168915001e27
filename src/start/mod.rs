//! Brings up what an [`App`] needs, for `serve`, `work` and every command: database, schema, master key, mail.

mod master_key;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Semaphore;

use crate::{
    app::App,
    clock::{Clock, OffsetClock, SystemClock},
    config::Config,
    crypto::seal::KeyRing,
    notifiers::{Notifier, email::Email},
    outbound::Outbound,
    store::{self, private::PrivateServer},
};

/// Connections of the handlers' pool. PostgreSQL's own default of 100 leaves room for several processes.
const POOL: u32 = 16;
/// Connections of the queue's pool.
const QUEUE_POOL: u32 = 3;
/// Argon2 runs at once: each holds 19 MiB and one core.
const PASSWORD_SLOTS: usize = 2;
/// Files from outside read at once: opening one with a password may take a core for a second.
const READING_SLOTS: usize = 2;
/// Exports at once: each holds one of the handlers' connections for as long as its reader reads.
const EXPORT_SLOTS: usize = 4;

/// How long the pools may take to close: whoever was given up still holds a connection (R12).
const CLOSING: Duration = Duration::from_secs(5);

/// A running application and the private server below it, if it has one.
pub struct Started {
    /// What services and doors are given.
    pub app: App,
    private: Option<PrivateServer>,
    notices: Vec<String>,
    made: Option<String>,
}

impl Started {
    /// Closes the pools; the last process of ours to leave stops the private server.
    pub async fn stop(self) {
        let closing = async { tokio::join!(self.app.pool.close(), self.app.queue_pool.close()) };
        if tokio::time::timeout(CLOSING, closing).await.is_err() {
            tracing::warn!("work that was given up still holds a connection to the database");
        }
        if let Some(server) = self.private
            && let Err(error) = server.stop().await
        {
            tracing::warn!(%error, "the private PostgreSQL server did not stop in order");
        }
    }

    /// What is new here, if this start made an installation: in the wrong folder it would be an empty one.
    pub fn made(&self) -> Option<&str> {
        self.made.as_deref()
    }

    /// What an operator should be told at start: what is not where one looks first.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }
}

/// Opens or starts the database, migrates it, unlocks the master key.
///
/// # Errors
/// A sentence that names what is missing and how to mend it.
pub async fn start(config: Config) -> anyhow::Result<Started> {
    harden_process();
    allow_open_files();
    make_data_dir(&config.data_dir)?;
    let (key, made) = master_key::load(&config)?;
    let (private, owner, options) = database(&config).await?;
    store::migrate(owner)
        .await
        .map_err(|error| anyhow::anyhow!("the database could not be migrated: {error}"))?;
    let clock: Arc<dyn Clock> = match config.test_now {
        Some(start) => Arc::new(OffsetClock::starting_at(start)),
        None => Arc::new(SystemClock),
    };
    let pool = store::connect(options.clone(), POOL);
    master_key::verify(&pool, clock.as_ref(), &key).await?;
    let app = App {
        keys: Arc::new(KeyRing::new(key, Vec::new())),
        mail: mail(&config)?,
        pool,
        queue_pool: store::connect(options, QUEUE_POOL),
        clock,
        password_slots: Arc::new(Semaphore::new(PASSWORD_SLOTS)),
        reading_slots: Arc::new(Semaphore::new(READING_SLOTS)),
        names: Arc::default(),
        export_slots: Arc::new(Semaphore::new(EXPORT_SLOTS)),
        people: Arc::default(),
        config: Arc::new(config),
    };
    let told = private.as_ref().map(PrivateServer::notices).unwrap_or_default();
    let notices = told.to_vec();
    Ok(Started { app, private, notices, made })
}

async fn database(
    config: &Config,
) -> anyhow::Result<(Option<PrivateServer>, PgConnectOptions, PgConnectOptions)> {
    let Some(url) = &config.database_url else {
        let settings = store::private::Settings {
            data_dir: config.data_dir.clone(),
            bin: config.pg_bin.clone(),
            durable: true,
        };
        let mut server = PrivateServer::start(settings).await?;
        server.keep();
        let (owner, app) = (server.owner_options(), server.app_options());
        return Ok((Some(server), owner, app));
    };
    let app = store::options(url).map_err(anyhow::Error::msg)?;
    let owner = match &config.migrate_database_url {
        Some(url) => store::options(url)
            .map_err(|_| anyhow::anyhow!("NOTAFTER_MIGRATE_DATABASE_URL is not a PostgreSQL address"))?,
        None => app.clone(),
    };
    Ok((None, owner, app))
}

fn mail(config: &Config) -> anyhow::Result<Option<Arc<dyn Notifier>>> {
    let Some(smtp) = config.smtp.clone() else { return Ok(None) };
    let email = Email::new(smtp, &config.mail_from, Outbound::new(config.outbound_allow.clone()))?;
    Ok(Some(Arc::new(email)))
}

fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path)
        .with_context(|| format!("NOTAFTER_DATA_DIR: cannot make {}", path.display()))
}

/// No core dumps, no debugger of another user, no readable files by accident (S20).
fn harden_process() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes of this user may read our memory");
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Each connection is an open file: as many as the system allows this process, not as many as it gives one that does not ask.
fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the number of open files stays at its soft limit");
    }
}

/// What nobody may switch on: at these levels the mail library writes down the password that it sends (S21).
const NEVER: &str = "lettre=info";

/// Sends the log to standard error as JSON lines: text inside a field is escaped, so nobody forges a line (S21).
///
/// A line that cannot be written is lost. The library would tell so with `eprintln!`, which panics when standard error is what failed, and a
/// full disk would end every request.
pub fn log_json(filter: &str) {
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(tracing_subscriber::EnvFilter::new(format!("{filter},{NEVER}")))
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .try_init();
}

/// Sends the log to standard error, one line an event; `filter` stands in when `NOTAFTER_LOG` is unset.
pub fn log_to_stderr(filter: &str) {
    let wanted = std::env::var("NOTAFTER_LOG").unwrap_or_else(|_| filter.to_owned());
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(format!("{wanted},{NEVER}")))
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .try_init();
}
