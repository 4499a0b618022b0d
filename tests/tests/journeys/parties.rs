//! The party model, seen from outside: the five examples of source B, the own company, the blacklist, the feed of changes, and
//! types as data (B1 to B8, D3, D5).

use end_to_end::delivery::Delivering;
use end_to_end::till::{self, receipt};
use end_to_end::world::{IF_MATCH, World, card};
use messages::PartyMessage;
use serde_json::{Value, json};

const PARTIES: &str = "POST /v1/parties";
const SHOW: &str = "GET /v1/parties/{party_id}";
const ROLE: &str = "PUT /v1/parties/{party_id}/roles/{role}";
const RELATE: &str = "POST /v1/parties/{party_id}/relationships";
const RELATIONSHIPS: &str = "GET /v1/parties/{party_id}/relationships";
const CLASS: &str = "POST /v1/parties/{party_id}/classifications";
const END_CLASS: &str = "DELETE /v1/parties/{party_id}/classifications/{classification}";

async fn done(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
    let (status, answer) = world.call(route, path, body).await;
    assert!(matches!(status, 200 | 201), "{route}: {status} {answer}");
    answer
}

async fn store(world: &World, body: &Value) -> String {
    let answer = done(world, PARTIES, &[], body).await;
    answer["party_id"].as_str().expect("an id").to_owned()
}

async fn person(world: &World, given: &str, family: &str) -> String {
    store(
        world,
        &json!({"kind": "person", "given_name": given, "family_name": family}),
    )
    .await
}

async fn organisation(world: &World, name: &str) -> String {
    store(world, &json!({"kind": "organisation", "organisation_name": name})).await
}

/// The party buys a T-shirt with a card of its own.
async fn buys(world: &World, party: &str, serial: u64, minor: i64) {
    let number = card(serial);
    let body = json!({"number": number, "party_id": party});
    done(world, "POST /v1/cards", &[], &body).await;
    let (status, answer) = world
        .buy(&receipt("B01", &serial.to_string(), minor, Some(&number)))
        .await;
    assert!(matches!(status, 200 | 201), "{answer}");
    Delivering::well().until_rest(world).await;
}

async fn company(world: &World) -> String {
    let answer = done(world, "PUT /v1/company", &[], &json!({"name": "Treue Handels AG"})).await;
    answer["party_id"].as_str().expect("an id").to_owned()
}

async fn show(world: &World, party: &str) -> Value {
    done(world, SHOW, &[("party_id", party)], &Value::Null).await
}

/// The roles of a party with the parties towards which they are.
async fn roles(world: &World, party: &str) -> Vec<(String, String)> {
    let shown = show(world, party).await;
    let roles = shown["roles"].as_array().cloned().unwrap_or_default();
    let text = |role: &Value, field: &str| role[field].as_str().expect("a text").to_owned();
    let mut roles: Vec<_> = roles
        .iter()
        .map(|role| (text(role, "role"), text(role, "towards")))
        .collect();
    roles.sort();
    roles
}

fn towards(company: &str, roles: &[&str]) -> Vec<(String, String)> {
    roles
        .iter()
        .map(|role| ((*role).to_owned(), company.to_owned()))
        .collect()
}

#[tokio::test]
async fn b2_max_who_has_bought_a_t_shirt_is_a_customer() {
    let world = World::new().await;
    let company = company(&world).await;
    let max = person(&world, "Max", "Mustermann").await;
    assert_eq!(roles(&world, &max).await, []);
    buys(&world, &max, 1, 2_990).await;
    assert_eq!(roles(&world, &max).await, towards(&company, &["customer"]));
    let shown = show(&world, &max).await;
    assert_eq!(
        (&shown["roles"][0]["since"], &shown["version"]),
        (&json!("2026-11-22"), &json!(2))
    );
    // Another purchase says nothing new, and neither does the first one told again.
    let again = receipt("B01", "2", 2_990, Some(&card(1)));
    world.buy(&again).await;
    Delivering::badly(7).until_rest(&world).await;
    assert_eq!(show(&world, &max).await, shown);
}

