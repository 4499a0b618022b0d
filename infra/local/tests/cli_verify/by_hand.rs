//! Points moved by hand: adjustments and ledger must say the same.

use domain::account::{Entry, share_of_voucher};
use domain::adjustment::{Adjustment, Kind, State as Done};
use domain::id::LookupKey;
use domain::secret::Secret;
use domain::voucher::{Outcome, Part, Parts};
use store::Made;
use store::account::Committed;
use store::adjustment::{self, Booking};
use store::voucher::{NewVoucher, VoucherChange};

use super::*;

fn id(name: &str) -> LookupKey {
    name.parse().unwrap()
}

impl Books {
    /// The party of the account stands: nobody moves points of a party that is not there.
    async fn of_somebody() -> Self {
        let books = Self::written().await;
        books.named().await;
        books
    }

    fn adjustment(&self, kind: Kind, points: i64) -> Adjustment {
        Adjustment {
            version: 1,
            kind,
            party: self.account.party.clone(),
            programme: self.account.programme.clone(),
            points,
            reason: Secret::new("Test".to_owned()),
            author: "olga".parse().unwrap(),
            client: "office".parse().unwrap(),
            asked_at: runtime::now(),
            state: Done::AwaitingApproval,
        }
    }

    async fn booking(
        &self,
        book: impl FnOnce(&domain::account::Account) -> (Entry, domain::account::Account),
    ) -> Booking {
        let before = account::read(&self.system.db, Site::ToolRead, &self.account, Read::Strong).await;
        let before = before.unwrap();
        let (entry, after) = book(&before.as_ref().map(|record| record.d.clone()).unwrap_or_default());
        Booking {
            id: self.account.clone(),
            before,
            entry,
            after,
            vouchers_due: false,
        }
    }

    /// Ten points under this id.
    async fn correct(&self, name: &str) -> Key {
        let (db, tenant, today) = (&self.system.db, &self.account.tenant, "2026-11-22".parse().unwrap());
        let lot = programme().lot(today, today);
        let booking = self
            .booking(|account| account.correct(name, 10, lot, today, 1).unwrap())
            .await;
        let posted = self
            .adjustment(Kind::Correction, 10)
            .posted(None, &[&booking.entry], runtime::now());
        let (made, key) = (
            Made::from(runtime::now()),
            booking.id.entry_key(&booking.entry.natural_id()),
        );
        let done = adjustment::post(db, tenant, &id(name), (None, &posted), &[booking], &made).await;
        assert_eq!(done.unwrap(), Committed::Done);
        key
    }

    /// The second voucher becomes void under this id.
    async fn void(&self, name: &str) {
        let (db, tenant, now) = (&self.system.db, &self.account.tenant, runtime::now());
        let today = "2026-11-22".parse().unwrap();
        let found = voucher::of_party(db, Site::ToolRead, &self.account, &2.into(), &[])
            .await
            .unwrap()
            .unwrap();
        // Its validity ends with a fixed day; that it is still valid is not the matter here.
        let noon = "2026-11-22T12:00:00Z".parse().unwrap();
        let Ok(Outcome::Changed(after)) = found.voucher.d.void(&id(name), noon) else {
            panic!("it was open")
        };
        let issue = account::issue_entry(db, Site::ToolRead, &self.account, today, 2)
            .await
            .unwrap()
            .unwrap();
        let share = share_of_voucher(&issue.d, &2.into()).unwrap();
        let booking = self
            .booking(|account| account.void_voucher(&2.into(), &share, 30, today, 1).unwrap())
            .await;
        let kind = Kind::VoucherVoid { number: 2.into() };
        let posted = self.adjustment(kind, 500).posted(None, &[&booking.entry], now);
        let voiding = VoucherChange {
            before: found,
            after: *after,
            successor: None,
        };
        let made = Made::from(now);
        let done = adjustment::post_voucher(db, tenant, &id(name), &posted, Some(&booking), &voiding, &made).await;
        assert_eq!(done.unwrap(), Committed::Done);
    }

    /// Another voucher is put in the place of the second one under this id.
    async fn reissue(&self, name: &str) {
        let (db, tenant) = (&self.system.db, &self.account.tenant);
        let before = voucher::of_party(db, Site::ToolRead, &self.account, &2.into(), &[]).await;
        let before = before.unwrap().unwrap();
        let noon = "2026-11-22T12:00:00Z".parse().unwrap();
        let reissued = before.voucher.d.reissue(&id(name), 1, noon).unwrap();
        let change = VoucherChange {
            before,
            after: reissued.old,
            successor: Some(NewVoucher {
                voucher: reissued.new,
                lookup: id("NEWCODE"),
            }),
        };
        let kind = Kind::VoucherReissue { number: 2.into() };
        let posted = self.adjustment(kind, 0).posted(None, &[], runtime::now());
        let made = Made::from(runtime::now());
        let done = adjustment::post_voucher(db, tenant, &id(name), &posted, None, &change, &made).await;
        assert_eq!(done.unwrap(), Committed::Done);
    }

