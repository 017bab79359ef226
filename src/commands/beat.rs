//! WF.BEAT: the agent lives, and asks what is wanted of it.

use super::args;
use super::identity::{drains, pool_of, reach};
use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Key, Next, Reply};
use crate::engine::agent::Agent;
use crate::engine::epoch::required_epoch;
use crate::engine::refusal::Refusal;
use crate::engine::task::Task;

/// WF.BEAT.
pub(super) static BEAT: Spec = Spec {
    name: "wf.beat",
    summary: "Renews an agent's lease and tells what is wanted of it",
    complexity: "O(Q + N) in the queues the agent took from and the tasks to be cancelled",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -4,
    keys: &[Keys::At(1, Access::Update)],
    args: &[Arg::key("agent-id", 0), Arg::integer("epoch").after("EPOCH")],
    reply: "a map: lease (milliseconds left) if the agent has one, draining 0 or 1, cancel",
    details: "\
        Any other call under the epoch renews the lease too; that is recorded every quarter of \
        its length, so it may end after three quarters without a call. draining: the agent or \
        its pool is to take nothing more. cancel: the tasks it holds that are to be cancelled, \
        each with queue, id and fence (1,000 at the most).\n\n\
        Errors: STALE, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("agent-id")?;
    let mut epoch = None;
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"EPOCH" => epoch = Some(call.args.id("epoch")?),
            _ => return Err(args::unknown(word)),
        }
    }
    let epoch = required_epoch(name, epoch)?;
    let agent = call.authorize(name, Some(epoch))?;
    let beat = call.keys.agent(agent)?.and_then(|known| known.decide_beat(call.at));
    if let Some(batch) = beat {
        call.keys.commit_agent(agent, batch);
    }
    let pool = pool_of(call.keys, name, agent);
    reach(call.keys, name, pool, call.at);
    let draining = drains(call.keys, agent, pool);
    let lease_ms = call.keys.agent(agent)?.and_then(|known| known.lease_left_ms(call.at));
    let cancelled = cancelled(call, name, agent);
    call.reply.map(2 + usize::from(lease_ms.is_some()));
    if let Some(lease_ms) = lease_ms {
        call.reply.bytes(b"lease");
        call.reply.integer(lease_ms as i64);
    }
    call.reply.bytes(b"draining");
    call.reply.integer(draining.into());
    call.reply.bytes(b"cancel");
    call.reply.array(cancelled.len());
    cancelled.iter().for_each(|task| task.write(call.reply));
    Ok(Next::Replied)
}

/// Cancelled tasks that one reply tells; others are told once these are gone.
const CANCELLED_MAX: usize = 1_000;

/// A task whose cancellation is asked of the agent that holds it.
struct Cancelled {
    queue: Vec<u8>,
    id: u64,
    fence: u64,
}

impl Cancelled {
    fn write(&self, reply: &mut dyn Reply) {
        reply.map(3);
        reply.bytes(b"queue");
        reply.bytes(&self.queue);
        reply.bytes(b"id");
        reply.integer(self.id as i64);
        reply.bytes(b"fence");
        reply.integer(self.fence as i64);
    }
}

/// The tasks of an agent whose cancellation is asked of it, as many as one reply tells.
fn cancelled(call: &mut Call<'_, '_>, name: &[u8], agent: Key) -> Vec<Cancelled> {
    let known = call.keys.agent(agent).ok().flatten();
    let names: Vec<Vec<u8>> =
        known.into_iter().flat_map(Agent::queues).map(<[u8]>::to_vec).collect();
    let mut found = Vec::new();
    for queue in names {
        let key = call.keys.open_own(agent, &queue);
        let known = key.and_then(|key| call.keys.queue(key).ok().flatten());
        let tasks = known.into_iter().flat_map(|known| known.cancelling(name));
        let told = |task: &Task| Cancelled { queue: queue.clone(), id: task.id, fence: task.order };
        found.extend(tasks.take(CANCELLED_MAX - found.len()).map(told));
    }
    found
}
