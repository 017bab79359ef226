//! What do workflows cost? The same graphs of tasks, submitted and run to the end by ten agents:
//! with Baton, and with scripts that do the same over hashes and lists (`workflows.lua`).
//!
//! Each run has a server of its own, so that its peak of memory is its own; sides take turns.

use crate::Outcome;
use crate::load::{Fleet, PAYLOAD_BYTES};
use crate::memory::used_bytes;
use crate::report::Spread;
use crate::script::Step;
use crate::server::Server;
use crate::settings::Settings;

/// How many run the tasks.
const AGENTS: usize = 10;

/// Tasks of an agent in flight.
const TURN: usize = 64;

/// What the tasks of a workflow look like.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// How many there are.
    tasks: usize,
    /// What a task waits for, by its place.
    parents: fn(usize) -> std::ops::Range<usize>,
    /// Workflows that an agent submits before it reads the replies.
    turn: usize,
    pub(crate) has_bars: bool,
}

/// A chain; and one task, then many at once, then one that waits for them all.
pub(crate) static SHAPES: [Shape; 2] = [
    Shape {
        name: "chains of 10",
        tasks: 10,
        parents: |place| place.saturating_sub(1)..place,
        turn: TURN,
        has_bars: true,
    },
    Shape {
        name: "diamonds of 100",
        tasks: 100,
        parents: |place| match place {
            0 => 0..0,
            99 => 1..99,
            _ => 0..1,
        },
        turn: 8,
        has_bars: false,
    },
];

/// One way to have workflows.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    submit: fn(&Shape) -> String,
    run: &'static [Step<'static>],
    /// Tasks of an agent in flight.
    turn: usize,
    /// The scripts that it needs.
    library: Option<&'static str>,
}

pub(crate) static SIDES: [Side; 3] = [
    Side {
        name: "SUBMIT POP DONE",
        submit: baton,
        run: &[
            Step::one("WF.POP {q}flows {q}agent-$lane"),
            Step::one("WF.DONE {q}flows {q}agent-$lane $id"),
        ],
        turn: TURN,
        library: None,
    },
    Side {
        name: "SUBMIT, and 64 each POP MDONE",
        submit: baton,
        run: &[
            Step::many(64, "WF.POP {q}flows {q}agent-$lane COUNT 64"),
            Step::many(64, "WF.MDONE {q}flows {q}agent-$lane IDS 64 $id..."),
        ],
        turn: TURN,
        library: None,
    },
    Side {
        name: "scripts",
        submit: scripts,
        run: &[
            Step::one("FCALL take 1 {q}flows agent-$lane"),
            Step::one("FCALL done 1 {q}flows agent-$lane $id"),
        ],
        turn: TURN,
        library: Some(include_str!("workflows.lua")),
    },
];

/// What one side cost, round by round.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) tasks: f64,
    cpu_s: Vec<f64>,
    peak_mb: Vec<f64>,
    bytes: Vec<f64>,
}

/// How many rounds, of so many of a contest: each takes ten times as long.
pub(crate) fn rounds(rounds: usize) -> usize {
    rounds.div_ceil(3)
}

/// Runs every side once a round, in turn; `told` hears of each.
pub(crate) fn measure(
    settings: &Settings,
    shape: &Shape,
    told: &impl Fn(&str),
) -> Outcome<[Found; SIDES.len()]> {
    let mut found = SIDES.each_ref().map(|_| Found::default());
    for _ in 0..rounds(settings.rounds) {
        for (side, found) in SIDES.iter().zip(&mut found) {
            told(&format!("{}: {}", shape.name, side.name));
            let run = found.round(settings, shape, side);
            run.map_err(|error| format!("{}, {}: {error}", shape.name, side.name))?;
        }
    }
    Ok(found)
}

impl Found {
    fn round(&mut self, settings: &Settings, shape: &Shape, side: &Side) -> Outcome<()> {
        let mut server = Server::start(&settings.program, &settings.module)?;
        let mut fleet = Fleet::connect(server.port, AGENTS, settings.seed)?;
        if let Some(library) = side.library {
            server.say(&["FUNCTION", "LOAD", library])?;
        }
        let (empty_bytes, before_us) = (used_bytes(&mut server)?, server.cpu_us()?);
        let submit = (side.submit)(shape);
        let submit = [Step::one(&submit)];
        let workflows = fleet.run(&submit, settings.tasks * 10 / shape.tasks, shape.turn)?;
        let tasks = workflows * shape.tasks;
        let bytes = (used_bytes(&mut server)? - empty_bytes) / tasks as f64;
        fleet.run(side.run, tasks, side.turn)?;
        self.tasks = tasks as f64;
        self.cpu_s.push((server.cpu_us()? - before_us) / 1e6);
        self.peak_mb.push(server.info("memory")?.number("used_memory_peak")? / 1e6);
        self.bytes.push(bytes - PAYLOAD_BYTES as f64);
        Ok(())
    }

    /// Server CPU for all of it, in seconds.
    pub(crate) fn cpu_s(&self) -> Spread {
        Spread::of(self.cpu_s.iter().copied())
    }

    /// Thousands of tasks in a second of that.
    pub(crate) fn thousands_per_s(&self) -> Spread {
        Spread::of(self.cpu_s.iter().map(|cpu_s| self.tasks / cpu_s / 1e3))
    }

    /// The most memory that the server used, in MB.
    pub(crate) fn peak_mb(&self) -> Spread {
        Spread::of(self.peak_mb.iter().copied())
    }

    /// Bytes beyond the payload per task, before the first of them ran.
    pub(crate) fn bytes(&self) -> Spread {
        Spread::of(self.bytes.iter().copied())
    }

    /// How many times as much CPU as `other` it took.
    pub(crate) fn cpu_against(&self, other: &Self) -> Spread {
        Spread::of(self.cpu_s.iter().zip(&other.cpu_s).map(|(mine, theirs)| mine / theirs))
    }
}

fn baton(shape: &Shape) -> String {
    let mut words = "WF.SUBMIT {q}flows flow".to_owned();
    for place in 0..shape.tasks {
        words += &format!(" TASK t{place} $payload");
        let parents = (shape.parents)(place);
        if !parents.is_empty() {
            words += &format!(" AFTER {}", parents.len());
            parents.for_each(|parent| words += &format!(" t{parent}"));
        }
    }
    words
}

fn scripts(shape: &Shape) -> String {
    let mut words = "FCALL submit 1 {q}flows".to_owned();
    for place in 0..shape.tasks {
        let parents = (shape.parents)(place);
        words += &format!(" $payload {}", parents.len());
        parents.for_each(|parent| words += &format!(" {}", parent + 1));
    }
    words
}
