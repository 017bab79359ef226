//! WF.TASK: everything about one task.

use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Fields, Next};
use crate::engine::refusal::Refusal;

/// WF.TASK.
pub(super) static TASK: Spec = Spec {
    name: "wf.task",
    summary: "Tells everything about one task",
    complexity: "O(1)",
    since: "0.1.0",
    flags: "readonly fast",
    categories: "read fast",
    arity: 3,
    keys: &[Keys::At(1, Access::Read)],
    args: &[Arg::key("queue", 0), Arg::integer("id")],
    reply: "the task as a map",
    details: "\
        Beside what WF.POP tells: state, priority, attempts, pushed-at, owner and running-for \
        of a running task, starts-at of a scheduled one, ended-at and expires-at of an ended \
        one, reason (why it failed, was cancelled, or is back after it ran), unique, timeout, \
        retries, backoff, backoff-max, retain, error, result. Times are Unix times in \
        milliseconds.\n\n\
        Errors: NOTASK, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("queue")?;
    let id = call.args.id("id")?;
    let key = call.keys.open(key);
    let queue = call.keys.queue(key)?.ok_or(Refusal::NoTask(id))?;
    let task = queue.task(id).ok_or(Refusal::NoTask(id))?;
    Fields::described(queue, task, call.at.ms).write(call.reply);
    Ok(Next::Replied)
}
