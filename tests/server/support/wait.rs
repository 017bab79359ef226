//! How long does a test wait for something that another process does?
//!
//! Until it is true, looked at every few milliseconds, and never longer than the bound. A bare
//! sleep as synchronisation is either too short on a slow machine or too long everywhere else.

use super::client::Client;
use super::reply::Reply;
use std::time::{Duration, Instant};

/// Far beyond anything a healthy server needs, so that reaching it is a failure and not load.
const BOUND: Duration = Duration::from_secs(20);

/// Looks until `condition` holds; fails the test, saying `what`, when the bound is reached.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < BOUND, "waited {BOUND:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// The server's wall clock, in milliseconds.
pub(crate) fn now_ms(client: &mut Client) -> i64 {
    let time = client.cmd("TIME").texts();
    time[0].parse::<i64>().unwrap() * 1000 + time[1].parse::<i64>().unwrap() / 1000
}

/// Lets the server's clock reach another millisecond, where numbers are drawn anew: within one, a
/// key that was lost may repeat what it gave.
pub(crate) fn next_millisecond(client: &mut Client) {
    let start = now_ms(client);
    wait_until("another millisecond", || now_ms(client) > start + 1);
}
