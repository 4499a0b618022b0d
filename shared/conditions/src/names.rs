//! What the author may have meant by a name that does not exist.

use crate::schema::Schema;

/// Most names that are offered.
const OFFERED_MAX: usize = 3;

/// ` did you mean receipt.store?`, or nothing where no field is close.
pub(crate) fn did_you_mean(schema: &Schema, name: &str) -> String {
    let close = close(schema, name);
    if close.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", close.join(" or "))
    }
}

/// The fields whose names are close, the closest first.
fn close(schema: &Schema, name: &str) -> Vec<&'static str> {
    let mut ranked: Vec<(usize, &'static str)> = schema
        .fields()
        .iter()
        .filter_map(|field| rank(name, field.name).map(|rank| (rank, field.name)))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().take(OFFERED_MAX).map(|(_, name)| name).collect()
}

/// How far a field's name is from what was written, if it is near enough to be meant.
fn rank(written: &str, field: &str) -> Option<usize> {
    let whole = distance(written, field);
    let parts = distance(last_part(written), last_part(field));
    // The right field of the wrong group is as near as one typing error.
    let near = whole.min(parts.saturating_add(1));
    let length = last_part(written).chars().count();
    (near <= length.div_ceil(3).min(3)).then_some(near)
}

fn last_part(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, part)| part)
}

/// Characters to insert, delete or replace, so that one becomes the other (Levenshtein), without regard to case.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (done, a) in one.chars().enumerate() {
        let mut diagonal = done;
        let mut left = done.saturating_add(1);
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, b) in cells.zip(other.chars()) {
            let replaced = diagonal.saturating_add(usize::from(!a.eq_ignore_ascii_case(&b)));
            diagonal = *cell;
            left = replaced.min(cell.saturating_add(1)).min(left.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Type};

    const SCHEMA: Schema = Schema::new(
        &[
            Field {
                name: "receipt.store",
                kind: Type::Text,
                doc: "",
            },
            Field {
                name: "receipt.total",
                kind: Type::Int,
                doc: "",
            },
            Field {
                name: "line.group",
                kind: Type::Text,
                doc: "",
            },
            Field {
                name: "line.total",
                kind: Type::Int,
                doc: "",
            },
        ],
        10,
    );

    #[test]
    fn distance_counts_inserted_deleted_and_replaced_characters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "", 2),
            ("store", "stroe", 2),
            ("kitten", "sitting", 3),
            ("Abc", "abC", 0),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn close_names_are_offered_and_the_closest_comes_first() {
        for (written, expected) in [
            ("receipt.stor", vec!["receipt.store"]),
            ("reciept.store", vec!["receipt.store"]),
            ("store", vec!["receipt.store"]),
            ("line.totl", vec!["line.total", "receipt.total"]),
            ("receipt.totals", vec!["receipt.total", "line.total"]),
            ("party.birthday", vec![]),
            ("x", vec![]),
        ] {
            assert_eq!(close(&SCHEMA, written), expected, "{written}");
        }
    }
}
