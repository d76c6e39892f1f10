//! Turns UC San Diego's schedule of classes into rooms and weekly meetings, and lays those over the weeks of a term.
//! Never books anything, reads a clock or guesses at a row: what it cannot take it names, with the line and the reason.
//!
//! The file has one section a line, in six tab-separated columns under a header: `subj_course_id sec_code sec_id
//! instructor total_seats meetings`. The last holds meetings joined by `|`, each `code,days,H:MM - H:MM,ROOM`.
//!
//! A **row** is one such meeting on one of its weekdays (`TuTh` makes two). Rows with the same room, weekday, start
//! and end are one **meeting**: a lecture stands once per section, and a class listed under several courses once per
//! course. The first row in the file makes the meeting; every later one is a repeat of it and is counted as such.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use flate2::bufread::MultiGzDecoder;
use jiff::{
    Span, Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

/// The header, which is how a file is known to be one of these.
pub const COLUMNS: [&str; 6] = ["subj_course_id", "sec_code", "sec_id", "instructor", "total_seats", "meetings"];

/// The longest term that [`expand`] lays out, in weeks.
pub const WEEKS_MAX: u32 = 60;

/// The most occurrences that [`expand`] makes, all weeks together.
pub const OCCURRENCES_MAX: usize = 4_000_000;

/// What one file may ask of us. Beyond these it is refused whole, since half a schedule would look like a whole one.
struct Limits {
    line_bytes: u64,
    lines: u32,
    rows: usize,
    bytes: u64,
}

const LIMITS: Limits = Limits { line_bytes: 64 << 10, lines: 1_000_000, rows: 1_000_000, bytes: 256 << 20 };

/// Bytes in a course, section or room name; longer ones are malformed. The data's longest is 12.
const NAME_BYTES_MAX: usize = 64;

/// No class begins before this hour. Where the file says so, its 24-hour clock is doubtful: `2:30` may well stand for 14:30.
const EARLIEST_HOUR: i8 = 6;

/// Characters of a row's text that the report keeps.
const TEXT_CHARS_MAX: usize = 160;

/// Courses that a joint meeting's title names before it says how many more there are.
const TITLE_COURSES_MAX: usize = 8;

/// What one file holds: rooms and meetings in the order in which the file first names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Rooms in which at least one weekly meeting is held. A room that only sees exams is not among them.
    pub rooms: Vec<Room>,
    /// Distinct weekly meetings: no two have the same room, weekday, start and end.
    pub meetings: Vec<Meeting>,
    /// What was counted on the way, and every row that made no meeting of its own.
    pub report: Report,
}

/// A room as the file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Building and number, one space between words: `CENTR 101`. Unique in a schedule.
    pub name: String,
    /// The first word of the name: `CENTR`.
    pub building: String,
    /// Seats of the largest finite section that meets here weekly; the file states no room's own capacity. None where
    /// every section is unlimited (999 or 9999), states no number, or states 0, which says nothing about the room.
    pub seats: Option<u32>,
    /// From [`OUR_EQUIPMENT`], never from the university.
    pub equipment: Vec<&'static str>,
}

/// Something that takes a room on one weekday of every week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Index into [`Schedule::rooms`].
    pub room: usize,
    /// The one day of the week; a `MWF` class is three meetings.
    pub weekday: Weekday,
    /// Wall-clock start in the room's zone, to the minute.
    pub start: Time,
    /// Wall-clock end, exclusive, as given (`16:50`): the ten minutes until the next class are free. After `start`.
    pub end: Time,
    /// `CSE 100 LE`, or for several courses `CSE 100 / CSE 200 LE`.
    pub title: String,
    /// The courses in alphabetical order, at least one. Several make this one joint booking.
    pub courses: Vec<String>,
    /// Numbers of the lines whose rows were merged into this, ascending; the header is line 1.
    pub sources: Vec<u32>,
}

/// What was counted, and every row that made no meeting of its own. The counts answer for each other:
/// `rows` is `meetings` + `repeats`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Sections: lines under the header that are not blank.
    pub sections: usize,
    /// Entries between the bars of the `meetings` column, of every kind.
    pub entries: usize,
    /// Weekly meetings in a room, once per weekday, before repeats are merged.
    pub rows: usize,
    /// Rooms taken.
    pub rooms: usize,
    /// Distinct room-day-times taken.
    pub meetings: usize,
    /// Rows merged into an earlier one.
    pub repeats: usize,
    /// Meetings that several courses share.
    pub joint: usize,
    /// In the order of the file.
    pub not_taken: Vec<NotTaken>,
    /// Meetings that start in a room before an earlier one has ended. They are taken all the same: which of them gets
    /// the room is for the engine to decide.
    pub overlaps: Vec<Overlap>,
    /// Meetings that start before six in the morning, as the report shows them. They are taken as they stand in the
    /// file, which is likely wrong about them: nothing here guesses at what was meant.
    pub before_dawn: Vec<String>,
}

/// A row, an entry or a whole line that made no meeting of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// Line number; the header is line 1.
    pub line: u32,
    /// The day of a repeated row; none where the whole entry or line was left out.
    pub weekday: Option<Weekday>,
    /// Course, section and entry as they stand in the file, without control characters and cut if very long.
    pub text: String,
    /// Why.
    pub reason: Reason,
}

/// Why a row was not taken. The checks run in this order and the first that holds is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It does not read as the format says; the words say what is wrong.
    Malformed(&'static str),
    /// It happens once, on this date: a final exam, a midterm, a make-up.
    OneOffDate(Date),
    /// The place is blank.
    NoRoom,
    /// The place is still to be announced.
    RoomTba,
    /// The place is `RCLAS`, a class held remotely.
    Remote,
    /// It has a place but no weekday: `N/A`, `TBA` or blank.
    NoDays,
    /// It starts and ends at the same time.
    ZeroLength,
    /// It ends before it starts.
    EndsBeforeStart,
    /// An earlier row has the same room, weekday, start and end, and this one was merged into it.
    Repeat {
        /// The line of the first such row.
        of_line: u32,
    },
}

/// Two meetings that want one room at one time, as indexes into [`Schedule::meetings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Of those that start no later than `later`, the one that ends last.
    pub earlier: usize,
    /// The one that starts before `earlier` has ended.
    pub later: usize,
    /// Room, day, times, titles and lines of both, as the report shows them.
    pub text: String,
}

/// A meeting in one particular week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// Index into [`Schedule::meetings`].
    pub meeting: usize,
    /// The instant it starts.
    pub start: Timestamp,
    /// The instant it ends, exclusive; always after `start`.
    pub end: Timestamp,
}

/// Which rooms a line of [`OUR_EQUIPMENT`] speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every room.
    All,
    /// Rooms whose [`Room::seats`] are known and at least this many.
    SeatsAtLeast(u32),
    /// Rooms in these buildings.
    Buildings(&'static [&'static str]),
}

