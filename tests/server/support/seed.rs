//! Where do the tests' random choices come from?
//!
//! From one number, printed by whoever uses it (the harness shows it when the test fails) and
//! taken from the environment variable `SEED`, so that a failure can be played again.

/// A splitmix64 generator: small, seedable, good enough to choose commands with.
pub(crate) struct Rng(u64);

impl Rng {
    /// The generator of one test; says its seed.
    pub(crate) fn from_environment() -> Self {
        let seed = match std::env::var("SEED") {
            Ok(text) => text.parse().expect("SEED is an unsigned integer"),
            Err(_) => 20_240_817,
        };
        println!("SEED={seed}");
        Rng(seed)
    }

    /// Another generator, independent of what this one is asked later.
    pub(crate) fn fork(&mut self) -> Self {
        Rng(self.next())
    }

    /// Any 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, and without, `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of the choices.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Some bytes, any bytes, of a length below `bound`.
    pub(crate) fn bytes(&mut self, bound: usize) -> Vec<u8> {
        let length = self.below(bound);
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}
