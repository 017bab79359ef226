//! One timer of the server for the earliest deadline of all keys.
//!
//! What is kept here are expectations: at that moment, look at that key. A key that is not there
//! any more, or has nothing due, costs one look. A key that came under another name is found by the
//! next call that opens it, or by a sweep. Only a primary acts, never while loading or while
//! clients are paused for a failover; the server's cron arms the timer again afterwards.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redis_module::raw;

use super::api::{self, Ctx, Str};
use super::clock;
use super::datatype::Stored;
use super::keys::Keys;
use crate::commands::{Key, due};
use crate::engine::agent::Agent;
use crate::engine::numbers::Moment;
use crate::engine::pool::Pool;
use crate::engine::queue::Queue;
use crate::engine::task::Bytes;

/// Deadlines that are served at once; one event about them is one command for the replicas.
const SLICE: usize = 128;

/// How long one firing may take before others get their turn, in microseconds.
const FIRING_US: u64 = 1_000;

/// The longest time for which the timer is set, in milliseconds: the server's own timers go by
/// other clocks than ours, which may differ by a sixteenth while one of them is being corrected.
const FAR_MS: u64 = 1_000;

/// A timer that has not fired for so long after its time is set anew, in milliseconds. The server
/// has timers of modules go by the wall clock, so one that was set back would hold them up.
const LATE_MS: u64 = 50;

/// A value of which something falls due by time alone.
pub(super) trait Timed {
    /// When to look at it next, Unix time in milliseconds; nothing: not before it is changed.
    fn next_ms(&self, at: Moment) -> Option<u64>;

    /// Does some of what is due at a key that holds such a value; false if nothing is.
    fn serve(keys: &mut Keys<'_>, key: Key, at: Moment) -> bool;
}

impl Timed for Queue {
    fn next_ms(&self, at: Moment) -> Option<u64> {
        self.next_deadline_ms(at)
    }

    fn serve(keys: &mut Keys<'_>, key: Key, at: Moment) -> bool {
        due::queue(keys, key, SLICE, at)
    }
}

impl Timed for Agent {
    fn next_ms(&self, at: Moment) -> Option<u64> {
        Self::next_ms(self, at)
    }

    fn serve(keys: &mut Keys<'_>, key: Key, at: Moment) -> bool {
        let name = keys.name(key).to_vec();
        due::agent(keys, (&name, key), SLICE, at)
    }
}

impl Timed for Pool {
    fn next_ms(&self, _at: Moment) -> Option<u64> {
        Self::next_ms(self)
    }

    fn serve(keys: &mut Keys<'_>, key: Key, at: Moment) -> bool {
        let name = keys.name(key).to_vec();
        due::pool(keys, (&name, key), SLICE, at)
    }
}

/// When something is expected to fall due at a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expected {
    ms: u64,
    place: i32,
    name: Bytes,
    /// Tells it from what is expected of another value that comes under the same name.
    nth: u64,
}

#[derive(Default)]
struct Agenda {
    entries: BTreeSet<Expected>,
    /// How many there were ever.
    count: u64,
    /// By the number of a database: its place, which it keeps when it is swapped. All others are at
    /// the place of their number.
    places: BTreeMap<i32, i32>,
    armed: Option<(raw::RedisModuleTimerID, u64)>,
    /// Whether the timer is being served, and armed when that is done.
    firing: bool,
}

thread_local! {
    // Every caller runs on the server's main thread.
    static AGENDA: RefCell<Agenda> = RefCell::default();
}

/// A value was opened or changed: when to look at it next may be news.
pub(super) fn seen<T: Timed>(ctx: Ctx, name: Str, stored: *mut Stored<T>, at: Moment) {
    // SAFETY: the pointer was just got from the server or is held by the running call; no
    // reference to the value is alive at either place.
    let stored = unsafe { &mut *stored };
    let next_ms = stored.value.next_ms(at);
    if next_ms.is_none() && stored.expected.is_none() {
        return;
    }
    AGENDA.with_borrow_mut(|agenda| {
        let place = agenda.place(ctx.db());
        // One that comes too soon is left: it costs one look, and less than being moved each time.
        let will_do = |old: &Expected| {
            let in_time =
                next_ms.is_some_and(|ms| old.ms == ms || (at.ms + 1..ms).contains(&old.ms));
            in_time && old.place == place && *old.name == *name.bytes()
        };
        if stored.expected.as_ref().is_some_and(will_do) {
            return;
        }
        gone_from(agenda, &mut stored.expected);
        stored.expected = next_ms.map(|ms| agenda.expect(ms, place, name.bytes()));
        agenda.arm(ctx);
    });
}

