//! What is there to do? The demo's input: the source files of this repository.
//!
//! Every file becomes one job. How many rounds a job has is measured, not chosen, so that the
//! whole takes a few seconds on any machine: long enough to be interrupted, short enough to watch.

use crate::chain::{Chain, Job};
use crate::failure::{Context, Failure, Result};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How much computing all jobs together should be, on one core.
const WORK: Duration = Duration::from_secs(3);
/// How long the measuring may take.
const MEASURING: Duration = Duration::from_millis(200);
/// Larger files are no source files.
const LARGEST_FILE: u64 = 1 << 20;

/// One source file, to be hashed.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) job: Job,
}

/// The source files below the current folder, each with its rounds.
pub(crate) fn jobs() -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    collect(Path::new("."), &mut paths).context("looking for source files")?;
    paths.sort();
    if paths.len() < 8 {
        return Err(Failure::new("too few files here; run the demo in the repository's folder"));
    }
    let mut sources = Vec::new();
    for path in paths {
        let content = std::fs::read(&path).context(path.display())?;
        let path = path.strip_prefix(".").unwrap_or(&path).display().to_string();
        sources.push(Source { path, job: Job { rounds: 1, content } });
    }
    let rounds = measured_rounds(&sources);
    for source in &mut sources {
        source.job.rounds = rounds;
    }
    Ok(sources)
}

/// Regular files outside build output and hidden folders.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if name.to_string_lossy().starts_with('.') || name == "target" {
            continue;
        }
        if kind.is_dir() {
            collect(&entry.path(), paths)?;
        } else if kind.is_file() && (1..=LARGEST_FILE).contains(&entry.metadata()?.len()) {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// How many rounds over all files make up `WORK` on this machine: by the fastest of several
/// passes, as the others were held up by something else.
fn measured_rounds(sources: &[Source]) -> u64 {
    let start = Instant::now();
    let mut fastest = Duration::MAX;
    while start.elapsed() < MEASURING {
        let pass = Instant::now();
        for source in sources {
            Chain::start().advance(&source.job, 1);
        }
        fastest = fastest.min(pass.elapsed());
    }
    let rounds = (WORK.as_secs_f64() / fastest.as_secs_f64()).round();
    // At least as many as make every checkpoint a different one.
    (rounds as u64).max(100)
}
