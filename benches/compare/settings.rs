//! What is asked of this run, and where does cargo keep things?

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Outcome;

/// What there is to measure, by the names that the command line uses.
const SECTIONS: [&str; 13] = [
    "commands",
    "cycles",
    "batches",
    "single",
    "everysec",
    "latency",
    "deadlines",
    "growth",
    "stalls",
    "memory",
    "persistence",
    "workflows",
    "traffic",
];

/// What the command line and the environment say; the head of `main.rs` lists the names.
pub(crate) struct Settings {
    pub(crate) program: String,
    pub(crate) module: PathBuf,
    pub(crate) tasks: usize,
    pub(crate) rounds: usize,
    pub(crate) seed: u64,
    /// What to measure; nothing: everything.
    sections: Vec<String>,
}

impl Settings {
    pub(crate) fn read() -> Outcome<Self> {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
        let module = match std::env::var_os("BATON_MODULE") {
            Some(path) => PathBuf::from(path),
            None => newest_module()?,
        };
        Ok(Self {
            program: std::env::var("BATON_SERVER").unwrap_or_else(|_| "redis-server".to_owned()),
            module: std::path::absolute(module)?,
            tasks: number("BENCH_TASKS", 100_000)? as usize,
            rounds: number("BENCH_ROUNDS", 9)?.max(1) as usize,
            seed: number("SEED", clock)?,
            sections: sections()?,
        })
    }

    /// Whether this section is to be measured.
    pub(crate) fn wants(&self, section: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|wanted| wanted == section)
    }
}

/// What the command line asks for; cargo itself says `--bench`.
fn sections() -> Outcome<Vec<String>> {
    let said: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match said.iter().find(|word| !SECTIONS.contains(&word.as_str())) {
        Some(word) => Err(format!("{word} is none of {}", SECTIONS.join(", ")).into()),
        None => Ok(said),
    }
}

fn number(name: &str, default: u64) -> Outcome<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is not a number: {text}").into()),
        Err(_) => Ok(default),
    }
}

/// Cargo puts the module beside this program or, with `cargo build`, one folder up.
fn newest_module() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let file = format!("{}baton{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let folders = program.ancestors().skip(1).take(2);
    let built = folders.map(|folder| folder.join(&file)).filter_map(|path| {
        let changed = path.metadata().and_then(|data| data.modified()).ok()?;
        Some((changed, path))
    });
    let newest = built.max().map(|(_, path)| path);
    newest.ok_or_else(|| format!("no {file}: run cargo build --release").into())
}

/// This program lies in `target/release/deps`.
pub(crate) fn target_folder() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).map(Path::to_path_buf);
    Ok(target.ok_or("this program is not where cargo puts it")?)
}
