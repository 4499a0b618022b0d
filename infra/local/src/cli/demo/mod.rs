//! The demo day: what a day at the tills looks like, driven through the API and told as a story.
//!
//! Every call may be repeated, and the day's date is kept, so that a demo that was interrupted goes on where it stopped and
//! one that was finished is not doubled.

mod answers;
mod cast;
mod day;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::data::DataDir;
use super::http::Api;
use super::keys::Keys;

pub(crate) use day::Demo;

const FILE: &str = "demo.json";
/// Days after which an unfinished demo begins anew: its receipts would soon be too old to be taken.
const RESUME_DAYS: i64 = 14;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct State {
    date: NaiveDate,
    finished: bool,
}

/// Plays the demo day unless it was played before; returns whether it was played now.
pub(crate) async fn play(data: &DataDir, api: &Api, keys: &Keys, today: NaiveDate) -> anyhow::Result<bool> {
    let state: Option<State> = data.read(FILE)?;
    if state.is_some_and(|state| state.finished) {
        return Ok(false);
    }
    let fresh = |state: &State| (today - state.date).num_days() <= RESUME_DAYS;
    let date = state.filter(fresh).map_or(today, |state| state.date);
    data.write(FILE, &State { date, finished: false })?;
    Demo::new(api, keys, date)?.play().await?;
    data.write(FILE, &State { date, finished: true })?;
    Ok(true)
}

/// The day that was played, for the examples.
pub(crate) fn played_on(data: &DataDir) -> anyhow::Result<Option<NaiveDate>> {
    let state: Option<State> = data.read(FILE)?;
    Ok(state.filter(|state| state.finished).map(|state| state.date))
}

/// The cards of two customers for the examples: one with points, one with vouchers.
pub(crate) fn cards() -> anyhow::Result<(String, String)> {
    Ok((cast::ANNA.card()?, cast::COMPANY.card()?))
}

/// The key of a receipt of the day that nobody has claimed.
pub(crate) fn unclaimed(date: NaiveDate) -> String {
    cast::unclaimed().key(date)
}
