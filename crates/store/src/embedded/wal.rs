//! A look at SQLite's write-ahead log before SQLite opens it: it would silently drop whatever follows a damaged frame.
//! It only reads.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// What a log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// There is none, or it has not begun.
    Empty,
    /// Every frame is as it was written.
    Whole {
        /// How many.
        frames: u64,
    },
    /// It ends within a commit that cannot be told from one that was never finished.
    Torn {
        /// Frames up to the last whole commit.
        frames: u64,
        /// Where what is not used begins.
        offset: u64,
    },
    /// Something was damaged after it was written.
    Damaged {
        /// Where the first bad frame begins.
        offset: u64,
        /// What is wrong there.
        says: String,
    },
}

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Reads the log from its beginning to its end.
pub fn inspect(path: &Path) -> io::Result<Log> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Log::Empty),
        Err(e) => return Err(e),
    };
    let length = file.metadata()?.len();
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut header = [0; HEADER];
    if fill(&mut file, &mut header)? < HEADER {
        // SQLite writes and syncs a whole header before the first frame: nothing can have been committed here.
        return Ok(Log::Empty);
    }
    let Some(head) = Head::parse(&header) else {
        return Ok(Log::Damaged { offset: 0, says: "its header is not what SQLite wrote".into() });
    };
    frames(&mut file, &head, length)
}

fn frames(file: &mut impl Read, head: &Head, length: u64) -> io::Result<Log> {
    let mut frame = vec![0; FRAME_HEADER + head.page_size];
    let size = frame.len() as u64;
    let place = |n: u64| HEADER as u64 + n * size;
    let mut sums = head.sums;
    let mut good = 0;
    let mut committed = 0;
    let bad = loop {
        let read = fill(file, &mut frame)?;
        match head.judge(&frame, read, &mut sums) {
            Frame::Good { commit } => {
                good += 1;
                committed = if commit { good } else { committed };
            }
            bad @ (Frame::Bad | Frame::Foreign | Frame::End) => break bad,
        }
    };
    // Whatever carries this log's salts behind a bad frame was written after it.
    let mut n = good + 1;
    while matches!(bad, Frame::Bad | Frame::Foreign) && place(n) < length {
        let read = fill(file, &mut frame)?;
        if head.is_own(&frame, read) {
            let says = format!(
                "frame {} of {} is bad, and frames of the same log follow",
                good + 1,
                (length - HEADER as u64) / size
            );
            return Ok(Log::Damaged { offset: place(good), says });
        }
        n += 1;
    }
    Ok(match (good, bad) {
        (0, Frame::Foreign | Frame::End) => Log::Empty,
        (_, Frame::Bad) => Log::Torn { frames: committed, offset: place(committed) },
        (_, _) if committed < good => Log::Torn { frames: committed, offset: place(committed) },
        (_, _) => Log::Whole { frames: committed },
    })
}

enum Frame {
    Good {
        commit: bool,
    },
    /// It carries this log's salts and is not what was written.
    Bad,
    /// It carries other salts: of an earlier round of the same file, or damaged ones.
    Foreign,
    End,
}

struct Head {
    big_endian: bool,
    page_size: usize,
    salts: [u8; 8],
    sums: (u32, u32),
}

