//! Requests and request units of what the system does most, counted. The section "Measured" of the data model is what this test
//! counts: `UPDATE_UNITS=1 cargo test -p end-to-end --test units` writes it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use end_to_end::delivery::Delivering;
use end_to_end::till::{self, chf, give_back, receipt, redeem};
use end_to_end::world::{PROGRAMME, World};
use serde_json::{Value, json};

const BEGIN: &str = "<!-- Measured by tests/tests/units.rs; UPDATE_UNITS=1 writes it anew. -->\n";
const END: &str = "<!-- End of what is measured. -->\n";

fn data_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/docs/data-model.md")
}

/// What was counted, a row for each pattern.
struct Rows<'a> {
    world: &'a World,
    table: String,
}

impl<'a> Rows<'a> {
    fn new(world: &'a World) -> Self {
        let table = "| what | requests | read units | write units |\n|---|---|---|---|\n".to_owned();
        let _ = world.db.meter().take();
        Self { world, table }
    }

    /// Notes what the table was asked since the last note.
    fn note(&mut self, what: &str) {
        let cost = self.world.db.meter().take();
        let units = |milli: u64| format!("{}.{}", milli / 1_000, milli % 1_000 / 100);
        let (read, write) = (units(cost.read_milli), units(cost.write_milli));
        writeln!(self.table, "| {what} | {} | {read} | {write} |", cost.requests).expect("a text takes it");
    }

    /// Makes a call that must be answered well, and notes it.
    async fn call(&mut self, what: &str, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
        let _ = self.world.db.meter().take();
        let (status, answer) = self.world.call(route, path, body).await;
        assert!((200..300).contains(&status), "{route}: {status} {answer}");
        self.note(what);
        answer
    }

    /// Works off what the last call has led to, one step, and notes it.
    async fn step(&mut self, what: &str, delivering: &mut Delivering) {
        let _ = self.world.db.meter().take();
        let _ = delivering.once(self.world).await;
        self.note(what);
    }
}

async fn rest(world: &World, delivering: &mut Delivering) {
    delivering.until_rest(world).await;
    let _ = world.db.meter().take();
}

fn text(answer: &Value, field: &str) -> String {
    answer[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field}: {answer}"))
        .to_owned()
}

async fn tills(rows: &mut Rows<'_>, delivering: &mut Delivering) {
    let world = rows.world;
    let (card, _) = world.customer(1).await;
    rest(world, delivering).await;
    let buy = "POST /v1/purchases";
    let body = receipt("B01", "1", 45_000, Some(&card));
    let _ = rows.call("accept a receipt with a card", buy, &[], &body).await;
    rows.step("post it: the first of an account", delivering).await;
    rest(world, delivering).await;
    let body = receipt("B01", "2", 10_000, Some(&card));
    let _ = rows.call("accept another one", buy, &[], &body).await;
    rows.step("post it: one of many", delivering).await;
    rows.step("issue a voucher", delivering).await;
    rows.step("publish its issue", delivering).await;
    rest(world, delivering).await;
    let body = receipt("B01", "3", 10_000, None);
    let _ = rows.call("accept a receipt without a card", buy, &[], &body).await;
    let again = receipt("B01", "2", 10_000, Some(&card));
    let _ = rows.call("accept a receipt a second time", buy, &[], &again).await;
    let back = give_back("B01", "R1", Some(&till::key("B01", "2")), (500, 5_000));
    let _ = rows.call("accept a return", "POST /v1/returns", &[], &back).await;
    rows.step("post it", delivering).await;
    rest(world, delivering).await;

    let desk = rows
        .call(
            "cash desk, with a voucher",
            "GET /v1/cash-desk/{card}?store=B01&till=1",
            &[("card", &card)],
            &Value::Null,
        )
        .await;
    let code = desk["open_vouchers"][0]["code"].as_str().expect("a code").to_owned();
    let basket = json!({"store": "B02", "till": "1", "code": code, "basket": "b-1", "basket_total": chf(9_000)});
    let mut check = basket.clone();
    check.as_object_mut().expect("an object").remove("basket");
    let _ = rows
        .call("check a voucher", "POST /v1/vouchers/check", &[], &check)
        .await;
    let _ = rows.call("reserve it", "POST /v1/vouchers/reserve", &[], &basket).await;
    let mut release = basket.clone();
    release.as_object_mut().expect("an object").remove("basket_total");
    let _ = rows
        .call("release it", "POST /v1/vouchers/release", &[], &release)
        .await;
    let body = redeem("B02", &code, "9", 9_000);
    let _ = rows.call("redeem it", "POST /v1/vouchers/redeem", &[], &body).await;
    rows.step("publish these three changes", delivering).await;
}

