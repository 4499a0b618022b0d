//! What must exist before a journal: a programme, locations, customers, cards.
//!
//! JSON Lines of `{"method", "path", "body", "as"}`. Consecutive lines of the same method and collection (`PUT
//! /v1/locations/…`) run at the same time, up to the concurrency; the next kind begins when all of them are done. The answer
//! of a line with `as` is kept under that name, and a string `"${name.field}"` in the body of a later line stands for a field
//! of it. Every call is one that may be repeated, so that a setup can be run again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use bytes::Bytes;
use futures::stream::{self, TryStreamExt};
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::super::http::Api;
use super::super::progress::Bar;

/// Most lines of a setup; they are held in memory.
const LINES_MAX: usize = 2_000_000;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    method: String,
    path: String,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default, rename = "as")]
    name: Option<String>,
}

impl Step {
    /// What may run at the same time.
    fn kind(&self) -> (&str, &str) {
        let collection = self.path.split('/').nth(2).unwrap_or_default();
        (&self.method, collection)
    }
}

/// The steps of a setup, checked.
#[derive(Debug)]
pub(super) struct Setup(Vec<(usize, Step)>);

impl Setup {
    /// Reads the file.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let mut steps = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = index + 1;
            let step: Step = serde_json::from_str(line).with_context(|| format!("{shown}:{number}"))?;
            let known = ["POST", "PUT"].contains(&step.method.as_str()) && step.path.starts_with("/v1/");
            anyhow::ensure!(known, "{shown}:{number}: a step is a POST or PUT to a path under /v1/");
            anyhow::ensure!(
                steps.len() < LINES_MAX,
                "{shown} has more than {LINES_MAX} lines: split it"
            );
            steps.push((number, step));
        }
        Ok(Self(steps))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Does the steps. The first that is refused ends the setup.
    pub(super) async fn run(&self, api: &Api, concurrency: usize, bar: &Bar) -> anyhow::Result<()> {
        let kept: Mutex<HashMap<String, Value>> = Mutex::new(HashMap::new());
        for group in self.0.chunk_by(|(_, a), (_, b)| a.kind() == b.kind()) {
            stream::iter(group.iter().map(Ok))
                .try_for_each_concurrent(concurrency, |(number, step)| {
                    let kept = &kept;
                    async move {
                        do_step(api, step, kept)
                            .await
                            .with_context(|| format!("line {number} of the setup"))?;
                        bar.inc(1);
                        anyhow::Ok(())
                    }
                })
                .await?;
        }
        Ok(())
    }
}

async fn do_step(api: &Api, step: &Step, kept: &Mutex<HashMap<String, Value>>) -> anyhow::Result<()> {
    let body = {
        let kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        step.body.clone().map(|body| filled(body, &kept)).transpose()?
    };
    let method: Method = step.method.parse().context("no HTTP method")?;
    let bytes = body.map(|body| Bytes::from(body.to_string()));
    let answer = api.insist(&method, &step.path, bytes.as_ref()).await?;
    anyhow::ensure!(
        answer.is_success(),
        "refused with {} {}: {}",
        answer.status,
        answer.code(),
        answer.detail()
    );
    if let Some(name) = &step.name {
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.insert(name.clone(), answer.body);
    }
    Ok(())
}

/// The body with its `${name.field}` strings replaced.
fn filled(body: Value, kept: &HashMap<String, Value>) -> anyhow::Result<Value> {
    Ok(match body {
        Value::String(text) => match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(place) => {
                let (name, field) = place.split_once('.').context("a placeholder is ${name.field}")?;
                let answer = kept
                    .get(name)
                    .with_context(|| format!("no earlier line is called {name}"))?;
                answer
                    .get(field)
                    .with_context(|| format!("the answer of {name} has no {field}"))?
                    .clone()
            }
            None => Value::String(text),
        },
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| filled(item, kept))
                .collect::<anyhow::Result<_>>()?,
        ),
        Value::Object(fields) => {
            let fill = |(name, value)| anyhow::Ok((name, filled(value, kept)?));
            Value::Object(fields.into_iter().map(fill).collect::<anyhow::Result<_>>()?)
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn setup(text: &str) -> anyhow::Result<Setup> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Setup::open(file.path())
    }

    #[test]
    fn a_later_line_uses_what_an_earlier_one_was_answered() {
        let kept = HashMap::from([("h1".to_owned(), json!({"party_id": "p-1"}))]);
        let body = json!({"number": "2600000000017", "party_id": "${h1.party_id}", "list": ["${h1.party_id}", 1]});
        let want = json!({"number": "2600000000017", "party_id": "p-1", "list": ["p-1", 1]});
        assert_eq!(filled(body, &kept).unwrap(), want);
        assert!(filled(json!("${h2.party_id}"), &kept).is_err());
        assert!(filled(json!("${h1.name}"), &kept).is_err());
    }

    #[test]
    fn what_is_no_step_is_refused_with_its_line() {
        let good = r#"{"method":"PUT","path":"/v1/locations/B01","body":{}}"#;
        assert_eq!(setup(&format!("{good}\n\n{good}\n")).unwrap().len(), 2);
        for bad in [
            r#"{"method":"DELETE","path":"/v1/cards"}"#,
            r#"{"method":"PUT","path":"/x"}"#,
            "{",
            r#"{"path":1}"#,
        ] {
            let error = format!("{:#}", setup(&format!("{good}\n{bad}")).unwrap_err());
            assert!(error.contains(":2"), "{error}");
        }
    }

    #[test]
    fn lines_of_one_collection_belong_together() {
        let step = |path: &str| Step {
            method: "PUT".into(),
            path: path.into(),
            body: None,
            name: None,
        };
        assert_eq!(step("/v1/locations/B01").kind(), step("/v1/locations/B02").kind());
        assert_ne!(step("/v1/locations/B01").kind(), step("/v1/programmes/x").kind());
    }
}
