//! The keys of one call: looked up once, read through plain references, changed by commits alone.
//!
//! A commit applies the events to the value at once, so that what is decided next sees it. What has
//! to be made known about it (replication, WATCH, waiting clients, notifications) is gathered and
//! sent when the call is over: notifications run other modules' code, which may delete the very
//! keys that are open here.

use std::cell::RefCell;
use std::ffi::c_void;

use redis_module::raw;
use smallvec::SmallVec;

use super::api::{Ctx, Str};
use super::datatype::{self, Stored};
use super::observe::{self, Told};
use super::timer::{self, Timed};
use super::{acl, clock, watch};
use crate::commands::{Access, Key, Keyspace};
use crate::engine::agent::Agent;
use crate::engine::event::{AgentEvent, Batch, QueueEvent};
use crate::engine::numbers::Moment;
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;
use crate::engine::slab::Slot;
use crate::storage::batch;

/// What a key holds.
#[derive(Clone, Copy)]
enum Held {
    Nothing,
    Queue(*mut Stored<Queue>),
    Agent(*mut Stored<Agent>),
    Other,
    /// The call is over.
    Closed,
}

impl Held {
    /// What the server has at a key that is there.
    fn of((kind, value): (*mut raw::RedisModuleType, *mut c_void)) -> Self {
        if kind == datatype::queue_type() {
            Self::Queue(value.cast())
        } else if kind == datatype::agent_type() {
            Self::Agent(value.cast())
        } else {
            Self::Other
        }
    }
}

/// The timer learns when something falls due at a key that was found in a walk through all.
pub(super) fn found(
    ctx: Ctx,
    name: Str,
    value: (*mut raw::RedisModuleType, *mut c_void),
    at: Moment,
) {
    expect(ctx, name, Held::of(value), at);
}

fn expect(ctx: Ctx, name: Str, held: Held, at: Moment) {
    match held {
        Held::Queue(stored) => timer::seen(ctx, name, stored, at),
        Held::Agent(stored) => timer::seen(ctx, name, stored, at),
        Held::Nothing | Held::Other | Held::Closed => {}
    }
}

struct Opened {
    name: Str,
    held: Held,
}

/// What is to be made known about one key.
struct News {
    key: Key,
    events: Vec<u8>,
    blobs: SmallVec<[Str; 4]>,
    told: Told,
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
        self.opened.push(Opened { name, held });
        Key(self.opened.len() - 1)
    }

    /// Does some of what is due at a key; false if nothing is.
    pub(super) fn serve(&mut self, key: Key) -> bool {
        match self.opened.get(key.0).map(|opened| opened.held) {
            Some(Held::Queue(_)) => Queue::serve(self, key, self.at),
            Some(Held::Agent(_)) => Agent::serve(self, key, self.at),
            None | Some(Held::Nothing | Held::Other | Held::Closed) => false,
        }
    }

    /// The backstop looks at some owners of a queue later.
    pub(super) fn postpone(&mut self, key: Key, postponed: &[(Slot, u64)]) {
        if let Some(queue) = self.queue_mut(key).filter(|_| !postponed.is_empty()) {
            queue.postpone(postponed);
            self.expect(key);
        }
    }

    /// Applies what comes from the primary or the append-only file, if it fits.
    pub(super) fn follow_queue(
        &mut self,
        key: Key,
        batch: &Batch<'_, QueueEvent<'_>>,
    ) -> Result<(), String> {
        let queue = self.queue_mut(key).ok_or("the key holds no queue")?;
        let before = holders(queue);
        queue.follow(batch)?;
        let emptied = holders(queue) < before;
        self.emptied |= emptied;
        observe::queue(batch, &mut self.news_of(key, false).told);
        self.expect(key);
        Ok(())
    }

    /// The same of an agent.
    pub(super) fn follow_agent(
        &mut self,
        key: Key,
        batch: &Batch<'_, AgentEvent<'_>>,
    ) -> Result<(), String> {
        let agent = self.agent_mut(key).ok_or("the key holds no agent")?;
        agent.follow(batch)?;
        observe::agent(batch, &mut self.news_of(key, false).told);
        self.expect(key);
        Ok(())
    }

    /// Puts a value that was loaded in the place of a key that is not there.
    pub(super) fn load(&mut self, key: Key, loaded: Loaded) -> Result<(), String> {
        match self.opened.get_mut(key.0) {
            Some(opened) if matches!(opened.held, Held::Nothing) => {
                opened.held = match loaded {
                    Loaded::Queue(queue) => create_queue(self.ctx, opened.name, *queue),
                    Loaded::Agent(agent) => create_agent(self.ctx, opened.name, *agent),
                };
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
            _ => {}
        }
    }

    /// Makes known what was committed. Nothing that is open may be used afterwards.
    pub(super) fn publish(&mut self, replicate: bool) {
        for news in &mut self.news {
            let Some(name) = self.opened.get(news.key.0).map(|opened| opened.name) else {
                continue;
            };
            if replicate && !news.events.is_empty() {
                self.ctx.replicate_apply(name, &news.events, &mut news.blobs);
            }
            keep(std::mem::take(&mut news.events));
            self.ctx.signal_modified(name);
            if news.told.wakes {
                self.ctx.signal_ready(name);
            }
        }
        if std::mem::take(&mut self.emptied) {
            watch::signal(self.ctx);
        }
        self.opened.iter_mut().for_each(|opened| opened.held = Held::Closed);
        for news in &self.news {
            let name = self.opened.get(news.key.0).map(|opened| opened.name);
            for event in &news.told.notices {
                name.into_iter().for_each(|name| self.ctx.notify(event, name));
            }
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
            opened.held = create_queue(self.ctx, opened.name, Queue::default());
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
            opened.held = create_agent(self.ctx, opened.name, Agent::default());
        }
        match opened.held {
            // SAFETY: as in `queue_mut`.
            Held::Agent(stored) => Some(unsafe { &mut (*stored).value }),
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
        let last = self.news.iter().rposition(|news| news.key == key);
        let joins = |news: &News| !has_blobs || news.events.is_empty();
        let place = last.filter(|place| self.news.get(*place).is_some_and(joins));
        let place = place.unwrap_or_else(|| {
            let (events, blobs) = (spare(), SmallVec::new());
            self.news.push(News { key, events, blobs, told: Told::default() });
            self.news.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "just found or made")]
        &mut self.news[place]
    }

    fn blobs_of(&self, blobs: &[&[u8]]) -> SmallVec<[Str; 4]> {
        // Blobs mostly follow one another among the words, so each search starts at the last hit.
        let mut from = 0;
        let mut strings = SmallVec::with_capacity(blobs.len());
        for bytes in blobs {
            let ahead = self.words.iter().zip(self.strings).skip(from);
            let hit = ahead.enumerate().find(|(_, (word, _))| std::ptr::eq(**word, *bytes));
            match hit {
                Some((nth, (_, string))) => {
                    from += nth + 1;
                    strings.push(*string);
                }
                None => strings.push(self.string_of(bytes)),
            }
        }
        strings
    }
}

thread_local! {
    /// Buffers for events, empty but with room: most calls need no more than one was made for.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Buffers that are kept, and how large one may be.
const SPARE_MAX: usize = 4;
const SPARE_BYTES_MAX: usize = 4_096;

fn spare() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(128))
}

