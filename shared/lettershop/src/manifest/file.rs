//! Writing a file so that it can be resumed.

use domain::code::VoucherCode;
use domain::money::OutOfRange;
use domain::violation::Violation;
use serde::{Deserialize, Serialize};
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

use super::{Job, Manifest, Totals, hex, unhex};
use crate::format::{Encoder, FileFormat, FillError};
use crate::piece::PieceId;
use crate::row::{InvalidRow, Row};

const VERSION: u8 = 1;

/// A file being written. Its bytes go into buffers of the caller, which may empty them at any time.
#[derive(Clone)]
pub struct PrintFile {
    job: Job,
    encoder: Encoder,
    /// All but the mark of the last voucher.
    totals: Totals,
    /// Row, number in its letter, and code of the last voucher.
    last_voucher: Option<(u64, u64, VoucherCode)>,
    /// Those of the letter that is written: kept for the room only.
    codes: Vec<VoucherCode>,
    hash: Sha256,
    bytes: u64,
}

impl std::fmt::Debug for PrintFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrintFile({} rows of {})", self.totals.all.rows, self.job.run)
    }
}

/// From where a file is resumed. It holds no personal data and no codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Version of this document, 1.
    pub version: u8,
    /// What the file is for.
    pub job: Job,
    /// SHA-256 of the format as JSON, hexadecimal: a file is resumed in the format in which it was begun.
    pub format_sha256: String,
    /// Rows written.
    pub rows: u64,
    /// Bytes written: of what is stored of the file, as many are kept and no more.
    pub bytes: u64,
    /// State of the hash over these bytes, hexadecimal, as the `sha2` crate writes it. It outlives a run, not an update of that crate
    /// that changes its form: such a state is refused by its length, and the file is begun anew.
    pub hash_state: String,
    /// Sums over the rows written.
    pub totals: Totals,
    /// The last letter written; `None` before the first.
    pub position: Option<PieceId>,
}

/// Why a letter cannot be written. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Its row is damaged.
    #[error("letter {0}: {1}")]
    Damaged(PieceId, InvalidRow),
    /// Its row was made for another format, or what belongs into it has no room.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// It is another letter than this file is for.
    #[error("letter {0} is of another variant than the file")]
    OtherVariant(PieceId),
    /// A sum leaves the 64-bit range.
    #[error("letter {0}: a sum leaves its range")]
    OutOfRange(PieceId),
}

/// Why a file cannot be resumed; it is begun anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotResumable {
    /// The checkpoint is of another version.
    #[error("the checkpoint has another version")]
    Version,
    /// The checkpoint is that of a file for something else.
    #[error("the checkpoint is of another run, campaign, variant or day")]
    OtherJob,
    /// The format was changed since.
    #[error("the file was begun in another format")]
    OtherFormat,
    /// The format has violations.
    #[error("the format is wrong")]
    Format(Vec<Violation>),
    /// The state of the hash or the counts are damaged.
    #[error("the checkpoint is damaged")]
    Damaged,
}

/// Why the letters do not go on where a file stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipError<E> {
    /// They cannot be read.
    #[error("the letters cannot be read: {0}")]
    Source(E),
    /// The letters before the checkpoint are no longer those that were written.
    #[error("the letters before the checkpoint are no longer those that were written")]
    Changed,
}

impl Checkpoint {
    /// Passes over the rows that are already written.
    ///
    /// # Errors
    /// [`SkipError::Changed`] when there are fewer, or the last one is another letter.
    pub fn skip<E>(&self, rows: &mut impl Iterator<Item = Result<Row, E>>) -> Result<(), SkipError<E>> {
        let mut last = None;
        for _ in 0..self.rows {
            let row = rows.next().ok_or(SkipError::Changed)?.map_err(SkipError::Source)?;
            last = Some(row.id());
        }
        if last == self.position {
            Ok(())
        } else {
            Err(SkipError::Changed)
        }
    }
}

