//! WF.FAIL: the agent could not do it.

use super::args;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::refusal::Refusal;
use crate::engine::task::State;

/// WF.FAIL.
pub(super) static FAIL: Spec = Spec {
    name: "wf.fail",
    summary: "Fails a task that the agent holds",
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
        Arg::text("text").after("ERROR").optional(),
        Arg::word("fatal", "FATAL").optional(),
    ],
    reply: "the state that the task is in now",
    details: "\
        The task is kept as failed for the queue's setting retain-failed. ERROR: why, for \
        people. FATAL: no further try; until there are retries, every failure is.\n\n\
        Errors: STALE, NOTASK, NOTOWNER, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let agent = call.args.word("agent-id")?;
    let id = call.args.id("id")?;
    let (mut epoch, mut fence, mut error) = (None, None, None);
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"EPOCH" => epoch = Some(call.args.id("epoch")?),
            b"FENCE" => fence = Some(call.args.id("fence")?),
            b"ERROR" => error = Some(call.blob("error")?),
            // Without retries every failure is for good already.
            b"FATAL" => {}
            b"DELAY" => return Err(args::later(word)),
            _ => return Err(args::unknown(word)),
        }
    }
    let caller = call.authorize(agent, epoch)?;
    let queue = call.keys.open(queue);
    let known = call.keys.queue_to_change(queue)?.ok_or(Refusal::NoTask(id))?;
    let batch = known.decide_fail(agent, id, fence, error, call.at)?;
    call.keys.commit_queue(queue, batch);
    call.renew(caller);
    call.reply.bytes(State::Failed.word().as_bytes());
    Ok(Next::Replied)
}
