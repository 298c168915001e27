//! The listener of the real program against clients who send too little, too much or nothing at all (S31), and its end under load (R12).

use std::{
    fs::File,
    io::{self, BufRead, BufReader as LineReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::ConnectOptions;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::support::{pki::Folder, postgres::Database};

/// Longer than the 10 seconds that a connection is given to begin, and shorter than anybody's patience.
const SOON: Duration = Duration::from_secs(14);
/// Where well-behaved clients come from, and where an attacker does.
const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;
const AWAY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// The program and what it was given; killed, never asked, when it is dropped.
struct Console {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    _data_dir: Folder,
}

impl Drop for Console {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `serve` as a command, after a line of shell that sets its limits.
async fn command(limits: &str, data_dir: &Folder, listen: SocketAddr) -> Command {
    let database = Database::fresh().await;
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{limits}\nexec \"$0\" serve"), env!("CARGO_BIN_EXE_notafter")])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("DATABASE_URL", database.app.to_url_lossy().as_str())
        .env("NOTAFTER_MIGRATE_DATABASE_URL", database.owner.to_url_lossy().as_str())
        .env("NOTAFTER_DATA_DIR", &data_dir.0)
        .env("NOTAFTER_LISTEN", listen.to_string())
        .stdout(Stdio::null());
    command
}

impl Console {
    /// Starts it, and waits until it says where it listens.
    async fn start(limits: &str) -> Console {
        let data_dir = Folder::new();
        let mut command = command(limits, &data_dir, SocketAddr::from((HOME, 0))).await;
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = LineReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.contains("listens on")).expect("it ended before it listened");
        let address = line.rsplit_once("http://").unwrap().1.parse().unwrap();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let kept = log.clone();
        std::thread::spawn(move || lines.for_each(|line| kept.lock().unwrap().push(line)));
        Console { child, address, log, _data_dir: data_dir }
    }

    async fn from(&self, address: Ipv4Addr) -> BufReader<TcpStream> {
        connect(address, self.address).await.unwrap()
    }

    /// The status and body of one request on a connection of its own.
    async fn get(&self, path: &str) -> (u16, String) {
        let mut line = self.from(HOME).await;
        line.write_all(get(path).as_bytes()).await.unwrap();
        answer(&mut line).await.expect("an answer")
    }
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    Ok(BufReader::new(socket.connect(to).await?))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: console.example\r\n\r\n")
}

/// The next answer, or nothing when the connection ended before it began. Half an answer fails the test.
async fn answer(line: &mut BufReader<TcpStream>) -> Option<(u16, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let ended = line.read_line(&mut head).await.map_or(true, |bytes| bytes == 0);
        assert!(!ended || head.is_empty(), "a torn head: {head}");
        if ended {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap_or_else(|| panic!("no length: {head}"));
    let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
    line.read_exact(&mut body).await.expect("a whole body");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Waits until the other side closes.
async fn closed(line: &mut BufReader<TcpStream>) {
    let mut rest = Vec::new();
    let _reset = line.read_to_end(&mut rest).await;
}

/// One frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The next frame: its kind and payload.
async fn next_frame(line: &mut BufReader<TcpStream>) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    line.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    line.read_exact(&mut payload).await.unwrap();
    (head[3], payload)
}

#[tokio::test]
async fn http2_has_32_streams_a_connection_and_stalled_forms_on_them_close_no_page() {
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    let console = Console::start("").await;
    // `POST http://127.0.0.1/login` (RFC 7541): headers only, so that a body is awaited.
    let post = [b"\x83\x86\x04\x06/login".as_slice(), b"\x01\x09127.0.0.1"].concat();
    let mut attackers = Vec::new();
    for _ in 0..2 {
        let mut line = console.from(HOME).await;
        let mut sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
        sent.extend((0..150).flat_map(|n| frame(1, 4, 2 * n + 1, &post)));
        sent.extend(frame(PING, 0, 0, b"all sent"));
        line.write_all(&sent).await.unwrap();
        let (kind, settings) = next_frame(&mut line).await;
        let streams = settings.chunks(6).find(|setting| setting[..2] == [0, 3]).expect("a limit of streams");
        assert_eq!((kind, &streams[2..]), (SETTINGS, [0, 0, 0, 32].as_slice()));
        while next_frame(&mut line).await != (PING, b"all sent".to_vec()) {}
        attackers.push(line);
    }
    for _ in 0..10 {
        assert_eq!(console.get("/login").await.0, 200);
    }
}

#[tokio::test]
async fn an_invented_method_makes_no_label_and_no_long_line() {
    let console = Console::start("").await;
    let invented = "X".repeat(20_000);
    let mut line = console.from(HOME).await;
    let request = get("/login").replace("GET", &invented);
    line.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut line).await.unwrap().0, 405);
    let (status, metrics) = console.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("method=\"other\"") && !metrics.contains("XXXX"), "{metrics}");
    let log = console.log.lock().unwrap();
    assert!(log.iter().all(|line| line.len() < 2_000), "{log:?}");
}

