//! What tells a voucher from the others of its account, and what a campaign adds to its terms.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{LocationId, RunName};

/// What tells a voucher from the others of the same account.
///
/// Stored as a number when the account issued it, as `run~number` when a campaign did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum VoucherNumber {
    /// The so-manieth that was issued for points, from 1.
    Account(u64),
    /// One that a run of a campaign gave.
    Run(RunVoucher),
}

/// The so-manieth voucher that a run gave to a member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunVoucher {
    /// The run.
    pub run: RunName,
    /// From 1 to 99.
    pub number: u8,
}

/// A text that names no voucher of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a voucher of a run is named by the run, `~` and a number from 1 to 99")]
pub struct InvalidRunVoucher;

impl TryFrom<String> for RunVoucher {
    type Error = InvalidRunVoucher;

    fn try_from(text: String) -> Result<Self, InvalidRunVoucher> {
        let (run, number) = text.rsplit_once('~').ok_or(InvalidRunVoucher)?;
        let run = run.parse().map_err(|_| InvalidRunVoucher)?;
        let number = number.parse().map_err(|_| InvalidRunVoucher)?;
        let found = Self { run, number };
        if (1..=99).contains(&number) && found.to_string() == text {
            Ok(found)
        } else {
            Err(InvalidRunVoucher)
        }
    }
}

impl From<RunVoucher> for String {
    fn from(voucher: RunVoucher) -> Self {
        voucher.to_string()
    }
}

impl fmt::Display for RunVoucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.run, self.number)
    }
}

impl VoucherNumber {
    /// The voucher that a run gave.
    pub const fn of_run(run: RunName, number: u8) -> Self {
        Self::Run(RunVoucher { run, number })
    }

    /// Its number among those issued for points; `None` for one that a campaign gave.
    pub const fn issued_for_points(&self) -> Option<u64> {
        match self {
            Self::Account(sequence) => Some(*sequence),
            Self::Run(_) => None,
        }
    }

    /// The run that gave it.
    pub const fn run(&self) -> Option<&RunName> {
        match self {
            Self::Account(_) => None,
            Self::Run(voucher) => Some(&voucher.run),
        }
    }

    /// As part of a sort key: those for points first, in their order, then those of campaigns.
    pub fn key(&self) -> String {
        match self {
            Self::Account(sequence) => format!("{sequence:012}"),
            Self::Run(voucher) => format!("R{}~{:02}", voucher.run, voucher.number),
        }
    }
}

impl fmt::Display for VoucherNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(sequence) => write!(f, "{sequence}"),
            Self::Run(voucher) => voucher.fmt(f),
        }
    }
}

impl From<u64> for VoucherNumber {
    fn from(sequence: u64) -> Self {
        Self::Account(sequence)
    }
}

/// What a campaign adds to the terms of its vouchers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignTerms {
    /// Per cent off the basket's goods, 1 to 100, in the place of a face value.
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
}

impl CampaignTerms {
    /// Whether it is taken at this location.
    pub fn is_taken_at(&self, location: &LocationId) -> bool {
        self.locations.is_empty() || self.locations.contains(location)
    }
}
