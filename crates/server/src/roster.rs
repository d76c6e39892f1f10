//! A table of people, as CSV: read whole and checked line by line before anybody is made or changed.
//! It writes nothing; whoever imports gives what it read to the directory.

use slotwise_domain::{Facts, PersonId, Role};
use slotwise_engine::PersonRow;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Errors told of one table; there may be more.
pub const ERRORS_MAX: usize = 100;
/// The columns that are known, in any order; `name` must be there, and `id` or `external_id`.
pub const COLUMNS: [&str; 7] = ["id", "external_id", "name", "title", "email", "role", "tags"];

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {says}")]
pub struct LineError {
    /// In the file, from 1, which is that of the columns' names.
    pub line: u64,
    /// The column's name.
    pub column: String,
    /// What it must be.
    pub says: String,
}

/// The people of a table of at most so many rows, each with its line, or what is wrong with it. `fresh` makes ids for new ones.
pub fn read(csv: &[u8], rows_max: usize, fresh: impl Fn() -> Uuid) -> Result<Vec<(u64, PersonRow)>, Vec<LineError>> {
    let error = |line, column: &str, says: &str| LineError { line, column: column.into(), says: says.into() };
    // Spreadsheets begin a file with this mark.
    let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(delimiter(csv)).from_reader(csv);
    let headers = reader.headers().map_err(|e| vec![error(1, "", &format!("cannot be read: {}", told(&e)))])?;
    let headers: csv::StringRecord = headers.iter().map(str::to_ascii_lowercase).collect();
    let mut errors = Vec::new();
    // Of so many at least one is not known or is there twice.
    for (n, header) in headers.iter().enumerate().take(ERRORS_MAX) {
        if !COLUMNS.contains(&header) {
            errors.push(error(1, header, &format!("is not known here; known are {}", COLUMNS.join(", "))));
        } else if headers.iter().take(n).any(|before| before == header) {
            errors.push(error(1, header, "is there twice"));
        }
    }
    let column = |name: &str| headers.iter().position(|header| header == name);
    if column("name").is_none() {
        errors.push(error(1, "name", "is missing"));
    }
    if column("id").is_none() && column("external_id").is_none() {
        errors.push(error(
            1,
            "external_id",
            "is missing: without it, or an id, importing twice would make everybody twice",
        ));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    // A record of lines that end with both begins, for the reader, at the end of the line before it.
    let line_of = |at: Option<&csv::Position>| {
        at.map_or(0, |at| at.line() + u64::from(usize::try_from(at.byte()).is_ok_and(|n| csv.get(n) == Some(&b'\n'))))
    };
    let (mut people, mut seen) = (Vec::new(), HashMap::new());
    for record in reader.records() {
        if errors.len() >= ERRORS_MAX {
            break;
        }
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                let line = line_of(e.position());
                errors.push(error(line, "", &format!("cannot be read: {}", told(&e))));
                break;
            }
        };
        let line = line_of(record.position());
        if people.len() >= rows_max {
            errors.push(error(line, "", &format!("there are more than {rows_max} rows; import it in parts")));
            break;
        }
        match row(&|name: &str| column(name).and_then(|n| record.get(n)), &fresh) {
            Err((column, says)) => errors.push(error(line, column, &says)),
            Ok(row) => {
                let id = row.id.map(|id| ("id", id.0.to_string()));
                let external = row.external_id.clone().map(|id| ("external_id", id));
                for (column, id) in id.into_iter().chain(external) {
                    if let Some(first) = seen.insert((column, id), line) {
                        errors.push(error(line, column, &format!("is that of line {first} too")));
                    }
                }
                people.push((line, row));
            }
        }
    }
    if errors.is_empty() { Ok(people) } else { Err(errors) }
}

/// What stands between the cells, by the line of the columns' names: where a comma is in numbers, spreadsheets write semicolons, and
/// what is copied out of them has tabs.
pub fn delimiter(csv: &[u8]) -> u8 {
    let names = csv.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    [b',', b';', b'\t'].into_iter().find(|between| names.contains(between)).unwrap_or(b',')
}

fn told(e: &csv::Error) -> String {
    match e.kind() {
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".into(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} cells instead of {expected_len}")
        }
        _ => e.to_string(),
    }
}

