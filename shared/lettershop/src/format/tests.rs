use super::stencil::Drawn;
use super::*;
use crate::piece::tests::{codes_of, francs, personal, piece, voucher};
use crate::piece::{Piece, VOUCHERS_MAX, Worth};

/// A CSV format with these sources, each column named as its source.
pub(crate) fn csv_of(encoding: Encoding, sources: &[&str]) -> FileFormat {
    let columns = sources.iter().map(|source| CsvColumn {
        name: (*source).to_owned(),
        source: source.parse().unwrap(),
    });
    FileFormat {
        encoding,
        control_characters: ControlCharacters::Refuse,
        layout: Layout::Csv {
            columns: columns.collect(),
        },
    }
}

pub(crate) const USUAL: [&str; 20] = [
    "piece_id",
    "row_number",
    "language",
    "salutation",
    "address_line_1",
    "address_line_2",
    "address_line_3",
    "address_line_4",
    "address_line_5",
    "address_line_6",
    "country",
    "postcode",
    "variant",
    "enclosure",
    "control",
    "code_1",
    "barcode_1",
    "value_1",
    "valid_until_1",
    "text_1",
];

/// A letter whose first line is `text`.
fn with_line(text: &str) -> Piece {
    let mut letter = piece(1);
    letter.address[0] = personal(text);
    letter
}

/// Appends a letter as a row.
fn append(encoder: &Encoder, number: u64, letter: &Piece, out: &mut Vec<u8>) -> Result<Changes, FillError> {
    let (drawn, changes) = encoder.draw(letter)?;
    encoder.fill((letter.id, &drawn.stencil()), number, &codes_of(letter), out)?;
    Ok(changes)
}

fn written(format: &FileFormat, letter: &Piece) -> (Vec<u8>, Changes) {
    let encoder = Encoder::new(format.clone()).unwrap();
    let mut out = Vec::new();
    encoder.start(&mut out);
    let changes = append(&encoder, 1, letter, &mut out).unwrap();
    (out, changes)
}

fn refused(format: &FileFormat, letter: &Piece) -> RowError {
    Encoder::new(format.clone()).unwrap().draw(letter).unwrap_err()
}

/// The file as another program reads it.
fn read(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b';')
        .has_headers(false)
        .from_reader(bytes);
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

/// So many fields cut, with spaces, and with an apostrophe.
const fn changed(truncated: u64, spaced: u64, guarded: u64) -> Changes {
    Changes {
        truncated,
        spaced,
        guarded,
    }
}

#[test]
fn p2_a_row_has_what_the_printer_needs() {
    let (bytes, changes) = written(&csv_of(Encoding::Utf8, &USUAL), &piece(1));
    let letter = piece(1);
    let code = codes_of(&letter).remove(0);
    let [header, row]: [Vec<String>; 2] = read(&bytes).try_into().unwrap();
    assert_eq!(header, USUAL);
    let (text, barcode) = (code.to_string(), code.compact());
    let expected = [
        letter.id.as_str(),
        "1",
        "fr",
        "Madame",
        "Madame",
        "Zoé Détraz",
        "Rue du Rhône 12",
        "1204 Genève",
        "",
        "",
        "CH",
        "1204",
        "noel-a",
        "prospekt-7",
        "0",
        &text,
        &barcode,
        "5.00",
        "05.03.2027",
        "1’250 points",
    ];
    assert_eq!(row, expected);
    assert_eq!(changes, changed(0, 0, 0));
    assert!(bytes.ends_with(b"points\r\n"));
    assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 2);
}

#[test]
fn p2_an_amount_a_per_cent_and_a_control_address_have_their_columns() {
    let sources = [
        "piece_id",
        "address_line_1",
        "control",
        "voucher_count",
        "code_1",
        "value_1",
        "currency_1",
        "percent_1",
        "barcode_2",
        "value_2",
        "percent_2",
        "valid_until_iso_2",
    ];
    let letter = Piece {
        address: vec![personal("Muster AG")],
        vouchers: vec![voucher("a", francs(120_005)), voucher("b", Worth::Percent(1_250))],
        texts: Vec::new(),
        control: true,
        ..piece(1)
    };
    let (bytes, _) = written(&csv_of(Encoding::Utf8, &sources), &letter);
    let row = &read(&bytes)[1];
    assert_eq!(row[2..4], ["1", "2"]);
    assert_eq!(row[5..8], ["1200.05", "CHF", ""]);
    assert_eq!(row[9..], ["", "12.5", "2027-03-05"]);
    for (bp, text) in [(1_000, "10"), (10_000, "100"), (1, "0.01"), (1_205, "12.05")] {
        let letter = Piece {
            vouchers: vec![voucher("a", Worth::Percent(bp))],
            ..letter.clone()
        };
        assert_eq!(read(&written(&csv_of(Encoding::Utf8, &sources), &letter).0)[1][7], text);
    }
}

