//! The reconciliation of a journal, for people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::journal::Journal;
use super::send::Sent;
use super::settle::Books;

/// Differences listed; beyond that only their number counts.
const LISTED_MAX: usize = 20;

/// What does not agree.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Differences {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl Differences {
    pub(super) fn add(&mut self, text: String) {
        self.count = self.count.saturating_add(1);
        if self.first.len() < LISTED_MAX {
            self.first.push(text);
        }
    }
}

/// The reconciliation.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether everything agrees.
    pub agrees: bool,
    /// Lines of the file that were sent.
    pub sent: u64,
    /// Lines left over when too many had failed.
    pub not_sent: u64,
    /// Lines that repeat the natural key of an earlier one.
    pub duplicate_lines: u64,
    /// Lines answered 201.
    pub accepted: u64,
    /// Lines answered 200: the receipt was known with the same content.
    pub replayed: u64,
    /// Lines refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Lines without a final answer.
    pub failed: u64,
    /// Answers that promised other points than the file gives.
    pub wrong_answers: u64,
    /// Receipts taken, each counted once.
    pub receipts: u64,
    /// Those of them that belong to an account.
    pub matched: u64,
    /// Those whose card leads to nobody yet.
    pub waiting_for_card: u64,
    /// Those without a card.
    pub without_card: u64,
    /// Points of their ledger entries.
    pub points_posted: String,
    /// The same, recomputed from the file.
    pub points_recomputed: String,
    /// Accounts they belong to.
    pub accounts: u64,
    /// Accounts with other entries, whose vouchers cannot be recomputed from this file alone.
    pub accounts_not_compared: u64,
    /// Vouchers issued on the compared accounts.
    pub vouchers_issued: u64,
    /// The same, recomputed from the file.
    pub vouchers_recomputed: u64,
    /// Entries, vouchers and messages still missing when the wait was given up.
    pub pending: u64,
    /// Messages on the dead-letter queues, by queue; absent where the queues are not known.
    pub dead_letters: BTreeMap<String, u64>,
    /// Lines that failed, were refused or were answered wrongly: the first of them.
    pub examples: Vec<String>,
    /// Receipts and accounts that do not agree.
    pub differences: Differences,
    /// Seconds that the sending took, in thousandths.
    pub send_ms: u64,
    /// Seconds until nothing was pending, in thousandths.
    pub settle_ms: u64,
    /// Answers within this many milliseconds: half, 95 %, 99 % of the lines.
    pub latency_ms: [u64; 3],
}

impl Report {
    pub(super) fn new(sent: Sent, journal: &Journal, books: Books, sending: Duration, settling: Duration) -> Self {
        let refused: u64 = sent.refused.values().sum();
        let dead: BTreeMap<_, _> = books
            .depths
            .into_iter()
            .map(|depth| (depth.queue, depth.messages))
            .collect();
        let agrees = sent.failed == 0
            && count(journal.len()) == sent.lines
            && refused == 0
            && sent.wrong_answers == 0
            && books.differences.count == 0
            && books.posted == books.recomputed
            && books.vouchers == books.vouchers_recomputed
            && books.pending == 0
            && dead.values().all(|messages| *messages == 0);
        Self {
            agrees,
            sent: sent.lines,
            duplicate_lines: count(journal.duplicates()),
            not_sent: count(journal.len()).saturating_sub(sent.lines),
            accepted: sent.accepted,
            replayed: sent.replayed,
            refused: sent.refused,
            failed: sent.failed,
            wrong_answers: sent.wrong_answers,
            receipts: count(sent.taken.len()),
            matched: books.matched,
            waiting_for_card: books.waiting,
            without_card: books.without_card,
            points_posted: books.posted.to_string(),
            points_recomputed: books.recomputed.to_string(),
            accounts: books.accounts,
            accounts_not_compared: books.accounts_not_compared,
            vouchers_issued: books.vouchers,
            vouchers_recomputed: books.vouchers_recomputed,
            pending: books.pending,
            dead_letters: dead,
            examples: sent.examples,
            differences: books.differences,
            send_ms: millis(sending),
            settle_ms: millis(settling),
            latency_ms: quantiles(sent.latencies),
        }
    }

