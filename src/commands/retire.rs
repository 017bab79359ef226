//! WF.RETIRE: a clean stop. The identity is free at once, and nothing counts as a crash.

use super::args;
use super::bulk::BULK;
use super::due::give_up;
use super::identity::{held_in, orphan_ms, pool_of};
use super::places::Places;
use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Next};
use crate::engine::agent::Why;
use crate::engine::epoch::required_epoch;
use crate::engine::refusal::Refusal;

/// WF.RETIRE.
pub(super) static RETIRE: Spec = Spec {
    name: "wf.retire",
    summary: "Ends an agent's work cleanly",
    complexity: "O(Q + N) in the queues the agent took from and the tasks it holds",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -4,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("agent-id", 0),
        Arg::integer("epoch").after("EPOCH"),
        Arg::one_of("mode", &[Arg::word("release", "RELEASE"), Arg::word("keep", "KEEP")])
            .optional(),
    ],
    reply: "OK",
    details: "\
        Ends the epoch and the lease. RELEASE (the default): the tasks are ready again, an \
        interruption each; beyond 10,000 the rest follows within moments. KEEP: they stay with \
        the identity, for its successor; an interruption each, once that recovers them. An \
        identity that holds nothing is deleted.\n\n\
        Errors: STALE, NOPERM, TRYAGAIN, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("agent-id")?;
    let (mut epoch, mut keep) = (None, None);
    while let Some((token, word)) = call.args.option() {
        let said = match token.as_slice() {
            b"EPOCH" => {
                epoch = Some(call.args.id("epoch")?);
                continue;
            }
            b"RELEASE" => false,
            b"KEEP" => true,
            _ => return Err(args::unknown(word)),
        };
        if keep.replace(said).is_some_and(|before| before != said) {
            return Err(args::syntax("RELEASE and KEEP", "exclude each other"));
        }
    }
    let epoch = required_epoch(name, epoch)?;
    let agent = call.authorize(name, Some(epoch))?;
    let places = Places::find(call, agent, &[], None, Access::Update)?;
    let queues: Vec<_> = places.open.iter().map(|place| place.key).collect();
    let pool = pool_of(call.keys, name, agent);
    let keep = keep.unwrap_or(false);
    if !keep {
        give_up(call.keys, (name, &queues), Why::Retired, BULK, call.at);
    }
    if held_in(call.keys, name, &queues) == 0 {
        call.keys.remove(agent);
    } else if let Some(known) = call.keys.agent(agent)? {
        let batch = known.decide_retire(keep, orphan_ms(call.keys, pool), call.at);
        call.keys.commit_agent(agent, batch);
    }
    pool.into_iter().for_each(|pool| call.keys.wake(pool));
    call.reply.ok();
    Ok(Next::Replied)
}
