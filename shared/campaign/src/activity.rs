//! Purchases of a member, folded into the windows that segments read.
//!
//! A window of n months is the current calendar month, as far as it has come, and the n − 1 full calendar months before it: on
//! 15 December two months are 1 November to 15 December. So a window of two months covers between one month and two of past
//! days; who must be exact to the day asks for `activity.days_since_last`.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use domain::liability::Month;
use domain::money::OutOfRange;

/// Months of which the revenue is kept one by one: the longest window of a revenue floor.
pub const REVENUE_MONTHS: usize = 36;
/// Most stores, and most groups, of a member that conditions look at: those with the greatest revenue.
pub const LIST_MAX: usize = 60;
/// Months of the window for stores, groups and shares.
const YEAR: u32 = 12;

/// What a member bought in one calendar month, in the programme's currency. Returns count against the month in which they are
/// booked, so each sum can be negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthSums {
    /// The month.
    pub month: Month,
    /// Receipts of sales.
    pub receipts: i64,
    /// Revenue in minor units, VAT included.
    pub revenue_minor: i64,
    /// The same by location.
    pub by_store: Vec<StoreSum>,
    /// Revenue by product group.
    pub by_group: Vec<GroupSum>,
}

/// Purchases at one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSum {
    /// Its id.
    pub store: String,
    /// Receipts of sales.
    pub receipts: i64,
    /// Revenue in minor units.
    pub revenue_minor: i64,
}

/// Purchases of one product group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSum {
    /// Its name.
    pub group: String,
    /// Revenue in minor units.
    pub revenue_minor: i64,
}

/// Sums of one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// Receipts of sales.
    pub receipts: i64,
    /// Revenue in minor units.
    pub revenue_minor: i64,
}

/// Purchases of a member in windows that end with the current month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// The current month.
    pub months_1: Window,
    /// Two months.
    pub months_2: Window,
    /// Three months.
    pub months_3: Window,
    /// Twelve months.
    pub months_12: Window,
    /// Twenty-four months.
    pub months_24: Window,
    /// All months.
    pub lifetime: Window,
    /// Revenue in minor units of each of the last [`REVENUE_MONTHS`] months, the current one first; later ones may be left out.
    pub revenue_by_month: Vec<i64>,
    /// Days from the last purchase to today; `None` when there was none.
    pub days_since_last: Option<i64>,
    /// Revenue of twelve months by their receipts, cut to whole minor units; `None` without receipts.
    pub average_basket_minor: Option<i64>,
    /// Locations with a receipt within twelve months, the greatest revenue first, then by id; at most [`LIST_MAX`].
    pub stores: Vec<String>,
    /// The location with the greatest positive revenue of twelve months; of equal ones the first by id.
    pub main_store: Option<String>,
    /// Its share of the revenue of twelve months in whole per cent, cut, at most 100.
    pub main_store_share: Option<i64>,
    /// Share of online shops in the revenue of twelve months in whole per cent, cut, 0 to 100; `None` without revenue.
    pub shop_share: Option<i64>,
    /// Product groups with positive revenue in twelve months, the greatest first, then by name; at most [`LIST_MAX`].
    pub groups: Vec<String>,
}

impl Activity {
    /// Revenue in minor units of a window of so many months; `None` for more than [`REVENUE_MONTHS`], or when the sum leaves the
    /// range.
    pub fn revenue_minor(&self, months: u32) -> Option<i64> {
        let months = usize::try_from(months)
            .ok()
            .filter(|months| *months <= REVENUE_MONTHS)?;
        let mut revenue = self.revenue_by_month.iter().take(months);
        revenue.try_fold(0i64, |sum, month| sum.checked_add(*month))
    }

    /// The product group with the greatest revenue of twelve months.
    pub fn main_group(&self) -> Option<&str> {
        self.groups.first().map(String::as_str)
    }
}

/// Folds monthly sums, in any order, into windows. `shops` are the ids of the locations that are online shops. Months after
/// `today`'s do not count; sums of the same month add up.
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the 64-bit range.
pub fn activity(
    months: &[MonthSums],
    last_purchase: Option<NaiveDate>,
    today: NaiveDate,
    shops: &[&str],
) -> Result<Activity, OutOfRange> {
    let mut activity = Activity {
        revenue_by_month: vec![0; REVENUE_MONTHS],
        days_since_last: last_purchase.map(|last| today.signed_duration_since(last).num_days().max(0)),
        ..Activity::default()
    };
    let mut year = Year::default();
    for sums in months {
        let Some(age) = months_between(sums.month.first(), today) else {
            continue;
        };
        activity.add(age, sums)?;
        if age < YEAR {
            year.add(sums)?;
        }
    }
    let Window {
        receipts,
        revenue_minor,
    } = activity.months_12;
    activity.average_basket_minor = revenue_minor.checked_div(receipts).filter(|_| receipts > 0);
    year.tell(&mut activity, revenue_minor, shops)?;
    Ok(activity)
}