#[tokio::test]
async fn a_request_names_its_host_exactly_once() {
    let console = Console::start("").await;
    for (request, wanted) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a.example:8443\r\n\r\n", 200),
        ("GET /healthz HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
    ] {
        let mut line = console.from(HOME).await;
        line.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(answer(&mut line).await.unwrap().0, wanted, "{request}");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_begin_is_closed() {
    let console = Console::start("").await;
    let mut lines = JoinSet::new();
    for begun in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost:"] {
        let mut line = console.from(HOME).await;
        line.write_all(begun.as_bytes()).await.unwrap();
        lines.spawn(async move { closed(&mut line).await });
    }
    timeout(SOON, lines.join_all()).await.expect("all are closed within ten seconds and a little");
}

#[tokio::test]
async fn one_address_has_512_connections_and_others_get_through() {
    let console = Console::start("").await;
    let mut lines = JoinSet::new();
    for _ in 0..520 {
        let mut line = console.from(AWAY).await;
        lines.spawn(async move { closed(&mut line).await });
    }
    assert_eq!(console.get("/healthz").await.0, 200);
    // Sooner than silence ends the others.
    for _ in 0..8 {
        timeout(Duration::from_secs(8), lines.join_next()).await.expect("eight too many are closed at once");
    }
    assert_eq!(lines.len(), 512);
}

#[tokio::test]
async fn connections_take_half_of_the_open_files_that_the_system_allows() {
    let console = Console::start("ulimit -n 160 && ulimit -S -n 80").await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", console.child.id())).unwrap();
    let files: Vec<&str> =
        limits.lines().find(|line| line.starts_with("Max open files")).unwrap().split_whitespace().collect();
    assert_eq!(files[3..5], ["160", "160"]);
    let mut first = console.from(HOME).await;
    first.write_all(get("/healthz").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut first).await.unwrap().0, 200);
    let mut lines = JoinSet::new();
    for n in 0..100 {
        let mut line = console.from(Ipv4Addr::new(127, 0, 0, 2 + n % 3)).await;
        lines.spawn(async move { closed(&mut line).await });
    }
    for _ in 0..21 {
        timeout(Duration::from_secs(8), lines.join_next()).await.expect("what is too many is closed at once");
    }
    first.write_all(get("/login").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut first).await.unwrap().0, 200, "files are left to work with");
    lines.shutdown().await;
    // The places are given back as soon as the program sees them gone.
    let again = async {
        loop {
            let mut line = console.from(HOME).await;
            let _closed = line.write_all(get("/healthz").as_bytes()).await;
            match answer(&mut line).await {
                Some((status, _)) => break status,
                None => tokio::task::yield_now().await,
            }
        }
    };
    assert_eq!(timeout(SOON, again).await.unwrap(), 200);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_nothing() {
    let data_dir = Folder::new();
    // An address that nobody else binds, since it cannot say which port it was given.
    let listen = {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.77:0".parse().unwrap()).unwrap();
        socket.local_addr().unwrap()
    };
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = command("", &data_dir, listen).await;
    let child = command.stdout(full()).stderr(full()).spawn().unwrap();
    let mut console = Console { child, address: listen, log: Arc::default(), _data_dir: data_dir };
    let started = async {
        while connect(HOME, listen).await.is_err() {
            assert!(console.child.try_wait().unwrap().is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, started).await.expect("it listens");
    for path in ["/healthz", "/login", "/healthz"] {
        assert_eq!(console.get(path).await.0, 200, "{path}");
    }
}

/// Asks over and over until nobody listens any more, and counts the answers.
async fn ask_until_the_end(to: SocketAddr, answered: Arc<AtomicUsize>) {
    while let Ok(mut line) = connect(HOME, to).await {
        for path in ["/login", "/", "/healthz", "/readyz"].into_iter().cycle() {
            if line.write_all(get(path).as_bytes()).await.is_err() {
                break;
            }
            let Some((status, _)) = answer(&mut line).await else { break };
            assert!([200, 303, 503].contains(&status), "{path}: {status}");
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_stop_under_load_is_soon_over_and_tears_no_answer() {
    let mut console = Console::start("").await;
    let (answered, mut clients) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..8 {
        clients.spawn(ask_until_the_end(console.address, answered.clone()));
    }
    while answered.load(Ordering::Relaxed) < 200 {
        assert!(clients.try_join_next().is_none(), "a client ended before it was told to");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    kill_process(Pid::from_child(&console.child), Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || (console.child.wait().unwrap(), console));
    let (status, _console) = timeout(SOON, ended).await.expect("it ends").unwrap();
    assert!(status.success(), "{status}");
    // Each fails the test by itself if it saw half an answer.
    timeout(SOON, clients.join_all()).await.expect("nobody listens any more");
}
