//! Parties, and what a till may see of one: name and language, accounts, open vouchers.

use domain::account::Account;
use domain::id::{PartyId, ProgrammeId, Tenant};
use domain::till_text::Language;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::account;
use crate::db::{Db, Key, Range, Read};
use crate::error::StoreError;
use crate::record::{Item, Record};
use crate::voucher::{self, OpenVoucher};

/// Open vouchers shown at once; a till asks for more by page.
pub const VOUCHERS_SHOWN_MAX: usize = 25;
/// Items of a till view that are no vouchers: the name, and one account per programme.
const VIEW_HEAD_MAX: usize = 4;

/// The name and language of a party, apart from its profile so that a till reads no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TillName {
    /// As a cashier says it.
    pub display_name: String,
    /// Language of printed texts.
    pub language: Language,
}

pub(crate) fn partition(tenant: &Tenant, party: &PartyId) -> String {
    format!("PARTY#{tenant}#{party}")
}

/// The key of the name for the till.
pub fn till_name_key(tenant: &Tenant, party: &PartyId) -> Key {
    Key {
        pk: partition(tenant, party),
        sk: "TILL#0NAME".to_owned(),
    }
}

/// What a till shows of a party in one programme.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TillView {
    /// Name and language, when the party has a profile.
    pub name: Option<TillName>,
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
            self.name = Some(Record::from_item(site, item)?.d);
        } else if sk.strip_prefix(account::PREFIX) == Some(programme.as_str()) {
            self.account = Some(Record::from_item(site, item)?.d);
        } else if sk.starts_with(own_vouchers) {
            self.vouchers.push(Record::from_item(site, item)?.d);
        }
        Ok(())
    }
}
