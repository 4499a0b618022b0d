use super::*;
use crate::format::tests::{USUAL, csv_of};
use crate::format::{ControlCharacters, Encoder, Encoding, FillError};
use crate::piece::tests::{code_of, codes_of, francs, personal, piece, piece_id, voucher};
use crate::piece::{Piece, Worth};
use crate::row::{InvalidRow, Row};
use domain::money::Money;
use sha2::{Digest, Sha256};

fn job() -> Job {
    Job {
        run: "weihnachten-2026".parse().unwrap(),
        campaign: "weihnachten".parse().unwrap(),
        variant: "noel-a".parse().unwrap(),
        day: "2026-11-27".parse().unwrap(),
    }
}

fn format() -> FileFormat {
    let mut sources = USUAL.to_vec();
    sources.extend(["code_2", "percent_2"]);
    FileFormat {
        control_characters: ControlCharacters::Space,
        ..csv_of(Encoding::Utf8Bom, &sources)
    }
}

/// Letters with and without vouchers, in two currencies and in per cent, control addresses among them.
fn letters() -> Vec<Piece> {
    let letter = |n: u32| {
        let euros = Worth::Value(Money::new(350, "EUR".parse().unwrap()));
        let mut letter = piece(n);
        letter.control = n % 7 == 3;
        letter.vouchers = match n % 4 {
            0 => Vec::new(),
            1 => vec![
                voucher(&format!("a{n}"), francs(500)),
                voucher(&format!("b{n}"), Worth::Percent(1_000)),
            ],
            2 => vec![voucher(&format!("a{n}"), francs(1_250))],
            _ => vec![voucher(&format!("a{n}"), euros)],
        };
        if n.is_multiple_of(5) {
            letter.address[0] = personal("=Société\t\"Léman\"; SA");
        }
        letter
    };
    (0..30).map(letter).collect()
}

/// A row in the format of these tests.
fn row(letter: &Piece) -> Result<Row, crate::row::Unwritable> {
    Row::of(letter, &Encoder::new(format()).unwrap())
}

fn push(file: &mut PrintFile, letter: &Piece, out: &mut Vec<u8>) -> Result<(), WriteError> {
    file.push(&row(letter).unwrap(), code_of, out)
}

fn begun(out: &mut Vec<u8>) -> PrintFile {
    PrintFile::begin(job(), format(), out).unwrap()
}

fn whole() -> (Vec<u8>, Manifest) {
    let mut out = Vec::new();
    let mut file = begun(&mut out);
    for letter in letters() {
        push(&mut file, &letter, &mut out).unwrap();
    }
    (out, file.finish())
}

#[test]
fn x5_killed_after_any_row_and_resumed_the_file_has_the_same_bytes_and_the_same_manifest() {
    let (bytes, manifest) = whole();
    let letters = letters();
    for killed_at in 0..=letters.len() {
        let mut out = Vec::new();
        let mut file = begun(&mut out);
        for letter in &letters[..killed_at] {
            push(&mut file, letter, &mut out).unwrap();
        }
        let stored = serde_json::to_string(&file.checkpoint()).unwrap();
        // More was written after the checkpoint, then the writer died.
        if let Some(next) = letters.get(killed_at) {
            push(&mut file, next, &mut out).unwrap();
        }
        drop(file);
        let checkpoint: Checkpoint = serde_json::from_str(&stored).unwrap();
        out.truncate(checkpoint.bytes as usize);
        let mut rows = letters.iter().map(row);
        checkpoint.skip(&mut rows).unwrap();
        let mut file = PrintFile::resume(job(), format(), &checkpoint).unwrap();
        for row in rows {
            file.push(&row.unwrap(), code_of, &mut out).unwrap();
        }
        assert_eq!(out, bytes, "killed after row {killed_at}");
        assert_eq!(file.finish(), manifest, "killed after row {killed_at}");
    }
}

