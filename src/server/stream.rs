//! The stream of events: each transition becomes an entry of an ordinary stream, which anybody can
//! read with XREAD or a consumer group. Only a primary writes it; replicas and the append-only file
//! get the entries as such. A stream that is gone, or is something else, stops no transition.

use std::ffi::c_int;

use redis_module::raw;

use super::api::{Ctx, Str, api};
use super::observe::{COUNTERS, add};
use crate::engine::history::Transition;

/// About how many entries are kept.
const KEPT: &str = "100000";

/// Appends what happened to a queue.
pub(super) fn append(ctx: Ctx, stream: &[u8], queue: Str, transitions: &[Transition], ms: u64) {
    let (stream, at) = (ctx.string(stream), ms.to_string());
    for transition in transitions {
        let (id, workflow) = (transition.id.to_string(), transition.workflow);
        let workflow = workflow.map(|workflow| workflow.to_string());
        let fields = [
            ("event", Some(transition.event.as_bytes())),
            ("queue", Some(queue.bytes())),
            ("id", Some(id.as_bytes())),
            ("at", Some(at.as_bytes())),
            ("workflow", workflow.as_deref().map(str::as_bytes)),
            ("type", transition.kind.as_deref()),
            ("owner", transition.owner.as_deref()),
            ("reason", transition.reason.map(str::as_bytes)),
            ("handle", transition.handle.as_deref()),
        ];
        if !add_entry(ctx, stream, "NOMKSTREAM", &fields) {
            add(&COUNTERS.lost, 1);
        }
    }
}

/// Makes a stream that is not there yet, with an entry that says what it is for; false if there is
/// something else.
pub(super) fn begin(ctx: Ctx, stream: &[u8], queue: &[u8]) -> bool {
    let fields = [("event", Some(&b"events"[..])), ("queue", Some(queue))];
    add_entry(ctx, ctx.string(stream), "MAXLEN", &fields)
}

/// Adds an entry of the fields that have a value, unless the stream is not there and `word` is
/// NOMKSTREAM.
fn add_entry(ctx: Ctx, stream: Str, word: &str, fields: &[(&str, Option<&[u8]>)]) -> bool {
    let mut words = vec![stream];
    let options: &[&str] =
        if word == "NOMKSTREAM" { &["NOMKSTREAM", "MAXLEN"] } else { &["MAXLEN"] };
    let options = options.iter().chain(&["~", KEPT, "*"]);
    words.extend(options.map(|option| ctx.string(option.as_bytes())));
    for (name, value) in fields {
        if let Some(value) = value {
            words.extend([ctx.string(name.as_bytes()), ctx.string(value)]);
        }
    }
    // SAFETY: the format takes a vector with its length; `Str` is a transparent pointer; the reply
    // is freed.
    unsafe {
        let reply = api!(RedisModule_Call(
            ctx.0,
            c"XADD".as_ptr(),
            c"!v".as_ptr(),
            words.as_mut_ptr().cast::<*mut raw::RedisModuleString>(),
            words.len(),
        ));
        if reply.is_null() {
            return false;
        }
        let kind = api!(RedisModule_CallReplyType(reply));
        api!(RedisModule_FreeCallReply(reply));
        kind == raw::REDISMODULE_REPLY_STRING as c_int
    }
}
