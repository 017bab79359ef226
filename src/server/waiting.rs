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

/// A queue, by database and name.
type Place = (i32, Bytes);

#[derive(Default)]
struct Table {
    queues: HashMap<Place, OfQueue>,
    /// What each client waits for.
    clients: HashMap<*mut raw::RedisModuleBlockedClient, (Place, u64)>,
}

thread_local! {
    // Every caller runs on the server's main thread.
    static WAITING: RefCell<Table> = RefCell::default();
}

impl Table {
    /// Takes out those who wait for one thing.
    fn take(&mut self, place: &Place, id: u64) -> Vec<Waiting> {
        let Some(of_queue) = self.queues.get_mut(place) else { return Vec::new() };
        let waiting = of_queue.remove(&id).unwrap_or_default();
        if of_queue.is_empty() {
            self.queues.remove(place);
        }
        waiting.iter().for_each(|waiting| _ = self.clients.remove(&waiting.client));
        waiting
    }

    /// Takes out those who wait for anything of these queues.
    fn take_all(&mut self, is_it: impl Fn(&Place) -> bool) -> Vec<Waiting> {
        let queues = self.queues.extract_if(|place, _| is_it(place));
        let waiting: Vec<Waiting> =
            queues.flat_map(|(_, of_queue)| of_queue.into_values().flatten()).collect();
        waiting.iter().for_each(|waiting| _ = self.clients.remove(&waiting.client));
        waiting
    }

    /// Takes one client out; false if it was woken before.
    fn forget(&mut self, client: *mut raw::RedisModuleBlockedClient) -> bool {
        let Some((place, id)) = self.clients.remove(&client) else { return false };
        if let Some(of_queue) = self.queues.get_mut(&place) {
            let waiting = of_queue.entry(id).or_default();
            waiting.retain(|waiting| !ptr::eq(waiting.client, client));
            if waiting.is_empty() {
                of_queue.remove(&id);
            }
            if of_queue.is_empty() {
                self.queues.remove(&place);
            }
        }
        true
    }
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
    WAITING.with_borrow_mut(|table| {
        let place = (ctx.db(), Bytes::from(queue));
        table.clients.insert(client, (place.clone(), awaited.id()));
        let of_queue = table.queues.entry(place).or_default();
        of_queue.entry(awaited.id()).or_default().push(Waiting { client, awaited });
    });
}

/// Something of a queue has ended: whoever waits for it is woken.
pub(super) fn ended(db: i32, queue: &[u8], ending: Ending) {
    let waiting = WAITING.with_borrow_mut(|table| table.take(&(db, queue.into()), ending.id));
    let ending = Rc::new(ending);
    for Waiting { client, .. } in waiting {
        wake(client, News::Ended(Rc::clone(&ending)));
    }
}

/// A queue is gone from its name.
pub(super) fn gone(db: i32, queue: &[u8]) {
    let waiting = WAITING.with_borrow_mut(|table| {
        let of_queue = (!table.queues.is_empty()).then(|| table.queues.remove(&(db, queue.into())));
        let waiting: Vec<Waiting> =
            of_queue.flatten().into_iter().flat_map(HashMap::into_values).flatten().collect();
        waiting.iter().for_each(|waiting| _ = table.clients.remove(&waiting.client));
        waiting
    });
    end_all(waiting);
}

/// All queues of a database are gone; of every one, if it is negative.
pub(super) fn flushed(db: i32) {
    let is_it = |(of, _): &Place| db < 0 || *of == db;
    end_all(WAITING.with_borrow_mut(|table| table.take_all(is_it)));
}

fn end_all(waiting: Vec<Waiting>) {
    for Waiting { client, awaited } in waiting {
        wake(client, News::Gone(awaited));
    }
}

fn wake(client: *mut raw::RedisModuleBlockedClient, news: News) {
    let news = Box::into_raw(Box::new(news)).cast::<c_void>();
    // SAFETY: the handle is one that still waits, since it was in the table until now; the data is
    // given back by `free`.
    unsafe { api!(RedisModule_UnblockClient(client, news)) };
}

/// The client waits no longer: it has run out of time, or is gone. Its handle is given back.
fn forget(client: *mut raw::RedisModuleBlockedClient) {
    if WAITING.with_borrow_mut(|table| table.forget(client)) {
        // SAFETY: the handle was in the table, so nobody has given it back yet. The server wants
        // that for each, also of a client that has run out of time or is gone.
        unsafe { api!(RedisModule_UnblockClient(client, ptr::null_mut())) };
    }
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
