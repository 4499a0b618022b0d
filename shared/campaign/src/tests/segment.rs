use std::collections::BTreeSet;

use conditions::Condition;

use super::activity::month;
use super::*;
use crate::segment::Facing;

const TODAY: &str = "2026-11-02";

fn holds(source: &str, subject: &Subject) -> bool {
    let condition = Condition::compile(source, &SCHEMA).unwrap();
    condition
        .holds(&Facing::new(subject, day(TODAY), &PLACEHOLDERS))
        .unwrap()
}

fn buyer(months: &[MonthSums], last: &str) -> Subject {
    Subject {
        activity: activity(months, Some(day(last)), day(TODAY), &["WEB"]).unwrap(),
        ..member()
    }
}

#[test]
fn n10_customers_of_a_branch_with_a_yearly_revenue_who_stayed_away_for_two_months() {
    let segment = r#""B07" in activity.stores_12m && activity.revenue_minor_12m >= 50000 && activity.receipts_2m == 0"#;
    let spring = |store: &str, revenue| month("2026-04", &[(store, 3, revenue)], &[]);
    let is_member = |months: &[MonthSums], last: &str| holds(segment, &buyer(months, last));
    assert!(is_member(&[spring("B07", 50_000)], "2026-04-30"));
    assert!(
        is_member(&[spring("B07", 10_000), spring("B01", 40_000)], "2026-04-30"),
        "mostly elsewhere"
    );
    assert!(!is_member(&[spring("B01", 50_000)], "2026-04-30"), "another branch");
    assert!(!is_member(&[spring("B07", 49_999)], "2026-04-30"), "too little revenue");
    let october = month("2026-10", &[("B01", 1, 500)], &[]);
    assert!(
        !is_member(&[spring("B07", 50_000), october], "2026-10-31"),
        "bought lately, elsewhere"
    );
    let sold_and_returned = month("2026-10", &[("B07", 1, 0)], &[]);
    assert!(!is_member(&[spring("B07", 50_000), sold_and_returned], "2026-10-05"));
    assert!(
        !is_member(&[month("2025-11", &[("B07", 3, 50_000)], &[])], "2025-11-30"),
        "a year ago"
    );
}

#[test]
fn n10_the_two_months_can_be_said_to_the_day() {
    let segment =
        r#""B07" in activity.stores_12m && activity.revenue_minor_12m >= 50000 && activity.days_since_last >= 61"#;
    let months = [month("2026-09", &[("B07", 3, 60_000)], &[])];
    assert!(holds(segment, &buyer(&months, "2026-09-02")));
    assert!(!holds(segment, &buyer(&months, "2026-09-03")));
}

#[test]
fn n11_women_who_prefer_the_shop_with_large_baskets_and_an_interest_in_a_group() {
    let segment = r#"activity.shop_share > 50 && activity.average_basket_minor_12m >= 8000 && party.gender == "female"
        && activity.groups_12m.exists(group, group in ["yarn", "fabric"])"#;
    let with = |gender: &str, online: i64, receipts: i64, group: &str| {
        let stores = [("WEB", receipts, online), ("B07", 1, 10_000)];
        let subject = buyer(&[month("2026-08", &stores, &[(group, online)])], "2026-08-20");
        Subject {
            gender: (!gender.is_empty()).then(|| gender.to_owned()),
            ..subject
        }
    };
    assert!(holds(segment, &with("female", 20_000, 1, "yarn")));
    assert!(
        !holds(segment, &with("female", 10_000, 1, "yarn")),
        "half is not preferably"
    );
    assert!(!holds(segment, &with("female", 20_000, 3, "yarn")), "small baskets");
    assert!(!holds(segment, &with("male", 20_000, 1, "yarn")));
    assert!(!holds(segment, &with("", 20_000, 1, "yarn")), "not known");
    assert!(!holds(segment, &with("female", 20_000, 1, "paper")), "another group");
}

