//! Voucher codes: derived, never stored.
//!
//! A code is 80 bits of `HMAC-SHA-256(code key, voucher id)` as 16 Crockford base-32 symbols and one check symbol. Without
//! the key a code cannot be told from random; with it, it is derived again whenever it must be shown. The look-alikes `I`,
//! `L` and `O` are read as `1`, `1` and `0`; `U` does not exist.
//!
//! The check symbol is Damm's scheme over the 32 symbols: the quasigroup `x ∘ y = 2·(x + y)` in GF(2⁵) is weakly totally
//! anti-symmetric, so every single wrong symbol and every exchange of two neighbours is found (H. M. Damm, "Total
//! anti-symmetrische Quasigruppen", Marburg 2004).

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::id::LookupKey;

/// The symbols of a code: Crockford's base 32.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols that carry the 80 bits.
const BODY_LEN: usize = 16;
/// Symbols of a whole code.
const CODE_LEN: usize = 17;
/// Bytes of a code in groups.
const GROUPED_LEN: usize = 20;
/// Longest input that is looked at: a code with a separator after every symbol.
const INPUT_MAX: usize = 40;

/// A well-formed voucher code, as its symbols in ASCII. `Debug` shows nothing: a code is money.
#[derive(Clone, PartialEq, Eq)]
pub struct VoucherCode([u8; CODE_LEN]);

/// Why a text is no voucher code. Neither needs a look at the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCode {
    /// Wrong length or a symbol that codes do not have.
    #[error("a voucher code has 17 letters and digits; spaces, dashes and case do not matter")]
    Shape,
    /// The check symbol does not fit: a typing or reading error.
    #[error("the voucher code has a typing error: read or type it again")]
    CheckSymbol,
}

/// Keys for codes and lookups must be at least this long, in bytes.
pub const KEY_LEN_MIN: usize = 32;

/// A key made ready for many codes: it is worked into the hash once, and not anew for each. `Debug` shows nothing.
#[derive(Clone)]
pub struct CodeKey(Hmac<Sha256>);

impl CodeKey {
    /// The key with these bytes.
    pub fn new(key: &[u8]) -> Self {
        Self(keyed(key))
    }

    /// The code of the voucher with this id.
    pub fn code(&self, voucher_id: &str) -> VoucherCode {
        VoucherCode::of(&digest(self.0.clone(), &[b"voucher-code/1", voucher_id.as_bytes()]))
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(…)")
    }
}

impl VoucherCode {
    /// The code of the voucher with this id under this key.
    pub fn derive(key: &[u8], voucher_id: &str) -> Self {
        CodeKey::new(key).code(voucher_id)
    }

    fn of(digest: &[u8; 32]) -> Self {
        let mut check = 0;
        let mut symbols = [0u8; CODE_LEN];
        for (index, symbol) in symbols.iter_mut().take(BODY_LEN).enumerate() {
            let value = five_bits(digest, index);
            check = checked(check, value);
            *symbol = ALPHABET[usize::from(value)];
        }
        symbols[BODY_LEN] = ALPHABET[usize::from(check)];
        Self(symbols)
    }

    /// The key under which the voucher is stored: says nothing about the code without the pepper.
    pub fn lookup_key(&self, pepper: &[u8]) -> LookupKey {
        let text = self.compact();
        lookup_key(pepper, "voucher/1", text.as_bytes())
    }

    /// The 17 symbols without separators, as a barcode carries them.
    pub fn compact(&self) -> String {
        as_text(&self.0).to_owned()
    }

    /// The same in ASCII.
    pub const fn symbols(&self) -> [u8; CODE_LEN] {
        self.0
    }

    /// In groups as printed, in ASCII: `XXXX-XXXX-XXXX-XXXXX`.
    pub fn grouped(&self) -> [u8; GROUPED_LEN] {
        let mut text = [b'-'; GROUPED_LEN];
        let (groups, last) = self.0.split_at(12);
        for (place, group) in text.chunks_exact_mut(5).zip(groups.chunks_exact(4)) {
            place[..4].copy_from_slice(group);
        }
        text[15..].copy_from_slice(last);
        text
    }
}

/// The keyed hash under which something is looked up; `purpose` keeps the kinds apart.
pub fn lookup_key(pepper: &[u8], purpose: &str, value: &[u8]) -> LookupKey {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = hmac_sha256(pepper, &[purpose.as_bytes(), value]);
    // 125 bits: no two of any number of cards or vouchers meet by chance.
    let text: String = (0..25)
        .map(|i| char::from(BASE32[usize::from(five_bits(&digest, i))]))
        .collect();
    match text.parse() {
        Ok(key) => key,
        Err(_) => unreachable!("base 32 text of 25 symbols is a lookup key"),
    }
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    digest(keyed(key), parts)
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes a key of any length"),
    }
}

fn digest(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        // The length before each part keeps ("ab", "c") apart from ("a", "bc").
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The `index`-th group of five bits of a digest, most significant first.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "index is at most 31, all terms stay below 2^16"
)]
fn five_bits(digest: &[u8; 32], index: usize) -> u8 {
    let bit = index * 5;
    let pair = u16::from(digest[bit / 8]) << 8 | u16::from(*digest.get(bit / 8 + 1).unwrap_or(&0));
    ((pair >> (11 - bit % 8)) & 31) as u8
}

/// Twice `x` in GF(2⁵) with the polynomial x⁵ + x² + 1.
const fn double(x: u8) -> u8 {
    let shifted = x << 1;
    if shifted & 32 == 0 {
        shifted
    } else {
        (shifted ^ 0b10_0101) & 31
    }
}

/// The running value of Damm's scheme behind one more symbol. The check symbol is the running value behind all others: it brings it
/// back to zero.
const fn checked(running: u8, symbol: u8) -> u8 {
    double(running ^ symbol)
}

