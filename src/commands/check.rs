//! WF.CHECK: every invariant of a queue, asked of every task.

use super::identity::{Thing, thing};
use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Next};
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;

/// WF.CHECK.
pub(super) static CHECK: Spec = Spec {
    name: "wf.check",
    summary: "Verifies every invariant of a queue or an agent",
    complexity: "O(N) in the tasks; the server does nothing else meanwhile",
    since: "0.1.0",
    flags: "readonly",
    categories: "read slow",
    arity: 2,
    keys: &[Keys::At(1, Access::Read)],
    args: &[Arg::key("key", 0)],
    reply: "OK, or an error that names the invariant that does not hold",
    details: "\
        For tests and for suspicion; nothing needs it in operation.\n\n\
        Errors: ERR (no such key, or the invariant), WRONGTYPE.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("key")?;
    let key = call.keys.open(name);
    match thing(call.keys, key)? {
        Thing::Nothing => return Err(Refusal::NoSuchKey(name.to_vec())),
        Thing::Queue => {
            let known = call.keys.queue_to_change(key)?;
            known.map_or(Ok(()), Queue::check).map_err(Refusal::Broken)?;
        }
        // An agent and a pool have no invariant beyond their form, and following their primary.
        Thing::Agent => call.keys.agent_to_change(key).map(drop)?,
        Thing::Pool => call.keys.pool_to_change(key).map(drop)?,
    }
    call.reply.ok();
    Ok(Next::Replied)
}
