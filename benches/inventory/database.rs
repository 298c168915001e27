//! The database of a run: the one of `DATABASE_URL`, or a private server in a folder of its own; and loading it by COPY.

use std::time::Instant;

use notafter::store::{self, private};
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool, postgres::PgConnectOptions};
use time::OffsetDateTime;

use crate::synthetic::{COLUMNS, TEAMS, lines, made};

/// Rows of one COPY statement.
pub const STATEMENT: u64 = 10_000;

/// Where the run's rows are.
pub struct Database {
    pub pool: PgPool,
    pub options: PgConnectOptions,
    pub owner_options: PgConnectOptions,
    owner: PgPool,
    _server: Option<private::PrivateServer>,
}

/// Opens and migrates; a private server is not durable, since it is thrown away.
pub async fn open(folder: &std::path::Path) -> Database {
    let (owner, app, server) = match std::env::var("DATABASE_URL") {
        Ok(url) => {
            let options = store::options(&SecretString::from(url)).unwrap();
            (options.clone(), options, None)
        }
        Err(_) => {
            let settings = private::Settings { data_dir: folder.to_owned(), bin: None, durable: false };
            let server = private::PrivateServer::start(settings).await.unwrap();
            (server.owner_options(), server.app_options(), Some(server))
        }
    };
    store::migrate(owner.clone()).await.unwrap();
    Database {
        pool: store::connect(app.clone(), 4),
        options: app,
        owner_options: owner.clone(),
        owner: store::connect(owner, 1),
        _server: server,
    }
}

impl Database {
    /// As before the first sweep.
    pub async fn forget_alerts(&self) {
        let statement = "truncate alert_deliveries, alert_sweeps, jobs, job_runs restart identity cascade";
        sqlx::raw_sql(statement).execute(&self.owner).await.unwrap();
    }
}

/// Fills the tables up to `rows`; answers the rows that were there already and the seconds it took.
pub async fn load(database: &Database, rows: u64, now: OffsetDateTime) -> (u64, f64) {
    let pool = &database.pool;
    let there: i64 =
        sqlx::query_scalar("select coalesce(max(id), 0) from certificates").fetch_one(pool).await.unwrap();
    let there = u64::try_from(there).unwrap();
    for team in 1..=TEAMS {
        sqlx::query_scalar::<_, i64>(
            "insert into teams (slug, name, created_at) values ('team-' || $1::text, 'Team ' || $1::text, now())
             on conflict on constraint teams_slug_key do update set name = excluded.name returning id",
        )
        .bind(team)
        .fetch_one(pool)
        .await
        .unwrap();
    }
    let began = Instant::now();
    let mut first = there;
    let mut conn = pool.acquire().await.unwrap();
    while first < rows {
        let after = (first + STATEMENT).min(rows);
        copy(&mut conn, first..after, now).await;
        first = after;
    }
    if there < rows {
        for table in [
            "certificates",
            "certificate_names",
            "certificate_tags",
            "certificate_ders",
            "certificate_counts",
            "certificate_days",
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("vacuum analyze {table}")))
                .execute(&database.owner)
                .await
                .unwrap();
        }
        sqlx::raw_sql(
            "select setval(pg_get_serial_sequence('certificates', 'id'), (select max(id) from certificates))",
        )
        .execute(&database.owner)
        .await
        .unwrap();
    }
    (there, began.elapsed().as_secs_f64())
}

/// One COPY statement into each table: what psql's `\copy` would send.
pub async fn copy(conn: &mut PgConnection, rows: std::ops::Range<u64>, now: OffsetDateTime) {
    let (mut entries, mut ders, mut names) = (String::new(), String::new(), String::new());
    for n in rows {
        let (entry, der, name) = lines(i64::try_from(n + 1).unwrap(), &made(n, now), now);
        entries.push_str(&entry);
        ders.push_str(&der);
        names.push_str(&name);
    }
    send(conn, &format!("copy certificates ({COLUMNS}) from stdin"), entries).await;
    send(conn, "copy certificate_ders (certificate_id, der) from stdin", ders).await;
    send(conn, "copy certificate_names (reversed, certificate_id) from stdin", names).await;
}

async fn send(conn: &mut PgConnection, statement: &str, text: String) {
    let mut copy = conn.copy_in_raw(statement).await.unwrap();
    copy.send(text.into_bytes()).await.unwrap();
    copy.finish().await.unwrap();
}
