//! The draw of the control group.

use domain::id::PartyId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::campaign::Campaign;

/// Buckets among which members are spread: a hundred for each per cent.
pub const BUCKETS: u64 = 10_000;

/// The bucket of a member in a period, from 0 to 9999: the first 64 bits of HMAC-SHA-256 (RFC 2104) under the campaign's id
/// and the period, modulo [`BUCKETS`]. The same at every run, and unrelated between campaigns and between periods. The modulo
/// makes low buckets likelier by less than one in 10^15.
///
/// This is a fair draw, not a secret one: whoever knows an id can compute its bucket.
pub fn bucket(campaign: &str, period: &str, party: &PartyId) -> u64 {
    // `~` is in neither, so no two pairs make the same key.
    let key = format!("{campaign}~{period}");
    let mut mac = match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes a key of any length"),
    };
    mac.update(party.as_str().as_bytes());
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    u64::from_be_bytes(first) % BUCKETS
}

/// Whether a member belongs to the campaign's control group in a period.
pub fn is_control(campaign: &Campaign, period: &str, party: &PartyId) -> bool {
    // A hundred buckets for each per cent.
    let below = u64::from(campaign.control_per_cent).saturating_mul(100);
    bucket(&campaign.id, period, party) < below
}
