//! Words as they are looked for: in any case, with or without accents, by their beginnings.
//! It knows no language.

use slotwise_domain::ResourceSpec;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words by which a resource is found: of its name, its building, its equipment and its course. What ends in a number is found by the
/// number too: `B101` by `101`.
pub(super) fn of_resource(spec: &ResourceSpec) -> BTreeSet<String> {
    let course = spec
        .course
        .iter()
        .flat_map(|c| [&c.subject, &c.number, &c.title, &c.section].into_iter().chain(&c.part).chain(&c.instructor));
    let texts = [&spec.name].into_iter().chain(&spec.building).chain(&spec.equipment).chain(course);
    let mut words = BTreeSet::new();
    for word in texts.flat_map(|text| asked(text)) {
        let number = word.find(|c: char| c.is_ascii_digit()).map(|at| word[at..].to_owned());
        words.extend(number);
        words.insert(word);
    }
    words
}

/// The words of a text, in their one form. What holds neither letter nor digit is no word.
pub(super) fn asked(text: &str) -> Vec<String> {
    let folded = folded(text);
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Upper case first: `ß` is `SS` there, and nowhere else.
fn folded(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}
