//! `slotwise verify`: looks at all of a data directory or a database and says what is wrong, beside a running server or without one.
//! It writes nothing but what it says.

use crate::config::Secret;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use slotwise_engine::Clock;
use slotwise_store::embedded::{Finding, Verified, Wanted, examine, unhex};
use slotwise_store::{SystemClock, postgres};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// `slotwise verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// The folder that holds everything.
    #[arg(value_name = "DIR", required_unless_present = "store")]
    dir: Option<PathBuf>,
    /// The PostgreSQL database that holds everything, if no folder is said.
    #[arg(long, env = "SLOTWISE_STORE", value_name = "URL", hide_env_values = true)]
    store: Option<Secret>,
    /// A file with signed checkpoints, one a line, best one that was kept elsewhere; those kept with the data if left out.
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// The public key that checkpoints must be signed with: 64 hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    public_key: Option<PublicKey>,
    /// Say it as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone)]
struct PublicKey([u8; 32]);

fn public_key(text: &str) -> Result<PublicKey, String> {
    unhex(text).map(PublicKey).ok_or_else(|| "a public key is 64 hexadecimal digits".into())
}

const CLEAN: u8 = 0;
const BROKEN: u8 = 1;
const UNREADABLE: u8 = 2;

/// Runs `slotwise verify`: 0 if all is as it was written, 1 if not, 2 if it could not be read.
pub fn run(args: VerifyArgs) -> ExitCode {
    // To standard error, and only if somebody looks at it.
    let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new(0) };
    let style = ProgressStyle::with_template("{pos} of {len} commits {wide_bar} {elapsed}");
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut progress = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let wanted = Wanted {
        checkpoints: args.checkpoints,
        public_key: args.public_key.map(|key| key.0),
        now: Some(SystemClock.now()),
        progress: Some(&mut progress),
    };
    let (place, examined) = match (&args.dir, &args.store) {
        (Some(dir), _) => (dir.display().to_string(), examine(dir, wanted).map_err(|e| e.to_string())),
        // The URL may have a password in it: it is not repeated.
        (None, Some(Secret(url))) => {
            ("the database".to_owned(), postgres::examine(url, postgres::PART, wanted).map_err(|e| e.to_string()))
        }
        (None, None) => (String::new(), Err("say what to look at: a folder, or --store URL".into())),
    };
    bar.finish_and_clear();
    let (code, said) = match &examined {
        Ok(verified) => {
            let code = if verified.findings.is_empty() { CLEAN } else { BROKEN };
            (code, if args.json { as_json(verified).to_string() + "\n" } else { as_text(verified) })
        }
        Err(e) if args.json => (UNREADABLE, json!({ "error": e }).to_string() + "\n"),
        Err(e) => {
            drop(writeln!(std::io::stderr(), "slotwise: {place} could not be verified: {e}"));
            (UNREADABLE, String::new())
        }
    };
    // Nobody may be reading; the exit code says it too.
    drop(std::io::stdout().write_all(said.as_bytes()));
    ExitCode::from(code)
}

fn as_text(v: &Verified) -> String {
    let mut text = String::new();
    let mut say = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    say(format!(
        "{} commits with {} attempts, {} versions of {} resources, {} rows of its tables.",
        v.commits, v.attempts, v.records, v.resources, v.rows
    ));
    if v.running {
        say("A server has it open; this is what it held a moment ago.".into());
    }
    match v.checkpoints.as_ref().map(|c| (c, &c.latest)) {
        Some((c, Some(latest))) => {
            say(format!(
                "Up to commit {} nothing was cut off: {} checkpoints hold, the latest of {}, signed with {}.",
                latest.commit,
                c.held,
                latest.made_at,
                hex(&latest.public_key)
            ));
            if !c.key_given {
                say("That key came with the checkpoints; give --public-key to know that it is yours.".into());
            }
            if v.commits > latest.commit {
                let after = v.commits - latest.commit;
                say(format!("Whether anything was cut off behind the {after} commits after it cannot be told."));
            }
        }
        Some((_, None)) | None => {
            say("No checkpoint speaks for it, so it cannot be told whether the end was cut off.".into());
        }
    }
    match v.findings.is_empty() {
        true => say("All of it is as it was written.".into()),
        false => {
            v.findings.iter().for_each(|finding| say(format!("BROKEN  {finding}")));
            if v.more {
                say("There is more of this.".into());
            }
        }
    }
    text
}

fn as_json(v: &Verified) -> Value {
    let checkpoint = v.checkpoints.as_ref().and_then(|c| {
        let latest = c.latest.as_ref()?;
        Some(json!({
            "held": c.held,
            "commit": latest.commit,
            "made_at": latest.made_at.to_string(),
            "public_key": hex(&latest.public_key),
            "public_key_given": c.key_given,
        }))
    });
    let finding = |f: &Finding| {
        json!({
            "commit": f.commit,
            "writer": f.writer,
            "resource": f.resource.map(|id| id.to_string()),
            "version": f.version.map(|v| v.to_string()),
            "says": f.says,
        })
    };
    json!({
        "clean": v.findings.is_empty(),
        "commits": v.commits,
        "attempts": v.attempts,
        "versions": v.records,
        "resources": v.resources,
        "rows": v.rows,
        "running": v.running,
        "whole_up_to": checkpoint,
        "findings": v.findings.iter().map(finding).collect::<Vec<_>>(),
        "more_findings": v.more,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
