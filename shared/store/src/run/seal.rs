//! Addresses of a run, under a key that the table drops with time.
//!
//! AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits for each address; the party's id is authenticated with it, so that
//! no address can be read in another member's place. Under one key there are at most some million addresses, far below the
//! 2^32 random nonces that the standard allows.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use domain::id::PartyId;
use faults::Site;
use serde::{Deserialize, Serialize};

use super::{ADDRESS_DAYS, RunId, days_after};
use crate::db::{Condition, Db, Key, Leg, Read, Written};
use crate::error::StoreError;
use crate::record::Record;

/// Something cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed cannot be opened with the key of this run")]
pub struct SealError;

/// What can be read with the key of the run only; base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(String);

#[derive(Clone, Serialize, Deserialize)]
struct StoredKey {
    key: String,
}

/// The key of a run.
pub struct SealingKey(LessSafeKey);

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    fn of(text: &str) -> Result<Self, SealError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| SealError)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals what is about this party.
    ///
    /// # Errors
    /// [`SealError`] when the system gives no random bytes.
    pub fn seal(&self, party: &PartyId, content: &[u8]) -> Result<Sealed, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError)?;
        let mut bytes = content.to_vec();
        let aad = Aad::from(party.as_str().as_bytes());
        let sealed = self
            .0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes);
        sealed.map_err(|_| SealError)?;
        let mut whole = nonce.to_vec();
        whole.extend(bytes);
        Ok(Sealed(BASE64_STANDARD.encode(whole)))
    }

    /// Opens what was sealed about this party.
    ///
    /// # Errors
    /// [`SealError`] when it was sealed under another key, about another party, or was changed.
    pub fn open(&self, party: &PartyId, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let mut bytes = BASE64_STANDARD.decode(&sealed.0).map_err(|_| SealError)?;
        let (nonce, content) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let aad = Aad::from(party.as_str().as_bytes());
        let opened = self.0.open_in_place(nonce, aad, content).map_err(|_| SealError)?;
        Ok(opened.to_vec())
    }
}

fn key(id: &RunId) -> Key {
    Key {
        pk: id.parts(),
        sk: "KEY".to_owned(),
    }
}

/// The key of a run, made by whoever asks first; `None` once its time is over.
///
/// # Errors
/// [`StoreError`].
pub async fn sealing_key(
    db: &Db,
    site: Site,
    id: &RunId,
    begun_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<SealingKey>, StoreError> {
    let ends = days_after(begun_at, ADDRESS_DAYS);
    // The table drops items late: what it has not dropped yet is not used either.
    if now.timestamp() >= ends {
        return Ok(None);
    }
    let unreadable = || StoreError::Unreadable {
        site,
        reason: "the key of a run cannot be read".to_owned(),
    };
    let stored = match db.get::<StoredKey>(site, &key(id), Read::Strong).await? {
        Some(found) => found.d,
        None => {
            let mut bytes = [0; 32];
            rand::fill(&mut bytes).map_err(|_| unreadable())?;
            let made = StoredKey {
                key: BASE64_STANDARD.encode(bytes),
            };
            let mut record = Record::new(key(id), "run_key", now, made.clone());
            record.ttl = Some(ends);
            let put = Leg::put(site, &record, Some(Condition::absent()))?;
            match db.write::<StoredKey>(site, put).await? {
                Written::Done => made,
                Written::Refused(Some(other)) => other.d,
                Written::Refused(None) => return Err(StoreError::Unknown(site)),
            }
        }
    };
    SealingKey::of(&stored.key).map(Some).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_key() -> SealingKey {
        SealingKey::of(&BASE64_STANDARD.encode([7; 32])).unwrap()
    }

    #[test]
    fn what_is_sealed_about_one_party_opens_for_no_other_and_under_no_other_key() {
        let (anna, beat): (PartyId, PartyId) = ("anna".parse().unwrap(), "beat".parse().unwrap());
        let sealed = a_key().seal(&anna, "Rue du Rhône 1".as_bytes()).unwrap();
        assert!(!format!("{sealed:?}").contains("Rue"));
        assert_eq!(a_key().open(&anna, &sealed).unwrap(), "Rue du Rhône 1".as_bytes());
        assert!(a_key().open(&beat, &sealed).is_err());
        let other = SealingKey::of(&BASE64_STANDARD.encode([8; 32])).unwrap();
        assert!(other.open(&anna, &sealed).is_err());
        assert_ne!(a_key().seal(&anna, b"x").unwrap(), a_key().seal(&anna, b"x").unwrap());
    }
}
