//! What was done by hand: each posted adjustment has its entries, and each such entry its adjustment.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::{Cause, Entry};
use domain::adjustment::{Adjustment, Booked, Kind, State};
use domain::id::LookupKey;
use domain::voucher::{REISSUES_MAX, State as VoucherState, VoucherNumber};
use store::account::AccountId;
use store::db::{BATCH_GET_MAX, Read};
use store::{Key, Record, Site, adjustment, voucher};

use super::{OperationError, System};

/// What is wrong with an adjustment: its id and the reason.
pub(super) type Wrong = (LookupKey, String);

/// Those of the adjustments whose entries are not in their ledgers, or say something else. Adjustment and entries are stored
/// together, so an entry that is missing now was never there or was removed.
pub(super) async fn without_entry(
    system: &System,
    page: Vec<Record<Adjustment>>,
) -> Result<Vec<Wrong>, OperationError> {
    let mut wanted = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in &page {
        let Some((_, id)) = adjustment::parse_partition(&record.pk) else {
            continue;
        };
        let State::Posted { entries, .. } = &record.d.state else {
            continue;
        };
        let accounts = accounts(system, &record.d);
        if entries.len() != accounts.len() && !cost_none(system, &record.d, entries.len()).await? {
            wrong.push((id, format!("{} entries for {} accounts", entries.len(), accounts.len())));
            continue;
        }
        for (account, booked) in accounts.iter().zip(entries) {
            wanted.insert(account.entry_key(&booked.entry), (id.clone(), booked.clone()));
        }
    }
    let keys: Vec<_> = wanted.keys().cloned().collect();
    let mut found: BTreeMap<Key, Entry> = BTreeMap::new();
    for chunk in keys.chunks(BATCH_GET_MAX) {
        let entries = system
            .db
            .batch_get::<Entry>(Site::ToolRead, chunk, Read::Strong)
            .await?;
        found.extend(entries.into_iter().map(|record| (record.key(), record.d)));
    }
    for (key, (id, booked)) in wanted {
        match found.get(&key) {
            None => wrong.push((id, format!("its entry {} is not in the ledger", booked.entry))),
            Some(entry) if is_of(entry, &booked) => {}
            Some(_) => wrong.push((id, format!("its entry {} says something else", booked.entry))),
        }
    }
    Ok(wrong)
}

/// Whether it has moved no points, and rightly: the voucher of a campaign that it made void has cost none.
async fn cost_none(system: &System, adjustment: &Adjustment, entries: usize) -> Result<bool, OperationError> {
    let number = match &adjustment.kind {
        Kind::VoucherVoid { number } if entries == 0 && number.run().is_some() => number,
        _ => return Ok(false),
    };
    let id = AccountId {
        tenant: system.tenant.clone(),
        party: adjustment.party.clone(),
        programme: adjustment.programme.clone(),
    };
    let found = voucher::of_party(&system.db, Site::ToolRead, &id, number, &[]).await?;
    Ok(found.is_none_or(|found| found.voucher.d.paid_by().is_none()))
}

/// The accounts of an adjustment, in the order of its entries.
fn accounts(system: &System, adjustment: &Adjustment) -> Vec<AccountId> {
    let receiver = match &adjustment.kind {
        Kind::Transfer { to } => Some(to),
        _ => None,
    };
    let holders = std::iter::once(&adjustment.party).chain(receiver);
    holders
        .take(adjustment.kind.accounts())
        .map(|party| AccountId {
            tenant: system.tenant.clone(),
            party: party.clone(),
            programme: adjustment.programme.clone(),
        })
        .collect()
}

fn is_of(entry: &Entry, booked: &Booked) -> bool {
    Booked::of(entry) == *booked
}

/// What is wrong with the entries of an account that somebody made by hand: no adjustment stands for them.
pub(super) async fn without_adjustment(
    system: &System,
    id: &AccountId,
    entries: &[Entry],
) -> Result<Vec<String>, OperationError> {
    let mut wrong = Vec::new();
    let mut named: Vec<(LookupKey, &Entry)> = Vec::new();
    for entry in entries {
        let name = match &entry.cause {
            Cause::Correction { id } | Cause::Transfer { id, .. } => id.parse().ok(),
            Cause::VoucherVoid { .. } => match entry.voided() {
                Some(number) => of_voided(system, id, number).await?,
                None => None,
            },
            _ => continue,
        };
        match name {
            Some(name) => named.push((name, entry)),
            None => wrong.push(format!(
                "nothing leads from the entry {} to its adjustment",
                entry.natural_id()
            )),
        }
    }
    let keys: BTreeSet<Key> = named
        .iter()
        .map(|(name, _)| adjustment::key(&system.tenant, name))
        .collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let mut found: BTreeMap<Key, Adjustment> = BTreeMap::new();
    for chunk in keys.chunks(BATCH_GET_MAX) {
        let records = system
            .db
            .batch_get::<Adjustment>(Site::ToolRead, chunk, Read::Strong)
            .await?;
        found.extend(records.into_iter().map(|record| (record.key(), record.d)));
    }
    for (name, entry) in named {
        let stands_for = match found
            .get(&adjustment::key(&system.tenant, &name))
            .map(|found| &found.state)
        {
            Some(State::Posted { entries, .. }) => entries.iter().any(|booked| is_of(entry, booked)),
            _ => false,
        };
        if !stands_for {
            wrong.push(format!(
                "no posted adjustment stands for the entry {}",
                entry.natural_id()
            ));
        }
    }
    Ok(wrong)
}

/// The adjustment that a voided voucher names: of those that were put in each other's place the last.
async fn of_voided(
    system: &System,
    id: &AccountId,
    mut number: VoucherNumber,
) -> Result<Option<LookupKey>, OperationError> {
    for _ in 0..=REISSUES_MAX {
        let found = voucher::of_party(&system.db, Site::ToolRead, id, &number, &[]).await?;
        match found.map(|found| found.voucher.d.state) {
            Some(VoucherState::Voided {
                reissued_as: Some(next),
                ..
            }) => number = next,
            Some(VoucherState::Voided { adjustment, .. }) => return Ok(Some(adjustment)),
            _ => return Ok(None),
        }
    }
    Ok(None)
}
