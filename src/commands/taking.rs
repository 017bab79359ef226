//! What POP, MPOP and NEXT have in common: the options of a taking, the two commits it takes, and
//! the tasks in the reply.

use super::args::{self, Args, Token};
use super::identity::{draining, pool_of, reach};
use super::{Call, Fields, Key, Next, Turn};
use crate::engine::agent::Agent;
use crate::engine::epoch::{authorize, decide_begin, decide_took_from, epoch_of_taking};
use crate::engine::event::{Batch, Request};
use crate::engine::pop::Take;
use crate::engine::refusal::Refusal;
use crate::engine::waiters::Wants;

/// The options of a taking.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taking<'a> {
    pub(super) agent: &'a [u8],
    pub(super) epoch: Option<u64>,
    pub(super) kinds: &'a [&'a [u8]],
    pub(super) max_priority: Option<u16>,
    pub(super) count: Option<usize>,
    pub(super) block_ms: Option<u64>,
    pub(super) request: Option<&'a [u8]>,
    pub(super) with_results: bool,
}

impl<'a> Taking<'a> {
    /// Reads the rest of the words as options.
    pub(super) fn parse(agent: &'a [u8], args: &mut Args<'a>) -> Result<Self, Refusal> {
        let mut taking = Self { agent, ..Self::default() };
        while let Some((token, word)) = args.option() {
            if !taking.option(&token, args)? {
                return Err(args::unknown(word));
            }
        }
        Ok(taking)
    }

    /// Reads one option, if it is one of a taking.
    pub(super) fn option(&mut self, token: &Token, args: &mut Args<'a>) -> Result<bool, Refusal> {
        match token.as_slice() {
            b"EPOCH" => self.epoch = Some(args.id("epoch")?),
            b"TYPES" => self.kinds = args.kinds()?,
            b"MAXPRIORITY" => {
                self.max_priority = Some(args.number("priority", u16::MAX.into())? as u16);
            }
            b"COUNT" => self.count = Some(args.count("count")?),
            b"BLOCK" => self.block_ms = Some(args.ms("BLOCK")?),
            b"REQID" => self.request = Some(args.word("request id")?),
            b"WITHRESULTS" => self.with_results = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What is asked of a queue, under the identity's epoch.
    fn take(&self, epoch: u64) -> Take<'a> {
        Take {
            agent: self.agent,
            kinds: self.kinds,
            max_priority: self.max_priority,
            count: self.count.unwrap_or(1),
            request: self.request.map(|id| Request { epoch, id }),
        }
    }

    /// Takes from the first of the queues that has something, and replies it; else waits if that
    /// was asked for, or replies that there is nothing. `named` tells the queue with each task.
    pub(super) fn run<'c>(
        &self,
        call: &mut Call<'c, 'a>,
        agent: Key,
        queues: &[(&'a [u8], Key)],
        named: bool,
    ) -> Result<Next, Refusal> {
        let known = call.keys.agent(agent)?;
        authorize(self.agent, known, self.epoch, call.rules.epoch_required)?;
        let take = self.take(epoch_of_taking(known, call.at));
        if take.request.is_some() {
            // What was answered before is found in whichever queue it came from.
            for (name, key) in queues {
                let queue = call.keys.queue_to_change(*key)?;
                if let Some(ids) = queue.and_then(|queue| queue.answered(&take)) {
                    call.renew(agent);
                    self.reply(call, *key, named.then_some(*name), &ids)?;
                    return Ok(Next::Replied);
                }
            }
        }
        let pool = pool_of(call.keys, self.agent, agent);
        if let Some(refusal) = draining(call.keys, (self.agent, agent), pool) {
            return Err(refusal);
        }
        for (name, key) in queues {
            let queue = call.keys.queue_to_change(*key)?;
            let decided = queue.and_then(|queue| queue.decide_take(&take, call.at));
            let Some((ids, event)) = decided else { continue };
            remember(call, agent, name)?;
            reach(call.keys, self.agent, pool, call.at);
            call.renew(agent);
            call.keys.commit_queue(*key, Batch::of(call.at.ms, event));
            self.reply(call, *key, named.then_some(*name), &ids)?;
            return Ok(Next::Replied);
        }
        // Whoever goes on waiting changes nothing: its lease was renewed when it began to.
        if !call.rules.woken {
            call.renew(agent);
        }
        if self.block_ms.is_some() && call.keys.may_block() {
            self.wait(call, (agent, pool), queues)
        } else {
            if self.count.is_some() {
                call.reply.array(0)
            } else {
                call.reply.null()
            }
            Ok(Next::Replied)
        }
    }

    /// Waits for something to take.
    fn wait(
        &self,
        call: &mut Call<'_, 'a>,
        (agent, pool): (Key, Option<Key>),
        queues: &[(&'a [u8], Key)],
    ) -> Result<Next, Refusal> {
        // It is called by its key when it is its turn, so that had better be there. But whoever is
        // decided anew and goes on waiting changes nothing: some servers would end over that.
        let may_begin = !call.rules.woken && !call.keys.memory_is_full();
        if let Some(batch) = decide_begin(call.keys.agent(agent)?, call.at).filter(|_| may_begin) {
            call.keys.commit_agent(agent, batch);
        }
        let timeout_ms = patience_ms(call, agent, self.block_ms.unwrap_or(0));
        let queues: Vec<Key> = queues.iter().map(|(_, key)| *key).collect();
        // A recovery of the identity ends the wait, since its epoch is over then, and so does a
        // drain.
        let keys = queues.iter().copied().chain([agent]).chain(pool).collect();
        let wants = Wants::of(self.kinds, self.max_priority);
        Ok(Next::Wait { keys, turn: Some(Turn { queues, agent, wants }), timeout_ms })
    }

    fn reply(
        &self,
        call: &mut Call<'_, 'a>,
        key: Key,
        name: Option<&'a [u8]>,
        ids: &[u64],
    ) -> Result<(), Refusal> {
        // A request may be repeated in another shape: then not all it took may be wanted.
        let ids = ids.get(..self.count.unwrap_or(1)).unwrap_or(ids);
        if self.count.is_some() {
            call.reply.array(ids.len());
        }
        let Some(queue) = call.keys.queue(key)? else { return Ok(()) };
        for task in ids.iter().filter_map(|id| queue.task(*id)) {
            let mut fields = Fields::handed_out(queue, task);
            fields.maybe("queue", name);
            if self.with_results {
                fields.pairs("results", queue.results_of(task));
            }
            fields.write(call.reply);
        }
        Ok(())
    }
}

/// How long an agent may wait that asks for `block_ms` (0: for ever): no more than half of what is
/// left of its lease, so that it comes back in time to renew it.
fn patience_ms(call: &Call<'_, '_>, agent: Key, block_ms: u64) -> u64 {
    let known = call.keys.agent(agent).ok().flatten();
    match known.and_then(|known| known.lease_left_ms(call.at)).map(|left_ms| left_ms / 2) {
        None => block_ms,
        Some(half_ms) if block_ms == 0 => half_ms.max(1),
        Some(half_ms) => block_ms.min(half_ms.max(1)),
    }
}

/// The identity remembers where it holds something, before it does.
pub(super) fn remember<'a>(
    call: &mut Call<'_, 'a>,
    agent: Key,
    queue: &'a [u8],
) -> Result<(), Refusal> {
    let known: Option<&Agent> = call.keys.agent(agent)?;
    if let Some(batch) = decide_took_from(known, queue, call.at) {
        call.keys.commit_agent(agent, batch);
    }
    Ok(())
}
