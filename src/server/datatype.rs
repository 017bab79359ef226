//! The three data types, as the server sees them: how a value is saved, loaded, copied, measured
//! and freed. Each callback is a few lines around `storage` or the engine; none may panic into the
//! server, and none trusts a byte that it reads.

use std::ffi::{c_char, c_int, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use redis_module::raw;

use super::api::{self, Ctx, Str, api};
use super::timer::Timed;
use super::{clock, lazyfree, sweep, timer, waiting, watch};
use crate::engine::agent::Agent;
use crate::engine::pool::Pool;
use crate::engine::queue::Queue;
use crate::engine::task::Bytes;
use crate::storage::batch::Kind;
use crate::storage::load::{Loaded, Loader};
use crate::storage::{DUMP_VERSION, agent_dump, dump, pool_dump};

/// A value with what this server knows of it beside. The latter is never stored.
pub(super) struct Stored<T> {
    pub(super) value: T,
    /// When the timer expects something to fall due here.
    pub(super) expected: Option<timer::Expected>,
    /// Since it was unlinked with something to fall due: whether it lives on all the same.
    alive: Option<Arc<()>>,
}

impl<T> Stored<T> {
    /// A value that the server will own.
    pub(super) fn boxed(value: T) -> *mut Self {
        Box::into_raw(Box::new(Self { value, expected: None, alive: None }))
    }
}

/// A value that the server will own under this name, if it is known.
fn named<T: DataType>(value: T, db: c_int, name: *const raw::RedisModuleString) -> *mut Stored<T> {
    let next_ms = value.next_ms(clock::now()).filter(|_| !name.is_null());
    let expected = next_ms.map(|ms| timer::loaded(ms, db, Str(name.cast_mut()).bytes()));
    Box::into_raw(Box::new(Stored { value, expected, alive: None }))
}

static QUEUE: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(ptr::null_mut());
static AGENT: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(ptr::null_mut());
static POOL: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(ptr::null_mut());

/// The type of queues.
pub(super) fn queue_type() -> *mut raw::RedisModuleType {
    QUEUE.load(Ordering::Relaxed)
}

/// The type of agents.
pub(super) fn agent_type() -> *mut raw::RedisModuleType {
    AGENT.load(Ordering::Relaxed)
}

/// The type of pools.
pub(super) fn pool_type() -> *mut raw::RedisModuleType {
    POOL.load(Ordering::Relaxed)
}

/// Registers the types; false if the server does not take one.
pub(super) fn register(ctx: Ctx) -> bool {
    let queue = methods::<Queue>();
    let agent = methods::<Agent>();
    let pool = methods::<Pool>();
    let all =
        [(c"baton-wfq", queue, &QUEUE), (c"baton-wfa", agent, &AGENT), (c"baton-wfp", pool, &POOL)];
    all.into_iter().all(|(name, mut methods, place)| {
        // SAFETY: the context is that of OnLoad; the server copies the methods.
        let kind = unsafe {
            api!(RedisModule_CreateDataType(ctx.0, name.as_ptr(), DUMP_VERSION, &mut methods))
        };
        place.store(kind, Ordering::Relaxed);
        !kind.is_null()
    })
}

/// What a data type of this module can do.
trait DataType: Timed + Sized + Send + 'static {
    /// Hands on the value in pieces, in an order that is the same for equal values.
    fn write(&self, sink: &mut dyn FnMut(&[u8]));
    /// Reads it back, one piece after the other.
    fn read(next: &mut dyn FnMut() -> Option<Bytes>) -> Result<Self, String>;
    /// What a piece is called in the append-only file.
    const PIECE: Kind;
    /// The value under another name: whatever was of the name is not taken over.
    fn renamed(&mut self) {}
    /// The value was loaded at this moment, Unix time in milliseconds.
    fn loaded(&mut self, _ms: u64) {}
    /// Bytes on the heap.
    fn heap_bytes(&self, samples: usize) -> usize;
    /// How many allocations freeing it takes.
    fn free_effort(&self) -> u64;
    /// Moves what can be moved to where there are fewer holes; where to go on, if not done.
    fn defrag(&mut self, _from: u32, _defrag: &Defrag) -> Option<u32> {
        None
    }
}

impl DataType for Queue {
    const PIECE: Kind = Kind::QueueChunk;

    fn loaded(&mut self, ms: u64) {
        Self::loaded(self, ms);
    }

    fn write(&self, sink: &mut dyn FnMut(&[u8])) {
        dump::encode(self, sink);
    }

