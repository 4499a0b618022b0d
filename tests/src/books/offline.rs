//! What must be true of allowances, journals and losses.

use std::collections::BTreeMap;

use domain::offline::{Allowance, Bearer, LossDay, Outcome};
use domain::voucher::{State, Voucher};
use store::offline::Entry;

/// Everything that offline tills leave in the table.
#[derive(Debug, Default)]
pub struct Offline {
    /// Allowances of locations and days.
    pub allowances: Vec<Allowance>,
    /// Decided entries.
    pub entries: Vec<Entry>,
    /// Sums of losses, by partition and sort key.
    pub losses: BTreeMap<String, LossDay>,
}

impl Offline {
    /// X3: each entry's amounts add up, the sums of a day are those of its entries, no allowance is used beyond its limit, and the
    /// company bears no more than that.
    ///
    /// # Panics
    /// With what is wrong.
    pub(super) fn check(&self, feed: &[(u64, State)], vouchers: &[Voucher]) {
        let mut sums: BTreeMap<String, LossDay> = BTreeMap::new();
        let mut used: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for entry in &self.entries {
            let (taken, verdict) = (&entry.taken, &entry.verdict);
            let lost = verdict.loss.as_ref().map_or(0, |loss| loss.minor);
            let told = if verdict.outcome == Outcome::Reversed {
                0
            } else {
                taken.value_minor
            };
            assert_eq!(verdict.booked_minor + lost, told, "{verdict:?}");
            let of_allowance = used.entry(format!("{}~{}", taken.receipt.store, entry.allowance));
            let (counted, company) = of_allowance.or_default();
            if verdict.breaches.is_empty() {
                *counted += told;
            }
            if let Some(loss) = &verdict.loss {
                *company += if loss.bearer == Bearer::Company { loss.minor } else { 0 };
                let day = format!("{}/LOSSES#{}", taken.receipt.store, taken.receipt.business_date);
                let day = sums.entry(day).or_default();
                *day = day.with(loss, entry.currency);
            }
            if verdict.outcome == Outcome::Booked {
                let is_it =
                    |state: &State| matches!(state, State::Redeemed { receipt, .. } if *receipt == taken.receipt);
                let stands = vouchers.iter().any(|voucher| is_it(&voucher.state));
                let stood = feed.iter().any(|(_, state)| is_it(state));
                assert!(
                    stands || stood,
                    "a booked entry redeemed its voucher: {}",
                    taken.receipt
                );
            }
        }
        for allowance in &self.allowances {
            let (counted, company) = used.remove(&allowance.id()).unwrap_or_default();
            assert_eq!(allowance.used_minor, counted, "what {} has used", allowance.id());
            assert!(counted <= allowance.rule.limit_minor && company <= allowance.rule.limit_minor);
        }
        assert!(used.is_empty(), "every entry has its allowance");
        let sorted = |days: &BTreeMap<String, LossDay>| -> BTreeMap<String, Vec<_>> {
            let of_day = |day: &LossDay| {
                let mut sums = day.sums.clone();
                sums.sort_by_key(|sum| (sum.bearer, sum.reason));
                sums
            };
            days.iter().map(|(key, day)| (key.clone(), of_day(day))).collect()
        };
        assert_eq!(sorted(&self.losses), sorted(&sums), "sums of losses and their entries");
    }
}
