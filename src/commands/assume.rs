//! WF.ASSUME: "give me some identity": RECOVER of one that nobody has.
//!
//! One that left work behind comes first, so that a process that replaces a dead one finds its
//! work, whatever its name was.

use super::args;
use super::identity::{held_in, open_members, open_queues};
use super::places::Places;
use super::pool::lease;
use super::recovery::{Wish, recover};
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Key, Next};
use crate::engine::epoch::begins_current_epoch;
use crate::engine::refusal::Refusal;

/// WF.ASSUME.
pub(super) static ASSUME: Spec = Spec {
    name: "wf.assume",
    summary: "Assumes a free identity of a pool, first of all one that left work behind",
    complexity: "O(N + Q + C) in the pool's identities, the queues the free ones took from, and \
                 the tasks replied or moved",
    since: "0.1.0",
    flags: "write blocking",
    categories: "write blocking",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("pool", 0),
        common::MODE,
        common::LEASE,
        common::REQID,
        common::COUNT,
        common::WITHRESULTS,
        common::BLOCK,
    ],
    reply: "as WF.RECOVER, always with lease; null when no identity is free",
    details: "\
        An identity is free when its lease is over, or nobody ever assumed it. It is \
        recovered as by WF.RECOVER and leased in the same step; every call under it must give \
        the EPOCH replied, renews the lease, and WF.BEAT does so when there is no other call \
        to make. LEASE: instead of the pool's. BLOCK: wait so many milliseconds for an \
        identity, 0 for ever; in MULTI or a script it replies at once. A draining pool refuses \
        at once, too. REQID: the same request \
        again replies the same identity under the same epoch. The caller needs the right to \
        change all identities of the pool, and the queues that the free ones took from.\n\n\
        Errors: NOAGENT (there is no such pool), DRAINING, NOPERM, TRYAGAIN, WRONGTYPE, ERR.",
    run,
};

/// An identity that could be assumed.
struct Candidate {
    number: u32,
    name: Vec<u8>,
    key: Key,
}

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("pool")?;
    let (mut wish, mut block_ms) = (Wish::default(), None);
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"BLOCK" => block_ms = Some(call.args.ms("BLOCK")?),
            _ if wish.option(&token, &mut call.args)? => {}
            _ => return Err(args::unknown(word)),
        }
    }
    wish.lease_ms.map_or(Ok(0), lease)?;
    let key = call.keys.open(name);
    let pool = call.keys.pool_to_change(key)?.ok_or_else(|| Refusal::NoAgent(name.to_vec()))?;
    let facts = *pool.facts();
    wish.lease_ms = wish.lease_ms.or(Some(facts.lease_ms));
    let all = usable(call, (name, key))?;
    let again = |one: &&Candidate| {
        begins_current_epoch(call.keys.agent(one.key).ok().flatten(), wish.request)
    };
    let picked = match all.iter().find(again) {
        Some(again) => Some(again),
        None if facts.drain.is_some() => return Err(Refusal::PoolDraining(name.to_vec())),
        None => pick(call, key, facts.size, &all)?,
    };
    let Some(Candidate { name: agent, key: agent_key, .. }) = picked else {
        return Ok(nothing(call, key, block_ms));
    };
    let places = Places::find(call, *agent_key, &[], None, Access::Update)?;
    recover(call, (agent, *agent_key), &wish, &places)?;
    Ok(Next::Replied)
}

/// The identities of a pool, without those whose keys cannot be used as such.
fn usable(call: &mut Call<'_, '_>, pool: (&[u8], Key)) -> Result<Vec<Candidate>, Refusal> {
    let all = open_members(call, pool)?.into_iter();
    let all = all.map(|(number, name, key)| Candidate { number, name, key });
    Ok(all.filter(|one| call.keys.agent_to_change(one.key).is_ok()).collect())
}

/// The first free identity that holds work; if none does, the first free one within the size.
fn pick<'c>(
    call: &mut Call<'_, '_>,
    pool: Key,
    size: u32,
    all: &'c [Candidate],
) -> Result<Option<&'c Candidate>, Refusal> {
    let agent = |one: &Candidate| call.keys.agent(one.key).ok().flatten();
    let is_free = |one: &&Candidate| agent(one).is_none_or(|agent| !agent.is_assumed(call.at));
    let free: Vec<&Candidate> = all.iter().filter(is_free).collect();
    let agents: Vec<Key> = free.iter().map(|one| one.key).collect();
    let queues = open_queues(call, pool, &agents)?;
    let with_work = free.iter().find(|one| held_in(call.keys, &one.name, &queues) > 0);
    let idle = || free.iter().find(|one| one.number <= size);
    Ok(with_work.or_else(idle).copied())
}

fn nothing(call: &mut Call<'_, '_>, pool: Key, block_ms: Option<u64>) -> Next {
    match block_ms {
        Some(timeout_ms) if call.keys.may_block() => {
            Next::Wait { keys: vec![pool], turn: None, timeout_ms }
        }
        _ => {
            call.reply.null();
            Next::Replied
        }
    }
}
