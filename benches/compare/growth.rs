//! Does an operation cost the same however much there is? With five million tasks in the queue
//! against a thousand, and with ten thousand types, priorities or agents against one or a few.
//!
//! What is compared lies on the same server all along, and every round measures one after the
//! other. It leaves each queue as large as it was.

use crate::Outcome;
use crate::bars::row;
use crate::load::Fleet;
use crate::pipeline::{PAYLOAD, fill};
use crate::report::{Limit, Row, Spread};
use crate::script::Step;
use crate::server::{Calls, Server};
use crate::wire::Wire;

/// Tasks in the small queue.
const FEW: usize = 1_000;

/// Types, priorities and agents, where there are many.
const MANY: usize = 10_000;

/// Agents where there are few.
const FEW_AGENTS: usize = 10;

/// Tasks of a lane in flight.
const TURN: usize = 64;

/// How a queue's tasks differ.
struct Variety {
    name: &'static str,
    queue: &'static str,
    /// The option of a push, by the place of the task among so many.
    option: fn(usize, usize) -> String,
    /// The type that an agent asks for, if they have one.
    kind: Option<fn(usize) -> usize>,
}

static VARIETIES: [Variety; 3] = [
    Variety {
        name: "1 type",
        queue: "{q}alike",
        option: |_, _| "TYPE t0".to_owned(),
        kind: Some(|_| 0),
    },
    Variety {
        name: "10000 types",
        queue: "{q}types",
        option: |place, _| format!("TYPE t{}", place % MANY),
        kind: Some(|place| place % MANY),
    },
    Variety {
        name: "10000 priorities",
        queue: "{q}priorities",
        option: |place, of| format!("PRIORITY {}", place * MANY / of),
        kind: None,
    },
];

/// Time per call in microseconds, by round: inside a command, or the server's CPU per task.
#[derive(Default)]
struct Costs {
    push: Vec<f64>,
    pop: Vec<f64>,
    done: Vec<f64>,
    cpu: Vec<f64>,
}

/// How often `told` is called.
pub(crate) const fn steps(rounds: usize) -> usize {
    2 + rounds * (2 + VARIETIES.len() + 2)
}

/// All of it, with so many tasks through each side in every round.
pub(crate) fn measure(
    server: &mut Server,
    fleet: &mut Fleet,
    (tasks, rounds): (usize, usize),
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    let mut rows = sizes(server, fleet, (tasks, rounds), told)?;
    rows.extend(varieties(server, (tasks, rounds), told)?);
    rows.extend(agents(server, (tasks, rounds), told)?);
    server.clear()?;
    Ok(rows)
}

/// PUSH POP DONE in a small queue and in a large one.
fn sizes(
    server: &mut Server,
    fleet: &mut Fleet,
    (tasks, rounds): (usize, usize),
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    let many = tasks * 50;
    server.clear()?;
    told(&format!("pushing {many} tasks"));
    fill(server, "{q}few", FEW)?;
    fill(server, "{q}many", many)?;
    let (mut small, mut large) = (Costs::default(), Costs::default());
    for _ in 0..rounds {
        for (queue, size, costs) in [("{q}few", FEW, &mut small), ("{q}many", many, &mut large)] {
            told(&format!("PUSH POP DONE at {size} tasks"));
            let texts = [
                format!("WF.PUSH {queue} $payload"),
                format!("WF.POP {queue} {{q}}agent-$lane"),
                format!("WF.DONE {queue} {{q}}agent-$lane $id"),
            ];
            let cycle = texts.each_ref().map(|text| Step::one(text));
            costs.add(server, || fleet.run(&cycle, tasks, TURN))?;
        }
    }
    let bar = Some(Limit::AtMost(1.3));
    let against = |what: &str, mine: &[f64], theirs: &[f64]| {
        against(&format!("{what} at {many} tasks / at {FEW}"), mine, theirs, bar)
    };
    let rows = [
        against("PUSH", &large.push, &small.push),
        against("POP", &large.pop, &small.pop),
        against("DONE", &large.done, &small.done),
        against("CPU, PUSH POP DONE", &large.cpu, &small.cpu),
    ];
    Ok(rows.into_iter().flatten().collect())
}

