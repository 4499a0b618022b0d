//! Walking through the table in parallel segments.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use store::Site;
use store::record::Item;
use store::scan::{self, Segment};

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
