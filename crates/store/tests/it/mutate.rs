//! Fuzzing on a stable compiler: inputs of a corpus, changed by chance, and those kept that are answered as none was before.
//! It knows no format. `SLOTWISE_FUZZ_EXECS` says how many; otherwise it takes a few seconds.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// How long a target is tried where nobody says how often.
const TRIED_FOR: Duration = Duration::from_secs(3);
/// No input takes longer, on a machine that is busy too.
const SLOW: Duration = Duration::from_secs(5);
/// Inputs kept, and how long one may grow.
const POOL_MAX: usize = 4_096;
const LENGTH_MAX: usize = 16 << 10;

/// The inputs of a corpus: one a line, `\n`, `\t`, `\\` and `\xNN` standing for bytes, `#` at its beginning for a comment.
pub fn corpus(text: &str) -> Vec<Vec<u8>> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(unescaped).collect()
}

fn unescaped(line: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), line.as_bytes());
    while let [first, after @ ..] = rest {
        let (byte, used) = match (first, after) {
            (b'\\', [b'n', ..]) => (b'\n', 2),
            (b'\\', [b'r', ..]) => (b'\r', 2),
            (b'\\', [b't', ..]) => (b'\t', 2),
            (b'\\', [b'\\', ..]) => (b'\\', 2),
            (b'\\', [b'x', a, b, ..]) => (u8::from_str_radix(std::str::from_utf8(&[*a, *b]).unwrap(), 16).unwrap(), 4),
            (byte, _) => (*byte, 1),
        };
        bytes.push(byte);
        rest = &rest[used..];
    }
    bytes
}

/// As a line of a corpus.
pub fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// SplitMix64.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// Gives a target inputs until the time or their number is over. It returns its answer in short; a panic fails the test and shows
/// the input as a line for the corpus.
pub fn fuzz(target: &str, corpus: Vec<Vec<u8>>, words: &[&str], run: impl FnMut(&[u8]) -> String) {
    fuzz_one_of(1, target, corpus, words, run);
}

/// The same of a target that takes as long as so many others: it is given so many fewer where their number is said.
pub fn fuzz_one_of(
    others: u64,
    target: &str,
    corpus: Vec<Vec<u8>>,
    words: &[&str],
    mut run: impl FnMut(&[u8]) -> String,
) {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let (wanted, seed) = (number("SLOTWISE_FUZZ_EXECS"), number("SLOTWISE_TEST_SEED"));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(1, |t| t.as_nanos() as u64);
    let (wanted, seed) = (wanted.map(|wanted| wanted.div_ceil(others)), seed.unwrap_or(now));
    println!("{target}: SLOTWISE_TEST_SEED={seed}");
    let mut chance = Chance(seed);
    let (mut pool, mut answers, mut executions) = (Vec::new(), BTreeSet::new(), 0_u64);
    let begun = Instant::now();
    let mut given = |input: &[u8]| {
        let since = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| run(input))).unwrap_or_else(|panic| {
            eprintln!("{target}: this input, as a line of its corpus:\n{}", escaped(input));
            resume_unwind(panic)
        });
        assert!(since.elapsed() < SLOW, "{target}: {:?} for {}", since.elapsed(), escaped(input));
        // Numbers and names within an answer make it no new one.
        answer.chars().filter(|c| c.is_ascii_alphabetic() || *c == ' ').take(120).collect::<String>()
    };
    for input in &corpus {
        answers.insert(given(input));
        executions += 1;
    }
    pool.extend(corpus);
    while wanted.map_or(begun.elapsed() < TRIED_FOR, |wanted| executions < wanted) {
        let mut input = pool[chance.below(pool.len())].clone();
        for _ in 0..=chance.below(4) {
            mutate(&mut input, &pool, words, &mut chance);
        }
        input.truncate(LENGTH_MAX);
        executions += 1;
        let answer = given(&input);
        if pool.len() < POOL_MAX && answers.insert(answer) {
            pool.push(input);
        }
    }
    println!("{target}: {executions} executions in {:?}, {} answers", begun.elapsed(), answers.len());
    assert!(answers.len() > 1, "everything is answered alike: {answers:?}");
}

fn mutate(input: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&str], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let (from, to) = {
        let other = chance.below(input.len() + 1);
        (at.min(other), at.max(other))
    };
    match chance.below(10) {
        0 if at < input.len() => input[at] ^= 1 << chance.below(8),
        1 if at < input.len() => input[at] = [0, 1, 0x7f, 0x80, 0xff, b'-', b'9', b'"', b',', b';'][chance.below(10)],
        2 => drop(input.drain(from..to)),
        3 => input.truncate(at),
        4 => input.insert(at, chance.below(256) as u8),
        5 => {
            let part = input[from..to].to_vec();
            let times = 1 + chance.below(if part.len() < 8 { 300 } else { 3 });
            drop(input.splice(at..at, part.repeat(times)));
        }
        6 => {
            let other = &pool[chance.below(pool.len())];
            let (a, b) = (chance.below(other.len() + 1), chance.below(other.len() + 1));
            drop(input.splice(from..to, other[a.min(b)..a.max(b)].to_vec()));
        }
        7 | 8 if !words.is_empty() => drop(input.splice(at..at, words[chance.below(words.len())].bytes())),
        _ => {
            let number =
                ["0", "-1", "2147483648", "9223372036854775807", "18446744073709551616", "1e309", "0.5", "null"];
            let end = at + input[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            drop(input.splice(at..end, number[chance.below(8)].bytes()));
        }
    }
}
