//! How is the server kept busy by a client that costs little?
//!
//! One thread and some connections, called *lanes*; each acts as an agent of its own. A lane sends
//! a turn of requests in one write, and its replies are read only after every other lane has had
//! its turn, so that the server always finds the turns of all the others waiting.

use crate::Outcome;
use crate::script::{Hand, Part, Script, Step};
use crate::wire::{self, Wire};

/// Connections, hence agents, where nothing else is said.
pub(crate) const LANES: usize = 8;
/// Bytes of a payload.
pub(crate) const PAYLOAD_BYTES: usize = 16;
/// Payloads a lane has in store; they repeat after that.
const PAYLOADS: usize = 4096;

/// One connection with what it has in hand.
pub(crate) struct Lane {
    wire: Wire,
    number: usize,
    payloads: Payloads,
    hand: Hand,
    requests: Vec<u8>,
}

/// All lanes.
pub(crate) struct Fleet {
    lanes: Vec<Lane>,
}

/// A store of payloads, told one after the other, for ever.
struct Payloads {
    store: Vec<[u8; PAYLOAD_BYTES]>,
    next: usize,
}

impl Fleet {
    pub(crate) fn connect(port: u16, lanes: usize, seed: u64) -> Outcome<Self> {
        let lanes = (0..lanes).map(|number| Lane::connect(port, number, seed));
        Ok(Self { lanes: lanes.collect::<Outcome<_>>()? })
    }

    /// See [`Lane::never_sleep`].
    pub(crate) fn never_sleep(&self) -> Outcome<()> {
        self.lanes.iter().try_for_each(Lane::never_sleep)
    }

    /// Each lane does `step` once, for one task: what must be there before a measurement.
    pub(crate) fn enlist(&mut self, step: &Step<'_>) -> Outcome<()> {
        self.lanes.iter_mut().try_for_each(|lane| {
            let script = lane.script(step);
            lane.send(&script, 1)?;
            lane.receive(&script, 1)
        })
    }

    /// Takes about `tasks` tasks through all steps of `cycle`, each lane `turn` tasks at a time.
    /// Returns how many it were: every lane has done the same number of whole turns.
    pub(crate) fn run(&mut self, cycle: &[Step<'_>], tasks: usize, turn: usize) -> Outcome<usize> {
        let count = self.lanes.len();
        let turns = (tasks / (turn * count)).max(1);
        let steps = turns * cycle.len();
        let script_of = |lane: &Lane| cycle.iter().map(|step| lane.script(step)).collect();
        let scripts: Vec<Vec<Script>> = self.lanes.iter().map(script_of).collect();
        let lanes = self.lanes.iter_mut().zip(&scripts);
        let mut work: Vec<_> =
            lanes.map(|(lane, scripts)| (lane, scripts.iter().cycle().take(steps), None)).collect();
        for _ in 0..=steps {
            for (lane, todo, in_flight) in &mut work {
                if let Some(script) = in_flight.take() {
                    lane.receive(script, turn)?;
                }
                *in_flight = todo.next();
                if let Some(script) = *in_flight {
                    lane.send(script, turn)?;
                }
            }
        }
        Ok(turns * turn * count)
    }
}

impl Lane {
    pub(crate) fn connect(port: u16, number: usize, seed: u64) -> Outcome<Self> {
        Ok(Self {
            wire: Wire::connect(port)?,
            number,
            payloads: Payloads::new(seed.wrapping_add(number as u64)),
            hand: Hand::default(),
            requests: Vec::new(),
        })
    }

    /// See [`Wire::never_sleep`]; only for requests that fit the socket's buffer.
    pub(crate) fn never_sleep(&self) -> Outcome<()> {
        self.wire.never_sleep()
    }

    pub(crate) fn script(&self, step: &Step<'_>) -> Script {
        step.script(self.number, &self.hand)
    }

    /// Sends a turn: as many commands as `tasks` tasks need.
    pub(crate) fn send(&mut self, script: &Script, tasks: usize) -> Outcome<()> {
        let Self { wire, payloads, hand, requests: out, .. } = self;
        out.clear();
        for first in (0..tasks).step_by(script.tasks) {
            for part in &script.parts {
                match *part {
                    Part::Fixed(ref bytes) => out.extend_from_slice(bytes),
                    Part::Payload(times) => payloads.write(times, out),
                    Part::Id(times) => hand.ids.write(first..first + times, out),
                    Part::Fence(times) => hand.fences.write(first..first + times, out),
                }
            }
        }
        wire.send(out)
    }

    /// Reads the replies of a turn and keeps what the next step needs.
    pub(crate) fn receive(&mut self, script: &Script, tasks: usize) -> Outcome<()> {
        let Self { wire, hand, .. } = self;
        let take = script.take;
        if take.brings_tasks() {
            hand.drop_tasks();
        }
        wire.receive(tasks / script.tasks, |reply| hand.keep(take, &reply))?;
        if take.brings_tasks() && hand.ids.len() != tasks {
            return Err(format!("asked for {tasks} tasks, got {}", hand.ids.len()).into());
        }
        Ok(())
    }
}

impl Payloads {
    fn new(seed: u64) -> Self {
        let mut state = seed;
        let payload = |_| {
            let halves = u128::from(random(&mut state)) << 64 | u128::from(random(&mut state));
            halves.to_le_bytes()
        };
        Self { store: (0..PAYLOADS).map(payload).collect(), next: 0 }
    }

    fn write(&mut self, times: usize, out: &mut Vec<u8>) {
        for _ in 0..times {
            self.next = (self.next + 1) % PAYLOADS;
            wire::word(out, self.store.get(self.next).map_or(&[], |payload| &payload[..]));
        }
    }
}

/// SplitMix64: enough for payloads, and the same everywhere for one seed.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
