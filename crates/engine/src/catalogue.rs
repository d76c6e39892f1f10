//! Everything that can be booked, in memory: found by words and filters, counted by facets, with marks on the time that is taken.
//! It judges nothing and is written by its store only, which folds into it what was committed before anybody is told.

mod marks;
mod set;
mod words;

use crate::counted;
use crate::port::{Facets, ResourceFilter};
use marks::Marks;
use set::Set;
use slotwise_domain::{Calendar, Change, Instant, Interval, Kind, Meeting, Members, Policy, Resource, ResourceId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Everything that can be booked. Resources are numbered in the order they came; no number is ever given to another.
#[derive(Debug, Default)]
pub struct Catalogue {
    rows: Vec<Row>,
    numbers: HashMap<ResourceId, u32>,
    by_name: Vec<u32>,
    by_seats: Vec<u32>,
    words: BTreeMap<String, Vec<u32>>,
    kinds: BTreeMap<Kind, Vec<u32>>,
    buildings: BTreeMap<String, Vec<u32>>,
    equipment: BTreeMap<String, Vec<u32>>,
    members: HashMap<ResourceId, Members>,
    rules: Rulebook,
    marks: Marks,
}

#[derive(Debug)]
struct Row {
    resource: Arc<Resource>,
    rules: u32,
}

/// In which order resources are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By name, then id.
    Name,
    /// The fewest seats first, unknown ones last; then by name.
    Seats,
}

/// A resource that matches a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Which.
    pub id: ResourceId,
    /// Its number here.
    pub number: u32,
    /// Its place among all resources in the order asked for.
    pub rank: u32,
    /// Its rules, for [`Catalogue::ruled`].
    pub rules: u32,
    /// How many people fit in.
    pub seats: Option<u32>,
}

/// Which resources have nothing on them during a time.
#[derive(Debug, Default)]
pub struct Idle<'c>(Vec<(&'c [u64], u64)>);

/// The words of a text as they are looked for: in any case, with or without accents. What holds neither letter nor digit is none.
pub fn words_of(text: &str) -> Vec<String> {
    words::asked(text)
}

/// To look something up. A panic elsewhere leaves it as it was: nothing is written piece by piece but marks, which only warn.
pub fn read(catalogue: &RwLock<Catalogue>) -> RwLockReadGuard<'_, Catalogue> {
    catalogue.read().unwrap_or_else(PoisonError::into_inner)
}

/// For its store alone.
pub fn write(catalogue: &RwLock<Catalogue>) -> RwLockWriteGuard<'_, Catalogue> {
    catalogue.write().unwrap_or_else(PoisonError::into_inner)
}

impl Catalogue {
    /// Puts in what was committed: for each resource touched its changes and the calendar after them.
    pub fn fold<'r>(
        &mut self,
        calendars: &BTreeMap<ResourceId, Arc<Calendar>>,
        records: impl IntoIterator<Item = (ResourceId, &'r [Change])>,
    ) {
        for (id, changes) in records {
            let Some(calendar) = calendars.get(&id) else { continue };
            for change in changes {
                counted::count(change);
                self.fold_change(id, calendar, change);
            }
            self.marks.forget_before(calendar.decided_at);
        }
    }

