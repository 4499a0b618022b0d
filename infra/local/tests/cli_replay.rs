//! A journal of real purchases goes through the whole stack twice: the books agree with the file, and the second time
//! changes nothing.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use treue_local::cli::convert::{Source, convert};

const BASKETS: usize = 2_000;

fn replay(journal: &Path, setup: &Path, data: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_treue"))
        .arg("replay")
        .arg(journal)
        .arg("--setup")
        .arg(setup)
        .arg("--json")
        .arg("--data")
        .arg(data)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}\n{error}",
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn two_thousand_real_baskets_agree_with_the_books_and_a_second_replay_changes_nothing() {
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/purchases/completejourney_half.csv");
    if !input.exists() {
        eprintln!("SKIPPED: {} is not there", input.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let summary = convert(Source::Completejourney, &input, folder.path(), Some(BASKETS)).unwrap();
    let (journal, setup) = (folder.path().join("journal.jsonl"), folder.path().join("setup.jsonl"));
    // A threshold that these households reach, so that vouchers are issued too.
    let text = std::fs::read_to_string(&setup).unwrap();
    let lowered = text.replace("\"threshold_points\":500", "\"threshold_points\":20");
    assert_ne!(lowered, text);
    std::fs::write(&setup, lowered).unwrap();
    let data = folder.path().join("data");

    let first = replay(&journal, &setup, &data);
    assert_eq!(first["accepted"], BASKETS);
    assert_eq!(first["matched"], BASKETS);
    assert_eq!(first["points_posted"], first["points_recomputed"]);
    assert!(first["points_posted"].as_str().unwrap().parse::<i64>().unwrap() > 0);
    assert_eq!(first["vouchers_issued"], first["vouchers_recomputed"]);
    assert!(first["vouchers_issued"].as_u64().unwrap() > 0);
    assert_eq!(first["accounts"], summary.customers);
    assert_eq!(first["accounts_not_compared"], 0);
    assert_eq!(
        first["dead_letters"]
            .as_object()
            .unwrap()
            .values()
            .filter(|depth| **depth != 0)
            .count(),
        0
    );

    let second = replay(&journal, &setup, &data);
    assert_eq!(
        (&second["accepted"], &second["replayed"]),
        (&Value::from(0), &Value::from(BASKETS))
    );
    for same in [
        "points_posted",
        "points_recomputed",
        "vouchers_issued",
        "accounts",
        "receipts",
        "dead_letters",
    ] {
        assert_eq!(first[same], second[same], "{same}");
    }
}
