//! The document of a party in words: its fields in the table have short names.

use party::PartyDocument;
use party::contact::{Contact, Point, Postal};
use party::dated::{Classification, Identifier, Permission, Role};
use party::document::{FormerName, FormerValue, Given, Identity, Past};
use serde_json::{Value, json};

fn name(identity: &Identity) -> Value {
    match identity {
        Identity::Person {
            given_name,
            family_name,
        } => json!({"kind": "person", "given_name": given_name, "family_name": family_name}),
        Identity::Organisation { organisation_name } => {
            json!({"kind": "organisation", "organisation_name": organisation_name})
        }
    }
}

fn former(names: &[FormerName]) -> Vec<Value> {
    let shown = |former: &FormerName| json!({"name": name(&former.who), "until": former.until});
    names.iter().map(shown).collect()
}

fn postal(postal: &Postal) -> Value {
    json!({
        "lines": postal.lines, "street": postal.street, "house_number": postal.house_number, "po_box": postal.po_box,
        "postcode": postal.postcode, "town": postal.town, "country": postal.country,
    })
}

fn contact(contact: &Contact) -> Value {
    let point = match &contact.point {
        Point::Postal(address) => json!({"postal": postal(address)}),
        Point::Email(address) => json!({"email": address}),
        Point::Phone(number) => json!({"phone": number}),
    };
    let delivery = contact.delivery.as_ref().map(
        |known| json!({"arrives": known.arrives, "reason": known.reason.as_ref().map(ToString::to_string), "since": known.since}),
    );
    json!({
        "id": contact.id.to_string(), "point": point, "purposes": contact.purposes, "valid_from": contact.valid_from,
        "valid_until": contact.valid_until, "language": contact.language, "delivery": delivery, "ended": contact.ended,
    })
}

fn role(role: &Role) -> Value {
    json!({
        "role": role.role.to_string(), "towards": role.towards, "since": role.since, "until": role.until,
        "because": role.because, "ended": role.ended,
    })
}

fn class(class: &Classification) -> Value {
    json!({
        "class": class.class.to_string(), "reason": class.reason, "since": class.since, "until": class.until,
        "no_vouchers": class.no_vouchers,
    })
}

fn permission(said: &Permission) -> Value {
    json!({
        "name": said.name.to_string(), "state": said.state, "since": said.since, "until": said.until,
        "source": said.source.to_string(), "text_version": said.text_version.as_ref().map(ToString::to_string),
        "proof": said.proof,
    })
}

fn identifier(id: &Identifier) -> Value {
    json!({"system": id.system.to_string(), "id": id.id, "since": id.since, "until": id.until})
}

fn all<T>(of: &[T], shown: impl Fn(&T) -> Value) -> Vec<Value> {
    of.iter().map(shown).collect()
}

fn former_values(values: &[FormerValue]) -> Vec<Value> {
    let shown = |former: &FormerValue| {
        let (field, value) = match &former.value {
            Given::Language(language) => ("language".to_owned(), json!(language)),
            Given::Gender(gender) => ("gender".to_owned(), json!(gender)),
            Given::BirthDate(date) => ("birth_date".to_owned(), json!(date)),
            Given::CustomerType(word) => ("customer_type".to_owned(), json!(word.to_string())),
            Given::SalesChannel(word) => ("sales_channel".to_owned(), json!(word.to_string())),
            Given::Custom { name, value } => (format!("custom_fields/{name}"), json!(value)),
        };
        json!({"field": field, "value": value, "until": former.until})
    };
    values.iter().map(shown).collect()
}

/// The party as it stands.
pub(super) fn person(party: &PartyDocument) -> Value {
    let custom = party.custom_fields.iter();
    let custom: serde_json::Map<_, _> = custom.map(|(field, value)| (field.to_string(), json!(value))).collect();
    json!({
        "party_id": party.party,
        "version": party.version,
        "name": name(&party.identity),
        "former_names": former(&party.former_names),
        "former_values": former_values(&party.former_values),
        "language": party.language,
        "gender": party.gender,
        "birth_date": party.birth_date,
        "customer_type": party.customer_type.as_ref().map(ToString::to_string),
        "sales_channel": party.sales_channel.as_ref().map(ToString::to_string),
        "external_ids": all(&party.identifiers, identifier),
        "contacts": all(&party.contacts, contact),
        "roles": all(&party.roles, role),
        "classifications": all(&party.classifications, class),
        "consents": all(&party.consents, permission),
        "contact_lists": all(&party.lists, permission),
        "custom_fields": custom,
    })
}

/// What no longer fits in the document.
pub(super) fn past(past: &Past) -> Value {
    json!({
        "former_names": former(&past.former_names),
        "former_values": former_values(&past.former_values),
        "external_ids": all(&past.identifiers, identifier),
        "contacts": all(&past.contacts, contact),
        "roles": all(&past.roles, role),
        "classifications": all(&past.classifications, class),
        "consents": all(&past.consents, permission),
        "contact_lists": all(&past.lists, permission),
    })
}
