//! A running stack with customers, as the benches use it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use chrono::NaiveDate;
use domain::card::CardNumber;
use domain::id::{PartyId, ProgrammeId, Tenant};
use faults::Probe;
use futures::stream::{self, StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use messages::Sender;
use serde_json::{Value, json};
use store::Db;
use store::account::AccountId;
use tempfile::TempDir;
use treue_local::operations::bootstrap::{self, NewClient};
use treue_local::operations::{Queues, System as Operations, Walk, verify};
use treue_local::progress::Silent;
use treue_local::stack::{Stack, StackOptions};

/// Longest wait for an answer or for the stack to come to rest.
const PATIENCE: Duration = Duration::from_secs(600);
/// Customers made at the same time.
const MAKERS: usize = 8;
/// A throttle that no bench reaches: the system is measured, not the gateway's limit.
const NO_THROTTLE: &str = "1000000";

/// Where the embedded table and queues keep their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// In memory.
    Memory,
    /// In files, every commit synchronous.
    Disk,
}

/// A customer with a card.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) card: String,
    pub(crate) party: PartyId,
}

/// A stack, set up, with one client that may everything.
pub(crate) struct System {
    pub(crate) stack: Stack,
    pub(crate) operations: Operations,
    pub(crate) today: NaiveDate,
    client: Client<HttpConnector, Full<Bytes>>,
    key: String,
    _data: Option<TempDir>,
}

impl System {
    /// Starts one with empty data.
    pub(crate) async fn start(template: &Path, bins: &Path, medium: Medium) -> Result<Self> {
        let data = (medium == Medium::Disk).then(tempfile::tempdir).transpose()?;
        let mut options = StackOptions::new(template, bins);
        options.data_dir = data.as_ref().map(|dir| dir.path().to_owned());
        for name in ["ThrottleRate", "ThrottleBurst"] {
            options.parameters.insert(name.to_owned(), NO_THROTTLE.to_owned());
        }
        let stack = Stack::start(options, &Silent)
            .await
            .context("the stack does not start")?;
        let operations = Operations {
            db: Db::new(stack.clients().dynamodb.clone(), stack.table_name()?, Probe::none()),
            sender: Sender::new(stack.clients().sqs.clone(), Probe::none()),
            tenant: "bench".parse()?,
            queues: Queues {
                posting: stack.queue_url("PostingQueue")?,
                issuance: stack.queue_url("IssuanceQueue")?,
            },
            walk: Walk::Whole,
        };
        let now = runtime::now();
        bootstrap::places(&operations, now).await?;
        let key = bootstrap::new_key()?;
        bootstrap::client(&operations, &NewClient::admin(), &key, now).await?;
        Ok(Self {
            stack,
            operations,
            today: domain::calendar::business_day(now, chrono_tz::Europe::Zurich),
            client: Client::builder(TokioExecutor::new()).build_http(),
            key: key.reveal().to_owned(),
            _data: data,
        })
    }

    /// Proves the books and stops.
    pub(crate) async fn end(self) -> Result<()> {
        let report = verify::all(&self.operations, runtime::now(), &|_| {}).await?;
        ensure!(report.found == 0, "the books do not agree: {:?}", report.findings);
        self.stack.stop().await?;
        Ok(())
    }

    pub(crate) fn db(&self) -> &Db {
        &self.operations.db
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.operations.tenant
    }

    pub(crate) fn account(&self, customer: &Customer) -> Result<AccountId> {
        Ok(AccountId {
            tenant: self.tenant().clone(),
            party: customer.party.clone(),
            programme: programme()?,
        })
    }

    /// One call; anything but success is an error.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.stack.urls().api))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Full::from(text))?;
        let response = tokio::time::timeout(PATIENCE, self.client.request(request)).await??;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "{method} was answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(serde_json::from_slice(&body)?)
    }

    pub(crate) async fn buy(&self, receipt: &Value) -> Result<Value> {
        self.call("POST", "/v1/purchases", receipt).await
    }

    /// Waits until nothing is under way.
    pub(crate) async fn rest(&self) -> Result<()> {
        Ok(self.stack.quiescent(PATIENCE).await?)
    }

    /// Makes customers, each with a card and the id of another system.
    pub(crate) async fn customers(&self, first: u64, count: usize) -> Result<Vec<Customer>> {
        stream::iter((first..).take(count))
            .map(|serial| self.customer(serial))
            .buffered(MAKERS)
            .try_collect()
            .await
    }

    async fn customer(&self, serial: u64) -> Result<Customer> {
        let party = json!({
            "kind": "person", "given_name": "Maxine", "family_name": family_name(serial), "language": "de",
            "external_id": {"system": "erp", "id": external_id(serial)},
        });
        let party = self.call("POST", "/v1/parties", &party).await?;
        let party: PartyId = party["party_id"].as_str().context("no party id")?.parse()?;
        let card = card(serial)?;
        let issue = json!({"number": card, "party_id": party});
        self.call("POST", "/v1/cards", &issue).await?;
        Ok(Customer { card, party })
    }
}

/// The programme of the bench.
pub(crate) fn programme() -> Result<ProgrammeId> {
    Ok(bootstrap::PROGRAMME.parse()?)
}

/// The card with this serial number.
pub(crate) fn card(serial: u64) -> Result<String> {
    let number = CardNumber::from_serial(25, serial).context("a serial of ten digits")?;
    Ok(number.as_str().to_owned())
}

/// All names are equally long, so that every customer's items are of one size.
pub(crate) fn family_name(serial: u64) -> String {
    format!("Muster{serial:08}")
}

/// The id of a customer in another system.
pub(crate) fn external_id(serial: u64) -> String {
    format!("K{serial:08}")
}

/// Lines of a receipt, as many as a basket of a shop for office supplies has.
const LINES: i64 = 5;

/// A receipt over `LINES` times `line_minor`.
pub(crate) fn receipt(store: &str, date: NaiveDate, number: &str, line_minor: i64, card: &str) -> Value {
    let chf = |minor: i64| json!({"amount_minor": minor, "currency": "CHF"});
    let lines: Vec<_> = (1..=LINES)
        .map(|line| {
            let sku = format!("47110{line}");
            json!({"sku": sku, "group": "paper", "quantity_milli": 1_000, "amount": chf(line_minor), "vat_rate_bp": 810})
        })
        .collect();
    json!({
        "store": store, "till": "1", "business_date": date, "number": number, "total": chf(LINES * line_minor),
        "lines": lines, "payments": [{"kind": "card", "amount": chf(LINES * line_minor)}], "card": card,
    })
}
