//! Points of a receipt under rules as data.

use super::*;
use crate::money::Currency;
use crate::programme::EarningRate;
use crate::receipt::{Line, Payment, PaymentKind};

fn receipt(lines: &[(&str, i64)], voucher_minor: i64) -> Receipt {
    let total_minor = lines.iter().map(|l| l.1).sum();
    Receipt {
        key: "B07~3~2026-11-22~1".parse().unwrap(),
        time: None,
        card: None,
        currency: Currency::CHF,
        total_minor,
        cash_rounding_minor: 0,
        lines: lines
            .iter()
            .map(|(group, amount)| Line {
                sku: "1".into(),
                group: Some((*group).to_owned()),
                brand: None,
                quantity_milli: 1000,
                amount_minor: *amount,
                vat_rate_bp: None,
            })
            .collect(),
        payments: vec![Payment {
            kind: PaymentKind::Voucher,
            amount_minor: voucher_minor,
            voucher: None,
        }],
    }
}

fn programme() -> Programme {
    Programme::swiss_default("treue".parse().unwrap())
}

#[test]
fn lines_are_summed_before_they_are_floored_once() {
    let earning = earn(
        &receipt(&[("a", 150), ("a", 150), ("a", 199)], 0),
        &programme(),
        &Circumstances::default(),
    )
    .unwrap();
    assert_eq!((earning.base_minor, earning.points), (499, 4));
}

#[test]
fn excluded_groups_and_the_voucher_paid_part_earn_nothing() {
    let earning = earn(
        &receipt(&[("paper", 2_000), ("gift_card", 5_000)], 500),
        &programme(),
        &Circumstances::default(),
    )
    .unwrap();
    assert_eq!(earning.points, 15);
    assert_eq!(earning.lines[1].reason, LineReason::ExcludedGroup);
    let covered = earn(
        &receipt(&[("gift_card", 5_000)], 500),
        &programme(),
        &Circumstances::default(),
    )
    .unwrap();
    assert_eq!(covered.points, 0);
}

#[test]
fn points_are_split_over_vat_classes_by_largest_remainder() {
    let mut receipt = receipt(&[("a", 100), ("b", 100), ("c", 100)], 0);
    for (line, rate) in receipt.lines.iter_mut().zip([Some(260), Some(810), None]) {
        line.vat_rate_bp = rate;
    }
    let earning = earn(&receipt, &programme(), &Circumstances::default()).unwrap();
    let split = |points| {
        let shares = vat_split(&receipt, &earning, points).unwrap();
        shares
            .iter()
            .map(|share| (share.rate_bp, share.points))
            .collect::<Vec<_>>()
    };
    assert_eq!(split(4), [(Some(810), 2), (Some(260), 1), (None, 1)]);
    assert_eq!(split(-5), [(Some(810), -2), (Some(260), -2), (None, -1)]);
    assert_eq!(split(0), []);
    assert_eq!(split(1), [(Some(810), 1)]);
}

#[test]
fn what_comes_back_leaves_each_vat_class_with_what_remains_of_it() {
    let mut whole = receipt(&[("a", 6_000), ("b", 4_000)], 0);
    for (line, rate) in whole.lines.iter_mut().zip([810, 260]) {
        line.vat_rate_bp = Some(rate);
    }
    let mut rest = whole.clone();
    rest.lines[1].amount_minor = 0;
    let mut nothing = rest.clone();
    nothing.lines[0].amount_minor = 0;
    let earned = |receipt: &Receipt| earn(receipt, &programme(), &Circumstances::default()).unwrap();
    let change = |before: &Receipt, after: &Receipt| {
        let (one, other) = (earned(before), earned(after));
        let shares = vat_change((before, &one, one.points), (after, &other, other.points)).unwrap();
        shares
            .iter()
            .map(|share| (share.rate_bp, share.points))
            .collect::<Vec<_>>()
    };
    assert_eq!(change(&whole, &rest), [(Some(260), -40)]);
    assert_eq!(change(&rest, &nothing), [(Some(810), -60)]);
    assert_eq!(change(&whole, &nothing), [(Some(810), -60), (Some(260), -40)]);
}

