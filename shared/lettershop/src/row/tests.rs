use domain::money::AMOUNT_MAX;

use super::*;
use crate::format::tests::{USUAL, csv_of};
use crate::format::{Align, COLUMNS_MAX, ControlCharacters, Encoding, FileFormat, FixedColumn, Layout, WIDTH_MAX};
use crate::piece::tests::{codes_of, francs, personal, piece, voucher};

/// An encoder of the usual columns.
pub(crate) fn encoder() -> Encoder {
    Encoder::new(csv_of(Encoding::Utf8, &USUAL)).unwrap()
}

pub(crate) fn row_of(letter: &Piece) -> Row {
    Row::of(letter, &encoder()).unwrap()
}

fn bytes(row: &Row) -> Vec<u8> {
    let mut bytes = Vec::new();
    row.write(&mut bytes);
    bytes
}

/// What is in stored bytes, down to the letter's content.
fn read(bytes: &[u8]) -> Result<(), InvalidRow> {
    Row::read(bytes)?.content().map(|_| ())
}

#[test]
fn a_row_is_read_as_it_was_stored() {
    for letter in [
        piece(1),
        Piece {
            postcode: None,
            vouchers: vec![voucher("a", Worth::Percent(1_250))],
            enclosure: None,
            texts: Vec::new(),
            control: true,
            ..piece(2)
        },
        Piece {
            vouchers: Vec::new(),
            postcode: Some(personal("")),
            ..piece(3)
        },
    ] {
        let row = row_of(&letter);
        assert_eq!(row.bytes(), bytes(&row).len());
        let again = Row::read(&bytes(&row)).unwrap();
        assert_eq!(again, row);
        let content = again.content().unwrap();
        let vouchers: Vec<_> = letter.vouchers.iter().map(|v| (Name(v.id.as_str()), v.worth)).collect();
        assert_eq!((content.vouchers, content.control), (vouchers, letter.control));
        assert_eq!(content.variant, "noel-a");
    }
}

