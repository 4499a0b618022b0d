use chrono::{DateTime, Utc};
use domain::id::PartyId;
use proptest::prelude::*;

use super::*;
use crate::change::When;
use crate::document::PartyDocument;
use crate::read::Context;
use crate::types::{CustomField, FieldKind, PartyTypes};

fn types() -> PartyTypes {
    let field = |name: &str, kind: FieldKind| CustomField {
        name: name.parse().unwrap(),
        kind,
        choices: Vec::new(),
        max_length: None,
    };
    PartyTypes {
        custom_fields: vec![field("pets", FieldKind::Integer), field("owner", FieldKind::Boolean)],
        ..PartyTypes::default()
    }
}

fn when(at: &str) -> When {
    let now: DateTime<Utc> = at.parse().unwrap();
    When {
        now,
        today: now.date_naive(),
    }
}

const HEADER: &str = "system,external_id,kind,given_name,family_name,organisation_name,language,gender,birth_date,street,\
    house_number,po_box,postcode,town,country,email,phone,card,consent.email,consent_text,consent_proof,consent_at,custom.pets";
const GOOD: [(&str, &str); 12] = [
    ("system", "erp"),
    ("external_id", "4711"),
    ("given_name", "Zoe\u{308}"),
    ("family_name", "Müller"),
    ("birth_date", "1980-02-29"),
    ("street", "Bahnhofstrasse"),
    ("house_number", "1a"),
    ("postcode", "8001"),
    ("town", "Zürich"),
    ("email", "zoe@Example.ch"),
    ("phone", "044 668 18 00"),
    ("card", "2000000000008"),
];

/// The line of a row with these cells beside or instead of the good ones.
fn line(other: &[(&str, &str)]) -> String {
    let cell = |name: &str| {
        let given = other.iter().chain(&GOOD).find(|(known, _)| *known == name);
        given.map_or(String::new(), |(_, value)| {
            format!("\"{}\"", value.replace('"', "\"\""))
        })
    };
    HEADER
        .split(',')
        .map(|name| cell(name.trim()))
        .collect::<Vec<_>>()
        .join(",")
}

fn read(line: &[u8], at: &str) -> Result<Wanted, Vec<Flaw>> {
    let header = header(HEADER.as_bytes()).unwrap();
    let row = Row::of_columns(line, &header).map_err(|flaw| vec![flaw])?;
    let (types, id): (_, PartyId) = (types(), "p1".parse().unwrap());
    let with = Context {
        types: &types,
        company: &id,
        when: when(at),
    };
    wanted(&row, None, id.clone(), with)
}

/// Cells by their columns.
type Cells<'a> = &'a [(&'a str, &'a str)];

const DAY: &str = "2026-11-24T12:00:00Z";

fn good(other: &[(&str, &str)]) -> Wanted {
    read(line(other).as_bytes(), DAY).unwrap()
}

#[test]
fn a_row_becomes_a_party_with_clean_texts() {
    let wanted = good(&[("custom.pets", "3")]);
    let document = &wanted.document;
    assert_eq!(document.identity.display_name(), "Zoë Müller");
    assert_eq!((wanted.system.as_str(), wanted.external_id.as_str()), ("erp", "4711"));
    let spelt = |name: &str| wanted.says[name].as_ref().map(|text| text.as_str().to_owned());
    assert_eq!(spelt("email").as_deref(), Some("zoe@example.ch"));
    assert_eq!(spelt("phone").as_deref(), Some("+41446681800"));
    assert_eq!(
        spelt("postal").as_deref(),
        Some("Bahnhofstrasse\n1a\n\n8001\nZürich\nCH")
    );
    assert_eq!(spelt("gender"), None, "a column that is there and says nothing");
    assert_eq!(spelt("custom.pets").as_deref(), Some("3"));
    assert!(!wanted.says.contains_key("customer_type"), "a column that is not there");
    assert_eq!((document.contacts.len(), document.identifiers.len()), (3, 1));
    assert_eq!(wanted.card.unwrap().as_str(), "2000000000008");
    assert!(!format!("{:?}", wanted.document).contains("Müller"));
}

