//! Every state of the protocol in small: holds, commits, keys and a waitlist of two seats, with clients that ask twice, a server that
//! crashes and a clock that is set back. The variants that others use, and that do not hold, are here too: each must be found wrong.

use Exec::{Began, Done, Nothing, Ready, Wrote};
use Outcome::{Booked, Failed, Rejected};
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::collections::BTreeSet;

/// Units there are.
const SEATS: usize = 2;
/// A hold lasts so long, by a clock that goes up to [`LAST`].
const TTL: u8 = 2;
const LAST: u8 = 4;
/// From here on it is too late to book.
const CUTOFF: u8 = 4;

/// What a commit asks of the hold.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    /// Nothing: the handler has looked before.
    Unasked,
    /// That no higher one was seen on a write.
    NotBelowSeen,
    /// That it is the one granted now.
    Current,
}

/// When the answer of a key is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Key {
    /// With its effect.
    Within,
    /// In a second transaction.
    After,
    /// "In progress" before it, and the answer after it.
    Before,
}

/// Who gives what a cancel frees to whoever waits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Promote {
    /// The commit that frees it.
    Within,
    /// A job, later.
    Job,
    /// The commit that frees it, for whoever was first when it was read.
    FromSnapshot,
}

/// A protocol.
#[derive(Clone, Debug)]
struct Protocol {
    clients: usize,
    token: Token,
    /// The commit asks that nothing has changed since it was looked at.
    version: bool,
    /// The commit asks that the seat is free.
    seat: bool,
    /// The commit asks that the hold has not expired.
    expiry: bool,
    cutoff: bool,
    key: Key,
    promote: Promote,
    /// How often a key may be sent.
    sends: u8,
    crashes: u8,
}

