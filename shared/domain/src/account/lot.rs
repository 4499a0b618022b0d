//! Lots: points of one account that become active and expire on the same days.
//!
//! Receipts whose points share both days share a lot, so that an account stays small. What a single receipt put in stands in
//! its entry for ever.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

/// Most lots of one account. A lot takes about 25 bytes of the stored account: all of them stay under 3 KB.
pub const LOTS_MAX: usize = 96;

/// Names a lot. Lots sort active before pending, then by nearest expiry, then by first active day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LotKey {
    /// First day on which the points count; `None` once they do.
    pub from: Option<NaiveDate>,
    /// Last day on which the points count; `None` for ever.
    pub until: Option<NaiveDate>,
}

/// A text that names no lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lot is its last day or `never`, behind its first day and `>` as long as it is pending")]
pub struct InvalidLotKey;

impl LotKey {
    /// The lot of active points that count until this day.
    pub fn active(until: Option<NaiveDate>) -> Self {
        Self { from: None, until }
    }

    /// The lot that this one becomes when its points count.
    pub fn activated(self) -> Self {
        Self::active(self.until)
    }

    /// Whether the points do not count yet.
    pub fn is_pending(self) -> bool {
        self.from.is_some()
    }

    fn order(self) -> (Option<NaiveDate>, NaiveDate) {
        (self.from, self.until.unwrap_or(NaiveDate::MAX))
    }

    fn rank(self) -> (bool, NaiveDate, Option<NaiveDate>) {
        let (from, until) = self.order();
        (self.is_pending(), until, from)
    }
}

impl Ord for LotKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for LotKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for LotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(from) = self.from {
            write!(f, "{from}>")?;
        }
        match self.until {
            Some(until) => write!(f, "{until}"),
            None => f.write_str("never"),
        }
    }
}

impl FromStr for LotKey {
    type Err = InvalidLotKey;

    fn from_str(text: &str) -> Result<Self, InvalidLotKey> {
        // As lots were named when points did not expire: after the month in which they were earned.
        if text.len() == "2026-11".len() && day(&format!("{text}-01")).is_ok() {
            return Ok(Self::active(None));
        }
        let (from, until) = match text.split_once('>') {
            Some((from, until)) => (Some(day(from)?), until),
            None => (None, text),
        };
        let until = if until == "never" { None } else { Some(day(until)?) };
        Ok(Self { from, until })
    }
}

/// A date in its one spelling: two spellings would be two lots.
fn day(text: &str) -> Result<NaiveDate, InvalidLotKey> {
    let day: NaiveDate = text.parse().map_err(|_| InvalidLotKey)?;
    if day.to_string() == text {
        Ok(day)
    } else {
        Err(InvalidLotKey)
    }
}

impl TryFrom<String> for LotKey {
    type Error = InvalidLotKey;

    fn try_from(text: String) -> Result<Self, InvalidLotKey> {
        text.parse()
    }
}

impl From<LotKey> for String {
    fn from(key: LotKey) -> Self {
        key.to_string()
    }
}

/// A lot with its open points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// Its name.
    #[serde(rename = "k", alias = "m")]
    pub key: LotKey,
    /// Points left, more than 0.
    #[serde(rename = "p")]
    pub open: i64,
}

/// What an entry did to one lot: positive put into it, negative taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotMove {
    /// The lot.
    #[serde(rename = "k", alias = "m")]
    pub key: LotKey,
    /// Signed points, not 0.
    #[serde(rename = "p")]
    pub points: i64,
}

/// Reads lots, of which several may have one name by now.
pub(super) fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Lot>, D::Error> {
    let mut lots = Vec::new();
    for Lot { key, open } in Vec::<Lot>::deserialize(deserializer)? {
        let change = LotMove { key, points: open };
        apply(&mut lots, change).ok_or_else(|| serde::de::Error::custom("the lots of an account do not add up"))?;
    }
    Ok(lots)
}

/// Applies a move to sorted lots; `None` when the lot would fall below zero or leave the range.
pub(super) fn apply(lots: &mut Vec<Lot>, change: LotMove) -> Option<()> {
    let at = lots.partition_point(|lot| lot.key < change.key);
    match lots.get_mut(at).filter(|lot| lot.key == change.key) {
        Some(lot) => {
            lot.open = lot.open.checked_add(change.points).filter(|open| *open >= 0)?;
            if lot.open == 0 {
                lots.remove(at);
            }
        }
        None if change.points > 0 => lots.insert(
            at,
            Lot {
                key: change.key,
                open: change.points,
            },
        ),
        None => return None,
    }
    Some(())
}

/// How coarse the days of lots may become when an account has too many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grid {
    Week,
    Month,
    Year,
}

impl Grid {
    pub(super) const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Year];

    /// Lots of one cell may become one. Cells are fixed in the calendar: however often lots are merged, none outlives the end
    /// of its cell.
    fn cell(self, key: LotKey) -> Option<(bool, i32, u32)> {
        let until = key.until?;
        let (year, number) = match self {
            Self::Week => (until.iso_week().year(), until.iso_week().week()),
            Self::Month => (until.year(), until.month()),
            Self::Year => (until.year(), 0),
        };
        Some((key.is_pending(), year, number))
    }

    /// Two neighbours of one cell, the earliest there are.
    pub(super) fn neighbours(self, lots: &[Lot]) -> Option<(Lot, Lot)> {
        let cell = |lot: &Lot| self.cell(lot.key);
        lots.iter()
            .zip(lots.iter().skip(1))
            .find(|(a, b)| cell(a).is_some() && cell(a) == cell(b))
            .map(|(a, b)| (*a, *b))
    }
}

/// The lot that two merged ones become, in the customer's favour: active with the earlier, expiring with the later.
pub(super) fn merged(a: LotKey, b: LotKey) -> LotKey {
    let until = match (a.until, b.until) {
        (Some(a), Some(b)) => Some(a.max(b)),
        _ => None,
    };
    LotKey {
        from: a.from.min(b.from),
        until,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_lot_has_one_spelling_and_comes_back_from_it() {
        for text in ["never", "2028-11-30", "2026-12-08>2028-11-30", "2026-12-08>never"] {
            assert_eq!(text.parse::<LotKey>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2028-11-3",
            "+2028-11-30",
            ">2028-11-30",
            "2026-12-08>",
            "2026-12-08",
            "Never",
        ] {
            let read = text.parse::<LotKey>();
            assert!(read.is_err() || text == "2026-12-08", "{text}");
        }
    }

    #[test]
    fn active_lots_come_before_pending_ones_and_the_nearest_expiry_first() {
        let mut keys: Vec<LotKey> = [
            "2026-12-08>never",
            "never",
            "2026-12-08>2027-01-31",
            "2027-01-31",
            "2026-12-01>never",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec();
        keys.sort();
        let sorted: Vec<_> = keys.iter().map(LotKey::to_string).collect();
        assert_eq!(
            sorted,
            [
                "2027-01-31",
                "never",
                "2026-12-08>2027-01-31",
                "2026-12-01>never",
                "2026-12-08>never"
            ]
        );
    }
}
