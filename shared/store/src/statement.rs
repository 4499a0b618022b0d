//! That a statement about a party was made (X16): when, for whom, and which bytes. The statement itself stands in a bucket.

use domain::id::{PartyId, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, TransactError};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record, instant_key};

/// A statement that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// Notes a statement with its party, before it stands anywhere: who was told what is known though the caller never heard the
/// answer.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Erased`] when the party was erased meanwhile.
pub async fn note(
    db: &Db,
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    (id, statement): (&str, &Statement),
    made: &Made,
) -> Result<(), StoreError> {
    let key = Key {
        pk: party::partition(tenant, party),
        sk: format!("STATEMENT#{}#{id}", instant_key(made.at)),
    };
    let record = Record::new(key, "statement", made, statement.clone());
    let legs = vec![
        Leg::put(site, &record, Some(Condition::absent()))?,
        party::stays(tenant, party),
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(()),
        Err(TransactError::Store(error)) => Err(error),
        Err(TransactError::Condition(failed)) => {
            let item = failed
                .iter()
                .find(|leg| leg.index == 1)
                .and_then(|leg| leg.item.as_ref());
            party::refuse_erased(site, item)?;
            // The id is random: nobody else has it.
            Err(StoreError::Unknown(site))
        }
    }
}
