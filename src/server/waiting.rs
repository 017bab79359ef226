//! Clients that wait for the end of a task or a workflow. Each is woken when that very thing has
//! ended, and nobody else is; what it is told travels with the wake-up, since the task may be gone
//! by then.

use std::cell::RefCell;
use std::ffi::{c_int, c_longlong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use hashbrown::HashMap;
use redis_module::raw;

use super::api::{Ctx, api};
use super::reply::Writer;
use crate::commands::{Awaited, tell};
use crate::engine::ending::Ending;
use crate::engine::task::Bytes;

const OK: c_int = raw::REDISMODULE_OK as c_int;

/// A client that waits. The handle is good until the client is unblocked, has run out of time or is
/// gone; it is taken out of here at each of these.
struct Waiting {
    client: *mut raw::RedisModuleBlockedClient,
    awaited: Awaited,
}

/// Those who wait for something of one queue, by its number.
type OfQueue = HashMap<u64, Vec<Waiting>>;

thread_local! {
    /// By database and name of the queue. Every caller runs on the server's main thread.
    static WAITING: RefCell<HashMap<(i32, Bytes), OfQueue>> = RefCell::default();
}

/// What a client is woken with.
enum News {
    Ended(Rc<Ending>),
    /// It is not there any more.
    Gone(Awaited),
}

/// Makes the client of this context wait.
pub(super) fn wait(ctx: Ctx, queue: &[u8], awaited: Awaited, timeout_ms: u64) {
    // SAFETY: the context is that of a command whose client may be blocked. The private data is a
    // `News` in a box, which `free` gives back.
    let client = unsafe {
        let timeout_ms = timeout_ms as c_longlong;
        let (told, late, freed) = (Some(told as _), Some(late as _), Some(free as _));
        let client = api!(RedisModule_BlockClient(ctx.0, told, late, freed, timeout_ms));
        api!(RedisModule_SetDisconnectCallback(client, Some(disconnected)));
        client
    };
    WAITING.with_borrow_mut(|all| {
        let of_queue = all.entry((ctx.db(), queue.into())).or_default();
        of_queue.entry(awaited.id()).or_default().push(Waiting { client, awaited });
    });
}

/// Something of a queue has ended: whoever waits for it is woken.
pub(super) fn ended(db: i32, queue: &[u8], ending: Ending) {
    let place = (db, Bytes::from(queue));
    let waiting = WAITING.with_borrow_mut(|all| {
        let of_queue = all.get_mut(&place)?;
        let waiting = of_queue.remove(&ending.id);
        if of_queue.is_empty() {
            all.remove(&place);
        }
        waiting
    });
    let ending = Rc::new(ending);
    for Waiting { client, .. } in waiting.into_iter().flatten() {
        wake(client, News::Ended(Rc::clone(&ending)));
    }
}

/// A queue is gone from its name.
pub(super) fn gone(db: i32, queue: &[u8]) {
    let of_queue = WAITING.with_borrow_mut(|all| match all.is_empty() {
        true => None,
        false => all.remove(&(db, queue.into())),
    });
    of_queue.into_iter().for_each(end_all);
}

/// All queues of a database are gone; of every one, if it is negative.
pub(super) fn flushed(db: i32) {
    let gone: Vec<OfQueue> = WAITING.with_borrow_mut(|all| {
        let of_db = all.extract_if(|(place, _), _| db < 0 || *place == db);
        of_db.map(|(_, of_queue)| of_queue).collect()
    });
    gone.into_iter().for_each(end_all);
}

fn end_all(of_queue: OfQueue) {
    for Waiting { client, awaited } in of_queue.into_values().flatten() {
        wake(client, News::Gone(awaited));
    }
}

fn wake(client: *mut raw::RedisModuleBlockedClient, news: News) {
    let news = Box::into_raw(Box::new(news)).cast::<c_void>();
    // SAFETY: the handle is one that still waits, since it was in the table until now; the data is
    // given back by `free`.
    unsafe { api!(RedisModule_UnblockClient(client, news)) };
}

/// The client waits no longer: it has run out of time, or is gone.
fn forget(client: *mut raw::RedisModuleBlockedClient) {
    WAITING.with_borrow_mut(|all| {
        all.retain(|_, of_queue| {
            of_queue.retain(|_, waiting| {
                waiting.retain(|waiting| !ptr::eq(waiting.client, client));
                !waiting.is_empty()
            });
            !of_queue.is_empty()
        });
    });
}

unsafe extern "C" fn told(
    ctx: *mut raw::RedisModuleCtx,
    _argv: *mut *mut raw::RedisModuleString,
    _argc: c_int,
) -> c_int {
    let ctx = Ctx(ctx);
    // SAFETY: the context is that of the woken client, whose data `wake` gave.
    let news = unsafe {
        let data = api!(RedisModule_GetBlockedClientPrivateData(ctx.0));
        data.cast::<News>().as_ref()
    };
    let _ = catch_unwind(AssertUnwindSafe(|| match news {
        Some(News::Ended(ending)) => tell(ending, &mut Writer::to(ctx)),
        Some(News::Gone(awaited)) => ctx.reply_error(&awaited.missing().to_string()),
        None => {}
    }));
    OK
}

unsafe extern "C" fn late(
    ctx: *mut raw::RedisModuleCtx,
    _argv: *mut *mut raw::RedisModuleString,
    _argc: c_int,
) -> c_int {
    // SAFETY: the context is that of the client whose time is over.
    unsafe {
        forget(api!(RedisModule_GetBlockedClientHandle(ctx)));
        api!(RedisModule_ReplyWithNull(ctx))
    }
}

unsafe extern "C" fn disconnected(
    _ctx: *mut raw::RedisModuleCtx,
    client: *mut raw::RedisModuleBlockedClient,
) {
    let _ = catch_unwind(AssertUnwindSafe(|| forget(client)));
}

unsafe extern "C" fn free(_ctx: *mut raw::RedisModuleCtx, data: *mut c_void) {
    if !data.is_null() {
        // SAFETY: the data is what `wake` made of a box.
        drop(unsafe { Box::from_raw(data.cast::<News>()) });
    }
}
