//! WF.POOL: names for a fleet of processes that need not agree on who is who.

use super::args;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::pool::{Change, Pool, SIZE_MAX, can_be_named};
use crate::engine::refusal::Refusal;

/// WF.POOL.
pub(super) static POOL: Spec = Spec {
    name: "wf.pool",
    summary: "Makes or changes a pool of identities",
    complexity: "O(1)",
    since: "0.1.0",
    flags: "write fast",
    categories: "write fast",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("pool", 0),
        Arg::integer("identities").after("SIZE").optional(),
        common::LEASE,
        Arg::integer("milliseconds").after("ORPHAN").optional(),
    ],
    reply: "OK",
    details: "\
        Identities are named `<pool>:1`, `<pool>:2` and so on, or `{<pool>}:1` when the pool's \
        name has no hash tag, so that all are in one cluster slot. SIZE: how many there are, 1 \
        to 10,000 (1). LEASE: for how long an identity that was assumed counts as alive without \
        a call (30,000). ORPHAN: so long after the end of its lease, or after it retired with \
        KEEP, what an identity holds is released, a crash each (0: never); a change holds for \
        those that are without a lease already. What is not given stays as it was. Whoever acts \
        under the name of an identity, though it was not assumed, belongs to the pool from its \
        next call on; without a lease it counts as free. When the pool is made smaller, \
        identities beyond it stay with whoever has them, and are assumed again only while they \
        hold work.\n\n\
        Errors: WRONGTYPE, ERR (a name that is nothing but a hash tag, or has a } that is part \
        of none).",
    run,
};

/// What is wrong with a name that a pool cannot have.
const WRONG_NAME: &str = "must not be empty, nor have a } outside of a hash tag, nor be one";

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("pool")?;
    let mut change = Change::default();
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"SIZE" => {
                let size = call.args.count("SIZE")?;
                let size = u32::try_from(size).ok().filter(|size| *size <= SIZE_MAX);
                let wrong = || args::syntax("SIZE", &format!("is more than {SIZE_MAX}"));
                change.size = Some(size.ok_or_else(wrong)?);
            }
            b"LEASE" => change.lease_ms = Some(lease(call.args.ms("LEASE")?)?),
            b"ORPHAN" => change.orphan_ms = Some(call.args.ms("ORPHAN")?),
            _ => return Err(args::unknown(word)),
        }
    }
    if !can_be_named(name) {
        return Err(args::syntax("pool", WRONG_NAME));
    }
    let pool = call.keys.open(name);
    let known = call.keys.pool_to_change(pool)?;
    if let Some(batch) = Pool::decide_set(known, change, call.at) {
        call.keys.commit_pool(pool, batch);
    }
    call.reply.ok();
    Ok(Next::Replied)
}

/// A lease that a pool gives: without one, two could have the same identity.
pub(super) fn lease(ms: u64) -> Result<u64, Refusal> {
    if ms == 0 { Err(args::syntax("LEASE", "must be at least 1")) } else { Ok(ms) }
}
