//! Lines that are too long become shorter at a word.

/// A line as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fitted {
    pub(super) text: String,
    /// Characters that the line has and that are not printed.
    pub(super) lost: usize,
}

/// The words of a text with one space between them.
pub(super) fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// A text instead of a longer one.
fn instead_of(whole: &str, text: String) -> Fitted {
    let lost = count(whole).saturating_sub(count(&text));
    Fitted { text, lost }
}

/// As much of a text as fits, up to the end of a word.
pub(super) fn fit(text: &str, max: usize) -> Fitted {
    instead_of(text, cut(text, max))
}

/// Words that fit, or the beginning of the first one.
fn cut(text: &str, max: usize) -> String {
    if count(text) <= max {
        return text.to_owned();
    }
    let head: String = text.chars().take(max).collect();
    let next = text.chars().nth(max);
    // A space after the last character that fits: it was a whole word.
    let whole_word = next == Some(' ');
    let words = if whole_word {
        head.trim_end()
    } else {
        head.rsplit_once(' ').map_or("", |(words, _)| words.trim_end())
    };
    if words.is_empty() {
        within_word(&head, next)
    } else {
        words.to_owned()
    }
}

/// The beginning of a word; an accent that is a character of its own is not torn from its letter.
fn within_word(head: &str, next: Option<char>) -> String {
    let is_mark = |c: char| ('\u{300}'..='\u{36f}').contains(&c);
    let mut text = head.to_owned();
    if next.is_some_and(is_mark) {
        while text.pop().is_some_and(is_mark) {}
    }
    text
}

/// A text with an end that is kept whole: a street and its number.
pub(super) fn with_tail(text: &str, tail: &str, max: usize) -> Fitted {
    ends(text, tail, max, |text, tail| format!("{text} {tail}"))
}

/// A text with a beginning that is kept whole: a postcode and its town.
pub(super) fn with_head(head: &str, text: &str, max: usize) -> Fitted {
    ends(text, head, max, |text, head| format!("{head} {text}"))
}

fn ends(text: &str, kept: &str, max: usize, join: fn(&str, &str) -> String) -> Fitted {
    if text.is_empty() || kept.is_empty() {
        return fit(if text.is_empty() { kept } else { text }, max);
    }
    let whole = join(text, kept);
    let room = max.saturating_sub(count(kept)).saturating_sub(1);
    let text = cut(text, room);
    if text.is_empty() {
        return instead_of(&whole, cut(kept, max));
    }
    instead_of(&whole, join(&text, kept))
}

/// The names of a person: given names give way before the family name.
pub(super) fn person(given: &str, family: &str, max: usize) -> Fitted {
    let whole = joined(&format!("{given} {family}"));
    let names: Vec<&str> = given.split(' ').filter(|name| !name.is_empty()).collect();
    // The first given name is the longest to stay whole.
    for kept in [names.len(), 1, 0] {
        let shorter = names.iter().enumerate().map(|(index, name)| {
            if index < kept {
                (*name).to_owned()
            } else {
                initials(name)
            }
        });
        let given = shorter.collect::<Vec<_>>().join(" ");
        let text = joined(&format!("{given} {family}"));
        if count(&text) <= max {
            return instead_of(&whole, text);
        }
    }
    instead_of(&whole, cut(family, max))
}

/// `Jean-Pierre` becomes `J.-P.`
fn initials(name: &str) -> String {
    let parts = name.split('-').filter_map(|part| part.chars().next());
    parts.map(|first| format!("{first}.")).collect::<Vec<_>>().join("-")
}
