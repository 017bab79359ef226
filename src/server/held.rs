//! What a key holds: a value of one of Baton's types, something else, or nothing.

use std::ffi::c_void;

use redis_module::raw;

use super::api::{Ctx, Str};
use super::datatype::{self, Stored};
use super::timer;
use crate::engine::agent::Agent;
use crate::engine::numbers::Moment;
use crate::engine::pool::Pool;
use crate::engine::queue::Queue;

/// What a key holds.
#[derive(Clone, Copy)]
pub(super) enum Held {
    Nothing,
    Queue(*mut Stored<Queue>),
    Agent(*mut Stored<Agent>),
    Pool(*mut Stored<Pool>),
    Other,
    /// The call is over.
    Closed,
}

impl Held {
    /// What the server has at a key that is there.
    pub(super) fn of((kind, value): (*mut raw::RedisModuleType, *mut c_void)) -> Self {
        if kind == datatype::queue_type() {
            Self::Queue(value.cast())
        } else if kind == datatype::agent_type() {
            Self::Agent(value.cast())
        } else if kind == datatype::pool_type() {
            Self::Pool(value.cast())
        } else {
            Self::Other
        }
    }
}

/// The timer learns when something falls due at a key that was found in a walk through all.
pub(super) fn found(
    ctx: Ctx,
    name: Str,
    value: (*mut raw::RedisModuleType, *mut c_void),
    at: Moment,
) {
    expect(ctx, name, Held::of(value), at);
}

/// Looks at the queue of a name, if there is one.
pub(super) fn with_queue<R>(ctx: Ctx, name: Str, look: impl FnOnce(&Queue) -> R) -> Option<R> {
    match ctx.value(name).map(Held::of) {
        // SAFETY: the server owns the value, and nothing but this runs until the look is over.
        Some(Held::Queue(stored)) => Some(look(unsafe { &(*stored).value })),
        _ => None,
    }
}

/// The timer learns when something falls due at a key.
pub(super) fn expect(ctx: Ctx, name: Str, held: Held, at: Moment) {
    match held {
        Held::Queue(stored) => timer::seen(ctx, name, stored, at),
        Held::Agent(stored) => timer::seen(ctx, name, stored, at),
        Held::Pool(stored) => timer::seen(ctx, name, stored, at),
        Held::Nothing | Held::Other | Held::Closed => {}
    }
}

/// A value read from storage.
pub(super) enum Loaded {
    Queue(Box<Queue>),
    Agent(Box<Agent>),
    Pool(Box<Pool>),
}

/// Makes a key that is not there, with this value.
fn create<T>(ctx: Ctx, name: Str, kind: *mut raw::RedisModuleType, value: T) -> *mut Stored<T> {
    let stored = Stored::boxed(value);
    ctx.create(name, kind, stored.cast::<c_void>());
    stored
}

impl Loaded {
    /// Makes a key that is not there, with this value.
    pub(super) fn create(self, ctx: Ctx, name: Str) -> Held {
        match self {
            Self::Queue(queue) => Held::Queue(create(ctx, name, datatype::queue_type(), *queue)),
            Self::Agent(agent) => Held::Agent(create(ctx, name, datatype::agent_type(), *agent)),
            Self::Pool(pool) => Held::Pool(create(ctx, name, datatype::pool_type(), *pool)),
        }
    }
}
