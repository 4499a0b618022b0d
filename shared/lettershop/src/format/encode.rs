//! A letter becomes a row.

use std::borrow::Cow;

use domain::code::VoucherCode;
use domain::text;
use domain::violation::Violation;
use encoding_rs::{EncoderResult, WINDOWS_1252};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::stencil::{Drawn, Late, LateColumn, Stencil, Unfilled, Width};
use super::{Align, ControlCharacters, Encoding, FileFormat, FixedColumn, Layout, Source};
use crate::piece::{Piece, PieceId};

/// Version of the rules by which a letter becomes a row. Who changes a rule raises it: letters that were sorted before are then refused,
/// and do not become a file of two kinds of rows.
const ROWS_VERSION: u8 = 1;

/// Fields that are not as the letters have them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Cut to the width of their column.
    pub truncated: u64,
    /// With spaces for line breaks and control characters.
    pub spaced: u64,
    /// With an apostrophe in front.
    pub guarded: u64,
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

/// Why the gaps of a row cannot be filled. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// It was made for another format, or by a version of this program that writes rows differently.
    #[error("the row of letter {0} was made for another format, or by another version")]
    OtherFormat(PieceId),
    /// It has other gaps than its format.
    #[error("the row of letter {0} is damaged")]
    Damaged(PieceId),
    /// What belongs into a gap has no room there.
    #[error(transparent)]
    Column(#[from] RowError),
}

/// Writes letters as rows of a format without violations.
#[derive(Debug, Clone)]
pub struct Encoder {
    format: FileFormat,
    room: Room,
    late: Vec<LateColumn>,
    sha256: [u8; 32],
    /// Tells rows of this format and version from others.
    mark: u32,
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
    fn lacks(&self, piece: &Piece) -> Option<Source> {
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
        if !found.is_empty() {
            return Err(found);
        }
        // A format is plain data: it can always be written as JSON.
        let json = serde_json::to_vec(&format).unwrap_or_default();
        let marked: [u8; 32] = Sha256::digest([&[ROWS_VERSION], json.as_slice()].concat()).into();
        let [a, b, c, d, ..] = marked;
        Ok(Self {
            room: Room::of(&format),
            late: late(&format),
            sha256: Sha256::digest(json).into(),
            mark: u32::from_be_bytes([a, b, c, d]),
            format,
        })
    }

    /// The format.
    pub const fn format(&self) -> &FileFormat {
        &self.format
    }

    /// SHA-256 of the format as JSON.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Appends what stands before the first row: the byte order mark and the header, where the format has them.
    pub fn start(&self, out: &mut Vec<u8>) {
        if self.format.encoding == Encoding::Utf8Bom {
            out.extend_from_slice(b"\xef\xbb\xbf");
        }
        if let Layout::Csv { columns } = &self.format.layout {
            for (index, column) in columns.iter().enumerate() {
                separate(index, out);
                // The names were checked with the format: none lacks in the encoding.
                let _ = quoted(self.format.encoding, &column.name, out);
            }
            out.extend_from_slice(b"\r\n");
        }
    }

    /// The row of a letter with gaps for its number and its codes, and how many of its fields are not as the letter has them.
    ///
    /// # Errors
    /// [`RowError`].
    pub(crate) fn draw(&self, piece: &Piece) -> Result<(Drawn, Changes), RowError> {
        // A voucher without a column would be lost, and nobody would know.
        if let Some(source) = self.room.lacks(piece) {
            return Err(error(piece.id, &source.to_string(), RowFlaw::NoColumn));
        }
        let (mut row, mut made) = (Drawn::new(self.mark), Changes::default());
        let of = |column: &str, drawn: Result<(), RowFlaw>| drawn.map_err(|flaw| error(piece.id, column, flaw));
        match &self.format.layout {
            Layout::Csv { columns } => {
                for (index, column) in columns.iter().enumerate() {
                    separate(index, &mut row.bytes);
                    let drawn = self.csv_field(column.source, piece, &mut row, &mut made);
                    of(&column.name, drawn)?;
                }
            }
            Layout::FixedWidth { columns } => {
                for column in columns {
                    of(&column.name, self.fixed_field(column, piece, &mut row, &mut made))?;
                }
            }
        }
        row.bytes.extend_from_slice(b"\r\n");
        Ok((row, made))
    }

    fn csv_field(&self, source: Source, piece: &Piece, row: &mut Drawn, made: &mut Changes) -> Result<(), RowFlaw> {
        if Late::of(source).is_some() {
            row.gap();
            return Ok(());
        }
        let content = source.content(piece);
        let content = self.csv_content(source, &content, made)?;
        let written = quoted(self.format.encoding, &content, &mut row.bytes);
        written.map_err(|at| RowFlaw::Unmappable { at })
    }

