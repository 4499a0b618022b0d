//! Values that were given up stay, with the instant until which they were the party's.

use super::When;
use crate::document::{FormerValue, Given, PartyDocument};

impl PartyDocument {
    /// Keeps the values of `before`, the same document as it was, that this one no longer has.
    pub fn keep_former(&mut self, before: &Self, when: When) {
        let mut given_up = Vec::new();
        if self.language != before.language {
            given_up.push(Given::Language(before.language));
        }
        if self.gender != before.gender {
            given_up.extend(before.gender.map(Given::Gender));
        }
        if self.birth_date != before.birth_date {
            given_up.extend(before.birth_date.map(Given::BirthDate));
        }
        if self.customer_type != before.customer_type {
            given_up.extend(before.customer_type.clone().map(Given::CustomerType));
        }
        if self.sales_channel != before.sales_channel {
            given_up.extend(before.sales_channel.clone().map(Given::SalesChannel));
        }
        let custom = before.custom_fields.iter();
        let changed = custom.filter(|(name, value)| self.custom_fields.get(*name) != Some(value));
        given_up.extend(changed.map(|(name, value)| Given::Custom {
            name: name.clone(),
            value: value.clone(),
        }));
        let until = when.now;
        let former = given_up.into_iter().map(|value| FormerValue { value, until });
        self.former_values.extend(former);
    }
}
