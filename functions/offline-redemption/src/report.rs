//! What is lost, and who bears it: sums by location, and the entries behind them.

use chrono::{NaiveDate, TimeDelta};
use domain::id::LocationId;
use domain::money::Money;
use domain::offline::{LossDay, LossSum};
use futures::stream::{self, StreamExt, TryStreamExt};
use http_edge::api::offline::{BearerLosses, BranchLosses, LossPage, LossReport, ReasonLosses};
use http_edge::{Code, Problem, Request, Response, Scope, page};
use store::{Site, location, offline};

use crate::App;
use crate::view::loss_view;

/// Most business days of a report.
const DAYS_MAX: i32 = 92;
/// Locations that are read at the same time.
const AT_ONCE: usize = 8;

impl App {
    /// Sums the losses of every location that the caller speaks for.
    pub(crate) async fn report(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ReportsRead)?;
        let days = days(request)?;
        let tenant = &caller.tenant;
        let locations = location::list(&self.db, Site::OfflineLocations, tenant).await?;
        let asked = locations.into_iter().map(|record| record.d.id);
        let asked = asked.filter(|id| caller.at(id).is_ok());
        let sums: Vec<(LocationId, LossDay)> = stream::iter(asked.map(|id| async move {
            let days = offline::losses(&self.db, tenant, &id, days, DAYS_MAX).await?;
            Ok::<_, Problem>((id, summed(days.iter().flat_map(|record| &record.d.sums))))
        }))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
        let branches = sums.iter().flat_map(|(id, sums)| branches(id, sums)).collect();
        let totals = bearers(&summed(sums.iter().flat_map(|(_, day)| &day.sums)));
        let (from, to) = days;
        let report = LossReport {
            from,
            to,
            branches,
            totals,
        };
        Response::json(200, &report)
    }

    /// Lists the entries of a location on which something is lost. Those on which nothing is leave their place empty.
    pub(crate) async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ReportsRead)?;
        let id: LocationId = request.path("location_id")?;
        caller.at(&id)?;
        let days = days(request)?;
        let limit = request.limit()?;
        let token: Option<String> = request.query("next")?;
        let after = token.map(|token| page::position("next", &token)).transpose()?;
        let after = after.map(|key| page::sort_key("next", key)).transpose()?;
        let (records, next) = offline::page(&self.db, &caller.tenant, &id, days, after, limit).await?;
        let page = LossPage {
            items: records.into_iter().filter_map(loss_view).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &page)
    }
}

/// The business days of the query.
fn days(request: &Request) -> Result<(NaiveDate, NaiveDate), Problem> {
    let (from, to): (NaiveDate, NaiveDate) = (request.required_query("from")?, request.required_query("to")?);
    let length = to.signed_duration_since(from);
    if (TimeDelta::zero()..TimeDelta::days(i64::from(DAYS_MAX))).contains(&length) {
        return Ok((from, to));
    }
    let detail = "to: must be a day from `from` on, and at most 91 days after it";
    Err(Problem::new(Code::MalformedParameter, detail))
}

fn summed<'a>(sums: impl Iterator<Item = &'a LossSum>) -> LossDay {
    let mut all = LossDay::default();
    sums.for_each(|sum| all.add(sum));
    all
}

fn money(sum: &LossSum) -> Money {
    Money::new(sum.minor, sum.currency)
}

/// The sums of a location by bearer and currency, each with its reasons.
fn branches(id: &LocationId, losses: &LossDay) -> Vec<BranchLosses> {
    let mut reasons = losses.sums.clone();
    reasons.sort_by_key(|sum| (sum.bearer, sum.currency, sum.reason));
    let group = |sum: &LossSum| (sum.bearer, sum.currency);
    let groups = reasons.chunk_by(|one, other| group(one) == group(other));
    let told = bearers(losses).into_iter().zip(groups);
    told.map(|(whole, reasons)| BranchLosses {
        location_id: id.to_string(),
        bearer: whole.bearer,
        count: whole.count,
        amount: whole.amount,
        reasons: reasons
            .iter()
            .map(|sum| ReasonLosses {
                reason: sum.reason,
                count: sum.count,
                amount: money(sum),
            })
            .collect(),
    })
    .collect()
}

/// The sums by bearer and currency, in this order.
fn bearers(losses: &LossDay) -> Vec<BearerLosses> {
    let mut sums = losses.sums.clone();
    sums.sort_by_key(|sum| (sum.bearer, sum.currency));
    let groups = sums.chunk_by(|one, other| (one.bearer, one.currency) == (other.bearer, other.currency));
    groups
        .filter_map(|group| {
            let first = group.first()?;
            Some(BearerLosses {
                bearer: first.bearer,
                count: group.iter().fold(0u64, |count, sum| count.saturating_add(sum.count)),
                amount: Money::new(
                    group.iter().fold(0i64, |minor, sum| minor.saturating_add(sum.minor)),
                    first.currency,
                ),
            })
        })
        .collect()
}
