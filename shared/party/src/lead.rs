//! A lead (C1): somebody who may become a customer, until it is decided whether it is one, or somebody who is known already.

use chrono::NaiveDate;
use domain::id::PartyId;

use crate::Personal;
use crate::change::{Refused, Sight, When};
use crate::dated::Role;
use crate::document::PartyDocument;
use crate::types::{CUSTOMER, LEAD, word};
use crate::word::Word;

/// The relationship of a lead with the party it was converted into, which no tenant names: nobody makes it by hand.
pub const CONVERSION: &str = "conversion";
/// What the lead is in it. The document keeps it as a role too: that is where the decision is made.
pub const CONVERTED_INTO: &str = "converted_into";
/// What the other party is in it.
pub const CONVERTED_FROM: &str = "converted_from";

/// What became of a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has decided.
    Open,
    /// It is a customer.
    Customer,
    /// It is somebody who was known, since this day.
    Into(PartyId, NaiveDate),
    /// Its role was ended without either.
    Closed,
}

/// A party as a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// Where it came from.
    pub source: Option<Personal>,
    /// Since when it is or was a lead.
    pub since: NaiveDate,
    /// What became of it.
    pub standing: Standing,
}

/// The words of a conversion: its type, and what the two parties are in it.
pub fn conversion() -> (Word, Word, Word) {
    (word(CONVERSION), word(CONVERTED_INTO), word(CONVERTED_FROM))
}

impl PartyDocument {
    /// The party as a lead of the own company; `None` when it never was one.
    pub fn lead(&self, company: &PartyId, today: NaiveDate) -> Option<Lead> {
        let mut roles = self.roles.iter();
        let role = roles.rfind(|role| role.role.as_str() == LEAD && role.towards == *company)?;
        let into = || {
            let mut roles = self.roles.iter();
            roles.rfind(|role| role.role.as_str() == CONVERTED_INTO)
        };
        let is_customer = || {
            let mut roles = self.roles.iter();
            roles.any(|role| role.role.as_str() == CUSTOMER && role.towards == *company && role.stands(today))
        };
        let standing = if role.stands(today) {
            Standing::Open
        } else if let Some(into) = into() {
            Standing::Into(into.towards.clone(), into.since)
        } else if is_customer() {
            Standing::Customer
        } else {
            Standing::Closed
        };
        Some(Lead {
            source: role.because.clone(),
            since: role.since,
            standing,
        })
    }

    /// Makes the party a lead that came from `source`.
    ///
    /// # Errors
    /// [`Refused::Full`].
    pub fn become_lead(&mut self, source: &Word, company: &PartyId, when: When) -> Result<(), Refused> {
        let source = Personal::new(source.to_string());
        self.give_role(begun(LEAD, company, Some(source), when), Sight::Seen, when)
    }

    /// The lead is a customer from today on.
    ///
    /// # Errors
    /// [`Refused::NoSuch`] when it is no lead any more, [`Refused::Full`].
    pub fn lead_is_customer(&mut self, company: &PartyId, when: When) -> Result<(), Refused> {
        let lead = self.end_lead(company, when)?;
        self.give_role(begun(CUSTOMER, company, lead.source, when), Sight::Seen, when)
    }

    /// The lead is `known`, another party.
    ///
    /// # Errors
    /// [`Refused::NoSuch`] when it is no lead any more, [`Refused::Full`].
    pub fn lead_is(&mut self, known: &PartyId, company: &PartyId, when: When) -> Result<(), Refused> {
        self.end_lead(company, when)?;
        self.give_role(begun(CONVERTED_INTO, known, None, when), Sight::Seen, when)
    }

    fn end_lead(&mut self, company: &PartyId, when: When) -> Result<Lead, Refused> {
        let lead = self
            .lead(company, when.today)
            .filter(|lead| lead.standing == Standing::Open)
            .ok_or(Refused::NoSuch("role lead"))?;
        self.end_role((&word(LEAD), company), None, Sight::Seen, when)?;
        Ok(lead)
    }
}

fn begun(role: &str, towards: &PartyId, because: Option<Personal>, when: When) -> Role {
    Role {
        role: word(role),
        towards: towards.clone(),
        since: when.today,
        until: None,
        because,
        ended: false,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::till_text::Language;

    use super::*;
    use crate::document::Identity;

    const COMPANY: &str = "11111111-1111-4111-8111-111111111111";
    const KNOWN: &str = "22222222-2222-4222-8222-222222222222";
    const LEAD_ID: &str = "33333333-3333-4333-8333-333333333333";

    fn id(text: &str) -> PartyId {
        text.parse().expect("an id")
    }

    fn when() -> When {
        let now = DateTime::from_timestamp_millis(1_795_507_200_000).expect("an instant");
        When {
            now,
            today: now.date_naive(),
        }
    }

    fn lead() -> PartyDocument {
        let identity = Identity::Person {
            given_name: None,
            family_name: Personal::new("Muster".to_owned()),
        };
        let mut document = PartyDocument::new(id(LEAD_ID), identity, Language::default());
        document
            .become_lead(&word("fair"), &id(COMPANY), when())
            .expect("a lead");
        document
    }

    fn standing(document: &PartyDocument) -> Option<Standing> {
        document.lead(&id(COMPANY), when().today).map(|lead| lead.standing)
    }

    #[test]
    fn c1_a_lead_is_decided_on_once() {
        let mut customer = lead();
        assert_eq!(standing(&customer), Some(Standing::Open));
        customer.lead_is_customer(&id(COMPANY), when()).expect("a customer");
        assert_eq!(standing(&customer), Some(Standing::Customer));
        let after = customer.clone();
        let refused = customer.lead_is(&id(KNOWN), &id(COMPANY), when());
        assert_eq!((refused, &customer), (Err(Refused::NoSuch("role lead")), &after));

        let mut known = lead();
        known.lead_is(&id(KNOWN), &id(COMPANY), when()).expect("known");
        assert_eq!(standing(&known), Some(Standing::Into(id(KNOWN), when().today)));
        assert!(known.lead_is_customer(&id(COMPANY), when()).is_err());

        let mut closed = lead();
        closed
            .end_role((&word(LEAD), &id(COMPANY)), None, Sight::Seen, when())
            .expect("its role ends");
        assert_eq!(standing(&closed), Some(Standing::Closed));
        closed.roles.clear();
        assert_eq!(standing(&closed), None);
    }
}
