//! How are the agents' processes started, heard and killed?
//!
//! Each agent is this same program with other arguments, so it really is a process of its own
//! with a memory of its own: what SIGKILL takes from it is gone.

use crate::failure::{Context, Failure, Result};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

/// What an agent tells on its standard output.
#[derive(Debug)]
pub(crate) enum Report {
    /// The predecessor's task, and what WF.RECOVER said of it.
    Recovered { id: u64, round: u64, attempt: u64, crashes: u64, running_for_ms: u64 },
    /// A DONE was accepted; so many rounds were computed by this very process.
    Done { id: u64, computed: u64 },
}

impl Report {
    pub(crate) fn to_line(&self) -> String {
        match self {
            Self::Recovered { id, round, attempt, crashes, running_for_ms } => {
                format!("recovered {id} {round} {attempt} {crashes} {running_for_ms}")
            }
            Self::Done { id, computed } => format!("done {id} {computed}"),
        }
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        match (kind, numbers.as_slice()) {
            ("recovered", &[id, round, attempt, crashes, running_for_ms]) => {
                Some(Self::Recovered { id, round, attempt, crashes, running_for_ms })
            }
            ("done", &[id, computed]) => Some(Self::Done { id, computed }),
            _ => None,
        }
    }
}

/// The agents' processes, by the name they bear; dropping it ends those that still run.
pub(crate) struct Crew {
    port: u16,
    processes: BTreeMap<String, Child>,
    sender: Sender<Report>,
    reports: Receiver<Report>,
}

impl Crew {
    pub(crate) fn of_server(port: u16) -> Self {
        let (sender, reports) = channel();
        Self { port, processes: BTreeMap::new(), sender, reports }
    }

    /// Starts a process under `name`, the first or a successor, and says its process id.
    pub(crate) fn start(&mut self, name: &str) -> Result<u32> {
        let program = std::env::current_exe().context("this program's path")?;
        let mut process = Command::new(program)
            .args(["agent", &self.port.to_string(), name])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context(format!("starting {name}"))?;
        let output = process.stdout.take().context("an agent without output")?;
        let sender = self.sender.clone();
        std::thread::spawn(move || listen(output, &sender));
        let pid = process.id();
        self.processes.insert(name.to_owned(), process);
        Ok(pid)
    }

    /// SIGKILL: no farewell, no clean-up, not even the chance to notice.
    pub(crate) fn kill(&mut self, name: &str) -> Result<u32> {
        let mut process = self.processes.remove(name).context(format!("no process of {name}"))?;
        process.kill().context(format!("killing {name}"))?;
        process.wait().context(format!("killing {name}"))?;
        Ok(process.id())
    }

    /// The oldest report not yet read, if there is one.
    pub(crate) fn next_report(&self) -> Option<Report> {
        self.reports.try_recv().ok()
    }

    /// Whether all have ended; an agent that ended badly is a failure.
    pub(crate) fn have_all_ended(&mut self) -> Result<bool> {
        let mut all = true;
        for (name, process) in &mut self.processes {
            match process.try_wait().context(name)? {
                None => all = false,
                Some(status) if status.success() => {}
                Some(status) => return Err(Failure::new(format!("{name} ended with {status}"))),
            }
        }
        Ok(all)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn listen(output: ChildStdout, sender: &Sender<Report>) {
    for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
        if let Some(report) = Report::from_line(&line)
            && sender.send(report).is_err()
        {
            return;
        }
    }
}