    fn read(next: &mut dyn FnMut() -> Option<Bytes>) -> Result<Self, String> {
        let mut loader = Box::<Loader>::default();
        while let Some(chunk) = next() {
            match loader.chunk(&chunk)? {
                Loaded::Whole(queue) => return Ok(*queue),
                Loaded::Partly(further) => loader = further,
            }
        }
        Err("the end is missing".to_owned())
    }

    fn renamed(&mut self) {
        self.release_all();
    }

    fn heap_bytes(&self, samples: usize) -> usize {
        Self::heap_bytes(self, samples)
    }

    fn free_effort(&self) -> u64 {
        Self::free_effort(self)
    }

    fn defrag(&mut self, from: u32, defrag: &Defrag) -> Option<u32> {
        self.move_payloads(from, |payload| defrag.moved(payload), || defrag.should_stop())
    }
}

impl DataType for Agent {
    const PIECE: Kind = Kind::AgentDump;

    fn write(&self, sink: &mut dyn FnMut(&[u8])) {
        sink(&agent_dump::encode(self));
    }

    fn read(next: &mut dyn FnMut() -> Option<Bytes>) -> Result<Self, String> {
        agent_dump::decode(&next().ok_or("nothing is there")?)
    }

    fn renamed(&mut self) {
        self.become_another();
    }

    fn heap_bytes(&self, _samples: usize) -> usize {
        Self::heap_bytes(self)
    }

    fn free_effort(&self) -> u64 {
        1 + self.queues().len() as u64
    }

    fn loaded(&mut self, ms: u64) {
        Self::loaded(self, ms);
    }
}

impl DataType for Pool {
    const PIECE: Kind = Kind::PoolDump;

    fn write(&self, sink: &mut dyn FnMut(&[u8])) {
        sink(&pool_dump::encode(self));
    }

    fn read(next: &mut dyn FnMut() -> Option<Bytes>) -> Result<Self, String> {
        pool_dump::decode(&next().ok_or("nothing is there")?)
    }

    fn heap_bytes(&self, _samples: usize) -> usize {
        0
    }

    fn free_effort(&self) -> u64 {
        1
    }
}

/// The callbacks of a type. Those left out:
/// `aux_*`: a file with auxiliary data cannot be loaded without the module, not even without keys;
/// `mem_usage`, `free_effort`, `unlink`, `copy`: the second versions are there on every server.
fn methods<T: DataType>() -> raw::RedisModuleTypeMethods {
    raw::RedisModuleTypeMethods {
        version: u64::from(raw::REDISMODULE_TYPE_METHOD_VERSION),
        rdb_load: Some(rdb_load::<T>),
        rdb_save: Some(rdb_save::<T>),
        aof_rewrite: Some(aof_rewrite::<T>),
        mem_usage: None,
        digest: Some(digest::<T>),
        free: Some(free::<T>),
        aux_load: None,
        aux_save: None,
        aux_save_triggers: 0,
        free_effort: None,
        unlink: None,
        copy: None,
        defrag: Some(defrag::<T>),
        mem_usage2: Some(mem_usage::<T>),
        free_effort2: Some(free_effort::<T>),
        unlink2: Some(unlink::<T>),
        copy2: Some(copy::<T>),
        aux_save2: None,
    }
}

/// Runs a callback; a panic in one that only reads becomes `otherwise` and a line in the log.
fn guarded<R>(what: &str, otherwise: R, callback: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(callback)).unwrap_or_else(|_| {
        api::warn(None, &format!("internal error while {what}"));
        otherwise
    })
}

/// The value behind a pointer that the server got from `Stored::boxed`.
///
/// # Safety
/// The pointer is of this type, and nobody changes the value while the reference lives. Both hold
/// in a callback: the server calls each with values of its own type only, on the main thread or in
/// a child process that shares nothing.
unsafe fn value<'a, T>(pointer: *const c_void) -> &'a T {
    // SAFETY: as the caller promises.
    unsafe { &(*pointer.cast::<Stored<T>>()).value }
}

unsafe extern "C" fn rdb_save<T: DataType>(io: *mut raw::RedisModuleIO, pointer: *mut c_void) {
    guarded("saving", (), || {
        // SAFETY: `io` is valid for this callback, and see `value`.
        unsafe {
            let name = api!(RedisModule_GetKeyNameFromIO(io)).cast_mut();
            let name = if name.is_null() { &[][..] } else { Str(name).bytes() };
            save(io, name);
            value::<T>(pointer).write(&mut |piece| save(io, piece));
        }
    });
}

