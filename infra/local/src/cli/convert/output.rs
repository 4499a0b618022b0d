//! The two files of a conversion.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;
use domain::card::CardNumber;
use domain::earning::{Basis, Stacking};
use domain::money::{Currency, Money};
use domain::programme::{Expiry, ReturnPolicy};
use domain::receipt::PaymentKind;
use http_edge::api::administration::{
    AdjustmentSettings, CapsSettings, EarningSettings, LocationRequest, PointsSettings, ProgrammeRequest,
    ProgrammeSettings, VoucherSettings,
};
use http_edge::api::customers::IssueCardRequest;
use http_edge::api::parties::{IdentifierInput, PartyInput};
use http_edge::api::purchases::{PurchaseLine, PurchasePayment, PurchaseRequest};
use http_edge::api::rfmr::RfmrSettings;
use serde::Serialize;
use serde_json::{Value, json};
use store::party::Personal;

use super::Summary;

/// A data set's programme, and how its customers and locations are told from those of other data sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Set {
    /// Id of the programme, and of the system in external ids.
    pub(super) name: &'static str,
    /// What a customer is called in front of the number.
    pub(super) customer: &'static str,
    /// In-store prefix of the cards; the serial is the customer's number.
    pub(super) card_prefix: u8,
    /// Points that become a voucher.
    pub(super) threshold: i64,
}

/// A place that sells.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: domain::location::LocationKind,
}

/// A receipt of a data set.
#[derive(Debug, Clone)]
pub(super) struct Sale {
    pub(super) place: String,
    pub(super) date: NaiveDate,
    pub(super) number: String,
    /// Number of the customer in the data set.
    pub(super) customer: u64,
    /// Article, thousandths, cents.
    pub(super) lines: Vec<(String, i64, i64)>,
}

/// The files under way.
#[derive(Debug)]
pub(super) struct Output {
    folder: PathBuf,
    journal: BufWriter<File>,
    set: Option<Set>,
    places: BTreeMap<String, Place>,
    customers: BTreeMap<u64, CardNumber>,
    receipts: u64,
    lines: u64,
    total_minor: i64,
}

#[derive(Serialize)]
struct Step {
    method: &'static str,
    path: String,
    body: Value,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Output {
    pub(super) fn create(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join("journal.jsonl");
        let journal = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            journal: BufWriter::new(journal),
            set: None,
            places: BTreeMap::new(),
            customers: BTreeMap::new(),
            receipts: 0,
            lines: 0,
            total_minor: 0,
        })
    }

    /// Appends a receipt, and notes its customer and its place for the setup.
    pub(super) fn sale(&mut self, set: Set, place: &Place, sale: Sale) -> anyhow::Result<()> {
        let card = CardNumber::from_serial(set.card_prefix, sale.customer)
            .with_context(|| format!("customer {} has too many digits for a card", sale.customer))?;
        let mut total = 0i64;
        for (_, _, amount) in &sale.lines {
            total = total.checked_add(*amount).context("the total is too large")?;
        }
        let usd = |minor| Money::new(minor, Currency::USD);
        let lines: Vec<_> = sale
            .lines
            .into_iter()
            .map(|(sku, quantity_milli, amount)| PurchaseLine {
                sku,
                group: None,
                brand: None,
                quantity_milli,
                amount: usd(amount),
                vat_rate_bp: None,
            })
            .collect();
        let paid = PurchasePayment {
            kind: PaymentKind::Other,
            amount: usd(total),
            voucher_code: None,
        };
        self.lines = self
            .lines
            .saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        let request = PurchaseRequest {
            store: sale.place,
            till: "1".to_owned(),
            business_date: sale.date,
            number: sale.number,
            time: None,
            card: Some(Personal::new(card.as_str().to_owned())),
            language: None,
            total: usd(total),
            cash_rounding: None,
            lines,
            payments: if total > 0 { vec![paid] } else { Vec::new() },
        };
        serde_json::to_writer(&mut self.journal, &request).context("cannot write the journal")?;
        self.journal.write_all(b"\n").context("cannot write the journal")?;
        self.receipts = self.receipts.saturating_add(1);
        self.total_minor = self
            .total_minor
            .checked_add(total)
            .context("the sum of all receipts is too large")?;
        self.customers.insert(sale.customer, card);
        self.places.entry(place.id.clone()).or_insert_with(|| place.clone());
        self.set = Some(set);
        Ok(())
    }

    /// Writes the setup.
    pub(super) fn finish(mut self) -> anyhow::Result<Summary> {
        self.journal.flush().context("cannot write the journal")?;
        let set = self.set.context("the file holds no receipt")?;
        let path = self.folder.join("setup.jsonl");
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut setup = BufWriter::new(file);
        let mut write = |step: anyhow::Result<Step>| {
            serde_json::to_writer(&mut setup, &step?).context("cannot write the setup")?;
            setup.write_all(b"\n").context("cannot write the setup")
        };
        write(programme(set))?;
        for place in self.places.values() {
            write(location(set, place))?;
        }
        for number in self.customers.keys() {
            write(party(set, *number))?;
        }
        for (number, card) in &self.customers {
            write(issue(*number, card))?;
        }
        setup.flush().context("cannot write the setup")?;
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        Ok(Summary {
            receipts: self.receipts,
            lines: self.lines,
            total_minor: self.total_minor,
            customers: count(self.customers.len()),
            locations: count(self.places.len()),
        })
    }
}

