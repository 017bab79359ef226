//! How are the fleet's processes started, stopped, killed and heard?
//!
//! They have no names here: which name of the pool a process gets is between it and the server.
//! `stop` on a process's standard input is the deliberate stop, SIGKILL the other one.

use crate::baton::{Baton, QUEUE};
use crate::failure::{Context, Failure, Result};
use crate::history::{Event, History};
use crate::order::Order;
use crate::pool::POOL;
use crate::remote::Remote;
use crate::server::Server;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// How many names the pool has, and how many processes there are.
pub(crate) const SIZE: usize = 5;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

struct Process {
    child: Child,
    stdin: ChildStdin,
    listener: JoinHandle<()>,
}

/// The fleet: its processes, its orders by task id, and all that was said.
pub(crate) struct Fleet {
    port: u16,
    folder: PathBuf,
    processes: Vec<Process>,
    sender: Sender<Event>,
    events: Receiver<Event>,
    pub(crate) remote: Remote,
    pub(crate) orders: BTreeMap<u64, Order>,
    /// The tasks that were cancelled and dropped.
    pub(crate) purged: Vec<u64>,
    pub(crate) history: History,
    /// WF.DONE that were accepted before there was a fleet.
    pub(crate) accepted_before: u64,
}

impl Fleet {
    pub(crate) fn found(baton: &mut Baton, server: &Server) -> Result<Self> {
        let (sender, events) = channel();
        Ok(Self {
            port: server.port,
            folder: server.folder().to_owned(),
            processes: Vec::new(),
            sender,
            events,
            remote: Remote::at(server.folder())?,
            orders: BTreeMap::new(),
            purged: Vec::new(),
            history: History::default(),
            accepted_before: baton.accepted_calls("wf.done")?,
        })
    }

    /// Pushes a task and remembers what was asked for.
    pub(crate) fn order(
        &mut self,
        baton: &mut Baton,
        kind: &str,
        steps: u64,
        step_ms: u64,
    ) -> Result<u64> {
        let name = format!("{kind}-{}", self.orders.len() + 1);
        let order = Order::new(kind, steps, step_ms, &name);
        let id = baton.push(&name, order.payload())?;
        self.orders.insert(id, order);
        Ok(id)
    }

    /// Starts a process, and says its process id.
    pub(crate) fn start(&mut self) -> Result<u32> {
        let program = std::env::current_exe().context("this program's path")?;
        let mut child = Command::new(program)
            .args(["worker", &self.port.to_string()])
            .arg(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a worker")?;
        let stdin = child.stdin.take().context("a worker without input")?;
        let output = child.stdout.take().context("a worker without output")?;
        let sender = self.sender.clone();
        let listener = std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(std::io::Result::ok);
            for event in lines.filter_map(|line| Event::from_line(&line)) {
                let _ = sender.send(event);
            }
        });
        let pid = child.id();
        self.processes.push(Process { child, stdin, listener });
        Ok(pid)
    }

    /// SIGKILL for the process with this number, counted from the oldest.
    pub(crate) fn kill(&mut self, index: usize) -> Result<u32> {
        let mut process = self.processes.remove(index % self.processes.len().max(1));
        process.child.kill().context("killing a worker")?;
        process.child.wait().context("killing a worker")?;
        let pid = process.child.id();
        // All that it said is heard before anybody draws a conclusion.
        process.listener.join().ok().context("listening")?;
        self.hear();
        Ok(pid)
    }

    /// Asks all to stop.
    pub(crate) fn stop_all(&mut self) {
        for process in &mut self.processes {
            // Who has ended meanwhile does not need the word.
            let _ = process.stdin.write_all(b"stop\n");
        }
    }

    /// Takes note of what was said, and of who ended; one that ended badly is a failure.
    pub(crate) fn look(&mut self) -> Result<usize> {
        let mut at = 0;
        while let Some(process) = self.processes.get_mut(at) {
            match process.child.try_wait().context("watching a worker")? {
                None => at += 1,
                Some(status) if status.success() => {
                    let process = self.processes.remove(at);
                    process.listener.join().ok().context("listening")?;
                }
                Some(status) => return Err(Failure::new(format!("a worker ended: {status}"))),
            }
        }
        self.hear();
        Ok(self.processes.len())
    }

    fn hear(&mut self) {
        self.history.0.extend(self.events.try_iter());
    }

    /// As a supervisor does it: who ended is replaced.
    pub(crate) fn keep_full(&mut self) -> Result<()> {
        while self.look()? < SIZE {
            self.start()?;
        }
        Ok(())
    }

    /// Waits until something is so.
    pub(crate) fn wait(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        while !is_so(self)? {
            if start.elapsed() > LIMIT {
                return Err(Failure::new(format!("waited too long for {what}")));
            }
            sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Waits until so many tasks run at once in the hands of the fleet.
    pub(crate) fn wait_until_all_work(&mut self, baton: &mut Baton) -> Result<()> {
        self.wait("a fleet at work", |fleet| {
            fleet.look()?;
            Ok(baton.pool_number("running")? >= SIZE as u64)
        })
    }

    /// Waits until nothing is unfinished.
    pub(crate) fn wait_until_done(&mut self, baton: &mut Baton) -> Result<()> {
        self.wait(&format!("the end of {QUEUE} by {POOL}"), |fleet| {
            fleet.keep_full()?;
            Ok(baton.unfinished()? == 0)
        })
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}