#[test]
fn a_rate_is_a_ratio_of_integers() {
    let mut programme = programme();
    programme.earning = EarningRate {
        points: 3,
        per_minor: 200,
    };
    assert_eq!(
        earn(&receipt(&[("a", 333)], 0), &programme, &Circumstances::default())
            .unwrap()
            .points,
        4
    );
}

#[test]
fn an_amount_beyond_all_limits_is_an_error_and_not_a_wrap() {
    let mut programme = programme();
    programme.earning = EarningRate {
        points: 1_000_000,
        per_minor: 1,
    };
    assert_eq!(
        earn(&receipt(&[("a", i64::MAX)], 0), &programme, &Circumstances::default()),
        Err(OutOfRange)
    );
}

fn rule(id: &str, when: &str, effect: Effect) -> EarningRule {
    EarningRule {
        id: id.to_owned(),
        name: id.to_owned(),
        when: (!when.is_empty()).then(|| When::compile(when).unwrap()),
        from: None,
        until: None,
        effect,
    }
}

fn with(rules: Vec<EarningRule>) -> Programme {
    Programme { rules, ..programme() }
}

const fn times(percent: u32) -> Effect {
    Effect::Multiply { percent }
}

const fn bonus(points: i64) -> Effect {
    Effect::Bonus {
        points,
        per: Per::Receipt,
    }
}

fn points(receipt: &Receipt, programme: &Programme, known: &Circumstances) -> i64 {
    earn(receipt, programme, known).unwrap().points
}

fn customer(first_purchase: bool, segments: &[&str]) -> Circumstances {
    Circumstances {
        channel: Some(LocationKind::Shop),
        customer: Some(CustomerFacts {
            first_purchase,
            segments: segments.iter().map(|segment| (*segment).to_owned()).collect(),
        }),
        day_left: None,
    }
}

/// One line of CHF 100 of group `paper` and brand `Caran` at 8.1 %, Sunday 2026-11-22, 17:05 in Zurich, branch B07.
fn sunday() -> Receipt {
    let mut receipt = receipt(&[("paper", 10_000)], 0);
    receipt.lines[0].brand = Some("Caran".to_owned());
    receipt.lines[0].vat_rate_bp = Some(810);
    receipt.time = Some("2026-11-22T16:05:00Z".parse().unwrap());
    receipt
}

