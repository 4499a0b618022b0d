//! The document of a party through the function's boundary: every part is added, changed and ended, nothing is lost, and
//! nobody overwrites what they have not seen (B1, B3, B5, B8, C6, D3, D5).

mod support;

use futures::future::join_all;
use http_edge::Scope;
use serde_json::{Value, json};
use support::{Api, Table, assert_findings, assert_problem};

const SHOW: &str = "GET /v1/parties/{party_id}";
const PATCH: &str = "PATCH /v1/parties/{party_id}";
const CONTACTS: &str = "POST /v1/parties/{party_id}/contacts";
const CONTACT: &str = "PUT /v1/parties/{party_id}/contacts/{contact_id}";
const END_CONTACT: &str = "DELETE /v1/parties/{party_id}/contacts/{contact_id}";
const ROLE: &str = "PUT /v1/parties/{party_id}/roles/{role}";
const END_ROLE: &str = "DELETE /v1/parties/{party_id}/roles/{role}";
const CLASS: &str = "POST /v1/parties/{party_id}/classifications";
const END_CLASS: &str = "DELETE /v1/parties/{party_id}/classifications/{classification}";
const CONSENT: &str = "PUT /v1/parties/{party_id}/consents/{channel}";
const LIST: &str = "PUT /v1/parties/{party_id}/lists/{list}";
const IDENTIFIERS: &str = "POST /v1/parties/{party_id}/identifiers";
const END_IDENTIFIER: &str = "POST /v1/parties/{party_id}/identifiers/end";
const CHANGES: &str = "GET /v1/parties/{party_id}/changes";

impl Api {
    /// A call that works; its answer.
    async fn done(&self, route: &str, path: &[&str], body: Value) -> Value {
        let (status, answer) = self.call(route, path, body).await;
        assert!(matches!(status, 200 | 201), "{route}: {answer}");
        answer
    }

    async fn version(&self, id: &str) -> u64 {
        self.done(SHOW, &[id], Value::Null).await["version"].as_u64().unwrap()
    }
}

fn email(address: &str) -> Value {
    json!({"kind": "email", "email": address})
}

#[tokio::test]
async fn d3_nobody_overwrites_what_they_have_not_seen() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let rename = |name: &str| json!({"family_name": name});
    assert_problem(
        &api.call(PATCH, &[&id], rename("Keller")).await,
        428,
        "precondition_needed",
    );
    let seen = api.matching("\"1\"");
    let changed = seen.done(PATCH, &[&id], rename("Keller")).await;
    assert_eq!(
        (&changed["family_name"], &changed["version"]),
        (&json!("Keller"), &json!(2))
    );
    assert_eq!(changed["former_names"][0]["family_name"], "Meier");
    let late = seen.call(PATCH, &[&id], rename("Huber")).await;
    assert_problem(&late, 412, "version_mismatch");
    assert_eq!(late.1["current_version"], 2);
    let late = seen.call(CONTACTS, &[&id], email("a@example.ch")).await;
    assert_problem(&late, 412, "version_mismatch");
    for header in ["7", "\"x\"", "W/\"2\""] {
        let refused = api.matching(header).call(PATCH, &[&id], rename("X")).await;
        assert_problem(&refused, 400, "malformed_parameter");
    }
    assert_eq!(api.version(&id).await, 2);
    let anyway = api.matching("*").done(PATCH, &[&id], rename("Huber")).await;
    assert_eq!(anyway["version"], 3);
    assert_problem(
        &api.matching("*").call(PATCH, &["no-one"], rename("X")).await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn of_many_changes_at_once_each_is_kept() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let all = (0..6).map(|n| {
        let (api, id) = (api.clone(), id.clone());
        async move {
            for _ in 0..10 {
                let (status, answer) = api.call(CONTACTS, &[&id], email(&format!("{n}@example.ch"))).await;
                if status == 200 {
                    return;
                }
                assert_eq!(status, 503, "{answer}");
            }
            panic!("contact {n} was never added");
        }
    });
    join_all(all).await;
    let shown = api.done(SHOW, &[&id], Value::Null).await;
    assert_eq!(
        (shown["contacts"].as_array().unwrap().len(), &shown["version"]),
        (6, &json!(7))
    );
}

