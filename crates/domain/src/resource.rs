//! Something bookable: what it is, what it holds, and its rules.
//! What is booked on it is a [`crate::Calendar`].

use crate::booking::Counts;
use crate::course::{Course, Meeting};
use crate::ids::ResourceId;
use crate::policy::{Cutoff, Policy, PolicyError, PolicyField, QuotaScope};
use crate::time::{Instant, Interval, Zone};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a resource is. Decides nothing by itself; rules are in its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A room, booked for any interval.
    Room,
    /// A section of a course: all its bookings take its one interval.
    Section,
    /// A session of a class: all its bookings take its one interval.
    Session,
    /// A thing that can be lent.
    Equipment,
    /// A building, a term, a studio: not booked itself. Its policy is that of what is in it.
    Group,
}

/// A resource as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name for machines.
    pub id: ResourceId,
    /// What an admin says of it.
    pub spec: ResourceSpec,
    /// Rises by one with every edit of policy, calendar, capacity, seats or blocks, and with nothing else.
    pub policy_version: u64,
}

impl Resource {
    /// How its bookings count under its quota, if there is one.
    pub fn counts(&self) -> Option<Counts> {
        Some(Counts { of: self.quota_of()?, credits: self.spec.credits() })
    }

    /// Under whose quota its bookings count: its own or its group's.
    pub fn quota_of(&self) -> Option<ResourceId> {
        Some(match self.spec.policy.quota?.scope {
            QuotaScope::Resource => self.id,
            QuotaScope::Group => self.spec.group.as_ref().map_or(self.id, |g| g.id),
        })
    }
}

/// What an admin says of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSpec {
    /// What it is; never changes.
    pub kind: Kind,
    /// Its name for people.
    pub name: String,
    /// Where it is.
    pub building: Option<String>,
    /// How many people fit in; says nothing about units.
    pub seats: Option<u32>,
    /// What it has, sorted, in lower case.
    pub equipment: Vec<String>,
    /// Where its civil times are read.
    pub zone: Zone,
    /// How many units it has; `None` is without limit, 1 an exclusive room.
    pub capacity: Option<u32>,
    /// For sections and sessions the one interval of all bookings.
    pub interval: Option<Interval>,
    /// Its rules, all of them: those that follow its group stand here too.
    pub policy: Policy,
    /// The group it is in.
    pub group: Option<Grouped>,
    /// For sections: of each list, one must be booked with it, or before it.
    pub linked: Vec<Vec<ResourceId>>,
    /// For sections: what it is a section of, and when it meets.
    pub course: Option<Arc<Course>>,
}

/// A place in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouped {
    /// Which.
    pub id: ResourceId,
    /// The rules that the resource says itself; all others follow the group.
    pub own: BTreeSet<PolicyField>,
}

/// An edit: what is `Some` replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcePatch {
    /// See [`ResourceSpec::name`].
    pub name: Option<String>,
    /// See [`ResourceSpec::building`].
    pub building: Option<Option<String>>,
    /// See [`ResourceSpec::seats`].
    pub seats: Option<Option<u32>>,
    /// See [`ResourceSpec::equipment`].
    pub equipment: Option<Vec<String>>,
    /// See [`ResourceSpec::zone`].
    pub zone: Option<Zone>,
    /// See [`ResourceSpec::capacity`].
    pub capacity: Option<Option<u32>>,
    /// See [`ResourceSpec::interval`].
    pub interval: Option<Option<Interval>>,
    /// The whole policy as it shall be.
    pub policy: Option<Policy>,
    /// What of that policy the resource says itself, where it is in a group.
    pub own: BTreeSet<PolicyField>,
    /// The group it shall be in.
    pub group: Option<Option<ResourceId>>,
    /// See [`ResourceSpec::linked`].
    pub linked: Option<Vec<Vec<ResourceId>>>,
    /// See [`ResourceSpec::course`].
    pub course: Option<Option<Arc<Course>>>,
}

/// A resource that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {says}")]
pub struct ResourceError {
    /// The field at fault, as it is called in JSON.
    pub field: &'static str,
    /// What it must be.
    pub says: &'static str,
}

impl From<PolicyError> for ResourceError {
    fn from(e: PolicyError) -> ResourceError {
        ResourceError { field: e.field, says: e.says }
    }
}

impl ResourceSpec {
    /// The most units a resource can have.
    pub const CAPACITY_MAX: u32 = 1_000_000;
    /// Resources in one group: an edit of its policy is one commit over all of them.
    pub const MEMBERS_MAX: usize = 10_000;
    /// Lists of linked resources.
    const LINKED_MAX: usize = 5;
    /// Resources of each.
    const LINKED_EACH_MAX: usize = 100;

