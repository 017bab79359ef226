//! What does an agent do? The whole worker, as a program of one's own would have it.
//!
//! It takes its name, asks what its predecessor left, finishes that, then works until nothing is
//! unfinished. To the process that started it, it reports on its standard output, a line each:
//! `recovered <task> <round>` and `done <task> <rounds computed here>`.

use crate::baton::{Baton, Identity, Task};
use crate::chain::{Chain, Job};
use crate::crew::Report;
use crate::failure::{Context, Result};
use std::io::Write;

/// How long one WF.POP waits before the agent looks whether everything is finished.
const BLOCK_MS: u64 = 200;

struct Agent {
    baton: Baton,
    me: Identity,
}

/// Runs the agent `name` to its end.
pub(crate) fn run(port: u16, name: &str) -> Result<()> {
    let mut baton = Baton::connect(port)?;
    let (me, inherited) = baton.recover(name)?;
    let mut agent = Agent { baton, me };
    for task in &inherited {
        agent.go_on(task)?;
    }
    while let Some(task) = agent.next_task()? {
        agent.work(&task, Chain::start())?;
    }
    Ok(())
}

impl Agent {
    /// The next task; none when every task has ended, whoever had it.
    fn next_task(&mut self) -> Result<Option<Task>> {
        loop {
            let task = self.baton.pop(&self.me, BLOCK_MS)?;
            if task.is_some() || self.baton.unfinished()? == 0 {
                return Ok(task);
            }
        }
    }

    /// Takes up a predecessor's task where its last checkpoint stands.
    fn go_on(&mut self, task: &Task) -> Result<()> {
        let chain = match &task.checkpoint {
            Some(checkpoint) => Chain::from_checkpoint(checkpoint)?,
            None => Chain::start(),
        };
        report(&Report::Recovered {
            id: task.id,
            round: chain.round,
            attempt: task.attempt,
            crashes: task.crashes,
            running_for_ms: task.running_for_ms,
        })?;
        self.work(task, chain)
    }

    /// Works on a task to its end, and saves a checkpoint now and then.
    fn work(&mut self, task: &Task, mut chain: Chain) -> Result<()> {
        let job = Job::from_payload(&task.payload)?;
        let first_round = chain.round;
        loop {
            chain.advance(&job, job.rounds_between_checkpoints());
            if chain.is_complete(&job) {
                break;
            }
            let percent = chain.round * 100 / job.rounds;
            self.baton.touch(&self.me, task, percent, &chain.checkpoint())?;
        }
        self.baton.done(&self.me, task, &chain.hex())?;
        report(&Report::Done { id: task.id, computed: chain.round - first_round })
    }
}

fn report(report: &Report) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", report.to_line()).context("reporting")?;
    out.flush().context("reporting")
}
