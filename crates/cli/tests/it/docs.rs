//! Every command of the tutorial and the how-tos, run as it stands there, in order, in a folder of its own, against the real binary.
//! It looks at whether commands succeed and requests are understood; what they answer is tested elsewhere.

use crate::harness::Home;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// What a page takes as given: a server, an admin's key and a member's.
const SERVER: &str = r#"
URL=http://127.0.0.1:8080
KEY=$(slotwise key create --data ./data --person Root --role admin)
ANN=$(slotwise key create --data ./data --person Ann)
slotwise serve --data ./data --port 8080 >serve.log 2>&1 &
SERVER=$!
until curl -sf $URL/readyz >/dev/null; do sleep 0.1; done
fresh() {
  local t r; t=$(printf %012x "$(date +%s%3N)"); r=$(od -An -N10 -tx1 /dev/urandom | tr -d ' \n')
  echo "${t:0:8}-${t:8:4}-7${r:0:3}-8${r:3:3}-${r:6:12}"
}
given() { curl -s "$URL/api/$1" -H "Authorization: Bearer $KEY" -H "Idempotency-Key: $(fresh)" -H 'Content-Type: application/json' -d "$2"; }
"#;

/// Besides: two rooms, and a booking of each.
const BOOKED: &str = r#"
room() { given resources '{"kind": "room", "name": "'"$1"'", "zone": "UTC"}' | jq -er .resource.id; }
ROOM=$(room "Room 101") OTHER_ROOM=$(room "Room 102")
book() { given bookings '{"lines": [{"resource": "'$1'", "start": "'$2'", "end": "'$3'"}]}' | jq -er .booking.id; }
BOOKING=$(book $ROOM 2027-03-01T10:00 2027-03-01T11:00)
OTHER=$(book $OTHER_ROOM 2027-03-01T12:00 2027-03-01T13:00)
"#;

/// Besides: a series of five.
const SERIES: &str = r#"
SERIES=$(given series '{"resource": "'$OTHER_ROOM'", "start": "2027-03-09T15:00", "end": "2027-03-09T16:00",
  "rule": "FREQ=WEEKLY;COUNT=5", "contract": "all_or_nothing"}' | jq -er .series)
BOOKING=$(curl -s "$URL/api/bookings?owner=me&resource=$OTHER_ROOM" -H "Authorization: Bearer $KEY" |
  jq -er '[.items[] | select(.lines[0].start | contains("T15:00"))] | sort_by(.lines[0].start) | .[0].id')
"#;

/// Besides: something is known of the member.
const STUDENT: &str = r#"
PERSON=$(curl -s "$URL/api/me" -H "Authorization: Bearer $ANN" | jq -er .id)
curl -s -X PUT "$URL/api/people/$PERSON/facts" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -H 'If-Match: "0"' \
  -d '{"tags": ["major:cs"]}' | jq -e '.version == 1' >/dev/null
"#;

/// Besides: what the tutorial leaves, if its server were not stopped.
const TUTORIAL: &str = r#"
ADMIN=$KEY BOB=$(slotwise key create --data ./data --person "Bob Diaz")
uuid7() { fresh; }
api() { curl -s -H "Authorization: Bearer $1" -H "Content-Type: application/json" "${@:3}" "$URL$2"; }
DAY=$(date -d "+3 days" +%F)
book $ROOM "${DAY}T10:00" "${DAY}T11:00" >/dev/null
"#;

/// Besides: a refusal, and the server has ended.
const REFUSED: &str = r#"
given bookings '{"lines": [{"resource": "'$ROOM'", "start": "2027-03-01T10:00", "end": "2027-03-01T11:00"}]}' >/dev/null
kill $SERVER; wait $SERVER || true
"#;

