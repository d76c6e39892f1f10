//! House rules that a compiler does not hold: the arrows between crates, what the domain may name, what may be committed.
//! It never looks outside this repository and never mends anything: it says file, line and rule.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

/// Our crates: the folder, the package, and which of our packages it may depend on, tests included.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("crates/domain", "slotwise-domain", &[]),
    ("crates/engine", "slotwise-engine", &["slotwise-domain"]),
    ("crates/store", "slotwise-store", &["slotwise-engine", "slotwise-domain"]),
    ("crates/server", "slotwise-server", &["slotwise-engine", "slotwise-domain"]),
    ("crates/sim", "slotwise-sim", &["slotwise-engine", "slotwise-domain"]),
    ("crates/race", "slotwise-race", &[]),
    ("crates/cli", "slotwise-cli", ALL_BELOW_CLI),
    ("bench", "slotwise-bench", ALL_BELOW_BENCH),
    ("xtask", "xtask", &[]),
];
const ALL_BELOW_CLI: &[&str] =
    &["slotwise-domain", "slotwise-engine", "slotwise-store", "slotwise-server", "slotwise-sim", "slotwise-race"];
const ALL_BELOW_BENCH: &[&str] = &[
    "slotwise-domain",
    "slotwise-engine",
    "slotwise-store",
    "slotwise-server",
    "slotwise-sim",
    "slotwise-race",
    "slotwise-cli",
];

/// What the domain may depend on from outside; for its tests there is proptest besides.
const DOMAIN_MAY_USE: &[&str] = &["imbl", "jiff", "sha2", "thiserror", "uuid"];
const DOMAIN_TESTS_MAY_USE: &[&str] = &["proptest"];

/// Words that a crate must not name, neither in its manifest nor in its code; comments may.
const UNSPEAKABLE: &[(&str, &[&str], &str)] = &[
    (
        "crates/domain",
        &[
            "SystemTime::now",
            "Instant::now",
            "Timestamp::now",
            "Zoned::now",
            "now_v7",
            "new_v4",
            "rand",
            "getrandom",
            "HashMap",
            "HashSet",
            "tokio",
            "serde",
            "async",
        ],
        "the domain is pure: time, ids and chance are arguments, and every order is the same on every machine",
    ),
    (
        "crates/engine",
        &["rusqlite", "postgres", "tokio_postgres", "deadpool_postgres", "sqlx", "axum", "hyper", "tower_http"],
        "the engine knows neither a database nor HTTP",
    ),
    (
        "crates/server",
        &["rusqlite", "postgres", "tokio_postgres", "deadpool_postgres", "sqlx", "slotwise_store"],
        "the server does not know a store",
    ),
];

/// The longest line of Rust that we read without scrolling.
const LINE_LENGTH_MAX: usize = 160;

/// The beginnings of paths that exist on one machine only; put together so that this file may name them.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// The data that ships: each file with the notice that must lie beside it and the words the README must have.
const DEMO_DATA: &[(&str, &str, &str)] = &[(
    "ucsd_schedule_FA25.tsv.gz",
    "UCSD-Historical-Enrollment-Data-UCSDHistEnrollData.txt",
    "UCSD-Historical-Enrollment-Data/UCSDHistEnrollData",
)];

#[test]
fn crates_depend_only_along_the_arrows() {
    let mut complaints = Vec::new();
    for (folder, manifest) in manifests() {
        let Some((_, package, allowed)) = ARROWS.iter().find(|(known, ..)| *known == folder) else {
            complaints.push(format!("{folder}: a new crate; say in ARROWS what it may depend on"));
            continue;
        };
        if package_name(&manifest) != Some(package) {
            complaints.push(format!("{folder}: the package must be called {package}"));
        }
        for (kind, name) in dependencies(&manifest) {
            if (name.starts_with("slotwise") || name == "xtask") && !allowed.contains(&name.as_str()) {
                complaints.push(format!("{folder}: [{kind}] must not name {name}; allowed: {allowed:?}"));
            }
        }
    }
    report(complaints);
}

