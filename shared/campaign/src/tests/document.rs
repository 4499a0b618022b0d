use super::*;

#[test]
fn l5_a_campaign_is_read_from_json_and_nothing_unknown_is_passed_over() {
    let json = serde_json::json!({
        "id": "autumn-2026",
        "name": "Autumn",
        "programme": "treue",
        "kind": {"type": "individual"},
        "segment": "activity.revenue_minor_12m >= 50000",
        "voucher": {
            "worth": {"type": "per_cent", "per_cent": 10, "max_discount_minor": 5000},
            "validity": {"type": "dates", "from": "2026-11-09", "until": "2026-12-31"},
            "groups": ["yarn"],
            "channels": ["shop"],
            "locations": ["B07"],
            "bearer": "personal",
            "consideration": "free",
            "vat_kind": "value"
        },
        "texts": {"de": "{salutation}: {value}", "fr": "{salutation} : {value}"},
        "letter_variant": "a4-autumn",
        "enclosure": "catalogue-2026",
        "letter_cost": {"printing_minor": 35, "postage_minor": 53},
        "schedule": {"type": "once", "on": "2026-11-02"}
    });
    let campaign: Campaign = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(campaign.violations(), []);
    assert_eq!(campaign.voucher.per_member, 1);
    let again: Campaign = serde_json::from_value(serde_json::to_value(&campaign).unwrap()).unwrap();
    assert_eq!(again, campaign);
    for place in [
        "",
        "/kind",
        "/voucher",
        "/voucher/worth",
        "/voucher/validity",
        "/texts",
        "/letter_cost",
        "/schedule",
    ] {
        let mut wrong = json.clone();
        let object = wrong.pointer_mut(place).unwrap().as_object_mut().unwrap();
        object.insert("budget".to_owned(), 1.into());
        assert!(serde_json::from_value::<Campaign>(wrong).is_err(), "{place}");
    }
}

#[test]
fn l5_every_wrong_field_is_named_at_once() {
    let mut campaign = individual();
    campaign.id = "Autumn 2026".to_owned();
    campaign.name = "a\nb".to_owned();
    campaign.segment = Some("party.town == 1 && age > 3".to_owned());
    campaign.voucher.worth = Worth::PerCent {
        per_cent: 101,
        max_discount_minor: Some(0),
    };
    campaign.voucher.min_basket_minor = -1;
    campaign.voucher.validity = Validity::Days {
        after_start: 366,
        days: 0,
    };
    campaign.voucher.groups = vec![String::new(); 51];
    campaign.voucher.channels = vec![Channel::Shop; 2];
    campaign.voucher.locations = vec!["B 07".to_owned()];
    campaign.voucher.per_member = 11;
    campaign.texts.de = "x".repeat(1_001);
    campaign.letter_variant = String::new();
    campaign.enclosure = Some("A".to_owned());
    campaign.control_per_cent = 51;
    campaign.rfmr_minimum = Some(i64::MAX);
    campaign.letter_cost.postage_minor = -1;
    campaign.schedule = Schedule::Monthly { day: 29 };
    let mut pointers: Vec<_> = wrong(&campaign).into_iter().map(|(pointer, _)| pointer).collect();
    pointers.dedup();
    let groups: Vec<_> = (0..50).map(|index| format!("/voucher/groups/{index}")).collect();
    let expected: Vec<String> = ["/id", "/name", "/letter_variant", "/enclosure", "/texts/de", "/segment"]
        .into_iter()
        .chain(["/voucher/worth/per_cent", "/voucher/worth/max_discount_minor"])
        .chain([
            "/voucher/min_basket_minor",
            "/voucher/validity/after_start",
            "/voucher/validity/days",
        ])
        .chain(["/voucher/groups"])
        .chain(groups.iter().map(String::as_str))
        .chain(["/voucher/channels", "/voucher/locations/0", "/voucher/per_member"])
        .chain([
            "/control_per_cent",
            "/rfmr_minimum",
            "/letter_cost/postage_minor",
            "/schedule/day",
        ])
        .map(str::to_owned)
        .collect();
    assert_eq!(pointers, expected);
}

#[test]
fn n10_a_segment_that_does_not_type_check_or_costs_too_much_is_refused() {
    let with = |segment: &str| {
        let segment = Some(segment.to_owned());
        wrong(&Campaign {
            segment,
            ..individual()
        })
    };
    assert_eq!(with("activity.revenue_minor_12m >= 50000"), []);
    assert_eq!(with("party.age == \"42\""), [("/segment".to_owned(), "wrong_type")]);
    assert_eq!(
        with("party.town == \"Bern\""),
        [("/segment".to_owned(), "unknown_name")]
    );
    let dear = r#"party.roles.exists(r, r in ["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p"])"#;
    assert_eq!(with(dear), [("/segment".to_owned(), "too_costly")]);
    assert_eq!(individual().compile().unwrap(), individual().compile().unwrap());
    let refused = Campaign {
        segment: Some("1".to_owned()),
        ..individual()
    };
    assert!(refused.compile().is_err());
}

