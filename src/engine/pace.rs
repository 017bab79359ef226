//! How the server's clock follows the wall clock: slowly, so that a wall clock that jumps loses
//! nothing, freezes nothing and fires nothing at once. What the two differ by is made up for by a
//! sixteenth of the time that passes: this clock never stands still, never goes back, and goes at
//! most a sixteenth too fast or too slow.
//!
//! A machine that was suspended is a case of it. While it slept, the monotonic clock stood still,
//! so afterwards the wall clock is ahead by the length of the sleep, and is caught up with in
//! sixteen times as long. Until then moments of the wall clock come late; durations do not.

/// The part of the time passed by which the clock may be moved.
const SLEW: u64 = 16;

/// A clock: what it showed at some reading of the monotonic clock. All in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    shown_us: u64,
    monotonic_us: u64,
}

impl Pace {
    /// A clock that shows the wall clock's time.
    #[must_use]
    pub fn start(wall_us: u64, monotonic_us: u64) -> Self {
        Self { shown_us: wall_us, monotonic_us }
    }

    /// What the clock shows.
    #[must_use]
    pub fn us(self, monotonic_us: u64) -> u64 {
        self.shown_us + monotonic_us.saturating_sub(self.monotonic_us)
    }

    /// The clock, a little nearer to the wall clock. It shows the time of before or a later one.
    #[must_use]
    pub fn nearer(self, wall_us: u64, monotonic_us: u64) -> Self {
        let most_us = monotonic_us.saturating_sub(self.monotonic_us) / SLEW;
        let shown_us = self.us(monotonic_us);
        let shown_us = wall_us.clamp(shown_us - most_us, shown_us + most_us);
        Self { shown_us, monotonic_us }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;
    const HOUR: u64 = 3_600 * SECOND;
    const WALL: u64 = 1_800_000_000 * SECOND;
    /// How often the clock is moved.
    const ROUND: u64 = SECOND / 10;

    /// The clock after so long, with a wall clock that is off by `off_us` from the first round on.
    /// On the way it must never go faster or slower than promised.
    fn after(pace: Pace, from_us: u64, passed_us: u64, off_us: i64) -> Pace {
        let mut pace = pace;
        for round in 1..=passed_us / ROUND {
            let monotonic_us = from_us + round * ROUND;
            let before = pace.us(monotonic_us - ROUND);
            let wall_us = (WALL + monotonic_us).saturating_add_signed(off_us);
            pace = pace.nearer(wall_us, monotonic_us);
            let step = pace.us(monotonic_us) - before;
            assert!((ROUND - ROUND / SLEW..=ROUND + ROUND / SLEW).contains(&step), "{step}");
        }
        pace
    }

    #[test]
    fn a_clock_that_goes_right_is_shown_as_it_is() {
        let pace = after(Pace::start(WALL, 0), 0, HOUR, 0);
        assert_eq!(pace.us(HOUR), WALL + HOUR);
        assert_eq!(pace.us(HOUR + 7), WALL + HOUR + 7);
        assert_eq!(pace.us(HOUR - 7), WALL + HOUR, "it does not go back");
    }

    #[test]
    fn a_jump_is_made_up_for_in_sixteen_times_as_long_and_no_sooner() {
        for off_us in [-(HOUR as i64), HOUR as i64, 60 * SECOND as i64, -1] {
            let right = |passed_us: u64| (WALL + passed_us).saturating_add_signed(off_us);
            let length = off_us.unsigned_abs();
            let half = after(Pace::start(WALL, 0), 0, length * 8, off_us);
            let left = right(length * 8).abs_diff(half.us(length * 8));
            assert!(left.abs_diff(length / 2) <= ROUND, "{off_us}: {left}");
            let whole = after(half, length * 8, length * 8 + ROUND, off_us);
            let end = length * 16 + ROUND;
            assert!(whole.us(end).abs_diff(right(end)) <= ROUND, "{off_us}");
        }
    }

    #[test]
    fn a_duration_ends_at_most_a_sixteenth_early_or_late_whatever_the_wall_clock_does() {
        let day = 24 * HOUR as i64;
        for off_us in [day, -day, 365 * day, -(WALL as i64), i64::MAX / 2] {
            let pace = after(Pace::start(WALL, 0), 0, 30 * SECOND, off_us);
            let shown = pace.us(30 * SECOND) - WALL;
            assert!(shown.abs_diff(30 * SECOND) <= 2 * SECOND, "{off_us}: {shown}");
        }
    }

    #[test]
    fn a_clock_that_jumps_to_and_fro_does_no_harm() {
        let mut pace = Pace::start(WALL, 0);
        for round in 0..10_000 {
            let off_us = if round % 2 == 0 { 9 * HOUR as i64 } else { -9 * HOUR as i64 };
            pace = after(pace, round * ROUND, ROUND, off_us);
        }
        let passed_us = 10_000 * ROUND;
        assert!(pace.us(passed_us).abs_diff(WALL + passed_us) <= ROUND);
    }

    #[test]
    fn a_suspended_machine_goes_on_where_it_was_and_catches_up() {
        let slept = 8 * HOUR as i64;
        let pace = after(Pace::start(WALL, 0), 0, HOUR, 0);
        let woken = after(pace, HOUR, ROUND, slept);
        assert!(woken.us(HOUR + ROUND) - (WALL + HOUR) <= ROUND + ROUND / SLEW, "no leap");
        let later = after(woken, HOUR + ROUND, 16 * slept as u64, slept);
        let monotonic_us = HOUR + ROUND + 16 * slept as u64;
        assert_eq!(later.us(monotonic_us), WALL + monotonic_us + slept as u64);
    }
}
