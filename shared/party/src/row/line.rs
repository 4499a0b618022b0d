//! A line of a file becomes cells. A line break always ends a line, also within quotes: a part of a file can then be read from
//! anywhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{COLUMNS_MAX, Cell, Column, Flaw, Row};
use crate::Personal;

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Separator {
    /// `,`
    #[serde(rename = ",")]
    Comma,
    /// `;`
    #[serde(rename = ";")]
    Semicolon,
}

impl Separator {
    const fn character(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
        }
    }
}

/// Cuts a line into its cells. A cell may stand in double quotes, a quote in it is doubled.
///
/// # Errors
/// The finding about the line.
pub fn cells(line: &str, separator: Separator) -> Result<Vec<String>, Flaw> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted)?,
            None => plain_cell(rest, separator)?,
        };
        cells.push(cell);
        if behind.is_empty() {
            return Ok(cells);
        }
        rest = behind.strip_prefix(separator.character()).ok_or_else(misplaced)?;
        if cells.len() > COLUMNS_MAX {
            return Err(Flaw::of_line("cell_count", format!("more than {COLUMNS_MAX} cells")));
        }
    }
}

fn plain_cell(text: &str, separator: Separator) -> Result<(String, &str), Flaw> {
    let (cell, behind) = text.split_at(text.find(separator.character()).unwrap_or(text.len()));
    if cell.contains('"') {
        return Err(misplaced());
    }
    Ok((cell.to_owned(), behind))
}

/// The cell behind an opening quote, and what comes behind its closing one.
fn quoted_cell(text: &str) -> Result<(String, &str), Flaw> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let Some((part, behind)) = rest.split_once('"') else {
            let reason = "a quoted cell does not end in its line: cells cannot have line breaks";
            return Err(Flaw::of_line("quote_open", reason));
        };
        cell.push_str(part);
        match behind.strip_prefix('"') {
            Some(behind) => {
                cell.push('"');
                rest = behind;
            }
            None => return Ok((cell, behind)),
        }
    }
}

fn misplaced() -> Flaw {
    let reason = "quotes stand around a whole cell, and within a quoted cell they are doubled";
    Flaw::of_line("quote_misplaced", reason)
}

/// The row of a line of JSON: an object with the names of the columns.
///
/// # Errors
/// The finding about the line.
pub fn json_row(line: &[u8]) -> Result<Row, Flaw> {
    let text = std::str::from_utf8(line).map_err(|_| Flaw::of_line("not_utf8", "the line is not UTF-8"))?;
    let read = serde_json::from_str(text);
    let Ok(Value::Object(fields)) = read else {
        return Err(Flaw::of_line("not_json", "the line is no JSON object"));
    };
    if fields.len() > COLUMNS_MAX {
        return Err(Flaw::of_line("cell_count", format!("more than {COLUMNS_MAX} fields")));
    }
    let mut row = Row::default();
    for (number, (name, value)) in (1..).zip(fields) {
        // A name that nobody knows may be anything: it is told by its place.
        let Ok(column) = name.parse::<Column>() else {
            let reason = format!("field {number} in the order of names is none that an import knows");
            return Err(Flaw::of_line("column_unknown", reason));
        };
        let cell = cell(&column, value)?;
        row.0.insert(column, cell);
    }
    Ok(row)
}

fn cell(column: &Column, value: Value) -> Result<Option<Cell>, Flaw> {
    let custom = matches!(column, Column::Custom(_));
    match value {
        Value::Null => Ok(None),
        Value::String(text) => {
            let text = text.trim();
            Ok((!text.is_empty()).then(|| Cell::Text(Personal::new(text.to_owned()))))
        }
        Value::Bool(flag) if custom => Ok(Some(Cell::Boolean(flag))),
        Value::Number(number) if custom && number.is_i64() => Ok(number.as_i64().map(Cell::Integer)),
        _ => Err(Flaw::new(column.to_string(), "malformed", "must be a text")),
    }
}
