//! Parties, and what a till may see of one: name and language, accounts, open vouchers.

pub(crate) mod change;
mod erased;
pub mod import;
mod own;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use domain::account::Account;
use domain::id::{LookupKey, PartyId, ProgrammeId, Tenant};
use domain::secret::Secret;
use domain::till_text::Language;
use domain::voucher::VoucherNumber;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::account;
use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::record::{Item, Made, Record};
use crate::voucher::{self, OpenVoucher};

pub use change::{
    CHANGE, Change, ChangeKind, Changed, Created, Lookup, Lookups, PARTY, Step, change, changes, create, past,
};

pub(crate) use change::noted;
pub use erased::{ERASED_ID, ERASED_PARTY, Standing, Tombstone, standing};
pub(crate) use erased::{erase, erase_id, read_known, refuse_erased, stays};

pub use own::{Own, put_own};

/// Open vouchers shown at once; a till asks for more by page.
pub const VOUCHERS_SHOWN_MAX: usize = 25;
/// Items of a till view that are no vouchers: the name, the segments, and one account per programme.
const VIEW_HEAD_MAX: usize = 5;

/// Sort key of the segments.
const SEGMENTS: &str = "TILL#0SEGMENTS";

pub use ::party::document::{Identity, PartyDocument, VoucherStop};

/// A text that leads to a person.
pub type Personal = Secret;

/// What stands under the keyed hash of an external id or of a caller's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The party that was stored under it.
    pub party: PartyId,
    /// Keyed hash of the content it was stored with; absent when the id was added to a party later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<LookupKey>,
    /// When the id was taken away from the party. It stays the party's all the same, so that a late call finds it and stores no
    /// second party; another party gets it only by a call that says from whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<DateTime<Utc>>,
}

/// The name and language of a party, apart from its profile so that a till reads no more. `Debug` does not show the name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TillName {
    /// As a cashier says it.
    pub display_name: String,
    /// Language of printed texts.
    pub language: Language,
    /// The party gets no vouchers and pays with none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher_stop: Option<VoucherStop>,
    /// The party was erased: there is no name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

impl TillName {
    /// What a till sees of a party at `now`.
    pub(crate) fn of(party: &PartyDocument, now: DateTime<Utc>) -> Self {
        Self {
            display_name: party.identity.display_name(),
            language: party.language,
            voucher_stop: party.voucher_stop(now),
            erased: false,
        }
    }
}

impl fmt::Debug for TillName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TillName")
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// The segments of a party, where a till's view finds them with everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segments {
    /// Counts the changes, from 1.
    pub version: u64,
    /// Codes in order, none twice; at most [`domain::earning::SEGMENTS_MAX`].
    pub codes: Vec<String>,
}

fn segments_key(tenant: &Tenant, party: &PartyId) -> Key {
    Key {
        pk: partition(tenant, party),
        sk: SEGMENTS.to_owned(),
    }
}

/// The segments of a party; `None` before it ever had one.
///
/// # Errors
/// [`StoreError`].
pub async fn segments(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
) -> Result<Option<Record<Segments>>, StoreError> {
    db.get(site, &segments_key(tenant, party), Read::Strong).await
}

/// Replaces the segments of a party; `false` when somebody else did so since `before` was read, or there is no such party.
///
/// # Errors
/// [`StoreError`].
pub async fn put_segments(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    before: Option<&Record<Segments>>,
    codes: Vec<String>,
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    let version = before.map_or(0, |before| before.d.version);
    let segments = Segments {
        version: version.saturating_add(1),
        codes,
    };
    let mut record = Record::new(segments_key(tenant, party), "segments", made, segments);
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::version(version)
        }
    };
    let legs = vec![Leg::put(site, &record, Some(condition))?, stays(tenant, party)];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

pub(crate) fn partition(tenant: &Tenant, party: &PartyId) -> String {
    format!("PARTY#{tenant}#{party}")
}

/// The tenant and party in a party's partition key.
pub(crate) fn parse_partition(pk: &str) -> Option<(Tenant, PartyId)> {
    let (tenant, party) = pk.strip_prefix("PARTY#")?.split_once('#')?;
    Some((tenant.parse().ok()?, party.parse().ok()?))
}

/// The key of the name for the till.
pub fn till_name_key(tenant: &Tenant, party: &PartyId) -> Key {
    Key {
        pk: partition(tenant, party),
        sk: "TILL#0NAME".to_owned(),
    }
}

/// The key of the profile.
pub fn profile_key(tenant: &Tenant, party: &PartyId) -> Key {
    Key {
        pk: partition(tenant, party),
        sk: "PROFILE".to_owned(),
    }
}

fn known_key(tenant: &Tenant, lookup: &LookupKey) -> Key {
    Key {
        pk: format!("EXTERNAL#{tenant}#{lookup}"),
        sk: "EXTERNAL".to_owned(),
    }
}

/// A party's profile, or `None`.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Erased`] of one that was erased.
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
) -> Result<Option<Record<PartyDocument>>, StoreError> {
    match standing(db, site, tenant, party).await? {
        Some(Standing::Erased(_)) => Err(StoreError::Erased(site)),
        found => Ok(found.and_then(Standing::party)),
    }
}

