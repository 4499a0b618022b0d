//! A running stack with customers, as the benches use it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::NaiveDate;
use domain::id::{PartyId, ProgrammeId, Tenant};
use end_to_end::running::Running;
use end_to_end::world::{self, PROGRAMME};
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use store::Db;
use store::account::AccountId;
use tempfile::TempDir;
use treue_local::aws::StreamTrim;
use treue_local::operations::verify;
use treue_local::stack::StackOptions;

/// Longest wait for the stack to come to rest.
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
    pub(crate) running: Running,
    _data: Option<TempDir>,
}

impl System {
    /// Starts one with empty data and functions in release mode.
    pub(crate) async fn start(functions: &Path, medium: Medium) -> Result<Self> {
        Self::start_with(functions, medium, |_| {}).await
    }

    /// The same with other options.
    pub(crate) async fn start_with(
        functions: &Path,
        medium: Medium,
        change: impl FnOnce(&mut StackOptions),
    ) -> Result<Self> {
        let data = (medium == Medium::Disk).then(tempfile::tempdir).transpose()?;
        let running = Running::start_from(functions, |options| {
            options.data_dir = data.as_ref().map(|dir| dir.path().to_owned());
            for name in ["ThrottleRate", "ThrottleBurst"] {
                options.parameters.insert(name.to_owned(), NO_THROTTLE.to_owned());
            }
            change(options);
        })
        .await;
        Ok(Self { running, _data: data })
    }

    /// Proves the books and stops.
    pub(crate) async fn end(self) -> Result<()> {
        let report = verify::all(&self.running.system, runtime::now(), &|_| {}).await?;
        ensure!(report.found == 0, "the books do not agree: {:?}", report.findings);
        self.running.stop().await;
        Ok(())
    }

    pub(crate) fn db(&self) -> &Db {
        &self.running.system.db
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.running.system.tenant
    }

    pub(crate) fn account(&self, customer: &Customer) -> Result<AccountId> {
        Ok(AccountId {
            tenant: self.tenant().clone(),
            party: customer.party.clone(),
            programme: programme()?,
        })
    }

    /// The pepper of the keyed hashes.
    pub(crate) async fn pepper(&self) -> Result<Vec<u8>> {
        let stack = &self.running.stack;
        let secret = stack.attribute("LookupPepper", "Ref")?;
        let call = stack.clients().secrets.get_secret_value().secret_id(secret);
        let secret = call.send().await?.secret_string.context("the pepper is no text")?;
        Ok(secret.into_bytes())
    }

    /// Forgets the changes that the stream still holds, so that they make no work.
    pub(crate) async fn forget_stream(&self) -> Result<()> {
        let endpoints = self.running.stack.endpoints();
        let endpoints = endpoints.context("the stack has no endpoints of its own")?;
        endpoints.trim_stream(self.db().table(), StreamTrim::All).await?;
        Ok(())
    }

    pub(crate) async fn buy(&self, receipt: &Value) -> Value {
        self.running.admin.post("/v1/purchases", receipt).await.must(201)
    }

    /// Waits until nothing is under way.
    pub(crate) async fn rest(&self) -> Result<()> {
        self.rest_within(PATIENCE).await
    }

    /// The same with another patience.
    pub(crate) async fn rest_within(&self, patience: Duration) -> Result<()> {
        Ok(self.running.stack.quiescent(patience).await?)
    }

    /// Makes customers, each with a card and the id of another system.
    pub(crate) async fn customers(&self, first: u64, count: usize) -> Vec<Customer> {
        stream::iter((first..).take(count))
            .map(|serial| self.customer(serial))
            .buffered(MAKERS)
            .collect()
            .await
    }

    async fn customer(&self, serial: u64) -> Customer {
        let party = json!({
            "kind": "person", "given_name": "Maxine", "family_name": family_name(serial), "language": "de",
            "external_id": {"system": "erp", "id": external_id(serial)},
        });
        let party = self.running.admin.post("/v1/parties", &party).await.must(201);
        let party: PartyId = party["party_id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("a party id");
        let card = world::card(serial);
        let issue = json!({"number": card, "party_id": party});
        let _ = self.running.admin.post("/v1/cards", &issue).await.must(201);
        Customer { card, party }
    }
}

/// The programme of the bench.
pub(crate) fn programme() -> Result<ProgrammeId> {
    Ok(PROGRAMME.parse()?)
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
