//! What falls due at a key, done in slices: by the server's timer, and by the tests in its place.
//! Nobody calls, so nobody's rights are asked for; what cannot be reached is left alone.

use hashbrown::HashMap;

use super::identity::{heard_ms, held_in, orphan_ms, pool_of, queues_of};
use super::{Key, Keyspace};
use crate::engine::agent::{Agent, State, Stop, Why};
use crate::engine::event::{AgentEvent, Batch};
use crate::engine::numbers::Moment;
use crate::engine::pool::{Pool, Walk, identity};

/// Does a slice of what is due at a queue; false if nothing is.
pub fn queue(keys: &mut dyn Keyspace<'_>, key: Key, limit: usize, at: Moment) -> bool {
    let Some(known) = keys.queue(key).ok().flatten() else { return false };
    let names: Vec<Vec<u8>> = known.looked_at(limit, at).map(<[u8]>::to_vec).collect();
    let mut heard: HashMap<Vec<u8>, u64> = HashMap::new();
    for name in names {
        let agent = keys.open_own(key, &name);
        let heard_ms = heard_ms(keys, agent);
        heard.insert(name, heard_ms);
    }
    let mut heard_ms = |name: &[u8]| heard.get(name).copied().unwrap_or(0);
    let known = keys.queue(key).ok().flatten();
    let Some(tick) = known.and_then(|known| known.decide_tick(limit, at, &mut heard_ms)) else {
        return false;
    };
    if !tick.batch.events.is_empty() {
        keys.commit_queue(key, tick.batch);
    }
    keys.postpone(key, &tick.postponed);
    true
}

/// Does a slice of what is due at an agent; false if nothing is.
pub fn agent(
    keys: &mut dyn Keyspace<'_>,
    (name, key): (&[u8], Key),
    limit: usize,
    at: Moment,
) -> bool {
    let Some(known) = keys.agent(key).ok().flatten() else { return false };
    if known.next_ms(at).is_none_or(|ms| ms > at.ms) {
        return false;
    }
    let stop = known.stop_due(at);
    let pool = pool_of(keys, name, key);
    let orphan_ms = orphan_ms(keys, pool);
    let Some(known) = keys.agent(key).ok().flatten() else { return false };
    if let Some(stop) = stop {
        // What the pool says of orphans may have changed since that was planned.
        let replanned = known.decide_orphan(orphan_ms, at).filter(|_| stop.why == Why::Orphaned);
        match replanned {
            Some(batch) => keys.commit_agent(key, batch),
            None => hand_back(keys, (name, key, pool), stop, limit, at),
        }
        return true;
    }
    let Some(batch) = known.decide_lapse(orphan_ms, at) else { return false };
    keys.commit_agent(key, batch);
    // Whoever waits for a free identity has one now.
    pool.into_iter().for_each(|pool| keys.wake(pool));
    true
}

/// Does a slice of what is due at a pool; false if nothing is.
pub fn pool(
    keys: &mut dyn Keyspace<'_>,
    (name, key): (&[u8], Key),
    limit: usize,
    at: Moment,
) -> bool {
    let Some(known) = keys.pool(key).ok().flatten() else { return false };
    let Some(walk) = known.walk_due(at) else { return false };
    let orphan_ms = known.facts().orphan_ms;
    let end = walk.next.saturating_add(limit.max(1) as u32);
    let numbers = known.numbers().skip_while(|number| *number < walk.next);
    let names: Vec<_> = numbers.take_while(|n| *n < end).map(|n| identity(name, n)).collect();
    for name in names {
        let Some(member) = keys.open_own(key, &name) else { continue };
        let known = keys.agent(member).ok().flatten();
        if let Some(batch) = known.and_then(|known| told(known, walk, orphan_ms, at)) {
            keys.commit_agent(member, batch);
        }
    }
    if let Ok(Some(known)) = keys.pool(key) {
        let batch = known.decide_walked(walk, end, at);
        keys.commit_pool(key, batch);
    }
    true
}