fn keep(mut buffer: Vec<u8>) {
    buffer.clear();
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < SPARE_MAX && buffer.capacity() <= SPARE_BYTES_MAX {
            spare.push(buffer);
        }
    });
}

/// How many agents hold something in a queue.
fn holders(queue: &Queue) -> u64 {
    queue.owners().len() - queue.idle().len()
}

/// A value read from storage.
pub(super) enum Loaded {
    Queue(Box<Queue>),
    Agent(Box<Agent>),
}

fn create_queue(ctx: Ctx, name: Str, queue: Queue) -> Held {
    let stored = Stored::boxed(queue);
    ctx.create(name, datatype::queue_type(), stored.cast::<c_void>());
    Held::Queue(stored)
}

fn create_agent(ctx: Ctx, name: Str, agent: Agent) -> Held {
    let stored = Stored::boxed(agent);
    ctx.create(name, datatype::agent_type(), stored.cast::<c_void>());
    Held::Agent(stored)
}

impl<'a> Keyspace<'a> for Keys<'a> {
    fn open(&mut self, name: &'a [u8]) -> Key {
        let string = self.string_of(name);
        let known = self.opened.iter().position(|opened| opened.name == string);
        known.map_or_else(|| self.open_string(string), Key)
    }

    fn open_named(
        &mut self,
        agent: Key,
        queues: &[&[u8]],
        access: Access,
    ) -> Result<Vec<Option<Key>>, Refusal> {
        if queues.is_empty() {
            return Ok(Vec::new());
        }
        let beside = self.names(&[agent]);
        let names: Vec<Str> = queues.iter().map(|name| self.ctx.string(name)).collect();
        let reachable = acl::reachable(self.ctx, beside.first().copied(), &names, access)?;
        let pairs = names.into_iter().zip(reachable);
        Ok(pairs.map(|(name, reached)| reached.then(|| self.open_string(name))).collect())
    }

    fn queue(&self, key: Key) -> Result<Option<&Queue>, Refusal> {
        match self.opened.get(key.0).map(|opened| opened.held) {
            None | Some(Held::Nothing) => Ok(None),
            // SAFETY: the value lives until the call is over (see `publish`); it is changed only
            // through `&mut self`, which ends this borrow first.
            Some(Held::Queue(stored)) => Ok(Some(unsafe { &(*stored).value })),
            Some(Held::Agent(_) | Held::Other | Held::Closed) => Err(self.wrong_type(key, "queue")),
        }
    }

    fn agent(&self, key: Key) -> Result<Option<&Agent>, Refusal> {
        match self.opened.get(key.0).map(|opened| opened.held) {
            None | Some(Held::Nothing) => Ok(None),
            // SAFETY: as in `queue`.
            Some(Held::Agent(stored)) => Ok(Some(unsafe { &(*stored).value })),
            Some(Held::Queue(_) | Held::Other | Held::Closed) => Err(self.wrong_type(key, "agent")),
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

    fn commit_queue(&mut self, key: Key, batch: Batch<'_, QueueEvent<'_>>) {
        self.unpublished = true;
        let Some(queue) = self.queue_mut(key) else { unreachable!("a commit to no queue") };
        let before = holders(queue);
        queue.apply(&batch);
        let emptied = holders(queue) < before;
        clock::issued(queue.last_number());
        self.emptied |= emptied;
        let blobs = self.blobs_of(&batch.blobs);
        let news = self.news_of(key, !blobs.is_empty());
        batch::append_queue_events(&mut news.events, &batch);
        news.blobs.extend(blobs);
        observe::queue(&batch, &mut news.told);
        self.expect(key);
    }

    fn commit_agent(&mut self, key: Key, batch: Batch<'_, AgentEvent<'_>>) {
        self.unpublished = true;
        let Some(agent) = self.agent_mut(key) else { unreachable!("a commit to no agent") };
        agent.apply(&batch);
        let news = self.news_of(key, false);
        batch::append_agent_events(&mut news.events, &batch);
        observe::agent(&batch, &mut news.told);
        self.expect(key);
    }
}
