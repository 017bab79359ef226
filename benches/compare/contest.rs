//! Who is compared with whom, and how is a ratio measured?
//!
//! Machines drift, so a ratio is only taken between neighbours: every round runs each side once, on
//! the same server, and the ratio is computed round by round. What is told is the median of these
//! and how far they spread.

use crate::Outcome;
use crate::load::{Fleet, LANES};
use crate::report::Spread;
use crate::script::Step;
use crate::server::Server;

/// Tasks of one lane in flight where every command is for one task: the depth of the pipeline.
const TURN: usize = 64;
/// Where commands are for 64 tasks: eight such commands deep.
const BATCH_TURN: usize = 512;
/// How many clients there are where each waits for every reply before it goes on.
pub(crate) const CLIENTS: [usize; 3] = [1, 10, 100];

/// One way to get tasks from a producer to an agent and off the list.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    /// Said once before each round, over the control connection.
    prepare: Option<&'static str>,
    /// The scripts that it calls, as a library of functions: the server calls these at less cost
    /// than scripts known by their digest. All libraries have one name, so that each replaces the
    /// one before.
    library: Option<&'static str>,
    /// Said once before each round by every lane.
    enlist: Option<Step<'static>>,
    /// Each cycle takes all tasks through its steps before the next cycle begins.
    cycles: &'static [&'static [Step<'static>]],
    turn: usize,
    /// Asked after each round: how many tasks are left of it. It must be none.
    left: Option<&'static str>,
    /// Whether the server keeps an append-only file meanwhile, on disk once a second.
    is_logged: bool,
}

/// What one side cost in one round.
pub(crate) struct Cost {
    /// Server CPU per task in microseconds: parsing, executing and replying.
    pub(crate) cpu_us: f64,
    /// Time per task by the clock, in microseconds.
    pub(crate) wall_us: f64,
    /// Time inside each command, per call, in microseconds.
    pub(crate) inside: Vec<(String, f64)>,
}

/// A side and its costs, round by round.
pub(crate) struct Record {
    pub(crate) side: &'static Side,
    /// The side's, and what else tells the contest from others.
    pub(crate) name: String,
    pub(crate) rounds: Vec<Cost>,
}