/// Besides: a second booking of the room's neighbour, a request that waits, and the member's id.
const ADMIN: &str = r#"
key() { fresh; }
PERSON=$(curl -s "$URL/api/me" -H "Authorization: Bearer $ANN" | jq -er .id)
ID=$PERSON
ASKED=$(given resources '{"kind": "room", "name": "Room 103", "zone": "UTC", "policy": {"approval": true}}' | jq -er .resource.id)
REQUEST=$(curl -s "$URL/api/bookings" -H "Authorization: Bearer $ANN" -H "Idempotency-Key: $(fresh)" -H 'Content-Type: application/json' \
  -d '{"lines": [{"resource": "'$ASKED'", "start": "2027-03-01T10:00", "end": "2027-03-01T11:00"}]}' | jq -er .booking.id)
"#;

/// Besides: somebody was refused, under a key that is known.
const EXPLAINED: &str = r#"
export SLOTWISE_API_KEY=$KEY
THEN=$(date -u +%FT%T.%6NZ)
PERSON=$(curl -s "$URL/api/me" -H "Authorization: Bearer $ANN" | jq -er .id)
ATTEMPT=$(fresh)
curl -s "$URL/api/bookings" -H "Authorization: Bearer $KEY" -H "Idempotency-Key: $ATTEMPT" -H 'Content-Type: application/json' \
  -d '{"lines": [{"resource": "'$ROOM'", "start": "2027-03-01T10:00", "end": "2027-03-01T11:00"}]}' | jq -e '.code == "full"' >/dev/null
"#;

/// Besides: what was booked is signed, which is done each minute and when a server ends.
const SIGNED: &str = r#"
kill $SERVER; wait $SERVER || true
slotwise serve --data ./data --port 8080 >serve.log 2>&1 &
SERVER=$!
until curl -sf $URL/readyz >/dev/null; do sleep 0.1; done
"#;

/// Instead: a data folder that nobody serves.
const FOLDER: &str = r#"
URL=http://127.0.0.1:8080
slotwise key create --data ./data --person Root --role admin >/dev/null
"#;

/// Pages that are read one after another in one shell, and what is so before the first.
const RUN: &[(&[&str], &[&str])] = &[
    (&["tutorial/first-booking"], &[]),
    (&["how-to/find-something-free", "how-to/run-a-waitlist"], &[SERVER, BOOKED, TUTORIAL]),
    (&["how-to/run-a-registration-day"], &[]),
    (&["how-to/set-up-a-term"], &[SERVER, STUDENT]),
    (&["how-to/run-a-studio"], &[SERVER]),
    (&["how-to/run-meeting-rooms"], &[SERVER]),
    (&["how-to/change-bookings"], &[SERVER, BOOKED]),
    (&["how-to/book-a-series"], &[SERVER, BOOKED, SERIES]),
    (&["how-to/export-and-import"], &[SERVER, BOOKED, REFUSED]),
    (&["how-to/override-and-displace", "how-to/keys-and-scopes"], &[SERVER, BOOKED, ADMIN]),
    (&["how-to/explain-a-refusal", "how-to/read-the-record"], &[SERVER, BOOKED, EXPLAINED]),
    (&["how-to/verify-a-data-directory", "how-to/import-people"], &[SERVER, BOOKED, SIGNED]),
    (&["how-to/back-up-and-restore"], &[FOLDER]),
];

