//! Which parties may be the same as a lead (C1): what the search finds is compared exactly.

use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use http_edge::Problem;
use http_edge::api::leads::{LeadCandidate, Shared};
use party::PartyDocument;
use search::fold::{self, Word};
use search::{Id, Name, Query, Searchable, phonetic};
use store::search::searchable;

use crate::App;

/// Searches for one lead; each reads a bounded number of lists.
const QUERIES_MAX: usize = 12;
/// Candidates shown.
const CANDIDATES_MAX: usize = 50;

/// The parties that may be the same as a lead.
pub(crate) struct Candidates {
    /// The most likely first.
    pub(crate) found: Vec<Candidate>,
    /// Whether there may be others.
    pub(crate) truncated: bool,
}

/// A party that may be the same.
pub(crate) struct Candidate {
    pub(crate) party: PartyDocument,
    /// What they share, the strongest first; never empty.
    pub(crate) shares: Vec<Shared>,
}

impl App {
    /// The candidates for a lead. The search lists a party a moment after it was stored.
    pub(crate) async fn candidates(
        &self,
        tenant: &Tenant,
        lead: &PartyDocument,
        now: DateTime<Utc>,
    ) -> Result<Candidates, Problem> {
        let wanted = searchable(lead, now);
        let queries = queries(&wanted);
        let mut truncated = queries.len() > QUERIES_MAX;
        let mut found: Vec<Candidate> = Vec::new();
        for query in queries.into_iter().take(QUERIES_MAX) {
            let answer = store::search::find(&self.db, self.pepper.bytes(), tenant, &query, now).await?;
            truncated |= answer.truncated;
            for party in answer.found.into_iter().map(|found| found.party) {
                let known = |known: &Candidate| known.party.party == party.party;
                if party.party == lead.party || found.iter().any(known) {
                    continue;
                }
                let shares = shared(&wanted, &searchable(&party, now));
                if !shares.is_empty() {
                    found.push(Candidate { party, shares });
                }
            }
        }
        found.sort_by(|a, b| rank(a).cmp(&rank(b)));
        truncated |= found.len() > CANDIDATES_MAX;
        found.truncate(CANDIDATES_MAX);
        Ok(Candidates { found, truncated })
    }
}

impl Candidate {
    pub(crate) fn view(&self, now: DateTime<Utc>) -> LeadCandidate {
        let kind = if self.party.identity.is_person() {
            "person"
        } else {
            "organisation"
        };
        LeadCandidate {
            party_id: self.party.party.to_string(),
            kind: kind.to_owned(),
            display_name: domain::secret::Secret::new(self.party.identity.display_name()),
            place: store::search::place(&self.party, now),
            shares: self.shares.clone(),
        }
    }
}

/// Who shares more comes first, then who shares what is stronger; the id makes the order one.
fn rank(candidate: &Candidate) -> (std::cmp::Reverse<usize>, &[Shared], &PartyId) {
    let shares = &candidate.shares;
    (std::cmp::Reverse(shares.len()), shares, &candidate.party.party)
}

/// One search for each thing that a party can share, so that one of several is enough.
fn queries(lead: &Searchable) -> Vec<Query> {
    let ids = lead.external_ids.iter().map(|id| Query {
        ids: vec![Id::of(id)],
        ..Query::default()
    });
    let emails = lead.emails.iter().map(|address| Query {
        emails: vec![address.clone()],
        ..Query::default()
    });
    let phones = lead.phones.iter().map(|number| Query::parse(number));
    let places = lead.places.iter().filter(|place| !place.postcode.is_empty());
    let names = places.flat_map(|place| {
        lead.names.iter().map(|name| Query {
            words: words(name),
            postcodes: vec![place.postcode.clone()],
            ..Query::default()
        })
    });
    ids.chain(emails).chain(phones).chain(names).collect()
}

/// What two parties share exactly, the strongest first.
fn shared(a: &Searchable, b: &Searchable) -> Vec<Shared> {
    let any = |a: &[String], b: &[String], form: fn(&str) -> String| {
        let formed: Vec<_> = b.iter().map(|text| form(text)).collect();
        a.iter()
            .map(|text| form(text))
            .any(|text| !text.is_empty() && formed.contains(&text))
    };
    let places = |party: &Searchable| -> Vec<String> {
        let places = party.places.iter();
        places.map(|place| place.postcode.clone()).collect()
    };
    let same_name = a
        .names
        .iter()
        .any(|name| b.names.iter().any(|other| alike(name, other)));
    let found = [
        (Shared::ExternalId, any(&a.external_ids, &b.external_ids, fold::compact)),
        (Shared::Email, any(&a.emails, &b.emails, str::to_lowercase)),
        (Shared::Phone, any(&a.phones, &b.phones, fold::digits)),
        (
            Shared::NameAndPostcode,
            same_name && any(&places(a), &places(b), fold::compact),
        ),
    ];
    found
        .into_iter()
        .filter_map(|(shared, is)| is.then_some(shared))
        .collect()
}

fn words(name: &Name) -> Vec<Word> {
    match name {
        Name::Person(given, family) => fold::words(&format!("{given} {family}")),
        Name::Organisation(name) => fold::words(name),
    }
}

/// Whether two names have the same words by their sound, in whichever order. A person is no company.
fn alike(a: &Name, b: &Name) -> bool {
    let same_kind = matches!(
        (a, b),
        (Name::Person(..), Name::Person(..)) | (Name::Organisation(_), Name::Organisation(_))
    );
    let sounds = |name| -> Vec<String> {
        let mut sounds: Vec<_> = words(name).iter().map(sound).collect();
        sounds.sort_unstable();
        sounds
    };
    let (a, b) = (sounds(a), sounds(b));
    same_kind && !a.is_empty() && a == b
}

/// How a word sounds; one that has no sound of its own, such as a number, is itself.
fn sound(word: &Word) -> String {
    let sound = phonetic::cologne(&word.plain);
    if sound.is_empty() { word.key.clone() } else { sound }
}

#[cfg(test)]
mod tests {
    use search::Place;

    use super::*;

    fn party(given: &str, family: &str, postcode: &str) -> Searchable {
        Searchable {
            names: vec![Name::Person(given.to_owned(), family.to_owned())],
            places: vec![Place {
                postcode: postcode.to_owned(),
                town: "Bern".to_owned(),
            }],
            ..Searchable::default()
        }
    }

    #[test]
    fn c1_names_that_sound_the_same_count_with_the_same_postcode_only() {
        let lead = party("Jürg", "Meier", "3011");
        assert_eq!(
            shared(&lead, &party("Juerg", "Mayer", "3011")),
            [Shared::NameAndPostcode]
        );
        assert_eq!(shared(&lead, &party("Jürg", "Meier", "3012")), []);
        assert_eq!(shared(&lead, &party("Anna", "Meier", "3011")), []);
        assert_eq!(shared(&lead, &party("", "Meier", "3011")), []);
    }

    #[test]
    fn c1_addresses_numbers_and_ids_count_whole_only() {
        let with = |email: &str, phone: &str, id: &str| Searchable {
            emails: vec![email.to_owned()],
            phones: vec![phone.to_owned()],
            external_ids: vec![id.to_owned()],
            ..Searchable::default()
        };
        let lead = with("j.meier@example.ch", "+41791112233", "K-100234");
        let all = [Shared::ExternalId, Shared::Email, Shared::Phone];
        assert_eq!(
            shared(&lead, &with("J.Meier@example.ch", "+41791112233", "K100234")),
            all
        );
        assert_eq!(shared(&lead, &with("meier@example.ch", "+41791112234", "100234")), []);
    }
}