const fn side(
    name: &'static str,
    turn: usize,
    cycles: &'static [&'static [Step<'static>]],
) -> Side {
    let (prepare, library, enlist) = (None, None, None);
    Side { name, prepare, library, enlist, cycles, turn, left: None, is_logged: false }
}

/// The same with one command of each client in flight.
const fn one_deep(side: Side) -> Side {
    Side { turn: 1, ..side }
}

/// The same under another name, with an append-only file.
const fn logged(name: &'static str, side: Side) -> Side {
    Side { name, is_logged: true, ..side }
}

/// Fill a queue, then empty it: the commands alone.
pub(crate) static COMMANDS: [Side; 2] = [
    side(
        "PUSH all, then POP all",
        TURN,
        &[&[Step::one("WF.PUSH {q}jobs $payload")], &[Step::one("WF.POP {q}jobs {q}agent-$lane")]],
    ),
    side(
        "LPUSH all, then LPOP all",
        TURN,
        &[&[Step::one("LPUSH {q}list $payload")], &[Step::one("LPOP {q}list")]],
    ),
];

/// Enqueue, claim, complete, a task at a time.
pub(crate) static CYCLES: [Side; 6] = [BATON, GUARDED, STREAM, LIST, LEAN_LUA, ANCESTOR];

/// The same by clients that wait for every reply.
pub(crate) static SINGLES: [Side; 5] =
    [one_deep(BATON), one_deep(STREAM), one_deep(LIST), one_deep(LEAN_LUA), one_deep(ANCESTOR)];

/// The same with what happens written to disk every second.
pub(crate) static LOGGED: [Side; 3] = [
    logged("PUSH POP DONE, everysec", BATON),
    logged("XADD XREADGROUP XACK XDEL, everysec", STREAM),
    logged("LPUSH LMOVE LREM, everysec", LIST),
];

const BATON: Side = Side {
    left: Some("WF.LEN {q}jobs"),
    ..side(
        "PUSH POP DONE",
        TURN,
        &[&[
            Step::one("WF.PUSH {q}jobs $payload"),
            Step::one("WF.POP {q}jobs {q}agent-$lane"),
            Step::one("WF.DONE {q}jobs {q}agent-$lane $id"),
        ]],
    )
};

const GUARDED: Side = Side {
    enlist: Some(Step::one("WF.RECOVER {q}agent-$lane")),
    left: BATON.left,
    ..side(
        "the same with EPOCH and FENCE",
        TURN,
        &[&[
            Step::one("WF.PUSH {q}jobs $payload"),
            Step::one("WF.POP {q}jobs {q}agent-$lane EPOCH $epoch"),
            Step::one("WF.DONE {q}jobs {q}agent-$lane $id EPOCH $epoch FENCE $fence"),
        ]],
    )
};

const STREAM: Side = Side {
    prepare: Some("XGROUP CREATE {q}stream agents $ MKSTREAM"),
    left: Some("XLEN {q}stream"),
    ..side(
        "XADD XREADGROUP XACK XDEL",
        TURN,
        &[&[
            Step::one("XADD {q}stream * payload $payload"),
            Step::one("XREADGROUP GROUP agents agent-$lane COUNT 1 STREAMS {q}stream >"),
            Step::one("XACK {q}stream agents $id"),
            Step::one("XDEL {q}stream $id"),
        ]],
    )
};

// The oldest element lies at the tail of the running list, so LREM is as quick as it can be.
const LIST: Side = Side {
    left: Some("DBSIZE"),
    ..side(
        "LPUSH LMOVE LREM",
        TURN,
        &[&[
            Step::one("LPUSH {q}list $payload"),
            Step::one("LMOVE {q}list {q}running-$lane RIGHT LEFT"),
            Step::one("LREM {q}running-$lane -1 $id"),
        ]],
    )
};

const LEAN_LUA: Side = Side {
    library: Some(include_str!("lean.lua")),
    left: Some("FCALL left 0"),
    ..side(
        "lean Lua",
        TURN,
        &[&[
            Step::one("FCALL push 1 {q}lean $payload"),
            Step::one("FCALL take 1 {q}lean agent-$lane"),
            Step::one("FCALL done 1 {q}lean agent-$lane $id"),
        ]],
    )
};

// Its clients tell the time: one of the same length every time costs the server as much.
const ANCESTOR: Side = Side {
    library: Some(include_str!("ancestor.lua")),
    left: Some("FCALL left 1 {q}old"),
    ..side(
        "Lua with the ancestor's semantics",
        TURN,
        &[&[
            Step::one("FCALL push 1 {q}old render 5 $payload 1445000000000"),
            Step::one("FCALL take 1 {q}old render agent-$lane 100 1445000000000"),
            Step::one("FCALL done 1 {q}old agent-$lane $id 1445000000000"),
        ]],
    )
};

/// The same 64 tasks at a time; XADD knows no batches.
pub(crate) static BATCHES: [Side; 2] = [
    side(
        "MPUSH 64, POP COUNT 64, MDONE 64",
        BATCH_TURN,
        &[&[
            Step::many(64, "WF.MPUSH {q}jobs 64 $payload..."),
            Step::many(64, "WF.POP {q}jobs {q}agent-$lane COUNT 64"),
            Step::many(64, "WF.MDONE {q}jobs {q}agent-$lane IDS 64 $id..."),
        ]],
    ),
    Side {
        prepare: Some("XGROUP CREATE {q}stream agents $ MKSTREAM"),
        ..side(
            "XADD, and 64 each XREADGROUP XACK XDEL",
            BATCH_TURN,
            &[&[
                Step::one("XADD {q}stream * payload $payload"),
                Step::many(64, "XREADGROUP GROUP agents agent-$lane COUNT 64 STREAMS {q}stream >"),
                Step::many(64, "XACK {q}stream agents $id..."),
                Step::many(64, "XDEL {q}stream $id..."),
            ]],
        )
    },
];

/// Runs every side once a round, in turn; `told` hears of each.
pub(crate) fn interleave<const N: usize>(
    server: &mut Server,
    fleet: &mut Fleet,
    sides: &'static [Side; N],
    (tasks, rounds): (usize, usize),
    told: &impl Fn(&str),
) -> Outcome<[Record; N]> {
    let mut records = sides.each_ref().map(|side| Record {
        side,
        name: side.name.to_owned(),
        rounds: Vec::new(),
    });
    for _ in 0..rounds {
        for record in &mut records {
            told(record.side.name);
            let cost = record.side.run(server, fleet, tasks);
            record.rounds.push(cost.map_err(|error| format!("{}: {error}", record.side.name))?);
        }
    }
    Ok(records)
}

impl Side {
    /// Makes what the cycles need, on a server without keys.
    pub(crate) fn set_up(&self, server: &mut Server, fleet: &mut Fleet) -> Outcome<()> {
        server.clear()?;
        if let Some(command) = self.prepare {
            server.ask(command)?;
        }
        if let Some(library) = self.library {
            server.say(&["FUNCTION", "LOAD", "REPLACE", library])?;
        }
        if self.is_logged {
            server.start_log("everysec")?;
        }
        self.enlist.as_ref().map_or(Ok(()), |step| fleet.enlist(step))
    }

    /// Takes about `tasks` tasks through all cycles; says how many it were.
    pub(crate) fn cycle(&self, fleet: &mut Fleet, tasks: usize) -> Outcome<usize> {
        self.cycles.iter().try_fold(0, |_, cycle| fleet.run(cycle, tasks, self.turn))
    }

    fn run(&self, server: &mut Server, fleet: &mut Fleet, tasks: usize) -> Outcome<Cost> {
        self.set_up(server, fleet)?;
        let (start, cpu_before) = (std::time::Instant::now(), server.cpu_us()?);
        let done = self.cycle(fleet, tasks)?;
        let (cpu_us, wall) = (server.cpu_us()? - cpu_before, start.elapsed());
        let calls = server.calls()?.into_iter();
        let ours = calls.filter(|calls| self.says(&calls.command));
        self.wind_up(server)?;
        Ok(Cost {
            cpu_us: cpu_us / done as f64,
            wall_us: wall.as_secs_f64() * 1e6 / done as f64,
            inside: ours.map(|calls| (calls.command, calls.usec_per_call)).collect(),
        })
    }

    /// Makes sure that every task was done.
    fn wind_up(&self, server: &mut Server) -> Outcome<()> {
        if self.is_logged {
            server.stop_log()?;
        }
        match self.left.map(|question| server.ask(question)).transpose()? {
            Some(left) if left != "0" => Err(format!("{left} are left after a round").into()),
            _ => Ok(()),
        }
    }

    fn says(&self, command: &str) -> bool {
        self.cycles.iter().copied().flatten().any(|step| step.command() == command)
    }
}

impl Record {
    /// Server CPU per task.
    pub(crate) fn cpu_us(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|cost| cost.cpu_us))
    }

    /// Share of the time in which the server worked; near 1 it was the bottleneck.
    pub(crate) fn busy(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|cost| cost.cpu_us / cost.wall_us))
    }

    /// Thousands of tasks in a second by the clock.
    pub(crate) fn thousands_per_s(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|cost| 1e3 / cost.wall_us))
    }

    /// Time inside one command, per call.
    pub(crate) fn inside_us(&self, command: &str) -> Spread {
        Spread::of(self.inside_by_round(command))
    }

    /// The commands of this side, in the server's order.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &str> {
        let first = self.rounds.first();
        first.into_iter().flat_map(|cost| cost.inside.iter().map(|(command, _)| command.as_str()))
    }

    /// How many times as much CPU as `other` this side took.
    pub(crate) fn cpu_against(&self, other: &Self) -> Spread {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Spread::of(pairs.map(|(mine, theirs)| mine.cpu_us / theirs.cpu_us))
    }

    /// How many times as many tasks as `other` it did in the same time.
    pub(crate) fn pace_against(&self, other: &Self) -> Spread {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Spread::of(pairs.map(|(mine, theirs)| theirs.wall_us / mine.wall_us))
    }

    /// How many times as long one command took inside as another side's command.
    pub(crate) fn inside_against(&self, command: &str, other: &Self, theirs: &str) -> Spread {
        let pairs = self.inside_by_round(command).zip(other.inside_by_round(theirs));
        Spread::of(pairs.map(|(mine, theirs)| mine / theirs))
    }

    fn inside_by_round(&self, command: &str) -> impl Iterator<Item = f64> {
        self.rounds.iter().map(move |cost| {
            let mut found = cost.inside.iter().filter(|(name, _)| name == command);
            found.next().map_or(f64::NAN, |(_, usec)| *usec)
        })
    }
}

/// For the heading: how the load is offered.
pub(crate) fn description() -> String {
    format!("{LANES} connections, {TURN} deep (batches: {BATCH_TURN} tasks; single: 1 deep)")
}