    /// The report for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut rows = vec![
            row("lines sent", self.sent),
            row("  accepted", self.accepted),
            row("  replayed", self.replayed),
        ];
        rows.extend(
            self.refused
                .iter()
                .map(|(code, lines)| row(&format!("  refused: {code}"), lines)),
        );
        rows.push(row("  failed", self.failed));
        if self.not_sent > 0 {
            rows.push(row("lines not sent, too many failed", self.not_sent));
        }
        if self.duplicate_lines > 0 {
            rows.push(row("lines that repeat an earlier receipt", self.duplicate_lines));
        }
        rows.extend([
            row("receipts, each once", self.receipts),
            row("  with an account", self.matched),
            row("  waiting for their card", self.waiting_for_card),
            row("  without a card", self.without_card),
            row("points posted in the ledger", &self.points_posted),
            row("points recomputed from the file", &self.points_recomputed),
            row("accounts", self.accounts),
            row("  not comparable (other entries)", self.accounts_not_compared),
            row("vouchers issued on the others", self.vouchers_issued),
            row("vouchers recomputed from the file", self.vouchers_recomputed),
            row("answers that promise other points", self.wrong_answers),
            row("still pending", self.pending),
        ]);
        match self.dead_letters.is_empty() {
            true => rows.push("dead letters: the queues are not known here; look at their alarms".to_owned()),
            false => rows.extend(self.dead_letters.iter().map(|(queue, messages)| row(queue, messages))),
        }
        let rate = self.sent.saturating_mul(1_000).checked_div(self.send_ms).unwrap_or(0);
        let [half, most, nearly_all] = self.latency_ms;
        rows.push(format!(
            "sent in {} s ({rate} receipts/s; answered within {half} ms p50, {most} ms p95, {nearly_all} ms p99), settled {} s later",
            seconds(self.send_ms),
            seconds(self.settle_ms),
        ));
        rows.extend(self.examples.iter().map(|example| format!("  {example}")));
        rows.extend(
            self.differences
                .first
                .iter()
                .map(|difference| format!("  {difference}")),
        );
        let listed = count(self.differences.first.len());
        if self.differences.count > listed {
            rows.push(format!("  … and {} more differences", self.differences.count - listed));
        }
        let verdict = if self.agrees {
            "Everything agrees."
        } else {
            "This does not agree."
        };
        rows.push(verdict.to_owned());
        rows.join("\n")
    }
}

fn row(what: &str, value: impl std::fmt::Display) -> String {
    format!("{what:<38}{:>14}", value.to_string())
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(millis: u64) -> String {
    format!("{}.{}", millis / 1_000, millis % 1_000 / 100)
}

/// Half, 95 % and 99 % of the values are no greater.
fn quantiles(mut latencies: Vec<Duration>) -> [u64; 3] {
    latencies.sort_unstable();
    [50, 95, 99].map(|percent| {
        let at = (latencies.len() * percent).div_ceil(100).saturating_sub(1);
        latencies.get(at).map_or(0, |latency| millis(*latency))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(change: impl FnOnce(&mut Sent, &mut Books)) -> Report {
        let mut sent = Sent {
            lines: 2,
            accepted: 2,
            ..Sent::default()
        };
        let mut books = Books {
            matched: 2,
            posted: 30,
            recomputed: 30,
            ..Books::default()
        };
        change(&mut sent, &mut books);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{}\n{}\n").unwrap();
        let journal = Journal::open(file.path()).unwrap();
        let (sending, settling) = (Duration::from_millis(1_500), Duration::from_millis(40));
        Report::new(sent, &journal, books, sending, settling)
    }

    #[test]
    fn whatever_does_not_agree_is_a_difference() {
        assert!(report(|_, _| {}).agrees);
        let depth = |messages| super::super::super::target::Depth {
            queue: "PostingDeadLetters".into(),
            messages,
        };
        assert!(report(|_, books| books.depths.push(depth(0))).agrees);
        assert!(!report(|_, books| books.depths.push(depth(1))).agrees);
        assert!(!report(|_, books| books.posted = 29).agrees);
        assert!(!report(|_, books| books.vouchers = 1).agrees);
        assert!(!report(|_, books| books.pending = 1).agrees);
        assert!(!report(|_, books| books.differences.add("x".into())).agrees);
        assert!(!report(|sent, _| sent.failed = 1).agrees);
        assert!(!report(|sent, _| sent.lines = 1).agrees);
        assert!(!report(|sent, _| sent.wrong_answers = 1).agrees);
        let refused = report(|sent, _| sent.refused = BTreeMap::from([("invalid".to_owned(), 1)]));
        assert!(!refused.agrees);
        assert!(refused.text().contains("refused: invalid"));
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let all = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(quantiles(all), [50, 95, 99]);
        assert_eq!(quantiles(vec![Duration::from_millis(7)]), [7, 7, 7]);
        assert_eq!(quantiles(Vec::new()), [0, 0, 0]);
    }
}
