//! Days that together come to every call site of every handler: at the tills, in the office, of returns, of rules, of recounts,
//! of closes, of a bonus for points, at the points desk, of searching, on which a month's books are made, on which a file is imported, of workflows,
//! on which a person is told what is stored and is erased, on which a branch loses its line.
//!
//! Each day can be told over any world, however its calls and messages fail, and ends in the same state.

pub mod bonus;
pub mod campaign;
pub mod imports;
pub mod offline;
pub mod privacy;
pub mod workflows;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use domain::code::VoucherCode;
use domain::earning::{Caps, EarningRule, Effect, Per, When};
use domain::programme::{Expiry, PointsLife, Programme};
use http_edge::guard::ANSWERED_MAX;
use messages::ErpMessage;
use serde_json::{Value, json};

use crate::books::Books;
use crate::delivery::Delivering;
use crate::till::{self, receipt};
use crate::world::{PROGRAMME, TENANT, World, card, everywhere, second_person};

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// Receipts of a card, without a card, with an unregistered one that is registered later, a claim, vouchers, a
    /// reservation, a redemption with its receipt, whose goods all come back and the voucher with them.
    Tills,
    /// Locations, a version of the programme, a client and its keys, parties and cards, and everything that does not add up.
    Office,
    /// Goods that come back in parts and too much, before their receipt, without it, to a receipt without an account, years
    /// later; and voided receipts.
    Returns,
    /// Rules that ask for the customer, with a cap of the day: bonuses, multipliers, returns of such receipts, explanations.
    Rules,
    /// A rule was wrong: a corrected version, receipts counted again, approved and posted; goods come back before and after; and
    /// once more years later.
    Recount,
    /// The close of days: points begin to count, become vouchers and expire, and goods of an expired lot come back.
    Closes,
    /// Points moved by hand: corrections and transfers, alone and by two, one that is rejected; a voided voucher, and one that is
    /// blocked, opened again, reissued and extended.
    Desk,
    /// Customers are stored, renamed and searched for, under their old and new names and by card.
    Search,
    /// The first day of a month: finance's books of the last one, and the same again.
    Finance,
    /// Orders, invoices and payments of the ERP, by its calls and by its queue, some of them wrong; how the party pays.
    Erp,
    /// Tasks and a case, communication, an opportunity; all of a party at once.
    Service,
    /// A file with customers is imported, corrected, walked through again; and one that is refused.
    Import,
    /// A campaign, from its draft to a redeemed voucher, and one that starts by itself.
    Campaigns,
    /// A bonus that members pay for with points, one for each household.
    Bonus,
    /// Workflows are put in force and tried; an invoice, an opportunity and a party change, and they act.
    Workflows,
    /// A person asks what is stored about her, and is erased; what comes later brings nobody back.
    Privacy,
    /// A branch loses its line: an allowance, a journal with what is booked and what is lost, and who bears it.
    Offline,
}

impl Day {
    /// All days.
    pub const ALL: [Self; 17] = [
        Self::Tills,
        Self::Office,
        Self::Returns,
        Self::Rules,
        Self::Recount,
        Self::Closes,
        Self::Desk,
        Self::Search,
        Self::Finance,
        Self::Erp,
        Self::Service,
        Self::Import,
        Self::Campaigns,
        Self::Bonus,
        Self::Workflows,
        Self::Privacy,
        Self::Offline,
    ];

    /// Tells the day, and delivers its messages until nothing is left.
    ///
    /// # Panics
    /// When an answer is not the one that an undisturbed day gets.
    pub async fn tell(self, world: &mut World, delivering: &mut Delivering) {
        match self {
            Self::Tills => tills(world, delivering).await,
            Self::Office => office(world, delivering).await,
            Self::Returns => returns(world, delivering).await,
            Self::Rules => rules(world, delivering).await,
            Self::Recount => recount(world, delivering).await,
            Self::Closes => closes(world, delivering).await,
            Self::Desk => desk(world, delivering).await,
            Self::Search => search(world, delivering).await,
            Self::Finance => finance(world, delivering).await,
            Self::Erp => erp(world, delivering).await,
            Self::Service => service(world, delivering).await,
            Self::Import => Box::pin(imports::tell(world, delivering)).await,
            Self::Campaigns => Box::pin(campaign::tell(world, delivering)).await,
            Self::Bonus => Box::pin(bonus::tell(world, delivering)).await,
            Self::Workflows => Box::pin(workflows::tell(world, delivering)).await,
            Self::Privacy => Box::pin(privacy::tell(world, delivering)).await,
            Self::Offline => Box::pin(offline::tell(world, delivering)).await,
        }
    }

    /// The table after the day.
    ///
    /// # Panics
    /// When the books do not prove themselves, or something of the day is missing or doubled.
    pub async fn end(self, world: &World) -> Books {
        let books = Books::read(world).await;
        books.check();
        assert!(
            books.parked.is_empty(),
            "no receipt waits for a card that leads to a party"
        );
        let unmatched = books.vouchers.iter().filter(|v| v.unmatched().is_some()).count();
        let (receipts, exceptions, without_receipt, kept) = match self {
            Self::Tills => (6, 0, 0, 0),
            Self::Office => (2, 2, 1, 1),
            Self::Returns => (6, 3, 0, 0),
            Self::Rules => (4, 0, 0, 0),
            Self::Recount => (5, 0, 0, 0),
            Self::Closes => (4, 0, 0, 0),
            Self::Desk => (1, 0, 0, 0),
            Self::Search => (0, 0, 0, 0),
            Self::Finance => (2, 0, 1, 0),
            Self::Erp => (0, 0, 0, 0),
            Self::Service | Self::Bonus => (1, 0, 0, 0),
            Self::Import | Self::Workflows => (0, 0, 0, 0),
            Self::Privacy => (2, 0, 0, 0),
            Self::Offline => (3, 0, 0, 0),
            Self::Campaigns => (2, 0, 1, 0),
        };
        assert_eq!(books.receipts.len(), receipts);
        assert_eq!(books.exceptions, exceptions, "cases for an operator");
        assert_eq!(unmatched, without_receipt, "redemptions without their receipt");
        assert_eq!(world.not_understood().await, kept, "records kept in the bucket");
        books
    }
}

/// Makes a call that must end well: the first time or, after a fault, as the same call again.
async fn done(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
    let (status, answer) = world.call(route, path, body).await;
    assert!(matches!(status, 200 | 201), "{route}: {status} {answer}");
    answer
}

