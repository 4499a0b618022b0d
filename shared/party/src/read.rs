//! Bodies become parts of a document; everything wrong is named at once, with its JSON pointer.

mod contact;
mod parts;

use chrono::NaiveDate;
use domain::id::PartyId;
use domain::till_text::Language;

pub use contact::contact;
pub use parts::{classification, custom, identifier, permission, role, word};

use crate::Personal;
use crate::change::{Refused, Sight, When};
use crate::clean::{self, Found};
use crate::document::{
    BirthDate, CLASSIFICATIONS_MAX, CONTACTS_MAX, CUSTOM_MAX, Gender, IDENTIFIERS_MAX, Identity, PERMISSIONS_MAX,
    PartyDocument, ROLES_MAX,
};
use crate::input::{PartyInput, PartyPatch};
use crate::types::PartyTypes;

/// Longest given or family name, in characters.
const NAME_MAX: usize = 60;
/// Longest name of an organisation, in characters.
const ORGANISATION_MAX: usize = 120;

/// What a body is read with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The types of the tenant.
    pub types: &'a PartyTypes,
    /// The party of the own company.
    pub company: &'a PartyId,
    /// Now and today.
    pub when: When,
}

/// The first version of a party; `None` when `found` says why not.
pub fn party(body: &PartyInput, id: PartyId, with: Context<'_>, found: &mut Found) -> Option<PartyDocument> {
    let identity = identity(body, found);
    let language = match body.language.as_deref() {
        None => Some(Language::default()),
        Some(text) => found.field("/language", text),
    };
    let is_person = body.kind == "person";
    for (pointer, given) in [
        ("/gender", body.gender.is_some()),
        ("/birth_date", body.birth_date.is_some()),
    ] {
        if given && !is_person && body.kind == "organisation" {
            found.add(
                pointer,
                "not_of_this_kind",
                "an organisation does not have this field: leave it out",
            );
        }
    }
    let gender = body.gender.as_deref().and_then(|text| gender(text, found));
    let birth_date = body.birth_date.as_ref().and_then(|text| birth(text, with, found));
    let (customer_type, sales_channel) = channels(body, with, found);
    // Parts are read into a document even if the name is wrong, so that everything is named at once.
    let placeholder = Identity::Organisation {
        organisation_name: Personal::new(String::new()),
    };
    let mut document = PartyDocument::new(
        id,
        identity.clone().unwrap_or(placeholder),
        language.unwrap_or_default(),
    );
    document.gender = gender;
    document.birth_date = birth_date;
    document.customer_type = customer_type;
    document.sales_channel = sales_channel;
    add_parts(&mut document, body, with, found);
    (found.is_empty() && identity.is_some()).then_some(document)
}

fn channels(body: &PartyInput, with: Context<'_>, found: &mut Found) -> (Option<crate::Word>, Option<crate::Word>) {
    let customer_type = body.customer_type.as_deref();
    let customer_type =
        customer_type.and_then(|text| parts::named("/customer_type", text, &with.types.customer_types, found));
    let sales_channel = body.sales_channel.as_deref();
    let sales_channel =
        sales_channel.and_then(|text| parts::named("/sales_channel", text, &with.types.sales_channels, found));
    (customer_type, sales_channel)
}

fn add_parts(document: &mut PartyDocument, body: &PartyInput, with: Context<'_>, found: &mut Found) {
    let when = with.when;
    let external = body.external_id.iter().map(|given| ("/external_id".to_owned(), given));
    let further = bounded("/identifiers", &body.identifiers, IDENTIFIERS_MAX, found)
        .iter()
        .enumerate();
    let further = further.map(|(index, given)| (format!("/identifiers/{index}"), given));
    for (pointer, given) in external.chain(further) {
        if let Some((system, id)) = identifier(&pointer, given, found) {
            let added = document.add_identifier(system, id, Sight::Seen, when);
            note(&pointer, added, found);
        }
    }
    for (index, given) in bounded("/contacts", &body.contacts, CONTACTS_MAX, found)
        .iter()
        .enumerate()
    {
        let pointer = format!("/contacts/{index}");
        if let Some(wanted) = contact(&pointer, given, with, found) {
            note(&pointer, document.add_contact(wanted, Sight::Seen, when), found);
        }
    }
    for (index, given) in bounded("/roles", &body.roles, ROLES_MAX, found).iter().enumerate() {
        let pointer = format!("/roles/{index}");
        let word = parts::named(&format!("{pointer}/role"), &given.role, &with.types.role_types, found);
        if let Some(role) = word.and_then(|word| role(&pointer, word, &given.terms, with, found)) {
            note(&pointer, document.give_role(role, Sight::Seen, when), found);
        }
    }
    let classes = bounded("/classifications", &body.classifications, CLASSIFICATIONS_MAX, found);
    for (index, given) in classes.iter().enumerate() {
        let pointer = format!("/classifications/{index}");
        if let Some(class) = classification(&pointer, given, with, found) {
            note(&pointer, document.classify(class, Sight::Seen, when), found);
        }
    }
    add_permissions(document, body, with, found);
    if body.custom_fields.len() > CUSTOM_MAX {
        found.add(
            "/custom_fields",
            "out_of_range",
            format!("at most {CUSTOM_MAX} of them"),
        );
        return;
    }
    for (name, value) in &body.custom_fields {
        if let Some((name, value)) = custom(name, value, with.types, found) {
            document.custom_fields.insert(name, value);
        }
    }
}