#[test]
fn the_six_crates_are_there() {
    let folders: Vec<String> = manifests().into_iter().map(|(folder, _)| folder).collect();
    let missing = ["domain", "engine", "store", "server", "race", "cli"].map(|name| format!("crates/{name}"));
    report(missing.into_iter().filter(|folder| !folders.contains(folder)).map(|folder| format!("{folder} is missing")));
}

#[test]
fn the_domain_uses_only_what_is_allowed() {
    let mut complaints = Vec::new();
    for (folder, manifest) in manifests().into_iter().filter(|(folder, _)| folder == "crates/domain") {
        for (kind, name) in dependencies(&manifest) {
            let in_tests = kind == "dev-dependencies" && DOMAIN_TESTS_MAY_USE.contains(&name.as_str());
            if !in_tests && !DOMAIN_MAY_USE.contains(&name.as_str()) {
                complaints.push(format!("{folder}: [{kind}] must not name {name}; allowed: {DOMAIN_MAY_USE:?}"));
            }
        }
    }
    report(complaints);
}

#[test]
fn bugs_are_planted_in_no_ordinary_build() {
    let mut complaints = Vec::new();
    for (folder, manifest) in manifests() {
        let features = manifest.get("features").and_then(Value::as_table);
        let planted = features.and_then(|features| features.get("planted")).map(ToString::to_string);
        let expected = match folder.as_str() {
            "crates/domain" => Some("[]".to_owned()),
            "crates/cli" | "crates/sim" => Some("[\"slotwise-domain/planted\"]".to_owned()),
            _ => None,
        };
        if planted != expected {
            complaints
                .push(format!("{folder}/Cargo.toml: the feature planted must be {expected:?}, and is {planted:?}"));
        }
        let mut others = manifest.clone();
        if let Some(Value::Table(features)) = others.get_mut("features") {
            features.remove("planted");
        }
        // The test that needs it says so.
        others.remove("test");
        if others.to_string().contains("planted") {
            complaints.push(format!("{folder}/Cargo.toml: something else asks for the feature planted"));
        }
    }
    report(complaints);
}

#[test]
fn crates_do_not_name_what_is_not_theirs() {
    let mut complaints = Vec::new();
    let manifests = manifests();
    for (folder, words, reason) in UNSPEAKABLE {
        for (_, manifest) in manifests.iter().filter(|(known, _)| known == folder) {
            for (kind, name) in dependencies(manifest) {
                if words.contains(&name.replace('-', "_").as_str()) {
                    complaints.push(format!("{folder}/Cargo.toml: [{kind}] names {name}: {reason}"));
                }
            }
        }
        for file in rust_files().filter(|file| file.starts_with(folder)) {
            for (number, line) in code_lines(&read(&file)) {
                for word in words.iter().filter(|word| names(&line, word)) {
                    complaints.push(format!("{}:{number}: names {word}: {reason}", file.display()));
                }
            }
        }
    }
    report(complaints);
}

#[test]
fn every_manifest_takes_the_lints_of_the_workspace() {
    let lints = |manifest: &Table| manifest.get("lints")?.get("workspace")?.as_bool();
    let careless = manifests().into_iter().filter(|(_, manifest)| lints(manifest) != Some(true));
    report(careless.map(|(folder, _)| format!("{folder}/Cargo.toml: wants `[lints] workspace = true`")));
}

#[test]
fn every_file_says_what_it_is_for_and_what_it_never_does() {
    let ours = rust_files()
        .filter(|file| file.starts_with("crates") || file.starts_with("xtask") || file.starts_with("bench"));
    let silent = ours.filter(|file| read(file).lines().take_while(|line| line.starts_with("//! ")).count() < 2);
    report(silent.map(|file| format!("{}: begins with fewer than two `//!` lines", file.display())));
}

