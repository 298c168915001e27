//! The first floor's PostgreSQL side, and the only home of sqlx: one file per noun holds the row struct, the id, the reads (`&PgPool`) and
//! the writes (`&mut Tx`).
//!
//! A `Tx` ends in an audit event: there is no other way to commit one. Bookkeeping that nobody decided (a session seen again, a job's
//! lease, a counter of wrong passwords) is written on the pool and has no event.

pub mod error;
pub mod after;
pub mod audit;
pub mod private;
pub mod jobs;
pub mod alerts;
pub mod housekeeping;
pub mod certificates;
pub mod idempotency;
pub mod settings;
pub mod throttles;
pub mod links;
pub mod users;
pub mod teams;
pub mod sessions;
pub mod tokens;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection, PgConnection, PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use self::error::Error;

/// Answer of a store function.
pub type Result<T> = std::result::Result<T, Error>;

/// The longest a statement of a request may run; searches end here rather than in a full scan.
const STATEMENT_TIMEOUT: &str = "15s";

/// A connection that answered so short a time ago is not asked whether it lives: that would cost every query a round trip.
const TRUSTED: Duration = Duration::from_millis(250);

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The migrator makes its table itself, and it gets the rights that every new table gets. The lock is for two that start at once.
const CLOSE_MIGRATIONS: &str = "do $$
begin
    if current_user <> 'app_rw' and exists (select from pg_roles where rolname = 'app_rw')
        and has_table_privilege('app_rw', '_sqlx_migrations', 'insert, update, delete, truncate')
    then
        lock table _sqlx_migrations in share row exclusive mode;
        revoke insert, update, delete, truncate on _sqlx_migrations from app_rw;
    end if;
end $$";

/// Opens the pool of the application's role.
///
/// Connections are made as they are needed, so the console may start before its database.
pub fn connect(options: PgConnectOptions, max_connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_secs(300))
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options.application_name("notafter").options([
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", "60s"),
            ("timezone", "UTC"),
            // Compiling a query takes longer than any page's query runs.
            ("jit", "off"),
            // Planned for the very values: a generic plan does not know a rare owner from a common one.
            ("plan_cache_mode", "force_custom_plan"),
            // Rows lie in memory or on a disk without a moving arm.
            ("random_page_cost", "1.1"),
            // Starting a second process takes longer too, and one request should not take the whole machine.
            ("max_parallel_workers_per_gather", "0"),
        ]))
}

/// Reads a `postgres://` address; the error names the setting, never the value.
pub fn options(url: &SecretString) -> std::result::Result<PgConnectOptions, &'static str> {
    url.expose_secret()
        .parse()
        .map_err(|_| "DATABASE_URL is not an address such as postgres://user:password@host/database")
}

/// Brings the schema up to date. Runs as the role that owns it; a second process waits for the first. Which migrations ran is the owner's
/// to say: the console's role only reads it (S33).
///
/// # Errors
/// A changed or missing migration of an already migrated database, or any failing statement: nothing of it stays.
pub async fn migrate(owner: PgConnectOptions) -> std::result::Result<(), sqlx::migrate::MigrateError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(30))
        .connect_with(owner)
        .await?;
    let done = async {
        MIGRATIONS.run(&pool).await?;
        sqlx::raw_sql(CLOSE_MIGRATIONS).execute(&pool).await?;
        Ok(())
    };
    let done = done.await;
    pool.close().await;
    done
}

/// Whether the schema is the one this program was built for.
pub async fn schema_is_current(pool: &PgPool) -> Result<bool> {
    // Not checked at compile time: the migrator's own table is made when it runs.
    let newest: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(pool).await?;
    Ok(newest == MIGRATIONS.iter().map(|migration| migration.version).max())
}

/// A write in progress. Dropped without [`Tx::commit`], it never happened.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
}

impl Tx {
    /// Begins a write.
    pub async fn begin(pool: &PgPool) -> Result<Tx> {
        Ok(Tx { inner: pool.begin().await? })
    }

    /// The connection, for statements of store functions.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Makes it happen, together with the record of who did what.
    pub async fn commit(mut self, event: audit::Event) -> Result<()> {
        audit::insert(&mut self.inner, &event).await?;
        Ok(self.inner.commit().await?)
    }

    /// Makes it happen with one event per thing touched, in this order; at least one.
    pub async fn commit_all(mut self, first: audit::Event, rest: &[audit::Event]) -> Result<()> {
        audit::insert(&mut self.inner, &first).await?;
        audit::insert_all(&mut self.inner, rest).await?;
        Ok(self.inner.commit().await?)
    }
}
