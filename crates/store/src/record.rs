//! Chains of hashes: one per resource over its record, one per writer over its commits.
//! Pure: it reads no row and writes none, so that every store and every verifier computes the same.

use sha2::{Digest, Sha256};
use slotwise_domain::{Instant, ResourceId, Version};
use uuid::Uuid;

/// SHA-256.
pub type Hash = [u8; 32];

/// What a resource's chain begins with.
pub fn genesis(resource: ResourceId) -> Hash {
    begin(resource.0)
}

/// What a writer's chain of commits begins with.
pub fn commits_genesis(writer: Uuid) -> Hash {
    begin(writer)
}

fn begin(id: Uuid) -> Hash {
    Sha256::new().chain_update([0; 32]).chain_update(id.as_bytes()).finalize().into()
}

/// What stands beside the body of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Of which resource.
    pub resource: ResourceId,
    /// The version it made; its number is its position in the chain.
    pub version: Version,
    /// When it was decided.
    pub decided_at: Instant,
    /// By which attempt.
    pub attempt: Uuid,
    /// By whom; nil for the system.
    pub actor: Uuid,
}

/// The hash of a record after the one before it.
pub fn chain(previous: &Hash, header: &Header, body: &[u8]) -> Hash {
    // One buffer of fixed length, and the body last: no two records are the same bytes.
    let mut bytes = [0_u8; 32 + 16 + 4 + 8 + 8 + 16 + 16];
    let parts: [&[u8]; 7] = [
        previous,
        header.resource.0.as_bytes(),
        &header.version.epoch.0.to_be_bytes(),
        &header.version.number.to_be_bytes(),
        &header.decided_at.0.to_be_bytes(),
        header.attempt.as_bytes(),
        header.actor.as_bytes(),
    ];
    let mut rest = &mut bytes[..];
    for part in parts {
        let (place, after) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = after;
    }
    Sha256::new().chain_update(bytes).chain_update(body).finalize().into()
}

/// The hash of a commit after the one before it: over its number and its bytes, so over everything decided in it.
pub fn chain_commit(previous: &Hash, number: u64, body: &[u8]) -> Hash {
    Sha256::new().chain_update(previous).chain_update(number.to_be_bytes()).chain_update(body).finalize().into()
}

/// The hash over all commits of several writers, in their order: over the one before it and the hash of the next.
pub fn chain_all(previous: &Hash, commit: &Hash) -> Hash {
    Sha256::new().chain_update(previous).chain_update(commit).finalize().into()
}