#[test]
fn n10_n11_every_field_can_decide() {
    let mut subject = Subject {
        gender: Some("female".to_owned()),
        birth_date: Some(day("1984-02-29")),
        country: Some("CH".to_owned()),
        postcode: Some("8001".to_owned()),
        customer_type: Some("private".to_owned()),
        sales_channel: Some("branch".to_owned()),
        classifications: vec!["vip".to_owned()],
        roles: vec!["customer".to_owned()],
        lists: vec!["news".to_owned()],
        customer_since: Some(day("2026-10-23")),
        consents: Consents {
            letter: Consent::Granted,
            email: Consent::Withdrawn,
            ..Consents::default()
        },
        points_balance: 120,
        vouchers_open: 2,
        rfmr_score: Some(-3),
        ..buyer(
            &[
                month("2026-11", &[("WEB", 1, 300)], &[("yarn", 300)]),
                month("2026-10", &[("B07", 1, 100)], &[]),
                month("2026-09", &[("B07", 2, 100)], &[]),
                month("2025-12", &[("B07", 4, 100)], &[]),
                month("2025-11", &[("B07", 8, 100)], &[]),
                month("2020-11", &[("B07", 16, 100)], &[]),
            ],
            "2026-11-01",
        )
    };
    subject.consents.phone = Consent::None;
    let mut read = BTreeSet::new();
    for source in [
        r#"party.kind == "person""#,
        r#"party.gender == "female""#,
        r#"party.language == "de""#,
        r#"party.country == "CH""#,
        r#"party.postcode.startsWith("80")"#,
        "party.age == 42",
        "party.birth_month == 2",
        r#"party.customer_type == "private""#,
        r#"party.sales_channel == "branch""#,
        r#""vip" in party.classifications"#,
        r#""customer" in party.roles"#,
        r#""news" in party.lists"#,
        "party.customer_since_days == 10",
        r#"consent.letter == "granted""#,
        r#"consent.email == "withdrawn""#,
        r#"consent.sms == "none""#,
        r#"consent.phone == "none""#,
        "activity.revenue_minor_1m == 300",
        "activity.revenue_minor_2m == 400",
        "activity.revenue_minor_3m == 500",
        "activity.revenue_minor_12m == 600",
        "activity.revenue_minor_24m == 700",
        "activity.revenue_minor_lifetime == 800",
        "activity.receipts_1m == 1",
        "activity.receipts_2m == 2",
        "activity.receipts_3m == 4",
        "activity.receipts_12m == 8",
        "activity.receipts_24m == 16",
        "activity.receipts_lifetime == 32",
        "activity.days_since_last == 1",
        "activity.average_basket_minor_12m == 75",
        r#""B07" in activity.stores_12m"#,
        r#"activity.main_store == "B07""#,
        "activity.main_store_share == 50",
        "activity.shop_share == 50",
        r#""yarn" in activity.groups_12m"#,
        r#"activity.main_group == "yarn""#,
        "points.balance == 120",
        "vouchers.open == 2",
        "rfmr.score == -3",
    ] {
        assert!(holds(source, &subject), "{source}");
        read.extend(Condition::compile(source, &SCHEMA).unwrap().fields());
    }
    let all: BTreeSet<_> = SCHEMA.fields().iter().map(|field| field.name).collect();
    assert_eq!(read, all, "a field without a line above");
}

#[test]
fn what_is_not_known_reads_as_unset() {
    for field in [
        "party.gender",
        "party.country",
        "party.postcode",
        "party.age",
        "party.birth_month",
        "party.customer_type",
        "party.sales_channel",
        "party.customer_since_days",
        "activity.days_since_last",
        "activity.average_basket_minor_12m",
        "activity.main_store",
        "activity.main_store_share",
        "activity.shop_share",
        "activity.main_group",
        "rfmr.score",
    ] {
        assert!(holds(&format!("!has({field})"), &member()), "{field}");
    }
}

#[test]
fn x14_a_placeholder_gives_no_age() {
    let unknown = Subject {
        birth_date: Some(day("1970-01-01")),
        ..member()
    };
    assert!(holds("!has(party.age) && !has(party.birth_month)", &unknown));
}

#[test]
fn a_member_shows_no_personal_data_in_debug() {
    let subject = Subject {
        birth_date: Some(day("1984-02-29")),
        postcode: Some("8001".to_owned()),
        ..member()
    };
    let shown = format!("{subject:?}");
    assert!(!shown.contains("1984") && !shown.contains("8001"), "{shown}");
}