/// Reads something.
async fn read(world: &World, route: &str, path: &[(&str, &str)]) -> Value {
    done(world, route, path, &Value::Null).await
}

/// The listed items as their values of a field.
fn listed<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    let items = answer["items"].as_array().into_iter().flatten();
    items.filter_map(|item| item[field].as_str()).collect()
}

async fn tills(world: &World, delivering: &mut Delivering) {
    let (first_card, _) = world.customer(1).await;
    for (number, minor) in [("1", 30_000), ("2", 45_050), ("3", 99)] {
        let body = receipt("B01", number, minor, Some(&first_card));
        done(world, "POST /v1/purchases", &[], &body).await;
    }
    done(world, "POST /v1/purchases", &[], &receipt("B02", "1", 5_000, None)).await;
    let late = card(2);
    done(world, "POST /v1/cards", &[], &json!({"number": late})).await;
    let waiting = receipt("B02", "2", 7_000, Some(&late));
    let told = done(world, "POST /v1/purchases", &[], &waiting).await;
    assert_eq!(told["matched"], false);
    delivering.until_rest(world).await;

    let party = world.party(2).await;
    let (route, path) = ("POST /v1/cards/{number}/register", [("number", late.as_str())]);
    done(world, route, &path, &json!({"party_id": party})).await;
    let key = till::key("B02", "1");
    let (route, path) = ("POST /v1/purchases/{key}/claim", [("key", key.as_str())]);
    done(world, route, &path, &json!({"card": late})).await;
    delivering.until_rest(world).await;

    let (_, codes) = world.desk(&first_card).await;
    let code = codes.first().expect("a voucher was issued");
    let reserve = json!({"store": "B03", "till": "1", "code": code, "basket": "b1", "basket_total": till::chf(9_000)});
    done(world, "POST /v1/vouchers/reserve", &[], &reserve).await;
    let mut redeem = till::redeem("B03", code, "9", 9_000);
    redeem["basket"] = json!("b1");
    done(world, "POST /v1/vouchers/redeem", &[], &redeem).await;
    let paid = till::paid_with_voucher(receipt("B03", "9", 9_000, Some(&first_card)), code, 500);
    done(world, "POST /v1/purchases", &[], &paid).await;
    delivering.until_rest(world).await;

    // All of it comes back elsewhere, and the voucher can be taken again.
    let sold = till::key("B03", "9");
    let back = till::give_back("B02", "R9", Some(&sold), (1_000, 9_000));
    done(world, "POST /v1/returns", &[], &back).await;
    let rollback = json!({"store": "B02", "till": "1", "receipt": sold});
    let told = done(world, "POST /v1/vouchers/rollback", &[], &rollback).await;
    assert_eq!(told["vouchers"][0]["status"], "open", "{told}");
    delivering.until_rest(world).await;
}

async fn returns(world: &mut World, delivering: &mut Delivering) {
    let (card, party) = world.customer(1).await;
    let buy = async |world: &World, store: &str, number: &str, minor: i64, card: Option<&str>| {
        done(world, "POST /v1/purchases", &[], &receipt(store, number, minor, card)).await
    };
    let give = async |world: &World, body: &Value| done(world, "POST /v1/returns", &[], body).await;

    buy(world, "B01", "1", 60_000, Some(&card)).await;
    delivering.until_rest(world).await;
    let sold = till::key("B01", "1");
    let told = give(world, &till::give_back("B02", "R1", Some(&sold), (500, 20_000))).await;
    assert_eq!(
        (&told["expected_points"], &told["original_known"]),
        (&json!(-200), &json!(true))
    );
    delivering.until_rest(world).await;
    let too_much = till::give_back("B02", "R2", Some(&sold), (600, 50_000));
    let told = give(world, &too_much).await;
    assert_eq!(
        (&told["expected_points"], &told["surplus_lines"]),
        (&json!(-400), &json!([0]))
    );
    let mut other = too_much;
    other["lines"][0]["quantity_milli"] = json!(601);
    let (status, problem) = world.call("POST /v1/returns", &[], &other).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("return_contradiction")));
    delivering.until_rest(world).await;

    let early = till::give_back("B02", "R3", Some(&till::key("B03", "9")), (1_000, 30_000));
    assert_eq!(give(world, &early).await["original_known"], false);
    delivering.until_rest(world).await;
    buy(world, "B03", "9", 30_000, Some(&card)).await;
    void(world, "6").await;
    for number in ["5", "6"] {
        buy(world, "B01", number, 10_000, Some(&card)).await;
    }
    delivering.until_rest(world).await;
    void(world, "5").await;
    let mut unnamed = till::give_back("B02", "R4", None, (1_000, 5_000));
    unnamed["card"] = json!(card);
    assert_eq!(give(world, &unnamed).await["expected_points"], -50);
    unnamed["number"] = json!("R5");
    unnamed["card"] = json!(crate::world::card(9));
    assert_eq!(give(world, &unnamed).await["matched"], false);

    buy(world, "B02", "1", 5_000, None).await;
    give(
        world,
        &till::give_back("B02", "R6", Some(&till::key("B02", "1")), (1_000, 5_000)),
    )
    .await;
    let key = till::key("B02", "1");
    let (route, path) = ("POST /v1/purchases/{key}/claim", [("key", key.as_str())]);
    done(world, route, &path, &json!({"card": card})).await;
    buy(world, "B01", "7", 12_000, Some(&card)).await;
    delivering.until_rest(world).await;

    world.now += TimeDelta::days(3 * 365);
    let mut years_later = till::give_back("B02", "R7", Some(&till::key("B01", "7")), (1_000, 12_000));
    years_later["business_date"] = json!("2029-11-21");
    give(world, &years_later).await;
    delivering.until_rest(world).await;
    let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
    let points = read(world, &route, &[("party_id", &party)]).await;
    // A voucher of 500 and 50 points of an unnamed return: everything else came and went.
    assert_eq!(
        (&points["balance"], &points["revenue"]),
        (&json!(-550), &till::chf(-5_000))
    );
}

/// The programme of [`Day::Rules`]: 50 points for the first purchase, double points for `vip`, at most 700 points a day.
pub fn with_rules() -> Programme {
    let rule = |id: &str, when: &str, effect: Effect| EarningRule {
        id: id.to_owned(),
        name: id.to_owned(),
        when: Some(When::compile(when).expect("a condition")),
        from: None,
        until: None,
        effect,
    };
    let first = Effect::Bonus {
        points: 50,
        per: Per::Receipt,
    };
    Programme {
        version: 2,
        rules: vec![
            rule("first", "customer.first_purchase", first),
            rule(
                "vip",
                r#""vip" in customer.segments"#,
                Effect::Multiply { percent: 200 },
            ),
        ],
        caps: Caps {
            receipt: None,
            day: Some(700),
        },
        ..Programme::swiss_default(PROGRAMME.parse().expect("an id"))
    }
}

