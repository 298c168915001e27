//! A PostgreSQL server of our own, for when `DATABASE_URL` is unset.
//!
//! It lives below the data directory, listens on a Unix socket only, and lets in root and its own user by the
//! kernel's word, so there is no password to keep. Started as root, it runs as a service user, because PostgreSQL
//! refuses root. The server is a process of its own: it survives a killed console, and the next process to start
//! finds and adopts it. Every process that uses it holds a lock; the last one out stops it. A console that is asked to
//! keep it starts it again when it ends on its own.

mod account;
mod binaries;
mod error;
mod keeper;
mod memory;
mod place;
mod postmaster;
mod roles;
mod turn;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

use account::Account;
pub use error::Error;
use error::sql;
use keeper::{Keeper, Kept};
use place::Place;
use postmaster::{Postmaster, State};

/// The database of the console.
const DATABASE: &str = "notafter";

/// Pause between two looks at a server that starts or stops.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks before a start is given up: five minutes, for a long recovery after a crash.
const START_LOOKS: u32 = 12_000;

/// Looks at a server that has withdrawn its pid file until it has surely ended.
const LAST_LOOKS: u32 = 40;

/// Looks before a stop is given up: one minute.
const STOP_LOOKS: u32 = 2_400;

/// Further launches after a crash, half a second apart: orphans of the crashed server need a moment to leave.
const RELAUNCHES: u32 = 6;

/// Where the private server lives and how it runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The console's data directory; made when missing.
    pub data_dir: PathBuf,
    /// Folder of the server's programs (`NOTAFTER_PG_BIN`); searched for when `None`.
    pub bin: Option<PathBuf>,
    /// Whether a commit survives a power failure; `false` only for tests.
    pub durable: bool,
}

impl Settings {
    /// A durable server under this data directory, with programs found by search.
    pub fn new(data_dir: impl Into<PathBuf>) -> Settings {
        Settings { data_dir: data_dir.into(), bin: None, durable: true }
    }
}

/// A running private server, started or adopted by [`PrivateServer::start`].
///
/// Dropped without [`stop`](PrivateServer::stop), it tells the server to stop when nobody else uses it, without
/// waiting for that.
#[derive(Debug)]
pub struct PrivateServer {
    settings: Settings,
    account: Account,
    place: Place,
    turn: PathBuf,
    sockets: PathBuf,
    running: Arc<Mutex<Running>>,
    keeper: Option<Kept>,
    in_use: Option<File>,
}

/// The server process as it was last seen; its child is ours to reap when we started it.
#[derive(Debug)]
struct Running {
    postmaster: Postmaster,
    child: Option<Child>,
}

impl Running {
    /// Whether our child has ended. Asking reaps the process; without that it would stay listed as long as we live.
    fn reap(&mut self, place: &Place) -> Result<bool, Error> {
        let Some(child) = &mut self.child else { return Ok(false) };
        Ok(child.try_wait().map_err(error::file("wait for", &place.cluster))?.is_some())
    }

    fn has_ended(&mut self, place: &Place) -> Result<bool, Error> {
        if self.child.is_some() {
            return self.reap(place);
        }
        Ok(match postmaster::look(&place.data())? {
            State::Up(running) => running.pid != self.postmaster.pid,
            State::Down | State::Crashed => true,
        })
    }
}

impl PrivateServer {
    /// Starts the server of a data directory, or joins the one that runs; makes it first when there is none.
    ///
    /// Safe to call from several processes at once. The database, both roles and their rights exist afterwards.
    pub async fn start(settings: Settings) -> Result<PrivateServer, Error> {
        let data_dir = place::data_dir(&settings.data_dir)?;
        let lock = data_dir.join("postgres.lock");
        let turn = turn::take(&lock).await?;
        let account = Account::choose(&data_dir, &place::recorded_cluster(&data_dir)?)?;
        let place = place::prepare(&data_dir, &account)?;
        let in_use = turn::join(&place.in_use())?;
        let rising = Rising { settings: &settings, place: &place, account: &account, may_make: true };
        let (postmaster, child, connection) = rise(rising, &AtomicBool::new(false)).await?;
        let server = PrivateServer {
            settings,
            account,
            sockets: postmaster.sockets.clone(),
            place,
            turn: lock,
            running: Arc::new(Mutex::new(Running { postmaster, child })),
            keeper: None,
            in_use: Some(in_use),
        };
        let prepared = server.prepare(connection).await;
        // Before the server may be dropped, which needs the turn to stop it.
        drop(turn);
        prepared.map(|()| server)
    }

