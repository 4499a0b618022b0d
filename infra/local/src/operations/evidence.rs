//! What the table holds about an account: its snapshot, its whole ledger, its vouchers.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::account::{Account, Entry};
use domain::voucher::Voucher;
use store::account::{self, AccountId};
use store::db::{BATCH_GET_MAX, Range, Read};
use store::record::Item;
use store::voucher::{OpenVoucher, Published};
use store::{Db, Record, Site, voucher};

use super::{OperationError, System};

/// Looks at an account whose ledger keeps growing under our eyes.
const LOOKS_MAX: u32 = 5;
/// Pause before another look.
const PAUSE: Duration = Duration::from_millis(200);
/// Items of one page of a partition.
const PAGE: i32 = 500;

/// Snapshot and ledger of one version: read again when a posting came in between.
pub(super) async fn at_rest(db: &Db, id: &AccountId) -> Result<(Account, Vec<Entry>), OperationError> {
    let mut last = (Account::default(), Vec::new());
    for look in 0..LOOKS_MAX {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let before = account::read(db, Site::ToolRead, id, Read::Strong).await?;
        let start = id.entry_key("");
        let entries = records::<Entry>(partition(db, &start.pk, &start.sk).await?)?;
        let after = account::read(db, Site::ToolRead, id, Read::Strong).await?;
        let version = |snapshot: &Option<Record<Account>>| snapshot.as_ref().map_or(0, |record| record.d.version);
        let still = version(&before) == version(&after);
        last = (
            after.map(|record| record.d).unwrap_or_default(),
            entries.into_iter().map(|record| record.d).collect(),
        );
        if still {
            break;
        }
    }
    Ok(last)
}

/// The vouchers that the party's references lead to. A voucher has one from its issue on: among the open ones, or among those
/// that the feed has published.
pub(super) async fn referenced(system: &System, id: &AccountId) -> Result<Vec<Voucher>, OperationError> {
    let open = voucher::open_key(&system.tenant, &id.party, &id.programme, &0.into());
    let published = voucher::published_key(&system.tenant, &id.party, &id.programme, &0.into());
    let open_prefix = open.sk.trim_end_matches('0');
    let published_prefix = published.sk.trim_end_matches('0');
    let mut lookups = BTreeSet::new();
    for record in records::<OpenVoucher>(partition(&system.db, &open.pk, open_prefix).await?)? {
        lookups.insert(record.d.lookup);
    }
    for record in records::<Published>(partition(&system.db, &open.pk, published_prefix).await?)? {
        lookups.insert(record.d.lookup);
    }
    let lookups: Vec<_> = lookups.into_iter().collect();
    let mut vouchers = Vec::with_capacity(lookups.len());
    for chunk in lookups.chunks(BATCH_GET_MAX) {
        let found = voucher::read_many(&system.db, Site::ToolRead, &system.tenant, chunk).await?;
        vouchers.extend(found.into_iter().map(|record| record.d));
    }
    Ok(vouchers)
}

/// All items of a partition whose sort key begins with `prefix`.
pub(super) async fn partition(db: &Db, pk: &str, prefix: &str) -> Result<Vec<Item>, OperationError> {
    let mut range = Range::prefix(pk.to_owned(), prefix, PAGE);
    let mut items = Vec::new();
    // Ends with the partition: each page begins behind the one before.
    loop {
        let (page, next) = db.query_items(Site::ToolRead, &range, Read::Strong).await?;
        items.extend(page);
        match next {
            Some(next) => range.after = Some(next),
            None => return Ok(items),
        }
    }
}

pub(super) fn records<T: serde::de::DeserializeOwned>(items: Vec<Item>) -> Result<Vec<Record<T>>, OperationError> {
    items
        .into_iter()
        .map(|item| Record::from_item(Site::ToolRead, item).map_err(OperationError::from))
        .collect()
}