/// Pages that are not run, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("tutorial/watch-a-race", "builds the release and opens a browser; the board's own tests run the race"),
    ("how-to/begin-and-invite", "shows commands beside what they answer; the tests of doors ask the same"),
    ("how-to/book-from-a-program", "has no commands"),
    ("how-to/book-a-room", "is done in a browser; its tests do it"),
    ("how-to/join-a-class", "is done in a browser; its tests do it"),
    ("how-to/manage-my-bookings", "is done in a browser; its tests do it"),
    ("how-to/manage-what-is-yours", "is done in a browser; its tests do it"),
    ("how-to/register-for-courses", "is done in a browser; its tests do it"),
    ("how-to/follow-changes", "is a program for Node; the tests of the socket speak the same words"),
    ("how-to/race-a-server", "takes minutes; the tests of the race kit run the commands"),
    ("how-to/run-behind-a-proxy", "needs a proxy"),
    ("how-to/run-for-keeps", "needs a machine of its own"),
    ("how-to/run-on-postgres", "needs a database of its own; the tests of the instances run it"),
    ("how-to/run-on-citus", "needs a cluster"),
    ("how-to/run-several-servers", "needs a database and a proxy; the tests of the instances run two servers"),
    ("how-to/serve-over-tls", "needs certificates and a name"),
    ("how-to/sign-in-with-a-provider", "needs a provider; the tests of doors start one"),
    ("how-to/survive-a-failover", "needs two databases; the tests of databases let one take over"),
    ("how-to/tell-people", "needs somebody who takes letters; the tests of notices have one"),
    ("how-to/test-and-measure", "is about the tests themselves"),
    ("how-to/use-the-console", "is done in a browser; its tests do it"),
];

/// A block of commands, or what a file has: the line it begins on, and its lines.
struct Block {
    line: usize,
    lines: Vec<String>,
    file: Option<String>,
}

/// The blocks of a page that are to be run. `<!-- not run: why -->` before one says that it is not, and `<!-- file: name -->` that it is
/// what a file of that name has.
fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(format!("{DOCS}/{page}.md")).unwrap();
    let (mut blocks, mut open, mut skip, mut after_blank) = (Vec::<Block>::new(), None::<bool>, false, true);
    let mut file = None;
    for (n, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            after_blank = true;
            continue;
        }
        if let Some(name) = line.trim().strip_prefix("<!-- file: ") {
            file = Some(name.trim_end_matches("-->").trim().to_owned());
            (skip, open) = (false, None);
        } else if let Some(rest) = line.trim().strip_prefix("<!-- not run: ") {
            assert!(rest.trim_end_matches("-->").trim().len() > 10, "{page}.md:{}: says why", n + 1);
            (skip, open) = (true, None);
        } else if line.starts_with("    ") && (open.is_some() || after_blank) {
            if open.is_none() {
                open = Some(skip);
                if !skip {
                    blocks.push(Block { line: n + 1, lines: Vec::new(), file: file.take() });
                }
                skip = false;
            }
            if open == Some(false) {
                blocks.last_mut().unwrap().lines.push(line.trim_start_matches("    ").to_owned());
            }
        } else {
            (open, skip) = (None, false);
        }
        // A block may begin right below what is said of it.
        after_blank = line.trim().starts_with("<!-- ");
    }
    blocks
}

/// What bash is told to do: every block stops it if one of its commands fails, and says where.
fn script(pages: &[&str], before: &[&str], port: u16) -> String {
    let mut script = String::from(
        "set -eEuo pipefail\nAT=before\ntrap 'echo \"$AT: $BASH_COMMAND failed\" >&2' ERR\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n",
    );
    before.iter().for_each(|part| script.push_str(part));
    for page in pages {
        for Block { line, lines, file } in blocks(page) {
            let lines: Vec<String> = lines.into_iter().map(served).collect();
            let lines = match file {
                Some(name) => format!("cat >{name} <<'END'\n{}\nEND", lines.join("\n")),
                None => lines.join("\n"),
            };
            write!(script, "\nAT={page}.md:{line}\necho \"ran $AT\" >&2\n{lines}\n").unwrap();
        }
    }
    // Next year stays next year, and nobody else's port is taken.
    let year = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year() + 1;
    let port = port.to_string();
    script.replace("2027-", &format!("{year}-")).replace("8080", &port).replace("8099", &port).replace("/tmp/", "./")
}

