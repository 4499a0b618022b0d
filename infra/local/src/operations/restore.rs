//! A party compared with a restored copy of the table, and repaired from it; and the copy itself, where no service makes one.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
};
use chrono::{DateTime, Utc};
use domain::id::PartyId;
use futures::stream::{self, StreamExt, TryStreamExt};
use store::db::Leg;
use store::restore::{self, CompareError, Compared, PutBack, Standing};
use store::{Db, Key, Site, StoreError, erasure, scan};

use super::{Seen, System};

/// Erasures of a page.
const ERASURES_PAGE: i32 = 100;
/// Writes at the same time while a table is copied.
const WRITERS: usize = 8;
/// Wait between two looks at a table that is being made, and most of them.
const POLL: Duration = Duration::from_millis(500);
const POLLS_MAX: usize = 120;

/// What a repair did.
#[derive(Debug, Default)]
pub struct Repaired {
    /// Items that stand as in the copy now.
    pub put: Vec<Key>,
    /// Items that somebody changed meanwhile: compare again.
    pub changed: Vec<Key>,
    /// Items that differ and were not named: they stay as they are.
    pub left: Vec<Key>,
}

/// Compares everything of a party with the copy.
///
/// # Errors
/// [`CompareError`].
pub async fn compare(system: &System, copy: &Db, party: &PartyId) -> Result<Compared, CompareError> {
    restore::compare(&system.db, copy, &system.tenant, party).await
}

/// What a copy was erased of.
#[derive(Debug, Default)]
pub struct ErasedAnew {
    /// Parties that the copy still had.
    pub erased: u64,
    /// Parties of which it had nothing, or nothing any more.
    pub gone: u64,
    /// Parties whose lists for search may still be written: run it again later.
    pub waiting: u64,
}

/// Erases everybody from a copy who was erased in the live table. To be done before a restored table takes the place of the live
/// one: nothing of an erased party may come back with it. Done twice, it changes nothing the second time.
///
/// # Errors
/// [`StoreError`]; what was erased until then stays so, and it can be run again.
pub async fn erase_anew(system: &System, copy: &Db, now: DateTime<Utc>) -> Result<ErasedAnew, StoreError> {
    let mut done = ErasedAnew::default();
    let mut after = None;
    // Ends with the list of approved erasures.
    loop {
        let list = erasure::List::Approved;
        let page = erasure::list(&system.db, Site::ToolRead, &system.tenant, list, after, ERASURES_PAGE);
        let (found, next) = page.await?;
        for request in &found {
            let count = match erasure::again(copy, &system.tenant, request, now).await? {
                erasure::Again::Erased => &mut done.erased,
                erasure::Again::Gone => &mut done.gone,
                erasure::Again::Wait => &mut done.waiting,
            };
            *count = count.saturating_add(1);
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(done),
        }
    }
}

/// Whether the party was erased: nothing of it may be put back.
///
/// # Errors
/// [`StoreError`].
pub async fn was_erased(system: &System, party: &PartyId) -> Result<bool, StoreError> {
    let standing = store::party::standing(&system.db, Site::ToolRead, &system.tenant, party).await?;
    Ok(matches!(standing, Some(store::party::Standing::Erased(_))))
}

/// Puts back what the live table has lost. An item that both have is replaced only if its sort key is in `replace`: which of
/// the two is right, a person must say. Items that only the live table has stay.
///
/// # Errors
/// [`StoreError`]; what was put back until then stands, and the repair can be run again.
pub async fn repair(system: &System, compared: &Compared, replace: &[String]) -> Result<Repaired, StoreError> {
    let mut repaired = Repaired::default();
    for difference in compared.differences() {
        let key = difference.key;
        let wanted = match difference.standing {
            Standing::Missing => true,
            Standing::Differs => replace.contains(&key.sk),
            Standing::Younger => continue,
        };
        if !wanted || relates_to_erased(system, &key).await? {
            repaired.left.push(key);
            continue;
        }
        match compared.put_back(&system.db, &key).await? {
            PutBack::Done => repaired.put.push(key),
            PutBack::ChangedMeanwhile => repaired.changed.push(key),
        }
    }
    Ok(repaired)
}

/// Whether it is a relationship with a party that was erased meanwhile: it must not come back from this side.
async fn relates_to_erased(system: &System, key: &Key) -> Result<bool, StoreError> {
    let other = key
        .sk
        .strip_prefix("REL#")
        .and_then(|rest| rest.split('#').nth(2)?.parse::<PartyId>().ok());
    match other {
        Some(other) => was_erased(system, &other).await,
        None => Ok(false),
    }
}

/// Copies the table into a new one beside it, as AWS does when it restores to a point in time: for the drill on the local
/// stack. Calls `copied` with the number of items after each page.
///
/// # Errors
/// When the table stands already, or a table does not answer.
pub async fn copy(system: &System, to: &Db, copied: Seen<'_>) -> anyhow::Result<()> {
    create(to).await?;
    let mut after = None;
    // Ends with the table: each page begins behind the one before.
    loop {
        let page = scan::whole(&system.db, Site::ToolRead, after.as_ref()).await?;
        let count = u64::try_from(page.items.len()).unwrap_or(u64::MAX);
        let writes = page.items.into_iter();
        stream::iter(writes.map(|item| to.write_item(Site::ToolWrite, Leg::Put(item, None))))
            .buffer_unordered(WRITERS)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        copied(count);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// A table with the keys of ours, without indexes: nothing is looked up in a copy but by key.
async fn create(db: &Db) -> anyhow::Result<()> {
    let mut request = db.client().create_table().table_name(db.table());
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let kind = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()?;
        let text = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()?;
        request = request.key_schema(kind).attribute_definitions(text);
    }
    request.billing_mode(BillingMode::PayPerRequest).send().await?;
    for _ in 0..POLLS_MAX {
        let found = db.client().describe_table().table_name(db.table()).send().await?;
        if found.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    anyhow::bail!("the new table is still being made: delete it, or take another name")
}
