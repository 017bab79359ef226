//! Large values are freed by a thread of our own: the server has its own thread do so for UNLINK,
//! but DEL, or a type overwritten, would hold up every client until the last task is freed.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// So many allocations are freed at once: a tenth of a millisecond.
const AT_ONCE: u64 = 1_000;

/// What is only to be dropped.
trait Garbage: Send {}

impl<T: Send> Garbage for T {}

/// The way to the thread; none if it could not be started. It is the only one and stays, for some
/// servers count memory by thread and have room for few.
static COLLECTOR: OnceLock<Option<Sender<Box<dyn Garbage>>>> = OnceLock::new();

/// Drops a value whose drop frees so many allocations, now or soon.
pub(super) fn free<T: Send + 'static>(value: Box<T>, allocations: u64) {
    if allocations <= AT_ONCE {
        return;
    }
    if let Some(collector) = COLLECTOR.get_or_init(start) {
        // A thread that is gone gives it back, to be dropped here.
        let _ = collector.send(value);
    }
}

fn start() -> Option<Sender<Box<dyn Garbage>>> {
    let (sender, garbage) = channel();
    let collect = move || garbage.into_iter().for_each(drop);
    thread::Builder::new().name("baton-lazyfree".to_owned()).spawn(collect).ok().map(|_| sender)
}
