//! The application under test: the real router, services and database; a clock that stands still, an outbox instead of a relay.

use std::sync::Arc;

use axum::Router;
use notafter::crypto::{master_key::MasterKey, seal::KeyRing};
use notafter::{
    app::App, clock::FixedClock, config::Config, notifiers::outbox::Outbox, server, services, store,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::sync::Semaphore;

use super::{client::Client, pki::Folder, postgres::Database};

/// When every test begins, unless it says otherwise.
pub const START: OffsetDateTime = datetime!(2026-11-20 09:00 UTC);

/// One application with a database of its own.
pub struct TestApp {
    pub app: App,
    pub clock: FixedClock,
    pub outbox: Outbox,
    pub database: Database,
    pub router: Router,
    /// Removed at the end of the test.
    _data_dir: Folder,
}

impl TestApp {
    /// Starts with nothing configured but a mail relay that keeps everything.
    pub async fn start() -> TestApp {
        TestApp::with(&[]).await
    }

    /// Starts with these settings over the usual ones.
    pub async fn with(settings: &[(&str, &str)]) -> TestApp {
        TestApp::on(Database::fresh().await, settings)
    }

    /// Starts on a database that the test looks after itself.
    pub fn on(database: Database, settings: &[(&str, &str)]) -> TestApp {
        let data_dir = Folder::new();
        let usual = [("NOTAFTER_TEST_MODE", "1"), ("NOTAFTER_DATA_DIR", data_dir.0.to_str().unwrap())];
        let pairs =
            usual.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::from_pairs(pairs).unwrap();
        let clock = FixedClock::at(START);
        let outbox = Outbox::default();
        let app = App {
            pool: store::connect(database.app.clone(), 8),
            queue_pool: store::connect(database.app.clone(), 2),
            clock: Arc::new(clock.clone()),
            keys: Arc::new(KeyRing::new(MasterKey::generate(1), Vec::new())),
            mail: Some(Arc::new(outbox.clone())),
            password_slots: Arc::new(Semaphore::new(2)),
            reading_slots: Arc::new(Semaphore::new(2)),
            names: Arc::default(),
            export_slots: Arc::new(Semaphore::new(2)),
            people: Arc::default(),
            config: Arc::new(config),
        };
        TestApp { router: server::router(&app), app, clock, outbox, database, _data_dir: data_dir }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Seals the audit log to its end. Other tests run on the same server: their transactions may hold it back for a moment.
    pub async fn seal_all(&self) {
        let sealing = async {
            loop {
                services::audit::seal(&self.app).await.unwrap();
                if store::audit::seals::unsealed(&self.app.pool).await.unwrap() == 0 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), sealing).await.expect("the log is sealed");
    }

    /// Somebody who is not signed in.
    pub fn anonymous(&self) -> Client {
        Client::anonymous(self.router.clone())
    }
}
