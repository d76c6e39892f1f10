//! One page of HTML that needs nothing else: no script, no request, both colour schemes, a table beside every drawing.
//! Whatever came from a server or a file is escaped on its way in.

use super::{latencies, ms, record};
use crate::history::{Call, Heard, History, Number, Outcome};
use crate::play::Played;
use std::collections::{BTreeMap, BTreeSet};

/// Lanes of a drawing; the others share the last one.
const LANES_MAX: usize = 10;
/// Calls of a drawing.
const CALLS_MAX: usize = 40;
/// Events of a drawing.
const EVENTS_MAX: usize = 24;
/// Rows of a table.
const ROWS_MAX: usize = 200;
/// Between two lanes, in pixels.
const LANE: usize = 130;
/// Between two lines, in pixels.
const LINE: usize = 22;

/// Text as HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What no document may hold.
            c if c.is_control() && c != '\n' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(super) fn whole(server: &str, run: &str, said: &str, rounds: &[String]) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Race {run}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Race {run}</h1>\n\
         <p>Server {server}</p>\n<p>{said}</p>\n{rounds}</main>\n</body>\n</html>\n",
        run = escaped(run),
        server = escaped(server),
        said = escaped(said.trim()),
        rounds = rounds.concat()
    )
}

/// A round as a part of the page.
pub(super) fn round(played: &Played, file: Option<&str>) -> String {
    let history = &played.history;
    let about = &history.about;
    let bad = !played.judgement.violations.is_empty();
    let (class, word) = if bad { ("bad", "violated") } else { ("good", "held") };
    let mut page = String::new();
    let mut put = |text: String| page.push_str(&text);
    put(format!(
        "<section>\n<h2>{}: <span class=\"{class}\">{word}</span></h2>\n<p>{}</p>\n\
         <p class=\"faint\">Round {}, seed {}, {:.1} s, {} calls, {} views, {} events.{}</p>\n",
        escaped(&about.scenario),
        escaped(&played.scenario.says),
        about.round,
        about.seed,
        played.took.as_secs_f64(),
        history.calls.iter().filter(|c| !c.after).count(),
        history.views.len(),
        history.heard.iter().filter(|h| !h.record).count(),
        file.map(|f| format!(" History: <code>{}</code>.", escaped(f))).unwrap_or_default()
    ));
    for violation in &played.judgement.violations {
        let records: String =
            violation.witness.iter().map(|n| format!("<li>{}</li>\n", escaped(&record(history, *n)))).collect();
        put(format!(
            "<div class=\"violation\" role=\"note\">\n<h3>{} {}</h3>\n<p>{}</p>\n<p>The fewest records that show it:</p>\n\
             <ol>\n{records}</ol>\n</div>\n",
            escaped(violation.invariant),
            escaped(violation.title),
            escaped(&violation.says)
        ));
    }
    put(latency_table(history));
    let witness: BTreeSet<Number> =
        played.judgement.violations.iter().flat_map(|v| v.witness.iter().copied()).collect();
    put(diagram(history, &witness));
    put(calls_table(history, &witness));
    let compared: String = played
        .judgement
        .compared
        .iter()
        .map(|(rule, n)| format!("<tr><td>{}</td><td class=\"number\">{n}</td></tr>\n", escaped(rule)))
        .collect();
    put(format!(
        "<details>\n<summary>What was compared, and how often</summary>\n<table>\n<tr><th>Rule</th><th class=\"number\">Times</th>\
         </tr>\n{compared}</table>\n"
    ));
    for left_out in &played.judgement.left_out {
        put(format!("<p class=\"faint\">{}</p>\n", escaped(left_out)));
    }
    put("</details>\n</section>\n".into());
    page
}

fn latency_table(history: &History) -> String {
    let rows: String = latencies(history)
        .iter()
        .map(|l| {
            format!(
                "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{}</td></tr>\n",
                escaped(&l.told),
                l.count,
                ms(l.p50_us),
                ms(l.p99_us),
                ms(l.max_us)
            )
        })
        .collect();
    format!(
        "<h3>How long it took, by outcome</h3>\n<div class=\"scroll\" tabindex=\"0\"><table>\n<tr><th>Outcome</th><th class=\"number\">Calls</th>\
         <th class=\"number\">Half within</th><th class=\"number\">99 of 100 within</th><th class=\"number\">All within</th>\
          </tr>\n{rows}</table></div>\n"
    )
}