#[tokio::test]
async fn b2_who_had_points_before_the_first_purchase_becomes_a_customer_with_it() {
    let world = World::new().await;
    let company = company(&world).await;
    let max = person(&world, "Max", "Mustermann").await;
    let path = [("party_id", max.as_str())];
    let body = json!({"programme": "treue", "points": 10, "reason": "Welcome", "client_token": "c1"});
    let corrected = done(&world, "POST /v1/parties/{party_id}/points/corrections", &path, &body).await;
    assert_eq!(corrected["status"], "posted");
    assert_eq!(roles(&world, &max).await, []);
    buys(&world, &max, 1, 2_990).await;
    assert_eq!(roles(&world, &max).await, towards(&company, &["customer"]));
}

#[tokio::test]
async fn b3_max_who_also_works_for_us_has_both_roles() {
    let world = World::new().await;
    let company = company(&world).await;
    let max = person(&world, "Max", "Mustermann").await;
    buys(&world, &max, 1, 2_990).await;
    let path = [("party_id", max.as_str()), ("role", "employee")];
    done(&world, ROLE, &path, &json!({"since": "2025-01-01"})).await;
    assert_eq!(roles(&world, &max).await, towards(&company, &["customer", "employee"]));
}

#[tokio::test]
async fn b4_b5_mustermann_gmbh_buys_and_then_also_sells_to_us() {
    let world = World::new().await;
    let company = company(&world).await;
    let gmbh = organisation(&world, "Mustermann GmbH").await;
    buys(&world, &gmbh, 1, 40_000).await;
    assert_eq!(roles(&world, &gmbh).await, towards(&company, &["customer"]));
    let path = [("party_id", gmbh.as_str()), ("role", "supplier")];
    done(&world, ROLE, &path, &json!({})).await;
    assert_eq!(roles(&world, &gmbh).await, towards(&company, &["customer", "supplier"]));
}

#[tokio::test]
async fn b6_maxinchen_keeps_the_books_of_mustermann_gmbh_and_is_herself_a_customer() {
    let world = World::new().await;
    let company = company(&world).await;
    let (gmbh, maxinchen) = (
        organisation(&world, "Mustermann GmbH").await,
        person(&world, "Maxinchen", "Musterfrau").await,
    );
    let path = [("party_id", maxinchen.as_str())];
    let body = json!({"relationship": "employment", "other": gmbh, "since": "2021-03-01", "department": "Accounting"});
    done(&world, RELATE, &path, &body).await;
    buys(&world, &maxinchen, 1, 2_990).await;
    assert_eq!(roles(&world, &maxinchen).await, towards(&company, &["customer"]));
    let sides = [(&maxinchen, "employee", &gmbh), (&gmbh, "employer", &maxinchen)];
    for (party, role, other) in sides {
        let seen = done(&world, RELATIONSHIPS, &[("party_id", party)], &Value::Null).await;
        let seen = &seen["relationships"][0];
        assert_eq!(
            (&seen["role"], &seen["other"], &seen["since"], &seen["department"]),
            (&json!(role), &json!(other), &json!("2021-03-01"), &json!("Accounting"))
        );
    }
}

#[tokio::test]
async fn b7_the_own_company_and_its_branches_are_parties() {
    let world = World::new().await;
    let company = company(&world).await;
    let shown = show(&world, &company).await;
    assert_eq!(
        (&shown["display_name"], &shown["kind"]),
        (&json!("Treue Handels AG"), &json!("organisation"))
    );
    let body = json!({"name": "Chur", "kind": "branch", "programme": "treue"});
    done(
        &world,
        "PUT /v1/locations/{location_id}",
        &[("location_id", "B25")],
        &body,
    )
    .await;
    let tenant = "demo".parse().expect("a tenant");
    let branch = party::own::branch_id(&tenant, &"B25".parse().expect("an id"));
    let shown = show(&world, branch.as_str()).await;
    assert_eq!(shown["display_name"], "Chur");
    assert_eq!(roles(&world, branch.as_str()).await, towards(&company, &["branch"]));
    // A role can be towards a branch.
    let max = person(&world, "Max", "Mustermann").await;
    let path = [("party_id", max.as_str()), ("role", "employee")];
    done(&world, ROLE, &path, &json!({"towards": branch})).await;
    assert_eq!(roles(&world, &max).await, [("employee".to_owned(), branch.to_string())]);
    // A new name of the location is one of its party.
    let body = json!({"name": "Chur West", "kind": "branch", "programme": "treue", "expected_version": 1});
    done(
        &world,
        "PUT /v1/locations/{location_id}",
        &[("location_id", "B25")],
        &body,
    )
    .await;
    let shown = show(&world, branch.as_str()).await;
    assert_eq!(
        (&shown["display_name"], &shown["former_names"][0]["organisation_name"]),
        (&json!("Chur West"), &json!("Chur"))
    );
}

