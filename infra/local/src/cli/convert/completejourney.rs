//! The Complete Journey: lines of a grocer's baskets.

use std::collections::HashMap;
use std::io::Read;

use anyhow::Context;
use chrono::NaiveDateTime;
use domain::location::LocationKind;
use serde::Deserialize;

use super::ROWS_MAX;
use super::money::{cents, quantity_milli};
use super::output::{Output, Place, Sale, Set};

const SET: Set = Set {
    name: "completejourney",
    customer: "Household",
    card_prefix: 26,
    threshold: 500,
};

#[derive(Debug, Deserialize)]
struct Row {
    household_id: u64,
    store_id: String,
    basket_id: String,
    product_id: String,
    quantity: String,
    sales_value: String,
    transaction_timestamp: String,
}

/// A basket, with what all its lines must agree on.
#[derive(Debug)]
struct Basket {
    id: String,
    household: u64,
    store: String,
    time: NaiveDateTime,
    lines: Vec<(String, i64, i64)>,
}

/// Groups the lines and writes the baskets in the order of their time.
pub(super) fn convert(
    reader: &mut csv::Reader<impl Read>,
    output: &mut Output,
    limit: Option<usize>,
) -> anyhow::Result<()> {
    let mut baskets: Vec<Basket> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (index, row) in reader.deserialize::<Row>().enumerate() {
        let place = || format!("row {}", index + 1);
        anyhow::ensure!(index < ROWS_MAX, "more than {ROWS_MAX} rows: split the file");
        let row = row.with_context(place)?;
        let line = line(&row).with_context(place)?;
        let time =
            NaiveDateTime::parse_from_str(&row.transaction_timestamp, "%Y-%m-%d %H:%M:%S").with_context(place)?;
        let at = *known.entry(row.basket_id.clone()).or_insert(baskets.len());
        match baskets.get_mut(at) {
            Some(basket) => {
                let same = basket.household == row.household_id && basket.store == row.store_id && basket.time == time;
                anyhow::ensure!(
                    same,
                    "{}: basket {} has another household, store or time than in an earlier row",
                    place(),
                    basket.id
                );
                basket.lines.push(line);
            }
            None => baskets.push(Basket {
                id: row.basket_id,
                household: row.household_id,
                store: row.store_id,
                time,
                lines: vec![line],
            }),
        }
    }
    baskets.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    for basket in baskets.into_iter().take(limit.unwrap_or(usize::MAX)) {
        let place = Place {
            id: format!("CJ-{}", basket.store),
            name: format!("Store {}", basket.store),
            kind: LocationKind::Branch,
        };
        let sale = Sale {
            place: place.id.clone(),
            date: basket.time.date(),
            number: basket.id,
            customer: basket.household,
            lines: basket.lines,
        };
        output.sale(SET, &place, sale)?;
    }
    Ok(())
}

fn line(row: &Row) -> anyhow::Result<(String, i64, i64)> {
    Ok((
        row.product_id.clone(),
        quantity_milli(&row.quantity)?,
        cents(&row.sales_value)?,
    ))
}