async fn parties(rows: &mut Rows<'_>, delivering: &mut Delivering) -> String {
    let body = json!({
        "kind": "person", "given_name": "Anna", "family_name": "Keller", "language": "de",
        "external_id": {"system": "shop", "id": "K-1"},
        "contacts": [
            {"kind": "postal", "street": "Marktgasse", "house_number": "12a", "postcode": "3011", "town": "Bern"},
            {"kind": "email", "email": "anna.keller@example.ch"},
            {"kind": "phone", "phone": "079 123 45 67"},
        ],
    });
    let made = rows
        .call(
            "store a party with address, e-mail, phone, an external id",
            "POST /v1/parties",
            &[],
            &body,
        )
        .await;
    let party = text(&made, "party_id");
    rows.step("list it for the search", delivering).await;
    rest(rows.world, delivering).await;
    let path = [("party_id", party.as_str())];
    let _ = rows
        .call("show a party", "GET /v1/parties/{party_id}", &path, &Value::Null)
        .await;
    let contact = json!({"kind": "email", "email": "a.keller@example.ch"});
    let route = "POST /v1/parties/{party_id}/contacts";
    let _ = rows.call("add a contact", route, &path, &contact).await;
    rows.step("list it again", delivering).await;
    rest(rows.world, delivering).await;
    let company = json!({"kind": "organisation", "organisation_name": "Mustermann GmbH"});
    let company = rows
        .call(
            "store an organisation with its name alone",
            "POST /v1/parties",
            &[],
            &company,
        )
        .await;
    let other = json!({"relationship": "employment", "other": text(&company, "party_id")});
    let route = "POST /v1/parties/{party_id}/relationships";
    let _ = rows.call("relate two parties", route, &path, &other).await;
    rest(rows.world, delivering).await;
    let route = "GET /v1/parties?q=anna%20keler";
    let _ = rows
        .call("find a customer among few, mistyped", route, &[], &Value::Null)
        .await;
    party
}

async fn desk(rows: &mut Rows<'_>, delivering: &mut Delivering, party: &str) {
    let path = [("party_id", party)];
    let order = json!({
        "number": "A-1", "party_id": party, "revision": 1, "date": "2026-11-03", "status": "open", "total": chf(9_900),
        "lines": [{"article": "TS-1", "text": "T-Shirt", "quantity_milli": 1_000, "amount": chf(9_900)}],
    });
    let _ = rows.call("take an order", "POST /v1/erp/orders", &[], &order).await;
    let invoice = json!({
        "number": "R-1", "party_id": party, "revision": 1, "date": "2026-11-05", "due_date": "2026-11-15", "status": "open", "dunning_level": 0,
        "total": chf(9_900),
    });
    let _ = rows
        .call("take an invoice", "POST /v1/erp/invoices", &[], &invoice)
        .await;
    let payment = json!({"number": "Z-1", "invoice": "R-1", "revision": 1, "date": "2026-11-21", "amount": chf(9_900)});
    let _ = rows
        .call("take its payment", "POST /v1/erp/payments", &[], &payment)
        .await;
    let route = "GET /v1/parties/{party_id}/payment-morale";
    let _ = rows.call("payment morale", route, &path, &Value::Null).await;
    let task = json!({"client_token": "t-1", "party_id": party, "queue": "support", "title": "Call back", "due": "2026-11-27"});
    let task = rows.call("open a task", "POST /v1/tasks", &[], &task).await;
    let claim = json!({"expected_version": 1, "assignee": "beat"});
    let (task, version) = (text(&task, "task_id"), claim);
    let _ = rows
        .call(
            "claim it",
            "POST /v1/tasks/{task_id}/claim",
            &[("task_id", &task)],
            &version,
        )
        .await;
    let _ = rows.call("list open tasks", "GET /v1/tasks", &[], &Value::Null).await;
    let route = format!("GET /v1/parties/{{party_id}}/timeline?programme={PROGRAMME}");
    let _ = rows.call("a page of a timeline", &route, &path, &Value::Null).await;
    let route = format!("GET /v1/parties/{{party_id}}/overview?programme={PROGRAMME}");
    let _ = rows.call("open a party", &route, &path, &Value::Null).await;
    let correction =
        json!({"client_token": "c-1", "points": 120, "programme": PROGRAMME, "reason": "A receipt was lost"});
    let route = "POST /v1/parties/{party_id}/points/corrections";
    let _ = rows.call("correct an account", route, &path, &correction).await;
    rest(rows.world, delivering).await;
}

#[tokio::test]
async fn the_units_in_the_data_model_are_those_that_are_counted() {
    let world = World::new().await;
    let mut rows = Rows::new(&world);
    let mut delivering = Delivering::well();
    rest(&world, &mut delivering).await;
    tills(&mut rows, &mut delivering).await;
    rest(&world, &mut delivering).await;
    let party = parties(&mut rows, &mut delivering).await;
    desk(&mut rows, &mut delivering, &party).await;

    let found = std::fs::read_to_string(data_model()).expect("the data model");
    let (before, rest) = found.split_once(BEGIN).expect("the beginning of what is measured");
    let (measured, after) = rest.split_once(END).expect("its end");
    if std::env::var_os("UPDATE_UNITS").is_some() {
        let text = format!("{before}{BEGIN}{}{END}{after}", rows.table);
        std::fs::write(data_model(), text).expect("the data model is written");
        return;
    }
    assert_eq!(
        measured, rows.table,
        "infra/docs/data-model.md is not what is counted: run UPDATE_UNITS=1 cargo test -p end-to-end --test units"
    );
}
