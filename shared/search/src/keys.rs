//! The texts under which a party is listed.
//!
//! A typing error leaves at least one end of a word as it is. So names are listed under pairs of ends: both beginnings, both
//! ends, the letters of each end in the order of the alphabet, so that two that were swapped lead to the same list. A pair has
//! no order: whoever types need not know which is the family name. Single words are listed too, by beginning, end and sound,
//! for those who know no more.

use std::collections::BTreeSet;
use std::fmt;

use crate::fold::{self, Word, first, last};
use crate::phonetic;

/// Most entries of the names and places of one party; a person with one address, e-mail and phone has about 14 of all kinds.
pub const ENTRIES_MAX: usize = 40;
/// Most entries of its e-mail addresses, numbers and ids, which names and places take nothing of.
pub const EXACT_MAX: usize = 60;
/// Letters of an end of a word.
pub const END: usize = 3;
/// Letters behind the listed end of a word or number that an entry is ordered by.
pub const REFINE_MAX: usize = 8;
/// The same for e-mail addresses: many begin alike, and end in the domain only.
pub const EMAIL_REFINE_MAX: usize = 40;
/// Letters of an e-mail address that name its list.
const EMAIL_BEGINNING: usize = 4;
/// Digits of a half of a postcode.
const POSTCODE_HALF: usize = 2;
/// Words of one name that are listed.
const NAME_WORDS_MAX: usize = 4;
/// Digits or letters at the end of a number or id under which it is listed.
pub const NUMBER_END: usize = 6;

/// What of a party it can be found by.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Searchable {
    /// Its name and former names, the current one first.
    pub names: Vec<Name>,
    /// Where it lives.
    pub places: Vec<Place>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// Phone numbers, E.164.
    pub phones: Vec<String>,
    /// Ids in other systems.
    pub external_ids: Vec<String>,
}

impl fmt::Debug for Searchable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Searchable").finish_non_exhaustive()
    }
}

/// A name.
#[derive(Clone, PartialEq, Eq)]
pub enum Name {
    /// Given names, which may be empty, and family name.
    Person(String, String),
    /// Name of a company.
    Organisation(String),
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person(..) => "Person(…)",
            Self::Organisation(_) => "Organisation(…)",
        })
    }
}

/// A place.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Postcode, may be empty.
    pub postcode: String,
    /// Town, may be empty.
    pub town: String,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

/// A text under which a party is listed, and by what the list is ordered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The list.
    pub key: String,
    /// The order within the list: letters that continue the key, at most [`REFINE_MAX`] or [`EMAIL_REFINE_MAX`].
    pub refine: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}

impl Entry {
    fn whole(key: String) -> Self {
        Self {
            key,
            refine: String::new(),
        }
    }
}

/// Words that say nothing of whom they name.
const EMPTY_WORDS: &[&str] = &[
    "ag",
    "gmbh",
    "sa",
    "sarl",
    "sagl",
    "kg",
    "co",
    "cie",
    "ohg",
    "ev",
    "genosenschaft",
    "von",
    "van",
    "de",
    "di",
    "da",
    "del",
    "dela",
    "du",
    "la",
    "le",
    "zu",
    "und",
    "et",
    "e",
    "der",
    "die",
    "das",
];

/// The words of a text that a name is found by: those that say something, or all when none does; at most four.
pub(crate) fn telling(text: &str) -> Vec<Word> {
    let mut words = fold::words(text);
    if words.iter().any(|word| !is_empty_word(word)) {
        words.retain(|word| !is_empty_word(word));
    }
    words.truncate(NAME_WORDS_MAX);
    words
}

pub(crate) fn is_empty_word(word: &Word) -> bool {
    EMPTY_WORDS.contains(&word.key.as_str())
}

/// What a word sounds like: its Cologne code, or itself where that says nothing.
pub(crate) fn sound(word: &Word) -> String {
    let code = phonetic::cologne(&word.plain);
    if code.is_empty() { word.key.clone() } else { code }
}

pub(crate) fn begins(word: &Word) -> String {
    in_order(first(&word.key, END))
}

pub(crate) fn ends(word: &Word) -> String {
    in_order(last(&word.key, END))
}