fn with_validity(campaign: Campaign, consideration: Consideration, validity: Validity) -> Vec<(String, &'static str)> {
    wrong(&Campaign {
        voucher: VoucherTemplate {
            consideration,
            validity,
            ..campaign.voucher.clone()
        },
        ..campaign
    })
}

fn dates(from: &str, until: &str) -> Validity {
    Validity::Dates {
        from: day(from),
        until: day(until),
    }
}

fn days(after_start: u32, days: u32) -> Validity {
    Validity::Days { after_start, days }
}

#[test]
fn l5_a_voucher_that_can_never_be_redeemed_is_refused() {
    let free = |validity| with_validity(individual(), Consideration::Free, validity);
    let late = |field: &str| [(format!("/voucher/validity/{field}"), "never_redeemable")];
    assert_eq!(
        free(dates("2026-11-01", "2026-11-05")),
        [],
        "the letter can arrive on the last day"
    );
    assert_eq!(free(dates("2026-11-01", "2026-11-04")), late("until"));
    assert_eq!(
        free(dates("2026-12-01", "2026-11-30")),
        late("until"),
        "ends before it begins"
    );
    let monthly = with_validity(bonus(), Consideration::Free, dates("2026-12-24", "2026-12-24"));
    assert_eq!(monthly, [], "one day is a validity");
    assert_eq!(free(days(0, 4)), []);
    assert_eq!(free(days(0, 3)), late("days"));
    let birthday = |validity| with_validity(birthday_campaign(), Consideration::Free, validity);
    assert_eq!(birthday(days(0, 8)), []);
    assert_eq!(birthday(days(0, 7)), late("days"), "five working days are a week");
}

#[test]
fn l5_a_paid_voucher_is_valid_for_five_years_at_least() {
    // Runs take no payment; whoever asks for paid vouchers hears of both.
    let paid = |validity| {
        let mut found = with_validity(individual(), Consideration::Paid, validity);
        let last = found.pop();
        assert_eq!(last, Some(("/voucher/consideration".to_owned(), "not_possible")));
        found
    };
    let short = |field: &str| [(format!("/voucher/validity/{field}"), "too_short")];
    assert_eq!(paid(dates("2026-11-01", "2031-10-31")), []);
    assert_eq!(paid(dates("2026-11-01", "2031-10-30")), short("until"));
    assert_eq!(paid(dates("2026-11-01", "2036-10-31")), []);
    let long = [("/voucher/validity/until".to_owned(), "out_of_range")];
    assert_eq!(paid(dates("2026-11-01", "2036-11-09")), long);
    assert_eq!(paid(days(0, 1_827)), []);
    assert_eq!(paid(days(0, 1_826)), short("days"));
}

#[test]
fn l5_nothing_is_paid_for_a_runs_vouchers_so_that_no_vat_is_due_when_they_are_issued() {
    let mut service = individual();
    service.voucher.vat_kind = VatKind::Service;
    assert_eq!(wrong(&service), [("/voucher/vat_kind".to_owned(), "not_possible")]);
}

#[test]
fn l5_only_an_amount_is_taken_in_parts() {
    let mut campaign = individual();
    campaign.voucher.partial = true;
    assert_eq!(wrong(&campaign), []);
    campaign.voucher.worth = Worth::PerCent {
        per_cent: 10,
        max_discount_minor: None,
    };
    assert_eq!(wrong(&campaign), [("/voucher/partial".to_owned(), "not_possible")]);
}

#[test]
fn n7_n8_bonuses_and_birthdays_are_given_away_on_their_own_schedule() {
    assert_eq!((wrong(&bonus()), wrong(&birthday_campaign())), (vec![], vec![]));
    let once = Schedule::Once { on: day("2026-11-02") };
    let monthly = Schedule::Monthly { day: 1 };
    let schedule = vec![("/schedule".to_owned(), "not_possible")];
    for (campaign, schedules) in [
        (bonus(), vec![once, Schedule::Daily {}]),
        (birthday_campaign(), vec![once, monthly]),
        (individual(), vec![Schedule::Daily {}]),
    ] {
        for other in schedules {
            let campaign = Campaign {
                schedule: other,
                ..campaign.clone()
            };
            assert_eq!(wrong(&campaign), schedule, "{:?} {other:?}", campaign.kind);
        }
    }
    for campaign in [bonus(), birthday_campaign()] {
        let found = with_validity(campaign, Consideration::Paid, days(0, 2_000));
        assert_eq!(found, [("/voucher/consideration".to_owned(), "not_possible")]);
    }
}

