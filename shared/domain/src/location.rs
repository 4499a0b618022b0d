//! Places that sell: branches, the shop. Data, not code (N2).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::id::{CompanyId, FeedGroup, LocationId, ProgrammeId};

/// How a location sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// A branch with tills.
    Branch,
    /// An online shop.
    Shop,
}

/// A place that sells and takes part in one programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Stands in the natural key of every receipt.
    pub id: LocationId,
    /// Name for people.
    pub name: String,
    /// Branch or shop.
    pub kind: LocationKind,
    /// The programme its receipts earn in.
    pub programme: ProgrammeId,
    /// The sequence of the voucher feed that carries its events.
    pub feed_group: FeedGroup,
    /// The company of the group that runs it, for the settlement between companies; `None` where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<CompanyId>,
    /// Last business day, once closed. Receipts of later days are refused.
    pub closed_on: Option<NaiveDate>,
    /// Counts the changes, from 1; set when it is stored.
    #[serde(default = "first")]
    pub version: u64,
}

/// The version of locations that were stored before versions were counted.
const fn first() -> u64 {
    1
}

impl Location {
    /// Whether the location sells on `day`.
    pub fn sells_on(&self, day: NaiveDate) -> bool {
        self.closed_on.is_none_or(|last| day <= last)
    }
}
