//! The body becomes a receipt, or a list of everything wrong with it.

use std::fmt::Display;
use std::str::FromStr;

use domain::card::CardNumber;
use domain::code::VoucherCode;
use domain::money::{Currency, Money};
use domain::receipt::{Line, Payment, Receipt, ReceiptKey};
use domain::secret::Secret;
use domain::till_text::Language;
use domain::violation::Violation;
use http_edge::Problem;
use http_edge::api::purchases::{PurchaseLine, PurchasePayment, PurchaseRequest};
use store::card;

/// A body understood: the business content, and how to speak to the customer.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) receipt: Receipt,
    pub(crate) language: Option<Language>,
}

/// Reads the body's fields. Every wrong one is named at once.
///
/// # Errors
/// [`http_edge::Code::Invalid`].
pub(crate) fn parse(body: PurchaseRequest, pepper: &[u8]) -> Result<Parsed, Problem> {
    let mut found = Findings(Vec::new());
    let store = found.field("/store", &body.store);
    let till = found.field("/till", &body.till);
    let number = found.field("/number", &body.number);
    let card = body
        .card
        .as_ref()
        .map(Secret::as_str)
        .and_then(|text| found.coded::<CardNumber>("/card", "card_malformed", text));
    let language = body.language.as_deref().and_then(|text| found.field("/language", text));
    let currency = body.total.currency;
    let rounding = body
        .cash_rounding
        .map_or(0, |money| found.minor("/cash_rounding", money, currency));
    let lines = body
        .lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| found.line(index, line, currency))
        .collect();
    let payments = body
        .payments
        .into_iter()
        .enumerate()
        .map(|(index, payment)| found.payment(index, payment, currency, pepper))
        .collect();
    let (Some(store), Some(till), Some(number)) = (store, till, number) else {
        return Err(Problem::invalid(found.0));
    };
    let receipt = Receipt {
        key: ReceiptKey {
            store,
            till,
            business_date: body.business_date,
            number,
        },
        time: body.time,
        card: card.map(|number| card::lookup_key(pepper, &number)),
        currency,
        total_minor: body.total.amount_minor,
        cash_rounding_minor: rounding,
        lines,
        payments,
    };
    // A field that could not be read is reported for that, not also for what its absence breaks.
    let unread: Vec<String> = found.0.iter().map(|violation| violation.pointer.clone()).collect();
    found.0.extend(
        receipt
            .violations()
            .into_iter()
            .filter(|violation| !unread.contains(&violation.pointer)),
    );
    if found.0.is_empty() {
        Ok(Parsed { receipt, language })
    } else {
        Err(Problem::invalid(found.0))
    }
}

struct Findings(Vec<Violation>);

impl Findings {
    fn field<T: FromStr<Err: Display>>(&mut self, pointer: &str, text: &str) -> Option<T> {
        self.coded(pointer, "malformed", text)
    }

    fn coded<T: FromStr<Err: Display>>(&mut self, pointer: &str, code: &'static str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(Violation::new(pointer, code, error.to_string()));
                None
            }
        }
    }

    fn minor(&mut self, pointer: &str, money: Money, currency: Currency) -> i64 {
        if money.currency != currency {
            self.0.push(Violation::new(
                format!("{pointer}/currency"),
                "currency_mixed",
                "all amounts of a receipt have the currency of its total",
            ));
        }
        money.amount_minor
    }

    fn line(&mut self, index: usize, line: PurchaseLine, currency: Currency) -> Line {
        Line {
            amount_minor: self.minor(&format!("/lines/{index}/amount"), line.amount, currency),
            sku: line.sku,
            group: line.group,
            quantity_milli: line.quantity_milli,
            vat_rate_bp: line.vat_rate_bp,
        }
    }

    fn payment(&mut self, index: usize, payment: PurchasePayment, currency: Currency, pepper: &[u8]) -> Payment {
        let pointer = format!("/payments/{index}");
        let code = payment.voucher_code.as_ref().map(Secret::as_str);
        let voucher = code.map(|text| {
            self.coded::<VoucherCode>(&format!("{pointer}/voucher_code"), "voucher_code_malformed", text)
                .map(|code| code.lookup_key(pepper))
        });
        Payment {
            kind: payment.kind,
            amount_minor: self.minor(&format!("{pointer}/amount"), payment.amount, currency),
            voucher: voucher.flatten(),
        }
    }
}