#[test]
fn each_kind_of_bad_row_is_rejected_with_its_field_and_never_its_value() {
    let long = "x".repeat(61);
    let bad: [(Cells<'_>, &str, &str); 24] = [
        (&[("system", "E R P")], "system", "malformed"),
        (&[("system", "")], "system", "missing"),
        (&[("external_id", "")], "external_id", "missing"),
        (&[("external_id", " - ")], "external_id", "text_out_of_range"),
        (&[("kind", "robot")], "kind", "malformed"),
        (&[("family_name", "")], "family_name", "missing"),
        (&[("family_name", &long)], "family_name", "text_out_of_range"),
        (&[("given_name", "Mus\u{202e}ter")], "given_name", "text_unprintable"),
        (
            &[("organisation_name", "Muster AG"), ("kind", "person")],
            "organisation_name",
            "not_of_this_kind",
        ),
        (&[("language", "rm")], "language", "malformed"),
        (&[("gender", "f")], "gender", "malformed"),
        (&[("birth_date", "29.02.1980")], "birth_date", "date_malformed"),
        (&[("birth_date", "2026-11-25")], "birth_date", "date_out_of_range"),
        (&[("postcode", "800")], "postcode", "postcode_malformed"),
        (&[("town", "")], "town", "missing"),
        (&[("street", "")], "street", "missing"),
        (&[("country", "Schweiz")], "country", "malformed"),
        (&[("email", "zoe")], "email", "email_malformed"),
        (&[("phone", "12")], "phone", "phone_malformed"),
        (&[("card", "2000000000009")], "card", "malformed"),
        (
            &[("consent.email", "yes"), ("consent_text", "v1")],
            "consent.email",
            "malformed",
        ),
        (&[("consent.email", "granted")], "consent_text", "missing"),
        (
            &[("consent.email", "granted"), ("consent_text", "v1")],
            "consent_proof",
            "not_confirmed",
        ),
        (&[("custom.pets", "three")], "custom.pets", "malformed"),
    ];
    for (cells, field, code) in bad {
        let flaws = read(line(cells).as_bytes(), DAY).expect_err(field);
        let found = flaws.iter().any(|flaw| flaw.field == field && flaw.code == code);
        assert!(found, "{field} {code}: {flaws:?}");
        for (_, value) in cells.iter().filter(|(name, value)| *name != "kind" && value.len() > 4) {
            assert!(!format!("{flaws:?}").contains(value), "{field}: {flaws:?}");
        }
    }
    let lines: [(&[u8], &str); 6] = [
        (b"erp,1", "cell_count"),
        (b"erp,\xff", "not_utf8"),
        (b"\"erp,1", "quote_open"),
        (b"er\"p,1", "quote_misplaced"),
        (b"\"erp\"x,1", "quote_misplaced"),
        (b",", "cell_count"),
    ];
    for (line, code) in lines {
        let flaws = read(line, DAY).expect_err(code);
        assert_eq!((flaws[0].field.as_str(), flaws[0].code.as_str()), ("", code));
    }
    let json: [(&[u8], &str); 5] = [
        (b"", "not_json"),
        (b"[1]", "not_json"),
        (b"{\"name\": \"Muster\"}", "column_unknown"),
        (b"{\"external_id\": 1}", "malformed"),
        (b"{\"external_id\": \"\xff\"}", "not_utf8"),
    ];
    for (line, code) in json {
        assert_eq!(json_row(line).expect_err(code).code, code);
    }
}

#[test]
fn everything_wrong_with_a_row_is_said_at_once() {
    let flaws = read(
        line(&[("family_name", ""), ("email", "x"), ("postcode", "1"), ("card", "1")]).as_bytes(),
        DAY,
    );
    let mut fields: Vec<_> = flaws.unwrap_err().into_iter().map(|flaw| flaw.field).collect();
    fields.sort();
    assert_eq!(fields, ["card", "email", "family_name", "postcode"]);
}

#[test]
fn a_line_of_json_says_the_same_as_a_line_with_columns() {
    let types = types();
    let id: PartyId = "p1".parse().unwrap();
    let with = Context {
        types: &types,
        company: &id,
        when: when(DAY),
    };
    let json = format!(
        "{{{}, \"custom.pets\": 3, \"kind\": null}}",
        GOOD.map(|(name, value)| format!("\"{name}\": \"{value}\"")).join(", ")
    );
    let of_json = wanted(&json_row(json.as_bytes()).unwrap(), None, id.clone(), with).unwrap();
    let of_columns = good(&[("custom.pets", "3")]);
    assert_eq!(of_json.document, of_columns.document);
    for (name, says) in &of_json.says {
        assert_eq!(of_columns.says[name], *says, "{name}");
    }
}

#[test]
fn a_first_line_is_understood_or_refused_without_being_repeated() {
    let known = header(" external_id;family_name;\"custom.pets\"".as_bytes()).unwrap();
    assert_eq!((known.separator, known.columns.len()), (Separator::Semicolon, 3));
    let kept = serde_json::to_string(&known).unwrap();
    assert_eq!(serde_json::from_str::<Header>(&kept).unwrap(), known);
    for (text, flaw) in [
        ("external_id,Anna Keller", HeaderFlaw::Unknown(2)),
        ("external_id,email,email", HeaderFlaw::Twice(3)),
        ("email,phone", HeaderFlaw::Missing("external_id")),
        ("external_id,\"email", HeaderFlaw::Unreadable),
        ("external_id,consent.E Mail", HeaderFlaw::Unknown(2)),
    ] {
        let found = header(text.as_bytes()).unwrap_err();
        assert!(!found.to_string().contains("Keller"));
        assert_eq!(found, flaw);
    }
    let many = format!("external_id{}", ",email".repeat(100));
    assert_eq!(header(many.as_bytes()), Err(HeaderFlaw::TooMany));
}

/// The document after a row that differs in `anew` from the one before.
fn after(document: &PartyDocument, kept: &mut Kept, other: &[(&str, &str)], anew: &[&str]) -> PartyDocument {
    let mut document = document.clone();
    apply(&mut document, &good(other), anew, kept, when("2026-12-01T12:00:00Z")).unwrap();
    document
}

#[test]
fn a_corrected_row_changes_what_differs_and_leaves_what_staff_has_changed() {
    let first = good(&[]);
    let mut kept: Kept = first
        .document
        .contacts
        .iter()
        .map(|c| (c.point.kind().to_owned(), c.id))
        .collect();
    let mut document = first.document.clone();
    document.language = domain::till_text::Language::Fr;
    let moved = [("street", "Neue Gasse"), ("family_name", "Keller")];
    let changed = after(&document, &mut kept, &moved, &["name", "postal"]);
    assert_eq!(changed.identity.display_name(), "Zoë Keller");
    assert_eq!(changed.former_names.len(), 1);
    assert_eq!(changed.language, domain::till_text::Language::Fr, "staff's");
    let today = when(DAY).today;
    let standing = |document: &PartyDocument| document.contacts.iter().filter(|c| c.stands(today)).count();
    assert_eq!(
        (changed.contacts.len(), standing(&changed)),
        (4, 3),
        "the old address is history"
    );

    // Staff has ended the telephone: a file that says another one adds it, one that says none changes nothing.
    let phone = kept["phone"];
    document.end_contact(phone, None, when(DAY)).unwrap();
    let none = after(&document, &mut kept.clone(), &[("phone", "")], &["phone"]);
    assert_eq!(none, document);
    let other = after(&document, &mut kept.clone(), &[("phone", "044 668 18 01")], &["phone"]);
    assert_eq!(standing(&other), 3);
    // The file says that there is no e-mail any more.
    let gone = after(&document, &mut kept.clone(), &[("email", "")], &["email"]);
    assert_eq!((standing(&gone), gone.contacts.len()), (1, 3));
}

#[test]
fn a_person_does_not_become_an_organisation() {
    let other = [
        ("kind", "organisation"),
        ("given_name", ""),
        ("family_name", ""),
        ("birth_date", ""),
        ("organisation_name", "Muster AG"),
    ];
    let mut document = good(&[]).document;
    let flaw = apply(&mut document, &good(&other), &["name"], &mut Kept::new(), when(DAY)).unwrap_err();
    assert_eq!((flaw.field.as_str(), flaw.code.as_str()), ("kind", "kind_differs"));
}

#[test]
fn a_double_opt_in_that_the_other_system_has_confirmed_keeps_its_proof() {
    let cells = [
        ("consent.email", "granted"),
        ("consent_text", "v1"),
        ("consent_proof", "mail of 2024-05-01"),
    ];
    let document = good(&cells).document;
    let states: Vec<_> = document.consents.iter().map(|c| (c.state, c.until.is_some())).collect();
    use crate::dated::Permitted::{Granted, Pending};
    assert_eq!(states, [(Pending, true), (Granted, false)]);
    assert!(document.consents[1].proof.is_some());
    let mut again = document.clone();
    apply(
        &mut again,
        &good(&cells),
        &["consent.email"],
        &mut Kept::new(),
        when(DAY),
    )
    .unwrap();
    assert_eq!(again, document);
    let newer = [cells[0], ("consent_text", "v2"), cells[2]];
    apply(
        &mut again,
        &good(&newer),
        &["consent.email"],
        &mut Kept::new(),
        when(DAY),
    )
    .unwrap();
    let states: Vec<_> = again.consents.iter().map(|c| c.state).collect();
    assert_eq!(
        states,
        [Pending, Granted, Pending, Granted],
        "a newer text is asked for too"
    );
    // What was said later in another system than the file holds, whenever the file is read.
    let dated = [
        cells[0],
        ("consent_text", "v3"),
        cells[2],
        ("consent_at", "2024-05-01T12:00:00Z"),
    ];
    apply(
        &mut again,
        &good(&dated),
        &["consent.email"],
        &mut Kept::new(),
        when(DAY),
    )
    .unwrap();
    let stands = crate::change::standing(&again.consents, &"email".parse().unwrap()).unwrap();
    assert_eq!(stands.text_version.as_ref().map(|text| text.as_str()), Some("v2"));
}

/// The lines of a file as parts of `size` bytes see them: where each begins, and what it says.
fn in_parts(file: &[u8], size: usize) -> Vec<(usize, Option<Vec<u8>>)> {
    let mut seen = Vec::new();
    for start in (0..file.len()).step_by(size) {
        let end = (start + size).min(file.len());
        let reach = (end + LINE_MAX + 2).min(file.len());
        let begin = match start {
            0 => 0,
            _ => match first_start(&file[start - 1..reach]) {
                Some(skipped) => start + skipped,
                None => continue,
            },
        };
        if begin >= end {
            continue;
        }
        for line in Lines::new(&file[begin..reach], end - begin) {
            assert!(line.next > line.start);
            seen.push((begin + line.start, line.text.map(<[u8]>::to_vec)));
        }
    }
    seen
}

proptest! {
    #[test]
    fn parts_cut_anywhere_see_each_line_exactly_once(
        lines in proptest::collection::vec("[a-c\r]{0,12}", 0..60),
        ends in any::<bool>(),
        size in 1usize..80,
    ) {
        let mut file = lines.join("\n").into_bytes();
        if ends {
            file.push(b'\n');
        }
        let whole: Vec<_> = Lines::new(&file, file.len()).map(|l| (l.start, l.text.map(<[u8]>::to_vec))).collect();
        prop_assert_eq!(in_parts(&file, size), whole.clone());
        let mut expected: Vec<&str> = std::str::from_utf8(&file).unwrap().split('\n').collect();
        // Behind the last end there is no line.
        expected.pop_if(|last| last.is_empty());
        let expected: Vec<&str> = expected.into_iter().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        let text: Vec<String> = whole.into_iter().map(|(_, text)| String::from_utf8(text.unwrap()).unwrap()).collect();
        prop_assert_eq!(text, expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_one_line_of_one_part(before in 0usize..50, over in 1usize..200_000, size in 30_000usize..200_000) {
        let mut file = vec![b'a'; before];
        file.push(b'\n');
        file.extend(vec![b'x'; LINE_MAX + over]);
        file.extend(b"\nlast");
        let seen = in_parts(&file, size);
        let last = before + 1 + LINE_MAX + over + 1;
        prop_assert_eq!(seen, vec![(0, Some(vec![b'a'; before])), (before + 1, None), (last, Some(b"last".to_vec()))]);
    }
}
