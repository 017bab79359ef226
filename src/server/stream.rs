//! The stream of events: each transition becomes an entry of an ordinary stream, which anybody can
//! read with XREAD or a consumer group. Only a primary writes it; replicas and the append-only file
//! get the entries as such. A stream that is gone, or is something else, stops no transition.

use std::ffi::CStr;

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
            ("name", transition.name.as_deref()),
            ("type", transition.kind.as_deref()),
            ("owner", transition.owner.as_deref()),
            ("reason", transition.reason.map(str::as_bytes)),
            ("handle", transition.handle.as_deref()),
        ];
        let options = ["NOMKSTREAM", "MAXLEN", "~", KEPT, "*"];
        let mut words: Vec<Str> = vec![stream];
        words.extend(options.map(|option| ctx.string(option.as_bytes())));
        for (name, value) in fields {
            if let Some(value) = value {
                words.extend([ctx.string(name.as_bytes()), ctx.string(value)]);
            }
        }
        if !succeeds(ctx, c"XADD", &mut words) {
            add(&COUNTERS.lost, 1);
        }
    }
}

/// Makes a stream, an empty one, if there is none yet; false if there is something else.
pub(super) fn begin(ctx: Ctx, stream: &[u8]) -> bool {
    let word = |word: &str| ctx.string(word.as_bytes());
    // Only a group brings a stream into being without an entry.
    let group = word("baton:begin");
    let mut create = [word("CREATE"), ctx.string(stream), group, word("$"), word("MKSTREAM")];
    let mut destroy = [word("DESTROY"), ctx.string(stream), group];
    succeeds(ctx, c"XGROUP", &mut create) && succeeds(ctx, c"XGROUP", &mut destroy)
}

/// Calls a command of the server, which replicas get as such; false if it is not carried out.
fn succeeds(ctx: Ctx, command: &CStr, words: &mut [Str]) -> bool {
    // SAFETY: the format takes a vector with its length; `Str` is a transparent pointer; the reply
    // is freed.
    unsafe {
        let reply = api!(RedisModule_Call(
            ctx.0,
            command.as_ptr(),
            c"!v".as_ptr(),
            words.as_mut_ptr().cast::<*mut raw::RedisModuleString>(),
            words.len(),
        ));
        if reply.is_null() {
            return false;
        }
        let kind = api!(RedisModule_CallReplyType(reply));
        api!(RedisModule_FreeCallReply(reply));
        ![raw::REDISMODULE_REPLY_ERROR, raw::REDISMODULE_REPLY_NULL].contains(&(kind as isize))
    }
}
