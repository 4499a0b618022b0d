//! Texts as people type them become clean ones: composed (NFC), trimmed, accents and case kept. What a field cannot be is
//! said with its code; the texts themselves are never repeated.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use domain::text::is_printable;
use domain::violation::Violation;
use email_address::{EmailAddress, Options};
use phonenumber::Mode;
use unicode_normalization::UnicodeNormalization;

use crate::Personal;
use crate::contact::Country;

/// Longest e-mail address, in bytes (RFC 5321).
const EMAIL_MAX: usize = 254;
/// Longest telephone number as it is typed, in characters.
const PHONE_MAX: usize = 40;
/// First and last year of a date in a party.
const YEARS: std::ops::RangeInclusive<i32> = 1850..=2200;

/// What was found about the fields of a body.
#[derive(Debug, Default)]
pub struct Found(Vec<Violation>);

impl Found {
    /// Notes a finding.
    pub fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(Violation::new(pointer, code, detail));
    }

    /// Reads a field that has a type of its own.
    pub fn field<T: FromStr<Err: Display>>(&mut self, pointer: impl Into<String>, text: &str) -> Option<T> {
        let read = text.parse();
        read.map_err(|error: T::Err| self.add(pointer, "malformed", error.to_string()))
            .ok()
    }

    /// Whether nothing was found.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything found, in the order of the fields.
    pub fn into_violations(self) -> Vec<Violation> {
        self.0
    }
}

