//! The restore drill (T7): a copy stands beside the live table, one customer is compared and repaired.

use store::erasure;
use store::restore::Standing;
use treue_local::operations::restore::{self, Repaired};

use super::*;

const COPY: &str = "restored";

impl Books {
    async fn copied(&self) -> Db {
        let live = &self.system.db;
        let copy = Db::new(live.client().clone(), COPY.to_owned(), Probe::none());
        restore::copy(&self.system, &copy, &|_| {}).await.unwrap();
        copy
    }

    async fn repair(&self, copy: &Db, replace: &[&str]) -> Repaired {
        let compared = restore::compare(&self.system, copy, &self.account.party).await.unwrap();
        let replace: Vec<_> = replace.iter().map(|sk| (*sk).to_owned()).collect();
        restore::repair(&self.system, &compared, &replace).await.unwrap()
    }

    async fn differences(&self, copy: &Db) -> Vec<(String, Standing)> {
        let compared = restore::compare(&self.system, copy, &self.account.party).await.unwrap();
        let differences = compared.differences().into_iter();
        differences.map(|found| (found.key.sk, found.standing)).collect()
    }
}

#[tokio::test]
async fn what_a_customer_has_lost_comes_back_from_the_copy_and_the_books_agree() {
    let books = Books::written().await;
    let copy = books.copied().await;
    assert_eq!(books.differences(&copy).await, []);

    let lost = [books.entry_key(1), books.entry_key(2)];
    for key in &lost {
        books.delete(key).await;
    }
    assert!(books.verify().await.found > 0);
    let missing: Vec<_> = lost.iter().map(|key| (key.sk.clone(), Standing::Missing)).collect();
    assert_eq!(books.differences(&copy).await, missing);

    let repaired = books.repair(&copy, &[]).await;
    assert_eq!(repaired.put, lost);
    assert_eq!(books.differences(&copy).await, []);
    assert_eq!(texts(&books.verify().await), Vec::<String>::new());
    assert!(books.repair(&copy, &[]).await.put.is_empty(), "a second repair");
}

#[tokio::test]
async fn what_happened_after_the_copy_stays_and_only_what_is_named_is_replaced() {
    let books = Books::written().await;
    let copy = books.copied().await;
    books.post(&sale(4)).await;
    let account = books.account.key().sk;
    let differences = books.differences(&copy).await;
    assert!(
        differences.contains(&(account.clone(), Standing::Differs)),
        "{differences:?}"
    );
    assert!(
        differences.contains(&(books.entry_key(4).sk, Standing::Younger)),
        "{differences:?}"
    );

    let repaired = books.repair(&copy, &[]).await;
    assert!(repaired.put.is_empty() && repaired.left.contains(&books.account.key()));
    assert_eq!(texts(&books.verify().await), Vec::<String>::new());

    // A balance that somebody spoilt by hand, named by the operator.
    books.delete(&books.entry_key(4)).await;
    let repaired = books.repair(&copy, &[&account]).await;
    assert_eq!(repaired.put, [books.account.key()]);
    assert_eq!(books.verify().await.accounts, 1);
    let party = verify::party(&books.system, &books.account.party).await.unwrap();
    assert_eq!(party.found, 0, "{:?}", party.findings);
}

#[tokio::test]
async fn an_item_that_changes_after_the_comparison_is_not_overwritten() {
    let books = Books::written().await;
    let copy = books.copied().await;
    books.post(&sale(4)).await;
    let compared = restore::compare(&books.system, &copy, &books.account.party)
        .await
        .unwrap();
    books.post(&sale(5)).await;
    let account = books.account.key();
    let repaired = restore::repair(&books.system, &compared, std::slice::from_ref(&account.sk))
        .await
        .unwrap();
    assert_eq!((repaired.put, repaired.changed), (vec![], vec![account]));
    assert_eq!(texts(&books.verify().await), Vec::<String>::new());
}

impl Books {
    /// The party is erased in the live table, but for its files.
    async fn erase(&self) {
        let (db, tenant, party) = (&self.system.db, &self.system.tenant, &self.account.party);
        let now = runtime::now();
        let asked = erasure::Erasure {
            version: 1,
            party: party.clone(),
            reason: erasure::Reason::OnRequest,
            author: "olga".parse().unwrap(),
            client: "office".parse().unwrap(),
            asked_at: now,
            found: erasure::Found::default(),
            state: erasure::State::Requested,
        };
        let site = Site::ToolWrite;
        assert!(
            erasure::keep(db, site, tenant, (None, &asked), &now.into())
                .await
                .unwrap()
        );
        let before = erasure::read(db, site, tenant, party).await.unwrap().unwrap();
        let profile = store::party::read(db, site, tenant, party).await.unwrap().unwrap();
        let approval = erasure::Decision {
            by: "urs".parse().unwrap(),
            at: now,
        };
        let approved = erasure::approve(db, site, tenant, (&before, &profile), approval, &now.into()).await;
        assert!(approved.unwrap().is_some());
        while erasure::step(db, tenant, party, now).await.unwrap() == erasure::Progress::More {}
    }
}

/// Everything of a table as texts.
async fn texts_of(db: &Db) -> String {
    let page = db.client().scan().table_name(db.table()).send().await.unwrap();
    assert!(page.last_evaluated_key.is_none(), "one page");
    format!("{:?}", page.items.unwrap_or_default())
}

#[tokio::test]
async fn x16_whoever_was_erased_since_does_not_come_back_with_a_copy() {
    let books = Books::written().await;
    books.named().await;
    let copy = books.copied().await;
    let (system, party) = (&books.system, &books.account.party);
    assert!(!restore::was_erased(system, party).await.unwrap());
    books.erase().await;
    assert!(restore::was_erased(system, party).await.unwrap());
    assert!(texts_of(&copy).await.contains("Zellweger-Abt"));

    let done = restore::erase_anew(system, &copy, runtime::now()).await.unwrap();
    assert_eq!((done.erased, done.gone, done.waiting), (1, 0, 0));
    assert!(!texts_of(&copy).await.contains("Zellweger-Abt"));
    let standing = store::party::standing(&copy, Site::ToolRead, &system.tenant, party).await;
    assert!(matches!(standing.unwrap(), Some(store::party::Standing::Erased(_))));
    // The copy's books are whole: it can take the place of the live table.
    let account = store::account::read(&copy, Site::ToolRead, &books.account, Read::Strong).await;
    let live = store::account::read(&system.db, Site::ToolRead, &books.account, Read::Strong).await;
    assert_eq!(account.unwrap().unwrap().d, live.unwrap().unwrap().d);
    restore::erase_anew(system, &copy, runtime::now()).await.unwrap();
    assert!(!texts_of(&copy).await.contains("Zellweger-Abt"), "a second time");
}
