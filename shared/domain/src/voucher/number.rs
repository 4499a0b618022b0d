//! What tells a voucher from the others of its account, and what a campaign adds to its terms.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::id::{LocationId, RunName};

/// How often a voucher can be reissued; one digit, so that the numbers of a chain sort.
pub const REISSUES_MAX: u8 = 9;

/// What tells a voucher from the others of the same account.
///
/// | printed | the voucher |
/// |---|---|
/// | `7` | the seventh that was issued for points; stored as a number |
/// | `birthday~2026~1` | the first that the run `birthday~2026` gave |
/// | `7.1`, `birthday~2026~1.1` | what was issued in the place of one of those, for the first time |
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct VoucherNumber {
    original: Original,
    /// How often it was reissued until this one, up to [`REISSUES_MAX`].
    reissue: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Original {
    /// The n-th that was issued for points, from 1.
    Account(u64),
    /// The n-th, from 1 to 99, that a run of a campaign gave.
    Run(RunName, u8),
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Sequence(u64),
    Text(String),
}

/// A text that names no voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a voucher is named by its number, or by its run, `~` and a number from 1 to 99; a reissued one also by `.` and 1 to 9"
)]
pub struct InvalidVoucherNumber;

impl TryFrom<Stored> for VoucherNumber {
    type Error = InvalidVoucherNumber;

    fn try_from(stored: Stored) -> Result<Self, InvalidVoucherNumber> {
        match stored {
            Stored::Sequence(sequence) => Ok(sequence.into()),
            Stored::Text(text) => text.parse(),
        }
    }
}

impl From<VoucherNumber> for Stored {
    fn from(number: VoucherNumber) -> Self {
        match number {
            VoucherNumber {
                original: Original::Account(sequence),
                reissue: 0,
            } => Self::Sequence(sequence),
            other => Self::Text(other.to_string()),
        }
    }
}

impl FromStr for VoucherNumber {
    type Err = InvalidVoucherNumber;

    fn from_str(text: &str) -> Result<Self, InvalidVoucherNumber> {
        let read = |text: &str| text.parse().map_err(|_| InvalidVoucherNumber);
        let (name, reissue) = match text.rsplit_once('.') {
            Some((name, reissue)) => (name, read(reissue)?),
            None => (text, 0),
        };
        let original = match name.rsplit_once('~') {
            Some((run, number)) => Original::Run(run.parse().map_err(|_| InvalidVoucherNumber)?, read(number)?),
            None => Original::Account(name.parse().map_err(|_| InvalidVoucherNumber)?),
        };
        let in_range = match original {
            Original::Account(_) => true,
            Original::Run(_, number) => (1..=99).contains(&number),
        };
        let found = Self { original, reissue };
        if in_range && reissue <= REISSUES_MAX && found.to_string() == text {
            Ok(found)
        } else {
            Err(InvalidVoucherNumber)
        }
    }
}

impl VoucherNumber {
    /// The so-manieth voucher, from 1 to 99, that a run gave to a member.
    pub const fn of_run(run: RunName, number: u8) -> Self {
        Self {
            original: Original::Run(run, number),
            reissue: 0,
        }
    }

    /// Its number among those issued over the threshold, or of the one in whose place it stands; `None` for one that a campaign
    /// gave.
    pub const fn over_threshold(&self) -> Option<u64> {
        match self.original {
            Original::Account(sequence) => Some(sequence),
            Original::Run(..) => None,
        }
    }

    /// The `n`-th voucher, from 1: of those that this run gave to a member, or without one of those that were issued over the
    /// threshold. `None` beyond the 99 of a run.
    pub fn nth(run: Option<&RunName>, n: u64) -> Option<Self> {
        match run {
            None => Some(n.into()),
            Some(run) => {
                let number = u8::try_from(n).ok().filter(|n| (1..=99).contains(n))?;
                Some(Self::of_run(run.clone(), number))
            }
        }
    }

    /// The number of the one that it was issued as first: its own, where it stands in no other's place.
    #[must_use]
    pub fn first(&self) -> Self {
        Self {
            reissue: 0,
            ..self.clone()
        }
    }

