use super::*;
use crate::letter::flaw;

const FILLING: Filling<'static> = Filling {
    salutation: "Guten Tag {value}",
    value: "CHF 10.00",
    valid_until: "31.12.2026",
    points: "1200",
};

#[test]
fn p1_named_placeholders_are_filled_in() {
    let text = "{salutation}: {value} bis {valid_until}, {points} Punkte, {value}.";
    assert_eq!(flaw(text), None);
    let expected = "Guten Tag {value}: CHF 10.00 bis 31.12.2026, 1200 Punkte, CHF 10.00.";
    assert_eq!(
        render(text, &FILLING),
        expected,
        "what is filled in is not looked at again"
    );
    assert_eq!(render("Ohne etwas – à bientôt", &FILLING), "Ohne etwas – à bientôt");
}

#[test]
fn p1_any_other_placeholder_and_any_stray_brace_is_a_violation() {
    for text in [
        "{name}",
        "{}",
        "{Value}",
        "{ value }",
        "{value",
        "value}",
        "{{value}}",
        "a } b { c",
        "{",
    ] {
        assert!(flaw(text).is_some(), "{text}");
        let campaign = Campaign {
            texts: Texts {
                fr: Some(text.to_owned()),
                ..individual().texts
            },
            ..individual()
        };
        assert_eq!(wrong(&campaign), [("/texts/fr".to_owned(), "placeholder")], "{text}");
    }
    assert_eq!(render("{name} {value", &FILLING), "{name} {value");
    assert_eq!(render("{{value}}", &FILLING), "{CHF 10.00}");
}

#[test]
fn p1_a_language_without_a_text_reads_the_german_one() {
    use domain::till_text::Language;
    let texts = Texts {
        it: Some("Ciao".to_owned()),
        ..individual().texts
    };
    assert_eq!(texts.of(Language::It), (Language::It, "Ciao"));
    assert_eq!(texts.of(Language::Fr), (Language::De, texts.de.as_str()));
    assert_eq!(texts.of(Language::De).0, Language::De);
}