#[tokio::test]
async fn an_address_that_is_given_up_stays_as_history() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let postal = json!({
        "kind": "postal", "purposes": ["main"], "street": "Rue de l'Hôpital", "house_number": "7bis", "postcode": "2000",
        "town": "Neuchâtel",
    });
    let added = api.done(CONTACTS, &[&id], postal.clone()).await;
    assert_eq!(
        (&added["contact_id"], &added["party"]["version"]),
        (&json!("c1"), &json!(2))
    );
    assert_eq!(added["party"]["contacts"][0]["town"], "Neuchâtel");
    let again = api.done(CONTACTS, &[&id], postal.clone()).await;
    assert_eq!(again, added, "the same call again adds nothing");
    let mut moved = postal.clone();
    moved["street"] = json!("Hauptstrasse");
    assert_problem(
        &api.call(CONTACT, &[&id, "c1"], moved.clone()).await,
        428,
        "precondition_needed",
    );
    let moved = api.matching("\"2\"").done(CONTACT, &[&id, "c1"], moved).await;
    assert_eq!(moved["contact_id"], "c2");
    let contacts = &moved["party"]["contacts"];
    assert_eq!(
        (&contacts[0]["ended"], &contacts[1]["ended"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&contacts[0]["street"], &contacts[1]["street"]),
        (&json!("Rue de l'Hôpital"), &json!("Hauptstrasse"))
    );
    let route = format!("{END_CONTACT}?last_day=2026-12-31");
    let ends = api.done(&route, &[&id, "c2"], Value::Null).await;
    assert_eq!(
        (&ends["contacts"][1]["valid_until"], &ends["contacts"][1]["ended"]),
        (&json!("2026-12-31"), &json!(false))
    );
    let again = api.done(END_CONTACT, &[&id, "c1"], Value::Null).await;
    assert_eq!(again, ends, "what is history stays as it is");
    assert_problem(
        &api.call(END_CONTACT, &[&id, "c9"], Value::Null).await,
        404,
        "not_found",
    );
    assert_problem(
        &api.call(END_CONTACT, &[&id, "x"], Value::Null).await,
        400,
        "malformed_parameter",
    );
    let wrong = json!({"kind": "postal", "postcode": "80011", "town": "", "email": "x"});
    let expected = [
        ("/email", "not_of_this_kind"),
        ("/street", "missing"),
        ("/postcode", "postcode_malformed"),
        ("/town", "text_out_of_range"),
    ];
    assert_findings(&api.call(CONTACTS, &[&id], wrong).await, &expected);
}

#[tokio::test]
async fn roles_are_towards_a_party_and_dated() {
    let table = Table::start().await;
    let api = table.api();
    let (id, other) = (api.person("Meier").await, api.person("Huber").await);
    let own = api.done(ROLE, &[&id, "customer"], json!({"since": "2020-01-01"})).await;
    let own = own["roles"][0]["towards"].as_str().unwrap().to_owned();
    api.done(
        ROLE,
        &[&id, "employee"],
        json!({"towards": other, "because": "contract"}),
    )
    .await;
    let shown = api
        .matching("*")
        .done(
            ROLE,
            &[&id, "employee"],
            json!({"towards": other, "until": "2027-01-31"}),
        )
        .await;
    let roles = shown["roles"].as_array().unwrap();
    assert_eq!(roles.len(), 2, "one that stands is the one");
    assert_ne!(own, other);
    assert_eq!(
        (
            &roles[1]["towards"],
            &roles[1]["since"],
            &roles[1]["until"],
            &roles[1]["because"]
        ),
        (
            &json!(other),
            &json!("2026-11-23"),
            &json!("2027-01-31"),
            &json!("contract")
        )
    );
    let unknown = api.call(ROLE, &[&id, "employee"], json!({"towards": "no-one"})).await;
    assert_problem(&unknown, 422, "party_unknown");
    assert_problem(&api.call(ROLE, &[&id, "king"], json!({})).await, 404, "not_found");
    assert_problem(
        &api.call(END_ROLE, &[&id, "employee"], Value::Null).await,
        404,
        "not_found",
    );
    let ended = api.matching("*").done(END_ROLE, &[&id, "customer"], Value::Null).await;
    assert_eq!(
        (&ended["roles"][0]["ended"], &ended["roles"][0]["until"]),
        (&json!(true), &json!("2026-11-23"))
    );
}

#[tokio::test]
async fn c6_a_consent_with_double_opt_in_is_confirmed_with_a_proof_and_keeps_its_history() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let said = |state: &str, proof: Option<&str>| {
        let minute = ["pending", "granted", "withdrawn"]
            .iter()
            .position(|known| *known == state);
        let at = format!("2026-11-23T07:0{}:00Z", minute.unwrap_or(9));
        json!({"state": state, "at": at, "source": "shop", "text_version": "2026-1", "proof": proof})
    };
    for (route, name) in [(CONSENT, "email"), (LIST, "newsletter")] {
        let early = api.call(route, &[&id, name], said("granted", Some("link"))).await;
        assert_findings(&early, &[("/state", "not_confirmed")]);
        api.done(route, &[&id, name], said("pending", None)).await;
        api.done(route, &[&id, name], said("granted", Some("link 7"))).await;
        let shown = api.done(route, &[&id, name], said("withdrawn", None)).await;
        let part = if route == CONSENT { "consents" } else { "lists" };
        let entries = shown[part].as_array().unwrap();
        let states: Vec<_> = entries.iter().map(|entry| entry["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["pending", "granted", "withdrawn"]);
        assert_eq!(
            (&entries[1]["proof"], &entries[1]["source"]),
            (&json!("link 7"), &json!("shop"))
        );
        assert!(entries[1]["until"].is_string() && entries[2]["until"].is_null());
        assert_problem(
            &api.call(route, &[&id, "fax"], said("pending", None)).await,
            404,
            "not_found",
        );
    }
    let letter = api.done(CONSENT, &[&id, "letter"], said("granted", None)).await;
    assert_eq!(
        letter["consents"].as_array().unwrap().len(),
        4,
        "a letter needs no double opt-in"
    );
}

#[tokio::test]
async fn b8_a_classification_has_a_reason_and_dates_and_the_party_stays_a_customer() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    api.done(ROLE, &[&id, "customer"], json!({})).await;
    let body = json!({"classification": "blacklist", "reason": "Three open invoices", "until": "2027-03-31"});
    let shown = api.done(CLASS, &[&id], body).await;
    let class = &shown["classifications"][0];
    // The last day is over at midnight in Zurich, in summer time.
    assert_eq!(
        (&class["until"], &class["no_vouchers"]),
        (&json!("2027-03-31T22:00:00Z"), &json!(true))
    );
    assert_eq!(shown["roles"][0]["role"], "customer");
    let ended = api
        .matching("*")
        .done(END_CLASS, &[&id, "blacklist"], Value::Null)
        .await;
    assert_eq!(ended["classifications"][0]["until"], "2026-11-23T08:00:00Z");
    assert_eq!(api.done(END_CLASS, &[&id, "blacklist"], Value::Null).await, ended);
    assert_problem(&api.call(END_CLASS, &[&id, "vip"], Value::Null).await, 404, "not_found");
    let wrong = json!({"classification": "grey", "reason": "", "until": "2020-01-01"});
    let expected = [
        ("/classification", "type_unknown"),
        ("/reason", "text_out_of_range"),
        ("/until", "date_out_of_range"),
    ];
    assert_findings(&api.call(CLASS, &[&id], wrong).await, &expected);
}

