//! What does a worker of a pool do, and how does it stop?
//!
//! It has no name of its own: it assumes one of the pool's, with the work that was left under it.
//! Every call renews its lease. It stops when its standard input says `stop` or ends, or when
//! WF.POP says DRAINING: it takes nothing more, finishes what it has, and retires. What it does
//! it tells on its standard output, a line each (`history.rs`).

use crate::baton::{Baton, Identity, Task};
use crate::chain::Chain;
use crate::failure::{Context, Result};
use crate::history::Event;
use crate::order::Order;
use crate::pool::{Assumed, Granted, Refused};
use crate::remote::Remote;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How long one call waits before the worker looks whether it is to stop.
const BLOCK_MS: u64 = 100;
/// Between two looks at a job outside, each with a WF.BEAT.
const LOOK_EVERY: Duration = Duration::from_millis(40);

struct Worker {
    baton: Baton,
    me: Identity,
    remote: Remote,
}

/// Runs a worker to its end; one that lost its name to another process just ends.
pub(crate) fn run(port: u16, folder: &Path) -> Result<()> {
    let stop = heed_standard_input();
    let mut baton = Baton::connect(port)?;
    let Some((me, inherited)) = take_a_name(&mut baton, &stop)? else { return Ok(()) };
    tell(&Event::Assumed { epoch: me.epoch, left: inherited.len() as u64 })?;
    let mut worker = Worker { baton, me, remote: Remote::at(folder)? };
    match worker.live(&inherited, &stop)? {
        Ok(()) => tell(&Event::Retired),
        Err(_) => tell(&Event::Lost),
    }
}

/// Whether somebody asked for a stop.
fn heed_standard_input() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(std::io::Result::ok);
        // Either the word, or the end: then nobody is there any more who could say it.
        let _ = lines.take_while(|line| line != "stop").count();
        told.store(true, Ordering::Relaxed);
    });
    stop
}

fn take_a_name(baton: &mut Baton, stop: &AtomicBool) -> Result<Option<Assumed>> {
    // The id makes a repeated request get the same name; this client does not repeat by itself.
    let mut tries = 0;
    while !stop.load(Ordering::Relaxed) {
        tries += 1;
        let request = format!("{}-{tries}", std::process::id());
        match baton.assume(&request, BLOCK_MS)? {
            Ok(Some(assumed)) => return Ok(Some(assumed)),
            Ok(None) => {}
            // The pool is to get smaller, for now: wait until it is resumed.
            Err(_) => sleep(LOOK_EVERY),
        }
    }
    Ok(None)
}

impl Worker {
    fn live(&mut self, inherited: &[Task], stop: &AtomicBool) -> Result<Granted<()>> {
        for task in inherited {
            if let Err(Refused::Stale) = self.work(task)? {
                return Ok(Err(Refused::Stale));
            }
        }
        while !stop.load(Ordering::Relaxed) {
            let answer = match self.baton.take(&self.me, BLOCK_MS)? {
                Ok(Some(task)) => self.work(&task)?,
                Ok(None) => Ok(()),
                Err(Refused::Draining) => break,
                Err(refused) => Err(refused),
            };
            // A task that was taken away is no reason to end; a name that was is.
            if let Err(Refused::Stale) = answer {
                return Ok(answer);
            }
        }
        self.baton.retire(&self.me)
    }

    fn work(&mut self, task: &Task) -> Result<Granted<()>> {
        let order = Order::from_payload(&task.payload)?;
        if order.remote { self.work_outside(task, &order) } else { self.work_here(task, &order) }
    }

    /// Goes on from the checkpoint, or begins; saves one after each step.
    fn work_here(&mut self, task: &Task, order: &Order) -> Result<Granted<()>> {
        let mut chain = match &task.checkpoint {
            Some(checkpoint) => Chain::from_checkpoint(checkpoint)?,
            None => Chain::start(),
        };
        let (id, fence) = (task.id, task.fence);
        let job = order.job();
        let first = chain.round;
        tell(&Event::Took { id, fence, round: first })?;
        while !chain.is_complete(&job) {
            sleep(order.step);
            chain.advance(&job, 1);
            let (percent, checkpoint) = (chain.round * 100 / job.rounds, chain.checkpoint());
            let words = ["PROGRESS", &percent.to_string(), "CHECKPOINT", &checkpoint];
            match self.baton.save(&self.me, task, &words)? {
                Ok(false) => tell(&Event::Saved { id, fence, round: chain.round })?,
                Ok(true) => return self.baton.hand_back(&self.me, task),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        self.end(task, &chain.hex(), chain.round - first)
    }

    /// Starts the job outside, or finds the one that a predecessor started, and waits for it.
    fn work_outside(&mut self, task: &Task, order: &Order) -> Result<Granted<()>> {
        let handle = match &task.handle {
            Some(handle) => handle.clone(),
            None => {
                // First the note where the job will be, then the job: never the other way round.
                let handle = format!("job-{}-{}", task.id, self.me.epoch);
                match self.baton.save(&self.me, task, &["HANDLE", &handle])? {
                    Ok(_) => handle,
                    Err(refused) => return Ok(Err(refused)),
                }
            }
        };
        let id = task.id;
        match self.remote.start(&handle)? {
            true => tell(&Event::Started { id })?,
            false => tell(&Event::Reconnected { id })?,
        }
        while !self.remote.is_ready(&handle, order.duration())? {
            sleep(LOOK_EVERY);
            match self.baton.beat(&self.me)? {
                // The job outside is not ended here: the janitor does that, whoever dies now.
                Ok(cancelled) if cancelled.contains(&id) => {
                    return self.baton.hand_back(&self.me, task);
                }
                Ok(_) => {}
                Err(refused) => return Ok(Err(refused)),
            }
        }
        self.remote.end(&handle)?;
        self.end(task, &order.expected(), order.steps)
    }

    fn end(&mut self, task: &Task, result: &str, computed: u64) -> Result<Granted<()>> {
        let answer = self.baton.complete(&self.me, task, result)?;
        if answer.is_ok() {
            tell(&Event::Done { id: task.id, computed })?;
        }
        Ok(answer)
    }
}

fn tell(event: &Event) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", event.to_line()).context("telling")?;
    out.flush().context("telling")
}
