//! Did it hold? Every claim of the demo, checked against something that cannot be wrong with it.
//!
//! The results are compared with digests computed here from the files, in one go and without
//! any checkpoint; the number of completions is the server's own count of accepted calls.

use crate::baton::Baton;
use crate::baton::QUEUE;
use crate::chain::Chain;
use crate::director::{Plan, Victim};
use crate::failure::{Context, Failure, Result};
use crate::files::Source;
use crate::fleet::{Fleet, SIZE};
use crate::history::Event;
use crate::story::Story;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope, sleep};
use std::time::Duration;

/// Checks everything, and tells each thing that held.
pub(crate) fn everything(
    story: &mut Story,
    baton: &mut Baton,
    plan: &Plan,
    victim: &Victim,
    agents: &[&str],
) -> Result<()> {
    story.step("Is that true? Everything is computed once more, here, without any checkpoint.");
    let expected = digests(story, plan)?;
    let count = plan.len() as u64;
    results_are_right(baton, &expected)?;
    story.note(&format!("ok: {count} results equal what was computed here"));
    every_task_ended_once(baton, count)?;
    story.note(&format!("ok: {count} tasks pushed, {count} done, {count} WF.DONE accepted"));
    let computed = successor_resumed(plan, victim)?;
    story.note(&format!(
        "ok: the successor computed {computed} rounds, not the {} before",
        victim.round
    ));
    for key in agents.iter().chain(&[QUEUE]) {
        baton.check(key)?;
    }
    story.note("ok: WF.CHECK finds every invariant of the queue and of the agents intact");
    Ok(())
}

/// Stops the fleet, and checks what holds of all its acts together.
pub(crate) fn fleet(story: &mut Story, baton: &mut Baton, fleet: &mut Fleet) -> Result<()> {
    stop_in_the_middle(story, baton, fleet)?;
    story.step("And the accounts of the whole fleet:");
    let kept = fleet.orders.iter().filter(|(id, _)| !fleet.purged.contains(id));
    let expected: BTreeMap<u64, String> = kept.map(|(id, order)| (*id, order.expected())).collect();
    results_are_right(baton, &expected)?;
    let count = expected.len() as u64;
    let accepted = baton.accepted_calls("wf.done")? - fleet.accepted_before;
    let told = fleet.history.count(|event| matches!(event, Event::Done { .. })) as u64;
    // Who was killed right after its WF.DONE could not tell of it any more.
    if accepted != count || told > count {
        return Err(Failure::new(format!("{accepted} WF.DONE ({told} told) for {count} tasks")));
    }
    let (pushed, purged) = (fleet.orders.len(), fleet.purged.len());
    story.note(&format!("ok: {pushed} tasks, {purged} cancelled, {accepted} WF.DONE accepted"));
    let takings = fleet.history.no_two_holders()?;
    story.note(&format!("ok: {takings} takings, and no task ever had two holders"));
    // The name of a process that was killed last is free when its lease is over.
    fleet.wait("the last lease", |_| Ok(baton.pool_number("assumed")? == 0))?;
    for (what, found) in [
        ("unfinished", baton.unfinished()?),
        ("running", baton.counter("running")?),
        ("held by the pool", baton.pool_number("running")?),
    ] {
        if found != 0 {
            return Err(Failure::new(format!("{found} are still {what}")));
        }
    }
    baton.check(QUEUE)?;
    story.note("ok: nothing is held, no name is taken, WF.CHECK finds everything intact");
    Ok(())
}

/// A deliberate stop while everybody works: each finishes its task, and nothing is handed back.
fn stop_in_the_middle(story: &mut Story, baton: &mut Baton, fleet: &mut Fleet) -> Result<()> {
    fleet.wait("a full fleet", |fleet| {
        fleet.keep_full()?;
        Ok(baton.pool_number("assumed")? == SIZE as u64)
    })?;
    let ids: Result<Vec<u64>> = (0..SIZE).map(|_| fleet.order(baton, "local", 20, 40)).collect();
    fleet.wait_until_all_work(baton)?;
    story.step("`stop` to every process, in the middle of its last task.");
    fleet.stop_all();
    fleet.wait("the fleet's farewell", |fleet| Ok(fleet.look()? == 0))?;
    for id in ids? {
        let task = baton.task(id)?;
        if task.state != "done" || task.interruptions + task.crashes > 0 {
            return Err(Failure::new(format!("{} was not finished by its agent", task.name)));
        }
    }
    story.note(&format!("ok: each of the {SIZE} finished what it had, retired and ended"));
    Ok(())
}

fn results_are_right(baton: &mut Baton, expected: &BTreeMap<u64, String>) -> Result<()> {
    for (id, digest) in expected {
        let task = baton.task(*id)?;
        if task.state != "done" || task.result.as_ref() != Some(digest) {
            let result = task.result.unwrap_or_default();
            let found = format!("{} is {} with result `{result}`", task.name, task.state);
            return Err(Failure::new(format!("{found}, not `{digest}`")));
        }
    }
    Ok(())
}

fn every_task_ended_once(baton: &mut Baton, count: u64) -> Result<()> {
    for (counter, value) in [("done", count), ("ready", 0), ("running", 0), ("failed", 0)] {
        let found = baton.counter(counter)?;
        if found != value {
            return Err(Failure::new(format!("{found} tasks are {counter}, not {value}")));
        }
    }
    let accepted = baton.accepted_calls("wf.done")?;
    if accepted != count {
        return Err(Failure::new(format!("{accepted} WF.DONE were accepted, not {count}")));
    }
    Ok(())
}

/// The rounds the successor computed: all but those of the checkpoint it was given.
fn successor_resumed(plan: &Plan, victim: &Victim) -> Result<u64> {
    let source = plan.get(&victim.task_id()).context("the victim's task is unknown")?;
    let computed = victim.computed_by_successor.context("the successor reported no DONE")?;
    if computed + victim.round == source.job.rounds {
        return Ok(computed);
    }
    Err(Failure::new(format!("the successor computed {computed} of {} rounds", source.job.rounds)))
}

/// Every job's digest, on all cores.
fn digests(story: &mut Story, plan: &Plan) -> Result<BTreeMap<u64, String>> {
    let jobs: Vec<(&u64, &Source)> = plan.iter().collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut mine = Vec::new();
        while let Some((id, source)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut chain = Chain::start();
            chain.advance(&source.job, source.job.rounds);
            mine.push((**id, chain.hex()));
        }
        mine
    };
    story.begin_progress(jobs.len() as u64);
    let found = scope(|scope| {
        let threads = available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            let begun = next.load(Ordering::Relaxed);
            story.progress(begun.saturating_sub(threads) as u64, "computed again");
            sleep(Duration::from_millis(20));
        }
        story.progress(jobs.len() as u64, "computed again");
        let joined = workers.into_iter().map(|worker| worker.join().ok());
        joined.collect::<Option<Vec<_>>>()
    });
    story.end_progress();
    Ok(found.context("a thread ended badly")?.into_iter().flatten().collect())
}