async fn rules(world: &World, delivering: &mut Delivering) {
    world.store_programme(with_rules()).await;
    let (card, party) = world.customer(1).await;
    let path = [("party_id", party.as_str())];
    let segments = "PUT /v1/parties/{party_id}/segments";
    done(world, segments, &path, &json!({"segments": ["vip", "north"]})).await;
    let read_segments = "GET /v1/parties/{party_id}/segments";
    assert_eq!(
        read(world, read_segments, &path).await["segments"],
        json!(["north", "vip"])
    );
    let buy = async |world: &World, store: &str, number: &str, minor: i64| {
        let body = receipt(store, number, minor, Some(&card));
        done(world, "POST /v1/purchases", &[], &body).await["expected"]["points"].clone()
    };

    assert_eq!(
        buy(world, "B01", "1", 20_000).await,
        450,
        "double, and the first purchase"
    );
    // Nothing is posted yet, so that the return is told by what the account will be.
    let back = till::give_back("B02", "R1", Some(&till::key("B01", "1")), (500, 10_000));
    let told = done(world, "POST /v1/returns", &[], &back).await;
    assert_eq!(told["expected_points"], -200);
    delivering.until_rest(world).await;

    assert_eq!(
        buy(world, "B02", "2", 20_000).await,
        250,
        "450 of 700 points of the day are taken"
    );
    done(world, segments, &path, &json!({"segments": []})).await;
    delivering.until_rest(world).await;
    assert_eq!(buy(world, "B02", "3", 20_000).await, 0);
    let mut yesterday = receipt("B01", "4", 20_000, Some(&card));
    yesterday["business_date"] = json!("2026-11-21");
    let told = done(world, "POST /v1/purchases", &[], &yesterday).await;
    assert_eq!(told["expected"]["points"], 200, "another day, and no segment any more");
    delivering.until_rest(world).await;
    let back = till::give_back("B02", "R2", Some(&till::key("B02", "2")), (500, 10_000));
    let told = done(world, "POST /v1/returns", &[], &back).await;
    // 200 doubled points are left, of which 250 could count.
    assert_eq!(told["expected_points"], -50);
    delivering.until_rest(world).await;

    let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
    let points = read(world, &route, &path).await;
    let vouchers = points["vouchers_issued"].as_i64().expect("a count");
    // 450 - 200 + 250 + 0 + 200 - 50.
    assert_eq!(points["balance"].as_i64(), Some(650 - 500 * vouchers));
    let explain = format!("GET /v1/parties/{{party_id}}/points/{{entry_id}}?programme={PROGRAMME}");
    for entry in points["entries"].as_array().expect("entries") {
        let id = entry["entry_id"].as_str().expect("an id");
        let told = read(world, &explain, &[path[0], ("entry_id", id)]).await;
        assert_eq!((&told["entry"], &told["reproduced"]), (entry, &json!(true)));
    }
}

