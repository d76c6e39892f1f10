//! Chains of hashes: one per resource over its record, one per writer over its attempts.
//! Pure: it reads no row and writes none, so that every store and every verifier computes the same.

use sha2::{Digest, Sha256};
use slotwise_domain::{AttemptKey, Fingerprint, Instant, ResourceId, Version};
use uuid::Uuid;

/// SHA-256.
pub type Hash = [u8; 32];

/// What a resource's chain begins with.
pub fn genesis(resource: ResourceId) -> Hash {
    begin(resource.0)
}

/// What a writer's chain of attempts begins with.
pub fn attempts_genesis(writer: Uuid) -> Hash {
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
pub fn chain(previous: &Hash, header: &Header, body: &str) -> Hash {
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

/// The hash of a commit, growing by one attempt at a time.
#[derive(Clone, Debug)]
pub struct CommitHash(Sha256);

impl CommitHash {
    /// A commit after the one with this hash.
    pub fn after(previous: &Hash, writer: Uuid, number: u64, at: Instant) -> CommitHash {
        let hash = Sha256::new().chain_update(previous).chain_update(writer.as_bytes());
        CommitHash(hash.chain_update(number.to_be_bytes()).chain_update(at.0.to_be_bytes()))
    }

    /// One more attempt of this commit, as it is stored.
    pub fn attempt(&mut self, key: AttemptKey, fingerprint: &Fingerprint, command: &str, decision: &str) {
        self.0.update(key.part.0.to_be_bytes());
        self.0.update(key.actor.as_bytes());
        self.0.update(key.key.as_bytes());
        self.0.update(fingerprint.0);
        for text in [command, decision] {
            self.0.update((text.len() as u64).to_be_bytes());
            self.0.update(text);
        }
    }

    /// The hash of the whole commit.
    pub fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}
