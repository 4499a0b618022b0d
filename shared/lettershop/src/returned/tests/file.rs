use party::contact::Postal;

use super::super::*;
use crate::piece::tests::piece_id;

fn declared() -> Declared {
    Declared {
        encoding: FileEncoding::Utf8,
        trailer: false,
        home: "CH".parse().unwrap(),
    }
}

fn read_text(text: &str) -> Result<Returns, Refused> {
    read(text.as_bytes(), &CarrierMap::internal(), &declared())
}

fn refused(bytes: &[u8], declared: &Declared) -> Refused {
    read(bytes, &CarrierMap::internal(), declared).unwrap_err()
}

fn rejects(returns: &Returns) -> Vec<(u64, &'static str, RejectCode)> {
    returns.rejects.iter().map(|r| (r.line, r.field, r.code)).collect()
}

const SHORT: &str = "piece_id;reason;returned_on";
const LONG: &str = "piece_id;reason;returned_on;new_street;new_house_number;new_postcode;new_town;new_country";

fn lines_of(postal: &Postal) -> Vec<&str> {
    let parts = [&postal.street, &postal.house_number, &postal.postcode];
    let mut lines: Vec<&str> = parts.into_iter().flatten().map(party::Personal::as_str).collect();
    lines.extend([postal.town.as_str(), postal.country.as_str()]);
    lines
}

#[test]
fn p3_each_row_becomes_a_letter_with_its_reason_and_its_new_address() {
    let (a, b, c) = (piece_id(1), piece_id(2), piece_id(3));
    let spaced = format!("{}-{}", &b.as_str()[..8].to_lowercase(), &b.as_str()[8..]);
    let text = format!(
        "{LONG}\r\n{a};moved_new_address;2026-12-09;Rue de l'Hôpital;7bis;2000;Neuchâtel;\r\n{spaced};refused;10.12.2026;;;;;\r\n\
         {c};moved_new_address;2026-12-11;\"Am \"\"Ring\"\"; Hof\";;01067;Dresden;DE\r\n#END;3\r\n"
    );
    let returns = read_text(&text).unwrap();
    assert_eq!((rejects(&returns), returns.rows), (vec![], 3));
    let [first, second, third] = returns.letters.as_slice() else {
        panic!()
    };
    assert_eq!((first.line, first.piece, first.reason), (2, a, Reason::MovedNewAddress));
    let address = ["Rue de l'Hôpital", "7bis", "2000", "Neuchâtel", "CH"];
    assert_eq!(lines_of(first.new_address.as_ref().unwrap()), address);
    assert_eq!((second.line, second.piece, second.new_address.as_ref()), (3, b, None));
    assert_eq!(second.returned_on, "2026-12-10".parse().unwrap());
    let address = ["Am \"Ring\"; Hof", "01067", "Dresden", "DE"];
    assert_eq!(
        (third.line, lines_of(third.new_address.as_ref().unwrap())),
        (4, address.to_vec())
    );
    assert!(!format!("{returns:?}").contains("Neuchâtel"));
}

#[test]
fn p3_commas_semicolons_a_byte_order_mark_and_any_order_of_columns_are_read() {
    let (a, b) = (piece_id(1), piece_id(2));
    let expected = read_text(&format!("{SHORT}\n{a};refused;2026-12-09\n{b};other;2026-12-09\n")).unwrap();
    for text in [
        format!("\u{feff}{SHORT}\r\n{a};refused;2026-12-09\r\n{b};other;2026-12-09"),
        format!("piece_id,reason,returned_on\n{a},refused,2026-12-09\n{b},other,09.12.2026\n#END,2\n"),
        format!("piece_id,reason,returned_on\n{a},refused,2026-12-09\n{b},other,09.12.2026\n#END;2\n"),
        format!("returned_on;piece_id;reason\n2026-12-09;{a};refused\n 2026-12-09 ;\"{b}\"; other\n#END;2;\n"),
    ] {
        assert_eq!(read_text(&text), Ok(expected.clone()), "{text}");
    }
}

#[test]
fn p3_a_carriers_codes_are_read_by_its_table_only() {
    let code = |code: &str, reason| CarrierCode {
        code: code.to_owned(),
        reason,
    };
    let carrier = CarrierMap {
        carrier: "post-ch".to_owned(),
        codes: vec![code("10", Reason::MovedUnknown), code("2A", Reason::Deceased)],
        file: CarrierFile::default(),
    };
    let text = format!(
        "{SHORT}\n{};10;2026-12-09\n{};2A;2026-12-09\n{};2a;2026-12-09\n{};refused;2026-12-09\n",
        piece_id(1),
        piece_id(2),
        piece_id(3),
        piece_id(4)
    );
    let returns = read(text.as_bytes(), &carrier, &declared()).unwrap();
    let reasons: Vec<Reason> = returns.letters.iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons, [Reason::MovedUnknown, Reason::Deceased]);
    assert_eq!(
        rejects(&returns),
        [
            (4, "reason", RejectCode::UnknownCode),
            (5, "reason", RejectCode::UnknownCode)
        ]
    );
}

