//! What a column can hold.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::piece::{Piece, TEXTS_MAX, VOUCHERS_MAX, Worth};

/// What is in a column. `n` counts from 1; where a letter has no `n`-th line, voucher or text, the field is empty.
///
/// | as text | content |
/// |---|---|
/// | `piece_id` | the letter's id, 17 characters; every file has it |
/// | `row_number` | number of the row in the file, from 1 |
/// | `language` | `de`, `fr`, `it` or `en` |
/// | `salutation` | without a comma at the end |
/// | `address_line_1` … `address_line_6` | the address block |
/// | `country` | ISO 3166-1, two letters |
/// | `postcode` | as its country writes it, with leading zeros |
/// | `variant`, `enclosure` | keys agreed on with the printer |
/// | `control` | `1` for a planted control address, else `0` |
/// | `voucher_count` | number of vouchers |
/// | `code_n` | code of voucher n, 1 to 10, in groups for the eye |
/// | `barcode_n` | the same without separators, for Code 128 or DataMatrix |
/// | `value_n`, `currency_n` | its amount with the decimals of its currency, and the currency; empty for one in per cent |
/// | `percent_n` | its per cent, such as `10` or `12.5`; empty for one with an amount |
/// | `valid_until_n` | its last day, `31.12.2026` |
/// | `valid_until_iso_n` | its last day, `2026-12-31` |
/// | `text_n` | text n, 1 to 10 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[expect(missing_docs, reason = "the table above says what each is")]
pub enum Source {
    PieceId,
    RowNumber,
    Language,
    Salutation,
    AddressLine(u8),
    Country,
    Postcode,
    Variant,
    Enclosure,
    Control,
    VoucherCount,
    Code(u8),
    Barcode(u8),
    Value(u8),
    Currency(u8),
    Percent(u8),
    ValidUntil(u8),
    ValidUntilIso(u8),
    Text(u8),
}

/// A text that names no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no source of a column: they are such as piece_id, address_line_1 to address_line_6, code_1, barcode_1, value_1"
)]
pub struct InvalidSource;

/// Sources without a number.
const PLAIN: [(&str, Source); 10] = [
    ("piece_id", Source::PieceId),
    ("row_number", Source::RowNumber),
    ("language", Source::Language),
    ("salutation", Source::Salutation),
    ("country", Source::Country),
    ("postcode", Source::Postcode),
    ("variant", Source::Variant),
    ("enclosure", Source::Enclosure),
    ("control", Source::Control),
    ("voucher_count", Source::VoucherCount),
];

/// A source with a number: its name, what makes it, the greatest number.
type Numbered = (&'static str, fn(u8) -> Source, usize);

/// Sources with a number.
const NUMBERED: [Numbered; 9] = [
    ("address_line", Source::AddressLine, crate::address::LINES_MAX),
    ("code", Source::Code, VOUCHERS_MAX),
    ("barcode", Source::Barcode, VOUCHERS_MAX),
    ("value", Source::Value, VOUCHERS_MAX),
    ("currency", Source::Currency, VOUCHERS_MAX),
    ("percent", Source::Percent, VOUCHERS_MAX),
    ("valid_until", Source::ValidUntil, VOUCHERS_MAX),
    ("valid_until_iso", Source::ValidUntilIso, VOUCHERS_MAX),
    ("text", Source::Text, TEXTS_MAX),
];

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        if let Some((_, source)) = PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(*source);
        }
        let (name, number) = text.rsplit_once('_').ok_or(InvalidSource)?;
        let (_, source, max) = NUMBERED.iter().find(|(of, ..)| *of == name).ok_or(InvalidSource)?;
        let parsed: u8 = number.parse().map_err(|_| InvalidSource)?;
        // One spelling for each: not `code_01`.
        if (1..=*max).contains(&usize::from(parsed)) && parsed.to_string() == number {
            Ok(source(parsed))
        } else {
            Err(InvalidSource)
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = PLAIN.iter().find(|(_, source)| source == self) {
            return f.write_str(name);
        }
        let number = match self {
            Self::AddressLine(n)
            | Self::Code(n)
            | Self::Barcode(n)
            | Self::Value(n)
            | Self::Currency(n)
            | Self::Percent(n)
            | Self::ValidUntil(n)
            | Self::ValidUntilIso(n)
            | Self::Text(n) => *n,
            _ => 0,
        };
        let name = NUMBERED.iter().find(|(_, source, _)| source(number) == *self);
        write!(f, "{}_{number}", name.map_or("", |(name, ..)| name))
    }
}