fn save(io: *mut raw::RedisModuleIO, bytes: &[u8]) {
    // SAFETY: `io` is that of the running callback.
    unsafe { api!(RedisModule_SaveStringBuffer(io, bytes.as_ptr().cast(), bytes.len())) };
}

unsafe extern "C" fn rdb_load<T: DataType>(
    io: *mut raw::RedisModuleIO,
    encver: c_int,
) -> *mut c_void {
    guarded("loading", ptr::null_mut(), || {
        if encver > DUMP_VERSION {
            let text = format!(
                "a key is stored in version {encver}, and this module knows {DUMP_VERSION}"
            );
            api::warn(None, &text);
            return ptr::null_mut();
        }
        match load::<T>(io) {
            Ok(stored) => stored.cast(),
            Err(why) => {
                api::warn(None, &format!("a key cannot be loaded: {why}"));
                ptr::null_mut()
            }
        }
    })
}

fn load<T: DataType>(io: *mut raw::RedisModuleIO) -> Result<*mut Stored<T>, String> {
    let name = load_bytes(io).ok_or("the name is missing")?;
    let mut value = T::read(&mut || load_bytes(io))?;
    value.loaded(clock::now_us() / 1_000);
    // SAFETY: `io` is that of the running callback.
    let (key, db) =
        unsafe { (api!(RedisModule_GetKeyNameFromIO(io)), api!(RedisModule_GetDbIdFromIO(io))) };
    if !key.is_null() && Str(key.cast_mut()).bytes() != name.as_ref() {
        value.renamed();
    }
    Ok(named(value, db, key))
}

/// The next string, or nothing when the input ends or is broken.
fn load_bytes(io: *mut raw::RedisModuleIO) -> Option<Bytes> {
    let mut len = 0;
    // SAFETY: `io` is that of the running callback. The buffer is ours to free; it is copied since
    // the server's allocator is not always the one that would free a `Box`.
    unsafe {
        let buffer = api!(RedisModule_LoadStringBuffer(io, &mut len));
        if buffer.is_null() || api!(RedisModule_IsIOError(io)) != 0 {
            return None;
        }
        let bytes = Bytes::from(std::slice::from_raw_parts(buffer.cast::<u8>(), len));
        api!(RedisModule_Free(buffer.cast()));
        Some(bytes)
    }
}

unsafe extern "C" fn aof_rewrite<T: DataType>(
    io: *mut raw::RedisModuleIO,
    key: *mut raw::RedisModuleString,
    pointer: *mut c_void,
) {
    guarded("rewriting the append-only file", (), || {
        // SAFETY: see `value`.
        let value = unsafe { value::<T>(pointer) };
        value.write(&mut |piece| {
            let mut bytes = Vec::with_capacity(piece.len() + 2);
            bytes.extend_from_slice(&T::PIECE.header());
            bytes.extend_from_slice(piece);
            let start = bytes.as_ptr().cast::<c_char>();
            // SAFETY: the format takes a string and a buffer with its length; the server copies.
            unsafe {
                let (name, format) = (c"WF.APPLY".as_ptr(), c"sb".as_ptr());
                api!(RedisModule_EmitAOF(io, name, format, key, start, bytes.len()));
            }
        });
    });
}

unsafe extern "C" fn digest<T: DataType>(md: *mut raw::RedisModuleDigest, pointer: *mut c_void) {
    guarded("digesting", (), || {
        // SAFETY: see `value`; `md` is valid for this callback.
        unsafe {
            value::<T>(pointer).write(&mut |piece| {
                let (start, len) = (piece.as_ptr().cast::<c_char>(), piece.len());
                api!(RedisModule_DigestAddStringBuffer(md, start, len));
            });
            api!(RedisModule_DigestEndSequence(md));
        }
    });
}

unsafe extern "C" fn mem_usage<T: DataType>(
    _ctx: *mut raw::RedisModuleKeyOptCtx,
    pointer: *const c_void,
    samples: usize,
) -> usize {
    // SAFETY: see `value`.
    guarded("measuring", 0, || unsafe {
        size_of::<Stored<T>>() + value::<T>(pointer).heap_bytes(samples)
    })
}

unsafe extern "C" fn free_effort<T: DataType>(
    _ctx: *mut raw::RedisModuleKeyOptCtx,
    pointer: *const c_void,
) -> usize {
    // SAFETY: see `value`.
    guarded("measuring", 1, || unsafe { value::<T>(pointer).free_effort().max(1) as usize })
}

