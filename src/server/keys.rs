//! The keys of one call: looked up once, read through plain references, changed by commits alone.
//!
//! A commit applies the events to the value at once, so that what is decided next sees it. What has
//! to be made known about it (replication, WATCH, waiting clients, notifications) is gathered and
//! sent when the call is over: notifications run other modules' code, which may delete the very
//! keys that are open here.

use smallvec::SmallVec;

use super::api::{Ctx, Str};
use super::held::{Held, Loaded, expect};
use super::news::News;
use super::observe;
use super::timer::Timed;
use super::{acl, blobs, clock, stream, turns, watch};
use crate::commands::{Access, Key, Keyspace};
use crate::engine::agent::Agent;
use crate::engine::event::{AgentEvent, Batch, PoolEvent, QueueEvent};
use crate::engine::numbers::Moment;
use crate::engine::pool::Pool;
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;
use crate::engine::slab::Slot;
use crate::engine::task::Bytes;
use crate::storage::batch;

struct Opened {
    name: Str,
    held: Held,
    /// The place of the latest news about it, if there are any.
    news: Option<usize>,
}

/// The keys of one call.
pub(super) struct Keys<'a> {
    ctx: Ctx,
    at: Moment,
    /// The words after the command's name, as the server's strings and as bytes.
    strings: &'a [Str],
    words: &'a [&'a [u8]],
    opened: SmallVec<[Opened; 4]>,
    news: SmallVec<[News; 2]>,
    /// Whether something was changed that is not published yet: a panic now would leave replicas
    /// and the append-only file behind, or a value half changed.
    pub(super) unpublished: bool,
    /// Whether somebody holds nothing any more who did.
    emptied: bool,
}