/// A line of at most `max` characters with a letter or digit in it.
pub fn line(pointer: impl Into<String>, text: &str, max: usize, found: &mut Found) -> Option<Personal> {
    let clean: String = text.trim().nfc().collect();
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

/// An e-mail address without name and without literal host; the domain in lower case, the mailbox as it was typed.
pub fn email(pointer: impl Into<String>, text: &str, found: &mut Found) -> Option<Personal> {
    let clean: String = text.trim().nfc().collect();
    let options = Options::default()
        .without_display_text()
        .without_domain_literal()
        .with_required_tld();
    let read = if clean.len() <= EMAIL_MAX && is_printable(&clean) {
        EmailAddress::parse_with_options(&clean, options).ok()
    } else {
        None
    };
    let Some(read) = read else {
        found.add(
            pointer,
            "email_malformed",
            "must be an e-mail address such as name@example.ch",
        );
        return None;
    };
    let (mailbox, domain) = (read.local_part(), read.domain().to_lowercase());
    Some(Personal::new(format!("{mailbox}@{domain}")))
}

/// A telephone number in E.164; without a country's prefix it is a Swiss one.
pub fn phone(pointer: impl Into<String>, text: &str, found: &mut Found) -> Option<Personal> {
    let read = if text.chars().count() <= PHONE_MAX && is_printable(text) {
        phonenumber::parse(Some(phonenumber::country::CH), text.trim()).ok()
    } else {
        None
    };
    let valid = read.filter(|number| number.is_valid() && number.extension().is_none());
    let Some(number) = valid else {
        let detail = "must be a telephone number that exists, such as +41 44 668 18 00";
        found.add(pointer, "phone_malformed", detail);
        return None;
    };
    Some(Personal::new(number.format().mode(Mode::E164).to_string()))
}

/// A postcode as its country writes it.
pub fn postcode(pointer: impl Into<String>, text: &str, country: &Country, found: &mut Found) -> Option<Personal> {
    let clean = text.trim().to_uppercase();
    let digits = match country.as_str() {
        "CH" | "LI" | "AT" | "BE" | "DK" | "LU" => Some(4),
        "DE" | "FR" | "IT" | "ES" => Some(5),
        _ => None,
    };
    let fits = match digits {
        Some(count) => {
            let all_digits = clean.len() == count && clean.bytes().all(|b| b.is_ascii_digit());
            // Germany, France, Italy and Spain have leading zeros; the countries of four digits do not.
            all_digits && (count == 5 || !clean.starts_with('0')) && in_range(country, &clean)
        }
        None => {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b' ' || b == b'-';
            (1..=10).contains(&clean.len()) && clean.bytes().all(allowed)
        }
    };
    if fits {
        return Some(Personal::new(clean));
    }
    let detail = match digits {
        Some(count) => format!(
            "must be one of the postcodes of {} with {count} digits",
            country.as_str()
        ),
        None => "must have 1 to 10 letters, digits, spaces and dashes".to_owned(),
    };
    found.add(pointer, "postcode_malformed", detail);
    None
}

/// Whether a postcode of digits lies between the first and the last one of its country, where those are sold to most.
fn in_range(country: &Country, digits: &str) -> bool {
    let (first, last) = match country.as_str() {
        "CH" => ("1000", "9999"),
        "LI" => ("9485", "9498"),
        "DE" => ("01001", "99998"),
        "AT" => ("1010", "9999"),
        "FR" => ("01000", "98999"),
        "IT" => ("00010", "98199"),
        _ => return true,
    };
    (first..=last).contains(&digits)
}

/// An instant (RFC 3339) that is not after `now`, from 1850 on.
pub fn instant(pointer: impl Into<String>, text: &str, now: DateTime<Utc>, found: &mut Found) -> Option<DateTime<Utc>> {
    let Ok(read) = DateTime::parse_from_rfc3339(text) else {
        let detail = "must be an instant such as 2026-11-24T12:00:00Z";
        found.add(pointer, "instant_malformed", detail);
        return None;
    };
    let read = read.with_timezone(&Utc);
    if read > now || !YEARS.contains(&read.year()) {
        found.add(pointer, "date_out_of_range", "must not be after now, nor before 1850");
        return None;
    }
    Some(read)
}

/// A date as `YYYY-MM-DD`, from 1850 to 2200.
pub fn date(pointer: impl Into<String>, text: &str, found: &mut Found) -> Option<NaiveDate> {
    let read = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    // One spelling: chrono also takes `2026-1-2`.
    let read = read.filter(|date| YEARS.contains(&date.year()) && date.to_string() == text);
    if read.is_none() {
        found.add(
            pointer,
            "date_malformed",
            "must be a date as YYYY-MM-DD from 1850 to 2200",
        );
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(read: impl Fn(&mut Found) -> Option<Personal>) -> Result<String, &'static str> {
        let mut found = Found::default();
        let text = read(&mut found);
        let first = found.into_violations().into_iter().next();
        match (text, first) {
            (Some(text), None) => Ok(text.as_str().to_owned()),
            (None, Some(violation)) => Err(violation.code),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_email_address_keeps_its_mailbox_and_loses_nothing_else_than_case_of_its_domain() {
        let email = |text: &str| clean(|found| email("/email", text, found));
        for (given, kept) in [
            (" Max.Muster@Example.CH ", "Max.Muster@example.ch"),
            ("o'brien+shop@mail.example.co.uk", "o'brien+shop@mail.example.co.uk"),
            ("zoe\u{308}@müller.example", "zoë@müller.example"),
        ] {
            assert_eq!(email(given), Ok(kept.to_owned()), "{given}");
        }
        for bad in [
            "",
            "max",
            "max@",
            "@example.ch",
            "max@localhost",
            "Max <max@example.ch>",
            "max@[127.0.0.1]",
            "max@exam ple.ch",
            "max@example..ch",
            "a@b@example.ch",
            "max\n@example.ch",
            &format!("{}@example.ch", "x".repeat(65)),
        ] {
            assert_eq!(email(bad), Err("email_malformed"), "{bad}");
        }
    }

    #[test]
    fn a_telephone_number_becomes_e164_and_must_exist() {
        let phone = |text: &str| clean(|found| phone("/phone", text, found));
        for (given, kept) in [
            ("044 668 18 00", "+41446681800"),
            ("079/123 45 67", "+41791234567"),
            ("0041 79 123 45 67", "+41791234567"),
            ("+49 (0)30 901820", "+4930901820"),
            ("+423 237 74 00", "+4232377400"),
        ] {
            assert_eq!(phone(given), Ok(kept.to_owned()), "{given}");
        }
        for bad in [
            "",
            "12",
            "call me",
            "+41 44 668 18",
            "+999 123456789",
            "044 668 18 00 x12",
            &"0".repeat(41),
        ] {
            assert_eq!(phone(bad), Err("phone_malformed"), "{bad}");
        }
    }

    #[test]
    fn a_postcode_is_written_as_in_its_country() {
        let postcode = |text: &str, country: &str| {
            let country = country.parse().unwrap();
            clean(|found| postcode("/postcode", text, &country, found))
        };
        for (text, country, good) in [
            ("8001", "CH", true),
            ("800", "CH", false),
            ("08001", "CH", false),
            ("0001", "CH", false),
            ("CH-8001", "CH", false),
            ("9490", "LI", true),
            ("9484", "LI", false),
            ("9499", "LI", false),
            ("1010", "AT", true),
            ("1000", "AT", false),
            ("75001", "FR", true),
            ("99999", "FR", false),
            ("00118", "IT", true),
            ("99100", "IT", false),
            ("00000", "DE", false),
            ("01067", "DE", true),
            ("1067", "DE", false),
            ("sw1a 1aa", "GB", true),
            ("", "GB", false),
            ("12345678901", "US", false),
            ("٨٠٠١", "CH", false),
        ] {
            assert_eq!(postcode(text, country).is_ok(), good, "{text} {country}");
        }
        assert_eq!(postcode("sw1a 1aa", "GB"), Ok("SW1A 1AA".to_owned()));
    }

    #[test]
    fn a_date_has_one_spelling_and_a_sensible_year() {
        let date = |text: &str| date("/birth_date", text, &mut Found::default()).is_some();
        assert!(date("2000-02-29"));
        for bad in [
            "2001-02-29",
            "2000-2-29",
            "29.02.2000",
            "1849-12-31",
            "2201-01-01",
            "",
            "+12000-01-01",
        ] {
            assert!(!date(bad), "{bad}");
        }
    }

    #[test]
    fn a_line_keeps_its_accents_and_prints_as_it_reads() {
        let line = |text: &str| clean(|found| line("/town", text, 60, found));
        assert_eq!(
            line("  Zoe\u{308} d'Été-Ağaoğlu "),
            Ok("Zo\u{eb} d'Été-Ağaoğlu".to_owned())
        );
        for hidden in [
            "Mus\u{200b}ter",
            "Mus\u{61c}ter",
            "Mus\u{200f}ter",
            "Mus\u{2029}ter",
            "a\nb",
        ] {
            assert_eq!(line(hidden), Err("text_unprintable"), "{hidden:?}");
        }
        for (count, good) in [(0, false), (1, true), (60, true), (61, false)] {
            assert_eq!(line(&"é".repeat(count)).is_ok(), good, "{count}");
        }
        assert_eq!(line(" - "), Err("text_out_of_range"));
    }
}
