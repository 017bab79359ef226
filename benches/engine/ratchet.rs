//! Does any verb take more instructions than it used to?
//!
//! Instructions are counted by callgrind, the same every time on one toolchain, whatever else the
//! machine does. What they are allowed to be is written in `instructions.txt`, which is changed on
//! purpose or not at all.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::work::Verb;

/// Tasks that are counted, and others that are there.
pub(crate) const COUNTED: usize = 10_000;
pub(crate) const BESIDE: usize = 1_000;

/// By how much a count may grow.
const SLACK: f64 = 1.05;

/// Where the counts are written down.
fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/engine/instructions.txt")
}

/// Counts every verb and holds the counts against the file, or writes them there.
pub(crate) fn run(write: bool) -> Outcome<()> {
    let counts = Verb::ALL.map(|verb| count(verb).map(|count| (verb, count)));
    let counts = counts.into_iter().collect::<Outcome<Vec<_>>>()?;
    if write {
        std::fs::write(file(), text(&counts))?;
        return Ok(());
    }
    let kept = std::fs::read_to_string(file())?;
    let mut grown = Vec::new();
    println!("{:<8}{:>14}{:>14}{:>9}", "verb", "instructions", "kept", "ratio");
    for (verb, count) in counts {
        let line = kept.lines().find_map(|line| line.strip_prefix(verb.word())?.strip_prefix(' '));
        let kept: f64 = line.ok_or("a verb is not in the file")?.trim().parse()?;
        let ratio = count / kept;
        println!("{:<8}{count:>14.0}{kept:>14.0}{ratio:>9.3}", verb.word());
        if ratio > SLACK {
            grown.push(verb.word());
        } else if ratio < 1.0 / SLACK {
            println!("  {} became cheaper: keep that with `make ratchet-write`", verb.word());
        }
    }
    if grown.is_empty() {
        return Ok(());
    }
    let text = "takes over 5% more instructions; `make ratchet-write` if that is meant";
    Err(format!("{} {text} (another compiler counts otherwise)", grown.join(", ")).into())
}

fn text(counts: &[(Verb, f64)]) -> String {
    let mut text = String::from(
        "# Instructions per task, counted by `make ratchet`; written by `make ratchet-write`.\n",
    );
    counts.iter().for_each(|(verb, count)| text += &format!("{} {count:.0}\n", verb.word()));
    text
}

/// Instructions per task, of this program under callgrind.
fn count(verb: Verb) -> Outcome<f64> {
    let said = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--collect-atstart=no", "--toggle-collect=*Work*measured*"])
        .arg(std::env::current_exe()?)
        .args(["once", verb.word()])
        .output()
        .map_err(|error| format!("valgrind: {error}; `make setup` installs it"))?;
    let text = String::from_utf8_lossy(&said.stderr);
    let line = text.lines().find_map(|line| line.split_once("Collected :"));
    let (_, collected) = line.ok_or_else(|| format!("valgrind counted nothing:\n{text}"))?;
    let collected: f64 = collected.trim().parse()?;
    if collected == 0.0 {
        return Err("nothing of the verb was counted".into());
    }
    Ok(collected / COUNTED as f64)
}
