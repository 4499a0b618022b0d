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

/// Whose guesses are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Those of the till.
    Till,
    /// Those of all tills that the client names at the location: tills are names that a guesser can make up.
    Location,
}

impl Terminal<'_> {
    fn key(&self, counted: Counted, now: DateTime<Utc>) -> Key {
        let window = now.timestamp().div_euclid(WINDOW_SECONDS);
        let till = match counted {
            Counted::Till => self.till.as_str(),
            // No till can be called this.
            Counted::Location => "*",
        };
        Key {
            pk: format!("GUESS#{}#{}#{}#{till}", self.tenant, self.client, self.location),
            sk: window.to_string(),
        }
    }
}

/// Seconds until the window of `now` ends.
pub fn window_left_seconds(now: DateTime<Utc>) -> i64 {
    WINDOW_SECONDS - now.timestamp().rem_euclid(WINDOW_SECONDS)
}

/// How many unknown codes and cards were asked for in this window.
///
/// # Errors
/// [`StoreError`].
pub async fn count(db: &Db, terminal: &Terminal<'_>, counted: Counted, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let item = db
        .get_item(Site::GuessRead, &terminal.key(counted, now), Read::Strong)
        .await?;
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
pub async fn add(db: &Db, terminal: &Terminal<'_>, counted: Counted, now: DateTime<Utc>) -> Result<(), StoreError> {
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
    db.write::<()>(Site::GuessCount, Leg::Update(terminal.key(counted, now), update, None))
        .await?;
    Ok(())
}
