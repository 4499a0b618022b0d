//! Walking through the table in parallel segments.

use futures::future::try_join_all;
use store::record::Item;
use store::scan::{self, Segment};
use store::{Db, Site};

use super::{OperationError, Seen};

/// Segments walked through at the same time: enough to hide the latency of a call, few enough to leave the table's capacity
/// to the tills.
const SEGMENTS: i32 = 4;

/// Hands every item of the wanted types to `handle`, a page at a time.
pub(super) async fn walk<F, Fut>(db: &Db, types: &[&str], seen: Seen<'_>, handle: F) -> Result<(), OperationError>
where
    F: Fn(Vec<Item>) -> Fut,
    Fut: Future<Output = Result<(), OperationError>>,
{
    let handle = &handle;
    try_join_all((0..SEGMENTS).map(|index| async move {
        let segment = Segment { index, of: SEGMENTS };
        let mut after = None;
        // Ends with the segment: each page begins behind the one before.
        loop {
            let page = scan::page(db, Site::ToolRead, segment, types, after.as_ref()).await?;
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

/// The rest of a partition key behind `kind#tenant#`; `None` for another tenant's.
pub(super) fn behind<'a>(pk: &'a str, kind: &str, tenant: &domain::id::Tenant) -> Option<&'a str> {
    pk.strip_prefix(kind)?
        .strip_prefix('#')?
        .strip_prefix(tenant.as_str())?
        .strip_prefix('#')
}
