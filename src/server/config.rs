//! The module's own settings, `baton.*`: CONFIG GET, CONFIG SET, CONFIG REWRITE and redis.conf.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redis_module::raw;

use super::api::{self, Ctx, api};
use super::eviction;
use crate::commands::Rules;

/// The settings that are yes or no, and by default no.
const SETTINGS: [(&CStr, &AtomicBool); 2] =
    [(c"require-epoch", &REQUIRE_EPOCH), (c"allow-eviction", &ALLOW_EVICTION)];

static REQUIRE_EPOCH: AtomicBool = AtomicBool::new(false);
static ALLOW_EVICTION: AtomicBool = AtomicBool::new(false);

/// How long after a load or a promotion nothing that harms an agent ends, in milliseconds.
static GRACE_MS: AtomicU64 = AtomicU64::new(GRACE_MS_DEFAULT);
const GRACE_MS_DEFAULT: u64 = 30_000;

/// The longest grace: a day.
const GRACE_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// See [`GRACE_MS`].
pub(super) fn grace_ms() -> u64 {
    GRACE_MS.load(Ordering::Relaxed)
}

/// Registers the settings and reads those of redis.conf, which beat the arguments `name value ...`
/// of loadmodule; false if one of them has a wrong value.
pub(super) fn register(ctx: Ctx, arguments: &[&[u8]]) -> bool {
    let Some(chosen) = defaults(arguments) else {
        api::warn(Some(ctx), "the arguments are `setting yes|no ...`, see redis.conf");
        return false;
    };
    let ok = raw::REDISMODULE_OK as c_int;
    SETTINGS.into_iter().zip(chosen).all(|((name, place), default)| {
        let place = ptr::from_ref(place).cast_mut().cast();
        // SAFETY: the context is that of OnLoad; the private data is a static, and the callbacks
        // take it for what it is.
        ok == unsafe {
            api!(RedisModule_RegisterBoolConfig(
                ctx.0,
                name.as_ptr(),
                default.into(),
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

/// What each setting is when redis.conf says nothing; nothing if the arguments make no sense.
fn defaults(arguments: &[&[u8]]) -> Option<[bool; SETTINGS.len()]> {
    let mut chosen = [false; SETTINGS.len()];
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        let is_it = |(known, _): &(&CStr, _)| known.to_bytes().eq_ignore_ascii_case(name);
        let place = SETTINGS.iter().position(is_it)?;
        *chosen.get_mut(place)? = match value.to_ascii_lowercase().as_slice() {
            b"yes" => true,
            b"no" => false,
            _ => return None,
        };
    }
    Some(chosen)
}

/// What the settings demand of a call.
pub(super) fn rules(woken: bool) -> Rules {
    let evictable = eviction::policy().filter(|_| !ALLOW_EVICTION.load(Ordering::Relaxed));
    Rules { epoch_required: REQUIRE_EPOCH.load(Ordering::Relaxed), evictable, woken }
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
