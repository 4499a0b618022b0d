//! What tills without a line have lost (X3): the stored sums of a branch must be those of its entries.

use domain::id::LookupKey;
use domain::offline::{Allowance, Bearer, Loss, LossReason, OfflineRule, Outcome, Taken, Verdict};
use store::offline::{self, Committed, Decided, Entry};

use super::*;

impl Books {
    /// A branch has lost this much on a receipt of a day, as its journal told.
    async fn lost(&self, branch: &str, day: &str, number: u32, minor: i64) -> Key {
        let (db, tenant, now) = (&self.system.db, &self.account.tenant, runtime::now());
        let receipt: domain::receipt::ReceiptKey = format!("{branch}~1~{day}~{number}").parse().unwrap();
        let allowance = Allowance {
            location: receipt.store.clone(),
            programme: self.account.programme.clone(),
            programme_version: 1,
            day: receipt.business_date,
            zone: programme().zone,
            currency: programme().currency,
            rule: OfflineRule {
                hours: 4,
                limit_minor: 10_000,
                voucher_limit_minor: 5_000,
                journal_days: 7,
                bearers: BTreeMap::new(),
            },
            used_minor: 0,
            version: 1,
        };
        let allowance = offline::open(db, tenant, allowance, now).await.unwrap();
        let loss = Loss {
            reason: LossReason::UnknownCode,
            minor,
            bearer: Bearer::Company,
            first: None,
        };
        let lookup: LookupKey = domain::code::lookup_key(&[1; 32], "test", receipt.to_string().as_bytes());
        let entry = Entry {
            taken: Taken {
                number,
                receipt: receipt.clone(),
                basket: None,
                basket_minor: 9_000,
                goods: Vec::new(),
                value_minor: minor,
                at: now,
            },
            lookup: lookup.clone(),
            allowance: receipt.business_date,
            currency: programme().currency,
            verdict: Verdict {
                outcome: Outcome::Lost,
                breaches: Vec::new(),
                booked_minor: 0,
                loss: Some(loss.clone()),
            },
        };
        let before = offline::losses_of_day(db, tenant, &receipt.store, receipt.business_date)
            .await
            .unwrap();
        let day = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
        let mut used = allowance.d.clone();
        used.version += 1;
        let decided = Decided {
            entry: &entry,
            allowance: (&allowance, used),
            voucher: None,
            holder: None,
            losses: Some((before.as_ref(), day.with(&loss, programme().currency))),
        };
        let committed = offline::commit(db, tenant, decided, &now.into()).await.unwrap();
        assert_eq!(committed, Committed::Done);
        offline::entry_key(tenant, &receipt, &lookup)
    }

    /// Somebody turns a sum of a day.
    async fn turn(&self, branch: &str, day: &str, minor: i64) {
        let db = &self.system.db;
        let pk = offline::partition(&self.account.tenant, &branch.parse().unwrap());
        db.client()
            .update_item()
            .table_name(db.table())
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(format!("LOSSES#{day}")))
            .update_expression("SET #d.sums[0].minor = :n")
            .expression_attribute_names("#d", "d")
            .expression_attribute_values(":n", AttributeValue::N(minor.to_string()))
            .send()
            .await
            .unwrap();
    }

    async fn proved(&self) -> verify::Report {
        verify::all(&self.system, runtime::now(), &|_| {}).await.unwrap()
    }
}

#[tokio::test]
async fn x3_losses_that_agree_with_their_entries_have_no_findings() {
    let books = Books::empty().await;
    for number in 1..=3 {
        books.lost("B02", "2026-11-22", number, 500).await;
    }
    books.lost("B02", "2026-11-23", 1, 500).await;
    books.lost("B03", "2026-11-22", 1, 700).await;
    let report = books.proved().await;
    assert_eq!((report.losses, texts(&report)), (5, Vec::new()));
}

#[tokio::test]
async fn x3_a_sum_of_losses_that_differs_from_its_entries_is_found_for_each_branch() {
    let books = Books::empty().await;
    books.lost("B02", "2026-11-22", 1, 500).await;
    let gone = books.lost("B02", "2026-11-23", 1, 500).await;
    books.lost("B03", "2026-11-22", 1, 700).await;
    books.lost("B04", "2026-11-22", 1, 900).await;
    books.turn("B02", "2026-11-22", 400).await;
    books.delete(&gone).await;
    books.turn("B03", "2026-11-22", 701).await;
    let report = books.proved().await;
    let expected = [
        "losses of B02: 2026-11-22: Company UnknownCode: the entries come to CHF 5.00 in 1, the sum says CHF 4.00 in 1; \
         2026-11-23: Company UnknownCode: the entries come to CHF 0.00 in 0, the sum says CHF 5.00 in 1",
        "losses of B03: 2026-11-22: Company UnknownCode: the entries come to CHF 7.00 in 1, the sum says CHF 7.01 in 1",
    ];
    assert_eq!(texts(&report), expected);
    assert_eq!(report.found, 2);
}

#[tokio::test]
async fn x3_entries_without_a_sum_are_found() {
    let books = Books::empty().await;
    books.lost("B02", "2026-11-22", 1, 500).await;
    let pk = offline::partition(&books.account.tenant, &"B02".parse().unwrap());
    let sum = Key {
        pk,
        sk: "LOSSES#2026-11-22".to_owned(),
    };
    books.delete(&sum).await;
    let report = books.proved().await;
    assert_eq!(report.found, 1, "{:?}", texts(&report));
    assert!(
        texts(&report)[0].contains("the sum says CHF 0.00 in 0"),
        "{:?}",
        texts(&report)
    );
}
