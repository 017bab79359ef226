//! `make demo`: does work survive the process that does it?
//!
//! Starts a server with Baton in it, lets four agents hash the source files of this repository,
//! kills one of them in the middle of a task, starts its successor, and verifies the outcome.
//! Ends with exit code 0 only if everything held.
//!
//! | file | answers |
//! | --- | --- |
//! | `director.rs` | what happens, in which order |
//! | `agent.rs` | what a worker looks like: **read this one first** |
//! | `baton.rs` | how the commands are called |
//! | `chain.rs`, `files.rs` | what the work is |
//! | `crew.rs`, `server.rs` | the processes |
//! | `verify.rs`, `story.rs`, `failure.rs` | judging, telling, failing |

#![allow(clippy::disallowed_methods, reason = "a demo waits and measures in real time")]

mod agent;
mod baton;
mod chain;
mod crew;
mod director;
mod failure;
mod files;
mod server;
mod story;
mod verify;

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
        _ => Err(Failure::new("usage: demo | demo agent <port> <name>")),
    }
}