/// A server that a page starts and stays with is one that comes up, and is asked to end.
fn served(line: String) -> String {
    const UP: &str = "until curl -sf http://127.0.0.1:8080/readyz >/dev/null; do sleep 0.1; done";
    match line.starts_with("slotwise serve ") && !line.trim_end().ends_with('&') {
        true => format!("{line} >>serve.log 2>&1 & STARTED=$!; {UP}; kill $STARTED; wait $STARTED || true"),
        false => line,
    }
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs pages one after another; how many blocks, and how many requests.
fn run(pages: &[&str], before: &[&str]) -> (usize, usize) {
    let home = Home::over(None);
    let folder = home.file("as-documented");
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::create_dir_all(folder.join("target/release")).unwrap();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_slotwise"));
    for place in ["bin/slotwise", "target/release/slotwise"] {
        symlink(&binary, folder.join(place)).unwrap();
    }
    // Each request's status is noted beside what the page does with the answer.
    let path = std::env::var("PATH").unwrap();
    let curl = path.split(':').map(|p| Path::new(p).join("curl")).find(|p| p.is_file()).expect("curl is installed");
    // Into a file of its own, so that no line of a server's log comes between.
    let requests = folder.join("requests");
    fs::write(&requests, "").unwrap();
    let noted = format!(
        "#!/bin/sh\nexec {} -w '%{{stderr}}@%{{http_code}} %{{url_effective}}\\n' \"$@\" 2>>{}\n",
        curl.display(),
        requests.display()
    );
    executable(&folder.join("bin/curl"), &noted);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fs::write(folder.join("script"), script(pages, before, port)).unwrap();
    let out = Command::new("timeout")
        .args(["-k", "5", "80", "bash", "script"])
        .current_dir(&folder)
        .env("PATH", format!("{}:{path}", folder.join("bin").display()))
        .env_remove("SLOTWISE_DATA")
        .env("SLOTWISE_PORT", port.to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (said, noted) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let noted = format!("{}{noted}", fs::read_to_string(&requests).unwrap());
    assert!(out.status.success(), "{pages:?}\n{noted}\n{said}");
    let requests: Vec<&str> =
        noted.lines().filter_map(|l| l.strip_prefix('@')).filter(|l| !l.ends_with("/readyz")).collect();
    let mut by_status = BTreeMap::<&str, usize>::new();
    for request in &requests {
        let status = &request[..3];
        *by_status.entry(status).or_default() += 1;
        let understood = matches!(status, "200" | "201" | "204" | "403" | "409" | "412");
        assert!(understood, "{pages:?}: {request}\n{noted}\n{said}");
    }
    (noted.lines().filter(|l| l.starts_with("ran ")).count(), requests.len())
}

#[test]
fn the_commands_of_the_docs_are_understood() {
    let done: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let runs: Vec<_> = RUN.iter().map(|(pages, before)| scope.spawn(|| run(pages, before))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for ((pages, _), (blocks, requests)) in RUN.iter().zip(&done) {
        println!("{pages:?}: {blocks} blocks, {requests} requests");
        assert!(*blocks >= 3, "{pages:?} has commands");
    }
    let (blocks, requests) = done.iter().fold((0, 0), |(b, r), (blocks, requests)| (b + blocks, r + requests));
    assert!(blocks >= 60 && requests >= 90, "{blocks} blocks with {requests} requests are what the pages have");
}

#[test]
fn every_page_is_run_or_says_why_not() {
    let mut pages = BTreeSet::new();
    for folder in ["tutorial", "how-to"] {
        for entry in fs::read_dir(format!("{DOCS}/{folder}")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(name) = name.strip_suffix(".md") {
                pages.insert(format!("{folder}/{name}"));
            }
        }
    }
    let run = RUN.iter().flat_map(|(pages, _)| pages.iter().map(|page| (*page).to_owned()));
    let named: Vec<String> = run.chain(NOT_RUN.iter().map(|(page, _)| (*page).to_owned())).collect();
    assert_eq!(named.iter().cloned().collect::<BTreeSet<_>>(), pages);
    assert_eq!(named.len(), pages.len(), "each once");
}
