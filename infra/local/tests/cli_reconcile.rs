//! The relay stands still for longer than the stream keeps its records: what the stream lost is found from the facts.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use faults::Probe;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use messages::Sender;
use serde_json::{Value, json};
use store::Db;
use treue_local::aws::StreamTrim;
use treue_local::build::{self, Profile};
use treue_local::operations::bootstrap::{self, NewClient};
use treue_local::operations::reconcile::{self, Options};
use treue_local::operations::{Queues, System, Walk, verify};
use treue_local::progress::Silent;
use treue_local::stack::{Stack, StackOptions};

const PATIENCE: Duration = Duration::from_secs(120);
const RELAY: &str = "EventRelayFunction";
const POSTING: &str = "PointCalculationFunction";
const CARD: &str = "2000000000015";
const LATE_CARD: &str = "2000000000022";

struct World {
    stack: Stack,
    system: System,
    client: Client<HttpConnector, Full<Bytes>>,
    key: String,
    today: chrono::NaiveDate,
}

impl World {
    async fn start() -> Self {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
        let bins = build::functions(&template, Profile::Dev, &Silent).await.unwrap();
        let stack = Stack::start(StackOptions::new(template, bins), &Silent).await.unwrap();
        let db = Db::new(
            stack.clients().dynamodb.clone(),
            stack.table_name().unwrap(),
            Probe::none(),
        );
        let system = System {
            db,
            sender: Sender::new(stack.clients().sqs.clone(), Probe::none()),
            tenant: "demo".parse().unwrap(),
            queues: Queues {
                posting: stack.queue_url("PostingQueue").unwrap(),
                issuance: stack.queue_url("IssuanceQueue").unwrap(),
            },
            walk: Walk::Whole,
        };
        let now = runtime::now();
        bootstrap::places(&system, now).await.unwrap();
        let key = bootstrap::new_key().unwrap();
        assert!(
            bootstrap::client(&system, &NewClient::admin(), &key, now)
                .await
                .unwrap()
        );
        Self {
            stack,
            system,
            client: Client::builder(TokioExecutor::new()).build_http(),
            key: key.reveal().to_owned(),
            today: domain::calendar::business_day(now, chrono_tz::Europe::Zurich),
        }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.stack.urls().api))
            .header("authorization", format!("Bearer {}", self.key))
            .body(Full::from(body.map(|body| body.to_string()).unwrap_or_default()))
            .unwrap();
        let response = tokio::time::timeout(PATIENCE, self.client.request(request))
            .await
            .unwrap()
            .unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn must(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    async fn party(&self, name: &str) -> String {
        let body = json!({"kind": "person", "family_name": name, "client_token": name});
        self.must("POST", "/v1/parties", Some(body)).await["party_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn sell(&self, number: &str, card: Option<&str>, minor: i64, voucher: Option<&str>) -> Value {
        let chf = |minor: i64| json!({"amount_minor": minor, "currency": "CHF"});
        let mut payments = vec![json!({"kind": "card", "amount": chf(minor)})];
        if let Some(code) = voucher {
            payments = vec![
                json!({"kind": "voucher", "amount": chf(500), "voucher_code": code}),
                json!({"kind": "card", "amount": chf(minor - 500)}),
            ];
        }
        let mut body = json!({
            "store": "B01", "till": "1", "business_date": self.today, "number": number, "total": chf(minor),
            "lines": [{"sku": "1", "amount": chf(minor)}], "payments": payments,
        });
        if let Some(card) = card {
            body["card"] = json!(card);
        }
        self.must("POST", "/v1/purchases", Some(body)).await
    }

    async fn points(&self, party: &str) -> (i64, i64) {
        let answer = self
            .must("GET", &format!("/v1/parties/{party}/points?programme=treue"), None)
            .await;
        (
            answer["balance"].as_i64().unwrap(),
            answer["vouchers_issued"].as_i64().unwrap(),
        )
    }

    async fn rest(&self) {
        self.stack.quiescent(PATIENCE).await.unwrap();
    }

    /// The stream forgets everything while the relay stands still.
    async fn forget(&self) {
        let endpoints = self.stack.endpoints().unwrap();
        let trimmed = endpoints
            .trim_stream(self.system.db.table(), StreamTrim::All)
            .await
            .unwrap();
        assert!(trimmed > 0, "there was something to lose");
        self.stack.resume_event_source(RELAY).unwrap();
        self.rest().await;
    }

    fn options(&self, dry_run: bool) -> Options {
        Options {
            dry_run,
            ..Options::everything(runtime::now(), Duration::ZERO)
        }
    }

    async fn reconcile(&self, dry_run: bool) -> reconcile::Report {
        let report = reconcile::run(&self.system, &self.options(dry_run), &|_| {})
            .await
            .unwrap();
        self.rest().await;
        report
    }

    async fn verified(&self) -> verify::Report {
        verify::all(&self.system, runtime::now(), &|_| {}).await.unwrap()
    }

    /// States of the vouchers as the feed has told them last, by voucher.
    async fn feed(&self) -> std::collections::BTreeMap<String, String> {
        let page = self.must("GET", "/v1/vouchers/feed?limit=200", None).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let event = |event: &Value| (text(&event["state"]["voucher"]), text(&event["state"]["status"]));
        page["events"].as_array().unwrap().iter().map(event).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trimmed_stream_lost_comes_in_and_nothing_twice() {
    let world = World::start().await;
    let anna = world.party("Anna").await;
    let late = world.party("Late").await;
    world
        .must("POST", "/v1/cards", Some(json!({"number": CARD, "party_id": anna})))
        .await;
    world
        .must("POST", "/v1/cards", Some(json!({"number": LATE_CARD})))
        .await;
    world.rest().await;

    // Receipts, a registration and a payment that fits no voucher, while nobody reads the stream.
    world.stack.pause_event_source(RELAY).unwrap();
    world.sell("1", Some(CARD), 125_000, None).await;
    world.sell("2", Some(LATE_CARD), 4_200, None).await;
    world
        .must(
            "POST",
            &format!("/v1/cards/{LATE_CARD}/register"),
            Some(json!({"party_id": late})),
        )
        .await;
    let nobodys = domain::code::VoucherCode::derive(&[7; 32], "nobody's");
    world.sell("3", None, 2_000, Some(&nobodys.to_string())).await;
    world.forget().await;
    assert_eq!(world.points(&anna).await, (0, 0), "the stream has lost the receipt");
    assert_eq!(world.verified().await.found, 1, "and the books show it");

    let missing = world.reconcile(true).await;
    assert_eq!((missing.receipts, missing.cards), (2, 1));
    assert_eq!(world.points(&anna).await, (0, 0), "a dry run changes nothing");
    let sent = world.reconcile(false).await;
    assert_eq!((sent.receipts, sent.cards, sent.accounts, sent.vouchers), (2, 1, 0, 0));
    assert_eq!(world.points(&anna).await, (250, 2));
    assert_eq!(world.points(&late).await, (42, 0));
    let exceptions = format!("/v1/exceptions?from={0}&to={0}", world.today);
    let exceptions = world.must("GET", &exceptions, None).await;
    assert_eq!(exceptions["items"][0]["kind"], "payment_unknown_voucher");

    // The threshold and a redemption, while nobody reads the stream.
    world.stack.pause_event_source(POSTING).unwrap();
    world.sell("4", Some(CARD), 50_000, None).await;
    world.rest().await;
    world.stack.pause_event_source(RELAY).unwrap();
    world.stack.resume_event_source(POSTING).unwrap();
    world.rest().await;
    let desk = world
        .must("GET", &format!("/v1/cash-desk/{CARD}?store=B01&till=1"), None)
        .await;
    let code = desk["open_vouchers"][0]["code"].clone();
    let receipt = format!("B01~1~{}~5", world.today);
    let total = json!({"amount_minor": 2_000, "currency": "CHF"});
    let redeem = json!({"store": "B01", "till": "1", "code": code, "receipt": receipt, "basket_total": total});
    world.must("POST", "/v1/vouchers/redeem", Some(redeem)).await;
    world.forget().await;
    assert_eq!(world.points(&anna).await, (750, 2), "the stream has lost the threshold");
    assert!(
        world.feed().await.values().all(|status| status == "open"),
        "and the redemption"
    );

    let sent = world.reconcile(false).await;
    assert_eq!((sent.receipts, sent.cards, sent.accounts, sent.vouchers), (0, 0, 1, 1));
    assert_eq!(world.points(&anna).await, (250, 3));
    let told: Vec<_> = world.feed().await.into_values().collect();
    assert_eq!(told.iter().filter(|status| *status == "redeemed").count(), 1);
    assert_eq!(told.len(), 3);

    let again = world.reconcile(false).await;
    assert!(again.is_clean(), "{again:?}");
    let books = world.verified().await;
    assert_eq!(
        (books.found, books.accounts, books.vouchers),
        (0, 2, 3),
        "{:?}",
        books.findings
    );
    world.stack.stop().await.unwrap();
}
