//! What must be true of the table at rest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::{Account, Cause, Entry};
use domain::adjustment::{Adjustment, Kind, State as Done};
use domain::earning::{Caps, earn};
use domain::location::Location;
use domain::programme::Programme;
use domain::voucher::{State, Voucher};
use faults::Site;
use serde::de::DeserializeOwned;
use serde_json::json;
use store::card::Card;
use store::client::{Client, KeyRecord};
use store::programme::ProgrammeVersion;
use store::receipt::StoredReceipt;
use store::returned::StoredReturn;
use store::voucher::{OpenVoucher, Published};
use store::{Db, Record};

use crate::world::World;

mod offline;

pub use offline::Offline;

/// Everything in the table that the books are made of.
#[derive(Debug, Default)]
pub struct Books {
    /// Receipts.
    pub receipts: Vec<StoredReceipt>,
    /// Versions of programmes.
    pub programmes: Vec<Programme>,
    /// Accounts by partition and programme.
    pub accounts: BTreeMap<String, Account>,
    /// Ledger entries by partition and programme.
    pub ledger: BTreeMap<String, Vec<Entry>>,
    /// Vouchers by lookup partition.
    pub vouchers: Vec<Voucher>,
    /// References to open vouchers.
    pub open: Vec<OpenVoucher>,
    /// What the feed has published.
    pub published: Vec<Published>,
    /// The feed: sequence numbers, and the voucher's id and state version, by partition.
    pub feed: BTreeMap<String, Vec<(u64, String, u64)>>,
    /// Every published change of every voucher: its state version and the state.
    pub history: Vec<(u64, State)>,
    /// Receipts that wait for a card, by card partition.
    pub parked: Vec<String>,
    /// Adjustments, by partition.
    pub adjustments: BTreeMap<String, Adjustment>,
    /// Returns.
    pub returns: Vec<StoredReturn>,
    /// What offline tills leave.
    pub offline: Offline,
    /// Cases for an operator.
    pub exceptions: usize,
    /// What the other items say, without ids and times, and how many say it.
    pub others: BTreeMap<String, usize>,
}

impl Books {
    /// Reads the whole table.
    ///
    /// # Panics
    /// When it cannot be read or holds something unknown.
    pub async fn read(world: &World) -> Self {
        Self::read_from(&world.db).await
    }

    /// Reads a whole table.
    ///
    /// # Panics
    /// When it cannot be read or holds something unknown.
    pub async fn read_from(db: &Db) -> Self {
        let mut books = Self::default();
        let mut start = None;
        loop {
            let call = db.client().scan().table_name(db.table()).consistent_read(true);
            let page = call
                .set_exclusive_start_key(start)
                .send()
                .await
                .expect("a page of the table");
            page.items
                .unwrap_or_default()
                .into_iter()
                .for_each(|item| books.take(item));
            start = page.last_evaluated_key;
            if start.is_none() {
                return books;
            }
        }
    }

    fn take(&mut self, item: HashMap<String, AttributeValue>) {
        let text = |name: &str| item.get(name).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
        let (pk, sk, kind) = (text("pk"), text("sk"), text("et"));
        match kind.as_str() {
            "receipt" => self.receipts.push(entity(item)),
            "account" => {
                let programme = sk.rsplit('#').next().unwrap_or_default();
                drop(self.accounts.insert(format!("{pk}/{programme}"), entity(item)));
            }
            "ledger_entry" => {
                let programme = sk.split('#').nth(1).unwrap_or_default();
                self.ledger
                    .entry(format!("{pk}/{programme}"))
                    .or_default()
                    .push(entity(item));
            }
            "voucher" => self.vouchers.push(entity(item)),
            "open_voucher" => self.open.push(entity(item)),
            "voucher_reference" => self.published.push(entity(item)),
            "voucher_event" => {
                let event: store::feed::Event = entity(item);
                let row = (event.sequence, event.voucher.id(), event.voucher.state_version);
                self.feed.entry(pk).or_default().push(row);
                self.history.push((event.voucher.state_version, event.voucher.state));
            }
            "programme_version" => {
                let version: ProgrammeVersion = entity(item.clone());
                self.programmes.push(version.programme);
                let told = told(&kind, item).expect("something to tell");
                *self.others.entry(told).or_default() += 1;
            }
            "return" => self.returns.push(entity(item)),
            store::adjustment::ADJUSTMENT => drop(self.adjustments.insert(pk, entity(item))),
            "parked" => self.parked.push(pk),
            "exception" => self.exceptions += 1,
            store::offline::ALLOWANCE => self.offline.allowances.push(entity(item)),
            store::offline::ENTRY => self.offline.entries.push(entity(item)),
            store::offline::LOSSES => {
                let location = pk.rsplit('#').next().unwrap_or_default();
                drop(self.offline.losses.insert(format!("{location}/{sk}"), entity(item)));
            }
            _ => {
                if let Some(told) = told(&kind, item) {
                    *self.others.entry(told).or_default() += 1;
                }
            }
        }
    }