#[tokio::test]
async fn b8_who_is_on_the_blacklist_stays_a_customer_and_gets_no_vouchers_until_taken_off() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let company = company(&world).await;
    let (number, party) = world.customer(1).await;
    let path = [("party_id", party.as_str())];
    let blacklist = json!({"classification": "blacklist", "reason": "Three open invoices"});
    done(&world, CLASS, &path, &blacklist).await;
    world.buy(&receipt("B01", "1", 60_000, Some(&number))).await;
    delivering.until_rest(&world).await;
    assert_eq!(
        world.desk(&number).await,
        (600, vec![]),
        "the points count, and no voucher is made of them"
    );
    assert_eq!(roles(&world, &party).await, towards(&company, &["customer"]));

    let off = [path[0], ("classification", "blacklist"), (IF_MATCH, "*")];
    done(&world, END_CLASS, &off, &Value::Null).await;
    world.buy(&receipt("B01", "2", 100, Some(&number))).await;
    delivering.until_rest(&world).await;
    let (points, codes) = world.desk(&number).await;
    assert_eq!(
        (points, codes.len()),
        (101, 1),
        "the next entry makes the voucher that was held back"
    );
}

#[tokio::test]
async fn b8_the_blacklist_counts_from_the_next_call_of_a_till_on() {
    let world = World::new().await;
    let (number, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_000, Some(&number))).await;
    Delivering::well().until_rest(&world).await;
    let code = world.desk(&number).await.1.pop().expect("a voucher");
    let hold = json!({"store": "B01", "till": "1", "code": code, "basket": "b1", "basket_total": till::chf(9_000)});
    let redeem = till::redeem("B01", &code, "10", 9_000);
    let path = [("party_id", party.as_str())];
    let blacklist = json!({"classification": "blacklist", "reason": "Three open invoices"});
    done(&world, CLASS, &path, &blacklist).await;
    // No message was delivered and no time has passed.
    for (route, body) in [
        ("POST /v1/vouchers/reserve", &hold),
        ("POST /v1/vouchers/redeem", &redeem),
    ] {
        let (status, answer) = world.call(route, &[], body).await;
        assert_eq!(
            (status, &answer["code"]),
            (409, &json!("voucher_holder_stopped")),
            "{route}"
        );
    }
    let asked = json!({"store": "B01", "till": "1", "code": code});
    let (_, answer) = world.call("POST /v1/vouchers/check", &[], &asked).await;
    assert_eq!(
        (&answer["usable"], &answer["reason"]),
        (&json!(false), &json!("voucher_holder_stopped"))
    );

    let off = [path[0], ("classification", "blacklist"), (IF_MATCH, "*")];
    done(&world, END_CLASS, &off, &Value::Null).await;
    done(&world, "POST /v1/vouchers/redeem", &[], &redeem).await;
    // What was redeemed is answered as it was, whoever the holder is by now.
    done(&world, CLASS, &[path[0], (IF_MATCH, "*")], &blacklist).await;
    done(&world, "POST /v1/vouchers/redeem", &[], &redeem).await;
}

#[tokio::test]
async fn b8_no_till_is_shown_vouchers_of_who_is_on_the_blacklist() {
    let world = World::new().await;
    let (number, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 60_000, Some(&number))).await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(world.desk(&number).await.1.len(), 1);
    let path = [("party_id", party.as_str())];
    let shown = async |serial: &str| {
        let (_, bought) = world.buy(&receipt("B01", serial, 100, Some(&number))).await;
        let vouchers = bought["account"]["open_vouchers"].as_array().map(Vec::len);
        (world.desk(&number).await.1.len(), vouchers)
    };
    assert_eq!(shown("2").await, (1, Some(1)));
    let blacklist = json!({"classification": "blacklist", "reason": "Three open invoices"});
    done(&world, CLASS, &path, &blacklist).await;
    assert_eq!(shown("3").await, (0, Some(0)));
    let off = [path[0], ("classification", "blacklist"), (IF_MATCH, "*")];
    done(&world, END_CLASS, &off, &Value::Null).await;
    assert_eq!(shown("4").await, (1, Some(1)));
}

