//! `slotwise explain`: why an attempt ended as it did, asked of a running server or read from a data folder or a database.
//! It writes nothing but what it says, and takes a secret from the environment only.

use crate::backup::told;
use crate::config::Secret;
use anyhow::{Context, bail, ensure};
use clap::Args;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use slotwise_domain::{Outcome, PersonId, Version, Witness};
use slotwise_engine::Attempt;
use slotwise_engine::as_of::{AsOf, fold};
use slotwise_server::Shown;
use slotwise_server::explain::{Case, RECORDS_MAX, Reader, Touched, as_text, explain, on_screen, people};
use slotwise_store::embedded::{Everything, Reading};
use slotwise_store::postgres;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use uuid::Uuid;

/// The environment variable with the API key.
const KEY_VARIABLE: &str = "SLOTWISE_API_KEY";
/// No answer is longer.
const ANSWER_MAX: usize = 4 << 20;
/// How long a server may take.
const WITHIN: Duration = Duration::from_secs(30);

/// `slotwise explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// The attempt's key: a UUIDv7, as it was sent.
    key: Uuid,
    /// A server, such as http://127.0.0.1:8080; the API key is taken from SLOTWISE_API_KEY.
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    url: Option<String>,
    /// The folder that holds everything. A server may be running on it.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The PostgreSQL database that holds everything.
    #[arg(long, env = "SLOTWISE_STORE", value_name = "URL", hide_env_values = true, conflicts_with_all = ["url", "data"])]
    store: Option<Secret>,
    /// Whose attempt, if several people used the key, or of a server if it is not one's own.
    #[arg(long, value_name = "ID")]
    actor: Option<Uuid>,
    /// The diagram as mermaid, and nothing else; not of a server.
    #[arg(long, conflicts_with = "url")]
    mermaid: bool,
}

/// Runs `slotwise explain`.
pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let text = match (&args.url, &args.data, &args.store) {
        (Some(url), ..) => ask(url, args)?,
        (None, Some(data), _) => read(&Reading::open(data).map_err(told)?, args)?,
        (None, None, Some(Secret(url))) => read(&postgres::reading(url, postgres::PART).map_err(told)?, args)?,
        (None, None, None) => {
            bail!("say where to look: --url of a running server, --data with the folder, or --store with the database")
        }
    };
    std::io::stdout().write_all(text.as_bytes()).context("writing what was found")
}

fn ask(url: &str, args: &ExplainArgs) -> anyhow::Result<String> {
    let secret = std::env::var(KEY_VARIABLE).with_context(|| format!("set {KEY_VARIABLE} to your API key"))?;
    let actor = args.actor.map(|id| format!("?actor={id}")).unwrap_or_default();
    let path = format!("{}/api/attempts/{}/explain{actor}", url.trim_end_matches('/'), args.key);
    let uri: Uri = path.parse().with_context(|| format!("--url: {url:?} is no address"))?;
    let says = "only http:// is spoken here; for https use curl with `Accept: text/plain` on the same address";
    ensure!(uri.scheme_str() == Some("http"), "--url: {says}");
    let request = Request::get(uri)
        .header(header::ACCEPT, "text/plain")
        .header(header::AUTHORIZATION, format!("Bearer {secret}"))
        .body(Empty::<Bytes>::new())
        .context("the API key cannot be sent: it has characters that no header takes")?;
    let asking = async {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request).await.with_context(|| format!("asking {url}"))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|e| anyhow::anyhow!("reading the answer of {url}: {e}"))?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answered: anyhow::Result<_> = runtime.block_on(async { tokio::time::timeout(WITHIN, asking).await? });
    let (status, text) = answered?;
    if status.is_success() {
        return Ok(text);
    }
    let problem: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let detail = problem.as_ref().and_then(|p| p["detail"].as_str());
    bail!("{}", detail.unwrap_or_else(|| text.trim()))
}

fn read(reading: &Reading, args: &ExplainArgs) -> anyhow::Result<String> {
    let mut found = reading.attempts(args.key, args.actor).map_err(told)?;
    let attempt = match (found.pop(), &found[..]) {
        (Some(attempt), []) => attempt,
        (Some(_), more) => bail!("{} people have used this key; name one with --actor", more.len() + 1),
        (None, _) => bail!("nothing is on record with this key: it was never decided here, or it failed"),
    };
    let case = case(reading, attempt)?;
    let wanted = people(&case);
    let mut names: BTreeMap<PersonId, String> = BTreeMap::new();
    let each = |somebody: Everything| {
        let card = somebody.listed.card;
        if wanted.contains(&card.id) {
            names.insert(card.id, card.name);
        }
        Ok(())
    };
    reading.people(each).map_err(told)?;
    let shown = shown(&case, &names);
    // Whoever has the folder or the database has all of it.
    let reader = Reader { id: None, admin: true, names: &names, hidden: &BTreeSet::new() };
    let explained = explain(&case, &reader, shown.as_ref());
    Ok(match args.mermaid {
        true => explained.diagram.mermaid,
        false => as_text(&explained.sentences, &explained.diagram),
    })
}

fn case(reading: &Reading, attempt: Attempt) -> anyhow::Result<Case> {
    let decision = &attempt.recorded.decision;
    let screened = on_screen(&attempt);
    let records = reading.records(&decision.decided).map_err(told)?;
    let mut touched = Vec::new();
    for (id, records) in records {
        let seen = decision.seen.filter(|_| screened == Some(id)).map(|seen| seen.version);
        let (mut folded, mut screen): (Option<AsOf>, _) = (None, None);
        for record in &records {
            fold(&mut folded, record)?;
            if Some(record.version) == seen {
                screen = folded.as_ref().map(|f| f.calendar.clone());
            }
        }
        let Some(AsOf { calendar, .. }) = folded else { continue };
        let decided: Version = calendar.version;
        let first = records.len().saturating_sub(usize::try_from(RECORDS_MAX).unwrap_or(usize::MAX));
        let records = records.into_iter().skip(first).collect();
        touched.push(Touched { resource: calendar.resource.clone(), decided, screen, records });
    }
    Ok(Case { attempt, touched })
}

fn shown(case: &Case, names: &BTreeMap<PersonId, String>) -> Option<Shown> {
    let Outcome::Rejected(rejection) = &case.attempt.recorded.decision.outcome else { return None };
    let about = case.touched.iter().find(|t| Some(t.resource.id) == rejection.resource);
    let spec = about.map(|t| &t.resource.spec);
    let owner = match rejection.witness {
        Some(Witness::Booking { owner, .. }) => names.get(&owner).cloned(),
        Some(
            Witness::Hold { .. }
            | Witness::Block { .. }
            | Witness::Instant(_)
            | Witness::Waiting { .. }
            | Witness::Quota { .. }
            | Witness::Requirement { .. }
            | Witness::Linked { .. },
        )
        | None => None,
    };
    let changes = about.iter().flat_map(|t| &t.records).flat_map(|r| &r.changes);
    let reason = changes.into_iter().find_map(|change| match (change, rejection.witness) {
        (slotwise_domain::Change::BlockAdded { block, .. }, Some(Witness::Block { id, .. })) if block.id == id => {
            Some(block.reason.clone())
        }
        (_, _) => None,
    });
    let name_of = |id| Some(case.touched.iter().find(|t| t.resource.id == id)?.resource.spec.name.clone());
    Some(Shown::put(rejection, spec, owner, reason.as_deref(), &name_of))
}
