//! Who may do what at a till: every route of vouchers and purchases refuses a caller without its scope, of another location and
//! of another tenant, and what cannot be leaves the voucher as it was.

use std::collections::BTreeSet;

use domain::location::{Location, LocationKind};
use domain::programme::Programme;
use domain::voucher::Voucher;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::{self, chf, receipt};
use end_to_end::world::{PROGRAMME, World, everywhere};
use http_edge::Caller;
use http_edge::caller::Locations;
use http_edge::routes::ROUTES;
use serde_json::{Value, json};
use store::Site;
use store::programme::ProgrammeVersion;

/// A world with a customer's voucher and a receipt without a card, both of B01.
struct Stage {
    world: World,
    card: String,
    code: String,
    before: Vec<Voucher>,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new().await;
        let mut programme = Programme::swiss_default(PROGRAMME.parse().expect("an id"));
        programme.version = 2;
        programme.voucher.min_basket_minor = 2_000;
        world.store_programme(programme).await;
        let (card, _) = world.customer(1).await;
        world.buy(&receipt("B01", "1", 50_000, Some(&card))).await;
        world.buy(&receipt("B01", "2", 100, None)).await;
        Delivering::well().until_rest(&world).await;
        let code = world.desk(&card).await.1.pop().expect("a voucher");
        let before = Books::read(&world).await.vouchers;
        Self {
            world,
            card,
            code,
            before,
        }
    }

    /// A body with everything that any call about the voucher takes.
    fn voucher(&self, store: &str) -> Value {
        let mut body = till::redeem(store, &self.code, "10", 9_000);
        body["basket"] = json!("b1");
        body
    }

    /// A good call of a route at B01.
    fn good(&self, route: &'static str) -> Call {
        let key = till::key("B01", "2");
        match route {
            "POST /v1/purchases" => {
                let sale = till::paid_with_voucher(receipt("B01", "3", 9_000, None), &self.code, 500);
                Call::new(route, &[], sale)
            }
            "GET /v1/purchases/{key}" => Call::new(route, &[("key", &key)], Value::Null),
            "POST /v1/purchases/{key}/claim" => Call::new(route, &[("key", &key)], json!({"card": self.card})),
            "POST /v1/purchases/{key}/void" => Call::new(route, &[("key", &key)], Value::Null),
            "POST /v1/returns" => Call::new(route, &[], till::give_back("B01", "R1", Some(&key), (500, 100))),
            "GET /v1/vouchers/feed" => Call::new(route, &[], Value::Null),
            "GET /v1/vouchers/unmatched" => Call::new("GET /v1/vouchers/unmatched?programme=treue", &[], Value::Null),
            // Without a basket, a redemption needs no hold.
            "POST /v1/vouchers/redeem" => Call::new(route, &[], till::redeem("B01", &self.code, "10", 9_000)),
            _ => Call::new(route, &[], self.voucher("B01")),
        }
    }

    async fn send(&self, caller: &Caller, call: &Call) -> (u16, Value) {
        let path: Vec<_> = call.path.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.world.call_as(caller, call.route, &path, &call.body).await
    }

    #[track_caller]
    fn assert_untouched(&self, after: &[Voucher], what: &str) {
        assert_eq!(after, self.before, "{what}");
    }

    async fn refuses(&self, caller: &Caller, call: &Call, expected: (u16, &str)) {
        let (status, answer) = self.send(caller, call).await;
        let route = call.route;
        assert_eq!(
            (status, answer["code"].as_str()),
            (expected.0, Some(expected.1)),
            "{route}: {answer}"
        );
        assert!(
            !answer.to_string().contains(&self.code),
            "{route}: no code in a problem"
        );
        let after = Books::read(&self.world).await.vouchers;
        self.assert_untouched(&after, route);
    }
}

/// A call with the values of its path.
struct Call {
    route: &'static str,
    path: Vec<(&'static str, String)>,
    body: Value,
}

impl Call {
    fn new(route: &'static str, path: &[(&'static str, &str)], body: Value) -> Self {
        let path = path.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { route, path, body }
    }
}

