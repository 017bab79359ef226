//! The server's module API, each call once: plain types in, plain types out, the reason why a call
//! is sound beside it. Nothing else in this room calls the API directly but the callbacks of the
//! data types and of the registration.
//!
//! Two facts hold for all of it. The API's function pointers are set when the module is loaded,
//! before any of our code runs, and never change. And a context, string or key that the server
//! hands to a callback is valid until that callback returns; the types here are `Copy` wrappers of
//! such pointers and are never kept for longer.

use std::ffi::{CStr, CString, c_char, c_int, c_longlong, c_void};
use std::ptr;
use std::sync::OnceLock;

use redis_module::raw;

use crate::engine::task::Bytes;

/// Calls a function of the API.
macro_rules! api {
    ($name:ident($($argument:expr),* $(,)?)) => {
        match raw::$name {
            Some(function) => function($($argument),*),
            None => $crate::server::api::missing(stringify!($name)),
        }
    };
}
pub(super) use api;

/// Ends the server: a function that every supported server has is not there.
#[cold]
pub(super) fn missing(name: &str) -> ! {
    eprintln!("baton: this server lacks {name}");
    std::process::abort()
}

/// A context of a callback.
#[derive(Clone, Copy)]
pub(super) struct Ctx(pub(super) *mut raw::RedisModuleCtx);

/// A string of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Str(pub(super) *mut raw::RedisModuleString);

/// What is true of the server and the caller just now.
#[derive(Clone, Copy)]
pub(super) struct Flags(u32);

impl Flags {
    /// Whether the caller can be made to wait.
    pub(super) fn may_block(self) -> bool {
        let never = raw::REDISMODULE_CTX_FLAGS_MULTI
            | raw::REDISMODULE_CTX_FLAGS_LUA
            | raw::REDISMODULE_CTX_FLAGS_DENY_BLOCKING;
        self.0 & never == 0
    }

    /// Whether this server decides, rather than follows.
    pub(super) fn is_primary(self) -> bool {
        self.0 & raw::REDISMODULE_CTX_FLAGS_MASTER != 0
    }

    /// Whether a data set is being loaded.
    pub(super) fn is_loading(self) -> bool {
        self.0 & raw::REDISMODULE_CTX_FLAGS_LOADING != 0
    }

    /// Whether the command comes from the primary.
    pub(super) fn is_replicated(self) -> bool {
        self.0 & raw::REDISMODULE_CTX_FLAGS_REPLICATED != 0
    }

    /// Whether the server is a node of a cluster.
    pub(super) fn is_cluster(self) -> bool {
        self.0 & raw::REDISMODULE_CTX_FLAGS_CLUSTER != 0
    }

    /// Whether the memory that the server may use is used up.
    pub(super) fn is_out_of_memory(self) -> bool {
        self.0 & raw::REDISMODULE_CTX_FLAGS_OOM != 0
    }
}

/// Writes a warning to the server's log. The text is never taken for a format.
pub(super) fn warn(ctx: Option<Ctx>, text: &str) {
    // With a context, the server itself says which module it is that speaks.
    let who = if ctx.is_some() { "" } else { "baton: " };
    let text = CString::new(format!("{who}{text}").replace('\0', "\\0")).unwrap_or_default();
    let (ctx, level) = (ctx.map_or(ptr::null_mut(), |ctx| ctx.0), c"warning".as_ptr());
    // SAFETY: all strings end with NUL and the format takes exactly one of them; the server accepts
    // a context of NULL here.
    unsafe { api!(RedisModule_Log(ctx, level, c"%s".as_ptr(), text.as_ptr())) }
}

impl Ctx {
    /// What is true just now.
    pub(super) fn flags(self) -> Flags {
        // SAFETY: the context is valid.
        Flags(unsafe { api!(RedisModule_GetContextFlags(self.0)) } as u32)
    }

    /// The database that the context works on.
    pub(super) fn db(self) -> i32 {
        // SAFETY: the context is valid.
        unsafe { api!(RedisModule_GetSelectedDb(self.0)) }
    }

    /// Makes the context work on a database; false if there is none of that number.
    pub(super) fn select_db(self, db: i32) -> bool {
        // SAFETY: the context is valid.
        unsafe { api!(RedisModule_SelectDb(self.0, db)) == raw::REDISMODULE_OK as c_int }
    }

    /// A new string, freed when the callback ends.
    pub(super) fn string(self, bytes: &[u8]) -> Str {
        self.auto_memory();
        // SAFETY: the server copies the bytes, and frees the string with the context.
        Str(unsafe { api!(RedisModule_CreateString(self.0, bytes.as_ptr().cast(), bytes.len())) })
    }

