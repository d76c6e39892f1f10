//! What is stored decodes to what it was, and what was stored by format 1 keeps decoding.
//! Samples are never edited to make a test pass: they are what is on somebody's disk.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use slotwise_domain::recurrence::{Given, Met};
use slotwise_domain::*;
use slotwise_engine::Recorded;
use slotwise_store::codec::{
    decode_booking, decode_changes, decode_commit, decode_said, decode_spec, encode_booking, encode_changes,
    encode_commit, encode_said, encode_spec,
};
use slotwise_store::commit::{Commit, Entry, EntryRecord};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}
fn instant() -> impl Strategy<Value = Instant> {
    (0..Instant::MAX.0).prop_map(Instant)
}
fn text() -> impl Strategy<Value = String> {
    "[\\PC\"\\\\\n]{0,12}"
}

fn interval() -> impl Strategy<Value = Interval> {
    (0..Instant::MAX.0 - Interval::LONGEST.0, 1..=Interval::LONGEST.0)
        .prop_map(|(start, length)| Interval::new(Instant(start), Instant(start + length)).unwrap())
}

fn occupied() -> impl Strategy<Value = (Interval, Interval)> {
    let buffer = || prop_oneof![Just(0), 0..=Policy::BUFFER_LONGEST.0];
    (interval(), buffer(), buffer()).prop_map(|(i, before, after)| (i, i.widened(Span(before), Span(after))))
}

fn version() -> impl Strategy<Value = Version> {
    (any::<u32>(), 0..u64::MAX / 2).prop_map(|(epoch, number)| Version { epoch: Epoch(epoch), number })
}

/// Of versions that a resource can have, and as many grants as a command can make.
fn token() -> impl Strategy<Value = FencingToken> {
    let version = (any::<u32>(), 0..1_u64 << 48);
    let version = version.prop_map(|(epoch, number)| Version { epoch: Epoch(epoch), number });
    (version, 0..1_000_u16).prop_map(|(version, place)| FencingToken(version, place))
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![Just(Actor::System), uuid().prop_map(|id| Actor::Person(PersonId(id)))]
}

fn own_overlap() -> impl Strategy<Value = OwnOverlap> {
    prop_oneof![Just(OwnOverlap::Allow), Just(OwnOverlap::Refuse)]
}

fn slots(of: ResourceId) -> impl Strategy<Value = Vec<(u16, Slot)>> {
    let slot =
        (any::<u16>(), Just(of), occupied(), any::<u32>(), own_overlap(), proptest::option::of((uuid(), any::<u16>())));
    let slot = slot.prop_map(|(n, resource, (interval, occupied), units, own_overlap, quota)| {
        (
            n,
            Slot {
                resource,
                interval,
                occupied,
                units,
                own_overlap,
                quota: quota.map(|(of, credits)| Counts { of: ResourceId(of), credits }),
            },
        )
    });
    vec(slot, 0..4)
}

fn hold(of: ResourceId) -> impl Strategy<Value = Hold> {
    let times = (instant(), instant());
    let offer = of_some(uuid());
    (uuid(), token(), uuid(), Just(of), occupied(), any::<u32>(), times, any::<u32>(), offer).prop_map(
        |(id, token, holder, resource, (interval, occupied), units, (granted_at, expires_at), renewals, offer)| Hold {
            id: HoldId(id),
            token,
            holder: PersonId(holder),
            resource,
            interval,
            occupied,
            units,
            granted_at,
            expires_at,
            renewals,
            offer: offer.map(EntryId),
        },
    )
}

fn of_some<T: Strategy>(of: T) -> proptest::option::OptionStrategy<T> {
    proptest::option::of(of)
}

/// An entry that wants this.
fn wait_entry(on: ResourceId, wants: Wants) -> impl Strategy<Value = WaitEntry> {
    let who = (uuid(), uuid(), actor());
    let numbers = (any::<u32>(), any::<u8>(), any::<u8>());
    (who, interval(), numbers, version(), instant(), of_some(uuid()), of_some(uuid())).prop_map(
        move |((id, owner, made_by), interval, (units, class, offers), joined, joined_at, gives_up, offer)| WaitEntry {
            id: EntryId(id),
            owner: PersonId(owner),
            made_by,
            resource: on,
            interval,
            units,
            wants,
            class,
            joined,
            joined_at,
            gives_up: gives_up.map(BookingId),
            offer: offer.map(HoldId),
            offers,
        },
    )
}

fn entry_end() -> impl Strategy<Value = EntryEnd> {
    prop_oneof![
        uuid().prop_map(|id| EntryEnd::Promoted { booking: BookingId(id) }),
        Just(EntryEnd::Left),
        Just(EntryEnd::Lapsed),
        Just(EntryEnd::Voided),
        Just(EntryEnd::Told),
    ]
}

