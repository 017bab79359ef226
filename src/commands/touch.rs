//! WF.TOUCH: the agent says how far it is, and leaves what its successor would need.

use super::args;
use super::identity::{drains, pool_of, reach};
use super::spec::{Access, Arg, Keys, Spec, common};
use super::taking::remember;
use super::{Call, Fields, Next};
use crate::engine::refusal::Refusal;
use crate::engine::touch::Touch;

/// WF.TOUCH.
pub(super) static TOUCH: Spec = Spec {
    name: "wf.touch",
    summary: "Saves progress, checkpoint or handle of a task that the agent holds",
    complexity: "O(1)",
    since: "0.1.0",
    flags: "write fast",
    categories: "write fast",
    arity: -4,
    keys: &[Keys::At(1, Access::Update), Keys::At(2, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::key("agent-id", 1),
        Arg::integer("id"),
        common::EPOCH,
        common::FENCE,
        Arg::integer("percent").after("PROGRESS").optional(),
        Arg::text("checkpoint").after("CHECKPOINT").optional(),
        Arg::text("handle").after("HANDLE").optional(),
        Arg::integer("milliseconds").after("EXTEND").optional(),
    ],
    reply: "\
        a map: remaining (milliseconds that it may still run, if it has a TIMEOUT), cancel 0 or \
        1, draining 0 or 1; fence if the task got a new one",
    details: "\
        PROGRESS 0 to 100. CHECKPOINT: bytes that the next agent gets, or this one after a \
        crash. HANDLE: where the work really runs, on a system outside. What is not given stays \
        as it was; an empty CHECKPOINT or HANDLE takes the former away. EXTEND: a task with a \
        TIMEOUT may run for so many milliseconds from now on, if that is longer than it may \
        already. cancel 1: the task is to be cancelled; end the work and hand it back with \
        WF.NACK, or complete it all the same. draining 1: the agent or its pool gets no new \
        tasks. Without options it tells whether the task is still held, and keeps the queue's \
        backstop away.\n\n\
        Errors: STALE, NOTASK, NOTOWNER, OOM (a CHECKPOINT above 1 KiB while memory is used up), \
        WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("queue")?;
    let agent = call.args.word("agent-id")?;
    let id = call.args.id("id")?;
    let (mut epoch, mut fence, mut touch) = (None, None, Touch::default());
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"EPOCH" => epoch = Some(call.args.id("epoch")?),
            b"FENCE" => fence = Some(call.args.id("fence")?),
            b"PROGRESS" => touch.progress = Some(call.args.number("progress", 100)? as u8),
            b"CHECKPOINT" => touch.checkpoint = Some(call.blob("checkpoint")?),
            b"HANDLE" => touch.handle = Some(call.blob("handle")?),
            b"EXTEND" => touch.extend_ms = Some(call.args.ms("EXTEND")?),
            _ => return Err(args::unknown(word)),
        }
    }
    let queue = call.keys.open(name);
    let agent_key = call.authorize(agent, epoch)?;
    let known = call.keys.queue_to_change(queue)?.ok_or(Refusal::NoTask(id))?;
    let was_void = known.task(id).is_some_and(|task| known.is_void(task));
    let batch = known.decide_touch(agent, id, fence, &touch, call.at)?;
    // A queue that was renamed since is unknown to the identity: it must look here from now on.
    remember(call, agent_key, name)?;
    if !batch.events.is_empty() {
        call.keys.commit_queue(queue, batch);
    }
    call.renew(agent_key);
    let pool = pool_of(call.keys, agent, agent_key);
    reach(call.keys, agent, pool, call.at);
    let draining = drains(call.keys, agent_key, pool);
    let mut fields = Fields::default();
    if let Some(task) = call.keys.queue(queue)?.and_then(|queue| queue.task(id)) {
        fields.remaining(task, call.at.ms);
        fields.integer("cancel", task.is_cancelling().into());
        fields.integer("draining", draining.into());
        if was_void {
            fields.integer("fence", task.order);
        }
    }
    fields.write(call.reply);
    Ok(Next::Replied)
}
