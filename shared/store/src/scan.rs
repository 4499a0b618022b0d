//! Walking through the whole table, for operations tools. No function does this: it costs a read of every item.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use faults::Site;

use crate::db::{Db, Key};
use crate::error::{self, StoreError};
use crate::record::Item;

/// Items looked at by one page, whether they are of the wanted types or not: well within the time-out of a call.
pub const PAGE_MAX: i32 = 500;

/// One of several parts of the table that can be walked through at the same time. One part of one is the whole table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Which part, from 0.
    pub index: i32,
    /// How many parts there are, 1 to 1,000,000.
    pub of: i32,
}

/// A page of a segment.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The items of the wanted types.
    pub items: Vec<Item>,
    /// Items looked at.
    pub scanned: u64,
    /// Continue after this key; `None` at the end of the segment.
    pub next: Option<Key>,
}

/// A page of the items whose entity type is one of `types`, as they stand after every write answered before. At most 100
/// types.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    site: Site,
    segment: Segment,
    types: &[&str],
    after: Option<&Key>,
) -> Result<Page, StoreError> {
    let names: Vec<_> = (0..types.len()).map(|index| format!(":t{index}")).collect();
    let answer = db
        .attempt(site, || async {
            let mut call = db
                .client()
                .scan()
                .table_name(db.table())
                .set_segment((segment.of > 1).then_some(segment.index))
                .set_total_segments((segment.of > 1).then_some(segment.of))
                .limit(PAGE_MAX)
                .consistent_read(true)
                .filter_expression(format!("#et IN ({})", names.join(", ")))
                .expression_attribute_names("#et", "et")
                .set_exclusive_start_key(after.map(Key::attributes))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            for (name, kind) in names.iter().zip(types) {
                call = call.expression_attribute_values(name, AttributeValue::S((*kind).to_owned()));
            }
            call.send().await.map_err(|e| error::from_sdk(site, &e))
        })
        .await?;
    Ok(Page {
        scanned: u64::try_from(answer.scanned_count()).unwrap_or(0),
        items: answer.items.unwrap_or_default(),
        next: answer.last_evaluated_key.and_then(key_of),
    })
}

/// A page of all items of the table.
///
/// # Errors
/// [`StoreError`].
pub async fn whole(db: &Db, site: Site, after: Option<&Key>) -> Result<Page, StoreError> {
    let answer = db
        .attempt(site, || async {
            let call = db
                .client()
                .scan()
                .table_name(db.table())
                .limit(PAGE_MAX)
                .consistent_read(true);
            let call = call.set_exclusive_start_key(after.map(Key::attributes));
            call.send().await.map_err(|e| error::from_sdk(site, &e))
        })
        .await?;
    Ok(Page {
        scanned: u64::try_from(answer.scanned_count()).unwrap_or(0),
        items: answer.items.unwrap_or_default(),
        next: answer.last_evaluated_key.and_then(key_of),
    })
}

fn key_of(mut item: Item) -> Option<Key> {
    match (item.remove("pk"), item.remove("sk")) {
        (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) => Some(Key { pk, sk }),
        _ => None,
    }
}
