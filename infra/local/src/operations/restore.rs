//! A party compared with a restored copy of the table, and repaired from it; and the copy itself, where no service makes one.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
};
use domain::id::PartyId;
use futures::stream::{self, StreamExt, TryStreamExt};
use store::db::Leg;
use store::restore::{self, CompareError, Compared, PutBack, Standing};
use store::{Db, Key, Site, StoreError, scan};

use super::{Seen, System};

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
        if !wanted {
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
