//! WF.FAIL: the agent could not do it.

use super::args;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::finish::Failure;
use crate::engine::refusal::Refusal;

/// WF.FAIL.
pub(super) static FAIL: Spec = Spec {
    name: "wf.fail",
    summary: "Fails a task that the agent holds: it is tried again, or has failed for good",
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
        Arg::one_of(
            "when",
            &[Arg::integer("milliseconds").after("DELAY"), Arg::word("fatal", "FATAL")],
        )
        .optional(),
    ],
    reply: "the state that the task is in now",
    details: "\
        As long as the task has RETRIES left it waits for its back-off and is tried again: it is \
        scheduled, or ready where there is nothing to wait for. Else it is failed, and kept for \
        the queue's setting retain-failed. ERROR: why, for people. DELAY: wait so many \
        milliseconds, whatever the back-off says. FATAL: no further try. If the task was to be \
        cancelled, another try is not made: it is cancelled.\n\n\
        Errors: STALE, NOTASK, NOTOWNER, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let agent = call.args.word("agent-id")?;
    let id = call.args.id("id")?;
    let (mut epoch, mut fence, mut failure) = (None, None, Failure::default());
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"EPOCH" => epoch = Some(call.args.id("epoch")?),
            b"FENCE" => fence = Some(call.args.id("fence")?),
            b"ERROR" => failure.error = Some(call.blob("error")?),
            b"FATAL" => failure.fatal = true,
            b"DELAY" => failure.delay_ms = Some(call.args.ms("DELAY")?),
            _ => return Err(args::unknown(word)),
        }
    }
    if failure.fatal && failure.delay_ms.is_some() {
        return Err(args::syntax("DELAY and FATAL", "exclude each other"));
    }
    let caller = call.authorize(agent, epoch)?;
    let queue = call.keys.open(queue);
    let known = call.keys.queue_to_change(queue)?.ok_or(Refusal::NoTask(id))?;
    let (state, batch) = known.decide_fail(agent, id, fence, &failure, call.at)?;
    call.keys.commit_queue(queue, batch);
    call.renew(caller);
    call.reply.bytes(state.word().as_bytes());
    Ok(Next::Replied)
}
