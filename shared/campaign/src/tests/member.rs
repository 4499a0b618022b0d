use super::*;
use std::ops::RangeInclusive;

fn out(reason: Reason) -> Decision {
    Decision::Out { reason }
}

const IN: Decision = Decision::In { vouchers: 1 };

/// Somebody with a birthday on 9 November whose revenue is exactly the floor.
fn celebrating() -> Subject {
    let mut subject = member();
    subject.birth_date = Some(day("1980-11-09"));
    subject.activity.revenue_by_month = vec![50_000];
    subject
}

fn due_now() -> RangeInclusive<NaiveDate> {
    due(day("2026-11-02"), &zurich(), &lead()).unwrap()
}

#[test]
fn x15_reasons_are_looked_at_in_their_order_and_the_first_counts() {
    // Everything speaks against this member; each step takes the first reason away.
    let mut campaign = birthday_campaign();
    campaign.segment = Some("9223372036854775807 + points.balance < 0 || points.balance == 3".to_owned());
    campaign.rfmr_minimum = Some(10);
    campaign.one_per_household = true;
    campaign.budget_minor = Some(1_000);
    campaign.control_per_cent = 0;
    let due = RangeInclusive::new(day("2026-11-09"), day("2026-11-09"));
    let served = ["2026".to_owned()];
    let mut subject = member();
    subject.points_balance = 1;
    subject.consents.letter = Consent::Withdrawn;
    let mut now = Circumstances {
        closed: true,
        due: Some(&due),
        address: Address::Missing,
        no_vouchers: true,
        served: &served,
        household_served: true,
        budget_left_minor: Some(999),
        ..plain()
    };
    let mut found = Vec::new();
    let mut look = |subject: &Subject, now: &Circumstances<'_>| {
        let Decision::Out { reason } = decided(&campaign, subject, now) else {
            panic!("in")
        };
        found.push(reason);
    };
    look(&subject, &now);
    now.closed = false;
    look(&subject, &now);
    subject.birth_date = Some(day("2020-11-09"));
    look(&subject, &now);
    subject.birth_date = Some(day("1980-11-09"));
    look(&subject, &now);
    subject.points_balance = 0;
    look(&subject, &now);
    subject.points_balance = 3;
    subject.activity.revenue_by_month = vec![49_999];
    look(&subject, &now);
    subject.activity.revenue_by_month = vec![50_000];
    look(&subject, &now);
    now.no_vouchers = false;
    look(&subject, &now);
    subject.consents.letter = Consent::None;
    look(&subject, &now);
    now.address = Address::Blocked;
    look(&subject, &now);
    now.address = Address::Deliverable;
    look(&subject, &now);
    now.served = &[];
    look(&subject, &now);
    now.household_served = false;
    look(&subject, &now);
    subject.rfmr_score = Some(10);
    look(&subject, &now);
    now.budget_left_minor = Some(1_000);
    assert_eq!(decided(&campaign, &subject, &now), IN);
    // The segment has no answer first, and then none that holds: the same place in the order.
    let mut expected = Reason::ALL.to_vec();
    expected.swap(3, 4);
    // A birthday costs no points.
    expected.retain(|reason| *reason != Reason::TooFewPoints);
    assert_eq!(found, expected);
}

#[test]
fn n7_members_get_as_many_vouchers_as_they_have_points_for() {
    let mut campaign = bonus();
    campaign.voucher.cost_points = Some(100);
    campaign.voucher.per_member = 3;
    let with = |balance: i64, now: &Circumstances<'_>| {
        let mut subject = member();
        subject.points_balance = balance;
        decided(&campaign, &subject, now)
    };
    for (balance, vouchers) in [(100, 1), (299, 2), (300, 3), (100_000, 3)] {
        assert_eq!(with(balance, &plain()), Decision::In { vouchers }, "{balance}");
    }
    for balance in [99, 0, -100] {
        assert_eq!(with(balance, &plain()), out(Reason::TooFewPoints), "{balance}");
    }
    // It is looked at before what keeps a chosen member from a letter.
    let blacklisted = Circumstances {
        no_vouchers: true,
        ..plain()
    };
    assert_eq!(with(99, &blacklisted), out(Reason::TooFewPoints));
    assert_eq!(with(100, &blacklisted), out(Reason::Blacklisted));
}