/// Those of the parties that stand, at most [`crate::db::BATCH_GET_MAX`], none twice. One that was erased is not among them.
///
/// # Errors
/// [`StoreError`].
pub async fn read_many(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    parties: &[PartyId],
) -> Result<BTreeMap<PartyId, PartyDocument>, StoreError> {
    let keys: Vec<_> = parties.iter().map(|party| profile_key(tenant, party)).collect();
    let mut found = BTreeMap::new();
    for item in db.batch_get_items(site, &keys, Read::Strong).await? {
        if let Some(party) = Standing::of(site, item)?.party() {
            found.insert(party.d.party.clone(), party.d);
        }
    }
    Ok(found)
}

/// Whether the party gets no vouchers and pays with none at `now`. Sees every change that was answered before.
///
/// # Errors
/// [`StoreError`].
pub async fn is_stopped(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let name: Option<Record<TillName>> = db.get(site, &till_name_key(tenant, party), Read::Strong).await?;
    let stop = name.and_then(|name| name.d.voucher_stop);
    Ok(stop.is_some_and(|stop| stop.holds(now)))
}

/// What stands under the keyed hash of an external id or token, or `None`.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Erased`] when its party was erased.
pub async fn known(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    lookup: &LookupKey,
) -> Result<Option<Record<Known>>, StoreError> {
    let item = db.get_item(site, &known_key(tenant, lookup), Read::Strong).await?;
    item.map(|item| read_known(site, item)).transpose()
}

/// Open vouchers of a party in a programme behind the one with the number `after`, oldest first: a page of at
/// most [`VOUCHERS_SHOWN_MAX`], and whether there are more.
///
/// # Errors
/// [`StoreError`].
pub async fn open_vouchers(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    programme: &ProgrammeId,
    after: &VoucherNumber,
) -> Result<(Vec<OpenVoucher>, bool), StoreError> {
    // One more than shown tells whether there are more.
    let limit = i32::try_from(VOUCHERS_SHOWN_MAX + 1).unwrap_or(i32::MAX);
    let mut range = Range::prefix(partition(tenant, party), &voucher::open_prefix(programme), limit);
    range.after = Some(voucher::open_key(tenant, party, programme, after).sk);
    let (vouchers, _) = db.query::<OpenVoucher>(site, &range, Read::Strong).await?;
    let more = vouchers.len() > VOUCHERS_SHOWN_MAX;
    let shown = vouchers.into_iter().take(VOUCHERS_SHOWN_MAX);
    Ok((shown.map(|record| record.d).collect(), more))
}

/// What a till shows of a party in one programme.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TillView {
    /// Name and language, when the party has a profile.
    pub name: Option<TillName>,
    /// Segments of the party.
    pub segments: Vec<String>,
    /// The account, once it has an entry.
    pub account: Option<Account>,
    /// The first open vouchers, oldest first, at most [`VOUCHERS_SHOWN_MAX`].
    pub vouchers: Vec<OpenVoucher>,
    /// Whether there are more open vouchers.
    pub more_vouchers: bool,
}

/// Reads the till view with one query; a second one only for a party with many vouchers of other programmes.
///
/// # Errors
/// [`StoreError`].
pub async fn till_view(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    programme: &ProgrammeId,
    read: Read,
) -> Result<TillView, StoreError> {
    let limit = i32::try_from(VIEW_HEAD_MAX + VOUCHERS_SHOWN_MAX).unwrap_or(i32::MAX);
    let range = Range::prefix(partition(tenant, party), "TILL#", limit);
    let (items, next) = db.query_items(site, &range, read).await?;
    let mut view = TillView::default();
    let own_vouchers = voucher::open_prefix(programme);
    for item in items {
        view.take(site, item, &own_vouchers, programme)?;
    }
    // Cut before or among our vouchers: ask for them alone.
    let cut = next.is_some_and(|next| next.as_str() < format!("{own_vouchers}\u{7f}").as_str());
    if cut {
        let range = Range::prefix(partition(tenant, party), &own_vouchers, limit);
        let (vouchers, _) = db.query::<OpenVoucher>(site, &range, read).await?;
        view.vouchers = vouchers.into_iter().map(|record| record.d).collect();
    }
    view.more_vouchers = view.vouchers.len() > VOUCHERS_SHOWN_MAX;
    view.vouchers.truncate(VOUCHERS_SHOWN_MAX);
    Ok(view)
}

impl TillView {
    fn take(&mut self, site: Site, item: Item, own_vouchers: &str, programme: &ProgrammeId) -> Result<(), StoreError> {
        let sk = match item.get("sk") {
            Some(aws_sdk_dynamodb::types::AttributeValue::S(sk)) => sk.clone(),
            _ => String::new(),
        };
        if sk == "TILL#0NAME" {
            let name: TillName = Record::from_item(site, item)?.d;
            self.name = Some(name).filter(|name| !name.erased);
        } else if sk == SEGMENTS {
            self.segments = Record::<Segments>::from_item(site, item)?.d.codes;
        } else if sk.strip_prefix(account::PREFIX) == Some(programme.as_str()) {
            self.account = Some(Record::from_item(site, item)?.d);
        } else if sk.starts_with(own_vouchers) {
            self.vouchers.push(Record::from_item(site, item)?.d);
        }
        Ok(())
    }
}
