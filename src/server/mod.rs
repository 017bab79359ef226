//! The only room that knows the server: its API, its clock, and the only unsafe code.
//!
//! What runs when. Everything but `free` runs on the server's main thread, one callback at a time:
//! commands and clients that are decided anew (`dispatch`), the timer (`timer`), the cron and other
//! server events (here), saving and loading (`datatype`; saving mostly in a forked child). `free`
//! may run on a thread of the server's own, and hands large values to one of ours (`lazyfree`);
//! both touch nothing but the value they free.
//!
//! A call opens its keys (`keys`), runs the pure command, and when that has not refused, makes
//! known what was committed: replication, WATCH, waiting clients, notifications, in this order.
#![allow(unsafe_code)]

mod acl;
mod api;
mod apply;
mod blobs;
mod clock;
mod config;
mod datatype;
mod dispatch;
mod eviction;
mod held;
mod info;
mod keys;
mod lazyfree;
mod news;
mod observe;
mod registry;
mod reply;
mod spare;
mod stream;
mod sweep;
mod timer;
mod turns;
mod waiting;
mod watch;

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use redis_module::{Context, RedisString, Status, raw, redis_module};

use api::{Ctx, api};

/// The module's version as a number: 1.2.3 is 10203.
const VERSION: i32 = 100;

redis_module! {
    name: "baton",
    version: VERSION,
    allocator: (redis_module::alloc::RedisAlloc, redis_module::alloc::RedisAlloc),
    data_types: [],
    init: start,
}

fn start(context: &Context, args: &[RedisString]) -> Status {
    let ctx = Ctx(context.ctx);
    let arguments: Vec<&[u8]> = args.iter().map(RedisString::as_slice).collect();
    quiet_panics();
    // SAFETY: the context is that of OnLoad. Broken input is then reported to the callbacks instead
    // of ending the server.
    unsafe {
        api!(RedisModule_SetModuleOptions(
            ctx.0,
            raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS as c_int
        ));
    }
    if !(datatype::register(ctx) && registry::register(ctx) && config::register(ctx, &arguments)) {
        return Status::Err;
    }
    info::register(ctx);
    subscribe(ctx, raw::REDISMODULE_EVENT_CRON_LOOP, cron);
    subscribe(ctx, raw::REDISMODULE_EVENT_LOADING, loading);
    subscribe(ctx, raw::REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED, role_changed);
    subscribe(ctx, raw::REDISMODULE_EVENT_FLUSHDB, flushing);
    subscribe(ctx, raw::REDISMODULE_EVENT_SWAPDB, swapped);
    eviction::watch(ctx, subscribe(ctx, raw::REDISMODULE_EVENT_CONFIG, configured));
    Status::Ok
}

/// A panic is logged where it is caught. The default hook would print a backtrace, and freeing that
/// is fatal on servers that load modules with their own allocator bound deep.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        api::warn(None, &format!("{panic}"));
    }));
}

type OnEvent =
    unsafe extern "C" fn(*mut raw::RedisModuleCtx, raw::RedisModuleEvent, u64, *mut c_void);

/// Subscribes to an event; false if the server does not know it.
fn subscribe(ctx: Ctx, id: u64, callback: OnEvent) -> bool {
    let event = raw::RedisModuleEvent { id, dataver: 1 };
    // SAFETY: the context is that of OnLoad.
    let taken = unsafe { api!(RedisModule_SubscribeToServerEvent(ctx.0, event, Some(callback))) };
    taken == raw::REDISMODULE_OK as c_int
}

unsafe extern "C" fn cron(
    ctx: *mut raw::RedisModuleCtx,
    _event: raw::RedisModuleEvent,
    _sub: u64,
    _data: *mut c_void,
) {
    outside(|| {
        clock::reanchor();
        sweep::round(Ctx(ctx));
        timer::check(Ctx(ctx));
        watch::check(Ctx(ctx));
        turns::check(Ctx(ctx));
        eviction::poll(Ctx(ctx));
    });
}

unsafe extern "C" fn loading(
    ctx: *mut raw::RedisModuleCtx,
    _event: raw::RedisModuleEvent,
    sub: u64,
    _data: *mut c_void,
) {
    if sub == raw::REDISMODULE_SUBEVENT_LOADING_ENDED {
        outside(|| takes_over(Ctx(ctx)));
    } else {
        outside(apply::load_begins);
    }
}

unsafe extern "C" fn role_changed(
    ctx: *mut raw::RedisModuleCtx,
    _event: raw::RedisModuleEvent,
    sub: u64,
    _data: *mut c_void,
) {
    if sub == raw::REDISMODULE_EVENT_REPLROLECHANGED_NOW_MASTER {
        outside(|| takes_over(Ctx(ctx)));
    }
}

/// What agents hold was given to them by another server, or by this one before it was started anew.
fn takes_over(ctx: Ctx) {
    clock::takes_over();
    timer::check(ctx);
}

unsafe extern "C" fn swapped(
    _ctx: *mut raw::RedisModuleCtx,
    _event: raw::RedisModuleEvent,
    _sub: u64,
    data: *mut c_void,
) {
    if data.is_null() {
        return;
    }
    // SAFETY: the data of this event is of this kind.
    let swap = unsafe { &*data.cast::<raw::RedisModuleSwapDbInfo>() };
    outside(|| {
        timer::swapped(swap.dbnum_first, swap.dbnum_second);
        waiting::flushed(swap.dbnum_first);
        waiting::flushed(swap.dbnum_second);
        sweep::swapped();
    });
}

unsafe extern "C" fn flushing(
    _ctx: *mut raw::RedisModuleCtx,
    _event: raw::RedisModuleEvent,
    sub: u64,
    data: *mut c_void,
) {
    if sub == raw::REDISMODULE_SUBEVENT_FLUSHDB_START && !data.is_null() {
        // SAFETY: the data of this event is of this kind.
        let db = unsafe { (*data.cast::<raw::RedisModuleFlushInfo>()).dbnum };
        outside(|| {
            timer::flushed(db);
            waiting::flushed(db);
        });
    }
}

unsafe extern "C" fn configured(
    ctx: *mut raw::RedisModuleCtx,
    _event: raw::RedisModuleEvent,
    _sub: u64,
    _data: *mut c_void,
) {
    outside(|| eviction::refresh(Ctx(ctx)));
}

/// Runs what changes no data; a panic in it was logged by the hook and is over.
fn outside(callback: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(callback));
}