    async fn all(&self) -> verify::Report {
        verify::all(&self.system, runtime::now() + chrono::Duration::seconds(1), &|_| {})
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_correction_and_a_voided_voucher_that_say_what_the_ledger_says_are_no_findings() {
    let books = Books::of_somebody().await;
    books.correct("AAAA").await;
    books.void("BBBB").await;
    let waiting = books.adjustment(Kind::Correction, 900);
    let made = Made::from(runtime::now());
    let kept = adjustment::keep(
        &books.system.db,
        &books.account.tenant,
        &id("CCCC"),
        None,
        &waiting,
        &made,
    )
    .await;
    assert!(kept.unwrap());
    let report = books.verify().await;
    assert_eq!((texts(&report), report.adjustments), (Vec::<String>::new(), 3));
}

#[tokio::test]
async fn a_reissued_voucher_is_no_finding_and_two_of_one_debit_that_both_stand_are_one() {
    let books = Books::of_somebody().await;
    let open = voucher::of_party(&books.system.db, Site::ToolRead, &books.account, &2.into(), &[]).await;
    let open = open.unwrap().unwrap();
    books.reissue("AAAA").await;
    assert_eq!(texts(&books.all().await), Vec::<String>::new());
    let dead = voucher::of_party(&books.system.db, Site::ToolRead, &books.account, &2.into(), &[]).await;
    let dead = dead.unwrap().unwrap().voucher;
    let mut undead = open.voucher.d;
    undead.version = 9;
    let stored = voucher::replace(&books.system.db, Site::ToolWrite, &dead, undead, runtime::now());
    assert!(stored.await.unwrap().is_none());
    let texts = texts(&books.verify().await);
    assert!(
        texts.len() == 1 && texts[0].contains("reissued, and the one before is not void: [2]"),
        "{texts:?}"
    );
}

#[tokio::test]
async fn a_voucher_of_which_more_than_its_value_was_taken_is_found() {
    let books = Books::of_somebody().await;
    let before = voucher::of_party(&books.system.db, Site::ToolRead, &books.account, &2.into(), &[]).await;
    let before = before.unwrap().unwrap().voucher;
    let part = |number: u32, amount_minor| Part {
        booked_at: None,
        receipt: format!("B01~1~2026-11-22~{number}").parse().unwrap(),
        amount_minor,
        at: runtime::now(),
    };
    let (_, lookup) = voucher::parse_partition(&before.pk).unwrap();
    for (second, findings) in [(300, 0), (301, 1)] {
        let (db, tenant) = (&books.system.db, &books.account.tenant);
        let found = voucher::read(db, Site::ToolRead, tenant, &lookup, Read::Strong).await;
        let found = found.unwrap().unwrap();
        let mut after = found.d.clone();
        after.version += 1;
        after.partial = Some(Parts {
            taken: vec![part(1, 200), part(2, second)],
            notes: vec![],
        });
        let stored = voucher::replace(&books.system.db, Site::ToolWrite, &found, after, runtime::now());
        assert!(stored.await.unwrap().is_none());
        let texts = texts(&books.verify().await);
        let said = texts
            .iter()
            .filter(|text| text.contains("more than the value was taken in parts: [2]"));
        assert_eq!((said.count(), texts.len()), (findings, findings), "{texts:?}");
    }
}

#[tokio::test]
async fn an_adjustment_without_its_entry_is_found() {
    let books = Books::of_somebody().await;
    let entry = books.correct("AAAA").await;
    books.delete(&entry).await;
    let texts = texts(&books.all().await);
    let said = texts.iter().find(|text| text.starts_with("adjustment AAAA: "));
    assert!(
        said.is_some_and(|text| text.contains("is not in the ledger")),
        "{texts:?}"
    );
}

#[tokio::test]
async fn an_entry_without_its_adjustment_is_found() {
    let books = Books::of_somebody().await;
    books.correct("AAAA").await;
    books.void("BBBB").await;
    for name in ["AAAA", "BBBB"] {
        books.delete(&adjustment::key(&books.account.tenant, &id(name))).await;
    }
    let texts = texts(&books.verify().await);
    let missing = texts
        .iter()
        .filter(|text| text.contains("no posted adjustment stands for the entry"));
    assert_eq!((missing.count(), texts.len()), (2, 2), "{texts:?}");
}

#[tokio::test]
async fn an_entry_of_a_voided_voucher_whose_voucher_is_open_is_found() {
    let books = Books::of_somebody().await;
    let before = voucher::of_party(&books.system.db, Site::ToolRead, &books.account, &2.into(), &[]).await;
    let before = before.unwrap().unwrap();
    books.void("BBBB").await;
    // As it was before, whatever has happened since.
    let void = voucher::of_party(&books.system.db, Site::ToolRead, &books.account, &2.into(), &[]).await;
    let void = void.unwrap().unwrap().voucher;
    let mut open = before.voucher.d;
    open.version = 9;
    let stored = voucher::replace(&books.system.db, Site::ToolWrite, &void, open, runtime::now());
    assert!(stored.await.unwrap().is_none());
    let texts = texts(&books.verify().await);
    assert!(
        texts.len() == 1 && texts[0].contains("nothing leads from the entry"),
        "{texts:?}"
    );
}

#[tokio::test]
async fn an_adjustment_and_an_entry_that_say_different_things_are_found() {
    let books = Books::of_somebody().await;
    let entry = books.correct("AAAA").await;
    books.set(&entry, "programme_version", 7).await;
    let texts = texts(&books.all().await);
    assert!(
        texts.iter().any(|text| text.contains("says something else")),
        "{texts:?}"
    );
    assert!(
        texts
            .iter()
            .any(|text| text.contains("no posted adjustment stands for")),
        "{texts:?}"
    );
}
