//! WF.CANCEL: tasks that are not wanted any more. A task that was cancelled never runs again.

use super::args;
use super::bulk::{BULK, carry_out, steer};
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::refusal::Refusal;

/// WF.CANCEL.
pub(super) static CANCEL: Spec = Spec {
    name: "wf.cancel",
    summary: "Cancels tasks: those that do not run at once, running ones by a signal",
    complexity: "O(N) in the ids",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -4,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::one_of("which", &[common::IDS, Arg::integer("workflow").after("WORKFLOW")]),
        common::COUNT,
    ],
    reply: "a map: count, and more (1 if there are others beyond COUNT)",
    details: "\
        A task that does not run is cancelled at once. A running one is told to its agent by \
        the field cancel of the replies to WF.TOUCH, WF.BEAT, WF.RECOVER and WF.HELD: it is \
        cancelled when the agent lets go of it in whatever way but one: WF.DONE still counts, \
        and a last failure is a failure. A cancelled task is kept for its RETAIN; one with a \
        handle for the queue's setting retain-failed, so that somebody can end the work \
        outside (WF.LIST queue STATE cancelled HANDLES). Tasks that have ended are left alone. \
        COUNT: at most so many (10,000). WORKFLOW: all unfinished tasks of this workflow at once; \
        nothing of it starts any more, no task with AFTERANY either. A task of a workflow that is \
        cancelled by its id is to the others as one that has failed; if nothing has failed \
        besides, the workflow ends cancelled.\n\n\
        Errors: NOWORKFLOW, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let (mut ids, mut limit, mut workflow) = (Default::default(), BULK, None);
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"IDS" => ids = call.args.ids("numids")?,
            b"COUNT" => limit = call.args.count("count")?,
            b"WORKFLOW" => workflow = Some(call.args.id("workflow")?),
            _ => return Err(args::unknown(word)),
        }
    }
    if ids.is_empty() == workflow.is_none() {
        return Err(args::syntax("one of IDS and WORKFLOW", "is needed"));
    }
    let queue = call.keys.open(queue);
    if let Some(id) = workflow {
        return steer(call, queue, id, |known, at| known.decide_cancel_workflow(id, at));
    }
    carry_out(call, queue, |known, at| known.decide_cancel(&ids, limit, at))
}
