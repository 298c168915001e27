//! One private PostgreSQL server for all test processes, and one database per test, copied from a migrated template.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use notafter::store::{
    self,
    private::{PrivateServer, Settings},
};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::OnceCell;

static SERVER: OnceCell<PrivateServer> = OnceCell::const_new();

/// A database of one test.
pub struct Database {
    pub name: String,
    /// Connects as the owner of the schema.
    pub owner: PgConnectOptions,
    /// Connects as the console does.
    pub app: PgConnectOptions,
    /// Connects as the server's superuser: for what only an attacker with the database in hand could do.
    pub superuser: PgConnectOptions,
}

impl Database {
    /// A migrated, empty database.
    pub async fn fresh() -> Database {
        let server = server().await;
        let template = template(server).await;
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        server.create_database(&name, Some(&template)).await.unwrap();
        Database {
            owner: server.owner_options_for(&name),
            app: server.app_options_for(&name),
            superuser: server.superuser_options(&name),
            name,
        }
    }

    /// Removes it; tests that fail leave theirs for a look.
    pub async fn drop(&self) {
        server().await.drop_database(&self.name).await.unwrap();
    }
}

/// The shared server. It outlives this process, so that the next test finds it; `tests/run` stops it.
pub async fn server() -> &'static PrivateServer {
    SERVER
        .get_or_init(|| async {
            let data_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-postgres");
            let settings = Settings { data_dir: data_dir.clone(), bin: None, durable: false };
            let server = PrivateServer::start(settings).await.unwrap();
            std::fs::write(data_dir.join("server.pid"), format!("{}\n", server.process_id())).unwrap();
            server
        })
        .await
}

async fn template(server: &PrivateServer) -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        (file.file_name(), std::fs::read(&file).unwrap()).hash(&mut hasher);
    }
    let name = format!("template_{:x}", hasher.finish());
    // Tests run as many processes at once: the file lock makes one of them build the template while the others wait.
    let lock = std::fs::File::create(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-postgres/template.lock"),
    )
    .unwrap();
    lock.lock().unwrap();
    let done = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-postgres").join(&name);
    if !done.exists() {
        server.drop_database(&name).await.unwrap();
        server.create_database(&name, None).await.unwrap();
        store::migrate(server.owner_options_for(&name)).await.unwrap();
        std::fs::write(done, "").unwrap();
    }
    name
}
