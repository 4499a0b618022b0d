//! What a column can hold.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use domain::money::Money;
use party::Personal;
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

    /// Its content of a letter; nothing of what is put in when the file is written.
    pub(super) fn content<'a>(self, piece: &'a Piece) -> Cow<'a, str> {
        let voucher = |n: u8| nth(&piece.vouchers, n);
        let amount = |n: u8| voucher(n).and_then(|v| money(v.worth));
        let borrowed = match self {
            Self::RowNumber | Self::Code(_) | Self::Barcode(_) => "",
            Self::PieceId => piece.id.as_str(),
            Self::Language => piece.language.as_str(),
            Self::Salutation => piece.salutation.as_str(),
            Self::AddressLine(n) => text(&piece.address, n),
            Self::Country => piece.country.as_str(),
            Self::Postcode => piece.postcode.as_ref().map_or("", |text| text.as_str()),
            Self::Variant => piece.variant.as_str(),
            Self::Enclosure => piece.enclosure.as_ref().map_or("", |key| key.as_str()),
            Self::Control if piece.control => "1",
            Self::Control => "0",
            Self::Text(n) => text(&piece.texts, n),
            Self::VoucherCount => return made(Some(piece.vouchers.len())),
            Self::Value(n) => return made(amount(n).map(Money::amount)),
            Self::Currency(n) => return made(amount(n).map(|money| money.currency)),
            Self::Percent(n) => return made(voucher(n).and_then(|v| percent(v.worth))),
            Self::ValidUntil(n) => return made(voucher(n).map(|v| Day(v.valid_until))),
            Self::ValidUntilIso(n) => return made(voucher(n).map(|v| v.valid_until)),
        };
        Cow::Borrowed(borrowed)
    }
}

fn made(some: Option<impl fmt::Display>) -> Cow<'static, str> {
    some.map(|some| some.to_string()).unwrap_or_default().into()
}

fn text(texts: &[Personal], n: u8) -> &str {
    nth(texts, n).map_or("", Personal::as_str)
}

fn nth<T>(list: &[T], n: u8) -> Option<&T> {
    list.get(usize::from(n).checked_sub(1)?)
}

/// `31.12.2026`. Formats of `chrono` are read anew for each day, which takes as long as the rest of a row.
struct Day(NaiveDate);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}.{:02}.{:04}", self.0.day(), self.0.month(), self.0.year())
    }
}

const fn money(worth: Worth) -> Option<Money> {
    match worth {
        Worth::Value(money) => Some(money),
        Worth::Percent(_) => None,
    }
}

fn percent(worth: Worth) -> Option<String> {
    let Worth::Percent(bp) = worth else {
        return None;
    };
    let (whole, part) = (bp.checked_div(100).unwrap_or(0), bp.checked_rem(100).unwrap_or(0));
    let text = format!("{whole}.{part:02}");
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}