fn wants() -> impl Strategy<Value = Wants> {
    prop_oneof![Just(Wants::Units), Just(Wants::Word)]
}

fn waitlist() -> impl Strategy<Value = Waitlist> {
    let mode = prop_oneof![Just(WaitMode::Book), any::<i64>().prop_map(|n| WaitMode::Offer { ttl: Span(n) })];
    let fill = prop_oneof![Just(WaitFill::Skip), Just(WaitFill::Strict)];
    (mode, fill, of_some(any::<u32>())).prop_map(|(mode, fill, capacity)| Waitlist { mode, fill, capacity })
}

fn hold_end() -> impl Strategy<Value = HoldEnd> {
    use HoldEnd::*;
    prop_oneof![Just(Expired), Just(Released), Just(Consumed), Just(Superseded), Just(Voided)]
}

fn cutoff() -> impl Strategy<Value = Cutoff> {
    prop_oneof![
        any::<i64>().prop_map(|n| Cutoff::Elapsed(Span(n))),
        any::<i64>().prop_map(|n| Cutoff::At(Instant(n))),
        (any::<u16>(), 0..24_i8, 0..60_i8, 0..60_i8, 0..1_000_000_000_i32).prop_map(|(days_before, h, m, s, n)| {
            Cutoff::Civil { days_before, at: jiff::civil::Time::new(h, m, s, n).unwrap() }
        }),
    ]
}

fn hours() -> impl Strategy<Value = OpeningHours> {
    (vec(0..7_i8, 0..7), any::<u16>(), any::<u16>()).prop_map(|(days, from_min, to_min)| {
        let days = days.into_iter().map(|d| jiff::civil::Weekday::from_monday_zero_offset(d).unwrap()).collect();
        OpeningHours { days, from_min, to_min }
    })
}

fn measure() -> impl Strategy<Value = Measure> {
    prop_oneof![Just(Measure::Units), Just(Measure::Credits)]
}

fn quota() -> impl Strategy<Value = Quota> {
    let period = prop_oneof![Just(Period::Day), Just(Period::Week), Just(Period::Month), Just(Period::All)];
    let scope = prop_oneof![Just(QuotaScope::Resource), Just(QuotaScope::Group)];
    (any::<u32>(), measure(), period, scope).prop_map(|(most, counts, period, scope)| Quota {
        most,
        counts,
        period,
        scope,
    })
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let tags = || vec(text(), 0..3);
    (tags(), tags(), tags()).prop_map(|(all, any, none)| Requirement { all, any, none })
}

fn grouped() -> impl Strategy<Value = Grouped> {
    let own = proptest::sample::subsequence(PolicyField::ALL.to_vec(), 0..=PolicyField::ALL.len());
    (uuid(), own).prop_map(|(id, own)| Grouped { id: ResourceId(id), own: own.into_iter().collect() })
}

fn policy() -> BoxedStrategy<Policy> {
    let hold_at = prop_oneof![Just(HoldAt::Confirm), Just(HoldAt::Claim), Just(HoldAt::None)];
    let first = (hold_at, any::<i64>(), any::<i64>(), any::<i64>(), any::<bool>(), any::<bool>(), own_overlap());
    let second = (vec(hours(), 0..3), of(cutoff()), of(cutoff()), of(cutoff()), of(cutoff()), of(any::<i64>()));
    let third = (any::<bool>(), of(cutoff()), of((any::<i64>(), any::<i64>())));
    let fourth = (of((quota(), of(any::<u16>()))), vec(requirement(), 0..3), of_some(waitlist()), of(any::<i64>()));
    (first, second, third, fourth)
        .prop_map(
            |(
                (hold_at, ttl, setup, teardown, closed, approval, own_overlap),
                (opening_hours, from, by, change, cancel, most),
                (pending_takes, late, check_in),
                (quota, eligibility, waitlist, remind),
            )| Policy {
                hold_at,
                hold_ttl: Span(ttl),
                setup: Span(setup),
                teardown: Span(teardown),
                closed,
                approval,
                own_overlap,
                opening_hours,
                book_from: from,
                book_by: by,
                change_by: change,
                cancel_by: cancel,
                remind_before: remind.map(Span),
                late_cancel_from: late,
                check_in: check_in.map(|(opens, closes)| CheckIn { opens: Span(opens), closes: Span(closes) }),
                pending_takes,
                duration_max: most.map(Span),
                quota: quota.map(|(quota, _)| quota),
                credits: quota.and_then(|(_, credits)| credits),
                eligibility,
                waitlist,
            },
        )
        .boxed()
}

