//! A PostgreSQL server of our own: made, joined, left behind, damaged, moved, and as another user.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use notafter::crypto::random;
use notafter::store::private::{Error, PrivateServer, Settings};
use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

/// The user `nobody`, on every system this suite runs on.
const NOBODY: u32 = 65534;

/// Names the data directory to a test that was started again as another process.
const AGAIN: &str = "NOTAFTER_TEST_PRIVATE_DATA_DIR";

/// A folder of its own for one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let folder = Path::new("/tmp").join(format!("notafter-test-{}", random::hex::<6>()));
        DirBuilder::new().mode(0o711).create(&folder).unwrap();
        Folder(folder)
    }

    fn settings(&self) -> Settings {
        Settings { durable: false, ..Settings::new(self.0.join("data")) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

async fn run(options: PgConnectOptions, statement: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    sqlx::raw_sql(statement).execute(&mut connection).await?;
    connection.close().await
}

async fn count(options: PgConnectOptions, statement: &'static str) -> i64 {
    let mut connection = options.connect().await.unwrap();
    sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap()
}

fn code(refused: Result<(), sqlx::Error>) -> String {
    let error = refused.unwrap_err();
    error.as_database_error().and_then(|error| error.code().map(Into::into)).unwrap_or_default()
}

fn lives(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
}

#[tokio::test]
async fn the_console_changes_rows_and_no_table_and_a_restart_keeps_them() {
    let folder = Folder::new();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    run(server.owner_options(), "create table notes (id bigint generated always as identity, note text)")
        .await
        .unwrap();
    run(server.app_options(), "insert into notes (note) values ('kept')").await.unwrap();
    for refused in ["create table mine (id int)", "create temporary table mine (id int)", "drop table notes"]
    {
        assert_eq!(code(run(server.app_options(), refused).await), "42501", "{refused}");
    }
    assert!(
        run(server.app_options_for("postgres"), "select 1").await.is_err(),
        "only its own database is open"
    );
    server.stop().await.unwrap();

    let server = PrivateServer::start(folder.settings()).await.unwrap();
    assert_eq!(count(server.app_options(), "select count(*) from notes where note = 'kept'").await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_else_can_read_the_cluster_or_enter_the_socket_folder() {
    let folder = Folder::new();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    let cluster = server.socket_folder().parent().unwrap().to_path_buf();
    assert_eq!(mode(server.socket_folder()), 0o700);
    assert_eq!(mode(&cluster.join("data")), 0o700);
    assert_eq!(mode(&cluster) & 0o007, 0);
    assert_eq!(mode(&folder.0.join("data/postgres.log")), 0o600);
    assert_eq!(mode(&cluster.join("hba.conf")) & 0o027, 0);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn two_that_start_at_once_share_one_server_and_the_last_one_out_stops_it() {
    let folder = Folder::new();
    let (one, two) =
        tokio::join!(PrivateServer::start(folder.settings()), PrivateServer::start(folder.settings()),);
    let (one, two) = (one.unwrap(), two.unwrap());
    let pid = one.process_id();
    assert_eq!(two.process_id(), pid);
    one.stop().await.unwrap();
    assert_eq!(count(two.app_options(), "select 1::bigint").await, 1, "the other still uses it");
    two.stop().await.unwrap();
    let again = PrivateServer::start(folder.settings()).await.unwrap();
    assert_ne!(again.process_id(), pid);
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_left_running_is_joined_and_can_be_stopped() {
    let folder = Folder::new();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    let pid = server.process_id();
    server.leave_running();
    let joined = PrivateServer::start(folder.settings()).await.unwrap();
    assert_eq!(joined.process_id(), pid);
    joined.stop().await.unwrap();
    assert!(!folder.0.join("data/postgres/data/postmaster.pid").exists());
}

#[tokio::test]
async fn the_server_outlives_a_killed_console_and_the_next_one_adopts_it() {
    if let Some(data_dir) = std::env::var_os(AGAIN) {
        let server = PrivateServer::start(Settings::new(data_dir)).await.unwrap();
        run(server.owner_options(), "create table proof (id int)").await.unwrap();
        println!("up {}", server.process_id());
        tokio::time::sleep(Duration::from_secs(600)).await;
        unreachable!("the parent kills this process");
    }
    let folder = Folder::new();
    let name = "private_postgres::the_server_outlives_a_killed_console_and_the_next_one_adopts_it";
    let mut console = again(&std::env::current_exe().unwrap(), name, &folder.0.join("data"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(console.stdout.take().unwrap()));
    let pid: i32 = lines
        .find_map(|line| line.unwrap().split("up ").nth(1).map(|pid| pid.trim().parse().unwrap()))
        .expect("the console says that it is up");
    console.kill().unwrap();
    console.wait().unwrap();
    assert!(lives(pid));
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    assert_eq!(server.process_id(), pid);
    assert_eq!(count(server.app_options(), "select count(*) from proof").await, 0);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_server_and_a_stale_lock_file_are_no_obstacle() {
    let folder = Folder::new();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    kill_process(Pid::from_raw(server.process_id()).unwrap(), Signal::KILL).unwrap();
    let server_after_kill = PrivateServer::start(folder.settings()).await.unwrap();
    assert_ne!(server_after_kill.process_id(), server.process_id());
    server.leave_running();
    server_after_kill.stop().await.unwrap();

    // The process id of the lock file now belongs to a program that is alive and no server: this test.
    let lock = folder.0.join("data/postgres/data/postmaster.pid");
    let data = lock.parent().unwrap();
    fs::write(&lock, format!("{}\n{}\n1764000000\n5432\n/tmp\n", std::process::id(), data.display()))
        .unwrap();
    let owner = fs::metadata(data).unwrap();
    chown(&lock, Some(owner.uid()), Some(owner.gid())).unwrap();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_ends_on_its_own_comes_back_until_it_is_told_to_stop() {
    let folder = Folder::new();
    let durable = Settings::new(folder.0.join("data"));
    let mut server = PrivateServer::start(durable).await.unwrap();
    server.keep();
    run(server.owner_options(), "create table notes (id int); insert into notes values (1)").await.unwrap();
    for signal in [Signal::KILL, Signal::INT] {
        let pid = server.process_id();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        let back = async {
            while server.process_id() == pid {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), back).await.expect("a new process");
        assert_eq!(count(server.owner_options(), "select count(*) from notes").await, 1);
    }
    let pid = server.process_id();
    server.stop().await.unwrap();
    assert!(!lives(pid));
}

#[tokio::test]
async fn a_stop_while_the_server_comes_back_leaves_none_behind() {
    let folder = Folder::new();
    let lock = folder.0.join("data/postgres/data/postmaster.pid");
    for _ in 0..3 {
        let mut server = PrivateServer::start(folder.settings()).await.unwrap();
        server.keep();
        let killed = server.process_id();
        kill_process(Pid::from_raw(killed).unwrap(), Signal::KILL).unwrap();
        // The keeper is at it as soon as the lock file names another process.
        let begun = async {
            while fs::read_to_string(&lock).is_ok_and(|text| text.starts_with(&killed.to_string())) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), begun).await.expect("a new process");
        server.stop().await.unwrap();
        assert!(!lock.exists(), "{:?}", fs::read_to_string(&lock));
    }
}

#[tokio::test]
async fn a_data_directory_behind_a_link_is_still_our_own() {
    let folder = Folder::new();
    DirBuilder::new().mode(0o755).create(folder.0.join("real")).unwrap();
    std::os::unix::fs::symlink(folder.0.join("real"), folder.0.join("link")).unwrap();
    let settings = || Settings { durable: false, ..Settings::new(folder.0.join("link/data")) };
    let server = PrivateServer::start(settings()).await.unwrap();
    let joined = PrivateServer::start(settings()).await.unwrap();
    assert_eq!(joined.process_id(), server.process_id());
    joined.stop().await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_of_another_version_is_refused_by_name_and_left_alone() {
    let folder = Folder::new();
    PrivateServer::start(folder.settings()).await.unwrap().stop().await.unwrap();
    let version = folder.0.join("data/postgres/data/PG_VERSION");
    fs::write(&version, "9\n").unwrap();
    let refused = PrivateServer::start(folder.settings()).await.unwrap_err();
    assert!(matches!(refused, Error::VersionMismatch { .. }), "{refused}");
    assert!(refused.to_string().contains("was made by PostgreSQL 9, but only version"), "{refused}");
    assert!(version.exists());
}

#[tokio::test]
async fn a_folder_without_programs_is_refused_by_name() {
    let folder = Folder::new();
    let settings = Settings { bin: Some(folder.0.clone()), ..folder.settings() };
    let refused = PrivateServer::start(settings).await.unwrap_err().to_string();
    assert!(refused.starts_with("NOTAFTER_PG_BIN names /tmp/notafter-test-"), "{refused}");
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let folder = Folder::new();
    let data_dir = folder.0.join("data");
    fs::create_dir_all(data_dir.join("postgres/data.making/base")).unwrap();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    assert!(!data_dir.join("postgres/data.making").exists());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_served_from_a_short_folder_and_said() {
    let folder = Folder::new();
    let deep = folder.0.join("a-long-name-for-a-folder/".repeat(5));
    fs::create_dir_all(&deep).unwrap();
    let settings = Settings { durable: false, ..Settings::new(&deep) };
    let server = PrivateServer::start(settings.clone()).await.unwrap();
    let sockets = server.socket_folder().to_path_buf();
    assert!(!sockets.starts_with(&folder.0) && sockets.as_os_str().len() < 90, "{sockets:?}");
    assert_eq!(fs::metadata(&sockets).unwrap().mode() & 0o777, 0o700);
    assert!(server.notices().iter().any(|notice| notice.contains("too long for a socket")));
    server.stop().await.unwrap();
    // As after a restart of the machine: the folder is gone, or somebody else has taken its name.
    fs::remove_dir_all(&sockets).unwrap();
    fs::create_dir(&sockets).unwrap();
    fs::set_permissions(&sockets, Permissions::from_mode(0o777)).unwrap();
    let server = PrivateServer::start(settings).await.unwrap();
    assert_ne!(server.socket_folder(), sockets);
    let second = server.socket_folder().to_path_buf();
    server.stop().await.unwrap();
    fs::remove_dir_all(sockets).unwrap();
    fs::remove_dir_all(second).unwrap();
}

#[tokio::test]
async fn a_path_with_signs_that_mean_something_elsewhere_is_just_a_path() {
    let folder = Folder::new();
    let settings = Settings { durable: false, ..Settings::new(folder.0.join("a, b's \"c\" ä=#\\")) };
    let server = PrivateServer::start(settings.clone()).await.unwrap();
    assert_eq!(count(server.app_options(), "select 1::bigint").await, 1);
    server.stop().await.unwrap();
    PrivateServer::start(settings).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_running_cluster_that_was_copied_starts_as_another_one() {
    let folder = Folder::new();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    let copy = folder.0.join("copy");
    let copied = Command::new("cp").arg("-a").arg(folder.0.join("data")).arg(&copy).status().unwrap();
    assert!(copied.success());
    let settings = Settings { durable: false, ..Settings::new(&copy) };
    let other = PrivateServer::start(settings).await.unwrap();
    assert_ne!(other.process_id(), server.process_id());
    assert!(other.socket_folder().starts_with(&copy));
    other.stop().await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn databases_are_copied_from_a_template_with_the_same_rights_and_dropped() {
    let folder = Folder::new();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    server.create_database("mould", None).await.unwrap();
    run(server.owner_options_for("mould"), "create table notes (note text)").await.unwrap();
    server.create_database("cast_1", Some("mould")).await.unwrap();
    run(server.app_options_for("cast_1"), "insert into notes values ('here')").await.unwrap();
    run(server.owner_options_for("cast_1"), "create table more (note text)").await.unwrap();
    run(server.app_options_for("cast_1"), "insert into more values ('too')").await.unwrap();
    assert_eq!(code(run(server.app_options_for("cast_1"), "drop table notes").await), "42501");
    server.drop_database("cast_1").await.unwrap();
    assert!(run(server.app_options_for("cast_1"), "select 1").await.is_err());
    assert!(matches!(server.create_database("a\"b", None).await, Err(Error::BadName { .. })));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn below_a_folder_closed_to_the_service_user_the_cluster_moves_and_says_so() {
    if !geteuid().is_root() {
        return;
    }
    let folder = Folder::new();
    fs::set_permissions(&folder.0, Permissions::from_mode(0o700)).unwrap();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    let record = folder.0.join("data/postgres.location");
    let cluster = PathBuf::from(fs::read_to_string(&record).unwrap().trim());
    assert!(cluster.starts_with("/var/lib/notafter"), "{cluster:?}");
    assert!(server.notices().iter().any(|notice| notice.contains(&*cluster.to_string_lossy())));
    run(server.owner_options(), "create table proof (id int)").await.unwrap();
    server.stop().await.unwrap();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    assert_eq!(count(server.app_options(), "select count(*) from proof").await, 0);
    server.stop().await.unwrap();
    fs::remove_dir_all(&cluster).unwrap();
    let refused = PrivateServer::start(folder.settings()).await.unwrap_err();
    assert!(matches!(refused, Error::ClusterGone { .. }), "{refused}");
}

#[tokio::test]
async fn a_closed_data_directory_lets_only_the_service_group_pass() {
    if !geteuid().is_root() {
        return;
    }
    let folder = Folder::new();
    let data_dir = folder.0.join("data");
    DirBuilder::new().mode(0o700).create(&data_dir).unwrap();
    let server = PrivateServer::start(folder.settings()).await.unwrap();
    assert_eq!(fs::metadata(&data_dir).unwrap().mode() & 0o777, 0o710);
    assert!(data_dir.join("postgres/data/PG_VERSION").exists());
    server.stop().await.unwrap();
}

/// As root this test runs itself again as `nobody`; otherwise it is that user already.
#[tokio::test]
async fn a_normal_user_runs_its_own_server_and_root_can_join_it() {
    if !geteuid().is_root() {
        let folder = Folder::new();
        let data_dir = std::env::var_os(AGAIN).map_or(folder.0.join("data"), PathBuf::from);
        let server = PrivateServer::start(Settings::new(&data_dir)).await.unwrap();
        run(server.owner_options(), "create table proof (id int)").await.unwrap();
        assert_eq!(code(run(server.app_options(), "drop table proof").await), "42501");
        server.stop().await.unwrap();
        return;
    }
    let folder = Folder::new();
    let program = folder.0.join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let data_dir = folder.0.join("data");
    DirBuilder::new().mode(0o700).create(&data_dir).unwrap();
    chown(&data_dir, Some(NOBODY), Some(NOBODY)).unwrap();
    let name = "private_postgres::a_normal_user_runs_its_own_server_and_root_can_join_it";
    let output = again(&program, name, &data_dir).uid(NOBODY).gid(NOBODY).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(fs::metadata(data_dir.join("postgres/data")).unwrap().uid(), NOBODY);

    let server = PrivateServer::start(folder.settings()).await.unwrap();
    assert_eq!(count(server.app_options(), "select count(*) from proof").await, 0);
    let status = fs::metadata(format!("/proc/{}", server.process_id())).unwrap();
    assert_eq!(status.uid(), NOBODY, "the server stays the user's");
    server.stop().await.unwrap();
}

/// This test program again, for one test, as a process of its own.
fn again(program: &Path, test: &str, data_dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env(AGAIN, data_dir).current_dir("/tmp");
    command
}