#[test]
fn p2_separators_and_quotation_marks_in_a_field_come_back_as_they_were() {
    for text in [
        "Müller; Söhne",
        "Haus \"Sonne\"",
        "\"",
        "a;\"b\";c",
        "«Treue», Bern",
        " mit Rand ",
    ] {
        let (bytes, changes) = written(&csv_of(Encoding::Utf8, &USUAL), &with_line(text));
        let rows = read(&bytes);
        assert_eq!((rows.len(), rows[1].len(), rows[1][4].as_str()), (2, USUAL.len(), text));
        assert_eq!(changes, changed(0, 0, 0));
    }
}

#[test]
fn p2_line_breaks_and_control_characters_are_refused_or_become_spaces_that_are_reported() {
    let mut format = csv_of(Encoding::Utf8, &USUAL);
    for (text, at) in [("a\r\nb", 2), ("\tb", 1), ("é\u{200b}", 2), ("ab\u{2028}", 3)] {
        let error = refused(&format, &with_line(text));
        assert_eq!(
            (error.column.as_str(), error.flaw),
            ("address_line_1", RowFlaw::ControlCharacter { at })
        );
    }
    format.control_characters = ControlCharacters::Space;
    let (bytes, changes) = written(&format, &with_line("a\r\nb"));
    assert_eq!(read(&bytes)[1][4], "a  b");
    assert_eq!(changes, changed(0, 1, 0));
}

#[test]
fn p2_no_text_is_taken_for_a_formula() {
    let mut format = csv_of(Encoding::Utf8, &USUAL);
    for text in ["=1+1", "+41 44", "-x", "@SUM(A1)", "  =1"] {
        let (bytes, changes) = written(&format, &with_line(text));
        assert_eq!(read(&bytes)[1][4], format!("'{text}"));
        assert_eq!(changes, changed(0, 0, 1));
    }
    format.control_characters = ControlCharacters::Space;
    for text in ["\t=1", "\r=1"] {
        let (bytes, changes) = written(&format, &with_line(text));
        assert_eq!(read(&bytes)[1][4], "' =1");
        assert_eq!(changes, changed(0, 1, 1));
    }
    // All columns that come from people.
    let letter = Piece {
        salutation: personal("=a"),
        postcode: Some(personal("=b")),
        texts: vec![personal("=c")],
        ..with_line("=d")
    };
    assert_eq!(written(&format, &letter).1, changed(0, 0, 4));
}

#[test]
fn p2_a_byte_order_mark_stands_at_the_beginning_once() {
    let encoder = Encoder::new(csv_of(Encoding::Utf8Bom, &USUAL)).unwrap();
    let mut out = Vec::new();
    encoder.start(&mut out);
    append(&encoder, 1, &piece(1), &mut out).unwrap();
    let mark = b"\xef\xbb\xbf";
    assert!(out.starts_with(mark));
    assert_eq!(out.windows(3).filter(|bytes| bytes == mark).count(), 1);
    assert!(!written(&csv_of(Encoding::Utf8, &USUAL), &piece(1)).0.starts_with(mark));
}

#[test]
fn p2_windows_1252_has_the_letters_of_western_europe_and_refuses_others() {
    let format = csv_of(Encoding::Windows1252, &USUAL);
    let (bytes, _) = written(&format, &with_line("Œuvre «Ž» €ßÿ"));
    let line = b"\x8cuvre \xab\x8e\xbb \x80\xdf\xff";
    assert!(bytes.windows(line.len()).any(|part| part == line));
    for (text, at) in [("Wałęsa", 3), ("; Čapek", 3), ("e\u{301}", 2), ("Ağa", 2), ("東京", 1)] {
        let error = refused(&format, &with_line(text));
        assert_eq!(
            (error.column.as_str(), error.flaw),
            ("address_line_1", RowFlaw::Unmappable { at })
        );
        assert_eq!(error.piece, piece(1).id);
        let shown = format!("{error} {error:?}");
        assert!(
            text.chars().filter(|c| !c.is_ascii()).all(|c| !shown.contains(c)),
            "{shown}"
        );
        written(&csv_of(Encoding::Utf8, &USUAL), &with_line(text));
    }
}

