//! A file of undeliverable letters, read as a whole.
//!
//! CSV with `;` or `,`, a header, then a row for each letter; LF or CRLF; fields with separators or line breaks in quotation marks.
//! A last row `#END;count` may tell how many rows there are. Columns may stand in any order; those of the new address may be missing:
//!
//! `piece_id;reason;returned_on;new_street;new_house_number;new_postcode;new_town;new_country`

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use csv::StringRecord;
use party::contact::Country;
use serde::{Deserialize, Serialize};

use super::row::{COLUMNS, Fields, REQUIRED, letter};
use super::text::{Place, decode, lines};
use super::{CarrierMap, Reject, RejectCode, ReturnedLetter};

/// Most rows of a file.
pub const ROWS_MAX: usize = 100_000;
/// Greatest file, in bytes.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Begins the last row.
const TRAILER: &str = "#END";

/// How bytes become characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FileEncoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// Windows-1252. Nothing in a file tells it from other encodings of one byte: it must be agreed on.
    #[serde(rename = "windows_1252")]
    Windows1252,
}

/// What was agreed on with the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// How bytes become characters.
    pub encoding: FileEncoding,
    /// Whether every file ends with `#END;count` and a line end. Without that, a file that was cut off after a row looks whole.
    pub trailer: bool,
    /// The country of new addresses that name none.
    pub home: Country,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returns {
    /// Letters that came back, in the order of the file, none twice.
    pub letters: Vec<ReturnedLetter>,
    /// What is wrong with the rows that are not taken, in the order of the file.
    pub rejects: Vec<Reject>,
    /// Rows of the file, without header and trailer.
    pub rows: usize,
}

/// Why a file is not taken at all. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has more than [`FILE_BYTES_MAX`] bytes.
    #[error("the file has more than 64 MiB")]
    TooLarge,
    /// It has more than [`ROWS_MAX`] rows.
    #[error("the file has more than 100000 rows: split it")]
    TooManyRows,
    /// It is not UTF-8.
    #[error("line {line} is not UTF-8: save the file as UTF-8, or declare Windows-1252")]
    NotUtf8 {
        /// The first line that is not.
        line: u64,
    },
    /// It is UTF-16, or has a mark of UTF-8 where Windows-1252 was declared.
    #[error("the file begins with the mark of another encoding than was declared")]
    OtherEncoding,
    /// It is empty.
    #[error("the file has no header")]
    NoHeader,
    /// The header names a column that there is not, or one twice.
    #[error("column {column} of the header is unknown or there twice")]
    HeaderColumn {
        /// Which, from 1.
        column: usize,
    },
    /// The header lacks a column.
    #[error("the header lacks the column {0}")]
    ColumnMissing(&'static str),
    /// A quotation mark is not closed, or one within a field is not doubled.
    #[error("a quotation mark is not closed or not doubled, at the latest in line {line}")]
    Quotes {
        /// The last line of the file.
        line: u64,
    },
    /// The last row has no line end, or the declared `#END` is missing.
    #[error("the file is cut off after line {line}")]
    CutOff {
        /// The last line of the file.
        line: u64,
    },
    /// `#END` tells no number, or another one than there are rows.
    #[error("line {line}: #END tells another count than the {rows} rows that are there")]
    Count {
        /// Of the trailer.
        line: u64,
        /// Rows that are there.
        rows: usize,
    },
    /// Something stands after `#END`.
    #[error("line {line} stands after #END")]
    AfterEnd {
        /// The first such line.
        line: u64,
    },
}

/// Reads and judges a whole file.
///
/// # Errors
/// [`Refused`] when the file is damaged as a whole; then nothing of it is taken.
pub fn read(bytes: &[u8], carrier: &CarrierMap, declared: &Declared) -> Result<Returns, Refused> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Refused::TooLarge);
    }
    let text = decode(bytes, declared.encoding)?;
    // A row that is cut off within its last field looks whole. A trailer tells, but may itself be cut: `#END;12` of `#END;120`.
    let last_line = lines(text.as_bytes());
    if declared.trailer && !text.ends_with('\n') {
        return Err(Refused::CutOff { line: last_line });
    }
    // Every mark is doubled or has its partner (RFC 4180); else the rest of the file would be read as one field.
    if !text.bytes().filter(|b| *b == b'"').count().is_multiple_of(2) {
        return Err(Refused::Quotes { line: last_line });
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(&text))
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    // From text in memory with rows of any length there is no error but a quotation mark's.
    let quotes = |_| Refused::Quotes { line: last_line };
    let mut records = reader.records().map(|record| record.map_err(quotes));
    let header = records.next().ok_or(Refused::NoHeader)??;
    let order = order(&header)?;
    let mut place = Place::new(text.as_bytes());
    let mut judged = Judged::default();
    let mut ended = false;
    for record in records {
        let record = record?;
        let line = place.line(record.position().map_or(0, csv::Position::byte));
        if ended {
            return Err(Refused::AfterEnd { line });
        }
        if record.get(0).is_some_and(|field| field.starts_with(TRAILER)) {
            check_trailer(&record, line, judged.rows)?;
            ended = true;
            continue;
        }
        judged.take(line, &record, &order, carrier, declared)?;
    }
    if declared.trailer && !ended {
        return Err(Refused::CutOff { line: last_line });
    }
    Ok(judged.finish())
}

