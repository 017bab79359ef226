//! How long does one agent wait for the reply when it asks for a task while others keep the server
//! busy? Fifty, ninety-nine and 99.9 of a hundred times, for POP, LPOP and XREADGROUP, each beside
//! tasks that go the whole way through the same key.
//!
//! The others are one thread of lanes that rests a little after each burst, so that the server has
//! some time left: with none, what is measured would be how long their burst is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::Outcome;
use crate::bars::row;
use crate::load::{Fleet, LANES};
use crate::pipeline::PAYLOAD;
use crate::report::{Row, Spread};
use crate::script::Step;
use crate::server::Server;
use crate::settings::Settings;
use crate::wire::{self, Wire};

/// Tasks of a lane in a burst.
const TURN: usize = 4;

/// How long the lanes rest after a burst, as a share of how long it took. Each burst is four turns
/// of requests; with the time until the thread wakes up the server works for about three quarters.
const REST: f64 = 0.1;

/// How often in a hundred times it takes no longer.
const SHARES: [f64; 3] = [50.0, 99.0, 99.9];

/// A way to take a task, and what else goes on.
struct Side {
    name: &'static str,
    prepare: Option<&'static str>,
    stock: &'static str,
    take: &'static str,
    load: &'static [Step<'static>],
}

static SIDES: [Side; 3] = [
    Side {
        name: "POP",
        prepare: None,
        stock: "WF.PUSH {q}jobs",
        take: "WF.POP {q}jobs {q}agent",
        load: &[
            Step::one("WF.PUSH {q}jobs $payload"),
            Step::one("WF.POP {q}jobs {q}agent-$lane"),
            Step::one("WF.DONE {q}jobs {q}agent-$lane $id"),
        ],
    },
    Side {
        name: "LPOP",
        prepare: None,
        stock: "LPUSH {q}list",
        take: "LPOP {q}list",
        load: &[
            Step::one("LPUSH {q}list $payload"),
            Step::one("LMOVE {q}list {q}running-$lane RIGHT LEFT"),
            Step::one("LREM {q}running-$lane -1 $id"),
        ],
    },
    Side {
        name: "XREADGROUP",
        prepare: Some("XGROUP CREATE {q}stream agents $ MKSTREAM"),
        stock: "XADD {q}stream * payload",
        take: "XREADGROUP GROUP agents agent COUNT 1 STREAMS {q}stream >",
        load: &[
            Step::one("XADD {q}stream * payload $payload"),
            Step::one("XREADGROUP GROUP agents agent-$lane COUNT 1 STREAMS {q}stream >"),
            Step::one("XACK {q}stream agents $id"),
            Step::one("XDEL {q}stream $id"),
        ],
    },
];

/// By round: a time for each share, and how much of the time the server worked.
#[derive(Default)]
struct Found {
    us: [Vec<f64>; SHARES.len()],
    busy: Vec<f64>,
}

/// How often `told` is called.
pub(crate) const fn steps(rounds: usize) -> usize {
    rounds * SIDES.len()
}

/// Every side in every round.
pub(crate) fn measure(
    server: &mut Server,
    settings: &Settings,
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    let Settings { tasks, rounds, seed, .. } = *settings;
    // Ten of them take longer than 99.9 of a hundred.
    let takings = (tasks / 10).max(1_000);
    let mut found = SIDES.each_ref().map(|_| Found::default());
    for _ in 0..rounds {
        for (side, found) in SIDES.iter().zip(&mut found) {
            told(&format!("{} under load", side.name));
            let round = found.round(server, side, seed, takings);
            round.map_err(|error| format!("{} under load: {error}", side.name))?;
        }
    }
    server.clear()?;
    let mut rows = Vec::new();
    for (index, share) in SHARES.iter().enumerate() {
        for (side, found) in SIDES.iter().zip(&found) {
            let us = found.us.get(index).into_iter().flatten().copied();
            let what = format!("p{share} of {} under load", side.name);
            rows.push(row(&what, "us", Spread::of(us), None));
        }
    }
    for (side, Found { busy, .. }) in SIDES.iter().zip(found) {
        let what = format!("  the server works beside {}", side.name);
        rows.push(row(&what, "%", Spread::of(busy), None));
    }
    Ok(rows)
}

impl Found {
    fn round(
        &mut self,
        server: &mut Server,
        side: &Side,
        seed: u64,
        takings: usize,
    ) -> Outcome<()> {
        server.clear()?;
        side.prepare.map_or(Ok(String::new()), |command| server.ask(command))?;
        let mut agent = Wire::connect(server.port)?;
        // The lanes find their own as well.
        let stock = takings + LANES * TURN;
        agent.tell_all(stock, |_| format!("{} {PAYLOAD}", side.stock))?;
        let mut fleet = Fleet::connect(server.port, LANES, seed)?;
        let is_over = AtomicBool::new(false);
        let (start, cpu_before_us) = (Instant::now(), server.cpu_us()?);
        let (took_us, loaded) = std::thread::scope(|scope| {
            let loading = scope.spawn(|| load(&mut fleet, side, &is_over));
            let took_us = take(&mut agent, side, takings);
            is_over.store(true, Ordering::Relaxed);
            (took_us, loading.join())
        });
        let wall_us = start.elapsed().as_secs_f64() * 1e6;
        loaded.map_err(|_| "the lanes broke down")??;
        self.busy.push((server.cpu_us()? - cpu_before_us) / wall_us * 100.0);
        let mut sorted_us = took_us?;
        sorted_us.sort_by(f64::total_cmp);
        for (share, us) in SHARES.iter().zip(&mut self.us) {
            let rank = (sorted_us.len() as f64 * share / 100.0) as usize;
            us.push(sorted_us.get(rank).copied().unwrap_or(f64::NAN));
        }
        Ok(())
    }
}

/// One agent, one task after the other: how long each took.
fn take(agent: &mut Wire, side: &Side, takings: usize) -> Outcome<Vec<f64>> {
    let mut request = Vec::new();
    wire::command(&mut request, side.take);
    let mut took_us = Vec::with_capacity(takings);
    for _ in 0..takings {
        let sent = Instant::now();
        agent.send(&request)?;
        let mut leaves = 0;
        agent.receive(1, |reply| {
            leaves = reply.leaves().count();
            Ok(())
        })?;
        took_us.push(sent.elapsed().as_secs_f64() * 1e6);
        if leaves == 0 {
            return Err("a task was not there".into());
        }
    }
    Ok(took_us)
}

/// Bursts until it is over. An error is only a text, which may leave its thread.
fn load(fleet: &mut Fleet, side: &Side, is_over: &AtomicBool) -> Result<(), String> {
    while !is_over.load(Ordering::Relaxed) {
        let start = Instant::now();
        fleet.run(side.load, LANES * TURN, TURN).map_err(|error| error.to_string())?;
        std::thread::sleep(start.elapsed().mul_f64(REST));
    }
    Ok(())
}