#[tokio::test]
async fn a_contact_that_is_changed_keeps_what_is_not_said_and_null_takes_it_away() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let mut full = email("anna@example.ch");
    full["purposes"] = json!(["marketing"]);
    full["language"] = json!("it");
    full["valid_until"] = json!("2030-12-31");
    full["delivery"] = json!({"arrives": "undeliverable", "reason": "mailbox-full"});
    let added = api.done(CONTACTS, &[&id], full.clone()).await;
    // A late repeat adds none beside it and takes nothing away.
    assert_eq!(api.done(CONTACTS, &[&id], email("anna@example.ch")).await, added);
    let seen = api.matching("*");
    let same = seen.done(CONTACT, &[&id, "c1"], email("anna@example.ch")).await;
    assert_eq!(same, added);
    let mut work = email("anna@example.ch");
    work["purposes"] = json!(["work"]);
    let unseen = api.call(CONTACTS, &[&id], work.clone()).await;
    assert_problem(&unseen, 428, "precondition_needed");
    work["delivery"] = Value::Null;
    let changed = seen.done(CONTACT, &[&id, "c1"], work).await;
    let contact = &changed["party"]["contacts"][0];
    assert_eq!(
        (
            &contact["purposes"],
            &contact["delivery"],
            &contact["language"],
            &contact["valid_until"]
        ),
        (&json!(["work"]), &Value::Null, &json!("it"), &json!("2030-12-31"))
    );
    // From a day that is to come: the old one is good until the day before.
    let mut moved = email("keller@example.ch");
    moved["valid_from"] = json!("2027-01-01");
    let moved = seen.done(CONTACT, &[&id, "c1"], moved).await;
    let contacts = &moved["party"]["contacts"];
    assert_eq!(
        (
            &contacts[0]["valid_until"],
            &contacts[0]["ended"],
            &contacts[1]["valid_from"]
        ),
        (&json!("2026-12-31"), &json!(false), &json!("2027-01-01"))
    );
    seen.done(END_CONTACT, &[&id, "c2"], Value::Null).await;
    let late = api.call(CONTACTS, &[&id], email("keller@example.ch")).await;
    assert_problem(&late, 428, "precondition_needed");
}

#[tokio::test]
async fn a_value_that_is_given_up_stays_as_history_with_its_end() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let seen = api.matching("*");
    let first = json!({
        "language": "it", "gender": "female", "birth_date": "1984-02-29", "customer_type": "private",
        "sales_channel": "shop",
    });
    seen.done(PATCH, &[&id], first.clone()).await;
    seen.done(PATCH, &[&id], first).await;
    let second = json!({
        "language": "it", "gender": null, "birth_date": "1984-02-28", "customer_type": "business",
        "sales_channel": "branch",
    });
    let shown = seen.done(PATCH, &[&id], second).await;
    let former = shown["former_values"].as_array().unwrap();
    let seen: Vec<_> = former
        .iter()
        .map(|was| (was["field"].as_str().unwrap(), was["value"].as_str().unwrap()))
        .collect();
    let expected = [
        ("/language", "fr"),
        ("/gender", "female"),
        ("/birth_date", "1984-02-29"),
        ("/customer_type", "private"),
        ("/sales_channel", "shop"),
    ];
    assert_eq!(seen, expected);
    assert!(former.iter().all(|was| was["until"] == "2026-11-23T08:00:00Z"));
}

#[tokio::test]
async fn an_address_has_a_postcode_where_its_country_has_postcodes() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let at =
        |country: &str| json!({"kind": "postal", "street": "1 Harbour Road", "town": "Wan Chai", "country": country});
    let added = api.done(CONTACTS, &[&id], at("HK")).await;
    assert_eq!(added["party"]["contacts"][0]["postcode"], Value::Null);
    let refused = api.call(CONTACTS, &[&id], at("AT")).await;
    assert_findings(&refused, &[("/postcode", "missing")]);
    let mut wrong = at("LI");
    wrong["postcode"] = json!("8001");
    let refused = api.call(CONTACTS, &[&id], wrong).await;
    assert_findings(&refused, &[("/postcode", "postcode_malformed")]);
}

