//! WF.RECOVER: "I am this agent now: what was my predecessor doing?"
//!
//! Renews the epoch, so that the predecessor, should it still live, can change nothing any more;
//! then asks each queue that the identity took from for what it holds there. May be repeated at any
//! time; with REQID a repetition counts nothing twice.

use super::args::{self, Args};
use super::places::Places;
use super::recovery::{Wish, recover};
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::epoch::{begins_current_epoch, may_assume};
use crate::engine::refusal::Refusal;

/// WF.RECOVER.
pub(super) static RECOVER: Spec = Spec {
    name: "wf.recover",
    summary: "Assumes an identity anew and tells what it holds",
    complexity: "O(Q + C) in the queues the agent took from and the tasks replied or moved",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -2,
    keys: &[Keys::At(1, Access::Update), Keys::After("QUEUES", Access::Update)],
    args: &[
        Arg::key("agent-id", 0),
        common::MODE,
        common::EPOCH,
        common::LEASE,
        Arg::word("force", "FORCE").optional(),
        common::REQID,
        common::QUEUES,
        common::COUNT,
        common::WITHRESULTS,
    ],
    reply: "\
        a map: agent, epoch, tasks, quarantined, missing, more, cursor; count with RELEASE, \
        FAIL; lease (milliseconds) if the identity has one",
    details: "\
        Renews the epoch: calls under any epoch before are STALE from now on, and all fences \
        given so far are void. An identity that is not there is made. KEEP (the default): the \
        tasks stay with the identity, each counts a crash and gets a new fence; besides what \
        WF.POP tells, each has queue, running-for and, with a TIMEOUT, remaining (milliseconds); \
        a TIMEOUT starts anew. RELEASE: they are ready again, a crash each. FAIL: they fail, a \
        failure each; those with RETRIES left are tried again. A task that has seen as many \
        crashes as the queue's setting crashes allows is failed instead and listed under \
        quarantined. What an identity left that had retired counts an interruption each instead \
        of a crash. EPOCH: only if this is the current one. LEASE: the identity counts as \
        alive for so long without a call, and every call must give EPOCH; 0 ends that; nothing \
        said leaves it as it was. While the lease is alive only its holder, who gives EPOCH, or \
        FORCE recovers it. REQID: the same request again renews nothing and counts nothing. \
        QUEUES: look there too, besides where the agent took from; missing names queues that \
        are not there. COUNT: tasks replied (1,000) or moved (10,000) at the most; more is 1 \
        and cursor is for WF.HELD if there are others. WITHRESULTS: as for WF.POP.\n\n\
        Errors: STALE, BUSYAGENT (the lease is alive), NOPERM (a queue that the caller may not \
        use), TRYAGAIN (one that this node does not serve now), WRONGTYPE, ERR (more than \
        1,024 QUEUES, or QUEUES twice).",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("agent-id")?;
    let (mut epoch, mut force, mut queues, mut wish) = (None, false, &[][..], Wish::default());
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"EPOCH" => epoch = Some(call.args.id("epoch")?),
            b"FORCE" => force = true,
            b"QUEUES" => queues = self::queues(&mut call.args, queues)?,
            _ if wish.option(&token, &mut call.args)? => {}
            _ => return Err(args::unknown(word)),
        }
    }
    wish.request.map_or(Ok(&[][..]), not_queues)?;
    let agent = call.keys.open(name);
    let known = call.keys.agent(agent)?;
    // A repetition names the epoch before the one that it began itself.
    let again = begins_current_epoch(known, wish.request);
    may_assume(known, name, epoch.filter(|_| !again), force || again, call.at)?;
    let places = Places::find(call, agent, queues, None, Access::Update)?;
    recover(call, (name, agent), &wish, &places)?;
    Ok(Next::Replied)
}

/// Reads the queues that a call names, once: the server takes what follows the first word QUEUES
/// for keys, and has asked for the rights to those and no others.
pub(super) fn queues<'a>(args: &mut Args<'a>, before: &[&[u8]]) -> Result<&'a [&'a [u8]], Refusal> {
    if !before.is_empty() {
        return Err(args::syntax("QUEUES", "is given twice"));
    }
    args.queues()
}

/// A value that could be mistaken for that word is refused.
pub(super) fn not_queues(word: &[u8]) -> Result<&[u8], Refusal> {
    if word.eq_ignore_ascii_case(b"QUEUES") {
        return Err(args::syntax("QUEUES", "cannot be the value of an option"));
    }
    Ok(word)
}