/// A value was loaded or copied to this name; the cron arms the timer.
pub(super) fn loaded(ms: u64, db: i32, name: &[u8]) -> Expected {
    AGENDA.with_borrow_mut(|agenda| agenda.expect(ms, agenda.place(db), name))
}

/// A key is gone, or its name.
pub(super) fn gone(expected: &mut Option<Expected>) {
    AGENDA.with_borrow_mut(|agenda| gone_from(agenda, expected));
}

fn gone_from(agenda: &mut Agenda, expected: &mut Option<Expected>) {
    if let Some(expected) = expected.take() {
        agenda.entries.remove(&expected);
    }
}

/// All keys of a database are gone; of every one, if it is negative.
pub(super) fn flushed(db: i32) {
    AGENDA.with_borrow_mut(|agenda| {
        let place = agenda.place(db);
        agenda.entries.retain(|expected| db >= 0 && expected.place != place);
    });
}

/// Two databases have swapped their numbers.
pub(super) fn swapped(one: i32, other: i32) {
    AGENDA.with_borrow_mut(|agenda| {
        let (first, second) = (agenda.place(one), agenda.place(other));
        agenda.places.extend([(one, second), (other, first)]);
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
    fn place(&self, db: i32) -> i32 {
        self.places.get(&db).copied().unwrap_or(db)
    }

    /// The number that the database at a place has now.
    fn db(&self, place: i32) -> i32 {
        self.places.iter().find(|(_, at)| **at == place).map_or(place, |(db, _)| *db)
    }

    fn expect(&mut self, ms: u64, place: i32, name: &[u8]) -> Expected {
        self.count += 1;
        let expected = Expected { ms, place, name: name.into(), nth: self.count };
        self.entries.insert(expected.clone());
        expected
    }

    fn arm(&mut self, ctx: Ctx) {
        let Some(first) = self.entries.first().filter(|_| !self.firing) else { return };
        let now_ms = clock::now_us() / 1_000;
        let due_ms = first.ms.clamp(now_ms + 1, now_ms + FAR_MS);
        match self.armed {
            Some((_, armed_ms)) if armed_ms <= due_ms && now_ms < armed_ms + LATE_MS => return,
            Some((id, _)) => ctx.stop_timer(id),
            None => {}
        }
        self.armed = may_act(ctx).then(|| (ctx.set_timer(due_ms - now_ms, fired), due_ms));
    }
}

fn may_act(ctx: Ctx) -> bool {
    let flags = ctx.flags();
    flags.is_primary() && !flags.is_loading() && !api::must_not_write()
}

unsafe extern "C" fn fired(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    let ctx = Ctx(ctx);
    if catch_unwind(AssertUnwindSafe(|| fire(ctx))).is_err() {
        // What was being changed cannot be trusted any more.
        api::warn(Some(ctx), "internal error in the timer");
        std::process::abort();
    }
}

fn fire(ctx: Ctx) {
    AGENDA.with_borrow_mut(|agenda| {
        agenda.armed = None;
        // A timer that was armed meanwhile could be due when this is over, and the server serves
        // what is due before it turns to its clients.
        agenda.firing = true;
    });
    let (home, started_us) = (ctx.db(), clock::now_us());
    while may_act(ctx) && clock::now_us() - started_us < FIRING_US {
        let at = clock::now();
        let due = AGENDA.with_borrow_mut(|agenda| {
            let first = agenda.entries.first().filter(|first| first.ms <= at.ms)?;
            Some((agenda.db(first.place), first.clone()))
        });
        let Some((db, due)) = due else { break };
        if !(ctx.select_db(db) && serve(ctx, &due.name, at)) {
            AGENDA.with_borrow_mut(|agenda| agenda.entries.remove(&due));
        }
    }
    ctx.select_db(home);
    AGENDA.with_borrow_mut(|agenda| agenda.firing = false);
    check(ctx);
}

/// Does what is due at a key; false if nothing is. What is expected there next, opening the key and
/// the commit tell the agenda.
fn serve(ctx: Ctx, name: &[u8], at: Moment) -> bool {
    let mut keys = Keys::new(ctx, at, &[], &[]);
    let key = keys.open_string(ctx.string(name));
    let served = keys.serve(key);
    keys.publish(true);
    served
}
