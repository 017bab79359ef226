//! Whose turn it is among the clients that wait for tasks. The server would decide every client
//! anew that waits for a queue, with each task that comes: with a thousand agents that is a
//! thousand decisions for one task. So they are called one at a time: who waits longest of those
//! who would take what is there, by the key of the agent, for which the client waits too. When it
//! has been decided, the next one is called, as long as there is something for anybody. (Clients
//! that share an agent's name are called together.)
//!
//! Two nets are below that. Who is called and cannot come (it is gone, its agent's key is) is found
//! by a timer, and by the cron, which then calls the next. And whatever the server itself signals
//! about a queue (it was renamed, restored, swapped) has every client decided anew, as ever.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use hashbrown::HashMap;
use redis_module::raw;
use smallvec::SmallVec;

use super::api::{self, Ctx, Str};
use super::held;
use crate::engine::queue::Queue;
use crate::engine::task::Bytes;
use crate::engine::waiters::{Waiters, Wants};

/// What a client waits for, by names.
pub(super) struct Turn {
    pub(super) queues: SmallVec<[Str; 4]>,
    pub(super) agent: Str,
    pub(super) wants: Wants,
}

/// A client that waits.
struct Client {
    db: i32,
    queues: Vec<Bytes>,
    agent: Bytes,
    wants: Rc<Wants>,
    stands: Stands,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    InLine,
    /// It was called, and was not decided since.
    Called,
    /// It was called and found nothing; it stands in line again with the next event.
    Passed,
}

/// Those who wait for tasks of one queue.
#[derive(Default)]
struct OfQueue {
    in_line: Waiters,
    passed: BTreeSet<u64>,
    /// How many there are, however they stand.
    clients: usize,
}

/// A queue, by database and name.
type Place = (i32, Bytes);

#[derive(Default)]
struct Table {
    /// By number: who came first has the least.
    clients: BTreeMap<u64, Client>,
    queues: HashMap<i32, HashMap<Bytes, OfQueue>>,
    last: u64,
    /// Those who had been called at the last round of the cron.
    overdue: BTreeSet<u64>,
    /// Queues of which somebody was called who is gone.
    late: BTreeSet<Place>,
    /// Whether a timer is set for these.
    timed: bool,
}

thread_local! {
    // Every caller runs on the server's main thread.
    static TURNS: RefCell<Table> = RefCell::default();
}

impl Table {
    fn queue(&mut self, db: i32, name: &[u8]) -> Option<&mut OfQueue> {
        self.queues.get_mut(&db)?.get_mut(name)
    }

    /// A client stands otherwise in all its lines. Who is called stands in none.
    fn stand(&mut self, number: u64, stands: Stands) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let before = std::mem::replace(&mut client.stands, stands);
        let Client { db, queues, wants, .. } = client;
        for name in queues {
            let of_queue = self.queues.get_mut(db).and_then(|of_db| of_db.get_mut(name));
            let Some(of_queue) = of_queue else { continue };
            match before {
                Stands::InLine => of_queue.in_line.remove(number, wants),
                Stands::Passed => _ = of_queue.passed.remove(&number),
                Stands::Called => {}
            }
            match stands {
                Stands::InLine => of_queue.in_line.insert(number, wants),
                Stands::Passed => _ = of_queue.passed.insert(number),
                Stands::Called => {}
            }
        }
    }

    /// Those who were called and were not decided since.
    fn called(&self) -> BTreeSet<u64> {
        let called = self.clients.iter().filter(|(_, client)| client.stands == Stands::Called);
        called.map(|(number, _)| *number).collect()
    }

    /// A client waits no longer; tells how it stood, too.
    fn remove(&mut self, number: u64) -> Option<(Client, Stands)> {
        let stood = self.clients.get(&number)?.stands;
        // Out of every line first.
        self.stand(number, Stands::Called);
        let client = self.clients.remove(&number)?;
        for name in &client.queues {
            let Some(of_queue) = self.queue(client.db, name) else { continue };
            of_queue.clients -= 1;
            if of_queue.clients == 0 {
                self.queues.get_mut(&client.db).into_iter().for_each(|of| _ = of.remove(name));
            }
        }
        Some((client, stood))
    }
}

