//! The wall clock, as the endpoints count: Unix time in milliseconds and seconds.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970. A clock before 1970 counts as 1970.
pub(crate) fn unix_millis() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

/// Seconds since 1970.
pub(crate) fn unix_seconds() -> i64 {
    unix_millis() / 1_000
}
