//! Where does the demo's own server come from, and who takes it away?
//!
//! A server of its own on a free port of the loopback, in a temporary folder: the demo meets no
//! other server, and leaves nothing behind. It ends with the value that holds it.

use crate::baton::Baton;
use crate::failure::{Context, Failure, Result};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A running server; dropping it stops the process and removes the folder.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

impl Server {
    /// Starts a server with the module that was built along with this program.
    pub(crate) fn start() -> Result<Self> {
        let module = module_beside_this_program()?;
        let folder = std::env::temp_dir().join(format!("baton-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).context("a temporary folder")?;
        let port = free_port()?;
        let process = spawn(&module, &folder, port).context("starting the server");
        let process = process.inspect_err(|_| drop(std::fs::remove_dir_all(&folder)))?;
        let mut server = Self { process, folder, port };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The temporary folder, which goes away with the server.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Ok(mut baton) = Baton::connect(self.port)
                && baton.server_version().is_ok()
            {
                return Ok(());
            }
            let ended = self.process.try_wait().context("watching the server")?;
            if ended.is_some() || start.elapsed() > START_LIMIT {
                return Err(Failure::new(format!("the server does not start:\n{}", self.log())));
            }
            sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing here is worth keeping, so the server need not be asked to save and leave.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `target/<profile>/deps/libbaton.so`: cargo writes it whenever it builds this program, while
/// the one in `target/<profile>/` is only as new as the last `cargo build`.
fn module_beside_this_program() -> Result<PathBuf> {
    let program = std::env::current_exe().context("this program's path")?;
    let profile = program.ancestors().nth(2).context("this program is not under target/")?;
    let extension = std::env::consts::DLL_EXTENSION;
    let module = profile.join("deps").join("libbaton").with_extension(extension);
    if module.is_file() {
        return Ok(module);
    }
    Err(Failure::new(format!("no module at {}; `make demo` builds it", module.display())))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("a free port")?;
    Ok(listener.local_addr().context("a free port")?.port())
}

fn spawn(module: &Path, folder: &Path, port: u16) -> std::io::Result<Child> {
    let program = std::env::var("BATON_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    Command::new(program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--logfile", "server.log"])
        .arg("--dir")
        .arg(folder)
        .arg("--loadmodule")
        .arg(module)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
}