    /// Checks everything that must be true whatever happened on the way.
    ///
    /// # Panics
    /// With what is wrong.
    pub fn check(&self) {
        self.check_accounts();
        self.check_receipts();
        self.check_returns();
        self.check_vouchers();
        self.check_feed();
        self.check_adjustments();
        self.offline.check(&self.history, &self.vouchers);
    }

    /// I1: the entries of an account prove its snapshot.
    fn check_accounts(&self) {
        let with_entries: BTreeSet<_> = self.ledger.keys().collect();
        assert_eq!(
            with_entries,
            self.accounts.keys().collect(),
            "accounts and ledgers go together"
        );
        for (id, account) in &self.accounts {
            let entries = self.ledger.get(id).cloned().unwrap_or_default();
            assert_eq!(
                Account::replay(entries).as_ref(),
                Ok(account),
                "the ledger of {id} proves its snapshot"
            );
        }
    }

    /// I2, I7: every receipt with an account has one entry, with the points counted here from its lines.
    fn check_receipts(&self) {
        let mut entries: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for entry in self.ledger.values().flatten() {
            if let Cause::Receipt { receipt, .. } = &entry.cause {
                entries.entry(receipt.to_string()).or_default().push(entry);
            }
        }
        for stored in &self.receipts {
            let posted = entries.remove(&stored.receipt.key.to_string()).unwrap_or_default();
            let posted: Vec<_> = posted
                .into_iter()
                .map(|entry| (entry.points, self.worth(stored, entry)))
                .collect();
            let expected = usize::from(stored.account.is_some());
            assert_eq!(posted.len(), expected, "the entries of {}", stored.receipt.key);
            for (points, worth) in posted {
                assert_eq!(points, worth, "the points of {}", stored.receipt.key);
            }
        }
        assert!(entries.is_empty(), "every entry has its receipt");
        self.check_caps();
    }

    /// What a receipt must earn: by the plain rule, which is written here once more, or by the rules of its version.
    fn worth(&self, stored: &StoredReceipt, entry: &Entry) -> i64 {
        let with_rules = self.programmes.iter().find(|programme| {
            let asks = !programme.rules.is_empty() || programme.caps != Caps::default();
            programme.id == stored.programme && programme.version == stored.expected_version && asks
        });
        if let Some(programme) = with_rules {
            let earned = earn(&stored.receipt, programme, &stored.counted_with(entry));
            return earned.expect("points in range").points;
        }
        let lines: i64 = stored.receipt.lines.iter().map(|line| line.amount_minor).sum();
        let payments = stored.receipt.payments.iter().filter(|p| p.voucher.is_some());
        let vouchers: i64 = payments.map(|p| p.amount_minor).sum();
        (lines - vouchers).max(0) / 100
    }

