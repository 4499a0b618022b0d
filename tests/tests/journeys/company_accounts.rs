//! Accounts of companies with their employees' cards, and who owns the points (requirements, section B and 4.8): a company's
//! setting, by the day of the receipt.

use end_to_end::delivery::Delivering;
use end_to_end::till::receipt;
use end_to_end::world::{IF_MATCH, World, card};
use serde_json::{Value, json};

const PARTIES: &str = "POST /v1/parties";
const RELATE: &str = "POST /v1/parties/{party_id}/relationships";
const REGISTER: &str = "POST /v1/cards/{number}/register";
const DESK: &str = "GET /v1/cash-desk/{card}?store=B01&till=1";

async fn done(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
    let (status, answer) = world.call(route, path, body).await;
    assert!(matches!(status, 200 | 201), "{route}: {status} {answer}");
    answer
}

async fn store(world: &World, body: &Value) -> String {
    let answer = done(world, PARTIES, &[], body).await;
    answer["party_id"].as_str().expect("an id").to_owned()
}

/// A company, an employee of it since 2020, and the number of a card that she has from the company.
struct Company {
    gmbh: String,
    maxinchen: String,
    number: String,
}

impl Company {
    async fn of(world: &World) -> Self {
        let gmbh = store(
            world,
            &json!({"kind": "organisation", "organisation_name": "Mustermann GmbH"}),
        )
        .await;
        let person = json!({"kind": "person", "given_name": "Maxinchen", "family_name": "Musterfrau"});
        let maxinchen = store(world, &person).await;
        let number = card(7);
        done(world, "POST /v1/cards", &[], &json!({"number": number})).await;
        Self {
            gmbh,
            maxinchen,
            number,
        }
    }

    /// From `since` on the points are those of `owner`.
    async fn employs(&self, world: &World, since: &str, owner: Option<&str>) {
        let mut body = json!({"relationship": "employment", "other": self.gmbh, "since": since});
        if let Some(owner) = owner {
            body["points_owner"] = json!(owner);
        }
        let path = [("party_id", self.maxinchen.as_str()), (IF_MATCH, "*")];
        done(world, RELATE, &path, &body).await;
    }

    async fn register(&self, world: &World) -> (u16, Value) {
        let body = json!({"party_id": self.maxinchen, "company_id": self.gmbh});
        world.call(REGISTER, &[("number", self.number.as_str())], &body).await
    }

    /// Buys something on a day.
    async fn buys(&self, world: &World, day: &str, number: &str, minor: i64) {
        let mut bought = receipt("B01", number, minor, Some(&self.number));
        bought["business_date"] = json!(day);
        let (status, answer) = world.buy(&bought).await;
        assert!(matches!(status, 200 | 201), "{answer}");
        Delivering::badly(11).until_rest(world).await;
    }

    /// Points that the company and the employee have.
    async fn points(&self, world: &World) -> (i64, i64) {
        let mut points = [0, 0];
        for (points, party) in points.iter_mut().zip([&self.gmbh, &self.maxinchen]) {
            let route = "GET /v1/parties/{party_id}/points?programme=treue";
            let answer = done(world, route, &[("party_id", party)], &Value::Null).await;
            *points = answer["balance"].as_i64().expect("a balance");
        }
        (points[0], points[1])
    }

    async fn desk(&self, world: &World) -> Value {
        done(world, DESK, &[("card", self.number.as_str())], &Value::Null).await
    }
}

#[tokio::test]
async fn points_of_an_employees_card_are_the_companys_where_its_setting_says_so_on_that_day() {
    let world = World::new().await;
    let company = Company::of(&world).await;
    // Who is not related to a company has no card of it.
    let (status, refused) = company.register(&world).await;
    assert_eq!((status, &refused["code"]), (409, &json!("not_related")), "{refused}");
    company.employs(&world, "2020-01-01", None).await;
    let registered = company.register(&world).await;
    assert_eq!((registered.0, &registered.1["company_id"]), (200, &json!(company.gmbh)));
    assert_eq!(company.register(&world).await, registered);

    // Without a setting they are the employee's.
    company.buys(&world, "2026-11-22", "1", 10_000).await;
    assert_eq!(company.points(&world).await, (0, 100));
    assert_eq!(company.desk(&world).await["customer"]["name"], "Maxinchen Musterfrau");

    // From today on the company's; what was stamped before stays, and so does a late receipt of the day before.
    company.employs(&world, "2026-11-22", Some("employer")).await;
    company.buys(&world, "2026-11-22", "2", 20_000).await;
    company.buys(&world, "2026-11-21", "3", 5_000).await;
    assert_eq!(company.points(&world).await, (200, 150));
    let shown = company.desk(&world).await;
    assert_eq!(
        (&shown["customer"]["name"], &shown["customer"]["balance"]),
        (&json!("Mustermann GmbH"), &json!(200))
    );

    // Its vouchers are the company's too.
    company.buys(&world, "2026-11-22", "4", 40_000).await;
    let shown = company.desk(&world).await;
    assert_eq!(shown["open_vouchers"].as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(company.points(&world).await, (100, 150));

    // Back to the employee, on the same day: the last word counts.
    company.employs(&world, "2026-11-22", Some("employee")).await;
    company.buys(&world, "2026-11-22", "5", 1_000).await;
    assert_eq!(company.points(&world).await, (100, 160));
}

#[tokio::test]
async fn receipts_that_waited_for_an_employees_card_and_its_replacement_follow_the_setting_too() {
    let world = World::new().await;
    let mut company = Company::of(&world).await;
    company.buys(&world, "2026-11-21", "1", 10_000).await;
    company.buys(&world, "2026-11-22", "2", 20_000).await;
    company.employs(&world, "2026-11-22", Some("employer")).await;
    assert_eq!(company.register(&world).await.0, 200);
    Delivering::badly(5).until_rest(&world).await;
    assert_eq!(company.points(&world).await, (200, 100));
    let path = [("number", company.number.as_str())];
    let replaced = done(
        &world,
        "POST /v1/cards/{number}/replace",
        &path,
        &json!({"new_number": card(8)}),
    )
    .await;
    assert_eq!(replaced["new"]["company_id"], json!(company.gmbh));
    company.number = card(8);
    company.buys(&world, "2026-11-22", "3", 3_000).await;
    assert_eq!(company.points(&world).await, (230, 100));
}
