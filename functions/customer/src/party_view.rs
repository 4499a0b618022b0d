//! A party as the API shows it.

use http_edge::api::parties::{
    ClassificationView, ContactView, DeliveryView, FormerNameView, FormerValueView, IdentifierInput, IdentifierView,
    PartsView, PartyAnswer, PermissionView, RoleView,
};
use party::contact::{Contact, Point};
use party::dated::{Classification, Identifier, Permission, Role};
use party::document::{CustomValue, FormerName, FormerValue, Given, Identity, Past};
use party::{PartyDocument, Personal, Word};
use store::Record;

/// The names of an identity: given, family, organisation.
type Names = (Option<Personal>, Option<Personal>, Option<Personal>);

/// A stored party.
pub(crate) fn answer(stored: Record<PartyDocument>) -> PartyAnswer {
    let document = stored.d;
    let display_name = Personal::new(document.identity.display_name());
    let kind = if document.identity.is_person() {
        "person"
    } else {
        "organisation"
    };
    let (given_name, family_name, organisation_name) = names(document.identity);
    let external_id = document.identifiers.iter().find(|id| id.until.is_none());
    let external_id = external_id.map(|id| IdentifierInput {
        system: id.system.to_string(),
        id: id.id.clone(),
    });
    let custom_fields = document.custom_fields.into_iter();
    PartyAnswer {
        party_id: document.party.to_string(),
        version: document.version,
        kind: kind.to_owned(),
        given_name,
        family_name,
        organisation_name,
        display_name,
        language: document.language,
        gender: document.gender,
        birth_date: document.birth_date.map(|date| Personal::new(date.0.to_string())),
        customer_type: document.customer_type.map(String::from),
        sales_channel: document.sales_channel.map(String::from),
        external_id,
        parts: parts(Past {
            former_names: document.former_names,
            former_values: document.former_values,
            identifiers: document.identifiers,
            contacts: document.contacts,
            roles: document.roles,
            classifications: document.classifications,
            consents: document.consents,
            lists: document.lists,
        }),
        custom_fields: custom_fields.map(|(name, value)| (name.into(), value)).collect(),
        past_items: document.past_items,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
    }
}

/// Parts of a party that begin and end.
pub(crate) fn parts(parts: Past) -> PartsView {
    PartsView {
        former_names: parts.former_names.into_iter().map(former_name).collect(),
        former_values: parts.former_values.into_iter().map(former_value).collect(),
        identifiers: parts.identifiers.into_iter().map(identifier).collect(),
        contacts: parts.contacts.into_iter().map(contact).collect(),
        roles: parts.roles.into_iter().map(role).collect(),
        classifications: parts.classifications.into_iter().map(classification).collect(),
        consents: parts.consents.into_iter().map(permission).collect(),
        lists: parts.lists.into_iter().map(permission).collect(),
    }
}

fn names(identity: Identity) -> Names {
    match identity {
        Identity::Person {
            given_name,
            family_name,
        } => (given_name, Some(family_name), None),
        Identity::Organisation { organisation_name } => (None, None, Some(organisation_name)),
    }
}

fn former_name(name: FormerName) -> FormerNameView {
    let (given_name, family_name, organisation_name) = names(name.who);
    FormerNameView {
        given_name,
        family_name,
        organisation_name,
        until: name.until,
    }
}

fn former_value(former: FormerValue) -> FormerValueView {
    let text = |text: String| CustomValue::Text(Personal::new(text));
    let (field, value) = match former.value {
        Given::Language(language) => ("/language".to_owned(), text(language.as_str().to_owned())),
        Given::Gender(gender) => ("/gender".to_owned(), text(gender.as_str().to_owned())),
        Given::BirthDate(date) => ("/birth_date".to_owned(), text(date.0.to_string())),
        Given::CustomerType(word) => ("/customer_type".to_owned(), text(word.into())),
        Given::SalesChannel(word) => ("/sales_channel".to_owned(), text(word.into())),
        Given::Custom { name, value } => (format!("/custom_fields/{name}"), value),
    };
    FormerValueView {
        field,
        value,
        until: former.until,
    }
}

fn identifier(id: Identifier) -> IdentifierView {
    IdentifierView {
        system: id.system.into(),
        id: id.id,
        since: id.since,
        until: id.until,
    }
}

fn contact(contact: Contact) -> ContactView {
    let mut view = ContactView {
        contact_id: contact.id.to_string(),
        kind: contact.point.kind().to_owned(),
        purposes: contact.purposes,
        valid_from: contact.valid_from,
        valid_until: contact.valid_until,
        ended: contact.ended,
        language: contact.language,
        delivery: contact.delivery.map(|delivery| DeliveryView {
            arrives: delivery.arrives,
            reason: delivery.reason.map(Word::into),
            since: delivery.since,
        }),
        email: None,
        phone: None,
        lines: Vec::new(),
        street: None,
        house_number: None,
        po_box: None,
        postcode: None,
        town: None,
        country: None,
    };
    match contact.point {
        Point::Email(email) => view.email = Some(email),
        Point::Phone(phone) => view.phone = Some(phone),
        Point::Postal(postal) => {
            view.lines = postal.lines;
            view.street = postal.street;
            view.house_number = postal.house_number;
            view.po_box = postal.po_box;
            view.postcode = postal.postcode;
            view.town = Some(postal.town);
            view.country = Some(postal.country.into());
        }
    }
    view
}

fn role(role: Role) -> RoleView {
    RoleView {
        role: role.role.into(),
        towards: role.towards.into(),
        since: role.since,
        until: role.until,
        ended: role.ended,
        because: role.because,
    }
}

fn classification(class: Classification) -> ClassificationView {
    ClassificationView {
        classification: class.class.into(),
        reason: class.reason,
        since: class.since,
        until: class.until,
        no_vouchers: class.no_vouchers,
    }
}

fn permission(permission: Permission) -> PermissionView {
    PermissionView {
        name: permission.name.into(),
        state: permission.state,
        since: permission.since,
        until: permission.until,
        source: permission.source.into(),
        text_version: permission.text_version.map(Word::into),
        proof: permission.proof,
    }
}