    fn fold_change(&mut self, id: ResourceId, calendar: &Calendar, change: &Change) {
        match change {
            Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. } => self.put(calendar.resource.clone()),
            Change::BlockAdded { block, .. } | Change::BlockRemoved { block, .. } => {
                self.put(calendar.resource.clone());
                self.look_again(id, calendar, block.interval);
            }
            // Nothing goes: what is there more is marked, and nothing else looked at.
            Change::BookingMade { pending: false, slots, .. }
            | Change::BookingApproved { slots, .. }
            | Change::BookingRequested { slots, .. } => {
                for (_, slot) in slots {
                    self.mark(id, slot.occupied);
                }
            }
            Change::HoldGranted(hold) => self.mark(id, hold.occupied),
            // What people wait for may be owed to them.
            Change::WaitJoined(entry) => self.mark(id, calendar.resource.spec.policy.occupied(entry.interval)),
            Change::BookingDisplaced { was_pending: false, slots, .. }
            | Change::BookingCancelled { was_pending: false, slots, .. } => {
                for (_, slot) in slots {
                    self.look_again(id, calendar, slot.occupied);
                }
            }
            Change::BookingMoved { pending: false, from, to, .. } | Change::BookingNoShow { from, to, .. } => {
                for (_, slot) in from.iter().chain(to) {
                    self.look_again(id, calendar, slot.occupied);
                }
            }
            Change::HoldEnded(ended) => self.look_again(id, calendar, ended.hold.occupied),
            Change::WaitEnded(ended) => {
                self.look_again(id, calendar, calendar.resource.spec.policy.occupied(ended.entry.interval));
            }
            Change::BookingMade { pending: true, .. }
            | Change::BookingMoved { pending: true, .. }
            | Change::BookingCancelled { was_pending: true, .. }
            | Change::BookingDisplaced { was_pending: true, .. }
            | Change::BookingEdited { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingHandedOver { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::OverCommitLowered { .. }
            | Change::HoldRenewed(_)
            | Change::HoldOverrode { .. }
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitDue(_)
            | Change::Reminded { .. } => {}
        }
    }

    fn look_again(&mut self, id: ResourceId, calendar: &Calendar, taken: Interval) {
        if let Some(number) = self.numbers.get(&id) {
            self.marks.look_again(*number, calendar, taken);
        }
    }

    /// Puts a resource in, or in the place of what it was.
    pub fn put(&mut self, resource: Arc<Resource>) {
        let (id, spec) = (resource.id, resource.spec.clone());
        let rules = self.rules.number(&resource);
        let number = match self.numbers.get(&resource.id).copied() {
            Some(number) => {
                self.take_out(number);
                if let Some(row) = self.rows.get_mut(number as usize) {
                    self.rules.let_go(row.rules);
                    *row = Row { resource, rules };
                }
                number
            }
            None => {
                // Four thousand million resources are more than any store here holds.
                let number = self.rows.len() as u32;
                self.numbers.insert(resource.id, number);
                self.rows.push(Row { resource, rules });
                number
            }
        };
        for order in [Order::Name, Order::Seats] {
            let place = self.place(order, number).unwrap_or_else(|place| place);
            self.list_mut(order).insert(place, number);
        }
        for word in words::of_resource(&spec) {
            insert(self.words.entry(word).or_default(), number);
        }
        insert(self.kinds.entry(spec.kind).or_default(), number);
        if let Some(building) = spec.building {
            insert(self.buildings.entry(building).or_default(), number);
        }
        for word in spec.equipment {
            insert(self.equipment.entry(word).or_default(), number);
        }
        if let Some(group) = spec.group {
            self.members.entry(group.id).or_default().insert(id);
        }
    }

    /// Says that a time of a resource is taken, as when what is stored is read at the start.
    pub fn mark(&mut self, id: ResourceId, taken: Interval) {
        if let Some(number) = self.numbers.get(&id) {
            self.marks.mark(*number, taken);
        }
    }

    fn take_out(&mut self, number: u32) {
        for order in [Order::Name, Order::Seats] {
            if let Ok(place) = self.place(order, number) {
                self.list_mut(order).remove(place);
            }
        }
        let Some(row) = self.rows.get(number as usize) else { return };
        let (id, spec) = (row.resource.id, row.resource.spec.clone());
        for word in words::of_resource(&spec) {
            remove(&mut self.words, &word, number);
        }
        remove(&mut self.kinds, &spec.kind, number);
        if let Some(building) = &spec.building {
            remove(&mut self.buildings, building, number);
        }
        for word in &spec.equipment {
            remove(&mut self.equipment, word, number);
        }
        if let Some(members) = spec.group.and_then(|group| self.members.get_mut(&group.id)) {
            members.remove(&id);
        }
    }

    /// Where a resource stands in an order, or would.
    fn place(&self, order: Order, number: u32) -> Result<usize, usize> {
        let key = self.key(order, number);
        self.list(order).binary_search_by(|other| self.key(order, *other).cmp(&key))
    }

    fn key(&self, order: Order, number: u32) -> Option<(u32, &str, ResourceId)> {
        let resource = &self.rows.get(number as usize)?.resource;
        let seats = match order {
            Order::Name => 0,
            Order::Seats => resource.spec.seats.unwrap_or(u32::MAX),
        };
        Some((seats, &resource.spec.name, resource.id))
    }

    const fn list(&self, order: Order) -> &Vec<u32> {
        match order {
            Order::Name => &self.by_name,
            Order::Seats => &self.by_seats,
        }
    }

    const fn list_mut(&mut self, order: Order) -> &mut Vec<u32> {
        match order {
            Order::Name => &mut self.by_name,
            Order::Seats => &mut self.by_seats,
        }
    }

    /// How many resources there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Resources whose people are asked to say that they are there.
    pub fn asking_check_in(&self) -> Vec<ResourceId> {
        let asking = self.rows.iter().map(|row| &row.resource);
        let asking = asking.filter(|r| r.spec.kind != Kind::Group && r.spec.policy.check_in.is_some());
        asking.map(|r| r.id).collect()
    }

    /// What is in a group.
    pub fn members(&self, group: ResourceId) -> Members {
        self.members.get(&group).cloned().unwrap_or_default()
    }

    /// A resource as it is.
    pub fn resource(&self, id: ResourceId) -> Option<&Arc<Resource>> {
        Some(&self.rows.get(*self.numbers.get(&id)? as usize)?.resource)
    }

    /// A page of what matches, by name.
    pub fn resources(&self, filter: &ResourceFilter) -> Vec<Arc<Resource>> {
        let found = self.filtered(filter).all();
        let after = filter.after.as_ref().map(|(name, id)| (0, name.as_str(), *id));
        let first = self.by_name.partition_point(|n| after.is_some() && self.key(Order::Name, *n) <= after);
        let numbers = self.by_name.iter().skip(first).filter(|n| found.has(**n));
        numbers.filter_map(|n| Some(self.rows.get(*n as usize)?.resource.clone())).take(filter.max).collect()
    }

    /// Everything that matches, in order.
    pub fn matches(&self, filter: &ResourceFilter, order: Order) -> Vec<Match> {
        let found = self.filtered(filter).all();
        let numbers = self.list(order).iter().enumerate().filter(|(_, n)| found.has(**n));
        let matched = numbers.filter_map(|(rank, number)| {
            let row = self.rows.get(*number as usize)?;
            let (id, seats) = (row.resource.id, row.resource.spec.seats);
            Some(Match { id, number: *number, rank: rank as u32, rules: row.rules, seats })
        });
        matched.collect()
    }

    /// The place of a resource among all in an order.
    pub fn rank(&self, order: Order, id: ResourceId) -> Option<u32> {
        self.place(order, *self.numbers.get(&id)?).ok().map(|place| place as u32)
    }

    /// What filters can choose from. Kinds and buildings, of which any may match, are counted without the filter on themselves;
    /// equipment, of which all must be there, among what matches: each count is what one more choice would find.
    pub fn facets(&self, filter: &ResourceFilter) -> Facets {
        let sets = self.filtered(filter);
        let without_kind = sets.rest.and(&sets.buildings);
        let without_building = sets.rest.and(&sets.kind);
        let all = without_kind.and(&sets.kind);
        Facets {
            kinds: counts(self.bookable(), &without_kind),
            buildings: counts(&self.buildings, &without_building),
            equipment: counts(&self.equipment, &all),
        }
    }

    /// A resource with these rules, as it was when the first of them came: whatever a judgement asks of it is that of all.
    pub fn ruled(&self, rules: u32) -> Option<&Arc<Resource>> {
        self.rules.like.get(rules as usize).map(|(resource, _)| resource)
    }

    /// Which resources have nothing on them during a time: no booking, no hold, no block. "Not idle" may be wrong, "idle" not.
    pub fn idle(&self, taken: Interval) -> Idle<'_> {
        Idle(self.marks.during(taken))
    }

