//! What one call has to make known about one key: to replicas and the append-only file, to clients
//! that wait, to the stream of events, to those who listen for notifications.

use smallvec::SmallVec;

use super::api::{Ctx, Str};
use super::observe::Told;
use super::spare::{keep, spare};
use super::{stream, waiting};
use crate::commands::Key;
use crate::engine::ending::Ending;
use crate::engine::history::Transition;
use crate::engine::task::Bytes;

/// What is to be made known about one key.
pub(super) struct News {
    pub(super) key: Key,
    /// What was committed, as replicas get it.
    pub(super) events: Vec<u8>,
    pub(super) blobs: SmallVec<[Str; 4]>,
    pub(super) told: Told,
    /// What somebody waits for and has ended.
    pub(super) endings: Vec<Ending>,
    /// What is to be appended to this stream.
    pub(super) told_to: Option<(Bytes, Vec<Transition>)>,
    /// The key was deleted; nothing else about it counts any more.
    pub(super) removed: bool,
}

impl News {
    /// Nothing yet.
    pub(super) fn about(key: Key) -> Self {
        let (events, blobs) = (spare(), SmallVec::new());
        let (told, endings, told_to) = (Told::default(), Vec::new(), None);
        Self { key, events, blobs, told, endings, told_to, removed: false }
    }

    /// Tells the server: replication if that is wanted, WATCH, clients that wait.
    pub(super) fn pass_on(&mut self, ctx: Ctx, name: Str, replicate: bool) {
        if replicate && self.removed {
            ctx.replicate_deletion(name);
        } else if replicate && !self.events.is_empty() {
            ctx.replicate_apply(name, &self.events, &mut self.blobs);
        }
        keep(std::mem::take(&mut self.events));
        // Who is only woken has seen no change.
        if self.removed || !self.told.notices.is_empty() {
            ctx.signal_modified(name);
        }
        if self.told.wakes {
            ctx.signal_ready(name);
        }
        for ending in self.endings.drain(..) {
            waiting::ended(ctx.db(), name.bytes(), ending);
        }
    }

    /// Appends what happened to the stream of events. The server tells other modules of that.
    pub(super) fn append(&self, ctx: Ctx, name: Str, at_ms: u64) {
        if let Some((stream, transitions)) = &self.told_to {
            stream::append(ctx, stream, name, transitions, at_ms);
        }
    }

    /// Publishes notifications, which run other modules' code.
    pub(super) fn notify(&self, ctx: Ctx, name: Str) {
        if self.removed {
            ctx.notify_deletion(name);
        }
        self.told.notices.iter().for_each(|event| ctx.notify(event, name));
    }
}
