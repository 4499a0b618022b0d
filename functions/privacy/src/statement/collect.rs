//! Items of a party's partition become sections of a statement, and so does what they lead to.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::{Account, Cause, Entry};
use domain::adjustment::Adjustment;
use domain::id::{LookupKey, PartyId, Tenant};
use domain::voucher::Voucher;
use http_edge::Problem;
use party::PartyDocument;
use party::document::Past;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use store::card::{Card, CardReference};
use store::db::{BATCH_GET_MAX, Read};
use store::desk::{self, Case, Opportunity, Task};
use store::erasure::names;
use store::party::{Change, Segments};
use store::receipt::StoredReceipt;
use store::record::Item;
use store::relationship::Relationship;
use store::timeline::{Event, What};
use store::voucher::{OpenVoucher, Published};
use store::{Key, Record, Site, adjustment, card, offline, receipt, voucher};

use super::{BYTES_MAX, person};
use crate::App;
use crate::found::too_large;

const ITEMS: Site = Site::PrivacyItems;
/// Entries of a page of what tills without a line have lost.
const LOST_PAGE: i32 = 200;

/// What was read so far, and what it leads to.
#[derive(Default)]
struct Sections {
    sections: BTreeMap<&'static str, Vec<Value>>,
    bytes: usize,
    cards: Vec<CardReference>,
    vouchers: BTreeSet<LookupKey>,
    receipts: BTreeSet<domain::receipt::ReceiptKey>,
    tasks: BTreeSet<LookupKey>,
    cases: BTreeSet<LookupKey>,
    by_hand: BTreeSet<LookupKey>,
}

fn entity<T: DeserializeOwned>(item: Item) -> Result<Record<T>, Problem> {
    Ok(Record::from_item(ITEMS, item)?)
}

impl Sections {
    /// Adds an entry, as long as the statement does not become too large.
    fn add(&mut self, section: &'static str, entry: Value) -> Result<(), Problem> {
        self.bytes = self.bytes.saturating_add(entry.to_string().len());
        if self.bytes > BYTES_MAX {
            return Err(too_large());
        }
        self.sections.entry(section).or_default().push(entry);
        Ok(())
    }

    fn take(&mut self, item: Item) -> Result<(), Problem> {
        let (sk, kind) = names(&item);
        match kind.as_str() {
            // The party stands in the statement already; its name for the till is its name.
            "party" | "till_name" => Ok(()),
            "party_past" => self.add("past", person::past(&entity::<Past>(item)?.d)),
            "party_change" => {
                let change = entity::<Change>(item)?;
                let said = json!({"at": change.updated_at, "version": change.d.version, "kind": change.d.kind,
                    "fields": change.d.fields, "by": change.by});
                self.add("changes", said)
            }
            "relationship" => self.add("relationships", relationship(&entity::<Relationship>(item)?.d)),
            "segments" => self.add("segments", json!(entity::<Segments>(item)?.d.codes)),
            "card_reference" => {
                self.cards.push(entity::<CardReference>(item)?.d);
                Ok(())
            }
            "account" => {
                let account = entity::<Account>(item)?.d;
                self.add("accounts", held(&sk, &account))
            }
            "ledger_entry" => self.ledger(&sk, item),
            "open_voucher" => {
                self.vouchers.insert(entity::<OpenVoucher>(item)?.d.lookup);
                Ok(())
            }
            "voucher_reference" => {
                self.vouchers.insert(entity::<Published>(item)?.d.lookup);
                Ok(())
            }
            "order" => self.add("orders", json!(entity::<store::erp::Order>(item)?.d)),
            "morale" => self.add("invoices", json!(entity::<domain::morale::Invoice>(item)?.d)),
            "timeline" | "sent_letter" => self.event(item),
            "opportunity" => self.add("opportunities", json!(entity::<Opportunity>(item)?.d)),
            "adjustment_reference" => {
                self.by_hand.insert(entity::<adjustment::Reference>(item)?.d.id);
                Ok(())
            }
            "erasure" => {
                let asked = entity::<store::erasure::Erasure>(item)?.d;
                self.add(
                    "erasures",
                    json!({"asked_at": asked.asked_at, "reason": asked.reason, "status": asked.state.as_str()}),
                )
            }
            "statement" => {
                let made = entity::<store::statement::Statement>(item)?;
                self.add("statements", json!({"made_at": made.created_at, "by": made.by}))
            }
            store::returned_mail::RETURNED_LETTER => {
                let returned = entity::<store::returned_mail::Returned>(item)?.d;
                self.add("returned_letters", json!(returned))
            }
            store::workflow::EFFECT => {
                let effect = entity::<store::workflow::Effect>(item)?;
                let said = json!({"at": effect.created_at, "workflow": effect.d.workflow, "event": effect.d.event, "came_to": effect.d.kept});
                self.add("workflow_effects", said)
            }
            "desk_past" => {
                let change = entity::<desk::Change>(item)?.d;
                self.add("opportunity_changes", json!(change))
            }
            // Keyed hashes under which the party is found, and sums of what stands in the statement.
            "search_keys" => self.add(
                "search",
                json!("the party is listed under keyed hashes of its names, contact points and ids"),
            ),
            "activity" | "closed_lot" | "communication" | store::workflow::WORKFLOW => Ok(()),
            _ => self.add("other", json!({"kind": kind, "key": sk})),
        }
    }

