//! Card numbers that the system makes.
//!
//! A number is derived by the keyed hash from the call it is made for: the same call finds its own card again, and nobody
//! without the key can tell which numbers exist. A call without a name of its own gets one from the operating system's
//! randomness.

use domain::card::CardNumber;
use domain::code;
use domain::id::{LookupKey, Tenant};

/// In-store prefix of the numbers the system makes; cards printed elsewhere take another one of 20 to 29.
const PREFIX: u8 = 25;
/// Numbers a prefix has.
const SERIALS: u64 = 10_000_000_000;
/// Numbers tried for one call. With ten million cards, one is taken with 1 in 1,000, eight with 1 in 10^24.
const CANDIDATES: u8 = 8;

/// The mark of a call that issues a card: `call` is unique among the caller's.
pub(crate) fn issue_mark(pepper: &[u8], tenant: &Tenant, call: &str) -> LookupKey {
    code::lookup_key(pepper, "card-issue/1", format!("{tenant}#{call}").as_bytes())
}

/// The mark of the replacement of a card, which happens once.
pub(crate) fn replacement_mark(pepper: &[u8], tenant: &Tenant, old: &LookupKey) -> LookupKey {
    code::lookup_key(pepper, "card-replacement/1", format!("{tenant}#{old}").as_bytes())
}

/// The numbers to try for a call, always the same ones in the same order.
pub(crate) fn candidates(pepper: &[u8], mark: &LookupKey) -> impl Iterator<Item = CardNumber> {
    (0..CANDIDATES).filter_map(move |n| {
        let hash = code::lookup_key(pepper, "card-serial/1", format!("{mark}#{n}").as_bytes());
        CardNumber::from_serial(PREFIX, serial(&hash))
    })
}

/// Twelve symbols of the hash, 60 bits, as a serial; the remainder favours no serial by more than 1 in 10^8.
fn serial(hash: &LookupKey) -> u64 {
    let bits = hash.as_str().bytes().take(12).fold(0u64, |bits, symbol| {
        let five = match symbol {
            b'A'..=b'Z' => symbol.wrapping_sub(b'A'),
            _ => symbol.wrapping_sub(b'2').wrapping_add(26),
        };
        bits << 5 | u64::from(five & 31)
    });
    bits % SERIALS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_call_finds_its_numbers_again_and_no_other_call_does() {
        let pepper = [7u8; 32];
        let tenant = "demo".parse().unwrap();
        let numbers = |call: &str| -> Vec<_> { candidates(&pepper, &issue_mark(&pepper, &tenant, call)).collect() };
        assert_eq!(numbers("a"), numbers("a"));
        let all: BTreeSet<_> = (0..1_000)
            .flat_map(|n| numbers(&n.to_string()))
            .map(|number| number.as_str().to_owned())
            .collect();
        assert!(all.len() > 7_990, "{} of 8000 numbers differ", all.len());
        assert!(
            all.iter()
                .all(|n| n.starts_with("25") && n.parse::<CardNumber>().is_ok())
        );
    }
}
