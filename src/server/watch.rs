//! Keys whose clients wait until agents hold nothing any more. Who holds what is known to the
//! queues, and the key that a client waits for may be another: so when somebody in any queue came
//! to hold nothing, all of them are decided anew, which is seldom and cheap. Each is forgotten with
//! that; a client that has to go on waiting is written down anew, one that is gone is not.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::api::Ctx;
use crate::engine::task::Bytes;

thread_local! {
    /// By database and name. Every caller runs on the server's main thread.
    static WATCHED: RefCell<BTreeSet<(i32, Bytes)>> = const { RefCell::new(BTreeSet::new()) };
}

/// A client waits for this key.
pub(super) fn add(db: i32, name: &[u8]) {
    WATCHED.with_borrow_mut(|watched| watched.insert((db, name.into())));
}

/// Somebody holds nothing any more.
pub(super) fn signal(ctx: Ctx) {
    let watched = WATCHED.take();
    if watched.is_empty() {
        return;
    }
    let home = ctx.db();
    for (db, name) in watched {
        if ctx.select_db(db) {
            ctx.signal_ready(ctx.string(&name));
        }
    }
    ctx.select_db(home);
}
