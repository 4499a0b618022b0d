//! The voucher feed: changes by group of locations, each group with a gapless sequence.
//!
//! A cursor is the position in every group. A reader hears of every change at least once; within a group it hears of them in
//! the order of their numbers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::code::VoucherCode;
use domain::id::{FeedGroup, LocationId};
use domain::secret::Secret;
use http_edge::api::vouchers::{FeedEvent, FeedPage, VoucherState};
use http_edge::caller::Locations;
use http_edge::{Caller, Code, Problem, Request, Response, Scope, page};
use store::feed::{self, Event};
use store::{Record, Site, location};

use crate::App;

/// Most groups of one tenant.
const GROUPS_MAX: usize = 64;

type Cursor = BTreeMap<FeedGroup, u64>;

impl App {
    pub(crate) async fn feed(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::VouchersFeed)?;
        let limit = request.limit()?;
        let token: Option<String> = request.query("cursor")?;
        let mut cursor: Cursor = token
            .map(|token| page::position("cursor", &token))
            .transpose()?
            .unwrap_or_default();
        let mut read: Vec<(FeedGroup, Event)> = Vec::new();
        let mut more = false;
        for group in self.groups(caller).await? {
            let left = usize::try_from(limit).unwrap_or(0).saturating_sub(read.len());
            if left == 0 {
                more = true;
                break;
            }
            let after = cursor.get(&group).copied().unwrap_or(0);
            let (tenant, most) = (&caller.tenant, i32::try_from(left).unwrap_or(limit));
            // A reader from the start takes what is kept; one with a position must not be led over a hole.
            let of_group = if after == 0 {
                feed::read_kept(&self.db, tenant, &group, most, now).await?
            } else {
                let of_group = feed::read(&self.db, tenant, &group, after, most).await?;
                self.gapless(caller, &group, after, &of_group).await?;
                of_group
            };
            more |= of_group.len() == left;
            for record in of_group {
                cursor.insert(group.clone(), record.d.sequence);
                read.push((group.clone(), record.d));
            }
        }
        let events = self.events(&read).await?;
        Response::json(
            200,
            &FeedPage {
                events,
                cursor: page::token(&cursor),
                more,
            },
        )
    }

    /// The groups of the locations that the caller speaks for, in order.
    async fn groups(&self, caller: &Caller) -> Result<BTreeSet<FeedGroup>, Problem> {
        let all = location::list(&self.db, Site::RedeemLocation, &caller.tenant).await?;
        let speaks_for = |id: &LocationId| match &caller.locations {
            Locations::All => true,
            Locations::Only(ids) => ids.contains(id),
        };
        let mut groups: BTreeSet<_> = all
            .into_iter()
            .filter(|record| speaks_for(&record.d.id))
            .map(|record| record.d.feed_group)
            .collect();
        if caller.locations == Locations::All {
            groups.extend(feed::UNPLACED.parse::<FeedGroup>());
        }
        if groups.len() > GROUPS_MAX {
            return Err(Problem::new(
                Code::Internal,
                "the tenant has more feed groups than one page can serve",
            ));
        }
        Ok(groups)
    }

    /// Events are kept for some weeks. A reader that was away for longer must begin anew and not believe it saw everything.
    async fn gapless(
        &self,
        caller: &Caller,
        group: &FeedGroup,
        after: u64,
        read: &[Record<Event>],
    ) -> Result<(), Problem> {
        let follow = (after.saturating_add(1)..).zip(read);
        let mut whole = follow
            .into_iter()
            .all(|(expected, record)| record.d.sequence == expected);
        if read.is_empty() {
            let head = feed::head(&self.db, Site::FeedRead, &caller.tenant, group).await?;
            whole = head.is_none_or(|head| head.d.version <= after);
        }
        if whole {
            return Ok(());
        }
        Err(Problem::new(
            Code::CursorExpired,
            "changes after this cursor are no longer kept: begin without a cursor",
        ))
    }

    /// The events with their codes. One whose key this process does not know yet fails the page: the reader's cursor would
    /// move past it.
    async fn events(&self, read: &[(FeedGroup, Event)]) -> Result<Vec<FeedEvent>, Problem> {
        let versions = read.iter().map(|(_, event)| event.voucher.code_key_version);
        let keys = self.code_keys.covering(versions).await?;
        let shown = |(group, event): &(FeedGroup, Event)| {
            let voucher = &event.voucher;
            let key = keys.key(voucher.code_key_version);
            FeedEvent {
                group: group.to_string(),
                sequence: event.sequence,
                state_version: voucher.state_version,
                code: key.map(|key| Secret::new(VoucherCode::derive(key, &voucher.id()).to_string())),
                state: VoucherState::of(voucher, &voucher.state),
            }
        };
        Ok(read.iter().map(shown).collect())
    }
}
