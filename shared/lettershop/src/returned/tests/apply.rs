use chrono::{DateTime, NaiveDate, Utc};
use domain::till_text::Language;
use party::change::{Sight, Wanted, When};
use party::contact::{Arrives, ContactId, Point, Postal, Purpose};
use party::dated::Permitted;
use party::document::CONTACTS_MAX;
use party::types::PartyTypes;
use party::{Identity, PartyDocument, Personal};

use super::super::*;

fn now() -> DateTime<Utc> {
    "2026-12-15T10:00:00Z".parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn when() -> When {
    When {
        now: now(),
        today: day("2026-12-15"),
    }
}

fn postal(street: &str) -> Postal {
    Postal {
        lines: Vec::new(),
        street: Some(Personal::new(street.to_owned())),
        house_number: None,
        po_box: None,
        postcode: Some(Personal::new("8001".to_owned())),
        town: Personal::new("Zürich".to_owned()),
        country: "CH".parse().unwrap(),
    }
}

fn add(document: &mut PartyDocument, street: &str) -> ContactId {
    let wanted = Wanted {
        point: Point::Postal(postal(street)),
        purposes: Some(vec![Purpose::Main]),
        valid_from: Some(day("2020-01-01")),
        valid_until: None,
        language: Some(Some(Language::Fr)),
        delivery: None,
    };
    document.add_contact(wanted, Sight::Seen, when()).unwrap()
}

fn anna() -> PartyDocument {
    let identity = Identity::Person {
        given_name: None,
        family_name: Personal::new("Keller".to_owned()),
    };
    let mut document = PartyDocument::new("anna".parse().unwrap(), identity, Language::De);
    add(&mut document, "Rue du Rhône");
    document
}

fn came(reason: Reason, new_address: Option<&Postal>) -> Came<'_> {
    Came {
        contact: ContactId(1),
        reason,
        new_address,
    }
}

fn done(document: &mut PartyDocument, came: &Came<'_>) -> Vec<Done> {
    let due = effects(
        &EffectRules::default(),
        came.reason,
        Standing::Current,
        day("2026-12-14"),
        &[],
    );
    apply(document, &due, came, &PartyTypes::default(), when())
}

fn arrives(document: &PartyDocument, contact: usize) -> Option<Arrives> {
    document.contacts[contact].delivery.as_ref().map(|known| known.arrives)
}

#[test]
fn p4_an_address_is_blocked_once_with_the_first_reason() {
    let mut document = anna();
    let unknown = came(Reason::UnknownAtAddress, None);
    assert_eq!(done(&mut document, &unknown), [Done::AddressBlocked, Done::TaskOpened]);
    let first = document.clone();
    assert_eq!(arrives(&first, 0), Some(Arrives::Undeliverable));
    done(&mut document, &came(Reason::MovedUnknown, None));
    assert_eq!(document, first);
}

#[test]
fn p4_a_new_address_is_for_what_the_old_one_was_for() {
    let (mut document, new) = (anna(), postal("Gasse"));
    let moved = came(Reason::MovedNewAddress, Some(&new));
    assert_eq!(done(&mut document, &moved), [Done::AddressAdded, Done::AddressEnded]);
    let [old, added] = &document.contacts[..] else {
        panic!("{document:?}")
    };
    assert!(old.ended && added.stands(when().today));
    assert_eq!((&added.purposes, added.language), (&old.purposes, old.language));
    assert_eq!(added.valid_from, when().today);
}

#[test]
fn p4_an_address_without_room_or_the_same_again_blocks_the_old_one_and_ends_nothing() {
    let (mut document, same) = (anna(), postal("Rue du Rhône"));
    let moved = came(Reason::MovedNewAddress, Some(&same));
    assert_eq!(done(&mut document, &moved), [Done::AddressBlocked]);
    assert!(!document.contacts[0].ended);

    let (mut document, new) = (anna(), postal("Gasse"));
    for number in 1..CONTACTS_MAX {
        add(&mut document, &format!("Weg {number}"));
    }
    let moved = came(Reason::MovedNewAddress, Some(&new));
    assert_eq!(done(&mut document, &moved), [Done::AddressBlocked]);
    assert_eq!(document.contacts.len(), CONTACTS_MAX);
}

#[test]
fn p4_a_report_of_death_withdraws_every_channel_once() {
    let mut document = anna();
    let dead = came(Reason::Deceased, None);
    assert_eq!(done(&mut document, &dead), [Done::ChannelsStopped, Done::TaskOpened]);
    let channels = PartyTypes::default().communication_channels.len();
    let withdrawn = |document: &PartyDocument| {
        let states = document.consents.iter().filter(|entry| entry.until.is_none());
        states.filter(|entry| entry.state == Permitted::Withdrawn).count()
    };
    assert_eq!((withdrawn(&document), document.consents.len()), (channels, channels));
    assert!(document.voucher_stop(now()).is_some(), "no vouchers either");
    let first = document.clone();
    done(&mut document, &dead);
    assert_eq!(document, first);
}

#[test]
fn p4_a_refused_letter_makes_a_candidate_and_no_objection() {
    let mut document = anna();
    let refused = came(Reason::Refused, None);
    assert_eq!(done(&mut document, &refused), [Done::ObjectionCandidate]);
    assert!(document.consents.is_empty());
    assert_eq!(document.classifications[0].class.as_str(), "objection-candidate");
    // A tenant without the class: the return itself says it.
    let types = PartyTypes {
        classifications: Vec::new(),
        ..PartyTypes::default()
    };
    let mut document = anna();
    let due = [Effect::ObjectionCandidate];
    assert_eq!(
        apply(&mut document, &due, &refused, &types, when()),
        [Done::ObjectionCandidate]
    );
    assert_eq!(document, anna());
}

#[test]
fn p4_a_return_tells_nothing_about_an_address_that_was_corrected_ended_or_confirmed_since() {
    let stands =
        |document: &PartyDocument, returned_on: &str| standing(document, ContactId(1), day(returned_on), when().today);
    let mut document = anna();
    assert_eq!(stands(&document, "2026-12-14"), Standing::Current);
    document.contacts[0].delivery = Some(party::contact::Deliverability {
        arrives: Arrives::Confirmed,
        reason: None,
        since: now(),
    });
    assert_eq!(stands(&document, "2026-12-14"), Standing::Replaced);
    assert_eq!(
        stands(&document, "2026-12-16"),
        Standing::Current,
        "it came back after that"
    );
    let wanted = Wanted {
        point: Point::Postal(postal("Gasse")),
        purposes: None,
        valid_from: None,
        valid_until: None,
        language: None,
        delivery: None,
    };
    document.change_contact(ContactId(1), wanted, when()).unwrap();
    assert_eq!(stands(&document, "2026-12-16"), Standing::Replaced);
    let mut document = anna();
    document.end_contact(ContactId(1), None, when()).unwrap();
    assert_eq!(stands(&document, "2026-12-14"), Standing::Replaced);
    assert_eq!(
        standing(&document, ContactId(0), day("2026-12-14"), when().today),
        Standing::Replaced
    );
}
