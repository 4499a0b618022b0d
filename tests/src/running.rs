//! The whole of `template.yaml` on this machine: real function processes behind real HTTP, queues and the stream.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use domain::card::CardNumber;
use domain::receipt::ReceiptKey;
use faults::Probe;
use http_edge::Scope;
use messages::Sender;
use serde_json::{Value, json};
use store::Db;
use store::record::Item;
use tokio::sync::OnceCell;
use treue_local::build::{self, Profile};
use treue_local::operations::bootstrap::{self, NewClient};
use treue_local::operations::{Queues, System, Walk, verify};
use treue_local::progress::Silent;
use treue_local::stack::{Stack, StackOptions};

use crate::books::Books;
use crate::client::Client;
use crate::till;
use crate::world::{PROGRAMME, TENANT};

/// How long a stack may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(120);

/// A started stack with programme, 24 branches and the shop.
#[derive(Debug)]
pub struct Running {
    /// The stack.
    pub stack: Stack,
    /// Its table and queues, as an operator's tools see them.
    pub system: System,
    /// A caller who may everything everywhere.
    pub admin: Client,
    /// The business day when the stack was started.
    pub today: NaiveDate,
    names: AtomicU64,
}

/// A customer with an active card.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Id of the party.
    pub party: String,
    /// Number of the card.
    pub card: String,
}

