//! The address block of a letter, ready to print, and its salutation.
//!
//! From top to bottom, as Swiss letters have it: company, title, name, extra lines, street with house number, post box, postcode
//! with town, and abroad the country. That is at most [`LINES_MAX`] lines of at most [`Layout::line_max`] characters, as printers
//! take them. Accents and capitals stay as the party has them.
//!
//! # What does not fit in height
//! Until six lines are left, in this order: the title goes in front of the name if that line has room for both (nothing is lost);
//! else it is left out; extra lines are left out, the last one first, except those that say in whose care; the street is left out
//! if there is a post box, for the letter goes there; lines of care are left out, the last one first. Company, name, post box,
//! town and country always stay.
//!
//! # What does not fit in width
//! Given names after the first become initials, then the first one too: the family name is what stands on the letter box. House
//! number and postcode stay whole, street and town give way. Everything else is cut after the last whole word, or within the word
//! if it is longer than the line.
//!
//! Whatever is lost is in [`Block::findings`].

mod country;
mod fit;
mod salutation;

use domain::till_text::Language;
use party::Identity;
use party::Personal;
use party::contact::{Country, Postal};
use party::document::Gender;
use serde::Serialize;

pub use country::name as country_name;
pub use salutation::SALUTATION_MAX;

use fit::{Fitted, fit, joined, person, with_head, with_tail};

/// Most lines of a block.
pub const LINES_MAX: usize = 6;
/// Characters of a line if nothing else is said.
pub const LINE_MAX_DEFAULT: u8 = 35;
/// Fewest characters a line can be given.
pub const LINE_MAX_LEAST: u8 = 20;
/// Most characters a line can be given.
pub const LINE_MAX_MOST: u8 = 80;

/// Who sends, and how long lines are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    line_max: u8,
    country: Country,
    language: Language,
}

/// A length of lines that no printer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line of an address has 20 to 80 characters")]
pub struct InvalidLineMax;

impl Layout {
    /// Lines of `line_max` characters in letters from `country`, where carriers read `language`.
    ///
    /// # Errors
    /// [`InvalidLineMax`] outside [`LINE_MAX_LEAST`] to [`LINE_MAX_MOST`].
    pub fn new(line_max: u8, country: Country, language: Language) -> Result<Self, InvalidLineMax> {
        if (LINE_MAX_LEAST..=LINE_MAX_MOST).contains(&line_max) {
            Ok(Self {
                line_max,
                country,
                language,
            })
        } else {
            Err(InvalidLineMax)
        }
    }

    /// Most characters of a line.
    pub const fn line_max(&self) -> u8 {
        self.line_max
    }

    /// Whether a letter to `country` needs the country's name. Switzerland and Liechtenstein share postcodes and inland mail.
    fn is_abroad(&self, country: &Country) -> bool {
        const INLAND: [&str; 2] = ["CH", "LI"];
        let shared = INLAND.contains(&country.as_str()) && INLAND.contains(&self.country.as_str());
        *country != self.country && !shared
    }
}

/// To whom and where.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The person or the organisation.
    pub identity: &'a Identity,
    /// Of a person, when known.
    pub gender: Option<Gender>,
    /// Of the title and the salutation.
    pub language: Language,
    /// The organisation for which a person is written to.
    pub company: Option<&'a Personal>,
    /// Where.
    pub postal: &'a Postal,
}

/// A part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// An organisation.
    Company,
    /// Herr, Madame, ….
    Title,
    /// A person's names.
    Name,
    /// A line above the street.
    Extra,
    /// A line above the street that says in whose care.
    CareOf,
    /// Street and house number.
    Street,
    /// Post box.
    PoBox,
    /// Postcode and town.
    Town,
    /// The country's name.
    Country,
}

/// Something of an address or a salutation that is not printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Lost {
    /// A line is printed shorter than it is.
    Shortened {
        /// Which, from 1.
        line: usize,
        /// What stands there.
        part: Part,
        /// By how many characters.
        lost_chars: usize,
    },
    /// A line is not printed.
    Dropped {
        /// What would have stood there.
        part: Part,
        /// Its characters.
        lost_chars: usize,
    },
    /// The salutation is printed without the name, which is too long for it.
    SalutationWithoutName,
}

/// An address block with its salutation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// 1 to [`LINES_MAX`] lines, none empty.
    pub lines: Vec<Personal>,
    /// At most [`SALUTATION_MAX`] characters, without a comma at the end.
    pub salutation: Personal,
    /// What is not printed; empty for nearly every letter.
    pub findings: Vec<Lost>,
}

