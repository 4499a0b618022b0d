//! One letter with everything the printer needs for it (P2).

mod id;

use chrono::NaiveDate;
use domain::money::{AMOUNT_MAX, Money};
use domain::till_text::Language;
use party::Personal;
use party::contact::Country;
use serde::{Deserialize, Serialize};

use crate::Key;
use crate::address::{LINES_MAX, SALUTATION_MAX};

pub use id::{InvalidPieceId, PieceId};

/// Most vouchers in a letter.
pub const VOUCHERS_MAX: usize = 10;
/// Most texts of a letter.
pub const TEXTS_MAX: usize = 10;
/// Longest text of a letter, in characters.
pub const TEXT_MAX: usize = 1_200;
/// Longest line of an address and longest postcode that a letter takes, in characters.
pub const LINE_MAX: usize = 80;
/// Longest id of a voucher, in bytes.
pub const VOUCHER_ID_MAX: usize = 120;
/// A whole price, in basis points.
pub const WHOLE_BP: u32 = 10_000;

/// What a voucher is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// An amount, from one minor unit to [`AMOUNT_MAX`].
    Value(Money),
    /// A part of the price in basis points (hundredths of a per cent), 1 to 10 000.
    Percent(u32),
}

impl Worth {
    const fn is_sound(self) -> bool {
        match self {
            Self::Value(money) => money.amount_minor >= 1 && money.amount_minor <= AMOUNT_MAX,
            Self::Percent(bp) => bp >= 1 && bp <= WHOLE_BP,
        }
    }
}

/// A voucher as it is printed. Its code is derived when the file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedVoucher {
    /// Its id, from which the code is derived; never printed. 1 to [`VOUCHER_ID_MAX`] bytes.
    pub id: Personal,
    /// What it is worth.
    pub worth: Worth,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Names the letter in every file: the printer's, a reprint's and that of returns.
    pub id: PieceId,
    /// In which the letter is written.
    pub language: Language,
    /// At most [`SALUTATION_MAX`] characters.
    pub salutation: Personal,
    /// 1 to [`LINES_MAX`] lines.
    pub address: Vec<Personal>,
    /// Where it goes.
    pub country: Country,
    /// As the country writes it; also within a line of the address.
    pub postcode: Option<Personal>,
    /// At most [`VOUCHERS_MAX`].
    pub vouchers: Vec<PrintedVoucher>,
    /// The letter that is printed.
    pub variant: Key,
    /// What is put in besides.
    pub enclosure: Option<Key>,
    /// At most [`TEXTS_MAX`] texts of at most [`TEXT_MAX`] characters, such as the customer's points.
    pub texts: Vec<Personal>,
    /// A planted address by which the sender controls printer and carrier. It counts in no statistics.
    pub control: bool,
}

/// What of a letter is outside its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("letter {piece}: {field} is outside its bounds")]
pub struct Unsound {
    /// Which letter.
    pub piece: PieceId,
    /// Which field of [`Piece`].
    pub field: &'static str,
}

impl Piece {
    /// Checks the bounds that the fields state.
    ///
    /// # Errors
    /// [`Unsound`] with the first field outside its bounds.
    pub fn check(&self) -> Result<(), Unsound> {
        // No text has more characters than bytes.
        let within = |text: &Personal, max: usize| {
            let text = text.as_str();
            text.len() <= max || text.chars().count() <= max
        };
        let vouchers = self.vouchers.len() <= VOUCHERS_MAX
            && self
                .vouchers
                .iter()
                .all(|voucher| voucher.worth.is_sound() && (1..=VOUCHER_ID_MAX).contains(&voucher.id.as_str().len()));
        let fields = [
            ("salutation", within(&self.salutation, SALUTATION_MAX)),
            ("address", (1..=LINES_MAX).contains(&self.address.len())),
            ("address", self.address.iter().all(|line| within(line, LINE_MAX))),
            (
                "postcode",
                self.postcode.iter().all(|postcode| within(postcode, LINE_MAX)),
            ),
            ("vouchers", vouchers),
            ("texts", self.texts.len() <= TEXTS_MAX),
            ("texts", self.texts.iter().all(|text| within(text, TEXT_MAX))),
        ];
        match fields.into_iter().find(|(_, sound)| !sound) {
            Some((field, _)) => Err(Unsound { piece: self.id, field }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