impl FromStr for VoucherCode {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        if text.len() > INPUT_MAX {
            return Err(InvalidCode::Shape);
        }
        let (mut symbols, mut len) = ([0u8; CODE_LEN], 0usize);
        let (mut check, mut last) = (0u8, 0u8);
        for byte in text.bytes().filter(|b| !matches!(b, b' ' | b'-')) {
            let slot = symbols.get_mut(len).ok_or(InvalidCode::Shape)?;
            let value = symbol_of(byte).ok_or(InvalidCode::Shape)?;
            *slot = ALPHABET[usize::from(value)];
            if len < BODY_LEN {
                check = checked(check, value);
            }
            last = value;
            len = len.saturating_add(1);
        }
        if len != CODE_LEN {
            return Err(InvalidCode::Shape);
        }
        if check != last {
            return Err(InvalidCode::CheckSymbol);
        }
        Ok(Self(symbols))
    }
}

fn symbol_of(byte: u8) -> Option<u8> {
    /// For each byte the symbol that it is read as; 32 for none.
    const SYMBOLS: [u8; 256] = symbols();
    let symbol = SYMBOLS[usize::from(byte)];
    (symbol < 32).then_some(symbol)
}

#[expect(clippy::cast_possible_truncation, reason = "there are 32 symbols")]
const fn symbols() -> [u8; 256] {
    let mut symbols = [32; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        let upper = ALPHABET[at];
        symbols[upper as usize] = at as u8;
        symbols[upper.to_ascii_lowercase() as usize] = at as u8;
        at = at.saturating_add(1);
    }
    let mut look_alikes: &[(u8, u8)] = &[(b'I', 1), (b'i', 1), (b'L', 1), (b'l', 1), (b'O', 0), (b'o', 0)];
    while let [(byte, symbol), rest @ ..] = look_alikes {
        symbols[*byte as usize] = *symbol;
        look_alikes = rest;
    }
    symbols
}

impl fmt::Display for VoucherCode {
    /// As [`VoucherCode::grouped`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(as_text(&self.grouped()))
    }
}

fn as_text(symbols: &[u8]) -> &str {
    match std::str::from_utf8(symbols) {
        Ok(text) => text,
        Err(_) => unreachable!("the alphabet is ASCII"),
    }
}

impl fmt::Debug for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn a_code_is_the_same_each_time_and_another_for_another_voucher_or_key() {
        let code = VoucherCode::derive(KEY, "p~treue~1");
        assert_eq!(code, VoucherCode::derive(KEY, "p~treue~1"));
        assert_ne!(code, VoucherCode::derive(KEY, "p~treue~2"));
        assert_ne!(
            code,
            VoucherCode::derive(b"another key another key another!", "p~treue~1")
        );
    }

    #[test]
    fn symbols_are_read_in_either_case_with_their_look_alikes_and_no_other() {
        for byte in 0..=u8::MAX {
            let read = match byte.to_ascii_uppercase() {
                b'I' | b'L' => Some(1),
                b'O' => Some(0),
                upper => ALPHABET.iter().position(|symbol| *symbol == upper),
            };
            assert_eq!(symbol_of(byte).map(usize::from), read, "{byte}");
        }
    }

    #[test]
    fn the_symbols_of_many_codes_are_evenly_spread() {
        // Chi-squared over 32 symbols, 31 degrees of freedom: 99.99 % of random samples stay below 69.
        let mut counts = [0i64; 32];
        for n in 0..2_000 {
            for symbol in VoucherCode::derive(KEY, &format!("p~treue~{n}")).symbols() {
                counts[usize::from(symbol_of(symbol).unwrap())] += 1;
            }
        }
        let expected: i64 = 2_000 * 17 / 32;
        let chi: i64 = counts.iter().map(|c| (c - expected).pow(2)).sum::<i64>() / expected;
        assert!(chi < 69, "chi-squared {chi}, counts {counts:?}");
    }

    proptest! {
        #[test]
        fn case_spacing_and_look_alikes_do_not_matter(n in 0u64..10_000, dash_every in 1usize..6) {
            let code = VoucherCode::derive(KEY, &n.to_string());
            let typed: String = code.compact().to_ascii_lowercase().replace('1', "l").replace('0', "o")
                .chars().enumerate()
                .flat_map(|(i, c)| if i > 0 && i % dash_every == 0 { vec!['-', c] } else { vec![c] })
                .collect();
            prop_assert_eq!(typed.parse::<VoucherCode>(), Ok(code));
        }

        #[test]
        fn every_wrong_symbol_and_every_exchange_of_neighbours_is_found(n in 0u64..500) {
            let code = VoucherCode::derive(KEY, &n.to_string());
            for at in 0..CODE_LEN {
                for symbol in *ALPHABET {
                    let mut other = code.0;
                    other[at] = symbol;
                    let parsed = VoucherCode(other).compact().parse::<VoucherCode>();
                    prop_assert_eq!(parsed.is_ok(), symbol == code.0[at]);
                }
                if at + 1 < CODE_LEN && code.0[at] != code.0[at + 1] {
                    let mut other = code.0;
                    other.swap(at, at + 1);
                    prop_assert_eq!(VoucherCode(other).compact().parse::<VoucherCode>(), Err(InvalidCode::CheckSymbol));
                }
            }
        }

        #[test]
        fn any_text_is_a_code_or_an_error_and_never_a_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<VoucherCode>();
        }
    }

    #[test]
    fn a_code_never_shows_in_debug_output() {
        let code = VoucherCode::derive(KEY, "1");
        assert_eq!(format!("{code:?}"), "VoucherCode(…)");
    }
}