/// The address block of a recipient.
pub fn block(recipient: &Recipient<'_>, layout: &Layout) -> Block {
    let max = usize::from(layout.line_max);
    let mut findings = Vec::new();
    let mut parts = parts(recipient, layout, max);
    reduce(&mut parts, max, &mut findings);
    let mut lines = Vec::new();
    for (index, (part, fitted)) in parts.into_iter().enumerate() {
        if fitted.lost > 0 {
            findings.push(Lost::Shortened {
                line: index.saturating_add(1),
                part,
                lost_chars: fitted.lost,
            });
        }
        lines.push(Personal::new(fitted.text));
    }
    let (salutation, whole) = salutation::of(recipient.identity, recipient.gender, recipient.language);
    if !whole {
        findings.push(Lost::SalutationWithoutName);
    }
    Block {
        lines,
        salutation: Personal::new(salutation),
        findings,
    }
}

/// All parts that have a text, from top to bottom.
fn parts(recipient: &Recipient<'_>, layout: &Layout, max: usize) -> Vec<(Part, Fitted)> {
    let text = |part: &Option<Personal>| part.as_ref().map(|text| joined(text.as_str())).unwrap_or_default();
    let postal = recipient.postal;
    let mut parts = Vec::new();
    if let Some(company) = recipient.company {
        parts.push((Part::Company, fit(&joined(company.as_str()), max)));
    }
    match recipient.identity {
        Identity::Organisation { organisation_name } => {
            parts.push((Part::Company, fit(&joined(organisation_name.as_str()), max)));
        }
        Identity::Person {
            given_name,
            family_name,
        } => {
            let title = salutation::title(recipient.gender, recipient.language);
            parts.push((Part::Title, fit(title.unwrap_or_default(), max)));
            parts.push((
                Part::Name,
                person(&text(given_name), &joined(family_name.as_str()), max),
            ));
        }
    }
    for line in &postal.lines {
        let line = joined(line.as_str());
        let part = if is_care_of(&line) { Part::CareOf } else { Part::Extra };
        parts.push((part, fit(&line, max)));
    }
    let (street, number) = (text(&postal.street), text(&postal.house_number));
    let country = &postal.country;
    parts.push((
        Part::Street,
        if country::number_first(country) {
            with_head(&number, &street, max)
        } else {
            with_tail(&street, &number, max)
        },
    ));
    parts.push((Part::PoBox, fit(&text(&postal.po_box), max)));
    let (postcode, town) = (text(&postal.postcode), joined(postal.town.as_str()));
    parts.push((
        Part::Town,
        if country::postcode_last(country) {
            with_tail(&town, &postcode, max)
        } else {
            with_head(&postcode, &town, max)
        },
    ));
    if layout.is_abroad(country) {
        parts.push((Part::Country, fit(country_name(country, layout.language), max)));
    }
    parts.retain(|(_, fitted)| !fitted.text.is_empty());
    parts
}

/// In whose care, in the languages of Switzerland and in English.
fn is_care_of(line: &str) -> bool {
    let line = line.to_lowercase();
    ["c/o", "p. a.", "p.a.", "p/a", "bei ", "chez ", "presso ", "care of "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Brings the parts down to six lines, by the order that the module states.
fn reduce(parts: &mut Vec<(Part, Fitted)>, max: usize, findings: &mut Vec<Lost>) {
    if parts.len() > LINES_MAX {
        title_before_name(parts, max);
    }
    let has_box = parts.iter().any(|(part, _)| *part == Part::PoBox);
    let order = [
        (Part::Title, true),
        (Part::Extra, true),
        (Part::Street, has_box),
        (Part::CareOf, true),
    ];
    for (gives_way, _) in order.into_iter().filter(|(_, can)| *can) {
        while parts.len() > LINES_MAX {
            let Some(at) = parts.iter().rposition(|(part, _)| *part == gives_way) else {
                break;
            };
            let (part, fitted) = parts.remove(at);
            let lost_chars = fitted.text.chars().count().saturating_add(fitted.lost);
            findings.push(Lost::Dropped { part, lost_chars });
        }
    }
}

/// Puts the title and the name on one line, if they fit.
fn title_before_name(parts: &mut Vec<(Part, Fitted)>, max: usize) {
    let Some(at) = parts.iter().position(|(part, _)| *part == Part::Title) else {
        return;
    };
    let title = parts.get(at).map(|(_, title)| title.text.clone()).unwrap_or_default();
    let Some((_, name)) = parts.iter_mut().find(|(part, _)| *part == Part::Name) else {
        return;
    };
    let both = format!("{title} {}", name.text);
    if both.chars().count() <= max {
        name.text = both;
        parts.remove(at);
    }
}

#[cfg(test)]
mod tests;
