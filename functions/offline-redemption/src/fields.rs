//! What is wrong with a journal. Whatever is, nothing of it is applied.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, TimeDelta, Utc};
use domain::calendar;
use domain::card::CardNumber;
use domain::code::VoucherCode;
use domain::id::{BasketId, LookupKey};
use domain::money::{AMOUNT_MAX, Money};
use domain::offline::{Allowance, ENTRIES_MAX, Taken};
use domain::receipt::{CLOCK_AHEAD_MAX_MINUTES, ReceiptKey};
use http_edge::Problem;
use http_edge::api::offline::JournalEntry;
use http_edge::findings::Findings;
use runtime::secrets::Pepper;
use store::card;

/// An entry understood.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) taken: Taken,
    pub(crate) lookup: LookupKey,
    /// Where the card stands that was presented.
    pub(crate) card: Option<LookupKey>,
}

/// The entries of a call, by number, or every flaw of all of them.
pub(crate) fn told(
    entries: &[JournalEntry],
    allowance: &Allowance,
    pepper: &Pepper,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, Problem> {
    let mut found = Findings::default();
    if !(1..=ENTRIES_MAX).contains(&entries.len()) {
        found.add(
            "/entries",
            "out_of_range",
            "must be 1 to 50 entries: send the journal in parts",
        );
        return Err(found.problem());
    }
    let mut numbers = BTreeSet::new();
    let mut told = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let mut reader = Reader {
            found: &mut found,
            at: format!("/entries/{index}"),
            allowance,
            now,
        };
        if entry.number == 0 {
            reader.add("/number", "out_of_range", "must be at least 1");
        } else if !numbers.insert(entry.number) {
            reader.add("/number", "repeated", "another entry of this call has the number");
        }
        told.extend(reader.entry(entry, pepper));
    }
    found.none()?;
    told.sort_by_key(|told: &Told| told.taken.number);
    Ok(told)
}

/// Reads one entry.
struct Reader<'a> {
    found: &'a mut Findings,
    at: String,
    allowance: &'a Allowance,
    now: DateTime<Utc>,
}

impl Reader<'_> {
    fn add(&mut self, field: &str, code: &'static str, detail: &str) {
        self.found.add(format!("{}{field}", self.at), code, detail);
    }

    /// The entry; `None` when a field of it cannot be read.
    fn entry(&mut self, entry: &JournalEntry, pepper: &Pepper) -> Option<Told> {
        let at = self.at.clone();
        let code = format!("{at}/code");
        let code: Option<VoucherCode> = self.found.coded(code, "voucher_code_malformed", entry.code.as_str());
        let receipt: Option<ReceiptKey> = self.found.field(format!("{at}/receipt"), &entry.receipt);
        let basket = entry.basket.as_deref();
        let basket: Option<BasketId> = basket.and_then(|text| self.found.field(format!("{at}/basket"), text));
        self.amount("/basket_total", entry.basket_total, 0);
        self.amount("/value", entry.value, 1);
        self.instant(entry.at);
        let goods = entry.basket_by_vat.as_deref().map(|given| {
            let pointer = format!("{at}/basket_by_vat");
            http_edge::goods::goods(given, entry.basket_total, &pointer, self.found)
        });
        let card = entry.card.as_ref();
        let card: Option<CardNumber> =
            card.and_then(|text| self.found.coded(format!("{at}/card"), "card_malformed", text.as_str()));
        let receipt = receipt.inspect(|receipt| self.receipt(receipt, entry.at))?;
        Some(Told {
            taken: Taken {
                number: entry.number,
                receipt,
                basket,
                basket_minor: entry.basket_total.amount_minor,
                goods: goods.unwrap_or_default(),
                value_minor: entry.value.amount_minor,
                at: entry.at,
            },
            lookup: code?.lookup_key(pepper.bytes()),
            card: card.map(|number| card::lookup_key(pepper.bytes(), &number)),
        })
    }

    fn amount(&mut self, field: &str, money: Money, least: i64) {
        if !(least..=AMOUNT_MAX).contains(&money.amount_minor) {
            let detail = format!("must be {least} to {AMOUNT_MAX} minor units");
            self.add(&format!("{field}/amount_minor"), "amount_out_of_range", &detail);
        }
        let currency = self.allowance.currency;
        if money.currency != currency {
            let detail = format!("the allowance is in {currency}");
            self.add(&format!("{field}/currency"), "currency_of_another_programme", &detail);
        }
    }

    fn instant(&mut self, at: DateTime<Utc>) {
        let limit = self.now.checked_add_signed(Duration::minutes(CLOCK_AHEAD_MAX_MINUTES));
        if limit.is_some_and(|limit| at > limit) {
            let detail = "the time is more than 5 minutes ahead: check the till's clock";
            self.add("/at", "time_in_future", detail);
        }
    }

    /// The receipt must be of the allowance's location, and of the day of its instant or the one before or after: tills close
    /// their days when they like.
    fn receipt(&mut self, receipt: &ReceiptKey, at: DateTime<Utc>) {
        if receipt.store != self.allowance.location {
            let detail = "the receipt must be of the allowance's location";
            self.add("/receipt", "receipt_of_another_location", detail);
        }
        let zone = self.allowance.zone;
        if receipt.business_date > calendar::business_day(self.now, zone) {
            let detail = "the business date is after today: check the till's calendar";
            self.add("/receipt", "date_in_future", detail);
        }
        let apart = receipt
            .business_date
            .signed_duration_since(calendar::business_day(at, zone));
        if apart.abs() > TimeDelta::days(1) {
            let detail = "the business date is more than a day away from the instant of the entry";
            self.add("/receipt", "date_of_another_time", detail);
        }
    }
}