async fn recount(world: &mut World, delivering: &mut Delivering) {
    let (card, party) = world.customer(1).await;
    let (other, rich) = world.customer(2).await;
    for (store, number, minor, card) in [
        ("B01", "1", 20_000, Some(&card)),
        ("B02", "1", 10_000, Some(&card)),
        ("B02", "2", 40_000, Some(&other)),
        ("B03", "1", 5_000, None),
        ("B03", "2", 900, Some(&other)),
    ] {
        let body = receipt(store, number, minor, card.map(String::as_str));
        done(world, "POST /v1/purchases", &[], &body).await;
    }
    delivering.until_rest(world).await;
    let half = till::give_back("B02", "R1", Some(&till::key("B01", "1")), (500, 10_000));
    done(world, "POST /v1/returns", &[], &half).await;
    delivering.until_rest(world).await;

    // Double points on the 22nd, and nothing on small receipts.
    let path = [("programme_id", PROGRAMME)];
    let current = read(world, "GET /v1/programmes/{programme_id}", &path).await;
    let mut settings = current["settings"].clone();
    settings["rules"] = json!([
        {"id": "double", "name": "Double", "when": "receipt.day == 22", "effect": {"kind": "multiply", "percent": 200}},
        {"id": "small", "name": "Not small", "when": "receipt.total < 1000", "effect": {"kind": "exclude"}},
    ]);
    let ask = async |world: &World, run: &str, version: u32| {
        let body = json!({
            "programme": PROGRAMME, "version": version, "from": "2026-11-22", "until": "2026-11-22",
            "reason": "A rule was missing",
        });
        let route = "PUT /v1/recalculations/{run_id}";
        let (status, answer) = world.call(route, &[("run_id", run)], &body).await;
        assert!(matches!(status, 200 | 202), "{status} {answer}");
    };
    // 200 less 100, 100 and 400 become the double; 9 become nothing.
    let counted = json!({
        "receipts": 4, "receipts_without_account": 1, "receipts_not_posted": 0, "receipts_skipped": 0, "receipts_failed": 0,
        "receipts_changed": 4, "points_before": 609, "points_after": 1_200, "more": 600, "less": 9,
    });
    let body = json!({"expected_version": 1, "reason": "A rule was missing", "settings": settings});
    done(world, "PUT /v1/programmes/{programme_id}", &path, &body).await;
    ask(world, "mend", 2).await;
    delivering.until_rest(world).await;
    assert_eq!(run(world, "mend").await["counted"], counted);
    let route = "GET /v1/recalculations/{run_id}/differences";
    let (mut customers, mut next) = (Vec::new(), String::new());
    loop {
        let page = read(world, &format!("{route}{next}"), &[("run_id", "mend")]).await;
        customers.extend(page["customers"].as_array().expect("customers").clone());
        match page["next"].as_str() {
            Some(token) => next = format!("?next={token}"),
            None => break,
        }
    }
    let mut differences: Vec<_> = customers.iter().map(|one| one["difference"].as_i64()).collect();
    differences.sort_unstable();
    assert_eq!(differences, [Some(200), Some(391)]);

    // Goods come back between the look and the posting.
    let rest = till::give_back("B02", "R2", Some(&till::key("B02", "1")), (500, 5_000));
    done(world, "POST /v1/returns", &[], &rest).await;
    delivering.until_rest(world).await;
    let route = "POST /v1/recalculations/{run_id}/approve";
    let (status, problem) = world.call(route, &[("run_id", "mend")], &Value::Null).await;
    assert_eq!((status, &problem["code"]), (403, &json!("approval_by_author")));
    let second = second_person();
    let (status, answer) = world.call_as(&second, route, &[("run_id", "mend")], &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(world).await;
    let posted = run(world, "mend").await;
    assert_eq!(posted["state"], "posted");
    assert_eq!(
        (&posted["posted"]["more"], &posted["posted"]["less"]),
        (&json!(550), &json!(9))
    );

    let last = till::give_back("B02", "R3", Some(&till::key("B01", "1")), (250, 5_000));
    done(world, "POST /v1/returns", &[], &last).await;
    delivering.until_rest(world).await;
    let balance = async |world: &World, party: &str| {
        let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
        let points = read(world, &route, &[("party_id", party)]).await;
        let vouchers = points["vouchers_issued"].as_i64().expect("a count");
        points["balance"].as_i64().expect("a balance") + 500 * vouchers
    };
    // CHF 50 of the first receipt and CHF 50 of the second are left, doubled; CHF 400, doubled.
    assert_eq!((balance(world, &party).await, balance(world, &rich).await), (200, 800));

    // Years later: half a point a franc, of lots whose last day is over.
    world.now += TimeDelta::days(3 * 365);
    let mut half = Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    (half.version, half.earning.per_minor) = (3, 200);
    world.store_programme(half).await;
    ask(world, "late", 3).await;
    delivering.until_rest(world).await;
    let (status, answer) = world.call_as(&second, route, &[("run_id", "late")], &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(world).await;
    assert_eq!((balance(world, &party).await, balance(world, &rich).await), (50, 204));
}

/// A recalculation, as the list and the call for it show it.
async fn run(world: &World, id: &str) -> Value {
    let shown = read(world, "GET /v1/recalculations/{run_id}", &[("run_id", id)]).await;
    let listed = read(world, "GET /v1/recalculations", &[]).await;
    let items = listed["items"].as_array().expect("runs");
    assert!(items.contains(&shown), "{listed}");
    shown
}

async fn closes(world: &mut World, delivering: &mut Delivering) {
    let programme = Programme {
        version: 2,
        points: PointsLife {
            pending_days: 14,
            expiry: Expiry::Months { months: 1 },
            grace_days: 1,
        },
        ..Programme::swiss_default(PROGRAMME.parse().expect("an id"))
    };
    world.store_programme(programme).await;
    let (first, party) = world.customer(1).await;
    let (second, other) = world.customer(2).await;
    let buy = async |world: &World, number: &str, minor: i64, card: &str| {
        let body = receipt("B01", number, minor, Some(card));
        done(world, "POST /v1/purchases", &[], &body).await
    };
    buy(world, "1", 30_000, &first).await;
    buy(world, "2", 60_000, &second).await;
    delivering.until_rest(world).await;
    let balances = async |world: &World| {
        let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
        let mut found = Vec::new();
        for party in [&party, &other] {
            let points = read(world, &route, &[("party_id", party)]).await;
            found.push((points["balance"].as_i64(), points["pending"].as_i64()));
        }
        found
    };
    let is = |balance: i64, pending: i64| (Some(balance), Some(pending));
    assert_eq!(balances(world).await, [is(0, 300), is(0, 600)]);

    world.now += TimeDelta::days(14);
    close(world, delivering).await;
    assert_eq!(
        balances(world).await,
        [is(300, 0), is(100, 0)],
        "600 points became a voucher and 100"
    );
    buy(world, "3", 25_000, &first).await;
    delivering.until_rest(world).await;
    assert_eq!(
        balances(world).await,
        [is(50, 0), is(100, 0)],
        "a late receipt counts at once"
    );

    world.now += TimeDelta::days(17);
    close(world, delivering).await;
    assert_eq!(
        balances(world).await,
        [is(0, 0), is(0, 0)],
        "22 December was the last day"
    );
    let mut back = till::give_back("B02", "R1", Some(&till::key("B01", "1")), (1_000, 30_000));
    back["business_date"] = json!("2026-12-23");
    done(world, "POST /v1/returns", &[], &back).await;
    buy(world, "4", 1_000, &second).await;
    delivering.until_rest(world).await;
    // 300 points of the receipt went into a voucher and expired: 50 of them are forgiven, the rest is owed.
    assert_eq!(balances(world).await, [is(-250, 0), is(10, 0)]);
}

/// Support moves points by hand; a second person decides what is above the limit.
async fn desk(world: &World, delivering: &mut Delivering) {
    let mut programme = Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    programme.version = 2;
    programme.adjustments.transfers = true;
    world.store_programme(programme).await;
    let (card, party) = world.customer(1).await;
    let (_, other) = world.customer(2).await;
    done(
        world,
        "POST /v1/purchases",
        &[],
        &receipt("B01", "1", 60_000, Some(&card)),
    )
    .await;
    delivering.until_rest(world).await;

    let path = [("party_id", party.as_str())];
    let household = json!({"relationship": "household", "other": other});
    done(world, "POST /v1/parties/{party_id}/relationships", &path, &household).await;
    let correct = async |points: i64, token: &str| {
        let body = json!({"programme": PROGRAMME, "points": points, "reason": "Goodwill", "client_token": token});
        asked(world, "POST /v1/parties/{party_id}/points/corrections", &path, &body).await
    };
    let transfer = async |points: i64, token: &str| {
        let body = json!({
            "programme": PROGRAMME, "to": other, "points": points, "reason": "One household", "client_token": token,
        });
        asked(world, "POST /v1/parties/{party_id}/points/transfers", &path, &body).await
    };
    let void = json!({"programme": PROGRAMME, "reason": "The letter came back", "client_token": "v1"});
    let (route, first) = (
        "POST /v1/parties/{party_id}/vouchers/{sequence}/void",
        [path[0], ("sequence", "1")],
    );
    assert_eq!(asked(world, route, &first, &void).await["points"], 500);
    delivering.until_rest(world).await;
    single_voucher(world, &party).await;
    assert_eq!(correct(250, "c1").await["status"], "posted");
    assert_eq!(transfer(100, "t1").await["status"], "posted");
    let waiting = correct(-600, "c2").await;
    let refused = correct(700, "c3").await;
    decide(world, &waiting, "approve", &Value::Null).await;
    decide(world, &refused, "reject", &json!({"reason": "Not ours"})).await;
    for (status, count) in [("awaiting_approval", 0), ("posted", 8), ("rejected", 1)] {
        let page = read(world, &format!("GET /v1/points/corrections?status={status}"), &[]).await;
        assert_eq!(listed(&page, "id").len(), count, "{status}");
    }
    delivering.until_rest(world).await;
    // 600 of the receipt became a voucher and 100, and again after the first was voided; 250 more, 100 to the other, 600 less.
    let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
    assert_eq!(read(world, &route, &path).await["balance"], -350);
    assert_eq!(read(world, &route, &[("party_id", &other)]).await["balance"], 100);
}

/// The second voucher is blocked, opened again and reissued; what stands in its place is valid for longer.
async fn single_voucher(world: &World, party: &str) {
    for (what, sequence, token) in [
        ("block", "2", "s1"),
        ("unblock", "2", "s2"),
        ("reissue", "2", "s3"),
        ("extend", "2.1", "s4"),
    ] {
        let path = [("party_id", party), ("sequence", sequence)];
        let mut body = json!({"programme": PROGRAMME, "reason": "The letter was lost", "client_token": token});
        if what == "extend" {
            body["valid_until"] = json!("2029-12-31");
        }
        let route = format!("POST /v1/parties/{{party_id}}/vouchers/{{sequence}}/{what}");
        assert_eq!(asked(world, &route, &path, &body).await["points"], 0);
    }
    let route = format!("GET /v1/parties/{{party_id}}/vouchers/{{sequence}}?programme={PROGRAMME}");
    let shown = read(world, &route, &[("party_id", party), ("sequence", "2.1")]).await;
    assert_eq!(
        (&shown["state"]["status"], &shown["state"]["valid_until"]),
        (&json!("open"), &json!("2029-12-31"))
    );
}

/// Asks for something that is done at once or kept for a second person.
async fn asked(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
    let (status, answer) = world.call(route, path, body).await;
    assert!(matches!(status, 200..=202), "{route}: {status} {answer}");
    answer
}

/// A second person approves or rejects.
async fn decide(world: &World, adjustment: &Value, what: &str, body: &Value) {
    let mut second = everywhere();
    second.subject = "second".parse().expect("a subject");
    let route = format!("POST /v1/points/corrections/{{id}}/{what}");
    let path = [("id", adjustment["id"].as_str().expect("an id"))];
    let (status, answer) = world.call_as(&second, &route, &path, body).await;
    assert_eq!(status, 200, "{answer}");
}

/// The hour strikes, and everything it asks for is done.
async fn close(world: &World, delivering: &mut Delivering) {
    world.ask_for_close().await;
    delivering.until_rest(world).await;
}

/// Points of two branches become a voucher that a third one takes; the books of the month, and a second revision.
async fn finance(world: &mut World, delivering: &mut Delivering) {
    let (card, _) = world.customer(1).await;
    for (store, minor) in [("B01", 30_000), ("B02", 40_000)] {
        done(
            world,
            "POST /v1/purchases",
            &[],
            &receipt(store, "1", minor, Some(&card)),
        )
        .await;
        delivering.until_rest(world).await;
    }
    redemption_without_receipt(world, &card).await;
    delivering.until_rest(world).await;

    world.now = "2026-12-01T02:17:00Z".parse().expect("an instant");
    world.ask_for_books().await;
    delivering.until_rest(world).await;
    let (route, path) = (
        "/v1/finance/{programme_id}/{month}",
        [("programme_id", PROGRAMME), ("month", "2026-11")],
    );
    let first = read(world, &format!("GET {route}"), &path).await;
    assert_eq!(
        (&first["state"], &first["total"]["closing"]),
        (&json!("complete"), &json!(200))
    );

    let asked = world
        .call(&format!("POST {route}"), &path, &json!({"expected_revision": 1}))
        .await;
    assert_eq!(asked.0, 202, "{}", asked.1);
    delivering.until_rest(world).await;
    let second = read(world, &format!("GET {route}"), &path).await;
    assert_eq!((&second["revision"], &second["total"]), (&json!(2), &first["total"]));
    for revision in [1, 2] {
        let file = world
            .file(&format!("{TENANT}/{PROGRAMME}/2026-11/{revision}/manifest.json"))
            .await;
        assert!(file.is_some(), "the manifest of revision {revision}");
    }
}

/// A document as the ERP puts it on its queue.
pub fn document(kind: &str, document: Value) -> ErpMessage {
    ErpMessage {
        tenant: TENANT.parse().expect("a tenant"),
        kind: kind.to_owned(),
        document,
    }
}

/// The ERP sends an order, an invoice with two payments, one of them first, corrects a payment, and gets one invoice wrong.
async fn erp(world: &World, delivering: &mut Delivering) {
    let party = world.party(1).await;
    let path = [("party_id", party.as_str())];
    let of_party = json!({"system": "test", "id": "1"});
    let total = till::chf(20_000);
    let order = json!({
        "number": "A-1", "revision": 1, "external_id": of_party, "date": "2026-10-01", "status": "open", "total": total,
        "lines": [{"article": "TS", "text": "T-Shirt", "quantity_milli": 10_000, "amount": total}],
    });
    done(world, "POST /v1/erp/orders", &[], &order).await;
    let mut delivered = order;
    (delivered["revision"], delivered["status"]) = (json!(2), json!("delivered"));
    let invoice = |number: &str, due: &str| {
        json!({
            "number": number, "revision": 1, "external_id": of_party, "date": "2026-10-02", "due_date": due,
            "total": total, "dunning_level": 1, "status": "open",
        })
    };
    let payment = |number: &str, date: &str, revision: u32| json!({"number": number, "revision": revision, "invoice": "R-1", "date": date, "amount": till::chf(10_000)});
    done(world, "POST /v1/erp/payments", &[], &payment("Z-1", "2026-10-20", 1)).await;
    done(world, "POST /v1/erp/invoices", &[], &invoice("R-1", "2026-11-01")).await;
    let messages = vec![
        document("order", delivered),
        document("payment", payment("Z-2", "2026-11-03", 1)),
        document("payment", payment("Z-2", "2026-11-05", 2)),
        document("invoice", invoice("R-2", "2026-11-10")),
        document("invoice", invoice("R-3", "2026-10-01")),
    ];
    delivering.erp(world, messages).await;

    let orders = read(world, "GET /v1/parties/{party_id}/orders", &path).await;
    assert_eq!(listed(&orders, "status"), ["delivered"]);
    let morale = read(world, "GET /v1/parties/{party_id}/payment-morale", &path).await;
    let figures =
        ["invoices", "paid_late", "overdue", "mean_days_late", "worst_days_late"].map(|name| morale[name].as_i64());
    // R-1 came in full 4 days late, R-2 is 12 days overdue.
    assert_eq!(figures, [2, 1, 1, 8, 12].map(Some));
    let rejected = read(world, "GET /v1/erp/rejected", &[]).await;
    assert_eq!(listed(&rejected, "number"), ["R-3"]);
    let id = listed(&rejected, "document_id")[0].to_owned();
    let (route, path) = (
        "POST /v1/erp/rejected/{document_id}/done",
        [("document_id", id.as_str())],
    );
    done(world, route, &path, &Value::Null).await;
    assert_eq!(
        listed(&read(world, "GET /v1/erp/rejected", &[]).await, "number").len(),
        0
    );
    let waiting = read(world, "GET /v1/erp/waiting-payments", &[]).await;
    assert_eq!(listed(&waiting, "invoice").len(), 0, "every invoice has come");
}

/// Somebody calls about a receipt: a case with a task that is finished, reopened and finished, and something to sell.
async fn service(world: &World, delivering: &mut Delivering) {
    let (card, party) = world.customer(1).await;
    let path = [("party_id", party.as_str())];
    let bought = receipt("B01", "1", 30_000, Some(&card));
    done(world, "POST /v1/purchases", &[], &bought).await;
    delivering.until_rest(world).await;
    let text = |answer: &Value, field: &str| answer[field].as_str().expect("a text").to_owned();

    let call = json!({
        "kind": "call", "direction": "inbound", "subject": "Receipt", "text": "One line counts twice.",
        "at": world.now, "client_token": "call-1",
    });
    done(world, "POST /v1/parties/{party_id}/communications", &path, &call).await;
    let body = json!({"title": "Receipt of B01", "party_id": party, "client_token": "case-1"});
    let case = text(&done(world, "POST /v1/cases", &[], &body).await, "case_id");
    let body = json!({
        "title": "Look at the receipt", "queue": "support", "due": "2026-11-25", "party_id": party, "case_id": case,
        "client_token": "task-1",
    });
    let task = text(&done(world, "POST /v1/tasks", &[], &body).await, "task_id");
    let listed_now =
        async |query: &str| listed(&read(world, &format!("GET /v1/tasks?{query}"), &[]).await, "task_id").len();
    assert_eq!(listed_now("queue=support&due_before=2026-11-26").await, 1);
    for (seen, what) in ["claim", "finish", "reopen", "finish"].into_iter().enumerate() {
        let route = format!("POST /v1/tasks/{{task_id}}/{what}");
        let mut body = json!({"expected_version": seen + 1});
        if what == "claim" {
            body["assignee"] = json!("pos");
        }
        done(world, &route, &[("task_id", &task)], &body).await;
    }
    let older = read(world, "GET /v1/tasks/{task_id}/history", &[("task_id", &task)]).await;
    assert_eq!(listed(&older, "what").len(), 0, "it holds its few steps itself");
    assert_eq!(
        (listed_now("queue=support").await, listed_now("assignee=pos").await),
        (0, 0)
    );
    let shown = read(world, "GET /v1/cases/{case_id}", &[("case_id", &case)]).await;
    assert_eq!(
        (&shown["open_tasks"], &shown["tasks"][0]["status"]),
        (&json!(0), &json!("done"))
    );
    let close = json!({"status": "closed", "expected_version": shown["version"]});
    done(world, "PUT /v1/cases/{case_id}/status", &[("case_id", &case)], &close).await;

    let stand = |stage: &str, outcome: &str| {
        json!({
            "stage": stage, "outcome": outcome, "value": till::chf(90_000), "probability": 50, "close_on": "2026-12-15",
        })
    };
    let mut body = stand("offer", "open");
    (body["title"], body["client_token"]) = (json!("Shirts"), json!("opp-1"));
    let made = done(world, "POST /v1/parties/{party_id}/opportunities", &path, &body).await;
    let pipeline = read(world, "GET /v1/opportunities?stage=offer", &[]).await;
    assert_eq!(listed(&pipeline, "opportunity_id").len(), 1);
    let chance = text(&made, "opportunity_id");
    let (route, which) = (
        "PUT /v1/parties/{party_id}/opportunities/{opportunity_id}",
        [path[0], ("opportunity_id", chance.as_str())],
    );
    let mut body = stand("deal", "won");
    body["expected_version"] = json!(1);
    done(world, route, &which, &body).await;

    let overview = read(
        world,
        &format!("GET /v1/parties/{{party_id}}/overview?programme={PROGRAMME}"),
        &path,
    )
    .await;
    let items = overview["timeline"]["items"].as_array().expect("items");
    let kinds: BTreeSet<_> = items.iter().filter_map(|item| item["what"]["kind"].as_str()).collect();
    assert_eq!(kinds, ["case", "communication", "points", "task"].into());
    assert_eq!(overview["account"]["balance"], 300);
    leads(world, delivering).await;
}

/// Two leads with the address of somebody known: one is that party, the other one is a customer of its own.
async fn leads(world: &World, delivering: &mut Delivering) {
    let lead = |family: &str, token: &str| {
        json!({
            "kind": "person", "given_name": "Lea", "family_name": family, "client_token": token,
            "contacts": [{"kind": "email", "email": "lea@example.ch"}],
        })
    };
    let known = done(world, "POST /v1/parties", &[], &lead("Amstad", "known-1")).await;
    let known = known["party_id"].as_str().expect("an id");
    let taken_in = async |family: &str, token: &str| {
        let body = json!({"party": lead(family, token), "source": "fair", "task_queue": "sales"});
        done(world, "POST /v1/leads", &[], &body).await;
        let again = done(world, "POST /v1/leads", &[], &body).await;
        again["party_id"].as_str().expect("an id").to_owned()
    };
    let (first, second) = (taken_in("Amstad", "lead-1").await, taken_in("Odermatt", "lead-2").await);
    delivering.until_rest(world).await;
    let convert = "POST /v1/leads/{party_id}/convert";
    let path = [("party_id", first.as_str())];
    for _ in 0..2 {
        let lead = done(world, convert, &path, &json!({"into": known})).await;
        assert_eq!(lead["converted_into"], known);
    }
    let path = [("party_id", second.as_str())];
    let found = read(world, "GET /v1/leads/{party_id}/candidates", &path).await;
    assert_eq!(found["candidates"].as_array().map(Vec::len), Some(2), "{found}");
    let body = json!({"as": "customer", "not_the_same_as": [known, first]});
    assert_eq!(done(world, convert, &path, &body).await["status"], "customer");
    let tasks = read(world, "GET /v1/tasks?queue=sales", &[]).await;
    assert_eq!(listed(&tasks, "task_id").len(), 2);
    delivering.until_rest(world).await;
}

async fn void(world: &World, number: &str) {
    let key = till::key("B01", number);
    let (route, path) = ("POST /v1/purchases/{key}/void", [("key", key.as_str())]);
    done(world, route, &path, &Value::Null).await;
    let again = world.call(route, &path, &Value::Null).await;
    assert_eq!(again.0, 200, "{again:?}");
}

async fn office(world: &mut World, delivering: &mut Delivering) {
    locations(world).await;
    programme(world).await;
    keys(world).await;
    let (party, card) = customer(world).await;
    parties(world, &party).await;
    what_does_not_add_up(world, &card).await;
    delivering.until_rest(world).await;
    points(world, &party).await;
    redemption_without_receipt(world, &card).await;
    image_of_tomorrow(world).await;
    delivering.until_rest(world).await;
    // The new version of the programme lists what does not match after an hour.
    world.now += TimeDelta::hours(2);
    reports(world).await;
}

async fn locations(world: &World) {
    let body = json!({"name": "Chur", "kind": "branch", "programme": PROGRAMME});
    done(
        world,
        "PUT /v1/locations/{location_id}",
        &[("location_id", "B25")],
        &body,
    )
    .await;
    let (route, path) = ("POST /v1/locations/{location_id}/close", [("location_id", "B24")]);
    done(world, route, &path, &json!({"last_day": "2026-11-21"})).await;
    let answer = read(world, "GET /v1/locations", &[]).await;
    assert_eq!(listed(&answer, "location_id").len(), 26);
    assert_eq!(listed(&answer, "last_day"), ["2026-11-21"]);
}

async fn programme(world: &World) {
    let path = [("programme_id", PROGRAMME)];
    let before = read(world, "GET /v1/programmes/{programme_id}", &path).await;
    let mut settings = before["settings"].clone();
    settings["unmatched_hours"] = json!(1);
    let body = json!({"expected_version": before["version"], "reason": "Test", "settings": settings});
    let after = done(world, "PUT /v1/programmes/{programme_id}", &path, &body).await;
    assert_eq!((&before["version"], &after["version"]), (&json!(1), &json!(2)));
}

async fn keys(world: &World) {
    let path = [("client_id", "new-tills")];
    let body = json!({"name": "New tills", "scopes": ["purchases:write"], "locations": ["*"]});
    done(world, "PUT /v1/clients/{client_id}", &path, &body).await;
    let make = "POST /v1/clients/{client_id}/keys";
    let old = done(world, make, &path, &json!({"client_token": "first"})).await;
    let new = done(world, make, &path, &json!({"client_token": "second"})).await;
    let text = |key: &Value, field: &str| key[field].as_str().expect("a text").to_owned();
    assert!(world.authorizes(&text(&old, "key"), "POST /v1/purchases").await);
    assert!(!world.authorizes(&text(&old, "key"), "GET /v1/clients").await);

    let key_id = text(&old, "key_id");
    let path = [("client_id", "new-tills"), ("key_id", key_id.as_str())];
    read(world, "DELETE /v1/clients/{client_id}/keys/{key_id}", &path).await;
    assert!(!world.authorizes(&text(&old, "key"), "POST /v1/purchases").await);
    assert!(world.authorizes(&text(&new, "key"), "POST /v1/purchases").await);
    let answer = read(world, "GET /v1/clients", &[]).await;
    assert_eq!(answer["items"][0]["keys"][0]["key_id"], new["key_id"]);
    assert_eq!(answer["items"][0]["keys"].as_array().map(Vec::len), Some(1));
}

/// A party found by its external id, with a card of each state; the active one is returned.
async fn customer(world: &World) -> (String, String) {
    let party = world.party(1).await;
    assert_eq!(world.party(1).await, party, "found by its external id");
    let issue = json!({"number": card(1), "party_id": party});
    done(world, "POST /v1/cards", &[], &issue).await;
    let (old, replace) = (card(1), json!({"new_number": card(2)}));
    done(world, "POST /v1/cards/{number}/replace", &[("number", &old)], &replace).await;

    let made = done(world, "POST /v1/cards", &[], &json!({"client_token": "desk-1"})).await;
    let number = made["number"].as_str().expect("a number");
    let path = [("number", number)];
    let command =
        async |what: &str, body: Value| done(world, &format!("POST /v1/cards/{{number}}/{what}"), &path, &body).await;
    command("register", json!({"party_id": party})).await;
    command("block", json!({"reason": "lost"})).await;
    command("unblock", Value::Null).await;
    command("block", json!({"reason": "stolen"})).await;

    let shown = read(world, "GET /v1/parties/{party_id}", &[("party_id", &party)]).await;
    let cards = shown["cards"].as_array().into_iter().flatten();
    let statuses: BTreeSet<_> = cards.filter_map(|card| card["status"].as_str()).collect();
    assert_eq!(statuses, ["active", "blocked", "replaced"].into());
    (party, card(2))
}

/// Types of the tenant's own, the own company, and a party whose parts change.
async fn parties(world: &World, party: &str) {
    let before = read(world, "GET /v1/party-types", &[]).await;
    let mut types = before["types"].clone();
    types["contact_lists"] = json!([{"type": "club", "name": "Club"}]);
    let body = json!({"expected_version": 0, "types": types});
    let after = done(world, "PUT /v1/party-types", &[], &body).await;
    assert_eq!((&before["version"], &after["version"]), (&json!(0), &json!(1)));
    done(world, "PUT /v1/company", &[], &json!({"name": "Treue Handels AG"})).await;

    let path = [("party_id", party)];
    let contact = json!({"kind": "email", "email": "anna@example.ch"});
    done(world, "POST /v1/parties/{party_id}/contacts", &path, &contact).await;
    let id = json!({"system": "shop", "id": "10042"});
    done(world, "POST /v1/parties/{party_id}/identifiers", &path, &id).await;
    done(world, "POST /v1/parties/{party_id}/identifiers/end", &path, &id).await;
    let club = [("party_id", party), ("list", "club")];
    let said = json!({"state": "granted", "source": "till", "text_version": "1"});
    done(world, "PUT /v1/parties/{party_id}/lists/{list}", &club, &said).await;
    let answer = read(world, "GET /v1/parties/{party_id}/changes", &path).await;
    let kinds: Vec<_> = answer["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| &c["fields"][0])
        .collect();
    assert_eq!(
        kinds[..2],
        ["/lists/club", "/identifiers/shop"],
        "the last change stands once"
    );
    assert_eq!(answer["changes"].as_array().map(Vec::len), Some(5));
}

/// A receipt, another one under its key, a payment with a voucher that nobody issued, and a till that guesses.
async fn what_does_not_add_up(world: &World, card: &str) {
    done(
        world,
        "POST /v1/purchases",
        &[],
        &receipt("B01", "1", 60_000, Some(card)),
    )
    .await;
    let other = receipt("B01", "1", 60_001, Some(card));
    let (status, problem) = world.buy(&other).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("receipt_contradiction")));

    let code = VoucherCode::derive(b"the key of another system", "nobody's").to_string();
    let paid = till::paid_with_voucher(receipt("B01", "2", 2_000, Some(card)), &code, 500);
    done(world, "POST /v1/purchases", &[], &paid).await;
    // At a till of its own: where it goes over the limit, no vouchers are shown.
    let check = json!({"store": "B01", "till": "9", "code": code});
    let (status, problem) = world.call("POST /v1/vouchers/check", &[], &check).await;
    assert_eq!((status, problem["code"].as_str()), (404, Some("voucher_unknown")));
    ask_up_to_the_limit(world).await;
    let (status, problem) = world.call("POST /v1/vouchers/check", &[], &check).await;
    assert_eq!((status, problem["code"].as_str()), (429, Some("too_many_unknown")));
}

/// As many unknown codes as a till is answered, without the waits in between.
async fn ask_up_to_the_limit(world: &World) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let hour = world.now.timestamp().div_euclid(3_600).to_string();
    let call = world.db.client().update_item().table_name(world.db.table());
    call.key("pk", text(&format!("GUESS#{TENANT}#pos#B01#9")))
        .key("sk", text(&hour))
        .update_expression("SET n = :limit")
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_values(":limit", AttributeValue::N(ANSWERED_MAX.to_string()))
        .send()
        .await
        .expect("the till's guesses are counted");
}

