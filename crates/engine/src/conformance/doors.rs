//! Who is let in by what, who manages what at the instant of a decision, and what is written down of it.
//! It makes no secret: hashes are what a store sees.

use super::kit::{Bench, hours};
use crate::attempt::Ids;
use crate::doors::{AccountOf, AccountPatch, AccountPut, Deed, RolePut, Scopes, Secret, SecretKind, Subject, Which};
use crate::port::Clock;
use slotwise_domain::{Action, Grouped, Kind, PersonId, ResourceId, ResourceSpec, Role, Span};
use std::collections::BTreeSet;

fn session(b: &Bench, n: u8, person: PersonId, minutes: i64) -> Secret {
    let now = b.clock.now();
    let until = Some(now.plus(Span::minutes(minutes)));
    let all = Secret::key([n; 32], person, format!("browser {n}"));
    Secret { kind: SecretKind::Session, made_at: now, until, ..all }
}

pub(super) async fn a_secret_lets_its_person_in_until_it_ends(b: &Bench) {
    let who = async |n: u8| b.accounts.door([n; 32], b.clock.now()).await.unwrap().map(|door| door.card.id);
    for n in 1..=3 {
        b.accounts.put_secret(session(b, n, b.ben, 10)).await.unwrap();
    }
    b.accounts.put_secret(session(b, 4, b.cyd, 10)).await.unwrap();
    assert!(b.accounts.put_secret(session(b, 4, b.ben, 10)).await.is_err(), "a secret is one person's");
    assert!(b.accounts.put_secret(session(b, 5, PersonId(b.ids.fresh()), 10)).await.is_err(), "of somebody");
    let doors = b.accounts.doors(vec![[4; 32], [9; 32], [1; 32]], b.clock.now()).await.unwrap();
    let people: Vec<_> = doors.iter().map(|door| door.as_ref().map(|door| door.card.id)).collect();
    assert_eq!(people, [Some(b.cyd), None, Some(b.ben)], "in the order asked for");
    assert_eq!(doors[0].as_ref().unwrap().secret, session(b, 4, b.cyd, 10), "as it was put");

    b.accounts.seen([1; 32], b.clock.now().plus(Span::minutes(1))).await.unwrap();
    let theirs = b.accounts.secrets_of(b.ben, SecretKind::Session).await.unwrap();
    assert_eq!(theirs.iter().map(|s| s.sha256[0]).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(theirs[0].seen_at, Some(b.clock.now().plus(Span::minutes(1))));
    assert!(b.accounts.secrets_of(b.ben, SecretKind::Key).await.unwrap().is_empty());

    let ended = async |which| b.accounts.end_secrets(b.ben, vec![SecretKind::Session], which).await.unwrap();
    assert_eq!(b.accounts.end_secrets(b.ben, vec![SecretKind::Key], Which::All).await.unwrap(), 0);
    assert_eq!(ended(Which::Only(session(b, 4, b.cyd, 10).id())).await, 0, "another's is not theirs to end");
    assert_eq!(ended(Which::Only(theirs[1].id())).await, 1);
    assert_eq!((who(1).await, who(2).await, who(3).await), (Some(b.ben), None, Some(b.ben)));
    assert_eq!(ended(Which::But([3; 32])).await, 1);
    assert_eq!((who(1).await, who(3).await, who(4).await), (None, Some(b.ben), Some(b.cyd)));

    assert_eq!(b.accounts.put_suspended(b.cyd, true).await.unwrap(), RolePut::Put);
    assert_eq!((who(4).await, b.directory.person(b.cyd).await.unwrap()), (None, None));
    let listed = async |suspended| {
        let found = b.directory.find_people(vec![], suspended, None, 99).await.unwrap();
        found.into_iter().map(|one| one.card.id).filter(|id| [b.ben, b.cyd].contains(id)).collect::<Vec<_>>()
    };
    assert_eq!((listed(true).await, listed(false).await), (vec![b.cyd], vec![b.ben]));
    assert_eq!(b.accounts.put_suspended(b.cyd, false).await.unwrap(), RolePut::Put);
    assert_eq!(who(4).await, Some(b.cyd));

    b.clock.step(Span::minutes(10));
    assert_eq!((who(3).await, who(4).await), (None, None), "at the instant itself it is over");
    assert_eq!(b.accounts.forget_secrets(b.clock.now()).await.unwrap(), 2);
    assert!(b.accounts.secrets_of(b.ben, SecretKind::Session).await.unwrap().is_empty());
}

pub(super) async fn a_link_is_taken_once(b: &Bench) {
    let link = |n| Secret { kind: SecretKind::Reset, ..session(b, n, b.ben, 10) };
    b.accounts.put_secret(link(1)).await.unwrap();
    let now = b.clock.now();
    assert_eq!(b.accounts.door([1; 32], now).await.unwrap(), None, "a link lets nobody in");
    assert_eq!(b.accounts.take_secret([1; 32], SecretKind::Invitation, now).await.unwrap(), None, "for what it is");
    assert_eq!(b.accounts.secret([1; 32], SecretKind::Reset, now).await.unwrap(), Some(link(1)));
    let take = || b.accounts.take_secret([1; 32], SecretKind::Reset, now);
    let (one, other) = futures_util::future::join(take(), take()).await;
    let mut took = [one.unwrap(), other.unwrap()];
    took.sort_by_key(Option::is_some);
    assert_eq!(took, [None, Some(link(1))]);
    b.accounts.put_secret(link(2)).await.unwrap();
    assert_eq!(b.accounts.take_secret([2; 32], SecretKind::Reset, now.plus(Span::minutes(10))).await.unwrap(), None);
    let invited = |n, person| Secret { kind: SecretKind::Invitation, person: Some(person), ..link(n) };
    b.accounts.put_secret(invited(4, b.ben)).await.unwrap();
    b.accounts.put_secret(invited(5, b.cyd)).await.unwrap();
    let open = async |now, max| b.accounts.invitations(now, max).await.unwrap();
    assert_eq!(open(now, 9).await, [invited(4, b.ben), invited(5, b.cyd)], "and nothing else that is kept");
    assert_eq!(open(now, 1).await.len(), 1);
    assert_eq!(open(now.plus(Span::minutes(10)), 9).await, [], "what is over is not open");
    let nobodys = Secret { kind: SecretKind::Setup, person: None, ..link(3) };
    b.accounts.put_secret(nobodys.clone()).await.unwrap();
    assert_eq!(b.accounts.take_secret([3; 32], SecretKind::Setup, now).await.unwrap(), Some(nobodys));
}

pub(super) async fn an_address_and_a_subject_are_one_persons(b: &Bench) {
    let subject = |s: &str| Subject { issuer: "https://id.example.edu".into(), subject: s.into() };
    let login = |l: &str| AccountPatch { login: Some(l.into()), ..AccountPatch::default() };
    let is = |s: &str| AccountPatch { subject: Some(subject(s)), ..AccountPatch::default() };
    let put = async |who, patch| b.accounts.put_account(who, patch).await.unwrap();
    assert_eq!(b.accounts.account(AccountOf::Person(b.ben)).await.unwrap(), None);
    assert_eq!(put(b.ben, login("ben@example.edu")).await, AccountPut::Put);
    assert_eq!(put(b.cyd, login("ben@example.edu")).await, AccountPut::Taken);
    assert_eq!(put(b.ben, is("1")).await, AccountPut::Put);
    assert_eq!(put(b.cyd, is("1")).await, AccountPut::Taken);
    assert_eq!(put(PersonId(b.ids.fresh()), is("2")).await, AccountPut::NoPerson);
    let more =
        AccountPatch { password: Some("$argon2id$".into()), zone: Some("UTC".into()), ..AccountPatch::default() };
    assert_eq!(put(b.ben, more).await, AccountPut::Put);
    let account = b.accounts.account(AccountOf::Login("ben@example.edu".into())).await.unwrap().unwrap();
    assert_eq!((account.person, account.zone.as_str(), account.language.as_str()), (b.ben, "UTC", ""));
    assert_eq!((account.password.as_deref(), account.subject.clone()), (Some("$argon2id$"), Some(subject("1"))));
    assert_eq!(b.accounts.account(AccountOf::Subject(subject("1"))).await.unwrap(), Some(account));
    assert_eq!(b.accounts.account(AccountOf::Login("cyd@example.edu".into())).await.unwrap(), None);
    b.accounts.put_suspended(b.ben, true).await.unwrap();
    assert_eq!(b.accounts.account(AccountOf::Subject(subject("1"))).await.unwrap(), None);
}

pub(super) async fn a_manager_decides_over_what_they_manage_at_the_instant(b: &Bench) {
    let (mine, other) = (b.room(1).await, b.room(1).await);
    let group = ResourceSpec { kind: Kind::Group, capacity: None, ..super::kit::room("House", 1) };
    let house = b.resource(group).await;
    let within =
        ResourceSpec { group: Some(Grouped { id: house, own: BTreeSet::new() }), ..super::kit::room("Within", 1) };
    let within = b.resource(within).await;
    let manages = async |over: &[ResourceId]| {
        let put = b.accounts.put_role(b.ben, Role::Manager, over.iter().copied().collect()).await.unwrap();
        assert_eq!(put, RolePut::Put);
    };
    let mut hour = 1;
    let mut for_cyd = async |resources: &[ResourceId]| {
        hour += 1;
        let lines: Vec<_> = resources.iter().map(|r| (*r, hours(hour, hour + 1), 1)).collect();
        b.says(b.ben, b.booking(b.cyd, &lines, None)).await
    };
    assert_eq!(for_cyd(&[mine]).await, "not_allowed");
    manages(&[mine, house]).await;
    assert_eq!(b.accounts.manages(b.ben).await.unwrap(), BTreeSet::from([mine, house]));
    assert_eq!(for_cyd(&[mine]).await, "BOOKED");
    assert_eq!(for_cyd(&[within]).await, "BOOKED", "by its group");
    assert_eq!(for_cyd(&[other]).await, "not_allowed");
    assert_eq!(for_cyd(&[mine, other]).await, "not_allowed", "all of a bundle or nothing");
    manages(&[other]).await;
    assert_eq!(for_cyd(&[mine]).await, "not_allowed", "from the next decision on");
    assert_eq!(for_cyd(&[other]).await, "BOOKED");
    b.accounts.put_role(b.ben, Role::Member, BTreeSet::from([other])).await.unwrap();
    assert_eq!(for_cyd(&[other]).await, "not_allowed", "the role is what counts");
}

pub(super) async fn an_auditor_changes_nothing(b: &Bench) {
    let room = b.room(1).await;
    let own = b.booked(b.ben, room, hours(9, 10)).await;
    b.accounts.put_role(b.ben, Role::Auditor, BTreeSet::new()).await.unwrap();
    let book = b.book(b.ben, room, hours(11, 12));
    assert_eq!(b.says(b.ben, book).await, "not_allowed");
    assert_eq!(b.says(b.ben, Action::Cancel { booking: own.id, reason: None }).await, "not_allowed");
}

pub(super) async fn the_last_admin_stays(b: &Bench) {
    let nothing = BTreeSet::new;
    assert!(b.accounts.has_admin().await.unwrap());
    assert_eq!(b.accounts.put_role(b.ada, Role::Member, nothing()).await.unwrap(), RolePut::LastAdmin);
    assert_eq!(b.accounts.put_suspended(b.ada, true).await.unwrap(), RolePut::LastAdmin);
    assert_eq!(b.accounts.put_role(b.ben, Role::Admin, nothing()).await.unwrap(), RolePut::Put);
    assert_eq!(b.accounts.put_role(b.ada, Role::Member, nothing()).await.unwrap(), RolePut::Put);
    assert_eq!(b.accounts.put_suspended(b.ben, true).await.unwrap(), RolePut::LastAdmin);
    let nobody = PersonId(b.ids.fresh());
    assert_eq!(b.accounts.put_role(nobody, Role::Admin, nothing()).await.unwrap(), RolePut::NoPerson);
    assert_eq!(b.accounts.put_suspended(nobody, true).await.unwrap(), RolePut::NoPerson);
    // What comes after wants its admin.
    assert_eq!(b.accounts.put_role(b.ada, Role::Admin, nothing()).await.unwrap(), RolePut::Put);
}

pub(super) async fn what_was_done_is_written_down(b: &Bench) {
    let mut done = Vec::new();
    for n in 0..5 {
        let (by, person) = (Some(b.ada), (n % 2 == 0).then_some(b.ben));
        let (id, at) = (b.ids.fresh(), b.clock.now());
        let (what, detail) = ("key_made".to_owned(), format!("number {n}"));
        done.push(Deed { id, at, by, person, what, detail, address: "192.0.2.1".into() });
        b.accounts.note(done[n].clone()).await.unwrap();
    }
    done.reverse();
    assert_eq!(b.accounts.deeds(None, 3).await.unwrap(), done[..3]);
    assert_eq!(b.accounts.deeds(Some(done[2].id), 3).await.unwrap(), done[3..]);
}

pub(super) async fn whoever_is_erased_has_no_door(b: &Bench) {
    b.accounts.put_secret(session(b, 1, b.ben, 10)).await.unwrap();
    b.accounts.put_key([2; 32], b.ben, "laptop".into()).await.unwrap();
    let login = AccountPatch { login: Some("ben@example.edu".into()), ..AccountPatch::default() };
    b.accounts.put_account(b.ben, login.clone()).await.unwrap();
    b.accounts.put_role(b.ben, Role::Manager, [ResourceId(b.ids.fresh())].into()).await.unwrap();
    let (id, at) = (b.ids.fresh(), b.clock.now());
    let (what, detail, address) = ("invited".to_owned(), "ben@example.edu".to_owned(), "192.0.2.1".to_owned());
    b.accounts.note(Deed { id, at, by: Some(b.ada), person: Some(b.ben), what, detail, address }).await.unwrap();
    assert_eq!(b.directory.erase(b.ben).await.unwrap().map(|erased| erased.keys), Some(1));
    for n in 1..=2 {
        assert_eq!(b.accounts.door([n; 32], b.clock.now()).await.unwrap(), None);
    }
    assert!(b.accounts.manages(b.ben).await.unwrap().is_empty());
    let deeds = b.accounts.deeds(None, 9).await.unwrap();
    assert_eq!((deeds[0].detail.as_str(), deeds[0].address.as_str(), deeds[0].person), ("", "", Some(b.ben)));
    assert_eq!(b.accounts.put_account(b.cyd, login).await.unwrap(), AccountPut::Put, "the address is free again");
    assert_eq!(Scopes::ALL.names(), ["read", "book", "manage", "admin"]);
}