    /// What has something on it from an instant on, soonest first, at most `max`; of one day in no order.
    pub fn soonest(&self, from: Instant, max: usize) -> Vec<ResourceId> {
        let numbers = self.marks.soonest(from, self.rows.len(), max).into_iter();
        numbers.filter_map(|number| Some(self.rows.get(number as usize)?.resource.id)).collect()
    }

    fn filtered(&self, filter: &ResourceFilter) -> Sets {
        let all = || Set::all(self.rows.len());
        let any_of = |lists: &[&Vec<u32>]| {
            let mut set = Set::none(self.rows.len());
            lists.iter().for_each(|list| set.add(list));
            set
        };
        let kind = match filter.kind {
            Some(kind) => any_of(&Vec::from_iter(self.kinds.get(&kind))),
            None if self.kinds.contains_key(&Kind::Group) => {
                // A group is not booked: it is found by its kind alone.
                any_of(&self.bookable().map(|(_, list)| list).collect::<Vec<_>>())
            }
            None => all(),
        };
        let buildings = match filter.buildings.is_empty() {
            true => all(),
            false => any_of(&Vec::from_iter(filter.buildings.iter().filter_map(|b| self.buildings.get(b)))),
        };
        let mut rest = all();
        for word in &filter.equipment {
            rest = rest.and(&any_of(&Vec::from_iter(self.equipment.get(&word.trim().to_lowercase()))));
        }
        for word in filter.words.iter().flat_map(|text| words::asked(text)) {
            rest = rest.and(&any_of(&self.beginning_with(&word)));
        }
        if let Some(group) = filter.group {
            let members = self.members.get(&group).into_iter().flatten();
            rest = rest.and(&any_of(&[&members.filter_map(|id| self.numbers.get(id).copied()).collect()]));
        }
        if let Some(among) = &filter.among {
            rest = rest.and(&any_of(&[&among.iter().filter_map(|id| self.numbers.get(id).copied()).collect()]));
        }
        if filter.seats_min.is_some() || filter.seats_max.is_some() {
            let (min, max) = (filter.seats_min.unwrap_or(0), filter.seats_max.unwrap_or(u32::MAX));
            let seats = |n: &u32| self.key(Order::Seats, *n).map_or(u32::MAX, |(seats, ..)| seats);
            let (first, last) =
                (self.by_seats.partition_point(|n| seats(n) < min), self.by_seats.partition_point(|n| seats(n) <= max));
            let known = self.by_seats.iter().take(last).skip(first);
            let known = known.filter(|n| self.rows.get(**n as usize).is_some_and(|r| r.resource.spec.seats.is_some()));
            rest = rest.and(&any_of(&[&known.copied().collect()]));
        }
        Sets { kind, buildings, rest }
    }

