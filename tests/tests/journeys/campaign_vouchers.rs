//! Vouchers that campaigns give, from the letter to the till: a share of some product groups (L4, L5), one for its holder only, one that
//! is taken in parts; what they take off in the books, in the results (R5) and after a return (L8).

use chrono::Duration;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::letters::{bonus, letter_shopper, made_run, put_campaign, tried_run};
use end_to_end::story::offline::{allowance, entry, send, with_offline};
use end_to_end::till::{self, chf, receipt};
use end_to_end::world::{PROGRAMME, TENANT, World, card};
use serde_json::{Value, json};

const CHECK: &str = "POST /v1/vouchers/check";
const RESERVE: &str = "POST /v1/vouchers/reserve";
const REDEEM: &str = "POST /v1/vouchers/redeem";
const RUN: &str = "vouchers~2026-11";

/// Two customers with a voucher each of a campaign with these fields of its voucher; their codes.
async fn given(world: &World, delivering: &mut Delivering, voucher: &Value) -> [String; 2] {
    for serial in [1, 2] {
        letter_shopper(world, serial, &format!("800{serial}")).await;
    }
    delivering.until_rest(world).await;
    let mut campaign = bonus("vouchers");
    campaign["kind"] = json!({"type": "individual"});
    // Today, so that they are valid at once.
    campaign["schedule"] = json!({"type": "monthly", "day": 22});
    for (field, value) in voucher.as_object().expect("fields") {
        campaign["voucher"][field] = value.clone();
    }
    put_campaign(world, &campaign).await;
    let run = tried_run(world, delivering, "vouchers").await;
    assert_eq!(
        (&run["run_id"], &run["dry_run"]["totals"]["letters"]),
        (&json!(RUN), &json!(2)),
        "{run}"
    );
    made_run(world, delivering, &run).await;
    let mut codes = Vec::new();
    for serial in [1, 2] {
        codes.extend(world.desk(&card(serial)).await.1);
    }
    codes.try_into().expect("one voucher each")
}

/// 15 % of yarn up to CHF 10, on a basket of CHF 20 and more.
fn for_yarn() -> Value {
    json!({"worth": {"type": "per_cent", "per_cent": 15, "max_discount_minor": 1_000}, "groups": ["yarn"]})
}

/// A redemption on the receipt with this number of these goods: product group, rate, minor units.
fn of_goods(store: &str, code: &str, number: &str, goods: &[(&str, u32, i64)]) -> Value {
    let mut body = till::redeem(store, code, number, goods.iter().map(|goods| goods.2).sum());
    let goods = goods
        .iter()
        .map(|(group, rate, minor)| json!({"group": group, "vat_rate_bp": rate, "amount": chf(*minor)}));
    body["basket_by_vat"] = goods.collect();
    body
}

async fn must(world: &World, route: &str, body: &Value) -> Value {
    let (status, answer) = world.call(route, &[], body).await;
    assert!(matches!(status, 200 | 201), "{status} {answer}");
    answer
}

async fn refused(world: &World, route: &str, body: &Value, code: &str) -> Value {
    let (status, problem) = world.call(route, &[], body).await;
    assert_eq!((status, &problem["code"]), (409, &json!(code)), "{problem}");
    problem
}

async fn results(world: &World) -> Value {
    let route = "GET /v1/runs/{run_id}/results";
    let (status, results) = world.call(route, &[("run_id", RUN)], &Value::Null).await;
    assert_eq!(status, 200, "{results}");
    results
}

fn counted(vouchers: i64, value_minor: i64) -> Value {
    json!({"vouchers": vouchers, "value_minor": value_minor})
}

