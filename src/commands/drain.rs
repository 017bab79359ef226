//! WF.DRAIN: a stop that is waited for. Nothing new is handed out; what runs may finish; and what
//! still runs when the time is over is reset, if that was asked for.
//!
//! The limit is a deadline of the key itself: what was planned happens whether or not the caller is
//! still there.

use super::args;
use super::bulk::BULK;
use super::identity::{
    Holdings, Member, Thing, held_count, members, open_members, open_queues, thing,
};
use super::places::Places;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Key, Keyspace, Next, due};
use crate::engine::agent::{Agent, Why};
use crate::engine::event::{Batch, QueueEvent};
use crate::engine::numbers::later;
use crate::engine::pool::Pool;
use crate::engine::queue::{Hold, Queue};
use crate::engine::refusal::Refusal;
use crate::engine::task::State;

/// How much longer a caller waits for a reset than for tasks to end, in milliseconds: many tasks
/// are reset in slices.
const RESETTING_MS: u64 = 2_000;

/// Identities of a pool that one call stops at once; the others follow within moments.
const MEMBERS: usize = 128;

/// WF.DRAIN.
pub(super) static DRAIN: Spec = Spec {
    name: "wf.drain",
    summary: "Hands out no more tasks, waits for those that run, and resets what is left",
    complexity: "O(1); O(N) in a pool's identities; with RESET O(N) in the tasks reset, in slices",
    since: "0.1.0",
    flags: "write blocking",
    categories: "write blocking",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[Arg::key("key", 0), common::BLOCK, Arg::word("reset", "RESET").optional()],
    reply: "a map: running (tasks that still run) and reset (tasks that were reset so far)",
    details: "\
        A queue: none of its tasks is handed out until WF.RESUME. An agent: it takes nothing more \
        until its epoch ends, or WF.RESUME. A pool: the same for every identity, and none can be \
        assumed, until WF.RESUME. BLOCK: wait so many \
        milliseconds until nothing runs any more, 0 for ever; in MULTI or a script it replies at \
        once. RESET: when that time is over (without BLOCK: now), what still runs is reset, an \
        interruption each, as WF.RESET does it; also when the caller is gone by then. With \
        BLOCK 0 that time never comes. Of several plans the last one counts; WF.RESUME calls it \
        off, and so does whoever recovers an agent that was drained itself. An agent that retired \
        and left work is reset, too. RESET needs the right to change all identities of a \
        pool, and the queues that they, or the agent, took from. An identity that has retired \
        and held nothing is gone: no such key.\n\n\
        Errors: NOPERM, TRYAGAIN, WRONGTYPE, ERR (also when there is no such key).",
    run,
};

/// What the caller wants.
struct Asked {
    block_ms: Option<u64>,
    resets: bool,
}

impl Asked {
    /// When what still runs is reset, Unix time in milliseconds.
    fn reset_ms(&self, now_ms: u64) -> Option<u64> {
        match self.block_ms {
            _ if !self.resets => None,
            None => Some(now_ms),
            Some(0) => None,
            Some(block_ms) => Some(later(now_ms, block_ms)),
        }
    }
}

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("key")?;
    let mut asked = Asked { block_ms: None, resets: false };
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"BLOCK" => asked.block_ms = Some(call.args.ms("BLOCK")?),
            b"RESET" => asked.resets = true,
            _ => return Err(args::unknown(word)),
        }
    }
    let key = call.keys.open(name);
    let begins = !call.rules.woken && !call.rules.timed_out;
    let (mut known, mut ended) = (None, None);
    if begins {
        match thing(call.keys, key)? {
            Thing::Nothing => {}
            Thing::Queue => begin_of_queue(call, key, &asked)?,
            Thing::Agent => ended = begin_of_agent(call, (name, key), &asked)?,
            Thing::Pool => known = begin_of_pool(call, (name, key), &asked)?,
        }
    }
    let Standing { drains, running, reset } = match ended {
        Some(ended) => ended,
        None => standing(call, (name, key), known)?,
    };
    // Who resumes it ends the wait, too.
    if running > 0
        && drains
        && !call.rules.timed_out
        && call.keys.may_block()
        && let Some(block_ms) = asked.block_ms
    {
        let resetting_ms = if asked.resets && block_ms > 0 { RESETTING_MS } else { 0 };
        return Ok(Next::Watch { key, timeout_ms: block_ms.saturating_add(resetting_ms) });
    }
    call.reply.map(2);
    call.reply.bytes(b"running");
    call.reply.integer(running as i64);
    call.reply.bytes(b"reset");
    call.reply.integer(reset as i64);
    Ok(Next::Replied)
}

/// How a drain stands.
struct Standing {
    drains: bool,
    running: u64,
    reset: u64,
}

