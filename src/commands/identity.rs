//! What an identity's own key does not say: whether its pool drains, and what it holds in its
//! queues. All of it is asked for the server's own ends, so no rights are asked for.

use super::{Key, Keyspace};
use crate::engine::agent::{Agent, State, Why};
use crate::engine::pool::{Pool, identity};
use crate::engine::refusal::Refusal;

/// What is at a key.
pub(super) enum Thing {
    Nothing,
    Queue,
    Agent,
    Pool,
}

/// What is at a key, if it is one of these.
pub(super) fn thing(keys: &dyn Keyspace<'_>, key: Key) -> Result<Thing, Refusal> {
    match (keys.queue(key), keys.agent(key), keys.pool(key)) {
        (Ok(None), ..) => Ok(Thing::Nothing),
        (Ok(Some(_)), ..) => Ok(Thing::Queue),
        (_, Ok(Some(_)), _) => Ok(Thing::Agent),
        (.., Ok(Some(_))) => Ok(Thing::Pool),
        (Err(wrong), ..) => Err(wrong),
    }
}

/// The pool that gave an agent away, if one did and can be reached.
pub(super) fn pool_of(keys: &mut dyn Keyspace<'_>, agent: Key) -> Option<Key> {
    let name = keys.agent(agent).ok()??.pool()?.to_vec();
    keys.open_own(agent, &name)
}

/// Whether an agent of this pool is to take nothing more. Whether the pool drains only it knows.
pub(super) fn drains(keys: &dyn Keyspace<'_>, agent: Key, pool: Option<Key>) -> bool {
    let agent = keys.agent(agent).ok().flatten().map(Agent::state);
    let pool = pool.and_then(|pool| keys.pool(pool).ok().flatten());
    agent == Some(State::Draining) || pool.is_some_and(Pool::is_draining)
}

/// Up to when an agent may have given signs of life, Unix time in milliseconds; 0: unknown.
pub(super) fn heard_ms(keys: &dyn Keyspace<'_>, agent: Option<Key>) -> u64 {
    let known = agent.and_then(|agent| keys.agent(agent).ok().flatten());
    known.map_or(0, Agent::heard_ms)
}

/// The queues that an agent took from, as far as they can be reached.
pub(super) fn queues_of(keys: &mut dyn Keyspace<'_>, agent: Key) -> Vec<Key> {
    let known = keys.agent(agent).ok().flatten();
    let names: Vec<Vec<u8>> =
        known.into_iter().flat_map(Agent::queues).map(<[u8]>::to_vec).collect();
    names.iter().filter_map(|name| keys.open_own(agent, name)).collect()
}

/// How many tasks an agent holds in these queues.
pub(super) fn held_in(keys: &dyn Keyspace<'_>, name: &[u8], queues: &[Key]) -> u64 {
    let held = |queue: &Key| keys.queue(*queue).ok().flatten().map_or(0, |q| q.held_by(name));
    queues.iter().map(held).sum()
}

/// How many tasks an agent holds in all queues that it took from.
pub(super) fn held_count(keys: &mut dyn Keyspace<'_>, name: &[u8], agent: Key) -> u64 {
    let queues = queues_of(keys, agent);
    held_in(keys, name, &queues)
}

/// Every identity of a pool whose key is there, by name.
pub(super) fn members(keys: &mut dyn Keyspace<'_>, name: &[u8], pool: Key) -> Vec<(Vec<u8>, Key)> {
    let Some(known) = keys.pool(pool).ok().flatten() else { return Vec::new() };
    let names = known.numbers().map(|number| identity(name, number));
    let names: Vec<Vec<u8>> = names.collect();
    let opened = names.into_iter().filter_map(|name| Some((keys.open_own(pool, &name)?, name)));
    let opened: Vec<(Key, Vec<u8>)> = opened.collect();
    let there = |key: Key| matches!(keys.agent(key), Ok(Some(_)));
    opened.into_iter().filter(|(key, _)| there(*key)).map(|(key, name)| (name, key)).collect()
}

/// How many tasks these identities of a pool hold.
pub(super) fn pool_running(keys: &mut dyn Keyspace<'_>, members: &[(Vec<u8>, Key)]) -> u64 {
    members.iter().map(|(name, member)| held_count(keys, name, *member)).sum()
}

/// How many tasks these identities of a pool handed back since it was drained.
pub(super) fn pool_reset(keys: &dyn Keyspace<'_>, members: &[(Vec<u8>, Key)], pool: Key) -> u64 {
    let drained_ms = keys.pool(pool).ok().flatten().map_or(0, |pool| pool.facts().drained_ms);
    let stops = members.iter().filter_map(|(_, key)| keys.agent(*key).ok()??.stop());
    let of_this = stops.filter(|stop| stop.why == Why::Drained && stop.from_ms >= drained_ms);
    of_this.map(|stop| stop.reset).sum()
}