fn course() -> impl Strategy<Value = Course> {
    let day = || (1970_i16..2200, 1_i8..=12, 1_i8..=28).prop_map(|(y, m, d)| jiff::civil::date(y, m, d));
    let meeting = (hours(), day(), day(), of(text())).prop_map(|(hours, first, last, place)| Meeting {
        hours,
        first,
        last,
        place,
    });
    let names = (text(), text(), text(), text());
    (names, of(text()), of(any::<u16>()), of(text()), vec(meeting, 0..3)).prop_map(
        |((subject, number, title, section), part, credits, instructor, meetings)| Course {
            subject,
            number,
            title,
            section,
            part,
            credits,
            instructor,
            meetings,
        },
    )
}

fn spec() -> impl Strategy<Value = ResourceSpec> {
    let kind = prop_oneof![
        Just(Kind::Room),
        Just(Kind::Section),
        Just(Kind::Session),
        Just(Kind::Equipment),
        Just(Kind::Group)
    ];
    let zone = prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("America/Los_Angeles"), Just("Asia/Kolkata")];
    let zone = prop_oneof![zone.prop_map(|name| Zone::named(name).unwrap()), Just(Zone::utc())];
    let linked = vec(vec(uuid().prop_map(ResourceId), 1..3), 0..3);
    let rules = (policy(), of(grouped()), linked, of(course()));
    (kind, text(), of(text()), of(any::<u32>()), vec(text(), 0..3), zone, of(any::<u32>()), of(interval()), rules)
        .prop_map(|(kind, name, building, seats, equipment, zone, capacity, interval, rules)| ResourceSpec {
            kind,
            name,
            building,
            seats,
            equipment,
            zone,
            capacity,
            interval,
            policy: rules.0,
            group: rules.1,
            linked: rules.2,
            course: rules.3.map(Arc::new),
        })
}

fn given() -> impl Strategy<Value = Given> {
    let wall = |micros: i64| jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(micros).unwrap());
    (0..7_000_000_000_000_000_i64, 1..80_000_000_000_i64)
        .prop_map(move |(start, length)| Given { start: wall(start), end: wall(start + length) })
}

/// Of few series, so that dates of one follow each other in a record.
fn occurrence() -> impl Strategy<Value = Occurrence> {
    let zones = prop_oneof![Just("UTC"), Just("Europe/Berlin")];
    let contracts =
        prop_oneof![Just(Contract::AllOrNothing), Just(Contract::SkipConflicts), Just(Contract::BestAlternative)];
    (0..2_u128, zones, contracts, any::<u16>(), given()).prop_map(|(id, zone, contract, place, given)| {
        let zone = if zone == "UTC" { Zone::utc() } else { Zone::named(zone).unwrap() };
        let rule = "FREQ=DAILY;COUNT=9".to_owned();
        let series = Series { id: SeriesId(Uuid::from_u128(id)), rule, zone, contract };
        Occurrence { series: Arc::new(series), place, given }
    })
}

fn date_said() -> impl Strategy<Value = DateSaid> {
    let refused = outcome().prop_filter_map("a refusal", |outcome| match outcome {
        Outcome::Rejected(rejection) => Some(Became::Refused(rejection)),
        Outcome::Booked | Outcome::Accepted => None,
    });
    let id = || uuid().prop_map(BookingId);
    let became = prop_oneof![
        id().prop_map(Became::Booked),
        (id(), interval()).prop_map(|(id, at)| Became::Elsewhere(id, at)),
        Just(Became::Free),
        refused,
        id().prop_map(Became::Changed),
        id().prop_map(Became::Untouched),
    ];
    let met = prop_oneof![Just(Met::Once), Just(Met::Shifted), Just(Met::First)];
    (any::<u16>(), given(), met, interval(), became).prop_map(|(place, given, met, interval, became)| DateSaid {
        place,
        given,
        met,
        interval,
        became,
    })
}

fn exceptions() -> impl Strategy<Value = Exceptions> {
    let people = proptest::collection::vec(uuid().prop_map(PersonId), 0..3);
    let bookings = proptest::collection::vec(uuid().prop_map(BookingId), 0..3);
    (people, bookings).prop_map(|(people, bookings)| Exceptions::of(people, bookings))
}

fn displacer() -> impl Strategy<Value = Displacer> {
    prop_oneof![
        uuid().prop_map(|id| Displacer::Booking(BookingId(id))),
        uuid().prop_map(|id| Displacer::Block(BlockId(id))),
        uuid().prop_map(|id| Displacer::Capacity(ResourceId(id))),
    ]
}