/// A file that was begun before an update goes on behind it. Who changes these bytes gives chunks another version.
#[test]
fn rows_are_stored_as_they_were() {
    let letter = Piece {
        vouchers: vec![voucher("a", Worth::Percent(1_250)), voucher("b", francs(10))],
        texts: Vec::new(),
        ..piece(1)
    };
    let sources = [
        "row_number",
        "piece_id",
        "code_1",
        "address_line_1",
        "address_line_2",
        "address_line_3",
        "address_line_4",
        "barcode_2",
    ];
    let encoder = Encoder::new(csv_of(Encoding::Windows1252, &sources)).unwrap();
    let stored = bytes(&Row::of(&letter, &encoder).unwrap());
    let id = letter.id.as_str().as_bytes();
    let expected = [
        b"\x18CH1204\x00".as_slice(),
        id,
        // Two vouchers, the variant, no planted address, no change.
        b"\x02\x01a\x01\xe2\x09\x01b\x00\x14\x03CHF\x06noel-a\x00\x00\x00\x00",
        b"\xfa\xa1\xa1\xd6\x0e",
        // Three gaps, and the 68 bytes around them.
        b"\x0c\x00\x00\x00\x00\x13\x00\x00\x00\x42\x00\x00\x00",
        b"\x44;",
        id,
        b";;Madame;Zo\xe9 D\xe9traz;Rue du Rh\xf4ne 12;1204 Gen\xe8ve;\r\n",
    ]
    .concat();
    assert_eq!(stored.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn rows_hold_no_codes_and_neither_they_nor_letters_show_a_person() {
    let letter = piece(1);
    let row = row_of(&letter);
    let line = bytes(&row);
    let code = codes_of(&letter).remove(0);
    let holds = |text: &str| line.windows(text.len()).any(|some| some == text.as_bytes());
    assert!(holds("Détraz") && !holds(&code.compact()) && !holds(&code.to_string()));
    let drawn = encoder().draw(&letter).unwrap();
    for shown in [
        format!("{row:?}"),
        format!("{letter:?}"),
        format!("{:?}", row.key()),
        format!("{:?}", row.content().unwrap()),
        format!("{drawn:?}"),
    ] {
        for hidden in ["Détraz", "Rhône", "Genève", "1204", "1’250", "p~treue", &code.compact()] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

#[test]
fn a_row_that_is_cut_off_or_goes_on_is_refused() {
    let row = row_of(&piece(1));
    let whole = bytes(&row);
    assert_eq!(read(&whole), Ok(()));
    for len in 0..whole.len() {
        assert_eq!(read(&whole[..len]), Err(InvalidRow::Malformed));
    }
    assert_eq!(read(&[&*whole, b"x"].concat()), Err(InvalidRow::Malformed));
    // A key without its zero, with an id that has a typing error, or one in small letters.
    let letter = 8 + row.id().as_str().find(|c: char| c.is_ascii_uppercase()).unwrap();
    for (at, byte) in [(7, b'x'), (8, b'!'), (letter, whole[letter].to_ascii_lowercase())] {
        let mut damaged = whole.clone();
        damaged[at] = byte;
        assert_eq!(Row::read(&damaged), Err(InvalidRow::Malformed));
    }
    assert_eq!(Row::read(&vec![b' '; ROW_BYTES_MAX + 1]), Err(InvalidRow::TooLong));
}

#[test]
fn a_letter_that_is_out_of_bounds_or_not_in_the_format_has_no_row() {
    let unsound = Piece {
        address: Vec::new(),
        ..piece(1)
    };
    let refused = Row::of(&unsound, &encoder()).unwrap_err();
    assert!(matches!(refused, Unwritable::Unsound(Unsound { field: "address", .. })));
    let western = Encoder::new(csv_of(Encoding::Windows1252, &USUAL)).unwrap();
    let mut polish = piece(1);
    polish.address[1] = personal("Wałęsa");
    assert!(matches!(Row::of(&polish, &western), Err(Unwritable::Column(_))));
}

#[test]
fn the_greatest_letter_has_room_in_a_row_that_has_its_texts_once_and_is_refused_in_one_that_has_them_often() {
    let named = |times: usize| {
        let mut sources: Vec<String> = USUAL[..19].iter().map(|source| (*source).to_owned()).collect();
        sources.extend((2..=10).map(|n| format!("code_{n}")));
        sources.extend((0..10 * times).map(|n| format!("text_{}", n % 10 + 1)));
        let mut format = csv_of(Encoding::Utf8, &sources.iter().map(String::as_str).collect::<Vec<_>>());
        if let Layout::Csv { columns } = &mut format.layout {
            for (index, column) in columns.iter_mut().enumerate() {
                column.name = format!("c{index}");
            }
        }
        Encoder::new(format).unwrap()
    };
    let voucher = |n: usize| voucher(&format!("{n:0120}"), francs(AMOUNT_MAX));
    let greatest = |text: &str| Piece {
        salutation: personal(&"𝕏".repeat(80)),
        address: vec![personal(&"𝕏".repeat(80)); 6],
        vouchers: (0..10).map(voucher).collect(),
        texts: vec![personal(&text.repeat(1_200)); 10],
        ..piece(1)
    };
    for text in ["\"", "𝕏"] {
        let row = Row::of(&greatest(text), &named(1)).unwrap();
        assert!((27_000..60_000).contains(&row.bytes()), "{}", row.bytes());
        assert_eq!(Row::read(&bytes(&row)), Ok(row));
    }
    let refused = Row::of(&greatest("𝕏"), &named(6)).unwrap_err();
    assert_eq!(refused, Unwritable::TooLong(piece(1).id));
    assert!(refused.to_string().contains(piece(1).id.as_str()));
}

#[test]
fn the_widest_row_of_fixed_width_has_room() {
    let column = |n: usize| FixedColumn {
        name: format!("c{n}"),
        source: ["piece_id", "address_line_1", "text_1"][n.min(2)].parse().unwrap(),
        width: WIDTH_MAX,
        align: Align::Right,
        pad: '𝕏',
    };
    let format = FileFormat {
        encoding: Encoding::Utf8,
        control_characters: ControlCharacters::Refuse,
        layout: Layout::FixedWidth {
            columns: (0..COLUMNS_MAX).map(column).collect(),
        },
    };
    let letter = Piece {
        address: vec![personal("𝕏")],
        vouchers: Vec::new(),
        texts: vec![personal(&"𝕏".repeat(600))],
        ..piece(1)
    };
    let row = Row::of(&letter, &Encoder::new(format).unwrap()).unwrap();
    assert!(row.bytes() > 199_000, "{}", row.bytes());
}

#[test]
fn letters_are_sorted_by_country_postcode_and_id() {
    let at = |country: &str, postcode: Option<&str>, number| Piece {
        country: country.parse().unwrap(),
        postcode: postcode.map(personal),
        ..piece(number)
    };
    let (low, high) = if piece(1).id < piece(2).id { (1, 2) } else { (2, 1) };
    let letters = [
        at("AT", Some("9900"), 3),
        at("CH", None, 4),
        at("CH", Some("1204"), low),
        at("CH", Some("1204"), high),
        at("CH", Some("8001"), 5),
        // Told apart behind the bytes that are compared first.
        at("CH", Some("8001-1234567890-a"), 7),
        at("CH", Some("8001-1234567890-b"), 8),
        at("CH", Some("8001-1234567890-ba"), 9),
        at("DE", Some("01067"), 6),
    ];
    let rows: Vec<Row> = letters.iter().map(row_of).collect();
    assert!(rows.iter().map(Row::key).is_sorted());
}