#[tokio::test]
async fn l4_l5_a_share_of_some_groups_is_taken_off_their_goods_and_stands_in_books_and_results() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let [code, _] = given(&world, &mut delivering, &for_yarn()).await;
    let shown = world
        .call(
            "GET /v1/cash-desk/{card}?store=B01&till=1",
            &[("card", &card(1))],
            &Value::Null,
        )
        .await;
    let shown = &shown.1["open_vouchers"][0];
    assert_eq!((&shown["per_cent"], &shown["value"]), (&json!(15), &chf(0)), "{shown}");

    let plain = till::redeem("B02", &code, "10", 6_003);
    let checked = must(&world, CHECK, &plain).await;
    let state = &checked["state"];
    assert_eq!(
        (
            &checked["usable"],
            &state["per_cent"],
            &state["max_discount"],
            &state["groups"]
        ),
        (&json!(true), &json!(15), &chf(1_000), &json!(["yarn"])),
        "{checked}"
    );
    refused(&world, REDEEM, &plain, "voucher_needs_goods").await;
    let paper = of_goods("B02", &code, "10", &[("paper", 810, 6_003)]);
    let problem = refused(&world, REDEEM, &paper, "voucher_goods_too_few").await;
    assert_eq!(problem["goods"], chf(0));
    let checked = must(&world, CHECK, &paper).await;
    assert_eq!(
        (&checked["usable"], &checked["reason"]),
        (&json!(false), &json!("voucher_goods_too_few"))
    );
    let small = of_goods("B02", &code, "10", &[("yarn", 810, 1_000), ("paper", 810, 999)]);
    refused(&world, REDEEM, &small, "basket_too_small").await;

    // 15 % of CHF 30.03 are 4.5045; of 10.03 and 20.00 they are in proportion 1.5029 and 2.9970.
    let redeem = of_goods(
        "B02",
        &code,
        "10",
        &[("yarn", 810, 1_003), ("yarn", 260, 2_000), ("paper", 810, 3_000)],
    );
    let split = json!([{"vat_rate_bp": 810, "amount": chf(150)}, {"vat_rate_bp": 260, "amount": chf(300)}]);
    let discount = json!({"amount": chf(450), "by_vat": split});
    assert_eq!(must(&world, CHECK, &redeem).await["state"]["discount"], discount);
    let taken = must(&world, REDEEM, &redeem).await;
    assert_eq!((&taken["taken"], &taken["discount"]), (&chf(450), &discount), "{taken}");
    assert_eq!(
        must(&world, REDEEM, &redeem).await,
        taken,
        "a repeated call is answered as the first"
    );
    let other = of_goods("B02", &code, "10", &[("yarn", 810, 9_000)]);
    assert_eq!(
        must(&world, REDEEM, &other).await["taken"],
        chf(450),
        "the first amount stands"
    );
    let less = of_goods("B02", &code, "10", &[("yarn", 810, 449), ("paper", 810, 9_000)]);
    let (status, problem) = world.call(REDEEM, &[], &less).await;
    assert_eq!(
        (status, &problem["errors"][0]["code"]),
        (422, &json!("does_not_add_up")),
        "{problem}"
    );

    let paid = till::paid_with_voucher(receipt("B02", "10", 6_003, Some(&card(1))), &code, 450);
    must(&world, "POST /v1/purchases", &paid).await;
    delivering.until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert!(books.vouchers.iter().all(|voucher| voucher.unmatched().is_none()));
    let told = results(&world).await;
    assert_eq!(
        (&told["redeemed"], &told["cost"]["redeemed_minor"]),
        (&counted(1, 450), &json!(450)),
        "{told}"
    );

    // The goods come back, and the voucher with them; what it takes off the next time is decided anew.
    let back = till::give_back("B02", "R1", Some(&till::key("B02", "10")), (1_000, 6_003));
    must(&world, "POST /v1/returns", &back).await;
    let rollback = json!({"store": "B02", "till": "1", "receipt": till::key("B02", "10")});
    let told = must(&world, "POST /v1/vouchers/rollback", &rollback).await;
    assert_eq!(told["vouchers"][0]["status"], "open", "{told}");
    refused(&world, REDEEM, &redeem, "voucher_reversed").await;
    let dear = of_goods("B03", &code, "20", &[("yarn", 810, 90_000)]);
    let taken = must(&world, REDEEM, &dear).await;
    assert_eq!(taken["taken"], chf(1_000), "no more than the limit");
    delivering.until_rest(&world).await;
    let told = results(&world).await;
    assert_eq!(
        (&told["redeemed"], &told["reversed"]),
        (&counted(1, 1_000), &counted(1, 450)),
        "{told}"
    );

    world.now = "2026-12-01T02:17:00Z".parse().expect("an instant");
    world.ask_for_close().await;
    world.ask_for_books().await;
    delivering.until_rest(&world).await;
    let settlement = world
        .file(&format!("{TENANT}/{PROGRAMME}/2026-11/1/settlement.csv"))
        .await;
    let settlement = settlement.expect("the file");
    let rows: Vec<_> = settlement.lines().skip(1).collect();
    assert_eq!(rows.len(), 1, "{settlement}");
    assert!(
        rows[0].contains("B03") && rows[0].ends_with(";CHF;0;1000"),
        "{settlement}"
    );
}

