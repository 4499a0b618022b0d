//! What may be wrong with a file format.

use std::collections::BTreeSet;

use domain::text;
use domain::violation::Violation;

use super::encode::is_in;
use super::{COLUMNS_MAX, Encoding, FileFormat, Layout, NAME_MAX, Source, WIDTH_MAX};

const NAME: &str = "must have 1 to 40 printable characters of the file's encoding, the first one a letter or a digit";

impl FileFormat {
    /// Everything wrong with it, each with its place under `at`.
    pub fn violations(&self, at: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        let columns = self.columns();
        let at = format!("{at}/layout/columns");
        if !(1..=COLUMNS_MAX).contains(&columns.len()) {
            let detail = "a file has 1 to 100 columns";
            return vec![Violation::new(at, "columns_count", detail)];
        }
        let mut names = BTreeSet::new();
        for (index, (name, _)) in columns.iter().enumerate() {
            let begins = name.chars().next().is_some_and(char::is_alphanumeric);
            let name_at = format!("{at}/{index}/name");
            if !begins || !text::is_line(name, NAME_MAX) || !is_in(self.encoding, name) {
                found.push(Violation::new(&name_at, "malformed", NAME));
            }
            if !names.insert(*name) {
                let detail = "another column has the same name";
                found.push(Violation::new(name_at, "not_unique", detail));
            }
        }
        let has = |wanted: fn(&Source) -> bool| columns.iter().any(|(_, source)| wanted(source));
        if !has(|source| matches!(source, Source::PieceId)) {
            let detail = "a column with piece_id is needed: by it returns find their letter";
            found.push(Violation::new(&at, "piece_id_missing", detail));
        }
        if !has(|source| matches!(source, Source::AddressLine(1))) {
            let detail = "a column with address_line_1 is needed";
            found.push(Violation::new(&at, "address_missing", detail));
        }
        self.widths(&at, &mut found);
        found
    }

    fn widths(&self, at: &str, found: &mut Vec<Violation>) {
        let Layout::FixedWidth { columns } = &self.layout else {
            return;
        };
        if self.encoding == Encoding::Utf8Bom {
            let detail = "a file of fixed width has no byte order mark: it would shift the first row";
            found.push(Violation::new(
                at.replace("/layout/columns", "/encoding"),
                "not_applicable",
                detail,
            ));
        }
        for (index, column) in columns.iter().enumerate() {
            let least = column.source.width_min();
            if !(least..=WIDTH_MAX).contains(&column.width) {
                let detail = format!(
                    "a column with {} is {least} to {WIDTH_MAX} characters wide",
                    column.source
                );
                found.push(Violation::new(format!("{at}/{index}/width"), "out_of_range", detail));
            }
            let pad = column.pad.to_string();
            if !text::is_printable(&pad) || !is_in(self.encoding, &pad) {
                let detail = "must be one printable character of the file's encoding";
                found.push(Violation::new(format!("{at}/{index}/pad"), "malformed", detail));
            }
        }
    }
}
