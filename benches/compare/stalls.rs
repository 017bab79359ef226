//! Does anything that is done to a large queue hold up the others? Five million tasks, and of a
//! hundred thousand of them what operators and successors do: read, reset, cancel, drop. While it
//! is done another client looks on (`prober.rs`).
//!
//! Whoever does it goes on as the replies invite to: page after page, again while there is more.

use std::time::Duration;

use crate::Outcome;
use crate::bars::row;
use crate::memory::used_bytes;
use crate::pipeline::{PAYLOAD, fill};
use crate::prober::{self, Watched};
use crate::report::{Limit, Row, Spread};
use crate::server::Server;
use crate::stall_streams as streams;
use crate::wire::Wire;

/// Tasks of a page, of a taking, and ids of one command.
pub(crate) const PAGE: usize = 1_000;

/// Nobody is to wait longer.
const WAIT_MS: f64 = 5.0;

/// A successor is to know all that it holds by then.
const HELD_S: f64 = 0.5;

/// What is done while somebody looks on; `$n` in the name is of how many tasks.
pub(crate) struct Act {
    pub(crate) name: &'static str,
    pub(crate) of: Of,
    /// Makes what has to be there.
    pub(crate) prepare: fn(&mut Stage<'_>) -> Outcome<()>,
    pub(crate) run: fn(&mut Stage<'_>) -> Outcome<()>,
}

/// What there is to tell of an act.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Something is done with a queue: nobody is to wait long.
    Queue,
    /// A successor reads what it holds, which is to be done soon.
    Successor,
    /// The same of Streams, for comparison.
    Stream,
}

/// What an act did to another client, and the longest time inside any single call.
struct Seen {
    watched: Watched,
    call_ms: f64,
}

/// Where acts take place.
pub(crate) struct Stage<'a> {
    pub(crate) server: &'a mut Server,
    /// For long lists of commands.
    pub(crate) wire: Wire,
    /// How many tasks an act is about; there are fifty times as many in the queue.
    pub(crate) tasks: usize,
    /// Tasks that were made ready for an act.
    pub(crate) ids: Vec<String>,
    epoch: String,
    empty_bytes: f64,
}

/// In this order: each finds what the one before left.
static ACTS: [Act; 15] = [
    of_queue("nothing, no keys", nothing, rest),
    of_queue("MPUSH of $all, 1000 each", nothing, fill_queue),
    of_queue("nothing, with $all tasks", nothing, rest),
    of_queue("POP COUNT 1000 of $n", nothing, take),
    Act { of: Of::Successor, ..of_queue("RECOVER and HELD of $n", nothing, recover) },
    of_queue("LIST of $n ready", nothing, list),
    of_queue("LIST HANDLES through $n", nothing, list_in_vain),
    of_queue("RESET of $n", nothing, reset),
    of_queue("DRAIN RESET of $n", take, drain),
    of_queue("RETIRE with $n held", take_to_leave, retire),
    of_queue("CANCEL of $n, 1000 ids each", find_ready, cancel),
    of_queue("RETRY FAILED of $n", fail, retry),
    of_queue("PURGE STATE failed of $n", fail, purge),
    of_queue("DEL of $all", nothing, delete),
    of_queue("UNLINK of $all", fill_queue, unlink),
];