#[test]
fn p3_every_wrong_field_of_a_row_is_named_and_sound_rows_are_taken() {
    let id = piece_id(1);
    let mut wrong = id.as_str().to_owned();
    let last = if wrong.ends_with('A') { "B" } else { "A" };
    wrong.replace_range(16.., last);
    let long = "x".repeat(201);
    let rows = [
        format!("{wrong};refused;2026-12-09;;;;;"),
        "4711;;9.12.2026;;;;;".to_owned(),
        format!("{};moved_new_address;2026-12-09;;;;;", piece_id(2)),
        format!("{};moved_new_address;31.11.2026;;7;800;;", piece_id(3)),
        format!("{};moved_new_address;2026-12-09;Weg;1;;Berlin;DE", piece_id(4)),
        format!(
            "{};moved_new_address;2026-12-09;Weg;1;10115;Berlin;Deutschland",
            piece_id(5)
        ),
        format!("{};refused;2026-12-09", piece_id(6)),
        format!("{};refused;2026-12-09;{long};;;Bern;", piece_id(7)),
        format!("{};refused;2026-12-09;\"a\nb\";;;Bern;", piece_id(8)),
        format!("{};refused;2026-12-09;;;;;", piece_id(9)),
    ];
    let returns = read_text(&format!("{LONG}\n{}\n", rows.join("\n"))).unwrap();
    use RejectCode::{CheckSymbol, FieldCount, Malformed, Missing, NotPrintable, TooLong};
    assert_eq!(
        rejects(&returns),
        [
            (2, "piece_id", CheckSymbol),
            (3, "piece_id", Malformed),
            (3, "reason", Missing),
            (3, "returned_on", Malformed),
            (4, "new_town", Missing),
            (5, "returned_on", Malformed),
            (5, "new_town", Missing),
            (5, "new_postcode", Malformed),
            (6, "new_postcode", Missing),
            (7, "new_country", Malformed),
            (8, "", FieldCount),
            (9, "new_street", TooLong),
            (10, "new_street", NotPrintable),
        ]
    );
    let taken: Vec<_> = returns
        .letters
        .iter()
        .map(|letter| (letter.line, letter.piece))
        .collect();
    // A line break within a field counts as a line.
    assert_eq!((taken, returns.rows), (vec![(12, piece_id(9))], 10));
}

#[test]
fn p3_a_letter_that_is_there_twice_is_taken_once_and_not_at_all_if_its_rows_differ() {
    let (a, b) = (piece_id(1), piece_id(2));
    let text = format!(
        "{SHORT}\n{a};refused;2026-12-09\n{b};refused;2026-12-09\n{a};refused;09.12.2026\n{b};deceased;2026-12-09\n{b};refused;2026-12-09\n"
    );
    let returns = read_text(&text).unwrap();
    let taken: Vec<_> = returns
        .letters
        .iter()
        .map(|letter| (letter.line, letter.piece))
        .collect();
    assert_eq!(taken, [(2, a)]);
    use RejectCode::{Contradictory, Duplicate};
    let contradictory = |line| (line, "piece_id", Contradictory);
    assert_eq!(
        rejects(&returns),
        [
            contradictory(3),
            (4, "piece_id", Duplicate),
            contradictory(5),
            contradictory(6)
        ]
    );
}

#[test]
fn p3_a_file_in_another_encoding_is_refused_with_the_line_and_nothing_of_it_is_taken() {
    let row = |n: u32, town: &str| format!("{};moved_new_address;2026-12-09;Weg;1;8001;{town};\n", piece_id(n));
    let text = format!("{LONG}\n{}{}", row(1, "Bern"), row(2, "Zürich"));
    let ansi: Vec<u8> = text.chars().map(|c| c as u8).collect();
    assert_eq!(refused(&ansi, &declared()), Refused::NotUtf8 { line: 3 });
    let windows = Declared {
        encoding: FileEncoding::Windows1252,
        ..declared()
    };
    let carrier = CarrierMap::internal();
    assert_eq!(read(&ansi, &carrier, &windows), read_text(&text));
    assert_eq!(
        refused(format!("\u{feff}{text}").as_bytes(), &windows),
        Refused::OtherEncoding
    );
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for declared in [declared(), windows.clone()] {
        assert_eq!(refused(&utf16, &declared), Refused::OtherEncoding);
    }
    // A byte that Windows-1252 leaves free is no letter.
    let free: Vec<u8> = ansi.iter().map(|b| if *b == 0xfc { 0x81 } else { *b }).collect();
    let returns = read(&free, &carrier, &windows).unwrap();
    assert_eq!(rejects(&returns), [(3, "new_town", RejectCode::NotPrintable)]);
}