#[test]
fn x7_the_manifest_has_the_sums_of_the_file_as_another_program_counts_them() {
    let (bytes, manifest) = whole();
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(&bytes[3..]);
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let count = |name: &str| rows.iter().filter(|row| !row[column(name)].is_empty()).count() as u64;
    let totals = &manifest.totals;
    assert_eq!(totals.all.rows, rows.len() as u64);
    assert_eq!(totals.all.vouchers, count("code_1") + count("code_2"));
    assert_eq!(totals.all.percent_vouchers, count("percent_2"));
    let rappen = rows
        .iter()
        .map(|row| row[column("value_1")].replace('.', "").parse::<i64>().unwrap_or(0));
    assert_eq!(totals.all.face_value_minor.values().sum::<i64>(), rappen.sum::<i64>());
    let control = rows.iter().filter(|row| &row[column("control")] == "1").count() as u64;
    assert_eq!(totals.control.rows, control);
    let id = |row: &csv::StringRecord| row[column("piece_id")].parse().ok();
    assert_eq!((totals.first_piece, totals.last_piece), (id(&rows[0]), id(&rows[29])));
    assert_eq!(manifest.bytes, bytes.len() as u64);
    assert_eq!(manifest.sha256, hex(&Sha256::digest(&bytes)));
}

#[test]
fn x7_the_sums_are_by_currency_and_control_addresses_stand_apart() {
    let (_, manifest) = whole();
    let totals = &manifest.totals;
    let sums = |sums: &Sums| {
        let values: Vec<_> = sums.face_value_minor.iter().map(|(c, v)| (c.to_string(), *v)).collect();
        (sums.rows, sums.vouchers, sums.percent_vouchers, values)
    };
    // 8 × 5.00 and 7 × 12.50 francs, 7 × 3.50 euros, 8 in per cent.
    let all = vec![("CHF".to_owned(), 8 * 500 + 7 * 1_250), ("EUR".to_owned(), 7 * 350)];
    assert_eq!(sums(&totals.all), (30, 30, 8, all));
    // Numbers 3, 10, 17, 24: one in euros, 12.50, 5.00 with one in per cent, none.
    let control = vec![("CHF".to_owned(), 1_750), ("EUR".to_owned(), 350)];
    assert_eq!(sums(&totals.control), (4, 4, 1, control));
    assert_eq!(
        (totals.changes.spaced, totals.changes.guarded, totals.changes.truncated),
        (6, 6, 0)
    );
}

#[test]
fn x7_first_and_last_voucher_are_told_by_place_and_hash_and_no_code_is_in_any_document() {
    let (bytes, manifest) = whole();
    let letters = letters();
    let mark = |row: u64, number: u64, code: &domain::code::VoucherCode| {
        let code_sha256 = hex(&Sha256::digest(code.compact()));
        Some(VoucherMark {
            row,
            number,
            code_sha256,
        })
    };
    // Letter 0 has none; letter 29 has two.
    assert_eq!(manifest.totals.first_voucher, mark(2, 1, &codes_of(&letters[1])[0]));
    assert_eq!(manifest.totals.last_voucher, mark(30, 2, &codes_of(&letters[29])[1]));
    let mut out = Vec::new();
    let mut file = begun(&mut out);
    for letter in &letters {
        push(&mut file, letter, &mut out).unwrap();
    }
    let documents = [
        serde_json::to_string(&manifest).unwrap(),
        serde_json::to_string(&file.checkpoint()).unwrap(),
        format!("{manifest:?} {file:?} {:?}", file.checkpoint()),
    ];
    let file = String::from_utf8(bytes).unwrap();
    for code in letters.iter().flat_map(codes_of) {
        assert!(file.contains(&code.to_string()));
        for document in &documents {
            assert!(!document.contains(&code.compact()) && !document.contains(&code.to_string()));
        }
    }
    for document in &documents {
        assert!(!document.contains("Détraz") && !document.contains("Genève"));
    }
    let again: Manifest = serde_json::from_str(&documents[0]).unwrap();
    assert_eq!(again, manifest);
}

