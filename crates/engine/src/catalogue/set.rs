//! A set of the catalogue's numbers, a bit each.
//! It does not grow: it is made for as many as there are.

#[derive(Clone, Debug)]
pub(super) struct Set(Vec<u64>);

impl Set {
    pub fn none(len: usize) -> Set {
        Set(vec![0; len.div_ceil(64)])
    }

    /// Bits beyond the last number are set too; nobody asks for them.
    pub fn all(len: usize) -> Set {
        Set(vec![u64::MAX; len.div_ceil(64)])
    }

    pub fn add(&mut self, list: &[u32]) {
        for number in list {
            if let Some(bits) = self.0.get_mut(*number as usize / 64) {
                *bits |= 1 << (number % 64);
            }
        }
    }

    pub fn has(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|bits| bits >> (number % 64) & 1 == 1)
    }

    pub fn and(&self, other: &Set) -> Set {
        Set(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    pub fn count(&self, list: &[u32]) -> u64 {
        list.iter().filter(|number| self.has(**number)).count() as u64
    }
}
