//! Batches of up to ten entries, each of which succeeds or fails by itself.

use super::error::SqsError;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Entries per batch at most.
const MAX_ENTRIES: usize = 10;

/// The body of a batch request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "E: Deserialize<'de>")]
pub(crate) struct Batch<E> {
    #[serde(default)]
    pub(crate) queue_url: Option<String>,
    #[serde(default = "Vec::new")]
    pub(crate) entries: Vec<E>,
}

/// An entry that a batch can name.
pub(crate) trait Entry {
    /// The entry's id.
    fn id(&self) -> Option<&str>;
}

impl Entry for super::send::NewMessage {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Entry for super::settle::Settle {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl<E: Entry> Batch<E> {
    /// Checks number and ids of the entries; a violation refuses the whole request.
    pub(crate) fn check(&self) -> Result<(), SqsError> {
        if self.entries.is_empty() {
            return Err(SqsError::EmptyBatchRequest);
        }
        if self.entries.len() > MAX_ENTRIES {
            return Err(SqsError::TooManyEntriesInBatchRequest(self.entries.len()));
        }
        let mut seen = BTreeSet::new();
        for entry in &self.entries {
            let id = entry.id().unwrap_or_default();
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || id.len() > 80 || !id.chars().all(allowed) {
                return Err(SqsError::InvalidBatchEntryId(id.to_owned()));
            }
            if !seen.insert(id) {
                return Err(SqsError::BatchEntryIdsNotDistinct);
            }
        }
        Ok(())
    }

    /// Runs `work` on every entry. A refused entry is reported beside the others; an internal error fails the request, and
    /// with it everything that the batch did.
    pub(crate) fn run(self, mut work: impl FnMut(E) -> Result<Value, SqsError>) -> Result<Value, SqsError> {
        let mut successful = Vec::new();
        let mut failed = Vec::new();
        for entry in self.entries {
            let id = entry.id().unwrap_or_default().to_owned();
            match work(entry) {
                Ok(mut result) => {
                    result["Id"] = Value::String(id);
                    successful.push(result);
                }
                Err(error @ SqsError::Internal(_)) => return Err(error),
                Err(error) => failed.push(json!({
                    "Id": id,
                    "SenderFault": error.is_sender_fault(),
                    "Code": error.codes().1,
                    "Message": error.to_string(),
                })),
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }
}
