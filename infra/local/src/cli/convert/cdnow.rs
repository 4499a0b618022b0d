//! CDNOW: purchases of a mail-order shop, one row each.

use std::io::Read;

use anyhow::Context;
use chrono::NaiveDate;
use domain::location::LocationKind;
use serde::Deserialize;

use super::ROWS_MAX;
use super::money::{cents, quantity_milli};
use super::output::{Output, Place, Sale, Set};

/// The threshold is low enough for most customers to get a voucher.
const SET: Set = Set {
    name: "cdnow",
    customer: "Customer",
    card_prefix: 27,
    threshold: 50,
};

#[derive(Debug, Deserialize)]
struct Row {
    id: u64,
    date: NaiveDate,
    n: String,
    spend: String,
}

/// Writes the rows in the order of their date; the number of a receipt is the ordinal of its row in the file.
pub(super) fn convert(
    reader: &mut csv::Reader<impl Read>,
    output: &mut Output,
    limit: Option<usize>,
) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for (index, row) in reader.deserialize::<Row>().enumerate() {
        anyhow::ensure!(index < ROWS_MAX, "more than {ROWS_MAX} rows: split the file");
        rows.push((index + 1, row.with_context(|| format!("row {}", index + 1))?));
    }
    rows.sort_by_key(|(ordinal, row)| (row.date, *ordinal));
    let shop = Place {
        id: "CDNOW".to_owned(),
        name: "CDNOW".to_owned(),
        kind: LocationKind::Shop,
    };
    for (ordinal, row) in rows.into_iter().take(limit.unwrap_or(usize::MAX)) {
        let line = || anyhow::Ok(("CD".to_owned(), quantity_milli(&row.n)?, cents(&row.spend)?));
        let sale = Sale {
            place: shop.id.clone(),
            date: row.date,
            number: ordinal.to_string(),
            customer: row.id,
            lines: vec![line().with_context(|| format!("row {ordinal}"))?],
        };
        output.sale(SET, &shop, sale)?;
    }
    Ok(())
}