#[test]
fn l3_every_field_of_the_context_can_decide() {
    let unknown = Circumstances::default();
    let buyer = customer(false, &["vip"]);
    for (when, known, holds) in [
        (r#"line.group == "paper""#, &unknown, true),
        (r#"line.group == "pens""#, &unknown, false),
        (r#"line.brand in ["Caran", "Lamy"]"#, &unknown, true),
        (r#"line.sku.startsWith("1") && line.amount >= 10000"#, &unknown, true),
        ("line.quantity == 1000 && line.vat_rate == 810", &unknown, true),
        (r#"receipt.store == "B07" && receipt.till == "3""#, &unknown, true),
        (r#"receipt.channel == "shop""#, &unknown, false),
        (r#"receipt.channel == "shop""#, &buyer, true),
        (r#"receipt.date >= "2026-11-22" && receipt.day == 22"#, &unknown, true),
        ("receipt.weekday == 7 && receipt.month == 11", &unknown, true),
        (r#"receipt.time >= "17:00" && receipt.time < "18:00""#, &unknown, true),
        ("receipt.total > 10000", &unknown, false),
        ("customer.known", &unknown, false),
        ("customer.known && !customer.first_purchase", &buyer, true),
        ("customer.first_purchase", &customer(true, &[]), true),
        (r#""vip" in customer.segments"#, &buyer, true),
        (r#""vip" in customer.segments"#, &unknown, false),
    ] {
        let programme = with(vec![rule("r", when, times(300))]);
        let earned = points(&sunday(), &programme, known);
        assert_eq!(earned, if holds { 300 } else { 100 }, "{when}");
    }
}

#[test]
fn l3_a_rule_applies_on_its_days_only() {
    let mut dated = rule("week", "", times(200));
    for (from, until, earned) in [
        (None, None, 200),
        (Some("2026-11-22"), Some("2026-11-22"), 200),
        (Some("2026-11-23"), None, 100),
        (None, Some("2026-11-21"), 100),
    ] {
        dated.from = from.map(|day: &str| day.parse().unwrap());
        dated.until = until.map(|day: &str| day.parse().unwrap());
        let programme = with(vec![dated.clone()]);
        assert_eq!(points(&sunday(), &programme, &Circumstances::default()), earned);
    }
}

#[test]
fn multipliers_of_one_line_count_by_the_greatest_or_by_their_sum() {
    let mut programme = with(vec![
        rule("a", "", times(200)),
        rule("b", "", times(300)),
        rule("c", "", times(50)),
    ]);
    assert_eq!(points(&sunday(), &programme, &Circumstances::default()), 300);
    programme.stacking = Stacking::Add;
    // 100 + 100 + 200 - 50.
    assert_eq!(points(&sunday(), &programme, &Circumstances::default()), 350);
    programme.rules = vec![rule("a", "", times(0)), rule("b", "", times(20))];
    assert_eq!(points(&sunday(), &programme, &Circumstances::default()), 0);
    let half = with(vec![rule("half", "", times(50))]);
    assert_eq!(points(&sunday(), &half, &Circumstances::default()), 50);
}

#[test]
fn the_voucher_paid_part_weighs_on_all_lines_alike_and_the_floor_comes_last() {
    let programme = with(vec![rule("paper", r#"line.group == "paper""#, times(300))]);
    let bought = receipt(&[("paper", 5_050), ("pens", 5_050)], 1_000);
    let earned = earn(&bought, &programme, &Circumstances::default()).unwrap();
    // (3 × 50.50 + 50.50) × 91 ÷ 101 = 182 exactly.
    assert_eq!((earned.base_minor, earned.points), (9_100, 182));
    assert_eq!((earned.rounding.numerator, earned.rounding.denominator), (182, 1));
    assert_eq!(earned.lines[0].rules, ["paper"]);
    assert_eq!((earned.lines[0].percent, earned.lines[1].percent), (300, 100));
}

#[test]
fn a_bonus_needs_a_line_that_counts_and_fits() {
    let programme = with(vec![
        rule("first", "customer.first_purchase", bonus(500)),
        rule("pens", r#"line.group == "pens""#, bonus(50)),
        rule("big", "receipt.total >= 10000", bonus(7)),
    ]);
    let known = customer(true, &[]);
    let earned = earn(&sunday(), &programme, &known).unwrap();
    assert_eq!((earned.base_points, earned.points), (100, 607));
    assert_eq!(earned.bonuses.len(), 2);
    // Gift cards and what vouchers paid for earn nothing, and no bonus either.
    assert_eq!(points(&receipt(&[("gift_card", 10_000)], 0), &programme, &known), 0);
    assert_eq!(points(&receipt(&[("pens", 10_000)], 10_000), &programme, &known), 0);
}

#[test]
fn a_bonus_per_piece_counts_whole_pieces() {
    let each = Effect::Bonus {
        points: 20,
        per: Per::Piece,
    };
    let programme = with(vec![rule("pens", r#"line.group == "pens""#, each)]);
    let mut bought = receipt(&[("pens", 1_000), ("pens", 1_000), ("paper", 1_000)], 0);
    bought.lines[0].quantity_milli = 2_500;
    bought.lines[1].quantity_milli = 700;
    // 3.2 pieces are three.
    assert_eq!(points(&bought, &programme, &Circumstances::default()), 30 + 60);
    // A line that is excluded, or of which nothing is left, is no piece.
    let everything = with(vec![rule("any", "", each)]);
    let mut mixed = receipt(&[("pens", 1_000), ("gift_card", 1_000), ("paper", 0)], 0);
    mixed.lines[2].quantity_milli = 5_000;
    assert_eq!(points(&mixed, &everything, &Circumstances::default()), 10 + 20);
}

#[test]
fn net_points_are_for_the_amount_without_vat() {
    let mut programme = programme();
    programme.basis = Basis::Net;
    let mut bought = receipt(&[("a", 10_810), ("b", 2_565), ("c", 1_000)], 0);
    for (line, rate) in bought.lines.iter_mut().zip([Some(810), Some(260), None]) {
        line.vat_rate_bp = rate;
    }
    let earned = earn(&bought, &programme, &Circumstances::default()).unwrap();
    // 108.10 ÷ 1.081 = 100; 25.65 ÷ 1.026 = 25; no rate: 10.
    let bases: Vec<_> = earned.lines.iter().map(|line| line.base_minor).collect();
    assert_eq!(bases, [10_000, 2_500, 1_000]);
    assert_eq!((earned.eligible_minor, earned.points), (13_500, 135));
    // A fifth of the gross amount is paid with a voucher: a fifth of the net base goes.
    bought.payments[0].amount_minor = 2_875;
    let earned = earn(&bought, &programme, &Circumstances::default()).unwrap();
    assert_eq!((earned.base_minor, earned.points), (10_800, 108));
}

#[test]
fn the_tighter_cap_decides_and_says_so() {
    let mut programme = programme();
    programme.caps.receipt = Some(80);
    let mut known = Circumstances::default();
    let earned = |programme: &Programme, known: &Circumstances| {
        let earned = earn(&sunday(), programme, known).unwrap();
        (earned.points, earned.capped)
    };
    assert_eq!(earned(&programme, &known), (80, Some(Capped::Receipt)));
    known.day_left = Some(30);
    assert_eq!(earned(&programme, &known), (30, Some(Capped::Day)));
    known.day_left = Some(0);
    assert_eq!(earned(&programme, &known), (0, Some(Capped::Day)));
    known.day_left = Some(100);
    programme.caps.receipt = None;
    assert_eq!(earned(&programme, &known), (100, None));
}

#[test]
fn goods_without_their_receipt_are_worth_the_base_rate() {
    let mut programme = with(vec![
        rule("triple", "", times(300)),
        rule("gift", "", bonus(500)),
        rule("no-caran", r#"line.brand == "Caran""#, Effect::Exclude),
    ]);
    let mut back = receipt(&[("paper", 10_000), ("paper", 5_000)], 0);
    back.lines[1].brand = Some("Caran".to_owned());
    programme.caps.receipt = Some(10);
    let earned = earn_simple(&back, &programme, &Circumstances::default()).unwrap();
    assert_eq!(earned.points, 100);
    assert_eq!(earned.lines[1].reason, LineReason::ExcludedByRule);
    assert_eq!(earned.lines[1].rules, ["no-caran"]);
}

#[test]
fn a_condition_that_overflows_does_not_apply_and_is_named() {
    let programme = with(vec![rule("mad", "line.amount * 9223372036854775807 > 0", times(300))]);
    let earned = earn(&sunday(), &programme, &Circumstances::default()).unwrap();
    assert_eq!((earned.points, earned.not_evaluated), (100, vec!["mad".to_owned()]));
}

#[test]
fn a_rule_that_cannot_be_saved_says_where_and_why() {
    let flaws = When::compile("line.colour == 1").unwrap_err();
    assert_eq!((flaws[0].at, flaws[0].code), (0, conditions::Code::UnknownName));
    assert_eq!(
        When::compile("line.amount == \"1\"").unwrap_err()[0].code,
        conditions::Code::WrongType
    );
    let long = [r#"customer.segments.exists(s, s == "a" || s == "b" || s == "c")"#; 12].join(" || ");
    assert_eq!(When::compile(&long).unwrap_err()[0].code, conditions::Code::TooCostly);

    let mut bad = rule("Bad Id", "", times(10_001));
    bad.from = Some("2026-11-22".parse().unwrap());
    bad.until = Some("2026-11-21".parse().unwrap());
    let mut programme = with(vec![rule("a", "", bonus(0)), rule("a", "", Effect::Exclude), bad]);
    programme.caps.day = Some(0);
    let found = programme.violations();
    let pointers: Vec<_> = found.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/rules/0/effect/points",
            "/rules/1/id",
            "/rules/2/id",
            "/rules/2/until",
            "/rules/2/effect/percent",
            "/caps/day"
        ]
    );
}

#[test]
fn a_programme_with_rules_is_stored_as_data_and_read_again() {
    let mut programme = with(vec![
        rule("vip", r#""vip" in customer.segments"#, times(200)),
        rule("plus", "", bonus(5)),
    ]);
    programme.caps.day = Some(1_000);
    let text = serde_json::to_string(&programme).unwrap();
    assert_eq!(serde_json::from_str::<Programme>(&text).unwrap(), programme);
    assert!(serde_json::from_str::<Programme>(&text.replace("customer.segments", "customer.segmentz")).is_err());
}

#[test]
fn x9_bonuses_of_lines_that_count_with_nothing_have_the_vat_classes_of_those_lines() {
    let programme = with(vec![rule("nothing", "", times(0)), rule("gift", "", bonus(50))]);
    let mut bought = receipt(&[("a", 1_000)], 0);
    bought.lines[0].vat_rate_bp = Some(810);
    let earned = earn(&bought, &programme, &Circumstances::default()).unwrap();
    let shares = vat_split(&bought, &earned, earned.points).unwrap();
    assert_eq!((earned.points, shares.len()), (50, 1));
    assert_eq!((shares[0].rate_bp, shares[0].points), (Some(810), 50));
}

#[test]
fn ids_of_rules_and_their_number_are_bounded() {
    let of = |ids: Vec<String>| {
        let rules: Vec<_> = ids.iter().map(|id| rule(id, "", times(200))).collect();
        let found = rule::violations(&rules, Caps::default());
        found.into_iter().map(|violation| violation.code).collect::<Vec<_>>()
    };
    assert_eq!(of(vec!["a-b".into(), "a_b".into(), "a1".into()]), Vec::<&str>::new());
    assert_eq!(of(vec!["a.b".into()]).len(), 1);
    let numbered = |count: usize| (0..count).map(|number| format!("r{number}")).collect::<Vec<_>>();
    assert_eq!(of(numbered(50)), Vec::<&str>::new());
    assert_eq!(of(numbered(51)), ["rules_count"]);
}

#[test]
fn a_condition_that_is_refused_says_every_flaw() {
    let flaws = When::compile("receipt.totl > 1 && receipt.dat == 1").unwrap_err();
    assert_eq!(flaws.len(), 2);
    let text = rule::InvalidWhen(flaws.clone()).to_string();
    assert_eq!(text, format!("{}; {}", flaws[0], flaws[1]));
}

#[test]
fn a_condition_may_cost_as_much_as_is_allowed_and_no_more() {
    let mut most = 0;
    for (segments, days) in (10..24).flat_map(|segments| (1..20).map(move |days| (segments, days))) {
        let mut parts = vec![r#""a" in customer.segments"#; segments];
        parts.extend(vec!["receipt.day==1"; days]);
        let source = parts.join("&&");
        let cost = conditions::Condition::compile(&source, &context::SCHEMA)
            .unwrap()
            .cost();
        let allowed = cost <= rule::RULE_COST_MAX;
        assert_eq!(When::compile(&source).is_ok(), allowed, "{cost} steps");
        most = most.max(if allowed { cost } else { 0 });
    }
    assert_eq!(most, rule::RULE_COST_MAX, "no condition at the limit was tried");
}
