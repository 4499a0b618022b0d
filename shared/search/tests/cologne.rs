//! Cologne phonetics against codes that somebody else has computed.

use std::collections::BTreeMap;

/// Beside the repository.
const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/duplicates/golden_cologne.json"
);

/// T6: names that sound alike meet. The codes lie outside of the repository.
#[test]
fn t6_the_codes_are_those_of_the_golden_file() {
    let text = match std::fs::read_to_string(GOLDEN) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("not compared: there is no {GOLDEN}");
            return;
        }
        Err(error) => panic!("{GOLDEN}: {error}"),
    };
    let golden: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    assert!(golden.len() > 20);
    let wrong: Vec<_> = golden
        .iter()
        .map(|(name, code)| (name, code, search::phonetic::cologne(name)))
        .filter(|(_, code, ours)| *code != ours)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