/// POP and PUSH where tasks differ in type or priority, and where they do not.
fn varieties(
    server: &mut Server,
    (tasks, rounds): (usize, usize),
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    let stock = (tasks * 10).max(MANY);
    server.clear()?;
    told("pushing tasks of many types");
    let mut wire = Wire::connect(server.port)?;
    for variety in &VARIETIES {
        wire.tell_all(stock, |place| variety.push(place, stock))?;
    }
    let mut any = VARIETIES.each_ref().map(|_| Costs::default());
    let mut asked = VARIETIES.each_ref().map(|_| Costs::default());
    for _ in 0..rounds {
        for ((variety, any), asked) in VARIETIES.iter().zip(&mut any).zip(&mut asked) {
            told(variety.name);
            let size = (tasks, stock);
            any.add(server, || variety.take_and_push(&mut wire, size, |_| String::new()))?;
            if let Some(kind) = variety.kind {
                let types = |place| format!(" TYPES 1 t{}", kind(place));
                asked.add(server, || variety.take_and_push(&mut wire, size, types))?;
            }
        }
    }
    let most = Some(Limit::AtMost(2.0));
    let ([one, types, levels], [one_asked, types_asked, _]) = (&any, &asked);
    let rows = [
        against("POP, 10000 types / 1", &types.pop, &one.pop, most),
        against("POP TYPES 1, 10000 types / 1", &types_asked.pop, &one_asked.pop, most),
        against("POP, 10000 priorities / 1", &levels.pop, &one.pop, most),
        against("PUSH, 10000 types / 1", &types.push, &one.push, None),
        against("PUSH, 10000 priorities / 1", &levels.push, &one.push, None),
    ];
    Ok(rows.into_iter().flatten().collect())
}

/// PUSH all, POP all, DONE all by few agents in turn, and by many.
fn agents(
    server: &mut Server,
    (tasks, rounds): (usize, usize),
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    server.clear()?;
    let mut wire = Wire::connect(server.port)?;
    // What is measured is not how the agents' keys are made.
    wire.tell_all(MANY, |agent| format!("WF.RECOVER {{q}}agent-{agent}"))?;
    let (mut few, mut many) = (Costs::default(), Costs::default());
    for _ in 0..rounds {
        for (agents, costs) in [(FEW_AGENTS, &mut few), (MANY, &mut many)] {
            told(&format!("{agents} agents"));
            costs.add(server, || {
                let push = format!("WF.PUSH {{q}}jobs {PAYLOAD}");
                wire.tell_all(tasks, |_| push.clone())?;
                let agent = |place: usize| format!("{{q}}jobs {{q}}agent-{}", place % agents);
                let ids = wire.take_all(tasks, |place| format!("WF.POP {}", agent(place)))?;
                wire.tell_of(&ids, |place, id| format!("WF.DONE {} {id}", agent(place)))?;
                Ok(tasks)
            })?;
        }
    }
    let against = |what: &str, many: &[f64], few: &[f64]| {
        against(&format!("{what}, {MANY} agents / {FEW_AGENTS}"), many, few, None)
    };
    let rows = [
        against("PUSH", &many.push, &few.push),
        against("POP", &many.pop, &few.pop),
        against("DONE", &many.done, &few.done),
    ];
    Ok(rows.into_iter().flatten().collect())
}

impl Variety {
    fn push(&self, place: usize, stock: usize) -> String {
        let Self { queue, option, .. } = self;
        format!("WF.PUSH {queue} {PAYLOAD} {}", option(place, stock))
    }

    /// Takes tasks with these options, completes them, and pushes as many of their kinds.
    fn take_and_push(
        &self,
        wire: &mut Wire,
        (tasks, stock): (usize, usize),
        options: impl Fn(usize) -> String,
    ) -> Outcome<usize> {
        let queue = self.queue;
        let pop = |place| format!("WF.POP {queue} {{q}}agent{}", options(place));
        let ids = wire.take_all(tasks, pop)?;
        wire.tell_of(&ids, |_, id| format!("WF.DONE {queue} {{q}}agent {id}"))?;
        wire.tell_all(tasks, |place| self.push(place, stock))?;
        Ok(tasks)
    }
}

impl Costs {
    /// What `work` costs, which says how many tasks it was for.
    fn add(&mut self, server: &mut Server, work: impl FnOnce() -> Outcome<usize>) -> Outcome<()> {
        server.ask("CONFIG RESETSTAT")?;
        let cpu_before_us = server.cpu_us()?;
        let tasks = work()?;
        self.cpu.push((server.cpu_us()? - cpu_before_us) / tasks as f64);
        for Calls { command, usec_per_call } in server.calls()? {
            match command.as_str() {
                "WF.PUSH" => self.push.push(usec_per_call),
                "WF.POP" => self.pop.push(usec_per_call),
                "WF.DONE" => self.done.push(usec_per_call),
                _ => {}
            }
        }
        Ok(())
    }
}

/// How many times as much as `theirs`, and how much that is.
fn against(what: &str, mine: &[f64], theirs: &[f64], bar: Option<Limit>) -> Vec<Row> {
    let ratio = Spread::of(mine.iter().zip(theirs).map(|(mine, theirs)| mine / theirs));
    let before = Spread::of(theirs.iter().copied());
    let absolute = format!("  from {:.2} us to", before.median);
    vec![row(what, "x", ratio, bar), row(&absolute, "us", Spread::of(mine.iter().copied()), None)]
}
