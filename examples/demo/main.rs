//! `make demo`: does work survive the process that does it?
//!
//! Four acts on one server: an agent is killed and its successor goes on; a fleet is replaced by a
//! new version, one process after the other; a storm of crashes; and work that runs elsewhere.
//! Ends with exit code 0 only if everything held. `SEED=n` picks a storm's deaths.
//!
//! | file | answers |
//! | --- | --- |
//! | `agent.rs` | what a worker looks like: **read this one first** |
//! | `worker.rs` | what a worker of a pool looks like, and how it stops |
//! | `director.rs` | what happens in which order; act one |
//! | `restart.rs`, `storm.rs`, `external.rs` | acts two, three and four |
//! | `baton.rs`, `pool.rs` | how the commands are called |
//! | `chain.rs`, `files.rs`, `order.rs` | what the work is |
//! | `remote.rs` | the world outside, in which some of the work really runs |
//! | `crew.rs`, `fleet.rs`, `server.rs` | the processes |
//! | `verify.rs`, `history.rs`, `story.rs`, `failure.rs` | judging, remembering, telling, failing |
//!
//! A supervisor stops its processes with SIGTERM. Here the director writes the line `stop` to an
//! agent's standard input instead (or closes it), which means the same and needs no signal handler.

#![allow(clippy::disallowed_methods, reason = "a demo waits and measures in real time")]

mod agent;
mod baton;
mod chain;
mod crew;
mod director;
mod external;
mod failure;
mod files;
mod fleet;
mod history;
mod order;
mod pool;
mod remote;
mod restart;
mod server;
mod storm;
mod story;
mod verify;
mod worker;

use failure::{Context, Failure, Result};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\ndemo failed: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        [] => director::run(),
        ["agent", port, name] => {
            let port = port.parse().context("the port")?;
            agent::run(port, name).context(name)
        }
        ["worker", port, folder] => {
            let port = port.parse().context("the port")?;
            worker::run(port, folder.as_ref()).context("a worker")
        }
        _ => Err(Failure::new("usage: demo | demo agent <port> <name>")),
    }
}
