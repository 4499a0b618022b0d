//! Redemptions without receipt and voucher payments without redemption, once they are older than the programme allows.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use domain::id::ProgrammeId;
use domain::voucher::Voucher;
use http_edge::api::vouchers::{UnmatchedPage, UnmatchedVoucher, VoucherState};
use http_edge::{Caller, Code, Problem, Request, Response, Scope, page};
use store::Site;
use store::voucher::{self, UNMATCHED_SHARDS};

use crate::App;

/// Where each shard goes on; a shard that is read to its end is missing.
type Position = BTreeMap<u8, Option<String>>;

impl App {
    pub(crate) async fn unmatched(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::OperationsRead)?;
        let programme: ProgrammeId = request.required_query("programme")?;
        let limit = request.limit()?;
        let start = start(request)?;
        let hours = self.hours(caller, &programme).await?;
        let until = now.checked_sub_signed(Duration::hours(i64::from(hours))).unwrap_or(now);
        let mut items = Vec::new();
        let mut next = Position::new();
        let mut left = limit;
        for (shard, after) in start {
            // The page is full: the other shards go on where they stand.
            if left == 0 {
                next.insert(shard, after);
                continue;
            }
            let (records, goes_on) = voucher::unmatched(&self.db, &caller.tenant, shard, until, after, left).await?;
            left = left.saturating_sub(i32::try_from(records.len()).unwrap_or(left)).max(0);
            items.extend(
                records
                    .iter()
                    .filter(|r| r.d.programme == programme && concerns(caller, &r.d))
                    .filter_map(|r| case(&r.d)),
            );
            if goes_on.is_some() {
                next.insert(shard, goes_on);
            }
        }
        items.sort_by_key(|item| item.since);
        let next = (!next.is_empty()).then(|| page::token(&next));
        Response::json(200, &UnmatchedPage { items, next })
    }

    async fn hours(&self, caller: &Caller, programme: &ProgrammeId) -> Result<u32, Problem> {
        let found = self
            .programmes
            .current(&self.db, Site::RedeemLocation, &caller.tenant, programme)
            .await?;
        found
            .map(|programme| programme.unmatched_hours)
            .ok_or_else(|| Problem::new(Code::NotFound, "there is no such programme"))
    }
}

/// The position of the token, or the beginning of every shard.
fn start(request: &Request) -> Result<Position, Problem> {
    let Some(token) = request.query::<String>("next")? else {
        return Ok((0..UNMATCHED_SHARDS).map(|shard| (shard, None)).collect());
    };
    let position: Position = page::position("next", &token)?;
    let checked = position.into_iter().map(|(shard, after)| {
        let after = after.map(|key| page::sort_key("next", key)).transpose()?;
        (shard < UNMATCHED_SHARDS)
            .then_some((shard, after))
            .ok_or_else(|| page::foreign("next"))
    });
    checked.collect()
}

/// Whether the case is about a receipt of a location that the caller speaks for.
fn concerns(caller: &Caller, voucher: &Voucher) -> bool {
    let case = voucher.mismatch();
    let receipts = case.iter().flat_map(|case| [case.redeemed_on, case.paid_on]).flatten();
    receipts.into_iter().any(|receipt| caller.at(&receipt.store).is_ok())
}

fn case(voucher: &Voucher) -> Option<UnmatchedVoucher> {
    let case = voucher.mismatch()?;
    Some(UnmatchedVoucher {
        kind: case.kind,
        since: case.since,
        redeemed_on: case.redeemed_on.map(ToString::to_string),
        paid_on: case.paid_on.map(ToString::to_string),
        state: VoucherState::of(voucher, &voucher.state),
    })
}