#[test]
fn p3_a_file_cut_off_anywhere_is_refused_where_a_trailer_was_declared() {
    let text = format!(
        "{SHORT}\r\n{};refused;2026-12-09\r\n{};\"other\";2026-12-09\r\n#END;2\r\n",
        piece_id(1),
        piece_id(2)
    );
    let strict = Declared {
        trailer: true,
        ..declared()
    };
    let carrier = CarrierMap::internal();
    assert_eq!(read(text.as_bytes(), &carrier, &strict).unwrap().letters.len(), 2);
    for len in 0..text.len() {
        assert!(read(&text.as_bytes()[..len], &carrier, &strict).is_err(), "{len}");
    }
    assert_eq!(
        refused(text.trim_end().as_bytes(), &strict),
        Refused::CutOff { line: 4 }
    );
    let without = text.replace("#END;2\r\n", "");
    assert_eq!(refused(without.as_bytes(), &strict), Refused::CutOff { line: 3 });
    // Where none was declared, one that is there still counts.
    assert_eq!(
        read_text(&text.replace("#END;2", "#END;3")),
        Err(Refused::Count { line: 4, rows: 2 })
    );
    assert_eq!(
        read_text(&text.replace("#END;2", "#END")),
        Err(Refused::Count { line: 4, rows: 2 })
    );
    assert_eq!(
        read_text(&format!("{text}{};refused;2026-12-09\r\n", piece_id(3))),
        Err(Refused::AfterEnd { line: 5 })
    );
    assert!(read_text(text.trim_end()).is_ok());
}

#[test]
fn p3_a_quotation_mark_that_is_not_closed_swallows_no_rows() {
    let text = format!(
        "{LONG}\n{};refused;2026-12-09;\"Weg;1;8001;Bern;\n{};other;2026-12-09;;;;;\n",
        piece_id(1),
        piece_id(2)
    );
    assert_eq!(read_text(&text), Err(Refused::Quotes { line: 3 }));
}

#[test]
fn p3_a_header_that_is_not_understood_is_refused() {
    for (header, expected) in [
        ("", Refused::NoHeader),
        ("\n\n", Refused::NoHeader),
        ("piece_id;reason", Refused::ColumnMissing("returned_on")),
        ("piece_id;reason;returned_on;Name", Refused::HeaderColumn { column: 4 }),
        (
            "piece_id;reason;piece_id;returned_on",
            Refused::HeaderColumn { column: 3 },
        ),
        ("piece_id\treason\treturned_on", Refused::HeaderColumn { column: 1 }),
    ] {
        assert_eq!(read_text(header), Err(expected), "{header}");
    }
    let empty = read_text(SHORT).unwrap();
    assert_eq!((empty.letters.len(), empty.rejects.len(), empty.rows), (0, 0, 0));
}

#[test]
fn p3_a_file_that_is_too_long_is_refused() {
    let of = |rows: usize| format!("{SHORT}\n{}", "x;y;z\n".repeat(rows));
    assert_eq!(read_text(&of(ROWS_MAX)).unwrap().rows, ROWS_MAX);
    assert_eq!(read_text(&of(ROWS_MAX + 1)), Err(Refused::TooManyRows));
    assert_eq!(read_text(&"x".repeat(FILE_BYTES_MAX + 1)), Err(Refused::TooLarge));
}

proptest::proptest! {
    /// proptest prints the seed of a failing case.
    #[test]
    fn p3_any_bytes_are_rows_rejects_or_a_refusal_and_never_a_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        head in proptest::bool::ANY,
        encoding in proptest::sample::select(vec![FileEncoding::Utf8, FileEncoding::Windows1252]),
    ) {
        let mut file = if head { format!("{SHORT}\n").into_bytes() } else { Vec::new() };
        file.extend(bytes);
        let declared = Declared { encoding, ..declared() };
        if let Ok(returns) = read(&file, &CarrierMap::internal(), &declared) {
            proptest::prop_assert!(returns.letters.is_empty());
            let mut lines: Vec<u64> = returns.rejects.iter().map(|reject| reject.line).collect();
            lines.dedup();
            proptest::prop_assert_eq!(lines.len(), returns.rows);
        }
    }
}
