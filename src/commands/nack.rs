//! WF.NACK: the agent hands tasks back on purpose. An interruption, not a failure: it costs the
//! task nothing, but it stands behind its equals.

use super::args;
use super::done::same_number;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::finish::Several;
use crate::engine::refusal::Refusal;

/// WF.NACK.
pub(super) static NACK: Spec = Spec {
    name: "wf.nack",
    summary: "Hands tasks back, ready for whoever takes them",
    complexity: "O(N) in the ids",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -5,
    keys: &[Keys::At(1, Access::Update), Keys::At(2, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::key("agent-id", 1),
        common::EPOCH,
        common::DELAY,
        common::IDS,
        common::FENCES,
    ],
    reply: "how many were handed back; those that the agent does not hold are not",
    details: "\
        The tasks are ready again, behind their equals; progress, checkpoint and handle stay \
        with them. It counts as an interruption, not as a failure. DELAY: they are ready only \
        after so many milliseconds. A task that was to be cancelled is cancelled.\n\n\
        Errors: STALE, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let agent = call.args.word("agent-id")?;
    let (mut epoch, mut delay_ms) = (None, 0);
    let (mut ids, mut fences) = Default::default();
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"EPOCH" => epoch = Some(call.args.id("epoch")?),
            b"IDS" => ids = call.args.ids("numids")?,
            b"FENCES" => fences = call.args.ids("numfences")?,
            b"DELAY" => delay_ms = call.args.ms("DELAY")?,
            _ => return Err(args::unknown(word)),
        }
    }
    same_number(&ids, fences.len(), "FENCES")?;
    let caller = call.authorize(agent, epoch)?;
    let queue = call.keys.open(queue);
    let several = Several { ids: &ids, fences: &fences, results: &[] };
    let known = call.keys.queue_to_change(queue)?;
    let decided =
        known.and_then(|known| known.decide_hand_back(agent, &several, delay_ms, call.at));
    let count = match decided {
        Some((count, batch)) => {
            call.keys.commit_queue(queue, batch);
            count
        }
        None => 0,
    };
    call.renew(caller);
    call.reply.integer(count as i64);
    Ok(Next::Replied)
}
