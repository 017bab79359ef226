//! The one place that asks for the time, once per command.
//!
//! Time is the wall clock at the start plus the monotonic clock since, so that a wall clock that
//! jumps neither fires nor freezes anything. What the two drift apart is made up for slowly (see
//! `pace`).

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{api, config};
use crate::engine::numbers::Moment;
use crate::engine::pace::Pace;

struct Clock {
    pace: Cell<Pace>,
    /// Where its monotonic clock starts.
    start: Instant,
    random: Cell<u64>,
    /// The greatest number issued.
    issued: Cell<u64>,
    /// The greatest epoch.
    assumed: Cell<u64>,
    /// When this server last took over, in milliseconds; 0: it never did.
    since_ms: Cell<u64>,
}

thread_local! {
    // Every caller runs on the server's main thread.
    static CLOCK: Clock = Clock {
        pace: Cell::new(Pace::start(wall_us(), 0)),
        start: monotonic(),
        random: Cell::new(api::random() | 1),
        issued: Cell::new(0),
        assumed: Cell::new(0),
        since_ms: Cell::new(0),
    };
}

/// This moment.
pub(super) fn now() -> Moment {
    CLOCK.with(|clock| Moment {
        ms: clock.us() / 1_000,
        entropy: clock.entropy(),
        issued: clock.issued.get(),
        assumed: clock.assumed.get(),
        since_ms: clock.since_ms.get(),
        grace_ms: config::grace_ms(),
    })
}

/// This server takes over: it has loaded a data set, or was promoted.
pub(super) fn takes_over() {
    CLOCK.with(|clock| clock.since_ms.set(clock.us() / 1_000));
}

/// Remembers that numbers were issued up to this one.
pub(super) fn issued(number: u64) {
    CLOCK.with(|clock| clock.issued.set(clock.issued.get().max(number)));
}

/// Remembers that there was an identity of this epoch.
pub(super) fn assumed(epoch: u64) {
    CLOCK.with(|clock| clock.assumed.set(clock.assumed.get().max(epoch)));
}

/// This moment, in microseconds.
pub(super) fn now_us() -> u64 {
    CLOCK.with(Clock::us)
}

/// Comes a little nearer to the wall clock. Called from the server's cron.
pub(super) fn reanchor() {
    CLOCK.with(|clock| clock.pace.set(clock.pace.get().nearer(wall_us(), clock.passed_us())));
}

impl Clock {
    fn us(&self) -> u64 {
        self.pace.get().us(self.passed_us())
    }

    fn passed_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// A step of a xorshift generator: numbers need ten bits that two servers do not share.
    fn entropy(&self) -> u64 {
        let mut bits = self.random.get();
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        self.random.set(bits);
        bits >> 20
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn monotonic() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn wall_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64
}
