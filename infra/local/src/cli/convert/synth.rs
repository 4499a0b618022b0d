//! The synthetic Swiss customers become a file to be imported.
//!
//! The data set has no towns and no names of countries: the postcode stands in the place of the town. What is wrong in it stays
//! wrong, so that an import meets what it will meet.

use std::io::{Read, Write};

use anyhow::Context;
use serde::Deserialize;

use super::ROWS_MAX;

#[derive(Debug, Deserialize)]
struct Row {
    rec_id: String,
    given_name: String,
    surname: String,
    date_of_birth: String,
    postcode: String,
    street: String,
    house: String,
    email: String,
    phone: String,
}

const COLUMNS: [&str; 11] = [
    "system",
    "external_id",
    "given_name",
    "family_name",
    "birth_date",
    "street",
    "house_number",
    "postcode",
    "town",
    "email",
    "phone",
];

/// Writes a file to be imported with the first `limit` customers; how many there are.
///
/// # Errors
/// The input cannot be read, or the output cannot be written.
pub fn parties(input: impl Read, output: impl Write, limit: Option<usize>) -> anyhow::Result<u64> {
    let mut reader = csv::Reader::from_reader(input);
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(COLUMNS)?;
    let mut count = 0u64;
    for (index, row) in reader.deserialize::<Row>().take(limit.unwrap_or(ROWS_MAX)).enumerate() {
        let row = row.with_context(|| format!("row {}", index + 1))?;
        let date = date(&row.date_of_birth);
        let has_address = !row.street.is_empty();
        let only_with_address = |text: &str| if has_address { text.to_owned() } else { String::new() };
        writer.write_record([
            "synth",
            &row.rec_id,
            &row.given_name,
            &row.surname,
            &date,
            &row.street,
            &only_with_address(&row.house),
            &only_with_address(&row.postcode),
            &only_with_address(&row.postcode),
            &row.email,
            &row.phone,
        ])?;
        count = count.saturating_add(1);
    }
    writer.flush()?;
    Ok(count)
}

/// `19820610` as `1982-06-10`; anything else stays as it is.
fn date(text: &str) -> String {
    match (text.get(..4), text.get(4..6), text.get(6..)) {
        (Some(year), Some(month), Some(day)) if text.len() == 8 => format!("{year}-{month}-{day}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synthetic_customer_becomes_a_row() {
        let input = "rec_id,given_name,surname,date_of_birth,postcode,street,house,email,phone,cluster,flags\n\
                     0,Karl Heinz,Mätlisinger,20030408,6695,Hauptstrasse,4,k@gmail.com,,2,\"\"\n\
                     1,Gabor,Anastasi,,7424,,8,,+41703336177,1,\"\"\n";
        let mut output = Vec::new();
        assert_eq!(parties(input.as_bytes(), &mut output, None).unwrap(), 2);
        let text = String::from_utf8(output).unwrap();
        let lines: Vec<_> = text.lines().skip(1).collect();
        let first = "synth,0,Karl Heinz,Mätlisinger,2003-04-08,Hauptstrasse,4,6695,6695,k@gmail.com,";
        assert_eq!(lines, [first, "synth,1,Gabor,Anastasi,,,,,,,+41703336177"]);
        let mut one = Vec::new();
        assert_eq!(parties(input.as_bytes(), &mut one, Some(1)).unwrap(), 1);
    }
}
