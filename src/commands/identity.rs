//! What an identity's own key does not say: which pool it belongs to, whether that drains, and what
//! it holds in its queues. That is asked for the server's own ends, so no rights are asked for
//! unless a function says so.

use hashbrown::HashMap;

use super::spec::Access;
use super::{Call, Key, Keyspace};
use crate::engine::agent::Agent;
use crate::engine::numbers::Moment;
use crate::engine::pool::{Pool, identity, of_identity};
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

/// Where the pool of an identity is, if its name can be that of one. Nothing may be there.
pub(super) fn pool_of(keys: &mut dyn Keyspace<'_>, name: &[u8], agent: Key) -> Option<Key> {
    let (pool, _) = of_identity(name)?;
    keys.open_own(agent, pool)
}

/// A pool remembers the greatest number that anybody acts under, though nobody was given it.
pub(super) fn reach(keys: &mut dyn Keyspace<'_>, name: &[u8], pool: Option<Key>, at: Moment) {
    let (Some(pool), Some((_, number))) = (pool, of_identity(name)) else { return };
    let known = keys.pool_to_change(pool).ok().flatten();
    if let Some(batch) = known.and_then(|known| known.decide_reach(number, at)) {
        keys.commit_pool(pool, batch);
    }
}

/// How long after its lease an identity of this pool keeps what it holds; 0: for ever.
pub(super) fn orphan_ms(keys: &dyn Keyspace<'_>, pool: Option<Key>) -> u64 {
    let pool = pool.and_then(|pool| keys.pool(pool).ok().flatten());
    pool.map_or(0, |pool| pool.facts().orphan_ms)
}

/// Whether an agent of this pool is to take nothing more. Whether the pool drains only it knows.
pub(super) fn drains(keys: &dyn Keyspace<'_>, agent: Key, pool: Option<Key>) -> bool {
    let agent = keys.agent(agent).ok().flatten();
    let pool = pool.and_then(|pool| keys.pool(pool).ok().flatten());
    agent.is_some_and(Agent::has_stopped) || pool.is_some_and(Pool::is_draining)
}

/// The refusal of an agent of this pool that is to take nothing more.
pub(super) fn draining(
    keys: &dyn Keyspace<'_>,
    (name, agent): (&[u8], Key),
    pool: Option<Key>,
) -> Option<Refusal> {
    if !drains(keys, agent, pool) {
        return None;
    }
    let itself = keys.agent(agent).ok().flatten().is_some_and(Agent::has_stopped);
    let pool = of_identity(name).filter(|_| !itself).map(|(pool, _)| pool.to_vec());
    Some(Refusal::AgentDraining { agent: name.to_vec(), pool })
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

/// An identity of a pool, by name.
pub(super) type Member = (Vec<u8>, Key);

/// Every identity of a pool whose key is there.
pub(super) fn members(keys: &mut dyn Keyspace<'_>, name: &[u8], pool: Key) -> Vec<Member> {
    let Some(known) = keys.pool(pool).ok().flatten() else { return Vec::new() };
    let names = known.numbers().map(|number| identity(name, number));
    let names: Vec<Vec<u8>> = names.collect();
    let opened = names.into_iter().filter_map(|name| Some((keys.open_own(pool, &name)?, name)));
    let opened: Vec<(Key, Vec<u8>)> = opened.collect();
    let there = |key: Key| matches!(keys.agent(key), Ok(Some(_)));
    opened.into_iter().filter(|(key, _)| there(*key)).map(|(key, name)| (name, key)).collect()
}

/// The queues in which identities of a pool hold something, each opened once.
pub(super) struct Holdings {
    queues: HashMap<Vec<u8>, Option<Key>>,
}

impl Holdings {
    /// Of these identities.
    pub(super) fn of(keys: &mut dyn Keyspace<'_>, members: &[Member]) -> Self {
        let mut beside: HashMap<Vec<u8>, Key> = HashMap::new();
        for (_, member) in members {
            let known = keys.agent(*member).ok().flatten();
            for name in known.into_iter().flat_map(Agent::queues) {
                beside.entry_ref(name).or_insert(*member);
            }
        }
        let opened = beside.into_iter().map(|(name, beside)| {
            let key = keys.open_own(beside, &name);
            (name, key)
        });
        Self { queues: opened.collect() }
    }

    /// How many tasks one of them holds.
    pub(super) fn count(&self, keys: &dyn Keyspace<'_>, (name, member): &Member) -> u64 {
        let known = keys.agent(*member).ok().flatten();
        let queues = known.into_iter().flat_map(Agent::queues);
        let queues = queues.filter_map(|queue| *self.queues.get(queue)?);
        queues.map(|queue| held_in(keys, name, &[queue])).sum()
    }

    /// How many tasks all of them hold.
    pub(super) fn total(&self, keys: &dyn Keyspace<'_>, members: &[Member]) -> u64 {
        members.iter().map(|member| self.count(keys, member)).sum()
    }
}

/// Opens the queues that these agents took from, with the caller's rights.
pub(super) fn open_queues(
    call: &mut Call<'_, '_>,
    beside: Key,
    agents: &[Key],
) -> Result<Vec<Key>, Refusal> {
    let known = agents.iter().filter_map(|agent| call.keys.agent(*agent).ok().flatten());
    let mut names: Vec<Vec<u8>> = known.flat_map(Agent::queues).map(<[u8]>::to_vec).collect();
    names.sort_unstable();
    names.dedup();
    let wanted: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let opened = call.keys.open_named(beside, &wanted, Access::Update)?;
    Ok(opened.into_iter().flatten().collect())
}

/// Opens every identity that a pool may have, with its number and the caller's rights.
pub(super) fn open_members(
    call: &mut Call<'_, '_>,
    (name, pool): (&[u8], Key),
) -> Result<Vec<(u32, Vec<u8>, Key)>, Refusal> {
    let Some(known) = call.keys.pool(pool)? else { return Ok(Vec::new()) };
    let names: Vec<_> = known.numbers().map(|number| (number, identity(name, number))).collect();
    let wanted: Vec<&[u8]> = names.iter().map(|(_, name)| name.as_slice()).collect();
    let keys = call.keys.open_named(pool, &wanted, Access::Update)?;
    let opened = names.into_iter().zip(keys);
    Ok(opened.filter_map(|((number, name), key)| Some((number, name, key?))).collect())
}