    fn ledger(&mut self, sk: &str, item: Item) -> Result<(), Problem> {
        let entry = entity::<Entry>(item)?.d;
        if let Cause::Receipt { receipt, .. } = &entry.cause {
            self.receipts.insert(receipt.clone());
        }
        let programme = sk.split('#').nth(1).unwrap_or_default();
        let mut said = json!(entry);
        said["programme"] = json!(programme);
        self.add("ledger", said)
    }

    fn event(&mut self, item: Item) -> Result<(), Problem> {
        let event = entity::<Event>(item)?.d;
        let id = event.id.parse().ok();
        match &event.what {
            What::Task { .. } => self.tasks.extend(id),
            What::Case { .. } => self.cases.extend(id),
            _ => {}
        }
        self.add("timeline", json!(event))
    }
}

fn relationship(seen: &Relationship) -> Value {
    json!({
        "kind": seen.kind.to_string(), "role": seen.role.to_string(), "other": seen.other,
        "other_role": seen.other_role.to_string(), "since": seen.since, "until": seen.until, "ended": seen.ended,
        "department": seen.department, "shares_points": seen.shares.is_some(),
        "points_owner": seen.points_owner.as_ref().map(ToString::to_string),
    })
}

fn held(sk: &str, account: &Account) -> Value {
    json!({
        "programme": sk.rsplit('#').next().unwrap_or_default(), "balance": account.balance, "pending": account.pending(),
        "vouchers_issued": account.vouchers_issued, "receipts": account.receipts, "revenue_minor": account.revenue_minor,
        "last_store": account.last_store,
    })
}

/// A voucher without its code, which stands nowhere: whoever has the paper has the code.
fn shown(voucher: &Voucher) -> Value {
    let terms = voucher.campaign.as_ref();
    json!({
        "id": voucher.id(), "programme": voucher.programme, "number": voucher.number, "value_minor": voucher.value_minor,
        "currency": voucher.currency, "valid_from": voucher.valid_from, "valid_until": voucher.valid_until,
        "issued_at": voucher.issued_at, "state": voucher.state, "parts": voucher.parts(),
        "per_cent": terms.and_then(|terms| terms.per_cent),
        "max_discount_minor": terms.and_then(|terms| terms.max_discount_minor),
        "groups": terms.map(|terms| terms.groups.as_slice()).unwrap_or_default(), "personal": voucher.is_personal(),
    })
}

/// An entry of a branch's journal about a voucher of the party. Who bears the loss is between branch and company.
fn lost(entry: &Record<offline::Entry>) -> Value {
    let offline::Entry {
        taken,
        currency,
        verdict,
        ..
    } = &entry.d;
    let loss = verdict.loss.as_ref();
    json!({
        "receipt": taken.receipt.to_string(), "at": taken.at, "decided_at": entry.created_at, "currency": currency,
        "given_minor": taken.value_minor, "booked_minor": verdict.booked_minor, "lost_minor": loss.map(|loss| loss.minor),
        "reason": loss.map(|loss| loss.reason),
    })
}

