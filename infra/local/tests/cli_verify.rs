//! `verify` finds what is wrong with the books, and nothing else; `bootstrap` changes nothing that is there.

#[path = "cli_verify/by_hand.rs"]
mod by_hand;
#[path = "cli_verify/losses.rs"]
mod losses;
#[path = "cli_verify/restored.rs"]
mod restored;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::receipt_entry_id;
use domain::earning;
use domain::id::PartyId;
use domain::location::Location;
use domain::programme::Programme;
use domain::receipt::Receipt;
use domain::voucher::{State, Voucher};
use faults::Probe;
use messages::Sender;
use serde_json::json;
use store::account::{self, AccountId, Posting};
use store::db::Read;
use store::receipt::StoredReceipt;
use store::voucher::NewVoucher;
use store::{Db, Key, Record, Site, client, location, receipt, voucher};
use treue_local::aws::{AwsEndpoints, AwsOptions};
use treue_local::operations::bootstrap::{self, NewClient};
use treue_local::operations::reconcile::{self, Options};
use treue_local::operations::verify::{self, Finding};
use treue_local::operations::{Queues, System, Walk};
use treue_local::provision::{Clients, ProvisionOptions, provision};
use treue_local::template::Document;

struct Books {
    system: System,
    account: AccountId,
    _endpoints: AwsEndpoints,
}

fn programme() -> Programme {
    Programme::swiss_default("treue".parse().unwrap())
}

fn sale(number: u32) -> Receipt {
    serde_json::from_value(json!({
        "key": format!("B01~1~2026-11-22~{number}"), "currency": "CHF", "total_minor": 60_000,
        "lines": [{"sku": "1", "quantity_milli": 1000, "amount_minor": 60_000}], "payments": [],
    }))
    .unwrap()
}

impl Books {
    /// An empty table as the template declares it.
    async fn empty() -> Self {
        let endpoints = AwsEndpoints::start(AwsOptions::default()).await.unwrap();
        let clients = Clients::new(&endpoints.env()).await;
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
        let document = Document::load(&template, "test", &BTreeMap::new()).unwrap();
        let mut attributes = document.foreseen_attributes().unwrap();
        let model = document.model(&attributes).unwrap();
        provision(&clients, &model, &ProvisionOptions::default(), &mut attributes)
            .await
            .unwrap();
        let db = Db::new(clients.dynamodb.clone(), model.tables[0].name.clone(), Probe::none());
        let sender = Sender::new(clients.sqs.clone(), Probe::none());
        let tenant: domain::id::Tenant = "demo".parse().unwrap();
        let party: PartyId = "0199-anna".parse().unwrap();
        let account = AccountId {
            tenant: tenant.clone(),
            party,
            programme: "treue".parse().unwrap(),
        };
        let system = System {
            db,
            sender,
            tenant,
            queues: Queues::default(),
            walk: Walk::Segments,
        };
        Self {
            system,
            account,
            _endpoints: endpoints,
        }
    }

    /// One account with three receipts and the three vouchers they come to.
    async fn written() -> Self {
        let books = Self::empty().await;
        for number in 1..=3 {
            books.post(&sale(number)).await;
        }
        books.issue().await;
        books
    }

    /// The account belongs to somebody with a name.
    async fn named(&self) {
        let identity = store::party::Identity::Person {
            given_name: None,
            family_name: store::party::Personal::new("Zellweger-Abt".to_owned()),
        };
        let party = self.account.party.clone();
        let document = store::party::PartyDocument::new(party, identity, domain::till_text::Language::De);
        let (db, tenant, now) = (&self.system.db, &self.system.tenant, runtime::now());
        let created = store::party::create(db, Site::ToolWrite, tenant, &document, &[], false, now).await;
        assert_eq!(created.unwrap(), store::party::Created::New);
    }

