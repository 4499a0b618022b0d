//! The block a till prints under the receipt (L7), in the customer's language.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::money::Money;

/// Languages of printed texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// German.
    #[default]
    De,
    /// French.
    Fr,
    /// Italian.
    It,
    /// English.
    En,
}

impl Language {
    /// As it stands in bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::Fr => "fr",
            Self::It => "it",
            Self::En => "en",
        }
    }
}

/// A text that names none of the four languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language is one of de, fr, it, en")]
pub struct InvalidLanguage;

impl FromStr for Language {
    type Err = InvalidLanguage;

    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        match text {
            "de" => Ok(Self::De),
            "fr" => Ok(Self::Fr),
            "it" => Ok(Self::It),
            "en" => Ok(Self::En),
            _ => Err(InvalidLanguage),
        }
    }
}

/// What a printed voucher is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// An amount.
    Amount(Money),
    /// Per cent of the goods that it is for.
    PerCent(u8),
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(money) => money.fmt(f),
            Self::PerCent(per_cent) => write!(f, "{per_cent} %"),
        }
    }
}

/// What the block says.
#[derive(Debug, Clone)]
pub struct TillBlock<'a> {
    /// Name of the programme.
    pub programme: &'a str,
    /// Points of this receipt.
    pub earned: i64,
    /// The account's balance with this receipt; `None` when the receipt has no account yet.
    pub balance: Option<i64>,
    /// Points at which the next voucher comes.
    pub threshold: i64,
    /// Open vouchers: what each is worth, and its last day.
    pub vouchers: &'a [(Worth, NaiveDate)],
    /// Whether open vouchers are kept back; then the block says so.
    pub withheld: bool,
}

/// Most vouchers listed one by one; the rest are counted.
const LISTED_MAX: usize = 5;

impl TillBlock<'_> {
    /// The lines to print, without codes or names.
    pub fn lines(&self, language: Language) -> Vec<String> {
        let words = Words::of(language);
        let mut lines = vec![self.programme.to_owned(), format!("{}: {}", words.earned, self.earned)];
        let Some(balance) = self.balance else {
            lines.push(words.no_account.to_owned());
            return lines;
        };
        lines.push(format!("{}: {balance}", words.balance));
        // What an account owes has to be earned first.
        let beyond = if balance < 0 {
            balance
        } else {
            balance.checked_rem(self.threshold).unwrap_or(0)
        };
        let missing = self.threshold.saturating_sub(beyond);
        lines.push(format!("{}: {missing}", words.missing));
        for (value, until) in self.vouchers.iter().take(LISTED_MAX) {
            lines.push(format!(
                "{} {value} {} {}",
                words.voucher,
                words.until,
                until.format("%d.%m.%Y")
            ));
        }
        let more = self.vouchers.len().saturating_sub(LISTED_MAX);
        if more > 0 {
            lines.push(format!("+ {more} {}", words.more));
        }
        if self.withheld {
            lines.push(words.withheld.to_owned());
        }
        lines
    }
}

struct Words {
    earned: &'static str,
    balance: &'static str,
    missing: &'static str,
    voucher: &'static str,
    until: &'static str,
    more: &'static str,
    withheld: &'static str,
    no_account: &'static str,
}

impl Words {
    const fn of(language: Language) -> Self {
        match language {
            Language::De => Self {
                earned: "Punkte dieses Einkaufs",
                balance: "Ihr Punktestand",
                missing: "Bis zum nächsten Gutschein",
                voucher: "Gutschein",
                until: "bis",
                more: "weitere Gutscheine",
                withheld: "Gutscheine zurzeit nicht abrufbar.",
                no_account: "Karte registrieren, Punkte sichern.",
            },
            Language::Fr => Self {
                earned: "Points de cet achat",
                balance: "Votre solde de points",
                missing: "Jusqu'au prochain bon",
                voucher: "Bon",
                until: "jusqu'au",
                more: "autres bons",
                withheld: "Bons momentanément indisponibles.",
                no_account: "Enregistrez la carte, gardez les points.",
            },
            Language::It => Self {
                earned: "Punti di questo acquisto",
                balance: "Il suo saldo punti",
                missing: "Al prossimo buono",
                voucher: "Buono",
                until: "fino al",
                more: "altri buoni",
                withheld: "Buoni al momento non disponibili.",
                no_account: "Registri la carta, conservi i punti.",
            },
            Language::En => Self {
                earned: "Points of this purchase",
                balance: "Your points balance",
                missing: "To your next voucher",
                voucher: "Voucher",
                until: "until",
                more: "more vouchers",
                withheld: "Vouchers cannot be shown at the moment.",
                no_account: "Register the card to keep the points.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn block(vouchers: &[(Worth, NaiveDate)]) -> TillBlock<'_> {
        TillBlock {
            programme: "Treue",
            earned: 129,
            balance: Some(629),
            threshold: 500,
            vouchers,
            withheld: false,
        }
    }

    fn five_francs() -> Worth {
        Worth::Amount(Money::new(500, Currency::CHF))
    }

    #[test]
    fn l7_a_voucher_in_per_cent_is_printed_as_such() {
        let vouchers = [(Worth::PerCent(15), "2027-05-21".parse().unwrap())];
        assert_eq!(
            block(&vouchers).lines(Language::De).last().unwrap(),
            "Gutschein 15 % bis 21.05.2027"
        );
    }

    #[test]
    fn l7_the_block_speaks_the_customers_language() {
        let vouchers = [(five_francs(), "2027-05-21".parse().unwrap())];
        assert_eq!(
            block(&vouchers).lines(Language::De),
            [
                "Treue",
                "Punkte dieses Einkaufs: 129",
                "Ihr Punktestand: 629",
                "Bis zum nächsten Gutschein: 371",
                "Gutschein CHF 5.00 bis 21.05.2027"
            ]
        );
        for (language, word) in [
            (Language::Fr, "Bon CHF"),
            (Language::It, "Buono CHF"),
            (Language::En, "Voucher CHF"),
        ] {
            assert!(
                block(&vouchers).lines(language).iter().any(|l| l.starts_with(word)),
                "{word}"
            );
        }
    }

    #[test]
    fn every_line_fits_a_receipt_of_42_columns_and_a_long_list_is_counted() {
        let vouchers = vec![(five_francs(), "2027-05-21".parse().unwrap()); 8];
        for language in [Language::De, Language::Fr, Language::It, Language::En] {
            let lines = block(&vouchers).lines(language);
            assert!(lines.iter().all(|l| l.chars().count() <= 42), "{lines:?}");
            assert!(lines.last().unwrap().starts_with("+ 3 "));
            let withheld = TillBlock {
                withheld: true,
                ..block(&[])
            };
            let lines = withheld.lines(language);
            assert!(lines.iter().all(|l| l.chars().count() <= 42), "{lines:?}");
        }
    }

    #[test]
    fn vouchers_that_are_kept_back_are_not_passed_over_in_silence() {
        let withheld = TillBlock {
            withheld: true,
            ..block(&[])
        };
        assert_eq!(
            withheld.lines(Language::De).last().unwrap(),
            "Gutscheine zurzeit nicht abrufbar."
        );
    }

    #[test]
    fn without_an_account_the_block_invites_to_register() {
        let block = TillBlock {
            balance: None,
            ..block(&[])
        };
        assert_eq!(block.lines(Language::En).len(), 3);
    }
}