const fn class(call: &Call) -> &'static str {
    match &call.answer {
        Some(answer) => match answer.outcome {
            Some(Outcome::Booked | Outcome::Accepted) => "good",
            Some(Outcome::Rejected) => "bad",
            Some(Outcome::Failed) | None => "other",
        },
        None => "other",
    }
}

/// The calls worth drawing: what shows a violation, what changed something, then the first of the others.
fn drawn<'h>(history: &'h History, witness: &BTreeSet<Number>) -> Vec<&'h Call> {
    let mut calls: Vec<&Call> = history.calls.iter().filter(|c| !c.after || witness.contains(&c.n)).collect();
    let rank = |c: &Call| match (witness.contains(&c.n), class(c)) {
        (true, _) => 0,
        (false, "good") => 1,
        (false, _) => 2,
    };
    calls.sort_by_key(|c| (rank(c), c.sent));
    calls.truncate(CALLS_MAX);
    calls.sort_by_key(|c| (c.sent, c.n));
    calls
}

/// Who asked when, and what came back when: time goes down, not to scale, each moment a line.
fn diagram(history: &History, witness: &BTreeSet<Number>) -> String {
    let calls = drawn(history, witness);
    if calls.is_empty() {
        return String::new();
    }
    let mut lanes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut names: Vec<&str> = Vec::new();
    for call in &calls {
        if !lanes.contains_key(call.actor.as_str()) {
            let lane = names.len().min(LANES_MAX);
            lanes.insert(&call.actor, lane);
            if lane < LANES_MAX {
                names.push(&call.actor);
            }
        }
    }
    let shared = lanes.len() > LANES_MAX;
    let count = names.len() + usize::from(shared);
    let server = 70 + count * LANE + 60;
    let events = told(history, &lanes, witness);
    // Each moment has a line of its own: what was sent, what was answered, what a socket heard.
    let mut moments: Vec<(i64, Number, Moment<'_>)> = Vec::new();
    for call in &calls {
        moments.push((call.sent, call.n, Moment::Sent(call)));
        moments.extend(call.answered.map(|at| (at, call.n, Moment::Answered(call))));
    }
    moments.extend(events.into_iter().map(|h| (h.at, h.n, Moment::Heard(h))));
    moments.sort_by_key(|(at, n, _)| (*at, *n));
    let height = 60 + moments.len() * LINE;
    let mut svg = format!(
        "<h3>Sequence</h3>\n<div class=\"scroll\" tabindex=\"0\">\
         <svg role=\"img\" width=\"{w}\" height=\"{height}\" viewBox=\"0 0 {w} {height}\">\
         <title>Who asked when, and what was answered; the table below says the same</title>\n",
        w = server + 330
    );
    let mut put = |text: String| svg.push_str(&text);
    let x = |lane: usize| 70 + lane * LANE + 30;
    for (lane, name) in names.iter().copied().chain(shared.then_some("others")).enumerate() {
        put(format!(
            "<text x=\"{0}\" y=\"20\" text-anchor=\"middle\">{1}</text><line class=\"lane\" x1=\"{0}\" y1=\"30\" x2=\"{0}\" y2=\"{height}\"/>\n",
            x(lane),
            escaped(&short(name))
        ));
    }
    put(format!(
        "<text x=\"{server}\" y=\"20\" text-anchor=\"middle\">server</text>\
         <line class=\"lane\" x1=\"{server}\" y1=\"30\" x2=\"{server}\" y2=\"{height}\"/>\n"
    ));
    for (row, (at, n, moment)) in moments.iter().enumerate() {
        let y = 50 + row * LINE;
        let shown = if witness.contains(n) { " shown" } else { "" };
        let actor = match moment {
            Moment::Sent(call) | Moment::Answered(call) => &call.actor,
            Moment::Heard(heard) => &heard.actor,
        };
        let from = x(lanes.get(actor.as_str()).copied().unwrap_or(0));
        let (class, label) = match moment {
            Moment::Sent(call) => ("ask", format!("{} {}", call.actor, call.what.word())),
            Moment::Answered(call) => (class(call), call.told()),
            Moment::Heard(heard) => ("heard", format!("{} hears {}", heard.actor, heard.event)),
        };
        let (dots, end) = match moment {
            Moment::Sent(_) => ("", server),
            Moment::Answered(_) => (" stroke-dasharray=\"4 3\"", from),
            Moment::Heard(_) => (" stroke-dasharray=\"1 4\"", from),
        };
        put(format!("<text x=\"4\" y=\"{}\">{}</text>", y + 4, ms(*at)));
        put(format!("<line class=\"{class}\" x1=\"{from}\" y1=\"{y}\" x2=\"{server}\" y2=\"{y}\"{dots}/>"));
        put(format!("<circle class=\"{class}\" cx=\"{end}\" cy=\"{y}\" r=\"4\"/>"));
        put(format!(
            "<text class=\"{class}{shown}\" x=\"{}\" y=\"{}\">#{n} {}</text>\n",
            server + 8,
            y + 4,
            escaped(&label)
        ));
    }
    let left = history.calls.iter().filter(|c| !c.after).count().saturating_sub(calls.len());
    let note =
        if left == 0 { String::new() } else { format!("<p class=\"faint\">{left} more calls are not drawn.</p>\n") };
    svg.push_str(&format!("</svg></div>\n{note}"));
    svg
}

/// A moment of a drawing.
enum Moment<'h> {
    Sent(&'h Call),
    Answered(&'h Call),
    Heard(&'h Heard),
}

/// What sockets of those who are drawn heard: what shows a violation, then the first of the others.
fn told<'h>(history: &'h History, lanes: &BTreeMap<&str, usize>, witness: &BTreeSet<Number>) -> Vec<&'h Heard> {
    let drawn = |h: &&Heard| !h.record && lanes.get(h.actor.as_str()).is_some_and(|lane| *lane < LANES_MAX);
    let mut heard: Vec<&Heard> = history.heard.iter().filter(drawn).collect();
    heard.sort_by_key(|h| (!witness.contains(&h.n), h.at));
    heard.truncate(EVENTS_MAX);
    heard
}

fn short(name: &str) -> String {
    match name.chars().count() > 18 {
        true => name.chars().take(17).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

fn calls_table(history: &History, witness: &BTreeSet<Number>) -> String {
    let mut calls: Vec<&Call> = history.calls.iter().filter(|c| !c.after || witness.contains(&c.n)).collect();
    calls.sort_by_key(|c| (!witness.contains(&c.n), c.sent));
    let left = calls.len().saturating_sub(ROWS_MAX);
    calls.truncate(ROWS_MAX);
    calls.sort_by_key(|c| (c.sent, c.n));
    let rows: String = calls
        .iter()
        .map(|c| {
            format!(
                "<tr><td class=\"number\">#{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td><td>{}</td>\
                 <td class=\"{}\">{}</td></tr>\n",
                c.n,
                ms(c.sent),
                c.answered.map_or_else(|| "–".to_owned(), ms),
                escaped(&c.actor),
                c.what.word(),
                class(c),
                escaped(&c.told())
            )
        })
        .collect();
    let note =
        if left == 0 { String::new() } else { format!("<p class=\"faint\">{left} more are in the history.</p>\n") };
    format!(
        "<details>\n<summary>Calls as a table</summary>\n<div class=\"scroll\" tabindex=\"0\"><table>\n<tr>\
         <th class=\"number\">Record</th><th class=\"number\">Sent</th>\
         <th class=\"number\">Answered</th><th>Who</th><th>What</th><th>Told</th></tr>\n{rows}</table></div>\n{note}</details>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{escaped, whole};

    #[test]
    fn what_came_from_elsewhere_is_text() {
        assert_eq!(escaped("<script>\"&'\u{0}"), "&lt;script&gt;&quot;&amp;&#39;\u{fffd}");
        let page = whole("http://x/<b>", "r1", "ok", &[]);
        assert!(!page.contains("<b>") && !page.contains("src=") && !page.contains("href="));
    }
}
