//! Vouchers under the keyed hash of their code, and the party's references to them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::account::{Account, Issue};
use domain::calendar;
use domain::id::{LookupKey, PartyId, ProgrammeId, Tenant};
use domain::money::Currency;
use domain::voucher::{State, Voucher, VoucherNumber};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::account::{self, AccountId};
use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, TransactError, Written};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record, instant_key};

/// Entity type and topic of vouchers.
pub const VOUCHER: &str = "voucher";
/// Entity type of the references to open vouchers.
pub(crate) const OPEN_VOUCHER: &str = "open_voucher";
/// Shards of the list of vouchers that do not match their receipt.
pub const UNMATCHED_SHARDS: u8 = 4;

/// An open voucher as the party's partition names it, so that a till needs no second read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenVoucher {
    /// Where the voucher itself stands.
    pub lookup: LookupKey,
    /// What tells it from the other vouchers of the account.
    #[serde(rename = "sequence")]
    pub number: VoucherNumber,
    /// What it is worth, in minor units: its face value, or the rest of one that is taken in parts; nothing of one in per cent.
    pub value_minor: i64,
    /// Per cent that it takes off the goods that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cent: Option<u8>,
    /// Its currency.
    pub currency: Currency,
    /// Last day of validity.
    pub valid_until: NaiveDate,
    /// Version of the code key.
    pub code_key_version: u32,
}

impl OpenVoucher {
    /// The reference to `voucher`.
    pub fn of(voucher: &Voucher, lookup: LookupKey) -> Self {
        Self {
            lookup,
            number: voucher.number.clone(),
            value_minor: voucher.worth_minor(),
            per_cent: voucher.campaign.as_ref().and_then(|terms| terms.per_cent),
            currency: voucher.currency,
            valid_until: voucher.valid_until,
            code_key_version: voucher.code_key_version,
        }
    }
}

/// The item that lists an open voucher. The table drops it after the last day of validity in any zone.
pub(crate) fn open_record(
    tenant: &Tenant,
    voucher: &Voucher,
    lookup: LookupKey,
    now: DateTime<Utc>,
) -> Record<OpenVoucher> {
    let key = open_key(tenant, &voucher.party, &voucher.programme, &voucher.number);
    let mut record = Record::new(key, OPEN_VOUCHER, now, OpenVoucher::of(voucher, lookup));
    let gone = calendar::plus_days(voucher.valid_until, 2).and_time(NaiveTime::MIN);
    record.ttl = Some(gone.and_utc().timestamp());
    record
}

/// What the voucher feed has published of a voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Where the voucher itself stands.
    pub lookup: LookupKey,
    /// The last state version that stands in the feed.
    pub version: u64,
}

/// The key of a voucher.
pub fn key(tenant: &Tenant, lookup: &LookupKey) -> Key {
    Key {
        pk: format!("VOUCHER#{tenant}#{lookup}"),
        sk: "VOUCHER".to_owned(),
    }
}

/// Prefix of the sort keys of open vouchers of a programme.
pub(crate) fn open_prefix(programme: &ProgrammeId) -> String {
    format!("TILL#2VOUCHER#{programme}#")
}

/// The key of the reference to an open voucher.
pub fn open_key(tenant: &Tenant, party: &PartyId, programme: &ProgrammeId, number: &VoucherNumber) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: format!("{}{}", open_prefix(programme), number.key()),
    }
}

/// The key of what the feed has published of a voucher.
pub fn published_key(tenant: &Tenant, party: &PartyId, programme: &ProgrammeId, number: &VoucherNumber) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: format!("VOUCHER#{programme}#{}", number.key()),
    }
}

/// The tenant and lookup key in a voucher's partition key.
pub fn parse_partition(pk: &str) -> Option<(Tenant, LookupKey)> {
    let (tenant, lookup) = pk.strip_prefix("VOUCHER#")?.split_once('#')?;
    Some((tenant.parse().ok()?, lookup.parse().ok()?))
}

/// A voucher, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    lookup: &LookupKey,
    read: Read,
) -> Result<Option<Record<Voucher>>, StoreError> {
    db.get(site, &key(tenant, lookup), read).await
}

/// The vouchers under these keys, those that exist.
///
/// # Errors
/// [`StoreError`].
pub async fn read_many(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    lookups: &[LookupKey],
) -> Result<Vec<Record<Voucher>>, StoreError> {
    let keys: Vec<_> = lookups.iter().map(|lookup| key(tenant, lookup)).collect();
    db.batch_get(site, &keys, Read::Strong).await
}

/// A voucher to be stored, with the lookup key of its code.
#[derive(Debug, Clone)]
pub struct NewVoucher {
    /// The voucher.
    pub voucher: Voucher,
    /// Keyed hash of its code.
    pub lookup: LookupKey,
}