#[tokio::test]
async fn d3_a_late_repeat_of_a_call_undoes_nothing_that_came_after_it() {
    let table = Table::start().await;
    let api = table.api();
    let seen = api.matching("*");
    let id = api.person("Meier").await;
    let class = json!({"classification": "blacklist", "reason": "Three open invoices"});
    api.done(CLASS, &[&id], class.clone()).await;
    api.done(ROLE, &[&id, "employee"], json!({})).await;
    for (route, name) in [(END_CLASS, "blacklist"), (END_ROLE, "employee")] {
        let unseen = api.call(route, &[&id, name], Value::Null).await;
        assert_problem(&unseen, 428, "precondition_needed");
        let ended = seen.done(route, &[&id, name], Value::Null).await;
        assert_eq!(api.done(route, &[&id, name], Value::Null).await, ended);
    }
    let before = api.version(&id).await;
    assert_problem(
        &api.call(CLASS, &[&id], class.clone()).await,
        428,
        "precondition_needed",
    );
    let late = api.call(ROLE, &[&id, "employee"], json!({})).await;
    assert_problem(&late, 428, "precondition_needed");
    assert_eq!(api.version(&id).await, before);
    // Who has seen the party says it again; with the version that is gone only what makes no difference.
    let again = api.matching("\"5\"").done(CLASS, &[&id], class.clone()).await;
    assert_eq!(again["version"], 6);
    assert_eq!(api.matching("\"5\"").done(CLASS, &[&id], class).await, again);
    let late = api
        .matching("\"5\"")
        .call(END_CLASS, &[&id, "blacklist"], Value::Null)
        .await;
    assert_problem(&late, 412, "version_mismatch");
}

#[tokio::test]
async fn c6_what_was_said_last_holds_in_whichever_order_it_comes_in() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let said = |state: &str, at: &str| json!({"state": state, "source": "shop", "text_version": "1", "at": at});
    let (granted, withdrawn) = (
        said("granted", "2026-11-01T08:00:00Z"),
        said("withdrawn", "2026-11-02T08:00:00Z"),
    );
    let path = [id.as_str(), "letter"];
    let once = api.done(CONSENT, &path, withdrawn.clone()).await;
    assert_eq!(once["consents"][0]["since"], "2026-11-02T08:00:00Z");
    let late = api.done(CONSENT, &path, granted.clone()).await;
    let states = |shown: &Value| -> Vec<(Value, bool)> {
        let entries = shown["consents"].as_array().unwrap();
        let states = entries
            .iter()
            .map(|entry| (entry["state"].clone(), entry["until"].is_string()));
        states.collect()
    };
    let expected = [(json!("granted"), true), (json!("withdrawn"), false)];
    assert_eq!(states(&late), expected);
    for repeat in [granted, withdrawn] {
        assert_eq!(api.done(CONSENT, &path, repeat).await, late);
    }
    let undated = json!({"state": "granted", "source": "till", "text_version": "1"});
    let refused = api.call(CONSENT, &path, undated.clone()).await;
    assert_problem(&refused, 428, "precondition_needed");
    let seen = api.matching("\"3\"").done(CONSENT, &path, undated.clone()).await;
    assert_eq!(states(&seen)[2], (json!("granted"), false));
    // The first statement may come without a time.
    api.done(CONSENT, &[&id, "phone"], undated).await;
    for (at, code) in [
        ("2026-11-23T08:00:01Z", "date_out_of_range"),
        ("yesterday", "instant_malformed"),
    ] {
        let refused = api.call(CONSENT, &path, said("granted", at)).await;
        assert_findings(&refused, &[("/at", code)]);
    }
}

#[tokio::test]
async fn c6_a_double_opt_in_of_another_system_comes_with_its_times_and_its_proof() {
    let table = Table::start().await;
    let api = table.api();
    let said = json!({
        "state": "granted", "source": "old-shop", "text_version": "2024-1", "proof": "Link of message 17",
        "asked_at": "2024-05-01T10:00:00Z", "at": "2024-05-01T10:05:00Z",
    });
    let body = |said: &Value| {
        json!({
            "kind": "person", "family_name": "Meier", "client_token": "m-1", "consents": {"email": said},
            "lists": {"newsletter": said},
        })
    };
    let stored = api.done("POST /v1/parties", &[], body(&said)).await;
    for part in ["consents", "lists"] {
        let entries = stored[part].as_array().unwrap();
        let seen: Vec<_> = entries.iter().map(|entry| (&entry["state"], &entry["since"])).collect();
        let expected = [
            (&json!("pending"), &json!("2024-05-01T10:00:00Z")),
            (&json!("granted"), &json!("2024-05-01T10:05:00Z")),
        ];
        assert_eq!(seen, expected);
        assert_eq!(entries[1]["proof"], "Link of message 17");
    }
    assert_eq!(api.done("POST /v1/parties", &[], body(&said)).await, stored);
    for missing in ["proof", "asked_at", "at"] {
        let mut less = said.clone();
        less.as_object_mut().unwrap().remove(missing);
        let (status, answer) = api.call("POST /v1/parties", &[], body(&less)).await;
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("invalid")),
            "{missing}: {answer}"
        );
    }
    let mut wrong = said.clone();
    wrong["asked_at"] = json!("2024-05-01T10:06:00Z");
    let refused = api.call("POST /v1/parties", &[], body(&wrong)).await;
    let expected = [
        ("/consents/email/asked_at", "date_out_of_range"),
        ("/lists/newsletter/asked_at", "date_out_of_range"),
    ];
    assert_findings(&refused, &expected);
}

