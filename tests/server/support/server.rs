//! Where do the servers of the tests come from, and who ends them?
//!
//! Each test starts its own: the program named by `BATON_SERVER` (`redis-server` when unset), on a
//! free port of the loopback, in a folder of its own, with the module that this build made
//! (`BATON_MODULE` names another). Stopping is always the end of a crash, `kill -9` of our own
//! child by its handle: what a test wants kept it has to ask the server to keep. A server whose
//! test fails leaves its folder and prints its log.
//!
//! Ports are taken below the range from which systems lend ports to outgoing connections, so that
//! a server that is started again finds its old port free.

use super::client::{Client, Protocol};
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static COUNTER: AtomicU32 = AtomicU32::new(0);

const START_BOUND: Duration = Duration::from_secs(30);
const PORTS: std::ops::Range<u32> = 21_000..31_000;

/// The program under test.
pub(crate) fn program() -> String {
    std::env::var("BATON_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// The module under test.
pub(crate) fn module() -> PathBuf {
    if let Ok(path) = std::env::var("BATON_MODULE") {
        return PathBuf::from(path);
    }
    let beside = std::env::current_exe().unwrap().with_file_name("libbaton.so");
    assert!(beside.exists(), "{} is not there; set BATON_MODULE", beside.display());
    beside
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A port nobody listens on, not given out before by this process.
pub(crate) fn free_port() -> u16 {
    let width = PORTS.end - PORTS.start;
    let offset = std::process::id().wrapping_mul(101) % width;
    loop {
        let next = COUNTER.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(PORTS.start + (offset + next) % width).unwrap();
        if is_free(port) {
            return port;
        }
    }
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    lines: String,
    with_module: bool,
}

impl Options {
    /// Nothing is saved unless asked; DEBUG is allowed; replicas are served at once.
    pub(crate) fn new() -> Self {
        let options = Options { lines: String::new(), with_module: true };
        options
            .set("bind", "127.0.0.1")
            .set("save", "\"\"")
            .set("enable-debug-command", "yes")
            .set("repl-diskless-sync-delay", "0")
            .set("repl-ping-replica-period", "3600")
            .set("repl-timeout", "7200")
            .set("rdbcompression", "no")
    }

    /// One more line of the configuration file.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        writeln!(self.lines, "{name} {value}").unwrap();
        self
    }

    /// A server that does not know the module.
    pub(crate) fn without_module(mut self) -> Self {
        self.with_module = false;
        self
    }

    /// With an append-only file, flushed as said.
    pub(crate) fn append_only(self, appendfsync: &str) -> Self {
        self.set("appendonly", "yes").set("appendfsync", appendfsync)
    }

    /// As a replica.
    pub(crate) fn replica_of(self, primary: &Server) -> Self {
        self.set("replicaof", &format!("127.0.0.1 {}", primary.port))
    }

    /// Writes the configuration into a folder of its own and starts.
    #[track_caller]
    pub(crate) fn start(&self) -> Server {
        let mut server = self.prepare();
        server.start_again();
        server
    }

    /// Writes the configuration only; nothing runs yet.
    pub(crate) fn prepare(&self) -> Server {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("server-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        let mut text =
            format!("port {port}\ndir {}\nlogfile server.log\n{}", folder.display(), self.lines);
        if self.with_module {
            writeln!(text, "loadmodule {}", module().display()).unwrap();
        }
        std::fs::write(folder.join("server.conf"), text).unwrap();
        Server { child: None, folder, port }
    }
}

/// A server, running or not, and its folder.
pub(crate) struct Server {
    child: Option<Child>,
    /// Its configuration, log and files.
    pub(crate) folder: PathBuf,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Server {
    /// A server with the usual options.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Options::new().start()
    }

    /// A connection in RESP2.
    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        self.client_in(Protocol::Resp2)
    }

    /// A connection in the protocol asked for.
    #[track_caller]
    pub(crate) fn client_in(&self, protocol: Protocol) -> Client {
        match Client::connect(self.port, protocol) {
            Ok(client) => client,
            Err(error) => panic!("no connection to port {}: {error}", self.port),
        }
    }

    /// Takes lines out of its configuration; they count from the next start on.
    pub(crate) fn forget(&self, name: &str) {
        let path = self.folder.join("server.conf");
        let text = std::fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> =
            text.lines().filter(|line| line.split(' ').next() != Some(name)).collect();
        std::fs::write(&path, kept.join("\n") + "\n").unwrap();
    }

    /// `kill -9`, now.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Kills it and starts it on the same folder and port.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Starts a server that does not run; fails the test when it does not come up.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        if let Err(status) = self.try_start() {
            panic!("the server ended at its start ({status}):\n{}", self.log());
        }
    }

    /// Starts a server that does not run; says how it ended when it gave up by itself.
    pub(crate) fn try_start(&mut self) -> Result<(), String> {
        assert!(self.child.is_none(), "it runs already");
        let name = program();
        let child = Command::new(&name)
            .arg(self.folder.join("server.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.join("stderr.log")).unwrap())
            .spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("cannot start {name} ({error}); install it or name one in BATON_SERVER")
        });
        self.child = Some(child);
        let start = Instant::now();
        loop {
            if let Ok(mut client) = Client::connect(self.port, Protocol::Resp2)
                && client.try_cmd("PING").is_ok()
            {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                self.child = None;
                return Err(status);
            }
            assert!(start.elapsed() < START_BOUND, "no answer from the server:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How the process ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().unwrap()?;
        Some(status.to_string())
    }

    /// Fails the test unless the process lives and answers.
    #[track_caller]
    pub(crate) fn must_live(&mut self) {
        if let Some(status) = self.ended() {
            panic!("the server died ({status})");
        }
        assert_eq!(self.client().text("PING"), "PONG");
    }

    /// What it wrote to its log so far.
    pub(crate) fn log(&self) -> String {
        let read = |name| std::fs::read(self.folder.join(name)).unwrap_or_default();
        let mut bytes = read("server.log");
        bytes.extend(read("stderr.log"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The newest incremental file of the append-only log.
    pub(crate) fn append_only_file(&self) -> PathBuf {
        let folder = self.folder.join("appendonlydir");
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
            .collect();
        files.sort_by_key(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.split('.').find_map(|part| part.parse::<u32>().ok())
        });
        files.pop().expect("an append-only file")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.ended();
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(60)..].join("\n");
            println!("--- server in {} (ended: {ended:?})", self.folder.display());
            println!("{tail}\n---");
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