    async fn post(&self, sale: &Receipt) {
        let (db, id) = (&self.system.db, &self.account);
        let now = runtime::now();
        let known = earning::Circumstances::default();
        let earned = earning::earn(sale, &programme(), &known).unwrap();
        let stored = StoredReceipt {
            receipt: sale.clone(),
            hash: sale.content_hash(),
            hash_version: 1,
            programme: id.programme.clone(),
            expected_points: earned.points,
            expected_version: 1,
            account: Some(id.party.clone()),
            client: "tills".parse().unwrap(),
            channel: None,
            segments: Vec::new(),
            returns: Vec::new(),
            recounts: Vec::new(),
            voided: None,
        };
        receipt::accept(db, &id.tenant, stored, None, now).await.unwrap();
        let before = account::read(db, Site::ToolRead, id, Read::Strong).await.unwrap();
        let account = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
        let (entry, after) = account
            .post(sale, (&earned, &known), &programme(), sale.key.business_date)
            .unwrap();
        let posting = Posting {
            entry: &entry,
            receipt: sale,
            tracked: &[],
        };
        let done = account::commit(db, id, before.as_ref(), &[posting], &after, false, now)
            .await
            .unwrap();
        assert_eq!(done, account::Committed::Done);
    }

    async fn issue(&self) {
        let (db, id) = (&self.system.db, &self.account);
        let before = account::read(db, Site::ToolRead, id, Read::Strong)
            .await
            .unwrap()
            .unwrap();
        let today = "2026-11-22".parse().unwrap();
        let issue = before.d.issue(&programme(), today, &BTreeSet::new()).unwrap().unwrap();
        let vouchers: Vec<_> = (issue.first..issue.first + issue.count)
            .map(|sequence| self.voucher(sequence))
            .collect();
        let done = voucher::commit_issue(db, id, &before, &issue, &vouchers, false, runtime::now())
            .await
            .unwrap();
        assert_eq!(done, voucher::Issued::Done);
    }

    fn voucher(&self, sequence: u64) -> NewVoucher {
        let programme = programme();
        let voucher = Voucher {
            party: self.account.party.clone(),
            programme: programme.id,
            number: sequence.into(),
            value_minor: 500,
            currency: programme.currency,
            min_basket_minor: 0,
            valid_from: "2026-11-22".parse().unwrap(),
            valid_until: "2027-05-21".parse().unwrap(),
            zone: programme.zone,
            reservation_seconds: 900,
            origin: None,
            issued_at: runtime::now(),
            code_key_version: 1,
            state: State::Open,
            version: 1,
            state_version: 1,
            reversed: Vec::new(),
            payment: None,
            partial: None,
            campaign: None,
        };
        let lookup = domain::code::lookup_key(&[1; 32], "test", voucher.id().as_bytes());
        NewVoucher { voucher, lookup }
    }

    fn voucher_key(&self, sequence: u64) -> Key {
        voucher::key(&self.account.tenant, &self.voucher(sequence).lookup)
    }

    async fn delete(&self, key: &Key) {
        let text = |text: &String| AttributeValue::S(text.clone());
        let db = &self.system.db;
        let call = db.client().delete_item().table_name(db.table());
        call.key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .send()
            .await
            .unwrap();
    }

    async fn set(&self, key: &Key, attribute: &str, number: i64) {
        let text = |text: &String| AttributeValue::S(text.clone());
        let db = &self.system.db;
        db.client()
            .update_item()
            .table_name(db.table())
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET #d.#a = :n")
            .expression_attribute_names("#d", "d")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":n", AttributeValue::N(number.to_string()))
            .send()
            .await
            .unwrap();
    }

    async fn verify(&self) -> verify::Report {
        let all = verify::all(&self.system, runtime::now() + chrono::Duration::seconds(1), &|_| {})
            .await
            .unwrap();
        let of_party = verify::party(&self.system, &self.account.party).await.unwrap();
        // The two ways to look agree on the account; only the first one looks at receipts.
        let unposted = all
            .findings
            .iter()
            .filter(|finding| matches!(finding, Finding::Unposted { .. }))
            .count();
        assert_eq!(
            all.found - u64::try_from(unposted).unwrap(),
            of_party.found,
            "{:?}",
            of_party.findings
        );
        all
    }

    fn entry_key(&self, number: u32) -> Key {
        self.account.entry_key(&receipt_entry_id(&sale(number).key))
    }
}

