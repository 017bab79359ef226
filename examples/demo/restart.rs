//! Act two: how does a fleet get a new version while it works?
//!
//! One agent after the other is drained with a time limit that its task overruns on purpose, so
//! the task is reset and goes on elsewhere from its checkpoint. An interruption, and no crash.

use crate::baton::Baton;
use crate::failure::{Failure, Result};
use crate::fleet::{Fleet, SIZE};
use crate::history::Event;
use crate::pool::POOL;
use crate::story::Story;
use std::collections::BTreeMap;

/// How long a drained agent may take to finish.
const LIMIT_MS: u64 = 150;
/// A lease that no stop of this act outlasts, however busy the machine is.
const LEASE_MS: u64 = 20_000;

pub(crate) fn act(story: &mut Story, baton: &mut Baton, fleet: &mut Fleet) -> Result<()> {
    baton.pool(SIZE, LEASE_MS)?;
    story.step(&format!("A fleet: WF.POOL {POOL} SIZE {SIZE} LEASE {LEASE_MS}"));
    let mut ids = Vec::new();
    for long in [true; SIZE].into_iter().chain([false; 10]) {
        ids.push(fleet.order(baton, "local", if long { 40 } else { 8 }, 40)?);
    }
    for _ in 0..SIZE {
        fleet.start()?;
    }
    fleet.wait_until_all_work(baton)?;
    story.note(&format!("{SIZE} processes without names took one each (WF.ASSUME {POOL}). The"));
    story.note("first tasks are long: 40 steps with a checkpoint after each.");

    story.step("A rolling restart: version 2 replaces one process after the other.");
    let mut reset = 0;
    for number in 1..=SIZE {
        reset += replace(story, baton, fleet, &format!("{{{POOL}}}:{number}"))?;
    }
    fleet.wait_until_done(baton)?;
    let resumed = judge(baton, fleet, &ids, reset)?;
    if reset == 0 || resumed == 0 {
        return Err(Failure::new("no task overran the limit, and one had to"));
    }
    story.note(&format!(
        "ok: {reset} resets, {resumed} times a successor went on from the checkpoint"
    ));
    story.note("ok: each reset counts as an interruption, none as a crash");
    restart_at_once(story, baton, fleet)
}

/// Drains one agent, waits until its process has gone, and starts another.
fn replace(story: &Story, baton: &mut Baton, fleet: &mut Fleet, name: &str) -> Result<u64> {
    let processes = fleet.look()?;
    let reset = baton.drain(name, LIMIT_MS)?;
    fleet.wait("a drained process", |fleet| Ok(fleet.look()? < processes))?;
    let pid = fleet.start()?;
    story.note(&format!(
        "WF.DRAIN {name} BLOCK {LIMIT_MS} RESET: {reset} reset; it retires, {pid} comes"
    ));
    Ok(reset)
}

/// Every task is done with the right result; says how many went on from a checkpoint.
fn judge(baton: &mut Baton, fleet: &mut Fleet, ids: &[u64], reset: u64) -> Result<usize> {
    let mut interrupted = BTreeMap::new();
    for id in ids {
        let task = baton.task(*id)?;
        if task.crashes > 0 {
            return Err(Failure::new(format!("{}: a stop counted as a crash", task.name)));
        }
        interrupted.insert(*id, task.interruptions);
    }
    let is_heir = |event: &Event| match event {
        Event::Took { id, round, .. } if *round > 0 => interrupted.contains_key(id),
        _ => false,
    };
    let heirs = fleet.history.count(is_heir) as u64;
    let stops: u64 = interrupted.values().sum();
    if stops != reset {
        return Err(Failure::new(format!("{stops} interruptions for {reset} resets")));
    }
    if heirs > stops {
        return Err(Failure::new(format!("{heirs} went on after {stops} interruptions")));
    }
    Ok(usize::try_from(heirs).unwrap_or(usize::MAX))
}

/// The same for the whole pool: nobody takes anything until it is resumed.
fn restart_at_once(story: &mut Story, baton: &mut Baton, fleet: &mut Fleet) -> Result<()> {
    fleet.wait("version 2", |_| Ok(baton.pool_number("assumed")? == SIZE as u64))?;
    baton.drain(POOL, LIMIT_MS)?;
    fleet.wait("the fleet's end", |fleet| Ok(fleet.look()? == 0))?;
    story.step(&format!("WF.DRAIN {POOL}: all retire. Then WF.RESUME {POOL}, for version 3."));
    baton.resume(POOL)
}
