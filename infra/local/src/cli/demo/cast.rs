//! Who shops on the demo day, and for what.

use chrono::NaiveDate;
use domain::card::CardNumber;
use serde_json::{Value, json};

use crate::operations::bootstrap::{SHOP, branch_ids};

/// In-store prefix of the demo's cards.
const CARD_PREFIX: u8 = 20;

/// A customer of the demo day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    /// Serial of the card and id in the demo's own system.
    pub(super) number: u64,
    /// Given name; empty for an organisation.
    pub(super) given: &'static str,
    /// Family name, or the organisation's name.
    pub(super) name: &'static str,
    pub(super) language: &'static str,
    /// Usual branch.
    pub(super) branch: &'static str,
}

const fn person(
    number: u64,
    given: &'static str,
    name: &'static str,
    language: &'static str,
    branch: &'static str,
) -> Customer {
    Customer {
        number,
        given,
        name,
        language,
        branch,
    }
}

/// Crosses the threshold and redeems a voucher.
pub(super) const ANNA: Customer = person(1, "Anna", "Keller", "de", "B01");
/// Buys so much at once that it comes to a dozen vouchers.
pub(super) const COMPANY: Customer = person(2, "", "Papeterie Müller AG", "de", "B05");
/// Forgot the card and claims the receipt.
pub(super) const HANS: Customer = person(3, "Hans-Peter", "Gerber", "de", "B11");
/// Shops with a card that is registered later.
pub(super) const DANIELA: Customer = person(4, "Daniela", "Frei", "de", "B06");

/// Everybody else.
pub(super) const OTHERS: [Customer; 9] = [
    person(5, "Luca", "Bernasconi", "it", "B09"),
    person(6, "Chloé", "Favre", "fr", "B07"),
    person(7, "Reto", "Caduff", "de", "B12"),
    person(8, "Sophie", "Rochat", "fr", "B08"),
    person(9, "Marco", "Fontana", "it", "B19"),
    person(10, "Ursula", "Wyss", "de", "B02"),
    person(11, "Emma", "Taylor", "en", "B18"),
    person(12, "Beat", "Zumstein", "de", "B04"),
    person(13, "Jean-Luc", "Perret", "fr", "B24"),
];

impl Customer {
    pub(super) fn display_name(&self) -> String {
        format!("{} {}", self.given, self.name).trim().to_owned()
    }

    pub(super) fn card(&self) -> anyhow::Result<String> {
        let card = CardNumber::from_serial(CARD_PREFIX, self.number);
        Ok(
            anyhow::Context::context(card, "the demo's cards are in the in-store range")?
                .as_str()
                .to_owned(),
        )
    }

    /// The body of `POST /v1/parties`.
    pub(super) fn party(&self) -> Value {
        let id = json!({"system": "demo", "id": self.number.to_string()});
        if self.given.is_empty() {
            json!({"kind": "organisation", "organisation_name": self.name, "language": self.language, "external_id": id})
        } else {
            json!({
                "kind": "person", "given_name": self.given, "family_name": self.name, "language": self.language,
                "external_id": id,
            })
        }
    }
}

/// A receipt of the demo day.
#[derive(Debug, Clone)]
pub(super) struct Sale {
    pub(super) store: String,
    pub(super) number: String,
    pub(super) card: Option<String>,
    /// Article, product group, Rappen.
    pub(super) lines: Vec<(&'static str, &'static str, i64)>,
    /// Code and value in Rappen of a voucher that pays a part.
    pub(super) voucher: Option<(String, i64)>,
}

impl Sale {
    pub(super) fn new(
        store: &str,
        number: &str,
        card: Option<String>,
        lines: &[(&'static str, &'static str, i64)],
    ) -> Self {
        Self {
            store: store.to_owned(),
            number: number.to_owned(),
            card,
            lines: lines.to_vec(),
            voucher: None,
        }
    }

    pub(super) fn key(&self, date: NaiveDate) -> String {
        format!("{}~1~{date}~{}", self.store, self.number)
    }

    pub(super) fn total(&self) -> i64 {
        self.lines.iter().map(|(_, _, amount)| amount).sum()
    }

    /// The body of `POST /v1/purchases`.
    pub(super) fn body(&self, date: NaiveDate) -> Value {
        let chf = |minor: i64| json!({"amount_minor": minor, "currency": "CHF"});
        let line = |(sku, group, amount): &(&str, &str, i64)| json!({"sku": sku, "group": group, "quantity_milli": 1000, "amount": chf(*amount), "vat_rate_bp": 810});
        let mut payments = Vec::new();
        let mut left = self.total();
        if let Some((code, value)) = &self.voucher {
            payments.push(json!({"kind": "voucher", "amount": chf(*value), "voucher_code": code}));
            left -= value;
        }
        if left > 0 {
            payments.push(json!({"kind": "card", "amount": chf(left)}));
        }
        let mut body = json!({
            "store": self.store, "till": "1", "business_date": date, "number": self.number, "total": chf(self.total()),
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(), "payments": payments,
        });
        if let Some(card) = &self.card {
            body["card"] = json!(card);
        }
        body
    }
}

/// A receipt without a card that nobody claims.
pub(super) fn unclaimed() -> Sale {
    Sale::new(HANS.branch, "2005", None, &[("40810", "toys", 3_990)])
}

/// The everyday receipts: two or three at each branch and the shop, some without a card.
pub(super) fn everyday() -> anyhow::Result<Vec<Sale>> {
    const ARTICLES: [(&str, &str, i64); 7] = [
        ("10945", "paper", 1_295),
        ("20117", "office", 4_980),
        ("30002", "books", 2_850),
        ("40810", "toys", 3_990),
        ("50001", "gift_card", 5_000),
        ("10031", "paper", 745),
        ("60233", "school", 8_460),
    ];
    let mut sales = Vec::new();
    for (index, store) in branch_ids().chain([SHOP.to_owned()]).enumerate() {
        for n in 0..2 + index % 2 {
            let pick = |offset: usize| ARTICLES[(index * 3 + n * 2 + offset) % ARTICLES.len()];
            let at_home = OTHERS.iter().find(|customer| n == 0 && customer.branch == store);
            let customer = at_home.or_else(|| (n == 1).then(|| &OTHERS[index % OTHERS.len()]));
            let card = customer.map(Customer::card).transpose()?;
            sales.push(Sale::new(
                &store,
                &format!("1{n:03}"),
                card,
                &[pick(0), pick(1), pick(3)],
            ));
        }
    }
    Ok(sales)
}
