//! Revenue of a location by day, summed exactly from its receipts.
//!
//! Nothing is kept beside the receipts that could differ from them. A call sums whole days until it has read
//! [`CALL_PAGES`] pages and leaves the rest to the next call, so that it ends well within the function's time.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::id::{LocationId, Tenant};
use domain::money::{Currency, Money};
use futures::future::try_join_all;
use http_edge::api::administration::{RevenueAnswer, RevenueDay};
use http_edge::{Code, Problem, Request, Response, Scope, page};
use store::receipt::{self, StoredReceipt};
use store::{Record, Site};

use crate::check::{DayRange, day_after};
use crate::{App, locations};

/// Days read at the same time.
const DAYS_AT_ONCE: usize = 8;
/// Pages after which a call begins no more days: at some ten milliseconds a page and eight at once, under a second.
const CALL_PAGES: u32 = 200;
/// Most pages of one day, 500 receipts each: a hundred thousand receipts, about four seconds.
const DAY_PAGES_MAX: u32 = 200;

#[derive(Default)]
struct Sums {
    receipts: u64,
    matched: u64,
    revenue: i64,
    voucher_paid: i64,
}

/// One day: its rows and the pages it took.
struct Day {
    rows: Vec<RevenueDay>,
    pages: u32,
}

impl App {
    pub(crate) async fn revenue(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ReportsRead)?;
        let id: LocationId = request.path("location_id")?;
        caller.at(&id)?;
        let mut range = DayRange::of(request)?;
        if let Some(token) = request.query::<String>("next")? {
            range = range.since(page::position("next", &token)?)?;
        }
        self.location(&caller.tenant, &id)
            .await?
            .ok_or_else(locations::not_found)?;
        let (rows, to) = self.sum(&caller.tenant, &id, range).await?;
        let answer = RevenueAnswer {
            location_id: id.to_string(),
            from: range.from,
            to,
            days: rows,
            next: (to < range.to).then(|| page::token(&day_after(to))),
        };
        Response::json(200, &answer)
    }

    /// The rows of whole days from the first on, and the last day that they cover.
    async fn sum(
        &self,
        tenant: &Tenant,
        id: &LocationId,
        range: DayRange,
    ) -> Result<(Vec<RevenueDay>, NaiveDate), Problem> {
        let (mut rows, mut pages, mut last) = (Vec::new(), 0, range.from);
        let days: Vec<_> = range.days().collect();
        for chunk in days.chunks(DAYS_AT_ONCE) {
            let read = try_join_all(chunk.iter().map(|day| self.day(tenant, id, *day))).await?;
            for day in read {
                rows.extend(day.rows);
                pages += day.pages;
            }
            last = chunk.last().copied().unwrap_or(last);
            if pages >= CALL_PAGES {
                break;
            }
        }
        Ok((rows, last))
    }

    async fn day(&self, tenant: &Tenant, id: &LocationId, date: NaiveDate) -> Result<Day, Problem> {
        let mut sums: BTreeMap<Currency, Sums> = BTreeMap::new();
        let mut after = None;
        for pages in 1..=DAY_PAGES_MAX {
            let (receipts, next) = receipt::of_day(&self.db, Site::RevenueRead, tenant, id, date, after).await?;
            for receipt in &receipts {
                add(&mut sums, receipt)?;
            }
            if next.is_none() {
                let rows = sums.into_iter().map(|(currency, sums)| row(date, currency, &sums));
                return Ok(Day {
                    rows: rows.collect(),
                    pages,
                });
            }
            after = next;
        }
        Err(Problem::new(
            Code::ReportTooLarge,
            format!("{date} has more receipts than one call can sum"),
        ))
    }
}

fn add(sums: &mut BTreeMap<Currency, Sums>, record: &Record<StoredReceipt>) -> Result<(), Problem> {
    let StoredReceipt { receipt, account, .. } = &record.d;
    let sums = sums.entry(receipt.currency).or_default();
    sums.receipts += 1;
    sums.matched += u64::from(account.is_some());
    let sum = |so_far: i64, more: i64| {
        so_far.checked_add(more).ok_or_else(|| {
            Problem::new(
                Code::ReportTooLarge,
                "the sum of a day is outside the range of the books",
            )
        })
    };
    sums.revenue = sum(sums.revenue, receipt.total_minor)?;
    sums.voucher_paid = sum(sums.voucher_paid, receipt.voucher_paid_minor())?;
    Ok(())
}

fn row(date: NaiveDate, currency: Currency, sums: &Sums) -> RevenueDay {
    RevenueDay {
        date,
        receipts: sums.receipts,
        matched_receipts: sums.matched,
        revenue: Money::new(sums.revenue, currency),
        voucher_paid: Money::new(sums.voucher_paid, currency),
    }
}