impl TryFrom<String> for Source {
    type Error = InvalidSource;

    fn try_from(text: String) -> Result<Self, InvalidSource> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl Source {
    /// Whether it is a text that comes from people and may hold anything.
    pub const fn is_text(self) -> bool {
        matches!(
            self,
            Self::Salutation | Self::AddressLine(_) | Self::Postcode | Self::Text(_)
        )
    }

    /// Whether a text may be cut to the width of its column. A cut postcode would be another one.
    pub(super) const fn can_be_cut(self) -> bool {
        self.is_text() && !matches!(self, Self::Postcode)
    }

    /// Characters that its column of fixed width needs at least.
    pub(super) const fn width_min(self) -> u16 {
        match self {
            Self::PieceId | Self::Barcode(_) => 17,
            Self::Code(_) => 20,
            Self::ValidUntil(_) | Self::ValidUntilIso(_) => 10,
            Self::RowNumber => 7,
            Self::Currency(_) => 3,
            Self::Language | Self::Country | Self::VoucherCount => 2,
            _ => 1,
        }
    }

    /// Its content of a letter in row `number`.
    pub(super) fn content(self, number: u64, piece: &Piece) -> Cow<'_, str> {
        let voucher = |n: u8| nth(&piece.vouchers, n);
        let made = |text: Option<String>| Cow::Owned(text.unwrap_or_default());
        match self {
            Self::PieceId => piece.id.as_str().into(),
            Self::RowNumber => number.to_string().into(),
            Self::Language => piece.language.as_str().into(),
            Self::Salutation => piece.salutation.as_str().into(),
            Self::AddressLine(n) => text(&piece.address, n),
            Self::Country => piece.country.as_str().into(),
            Self::Postcode => piece.postcode.as_ref().map_or("", |text| text.as_str()).into(),
            Self::Variant => piece.variant.as_str().into(),
            Self::Enclosure => piece.enclosure.as_ref().map_or("", |key| key.as_str()).into(),
            Self::Control => if piece.control { "1" } else { "0" }.into(),
            Self::VoucherCount => piece.vouchers.len().to_string().into(),
            Self::Code(n) => made(voucher(n).map(|v| v.code.to_string())),
            Self::Barcode(n) => made(voucher(n).map(|v| v.code.compact())),
            Self::Value(n) => made(voucher(n).map(|v| amount(v.worth))),
            Self::Currency(n) => made(voucher(n).map(|v| currency(v.worth))),
            Self::Percent(n) => made(voucher(n).map(|v| percent(v.worth))),
            Self::ValidUntil(n) => made(voucher(n).map(|v| day(v.valid_until))),
            Self::ValidUntilIso(n) => made(voucher(n).map(|v| v.valid_until.to_string())),
            Self::Text(n) => text(&piece.texts, n),
        }
    }
}

fn text(texts: &[party::Personal], n: u8) -> Cow<'_, str> {
    nth(texts, n).map_or("", |text| text.as_str()).into()
}

/// `31.12.2026`. Formats of `chrono` are read anew for each day, which takes as long as the rest of a row.
fn day(day: NaiveDate) -> String {
    format!("{:02}.{:02}.{:04}", day.day(), day.month(), day.year())
}

fn nth<T>(list: &[T], n: u8) -> Option<&T> {
    list.get(usize::from(n).checked_sub(1)?)
}

fn amount(worth: Worth) -> String {
    match worth {
        // `CHF 5.00` without the currency.
        Worth::Value(money) => money.to_string().rsplit(' ').next().unwrap_or_default().to_owned(),
        Worth::Percent(_) => String::new(),
    }
}

fn currency(worth: Worth) -> String {
    match worth {
        Worth::Value(money) => money.currency.to_string(),
        Worth::Percent(_) => String::new(),
    }
}

fn percent(worth: Worth) -> String {
    let Worth::Percent(bp) = worth else {
        return String::new();
    };
    let (whole, part) = (bp.checked_div(100).unwrap_or(0), bp.checked_rem(100).unwrap_or(0));
    let text = format!("{whole}.{part:02}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
