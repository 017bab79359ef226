//! Is Baton cheap enough? Compares it with what the server itself offers for the same work.
//!
//! `cargo bench --bench compare` starts one server, runs every contest on it, prints the bars with
//! what was measured and writes `target/bench/compare.json`. Behind `--` it takes the names of what
//! to measure alone, as in `cargo bench --bench compare -- cycles memory`. It reads:
//!
//! * `BATON_SERVER`: the server's program (`redis-server`)
//! * `BATON_MODULE`: the module (the one that cargo built last)
//! * `BENCH_TASKS`: tasks per side and round (100000); memory, deadlines, persistence and workflows
//!   with ten times as many, single with a tenth; growth, stalls and persistence with fifty times
//!   as many in the queue
//! * `BENCH_ROUNDS`: rounds of every contest (9); a third of them for workflows and what is saved
//!   of five million tasks
//! * `SEED`: what the payloads are made from (the time of day)
//!
//! Missing a bar is told, not an error: the verdict depends on how quiet the machine is.

// A benchmark lives in real time.
#![allow(clippy::disallowed_methods)]

mod bars;
mod contest;
mod crowd;
mod deadlines;
mod growth;
mod latency;
mod load;
mod memory;
mod persistence;
mod pipeline;
mod prober;
mod report;
mod script;
mod server;
mod settings;
mod stall_streams;
mod stalls;
mod traffic;
mod wire;
mod workflows;

use std::process::ExitCode;
use std::time::Instant;

use bars::Bench;
use settings::Settings;

/// What can go wrong is told to a person and to nobody else.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let start = Instant::now();
    let mut bench = Bench::start(Settings::read()?)?;
    let mut report = bench.measure()?;
    report.setting.push(("seconds", start.elapsed().as_secs().to_string()));
    let folder = settings::target_folder()?.join("bench");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("compare.json"), report.json())?;
    println!("{}", report.table());
    Ok(())
}