/// What became of a step of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issued {
    /// All is stored.
    Done,
    /// The account has moved on: read it again.
    Stale,
    /// The codes of these sequence numbers belong to other vouchers: leave the numbers out.
    Taken(Vec<u64>),
}

/// Commits a step of an issue: the ledger debit, the snapshot, the vouchers and the party's references, all or nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn commit_issue(
    db: &Db,
    id: &AccountId,
    before: &Record<Account>,
    issue: &Issue,
    vouchers: &[NewVoucher],
    more_due: bool,
    now: DateTime<Utc>,
) -> Result<Issued, StoreError> {
    let site = Site::IssueCommit;
    let mut legs = vec![
        account::entry_leg(site, id, &issue.entry, now)?,
        account::snapshot_leg(site, id, Some(before), &issue.account, more_due, now)?,
    ];
    for new in vouchers {
        legs.extend(new_legs(site, &id.tenant, new, now)?);
    }
    match db.transact(site, legs).await {
        Ok(()) => Ok(Issued::Done),
        Err(TransactError::Store(StoreError::Busy(_))) => Ok(Issued::Stale),
        Err(TransactError::Store(error)) => Err(error),
        // Entry or snapshot in the way: somebody else issued, perhaps this very step.
        Err(TransactError::Condition(failed)) if failed.iter().any(|leg| leg.index < 2) => Ok(Issued::Stale),
        Err(TransactError::Condition(failed)) => {
            let taken = failed.iter().filter_map(|leg| vouchers.get((leg.index - 2) / 2));
            Ok(Issued::Taken(
                taken.filter_map(|new| new.voucher.number.over_threshold()).collect(),
            ))
        }
    }
}

/// Stores `after` in the place of `before`, under the condition that nobody changed the voucher meanwhile.
///
/// `Some` carries the voucher that stood in the way: decide again on it.
///
/// # Errors
/// [`StoreError`].
pub async fn replace(
    db: &Db,
    site: Site,
    before: &Record<Voucher>,
    after: Voucher,
    made: impl Into<Made>,
) -> Result<Option<Record<Voucher>>, StoreError> {
    let put = Leg::put(
        site,
        &changed(before, after, made),
        Some(Condition::version(before.d.version)),
    )?;
    match db.write(site, put).await? {
        Written::Done => Ok(None),
        Written::Refused(Some(now_there)) => Ok(Some(*now_there)),
        Written::Refused(None) => Err(StoreError::Unknown(site)),
    }
}

/// The image of a voucher after a change.
pub(crate) fn changed(before: &Record<Voucher>, after: Voucher, made: impl Into<Made>) -> Record<Voucher> {
    let moved = after.state_version != before.d.state_version;
    let mut record = Record::new(before.key(), VOUCHER, made, after);
    record.created_at = before.created_at;
    // What the system notes by itself hides nobody who redeemed.
    record.by = record.by.or_else(|| before.by.clone());
    // A note of a payment changes nothing that a till must hear of.
    record.topics = moved.then(|| VOUCHER.to_owned());
    if let (Some((_, since)), Some((tenant, lookup))) = (record.d.unmatched(), parse_partition(&record.pk)) {
        record.work_pk = Some(unmatched_partition(&tenant, shard_of(&lookup)));
        record.work_sk = Some(format!("{}#{lookup}", instant_key(since)));
    }
    record
}

/// A voucher that was found by account and number.
#[derive(Debug, Clone)]
pub struct OfParty {
    /// The voucher.
    pub voucher: Record<Voucher>,
    /// Where it stands.
    pub lookup: LookupKey,
    /// Whether the feed has published anything of it.
    pub published: bool,
    /// Whether the party's reference lists it among its open ones.
    pub listed: bool,
}

/// The voucher with this number of an account, by one of the two references that lead to it, or where `elsewhere` says that it
/// may stand: nothing leads to a voucher of a campaign that ran out untouched. `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn of_party(
    db: &Db,
    site: Site,
    id: &AccountId,
    number: &VoucherNumber,
    elsewhere: &[LookupKey],
) -> Result<Option<OfParty>, StoreError> {
    let AccountId {
        tenant,
        party,
        programme,
    } = id;
    // In this order: whoever takes a voucher off the list of open ones leaves, or finds, the other reference. The other way
    // round it could stand behind neither look.
    let key = open_key(tenant, party, programme, number);
    let open = db.get::<OpenVoucher>(site, &key, Read::Strong).await?;
    let key = published_key(tenant, party, programme, number);
    let known = db.get::<Published>(site, &key, Read::Strong).await?;
    let (published, listed) = (known.is_some(), open.is_some());
    let referenced = known.map(|known| known.d.lookup).or(open.map(|open| open.d.lookup));
    let candidates = referenced.as_ref().map_or(elsewhere, std::slice::from_ref);
    for lookup in candidates {
        let found = read(db, site, tenant, lookup, Read::Strong).await?;
        let is_it = |found: &Record<Voucher>| {
            (&found.d.party, &found.d.programme, &found.d.number) == (party, programme, number)
        };
        if let Some(voucher) = found.filter(is_it) {
            return Ok(Some(OfParty {
                voucher,
                lookup: lookup.clone(),
                published,
                listed,
            }));
        }
    }
    Ok(None)
}

