//! Measures the keys and the ranking offline, over the synthetic Swiss customers, which lie outside of the repository.
//!
//! `cargo run --release -p search --example measure -- [times] [seed] [queries]`: with `times` 10 each customer is joined by
//! nine made of the names, postcodes, e-mails and phones of others, so that lists are as long as with two million.

mod typed;

use std::collections::HashMap;
use std::process::{Command, ExitCode};
use std::time::Instant;

use search::print::{BITS, PAGE, likeness, of_list};
use search::query::{READS_FIRST, READS_MAX};
use search::{Name, Place, Query, Searchable, keys, rank};
use typed::{Equal, KINDS, hash};

/// Beside the repository.
const DATA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/duplicates/synth_ch_200000.csv.gz"
);
/// Parties looked at for one query, as the store has it.
const LOOKED_AT: usize = 80;

fn main() -> ExitCode {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let argument = |at: usize, default| arguments.get(at).copied().unwrap_or(default);
    let (times, seed, queries) = (argument(0, 1), argument(1, 20_261_124), argument(2, 1_000));
    let Some(mut parties) = load() else {
        println!("not measured: there is no {DATA} on this machine");
        return ExitCode::SUCCESS;
    };
    let mut random = fastrand::Rng::with_seed(seed);
    println!(
        "seed {seed}, {queries} queries, {} customers, {times} times",
        parties.len()
    );
    multiply(&mut parties, times, &mut random);
    let index = Index::of(&parties);
    index.lengths();
    if std::env::var_os("KINDS").is_some() {
        Index::kinds(&parties);
    }
    let equal = Equal::of(&parties);
    let mut tally: HashMap<&str, Tally> = HashMap::new();
    let mut asked = 0;
    while asked < queries {
        let kind = KINDS[usize::try_from(asked).unwrap_or(0) % KINDS.len()];
        let party = random.usize(..parties.len());
        let Some(wanted) = kind.fields(&parties[party]) else {
            continue;
        };
        if !equal.can_be_ranked(kind, &parties[party]) {
            continue;
        }
        asked += 1;
        let text = kind.typed(&wanted, &mut random);
        let answer = index.search(&text, &parties);
        let at = answer.found.iter().position(|found| *found == party);
        if std::env::var_os("SHOW").is_some() && at.is_none_or(|at| at >= 10) {
            println!(
                "missed {kind:?} {wanted:?} typed {text:?} rank {at:?} candidates {}",
                answer.candidates
            );
        }
        for name in [kind.name(), "all"] {
            tally.entry(name).or_default().count(at, &answer);
        }
    }
    let mut names: Vec<_> = tally.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        tally[name].print(name);
    }
    ExitCode::SUCCESS
}

fn load() -> Option<Vec<Searchable>> {
    if !std::path::Path::new(DATA).exists() {
        return None;
    }
    let unpacked = Command::new("gzip").args(["-dc", DATA]).output().expect("gzip runs");
    let mut reader = csv::Reader::from_reader(unpacked.stdout.as_slice());
    let rows = reader.records().map(|row| row.expect("a row"));
    let rows: Vec<_> = rows.collect();
    // The data has no towns; each needs an entry all the same.
    let town = |postcode: &str| rows[postcode.parse::<usize>().unwrap_or(0)][2].to_owned();
    Some(
        rows.iter()
            .map(|row| Searchable {
                names: vec![Name::Person(row[1].to_owned(), row[2].to_owned())],
                places: vec![Place {
                    postcode: row[4].to_owned(),
                    town: town(&row[4]),
                }],
                emails: [&row[7]]
                    .into_iter()
                    .filter(|e| !e.is_empty())
                    .map(str::to_owned)
                    .collect(),
                phones: [&row[8]]
                    .into_iter()
                    .filter(|p| !p.is_empty())
                    .map(str::to_owned)
                    .collect(),
                external_ids: Vec::new(),
            })
            .collect(),
    )
}