impl App {
    /// All sections of a statement about a party.
    pub(super) async fn sections(
        &self,
        tenant: &Tenant,
        party: &PartyId,
        profile: &Record<PartyDocument>,
    ) -> Result<Map<String, Value>, Problem> {
        let mut sections = Sections::default();
        self.everything(tenant, party, |item| sections.take(item)).await?;
        self.cards(tenant, &mut sections).await?;
        self.bought(tenant, &mut sections).await?;
        self.lost(tenant, party, &mut sections).await?;
        self.worked_on(tenant, &mut sections).await?;
        let mut all = Map::new();
        let mut about = person::person(&profile.d);
        about["stored_at"] = json!(profile.created_at);
        about["changed_at"] = json!(profile.updated_at);
        all.insert("party".to_owned(), about);
        for (section, entries) in sections.sections {
            all.insert(section.to_owned(), Value::Array(entries));
        }
        Ok(all)
    }

    async fn cards(&self, tenant: &Tenant, sections: &mut Sections) -> Result<(), Problem> {
        for reference in std::mem::take(&mut sections.cards) {
            let stands: Option<Record<Card>> =
                card::read(&self.db, Site::PrivacyBeside, tenant, &reference.lookup, Read::Strong).await?;
            let card = stands.as_ref().map(|stands| &stands.d);
            let said = json!({
                "number": reference.number.as_str(), "status": card.map(|card| card.status),
                "registered_at": card.and_then(|card| card.registered_at),
                "blocked": card.and_then(|card| card.blocked),
            });
            sections.add("cards", said)?;
        }
        Ok(())
    }

    async fn batch<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<Record<T>>, Problem> {
        Ok(self.db.batch_get(Site::PrivacyBeside, keys, Read::Strong).await?)
    }

    /// Vouchers and receipts.
    async fn bought(&self, tenant: &Tenant, sections: &mut Sections) -> Result<(), Problem> {
        let vouchers: Vec<_> = std::mem::take(&mut sections.vouchers).into_iter().collect();
        let keys: Vec<_> = vouchers.iter().map(|lookup| voucher::key(tenant, lookup)).collect();
        for keys in keys.chunks(BATCH_GET_MAX) {
            for found in self.batch::<Voucher>(keys).await? {
                sections.add("vouchers", shown(&found.d))?;
            }
        }
        let receipts: Vec<_> = std::mem::take(&mut sections.receipts).into_iter().collect();
        let keys: Vec<_> = receipts.iter().map(|id| receipt::key(tenant, id)).collect();
        for keys in keys.chunks(BATCH_GET_MAX) {
            for found in self.batch::<StoredReceipt>(keys).await? {
                let stored = found.d;
                let said = json!({"receipt": stored.receipt, "returns": stored.returns, "segments": stored.segments,
                    "voided": stored.voided.is_some()});
                sections.add("receipts", said)?;
            }
        }
        Ok(())
    }

    /// Vouchers of the party that a till without a line took and that were lost. They stand with the branch, and lead to the party by
    /// an index.
    async fn lost(&self, tenant: &Tenant, party: &PartyId, sections: &mut Sections) -> Result<(), Problem> {
        let mut after = None;
        // Ends with the index, or with too large a statement: each page begins behind the one before.
        loop {
            let page = offline::lost_of(&self.db, Site::PrivacyLosses, (tenant, party), after, LOST_PAGE);
            let (entries, next) = page.await?;
            for entry in &entries {
                sections.add("offline_losses", lost(entry))?;
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Tasks, cases, and points moved by hand.
    async fn worked_on(&self, tenant: &Tenant, sections: &mut Sections) -> Result<(), Problem> {
        for id in std::mem::take(&mut sections.tasks) {
            let found: Option<Record<Task>> = desk::task(&self.db, tenant, &id).await?;
            if let Some(task) = found {
                sections.add("tasks", json!(task.d))?;
            }
        }
        for id in std::mem::take(&mut sections.cases) {
            let found: Option<Record<Case>> = desk::case(&self.db, tenant, &id).await?;
            if let Some(case) = found {
                sections.add("cases", json!(case.d))?;
            }
        }
        for id in std::mem::take(&mut sections.by_hand) {
            let found: Option<Record<Adjustment>> =
                adjustment::read(&self.db, Site::PrivacyBeside, tenant, &id).await?;
            if let Some(adjustment) = found {
                sections.add("points_by_hand", json!(adjustment.d))?;
            }
        }
        Ok(())
    }
}