/// What separates the fields: whichever of `;` and `,` is more often in the first line. No column's name has either.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |separator: char| header.matches(separator).count();
    if count(',') > count(';') { b',' } else { b';' }
}

/// For each of [`COLUMNS`], where it stands in the file.
fn order(header: &StringRecord) -> Result<[Option<usize>; 8], Refused> {
    let mut order = [None; 8];
    for (index, name) in header.iter().enumerate() {
        let column = index.saturating_add(1);
        let known = COLUMNS.iter().position(|known| *known == name);
        let slot = known.and_then(|at| order.get_mut(at));
        match slot {
            Some(slot @ None) => *slot = Some(index),
            _ => return Err(Refused::HeaderColumn { column }),
        }
    }
    let required = COLUMNS.into_iter().zip(order).take(REQUIRED);
    match required.into_iter().find(|(_, at)| at.is_none()) {
        Some((name, _)) => Err(Refused::ColumnMissing(name)),
        None => Ok(order),
    }
}

fn check_trailer(record: &StringRecord, line: u64, rows: usize) -> Result<(), Refused> {
    // `#END;count` stays so in a file with commas: then it is one field.
    let joined = record.iter().collect::<Vec<_>>().join(";");
    let count = joined.strip_prefix(TRAILER).and_then(|rest| rest.strip_prefix(';'));
    // A spreadsheet fills up short rows with separators.
    let count = count.and_then(|count| count.trim_end_matches([';', ',']).trim().parse::<usize>().ok());
    if count == Some(rows) {
        Ok(())
    } else {
        Err(Refused::Count { line, rows })
    }
}

/// The rows so far.
#[derive(Default)]
struct Judged {
    letters: Vec<Option<ReturnedLetter>>,
    at: HashMap<[u8; 10], usize>,
    rejects: Vec<Reject>,
    rows: usize,
}

impl Judged {
    fn take(
        &mut self,
        line: u64,
        record: &StringRecord,
        order: &[Option<usize>; 8],
        carrier: &CarrierMap,
        declared: &Declared,
    ) -> Result<(), Refused> {
        self.rows = self.rows.saturating_add(1);
        if self.rows > ROWS_MAX {
            return Err(Refused::TooManyRows);
        }
        if record.len() != order.iter().flatten().count() {
            self.reject(line, "", RejectCode::FieldCount);
            return Ok(());
        }
        let fields: Fields<'_> = order.map(|at| at.and_then(|at| record.get(at)).unwrap_or_default());
        match letter(line, &fields, carrier, &declared.home) {
            Err(rejects) => self.rejects.extend(rejects),
            Ok(letter) => self.add(letter),
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, field: &'static str, code: RejectCode) {
        self.rejects.push(Reject { line, field, code });
    }

    fn add(&mut self, letter: ReturnedLetter) {
        let next = self.letters.len();
        let at = match self.at.entry(letter.piece.packed()) {
            Entry::Vacant(place) => {
                place.insert(next);
                self.letters.push(Some(letter));
                return;
            }
            Entry::Occupied(place) => *place.get(),
        };
        let Some(first) = self.letters.get_mut(at) else {
            return;
        };
        let line = letter.line;
        let same = first.as_ref().is_some_and(|first| {
            *first
                == ReturnedLetter {
                    line: first.line,
                    ..letter
                }
        });
        if same {
            return self.reject(line, "piece_id", RejectCode::Duplicate);
        }
        // The first row goes too; a third one finds no row to be the same as.
        if let Some(first) = first.take() {
            self.reject(first.line, "piece_id", RejectCode::Contradictory);
        }
        self.reject(line, "piece_id", RejectCode::Contradictory);
    }

    fn finish(mut self) -> Returns {
        self.rejects.sort_by_key(|reject| reject.line);
        Returns {
            letters: self.letters.into_iter().flatten().collect(),
            rejects: self.rejects,
            rows: self.rows,
        }
    }
}
