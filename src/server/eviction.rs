//! Whether the server may evict queues. A queue is work, not cache: with a policy of `allkeys-*`
//! and a memory limit, memory pressure would delete tasks that were acknowledged. So the policy is
//! watched, a warning goes to the log, and commands that add tasks are refused.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use redis_module::raw;

use super::api::{self, Ctx, api};

/// Policies under which any key may go; the place in this list plus one is what is remembered.
const POLICIES: [&str; 4] = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-lrm"];

static POLICY: AtomicUsize = AtomicUsize::new(0);

/// The policy by which queues may be evicted, if they may.
pub(super) fn policy() -> Option<&'static str> {
    POLICY.load(Ordering::Relaxed).checked_sub(1).and_then(|place| POLICIES.get(place)).copied()
}

/// Whether the server does not tell when its configuration changes: Redis 7.0.
static POLLED: AtomicBool = AtomicBool::new(false);

/// Begins to watch; `told` says whether the server tells of changes.
pub(super) fn watch(ctx: Ctx, told: bool) {
    POLLED.store(!told, Ordering::Relaxed);
    refresh(ctx);
}

/// Asks the server again if it would not tell. Called from its cron.
pub(super) fn poll(ctx: Ctx) {
    if POLLED.load(Ordering::Relaxed) {
        refresh(ctx);
    }
}

/// Asks the server again.
pub(super) fn refresh(ctx: Ctx) {
    let limited = config(ctx, c"maxmemory").is_some_and(|limit| limit != b"0");
    let policy = if limited { config(ctx, c"maxmemory-policy") } else { None };
    let place = POLICIES.iter().position(|known| Some(known.as_bytes()) == policy.as_deref());
    let now = place.map_or(0, |place| place + 1);
    if POLICY.swap(now, Ordering::Relaxed) != now
        && let Some(policy) = self::policy()
    {
        let text = format!(
            "maxmemory-policy {policy} may evict queues and the tasks in them; commands \
             that add tasks are refused unless baton.allow-eviction is yes"
        );
        api::warn(Some(ctx), &text);
    }
}

/// A setting of the server.
fn config(ctx: Ctx, name: &CStr) -> Option<Vec<u8>> {
    // SAFETY: the format takes two C strings; the pieces of a reply live as long as it does, and
    // it is freed once the value is copied.
    unsafe {
        let reply = api!(RedisModule_Call(
            ctx.0,
            c"CONFIG".as_ptr(),
            c"cc".as_ptr(),
            c"GET".as_ptr(),
            name.as_ptr(),
        ));
        if reply.is_null() {
            return None;
        }
        let kind = api!(RedisModule_CallReplyType(reply)) as isize;
        let mut value = None;
        if kind == raw::REDISMODULE_REPLY_ARRAY {
            let element = api!(RedisModule_CallReplyArrayElement(reply, 1));
            if !element.is_null() {
                let mut len = 0;
                let bytes = api!(RedisModule_CallReplyStringPtr(element, &mut len));
                if !bytes.is_null() {
                    value = Some(std::slice::from_raw_parts(bytes.cast::<u8>(), len).to_vec());
                }
            }
        }
        api!(RedisModule_FreeCallReply(reply));
        value
    }
}