fn texts(report: &verify::Report) -> Vec<String> {
    report.findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn books_in_order_have_no_findings() {
    let books = Books::written().await;
    let report = books.verify().await;
    assert_eq!(texts(&report), Vec::<String>::new());
    assert_eq!(
        (report.accounts, report.entries, report.vouchers, report.receipts),
        (1, 4, 3, 3)
    );
}

#[tokio::test]
async fn a_balance_that_the_ledger_does_not_give_is_found() {
    let books = Books::written().await;
    books.set(&books.account.key(), "balance", 301).await;
    let report = books.verify().await;
    assert_eq!(report.found, 1);
    assert!(
        texts(&report)[0].contains("the ledger gives balance 300"),
        "{:?}",
        texts(&report)
    );
}

#[tokio::test]
async fn a_missing_entry_is_found_in_the_ledger_and_at_its_receipt() {
    let books = Books::written().await;
    books.delete(&books.entry_key(2)).await;
    let report = books.verify().await;
    let texts = texts(&report);
    assert_eq!(report.found, 2, "{texts:?}");
    assert!(
        texts
            .iter()
            .any(|text| text.contains("expected the entry with version 2, found 3")),
        "{texts:?}"
    );
    assert!(
        texts
            .iter()
            .any(|text| text.contains("receipt B01~1~2026-11-22~2: no ledger entry")),
        "{texts:?}"
    );
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_named_and_hides_nothing_else() {
    let books = Books::written().await;
    // A till named by a number: no code writes this.
    let receipt = receipt::key(&books.account.tenant, &sale(1).key);
    books.set(&receipt, "client", 7).await;
    books.delete(&books.entry_key(3)).await;
    let all = verify::all(&books.system, runtime::now() + chrono::Duration::seconds(1), &|_| {})
        .await
        .unwrap();
    let texts = texts(&all);
    assert_eq!(all.found, 3, "{texts:?}");
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with(&format!("item {} / {}: ", receipt.pk, receipt.sk))),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|text| text.contains("2026-11-22~3: no ledger entry")),
        "{texts:?}"
    );

    let options = Options {
        dry_run: true,
        ..Options::everything(runtime::now(), std::time::Duration::ZERO)
    };
    let missing = reconcile::run(&books.system, &options, &|_| {}).await.unwrap();
    assert_eq!((missing.unreadable, missing.receipts), (1, 1));
}

#[tokio::test]
async fn a_ledger_without_its_account_is_found() {
    let books = Books::written().await;
    books.delete(&books.account.key()).await;
    let report = books.verify().await;
    assert_eq!(report.found, 1);
    assert!(
        texts(&report)[0].contains("the snapshot says 0"),
        "{:?}",
        texts(&report)
    );
}

#[tokio::test]
async fn a_debit_without_its_voucher_and_a_voucher_without_its_debit_are_found() {
    let books = Books::written().await;
    books.delete(&books.voucher_key(2)).await;
    let report = books.verify().await;
    assert!(
        texts(&report)[0].contains("debited without voucher [2]"),
        "{:?}",
        texts(&report)
    );

    let books = Books::written().await;
    books.issue_unpaid(9).await;
    let report = books.verify().await;
    assert!(
        texts(&report)[0].contains("voucher without debit [9]"),
        "{:?}",
        texts(&report)
    );
}

impl Books {
    /// A voucher that no debit stands for.
    async fn issue_unpaid(&self, sequence: u64) {
        let (db, new) = (&self.system.db, self.voucher(sequence));
        let key = self.voucher_key(sequence);
        let open = store::voucher::OpenVoucher::of(&new.voucher, new.lookup.clone());
        let open_key = voucher::open_key(
            &self.account.tenant,
            &self.account.party,
            &self.account.programme,
            &sequence.into(),
        );
        let records = [
            serde_json::to_value(Record::new(key, voucher::VOUCHER, runtime::now(), new.voucher)).unwrap(),
            serde_json::to_value(Record::new(open_key, "open_voucher", runtime::now(), open)).unwrap(),
        ];
        for record in records {
            let item = attributes(&record);
            db.client()
                .put_item()
                .table_name(db.table())
                .set_item(Some(item))
                .send()
                .await
                .unwrap();
        }
    }
}

