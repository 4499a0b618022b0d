//! The defence against guessing codes and cards (X17).
//!
//! Well-formed codes and cards that do not exist are counted per client, location and till, in windows of an hour. The
//! first ten cost nothing; the next twenty are answered ever more slowly; after that the terminal hears 429 for unknown ones
//! until the window ends. All tills of a location together have three hundred. What exists is found first and never asks the counter, so customers are served throughout.

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

/// Counts a lookup for the alarm on the ratio of unknown ones: a line in CloudWatch's embedded metric format on standard
/// output, which costs no call.
pub fn count_lookup(service: &str, known: bool, now: DateTime<Utc>) {
    let line = serde_json::json!({
        "_aws": {
            "Timestamp": now.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": "Treue",
                "Dimensions": [["service"]],
                "Metrics": [{"Name": "CodeLookups", "Unit": "Count"}, {"Name": "UnknownCodeLookups", "Unit": "Count"}],
            }],
        },
        "service": service,
        "CodeLookups": 1,
        "UnknownCodeLookups": u8::from(!known),
    });
    println!("{line}");
}