    /// Which of those that its run gave, or that were issued over the threshold.
    pub const fn position(&self) -> u64 {
        match self.original {
            Original::Account(sequence) => sequence,
            Original::Run(_, number) => number as u64,
        }
    }

    /// The run that gave it, or the one in whose place it stands.
    pub const fn run(&self) -> Option<&RunName> {
        match &self.original {
            Original::Account(_) => None,
            Original::Run(run, _) => Some(run),
        }
    }

    /// How often it was reissued until this one; 0 for one that stands in no other's place.
    pub const fn reissue(&self) -> u8 {
        self.reissue
    }

    /// The number of what is issued in its place; `None` at the end of the chain.
    pub fn next(&self) -> Option<Self> {
        let reissue = self.reissue.checked_add(1).filter(|n| *n <= REISSUES_MAX)?;
        Some(Self {
            original: self.original.clone(),
            reissue,
        })
    }

    /// As part of a sort key: those for points first, in their order, then those of campaigns; each before what stands in its
    /// place.
    pub fn key(&self) -> String {
        let original = match &self.original {
            Original::Account(sequence) => format!("{sequence:012}"),
            Original::Run(run, number) => format!("R{run}~{number:02}"),
        };
        match self.reissue {
            0 => original,
            reissue => format!("{original}.{reissue}"),
        }
    }
}

impl fmt::Display for VoucherNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.original {
            Original::Account(sequence) => write!(f, "{sequence}")?,
            Original::Run(run, number) => write!(f, "{run}~{number}")?,
        }
        match self.reissue {
            0 => Ok(()),
            reissue => write!(f, ".{reissue}"),
        }
    }
}

impl From<u64> for VoucherNumber {
    fn from(sequence: u64) -> Self {
        Self {
            original: Original::Account(sequence),
            reissue: 0,
        }
    }
}

/// What a campaign adds to the terms of its vouchers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignTerms {
    /// Per cent off the goods that it is for, 1 to 100, in the place of a face value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cent: Option<u8>,
    /// Most that the per cent come to, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_discount_minor: Option<i64>,
    /// Product groups it is taken for; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Locations it is taken at; empty for all of the programme.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<LocationId>,
    /// Whoever has it may use it, not only its holder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bearer: bool,
    /// Not taken before the printer has confirmed the letters of the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_confirmation: bool,
    /// Business day of the ledger entry that paid for it with points; `None` where it cost none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debited_on: Option<NaiveDate>,
}

impl CampaignTerms {
    /// Whether it is taken at this location.
    pub fn is_taken_at(&self, location: &LocationId) -> bool {
        self.locations.is_empty() || self.locations.contains(location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> VoucherNumber {
        text.parse().unwrap()
    }

    #[test]
    fn a_number_is_stored_and_read_as_it_is_printed() {
        for (text, stored) in [
            ("7", "7"),
            ("7.1", r#""7.1""#),
            ("birthday~2026~1", r#""birthday~2026~1""#),
            ("birthday~2026~12.9", r#""birthday~2026~12.9""#),
        ] {
            let read = number(text);
            assert_eq!(read.to_string(), text);
            assert_eq!(serde_json::to_string(&read).unwrap(), stored);
            assert_eq!(serde_json::from_str::<VoucherNumber>(stored).unwrap(), read);
        }
        for wrong in [
            "", "x", "07", "+7", "7.0", "7.01", "7.10", "7.", ".1", "r~0", "r~100", "r~01", "~1", "7.1.1",
        ] {
            assert!(wrong.parse::<VoucherNumber>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_stands_in_a_vouchers_place_sorts_behind_it_and_keeps_its_origin() {
        let keys = ["7", "7.1", "7.9", "8", "r~1", "r~1.1", "r~10"].map(|text| number(text).key());
        assert!(keys.is_sorted(), "{keys:?}");
        let second = number("7").next().and_then(|first| first.next()).unwrap();
        assert_eq!(
            (second.to_string(), second.over_threshold()),
            ("7.2".to_owned(), Some(7))
        );
        assert_eq!(number("r~1.3").run(), number("r~1").run());
        assert_eq!(number("7.9").next(), None, "the chain is bounded");
    }
}