/// The equipment of rooms, **invented by us**. The university's file says nothing about equipment, and nothing here
/// claims that a real room has it: it exists so that a search for "30 seats and a projector" has something to find.
/// Room by room it depends on seats and building alone, so the same file always gives the same rooms.
pub const OUR_EQUIPMENT: &[(Which, &[&str])] = &[
    (Which::All, &["whiteboard"]),
    (Which::SeatsAtLeast(24), &["projector"]),
    (Which::SeatsAtLeast(100), &["microphone", "recording"]),
    (Which::Buildings(&["APM", "CSB", "EBU3B", "SDSC"]), &["computers"]),
    (Which::Buildings(&["TATA", "YORK"]), &["lab benches"]),
    (Which::Buildings(&["CPMC", "DANCE", "MANDE", "PRICE"]), &["sound system"]),
];

/// Opens a schedule, packed with gzip or not: the first bytes tell, whatever the file is called.
///
/// # Errors
/// The file cannot be opened or read. A broken archive shows only when [`read`] comes to the break.
pub fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let packed = reader.fill_buf().with_context(|| format!("reading {}", path.display()))?.starts_with(&[0x1f, 0x8b]);
    Ok(if packed { Box::new(BufReader::new(MultiGzDecoder::new(reader))) } else { Box::new(reader) })
}

/// Reads a schedule to its end. A row that cannot be taken is put in the report and the reading goes on.
///
/// # Errors
/// Each names the line: the header is not [`COLUMNS`]; the reader fails; a line is over 64 KiB, the text over 256 MiB,
/// or there are more than 1,000,000 lines or rows (a row that is not taken counts as well).
pub fn read(reader: impl BufRead) -> anyhow::Result<Schedule> {
    read_within(reader, &LIMITS)
}

/// The next Monday strictly after `today`: on a Monday that is the one a week later, so that a term imported today
/// never has a first day which is already under way.
///
/// # Errors
/// That Monday lies beyond the year 9999.
pub fn next_monday(today: Date) -> anyhow::Result<Date> {
    today.nth_weekday(1, Weekday::Monday).with_context(|| format!("no Monday can be named after {today}"))
}

/// Lays every meeting over `weeks` weeks from `first_monday`, in the order in which they start.
///
/// Wall-clock times become instants as RFC 5545 has it: a start that the clocks skip is moved forward by the skipped
/// time, one that they pass twice is taken the first time, and each occurrence lasts exactly as long as its meeting
/// (section 3.8.5.3, `DTEND`), so none comes out empty or reversed. All are made before the first is handed out:
/// either the whole term can be laid out or nothing is, and the length is known to whoever shows progress.
///
/// # Errors
/// `first_monday` is no Monday; `weeks` is 0 or over [`WEEKS_MAX`]; there would be more than [`OCCURRENCES_MAX`]; the
/// term runs off the calendar.
pub fn expand(
    schedule: &Schedule,
    first_monday: Date,
    weeks: u32,
    zone: &TimeZone,
) -> anyhow::Result<impl ExactSizeIterator<Item = Occurrence> + use<>> {
    ensure!(first_monday.weekday() == Weekday::Monday, "a term starts on a Monday, and {first_monday} is none");
    ensure!((1..=WEEKS_MAX).contains(&weeks), "a term has 1 to {WEEKS_MAX} weeks, not {weeks}");
    let count = schedule.meetings.len().saturating_mul(weeks as usize);
    ensure!(
        count <= OCCURRENCES_MAX,
        "{count} occurrences are more than the {OCCURRENCES_MAX} that one import may make"
    );

    let mut occurrences = Vec::with_capacity(count);
    for week in 0..weeks {
        for (index, meeting) in schedule.meetings.iter().enumerate() {
            let (start, end) = instants(meeting, first_monday, week, zone)
                .with_context(|| format!("laying out {} in week {} from {first_monday}", meeting.title, week + 1))?;
            occurrences.push(Occurrence { meeting: index, start, end });
        }
    }
    occurrences.sort_unstable_by_key(|occurrence| (occurrence.start, occurrence.meeting));
    Ok(occurrences.into_iter())
}

impl Report {
    /// Writes the report as text: the counts, how many were not taken for each reason, then a tab-separated table
    /// (`line day reason because text`) with one line for each of them. The overlaps and the meetings before dawn, if
    /// any, stand between.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let mut out = BufWriter::new(out);
        writeln!(out, "Import of a UC San Diego schedule: what was taken, what was not, and why\n")?;
        for (count, what) in [
            (self.sections, "sections in the file"),
            (self.entries, "meetings listed in them, of every kind"),
            (self.rows, "weekly rows: a meeting in a room, once for each of its weekdays"),
            (self.repeats, "of these repeat a room, day and time, and were merged"),
            (self.meetings, "distinct meetings taken"),
            (self.joint, "of these are shared by several courses: one joint booking each"),
            (self.rooms, "rooms taken"),
            (self.overlaps.len(), "meetings start before another in the same room has ended"),
            (self.before_dawn.len(), "meetings start before 6:00, which the file may have wrong; taken as they stand"),
        ] {
            writeln!(out, "{count:>9}  {what}")?;
        }
        writeln!(
            out,
            "\nA room's seats are those of the largest finite section taught in it; the file has no capacities."
        )?;
        writeln!(out, "A room's equipment comes from a table of our own; the university has no part in it.\n")?;

        writeln!(out, "Rows not taken")?;
        for (reason, count) in self.not_taken_by_reason() {
            writeln!(out, "{count:>9}  {reason}")?;
        }
        if !self.overlaps.is_empty() {
            writeln!(out, "\nMeetings that overlap")?;
            for Overlap { text, .. } in &self.overlaps {
                writeln!(out, "{text}")?;
            }
        }
        if !self.before_dawn.is_empty() {
            writeln!(out, "\nMeetings before 6:00; the file has a 24-hour clock, and may mean the afternoon")?;
            for text in &self.before_dawn {
                writeln!(out, "{text}")?;
            }
        }
        writeln!(out, "\nline\tday\treason\tbecause\ttext")?;
        for NotTaken { line, weekday, text, reason } in &self.not_taken {
            let day = weekday.map_or("-", weekday_name);
            writeln!(out, "{line}\t{day}\t{}\t{reason}\t{text}", reason.code())?;
        }
        out.flush()
    }

    /// How many were not taken for each [`Reason::code`], in alphabetical order; reasons that never arose are absent.
    pub fn not_taken_by_reason(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.not_taken {
            *counts.entry(row.reason.code()).or_insert(0) += 1;
        }
        counts
    }
}

