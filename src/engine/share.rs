//! A share of the time, for work that must not keep others waiting: a little may be done at once,
//! and in the long run no more than a fixed part of the time.

/// How long may be worked at once, in microseconds.
const AT_ONCE_US: u64 = 1_000;

/// Of so many microseconds one may be worked in the long run.
const PART: u64 = 5;

/// What is left of the share.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// What was spent and not earned again, in microseconds, at the moment `at_us`.
    spent_us: u64,
    at_us: u64,
}

impl Share {
    /// For how long from now on nothing may be done, in microseconds.
    pub fn rests_us(&mut self, now_us: u64) -> u64 {
        let earned_us = now_us.saturating_sub(self.at_us) / PART;
        if earned_us > 0 {
            self.spent_us = self.spent_us.saturating_sub(earned_us);
            self.at_us = now_us;
        }
        (self.spent_us + 1).saturating_sub(AT_ONCE_US) * PART
    }

    /// So much was worked, in microseconds.
    pub fn spend(&mut self, us: u64) {
        self.spent_us += us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_gets_its_part_of_the_time_and_no_more() {
        let mut share = Share::default();
        assert_eq!(share.rests_us(1_000_000), 0);
        share.spend(999);
        assert_eq!(share.rests_us(1_000_000), 0, "a little at once");
        share.spend(3_001);
        assert_eq!(share.rests_us(1_000_000), 15_005);
        assert_eq!(share.rests_us(1_010_000), 5_005);
        assert_eq!(share.rests_us(1_015_005), 0);
        assert_eq!(share.rests_us(9_000_000), 0);
        share.spend(1_001);
        assert_eq!(share.rests_us(9_000_000), 10, "what was not used is not saved up");
    }
}
