//! What becomes of each state by each command, as the judgement says it: kept as `docs/reference/states.md`.
//! Nothing in the page is written by hand; `SLOTWISE_WRITE_STATES=1 cargo test -p slotwise-domain --test it states` writes it anew.

use slotwise_domain::*;
use uuid::Uuid;

const ADMIN: PersonId = PersonId(Uuid::from_u128(1));
const OWNER: PersonId = PersonId(Uuid::from_u128(2));
const OTHER: PersonId = PersonId(Uuid::from_u128(3));
const ROOM: ResourceId = ResourceId(Uuid::from_u128(10));
const HALL: ResourceId = ResourceId(Uuid::from_u128(11));
const BOOKING: BookingId = BookingId(Uuid::from_u128(20));
/// What somebody else has, who is first to give it up.
const OTHERS: BookingId = BookingId(Uuid::from_u128(24));
const HOLD: HoldId = HoldId(Uuid::from_u128(30));
const ENTRY: EntryId = EntryId(Uuid::from_u128(50));
/// Whatever is offered to whoever waits, as a command names it in each world.
const OFFER: HoldRef = HoldRef { id: HoldId(Uuid::nil()), token: FencingToken(Version::zero(Epoch(1)), 0) };
/// 1 June 2026, 08:00 UTC.
const NOW: Instant = Instant(1_780_300_800_000_000);

