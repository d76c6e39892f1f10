//! Plays scenarios one after the other: makes what they need, lets the actors in, waits, reads how all stands, has it judged.
//! It stops at nothing the oracle finds; only what keeps a round from being run is an error.

use crate::actor::{Actor, Round, read_answer};
use crate::client::{Ask, Client, Reply};
use crate::history::{About, Call, End, Heard, History, Subscribed, Thing, What};
use crate::oracle::{self, Judgement};
use crate::scenario::{Role, Scenario};
use crate::stage::{People, Stage, now};
use anyhow::{Context, bail, ensure};
use futures_util::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Keys of one round that are sent once more when all is over.
const AGAIN_MAX: usize = 300;
/// Requests at once then.
const AGAIN_AT_ONCE: usize = 8;
/// How long sockets have to hear what was told to everybody else.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
/// How often it is said that a round goes on.
const TOLD_EVERY: Duration = Duration::from_secs(5);
/// Rounds of one run.
const ROUNDS_MAX: u64 = 10_000;

/// What is to be played, and where.
pub struct Options {
    /// The server's address.
    pub url: String,
    /// An admin's API key.
    pub secret: String,
    /// What is played.
    pub scenarios: Vec<Scenario>,
    /// How often each, on top of the rounds it has.
    pub repeat: u32,
    /// What chance begins with.
    pub seed: u64,
    /// Leave people and resources in use when all is over.
    pub keep: bool,
    /// Who is told how far it is, a line at a time.
    pub tell: Arc<dyn Fn(&str) + Send + Sync>,
}

/// A round that was played.
pub struct Played {
    /// The scenario.
    pub scenario: Scenario,
    /// What was written down.
    pub history: History,
    /// What the oracle says.
    pub judgement: Judgement,
    /// How long the actors took.
    pub took: Duration,
}

/// Plays all of it. `each` is given every round as soon as it was judged.
pub async fn play(options: &Options, mut each: impl FnMut(Played) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let rounds = options.scenarios.iter().map(|s| u64::from(s.rounds) * u64::from(options.repeat)).sum::<u64>();
    ensure!(rounds > 0, "nothing to play");
    ensure!(rounds <= ROUNDS_MAX, "{rounds} rounds; {ROUNDS_MAX} at the most");
    let client = Client::new(&options.url)?;
    let run = format!("r{:08x}", Uuid::new_v4().as_fields().0);
    let stage = Stage::enter(client, &options.secret, &run).await?;
    let most = |role| options.scenarios.iter().map(|s| s.head_count(role)).max().unwrap_or(0);
    let (members, admins) = (most(Role::Member), most(Role::Admin));
    (options.tell)(&format!("run {run}: making {members} members and {admins} admins"));
    let people = stage.make_people(members, admins).await?;
    let mut things = Vec::new();
    let mut sound = true;
    let mut day = 0;
    for scenario in &options.scenarios {
        for round in 1..=scenario.rounds * options.repeat {
            let seed = options.seed.wrapping_add(u64::from(round) - 1);
            let about =
                About { scenario: scenario.name.clone(), round, seed, server: options.url.clone(), run: run.clone() };
            let played = play_round(&stage, &people, scenario, about, day, &options.tell).await;
            let played = played.with_context(|| format!("{}, round {round}", scenario.name))?;
            day += 1;
            things.extend(played.history.things.iter().map(|t| t.id));
            sound &= played.judgement.violations.is_empty();
            each(played)?;
        }
    }
    if options.keep || !sound {
        // What was found can be looked at: `explain` needs who it was.
        return Ok(());
    }
    stage.leave(&things, &people).await
}

async fn play_round(
    stage: &Stage,
    people: &People,
    scenario: &Scenario,
    about: About,
    day: i64,
    tell: &Arc<dyn Fn(&str) + Send + Sync>,
) -> anyhow::Result<Played> {
    let (name, number, seed) = (scenario.name.clone(), about.round, about.seed);
    let tools = stage.make_things(scenario, number, day).await?;
    let things: Vec<Thing> = tools.values().map(|t| t.thing.clone()).collect();
    let mut barriers: BTreeMap<String, usize> = BTreeMap::new();
    for actors in scenario.actors.values() {
        for barrier in actors.steps.iter().filter_map(|s| s.barrier.clone()) {
            *barriers.entry(barrier).or_default() += actors.count as usize;
        }
    }
    let history = History { about, things: things.clone(), ..History::default() };
    let round = Arc::new(Round::new(stage.clone(), tools, barriers, history));
    let mut cast = JoinSet::new();
    let mut next: BTreeMap<Role, usize> = BTreeMap::new();
    let began = Instant::now();
    for (group, actors) in &scenario.actors {
        for nth in 0..actors.count as usize {
            let place = next.entry(actors.role).or_default();
            let person = people.nth(actors.role, *place)?.clone();
            *place += 1;
            let actor = Actor::new(round.clone(), group, actors, nth, person, seed);
            cast.spawn(actor.act(actors.clone()));
        }
    }
    let limit = Duration::from_secs(scenario.within_s);
    let mut ticks = tokio::time::interval(TOLD_EVERY);
    ticks.tick().await;
    loop {
        tokio::select! {
            done = cast.join_next() => match done {
                Some(done) => done.context("an actor panicked")?,
                None => break,
            },
            _ = ticks.tick() => {
                tell(&format!("{name}, round {number}: {} records after {:.0} s", round.requests(), began.elapsed().as_secs_f64()));
                if began.elapsed() > limit {
                    cast.abort_all();
                    bail!("not over after {limit:?}: some actor waits for others, or the server does not answer");
                }
            }
        }
    }
    let took = began.elapsed();
    after(stage, &round, &things).await?;
    let (history, _, troubles) = round.so_far();
    if !troubles.is_empty() {
        bail!("it could not be played as it is written:\n  {}", troubles.join("\n  "));
    }
    let judgement = oracle::judge(&history, Some(scenario));
    Ok(Played { scenario: scenario.clone(), history, judgement, took })
}