/// The routes of vouchers and purchases that name a location.
const AT_A_LOCATION: [&str; 11] = [
    "POST /v1/purchases",
    "GET /v1/purchases/{key}",
    "POST /v1/purchases/{key}/claim",
    "POST /v1/purchases/{key}/void",
    "POST /v1/returns",
    "POST /v1/vouchers/check",
    "POST /v1/vouchers/reserve",
    "POST /v1/vouchers/redeem",
    "POST /v1/vouchers/release",
    "POST /v1/vouchers/reverse",
    ROLLBACK,
];
/// Names a receipt and no voucher.
const ROLLBACK: &str = "POST /v1/vouchers/rollback";
/// Those that answer with what concerns the caller's locations.
const OF_ALL_LOCATIONS: [&str; 2] = ["GET /v1/vouchers/feed", "GET /v1/vouchers/unmatched"];

fn of(locations: &[&str]) -> Caller {
    let mut caller = everywhere();
    let ids = locations.iter().map(|id| id.parse().expect("an id")).collect();
    caller.locations = Locations::Only(ids);
    caller
}

#[test]
fn no_route_of_vouchers_and_purchases_is_left_out() {
    let declared: BTreeSet<_> = ROUTES
        .iter()
        .filter(|route| matches!(route.function, "voucher-redemption" | "purchase-ingestion"))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let tried = AT_A_LOCATION.iter().chain(&OF_ALL_LOCATIONS);
    assert_eq!(
        tried.map(|route| (*route).to_owned()).collect::<BTreeSet<_>>(),
        declared
    );
}

#[tokio::test]
async fn a_caller_without_the_scope_is_refused_by_every_route() {
    let stage = Stage::new().await;
    for route in ROUTES
        .iter()
        .filter(|route| matches!(route.function, "voucher-redemption" | "purchase-ingestion"))
    {
        let mut caller = everywhere();
        caller.scopes.remove(&route.scope.expect("a scope"));
        let name = format!("{} {}", route.method, route.path);
        let known = AT_A_LOCATION
            .iter()
            .chain(&OF_ALL_LOCATIONS)
            .find(|known| **known == name);
        let call = stage.good(known.expect("a known route"));
        stage.refuses(&caller, &call, (403, "scope_missing")).await;
    }
}

