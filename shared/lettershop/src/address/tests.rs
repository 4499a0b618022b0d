use super::*;

fn personal(text: &str) -> Personal {
    Personal::new(text.to_owned())
}

fn layout(language: Language) -> Layout {
    Layout::new(LINE_MAX_DEFAULT, "CH".parse().unwrap(), language).unwrap()
}

fn someone(given: &str, family: &str) -> Identity {
    Identity::Person {
        given_name: (!given.is_empty()).then(|| personal(given)),
        family_name: personal(family),
    }
}

fn firm(name: &str) -> Identity {
    Identity::Organisation {
        organisation_name: personal(name),
    }
}

fn postal(street: &str, number: &str, postcode: &str, town: &str, country: &str) -> Postal {
    let some = |text: &str| (!text.is_empty()).then(|| personal(text));
    Postal {
        lines: Vec::new(),
        street: some(street),
        house_number: some(number),
        po_box: None,
        postcode: some(postcode),
        town: personal(town),
        country: country.parse().unwrap(),
    }
}

fn to<'a>(identity: &'a Identity, gender: Option<Gender>, language: Language, postal: &'a Postal) -> Recipient<'a> {
    Recipient {
        identity,
        gender,
        language,
        company: None,
        postal,
    }
}

fn printed(recipient: &Recipient<'_>) -> (Vec<String>, String, Vec<Lost>) {
    let block = block(recipient, &layout(Language::De));
    let lines = block.lines.iter().map(|line| line.as_str().to_owned()).collect();
    (lines, block.salutation.as_str().to_owned(), block.findings)
}

#[test]
fn p2_a_person_gets_title_and_salutation_in_each_language_with_all_accents() {
    let (f, m) = (Some(Gender::Female), Some(Gender::Male));
    let address = postal("Rue du Général-Dufour", "3bis", "1204", "Genève", "CH");
    let name = someone("Zoé", "Détraz-Ünlü");
    for (gender, language, title, salutation) in [
        (f, Language::De, Some("Frau"), "Sehr geehrte Frau Détraz-Ünlü"),
        (m, Language::De, Some("Herr"), "Sehr geehrter Herr Détraz-Ünlü"),
        (f, Language::Fr, Some("Madame"), "Madame"),
        (m, Language::Fr, Some("Monsieur"), "Monsieur"),
        (f, Language::It, Some("Signora"), "Gentile Signora Détraz-Ünlü"),
        (m, Language::It, Some("Signor"), "Egregio Signor Détraz-Ünlü"),
        (f, Language::En, Some("Ms"), "Dear Ms Détraz-Ünlü"),
        (m, Language::En, Some("Mr"), "Dear Mr Détraz-Ünlü"),
        (None, Language::De, None, "Guten Tag Zoé Détraz-Ünlü"),
        (Some(Gender::Other), Language::Fr, None, "Bonjour Zoé Détraz-Ünlü"),
        (None, Language::It, None, "Buongiorno Zoé Détraz-Ünlü"),
        (None, Language::En, None, "Hello Zoé Détraz-Ünlü"),
    ] {
        let (lines, greeting, findings) = printed(&to(&name, gender, language, &address));
        let mut expected: Vec<&str> = title.into_iter().collect();
        expected.extend(["Zoé Détraz-Ünlü", "Rue du Général-Dufour 3bis", "1204 Genève"]);
        assert_eq!(
            (lines, greeting.as_str(), findings),
            (expected.iter().map(|l| (*l).to_owned()).collect(), salutation, vec![])
        );
    }
}

#[test]
fn p2_an_organisation_is_greeted_without_names_in_each_language() {
    let address = postal("Via Nassa", "5", "6900", "Lugano", "CH");
    let name = firm("Libreria Ticinese SA");
    for (language, salutation) in [
        (Language::De, "Sehr geehrte Damen und Herren"),
        (Language::Fr, "Madame, Monsieur"),
        (Language::It, "Gentili Signore e Signori"),
        (Language::En, "Dear Sir or Madam"),
    ] {
        let (lines, greeting, _) = printed(&to(&name, None, language, &address));
        assert_eq!(lines, ["Libreria Ticinese SA", "Via Nassa 5", "6900 Lugano"]);
        assert_eq!(greeting, salutation);
    }
}

#[test]
fn p2_the_company_stands_above_the_person_and_the_post_box_in_the_second_last_line() {
    let company = personal("Papeterie Müller & Söhne AG");
    let name = someone("Reto", "Bühler");
    let mut address = postal("Bahnhofstrasse", "10", "8001", "Zürich", "CH");
    address.po_box = Some(personal("Postfach 123"));
    let recipient = Recipient {
        company: Some(&company),
        ..to(&name, Some(Gender::Male), Language::De, &address)
    };
    let (lines, salutation, findings) = printed(&recipient);
    let expected = [
        "Papeterie Müller & Söhne AG",
        "Herr",
        "Reto Bühler",
        "Bahnhofstrasse 10",
        "Postfach 123",
        "8001 Zürich",
    ];
    assert_eq!(lines, expected);
    assert_eq!((salutation.as_str(), findings), ("Sehr geehrter Herr Bühler", vec![]));
}