#[tokio::test]
async fn a_field_that_no_body_has_is_refused_wherever_it_stands() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let (party, known) = ([id.as_str()], json!({"kind": "person", "family_name": "Meier"}));
    let within = |field: &str, value: Value| {
        let mut body = known.clone();
        body[field] = value;
        body
    };
    let calls = [
        ("POST /v1/parties", vec![], within("tpyo", json!(1))),
        (
            "POST /v1/parties",
            vec![],
            within("roles", json!([{"role": "employee", "tpyo": 1}])),
        ),
        (
            "POST /v1/parties",
            vec![],
            within("external_id", json!({"system": "erp", "id": "1", "tpyo": 1})),
        ),
        (
            "POST /v1/parties",
            vec![],
            within(
                "contacts",
                json!([{"kind": "email", "email": "a@example.ch", "tpyo": 1}]),
            ),
        ),
        (ROLE, vec![id.as_str(), "employee"], json!({"untli": "2027-01-31"})),
        (
            CLASS,
            party.to_vec(),
            json!({"classification": "vip", "reason": "Buys", "untli": "2027-01-31"}),
        ),
        (
            CONSENT,
            vec![id.as_str(), "letter"],
            json!({"state": "withdrawn", "source": "shop", "ta": "2026-01-01T00:00:00Z"}),
        ),
        (
            IDENTIFIERS,
            party.to_vec(),
            json!({"system": "erp", "id": "1", "tpyo": 1}),
        ),
        (
            END_IDENTIFIER,
            party.to_vec(),
            json!({"system": "erp", "id": "1", "tpyo": 1}),
        ),
        (
            "POST /v1/parties/{party_id}/relationships",
            party.to_vec(),
            json!({"relationship": "household", "other": "x", "tpyo": 1}),
        ),
        (
            "POST /v1/parties/{party_id}/relationships/end",
            party.to_vec(),
            json!({"relationship": "household", "other": "x", "tpyo": 1}),
        ),
    ];
    for (route, path, body) in calls {
        assert_problem(&api.call(route, &path, body).await, 400, "malformed_body");
    }
    let refused = api.matching("*").call(PATCH, &party, json!({"tpyo": 1})).await;
    assert_problem(&refused, 400, "malformed_body");
    assert_eq!(api.version(&id).await, 1);
}

#[tokio::test]
async fn a_party_that_was_stored_is_told_from_another_one_by_every_field() {
    let table = Table::start().await;
    let api = table.api();
    let other = api.person("Huber").await;
    let said = |state: &str, at: &str| json!({"state": state, "source": "shop", "text_version": "1", "at": at});
    let full = json!({
        "kind": "person", "given_name": "Anna", "family_name": "Meier", "language": "fr", "gender": "female",
        "birth_date": "1984-02-29", "customer_type": "private", "sales_channel": "shop", "client_token": "t-1",
        "identifiers": [{"system": "shop", "id": "1"}],
        "contacts": [{"kind": "email", "email": "anna@example.ch", "purposes": ["main"], "valid_from": "2026-01-01",
                      "valid_until": "2030-01-01", "language": "it", "delivery": {"arrives": "undeliverable", "reason": "full"}}],
        "roles": [{"role": "employee", "towards": other, "since": "2026-01-01", "until": "2030-01-01", "because": "Contract"}],
        "classifications": [{"classification": "vip", "reason": "Buys much", "until": "2030-01-01"}],
        "consents": {"letter": said("granted", "2026-01-01T00:00:00Z")},
        "lists": {"newsletter": said("withdrawn", "2026-01-01T00:00:00Z")},
    });
    let stored = api.done("POST /v1/parties", &[], full.clone()).await;
    assert_eq!(api.done("POST /v1/parties", &[], full.clone()).await, stored);
    let changes = [
        ("/given_name", json!("Anne")),
        ("/family_name", json!("Maier")),
        ("/language", json!("de")),
        ("/gender", json!("other")),
        ("/birth_date", json!("1984-02-28")),
        ("/customer_type", json!("business")),
        ("/sales_channel", json!("branch")),
        ("/identifiers/0/system", json!("erp")),
        ("/identifiers/0/id", json!("2")),
        ("/contacts/0/email", json!("anne@example.ch")),
        ("/contacts/0/purposes", json!(["work"])),
        ("/contacts/0/valid_from", json!("2026-01-02")),
        ("/contacts/0/valid_until", json!("2030-01-02")),
        ("/contacts/0/language", json!("en")),
        ("/contacts/0/delivery/arrives", json!("confirmed")),
        ("/contacts/0/delivery/reason", json!("moved")),
        ("/roles/0/role", json!("partner")),
        ("/roles/0/towards", json!(null)),
        ("/roles/0/since", json!("2026-01-02")),
        ("/roles/0/until", json!("2030-01-02")),
        ("/roles/0/because", json!("Word")),
        ("/classifications/0/classification", json!("blacklist")),
        ("/classifications/0/reason", json!("Buys")),
        ("/classifications/0/until", json!("2030-01-02")),
        ("/consents/letter/state", json!("withdrawn")),
        ("/consents/letter/at", json!("2026-01-02T00:00:00Z")),
        ("/lists/newsletter/source", json!("till")),
        ("/lists/newsletter/text_version", json!("2")),
        ("/lists/newsletter/at", json!("2026-01-02T00:00:00Z")),
    ];
    for (pointer, value) in changes {
        let mut body = full.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let (status, answer) = api.call("POST /v1/parties", &[], body).await;
        assert_eq!(
            (status, &answer["code"]),
            (409, &json!("party_contradiction")),
            "{pointer}: {answer}"
        );
    }
}

