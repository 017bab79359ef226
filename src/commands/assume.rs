//! WF.ASSUME: "give me some identity": RECOVER of one that nobody has.
//!
//! One that left work behind comes first, so that a process that replaces a dead one finds its
//! work, whatever its name was.

use super::args;
use super::identity::held_in;
use super::places::Places;
use super::pool::lease;
use super::recovery::{Identity, Wish, recover};
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Key, Next};
use crate::engine::agent::Agent;
use crate::engine::epoch::begins_current_epoch;
use crate::engine::pool::identity;
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
        common::BLOCK,
    ],
    reply: "as WF.RECOVER, always with lease; null when no identity is free",
    details: "\
        An identity is free when its lease is over, or nobody ever assumed it. It is \
        recovered as by WF.RECOVER and leased in the same step; every call under it must give \
        the EPOCH replied, renews the lease, and WF.BEAT does so when there is no other call \
        to make. LEASE: instead of the pool's. BLOCK: wait so many milliseconds for an \
        identity, 0 for ever; in MULTI or a script it replies at once. REQID: the same request \
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
    let (facts, numbers) = (*pool.facts(), pool.numbers());
    wish.lease_ms = wish.lease_ms.or(Some(facts.lease_ms));
    let names: Vec<(u32, Vec<u8>)> =
        numbers.map(|number| (number, identity(name, number))).collect();
    let all = open_all(call, (name, key), names)?;
    let again = |one: &&Candidate| {
        let known = call.keys.agent(one.key).ok().flatten();
        let of_this = known.is_some_and(|known| known.pool() == Some(name));
        of_this && begins_current_epoch(known, wish.request)
    };
    let picked = match all.iter().find(again) {
        Some(again) => Some(again),
        None if facts.draining => return Err(Refusal::Draining(name.to_vec())),
        None => pick(call, key, facts.size, &all)?,
    };
    let Some(Candidate { number, name: agent, key: agent_key }) = picked else {
        return Ok(nothing(call, key, block_ms));
    };
    let places = Places::find(call, *agent_key, &[], None, Access::Update)?;
    let reached = call.keys.pool(key)?.and_then(|pool| pool.decide_reach(*number, call.at));
    if let Some(batch) = reached {
        call.keys.commit_pool(key, batch);
    }
    let identity = Identity { name: agent, key: *agent_key, pool: Some(name) };
    recover(call, identity, &wish, &places)?;
    Ok(Next::Replied)
}

/// Opens the identities of a pool; those that cannot be used as such are left out.
fn open_all<'a>(
    call: &mut Call<'_, 'a>,
    (_, pool): (&'a [u8], Key),
    names: Vec<(u32, Vec<u8>)>,
) -> Result<Vec<Candidate>, Refusal> {
    let wanted: Vec<&[u8]> = names.iter().map(|(_, name)| name.as_slice()).collect();
    let keys = call.keys.open_named(pool, &wanted, Access::Update)?;
    let usable = |key: Key| match call.keys.agent(key) {
        Ok(known) => known.is_none_or(|known| !known.is_diverged()),
        Err(_) => false,
    };
    let opened = names.into_iter().zip(keys);
    let opened = opened.filter_map(|((number, name), key)| Some((number, name, key?)));
    let usable = opened.filter(|(.., key)| usable(*key));
    Ok(usable.map(|(number, name, key)| Candidate { number, name, key }).collect())
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
    let known = free.iter().filter_map(|one| agent(one)).flat_map(Agent::queues);
    let mut names: Vec<Vec<u8>> = known.map(<[u8]>::to_vec).collect();
    names.sort_unstable();
    names.dedup();
    let wanted: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let opened = call.keys.open_named(pool, &wanted, Access::Update)?;
    let queues: Vec<Key> = opened.into_iter().flatten().collect();
    let with_work = free.iter().find(|one| held_in(call.keys, &one.name, &queues) > 0);
    let idle = || free.iter().find(|one| one.number <= size);
    Ok(with_work.or_else(idle).copied())
}

fn nothing(call: &mut Call<'_, '_>, pool: Key, block_ms: Option<u64>) -> Next {
    match block_ms {
        Some(timeout_ms) if call.keys.may_block() => Next::Wait { keys: vec![pool], timeout_ms },
        _ => {
            call.reply.null();
            Next::Replied
        }
    }
}