/// `known`: the identities of a pool, where they are known already.
fn standing(
    call: &mut Call<'_, '_>,
    (name, key): (&[u8], Key),
    known: Option<Vec<Member>>,
) -> Result<Standing, Refusal> {
    match thing(call.keys, key)? {
        // It was there when the wait began.
        Thing::Nothing => Err(Refusal::NoSuchKey(name.to_vec())),
        Thing::Queue => {
            let known = call.keys.queue(key)?;
            let running = known.map_or(0, |queue| queue.count(State::Running));
            let (drains, reset) = match known.and_then(Queue::hold) {
                Some(Hold::Draining { reset, .. }) => (true, reset),
                Some(Hold::Paused) | None => (false, 0),
            };
            Ok(Standing { drains, running, reset })
        }
        Thing::Agent => {
            let running = held_count(call.keys, name, key);
            let known = call.keys.agent(key)?;
            let drains = known.is_some_and(Agent::has_stopped);
            let stop = known.and_then(Agent::stop).filter(|stop| stop.why == Why::Drained);
            Ok(Standing { drains, running, reset: stop.map_or(0, |stop| stop.reset) })
        }
        Thing::Pool => {
            let drains = call.keys.pool(key)?.is_some_and(Pool::is_draining);
            let members = known.unwrap_or_else(|| members(call.keys, name, key));
            let running = Holdings::of(call.keys, &members).total(call.keys, &members);
            Ok(Standing { drains, running, reset: pool_reset(call.keys, key) })
        }
    }
}

/// How it stands, if the identity had retired and is gone with the last of what it left.
fn begin_of_agent(
    call: &mut Call<'_, '_>,
    (name, key): (&[u8], Key),
    asked: &Asked,
) -> Result<Option<Standing>, Refusal> {
    let at = call.at;
    call.keys.agent_to_change(key)?;
    if asked.resets {
        // What it holds is to be changed, in queues that the caller must have the right to.
        Places::find(call, key, &[], None, Access::Update)?;
    }
    let known = call.keys.agent_to_change(key)?;
    if let Some(batch) = known.and_then(|known| known.decide_drain(asked.reset_ms(at.ms), at)) {
        call.keys.commit_agent(key, batch);
    }
    let held = held_count(call.keys, name, key);
    // The first slice is this call's; the rest, if there is any, follows by the timer.
    due::agent(call.keys, (name, key), BULK, at);
    let is_gone = call.keys.agent(key)?.is_none();
    Ok(is_gone.then_some(Standing { drains: true, running: 0, reset: held }))
}

fn begin_of_pool(
    call: &mut Call<'_, '_>,
    (name, key): (&[u8], Key),
    asked: &Asked,
) -> Result<Option<Vec<Member>>, Refusal> {
    let at = call.at;
    call.keys.pool_to_change(key)?;
    let mut members = None;
    if asked.resets {
        // As with an agent.
        let all = open_members(call, (name, key))?;
        let agents: Vec<Key> = all.iter().map(|(.., member)| *member).collect();
        open_queues(call, key, &agents)?;
        members = Some(all.into_iter().map(|(_, name, member)| (name, member)).collect());
    }
    let reset_ms = asked.reset_ms(at.ms);
    let known = call.keys.pool_to_change(key)?;
    if let Some(batch) = known.and_then(|known| known.decide_drain(reset_ms, at)) {
        call.keys.commit_pool(key, batch);
    }
    if reset_ms.is_none_or(|ms| ms > at.ms) {
        return Ok(members);
    }
    // What is told here is handed back here, too.
    due::pool(call.keys, (name, key), MEMBERS, at);
    let mut left = BULK;
    for (name, member) in members.iter().flatten().take(MEMBERS) {
        let before = pool_reset(call.keys, key);
        due::agent(call.keys, (name, *member), left, at);
        left = left.saturating_sub((pool_reset(call.keys, key) - before) as usize);
        if left == 0 {
            break;
        }
    }
    Ok(members)
}

/// How many tasks of a pool's identities were handed back since it drains.
fn pool_reset(keys: &dyn Keyspace<'_>, pool: Key) -> u64 {
    let known = keys.pool(pool).ok().flatten();
    known.and_then(|pool| pool.facts().drain).map_or(0, |drain| drain.count)
}

fn begin_of_queue(call: &mut Call<'_, '_>, key: Key, asked: &Asked) -> Result<(), Refusal> {
    let Some(known) = call.keys.queue_to_change(key)? else { return Ok(()) };
    let now_ms = call.at.ms;
    let planned_ms = match known.hold() {
        Some(Hold::Draining { reset_ms, .. }) => Some(reset_ms),
        Some(Hold::Paused) | None => None,
    };
    let reset_ms = asked.reset_ms(now_ms).or(planned_ms.flatten());
    if planned_ms != Some(reset_ms) {
        call.keys.commit_queue(key, Batch::of(now_ms, QueueEvent::Drained { reset_ms }));
    }
    if reset_ms.is_some_and(|ms| ms <= now_ms) {
        // The first slice is this call's; the rest, if there is any, follows by the timer.
        let batch = call.keys.queue(key)?.map(|queue| queue.decide_drain_reset(BULK, call.at));
        batch.into_iter().for_each(|batch| call.keys.commit_queue(key, batch));
    }
    Ok(())
}
