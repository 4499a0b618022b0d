//! Names and ids as people type them become clean texts: composed (NFC), trimmed, accents and case kept.

use domain::text::is_printable;
use domain::till_text::Language;
use http_edge::Findings;
use http_edge::api::customers::PartyRequest;
use store::party::{ExternalId, Identity, Personal};
use unicode_normalization::UnicodeNormalization;

/// Longest given or family name, in characters.
const NAME_MAX: usize = 60;
/// Longest name of an organisation, in characters.
const ORGANISATION_MAX: usize = 120;
/// Longest id in another system, in characters.
const EXTERNAL_MAX: usize = 80;
/// Longest name of another system, in characters.
const SYSTEM_MAX: usize = 24;

/// Who is to be stored, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) identity: Identity,
    pub(crate) language: Language,
    pub(crate) external_id: Option<ExternalId>,
}

/// Reads who is to be stored; `None` when `found` says why not.
pub(crate) fn wanted(body: &PartyRequest, found: &mut Findings) -> Option<Wanted> {
    let identity = match body.kind.as_str() {
        "person" => person(body, found),
        "organisation" => organisation(body, found),
        _ => {
            found.add("/kind", "malformed", "a kind is one of person, organisation");
            None
        }
    };
    let language = match body.language.as_deref() {
        None => Some(Language::default()),
        Some(text) => found.field("/language", text),
    };
    let external_id = match &body.external_id {
        None => Some(None),
        Some(given) => {
            let system = system(&given.system, found);
            let id = text("/external_id/id", Some(&given.id), EXTERNAL_MAX, found);
            system.zip(id).map(|(system, id)| Some(ExternalId { system, id }))
        }
    };
    Some(Wanted {
        identity: identity?,
        language: language?,
        external_id: external_id?,
    })
}

fn person(body: &PartyRequest, found: &mut Findings) -> Option<Identity> {
    foreign("/organisation_name", body.organisation_name.as_ref(), "a person", found);
    let given_name = match &body.given_name {
        None => Some(None),
        given => text("/given_name", given.as_ref(), NAME_MAX, found).map(Some),
    };
    let family_name = text("/family_name", body.family_name.as_ref(), NAME_MAX, found);
    Some(Identity::Person {
        given_name: given_name?,
        family_name: family_name?,
    })
}

fn organisation(body: &PartyRequest, found: &mut Findings) -> Option<Identity> {
    foreign("/given_name", body.given_name.as_ref(), "an organisation", found);
    foreign("/family_name", body.family_name.as_ref(), "an organisation", found);
    let name = text(
        "/organisation_name",
        body.organisation_name.as_ref(),
        ORGANISATION_MAX,
        found,
    );
    name.map(|organisation_name| Identity::Organisation { organisation_name })
}

fn foreign(pointer: &str, value: Option<&Personal>, kind: &str, found: &mut Findings) {
    if value.is_some() {
        found.add(
            pointer,
            "not_of_this_kind",
            format!("{kind} does not have this field: leave it out"),
        );
    }
}

fn system(text: &str, found: &mut Findings) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.is_empty() && text.len() <= SYSTEM_MAX && text.bytes().all(allowed) {
        return Some(text.to_owned());
    }
    let detail = "a system must be 1 to 24 characters from a-z, 0-9 and -";
    found.add("/external_id/system", "malformed", detail);
    None
}

fn text(pointer: &str, value: Option<&Personal>, max: usize, found: &mut Findings) -> Option<Personal> {
    let Some(value) = value else {
        found.add(pointer, "missing", "this field is needed");
        return None;
    };
    let clean: String = value.as_str().trim().nfc().collect();
    if !is_printable(&clean) {
        let detail =
            "must not have line breaks, control or hidden characters or ones that change the writing direction";
        found.add(pointer, "text_unprintable", detail);
        return None;
    }
    let fits = clean.chars().count() <= max && clean.chars().any(char::is_alphanumeric);
    if !fits {
        let detail = format!("must be 1 to {max} characters, one of them a letter or digit");
        found.add(pointer, "text_out_of_range", detail);
        return None;
    }
    Some(Personal::new(clean))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: serde_json::Value) -> PartyRequest {
        serde_json::from_value(json).unwrap()
    }

    fn findings(json: serde_json::Value) -> Vec<(String, &'static str)> {
        let mut found = Findings::default();
        let wanted = wanted(&body(json), &mut found);
        match found.none() {
            Ok(()) => {
                assert!(wanted.is_some(), "nothing found and nothing understood");
                Vec::new()
            }
            Err(problem) => {
                assert!(wanted.is_none() || !problem.errors.is_empty());
                problem.errors.into_iter().map(|v| (v.pointer, v.code)).collect()
            }
        }
    }

    #[test]
    fn a_name_is_composed_and_trimmed_and_keeps_its_accents() {
        let mut found = Findings::default();
        let decomposed = "  Zoe\u{308} ";
        let body =
            body(serde_json::json!({"kind": "person", "given_name": decomposed, "family_name": "d'Été-Ağaoğlu"}));
        let wanted = wanted(&body, &mut found).unwrap();
        assert_eq!(wanted.identity.display_name(), "Zo\u{eb} d'Été-Ağaoğlu");
        assert_eq!(wanted.language, Language::De);
    }

    #[test]
    fn each_wrong_field_is_named_at_once() {
        let found = findings(serde_json::json!({
            "kind": "person", "given_name": "a\u{202e}b", "organisation_name": "X", "language": "rm",
            "external_id": {"system": "E R P", "id": " "},
        }));
        assert_eq!(
            found,
            [
                ("/organisation_name".to_owned(), "not_of_this_kind"),
                ("/given_name".to_owned(), "text_unprintable"),
                ("/family_name".to_owned(), "missing"),
                ("/language".to_owned(), "malformed"),
                ("/external_id/system".to_owned(), "malformed"),
                ("/external_id/id".to_owned(), "text_out_of_range"),
            ]
        );
        assert_eq!(
            findings(serde_json::json!({"kind": "robot"})),
            [("/kind".to_owned(), "malformed")]
        );
    }

    #[test]
    fn a_name_that_would_not_print_as_it_reads_is_refused() {
        for hidden in ["Mus\u{200b}ter", "Mus\u{61c}ter", "Mus\u{200f}ter", "Mus\u{2029}ter"] {
            assert_eq!(
                findings(serde_json::json!({"kind": "person", "family_name": hidden})),
                [("/family_name".to_owned(), "text_unprintable")],
                "{hidden:?}"
            );
        }
    }

    #[test]
    fn a_name_is_counted_in_characters_and_an_organisation_may_have_a_longer_one() {
        let person = |n| findings(serde_json::json!({"kind": "person", "family_name": "é".repeat(n)}));
        assert_eq!((person(60), person(61).len()), (vec![], 1));
        let organisation =
            |n| findings(serde_json::json!({"kind": "organisation", "organisation_name": "é".repeat(n)}));
        assert_eq!((organisation(120), organisation(121).len()), (vec![], 1));
    }
}
