//! What an attempt would get, and what that answer rests on. It is judged by the same function on what is observed, and nothing of it
//! is recorded, held or counted: no key is used.

use crate::attempt::Engine;
use crate::port::StoreError;
use crate::round::{self, Judged};
use slotwise_domain::deadlines::{Deadline, deadlines};
use slotwise_domain::{
    AttemptKey, Command, Failure, FailureCode, Fingerprint, Instant, PartId, Proposal, ResourceId, Scope, Verdict,
    Version, World, decide, settle,
};

/// What an attempt would get.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// What would be told. Ids of what it would make will be others.
    pub would: Judged,
    /// It holds while these resources have these versions,
    pub versions: Vec<(ResourceId, Version)>,
    /// and these versions of their policies,
    pub policies: Vec<(ResourceId, u64)>,
    /// on this side of these instants, soonest first,
    pub deadlines: Vec<Deadline>,
    /// and while the person whom it is for has booked and holds nothing else and is known as they are, if a rule asks that.
    pub person: bool,
    /// When it was judged.
    pub at: Instant,
}

impl Engine {
    /// Judges a command as it would be if it were sent now.
    pub async fn dry_run(&self, command: Command) -> Result<DryRun, StoreError> {
        self.dry_run_at(command, self.now()).await
    }

    /// Judges a command as it would be if it were sent then, and nothing else happened until then.
    pub async fn dry_run_at(&self, command: Command, now: Instant) -> Result<DryRun, StoreError> {
        let mut scope = command.scope();
        for _ in 0..World::ROUNDS_MAX {
            let world = self.look(scope.clone()).await?;
            match judged(&world, &command, now) {
                Ok(would) => return Ok(rests_on(would, &world, &command, now)),
                Err(more) => scope.extend(&more),
            }
        }
        let world = self.look(scope).await?;
        let would = Judged::Failed(Failure::of(FailureCode::Conflict));
        Ok(rests_on(would, &world, &command, now))
    }
}

fn judged(world: &World, command: &Command, now: Instant) -> Result<Judged, Box<Scope>> {
    // What the observation says and what is told are one here, so nothing counts as having differed.
    let hint = match decide(world, command, world.decided_at(&command.scope(), now)) {
        Verdict::Rejected(rejection, _) => Some(rejection.code),
        Verdict::Accepted(..) | Verdict::Moved(_) | Verdict::Needs(_) => None,
    };
    let key = AttemptKey { part: PartId::DEFAULT, actor: command.actor.uuid(), key: uuid::Uuid::nil() };
    let observed = world.versions(&command.scope());
    let proposal = Proposal { key, fingerprint: Fingerprint([0; 32]), command: command.clone(), observed, hint };
    let mut draft = world.clone();
    round::judge(&mut draft, &proposal, settle, now, |_, more| Err(Box::new(more.clone())))
}

fn rests_on(would: Judged, world: &World, command: &Command, now: Instant) -> DryRun {
    // What a rule asked for besides what the command names too: sections that are linked, whatever is given up.
    let mut scope = command.scope();
    scope.extend(&world.loaded);
    let versions = world.versions(&scope);
    let policy = |(id, _): &(ResourceId, Version)| Some((*id, world.calendars.get(id)?.resource.policy_version));
    DryRun {
        would,
        policies: versions.iter().filter_map(policy).collect(),
        versions,
        deadlines: deadlines(world, command),
        person: !world.loaded.people.is_empty() || !world.loaded.counted.is_empty() || !world.loaded.facts.is_empty(),
        at: world.decided_at(&scope, now),
    }
}