impl Reason {
    /// One word for tables and counting, without the particulars.
    pub fn code(self) -> &'static str {
        match self {
            Reason::Malformed(_) => "malformed",
            Reason::OneOffDate(_) => "one_off_date",
            Reason::NoRoom => "no_room",
            Reason::RoomTba => "room_tba",
            Reason::Remote => "remote",
            Reason::NoDays => "no_days",
            Reason::ZeroLength => "zero_length",
            Reason::EndsBeforeStart => "ends_before_start",
            Reason::Repeat { .. } => "repeat",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Malformed(what) => out.write_str(what),
            Reason::OneOffDate(date) => write!(out, "happens once, on {date}"),
            Reason::NoRoom => out.write_str("no room is given"),
            Reason::RoomTba => out.write_str("the room is to be announced"),
            Reason::Remote => out.write_str("held remotely"),
            Reason::NoDays => out.write_str("no weekday is given"),
            Reason::ZeroLength => out.write_str("starts and ends at the same time"),
            Reason::EndsBeforeStart => out.write_str("ends before it starts"),
            Reason::Repeat { of_line } => write!(out, "same room, day and time as line {of_line}"),
        }
    }
}

fn read_within(reader: impl BufRead, limits: &Limits) -> anyhow::Result<Schedule> {
    let mut lines = Lines { reader, limits, buffer: Vec::new(), line: 0, bytes: 0 };
    read_header(&mut lines)?;
    let mut draft = Draft::default();
    while lines.next()? {
        let line = lines.line;
        draft.take_line(line, &lines.buffer);
        let rows = draft.report.rows + draft.report.not_taken.len() - draft.report.repeats;
        ensure!(rows <= limits.rows, "line {line}: more than {} rows stand up to here", limits.rows);
    }
    Ok(draft.finish())
}

fn read_header(lines: &mut Lines<'_, impl BufRead>) -> anyhow::Result<()> {
    if !lines.next()? {
        bail!("line 1: the file is empty");
    }
    let header = lines.buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&lines.buffer);
    if !header.split(|&byte| byte == b'\t').eq(COLUMNS.iter().map(|column| column.as_bytes())) {
        let found = shown(&String::from_utf8_lossy(header));
        bail!("line 1: not a schedule; expected the columns {}, found: {found}", COLUMNS.join(" "));
    }
    Ok(())
}

/// The file line by line, with the bounds kept before a byte too many is held.
struct Lines<'a, R> {
    reader: R,
    limits: &'a Limits,
    /// The line last read, without its line ending.
    buffer: Vec<u8>,
    /// Its number, from 1.
    line: u32,
    bytes: u64,
}

impl<R: BufRead> Lines<'_, R> {
    /// Reads the next line into the buffer; false at the end of the file.
    fn next(&mut self) -> anyhow::Result<bool> {
        let line = self.line + 1;
        self.buffer.clear();
        // Two more than the limit, so that a full line still comes with its line ending.
        let read = (&mut self.reader)
            .take(self.limits.line_bytes + 2)
            .read_until(b'\n', &mut self.buffer)
            .with_context(|| format!("line {line}: cannot be read"))?;
        if read == 0 {
            return Ok(false);
        }
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        }
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        self.bytes += read as u64;
        let Limits { line_bytes, lines, bytes, .. } = *self.limits;
        ensure!(self.buffer.len() as u64 <= line_bytes, "line {line}: longer than {line_bytes} bytes");
        ensure!(self.bytes <= bytes, "line {line}: the text is longer than {bytes} bytes");
        ensure!(line <= lines, "line {line}: more than {lines} lines");
        self.line = line;
        Ok(true)
    }
}

/// A section, its names checked: what all entries on its line have in common.
struct Section<'a> {
    line: u32,
    course: &'a str,
    code: &'a str,
    /// None where the number is not stated, 0, or means unlimited.
    seats: Option<u32>,
}

/// A weekly meeting in a room, read from one entry.
struct Weekly<'a> {
    code: &'a str,
    weekdays: Vec<Weekday>,
    start: Time,
    end: Time,
    room: String,
}

/// What makes two rows one meeting.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Slot {
    room: usize,
    weekday: Weekday,
    start: Time,
    end: Time,
}

struct DraftMeeting {
    slot: Slot,
    courses: BTreeSet<String>,
    codes: BTreeSet<String>,
    sources: Vec<u32>,
}

/// The schedule while the lines come in.
#[derive(Default)]
struct Draft {
    rooms: Vec<Room>,
    room_by_name: HashMap<String, usize>,
    meetings: Vec<DraftMeeting>,
    meeting_by_slot: HashMap<Slot, usize>,
    report: Report,
}

impl Draft {
    fn take_line(&mut self, line: u32, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.report.sections += 1;
        let text = String::from_utf8_lossy(bytes);
        let (section, entries) = match parse_line(line, bytes) {
            Ok(parsed) => parsed,
            Err(what) => {
                let reason = Reason::Malformed(what);
                self.report.not_taken.push(NotTaken { line, weekday: None, text: shown(&text), reason });
                return;
            }
        };
        for entry in entries.split('|') {
            self.report.entries += 1;
            match parse_entry(entry) {
                Ok(weekly) => self.take_rows(&section, &weekly, entry),
                Err(reason) => self.leave_out(&section, None, entry, reason),
            }
        }
    }

    fn take_rows(&mut self, section: &Section<'_>, weekly: &Weekly<'_>, entry: &str) {
        let room = self.room(&weekly.room);
        // Repeats count here too: of a lecture's sections, any may be the one that states the most seats.
        self.rooms[room].seats = self.rooms[room].seats.max(section.seats);
        for &weekday in &weekly.weekdays {
            self.report.rows += 1;
            let slot = Slot { room, weekday, start: weekly.start, end: weekly.end };
            let index = *self.meeting_by_slot.entry(slot).or_insert(self.meetings.len());
            if index == self.meetings.len() {
                let (courses, codes, sources) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
                self.meetings.push(DraftMeeting { slot, courses, codes, sources });
            } else {
                let of_line = self.meetings[index].sources[0];
                self.report.repeats += 1;
                self.leave_out(section, Some(weekday), entry, Reason::Repeat { of_line });
            }
            self.meetings[index].add(section, weekly.code);
        }
    }

    fn leave_out(&mut self, section: &Section<'_>, weekday: Option<Weekday>, entry: &str, reason: Reason) {
        let text = shown(&format!("{} {} {entry}", section.course, section.code));
        self.report.not_taken.push(NotTaken { line: section.line, weekday, text, reason });
    }

    fn room(&mut self, name: &str) -> usize {
        if let Some(&room) = self.room_by_name.get(name) {
            return room;
        }
        let building = name.split(' ').next().unwrap_or(name).to_owned();
        self.rooms.push(Room { name: name.to_owned(), building, seats: None, equipment: Vec::new() });
        self.room_by_name.insert(name.to_owned(), self.rooms.len() - 1);
        self.rooms.len() - 1
    }