#[tokio::test]
async fn a_receipt_that_names_another_amount_than_was_taken_off_is_listed() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let [code, _] = given(&world, &mut delivering, &for_yarn()).await;
    must(&world, REDEEM, &of_goods("B02", &code, "10", &[("yarn", 810, 3_000)])).await;
    let paid = till::paid_with_voucher(receipt("B02", "10", 3_000, Some(&card(1))), &code, 451);
    must(&world, "POST /v1/purchases", &paid).await;
    delivering.until_rest(&world).await;
    world.now += Duration::days(10);
    let route = format!("GET /v1/vouchers/unmatched?programme={PROGRAMME}");
    let listed = must(&world, &route, &Value::Null).await;
    let case = &listed["items"][0];
    let sold = till::key("B02", "10");
    assert_eq!(
        (&case["kind"], &case["redeemed_on"], &case["paid_on"]),
        (&json!("other_amount"), &json!(sold), &json!(sold)),
        "{listed}"
    );
}

#[tokio::test]
async fn a_basket_whose_groups_do_not_make_sense_is_refused_and_takes_no_voucher() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let [code, _] = given(&world, &mut delivering, &for_yarn()).await;
    let before = Books::read(&world).await.vouchers;
    let many: Vec<_> = (0..101).map(|number| (format!("g{number}"), 810, 30)).collect();
    let many: Vec<_> = many
        .iter()
        .map(|(group, rate, minor)| (group.as_str(), *rate, *minor))
        .collect();
    let long = "x".repeat(41);
    for (goods, pointer, finding) in [
        (
            vec![("yarn", 810, 1_000), ("yarn", 810, 2_000)],
            "/basket_by_vat/1/vat_rate_bp",
            "twice",
        ),
        (vec![("", 810, 3_000)], "/basket_by_vat/0/group", "out_of_range"),
        (
            vec![(long.as_str(), 810, 3_000)],
            "/basket_by_vat/0/group",
            "out_of_range",
        ),
        (many, "/basket_by_vat", "out_of_range"),
    ] {
        let (status, problem) = world.call(REDEEM, &[], &of_goods("B02", &code, "10", &goods)).await;
        let found = &problem["errors"][0];
        assert_eq!(
            (status, &found["pointer"], &found["code"]),
            (422, &json!(pointer), &json!(finding)),
            "{problem}"
        );
    }
    // Goods that are left out would be a basket of nothing but yarn.
    let mut part = of_goods("B02", &code, "10", &[("yarn", 810, 3_000)]);
    part["basket_total"] = chf(5_000);
    let (status, problem) = world.call(REDEEM, &[], &part).await;
    assert_eq!(
        (status, &problem["errors"][0]["code"]),
        (422, &json!("does_not_add_up")),
        "{problem}"
    );
    assert_eq!(Books::read(&world).await.vouchers, before);
}

fn with_card(mut body: Value, card: &str) -> Value {
    body["card"] = json!(card);
    body
}