#[tokio::test]
async fn an_id_in_another_system_leads_to_one_party_and_can_be_handed_on() {
    let table = Table::start().await;
    let api = table.api();
    let (first, second) = (api.person("Meier").await, api.person("Huber").await);
    let id = json!({"system": "erp", "id": "K-1"});
    api.done(IDENTIFIERS, &[&first], id.clone()).await;
    let again = api.done(IDENTIFIERS, &[&first], id.clone()).await;
    assert_eq!((&again["version"], &again["external_id"]), (&json!(2), &id));
    let refused = api.call(IDENTIFIERS, &[&second], id.clone()).await;
    assert_problem(&refused, 409, "identifier_taken");
    assert_eq!(refused.1["party_id"], first);
    let stored = json!({"kind": "person", "family_name": "Neu", "identifiers": [{"system": "shop", "id": "1"}, id]});
    let refused = api.call("POST /v1/parties", &[], stored.clone()).await;
    assert_problem(&refused, 409, "identifier_taken");
    let ended = api.done(END_IDENTIFIER, &[&first], id.clone()).await;
    assert_eq!(api.done(END_IDENTIFIER, &[&first], id.clone()).await, ended);
    assert_problem(
        &api.call(END_IDENTIFIER, &[&second], id.clone()).await,
        404,
        "not_found",
    );
    // Taken away, it is still the first one's: a late call stores nobody beside it, and nobody gets it by mistake.
    let late = json!({"kind": "person", "family_name": "Neu", "external_id": id});
    let refused = api.call("POST /v1/parties", &[], late).await;
    assert_problem(&refused, 409, "party_contradiction");
    assert_eq!(refused.1["party_id"], first);
    let refused = api.call(IDENTIFIERS, &[&second], id.clone()).await;
    assert_problem(&refused, 409, "identifier_taken");
    assert_problem(
        &api.call(IDENTIFIERS, &[&first], id.clone()).await,
        428,
        "precondition_needed",
    );
    let mut handed_on = id.clone();
    handed_on["handed_on_by"] = json!(second);
    let third = api.person("Weber").await;
    let refused = api.call(IDENTIFIERS, &[&third], handed_on.clone()).await;
    assert_problem(&refused, 409, "identifier_taken");
    handed_on["handed_on_by"] = json!(first);
    let given = api.done(IDENTIFIERS, &[&second], handed_on.clone()).await;
    assert_eq!(api.done(IDENTIFIERS, &[&second], handed_on.clone()).await, given);
    let late = api.call(IDENTIFIERS, &[&third], handed_on).await;
    assert_problem(&late, 409, "identifier_taken");
    let shown = api.done(SHOW, &[&first], Value::Null).await;
    assert!(shown["identifiers"][0]["until"].is_string() && shown["external_id"].is_null());
    assert_problem(
        &api.call("POST /v1/parties", &[], stored).await,
        409,
        "identifier_taken",
    );
}

#[tokio::test]
async fn a_call_whose_id_was_taken_away_finds_the_party_that_it_stored() {
    let table = Table::start().await;
    let api = table.api();
    let id = json!({"system": "shop", "id": "10042"});
    let body = json!({"kind": "person", "family_name": "Meier", "external_id": id});
    let stored = api.done("POST /v1/parties", &[], body.clone()).await;
    let party = stored["party_id"].as_str().unwrap();
    api.done(END_IDENTIFIER, &[party], id.clone()).await;
    let late = api.done("POST /v1/parties", &[], body).await;
    assert_eq!(
        (&late["party_id"], &late["external_id"]),
        (&stored["party_id"], &Value::Null)
    );
    // Who has seen that it was taken away gives it back.
    let back = api.matching("\"2\"").done(IDENTIFIERS, &[party], id.clone()).await;
    assert_eq!(back["external_id"], id);
    assert_problem(
        &api.call(END_IDENTIFIER, &[party], id).await,
        428,
        "precondition_needed",
    );
}

