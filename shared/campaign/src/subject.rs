//! The values of one member.

use std::fmt;

use chrono::NaiveDate;
use domain::id::PartyId;
use domain::till_text::Language;
use serde::{Deserialize, Serialize};

use crate::activity::Activity;

/// What a campaign knows of a member. `Debug` shows the id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who.
    pub party: PartyId,
    /// `person` or `organisation`.
    pub kind: String,
    /// Language of letters.
    pub language: Language,
    /// `female`, `male` or `other`, when known.
    pub gender: Option<String>,
    /// When known.
    pub birth_date: Option<NaiveDate>,
    /// Country of the address for letters, such as `CH`.
    pub country: Option<String>,
    /// Postcode of that address.
    pub postcode: Option<String>,
    /// One of the tenant's customer types.
    pub customer_type: Option<String>,
    /// The sales channel through which the party came.
    pub sales_channel: Option<String>,
    /// Classifications that stand.
    pub classifications: Vec<String>,
    /// Types of the roles that stand.
    pub roles: Vec<String>,
    /// Contact lists that the party is on.
    pub lists: Vec<String>,
    /// First day as a customer.
    pub customer_since: Option<NaiveDate>,
    /// What the party said about channels.
    pub consents: Consents,
    /// Purchases, folded for the day of the run.
    pub activity: Activity,
    /// Points that can be spent.
    pub points_balance: i64,
    /// Vouchers that can be redeemed.
    pub vouchers_open: i64,
    /// Score of the RFMR account; `None` while there is none.
    pub rfmr_score: Option<i64>,
}

impl Subject {
    /// A person of whom nothing else is known.
    pub fn person(party: PartyId) -> Self {
        Self {
            party,
            kind: "person".to_owned(),
            language: Language::default(),
            gender: None,
            birth_date: None,
            country: None,
            postcode: None,
            customer_type: None,
            sales_channel: None,
            classifications: Vec::new(),
            roles: Vec::new(),
            lists: Vec::new(),
            customer_since: None,
            consents: Consents::default(),
            activity: Activity::default(),
            points_balance: 0,
            vouchers_open: 0,
            rfmr_score: None,
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Subject")
            .field("party", &self.party)
            .finish_non_exhaustive()
    }
}

/// What a party said about one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Nothing.
    #[default]
    None,
    /// Yes.
    Granted,
    /// No, or no longer.
    Withdrawn,
}

impl Consent {
    /// As conditions read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Granted => "granted",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What a party said about each channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consents {
    /// Letters.
    pub letter: Consent,
    /// E-mail.
    pub email: Consent,
    /// Text messages.
    pub sms: Consent,
    /// Telephone calls.
    pub phone: Consent,
}