    fn fixed_field(
        &self,
        column: &FixedColumn,
        piece: &Piece,
        row: &mut Drawn,
        made: &mut Changes,
    ) -> Result<(), RowFlaw> {
        if Late::of(column.source).is_some() {
            row.gap();
            return Ok(());
        }
        let content = column.source.content(piece);
        let content = self.content(column.source, &content, made)?;
        let field = fixed(&content, column, made)?;
        let written = encode(self.format.encoding, &field, &mut row.bytes);
        written.map_err(|at| RowFlaw::Unmappable { at })
    }

    /// Appends a letter's row, its gaps filled: `number` is that of the row, counted from 1, and `codes` are those of the letter's
    /// vouchers, in their order.
    ///
    /// # Errors
    /// [`FillError`]; then `out` is as it was.
    pub(crate) fn fill(
        &self,
        (piece, row): (PieceId, &Stencil<'_>),
        number: u64,
        codes: &[VoucherCode],
        out: &mut Vec<u8>,
    ) -> Result<(), FillError> {
        if row.mark() != self.mark {
            return Err(FillError::OtherFormat(piece));
        }
        let before = out.len();
        let filled = row.fill(&self.late, number, codes, out);
        filled.map_err(|flaw| {
            out.truncate(before);
            match flaw {
                Unfilled::Gaps => FillError::Damaged(piece),
                Unfilled::TooNarrow(column, by) => error(piece, &column.name, RowFlaw::TooNarrow { by }).into(),
            }
        })
    }

    /// The content of a column: without breaks and controls, all of it in the file's encoding.
    fn content<'a>(&self, source: Source, content: &'a str, made: &mut Changes) -> Result<Cow<'a, str>, RowFlaw> {
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

    fn without_breaks<'a>(&self, content: &'a str, made: &mut Changes) -> Result<Cow<'a, str>, RowFlaw> {
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
                made.spaced = made.spaced.saturating_add(1);
                Ok(content.chars().map(|c| if breaks(c) { ' ' } else { c }).collect())
            }
        }
    }

    fn csv_content<'a>(&self, source: Source, content: &'a str, made: &mut Changes) -> Result<Cow<'a, str>, RowFlaw> {
        let content = self.content(source, content, made)?;
        // Spreadsheets pass over spaces before a formula.
        if source.is_text() && content.trim_start().starts_with(['=', '+', '-', '@']) {
            made.guarded = made.guarded.saturating_add(1);
            return Ok(format!("'{content}").into());
        }
        Ok(content)
    }
}

fn error(piece: PieceId, column: &str, flaw: RowFlaw) -> RowError {
    RowError {
        piece,
        column: column.to_owned(),
        flaw,
    }
}

/// The columns of a format that are filled when the file is written.
fn late(format: &FileFormat) -> Vec<LateColumn> {
    let column = |name: &str, source, width| {
        let late = Late::of(source)?;
        let name = name.to_owned();
        Some(LateColumn { name, late, width })
    };
    match &format.layout {
        Layout::Csv { columns } => columns.iter().filter_map(|c| column(&c.name, c.source, None)).collect(),
        Layout::FixedWidth { columns } => {
            let width = |c: &FixedColumn| {
                let mut pad = Vec::new();
                // It was checked with the format: it does not lack in the encoding.
                let _ = encode(format.encoding, c.pad.encode_utf8(&mut [0; 4]), &mut pad);
                Width {
                    chars: usize::from(c.width),
                    align: c.align,
                    pad,
                }
            };
            let columns = columns.iter();
            columns
                .filter_map(|c| column(&c.name, c.source, Some(width(c))))
                .collect()
        }
    }
}

/// Appends the separator before a field that is not the first.
fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b';');
    }
}

/// Appends a field as RFC 4180 has it; the error is that of [`encode`]. What is put around the content is the same in all encodings.
fn quoted(encoding: Encoding, content: &str, out: &mut Vec<u8>) -> Result<(), usize> {
    let rim = content.starts_with(' ') || content.ends_with(' ');
    if !rim && !content.contains([';', '"', '\r', '\n']) {
        return encode(encoding, content, out);
    }
    out.push(b'"');
    encode(encoding, &content.replace('"', "\"\""), out)?;
    out.push(b'"');
    Ok(())
}

/// A field of fixed width, counted in characters.
fn fixed(content: &str, column: &FixedColumn, made: &mut Changes) -> Result<String, RowFlaw> {
    let (count, width) = (content.chars().count(), usize::from(column.width));
    if let Some(over) = count.checked_sub(width).filter(|over| *over > 0) {
        if !column.source.can_be_cut() {
            return Err(RowFlaw::TooNarrow { by: over });
        }
        made.truncated = made.truncated.saturating_add(1);
        return Ok(content.chars().take(width).collect());
    }
    let fill: String = std::iter::repeat_n(column.pad, width.saturating_sub(count)).collect();
    Ok(match column.align {
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
