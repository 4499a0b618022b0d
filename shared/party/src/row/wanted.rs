//! A row becomes the party that it describes.

use std::collections::BTreeMap;

use domain::card::CardNumber;
use domain::id::PartyId;
use domain::violation::Violation;

use super::{Cell, Column, Flaw, Row};
use crate::Personal;
use crate::change::Statement;
use crate::clean::Found;
use crate::contact::Point;
use crate::dated::Permitted;
use crate::document::{CustomValue, PartyDocument};
use crate::input::{ContactInput, IdentifierInput, PartyInput, PermissionInput};
use crate::read::{self, Context};
use crate::types::FieldKind;
use crate::word::Word;

/// Where a permission comes from when the file does not say.
const SOURCE: &str = "import";

/// What a row wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The other system.
    pub system: Word,
    /// The party's id there.
    pub external_id: Personal,
    /// The party as a new one.
    pub document: PartyDocument,
    /// Its card.
    pub card: Option<CardNumber>,
    /// What was said about channels, and whether the channel wants a double opt-in.
    pub(super) consents: Vec<(Statement, bool)>,
    /// What the row says, by the name of a field; `None` where it says that there is nothing. The name, an address and each
    /// other column is a field.
    pub says: BTreeMap<String, Option<Personal>>,
}

/// Reads a row; the party gets the id `party` if it is a new one.
///
/// # Errors
/// Everything that is wrong with the row.
pub fn wanted(row: &Row, system: Option<&Word>, party: PartyId, with: Context<'_>) -> Result<Wanted, Vec<Flaw>> {
    let mut found = Found::default();
    let (mut body, kinds) = body(row, system, with, &mut found);
    let identifier = body.external_id.take();
    let identity = identifier.and_then(|given| {
        let known = read::identifier("/external_id", &given, &mut found);
        body.external_id = known.is_some().then_some(given);
        known
    });
    let consents = consents(row, with, &mut found);
    let card = row.text("card").and_then(|text| found.field("/card", text.as_str()));
    // The reader of bodies says nothing is a party while anything was found; a list of its own keeps the two apart.
    let mut of_body = Found::default();
    let document = read::party(&body, party, with, &mut of_body);
    let flaws: Vec<Flaw> = found
        .into_violations()
        .into_iter()
        .chain(of_body.into_violations())
        .map(|violation| flaw(violation, &kinds))
        .collect();
    match (document, identity) {
        (Some(mut document), Some((system, external_id))) if flaws.is_empty() => {
            if let Some(refused) = super::apply::consent_all(&mut document, &consents).err() {
                return Err(vec![refused]);
            }
            let says = says(row, &document, card.as_ref(), &consents);
            Ok(Wanted {
                system,
                external_id,
                document,
                card,
                consents,
                says,
            })
        }
        _ => Err(flaws),
    }
}

impl Row {
    fn cell(&self, name: &'static str) -> Option<&Cell> {
        self.0.get(&Column::Fixed(name))?.as_ref()
    }

