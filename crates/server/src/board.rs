//! What the board shows: the engine's meter in JSON, with names, and who may look at it.
//! It measures nothing itself and knows nobody's bookings.

use crate::app::App;
use crate::auth::Asker;
use crate::crowd::CrowdBody;
use crate::problem::Problem;
use crate::wire::time;
use serde::Serialize;
use slotwise_domain::{Instant, Scope};
use slotwise_engine::meter::{Heat, Latency, Second};
use utoipa::ToSchema;
use uuid::Uuid;

/// The last two minutes at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BoardBody {
    /// Seconds that are over, oldest first, at most 120. A second in which nothing happened is left out.
    pub seconds: Vec<SecondBody>,
    /// Where most was decided in the last minute, hottest first, at most ten.
    pub hottest: Vec<HotBody>,
    /// The queue in front of the store.
    pub queue: QueueBody,
    /// Sockets connected.
    pub sockets: usize,
    /// The crowd that was sent last; null if none was, or this is no demo.
    #[schema(required = true)]
    pub crowd: Option<CrowdBody>,
    /// The server's clock.
    pub as_of: String,
}

/// What happened in one second.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SecondBody {
    /// Its beginning.
    pub at: String,
    /// Executions that ended in it.
    pub counts: Vec<CountBody>,
    /// How long those with an outcome took.
    pub latency: LatenciesBody,
    /// Commits.
    pub commits: u32,
    /// Proposals in those commits.
    pub proposals: u32,
    /// Proposals of the largest of them.
    pub batch_max: u32,
}

/// So many executions with one outcome and code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CountBody {
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, `FAILED`; `REPLAYED` if it was decided before, `NONE` if there is no outcome.
    pub outcome: &'static str,
    /// The code of what was not accepted.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub code: &'static str,
    /// How many.
    pub count: u32,
}

/// Latencies by how executions ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LatenciesBody {
    /// All together.
    pub all: LatencyBody,
    /// BOOKED and ACCEPTED.
    pub accepted: LatencyBody,
    /// REJECTED.
    pub rejected: LatencyBody,
    /// FAILED.
    pub failed: LatencyBody,
}

/// How long executions took in the engine: never less than it was, and at most a sixteenth more.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LatencyBody {
    /// How many were measured.
    pub count: u32,
    /// Half of them took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 95 of 100.
    pub p95_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
}

/// A hot resource.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HotBody {
    /// Its id.
    pub resource: Uuid,
    /// Its name.
    pub name: String,
    /// Decisions on it.
    pub attempts: u32,
    /// Accepted ones.
    pub accepted: u32,
    /// Refused ones.
    pub refused: u32,
}

/// The queue in front of the store.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueBody {
    /// Proposals that wait for a commit.
    pub waiting: usize,
    /// How many may wait; beyond it attempts are FAILED `busy`.
    pub waiting_max: usize,
    /// Executions under way.
    pub running: usize,
}

/// Admins may look; in a demo, everybody who is signed in.
pub fn may_look(app: &App, asker: &Asker) -> Result<(), Problem> {
    match asker.sees_all() || app.demo.is_some() {
        true => Ok(()),
        false => Err(Problem::not_allowed("Only an admin may look at the board.")),
    }
}

/// What is to be shown: of the seconds only those from one on (seconds since 1970).
pub async fn board(app: &App, from: i64) -> BoardBody {
    let mut shot = app.engine.meter().snapshot();
    shot.seconds.retain(|s| s.at >= from);
    let scope = Scope { resources: shot.hottest.iter().map(|(id, _)| *id).collect(), ..Scope::default() };
    let world = app.engine.look(scope).await.ok();
    let hottest = shot.hottest.iter().filter_map(|(id, heat)| {
        // What cannot be named now is left out until it can.
        let calendar = world.as_ref()?.calendars.get(id)?;
        Some(HotBody::of(id.0, calendar.resource.spec.name.clone(), *heat))
    });
    BoardBody {
        hottest: hottest.collect(),
        seconds: shot.seconds.iter().map(SecondBody::of).collect(),
        queue: QueueBody {
            waiting: app.engine.waiting(),
            waiting_max: app.engine.limits().queue_max,
            running: app.engine.running(),
        },
        sockets: app.realtime.sockets(),
        crowd: app.crowds.latest(),
        as_of: time(app.engine.now()),
    }
}

impl HotBody {
    const fn of(resource: Uuid, name: String, heat: Heat) -> HotBody {
        HotBody { resource, name, attempts: heat.attempts, accepted: heat.accepted, refused: heat.refused }
    }
}

impl SecondBody {
    fn of(s: &Second) -> SecondBody {
        SecondBody {
            at: time(Instant(s.at.saturating_mul(1_000_000))),
            counts: s.counts.iter().map(|c| CountBody { outcome: c.outcome, code: c.code, count: c.count }).collect(),
            latency: LatenciesBody {
                all: s.all.into(),
                accepted: s.accepted.into(),
                rejected: s.rejected.into(),
                failed: s.failed.into(),
            },
            commits: s.commits,
            proposals: s.proposals,
            batch_max: s.batch_max,
        }
    }
}

impl From<Latency> for LatencyBody {
    fn from(l: Latency) -> LatencyBody {
        LatencyBody { count: l.count, p50_ms: millis(l.p50), p95_ms: millis(l.p95), p99_ms: millis(l.p99) }
    }
}

/// Microseconds as milliseconds.
pub fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}
