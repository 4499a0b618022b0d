//! What is agreed on with the printer: the format of files, planted addresses, and what comes back.

use chrono::{DateTime, TimeDelta, Utc};
use domain::till_text::Language;
use domain::violation::Violation;
use party::Personal;
use party::contact::Country;
use serde::{Deserialize, Serialize};

use crate::address::LINES_MAX;
use crate::format::{ControlCharacters, CsvColumn, Encoding, FileFormat, Layout, Source};
use crate::piece::LINE_MAX;
use crate::returned::ReturnRules;

/// Most planted addresses.
pub const CONTROL_MAX: usize = 20;

/// What is agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settings {
    /// The format of files.
    pub format: FileFormat,
    /// Addresses of the sender's own people, at most 20: a letter without a voucher goes to each with every run that has letters, so that printer and
    /// carrier can be watched. They count in no statistics.
    #[serde(default)]
    pub control: Vec<ControlAddress>,
    /// Days after a file stands within which the printer acknowledges it, 1 to 30; then an alarm is raised.
    #[serde(default = "usual_days")]
    pub acknowledge_within_days: u32,
    /// What carriers' codes mean, and what letters that come back do; the built-in rules where nothing else is said.
    #[serde(default)]
    pub returns: ReturnRules,
}

/// A planted address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ControlAddress {
    /// 1 to 6 lines of at most 80 characters, as they are printed.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub lines: Vec<Personal>,
    /// How it is addressed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub salutation: Personal,
    /// Language of the letter.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "de"))]
    pub language: Language,
    /// Country, ISO 3166-1, two letters.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "CH"))]
    pub country: Country,
    /// Postcode, for the order of letters; 1 to 80 printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub postcode: Option<Personal>,
}

impl Default for Settings {
    /// CSV in UTF-8 with all that a letter with one voucher has, and no planted addresses.
    fn default() -> Self {
        let mut columns = vec![
            column("piece_id", Source::PieceId),
            column("language", Source::Language),
            column("salutation", Source::Salutation),
        ];
        columns.extend((1..=6).map(|line| column(&format!("address_{line}"), Source::AddressLine(line))));
        columns.extend([
            column("country", Source::Country),
            column("postcode", Source::Postcode),
            column("variant", Source::Variant),
            column("enclosure", Source::Enclosure),
            column("text", Source::Text(1)),
            column("code", Source::Code(1)),
            column("barcode", Source::Barcode(1)),
            column("value", Source::Value(1)),
            column("currency", Source::Currency(1)),
            column("percent", Source::Percent(1)),
            column("valid_until", Source::ValidUntil(1)),
            column("control", Source::Control),
        ]);
        Self {
            format: FileFormat {
                encoding: Encoding::Utf8,
                control_characters: ControlCharacters::default(),
                layout: Layout::Csv { columns },
            },
            control: Vec::new(),
            acknowledge_within_days: usual_days(),
            returns: ReturnRules::default(),
        }
    }
}

const fn usual_days() -> u32 {
    3
}

fn column(name: &str, source: Source) -> CsvColumn {
    CsvColumn {
        name: name.to_owned(),
        source,
    }
}

impl Settings {
    /// Until when a file that stood then is to be acknowledged.
    pub fn acknowledged_until(&self, stood: DateTime<Utc>) -> DateTime<Utc> {
        let days = TimeDelta::days(i64::from(self.acknowledge_within_days));
        stood.checked_add_signed(days).unwrap_or(stood)
    }

    /// Everything wrong with them.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = self.format.violations("/format");
        if self.control.len() > CONTROL_MAX {
            found.push(Violation::new(
                "/control",
                "out_of_range",
                "must be at most 20 addresses",
            ));
        }
        if !(1..=30).contains(&self.acknowledge_within_days) {
            let detail = "must be 1 to 30 days";
            found.push(Violation::new("/acknowledge_within_days", "out_of_range", detail));
        }
        for (index, address) in self.control.iter().enumerate() {
            let lines = (1..=LINES_MAX).contains(&address.lines.len())
                && address
                    .lines
                    .iter()
                    .all(|line| domain::text::is_line(line.as_str(), LINE_MAX));
            if !lines {
                let detail = "must be 1 to 6 lines of 1 to 80 printable characters";
                found.push(Violation::new(
                    format!("/control/{index}/lines"),
                    "out_of_range",
                    detail,
                ));
            }
            if !domain::text::is_line(address.salutation.as_str(), LINE_MAX) {
                let detail = "must have 1 to 80 printable characters";
                found.push(Violation::new(
                    format!("/control/{index}/salutation"),
                    "out_of_range",
                    detail,
                ));
            }
            let postcode = address.postcode.as_ref();
            if postcode.is_some_and(|text| !domain::text::is_line(text.as_str(), LINE_MAX)) {
                let detail = "must have 1 to 80 printable characters, or not be there";
                let pointer = format!("/control/{index}/postcode");
                found.push(Violation::new(pointer, "out_of_range", detail));
            }
        }
        found.extend(self.returns.violations("/returns"));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p2_the_settings_that_stand_when_nothing_was_agreed_on_are_sound() {
        assert_eq!(Settings::default().violations(), Vec::new());
    }

    #[test]
    fn p2_a_planted_address_is_printable() {
        let text = |text: &str| Personal::new(text.to_owned());
        let sound = ControlAddress {
            lines: vec![text("Kontrolle Treue"), text("Bahnhofstrasse 1"), text("8001 Zürich")],
            salutation: text("Guten Tag"),
            language: Language::De,
            country: "CH".parse().unwrap(),
            postcode: Some(text("8001")),
        };
        let found = |change: fn(&mut ControlAddress)| {
            let mut address = sound.clone();
            change(&mut address);
            let settings = Settings {
                control: vec![sound.clone(), address],
                ..Settings::default()
            };
            let found = settings.violations().into_iter().map(|found| found.pointer.to_string());
            found.collect::<Vec<String>>()
        };
        assert_eq!(found(|_| ()), Vec::<String>::new());
        assert_eq!(found(|address| address.postcode = None), Vec::<String>::new());
        assert_eq!(found(|address| address.lines.clear()), ["/control/1/lines"]);
        assert_eq!(
            found(|address| address.salutation = Personal::new(String::new())),
            ["/control/1/salutation"]
        );
        assert_eq!(
            found(|address| address.postcode = Some(Personal::new("80\0".to_owned()))),
            ["/control/1/postcode"]
        );
    }
}