#[test]
fn x15_reasons_are_named_as_they_are_stored() {
    for reason in Reason::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
    }
    let json = serde_json::to_string(&out(Reason::NoAddress)).unwrap();
    assert_eq!(json, r#"{"decision":"out","reason":"no_address"}"#);
}

#[test]
fn n8_only_customers_at_the_floor_or_over_it_within_the_window_are_picked() {
    let due = due_now();
    let now = Circumstances {
        due: Some(&due),
        ..plain()
    };
    let with = |revenue_by_month: Vec<i64>| {
        let mut subject = celebrating();
        subject.activity.revenue_by_month = revenue_by_month;
        decided(&birthday_campaign(), &subject, &now)
    };
    assert_eq!(with(vec![50_000]), IN);
    assert_eq!(with(vec![49_999]), out(Reason::BelowFloor));
    let mut months = vec![0; 13];
    months[11] = 50_000;
    assert_eq!(with(months.clone()), IN, "the twelfth month counts");
    months.swap(11, 12);
    assert_eq!(with(months), out(Reason::BelowFloor), "the thirteenth does not");
}

#[test]
fn n9_only_birthdays_of_the_days_file_are_served() {
    let due = due_now();
    assert_eq!(due, day("2026-11-09")..=day("2026-11-09"));
    let now = Circumstances {
        due: Some(&due),
        ..plain()
    };
    let born = |born: Option<&str>| {
        let mut subject = celebrating();
        subject.birth_date = born.map(day);
        decided(&birthday_campaign(), &subject, &now)
    };
    assert_eq!(born(Some("1980-11-09")), IN);
    assert_eq!(born(Some("1980-11-10")), out(Reason::NoBirthdayDue));
    assert_eq!(born(None), out(Reason::NoBirthdayDue));
    assert_eq!(
        born(Some("2010-11-09")),
        IN,
        "16 on the birthday, 15 on the day of the run"
    );
    assert_eq!(born(Some("2011-11-09")), out(Reason::ImplausibleBirthDate));
    assert_eq!(
        decided(&birthday_campaign(), &celebrating(), &plain()),
        out(Reason::NoBirthdayDue)
    );
}

#[test]
fn x14_one_birthday_voucher_a_year_also_after_a_merge_and_across_new_year() {
    let due = day("2026-12-31")..=day("2027-01-03");
    let with = |born: &str, served: &[&str]| {
        let served: Vec<String> = served.iter().map(|period| (*period).to_owned()).collect();
        let now = Circumstances {
            due: Some(&due),
            served: &served,
            ..plain()
        };
        let mut subject = celebrating();
        subject.birth_date = Some(day(born));
        decided(&birthday_campaign(), &subject, &now)
    };
    assert_eq!(with("1980-12-31", &["2026"]), out(Reason::AlreadyHadOne));
    assert_eq!(with("1980-12-31", &["2025"]), IN);
    assert_eq!(with("1980-01-02", &["2026"]), IN, "for the birthday of 2027");
    assert_eq!(with("1980-01-02", &["2026", "2027"]), out(Reason::AlreadyHadOne));
}

#[test]
fn n7_a_second_run_for_the_same_month_finds_everybody_served() {
    let served = [bonus().period(day("2026-12-01"))];
    let on = |run_day: &str| {
        let now = Circumstances {
            run_day: day(run_day),
            served: &served,
            ..plain()
        };
        decided(&bonus(), &member(), &now)
    };
    assert_eq!(on("2026-12-15"), out(Reason::AlreadyHadOne));
    assert_eq!(on("2027-01-01"), IN);
}

#[test]
fn l5_a_campaign_whose_vouchers_are_over_serves_nobody() {
    let mut campaign = individual();
    campaign.voucher.validity = Validity::Dates {
        from: day("2026-11-02"),
        until: day("2026-11-30"),
    };
    let on = |run_day: &str| {
        let now = Circumstances {
            run_day: day(run_day),
            ..plain()
        };
        decided(&campaign, &member(), &now)
    };
    assert_eq!((on("2026-11-30"), on("2026-12-01")), (IN, out(Reason::Ended)));
}

