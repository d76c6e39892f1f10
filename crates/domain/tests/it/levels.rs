//! Properties of the parts: levels add up, intervals are half-open, instants do not wrap, policies are checked.
//! Small cases, shrunk by proptest.

use proptest::prelude::*;
use slotwise_domain::levels::{Level, Levels};
use slotwise_domain::{Instant, Interval, IntervalError, Span};

const LONG: i64 = Interval::LONGEST.0;

/// Short intervals near each other, so that they meet, touch and contain one another.
fn near() -> impl Strategy<Value = Interval> {
    (0_i64..40, 1_i64..20).prop_map(|(start, length)| Interval::new(Instant(start), Instant(start + length)).unwrap())
}

fn level() -> impl Strategy<Value = Level> {
    (0_u64..5, 0_u64..5).prop_map(|(booked, held)| Level { booked, held })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn levels_are_the_sum_at_every_instant(
        uses in prop::collection::vec((near(), level()), 0..12),
        freed in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (mut levels, mut live) = (Levels::default(), uses.clone());
        for (interval, by) in &uses {
            levels.add(*interval, *by);
        }
        for n in freed {
            if !live.is_empty() {
                let (interval, by) = live.remove(n.index(live.len()));
                levels.remove(interval, by);
            }
        }
        for t in (-1..62).map(Instant) {
            let there = live.iter().filter(|(interval, _)| interval.contains(t));
            let sum = there.fold(Level::default(), |sum, (_, by)| {
                Level { booked: sum.booked + by.booked, held: sum.held + by.held }
            });
            prop_assert_eq!(levels.at(t), sum, "at {}", t.0);
        }
        // The pieces of an interval cover it, begin at its start, and differ from one another.
        let whole = Interval::new(Instant(3), Instant(50)).unwrap();
        let pieces: Vec<_> = levels.during(whole).collect();
        prop_assert_eq!(pieces[0].0, whole.start());
        for pair in pieces.windows(2) {
            prop_assert!(pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1);
        }
        for (t, level) in &pieces {
            prop_assert!(whole.contains(*t));
            prop_assert_eq!(levels.at(*t), *level);
        }
        // What is all freed leaves nothing behind.
        for (interval, by) in live {
            levels.remove(interval, by);
        }
        prop_assert_eq!(levels, Levels::default());
    }

    #[test]
    fn intervals_meet_where_they_share_an_instant(a in near(), b in near()) {
        let shared = (0..61).map(Instant).any(|t| a.contains(t) && b.contains(t));
        prop_assert_eq!(a.meets(b), shared);
        prop_assert_eq!(a.meets(b), b.meets(a));
        prop_assert!(a.meets(a));
        prop_assert!(!a.contains(a.end()) && a.contains(a.start()));
    }

    #[test]
    fn an_interval_is_what_it_says(start: i64, end: i64) {
        let made = Interval::new(Instant(start), Instant(end));
        let within = start >= Instant::MIN.0 && end <= Instant::MAX.0;
        match made {
            Ok(i) => prop_assert!(within && start < end && i.length().0 == end - start && i.length().0 <= LONG),
            Err(IntervalError::OutOfRange) => prop_assert!(!within),
            Err(IntervalError::EndNotAfterStart) => prop_assert!(start >= end),
            Err(IntervalError::TooLong) => prop_assert!(end - start > LONG),
        }
    }

    #[test]
    fn instants_do_not_wrap(t: i64, span: i64) {
        let (t, span) = (Instant(t), Span(span));
        let later = i128::from(t.0) + i128::from(span.0);
        prop_assert_eq!(i128::from(t.plus(span).0), later.clamp(i64::MIN.into(), i64::MAX.into()));
        let earlier = i128::from(t.0) - i128::from(span.0);
        prop_assert_eq!(i128::from(t.minus(span).0), earlier.clamp(i64::MIN.into(), i64::MAX.into()));
        let up = span.seconds_up();
        prop_assert!(up >= 0 && i128::from(up) * 1_000_000 >= i128::from(span.0));
        prop_assert!(span.0 <= 0 || i128::from(up - 1) * 1_000_000 < i128::from(span.0));
        // Any instant can be shown.
        prop_assert!(!t.to_string().is_empty());
    }
}

#[test]
fn the_edges_of_an_interval() {
    let new = |start, end| Interval::new(Instant(start), Instant(end)).map(|_| ());
    assert_eq!(new(0, 1), Ok(()));
    assert_eq!(new(-1, 1), Err(IntervalError::OutOfRange));
    assert_eq!(new(5, 5), Err(IntervalError::EndNotAfterStart));
    assert_eq!(new(5, 4), Err(IntervalError::EndNotAfterStart));
    assert_eq!(new(0, LONG), Ok(()));
    assert_eq!(new(0, LONG + 1), Err(IntervalError::TooLong));
    assert_eq!(new(Instant::MAX.0 - 1, Instant::MAX.0), Ok(()));
    assert_eq!(new(Instant::MAX.0 - 1, Instant::MAX.0 + 1), Err(IntervalError::OutOfRange));
    assert_eq!(new(i64::MIN, i64::MAX), Err(IntervalError::OutOfRange));
}
