//! A letter becomes a row.

use std::borrow::Cow;

use domain::text;
use domain::violation::Violation;
use encoding_rs::{EncoderResult, WINDOWS_1252};
use serde::Serialize;

use super::{Align, ControlCharacters, Encoding, FileFormat, Layout, Source};
use crate::piece::{Piece, PieceId};

/// Something of a row that is not as the letter has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which letter.
    pub piece: PieceId,
    /// The column's name.
    pub column: String,
    /// What was done.
    pub change: Change,
}

/// What was done to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// It was cut to the width of its column.
    Truncated {
        /// Characters that are not in the file.
        lost_chars: usize,
    },
    /// Line breaks, control characters and invisible marks became spaces.
    Spaced {
        /// How many.
        count: usize,
    },
    /// An apostrophe was set in front, so that no spreadsheet takes it for a formula.
    Guarded,
}

/// A letter that cannot be a row of this file. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("letter {piece}, column {column}: {flaw}")]
pub struct RowError {
    /// Which letter.
    pub piece: PieceId,
    /// The column's name, or the name of the source for which there is no column.
    pub column: String,
    /// Why.
    pub flaw: RowFlaw,
}

/// Why a letter cannot be a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowFlaw {
    /// The file's encoding lacks a letter.
    #[error("the encoding of the file lacks character {at}")]
    Unmappable {
        /// Which character of the field, from 1.
        at: usize,
    },
    /// A line break, a control character or an invisible mark, where the format refuses them.
    #[error("character {at} is a line break, a control character or an invisible mark")]
    ControlCharacter {
        /// Which character of the field, from 1.
        at: usize,
    },
    /// The column is too narrow for something that must not be cut.
    #[error("the column is too narrow by {by} characters")]
    TooNarrow {
        /// How many characters are missing.
        by: usize,
    },
    /// The letter has a line, a voucher or a text for which the file has no column.
    #[error("the file has no column for it")]
    NoColumn,
}

/// Writes letters as rows of a format without violations.
#[derive(Debug, Clone)]
pub struct Encoder {
    format: FileFormat,
    room: Room,
}

/// How many lines, vouchers and texts there are columns for.
#[derive(Debug, Clone, Copy)]
struct Room {
    lines: u8,
    vouchers: u8,
    texts: u8,
}

impl Room {
    fn of(format: &FileFormat) -> Self {
        let columns = format.columns();
        let has = |wanted: Source| columns.iter().any(|(_, source)| *source == wanted);
        let count = |has: &dyn Fn(u8) -> bool| (1..=u8::MAX).take_while(|n| has(*n)).last().unwrap_or(0);
        Self {
            lines: count(&|n| has(Source::AddressLine(n))),
            vouchers: count(&|n| has(Source::Code(n)) || has(Source::Barcode(n))),
            texts: count(&|n| has(Source::Text(n))),
        }
    }

    /// The first of a letter that has none.
    fn lacks(&self, piece: &Piece<'_>) -> Option<Source> {
        let next = |room: u8, len: usize| (len > usize::from(room)).then(|| room.saturating_add(1));
        let line = next(self.lines, piece.address.len()).map(Source::AddressLine);
        let voucher = || next(self.vouchers, piece.vouchers.len()).map(Source::Code);
        let text = || next(self.texts, piece.texts.len()).map(Source::Text);
        line.or_else(voucher).or_else(text)
    }
}

impl Encoder {
    /// An encoder of a format.
    ///
    /// # Errors
    /// What is wrong with the format.
    pub fn new(format: FileFormat) -> Result<Self, Vec<Violation>> {
        let found = format.violations("");
        if found.is_empty() {
            let room = Room::of(&format);
            Ok(Self { format, room })
        } else {
            Err(found)
        }
    }

    /// The format.
    pub const fn format(&self) -> &FileFormat {
        &self.format
    }