#[test]
fn p2_nothing_of_a_letter_is_left_out_for_want_of_a_column() {
    let without = |gone: &str| {
        let sources: Vec<&str> = USUAL.into_iter().filter(|source| *source != gone).collect();
        csv_of(Encoding::Utf8, &sources)
    };
    for (gone, named) in [("address_line_4", "address_line_4"), ("text_1", "text_1")] {
        let error = refused(&without(gone), &piece(1));
        assert_eq!((error.column.as_str(), error.flaw), (named, RowFlaw::NoColumn));
    }
    let two = Piece {
        vouchers: vec![voucher("a", francs(1)), voucher("b", francs(1))],
        ..piece(1)
    };
    assert_eq!(refused(&csv_of(Encoding::Utf8, &USUAL), &two).column, "code_2");
    // Text or barcode, one is enough.
    assert_eq!(written(&without("code_1"), &piece(1)).1, changed(0, 0, 0));
}

fn fixed(encoding: Encoding, columns: &[(&str, u16, Align, char)]) -> FileFormat {
    let columns = columns.iter().map(|(source, width, align, pad)| FixedColumn {
        name: (*source).to_owned(),
        source: source.parse().unwrap(),
        width: *width,
        align: *align,
        pad: *pad,
    });
    FileFormat {
        encoding,
        control_characters: ControlCharacters::Refuse,
        layout: Layout::FixedWidth {
            columns: columns.collect(),
        },
    }
}

#[test]
fn p2_fixed_width_is_counted_in_characters_and_cuts_no_text_in_silence() {
    let columns = [
        ("piece_id", 18, Align::Left, ' '),
        ("row_number", 7, Align::Right, '0'),
        ("address_line_1", 9, Align::Left, '.'),
        ("barcode_1", 19, Align::Left, '·'),
        ("code_1", 21, Align::Right, '·'),
        ("code_2", 20, Align::Right, '-'),
        ("value_1", 8, Align::Right, '*'),
    ];
    let letter = |text: &str| Piece {
        address: vec![personal(text)],
        texts: Vec::new(),
        ..piece(1)
    };
    let code = codes_of(&piece(1)).remove(0);
    for (encoding, bytes) in [(Encoding::Utf8, 2), (Encoding::Windows1252, 1)] {
        let (out, changes) = written(&fixed(encoding, &columns), &letter("Zoë Été"));
        let head = format!("{} 0000001", piece(1).id);
        assert!(out.starts_with(head.as_bytes()));
        let dot = ["·".as_bytes(), b"\xb7"][2 - bytes];
        let (barcode, grouped) = (code.compact(), code.to_string());
        let empty = "-".repeat(20);
        let tail = [
            b"..",
            barcode.as_bytes(),
            dot,
            dot,
            dot,
            grouped.as_bytes(),
            empty.as_bytes(),
            b"****5.00\r\n",
        ];
        assert!(out.ends_with(&tail.concat()), "{}", out.escape_ascii());
        assert_eq!(out.len(), 18 + 7 + 9 + 19 + 21 + 20 + 8 + 2 + 6 * (bytes - 1));
        assert_eq!(changes, changed(0, 0, 0));
    }
    let (out, changes) = written(&fixed(Encoding::Utf8, &columns), &letter("Zoë Éternelle"));
    assert!(String::from_utf8(out).unwrap().contains("1Zoë Étern"));
    assert_eq!(changes, changed(1, 0, 0));
    // An amount that is too long is no amount.
    let rich = Piece {
        vouchers: vec![voucher("a", francs(123_456_789))],
        ..letter("x")
    };
    let error = refused(&fixed(Encoding::Utf8, &columns), &rich);
    assert_eq!(
        (error.column.as_str(), error.flaw),
        ("value_1", RowFlaw::TooNarrow { by: 2 })
    );
}

