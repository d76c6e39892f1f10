//! What is stored decodes to what it was, and what was stored by format 1 keeps decoding.
//! Samples are never edited to make a test pass: they are what is on somebody's disk.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use slotwise_domain::*;
use slotwise_store::codec::{
    decode_changes, decode_decision, decode_spec, encode_changes, encode_decision, encode_spec,
};
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

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![Just(Actor::System), uuid().prop_map(|id| Actor::Person(PersonId(id)))]
}

fn own_overlap() -> impl Strategy<Value = OwnOverlap> {
    prop_oneof![Just(OwnOverlap::Allow), Just(OwnOverlap::Refuse)]
}

fn slots(of: ResourceId) -> impl Strategy<Value = Vec<(u16, Slot)>> {
    let resource = prop_oneof![4 => Just(of), 1 => uuid().prop_map(ResourceId)];
    let slot = (any::<u16>(), resource, occupied(), any::<u32>(), own_overlap());
    let slot = slot.prop_map(|(n, resource, (interval, occupied), units, own_overlap)| {
        (n, Slot { resource, interval, occupied, units, own_overlap })
    });
    vec(slot, 0..4)
}

fn hold(of: ResourceId) -> impl Strategy<Value = Hold> {
    let resource = prop_oneof![4 => Just(of), 1 => uuid().prop_map(ResourceId)];
    (uuid(), version(), uuid(), resource, occupied(), any::<u32>(), instant(), instant(), any::<u32>()).prop_map(
        |(id, token, holder, resource, (interval, occupied), units, granted_at, expires_at, renewals)| Hold {
            id: HoldId(id),
            token: FencingToken(token),
            holder: PersonId(holder),
            resource,
            interval,
            occupied,
            units,
            granted_at,
            expires_at,
            renewals,
        },
    )
}

fn hold_end() -> impl Strategy<Value = HoldEnd> {
    use HoldEnd::*;
    prop_oneof![Just(Expired), Just(Released), Just(Consumed), Just(Superseded), Just(Voided)]
}

