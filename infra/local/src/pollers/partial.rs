//! `ReportBatchItemFailures`: what an answer says about the items of a batch.

use serde_json::Value;

/// The items that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failures {
    /// Every item succeeded.
    None,
    /// These failed, by message id or sequence number, in the answer's order.
    Items(Vec<String>),
    /// The answer is not one that can be understood: all failed.
    All,
}

/// Reads an answer as Lambda does: nothing, an empty object and an empty list mean success; anything malformed means that the
/// whole batch failed.
pub(super) fn failures(payload: &[u8]) -> Failures {
    let value = match serde_json::from_slice::<Value>(payload) {
        _ if payload.is_empty() => return Failures::None,
        Ok(value) => value,
        Err(_) => return Failures::All,
    };
    let items = match value {
        Value::Null => return Failures::None,
        Value::Object(map) => match map.get("batchItemFailures") {
            None | Some(Value::Null) => return Failures::None,
            Some(Value::Array(items)) => items.clone(),
            Some(_) => return Failures::All,
        },
        _ => return Failures::All,
    };
    let id = |item: &Value| {
        item.get("itemIdentifier")?
            .as_str()
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
    };
    match items.iter().map(id).collect::<Option<Vec<String>>>() {
        Some(ids) if ids.is_empty() => Failures::None,
        Some(ids) => Failures::Items(ids),
        None => Failures::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_empty_lists_mean_success() {
        for payload in [
            "",
            "null",
            "{}",
            r#"{"batchItemFailures":null}"#,
            r#"{"batchItemFailures":[]}"#,
        ] {
            assert_eq!(failures(payload.as_bytes()), Failures::None, "{payload}");
        }
    }

    #[test]
    fn named_items_failed() {
        let payload = br#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]}"#;
        assert_eq!(failures(payload), Failures::Items(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_malformed_answer_means_that_all_failed() {
        let malformed = [
            "not json",
            r#"{"batchItemFailures":"a"}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"a"}]}"#,
        ];
        for payload in malformed {
            assert_eq!(failures(payload.as_bytes()), Failures::All, "{payload}");
        }
    }
}
