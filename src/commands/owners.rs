//! WF.OWNERS: who holds what, from the queue alone; for when an agent's key is lost.

use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Fields, Next};
use crate::engine::names::Named;
use crate::engine::refusal::Refusal;

/// WF.OWNERS.
pub(super) static OWNERS: Spec = Spec {
    name: "wf.owners",
    summary: "Lists the agents that hold tasks of a queue",
    complexity: "O(N log N) in the agents",
    since: "0.1.0",
    flags: "readonly",
    categories: "read",
    arity: 2,
    keys: &[Keys::At(1, Access::Read)],
    args: &[Arg::key("queue", 0)],
    reply: "an array of maps: agent, running, oldest (milliseconds since its oldest taking)",
    details: "\
        In the order of the names.\n\n\
        Errors: WRONGTYPE.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("queue")?;
    let key = call.keys.open(key);
    let Some(queue) = call.keys.queue(key)? else {
        call.reply.array(0);
        return Ok(Next::Replied);
    };
    call.reply.array(queue.holders().count());
    for owner in queue.holders() {
        let taken_ms = owner.running.first().map(|first| queue.tasks().get(first).taken_ms());
        let mut fields = Fields::default();
        fields.bytes("agent", owner.name());
        fields.integer("running", owner.running.len());
        fields.integer("oldest", call.at.ms.saturating_sub(taken_ms.unwrap_or(call.at.ms)));
        fields.write(call.reply);
    }
    Ok(Next::Replied)
}