#[test]
fn p2_every_wrong_field_of_a_format_is_named() {
    let codes = |format: &FileFormat| -> Vec<(String, &'static str)> {
        format
            .violations("/format")
            .into_iter()
            .map(|v| (v.pointer, v.code))
            .collect()
    };
    let at = |pointer: &str, code| (format!("/format/layout/columns{pointer}"), code);
    assert_eq!(codes(&csv_of(Encoding::Utf8, &USUAL)), []);
    assert_eq!(codes(&csv_of(Encoding::Utf8, &[])), [at("", "columns_count")]);
    assert_eq!(
        codes(&csv_of(Encoding::Utf8, &["code_1"])),
        [at("", "piece_id_missing"), at("", "address_missing")]
    );
    let mut named = csv_of(
        Encoding::Windows1252,
        &["piece_id", "address_line_1", "code_1", "code_2", "code_3"],
    );
    let Layout::Csv { columns } = &mut named.layout else {
        panic!()
    };
    for (column, name) in columns.iter_mut().zip(["ok", "ok", "=x", "ł", "Straße\n"]) {
        column.name = name.to_owned();
    }
    assert_eq!(
        codes(&named),
        [
            at("/1/name", "not_unique"),
            at("/2/name", "malformed"),
            at("/3/name", "malformed"),
            at("/4/name", "malformed")
        ]
    );
    let narrow = [
        ("piece_id", 16, Align::Left, ' '),
        ("address_line_1", 0, Align::Left, 'ł'),
        ("code_1", 501, Align::Left, '\n'),
    ];
    assert_eq!(
        codes(&fixed(Encoding::Windows1252, &narrow)),
        [
            at("/0/width", "out_of_range"),
            at("/1/width", "out_of_range"),
            at("/1/pad", "malformed"),
            at("/2/width", "out_of_range"),
            at("/2/pad", "malformed")
        ]
    );
    let marked = fixed(
        Encoding::Utf8Bom,
        &[
            ("piece_id", 17, Align::Left, ' '),
            ("address_line_1", 9, Align::Left, ' '),
        ],
    );
    assert_eq!(codes(&marked), [("/format/encoding".to_owned(), "not_applicable")]);
    assert!(Encoder::new(marked).is_err());
}

#[test]
fn every_source_is_written_as_it_is_read() {
    let mut sources: Vec<String> = USUAL.iter().map(|s| (*s).to_owned()).collect();
    for n in 1..=VOUCHERS_MAX {
        for name in [
            "code",
            "barcode",
            "value",
            "currency",
            "percent",
            "valid_until",
            "valid_until_iso",
            "text",
        ] {
            sources.push(format!("{name}_{n}"));
        }
    }
    for source in sources {
        assert_eq!(source.parse::<Source>().unwrap().to_string(), source);
    }
    for bad in [
        "",
        "code",
        "code_0",
        "code_01",
        "code_11",
        "address_line_7",
        "name",
        "valid_until",
        "text_+1",
    ] {
        assert_eq!(bad.parse::<Source>(), Err(InvalidSource), "{bad}");
    }
}

#[test]
fn a_format_is_plain_json() {
    let json = r#"{"encoding":"windows_1252","control_characters":"space","layout":{"kind":"fixed_width","columns":[
        {"name":"Id","source":"piece_id","width":17},{"name":"Zeile 1","source":"address_line_1","width":35,"align":"right","pad":"0"}]}}"#;
    let format: FileFormat = serde_json::from_str(json).unwrap();
    assert_eq!(format.violations(""), []);
    let again = serde_json::to_string(&format).unwrap();
    assert_eq!(serde_json::from_str::<FileFormat>(&again).unwrap(), format);
    assert!(serde_json::from_str::<FileFormat>(&json.replace("address_line_1", "password")).is_err());
    assert!(serde_json::from_str::<FileFormat>(&json.replace("\"width\"", "\"breadth\"")).is_err());
}

#[test]
fn x5_a_row_for_which_there_is_no_room_or_of_another_format_is_refused_and_leaves_the_file_as_it_was() {
    let columns = [
        ("piece_id", 17, Align::Left, ' '),
        ("address_line_1", 9, Align::Left, ' '),
        ("row_number", 7, Align::Right, '0'),
        ("barcode_1", 17, Align::Left, ' '),
    ];
    let letter = Piece {
        address: vec![personal("x")],
        texts: Vec::new(),
        ..piece(1)
    };
    let encoder = Encoder::new(fixed(Encoding::Utf8, &columns)).unwrap();
    let (drawn, _) = encoder.draw(&letter).unwrap();
    let mut out = b"before".to_vec();
    let codes = codes_of(&letter);
    let mut fill = |encoder: &Encoder, row: &Stencil<'_>, number| {
        let filled = encoder.fill((letter.id, row), number, &codes, &mut out);
        filled.map_err(|error| (error, out.clone()))
    };
    let too_narrow = FillError::Column(RowError {
        piece: letter.id,
        column: "row_number".to_owned(),
        flaw: RowFlaw::TooNarrow { by: 1 },
    });
    let before = b"before".to_vec();
    assert_eq!(
        fill(&encoder, &drawn.stencil(), 10_000_000),
        Err((too_narrow, before.clone()))
    );
    // The same columns in another encoding, and rows that are damaged.
    let other = Encoder::new(fixed(Encoding::Windows1252, &columns)).unwrap();
    let refused = Err((FillError::OtherFormat(letter.id), before.clone()));
    assert_eq!(fill(&other, &drawn.stencil(), 1), refused);
    let refused = Err((FillError::Damaged(letter.id), before));
    for damage in [
        (|row| row.gaps.truncate(4)) as fn(&mut Drawn),
        |row| row.gaps.truncate(7),
        |row| row.gaps.extend([200, 0, 0, 0]),
        |row| row.gaps[4..].copy_from_slice(&[200, 0, 0, 0]),
        |row| row.gaps[..4].copy_from_slice(&[40, 0, 0, 0]),
    ] {
        let mut damaged = drawn.clone();
        damage(&mut damaged);
        assert_eq!(fill(&encoder, &damaged.stencil(), 1), refused);
    }
    assert_eq!(fill(&encoder, &drawn.stencil(), 9_999_999), Ok(()));
}

