//! WF.NEXT: DONE and then POP in one step. Only the DONE half can refuse; a POP half that would be
//! refused is null. A caller that waited is decided anew for the POP half alone.

use super::args;
use super::done::Finish;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::taking::Taking;
use super::{Call, Next};
use crate::engine::refusal::Refusal;

/// WF.NEXT.
pub(super) static NEXT: Spec = Spec {
    name: "wf.next",
    summary: "Completes a task and takes the next one",
    complexity: "as WF.DONE and WF.POP",
    since: "0.1.0",
    flags: "write blocking fast",
    categories: "write fast blocking",
    arity: -4,
    keys: &[Keys::At(1, Access::Update), Keys::At(2, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::key("agent-id", 1),
        Arg::integer("id"),
        common::EPOCH,
        common::FENCE,
        common::RESULT,
        common::TYPES,
        common::MAXPRIORITY,
        common::COUNT,
        common::BLOCK,
        common::REQID,
        common::WITHRESULTS,
    ],
    reply: "as WF.POP; null also when the completion counts but taking is refused",
    details: "\
        WF.DONE and then WF.POP, with the options of both. Only the first half can refuse, \
        and then nothing was taken. WITHRESULTS: what was completed just now is among them. A \
        caller that waits has completed its task already.\n\n\
        Errors: as WF.DONE.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let agent = call.args.word("agent-id")?;
    let mut finish = Finish { agent, id: call.args.id("id")?, ..Finish::default() };
    let mut taking = Taking { agent, ..Taking::default() };
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"FENCE" => finish.fence = Some(call.args.id("fence")?),
            b"RESULT" => finish.result = Some(call.blob("result")?),
            _ if taking.option(&token, &mut call.args)? => {}
            _ => return Err(args::unknown(word)),
        }
    }
    finish.epoch = taking.epoch;
    let queues = [(queue, call.keys.open(queue))];
    let [(_, key)] = queues;
    let agent = call.keys.open(agent);
    if !call.rules.woken {
        finish.run(call, key)?;
    }
    match taking.run(call, agent, &queues, false) {
        Err(_) => {
            call.reply.null();
            Ok(Next::Replied)
        }
        next => next,
    }
}