#[test]
fn x5_a_letter_that_cannot_be_written_leaves_file_and_sums_as_they_were() {
    let mut out = Vec::new();
    let mut file = begun(&mut out);
    push(&mut file, &piece(1), &mut out).unwrap();
    let (before, checkpoint) = (out.clone(), file.checkpoint());
    let utf8 = Encoder::new(csv_of(Encoding::Utf8, &USUAL)).unwrap();
    let elsewhere = Row::of(&piece(2), &utf8).unwrap();
    let refused = file.push(&elsewhere, code_of, &mut out);
    assert!(matches!(refused, Err(WriteError::Fill(FillError::OtherFormat(id))) if id == piece_id(2)));
    let other = Piece {
        variant: "noel-b".parse().unwrap(),
        ..piece(3)
    };
    let refused = push(&mut file, &other, &mut out);
    assert!(matches!(refused, Err(WriteError::OtherVariant(id)) if id == piece_id(3)));
    let damaged = row(&piece(4)).unwrap().cut_off();
    let refused = file.push(&damaged, code_of, &mut out);
    assert!(matches!(refused, Err(WriteError::Damaged(id, InvalidRow::Malformed)) if id == piece_id(4)));
    assert_eq!((out, file.checkpoint()), (before, checkpoint));
}

#[test]
fn x7_a_sum_that_leaves_its_range_is_an_error_and_no_wrap() {
    let mut out = Vec::new();
    let mut checkpoint = begun(&mut out).checkpoint();
    checkpoint
        .totals
        .all
        .face_value_minor
        .insert("CHF".parse().unwrap(), i64::MAX - 499);
    let mut file = PrintFile::resume(job(), format(), &checkpoint).unwrap();
    let before = out.clone();
    assert!(matches!(
        push(&mut file, &piece(1), &mut out),
        Err(WriteError::OutOfRange(_))
    ));
    assert_eq!((out, file.checkpoint()), (before, checkpoint));
}

#[test]
fn x5_a_checkpoint_of_another_file_or_a_damaged_one_is_refused() {
    let mut out = Vec::new();
    let mut file = begun(&mut out);
    push(&mut file, &piece(1), &mut out).unwrap();
    let sound = file.checkpoint();
    let resumed = |change: fn(&mut Checkpoint)| {
        let mut checkpoint = sound.clone();
        change(&mut checkpoint);
        PrintFile::resume(job(), format(), &checkpoint).map(|_| ())
    };
    assert_eq!(resumed(|_| ()), Ok(()));
    assert_eq!(resumed(|c| c.version = 2), Err(NotResumable::Version));
    assert_eq!(
        resumed(|c| c.job.run = "other".parse().unwrap()),
        Err(NotResumable::OtherJob)
    );
    for damage in [
        (|c| c.rows += 1) as fn(&mut Checkpoint),
        |c| c.position = None,
        |c| c.hash_state.clear(),
        |c| c.hash_state.insert(0, 'x'),
        |c| c.hash_state.truncate(10),
        |c| c.hash_state = "ff".repeat(c.hash_state.len() / 2),
    ] {
        assert_eq!(resumed(damage), Err(NotResumable::Damaged));
    }
    let utf8 = FileFormat {
        encoding: Encoding::Utf8,
        ..format()
    };
    assert_eq!(
        PrintFile::resume(job(), utf8, &sound).map(|_| ()),
        Err(NotResumable::OtherFormat)
    );
}

#[test]
fn x5_letters_that_are_no_longer_those_before_the_checkpoint_are_noticed() {
    let mut out = Vec::new();
    let mut file = begun(&mut out);
    for number in 1..=2 {
        push(&mut file, &piece(number), &mut out).unwrap();
    }
    let checkpoint = file.checkpoint();
    let skipped = |numbers: &[u32]| {
        let mut rows = numbers.iter().map(|n| row(&piece(*n)));
        checkpoint.skip(&mut rows).map(|()| rows.count())
    };
    assert_eq!(skipped(&[1, 2, 3]), Ok(1));
    for changed in [&[1][..], &[], &[2, 1, 3], &[1, 3]] {
        assert_eq!(skipped(changed), Err(SkipError::Changed), "{changed:?}");
    }
}

