//! What a row says anew is done to a document: just the fields that differ from what the file said the last time, so that what
//! staff has changed since stays.

use std::collections::BTreeMap;

use super::{Flaw, Wanted};
use crate::change::{self, Refused, Sight, Statement, When};
use crate::contact::{Contact, ContactId};
use crate::document::PartyDocument;
use crate::read;
use crate::word::Word;

/// The contact points that an import has made, by kind.
pub type Kept = BTreeMap<String, ContactId>;

/// Does what `wanted` says about the fields `anew` to a document; `kept` becomes the contact points of this import.
///
/// # Errors
/// The finding about the field that the party has no room for.
pub fn apply(
    document: &mut PartyDocument,
    wanted: &Wanted,
    anew: &[&str],
    kept: &mut Kept,
    when: When,
) -> Result<(), Flaw> {
    let new = &wanted.document;
    let before = document.clone();
    for field in anew {
        match *field {
            "name" => rename(document, new, when)?,
            // A row without a language leaves the one that the party has: there is none to go back to.
            "language" if wanted.says.get("language").is_some_and(Option::is_some) => document.language = new.language,
            "gender" => document.gender = new.gender,
            "birth_date" => document.birth_date = new.birth_date,
            "customer_type" => document.customer_type.clone_from(&new.customer_type),
            "sales_channel" => document.sales_channel.clone_from(&new.sales_channel),
            "postal" | "email" | "phone" => contact(document, new, field, kept, when)?,
            _ => {
                if let Some(name) = field.strip_prefix("custom.").and_then(|name| name.parse::<Word>().ok()) {
                    match new.custom_fields.get(&name) {
                        Some(value) => drop(document.custom_fields.insert(name, value.clone())),
                        None => drop(document.custom_fields.remove(&name)),
                    }
                } else if let Some(channel) = field.strip_prefix("consent.") {
                    let said = wanted.consents.iter();
                    let said: Vec<_> = said
                        .filter(|(statement, _)| statement.said.name.as_str() == channel)
                        .cloned()
                        .collect();
                    consent_all(document, &said)?;
                }
            }
        }
    }
    document.keep_former(&before, when);
    Ok(())
}

fn rename(document: &mut PartyDocument, new: &PartyDocument, when: When) -> Result<(), Flaw> {
    if document.identity.is_person() != new.identity.is_person() {
        let reason = "a person does not become an organisation, nor the other way round: give the row another id";
        return Err(Flaw::new("kind", "kind_differs", reason));
    }
    document.rename(new.identity.clone(), when);
    Ok(())
}

/// The contact point of the row takes the place of the one that the import made before, if that still stands.
fn contact(
    document: &mut PartyDocument,
    new: &PartyDocument,
    kind: &str,
    kept: &mut Kept,
    when: When,
) -> Result<(), Flaw> {
    let before = kept.remove(kind);
    let before = document
        .contacts
        .iter()
        .find(|known| Some(known.id) == before && known.stands(when.today));
    let before = before.cloned();
    let flaw = |refused: Refused| Flaw::new(kind, read::code(refused), refused.to_string());
    let Some(point) = new.contacts.iter().find(|contact| contact.point.kind() == kind) else {
        return match before {
            Some(before) => document.end_contact(before.id, None, when).map_err(flaw),
            None => Ok(()),
        };
    };
    // One that leads there stands already, whoever has entered it.
    let same = |known: &&Contact| known.point == point.point && known.stands(when.today);
    if let Some(known) = document.contacts.iter().find(same).map(|known| known.id) {
        if let Some(before) = before.filter(|before| before.id != known) {
            document.end_contact(before.id, None, when).map_err(flaw)?;
        }
        kept.insert(kind.to_owned(), known);
        return Ok(());
    }
    let wanted = change::Wanted {
        point: point.point.clone(),
        purposes: None,
        valid_from: None,
        valid_until: None,
        language: None,
        delivery: None,
    };
    let id = match before {
        Some(before) => document.change_contact(before.id, wanted, when),
        None => document.add_contact(wanted, Sight::Seen, when),
    };
    kept.insert(kind.to_owned(), id.map_err(flaw)?);
    Ok(())
}

/// Notes what was said. A double opt-in that the other system has confirmed is asked for and confirmed at once, with its proof;
/// what is granted already for the same text is not asked for again.
pub(super) fn consent_all(document: &mut PartyDocument, said: &[(Statement, bool)]) -> Result<(), Flaw> {
    for (statement, double_opt_in) in said {
        let field = format!("consent.{}", statement.said.name);
        let done = document.consent(statement.clone(), *double_opt_in, Sight::Seen);
        done.map_err(|refused| Flaw::new(field, read::code(refused), refused.to_string()))?;
    }
    Ok(())
}