/// Calendar months from one day to a later one; `None` when it is of a later month.
fn months_between(from: NaiveDate, to: NaiveDate) -> Option<u32> {
    let months = |day: NaiveDate| {
        let years = i64::from(day.year()).checked_mul(12)?;
        years.checked_add(i64::from(day.month0()))
    };
    months(to)?
        .checked_sub(months(from)?)
        .and_then(|months| u32::try_from(months).ok())
}

fn plus(sum: &mut i64, more: i64) -> Result<(), OutOfRange> {
    *sum = sum.checked_add(more).ok_or(OutOfRange)?;
    Ok(())
}

impl Activity {
    /// Adds a month that lies `age` months back to each window that reaches so far.
    fn add(&mut self, age: u32, sums: &MonthSums) -> Result<(), OutOfRange> {
        let windows = [
            (1, &mut self.months_1),
            (2, &mut self.months_2),
            (3, &mut self.months_3),
            (YEAR, &mut self.months_12),
            (24, &mut self.months_24),
            (u32::MAX, &mut self.lifetime),
        ];
        for (_, window) in windows.into_iter().filter(|(months, _)| age < *months) {
            plus(&mut window.receipts, sums.receipts)?;
            plus(&mut window.revenue_minor, sums.revenue_minor)?;
        }
        let index = usize::try_from(age).unwrap_or(usize::MAX);
        self.revenue_by_month
            .get_mut(index)
            .map_or(Ok(()), |month| plus(month, sums.revenue_minor))
    }
}

/// Stores and groups of twelve months.
#[derive(Default)]
struct Year<'a> {
    stores: BTreeMap<&'a str, Window>,
    groups: BTreeMap<&'a str, i64>,
}

impl<'a> Year<'a> {
    fn add(&mut self, sums: &'a MonthSums) -> Result<(), OutOfRange> {
        for of_store in &sums.by_store {
            let store = self.stores.entry(&of_store.store).or_default();
            plus(&mut store.receipts, of_store.receipts)?;
            plus(&mut store.revenue_minor, of_store.revenue_minor)?;
        }
        for of_group in &sums.by_group {
            plus(self.groups.entry(&of_group.group).or_default(), of_group.revenue_minor)?;
        }
        Ok(())
    }

    fn tell(self, activity: &mut Activity, total_minor: i64, shops: &[&str]) -> Result<(), OutOfRange> {
        let revenues = self.stores.iter().map(|(store, window)| (*store, window.revenue_minor));
        let main = greatest_first(revenues)
            .into_iter()
            .next()
            .filter(|(_, revenue)| *revenue > 0);
        activity.main_store = main.map(|(store, _)| store.to_owned());
        activity.main_store_share = main.and_then(|(_, revenue)| per_cent(revenue, total_minor));
        let online = self.stores.iter().filter(|(store, _)| shops.contains(store));
        let mut online = online.map(|(_, window)| window.revenue_minor);
        let online_minor = online.try_fold(0i64, i64::checked_add).ok_or(OutOfRange)?;
        activity.shop_share = per_cent(online_minor, total_minor);
        let visited = self.stores.iter().filter(|(_, window)| window.receipts > 0);
        activity.stores = names(greatest_first(
            visited.map(|(store, window)| (*store, window.revenue_minor)),
        ));
        let bought = self.groups.into_iter().filter(|(_, revenue)| *revenue > 0);
        activity.groups = names(greatest_first(bought));
        Ok(())
    }
}

/// Sorted by falling revenue; equal ones stay in the order of their names.
fn greatest_first<'a>(revenues: impl Iterator<Item = (&'a str, i64)>) -> Vec<(&'a str, i64)> {
    let mut sorted: Vec<_> = revenues.collect();
    sorted.sort_by_key(|(_, revenue)| std::cmp::Reverse(*revenue));
    sorted
}

fn names(sorted: Vec<(&str, i64)>) -> Vec<String> {
    sorted
        .into_iter()
        .take(LIST_MAX)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// A part in whole per cent of a total, cut, 0 to 100; `None` when the total is not positive. Where other parts are negative,
/// one can be more than the total.
fn per_cent(part: i64, total: i64) -> Option<i64> {
    if total <= 0 {
        return None;
    }
    let cut = i128::from(part).saturating_mul(100).checked_div(i128::from(total))?;
    i64::try_from(cut.clamp(0, 100)).ok()
}