/// The letters of an end in the order of the alphabet, so that two letters that were swapped lead to the same list.
fn in_order(end: &str) -> String {
    let mut letters: Vec<char> = end.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

/// A list of two words that stand in no order, ordered by what continues them.
fn unordered(kind: &str, a: (String, String), b: (String, String)) -> Entry {
    let ((first_end, first_rest), (last_end, last_rest)) = if a <= b { (a, b) } else { (b, a) };
    Entry {
        key: format!("{kind}|{first_end}|{last_end}"),
        refine: alternating(&first_rest, &last_rest),
    }
}

/// A letter of the one, a letter of the other, and so on.
fn alternating(a: &str, b: &str) -> String {
    let (mut a, mut b) = (a.chars(), b.chars());
    let mut mixed = String::new();
    for _ in 0..REFINE_MAX / 2 {
        mixed.push(a.next().unwrap_or('$'));
        mixed.push(b.next().unwrap_or('$'));
    }
    mixed
}

/// The letters behind the beginning of a word.
fn behind(word: &Word) -> String {
    word.key.chars().skip(END).collect()
}

/// The letters before the end of a word, read backwards.
fn before(word: &Word) -> String {
    word.key.chars().rev().skip(END).collect()
}

pub(crate) fn sounds(a: &Word, b: &Word) -> Entry {
    unordered("pp", (sound(a), String::new()), (sound(b), String::new()))
}

pub(crate) fn two_beginnings(a: &Word, b: &Word) -> Entry {
    unordered("bb", (begins(a), behind(a)), (begins(b), behind(b)))
}

pub(crate) fn two_ends(a: &Word, b: &Word) -> Entry {
    unordered("ee", (ends(a), before(a)), (ends(b), before(b)))
}

/// The beginning of a word with the first half of a postcode.
pub(crate) fn beginning_at(word: &Word, postcode: &str) -> Entry {
    Entry {
        key: format!("bp|{}|{}", begins(word), first(postcode, POSTCODE_HALF)),
        refine: alternating(&behind(word), postcode.get(POSTCODE_HALF..).unwrap_or("")),
    }
}

/// The end of a word with the last half of a postcode.
pub(crate) fn end_at(word: &Word, postcode: &str) -> Entry {
    let rest: String = postcode.chars().rev().skip(POSTCODE_HALF).collect();
    Entry {
        key: format!("ep|{}|{}", ends(word), last(postcode, POSTCODE_HALF)),
        refine: alternating(&before(word), &rest),
    }
}

/// The first letter of a word with a postcode.
pub(crate) fn letter_at(word: &Word, postcode: &str) -> Entry {
    Entry {
        key: format!("fp|{}|{postcode}", first(&word.key, 1)),
        refine: first(&word.key.chars().rev().collect::<String>(), REFINE_MAX).to_owned(),
    }
}

/// By its beginning, ordered by the letters behind it; `$` stands for the end of the word.
pub(crate) fn from_beginning(word: &Word) -> Entry {
    let rest: String = word.key.chars().skip(END).chain(std::iter::once('$')).collect();
    Entry {
        key: format!("b|{}", begins(word)),
        refine: first(&rest, REFINE_MAX).to_owned(),
    }
}

/// A given name by its beginning, apart from family names: their lists would become longer by it.
pub(crate) fn given_from_beginning(word: &Word) -> Entry {
    let entry = from_beginning(word);
    Entry {
        key: format!("g{}", entry.key),
        ..entry
    }
}

/// By its end, ordered by the letters before it, read backwards.
pub(crate) fn from_end(word: &Word) -> Entry {
    let rest: String = word.key.chars().rev().skip(END).chain(std::iter::once('$')).collect();
    Entry {
        key: format!("e|{}", ends(word)),
        refine: first(&rest, REFINE_MAX).to_owned(),
    }
}

/// By both its ends at once.
fn both_ends(word: &Word, letters: usize) -> Entry {
    Entry::whole(format!("o|{}|{}", first(&word.key, letters), last(&word.key, letters)))
}

/// Whether its ends would meet.
fn is_short(word: &Word) -> bool {
    word.key.chars().count() < 2 * END
}

/// The lists by both ends in which a typed word can stand. Around the limit of short words a letter too many or too few makes
/// it one of the other kind.
pub(crate) fn around_middle(word: &Word) -> Vec<Entry> {
    match word.key.chars().count() + 1 {
        ..6 => vec![both_ends(word, END - 1)],
        6..=7 => vec![both_ends(word, END), both_ends(word, END - 1)],
        _ => vec![both_ends(word, END)],
    }
}

/// By its sound in French and Italian.
pub(crate) fn from_sound(word: &Word) -> Entry {
    Entry::whole(format!("l|{}", phonetic::latin(&word.key)))
}

/// An e-mail address by its beginning, ordered by the rest of it: `$` stands between its two halves, so that the whole address
/// leads to those who have it, however many have the same name elsewhere. Addresses of an office begin with their domain: there
/// is an `info` everywhere.
pub(crate) fn email(address: &str) -> Option<Entry> {
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    let (local, domain) = (fold::compact(local), fold::compact(domain));
    let office = local.len() <= 4
        || [
            "info",
            "kontakt",
            "contact",
            "office",
            "mail",
            "admin",
            "sekretariat",
            "verkauf",
        ]
        .contains(&local.as_str());
    let text = if office && !domain.is_empty() {
        format!("{domain}{local}$")
    } else if local.is_empty() {
        return None;
    } else {
        format!("{local}${domain}")
    };
    let rest: String = text.chars().skip(EMAIL_BEGINNING).collect();
    Some(Entry {
        key: format!("m|{}", first(&text, EMAIL_BEGINNING)),
        refine: first(&rest, EMAIL_REFINE_MAX).to_owned(),
    })
}

/// An e-mail address by the end of what stands before its at sign, ordered by what is before that, read backwards.
pub(crate) fn email_end(address: &str) -> Option<Entry> {
    let local = fold::compact(address.split('@').next()?);
    if local.chars().count() <= EMAIL_BEGINNING {
        return None;
    }
    let rest: String = local.chars().rev().skip(EMAIL_BEGINNING).collect();
    Some(Entry {
        key: format!("me|{}", last(&local, EMAIL_BEGINNING)),
        refine: first(&rest, REFINE_MAX).to_owned(),
    })
}

/// A number or an id by its end, ordered by what is before it, read backwards.
pub(crate) fn number(kind: char, text: &str) -> Option<Entry> {
    if text.is_empty() {
        return None;
    }
    let rest: String = text.chars().rev().skip(NUMBER_END).collect();
    Some(Entry {
        key: format!("{kind}|{}", last(text, NUMBER_END)),
        refine: first(&rest, REFINE_MAX).to_owned(),
    })
}

/// The entries of a party, none twice; at most [`EXACT_MAX`] and [`ENTRIES_MAX`].
pub fn keys(party: &Searchable) -> Vec<Entry> {
    let mut found = Collected::default();
    let numbers = party
        .phones
        .iter()
        .filter_map(|phone| number('n', &fold::digits(phone)));
    let ids = party
        .external_ids
        .iter()
        .filter_map(|id| number('x', &fold::compact(id)));
    let emails = party
        .emails
        .iter()
        .flat_map(|address| [email(address), email_end(address)])
        .flatten();
    found.most = EXACT_MAX;
    emails.chain(numbers).chain(ids).for_each(|entry| found.add(entry));
    // What is left over of the one is none of the other's.
    found.most = found.entries.len() + ENTRIES_MAX;
    for name in &party.names {
        found.name(name, &party.places);
    }
    found.entries
}

#[derive(Default)]
struct Collected {
    entries: Vec<Entry>,
    most: usize,
    seen: BTreeSet<Entry>,
}

impl Collected {
    fn add(&mut self, entry: Entry) {
        if self.entries.len() < self.most && self.seen.insert(entry.clone()) {
            self.entries.push(entry);
        }
    }

    fn name(&mut self, name: &Name, places: &[Place]) {
        match name {
            Name::Person(given, family) => {
                let (given, family) = (telling(given), telling(family));
                for family in &family {
                    given.iter().for_each(|given| self.pair(given, family));
                    self.single(family);
                    self.at(family, places);
                }
                given.iter().for_each(|given| self.add(given_from_beginning(given)));
            }
            Name::Organisation(name) => {
                let words = telling(name);
                for (at, word) in words.iter().enumerate() {
                    // The first two words tell most; pairs of others would only make more entries.
                    words
                        .iter()
                        .skip(at + 1)
                        .take(2_usize.saturating_sub(at))
                        .for_each(|other| self.pair(word, other));
                    self.single(word);
                    if at == 0 {
                        self.at(word, places);
                    }
                }
            }
        }
    }

    fn pair(&mut self, a: &Word, b: &Word) {
        for key in [two_beginnings(a, b), two_ends(a, b)] {
            self.add(key);
        }
    }

    fn single(&mut self, word: &Word) {
        self.add(from_beginning(word));
        self.add(from_end(word));
        self.add(from_sound(word));
        self.add(both_ends(word, if is_short(word) { END - 1 } else { END }));
    }

    fn at(&mut self, word: &Word, places: &[Place]) {
        for place in places {
            let postcode = fold::compact(&place.postcode);
            if !postcode.is_empty() {
                self.add(beginning_at(word, &postcode));
                self.add(end_at(word, &postcode));
                self.add(letter_at(word, &postcode));
            }
            let town = telling(&place.town).into_iter().next();
            town.iter().for_each(|town| self.add(sounds(word, town)));
        }
    }
}

/// The features of a party; see [`crate::print`].
pub fn features(party: &Searchable) -> Vec<String> {
    let mut words = Vec::new();
    for name in &party.names {
        match name {
            Name::Person(given, family) => {
                words.extend(telling(given));
                words.extend(telling(family));
            }
            Name::Organisation(name) => words.extend(telling(name)),
        }
    }
    for place in &party.places {
        words.extend(fold::words(&place.postcode));
        words.extend(fold::words(&place.town));
    }
    crate::print::features(&words)
}
