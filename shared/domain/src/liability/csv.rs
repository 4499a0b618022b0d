//! The files for the ERP: RFC 4180 with `;` between fields, UTF-8, CRLF, a header, a line for each row in the order of its key.
//!
//! No field needs quotation marks: they are integers, months, currencies and location ids, none of which can hold a separator,
//! a quotation mark, or anything that a spreadsheet would call.

use std::fmt::Write as _;

use super::month::Month;
use super::row::Rollforward;
use super::settlement::{Companies, Settlement};
use crate::id::{CompanyId, LocationId};
use crate::money::OutOfRange;

/// The first line of the liability file.
pub const LIABILITY_HEADER: &str = "month;earned_month;vat_rate_bp;branch;opening;earned;spent;given_back;expired;reversed;corrected;transferred;recalculated;settled;closing;forgiven;breakage";
/// The first line of the settlement file. `…_company` is empty for a branch without one.
pub const SETTLEMENT_HEADER: &str =
    "month;issuing_branch;issuing_company;redeeming_branch;redeeming_company;currency;points;value_minor";
/// The first line of the settlement between companies: the same figures, summed.
pub const COMPANIES_HEADER: &str = "month;issuing_company;redeeming_company;currency;points;value_minor";

/// The roll-forward as a file.
///
/// # Errors
/// [`OutOfRange`] when a breakage leaves the 64-bit range.
pub fn liability_csv(month: Month, books: &Rollforward) -> Result<String, OutOfRange> {
    let mut text = format!("{LIABILITY_HEADER}\r\n");
    for (origin, row) in &books.rows {
        let rate = origin.vat_rate_bp.map(|rate| rate.to_string()).unwrap_or_default();
        push(&mut text, &month.to_string(), "");
        push(&mut text, &origin.month.to_string(), ";");
        push(&mut text, &rate, ";");
        push(&mut text, &branch(origin.branch.as_ref()), ";");
        for (_, points) in row.columns() {
            push(&mut text, &points.to_string(), ";");
        }
        push(&mut text, &row.breakage()?.to_string(), ";");
        text.push_str("\r\n");
    }
    Ok(text)
}

/// The settlement as a file.
pub fn settlement_csv(month: Month, settlement: &Settlement, companies: &Companies) -> String {
    let mut text = format!("{SETTLEMENT_HEADER}\r\n");
    for (pair, settled) in &settlement.pairs {
        let (issuing, redeeming) = (branch(pair.issuing.as_ref()), branch(Some(&pair.redeeming)));
        let of = |branch: &LocationId| company(companies.get(branch));
        let (from, to) = (pair.issuing.as_ref().map(of).unwrap_or_default(), of(&pair.redeeming));
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "{month};{issuing};{from};{redeeming};{to};{};{};{}\r\n",
            pair.currency, settled.points, settled.value_minor
        );
    }
    text
}

/// The settlement between companies as a file.
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the 64-bit range.
pub fn companies_csv(month: Month, settlement: &Settlement, companies: &Companies) -> Result<String, OutOfRange> {
    let mut text = format!("{COMPANIES_HEADER}\r\n");
    for (pair, settled) in settlement.by_company(companies)? {
        let (issuing, redeeming) = (company(pair.issuing.as_ref()), company(pair.redeeming.as_ref()));
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "{month};{issuing};{redeeming};{};{};{}\r\n",
            pair.currency, settled.points, settled.value_minor
        );
    }
    Ok(text)
}

fn push(text: &mut String, field: &str, before: &str) {
    text.push_str(before);
    text.push_str(field);
}

fn branch(branch: Option<&LocationId>) -> String {
    branch.map(LocationId::to_string).unwrap_or_default()
}

fn company(company: Option<&CompanyId>) -> String {
    company.map(CompanyId::to_string).unwrap_or_default()
}
