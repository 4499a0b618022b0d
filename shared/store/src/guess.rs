//! Counts of unknown voucher codes and cards, by client, location and terminal, in windows of an hour (X17).

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::id::{ClientId, LocationId, Tenant, TillId};
use faults::Site;

use crate::db::{Condition, Db, Key, Leg, Read, Value};
use crate::error::StoreError;

/// Seconds of a window.
const WINDOW_SECONDS: i64 = 3_600;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Terminal<'a> {
    /// Tenant.
    pub tenant: &'a Tenant,
    /// Calling machine.
    pub client: &'a ClientId,
    /// Location it speaks for.
    pub location: &'a LocationId,
    /// Till within the location.
    pub till: &'a TillId,
}

impl Terminal<'_> {
    fn key(&self, now: DateTime<Utc>) -> Key {
        let window = now.timestamp().div_euclid(WINDOW_SECONDS);
        Key {
            pk: format!("GUESS#{}#{}#{}#{}", self.tenant, self.client, self.location, self.till),
            sk: window.to_string(),
        }
    }
}

/// Seconds until the window of `now` ends.
pub fn window_left_seconds(now: DateTime<Utc>) -> i64 {
    WINDOW_SECONDS - now.timestamp().rem_euclid(WINDOW_SECONDS)
}

/// How many unknown codes and cards the terminal has asked for in this window.
///
/// # Errors
/// [`StoreError`].
pub async fn count(db: &Db, terminal: &Terminal<'_>, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let item = db.get_item(Site::GuessRead, &terminal.key(now), Read::Strong).await?;
    Ok(item
        .and_then(|item| match item.get("n") {
            Some(AttributeValue::N(n)) => n.parse().ok(),
            _ => None,
        })
        .unwrap_or(0))
}

/// Counts one more. A lost answer may count it twice; that only slows a guesser sooner.
///
/// # Errors
/// [`StoreError`].
pub async fn add(db: &Db, terminal: &Terminal<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let update = Condition::new("SET #et = :et, #ttl = :ttl ADD #n :one")
        .name("#et", "et")
        .name("#ttl", "ttl")
        .name("#n", "n")
        .value(":et", Value::Text("guess_window".to_owned()))
        .value(
            ":ttl",
            Value::Integer(now.timestamp().saturating_add(2 * WINDOW_SECONDS)),
        )
        .value(":one", Value::Integer(1));
    db.write::<()>(Site::GuessCount, Leg::Update(terminal.key(now), update, None))
        .await?;
    Ok(())
}