/// Takes a voucher that nobody can take off the list of the party's open ones, where a writer that was overtaken has put it. Does
/// nothing when the voucher has changed meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn unlist(db: &Db, site: Site, tenant: &Tenant, found: &OfParty) -> Result<(), StoreError> {
    let Voucher {
        party,
        programme,
        number,
        version,
        ..
    } = &found.voucher.d;
    let legs = vec![
        Leg::Check(found.voucher.key(), Condition::version(*version)),
        Leg::Delete(open_key(tenant, party, programme, number), None),
    ];
    match db.transact(site, legs).await {
        Ok(()) | Err(TransactError::Condition(_)) => Ok(()),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// What support does to a voucher.
#[derive(Debug, Clone)]
pub struct VoucherChange {
    /// As it was found.
    pub before: OfParty,
    /// As it must be stored.
    pub after: Voucher,
    /// The one that is put in its place.
    pub successor: Option<NewVoucher>,
}

impl VoucherChange {
    /// The legs that store the change, with the party's references to the voucher, and to the one in its place.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub(crate) fn legs(&self, site: Site, tenant: &Tenant, made: &Made) -> Result<Vec<Leg>, StoreError> {
        let (before, after) = (&self.before, &self.after);
        let image = changed(&before.voucher, after.clone(), made);
        let (party, programme, number) = (&after.party, &after.programme, &after.number);
        let mut legs = vec![Leg::put(
            site,
            &image,
            Some(Condition::version(before.voucher.d.version)),
        )?];
        legs.push(if is_listed_open(after, made.at) {
            Leg::put(site, &open_record(tenant, after, before.lookup.clone(), made.at), None)?
        } else {
            Leg::Delete(open_key(tenant, party, programme, number), None)
        });
        if !before.published {
            // The feed has not come to its issue yet. Without either reference nothing of the party would lead to the voucher.
            let nothing_yet = Published {
                lookup: before.lookup.clone(),
                version: 0,
            };
            let key = published_key(tenant, party, programme, number);
            let record = Record::new(key, "voucher_reference", made.at, nothing_yet);
            legs.push(Leg::put(site, &record, Some(Condition::absent()))?);
        }
        if let Some(new) = &self.successor {
            legs.extend(new_legs(site, tenant, new, made)?);
        }
        Ok(legs)
    }
}

/// The legs that store a voucher where none stands, and list it among the party's open ones.
fn new_legs(site: Site, tenant: &Tenant, new: &NewVoucher, made: impl Into<Made>) -> Result<[Leg; 2], StoreError> {
    let made = made.into();
    let open = open_record(tenant, &new.voucher, new.lookup.clone(), made.at);
    let mut record = Record::new(key(tenant, &new.lookup), VOUCHER, made, new.voucher.clone());
    record.topics = Some(VOUCHER.to_owned());
    Ok([
        Leg::put(site, &record, Some(Condition::absent()))?,
        Leg::put(site, &open, None)?,
    ])
}

/// Stores the image again with its topic, so that the stream carries a change that was never published. `false` when
/// somebody changed the voucher meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn announce(db: &Db, site: Site, voucher: &Record<Voucher>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let mut record = voucher.clone();
    record.topics = Some(VOUCHER.to_owned());
    // Without a difference the table would not put the write on its stream.
    record.updated_at = now;
    let put = Leg::put(site, &record, Some(Condition::version(voucher.d.version)))?;
    Ok(matches!(db.write::<Voucher>(site, put).await?, Written::Done))
}

fn unmatched_partition(tenant: &Tenant, shard: u8) -> String {
    format!("UNMATCHED#{tenant}#{shard}")
}

fn shard_of(lookup: &LookupKey) -> u8 {
    lookup.as_str().bytes().fold(0u8, u8::wrapping_add) % UNMATCHED_SHARDS
}

/// Vouchers of one shard that have not matched their receipt since before `until`, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn unmatched(
    db: &Db,
    tenant: &Tenant,
    shard: u8,
    until: DateTime<Utc>,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Voucher>>, Option<String>), StoreError> {
    let range = Range {
        pk: unmatched_partition(tenant, shard),
        from: "0".to_owned(),
        to: instant_key(until),
        after,
        descending: false,
        limit,
        index: Some(Index::Work),
    };
    db.query(Site::UnmatchedRead, &range, Read::Eventual).await
}

/// Whether the party's reference to `voucher` stands among its open ones.
pub fn is_listed_open(voucher: &Voucher, now: DateTime<Utc>) -> bool {
    let usable = matches!(voucher.state, State::Open | State::Reserved { .. });
    usable && calendar::business_day(now, voucher.zone) <= voucher.valid_until
}
