//! What commands about many tasks at once have in common: a limit, and a reply that tells whether
//! there are more.

use super::{Call, Key, Next};
use crate::engine::numbers::Moment;
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;
use crate::engine::reset::Bulk;

/// Tasks moved per call when nothing is said.
pub(super) const BULK: usize = 10_000;

/// Decides about the tasks of a queue, if it is there, makes it so, and replies how many tasks it
/// were and whether there are more.
pub(super) fn carry_out(
    call: &mut Call<'_, '_>,
    queue: Key,
    decide: impl FnOnce(&Queue, Moment) -> Bulk<'static>,
) -> Result<Next, Refusal> {
    let known = call.keys.queue_to_change(queue)?;
    let bulk = known.map_or_else(|| Bulk::none(call.at), |known| decide(known, call.at));
    Ok(commit(call, queue, bulk))
}

/// The same of one workflow, which must be there.
pub(super) fn steer(
    call: &mut Call<'_, '_>,
    queue: Key,
    workflow: u64,
    decide: impl FnOnce(&Queue, Moment) -> Result<Bulk<'static>, Refusal>,
) -> Result<Next, Refusal> {
    let missing = Refusal::NoWorkflow { id: workflow, phase: None };
    let known = call.keys.queue_to_change(queue)?.ok_or(missing)?;
    let bulk = decide(known, call.at)?;
    Ok(commit(call, queue, bulk))
}

fn commit(call: &mut Call<'_, '_>, queue: Key, bulk: Bulk<'_>) -> Next {
    let Bulk { batch, count, more } = bulk;
    if !batch.events.is_empty() {
        call.keys.commit_queue(queue, batch);
    }
    call.reply.map(2);
    call.reply.bytes(b"count");
    call.reply.integer(count as i64);
    call.reply.bytes(b"more");
    call.reply.integer(more.into());
    Next::Replied
}
