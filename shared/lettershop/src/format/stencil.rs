//! A row with gaps.
//!
//! Nearly all of a row is known when its letter is made. Its number follows from all letters, and codes stand in nothing but the file:
//! both are put in when the file is written, so that of a million rows only these few bytes are made then.

use std::fmt;

use domain::code::VoucherCode;
use serde::{Deserialize, Serialize, Serializer};

use super::{Align, Source};

/// Bytes of the place of a gap.
const PLACE: usize = 4;
/// Room for a row and its gaps; nearly all are shorter.
const ROOM: usize = 512;

/// What is put in when the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    RowNumber,
    Code(u8),
    Barcode(u8),
}

impl Late {
    /// The late content of a source, if it has one.
    pub(super) const fn of(source: Source) -> Option<Self> {
        match source {
            Source::RowNumber => Some(Self::RowNumber),
            Source::Code(n) => Some(Self::Code(n)),
            Source::Barcode(n) => Some(Self::Barcode(n)),
            _ => None,
        }
    }

    /// Appends it, in ASCII; nothing where the letter has no such voucher.
    fn append(self, number: u64, codes: &[VoucherCode], out: &mut Vec<u8>) {
        let code = |n: u8| codes.get(usize::from(n).checked_sub(1)?);
        match self {
            Self::RowNumber => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Code(n) => out.extend(code(n).map(VoucherCode::grouped).iter().flatten()),
            Self::Barcode(n) => out.extend(code(n).map(VoucherCode::symbols).iter().flatten()),
        }
    }
}

/// A column that is filled when the file is written.
#[derive(Debug, Clone)]
pub(super) struct LateColumn {
    pub(super) name: String,
    pub(super) late: Late,
    /// `None` where columns have no width.
    pub(super) width: Option<Width>,
}

/// The width of a column.
#[derive(Debug, Clone)]
pub(super) struct Width {
    /// In characters.
    pub(super) chars: usize,
    pub(super) align: Align,
    /// The character that fills it up, in the file's encoding.
    pub(super) pad: Vec<u8>,
}

impl LateColumn {
    /// Appends the column; the error says how many characters it is too narrow by.
    pub(super) fn append(&self, number: u64, codes: &[VoucherCode], out: &mut Vec<u8>) -> Result<(), usize> {
        let Some(width) = &self.width else {
            self.late.append(number, codes, out);
            return Ok(());
        };
        let mut content = Vec::new();
        self.late.append(number, codes, &mut content);
        let free = width.chars.checked_sub(content.len());
        let free = free.ok_or_else(|| content.len().saturating_sub(width.chars))?;
        let fill = std::iter::repeat_n(&width.pad, free).flatten();
        match width.align {
            Align::Left => out.extend(content.iter().chain(fill)),
            Align::Right => out.extend(fill.chain(&content)),
        }
        Ok(())
    }
}

/// A row of a format but for what is put in when the file is written. `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stencil<'a> {
    /// Of which format it is a row, as the encoder tells it.
    mark: u32,
    /// Where each late column belongs in `bytes`, each in [`PLACE`] bytes with the lowest first, in their order.
    #[serde(borrow, serialize_with = "at_once")]
    gaps: &'a [u8],
    #[serde(borrow, serialize_with = "at_once")]
    bytes: &'a [u8],
}

/// Written in one piece, and not byte by byte as a list of numbers is; the form is the same.
fn at_once<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl fmt::Debug for Stencil<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stencil(…)")
    }
}

/// Why the gaps of a row are not filled.
pub(super) enum Unfilled<'a> {
    /// It has other gaps than the format, or is damaged.
    Gaps,
    /// A column is too narrow by so many characters.
    TooNarrow(&'a LateColumn, usize),
}

impl Stencil<'_> {
    /// Of which format it is a row.
    pub(super) const fn mark(&self) -> u32 {
        self.mark
    }

    /// Appends the whole row. Where it fails, what was appended is no row.
    pub(super) fn fill<'c>(
        &self,
        columns: &'c [LateColumn],
        number: u64,
        codes: &[VoucherCode],
        out: &mut Vec<u8>,
    ) -> Result<(), Unfilled<'c>> {
        let (places, rest) = self.gaps.as_chunks::<PLACE>();
        if places.len() != columns.len() || !rest.is_empty() {
            return Err(Unfilled::Gaps);
        }
        let mut from = 0;
        for (place, column) in places.iter().zip(columns) {
            let place = usize::try_from(u32::from_le_bytes(*place)).unwrap_or(usize::MAX);
            out.extend_from_slice(self.bytes.get(from..place).ok_or(Unfilled::Gaps)?);
            let appended = column.append(number, codes, out);
            appended.map_err(|by| Unfilled::TooNarrow(column, by))?;
            from = place;
        }
        out.extend_from_slice(self.bytes.get(from..).ok_or(Unfilled::Gaps)?);
        Ok(())
    }
}

/// A row with gaps while it is made. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Drawn {
    mark: u32,
    pub(super) gaps: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drawn(…)")
    }
}

impl Drawn {
    pub(super) fn new(mark: u32) -> Self {
        Self {
            mark,
            gaps: Vec::new(),
            bytes: Vec::with_capacity(ROOM),
        }
    }

    /// Leaves a gap here.
    pub(super) fn gap(&mut self) {
        // A row is far shorter than four bytes can say; a longer one would be refused as damaged.
        let place = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.gaps.extend_from_slice(&place.to_le_bytes());
    }

    /// Bytes of the row so far.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// As it is stored.
    pub(crate) fn stencil(&self) -> Stencil<'_> {
        Stencil {
            mark: self.mark,
            gaps: &self.gaps,
            bytes: &self.bytes,
        }
    }
}
