//! Words as they are compared: without case, accents, apostrophes, hyphens and spelling variants.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest word that is looked at, in characters; what is behind it does not count.
pub const WORD_MAX: usize = 40;

/// A word in its three forms. All are lower case letters and digits without accents.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word {
    /// With ä as a.
    pub plain: String,
    /// With ä as ae.
    pub spelt: String,
    /// For keys: ä, ae and a are one, y is i, double letters are single.
    pub key: String,
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It may be a name.
        f.debug_struct("Word").finish_non_exhaustive()
    }
}

/// The words of a text in their order. Apostrophes join, everything else that is neither letter nor digit separates.
pub fn words(text: &str) -> Vec<Word> {
    // Composed first: a u with two dots of its own is an ü.
    let text: String = text
        .nfc()
        .filter(|c| !matches!(c, '\'' | '’' | '‘' | '`' | '´'))
        .collect();
    text.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
        .filter(|piece| !piece.is_empty())
        .map(Word::of)
        .filter(|word| !word.key.is_empty())
        .collect()
}

impl Word {
    fn of(piece: &str) -> Self {
        let piece: String = piece.chars().take(WORD_MAX).collect();
        let plain = street(base(&piece));
        let spelt = street(base(&umlauts_spelt(&piece)));
        let key = key_form(&plain);
        Self { plain, spelt, key }
    }
}

fn umlauts_spelt(text: &str) -> String {
    let mut spelt = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ä' | 'Ä' => spelt.push_str("ae"),
            'ö' | 'Ö' => spelt.push_str("oe"),
            'ü' | 'Ü' => spelt.push_str("ue"),
            c => spelt.push(c),
        }
    }
    spelt
}

/// Lower case without accents; letters that do not decompose are replaced by the usual ones.
fn base(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
    {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'þ' => folded.push_str("th"),
            c if c.is_alphanumeric() => folded.push(c),
            _ => {}
        }
    }
    folded
}

/// `str` at the end of a word is `strasse`.
fn street(word: String) -> String {
    match word.strip_suffix("str") {
        Some(name) if !name.is_empty() => format!("{name}strasse"),
        _ => word,
    }
}

fn key_form(plain: &str) -> String {
    let mut key = String::with_capacity(plain.len());
    let mut letters = plain.chars().peekable();
    while let Some(c) = letters.next() {
        let c = if c == 'y' { 'i' } else { c };
        // An umlaut spelt with an e.
        if matches!(c, 'a' | 'o' | 'u') && letters.peek() == Some(&'e') {
            letters.next();
        }
        if c.is_ascii_digit() || !key.ends_with(c) {
            key.push(c);
        }
    }
    key
}

/// The first `n` characters, or all.
pub fn first(word: &str, n: usize) -> &str {
    word.char_indices()
        .nth(n)
        .map_or(word, |(at, _)| word.get(..at).unwrap_or(word))
}

/// The last `n` characters, or all.
pub fn last(word: &str, n: usize) -> &str {
    let skip = word.chars().count().saturating_sub(n);
    word.char_indices()
        .nth(skip)
        .map_or("", |(at, _)| word.get(at..).unwrap_or(""))
}

/// Only the letters and digits of a text, folded: ids and numbers are compared so.
pub fn compact(text: &str) -> String {
    base(text)
}

/// Only the digits.
pub fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.key).collect()
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for (a, b) in [
            ("Müller", "Mueller"),
            ("Müller", "MULLER"),
            ("Mu\u{308}ller", "Müller"),
            ("Weiß", "Weiss"),
            ("Hofstr. 3", "Hofstrasse 3"),
            ("Hofstraße", "Hofstr"),
            ("D'Angelo", "D’Angelo"),
            ("Meyer", "Meier"),
            ("Zoë", "Zoe"),
            ("Łukasz", "lukasz"),
            ("Meier-Huber", "Meier Huber"),
        ] {
            assert_eq!(keys(a), keys(b), "{a} {b}");
        }
        assert_ne!(keys("Meier"), keys("Maurer"));
        assert_eq!(keys("8003"), ["8003"], "digits stay double");
        assert_eq!(keys(" -.' "), Vec::<String>::new());
    }

    #[test]
    fn an_umlaut_is_found_in_both_spellings() {
        let word = words("Jürg").remove(0);
        assert_eq!((word.plain.as_str(), word.spelt.as_str()), ("jurg", "juerg"));
    }

    #[test]
    fn ends_of_words_are_counted_in_characters() {
        assert_eq!((first("žtř", 2), last("žtř", 2)), ("žt", "tř"));
        assert_eq!((first("ab", 3), last("ab", 3)), ("ab", "ab"));
        assert_eq!(last("", 3), "");
    }
}
