//! What commands about many tasks at once have in common: a limit, and a reply that tells whether
//! there are more.

use super::{Call, Key};
use crate::engine::reset::Bulk;

/// Tasks moved per call when nothing is said.
pub(super) const BULK: usize = 10_000;

/// Makes it so, and replies how many tasks there were and whether there are more.
pub(super) fn carry_out(call: &mut Call<'_, '_>, queue: Key, bulk: Bulk<'_>) {
    let Bulk { batch, count, more } = bulk;
    if !batch.events.is_empty() {
        call.keys.commit_queue(queue, batch);
    }
    reply(call, count, more);
}

/// Replies how many tasks there were and whether there are more.
pub(super) fn reply(call: &mut Call<'_, '_>, count: u64, more: bool) {
    call.reply.map(2);
    call.reply.bytes(b"count");
    call.reply.integer(count as i64);
    call.reply.bytes(b"more");
    call.reply.integer(more.into());
}