unsafe extern "C" fn copy<T: DataType>(
    ctx: *mut raw::RedisModuleKeyOptCtx,
    pointer: *const c_void,
) -> *mut c_void {
    guarded("copying", ptr::null_mut(), || {
        let mut pieces = Vec::new();
        // SAFETY: see `value`.
        unsafe { value::<T>(pointer) }.write(&mut |piece| pieces.push(Bytes::from(piece)));
        let mut pieces = pieces.into_iter();
        match T::read(&mut || pieces.next()) {
            Ok(mut value) => {
                value.renamed();
                // SAFETY: the context is that of the running callback.
                let (name, db) = unsafe {
                    (
                        api!(RedisModule_GetToKeyNameFromOptCtx(ctx)),
                        api!(RedisModule_GetToDbIdFromOptCtx(ctx)),
                    )
                };
                named(value, db, name).cast()
            }
            Err(why) => {
                api::warn(None, &format!("a key cannot be copied: {why}"));
                ptr::null_mut()
            }
        }
    })
}

/// The key goes, or the value goes on under another name: the timer expects nothing here any more,
/// and a sweep looks for the value if it lives on; clients may wait for it. Always on the main
/// thread, unlike `free`.
unsafe extern "C" fn unlink<T: DataType>(
    ctx: *mut raw::RedisModuleKeyOptCtx,
    pointer: *const c_void,
) {
    guarded("unlinking", (), || {
        // SAFETY: the value is ours alone for this callback.
        let stored = unsafe { &mut *pointer.cast_mut().cast::<Stored<T>>() };
        timer::gone(&mut stored.expected);
        if stored.value.next_ms(clock::now()).is_some() {
            stored.alive = Some(sweep::unlinked());
        }
        // SAFETY: the context is that of the running callback.
        let (name, db) = unsafe {
            (api!(RedisModule_GetKeyNameFromOptCtx(ctx)), api!(RedisModule_GetDbIdFromOptCtx(ctx)))
        };
        if !name.is_null() {
            let name = Str(name.cast_mut()).bytes();
            watch::unlinked(db, name);
            waiting::gone(db, name);
        }
    });
}

/// May run on a thread of the server's own: touches nothing but the value.
unsafe extern "C" fn free<T: DataType>(pointer: *mut c_void) {
    guarded("freeing", (), || {
        // SAFETY: the pointer is from `Stored::boxed`, and the server gives it up with this call.
        let mut stored = unsafe { Box::from_raw(pointer.cast::<Stored<T>>()) };
        // It is on its way nowhere, however long it takes to be freed.
        stored.alive = None;
        let allocations = stored.value.free_effort();
        lazyfree::free(stored, allocations);
    });
}

/// A defragmentation under way.
struct Defrag(*mut raw::RedisModuleDefragCtx);

impl Defrag {
    fn should_stop(&self) -> bool {
        // SAFETY: valid for the callback.
        unsafe { api!(RedisModule_DefragShouldStop(self.0)) != 0 }
    }

    /// The same bytes, where the server would rather have them.
    fn moved(&self, bytes: Bytes) -> Bytes {
        if bytes.is_empty() {
            return bytes;
        }
        let len = bytes.len();
        let old = Box::into_raw(bytes).cast::<u8>();
        // SAFETY: the bytes were allocated by the server's allocator, as all of this module's; the
        // server copies them and frees the old place, or gives NULL and leaves them.
        unsafe {
            let new = api!(RedisModule_DefragAlloc(self.0, old.cast())).cast::<u8>();
            let place = if new.is_null() { old } else { new };
            Box::from_raw(ptr::slice_from_raw_parts_mut(place, len))
        }
    }
}

unsafe extern "C" fn defrag<T: DataType>(
    ctx: *mut raw::RedisModuleDefragCtx,
    _key: *mut raw::RedisModuleString,
    pointer: *mut *mut c_void,
) -> c_int {
    guarded("defragmenting", 0, || {
        let mut cursor: c_ulong = 0;
        // SAFETY: the value is ours alone for this callback; both cursor calls may fail, which
        // means that the server does not defragment in steps: then it starts at 0 each time.
        unsafe {
            api!(RedisModule_DefragCursorGet(ctx, &mut cursor));
            let value = &mut (*(*pointer).cast::<Stored<T>>()).value;
            match value.defrag(cursor as u32, &Defrag(ctx)) {
                Some(next) => {
                    api!(RedisModule_DefragCursorSet(ctx, c_ulong::from(next)));
                    1
                }
                None => 0,
            }
        }
    })
}
