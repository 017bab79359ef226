//! Which numbers are issued: task ids, fences, places in line, and epochs.
//!
//! A plain counter would hand out a number twice after a lost log tail, a failover or a deleted
//! key, and the completion of a dead predecessor would then pass for somebody else's. So every
//! number carries the millisecond it was issued in and ten random bits, and only grows. All stay
//! below 2^53: Lua and JavaScript keep them exact.

/// Bits below the millisecond: a counter that starts at a random place.
const LOW_BITS: u32 = 10;
const LOW_MASK: u64 = (1 << LOW_BITS) - 1;

/// The greatest number that may ever be issued or read from outside: 2^53 - 1.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// The greatest number that a stored value may have come to: far ahead of any clock, and still with
/// more numbers to come than could ever be issued.
pub const STORED_MAX: u64 = NUMBER_MAX - (1 << 44);

/// When a decision is made, and the randomness it may use. Read once per command.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Unix time in milliseconds.
    pub ms: u64,
    /// Random bits; the lowest twenty are used.
    pub entropy: u64,
    /// The greatest number that this server issued for any queue. One that is made anew in the
    /// place of a deleted one starts beyond it.
    pub issued: u64,
    /// The greatest epoch that this server issued or saw. An identity that is made anew in the
    /// place of a deleted one starts beyond it.
    pub assumed: u64,
    /// When this server last took over (it loaded a data set, or was promoted), Unix time in
    /// milliseconds; 0: it never did.
    pub since_ms: u64,
    /// How long after that nothing that harms an agent may end, in milliseconds.
    pub grace_ms: u64,
}

impl Moment {
    /// Until when nothing that harms an agent may end of a value that was loaded at `loaded_ms`
    /// (0: it was not): its agents may live on, and had no chance yet to say so.
    #[must_use]
    pub fn spares_until_ms(self, loaded_ms: u64) -> u64 {
        match self.since_ms.max(loaded_ms) {
            0 => 0,
            since_ms => since_ms.saturating_add(self.grace_ms),
        }
    }
}

/// Numbers for one decision, which may need several.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    last: u64,
    issued_here: bool,
    at: Moment,
}

impl Numbers {
    /// Numbers greater than `last`. If another server issued that one, it may have gone on counting
    /// (it was partitioned away, or the tail of its log is lost): then a new start is made, as for
    /// an epoch, even where this server's clock is behind.
    #[must_use]
    pub fn after(last: u64, issued_here: bool, at: Moment) -> Self {
        Self { last, issued_here, at }
    }

    /// Issues `count` numbers that follow one another; tells the first. Within a millisecond they
    /// count on; in a new one they start at a random place in it.
    pub fn next(&mut self, count: u64) -> u64 {
        let Moment { ms, entropy, issued, .. } = self.at;
        // A queue made anew goes on from what this very server issued last, for whichever queue.
        let made_anew = self.last == 0;
        let last = if made_anew { issued } else { self.last };
        let counts_on = (self.issued_here || made_anew) && ms <= issued_ms(last);
        let first = if counts_on { last + 1 } else { start_beyond(last, ms, entropy) };
        self.last = first + count - 1;
        self.issued_here = true;
        first
    }
}

/// The epoch after `last` (0: the identity is made anew): greater by at least one whole step,
/// whatever the clock says.
#[must_use]
pub fn next_epoch(last: u64, at: Moment) -> u64 {
    // Other bits than numbers take: one that is taken for the other is then refused.
    let epoch = start_beyond(last, at.ms, at.entropy >> LOW_BITS);
    // Not by whole steps beyond other identities: many that are made at once would run ahead.
    if last == 0 { epoch.max(at.assumed + 1) } else { epoch }
}

/// A number beyond `last` by at least one whole step, at a random place in it.
fn start_beyond(last: u64, ms: u64, entropy: u64) -> u64 {
    let step = ((last >> LOW_BITS) + 1).max(ms);
    (step << LOW_BITS) | (entropy & LOW_MASK)
}

/// The moment so many milliseconds after another, as far as one can be stored.
#[must_use]
pub fn later(ms: u64, by_ms: u64) -> u64 {
    ms.saturating_add(by_ms).min(NUMBER_MAX)
}

/// The smallest number of a millisecond.
#[must_use]
pub fn first_number(ms: u64) -> u64 {
    ms.saturating_mul(1 << LOW_BITS).min(NUMBER_MAX)
}

/// The millisecond in which a number was issued.
#[must_use]
pub fn issued_ms(number: u64) -> u64 {
    number >> LOW_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64, entropy: u64) -> Moment {
        Moment { ms, entropy, issued: 0, assumed: 0, since_ms: 0, grace_ms: 0 }
    }

    fn next_number(last: u64, at: Moment) -> u64 {
        Numbers::after(last, true, at).next(1)
    }

    #[test]
    fn a_number_counts_up_within_a_millisecond_and_starts_anew_in_the_next() {
        let first = next_number(0, at(5, 1023));
        assert_eq!(first, 5 * 1024 + 1023);
        let second = next_number(first, at(5, 7));
        assert_eq!(second, first + 1);
        // The count has run into millisecond 6 by itself: it goes on counting there.
        assert_eq!(next_number(second, at(6, 0)), second + 1);
        assert_eq!(next_number(second, at(7, 3)), 7 * 1024 + 3);
    }

    #[test]
    fn a_clock_that_goes_back_never_makes_a_number_smaller() {
        let late = next_number(0, at(1_000, 5));
        assert_eq!(next_number(late, at(10, 9)), late + 1);
        assert!(next_epoch(late, at(10, 0)) > late);
    }

    #[test]
    fn a_server_does_not_count_on_from_a_number_that_another_one_issued() {
        let (last, behind) = (next_number(0, at(1_000, 5)), at(10, 9));
        let mut numbers = Numbers::after(last, false, behind);
        assert_eq!(numbers.next(2), 1_001 * 1024 + 9);
        assert_eq!(numbers.next(1), 1_001 * 1024 + 11);
    }

    #[test]
    fn a_queue_made_anew_starts_beyond_what_the_deleted_one_was_given() {
        let ahead = Moment { issued: 2_000 * 1024 + 77, ..at(1_000, 9) };
        assert_eq!(Numbers::after(0, false, ahead).next(1), 2_000 * 1024 + 78);
        assert_eq!(
            Numbers::after(0, false, Moment { ms: 3_000, ..ahead }).next(1),
            3_000 * 1024 + 9
        );
        // One that was loaded has a last number of its own, and does not run ahead with the others.
        assert_eq!(Numbers::after(5, false, ahead).next(1), 1_000 * 1024 + 9);
    }

    #[test]
    fn an_identity_made_anew_starts_beyond_every_epoch_there_was() {
        let ahead = Moment { assumed: 2_000 * 1024 + 77, ..at(1_000, 9) };
        assert_eq!(next_epoch(0, ahead), 2_000 * 1024 + 78);
        assert!(next_epoch(0, Moment { ms: 3_000, ..ahead }) >= 3_000 * 1024);
        assert!(next_epoch(5 * 1024, ahead) < 2_000 * 1024);
    }

    #[test]
    fn an_epoch_is_renewed_by_a_whole_step_even_within_one_millisecond() {
        let first = next_epoch(0, at(5, 1023 << 10));
        let second = next_epoch(first, at(5, 0));
        assert_eq!(first, 5 * 1024 + 1023);
        assert_eq!(second, 6 * 1024);
        assert_eq!(issued_ms(second), 6);
    }
}