    /// No account earns more from the receipts of a day than the cap, and only one receipt was its first purchase.
    fn check_caps(&self) {
        for entries in self.ledger.values() {
            let (mut days, mut firsts): (BTreeMap<_, (i64, i64)>, usize) = Default::default();
            for entry in entries {
                let Cause::Receipt {
                    first_purchase,
                    day_left,
                    ..
                } = &entry.cause
                else {
                    continue;
                };
                firsts += usize::from(*first_purchase);
                if let Some(left) = day_left {
                    let (sum, cap) = days.entry(entry.business_date).or_insert((0, 0));
                    *sum += entry.points;
                    *cap = (*cap).max(*left);
                }
            }
            assert!(firsts <= 1, "one first purchase");
            assert!(
                days.values().all(|(sum, cap)| sum <= cap),
                "{days:?}: points and cap of days"
            );
        }
    }

    /// L8, X10: every return and voiding of an account's receipt has one entry, and no receipt gives back more than it had.
    fn check_returns(&self) {
        let mut entries: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for entry in self.ledger.values().flatten() {
            if let Cause::Return { receipt, void, .. } = &entry.cause {
                let name = if *void {
                    format!("void of {receipt}")
                } else {
                    receipt.to_string()
                };
                entries.entry(name).or_default().push(entry);
            }
        }
        let mut one = |name: &str| {
            let found = entries.remove(name).unwrap_or_default();
            assert_eq!(found.len(), 1, "the entries of {name}");
            match &found[0].cause {
                Cause::Return { total_minor, .. } => *total_minor,
                _ => 0,
            }
        };
        for stored in self.receipts.iter().filter(|stored| stored.account.is_some()) {
            let mut back: i64 = stored.returns.iter().map(|key| one(&key.to_string())).sum();
            if stored.voided.is_some() {
                back += one(&format!("void of {}", stored.receipt.key));
            }
            assert!(
                back <= stored.receipt.total_minor,
                "more came back than {} was",
                stored.receipt.key
            );
        }
        for stored in self.returns.iter().filter(|stored| stored.account.is_some()) {
            one(&stored.back.key.to_string());
        }
        assert!(entries.is_empty(), "every entry has its return");
    }

    /// N4: every voucher has its debit and every debit its vouchers; open ones are listed for the till, others are not.
    fn check_vouchers(&self) {
        let mut debited: BTreeSet<String> = BTreeSet::new();
        for (id, entries) in &self.ledger {
            let party = id.split(['#', '/']).nth(2).unwrap_or_default();
            let programme = id.rsplit('/').next().unwrap_or_default();
            for entry in entries {
                debited.extend(entry.vouchers().map(|number| format!("{party}~{programme}~{number}")));
            }
        }
        let all: BTreeSet<_> = self.vouchers.iter().map(Voucher::id).collect();
        assert_eq!(all.len(), self.vouchers.len(), "no voucher exists twice");
        // One that a campaign gave away has no debit.
        let for_points = self.vouchers.iter().filter(|voucher| voucher.paid_by().is_some());
        // One that was put in another one's place stands for the debit of that one, which is void.
        let issued: BTreeSet<_> = for_points
            .filter(|v| v.number.reissue() == 0)
            .map(Voucher::id)
            .collect();
        for voucher in &self.vouchers {
            if let State::Voided {
                reissued_as: Some(next),
                ..
            } = &voucher.state
            {
                let next = domain::voucher::voucher_id(&voucher.party, &voucher.programme, next);
                assert!(
                    all.contains(&next),
                    "what stands in the place of {} exists",
                    voucher.id()
                );
            }
        }
        let reissued = self.vouchers.iter().filter(|voucher| voucher.number.reissue() > 0);
        let is_reissued = |voucher: &&Voucher| {
            matches!(
                &voucher.state,
                State::Voided {
                    reissued_as: Some(_),
                    ..
                }
            )
        };
        let dead = self.vouchers.iter().filter(is_reissued).count();
        assert_eq!(reissued.count(), dead, "each stands in the place of one that is void");
        assert_eq!(issued, debited, "vouchers and their debits go together");
        let is_open = |voucher: &&Voucher| matches!(voucher.state, State::Open | State::Reserved { .. });
        let open = self.vouchers.iter().filter(is_open).count();
        assert_eq!(self.open.len(), open, "the tills see the open vouchers");
    }

