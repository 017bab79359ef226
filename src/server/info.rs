//! The module's part of INFO: `INFO baton`.

use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use redis_module::raw;

use super::api::{Ctx, api};
use super::observe::COUNTERS;
use super::timer;

/// Registers the section.
pub(super) fn register(ctx: Ctx) {
    // SAFETY: the context is that of OnLoad.
    unsafe { api!(RedisModule_RegisterInfoFunc(ctx.0, Some(info))) };
}

unsafe extern "C" fn info(ctx: *mut raw::RedisModuleInfoCtx, for_crash_report: c_int) {
    if for_crash_report != 0 {
        // A server that crashes holds locks that nobody will give back: touch nothing.
        return;
    }
    // A panic here loses the rest of the section, and nothing else.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let counters: [(&CStr, u64); 14] = [
            (c"tasks_pushed", COUNTERS.pushed.load(Ordering::Relaxed)),
            (c"tasks_taken", COUNTERS.taken.load(Ordering::Relaxed)),
            (c"tasks_completed", COUNTERS.completed.load(Ordering::Relaxed)),
            (c"tasks_failed", COUNTERS.failed.load(Ordering::Relaxed)),
            (c"tasks_returned", COUNTERS.returned.load(Ordering::Relaxed)),
            (c"tasks_readied", COUNTERS.readied.load(Ordering::Relaxed)),
            (c"tasks_cancelled", COUNTERS.cancelled.load(Ordering::Relaxed)),
            (c"tasks_retried", COUNTERS.retried.load(Ordering::Relaxed)),
            (c"tasks_expired", COUNTERS.expired.load(Ordering::Relaxed)),
            (c"recoveries", COUNTERS.recoveries.load(Ordering::Relaxed)),
            (c"events_that_did_not_fit", COUNTERS.diverged.load(Ordering::Relaxed)),
            (c"events_lost", COUNTERS.lost.load(Ordering::Relaxed)),
            (c"clients_decided_anew", COUNTERS.decided_anew.load(Ordering::Relaxed)),
            (c"keys_with_deadlines", timer::expectations() as u64),
        ];
        // SAFETY: the context is that of the running callback, and the names are static.
        unsafe {
            if api!(RedisModule_InfoAddSection(ctx, c"stats".as_ptr()))
                != raw::REDISMODULE_OK as c_int
            {
                return;
            }
            for (name, value) in counters {
                api!(RedisModule_InfoAddFieldULongLong(ctx, name.as_ptr(), value));
            }
        }
    }));
}