/// Adds parties made of the fields of others.
fn multiply(parties: &mut Vec<Searchable>, times: u64, random: &mut fastrand::Rng) {
    let count = parties.len();
    for _ in 1..times {
        for _ in 0..count {
            let mut other = || &parties[random.usize(..count)];
            let (Name::Person(given, _), Name::Person(_, family)) = (&other().names[0], &other().names[0]) else {
                continue;
            };
            let (given, family) = (given.clone(), family.clone());
            let email = format!("{given}.{family}{}@example.ch", random.u32(..1_000_000));
            let phone = format!("+417{:08}", random.u32(..100_000_000));
            let mut other = || &parties[random.usize(..count)];
            let made = Searchable {
                names: vec![Name::Person(given, family)],
                places: other().places.clone(),
                emails: other().emails.iter().map(|_| email.clone()).collect(),
                phones: other().phones.iter().map(|_| phone.clone()).collect(),
                external_ids: Vec::new(),
            };
            parties.push(made);
        }
    }
}

fn print_of(features: &[String]) -> u128 {
    features
        .iter()
        .fold(0, |print, feature| print | 1 << (hash(feature) % u64::from(BITS)))
}

type Order = [u8; keys::EMAIL_REFINE_MAX];

fn order(refine: &str) -> Order {
    let mut order = [0; keys::EMAIL_REFINE_MAX];
    order.iter_mut().zip(refine.bytes()).for_each(|(to, from)| *to = from);
    order
}

struct Index {
    entries: Vec<(u64, Order, u32)>,
    prints: Vec<u128>,
    per_party: (usize, usize, usize),
}

struct Answer {
    found: Vec<usize>,
    reads: usize,
    units: f64,
    candidates: usize,
    seconds: f64,
}

impl Index {
    fn of(parties: &[Searchable]) -> Self {
        let mut index = Self {
            entries: Vec::new(),
            prints: Vec::new(),
            per_party: (0, 0, 0),
        };
        for (at, party) in parties.iter().enumerate() {
            let mut keys = keys::keys(party);
            if let Ok(d) = std::env::var("DROP") {
                keys.retain(|k| !d.split(',').any(|d| k.key.starts_with(&format!("{d}|"))));
            }
            index.per_party.0 += keys.len();
            index.per_party.1 = index.per_party.1.max(keys.len());
            index.per_party.2 += usize::from(keys.len() > 14);
            let entry = |key: search::Entry| (hash(&key.key), order(&key.refine), u32::try_from(at).unwrap());
            index.entries.extend(keys.into_iter().map(entry));
            index.prints.push(print_of(&keys::features(party)));
        }
        index.entries.sort_unstable();
        index
    }

    /// Lengths by the kind of list.
    fn kinds(parties: &[Searchable]) {
        let mut kinds: HashMap<String, HashMap<u64, usize>> = HashMap::new();
        for entry in parties.iter().flat_map(keys::keys) {
            let kind = entry.key.split('|').next().unwrap_or("").to_owned();
            *kinds.entry(kind).or_default().entry(hash(&entry.key)).or_default() += 1;
        }
        for (kind, lists) in kinds {
            let all: usize = lists.values().sum();
            let long: usize = lists.values().filter(|length| **length > PAGE).sum();
            println!(
                "  {kind:3} {:.2} per party, longest {}, {:.1} % in lists over {PAGE}",
                all as f64 / parties.len() as f64,
                lists.values().max().unwrap_or(&0),
                100.0 * long as f64 / all as f64
            );
        }
    }