impl<'a> Keys<'a> {
    pub(super) fn new(ctx: Ctx, at: Moment, strings: &'a [Str], words: &'a [&'a [u8]]) -> Self {
        let (opened, news) = (SmallVec::new(), SmallVec::new());
        Self { ctx, at, strings, words, opened, news, unpublished: false, emptied: false }
    }

    /// The names of opened keys.
    pub(super) fn names(&self, keys: &[Key]) -> SmallVec<[Str; 4]> {
        keys.iter().filter_map(|key| self.opened.get(key.0)).map(|opened| opened.name).collect()
    }

    /// Opens a key by the server's own string.
    pub(super) fn open_string(&mut self, name: Str) -> Key {
        let held = self.ctx.value(name).map_or(Held::Nothing, Held::of);
        expect(self.ctx, name, held, self.at);
        self.opened.push(Opened { name, held, news: None });
        Key(self.opened.len() - 1)
    }

    /// The name of a key.
    pub(super) fn name(&self, key: Key) -> &[u8] {
        self.opened.get(key.0).map_or(&[], |opened| opened.name.bytes())
    }

    /// Does some of what is due at a key; false if nothing is.
    pub(super) fn serve(&mut self, key: Key) -> bool {
        match self.opened.get(key.0).map(|opened| opened.held) {
            Some(Held::Queue(_)) => Queue::serve(self, key, self.at),
            Some(Held::Agent(_)) => Agent::serve(self, key, self.at),
            Some(Held::Pool(_)) => Pool::serve(self, key, self.at),
            None | Some(Held::Nothing | Held::Other | Held::Closed) => false,
        }
    }

    /// Applies what comes from the primary or the append-only file, if it fits.
    pub(super) fn follow_queue(
        &mut self,
        key: Key,
        batch: &Batch<'_, QueueEvent<'_>>,
    ) -> Result<(), String> {
        let queue = self.queue_mut(key).ok_or("the key holds no queue")?;
        let (before, totals) = (queue.holding(), queue.totals());
        let followed = queue.follow(batch);
        let endings = queue.take_endings();
        // The primary tells them, and its entries come by themselves.
        queue.take_transitions();
        let emptied = queue.holding() < before;
        observe::fates(totals, queue.totals());
        self.emptied |= emptied;
        let news = self.news_of(key, false);
        observe::queue(batch, &mut news.told);
        news.endings.extend(endings);
        self.expect(key);
        followed
    }

    /// The same of an agent.
    pub(super) fn follow_agent(
        &mut self,
        key: Key,
        batch: &Batch<'_, AgentEvent<'_>>,
    ) -> Result<(), String> {
        let agent = self.agent_mut(key).ok_or("the key holds no agent")?;
        agent.follow(batch)?;
        clock::assumed(agent.epoch());
        observe::agent(batch, &mut self.news_of(key, false).told);
        self.expect(key);
        Ok(())
    }

    /// The same of a pool.
    pub(super) fn follow_pool(
        &mut self,
        key: Key,
        batch: &Batch<'_, PoolEvent>,
    ) -> Result<(), String> {
        let pool = self.pool_mut(key).ok_or("the key holds no pool")?;
        pool.follow(batch)?;
        observe::pool(batch, &mut self.news_of(key, false).told);
        self.expect(key);
        Ok(())
    }

    /// Puts a value that was loaded in the place of a key that is not there.
    pub(super) fn load(&mut self, key: Key, loaded: Loaded) -> Result<(), String> {
        match self.opened.get_mut(key.0) {
            Some(opened) if matches!(opened.held, Held::Nothing) => {
                opened.held = loaded.create(self.ctx, opened.name);
                self.expect(key);
                Ok(())
            }
            _ => Err("the key is there already".to_owned()),
        }
    }

    /// What came for this key could not be applied: it does not follow its primary any more.
    pub(super) fn mark_diverged(&mut self, key: Key) {
        match self.opened.get(key.0).map(|opened| opened.held) {
            // SAFETY: as in `queue_mut`.
            Some(Held::Queue(stored)) => unsafe { (*stored).value.mark_diverged() },
            // SAFETY: as in `agent_mut`.
            Some(Held::Agent(stored)) => unsafe { (*stored).value.mark_diverged() },
            // SAFETY: as in `pool_mut`.
            Some(Held::Pool(stored)) => unsafe { (*stored).value.mark_diverged() },
            _ => {}
        }
    }

    /// Makes known what was committed. Nothing that is open may be used afterwards.
    pub(super) fn publish(&mut self, replicate: bool) {
        let names: SmallVec<[Option<Str>; 4]> =
            self.news.iter().map(|news| Some(self.opened.get(news.key.0)?.name)).collect();
        for (news, name) in self.news.iter_mut().zip(&names) {
            let Some(name) = name else { continue };
            news.pass_on(self.ctx, *name, replicate);
            let held = self.opened.get(news.key.0).map(|opened| opened.held);
            if let Some(Held::Queue(stored)) = held.filter(|_| news.told.offers) {
                // SAFETY: as in `queue`.
                turns::offer(self.ctx, *name, unsafe { &(*stored).value });
            }
        }
        if std::mem::take(&mut self.emptied) {
            watch::emptied(self.ctx);
        }
        self.opened.iter_mut().for_each(|opened| (opened.held, opened.news) = (Held::Closed, None));
        if replicate {
            for (news, name) in self.news.iter().zip(&names) {
                name.iter().for_each(|name| news.append(self.ctx, *name, self.at.ms));
            }
        }
        for (news, name) in self.news.iter().zip(&names) {
            name.iter().for_each(|name| news.notify(self.ctx, *name));
        }
        self.news.clear();
        self.unpublished = false;
    }

    /// The server's string of bytes that are one of the call's words, or a copy of them.
    fn string_of(&self, bytes: &[u8]) -> Str {
        let place = self.words.iter().position(|word| std::ptr::eq(*word, bytes));
        place
            .and_then(|place| self.strings.get(place).copied())
            .unwrap_or_else(|| self.ctx.string(bytes))
    }

    fn wrong_type(&self, key: Key, wanted: &'static str) -> Refusal {
        let name = self.opened.get(key.0).map_or(&[][..], |opened| opened.name.bytes());
        Refusal::WrongType { key: name.to_vec(), wanted }
    }

    fn queue_mut(&mut self, key: Key) -> Option<&mut Queue> {
        let opened = self.opened.get_mut(key.0)?;
        if let Held::Nothing = opened.held {
            opened.held = Loaded::Queue(Box::default()).create(self.ctx, opened.name);
        }
        match opened.held {
            // SAFETY: the value lives until the call is over (see `publish`), and `&mut self`
            // keeps every other reference to it away. Two handles of one key would be two ways to
            // it, but each way is through `self`.
            Held::Queue(stored) => Some(unsafe { &mut (*stored).value }),
            _ => None,
        }
    }

    fn agent_mut(&mut self, key: Key) -> Option<&mut Agent> {
        let opened = self.opened.get_mut(key.0)?;
        if let Held::Nothing = opened.held {
            opened.held = Loaded::Agent(Box::default()).create(self.ctx, opened.name);
        }
        match opened.held {
            // SAFETY: as in `queue_mut`.
            Held::Agent(stored) => Some(unsafe { &mut (*stored).value }),
            _ => None,
        }
    }

    fn pool_mut(&mut self, key: Key) -> Option<&mut Pool> {
        let opened = self.opened.get_mut(key.0)?;
        if let Held::Nothing = opened.held {
            opened.held = Loaded::Pool(Box::default()).create(self.ctx, opened.name);
        }
        match opened.held {
            // SAFETY: as in `queue_mut`.
            Held::Pool(stored) => Some(unsafe { &mut (*stored).value }),
            _ => None,
        }
    }

    /// The timer learns when something falls due at a key that was changed.
    fn expect(&self, key: Key) {
        if let Some(opened) = self.opened.get(key.0) {
            expect(self.ctx, opened.name, opened.held, self.at);
        }
    }

    /// What is to be made known about a key so far. Blobs are numbered within one command of the
    /// replication, so events that bring some start a new one.
    fn news_of(&mut self, key: Key, has_blobs: bool) -> &mut News {
        let last = self.opened.get(key.0).and_then(|opened| opened.news);
        let joins = |news: &News| !has_blobs || news.events.is_empty();
        let place = last.filter(|place| self.news.get(*place).is_some_and(joins));
        let place = place.unwrap_or_else(|| {
            self.news.push(News::about(key));
            self.news.len() - 1
        });
        if let Some(opened) = self.opened.get_mut(key.0) {
            opened.news = Some(place);
        }
        #[expect(clippy::indexing_slicing, reason = "just found or made")]
        &mut self.news[place]
    }
}

impl<'a> Keyspace<'a> for Keys<'a> {
    fn open(&mut self, name: &'a [u8]) -> Key {
        let string = self.string_of(name);
        let known = self.opened.iter().position(|opened| opened.name == string);
        known.map_or_else(|| self.open_string(string), Key)
    }

