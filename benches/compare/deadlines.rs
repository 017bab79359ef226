//! Does time hold anybody up? With many deadlines pending, and then all of them due at once, some
//! client asks for PONG again and again: the longest that it waits is what is told. And how late is
//! a delayed task, from its moment to the agent that waits for it?

use std::time::Instant;

use crate::Outcome;
use crate::server::Server;
use crate::wire::{self, Wire};

/// How long the prober looks on while nothing falls due.
const LOOKING_MS: u64 = 2_000;

/// Delayed tasks that an agent waits for, one after the other.
const DELAYED: usize = 100;

/// How long each of them is delayed, in milliseconds.
const DELAY_MS: u64 = 20;

/// Tasks pushed in one command.
const BATCH: usize = 1_000;

/// Longest waits in milliseconds, and lateness, by round.
#[derive(Default)]
pub(crate) struct Deadlines {
    /// Without any key.
    pub(crate) empty_ms: Vec<f64>,
    /// With all deadlines pending.
    pub(crate) pending_ms: Vec<f64>,
    /// While they fire.
    pub(crate) firing_ms: Vec<f64>,
    /// How long that took, in seconds.
    pub(crate) firing_s: Vec<f64>,
    /// From the moment of a task until its agent has it.
    pub(crate) late_ms: Vec<f64>,
}

/// Measures with so many deadlines.
pub(crate) fn measure(server: &mut Server, tasks: usize, rounds: usize) -> Outcome<Deadlines> {
    let mut found = Deadlines::default();
    for _ in 0..rounds {
        found.round(server, tasks)?;
    }
    Ok(found)
}

impl Deadlines {
    fn round(&mut self, server: &mut Server, tasks: usize) -> Outcome<()> {
        server.clear()?;
        let mut prober = Wire::connect(server.port)?;
        let empty_ms = longest_ms(&mut prober, |start| Ok(ms_since(start) > LOOKING_MS as f64))?;
        // Far enough that all are pushed and looked at before.
        let at_ms = now_ms(server)? + 8_000 + tasks as u64 / 150;
        let payloads = "p ".repeat(BATCH);
        for _ in 0..tasks.div_ceil(BATCH) {
            server.ask(&format!("WF.MPUSH {{q}}late {BATCH} {payloads}AT {at_ms}"))?;
        }
        let pending_ms = longest_ms(&mut prober, |start| Ok(ms_since(start) > LOOKING_MS as f64))?;
        let late_ms = lateness(server)?;
        if now_ms(server)? >= at_ms {
            return Err("the deadlines were due before the measurement began".into());
        }
        while now_ms(server)? + 20 < at_ms {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let mut fires = None;
        let firing_ms = longest_ms(&mut prober, |_| {
            let left: usize = server.ask("WF.LEN {q}late STATE scheduled")?.parse()?;
            if left < tasks.div_ceil(BATCH) * BATCH && fires.is_none() {
                fires = Some(Instant::now());
            }
            Ok(left == 0)
        })?;
        let firing_s = fires.map_or(0.0, |start| start.elapsed().as_secs_f64());
        self.empty_ms.push(empty_ms);
        self.pending_ms.push(pending_ms);
        self.firing_ms.push(firing_ms);
        self.firing_s.push(firing_s);
        self.late_ms.extend(late_ms);
        Ok(())
    }
}

/// The longest wait of a client for PONG until it is over, which is asked now and then.
fn longest_ms(
    prober: &mut Wire,
    mut is_over: impl FnMut(Instant) -> Outcome<bool>,
) -> Outcome<f64> {
    let start = Instant::now();
    let mut longest_ms: f64 = 0.0;
    while !is_over(start)? {
        for _ in 0..200 {
            let sent = Instant::now();
            prober.send(b"PING\r\n")?;
            prober.receive(1, |_| Ok(()))?;
            longest_ms = longest_ms.max(ms_since(sent));
        }
    }
    Ok(longest_ms)
}

/// How late delayed tasks reach an agent that waits, in milliseconds.
fn lateness(server: &mut Server) -> Outcome<Vec<f64>> {
    let mut agent = Wire::connect(server.port)?;
    let mut late_ms = Vec::new();
    for _ in 0..DELAYED {
        let mut request = Vec::new();
        wire::begin(&mut request, 5);
        for word in ["WF.POP", "{q}soon", "{q}agent", "BLOCK", "0"] {
            wire::word(&mut request, word.as_bytes());
        }
        agent.send(&request)?;
        server.wait_until("clients", |info| Ok(info.text("blocked_clients")? == "1"))?;
        let id = server.ask(&format!("WF.PUSH {{q}}soon p DELAY {DELAY_MS}"))?;
        let pushed = Instant::now();
        agent.receive(1, |_| Ok(()))?;
        // The server counted from a moment before its reply to the push: this is the lesser.
        late_ms.push(ms_since(pushed) - DELAY_MS as f64);
        server.ask(&format!("WF.DONE {{q}}soon {{q}}agent {id}"))?;
    }
    Ok(late_ms)
}

fn now_ms(server: &mut Server) -> Outcome<u64> {
    let time = server.ask("TIME")?;
    let (seconds, micros) = time.split_once('\n').ok_or("TIME has two parts")?;
    Ok(seconds.parse::<u64>()? * 1_000 + micros.parse::<u64>()? / 1_000)
}

fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