/// Letters that were sorted before an update become rows of a file that is written behind it. Who changes these rows raises
/// [`super::encode`]'s `ROWS_VERSION`, and with it the marks.
#[test]
fn x5_rows_are_written_as_they_were() {
    let letter = Piece {
        address: vec![personal("=Zoë\tÉté; \"A\""), personal(" x"), personal("Œuvre €")],
        postcode: Some(personal("-1")),
        texts: Vec::new(),
        ..piece(1)
    };
    let csv = |encoding| FileFormat {
        control_characters: ControlCharacters::Space,
        ..csv_of(
            encoding,
            &[
                "piece_id",
                "address_line_1",
                "address_line_2",
                "address_line_3",
                "barcode_1",
                "postcode",
            ],
        )
    };
    let columns = [
        ("piece_id", 17, Align::Left, ' '),
        ("address_line_1", 6, Align::Left, '.'),
        ("address_line_2", 4, Align::Right, '.'),
        ("address_line_3", 8, Align::Left, '·'),
        ("barcode_1", 18, Align::Right, ' '),
    ];
    let fixed = FileFormat {
        control_characters: ControlCharacters::Space,
        ..fixed(Encoding::Windows1252, &columns)
    };
    let (id, code) = (letter.id.as_str().as_bytes(), codes_of(&letter).remove(0).compact());
    let expected = [
        (
            csv(Encoding::Utf8),
            changed(0, 1, 2),
            1_181_922_346,
            [
                id,
                ";\"'=Zoë Été; \"\"A\"\"\";\" x\";Œuvre €;".as_bytes(),
                code.as_bytes(),
                b";'-1\r\n",
            ]
            .concat(),
        ),
        (
            csv(Encoding::Windows1252),
            changed(0, 1, 2),
            3_874_886_982,
            [
                id,
                b";\"'=Zo\xeb \xc9t\xe9; \"\"A\"\"\";\" x\";\x8cuvre \x80;",
                code.as_bytes(),
                b";'-1\r\n",
            ]
            .concat(),
        ),
        (
            fixed,
            changed(1, 1, 0),
            3_280_995_305,
            [id, b"=Zo\xeb \xc9.. x\x8cuvre \x80\xb7 ", code.as_bytes(), b"\r\n"].concat(),
        ),
    ];
    for (format, changes, mark, row) in expected {
        let encoder = Encoder::new(format).unwrap();
        let mut out = Vec::new();
        assert_eq!(append(&encoder, 1, &letter, &mut out).unwrap(), changes);
        assert_eq!(out.escape_ascii().to_string(), row.escape_ascii().to_string());
        assert_eq!(encoder.draw(&letter).unwrap().0.stencil().mark(), mark);
    }
}

proptest::proptest! {
    /// proptest prints the seed of a failing case.
    #[test]
    fn p2_whatever_a_text_another_program_reads_what_was_meant(text in "\\PC{0,60}") {
        let encoder = Encoder::new(csv_of(Encoding::Utf8, &USUAL)).unwrap();
        let mut out = Vec::new();
        encoder.start(&mut out);
        let letter = with_line(&text);
        if let Ok(changes) = append(&encoder, 1, &letter, &mut out) {
            let rows = read(&out);
            proptest::prop_assert_eq!(rows.len(), 2);
            let guard = "'".repeat(usize::try_from(changes.guarded).unwrap());
            proptest::prop_assert_eq!(&rows[1][4], &format!("{guard}{text}"));
            proptest::prop_assert_eq!(&rows[1][19], "1’250 points");
        }
    }
}
