use chrono::NaiveDate;

use super::super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// What the usual rules do, as words.
fn done(reason: Reason, standing: Standing, earlier: &[&str]) -> Vec<&'static str> {
    let earlier: Vec<NaiveDate> = earlier.iter().map(|text| day(text)).collect();
    let effects = effects(&EffectRules::default(), reason, standing, day("2026-12-09"), &earlier);
    let words = effects.iter().map(|effect| match effect {
        Effect::BlockAddress => "block",
        Effect::OpenTask { queue, .. } if queue == "companies" => "company task",
        Effect::OpenTask { .. } => "task",
        Effect::NewAddress => "new",
        Effect::EndAddress => "end",
        Effect::Deceased => "deceased",
        Effect::ObjectionCandidate => "objection?",
    });
    words.collect()
}

#[test]
fn p4_each_reason_does_what_the_usual_rules_say() {
    for (reason, expected) in [
        (Reason::MovedNewAddress, vec!["new", "end"]),
        (Reason::MovedUnknown, vec!["block", "task"]),
        (Reason::UnknownAtAddress, vec!["block", "task"]),
        (Reason::AddressIncomplete, vec!["task"]),
        (Reason::NoSuchAddress, vec!["block", "task"]),
        (Reason::Refused, vec!["objection?"]),
        (Reason::NotCollected, vec![]),
        (Reason::Deceased, vec!["deceased", "task"]),
        (Reason::CompanyGone, vec!["company task"]),
        (Reason::ForwardingExpired, vec!["block", "task"]),
        (Reason::Other, vec!["task"]),
    ] {
        assert_eq!(done(reason, Standing::Current, &[]), expected, "{reason:?}");
    }
}

#[test]
fn x13_a_return_on_a_replaced_address_touches_no_address_and_still_tells_about_the_addressee() {
    for (reason, expected) in [
        (Reason::MovedNewAddress, vec![]),
        (Reason::MovedUnknown, vec![]),
        (Reason::UnknownAtAddress, vec![]),
        (Reason::AddressIncomplete, vec![]),
        (Reason::NotCollected, vec![]),
        (Reason::Refused, vec!["objection?"]),
        (Reason::Deceased, vec!["deceased", "task"]),
        (Reason::CompanyGone, vec!["company task"]),
    ] {
        // Not even with earlier returns.
        assert_eq!(
            done(reason, Standing::Replaced, &["2026-12-01"]),
            expected,
            "{reason:?}"
        );
    }
}

#[test]
fn p4_a_second_return_of_the_same_address_within_the_months_blocks_it() {
    let blocks = |earlier: &[&str]| done(Reason::NotCollected, Standing::Current, earlier) == ["block"];
    assert!(blocks(&["2025-12-09"]) && blocks(&["2026-12-09"]) && blocks(&["2020-01-01", "2026-06-01"]));
    assert!(!blocks(&[]) && !blocks(&["2025-12-08"]) && !blocks(&["2026-12-10"]));
    // A block is set once, and an address that ends needs none.
    assert_eq!(
        done(Reason::MovedUnknown, Standing::Current, &["2026-12-01"]),
        ["block", "task"]
    );
    assert_eq!(
        done(Reason::MovedNewAddress, Standing::Current, &["2026-12-01"]),
        ["new", "end"]
    );
    let never = EffectRules {
        second_return_months: 0,
        ..EffectRules::default()
    };
    let today = day("2026-12-09");
    assert_eq!(
        effects(&never, Reason::NotCollected, Standing::Current, today, &[today]),
        []
    );
}

#[test]
fn p4_every_wrong_field_of_the_rules_is_named() {
    let task = |queue: &str, title: &str, due_days| Effect::OpenTask {
        queue: queue.to_owned(),
        title: title.to_owned(),
        due_days,
    };
    let found = |change: &dyn Fn(&mut EffectRules)| {
        let mut rules = EffectRules::default();
        change(&mut rules);
        let found = rules.violations("/rules").into_iter();
        found.map(|v| format!("{} {}", v.pointer, v.code)).collect::<Vec<_>>()
    };
    let refused =
        |effects: Vec<Effect>| found(&move |rules| drop(rules.reasons.insert(Reason::Refused, effects.clone())));
    assert_eq!(found(&|_| ()), Vec::<String>::new());
    assert_eq!(
        found(&|r| r.second_return_months = 61),
        ["/rules/second_return_months out_of_range"]
    );
    assert_eq!(
        found(&|r| drop(r.reasons.remove(&Reason::Other))),
        ["/rules/reasons/other missing"]
    );
    assert_eq!(
        refused(vec![Effect::EndAddress; 6]),
        ["/rules/reasons/refused effects_count"]
    );
    assert_eq!(
        refused(vec![Effect::EndAddress; 2]),
        ["/rules/reasons/refused/1 not_unique"]
    );
    assert_eq!(
        refused(vec![Effect::NewAddress]),
        ["/rules/reasons/refused/0 not_applicable"]
    );
    assert_eq!(
        refused(vec![task("Post", "", Some(3_651))]),
        [
            "/rules/reasons/refused/0/queue malformed",
            "/rules/reasons/refused/0/title out_of_range",
            "/rules/reasons/refused/0/due_days out_of_range"
        ]
    );
}

#[test]
fn p4_every_wrong_field_of_a_carriers_table_is_named() {
    let code = |code: &str| CarrierCode {
        code: code.to_owned(),
        reason: Reason::Other,
    };
    let found = |carrier: &str, codes: &[&str]| {
        let map = CarrierMap {
            carrier: carrier.to_owned(),
            codes: codes.iter().map(|c| code(c)).collect(),
            file: CarrierFile::default(),
        };
        map.violations("")
            .into_iter()
            .map(|v| format!("{} {}", v.pointer, v.code))
            .collect::<Vec<_>>()
    };
    assert_eq!(CarrierMap::internal().violations(""), []);
    assert_eq!(found("post-ch", &["10", "2A"]), Vec::<String>::new());
    assert_eq!(found("Die Post", &[]), ["/carrier malformed", "/codes codes_count"]);
    assert_eq!(
        found("p", &["1", " 2", "", "1"]),
        [
            "/codes/1/code malformed",
            "/codes/2/code malformed",
            "/codes/3/code not_unique"
        ]
    );
    assert_eq!(found("p", &[&"x".repeat(41)]), ["/codes/0/code malformed"]);
}

#[test]
fn rules_and_tables_are_plain_json() {
    let rules = EffectRules::default();
    let json = serde_json::to_string(&rules).unwrap();
    assert!(json.contains(r#""refused":[{"do":"objection_candidate"}]"#), "{json}");
    assert_eq!(serde_json::from_str::<EffectRules>(&json).unwrap(), rules);
    for reason in Reason::ALL {
        assert_eq!(reason.as_str().parse(), Ok(reason));
        assert_eq!(
            serde_json::to_string(&reason).unwrap(),
            format!("\"{}\"", reason.as_str())
        );
    }
    let table = r#"{"carrier":"post-ch","codes":[{"code":"10","reason":"moved_unknown"}]}"#;
    assert_eq!(
        serde_json::from_str::<CarrierMap>(table).unwrap().reason("10"),
        Some(Reason::MovedUnknown)
    );
    assert!(serde_json::from_str::<CarrierMap>(&table.replace("moved_unknown", "MOVED")).is_err());
}
