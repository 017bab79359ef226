//! WF.PAUSE and WF.RESUME: nothing is handed out for a while, of a queue or of one type. What waits
//! keeps its place, and what runs may finish.

use super::args;
use super::identity::{Thing, thing};
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Key, Next, due};
use crate::engine::event::{Batch, QueueEvent};
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;

/// WF.PAUSE.
pub(super) static PAUSE: Spec = Spec {
    name: "wf.pause",
    summary: "Hands out no tasks of a queue, or of one type, until WF.RESUME",
    complexity: "O(1)",
    since: "0.1.0",
    flags: "write fast",
    categories: "write fast",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[Arg::key("queue", 0), common::TYPE],
    reply: "OK",
    details: "\
        Tasks that do not run keep their places and cannot be taken; they can be pushed, edited \
        and cancelled. Running ones may finish. Agents that wait go on waiting. A queue that is \
        not there is made; one that drains goes on doing so. TYPE: only tasks of this type.\n\n\
        Errors: WRONGTYPE, ERR.",
    run: pause,
};

/// WF.RESUME.
pub(super) static RESUME: Spec = Spec {
    name: "wf.resume",
    summary: "Ends a pause or a drain",
    complexity: "O(1)",
    since: "0.1.0",
    flags: "write fast",
    categories: "write fast",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[Arg::key("key", 0), common::TYPE],
    reply: "OK",
    details: "\
        Of a queue: tasks are handed out again, and what a WF.DRAIN had planned is off. TYPE: \
        those of this type, if that was paused; what a type alone is paused for only this ends. \
        An agent or a pool that was drained takes tasks again, and nothing more is handed back.\n\n\
        Errors: WRONGTYPE, ERR (also when there is no such key).",
    run: resume,
};

fn pause<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let kind = kind(call)?;
    let queue = call.keys.open(queue);
    let known = call.keys.queue_to_change(queue)?;
    if !known.is_some_and(|known| is_held(known, kind)) {
        call.keys.commit_queue(queue, Batch::of(call.at.ms, QueueEvent::Paused { kind }));
    }
    call.reply.ok();
    Ok(Next::Replied)
}

fn resume<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("key")?;
    let kind = kind(call)?;
    let key = call.keys.open(name);
    match thing(call.keys, key)? {
        Thing::Nothing => return Err(Refusal::NoSuchKey(name.to_vec())),
        Thing::Queue => resume_queue(call, key, kind)?,
        Thing::Agent | Thing::Pool if kind.is_some() => {
            return Err(args::syntax("TYPE", "is for queues"));
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

/// The type that is named, if one is.
fn kind<'a>(call: &mut Call<'_, 'a>) -> Result<Option<&'a [u8]>, Refusal> {
    let mut kind = None;
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"TYPE" => kind = Some(call.args.word("type")?),
            b"WORKFLOW" => return Err(args::later(word)),
            _ => return Err(args::unknown(word)),
        }
    }
    Ok(kind)
}
