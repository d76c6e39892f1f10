//! The binary that people run has no bug in it on purpose.
//! It looks at the bytes, and runs nothing.

#[test]
fn no_bug_is_planted_in_the_binary() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_slotwise")).unwrap();
    let needle = b"planted: ";
    // A build with them has their names in it; that is looked for where it is made.
    assert!(!binary.windows(needle.len()).any(|piece| piece == needle));
    assert!(binary.windows(9).any(|piece| piece == b"room-book"), "it is looked where strings are");
}