/// A client waits; tells its number.
pub(super) fn wait(ctx: Ctx, turn: &Turn) -> u64 {
    let db = ctx.db();
    let mut queues: Vec<Bytes> = turn.queues.iter().map(|name| name.bytes().into()).collect();
    queues.sort_unstable();
    queues.dedup();
    let (agent, wants) = (turn.agent.bytes().into(), Rc::new(turn.wants.clone()));
    TURNS.with_borrow_mut(|table| {
        table.last += 1;
        let number = table.last;
        let of_db = table.queues.entry(db).or_default();
        for name in &queues {
            let of_queue = of_db.entry(name.clone()).or_default();
            of_queue.in_line.insert(number, &wants);
            of_queue.clients += 1;
        }
        table.clients.insert(number, Client { db, queues, agent, wants, stands: Stands::InLine });
        number
    })
}

/// There may be something in a queue that was not there before.
pub(super) fn offer(ctx: Ctx, name: Str, queue: &Queue) {
    let called = TURNS.with_borrow_mut(|table| {
        if table.clients.is_empty() {
            return None;
        }
        let of_queue = table.queue(ctx.db(), name.bytes())?;
        for number in std::mem::take(&mut of_queue.passed) {
            table.stand(number, Stands::InLine);
        }
        next(table, ctx.db(), name, queue)
    });
    call(ctx, name, called);
}

/// Calls whose turn it is; tells the agent.
fn next(table: &mut Table, db: i32, name: Str, queue: &Queue) -> Option<Bytes> {
    let number = table.queue(db, name.bytes())?.in_line.next(queue)?;
    table.stand(number, Stands::Called);
    table.clients.get(&number).map(|client| client.agent.clone())
}

fn call(ctx: Ctx, queue: Str, agent: Option<Bytes>) {
    let Some(agent) = agent else { return };
    let agent = ctx.string(&agent);
    // The server looks for clients only where there is a key. An agent that was never heard of has
    // none: then all who wait for the queue are decided, this one among them.
    ctx.signal_ready(if ctx.value(agent).is_some() { agent } else { queue });
}

/// A client was decided anew: it waits no longer, or goes on waiting.
pub(super) fn decided(ctx: Ctx, number: u64, waits: bool) {
    let queues = TURNS.with_borrow_mut(|table| {
        let was_called = table.clients.get(&number)?.stands == Stands::Called;
        if waits && !was_called {
            return None;
        }
        if waits {
            table.stand(number, Stands::Passed);
            return table.clients.get(&number).map(|client| client.queues.clone());
        }
        table.remove(number).map(|(client, _)| client.queues)
    });
    queues.into_iter().flatten().for_each(|name| go_on(ctx, ctx.string(&name)));
}

/// Calls the next one of a queue, though nothing has happened there.
fn go_on(ctx: Ctx, name: Str) {
    let called = held::with_queue(ctx, name, |queue| {
        TURNS.with_borrow_mut(|table| next(table, ctx.db(), name, queue))
    });
    call(ctx, name, called.flatten());
}

/// A client waits no longer, for whatever reason; if it was called, the next one is called soon:
/// not here, where there may be no client in the context, and no database.
pub(super) fn left(ctx: Ctx, number: u64) {
    let must_time = TURNS.with_borrow_mut(|table| {
        let Some((client, Stands::Called)) = table.remove(number) else { return false };
        table.late.extend(client.queues.into_iter().map(|name| (client.db, name)));
        !std::mem::replace(&mut table.timed, true)
    });
    if must_time {
        ctx.set_timer(1, rings);
    }
}

unsafe extern "C" fn rings(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    // A panic was logged by the hook; the rounds of the cron go on.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        TURNS.with_borrow_mut(|table| table.timed = false);
        // Who is called may take something.
        if !api::must_not_write() {
            call_late(Ctx(ctx));
        }
    }));
}

/// Calls others in the place of those who were called and are gone.
fn call_late(ctx: Ctx) {
    let late = TURNS.with_borrow_mut(|table| std::mem::take(&mut table.late));
    ctx.at_each(late, go_on);
}

/// Finds those who were called and did not come.
pub(super) fn check(ctx: Ctx) {
    if api::must_not_write() {
        return;
    }
    call_late(ctx);
    let missed = TURNS.with_borrow_mut(|table| {
        let called = table.called();
        let missed: Vec<u64> = table.overdue.intersection(&called).copied().collect();
        missed.iter().for_each(|number| table.stand(*number, Stands::InLine));
        table.overdue = called;
        let missed = missed.iter().filter_map(|number| table.clients.get(number));
        let places = |client: &Client| {
            let db = client.db;
            client.queues.iter().map(move |name| (db, name.clone())).collect::<Vec<Place>>()
        };
        missed.flat_map(places).collect::<BTreeSet<Place>>()
    });
    ctx.at_each(missed, Ctx::signal_ready);
}
