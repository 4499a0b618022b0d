//! Sorting more letters than memory holds: sorted chunks, then one merge over them.
//!
//! The caller sorts as many rows as it can hold and stores them as a [`chunk()`]. [`Merge`] reads all chunks at once, a block of each
//! in memory, and yields all rows in order. What it holds does not grow with the letters.

mod chunk;

use std::cmp::{Ordering, Reverse};
use std::collections::binary_heap::{BinaryHeap, PeekMut};

use crate::piece::PieceId;
use crate::row::{Row, SortKey};

pub use chunk::{ChunkReader, ReadError, chunk};

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
    /// Two rows, one behind the other, are the same letter.
    #[error("letter {piece} comes twice")]
    Duplicate {
        /// Which letter.
        piece: PieceId,
    },
}

/// The rows of sorted chunks in order. The first error ends it.
///
/// Of equal rows that of the first chunk would come first; they are the same letter and therefore an error. That no letter stands in
/// two chunks with two postcodes is for whoever cuts the letters into chunks: the ids of a million letters took 23 MB.
pub struct Merge<I> {
    chunks: Vec<I>,
    heads: BinaryHeap<Reverse<Head>>,
    last: Option<PieceId>,
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
    fn order(&self) -> (SortKey<'_>, usize) {
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
        write!(f, "Merge({} chunks)", self.chunks.len())
    }
}

impl<I, E> Merge<I>
where
    I: Iterator<Item = Result<Row, E>>,
{
    /// A merge of chunks.
    pub const fn new(chunks: Vec<I>) -> Self {
        Self {
            chunks,
            heads: BinaryHeap::new(),
            last: None,
            state: State::New,
        }
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
        // Rows with one key stand one behind the other.
        let piece = row.id();
        if self.last.replace(piece) == Some(piece) {
            return Err(MergeError::Duplicate { piece });
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
                let piece = row.id();
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