#[test]
fn no_line_is_too_long() {
    let mut complaints = Vec::new();
    for file in rust_files() {
        for (index, line) in read(&file).lines().enumerate() {
            let length = line.chars().count();
            // Raw strings hold samples of data, which have the length they have.
            if length > LINE_LENGTH_MAX && !line.trim_start().starts_with("r#\"") {
                complaints.push(format!("{}:{}: {length} characters", file.display(), index + 1));
            }
        }
    }
    report(complaints);
}

#[test]
fn nothing_tells_of_the_machine_it_was_written_on() {
    let mut complaints = Vec::new();
    for file in files() {
        for (index, line) in read(&file).lines().enumerate() {
            for path in MACHINE_PATHS.iter().filter(|path| has_path(line, path)) {
                complaints.push(format!("{}:{}: a path of one machine ({path})", file.display(), index + 1));
            }
        }
    }
    report(complaints);
}

#[test]
fn lock_files_name_no_machine_s_registry() {
    let mut complaints = Vec::new();
    for file in files() {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        for (index, line) in read(&file).lines().enumerate() {
            let npm = name == "package-lock.json" && line.trim_start().starts_with("\"resolved\": \"http");
            let public = "\"registry+https://github.com/rust-lang/crates.io-index\"";
            let cargo = name == "Cargo.lock" && line.starts_with("source = ") && !line.ends_with(public);
            if npm || cargo {
                complaints.push(format!("{}:{}: {}", file.display(), index + 1, line.trim()));
            }
        }
    }
    report(complaints);
}

#[test]
fn nothing_built_is_committed() {
    let built = ["web/dist", "web/node_modules", "target", "artefacts"];
    let committed = files().into_iter().filter(|file| built.iter().any(|folder| file.starts_with(folder)));
    let mut complaints: Vec<String> =
        committed.map(|file| format!("{}: is built, not written", file.display())).collect();
    let ignored = read(Path::new(".gitignore"));
    for folder in built {
        if !ignored.lines().any(|line| line.trim_matches('/') == folder) {
            complaints.push(format!(".gitignore: does not name {folder}"));
        }
    }
    report(complaints);
}

#[test]
fn demo_data_ships_with_its_notices() {
    let mut complaints = Vec::new();
    let readme = read(Path::new("demo-data/README.md"));
    for file in files().into_iter().filter(|file| file.starts_with("demo-data")) {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let known = name == "README.md" || DEMO_DATA.iter().any(|(data, notice, _)| [*data, *notice].contains(&name));
        if !known {
            complaints.push(format!("{}: may it ship? If so, say in DEMO_DATA under which notice", file.display()));
        }
    }
    for (data, notice, source) in DEMO_DATA {
        for file in [data, notice] {
            if !root().join("demo-data").join(file).is_file() {
                complaints.push(format!("demo-data/{file} is missing"));
            }
            if !readme.contains(file) {
                complaints.push(format!("demo-data/README.md: does not name {file}"));
            }
        }
        if !readme.contains(source) {
            complaints.push(format!("demo-data/README.md: does not name the source {source}"));
        }
    }
    report(complaints);
}

#[test]
fn the_rules_see_what_they_should() {
    let manifest: Table = toml::from_str(
        "[dependencies]\na.workspace = true\nb = { package = \"slotwise-store\", path = \"x\" }\n\
         [target.'cfg(unix)'.dev-dependencies]\nc = \"1\"\n[build-dependencies]\nd = \"1\"\n",
    )
    .expect("a manifest");
    let mut found = dependencies(&manifest);
    found.sort();
    let expected = [("build-dependencies", "d"), ("dependencies", "a"), ("dependencies", "slotwise-store")];
    let expected = expected.into_iter().chain([("dev-dependencies", "c")]);
    assert_eq!(found, expected.map(|(kind, name)| (kind.to_owned(), name.to_owned())).collect::<Vec<_>>());

    assert!(names("let t = Instant::now();", "Instant::now"));
    assert!(names("use rand::Rng;", "rand"));
    assert!(!names("let operand = brand_new();", "rand"));
    assert!(
        code_lines("// HashMap\n/// HashMap\nlet x = 1; // HashMap\n").iter().all(|(_, line)| !names(line, "HashMap"))
    );
    assert!(names(&code_lines("let url = \"http://x\"; HashMap::new()")[0].1, "HashMap"));

    assert!(has_path(concat!("see /ho", "me/ann/x"), MACHINE_PATHS[2]));
    assert!(has_path(concat!("\"/wo", "rk/x\""), MACHINE_PATHS[0]));
    assert!(!has_path(concat!("https://example.org/wo", "rk/x"), MACHINE_PATHS[0]));
    assert!(!has_path(concat!("docs/wo", "rk/x"), MACHINE_PATHS[0]));
}

