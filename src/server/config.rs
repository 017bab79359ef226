//! The module's own settings, `baton.*`: CONFIG GET, CONFIG SET, CONFIG REWRITE and redis.conf.

use std::ffi::{CStr, c_char, c_int, c_longlong, c_void};
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

/// The setting of [`GRACE_MS`].
const GRACE: &CStr = c"grace-ms";

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
        let text = "the arguments are `setting yes|no ...` or `grace-ms number`, see redis.conf";
        api::warn(Some(ctx), text);
        return false;
    };
    let ok = raw::REDISMODULE_OK as c_int;
    SETTINGS.into_iter().zip(chosen.switches).all(|((name, place), default)| {
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
        // SAFETY: as above; the callbacks take no private data.
        ok == unsafe {
            api!(RedisModule_RegisterNumericConfig(
                ctx.0,
                GRACE.as_ptr(),
                chosen.grace_ms as c_longlong,
                raw::REDISMODULE_CONFIG_DEFAULT,
                0,
                GRACE_MS_MAX as c_longlong,
                Some(get_grace),
                Some(set_grace),
                None,
                ptr::null_mut(),
            ))
        }
    } && {
        // SAFETY: the context is that of OnLoad, after all settings were registered.
        ok == unsafe { api!(RedisModule_LoadConfigs(ctx.0)) }
    }
}

/// What each setting is when redis.conf says nothing.
struct Defaults {
    switches: [bool; SETTINGS.len()],
    grace_ms: u64,
}

/// What the arguments of loadmodule say; nothing if they make no sense.
fn defaults(arguments: &[&[u8]]) -> Option<Defaults> {
    let mut chosen = Defaults { switches: [false; SETTINGS.len()], grace_ms: GRACE_MS_DEFAULT };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        let is_it = |known: &CStr| known.to_bytes().eq_ignore_ascii_case(name);
        if is_it(GRACE) {
            let ms = std::str::from_utf8(value).ok()?.parse().ok();
            chosen.grace_ms = ms.filter(|ms| *ms <= GRACE_MS_MAX)?;
            continue;
        }
        let place = SETTINGS.iter().position(|(known, _)| is_it(known))?;
        *chosen.switches.get_mut(place)? = match value.to_ascii_lowercase().as_slice() {
            b"yes" => true,
            b"no" => false,
            _ => return None,
        };
    }
    Some(chosen)
}

/// What the settings demand of a call that is made for the first time.
pub(super) fn rules() -> Rules {
    let evictable = eviction::policy().filter(|_| !ALLOW_EVICTION.load(Ordering::Relaxed));
    let epoch_required = REQUIRE_EPOCH.load(Ordering::Relaxed);
    Rules { epoch_required, evictable, woken: false, timed_out: false }
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

unsafe extern "C" fn get_grace(_name: *const c_char, _place: *mut c_void) -> c_longlong {
    grace_ms() as c_longlong
}

/// The server has checked the bounds.
unsafe extern "C" fn set_grace(
    _name: *const c_char,
    value: c_longlong,
    _place: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    GRACE_MS.store(value as u64, Ordering::Relaxed);
    raw::REDISMODULE_OK as c_int
}
