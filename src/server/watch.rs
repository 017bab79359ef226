//! Clients that wait for what no single key tells, so that deciding them anew has its price: DRAIN
//! waits until agents hold nothing, which the queues know and not the key that it waits for; ASSUME
//! waits for any of a pool's identities.
//!
//! When somebody in any queue came to hold nothing, every key that a DRAIN waits for is signalled.
//! Each is forgotten with that; a client that has to go on waiting is written down anew, one that
//! is gone is not. All these decisions together get a share of the time: what is beyond it is
//! signalled again when there is time, by a timer, and by the cron should the timer be late.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redis_module::raw;

use super::api::{self, Ctx};
use super::clock;
use crate::commands::Spec;
use crate::engine::pool::of_identity;
use crate::engine::share::Share;
use crate::engine::task::Bytes;

/// The commands whose clients wait so: for the key that is their first word.
const COMMANDS: [&str; 2] = ["wf.drain", "wf.assume"];

/// Whether clients of a command wait so.
pub(super) fn is_about(spec: &Spec) -> bool {
    COMMANDS.contains(&spec.name)
}

/// A key, by database and name.
type Place = (i32, Bytes);

#[derive(Default)]
struct Watch {
    /// Keys that a DRAIN waits for.
    drained: BTreeSet<Place>,
    /// Keys to be signalled when there is time.
    late: BTreeSet<Place>,
    /// The key that was signalled last of these: the others come first the next time.
    last: Option<Place>,
    /// The time that decisions get.
    share: Share,
    timed: bool,
}

thread_local! {
    // Every caller runs on the server's main thread.
    static WATCH: RefCell<Watch> = RefCell::default();
}

/// A client waits for this key until nothing is held.
pub(super) fn add(db: i32, name: &[u8]) {
    WATCH.with_borrow_mut(|watch| watch.drained.insert((db, name.into())));
}

/// Somebody holds nothing any more.
pub(super) fn emptied(ctx: Ctx) {
    let drained = WATCH.with_borrow_mut(|watch| std::mem::take(&mut watch.drained));
    ctx.at_each(drained, Ctx::signal_ready);
}

/// A key is about to go, or its name, and what is held in it or under it: who waits for that, or
/// for an identity of that name, is told by the cron, when there is time.
pub(super) fn unlinked(db: i32, name: &[u8]) {
    WATCH.with_borrow_mut(|watch| {
        watch.late.append(&mut watch.drained);
        watch.late.extend(of_identity(name).map(|(pool, _)| (db, pool.into())));
    });
}

/// Whether there is time to decide a client anew that waits for this key. If not, the key will be
/// signalled again.
pub(super) fn may_decide(ctx: Ctx, name: &[u8]) -> bool {
    WATCH.with_borrow_mut(|watch| {
        let in_us = watch.share.rests_us(clock::now_us());
        if in_us > 0 {
            watch.late.insert((ctx.db(), name.into()));
            watch.set_timer(ctx, in_us);
        }
        in_us == 0
    })
}

/// Such a decision took so long, in microseconds.
pub(super) fn decided(us: u64) {
    WATCH.with_borrow_mut(|watch| watch.share.spend(us));
}

/// Signals what could not be decided in time, if there is time now.
pub(super) fn check(ctx: Ctx) {
    // Who is decided anew may change something.
    if api::must_not_write() {
        return;
    }
    let late = WATCH.with_borrow_mut(|watch| {
        if watch.late.is_empty() || watch.share.rests_us(clock::now_us()) > 0 {
            return Vec::new();
        }
        watch.take_late()
    });
    ctx.at_each(late, Ctx::signal_ready);
}

unsafe extern "C" fn rings(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    // A panic was logged by the hook; the rounds of the cron go on.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        WATCH.with_borrow_mut(|watch| watch.timed = false);
        check(Ctx(ctx));
    }));
}

impl Watch {
    fn set_timer(&mut self, ctx: Ctx, in_us: u64) {
        if !std::mem::replace(&mut self.timed, true) {
            ctx.set_timer(in_us.div_ceil(1_000), rings);
        }
    }

    /// All late keys, beginning behind the one that came first the last time.
    fn take_late(&mut self) -> Vec<Place> {
        let late = std::mem::take(&mut self.late);
        let start = self.last.take().map_or(Bound::Unbounded, Bound::Excluded);
        let mut places: Vec<Place> =
            late.range((start.clone(), Bound::Unbounded)).cloned().collect();
        if let Bound::Excluded(last) = start {
            places.extend(late.range(..=last).cloned());
        }
        self.last = places.first().cloned();
        places
    }
}