/// One table: a thing with its states and what is asked of it. More things are more of these in [`tables`].
struct Table {
    thing: &'static str,
    states: Vec<(&'static str, World)>,
    commands: Vec<(&'static str, Actor, Action)>,
    /// The state as it is called, in a world.
    state: fn(&World) -> String,
    /// States of which nothing becomes any more.
    ends: &'static [&'static str],
}

fn span(from_min: i64, to_min: i64) -> Interval {
    Interval::new(NOW.plus(Span::minutes(from_min)), NOW.plus(Span::minutes(to_min))).unwrap()
}

fn asked(actor: Actor, action: Action) -> Command {
    // That something is to be said is not the matter here.
    let reason = (actor == Actor::Person(ADMIN)).then(|| "paint".to_owned());
    Command { actor, action, seen: None, reason }
}

/// The world after commands that are all accepted, decided so many minutes before now.
fn after(commands: Vec<(i64, Actor, Action)>) -> World {
    let mut world = World::empty(Epoch(1));
    for (id, role) in [(ADMIN, Role::Admin), (OWNER, Role::Member), (OTHER, Role::Member)] {
        world.roles.insert(id, role);
        world.people.insert(id, Person::default());
        world.loaded.people.insert(id);
    }
    for (minutes, actor, action) in commands {
        let command = asked(actor, action);
        world.loaded.extend(&command.scope());
        let now = NOW.minus(Span::minutes(minutes));
        match decide(&world, &command, now) {
            Verdict::Accepted(changes, _) => {
                world.apply(&changes, now);
            }
            other => panic!("{command:?} makes no state: {other:?}"),
        }
    }
    world
}

fn create(resource: ResourceId, policy: Policy) -> (i64, Actor, Action) {
    let spec = ResourceSpec {
        kind: Kind::Room,
        name: "Room".into(),
        building: None,
        seats: None,
        equipment: Vec::new(),
        zone: Zone::utc(),
        capacity: Some(2),
        interval: None,
        policy,
        group: None,
        linked: Vec::new(),
        course: None,
    };
    (600, Actor::System, Action::CreateResource { resource, spec: Box::new(spec) })
}

fn line(resource: ResourceId, interval: Interval) -> Line {
    Line { resource, interval: Some(interval), units: 1 }
}

fn book(interval: Interval) -> (i64, Actor, Action) {
    let (booking, owner, details, hold) = (BOOKING, OWNER, Details::default(), None);
    let lines = vec![line(ROOM, interval)];
    (60, Actor::Person(OWNER), Action::Book { booking, owner, lines, details, hold })
}

fn block(displaces: Preview) -> Action {
    Action::AddBlock {
        resource: ROOM,
        policy_version: 1,
        block: BlockId(Uuid::from_u128(40)),
        interval: span(-60, 60),
        reason: "paint".into(),
        over_holds: OverHolds::Void,
        over_bookings: OverBookings::Displace(displaces),
        exceptions: Exceptions::default(),
    }
}

fn bookings() -> Table {
    let (ada, ben) = (Actor::Person(ADMIN), Actor::Person(OWNER));
    let named = BookingRef { id: BOOKING, revision: None };
    let why = || "paint".to_owned();
    // Begun ten minutes ago: check-in is open for ten more, or has closed five minutes ago.
    let open = CheckIn { opens: Span::hours(2), closes: Span::minutes(20) };
    let shut = CheckIn { opens: Span::hours(2), closes: Span::minutes(5) };
    let rules = |approval, takes, check_in| {
        create(ROOM, Policy { approval, pending_takes: takes, check_in: Some(check_in), ..Policy::default() })
    };
    let world = |approval, takes, check_in, more: Option<(i64, Actor, Action)>| {
        let mut commands = vec![rules(approval, takes, check_in), create(HALL, Policy::default())];
        commands.push(book(span(-10, 50)));
        commands.extend(more);
        after(commands)
    };
    let cancel = || Action::Cancel { booking: BOOKING, reason: Some(why()) };
    let states = vec![
        ("pending", world(true, false, open, None)),
        ("pending, takes its units", world(true, true, open, None)),
        ("confirmed, check-in open", world(false, false, open, None)),
        ("confirmed, check-in closed", world(false, false, shut, None)),
        ("checked_in", world(false, false, open, Some((5, ben, Action::CheckIn { booking: BOOKING })))),
        ("no_show", world(false, false, shut, Some((1, Actor::System, Action::ReleaseNoShow { booking: BOOKING })))),
        ("displaced", world(false, false, open, Some((1, ada, block(vec![(BOOKING, 1)]))))),
        ("cancelled", world(false, false, open, Some((1, ben, cancel())))),
    ];
    let commands = vec![
        ("approve", ada, Action::Approve { booking: BOOKING }),
        ("decline", ada, Action::Decline { booking: named, reason: why() }),
        ("check_in", ben, Action::CheckIn { booking: BOOKING }),
        ("release_no_show", Actor::System, Action::ReleaseNoShow { booking: BOOKING }),
        ("cancel", ben, cancel()),
        ("cancel by an admin", ada, cancel()),
        ("move, same start", ben, Action::Move { booking: named, to: vec![line(ROOM, span(-10, 30))] }),
        ("move, other start", ben, Action::Move { booking: named, to: vec![line(ROOM, span(120, 180))] }),
        ("edit_booking", ben, Action::EditBooking { booking: BOOKING, revision: 1, patch: DetailsPatch::default() }),
        ("hand_over", ada, Action::HandOver { booking: named, to: OTHER, reason: why() }),
        ("displaced by a block", ada, block(vec![(BOOKING, 1)])),
    ];
    let state = |world: &World| world.bookings[&BOOKING].state.name().to_owned();
    Table { thing: "Booking", states, commands, state, ends: &["no_show", "displaced", "cancelled"] }
}

fn holds() -> Table {
    let (ada, ben) = (Actor::Person(ADMIN), Actor::Person(OWNER));
    let granted = |minutes_ago: i64| {
        let hold = Action::Hold { hold: HOLD, line: line(ROOM, span(120, 180)) };
        let policy = Policy { hold_ttl: Span::minutes(5), ..Policy::default() };
        vec![create(ROOM, policy), create(HALL, Policy::default()), (minutes_ago, ben, hold)]
    };
    let named = |world: &World| {
        let hold = world.calendars[&ROOM].holds.get(&HOLD).copied();
        HoldRef { id: HOLD, token: hold.map_or(FencingToken(Version::zero(Epoch(1)), 0), |h| h.token) }
    };
    let live = after(granted(1));
    let current = named(&live);
    let released = {
        let mut commands = granted(2);
        commands.push((1, ben, Action::Release(current)));
        after(commands)
    };
    let book = |hold| {
        let (booking, owner, details) = (BOOKING, OWNER, Details::default());
        Action::Book { booking, owner, lines: vec![line(ROOM, span(120, 180))], details, hold }
    };
    let states = vec![("live", live), ("past its expiry", after(granted(10))), ("ended", released)];
    let commands = vec![
        ("renew", ben, Action::Renew(current)),
        ("release", ben, Action::Release(current)),
        (
            "set_hold",
            ada,
            Action::SetHold { hold: HOLD, until: Some(NOW.plus(Span::minutes(2))), reason: "paint".into() },
        ),
        ("end_hold", ada, Action::SetHold { hold: HOLD, until: None, reason: "paint".into() }),
        ("book with it", ben, book(Some(current))),
        ("book past it", ben, book(None)),
        ("expire_holds", Actor::System, Action::ExpireHolds { resource: ROOM }),
    ];
    let state = |world: &World| match world.holds.get(&HOLD) {
        Some((_, Some(EndedHold { end: HoldEnd::Expired, .. }))) => "expired".into(),
        Some((_, Some(EndedHold { end: HoldEnd::Released, .. }))) => "released".into(),
        Some((_, Some(EndedHold { end: HoldEnd::Consumed, .. }))) => "consumed".into(),
        Some((_, Some(EndedHold { end: HoldEnd::Superseded, .. }))) => "superseded".into(),
        Some((_, Some(EndedHold { end: HoldEnd::Voided, .. }))) => "voided".into(),
        Some((_, None)) if world.calendars[&ROOM].holds[&HOLD].expired(NOW) => "past its expiry".into(),
        Some((_, None)) | None => "live".to_owned(),
    };
    let ends = &["expired", "released", "consumed", "superseded", "voided"];
    Table { thing: "Hold", states, commands, state, ends }
}

/// A room that is full in two hours, and somebody waits for a unit of it, or for word of it.
fn waited_for(policy: Policy, wants: Wants) -> Vec<(i64, Actor, Action)> {
    let line = Line { units: 2, ..line(ROOM, span(120, 180)) };
    let (details, hold) = (Details::default(), None);
    let book = Action::Book { booking: OTHERS, owner: OTHER, lines: vec![line], details, hold };
    vec![
        create(ROOM, policy),
        create(HALL, Policy::default()),
        (60, Actor::Person(OTHER), book),
        (50, BEN, join(ENTRY, wants)),
    ]
}

const BEN: Actor = Actor::Person(OWNER);

fn join(entry: EntryId, wants: Wants) -> Action {
    let line = line(ROOM, span(120, 180));
    Action::JoinWaitlist { entry, owner: OWNER, line, class: 0, gives_up: None, wants }
}

fn waits(mode: WaitMode) -> Policy {
    Policy { waitlist: Some(Waitlist { mode, fill: WaitFill::Skip, capacity: None }), ..Policy::default() }
}

fn given_up(minutes_ago: i64) -> (i64, Actor, Action) {
    (minutes_ago, Actor::Person(OTHER), Action::Cancel { booking: OTHERS, reason: None })
}

/// The worlds of an entry, and of the offer that is made to it where there is one.
fn waiting(wants: Wants, mode: WaitMode, then: Vec<(i64, Actor, Action)>) -> World {
    let mut commands = waited_for(waits(mode), wants);
    commands.extend(then);
    after(commands)
}

const FIVE: WaitMode = WaitMode::Offer { ttl: Span::minutes(5) };

fn set_waitlist(waitlist: Option<Waitlist>) -> Action {
    let policy = Some(Policy { waitlist, ..Policy::default() });
    let patch = ResourcePatch { policy, ..ResourcePatch::default() };
    Action::EditResource { resource: ROOM, policy_version: 1, patch: Box::new(patch) }
}

fn entries() -> Table {
    let ada = Actor::Person(ADMIN);
    // The last minute to book was half an hour ago, and nobody has looked since.
    let late = Policy { book_by: Some(Cutoff::Elapsed(Span::minutes(150))), ..waits(FIVE) };
    let sweep = |minutes_ago| (minutes_ago, Actor::System, Action::ExpireHolds { resource: ROOM });
    let leave = || Action::LeaveWaitlist { entry: ENTRY };
    let states = vec![
        ("waits", waiting(Wants::Units, FIVE, vec![])),
        ("waits, and it is too late", after(waited_for(late, Wants::Units))),
        ("waits for word", waiting(Wants::Word, FIVE, vec![])),
        ("offered", waiting(Wants::Units, FIVE, vec![given_up(1)])),
        ("offered, past its deadline", waiting(Wants::Units, FIVE, vec![given_up(10)])),
        ("promoted", waiting(Wants::Units, WaitMode::Book, vec![given_up(1)])),
        ("left", waiting(Wants::Units, FIVE, vec![(1, BEN, leave())])),
        ("lapsed", waiting(Wants::Units, FIVE, vec![given_up(10), sweep(1)])),
        ("told", waiting(Wants::Word, FIVE, vec![given_up(1)])),
    ];
    let capacity = Action::SetCapacity {
        resource: ROOM,
        policy_version: 1,
        to: Some(3),
        seen_used: None,
        below: Below::Refuse,
        reason: Some("paint".into()),
    };
    let commands = vec![
        ("join_waitlist again", BEN, join(EntryId(Uuid::from_u128(51)), Wants::Units)),
        ("leave_waitlist", BEN, leave()),
        ("leave_waitlist by an admin", ada, leave()),
        ("set_class", ada, Action::SetClass { entry: ENTRY, class: 1 }),
        ("a cancel of what stands there", Actor::Person(OTHER), given_up(0).2),
        ("set_capacity to more", ada, capacity),
        ("the waitlist is done away with", ada, set_waitlist(None)),
        ("accept the offer", BEN, book_with(OFFER)),
        ("expire_holds", Actor::System, Action::ExpireHolds { resource: ROOM }),
    ];
    let state = |world: &World| match world.entries.get(&ENTRY) {
        Some((_, Some(ended))) => ended.end.name().into(),
        Some((_, None)) => match world.calendars[&ROOM].entry(ENTRY) {
            Some(WaitEntry { offer: Some(hold), .. }) if world.calendars[&ROOM].holds[hold].expired(NOW) => {
                "offered, past its deadline".into()
            }
            Some(WaitEntry { offer: Some(_), .. }) => "offered".into(),
            Some(WaitEntry { offer: None, .. }) | None => "waits".to_owned(),
        },
        None => "none".into(),
    };
    let ends = &["promoted", "left", "lapsed", "voided", "told"];
    Table { thing: "Waitlist entry", states, commands, state, ends }
}

fn book_with(hold: HoldRef) -> Action {
    let (booking, owner, details) = (BOOKING, OWNER, Details::default());
    Action::Book { booking, owner, lines: vec![line(ROOM, span(120, 180))], details, hold: Some(hold) }
}

/// The hold that is or was offered to whoever waits.
fn offer(world: &World) -> Option<(Hold, Option<HoldEnd>)> {
    let live = world.calendars[&ROOM].holds.values().find(|h| h.offer == Some(ENTRY)).map(|h| (*h, None));
    let ended = world.holds.values().filter_map(|(_, ended)| ended.as_ref()).find(|e| e.hold.offer == Some(ENTRY));
    live.or_else(|| ended.map(|e| (e.hold, Some(e.end))))
}

fn offers() -> Table {
    let ada = Actor::Person(ADMIN);
    let offered = |then: Vec<(i64, Actor, Action)>| {
        let mut commands = waited_for(waits(FIVE), Wants::Units);
        commands.push(given_up(3));
        let world = after(commands.clone());
        // What is done with the offer names it as it was made.
        commands.extend(then.into_iter().map(|(at, actor, action)| (at, actor, naming(&world, action))));
        after(commands)
    };
    let states = vec![
        ("stands", offered(vec![])),
        ("past its deadline", waiting(Wants::Units, FIVE, vec![given_up(10)])),
        ("taken", offered(vec![(1, BEN, book_with(OFFER))])),
        ("declined", offered(vec![(1, BEN, Action::Release(OFFER))])),
        ("voided", offered(vec![(1, ada, void())])),
    ];
    let commands = vec![
        ("accept: book with it", BEN, book_with(OFFER)),
        ("accept by somebody else", Actor::Person(OTHER), book_with(OFFER)),
        ("decline: release", BEN, Action::Release(OFFER)),
        ("leave_waitlist", BEN, Action::LeaveWaitlist { entry: ENTRY }),
        ("renew", BEN, Action::Renew(OFFER)),
        ("a hold of their own in its place", BEN, Action::Hold { hold: HOLD, line: line(ROOM, span(120, 180)) }),
        ("a block over it", ada, void()),
        (
            "close",
            ada,
            Action::SetService { resource: ROOM, policy_version: 1, service: Service::Closed, reason: "paint".into() },
        ),
        ("expire_holds", Actor::System, Action::ExpireHolds { resource: ROOM }),
    ];
    let state = |world: &World| match offer(world) {
        Some((hold, None)) if hold.expired(NOW) => "past its deadline".into(),
        Some((_, None)) => "stands".into(),
        Some((_, Some(HoldEnd::Consumed))) => "taken".into(),
        Some((_, Some(HoldEnd::Released))) => "declined".into(),
        Some((_, Some(HoldEnd::Expired))) => "lapsed".into(),
        Some((_, Some(HoldEnd::Superseded))) => "gone on in a hold".into(),
        Some((_, Some(HoldEnd::Voided))) => "voided".into(),
        None => "none".to_owned(),
    };
    Table { thing: "Offer", states, commands, state, ends: &["taken", "declined", "lapsed", "voided"] }
}

/// Takes the time out of use, whoever holds it.
fn void() -> Action {
    Action::AddBlock {
        resource: ROOM,
        policy_version: 1,
        block: BlockId(Uuid::from_u128(41)),
        interval: span(120, 180),
        reason: "paint".into(),
        over_holds: OverHolds::Void,
        over_bookings: OverBookings::Displace(Vec::new()),
        exceptions: Exceptions::default(),
    }
}

/// The command with the offer of this world where it names one.
fn naming(world: &World, mut action: Action) -> Action {
    let named = offer(world).map_or(OFFER, |(hold, _)| HoldRef { id: hold.id, token: hold.token });
    if let Action::Book { hold: Some(hold), .. } | Action::Release(hold) | Action::Renew(hold) = &mut action
        && *hold == OFFER
    {
        *hold = named;
    }
    action
}

fn resources() -> Table {
    let (ada, ben) = (Actor::Person(ADMIN), Actor::Person(OWNER));
    let service = |service| Action::SetService { resource: ROOM, policy_version: 1, service, reason: "paint".into() };
    let capacity = |to: u32, below| {
        let (to, reason) = (Some(to), Some("paint".to_owned()));
        Action::SetCapacity { resource: ROOM, policy_version: 1, to, seen_used: None, below, reason }
    };
    let two = || {
        let mut commands = vec![create(ROOM, Policy::default()), create(HALL, Policy::default())];
        commands.push(book(span(-10, 50)));
        let (booking, details) = (BookingId(Uuid::from_u128(21)), Details::default());
        let lines = vec![line(ROOM, span(-10, 50))];
        let other = Action::Book { booking, owner: OTHER, lines, details, hold: None };
        commands.push((30, Actor::Person(OTHER), other));
        commands
    };
    let with = |more: Action| {
        let mut commands = two();
        commands.push((1, ada, more));
        after(commands)
    };
    let states = vec![
        ("open", after(two())),
        ("closed", with(service(Service::Closed))),
        ("over-committed", with(capacity(1, Below::OverCommit))),
    ];
    let newcomer = Action::Book {
        booking: BookingId(Uuid::from_u128(22)),
        owner: OWNER,
        lines: vec![line(ROOM, span(10, 20))],
        details: Details::default(),
        hold: None,
    };
    let preview = || vec![(BookingId(Uuid::from_u128(21)), 1)];
    let commands = vec![
        ("close", ada, service(Service::Closed)),
        ("reopen", ada, service(Service::Open)),
        ("set_capacity below use, refuse", ada, capacity(1, Below::Refuse)),
        ("set_capacity below use, over_commit", ada, capacity(1, Below::OverCommit)),
        ("set_capacity below use, displace_newest", ada, capacity(1, Below::DisplaceNewest(preview()))),
        ("set_capacity to more", ada, capacity(5, Below::Refuse)),
        ("a cancel on it", ben, Action::Cancel { booking: BOOKING, reason: None }),
        ("a booking when it is full", ben, newcomer),
    ];
    let state = |world: &World| {
        let calendar = &world.calendars[&ROOM];
        match (calendar.resource.spec.policy.closed, calendar.over_commit) {
            (true, _) => "closed".into(),
            (false, 0) => "open".into(),
            (false, _) => "over-committed".to_owned(),
        }
    };
    Table { thing: "Resource", states, commands, state, ends: &[] }
}

fn tables() -> Vec<Table> {
    vec![bookings(), holds(), entries(), offers(), resources()]
}

/// The command as somebody sends it who sees this world.
fn as_seen(world: &World, action: &Action) -> Action {
    let mut action = naming(world, action.clone());
    if let Action::EditResource { resource, policy_version, .. }
    | Action::AddBlock { resource, policy_version, .. }
    | Action::SetCapacity { resource, policy_version, .. }
    | Action::SetService { resource, policy_version, .. } = &mut action
    {
        *policy_version = world.calendars[resource].resource.policy_version;
    }
    // Edits name what they saw: the matter here is not who was faster.
    if let Action::EditBooking { booking, revision, .. } = &mut action {
        *revision = world.bookings[booking].revision;
    }
    if let Action::AddBlock { over_bookings: OverBookings::Displace(preview), .. } = &mut action {
        preview.iter_mut().for_each(|(id, revision)| *revision = world.bookings[id].revision);
    }
    action
}

/// What the judgement says of a command in a state: the next state, or the code.
fn said(table: &Table, world: &World, actor: Actor, action: &Action) -> String {
    let mut world = world.clone();
    let action = as_seen(&world, action);
    let command = asked(actor, action);
    world.loaded.extend(&command.scope());
    let before = (table.state)(&world);
    match decide(&world, &command, NOW) {
        Verdict::Accepted(changes, _) => {
            let nothing = changes.is_empty();
            world.apply(&changes, NOW);
            let next = (table.state)(&world);
            match next == before {
                true if nothing => "no change".into(),
                true => format!("stays {next}"),
                false => format!("**{next}**"),
            }
        }
        Verdict::Rejected(rejection, _) => format!("`{}`", rejection.code.name()),
        Verdict::Moved(_) => "412 `version_stale`".into(),
        Verdict::Needs(scope) => panic!("everything is loaded, and it needs {scope:?}"),
    }
}

/// The command once more, making something of its own.
fn anew(mut action: Action) -> Action {
    let other = |id: Uuid| Uuid::from_u128(id.as_u128() + 100);
    match &mut action {
        Action::Book { booking, .. } => *booking = BookingId(other(booking.0)),
        Action::Hold { hold, .. } => *hold = HoldId(other(hold.0)),
        Action::JoinWaitlist { entry, .. } => *entry = EntryId(other(entry.0)),
        Action::AddBlock { block, .. } => *block = BlockId(other(block.0)),
        _ => {}
    }
    action
}

/// What is so after a command, whatever was said to it.
fn then(mut world: World, actor: Actor, action: Action) -> World {
    let command = asked(actor, action);
    world.loaded.extend(&command.scope());
    let proposal = Proposal {
        key: AttemptKey { part: PartId::DEFAULT, actor: actor.uuid(), key: Uuid::nil() },
        fingerprint: Fingerprint([0; 32]),
        command,
        observed: vec![],
        hint: None,
    };
    match settle(&world, &proposal, NOW) {
        Verdict::Accepted(changes, _) | Verdict::Rejected(_, changes) => drop(world.apply(&changes, NOW)),
        Verdict::Moved(_) => {}
        Verdict::Needs(scope) => panic!("everything is loaded, and it needs {scope:?}"),
    }
    world
}

/// What a thing is after two commands that were sent at once, the row's decided first. What has ended stays so.
fn both(table: &Table, world: &World, one: (Actor, &Action), other: (Actor, &Action)) -> String {
    let [(by, first), (also, second)] = [one, other].map(|(actor, action)| (actor, as_seen(world, action)));
    let between = then(world.clone(), by, first);
    let after = then(between.clone(), also, anew(second));
    let (was, is) = ((table.state)(&between), (table.state)(&after));
    assert!(!table.ends.contains(&&*was) || was == is, "{}: {was} became {is}", table.thing);
    is
}

fn page() -> String {
    let mut page = String::from(
        "# States\n\n\
         What becomes of each state by each command. Made from the judgement itself by a test of `crates/domain`; a state in bold is the next\n\
         one, a code in `type` is the refusal, and *no change* is an answer too: what is so already is not done again.\n\
         Below each table is what becomes of two commands at once that saw the same: decided in one order it is what the row of the\n\
         first says, in the other what the row of the other says, and nothing else is allowed. Each store is held to every cell.\n",
    );
    for table in tables() {
        page += &format!("\n## {}\n\n| |", table.thing);
        for (state, _) in &table.states {
            page += &format!(" {state} |");
        }
        page += &format!("\n|---|{}\n", "---|".repeat(table.states.len()));
        for (name, actor, action) in &table.commands {
            page += &format!("| {name} |");
            for (_, world) in &table.states {
                page += &format!(" {} |", said(&table, world, *actor, action));
            }
            page.push('\n');
        }
        for (state, world) in table.states.iter().filter(|(_, world)| !table.ends.contains(&&*(table.state)(world))) {
            page += &format!(
                "\n{}, {state}, two at once: what it is after both, the row's decided first.\n\n| |",
                table.thing
            );
            for (name, ..) in &table.commands {
                page += &format!(" {name} |");
            }
            page += &format!("\n|---|{}\n", "---|".repeat(table.commands.len()));
            for (name, actor, action) in &table.commands {
                page += &format!("| {name} |");
                for (_, also, other) in &table.commands {
                    page += &format!(" {} |", both(&table, world, (*actor, action), (*also, other)));
                }
                page.push('\n');
            }
        }
    }
    page
}

#[test]
fn the_page_of_states_is_what_the_judgement_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/states.md");
    let page = page();
    if std::env::var_os("SLOTWISE_WRITE_STATES").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page, "docs/reference/states.md is not what the judgement says; write it anew:\n{page}");
}
