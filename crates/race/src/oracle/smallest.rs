//! Finds fewer records that show the same: delta debugging over anything that can be left out.
//! It only tries; whether what is left still shows it is for the caller to say, and only what may be left out is given to it.

/// Leaves out as much as it can, in at most so many tries. `shows` must be true of all.
pub(crate) fn smallest<T: Clone>(all: &[T], tries_max: usize, mut shows: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut kept = all.to_vec();
    let mut tries = 0;
    let mut parts = 2;
    while kept.len() >= 2 && tries < tries_max {
        let size = kept.len().div_ceil(parts);
        let mut smaller = None;
        for at in (0..kept.len()).step_by(size.max(1)) {
            if tries >= tries_max {
                break;
            }
            tries += 1;
            let until = (at + size).min(kept.len());
            let left: Vec<T> = kept.iter().take(at).chain(kept.iter().skip(until)).cloned().collect();
            if shows(&left) {
                smaller = Some(left);
                break;
            }
        }
        match smaller {
            Some(left) => {
                kept = left;
                parts = (parts - 1).max(2);
            }
            None if size <= 1 => break,
            None => parts = (parts * 2).min(kept.len()),
        }
    }
    if kept.len() == 1 && tries < tries_max && shows(&[]) {
        kept.clear();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::smallest;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let all: Vec<u32> = (0..200).collect();
        assert_eq!(smallest(&all, 1_000, |left| [3, 77, 150].iter().all(|n| left.contains(n))), [3, 77, 150]);
        assert_eq!(smallest(&all, 1_000, |left| left.iter().sum::<u32>() >= 199).len(), 1);
        assert!(smallest(&all, 1_000, |_| true).is_empty());
        assert_eq!(smallest(&all, 0, |_| true).len(), 200);
    }
}
