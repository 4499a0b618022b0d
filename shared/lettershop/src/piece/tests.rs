use domain::money::Currency;

use super::*;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

pub(crate) fn personal(text: &str) -> Text<'static> {
    text.to_owned().into()
}

pub(crate) fn piece_id(number: u32) -> PieceId {
    PieceId::derive(
        KEY,
        &"weihnachten-2026".parse().unwrap(),
        &"p-4711".parse().unwrap(),
        number,
    )
}

pub(crate) fn code_of(id: &str) -> Option<VoucherCode> {
    Some(VoucherCode::derive(KEY, id))
}

pub(crate) fn voucher(id: &str, worth: Worth) -> PrintedVoucher<'static> {
    PrintedVoucher {
        id: personal(id),
        code: VoucherCode::derive(KEY, id),
        worth,
        valid_until: "2027-03-05".parse().unwrap(),
    }
}

/// The letter of a row, with the codes of [`code_of`].
pub(crate) fn letter_of(row: &Row) -> Result<Piece<'_>, InvalidRow> {
    row.piece(row.codes(code_of)?)
}

pub(crate) const fn francs(minor: i64) -> Worth {
    Worth::Value(Money::new(minor, Currency::CHF))
}

/// A letter to Geneva with one voucher of 5 francs.
pub(crate) fn piece(number: u32) -> Piece<'static> {
    Piece {
        id: piece_id(number),
        language: Language::Fr,
        salutation: personal("Madame"),
        address: vec![
            personal("Madame"),
            personal("Zoé Détraz"),
            personal("Rue du Rhône 12"),
            personal("1204 Genève"),
        ],
        country: "CH".parse().unwrap(),
        postcode: Some(personal("1204")),
        vouchers: vec![voucher(&format!("p~treue~{number}"), francs(500))],
        variant: "noel-a".parse().unwrap(),
        enclosure: Some("prospekt-7".parse().unwrap()),
        texts: vec![personal("1’250 points")],
        control: false,
    }
}

#[test]
fn x5_a_letter_has_the_same_id_each_time_and_another_for_another_run_party_number_or_key() {
    let derive = |key: &[u8], run: &str, party: &str, number| {
        PieceId::derive(key, &run.parse().unwrap(), &party.parse().unwrap(), number)
    };
    let id = derive(KEY, "r1", "p1", 1);
    assert_eq!(id, derive(KEY, "r1", "p1", 1));
    for other in [
        derive(KEY, "r2", "p1", 1),
        derive(KEY, "r1", "p2", 1),
        derive(KEY, "r1", "p1", 2),
        derive(b"another key another key another!", "r1", "p1", 1),
    ] {
        assert_ne!(id, other);
    }
    // Names that would run together without a separator.
    assert_ne!(derive(KEY, "r1", "p1", 11), derive(KEY, "r1", "p11", 1));
}

#[test]
fn p2_the_id_of_a_letter_is_barcode_content_with_a_check_symbol_and_no_code_of_a_voucher() {
    let id = piece_id(1);
    assert_eq!(id.as_str().len(), 17);
    assert!(
        id.as_str()
            .bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    );
    assert_eq!(id.as_str().to_ascii_lowercase().parse(), Ok(id));
    let mut wrong = id.as_str().to_owned().into_bytes();
    wrong[3] = if wrong[3] == b'A' { b'B' } else { b'A' };
    let wrong = String::from_utf8(wrong).unwrap();
    assert_eq!(wrong.parse::<PieceId>(), Err(InvalidPieceId::CheckSymbol));
    assert_eq!("4711".parse::<PieceId>(), Err(InvalidPieceId::Shape));
    // The same key for both purposes would still give no voucher's code.
    assert_ne!(VoucherCode::derive(KEY, "p-4711~1").compact(), id.as_str());
}

#[test]
fn ids_are_packed_into_80_bits_in_their_order_and_without_loss() {
    let alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut ids: Vec<PieceId> = (0..500).map(piece_id).collect();
    ids.sort();
    let packed: Vec<_> = ids.iter().map(PieceId::packed).collect();
    assert!(packed.is_sorted());
    for (id, packed) in ids.iter().zip(packed) {
        let bits = packed.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        let text: String = (0..16)
            .map(|i| alphabet.as_bytes()[(bits >> (75 - 5 * i) & 31) as usize] as char)
            .collect();
        assert_eq!(text, id.as_str()[..16]);
    }
}

fn bytes(row: &Row) -> Vec<u8> {
    let mut bytes = Vec::new();
    row.write(&mut bytes);
    bytes
}

#[test]
fn a_letter_comes_back_from_its_row() {
    for letter in [
        piece(1),
        Piece {
            postcode: None,
            vouchers: vec![voucher("a", Worth::Percent(1_250)), voucher("b", francs(10))],
            enclosure: None,
            texts: Vec::new(),
            control: true,
            ..piece(2)
        },
        Piece {
            postcode: Some(personal("")),
            ..piece(3)
        },
    ] {
        let row = Row::of(&letter).unwrap();
        assert_eq!(Row::read(&bytes(&row)), Ok(row.clone()));
        let read = letter_of(&row).unwrap();
        assert!(read.texts.iter().chain([&read.salutation]).all(Text::is_borrowed));
        assert_eq!(read, letter);
    }
}

