//! Chance, all of it from one number: what a seed did once it does always.
//! It reads no clock and no device.

use std::time::Duration;

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The chance of a seed.
    pub fn new(seed: u64) -> Chance {
        let mut chance = Chance(seed);
        // Seeds that are neighbours are to have nothing in common.
        chance.number();
        Chance(chance.number())
    }

    /// Another one that goes its own way: who draws from it draws from nobody else's.
    pub fn fork(&mut self) -> Chance {
        Chance::new(self.number())
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 if that is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.number().checked_rem(n).unwrap_or(0)
    }

    /// True so many times of a thousand.
    pub fn within(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of these, if there are any.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let n = self.below(of.len() as u64);
        of.get(usize::try_from(n).unwrap_or(0))
    }

    /// A time of less than this, to the microsecond.
    pub fn time(&mut self, less_than: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(less_than.as_micros()).unwrap_or(u64::MAX)))
    }
}
