//! Who a document is about.

use ::party::word::Word;
use domain::code;
use domain::id::{PartyId, Tenant};
use http_edge::api::erp::PartyByExternalId;
use http_edge::{Code, Findings, Problem};
use store::{Site, party};
use unicode_normalization::UnicodeNormalization;

use crate::App;

/// Longest id in another system, in characters: as parties take it.
const EXTERNAL_MAX: usize = 80;

/// How a document names its party.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// By our id.
    Id(PartyId),
    /// By the text that the keyed hash of an id in another system is made of.
    External(String),
}

impl Named {
    /// As it stands in the content of a document.
    pub(crate) fn content(&self) -> String {
        match self {
            Self::Id(id) => format!("party#{id}"),
            Self::External(text) => format!("external#{text}"),
        }
    }
}

/// Reads who is meant: exactly one of the two fields.
pub(crate) fn named(id: Option<&str>, external: Option<&PartyByExternalId>, found: &mut Findings) -> Option<Named> {
    match (id, external) {
        (Some(id), None) => found.field("/party_id", id).map(Named::Id),
        (None, Some(external)) => external_text(external, found).map(Named::External),
        (None, None) => {
            found.add("/party_id", "missing", "name the party by party_id or by external_id");
            None
        }
        (Some(_), Some(_)) => {
            let detail = "the party is named by party_id: leave this out";
            found.add("/external_id", "not_applicable", detail);
            None
        }
    }
}

fn external_text(external: &PartyByExternalId, found: &mut Findings) -> Option<String> {
    let system = external.system.parse::<Word>();
    if let Err(invalid) = &system {
        found.add("/external_id/system", "malformed", format!("a system {invalid}"));
    }
    // As the customer function cleans it before it is hashed.
    let id: String = external.id.as_str().trim().nfc().collect();
    let id_fits = domain::text::is_line(&id, EXTERNAL_MAX);
    if !id_fits {
        let detail = "must be 1 to 80 printable characters";
        found.add("/external_id/id", "text_out_of_range", detail);
    }
    system.ok().filter(|_| id_fits).map(|system| format!("{system}#{id}"))
}

impl App {
    /// The party that is meant.
    ///
    /// # Errors
    /// [`Code::PartyUnknown`].
    pub(crate) async fn party_of(&self, tenant: &Tenant, named: &Named) -> Result<PartyId, Problem> {
        match named {
            Named::Id(id) => match party::read(&self.db, Site::ErpParty, tenant, id).await? {
                Some(_) => Ok(id.clone()),
                None => Err(unknown("party_id: there is no party with this id")),
            },
            Named::External(text) => {
                let lookup = code::lookup_key(self.pepper.bytes(), "external/1", text.as_bytes());
                let known = party::known(&self.db, Site::ErpParty, tenant, &lookup).await?;
                let known = known.filter(|known| known.d.ended.is_none());
                let known = known.ok_or_else(|| unknown("external_id: no party has this id in that system"))?;
                Ok(known.d.party)
            }
        }
    }
}

fn unknown(detail: &str) -> Problem {
    Problem::new(Code::PartyUnknown, detail)
}
