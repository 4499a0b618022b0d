//! What a party is listed under meets what is read for a query (B9, T6).

use search::keys::{self, ENTRIES_MAX, EXACT_MAX};
use search::query::READS_MAX;
use search::rank::{self, Field, Fit};
use search::{Name, Place, Query, Searchable};

fn person(given: &str, family: &str) -> Searchable {
    Searchable {
        names: vec![Name::Person(given.to_owned(), family.to_owned())],
        ..Searchable::default()
    }
}

/// Whether a list that is read for `text` holds the party, and how well it fits then.
fn found(text: &str, party: &Searchable) -> Option<Fit> {
    let query = Query::parse(text);
    let (reads, entries) = (query.reads(), keys::keys(party));
    assert!(reads.len() <= READS_MAX, "{text}");
    let mut held = reads.iter().filter(|read| {
        let holds = |entry: &&keys::Entry| entry.key == read.key && entry.refine.starts_with(&read.refine);
        entries.iter().any(|entry| holds(&entry))
    });
    held.next()?;
    rank::compare(&query, party)
}

#[track_caller]
fn finds(text: &str, party: &Searchable, field: Field) {
    assert_eq!(found(text, party).map(|fit| fit.field), Some(field), "{text}");
}

#[test]
fn b9_many_names_and_addresses_leave_room_for_every_number_address_and_id() {
    let place = |n: u32| Place {
        postcode: format!("80{n:02}"),
        town: format!("Ort{n}"),
    };
    let party = Searchable {
        names: vec![Name::Person("Anna Maria".to_owned(), "Brengendorf Zbinden".to_owned())],
        places: (0..10).map(place).collect(),
        emails: (0..10).map(|n| format!("anna.b{n}@example.ch")).collect(),
        phones: (0..10).map(|n| format!("+4179123450{n}")).collect(),
        external_ids: (0..20).map(|n| format!("K-1002{n:02}")).collect(),
    };
    let entries = keys::keys(&party);
    assert!(entries.len() <= ENTRIES_MAX + EXACT_MAX, "{}", entries.len());
    finds("anna.b9@example.ch", &party, Field::Email);
    finds("079 123 45 09", &party, Field::Phone);
    finds("K-100219", &party, Field::ExternalId);
    finds("Brengendorf", &party, Field::Name);
}

#[test]
fn b9_a_short_number_is_found_as_an_id_too() {
    let party = |id: &str| Searchable {
        external_ids: vec![id.to_owned()],
        ..person("Julio", "Brengendorf")
    };
    for id in ["123", "8003", "10234", "00123"] {
        finds(id, &party(id), Field::ExternalId);
        assert_eq!(found(id, &party("99999")), None, "{id}");
    }
    assert!(found("Brengendorf 8003", &party("8003")).is_some());
}

#[test]
fn b9_a_number_with_the_zero_of_its_trunk_in_brackets_is_found() {
    let party = Searchable {
        phones: vec!["+41791234567".to_owned()],
        ..person("Julio", "Brengendorf")
    };
    for typed in [
        "+41 (0)79 123 45 67",
        "+41(0)79 1234567",
        "0041 (0)79 123 45 67",
        "(0)79 123 45 67",
        "079 123 45 67",
    ] {
        finds(typed, &party, Field::Phone);
    }
}

#[test]
fn b9_a_name_of_letters_and_digits_is_a_name_and_an_id() {
    let firm = |name: &str| Searchable {
        names: vec![Name::Organisation(name.to_owned())],
        ..Searchable::default()
    };
    for (typed, name) in [
        ("Studio54", "Studio54 GmbH"),
        ("studio54 zürich", "Studio54 Zürich"),
        ("3M", "3M (Schweiz) GmbH"),
    ] {
        finds(typed, &firm(name), Field::Name);
        assert_eq!(found(typed, &firm("Mustermann Holzbau")), None, "{typed}");
    }
    let known = Searchable {
        external_ids: vec!["Studio54".to_owned()],
        ..person("Julio", "Brengendorf")
    };
    finds("studio54", &known, Field::ExternalId);
}

#[test]
fn b9_a_given_name_alone_finds_its_bearers() {
    for typed in ["Julio", "juli", "Maria"] {
        finds(typed, &person("Julio Maria", "Brengendorf"), Field::Name);
    }
    assert_eq!(found("Julio", &person("Hans", "Brengendorf")), None);
}

#[test]
fn b9_a_whole_e_mail_address_leads_to_those_who_have_it_only() {
    let at = |address: &str| Searchable {
        emails: vec![address.to_owned()],
        ..person("Hans", "Müller")
    };
    for typed in ["hans.mueller@example.ch", "info@example.ch"] {
        let reads = Query::parse(typed).reads();
        let first = reads.first().expect("a list");
        assert!(first.exact, "read first, and looked at in any case");
        let led = |party: &Searchable| {
            let entries = keys::keys(party);
            entries
                .iter()
                .any(|entry| entry.key == first.key && entry.refine.starts_with(&first.refine))
        };
        assert!(led(&at(typed)), "{typed}");
        for other in ["hans.mueller@sample.ch", "hans.mueller2@example.ch", "info@sample.ch"] {
            assert!(!led(&at(other)), "{typed} {other}");
        }
    }
    // With a typing error in either half, and by its first half alone.
    for typed in ["hans.mueller@exmaple.ch", "hans.muellr@example.ch", "hans.mueller@"] {
        finds(typed, &at("hans.mueller@example.ch"), Field::Email);
    }
}
