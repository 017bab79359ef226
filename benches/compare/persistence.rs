//! How long do saving and loading take, how large is the file, and how much memory does the child
//! need that saves in the background? Baton's tasks against the same entries of a stream with a
//! consumer group, all ready and then all running (for a stream: pending).

use std::time::Instant;

use crate::Outcome;
use crate::bars::row;
use crate::load::Fleet;
use crate::memory::{self, Store};
use crate::report::{Limit, Row, Spread};
use crate::server::Server;

/// Tasks a lane has in flight; a multiple of what one taking takes.
const TURN: usize = 512;

/// What was found, round by round.
#[derive(Default)]
struct Found {
    save_s: Vec<f64>,
    /// The server's CPU for it: what is left is the disk's.
    save_cpu_s: Vec<f64>,
    load_s: Vec<f64>,
    file_mb: Vec<f64>,
    child_mb: Vec<f64>,
}

/// Ten times the tasks of a contest, which the bars are for; and fifty times, in a third of the
/// rounds.
const SIZES: [(usize, bool); 2] = [(10, true), (50, false)];

/// How often `told` is called.
pub(crate) const fn steps() -> usize {
    // Both stores, ready and running.
    SIZES.len() * 2 * 2
}

pub(crate) fn measure(
    server: &mut Server,
    fleet: &mut Fleet,
    (tasks, rounds): (usize, usize),
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for (times, has_bars) in SIZES {
        for (store, length, is_ours) in
            [(&memory::BATON, "WF.LEN {q}jobs", true), (&memory::STREAM, "XLEN {q}stream", false)]
        {
            let rounds = if has_bars { rounds } else { rounds.div_ceil(3) };
            let size = (tasks * times, rounds);
            let found = of_store(server, fleet, (store, length), size, told)?;
            for (title, found) in found {
                rows.extend(found.rows(&title, has_bars && is_ours));
            }
        }
    }
    server.clear()?;
    Ok(rows)
}

/// The store with all its tasks ready, and running; `length` asks how many there are.
fn of_store(
    server: &mut Server,
    fleet: &mut Fleet,
    (store, length): (&Store, &str),
    (tasks, rounds): (usize, usize),
    told: &impl Fn(&str),
) -> Outcome<[(String, Found); 2]> {
    server.clear()?;
    if let Some(command) = store.prepare {
        server.ask(command)?;
    }
    let tasks = fleet.run(std::slice::from_ref(&store.push), tasks, TURN)?;
    let mut of = |state: &str| -> Outcome<(String, Found)> {
        let title = format!("{tasks} {state}, {}", store.name);
        told(&title);
        let found = Found::measure(server, length, rounds);
        Ok((title.clone(), found.map_err(|error| format!("{title}: {error}"))?))
    };
    let ready = of("ready")?;
    fleet.run(std::slice::from_ref(&store.take), tasks, TURN)?;
    Ok([ready, of("running")?])
}

impl Found {
    /// Saves and loads all that the server has.
    fn measure(server: &mut Server, length: &str, rounds: usize) -> Outcome<Self> {
        let mut found = Self::default();
        for _ in 0..rounds {
            let (start, cpu_before_us) = (Instant::now(), server.cpu_us()?);
            server.ask("SAVE")?;
            found.save_s.push(start.elapsed().as_secs_f64());
            found.save_cpu_s.push((server.cpu_us()? - cpu_before_us) / 1e6);
            found.file_mb.push(server.saved_bytes()? as f64 / 1e6);
            let tasks = server.ask(length)?;
            // What the server loads over it would have to free first.
            server.ask("FLUSHALL SYNC")?;
            let start = Instant::now();
            server.ask("DEBUG RELOAD NOSAVE")?;
            found.load_s.push(start.elapsed().as_secs_f64());
            if server.ask(length)? != tasks {
                return Err("not all that was saved was loaded".into());
            }
            server.ask("BGSAVE")?;
            let field = "rdb_bgsave_in_progress";
            server.wait_until("persistence", |info| Ok(info.text(field)? == "0"))?;
            let child = server.info("persistence")?.number("rdb_last_cow_size")?;
            found.child_mb.push(child / 1e6);
        }
        Ok(found)
    }

    fn rows(self, title: &str, has_bars: bool) -> [Row; 5] {
        let most = |bar| has_bars.then_some(Limit::AtMost(bar));
        [
            row(&format!("save, {title}"), "s", Spread::of(self.save_s), most(0.4)),
            row("  server CPU of that", "s", Spread::of(self.save_cpu_s), None),
            row("  load", "s", Spread::of(self.load_s), most(0.6)),
            row("  file", "MB", Spread::of(self.file_mb), most(40.0)),
            row("  written memory of BGSAVE's child", "MB", Spread::of(self.child_mb), None),
        ]
    }
}