    fn finish(mut self) -> Schedule {
        for room in &mut self.rooms {
            room.equipment = our_equipment(&room.building, room.seats);
        }
        let meetings: Vec<Meeting> = self.meetings.into_iter().map(DraftMeeting::finish).collect();
        let mut report = self.report;
        report.rooms = self.rooms.len();
        report.meetings = meetings.len();
        report.joint = meetings.iter().filter(|meeting| meeting.courses.len() > 1).count();
        report.overlaps = overlaps(&self.rooms, &meetings);
        report.before_dawn = before_dawn(&self.rooms, &meetings);
        assert_eq!(report.rows, report.meetings + report.repeats, "every row is a meeting or a repeat of one");
        Schedule { rooms: self.rooms, meetings, report }
    }
}

impl DraftMeeting {
    fn add(&mut self, section: &Section<'_>, code: &str) {
        if !self.courses.contains(section.course) {
            self.courses.insert(section.course.to_owned());
        }
        if !self.codes.contains(code) {
            self.codes.insert(code.to_owned());
        }
        // One line may hold the same row twice.
        if self.sources.last() != Some(&section.line) {
            self.sources.push(section.line);
        }
    }

    fn finish(self) -> Meeting {
        let Slot { room, weekday, start, end } = self.slot;
        let courses: Vec<String> = self.courses.into_iter().collect();
        let codes: Vec<String> = self.codes.into_iter().collect();
        let title = format!("{} {}", listed(&courses, " / "), listed(&codes, "/"));
        Meeting { room, weekday, start, end, title, courses, sources: self.sources }
    }
}

/// Names in a row, or the first of them and how many more.
fn listed(names: &[String], separator: &str) -> String {
    match names.get(..TITLE_COURSES_MAX) {
        Some(first) if names.len() > TITLE_COURSES_MAX => {
            format!("{} and {} more", first.join(separator), names.len() - TITLE_COURSES_MAX)
        }
        Some(_) | None => names.join(separator),
    }
}

/// Splits a line into its section and the text of its entries; the error says what is wrong with it.
fn parse_line(line: u32, bytes: &[u8]) -> Result<(Section<'_>, &str), &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the line is not UTF-8")?;
    let mut columns = text.split('\t');
    let (Some(course), Some(code), Some(_id), Some(_instructor), Some(seats), Some(entries), None) = (
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
    ) else {
        return Err("the line does not have six columns");
    };
    let (course, code, seats) = (course.trim(), code.trim(), seats.trim());
    if !is_name(course) {
        return Err("the course is blank, too long or has control characters");
    }
    if !is_name(code) {
        return Err("the section is blank, too long or has control characters");
    }
    let seats = match seats {
        "" => None,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let seats: u32 = digits.parse().map_err(|_| "the number of seats is too large")?;
            (!matches!(seats, 0 | 999 | 9999)).then_some(seats)
        }
        _ => return Err("the number of seats is not a number"),
    };
    Ok((Section { line, course, code, seats }, entries))
}

/// Reads one entry, checking in the order in which [`Reason`] lists what can be wrong. A date comes before the room
/// because an exam would not become weekly by having one.
fn parse_entry(entry: &str) -> Result<Weekly<'_>, Reason> {
    let mut fields = entry.split(',').map(str::trim);
    let (Some(code), Some(days), Some(times), Some(room), None) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Reason::Malformed("the meeting is not code,days,start - end,room"));
    };
    if code.is_empty() || code.len() > 8 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Reason::Malformed("the kind of meeting is not a short code"));
    }
    if days.starts_with(|first: char| first.is_ascii_digit()) {
        let date = days.parse().map_err(|_| Reason::Malformed("the date is not in the calendar"))?;
        return Err(Reason::OneOffDate(date));
    }

    let room = parse_room(room)?;
    if matches!(days, "" | "N/A" | "TBA") {
        return Err(Reason::NoDays);
    }
    let weekdays = parse_weekdays(days).map_err(Reason::Malformed)?;

    let Some((start, end)) =
        times.split_once('-').and_then(|(start, end)| Some((parse_time(start)?, parse_time(end)?)))
    else {
        return Err(Reason::Malformed("the times are not H:MM - H:MM on a 24-hour clock"));
    };
    if end == start {
        return Err(Reason::ZeroLength);
    }
    if end < start {
        return Err(Reason::EndsBeforeStart);
    }
    // From here the entry is taken.
    Ok(Weekly { code, weekdays, start, end, room })
}

/// A room's name with one space between its words, so that spacing never makes two rooms of one.
fn parse_room(room: &str) -> Result<String, Reason> {
    let words: Vec<&str> = room.split_whitespace().collect();
    let Some(&building) = words.first() else {
        return Err(Reason::NoRoom);
    };
    // `CENTR TBA` names a building and no room in it.
    if words.iter().any(|word| word.eq_ignore_ascii_case("TBA")) {
        return Err(Reason::RoomTba);
    }
    if building.eq_ignore_ascii_case("RCLAS") {
        return Err(Reason::Remote);
    }
    let name = words.join(" ");
    if !is_name(&name) {
        return Err(Reason::Malformed("the room is too long or has control characters"));
    }
    Ok(name)
}

/// Splits `MWF` or `TuTh` into days. A bare `T` or `S` could be either of two and is refused.
fn parse_weekdays(days: &str) -> Result<Vec<Weekday>, &'static str> {
    const CODES: [(&str, Weekday); 7] = [
        ("M", Weekday::Monday),
        ("Tu", Weekday::Tuesday),
        ("W", Weekday::Wednesday),
        ("Th", Weekday::Thursday),
        ("F", Weekday::Friday),
        ("Sa", Weekday::Saturday),
        ("Su", Weekday::Sunday),
    ];
    let mut rest = days;
    let mut weekdays = Vec::new();
    while !rest.is_empty() {
        let found = CODES.iter().find_map(|&(code, weekday)| Some((weekday, rest.strip_prefix(code)?)));
        let Some((weekday, after)) = found else {
            return Err("the days are not made of M Tu W Th F Sa Su");
        };
        if weekdays.contains(&weekday) {
            return Err("a day stands twice");
        }
        weekdays.push(weekday);
        rest = after;
    }
    Ok(weekdays)
}

/// `9:30` or `09:30`, from 0:00 to 23:59.
fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || !digits(hour) || !digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.contains(char::is_control)
}

/// Text fit for one cell of a report that people open in a terminal: no control characters, and never very long.
fn shown(text: &str) -> String {
    let tame = |char: char| if char.is_control() { ' ' } else { char };
    let mut shown: String = text.chars().take(TEXT_CHARS_MAX).map(tame).collect();
    if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn our_equipment(building: &str, seats: Option<u32>) -> Vec<&'static str> {
    let applies = |which: &Which| match which {
        Which::All => true,
        Which::SeatsAtLeast(least) => seats.is_some_and(|seats| seats >= *least),
        Which::Buildings(buildings) => buildings.contains(&building),
    };
    OUR_EQUIPMENT.iter().filter(|(which, _)| applies(which)).flat_map(|(_, has)| has.iter().copied()).collect()
}