/// As it is built.
const FULL: Protocol = Protocol {
    clients: 3,
    token: Token::Current,
    version: false,
    seat: true,
    expiry: true,
    cutoff: true,
    key: Key::Within,
    promote: Promote::Within,
    sends: 2,
    crashes: 1,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Outcome {
    Booked,
    Rejected,
    Failed,
}

/// One execution of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Exec {
    Nothing,
    /// It has looked: at this version of the seat.
    Ready {
        version: u8,
    },
    /// Its key is written as in progress.
    Began {
        version: u8,
    },
    /// Its effect is written, and its key is not.
    Wrote(Outcome),
    /// Its answer is on its way.
    Done(Outcome),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lease {
    holder: u8,
    token: u8,
    until: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Seat {
    /// Who has it, and whether they waited for it.
    taken: Option<(u8, bool)>,
    lease: Option<Lease>,
    seen: u8,
    version: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Recorded {
    InProgress,
    Answer(Outcome),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Client {
    /// The seat and token of their hold, as they were told.
    hold: Option<(u8, u8)>,
    key: Option<Recorded>,
    execs: [Exec; 2],
    sends: u8,
    told_booked: bool,
    told_rejected: bool,
    /// Their command has taken effect.
    effect: bool,
    waited: bool,
    /// They cancel: the seat, and who was first in line when that was read.
    cancelling: Option<(u8, Option<u8>)>,
}

const NEW: Client = Client {
    hold: None,
    key: None,
    execs: [Nothing; 2],
    sends: 0,
    told_booked: false,
    told_rejected: false,
    effect: false,
    waited: false,
    cancelling: None,
};

/// What must never be, once it has been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Wrong {
    double: bool,
    stale: bool,
    late: bool,
    told_both: bool,
    sniped: bool,
    twice: bool,
}

/// What came about, so that a search that never meets it is known to be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Met {
    replayed: bool,
    crossed: bool,
    regranted: bool,
    promoted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    now: u8,
    decided: u8,
    set_back: bool,
    crashes: u8,
    tokens: u8,
    seats: [Seat; SEATS],
    clients: [Client; 4],
    waiting: Vec<u8>,
    wrong: Wrong,
    met: Met,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Tick,
    SetBack,
    Crash,
    Grant(u8, u8),
    Send(u8, u8),
    Begin(u8, u8),
    Commit(u8, u8),
    Record(u8, u8),
    Tell(u8, u8),
    Lose(u8, u8),
    Join(u8),
    CancelRead(u8, u8),
    CancelWrite(u8),
    Job,
    Sweep(u8),
}

impl State {
    /// The decision instant: never before an earlier one.
    fn decide(&mut self) -> u8 {
        self.decided = self.decided.max(self.now);
        self.decided
    }

    /// Whatever is free is given to whoever is first, unless it is too late.
    fn promote(&mut self, at: u8) {
        while at < CUTOFF
            && let Some(seat) = self.seats.iter_mut().find(|s| s.taken.is_none() && s.lease.is_none())
            && !self.waiting.is_empty()
        {
            let first = self.waiting.remove(0);
            seat.taken = Some((first, true));
            seat.version += 1;
            self.met.promoted = true;
        }
    }

    /// What fell due happens before anything else.
    fn fall_due(&mut self, protocol: &Protocol, at: u8) {
        for seat in &mut self.seats {
            if seat.lease.is_some_and(|l| at >= l.until) {
                seat.lease = None;
            }
        }
        if protocol.promote == Promote::Within {
            self.promote(at);
        }
    }
}

impl Protocol {
    /// What is said of a command, and what it does.
    fn commit(&self, state: &mut State, c: u8, looked_at: u8) -> Outcome {
        let at = state.decide();
        let Some((seat, token)) = state.clients[usize::from(c)].hold else { return Failed };
        let s = state.seats[usize::from(seat)];
        let current = s.lease.filter(|l| (l.holder, l.token) == (c, token));
        let live = current.is_some_and(|l| at < l.until);
        let fenced = match self.token {
            Token::Unasked => true,
            Token::NotBelowSeen => token >= s.seen,
            Token::Current => current.is_some(),
        };
        if self.version && s.version != looked_at {
            return Failed;
        }
        let free = s.taken.is_none() || !self.seat;
        if !fenced || !free || (self.expiry && !live) || (self.cutoff && at >= CUTOFF) {
            state.met.crossed |= live && at >= CUTOFF;
            // A refused confirm lets its own hold go.
            if current.is_some() {
                state.seats[usize::from(seat)].lease = None;
                if self.promote == Promote::Within {
                    state.promote(at);
                }
            }
            return Rejected;
        }
        state.wrong.double |= s.taken.is_some();
        state.wrong.stale |= !live;
        state.wrong.late |= at >= CUTOFF;
        let seat = &mut state.seats[usize::from(seat)];
        seat.taken = Some((c, false));
        seat.version += 1;
        seat.seen = seat.seen.max(token);
        if current.is_some() {
            seat.lease = None;
        }
        state.clients[usize::from(c)].effect = true;
        Booked
    }

    fn tell(state: &mut State, c: u8, outcome: Outcome) {
        let client = &mut state.clients[usize::from(c)];
        match outcome {
            Booked => client.told_booked = true,
            Rejected => client.told_rejected = true,
            Failed => {}
        }
        // One outcome of one key, and it is so.
        state.wrong.told_both |= client.told_rejected && (client.told_booked || client.effect);
    }

    fn act(&self, state: &mut State, action: Action) -> Option<()> {
        match action {
            Action::Tick => state.now += 1,
            Action::SetBack => {
                state.now -= 1;
                state.set_back = true;
            }
            Action::Crash => {
                state.crashes += 1;
                state.clients.iter_mut().for_each(|c| c.execs = [Nothing; 2]);
            }
            Action::Grant(c, n) => {
                let at = state.decide();
                let leased = state.seats[usize::from(n)].lease;
                state.fall_due(self, at);
                let owed = !state.waiting.is_empty();
                let seat = &mut state.seats[usize::from(n)];
                if seat.taken.is_some()
                    || seat.lease.is_some()
                    || at >= CUTOFF
                    || (owed && self.promote == Promote::Within)
                {
                    return None;
                }
                state.tokens += 1;
                state.wrong.sniped |= owed;
                state.met.regranted |= leased.is_some_and(|l| l.holder != c);
                seat.lease = Some(Lease { holder: c, token: state.tokens, until: at + TTL });
                // A grant raises the version, so that whoever looked before it has looked at something else.
                seat.version += 1;
                state.clients[usize::from(c)].hold = Some((n, state.tokens));
            }
            Action::Send(c, e) => {
                let client = state.clients[usize::from(c)];
                let (seat, token) = client.hold?;
                let s = state.seats[usize::from(seat)];
                // The handler looks; where nothing else does, it is all there is.
                let holds = s.lease.is_some_and(|l| l.token == token && state.now < l.until);
                if !holds && self.token == Token::Unasked && !self.seat {
                    return None;
                }
                let client = &mut state.clients[usize::from(c)];
                client.sends += 1;
                client.execs[usize::from(e)] = Ready { version: s.version };
            }
            Action::Begin(c, e) => {
                let client = &mut state.clients[usize::from(c)];
                let Ready { version } = client.execs[usize::from(e)] else { return None };
                client.execs[usize::from(e)] = match client.key {
                    None => Began { version },
                    Some(Recorded::InProgress) => Done(Failed),
                    Some(Recorded::Answer(outcome)) => Done(outcome),
                };
                client.key.get_or_insert(Recorded::InProgress);
            }
            Action::Commit(c, e) => {
                let client = state.clients[usize::from(c)];
                let (Ready { version } | Began { version }) = client.execs[usize::from(e)] else { return None };
                let exec = match (client.key, self.key) {
                    (Some(Recorded::Answer(outcome)), Key::Within | Key::After) => {
                        state.met.replayed = true;
                        Done(outcome)
                    }
                    (_, _) => {
                        let outcome = self.commit(state, c, version);
                        match (self.key, outcome) {
                            (Key::Within, Booked | Rejected) => {
                                state.clients[usize::from(c)].key = Some(Recorded::Answer(outcome));
                                Done(outcome)
                            }
                            (Key::Within, Failed) => Done(Failed),
                            (Key::After | Key::Before, outcome) => Wrote(outcome),
                        }
                    }
                };
                state.clients[usize::from(c)].execs[usize::from(e)] = exec;
            }
            Action::Record(c, e) => {
                let client = &mut state.clients[usize::from(c)];
                let Wrote(outcome) = client.execs[usize::from(e)] else { return None };
                match (self.key, outcome) {
                    (_, Failed) => client.key = None,
                    (Key::After, outcome) => drop(client.key.get_or_insert(Recorded::Answer(outcome))),
                    (Key::Within | Key::Before, outcome) => client.key = Some(Recorded::Answer(outcome)),
                }
                client.execs[usize::from(e)] = Done(outcome);
            }
            Action::Tell(c, e) => {
                let Done(outcome) = state.clients[usize::from(c)].execs[usize::from(e)] else { return None };
                state.clients[usize::from(c)].execs[usize::from(e)] = Nothing;
                Protocol::tell(state, c, outcome);
            }
            Action::Lose(c, e) => state.clients[usize::from(c)].execs[usize::from(e)] = Nothing,
            Action::Join(c) => {
                let at = state.decide();
                state.fall_due(self, at);
                let full = state.seats.iter().all(|s| s.taken.is_some() || s.lease.is_some());
                if !full || at >= CUTOFF {
                    return None;
                }
                state.waiting.push(c);
                state.clients[usize::from(c)].waited = true;
            }
            Action::CancelRead(c, n) => {
                let first = state.waiting.first().copied();
                state.clients[usize::from(c)].cancelling = Some((n, first));
            }
            Action::CancelWrite(c) => {
                let at = state.decide();
                let (n, first) = state.clients[usize::from(c)].cancelling.take()?;
                let seat = &mut state.seats[usize::from(n)];
                (seat.taken, seat.version) = (None, seat.version + 1);
                match self.promote {
                    Promote::Within => state.fall_due(self, at),
                    Promote::Job => {}
                    Promote::FromSnapshot => {
                        let had = |s: &Seat| s.taken.is_some_and(|(who, waited)| waited && Some(who) == first);
                        let twice = state.seats.iter().any(had);
                        state.wrong.twice |= twice;
                        state.seats[usize::from(n)].taken = first.map(|who| (who, true));
                        state.waiting.retain(|who| Some(*who) != first);
                    }
                }
            }
            Action::Job => {
                let at = state.decide();
                state.promote(at);
            }
            Action::Sweep(n) => {
                let at = state.decide();
                state.seats[usize::from(n)].lease.filter(|l| at >= l.until)?;
                state.fall_due(self, at);
            }
        }
        Some(())
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 0,
            decided: 0,
            set_back: false,
            crashes: 0,
            tokens: 0,
            seats: Default::default(),
            clients: [NEW; 4],
            waiting: Vec::new(),
            wrong: Wrong::default(),
            met: Met::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.now < LAST {
            actions.push(Action::Tick);
        }
        if !state.set_back && state.now > 0 {
            actions.push(Action::SetBack);
        }
        if state.crashes < self.crashes {
            actions.push(Action::Crash);
        }
        for (n, seat) in state.seats.iter().enumerate() {
            let n = n as u8;
            if seat.lease.is_some() {
                actions.push(Action::Sweep(n));
            }
        }
        if self.promote == Promote::Job && !state.waiting.is_empty() {
            actions.push(Action::Job);
        }
        for (c, client) in state.clients.iter().enumerate().take(self.clients) {
            let c = c as u8;
            for n in 0..SEATS as u8 {
                let has = state.seats[usize::from(n)].taken.is_some_and(|(who, _)| who == c);
                if client.hold.is_none() && !client.waited {
                    actions.push(Action::Grant(c, n));
                }
                if has && client.told_booked && client.cancelling.is_none() {
                    actions.push(Action::CancelRead(c, n));
                }
            }
            if client.hold.is_none() && !client.waited {
                actions.push(Action::Join(c));
            }
            if client.cancelling.is_some() {
                actions.push(Action::CancelWrite(c));
            }
            for (e, exec) in client.execs.iter().enumerate() {
                let e = e as u8;
                match exec {
                    Nothing if client.hold.is_some() && client.sends < self.sends && client.cancelling.is_none() => {
                        // The second of two that are alike begins after the first.
                        let first = client.execs.iter().position(|x| *x == Nothing);
                        if first == Some(usize::from(e)) {
                            actions.push(Action::Send(c, e));
                        }
                    }
                    Nothing => {}
                    Ready { .. } if self.key == Key::Before => actions.push(Action::Begin(c, e)),
                    Ready { .. } | Began { .. } => actions.push(Action::Commit(c, e)),
                    Wrote(_) => actions.push(Action::Record(c, e)),
                    Done(_) => actions.extend([Action::Tell(c, e), Action::Lose(c, e)]),
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.act(&mut state, action)?;
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_DOUBLE, |_, s: &State| !s.wrong.double),
            Property::always(NO_STALE, |_, s: &State| !s.wrong.stale),
            Property::always(NOT_LATE, |_, s: &State| !s.wrong.late),
            Property::always(ONE_OUTCOME, |_, s: &State| !s.wrong.told_both),
            Property::always(NO_SNIPE, |_, s: &State| !s.wrong.sniped),
            Property::always(NOT_TWICE, |_, s: &State| !s.wrong.twice),
            Property::always(NOT_STUCK, |_, s: &State| {
                let finishes = |e: &Exec| matches!(e, Began { .. } | Wrote(_));
                s.clients.iter().all(|c| c.key != Some(Recorded::InProgress) || c.execs.iter().any(finishes))
            }),
            Property::always(NO_IDLE, |protocol: &Protocol, s: &State| {
                let free = s.seats.iter().any(|seat| seat.taken.is_none() && seat.lease.is_none());
                protocol.promote == Promote::Job || s.waiting.is_empty() || !free || s.decided >= CUTOFF
            }),
            Property::sometimes("booked, and told so", |_, s: &State| s.clients.iter().any(|c| c.told_booked)),
            Property::sometimes("refused, and told so", |_, s: &State| s.clients.iter().any(|c| c.told_rejected)),
            Property::sometimes("booked, and the server crashed before it was told", |_, s: &State| {
                s.crashes > 0 && s.clients.iter().any(|c| c.effect && !c.told_booked && c.execs == [Nothing; 2])
            }),
            Property::sometimes("told the answer of an earlier execution", |_, s: &State| s.met.replayed),
            Property::sometimes("the cutoff passed under a live hold", |_, s: &State| s.met.crossed),
            Property::sometimes("granted anew after a hold had expired", |_, s: &State| s.met.regranted),
            Property::sometimes("promoted", |_, s: &State| s.met.promoted),
            Property::sometimes("decided after the clock was set back", |_, s: &State| s.set_back && s.decided > s.now),
        ]
    }
}

const NO_DOUBLE: &str = "a seat is one person's";
const NO_STALE: &str = "a hold that has expired or was superseded never commits";
const NOT_LATE: &str = "nothing is booked from the cutoff on";
const ONE_OUTCOME: &str = "a key has one outcome, and it is so";
const NO_SNIPE: &str = "a newcomer never gets what is owed";
const NOT_TWICE: &str = "whoever waits is promoted once";
const NOT_STUCK: &str = "no key is in progress for ever";
const NO_IDLE: &str = "no seat stays free while somebody waits for it";
const SOMETIMES: usize = 8;

#[test]
fn the_protocol_as_it_is_built_holds_in_every_state() {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    let checker = FULL
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(STATES)
        .spawn_bfs()
        .join();
    let found = checker.discoveries();
    for (name, path) in &found {
        let always =
            FULL.properties().iter().any(|p| p.name == *name && p.expectation == stateright::Expectation::Always);
        assert!(!always, "{name}: {path:?}");
    }
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    assert_eq!(
        found.len(),
        SOMETIMES,
        "a search that never meets something proves nothing about it: {:?}",
        found.keys()
    );
    assert!(checker.unique_state_count() >= 1_000_000, "only {} states", checker.unique_state_count());
}

/// States that are looked at, the same ones counted again.
const STATES: usize = 12_000_000;

/// What is found wrong with a protocol, of these; whatever else must hold does.
fn check(name: &str, protocol: Protocol, wrong: &[&'static str], holds: &[&'static str]) {
    let wanted: BTreeSet<&'static str> = wrong.iter().copied().collect();
    let all = || protocol.clone().checker().threads(2);
    let found = all().finish_when(HasDiscoveries::AllOf(wanted.clone())).spawn_bfs().join();
    let discoveries = found.discoveries();
    for wrong in wrong {
        let path = discoveries.get(wrong);
        assert!(path.is_some(), "{name}: it is not found that {wrong}");
        println!(
            "{name}: after {} steps of {} states not: {wrong}",
            path.map_or(0, |p| p.clone().into_actions().len()),
            found.unique_state_count()
        );
    }
    let wrong: BTreeSet<&'static str> = holds.iter().copied().collect();
    if !wrong.is_empty() {
        let found = all().finish_when(HasDiscoveries::AnyOf(wrong.clone())).spawn_bfs().join();
        let broken: Vec<_> = found.discoveries().into_keys().filter(|name| wrong.contains(name)).collect();
        assert!(broken.is_empty(), "{name}: {broken:?} should hold");
    }
}

/// Two clients who send once: enough for each of them, and searched to its end.
const SMALL: Protocol = Protocol { clients: 2, sends: 1, crashes: 0, ..FULL };

#[test]
fn a_hold_that_only_the_handler_looks_at_is_none() {
    let lease_only = Protocol { token: Token::Unasked, seat: false, expiry: false, cutoff: false, ..SMALL };
    check("lease only", lease_only, &[NO_DOUBLE, NO_STALE], &[]);
}

#[test]
fn fencing_by_the_highest_token_seen_books_twice() {
    let max_seen = Protocol { token: Token::NotBelowSeen, seat: false, expiry: false, cutoff: false, ..SMALL };
    check("max seen", max_seen, &[NO_DOUBLE, NO_STALE], &[]);
}

#[test]
fn versions_alone_let_an_expired_hold_win() {
    let version_only = Protocol { token: Token::Unasked, version: true, expiry: false, cutoff: false, ..SMALL };
    check("versions alone", version_only, &[NO_STALE], &[NO_DOUBLE]);
}

#[test]
fn the_current_token_without_its_expiry_commits_late() {
    let no_expiry = Protocol { expiry: false, cutoff: false, ..SMALL };
    check("the current token", no_expiry, &[NO_STALE, NOT_LATE], &[NO_DOUBLE]);
}

#[test]
fn the_expiry_alone_misses_the_cutoff() {
    check("token and expiry", Protocol { cutoff: false, ..SMALL }, &[NOT_LATE], &[NO_DOUBLE, NO_STALE]);
}

#[test]
fn a_key_recorded_after_its_effect_is_told_otherwise() {
    let after = Protocol { key: Key::After, clients: 1, sends: 2, ..SMALL };
    check("key after", after, &[ONE_OUTCOME], &[NO_DOUBLE]);
}

#[test]
fn a_key_in_progress_before_a_crash_is_stuck() {
    let before = Protocol { key: Key::Before, clients: 1, sends: 2, crashes: 1, ..SMALL };
    check("key before", before, &[NOT_STUCK], &[NO_DOUBLE]);
}

#[test]
fn a_promotion_job_lets_a_newcomer_in() {
    let job = Protocol { promote: Promote::Job, clients: 4, ..SMALL };
    check("promotion job", job, &[NO_SNIPE], &[]);
}

#[test]
fn a_promotion_from_a_snapshot_promotes_twice() {
    let snapshot = Protocol { promote: Promote::FromSnapshot, clients: 3, ..SMALL };
    check("promotion from a snapshot", snapshot, &[NOT_TWICE], &[]);
}

#[test]
fn two_clients_are_searched_to_the_end() {
    let every = [NO_DOUBLE, NO_STALE, NOT_LATE, ONE_OUTCOME, NO_SNIPE, NOT_TWICE, NOT_STUCK, NO_IDLE];
    check("as it is built", SMALL, &[], &every);
}
