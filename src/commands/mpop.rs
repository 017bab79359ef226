//! WF.MPOP: POP from the first of several queues that has something.

use super::spec::{Access, Arg, Keys, Spec, common};
use super::taking::Taking;
use super::{Call, Next};
use crate::engine::refusal::Refusal;

/// WF.MPOP.
pub(super) static MPOP: Spec = Spec {
    name: "wf.mpop",
    summary: "Takes the next ready task of the first queue that has one",
    complexity: "O(Q + log N) in the queues named, and as WF.POP",
    since: "0.1.0",
    flags: "write blocking",
    categories: "write blocking",
    arity: -4,
    keys: &[Keys::At(1, Access::Update), Keys::Counted(2, Access::Update)],
    args: &[
        Arg::key("agent-id", 0),
        Arg::integer("numqueues"),
        Arg::key("queue", 1).many(),
        common::EPOCH,
        common::TYPES,
        common::MAXPRIORITY,
        common::COUNT,
        common::BLOCK,
        common::REQID,
        common::WITHRESULTS,
    ],
    reply: "as WF.POP, with the field queue in each task",
    details: "\
        Looks at the queues, 1,024 at the most, in the order given. The options mean what \
        they mean for WF.POP. With REQID the answer that a queue gave is found again, in \
        whichever it was.\n\n\
        Errors: as WF.POP.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let agent = call.args.word("agent-id")?;
    let names = call.args.queues()?;
    let taking = Taking::parse(agent, &mut call.args)?;
    let queues: Vec<_> = names.iter().map(|name| (*name, call.keys.open(name))).collect();
    let agent = call.keys.open(agent);
    taking.run(call, agent, &queues, true)
}