/// One row. A cell that is empty says nothing, but for tags and titles: those are none then.
fn row<'c>(
    cell: &impl Fn(&str) -> Option<&'c str>,
    fresh: &impl Fn() -> Uuid,
) -> Result<PersonRow, (&'static str, String)> {
    let said = |name| cell(name).filter(|text| !text.is_empty());
    let text = |name: &'static str, max: usize| match said(name) {
        Some(text) if text.chars().count() > max => Err((name, format!("must have at most {max} characters"))),
        Some(text) if text.chars().any(char::is_control) => Err((name, "must not have control characters".into())),
        text => Ok(text.map(str::to_owned)),
    };
    let id = match said("id").map(Uuid::try_parse) {
        Some(Ok(id)) => Some(PersonId(id)),
        Some(Err(_)) => return Err(("id", "must be a UUID".into())),
        None => None,
    };
    let external_id = text("external_id", 200)?;
    if id.is_none() && external_id.is_none() {
        let says = "is missing: without it, or an id, importing twice would make the person twice";
        return Err(("external_id", says.into()));
    }
    let email = text("email", 254)?;
    if email.as_ref().is_some_and(|email| !is_email(email)) {
        return Err(("email", "must be an address such as ann@example.org".into()));
    }
    let role = match said("role") {
        Some("member") => Some(Role::Member),
        Some("admin") => Some(Role::Admin),
        Some("manager") => Some(Role::Manager),
        Some("auditor") => Some(Role::Auditor),
        Some(_) => return Err(("role", "must be member, manager, auditor or admin".into())),
        None => None,
    };
    let tags: Option<BTreeSet<String>> = cell("tags")
        .map(|tags| tags.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect());
    if let Some(tags) = &tags {
        let facts = Facts { tags: tags.clone(), ..Facts::default() };
        facts.check().map_err(|(_, says)| ("tags", says.to_owned()))?;
    }
    Ok(PersonRow {
        id,
        fresh: PersonId(fresh()),
        external_id,
        name: text("name", 200)?.ok_or_else(|| ("name", "is missing".to_owned()))?,
        title: cell("title").map(|_| text("title", 200)).transpose()?.map(Option::unwrap_or_default),
        email,
        role,
        tags,
    })
}

/// Enough to notice a cell in the wrong column; whether mail arrives is for a mail to say.
fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(csv: &str) -> Vec<String> {
        match read(csv.as_bytes(), 3, Uuid::nil) {
            Ok(people) => people.iter().map(|(line, row)| format!("{line} {}", row.name)).collect(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_table_is_read_or_every_line_of_it_is_told() {
        assert_eq!(told("\u{feff}external_id,name\nA1, Ann \nB2,Bob\n"), ["2 Ann", "3 Bob"]);
        assert_eq!(told("external_id,name\r\nA1,Ann\r\nB2,Bob\r\n"), ["2 Ann", "3 Bob"]);
        assert_eq!(
            told("external_id,name,role,tags\nA1,,,\nB2,Bob,teacher,\nC3,Cat,,a b\n"),
            [
                "line 2, column name: is missing",
                "line 3, column role: must be member, manager, auditor or admin",
                "line 4, column tags: must have 1 to 100 characters each, no spaces, commas and semicolons, and no * at the end",
            ]
        );
        assert_eq!(
            told("external_id,name,email\nA1,Ann,ann\n"),
            ["line 2, column email: must be an address such as ann@example.org"]
        );
        assert_eq!(told("id,name\n7,Ann\n"), ["line 2, column id: must be a UUID"]);
        assert_eq!(told("external_id,name\nA1,Ann\nA1,Bob\n"), ["line 3, column external_id: is that of line 2 too"]);
        assert_eq!(
            told("external_id,name\nA1,Ann,Anna\n"),
            ["line 2, column : cannot be read: it has 3 cells instead of 2"]
        );
        assert_eq!(
            told("external_id,name\n1,A\n2,B\n3,C\n4,D\n"),
            ["line 5, column : there are more than 3 rows; import it in parts"]
        );
    }

    #[test]
    fn columns_must_be_known_and_say_who_is_meant() {
        assert!(told("external_id,name,shoe_size\n")[0].starts_with("line 1, column shoe_size: is not known here"));
        assert_eq!(told("external_id,name,name\n"), ["line 1, column name: is there twice"]);
        assert_eq!(told("name\n").len(), 1);
        assert_eq!(told("external_id\n"), ["line 1, column name: is missing"]);
    }

    #[test]
    fn a_table_is_read_as_spreadsheets_write_it() {
        for table in [
            "External_ID;Name;tags\r\n\"A1\";\"Becker; Ann\";\"a;b\"\r\nB2;Bo, Chen;\r\n",
            "\u{feff}NAME\texternal_id\ttags\nBecker; Ann\tA1\ta;b\nBo, Chen\tB2\t\n",
            "tags,name,external_id\na;b,Becker; Ann,A1\n,\"Bo, Chen\",B2",
        ] {
            let people = read(table.as_bytes(), 9, Uuid::nil).unwrap_or_default();
            let names: Vec<&str> = people.iter().map(|(_, row)| row.name.as_str()).collect();
            assert_eq!(names, ["Becker; Ann", "Bo, Chen"], "{table}");
            assert_eq!(people[0].1.tags, Some(["a", "b"].map(str::to_owned).into()), "{table}");
        }
        let latin1: Vec<u8> = b"external_id,name\nA1,M\xfcller\n".to_vec();
        let errors = read(&latin1, 9, Uuid::nil).unwrap_err();
        assert_eq!(errors[0].to_string(), "line 2, column : cannot be read: it is not UTF-8");
        assert!(told("external_id;name,zodiac\n")[0].contains("external_id;name"), "commas come first");
    }

    #[test]
    fn what_is_not_said_stays_and_tags_are_all_of_them() {
        let read = |csv: &str| read(csv.as_bytes(), 9, Uuid::nil).unwrap_or_default().remove(0).1;
        let ann = read("external_id,name\nA1,Ann\n");
        assert_eq!((ann.title, ann.tags, ann.role, ann.email), (None, None, None, None));
        let ann = read("external_id,name,title,tags\nA1,Ann,,major:cs; passed:MATH20A\n");
        assert_eq!(ann.title.as_deref(), Some(""));
        assert_eq!(ann.tags, Some(["major:cs", "passed:MATH20A"].map(str::to_owned).into()));
    }
}
