//! The defence against guessing codes and cards (X17).
//!
//! Well-formed codes and cards that do not exist are counted per client, location and till, in windows of an hour. The
//! first ten cost nothing; the next twenty are answered ever more slowly; after that the terminal hears 429 for unknown ones
//! until the window ends. What exists is found first and never asks the counter, so customers are served throughout.

use std::time::Duration;

use chrono::{DateTime, Utc};
use store::guess::{self, Terminal};
use store::{Db, StoreError};

use crate::problem::{Code, Problem};

/// Unknown ones of an hour that are answered at once.
pub const FREE_MAX: u64 = 10;
/// Unknown ones of an hour that are answered at all.
pub const ANSWERED_MAX: u64 = 30;
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
    let count = guess::count(db, terminal, now).await?;
    if count >= ANSWERED_MAX {
        let detail = format!("this terminal asked for {count} unknown codes or cards within the hour");
        return Ok(Problem::new(Code::TooManyUnknown, detail).retry_after(guess::window_left_seconds(now)));
    }
    guess::add(db, terminal, now).await?;
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