    /// Every posted adjustment has its entries, and every entry that somebody made by hand its adjustment.
    fn check_adjustments(&self) {
        let mut expected = BTreeMap::new();
        for (pk, adjustment) in &self.adjustments {
            let (holders, entries): (Vec<_>, _) = match (&adjustment.kind, &adjustment.state) {
                (Kind::Transfer { to }, Done::Posted { entries, .. }) => (vec![&adjustment.party, to], entries),
                // Whether the voucher of a campaign has cost points, its debit says.
                (Kind::VoucherVoid { number }, Done::Posted { entries, .. }) if number.run().is_some() => {
                    (vec![&adjustment.party; entries.len()], entries)
                }
                (kind, Done::Posted { entries, .. }) => (vec![&adjustment.party; kind.accounts()], entries),
                _ => continue,
            };
            assert_eq!(holders.len(), entries.len(), "the entries of {pk}");
            for (holder, booked) in holders.into_iter().zip(entries) {
                let name = (holder.to_string(), booked.entry.clone());
                assert_eq!(
                    expected.insert(name, booked.points),
                    None,
                    "an entry stands for one adjustment"
                );
            }
        }
        let by_hand = |entry: &&Entry| {
            let cause = &entry.cause;
            matches!(
                cause,
                Cause::Correction { .. } | Cause::Transfer { .. } | Cause::VoucherVoid { .. }
            )
        };
        let mut made = BTreeMap::new();
        for (id, entries) in &self.ledger {
            let holder = id.split(['#', '/']).nth(2).unwrap_or_default();
            for entry in entries.iter().filter(by_hand) {
                made.insert((holder.to_owned(), entry.natural_id()), entry.points);
            }
        }
        assert_eq!(made, expected, "adjustments and their entries go together");
    }

    /// The feed has no gap and names every voucher's latest change.
    fn check_feed(&self) {
        let mut latest: BTreeMap<&str, u64> = BTreeMap::new();
        for (group, events) in &self.feed {
            let numbers: BTreeSet<_> = events.iter().map(|(sequence, ..)| *sequence).collect();
            let expected: BTreeSet<_> = (1..=events.len() as u64).collect();
            assert_eq!(numbers, expected, "the sequence of {group} has no gap");
            for (_, voucher, version) in events {
                let known = latest.entry(voucher).or_default();
                *known = (*known).max(*version);
            }
        }
        // A campaign's voucher is published from its first change on.
        let published: Vec<_> = self
            .vouchers
            .iter()
            .filter(|voucher| voucher.number.run().is_none() || voucher.state_version > 1)
            .collect();
        for voucher in &published {
            let id = voucher.id();
            assert_eq!(
                latest.get(id.as_str()),
                Some(&voucher.state_version),
                "the feed knows {id}"
            );
        }
        assert_eq!(self.published.len(), published.len(), "every voucher is published");
    }

    /// The books without what may differ between two runs of the same story: times and versions of concurrent changes.
    pub fn essence(&self) -> Vec<String> {
        let mut essence = Vec::new();
        for (id, account) in &self.accounts {
            let entries = self.ledger.get(id).map_or(0, Vec::len);
            let text = format!(
                "balance {} vouchers {} receipts {} revenue {} entries with receipt {}",
                account.balance,
                account.vouchers_issued,
                account.receipts,
                account.revenue_minor,
                entries.min(usize::try_from(account.receipts).unwrap_or(0)),
            );
            essence.push(text);
        }
        essence.push(format!("{} vouchers", self.vouchers.len()));
        essence.push(format!("{} receipts", self.receipts.len()));
        essence.push(format!("{} returns", self.returns.len()));
        essence.push(format!("{} exceptions", self.exceptions));
        let decided = self.offline.entries.iter();
        essence.extend(decided.map(|entry| format!("entry {} {:?}", entry.taken.receipt, entry.verdict)));
        essence.push(format!("losses {:?}", self.offline.losses));
        let named = |state: &Done| store::adjustment::Status::of(state).as_str();
        essence.extend(
            self.adjustments
                .values()
                .map(|a| format!("{} points {}", a.points, named(&a.state))),
        );
        essence.extend(self.others.iter().map(|(told, count)| format!("{count} of {told}")));
        essence.sort();
        essence
    }
}