/// A JSON object as an item.
fn attributes(object: &serde_json::Value) -> std::collections::HashMap<String, AttributeValue> {
    fn value(json: &serde_json::Value) -> AttributeValue {
        match json {
            serde_json::Value::Null => AttributeValue::Null(true),
            serde_json::Value::Bool(flag) => AttributeValue::Bool(*flag),
            serde_json::Value::Number(number) => AttributeValue::N(number.to_string()),
            serde_json::Value::String(text) => AttributeValue::S(text.clone()),
            serde_json::Value::Array(items) => AttributeValue::L(items.iter().map(value).collect()),
            serde_json::Value::Object(_) => AttributeValue::M(attributes(json)),
        }
    }
    object
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, json)| (name.clone(), value(json)))
        .collect()
}

#[tokio::test]
async fn an_account_is_folded_over_more_entries_than_one_page_holds() {
    let books = Books::empty().await;
    for number in 1..=620 {
        books.post(&sale(number)).await;
    }
    let report = books.verify().await;
    assert_eq!(
        (report.found, report.entries, report.receipts),
        (0, 620, 620),
        "{:?}",
        texts(&report)
    );
    let account = account::read(&books.system.db, Site::ToolRead, &books.account, Read::Strong)
        .await
        .unwrap();
    assert_eq!(account.map(|record| record.d.balance), Some(620 * 600));
}

#[tokio::test]
async fn bootstrap_stores_what_is_missing_and_leaves_what_is_there() {
    let books = Books::empty().await;
    let (system, now) = (&books.system, runtime::now());
    let stored = bootstrap::places(system, now).await.unwrap();
    assert_eq!((stored.programme, stored.locations), (true, 25));

    // An operator renames a branch and narrows a client's rights.
    let listed = location::list(&system.db, Site::ToolRead, &system.tenant)
        .await
        .unwrap();
    assert_eq!(listed.len(), 25);
    let branch = listed.iter().find(|record| record.d.id.as_str() == "B01").unwrap();
    let renamed = Location {
        name: "Zürich HB".to_owned(),
        ..branch.d.clone()
    };
    assert!(
        location::write(&system.db, Site::ToolWrite, &system.tenant, Some(branch), renamed, now)
            .await
            .unwrap()
    );
    let key = bootstrap::new_key().unwrap();
    assert!(bootstrap::client(system, &NewClient::admin(), &key, now).await.unwrap());
    let id = bootstrap::ADMIN.parse().unwrap();
    let admin = client::read(&system.db, Site::ToolRead, &system.tenant, &id)
        .await
        .unwrap()
        .unwrap();
    let mut narrowed = admin.d.clone();
    narrowed.rights.scopes = BTreeSet::from(["clients:admin".to_owned()]);
    let saved = client::save(
        &system.db,
        Site::ToolWrite,
        &system.tenant,
        Some(&admin),
        narrowed.clone(),
        now,
    )
    .await;
    assert_eq!(saved.unwrap(), client::Saved::Now);

    let again = bootstrap::places(system, now).await.unwrap();
    assert_eq!((again.programme, again.locations), (false, 0));
    assert!(
        !bootstrap::client(system, &NewClient::admin(), &key, now).await.unwrap(),
        "nothing to do"
    );
    let branch = location::read(
        &system.db,
        Site::ToolRead,
        &system.tenant,
        &"B01".parse().unwrap(),
        Read::Strong,
    )
    .await
    .unwrap();
    assert_eq!(branch.unwrap().d.name, "Zürich HB");
    let admin = client::read(&system.db, Site::ToolRead, &system.tenant, &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(admin.d.rights, narrowed.rights);

    // A second key is taken, a third one is refused with what to do.
    assert!(
        bootstrap::client(system, &NewClient::admin(), &bootstrap::new_key().unwrap(), now)
            .await
            .unwrap()
    );
    let third = bootstrap::client(system, &NewClient::admin(), &bootstrap::new_key().unwrap(), now).await;
    assert!(third.unwrap_err().to_string().contains("withdraw one first"));
}

#[tokio::test]
async fn two_bootstraps_at_once_store_everything_once() {
    let books = Books::empty().await;
    let now = runtime::now();
    let (one, two) = tokio::join!(
        bootstrap::places(&books.system, now),
        bootstrap::places(&books.system, now)
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.locations + two.locations, 25);
    assert!(one.programme != two.programme);
}
