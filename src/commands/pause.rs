//! WF.PAUSE and WF.RESUME: nothing is handed out for a while, of a queue or of one type. What waits
//! keeps its place, and what runs may finish.

use super::args;
use super::identity::{Thing, thing};
use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Key, Next, due};
use crate::engine::event::{Batch, QueueEvent};
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;

/// What of a queue, if not all of it.
const WHAT: Arg = Arg::one_of(
    "what",
    &[Arg::text("type").after("TYPE"), Arg::integer("workflow").after("WORKFLOW")],
)
.optional();

/// WF.PAUSE.
pub(super) static PAUSE: Spec = Spec {
    name: "wf.pause",
    summary: "Hands out no tasks of a queue, or of one type, until WF.RESUME",
    complexity: "O(1); WORKFLOW: O(N log N) in its tasks",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[Arg::key("queue", 0), WHAT],
    reply: "OK",
    details: "\
        Tasks that do not run keep their places and cannot be taken; they can be pushed, edited \
        and cancelled. Running ones may finish. Agents that wait go on waiting. A queue that is \
        not there is made; one that drains goes on doing so. TYPE: only tasks of this type. \
        WORKFLOW: only those of this workflow; what is unlocked meanwhile starts when it is \
        resumed.\n\n\
        Errors: NOWORKFLOW, WRONGTYPE, ERR.",
    run: pause,
};

/// WF.RESUME.
pub(super) static RESUME: Spec = Spec {
    name: "wf.resume",
    summary: "Ends a pause or a drain",
    complexity: "O(1); WORKFLOW: O(N log N) in its tasks",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[Arg::key("key", 0), WHAT],
    reply: "OK",
    details: "\
        Of a queue: tasks are handed out again, and what a WF.DRAIN had planned is off. TYPE: \
        those of this type, if that was paused; what a type alone is paused for only this ends. \
        An agent or a pool that was drained takes tasks again, and nothing more is handed back.\n\n\
        WORKFLOW: those of this workflow have their places again.\n\n\
        Errors: NOWORKFLOW, WRONGTYPE, ERR (also when there is no such key).",
    run: resume,
};

fn pause<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let what = what(call)?;
    let queue = call.keys.open(queue);
    let kind = match what {
        What::All => None,
        What::Kind(kind) => Some(kind),
        What::Workflow(id) => return hold_workflow(call, queue, id, true),
    };
    let known = call.keys.queue_to_change(queue)?;
    if !known.is_some_and(|known| is_held(known, kind)) {
        call.keys.commit_queue(queue, Batch::of(call.at.ms, QueueEvent::Paused { kind }));
    }
    call.reply.ok();
    Ok(Next::Replied)
}

fn resume<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("key")?;
    let what = what(call)?;
    let key = call.keys.open(name);
    match thing(call.keys, key)? {
        Thing::Nothing => return Err(Refusal::NoSuchKey(name.to_vec())),
        Thing::Queue => match what {
            What::All => resume_queue(call, key, None)?,
            What::Kind(kind) => resume_queue(call, key, Some(kind))?,
            What::Workflow(id) => return hold_workflow(call, key, id, false),
        },
        Thing::Agent | Thing::Pool if !matches!(what, What::All) => {
            return Err(args::syntax("TYPE and WORKFLOW", "are for queues"));
        }
        Thing::Agent => {
            let known = call.keys.agent_to_change(key)?;
            if let Some(batch) = known.and_then(|agent| agent.decide_resume(call.at)) {
                call.keys.commit_agent(key, batch);
                due::plan_orphan(call.keys, (name, key), call.at);
            }
        }
        Thing::Pool => {
            let known = call.keys.pool_to_change(key)?;
            if let Some(batch) = known.and_then(|pool| pool.decide_resume(call.at)) {
                call.keys.commit_pool(key, batch);
            }
        }
    }
    call.reply.ok();
    Ok(Next::Replied)
}

fn resume_queue(call: &mut Call<'_, '_>, key: Key, kind: Option<&[u8]>) -> Result<(), Refusal> {
    let known = call.keys.queue_to_change(key)?;
    if known.is_some_and(|known| is_held(known, kind)) {
        call.keys.commit_queue(key, Batch::of(call.at.ms, QueueEvent::Resumed { kind }));
    }
    Ok(())
}

/// Whether nothing of a queue, or of a type, is handed out.
fn is_held(queue: &Queue, kind: Option<&[u8]>) -> bool {
    match kind {
        Some(kind) => queue.lines().is_paused(kind),
        None => queue.hold().is_some(),
    }
}

fn hold_workflow(
    call: &mut Call<'_, '_>,
    queue: Key,
    id: u64,
    paused: bool,
) -> Result<Next, Refusal> {
    let missing = Refusal::NoWorkflow { id, phase: None };
    let known = call.keys.queue_to_change(queue)?.ok_or(missing)?;
    if let Some(batch) = known.decide_hold_workflow(id, paused, call.at)? {
        call.keys.commit_queue(queue, batch);
    }
    call.reply.ok();
    Ok(Next::Replied)
}

/// What is paused or resumed.
enum What<'a> {
    All,
    Kind(&'a [u8]),
    Workflow(u64),
}

fn what<'a>(call: &mut Call<'_, 'a>) -> Result<What<'a>, Refusal> {
    let mut what = What::All;
    while let Some((token, word)) = call.args.option() {
        let said = match token.as_slice() {
            b"TYPE" => What::Kind(call.args.word("type")?),
            b"WORKFLOW" => What::Workflow(call.args.id("workflow")?),
            _ => return Err(args::unknown(word)),
        };
        if !matches!(std::mem::replace(&mut what, said), What::All) {
            return Err(args::syntax("TYPE and WORKFLOW", "exclude each other"));
        }
    }
    Ok(what)
}
