//! Texts become keys, orders and prints, by keyed hashes: whoever has the table but no pepper learns no name from it.

use domain::code;
use domain::id::Tenant;
use search::print;
use search::{Entry, Searchable};

/// Symbols of the hash of a list, 80 bits. Should two lists meet, their parties are still told apart by their profiles.
const HASH: usize = 16;

/// The pepper, bound to a tenant.
#[derive(Clone, Copy)]
pub(super) struct Hasher<'a> {
    pub(super) pepper: &'a [u8],
    pub(super) tenant: &'a Tenant,
}

impl Hasher<'_> {
    fn symbols(&self, purpose: &str, text: &str, n: usize) -> String {
        let text = format!("{}#{text}", self.tenant);
        let hash = code::lookup_key(self.pepper, purpose, text.as_bytes());
        hash.as_str().chars().take(n).collect()
    }

    /// The hash of a list.
    pub(super) fn list(&self, key: &str) -> String {
        self.symbols("search-list/1", key, HASH)
    }

    /// A symbol for each letter of the order, that depends on the letters before it: what begins alike stays together.
    pub(super) fn order(&self, key: &str, refine: &str) -> String {
        let ends = refine.char_indices().skip(1).map(|(at, _)| at).chain([refine.len()]);
        ends.filter(|end| *end > 0)
            .filter_map(|end| refine.get(..end))
            .map(|beginning| self.symbols("search-order/1", &format!("{key}#{beginning}"), 1))
            .collect()
    }

    /// The name of an entry: `hash#order`.
    pub(super) fn entry(&self, entry: &Entry) -> String {
        format!("{}#{}", self.list(&entry.key), self.order(&entry.key, &entry.refine))
    }

    /// The print of features.
    pub(super) fn print(&self, features: &[String]) -> u128 {
        features.iter().fold(0, |print, feature| {
            let symbols = self.symbols("search-print/1", feature, 2);
            let number = symbols
                .bytes()
                .fold(0u32, |number, symbol| number * 32 + u32::from(five_bits(symbol)));
            print | 1u128 << (number % print::BITS)
        })
    }

    /// The print of a party.
    pub(super) fn print_of(&self, party: &Searchable) -> u128 {
        self.print(&search::keys::features(party))
    }
}

const fn five_bits(symbol: u8) -> u8 {
    match symbol {
        b'A'..=b'Z' => symbol - b'A',
        _ => symbol.wrapping_sub(b'2').wrapping_add(26) & 31,
    }
}