    /// Checks what no type can, and brings the equipment into its one form.
    pub fn checked(mut self) -> Result<ResourceSpec, ResourceError> {
        let err = |field, says| Err(ResourceError { field, says });
        if !is_text(&self.name, 200) {
            return err("name", "must have 1 to 200 characters, none of them a control character");
        }
        if self.building.as_ref().is_some_and(|b| !is_text(b, 200)) {
            return err("building", "must have 1 to 200 characters, none of them a control character");
        }
        if self.seats == Some(0) {
            return err("seats", "must be at least 1");
        }
        if self.equipment.len() > 50 || self.equipment.iter().any(|e| !is_text(e, 50) || e.contains(',')) {
            return err(
                "equipment",
                "must be at most 50 words of at most 50 characters, without commas and control characters",
            );
        }
        if self.capacity.is_some_and(|c| c == 0 || c > ResourceSpec::CAPACITY_MAX) {
            return err("capacity", "must be between 1 and 1000000, or null for no limit");
        }
        match (self.kind, self.interval) {
            (Kind::Section | Kind::Session, None) => {
                return err("interval", "a section or session needs its one interval");
            }
            (Kind::Room | Kind::Equipment | Kind::Group, Some(_)) => {
                return err("interval", "only sections and sessions have one interval");
            }
            (Kind::Section | Kind::Session, Some(_)) | (Kind::Room | Kind::Equipment | Kind::Group, None) => {}
        }
        if self.kind == Kind::Group {
            if self.capacity.is_some() {
                return err("capacity", "a group has none: it is not booked itself");
            }
            if self.seats.is_some() {
                return err("seats", "a group has none: it is not booked itself");
            }
            if self.group.is_some() {
                return err("group", "a group is in no other group");
            }
        }
        if !self.linked.is_empty() && self.kind != Kind::Section {
            return err("linked", "only sections are linked");
        }
        let bounds = 1..=ResourceSpec::LINKED_EACH_MAX;
        if self.linked.len() > ResourceSpec::LINKED_MAX || !self.linked.iter().all(|l| bounds.contains(&l.len())) {
            return err("linked", "must be at most 5 lists of 1 to 100 sections");
        }
        if let Some(course) = &self.course {
            if self.kind != Kind::Section {
                return err("course", "only sections are of a course");
            }
            course.check().map_err(|(field, says)| ResourceError { field, says })?;
        }
        self.policy.check()?;
        for word in &mut self.equipment {
            *word = word.trim().to_lowercase();
        }
        self.equipment.sort();
        self.equipment.dedup();
        Ok(self)
    }

    /// Whether the two decide differently: by policy, calendar or capacity. A name, a place and equipment decide nothing.
    pub fn rules_differ(&self, other: &ResourceSpec) -> bool {
        self.policy != other.policy
            || self.zone != other.zone
            || self.interval != other.interval
            || self.capacity != other.capacity
            || self.seats != other.seats
            || self.group != other.group
            || self.linked != other.linked
            || self.meetings() != other.meetings()
            || self.credits() != other.credits()
    }

    /// What each unit of it is worth under a quota of credits, in hundredths: what its rules say, or its course; what is of no course is
    /// worth one.
    pub fn credits(&self) -> u16 {
        let of_course = || self.course.as_ref().map_or(100, |course| course.credits.unwrap_or(0));
        self.policy.credits.unwrap_or_else(of_course)
    }

    /// When it meets week by week; `None` if it is there for all of its time.
    pub fn meetings(&self) -> Option<&[Meeting]> {
        self.course.as_ref().map(|course| &*course.meetings)
    }

    /// Whether booking its one interval closes at an instant of its own, so that it is booked while it runs: a course in its first week.
    pub fn booked_while_it_runs(&self) -> bool {
        match self.policy.book_by {
            Some(Cutoff::At(_)) => self.interval.is_some(),
            Some(Cutoff::Elapsed(_) | Cutoff::Civil { .. }) | None => false,
        }
    }

    /// From when on an interval of it has begun too long ago to be booked, whatever else its rules say.
    pub fn begun(&self, interval: Interval) -> Instant {
        match self.booked_while_it_runs() {
            true => interval.end(),
            false => interval.start().plus(Policy::START_GRACE).min(interval.end()),
        }
    }

    /// From when on an interval of it is not booked any more: it has begun, or booking has closed.
    pub fn too_late(&self, interval: Interval) -> Instant {
        let begun = self.begun(interval);
        self.policy.book_by.map_or(begun, |cutoff| cutoff.instant(interval.start(), &self.zone).min(begun))
    }

    /// Whether so many people fit in, as far as either number is known.
    pub fn seats_suffice(seats: Option<u32>, people: Option<u32>) -> bool {
        people.zip(seats).is_none_or(|(people, seats)| people <= seats)
    }

    /// Whose policy it follows after the patch.
    pub fn group_after(&self, patch: &ResourcePatch) -> Option<ResourceId> {
        patch.group.unwrap_or_else(|| self.group.as_ref().map(|g| g.id))
    }

    /// This, with what the patch says. Whether the policy follows a group is for whoever knows the group: [`ResourceSpec::following`].
    pub fn patched(&self, patch: &ResourcePatch) -> ResourceSpec {
        let p = patch.clone();
        let own = match (&p.policy, &self.group) {
            (Some(_), _) => p.own,
            (None, Some(grouped)) => grouped.own.clone(),
            (None, None) => BTreeSet::new(),
        };
        let group = self.group_after(patch).map(|id| Grouped { id, own });
        ResourceSpec {
            kind: self.kind,
            name: p.name.unwrap_or_else(|| self.name.clone()),
            building: p.building.unwrap_or_else(|| self.building.clone()),
            seats: p.seats.unwrap_or(self.seats),
            equipment: p.equipment.unwrap_or_else(|| self.equipment.clone()),
            zone: p.zone.unwrap_or_else(|| self.zone.clone()),
            capacity: p.capacity.unwrap_or(self.capacity),
            interval: p.interval.unwrap_or(self.interval),
            policy: p.policy.unwrap_or_else(|| self.policy.clone()),
            group,
            linked: p.linked.unwrap_or_else(|| self.linked.clone()),
            course: p.course.unwrap_or_else(|| self.course.clone()),
        }
    }

    /// This, with the rules of the group it is in wherever it says none itself.
    pub fn following(mut self, group: &Policy) -> ResourceSpec {
        if let Some(grouped) = &self.group {
            self.policy = self.policy.following(group, &grouped.own);
        }
        self
    }
}

/// One line that somebody can read.
fn is_text(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
}