    fn lengths(&self) {
        let mut lengths: Vec<usize> = self.entries.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len).collect();
        lengths.sort_unstable();
        let entries = self.entries.len();
        println!(
            "entries per party: mean {:.2}, max {}, {:.2} % have more than 14; lists {}: p50 {} p99 {} p99.9 {} max {}; entries in lists over {PAGE}: {:.1} %",
            self.per_party.0 as f64 / self.prints.len() as f64,
            self.per_party.1,
            100.0 * self.per_party.2 as f64 / self.prints.len() as f64,
            lengths.len(),
            lengths[lengths.len() / 2],
            lengths[lengths.len() * 99 / 100],
            lengths[lengths.len() * 999 / 1000],
            lengths[lengths.len() - 1],
            100.0 * lengths.iter().filter(|l| **l > PAGE).sum::<usize>() as f64 / entries as f64,
        );
    }

    fn search(&self, text: &str, parties: &[Searchable]) -> Answer {
        let began = Instant::now();
        let query = Query::parse(text);
        let print = print_of(&query.features());
        let mut candidates: HashMap<u32, (bool, u32)> = HashMap::new();
        let (mut reads, mut units) = (0, 0.0);
        let mut page = |key: &str, refine: &str, exact: bool| {
            let (key, prefix) = (hash(key), refine.as_bytes());
            let from = self
                .entries
                .partition_point(|entry| (entry.0, entry.1) < (key, order(refine)));
            let page = self.entries[from..]
                .iter()
                .take_while(|entry| entry.0 == key && entry.1.starts_with(prefix))
                .take(PAGE);
            let page: Vec<_> = page.collect();
            for entry in &page {
                let (is_exact, lists) = candidates.entry(entry.2).or_default();
                *is_exact |= exact;
                *lists += of_list(page.len());
            }
            reads += 1;
            units += 0.5 * (page.len() as f64 * 130.0 / 4096.0).ceil().max(1.0);
            page.len() == PAGE
        };
        let planned = query.reads();
        let (first, later) = planned.split_at(planned.len().min(READS_FIRST));
        let mut left = READS_MAX - first.len();
        let cut: Vec<_> = first
            .iter()
            .filter(|read| page(&read.key, &read.refine, read.exact))
            .collect();
        for read in cut {
            if let Some(refine) = read.narrower.as_ref().filter(|_| left > 0) {
                page(&read.key, refine, false);
                left -= 1;
            }
        }
        for read in later.iter().take(left) {
            page(&read.key, &read.refine, read.exact);
        }
        let all = candidates.len();
        let mut likely: Vec<_> = candidates
            .into_iter()
            .map(|(party, (exact, lists))| {
                let likeness = likeness(print, self.prints[party as usize]) + lists;
                ((exact, likeness), party)
            })
            .collect();
        likely.sort_unstable_by(|a, b| b.cmp(a));
        likely.truncate(LOOKED_AT);
        units += 0.5 * likely.len() as f64;
        let mut fits: Vec<_> = likely
            .iter()
            .filter_map(|(_, party)| Some((rank::compare(&query, &parties[*party as usize])?.score, *party)))
            .collect();
        fits.sort_by_key(|(score, party)| (std::cmp::Reverse(*score), *party));
        Answer {
            found: fits.into_iter().map(|(_, party)| party as usize).collect(),
            reads,
            units,
            candidates: all,
            seconds: began.elapsed().as_secs_f64(),
        }
    }
}

#[derive(Default)]
struct Tally {
    asked: usize,
    found: usize,
    first: usize,
    reads: Vec<usize>,
    units: Vec<f64>,
    seconds: Vec<f64>,
}

impl Tally {
    fn count(&mut self, at: Option<usize>, answer: &Answer) {
        self.asked += 1;
        self.found += usize::from(at.is_some_and(|at| at < 10));
        self.first += usize::from(at == Some(0));
        self.reads.push(answer.reads);
        self.units.push(answer.units);
        self.seconds.push(answer.seconds);
    }

    fn print(&self, name: &str) {
        let p99 = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            values[values.len() * 99 / 100]
        };
        println!(
            "{name:28} asked {:5} in first ten {:5.1} % first {:5.1} % lists read {:.1} (max {}) units mean {:.1} p99 {:.1} ms p99 {:.2}",
            self.asked,
            100.0 * self.found as f64 / self.asked as f64,
            100.0 * self.first as f64 / self.asked as f64,
            self.reads.iter().sum::<usize>() as f64 / self.asked as f64,
            self.reads.iter().max().unwrap(),
            self.units.iter().sum::<f64>() / self.asked as f64,
            p99(&self.units),
            1_000.0 * p99(&self.seconds),
        );
    }
}
