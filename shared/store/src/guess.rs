//! Counts of unknown voucher codes and cards, by client, location and terminal, in windows of an hour, and who went over the
//! limit (X17).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::id::{ClientId, LocationId, Tenant, TillId};
use faults::Site;

use crate::cache::Kept;
use crate::db::{Condition, Db, Key, Leg, Read, Value};
use crate::error::StoreError;

/// Seconds of a window.
const WINDOW_SECONDS: i64 = 3_600;
/// How long a process goes on with what it knows of who is over the limit.
pub const FRESH_FOR: Duration = Duration::from_secs(10);

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
    fn name(&self, counted: Counted) -> String {
        let till = match counted {
            Counted::Till => self.till.as_str(),
            // No till can be called this.
            Counted::Location => "*",
        };
        format!("{}#{}#{till}", self.client, self.location)
    }

    fn key(&self, counted: Counted, now: DateTime<Utc>) -> Key {
        Key {
            pk: format!("GUESS#{}#{}", self.tenant, self.name(counted)),
            sk: window(now).to_string(),
        }
    }
}

fn window(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(WINDOW_SECONDS)
}

/// Seconds until the window of `now` ends.
pub fn window_left_seconds(now: DateTime<Utc>) -> i64 {
    WINDOW_SECONDS - now.timestamp().rem_euclid(WINDOW_SECONDS)
}

/// Counts one more and returns how many there are in this window now. A lost answer may count it twice; that only slows a
/// guesser sooner.
///
/// # Errors
/// [`StoreError`].
pub async fn add(db: &Db, terminal: &Terminal<'_>, counted: Counted, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let update = kept_for_two_windows("SET #et = :et, #ttl = :ttl ADD #n :one", "guess_window", now)
        .name("#n", "n")
        .value(":one", Value::Integer(1));
    db.update_number(Site::GuessCount, &terminal.key(counted, now), &update, "n")
        .await
}

/// An update of an item that the table adds to without reading, and drops some time after its window.
fn kept_for_two_windows(expression: &str, entity_type: &str, now: DateTime<Utc>) -> Condition {
    let ttl = now.timestamp().saturating_add(2 * WINDOW_SECONDS);
    Condition::new(expression)
        .name("#et", "et")
        .name("#ttl", "ttl")
        .value(":et", Value::Text(entity_type.to_owned()))
        .value(":ttl", Value::Integer(ttl))
}

/// Who of a tenant is over the limit in a window, as this process has read it, at most [`FRESH_FOR`] ago.
///
/// One item of the window names them all, so that a process looks once in that time, however many tills it serves. It stays
/// small: eleven names of a client and location at most, since the location's own one stands for all further tills.
#[derive(Debug, Default)]
pub struct OverLimit(Kept<(Tenant, i64), Arc<BTreeSet<String>>>);

impl OverLimit {
    /// Whether the terminal, or its location, is over the limit in this window.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has(&self, db: &Db, terminal: &Terminal<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let key = (terminal.tenant.clone(), window(now));
        let names = match self.0.get(&key, FRESH_FOR) {
            Some(names) => names,
            None => {
                let names = Arc::new(read(db, terminal.tenant, now).await?);
                self.0.insert(key, names.clone());
                names
            }
        };
        let over = [Counted::Till, Counted::Location];
        Ok(over.iter().any(|counted| names.contains(&terminal.name(*counted))))
    }

    /// Notes for all processes that the terminal is over the limit in this window; again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note(
        &self,
        db: &Db,
        terminal: &Terminal<'_>,
        counted: Counted,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let update = kept_for_two_windows("SET #et = :et, #ttl = :ttl ADD #names :name", "guess_over_limit", now)
            .name("#names", "names")
            .value(":name", Value::Texts(vec![terminal.name(counted)]));
        let leg = Leg::Update(over_limit_key(terminal.tenant, now), update, None);
        db.write::<()>(Site::GuessOverLimitNote, leg).await?;
        self.0.forget(&(terminal.tenant.clone(), window(now)));
        Ok(())
    }
}

fn over_limit_key(tenant: &Tenant, now: DateTime<Utc>) -> Key {
    Key {
        pk: format!("GUESS#{tenant}"),
        sk: window(now).to_string(),
    }
}

async fn read(db: &Db, tenant: &Tenant, now: DateTime<Utc>) -> Result<BTreeSet<String>, StoreError> {
    let key = over_limit_key(tenant, now);
    let item = db.get_item(Site::GuessOverLimit, &key, Read::Strong).await?;
    Ok(match item.and_then(|mut item| item.remove("names")) {
        Some(AttributeValue::Ss(names)) => names.into_iter().collect(),
        _ => BTreeSet::new(),
    })
}
