use domain::violation::Violation;
use serde_json::{Value, json};

use super::*;
use crate::diff;
use crate::types::CustomField;

fn when() -> When {
    When {
        now: "2026-11-24T12:00:00Z".parse().unwrap(),
        today: "2026-11-24".parse().unwrap(),
    }
}

fn types() -> PartyTypes {
    let field = |json: Value| serde_json::from_value::<CustomField>(json).unwrap();
    PartyTypes {
        custom_fields: vec![
            field(json!({"name": "shoe", "kind": "integer"})),
            field(json!({"name": "size", "kind": "choice", "choices": ["s", "m"]})),
            field(json!({"name": "note", "kind": "text", "max_length": 5})),
            field(json!({"name": "since", "kind": "date"})),
            field(json!({"name": "vip", "kind": "boolean"})),
        ],
        ..PartyTypes::default()
    }
}

fn read(body: Value) -> Result<PartyDocument, Vec<Violation>> {
    let body: PartyInput = serde_json::from_value(body).unwrap();
    let (types, company) = (types(), "own".parse().unwrap());
    let with = Context {
        types: &types,
        company: &company,
        when: when(),
    };
    let mut found = Found::default();
    let document = party(&body, "p-1".parse().unwrap(), with, &mut found);
    match (document, found.into_violations()) {
        (Some(document), none) if none.is_empty() => Ok(document),
        (None, some) if !some.is_empty() => Err(some),
        (document, found) => panic!("{document:?} and {found:?}"),
    }
}

fn findings(body: Value) -> Vec<(String, &'static str)> {
    let found = read(body).err().unwrap_or_default();
    found.into_iter().map(|v| (v.pointer, v.code)).collect()
}

fn max() -> Value {
    json!({
        "kind": "person", "given_name": "Max", "family_name": "Mustermann", "language": "fr", "gender": "male",
        "birth_date": "1980-02-29", "customer_type": "private", "sales_channel": "branch",
        "external_id": {"system": "erp", "id": "4711"},
        "contacts": [
            {"kind": "postal", "street": "Bahnhofstrasse", "house_number": "1a", "postcode": "8001", "town": "Zürich",
             "purposes": ["private", "main", "main"]},
            {"kind": "email", "email": "Max@Example.ch"},
            {"kind": "phone", "phone": "079 123 45 67"},
        ],
        "roles": [{"role": "customer", "since": "2020-01-01", "because": "first purchase"}],
        "consents": {"email": {"state": "pending", "source": "till", "text_version": "2026-1"}},
        "custom_fields": {"shoe": 42, "size": "m", "note": "hello", "since": "2020-01-01", "vip": true},
    })
}

#[test]
fn a_party_is_read_with_all_its_parts() {
    let document = read(max()).unwrap();
    assert_eq!(document.identity.display_name(), "Max Mustermann");
    let kinds: Vec<_> = document.contacts.iter().map(|contact| contact.point.kind()).collect();
    assert_eq!(kinds, ["postal", "email", "phone"]);
    assert_eq!(document.contacts[0].purposes.len(), 2);
    assert_eq!(
        document.contacts[2].point,
        Point::Phone(Personal::new("+41791234567".into()))
    );
    assert_eq!(document.roles[0].towards.as_str(), "own");
    assert_eq!(document.custom_fields.len(), 5);
}

use crate::contact::Point;

#[test]
fn a_typical_person_is_stored_in_less_than_a_kilobyte_and_comes_back() {
    let document = read(max()).unwrap();
    let stored = serde_json::to_string(&document).unwrap();
    // The frame of the item takes about 250 bytes.
    assert!(stored.len() < 770, "{} {stored}", stored.len());
    assert_eq!(serde_json::from_str::<PartyDocument>(&stored).unwrap(), document);
}

#[test]
fn nothing_of_a_person_is_in_its_debug_output() {
    let document = read(max()).unwrap();
    let shown = format!("{document:?} {:?}", max_input());
    for text in [
        "Max",
        "Mustermann",
        "1980",
        "Bahnhof",
        "8001",
        "Zürich",
        "xample",
        "79123",
        "079",
        "4711",
        "hello",
        "first",
    ] {
        assert!(!shown.contains(text), "{text} in {shown}");
    }
}

fn max_input() -> PartyInput {
    serde_json::from_value(max()).unwrap()
}

