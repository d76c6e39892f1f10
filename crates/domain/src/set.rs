//! A set in order, of which there are many and most are empty or small: what one command names.
//! It is no more than a `BTreeSet` that costs nothing to make, to look into and to drop while there is little in it.

use std::collections::{BTreeSet, btree_set};
use std::slice;

/// So many are kept in a list.
const FEW_MAX: usize = 16;

/// A set in order.
#[derive(Clone, Debug)]
pub struct Set<T>(Kept<T>);

#[derive(Clone, Debug)]
enum Kept<T> {
    /// In order, each once.
    Few(Vec<T>),
    Many(BTreeSet<T>),
}

/// What is in a set, in order.
#[derive(Clone, Debug)]
pub enum Iter<'s, T> {
    /// Of a small one.
    Few(slice::Iter<'s, T>),
    /// Of a large one.
    Many(btree_set::Iter<'s, T>),
}

impl<T: Ord> Set<T> {
    /// Puts one in; false if it was there.
    pub fn insert(&mut self, one: T) -> bool {
        match &mut self.0 {
            Kept::Many(many) => many.insert(one),
            Kept::Few(few) => match few.binary_search(&one) {
                Ok(_) => false,
                Err(place) if few.len() < FEW_MAX => {
                    few.insert(place, one);
                    true
                }
                Err(_) => {
                    let mut many: BTreeSet<T> = few.drain(..).collect();
                    many.insert(one);
                    self.0 = Kept::Many(many);
                    true
                }
            },
        }
    }

    /// Whether it is there.
    pub fn contains(&self, one: &T) -> bool {
        match &self.0 {
            Kept::Few(few) => few.contains(one),
            Kept::Many(many) => many.contains(one),
        }
    }

    /// What is here and not there, in order.
    pub fn difference<'s>(&'s self, other: &'s Set<T>) -> impl Iterator<Item = &'s T> {
        self.iter().filter(|one| !other.contains(one))
    }

    /// What is here or there, in order.
    pub fn union<'s>(&'s self, other: &'s Set<T>) -> impl Iterator<Item = &'s T> {
        let mut both: Vec<&T> = self.iter().chain(other.difference(self)).collect();
        both.sort_unstable();
        both.into_iter()
    }

    /// Whether all of it is there too.
    pub fn is_subset(&self, other: &Set<T>) -> bool {
        self.iter().all(|one| other.contains(one))
    }

    /// Keeps what is wanted.
    pub fn retain(&mut self, wanted: impl FnMut(&T) -> bool) {
        match &mut self.0 {
            Kept::Few(few) => few.retain(wanted),
            Kept::Many(many) => many.retain(wanted),
        }
    }
}

impl<T> Set<T> {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kept::Few(few) => few.len(),
            Kept::Many(many) => many.len(),
        }
    }

    /// What is in it, in order.
    pub fn iter(&self) -> Iter<'_, T> {
        match &self.0 {
            Kept::Few(few) => Iter::Few(few.iter()),
            Kept::Many(many) => Iter::Many(many.iter()),
        }
    }
}

impl<T> Default for Set<T> {
    fn default() -> Set<T> {
        Set(Kept::Few(Vec::new()))
    }
}

impl<T: PartialEq> PartialEq for Set<T> {
    /// However each of them is kept.
    fn eq(&self, other: &Set<T>) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Set<T> {}

impl<'s, T> Iterator for Iter<'s, T> {
    type Item = &'s T;

    fn next(&mut self) -> Option<&'s T> {
        match self {
            Iter::Few(few) => few.next(),
            Iter::Many(many) => many.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Iter::Few(few) => few.size_hint(),
            Iter::Many(many) => many.size_hint(),
        }
    }
}

impl<T: Ord> Extend<T> for Set<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, more: I) {
        for one in more {
            self.insert(one);
        }
    }
}

impl<'t, T: Ord + Copy + 't> Extend<&'t T> for Set<T> {
    fn extend<I: IntoIterator<Item = &'t T>>(&mut self, more: I) {
        self.extend(more.into_iter().copied());
    }
}

impl<T: Ord> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Set<T> {
        let mut set = Set::default();
        set.extend(all);
        set
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for Set<T> {
    fn from(all: [T; N]) -> Set<T> {
        all.into_iter().collect()
    }
}

impl<'s, T> IntoIterator for &'s Set<T> {
    type Item = &'s T;
    type IntoIter = Iter<'s, T>;

    fn into_iter(self) -> Iter<'s, T> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Around the size at which it is kept in another way too.
    #[test]
    fn it_is_what_a_btree_set_is() {
        let (mut set, mut same) = (Set::default(), BTreeSet::new());
        for n in 0_u32..60 {
            let one = n.wrapping_mul(2_654_435_761) % 40;
            assert_eq!(set.contains(&one), same.contains(&one));
            assert_eq!(set.insert(one), same.insert(one), "{one}");
            assert!(set.iter().eq(same.iter()) && set.len() == same.len());
            let half: Set<u32> = same.iter().filter(|n| *n % 2 == 0).copied().collect();
            assert!(half.is_subset(&set) && set.difference(&half).all(|n| n % 2 == 1));
            let other = Set::from([7, 99]);
            assert!(set.union(&other).eq(same.union(&BTreeSet::from([7, 99]))));
            assert_eq!(set.is_subset(&half), same.iter().all(|n| n % 2 == 0));
        }
        let mut fewer = set.clone();
        fewer.retain(|n| *n < 5);
        assert_eq!(fewer, Set::from([4, 3, 2, 1, 0]), "kept in two ways, and the same");
        assert_ne!(fewer, Set::from([4, 3, 2, 1]));
        assert!(Set::<u32>::default().is_empty() && !set.is_empty());
    }
}
