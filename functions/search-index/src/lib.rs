//! Parties are listed under parts of their names, contacts and ids, so that they are found (T6).
//!
//! The stream tells of each version of a party; a message names the party only. Whatever stands when it is worked off is listed,
//! so messages may come late, twice and in any order. How two writers of one party get on is told in `store::search`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use messages::SearchIndexMessage;
use runtime::contained;
use runtime::secrets::Pepper;
use runtime::sqs::{Deadline, Delivery, Failed};
use store::search::{self, Listing};
use store::{Db, StoreError};

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
}

/// Why a message must come again. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
enum IndexError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl App {
    /// The function over a table and the pepper of its keys.
    pub fn new(db: Db, pepper: Pepper) -> Self {
        Self { db, pepper }
    }

    /// Works off a batch; returns the messages that must come again. A party that several messages name is listed once.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<SearchIndexMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut parties: BTreeMap<(Tenant, PartyId), Vec<String>> = BTreeMap::new();
        for Delivery { id, message } in deliveries {
            let SearchIndexMessage::Party { tenant, party, .. } = message;
            parties.entry((tenant, party)).or_default().push(id);
        }
        let mut failed = Failed::new();
        let (mut listed, mut written, mut removed) = (0, 0, 0);
        for ((tenant, party), ids) in parties {
            if deadline.is_near() {
                failed.extend(ids);
                continue;
            }
            match self.list(&tenant, &party, now).await {
                Ok(Listing::Listed {
                    written: wrote,
                    removed: took,
                }) => {
                    listed += 1;
                    written += wrote;
                    removed += took;
                }
                Ok(Listing::AsItStands) => {}
                Err(error) => {
                    tracing::error!(%error, "a party was not listed");
                    failed.extend(ids);
                }
            }
        }
        tracing::info!(listed, written, removed, "listed");
        failed
    }

    async fn list(&self, tenant: &Tenant, party: &PartyId, now: DateTime<Utc>) -> Result<Listing, IndexError> {
        let listing = search::index(&self.db, self.pepper.bytes(), tenant, party, now);
        Ok(contained(Box::pin(listing)).await??)
    }
}
