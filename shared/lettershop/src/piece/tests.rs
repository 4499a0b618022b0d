use domain::code::VoucherCode;
use domain::money::Currency;

use super::*;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

pub(crate) fn personal(text: &str) -> Personal {
    Personal::new(text.to_owned())
}

pub(crate) fn piece_id(number: u32) -> PieceId {
    PieceId::derive(
        KEY,
        &"weihnachten-2026".parse().unwrap(),
        &"p-4711".parse().unwrap(),
        number,
    )
}

pub(crate) fn code_of(id: &str) -> VoucherCode {
    VoucherCode::derive(KEY, id)
}

/// The codes of a letter's vouchers.
pub(crate) fn codes_of(letter: &Piece) -> Vec<VoucherCode> {
    letter
        .vouchers
        .iter()
        .map(|voucher| code_of(voucher.id.as_str()))
        .collect()
}

pub(crate) fn voucher(id: &str, worth: Worth) -> PrintedVoucher {
    PrintedVoucher {
        id: personal(id),
        worth,
        valid_until: "2027-03-05".parse().unwrap(),
    }
}

pub(crate) const fn francs(minor: i64) -> Worth {
    Worth::Value(Money::new(minor, Currency::CHF))
}

/// A letter to Geneva with one voucher of 5 francs.
pub(crate) fn piece(number: u32) -> Piece {
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
    }
}
