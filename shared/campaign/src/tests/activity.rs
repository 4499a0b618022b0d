use super::*;
use crate::activity::activity as folded;
use domain::money::OutOfRange;
use proptest::prelude::*;

pub(super) fn month(month: &str, stores: &[(&str, i64, i64)], groups: &[(&str, i64)]) -> MonthSums {
    MonthSums {
        month: month.parse().unwrap(),
        receipts: stores.iter().map(|store| store.1).sum(),
        revenue_minor: stores.iter().map(|store| store.2).sum(),
        by_store: stores
            .iter()
            .map(|(store, receipts, revenue_minor)| StoreSum {
                store: (*store).to_owned(),
                receipts: *receipts,
                revenue_minor: *revenue_minor,
            })
            .collect(),
        by_group: groups
            .iter()
            .map(|(group, revenue_minor)| GroupSum {
                group: (*group).to_owned(),
                revenue_minor: *revenue_minor,
            })
            .collect(),
    }
}

fn at(months: &[MonthSums], today: &str) -> Activity {
    folded(months, None, day(today), &["WEB"]).unwrap()
}

#[test]
fn n10_windows_are_calendar_months_that_end_with_the_current_one() {
    let months = [
        month("2026-11", &[("B07", 1, 100)], &[]),
        month("2026-10", &[("B07", 1, 20)], &[]),
        month("2026-09", &[("B07", 1, 3)], &[]),
        month("2025-12", &[("B07", 1, 4_000)], &[]),
        month("2025-11", &[("B07", 1, 50_000)], &[]),
        month("2024-12", &[("B07", 1, 600_000)], &[]),
        month("2024-11", &[("B07", 1, 7_000_000)], &[]),
        month("2026-12", &[("B07", 1, 80_000_000)], &[]),
    ];
    let revenues = |today: &str| {
        let it = at(&months, today);
        [
            it.months_1,
            it.months_2,
            it.months_3,
            it.months_12,
            it.months_24,
            it.lifetime,
        ]
        .map(|window| window.revenue_minor)
    };
    let november = [100, 120, 123, 4_123, 654_123, 7_654_123];
    assert_eq!(revenues("2026-11-01"), november);
    assert_eq!(revenues("2026-11-30"), november, "December lies ahead");
    assert_eq!(revenues("2026-12-01")[..2], [80_000_000, 80_000_100]);
    assert_eq!(at(&months, "2026-11-15").months_12.receipts, 4);
}

#[test]
fn n8_a_floor_can_look_at_any_window_up_to_three_years() {
    let months = [
        month("2026-11", &[("B07", 1, 100)], &[]),
        month("2026-07", &[("B07", 1, 20)], &[]),
        month("2023-12", &[("B07", 1, 3)], &[]),
        month("2023-11", &[("B07", 1, 4_000)], &[]),
    ];
    let it = at(&months, "2026-11-15");
    let windows = [4, 5, 35, 36].map(|window| it.revenue_minor(window));
    assert_eq!(windows, [Some(100), Some(120), Some(120), Some(123)]);
    assert_eq!(it.revenue_minor(37), None);
}

#[test]
fn n11_shares_and_the_average_basket_are_cut_to_whole_numbers() {
    let it = at(
        &[
            month(
                "2026-11",
                &[("WEB", 2, 20_000), ("B07", 1, 10_001)],
                &[("yarn", 30_001)],
            ),
            month("2025-11", &[("B07", 99, 900_000)], &[("paper", 900_000)]),
        ],
        "2026-11-15",
    );
    assert_eq!((it.shop_share, it.main_store_share), (Some(66), Some(66)));
    assert_eq!((it.main_store.as_deref(), it.main_group()), (Some("WEB"), Some("yarn")));
    assert_eq!(it.average_basket_minor, Some(10_000));
    assert_eq!(
        (it.stores, it.groups),
        (vec!["WEB".to_owned(), "B07".to_owned()], vec!["yarn".to_owned()])
    );
}

