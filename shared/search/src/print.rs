//! A coarse likeness of a party: which pairs of neighbouring letters its words have, as positions in a small set of bits.
//!
//! It stands with each entry of a list, so that long lists can be narrowed down without a look at the parties. Whoever has no
//! pepper cannot tell which letters a bit stands for: the store spreads the features over the bits by a keyed hash.

use crate::fold::Word;

/// Bits of a print.
pub const BITS: u32 = 128;

/// What each list that a party stands in adds to its likeness, however long it is.
const LIST: u32 = 15;

/// What it adds each time that the list is half as long: who shares a short list with what was typed is more likely meant.
const SHORTER: u32 = 30;

/// Entries read of one list; the rest of a longer one is only reached by a query that says more.
pub const PAGE: usize = 200;

/// What a list of which so many entries were read, 1 to [`PAGE`], adds to the likeness of those in it. Found by trying, over
/// the synthetic Swiss customers (decision record 0018).
pub fn of_list(entries: usize) -> u32 {
    let halves = PAGE.checked_div(entries).and_then(usize::checked_ilog2).unwrap_or(0);
    LIST + SHORTER * halves
}

/// What a word says of itself: its pairs of neighbouring letters or digits, its ends among them.
pub fn features(words: &[Word]) -> Vec<String> {
    let mut features: Vec<String> = words.iter().flat_map(of_word).collect();
    features.sort_unstable();
    features.dedup();
    features
}

fn of_word(word: &Word) -> Vec<String> {
    let framed: Vec<char> = std::iter::once('^')
        .chain(word.key.chars())
        .chain(std::iter::once('$'))
        .collect();
    framed.windows(2).map(|pair| pair.iter().collect()).collect()
}

/// How much of what was typed a party has, 0 to 1,000. What it has beside that does not count against it.
pub fn likeness(typed: u128, party: u128) -> u32 {
    let of = typed.count_ones().max(1);
    (typed & party).count_ones() * 1_000 / of
}
