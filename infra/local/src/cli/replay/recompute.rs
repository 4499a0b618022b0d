//! What a journal is worth, computed a second time.
//!
//! Reads the raw JSON of receipts and programmes and counts with its own integers. It shares no code with the rules that the
//! functions post by, so that a mistake there cannot hide here: keep it that way.

use std::collections::BTreeSet;

use serde_json::Value;

/// The settings of a programme that decide about points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    points: i128,
    per_minor: i128,
    threshold: i128,
    excluded: BTreeSet<String>,
}

impl Rate {
    /// Reads the JSON of a programme.
    ///
    /// # Errors
    /// The name of the setting that is missing or not positive.
    pub fn of(programme: &Value) -> Result<Self, String> {
        let positive = |pointer: &str| match programme.pointer(pointer).and_then(Value::as_i64) {
            Some(number) if number > 0 => Ok(i128::from(number)),
            _ => Err(format!("the programme has no positive whole number at {pointer}")),
        };
        let excluded = programme.pointer("/excluded_groups").and_then(Value::as_array);
        let excluded = excluded.ok_or("the programme has no list at /excluded_groups")?;
        Ok(Self {
            points: positive("/earning/points")?,
            per_minor: positive("/earning/per_minor")?,
            threshold: positive("/voucher/threshold_points")?,
            excluded: excluded.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    /// Points of a receipt: what its counting lines come to, less what vouchers paid, times the rate, rounded down once.
    ///
    /// # Errors
    /// The amount that is missing or no whole number.
    pub fn points(&self, receipt: &Value) -> Result<i64, String> {
        let mut base = 0i128;
        for (index, line) in list(receipt, "lines").iter().enumerate() {
            let counts = match line.get("group").and_then(Value::as_str) {
                Some(group) => !self.excluded.contains(group),
                None => true,
            };
            if counts {
                base += minor(line).ok_or_else(|| format!("line {index} has no whole amount"))?;
            }
        }
        for (index, payment) in list(receipt, "payments").iter().enumerate() {
            if payment.get("kind").and_then(Value::as_str) == Some("voucher") {
                base -= minor(payment).ok_or_else(|| format!("payment {index} has no whole amount"))?;
            }
        }
        // Both factors are positive, so that division rounds down.
        let points = base.max(0) * self.points / self.per_minor;
        i64::try_from(points).map_err(|_| "the points leave the 64-bit range".to_owned())
    }

    /// Vouchers that so many points come to when nothing else happens on the account.
    #[must_use]
    pub fn vouchers(&self, points: i64) -> u64 {
        u64::try_from(i128::from(points) / self.threshold).unwrap_or(0)
    }

    /// Points that those vouchers leave.
    #[must_use]
    pub fn remainder(&self, points: i64) -> i64 {
        i64::try_from(i128::from(points) % self.threshold).unwrap_or(0)
    }
}

fn list<'a>(receipt: &'a Value, name: &str) -> &'a [Value] {
    receipt
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// `amount.amount_minor`; at most 500 of them are summed, so 128 bits never overflow.
fn minor(of: &Value) -> Option<i128> {
    of.pointer("/amount/amount_minor")?.as_i64().map(i128::from)
}

/// The natural key of a receipt, `store~till~business date~number`; `None` when a part of it is missing.
#[must_use]
pub fn natural_key(receipt: &Value) -> Option<String> {
    let part = |name: &str| receipt.get(name).and_then(Value::as_str);
    Some(format!(
        "{}~{}~{}~{}",
        part("store")?,
        part("till")?,
        part("business_date")?,
        part("number")?
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn programme(points: i64, per_minor: i64) -> Value {
        json!({
            "earning": {"points": points, "per_minor": per_minor},
            "excluded_groups": ["gift_card"],
            "voucher": {"threshold_points": 500},
        })
    }

    fn receipt(lines: &[(Option<&str>, i64)], voucher: i64) -> Value {
        let line = |(group, amount): &(Option<&str>, i64)| json!({"group": group, "amount": {"amount_minor": amount}});
        json!({
            "store": "B07", "till": "3", "business_date": "2026-11-22", "number": "1",
            "lines": lines.iter().map(line).collect::<Vec<_>>(),
            "payments": [
                {"kind": "card", "amount": {"amount_minor": 1}},
                {"kind": "voucher", "amount": {"amount_minor": voucher}},
            ],
        })
    }

    #[test]
    fn a_receipt_is_rounded_down_once() {
        let rate = Rate::of(&programme(1, 100)).unwrap();
        assert_eq!(
            rate.points(&receipt(&[(None, 150), (Some("paper"), 150), (None, 199)], 0)),
            Ok(4)
        );
        let rate = Rate::of(&programme(3, 200)).unwrap();
        assert_eq!(rate.points(&receipt(&[(None, 333)], 0)), Ok(4));
    }

    #[test]
    fn excluded_groups_and_what_vouchers_paid_do_not_count() {
        let rate = Rate::of(&programme(1, 100)).unwrap();
        assert_eq!(
            rate.points(&receipt(&[(None, 2_000), (Some("gift_card"), 9_000)], 500)),
            Ok(15)
        );
        assert_eq!(rate.points(&receipt(&[(Some("gift_card"), 9_000)], 500)), Ok(0));
    }

    #[test]
    fn points_become_vouchers_and_a_remainder() {
        let rate = Rate::of(&programme(1, 100)).unwrap();
        let split = |points| (rate.vouchers(points), rate.remainder(points));
        assert_eq!([split(499), split(500), split(1_250)], [(0, 499), (1, 0), (2, 250)]);
    }

    #[test]
    fn what_is_no_whole_number_is_an_error_and_not_a_zero() {
        assert!(Rate::of(&programme(0, 100)).is_err());
        assert!(Rate::of(&json!({})).is_err());
        let rate = Rate::of(&programme(1, 100)).unwrap();
        assert!(
            rate.points(&json!({"lines": [{"amount": {"amount_minor": 1.5}}]}))
                .is_err()
        );
        assert_eq!(natural_key(&receipt(&[], 0)).unwrap(), "B07~3~2026-11-22~1");
        assert_eq!(natural_key(&json!({"store": "B07"})), None);
    }

    #[test]
    fn the_rules_of_the_functions_come_to_the_same_points() {
        // Only here do both meet: the two computations on random receipts, seed printed on failure.
        let seed = 20_261_122;
        let mut random = fastrand::Rng::with_seed(seed);
        for round in 0..500 {
            let mut json = programme(random.i64(1..=20), random.i64(1..=500));
            let rate = Rate::of(&json).unwrap();
            let mut stored =
                serde_json::to_value(domain::programme::Programme::swiss_default("treue".parse().unwrap())).unwrap();
            stored["earning"] = json["earning"].take();
            stored["excluded_groups"] = json["excluded_groups"].take();
            let stored: domain::programme::Programme = serde_json::from_value(stored).unwrap();
            let groups = [None, Some("paper"), Some("gift_card")];
            let lines: Vec<_> = (0..random.usize(1..6))
                .map(|_| (groups[random.usize(0..3)], random.i64(0..100_000)))
                .collect();
            let voucher = random.i64(0..50_000);
            let line = |(group, amount): &(Option<&str>, i64)| json!({"sku": "1", "group": group, "quantity_milli": 1000, "amount_minor": amount});
            let typed: domain::receipt::Receipt = serde_json::from_value(json!({
                "key": "B07~3~2026-11-22~1", "currency": "CHF", "total_minor": 0,
                "lines": lines.iter().map(line).collect::<Vec<_>>(),
                "payments": [{"kind": "voucher", "amount_minor": voucher}],
            }))
            .unwrap();
            let earned = domain::earning::earn(&typed, &stored, &domain::earning::Circumstances::default())
                .unwrap()
                .points;
            assert_eq!(
                rate.points(&receipt(&lines, voucher)),
                Ok(earned),
                "seed {seed}, round {round}"
            );
        }
    }
}
