//! WF.DRAIN: a stop that is waited for. Nothing new is handed out; what runs may finish; and what
//! still runs when the time is over is reset, if that was asked for.
//!
//! The limit is a deadline of the key itself: what was planned happens whether or not the caller is
//! still there.

use super::args;
use super::bulk::BULK;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Key, Next};
use crate::engine::event::{Batch, QueueEvent};
use crate::engine::numbers::NUMBER_MAX;
use crate::engine::queue::{Hold, Queue};
use crate::engine::refusal::Refusal;
use crate::engine::reset::Which;
use crate::engine::task::{Cause, State};

/// How much longer a caller waits for a reset than for tasks to end, in milliseconds: many tasks
/// are reset in slices.
const RESETTING_MS: u64 = 10_000;

/// WF.DRAIN.
pub(super) static DRAIN: Spec = Spec {
    name: "wf.drain",
    summary: "Hands out no more tasks, waits for those that run, and resets what is left",
    complexity: "O(1); with RESET O(N) in the tasks reset, in slices",
    since: "0.1.0",
    flags: "write blocking",
    categories: "write blocking",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[Arg::key("key", 0), common::BLOCK, Arg::word("reset", "RESET").optional()],
    reply: "a map: running (tasks that still run) and reset (tasks that were reset so far)",
    details: "\
        A queue: none of its tasks is handed out until WF.RESUME. BLOCK: wait so many \
        milliseconds until nothing runs any more, 0 for ever; in MULTI or a script it replies at \
        once. RESET: when that time is over (without BLOCK: now), what still runs is reset, an \
        interruption each, as WF.RESET does it; also when the caller is gone by then. With \
        BLOCK 0 that time never comes.\n\n\
        Errors: WRONGTYPE, ERR (also when there is no such key).",
    run,
};

/// What the caller wants.
struct Asked {
    block_ms: Option<u64>,
    resets: bool,
}

impl Asked {
    /// When what still runs is reset, Unix time in milliseconds.
    fn reset_ms(&self, now_ms: u64) -> Option<u64> {
        match self.block_ms {
            _ if !self.resets => None,
            None => Some(now_ms),
            Some(0) => None,
            Some(block_ms) => Some(now_ms.saturating_add(block_ms).min(NUMBER_MAX)),
        }
    }
}

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("key")?;
    let mut asked = Asked { block_ms: None, resets: false };
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"BLOCK" => asked.block_ms = Some(call.args.ms("BLOCK")?),
            b"RESET" => asked.resets = true,
            _ => return Err(args::unknown(word)),
        }
    }
    let key = call.keys.open(key);
    let begins = !call.rules.woken && !call.rules.timed_out;
    if begins {
        begin(call, key, &asked)?;
    }
    let known = call.keys.queue(key)?;
    let running = known.map_or(0, |queue| queue.count(State::Running));
    let (drains, reset) = match known.and_then(Queue::hold) {
        Some(Hold::Draining { reset, .. }) => (true, reset),
        Some(Hold::Paused) | None => (false, 0),
    };
    // Who resumes the queue ends the wait, too.
    if running > 0
        && drains
        && !call.rules.timed_out
        && call.keys.may_block()
        && let Some(block_ms) = asked.block_ms
    {
        let resetting_ms = if asked.resets && block_ms > 0 { RESETTING_MS } else { 0 };
        return Ok(Next::Watch { key, timeout_ms: block_ms.saturating_add(resetting_ms) });
    }
    call.reply.map(2);
    call.reply.bytes(b"running");
    call.reply.integer(running as i64);
    call.reply.bytes(b"reset");
    call.reply.integer(reset as i64);
    Ok(Next::Replied)
}

fn begin(call: &mut Call<'_, '_>, key: Key, asked: &Asked) -> Result<(), Refusal> {
    let known = call.keys.queue_to_change(key)?.ok_or(Refusal::NoSuchKey)?;
    let now_ms = call.at.ms;
    let planned_ms = match known.hold() {
        Some(Hold::Draining { reset_ms, .. }) => Some(reset_ms),
        Some(Hold::Paused) | None => None,
    };
    let reset_ms = asked.reset_ms(now_ms).or(planned_ms.flatten());
    if planned_ms != Some(reset_ms) {
        call.keys.commit_queue(key, Batch::of(now_ms, QueueEvent::Drained { reset_ms }));
    }
    if reset_ms.is_some_and(|ms| ms <= now_ms) {
        // The first slice is this call's; the rest, if there is any, follows by the timer.
        let at = call.at;
        let bulk = call
            .keys
            .queue(key)?
            .map(|queue| queue.decide_reset(&Which::All, Cause::Drained, BULK, at, &mut |_| 0));
        if let Some(mut bulk) = bulk {
            if !bulk.more {
                bulk.batch.events.push(QueueEvent::Drained { reset_ms: None });
            }
            call.keys.commit_queue(key, bulk.batch);
        }
    }
    Ok(())
}