#[tokio::test]
async fn d3_other_systems_hear_which_fields_were_changed_and_never_their_values() {
    let world = World::new().await;
    let party = person(&world, "Zenobia", "Zuberbühler").await;
    let path = [("party_id", party.as_str())];
    let contact = json!({"kind": "email", "email": "zenobia@example.ch"});
    done(&world, "POST /v1/parties/{party_id}/contacts", &path, &contact).await;
    Delivering::well().until_rest(&world).await;
    let sqs = world.place.sqs();
    let call = sqs.receive_message().queue_url(&world.queues.party_feed);
    let page = call.max_number_of_messages(10).send().await.expect("messages");
    let mut heard: Vec<PartyMessage> = Vec::new();
    for message in page.messages.unwrap_or_default() {
        let body = message.body().unwrap_or_default();
        for text in ["Zenobia", "Zuberb", "zenobia", "example"] {
            assert!(!body.contains(text), "{body}");
        }
        heard.push(serde_json::from_str(body).expect("a change"));
    }
    heard.retain(|message| message.party_id.as_str() == party);
    heard.sort_by_key(|message| message.version);
    let heard: Vec<_> = heard
        .iter()
        .map(|message| (message.version, message.kind.as_str(), message.fields.join(" ")))
        .collect();
    let expected = [
        (1, "created", "/language /name".to_owned()),
        (2, "changed", "/contacts/c1".to_owned()),
    ];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn d5_a_type_and_a_field_are_added_as_data_and_checked_from_the_next_call_on() {
    let world = World::new().await;
    let body = json!({
        "kind": "person", "family_name": "Muster", "customer_type": "club", "custom_fields": {"shoe": 42},
    });
    let (status, refused) = world.call(PARTIES, &[], &body).await;
    assert_eq!(
        (status, refused["errors"].as_array().map(Vec::len)),
        (422, Some(2)),
        "{refused}"
    );
    let before = done(&world, "GET /v1/party-types", &[], &Value::Null).await;
    let mut types = before["types"].clone();
    let customer_types = types["customer_types"].as_array_mut().expect("a list");
    customer_types.push(json!({"type": "club", "name": "Club"}));
    types["custom_fields"] = json!([{"name": "shoe", "kind": "integer"}]);
    let put = json!({"expected_version": 0, "types": types});
    done(&world, "PUT /v1/party-types", &[], &put).await;
    let party = store(&world, &body).await;
    let shown = show(&world, &party).await;
    assert_eq!(
        (&shown["customer_type"], &shown["custom_fields"]["shoe"]),
        (&json!("club"), &json!(42))
    );
    let wrong = json!({"kind": "person", "family_name": "Muster", "custom_fields": {"shoe": "large"}});
    let (status, refused) = world.call(PARTIES, &[], &wrong).await;
    assert_eq!(
        (status, &refused["errors"][0]["pointer"]),
        (422, &json!("/custom_fields/shoe")),
        "{refused}"
    );
    // A list that others have changed meanwhile is not overwritten.
    types["contact_lists"] = json!([]);
    let put = json!({"expected_version": 0, "types": types});
    let (status, refused) = world.call("PUT /v1/party-types", &[], &put).await;
    assert_eq!(
        (status, &refused["code"]),
        (409, &json!("concurrent_change")),
        "{refused}"
    );
}

#[tokio::test]
async fn b7_an_older_name_of_a_branch_that_comes_late_takes_no_newer_ones_place() {
    use store::party::{Own, put_own};
    let world = World::new().await;
    let tenant = "demo".parse().expect("a tenant");
    let branch = party::own::branch_id(&tenant, &"B77".parse().expect("an id"));
    let company = party::own::company_id(&tenant);
    let (now, db) = (world.now, world.handlers_db());
    for (version, name) in [(1, "Chur"), (3, "Chur West"), (2, "Chur Ost"), (1, "Chur")] {
        let own = Own {
            tenant: &tenant,
            party: &branch,
            name,
            version: Some(version),
            role: "branch".parse().expect("a word"),
            company: &company,
            when: party::change::When {
                now,
                today: now.date_naive(),
            },
        };
        let sites = (faults::Site::ToolRead, faults::Site::ToolWrite);
        let stored = put_own(&db, sites, &own, &now.into()).await.expect("an answer");
        assert!(stored.is_some());
    }
    let shown = show(&world, branch.as_str()).await;
    assert_eq!(shown["display_name"], "Chur West");
    assert_eq!(shown["former_names"].as_array().map(Vec::len), Some(1));
}
