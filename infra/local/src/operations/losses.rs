//! What tills without a line have lost: the stored sums of a location and business day are those of its entries.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::NaiveDate;
use domain::id::LocationId;
use domain::money::{Currency, Money};
use domain::offline::{Bearer, LossDay, LossReason};
use store::offline::{self, Entry};
use store::record::Item;

use super::evidence::{partition, records};
use super::walk::{Unreadable, behind, own};
use super::{OperationError, System};

/// Looks at a day whose journal comes in under our eyes.
const LOOKS_MAX: u32 = 5;
/// Pause before another look.
const PAUSE: Duration = Duration::from_millis(200);
/// Days named of a branch; beyond that only their number counts.
const DAYS_NAMED_MAX: usize = 5;

/// A location and business day.
type Day = (LocationId, NaiveDate);
/// Number and minor units of losses, by who bears them and why.
type Sums = BTreeMap<(Bearer, Currency, LossReason), (u64, i64)>;

/// What a walk has seen of journals.
#[derive(Debug, Default)]
pub(super) struct Journals {
    /// Entries on which something is lost.
    pub(super) lost: u64,
    entries: BTreeMap<Day, LossDay>,
    stored: BTreeMap<Day, LossDay>,
}

impl Journals {
    /// Notes the items of one type; returns those that cannot be read.
    pub(super) fn collect(&mut self, system: &System, kind: &str, items: Vec<Item>) -> Vec<Unreadable> {
        if kind == offline::LOSSES {
            let (days, unreadable) = own::<LossDay>(system, "OFFLINE", items);
            for record in days {
                if let Some(day) = day_of(system, &record.pk, &record.sk) {
                    self.stored.insert(day, record.d);
                }
            }
            return unreadable;
        }
        let (entries, unreadable) = own::<Entry>(system, "OFFLINE", items);
        for entry in entries.into_iter().map(|record| record.d) {
            if let Some(loss) = &entry.verdict.loss {
                self.lost = self.lost.saturating_add(1);
                let key = (entry.taken.receipt.store.clone(), entry.taken.receipt.business_date);
                let day = self.entries.entry(key).or_default();
                *day = day.with(loss, entry.currency);
            }
        }
        unreadable
    }

    /// What is wrong, by branch. A day that differs is looked at again: its journal may have come in while the table was walked
    /// through.
    pub(super) async fn prove(self, system: &System) -> Result<Vec<(LocationId, String)>, OperationError> {
        let days: BTreeSet<&Day> = self.entries.keys().chain(self.stored.keys()).collect();
        let mut wrong: BTreeMap<LocationId, Vec<String>> = BTreeMap::new();
        for day in days {
            if sums(self.entries.get(day)) == sums(self.stored.get(day)) {
                continue;
            }
            if let Some(reason) = looked_at(system, day).await? {
                wrong
                    .entry(day.0.clone())
                    .or_default()
                    .push(format!("{}: {reason}", day.1));
            }
        }
        Ok(wrong.into_iter().map(|(branch, days)| (branch, named(&days))).collect())
    }
}

fn named(days: &[String]) -> String {
    let mut text = days.iter().take(DAYS_NAMED_MAX).cloned().collect::<Vec<_>>().join("; ");
    if days.len() > DAYS_NAMED_MAX {
        text.push_str(&format!(
            "; and {} days more",
            days.len().saturating_sub(DAYS_NAMED_MAX)
        ));
    }
    text
}

fn day_of(system: &System, pk: &str, sk: &str) -> Option<Day> {
    let location = behind(pk, "OFFLINE", &system.tenant)?.parse().ok()?;
    Some((location, sk.strip_prefix("LOSSES#")?.parse().ok()?))
}

fn sums(day: Option<&LossDay>) -> Sums {
    let mut all = Sums::new();
    for sum in day.iter().flat_map(|day| &day.sums) {
        let (count, minor) = all.entry((sum.bearer, sum.currency, sum.reason)).or_default();
        (*count, *minor) = (count.saturating_add(sum.count), minor.saturating_add(sum.minor));
    }
    all.retain(|_, sum| *sum != (0, 0));
    all
}

/// What is wrong with a day at rest: with no loss added while its entries were read.
async fn looked_at(system: &System, (location, day): &Day) -> Result<Option<String>, OperationError> {
    let pk = offline::partition(&system.tenant, location);
    let stored = async || {
        let items = partition(&system.db, &pk, &format!("LOSSES#{day}")).await?;
        let stored = records::<LossDay>(items)?.into_iter().next();
        Ok::<_, OperationError>(stored.map(|record| record.d))
    };
    let mut last = None;
    for look in 0..LOOKS_MAX {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let before = stored().await?;
        let items = partition(&system.db, &pk, &format!("ENTRY#{day}#")).await?;
        let mut entries = LossDay::default();
        for entry in records::<Entry>(items)?.into_iter().map(|record| record.d) {
            if let Some(loss) = &entry.verdict.loss {
                entries = entries.with(loss, entry.currency);
            }
        }
        let after = stored().await?;
        last = difference(&sums(Some(&entries)), &sums(after.as_ref()));
        if last.is_none() || before == after {
            break;
        }
    }
    Ok(last)
}

fn difference(entries: &Sums, stored: &Sums) -> Option<String> {
    let keys: BTreeSet<_> = entries.keys().chain(stored.keys()).collect();
    let differing = keys.into_iter().filter(|key| entries.get(key) != stored.get(key));
    let told = |sums: &Sums, key: &(Bearer, Currency, LossReason)| {
        let (count, minor) = sums.get(key).copied().unwrap_or_default();
        format!("{} in {count}", Money::new(minor, key.1))
    };
    let said: Vec<_> = differing
        .map(|key| {
            let (bearer, _, reason) = key;
            let (is, says) = (told(entries, key), told(stored, key));
            format!("{bearer:?} {reason:?}: the entries come to {is}, the sum says {says}")
        })
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}