fn add_permissions(document: &mut PartyDocument, body: &PartyInput, with: Context<'_>, found: &mut Found) {
    for (part, given) in [("/consents", &body.consents), ("/lists", &body.lists)] {
        if given.len() > PERMISSIONS_MAX {
            found.add(part, "out_of_range", format!("at most {PERMISSIONS_MAX} of them"));
            continue;
        }
        for (name, said) in given {
            let pointer = format!("{part}/{}", escaped(name));
            let (kinds, is_consent) = match part {
                "/consents" => (&with.types.communication_channels, true),
                _ => (&with.types.contact_lists, false),
            };
            let Some(kind) = parts::opt_in(&pointer, name, kinds, found) else {
                continue;
            };
            let Some(wanted) = permission(&pointer, kind.code.clone(), said, with, found) else {
                continue;
            };
            let done = if is_consent {
                document.consent(wanted, kind.double_opt_in, Sight::Seen)
            } else {
                document.subscribe(wanted, kind.double_opt_in, Sight::Seen)
            };
            note(&pointer, done, found);
        }
    }
}

/// What is to be changed in a document; nothing of it is changed when something is found.
pub fn patch(document: &mut PartyDocument, body: &PartyPatch, with: Context<'_>, found: &mut Found) {
    let mut wanted = document.clone();
    if let Some(identity) = renamed(&document.identity, body, found) {
        wanted.rename(identity, with.when);
    }
    if let Some(language) = body.language.as_deref().and_then(|text| found.field("/language", text)) {
        wanted.language = language;
    }
    let is_person = document.identity.is_person();
    for (pointer, given) in [
        ("/gender", matches!(body.gender, Some(Some(_)))),
        ("/birth_date", matches!(body.birth_date, Some(Some(_)))),
    ] {
        if given && !is_person {
            found.add(
                pointer,
                "not_of_this_kind",
                "an organisation does not have this field: leave it out",
            );
        }
    }
    if let Some(given) = &body.gender {
        wanted.gender = given.as_deref().and_then(|text| gender(text, found));
    }
    if let Some(given) = &body.birth_date {
        wanted.birth_date = given.as_ref().and_then(|text| birth(text, with, found));
    }
    if let Some(given) = &body.customer_type {
        let types = &with.types.customer_types;
        wanted.customer_type = given
            .as_deref()
            .and_then(|text| parts::named("/customer_type", text, types, found));
    }
    if let Some(given) = &body.sales_channel {
        let types = &with.types.sales_channels;
        wanted.sales_channel = given
            .as_deref()
            .and_then(|text| parts::named("/sales_channel", text, types, found));
    }
    patch_custom(&mut wanted, body, with, found);
    if found.is_empty() {
        wanted.keep_former(document, with.when);
        *document = wanted;
    }
}

fn patch_custom(wanted: &mut PartyDocument, body: &PartyPatch, with: Context<'_>, found: &mut Found) {
    for (name, value) in &body.custom_fields {
        match value {
            Some(value) => {
                if let Some((name, value)) = custom(name, value, with.types, found) {
                    wanted.custom_fields.insert(name, value);
                }
            }
            // A field may be taken away also when the tenant no longer has it.
            None => wanted.custom_fields.retain(|known, _| known.as_str() != name),
        }
    }
    if wanted.custom_fields.len() > CUSTOM_MAX {
        found.add(
            "/custom_fields",
            "out_of_range",
            format!("a party has at most {CUSTOM_MAX} of them"),
        );
    }
}

/// Who the party is from the body of a new one.
pub fn identity(body: &PartyInput, found: &mut Found) -> Option<Identity> {
    let (given, family) = (body.given_name.as_ref(), body.family_name.as_ref());
    let organisation = body.organisation_name.as_ref();
    match body.kind.as_str() {
        "person" => person(given, family, organisation, found),
        "organisation" => {
            foreign("/given_name", given, "an organisation", found);
            foreign("/family_name", family, "an organisation", found);
            let organisation_name = needed("/organisation_name", organisation, ORGANISATION_MAX, found)?;
            Some(Identity::Organisation { organisation_name })
        }
        _ => {
            found.add("/kind", "malformed", "a kind is one of person, organisation");
            None
        }
    }
}