    /// Appends what stands before the first row: the byte order mark and the header, where the format has them.
    pub fn start(&self, out: &mut Vec<u8>) {
        if self.format.encoding == Encoding::Utf8Bom {
            out.extend_from_slice(b"\xef\xbb\xbf");
        }
        if let Layout::Csv { columns } = &self.format.layout {
            for (index, column) in columns.iter().enumerate() {
                // The names were checked with the format: none lacks in the encoding.
                let _ = quoted(self.format.encoding, &column.name, index, out);
            }
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Appends the letter as row `number`, counted from 1, and says what of it is not as the letter has it.
    ///
    /// # Errors
    /// [`RowError`]; then `out` is as it was.
    pub fn row(&self, number: u64, piece: &Piece<'_>, out: &mut Vec<u8>) -> Result<Vec<Finding>, RowError> {
        let before = out.len();
        let row = self.append(number, piece, out);
        if row.is_err() {
            out.truncate(before);
        }
        row
    }

    fn append(&self, number: u64, piece: &Piece<'_>, out: &mut Vec<u8>) -> Result<Vec<Finding>, RowError> {
        // A voucher without a column would be lost, and nobody would know.
        if let Some(source) = self.room.lacks(piece) {
            return Err(error(piece, &source.to_string(), RowFlaw::NoColumn));
        }
        let mut changes = Vec::new();
        let mut scratch = String::new();
        match &self.format.layout {
            Layout::Csv { columns } => {
                for (index, column) in columns.iter().enumerate() {
                    let mut made = Vec::new();
                    let content = column.source.content(number, piece, &mut scratch);
                    let content = self.csv_content(column.source, content, &mut made);
                    let written = content.and_then(|content| {
                        let written = quoted(self.format.encoding, &content, index, out);
                        written.map_err(|at| RowFlaw::Unmappable { at })
                    });
                    written.map_err(|flaw| error(piece, &column.name, flaw))?;
                    changes.extend(made.into_iter().map(|change| (&column.name, change)));
                }
            }
            Layout::FixedWidth { columns } => {
                for column in columns {
                    let mut made = Vec::new();
                    let content = column.source.content(number, piece, &mut scratch);
                    let content = self.content(column.source, content, &mut made);
                    let field = content.and_then(|content| {
                        let width = usize::from(column.width);
                        let cut = column.source.can_be_cut();
                        fixed(&content, width, column.align, column.pad, cut, &mut made)
                    });
                    let written = field.and_then(|field| self.put(&field, out));
                    written.map_err(|flaw| error(piece, &column.name, flaw))?;
                    changes.extend(made.into_iter().map(|change| (&column.name, change)));
                }
            }
        }
        out.extend_from_slice(b"\r\n");
        let findings = changes.into_iter().map(|(column, change)| Finding {
            piece: piece.id,
            column: column.clone(),
            change,
        });
        Ok(findings.collect())
    }

    /// The content of a column: without breaks and controls, all of it in the file's encoding.
    fn content<'a>(&self, source: Source, content: &'a str, made: &mut Vec<Change>) -> Result<Cow<'a, str>, RowFlaw> {
        if !source.is_text() {
            // Made here, of letters and digits.
            return Ok(content.into());
        }
        let content = self.without_breaks(content, made)?;
        if self.format.encoding != Encoding::Windows1252 {
            return Ok(content);
        }
        // Asked before anything is put around it, so that the character is counted within the content.
        match encode(self.format.encoding, &content, &mut Vec::new()) {
            Ok(()) => Ok(content),
            Err(at) => Err(RowFlaw::Unmappable { at }),
        }
    }

