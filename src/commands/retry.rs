//! WF.RETRY: what has failed may run again.

use super::args;
use super::bulk::{BULK, carry_out, steer};
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::cancel::Failed;
use crate::engine::refusal::Refusal;

/// WF.RETRY.
pub(super) static RETRY: Spec = Spec {
    name: "wf.retry",
    summary: "Makes failed tasks ready again",
    complexity: "O(N) in the ids, or in the failed tasks",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -3,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::one_of(
            "which",
            &[
                common::IDS,
                Arg::integer("workflow").after("WORKFLOW"),
                Arg::word("failed", "FAILED"),
                Arg::word("quarantined", "QUARANTINED"),
            ],
        ),
        common::COUNT,
    ],
    reply: "a map: count, and more (1 if there are others beyond COUNT)",
    details: "\
        IDS: those named; FAILED: every failed task; QUARANTINED: those that failed since too \
        many of their owners crashed. Failures, crashes and interruptions are forgotten; \
        checkpoint, progress and handle stay. A task whose UNIQUE key another unfinished task \
        has by now is left alone, and so are tasks of workflows. WORKFLOW: what has failed of \
        this workflow, was cancelled or could not start runs again, as its parents allow; what is \
        done stays done, also a task with AFTERANY; one that does not run yet waits again for \
        what it had waited for. The setting maxlen refuses none of them. COUNT: at most so many \
        (10,000).\n\n\
        Errors: NOWORKFLOW (it is not there, or still being cancelled), WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let (mut ids, mut limit, mut workflow) = (smallvec::SmallVec::new(), BULK, None);
    let mut words = [false; 3];
    while let Some((token, word)) = call.args.option() {
        let [named, failed, quarantined] = &mut words;
        match token.as_slice() {
            b"IDS" => {
                ids = call.args.ids("numids")?;
                *named = true;
            }
            b"FAILED" => *failed = true,
            b"QUARANTINED" => *quarantined = true,
            b"COUNT" => limit = call.args.count("count")?,
            b"WORKFLOW" => workflow = Some(call.args.id("workflow")?),
            _ => return Err(args::unknown(word)),
        }
    }
    let queue = call.keys.open(queue);
    let which = match (words, workflow) {
        ([true, false, false], None) => Failed::Ids(&ids),
        ([false, true, false], None) => Failed::All,
        ([false, false, true], None) => Failed::Quarantined,
        ([false, false, false], Some(id)) => {
            return steer(call, queue, id, |known, at| known.decide_retry_workflow(id, at));
        }
        _ => {
            let which = "one of IDS, WORKFLOW, FAILED and QUARANTINED";
            return Err(args::syntax(which, "is needed"));
        }
    };
    carry_out(call, queue, |known, at| known.decide_retry(&which, limit, at))
}