fn cutoff() -> impl Strategy<Value = Cutoff> {
    prop_oneof![
        any::<i64>().prop_map(|n| Cutoff::Elapsed(Span(n))),
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

fn policy() -> impl Strategy<Value = Policy> {
    let hold_at = prop_oneof![Just(HoldAt::Confirm), Just(HoldAt::Claim), Just(HoldAt::None)];
    let first = (hold_at, any::<i64>(), any::<i64>(), any::<i64>(), any::<bool>(), any::<bool>(), own_overlap());
    let second = (vec(hours(), 0..3), of(cutoff()), of(cutoff()), of(cutoff()), of(cutoff()), of(any::<i64>()));
    (first, second).prop_map(
        |(
            (hold_at, ttl, setup, teardown, closed, approval, own_overlap),
            (opening_hours, from, by, change, cancel, most),
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
            duration_max: most.map(Span),
        },
    )
}

fn spec() -> impl Strategy<Value = ResourceSpec> {
    let kind = prop_oneof![Just(Kind::Room), Just(Kind::Section), Just(Kind::Session), Just(Kind::Equipment)];
    let zone = prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("America/Los_Angeles"), Just("Asia/Kolkata")];
    let zone = prop_oneof![zone.prop_map(|name| Zone::named(name).unwrap()), Just(Zone::utc())];
    (kind, text(), of(text()), of(any::<u32>()), vec(text(), 0..3), zone, of(any::<u32>()), of(interval()), policy())
        .prop_map(|(kind, name, building, seats, equipment, zone, capacity, interval, policy)| ResourceSpec {
            kind,
            name,
            building,
            seats,
            equipment,
            zone,
            capacity,
            interval,
            policy,
        })
}

fn change(on: ResourceId) -> impl Strategy<Value = Change> {
    let resource = move || {
        (prop_oneof![4 => Just(on), 1 => uuid().prop_map(ResourceId)], spec(), 0..u64::MAX / 2)
            .prop_map(|(id, spec, policy_version)| Arc::new(Resource { id, spec, policy_version }))
    };
    let block =
        || (uuid(), interval(), text()).prop_map(|(id, interval, reason)| Block { id: BlockId(id), interval, reason });
    let ids = || (uuid().prop_map(BookingId), uuid().prop_map(PersonId));
    prop_oneof![
        resource().prop_map(Change::ResourceCreated),
        resource().prop_map(Change::ResourceEdited),
        (block(), any::<u64>()).prop_map(|(block, policy_version)| Change::BlockAdded { block, policy_version }),
        (block(), any::<u64>()).prop_map(|(block, policy_version)| Change::BlockRemoved { block, policy_version }),
        (ids(), any::<bool>(), slots(on)).prop_map(|((booking, owner), pending, slots)| Change::BookingMade {
            booking,
            owner,
            pending,
            slots
        }),
        (ids(), slots(on)).prop_map(|((booking, owner), slots)| Change::BookingApproved { booking, owner, slots }),
        (ids(), any::<bool>(), slots(on), actor(), of(text())).prop_map(
            |((booking, owner), was_pending, slots, by, reason)| Change::BookingCancelled {
                booking,
                owner,
                was_pending,
                slots,
                by,
                reason
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
    ]
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
        (uuid(), uuid()).prop_map(|(r, id)| Subject::Hold(ResourceId(r), HoldId(id))),
        uuid().prop_map(|id| Subject::Resource(ResourceId(id))),
        (uuid(), uuid()).prop_map(|(r, id)| Subject::Block(ResourceId(r), BlockId(id))),
    ];
    let seen = (version(), instant()).prop_map(|(version, as_of)| Seen { version, as_of });
    let versions = || vec((uuid().prop_map(ResourceId), version()), 0..3);
    let policies = vec((uuid().prop_map(ResourceId), any::<u64>()), 0..3);
    (outcome(), of(subject), instant(), of(seen), versions(), versions(), policies).prop_map(
        |(outcome, subject, decided_at, seen, observed, decided, policies)| Decision {
            outcome,
            subject,
            decided_at,
            seen,
            observed,
            decided,
            policies,
        },
    )
}

proptest! {
    #[test]
    fn changes_come_back(
        (resource, changes) in uuid().prop_map(ResourceId).prop_flat_map(|r| (Just(r), vec(change(r), 1..4)))
    ) {
        let text = encode_changes(resource, &changes).unwrap();
        prop_assert_eq!(decode_changes(resource, &text).unwrap(), changes);
    }

    #[test]
    fn decisions_come_back(decision in decision()) {
        prop_assert_eq!(decode_decision(&encode_decision(&decision).unwrap()).unwrap(), decision);
    }

    #[test]
    fn specs_come_back(spec in spec()) {
        prop_assert_eq!(decode_spec(&encode_spec(&spec).unwrap()).unwrap(), spec);
    }
}

const ROOM: ResourceId = ResourceId(Uuid::from_u128(0xa));

/// Written by format 1. These lines are never changed: a later format gets lines of its own.
#[test]
fn changes_of_format_1_keep_decoding() {
    let samples = [
        r#"{"resource_created":{"policy_version":1,"spec":{"kind":"room","name":"R","building":"B","seats":4,"equipment":["tv"],"zone":"Europe/Berlin","capacity":1,"policy":{"hold_at":"confirm","hold_ttl":30000000,"setup":0,"teardown":0,"closed":false,"approval":false,"own_overlap":"allow","opening_hours":[{"days":[1,2],"from_min":480,"to_min":1080}],"book_from":{"elapsed":86400000000},"cancel_by":{"civil":{"days_before":1,"at":"18:00:00"}},"duration_max":7200000000}}}}"#,
        r#"{"resource_edited":{"policy_version":2,"spec":{"kind":"section","name":"S","zone":"UTC","interval":[10,20],"policy":{"hold_at":"none","hold_ttl":1000000,"setup":1,"teardown":2,"closed":true,"approval":true,"own_overlap":"refuse"}}}}"#,
        r#"{"block_added":{"id":"00000000-0000-0000-0000-000000000001","at":[10,20],"reason":"paint","policy_version":3}}"#,
        r#"{"block_removed":{"id":"00000000-0000-0000-0000-000000000001","at":[10,20],"reason":"paint","policy_version":4}}"#,
        r#"{"booking_made":{"id":"00000000-0000-0000-0000-000000000002","owner":"00000000-0000-0000-0000-000000000003","slots":[{"n":0,"at":[10,20]}]}}"#,
        r#"{"booking_made":{"id":"00000000-0000-0000-0000-000000000002","owner":"00000000-0000-0000-0000-000000000003","pending":true,"slots":[{"n":1,"resource":"00000000-0000-0000-0000-00000000000b","at":[10,20],"around":[1,2],"units":3,"exclusive":true}]}}"#,
        r#"{"booking_approved":{"id":"00000000-0000-0000-0000-000000000002","owner":"00000000-0000-0000-0000-000000000003","slots":[{"n":0,"at":[10,20]}]}}"#,
        r#"{"booking_cancelled":{"id":"00000000-0000-0000-0000-000000000002","owner":"00000000-0000-0000-0000-000000000003","was_pending":true,"slots":[{"n":0,"at":[10,20]}],"by":{"person":"00000000-0000-0000-0000-000000000003"},"reason":"ill"}}"#,
        r#"{"booking_cancelled":{"id":"00000000-0000-0000-0000-000000000002","owner":"00000000-0000-0000-0000-000000000003","slots":[],"by":"system"}}"#,
        r#"{"booking_edited":{"id":"00000000-0000-0000-0000-000000000002","owner":"00000000-0000-0000-0000-000000000003","revision":2}}"#,
        r#"{"hold_granted":{"id":"00000000-0000-0000-0000-000000000004","token":[1,7],"holder":"00000000-0000-0000-0000-000000000003","at":[10,20],"granted_at":5,"expires_at":6}}"#,
        r#"{"hold_renewed":{"id":"00000000-0000-0000-0000-000000000004","token":[1,7],"holder":"00000000-0000-0000-0000-000000000003","at":[10,20],"around":[1,0],"units":2,"granted_at":5,"expires_at":9,"renewals":1}}"#,
        r#"{"hold_ended":{"end":"consumed","hold":{"id":"00000000-0000-0000-0000-000000000004","token":[1,7],"holder":"00000000-0000-0000-0000-000000000003","at":[10,20],"granted_at":5,"expires_at":9}}}"#,
    ];
    let text = format!(r#"{{"v":1,"c":[{}]}}"#, samples.join(","));
    let changes = decode_changes(ROOM, &text).unwrap();
    assert_eq!(encode_changes(ROOM, &changes).unwrap(), text);
    let Change::ResourceCreated(resource) = &changes[0] else { panic!() };
    assert_eq!((resource.id, resource.spec.policy.hold_ttl), (ROOM, Span::seconds(30)));
    let Change::HoldEnded(ended) = &changes[12] else { panic!() };
    assert_eq!((ended.end, ended.hold.token.to_string()), (HoldEnd::Consumed, "1.7".into()));
}

#[test]
fn decisions_of_format_1_keep_decoding() {
    let id = "00000000-0000-0000-0000-00000000000a";
    let samples = [
        format!(
            r#"{{"v":1,"outcome":"BOOKED","subject":{{"booking":"{id}"}},"at":5,"seen":[[1,2],3],"observed":[["{id}",[1,2]]],"decided":[["{id}",[1,3]]],"policies":[["{id}",1]]}}"#
        ),
        format!(r#"{{"v":1,"outcome":"ACCEPTED","subject":{{"hold":["{id}","{id}"]}},"at":5}}"#),
        format!(r#"{{"v":1,"outcome":"ACCEPTED","subject":{{"resource":"{id}"}},"at":5}}"#),
        format!(r#"{{"v":1,"outcome":"ACCEPTED","subject":{{"block":["{id}","{id}"]}},"at":5}}"#),
        format!(
            r#"{{"v":1,"outcome":"REJECTED","rejection":{{"code":"full","witness":{{"booking":{{"id":"{id}","owner":"{id}","at":[1,2]}}}},"resource":"{id}"}},"at":5}}"#
        ),
        format!(
            r#"{{"v":1,"outcome":"REJECTED","rejection":{{"code":"held_by_other","witness":{{"hold":{{"id":"{id}","holder":"{id}","at":[1,2],"expires_at":3}}}},"retry_at":3}},"at":5}}"#
        ),
        format!(
            r#"{{"v":1,"outcome":"REJECTED","rejection":{{"code":"blocked","witness":{{"block":{{"id":"{id}","at":[1,2]}}}}}},"at":5}}"#
        ),
        r#"{"v":1,"outcome":"REJECTED","rejection":{"code":"past_cutoff","rule":"cancel_by","witness":{"instant":4}},"at":5}"#.into(),
        r#"{"v":1,"outcome":"REJECTED","rejection":{"code":"invalid","rule":"field","field":"capacity"},"at":5}"#.into(),
    ];
    for text in samples {
        let decision = decode_decision(&text).unwrap();
        assert_eq!(encode_decision(&decision).unwrap(), text);
    }
}

#[test]
fn what_is_not_known_is_an_error_that_says_so() {
    assert_eq!(decode_changes(ROOM, r#"{"v":2,"c":[]}"#).unwrap_err().0, "format 2 is not known here");
    let says = |text: &str| decode_decision(text).unwrap_err().0;
    assert!(says(r#"{"v":1,"outcome":"REJECTED","at":5}"#).contains("REJECTED"));
    assert!(says(r#"{"v":1,"outcome":"REJECTED","rejection":{"code":"tired"},"at":5}"#).contains("tired"));
    assert!(says(r#"{"v":1,"outcome":"BOOKED","subject":{"booking":"x"},"at":5}"#).contains("UUID"));
    assert!(decode_spec("{").is_err());
}