#[tokio::test]
async fn who_changed_which_fields_is_listed_without_values() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    let mut olga = api.matching("*");
    olga.caller.subject = "olga".parse().unwrap();
    olga.done(
        PATCH,
        &[&id],
        json!({"family_name": "Keller", "birth_date": "1984-02-29"}),
    )
    .await;
    olga.done(PATCH, &[&id], json!({"family_name": "Keller"})).await;
    api.done(CONTACTS, &[&id], email("secret@example.ch")).await;
    let first = api.done(&format!("{CHANGES}?limit=2"), &[&id], Value::Null).await;
    let changes = first["changes"].as_array().unwrap();
    assert_eq!(
        (&changes[0]["fields"], &changes[0]["version"]),
        (&json!(["/contacts/c1"]), &json!(3))
    );
    assert_eq!(changes[1]["fields"], json!(["/birth_date", "/name"]));
    assert_eq!(
        (&changes[1]["client"], &changes[1]["subject"]),
        (&json!("office"), &json!("olga"))
    );
    let next = first["next"].as_str().unwrap();
    let last = api
        .done(&format!("{CHANGES}?limit=2&next={next}"), &[&id], Value::Null)
        .await;
    assert_eq!(
        (&last["changes"][0]["kind"], &last["changes"][0]["version"]),
        (&json!("created"), &json!(1))
    );
    for text in ["Keller", "Meier", "secret", "1984"] {
        assert!(!format!("{first}{last}").contains(text), "{text}");
    }
    assert_problem(&api.call(CHANGES, &["no-one"], Value::Null).await, 404, "not_found");
    for token in ["x", "eyJ2IjoxLCJrIjoiUFJPRklMRSJ9"] {
        let route = format!("{CHANGES}?next={token}");
        assert_problem(&api.call(&route, &[&id], Value::Null).await, 400, "malformed_parameter");
    }
}

