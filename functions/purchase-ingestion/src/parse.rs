//! The body becomes a receipt, or a list of everything wrong with it.

use domain::card::CardNumber;
use domain::code::VoucherCode;
use domain::money::{Currency, Money};
use domain::receipt::{Line, Payment, Receipt, ReceiptKey};
use domain::returns::{Refund, Return, ReturnLine};
use domain::secret::Secret;
use domain::till_text::Language;
use http_edge::api::purchases::{PurchaseLine, PurchasePayment, PurchaseRequest};
use http_edge::api::returns::ReturnRequest;
use http_edge::{Findings, Problem};
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
    let mut found = Findings::default();
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
        .map_or(0, |money| minor(&mut found, "/cash_rounding", money, currency));
    let lines = body
        .lines
        .into_iter()
        .enumerate()
        .map(|(index, bought)| line(&mut found, index, bought, currency))
        .collect();
    let payments = body
        .payments
        .into_iter()
        .enumerate()
        .map(|(index, paid)| payment(&mut found, index, paid, currency, pepper))
        .collect();
    let (Some(store), Some(till), Some(number)) = (store, till, number) else {
        return Err(found.problem());
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
    found.add_new(receipt.violations());
    found.none()?;
    Ok(Parsed { receipt, language })
}

/// A return understood.
#[derive(Debug)]
pub(crate) struct ParsedReturn {
    pub(crate) back: Return,
    pub(crate) language: Option<Language>,
}

/// Reads the fields of a return. Every wrong one is named at once.
///
/// # Errors
/// [`http_edge::Code::Invalid`].
pub(crate) fn parse_return(body: ReturnRequest, pepper: &[u8]) -> Result<ParsedReturn, Problem> {
    let mut found = Findings::default();
    let store = found.field("/store", &body.store);
    let till = found.field("/till", &body.till);
    let number = found.field("/number", &body.number);
    let original = body.original.as_deref().and_then(|text| found.field("/original", text));
    let card = body
        .card
        .as_ref()
        .map(Secret::as_str)
        .and_then(|text| found.coded::<CardNumber>("/card", "card_malformed", text));
    let language = body.language.as_deref().and_then(|text| found.field("/language", text));
    let currency = body.total.currency;
    let cash_rounding_minor = body
        .cash_rounding
        .map_or(0, |money| minor(&mut found, "/cash_rounding", money, currency));
    let lines = body.lines.into_iter().enumerate().map(|(index, line)| ReturnLine {
        amount_minor: minor(&mut found, &format!("/lines/{index}/amount"), line.amount, currency),
        original_line: line.original_line,
        sku: line.sku,
        group: line.group,
        brand: line.brand,
        quantity_milli: line.quantity_milli,
        vat_rate_bp: line.vat_rate_bp,
    });
    let lines = lines.collect();
    let refunds = body.refunds.into_iter().enumerate().map(|(index, refund)| Refund {
        kind: refund.kind,
        amount_minor: minor(&mut found, &format!("/refunds/{index}/amount"), refund.amount, currency),
    });
    let refunds = refunds.collect();
    let (Some(store), Some(till), Some(number)) = (store, till, number) else {
        return Err(found.problem());
    };
    let back = Return {
        key: ReceiptKey {
            store,
            till,
            business_date: body.business_date,
            number,
        },
        original,
        card: card.map(|number| card::lookup_key(pepper, &number)),
        currency,
        total_minor: body.total.amount_minor,
        cash_rounding_minor,
        lines,
        refunds,
    };
    found.add_new(back.violations());
    found.none()?;
    Ok(ParsedReturn { back, language })
}

fn minor(found: &mut Findings, pointer: &str, money: Money, currency: Currency) -> i64 {
    if money.currency != currency {
        found.add(
            format!("{pointer}/currency"),
            "currency_mixed",
            "all amounts of a receipt have the currency of its total",
        );
    }
    money.amount_minor
}

fn line(found: &mut Findings, index: usize, line: PurchaseLine, currency: Currency) -> Line {
    Line {
        amount_minor: minor(found, &format!("/lines/{index}/amount"), line.amount, currency),
        sku: line.sku,
        group: line.group,
        brand: line.brand,
        quantity_milli: line.quantity_milli,
        vat_rate_bp: line.vat_rate_bp,
    }
}

fn payment(found: &mut Findings, index: usize, payment: PurchasePayment, currency: Currency, pepper: &[u8]) -> Payment {
    let pointer = format!("/payments/{index}");
    let code = payment.voucher_code.as_ref().map(Secret::as_str);
    let voucher = code
        .and_then(|text| found.coded::<VoucherCode>(format!("{pointer}/voucher_code"), "voucher_code_malformed", text));
    Payment {
        kind: payment.kind,
        amount_minor: minor(found, &format!("{pointer}/amount"), payment.amount, currency),
        voucher: voucher.map(|code| code.lookup_key(pepper)),
    }
}