#[test]
fn x20_only_addresses_at_the_threshold_or_over_it_are_written_to() {
    let campaign = Campaign {
        rfmr_minimum: Some(0),
        ..individual()
    };
    let with = |rfmr_score| {
        let subject = Subject { rfmr_score, ..member() };
        decided(&campaign, &subject, &plain())
    };
    assert_eq!(with(Some(-1)), out(Reason::BelowRfmr));
    assert_eq!((with(Some(0)), with(None)), (IN, IN), "no score yet is 0");
}

#[test]
fn l5_a_household_is_served_once_only_where_the_campaign_says_so() {
    let now = Circumstances {
        household_served: true,
        ..plain()
    };
    assert_eq!(decided(&individual(), &member(), &now), IN);
    let campaign = Campaign {
        one_per_household: true,
        ..individual()
    };
    assert_eq!(decided(&campaign, &member(), &now), out(Reason::HouseholdServed));
}

#[test]
fn l5_each_member_gets_as_many_vouchers_as_the_template_says() {
    let mut campaign = individual();
    campaign.voucher.per_member = 3;
    assert_eq!(decided(&campaign, &member(), &plain()), Decision::In { vouchers: 3 });
    campaign.budget_minor = Some(100_000);
    let left = |left| Circumstances {
        budget_left_minor: Some(left),
        ..plain()
    };
    assert_eq!(
        decided(&campaign, &member(), &left(3_000)),
        Decision::In { vouchers: 3 }
    );
    assert_eq!(decided(&campaign, &member(), &left(2_999)), out(Reason::OverBudget));
}

#[test]
fn the_control_group_is_drawn_the_same_at_every_run_and_anew_for_each_period() {
    let mut campaign = bonus();
    campaign.control_per_cent = 20;
    let group = |campaign: &Campaign, period: &str| -> Vec<u32> {
        (0..10_000)
            .filter(|number| is_control(campaign, period, &party(*number)))
            .collect()
    };
    let december = group(&campaign, "2026-12");
    assert_eq!(december, group(&campaign, "2026-12"));
    // Five standard deviations of a fair draw.
    assert!((1_800..=2_200).contains(&december.len()), "{}", december.len());
    let below = (0..10_000).filter(|number| bucket("bonus", "2026-12", &party(*number)) < 2_000);
    assert_eq!(
        december,
        below.collect::<Vec<_>>(),
        "a hundred buckets for each per cent"
    );
    let january = group(&campaign, "2027-01");
    let both = january.iter().filter(|number| december.contains(number)).count();
    assert!(
        (300..=500).contains(&both),
        "{both}: the same share of those drawn before"
    );
    campaign.control_per_cent = 10;
    let smaller = group(&campaign, "2026-12");
    assert!(
        smaller.iter().all(|number| december.contains(number)),
        "a larger group holds the smaller"
    );
}

#[test]
fn the_control_group_is_drawn_from_those_who_would_get_a_letter() {
    let mut campaign = individual();
    campaign.control_per_cent = 50;
    campaign.budget_minor = Some(1_000);
    let number = (0..100)
        .find(|number| is_control(&campaign, "once", &party(*number)))
        .unwrap();
    let subject = Subject::person(party(number));
    let spent = Circumstances {
        budget_left_minor: Some(0),
        ..plain()
    };
    assert_eq!(decided(&campaign, &subject, &spent), Decision::Control);
    let unreachable = Circumstances {
        address: Address::Missing,
        ..plain()
    };
    assert_eq!(decided(&campaign, &subject, &unreachable), out(Reason::NoAddress));
}

#[test]
fn a_bucket_is_a_known_number() {
    // printf %s 00000000-0000-4000-8000-000000000001 | openssl dgst -sha256 -hmac 'bonus~2026-12', first 16 digits mod 10000.
    assert_eq!(bucket("bonus", "2026-12", &party(1)), 4257);
    assert_ne!(
        bucket("bonus", "2026-12", &party(1)),
        bucket("bonus", "2027-01", &party(1))
    );
    assert!((0..1_000).all(|number| bucket("bonus", "2026-12", &party(number)) < BUCKETS));
}
