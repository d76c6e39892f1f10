//! What a person reads: plain lines, a tick or a cross, headings.
//! It never panics when the reader has gone away, so that clean-up still happens behind a closed terminal.

use std::io::{IsTerminal, Write};

/// One line to standard output.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        // Nobody reads any more. The work and the clean-up go on.
    }
}

/// The heading of a step.
pub fn heading(title: &str) {
    say(&format!("\n{} {title}", paint("1;36", "==>")));
}

/// Something that is as it should be.
pub fn tick(line: &str) {
    say(&format!("  {} {line}", paint("32", "✓")));
}

/// Something that is missing or wrong.
pub fn cross(line: &str) {
    say(&format!("  {} {line}", paint("31", "✗")));
}

/// A remark below a step.
pub fn note(line: &str) {
    say(&format!("    {line}"));
}

/// Why the whole task failed; goes to standard error.
pub fn failure(reason: &str) {
    let mut err = std::io::stderr().lock();
    if writeln!(err, "{} {reason}", paint("1;31", "xtask:")).is_err() {
        // Nobody reads any more.
    }
}

/// May we use colour on standard output?
pub fn colourful() -> bool {
    std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal()
}

/// Takes the colour codes out of a line, so that it can be compared.
pub fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            text.push(c);
            continue;
        }
        for code in chars.by_ref() {
            if code.is_ascii_alphabetic() {
                break;
            }
        }
    }
    text
}

fn paint(code: &str, text: &str) -> String {
    if colourful() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn colour_codes_are_taken_out() {
        assert_eq!(plain("\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s]"), "     Summary [   0.1s]");
    }
}