    fn bookable(&self) -> impl Iterator<Item = (&Kind, &Vec<u32>)> {
        self.kinds.iter().filter(|(kind, _)| **kind != Kind::Group)
    }

    fn beginning_with(&self, word: &str) -> Vec<&Vec<u32>> {
        let from = self.words.range::<str, _>((std::ops::Bound::Included(word), std::ops::Bound::Unbounded));
        from.take_while(|(known, _)| known.starts_with(word)).map(|(_, list)| list).collect()
    }
}

impl Idle<'_> {
    /// Whether the resource of this number is idle.
    pub fn is(&self, number: u32) -> bool {
        self.0.iter().all(|(day, cells)| day.get(number as usize).is_none_or(|marked| marked & cells == 0))
    }
}

/// What each part of a filter lets through.
struct Sets {
    kind: Set,
    buildings: Set,
    rest: Set,
}

impl Sets {
    fn all(&self) -> Set {
        self.rest.and(&self.kind).and(&self.buildings)
    }
}

fn counts<'l, K: Ord + Clone + 'l>(
    lists: impl IntoIterator<Item = (&'l K, &'l Vec<u32>)>,
    among: &Set,
) -> BTreeMap<K, u64> {
    let counts = lists.into_iter().map(|(key, list)| (key, among.count(list)));
    counts.filter(|(_, count)| *count > 0).map(|(key, count)| (key.clone(), count)).collect()
}

fn insert(list: &mut Vec<u32>, number: u32) {
    if let Err(place) = list.binary_search(&number) {
        list.insert(place, number);
    }
}

fn remove<K: Ord>(lists: &mut BTreeMap<K, Vec<u32>>, key: &K, number: u32) {
    let Some(list) = lists.get_mut(key) else { return };
    if let Ok(place) = list.binary_search(&number) {
        list.remove(place);
    }
    if list.is_empty() {
        lists.remove(key);
    }
}

/// The different rules there are, each with a resource that has them and how many do.
#[derive(Debug, Default)]
struct Rulebook {
    numbers: HashMap<Rules, u32>,
    like: Vec<(Arc<Resource>, usize)>,
    unused: BTreeSet<u32>,
}

/// What a judgement asks of a resource on which nothing is taken.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Rules {
    policy: Policy,
    zone: String,
    capacity: Option<u32>,
    interval: Option<Interval>,
    group: bool,
    linked: Vec<Vec<ResourceId>>,
    meetings: Option<Vec<Meeting>>,
    /// How it counts under which quota: a person may have booked more of one than of another.
    counts: Option<(ResourceId, u16)>,
}

impl Rules {
    fn of(resource: &Resource) -> Rules {
        let spec = &resource.spec;
        let zone = spec.zone.name().to_owned();
        Rules {
            policy: spec.policy.clone(),
            zone,
            capacity: spec.capacity,
            interval: spec.interval,
            group: spec.kind == Kind::Group,
            linked: spec.linked.clone(),
            meetings: spec.meetings().map(<[_]>::to_vec),
            counts: resource.counts().map(|counts| (counts.of, counts.credits)),
        }
    }
}

impl Rulebook {
    /// The number of a resource's rules, with one more resource that has them.
    fn number(&mut self, resource: &Arc<Resource>) -> u32 {
        let rules = Rules::of(resource);
        if let Some(number) = self.numbers.get(&rules).copied() {
            if let Some((_, many)) = self.like.get_mut(number as usize) {
                *many += 1;
            }
            return number;
        }
        let unused = self.unused.pop_first();
        let number = unused.unwrap_or(self.like.len() as u32);
        match self.like.get_mut(number as usize) {
            Some(place) => *place = (resource.clone(), 1),
            None => self.like.push((resource.clone(), 1)),
        }
        self.numbers.insert(rules, number);
        number
    }

    fn let_go(&mut self, number: u32) {
        let Some((resource, many)) = self.like.get_mut(number as usize) else { return };
        *many -= 1;
        if *many == 0 {
            self.numbers.remove(&Rules::of(resource));
            self.unused.insert(number);
        }
    }
}
