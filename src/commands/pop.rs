//! WF.POP: the next ready task is exchanged for the agent's identity.
//!
//! The same step that takes the task writes down who holds it, so an agent that dies with it leaves
//! nothing to guess: whoever recovers its identity finds the task there.

use super::spec::{Access, Arg, Keys, Spec, common};
use super::taking::Taking;
use super::{Call, Next};
use crate::engine::refusal::Refusal;

/// WF.POP.
pub(super) static POP: Spec = Spec {
    name: "wf.pop",
    summary: "Takes the next ready task in exchange for the agent's identity",
    complexity: "O(log N) in the types and priorities that have ready tasks, for each task taken",
    since: "0.1.0",
    flags: "write blocking fast",
    categories: "write fast blocking",
    arity: -3,
    keys: &[Keys::At(1, Access::Update), Keys::At(2, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::key("agent-id", 1),
        common::EPOCH,
        common::TYPES,
        common::MAXPRIORITY,
        common::COUNT,
        common::BLOCK,
        common::REQID,
        common::WITHRESULTS,
    ],
    reply: "the task as a map, or null; with COUNT an array of tasks",
    details: "\
        A task always has id, fence and payload, and where they say something type, name, \
        attempt, deadline (Unix milliseconds, of a task with a TIMEOUT), checkpoint, \
        progress, handle, failures, crashes, interruptions, cancel. Order: priority, then as \
        the tasks became ready. TYPES: of these types only (1,024 at the most). MAXPRIORITY: \
        no priority number beyond this one. COUNT: up to so many. BLOCK: wait so many \
        milliseconds for a task, 0 for ever; of those who would take it, who waits longest is \
        served; in MULTI or a script it replies at once. REQID: the same request again, under \
        the same epoch, replies the tasks it took that are still held. WITHRESULTS: a task of \
        a workflow also has results, a map from the names of the parents it waited for, those \
        of AFTERANY too, to what they were completed with; a parent without a RESULT is not \
        in it. An agent with a lease must give EPOCH, and waits for half of what is left of \
        the lease at the most.\n\n\
        Errors: STALE (the epoch is over, also while waiting), DRAINING (the agent or its pool \
        is to take nothing more), WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let agent = call.args.word("agent-id")?;
    let taking = Taking::parse(agent, &mut call.args)?;
    let queues = [(queue, call.keys.open(queue))];
    let agent = call.keys.open(agent);
    taking.run(call, agent, &queues, false)
}