#[tokio::test]
async fn what_ended_long_ago_is_kept_beside_the_document() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Meier").await;
    for n in 0..62 {
        let added = api.done(CONTACTS, &[&id], email(&format!("{n}@example.ch"))).await;
        let contact = added["contact_id"].as_str().unwrap().to_owned();
        api.done(END_CONTACT, &[&id, &contact], Value::Null).await;
    }
    let shown = api.done(SHOW, &[&id], Value::Null).await;
    let past = api.done("GET /v1/parties/{party_id}/past", &[&id], Value::Null).await;
    assert_eq!(shown["past_items"], 1);
    let count = |value: &Value| value["contacts"].as_array().map_or(0, Vec::len);
    assert_eq!(count(&shown) + count(&past["past"][0]), 62);
    assert_problem(
        &api.call("GET /v1/parties/{party_id}/past", &["no-one"], Value::Null)
            .await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn a_till_sees_neither_address_nor_birthday() {
    let table = Table::start().await;
    let api = table.api();
    let body = json!({
        "kind": "person", "given_name": "Anna", "family_name": "Muster", "birth_date": "1984-02-29",
        "contacts": [email("anna@example.ch")],
    });
    let id = api.done("POST /v1/parties", &[], body).await["party_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut till = api.clone();
    till.caller.scopes = [Scope::CashDeskRead, Scope::PurchasesWrite, Scope::VouchersRedeem].into();
    for route in [SHOW, CHANGES, "GET /v1/parties/{party_id}/past"] {
        assert_problem(&till.call(route, &[&id], Value::Null).await, 403, "scope_missing");
    }
    let items = table.items().await;
    let seen = items
        .iter()
        .filter(|item| item["sk"].as_s().is_ok_and(|sk| sk.starts_with("TILL#")));
    let seen = seen.map(|item| format!("{item:?}")).collect::<String>();
    assert!(
        seen.contains("Anna Muster") && !seen.contains("1984") && !seen.contains("example"),
        "{seen}"
    );
}

#[tokio::test]
async fn b6_a_relationship_shows_on_both_sides_with_its_dates() {
    let table = Table::start().await;
    let api = table.api();
    let relate = "POST /v1/parties/{party_id}/relationships";
    let list = "GET /v1/parties/{party_id}/relationships";
    let end = "POST /v1/parties/{party_id}/relationships/end";
    let person = api.person("Musterfrau").await;
    let body = json!({"kind": "organisation", "organisation_name": "Mustermann GmbH"});
    let company = api.done("POST /v1/parties", &[], body).await["party_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let body =
        json!({"relationship": "employment", "other": company, "since": "2020-01-01", "department": "Accounting"});
    let related = api.done(relate, &[&person], body.clone()).await;
    assert_eq!(
        api.done(relate, &[&person], body).await,
        related,
        "the same again changes nothing"
    );
    let of_company = api.done(list, &[&company], Value::Null).await;
    let seen = &of_company["relationships"][0];
    assert_eq!(
        (
            &seen["role"],
            &seen["other"],
            &seen["other_role"],
            &seen["department"],
            &seen["since"]
        ),
        (
            &json!("employer"),
            &json!(person),
            &json!("employee"),
            &json!("Accounting"),
            &json!("2020-01-01")
        )
    );
    // From the other side it is the same one.
    let body = json!({"relationship": "employment", "role": "employer", "other": person});
    assert_problem(
        &api.call(end, &[&company], body.clone()).await,
        428,
        "precondition_needed",
    );
    let ended = api.matching("*").done(end, &[&company], body.clone()).await;
    assert_eq!(api.done(end, &[&company], body).await, ended);
    let of_person = api.done(list, &[&person], Value::Null).await;
    assert_eq!(
        (
            &of_person["relationships"][0]["ended"],
            &of_person["relationships"][0]["until"]
        ),
        (&json!(true), &json!("2026-11-23"))
    );
    for n in 0..3 {
        let other = api.person(&format!("Kind {n}")).await;
        api.done(relate, &[&person], json!({"relationship": "household", "other": other}))
            .await;
    }
    let first = api.done(&format!("{list}?limit=3"), &[&person], Value::Null).await;
    let next = first["next"].as_str().unwrap();
    let last = api
        .done(&format!("{list}?limit=3&next={next}"), &[&person], Value::Null)
        .await;
    assert_eq!(last["relationships"].as_array().unwrap().len(), 1);
    let wrong = json!({"relationship": "friendship", "other": person, "since": "x", "until": "2020-01-01"});
    let expected = [
        ("/other", "not_applicable"),
        ("/relationship", "type_unknown"),
        ("/since", "date_malformed"),
        ("/until", "date_out_of_range"),
    ];
    assert_findings(&api.call(relate, &[&person], wrong).await, &expected);
    let nobody = api
        .call(
            relate,
            &[&person],
            json!({"relationship": "household", "other": "no-one"}),
        )
        .await;
    assert_problem(&nobody, 422, "party_unknown");
    assert_problem(&api.call(list, &["no-one"], Value::Null).await, 404, "not_found");
}

const RELATE: &str = "POST /v1/parties/{party_id}/relationships";
const RELATED: &str = "GET /v1/parties/{party_id}/relationships";
const END_RELATED: &str = "POST /v1/parties/{party_id}/relationships/end";

impl Api {
    async fn organisation(&self, name: &str) -> String {
        let body = json!({"kind": "organisation", "organisation_name": name});
        let stored = self.done("POST /v1/parties", &[], body).await;
        stored["party_id"].as_str().unwrap().to_owned()
    }

    /// First day, last day, department and whether it was ended, of all relationships of a party.
    async fn related(&self, party: &str) -> Vec<[Value; 4]> {
        let shown = self.done(RELATED, &[party], Value::Null).await;
        let fields = ["since", "until", "department", "ended"];
        let entries = shown["relationships"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| fields.map(|field| entry[field].clone()))
            .collect()
    }
}

#[tokio::test]
async fn b6_a_relationship_that_changes_ends_and_another_one_begins() {
    let table = Table::start().await;
    let api = table.api();
    let (person, company) = (
        api.person("Musterfrau").await,
        api.organisation("Mustermann GmbH").await,
    );
    let job = |department: &str| json!({"relationship": "employment", "other": company, "department": department});
    let mut first = job("Sales");
    first["since"] = json!("2020-01-01");
    api.done(RELATE, &[&person], first.clone()).await;
    let unseen = api.call(RELATE, &[&person], job("Accounting")).await;
    assert_problem(&unseen, 428, "precondition_needed");
    let stale = api.matching("\"1\"").call(RELATE, &[&person], job("Accounting")).await;
    assert_problem(&stale, 412, "version_mismatch");
    api.matching("\"2\"").done(RELATE, &[&person], job("Accounting")).await;
    let expected = [
        [json!("2020-01-01"), json!("2026-11-22"), json!("Sales"), json!(true)],
        [json!("2026-11-23"), Value::Null, json!("Accounting"), json!(false)],
    ];
    // Both sides show it, and a late repeat of the first call brings nothing back.
    let late = api.call(RELATE, &[&person], first).await;
    assert_problem(&late, 428, "precondition_needed");
    for party in [&person, &company] {
        assert_eq!(api.related(party).await, expected);
        assert_eq!(api.version(party).await, 3);
        let changes = api.done(CHANGES, &[party], Value::Null).await;
        let fields: Vec<_> = changes["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| &change["fields"])
            .collect();
        assert_eq!(fields[..2], [&json!(["/relationships/employment"]); 2]);
    }
}

#[tokio::test]
async fn b6_of_two_calls_at_once_one_relates_the_parties() {
    let table = Table::start().await;
    let api = table.api();
    for round in 0..5 {
        let (person, company) = (
            api.person("Musterfrau").await,
            api.organisation("Mustermann GmbH").await,
        );
        let calls = ["2020-01-01", "2021-01-01", "2022-01-01"].map(|since| {
            let (api, person) = (api.clone(), person.clone());
            let body = json!({"relationship": "employment", "other": company, "since": since});
            async move { api.call(RELATE, &[&person], body).await.0 }
        });
        let statuses = join_all(calls).await;
        assert_eq!(
            statuses.iter().filter(|status| **status == 200).count(),
            1,
            "{round}: {statuses:?}"
        );
        assert_eq!(api.related(&company).await.len(), 1);
    }
}

#[tokio::test]
async fn d5_a_relationship_whose_type_is_gone_can_be_ended() {
    let table = Table::start().await;
    let api = table.api();
    let (person, company) = (
        api.person("Musterfrau").await,
        api.organisation("Mustermann GmbH").await,
    );
    api.done(
        RELATE,
        &[&person],
        json!({"relationship": "employment", "other": company}),
    )
    .await;
    let mut types = party::types::PartyTypes::default();
    types
        .relationship_types
        .retain(|kind| kind.code.as_str() != "employment");
    let version = store::party_types::TypesVersion {
        version: 1,
        types,
        author: "office".parse().unwrap(),
    };
    let (db, now) = (table.db(), support::now());
    let put = store::party_types::write(&db, faults::Site::ToolWrite, &support::tenant(), version, now).await;
    assert!(put.unwrap());
    let seen = api.matching("*");
    let end = json!({"relationship": "employment", "other": company});
    let refused = seen.call(END_RELATED, &[&person], end.clone()).await;
    assert_findings(&refused, &[("/role", "missing")]);
    let end = json!({"relationship": "employment", "other": company, "role": "employee"});
    seen.done(END_RELATED, &[&person], end).await;
    assert_eq!(api.related(&company).await[0][3], json!(true));
}
