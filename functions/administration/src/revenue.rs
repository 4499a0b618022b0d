//! Revenue of a location by day, summed exactly from its receipts.
//!
//! Nothing is kept beside the receipts that could differ from them. A call sums until its time is over and leaves the rest to
//! the next one: the token says at which day that goes on, and what was summed of that day before.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::NaiveDate;
use domain::id::{LocationId, Tenant};
use domain::money::{Currency, Money};
use futures::future::try_join_all;
use http_edge::api::administration::{RevenueAnswer, RevenueDay};
use http_edge::{Code, Problem, Request, Response, Scope, page};
use serde::{Deserialize, Serialize};
use store::receipt::{self, StoredReceipt};
use store::{Record, Site, returned};

use crate::check::{DayRange, day_after};
use crate::{App, locations};

/// Days read at the same time.
const DAYS_AT_ONCE: usize = 8;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Sums {
    receipts: u64,
    matched: u64,
    revenue: i64,
    voucher_paid: i64,
    #[serde(default)]
    returns: u64,
    #[serde(default)]
    returned: i64,
}

/// Where a report goes on.
#[derive(Serialize, Deserialize)]
struct Position {
    day: NaiveDate,
    /// What was summed of this day. Who changes it in the token changes what they are told and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<Part>,
}

/// A day that is summed as far as one of its receipts.
#[derive(Serialize, Deserialize)]
struct Part {
    after: String,
    sums: BTreeMap<Currency, Sums>,
}

/// What became of a day.
enum Summed {
    Whole(Vec<RevenueDay>),
    /// The time was over.
    Part(Part),
}

/// Whose receipts, and until when there is time.
struct Report<'a> {
    tenant: &'a Tenant,
    location: &'a LocationId,
    until: Instant,
}

impl Report<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

impl App {
    pub(crate) async fn revenue(&self, request: &Request) -> Result<Response, Problem> {
        let until = Instant::now() + self.report_time;
        let caller = request.caller()?;
        caller.require(Scope::ReportsRead)?;
        let id: LocationId = request.path("location_id")?;
        caller.at(&id)?;
        let mut range = DayRange::of(request)?;
        let mut part = None;
        if let Some(token) = request.query::<String>("next")? {
            let position: Position = page::position("next", &token)?;
            range = range.since(position.day)?;
            part = position.part.map(checked).transpose()?;
        }
        self.location(&caller.tenant, &id)
            .await?
            .ok_or_else(locations::not_found)?;
        let report = Report {
            tenant: &caller.tenant,
            location: &id,
            until,
        };
        let (days, next) = self.sum(&report, range, part).await?;
        let answer = RevenueAnswer {
            location_id: id.to_string(),
            from: range.from,
            to: next.as_ref().map_or(range.to, |next| day_before(next.day)),
            days,
            next: next.map(|next| page::token(&next)),
        };
        Response::json(200, &answer)
    }

    /// The rows of whole days from the first on, of which `part` was summed before, and where the next call goes on.
    async fn sum(
        &self,
        report: &Report<'_>,
        range: DayRange,
        mut part: Option<Part>,
    ) -> Result<(Vec<RevenueDay>, Option<Position>), Problem> {
        let mut rows = Vec::new();
        let days: Vec<_> = range.days().collect();
        for chunk in days.chunks(DAYS_AT_ONCE) {
            let reads: Vec<_> = chunk.iter().map(|day| self.day(report, *day, part.take())).collect();
            let mut last = range.from;
            for (day, summed) in chunk.iter().zip(try_join_all(reads).await?) {
                last = *day;
                match summed {
                    Summed::Whole(more) => rows.extend(more),
                    Summed::Part(part) => {
                        let next = Position {
                            day: last,
                            part: Some(part),
                        };
                        return Ok((rows, Some(next)));
                    }
                }
            }
            if last < range.to && report.is_over() {
                let next = Position {
                    day: day_after(last),
                    part: None,
                };
                return Ok((rows, Some(next)));
            }
        }
        Ok((rows, None))
    }

    /// Sums a day, at least a page of it, so that every call gets on.
    async fn day(&self, report: &Report<'_>, date: NaiveDate, part: Option<Part>) -> Result<Summed, Problem> {
        let (mut sums, mut after) = part.map_or_else(Default::default, |part| (part.sums, Some(part.after)));
        loop {
            let (site, tenant) = (Site::RevenueRead, report.tenant);
            let (receipts, next) = receipt::of_day(&self.db, site, tenant, report.location, date, after).await?;
            for receipt in &receipts {
                add(&mut sums, receipt)?;
            }
            match next {
                None => {
                    self.add_returns(report, date, &mut sums).await?;
                    let rows = sums.into_iter().map(|(currency, sums)| row(date, currency, &sums));
                    return Ok(Summed::Whole(rows.collect()));
                }
                Some(after) if report.is_over() => return Ok(Summed::Part(Part { after, sums })),
                next => after = next,
            }
        }
    }

    /// Adds the returns of a day: far fewer than its receipts, so that they are read to the end.
    async fn add_returns(
        &self,
        report: &Report<'_>,
        date: NaiveDate,
        sums: &mut BTreeMap<Currency, Sums>,
    ) -> Result<(), Problem> {
        let mut after = None;
        loop {
            let (site, tenant) = (Site::RevenueRead, report.tenant);
            let (returns, next) = returned::of_day(&self.db, site, tenant, report.location, date, after).await?;
            for record in &returns {
                let back = &record.d.back;
                let sums = sums.entry(back.currency).or_default();
                sums.returns = sums.returns.saturating_add(1);
                sums.returned = plus(sums.returned, back.total_minor)?;
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// A sum, as long as it is inside the range of the books.
fn plus(so_far: i64, more: i64) -> Result<i64, Problem> {
    so_far.checked_add(more).ok_or_else(|| {
        Problem::new(
            Code::ReportTooLarge,
            "the sum of a day is outside the range of the books",
        )
    })
}

fn checked(part: Part) -> Result<Part, Problem> {
    Ok(Part {
        after: page::sort_key("next", part.after)?,
        ..part
    })
}

/// The day before; the first day of the calendar has itself.
fn day_before(day: NaiveDate) -> NaiveDate {
    day.pred_opt().unwrap_or(day)
}

fn add(sums: &mut BTreeMap<Currency, Sums>, record: &Record<StoredReceipt>) -> Result<(), Problem> {
    let StoredReceipt { receipt, account, .. } = &record.d;
    if record.d.voided.is_some() {
        return Ok(());
    }
    let sums = sums.entry(receipt.currency).or_default();
    sums.receipts = sums.receipts.saturating_add(1);
    sums.matched = sums.matched.saturating_add(u64::from(account.is_some()));
    sums.revenue = plus(sums.revenue, receipt.total_minor)?;
    sums.voucher_paid = plus(sums.voucher_paid, receipt.voucher_paid_minor())?;
    Ok(())
}

fn row(date: NaiveDate, currency: Currency, sums: &Sums) -> RevenueDay {
    RevenueDay {
        date,
        receipts: sums.receipts,
        matched_receipts: sums.matched,
        revenue: Money::new(sums.revenue, currency),
        voucher_paid: Money::new(sums.voucher_paid, currency),
        returns: sums.returns,
        returned: Money::new(sums.returned, currency),
    }
}
