//! The printer's file with its manifest (X5, X7).
//!
//! [`PrintFile`] writes letters one after another, counts them and hashes the bytes as they come. After any letter it gives a
//! [`Checkpoint`]; a file resumed there has the same bytes and the same manifest as one that was written at once. The [`Manifest`]
//! is written last: a file without one is not finished. The printer answers with an [`Acknowledgement`], and [`check`] compares.

mod acknowledgement;
mod file;
mod totals;

use chrono::NaiveDate;
use domain::id::RunName;
use serde::{Deserialize, Serialize};

use crate::Key;
use crate::format::FileFormat;

pub use acknowledgement::{Acknowledgement, REASON_MAX, REJECTED_MAX, RejectedPiece, check};
pub use file::{Checkpoint, NotResumable, PrintFile, SkipError, WriteError};
pub use totals::{Sums, Totals, VoucherMark};

/// What a file is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The run that made the letters.
    pub run: RunName,
    /// The campaign.
    pub campaign: Key,
    /// The letter; all letters of a file are the same.
    pub variant: Key,
    /// Day of the run, in the tenant's time zone. It belongs to the run and not to the clock, so that a file written again has the
    /// same manifest.
    pub day: NaiveDate,
}

/// What is in a file, for the printer and for whoever accepts its acknowledgement. It holds no personal data and no codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this document, 1.
    pub version: u8,
    /// What the file is for.
    pub job: Job,
    /// Its format with its columns and its encoding.
    pub format: FileFormat,
    /// Sums over its rows.
    pub totals: Totals,
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Lower-case hexadecimal digits as bytes.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let value = |digit: &u8| {
        char::from(*digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let pairs = digits.chunks_exact(2).map(|pair| match pair {
        [high, low] => Some((value(high)? << 4) | value(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests;
