//! Voucher changes become numbered entries of the feed, and news for the tills' middleware.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::{FeedGroup, Tenant};
use domain::money::Money;
use domain::voucher::State;
use messages::PosVoucherMessage;
use store::feed::{self, APPEND_MAX, Appended, Change};
use store::{Site, StoreError};

use crate::{App, RelayError};

/// Appends to one group before the batch is given back; a round is lost only to another relay of the same group.
const ROUNDS_MAX: u32 = 40;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(5);

/// A change of a tenant's voucher.
#[derive(Debug, Clone)]
pub(crate) struct TenantChange {
    pub(crate) tenant: Tenant,
    pub(crate) change: Change,
}

impl App {
    /// Publishes the changes in the feed of their group; returns the news for the middleware.
    pub(crate) async fn publish(
        &self,
        changes: &[TenantChange],
        now: DateTime<Utc>,
    ) -> Result<Vec<PosVoucherMessage>, RelayError> {
        let mut groups: BTreeMap<(Tenant, FeedGroup), Vec<Change>> = BTreeMap::new();
        let mut news = Vec::with_capacity(changes.len());
        for TenantChange { tenant, change } in changes {
            let group = self.group(tenant, change).await?;
            news.push(message(tenant, change, &group));
            groups.entry((tenant.clone(), group)).or_default().push(change.clone());
        }
        for ((tenant, group), changes) in groups {
            self.append(&tenant, &group, changes, now).await?;
        }
        Ok(news)
    }

    /// The feed group of the location that announces the voucher.
    async fn group(&self, tenant: &Tenant, change: &Change) -> Result<FeedGroup, StoreError> {
        if let Some(origin) = &change.voucher.origin
            && let Some(location) = self
                .locations
                .get(&self.db, Site::RelayLocation, tenant, origin)
                .await?
        {
            return Ok(location.feed_group.clone());
        }
        match feed::UNPLACED.parse() {
            Ok(group) => Ok(group),
            Err(_) => unreachable!("it is a feed group"),
        }
    }

    async fn append(
        &self,
        tenant: &Tenant,
        group: &FeedGroup,
        mut left: Vec<Change>,
        now: DateTime<Utc>,
    ) -> Result<(), RelayError> {
        for round in 0..ROUNDS_MAX {
            left = self.unpublished(tenant, left).await?;
            if left.is_empty() {
                return Ok(());
            }
            let step = next_step(&left);
            let head = feed::head(&self.db, Site::RelayFeedHead, tenant, group).await?;
            let appended = feed::append(&self.db, tenant, group, head.as_ref(), &step, now).await?;
            if appended == Appended::Stale {
                tokio::time::sleep(PAUSE.saturating_mul(round + 1).mul_f64(fastrand::f64())).await;
            }
        }
        Err(RelayError::FeedContended)
    }

    /// The changes that the feed has not published yet, in their order.
    async fn unpublished(&self, tenant: &Tenant, changes: Vec<Change>) -> Result<Vec<Change>, StoreError> {
        let published = feed::published(&self.db, tenant, &changes).await?;
        let versions: BTreeMap<_, _> = published.into_iter().map(|r| (r.d.lookup, r.d.version)).collect();
        let is_new = |change: &Change| {
            versions
                .get(&change.lookup)
                .is_none_or(|version| *version < change.voucher.state_version)
        };
        Ok(changes.into_iter().filter(is_new).collect())
    }
}

/// The changes of the next transaction: the first of each voucher, in their order.
fn next_step(left: &[Change]) -> Vec<Change> {
    let mut seen = BTreeSet::new();
    left.iter()
        .filter(|change| seen.insert(change.lookup.clone()))
        .take(APPEND_MAX)
        .cloned()
        .collect()
}

fn message(tenant: &Tenant, change: &Change, group: &FeedGroup) -> PosVoucherMessage {
    let voucher = &change.voucher;
    let status = match voucher.state {
        State::Open => "open",
        State::Reserved { .. } => "reserved",
        State::Redeemed { .. } => "redeemed",
        State::Blocked { .. } => "blocked",
        State::Voided { .. } => "voided",
    };
    PosVoucherMessage {
        tenant: tenant.clone(),
        voucher: voucher.id(),
        state_version: voucher.state_version,
        status: status.to_owned(),
        party: voucher.party.clone(),
        programme: voucher.programme.clone(),
        value: Money::new(voucher.value_minor, voucher.currency),
        per_cent: voucher.campaign.as_ref().and_then(|terms| terms.per_cent),
        rest: voucher.rest_minor().map(|minor| Money::new(minor, voucher.currency)),
        valid_until: voucher.valid_until.to_string(),
        feed_group: group.clone(),
    }
}