#[tokio::test]
async fn a_caller_of_another_location_is_refused_or_hears_nothing_of_it() {
    let stage = Stage::new().await;
    let foreign = of(&["B02"]);
    for route in AT_A_LOCATION {
        stage
            .refuses(&foreign, &stage.good(route), (403, "location_forbidden"))
            .await;
    }
    // At its own location it may name a receipt of another one neither for a redemption nor for a reversal.
    let mut theirs = stage.voucher("B02");
    theirs["receipt"] = json!(till::key("B01", "10"));
    let reverse = Call::new("POST /v1/vouchers/reverse", &[], theirs.clone());
    stage.refuses(&foreign, &reverse, (403, "location_forbidden")).await;
    let redeem = Call::new("POST /v1/vouchers/redeem", &[], theirs);
    stage.refuses(&foreign, &redeem, (422, "invalid")).await;

    // B01 and B02 are of two groups of the feed.
    let (status, page) = stage.send(&foreign, &stage.good("GET /v1/vouchers/feed")).await;
    assert_eq!((status, &page["events"]), (200, &json!([])));
    let (_, page) = stage.send(&of(&["B01"]), &stage.good("GET /v1/vouchers/feed")).await;
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_redemption_without_receipt_is_listed_for_the_callers_of_its_location() {
    let mut stage = Stage::new().await;
    let redeem = stage.good("POST /v1/vouchers/redeem");
    assert_eq!(stage.send(&everywhere(), &redeem).await.0, 200);
    stage.world.now += chrono::Duration::days(2);
    let unmatched = stage.good("GET /v1/vouchers/unmatched");
    for (location, cases) in [("B01", 1), ("B02", 0)] {
        let (status, page) = stage.send(&of(&[location]), &unmatched).await;
        assert_eq!(
            (status, page["items"].as_array().map(Vec::len)),
            (200, Some(cases)),
            "{location}"
        );
    }
}

/// A tenant with the same programme and the same location.
async fn other_tenant(world: &World) -> Caller {
    let mut caller = everywhere();
    caller.tenant = "other".parse().expect("a tenant");
    let programme = ProgrammeVersion {
        programme: Programme::swiss_default(PROGRAMME.parse().expect("an id")),
        author: "test".parse().expect("a subject"),
        reason: "Test".to_owned(),
    };
    let (db, now) = (&world.db, world.now);
    let stored = store::programme::write(db, Site::ToolWrite, &caller.tenant, programme, now).await;
    assert!(stored.expect("the programme is stored"));
    let stored = store::location::write(
        db,
        Site::ToolWrite,
        &caller.tenant,
        None,
        location("B01", PROGRAMME),
        now,
    )
    .await;
    assert!(stored.expect("the location is stored"));
    caller
}

fn location(id: &str, programme: &str) -> Location {
    Location {
        id: id.parse().expect("an id"),
        version: 1,
        name: id.to_owned(),
        kind: LocationKind::Branch,
        programme: programme.parse().expect("an id"),
        feed_group: "g1".parse().expect("a group"),
        company: None,
        closed_on: None,
    }
}

#[tokio::test]
async fn vouchers_receipts_and_cards_of_another_tenant_do_not_exist() {
    let stage = Stage::new().await;
    let stranger = other_tenant(&stage.world).await;
    let of_a_voucher = |route: &&&str| route.contains("/v1/vouchers/") && **route != ROLLBACK;
    for route in AT_A_LOCATION.iter().filter(of_a_voucher) {
        stage
            .refuses(&stranger, &stage.good(route), (404, "voucher_unknown"))
            .await;
    }
    for route in [AT_A_LOCATION[1], AT_A_LOCATION[2], ROLLBACK] {
        stage.refuses(&stranger, &stage.good(route), (404, "not_found")).await;
    }
    // The same receipt key is another receipt there, and its voucher payment fits nothing.
    assert_eq!(stage.send(&stranger, &stage.good("POST /v1/purchases")).await.0, 201);
    Delivering::well().until_rest(&stage.world).await;
    let books = Books::read(&stage.world).await;
    stage.assert_untouched(&books.vouchers, "a payment of another tenant");
    assert_eq!(books.exceptions, 1);
    // A receipt of the stranger's own cannot be claimed with our customer's card.
    let key = till::key("B01", "3");
    let claim = Call::new(
        "POST /v1/purchases/{key}/claim",
        &[("key", &key)],
        json!({"card": stage.card}),
    );
    stage.refuses(&stranger, &claim, (404, "card_unknown")).await;
    let (_, page) = stage.send(&stranger, &stage.good("GET /v1/vouchers/feed")).await;
    assert_eq!(page["events"], json!([]));
    let (_, page) = stage.send(&stranger, &stage.good("GET /v1/vouchers/unmatched")).await;
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn what_does_not_fit_the_voucher_is_refused_and_leaves_it_as_it_was() {
    let stage = Stage::new().await;
    let (world, now) = (&stage.world, stage.world.now);
    let mut other = Programme::swiss_default("other".parse().expect("an id"));
    other.version = 1;
    world.store_programme(other).await;
    let tenant = everywhere().tenant;
    let stored = store::location::write(&world.db, Site::ToolWrite, &tenant, None, location("X01", "other"), now).await;
    assert!(stored.expect("the location is stored"));
    for route in ["POST /v1/vouchers/reserve", "POST /v1/vouchers/redeem"] {
        let with = |store: &str, total: Value| {
            let mut body = stage.voucher(store);
            body["basket_total"] = total;
            if route.ends_with("redeem") {
                body["basket"] = Value::Null;
            }
            Call::new(route, &[], body)
        };
        let euros = json!({"amount_minor": 9_000, "currency": "EUR"});
        for (call, expected) in [
            (with("B01", chf(1_999)), (409, "basket_too_small")),
            (with("X01", chf(9_000)), (409, "voucher_other_programme")),
            (with("B01", euros), (422, "invalid")),
            (with("B01", chf(-1)), (422, "invalid")),
            (with("B01", chf(i64::MIN)), (422, "invalid")),
        ] {
            stage.refuses(&everywhere(), &call, expected).await;
        }
    }
    let mut negative = stage.good("POST /v1/purchases");
    negative.body["total"] = chf(-9_000);
    stage.refuses(&everywhere(), &negative, (422, "invalid")).await;
}
