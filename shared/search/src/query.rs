//! What was typed, and which lists are read for it.

use std::fmt;

use crate::fold::{self, Word, first};
use crate::keys::{self, Entry, NUMBER_END};
use crate::print;

/// Lists read for one query at most.
pub const READS_MAX: usize = 14;
/// Lists read at once in the beginning; the others wait for what was cut among them.
pub const READS_FIRST: usize = 8;
/// Letters by which a cut list of two words is narrowed down.
const NARROWER: usize = 2;
/// Longest query, in characters.
pub const TEXT_MAX: usize = 200;
/// Words of a query that lists are read for; the others still count for the ranking.
const READ_WORDS_MAX: usize = 4;
/// Words, and numbers, that a query can have; what is behind them does not count.
const WORDS_MAX: usize = 8;
/// Digits of the shortest number that is not taken for a postcode.
const NUMBER_MIN: usize = 6;
/// Letters of the shortest word that a list is read for.
const WORD_MIN: usize = 2;

/// A query, understood. `Debug` does not show it: it names a person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Parts of names, companies and towns.
    pub words: Vec<Word>,
    /// Postcodes.
    pub postcodes: Vec<String>,
    /// E-mail addresses, or what has an at sign.
    pub emails: Vec<String>,
    /// Digits of phone numbers, or of ids that have digits only.
    pub numbers: Vec<String>,
    /// Ids in other systems: letters with digits, or few digits.
    pub ids: Vec<Id>,
}

/// What is an id, or a name such as `Studio54`.
#[derive(Clone, PartialEq, Eq)]
pub struct Id {
    /// Its letters and digits.
    pub text: String,
    /// Its words that have letters.
    pub words: Vec<Word>,
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Id").finish_non_exhaustive()
    }
}

impl Id {
    /// An id as it was typed.
    pub fn of(piece: &str) -> Self {
        let mut words = fold::words(piece);
        words.retain(|word| word.key.contains(char::is_alphabetic) && word.key.chars().count() >= WORD_MIN);
        Self {
            text: fold::compact(piece),
            words,
        }
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").finish_non_exhaustive()
    }
}

/// A list to be read, or the part of it whose order begins with `refine`.
#[derive(Clone, PartialEq, Eq)]
pub struct Read {
    /// The list.
    pub key: String,
    /// Only entries whose order begins so.
    pub refine: String,
    /// The part to read too when this one is cut.
    pub narrower: Option<String>,
    /// Whether it leads to those who have exactly what was typed: they are looked at before all others.
    pub exact: bool,
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").finish_non_exhaustive()
    }
}

impl Read {
    /// A whole list, and what to narrow it down to.
    fn whole(entry: Entry) -> Self {
        let narrower = first(&entry.refine, NARROWER).to_owned();
        Self {
            key: entry.key,
            refine: String::new(),
            narrower: (!narrower.is_empty()).then_some(narrower),
            exact: false,
        }
    }

    /// The part of an entry's list in which the first `letters` of its order are the same.
    fn part(entry: &Entry, letters: usize) -> Self {
        Self {
            key: entry.key.clone(),
            refine: first(entry.refine.trim_end_matches('$'), letters).to_owned(),
            narrower: None,
            exact: false,
        }
    }

    /// Those who have what an entry is made of.
    fn exact(entry: &Entry) -> Self {
        Self {
            exact: true,
            ..Self::part(entry, entry.refine.chars().count())
        }
    }
}