/// Every meeting that starts before an earlier one in its room has ended, each named once.
fn overlaps(rooms: &[Room], meetings: &[Meeting]) -> Vec<Overlap> {
    let mut order: Vec<usize> = (0..meetings.len()).collect();
    order.sort_by_key(|&index| {
        let Meeting { room, weekday, start, end, .. } = &meetings[index];
        (*room, weekday.to_monday_zero_offset(), *start, *end)
    });
    let mut overlaps = Vec::new();
    let mut latest: Option<usize> = None;
    for later in order {
        let meeting = &meetings[later];
        let same_day = latest
            .filter(|&earlier| (meetings[earlier].room, meetings[earlier].weekday) == (meeting.room, meeting.weekday));
        latest = match same_day {
            Some(earlier) if meeting.start < meetings[earlier].end => {
                let (room, day) = (&rooms[meeting.room].name, weekday_name(meeting.weekday));
                let (second, first) = (described(meeting), described(&meetings[earlier]));
                let text = format!("{room}, {day}: {second} starts before {first} has ended");
                overlaps.push(Overlap { earlier, later, text });
                // A long meeting may reach past several short ones.
                Some(if meeting.end > meetings[earlier].end { later } else { earlier })
            }
            Some(_) | None => Some(later),
        };
    }
    overlaps
}

/// Every meeting at an hour at which nobody teaches.
fn before_dawn(rooms: &[Room], meetings: &[Meeting]) -> Vec<String> {
    let early = meetings.iter().filter(|meeting| meeting.start.hour() < EARLIEST_HOUR);
    early.map(|m| format!("{}, {}: {}", rooms[m.room].name, weekday_name(m.weekday), described(m))).collect()
}

fn described(meeting: &Meeting) -> String {
    let Meeting { start, end, title, sources, .. } = meeting;
    format!("{title} {} - {} (line {})", start.strftime("%-H:%M"), end.strftime("%-H:%M"), sources[0])
}

/// Start and end of a meeting in one week, counted from 0.
fn instants(
    meeting: &Meeting,
    first_monday: Date,
    week: u32,
    zone: &TimeZone,
) -> anyhow::Result<(Timestamp, Timestamp)> {
    let days = i64::from(week) * 7 + i64::from(meeting.weekday.to_monday_zero_offset());
    let date = first_monday.checked_add(Span::new().try_days(days)?)?;
    let start = zone.to_ambiguous_timestamp(date.to_datetime(meeting.start)).compatible()?;
    let end = start.checked_add(meeting.end.duration_since(meeting.start))?;
    Ok((start, end))
}

