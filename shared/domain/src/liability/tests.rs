//! The books over random histories of accounts, and worked examples (X9, X18).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::account::tests::histories::{Event, Life, event, programmes};
use crate::account::{Account, Cause, Entry, LotKey, LotMove, TakeBack, VatShare};
use crate::id::LocationId;
use crate::money::{Currency, Money};
use crate::programme::{Expiry, PointsLife, Programme, ReturnPolicy};
use crate::receipt::ReceiptKey;

const ZONE: Tz = chrono_tz::Europe::Zurich;

/// Spreads the receipts of a history over branches and its points over VAT classes, which the generator leaves alike.
fn diverse(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    let branch = |key: &ReceiptKey| {
        let number: usize = key.number.as_str().parse().unwrap();
        let store = format!("B{}", number % 4).parse().unwrap();
        ReceiptKey { store, ..key.clone() }
    };
    let classes = |points: i64| {
        let high = points * 2 / 3;
        [(Some(810), high), (Some(260), points - high)]
            .into_iter()
            .filter(|(_, points)| *points != 0)
            .map(|(rate_bp, points)| VatShare { rate_bp, points })
            .collect()
    };
    match &mut entry.cause {
        Cause::Receipt { receipt, vat, .. } => {
            *receipt = branch(receipt);
            *vat = classes(entry.points);
        }
        Cause::Return {
            receipt,
            original,
            points_before,
            points_after,
            vat,
            ..
        } => {
            *receipt = branch(receipt);
            *original = original.as_ref().map(branch);
            *vat = classes(*points_after - *points_before);
        }
        Cause::Recalculation {
            receipt,
            points_before,
            points_after,
            vat,
            ..
        } => {
            *receipt = branch(receipt);
            *vat = classes(*points_after - *points_before);
        }
        _ => {}
    }
    entry
}

fn posted(entry: &Entry, on: NaiveDate) -> Posted {
    Posted {
        at: on.and_time(NaiveTime::MIN).and_utc() + chrono::Duration::hours(12),
        entry: entry.clone(),
    }
}

fn live(programme: Programme, events: Vec<Event>) -> (Vec<Posted>, Account) {
    let mut life = Life::of(programme);
    for event in events {
        life.happen(event);
    }
    let entries = life.entries.iter().map(diverse);
    let all = entries.zip(&life.posted_on).map(|(entry, on)| posted(&entry, *on));
    (all.collect(), life.account)
}

fn assert_parcels_follow(entries: &[Posted]) -> Result<(), TestCaseError> {
    let mut parcels = Parcels::default();
    parcels.begin().unwrap();
    for Posted { entry, .. } in entries {
        parcels.follow(entry).unwrap();
        let lots = &parcels.account().lots;
        let lots: Vec<_> = lots.iter().map(|lot| (lot.key, lot.open)).collect();
        prop_assert_eq!(parcels.by_lot(), lots, "after version {}", entry.version);
        parcels.rows().unwrap();
    }
    Ok(())
}

fn months(entries: &[Posted]) -> BTreeSet<Month> {
    entries.iter().map(|one| Month::of(one.at.date_naive())).collect()
}

fn per<K: Ord>(books: &Rollforward, key: fn(&Origin) -> K) -> Row {
    let mut groups: BTreeMap<K, Rollforward> = BTreeMap::new();
    for (origin, row) in &books.rows {
        groups.entry(key(origin)).or_default().add_row(origin, row).unwrap();
    }
    let mut sum = Rollforward::default();
    groups.values().for_each(|group| sum.add(group).unwrap());
    sum.total().unwrap()
}

