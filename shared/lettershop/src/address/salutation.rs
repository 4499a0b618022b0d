//! Titles and salutations in the four languages. Where the gender is not known, or neither of two, they name none.

use domain::till_text::Language;
use party::Identity;
use party::document::Gender;

/// Longest salutation, in characters. One that would be longer is printed without the name.
pub const SALUTATION_MAX: usize = 80;

/// The line above a person's name.
pub(super) const fn title(gender: Option<Gender>, language: Language) -> Option<&'static str> {
    match (gender, language) {
        (Some(Gender::Male), Language::De) => Some("Herr"),
        (Some(Gender::Female), Language::De) => Some("Frau"),
        (Some(Gender::Male), Language::Fr) => Some("Monsieur"),
        (Some(Gender::Female), Language::Fr) => Some("Madame"),
        (Some(Gender::Male), Language::It) => Some("Signor"),
        (Some(Gender::Female), Language::It) => Some("Signora"),
        (Some(Gender::Male), Language::En) => Some("Mr"),
        (Some(Gender::Female), Language::En) => Some("Ms"),
        (Some(Gender::Other) | None, _) => None,
    }
}

/// The salutation without its comma, and whether it has all that it should.
pub(super) fn of(identity: &Identity, gender: Option<Gender>, language: Language) -> (String, bool) {
    let Identity::Person { family_name, .. } = identity else {
        return (to_organisation(language).to_owned(), true);
    };
    let family = family_name.as_str();
    let text = match (gender, language) {
        (Some(Gender::Male), Language::De) => format!("Sehr geehrter Herr {family}"),
        (Some(Gender::Female), Language::De) => format!("Sehr geehrte Frau {family}"),
        // A French salutation has no name after the title.
        (Some(Gender::Male), Language::Fr) => "Monsieur".to_owned(),
        (Some(Gender::Female), Language::Fr) => "Madame".to_owned(),
        (Some(Gender::Male), Language::It) => format!("Egregio Signor {family}"),
        (Some(Gender::Female), Language::It) => format!("Gentile Signora {family}"),
        (Some(Gender::Male), Language::En) => format!("Dear Mr {family}"),
        (Some(Gender::Female), Language::En) => format!("Dear Ms {family}"),
        (Some(Gender::Other) | None, _) => format!("{} {}", neutral(language), identity.display_name()),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= SALUTATION_MAX {
        (text, true)
    } else {
        (neutral(language).to_owned(), false)
    }
}

const fn neutral(language: Language) -> &'static str {
    match language {
        Language::De => "Guten Tag",
        Language::Fr => "Bonjour",
        Language::It => "Buongiorno",
        Language::En => "Hello",
    }
}

const fn to_organisation(language: Language) -> &'static str {
    match language {
        Language::De => "Sehr geehrte Damen und Herren",
        Language::Fr => "Madame, Monsieur",
        Language::It => "Gentili Signore e Signori",
        Language::En => "Dear Sir or Madam",
    }
}