#[tokio::test]
async fn l5_a_personal_voucher_is_taken_with_a_card_of_its_customer_only() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let [annas, beats] = given(&world, &mut delivering, &json!({"bearer": "personal"})).await;
    let before = Books::read(&world).await.vouchers;
    let redeem = till::redeem("B01", &annas, "10", 5_000);
    let checked = must(&world, CHECK, &redeem).await;
    assert_eq!(
        (&checked["usable"], &checked["reason"], &checked["state"]["personal"]),
        (&json!(false), &json!("voucher_needs_customer"), &json!(true)),
        "{checked}"
    );
    let mut reserve = redeem.clone();
    reserve["basket"] = json!("b1");
    let stranger = card(4_711);
    for (route, body) in [(RESERVE, &reserve), (REDEEM, &redeem)] {
        refused(&world, route, body, "voucher_needs_customer").await;
        for other in [card(2), stranger.clone()] {
            refused(
                &world,
                route,
                &with_card(body.clone(), &other),
                "voucher_other_customer",
            )
            .await;
        }
    }
    let (status, problem) = world.call(REDEEM, &[], &with_card(redeem.clone(), "2")).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (422, &json!("/card"), &json!("card_malformed"))
    );
    assert_eq!(Books::read(&world).await.vouchers, before);

    let checked = must(&world, CHECK, &with_card(redeem.clone(), &card(1))).await;
    assert_eq!(checked["usable"], true, "{checked}");
    must(&world, RESERVE, &with_card(reserve.clone(), &card(1))).await;
    refused(&world, REDEEM, &reserve, "voucher_needs_customer").await;
    let taken = must(&world, REDEEM, &with_card(reserve.clone(), &card(1))).await;
    assert_eq!(
        (&taken["status"], &taken["taken"]),
        (&json!("redeemed"), &chf(1_000)),
        "{taken}"
    );
    assert_eq!(must(&world, REDEEM, &reserve).await, taken, "a repetition asks nobody");

    // The shop knows who has signed in; a branch has cards.
    let party_of = async |code: &str| {
        let checked = must(&world, CHECK, &till::redeem("SHOP", code, "11", 5_000)).await;
        let id = checked["state"]["voucher"].as_str().expect("an id").to_owned();
        id.split('~').next().expect("a party").to_owned()
    };
    let (anna, beat) = (party_of(&annas).await, party_of(&beats).await);
    let signed_in = |store: &str, party: &str| {
        let mut body = till::redeem(store, &beats, "11", 5_000);
        body["party_id"] = json!(party);
        body
    };
    let (status, problem) = world.call(REDEEM, &[], &signed_in("B01", &beat)).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (422, &json!("/party_id"), &json!("not_applicable"))
    );
    let (status, problem) = world
        .call(REDEEM, &[], &with_card(signed_in("SHOP", &beat), &card(2)))
        .await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/party_id")));
    refused(&world, REDEEM, &signed_in("SHOP", &anna), "voucher_other_customer").await;
    assert_eq!(
        must(&world, REDEEM, &signed_in("SHOP", &beat)).await["status"],
        "redeemed"
    );
    delivering.until_rest(&world).await;
    assert_eq!(results(&world).await["redeemed"], counted(2, 2_000));
}

#[tokio::test]
async fn a_blocked_card_takes_no_personal_voucher() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let [code, _] = given(&world, &mut delivering, &json!({"bearer": "personal"})).await;
    let number = card(1);
    let path = [("number", &*number)];
    let (status, answer) = world
        .call("POST /v1/cards/{number}/block", &path, &json!({"reason": "stolen"}))
        .await;
    assert_eq!(status, 200, "{answer}");
    let redeem = with_card(till::redeem("B01", &code, "10", 5_000), &card(1));
    refused(&world, REDEEM, &redeem, "voucher_other_customer").await;
}