/// When the actors have gone: every answer is asked for once more, what is unknown is looked up, then how all stands is read.
async fn after(stage: &Stage, round: &Round, things: &[Thing]) -> anyhow::Result<()> {
    let (history, mut sent, _) = round.so_far();
    // What changed something is the most telling.
    sent.sort_by_key(|s| {
        !s.call.answer.as_ref().is_some_and(|a| a.outcome.is_some_and(crate::history::Outcome::is_yes))
    });
    sent.truncate(AGAIN_MAX);
    let again = futures_util::stream::iter(sent).map(async |s| {
        let mut call = Call { after: true, ..s.call };
        (call.answer, call.answered) = (None, None);
        round.send(&s.ask, call).await;
    });
    again.buffer_unordered(AGAIN_AT_ONCE).collect::<Vec<()>>().await;
    look_up(stage, round, &history).await;
    let entries: BTreeSet<Uuid> = history
        .calls
        .iter()
        .filter(|c| c.what == What::Join)
        .filter_map(|c| c.answer.as_ref().filter(|a| a.outcome.is_some_and(crate::history::Outcome::is_yes))?.made)
        .collect();
    let mut ends = Vec::new();
    for thing in things {
        // Only places in line of this resource; most resources have none.
        let of: BTreeSet<Uuid> = match entries.is_empty() {
            true => BTreeSet::new(),
            false => {
                let joined = history.calls.iter().filter(|c| c.what == What::Join);
                let here = joined.filter(|c| c.takes.iter().any(|t| t.resource == thing.id));
                here.filter_map(|c| c.answer.as_ref()?.made).filter(|id| entries.contains(id)).collect()
            }
        };
        ends.push(stage.read_end(thing, &of).await?);
    }
    wait_for_sockets(round, &ends).await;
    round.hang_up().await;
    for (thing, end) in things.iter().zip(ends) {
        if let Some((began, heard)) = stage.read_record(thing).await? {
            round.note(|history, n| history.subscribed.push(Subscribed { n, ..began }));
            for event in heard {
                round.note(|history, n| history.heard.push(Heard { n, ..event }));
            }
        }
        round.note(|history, n| history.ends.push(End { n, ..end }));
    }
    Ok(())
}

/// Asks by key what became of attempts that no answer came to.
async fn look_up(stage: &Stage, round: &Round, history: &History) {
    let (_, sent, _) = round.so_far();
    let known: BTreeSet<Uuid> = sent.iter().map(|s| s.call.key).collect();
    let mut asked = BTreeSet::new();
    for call in history.calls.iter().filter(|c| c.answer.is_none() && !known.contains(&c.key)) {
        if asked.len() >= AGAIN_MAX || !asked.insert(call.key) {
            continue;
        }
        let Some(secret) = sent.iter().find(|s| s.call.person == call.person).map(|s| s.ask.secret.clone()) else {
            continue;
        };
        let sent_at = now() - round.began;
        let ask = Ask::get(format!("/api/attempts/{}", call.key), &secret);
        let Ok(reply) = stage.client.ask(&ask).await else { continue };
        if reply.body["state"] == "recorded" {
            let body = reply.body["answer"].clone();
            let status = u16::try_from(body["status"].as_u64().unwrap_or(200)).unwrap_or(200);
            let answer = read_answer(&Reply { status, replayed: true, retry_after: None, body });
            let mut call = Call { after: true, answer: Some(answer), ..call.clone() };
            (call.sent, call.answered) = (sent_at, Some(now() - round.began));
            round.note(|history, n| history.calls.push(Call { n, ..call }));
        }
    }
}

async fn wait_for_sockets(round: &Round, ends: &[End]) {
    let since = Instant::now();
    while since.elapsed() < HEARD_WITHIN {
        let behind = round
            .heard_upto()
            .into_iter()
            .any(|((_, resource), upto)| ends.iter().any(|end| end.resource == resource && upto < end.version));
        if !behind {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
