//! Texts that are printed or shown: on receipts and labels, in letters, at tills and in the office.

/// Whether `text` prints as it reads: one line, in the order of its characters, nothing hidden in it.
pub fn is_printable(text: &str) -> bool {
    // Most texts are plain, and bytes are quicker to look at than characters: a fold without an early exit looks at several at once.
    let plain = text
        .bytes()
        .fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    plain || !text.chars().any(breaks_print)
}

/// Whether `text` is a printable line that shows something and has at most `max` characters.
pub fn is_line(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && is_printable(text)
}

/// Controls, breaks of lines and paragraphs, marks that turn the direction of what follows, and characters that take no room:
/// with them two texts look the same and are not, or a label says something else than the table.
fn breaks_print(c: char) -> bool {
    // The letters of Western Europe need no look at a table.
    !matches!(c, ' '..='~' | '\u{ae}'..='\u{2ff}') && is_among_them(c)
}

fn is_among_them(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' // soft hyphen
                | '\u{61c}' // mark of Arabic direction
                | '\u{180e}' // Mongolian vowel separator
                | '\u{200b}'..='\u{200f}' // without width, and marks of direction
                | '\u{2028}'..='\u{202e}' // line and paragraph; embedding and overriding of direction
                | '\u{2060}'..='\u{206f}' // word joiner, isolation of direction, deprecated formats
                | '\u{feff}' // byte order mark
                | '\u{fff9}'..='\u{fffb}' // annotations between the lines
                | '\u{e0000}'..='\u{e007f}' // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_scripts_print() {
        for text in [
            "Zoë d'Été-Ağaoğlu",
            "東京 商店",
            "محمد",
            "O’Brien & Söhne №5 – «Treue» 😀",
            "a\u{a0}b",
        ] {
            assert!(is_printable(text), "{text}");
        }
    }

    #[test]
    fn what_breaks_a_line_hides_or_turns_text_does_not_print() {
        let broken = "\0\t\n\r\u{7f}\u{85}\u{ad}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\
                      \u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{206f}\u{feff}\u{fffb}\u{e0041}";
        for c in broken.chars() {
            assert!(!is_printable(&format!("a{c}b")), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn the_letters_that_are_not_looked_up_are_none_of_those() {
        for c in '\0'..=char::MAX {
            assert_eq!(breaks_print(c), is_among_them(c), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn a_line_shows_something_and_is_counted_in_characters() {
        assert!(is_line(&"é".repeat(42), 42));
        for text in ["", "  ", "\u{a0}", "a\nb", &"é".repeat(43)] {
            assert!(!is_line(text, 42), "{text:?}");
        }
    }
}