impl Head {
    fn parse(header: &[u8; HEADER]) -> Option<Head> {
        let big_endian = match word(header, 0)? {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let page_size = word(header, 8)? as usize;
        let salts = header.get(16..24)?.try_into().ok()?;
        let sums = checksum((0, 0), header.get(..24)?, big_endian);
        let stored = (word(header, 24)?, word(header, 28)?);
        let sane = word(header, 4)? == 3_007_000 && page_size.is_power_of_two() && (512..=65_536).contains(&page_size);
        (sane && sums == stored).then_some(Head { big_endian, page_size, salts, sums })
    }

    fn is_own(&self, frame: &[u8], read: usize) -> bool {
        read >= FRAME_HEADER && frame.get(8..16) == Some(&self.salts[..])
    }

    fn judge(&self, frame: &[u8], read: usize, sums: &mut (u32, u32)) -> Frame {
        if read == 0 {
            return Frame::End;
        }
        if !self.is_own(frame, read) {
            return Frame::Foreign;
        }
        let (Some(head), Some(page), Some(number), Some(size_after), Some(a), Some(b)) = (
            frame.get(..8),
            frame.get(FRAME_HEADER..),
            word(frame, 0),
            word(frame, 4),
            word(frame, 16),
            word(frame, 20),
        ) else {
            return Frame::Bad;
        };
        let next = checksum(checksum(*sums, head, self.big_endian), page, self.big_endian);
        if read < frame.len() || number == 0 || next != (a, b) {
            return Frame::Bad;
        }
        *sums = next;
        Frame::Good { commit: size_after != 0 }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// SQLite's sum over pairs of words, continued from what came before.
fn checksum((mut a, mut b): (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    let (pairs, _) = bytes.as_chunks::<8>();
    for [p, q, r, s, t, u, v, w] in pairs {
        let (x, y) = if big_endian {
            (u32::from_be_bytes([*p, *q, *r, *s]), u32::from_be_bytes([*t, *u, *v, *w]))
        } else {
            (u32::from_le_bytes([*p, *q, *r, *s]), u32::from_le_bytes([*t, *u, *v, *w]))
        };
        a = a.wrapping_add(x).wrapping_add(b);
        b = b.wrapping_add(y).wrapping_add(a);
    }
    (a, b)
}

/// Reads until the buffer is full or the file ends; says how much.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        let rest = buffer.get_mut(read..).unwrap_or_default();
        match file.read(rest) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 512;

    /// A log as SQLite writes it: frames of pages, each with whether it ends a commit.
    fn log(big_endian: bool, salts: [u8; 8], commits: &[bool]) -> Vec<u8> {
        let magic: u32 = if big_endian { 0x377f_0683 } else { 0x377f_0682 };
        let mut bytes: Vec<u8> = [magic, 3_007_000, PAGE as u32, 1].iter().flat_map(|w| w.to_be_bytes()).collect();
        bytes.extend(salts);
        let mut sums = checksum((0, 0), &bytes, big_endian);
        bytes.extend([sums.0, sums.1].iter().flat_map(|w| w.to_be_bytes()));
        for (n, commit) in (1_u32..).zip(commits) {
            let head: Vec<u8> = [n, u32::from(*commit) * n].iter().flat_map(|w| w.to_be_bytes()).collect();
            let page = vec![n as u8; PAGE];
            sums = checksum(checksum(sums, &head, big_endian), &page, big_endian);
            bytes.extend(head);
            bytes.extend(salts);
            bytes.extend([sums.0, sums.1].iter().flat_map(|w| w.to_be_bytes()));
            bytes.extend(page);
        }
        bytes
    }

    fn inspected(bytes: &[u8]) -> Log {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, bytes).unwrap();
        inspect(&path).unwrap()
    }

    fn place(frame: usize) -> usize {
        HEADER + frame * (FRAME_HEADER + PAGE)
    }

    #[test]
    fn both_byte_orders_are_read() {
        for big_endian in [false, true] {
            let whole = log(big_endian, [1; 8], &[true, false, true]);
            assert_eq!(inspected(&whole), Log::Whole { frames: 3 });
            assert_eq!(inspected(&whole[..place(2)]), Log::Torn { frames: 1, offset: place(1) as u64 });
            assert_eq!(inspected(&whole[..place(2) + 30]), Log::Torn { frames: 1, offset: place(1) as u64 });
            assert_eq!(inspected(&whole[..place(1)]), Log::Whole { frames: 1 });
            assert_eq!(inspected(&whole[..HEADER]), Log::Empty);
            assert_eq!(inspected(&whole[..HEADER - 1]), Log::Empty);
            for byte in [0, 20, 30] {
                let mut bytes = whole.clone();
                bytes[byte] ^= 1;
                assert!(matches!(inspected(&bytes), Log::Damaged { offset: 0, .. }));
            }
            for (byte, frame) in [(place(0) + 2, 0), (place(0) + 9, 0), (place(1) + 17, 1), (place(2) - 1, 1)] {
                let mut bytes = whole.clone();
                bytes[byte] ^= 1;
                let Log::Damaged { offset, .. } = inspected(&bytes) else { panic!("byte {byte}") };
                assert_eq!(offset, place(frame) as u64);
            }
        }
    }

    #[test]
    fn frames_of_an_earlier_round_end_the_log() {
        let earlier = log(false, [1; 8], &[true, true, true, true]);
        let mut bytes = log(false, [2; 8], &[true, true]);
        bytes.extend(&earlier[place(2)..]);
        assert_eq!(inspected(&bytes), Log::Whole { frames: 2 });
        // A frame of this round behind them was written after the one that is not what it was.
        let later = log(false, [2; 8], &[true, true, true, true, true]);
        bytes.truncate(place(4));
        bytes.extend(&later[place(4)..]);
        let Log::Damaged { offset, .. } = inspected(&bytes) else { panic!() };
        assert_eq!(offset, place(2) as u64);
    }
}
