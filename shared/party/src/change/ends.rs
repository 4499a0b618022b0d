//! Ended entries that no longer fit in a document.

use chrono::{DateTime, NaiveDate, Utc};

use super::When;
use crate::document::{ENDED_MAX, PartyDocument, Past};

impl PartyDocument {
    /// Takes the oldest ended entries out of a document that has more than [`ENDED_MAX`] of them, so that at most half as
    /// many stay; whole days go. `None` when nothing has to go.
    pub fn spill(&mut self, when: When) -> Option<Past> {
        let mut ends = self.ends(when);
        if ends.len() <= ENDED_MAX {
            return None;
        }
        ends.sort_unstable();
        let keep_from = ends.len().saturating_sub(ENDED_MAX / 2).saturating_sub(1);
        let cut = *ends.get(keep_from)?;
        let before = |end: Option<NaiveDate>| end.is_some_and(|end| end <= cut);
        let day =
            |until: Option<DateTime<Utc>>| until.filter(|until| *until <= when.now).map(|until| until.date_naive());
        let past = Past {
            former_names: take(&mut self.former_names, |name| before(Some(name.until.date_naive()))),
            former_values: take(&mut self.former_values, |value| before(Some(value.until.date_naive()))),
            identifiers: take(&mut self.identifiers, |id| before(day(id.until))),
            contacts: take(&mut self.contacts, |contact| {
                !contact.stands(when.today) && before(contact.valid_until)
            }),
            roles: take(&mut self.roles, |role| !role.stands(when.today) && before(role.until)),
            classifications: take(&mut self.classifications, |class| before(day(class.until))),
            consents: take(&mut self.consents, |consent| before(day(consent.until))),
            lists: take(&mut self.lists, |list| before(day(list.until))),
        };
        (past != Past::default()).then_some(past)
    }

    /// The last days of all ended entries.
    fn ends(&self, when: When) -> Vec<NaiveDate> {
        let day =
            |until: Option<DateTime<Utc>>| until.filter(|until| *until <= when.now).map(|until| until.date_naive());
        let names = self.former_names.iter().map(|name| name.until.date_naive());
        let values = self.former_values.iter().map(|value| value.until.date_naive());
        let identifiers = self.identifiers.iter().filter_map(|id| day(id.until));
        let contacts = self.contacts.iter().filter(|contact| !contact.stands(when.today));
        let roles = self.roles.iter().filter(|role| !role.stands(when.today));
        let classes = self.classifications.iter().filter_map(|class| day(class.until));
        let permissions = self.consents.iter().chain(&self.lists);
        names
            .chain(values)
            .chain(identifiers)
            .chain(contacts.filter_map(|contact| contact.valid_until))
            .chain(roles.filter_map(|role| role.until))
            .chain(classes)
            .chain(permissions.filter_map(|permission| day(permission.until)))
            .collect()
    }
}

/// Moves those entries out that `goes` says.
fn take<T>(entries: &mut Vec<T>, goes: impl Fn(&T) -> bool) -> Vec<T> {
    entries.extract_if(.., |entry| goes(entry)).collect()
}
