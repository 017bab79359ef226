//! How long does another client wait while something is done?
//!
//! A thread asks for PONG, sleeps a little and asks again, as long as it lasts. It sleeps since one
//! that did not would take the core from whoever does it, and be held up for that. What it sees is
//! less than the whole time for which the server was deaf by its own sleep at the most; and on a
//! machine with much else to do it sees that, too, which is why the longest time inside a single
//! call is told beside it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::wire::Wire;

/// How long the prober sleeps between two questions.
const PAUSE: Duration = Duration::from_micros(200);

/// What was seen while something was done.
pub(crate) struct Watched {
    /// The longest wait for PONG.
    pub(crate) wait_ms: f64,
    /// How long all of it took.
    pub(crate) all_ms: f64,
}

/// Watches another client while `work` is done.
pub(crate) fn during(port: u16, work: impl FnOnce() -> Outcome<()>) -> Outcome<Watched> {
    let prober = Wire::connect(port)?;
    let is_over = AtomicBool::new(false);
    let start = Instant::now();
    let (all_ms, wait_ms) = std::thread::scope(|scope| {
        let probing = scope.spawn(|| longest_ms(prober, &is_over));
        let done = work();
        let all_ms = start.elapsed().as_secs_f64() * 1e3;
        is_over.store(true, Ordering::Relaxed);
        (done.map(|()| all_ms), probing.join())
    });
    let wait_ms = wait_ms.map_err(|_| "the prober broke down")?;
    Ok(Watched { all_ms: all_ms?, wait_ms: wait_ms? })
}

/// An error is only a text, which may leave its thread.
fn longest_ms(mut prober: Wire, is_over: &AtomicBool) -> Result<f64, String> {
    let mut longest_ms: f64 = 0.0;
    // One question at the least, and one after the end: what came last may have held it up.
    loop {
        let was_over = is_over.load(Ordering::Relaxed);
        let sent = Instant::now();
        let answered = prober.send(b"PING\r\n").and_then(|()| prober.receive(1, |_| Ok(())));
        answered.map_err(|error| error.to_string())?;
        longest_ms = longest_ms.max(sent.elapsed().as_secs_f64() * 1e3);
        if was_over {
            return Ok(longest_ms);
        }
        std::thread::sleep(PAUSE);
    }
}
