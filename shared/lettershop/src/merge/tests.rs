use proptest::prelude::*;

use super::*;
use crate::piece::tests::{personal, piece};
use crate::piece::{InvalidRow, Piece, ROW_BYTES_MAX};

fn row(number: u32, postcode: u32) -> Row {
    let letter = Piece {
        postcode: Some(personal(&postcode.to_string())),
        ..piece(number)
    };
    Row::of(&letter).unwrap()
}

/// The chunks as they are stored.
fn stored(rows: impl IntoIterator<Item = Row>, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut sorter = Sorter::new(bytes_max);
    let mut chunks: Vec<Chunk> = rows.into_iter().filter_map(|row| sorter.push(row)).collect();
    chunks.extend(sorter.finish());
    let write = |chunk: &Chunk| {
        let mut out = Vec::new();
        chunk.write(&mut out);
        out
    };
    chunks.iter().map(write).collect()
}

fn merged(chunks: &[Vec<u8>]) -> Result<Vec<Row>, MergeError<ReadError>> {
    Merge::new(chunks.iter().map(|chunk| RowReader::new(chunk.as_slice())).collect()).collect()
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
    let size = rows.iter().map(|row| row.line().len() + 1).max().unwrap();
    let chunks = stored(rows.clone(), size * 20);
    assert!(chunks.len() >= 50, "{}", chunks.len());
    assert!(chunks.iter().all(|chunk| chunk.len() <= size * 20));
    let mut sorted = rows;
    sorted.sort_by(|a, b| a.key().cmp(b.key()));
    assert_eq!(merged(&chunks).unwrap(), sorted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// proptest prints the seed of a failing case.
    #[test]
    fn x5_the_order_of_a_file_does_not_depend_on_the_order_of_its_letters(
        numbers in proptest::collection::btree_map(0u32..5_000, 1_000u32..1_010, 0..80),
        turn in 0usize..80,
        bytes_max in 1usize..20_000,
    ) {
        let mut rows: Vec<Row> = numbers.into_iter().map(|(n, postcode)| row(n, postcode)).collect();
        let one = merged(&stored(rows.clone(), usize::MAX)).unwrap();
        let len = rows.len().max(1);
        rows.rotate_left(turn % len);
        prop_assert_eq!(merged(&stored(rows, bytes_max)).unwrap(), one);
    }
}

#[test]
fn x5_a_letter_that_comes_twice_is_an_error_even_with_another_address() {
    let piece = row(1, 0).key().piece();
    let duplicate = |chunks: Vec<_>| {
        let results: Vec<_> = Merge::new(chunks).collect();
        let last = results.last().unwrap();
        matches!(last, Err(MergeError::Duplicate { piece: found }) if *found == piece)
            && results.iter().filter(|result| result.is_ok()).count() < results.len()
    };
    let (here, moved, other) = (row(1, 1_000), row(1, 9_000), row(2, 5_000));
    let one = std::slice::from_ref(&here);
    assert!(duplicate(vec![chunk(one), chunk(one)]));
    assert!(duplicate(vec![chunk(&[here.clone(), here.clone()])]));
    assert!(duplicate(vec![chunk(&[here.clone(), other]), chunk(&[moved])]));
}

#[test]
fn a_chunk_out_of_order_or_with_an_error_ends_the_merge() {
    let mut merge = Merge::new(vec![chunk(&[row(1, 5)]), chunk(&[row(2, 7), row(3, 6)])]);
    assert!(merge.next().unwrap().is_ok());
    let unsorted = merge.next().unwrap().unwrap_err();
    assert!(matches!(unsorted, MergeError::Unsorted { chunk: 1, .. }), "{unsorted}");
    assert!(merge.next().is_none());
    let damaged = Err(ReadError::Row {
        line: 2,
        flaw: InvalidRow::Malformed,
    });
    let mut merge = Merge::new(vec![vec![Ok(row(1, 5)), damaged].into_iter()]);
    let error = merge.next().unwrap().unwrap_err();
    assert!(matches!(error, MergeError::Chunk { chunk: 0, .. }), "{error}");
    assert!(merge.next().is_none());
}

#[test]
fn a_merge_takes_no_more_letters_than_it_is_given_memory_for() {
    let mut merge = Merge::of_at_most(vec![chunk(&[row(1, 1), row(2, 2), row(3, 3)])], 2);
    assert!(merge.next().unwrap().is_ok() && merge.next().unwrap().is_ok());
    assert!(matches!(merge.next(), Some(Err(MergeError::TooMany))));
    assert!(merged(&[]).unwrap().is_empty());
}

#[test]
fn a_chunk_that_was_cut_off_is_no_shorter_chunk() {
    let whole = stored([row(1, 1), row(2, 2)], usize::MAX).remove(0);
    for len in 0..whole.len() {
        let rows: Vec<_> = RowReader::new(&whole[..len]).collect();
        let at_row_end = len == 0 || whole[len - 1] == b'\n';
        assert_eq!(rows.iter().all(Result::is_ok), at_row_end, "{len}");
    }
    let endless = vec![b'x'; ROW_BYTES_MAX * 3];
    let error = RowReader::new(endless.as_slice()).next().unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            ReadError::Row {
                line: 1,
                flaw: InvalidRow::TooLong
            }
        ),
        "{error}"
    );
}
