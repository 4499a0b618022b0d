//! What an account bought in each calendar month, in the party's partition: sums only, so that the order of receipts does not
//! matter and nothing has to be read before a posting.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::Cause;
use domain::id::ProgrammeId;
use faults::Site;

use crate::account::{AccountId, Posting};
use crate::db::{Condition, Db, Key, Leg, Range, Read, Value};
use crate::error::StoreError;
use crate::party;
use crate::record::{Item, instant_key};

/// Entity type of months with purchases.
pub(crate) const ACTIVITY: &str = "activity";
/// Names of sums begin so: revenue by location.
const OF_STORE: &str = "r:s:";
/// Revenue by product group.
const OF_GROUP: &str = "r:g:";

/// Prefix of the sort keys of months in a programme.
pub(crate) fn prefix(programme: &ProgrammeId) -> String {
    format!("ACTIVITY#{programme}#")
}

fn key(id: &AccountId, month: &str) -> Key {
    Key {
        pk: party::partition(&id.tenant, &id.party),
        sk: format!("{}{month}", prefix(&id.programme)),
    }
}

/// Receipts and revenue of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// The month, `YYYY-MM`.
    pub month: String,
    /// Receipts, voided ones not among them.
    pub receipts: i64,
    /// Revenue less returns, in minor units of the programme's currency.
    pub revenue_minor: i64,
    /// Receipts and revenue by location.
    pub stores: Vec<(String, i64, i64)>,
    /// Revenue by product group, of the groups that the programme tracks.
    pub groups: Vec<(String, i64)>,
}

/// The activity of an account from one month to another, `YYYY-MM`, in their order; at most as many as `limit`. A month without
/// any is left out.
///
/// # Errors
/// [`StoreError`].
pub async fn months(
    db: &Db,
    site: Site,
    id: &AccountId,
    (from, to): (&str, &str),
    limit: i32,
) -> Result<Vec<Month>, StoreError> {
    let mut range = Range::prefix(party::partition(&id.tenant, &id.party), "ACTIVITY#", limit);
    (range.from, range.to) = (key(id, from).sk, key(id, to).sk);
    let (items, _) = db.query_items(site, &range, Read::Eventual).await?;
    items.iter().map(|item| month_of(site, item)).collect()
}

pub(crate) fn month_of(site: Site, item: &Item) -> Result<Month, StoreError> {
    let unreadable = |what: &str| StoreError::Unreadable {
        site,
        reason: format!("{what} of a month's activity cannot be read"),
    };
    let sum = |name: &str| match item.get(name) {
        None => Ok(0),
        Some(value) => value
            .as_n()
            .ok()
            .and_then(|number| number.parse::<i64>().ok())
            .ok_or_else(|| unreadable("a sum")),
    };
    let sk = item.get("sk").and_then(|sk| sk.as_s().ok());
    let month = sk
        .and_then(|sk| sk.rsplit('#').next())
        .ok_or_else(|| unreadable("the key"))?;
    let named = |prefix: &str| {
        let mut names: Vec<&str> = item.keys().filter_map(|name| name.strip_prefix(prefix)).collect();
        names.sort_unstable();
        names
    };
    let stores = named(OF_STORE).into_iter().map(|store| {
        let (receipts, revenue) = (sum(&format!("n:s:{store}"))?, sum(&format!("{OF_STORE}{store}"))?);
        Ok((store.to_owned(), receipts, revenue))
    });
    let groups = named(OF_GROUP).into_iter();
    let groups = groups.map(|group| Ok((group.to_owned(), sum(&format!("{OF_GROUP}{group}"))?)));
    Ok(Month {
        month: month.to_owned(),
        receipts: sum("n")?,
        revenue_minor: sum("r")?,
        stores: stores.collect::<Result<_, StoreError>>()?,
        groups: groups.collect::<Result<_, StoreError>>()?,
    })
}

/// Sums that a change adds, by name.
#[derive(Debug, Default)]
struct Sums(BTreeMap<String, i64>);

impl Sums {
    fn add(&mut self, name: impl Into<String>, by: i64) {
        let sum = self.0.entry(name.into()).or_default();
        *sum = sum.saturating_add(by);
    }
}

/// One leg per calendar month of receipts that are posted. Product groups are free texts of tills and would let the item grow
/// without bound: those that the programme tracks are kept.
pub(crate) fn sold(id: &AccountId, postings: &[Posting<'_>], now: DateTime<Utc>) -> Vec<Leg> {
    let mut months: BTreeMap<String, Sums> = BTreeMap::new();
    for posting in postings {
        let sums = months.entry(month_name(posting.entry.business_date)).or_default();
        let receipt = posting.receipt;
        sums.add("n", 1);
        sums.add("r", receipt.total_minor);
        sums.add(format!("n:s:{}", receipt.key.store), 1);
        sums.add(format!("{OF_STORE}{}", receipt.key.store), receipt.total_minor);
        for (group, revenue) in receipt.revenue_of(posting.tracked) {
            sums.add(format!("{OF_GROUP}{group}"), revenue);
        }
    }
    months
        .into_iter()
        .map(|(month, sums)| leg(id, &month, sums, now))
        .collect()
}

/// The leg of what came back, with the revenue of the tracked groups that goes with it; `None` for an entry of another cause.
pub(crate) fn came_back(
    id: &AccountId,
    (cause, business_date): (&Cause, NaiveDate),
    groups: &BTreeMap<String, i64>,
    now: DateTime<Utc>,
) -> Option<Leg> {
    let Cause::Return {
        receipt,
        void,
        total_minor,
        ..
    } = cause
    else {
        return None;
    };
    let mut sums = Sums::default();
    let revenue = total_minor.saturating_neg();
    sums.add("r", revenue);
    sums.add(format!("{OF_STORE}{}", receipt.store), revenue);
    if *void {
        sums.add("n", -1);
        sums.add(format!("n:s:{}", receipt.store), -1);
    }
    for (group, revenue) in groups {
        sums.add(format!("{OF_GROUP}{group}"), revenue.saturating_neg());
    }
    Some(leg(id, &month_name(business_date), sums, now))
}

fn month_name(day: NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

fn leg(id: &AccountId, month: &str, sums: Sums, now: DateTime<Utc>) -> Leg {
    let mut adds = Vec::with_capacity(sums.0.len());
    let mut update = Condition::default();
    for (index, (name, sum)) in sums.0.into_iter().enumerate() {
        adds.push(format!("#a{index} :a{index}"));
        update = update
            .name(&format!("#a{index}"), &name)
            .value(&format!(":a{index}"), Value::Integer(sum));
    }
    let update = update
        .expression(format!(
            "SET #et = :et, #v = :v, #updated = :now, #created = if_not_exists(#created, :now) ADD {}",
            adds.join(", ")
        ))
        .name("#et", "et")
        .name("#v", "v")
        .name("#updated", "updated_at")
        .name("#created", "created_at")
        .value(":et", Value::Text(ACTIVITY.to_owned()))
        .value(":v", Value::Integer(1))
        .value(":now", Value::Text(instant_key(now)));
    Leg::Update(key(id, month), update, None)
}
