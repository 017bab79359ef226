//! The module's own settings, `baton.*`: CONFIG GET, CONFIG SET, CONFIG REWRITE and redis.conf.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use redis_module::raw;

use super::api::{Ctx, api};
use super::eviction;
use crate::commands::Rules;

static REQUIRE_EPOCH: AtomicBool = AtomicBool::new(false);
static ALLOW_EVICTION: AtomicBool = AtomicBool::new(false);

/// Registers the settings and reads those of redis.conf; false if one of them has a wrong value.
pub(super) fn register(ctx: Ctx) -> bool {
    let settings = [(c"require-epoch", &REQUIRE_EPOCH), (c"allow-eviction", &ALLOW_EVICTION)];
    let ok = raw::REDISMODULE_OK as c_int;
    settings.into_iter().all(|(name, place)| {
        let place = ptr_of(place);
        // SAFETY: the context is that of OnLoad; the private data is a static, and the callbacks
        // take it for what it is.
        ok == unsafe {
            api!(RedisModule_RegisterBoolConfig(
                ctx.0,
                name.as_ptr(),
                0,
                raw::REDISMODULE_CONFIG_DEFAULT,
                Some(get),
                Some(set),
                None,
                place,
            ))
        }
    }) && {
        // SAFETY: the context is that of OnLoad, after all settings were registered.
        ok == unsafe { api!(RedisModule_LoadConfigs(ctx.0)) }
    }
}

/// What the settings demand of a call.
pub(super) fn rules(woken: bool) -> Rules {
    let evictable = eviction::policy().filter(|_| !ALLOW_EVICTION.load(Ordering::Relaxed));
    Rules { epoch_required: REQUIRE_EPOCH.load(Ordering::Relaxed), evictable, woken }
}

fn ptr_of(place: &'static AtomicBool) -> *mut c_void {
    ptr::from_ref(place).cast_mut().cast()
}

unsafe extern "C" fn get(_name: *const c_char, place: *mut c_void) -> c_int {
    // SAFETY: the private data is one of the statics above.
    unsafe { (*place.cast::<AtomicBool>()).load(Ordering::Relaxed).into() }
}

unsafe extern "C" fn set(
    _name: *const c_char,
    value: c_int,
    place: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    // SAFETY: as in `get`.
    unsafe { (*place.cast::<AtomicBool>()).store(value != 0, Ordering::Relaxed) };
    raw::REDISMODULE_OK as c_int
}