/// A file that was begun before an update goes on behind it. Who changes these bytes gives chunks another version.
#[test]
fn rows_are_stored_as_they_were() {
    let letter = Piece {
        vouchers: vec![voucher("a", Worth::Percent(1_250)), voucher("b", francs(10))],
        ..piece(1)
    };
    let stored = bytes(&Row::of(&letter).unwrap());
    let expected = [
        b"\x18CH1204\x00".as_slice(),
        letter.id.as_str().as_bytes(),
        b"\x02\x01a\x01\xe2\x09\x9a\xab\x5a\x01b\x00\x14\x03CHF\x9a\xab\x5a",
        b"\x01\x06Madame\x04\x06Madame\x0cZo\xc3\xa9 D\xc3\xa9traz\x10Rue du Rh\xc3\xb4ne 12\x0c1204 Gen\xc3\xa8ve",
        b"\x01\x06noel-a\x01\x0aprospekt-7\x01\x0e1\xe2\x80\x99250 points\x00",
    ]
    .concat();
    assert_eq!(stored.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn rows_hold_no_codes_and_neither_they_nor_letters_show_a_person() {
    let letter = piece(1);
    let row = Row::of(&letter).unwrap();
    let line = bytes(&row);
    let code = &letter.vouchers[0].code;
    let holds = |text: &str| line.windows(text.len()).any(|some| some == text.as_bytes());
    assert!(holds("Détraz") && !holds(&code.compact()) && !holds(&code.to_string()));
    for shown in [format!("{row:?}"), format!("{letter:?}"), format!("{:?}", row.key())] {
        for hidden in ["Détraz", "Rhône", "Genève", "1204", "1’250", "p~treue", &code.compact()] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

#[test]
fn a_row_that_is_cut_off_or_goes_on_is_refused() {
    let row = Row::of(&piece(1)).unwrap();
    let whole = bytes(&row);
    for len in 0..whole.len() {
        let read = Row::read(&whole[..len]);
        let letter = read.as_ref().map_err(|flaw| *flaw).and_then(letter_of);
        assert_eq!(letter, Err(InvalidRow::Malformed));
    }
    let longer = [&*whole, b"x"].concat();
    assert_eq!(letter_of(&Row::read(&longer).unwrap()), Err(InvalidRow::Malformed));
    // A key without its zero, with an id that has a typing error, or one in small letters.
    let letter = 8 + row.id().as_str().find(|c: char| c.is_ascii_uppercase()).unwrap();
    for (at, byte) in [(7, b'x'), (8, b'!'), (letter, whole[letter].to_ascii_lowercase())] {
        let mut damaged = whole.clone();
        damaged[at] = byte;
        assert_eq!(Row::read(&damaged), Err(InvalidRow::Malformed));
    }
    // A postcode in the key of a letter without one.
    let mut damaged = whole.clone();
    let at = whole.windows(8).position(|some| some == b"Gen\xc3\xa8ve\x01").unwrap() + 7;
    damaged[at] = 0;
    let damaged = Row::read(&damaged).unwrap();
    assert_eq!(letter_of(&damaged), Err(InvalidRow::Malformed));
    assert_eq!(Row::read(&vec![b' '; ROW_BYTES_MAX + 1]), Err(InvalidRow::TooLong));
    let none = |_: &str| None;
    assert_eq!(row.codes(none), Err(InvalidRow::NoCode(piece_id(1))));
    let others = Row::of(&piece(2)).unwrap().codes(code_of).unwrap();
    assert_eq!(row.piece(others), Err(InvalidRow::NoCode(piece_id(1))));
}

#[test]
fn a_letter_outside_its_bounds_is_refused_with_the_field() {
    type Wrong = (&'static str, fn(&mut Piece));
    let wrong: [Wrong; 9] = [
        ("salutation", |p| p.salutation = personal(&"é".repeat(81))),
        ("address", |p| p.address.clear()),
        ("address", |p| p.address = vec![personal("x"); 7]),
        ("address", |p| p.address = vec![personal(&"x".repeat(81))]),
        ("vouchers", |p| p.vouchers = vec![voucher("a", francs(0))]),
        ("vouchers", |p| p.vouchers = vec![voucher("a", Worth::Percent(10_001))]),
        ("vouchers", |p| p.vouchers = vec![voucher("a", francs(1)); 11]),
        ("texts", |p| p.texts = vec![personal("x"); 11]),
        ("texts", |p| p.texts = vec![personal(&"x".repeat(1_201))]),
    ];
    for (field, change) in wrong {
        let mut letter = piece(1);
        change(&mut letter);
        let unsound = Unsound {
            piece: letter.id,
            field,
        };
        assert_eq!(letter.check(), Err(unsound));
        assert_eq!(Row::of(&letter), Err(InvalidRow::Unsound(unsound)));
    }
    // The greatest letter has room in a row.
    let greatest = Piece {
        salutation: personal(&"𝕏".repeat(80)),
        address: vec![personal(&"𝕏".repeat(80)); 6],
        vouchers: vec![voucher(&"x".repeat(120), francs(AMOUNT_MAX)); 10],
        texts: vec![personal(&"𝕏".repeat(1_200)); 10],
        ..piece(1)
    };
    let row = Row::of(&greatest).unwrap();
    assert!(bytes(&row).len() > 50_000);
    assert_eq!(letter_of(&row), Ok(greatest));
}

#[test]
fn letters_are_sorted_by_country_postcode_and_id() {
    let at = |country: &str, postcode: Option<&str>, number| Piece {
        country: country.parse().unwrap(),
        postcode: postcode.map(personal),
        ..piece(number)
    };
    let (low, high) = if piece_id(1) < piece_id(2) { (1, 2) } else { (2, 1) };
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
    let rows: Vec<Row> = letters.iter().map(|letter| Row::of(letter).unwrap()).collect();
    assert!(rows.iter().map(Row::key).is_sorted());
    assert_eq!(letter_of(&rows[1]).as_ref(), Ok(&letters[1]));
}