fn said(manifest: &Manifest) -> Acknowledgement {
    Acknowledgement {
        run: "weihnachten-2026".to_owned(),
        variant: "noel-a".to_owned(),
        rows: 30,
        sha256: manifest.sha256.to_ascii_uppercase(),
        accepted_on: "2026-11-30".parse().unwrap(),
        rejected: vec![RejectedPiece {
            piece: piece_id(3).to_string(),
            reason: "Adresse unleserlich".to_owned(),
        }],
    }
}

#[test]
fn x7_an_acknowledgement_that_fits_has_no_contradiction() {
    let (_, manifest) = whole();
    assert_eq!(check(&manifest, &said(&manifest), &days()), []);
}

#[test]
fn x7_every_contradiction_of_an_acknowledgement_is_named() {
    let (_, manifest) = whole();
    let rejected = |piece: &str, reason: &str| RejectedPiece {
        piece: piece.to_owned(),
        reason: reason.to_owned(),
    };
    let found = |change: &dyn Fn(&mut Acknowledgement)| {
        let mut acknowledgement = said(&manifest);
        change(&mut acknowledgement);
        let found = check(&manifest, &acknowledgement, &days()).into_iter();
        found.map(|v| format!("{} {}", v.pointer, v.code)).collect::<Vec<_>>()
    };
    assert_eq!(found(&|a| a.run = "other".to_owned()), ["/run other_run"]);
    assert_eq!(found(&|a| a.variant = "noel-b".to_owned()), ["/variant other_variant"]);
    assert_eq!(found(&|a| a.rows = 29), ["/rows other_count"]);
    assert_eq!(found(&|a| a.sha256 = "0".repeat(64)), ["/sha256 other_file"]);
    assert_eq!(found(&|a| a.sha256 = "0".repeat(63)), ["/sha256 malformed"]);
    assert_eq!(
        found(&|a| a.accepted_on = "2026-11-26".parse().unwrap()),
        ["/accepted_on too_early"]
    );
    assert_eq!(
        found(&|a| a.accepted_on = "2026-12-02".parse().unwrap()),
        ["/accepted_on too_late"]
    );
    let first = said(&manifest).rejected.remove(0);
    assert_eq!(
        found(&|a| a.rejected.push(first.clone())),
        ["/rejected/1/piece not_unique"]
    );
    assert_eq!(
        found(&|a| a.rejected = vec![rejected("4711", "x")]),
        ["/rejected/0/piece malformed"]
    );
    assert_eq!(
        found(&|a| a.rejected[0].reason.clear()),
        ["/rejected/0/reason out_of_range"]
    );
    let many = |count: u32| {
        (0..count)
            .map(|n| rejected(piece_id(n).as_str(), "x"))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&|a| a.rejected = many(31)), ["/rejected too_many"]);
    assert_eq!(
        found(&|a| a.rejected = vec![first.clone(); 1_001]),
        ["/rejected too_many", "/rejected out_of_range"]
    );
    // All at once.
    let all = found(&|a| {
        (a.run, a.variant, a.sha256) = Default::default();
        (a.rows, a.accepted_on) = (0, "2026-01-01".parse().unwrap());
    });
    let expected = [
        "/run other_run",
        "/variant other_variant",
        "/rows other_count",
        "/sha256 malformed",
        "/accepted_on too_early",
    ];
    assert_eq!(all, expected);
}

#[test]
fn hexadecimal_digits_come_back_as_bytes_and_nothing_else_does() {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(unhex(&hex(&bytes)), Some(bytes));
    for bad in ["0", "0g", "0A", "é", "+1"] {
        assert_eq!(unhex(bad), None, "{bad}");
    }
}

/// The days on which the file can have been taken.
fn days() -> std::ops::RangeInclusive<chrono::NaiveDate> {
    "2026-11-27".parse().unwrap()..="2026-12-01".parse().unwrap()
}
