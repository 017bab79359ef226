//! WF.EDIT: a task that does not run yet is changed.

use super::args;
use super::push::starts_ms;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::edit::Edit;
use crate::engine::refusal::Refusal;

/// WF.EDIT.
pub(super) static EDIT: Spec = Spec {
    name: "wf.edit",
    summary: "Changes priority, time, time limit or type of a task that does not run yet",
    complexity: "O(log N) in the scheduled tasks, or in the types and priorities",
    since: "0.1.0",
    flags: "write fast",
    categories: "write fast",
    arity: -3,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::integer("id"),
        common::PRIORITY,
        common::STARTS,
        common::TIMEOUT,
        common::TYPE,
    ],
    reply: "OK",
    details: "\
        The options mean what they mean for WF.PUSH; DELAY 0, or AT a time that is over, makes a \
        scheduled task ready now. A task whose type, priority or time changes stands behind its \
        equals; with any other change it keeps its place.\n\n\
        Errors: NOTASK, WRONGTYPE, ERR (also for a task that runs or has ended).",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let id = call.args.id("id")?;
    let mut edit = Edit::default();
    while let Some((token, word)) = call.args.option() {
        let args = &mut call.args;
        match token.as_slice() {
            b"PRIORITY" => edit.priority = Some(args.number("priority", u16::MAX.into())? as u16),
            b"DELAY" | b"AT" => {
                if edit.starts_ms.replace(starts_ms(&token, args, call.at)?).is_some() {
                    return Err(args::syntax("DELAY and AT", "exclude each other"));
                }
            }
            b"TIMEOUT" => edit.timeout_ms = Some(args.ms("TIMEOUT")?),
            b"TYPE" => edit.kind = Some(args.word("type")?),
            _ => return Err(args::unknown(word)),
        }
    }
    if edit == Edit::default() {
        return Err(args::syntax(
            "nothing is changed:",
            "give PRIORITY, DELAY, AT, TIMEOUT or TYPE",
        ));
    }
    let queue = call.keys.open(queue);
    let known = call.keys.queue_to_change(queue)?.ok_or(Refusal::NoTask(id))?;
    let batch = known.decide_edit(id, &edit, call.at)?;
    call.keys.commit_queue(queue, batch);
    call.reply.ok();
    Ok(Next::Replied)
}