impl Running {
    /// Starts the stack as the template describes it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`Running::start`], with changed options.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(change: impl FnOnce(&mut StackOptions)) -> Self {
        Self::start_from(&functions().await, change).await
    }

    /// As [`Running::start_with`], with functions that were built before.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_from(functions: &Path, change: impl FnOnce(&mut StackOptions)) -> Self {
        let mut options = StackOptions::new(template(), functions);
        change(&mut options);
        let stack = Stack::start(options, &Silent).await.expect("the stack starts");
        let table = stack.table_name().expect("the template has a table");
        let queue = |id: &str| stack.queue_url(id).expect("the template has the queue");
        let system = System {
            db: Db::new(stack.clients().dynamodb.clone(), table, Probe::none()),
            sender: Sender::new(stack.clients().sqs.clone(), Probe::none()),
            tenant: TENANT.parse().expect("a tenant"),
            queues: Queues {
                posting: queue("PostingQueue"),
                issuance: queue("IssuanceQueue"),
            },
            walk: Walk::Whole,
        };
        let now = runtime::now();
        let places = bootstrap::places(&system, now).await;
        let _ = places.expect("programme and locations are stored");
        let admin = client(&stack, &system, &NewClient::admin()).await;
        Self {
            stack,
            system,
            admin,
            today: domain::calendar::business_day(now, chrono_tz::Europe::Zurich),
            names: AtomicU64::new(1),
        }
    }

    /// A caller with these scopes for these locations; for all when none is named.
    ///
    /// # Panics
    /// When it cannot be stored.
    pub async fn client(&self, scopes: &[Scope], locations: &[&str]) -> Client {
        let locations = locations.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let wanted = NewClient {
            id: format!("client-{}", self.name()),
            name: "A client".to_owned(),
            scopes: scopes.to_vec(),
            locations: (!locations.is_empty()).then_some(locations),
        };
        client(&self.stack, &self.system, &wanted).await
    }

    /// A number that nothing else of this stack has.
    pub fn name(&self) -> u64 {
        self.names.fetch_add(1, Ordering::Relaxed)
    }

    /// A customer of this family name with an active card of a number that the system makes.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn customer(&self, family_name: &str, language: &str) -> Customer {
        let party = json!({"kind": "person", "given_name": "Max", "family_name": family_name, "language": language});
        let party = self.admin.post("/v1/parties", &party).await.must(201);
        let party = party["party_id"].as_str().expect("a party id").to_owned();
        let card = self
            .admin
            .post("/v1/cards", &json!({"party_id": party}))
            .await
            .must(201);
        let card = card["number"].as_str().expect("a card number").to_owned();
        Customer { party, card }
    }

    /// A well-formed card number that nobody has issued.
    ///
    /// # Panics
    /// Never: the serial has few digits.
    pub fn unknown_card(&self) -> String {
        // Beside those that the system makes, which begin with 25.
        let card = CardNumber::from_serial(24, self.name());
        card.expect("a serial of ten digits").as_str().to_owned()
    }

    /// A receipt of today with a number of its own: one line, paid by card.
    pub fn receipt(&self, store: &str, minor: i64, card: Option<&str>) -> Value {
        let mut body = till::receipt(store, &self.name().to_string(), minor, card);
        body["business_date"] = json!(self.today);
        body
    }

    /// Sells today; returns the key of the receipt.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn sell(&self, store: &str, minor: i64, card: Option<&str>) -> String {
        let receipt = self.receipt(store, minor, card);
        let answer = self.admin.post("/v1/purchases", &receipt).await.must(201);
        answer["key"].as_str().expect("a key").to_owned()
    }

    /// What the cash desk shows for a card.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn desk(&self, store: &str, card: &str) -> Value {
        let path = format!("/v1/cash-desk/{card}?store={store}&till=1");
        self.admin.get(&path).await.must(200)
    }

    /// Codes of the open vouchers that the cash desk shows.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn codes(&self, store: &str, card: &str) -> Vec<String> {
        let desk = self.desk(store, card).await;
        let vouchers = desk["open_vouchers"].as_array().expect("a list of vouchers");
        let code = |voucher: &Value| voucher["code"].as_str().expect("a code").to_owned();
        vouchers.iter().map(code).collect()
    }

    /// A customer with a voucher of CHF 5 from this store, and its code.
    ///
    /// # Panics
    /// When there is none in the end.
    pub async fn with_voucher(&self, store: &str) -> (Customer, String) {
        let customer = self.customer("Muster", "de").await;
        let _ = self.sell(store, 50_000, Some(&customer.card)).await;
        self.rest().await;
        let code = self.codes(store, &customer.card).await.pop().expect("a voucher");
        (customer, code)
    }

    /// The account of a party.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn points(&self, party: &str) -> Value {
        let path = format!("/v1/parties/{party}/points?programme={PROGRAMME}");
        self.admin.get(&path).await.must(200)
    }

    /// Waits until nothing runs, nothing is queued and the stream is read to its end.
    ///
    /// # Panics
    /// When that takes too long, with what was going on.
    pub async fn rest(&self) {
        self.stack.quiescent(PATIENCE).await.expect("the stack comes to rest");
    }

    /// Every item of the table.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn items(&self) -> Vec<Item> {
        let mut pages = self
            .system
            .db
            .client()
            .scan()
            .table_name(self.system.db.table())
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.expect("an item of the table"));
        }
        items
    }

    /// The books at rest, proved in two ways: by the tests' own rules and by the operator's `verify`.
    ///
    /// # Panics
    /// With what is wrong.
    pub async fn proved_books(&self) -> Books {
        self.rest().await;
        let books = Books::read_from(&self.system.db).await;
        books.check();
        let report = verify::all(&self.system, runtime::now(), &|_| {}).await;
        let report = report.expect("the books can be read");
        assert_eq!((report.found, report.pending), (0, 0), "{:?}", report.findings);
        books
    }

    /// Ends the stack.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn stop(self) {
        self.stack.stop().await.expect("the stack stops");
    }
}

/// The key of a receipt's body, as the API writes it.
///
/// # Panics
/// When the body is no receipt.
pub fn key_of(receipt: &Value) -> String {
    let part = |name: &str| receipt[name].as_str().expect("a part of the key").to_owned();
    let key = format!(
        "{}~{}~{}~{}",
        part("store"),
        part("till"),
        part("business_date"),
        part("number")
    );
    let key: ReceiptKey = key.parse().expect("a receipt key");
    key.to_string()
}

async fn client(stack: &Stack, system: &System, wanted: &NewClient) -> Client {
    let key = bootstrap::new_key().expect("random bytes");
    let stored = bootstrap::client(system, wanted, &key, runtime::now()).await;
    assert!(stored.expect("the client is stored"), "the client is new");
    Client::new(&stack.urls().api, Some(key.reveal())).with_logs(&stack.folder().join("logs"))
}

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml")
}

/// The folder with the functions, built once for all stacks of a test program.
async fn functions() -> PathBuf {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT
        .get_or_try_init(async || build::functions(&template(), Profile::Dev, &Silent).await)
        .await
        .expect("the functions are built")
        .clone()
}