/// What an item says that is the same in two runs of one story, if it says any such thing.
fn told(kind: &str, item: HashMap<String, AttributeValue>) -> Option<String> {
    match kind {
        "card" => about(kind, item, |card: Card| {
            let (held, replaced) = (card.party.is_some(), card.replaced_by.is_some());
            let (status, version) = (card.status, card.version);
            Some(format!(
                "card {status:?}, held {held}, replaced {replaced}, changed {version} times"
            ))
        }),
        "location" => about(kind, item, |location: Location| {
            Some(format!("location {}, closed on {:?}", location.id, location.closed_on))
        }),
        "programme" | "programme_version" => about(kind, item, |version: ProgrammeVersion| {
            Some(format!("{kind}, version {}", version.programme.version))
        }),
        "client" => about(kind, item, |client: Client| {
            Some(format!("client {}, {} keys", client.id, client.keys.len()))
        }),
        "finance_run" => about(kind, item, |run: store::finance::Run| {
            let total = run.result.map(|result| result.total);
            Some(format!("books, revision {}: {total:?}", run.revision))
        }),
        "task" | "task_reference" | "case_task" => about(kind, item, |task: store::desk::Task| {
            Some(format!(
                "{kind} {:?}, version {}, {} steps",
                task.status,
                task.version,
                task.steps.len()
            ))
        }),
        "case" => about(kind, item, |case: store::desk::Case| {
            Some(format!(
                "case {:?}, version {}, {} open",
                case.status, case.version, case.open_tasks
            ))
        }),
        "opportunity" => about(kind, item, |chance: store::desk::Opportunity| {
            Some(format!(
                "opportunity {:?}, {} changes",
                chance.now,
                chance.changes.len()
            ))
        }),
        "morale" => about(kind, item, |invoice: domain::morale::Invoice| {
            Some(format!("morale {invoice:?}"))
        }),
        "order" => about(kind, item, |order: store::erp::Order| Some(format!("order {order:?}"))),
        store::workflow::WORKFLOW => about(kind, item, |event: store::workflow::Happened| match event.state {
            // How often an invoice changed depends on the order in which its documents came.
            store::workflow::State::Invoice { .. } => None,
            state => Some(format!("{kind} version {} {state:?}", event.version)),
        }),
        "tally" => {
            let number = |(name, value): (&String, &AttributeValue)| Some((name.clone(), value.as_n().ok()?.clone()));
            let counts: BTreeMap<_, _> = item.iter().filter_map(number).collect();
            Some(format!("tally {counts:?}"))
        }
        "run_measure" => about(kind, item, |measuring: store::run::Measuring| {
            let last = measuring.last.map(|last| (last.letters, last.control));
            Some(format!("measured {last:?}"))
        }),
        store::workflow::EFFECT => about(kind, item, |effect: store::workflow::Effect| {
            Some(format!(
                "{kind} of {}: {:?} {:?}",
                effect.workflow, effect.event, effect.kept
            ))
        }),
        "timeline" => about(kind, item, |event: store::timeline::Event| {
            Some(format!("timeline {}", json!(event.what)))
        }),
        // A key whose answer was lost is withdrawn, one more than on a day without a fault.
        "api_key" => about(kind, item, |key: KeyRecord| {
            key.revoked_at.is_none().then(|| "active api_key".to_owned())
        }),
        _ => Some(kind.to_owned()),
    }
}

/// Tells of an item; of one that a test has spoiled, only that it is there.
fn about<T: DeserializeOwned>(
    kind: &str,
    item: HashMap<String, AttributeValue>,
    tell: impl FnOnce(T) -> Option<String>,
) -> Option<String> {
    match Record::from_item(Site::ToolRead, item) {
        Ok(record) => tell(record.d),
        Err(_) => Some(format!("unreadable {kind}")),
    }
}

fn entity<T: DeserializeOwned>(item: HashMap<String, AttributeValue>) -> T {
    Record::from_item(Site::ToolRead, item).expect("an item of its kind").d
}