#[test]
fn p2_a_seventh_line_gives_way_in_the_stated_order_and_is_reported() {
    let company = personal("Muster AG");
    let name = someone("Anna", "Keller");
    let mut address = postal("Dorfstrasse", "1", "10115", "Berlin", "DE");
    address.lines = ["c/o Meier", "Abteilung Einkauf", "Gebäude 7"].map(personal).to_vec();
    let mut recipient = Recipient {
        company: Some(&company),
        ..to(&name, Some(Gender::Female), Language::De, &address)
    };
    // Eight lines and the title: it goes before the name; both extra lines go, the last one first; care stays.
    let (lines, _, findings) = printed(&recipient);
    let expected = [
        "Muster AG",
        "Frau Anna Keller",
        "c/o Meier",
        "Dorfstrasse 1",
        "10115 Berlin",
        "Deutschland",
    ];
    assert_eq!(lines, expected);
    let dropped = |part, lost_chars| Lost::Dropped { part, lost_chars };
    assert_eq!(findings, [dropped(Part::Extra, 9), dropped(Part::Extra, 17)]);
    // With a post box the street goes, and the letter still has its box.
    let mut boxed = address.clone();
    boxed.po_box = Some(personal("Postfach 9"));
    recipient.postal = &boxed;
    let (lines, _, findings) = printed(&recipient);
    let expected = [
        "Muster AG",
        "Frau Anna Keller",
        "c/o Meier",
        "Postfach 9",
        "10115 Berlin",
        "Deutschland",
    ];
    assert_eq!(lines, expected);
    assert_eq!(findings.last(), Some(&dropped(Part::Street, 13)));
    // A name that leaves no room for the title.
    let long = someone("Anna Barbara", "Keller-von Allmen-Wyss");
    recipient.identity = &long;
    let (lines, _, findings) = printed(&recipient);
    assert_eq!(lines.len(), 6);
    assert_eq!(findings.first(), Some(&dropped(Part::Title, 4)));
    // Many lines of care: the first ones stay, as many as there is room for.
    let mut cared = address.clone();
    cared.lines = (1..=9).map(|n| personal(&format!("chez Rochat {n}"))).collect();
    recipient.postal = &cared;
    let (lines, _, findings) = printed(&recipient);
    assert_eq!((lines.len(), lines[2].as_str()), (6, "chez Rochat 1"));
    assert_eq!(findings.len(), 9);
}

#[test]
fn p2_long_double_names_lose_given_names_before_the_family_name_and_it_is_reported() {
    let address = postal("Weg", "1", "3000", "Bern", "CH");
    for (given, family, expected) in [
        (
            "Anna Maria",
            "Müller-Wüthrich-von Allmen",
            "Anna M. Müller-Wüthrich-von Allmen",
        ),
        (
            "Marie-Antoinette",
            "Müller-Wüthrich-von Allmen",
            "M.-A. Müller-Wüthrich-von Allmen",
        ),
        (
            "Anna",
            "von Hohenstein-Wüthrich und zu Allmen-Rapp",
            "von Hohenstein-Wüthrich und zu",
        ),
        (
            "",
            "Donaudampfschifffahrtsgesellschaftskapitän",
            "Donaudampfschifffahrtsgesellschafts",
        ),
    ] {
        let name = someone(given, family);
        let (lines, _, findings) = printed(&to(&name, None, Language::De, &address));
        assert_eq!(lines[0], expected);
        let lost_chars = name.display_name().chars().count() - expected.chars().count();
        assert_eq!(
            findings,
            [Lost::Shortened {
                line: 1,
                part: Part::Name,
                lost_chars
            }]
        );
    }
}

#[test]
fn p2_a_long_street_keeps_its_number_and_a_long_town_its_postcode() {
    let name = firm("Muster AG");
    let address = postal(
        "Chemin de la Grande-Fontaine de Saint-Pierre",
        "123a",
        "1234",
        "Saint-Barthélemy-les-Bains sous la Roche",
        "CH",
    );
    let (lines, _, findings) = printed(&to(&name, None, Language::Fr, &address));
    assert_eq!(
        lines[1..],
        ["Chemin de la Grande-Fontaine 123a", "1234 Saint-Barthélemy-les-Bains"]
    );
    let shortened = |line, part, lost_chars| Lost::Shortened { line, part, lost_chars };
    assert_eq!(findings, [shortened(2, Part::Street, 16), shortened(3, Part::Town, 14)]);
}