#[tokio::test]
async fn x3_a_journal_takes_a_share_up_to_its_goods_and_a_personal_voucher_with_its_card() {
    for personal in [false, true] {
        let world = World::new().await;
        let mut delivering = Delivering::well();
        world.store_programme(with_offline(2)).await;
        let mut voucher = for_yarn();
        voucher["bearer"] = json!(if personal { "personal" } else { "bearer" });
        let [first, second] = given(&world, &mut delivering, &voucher).await;
        let allowance = allowance(&world, "B02").await;
        let entry = |number: u32, code: &str, goods: &[(&str, u32, i64)]| {
            let mut told = entry(&world, "B02", number, code);
            told["basket_by_vat"] = of_goods("B02", code, "1", goods)["basket_by_vat"].clone();
            told
        };
        let yarn = [("yarn", 810, 3_000), ("paper", 810, 6_000)];
        // CHF 5 were given; 15 % of CHF 30 are 4.50.
        let told = send(&world, &allowance, &[entry(10, &first, &yarn)]).await;
        if personal {
            assert_eq!(
                (&told[0]["outcome"], &told[0]["reason"], &told[0]["bearer"]),
                (&json!("lost"), &json!("no_customer"), &json!("branch"))
            );
            let other = with_card(entry(11, &first, &yarn), &card(2));
            let unknown = with_card(entry(12, &first, &yarn), &card(4_711));
            for lost in send(&world, &allowance, &[other, unknown]).await {
                assert_eq!(
                    (&lost["reason"], &lost["bearer"]),
                    (&json!("other_customer"), &json!("company"))
                );
            }
            let told = send(&world, &allowance, &[with_card(entry(13, &first, &yarn), &card(1))]).await;
            assert_eq!(told[0]["outcome"], "booked", "{told:?}");
        } else {
            assert_eq!(
                (&told[0]["booked"], &told[0]["lost"], &told[0]["reason"]),
                (&chf(450), &chf(50), &json!("more_than_face")),
                "{told:?}"
            );
            let paper = entry(11, &second, &[("paper", 810, 9_000)]);
            let unsaid = {
                let mut unsaid = entry(12, &second, &yarn);
                unsaid.as_object_mut().expect("fields").remove("basket_by_vat");
                unsaid
            };
            for lost in send(&world, &allowance, &[paper, unsaid]).await {
                assert_eq!(
                    (&lost["reason"], &lost["bearer"]),
                    (&json!("no_goods"), &json!("branch"))
                );
            }
        }
        delivering.until_rest(&world).await;
        Books::read(&world).await.check();
        assert_eq!(results(&world).await["redeemed"], counted(1, 450));
    }
}

#[tokio::test]
async fn l4_a_campaigns_voucher_is_taken_in_parts() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let [code, _] = given(
        &world,
        &mut delivering,
        &json!({"partial": true, "min_basket_minor": 0}),
    )
    .await;
    let mut some = till::redeem("B01", &code, "10", 5_000);
    some["amount"] = chf(400);
    let taken = must(&world, REDEEM, &some).await;
    assert_eq!(
        (&taken["status"], &taken["taken"], &taken["rest"]),
        (&json!("open"), &chf(400), &chf(600)),
        "{taken}"
    );
    let taken = must(&world, REDEEM, &till::redeem("B02", &code, "11", 300)).await;
    assert_eq!((&taken["taken"], &taken["rest"]), (&chf(300), &chf(300)));
    delivering.until_rest(&world).await;
    world.now += Duration::days(12);
    let next = tried_run(&world, &mut delivering, "vouchers").await;
    let forecast = &next["forecast"];
    assert_eq!(
        (&forecast["runs"], &forecast["redeemed_permille"]),
        (&json!([RUN]), &json!(500)),
        "X6: CHF 7 of two vouchers of CHF 10 are one of them, rounded up; {next}"
    );
    must(&world, "POST /v1/vouchers/reverse", &some).await;
    let taken = must(&world, REDEEM, &till::redeem("B03", &code, "12", 5_000)).await;
    assert_eq!((&taken["status"], &taken["taken"]), (&json!("redeemed"), &chf(700)));
    delivering.until_rest(&world).await;
    Books::read(&world).await.check();
    let told = results(&world).await;
    assert_eq!(
        (&told["redeemed"], &told["reversed"]),
        (&counted(2, 1_000), &counted(1, 400)),
        "{told}"
    );
}
