//! The budget of a run, spent through leases.
//!
//! A counter that every member adds to would be one hot item. So each part of a segment leases shares of what is left, large ones
//! first, and spends them by itself. What a part has left over goes on to the next part of its segment. The less is left, the
//! smaller the shares, down to one member's vouchers: what segments keep unspent at the end is a few of those.

use chrono::{DateTime, Utc};
use faults::Site;
use serde::{Deserialize, Serialize};

use super::{Cut, MEMBER_DAYS, RunId, days_after};
use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::record::Record;

/// Most leases of one part: shares shrink with what is left, so that even a part that spends all of the largest budget alone has
/// far fewer.
const LEASES_MAX: i32 = 10_000;

/// What of the budget is leased, in minor units.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Budget {
    /// Counts the writes of the item, from 1; 0 before the first.
    version: u64,
    leased_minor: i64,
}

/// A share of the budget, in minor units.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lease {
    amount_minor: i64,
}

/// Which part of a run leases.
#[derive(Debug, Clone, Copy)]
pub struct Lessee<'a> {
    /// The run.
    pub id: &'a RunId,
    /// Its segment.
    pub segment: u8,
    /// The part of the segment, from 0.
    pub part: u32,
}

impl Lessee<'_> {
    fn prefix(self) -> String {
        format!("LEASE#{:02}#{:06}#", self.segment, self.part)
    }
}

/// What all leases of a run have in common.
#[derive(Debug, Clone, Copy)]
pub struct Shares {
    /// The budget, in minor units.
    pub budget_minor: i64,
    /// The least that is of use, in minor units, 1 or more: the vouchers of one member.
    pub least_minor: i64,
    /// In how many parts the run is worked off.
    pub cut: Cut,
}

impl Shares {
    /// The next share of what is left; `None` when that is not enough for a member. Half of an even share: with every lease the
    /// next one is smaller (guided self-scheduling: C. Polychronopoulos and D. Kuck, 1987).
    fn next(self, left_minor: i64) -> Option<i64> {
        if left_minor < self.least_minor {
            return None;
        }
        let parts = i64::from(self.cut.segments.max(1)).saturating_mul(2);
        let share = left_minor.checked_div(parts)?.max(self.least_minor);
        // In whole members: the rest of an amount would be of no use to the part.
        share.checked_div(self.least_minor)?.checked_mul(self.least_minor)
    }
}

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leased {
    /// So much, in minor units.
    Share(i64),
    /// Not enough is left for a member.
    Spent,
    /// Others lease at this moment: look again.
    Contended,
}

fn budget_key(id: &RunId) -> Key {
    Key {
        pk: id.parts(),
        sk: "BUDGET".to_owned(),
    }
}

/// What the part has leased so far, in minor units, and by how many leases.
///
/// # Errors
/// [`StoreError`].
pub async fn leases(db: &Db, site: Site, of: Lessee<'_>) -> Result<(i64, u32), StoreError> {
    let mut range = Range::prefix(of.id.parts(), &of.prefix(), 100);
    let (mut sum, mut count) = (0i64, 0u32);
    for _ in 0..LEASES_MAX {
        let (found, next) = db.query::<Lease>(site, &range, Read::Strong).await?;
        for lease in found {
            sum = sum.saturating_add(lease.d.amount_minor);
            count = count.saturating_add(1);
        }
        range.after = next;
        if range.after.is_none() {
            break;
        }
    }
    Ok((sum, count))
}

/// Leases the next share, the part's lease `number`, from 0.
///
/// # Errors
/// [`StoreError`].
pub async fn lease(
    db: &Db,
    site: Site,
    (of, number): (Lessee<'_>, u32),
    shares: Shares,
    now: DateTime<Utc>,
) -> Result<Leased, StoreError> {
    let key = budget_key(of.id);
    let before = db.get::<Budget>(site, &key, Read::Strong).await?;
    let before = before.map(|record| record.d).unwrap_or_default();
    let left = shares.budget_minor.saturating_sub(before.leased_minor);
    let Some(amount_minor) = shares.next(left) else {
        return Ok(Leased::Spent);
    };
    let condition = match before.version {
        0 => Condition::absent(),
        version => Condition::version(version),
    };
    let after = Budget {
        version: before.version.saturating_add(1),
        leased_minor: before.leased_minor.saturating_add(amount_minor),
    };
    let lease_key = Key {
        pk: of.id.parts(),
        sk: format!("{}{number:06}", of.prefix()),
    };
    let mut budget = Record::new(key, "run_budget", now, after);
    let mut lease = Record::new(lease_key, "run_lease", now, Lease { amount_minor });
    budget.ttl = Some(days_after(now, MEMBER_DAYS));
    lease.ttl = budget.ttl;
    let legs = vec![
        Leg::put(site, &budget, Some(condition))?,
        Leg::put(site, &lease, Some(Condition::absent()))?,
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(Leased::Share(amount_minor)),
        Err(TransactError::Condition(_) | TransactError::Store(StoreError::Busy(_))) => Ok(Leased::Contended),
        Err(TransactError::Store(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_members_shrink_and_leave_less_than_one() {
        let shares = Shares {
            budget_minor: 1_000_500,
            least_minor: 1_000,
            cut: Cut { segments: 4, shards: 1 },
        };
        let (mut left, mut last, mut count) = (shares.budget_minor, i64::MAX, 0);
        while let Some(share) = shares.next(left) {
            assert!(share <= last && share % 1_000 == 0 && share >= 1_000);
            left -= share;
            last = share;
            count += 1;
        }
        assert_eq!((left, last), (500, 1_000));
        assert!(count < 60, "{count}");
    }
}