    /// From now on what this context makes is freed when the callback ends. Not wanted for keys:
    /// keeping track of each costs more than closing it.
    pub(super) fn auto_memory(self) {
        // SAFETY: the context is valid.
        unsafe { api!(RedisModule_AutoMemory(self.0)) }
    }

    /// The type and the value of a module's key; nothing when the key is not there, and a type of
    /// NULL when it is no module's.
    pub(super) fn value(self, key: Str) -> Option<(*mut raw::RedisModuleType, *mut c_void)> {
        // SAFETY: context and key are valid. The key is closed before the value is used: a handle
        // opened for reading only protects against nothing, and only a command or callback on this
        // very thread could delete the value.
        unsafe {
            let opened = api!(RedisModule_OpenKey(self.0, key.0, raw::REDISMODULE_READ as c_int));
            if opened.is_null() {
                return None;
            }
            let kind = api!(RedisModule_ModuleTypeGetType(opened));
            let value = if kind.is_null() {
                ptr::null_mut()
            } else {
                api!(RedisModule_ModuleTypeGetValue(opened))
            };
            api!(RedisModule_CloseKey(opened));
            Some((kind, value))
        }
    }

    /// Makes a key that is not there, with a value that the server owns from then on.
    pub(super) fn create(self, key: Str, kind: *mut raw::RedisModuleType, value: *mut c_void) {
        let mode = (raw::REDISMODULE_READ | raw::REDISMODULE_WRITE) as c_int;
        // SAFETY: context and key are valid; `kind` is a type that this module registered and
        // `value` is what its callbacks expect.
        unsafe {
            let opened = api!(RedisModule_OpenKey(self.0, key.0, mode));
            let set = api!(RedisModule_ModuleTypeSetValue(opened, kind, value));
            debug_assert_eq!(set, raw::REDISMODULE_OK as c_int);
            api!(RedisModule_CloseKey(opened));
        }
    }

    /// Deletes a key, if it is there.
    pub(super) fn delete(self, key: Str) {
        let mode = (raw::REDISMODULE_READ | raw::REDISMODULE_WRITE) as c_int;
        // SAFETY: context and key are valid; the handle is closed at once.
        unsafe {
            let opened = api!(RedisModule_OpenKey(self.0, key.0, mode));
            api!(RedisModule_DeleteKey(opened));
            api!(RedisModule_CloseKey(opened));
        }
    }

    /// Sends the deletion of a key to replicas and the append-only file.
    pub(super) fn replicate_deletion(self, key: Str) {
        // SAFETY: the format takes a string.
        unsafe { api!(RedisModule_Replicate(self.0, c"DEL".as_ptr(), c"s".as_ptr(), key.0)) };
    }

    /// Whether this call only asks where the keys are among the words.
    pub(super) fn asks_for_keys(self) -> bool {
        // SAFETY: the context is that of a command.
        unsafe { api!(RedisModule_IsKeysPositionRequest(self.0)) != 0 }
    }

    /// Answers such a call: there is a key at this place.
    pub(super) fn key_at(self, place: usize, access: u32) {
        // SAFETY: the context is that of a call that asks for keys.
        unsafe { api!(RedisModule_KeyAtPosWithFlags(self.0, place as c_int, access as c_int)) };
    }

    /// Those who WATCH the key see that it changed; client-side caches too.
    pub(super) fn signal_modified(self, key: Str) {
        // SAFETY: context and key are valid.
        unsafe { api!(RedisModule_SignalModifiedKey(self.0, key.0)) };
    }

    /// Clients that wait for the key are decided anew.
    pub(super) fn signal_ready(self, key: Str) {
        // SAFETY: context and key are valid.
        unsafe { api!(RedisModule_SignalKeyAsReady(self.0, key.0)) };
    }

    /// Does something about each key, in the key's own database.
    pub(super) fn at_each(
        self,
        places: impl IntoIterator<Item = (i32, Bytes)>,
        act: impl Fn(Self, Str),
    ) {
        let home = self.db();
        for (db, name) in places {
            if self.select_db(db) {
                act(self, self.string(&name));
            }
        }
        self.select_db(home);
    }

    /// How many keys there are in the database.
    pub(super) fn keys(self) -> u64 {
        // SAFETY: the context is that of the running callback.
        unsafe { api!(RedisModule_DbSize(self.0)) }
    }

    /// Replies that there is nothing.
    pub(super) fn reply_null(self) {
        // SAFETY: the context is that of a client that waits for its reply.
        unsafe { api!(RedisModule_ReplyWithNull(self.0)) };
    }