fn state() -> impl Strategy<Value = BookingState> {
    prop_oneof![
        any::<bool>().prop_map(|takes| BookingState::Pending { takes }),
        Just(BookingState::Confirmed),
        (instant(), actor(), of(text()), any::<bool>()).prop_map(|(at, by, reason, late)| BookingState::Cancelled {
            at,
            by,
            reason,
            late
        }),
        (instant(), actor()).prop_map(|(at, by)| BookingState::CheckedIn { at, by }),
        instant().prop_map(|at| BookingState::NoShow { at }),
        (instant(), actor(), text(), displacer()).prop_map(|(at, by, reason, by_what)| BookingState::Displaced {
            at,
            by,
            reason,
            by_what
        }),
    ]
}

/// In every state, on up to three resources.
fn booking() -> impl Strategy<Value = Booking> {
    let placed = vec(uuid().prop_map(ResourceId).prop_flat_map(slots), 1..4);
    let placed = placed.prop_map(|all| all.into_iter().flatten().map(|(_, slot)| slot).collect());
    let who = (uuid().prop_map(BookingId), uuid().prop_map(PersonId), actor());
    (who, state(), details(), placed, of(occurrence()), any::<u64>(), (instant(), instant())).prop_map(
        |((id, owner, made_by), state, details, slots, occurrence, revision, (created_at, decided_at))| Booking {
            id,
            owner,
            made_by,
            state,
            details,
            slots,
            occurrence,
            revision,
            created_at,
            decided_at,
        },
    )
}

/// What admins do, and what becomes of a booking after it was made.
fn admin_change(on: ResourceId) -> BoxedStrategy<Change> {
    let resource = move || {
        (Just(on), spec(), 0..u64::MAX / 2)
            .prop_map(|(id, spec, policy_version)| Arc::new(Resource { id, spec, policy_version }))
    };
    let ids = || (uuid().prop_map(BookingId), uuid().prop_map(PersonId));
    prop_oneof![
        (ids(), slots(on), of(occurrence())).prop_map(|((booking, owner), slots, occurrence)| {
            Change::BookingRequested { booking, owner, slots, occurrence }
        }),
        ids().prop_map(|(booking, owner)| Change::RequestApproved { booking, owner }),
        ids().prop_map(|(booking, owner)| Change::BookingCheckedIn { booking, owner }),
        (ids(), slots(on), slots(on), any::<i64>()).prop_map(|((booking, owner), from, to, at)| {
            Change::BookingNoShow { booking, owner, from, to, at: Instant(at.rem_euclid(7_000_000_000_000_000)) }
        }),
        (ids(), any::<bool>(), slots(on), actor(), text(), displacer()).prop_map(
            |((booking, owner), was_pending, slots, by, reason, by_what)| Change::BookingDisplaced {
                booking,
                owner,
                was_pending,
                slots,
                by,
                reason,
                by_what
            }
        ),
        (ids(), uuid().prop_map(PersonId), any::<bool>(), slots(on), text()).prop_map(
            |((booking, from), to, pending, slots, reason)| Change::BookingHandedOver {
                booking,
                from,
                to,
                pending,
                slots,
                reason
            }
        ),
        (ids(), text()).prop_map(|((booking, owner), reason)| Change::BookingOverrode { booking, owner, reason }),
        (ids(), of(any::<i64>()), text()).prop_map(|((hold, holder), until, reason)| Change::HoldOverrode {
            hold: HoldId(hold.0),
            holder,
            until: until.map(Instant),
            reason
        }),
        (resource(), any::<u64>(), of(any::<u32>()), any::<u32>(), of(text())).prop_map(
            |(resource, used, seen_used, over_commit, reason)| Change::CapacitySet {
                resource,
                used,
                seen_used,
                over_commit,
                reason
            }
        ),
        (resource(), text()).prop_map(|(resource, reason)| Change::ServiceSet { resource, reason }),
        any::<u32>().prop_map(|to| Change::OverCommitLowered { to }),
        text().prop_map(|reason| Change::Reasoned { reason }),
    ]
    .boxed()
}

