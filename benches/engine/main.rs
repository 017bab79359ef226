//! What do the commands cost without Redis: words in, decision, events, reply?
//!
//! ```text
//! cargo bench --no-default-features --bench engine                 every verb, in nanoseconds
//! cargo bench --no-default-features --bench engine -- pop          one verb, to be profiled
//! cargo bench --no-default-features --bench engine -- instructions held against what is kept
//! ```
//!
//! It reads `BENCH_TASKS` (1000000), `BENCH_ROUNDS` (5) and `BENCH_BESIDE`, the tasks that are
//! ready all the while (1000). There is nothing random in it.

// A benchmark lives in real time.
#![allow(clippy::disallowed_methods)]

mod edge;
mod ratchet;
mod work;

use std::process::ExitCode;
use std::time::Instant;

use work::{Verb, Work};

/// What can go wrong is told to a person and to nobody else.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("engine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Verb::ALL.into_iter().try_for_each(time),
        ["instructions"] => ratchet::run(false),
        ["instructions", "write"] => ratchet::run(true),
        ["once", verb] => Work::ready(named(verb)?, ratchet::COUNTED, ratchet::BESIDE)?.measured(),
        [verb] => time(named(verb)?),
        _ => Err("unknown words; the head of benches/engine/main.rs lists what there is".into()),
    }
}

fn named(word: &str) -> Outcome<Verb> {
    let found = Verb::ALL.into_iter().find(|verb| verb.word() == word);
    found.ok_or_else(|| format!("{word} is no verb that is measured").into())
}

/// Times a verb, and tells the median.
fn time(verb: Verb) -> Outcome<()> {
    let (tasks, beside) = (number("BENCH_TASKS", 1_000_000)?, number("BENCH_BESIDE", 1_000)?);
    let mut rounds_ns = Vec::new();
    for _ in 0..number("BENCH_ROUNDS", 5)?.max(1) {
        let mut work = Work::ready(verb, tasks, beside)?;
        let start = Instant::now();
        work.measured()?;
        rounds_ns.push(start.elapsed().as_nanos() as f64 / work.tasks() as f64);
    }
    rounds_ns.sort_by(f64::total_cmp);
    let at = |nth: usize| rounds_ns.get(nth).copied().unwrap_or(f64::NAN);
    let last = rounds_ns.len() - 1;
    println!("{:<8}{:>7.0} ns  ({:.0}-{:.0})", verb.word(), at(last / 2), at(0), at(last));
    Ok(())
}

fn number(name: &str, default: usize) -> Outcome<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is not a number: {text}").into()),
        Err(_) => Ok(default),
    }
}
