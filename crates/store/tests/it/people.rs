//! The directory of people: roles count at the decision, also those that another process writes.
//! Nobody here is real.

use crate::support::{HOUR, START, Site, commit, outcome, person};
use slotwise_domain::{PersonId, Role, Scope, Span};
use slotwise_engine::{Accounts, Directory, Store};
use slotwise_store::embedded::People;
use uuid::Uuid;

#[tokio::test]
async fn keys_and_cards_are_kept() {
    let site = Site::new();
    let store = site.open().await;
    let bob = site.member(&store, "Bob").await;
    assert_eq!(store.door([1; 32], START).await.unwrap(), None);
    store.put_key([1; 32], bob, "laptop".into()).await.unwrap();
    let card = store.door([1; 32], START).await.unwrap().unwrap().card;
    assert_eq!((card.id, card.name.as_str(), card.role), (bob, "Bob", Role::Member));
    assert!(store.put_key([1; 32], bob, "again".into()).await.is_err());
    assert!(store.put_key([2; 32], PersonId(Uuid::nil()), "nobody's".into()).await.is_err());
    store.put_person(person(bob, "Robert", Role::Member)).await.unwrap();
    assert_eq!(store.door([1; 32], START).await.unwrap().unwrap().card.name, "Robert");
    let names: Vec<_> = store.people(10).await.unwrap().into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["Ada", "Robert"]);
    assert_eq!(store.people(1).await.unwrap().len(), 1);
    drop(store);
    assert_eq!(site.reopen().door([1; 32], START).await.unwrap().unwrap().card.name, "Robert");
}

#[tokio::test]
async fn what_another_process_writes_counts_at_the_next_decision() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let bob = site.member(&store, "Bob").await;
    let for_ada = |n| {
        let action = site.booking(site.admin, &[(room, START.plus(Span::hours(n)))], None);
        let mut proposal = site.by(bob, action);
        proposal.command.reason = Some("She asked for it.".into());
        proposal
    };
    assert_eq!(outcome(&commit(&store, vec![for_ada(1)]).await[0]), "REJECTED not_allowed");

    let elsewhere = People::open(site.path()).unwrap();
    elsewhere.put_person(&person(bob, "Bob", Role::Admin)).unwrap();
    assert_eq!(outcome(&commit(&store, vec![for_ada(1)]).await[0]), "BOOKED");
    elsewhere.suspend(bob, true).unwrap();
    assert_eq!(outcome(&commit(&store, vec![for_ada(2)]).await[0]), "REJECTED not_allowed");
    assert_eq!(
        outcome(&commit(&store, vec![site.book(site.admin, room, START.plus(HOUR).plus(HOUR))]).await[0]),
        "BOOKED"
    );

    // What is only observed may be a quarter of a second behind.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let world = store.observe(Scope { roles: [bob, site.admin].into(), ..Scope::default() }).await.unwrap();
    assert_eq!(world.roles.into_iter().collect::<Vec<_>>(), [(site.admin, Role::Admin)]);
    assert_eq!(store.person(bob).await.unwrap(), None);
    elsewhere.put_key([3; 32], site.admin, "cli").unwrap();
    assert_eq!(store.door([3; 32], START).await.unwrap().unwrap().card.id, site.admin);
}
