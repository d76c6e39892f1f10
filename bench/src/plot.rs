//! Bar charts as small SVG files, written by hand: readable on light and on dark ground, on paper and by a screen reader.
//! It draws medians and the span of the rounds, and nothing that is not in the results.

use crate::results::{Row, Whose};
use std::fmt::{self, Write};

const WIDTH: f64 = 960.0;
/// Room for the longest name there is, in twelve-pixel letters.
const LABELS: f64 = 520.0;
const BAR: f64 = 18.0;
const STEP: f64 = 28.0;
const TOP: f64 = 46.0;
/// What is left for the figure behind the longest bar.
const FIGURE: f64 = 90.0;

/// The chart of rows with one unit, in their order.
pub fn bars(title: &str, unit: &str, rows: &[&Row]) -> Result<String, fmt::Error> {
    let most = rows.iter().map(|row| highest(row)).fold(0.0, f64::max);
    let scale = if most > 0.0 { (WIDTH - LABELS - FIGURE) / most } else { 0.0 };
    let height = TOP + STEP * rows.len() as f64 + 12.0;
    let mut svg = String::new();
    let text = rows.iter().map(|row| format!("{}: {}", row.name, figure(row.median())));
    let text = text.collect::<Vec<_>>().join("; ");
    write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d">
<title id="t">{}</title><desc id="d">{}</desc>
<style>
svg{{background:#fff;font:12px system-ui,sans-serif;--ink:#1b1f24;--soft:#59636e;--ours:#0b66c3;--peer:#8a939d;--scaled:#c9ced4}}
@media(prefers-color-scheme:dark){{svg{{background:#14181d;--ink:#e8ebee;--soft:#a4adb7;--ours:#5cabff;--peer:#77818c;--scaled:#4a525b}}}}
text{{fill:var(--ink)}}.soft{{fill:var(--soft)}}.ours{{fill:var(--ours)}}.peer{{fill:var(--peer)}}.scaled{{fill:var(--scaled)}}
line{{stroke:var(--ink);stroke-width:1.5}}
</style>
<text x="12" y="22" font-weight="600">{}</text><text x="{}" y="22" text-anchor="end" class="soft">{}</text>
"#,
        escaped(title),
        escaped(&text),
        escaped(title),
        WIDTH - 12.0,
        escaped(&format!("{unit}; bar: median, line: lowest to highest round")),
    )?;
    for (n, row) in rows.iter().enumerate() {
        svg.push_str(&bar(row, TOP + STEP * n as f64, scale));
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn bar(row: &Row, y: f64, scale: f64) -> String {
    let (median, lowest, highest) = (row.median(), lowest(row), highest(row));
    let class = match row.whose {
        Whose::Ours => "ours",
        Whose::Peer => "peer",
        Whose::Scaled => "scaled",
    };
    let middle = y + BAR / 2.0;
    let span = if highest > lowest {
        let (from, to) = (LABELS + lowest * scale, LABELS + highest * scale);
        format!(r#"<line x1="{from:.1}" y1="{middle}" x2="{to:.1}" y2="{middle}"/>"#)
    } else {
        String::new()
    };
    format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
         <rect class=\"{class}\" x=\"{LABELS}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>{span}\
         <text x=\"{:.1}\" y=\"{}\">{}</text>\n",
        LABELS - 8.0,
        middle + 4.5,
        escaped(&row.name),
        (median * scale).max(1.0),
        LABELS + highest.max(median) * scale + 8.0,
        middle + 4.5,
        figure(median),
    )
}

fn lowest(row: &Row) -> f64 {
    row.values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn highest(row: &Row) -> f64 {
    row.values.iter().copied().fold(0.0, f64::max)
}

/// A figure with as many digits as mean something: 1,234,567 and 12.3 and 0.045.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (n, digit) in digits.chars().enumerate() {
                if n > 0 && (digits.len() - n).is_multiple_of(3) && grouped != "-" {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        0.0 => "0".into(),
        _ => format!("{value:.3}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_and_short() {
        let told = [1_234_567.8, 100.0, 12.34, 1.234, 0.0451, 0.0].map(figure);
        assert_eq!(told, ["1,234,568", "100", "12.3", "1.23", "0.045", "0"]);
    }

    #[test]
    fn a_chart_holds_every_row_and_no_raw_markup() {
        let row = |name: &str, values: &[f64], whose| Row {
            name: name.into(),
            values: values.to_vec(),
            whose,
            ..Row::default()
        };
        let (ours, peer) = (row("a < b", &[1.0, 3.0, 2.0], Whose::Ours), row("peer", &[4.0], Whose::Peer));
        let svg = bars("x & y", "a second", &[&ours, &peer]).unwrap();
        assert!(svg.contains("a &lt; b") && svg.contains("x &amp; y") && svg.contains("class=\"peer\""));
        assert_eq!(svg.matches("<rect").count(), 2);
        assert_eq!(svg.matches("<line ").count(), 1, "a span only where rounds differ");
    }
}