    /// The number that the client of this context was given when it was made to wait; 0: none.
    pub(super) fn number(self) -> u64 {
        // SAFETY: the context is that of a callback about a client that waits.
        unsafe { api!(RedisModule_GetBlockedClientPrivateData(self.0)) as u64 }
    }

    /// Publishes a keyspace notification of a module's event.
    pub(super) fn notify(self, event: &CStr, key: Str) {
        self.notify_as(raw::REDISMODULE_NOTIFY_MODULE, event, key);
    }

    /// Publishes that a key is gone, as the server itself would.
    pub(super) fn notify_deletion(self, key: Str) {
        self.notify_as(raw::REDISMODULE_NOTIFY_GENERIC, c"del", key);
    }

    fn notify_as(self, kind: c_int, event: &CStr, key: Str) {
        // SAFETY: context, key and event are valid.
        unsafe { api!(RedisModule_NotifyKeyspaceEvent(self.0, kind, event.as_ptr(), key.0)) };
    }

    /// Sends `WF.APPLY key events [blob ...]` to replicas and the append-only file.
    pub(super) fn replicate_apply(self, key: Str, events: &[u8], blobs: &mut [Str]) {
        let (start, len) = (events.as_ptr().cast::<c_char>(), events.len());
        let name = c"WF.APPLY".as_ptr();
        // SAFETY: each format takes a string, a buffer with its length, and then nothing, a string,
        // or a vector with its length; `Str` is a transparent pointer.
        // The server retains the strings and copies the buffer. A vector makes it allocate once
        // more, which the most frequent commands need not pay for.
        unsafe {
            match blobs {
                [] => api!(RedisModule_Replicate(self.0, name, c"sb".as_ptr(), key.0, start, len)),
                [blob] => {
                    let format = c"sbs".as_ptr();
                    api!(RedisModule_Replicate(self.0, name, format, key.0, start, len, blob.0))
                }
                blobs => api!(RedisModule_Replicate(
                    self.0,
                    name,
                    c"sbv".as_ptr(),
                    key.0,
                    start,
                    len,
                    blobs.as_mut_ptr().cast::<*mut raw::RedisModuleString>(),
                    blobs.len(),
                )),
            };
        }
    }

    /// Passes the command on as it came.
    pub(super) fn replicate_verbatim(self) {
        // SAFETY: the context is that of a command.
        unsafe { api!(RedisModule_ReplicateVerbatim(self.0)) };
    }

    /// Replies an error; its first word is the code.
    pub(super) fn reply_error(self, text: &str) {
        let text = CString::new(text.replace('\0', "\\0")).unwrap_or_default();
        // SAFETY: context and text are valid.
        unsafe { api!(RedisModule_ReplyWithError(self.0, text.as_ptr())) };
    }
}

impl Str {
    /// Its bytes.
    pub(super) fn bytes<'a>(self) -> &'a [u8] {
        let mut len = 0;
        // SAFETY: the string is valid until the callback returns, and nothing changes it meanwhile;
        // the caller keeps the slice for no longer.
        unsafe {
            let bytes = api!(RedisModule_StringPtrLen(self.0, &mut len));
            std::slice::from_raw_parts(bytes.cast(), len)
        }
    }
}

/// A callback of a timer, without data.
pub(super) type Rings = unsafe extern "C" fn(*mut raw::RedisModuleCtx, *mut c_void);

impl Ctx {
    /// Sets a timer that rings once, after so many milliseconds.
    pub(super) fn set_timer(self, in_ms: u64, rings: Rings) -> raw::RedisModuleTimerID {
        let in_ms = in_ms as raw::mstime_t;
        // SAFETY: the context is valid; the callback takes no data.
        unsafe { api!(RedisModule_CreateTimer(self.0, in_ms, Some(rings), ptr::null_mut())) }
    }

    /// Stops a timer that has not rung.
    pub(super) fn stop_timer(self, id: raw::RedisModuleTimerID) {
        // SAFETY: the context is valid; the timer has no data to be given back.
        unsafe { api!(RedisModule_StopTimer(self.0, id, ptr::null_mut())) };
    }
}

/// How far a walk through all keys of a database has come.
pub(super) struct Cursor(*mut raw::RedisModuleScanCursor);

impl Cursor {
    /// Before the first key.
    pub(super) fn start() -> Self {
        // SAFETY: the call takes nothing.
        Self(unsafe { api!(RedisModule_ScanCursorCreate()) })
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // SAFETY: the cursor was made by `start` and is given up here.
        unsafe { api!(RedisModule_ScanCursorDestroy(self.0)) };
    }
}

