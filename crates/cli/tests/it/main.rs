//! The binary `slotwise` as people and programs meet it: over a real socket, on a real disk, raced, stopped and killed.
//! Nothing of the server is linked in here; what is tested is what is shipped.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says where")]

mod harness;

mod admins;
mod backup;
mod board;
mod bodies;
mod bookings;
mod changes;
mod classes;
mod clients;
mod courses;
mod docs;
mod doors;
mod explain;
mod export;
mod faults;
mod find;
mod hostile;
mod instances;
mod keys;
mod kill;
mod leases;
mod limits;
mod logs;
mod matrix;
mod notices;
mod operations;
mod persons;
mod planted;
mod race_kit;
mod races;
mod rates;
mod reached;
mod real_data;
mod reasons;
mod record;
mod security;
mod series;
mod sick;
mod slow;
mod socket;
mod stop;
mod surface;
mod timeline;
mod verify;
mod views;
mod waitlist;