#[test]
fn n11_without_revenue_there_is_no_share_and_no_main_store() {
    let it = at(
        &[month("2026-11", &[("B07", 1, 500), ("B01", 0, -500)], &[("yarn", -1)])],
        "2026-11-15",
    );
    assert_eq!((it.shop_share, it.main_store_share), (None, None));
    assert_eq!(it.main_store.as_deref(), Some("B07"));
    assert_eq!(it.stores, ["B07"], "a return alone is no visit");
    assert!(it.groups.is_empty());
    let zero = at(&[month("2026-11", &[("B07", 1, 0)], &[("yarn", 0)])], "2026-11-15");
    assert!(zero.groups.is_empty(), "sold and returned");
    assert_eq!(
        (zero.main_store, zero.shop_share, zero.average_basket_minor),
        (None, None, Some(0))
    );
    let slip = at(&[month("2026-11", &[("B07", -1, -500)], &[])], "2026-11-15");
    assert_eq!(slip.average_basket_minor, None, "no basket without a receipt");
    let nothing = at(&[], "2026-11-15");
    assert_eq!((nothing.average_basket_minor, nothing.main_store), (None, None));
}

#[test]
fn n11_returns_elsewhere_do_not_lift_a_share_over_a_hundred() {
    let it = at(
        &[month("2026-11", &[("WEB", 1, 300), ("B01", 0, -200)], &[])],
        "2026-11-15",
    );
    assert_eq!((it.shop_share, it.main_store_share), (Some(100), Some(100)));
}

#[test]
fn lists_keep_the_greatest_and_equal_ones_stand_by_name() {
    let groups: Vec<(String, i64)> = (0..70)
        .map(|number| (format!("g{number:02}"), number / 2 + 1))
        .collect();
    let groups: Vec<(&str, i64)> = groups.iter().map(|(name, revenue)| (name.as_str(), *revenue)).collect();
    let it = at(
        &[month("2026-11", &[("B02", 1, 5), ("B01", 1, 5)], &groups)],
        "2026-11-15",
    );
    assert_eq!(it.groups.len(), LIST_MAX);
    assert_eq!((it.groups[0].as_str(), it.groups[1].as_str()), ("g68", "g69"));
    assert!(!it.groups.contains(&"g09".to_owned()));
    assert_eq!(it.main_store.as_deref(), Some("B01"));
}

#[test]
fn n10_days_since_the_last_purchase_are_exact() {
    let last = |purchase: Option<&str>| {
        let it = folded(&[], purchase.map(day), day("2026-11-02"), &[]);
        it.unwrap().days_since_last
    };
    assert_eq!(last(Some("2026-09-02")), Some(61));
    assert_eq!(last(Some("2026-11-03")), Some(0), "a clock ahead");
    assert_eq!(last(None), None);
}

#[test]
fn sums_that_do_not_fit_are_refused() {
    let huge = month("2026-11", &[("B07", 1, i64::MAX)], &[]);
    assert_eq!(
        folded(&[huge.clone(), huge], None, day("2026-11-02"), &[]),
        Err(OutOfRange)
    );
}

proptest! {
    #[test]
    fn n10_the_order_of_the_months_does_not_matter(
        sums in prop::collection::vec((0i32..40, 0i64..5, -10_000i64..10_000, 0usize..4), 0..30),
        turn in 0usize..30,
    ) {
        let stores = ["B01", "B02", "B07", "WEB"];
        let mut months: Vec<MonthSums> = sums
            .iter()
            .map(|(back, receipts, revenue, store)| {
                let text = format!("{:04}-{:02}", 2026 - back / 12, 12 - back % 12);
                month(&text, &[(stores[*store], *receipts, *revenue)], &[(stores[*store], *revenue)])
            })
            .collect();
        let before = at(&months, "2026-12-24");
        if !months.is_empty() {
            let by = turn % months.len();
            months.rotate_left(by);
        }
        prop_assert_eq!(at(&months, "2026-12-24"), before);
    }
}
