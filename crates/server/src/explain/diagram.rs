//! A sequence diagram of what happened, as text for a terminal and as mermaid for a page. It is drawn from events that say what a
//! reader may know; it looks nothing up.

/// Between two lifelines, in characters.
const APART: usize = 36;
/// Before the first lifeline: the time of day, and room for half a name.
const MARGIN: usize = 24;
/// Lifelines drawn; whoever comes later shares the last.
const LANES_MAX: usize = 5;

/// Who talks with whom, in order.
#[derive(Clone, Debug)]
pub struct Diagram {
    lanes: Vec<String>,
    events: Vec<Event>,
}

#[derive(Clone, Debug)]
struct Event {
    /// The time of day.
    at: String,
    what: What,
    text: String,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Message { from: usize, to: usize, ends: Ends },
    Note,
}

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Something is asked.
    Asked,
    /// It is answered.
    Told,
    /// It is refused.
    Refused,
}

/// The lifeline of whoever asked.
pub const ASKER: usize = 0;
/// The lifeline of Slotwise.
pub const SYSTEM: usize = 1;

impl Diagram {
    /// With two lifelines.
    pub fn new(asker: &str) -> Diagram {
        Diagram { lanes: vec![one_line(asker), "Slotwise".into()], events: Vec::new() }
    }

    /// The lifeline of somebody by this name.
    pub fn lane(&mut self, name: &str) -> usize {
        let name = one_line(name);
        if let Some(known) = self.lanes.iter().position(|lane| *lane == name) {
            return known;
        }
        if self.lanes.len() == LANES_MAX {
            if let Some(last) = self.lanes.last_mut() {
                *last = "Others".into();
            }
            return LANES_MAX - 1;
        }
        self.lanes.push(name);
        self.lanes.len() - 1
    }

    /// Somebody says something to somebody.
    pub fn message(&mut self, at: &str, (from, to): (usize, usize), ends: Ends, text: &str) {
        self.events.push(Event { at: at.into(), what: What::Message { from, to, ends }, text: one_line(text) });
    }

    /// Slotwise does something on its own.
    pub fn note(&mut self, at: &str, text: &str) {
        self.events.push(Event { at: at.into(), what: What::Note, text: one_line(text) });
    }

    /// As mermaid.
    pub fn mermaid(&self) -> String {
        let mut out = String::from("sequenceDiagram\n");
        for (n, lane) in self.lanes.iter().enumerate() {
            out.push_str(&format!("    participant P{n} as {}\n", plain(lane)));
        }
        for event in &self.events {
            let said = plain(&[event.at.as_str(), &event.text].join(" "));
            let line = match event.what {
                What::Note => format!("Note over P{SYSTEM}: {}", said.trim()),
                What::Message { from, to, ends } => {
                    let arrow = match ends {
                        Ends::Asked => "->>",
                        Ends::Told => "-->>",
                        Ends::Refused => "--x",
                    };
                    format!("P{from}{arrow}P{to}: {}", said.trim())
                }
            };
            out.push_str(&format!("    {line}\n"));
        }
        out
    }

    /// As text.
    pub fn text(&self) -> String {
        let mut rows: Vec<String> = Vec::new();
        let mut head = vec![' '; self.width()];
        for (n, lane) in self.lanes.iter().enumerate() {
            let name: String = lane.chars().take(APART - 2).collect();
            write_at(&mut head, place(n).saturating_sub(name.chars().count() / 2), &name);
        }
        rows.push(head.into_iter().collect());
        for event in &self.events {
            rows.push(self.lifelines().into_iter().collect());
            let (from, to) = match event.what {
                What::Note => (SYSTEM, SYSTEM + 1),
                What::Message { from, to, .. } => (from.min(to), from.max(to)),
            };
            let room = (place(to) - place(from)).max(APART) - 4;
            let lines = wrapped(&event.text, room);
            for (n, line) in lines.iter().enumerate() {
                let mut row = self.lifelines();
                if n == 0 {
                    write_at(&mut row, 0, &event.at);
                }
                let begin = match event.what {
                    What::Note if n == 0 => "* ",
                    What::Note => "  ",
                    What::Message { .. } => "",
                };
                write_at(&mut row, place(from) + 2, &format!("{begin}{line}"));
                rows.push(row.into_iter().collect());
            }
            if let What::Message { from, to, ends } = event.what {
                rows.push(self.arrow(from, to, ends));
            }
        }
        rows.push(self.lifelines().into_iter().collect());
        rows.iter().map(|row| row.trim_end().to_owned() + "\n").collect()
    }

    fn arrow(&self, from: usize, to: usize, ends: Ends) -> String {
        let mut row = self.lifelines();
        let (left, right) = (place(from.min(to)), place(from.max(to)));
        for cell in row.iter_mut().take(right).skip(left + 1) {
            *cell = '─';
        }
        let tip = if ends == Ends::Refused {
            'X'
        } else if from < to {
            '>'
        } else {
            '<'
        };
        let (tail, tip_at) = if from < to { (left, right - 1) } else { (right, left + 1) };
        row[tail] = if from < to { '├' } else { '┤' };
        row[tip_at] = tip;
        row.into_iter().collect()
    }

    fn lifelines(&self) -> Vec<char> {
        let mut row = vec![' '; self.width()];
        for n in 0..self.lanes.len() {
            row[place(n)] = '│';
        }
        row
    }

    fn width(&self) -> usize {
        place(self.lanes.len()) + 1
    }
}

const fn place(lane: usize) -> usize {
    MARGIN + lane * APART
}

fn write_at(row: &mut Vec<char>, at: usize, text: &str) {
    for (n, c) in text.chars().enumerate() {
        match row.get_mut(at + n) {
            Some(cell) => *cell = c,
            None => row.push(c),
        }
    }
}

fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut();
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what mermaid takes for something else.
fn plain(text: &str) -> String {
    let safe = |c: char| match c {
        ';' => ',',
        '#' | '%' | '<' | '>' | '{' | '}' | '"' | '`' | '\\' => ' ',
        other => other,
    };
    one_line(&text.chars().map(safe).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_does_not_break_a_diagram() {
        let mut diagram = Diagram::new("Ann; <b>\nparticipant");
        let lane = diagram.lane("Bob #1");
        diagram.message("10:00:00", (lane, SYSTEM), Ends::Asked, "books\n%% it; end");
        diagram.message("10:00:01", (SYSTEM, ASKER), Ends::Refused, "full");
        let expected = "sequenceDiagram\n    participant P0 as Ann, b participant\n    participant P1 as Slotwise\n    \
                        participant P2 as Bob 1\n    P2->>P1: 10:00:00 books it, end\n    P1--xP0: 10:00:01 full\n";
        assert_eq!(diagram.mermaid(), expected);
        let text = diagram.text();
        assert_eq!(text.lines().filter(|line| line.contains('X')).count(), 1, "{text}");
    }

    #[test]
    fn more_people_than_lifelines_share_the_last() {
        let mut diagram = Diagram::new("You");
        let lanes: Vec<usize> = (0..9).map(|n| diagram.lane(&format!("Person {n}"))).collect();
        assert_eq!(lanes, [2, 3, 4, 4, 4, 4, 4, 4, 4]);
        assert!(diagram.mermaid().contains("P4 as Others"));
    }
}
