//! Finds the values that came under another name, so that what falls due there is not forgotten.
//!
//! The server does not tell where a value goes: with RENAME and MOVE it is unlinked from its name
//! like one that is deleted, and lives on. So a value with something to fall due gets a token when
//! it is unlinked. One whose token is still there a round of the cron later lives on (or is being
//! freed on a thread of the server, which costs a walk in vain), and then every key of every
//! database is looked at once, in steps of a millisecond. Notifications would say it at once, but a
//! module that subscribes to them makes Valkey 8.1 leave clients in another database.

use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use redis_module::raw;

use super::api::{Ctx, Cursor, Str, api};
use super::{clock, held};

/// How long one step of a walk may take, in microseconds.
const STEP_US: u64 = 1_000;

/// How long the server is left to others between two steps, in milliseconds.
const PAUSE_MS: u64 = 9;

/// Where a walk through all keys is.
struct Walk {
    db: i32,
    cursor: Cursor,
}

#[derive(Default)]
struct Sweep {
    /// Tokens of values that were unlinked since the last round, and in the one before.
    unlinked: Vec<Weak<()>>,
    earlier: Vec<Weak<()>>,
    walk: Option<Walk>,
    /// Whether another walk has to follow.
    wanted: bool,
    /// Whether a timer is set for the next step. The rounds make steps all the same: the server's
    /// timers stand still for as long as the wall clock is set back.
    timed: bool,
}

thread_local! {
    // Every caller runs on the server's main thread.
    static SWEEP: RefCell<Sweep> = RefCell::default();
}

/// A value was unlinked from its name: the token to keep with it.
pub(super) fn unlinked() -> Arc<()> {
    let token = Arc::new(());
    SWEEP.with_borrow_mut(|sweep| {
        // While a file is loaded there are no rounds: before it grows, the list is cleaned.
        if sweep.unlinked.len() == sweep.unlinked.capacity() {
            sweep.unlinked.retain(is_alive);
        }
        sweep.unlinked.push(Arc::downgrade(&token));
    });
    token
}

/// Two databases were swapped: a walk may have missed one.
pub(super) fn swapped() {
    SWEEP.with_borrow_mut(|sweep| sweep.wanted |= sweep.walk.is_some());
}

/// A round of the server's cron.
pub(super) fn round(ctx: Ctx) {
    SWEEP.with_borrow_mut(Sweep::turn);
    step(ctx);
}

unsafe extern "C" fn rings(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    // A panic was logged by the hook; the rounds of the cron go on.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        SWEEP.with_borrow_mut(|sweep| sweep.timed = false);
        step(Ctx(ctx));
    }));
}

/// Goes on with a walk that is under way.
fn step(ctx: Ctx) {
    let Some(walk) = SWEEP.with_borrow_mut(|sweep| sweep.walk.take()) else { return };
    let home = ctx.db();
    let walk = go_on(ctx, walk);
    ctx.select_db(home);
    SWEEP.with_borrow_mut(|sweep| {
        if walk.is_some() && !std::mem::replace(&mut sweep.timed, true) {
            ctx.set_timer(PAUSE_MS, rings);
        }
        sweep.walk = walk;
    });
}

impl Sweep {
    /// Begins a walk if a value lives on that was unlinked a round ago.
    fn turn(&mut self) {
        let unlinked = std::mem::take(&mut self.unlinked);
        self.wanted |= std::mem::replace(&mut self.earlier, unlinked).iter().any(is_alive);
        if self.walk.is_none() && std::mem::take(&mut self.wanted) {
            self.walk = Some(Walk { db: 0, cursor: Cursor::start() });
        }
    }
}

fn is_alive(token: &Weak<()>) -> bool {
    token.strong_count() > 0
}

/// Walks on; nothing when it has come to the end of the last database.
fn go_on(ctx: Ctx, mut walk: Walk) -> Option<Walk> {
    let until_us = clock::now_us() + STEP_US;
    while ctx.select_db(walk.db) {
        while ctx.scan(&walk.cursor, found) {
            if clock::now_us() >= until_us {
                return Some(walk);
            }
        }
        walk = Walk { db: walk.db + 1, cursor: Cursor::start() };
    }
    None
}

unsafe extern "C" fn found(
    ctx: *mut raw::RedisModuleCtx,
    name: *mut raw::RedisModuleString,
    key: *mut raw::RedisModuleKey,
    _data: *mut c_void,
) {
    // The server may leave out the key, and does not.
    if key.is_null() {
        return;
    }
    // SAFETY: the key is open for this callback.
    let kind = unsafe { api!(RedisModule_ModuleTypeGetType(key)) };
    if kind.is_null() {
        return;
    }
    // SAFETY: as above; the key holds a value of a module.
    let value = unsafe { api!(RedisModule_ModuleTypeGetValue(key)) };
    // A panic was logged by the hook; what is due at that key waits until it is touched.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        held::found(Ctx(ctx), Str(name), (kind, value), clock::now());
    }));
}