    /// The text of a column with a fixed name.
    fn text(&self, name: &'static str) -> Option<&Personal> {
        match self.cell(name) {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn owned(&self, name: &'static str) -> Option<String> {
        self.text(name).map(|text| text.as_str().to_owned())
    }

    fn has(&self, name: &'static str) -> bool {
        self.0.contains_key(&Column::Fixed(name))
    }
}

/// The row as a body of a new party, and the kinds of its contact points in their order.
fn body(row: &Row, system: Option<&Word>, with: Context<'_>, found: &mut Found) -> (PartyInput, Vec<&'static str>) {
    let text = |name| row.text(name).cloned();
    let kind = row.owned("kind").unwrap_or_else(|| {
        let organisation = row.text("organisation_name").is_some();
        if organisation { "organisation" } else { "person" }.to_owned()
    });
    let external_id = match (
        row.owned("system").or_else(|| system.map(Word::to_string)),
        text("external_id"),
    ) {
        (Some(system), Some(id)) => Some(IdentifierInput { system, id }),
        (system, id) => {
            for (pointer, missing) in [
                ("/external_id/system", system.is_none()),
                ("/external_id/id", id.is_none()),
            ] {
                if missing {
                    found.add(pointer, "missing", "this field is needed");
                }
            }
            None
        }
    };
    let (contacts, kinds) = contacts(row);
    let body = PartyInput {
        kind,
        given_name: text("given_name"),
        family_name: text("family_name"),
        organisation_name: text("organisation_name"),
        language: row.owned("language"),
        gender: row.owned("gender"),
        birth_date: text("birth_date"),
        customer_type: row.owned("customer_type"),
        sales_channel: row.owned("sales_channel"),
        external_id,
        contacts,
        custom_fields: custom(row, with),
        ..PartyInput::default()
    };
    (body, kinds)
}

fn contacts(row: &Row) -> (Vec<ContactInput>, Vec<&'static str>) {
    let text = |name| row.text(name).cloned();
    let mut contacts = Vec::new();
    let mut kinds = Vec::new();
    let postal = ["street", "house_number", "po_box", "postcode", "town"];
    if postal.iter().any(|name| row.text(name).is_some()) {
        kinds.push("postal");
        contacts.push(ContactInput {
            kind: "postal".to_owned(),
            street: text("street"),
            house_number: text("house_number"),
            po_box: text("po_box"),
            postcode: text("postcode"),
            town: text("town"),
            country: row.owned("country"),
            ..ContactInput::default()
        });
    }
    for kind in ["email", "phone"] {
        if let Some(given) = text(kind) {
            let mut contact = ContactInput {
                kind: kind.to_owned(),
                ..ContactInput::default()
            };
            if kind == "email" {
                contact.email = Some(given);
            } else {
                contact.phone = Some(given);
            }
            kinds.push(kind);
            contacts.push(contact);
        }
    }
    (contacts, kinds)
}

/// The values of the tenant's own fields. A text becomes what its field holds, where it reads as such.
fn custom(row: &Row, with: Context<'_>) -> BTreeMap<String, CustomValue> {
    let mut values = BTreeMap::new();
    for (column, cell) in &row.0 {
        let (Column::Custom(name), Some(cell)) = (column, cell) else {
            continue;
        };
        let kind = with.types.custom_field(name).map(|field| field.kind);
        let value = match (cell, kind) {
            (Cell::Boolean(flag), _) => CustomValue::Boolean(*flag),
            (Cell::Integer(number), _) => CustomValue::Integer(*number),
            (Cell::Text(text), Some(FieldKind::Boolean)) => match text.as_str() {
                "true" => CustomValue::Boolean(true),
                "false" => CustomValue::Boolean(false),
                _ => CustomValue::Text(text.clone()),
            },
            (Cell::Text(text), Some(FieldKind::Integer)) => match text.as_str().parse() {
                Ok(number) => CustomValue::Integer(number),
                Err(_) => CustomValue::Text(text.clone()),
            },
            (Cell::Text(text), _) => CustomValue::Text(text.clone()),
        };
        values.insert(name.to_string(), value);
    }
    values
}

fn consents(row: &Row, with: Context<'_>, found: &mut Found) -> Vec<(Statement, bool)> {
    let mut consents = Vec::new();
    for (column, cell) in &row.0 {
        let (Column::Consent(channel), Some(Cell::Text(state))) = (column, cell) else {
            continue;
        };
        let pointer = format!("/consents/{channel}");
        let Some(kind) = with.types.channel(channel) else {
            found.add(
                pointer,
                "type_unknown",
                "must be one of the types of GET /v1/party-types",
            );
            continue;
        };
        let said = PermissionInput {
            state: state.as_str().to_owned(),
            source: row.owned("consent_source").unwrap_or_else(|| SOURCE.to_owned()),
            text_version: row.owned("consent_text"),
            proof: row.text("consent_proof").cloned(),
            at: row.owned("consent_at"),
            asked_at: None,
        };
        if let Some(mut statement) = read::permission(&pointer, channel.clone(), &said, with, found) {
            let granted = statement.said.state == Permitted::Granted;
            if kind.double_opt_in && granted && statement.said.proof.is_none() {
                let detail = "this channel wants a double opt-in: say in consent_proof what proves it, or send pending";
                found.add(format!("{pointer}/proof"), "not_confirmed", detail);
                continue;
            }
            // The other system has asked; it says what proves that.
            statement.asked = granted.then_some(statement.said.since);
            consents.push((statement, kind.double_opt_in));
        }
    }
    consents
}

/// The finding with the name of its column.
fn flaw(violation: Violation, kinds: &[&str]) -> Flaw {
    let parts: Vec<&str> = violation.pointer.split('/').skip(1).collect();
    let field = match parts.as_slice() {
        ["external_id", "system"] => "system".to_owned(),
        ["external_id", ..] => "external_id".to_owned(),
        ["contacts", _, name] => (*name).to_owned(),
        ["contacts", index] => {
            let kind = index.parse().ok().and_then(|index: usize| kinds.get(index));
            kind.map_or_else(String::new, |kind| (*kind).to_owned())
        }
        ["consents", _, "source"] => "consent_source".to_owned(),
        ["consents", _, "text_version"] => "consent_text".to_owned(),
        ["consents", _, "proof"] => "consent_proof".to_owned(),
        ["consents", _, "at"] => "consent_at".to_owned(),
        ["consents", channel, ..] => format!("consent.{channel}"),
        ["custom_fields", name] => format!("custom.{name}"),
        [name] => (*name).to_owned(),
        _ => String::new(),
    };
    Flaw::new(field, violation.code, violation.detail)
}

/// What the row says about each field that its file has, in one spelling.
fn says(
    row: &Row,
    document: &PartyDocument,
    card: Option<&CardNumber>,
    consents: &[(Statement, bool)],
) -> BTreeMap<String, Option<Personal>> {
    let mut says = BTreeMap::new();
    let any = |names: &[&'static str]| names.iter().any(|name| row.has(name));
    let identity = &document.identity;
    let kind = if identity.is_person() { "person" } else { "organisation" };
    if any(&["kind", "given_name", "family_name", "organisation_name"]) {
        says.insert("name".to_owned(), Some(joined(&[kind, &name_parts(document)])));
    }
    for name in ["language", "gender", "birth_date", "customer_type", "sales_channel"] {
        if row.has(name) {
            says.insert(name.to_owned(), row.text(name).cloned());
        }
    }
    let point = |kind: &str| {
        let contact = document.contacts.iter().find(|contact| contact.point.kind() == kind);
        contact.map(|contact| spelt(&contact.point))
    };
    if any(&["street", "house_number", "po_box", "postcode", "town", "country"]) {
        says.insert("postal".to_owned(), point("postal"));
    }
    for name in ["email", "phone"] {
        if row.has(name) {
            says.insert(name.to_owned(), point(name));
        }
    }
    if row.has("card") {
        says.insert(
            "card".to_owned(),
            card.map(|card| Personal::new(card.as_str().to_owned())),
        );
    }
    for (column, cell) in &row.0 {
        let said = match column {
            Column::Consent(channel) => {
                let known = consents.iter().find(|(statement, _)| statement.said.name == *channel);
                known.map(|(statement, _)| spelt_statement(statement))
            }
            Column::Custom(_) => cell.as_ref().map(spelt_cell),
            Column::Fixed(_) => continue,
        };
        says.insert(column.to_string(), said);
    }
    says
}

fn name_parts(document: &PartyDocument) -> String {
    use crate::document::Identity;
    match &document.identity {
        Identity::Person {
            given_name,
            family_name,
        } => {
            let given = given_name.as_ref().map_or("", Personal::as_str);
            format!("{given}\n{}", family_name.as_str())
        }
        Identity::Organisation { organisation_name } => organisation_name.as_str().to_owned(),
    }
}

fn spelt(point: &Point) -> Personal {
    match point {
        Point::Email(text) | Point::Phone(text) => text.clone(),
        Point::Postal(postal) => {
            let part = |part: &Option<Personal>| part.as_ref().map_or(String::new(), |part| part.as_str().to_owned());
            let parts = [
                part(&postal.street),
                part(&postal.house_number),
                part(&postal.po_box),
                part(&postal.postcode),
                postal.town.as_str().to_owned(),
                postal.country.as_str().to_owned(),
            ];
            Personal::new(parts.join("\n"))
        }
    }
}

fn spelt_statement(statement: &Statement) -> Personal {
    let permission = &statement.said;
    let state = match permission.state {
        Permitted::Pending => "pending",
        Permitted::Granted => "granted",
        Permitted::Withdrawn => "withdrawn",
    };
    let text = permission.text_version.as_ref().map_or("", Word::as_str);
    let proof = permission.proof.as_ref().map_or("", Personal::as_str);
    let at = if statement.dated {
        permission.since.to_rfc3339()
    } else {
        String::new()
    };
    joined(&[state, permission.source.as_str(), text, proof, &at])
}

fn spelt_cell(cell: &Cell) -> Personal {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => Personal::new(number.to_string()),
        Cell::Boolean(flag) => Personal::new(flag.to_string()),
    }
}

/// No field can hold a line break, so that no two rows are spelt alike.
fn joined(parts: &[&str]) -> Personal {
    Personal::new(parts.join("\n"))
}
