//! WF.CHECK: every invariant of a queue, asked of every task.

use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Next};
use crate::engine::agent::Agent;
use crate::engine::pool::Pool;
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
    let key = call.args.word("key")?;
    let key = call.keys.open(key);
    match call.keys.queue(key) {
        Ok(Some(queue)) if queue.is_diverged() => return Err(Refusal::Diverged),
        Ok(Some(queue)) => queue.check().map_err(Refusal::Broken)?,
        Ok(None) => return Err(Refusal::NoSuchKey),
        // An agent and a pool have no invariant beyond their form.
        Err(wrong) => {
            let agent = call.keys.agent(key).ok().flatten().map(Agent::is_diverged);
            let pool = || call.keys.pool(key).ok().flatten().map(Pool::is_diverged);
            if agent.or_else(pool).ok_or(wrong)? {
                return Err(Refusal::Diverged);
            }
        }
    }
    call.reply.ok();
    Ok(Next::Replied)
}