const fn of_queue(
    name: &'static str,
    prepare: fn(&mut Stage<'_>) -> Outcome<()>,
    run: fn(&mut Stage<'_>) -> Outcome<()>,
) -> Act {
    Act { name, of: Of::Queue, prepare, run }
}

/// How often `told` is called.
pub(crate) const fn steps(rounds: usize) -> usize {
    rounds * (ACTS.len() + streams::ACTS.len())
}

/// All acts in every round.
pub(crate) fn measure(
    server: &mut Server,
    (tasks, rounds): (usize, usize),
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    let tasks = tasks.next_multiple_of(PAGE);
    let acts = || ACTS.iter().chain(&streams::ACTS);
    let mut found: Vec<Vec<Seen>> = acts().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        let mut stage = Stage::empty(server, tasks)?;
        for (act, found) in acts().zip(&mut found) {
            told(&act.titled(tasks));
            let seen = act.watch(&mut stage);
            found.push(seen.map_err(|error| format!("{}: {error}", act.titled(tasks)))?);
        }
    }
    server.clear()?;
    Ok(acts().zip(&found).flat_map(|(act, found)| act.rows(tasks, found)).collect())
}

impl Act {
    fn watch(&self, stage: &mut Stage<'_>) -> Outcome<Seen> {
        (self.prepare)(stage)?;
        stage.server.forget_calls()?;
        let watched = prober::during(stage.server.port, || (self.run)(stage))?;
        Ok(Seen { watched, call_ms: stage.server.longest_call_ms()? })
    }

    fn titled(&self, tasks: usize) -> String {
        let all = (tasks * 50).to_string();
        self.name.replace("$n", &tasks.to_string()).replace("$all", &all)
    }

    fn rows(&self, tasks: usize, found: &[Seen]) -> Vec<Row> {
        let spread = |part: fn(&Seen) -> f64| Spread::of(found.iter().map(part));
        let ours = |bar| (self.of != Of::Stream).then_some(Limit::AtMost(bar));
        let title = format!("{}: longest wait", self.titled(tasks));
        let mut rows = vec![
            row(&title, "ms", spread(|seen| seen.watched.wait_ms), ours(WAIT_MS)),
            row("  longest single call", "ms", spread(|seen| seen.call_ms), None),
        ];
        if self.of != Of::Queue {
            rows.push(row(
                "  all of it",
                "s",
                spread(|seen| seen.watched.all_ms / 1e3),
                ours(HELD_S),
            ));
        }
        rows
    }
}

impl<'a> Stage<'a> {
    fn empty(server: &'a mut Server, tasks: usize) -> Outcome<Self> {
        server.clear()?;
        let (wire, empty_bytes) = (Wire::connect(server.port)?, used_bytes(server)?);
        Ok(Self { server, wire, tasks, ids: Vec::new(), epoch: String::new(), empty_bytes })
    }

    fn take_by(&mut self, agent: &str) -> Outcome<()> {
        self.ids.clear();
        for _ in 0..self.tasks / PAGE {
            let taken = self.server.ask(&format!("WF.POP {{q}}jobs {agent} COUNT {PAGE}"))?;
            self.ids.extend(ids(&taken));
        }
        self.expect(self.ids.len())
    }

    fn list_pages(&mut self, which: &str, pages: usize, mut see: impl FnMut(&str)) -> Outcome<()> {
        let mut cursor = "0".to_owned();
        for _ in 0..pages {
            let list = format!("WF.LIST {{q}}jobs {which} COUNT {PAGE} CURSOR {cursor}");
            let page = self.server.ask(&list)?;
            cursor = field(&page, "cursor")?.to_owned();
            see(&page);
        }
        Ok(())
    }

    /// Says a command until there is no more to do.
    fn while_more(&mut self, command: &str) -> Outcome<()> {
        let mut count = 0;
        loop {
            let done = self.server.ask(command)?;
            count += field(&done, "count")?.parse::<usize>()?;
            if field(&done, "more")? == "0" {
                return self.expect(count);
            }
        }
    }

    /// Waits until no task runs any more.
    fn until_none_runs(&mut self) -> Outcome<()> {
        while self.server.ask("WF.LEN {q}jobs STATE running")? != "0" {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Waits until the memory of the queue is given back. A thread does that, and where it has to
    /// share the cores with the server and those who look on, that is what they see.
    fn until_freed(&mut self) -> Outcome<()> {
        let little = self.empty_bytes + 32e6;
        while used_bytes(self.server)? > little {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// An act is about all its tasks, or says nothing.
    pub(crate) fn expect(&self, count: usize) -> Outcome<()> {
        if count == self.tasks {
            return Ok(());
        }
        Err(format!("it was about {count} tasks instead of {}", self.tasks).into())
    }
}

pub(crate) fn nothing(_: &mut Stage<'_>) -> Outcome<()> {
    Ok(())
}

fn rest(_: &mut Stage<'_>) -> Outcome<()> {
    std::thread::sleep(Duration::from_secs(1));
    Ok(())
}

fn fill_queue(stage: &mut Stage<'_>) -> Outcome<()> {
    fill(stage.server, "{q}jobs", stage.tasks * 50)
}

/// One agent takes as many tasks as the acts are about.
fn take(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.take_by("{q}agent")
}

/// The same, by one who can retire.
fn take_to_leave(stage: &mut Stage<'_>) -> Outcome<()> {
    let recovered = stage.server.ask("WF.RECOVER {q}leaver")?;
    stage.epoch = field(&recovered, "epoch")?.to_owned();
    stage.take_by(&format!("{{q}}leaver EPOCH {}", stage.epoch))
}

fn fail(stage: &mut Stage<'_>) -> Outcome<()> {
    take(stage)?;
    stage.wire.tell_of(&stage.ids, |_, id| format!("WF.FAIL {{q}}jobs {{q}}agent {id} FATAL"))
}

/// Notes the ids of tasks that nobody has taken.
fn find_ready(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.ids.clear();
    let tasks = stage.tasks;
    let mut found = Vec::new();
    stage.list_pages("STATE ready", tasks / PAGE, |page| found.extend(ids(page)))?;
    stage.ids = found;
    stage.expect(stage.ids.len())
}

fn recover(stage: &mut Stage<'_>) -> Outcome<()> {
    let mut page = stage.server.ask("WF.RECOVER {q}agent")?;
    let mut count = tasks_in(&page);
    while field(&page, "cursor")? != "0" {
        let cursor = field(&page, "cursor")?;
        page = stage.server.ask(&format!("WF.HELD {{q}}agent CURSOR {cursor}"))?;
        count += tasks_in(&page);
    }
    stage.expect(count)
}

fn list(stage: &mut Stage<'_>) -> Outcome<()> {
    let (pages, mut count) = (stage.tasks / PAGE, 0);
    stage.list_pages("STATE ready", pages, |page| count += tasks_in(page))?;
    stage.expect(count)
}

/// No task has a handle: each page looks at as many as it may.
fn list_in_vain(stage: &mut Stage<'_>) -> Outcome<()> {
    let pages = stage.tasks.div_ceil(10 * PAGE);
    stage.list_pages("HANDLES", pages, |_| {})
}

fn reset(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.while_more("WF.RESET {q}jobs")
}

fn drain(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.server.ask("WF.DRAIN {q}jobs BLOCK 1 RESET")?;
    stage.until_none_runs()?;
    stage.server.ask("WF.RESUME {q}jobs").map(drop)
}

fn retire(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.server.ask(&format!("WF.RETIRE {{q}}leaver EPOCH {}", stage.epoch))?;
    stage.until_none_runs()
}

fn cancel(stage: &mut Stage<'_>) -> Outcome<()> {
    for ids in stage.ids.chunks(PAGE) {
        stage.server.ask(&format!("WF.CANCEL {{q}}jobs IDS {} {}", ids.len(), ids.join(" ")))?;
    }
    Ok(())
}

fn retry(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.while_more("WF.RETRY {q}jobs FAILED")
}

fn purge(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.while_more("WF.PURGE {q}jobs STATE failed")
}

fn delete(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.server.ask("DEL {q}jobs")?;
    stage.until_freed()
}

fn unlink(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.server.ask("UNLINK {q}jobs")?;
    stage.until_freed()
}

/// What the last field of this name says; the replies here are maps, of which these come last.
fn field<'a>(answer: &'a str, name: &str) -> Outcome<&'a str> {
    let values = answer.lines().rev();
    let mut pairs = values.clone().skip(1).zip(values);
    let found = pairs.find(|(told, _)| *told == name);
    Ok(found.ok_or_else(|| format!("the reply has no field {name}"))?.1)
}

/// All payloads are the same.
pub(crate) fn tasks_in(answer: &str) -> usize {
    answer.lines().filter(|line| *line == PAYLOAD).count()
}

fn ids(answer: &str) -> impl Iterator<Item = String> {
    let lines = answer.lines();
    let values = lines.clone().skip(1);
    lines.zip(values).filter(|(name, _)| *name == "id").map(|(_, id)| id.to_owned())
}