proptest! {
    /// X9: opening + earned − spent − expired − reversed = closing, to the point, whatever the history.
    #[test]
    fn x9_every_month_of_any_history_rolls_forward_to_the_point(
        programme in programmes(),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let (entries, account) = live(programme, events);
        let mut before: BTreeMap<Origin, i64> = BTreeMap::new();
        for month in months(&entries) {
            let (books, parcels) = roll_forward(entries.clone(), month, ZONE).unwrap();
            for (origin, row) in &books.rows {
                prop_assert!(row.adds_up(), "{month} {origin:?} {row:?}");
            }
            let total = books.total().unwrap();
            prop_assert!(total.adds_up() && total.settled == 0);
            let open: BTreeMap<_, _> = books.rows.iter().map(|(o, r)| (o.clone(), r.opening)).filter(|(_, p)| *p != 0).collect();
            prop_assert_eq!(open, before, "the closing of a month is the opening of the next");
            before = books.rows.iter().map(|(o, r)| (o.clone(), r.closing)).filter(|(_, p)| *p != 0).collect();
            let up_to = entries.iter().filter(|one| Month::of(one.at.date_naive()) <= month).map(|one| one.entry.clone());
            let at_end = Account::replay(up_to.collect()).unwrap();
            prop_assert_eq!(total.closing, at_end.balance + at_end.pending());
            prop_assert_eq!(parcels.account(), &at_end);
            prop_assert_eq!(per(&books, |origin| origin.branch.clone()), total);
            prop_assert_eq!(per(&books, |origin| origin.vat_rate_bp), total);
        }
        prop_assert_eq!(before.values().sum::<i64>(), account.balance + account.pending());
    }

    /// Whatever moves points from lot to lot, the parcels of each lot are its points.
    #[test]
    fn x9_the_parcels_follow_every_lot_through_any_history(
        programme in programmes(),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let (entries, _) = live(programme, events);
        assert_parcels_follow(&entries)?;
    }

    /// As above, where somebody shops every day until lots are merged, pending ones among them.
    #[test]
    fn x9_the_parcels_follow_lots_that_are_merged(
        pending_days in 0u32..40,
        days in prop::collection::vec((1i64..400, 0u8..10), 110..170),
    ) {
        let programme = Programme {
            points: PointsLife { pending_days, expiry: Expiry::Months { months: 12 }, grace_days: 0 },
            ..programme()
        };
        let events = days.into_iter().flat_map(|(minor, what)| {
            let buy = Event::Buy { minors: vec![minor], late: 0 };
            let other = match what {
                0 => Event::Return { which: usize::try_from(minor).unwrap(), line: 0, permille: 500 },
                1 => Event::Correct { points: -minor },
                2 => Event::Correct { points: minor },
                _ => Event::Close { days: 0 },
            };
            [buy, other, Event::Close { days: 1 }]
        });
        let (entries, _) = live(programme, events.collect());
        assert_parcels_follow(&entries)?;
    }

    /// The columns say what the entries say, counted without parcels.
    #[test]
    fn x9_the_columns_are_the_sums_of_the_entries(
        programme in programmes(),
        events in prop::collection::vec(event(), 1..60),
    ) {
        let (entries, _) = live(programme, events);
        let mut all = Row::default();
        for month in months(&entries) {
            let books = roll_forward(entries.clone(), month, ZONE).unwrap().0.total().unwrap();
            all.earned += books.earned;
            all.spent += books.spent;
            all.given_back += books.given_back;
            all.expired += books.expired;
            all.reversed += books.reversed;
            all.corrected += books.corrected;
            all.transferred += books.transferred;
            all.recalculated += books.recalculated;
            all.forgiven += books.forgiven;
        }
        let mut want = Row::default();
        for Posted { entry, .. } in &entries {
            let points = entry.points;
            match &entry.cause {
                Cause::Receipt { .. } => want.earned += points,
                Cause::Return { forgiven, .. } => {
                    want.reversed -= points;
                    want.forgiven += forgiven;
                }
                Cause::VoucherIssue { .. } => want.spent -= points,
                Cause::VoucherVoid { expired, .. } => {
                    want.given_back += points + expired;
                    want.expired += expired;
                }
                Cause::Activation => prop_assert_eq!(points, 0),
                Cause::Expiry { .. } => want.expired -= points,
                Cause::Correction { .. } => want.corrected += points,
                Cause::Transfer { .. } => want.transferred += points,
                Cause::Recalculation { .. } => want.recalculated += points,
            }
        }
        prop_assert_eq!(all, want);
    }

    /// Entries posted after the month, in whatever order they are handed over, change nothing of it.
    #[test]
    fn x9_a_closed_month_does_not_change_when_more_is_posted(
        programme in programmes(),
        events in prop::collection::vec(event(), 1..60),
    ) {
        let (mut entries, _) = live(programme, events);
        let Some(month) = months(&entries).into_iter().next() else { return Ok(()) };
        let up_to: Vec<_> = entries.iter().filter(|one| Month::of(one.at.date_naive()) == month).cloned().collect();
        let closed = roll_forward(up_to, month, ZONE).unwrap().0;
        entries.reverse();
        prop_assert_eq!(roll_forward(entries, month, ZONE).unwrap().0, closed);
    }

    /// X18: the parts of each voucher are its face value and its points.
    #[test]
    fn x18_a_voucher_is_settled_to_the_last_unit(
        programme in programmes(),
        events in prop::collection::vec(event(), 1..80),
        face in 1i64..100_000,
        cut in 0i64..100_000,
    ) {
        let (entries, _) = live(programme, events);
        let Some(month) = months(&entries).into_iter().next_back() else { return Ok(()) };
        let parcels = roll_forward(entries.clone(), month, ZONE).unwrap().1;
        let at: LocationId = "B9".parse().unwrap();
        let mut settlement = Settlement::default();
        let (mut number, mut points) = (0, 0);
        for Posted { entry, .. } in &entries {
            let Cause::VoucherIssue { threshold_points, .. } = entry.cause else { continue };
            for voucher in entry.vouchers() {
                let Some(share) = parcels.of_voucher(&voucher) else { continue };
                prop_assert_eq!(share.iter().map(|p| p.points).sum::<i64>(), threshold_points);
                // At once, or in two parts.
                let cut = cut.min(face);
                for taken in [(0, cut), (cut, face - cut)] {
                    settlement.redeem(share, Money::new(face, Currency::CHF), taken, &at).unwrap();
                }
                number += 1;
                points += threshold_points;
            }
        }
        prop_assert_eq!(settlement.pairs.values().map(|pair| pair.value_minor).sum::<i64>(), number * face);
        prop_assert_eq!(settlement.pairs.values().map(|pair| pair.points).sum::<i64>(), points);
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// An account whose entries are made by hand.
#[derive(Default)]
struct Books {
    account: Account,
    entries: Vec<Posted>,
}

impl Books {
    fn keep(&mut self, on: &str, (entry, account): (Entry, Account)) -> Entry {
        self.entries.push(posted(&entry, day(on)));
        self.account = account;
        entry
    }

    fn buy(&mut self, store: &str, on: &str, posted_on: &str, points: &[(u32, i64)]) -> ReceiptKey {
        let programme = programme();
        let key: ReceiptKey = format!("{store}~3~{on}~{}", self.entries.len()).parse().unwrap();
        let receipt = crate::receipt::Receipt {
            key: key.clone(),
            time: None,
            card: None,
            currency: Currency::CHF,
            total_minor: points.iter().map(|(_, points)| points * 100).sum(),
            cash_rounding_minor: 0,
            lines: points
                .iter()
                .map(|(rate, points)| crate::receipt::Line {
                    sku: rate.to_string(),
                    group: None,
                    brand: None,
                    quantity_milli: 1_000,
                    amount_minor: points * 100,
                    vat_rate_bp: Some(*rate),
                })
                .collect(),
            payments: vec![],
        };
        let known = crate::earning::Circumstances::default();
        let earning = crate::earning::earn(&receipt, &programme, &known).unwrap();
        let made = self
            .account
            .post(&receipt, (&earning, &known), &programme, day(posted_on))
            .unwrap();
        self.keep(posted_on, made);
        key
    }

    fn back(&mut self, original: &ReceiptKey, on: &str, rate: u32, points: i64, lot: Option<LotKey>, expired: i64) {
        let key: ReceiptKey = format!("{}~3~{on}~9{}", original.store, self.entries.len())
            .parse()
            .unwrap();
        let made = self.account.take_back(TakeBack {
            receipt: &key,
            original: Some(original),
            void: false,
            business_date: day(on),
            booked_on: day(on),
            total_minor: points * 100,
            points_before: points,
            points_after: 0,
            vat: vec![VatShare {
                rate_bp: Some(rate),
                points: -points,
            }],
            lot,
            expired,
            programme_version: 1,
            policy: ReturnPolicy::Unlimited,
        });
        self.keep(on, made.unwrap());
    }

    fn issue(&mut self, on: &str) -> Entry {
        let issue = self
            .account
            .issue(&programme(), day(on), &BTreeSet::new())
            .unwrap()
            .unwrap();
        self.keep(on, (issue.entry, issue.account))
    }

    /// The rows of a month that are not 0, as `earned month/VAT/branch` with their columns.
    fn month(&self, month: &str) -> Vec<(String, Row)> {
        let books = roll_forward(self.entries.clone(), month.parse().unwrap(), ZONE)
            .unwrap()
            .0;
        let name = |origin: &Origin| {
            let rate = origin.vat_rate_bp.map(|rate| rate.to_string()).unwrap_or_default();
            let branch = origin.branch.as_ref().map(LocationId::to_string).unwrap_or_default();
            format!("{}/{rate}/{branch}", origin.month)
        };
        books.rows.iter().map(|(origin, row)| (name(origin), *row)).collect()
    }
}

fn programme() -> Programme {
    Programme {
        points: PointsLife {
            pending_days: 0,
            expiry: Expiry::EndOfYear { years: 0 },
            grace_days: 0,
        },
        ..Programme::swiss_default("treue".parse().unwrap())
    }
}

#[test]
fn x9_the_oldest_points_become_the_voucher_and_keep_their_branch_and_vat_class() {
    let mut books = Books::default();
    books.buy("B1", "2026-10-05", "2026-10-05", &[(810, 200), (260, 100)]);
    books.buy("B2", "2026-11-03", "2026-11-03", &[(810, 400)]);
    books.issue("2026-11-04");
    let row = |opening, earned, spent, closing| Row {
        opening,
        earned,
        spent,
        closing,
        ..Row::default()
    };
    assert_eq!(
        books.month("2026-11"),
        [
            ("2026-10/260/B1".to_owned(), row(100, 0, 100, 0)),
            ("2026-10/810/B1".to_owned(), row(200, 0, 200, 0)),
            ("2026-11/810/B2".to_owned(), row(0, 400, 200, 200)),
        ]
    );
}

#[test]
fn x9_a_return_takes_its_own_class_and_branch_before_older_points() {
    let mut books = Books::default();
    books.buy("B1", "2026-10-05", "2026-10-05", &[(810, 200)]);
    let sold = books.buy("B2", "2026-11-03", "2026-11-03", &[(810, 50), (260, 30)]);
    let lot = books.account.lots[0].key;
    books.back(&sold, "2026-11-09", 260, 30, Some(lot), 0);
    let rows = books.month("2026-11");
    let row = |name: &str| {
        rows.iter()
            .find(|(one, _)| one == name)
            .map(|(_, row)| (row.reversed, row.closing))
    };
    assert_eq!(row("2026-11/260/B2"), Some((30, 0)));
    assert_eq!(row("2026-10/810/B1"), Some((0, 200)));
    assert_eq!(row("2026-11/810/B2"), Some((0, 50)));
}

#[test]
fn x9_a_deficit_is_owed_by_its_origin_until_later_points_settle_it() {
    let mut books = Books::default();
    let sold = books.buy("B1", "2026-10-05", "2026-10-05", &[(810, 500)]);
    books.issue("2026-10-06");
    books.back(&sold, "2026-10-20", 810, 500, None, 0);
    let october = books.month("2026-10");
    assert_eq!((october.len(), october[0].1.closing), (1, -500), "{october:?}");
    books.buy("B2", "2026-11-03", "2026-11-03", &[(260, 120)]);
    let november = books.month("2026-11");
    let want = |opening, earned, settled, closing| Row {
        opening,
        earned,
        settled,
        closing,
        ..Row::default()
    };
    assert_eq!(
        november,
        [
            ("2026-10/810/B1".to_owned(), want(-500, 0, 120, -380)),
            ("2026-11/260/B2".to_owned(), want(0, 120, -120, 0)),
        ]
    );
}

#[test]
fn x9_what_a_return_is_forgiven_is_no_breakage() {
    let mut books = Books::default();
    let sold = books.buy("B1", "2026-12-05", "2026-12-05", &[(810, 90)]);
    let lot = books.account.lots[0].key;
    let made = books.account.expire(day("2027-01-01"), 1).unwrap().unwrap();
    books.keep("2027-01-01", made);
    books.back(&sold, "2027-01-09", 810, 40, Some(lot), 90);
    let january = books.month("2027-01");
    let row = january[0].1;
    assert_eq!((row.expired, row.forgiven, row.breakage()), (90, 40, Ok(50)));
    assert_eq!((row.opening, row.reversed, row.closing), (90, 0, 0));
}

#[test]
fn x9_a_receipt_posted_after_the_month_stands_in_the_next_one_with_the_month_it_was_earned_in() {
    let mut books = Books::default();
    books.buy("B1", "2026-10-05", "2026-10-05", &[(810, 10)]);
    let closed = books.month("2026-10");
    books.buy("B1", "2026-10-30", "2026-11-02", &[(810, 7)]);
    assert_eq!(books.month("2026-10"), closed);
    let november = books.month("2026-11");
    assert_eq!(november[0].0, "2026-10/810/B1");
    assert_eq!((november[0].1.opening, november[0].1.earned), (10, 7));
}

#[test]
fn x9_a_month_ends_at_local_midnight_and_between_two_versions() {
    let mut books = Books::default();
    books.buy("B1", "2026-10-05", "2026-10-05", &[(810, 10)]);
    books.buy("B1", "2026-10-06", "2026-10-06", &[(810, 5)]);
    let closing = |entries: &[Posted]| {
        let month = "2026-10".parse().unwrap();
        roll_forward(entries.to_vec(), month, ZONE)
            .unwrap()
            .0
            .total()
            .unwrap()
            .closing
    };
    for (first, second, want) in [
        ("2026-10-31T22:59:59Z", "2026-10-31T22:59:59Z", 15),
        ("2026-10-31T22:59:59Z", "2026-10-31T23:00:00Z", 10),
        // A clock that is behind: what follows an entry of November is of November.
        ("2026-10-31T23:00:00Z", "2026-10-31T22:59:59Z", 0),
    ] {
        books.entries[0].at = first.parse().unwrap();
        books.entries[1].at = second.parse().unwrap();
        assert_eq!(closing(&books.entries), want, "{first} {second}");
    }
}

#[test]
fn x18_the_first_voucher_takes_the_first_points() {
    let mut books = Books::default();
    books.buy("B1", "2026-11-01", "2026-11-01", &[(810, 600)]);
    books.buy("B2", "2026-11-02", "2026-11-02", &[(810, 400)]);
    books.issue("2026-11-03");
    let parcels = roll_forward(books.entries.clone(), "2026-11".parse().unwrap(), ZONE)
        .unwrap()
        .1;
    let mut settlement = Settlement::default();
    for (sequence, at) in [(1u64, "B2"), (2, "B1")] {
        let share = parcels.of_voucher(&sequence.into()).unwrap();
        settlement
            .redeem(share, Money::new(501, Currency::CHF), (0, 501), &at.parse().unwrap())
            .unwrap();
    }
    let lines = |csv: String| csv.split("\r\n").skip(1).map(str::to_owned).collect::<Vec<_>>();
    let month = "2026-11".parse().unwrap();
    let companies = Companies::from([("B1".parse().unwrap(), "1000".parse().unwrap())]);
    assert_eq!(
        lines(settlement_csv(month, &settlement, &companies)),
        [
            "2026-11;B1;1000;B1;1000;CHF;100;100",
            "2026-11;B1;1000;B2;;CHF;500;501",
            "2026-11;B2;;B1;1000;CHF;400;401",
            ""
        ]
    );
    assert_eq!(
        lines(companies_csv(month, &settlement, &companies).unwrap()),
        [
            "2026-11;;1000;CHF;400;401",
            "2026-11;1000;;CHF;500;501",
            "2026-11;1000;1000;CHF;100;100",
            ""
        ]
    );
    // Both branches are one company's: what they owe each other cancels nothing and stands in one row.
    let one = Companies::from(["B1", "B2"].map(|branch| (branch.parse().unwrap(), "1000".parse().unwrap())));
    assert_eq!(
        lines(companies_csv(month, &settlement, &one).unwrap()),
        ["2026-11;1000;1000;CHF;1000;1002", ""]
    );
}

#[test]
fn lots_that_are_merged_hand_their_parcels_on() {
    // An account with a lot for each day, so that one more receipt merges the closest two.
    let mut programme = programme();
    programme.points.expiry = Expiry::Months { months: 12 };
    let mut books = Books::default();
    let first = day("2026-01-01");
    for number in 0..120u32 {
        let on = crate::calendar::plus_days(first, number);
        let lot = programme.lot(on, on);
        let (entry, account) = books.account.correct(&number.to_string(), 10, lot, on, 1).unwrap();
        books.keep(&on.to_string(), (entry, account));
    }
    assert!(books.account.lots.len() < 120, "merged");
    let moves: &[LotMove] = &books.entries.last().unwrap().entry.lots;
    assert!(moves.len() > 1, "the last one merged: {moves:?}");
    let april = books.month("2026-04");
    let closing: Vec<_> = april.iter().map(|(name, row)| (name.as_str(), row.closing)).collect();
    assert_eq!(
        closing,
        [
            ("2026-01//", 310),
            ("2026-02//", 280),
            ("2026-03//", 310),
            ("2026-04//", 300)
        ]
    );
}

#[test]
fn a_month_has_one_spelling() {
    for text in ["2026-13", "2026-1", "26-01", "2026-01-01", "", "+2026-01", "2026-00"] {
        assert!(text.parse::<Month>().is_err(), "{text}");
    }
    let month: Month = "2026-12".parse().unwrap();
    assert_eq!(
        (month.to_string(), month.before().to_string()),
        ("2026-12".to_owned(), "2026-11".to_owned())
    );
    assert_eq!(month.last(), day("2026-12-31"));
}

#[test]
fn the_books_of_a_month_can_be_made_an_hour_after_its_end() {
    for (now, month) in [
        ("2026-11-30T23:59:59Z", "2026-10"),
        ("2026-12-01T00:00:00Z", "2026-11"),
        ("2026-06-30T22:59:59Z", "2026-05"),
        ("2026-06-30T23:00:00Z", "2026-06"),
    ] {
        assert_eq!(
            Month::latest_over(now.parse().unwrap(), ZONE).to_string(),
            month,
            "{now}"
        );
    }
}

#[test]
fn the_liability_file_has_a_line_for_each_row_and_no_personal_data() {
    let mut books = Books::default();
    books.buy("B1", "2026-10-05", "2026-10-05", &[(810, 200)]);
    let month = "2026-10".parse().unwrap();
    let rows = roll_forward(books.entries, month, ZONE).unwrap().0;
    let text = liability_csv(month, &rows).unwrap();
    assert_eq!(
        text,
        format!("{LIABILITY_HEADER}\r\n2026-10;2026-10;810;B1;0;200;0;0;0;0;0;0;0;0;200;0;0\r\n")
    );
}

proptest! {
    /// X9: transferred points keep the month, VAT class and branch in which they were earned, whatever the histories of both
    /// accounts, and what the one account loses of each the other one gains.
    #[test]
    fn x9_what_a_transfer_takes_from_each_origin_arrives_there(
        programme in programmes(),
        (giver, receiver) in (prop::collection::vec(event(), 1..60), prop::collection::vec(event(), 0..30)),
        share in 1i64..=4,
        later in prop::collection::vec(event(), 0..20),
    ) {
        let (giving, from) = live(programme.clone(), giver);
        let mut life = Life::of(programme);
        receiver.into_iter().for_each(|event| life.happen(event));
        let points = from.balance / share;
        let (a, b) = ("p1".parse().unwrap(), "p2".parse().unwrap());
        let today = life.today;
        let Some(moved) = from.transfer(&life.account, (&a, &b), "t", points, today, 1).unwrap() else {
            prop_assert!(points < 1);
            return Ok(());
        };
        let origins = taken_by(giving.clone(), &moved.from.0).unwrap();
        // Where the debit stands already, it is not counted twice.
        let mut posted_already = giving.clone();
        let at = posted_already.last().map(|posted| posted.at).unwrap();
        posted_already.push(Posted { at, entry: moved.from.0.clone() });
        prop_assert_eq!(&taken_by(posted_already, &moved.from.0).unwrap(), &origins);
        let moved = moved.with_origins(origins).unwrap();
        let rows = |entries: &[Posted], entry: &Entry| {
            let mut parcels = Parcels::default();
            entries.iter().for_each(|posted| parcels.follow(&posted.entry).unwrap());
            parcels.begin().unwrap();
            parcels.follow(entry).unwrap();
            let rows = parcels.rows().unwrap().rows;
            let moved = rows.into_iter().map(|(origin, row)| (origin, row.transferred));
            moved.filter(|(_, points)| *points != 0).collect::<BTreeMap<_, _>>()
        };
        let of = |life: &Life| -> Vec<Posted> {
            let entries = life.entries.iter().map(diverse).zip(&life.posted_on);
            entries.map(|(entry, on)| posted(&entry, *on)).collect()
        };
        let left = rows(&giving, &moved.from.0);
        let arrived = rows(&of(&life), &moved.to.0);
        let lost: BTreeMap<_, _> = left.into_iter().map(|(origin, points)| (origin, -points)).collect();
        prop_assert_eq!(&lost, &arrived);
        // The receiving account goes on as any other.
        life.receive(moved.to);
        later.into_iter().for_each(|event| life.happen(event));
        assert_parcels_follow(&of(&life))?;
    }
}

#[test]
fn transferred_points_go_into_the_lots_that_they_name_also_where_lots_are_merged_by_the_transfer() {
    let mut programme = programme();
    programme.points.expiry = Expiry::Months { months: 12 };
    let on = |number: u32| crate::calendar::plus_days(day("2026-01-01"), number);
    let give = |books: &mut Books, number: u32, points: i64| {
        let lot = programme.lot(on(number), on(number));
        let corrected = books.account.correct(&number.to_string(), points, lot, on(number), 1);
        books.keep(&on(number).to_string(), corrected.unwrap());
    };
    let (mut giver, mut receiver) = (Books::default(), Books::default());
    give(&mut giver, 3, 100);
    give(&mut giver, 300, 50);
    for number in (10..).take(crate::account::LOTS_MAX) {
        give(&mut receiver, number, 30);
    }
    let (a, b) = ("p1".parse().unwrap(), "p2".parse().unwrap());
    let moved = giver
        .account
        .transfer(&receiver.account, (&a, &b), "t", 150, on(301), 1);
    let moved = moved.unwrap().unwrap();
    let origins = taken_by(giver.entries.clone(), &moved.from.0).unwrap();
    let moved = moved.with_origins(origins).unwrap();
    let merged = moved.to.0.lots.iter().any(|change| change.points < 0);
    assert!(merged, "the receiver has too many lots");
    receiver.keep(&on(301).to_string(), moved.to);
    let mut parcels = Parcels::default();
    for posted in &receiver.entries {
        parcels.follow(&posted.entry).unwrap();
    }
    let last = parcels.account().lots.last().unwrap().key;
    let months: Vec<_> = parcels
        .parcels_of(last)
        .iter()
        .map(|parcel| parcel.origin.month)
        .collect();
    assert_eq!(
        months,
        [Month::of(on(300))],
        "the latest lot holds what was earned for it"
    );
}

#[test]
fn x9_vouchers_that_a_campaign_gave_are_settled_without_a_branch_that_issued_them() {
    let mut settlement = Settlement::default();
    let redeeming: LocationId = "B2".parse().unwrap();
    for _ in 0..2 {
        settlement
            .redeem_given(Money::new(1_000, Currency::CHF), &redeeming)
            .unwrap();
    }
    let pair = super::settlement::Pair {
        issuing: None,
        redeeming,
        currency: Currency::CHF,
    };
    let settled = super::settlement::Settled {
        points: 0,
        value_minor: 2_000,
    };
    assert_eq!(settlement.vouchers, 2);
    assert_eq!(settlement.pairs, BTreeMap::from([(pair, settled)]));
}