/// A callback of a walk: context, name and opened key.
pub(super) type Found = unsafe extern "C" fn(
    *mut raw::RedisModuleCtx,
    *mut raw::RedisModuleString,
    *mut raw::RedisModuleKey,
    *mut c_void,
);

impl Ctx {
    /// One step of a walk through the keys of the context's database; false when it is at its end.
    pub(super) fn scan(self, cursor: &Cursor, found: Found) -> bool {
        // SAFETY: context and cursor are valid; the callback takes no data.
        unsafe { api!(RedisModule_Scan(self.0, cursor.0, Some(found), ptr::null_mut())) != 0 }
    }
}

type MustObey = unsafe extern "C" fn(*mut raw::RedisModuleCtx) -> c_int;

/// Valkey's own word, from 8.1 on, on commands that are not to be refused: it knows of slot imports
/// too. The SDK does not know the function.
static MUST_OBEY: OnceLock<Option<MustObey>> = OnceLock::new();

/// Whether the command comes from the primary, from a file being loaded, or with a slot that is
/// imported, as far as this server tells them apart from clients.
pub(super) fn must_obey(ctx: Ctx) -> bool {
    let flags = ctx.flags();
    if flags.is_replicated() || flags.is_loading() {
        return true;
    }
    let ask = MUST_OBEY.get_or_init(|| {
        let mut found: Option<MustObey> = None;
        // SAFETY: the server writes a function of this signature to the place, or nothing.
        let code = unsafe {
            let place = (&raw mut found).cast::<c_void>();
            api!(RedisModule_GetApi(c"RedisModule_MustObeyClient".as_ptr(), place))
        };
        found.filter(|_| code == raw::REDISMODULE_OK as c_int)
    });
    // SAFETY: the context is that of a command.
    ask.is_some_and(|ask| unsafe { ask(ctx.0) != 0 })
}

/// Whether this server does not bear that a client changes something and goes on waiting: Redis
/// 7.0, which lacks a function that came with the mending.
pub(super) fn dislikes_news_of_waiters() -> bool {
    // SAFETY: the table of functions is filled once, before any callback.
    let newer = unsafe { raw::RedisModule_BlockClientOnKeysWithFlags };
    newer.is_none()
}

/// Whether writing must wait: clients are paused for a failover.
pub(super) fn must_not_write() -> bool {
    // SAFETY: the call takes nothing.
    unsafe { api!(RedisModule_AvoidReplicaTraffic()) != 0 }
}

/// A random number.
pub(super) fn random() -> u64 {
    let mut bytes = [0_u8; 8];
    // SAFETY: the server writes as many bytes as it is told.
    unsafe { api!(RedisModule_GetRandomBytes(bytes.as_mut_ptr(), bytes.len())) };
    u64::from_le_bytes(bytes)
}

/// A callback of the API that answers like a command.
pub(super) type Handler = unsafe extern "C" fn(
    *mut raw::RedisModuleCtx,
    *mut *mut raw::RedisModuleString,
    c_int,
) -> c_int;

/// A callback about the data of a client that was made to wait, when that is over.
pub(super) type Freed = unsafe extern "C" fn(*mut raw::RedisModuleCtx, *mut c_void);

/// Makes the client of this context wait for keys. `ready` is called when one is signalled or, if
/// that is wanted and but for Redis 7.0, deleted; `timeout` when the time is over; 0 milliseconds
/// are for ever. `freed` is told the number in the end, unless it is 0.
pub(super) fn block_on(
    ctx: Ctx,
    (keys, deleted): (&mut [Str], bool),
    timeout_ms: u64,
    (ready, timeout, freed): (Handler, Handler, Freed),
    number: u64,
) {
    let (timeout_ms, count) = (timeout_ms as c_longlong, keys.len() as c_int);
    let (keys, data) = (keys.as_mut_ptr().cast(), ptr::without_provenance_mut(number as usize));
    let flags = if deleted { raw::REDISMODULE_BLOCK_UNBLOCK_DELETED as c_int } else { 0 };
    let (ready, timeout, freed) = (Some(ready), Some(timeout), Some(freed));
    // SAFETY: the context is that of a command whose client may be blocked; the server copies the
    // keys. The private data is a number, and for the server no more than that.
    unsafe {
        match raw::RedisModule_BlockClientOnKeysWithFlags {
            Some(block) => {
                block(ctx.0, ready, timeout, freed, timeout_ms, keys, count, data, flags)
            }
            None => api!(RedisModule_BlockClientOnKeys(
                ctx.0, ready, timeout, freed, timeout_ms, keys, count, data
            )),
        };
    }
}