impl Query {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let text: String = text.chars().take(TEXT_MAX).collect();
        let mut number = String::new();
        for piece in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')) {
            if is_numeric(piece) {
                let begins_anew = piece.starts_with(['+', '0']);
                let ends = begins_anew && is_postcode(&number);
                if ends || number.starts_with('+') && piece.starts_with('+') {
                    query.number(&std::mem::take(&mut number));
                }
                number.push_str(piece);
                continue;
            }
            query.number(&std::mem::take(&mut number));
            query.piece(piece);
        }
        query.number(&number);
        query.bound();
        query
    }

    fn number(&mut self, text: &str) {
        let digits = fold::digits(text);
        if is_postcode(text) {
            self.postcodes.push(digits);
        } else if digits.len() >= NUMBER_MIN {
            self.numbers.push(national(text));
        } else if !digits.is_empty() {
            // A short id.
            self.ids.push(Id::of(&digits));
        }
    }

    fn piece(&mut self, piece: &str) {
        if piece.contains('@') {
            self.emails.push(piece.to_owned());
        } else if piece.contains(|c: char| c.is_ascii_digit()) && piece.contains(char::is_alphabetic) {
            self.ids.push(Id::of(piece));
        } else {
            self.words.extend(fold::words(piece));
        }
    }

    fn bound(&mut self) {
        if self.words.iter().any(|word| !keys::is_empty_word(word)) {
            self.words.retain(|word| !keys::is_empty_word(word));
        }
        self.words.truncate(WORDS_MAX);
        for list in [&mut self.postcodes, &mut self.emails, &mut self.numbers] {
            list.truncate(2);
        }
        self.ids.truncate(2);
    }

    /// Whether it says too little to read any list.
    pub fn is_empty(&self) -> bool {
        self.reads().is_empty()
    }

    /// The features of what was typed; see [`print`].
    pub fn features(&self) -> Vec<String> {
        let mut words = self.all_words();
        words.extend(self.postcodes.iter().flat_map(|postcode| fold::words(postcode)));
        print::features(&words)
    }

    /// The words, and those of the e-mail addresses and ids.
    fn all_words(&self) -> Vec<Word> {
        let mut words = self.words.clone();
        words.extend(self.ids.iter().flat_map(|id| id.words.iter().cloned()));
        for address in &self.emails {
            let local = address.split('@').next().unwrap_or(address);
            let letters: String = local
                .chars()
                .map(|c| if c.is_ascii_digit() { ' ' } else { c })
                .collect();
            words.extend(fold::words(&letters));
        }
        words
    }

    /// The lists to read, the most selective first; at most [`READS_MAX`], none twice.
    pub fn reads(&self) -> Vec<Read> {
        let mut reads = Vec::new();
        self.exact(&mut reads);
        let mut words = self.all_words();
        words.retain(|word| word.key.chars().count() >= WORD_MIN);
        // Long words are rarer.
        words.sort_by_key(|word| std::cmp::Reverse(word.key.len()));
        words.truncate(READ_WORDS_MAX);
        if words.is_empty() {
            self.short_ids(&mut reads);
        } else {
            self.pairs(&words, &mut reads);
            // Behind the pairs: with a name it is mostly a postcode.
            self.short_ids(&mut reads);
        }
        for word in &words {
            singles(word, &mut reads);
        }
        let mut seen: Vec<Read> = Vec::with_capacity(READS_MAX);
        for read in reads {
            if seen.len() < READS_MAX && !seen.contains(&read) {
                seen.push(read);
            }
        }
        seen
    }

    fn exact(&self, reads: &mut Vec<Read>) {
        for entry in self.emails.iter().filter_map(|address| keys::email(address)) {
            reads.push(Read::exact(&entry));
            // The domain has a typing error.
            let local = entry.refine.find('$').unwrap_or(entry.refine.len());
            reads.push(Read {
                exact: true,
                ..Read::part(&entry, entry.refine.get(..local).unwrap_or("").chars().count())
            });
            reads.push(Read::part(&entry, 4));
        }
        for entry in self.emails.iter().filter_map(|address| keys::email_end(address)) {
            reads.push(Read::part(&entry, 4));
            reads.push(Read::part(&entry, 1));
        }
        for number in &self.numbers {
            let entries = ['n', 'x'].map(|kind| keys::number(kind, number));
            reads.extend(entries.iter().flatten().map(Read::exact));
        }
        let ids = self.ids.iter().filter_map(|id| keys::number('x', &id.text));
        reads.extend(ids.map(|entry| Read::exact(&entry)));
    }

    /// Three to five digits are an id too.
    fn short_ids(&self, reads: &mut Vec<Read>) {
        let ids = self.postcodes.iter().filter_map(|digits| keys::number('x', digits));
        reads.extend(ids.map(|entry| Read::exact(&entry)));
    }

    fn pairs(&self, words: &[Word], reads: &mut Vec<Read>) {
        let pairs: Vec<_> = words
            .iter()
            .enumerate()
            .flat_map(|(at, a)| words.iter().skip(at + 1).map(move |b| (a, b)))
            .collect();
        let mut add = |entry| reads.push(Read::whole(entry));
        for postcode in &self.postcodes {
            words.iter().for_each(|word| add(keys::beginning_at(word, postcode)));
            words.iter().for_each(|word| add(keys::end_at(word, postcode)));
            words.iter().for_each(|word| add(keys::letter_at(word, postcode)));
        }
        pairs.iter().for_each(|(a, b)| add(keys::two_beginnings(a, b)));
        pairs.iter().for_each(|(a, b)| add(keys::two_ends(a, b)));
        pairs.iter().for_each(|(a, b)| add(keys::sounds(a, b)));
    }
}

/// Lists of one word. An error leaves the half of it before or behind it as it is: both ends are read in parts of
/// several lengths, because a short part of a frequent name is cut.
fn singles(word: &Word, reads: &mut Vec<Read>) {
    let (beginning, end) = (keys::from_beginning(word), keys::from_end(word));
    let letters = word.key.chars().count();
    if letters < keys::END {
        // So short a word is found as a whole only.
        reads.push(Read {
            key: beginning.key,
            refine: "$".to_owned(),
            narrower: None,
            exact: false,
        });
        return;
    }
    let mut part = |entry: &Entry, letters: usize| reads.push(Read::part(entry, letters.saturating_sub(keys::END)));
    // Typed rightly; wrong in the middle; wrong at one end.
    part(&beginning, letters);
    keys::around_middle(word).iter().for_each(|entry| part(entry, 0));
    for length in [letters.saturating_sub(3), letters / 2] {
        part(&beginning, length);
        part(&end, length);
    }
    part(&keys::from_sound(word), 0);
    part(&keys::given_from_beginning(word), letters);
    for length in [letters * 3 / 4, keys::END] {
        part(&beginning, length);
        part(&end, length);
    }
}

fn is_numeric(piece: &str) -> bool {
    piece.contains(|c: char| c.is_ascii_digit())
        && piece
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '(' | ')' | '-' | '/' | '.'))
}

fn is_postcode(text: &str) -> bool {
    (3..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits of a number without the zeros of its trunk or international prefix, nor the `(0)` between country and area.
fn national(text: &str) -> String {
    let digits = fold::digits(&text.replace("(0)", ""));
    let shortened = digits.trim_start_matches('0');
    if shortened.len() < NUMBER_END {
        digits
    } else {
        shortened.to_owned()
    }
}