impl PrintFile {
    /// Begins a file: what stands before its first row is appended to `out`.
    ///
    /// # Errors
    /// What is wrong with the format.
    pub fn begin(job: Job, format: FileFormat, out: &mut Vec<u8>) -> Result<Self, Vec<Violation>> {
        let mut file = Self {
            job,
            encoder: Encoder::new(format)?,
            totals: Totals::default(),
            last_voucher: None,
            codes: Vec::new(),
            hash: Sha256::new(),
            bytes: 0,
        };
        let before = out.len();
        file.encoder.start(out);
        file.count(out.get(before..).unwrap_or_default());
        Ok(file)
    }

    /// Goes on where a file stopped.
    ///
    /// # Errors
    /// [`NotResumable`] when the checkpoint is not one of this file.
    pub fn resume(job: Job, format: FileFormat, checkpoint: &Checkpoint) -> Result<Self, NotResumable> {
        if checkpoint.version != VERSION {
            return Err(NotResumable::Version);
        }
        if checkpoint.job != job {
            return Err(NotResumable::OtherJob);
        }
        let encoder = Encoder::new(format).map_err(NotResumable::Format)?;
        if checkpoint.format_sha256 != hex(encoder.sha256()) {
            return Err(NotResumable::OtherFormat);
        }
        let totals = checkpoint.totals.clone();
        if checkpoint.rows != totals.all.rows || checkpoint.position != totals.last_piece {
            return Err(NotResumable::Damaged);
        }
        let state = unhex(&checkpoint.hash_state).ok_or(NotResumable::Damaged)?;
        let state = state.as_slice().try_into().map_err(|_| NotResumable::Damaged)?;
        Ok(Self {
            job,
            encoder,
            totals,
            last_voucher: None,
            codes: Vec::new(),
            hash: Sha256::deserialize(state).map_err(|_| NotResumable::Damaged)?,
            bytes: checkpoint.bytes,
        })
    }

    /// Appends a letter to `out`. `code` gives the code of a voucher by its id.
    ///
    /// # Errors
    /// [`WriteError`]; then file and buffer are as they were, and the next letter can be written.
    pub fn push(&mut self, row: &Row, code: impl Fn(&str) -> VoucherCode, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let piece = row.id();
        let content = row.content().map_err(|flaw| WriteError::Damaged(piece, flaw))?;
        if content.variant != self.job.variant.as_str() {
            return Err(WriteError::OtherVariant(piece));
        }
        self.codes.clear();
        self.codes
            .extend(content.vouchers.iter().map(|(voucher, _)| code(voucher.0)));
        let before = out.len();
        let number = self.totals.all.rows.saturating_add(1);
        self.encoder.fill((piece, &content.stencil), number, &self.codes, out)?;
        if let Err(OutOfRange) = self.totals.add(piece, &content, self.codes.first()) {
            out.truncate(before);
            return Err(WriteError::OutOfRange(piece));
        }
        if let Some(code) = self.codes.last() {
            let place = u64::try_from(self.codes.len()).unwrap_or(u64::MAX);
            self.last_voucher = Some((number, place, code.clone()));
        }
        self.count(out.get(before..).unwrap_or_default());
        Ok(())
    }

    fn count(&mut self, written: &[u8]) {
        self.hash.update(written);
        let len = u64::try_from(written.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(len);
    }

    /// From where it can be resumed: after the last letter.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            version: VERSION,
            job: self.job.clone(),
            format_sha256: hex(self.encoder.sha256()),
            rows: self.totals.all.rows,
            bytes: self.bytes,
            hash_state: hex(&self.hash.serialize()),
            totals: self.totals(),
            position: self.totals.last_piece,
        }
    }

    /// Sums over the rows so far.
    pub fn totals(&self) -> Totals {
        let mut totals = self.totals.clone();
        if let Some((row, number, code)) = &self.last_voucher {
            totals.mark_last(*row, *number, code);
        }
        totals
    }

    /// Ends the file.
    pub fn finish(self) -> Manifest {
        let totals = self.totals();
        Manifest {
            version: VERSION,
            job: self.job,
            format: self.encoder.format().clone(),
            totals,
            sha256: hex(&self.hash.finalize()),
            bytes: self.bytes,
        }
    }
}
