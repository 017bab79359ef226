//! What happens in the demo, and in which order?
//!
//! The four acts; the first is told here. Push the work, start the agents, kill one that surely
//! holds a half-done task, start its successor, let the dead one try once more, wait for the end.
//! `verify` then judges.

use crate::baton::{Baton, Identity, QUEUE, Task, call_about};
use crate::chain::Chain;
use crate::crew::{Crew, Report};
use crate::external;
use crate::failure::{Context, Failure, Result};
use crate::files::{self, Source};
use crate::fleet::Fleet;
use crate::restart;
use crate::server::Server;
use crate::storm;
use crate::story::Story;
use crate::verify;
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

const AGENTS: [&str; 4] = ["agent-1", "agent-2", "agent-3", "agent-4"];
/// Between two looks at the queue: well below the length of a task.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A demo that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Everything that was asked for, by task id.
pub(crate) type Plan = BTreeMap<u64, Source>;

/// The dead agent's last words, which it never got to say.
pub(crate) struct Victim {
    /// Its name and the epoch that died with it.
    me: Identity,
    /// Its task as the queue still has it.
    task: Task,
    /// The round of the checkpoint.
    pub(crate) round: u64,
    /// The rounds the successor computed to end the task; known when it has.
    pub(crate) computed_by_successor: Option<u64>,
}

impl Victim {
    pub(crate) fn task_id(&self) -> u64 {
        self.task.id
    }
}

struct Director {
    story: Story,
    baton: Baton,
    crew: Crew,
    plan: Plan,
    started: Instant,
}

/// Runs the whole demo.
pub(crate) fn run() -> Result<()> {
    let story = Story::begin(
        "Baton: a fleet of agents is killed, replaced and killed again, and no work gets lost.",
    );
    let server = Server::start()?;
    let mut director = Director {
        story,
        baton: Baton::connect(server.port)?,
        crew: Crew::of_server(server.port),
        plan: Plan::new(),
        started: Instant::now(),
    };
    director.introduce(&server)?;
    director.push_everything()?;
    director.start_the_agents()?;
    let mut victim = director.kill_one()?;
    director.start_the_successor(&victim)?;
    director.let_the_dead_try(&victim)?;
    director.wait_for_the_end(&mut victim)?;
    verify::everything(&mut director.story, &mut director.baton, &director.plan, &victim, &AGENTS)?;
    let Director { mut story, mut baton, started, .. } = director;
    let mut fleet = Fleet::found(&mut baton, &server)?;
    restart::act(&mut story, &mut baton, &mut fleet)?;
    storm::act(&mut story, &mut baton, &mut fleet)?;
    external::act(&mut story, &mut baton, &mut fleet)?;
    verify::fleet(&mut story, &mut baton, &mut fleet)?;
    let seconds = started.elapsed().as_secs_f64();
    story.step(&format!("All of it held. {seconds:.1} s; the server is stopped now."));
    Ok(())
}

impl Director {
    fn introduce(&mut self, server: &Server) -> Result<()> {
        let version = self.baton.server_version()?;
        let (port, pid) = (server.port, server.pid());
        self.story.step(&format!("{version} with Baton runs on 127.0.0.1:{port}, process {pid}."));
        Ok(())
    }

    fn push_everything(&mut self) -> Result<()> {
        for source in files::jobs()? {
            let id = self.baton.push(&source.path, &source.job.to_payload())?;
            self.plan.insert(id, source);
        }
        let kib = self.plan.values().map(|source| source.job.content.len()).sum::<usize>() / 1024;
        let rounds = self.plan.values().map(|source| source.job.rounds).max().unwrap_or_default();
        let count = self.plan.len();
        self.story.step(&format!("WF.PUSH: {count} tasks in `{QUEUE}`, one per source file."));
        self.story.note(&format!("A task's payload is the file ({kib} KiB in all), its work is"));
        self.story
            .note(&format!("{rounds} rounds of SHA-256 over it, with a checkpoint now and then"));
        self.story.note("(WF.TOUCH ... CHECKPOINT), so that half a task is worth something.");
        Ok(())
    }

    fn start_the_agents(&mut self) -> Result<()> {
        self.story.step("Four agents, each a process of its own that acts under a name:");
        for name in AGENTS {
            let pid = self.crew.start(name)?;
            self.story.note(&format!("{name} is process {pid}"));
        }
        self.story.begin_progress(self.plan.len() as u64);
        Ok(())
    }

    /// Kills an agent of which it is certain that it holds a task with a checkpoint.
    fn kill_one(&mut self) -> Result<Victim> {
        loop {
            let done = self.look()?;
            if done == self.plan.len() as u64 {
                return Err(Failure::new("all is done, and nobody was ever seen half-way"));
            }
            if done * 4 >= self.plan.len() as u64
                && let Some(task) = self.baton.running()?.into_iter().find(is_half_done)
            {
                let epoch = self.baton.epoch(&task.owner)?;
                let me = Identity { name: task.owner.clone(), epoch };
                let pid = self.crew.kill(&me.name)?;
                // It may have finished just before the signal came: then this was not the moment.
                let left = self.baton.task(task.id)?;
                if left.state == "running" && left.fence == task.fence {
                    return self.tell_the_death(me, pid, left);
                }
                self.crew.start(&me.name)?;
            }
            self.pause("an agent in the middle of a task")?;
        }
    }