async fn points(world: &World, party: &str) {
    let key = till::key("B01", "1");
    let state = read(world, "GET /v1/purchases/{key}", &[("key", &key)]).await;
    assert_eq!((&state["posted"], &state["points"]), (&json!(true), &json!(600)));
    let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
    let points = read(world, &route, &[("party_id", party)]).await;
    assert_eq!(
        (&points["balance"], &points["vouchers_issued"]),
        (&json!(115), &json!(1))
    );
    assert_eq!(points["entries"].as_array().map(Vec::len), Some(3));
}

async fn redemption_without_receipt(world: &World, card: &str) {
    let (_, codes) = world.desk(card).await;
    let code = codes.first().expect("a voucher was issued");
    done(
        world,
        "POST /v1/vouchers/redeem",
        &[],
        &till::redeem("B02", code, "7", 3_000),
    )
    .await;
}

/// What a later version might store, with a topic that this one does not know.
async fn image_of_tomorrow(world: &World) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = world.db.client().put_item().table_name(world.db.table());
    let put = put.item("pk", text("TOMORROW#demo")).item("sk", text("1"));
    let put = put.item("et", text("tomorrow")).item("topics", text("tomorrow"));
    put.send().await.expect("the image is stored");
}

async fn reports(world: &World) {
    let route = format!("GET /v1/vouchers/unmatched?programme={PROGRAMME}");
    let unmatched = read(world, &route, &[]).await;
    assert_eq!(listed(&unmatched, "redeemed_on"), [till::key("B02", "7")]);

    let feed = read(world, "GET /v1/vouchers/feed", &[]).await;
    let last = feed["events"]
        .as_array()
        .and_then(|events| events.last())
        .expect("an event");
    assert_eq!(last["state"]["status"], "redeemed");

    let day = "from=2026-11-22&to=2026-11-22";
    let cases = read(world, &format!("GET /v1/exceptions?{day}"), &[]).await;
    let kinds: BTreeSet<_> = listed(&cases, "kind").into_iter().collect();
    assert_eq!(kinds, ["payment_unknown_voucher", "receipt_contradiction"].into());
    let route = format!("GET /v1/locations/{{location_id}}/revenue?{day}");
    let revenue = read(world, &route, &[("location_id", "B01")]).await;
    let row = &revenue["days"][0];
    assert_eq!((&row["receipts"], &row["revenue"]), (&json!(2), &till::chf(62_000)));
}