/// Fails with one line per complaint.
fn report(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n\n  {}\n", complaints.join("\n  "));
}

fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().expect("xtask lies in the repository").to_path_buf()
}

/// Every manifest of ours, with its folder.
fn manifests() -> Vec<(String, Table)> {
    let mut folders: Vec<PathBuf> = vec!["xtask".into(), "bench".into()];
    for entry in fs::read_dir(root().join("crates")).expect("the folder crates") {
        folders.push(Path::new("crates").join(entry.expect("an entry of crates").file_name()));
    }
    folders.retain(|folder| root().join(folder).join("Cargo.toml").is_file());
    folders.sort();
    let parse = |folder: PathBuf| {
        let text = read(&folder.join("Cargo.toml"));
        let table = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        (folder.to_str().expect("a plain name").to_owned(), table)
    };
    folders.into_iter().map(parse).collect()
}

fn package_name(manifest: &Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

/// All dependencies of a manifest, as (table, package), those for one system only included.
fn dependencies(manifest: &Table) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.values()).filter_map(Value::as_table);
    for table in std::iter::once(manifest).chain(targets) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (key, value) in table.get(kind).and_then(Value::as_table).into_iter().flatten() {
                let renamed = value.get("package").and_then(Value::as_str);
                found.push((kind.to_owned(), renamed.unwrap_or(key).to_owned()));
            }
        }
    }
    found
}

/// What is committed or would be, relative to the root: git says so, and without git what is not ignored by name.
fn files() -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root()).args(["-c", "safe.directory=*", "ls-files", "-z"]);
    git.args(["--cached", "--others", "--exclude-standard"]);
    let mut files = match git.output() {
        Ok(listing) if listing.status.success() => {
            let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
            listing.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect()
        }
        _ => {
            let mut files = Vec::new();
            walk(Path::new(""), &mut files);
            files
        }
    };
    files.retain(|file: &PathBuf| root().join(file).is_file());
    assert!(!files.is_empty(), "this repository has no files");
    files.sort();
    files.dedup();
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let left_out = [".git", "target", "node_modules", "dist", "artefacts", "test-results"];
    for entry in fs::read_dir(root().join(folder)).expect("a folder").flatten() {
        let path = folder.join(entry.file_name());
        if root().join(&path).is_file() {
            files.push(path);
        } else if !left_out.iter().any(|name| path.ends_with(name)) {
            walk(&path, files);
        }
    }
}

fn rust_files() -> impl Iterator<Item = PathBuf> {
    files().into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
}

/// The text of a file; one that is no text is empty.
fn read(file: &Path) -> String {
    fs::read(root().join(file)).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// The lines of a Rust file with their numbers, without what follows `//`, unless that is part of an address.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':')).map(|(at, _)| at);
        lines.push((index + 1, line[..comment.unwrap_or(line.len())].to_owned()));
    }
    lines
}

/// Does the line name the word as a word of its own?
fn names(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word)
        .any(|(at, _)| !part(line[..at].chars().next_back()) && !part(line[at + word.len()..].chars().next()))
}

/// Does the line hold a path that begins like this at its root?
fn has_path(line: &str, path: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "_-.~/:$})".contains(c);
    line.match_indices(path).any(|(at, _)| !line[..at].chars().next_back().is_some_and(inside))
}
