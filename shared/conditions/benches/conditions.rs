//! Evaluations per second on one core, beside the interpreter of the `cel` crate on the same conditions and facts.
//!
//! `cargo bench -p conditions`. The typical condition has a target; the reference tells a slow machine from a slow evaluator.
//! It gets its facts once, before the clock runs. Rounds are taken in turn, so that a disturbance meets both, and the median
//! of the rounds counts.

#![allow(clippy::expect_used, reason = "a bench ends where something is wrong")]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cel::{Context, Program, Value};
use conditions::{Condition, Fact, Facts, Field, Schema, Texts, Type};

/// Evaluations per second and core that a typical condition must reach.
const TARGET: u64 = 1_000_000;
/// Rounds of which the median counts.
const ROUNDS: usize = 5;
/// How long a round lasts at least.
const ROUND: Duration = Duration::from_millis(300);
/// Evaluations between two looks at the clock.
const BATCH: u64 = 1_000;

const FIELDS: &[Field] = &[
    Field {
        name: "receipt.store",
        kind: Type::Text,
        doc: "branch",
    },
    Field {
        name: "receipt.weekday",
        kind: Type::Int,
        doc: "1 is Monday",
    },
    Field {
        name: "receipt.total",
        kind: Type::Int,
        doc: "in cents",
    },
    Field {
        name: "receipt.date",
        kind: Type::Text,
        doc: "2026-11-24",
    },
    Field {
        name: "line.group",
        kind: Type::Text,
        doc: "group of goods",
    },
    Field {
        name: "line.quantity",
        kind: Type::Int,
        doc: "pieces",
    },
    Field {
        name: "party.tags",
        kind: Type::Texts,
        doc: "marks",
    },
];
const SCHEMA: Schema = Schema::new(FIELDS, 50);
const TAGS: [&str; 10] = [
    "gift", "news", "vip", "paper", "toys", "garden", "school", "office", "craft", "kitchen",
];

/// A Saturday's receipt.
struct Saturday;

impl Facts for Saturday {
    fn fact(&self, field: usize) -> Fact<'_> {
        match field {
            0 => Fact::Text("B07"),
            1 => Fact::Int(6),
            2 => Fact::Int(12_990),
            3 => Fact::Text("2026-11-28"),
            4 => Fact::Text("paper"),
            5 => Fact::Int(3),
            6 => Fact::Texts(Texts::Borrowed(&TAGS)),
            _ => Fact::Unset,
        }
    }
}

/// The same facts as the reference takes them.
fn reference_facts() -> Context<'static, 'static> {
    let mut groups: HashMap<&str, HashMap<&str, Value>> = HashMap::new();
    for (index, field) in FIELDS.iter().enumerate() {
        let (group, name) = field.name.split_once('.').expect("a name of two parts");
        let value = match Saturday.fact(index) {
            Fact::Int(value) => value.into(),
            Fact::Text(value) => value.into(),
            _ => TAGS.to_vec().into(),
        };
        groups.entry(group).or_default().insert(name, value);
    }
    let mut context = Context::default();
    for (group, values) in groups {
        context.add_variable_from_value(group, Value::from(values));
    }
    context
}

/// All of its 20 comparisons must be made.
fn twenty_comparisons() -> String {
    let five = r#"receipt.store != "B01" && receipt.weekday >= 6 && receipt.total < 100000 && line.group == "paper" && receipt.date > "2026-11-01""#;
    [five; 4].join(" && ")
}

/// Evaluations per second of one round.
fn rate(mut evaluate: impl FnMut() -> bool) -> u64 {
    let started = Instant::now();
    let mut evaluations: u64 = 0;
    while started.elapsed() < ROUND {
        for _ in 0..BATCH {
            assert!(evaluate(), "every condition of the bench holds");
        }
        evaluations += BATCH;
    }
    let nanoseconds = u64::try_from(started.elapsed().as_nanos()).expect("a short round");
    evaluations.saturating_mul(1_000_000_000) / nanoseconds
}

fn median(mut rates: Vec<u64>) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

fn measure(source: &str) -> (u64, u64) {
    let condition = Condition::compile(source, &SCHEMA).expect("a condition");
    let (program, facts) = (Program::compile(source).expect("CEL"), reference_facts());
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(rate(|| black_box(&condition).holds(black_box(&Saturday)) == Ok(true)));
        reference.push(rate(|| {
            black_box(&program).execute(black_box(&facts)) == Ok(Value::Bool(true))
        }));
    }
    (median(ours), median(reference))
}

fn main() {
    let cases = [
        (
            "typical",
            r#"line.group == "paper" && receipt.store in ["B01", "B07"] && receipt.weekday >= 6"#.to_owned(),
            Some(TARGET),
        ),
        ("20 comparisons", twenty_comparisons(), None),
        (
            "list of 10",
            r#"party.tags.exists(tag, tag == "kitchen") && party.tags.all(tag, size(tag) > 2)"#.to_owned(),
            None,
        ),
    ];
    println!("evaluations per second and core, median of {ROUNDS} rounds\n");
    println!(
        "{:<16}{:>14}{:>14}{:>14}{:>8}  target",
        "condition", "conditions", "cel crate", "ns each", "times"
    );
    for (name, source, target) in cases {
        let (ours, reference) = measure(&source);
        let verdict = match target {
            Some(target) if ours >= target => format!("{target}, reached"),
            Some(target) => format!("{target}, MISSED"),
            None => "-".to_owned(),
        };
        println!(
            "{name:<16}{ours:>14}{reference:>14}{:>14}{:>8}  {verdict}",
            1_000_000_000 / ours.max(1),
            ours / reference.max(1)
        );
    }
}