/// The ids that a search finds.
async fn found(world: &World, text: &str) -> Vec<String> {
    let answer = read(world, &format!("GET /v1/parties?q={text}"), &[]).await;
    listed(&answer, "party_id").into_iter().map(str::to_owned).collect()
}

/// Gives a party another family name, as the next version of its profile.
async fn rename(world: &World, party: &str, family_name: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let call = world.db.client().update_item().table_name(world.db.table());
    call.key("pk", text(&format!("PARTY#{TENANT}#{party}")))
        .key("sk", text("PROFILE"))
        .update_expression("SET d.w.f = :name, d.version = d.version + :one")
        .condition_expression("attribute_exists(d.w.f)")
        .expression_attribute_values(":name", text(family_name))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .send()
        .await
        .expect("the party is renamed");
}

async fn search(world: &World, delivering: &mut Delivering) {
    let (number, party) = world.customer(1).await;
    let other = json!({
        "kind": "organisation", "organisation_name": "Muster Holzbau AG", "external_id": {"system": "erp", "id": "K-100234"},
    });
    let other = done(world, "POST /v1/parties", &[], &other).await;
    let other = other["party_id"].as_str().expect("an id").to_owned();
    delivering.until_rest(world).await;
    assert_eq!(found(world, "maxin mustre").await, [party.as_str()]);
    assert_eq!(found(world, "holzbau").await, [other.as_str()]);
    assert_eq!(found(world, "K100234").await, [other]);
    rename(world, &party, "Zbinden").await;
    delivering.until_rest(world).await;
    // Once more, while the first change may still be under way.
    rename(world, &party, "Schneider").await;
    delivering.until_rest(world).await;
    assert_eq!(found(world, "schnieder maxine").await, [party.as_str()]);
    assert_eq!(found(world, "maxine muster").await, Vec::<String>::new());
    assert_eq!(found(world, "zbinden").await, Vec::<String>::new());
    assert_eq!(found(world, &number).await, [party]);
}
