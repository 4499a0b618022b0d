//! What the condition of an earning rule can read.
//!
//! Fields may be added; a field must never change its type or go away, because stored versions of programmes read it.

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use conditions::{Fact, Facts, Field, Schema, Texts, Type};

use super::Circumstances;
use crate::location::LocationKind;
use crate::receipt::{Line, Receipt};

/// Most segments of a customer that a rule can look at.
pub const SEGMENTS_MAX: u32 = 20;

macro_rules! fields {
    ($($name:ident $text:literal $kind:ident $doc:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Name {
            $($name,)*
        }

        const NAMES: &[Name] = &[$(Name::$name,)*];

        /// The fields of an earning rule's condition.
        const FIELDS: &[Field] = &[$(Field { name: $text, kind: Type::$kind, doc: $doc },)*];
    };
}

fields! {
    LineSku "line.sku" Text "Article number of the line.";
    LineGroup "line.group" Text "Product group of the line; unset when the till sends none.";
    LineBrand "line.brand" Text "Brand of the line; unset when the till sends none.";
    LineAmount "line.amount" Int "What was paid for the line, in minor units, VAT included; of a return, what remains.";
    LineQuantity "line.quantity" Int "Thousandths of a piece, kilogram or metre; of a return, what remains.";
    LineVatRate "line.vat_rate" Int "VAT rate in hundredths of a per cent: 810 is 8.1 %; unset when the till sends none.";
    ReceiptStore "receipt.store" Text "Location that sold.";
    ReceiptChannel "receipt.channel" Text "`branch` or `shop`.";
    ReceiptTill "receipt.till" Text "Till within the location.";
    ReceiptDate "receipt.date" Text "Business day, such as 2026-11-24.";
    ReceiptWeekday "receipt.weekday" Int "Weekday of the business day: 1 is Monday, 7 is Sunday.";
    ReceiptDay "receipt.day" Int "Day of the month, 1 to 31.";
    ReceiptMonth "receipt.month" Int "Month, 1 to 12.";
    ReceiptTime "receipt.time" Text "Local time of the till in the programme's zone, such as 17:05; unset when the till sends none.";
    ReceiptTotal "receipt.total" Int "Sum of the lines in minor units; of a return, what remains.";
    CustomerKnown "customer.known" Bool "Whether the receipt belongs to an account.";
    CustomerFirstPurchase "customer.first_purchase" Bool "Whether the account has no other receipt yet.";
    CustomerSegments "customer.segments" Texts "Segments of the customer when the receipt arrived.";
}

/// What a condition of an earning rule is checked against.
pub const SCHEMA: Schema = Schema::new(FIELDS, SEGMENTS_MAX);

/// Whether a field is of a line; every other is the same for all lines of a receipt.
pub(super) fn is_of_line(field: &str) -> bool {
    field.starts_with("line.")
}

/// What is the same for all lines of a receipt, made once.
#[derive(Debug)]
pub(super) struct OfReceipt<'a> {
    receipt: &'a Receipt,
    circumstances: &'a Circumstances,
    date: String,
    time: Option<String>,
}

impl<'a> OfReceipt<'a> {
    pub(super) fn new(receipt: &'a Receipt, circumstances: &'a Circumstances, zone: Tz) -> Self {
        let local = |time: DateTime<Utc>| time.with_timezone(&zone).format("%H:%M").to_string();
        Self {
            receipt,
            circumstances,
            date: receipt.key.business_date.to_string(),
            time: receipt.time.map(local),
        }
    }

    /// The facts for one line, or for none.
    pub(super) fn at(&self, line: Option<&'a Line>) -> AtLine<'_> {
        AtLine { of: self, line }
    }
}

/// The facts that a condition reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtLine<'a> {
    of: &'a OfReceipt<'a>,
    line: Option<&'a Line>,
}

impl AtLine<'_> {
    fn of_line(&self, name: Name) -> Fact<'_> {
        let Some(line) = self.line else { return Fact::Unset };
        match name {
            Name::LineSku => Fact::Text(&line.sku),
            Name::LineGroup => text(line.group.as_deref()),
            Name::LineBrand => text(line.brand.as_deref()),
            Name::LineAmount => Fact::Int(line.amount_minor),
            Name::LineQuantity => Fact::Int(line.quantity_milli),
            Name::LineVatRate => line.vat_rate_bp.map_or(Fact::Unset, |rate| Fact::Int(i64::from(rate))),
            _ => Fact::Unset,
        }
    }

    fn of_customer(&self, name: Name) -> Fact<'_> {
        let customer = self.of.circumstances.customer.as_ref();
        match name {
            Name::CustomerKnown => Fact::Bool(customer.is_some()),
            Name::CustomerFirstPurchase => Fact::Bool(customer.is_some_and(|customer| customer.first_purchase)),
            Name::CustomerSegments => {
                customer.map_or(Fact::Unset, |customer| Fact::Texts(Texts::Owned(&customer.segments)))
            }
            _ => Fact::Unset,
        }
    }
}

impl Facts for AtLine<'_> {
    fn fact(&self, field: usize) -> Fact<'_> {
        let Some(name) = NAMES.get(field).copied() else {
            return Fact::Unset;
        };
        let receipt = self.of.receipt;
        let day = receipt.key.business_date;
        match name {
            Name::ReceiptStore => Fact::Text(receipt.key.store.as_str()),
            Name::ReceiptChannel => text(self.of.circumstances.channel.map(channel)),
            Name::ReceiptTill => Fact::Text(receipt.key.till.as_str()),
            Name::ReceiptDate => Fact::Text(&self.of.date),
            Name::ReceiptWeekday => Fact::Int(i64::from(day.weekday().number_from_monday())),
            Name::ReceiptDay => Fact::Int(i64::from(day.day())),
            Name::ReceiptMonth => Fact::Int(i64::from(day.month())),
            Name::ReceiptTime => text(self.of.time.as_deref()),
            Name::ReceiptTotal => Fact::Int(receipt.total_minor),
            Name::CustomerKnown | Name::CustomerFirstPurchase | Name::CustomerSegments => self.of_customer(name),
            _ => self.of_line(name),
        }
    }
}

fn text(text: Option<&str>) -> Fact<'_> {
    text.map_or(Fact::Unset, Fact::Text)
}

fn channel(kind: LocationKind) -> &'static str {
    match kind {
        LocationKind::Branch => "branch",
        LocationKind::Shop => "shop",
    }
}