fn weekday_name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use flate2::{Compression, write::GzEncoder};
    use jiff::civil::date;

    use super::*;

    const LIST: &str = "subj_course_id\tsec_code\tsec_id\tinstructor\ttotal_seats\tmeetings\n";

    /// Reads lines written with `;` for the tab; the header is put before them, so the first is line 2.
    fn schedule(lines: &str) -> Schedule {
        let lines: Vec<String> = lines.lines().map(|line| line.trim_start().replace("; ", "\t")).collect();
        read(format!("{LIST}{}", lines.join("\n")).as_bytes()).expect("the file reads")
    }

    /// `Tu 9:30-10:50 WLH 2001 CSE 100 LE` for each meeting, then `2 remote` for each row not taken.
    fn told(schedule: &Schedule) -> String {
        let meetings = schedule.meetings.iter().map(|meeting| {
            let Meeting { room, weekday, start, end, title, .. } = meeting;
            let (day, room) = (&weekday_name(*weekday)[..2], &schedule.rooms[*room].name);
            format!("{day} {}-{} {room} {title}", start.strftime("%-H:%M"), end.strftime("%-H:%M"))
        });
        let not_taken = schedule.report.not_taken.iter().map(|row| format!("{} {}", row.line, row.reason.code()));
        meetings.chain(not_taken).collect::<Vec<_>>().join(", ")
    }

    /// Each row is the meetings of one section, `CSE 100 A00` with 50 seats, and what comes of them.
    fn check_entries(rows: &str) {
        for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let (entries, expected) = row.split_once("->").expect("a row has an arrow");
            let schedule = schedule(&format!("CSE 100; A00; 900001; Staff; 50; {}", entries.trim_end()));
            assert_eq!(told(&schedule), expected.trim(), "of {entries}");
        }
    }

    #[test]
    fn entries_are_taken_or_named() {
        check_entries(
            "LE,M,9:30 - 10:50,WLH 2001          -> Mo 9:30-10:50 WLH 2001 CSE 100 LE
             LE,TuTh,14:00 - 15:20,WLH 1         -> Tu 14:00-15:20 WLH 1 CSE 100 LE, Th 14:00-15:20 WLH 1 CSE 100 LE
             LA,SaSu,08:00 - 9:00,CSB 1H         -> Sa 8:00-9:00 CSB 1H CSE 100 LA, Su 8:00-9:00 CSB 1H CSE 100 LA
             SE,FSa,8:00 - 17:00,GH B-15         -> Fr 8:00-17:00 GH B-15 CSE 100 SE, Sa 8:00-17:00 GH B-15 CSE 100 SE
             LE,W,0:00 - 23:59, RBC   AUD        -> We 0:00-23:59 RBC AUD CSE 100 LE
             LE,M,9:30-10:50,GYM                 -> Mo 9:30-10:50 GYM CSE 100 LE
             DI,F,9:00 - 9:50, |LE,M,9:00 - 9:50,GH 1|FI,2025-12-08,, -> Mo 9:00-9:50 GH 1 CSE 100 LE, 2 no_room, 2 one_off_date
             LE,M,9:00 - 9:50,WLH 1|LE,M,9:00 - 9:50,WLH 1 -> Mo 9:00-9:50 WLH 1 CSE 100 LE, 2 repeat
             LE,Tu,12:00 - 13:00,                -> 2 no_room
             IN,N/A,0:00 - 0:00,TBA TBA          -> 2 room_tba
             LE,M,9:00 - 9:50,CENTR TBA          -> 2 room_tba
             LE,M,9:00 - 9:50,tba                -> 2 room_tba
             LE,TuTh,15:30 - 16:50,RCLAS R01     -> 2 remote
             LE,M,9:00 - 9:50,RCLASS 1           -> Mo 9:00-9:50 RCLASS 1 CSE 100 LE
             FI,2025-12-10,11:30 - 14:29,WLH 1   -> 2 one_off_date
             FI,2025-12-10,11:30 - 14:29,        -> 2 one_off_date
             FI,2025-12-10,8:00 - 10:59,RCLAS R1 -> 2 one_off_date
             FI,2025-13-10,11:30 - 14:29,WLH 1   -> 2 malformed
             FI,12/10/2025,11:30 - 14:29,WLH 1   -> 2 malformed
             LE,,8:00 - 17:00,OTRSN 4E106        -> 2 no_days
             LE,N/A,8:00 - 17:00,OTRSN 4E106     -> 2 no_days
             LE,TBA,8:00 - 17:00,OTRSN 4E106     -> 2 no_days
             LE,M,0:00 - 0:00,WLH 1              -> 2 zero_length
             LE,M,22:00 - 1:00,WLH 1             -> 2 ends_before_start
             LE,M,22:00 - 24:00,WLH 1            -> 2 malformed
             LE,M,9:00 - 9:60,WLH 1              -> 2 malformed
             LE,M,9:00 AM - 9:50 AM,WLH 1        -> 2 malformed
             LE,M,9 - 10,WLH 1                   -> 2 malformed
             LE,M,+9:00 - 9:50,WLH 1             -> 2 malformed
             LE,M,,WLH 1                         -> 2 malformed
             LE,T,9:00 - 9:50,WLH 1              -> 2 malformed
             LE,S,9:00 - 9:50,WLH 1              -> 2 malformed
             LE,mwf,9:00 - 9:50,WLH 1            -> 2 malformed
             LE,MWM,9:00 - 9:50,WLH 1            -> 2 malformed
             LE,M W,9:00 - 9:50,WLH 1            -> 2 malformed
             LE,M,9:00 - 9:50                    -> 2 malformed
             LE,M,9:00 - 9:50,WLH 1,x            -> 2 malformed
             ,M,9:00 - 9:50,WLH 1                -> 2 malformed
             L\u{1b},M,9:00 - 9:50,WLH 1         -> 2 malformed
             LE,M,9:00 - 9:50,W\u{1b}H 1         -> 2 malformed
             LE,M,9:00 - 9:50,WLH 1|             -> Mo 9:00-9:50 WLH 1 CSE 100 LE, 2 malformed
                                                 -> 2 malformed",
        );
    }

    #[test]
    fn lines_that_do_not_fit_are_named_and_the_rest_is_taken() {
        let schedule = schedule(
            "CSE 100; A00; 1; Staff; 50
             CSE 100; A00; 1; Staff; 50; LE,M,9:00 - 9:50,WLH 1; more
             ; A00; 1; Staff; 50; LE,M,9:00 - 9:50,WLH 1
             CSE 100; ; 1; Staff; 50; LE,M,9:00 - 9:50,WLH 1
             CSE 100; A00; 1; Staff; many; LE,M,9:00 - 9:50,WLH 1
             CSE 100; A00; 1; Staff; -5; LE,M,9:00 - 9:50,WLH 1
             CSE 100; A00; 1; Staff; 4294967296; LE,M,9:00 - 9:50,WLH 1

             CSE 101; A00; 1; ; ; LE,M,9:00 - 9:50,WLH 1",
        );
        let malformed: Vec<String> = (2..=8).map(|line| format!("{line} malformed")).collect();
        assert_eq!(told(&schedule), format!("Mo 9:00-9:50 WLH 1 CSE 101 LE, {}", malformed.join(", ")));
        assert_eq!(schedule.report.sections, 8);
        assert_eq!(schedule.meetings[0].sources, [10]);
        let long_course = format!("{LIST}{}\tA00\t1\tStaff\t5\tLE,M,9:00 - 9:50,WLH 1", "X".repeat(65));
        assert_eq!(told(&read(long_course.as_bytes()).expect("reads")), "2 malformed");
        let latin_1 = [LIST.as_bytes(), b"CSE 1\tA00\t1\tPe\xf1a\t5\tLE,M,9:00 - 9:50,WLH 1\n"].concat();
        assert_eq!(told(&read(&latin_1[..]).expect("reads")), "2 malformed");
    }

    #[test]
    fn rows_of_one_room_day_and_time_are_one_meeting() {
        let schedule = schedule(
            "CSE 200; A00; 1; Staff; 20; SE,TuTh,9:00 - 9:50,WLH 1
             CSE 100; A01; 2; Staff; 50; LE,Tu,9:00 - 9:50,WLH 1|DI,M,9:00 - 9:50,WLH 1
             CSE 100; A02; 3; Staff; 50; LE,Tu,9:00 - 9:50,WLH 1|DI,M,9:00 - 9:50,WLH 2
             CSE 100; B00; 4; Staff; 50; LE,Tu,9:00 - 9:51,WLH 1",
        );
        assert_eq!(
            told(&schedule),
            "Tu 9:00-9:50 WLH 1 CSE 100 / CSE 200 LE/SE, Th 9:00-9:50 WLH 1 CSE 200 SE, Mo 9:00-9:50 WLH 1 CSE 100 DI, \
             Mo 9:00-9:50 WLH 2 CSE 100 DI, Tu 9:00-9:51 WLH 1 CSE 100 LE, 3 repeat, 4 repeat"
        );
        assert_eq!(schedule.meetings[0].sources, [2, 3, 4]);
        assert_eq!(schedule.meetings[0].courses, ["CSE 100", "CSE 200"]);
        let report = &schedule.report;
        assert_eq!((report.sections, report.entries, report.rows), (4, 6, 7));
        assert_eq!((report.rooms, report.meetings, report.repeats, report.joint), (2, 5, 2, 1));
        assert_eq!(report.not_taken[1].reason, Reason::Repeat { of_line: 2 });
        assert_eq!(report.not_taken[1].weekday, Some(Weekday::Tuesday));
        let text = "WLH 1, Tuesday: CSE 100 LE 9:00 - 9:51 (line 5) starts before \
                    CSE 100 / CSE 200 LE/SE 9:00 - 9:50 (line 2) has ended";
        assert_eq!(report.overlaps, [Overlap { earlier: 0, later: 4, text: text.into() }]);
    }

    #[test]
    fn a_meeting_before_dawn_is_taken_as_it_stands_and_named() {
        let schedule = schedule("CSE 100; A01; 1; Staff; 5; LE,M,5:59 - 9:50,WLH 1|LE,Tu,6:00 - 9:50,WLH 1");
        assert_eq!(told(&schedule), "Mo 5:59-9:50 WLH 1 CSE 100 LE, Tu 6:00-9:50 WLH 1 CSE 100 LE");
        assert_eq!(schedule.report.before_dawn, ["WLH 1, Monday: CSE 100 LE 5:59 - 9:50 (line 2)"]);
        let mut written = Vec::new();
        schedule.report.write(&mut written).expect("writes");
        let written = String::from_utf8(written).expect("is text");
        assert!(written.contains("        1  meetings start before 6:00"), "{written}");
        assert!(
            written.contains("may mean the afternoon\nWLH 1, Monday: CSE 100 LE 5:59 - 9:50 (line 2)\n"),
            "{written}"
        );
    }

    #[test]
    fn a_title_names_eight_courses_at_most() {
        let lines: Vec<String> =
            (10..20).map(|course| format!("CSE {course}; A00; 1; Staff; 5; LE,M,9:00 - 9:50,WLH 1")).collect();
        let schedule = schedule(&lines.join("\n"));
        let named = "CSE 10 / CSE 11 / CSE 12 / CSE 13 / CSE 14 / CSE 15 / CSE 16 / CSE 17 and 2 more LE";
        assert_eq!(schedule.meetings[0].title, named);
        assert_eq!(schedule.meetings[0].courses.len(), 10);
    }

    #[test]
    fn a_long_meeting_overlaps_each_that_starts_in_it() {
        let schedule = schedule(
            "CSE 100; A00; 1; Staff; 5; LE,M,8:00 - 12:00,WLH 1|DI,M,9:00 - 9:50,WLH 1|DI,M,10:00 - 10:50,WLH 1
             CSE 100; B00; 2; Staff; 5; LE,M,12:00 - 12:50,WLH 1|LE,Tu,9:00 - 9:50,WLH 1|LE,M,9:00 - 9:50,WLH 2",
        );
        let pairs: Vec<_> = schedule.report.overlaps.iter().map(|overlap| (overlap.earlier, overlap.later)).collect();
        assert_eq!(pairs, [(0, 1), (0, 2)]);
    }

    #[test]
    fn seats_are_those_of_the_largest_finite_section() {
        for (seats, expected) in [
            (&["30", "120", "60"][..], Some(120)),
            (&["9999", "30"][..], Some(30)),
            (&["999", "1000"][..], Some(1000)),
            (&["9999", "999"][..], None),
            (&["0"][..], None),
            (&["0", "", "007"][..], Some(7)),
        ] {
            let lines: Vec<String> =
                seats.iter().map(|seats| format!("CSE 1; A00; 1; Staff; {seats}; LE,M,9:00 - 9:50,WLH 1")).collect();
            assert_eq!(schedule(&lines.join("\n")).rooms[0].seats, expected, "of {seats:?}");
        }
    }

    #[test]
    fn equipment_follows_from_building_and_seats() {
        for (building, seats, expected) in [
            ("WLH", None, "whiteboard"),
            ("WLH", Some(23), "whiteboard"),
            ("WLH", Some(24), "whiteboard projector"),
            ("WLH", Some(99), "whiteboard projector"),
            ("WLH", Some(100), "whiteboard projector microphone recording"),
            ("CSB", Some(20), "whiteboard computers"),
            ("DANCE", None, "whiteboard sound system"),
        ] {
            assert_eq!(our_equipment(building, seats).join(" "), expected, "{building} {seats:?}");
        }
    }

    #[test]
    fn line_endings_and_a_byte_order_mark_change_nothing() {
        let plain = format!("{LIST}CSE 1\tA00\t1\tStaff\t5\tLE,M,9:00 - 9:50,WLH 1|FI,2025-12-08,8:00 - 10:59,WLH 1\n");
        let expected = read(plain.as_bytes()).expect("reads");
        for same in
            [plain.replace('\n', "\r\n"), format!("\u{feff}{plain}"), plain.trim_end().into(), plain.clone() + "\n"]
        {
            assert_eq!(read(same.as_bytes()).expect("reads"), expected);
        }
    }

    #[test]
    fn a_file_beyond_the_bounds_is_refused_and_the_line_named() {
        let refused = |file: &str, limits: Limits| match read_within(file.as_bytes(), &limits) {
            Ok(_) => panic!("the file was read"),
            Err(error) => error.to_string(),
        };
        let row = "CSE 1\tA00\t1\tStaff\t5\tLE,MWF,9:00 - 9:50,WLH 1\n";
        let file = format!("{LIST}{row}{row}");
        let bytes = file.len() as u64;
        let exact = || Limits { line_bytes: LIST.len() as u64 - 1, lines: 3, rows: 6, bytes };
        assert!(read_within(file.as_bytes(), &exact()).is_ok());
        assert!(read_within(file.replace('\n', "\r\n").as_bytes(), &Limits { bytes: bytes + 3, ..exact() }).is_ok());
        let short = Limits { line_bytes: LIST.len() as u64 - 2, ..exact() };
        assert_eq!(refused(&file, short), format!("line 1: longer than {} bytes", LIST.len() - 2));
        assert_eq!(refused(&file, Limits { lines: 2, ..exact() }), "line 3: more than 2 lines");
        assert_eq!(refused(&file, Limits { rows: 5, ..exact() }), "line 3: more than 5 rows stand up to here");
        let unbroken = format!("{LIST}{}", "x".repeat(1000));
        assert!(refused(&unbroken, exact()).starts_with("line 2: longer than"));
        let fewer = Limits { bytes: bytes - 1, ..exact() };
        assert_eq!(refused(&file, fewer), format!("line 3: the text is longer than {} bytes", bytes - 1));
        assert_eq!(refused("", LIMITS), "line 1: the file is empty");
        assert!(refused("id,name\n", LIMITS).starts_with("line 1: not a schedule"));
    }

    #[test]
    fn a_packed_file_reads_like_a_plain_one_and_a_broken_one_names_the_line() {
        let text = format!("{LIST}CSE 1\tA00\t1\tStaff\t5\tLE,M,9:00 - 9:50,WLH 1\n");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("packs");
        let packed = encoder.finish().expect("packs");
        let path = std::env::temp_dir().join(format!("slotwise-ucsd-{}.tsv", std::process::id()));
        let through = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("writes");
            open(&path).and_then(read)
        };
        let plain = through(text.as_bytes()).expect("reads");
        let unpacked = through(&packed).expect("reads");
        let cut = through(&packed[..packed.len() - 12]);
        std::fs::remove_file(&path).expect("removes");
        assert_eq!(plain, unpacked);
        assert!(cut.expect_err("is cut off").to_string().ends_with("cannot be read"));
        assert!(open(&path).is_err());
    }

    #[test]
    fn the_report_names_every_row_and_writes_no_control_characters() {
        let schedule = schedule(
            "CSE 100; A01; 1; Staff; 5; LE,M,9:00 - 9:50,WLH 1|DI,N/A,0:00 - 0:00,TBA TBA
             CSE 100; A02; 2; Staff; 5; LE,M,9:00 - 9:50,WLH 1|L\u{1b}[31m,M,9:00 - 9:50,WLH 1",
        );
        let mut written = Vec::new();
        schedule.report.write(&mut written).expect("writes");
        let written = String::from_utf8(written).expect("is text");
        let (summary, table) = written.split_once("\nline\tday\treason\tbecause\ttext\n").expect("has a table");
        assert!(summary.contains("        1  of these repeat a room, day and time, and were merged\n"), "{summary}");
        assert!(summary.ends_with("Rows not taken\n        1  malformed\n        1  repeat\n        1  room_tba\n"));
        assert_eq!(
            table,
            "2\t-\troom_tba\tthe room is to be announced\tCSE 100 A01 DI,N/A,0:00 - 0:00,TBA TBA\n\
             3\tMonday\trepeat\tsame room, day and time as line 2\tCSE 100 A02 LE,M,9:00 - 9:50,WLH 1\n\
             3\t-\tmalformed\tthe kind of meeting is not a short code\tCSE 100 A02 L [31m,M,9:00 - 9:50,WLH 1\n"
        );
        assert_eq!(shown(&"x".repeat(161)), "x".repeat(160) + "…");
    }

    #[test]
    fn the_next_monday_is_strictly_after_today() {
        for (today, expected) in [
            (date(2025, 9, 21), date(2025, 9, 22)),
            (date(2025, 9, 22), date(2025, 9, 29)),
            (date(2025, 9, 23), date(2025, 9, 29)),
            (date(2025, 12, 31), date(2026, 1, 5)),
        ] {
            assert_eq!(next_monday(today).expect("exists"), expected, "after {today}");
        }
        assert!(next_monday(date(9999, 12, 31)).is_err());
    }

    /// One meeting, its zone and first Monday, and the instants of its occurrences.
    fn check_weeks(entry: &str, zone: &str, first_monday: Date, expected: &[&str]) {
        let schedule = schedule(&format!("CSE 1; A00; 1; Staff; 5; {entry}"));
        let zone = TimeZone::get(zone).expect("is bundled");
        let told: Vec<String> = expand(&schedule, first_monday, expected.len() as u32, &zone)
            .expect("expands")
            .map(|Occurrence { start, end, .. }| format!("{start} {end}"))
            .collect();
        assert_eq!(told, expected, "{entry}");
    }

    #[test]
    fn weeks_keep_the_wall_clock_across_a_change_of_the_clocks() {
        check_weeks(
            "LE,F,16:00 - 16:50,WLH 1",
            "America/Los_Angeles",
            date(2025, 10, 27),
            &["2025-10-31T23:00:00Z 2025-10-31T23:50:00Z", "2025-11-08T00:00:00Z 2025-11-08T00:50:00Z"],
        );
        // 2026-03-08 has no 2:30; the start moves to 3:30 and the length stays.
        check_weeks(
            "LE,Su,2:30 - 3:00,WLH 1",
            "America/Los_Angeles",
            date(2026, 2, 23),
            &["2026-03-01T10:30:00Z 2026-03-01T11:00:00Z", "2026-03-08T10:30:00Z 2026-03-08T11:00:00Z"],
        );
        // 2025-11-02 has 1:30 twice; the first is meant.
        check_weeks(
            "LE,Su,1:30 - 2:30,WLH 1",
            "America/Los_Angeles",
            date(2025, 10, 27),
            &["2025-11-02T08:30:00Z 2025-11-02T09:30:00Z"],
        );
    }

    #[test]
    fn weeks_come_in_order_and_within_bounds() {
        let schedule = schedule("CSE 1; A00; 1; Staff; 5; LE,FM,9:00 - 9:50,WLH 1|DI,M,8:00 - 8:50,WLH 1");
        let monday = date(2025, 9, 22);
        let term = expand(&schedule, monday, 2, &TimeZone::UTC).expect("expands");
        assert_eq!(term.len(), 6);
        assert_eq!(term.map(|occurrence| occurrence.meeting).collect::<Vec<_>>(), [2, 1, 0, 2, 1, 0]);
        for (first, weeks, taken) in [
            (monday, 60, true),
            (monday, 61, false),
            (monday, 0, false),
            (date(2025, 9, 23), 1, false),
            (date(9999, 12, 27), 1, false),
        ] {
            assert_eq!(expand(&schedule, first, weeks, &TimeZone::UTC).is_ok(), taken, "{weeks} weeks from {first}");
        }
    }

    /// The university's own file, as the demo imports it.
    fn real_schedule() -> Schedule {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo-data/ucsd_schedule_FA25.tsv.gz");
        open(&path).and_then(read).expect("the real file reads")
    }

    #[test]
    fn the_real_file_gives_the_documented_figures() {
        let Schedule { rooms, meetings, report } = real_schedule();
        assert_eq!(report.rows, 10_642);
        assert_eq!((report.rooms, rooms.len()), (417, 417));
        assert_eq!((report.meetings, meetings.len()), (6_677, 6_677));
        assert_eq!(report.repeats, 3_965);
        assert_eq!(report.joint, 133);
        assert_eq!(report.overlaps, []);
        let lab = |room, day, line| format!("{room}, {day}: SIO 136 LA 2:30 - 4:50 (line {line})");
        let labs = [
            ("MCTF 130", "Monday", 5678),
            ("MCTF 130", "Wednesday", 5678),
            ("MCTF 140", "Monday", 5679),
            ("MCTF 140", "Wednesday", 5679),
        ];
        assert_eq!(report.before_dawn, labs.map(|(room, day, line)| lab(room, day, line)));
        assert_eq!((report.sections, report.entries), (6_502, 12_319));
        let expected = [
            ("no_days", 2),
            ("no_room", 157),
            ("one_off_date", 3_171),
            ("remote", 184),
            ("repeat", 3_965),
            ("room_tba", 2_710),
        ];
        assert_eq!(report.not_taken_by_reason(), BTreeMap::from(expected));
        assert_eq!(meetings.iter().map(|meeting| meeting.room).collect::<HashSet<_>>().len(), 417);
        let shared = meetings.iter().find(|meeting| meeting.courses.len() == 5).expect("one has five courses");
        assert_eq!(shared.title, "ANTH 268 / COGR 225A / HIGR 238 / PHIL 209A / SOCG 255A SE");
        let largest = rooms.iter().max_by_key(|room| room.seats).expect("there are rooms");
        assert_eq!(largest.seats, Some(600));
        assert_eq!(rooms.iter().filter(|room| room.seats.is_none()).count(), 11);
    }

    #[test]
    fn the_real_file_fills_ten_weeks_without_a_clash() {
        let schedule = real_schedule();
        // The term holds the night on which the clocks go back.
        let zone = TimeZone::get("America/Los_Angeles").expect("is bundled");
        let occurrences: Vec<_> = expand(&schedule, date(2025, 9, 22), 10, &zone).expect("expands").collect();
        assert_eq!(occurrences.len(), 66_770);
        let mut free_from = HashMap::new();
        for Occurrence { meeting, start, end } in occurrences {
            assert!(start < end);
            if let Some(until) = free_from.insert(schedule.meetings[meeting].room, end) {
                assert!(until <= start, "{} starts before its room is free", schedule.meetings[meeting].title);
            }
        }
    }
}
