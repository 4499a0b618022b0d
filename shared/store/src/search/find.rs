//! Lists are read, and the parties in them ranked.

use std::cmp::Reverse;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use faults::Site;
use futures::future::join_all;
use search::query::{READS_FIRST, READS_MAX};
use search::rank::{self, Fit};
use search::{Query, print};

use super::hash::Hasher;
use super::{list_partition, searchable};
use crate::db::{self, Db, Range};
use crate::error::StoreError;
use crate::party::{self, PartyDocument, Standing};
use crate::record::Item;

/// Parties whose profiles are read and compared: one batch.
pub(crate) const LOOKED_AT: usize = 80;

/// A party that fits.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its document.
    pub party: PartyDocument,
    /// How well it fits.
    pub fit: Fit,
}

/// The parties that fit, the best first.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// At most 80.
    pub found: Vec<Found>,
    /// Whether there may be others that fit as well: a list was longer than what was read of it, or more parties stood in the
    /// lists than were looked at.
    pub truncated: bool,
}

/// Finds parties, with at most [`READS_MAX`] pages of lists and one batch of profiles.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    db: &Db,
    pepper: &[u8],
    tenant: &Tenant,
    query: &Query,
    now: DateTime<Utc>,
) -> Result<Answer, StoreError> {
    let hasher = Hasher { pepper, tenant };
    let (candidates, cut) = Lists { db, hasher }.read(query).await?;
    let typed = hasher.print(&query.features());
    let mut likely: Vec<_> = candidates
        .into_iter()
        .map(|(party, candidate)| {
            let likeness = print::likeness(typed, candidate.print).saturating_add(candidate.lists);
            ((candidate.exact, likeness), party)
        })
        .collect();
    likely.sort_unstable_by(|a, b| b.cmp(a));
    let truncated = cut || likely.len() > LOOKED_AT;
    likely.truncate(LOOKED_AT);
    let keys: Vec<_> = likely
        .iter()
        .map(|(_, party)| party::profile_key(tenant, party))
        .collect();
    let site = Site::SearchParties;
    let mut profiles = Vec::with_capacity(keys.len());
    for item in db.batch_get_items(site, &keys, db::Read::Eventual).await? {
        // One that was erased stands in the lists a moment longer.
        profiles.extend(Standing::of(site, item)?.party());
    }
    let mut found: Vec<_> = profiles
        .into_iter()
        .filter_map(|record| {
            let fit = rank::compare(query, &searchable(&record.d, now))?;
            Some(Found { party: record.d, fit })
        })
        .collect();
    found.sort_by(|a, b| (Reverse(a.fit.score), &a.party.party).cmp(&(Reverse(b.fit.score), &b.party.party)));
    Ok(Answer { found, truncated })
}

/// One party, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read_one(db: &Db, tenant: &Tenant, party: &PartyId) -> Result<Option<PartyDocument>, StoreError> {
    let key = party::profile_key(tenant, party);
    let site = Site::SearchParties;
    let found = db.get_item(site, &key, db::Read::Eventual).await?;
    let found = found.map(|item| Standing::of(site, item)).transpose()?;
    Ok(found.and_then(Standing::party).map(|record| record.d))
}

/// Parties that stand in the lists.
type Candidates = HashMap<PartyId, Candidate>;

#[derive(Default)]
struct Candidate {
    print: u128,
    /// What the lists that it stands in add to its likeness.
    lists: u32,
    /// Whether one of them leads to those who have exactly what was typed.
    exact: bool,
}

struct Lists<'a> {
    db: &'a Db,
    hasher: Hasher<'a>,
}

/// A page of a list.
struct Page {
    entries: Vec<(PartyId, u128)>,
    cut: bool,
}

impl Lists<'_> {
    /// Reads the lists of a query, in two rounds; whether one was cut.
    async fn read(&self, query: &Query) -> Result<(Candidates, bool), StoreError> {
        let planned = query.reads();
        let (first, later) = planned.split_at(planned.len().min(READS_FIRST));
        let mut candidates = Candidates::new();
        let pages = self.pages(first.iter().map(|read| (&read.key, &read.refine))).await?;
        let cut: Vec<_> = first
            .iter()
            .zip(&pages)
            .filter(|(_, page)| page.cut)
            .map(|(read, _)| read)
            .collect();
        let narrower = cut.iter().filter_map(|read| Some((&read.key, read.narrower.as_ref()?)));
        let rest = later.iter().map(|read| (&read.key, &read.refine));
        let second: Vec<_> = narrower
            .chain(rest)
            .take(READS_MAX.saturating_sub(first.len()))
            .collect();
        let more = self.pages(second.into_iter()).await?;
        let any_cut = !cut.is_empty() || more.iter().any(|page| page.cut);
        // The exact ones stand first in the plan.
        let exact = first.iter().map(|read| read.exact);
        let exact = exact.chain(std::iter::repeat(false));
        for (page, exact) in pages.into_iter().chain(more).zip(exact) {
            let adds = print::of_list(page.entries.len());
            for (party, print) in page.entries {
                let candidate = candidates.entry(party).or_default();
                candidate.print = print;
                candidate.lists = candidate.lists.saturating_add(adds);
                candidate.exact |= exact;
            }
        }
        Ok((candidates, any_cut))
    }

    async fn pages<'a>(&self, reads: impl Iterator<Item = (&'a String, &'a String)>) -> Result<Vec<Page>, StoreError> {
        let pages = reads.map(|(key, refine)| self.page(key, refine));
        join_all(pages).await.into_iter().collect()
    }

    async fn page(&self, key: &str, refine: &str) -> Result<Page, StoreError> {
        let order = self.hasher.order(key, refine);
        let range = Range {
            pk: list_partition(self.hasher.tenant, &self.hasher.list(key)),
            // A sort key cannot be compared with nothing; none begins with less than this.
            from: if order.is_empty() {
                "!".to_owned()
            } else {
                order.clone()
            },
            to: format!("{order}\u{7f}"),
            after: None,
            descending: false,
            limit: i32::try_from(print::PAGE).unwrap_or(i32::MAX),
            index: None,
        };
        let (items, next) = self
            .db
            .query_items(Site::SearchList, &range, db::Read::Eventual)
            .await?;
        let entries = items.iter().map(read_entry).collect::<Option<_>>();
        Ok(Page {
            entries: entries.ok_or_else(|| StoreError::Unreadable {
                site: Site::SearchList,
                reason: "an entry of a list has another shape".to_owned(),
            })?,
            cut: next.is_some(),
        })
    }
}

fn read_entry(item: &Item) -> Option<(PartyId, u128)> {
    let (_, party) = item.get("sk")?.as_s().ok()?.split_once('#')?;
    let print = match item.get("f")? {
        AttributeValue::B(bytes) => u128::from_be_bytes(bytes.as_ref().try_into().ok()?),
        _ => return None,
    };
    Some((party.parse().ok()?, print))
}
