//! The vouchers of a member.
//!
//! A voucher is put where none is, under the hash of its code; its reference among the party's open ones follows. Both follow from
//! the run, the party and a number, so that a repetition finds what stands and adds what is missing. A voucher of a run is not
//! published on the feed when it is issued: the cash desk finds it with the customer, and the table would pay eight writes for
//! each of a million letters. From its first change on the feed carries it as every other one.

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, PartyId, RunName, Tenant};
use domain::voucher::Voucher;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Written};
use crate::error::StoreError;
use crate::party;
use crate::record::Record;
use crate::voucher::{self, VOUCHER};

/// Entity type of the note that a campaign has served a party.
pub(super) const GIVEN: &str = "given";

/// That a campaign has served a party for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The period, such as the year of a birthday.
    pub period: String,
    /// The run that did.
    pub run: RunName,
}

/// Prefix of the sort keys of these notes of a campaign.
pub(crate) fn given_prefix(campaign: &str) -> String {
    format!("GIVEN#{campaign}#")
}

/// The key of the note.
pub fn given_key(tenant: &Tenant, party: &PartyId, campaign: &str, period: &str) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: format!("{}{period}", given_prefix(campaign)),
    }
}

/// A voucher that a run gives.
#[derive(Debug, Clone)]
pub struct GivenVoucher {
    /// The voucher.
    pub voucher: Voucher,
    /// Keyed hash of its code.
    pub lookup: LookupKey,
}

/// Notes that a run serves the party for a period; `false` when another run has served it before.
///
/// # Errors
/// [`StoreError`].
pub async fn note(
    db: &Db,
    site: Site,
    (tenant, party, campaign): (&Tenant, &PartyId, &str),
    given: Given,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let key = given_key(tenant, party, campaign, &given.period);
    let record = Record::new(key, GIVEN, now, given);
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    match db.write::<Given>(site, put).await? {
        Written::Done => Ok(true),
        Written::Refused(Some(before)) => Ok(before.d.run == record.d.run),
        Written::Refused(None) => Err(StoreError::Unknown(site)),
    }
}

/// What became of a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gave {
    /// It stands, since now or before.
    Stands,
    /// Its code belongs to another voucher: take the next number.
    Taken,
}

/// Stores a voucher and the party's reference to it.
///
/// # Errors
/// [`StoreError`].
pub async fn give(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    new: GivenVoucher,
    now: DateTime<Utc>,
) -> Result<Gave, StoreError> {
    let name = new.voucher.id();
    let record = Record::new(voucher::key(tenant, &new.lookup), VOUCHER, now, new.voucher);
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    let stands = match db.write::<Voucher>(site, put).await? {
        Written::Done => record.d,
        Written::Refused(Some(before)) => before.d,
        Written::Refused(None) => return Err(StoreError::Unknown(site)),
    };
    if stands.id() != name {
        return Ok(Gave::Taken);
    }
    // One that a till has taken meanwhile is not listed again.
    if voucher::is_listed_open(&stands, now) {
        let open = voucher::open_record(tenant, &stands, new.lookup, now);
        db.write_item(site, Leg::put(site, &open, None)?).await?;
    }
    Ok(Gave::Stands)
}
