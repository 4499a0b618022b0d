//! Sorting more letters than memory holds: sorted chunks, then one merge over them.
//!
//! The caller sorts as many rows as it can hold and stores them as a [`chunk()`]. [`Merge`] reads all chunks at once, a block of each
//! in memory, and yields all rows in order.

mod chunk;

use std::cmp::{Ordering, Reverse};
use std::collections::HashSet;
use std::collections::binary_heap::{BinaryHeap, PeekMut};

use crate::piece::{PieceId, Row, SortKey};

pub use chunk::{ChunkReader, ReadError, chunk};

/// Most letters of one merge. Their ids take some 50 MB: the only memory that grows with the letters.
pub const PIECES_MAX: usize = 3_000_000;

/// Why a merge stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError<E> {
    /// A chunk cannot be read.
    #[error("chunk {chunk} cannot be read: {error}")]
    Chunk {
        /// Which, from 0.
        chunk: usize,
        /// Why.
        error: E,
    },
    /// A chunk is not in order.
    #[error("chunk {chunk} is not in order at letter {piece}")]
    Unsorted {
        /// Which, from 0.
        chunk: usize,
        /// The first row that stands too late.
        piece: PieceId,
    },
    /// Two rows are the same letter, maybe with two addresses.
    #[error("letter {piece} comes twice")]
    Duplicate {
        /// Which letter.
        piece: PieceId,
    },
    /// More than the given number of letters.
    #[error("there are more letters than a merge takes")]
    TooMany,
}

/// The rows of sorted chunks in order. The first error ends it.
///
/// Of equal rows that of the first chunk would come first; they are the same letter and therefore an error, wherever in the order
/// the second one stands.
pub struct Merge<I> {
    chunks: Vec<I>,
    heads: BinaryHeap<Reverse<Head>>,
    seen: HashSet<[u8; 10]>,
    pieces_max: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Running,
    Ended,
}

/// The next row of a chunk. Ordered by its key, then by chunk.
struct Head {
    row: Row,
    chunk: usize,
}

impl Head {
    const fn order(&self) -> (&SortKey, usize) {
        (self.row.key(), self.chunk)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl<I> std::fmt::Debug for Merge<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Merge({} chunks, {} letters)", self.chunks.len(), self.seen.len())
    }
}

impl<I, E> Merge<I>
where
    I: Iterator<Item = Result<Row, E>>,
{
    /// A merge of chunks, of [`PIECES_MAX`] letters at most.
    pub fn new(chunks: Vec<I>) -> Self {
        Self::of_at_most(chunks, PIECES_MAX)
    }

    /// A merge of chunks, of `pieces_max` letters at most.
    pub fn of_at_most(chunks: Vec<I>, pieces_max: usize) -> Self {
        Self {
            chunks,
            heads: BinaryHeap::new(),
            seen: HashSet::new(),
            pieces_max,
            state: State::New,
        }
    }

    /// With room for so many letters from the start: a set that grows holds its letters twice for a moment.
    #[must_use]
    pub fn expecting(mut self, letters: usize) -> Self {
        self.seen.reserve(letters.min(self.pieces_max));
        self
    }

    fn step(&mut self) -> Result<Option<Row>, MergeError<E>> {
        if self.state == State::New {
            self.state = State::Running;
            for chunk in 0..self.chunks.len() {
                let row = next(&mut self.chunks, chunk)?;
                self.heads.extend(row.map(|row| Reverse(Head { row, chunk })));
            }
        }
        let Some(row) = self.pop()? else { return Ok(None) };
        let piece = row.key().piece();
        if !self.seen.insert(piece.packed()) {
            return Err(MergeError::Duplicate { piece });
        }
        if self.seen.len() > self.pieces_max {
            return Err(MergeError::TooMany);
        }
        Ok(Some(row))
    }

    /// The first of the heads; in its place comes the next row of its chunk, which mostly belongs near it.
    fn pop(&mut self) -> Result<Option<Row>, MergeError<E>> {
        let Some(mut first) = self.heads.peek_mut() else {
            return Ok(None);
        };
        let chunk = first.0.chunk;
        match next(&mut self.chunks, chunk)? {
            Some(row) if row.key() < first.0.row.key() => {
                let piece = row.key().piece();
                Err(MergeError::Unsorted { chunk, piece })
            }
            Some(row) => Ok(Some(std::mem::replace(&mut first.0.row, row))),
            None => Ok(Some(PeekMut::pop(first).0.row)),
        }
    }
}

fn next<I, E>(chunks: &mut [I], chunk: usize) -> Result<Option<Row>, MergeError<E>>
where
    I: Iterator<Item = Result<Row, E>>,
{
    let next = chunks.get_mut(chunk).and_then(Iterator::next);
    next.transpose().map_err(|error| MergeError::Chunk { chunk, error })
}

impl<I, E> Iterator for Merge<I>
where
    I: Iterator<Item = Result<Row, E>>,
{
    type Item = Result<Row, MergeError<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended {
            return None;
        }
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.state = State::Ended;
        }
        step.transpose()
    }
}

#[cfg(test)]
mod tests;
