//! R5: the counts are the same however often and in whichever order changes are heard of.

use proptest::prelude::*;

use super::*;

/// Taken wholly on a receipt that has the version in its number.
fn taken(version: u64, store: &str, day: &str, value_minor: i64) -> Change {
    parts(version, Standing::Redeemed, &[(version, store, day, value_minor)])
}

fn parts(version: u64, standing: Standing, parts: &[(u64, &str, &str, i64)]) -> Change {
    let taken = parts.iter().map(|(number, store, day, value_minor)| Taken {
        receipt: format!("{store}~1~{day}~{number}").parse().unwrap(),
        value_minor: *value_minor,
    });
    Change {
        version,
        standing,
        taken: taken.collect(),
    }
}

fn change(version: u64, standing: Standing) -> Change {
    parts(version, standing, &[])
}

fn cell(day: &str, store: &str) -> Cell {
    Cell {
        day: Some(day.parse().unwrap()),
        store: Some(store.parse().unwrap()),
    }
}

/// The counts after these changes, and what is known of the voucher then.
fn counted<'a>(changes: impl IntoIterator<Item = &'a Change>) -> (Tally, Heard) {
    let (mut tally, mut heard) = (Tally::new(), Heard::default());
    for change in changes {
        let (after, added) = heard.with(change);
        add(&mut tally, added);
        heard = after;
    }
    tally.retain(|_, counts| *counts != Counts::default());
    (tally, heard)
}

#[test]
fn a_redemption_counts_once_and_its_reversal_under_its_own_location_and_day() {
    let life = [
        taken(2, "B01", "2026-12-01", 1_000),
        change(3, Standing::Open),
        taken(4, "B02", "2026-12-02", 1_000),
    ];
    let (tally, _) = counted(&life);
    let back = Counts {
        redeemed: 1,
        redeemed_minor: 1_000,
        reversed: 1,
        reversed_minor: 1_000,
        ..Counts::default()
    };
    let stands = Counts {
        redeemed: 1,
        redeemed_minor: 1_000,
        spent: 1,
        ..Counts::default()
    };
    let expected = [(cell("2026-12-01", "B01"), back), (cell("2026-12-02", "B02"), stands)];
    assert_eq!(tally, expected.into());
}

#[test]
fn parts_count_where_they_were_taken_and_the_voucher_once_nothing_is_left() {
    let (first, second) = ((2, "B01", "2026-12-01", 400), (4, "B02", "2026-12-02", 600));
    let life = [
        parts(2, Standing::Open, &[first]),
        parts(4, Standing::Redeemed, &[first, second]),
        parts(5, Standing::Open, &[second]),
    ];
    let figures = |tally: &Tally, cell: &Cell| {
        let counts = tally.get(cell).copied().unwrap_or_default();
        [counts.redeemed_minor, counts.reversed_minor, counts.spent]
    };
    let (b01, b02) = (cell("2026-12-01", "B01"), cell("2026-12-02", "B02"));
    let (spent, _) = counted(&life[..2]);
    assert_eq!(
        (figures(&spent, &b01), figures(&spent, &b02)),
        ([400, 0, 0], [600, 0, 1])
    );
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let (back, _) = counted(order.iter().map(|at| &life[*at]));
        assert_eq!(
            (figures(&back, &b01), figures(&back, &b02)),
            ([400, 400, 0], [600, 0, 0])
        );
    }
}

#[test]
fn a_voucher_that_another_one_has_replaced_counts_for_nothing_and_one_that_is_void_for_one() {
    let voided = |reissued_as: Option<&str>| crate::voucher::Voucher {
        party: "p1".parse().unwrap(),
        programme: "treue".parse().unwrap(),
        number: "bonus~2026-12~1".parse().unwrap(),
        value_minor: 1_000,
        currency: crate::money::Currency::CHF,
        min_basket_minor: 0,
        valid_from: "2026-12-01".parse().unwrap(),
        valid_until: "2027-01-31".parse().unwrap(),
        zone: chrono_tz::Europe::Zurich,
        reservation_seconds: 900,
        origin: None,
        issued_at: "2026-12-01T06:00:00Z".parse().unwrap(),
        code_key_version: 1,
        state: State::Voided {
            at: "2026-12-05T10:00:00Z".parse().unwrap(),
            adjustment: "A7".parse().unwrap(),
            reissued_as: reissued_as.map(|number| number.parse().unwrap()),
        },
        version: 2,
        state_version: 2,
        reversed: vec![],
        payment: None,
        partial: None,
        campaign: None,
    };
    let replaced = Change::of(&voided(Some("bonus~2026-12~1.1"))).unwrap();
    assert_eq!(counted([&replaced]).0, Tally::new());
    let void = Change::of(&voided(None)).unwrap();
    let counts: Vec<_> = counted([&void]).0.into_values().map(|counts| counts.voided).collect();
    assert_eq!(counts, [1]);
}

#[test]
fn a_blocked_voucher_that_is_opened_again_leaves_nothing() {
    let life = [change(2, Standing::Blocked), change(3, Standing::Open)];
    assert_eq!(counted(&life[..1]).0[&Cell::default()].blocked, 1);
    assert!(counted(&life).0.is_empty());
    assert!(counted(life.iter().rev()).0.is_empty(), "heard of the other way round");
}

#[test]
fn one_that_is_given_back_without_end_keeps_its_counts_and_a_bounded_list() {
    let mut life = Vec::new();
    for version in 1..=60u64 {
        life.push(if version % 2 == 0 {
            taken(version, "B01", "2026-12-01", 500)
        } else {
            change(version, Standing::Open)
        });
    }
    let (tally, heard) = counted(life.iter().chain(&life));
    let counts = tally[&cell("2026-12-01", "B01")];
    assert_eq!(
        (counts.redeemed, counts.reversed, counts.redeemed_minor),
        (30, 29, 15_000)
    );
    assert!(heard.taken_back.len() <= TAKEN_BACK_MAX);
}

/// A life of a voucher: at each version it is open, blocked, taken at one of two locations, or void at its end.
fn lives() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(0u8..4, 1..12).prop_map(|steps| {
        let mut life = Vec::new();
        for (version, step) in (2u64..).zip(steps) {
            let was_taken = life
                .last()
                .is_some_and(|change: &Change| matches!(change.standing, Standing::Redeemed));
            life.push(match step {
                // Only a reversal leads out of redeemed.
                _ if was_taken => change(version, Standing::Open),
                0 => change(version, Standing::Open),
                1 => change(version, Standing::Blocked),
                2 => taken(version, "B01", "2026-12-01", 1_000),
                _ => taken(version, "SHOP", "2026-12-03", 1_000),
            });
        }
        let day = "2026-12-24".parse().unwrap();
        let version = life.last().map_or(2, |last| last.version + 1);
        if version % 3 == 0 && !matches!(life.last().unwrap().standing, Standing::Redeemed) {
            life.push(change(version, Standing::Voided { day }));
        }
        life
    })
}

proptest! {
    #[test]
    fn any_order_and_any_copies_give_the_counts_of_an_orderly_life(
        (life, order) in lives().prop_flat_map(|life| {
            let copies: Vec<Change> = life.iter().chain(&life).cloned().collect();
            (Just(life), Just(copies).prop_shuffle())
        })
    ) {
        let (orderly, known) = counted(&life);
        let (shuffled, known_shuffled) = counted(&order);
        prop_assert_eq!(orderly, shuffled);
        prop_assert_eq!(known, known_shuffled);
    }
}