fn person(
    given: Option<&Personal>,
    family: Option<&Personal>,
    organisation: Option<&Personal>,
    found: &mut Found,
) -> Option<Identity> {
    foreign("/organisation_name", organisation, "a person", found);
    let given_name = match given {
        None => Some(None),
        Some(text) => clean::line("/given_name", text.as_str(), NAME_MAX, found).map(Some),
    };
    let family_name = needed("/family_name", family, NAME_MAX, found);
    Some(Identity::Person {
        given_name: given_name?,
        family_name: family_name?,
    })
}

/// The name after a patch.
fn renamed(known: &Identity, body: &PartyPatch, found: &mut Found) -> Option<Identity> {
    let (family, organisation) = (body.family_name.as_ref(), body.organisation_name.as_ref());
    match known {
        Identity::Person {
            given_name,
            family_name,
        } => {
            let given = match &body.given_name {
                None => given_name.as_ref(),
                Some(given) => given.as_ref(),
            };
            person(given, family.or(Some(family_name)), organisation, found)
        }
        Identity::Organisation { organisation_name } => {
            let given = body.given_name.as_ref().and_then(Option::as_ref);
            foreign("/given_name", given, "an organisation", found);
            foreign("/family_name", family, "an organisation", found);
            let name = organisation.unwrap_or(organisation_name);
            let organisation_name = needed("/organisation_name", Some(name), ORGANISATION_MAX, found)?;
            Some(Identity::Organisation { organisation_name })
        }
    }
}

fn gender(text: &str, found: &mut Found) -> Option<Gender> {
    match text {
        "female" => Some(Gender::Female),
        "male" => Some(Gender::Male),
        "other" => Some(Gender::Other),
        _ => {
            found.add("/gender", "malformed", "must be one of female, male, other");
            None
        }
    }
}

fn birth(text: &Personal, with: Context<'_>, found: &mut Found) -> Option<BirthDate> {
    let date = clean::date("/birth_date", text.as_str(), found)?;
    if date > with.when.today {
        found.add("/birth_date", "date_out_of_range", "must not be after today");
        return None;
    }
    Some(BirthDate(date))
}

/// Days from when something holds and to when.
fn days(
    pointer: &str,
    names: (&str, &str),
    given: (Option<&str>, Option<&str>),
    found: &mut Found,
) -> Option<(Option<NaiveDate>, Option<NaiveDate>)> {
    let mut day = |name: &str, text: Option<&str>| match text {
        None => Some(None),
        Some(text) => clean::date(format!("{pointer}/{name}"), text, found).map(Some),
    };
    let (first, last) = (day(names.0, given.0), day(names.1, given.1));
    let (first, last) = (first?, last?);
    if first.zip(last).is_some_and(|(first, last)| last < first) {
        found.add(
            format!("{pointer}/{}", names.1),
            "date_out_of_range",
            "the last day is before the first",
        );
        return None;
    }
    Some((first, last))
}

fn needed(pointer: &str, value: Option<&Personal>, max: usize, found: &mut Found) -> Option<Personal> {
    let Some(value) = value else {
        found.add(pointer, "missing", "this field is needed");
        return None;
    };
    clean::line(pointer, value.as_str(), max, found)
}

fn foreign(pointer: &str, value: Option<&Personal>, kind: &str, found: &mut Found) {
    if value.is_some() {
        let detail = format!("{kind} does not have this field: leave it out");
        found.add(pointer, "not_of_this_kind", detail);
    }
}

/// The entries of a list that is not too long.
fn bounded<'a, T>(pointer: &str, given: &'a [T], max: usize, found: &mut Found) -> &'a [T] {
    if given.len() > max {
        found.add(pointer, "out_of_range", format!("at most {max} of them"));
        return &[];
    }
    given
}

/// Notes why a part does not fit in the document.
fn note<T>(pointer: &str, done: Result<T, Refused>, found: &mut Found) {
    if let Err(refused) = done {
        found.add(pointer, code(refused), refused.to_string());
    }
}

/// The code of a finding for what a document refuses.
pub const fn code(refused: Refused) -> &'static str {
    match refused {
        Refused::NoSuch(_) => "not_found",
        Refused::Full(..) => "out_of_range",
        Refused::NotConfirmed => "not_confirmed",
        Refused::Unseen(_) | Refused::Undated => "precondition_needed",
        Refused::EndsBefore | Refused::Overlaps => "date_out_of_range",
    }
}

/// A name as a part of a JSON pointer. What a caller made up may be long or hold anything.
fn escaped(name: &str) -> String {
    match name.parse::<crate::Word>() {
        Ok(word) => word.to_string(),
        Err(_) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests;
