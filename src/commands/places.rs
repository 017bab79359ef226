//! Where an identity may hold something: the queues that it took from, and those that a call names.

use super::spec::Access;
use super::{Call, Key};
use crate::engine::agent::Agent;
use crate::engine::refusal::Refusal;

/// A queue where the identity may hold something.
pub(super) struct Place<'a> {
    pub(super) name: Vec<u8>,
    /// The name as the call declared it, if it did.
    pub(super) declared: Option<&'a [u8]>,
    pub(super) key: Key,
}

/// Every queue to look at, in the order of the names, and those that are not there.
pub(super) struct Places<'a> {
    pub(super) open: Vec<Place<'a>>,
    missing: Vec<Vec<u8>>,
}

impl Place<'_> {
    /// Whether it is the queue of this name.
    pub(super) fn is(&self, name: &[u8]) -> bool {
        self.name == name
    }
}

impl<'a> Places<'a> {
    /// Opens the queues that the identity took from and those that the call names, from the name
    /// `from` on. Refuses before anything is changed.
    pub(super) fn find(
        call: &mut Call<'_, 'a>,
        agent: Key,
        declared: &[&'a [u8]],
        from: Option<&[u8]>,
        access: Access,
    ) -> Result<Self, Refusal> {
        let mut places = Self { open: Vec::new(), missing: Vec::new() };
        for name in declared {
            let key = call.keys.open(name);
            call.keys.queue_to_change(key)?;
            places.add(call, (name, Some(name)), Some(key));
        }
        let known = call.keys.agent(agent)?;
        let named = known.into_iter().flat_map(Agent::queues);
        let named: Vec<Vec<u8>> =
            named.filter(|name| !declared.contains(name)).map(<[u8]>::to_vec).collect();
        let names: Vec<&[u8]> = named.iter().map(Vec::as_slice).collect();
        let keys = call.keys.open_named(agent, &names, access)?;
        for (name, key) in names.into_iter().zip(keys) {
            if let Some(key) = key
                && let Err(Refusal::Diverged) = call.keys.queue_to_change(key)
            {
                return Err(Refusal::Diverged);
            }
            places.add(call, (name, None), key);
        }
        places.open.sort_by(|a, b| a.name.cmp(&b.name));
        places.open.dedup_by(|a, b| a.name == b.name);
        places.missing.sort();
        places.missing.dedup();
        if let Some(from) = from {
            places.open.retain(|place| place.name.as_slice() >= from);
        }
        Ok(places)
    }

    fn add(
        &mut self,
        call: &Call<'_, 'a>,
        (name, declared): (&[u8], Option<&'a [u8]>),
        key: Option<Key>,
    ) {
        let there = key.filter(|key| matches!(call.keys.queue(*key), Ok(Some(_))));
        match there {
            Some(key) => self.open.push(Place { name: name.to_vec(), declared, key }),
            None => self.missing.push(name.to_vec()),
        }
    }

    pub(super) fn reply_missing(&self, call: &mut Call<'_, '_>) {
        call.reply.bytes(b"missing");
        call.reply.array(self.missing.len());
        self.missing.iter().for_each(|name| call.reply.bytes(name));
    }
}
