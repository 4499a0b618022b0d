//! The letter as it is frozen with a member: everything that is printed but its codes.

use crate::address::{Layout, Recipient, block};
use domain::till_text::Language;
use party::contact::{Contact, Country, Postal};
use party::{PartyDocument, Personal};
use serde::{Deserialize, Serialize};

/// What is printed on one letter, but for its codes. `Debug` shows nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Lines of the address, 1 to 6.
    pub lines: Vec<Personal>,
    /// How it is addressed.
    pub salutation: Personal,
    /// Language of the letter.
    pub language: Language,
    /// Country of the address.
    pub country: Country,
    /// Postcode of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Personal>,
    /// The contact point, so that a letter that comes back finds the address it went to.
    pub contact: u32,
    /// Points at the time of the choice.
    pub points: i64,
    /// Parts of the address that had no room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Letter {
    /// The letter to this address of the party.
    pub fn to(document: &PartyDocument, (contact, postal): (&Contact, &Postal), points: i64, layout: &Layout) -> Self {
        let language = contact.language.unwrap_or(document.language);
        let recipient = Recipient {
            identity: &document.identity,
            gender: document.gender,
            language,
            company: None,
            postal,
        };
        let block = block(&recipient, layout);
        Self {
            lines: block.lines,
            salutation: block.salutation,
            language,
            country: postal.country.clone(),
            postcode: postal.postcode.clone(),
            contact: contact.id.0,
            points,
            lost: u32::try_from(block.findings.len()).unwrap_or(u32::MAX),
        }
    }
}