fn change(on: ResourceId) -> BoxedStrategy<Change> {
    let resource = move || {
        (Just(on), spec(), 0..u64::MAX / 2)
            .prop_map(|(id, spec, policy_version)| Arc::new(Resource { id, spec, policy_version }))
    };
    let block = || {
        (uuid(), interval(), text(), exceptions()).prop_map(|(id, interval, reason, exceptions)| Block {
            id: BlockId(id),
            interval,
            reason,
            exceptions,
        })
    };
    let ids = || (uuid().prop_map(BookingId), uuid().prop_map(PersonId));
    prop_oneof![
        resource().prop_map(Change::ResourceCreated),
        resource().prop_map(Change::ResourceEdited),
        (block(), any::<u64>()).prop_map(|(block, policy_version)| Change::BlockAdded { block, policy_version }),
        (block(), any::<u64>()).prop_map(|(block, policy_version)| Change::BlockRemoved { block, policy_version }),
        (ids(), any::<bool>(), slots(on), of(occurrence())).prop_map(
            |((booking, owner), pending, slots, occurrence)| Change::BookingMade {
                booking,
                owner,
                pending,
                slots,
                occurrence
            }
        ),
        (ids(), slots(on)).prop_map(|((booking, owner), slots)| Change::BookingApproved { booking, owner, slots }),
        (ids(), any::<bool>(), slots(on), actor(), of(text()), any::<bool>()).prop_map(
            |((booking, owner), was_pending, slots, by, reason, late)| Change::BookingCancelled {
                booking,
                owner,
                was_pending,
                slots,
                by,
                reason,
                late
            }
        ),
        admin_change(on),
        (ids(), any::<u64>(), any::<bool>(), slots(on), slots(on), of(occurrence())).prop_map(
            |((booking, owner), revision, pending, from, to, occurrence)| Change::BookingMoved {
                booking,
                owner,
                revision,
                pending,
                from,
                to,
                occurrence
            }
        ),
        (ids(), any::<u64>()).prop_map(|((booking, owner), revision)| Change::BookingEdited {
            booking,
            owner,
            revision
        }),
        hold(on).prop_map(Change::HoldGranted),
        hold(on).prop_map(Change::HoldRenewed),
        (hold(on), hold_end()).prop_map(|(hold, end)| Change::HoldEnded(EndedHold { hold, end })),
        (wait_entry(on, Wants::Units), wants()).prop_map(|(e, wants)| Change::WaitJoined(WaitEntry { wants, ..e })),
        wait_entry(on, Wants::Units).prop_map(Change::WaitOffered),
        wait_entry(on, Wants::Units).prop_map(Change::WaitResumed),
        wait_entry(on, Wants::Word).prop_map(Change::WaitMoved),
        (wait_entry(on, Wants::Units), wants(), entry_end()).prop_map(|(entry, wants, end)| {
            Change::WaitEnded(EndedEntry { entry: WaitEntry { wants, ..entry }, end })
        }),
        of_some(instant()).prop_map(Change::WaitDue),
        (uuid(), uuid(), instant()).prop_map(|(booking, owner, cutoff)| Change::Reminded {
            booking: BookingId(booking),
            owner: PersonId(owner),
            cutoff,
        }),
    ]
    .boxed()
}

fn rule() -> impl Strategy<Value = Rule> {
    use Rule::*;
    let plain = [
        Lines,
        Units,
        OneInterval,
        IntervalMissing,
        DurationMax,
        Seats,
        HoldsOff,
        State,
        BlocksMax,
        Owner,
        AdminOnly,
        LooksOnly,
        Holder,
        Begun,
        BookFrom,
        BookBy,
        ChangeBy,
        CancelBy,
        HoldsPerPerson,
        Renewals,
        Person,
        Exists,
        SameBooking,
        OwnerOfBoth,
        Approval,
        WaitlistOff,
        Waiting,
        UnitsFree,
        WaitlistCapacity,
        EntriesPerPerson,
        GivesUp,
        Group,
        MembersMax,
        Rule::Quota,
        Eligibility,
        Linked,
    ];
    let field = ["name", "capacity", "interval", "hold_ttl_s", "duration_max_s", "lines", "opening_hours"];
    prop_oneof![3 => proptest::sample::select(plain.to_vec()), 1 => proptest::sample::select(field.to_vec()).prop_map(Field)]
}

