//! How well a party fits what was typed.

use crate::fold::{self, Word, first};
use crate::keys::{Name, Searchable};
use crate::query::Query;
use crate::{keys, phonetic};

/// Least score of a party that fits.
pub const SCORE_MIN: u32 = 550;
/// Likeness of a word below which it does not fit at all.
const LIKENESS_MIN: u32 = 500;
/// Likeness of two words that only sound alike.
const SOUND: u32 = 750;
/// What each word of its name that was not typed takes off a party, up to four of them.
const NOT_TYPED: u32 = 4;

/// What of a party fits best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// A name, of a person or a company.
    Name,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// An id in another system.
    ExternalId,
    /// A postcode.
    Postcode,
    /// A town.
    Town,
}

/// How well a party fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// 0 to 1,000.
    pub score: u32,
    /// What of it fits best.
    pub field: Field,
}

/// A party prepared for comparing.
struct Candidate {
    names: Vec<Word>,
    towns: Vec<Word>,
}

/// How well `party` fits what was typed; `None` when it does not. A change of the party shows at once, whatever list led here.
pub fn compare(query: &Query, party: &Searchable) -> Option<Fit> {
    let candidate = Candidate::of(party);
    let mut sum = Sum::default();
    let mut free: Vec<(&Word, Field)> = candidate.words().collect();
    let mut typed: Vec<&Word> = query.words.iter().collect();
    typed.sort_by_key(|word| std::cmp::Reverse(word.key.len()));
    for word in typed {
        sum.add(weight(&word.key), take_best(word, &mut free));
    }
    for postcode in &query.postcodes {
        let places = party
            .places
            .iter()
            .map(|place| number_likeness(postcode, &fold::compact(&place.postcode)));
        // Four digits are also an id.
        let ids = ids(party).map(|id| if id == *postcode { 1_000 } else { 0 });
        let best = best(places, Field::Postcode).max(best(ids, Field::ExternalId));
        sum.add(5, best);
    }
    for address in &query.emails {
        let likeness = party.emails.iter().map(|stored| email_likeness(address, stored));
        sum.add(weight(address), best(likeness, Field::Email));
    }
    for number in &query.numbers {
        let phones = party
            .phones
            .iter()
            .map(|stored| end_likeness(number, &fold::digits(stored)));
        let ids = ids(party).map(|id| end_likeness(number, &id));
        sum.add(10, best(phones, Field::Phone).max(best(ids, Field::ExternalId)));
    }
    for typed in &query.ids {
        let likeness = ids(party).map(|id| end_likeness(&typed.text, &id));
        let found = best(likeness, Field::ExternalId);
        if found.1.is_some() || typed.words.is_empty() {
            sum.add(10, found);
            continue;
        }
        // No id of this party: then perhaps its name.
        for word in &typed.words {
            sum.add(weight(&word.key), take_best(word, &mut free));
        }
    }
    let not_typed = free.iter().filter(|(_, field)| *field == Field::Name).take(4).count();
    sum.fit(u32::try_from(not_typed).unwrap_or(0) * NOT_TYPED)
}

fn ids(party: &Searchable) -> impl Iterator<Item = String> {
    party.external_ids.iter().map(|id| fold::compact(id))
}

/// The best likeness with the field it is of.
type Best = (u32, Option<Field>);

fn best(likeness: impl Iterator<Item = u32>, field: Field) -> Best {
    let most = likeness.max().unwrap_or(0);
    (most, (most > 0).then_some(field))
}

#[derive(Default)]
struct Sum {
    weights: u32,
    points: u32,
    best: Option<(u32, Field)>,
}

impl Sum {
    fn add(&mut self, weight: u32, (likeness, field): Best) {
        self.weights += weight;
        let points = weight * likeness;
        self.points += points;
        if let Some(field) = field.filter(|_| self.best.is_none_or(|(most, _)| points > most)) {
            self.best = Some((points, field));
        }
    }

    fn fit(self, off: u32) -> Option<Fit> {
        let (_, field) = self.best?;
        let score = self.points.checked_div(self.weights)?.saturating_sub(off);
        (score >= SCORE_MIN).then_some(Fit { score, field })
    }
}

impl Candidate {
    fn of(party: &Searchable) -> Self {
        let words = |name: &Name| match name {
            Name::Person(given, family) => {
                let mut words = keys::telling(family);
                words.extend(keys::telling(given));
                words
            }
            Name::Organisation(name) => fold::words(name),
        };
        Self {
            names: party.names.iter().flat_map(words).collect(),
            towns: party.places.iter().flat_map(|place| fold::words(&place.town)).collect(),
        }
    }

    fn words(&self) -> impl Iterator<Item = (&Word, Field)> {
        let names = self.names.iter().map(|word| (word, Field::Name));
        names.chain(self.towns.iter().map(|word| (word, Field::Town)))
    }
}

/// Long words say more.
fn weight(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX).clamp(2, 12)
}

/// The best of the words that no typed word has taken yet, which this one takes.
fn take_best(typed: &Word, free: &mut Vec<(&Word, Field)>) -> Best {
    let found = free
        .iter()
        .enumerate()
        .map(|(at, (word, field))| (likeness(typed, word), std::cmp::Reverse(at), *field))
        .max();
    match found {
        Some((likeness, std::cmp::Reverse(at), field)) if likeness >= LIKENESS_MIN => {
            free.remove(at);
            (likeness, Some(field))
        }
        _ => (0, None),
    }
}

/// How like a typed word is to a stored one, in whichever spelling they are closest: 0 to 1,000.
pub fn likeness(typed: &Word, stored: &Word) -> u32 {
    let spellings = [
        (&typed.plain, &stored.plain),
        (&typed.spelt, &stored.spelt),
        (&typed.plain, &stored.spelt),
        (&typed.key, &stored.key),
    ];
    let letters = spellings
        .iter()
        .map(|(typed, stored)| text_likeness(typed, stored))
        .max();
    let letters = letters.unwrap_or(0);
    if letters >= SOUND {
        return letters;
    }
    let sound = phonetic::cologne(&typed.plain);
    if sound.len() > 1 && sound == phonetic::cologne(&stored.plain) {
        return SOUND;
    }
    letters
}

/// Of whole texts by their distance; a fragment is compared with the beginning, and counts a little less.
fn text_likeness(typed: &str, stored: &str) -> u32 {
    let whole = distance_likeness(typed, stored);
    let letters = typed.chars().count();
    if letters < keys::END || letters >= stored.chars().count() {
        return whole;
    }
    whole.max(distance_likeness(typed, first(stored, letters)) * 19 / 20)
}

fn distance_likeness(a: &str, b: &str) -> u32 {
    let longest = u32::try_from(a.chars().count().max(b.chars().count())).unwrap_or(u32::MAX);
    let distance = u32::try_from(strsim::osa_distance(a, b)).unwrap_or(u32::MAX);
    match longest {
        0 => 0,
        longest => 1_000 * longest.saturating_sub(distance) / longest,
    }
}

fn number_likeness(typed: &str, stored: &str) -> u32 {
    match strsim::osa_distance(typed, stored) {
        0 => 1_000,
        1 => 700,
        _ => 0,
    }
}

fn email_likeness(typed: &str, stored: &str) -> u32 {
    let (typed, stored) = (typed.to_lowercase(), stored.to_lowercase());
    text_likeness(&typed, &stored)
}

/// A number or id fits when it ends as typed.
fn end_likeness(typed: &str, stored: &str) -> u32 {
    if typed == stored {
        1_000
    } else if typed.len() >= keys::NUMBER_END && stored.ends_with(typed) {
        980
    } else {
        0
    }
}
