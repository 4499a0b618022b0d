//! What was agreed on about letters that come back.

use std::collections::BTreeSet;

use domain::violation::Violation;
use serde::{Deserialize, Serialize};

use super::{CarrierMap, EffectRules};

/// Most carriers.
pub const CARRIERS_MAX: usize = 10;

/// What carriers' codes mean, and what returns do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnRules {
    /// 1 to 10 carriers, none twice.
    pub carriers: Vec<CarrierMap>,
    /// What a return does, by reason.
    pub effects: EffectRules,
}

impl Default for ReturnRules {
    /// Returns that name this crate's reasons, those of Swiss Post by its words, and the usual effects.
    fn default() -> Self {
        Self {
            carriers: vec![CarrierMap::internal(), CarrierMap::swiss_post()],
            effects: EffectRules::default(),
        }
    }
}

impl ReturnRules {
    /// The codes of a carrier.
    pub fn carrier(&self, name: &str) -> Option<&CarrierMap> {
        self.carriers.iter().find(|known| known.carrier == name)
    }

    /// Everything wrong with them, each with its place under `at`.
    pub fn violations(&self, at: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        if (1..=CARRIERS_MAX).contains(&self.carriers.len()) {
            let mut names = BTreeSet::new();
            for (index, carrier) in self.carriers.iter().enumerate() {
                let carrier_at = format!("{at}/carriers/{index}");
                found.extend(carrier.violations(&carrier_at));
                if !names.insert(&carrier.carrier) {
                    let detail = "the carrier is there twice";
                    found.push(Violation::new(format!("{carrier_at}/carrier"), "not_unique", detail));
                }
            }
        } else {
            let detail = "must be 1 to 10 carriers";
            found.push(Violation::new(format!("{at}/carriers"), "out_of_range", detail));
        }
        found.extend(self.effects.violations(&format!("{at}/effects")));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::returned::Reason;

    #[test]
    fn p4_the_rules_that_stand_when_nothing_was_agreed_on_are_sound() {
        let rules = ReturnRules::default();
        assert_eq!(rules.violations(""), Vec::new());
        let post = rules.carrier("swiss-post").unwrap();
        assert_eq!(post.reason("Delivery refused"), Some(Reason::Refused));
        assert_eq!(post.reason("delivery refused"), None);
        assert!(rules.carrier("pigeon").is_none());
    }

    #[test]
    fn p4_a_carrier_twice_or_none_at_all_is_named() {
        let mut rules = ReturnRules::default();
        rules.carriers.push(CarrierMap::internal());
        let found = rules.violations("/returns");
        let found: Vec<_> = found.iter().map(|found| (&*found.pointer, found.code)).collect();
        assert_eq!(found, [("/returns/carriers/2/carrier", "not_unique")]);
        rules.carriers.clear();
        rules.effects.second_return_months = 61;
        let found = rules.violations("/returns");
        let found: Vec<_> = found.iter().map(|found| (&*found.pointer, found.code)).collect();
        assert_eq!(
            found,
            [
                ("/returns/carriers", "out_of_range"),
                ("/returns/effects/second_return_months", "out_of_range")
            ]
        );
    }
}
