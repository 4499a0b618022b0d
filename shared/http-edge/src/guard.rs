//! The defence against guessing codes and cards (X17).
//!
//! Well-formed codes and cards that do not exist are counted per client, location and till, in windows of an hour. The
//! first ten cost nothing; the next twenty are answered ever more slowly; after that the terminal is over its limit until the
//! window ends. All tills of a location together have three hundred.
//!
//! Over the limit an unknown code or card is answered with 429. What exists is still served, because customers stand at that
//! till too; but vouchers of a card are kept back there: a card's number is no secret, and their codes are money. A voucher
//! whose code is presented is taken as ever: a code cannot be guessed.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use store::guess::{self, Counted, OverLimit, Terminal};
use store::{Db, StoreError};

use crate::problem::{Code, Problem};

/// Unknown ones of an hour that are answered at once.
pub const FREE_MAX: u64 = 10;
/// Unknown ones of an hour that are answered at all.
pub const ANSWERED_MAX: u64 = 30;
/// Unknown ones of an hour that all tills of a location are answered together.
pub const LOCATION_MAX: u64 = 300;
/// What each one beyond the free ones adds to the wait.
const SLOWER_BY: Duration = Duration::from_millis(100);

/// The guard of a process.
#[derive(Debug, Default)]
pub struct Guard {
    over: OverLimit,
}

impl Guard {
    /// What to answer to a well-formed code or card that does not exist: `unknown`, later and later, then
    /// [`Code::TooManyUnknown`].
    ///
    /// # Errors
    /// [`StoreError`] when the counter cannot be reached; then nothing is said about the code either.
    pub async fn unknown(
        &self,
        db: &Db,
        terminal: &Terminal<'_>,
        unknown: Problem,
        now: DateTime<Utc>,
    ) -> Result<Problem, StoreError> {
        let Some(count) = self.count(db, terminal, now).await? else {
            let detail = "this till, or all of the location, asked for too many unknown codes or cards within the hour";
            return Ok(Problem::new(Code::TooManyUnknown, detail).retry_after(guess::window_left_seconds(now)));
        };
        let slower = u32::try_from(count.saturating_sub(FREE_MAX)).unwrap_or(u32::MAX);
        if slower > 0 {
            tokio::time::sleep(SLOWER_BY.saturating_mul(slower)).await;
        }
        Ok(unknown)
    }

    /// Counts an unknown one that is not refused for it: the card of a receipt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note(&self, db: &Db, terminal: &Terminal<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.count(db, terminal, now).await.map(drop)
    }

    /// Whether the vouchers of known cards are kept back at this terminal. Another process may have noted it up to
    /// [`guess::FRESH_FOR`] ago.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keeps_back(&self, db: &Db, terminal: &Terminal<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.over.has(db, terminal, now).await
    }

    /// The number of this unknown one at the terminal; `None` over the limit. Who is known to be over it is not counted
    /// further: a flood of guesses writes nothing.
    async fn count(&self, db: &Db, terminal: &Terminal<'_>, now: DateTime<Utc>) -> Result<Option<u64>, StoreError> {
        if self.over.has(db, terminal, now).await? {
            return Ok(None);
        }
        let count = guess::add(db, terminal, Counted::Till, now).await?;
        if [FREE_MAX + 1, ANSWERED_MAX + 1].contains(&count) {
            warn(terminal, count, "a till asks for many unknown codes or cards");
        }
        if count > ANSWERED_MAX {
            self.over.note(db, terminal, Counted::Till, now).await?;
            return Ok(None);
        }
        let of_location = guess::add(db, terminal, Counted::Location, now).await?;
        if of_location == LOCATION_MAX + 1 {
            warn(terminal, of_location, "a location asks for many unknown codes or cards");
        }
        if of_location > LOCATION_MAX {
            self.over.note(db, terminal, Counted::Location, now).await?;
            return Ok(None);
        }
        Ok(Some(count))
    }
}

/// Tells operators who guesses: each number is given once, so the line is written once.
fn warn(terminal: &Terminal<'_>, count: u64, what: &str) {
    let Terminal {
        client, location, till, ..
    } = terminal;
    tracing::warn!(tenant = %terminal.tenant, %client, %location, %till, count, "{what}");
}

/// The name under which the platform runs this process; of all deployed stacks only one has a function of this name.
static FUNCTION: LazyLock<String> =
    LazyLock::new(|| std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "local".to_owned()));

/// Counts a lookup for the alarm on the ratio of unknown ones: a line in CloudWatch's embedded metric format on standard
/// output, which costs no call.
pub fn count_lookup(known: bool, now: DateTime<Utc>) {
    println!("{}", lookup_line(&FUNCTION, known, now));
}

/// The line. Its one dimension keeps the lookups of two stacks in one account apart.
fn lookup_line(function: &str, known: bool, now: DateTime<Utc>) -> serde_json::Value {
    serde_json::json!({
        "_aws": {
            "Timestamp": now.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": "Treue",
                "Dimensions": [["function"]],
                "Metrics": [{"Name": "CodeLookups", "Unit": "Count"}, {"Name": "UnknownCodeLookups", "Unit": "Count"}],
            }],
        },
        "function": function,
        "CodeLookups": 1,
        "UnknownCodeLookups": u8::from(!known),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_are_counted_under_the_name_of_the_deployed_function() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let line = lookup_line("shop-a-CustomerFunction-1", false, now);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        let dimension = metrics["Dimensions"][0][0].as_str().unwrap();
        assert_eq!(line[dimension], "shop-a-CustomerFunction-1");
        for metric in metrics["Metrics"].as_array().unwrap() {
            assert_eq!(line[metric["Name"].as_str().unwrap()], 1);
        }
        assert_eq!(lookup_line("f", true, now)["UnknownCodeLookups"], 0);
    }
}
