//! The people of a demo: two teachers, a student, a member, a manager, an auditor, an admin.
//! Their ids are fixed, so that starting again does not make them twice.

use slotwise_domain::{PersonId, Role};
use slotwise_engine::{Directory, PersonCard, StoreError};
use uuid::Uuid;

/// A fixed id; n below a million.
pub const fn person_id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + n))
}

/// Who manages the rooms and the studio of the demo world.
pub const MANAGER: PersonId = person_id(6);

/// Makes them, or brings them back as they were.
pub async fn people(directory: &dyn Directory) -> Result<(), StoreError> {
    let people = [
        (1, "Teacher A", "Teacher", Role::Member),
        (2, "Teacher B", "Teacher", Role::Member),
        (3, "Sam Ito", "Student", Role::Member),
        (4, "Mia Novak", "Member", Role::Member),
        (5, "Alex Rivera", "Admin", Role::Admin),
        (6, "Dana Osei", "Manager", Role::Manager),
        (7, "Lin Zhao", "Auditor", Role::Auditor),
    ];
    for (n, name, title, role) in people {
        directory.put_person(PersonCard { id: person_id(n), name: name.into(), title: title.into(), role }).await?;
    }
    Ok(())
}
