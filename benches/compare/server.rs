//! Which server is measured, and what does it say about itself?
//!
//! One real server with the module, in a folder of its own, for the whole run: both sides of every
//! ratio meet the same process. It ends with this value.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::wire::{self, Wire};

/// How long the server may take to answer after its start, or to finish an AOF rewrite.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server and a connection for questions, which carries no load.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    control: Wire,
    pub(crate) port: u16,
}

/// The section of INFO that was asked for, by field.
pub(crate) struct Info(BTreeMap<String, String>);

/// Calls of one command since the last CONFIG RESETSTAT.
pub(crate) struct Calls {
    pub(crate) command: String,
    pub(crate) usec_per_call: f64,
}

impl Server {
    /// Starts `program` with `module` on a free port, without persistence.
    pub(crate) fn start(program: &str, module: &Path) -> Outcome<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let folder = format!("baton-bench-{}-{port}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder)?;
        let port_text = port.to_string();
        let spawned = Command::new(program)
            .args(["--port", &port_text, "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--appendfsync", "no", "--logfile", "server.log"])
            .args(["--auto-aof-rewrite-percentage", "0", "--enable-debug-command", "yes"])
            .arg("--loadmodule")
            .arg(module)
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                std::fs::remove_dir_all(&folder)?;
                return Err(format!("{program}: {error}").into());
            }
        };
        match first_connection(&mut child, port) {
            Ok(control) => Ok(Self { child, folder, control, port }),
            Err(error) => {
                let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
                stop(&mut child, &folder);
                Err(format!("{program} did not start: {error}\n{log}").into())
            }
        }
    }

    /// Sends one command (words parted by spaces); its leaves as text, one a line.
    pub(crate) fn ask(&mut self, command: &str) -> Outcome<String> {
        let words: Vec<&str> = command.split(' ').collect();
        self.say(&words).map_err(|error| format!("{command}: {error}").into())
    }

    /// The same, of words that may have spaces in them.
    pub(crate) fn say(&mut self, words: &[&str]) -> Outcome<String> {
        let mut request = Vec::new();
        wire::begin(&mut request, words.len());
        words.iter().for_each(|word| wire::word(&mut request, word.as_bytes()));
        self.control.send(&request)?;
        let mut answer = Vec::new();
        self.control.receive(1, |reply| {
            answer = reply.leaves().collect::<Vec<_>>().join(&b'\n');
            Ok(())
        })?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    pub(crate) fn info(&mut self, section: &str) -> Outcome<Info> {
        let text = self.ask(&format!("INFO {section}"))?;
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Ok(Info(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }

    /// CPU time the whole process has used, in microseconds (the kernel counts it to the
    /// nanosecond).
    pub(crate) fn cpu_us(&mut self) -> Outcome<f64> {
        let info = self.info("cpu")?;
        Ok((info.number("used_cpu_user")? + info.number("used_cpu_sys")?) * 1e6)
    }

    /// Time inside each command since the last CONFIG RESETSTAT.
    pub(crate) fn calls(&mut self) -> Outcome<Vec<Calls>> {
        let Info(lines) = self.info("commandstats")?;
        let read = |(name, value): (&String, &String)| {
            let command = name.strip_prefix("cmdstat_")?.to_uppercase();
            let field = |wanted: &str| -> Option<f64> {
                let pairs = value.split(',').filter_map(|pair| pair.split_once('='));
                pairs.filter(|(name, _)| *name == wanted).find_map(|(_, text)| text.parse().ok())
            };
            Some(Calls { command, usec_per_call: field("usec")? / field("calls")? })
        };
        Ok(lines.iter().filter_map(read).collect())
    }

    /// Begins to look for the longest call anew.
    pub(crate) fn forget_calls(&mut self) -> Outcome<()> {
        // The hundredth percentile is the longest.
        self.ask("CONFIG SET latency-tracking-info-percentiles 100")?;
        self.ask("CONFIG RESETSTAT").map(drop)
    }

    /// The longest time inside a single call of any command since then.
    pub(crate) fn longest_call_ms(&mut self) -> Outcome<f64> {
        let Info(lines) = self.info("latencystats")?;
        let longest = lines.values().filter_map(|text| text.split_once('=')?.1.parse().ok());
        Ok(longest.fold(0.0, f64::max) / 1e3)
    }

    /// Asks for `section` until `done`, for at most [`PATIENCE`].
    pub(crate) fn wait_until(
        &mut self,
        section: &str,
        done: impl Fn(&Info) -> Outcome<bool>,
    ) -> Outcome<()> {
        let start = Instant::now();
        while !done(&self.info(section)?)? {
            if start.elapsed() > PATIENCE {
                return Err(format!("INFO {section} did not become as expected").into());
            }
        }
        Ok(())
    }

    /// Begins an append-only file with what there is, and waits until it is there.
    pub(crate) fn start_log(&mut self, fsync: &str) -> Outcome<()> {
        self.ask(&format!("CONFIG SET appendonly yes appendfsync {fsync}"))?;
        self.wait_until("persistence", |info| {
            Ok(info.text("aof_enabled")? == "1" && info.is_at_rest()?)
        })
    }

    /// Writes no append-only file any more, as after the start.
    pub(crate) fn stop_log(&mut self) -> Outcome<()> {
        self.ask("CONFIG SET appendonly no appendfsync no")?;
        Ok(())
    }

    /// Leaves the server as it was started: no keys, no counts, and no thread that still frees.
    pub(crate) fn clear(&mut self) -> Outcome<()> {
        self.ask("FLUSHALL SYNC")?;
        let (start, mut before) = (Instant::now(), f64::INFINITY);
        loop {
            let used = self.info("memory")?.number("used_memory")?;
            if used >= before {
                break;
            }
            if start.elapsed() > PATIENCE {
                return Err("the server does not come to an end with freeing".into());
            }
            before = used;
            std::thread::sleep(Duration::from_millis(20));
        }
        self.ask("CONFIG RESETSTAT")?;
        Ok(())
    }

    /// The size of the file that the last SAVE wrote.
    pub(crate) fn saved_bytes(&self) -> Outcome<u64> {
        Ok(self.folder.join("dump.rdb").metadata()?.len())
    }

    /// The server's own name and version.
    pub(crate) fn version(&mut self) -> Outcome<String> {
        let info = self.info("server")?;
        let valkey = info.text("valkey_version").map(|version| format!("Valkey {version}"));
        valkey.or_else(|_| Ok(format!("Redis {}", info.text("redis_version")?)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.child, &self.folder);
    }
}

impl Info {
    pub(crate) fn text(&self, field: &str) -> Outcome<&str> {
        Ok(self.0.get(field).ok_or_else(|| format!("INFO has no field {field}"))?)
    }

    pub(crate) fn number(&self, field: &str) -> Outcome<f64> {
        Ok(self.text(field)?.parse()?)
    }

    /// Of the section `persistence`: whether no process writes a file.
    pub(crate) fn is_at_rest(&self) -> Outcome<bool> {
        let busy = ["aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress"];
        busy.iter().try_fold(true, |rest, field| Ok(rest && self.text(field)? == "0"))
    }
}

fn first_connection(child: &mut Child, port: u16) -> Outcome<Wire> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Err(format!("it ended with {status}").into());
        }
        match Wire::connect(port) {
            Err(error) if start.elapsed() > PATIENCE => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
            connected => return connected,
        }
    }
}

/// Nothing can be done about a failure here, and the next run uses another folder.
fn stop(child: &mut Child, folder: &Path) {
    let _ = child.kill();
    let _ = child.wait();
    let _ = std::fs::remove_dir_all(folder);
}