    /// From now on starts the server again whenever it ends on its own, until this value is stopped or dropped.
    pub fn keep(&mut self) {
        let keeper = Keeper {
            settings: self.settings.clone(),
            account: self.account.clone(),
            place: self.place.clone(),
            turn: self.turn.clone(),
            running: self.running.clone(),
        };
        self.dismiss_keeper();
        self.keeper = Some(keeper.start());
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dismiss_keeper(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.dismiss();
        }
    }

    async fn prepare(&self, mut connection: PgConnection) -> Result<(), Error> {
        roles::prepare(&mut connection).await?;
        roles::ensure_database(&mut connection, self.superuser_options(DATABASE), DATABASE, None).await?;
        connection.close().await.map_err(sql("end our session"))
    }

    /// Connects as the owner of the console's database, for migrations.
    pub fn owner_options(&self) -> PgConnectOptions {
        self.owner_options_for(DATABASE)
    }

    /// Connects as the console, which changes rows but no tables.
    pub fn app_options(&self) -> PgConnectOptions {
        self.app_options_for(DATABASE)
    }

    /// [`owner_options`](PrivateServer::owner_options) for another database of this server.
    pub fn owner_options_for(&self, database: &str) -> PgConnectOptions {
        options(&self.sockets, roles::OWNER, database)
    }

    /// [`app_options`](PrivateServer::app_options) for another database of this server.
    pub fn app_options_for(&self, database: &str) -> PgConnectOptions {
        options(&self.sockets, roles::APP, database)
    }

    /// Connects as the server's superuser, for backup and restore.
    pub fn superuser_options(&self, database: &str) -> PgConnectOptions {
        options(&self.sockets, "postgres", database)
    }

    /// Makes a database with the same rights as the console's, as a copy of `template` when one is named.
    ///
    /// One that exists is kept as it is. Nobody may be connected to the template meanwhile.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        let mut connection = self.superuser().await?;
        roles::ensure_database(&mut connection, self.superuser_options(name), name, template).await?;
        connection.close().await.map_err(sql("end our session"))
    }

    /// Removes a database and ends the sessions in it; absence is no error.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        let mut connection = self.superuser().await?;
        roles::drop_database(&mut connection, name).await?;
        connection.close().await.map_err(sql("end our session"))
    }

    /// The folder of the server's socket, which only root and the server's user enter.
    pub fn socket_folder(&self) -> &Path {
        &self.sockets
    }

    /// The server's process id.
    pub fn process_id(&self) -> i32 {
        self.running().postmaster.pid
    }

    /// What an operator should be told once at start, as plain sentences: folders that are not where one looks first.
    pub fn notices(&self) -> &[String] {
        &self.place.notices
    }

    /// Stops the server in order and waits for it, unless another process of ours still uses it.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(keeper) = self.keeper.take() {
            keeper.finish().await;
        }
        let Some(in_use) = self.in_use.take() else {
            return Ok(());
        };
        let _turn = turn::take(&self.turn).await?;
        if !turn::is_alone(&in_use, &self.place.in_use())? {
            return Ok(());
        }
        // Whichever server runs now; the process id that we once saw may be anybody's.
        let State::Up(Postmaster { pid, .. }) = postmaster::look(&self.place.data())? else {
            return Ok(());
        };
        postmaster::interrupt(pid);
        let mut rest = LAST_LOOKS;
        for _ in 0..STOP_LOOKS {
            self.running().reap(&self.place)?;
            let is_up = matches!(postmaster::look(&self.place.data())?, State::Up(_));
            // It withdraws its pid file a moment before it ends; one that nobody reaps stays listed without running.
            rest = if is_up { rest } else { rest - 1 };
            if !is_up && (rest == 0 || !postmaster::lives(pid)) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::DoesNotStop { pid, log: self.place.log.clone() })
    }

    /// Lets go of the server and leaves it running, for the next process to join.
    pub fn leave_running(mut self) {
        self.dismiss_keeper();
        self.in_use = None;
    }

    async fn superuser(&self) -> Result<PgConnection, Error> {
        let options = self.superuser_options("postgres");
        options.connect().await.map_err(sql("let us in"))
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.dismiss_keeper();
        let Some(in_use) = self.in_use.take() else {
            return;
        };
        // Whoever holds the turn is about to use the server, so it is theirs to stop.
        if let Ok(Some(_turn)) = turn::take_if_free(&self.turn)
            && let Ok(true) = turn::is_alone(&in_use, &self.place.in_use())
            && let Ok(State::Up(running)) = postmaster::look(&self.place.data())
        {
            postmaster::interrupt(running.pid);
        }
    }
}

