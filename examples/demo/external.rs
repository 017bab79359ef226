//! Act four: what if the work really runs somewhere else?
//!
//! The handle is with the task before the job is started, so a successor finds the job. What is
//! cancelled leaves its job outside to the janitor, who finds it by the handle, too.

use crate::baton::Baton;
use crate::failure::{Context, Failure, Result};
use crate::fleet::{Fleet, SIZE};
use crate::history::Event;
use crate::story::Story;
use std::collections::BTreeSet;

/// Jobs outside, and how many of those that run are cancelled.
const JOBS: usize = 8;
const CANCELLED: usize = 3;
const KILLED: usize = 2;

pub(crate) fn act(story: &mut Story, baton: &mut Baton, fleet: &mut Fleet) -> Result<()> {
    story.step(&format!("Work elsewhere: {JOBS} tasks that start a job on a remote system."));
    story.note("WF.TOUCH ... HANDLE job-n says where it will be, before it is started.");
    for _ in 0..JOBS {
        fleet.order(baton, "remote", 10, 150)?;
    }
    fleet.wait("jobs that run", |fleet| {
        fleet.keep_full()?;
        Ok(fleet.history.count(|event| matches!(event, Event::Started { .. })) >= SIZE)
    })?;
    for _ in 0..KILLED {
        fleet.kill(0)?;
    }
    let running = baton.running()?;
    let ids: Vec<u64> = running.iter().take(CANCELLED).map(|task| task.id).collect();
    baton.cancel(&ids)?;
    story.note(&format!("{KILLED} agents are killed, {CANCELLED} of the running tasks cancelled;"));
    story.note("the jobs outside know nothing of either, and run on.");
    fleet.wait("the end of the work outside", |fleet| {
        fleet.keep_full()?;
        janitor(story, baton, fleet)?;
        Ok(baton.unfinished()? == 0)
    })?;
    // One more round, for a task that was cancelled last.
    janitor(story, baton, fleet)?;
    judge(story, fleet, &ids)
}

/// Ends what runs outside for tasks that ended without a result, then forgets those tasks.
fn janitor(story: &Story, baton: &mut Baton, fleet: &mut Fleet) -> Result<()> {
    for task in baton.left_outside()? {
        let handle = task.handle.context("listed with HANDLES, and has none")?;
        fleet.remote.end(&handle)?;
        if baton.purge(task.id)? != 1 {
            return Err(Failure::new(format!("{} was not purged", task.name)));
        }
        fleet.purged.push(task.id);
        story.note(&format!("janitor: {} is {}; {handle} ended, purged", task.name, task.state));
    }
    Ok(())
}

fn judge(story: &Story, fleet: &Fleet, cancelled: &[u64]) -> Result<()> {
    let (all, running) = fleet.remote.jobs()?;
    if !running.is_empty() {
        return Err(Failure::new(format!("left over outside: {running:?}")));
    }
    // A job is named after its task: `job-<task>-<epoch of who asked for it>`.
    let tasks: BTreeSet<&str> = all.iter().filter_map(|job| job.split('-').nth(1)).collect();
    if all.len() != tasks.len() {
        return Err(Failure::new(format!("{} jobs for {} tasks", all.len(), tasks.len())));
    }
    let mut purged = fleet.purged.clone();
    purged.sort_unstable();
    if purged.is_empty() || !purged.iter().all(|id| cancelled.contains(id)) {
        return Err(Failure::new(format!("{purged:?} were purged, {cancelled:?} cancelled")));
    }
    let again = fleet.history.count(|event| matches!(event, Event::Reconnected { .. }));
    if again == 0 {
        return Err(Failure::new("no successor reconnected to a job"));
    }
    story.note(&format!("ok: {again} successors found the job that was running already"));
    let (jobs, tasks) = (all.len(), tasks.len());
    story.note(&format!("ok: {jobs} jobs for {tasks} tasks, none started twice, none left over"));
    Ok(())
}