/// What an identity is told when a walk comes to it.
fn told(
    agent: &Agent,
    walk: Walk,
    orphan_ms: u64,
    at: Moment,
) -> Option<Batch<'static, AgentEvent<'static>>> {
    match walk.why {
        _ if agent.is_diverged() => None,
        Why::Orphaned => agent.decide_orphan(orphan_ms, at),
        why => Some(Agent::decide_stop(why, at)),
    }
}

/// Hands back some of what an agent holds, or ends that.
fn hand_back(
    keys: &mut dyn Keyspace<'_>,
    (name, key, pool): (&[u8], Key, Option<Key>),
    stop: Stop,
    limit: usize,
    at: Moment,
) {
    let queues = queues_of(keys, key);
    // A drain may have been ended since, by the pool that began it.
    let own = keys.agent(key).ok().flatten().is_some_and(Agent::has_stopped);
    let pools =
        pool.and_then(|pool| keys.pool(pool).ok().flatten()).is_some_and(Pool::is_resetting);
    let wanted = stop.why != Why::Drained || own || pools;
    let count = if wanted { give_up(keys, (name, &queues), stop.why, limit, at) } else { 0 };
    let over = !wanted || held_in_sound(keys, name, &queues) == 0;
    let known = keys.agent(key).ok().flatten();
    if let Some(batch) = known.and_then(|known| known.decide_handed_back(count, over, at)) {
        keys.commit_agent(key, batch);
    }
    if !wanted {
        plan_orphan(keys, (name, key), at);
    }
    if stop.why == Why::Drained && pools {
        let known = pool.and_then(|pool| Some((pool, keys.pool_to_change(pool).ok()??)));
        if let Some((pool, Some(batch))) = known.map(|(k, p)| (k, p.decide_handed_back(count, at)))
        {
            keys.commit_pool(pool, batch);
        }
    }
    let retired = keys.agent(key).ok().flatten().map(Agent::state) == Some(State::Retired);
    if over && retired && held_in(keys, name, &queues) == 0 {
        keys.remove(key);
    }
    if over {
        pool.into_iter().for_each(|pool| keys.wake(pool));
    }
}

/// An identity that nobody acts under is an orphan again, if its pool knows such and no other stop
/// of it is planned any more.
pub(super) fn plan_orphan(keys: &mut dyn Keyspace<'_>, (name, key): (&[u8], Key), at: Moment) {
    let pool = pool_of(keys, name, key);
    let orphan_ms = orphan_ms(keys, pool);
    let known = keys.agent(key).ok().flatten();
    if let Some(batch) = known.and_then(|known| known.decide_orphan(orphan_ms, at)) {
        keys.commit_agent(key, batch);
    }
}

/// What an agent holds in queues that may be changed: the others are no reason to go on for ever.
fn held_in_sound(keys: &dyn Keyspace<'_>, name: &[u8], queues: &[Key]) -> u64 {
    let sound = |queue: &&Key| keys.queue_to_change(**queue).is_ok();
    let sound: Vec<Key> = queues.iter().filter(sound).copied().collect();
    held_in(keys, name, &sound)
}

/// Takes up to `limit` tasks from an agent, in the order of the queues; how many it were.
pub(super) fn give_up(
    keys: &mut dyn Keyspace<'_>,
    (name, queues): (&[u8], &[Key]),
    why: Why,
    limit: usize,
    at: Moment,
) -> u64 {
    let mut count = 0;
    for queue in queues {
        let left = limit.saturating_sub(count as usize);
        let known = keys.queue_to_change(*queue).ok().flatten();
        let given_up = known.map(|known| known.decide_give_up(name, why.cause(), left, at));
        if let Some(given_up) = given_up.filter(|given_up| given_up.count > 0) {
            count += given_up.count;
            keys.commit_queue(*queue, given_up.batch);
        }
    }
    count
}
