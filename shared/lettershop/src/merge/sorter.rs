//! Rows become sorted chunks, and chunks rows.

use std::io::{self, BufRead, Read as _};

use crate::piece::{InvalidRow, ROW_BYTES_MAX, Row};

/// Takes rows and yields them in sorted chunks of at most so many bytes.
#[derive(Debug)]
pub struct Sorter {
    bytes_max: usize,
    bytes: usize,
    rows: Vec<Row>,
}

/// Rows in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Chunk {
    rows: Vec<Row>,
}

/// Bytes of a row in a chunk: with its line end.
fn len(row: &Row) -> usize {
    row.line().len().saturating_add(1)
}

impl Sorter {
    /// A sorter whose chunks have at most `bytes_max` bytes; a chunk of a single row may have more. In memory a row takes some 150
    /// bytes more than in its chunk.
    pub const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            rows: Vec::new(),
        }
    }

    /// Takes a row. If it has no room beside those before it, these are the chunk that is given back.
    #[must_use = "the chunk is the only place where its rows are"]
    pub fn push(&mut self, row: Row) -> Option<Chunk> {
        let full = self.bytes.saturating_add(len(&row)) > self.bytes_max;
        let chunk = if full { self.take() } else { None };
        self.bytes = self.bytes.saturating_add(len(&row));
        self.rows.push(row);
        chunk
    }

    /// The rows that are left.
    #[must_use = "the chunk is the only place where its rows are"]
    pub fn finish(mut self) -> Option<Chunk> {
        self.take()
    }

    fn take(&mut self) -> Option<Chunk> {
        let mut rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        rows.sort_by(|a, b| a.key().cmp(b.key()));
        (!rows.is_empty()).then_some(Chunk { rows })
    }
}

impl Chunk {
    /// Appends the rows as lines.
    pub fn write(&self, out: &mut Vec<u8>) {
        for row in &self.rows {
            out.extend_from_slice(row.line());
            out.push(b'\n');
        }
    }

    /// The rows, in order.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }
}

/// Why a chunk cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its bytes do not come.
    #[error("the bytes of a chunk do not come")]
    Io(#[from] io::Error),
    /// A line is no row.
    #[error("line {line}: {flaw}")]
    Row {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        flaw: InvalidRow,
    },
}

/// Reads a chunk line by line; of a line no more than a row can have. The first error ends it.
#[derive(Debug)]
pub struct RowReader<R> {
    source: R,
    line: u64,
    ended: bool,
}

impl<R: BufRead> RowReader<R> {
    /// A reader of the lines of `source`.
    pub const fn new(source: R) -> Self {
        Self {
            source,
            line: 0,
            ended: false,
        }
    }

    fn step(&mut self) -> Result<Option<Row>, ReadError> {
        let mut bytes = Vec::new();
        let most = u64::try_from(ROW_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        self.source.by_ref().take(most).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line = self.line.saturating_add(1);
        let line = self.line;
        // A chunk ends with a line end: a last line without one was cut off.
        let row = match bytes.split_last() {
            Some((b'\n', row)) => Row::read(row),
            _ if bytes.len() > ROW_BYTES_MAX => Err(InvalidRow::TooLong),
            _ => Err(InvalidRow::Malformed),
        };
        row.map(Some).map_err(|flaw| ReadError::Row { line, flaw })
    }
}

impl<R: BufRead> Iterator for RowReader<R> {
    type Item = Result<Row, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step();
        self.ended = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}