fn step(method: &'static str, path: String, body: &impl Serialize, name: Option<String>) -> anyhow::Result<Step> {
    Ok(Step {
        method,
        path,
        body: serde_json::to_value(body)?,
        name,
    })
}

/// One point per dollar.
fn programme(set: Set) -> anyhow::Result<Step> {
    let settings = ProgrammeSettings {
        name: set.name.to_owned(),
        currency: Currency::USD,
        zone: "America/New_York".to_owned(),
        earning: EarningSettings {
            points: 1,
            per_minor: 100,
        },
        excluded_groups: Vec::new(),
        tracked_groups: Vec::new(),
        basis: Basis::default(),
        rules: Vec::new(),
        stacking: Stacking::default(),
        caps: CapsSettings::default(),
        voucher: VoucherSettings {
            threshold_points: set.threshold,
            value_minor: 500,
            valid_days: 180,
            min_basket_minor: 0,
            partial: false,
            rollback_days: 30,
        },
        // The sets are years old: what could expire would have expired.
        points: PointsSettings {
            pending_days: 0,
            expiry: Expiry::Never,
            grace_days: 30,
        },
        returns: ReturnPolicy::Unlimited,
        claim_days: 30,
        late_days: 30,
        reservation_seconds: 900,
        unmatched_hours: 24,
        adjustments: AdjustmentSettings::default(),
        rfmr: RfmrSettings::default(),
        offline: None,
    };
    let request = ProgrammeRequest {
        expected_version: 0,
        reason: "Set up for this data set".to_owned(),
        settings,
    };
    step("PUT", format!("/v1/programmes/{}", set.name), &request, None)
}

fn location(set: Set, place: &Place) -> anyhow::Result<Step> {
    let request = LocationRequest {
        name: place.name.clone(),
        kind: place.kind,
        programme: set.name.to_owned(),
        feed_group: None,
        company: None,
        expected_version: None,
    };
    step("PUT", format!("/v1/locations/{}", place.id), &request, None)
}

fn party(set: Set, number: u64) -> anyhow::Result<Step> {
    let request = PartyInput {
        kind: "person".to_owned(),
        family_name: Some(Personal::new(format!("{} {number}", set.customer))),
        language: Some("en".to_owned()),
        external_id: Some(IdentifierInput {
            system: set.name.to_owned(),
            id: Personal::new(number.to_string()),
        }),
        ..PartyInput::default()
    };
    step("POST", "/v1/parties".to_owned(), &request, Some(format!("c{number}")))
}

fn issue(number: u64, card: &CardNumber) -> anyhow::Result<Step> {
    let body = IssueCardRequest {
        number: Some(Personal::new(card.as_str().to_owned())),
        party_id: Some(format!("${{c{number}.party_id}}")),
        client_token: None,
    };
    step("POST", "/v1/cards".to_owned(), &json!(body), None)
}