    fn without_breaks<'a>(&self, content: &'a str, made: &mut Vec<Change>) -> Result<Cow<'a, str>, RowFlaw> {
        if text::is_printable(content) {
            return Ok(content.into());
        }
        let breaks = |c: char| !text::is_printable(c.encode_utf8(&mut [0; 4]));
        match self.format.control_characters {
            ControlCharacters::Refuse => {
                let at = content.chars().position(breaks).unwrap_or(0).saturating_add(1);
                Err(RowFlaw::ControlCharacter { at })
            }
            ControlCharacters::Space => {
                let count = content.chars().filter(|c| breaks(*c)).count();
                made.push(Change::Spaced { count });
                Ok(content.chars().map(|c| if breaks(c) { ' ' } else { c }).collect())
            }
        }
    }

    fn csv_content<'a>(
        &self,
        source: Source,
        content: &'a str,
        made: &mut Vec<Change>,
    ) -> Result<Cow<'a, str>, RowFlaw> {
        let content = self.content(source, content, made)?;
        // Spreadsheets pass over spaces before a formula.
        if source.is_text() && content.trim_start().starts_with(['=', '+', '-', '@']) {
            made.push(Change::Guarded);
            return Ok(format!("'{content}").into());
        }
        Ok(content)
    }

    fn put(&self, field: &str, out: &mut Vec<u8>) -> Result<(), RowFlaw> {
        encode(self.format.encoding, field, out).map_err(|at| RowFlaw::Unmappable { at })
    }
}

fn error(piece: &Piece<'_>, column: &str, flaw: RowFlaw) -> RowError {
    RowError {
        piece: piece.id,
        column: column.to_owned(),
        flaw,
    }
}

/// Appends a field as RFC 4180 has it, with the separator before it unless it is the first; the error is that of [`encode`]. What is
/// put around the content is the same in all encodings.
fn quoted(encoding: Encoding, content: &str, index: usize, out: &mut Vec<u8>) -> Result<(), usize> {
    if index > 0 {
        out.push(b';');
    }
    let bytes = content.as_bytes();
    // A fold without an early exit looks at several bytes at once.
    let is_special = |byte: &u8| matches!(byte, b';' | b'"' | b'\r' | b'\n');
    let needs = bytes.iter().fold(false, |needs, byte| needs | is_special(byte))
        || bytes.first() == Some(&b' ')
        || bytes.last() == Some(&b' ');
    if needs {
        out.push(b'"');
        encode(encoding, &content.replace('"', "\"\""), out)?;
        out.push(b'"');
        Ok(())
    } else {
        encode(encoding, content, out)
    }
}

/// A field of fixed width, counted in characters.
fn fixed(
    content: &str,
    width: usize,
    align: Align,
    pad: char,
    can_be_cut: bool,
    made: &mut Vec<Change>,
) -> Result<String, RowFlaw> {
    let count = content.chars().count();
    if let Some(over) = count.checked_sub(width).filter(|over| *over > 0) {
        if !can_be_cut {
            return Err(RowFlaw::TooNarrow { by: over });
        }
        made.push(Change::Truncated { lost_chars: over });
        return Ok(content.chars().take(width).collect());
    }
    let fill: String = std::iter::repeat_n(pad, width.saturating_sub(count)).collect();
    Ok(match align {
        Align::Left => format!("{content}{fill}"),
        Align::Right => format!("{fill}{content}"),
    })
}

/// Whether an encoding has all characters of a text.
pub(super) fn is_in(encoding: Encoding, text: &str) -> bool {
    encode(encoding, text, &mut Vec::new()).is_ok()
}

/// Appends a text in an encoding; the error is the number of the character that the encoding lacks, from 1.
fn encode(encoding: Encoding, text: &str, out: &mut Vec<u8>) -> Result<(), usize> {
    if encoding != Encoding::Windows1252 || text.is_ascii() {
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    let mut encoder = WINDOWS_1252.new_encoder();
    // One byte for each character.
    out.reserve(text.len());
    let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(text, out, true);
    match result {
        EncoderResult::InputEmpty => Ok(()),
        // The character that lacks has been read.
        EncoderResult::Unmappable(_) => Err(text.get(..read).map_or(1, |read| read.chars().count())),
        // There is room for all of the text: it never stops here.
        EncoderResult::OutputFull => Err(1),
    }
}
