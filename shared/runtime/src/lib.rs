//! How every function starts: settings, clients with time-outs, secrets, logs, and the loop around its handler.
//!
//! A function's `main` names what it needs and hands over its handler; everything that could differ by accident between
//! functions (time-outs, retries, log lines, batch answers) is decided here.

pub mod aws;
pub mod contain;
#[cfg(feature = "http")]
pub mod http;
#[cfg(all(feature = "http", feature = "sqs"))]
pub mod mixed;
#[cfg(feature = "secrets")]
pub mod secrets;
pub mod settings;
#[cfg(feature = "signing")]
pub mod signing;
#[cfg(feature = "sqs")]
pub mod sqs;

pub use aws::{Aws, Pace};
pub use contain::{Panicked, contained};
pub use lambda_runtime::Error;
pub use settings::Settings;

use chrono::{DateTime, SubsecRound, Utc};

/// To be called first: logs in the platform's format, and of a panic only its place.
pub fn init() {
    lambda_runtime::tracing::init_default_subscriber();
    contain::log_places_only();
}

/// The clock, to the millisecond. Read once per request or batch; everything below takes the time as a value.
#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
