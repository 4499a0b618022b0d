//! Data sets become journals: exactly, completely, or not at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use treue_local::cli::convert::{Source, Summary, convert};

struct Converted {
    summary: Summary,
    journal: Vec<Value>,
    setup: Vec<Value>,
    _folder: TempDir,
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn run(source: Source, input: &Path, limit: Option<usize>) -> anyhow::Result<Converted> {
    let folder = tempfile::tempdir().unwrap();
    let summary = convert(source, input, folder.path(), limit)?;
    let journal = lines(&folder.path().join("journal.jsonl"));
    let setup = lines(&folder.path().join("setup.jsonl"));
    Ok(Converted {
        summary,
        journal,
        setup,
        _folder: folder,
    })
}

fn sample(source: Source, text: &str) -> anyhow::Result<Converted> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    run(source, file.path(), None)
}

const BASKETS: &str =
    "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc,week,transaction_timestamp
400,388,200,13094913,2.0,11.87,2.9,0.0,0.0,8,2017-02-18 18:13:10
918,340,100,1085604,1.0,1.29,0.0,0.0,0.0,10,2017-01-02 20:05:57
400,388,200,883203,0.0,1.15,0.49,0.0,0.0,8,2017-02-18 18:13:10
918,340,300,883203,1.0,0.0,0.0,0.0,0.0,8,2017-03-18 18:13:10
";

#[test]
fn the_lines_of_a_basket_become_one_receipt() {
    let made = sample(Source::Completejourney, BASKETS).unwrap();
    assert_eq!(
        (made.summary.receipts, made.summary.lines, made.summary.total_minor),
        (3, 4, 1_431)
    );
    let numbers: Vec<_> = made
        .journal
        .iter()
        .map(|receipt| receipt["number"].as_str().unwrap())
        .collect();
    assert_eq!(numbers, ["100", "200", "300"], "in the order of time");
    let basket = &made.journal[1];
    assert_eq!(basket["store"], "CJ-388");
    assert_eq!(basket["business_date"], "2017-02-18");
    assert_eq!(
        basket["total"],
        serde_json::json!({"amount_minor": 1_302, "currency": "USD"})
    );
    let quantities: Vec<_> = basket["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["quantity_milli"])
        .collect();
    assert_eq!(quantities, [2_000, 1_000], "what was not counted stands for one");
    assert_eq!(basket["payments"][0]["kind"], "other");
    assert_eq!(
        made.journal[2]["payments"],
        serde_json::json!([]),
        "nothing was paid for what costs nothing"
    );
}

#[test]
fn a_basket_that_contradicts_itself_is_refused() {
    let torn = BASKETS.replace("400,388,200,883203", "400,389,200,883203");
    let error = format!("{:#}", sample(Source::Completejourney, &torn).err().unwrap());
    assert!(error.contains("row 3") && error.contains("basket 200"), "{error}");
}

#[test]
fn amounts_that_are_no_whole_cents_are_refused_with_their_row() {
    for (from, to) in [
        ("11.87", "11.875"),
        ("11.87", "-11.87"),
        ("11.87", "x"),
        ("2.0,", "-2.0,"),
    ] {
        let error = format!(
            "{:#}",
            sample(Source::Completejourney, &BASKETS.replace(from, to))
                .err()
                .unwrap()
        );
        assert!(error.contains("row 1"), "{to}: {error}");
    }
    assert!(
        sample(Source::Cdnow, "id,date,n,spend\n").is_err(),
        "a file without receipts is a mistake"
    );
}

#[test]
fn identical_rows_stay_two_purchases() {
    let made = sample(
        Source::Cdnow,
        "id,date,n,spend\n7,1997-01-12,1,12.0\n7,1997-01-12,1,12.0\n8,1997-01-01,2,20.76\n",
    );
    let made = made.unwrap();
    assert_eq!(made.summary.total_minor, 4_476);
    let numbers: BTreeSet<_> = made
        .journal
        .iter()
        .map(|receipt| receipt["number"].as_str().unwrap())
        .collect();
    assert_eq!(numbers, BTreeSet::from(["1", "2", "3"]), "the ordinal of the row");
    assert_eq!(made.journal[0]["number"], "3");
    assert_eq!(made.journal[1]["card"], made.journal[2]["card"]);
}

#[test]
fn the_setup_holds_whatever_the_receipts_need_before_it_is_needed() {
    let made = sample(Source::Completejourney, BASKETS).unwrap();
    let paths: Vec<_> = made.setup.iter().map(|step| step["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "/v1/programmes/completejourney",
            "/v1/locations/CJ-340",
            "/v1/locations/CJ-388",
            "/v1/parties",
            "/v1/parties",
            "/v1/cards",
            "/v1/cards",
        ]
    );
    let cards: BTreeSet<_> = made
        .setup
        .iter()
        .filter_map(|step| step["body"]["number"].as_str())
        .collect();
    assert!(
        made.journal
            .iter()
            .all(|receipt| cards.contains(receipt["card"].as_str().unwrap()))
    );
    assert_eq!(made.setup[3]["as"], "c400");
    assert_eq!(made.setup[5]["body"]["party_id"], "${c400.party_id}");
}

/// The file of real purchases, or `None` with a word about what is skipped.
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/purchases")
        .join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// The sum of a column in hundredths, read without a decimal type.
fn column_sum(path: &Path, column: usize) -> i64 {
    let text = std::fs::read_to_string(path).unwrap();
    let cents = |row: &str| {
        let (whole, part) = row.split(',').nth(column).unwrap().split_once('.').unwrap();
        whole.parse::<i64>().unwrap() * 100 + format!("{part:0<2}").parse::<i64>().unwrap()
    };
    text.lines().skip(1).map(cents).sum()
}

fn distinct(path: &Path, column: usize) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .skip(1)
        .map(|row| row.split(',').nth(column).unwrap())
        .collect::<BTreeSet<_>>()
        .len()
}

#[test]
fn every_basket_of_the_complete_journey_is_there_to_the_cent() {
    let Some(path) = real("completejourney_half.csv") else {
        return;
    };
    let made = run(Source::Completejourney, &path, None).unwrap();
    assert_eq!(made.journal.len(), 23_872);
    assert_eq!(distinct(&path, 2), 23_872);
    assert_eq!(made.summary.total_minor, column_sum(&path, 5));
    assert_eq!(made.summary.customers, u64::try_from(distinct(&path, 0)).unwrap());
    assert_eq!(made.summary.locations, u64::try_from(distinct(&path, 1)).unwrap());
}

#[test]
fn every_row_of_cdnow_is_there_to_the_cent() {
    let Some(path) = real("cdnow_master.csv") else { return };
    let made = run(Source::Cdnow, &path, None).unwrap();
    assert_eq!(made.journal.len(), 69_659);
    assert_eq!(made.summary.total_minor, column_sum(&path, 3));
    assert_eq!(made.summary.customers, u64::try_from(distinct(&path, 0)).unwrap());
}

#[test]
fn a_slice_is_the_beginning_by_time() {
    let Some(path) = real("completejourney_half.csv") else {
        return;
    };
    let slice = run(Source::Completejourney, &path, Some(2_000)).unwrap();
    let whole = run(Source::Completejourney, &path, None).unwrap();
    assert_eq!(slice.journal, whole.journal[..2_000]);
    assert!(slice.setup.len() < whole.setup.len());
}
