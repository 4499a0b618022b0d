//! The lines of a journal go out, many at a time, and each ends as accepted, replayed, refused or failed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::id::{ProgrammeId, Tenant};
use futures::stream::{self, StreamExt, TryStreamExt};
use http::Method;
use serde_json::Value;
use store::{Db, Site, programme};
use tokio::sync::Mutex;

use super::super::http::{Answer, Api};
use super::super::progress::Bar;
use super::journal::{Journal, Line};
use super::recompute::{Rate, natural_key};

/// Lines that failed or contradict the answer, kept for the report.
pub(super) const EXAMPLES_MAX: usize = 20;

/// Failed lines after which the rest stays unsent: each has been tried for about a minute, so nobody answers any more.
const FAILED_MAX: u64 = 100;

/// A receipt that the system took.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// Natural key.
    pub(super) key: String,
    /// Points recomputed from the file.
    pub(super) points: i64,
    /// The programme and its version that the receipt was answered under.
    pub(super) programme: ProgrammeId,
    pub(super) version: u32,
    /// Whether it carries a card.
    pub(super) has_card: bool,
}

/// What became of all lines.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) lines: u64,
    pub(super) accepted: u64,
    pub(super) replayed: u64,
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) failed: u64,
    /// Answers that promise other points than the file gives.
    pub(super) wrong_answers: u64,
    pub(super) examples: Vec<String>,
    /// Receipts that were taken, each once.
    pub(super) taken: HashMap<String, Taken>,
    /// How long each line took, retries included.
    pub(super) latencies: Vec<Duration>,
}

impl Sent {
    fn example(&mut self, text: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(text);
        }
    }
}

/// The rates of the versions of programmes, read once each.
#[derive(Debug)]
pub(super) struct Rates<'a> {
    db: &'a Db,
    tenant: &'a Tenant,
    known: Mutex<HashMap<(ProgrammeId, u32), Arc<Rate>>>,
}

impl<'a> Rates<'a> {
    pub(super) fn new(db: &'a Db, tenant: &'a Tenant) -> Self {
        Self {
            db,
            tenant,
            known: Mutex::default(),
        }
    }

    /// The rate of a version of a programme.
    pub(super) async fn of(&self, programme: &ProgrammeId, version: u32) -> anyhow::Result<Arc<Rate>> {
        let mut known = self.known.lock().await;
        let key = (programme.clone(), version);
        if let Some(rate) = known.get(&key) {
            return Ok(Arc::clone(rate));
        }
        let found = programme::read_version(self.db, Site::ToolRead, self.tenant, programme, version).await?;
        let found = found.with_context(|| format!("version {version} of the programme {programme} is not stored"))?;
        let json = serde_json::to_value(&found.d.programme).context("the programme is no JSON")?;
        let rate = Arc::new(Rate::of(&json).map_err(anyhow::Error::msg)?);
        known.insert(key, Arc::clone(&rate));
        Ok(rate)
    }

    /// The version in force.
    pub(super) async fn current(&self, programme: &ProgrammeId) -> anyhow::Result<u32> {
        let found = programme::read_current(self.db, Site::ToolRead, self.tenant, programme).await?;
        Ok(found
            .with_context(|| format!("the programme {programme} is not stored"))?
            .d
            .programme
            .version)
    }
}

struct LineOutcome {
    number: u64,
    took: Duration,
    result: Result<LineAnswer, String>,
}

enum LineAnswer {
    Taken {
        new: bool,
        receipt: Box<Taken>,
        promised: Option<i64>,
    },
    Refused {
        code: String,
        detail: String,
    },
}

/// Sends the journal, one pass after the other.
pub(super) async fn send(
    api: &Api,
    journal: &Journal,
    rates: &Rates<'_>,
    concurrency: usize,
    bar: &Bar,
) -> anyhow::Result<Sent> {
    let mut sent = Sent::default();
    for pass in 0..journal.passes() {
        let outcomes = stream::iter(journal.pass(pass))
            .map(|line| async move { anyhow::Ok(send_line(api, rates, line?).await) })
            .buffer_unordered(concurrency);
        futures::pin_mut!(outcomes);
        while let Some(outcome) = outcomes.try_next().await? {
            note(&mut sent, outcome);
            bar.inc(1);
            if sent.failed >= FAILED_MAX {
                return Ok(sent);
            }
        }
    }
    Ok(sent)
}

fn note(sent: &mut Sent, outcome: LineOutcome) {
    sent.lines += 1;
    sent.latencies.push(outcome.took);
    let number = outcome.number;
    match outcome.result {
        Ok(LineAnswer::Taken { new, receipt, promised }) => {
            *(if new { &mut sent.accepted } else { &mut sent.replayed }) += 1;
            if promised != Some(receipt.points) {
                sent.wrong_answers += 1;
                let promised = promised.map_or("none".to_owned(), |points| points.to_string());
                let text = format!(
                    "line {number}: the answer promises {promised} points, the file gives {}",
                    receipt.points
                );
                sent.example(text);
            }
            sent.taken.insert(receipt.key.clone(), *receipt);
        }
        Ok(LineAnswer::Refused { code, detail }) => {
            *sent.refused.entry(code.clone()).or_default() += 1;
            sent.example(format!("line {number}: refused, {code}: {detail}"));
        }
        Err(reason) => {
            sent.failed += 1;
            sent.example(format!("line {number}: failed: {reason}"));
        }
    }
}

async fn send_line(api: &Api, rates: &Rates<'_>, line: Line) -> LineOutcome {
    let started = Instant::now();
    let answer = api.insist(&Method::POST, "/v1/purchases", Some(&line.body)).await;
    let took = started.elapsed();
    let result = match answer {
        Err(error) => Err(error.to_string()),
        Ok(answer) => classify(rates, &line, &answer)
            .await
            .map_err(|error| format!("{error:#}")),
    };
    LineOutcome {
        number: line.number,
        took,
        result,
    }
}

async fn classify(rates: &Rates<'_>, line: &Line, answer: &Answer) -> anyhow::Result<LineAnswer> {
    let new = match answer.status {
        201 => true,
        200 => false,
        400..=499 if answer.status != 429 => {
            return Ok(LineAnswer::Refused {
                code: answer.code(),
                detail: answer.detail(),
            });
        }
        status => anyhow::bail!("{status} {}: {}", answer.code(), answer.detail()),
    };
    let receipt: Value =
        serde_json::from_slice(&line.body).context("the line is no JSON and was taken all the same")?;
    let key = natural_key(&receipt).context("the line has no natural key and was taken all the same")?;
    let answered = answer.body.get("key").and_then(Value::as_str);
    anyhow::ensure!(answered == Some(&key), "the answer is about another receipt");
    let expected = answer.body.get("expected").context("the answer explains no points")?;
    let programme = expected
        .get("programme")
        .and_then(Value::as_str)
        .context("the answer names no programme")?;
    let version = expected.get("programme_version").and_then(Value::as_u64);
    let version = version
        .and_then(|version| u32::try_from(version).ok())
        .context("the answer names no version")?;
    let programme: ProgrammeId = programme.parse().context("the answer names no programme")?;
    let points = rates
        .of(&programme, version)
        .await?
        .points(&receipt)
        .map_err(anyhow::Error::msg)?;
    let has_card = receipt.get("card").is_some_and(Value::is_string);
    let promised = expected.get("points").and_then(Value::as_i64);
    let receipt = Box::new(Taken {
        key,
        points,
        programme,
        version,
        has_card,
    });
    Ok(LineAnswer::Taken { new, receipt, promised })
}