#[test]
fn n8_n9_floor_window_and_lead_have_bounds() {
    let with = |floor_minor, window_months, days| {
        let kind = Kind::Birthday {
            floor_minor,
            window_months,
            lead: Lead {
                printer_working_days: days,
                post_working_days: days,
                calendar: "zh".to_owned(),
            },
            leap_day: LeapDay::Mar1,
        };
        wrong(&Campaign {
            kind,
            ..birthday_campaign()
        })
    };
    assert_eq!(with(0, 36, 3), []);
    let pointers =
        |found: Vec<(String, &'static str)>| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    assert_eq!(pointers(with(-1, 37, 3)), ["/kind/floor_minor", "/kind/window_months"]);
    assert_eq!(pointers(with(0, 0, 3)), ["/kind/window_months"]);
    let lead = ["/kind/lead/printer_working_days", "/kind/lead/post_working_days"];
    assert_eq!(pointers(with(0, 1, 41))[..2], lead);
}

#[test]
fn x14_a_calendar_must_exist() {
    assert_eq!(birthday_campaign().calendar_violations(&built_in()), []);
    let found = birthday_campaign().calendar_violations(&[geneva()]);
    assert_eq!(found[0].pointer, "/kind/lead/calendar");
    assert_eq!(individual().calendar_violations(&[]), []);
}

#[test]
fn l5_a_budget_reaches_for_one_member_and_needs_a_limited_value() {
    let with = |budget, worth, per_member| {
        let mut campaign = individual();
        campaign.budget_minor = Some(budget);
        campaign.voucher.worth = worth;
        campaign.voucher.per_member = per_member;
        wrong(&campaign)
    };
    let amount = Worth::Amount { value_minor: 1_000 };
    assert_eq!(with(3_000, amount, 3), []);
    assert_eq!(with(2_999, amount, 3), [("/budget_minor".to_owned(), "out_of_range")]);
    let share = |max_discount_minor| Worth::PerCent {
        per_cent: 10,
        max_discount_minor,
    };
    assert_eq!(with(5_000, share(Some(5_000)), 1), []);
    let missing = [("/voucher/worth/max_discount_minor".to_owned(), "missing")];
    assert_eq!(with(5_000, share(None), 1), missing);
}

#[test]
fn l5_terms_are_counted_from_the_day_of_the_run() {
    let told = |validity, run_day: &str| {
        let mut campaign = individual();
        campaign.voucher.validity = validity;
        terms(&campaign, day(run_day)).map(|terms| (terms.valid_from.to_string(), terms.valid_until.to_string()))
    };
    let expected = ("2026-12-03".to_owned(), "2026-12-03".to_owned());
    assert_eq!(told(days(1, 1), "2026-12-02"), Ok(expected));
    let expected = ("2027-01-01".to_owned(), "2027-01-30".to_owned());
    assert_eq!(told(days(30, 30), "2026-12-02"), Ok(expected));
    let expected = ("2026-11-09".to_owned(), "2026-12-02".to_owned());
    assert_eq!(told(dates("2026-11-09", "2026-12-02"), "2026-12-02"), Ok(expected));
    let until = day("2026-12-01");
    assert_eq!(
        told(dates("2026-11-09", "2026-12-01"), "2026-12-02"),
        Err(Ended { until })
    );
}

#[test]
fn n7_points_pay_for_vouchers_of_an_amount_in_bonus_campaigns_only() {
    let with = |mut campaign: Campaign, points: i64| {
        campaign.voucher.cost_points = Some(points);
        wrong(&campaign)
    };
    assert_eq!(with(bonus(), 1), []);
    assert_eq!(with(bonus(), 1_000_000_000), []);
    let pointer = || "/voucher/cost_points".to_owned();
    for points in [0, -1, 1_000_000_001] {
        assert_eq!(with(bonus(), points), [(pointer(), "out_of_range")]);
    }
    assert_eq!(with(individual(), 100), [(pointer(), "not_possible")]);
    assert_eq!(with(birthday_campaign(), 100), [(pointer(), "not_possible")]);
    let mut share = bonus();
    share.voucher.worth = Worth::PerCent {
        per_cent: 10,
        max_discount_minor: None,
    };
    assert_eq!(with(share, 100), [(pointer(), "not_possible")]);
}
