//! What the printer says it has taken.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::NaiveDate;
use domain::text;
use domain::violation::Violation;
use serde::{Deserialize, Serialize};

use super::Manifest;
use crate::piece::PieceId;

/// Most rejected letters in an acknowledgement. A printer that rejects more has the wrong file.
pub const REJECTED_MAX: usize = 1_000;
/// Longest reason of a rejection, in characters.
pub const REASON_MAX: usize = 200;

/// The printer's acknowledgement of a file. The texts are as the printer sends them; [`check`] says what is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Acknowledgement {
    /// The run, as in the manifest.
    pub run: String,
    /// The letter, as in the manifest.
    pub variant: String,
    /// Rows that the printer has read, rejected ones included.
    pub rows: u64,
    /// SHA-256 of the file that the printer has read, 64 hexadecimal digits.
    pub sha256: String,
    /// Day on which it took the file, in local time.
    pub accepted_on: NaiveDate,
    /// Letters that it cannot make.
    #[serde(default)]
    pub rejected: Vec<RejectedPiece>,
}

/// A letter that the printer cannot make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RejectedPiece {
    /// The letter.
    pub piece: String,
    /// Why, in the printer's words: 1 to 200 printable characters.
    pub reason: String,
}

/// Everything in which an acknowledgement contradicts the manifest of the file, or itself. None: the file is taken, but for the
/// rejected letters. `days` are those on which it can have been taken. Whether the rejected ones are letters of the run, only the
/// run's own list can say.
pub fn check(manifest: &Manifest, said: &Acknowledgement, days: &RangeInclusive<NaiveDate>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut expect = |ok: bool, at: &str, code: &'static str, detail: &str| {
        if !ok {
            found.push(Violation::new(at, code, detail));
        }
    };
    let job = &manifest.job;
    expect(
        said.run == job.run.as_str(),
        "/run",
        "other_run",
        "is not the run of the manifest",
    );
    let variant = said.variant == job.variant.as_str();
    expect(
        variant,
        "/variant",
        "other_variant",
        "is not the variant of the manifest",
    );
    let rows = manifest.totals.all.rows;
    let detail = format!("the file has {rows} rows");
    expect(said.rows == rows, "/rows", "other_count", &detail);
    let is_hash = said.sha256.len() == 64 && said.sha256.bytes().all(|b| b.is_ascii_hexdigit());
    expect(is_hash, "/sha256", "malformed", "must have 64 hexadecimal digits");
    let same = said.sha256.eq_ignore_ascii_case(&manifest.sha256);
    let detail = "is not the hash of the file: the printer has read other bytes";
    expect(same || !is_hash, "/sha256", "other_file", detail);
    let early = "lies before the day on which the file stood";
    expect(said.accepted_on >= *days.start(), "/accepted_on", "too_early", early);
    let late = "lies in the future";
    expect(said.accepted_on <= *days.end(), "/accepted_on", "too_late", late);
    let rejected = u64::try_from(said.rejected.len()).unwrap_or(u64::MAX);
    let detail = "there are more rejected letters than rows";
    expect(rejected <= rows, "/rejected", "too_many", detail);
    if said.rejected.len() > REJECTED_MAX {
        let detail = "there can be at most 1000 rejected letters: ask for the file again";
        expect(false, "/rejected", "out_of_range", detail);
        return found;
    }
    let mut pieces = BTreeSet::new();
    for (index, letter) in said.rejected.iter().enumerate() {
        let at = format!("/rejected/{index}");
        let piece = letter.piece.parse::<PieceId>();
        let detail = piece.err().map(|error| error.to_string()).unwrap_or_default();
        expect(piece.is_ok(), &format!("{at}/piece"), "malformed", &detail);
        let unique = piece.is_err() || piece.is_ok_and(|piece| pieces.insert(piece));
        expect(
            unique,
            &format!("{at}/piece"),
            "not_unique",
            "the letter was already named",
        );
        let reason = text::is_line(&letter.reason, REASON_MAX);
        let detail = "must have 1 to 200 printable characters";
        expect(reason, &format!("{at}/reason"), "out_of_range", detail);
    }
    found
}
