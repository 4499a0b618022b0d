use proptest::prelude::*;

use super::*;
use crate::format::tests::{USUAL, csv_of};
use crate::format::{Encoder, Encoding};
use crate::piece::Piece;
use crate::piece::tests::{personal, piece};
use crate::row::tests::row_of;

fn row(number: u32, postcode: u32) -> Row {
    let letter = Piece {
        postcode: Some(personal(&postcode.to_string())),
        ..piece(number)
    };
    row_of(&letter)
}

/// The chunks as they are stored, of so many rows each.
fn stored(rows: &[Row], of: usize) -> Vec<Vec<u8>> {
    let sorted = rows.chunks(of).map(|rows| {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        super::chunk(&rows)
    });
    sorted.collect()
}

fn merged(chunks: &[Vec<u8>]) -> Result<Vec<Row>, MergeError<ReadError>> {
    Merge::new(chunks.iter().map(|chunk| ChunkReader::new(chunk.as_slice())).collect()).collect()
}

type Rows = Vec<Result<Row, ReadError>>;

fn chunk(rows: &[Row]) -> std::vec::IntoIter<Result<Row, ReadError>> {
    rows.iter().cloned().map(Ok).collect::<Rows>().into_iter()
}

#[test]
fn x5_a_merge_of_50_chunks_is_a_sort() {
    let rows: Vec<Row> = (0..1_000u32)
        .map(|n| row(n, 1_000 + n.wrapping_mul(7_919) % 97))
        .collect();
    let chunks = stored(&rows, 20);
    assert_eq!(chunks.len(), 50);
    let mut sorted = rows;
    sorted.sort_by(|a, b| a.key().cmp(&b.key()));
    assert_eq!(merged(&chunks).unwrap(), sorted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// proptest prints the seed of a failing case.
    #[test]
    fn x5_the_order_of_a_file_does_not_depend_on_the_order_of_its_letters(
        numbers in proptest::collection::btree_map(0u32..5_000, 1_000u32..1_010, 0..80),
        turn in 0usize..80,
        of in 1usize..100,
    ) {
        let mut rows: Vec<Row> = numbers.into_iter().map(|(n, postcode)| row(n, postcode)).collect();
        let one = merged(&stored(&rows, usize::MAX)).unwrap();
        let len = rows.len().max(1);
        rows.rotate_left(turn % len);
        prop_assert_eq!(merged(&stored(&rows, of)).unwrap(), one);
    }
}

#[test]
fn x5_a_letter_that_comes_twice_is_an_error() {
    let piece = row(1, 0).id();
    let duplicate = |chunks: Vec<_>| {
        let results: Vec<_> = Merge::new(chunks).collect();
        let last = results.last().unwrap();
        matches!(last, Err(MergeError::Duplicate { piece: found }) if *found == piece)
            && results.iter().filter(|result| result.is_ok()).count() < results.len()
    };
    let here = row(1, 5_000);
    let one = std::slice::from_ref(&here);
    assert!(duplicate(vec![chunk(one), chunk(one)]));
    assert!(duplicate(vec![chunk(&[here.clone(), here.clone()])]));
    let (low, high) = (row(2, 1_000), row(3, 9_000));
    assert!(duplicate(vec![
        chunk(&[low, here.clone()]),
        chunk(&[here.clone(), high])
    ]));
}

#[test]
fn a_chunk_out_of_order_or_with_an_error_ends_the_merge() {
    let mut merge = Merge::new(vec![chunk(&[row(1, 5)]), chunk(&[row(2, 7), row(3, 6)])]);
    assert!(merge.next().unwrap().is_ok());
    let unsorted = merge.next().unwrap().unwrap_err();
    assert!(matches!(unsorted, MergeError::Unsorted { chunk: 1, .. }), "{unsorted}");
    assert!(merge.next().is_none());
    let damaged = Err(ReadError::CutOff);
    let mut merge = Merge::new(vec![vec![Ok(row(1, 5)), damaged].into_iter()]);
    let error = merge.next().unwrap().unwrap_err();
    assert!(matches!(error, MergeError::Chunk { chunk: 0, .. }), "{error}");
    assert!(merge.next().is_none());
}

#[test]
fn a_merge_of_nothing_ends_at_once() {
    assert!(merged(&[]).unwrap().is_empty());
}

#[test]
fn a_chunk_of_many_blocks_comes_back_as_it_was() {
    let rows: Vec<Row> = (0..2_000).map(|n| row(n, 1_000)).collect();
    let chunk = super::chunk(&rows);
    let plain: usize = rows.iter().map(|row| bytes(row).len()).sum();
    assert!(plain > 250_000 && chunk.len() < plain, "{plain} {}", chunk.len());
    let read: Result<Vec<Row>, _> = ChunkReader::new(chunk.as_slice()).collect();
    assert_eq!(read.unwrap(), rows);
    let none: Vec<u8> = super::chunk(&[]);
    let texts: Vec<String> = (1..=10).map(|n| format!("text_{n}")).collect();
    let sources = USUAL[..19].iter().copied().chain(texts.iter().map(String::as_str));
    let encoder = Encoder::new(csv_of(Encoding::Utf8, &sources.collect::<Vec<_>>())).unwrap();
    let large = Piece {
        texts: vec![personal(&"𝕏".repeat(1_200)); 10],
        ..piece(1)
    };
    let large = Row::of(&large, &encoder).unwrap();
    let greatest: Vec<Row> = [row(2, 1), large, row(3, 1)].into();
    let large = super::chunk(&greatest);
    let mut reader = ChunkReader::new(large.as_slice());
    let read: Result<Vec<Row>, _> = reader.by_ref().collect();
    assert_eq!(read.unwrap(), greatest);
    let shown = format!("{reader:?}");
    assert_eq!(shown, "ChunkReader(3 rows of 3 blocks)");
    assert!(ChunkReader::new(none.as_slice()).next().is_none());
}

fn bytes(row: &Row) -> Vec<u8> {
    let mut bytes = Vec::new();
    row.write(&mut bytes);
    bytes
}

/// The error with which reading ends, if it does.
fn flaw(chunk: &[u8]) -> Option<ReadError> {
    ChunkReader::new(chunk).find_map(Result::err)
}

#[test]
fn a_chunk_that_was_cut_off_is_no_shorter_chunk() {
    let rows: Vec<Row> = (0..300).map(|n| row(n, 1)).collect();
    let whole = super::chunk(&rows);
    assert!(flaw(&whole).is_none());
    for len in 0..whole.len() {
        assert!(matches!(flaw(&whole[..len]), Some(ReadError::CutOff)), "{len}");
    }
}

#[test]
fn a_damaged_chunk_is_refused_and_takes_no_memory() {
    let whole = super::chunk(&[row(1, 1), row(2, 2)]);
    let other = [&[1], &whole[1..]].concat();
    assert!(matches!(flaw(&other), Some(ReadError::Version)));
    for (at, endless) in [(1, "content"), (5, "stored")] {
        let mut damaged = whole.clone();
        damaged[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let flaw = flaw(&damaged);
        assert!(
            matches!(flaw, Some(ReadError::Block { block: 1 })),
            "{endless} {flaw:?}"
        );
    }
    let mut shorter = whole.clone();
    shorter[1] -= 1;
    assert!(matches!(flaw(&shorter), Some(ReadError::Block { block: 1 })));
    let longer = [&*whole, b"x"].concat();
    assert!(matches!(flaw(&longer), Some(ReadError::Block { block: 3 })));
    for at in 9..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        // Whatever it is read as, it panics nowhere, and reading ends. That the bytes are the stored ones is checked by the bucket's
        // client, which knows their checksum.
        assert!(ChunkReader::new(damaged.as_slice()).count() <= 3);
    }
}
