//! The defence against guessing codes and cards (X17).
//!
//! Well-formed codes and cards that do not exist are counted per client, location and till, in windows of an hour. The
//! first ten cost nothing; the next twenty are answered ever more slowly; after that the terminal hears 429 for unknown ones
//! until the window ends. All tills of a location together have three hundred. What exists is found first and never asks the counter, so customers are served throughout.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use store::guess::{self, Counted, Terminal};
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

/// What to answer to a well-formed code or card that does not exist: `unknown`, later and later, then
/// [`Code::TooManyUnknown`].
///
/// # Errors
/// [`StoreError`] when the counter cannot be reached; then nothing is said about the code either.
pub async fn unknown(
    db: &Db,
    terminal: &Terminal<'_>,
    unknown: Problem,
    now: DateTime<Utc>,
) -> Result<Problem, StoreError> {
    let count = guess::count(db, terminal, Counted::Till, now).await?;
    if count >= ANSWERED_MAX || guess::count(db, terminal, Counted::Location, now).await? >= LOCATION_MAX {
        let detail = "this till, or all of the location, asked for too many unknown codes or cards within the hour";
        return Ok(Problem::new(Code::TooManyUnknown, detail).retry_after(guess::window_left_seconds(now)));
    }
    guess::add(db, terminal, Counted::Till, now).await?;
    guess::add(db, terminal, Counted::Location, now).await?;
    let slower = u32::try_from(count.saturating_sub(FREE_MAX)).unwrap_or(u32::MAX);
    if slower > 0 {
        tokio::time::sleep(SLOWER_BY.saturating_mul(slower)).await;
    }
    Ok(unknown)
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