    fn open_named(
        &mut self,
        beside: Key,
        names: &[&[u8]],
        access: Access,
    ) -> Result<Vec<Option<Key>>, Refusal> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let beside = self.names(&[beside]);
        let names: Vec<Str> = names.iter().map(|name| self.ctx.string(name)).collect();
        let reachable = acl::reachable(self.ctx, beside.first().copied(), &names, access)?;
        let pairs = names.into_iter().zip(reachable);
        Ok(pairs.map(|(name, reached)| reached.then(|| self.open_string(name))).collect())
    }

    fn open_own(&mut self, beside: Key, name: &[u8]) -> Option<Key> {
        let beside = self.opened.get(beside.0)?.name;
        let reached = acl::is_beside(self.ctx, beside.bytes(), name);
        reached.then(|| self.open_string(self.ctx.string(name)))
    }

    fn queue(&self, key: Key) -> Result<Option<&Queue>, Refusal> {
        match self.opened.get(key.0).map(|opened| opened.held) {
            None | Some(Held::Nothing) => Ok(None),
            // SAFETY: the value lives until the call is over (see `publish`); it is changed only
            // through `&mut self`, which ends this borrow first.
            Some(Held::Queue(stored)) => Ok(Some(unsafe { &(*stored).value })),
            Some(_) => Err(self.wrong_type(key, "queue")),
        }
    }

    fn agent(&self, key: Key) -> Result<Option<&Agent>, Refusal> {
        match self.opened.get(key.0).map(|opened| opened.held) {
            None | Some(Held::Nothing) => Ok(None),
            // SAFETY: as in `queue`.
            Some(Held::Agent(stored)) => Ok(Some(unsafe { &(*stored).value })),
            Some(_) => Err(self.wrong_type(key, "agent")),
        }
    }

    fn pool(&self, key: Key) -> Result<Option<&Pool>, Refusal> {
        match self.opened.get(key.0).map(|opened| opened.held) {
            None | Some(Held::Nothing) => Ok(None),
            // SAFETY: as in `queue`.
            Some(Held::Pool(stored)) => Ok(Some(unsafe { &(*stored).value })),
            Some(_) => Err(self.wrong_type(key, "pool")),
        }
    }

    fn memory_is_full(&self) -> bool {
        self.ctx.flags().is_out_of_memory()
    }

    fn may_block(&self) -> bool {
        self.ctx.flags().may_block()
    }

    fn is_read_only(&self) -> bool {
        !self.ctx.flags().is_primary()
    }

    fn apply_queue(&mut self, key: Key, batch: Batch<'_, QueueEvent<'_>>) {
        self.unpublished = true;
        let Some(queue) = self.queue_mut(key) else { unreachable!("a commit to no queue") };
        let (before, totals) = (queue.holding(), queue.totals());
        queue.apply(&batch);
        let emptied = queue.holding() < before;
        observe::fates(totals, queue.totals());
        clock::issued(queue.last_number());
        let endings = queue.take_endings();
        let stream = queue.history().stream().map(Bytes::from);
        let transitions = queue.take_transitions();
        self.emptied |= emptied;
        let blobs = blobs::strings(self.ctx, &batch.blobs, (self.words, self.strings));
        let news = self.news_of(key, !blobs.is_empty());
        batch::append_queue_events(&mut news.events, &batch);
        news.blobs.extend(blobs);
        observe::queue(&batch, &mut news.told);
        news.endings.extend(endings);
        if let Some(stream) = stream {
            let (_, all) = news.told_to.get_or_insert_with(|| (stream, Vec::new()));
            all.extend(transitions);
        }
        self.expect(key);
    }

    fn commit_agent(&mut self, key: Key, batch: Batch<'_, AgentEvent<'_>>) {
        self.unpublished = true;
        let Some(agent) = self.agent_mut(key) else { unreachable!("a commit to no agent") };
        agent.apply(&batch);
        clock::assumed(agent.epoch());
        let news = self.news_of(key, false);
        batch::append_agent_events(&mut news.events, &batch);
        observe::agent(&batch, &mut news.told);
        self.expect(key);
    }

    fn commit_pool(&mut self, key: Key, batch: Batch<'_, PoolEvent>) {
        self.unpublished = true;
        let Some(pool) = self.pool_mut(key) else { unreachable!("a commit to no pool") };
        pool.apply(&batch);
        let news = self.news_of(key, false);
        batch::append_pool_events(&mut news.events, &batch);
        observe::pool(&batch, &mut news.told);
        self.expect(key);
    }

    fn postpone(&mut self, key: Key, postponed: &[(Slot, u64)]) {
        if let Some(queue) = self.queue_mut(key).filter(|_| !postponed.is_empty()) {
            queue.postpone(postponed);
            self.expect(key);
        }
    }

    fn remove(&mut self, key: Key) {
        let Some(name) = self.opened.get(key.0).map(|opened| opened.name) else { return };
        self.unpublished = true;
        if let Ok(Some(agent)) = self.agent(key) {
            clock::assumed(agent.epoch());
        }
        // Every handle of this key is one of nothing from now on.
        let same = |opened: &&mut Opened| opened.name.bytes() == name.bytes();
        self.opened.iter_mut().filter(same).for_each(|opened| opened.held = Held::Nothing);
        self.ctx.delete(name);
        let news = self.news_of(key, false);
        news.events.clear();
        news.removed = true;
        news.told.wakes = true;
    }

    fn begin_stream(&mut self, beside: Key, stream: &[u8]) -> Result<(), Refusal> {
        let opened = self.open_named(beside, &[stream], Access::Update)?;
        if !matches!(opened.as_slice(), [Some(_)]) {
            let text = "events must be a key of the same slot as the queue";
            return Err(Refusal::Syntax(text.to_owned()));
        }
        let wrong = || Refusal::WrongType { key: stream.to_vec(), wanted: "stream" };
        let begun = stream::begin(self.ctx, stream);
        // The server has told other modules of the entry, who may have done anything to any key.
        for opened in &mut self.opened {
            opened.held = self.ctx.value(opened.name).map_or(Held::Nothing, Held::of);
        }
        if begun { Ok(()) } else { Err(wrong()) }
    }

    fn await_end(&mut self, key: Key, id: u64) {
        if let Some(queue) = self.queue_mut(key) {
            queue.await_end(id);
        }
    }

    fn wake(&mut self, key: Key) {
        self.news_of(key, false).told.wakes = true;
    }
}
