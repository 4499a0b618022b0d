//! A carrier's codes as reasons.

use std::collections::BTreeSet;

use domain::text;
use domain::violation::Violation;
use serde::{Deserialize, Serialize};

use super::{FileEncoding, Reason};
use crate::Key;

/// Most codes of a carrier.
pub const CODES_MAX: usize = 200;
/// Longest code, in characters.
pub const CODE_MAX: usize = 40;

/// The codes of a carrier. Whoever agrees on a file with it fills this in from its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CarrierMap {
    /// The carrier, 1 to 40 letters, digits, `.`, `-` and `_`.
    pub carrier: String,
    /// 1 to 200 codes.
    pub codes: Vec<CarrierCode>,
    /// How its files are written.
    #[serde(default)]
    pub file: CarrierFile,
}

/// How the files of a carrier are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CarrierFile {
    /// How bytes become characters.
    #[serde(default)]
    pub encoding: FileEncoding,
    /// Whether every file ends with `#END;count` and a line end: one without them is refused as cut off.
    #[serde(default)]
    pub trailer: bool,
}

/// A code of a carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CarrierCode {
    /// As the carrier writes it, 1 to 40 printable characters without spaces around them. Capitals matter.
    pub code: String,
    /// What it means.
    pub reason: Reason,
}

impl CarrierMap {
    /// For files that name the reasons as this crate does.
    pub fn internal() -> Self {
        let codes = Reason::ALL.into_iter().map(|reason| CarrierCode {
            code: reason.as_str().to_owned(),
            reason,
        });
        Self {
            carrier: "internal".to_owned(),
            codes: codes.collect(),
            file: CarrierFile::default(),
        }
    }

    /// For returns of Swiss Post that somebody types in: the reasons as it names them in English when an item is sent back. The
    /// codes of its electronic report are agreed on with it and stand in a map of their own.
    pub fn swiss_post() -> Self {
        let codes = [
            ("Moved, forwarding period expired", Reason::ForwardingExpired),
            ("Recipient not found at address provided", Reason::UnknownAtAddress),
            ("Letterbox / P.O. Box no longer emptied", Reason::UnknownAtAddress),
            ("Delivery refused", Reason::Refused),
            ("Not collected", Reason::NotCollected),
            ("Deceased", Reason::Deceased),
            ("Company no longer in business", Reason::CompanyGone),
        ];
        let codes = codes.map(|(code, reason)| CarrierCode {
            code: code.to_owned(),
            reason,
        });
        Self {
            carrier: "swiss-post".to_owned(),
            codes: codes.into(),
            file: CarrierFile::default(),
        }
    }

    /// What a code means.
    pub fn reason(&self, code: &str) -> Option<Reason> {
        let found = self.codes.iter().find(|known| known.code == code);
        found.map(|known| known.reason)
    }

    /// Everything wrong with it, each with its place under `at`.
    pub fn violations(&self, at: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        if self.carrier.parse::<Key>().is_err() {
            let detail = crate::InvalidKey.to_string();
            found.push(Violation::new(format!("{at}/carrier"), "malformed", detail));
        }
        if !(1..=CODES_MAX).contains(&self.codes.len()) {
            let detail = "a carrier has 1 to 200 codes";
            found.push(Violation::new(format!("{at}/codes"), "codes_count", detail));
            return found;
        }
        let mut codes = BTreeSet::new();
        for (index, code) in self.codes.iter().enumerate() {
            let code_at = format!("{at}/codes/{index}/code");
            if !text::is_line(&code.code, CODE_MAX) || code.code.trim() != code.code {
                let detail = "must have 1 to 40 printable characters, no spaces around them";
                found.push(Violation::new(&code_at, "malformed", detail));
            }
            if !codes.insert(&code.code) {
                let detail = "the code is there twice";
                found.push(Violation::new(code_at, "not_unique", detail));
            }
        }
        found
    }
}