fn witness() -> impl Strategy<Value = Witness> {
    prop_oneof![
        (uuid(), uuid(), interval()).prop_map(|(id, owner, interval)| Witness::Booking {
            id: BookingId(id),
            owner: PersonId(owner),
            interval
        }),
        (uuid(), uuid(), interval(), instant()).prop_map(|(id, holder, interval, expires_at)| Witness::Hold {
            id: HoldId(id),
            holder: PersonId(holder),
            interval,
            expires_at
        }),
        (uuid(), interval()).prop_map(|(id, interval)| Witness::Block { id: BlockId(id), interval }),
        any::<i64>().prop_map(|n| Witness::Instant(Instant(n))),
        (uuid(), any::<u32>()).prop_map(|(id, place)| Witness::Waiting { id: EntryId(id), place }),
        (uuid(), any::<u64>(), any::<u32>(), measure(), of((instant(), instant()))).prop_map(
            |(of, counted, most, counts, period)| Witness::Quota { of: ResourceId(of), counted, most, counts, period }
        ),
        any::<u16>().prop_map(|place| Witness::Requirement { place }),
        any::<u16>().prop_map(|place| Witness::Linked { place }),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let rejection =
        (proptest::sample::select(Code::ALL.to_vec()), of(rule()), of(witness()), of(uuid()), of(instant())).prop_map(
            |(code, rule, witness, resource, retry_at)| {
                Outcome::Rejected(Rejection { code, rule, witness, resource: resource.map(ResourceId), retry_at })
            },
        );
    prop_oneof![Just(Outcome::Booked), Just(Outcome::Accepted), rejection]
}

fn decision() -> impl Strategy<Value = Decision> {
    let subject = prop_oneof![
        uuid().prop_map(|id| Subject::Booking(BookingId(id))),
        (uuid(), uuid()).prop_map(|(one, other)| Subject::Bookings(BookingId(one), BookingId(other))),
        (uuid(), uuid()).prop_map(|(r, id)| Subject::Hold(ResourceId(r), HoldId(id))),
        uuid().prop_map(|id| Subject::Resource(ResourceId(id))),
        (uuid(), uuid()).prop_map(|(r, id)| Subject::Block(ResourceId(r), BlockId(id))),
        (uuid(), uuid()).prop_map(|(r, id)| Subject::Entry(ResourceId(r), EntryId(id))),
        uuid().prop_map(|id| Subject::Series(SeriesId(id))),
    ];
    let seen = (version(), instant()).prop_map(|(version, as_of)| Seen { version, as_of });
    let versions = || vec((uuid().prop_map(ResourceId), version()), 0..3);
    let policies = vec((uuid().prop_map(ResourceId), any::<u64>()), 0..3);
    let line = (uuid(), of(interval()), any::<u32>());
    let line = line.prop_map(|(id, interval, units)| Line { resource: ResourceId(id), interval, units });
    let asked = (of(uuid()), vec(uuid().prop_map(BookingId), 0..3), vec(line, 0..3));
    let asked = asked.prop_map(|(owner, bookings, lines)| Asked { owner: owner.map(PersonId), bookings, lines });
    let said = (asked, vec(date_said(), 0..3));
    (outcome(), of(subject), instant(), of(seen), versions(), versions(), policies, said).prop_map(
        |(outcome, subject, decided_at, seen, observed, decided, policies, (asked, dates))| Decision {
            // Only a refusal is told with what was asked for.
            asked: if matches!(outcome, Outcome::Rejected(_)) { asked } else { Asked::default() },
            outcome,
            subject,
            decided_at,
            seen,
            observed,
            decided,
            policies,
            dates,
        },
    )
}

fn entry(epoch: Epoch) -> impl Strategy<Value = Entry> {
    let record = uuid().prop_map(ResourceId).prop_flat_map(move |resource| {
        (Just(resource), 0..u64::MAX / 2, any::<u64>(), any::<[u8; 32]>(), vec(change(resource), 1..4))
    });
    let record = record.prop_map(move |(resource, number, previous, hash, changes)| EntryRecord {
        resource,
        version: Version { epoch, number },
        previous,
        hash,
        changes,
    });
    (uuid(), uuid(), any::<[u8; 32]>(), decision(), text(), vec(record, 0..3)).prop_map(
        |(key, actor, fingerprint, decision, command, records)| {
            let key = AttemptKey { part: PartId::DEFAULT, actor, key };
            let recorded = Arc::new(Recorded { key, fingerprint: Fingerprint(fingerprint), decision });
            Entry { recorded, command: Cow::Owned(command), records, bookings: Vec::new() }
        },
    )
}

fn commits() -> impl Strategy<Value = Commit> {
    (any::<u32>(), instant(), any::<[u8; 32]>(), any::<u64>()).prop_flat_map(|(epoch, at, hash, number)| {
        let epoch = Epoch(epoch);
        let entries = vec(entry(epoch), 0..4);
        entries.prop_map(move |entries| Commit { number, epoch, at, hash, entries })
    })
}

/// The commit's bytes, and those of the changes of its records.
fn encoded(commit: &Commit) -> (Vec<u8>, Vec<Vec<u8>>) {
    let changes: Vec<_> = commit.records().map(|(_, r)| encode_changes(r.resource, &r.changes).unwrap()).collect();
    (encode_commit(commit, &changes).unwrap(), changes)
}

fn details() -> impl Strategy<Value = Details> {
    let guest = prop_oneof![uuid().prop_map(|id| Guest::Person(PersonId(id))), text().prop_map(Guest::Named)];
    (of(text()), of(text()), of(any::<u32>()), vec(guest, 0..3), any::<bool>())
        .prop_map(|(title, purpose, people, guests, private)| Details { title, purpose, people, guests, private })
}

proptest! {
    #[test]
    fn changes_come_back(
        (resource, changes) in uuid().prop_map(ResourceId).prop_flat_map(|r| (Just(r), vec(change(r), 1..4)))
    ) {
        let bytes = encode_changes(resource, &changes).unwrap();
        prop_assert_eq!(decode_changes(resource, &bytes).unwrap(), changes);
    }

    #[test]
    fn commits_come_back(commit in commits()) {
        let (bytes, changes) = encoded(&commit);
        let (back, bodies) = decode_commit(commit.number, commit.hash, &bytes).unwrap();
        prop_assert_eq!(back, commit);
        prop_assert_eq!(bodies, changes);
    }

    #[test]
    fn bookings_come_back(booking in booking()) {
        let bytes = encode_booking(&booking).unwrap();
        prop_assert_eq!(decode_booking(booking.id, &bytes, booking.details.clone()).unwrap(), booking);
    }

    #[test]
    fn what_was_said_comes_back(said in vec((any::<u32>(), uuid().prop_map(BookingId), details()), 0..4)) {
        prop_assert_eq!(decode_said(&encode_said(&said).unwrap()).unwrap(), said);
    }

    #[test]
    fn specs_come_back(spec in spec()) {
        prop_assert_eq!(decode_spec(&encode_spec(&spec).unwrap()).unwrap(), spec);
    }

    /// Whatever a sick disk returns is an error or a commit, and never a panic or a memory full of nothing.
    #[test]
    fn bytes_of_any_kind_are_no_panic(bytes in vec(any::<u8>(), 0..400)) {
        drop(decode_commit(1, [0; 32], &bytes));
        drop(decode_said(&bytes));
        drop(decode_changes(ROOM, &bytes));
        drop(decode_booking(BookingId(ROOM.0), &bytes, Details::default()));
    }

    #[test]
    fn a_cut_or_changed_commit_is_no_panic(commit in commits(), at in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let (mut bytes, _) = encoded(&commit);
        let at = at.index(bytes.len());
        prop_assert!(decode_commit(1, [0; 32], &bytes[..at]).is_err());
        bytes[at] ^= flip;
        drop(decode_commit(1, [0; 32], &bytes));
    }
}

const ROOM: ResourceId = ResourceId(Uuid::from_u128(0xa));

fn slots_of(resource: ResourceId, interval: Interval) -> Vec<(u16, Slot)> {
    vec![(0, Slot { resource, interval, occupied: interval, units: 1, own_overlap: OwnOverlap::Allow, quota: None })]
}

fn sample() -> Commit {
    let at = |from, to| Interval::new(Instant(from), Instant(to)).unwrap();
    let (booking, owner) = (BookingId(Uuid::from_u128(2)), PersonId(Uuid::from_u128(3)));
    let slot = Slot {
        resource: ROOM,
        interval: at(10, 20),
        occupied: at(9, 22),
        units: 3,
        own_overlap: OwnOverlap::Refuse,
        quota: None,
    };
    let hold = Hold {
        id: HoldId(Uuid::from_u128(4)),
        token: FencingToken(Version { epoch: Epoch(1), number: 7 }, 0),
        holder: owner,
        resource: ROOM,
        interval: at(10, 20),
        occupied: at(10, 20),
        units: 1,
        granted_at: Instant(5),
        expires_at: Instant(6),
        renewals: 1,
        offer: None,
    };
    let block = Block {
        id: BlockId(Uuid::from_u128(1)),
        interval: at(10, 20),
        reason: "paint".into(),
        exceptions: Exceptions::default(),
    };
    let spec = decode_spec(SPEC).unwrap();
    let resource = Arc::new(Resource { id: ROOM, spec, policy_version: 1 });
    let slots = vec![(1, slot)];
    let by = Actor::Person(owner);
    let mut changes = vec![
        Change::ResourceCreated(resource.clone()),
        Change::ResourceEdited(resource),
        Change::BlockAdded { block: block.clone(), policy_version: 3 },
        Change::BlockRemoved { block, policy_version: 4 },
        Change::BookingMade { booking, owner, pending: true, slots: slots.clone(), occurrence: None },
        Change::BookingApproved { booking, owner, slots: slots.clone() },
        Change::BookingCancelled {
            booking,
            owner,
            was_pending: true,
            slots: slots.clone(),
            by,
            reason: Some("ill".into()),
            late: false,
        },
        Change::BookingCancelled {
            booking,
            owner,
            was_pending: false,
            slots,
            by: Actor::System,
            reason: None,
            late: false,
        },
        Change::BookingEdited { booking, owner, revision: 2 },
        Change::HoldGranted(hold),
        Change::HoldRenewed(hold),
    ];
    let to = slots_of(ROOM, at(30, 40));
    let from = vec![(1, slot)];
    changes.push(Change::BookingMoved { booking, owner, revision: 3, pending: true, from, to, occurrence: None });
    let ends = [HoldEnd::Expired, HoldEnd::Released, HoldEnd::Consumed, HoldEnd::Superseded, HoldEnd::Voided];
    changes.extend(ends.map(|end| Change::HoldEnded(EndedHold { hold, end })));
    let version = Version { epoch: Epoch(1), number: 3 };
    let record = EntryRecord { resource: ROOM, version, previous: 6, hash: [8; 32], changes };
    let witnesses = [
        Witness::Booking { id: booking, owner, interval: at(1, 2) },
        Witness::Hold { id: hold.id, holder: owner, interval: at(1, 2), expires_at: Instant(3) },
        Witness::Block { id: BlockId(Uuid::from_u128(1)), interval: at(1, 2) },
        Witness::Instant(Instant(4)),
    ];
    let subjects = [
        Subject::Booking(booking),
        Subject::Bookings(booking, BookingId(Uuid::from_u128(5))),
        Subject::Hold(ROOM, hold.id),
        Subject::Resource(ROOM),
        Subject::Block(ROOM, BlockId(Uuid::from_u128(1))),
    ];
    let decision = |outcome, subject| Decision {
        outcome,
        subject,
        decided_at: Instant(5),
        seen: Some(Seen { version, as_of: Instant(3) }),
        observed: vec![(ROOM, version)],
        decided: vec![(ROOM, version)],
        policies: vec![(ROOM, 1)],
        dates: Vec::new(),
        asked: Asked::default(),
    };
    let mut decisions = vec![decision(Outcome::Booked, None)];
    decisions.extend(subjects.map(|subject| decision(Outcome::Accepted, Some(subject))));
    decisions.extend(witnesses.map(|witness| {
        let rejection = Rejection::by(Code::Full, Rule::CancelBy).on(ROOM).shown(witness);
        decision(Outcome::Rejected(Rejection { retry_at: Some(Instant(9)), ..rejection }), None)
    }));
    decisions.push(decision(Outcome::Rejected(Rejection::by(Code::Invalid, Rule::Field("capacity"))), None));
    let mut entries: Vec<Entry> = Vec::new();
    for (n, decision) in decisions.into_iter().enumerate() {
        let key = AttemptKey { part: PartId::DEFAULT, actor: owner.0, key: Uuid::from_u128(n as u128) };
        let recorded = Arc::new(Recorded { key, fingerprint: Fingerprint([7; 32]), decision });
        let records = if n == 0 { vec![record.clone()] } else { Vec::new() };
        entries.push(Entry { recorded, command: "book".into(), records, bookings: Vec::new() });
    }
    Commit { number: 1, epoch: Epoch(1), at: Instant(4), hash: [9; 32], entries }
}

const SPEC: &str = include_str!("samples/room-1.json");

/// Written by format 1. These bytes are never changed: a later format gets a sample of its own.
#[test]
fn a_commit_of_format_1_keeps_decoding() {
    let stored = include_bytes!("samples/commit-1.bin");
    let (commit, _) = decode_commit(1, [9; 32], stored).unwrap();
    assert_eq!(commit, sample());
    assert_eq!(encoded(&commit).0, stored);
}

#[test]
fn a_resource_of_format_1_keeps_decoding() {
    assert_eq!(encode_spec(&decode_spec(SPEC).unwrap()).unwrap(), SPEC.trim_end());
    let section = include_str!("samples/section-1.json");
    assert_eq!(encode_spec(&decode_spec(section).unwrap()).unwrap(), section.trim_end());
}

#[test]
fn what_is_not_known_is_an_error_that_says_so() {
    let (mut bytes, _) = encoded(&sample());
    bytes[0] = 2;
    assert_eq!(decode_commit(1, [0; 32], &bytes).unwrap_err().0, "format 2 is not known here");
    let (mut bytes, _) = encoded(&sample());
    bytes.push(0);
    assert_eq!(decode_commit(1, [0; 32], &bytes).unwrap_err().0, "1 bytes follow its end");
    assert!(decode_spec("{").is_err());
    let slots = slots_of(ResourceId(Uuid::from_u128(0xb)), Interval::new(Instant(1), Instant(2)).unwrap());
    let (booking, owner) = (BookingId(Uuid::from_u128(2)), PersonId(Uuid::from_u128(3)));
    let elsewhere = Change::BookingApproved { booking, owner, slots };
    assert!(encode_changes(ROOM, &[elsewhere]).unwrap_err().0.contains("in a record of"));
}

/// Writes the sample of the format of today, for a format that is new: `WRITE_SAMPLES=1 cargo test`.
#[test]
fn the_sample_is_written_when_asked_for() {
    if std::env::var_os("WRITE_SAMPLES").is_some() {
        std::fs::create_dir_all("tests/it/samples").unwrap();
        std::fs::write("tests/it/samples/commit-1.bin", encoded(&sample()).0).unwrap();
    }
}
