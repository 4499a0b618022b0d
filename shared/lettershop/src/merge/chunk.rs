//! Sorted rows as they are stored, and read again.
//!
//! A chunk is a byte with its version and blocks behind it. A block has two lengths, of its content and of what is stored of it,
//! each of four bytes with the lowest first, and the content in the block format of LZ4. Its content are rows, each behind its
//! length. The last block is empty, so that a chunk that was cut off is never taken for a shorter one. Blocks are small because a
//! merge holds one of each chunk in memory.

use std::borrow::Borrow;
use std::io::{self, Read};

use lz4_flex::block::{self, get_maximum_output_size};

use crate::row::{InvalidRow, ROW_BYTES_MAX, Row};

const VERSION: u8 = 4;
/// A block is stored when it has so many bytes; with its last row it may have more.
const BLOCK_BYTES: usize = 32_768;
/// Bytes of a length.
const LEN: usize = 4;
/// Most bytes of a block.
const BLOCK_BYTES_MAX: usize = BLOCK_BYTES + LEN + ROW_BYTES_MAX;

/// The chunk of rows, in the order in which they come. Rows that are handed over are let go one by one, so that they and their chunk are
/// not held both.
pub fn chunk<R: Borrow<Row>>(rows: impl IntoIterator<Item = R>) -> Vec<u8> {
    let mut out = vec![VERSION];
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    for row in rows {
        let start = block.len();
        block.extend_from_slice(&[0; LEN]);
        row.borrow().write(&mut block);
        let len = length(block.len().saturating_sub(start).saturating_sub(LEN));
        if let Some(place) = block.get_mut(start..start.saturating_add(LEN)) {
            place.copy_from_slice(&len);
        }
        if block.len() >= BLOCK_BYTES {
            store(&block, &mut out);
            block.clear();
        }
    }
    if !block.is_empty() {
        store(&block, &mut out);
    }
    store(&[], &mut out);
    out
}

fn store(content: &[u8], out: &mut Vec<u8>) {
    let packed = block::compress(content);
    out.extend_from_slice(&length(content.len()));
    out.extend_from_slice(&length(packed.len()));
    out.extend_from_slice(&packed);
}

/// Rows and blocks are far shorter than four bytes can say.
fn length(len: usize) -> [u8; LEN] {
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

/// Why a chunk cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its bytes do not come.
    #[error("the bytes of a chunk do not come")]
    Io(#[source] io::Error),
    /// It was written by another version of this program.
    #[error("a chunk has another version")]
    Version,
    /// It ends before its end.
    #[error("a chunk is cut off")]
    CutOff,
    /// A block is no block, or stands behind the end.
    #[error("block {block} is damaged")]
    Block {
        /// Which, from 1.
        block: u64,
    },
    /// A row is no row.
    #[error("row {row}: {flaw}")]
    Row {
        /// Which, from 1.
        row: u64,
        /// What is wrong with it.
        flaw: InvalidRow,
    },
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::CutOff
        } else {
            Self::Io(error)
        }
    }
}

/// Reads the rows of a chunk; one block of it is in memory. The first error ends it.
pub struct ChunkReader<R> {
    source: R,
    stage: Stage,
    block: Vec<u8>,
    /// Where the next row of the block begins.
    at: usize,
    packed: Vec<u8>,
    blocks: u64,
    rows: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Blocks,
    Ended,
}

impl<R> std::fmt::Debug for ChunkReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkReader({} rows of {} blocks)", self.rows, self.blocks)
    }
}

impl<R: Read> ChunkReader<R> {
    /// A reader of the chunk in `source`.
    pub const fn new(source: R) -> Self {
        Self {
            source,
            stage: Stage::New,
            block: Vec::new(),
            at: 0,
            packed: Vec::new(),
            blocks: 0,
            rows: 0,
        }
    }

    fn step(&mut self) -> Result<Option<Row>, ReadError> {
        if self.stage == Stage::New {
            let mut version = [0; 1];
            self.source.read_exact(&mut version)?;
            if version != [VERSION] {
                return Err(ReadError::Version);
            }
            self.stage = Stage::Blocks;
        }
        if self.at >= self.block.len() && !self.next_block()? {
            return Ok(None);
        }
        self.rows = self.rows.saturating_add(1);
        let damaged = ReadError::Block { block: self.blocks };
        let rest = self.block.get(self.at..).unwrap_or_default();
        let Some((len, rest)) = rest.split_at_checked(LEN) else {
            return Err(damaged);
        };
        let len = read_length(len);
        let bytes = rest.get(..len).ok_or(damaged)?;
        self.at = self.at.saturating_add(LEN).saturating_add(len);
        let row = Row::read(bytes);
        row.map(Some).map_err(|flaw| ReadError::Row { row: self.rows, flaw })
    }

    /// Reads the next block; `false` at the end.
    fn next_block(&mut self) -> Result<bool, ReadError> {
        self.blocks = self.blocks.saturating_add(1);
        self.at = 0;
        let mut lengths = [0; LEN * 2];
        self.source.read_exact(&mut lengths)?;
        let (content, packed) = lengths.split_at(LEN);
        let (content, packed) = (read_length(content), read_length(packed));
        let damaged = || ReadError::Block { block: self.blocks };
        if content > BLOCK_BYTES_MAX || packed > get_maximum_output_size(content) {
            return Err(damaged());
        }
        resize(&mut self.packed, packed);
        self.source.read_exact(&mut self.packed)?;
        resize(&mut self.block, content);
        let read = block::decompress_into(&self.packed, &mut self.block);
        if read.ok() != Some(content) {
            return Err(damaged());
        }
        if content == 0 && self.source.read(&mut [0])? > 0 {
            return Err(ReadError::Block {
                block: self.blocks.saturating_add(1),
            });
        }
        Ok(content > 0)
    }
}

/// With no more room than is needed: a merge holds many of these.
fn resize(bytes: &mut Vec<u8>, len: usize) {
    bytes.reserve_exact(len.saturating_sub(bytes.len()));
    bytes.resize(len, 0);
}

fn read_length(bytes: &[u8]) -> usize {
    let len = bytes.try_into().map_or(u32::MAX, u32::from_le_bytes);
    usize::try_from(len).unwrap_or(usize::MAX)
}

impl<R: Read> Iterator for ChunkReader<R> {
    type Item = Result<Row, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stage == Stage::Ended {
            return None;
        }
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.stage = Stage::Ended;
        }
        step.transpose()
    }
}