#[test]
fn p2_abroad_the_country_is_the_last_line_in_the_senders_language() {
    let name = someone("Ada", "King");
    let last = |address: &Postal, language| {
        let block = block(&to(&name, None, Language::En, address), &layout(language));
        let lines = block.lines.iter().rev().take(2).map(|l| l.as_str().to_owned());
        let [country, town] = lines.collect::<Vec<_>>().try_into().unwrap();
        (town, country)
    };
    let vienna = postal("Ring", "1", "1010", "Wien", "AT");
    for (language, country) in [
        (Language::De, "Österreich"),
        (Language::Fr, "Autriche"),
        (Language::It, "Austria"),
        (Language::En, "Austria"),
    ] {
        assert_eq!(last(&vienna, language), ("1010 Wien".to_owned(), country.to_owned()));
    }
    let manila = postal("Rizal Avenue", "1", "1000", "Manila", "PH");
    assert_eq!(last(&manila, Language::De).1, "Philippines");
    // Where the postcode stands after the town and the number before the street.
    let london = postal("Baker Street", "221b", "NW1 6XE", "London", "GB");
    let (lines, ..) = printed(&to(&name, None, Language::En, &london));
    assert_eq!(lines[1..], ["221b Baker Street", "London NW1 6XE", "Grossbritannien"]);
    // Liechtenstein is inland.
    let vaduz = postal("Städtle", "1", "9490", "Vaduz", "LI");
    let (lines, ..) = printed(&to(&name, None, Language::En, &vaduz));
    assert_eq!(lines.last().unwrap(), "9490 Vaduz");
}

#[test]
fn every_country_has_a_name_in_every_language() {
    for known in rust_iso3166::ALL {
        let country: Country = known.alpha2.parse().unwrap();
        for language in [Language::De, Language::Fr, Language::It, Language::En] {
            let name = country_name(&country, language);
            assert!(!name.is_empty() && !name.ends_with("(the)"), "{}", known.alpha2);
        }
    }
}

#[test]
fn p2_a_salutation_that_is_too_long_has_no_name_and_it_is_reported() {
    let address = postal("Weg", "1", "3000", "Bern", "CH");
    let name = someone("", &"Müller-".repeat(12));
    let (_, salutation, findings) = printed(&to(&name, Some(Gender::Female), Language::De, &address));
    assert_eq!(salutation, "Guten Tag");
    assert!(findings.contains(&Lost::SalutationWithoutName));
}

#[test]
fn an_accent_of_its_own_is_not_torn_from_its_letter() {
    let text = format!("{}e\u{301}{}", "x".repeat(34), "y".repeat(5));
    let fitted = fit(&text, 35);
    assert_eq!((fitted.text, fitted.lost), ("x".repeat(34), 7));
}

#[test]
fn a_layout_has_lines_that_printers_take() {
    for bad in [0, 19, 81, 255] {
        assert!(Layout::new(bad, "CH".parse().unwrap(), Language::De).is_err());
    }
}

proptest::proptest! {
    /// proptest prints the seed of a failing case.
    #[test]
    fn p2_whatever_the_address_it_fits_and_nothing_is_lost_in_silence(
        names in ("[A-Zé ]{0,50}", "[a-zü-]{1,50}"),
        lines in proptest::collection::vec("[a-z ]{0,60}", 0..6),
        street in "[a-zß ]{0,60}",
        number in "[0-9a-c]{0,6}",
        po_box in "[a-z ]{0,45}",
        town in "[a-z]{1,20}( [a-z]{1,20}){0,3}",
        country in proptest::sample::select(vec!["CH", "DE", "GB"]),
        female in proptest::bool::ANY,
        line_max in LINE_MAX_LEAST..=LINE_MAX_MOST,
    ) {
        let name = someone(&names.0, &names.1);
        let mut address = postal(&street, &number, "8001", &town, country);
        address.lines = lines.iter().map(|line| personal(line)).collect();
        address.po_box = Some(personal(&po_box));
        let gender = female.then_some(Gender::Female);
        let layout = Layout::new(line_max, "CH".parse().unwrap(), Language::De).unwrap();
        let block = block(&to(&name, gender, Language::De, &address), &layout);
        proptest::prop_assert!((1..=LINES_MAX).contains(&block.lines.len()));
        let mut printed = 0;
        for line in &block.lines {
            let count = line.as_str().chars().count();
            proptest::prop_assert!(count >= 1 && count <= usize::from(line_max));
            printed += line.as_str().chars().filter(|c| *c != ' ').count();
        }
        // Without a finding, every character that is no space is printed.
        if block.findings.is_empty() {
            let parts = [&names.0, &names.1, &street, &number, &po_box, &town];
            let given = parts.into_iter().chain(&lines).flat_map(|text| text.chars());
            let extra = if female { 4 } else { 0 } + if country == "DE" { 11 } else { 0 } + if country == "GB" { 15 } else { 0 };
            proptest::prop_assert_eq!(printed, given.filter(|c| *c != ' ').count() + 4 + extra);
        }
    }
}
