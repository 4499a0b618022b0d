//! Walking through the table in parallel segments.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde::de::DeserializeOwned;
use store::record::Item;
use store::scan::{self, Segment};
use store::{Key, Record, Site};

use super::{OperationError, Seen, System, Walk};

/// Segments walked through at the same time: enough to hide the latency of a call, few enough to leave the table's capacity
/// to the tills.
const SEGMENTS: i32 = 4;

/// Hands every item of the wanted types to `handle`, a page at a time.
pub(super) async fn walk<F, Fut>(
    system: &System,
    types: &[&str],
    seen: Seen<'_>,
    handle: F,
) -> Result<(), OperationError>
where
    F: Fn(Vec<Item>) -> Fut,
    Fut: Future<Output = Result<(), OperationError>>,
{
    let handle = &handle;
    let of = match system.walk {
        Walk::Whole => 1,
        Walk::Segments => SEGMENTS,
    };
    try_join_all((0..of).map(|index| async move {
        let segment = Segment { index, of };
        let mut after = None;
        // Ends with the segment: each page begins behind the one before.
        loop {
            let page = scan::page(&system.db, Site::ToolRead, segment, types, after.as_ref()).await?;
            seen(page.scanned);
            if !page.items.is_empty() {
                handle(page.items).await?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }))
    .await
    .map(drop)
}

/// The items of a page by their entity type, so that one walk serves several.
pub(super) fn by_type(items: Vec<Item>) -> BTreeMap<String, Vec<Item>> {
    let mut sorted: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in items {
        let kind = item
            .get("et")
            .and_then(|kind| kind.as_s().ok())
            .cloned()
            .unwrap_or_default();
        sorted.entry(kind).or_default().push(item);
    }
    sorted
}

/// The rest of a partition key behind `kind#tenant#`; `None` for another tenant's.
pub(super) fn behind<'a>(pk: &'a str, kind: &str, tenant: &domain::id::Tenant) -> Option<&'a str> {
    pk.strip_prefix(kind)?
        .strip_prefix('#')?
        .strip_prefix(tenant.as_str())?
        .strip_prefix('#')
}

/// An item that another version of the code, or a fault, has left in a shape that nobody understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Its key.
    pub(super) key: Key,
    /// What is wrong, without its values.
    pub(super) reason: String,
}

/// The records of the tenant among `items`, and those of its items that cannot be read: one of them must not hide all others.
pub(super) fn own<T: DeserializeOwned>(
    system: &System,
    kind: &str,
    items: Vec<Item>,
) -> (Vec<Record<T>>, Vec<Unreadable>) {
    let (mut records, mut unreadable) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        let text = |name: &str| {
            item.get(name)
                .and_then(|value| value.as_s().ok())
                .cloned()
                .unwrap_or_default()
        };
        let key = Key {
            pk: text("pk"),
            sk: text("sk"),
        };
        if behind(&key.pk, kind, &system.tenant).is_none() {
            continue;
        }
        match Record::from_item(Site::ToolRead, item) {
            Ok(record) => records.push(record),
            Err(error) => unreadable.push(Unreadable {
                key,
                reason: error.to_string(),
            }),
        }
    }
    (records, unreadable)
}