#[test]
fn each_wrong_field_is_named_at_once() {
    let found = findings(json!({
        "kind": "person", "given_name": "a\u{202e}b", "organisation_name": "X", "language": "rm", "gender": "x",
        "birth_date": "2026-11-25", "customer_type": "nobody", "sales_channel": "moon",
        "external_id": {"system": "E R P", "id": " "},
        "identifiers": [{"system": "shop", "id": "a\nb"}],
        "contacts": [
            {"kind": "fax"},
            {"kind": "email", "phone": "079 123 45 67", "purposes": ["fun"]},
            {"kind": "postal", "house_number": "1", "postcode": "800", "country": "ZZ", "language": "rm"},
            {"kind": "phone", "phone": "1", "valid_from": "2026-02-02", "valid_until": "2026-02-01",
             "delivery": {"arrives": "no", "reason": "Moved"}},
        ],
        "roles": [{"role": "king", "towards": "A"}, {"role": "customer", "until": "2026-11-23"}],
        "classifications": [{"classification": "blacklist", "reason": "", "until": "2026-11-23"}],
        "consents": {"email": {"state": "granted", "source": "shop", "text_version": "1"},
                     "pigeon post": {"state": "granted", "source": "x"}},
        "lists": {"newsletter": {"state": "yes", "source": "S"}},
        "custom_fields": {"shoe": "x", "size": "xl", "note": "too long", "since": "x", "vip": 1, "what": true},
    }));
    let pointers: Vec<_> = found
        .iter()
        .map(|(pointer, code)| format!("{pointer} {code}"))
        .collect();
    let expected = [
        "/organisation_name not_of_this_kind",
        "/given_name text_unprintable",
        "/family_name missing",
        "/language malformed",
        "/gender malformed",
        "/birth_date date_out_of_range",
        "/customer_type type_unknown",
        "/sales_channel type_unknown",
        "/external_id/system malformed",
        "/external_id/id text_out_of_range",
        "/identifiers/0/id text_unprintable",
        "/contacts/0/kind malformed",
        "/contacts/1/phone not_of_this_kind",
        "/contacts/1/email missing",
        "/contacts/1/purposes/0 malformed",
        "/contacts/2/street missing",
        "/contacts/2/house_number not_applicable",
        "/contacts/2/country malformed",
        "/contacts/2/town missing",
        "/contacts/2/language malformed",
        "/contacts/3/phone phone_malformed",
        "/contacts/3/valid_until date_out_of_range",
        "/contacts/3/delivery/arrives malformed",
        "/contacts/3/delivery/reason malformed",
        "/roles/0/role type_unknown",
        "/roles/1/until date_out_of_range",
        "/classifications/0/reason text_out_of_range",
        "/classifications/0/until date_out_of_range",
        "/consents/email not_confirmed",
        "/consents/? type_unknown",
        "/lists/newsletter/state malformed",
        "/lists/newsletter/source malformed",
        "/custom_fields/note text_out_of_range",
        "/custom_fields/shoe malformed",
        "/custom_fields/since date_malformed",
        "/custom_fields/size type_unknown",
        "/custom_fields/vip malformed",
        "/custom_fields/what type_unknown",
    ];
    assert_eq!(pointers, expected);
    assert_eq!(findings(json!({"kind": "robot"})), [("/kind".to_owned(), "malformed")]);
}

#[test]
fn an_organisation_has_no_birthday_and_a_list_has_an_end() {
    let email = json!({"kind": "email", "email": "a@example.ch"});
    let found = findings(json!({
        "kind": "organisation", "organisation_name": "Mustermann GmbH", "birth_date": "2000-01-01", "gender": "male",
        "given_name": "X", "contacts": vec![email; 21],
    }));
    let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/given_name", "/gender", "/birth_date", "/contacts"]);
}

#[test]
fn a_name_is_counted_in_characters_and_an_organisation_may_have_a_longer_one() {
    let person = |n| findings(json!({"kind": "person", "family_name": "é".repeat(n)}));
    assert_eq!((person(60), person(61).len()), (vec![], 1));
    let organisation = |n| findings(json!({"kind": "organisation", "organisation_name": "é".repeat(n)}));
    assert_eq!((organisation(120), organisation(121).len()), (vec![], 1));
}

#[test]
fn a_patch_keeps_the_old_name_and_changes_nothing_when_something_is_wrong() {
    let before = read(max()).unwrap();
    let (types, company) = (types(), "own".parse().unwrap());
    let with = Context {
        types: &types,
        company: &company,
        when: when(),
    };
    let apply = |body: Value| {
        let body: PartyPatch = serde_json::from_value(body).unwrap();
        let (mut document, mut found) = (before.clone(), Found::default());
        patch(&mut document, &body, with, &mut found);
        (document, found.into_violations().len())
    };
    let (after, found) =
        apply(json!({"family_name": "Meier", "birth_date": null, "custom_fields": {"shoe": null, "vip": false}}));
    assert_eq!((after.identity.display_name().as_str(), found), ("Max Meier", 0));
    assert_eq!(after.former_names[0].who, before.identity);
    let expected = ["/birth_date", "/custom_fields/shoe", "/custom_fields/vip", "/name"];
    assert_eq!(diff(Some(&before), &after), expected);
    assert_eq!(apply(json!({})), (before.clone(), 0));
    assert_eq!(
        apply(json!({"given_name": null})).0.identity.display_name(),
        "Mustermann"
    );
    assert_eq!(
        apply(json!({"family_name": "Meier", "language": "rm", "organisation_name": "X"})),
        (before.clone(), 2)
    );
}
