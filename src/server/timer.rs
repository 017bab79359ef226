//! One timer of the server for the earliest deadline of all keys.
//!
//! What is kept here are expectations: at that moment, look at that key. A key that is not there
//! any more, or has nothing due, costs one look. A key that came under another name is expected
//! anew when anything touches it. Only a primary acts, never while loading or while clients are
//! paused for a failover; the server's cron arms the timer again afterwards.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use redis_module::raw;

use super::api::{self, Ctx, Str, api};
use super::clock;
use super::datatype::{DataType, Stored};
use super::keys::Keys;
use crate::commands::{Keyspace, due};
use crate::engine::numbers::Moment;
use crate::engine::task::Bytes;

/// Deadlines that are served at once; one event about them is one command for the replicas.
const SLICE: usize = 128;

/// How long one firing may take before others get their turn, in microseconds.
const FIRING_US: u64 = 1_000;

/// The longest time for which the timer is set, in milliseconds.
const FAR_MS: u64 = 60_000;

/// When something is expected to fall due at a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expected {
    ms: u64,
    db: i32,
    name: Bytes,
}

#[derive(Default)]
struct Agenda {
    entries: BTreeSet<Expected>,
    armed: Option<(raw::RedisModuleTimerID, u64)>,
}

thread_local! {
    // Every caller runs on the server's main thread.
    static AGENDA: RefCell<Agenda> = RefCell::default();
}

/// A key was opened or changed: what it expects may be news.
pub(super) fn seen<T: DataType>(ctx: Ctx, name: Str, stored: *mut Stored<T>) {
    // SAFETY: the pointer was just got from the server or is held by the running call; no
    // reference to the value is alive at either place.
    let stored = unsafe { &mut *stored };
    let next_ms = stored.value.next_deadline_ms(clock::now);
    if next_ms.is_none() && stored.expected.is_none() {
        return;
    }
    let known = stored.expected.as_ref().is_some_and(|expected| {
        Some(expected.ms) == next_ms && *expected.name == *name.bytes() && expected.db == ctx.db()
    });
    if known {
        return;
    }
    AGENDA.with_borrow_mut(|agenda| {
        // What was expected under another name may be a copy's by now, and costs one look at most.
        let here = |old: &Expected| *old.name == *name.bytes() && old.db == ctx.db();
        if let Some(old) = stored.expected.take().filter(here) {
            agenda.entries.remove(&old);
        }
        if let Some(ms) = next_ms {
            let expected = Expected { ms, db: ctx.db(), name: name.bytes().into() };
            agenda.entries.insert(expected.clone());
            stored.expected = Some(expected);
        }
        agenda.arm(ctx);
    });
}

/// A key was loaded or copied to this name; the cron arms the timer.
pub(super) fn loaded(ms: u64, db: i32, name: &[u8]) {
    AGENDA.with_borrow_mut(|agenda| {
        agenda.entries.insert(Expected { ms, db, name: name.into() });
    });
}

/// A key is gone, or its name.
pub(super) fn gone(expected: &mut Option<Expected>) {
    if let Some(expected) = expected.take() {
        AGENDA.with_borrow_mut(|agenda| agenda.entries.remove(&expected));
    }
}

/// All keys of a database are gone; of every one, if it is negative.
pub(super) fn flushed(db: i32) {
    AGENDA.with_borrow_mut(|agenda| {
        agenda.entries.retain(|expected| db >= 0 && expected.db != db);
    });
}

/// Arms the timer if it is not; from the server's cron.
pub(super) fn check(ctx: Ctx) {
    AGENDA.with_borrow_mut(|agenda| agenda.arm(ctx));
}

/// How many keys are expected to have something due.
pub(super) fn expectations() -> usize {
    AGENDA.with_borrow(|agenda| agenda.entries.len())
}

impl Agenda {
    fn arm(&mut self, ctx: Ctx) {
        let Some(first) = self.entries.first() else { return };
        let now_ms = clock::now().ms;
        let due_ms = first.ms.min(now_ms + FAR_MS);
        match self.armed {
            Some((_, armed_ms)) if armed_ms <= due_ms => return,
            // SAFETY: the id is of a timer that has not fired: firing clears `armed`.
            Some((id, _)) => unsafe {
                api!(RedisModule_StopTimer(ctx.0, id, ptr::null_mut()));
            },
            None => {}
        }
        if !may_act(ctx) {
            self.armed = None;
            return;
        }
        let in_ms = due_ms.saturating_sub(now_ms).max(1);
        // SAFETY: the callback takes no data.
        let id = unsafe {
            api!(RedisModule_CreateTimer(ctx.0, in_ms as i64, Some(fired), ptr::null_mut()))
        };
        self.armed = Some((id, due_ms));
    }
}

fn may_act(ctx: Ctx) -> bool {
    let flags = ctx.flags();
    flags.is_primary() && !flags.is_loading() && !api::must_not_write()
}

unsafe extern "C" fn fired(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    let ctx = Ctx(ctx);
    AGENDA.with_borrow_mut(|agenda| agenda.armed = None);
    if catch_unwind(AssertUnwindSafe(|| fire(ctx))).is_err() {
        // What was being changed cannot be trusted any more.
        api::warn(Some(ctx), "internal error in the timer");
        std::process::abort();
    }
}

fn fire(ctx: Ctx) {
    let (home, started_us) = (ctx.db(), clock::now_us());
    while may_act(ctx) && clock::now_us() - started_us < FIRING_US {
        let at = clock::now();
        let due = AGENDA.with_borrow_mut(|agenda| {
            agenda.entries.first().filter(|first| first.ms <= at.ms).cloned()
        });
        let Some(due) = due else { break };
        if !(ctx.select_db(due.db) && serve(ctx, &due.name, at)) {
            AGENDA.with_borrow_mut(|agenda| agenda.entries.remove(&due));
        }
    }
    ctx.select_db(home);
    check(ctx);
}

/// Does what is due at a key; false if nothing is. What is expected there next, opening the key and
/// the commit tell the agenda.
fn serve(ctx: Ctx, name: &[u8], at: Moment) -> bool {
    let mut keys = Keys::new(ctx, &[], &[]);
    let key = keys.open_string(ctx.string(name));
    let queue = keys.queue(key).ok().flatten();
    let is_done = match queue.and_then(|queue| queue.decide_tick(SLICE, at)) {
        Some(batch) => {
            keys.commit_queue(key, batch);
            true
        }
        None => {
            due::agent(&mut keys, (name, key), SLICE, at)
                || due::pool(&mut keys, (name, key), SLICE, at)
        }
    };
    keys.publish(true);
    is_done
}
