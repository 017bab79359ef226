//! Replies, written straight to the client.

use std::ffi::{c_char, c_long};

use redis_module::raw;

use super::api::{Ctx, api};
use crate::commands::Reply;

/// The reply of one command.
pub(super) struct Writer {
    ctx: Ctx,
    /// Whether anything was written: then no error can be replied any more.
    pub(super) started: bool,
}

impl Writer {
    pub(super) fn to(ctx: Ctx) -> Self {
        Self { ctx, started: false }
    }
}

// SAFETY of every block below: the context is that of the command being answered; the server copies
// what it is given.
impl Reply for Writer {
    fn integer(&mut self, value: i64) {
        self.started = true;
        // SAFETY: as above.
        unsafe { api!(RedisModule_ReplyWithLongLong(self.ctx.0, value)) };
    }

    fn bytes(&mut self, value: &[u8]) {
        self.started = true;
        let start = value.as_ptr().cast::<c_char>();
        // SAFETY: as above.
        unsafe { api!(RedisModule_ReplyWithStringBuffer(self.ctx.0, start, value.len())) };
    }

    fn ok(&mut self) {
        self.started = true;
        // SAFETY: as above.
        unsafe { api!(RedisModule_ReplyWithSimpleString(self.ctx.0, c"OK".as_ptr())) };
    }

    fn null(&mut self) {
        self.started = true;
        // SAFETY: as above.
        unsafe { api!(RedisModule_ReplyWithNull(self.ctx.0)) };
    }

    fn array(&mut self, len: usize) {
        self.started = true;
        // SAFETY: as above.
        unsafe { api!(RedisModule_ReplyWithArray(self.ctx.0, len as c_long)) };
    }

    fn map(&mut self, pairs: usize) {
        self.started = true;
        // SAFETY: as above. In RESP2 the server writes the pairs as one flat array.
        unsafe { api!(RedisModule_ReplyWithMap(self.ctx.0, pairs as c_long)) };
    }
}