/// How a server is brought up.
struct Rising<'a> {
    settings: &'a Settings,
    place: &'a Place,
    account: &'a Account,
    /// A cluster is made when there is none.
    may_make: bool,
}

/// Brings the server up, or waits for the one that runs, until it answers or is `dismissed`.
async fn rise(
    Rising { settings, place, account, may_make }: Rising<'_>,
    dismissed: &AtomicBool,
) -> Result<(Postmaster, Option<Child>, PgConnection), Error> {
    let data = place.data();
    let mut child: Option<Child> = None;
    let mut relaunches = match postmaster::look(&data)? {
        State::Crashed | State::Up(_) => RELAUNCHES,
        State::Down => 0,
    };
    let mut pid = 0;
    for _ in 0..START_LOOKS {
        if dismissed.load(Ordering::Relaxed) {
            call_off(child).await;
            return Err(Error::Dismissed);
        }
        if let Some(launched) = &mut child
            && launched.try_wait().map_err(error::file("wait for", &data))?.is_some()
        {
            if relaunches == 0 {
                let tail = postmaster::log_tail(&place.log);
                return Err(Error::Died { log: place.log.clone(), tail });
            }
            relaunches -= 1;
            tokio::time::sleep(Duration::from_millis(500)).await;
            child = None;
        }
        match postmaster::look(&data)? {
            State::Up(postmaster) => {
                pid = postmaster.pid;
                if let Some(connection) = answer(&postmaster).await? {
                    return Ok((postmaster, child, connection));
                }
            }
            State::Down | State::Crashed if child.is_none() => {
                if !may_make && !data.join("PG_VERSION").exists() {
                    return Err(Error::DataGone { cluster: place.cluster.clone() });
                }
                child = Some(launch(settings, place, account).await?);
            }
            State::Down | State::Crashed => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::Silent { pid, cluster: place.cluster.clone(), log: place.log.clone() })
}

/// Ends a server that was just started, and waits for it.
async fn call_off(child: Option<Child>) {
    let Some(mut child) = child else { return };
    if let Ok(pid) = i32::try_from(child.id()) {
        postmaster::interrupt(pid);
    }
    for _ in 0..STOP_LOOKS {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A session of the superuser, or `None` while the server is not ready for any.
async fn answer(postmaster: &Postmaster) -> Result<Option<PgConnection>, Error> {
    if postmaster.sockets.as_os_str().is_empty() {
        return Ok(None);
    }
    match options(&postmaster.sockets, "postgres", "postgres").connect().await {
        Ok(connection) => Ok(Some(connection)),
        Err(sqlx::Error::Io(_)) => Ok(None),
        // cannot_connect_now: starting, recovering or stopping.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57P03") => Ok(None),
        Err(error) => Err(sql("let us in")(error)),
    }
}

/// Makes the cluster when there is none, writes who may connect, and starts the server.
async fn launch(settings: &Settings, place: &Place, account: &Account) -> Result<Child, Error> {
    let cluster = place.cluster.clone();
    let (settings, place, account) = (settings.clone(), place.clone(), account.clone());
    let launching = tokio::task::spawn_blocking(move || {
        let made_by = place::read_line(&place.data().join("PG_VERSION"))?;
        let binaries = binaries::choose(settings.bin.as_deref(), made_by.as_deref(), &place.cluster)?;
        if made_by.is_none() {
            postmaster::init(&binaries, &place, &account)?;
        }
        let group = account.switched.then_some(account.gid);
        place::write_file(&place.hba(), 0o640, group, roles::HBA)?;
        place::write_file(&place.ident(), 0o640, group, &roles::ident(&account.name))?;
        postmaster::spawn(&binaries, &place, &account, settings.durable)
    });
    let launched = launching.await.map_err(std::io::Error::other);
    launched.map_err(error::file("start PostgreSQL in", cluster))?
}

fn options(sockets: &Path, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(sockets)
        .port(5432)
        .username(role)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("notafter")
}