    fn tell_the_death(&mut self, me: Identity, pid: u32, task: Task) -> Result<Victim> {
        let rounds = self.source(task.id)?.job.rounds;
        let checkpoint = task.checkpoint.as_deref().context("the checkpoint is gone")?;
        let round = Chain::from_checkpoint(checkpoint)?.round;
        let held = self.baton.held_by(&me.name)?;
        let name = &me.name;
        self.story.step(&format!("kill -9 {pid}: {name} is dead, in the middle of a task."));
        self.story.note(&format!("WF.OWNERS: {name} still has {held} running, and"));
        self.story.note(&format!(
            "WF.TASK {}: {} is {} percent done,",
            task.id, task.name, task.progress
        ));
        self.story.note(&format!(
            "its checkpoint stands at round {round} of {rounds}. Nobody works on it."
        ));
        Ok(Victim { me, task, round, computed_by_successor: None })
    }

    /// Starts a process under the dead one's name, and tells what it learns.
    fn start_the_successor(&mut self, victim: &Victim) -> Result<()> {
        let name = &victim.me.name;
        let pid = self.crew.start(name)?;
        self.story.step(&format!("Process {pid} is {name} now, and asks: WF.RECOVER {name}"));
        let rounds = self.source(victim.task.id)?.job.rounds;
        loop {
            self.look()?;
            while let Some(report) = self.crew.next_report() {
                if let Report::Recovered { id, round, attempt, crashes, running_for_ms } = report
                    && id == victim.task.id
                {
                    if round != victim.round {
                        return Err(Failure::new(format!("recovered at round {round}")));
                    }
                    self.story.note(&format!("\"You hold task {id}, {}:", victim.task.name));
                    self.story.note(&format!(
                        "attempt {attempt}, {crashes} crash, running for {running_for_ms} ms,"
                    ));
                    self.story.note(&format!(
                        "checkpoint at round {round} of {rounds}.\" It goes on from there."
                    ));
                    return Ok(());
                }
            }
            self.pause("the successor's report")?;
        }
    }

    /// The dead process was perhaps only slow: its calls must change nothing.
    fn let_the_dead_try(&mut self, victim: &Victim) -> Result<()> {
        let (id, fence) = (victim.task.id, victim.task.fence);
        let Identity { name, epoch } = &victim.me;
        self.story.step("Were the dead process only slow, it would still hold its old numbers:");
        let by_epoch = call_about(&victim.task, "WF.DONE", &victim.me);
        let mut by_fence = redis::cmd("WF.DONE");
        by_fence.arg(QUEUE).arg(name).arg(id).arg("FENCE").arg(fence);
        let calls = [("EPOCH", epoch, by_epoch, "STALE"), ("FENCE", &fence, by_fence, "NOTOWNER")];
        for (option, value, call, code) in calls {
            let refusal = self.baton.refusal(&call)?;
            self.story.note(&format!("WF.DONE {QUEUE} {name} {id} {option} {value}"));
            self.story.note(&format!("  -> {refusal}"));
            if !refusal.starts_with(code) {
                return Err(Failure::new(format!("refused, but not with {code}")));
            }
        }
        Ok(())
    }

    fn wait_for_the_end(&mut self, victim: &mut Victim) -> Result<()> {
        loop {
            let ended = self.crew.have_all_ended()?;
            self.look()?;
            while let Some(report) = self.crew.next_report() {
                if let Report::Done { id, computed } = report
                    && id == victim.task.id
                {
                    victim.computed_by_successor = Some(computed);
                }
            }
            if ended && victim.computed_by_successor.is_some() {
                self.story.end_progress();
                return Ok(());
            }
            self.pause("the end of the work")?;
        }
    }

    /// Looks at the queue and the agents; says how many tasks are done.
    fn look(&mut self) -> Result<u64> {
        self.crew.have_all_ended()?;
        let done = self.baton.counter("done")?;
        self.story.progress(done, "tasks done");
        Ok(done)
    }

    fn pause(&self, waiting_for: &str) -> Result<()> {
        if self.started.elapsed() > LIMIT {
            return Err(Failure::new(format!("waited too long for {waiting_for}")));
        }
        sleep(LOOK_EVERY);
        Ok(())
    }

    fn source(&self, id: u64) -> Result<&Source> {
        self.plan.get(&id).context(format!("task {id} was never pushed"))
    }
}

/// Some way from the beginning, and far enough from the end that it will not be over at once.
fn is_half_done(task: &Task) -> bool {
    task.checkpoint.is_some() && (10..=60).contains(&task.progress)
}
